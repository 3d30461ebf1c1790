//! Which of git's two sides is the target's, and which is the task's: landing and syncing name them the other way round.

use crate::git::merge::Conflict;
use crate::git::merge::Hunk;
use crate::git::merge::Part;

/// Whose side a version of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The branch that the task lands on.
    Target,
    /// The task's own branch.
    Task,
}

/// Which side git calls its own in a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// The target is ours, the task is theirs: a landing, and each step of a rebase.
    TargetFirst,
    /// The task is ours, the target is theirs: a merge of the target into the task's branch.
    TaskFirst,
}

impl Sides {
    /// Of two things in git's order (ours, theirs), that of one side.
    pub fn pick<T>(self, side: Side, ours: T, theirs: T) -> T {
        match (self, side) {
            (Sides::TargetFirst, Side::Target) | (Sides::TaskFirst, Side::Task) => ours,
            (Sides::TargetFirst, Side::Task) | (Sides::TaskFirst, Side::Target) => theirs,
        }
    }

    /// One side's lines of a hunk.
    pub fn part(self, side: Side, hunk: &Hunk) -> &Part {
        self.pick(side, &hunk.ours, &hunk.theirs)
    }

    /// One side's version of a conflicting path: mode and content, as an index holds them.
    pub fn stage(self, side: Side, conflict: &Conflict) -> Option<(u32, crate::git::Oid)> {
        let [_, ours, theirs] = conflict.stages;
        self.pick(side, ours, theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_found_whichever_git_calls_its_own() {
        assert_eq!(Sides::TargetFirst.pick(Side::Target, "ours", "theirs"), "ours");
        assert_eq!(Sides::TargetFirst.pick(Side::Task, "ours", "theirs"), "theirs");
        assert_eq!(Sides::TaskFirst.pick(Side::Target, "ours", "theirs"), "theirs");
        assert_eq!(Sides::TaskFirst.pick(Side::Task, "ours", "theirs"), "ours");
    }
}
