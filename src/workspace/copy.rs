//! Copies of leases in checkouts, for people and agents to read, and each checkout's own note of whose it is.
//!
//! No decision is taken from a copy: whoever cleans or edits a folder would be somebody else afterwards. "Which task
//! and fence am I" is answered by the note, which is in git's own folder for the checkout.

use std::collections::BTreeMap;
use std::io::Error;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::domain::judge::Actor;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::paths;
use crate::git::repo::Repo;

use super::word;

/// The folder in a checkout that holds copies; `git odyssey init` excludes it from git.
pub const FOLDER: &str = ".odyssey";

/// The folder of the notes, in git's own folder for a checkout.
const NOTES: &str = "odyssey-leases";

/// The folder in the notes with files as they were made for a workspace.
const MADE: &str = "made";

/// The two facts that are read back from a note.
#[derive(serde::Deserialize)]
struct Identity {
    task: TaskName,
    fence: Fence,
}

/// Writes the note and the copy of a workspace's own lease. `text` is the lease's file.
///
/// # Errors
/// When it cannot be written.
pub fn write(workspace: &Path, text: &str) -> Result<(), FileError> {
    if let Some(notes) = notes(workspace)? {
        atomic::put(&own(&notes), text.as_bytes())?;
    }
    atomic::put(&own(&workspace.join(FOLDER)), noted(text).as_bytes())
}

/// Writes the note and the copy of a lease that was claimed for a person's checkout.
///
/// # Errors
/// When it cannot be written.
pub fn write_here(checkout: &Path, lease: &Lease, text: &str) -> Result<(), FileError> {
    if let Some(notes) = notes(checkout)? {
        atomic::put(&here(&notes, &lease.task), text.as_bytes())?;
    }
    atomic::put(&here(&checkout.join(FOLDER), &lease.task), noted(text).as_bytes())
}

/// Removes the note and the copy of a lease from a checkout, whichever kind it is.
///
/// # Errors
/// When they are there and cannot be removed.
pub fn remove(checkout: &Path, task: &TaskName) -> Result<(), FileError> {
    let is_own = workspace(checkout)?.is_some_and(|(own, _)| own == *task);
    for folder in notes(checkout)?.into_iter().chain([checkout.join(FOLDER)]) {
        if is_own {
            atomic::remove(&own(&folder))?;
        }
        atomic::remove(&here(&folder, task))?;
    }
    if is_own {
        word::take_back(checkout)?;
    }
    Ok(())
}

