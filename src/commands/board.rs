//! The board: what a page shows of everything that is live, as facts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::holder::Holder;
use crate::domain::judge::Actor;
use crate::domain::review::Purpose;
use crate::domain::review::Stage;
use crate::domain::task::TaskName;
use crate::ledger::error::LedgerError;
use crate::ledger::history;
use crate::ledger::history::Past;
use crate::ledger::reviews;

use super::Context;
use super::Outcome;
use super::land;
use super::session::Session;
use super::status;
use super::status::Row;
use super::watch::NoRuntime;
use super::watch::wakes::Wakes;

mod map;

use map::Map;

/// How many of the latest events are on the board.
const EVENTS: usize = 30;

/// Everything that is live.
#[derive(Debug, serde::Serialize)]
struct Board {
    /// The main checkout, or the bare repository.
    home: PathBuf,
    /// Who decides here.
    who: String,
    /// The time on the board.
    now: Timestamp,
    /// The branch that tasks land on, as people write it.
    target: String,
    /// The policy's check, as one would type it.
    check: Option<String>,
    /// All tasks.
    tasks: Vec<Row>,
    /// The reviews that go on.
    reviews: Vec<ReviewRow>,
    /// The latest events, newest first.
    events: Vec<Past>,
    /// Who holds what of the target's files.
    map: Map,
}

/// One review that goes on.
#[derive(Debug, serde::Serialize)]
struct ReviewRow {
    /// The task.
    task: TaskName,
    /// What it is for.
    purpose: Purpose,
    /// How many decisions it holds.
    decided: usize,
}

/// Whether there is a board to show: the repository is prepared, and its policy can be read.
///
/// # Errors
/// When it is not.
pub fn need(context: &Context<'_>) -> Result<(), Failure> {
    let session = Session::open(context)?;
    if session.ledger().is_prepared()? { Ok(()) } else { Err(LedgerError::NotPrepared.into()) }
}

/// The board as it is now.
///
/// # Errors
/// When the ledger, the target or a review cannot be read. What cannot be seen of one task is told in its row.
pub fn show(context: &Context<'_>) -> Result<Outcome, Failure> {
    let session = Session::open(context)?;
    let book = session.ledger().read()?.book;
    let view = status::View::of(&session.repo)?;
    let target = session.target()?;
    let reviews = reviews::all(&session.repo)?.into_iter().filter(|review| review.stage == Stage::Open);
    let board = Board {
        home: session.home.clone(),
        who: who(&session, context, &book)?.to_string(),
        now: session.now,
        target: land::short(&target).to_owned(),
        check: session
            .policy
            .land
            .check
            .as_ref()
            .map(|words| text::visible(shell_words::join(words).as_bytes())),
        tasks: book.leases().iter().map(|lease| view.row(lease, session.now)).collect(),
        reviews: reviews
            .map(|review| ReviewRow {
                task: review.task,
                purpose: review.purpose,
                decided: review.resolutions.len(),
            })
            .collect(),
        events: history::events(&session.repo)?.take(EVENTS).collect::<Result<_, _>>()?,
        map: Map::of(&session.repo, &target, &book)?,
    };
    Ok(Outcome::new(Page::default(), &board))
}

/// Who asks here: the task's holder in its workspace, else the person at the keyboard.
fn who(session: &Session, context: &Context<'_>, book: &LeaseBook) -> Result<Holder, Failure> {
    match session.actor(context)? {
        Actor::Task(task, _) => Ok(book.need(&task).map_err(LedgerError::from)?.holder.clone()),
        Actor::Person(_) => session.person(),
    }
}

/// Waits for steps in reviews, and tells of each run of them whose it was, until `tell` answers that nobody listens.
///
/// # Errors
/// When the refs cannot be watched or read.
pub fn follow_reviews(context: &Context<'_>, tell: impl Fn(&[TaskName]) -> bool) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(NoRuntime)?;
    let mut wakes = Wakes::of_refs(session.repo.common_dir())?;
    let mut known = reviews::tips(&session.repo)?;
    loop {
        runtime.block_on(wakes.next(None, Duration::ZERO));
        let found = reviews::tips(&session.repo)?;
        let differs = |task: &&TaskName| known.get(*task) != found.get(*task);
        let tasks: BTreeSet<&TaskName> = known.keys().chain(found.keys()).filter(differs).collect();
        let tasks: Vec<TaskName> = tasks.into_iter().cloned().collect();
        known = found;
        if !tasks.is_empty() && !tell(&tasks) {
            return Ok(());
        }
    }
}
