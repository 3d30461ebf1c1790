//! The commit that would land, or that a task's branch would move to: made in memory, confirmed by git, moved to by
//! nobody yet.

use std::fmt::Write;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::lease::Lease;
use crate::domain::policy::Strategy;
use crate::domain::review::Resolutions;
use crate::git::BStr;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::merge::Merge;
use crate::git::repo::Repo;

use super::conflict::Conflicted;
use super::sides::Sides;
use super::strategy::Facts;
use super::strategy::Rules;
use super::strategy::decision;
use super::strategy::decision::Decision;
use super::strategy::settle::Settling;

/// The trailer of a merge of the target into a task's branch.
pub const SYNCED: &str = "Odyssey-Synced";

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
    /// Where our verdict was not git's; git's word counts, and the difference is a bug of ours.
    pub differences: Vec<String>,
    /// What strategies decided; it is in the commit's message too.
    pub decisions: Vec<Decision>,
    /// How many commits were left out, because the target has their changes already.
    pub dropped: usize,
}

/// A rebase would drop a merge commit and what was done in it.
#[derive(Debug, thiserror::Error)]
#[error("{task} holds a merge commit, which a rebase would drop")]
pub struct HasMerges {
    task: String,
    /// The command that does it without a rebase.
    instead: String,
}

impl Explain for HasMerges {
    fn kind(&self) -> Kind {
        Kind::Refused
    }

    fn hints(&self) -> Vec<String> {
        vec![format!("without a rebase: {}", self.instead)]
    }
}

/// What a result is made of.
#[derive(Clone, Copy)]
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
    /// What decides conflicts, path by path.
    pub rules: &'a Rules,
    /// What strategies are told.
    pub facts: &'a dyn Facts,
    /// What was decided of single conflicts in a review; of a rebase nothing.
    pub resolutions: &'a Resolutions,
    /// More trailers of the one commit that all of it comes in; there is none in a rebase.
    pub trailers: &'a [String],
    /// The time of the commits that are made.
    pub now: Timestamp,
}

/// Makes the commit that would land the task on its target.
///
/// # Errors
/// When the two conflict, or git cannot do something.
pub fn make(parts: Parts<'_>, strategy: Strategy) -> Result<Merged, Failure> {
    let Parts { repo, lease, tip, target, commits, now, .. } = parts;
    let instead = format!("git odyssey land {} --merge, or --squash", lease.task);
    let mut making = Making::of(parts, "commit, then land again", instead);
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
        Strategy::Rebase => making.replayed(Empty::Keep)?,
    };
    Ok(making.merged(commit))
}

/// Makes the commit that the task's branch would move to, to have all of its target.
///
/// # Errors
/// As for [`make`].
pub fn update(parts: Parts<'_>, how: Update) -> Result<Merged, Failure> {
    let Parts { repo, lease, tip, target, now, .. } = parts;
    let instead = format!("git odyssey sync {} --merge", lease.task);
    let mut making = Making::of(parts, "then commit", instead);
    let commit = match how {
        _ if repo.reaches(target, tip)? => target,
        Update::Merge => {
            let tree = making.tree(Sides::TaskFirst)?;
            let short = lease.target.strip_prefix("refs/heads/").unwrap_or(&lease.target);
            let mut message = making.message(&format!("Sync {} with {short}", lease.task), &[])?;
            // It names the task as a landing does, and must not be taken for one.
            let _ = writeln!(message, "{SYNCED}: {}", lease.target);
            repo.commit_tree(tree, &[tip, target], message.as_str().into(), None, now)?
        }
        Update::Rebase => making.replayed(Empty::Drop)?,
    };
    Ok(making.merged(commit))
}

/// What becomes of commits of which nothing is left, because the target has all of their changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    Keep,
    Drop,
}

struct Making<'a> {
    parts: Parts<'a>,
    /// What comes after a person has settled a conflict.
    then: &'static str,
    /// What to do where a rebase is refused.
    instead: String,
    differences: Vec<String>,
    decisions: Vec<Decision>,
    dropped: usize,
}

