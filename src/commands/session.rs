//! A session: the repository, its policy and its ledger, opened once for one request.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::holder::Holder;
use crate::domain::holder::HolderKind;
use crate::domain::judge::Actor;
use crate::domain::lease;
use crate::domain::lease::Lease;
use crate::domain::policy::Policy;
use crate::domain::region::Region;
use crate::domain::region::RegionError;
use crate::domain::region::RegionSet;
use crate::domain::task::TaskName;
use crate::git::ByteSlice;
use crate::git::repo::Repo;
use crate::git::worktree::Pool;
use crate::git::worktree::Worktree;
use crate::ledger::codec::LeaseFile;
use crate::ledger::local::Durability;
use crate::ledger::local::Ledger;
use crate::ledger::remote::Authority;
use crate::workspace::copy;
use crate::workspace::place;
use crate::workspace::place::Workspaces;

use super::Context;

/// The name of the policy file at the top of the repository.
pub const POLICY: &str = "odyssey.toml";

/// What one request works with.
pub struct Session {
    /// The repository, seen from where the request was made.
    pub repo: Repo,
    /// The main checkout, or the bare repository itself.
    pub home: PathBuf,
    /// The shared policy.
    pub policy: Policy,
    /// The time of the request.
    pub now: Timestamp,
    /// The remote that decides, if one does.
    pub authority: Option<Authority>,
}

/// What stands in the way of any request.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The place of workspaces.
    #[error("workspaces cannot be in {}, which is git's own folder", .0.display())]
    InsideGit(PathBuf),
    /// The policy file is wrong.
    #[error("{file}:{error}")]
    Policy {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        error: crate::domain::policy::PolicyError,
    },
    /// A region of the policy file is wrong.
    #[error("{place}: {error}")]
    PolicyRegion {
        /// The file, line and column, or the file and key.
        place: String,
        /// What is wrong.
        error: RegionError,
    },
    /// No branch to land on could be found.
    #[error("cannot tell which branch tasks land on")]
    NoTarget,
    /// The target has no commit.
    #[error("{0} has no commit yet")]
    EmptyTarget(String),
}

impl Explain for SessionError {
    fn kind(&self) -> Kind {
        Kind::Refused
    }

    fn hints(&self) -> Vec<String> {
        match self {
            SessionError::Policy { error, .. } => {
                let mut hints = error.hints();
                hints.push(format!("nothing is done until {POLICY} can be read"));
                hints
            }
            SessionError::PolicyRegion { error, .. } => {
                let mut hints = error.hints();
                hints.push(format!("mend {POLICY}; nothing is done until it can be read"));
                hints
            }
            SessionError::InsideGit(_) => {
                vec![format!("name another place in {POLICY}: [workspace] root = \"../{{repo}}.odyssey\"")]
            }
            SessionError::NoTarget => vec![format!("name it in {POLICY}: target = \"main\"")],
            SessionError::EmptyTarget(_) => vec!["make a first commit, then claim".to_owned()],
        }
    }
}

impl Session {
    /// Opens the repository that the request was made in.
    ///
    /// # Errors
    /// When there is none, or its policy file is wrong.
    pub fn open(context: &Context<'_>) -> Result<Session, Failure> {
        let repo = Repo::discover(&context.folder)?;
        let home = place::home(&repo)?;
        let policy = read_policy(&repo, &home)?;
        let authority = Authority::configured(&repo, context.clock)?;
        Ok(Session { repo, home, policy, now: context.clock.now(), authority })
    }

