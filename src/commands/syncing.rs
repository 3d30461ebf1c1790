//! The sync itself: a task's branch and its workspace move together, or nothing does.

use std::path::Path;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::lease::Lease;
use crate::git::BString;
use crate::git::Oid;
use crate::git::checkout::CheckoutLock;
use crate::git::error::GitError;
use crate::git::refs::Expect;
use crate::git::refs::Step;
use crate::git::repo::Repo;
use crate::ledger::error::LedgerError;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Written;
use crate::ledger::local::LEDGER;
use crate::workspace::salvage;

use super::recover::Recovery;
use super::removal;
use super::session::Session;

/// Why a sync does not happen although the work merges.
#[derive(Debug, thiserror::Error)]
pub enum SyncingError {
    /// Uncommitted edits are in the way.
    #[error("uncommitted edits in the workspace of {task} are in the way: {}", removal::listed(.paths))]
    InTheWay {
        /// The task.
        task: String,
        /// The edited paths that the sync would change.
        paths: Vec<BString>,
    },
    /// The branch moved while the work was merged.
    #[error("{0} moved meanwhile")]
    BranchMoved(String),
    /// The workspace has left its branch while the work was merged.
    #[error("the workspace of {0} has left its branch meanwhile")]
    BranchLeft(String),
}

impl Explain for SyncingError {
    fn kind(&self) -> Kind {
        match self {
            SyncingError::InTheWay { .. } => Kind::Conflict,
            SyncingError::BranchMoved(_) | SyncingError::BranchLeft(_) => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            SyncingError::InTheWay { .. } => {
                vec![
                    "nothing was touched; commit these edits (or move them away), then sync again".to_owned(),
                ]
            }
            SyncingError::BranchMoved(_) => vec!["run the same command again".to_owned()],
            SyncingError::BranchLeft(_) => Vec::new(),
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        let SyncingError::InTheWay { paths, .. } = self else { return None };
        let paths: Vec<String> = paths.iter().map(|path| crate::base::text::visible(path)).collect();
        Some(serde_json::json!({ "in_the_way": paths }))
    }
}

/// One move of a task's branch that is ready to be made.
pub struct Syncing<'a> {
    /// The task's lease.
    pub lease: &'a Lease,
    /// The full name of the branch.
    pub branch: &'a str,
    /// The workspace, which is on the branch.
    pub workspace: &'a Repo,
    /// The branch's commit that was merged.
    pub old: Oid,
    /// The branch's commit afterwards.
    pub new: Oid,
}

/// What moved.
#[derive(Debug)]
pub struct Moved {
    /// Paths that somebody edited at that very moment, and that were left as they are.
    pub kept: Vec<BString>,
    /// The salvage commit that keeps the commits which the branch no longer has.
    pub saved: Option<Oid>,
}

impl Syncing<'_> {
    /// Moves the branch, and brings the workspace to it.
    ///
    /// # Errors
    /// When uncommitted edits are in the way, the lease was taken over or parked, the branch moved, or a hook refused;
    /// then nothing has moved.
    pub fn carry_out(&self, session: &Session) -> Result<Moved, Failure> {
        let path = self.workspace.need_checkout()?;
        let mark = format!("git odyssey sync {} fence {}", self.lease.task, self.lease.fence);
        let intent = Intent::Sync {
            task: self.lease.task.clone(),
            branch: self.branch.to_owned(),
            old: self.old.to_string(),
            new: self.new.to_string(),
            path: path.to_owned(),
            mark: mark.clone(),
        };
        // Before the lock: a kill between the two would leave the workspace locked, and nobody to unlock it.
        let written = Written::begin(&session.ledger().folder(), &intent)?;
        let mut lock = match self.lock_workspace(path, &mark) {
            Ok(lock) => lock,
            Err(failure) => {
                written.done()?;
                return Err(failure);
            }
        };
        match self.move_branch(session, &mut lock) {
            Ok(moved) => {
                drop(lock);
                written.done()?;
                Ok(moved)
            }
            Err(failure) => {
                // Before the branch has moved nothing has; afterwards the intent stays for the recovery to finish.
                if session.repo.reference(self.branch)? != Some(self.new) {
                    drop(lock);
                    written.done()?;
                }
                Err(failure)
            }
        }
    }

    fn lock_workspace(&self, path: &Path, mark: &str) -> Result<CheckoutLock, Failure> {
        let lock = self.workspace.lock_checkout(mark)?;
        // From here on no git moves HEAD of this checkout.
        if Repo::open(path)?.head()?.branch() != Some(self.branch) {
            return Err(SyncingError::BranchLeft(self.lease.task.to_string()).into());
        }
        let paths = lock.in_the_way(self.old, self.new, None)?;
        if !paths.is_empty() {
            return Err(SyncingError::InTheWay { task: self.lease.task.to_string(), paths }.into());
        }
        Ok(lock)
    }

    fn move_branch(&self, session: &Session, checkout: &mut CheckoutLock) -> Result<Moved, Failure> {
        let ledger = session.ledger();
        let lock = ledger.lock()?;
        let state = ledger.read()?;
        state.book.need_active(&self.lease.task, self.lease.fence).map_err(LedgerError::from)?;
        if session.repo.reference(self.branch)? != Some(self.old) {
            return Err(SyncingError::BranchMoved(self.branch.to_owned()).into());
        }
        // Invariant 5: a rebase leaves the commits as they were behind, and only a reflog would know them.
        let saved = if session.repo.reaches(self.new, self.old)? {
            None
        } else {
            let why = "the commits before a rebase";
            Some(salvage::save_branch(&session.repo, &self.lease.task, self.old, why, session.now)?)
        };
        // A task with an old fence may not write: the ledger's value is verified in the transaction that moves the branch.
        let steps = [
            Step::Verify(LEDGER.to_owned(), Expect::At(state.tip)),
            Step::Update(self.branch.to_owned(), Expect::At(self.old), self.new),
        ];
        self.workspace.transact(&steps, &format!("sync {}", self.lease.task), &lock)?;
        let kept = checkout.apply(self.old, self.new, None)?.kept;
        Ok(Moved { kept, saved })
    }
}

/// Finishes or undoes a sync that was cut off. Answers which.
///
/// # Errors
/// When it can be neither; the intent stays.
pub fn recover(session: &Session, intent: &Intent) -> Result<Recovery, Failure> {
    let Intent::Sync { task, branch, old, new, path, mark } = intent else {
        return Ok(Recovery::Done(String::new()));
    };
    let oid = |text: &str| Oid::from_hex(text.as_bytes()).map_err(GitError::gix("read the intent of a sync"));
    let (old, new) = (oid(old)?, oid(new)?);
    // The git that moves the branch holds this lock, and goes on when we are killed: wait until it has ended.
    drop(session.ledger().lock()?);
    let moved = match session.repo.reference(branch)? {
        Some(tip) => session.repo.has(new) && session.repo.reaches(tip, new)?,
        None => false,
    };
    if path.exists() {
        let workspace = Repo::open(path)?;
        if moved {
            workspace.finish_checkout(mark, old, new, None)?;
        } else {
            workspace.undo_checkout_lock(mark)?;
        }
    }
    Ok(Recovery::Done(if moved {
        format!("finished the sync of {task}, which was cut off after its branch had moved")
    } else {
        format!("undid the sync of {task}, which was cut off before its branch moved")
    }))
}
