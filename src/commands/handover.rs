//! Handing a task over to another machine: its commits and its uncommitted edits go to the remote that decides, and come
//! from there.

use std::path::Path;
use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::git::worktree::NewWorktree;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Making;
use crate::ledger::intent::Written;
use crate::ledger::landing::fetched;
use crate::ledger::remote::Authority;
use crate::ledger::remote_error::AuthorityError;
use crate::workspace::copy;
use crate::workspace::salvage;
use crate::workspace::setup;

use super::init;
use super::land;
use super::removal;
use super::session::Session;
use super::syncing::Syncing;

/// Why work cannot go to another machine, or come from one.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// No remote decides, so there is no other machine.
    #[error("no remote decides here, so there is nowhere to send work to")]
    NoRemote,
    /// The work is in a checkout of the person's own.
    #[error("{0} works in a checkout of its own, without a branch to send")]
    Here(TaskName),
    /// What is here may be what another machine has gone on from.
    #[error("no workspace here has the lease of {0}: another machine may have gone on with it")]
    Elsewhere(TaskName),
    /// Uncommitted edits here, and other work there.
    #[error("the workspace of {task} is not as another machine went on from it: {}", .path.display())]
    NotClean {
        /// The task.
        task: TaskName,
        /// The workspace.
        path: PathBuf,
    },
    /// Commits here that are not in what another machine has sent.
    #[error("{branch} has commits here that are not in what another machine has sent of {task}")]
    Apart {
        /// The task.
        task: TaskName,
        /// The branch as people write it.
        branch: String,
        /// The remote.
        remote: String,
    },
    /// Commits that no workspace holds.
    #[error("{branch} is here, and no workspace of {task}")]
    NoWorkspace {
        /// The task.
        task: TaskName,
        /// The branch as people write it.
        branch: String,
        /// Where its workspace would be.
        path: PathBuf,
    },
    /// git remembers a workspace whose folder is gone.
    #[error("the folder of the workspace of {task} is gone: {}", .path.display())]
    Missing {
        /// The task.
        task: TaskName,
        /// Where it was.
        path: PathBuf,
    },
    /// Something is where the workspace would be.
    #[error("{} exists already, where the workspace of {task} would be", .path.display())]
    PathTaken {
        /// The task.
        task: TaskName,
        /// What is there.
        path: PathBuf,
    },
    /// The branch is not here.
    #[error("the branch of {0} is not on this machine")]
    NoBranch(TaskName),
    /// An earlier task of the same name has left its branch on the remote.
    #[error("{name} on {remote} has commits that are not here, and does not go on from where {task} began")]
    Former {
        /// The task.
        task: TaskName,
        /// The remote.
        remote: String,
        /// The branch's full name.
        name: String,
    },
    /// The work is on another machine, which has not sent it.
    #[error("the work of {task} is neither on this machine nor on {remote}")]
    NotSent {
        /// The task.
        task: TaskName,
        /// The remote.
        remote: String,
        /// The branch that is here under its name all the same, as people write it.
        branch: Option<String>,
    },
}

