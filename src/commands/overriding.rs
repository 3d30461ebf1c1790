//! Overrides: a person does what was refused, and the ledger keeps the reason.

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::judge::Actor;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::ledger::error::LedgerError;

use super::Context;
use super::session::Session;

/// An override that is not a person's to make.
#[derive(Debug, thiserror::Error)]
#[error("{0} may not override: only a person in a checkout of their own may")]
struct NoOverride(TaskName);

impl Explain for NoOverride {
    fn kind(&self) -> Kind {
        Kind::Held
    }
}

/// Whether the caller overrides: a person with a reason does.
///
/// # Errors
/// When a task gives a reason: overriding is not an agent's to do.
pub fn may(context: &Context<'_>, actor: &Actor) -> Result<bool, Failure> {
    match (&context.override_reason, actor) {
        (None, _) => Ok(false),
        (Some(_), Actor::Person(_)) => Ok(true),
        (Some(_), Actor::Task(task, _)) => Err(NoOverride(task.clone()).into()),
    }
}

/// How many lines of what was overridden the ledger keeps.
const KEPT: usize = 20;

/// Keeps an override in the ledger: who, why, what was refused, and what moves all the same.
///
/// # Errors
/// When the ledger cannot be written; then nothing may be overridden.
pub fn record(
    session: &Session,
    context: &Context<'_>,
    refusal: &str,
    moved: Vec<(String, Oid)>,
) -> Result<(), Failure> {
    let person = session.person()?;
    let reason = context.override_reason.clone().unwrap_or_default();
    let mut event = Event {
        kind: EventKind::Override,
        task: None,
        fence: None,
        subject: format!("override by {person}"),
        facts: vec![("Reason", reason)],
    };
    for line in refusal.lines().take(KEPT) {
        event = event.fact("Overridden", line);
    }
    for (name, commit) in moved {
        event = event.fact("Moved", format!("{name} {commit}"));
    }
    context.monitor.note("overridden; the reason is in the ledger");
    session
        .ledger()
        .change(session.now, |_| -> Result<_, LedgerError> { Ok((vec![Entry::note(event.clone())], ())) })?;
    Ok(())
}
