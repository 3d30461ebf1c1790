//! Jobs: commands run for requests, each on a thread that may wait, with one writer at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Mutex;
use tokio::sync::Semaphore;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::Context;
use crate::commands::Outcome;

use super::super::crash;
use super::super::json::Answer;
use super::super::json::Problem;
use super::super::seat::Notes;
use super::super::seat::Seat;

/// Which others a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// It reads: a few at once.
    Read,
    /// It may change something: one after the other.
    Write,
    /// It runs a person's command, perhaps for long: one after the other, beside those that write.
    Test,
}

/// So many jobs read at once.
const READERS: usize = 4;

/// So long a job waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Another job does not end.
#[derive(Debug, thiserror::Error)]
#[error("another request is at work since {} seconds", PATIENCE.as_secs())]
struct Busy;

impl Explain for Busy {
    fn kind(&self) -> Kind {
        Kind::Held
    }

    fn hints(&self) -> Vec<String> {
        vec!["wait until it has ended, then ask again".to_owned()]
    }
}

/// Runs jobs.
pub struct Jobs {
    seat: Seat,
    readers: Arc<Semaphore>,
    writer: Arc<Mutex<()>>,
    tester: Arc<Mutex<()>>,
}

/// The status and the one line of JSON that a job is answered with.
pub type Said = (StatusCode, String);

impl Jobs {
    /// None yet.
    pub fn of(seat: Seat) -> Jobs {
        let readers = Arc::new(Semaphore::new(READERS));
        Jobs { seat, readers, writer: Arc::default(), tester: Arc::default() }
    }

    /// Runs one to its end, whether or not anybody still waits for the answer, which is that of `--json`.
    pub async fn run(
        &self,
        name: &'static str,
        lane: Lane,
        job: impl FnOnce(&Context<'_>) -> Result<Outcome, Failure> + Send + 'static,
    ) -> Said {
        let turn = tokio::time::timeout(PATIENCE, self.turn(lane)).await;
        let Ok(turn) = turn else { return failed(Some(name), &Busy.into()) };
        let seat = self.seat.clone();
        let ended = tokio::task::spawn_blocking(move || {
            // Kept until the job has ended.
            let _turn = turn;
            let notes = Notes::default();
            let answer = job(&seat.context(&notes));
            said(name, answer, notes.said())
        });
        ended.await.unwrap_or_else(|error| {
            let message = match error.try_into_panic() {
                Ok(payload) => crash::message(&*payload),
                Err(error) => error.to_string(),
            };
            let problem = Problem::plain(Kind::Bug, message, crash::hints());
            (StatusCode::INTERNAL_SERVER_ERROR, Answer::failed(Some(name), problem).line())
        })
    }

    async fn turn(&self, lane: Lane) -> Box<dyn Send> {
        match lane {
            Lane::Read => Box::new(Arc::clone(&self.readers).acquire_owned().await),
            Lane::Write => Box::new(Arc::clone(&self.writer).lock_owned().await),
            Lane::Test => Box::new(Arc::clone(&self.tester).lock_owned().await),
        }
    }
}

/// The answer of a command, with what it said beside it.
fn said(name: &'static str, answer: Result<Outcome, Failure>, notes: Vec<String>) -> Said {
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(failure) => return failed(Some(name), &failure),
    };
    let mut value = serde_json::to_value(Answer::of(name, &outcome)).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("notes".to_owned(), notes.into());
    }
    (StatusCode::OK, format!("{value}\n"))
}

/// A failure.
pub fn failed(name: Option<&str>, failure: &Failure) -> Said {
    let status = match failure.kind() {
        Kind::Usage => StatusCode::BAD_REQUEST,
        Kind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Held | Kind::Conflict | Kind::Fenced => StatusCode::CONFLICT,
        Kind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Answer::failed(name, Problem::from(failure)).line())
}