impl Explain for HandoverError {
    fn hints(&self) -> Vec<String> {
        match self {
            HandoverError::NoRemote => vec!["let one decide: git odyssey init --remote origin".to_owned()],
            HandoverError::Here(_) => vec!["commit it, and push it with git".to_owned()],
            HandoverError::NoBranch(task) => {
                vec![format!("send it from the machine that has it: git odyssey park {task} --push")]
            }
            HandoverError::Elsewhere(task) => vec![
                format!("send it from the machine that has it: git odyssey park {task} --push"),
                format!("then go on with it here: git odyssey resume {task}"),
            ],
            HandoverError::NotClean { task, path } => vec![
                "nothing was touched, and the task is as it was".to_owned(),
                format!(
                    "finish there what is under way, and commit its edits on a branch of their own: {}",
                    path.display()
                ),
                format!("then bring what was sent: git odyssey resume {task}"),
            ],
            HandoverError::Apart { task, branch, remote } => vec![
                "nothing was touched, and the task is as it was".to_owned(),
                format!("send what is here beside it: git push {remote} {branch}:refs/heads/{task}-here"),
                format!(
                    "on the machine that sent the other: git odyssey resume {task}, then in its workspace \
                     git pull --no-rebase {remote} {task}-here, then git odyssey park {task} --push"
                ),
                format!("then here: git odyssey resume {task}"),
            ],
            HandoverError::NoWorkspace { task, branch, path } => vec![
                format!("make its workspace: git worktree add {} {branch}", path.display()),
                format!("then: git odyssey resume {task}"),
            ],
            HandoverError::Missing { task, path } => vec![
                "put it back where it was".to_owned(),
                format!("or let git forget it: git worktree remove --force --force {}", path.display()),
                format!("then: git odyssey resume {task}"),
            ],
            HandoverError::PathTaken { task, path } => vec![
                format!("it may hold work: look into {}, and move it away", path.display()),
                format!("then: git odyssey resume {task}"),
            ],
            HandoverError::Former { task, remote, name } => vec![
                "nothing of it was overwritten; it may be left of an earlier task of this name".to_owned(),
                format!("when it is not needed: git push {remote} --delete {}", land::short(name)),
                format!("then: git odyssey park {task} --push"),
            ],
            HandoverError::NotSent { task, remote, branch } => {
                let mut hints = vec![format!("on the machine that has it: git odyssey park {task} --push")];
                hints.extend(branch.as_ref().map(|branch| {
                    format!("if {branch} as it is here is all of it, send that: git push {remote} {branch}")
                }));
                hints.push(
                    "if that is gone for good, its regions can be had by another task: claim … --take-over"
                        .to_owned(),
                );
                hints
            }
        }
    }
}

/// What was sent.
#[derive(Debug, serde::Serialize)]
pub struct Sent {
    /// The remote.
    pub remote: String,
    /// The branch's commit.
    pub commit: String,
    /// The salvage commit with what was not committed, if there was anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvage: Option<String>,
}

/// Sends a task's branch, and whatever of its workspace no commit holds, as a salvage.
///
/// # Errors
/// When no remote decides, the work is not here, or the remote has other work under the same names.
pub fn send(session: &Session, lease: &Lease) -> Result<Sent, Failure> {
    let authority = session.authority.as_ref().ok_or(HandoverError::NoRemote)?;
    let branch = lease.branch().ok_or_else(|| HandoverError::Here(lease.task.clone()))?;
    let tip = session.repo.reference(branch)?;
    let tip = tip.ok_or_else(|| HandoverError::NoBranch(lease.task.clone()))?;
    if session.is_elsewhere(lease)? {
        return Err(HandoverError::Elsewhere(lease.task.clone()).into());
    }
    let name = salvage::reference(&lease.task);
    let edited = match session.workspace(lease)?.filter(|worktree| !worktree.missing) {
        Some(worktree) => !Repo::open(&worktree.path)?.changes_by_git()?.is_empty(),
        None => false,
    };
    let there = authority.bring(&session.ledger(), &name)?;
    // Edits that were sent on top of this very commit, and are not in the workspace any more, would come back.
    let undone = match there {
        Some(there) if !edited => {
            let sent = session.repo.commit(there)?;
            sent.parents.first() == Some(&tip) && sent.tree != session.repo.commit(tip)?.tree
        }
        _ => false,
    };
    if let Some(there) = there.filter(|_| edited || undone) {
        // What was sent before stays in the history of what is sent now.
        salvage::take_in(&session.repo, &lease.task, there, session.now)?;
    }
    let why = "sent to another machine";
    let saved = match (edited, undone) {
        (true, _) => removal::save(session, lease, why, session.now)?,
        (false, true) => Some(salvage::save_branch(&session.repo, &lease.task, tip, why, session.now)?),
        (false, false) => None,
    };
    if let Some(saved) = saved {
        authority.send(&session.ledger(), &name, saved)?;
    }
    if let Err(error) = authority.send(&session.ledger(), branch, tip) {
        return Err(match session.repo.reference(&fetched(branch))? {
            Some(there) if is_diverged(&error) && !is_of(session, lease, there)? => {
                let (task, remote) = (lease.task.clone(), authority.remote().name.clone());
                HandoverError::Former { task, remote, name: branch.to_owned() }.into()
            }
            _ => error.into(),
        });
    }
    let remote = authority.remote().name.clone();
    Ok(Sent {
        remote,
        commit: tip.to_string(),
        salvage: saved.filter(|_| edited).map(|saved| saved.to_string()),
    })
}

