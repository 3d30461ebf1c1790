//! `renew`: gives a lease a new end.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::judge::Actor;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::domain::ttl;
use crate::ledger::error::LedgerError;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Give a lease a new end.
#[derive(Debug, Clone, clap::Args)]
pub struct Renew {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// How long from now, and at each later renewal [default: as granted]
    #[arg(long, value_parser = ttl::parse)]
    pub ttl: Option<Duration>,
}

/// What a renewal answers.
#[derive(Debug, serde::Serialize)]
struct Renewed {
    task: TaskName,
    fence: Fence,
    expires_at: Timestamp,
}

impl Renew {
    /// Renews the lease of the caller's fence.
    ///
    /// # Errors
    /// When the lease ended, is parked, or was granted anew.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let task = session.task(self.task.as_ref())?;
        let fence = own_fence(&session, context, &task)?;
        let lease = renew(&session, &task, fence, self.ttl)?;
        let mut page = Page::default();
        page.put(Label::Good, "renewed ").put(Label::Name, task.as_str()).put(Label::Plain, ": ");
        page.put(Label::Time, text::duration(lease.left(session.now))).put(Label::Plain, " left").end();
        let renewed = Renewed { task, fence: lease.fence, expires_at: lease.expires_at };
        Ok(Outcome::new(page, &renewed))
    }
}

/// Renews in the ledger and refreshes the copy.
///
/// # Errors
/// When the fence may not write.
pub fn renew(
    session: &Session,
    task: &TaskName,
    fence: Fence,
    ttl: Option<Duration>,
) -> Result<Lease, Failure> {
    let lease = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
        let (lease, entry) = state.book.renew(task, fence, ttl, session.now)?;
        Ok((vec![entry], lease))
    })?;
    session.refresh_copy(&lease)?;
    Ok(lease)
}

/// Renews the leases under which somebody works, at most once a third of their time: a commit does, and other work does. Not
/// where a remote decides.
///
/// # Errors
/// When the ledger cannot be read or written.
pub fn if_due(session: &Session, actor: &Actor) -> Result<(), Failure> {
    let own = match actor {
        Actor::Task(task, fence) => vec![(task.clone(), *fence)],
        Actor::Person(own) => own.clone(),
    };
    // A hook talks to no network: where a remote decides, renewing takes a command.
    if own.is_empty() || session.authority.is_some() || !session.ledger().is_prepared()? {
        return Ok(());
    }
    let state = session.ledger().read()?;
    for (task, fence) in own {
        let due = |lease: &Lease| lease.is_renewal_due(session.now);
        if state.book.need_active(&task, fence).is_ok_and(due) {
            renew(session, &task, fence, None)?;
        }
    }
    Ok(())
}

/// An agent in its workspace wants to act for somebody else's task.
#[derive(Debug, thiserror::Error)]
#[error("{0} may act for itself only, not for {1}")]
struct NotItsOwn(TaskName, TaskName);

impl Explain for NotItsOwn {
    fn kind(&self) -> Kind {
        Kind::Held
    }

    fn hints(&self) -> Vec<String> {
        vec![format!("that is for {} in its own workspace to do, or for a person in a checkout", self.1)]
    }
}

/// The fence under which the caller acts on a task: its own where it is the task; a person's the ledger's, for a person
/// may act for any task.
///
/// # Errors
/// When no such task is live, or the caller is another task.
pub fn own_fence(session: &Session, context: &Context<'_>, task: &TaskName) -> Result<Fence, Failure> {
    match session.actor(context)? {
        Actor::Task(own, fence) if own == *task => Ok(fence),
        Actor::Task(own, _) => Err(NotItsOwn(own, task.clone()).into()),
        Actor::Person(_) => Ok(session.ledger().read()?.book.need(task).map_err(LedgerError::from)?.fence),
    }
}
