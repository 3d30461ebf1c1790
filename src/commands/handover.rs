//! Handing a task over to another machine: its commits and its uncommitted edits go to the remote that decides, and come
//! from there.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::refs::Expect;
use crate::git::repo::Repo;
use crate::git::worktree::NewWorktree;
use crate::ledger::codec::LeaseFile;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Making;
use crate::ledger::intent::Written;
use crate::ledger::remote::Authority;
use crate::workspace::copy;
use crate::workspace::salvage;
use crate::workspace::setup;

use super::init;
use super::removal;
use super::session::Session;

/// Why work cannot go to another machine, or come from one.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// No remote decides, so there is no other machine.
    #[error("no remote decides here, so there is nowhere to send work to")]
    NoRemote,
    /// The work is in a checkout of the person's own.
    #[error("{0} works in a checkout of its own, without a branch to send")]
    Here(TaskName),
    /// The branch is not here.
    #[error("the branch of {0} is not on this machine")]
    NoBranch(TaskName),
    /// The work is on another machine, which has not sent it.
    #[error("the work of {task} is neither on this machine nor on {remote}")]
    NotSent {
        /// The task.
        task: TaskName,
        /// The remote.
        remote: String,
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
            HandoverError::NotSent { task, .. } => vec![
                format!("on the machine that has it: git odyssey park {task} --push"),
                "if that is gone for good, its regions can be had by another task: claim … --take-over"
                    .to_owned(),
            ],
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
    let saved = match session.workspace(lease)?.filter(|worktree| !worktree.missing) {
        Some(worktree) if !Repo::open(&worktree.path)?.changes_by_git()?.is_empty() => {
            let name = salvage::reference(&lease.task);
            // What was sent before stays in the history of what is sent now.
            if let (Some(there), None) =
                (authority.bring(&session.ledger(), &name)?, session.repo.reference(&name)?)
            {
                session.repo.edit(&name, Expect::Absent, there)?;
            }
            removal::save(session, lease, "sent to another machine", session.now)?
        }
        _ => None,
    };
    if let Some(saved) = saved {
        authority.send(&session.ledger(), &salvage::reference(&lease.task), saved)?;
    }
    authority.send(&session.ledger(), branch, tip)?;
    let remote = authority.remote().name.clone();
    Ok(Sent { remote, commit: tip.to_string(), salvage: saved.map(|saved| saved.to_string()) })
}

/// Work that is on the remote and not here.
#[derive(Debug)]
pub struct Waiting {
    branch: String,
    tip: Oid,
    /// What no commit of the branch holds.
    edits: Option<Oid>,
}

/// The work of a task that another machine has sent, if its branch is not here.
///
/// # Errors
/// When the work is neither here nor on the remote.
pub fn look(session: &Session, lease: &Lease) -> Result<Option<Waiting>, Failure> {
    let (Some(authority), Some(branch)) = (&session.authority, lease.branch()) else { return Ok(None) };
    if session.repo.reference(branch)?.is_some() {
        return Ok(None);
    }
    let tip = authority.bring(&session.ledger(), branch)?.ok_or_else(|| not_sent(authority, lease))?;
    let edits = authority.bring(&session.ledger(), &salvage::reference(&lease.task))?;
    let edits = match edits {
        // Only what was saved on top of this very commit goes with it; what is older stays on the remote.
        Some(edits) if session.repo.commit(edits)?.parents.first() == Some(&tip) => Some(edits),
        _ => None,
    };
    Ok(Some(Waiting { branch: branch.to_owned(), tip, edits }))
}

fn not_sent(authority: &Authority, lease: &Lease) -> HandoverError {
    HandoverError::NotSent { task: lease.task.clone(), remote: authority.remote().name.clone() }
}

impl Waiting {
    /// Makes the workspace with this work in it.
    ///
    /// # Errors
    /// When something is where it would go, or it cannot be made. The lease stays.
    pub fn unpack(self, session: &Session, lease: &Lease) -> Result<PathBuf, Failure> {
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
