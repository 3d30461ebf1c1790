//! What a park has sent of a task, as the ledger tells it.

use crate::base::failure::Failure;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::event::Recorded;
use crate::domain::lease::Lease;
use crate::git::Oid;
use crate::ledger::history;

use super::handover::Sent;
use super::session::Session;

/// What was sent, and belongs to the task's present fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The branch's commit.
    pub commit: Oid,
    /// The salvage with what was not committed, if there was anything.
    pub salvage: Option<Oid>,
}

const COMMIT: &str = "Commit";
const SALVAGE: &str = "Salvage";
const UNDONE: &str = "Undone";

/// The same event, which tells what was sent too.
pub fn told(event: Event, sent: &Sent) -> Event {
    let event = event.fact(COMMIT, &sent.commit);
    match &sent.salvage {
        Some(salvage) => event.fact(SALVAGE, salvage),
        None => event,
    }
}

/// The same event of a park, which tells that nothing was done under its fence: what was sent under the former one is the work.
pub fn undone(event: Event) -> Event {
    event.fact(UNDONE, "resume")
}

/// What was sent last under a lease's fence. Nothing when nothing was, or by hand: what was sent before the last grant is not
/// what was done since.
///
/// # Errors
/// When the ledger's history cannot be read.
pub fn of(session: &Session, lease: &Lease) -> Result<Option<Record>, Failure> {
    let (mut fence, mut undone) = (Some(lease.fence), false);
    for past in history::events(&session.repo)? {
        let event = past?.event;
        if event.task.as_ref() != Some(&lease.task) {
            continue;
        }
        if undone && event.fence != fence {
            (fence, undone) = (event.fence, false);
        }
        if event.fence != fence {
            break;
        }
        undone |= event.facts.iter().any(|(name, _)| name == UNDONE);
        let commit = commit_of(&event, COMMIT);
        if let (true, Some(commit)) = (event.event == EventKind::Park.to_string(), commit) {
            return Ok(Some(Record { commit, salvage: commit_of(&event, SALVAGE) }));
        }
    }
    Ok(None)
}

fn commit_of(event: &Recorded, name: &str) -> Option<Oid> {
    let (_, value) = event.facts.iter().find(|(found, _)| found == name)?;
    Oid::from_hex(value.as_bytes()).ok()
}
