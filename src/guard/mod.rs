//! Floor 2: gathers what a hook has to judge, and judges it by the rules.
//!
//! Only commits that are new are judged, each by its own changes. A commit belongs to a task if the task's branch
//! reaches it, else to whoever makes it. What others have published (remote-tracking refs, what was just fetched)
//! is never judged again, so pulling passes.

pub mod commits;
pub mod input;
pub mod lines;
pub mod push;
pub mod staged;
pub mod updates;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::domain::anchor::Met;
use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::domain::lease::Lease;
use crate::domain::leases::Leases;
use crate::domain::refused::Refused;
use crate::domain::region::Region;
use crate::domain::region::RegionSet;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::error::GitError;
use crate::git::repo::Repo;

use lines::Versions;

/// What every judgement needs.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// The repository, seen from the checkout in which something happens.
    pub repo: &'a Repo,
    /// The leases.
    pub leases: &'a dyn Leases,
    /// What all may change.
    pub commons: &'a RegionSet,
    /// The time.
    pub now: Timestamp,
    /// Whether the changes are about to land: another task's unfinished commits do not land with them.
    pub lands: bool,
}

/// An error of the guard room.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// git could not answer; what cannot be judged does not pass.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The leases could not be read.
    #[error("{0}")]
    Leases(Box<dyn Explain>),
}

impl From<Box<dyn Explain>> for GuardError {
    fn from(error: Box<dyn Explain>) -> GuardError {
        GuardError::Leases(error)
    }
}

impl Explain for GuardError {
    fn kind(&self) -> crate::base::failure::Kind {
        match self {
            GuardError::Refused(refused) => refused.kind(),
            GuardError::Git(error) => error.kind(),
            GuardError::Leases(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            GuardError::Refused(refused) => refused.hints(),
            GuardError::Git(error) => error.hints(),
            GuardError::Leases(error) => error.hints(),
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            GuardError::Refused(refused) => refused.details(),
            GuardError::Git(error) => error.details(),
            GuardError::Leases(error) => error.details(),
        }
    }
}

impl Bench<'_> {
    /// Judges changes, each of a path of its own; an obstacle stands only if the change does not come from the obstacle's own task, as
    /// `sources` (the commits that the change came from) tell.
    ///
    /// `at` is the commit of which the changes are made, if there is one.
    fn judge(
        &self,
        actor: &Actor,
        changes: &[&Change],
        at: Option<Oid>,
        sources: &[Oid],
    ) -> Result<Judgement, GuardError> {
        let paths: Vec<&[u8]> = changes.iter().map(|change| change.path.as_slice()).collect();
        let book = self.leases.about(&paths, &actor.tasks())?;
        let versions = Versions(self.repo);
        let mut met = |lease: &Lease, region: &Region, path: &[u8]| {
            let mut of_path = changes.iter().filter(|change| change.path == path);
            match (of_path.next(), of_path.next()) {
                (Some(change), None) => Ok(versions.met(lease, region, change, at)?),
                // A tree that was made by hand may name a path twice; git shows the one or the other.
                _ => Ok(Met::Path),
            }
        };
        let refused = match book.judge_lines(actor, paths, self.commons, self.now, &mut met) {
            Ok(judgement) => return Ok(judgement),
            Err(GuardError::Refused(refused)) => refused,
            Err(error) => return Err(error),
        };
        let Refused::Trespass(obstacles) = refused else { return Err(refused.into()) };
        let mut standing = Vec::new();
        let mut answers: Vec<(&Lease, bool)> = Vec::new();
        for obstacle in obstacles {
            let Some(lease) = book.get(&obstacle.task) else { continue };
            let known = answers.iter().find(|(seen, _)| seen.task == lease.task).map(|(_, answer)| *answer);
            let own = match known {
                Some(answer) => answer,
                None => {
                    let answer = self.belongs(lease, sources)?;
                    answers.push((lease, answer));
                    answer
                }
            };
            if !own {
                standing.push(obstacle);
            }
        }
        if standing.is_empty() { Ok(Judgement::default()) } else { Err(Refused::Trespass(standing).into()) }
    }

    /// Whether one of these commits belongs to a lease's task: its branch, or the base it was granted on, reaches it.
    /// In a landing only what was there before the lease does.
    fn belongs(&self, lease: &Lease, commits: &[Oid]) -> Result<bool, GitError> {
        let mut tips = Vec::new();
        if let Some(branch) = lease.branch().filter(|_| !self.lands) {
            tips.extend(self.repo.reference(branch)?);
        }
        tips.extend(Oid::from_hex(lease.base.as_bytes()).ok().filter(|base| self.repo.has(*base)));
        for tip in tips {
            for commit in commits {
                if self.repo.reaches(tip, *commit)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
