//! Judging ref updates: what moves a local branch, and what leaves for a remote.

use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;

use super::Bench;
use super::GuardError;
use super::commits::Published;

/// One ref that is about to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The full name of the ref.
    pub name: String,
    /// Its new value; nothing when it goes.
    pub new: Option<Oid>,
}

impl Update {
    /// Whether a local branch gets a new value.
    pub fn moves_branch(&self) -> bool {
        self.new.is_some() && self.name.starts_with(BRANCHES)
    }

    /// Whether a local branch goes. When git packs its refs it says the same of each, so that is told by where it is.
    ///
    /// # Errors
    /// When the packed refs cannot be read.
    pub fn drops_branch(&self, repo: &Repo) -> Result<bool, GitError> {
        Ok(self.new.is_none() && self.name.starts_with(BRANCHES) && !repo.is_packed_too(&self.name)?)
    }
}

/// A branch that only its own task or only a landing may move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BranchRefused {
    /// Somebody moves a live task's branch from outside its workspace.
    #[error("{branch} is the branch of {task} ({holder}), and moves only in its workspace")]
    Exclusive {
        /// The branch.
        branch: String,
        /// Its task.
        task: String,
        /// Its holder.
        holder: String,
    },
    /// A task moves its target without landing.
    #[error("{task} may not move {target} itself: what lands is checked against its lease first")]
    Target {
        /// The task.
        task: String,
        /// Its target.
        target: String,
    },
}

impl crate::base::failure::Explain for BranchRefused {
    fn kind(&self) -> crate::base::failure::Kind {
        crate::base::failure::Kind::Held
    }

    fn hints(&self) -> Vec<String> {
        match self {
            BranchRefused::Exclusive { task, .. } => {
                vec![
                    format!("work on a branch of your own, or take the task over: git odyssey park {task}"),
                    format!("or end it, which saves its work: git odyssey abandon {task}"),
                ]
            }
            BranchRefused::Target { task, .. } => vec![format!("land it: git odyssey land {task}")],
        }
    }
}

/// Why updates do not pass.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// A branch is not the actor's to move.
    #[error(transparent)]
    Branch(#[from] BranchRefused),
    /// A commit writes where it may not, or could not be judged.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

impl From<GitError> for UpdateError {
    fn from(error: GitError) -> UpdateError {
        UpdateError::Guard(error.into())
    }
}

impl crate::base::failure::Explain for UpdateError {
    fn kind(&self) -> crate::base::failure::Kind {
        match self {
            UpdateError::Branch(refused) => refused.kind(),
            UpdateError::Guard(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            UpdateError::Branch(refused) => refused.hints(),
            UpdateError::Guard(error) => error.hints(),
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            UpdateError::Branch(refused) => refused.details(),
            UpdateError::Guard(error) => error.details(),
        }
    }
}

const BRANCHES: &str = "refs/heads/";
const REMOTES: &str = "refs/remotes/";

/// What others have published as far as this repository knows: remote-tracking refs and what was fetched last.
///
/// # Errors
/// When refs cannot be listed.
pub fn published(repo: &Repo) -> Result<Published, GitError> {
    let mut tips: Vec<Oid> = repo.references(REMOTES)?.into_iter().map(|(_, tip)| tip).collect();
    tips.extend(repo.fetched()?);
    Ok(Published(tips))
}

impl Bench<'_> {
    /// Judges updates of local branches that are prepared to happen in one transaction.
    ///
    /// # Errors
    /// The first update that may not happen.
    pub fn judge_updates(&self, actor: &Actor, updates: &[Update]) -> Result<Judgement, UpdateError> {
        let mut all = Judgement::default();
        for update in updates {
            if update.drops_branch(self.repo)? {
                self.judge_branch(actor, update)?;
            }
        }
        if !updates.iter().any(Update::moves_branch) {
            return Ok(all);
        }
        let mut published = published(self.repo)?;
        let fetched = updates.iter().filter(|update| update.name.starts_with(REMOTES));
        published.0.extend(fetched.filter_map(|update| update.new));
        let branches = self.repo.references(BRANCHES)?;
        let targets = self.leases.targets();
        for update in updates.iter().filter(|update| update.moves_branch()) {
            let Some(new) = update.new else { continue };
            let old = branches.iter().find(|(name, _)| *name == update.name).map(|(_, tip)| *tip);
            if old == Some(new) {
                continue;
            }
            self.judge_branch(actor, update)?;
            let is_target = targets.contains(update.name.as_str());
            let mut known = published.0.clone();
            known.extend(old);
            let mut published = published.clone();
            for (name, tip) in &branches {
                if *name == update.name {
                    continue;
                }
                // What reaches a target is written there, whatever branch it was on before.
                if !is_target {
                    known.push(*tip);
                }
                if targets.contains(name.as_str()) {
                    published.0.push(*tip);
                }
            }
            published.0.extend(old);
            let commits = self.repo.new_commits(&[new], &known)?;
            let judgement = self.judge_commits(actor, &commits, &published)?;
            all.free.extend(judgement.free);
            all.expired.extend(judgement.expired);
            all.parked.extend(judgement.parked);
        }
        Ok(all)
    }

    /// A live task's branch moves or goes only in its workspace, and its target moves only by landing.
    fn judge_branch(&self, actor: &Actor, update: &Update) -> Result<(), UpdateError> {
        let task = match actor {
            Actor::Task(task, _) => Some(task),
            Actor::Person(_) => None,
        };
        let named = TaskName::of_branch(&update.name);
        let tasks: Vec<&TaskName> = task.into_iter().chain(&named).collect();
        let book = self.leases.about(&[], &tasks).map_err(GuardError::from)?;
        let of_branch = |lease: &&Lease| lease.branch() == Some(update.name.as_str());
        if let Some(lease) = named.as_ref().and_then(|task| book.get(task)).filter(of_branch)
            && task != Some(&lease.task)
        {
            return Err(UpdateError::Branch(BranchRefused::Exclusive {
                branch: update.name.clone(),
                task: lease.task.to_string(),
                holder: lease.holder.to_string(),
            }));
        }
        let own = task.and_then(|task| book.get(task));
        match own {
            Some(lease) if lease.target == update.name => Err(UpdateError::Branch(BranchRefused::Target {
                task: lease.task.to_string(),
                target: update.name.clone(),
            })),
            _ => Ok(()),
        }
    }

    /// The commits that are about to leave for a remote, which has `theirs` already, and what counts as published there.
    ///
    /// # Errors
    /// When refs or history cannot be read.
    pub fn leaving(&self, tips: &[Oid], theirs: &[Oid]) -> Result<(Vec<Oid>, Published), GitError> {
        let mut known = published(self.repo)?.0;
        known.extend(theirs.iter().filter(|tip| self.repo.has(**tip)));
        Ok((self.repo.new_commits(tips, &known)?, Published(known)))
    }
}
