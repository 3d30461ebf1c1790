//! Precedents: whether a commit that would be refused today was allowed when it was made.

use crate::base::failure::Failure;
use crate::domain::event::EventKind;
use crate::domain::judge::Actor;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::guard::Bench;
use crate::guard::commits::Published;
use crate::ledger::history;

use super::session::Session;

/// Whether the leases of the time when a commit was made allowed it: a region may have been claimed since.
///
/// That time is what the commit says, so this is for what comes after the fact (a push, a checkup) and for nothing
/// that holds a region.
///
/// # Errors
/// When the ledger's history, or the commit, cannot be read.
pub fn was_allowed(
    session: &Session,
    actor: &Actor,
    commit: Oid,
    published: &Published,
) -> Result<bool, Failure> {
    let repo = &session.repo;
    let made = repo.commit(commit)?.time;
    let mut first = None;
    for past in history::events(repo)? {
        let past = past?;
        if past.at <= made {
            let state = session.ledger().read_at(past.commit)?;
            let commons = session.commons()?;
            let bench = Bench { repo, leases: &state.book, commons: &commons, now: made, lands: false };
            // A fence of today is not one of then.
            let fence_of =
                |task: &TaskName| state.book.get(task).map(|lease| lease.fence).unwrap_or_default();
            let actor = match actor {
                Actor::Task(task, _) => Actor::Task(task.clone(), fence_of(task)),
                Actor::Person(own) => {
                    Actor::Person(own.iter().map(|(task, _)| (task.clone(), fence_of(task))).collect())
                }
            };
            return Ok(bench.judge_commits(&actor, &[commit], published).is_ok());
        }
        first = past.archived;
    }
    // Before the ledger's beginning nothing was held; what is in an archive that is not here is not known.
    Ok(first.is_none())
}

/// Whether a commit came to its target by a landing, which judged it.
///
/// # Errors
/// When the ledger's history cannot be read.
pub fn has_landed(session: &Session, commit: Oid) -> Result<bool, Failure> {
    for past in history::events(&session.repo)? {
        let event = past?.event;
        if event.event != EventKind::Land.to_string() {
            continue;
        }
        let named = |wanted: &str| {
            let fact = event.facts.iter().find(|(name, _)| name == wanted)?;
            Oid::from_hex(fact.1.as_bytes()).ok().filter(|oid| session.repo.has(*oid))
        };
        if let (Some(from), Some(to)) = (named("From"), named("Commit"))
            && session.repo.new_commits(&[to], &[from])?.contains(&commit)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Commits that a person let through with a reason.
///
/// # Errors
/// When the ledger's history cannot be read.
pub fn overridden(session: &Session) -> Result<Vec<Oid>, Failure> {
    let mut found = Vec::new();
    for past in history::events(&session.repo)? {
        let past = past?;
        if past.event.event == EventKind::Override.to_string() {
            let moved = past.event.facts.iter().filter(|(name, _)| name == "Moved");
            found.extend(
                moved.filter_map(|(_, value)| Oid::from_hex(value.rsplit(' ').next()?.as_bytes()).ok()),
            );
        }
    }
    Ok(found)
}
