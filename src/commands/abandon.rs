//! `abandon`: gives work up; all of it is saved first.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
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

/// Give work up: all of it is saved under refs/odyssey/salvage first, untracked files included.
#[derive(Debug, Clone, clap::Args)]
pub struct Abandon {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// Why, for those who come later
    #[arg(long, default_value = "abandoned")]
    pub reason: String,
}

#[derive(Debug, serde::Serialize)]
struct Abandoned {
    task: TaskName,
    salvage: Option<String>,
    /// Whether another machine may have work that is not in the salvage.
    elsewhere: bool,
    workspace: Removed,
}

impl Abandon {
    /// Saves the work, ends the lease, removes the workspace.
    ///
    /// # Errors
    /// When something cannot be saved: then nothing is removed and the lease stays.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        recover::cut_off(&session, context)?;
        let task = session.task(self.task.as_ref())?;
        let fence = renew::own_fence(&session, context, &task)?;
        let book = session.ledger().read()?.book;
        let lease = book.need(&task).map_err(LedgerError::from)?.clone();
        // Asked before anything is saved: a former holder's salvage would look as if the work had been given up.
        match book.need_active(&task, fence) {
            Ok(_) | Err(Refused::NotActive(_)) => {}
            Err(refused) => return Err(LedgerError::from(refused).into()),
        }
        let elsewhere = session.is_elsewhere(&lease)?;
        let saved = removal::save(&session, &lease, &self.reason, session.now)?;
        let written = removal::begin_end(&session, &lease, saved)?;
        let ended = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
            match state.book.need_active(&task, fence) {
                Ok(_) | Err(Refused::NotActive(_)) => {}
                Err(refused) => return Err(refused.into()),
            }
            let subject = format!("abandon {task} of {}: {}", lease.holder, self.reason);
            let mut event = Event::of(EventKind::Abandon, &task, fence, subject);
            if let Some(saved) = saved {
                event = event.fact("Salvage", saved.to_string());
            }
            Ok((vec![state.book.end(&task, fence, event)?], ()))
        });
        if let Err(refused) = ended.map_err(Failure::from) {
            if !leaves_open(&refused) {
                removal::done(written)?;
            }
            return Err(refused);
        }
        if let Some(checkout) = session.repo.checkout() {
            copy::remove(checkout, &task)?;
        }
        let workspace = removal::remove_or_keep(&session, &lease, saved, &format!("abandon {task}"));
        removal::settle(written, &workspace)?;
        let mut page = Page::default();
        page.put(Label::Good, "abandoned ").put(Label::Name, task.as_str()).end();
        removal::put(&mut page, &task, &workspace);
        if elsewhere {
            page.put(Label::Warn, "  only what is on this machine is saved here").end();
            page.line(
                Label::Plain,
                "  what another machine has of it stays there, in its workspace or on its branch",
            );
        }
        Ok(Outcome::new(
            page,
            &Abandoned { task, salvage: saved.map(|commit| commit.to_string()), elsewhere, workspace },
        ))
    }
}
