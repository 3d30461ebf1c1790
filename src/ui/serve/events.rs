//! Events: what the watch tells, sent on to every page that listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::commands::Monitor;
use crate::commands::board;
use crate::commands::watch::Watch;

use super::super::seat::Seat;

/// How many events may wait for a page that does not read them; after more it is told that it missed some.
const WAITING: usize = 256;

/// So often a page that hears nothing is told that there is nothing, so that either side sees when the other is gone.
const QUIET: Duration = Duration::from_secs(20);

/// Sends what happens to all who listen.
#[derive(Clone)]
pub struct Hub {
    sender: broadcast::Sender<Arc<str>>,
    /// Why events do not come, if they do not.
    broken: Arc<Mutex<Option<String>>>,
    /// Whether the watch has begun: from then on everything is told.
    begun: Arc<AtomicBool>,
    ending: watch::Receiver<bool>,
}

impl Hub {
    /// A hub that nobody listens to yet. It ends what it sends when `ending` becomes true.
    pub fn new(ending: watch::Receiver<bool>) -> Hub {
        Hub { sender: broadcast::Sender::new(WAITING), broken: Arc::default(), begun: Arc::default(), ending }
    }

    /// Begins to watch: notices of the ledger's watch, and steps in reviews, each in a thread of its own that ends with
    /// the process.
    pub fn watch(&self, seat: &Seat) {
        let (hub, at) = (self.clone(), seat.clone());
        thread::spawn(move || {
            let told = Watch { since: None }.run(&at.context(&hub));
            hub.ended(told.map(drop));
        });
        let (hub, at) = (self.clone(), seat.clone());
        thread::spawn(move || {
            let tell = |tasks: &[_]| {
                hub.send("review", &serde_json::json!({ "tasks": tasks }).to_string());
                hub.goes_on()
            };
            let followed = board::follow_reviews(&at.context(&hub), tell);
            hub.ended(followed);
        });
    }

    fn goes_on(&self) -> bool {
        !*self.ending.borrow()
    }

    fn ended(&self, result: Result<(), Failure>) {
        if let (Err(failure), true) = (result, self.goes_on()) {
            let why = failure.to_string();
            *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
            self.send("broken", &serde_json::json!({ "why": why }).to_string());
        }
    }

    /// Sends one event; `data` is one line.
    fn send(&self, name: &str, data: &str) {
        // An error is that nobody listens.
        let _ = self.sender.send(frame(name, data));
    }

    /// The body of an answer that goes on until the page or the server ends.
    pub fn body(&self) -> Body {
        // Before the state is looked at, so that nothing falls between.
        let events = self.sender.subscribe();
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = match broken {
            Some(why) => frame("broken", &serde_json::json!({ "why": why }).to_string()),
            None => {
                let begun = self.begun.load(Ordering::SeqCst);
                frame("listening", &serde_json::json!({ "begun": begun }).to_string())
            }
        };
        let listener = Listener { first: Some(first), events, ending: self.ending.clone() };
        let frames = stream::unfold(listener, |mut listener| async {
            let frame = listener.next().await?;
            Some((Ok::<String, Infallible>(frame.to_string()), listener))
        });
        Body::from_stream(frames)
    }
}

impl Monitor for Hub {
    fn note(&self, text: &str) {
        self.send("note", &serde_json::json!({ "text": text }).to_string());
    }

    fn line(&self, line: &str) -> Result<bool, FileError> {
        // The watch's first line says that it has begun.
        self.begun.store(true, Ordering::SeqCst);
        self.send("notice", line.trim_end());
        Ok(self.goes_on())
    }
}

/// One event as it is sent.
fn frame(name: &str, data: &str) -> Arc<str> {
    format!("event: {name}\ndata: {data}\n\n").into()
}

struct Listener {
    first: Option<Arc<str>>,
    events: broadcast::Receiver<Arc<str>>,
    ending: watch::Receiver<bool>,
}

impl Listener {
    /// What is sent next; nothing at the end.
    async fn next(&mut self) -> Option<Arc<str>> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        tokio::select! {
            _ = self.ending.wait_for(|ending| *ending) => None,
            event = self.events.recv() => match event {
                Ok(event) => Some(event),
                Err(RecvError::Lagged(_)) => Some(frame("missed", "{}")),
                Err(RecvError::Closed) => None,
            },
            () = tokio::time::sleep(QUIET) => Some(": nothing\n\n".into()),
        }
    }
}
