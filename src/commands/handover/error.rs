//! What can stand in the way of a task that goes from one machine to another, and what to do then.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::domain::task::TaskName;
use crate::git::Oid;

use crate::commands::land;

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
    /// The remote has lost what was sent to it.
    #[error("{remote} does not have any more what was sent of {task}: {} was sent, and {} is there", .sent.to_hex_with_len(10), .there.map_or("nothing".to_owned(), |there| there.to_hex_with_len(10).to_string()))]
    Gone {
        /// The task.
        task: TaskName,
        /// The remote.
        remote: String,
        /// The commit that was sent.
        sent: Oid,
        /// What is there under its name.
        there: Option<Oid>,
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
            HandoverError::Gone { task, .. } => vec![
                "nothing was touched, and the task is as it was".to_owned(),
                format!("send it again from the machine that has it: git odyssey park {task} --push"),
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
