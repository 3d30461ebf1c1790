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

/// What is there would be seen in another's place, and judged in neither.
const REPLACED: &str = "refs/replace/";

impl Push<'_> {
    /// What a ref's name alone forbids.
    pub(super) fn refused_by_name(&self, one: &Moved) -> Result<Option<String>, GitError> {
        if one.name.starts_with(SALVAGE) {
            let kept = match (one.old, one.new) {
                (None, _) => true,
                (Some(old), Some(new)) => self.repo.reaches(new, old)?,
                (Some(_), None) => false,
            };
            return Ok((!kept).then(|| "saved work is not removed by a push".to_owned()));
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
                (None, None) => None,
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
