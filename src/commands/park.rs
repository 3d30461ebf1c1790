//! `park`: stops work without losing it.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::refused::Refused;
use crate::domain::task::TaskName;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::handover;
use super::handover::Sent;
use super::recover;
use super::renew;
use super::sent;
use super::session::Session;

/// Stop work without losing it: the lease stops, the work and its claim on the regions stay.
#[derive(Debug, Clone, clap::Args)]
pub struct Park {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// Why, for those who come later
    #[arg(long, default_value = "by hand")]
    pub reason: String,
    /// Send the work to the remote that decides, uncommitted edits too: another machine can resume it
    #[arg(long)]
    pub push: bool,
}

#[derive(Debug, serde::Serialize)]
struct Parked {
    task: TaskName,
    was_parked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Sent>,
}

impl Park {
    /// Parks the lease of the caller's fence; one that is parked stays so.
    ///
    /// # Errors
    /// When the lease ended or was granted anew.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        recover::cut_off(&session, context)?;
        let task = session.task(self.task.as_ref())?;
        let fence = renew::own_fence(&session, context, &task)?;
        let sent = if self.push {
            // Before it is parked: whoever sees it parked finds the work.
            let book = session.ledger().read()?.book;
            let lease = book.need(&task).map_err(LedgerError::from)?;
            // And not by a former holder, whose work is not the task's any more.
            match book.need_active(&task, fence) {
                Ok(_) | Err(Refused::NotActive(_)) => {}
                Err(refused) => return Err(LedgerError::from(refused).into()),
            }
            Some(handover::send(&session, lease)?)
        } else {
            None
        };
        let parked = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
            match state.book.need_active(&task, fence) {
                Ok(_) | Err(Refused::NotActive(_)) => {}
                Err(refused) => return Err(refused.into()),
            }
            let mut entry = state.book.park(&task, &self.reason)?;
            if let Some(sent) = &sent {
                // What is parked already is parked once more, to tell where its work is.
                let again = || Entry::note(Event::of(EventKind::Park, &task, fence, format!("send {task}")));
                let parked = entry.unwrap_or_else(again);
                entry = Some(Entry { event: sent::told(parked.event.clone(), sent), ..parked });
            }
            let lease = entry.as_ref().and_then(|entry: &Entry| entry.put.first().cloned());
            Ok((entry.into_iter().collect(), lease))
        })?;
        let mut page = Page::default();
        match &parked {
            Some(lease) => {
                page.put(Label::Good, "parked ").put(Label::Name, task.as_str()).end();
                let worktree = session.workspace(lease)?.filter(|worktree| !worktree.missing);
                if session.is_elsewhere(lease)? {
                    page.line(Label::Plain, "  its work stays on the machine that has it");
                } else if let Some(worktree) = worktree {
                    copy::write(&worktree.path, &LeaseFile::of(lease).to_toml())?;
                    page.put(Label::Plain, "  its work stays in ");
                    page.put(Label::Place, worktree.path.display().to_string()).end();
                }
                page.line(Label::Quiet, format!("  go on with it: git odyssey resume {task}"));
            }
            None => {
                page.put(Label::Name, task.as_str()).put(Label::Plain, " is parked already").end();
            }
        }
        if let Some(sent) = &sent {
            let what = if sent.salvage.is_some() { "its commits and its edits" } else { "its commits" };
            page.put(Label::Plain, format!("  {what} are on ")).put(Label::Place, sent.remote.clone()).end();
        }
        Ok(Outcome::new(page, &Parked { task, was_parked: parked.is_none(), sent }))
    }
}
