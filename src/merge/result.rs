//! The commit that would land, or that a task's branch would move to: made in memory, confirmed by git, moved to by
//! nobody yet.

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
use super::sides::Sides;

/// How a task's branch takes up what is new on its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// By a merge commit on the branch.
    Merge,
    /// By putting the branch's commits on top of the target.
    Rebase,
}

/// A commit that is ready to be moved to.
#[derive(Debug)]
pub struct Merged {
    /// The commit.
    pub commit: Oid,
    /// Where gix and git did not agree; git's word counts, and the difference is a bug of ours.
    pub differences: Vec<String>,
}

/// Why there is no commit that could be moved to.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Both sides changed the same.
    #[error(transparent)]
    Conflicted(#[from] Conflicted),
    /// A rebase would drop a merge commit and what was done in it.
    #[error("{task} holds a merge commit, which a rebase would drop")]
    HasMerges {
        /// The task.
        task: String,
        /// The command that does it without a rebase.
        instead: String,
    },
    /// git could not do something.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Explain for MergeError {
    fn kind(&self) -> Kind {
        match self {
            MergeError::Conflicted(conflicted) => conflicted.kind(),
            MergeError::HasMerges { .. } => Kind::Refused,
            MergeError::Git(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            MergeError::Conflicted(conflicted) => conflicted.hints(),
            MergeError::HasMerges { instead, .. } => vec![format!("without a rebase: {instead}")],
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

/// What a result is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The repository, seen from a checkout: its attributes and drivers count.
    pub repo: &'a Repo,
    /// The task's lease.
    pub lease: &'a Lease,
    /// The task's last commit.
    pub tip: Oid,
    /// The target's last commit.
    pub target: Oid,
    /// The commits that only the task has, children before parents.
    pub commits: &'a [Oid],
    /// The time of the commits that are made.
    pub now: Timestamp,
}

/// Makes the commit that would land the task on its target.
///
/// # Errors
/// When the two conflict, or git cannot do something.
pub fn make(parts: Parts<'_>, strategy: Strategy) -> Result<Merged, MergeError> {
    let Parts { repo, lease, tip, target, commits, now } = parts;
    let instead = format!("git odyssey land {} --merge, or --squash", lease.task);
    let mut making = Making { parts, then: "commit, then land again", instead, differences: Vec::new() };
    let commit = match strategy {
        Strategy::FfOnly => tip,
        Strategy::Merge => {
            let tree = making.tree(Sides::TargetFirst)?;
            let message = making.message(&format!("Land {}", lease.task), commits)?;
            repo.commit_tree(tree, &[target, tip], message.as_str().into(), None, now)?
        }
        Strategy::Squash => {
            let tree = making.tree(Sides::TargetFirst)?;
            let message = making.message(&format!("Land {}", lease.task), commits)?;
            repo.commit_tree(tree, &[target], message.as_str().into(), Some(tip), now)?
        }
        Strategy::Rebase => making.replayed()?,
    };
    Ok(Merged { commit, differences: making.differences })
}

/// Makes the commit that the task's branch would move to, to have all of its target.
///
/// # Errors
/// As for [`make`].
pub fn update(parts: Parts<'_>, how: Update) -> Result<Merged, MergeError> {
    let Parts { repo, lease, tip, target, now, .. } = parts;
    let instead = format!("git odyssey sync {} --merge", lease.task);
    let mut making = Making { parts, then: "then commit", instead, differences: Vec::new() };
    let commit = match how {
        _ if repo.reaches(target, tip)? => target,
        Update::Merge => {
            let tree = making.tree(Sides::TaskFirst)?;
            let short = lease.target.strip_prefix("refs/heads/").unwrap_or(&lease.target);
            let message = making.message(&format!("Sync {} with {short}", lease.task), &[])?;
            repo.commit_tree(tree, &[tip, target], message.as_str().into(), None, now)?
        }
        Update::Rebase => making.replayed()?,
    };
    Ok(Merged { commit, differences: making.differences })
}

struct Making<'a> {
    parts: Parts<'a>,
    /// What comes after a person has settled a conflict.
    then: &'static str,
    /// What to do where a rebase is refused.
    instead: String,
    differences: Vec<String>,
}

impl Making<'_> {
    /// The tree of both. Which side is ours matters for what git merges of them, not for who has the last word.
    fn tree(&mut self, sides: Sides) -> Result<Oid, MergeError> {
        let Parts { repo, tip, target, .. } = self.parts;
        if repo.reaches(tip, target)? {
            return Ok(repo.commit(tip)?.tree);
        }
        let (ours, theirs) = match sides {
            Sides::TargetFirst => (target, tip),
            Sides::TaskFirst => (tip, target),
        };
        let guess = repo.merge(None, ours, theirs);
        let sure = repo.confirm(None, ours, theirs)?;
        self.settled(guess, sure, sides, ours, theirs)
    }

    /// Puts each commit on top of the target, oldest first.
    fn replayed(&mut self) -> Result<Oid, MergeError> {
        let Parts { repo, lease, tip, target, commits, now } = self.parts;
        if repo.reaches(tip, target)? {
            return Ok(tip);
        }
        let mut oldest_first = Vec::with_capacity(commits.len());
        for commit in commits.iter().rev() {
            let read = repo.commit(*commit)?;
            let [parent] = read.parents[..] else {
                let instead = std::mem::take(&mut self.instead);
                return Err(MergeError::HasMerges { task: lease.task.to_string(), instead });
            };
            oldest_first.push((commit, parent, read));
        }
        let mut onto = target;
        for (commit, parent, read) in oldest_first {
            let guess = repo.replay(*commit, onto);
            let sure = repo.confirm(Some(parent), onto, *commit)?;
            let tree = self.settled(guess, sure, Sides::TargetFirst, onto, *commit)?;
            onto = repo.commit_tree(tree, &[onto], read.message.as_bstr(), Some(*commit), now)?;
        }
        Ok(onto)
    }

    /// Git's verdict counts; where ours was another, that is noted.
    fn settled(
        &mut self,
        guess: Result<Merge, GitError>,
        sure: Merge,
        sides: Sides,
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
        let Parts { repo, lease, .. } = self.parts;
        Err(Conflicted::read(repo, lease, sides, sure.conflicts, self.then)?.into())
    }

    fn message(&self, subject: &str, commits: &[Oid]) -> Result<String, GitError> {
        let Parts { repo, lease, .. } = self.parts;
        let mut message = format!("{subject}\n\n");
        for commit in commits.iter().rev() {
            let subject = repo.commit(*commit)?.message;
            let subject = subject.lines().next().unwrap_or_default().to_str_lossy().into_owned();
            // Writing into a String cannot fail.
            let _ = writeln!(message, "* {subject}");
        }
        if !commits.is_empty() {
            message.push('\n');
        }
        let _ = write!(
            message,
            "Odyssey-Task: {}\nOdyssey-Holder: {}\nOdyssey-Fence: {}\n",
            lease.task, lease.holder, lease.fence
        );
        Ok(message)
    }
}
