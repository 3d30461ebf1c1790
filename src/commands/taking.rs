//! Taking the regions of parked work: what of it is saved here, and what stays on another machine.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::Entry;
use crate::domain::event::EventKind;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::ledger::state::State;
use crate::workspace::salvage;

use super::handover;
use super::handover::error::HandoverError;
use super::removal;
use super::session::Session;

/// Work whose regions were taken.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Taken {
    /// The task.
    pub task: TaskName,
    /// The salvage commit that keeps what of it was here, or was sent.
    pub salvage: Option<String>,
    /// Where the rest of it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
}

/// What is known of work on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Elsewhere {
    /// What it has sent is saved; what it did since is there.
    Sent,
    /// It has sent nothing that is known to be the task's work.
    NotSent,
}

/// Brings what other machines have sent of the work that a claim may take.
///
/// # Errors
/// When the remote cannot be reached. Work that was never sent is no failure here.
pub fn bring(session: &Session, leases: &[Lease]) -> Result<(), Failure> {
    for lease in leases {
        match handover::bring(session, lease) {
            Ok(()) => {}
            Err(failure) if is_not_sent(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Saves the work of the tasks whose leases a claim ends, and lets the ledger tell of it.
///
/// # Errors
/// When something of it that is here cannot be saved.
pub fn save(
    session: &Session,
    state: &State,
    entries: &mut [Entry],
    by: &TaskName,
) -> Result<Vec<Taken>, Failure> {
    let mut all = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.event.kind == EventKind::TakeOver) {
        for lease in entry.remove.iter().filter_map(|task| state.book.get(task)) {
            let taken = save_one(session, lease, by)?;
            let mut event = entry.event.clone();
            if let Some(salvage) = &taken.salvage {
                event = event.fact("Salvage", salvage);
            }
            if let Some(elsewhere) = taken.elsewhere {
                event = event.fact("Elsewhere", elsewhere.word());
            }
            entry.event = event;
            all.push(taken);
        }
    }
    Ok(all)
}

fn save_one(session: &Session, lease: &Lease, by: &TaskName) -> Result<Taken, Failure> {
    let why = format!("its regions go to {by}");
    let mut saved = removal::save(session, lease, &why, session.now)?;
    let mut elsewhere = None;
    if session.is_elsewhere(lease)? {
        elsewhere = Some(Elsewhere::NotSent);
        match handover::sent_work(session, lease) {
            Ok(None) => {}
            Ok(Some((tip, edits))) => {
                elsewhere = Some(Elsewhere::Sent);
                if let Some(edits) = edits {
                    salvage::take_in(&session.repo, &lease.task, edits, session.now)?;
                }
                saved = Some(salvage::save_branch(&session.repo, &lease.task, tip, &why, session.now)?);
            }
            Err(failure) if is_not_sent(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
    let salvage = saved.map(|commit| commit.to_string());
    Ok(Taken { task: lease.task.clone(), salvage, elsewhere })
}

fn is_not_sent(failure: &Failure) -> bool {
    failure.is::<HandoverError>(|error| {
        matches!(error, HandoverError::NotSent { .. } | HandoverError::Gone { .. })
    })
}

impl Elsewhere {
    fn word(self) -> &'static str {
        match self {
            Elsewhere::Sent => "sent",
            Elsewhere::NotSent => "not-sent",
        }
    }
}

/// Puts what became of the work.
pub fn put(page: &mut Page, taken: &[Taken]) {
    for Taken { task, salvage, elsewhere } in taken {
        if let Some(salvage) = salvage {
            let short = text::visible(salvage.as_bytes()).chars().take(10).collect::<String>();
            page.put(Label::Plain, "  took the regions of ").put(Label::Name, task.as_str());
            page.put(Label::Plain, ", saved as ").put(Label::Place, short).end();
        }
        match elsewhere {
            None => {}
            Some(Elsewhere::Sent) => {
                page.put(Label::Warn, "  of ").put(Label::Name, task.as_str());
                page.line(
                    Label::Plain,
                    " only what another machine has sent is saved; what it did since stays there",
                );
            }
            Some(Elsewhere::NotSent) => {
                page.put(Label::Warn, "  the work of ").put(Label::Name, task.as_str());
                page.line(
                    Label::Plain,
                    " is not saved here: it was never sent, and stays on the machine that has it",
                );
            }
        }
    }
}
