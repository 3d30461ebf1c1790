//! `release`: ends a lease; work that has not landed is parked instead.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::domain::book::Work;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::refused::Refused;
use crate::domain::task::TaskName;
use crate::ledger::error::LedgerError;
use crate::ledger::remote_error::leaves_open;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::recover;
use super::removal;
use super::removal::Removed;
use super::renew;
use super::session::Session;

/// End a lease; work that has not landed is parked, never dropped.
#[derive(Debug, Clone, clap::Args)]
pub struct Release {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
}

#[derive(Debug, serde::Serialize)]
struct Released {
    task: TaskName,
    parked: bool,
    workspace: Removed,
}

impl Release {
    /// Ends the lease of the caller's fence, or parks it when there is work behind it.
    ///
    /// # Errors
    /// When the lease ended or was granted anew.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        recover::cut_off(&session, context)?;
        let task = session.task(self.task.as_ref())?;
        let fence = renew::own_fence(&session, context, &task)?;
        let lease = session.ledger().read()?.book.need(&task).map_err(LedgerError::from)?.clone();
        let work = removal::work_behind(&session, &lease);
        let written = match work {
            Work::None => removal::begin_end(&session, &lease, None)?,
            Work::Some => None,
        };
        let ended = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
            match state.book.need_active(&task, fence) {
                Ok(_) | Err(Refused::NotActive(_)) => {}
                Err(refused) => return Err(refused.into()),
            }
            let entry = match work {
                Work::Some => state.book.park(&task, "released with work that has not landed")?,
                Work::None => {
                    let subject = format!("release {task} of {}", lease.holder);
                    let event = Event::of(EventKind::Release, &task, fence, subject);
                    Some(state.book.end(&task, fence, event)?)
                }
            };
            Ok((entry.into_iter().collect(), ()))
        });
        if let Err(refused) = ended.map_err(Failure::from) {
            if !leaves_open(&refused) {
                removal::done(written)?;
            }
            return Err(refused);
        }
        let mut page = Page::default();
        let workspace = match work {
            Work::None => {
                if let Some(checkout) = session.repo.checkout() {
                    copy::remove(checkout, &task)?;
                }
                page.put(Label::Good, "released ").put(Label::Name, task.as_str()).end();
                removal::remove_or_keep(&session, &lease, None, &format!("release {task}"))
            }
            Work::Some => {
                page.put(Label::Warn, "parked ").put(Label::Name, task.as_str());
                if session.is_elsewhere(&lease)? {
                    page.put(
                        Label::Plain,
                        ": no workspace here has its lease, and another machine may have work",
                    )
                    .end();
                    page.line(Label::Quiet, format!("  go on with it here: git odyssey resume {task}"));
                    page.line(Label::Quiet, format!("  or give it up: git odyssey abandon {task}"));
                    let released = Released { task, parked: true, workspace: Removed::Nothing };
                    return Ok(Outcome::new(page, &released));
                }
                page.put(Label::Plain, ": its work has not landed, and stays").end();
                page.line(Label::Quiet, format!("  land it: git odyssey land {task}"));
                page.line(Label::Quiet, format!("  or give it up, saved: git odyssey abandon {task}"));
                match session.workspace(&lease)? {
                    Some(worktree) => {
                        Removed::Kept { path: worktree.path, why: "its work has not landed".to_owned() }
                    }
                    None => Removed::Nothing,
                }
            }
        };
        removal::settle(written, &workspace)?;
        removal::put(&mut page, &task, &workspace);
        Ok(Outcome::new(page, &Released { task, parked: work == Work::Some, workspace }))
    }
}