/// Removes all notes and copies from a checkout.
///
/// # Errors
/// When they are there and cannot be removed.
pub fn forget(checkout: &Path) -> Result<(), FileError> {
    for folder in notes(checkout)?.into_iter().chain([checkout.join(FOLDER)]) {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(FileError::new("remove", &folder, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The task and fence of the workspace at `checkout`, if it is one.
///
/// # Errors
/// When there is a note and it cannot be understood: taking an agent for a person would let it write anywhere.
pub fn workspace(checkout: &Path) -> Result<Option<(TaskName, Fence)>, FileError> {
    match notes(checkout)? {
        Some(notes) => identity(&own(&notes)),
        None => Ok(None),
    }
}

/// The note of a workspace's own lease as it was written last; nothing in a checkout that is none.
///
/// # Errors
/// When it cannot be read.
pub fn text(checkout: &Path) -> Result<Option<Vec<u8>>, FileError> {
    notes(checkout)?.map_or(Ok(None), |notes| atomic::read(&own(&notes)))
}

/// Whether a text was not told at this checkout before; from now on it was.
///
/// # Errors
/// When that cannot be read or kept.
pub fn is_news(checkout: &Path, text: &str) -> Result<bool, FileError> {
    let Some(notes) = notes(checkout)? else { return Ok(true) };
    let told = notes.join("told");
    if atomic::read(&told)?.as_deref() == Some(text.as_bytes()) {
        return Ok(false);
    }
    atomic::put(&told, text.as_bytes())?;
    Ok(true)
}

/// As [`is_news`], of one of several things that texts are about.
///
/// # Errors
/// As for [`is_news`].
pub fn is_news_about(checkout: &Path, about: &str, text: &str) -> Result<bool, FileError> {
    let Some(notes) = notes(checkout)? else { return Ok(true) };
    let file = notes.join("heard.json");
    // One that cannot be understood tells everything again.
    let heard = atomic::read(&file)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut heard: BTreeMap<String, String> = heard.unwrap_or_default();
    if heard.get(about).is_some_and(|known| known == text) {
        return Ok(false);
    }
    heard.insert(about.to_owned(), text.to_owned());
    atomic::put(&file, &serde_json::to_vec(&heard).unwrap_or_default())?;
    Ok(true)
}

/// Who works in this checkout: a task in its workspace, or a person with the leases claimed for it.
///
/// A task's own process may name its fence in the environment (`told`), which is surer than the note: the note is
/// replaced when somebody else takes the workspace over.
///
/// # Errors
/// When a note cannot be read or understood.
pub fn actor(repo: &Repo, told: Option<&(TaskName, Fence)>) -> Result<Actor, FileError> {
    let Some(checkout) = repo.checkout() else { return Ok(Actor::Person(Vec::new())) };
    if let Some((task, fence)) = workspace(checkout)? {
        return Ok(match told {
            Some((named, fence)) if *named == task => Actor::Task(task, *fence),
            _ => Actor::Task(task, fence),
        });
    }
    let folder = repo.private_dir().join(NOTES).join("here");
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
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::new("read", &folder, error)),
    }
    Ok(Actor::Person(own))
}

/// Remembers how a file of a workspace was made.
///
/// # Errors
/// When that cannot be kept.
pub fn remember(workspace: &Path, name: &str, bytes: &[u8]) -> Result<(), FileError> {
    match notes(workspace)? {
        Some(notes) => atomic::put(&notes.join(MADE).join(name), bytes),
        None => Ok(()),
    }
}

/// Where a file of a workspace is kept as it was made, if it was.
///
/// # Errors
/// When the workspace's git folder cannot be told.
pub fn remembered(workspace: &Path, name: &Path) -> Result<Option<PathBuf>, FileError> {
    Ok(notes(workspace)?.map(|notes| notes.join(MADE).join(name)))
}

/// The folder of the notes of a checkout, by git's own folder for it.
pub fn notes_in(private_dir: &Path) -> PathBuf {
    private_dir.join(NOTES)
}

/// The folder of a checkout's notes; nothing when there is no checkout.
///
/// # Errors
/// When a linked worktree does not say where that is.
pub fn notes(checkout: &Path) -> Result<Option<PathBuf>, FileError> {
    let git = checkout.join(".git");
    if git.is_dir() {
        return Ok(Some(git.join(NOTES)));
    }
    // A linked worktree has a file there, which names git's folder for it.
    let Some(bytes) = atomic::read(&git)? else { return Ok(None) };
    let named = bytes.strip_prefix(b"gitdir: ").map(|name| name.trim_ascii_end());
    let broken = || Error::new(ErrorKind::InvalidData, "it names no folder");
    let name = named.ok_or_else(|| FileError::new("understand", &git, broken()))?;
    let name =
        paths::from_git(name).map_err(|error| FileError::new("understand", &git, Error::other(error)))?;
    Ok(Some(checkout.join(name).join(NOTES)))
}

fn own(folder: &Path) -> PathBuf {
    folder.join("lease.toml")
}

fn here(folder: &Path, task: &TaskName) -> PathBuf {
    folder.join("here").join(format!("{task}.toml"))
}

fn identity(path: &Path) -> Result<Option<(TaskName, Fence)>, FileError> {
    let Some(bytes) = atomic::read(path)? else { return Ok(None) };
    let broken = |reason: String| {
        let source = Error::new(ErrorKind::InvalidData, reason);
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