fn is_diverged(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Remote(AuthorityError::Diverged { .. }))
}

/// Work that is on the remote and not here.
#[derive(Debug)]
pub struct Waiting {
    branch: String,
    tip: Oid,
    /// What no commit of the branch holds.
    edits: Option<Oid>,
    /// Where the branch is here, if it is: `tip` reaches that.
    old: Option<Oid>,
    /// The workspace here, which is clean and on the branch, if there is one.
    workspace: Option<PathBuf>,
}

/// The work of a task with which another machine has gone on, if it is not here. Nothing is changed by looking.
///
/// # Errors
/// When the work is neither here nor on the remote, or what is here is in its way.
pub fn look(session: &Session, lease: &Lease) -> Result<Option<Waiting>, Failure> {
    let (Some(authority), Some(branch)) = (&session.authority, lease.branch()) else { return Ok(None) };
    if !session.is_elsewhere(lease)? {
        return Ok(None);
    }
    let old = session.repo.reference(branch)?;
    let not_sent = || not_sent(authority, lease, old.map(|_| land::short(branch).to_owned()));
    let tip = authority.bring(&session.ledger(), branch)?;
    let tip = match tip {
        Some(tip) if is_of(session, lease, tip)? => tip,
        _ => return Err(not_sent().into()),
    };
    let name = salvage::reference(&lease.task);
    let edits = authority.bring(&session.ledger(), &name)?;
    let edits = match edits {
        // Only what was saved on top of this very commit goes with it; what is older stays on the remote.
        Some(edits) if session.repo.commit(edits)?.parents.first() == Some(&tip) => Some(edits),
        _ => None,
    };
    let mut waiting = Waiting { branch: branch.to_owned(), tip, edits, old, workspace: None };
    let task = || lease.task.clone();
    let worktree = session.workspace(lease)?;
    if let Some(worktree) = worktree.as_ref().filter(|worktree| worktree.missing) {
        return Err(HandoverError::Missing { task: task(), path: worktree.path.clone() }.into());
    }
    let ahead = match old {
        Some(old) if old != tip && session.repo.reaches(old, tip)? => true,
        Some(old) if !session.repo.reaches(tip, old)? => {
            let (branch, remote) = (land::short(branch).to_owned(), authority.remote().name.clone());
            return Err(HandoverError::Apart { task: task(), branch, remote }.into());
        }
        _ => false,
    };
    let Some(worktree) = worktree else {
        if ahead {
            let (branch, path) = (land::short(branch).to_owned(), session.workspaces()?.path(&lease.task));
            return Err(HandoverError::NoWorkspace { task: task(), branch, path }.into());
        }
        let workspaces = session.workspaces()?;
        for path in [workspaces.path(&lease.task), workspaces.building(&lease.task)] {
            // A dangling link would be taken for absent by a plain "exists".
            if path.symlink_metadata().is_ok() {
                return Err(HandoverError::PathTaken { task: task(), path }.into());
            }
        }
        return Ok(Some(waiting));
    };
    // What was saved here and sent is no news.
    let known = match (edits, session.repo.reference(&name)?) {
        (Some(edits), Some(own)) => session.repo.reaches(own, edits)?,
        (edits, _) => edits.is_none(),
    };
    if ahead || (old == Some(tip) && known) {
        return Ok(None);
    }
    let workspace = Repo::open(&worktree.path)?;
    let on_branch = workspace.head()?.branch() == Some(branch);
    if !on_branch || workspace.operation_under_way().is_some() || !workspace.changes_by_git()?.is_empty() {
        return Err(HandoverError::NotClean { task: task(), path: worktree.path }.into());
    }
    waiting.workspace = Some(worktree.path);
    Ok(Some(waiting))
}

