//! Accepting: what follows when a write was judged and passes, by git's hooks or by an agent's own.

use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::domain::region::Region;
use crate::domain::region::RegionSet;
use crate::ledger::error::LedgerError;

use super::Context;
use super::session::Session;

/// What follows from a judgement where a remote decides: a hook talks to no network, so nothing is recorded. What is free or
/// has expired stays so until a command asks the remote, and a landing is judged again by what that says then.
fn tell(context: &Context<'_>, actor: &Actor, judgement: &Judgement, remote: &str) {
    for task in &judgement.expired {
        context.monitor.note(&format!("{task} had expired by this machine's clock"));
    }
    if let (Actor::Task(task, _), [_, ..]) = (actor, &judgement.free[..]) {
        let paths = text::count(judgement.free.len(), "path");
        context.monitor.note(&format!(
            "{paths} outside {task}'s lease: free as far as is known here, and {remote} was not asked to keep them so"
        ));
    }
}

/// How many parked pieces of work a writer is told of.
const TOLD: usize = 20;

/// Does what follows from a judgement that passes: expired leases in the way are parked, parked work is told of, and
/// a task's lease grows by the free paths that it wrote.
///
/// # Errors
/// When the ledger cannot be written, or the task's fence may not write.
pub fn accept(
    session: &Session,
    context: &Context<'_>,
    actor: &Actor,
    judgement: Judgement,
) -> Result<(), Failure> {
    for obstacle in judgement.parked.iter().take(TOLD) {
        context.monitor.note(&obstacle.line());
    }
    if let Some(authority) = &session.authority {
        tell(context, actor, &judgement, &authority.remote().name);
        return Ok(());
    }
    for task in &judgement.expired {
        session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
            let still =
                state.book.get(task).is_some_and(|lease| lease.is_active() && lease.is_expired(session.now));
            let entry = if still { state.book.park(task, "expired")? } else { None };
            Ok((entry.into_iter().collect(), ()))
        })?;
        context.monitor.note(&format!("{task} had expired, and is parked now"));
    }
    let Actor::Task(task, fence) = actor else { return Ok(()) };
    let case = session.ledger().case();
    let mut more: Vec<Region> = Vec::new();
    for path in &judgement.free {
        // A path that is not UTF-8 cannot be written as a region; it is free, and stays so.
        if let Some(region) = Region::literal(path, case)
            && !more.iter().any(|known| known.text() == region.text())
        {
            more.push(region);
        }
    }
    if more.is_empty() {
        return Ok(());
    }
    let more = RegionSet::new(more);
    let lease = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
        let lease = state.book.need_active(task, *fence)?;
        // An earlier hook of the same commit may have added them already.
        let missing: Vec<Region> = more
            .iter()
            .filter(|region| !lease.regions.iter().any(|own| own.text() == region.text()))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (lease, entry) = state.book.extend(task, *fence, &RegionSet::new(missing), session.now)?;
        Ok((vec![entry], Some(lease)))
    })?;
    if let Some(lease) = lease {
        session.refresh_copy(&lease)?;
    }
    Ok(())
}
