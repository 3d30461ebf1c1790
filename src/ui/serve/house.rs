//! The house: puts door, guard, jobs and events together, says where it is, and closes when told to.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::commands::Context;
use crate::commands::Outcome;
use crate::commands::board;

use super::super::json::Answer;
use super::super::seat::Seat;
use super::door;
use super::events::Hub;
use super::guard::Guard;
use super::guard::Token;
use super::jobs::Jobs;
use super::routes;
use super::routes::Shared;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
enum HouseError {
    #[error("cannot listen at port {0} of this machine")]
    Port(u16, #[source] std::io::Error),
    #[error("the system gives no random numbers for the token")]
    Chance(#[source] getrandom::Error),
    #[error("cannot serve")]
    Runtime(#[source] std::io::Error),
}

impl Explain for HouseError {
    fn kind(&self) -> Kind {
        match self {
            HouseError::Port(_, error) if error.kind() == std::io::ErrorKind::AddrInUse => Kind::Held,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            HouseError::Port(..) => vec!["any that is free: git odyssey serve".to_owned()],
            HouseError::Chance(_) | HouseError::Runtime(_) => Vec::new(),
        }
    }
}

/// Serves at a port, or at any that is free for 0, until a signal ends it.
///
/// # Errors
/// When the repository is not prepared, or the port is taken.
pub fn run(context: &Context<'_>, port: u16) -> Result<Outcome, Failure> {
    board::need(context)?;
    let token = Token::new().map_err(HouseError::Chance)?;
    let seat = Seat::of(context);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HouseError::Runtime)?;
    runtime.block_on(async {
        let taken = |error| HouseError::Port(port, error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
        let port = listener.local_addr().map_err(taken)?.port();
        let (end, ending) = watch::channel(false);
        let hub = Hub::new(ending.clone());
        hub.watch(&seat);
        let guard = Guard::of(port, token.clone());
        let router = routes::routes(Arc::new(Shared { guard, jobs: Jobs::of(seat), hub }));
        tell(context, port, &token)?;
        let served = door::keep(listener, router, ending);
        tokio::pin!(served);
        tokio::select! {
            () = &mut served => {}
            told = told_to_end() => {
                told.map_err(HouseError::Runtime)?;
                // Only without a receiver could it fail, and then nothing is served any more.
                let _ = end.send(true);
                tokio::select! {
                    () = served => {}
                    // Told twice: whoever waits is not waited for. A job that is under way goes on to its end.
                    _ = told_to_end() => {}
                }
            }
        }
        Ok::<(), Failure>(())
    })?;
    let mut outcome = Outcome::new(Page::default(), &serde_json::Value::Null);
    outcome.given = true;
    Ok(outcome)
}

/// Waits for Ctrl-C, or for the signal by which a service is stopped.
#[cfg(unix)]
async fn told_to_end() -> std::io::Result<()> {
    let mut stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        told = tokio::signal::ctrl_c() => told,
        _ = stop.recv() => Ok(()),
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn told_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Says where the page is: on standard output the address alone, or one object.
fn tell(context: &Context<'_>, port: u16, token: &Token) -> Result<(), Failure> {
    let url = format!("http://127.0.0.1:{port}/#token={}", token.reveal());
    let line = if context.json {
        let outcome = Outcome::new(Page::default(), &serde_json::json!({ "url": url, "port": port }));
        Answer::of("serve", &outcome).line().trim_end().to_owned()
    } else {
        context.monitor.note("open this address in a browser of this machine; Ctrl-C ends it");
        url
    };
    context.monitor.line(&line)?;
    Ok(())
}