impl<'a> Making<'a> {
    fn of(parts: Parts<'a>, then: &'static str, instead: String) -> Making<'a> {
        Making { parts, then, instead, differences: Vec::new(), decisions: Vec::new(), dropped: 0 }
    }

    fn merged(self, commit: Oid) -> Merged {
        let Making { differences, decisions, dropped, .. } = self;
        Merged { commit, differences, decisions, dropped }
    }

    /// The tree of both. Which side is ours matters for what git merges of them, not for who has the last word.
    fn tree(&mut self, sides: Sides) -> Result<Oid, Failure> {
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
        self.settled(guess, sure, sides, None, [ours, theirs])
    }

    /// Puts each commit on top of the target, oldest first.
    fn replayed(&mut self, empty: Empty) -> Result<Oid, Failure> {
        let Parts { repo, lease, tip, target, commits, now, .. } = self.parts;
        if repo.reaches(tip, target)? {
            return Ok(tip);
        }
        let mut oldest_first = Vec::with_capacity(commits.len());
        for commit in commits.iter().rev() {
            let read = repo.commit(*commit)?;
            let [parent] = read.parents[..] else {
                let instead = std::mem::take(&mut self.instead);
                return Err(HasMerges { task: lease.task.to_string(), instead }.into());
            };
            oldest_first.push((commit, parent, read));
        }
        let mut onto = target;
        for (commit, parent, read) in oldest_first {
            let guess = repo.replay(*commit, onto);
            let sure = repo.confirm(Some(parent), onto, *commit)?;
            let before = self.decisions.len();
            let was_empty = repo.commit(parent)?.tree == read.tree;
            let tree = self.settled(guess, sure, Sides::TargetFirst, Some(parent), [onto, *commit])?;
            let message = with_trailers(read.message.as_bstr(), &self.trailers(before));
            for decision in &mut self.decisions[before..] {
                decision.commit = Some(commit.to_string());
            }
            if empty == Empty::Drop && !was_empty && repo.commit(onto)?.tree == tree {
                self.dropped += 1;
                continue;
            }
            onto = repo.commit_tree(tree, &[onto], message.as_bstr(), Some(*commit), now)?;
        }
        Ok(onto)
    }

    /// Git's verdict counts; where ours was another, that is noted. What conflicts is for the rules to decide.
    fn settled(
        &mut self,
        guess: Result<Merge, GitError>,
        sure: Merge,
        sides: Sides,
        base: Option<Oid>,
        [ours, theirs]: [Oid; 2],
    ) -> Result<Oid, Failure> {
        match guess.map(|guess| guess.disagreement(&sure).is_some()) {
            Ok(true) => self.differences.push(format!("our verdict on {ours} and {theirs} is not git's")),
            Ok(false) => {}
            // "Cannot tell" was never a verdict.
            Err(error) => tracing::debug!(%error, "no verdict before git's"),
        }
        if sure.is_clean() {
            return Ok(sure.tree);
        }
        let Parts { repo, lease, rules, facts, resolutions, .. } = self.parts;
        let settled = Settling { repo, sides, base, ours, theirs, rules, facts, resolutions }.settle(sure)?;
        if !settled.left.is_empty() {
            return Err(Conflicted::read(repo, lease, sides, settled.left, self.then, base.is_some())?.into());
        }
        self.decisions.extend(settled.decisions);
        Ok(settled.tree)
    }

    /// The decisions from one on, as trailers of a commit.
    fn trailers(&self, from: usize) -> Vec<String> {
        let Lease { task, target, .. } = self.parts.lease;
        let target = target.strip_prefix("refs/heads/").unwrap_or(target);
        let line =
            |decision: &Decision| format!("{}: {}", decision::TRAILER, decision.line(task.as_str(), target));
        self.decisions[from..].iter().map(line).collect()
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
        for trailer in self.parts.trailers.iter().chain(&self.trailers(0)) {
            let _ = writeln!(message, "{trailer}");
        }
        Ok(message)
    }
}

/// A message with more trailers, in a paragraph of their own unless its last one holds trailers only.
fn with_trailers(message: &BStr, trailers: &[String]) -> BString {
    let mut out = message.to_owned();
    if trailers.is_empty() {
        return out;
    }
    let is_trailer = |line: &[u8]| {
        let name = line.split_once_str(": ").map_or(&b""[..], |(name, _)| name);
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let text = message.trim_end();
    let last = text.rsplit_once_str("\n\n").map(|(_, last)| last);
    out.truncate(text.len());
    out.push(b'\n');
    if !last.is_some_and(|last| last.lines().all(is_trailer)) {
        out.push(b'\n');
    }
    for trailer in trailers {
        out.extend_from_slice(trailer.as_bytes());
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_join_those_that_are_there() {
        let with = |message: &str| {
            with_trailers(message.into(), &["Odyssey-Settled: a by ours".to_owned()]).to_string()
        };
        let settled = "Odyssey-Settled: a by ours\n";
        assert_eq!(with("subject\n"), format!("subject\n\n{settled}"));
        assert_eq!(with("subject: it\n"), format!("subject: it\n\n{settled}"));
        assert_eq!(with("subject\n\nbody\n"), format!("subject\n\nbody\n\n{settled}"));
        let signed = "subject\n\nSigned-off-by: Ada\n";
        assert_eq!(with(signed), format!("{signed}{settled}"));
        assert_eq!(with_trailers("as it is \n\n".into(), &[]), "as it is \n\n");
    }
}
