//! `resume`: lets a parked or expired task go on under a new fence, for its holder or another.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::Entry;
use crate::domain::holder::Holder;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::domain::ttl;
use crate::guard::lines::Versions;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Written;
use crate::ledger::remote_error::leaves_open;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::handover;
use super::recover;
use super::removal;
use super::sent;
use super::session::Session;

/// Go on with a parked or expired task, under a new fence; the old holder is fenced off.
#[derive(Debug, Clone, clap::Args)]
pub struct Resume {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// Who goes on with it [default: the holder that it had]
    #[arg(long = "for", value_name = "HOLDER")]
    pub holder: Option<Holder>,
    /// How long the lease lasts without renewal [default: as granted]
    #[arg(long, value_parser = ttl::parse)]
    pub ttl: Option<Duration>,
    /// What the ledger is told of it beside.
    #[arg(skip)]
    pub facts: Vec<(&'static str, String)>,
}

/// What going on answers.
#[derive(Debug, serde::Serialize)]
pub struct Resumed {
    /// The task.
    pub task: TaskName,
    /// The fence of the new grant.
    pub fence: Fence,
    /// Who goes on with it.
    pub holder: Holder,
    /// The workspace, if there is one here.
    pub path: Option<PathBuf>,
    /// When others may take it over, unless it is renewed.
    pub expires_at: Timestamp,
}

impl Resume {
    /// Grants the task anew.
    ///
    /// # Errors
    /// When it is active, or somebody else has come to hold its regions.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let (resumed, lease) = self.resumed(context)?;
        let mut page = Page::default();
        page.put(Label::Good, "resumed ").put(Label::Name, resumed.task.as_str()).put(Label::Plain, " for ");
        page.put(Label::Person, lease.holder.name())
            .put(Label::Plain, format!(", fence {}, for ", lease.fence));
        page.put(Label::Time, text::duration(lease.left(context.clock.now()))).end();
        if let Some(path) = &resumed.path {
            page.line(Label::Place, path.display().to_string());
        }
        Ok(Outcome::new(page, &resumed))
    }

    /// As [`Resume::run`], and answers the lease.
    ///
    /// # Errors
    /// As for [`Resume::run`].
    pub fn resumed(&self, context: &Context<'_>) -> Result<(Resumed, Lease), Failure> {
        let session = Session::open(context)?;
        recover::cut_off(&session, context)?;
        let task = session.task(self.task.as_ref())?;
        let old = session.ledger().read()?.book.need(&task).map_err(LedgerError::from)?.clone();
        let waiting = handover::look(&session, &old)?;
        let handed_over = self.holder.as_ref().is_some_and(|holder| *holder != old.holder);
        if handed_over && (!old.is_active() || old.is_expired(session.now)) {
            // The former holder's program may still be writing; what it had done so far is safe from then on.
            removal::save(&session, &old, "taken over", session.now)?;
        }
        if let Some(note) = waiting.as_ref().and_then(|waiting| waiting.note.as_ref()) {
            context.monitor.note(note);
        }
        let found = match &waiting {
            None => session.workspace(&old)?.filter(|worktree| !worktree.missing),
            Some(_) => None,
        };
        let making = waiting.as_ref().map(|waiting| waiting.making(&session, &task)).transpose()?.flatten();
        let ready = found.as_ref().map(|worktree| worktree.path.clone());
        let bringing = waiting.as_ref().and_then(handover::Waiting::bringing);
        let intent = Intent::Resume { task: task.clone(), making, ready, bringing };
        let written = Written::begin(&session.ledger().folder(), &intent)?;
        let token = written.token();
        let granted = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
            let lines = Versions(&session.repo);
            let (lease, mut entry) =
                state.book.resume(&task, self.holder.as_ref(), self.ttl, session.now, &lines)?;
            entry.event = entry.event.fact("Token", token.as_str()).facts(&self.facts);
            Ok((vec![entry], lease))
        });
        let lease = match granted.map_err(Failure::from) {
            Ok(lease) => lease,
            // What may have been granted all the same is settled by the next command, from the intent.
            Err(failure) if leaves_open(&failure) => return Err(failure),
            Err(failure) => {
                written.done()?;
                return Err(failure);
            }
        };
        let text = LeaseFile::of(&lease).to_toml();
        let path = match (waiting, found) {
            (Some(waiting), _) => match waiting.unpack(&session, &lease, written) {
                Ok(path) => Some(path),
                Err(failure) => return Err(park_again(&session, &lease, failure)),
            },
            (None, Some(worktree)) => {
                copy::write(&worktree.path, &text)?;
                written.done()?;
                Some(worktree.path)
            }
            (None, None) => {
                if let (None, Some(checkout)) = (lease.branch(), session.repo.checkout()) {
                    copy::write_here(checkout, &lease, &text)?;
                }
                written.done()?;
                None
            }
        };
        let resumed = Resumed {
            task,
            fence: lease.fence,
            holder: lease.holder.clone(),
            path,
            expires_at: lease.expires_at,
        };
        Ok((resumed, lease))
    }
}

/// Whoever has no workspace cannot work: an active lease would only keep the others away.
fn park_again(session: &Session, lease: &Lease, failure: Failure) -> Failure {
    let task = &lease.task;
    let parked = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
        let ours = state.book.get(task).is_some_and(|now| now.fence == lease.fence);
        let entry = if ours { state.book.park(task, "its work could not be unpacked")? } else { None };
        let entry = entry.map(|entry| Entry { event: sent::undone(entry.event.clone()), ..entry });
        let parked = entry.as_ref().and_then(|entry| entry.put.first().cloned());
        Ok((entry.into_iter().collect(), parked))
    });
    let parked = parked.map_err(Failure::from).and_then(|parked| match parked {
        Some(parked) => session.refresh_copy(&parked),
        None => Ok(()),
    });
    match parked {
        Ok(()) => failure.hint(format!("it is parked again; when this is mended: git odyssey resume {task}")),
        Err(second) => failure
            .hint(format!("it could not be parked again ({second}): git odyssey park {task}"))
            .hint(format!("when this is mended: git odyssey resume {task}")),
    }
}
