//! What a ref's name alone forbids: other people's branches, saved work, what stands in another's place.

use super::Moved;
use super::Push;
use super::Pusher;
use crate::domain::book::LeaseBook;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::error::GitError;

/// Where salvaged work is, by task.
const SALVAGE: &str = "refs/odyssey/salvage/";

/// Where reviews are, by task.
const REVIEWS: &str = "refs/odyssey/reviews/";

/// What is there would be seen in another's place, and judged in neither.
const REPLACED: &str = "refs/replace/";

impl Push<'_> {
    /// What a ref's name alone forbids.
    pub(super) fn refused_by_name(&self, one: &Moved) -> Result<Option<String>, GitError> {
        if let Some(task) = one.name.strip_prefix(SALVAGE) {
            return self.refused_kept(one, task, "saved work is");
        }
        if let Some(task) = one.name.strip_prefix(REVIEWS) {
            return self.refused_kept(one, task, "decisions of a review are");
        }
        if one.name.starts_with(REPLACED) && one.new.is_some() {
            return Ok(Some("objects are not replaced by a push".to_owned()));
        }
        let of = |book: &LeaseBook| {
            book.leases().iter().find(|lease| lease.branch() == Some(one.name.as_str())).cloned()
        };
        let (before, after) = (of(self.before), of(self.after));
        if one.new.is_none() {
            let is_target = |lease: &&Lease| lease.target == one.name;
            let landing_on = self.after.leases().iter().find(is_target);
            return Ok(match (after, landing_on) {
                (Some(lease), _) => {
                    Some(format!("it is the branch of {} ({}), which is live", lease.task, lease.holder))
                }
                (None, Some(lease)) => Some(format!("{} is to land on it", lease.task)),
                (None, None) => self.only_copy(one)?,
            });
        }
        let named = TaskName::of_branch(&one.name);
        let Some(lease) = after.as_ref().or(before.as_ref()) else {
            // A branch that somebody named so by hand may stay what it is, and does not grow.
            return Ok(named.map(|task| format!("{task} is not live: its lease has ended, or never began")));
        };
        let was_active =
            before.as_ref().is_some_and(|before| before.is_active() && before.fence == lease.fence);
        if !lease.is_active() && !was_active {
            return Ok(Some(format!("{} is parked, and may not write", lease.task)));
        }
        Ok(self.not_his(lease))
    }

    /// Why what is kept of a task may not be written by this pusher, or would be lost.
    fn refused_kept(&self, one: &Moved, task: &str, what: &str) -> Result<Option<String>, GitError> {
        let kept = match (one.old, one.new) {
            (None, _) => true,
            (Some(old), Some(new)) => self.repo.reaches(new, old)?,
            (Some(_), None) => false,
        };
        if !kept {
            return Ok(Some(format!("{what} not removed by a push")));
        }
        // Whatever is below a task's name would stand in the way of what is to be saved there.
        let Ok(task) = task.parse::<TaskName>() else {
            return Ok(Some("it is the name of no task".to_owned()));
        };
        // Who ends a lease in this push was judged with the ledger, and saves what was there.
        let live = self.after.leases().iter().find(|lease| lease.task.clashes_with(&task));
        Ok(live.and_then(|lease| self.not_his(lease)))
    }

    /// Why the branch of a task without a lease may not be deleted: nothing else keeps its work.
    fn only_copy(&self, one: &Moved) -> Result<Option<String>, GitError> {
        let (Some(task), Some(tip)) = (TaskName::of_branch(&one.name), one.old) else { return Ok(None) };
        let lease = self.before.get(&task);
        if lease.is_some_and(|lease| self.pusher.acts_for(&lease.holder) == Some(true)) {
            return Ok(None);
        }
        let salvage = format!("{SALVAGE}{task}");
        let head = self.repo.head()?.branch().map(str::to_owned);
        let targets =
            self.before.leases().iter().filter(|other| lease.is_none_or(|lease| lease.task == other.task));
        let targets = targets.map(|lease| lease.target.clone());
        for name in targets.chain(head.filter(|_| lease.is_none())).chain([salvage.clone()]) {
            // What this push leaves there; the other refs of the push are judged for themselves.
            let moved = self.refs.iter().find(|one| one.name == name).map(|one| one.new);
            let kept = moved.map_or_else(|| self.repo.reference(&name), Ok)?;
            if let Some(kept) = kept
                && self.repo.reaches(kept, tip)?
            {
                return Ok(None);
            }
        }
        Ok(Some(format!("nothing else here has its work: push it to {salvage} first")))
    }

    /// Why the pusher may not write as a lease's task, as far as that is known.
    fn not_his(&self, lease: &Lease) -> Option<String> {
        match (self.pusher, self.pusher.owns(lease)) {
            (Pusher::Fences(known), Some(false)) => {
                let was = known.iter().find(|(task, _)| *task == lease.task);
                Some(match was {
                    Some((_, was)) => {
                        format!("fence {was} of {} is old: it is at {}", lease.task, lease.fence)
                    }
                    None => format!("the push does not carry the fence of {}", lease.task),
                })
            }
            (Pusher::Named { name, .. }, Some(false)) => {
                Some(format!("{} is held by {}, for whom {name} may not act", lease.task, lease.holder))
            }
            _ => None,
        }
    }
}
