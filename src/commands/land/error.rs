//! Why work does not land, and what to do about it.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::commands::removal;
use crate::domain::task::TaskName;
use crate::git::BString;

/// Why work does not land.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// It was claimed for a checkout.
    #[error("{0} has no branch: its work is in the checkout that it was claimed for")]
    Here(TaskName),
    /// The target has all its commits.
    #[error("{0} has nothing to land: {1} has all its commits")]
    Nothing(TaskName, String),
    /// Its branch is gone.
    #[error("the branch {0} is gone")]
    NoBranch(String),
    /// There are edits in its workspace.
    #[error("the workspace of {task} has edits that are not committed: {}", removal::listed(.paths))]
    Uncommitted {
        /// The task.
        task: TaskName,
        /// Its workspace.
        path: PathBuf,
        /// What is edited.
        paths: Vec<BString>,
    },
    /// Its workspace is in the middle of a merge or the like.
    #[error("the workspace of {task} is in the middle of {operation}")]
    UnderWay {
        /// The task.
        task: TaskName,
        /// Its workspace.
        path: PathBuf,
        /// The operation.
        operation: String,
    },
    /// Its workspace is on another branch.
    #[error("the workspace of {task} is not on its branch {branch}")]
    OffBranch {
        /// The task.
        task: TaskName,
        /// Its workspace.
        path: PathBuf,
        /// Its branch.
        branch: String,
    },
    /// The target has no commit any more.
    #[error("{0} has no commit any more")]
    NoTarget(String),
    /// It does not follow the target, and was to.
    #[error("{task} does not follow {target}: it has moved since")]
    NotAhead {
        /// The task.
        task: TaskName,
        /// The target.
        target: String,
    },
    /// It is not what its review was about.
    #[error("what lands of {0} is not what its review was about any more")]
    Other(TaskName),
    /// The check cannot be run.
    #[error("--check '{command}': {reason}")]
    BadCheck {
        /// The command.
        command: String,
        /// Why.
        reason: String,
    },
    /// The target is not what was checked.
    #[error("{0} has moved since it was checked")]
    Moved(String),
}

impl Explain for LandError {
    fn kind(&self) -> Kind {
        match self {
            LandError::BadCheck { .. } => Kind::Usage,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            LandError::Here(task) | LandError::Nothing(task, _) => {
                vec![format!("end the lease: git odyssey release {task}")]
            }
            LandError::NoBranch(_) => vec!["see what happened: git odyssey doctor".to_owned()],
            LandError::Uncommitted { path, .. } => {
                vec![format!("commit or remove them there: git -C {} status", path.display())]
            }
            LandError::UnderWay { path, .. } => {
                vec![format!("finish or abort it there: git -C {} status", path.display())]
            }
            LandError::OffBranch { path, branch, .. } => {
                let short = branch.trim_start_matches("refs/heads/");
                vec![format!("go back to it: git -C {} switch {short}", path.display())]
            }
            LandError::NoTarget(_) | LandError::Moved(_) => Vec::new(),
            LandError::Other(task) => {
                vec![format!("nothing has moved; look again: git odyssey review {task} --list")]
            }
            LandError::NotAhead { task, .. } => {
                vec![format!("merge it instead: git odyssey land {task} --merge, or --rebase")]
            }
            LandError::BadCheck { .. } => vec!["for shell syntax write: --check \"sh -c '…'\"".to_owned()],
        }
    }
}
