//! The commit that would land: made in memory with gix, confirmed by git, moved to by nobody yet.

use std::fmt::Write;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::domain::lease::Lease;
use crate::domain::policy::Strategy;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::merge::Merge;
use crate::git::repo::Repo;

use super::conflict::Conflicted;

/// A commit that is ready to land.
#[derive(Debug)]
pub struct Merged {
    /// The commit.
    pub commit: Oid,
    /// Where gix and git did not agree; git's word counts, and the difference is a bug of ours.
    pub differences: Vec<String>,
}

/// Why there is no commit that could land.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Both sides changed the same.
    #[error(transparent)]
    Conflicted(#[from] Conflicted),
    /// A rebase would drop a merge commit and what was done in it.
    #[error("{0} holds a merge commit, which a rebase would drop")]
    HasMerges(String),
    /// git could not do something.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Explain for MergeError {
    fn kind(&self) -> Kind {
        match self {
            MergeError::Conflicted(conflicted) => conflicted.kind(),
            MergeError::HasMerges(_) => Kind::Refused,
            MergeError::Git(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            MergeError::Conflicted(conflicted) => conflicted.hints(),
            MergeError::HasMerges(task) => {
                vec![format!("land it with: git odyssey land {task} --merge, or --squash")]
            }
            MergeError::Git(error) => error.hints(),
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            MergeError::Conflicted(conflicted) => conflicted.details(),
            _ => None,
        }
    }
}

/// Makes the commit that would land `commits`, which end in `tip`, on the target at `old`.
///
/// # Errors
/// When the two conflict, or git cannot do something.
pub fn make(
    repo: &Repo,
    lease: &Lease,
    strategy: Strategy,
    tip: Oid,
    old: Oid,
    commits: &[Oid],
    now: Timestamp,
) -> Result<Merged, MergeError> {
    let mut making = Making { repo, lease, now, differences: Vec::new() };
    let commit = match strategy {
        Strategy::FfOnly => tip,
        Strategy::Merge => {
            let tree = making.tree(tip, old)?;
            let message = making.message("Land", commits)?;
            repo.commit_tree(tree, &[old, tip], message.as_str().into(), None, now)?
        }
        Strategy::Squash => {
            let tree = making.tree(tip, old)?;
            let message = making.message("Land", commits)?;
            repo.commit_tree(tree, &[old], message.as_str().into(), Some(tip), now)?
        }
        Strategy::Rebase => making.replayed(tip, old, commits)?,
    };
    Ok(Merged { commit, differences: making.differences })
}

struct Making<'a> {
    repo: &'a Repo,
    lease: &'a Lease,
    now: Timestamp,
    differences: Vec<String>,
}

impl Making<'_> {
    fn tree(&mut self, tip: Oid, old: Oid) -> Result<Oid, MergeError> {
        if self.repo.reaches(tip, old)? {
            return Ok(self.repo.commit(tip)?.tree);
        }
        let guess = self.repo.merge(None, old, tip);
        let sure = self.repo.confirm(None, old, tip)?;
        self.settled(guess, sure, old, tip)
    }

    /// Puts each commit on top of the target, oldest first.
    fn replayed(&mut self, tip: Oid, old: Oid, commits: &[Oid]) -> Result<Oid, MergeError> {
        if self.repo.reaches(tip, old)? {
            return Ok(tip);
        }
        let mut onto = old;
        for commit in commits.iter().rev() {
            let read = self.repo.commit(*commit)?;
            let [parent] = read.parents[..] else {
                return Err(MergeError::HasMerges(self.lease.task.to_string()));
            };
            let guess = self.repo.replay(*commit, onto);
            let sure = self.repo.confirm(Some(parent), onto, *commit)?;
            let tree = self.settled(guess, sure, onto, *commit)?;
            onto = self.repo.commit_tree(tree, &[onto], read.message.as_bstr(), Some(*commit), self.now)?;
        }
        Ok(onto)
    }

    /// Git's verdict counts; where ours was another, that is noted.
    fn settled(
        &mut self,
        guess: Result<Merge, GitError>,
        sure: Merge,
        ours: Oid,
        theirs: Oid,
    ) -> Result<Oid, MergeError> {
        match guess.map(|guess| guess.disagreement(&sure).is_some()) {
            Ok(true) => self.differences.push(format!("gix and git merge {ours} and {theirs} differently")),
            Ok(false) => {}
            // "Cannot tell" was never a verdict.
            Err(error) => tracing::debug!(%error, "no verdict before git's"),
        }
        if sure.is_clean() {
            return Ok(sure.tree);
        }
        Err(Conflicted::read(self.repo, self.lease, sure.conflicts)?.into())
    }

    fn message(&self, verb: &str, commits: &[Oid]) -> Result<String, GitError> {
        let mut message = format!("{verb} {}\n\n", self.lease.task);
        for commit in commits.iter().rev() {
            let subject = self.repo.commit(*commit)?.message;
            let subject = subject.lines().next().unwrap_or_default().to_str_lossy().into_owned();
            // Writing into a String cannot fail.
            let _ = writeln!(message, "* {subject}");
        }
        let _ = write!(
            message,
            "\nOdyssey-Task: {}\nOdyssey-Holder: {}\nOdyssey-Fence: {}\n",
            self.lease.task, self.lease.holder, self.lease.fence
        );
        Ok(message)
    }
}