/// Whether a commit goes on from where a task began. What does not is left of an earlier task of the same name.
fn is_of(session: &Session, lease: &Lease, tip: Oid) -> Result<bool, Failure> {
    let base = Oid::from_hex(lease.base.as_bytes()).map_err(GitError::gix("read where a task began"))?;
    Ok(session.repo.has(base) && session.repo.reaches(tip, base)?)
}

/// The commit to build on a task's work from: that of its branch, or of what another machine has sent. Nothing when it has no
/// branch here and no remote decides. The remote is only asked when `ask`; else the answer is as it was asked last.
///
/// # Errors
/// When its work may be on another machine, which has not sent it.
pub fn tip(session: &Session, lease: &Lease, ask: bool) -> Result<Option<Oid>, Failure> {
    let Some(branch) = lease.branch() else { return Ok(None) };
    let here = session.repo.reference(branch)?;
    let authority = match &session.authority {
        Some(authority) if session.is_elsewhere(lease)? => authority,
        _ => return Ok(here),
    };
    let sent = if ask {
        authority.bring(&session.ledger(), branch)?
    } else {
        session.repo.reference(&fetched(branch))?
    };
    match sent {
        Some(tip) if is_of(session, lease, tip)? => Ok(Some(tip)),
        _ => Err(not_sent(authority, lease, here.map(|_| land::short(branch).to_owned())).into()),
    }
}

fn not_sent(authority: &Authority, lease: &Lease, branch: Option<String>) -> HandoverError {
    HandoverError::NotSent { task: lease.task.clone(), remote: authority.remote().name.clone(), branch }
}

impl Waiting {
    /// Makes the workspace with this work in it, or brings the one that is here to it. `lease` is the new grant.
    ///
    /// # Errors
    /// When something is where it would go, or it cannot be made. The lease stays.
    pub fn unpack(self, session: &Session, lease: &Lease) -> Result<PathBuf, Failure> {
        match (&self.workspace, self.old) {
            (Some(path), Some(old)) => {
                let path = path.clone();
                self.bring_forward(session, lease, &path, old)?;
                Ok(path)
            }
            (_, Some(old)) => {
                // All its commits are in what was brought, which a ref of ours keeps.
                removal::delete_branch(session, &self.branch, old, "its work is on another machine")?;
                self.make(session, lease)
            }
            (_, None) => self.make(session, lease),
        }
    }

    fn bring_forward(self, session: &Session, lease: &Lease, path: &Path, old: Oid) -> Result<(), Failure> {
        let workspace = Repo::open(path)?;
        if old != self.tip {
            let (branch, new) = (self.branch.as_str(), self.tip);
            Syncing { lease, branch, workspace: &workspace, old, new }.carry_out(session)?;
        }
        if let Some(edits) = self.edits {
            Repo::open(path)?.restore_snapshot(edits, None)?;
        }
        // Last: with the new fence in it, the workspace has the task's work.
        Ok(copy::write(path, &LeaseFile::of(lease).to_toml())?)
    }

    fn make(self, session: &Session, lease: &Lease) -> Result<PathBuf, Failure> {
        let workspaces = session.workspaces()?;
        let making = Making {
            branch: self.branch.clone(),
            base: self.tip.to_string(),
            path: workspaces.path(&lease.task),
            building: workspaces.building(&lease.task),
        };
        let intent = Intent::Restore { task: lease.task.clone(), making: making.clone() };
        let folder = session.ledger().folder();
        let written = Written::begin(&folder, &intent)?;
        let made = session.repo.add_worktree(NewWorktree {
            path: making.path,
            branch: self.branch,
            base: self.tip,
            building: making.building,
            lock: &folder.join("lock").join("worktrees"),
            note: "brought from another machine",
            restore: self.edits,
        });
        let workspace = match made {
            Ok(workspace) => workspace,
            Err(error) => {
                written.done()?;
                return Err(error.into());
            }
        };
        let path = workspace.need_checkout()?.to_owned();
        copy::write(&path, &LeaseFile::of(lease).to_toml())?;
        init::adopt(session, &workspace)?;
        written.done()?;
        setup::copy_files(&session.home, &path, &session.policy.workspace.copy)?;
        setup::run_commands(lease, &path, &session.policy.workspace.setup)?;
        Ok(path)
    }
}
