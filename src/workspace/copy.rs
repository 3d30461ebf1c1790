//! Copies of leases in checkouts, for people and agents to read.
//!
//! No decision is taken from a copy, except "which task and fence am I".

use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::domain::judge::Actor;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::repo::Repo;

/// The folder in a checkout that holds copies; `git odyssey init` excludes it from git.
pub const FOLDER: &str = ".odyssey";

/// The two facts that are read back from a copy.
#[derive(serde::Deserialize)]
struct Identity {
    task: TaskName,
    fence: Fence,
}

/// Writes the copy of a workspace's own lease. `text` is the lease's file.
///
/// # Errors
/// When it cannot be written.
pub fn write(workspace: &Path, text: &str) -> Result<(), FileError> {
    atomic::put(&own(workspace), noted(text).as_bytes())
}

/// Writes the copy of a lease that was claimed for a person's checkout.
///
/// # Errors
/// When it cannot be written.
pub fn write_here(checkout: &Path, lease: &Lease, text: &str) -> Result<(), FileError> {
    atomic::put(&here(checkout, &lease.task), noted(text).as_bytes())
}

/// Removes the copy of a lease from a checkout, whichever kind it is.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(checkout: &Path, task: &TaskName) -> Result<(), FileError> {
    if identity(&own(checkout))?.is_some_and(|(own, _)| own == *task) {
        atomic::remove(&own(checkout))?;
    }
    atomic::remove(&here(checkout, task))
}

/// The task and fence of the workspace at `checkout`, if it is one.
///
/// # Errors
/// When there is a copy and it cannot be understood: taking an agent for a person would let it write anywhere.
pub fn workspace(checkout: &Path) -> Result<Option<(TaskName, Fence)>, FileError> {
    identity(&own(checkout))
}

/// Who works in this checkout: a task in its workspace, or a person with the leases claimed for it.
///
/// A task's own process may name its fence in the environment (`told`), which is surer than the copy: the copy is
/// replaced when somebody else takes the workspace over.
///
/// # Errors
/// When a copy cannot be read or understood.
pub fn actor(repo: &Repo, told: Option<&(TaskName, Fence)>) -> Result<Actor, FileError> {
    let Some(checkout) = repo.checkout() else { return Ok(Actor::Person(Vec::new())) };
    if let Some((task, fence)) = workspace(checkout)? {
        return Ok(match told {
            Some((named, fence)) if *named == task => Actor::Task(task, *fence),
            _ => Actor::Task(task, fence),
        });
    }
    let folder = checkout.join(FOLDER).join("here");
    let mut own = Vec::new();
    match std::fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(|source| FileError::new("read", &folder, source))?.path();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    own.extend(identity(&path)?);
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::new("read", &folder, error)),
    }
    Ok(Actor::Person(own))
}

fn own(checkout: &Path) -> PathBuf {
    checkout.join(FOLDER).join("lease.toml")
}

fn here(checkout: &Path, task: &TaskName) -> PathBuf {
    checkout.join(FOLDER).join("here").join(format!("{task}.toml"))
}

fn identity(path: &Path) -> Result<Option<(TaskName, Fence)>, FileError> {
    let Some(bytes) = atomic::read(path)? else { return Ok(None) };
    let broken = |reason: String| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
        FileError::new("understand", path, source)
    };
    let text = String::from_utf8(bytes).map_err(|error| broken(error.to_string()))?;
    let identity: Identity = toml::from_str(&text).map_err(|error| broken(error.to_string()))?;
    Ok(Some((identity.task, identity.fence)))
}

fn noted(text: &str) -> String {
    format!(
        "# A copy, for reading. The lease itself is in refs/odyssey/ledger; changing this changes nothing.\n{text}"
    )
}