    /// The ledger.
    pub fn ledger(&self) -> Ledger<'_> {
        let durability = if self.policy.ledger.fsync { Durability::Synced } else { Durability::Cached };
        Ledger::of(&self.repo, durability).decided_by(self.authority.as_ref())
    }

    /// Where workspaces are.
    ///
    /// # Errors
    /// When the main checkout cannot be found out, or the place is in git's own folder, by way of a link too: what is in a
    /// workspace would be refs and hooks there.
    pub fn workspaces(&self) -> Result<Workspaces, Failure> {
        let workspaces = Workspaces::of(&self.repo, &self.policy.workspace.root)?;
        if workspaces.are_below(self.repo.common_dir()) {
            return Err(SessionError::InsideGit(workspaces.root().to_owned()).into());
        }
        Ok(workspaces)
    }

    /// Where trees are kept for the next workspaces, if they are.
    ///
    /// # Errors
    /// As for [`Session::workspaces`].
    pub fn pool(&self) -> Result<Option<Pool>, Failure> {
        let policy = &self.policy.pool;
        if policy.size == 0 {
            return Ok(None);
        }
        let folder = self.workspaces()?.pool();
        Ok(Some(Pool { folder, size: policy.size, caches: policy.keep.clone() }))
    }

    /// What all may change.
    ///
    /// # Errors
    /// When the policy names a malformed pattern.
    pub fn commons(&self) -> Result<RegionSet, Failure> {
        self.policy_regions("commons", &self.policy.commons, &BTreeMap::new())
    }

    /// Ignored files that may go with a workspace.
    ///
    /// # Errors
    /// When the policy names a malformed pattern.
    pub fn disposable(&self) -> Result<RegionSet, Failure> {
        self.policy_regions("workspace.disposable", &self.policy.workspace.disposable, &BTreeMap::new())
    }

    /// The paths of one `[[merge]]` entry of the policy, by its number from 0. Named sets may be among them.
    ///
    /// # Errors
    /// When the policy names a malformed pattern, or a set that there is not.
    pub fn merge_paths(&self, number: usize, texts: &[String]) -> Result<RegionSet, Failure> {
        self.policy_regions(&format!("merge.{number}"), texts, &self.policy.regions)
    }

    fn policy_regions(
        &self,
        key: &str,
        texts: &[String],
        sets: &BTreeMap<String, Vec<String>>,
    ) -> Result<RegionSet, Failure> {
        let mut regions = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let region = Region::parse(text, sets, self.ledger().case());
            regions.push(region.map_err(|error| self.policy_error(key, index, error))?);
        }
        Ok(RegionSet::new(regions))
    }

    fn policy_error(&self, key: &str, index: usize, error: RegionError) -> SessionError {
        let place = self.policy.position_of(key, index);
        let place = place.map_or_else(|| key.to_owned(), |at| format!("{}:{}", at.line, at.column));
        SessionError::PolicyRegion { place: format!("{POLICY}:{place}"), error }
    }

    /// Regions as a person writes them, with the policy's named sets.
    ///
    /// # Errors
    /// When one is malformed or names an unknown set.
    pub fn regions(&self, texts: &[String]) -> Result<RegionSet, Failure> {
        let texts = texts.iter().map(String::as_str);
        lease::regions_from(texts, &self.policy.regions, self.ledger().case()).map_err(|error| {
            let Some(set) = &error.set else { return error.into() };
            let patterns = self.policy.regions.get(set).into_iter().flatten();
            let index = patterns.take_while(|pattern| **pattern != error.region).count();
            self.policy_error(&format!("regions.{set}"), index, error).into()
        })
    }

    /// The full name of the branch that tasks land on: the policy's, else that of the main checkout when it is on
    /// one that is not a task's, else what git makes first (`init.defaultBranch`), else `main` or `master`.
    ///
    /// # Errors
    /// When none of these exists.
    pub fn target(&self) -> Result<String, Failure> {
        let full = |name: &str| format!("refs/heads/{name}");
        if let Some(target) = &self.policy.target {
            return Ok(full(target));
        }
        let mut candidates = Vec::new();
        candidates.extend(self.repo.config("init.defaultBranch").map(|name| full(&name.to_str_lossy())));
        candidates.extend([full("main"), full("master")]);
        for name in candidates {
            if self.repo.reference(&name)?.is_some() {
                return Ok(name);
            }
        }
        let main = if self.repo.is_linked() { Repo::open(&self.home)?.head()? } else { self.repo.head()? };
        match main.branch() {
            Some(name) if TaskName::of_branch(name).is_none() => Ok(name.to_owned()),
            _ => Err(SessionError::NoTarget.into()),
        }
    }

    /// Who asks: the task of this workspace, or a person with the leases of this checkout.
    ///
    /// # Errors
    /// When a copy of a lease cannot be understood.
    pub fn actor(&self, context: &Context<'_>) -> Result<Actor, Failure> {
        Ok(copy::actor(&self.repo, context.told.as_ref())?)
    }

    /// The person at the keyboard, by git's configuration.
    ///
    /// # Errors
    /// When the configured name cannot be a holder's.
    pub fn person(&self) -> Result<Holder, Failure> {
        let name = self.repo.person().0.map(|name| name.to_str_lossy().into_owned());
        Ok(Holder::new(name.as_deref().unwrap_or("somebody"), HolderKind::Human)?)
    }

    /// The task that a request means: the one it names, else that of the workspace that it was made in.
    ///
    /// # Errors
    /// When it names none and was made in no workspace.
    pub fn task(&self, named: Option<&TaskName>) -> Result<TaskName, Failure> {
        if let Some(task) = named {
            return Ok(task.clone());
        }
        let here = self.repo.checkout().map(copy::workspace).transpose()?.flatten();
        here.map(|(task, _)| task).ok_or_else(|| NoTaskNamed.into())
    }

    /// The worktree in which a lease's work happens, if there is one.
    ///
    /// # Errors
    /// When the worktrees cannot be listed.
    pub fn workspace(&self, lease: &Lease) -> Result<Option<Worktree>, Failure> {
        let Some(branch) = lease.branch() else { return Ok(None) };
        let worktrees = self.repo.worktrees()?;
        if let Some(found) = place::workspace_of(&worktrees, branch) {
            return Ok(Some(found.clone()));
        }
        // In the middle of a rebase or a check HEAD is on no branch; the copy of the lease tells.
        for worktree in worktrees {
            let named = if worktree.missing { None } else { copy::workspace(&worktree.path)? };
            if named.is_some_and(|(task, _)| task == lease.task) {
                return Ok(Some(worktree));
            }
        }
        Ok(None)
    }

    /// Whether another machine may have gone on with a task: what is here under its name is the task's work only in a
    /// workspace that was given the lease's fence. Never where no remote decides, nor without a branch.
    ///
    /// # Errors
    /// When the worktrees cannot be listed, or a note cannot be understood.
    pub fn is_elsewhere(&self, lease: &Lease) -> Result<bool, Failure> {
        if self.authority.is_none() || lease.branch().is_none() {
            return Ok(false);
        }
        let Some(worktree) = self.workspace(lease)?.filter(|worktree| !worktree.missing) else {
            return Ok(true);
        };
        Ok(copy::workspace(&worktree.path)? != Some((lease.task.clone(), lease.fence)))
    }

    /// Writes a lease's copy into its workspace, where there is one that has the task's work.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn refresh_copy(&self, lease: &Lease) -> Result<(), Failure> {
        // With the new fence in it a workspace that was left behind would pass for the one that went on.
        if self.is_elsewhere(lease)? {
            return Ok(());
        }
        if let Some(worktree) = self.workspace(lease)?.filter(|worktree| !worktree.missing) {
            copy::write(&worktree.path, &LeaseFile::of(lease).to_toml())?;
        }
        Ok(())
    }
}

/// A request that needs a task's name.
#[derive(Debug, thiserror::Error)]
#[error("which task? This is not a task's workspace")]
struct NoTaskNamed;

impl Explain for NoTaskNamed {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["name it; the live tasks: git odyssey status".to_owned()]
    }
}

fn read_policy(repo: &Repo, home: &Path) -> Result<Policy, Failure> {
    // The main checkout's file, not the workspace's: a task must not change the rules that it works under.
    let path = home.join(POLICY);
    let bytes = match repo.checkout() {
        Some(_) => atomic::read(&path)?,
        None => match repo.head()?.commit() {
            Some(commit) => repo.file_at(commit, POLICY.into())?,
            None => None,
        },
    };
    let Some(bytes) = bytes else { return Ok(Policy::default()) };
    let text = String::from_utf8_lossy(&bytes);
    Policy::parse(&text).map_err(|error| SessionError::Policy { file: POLICY.to_owned(), error }.into())
}
