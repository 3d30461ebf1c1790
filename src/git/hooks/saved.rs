//! What was in the place of ours: kept aside without a moment in which no hook runs, and never written over.

use std::path::Path;
use std::path::PathBuf;

use super::make_folder;
use super::remove_folder;
use super::rename;
use crate::base::atomic;
use crate::base::atomic::FileError;

/// Keeps a copy of the hook at `path` as `saved/name`, with its mode and time; the hook stays where it is.
///
/// Another one that was kept under the name is from then on `name.older`, `name.older-2` and so on, the oldest first.
///
/// # Errors
/// When a file cannot be read or written; nothing that was kept is gone then.
pub fn keep(path: &Path, saved: &Path, name: &str) -> Result<(), FileError> {
    make_folder(saved)?;
    let kept = saved.join(name);
    if let Some(former) = atomic::read(&kept)? {
        if atomic::read(path)?.as_ref() == Some(&former) {
            return Ok(());
        }
        rename(&kept, &unused(saved, &format!("{name}.older")))?;
    }
    // Another file system has no link to it; a copy has its mode at least.
    let linked = std::fs::hard_link(path, &kept).or_else(|_| std::fs::copy(path, &kept).map(drop));
    linked.map_err(|source| FileError::new("keep", path, source))
}

/// What is kept as `NAME.older`, `NAME.older-2` and so on.
///
/// # Errors
/// When the folder cannot be read.
pub fn older(saved: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::new("list", saved, source);
    let entries = match std::fs::read_dir(saved) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains(".older")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Puts everything that is kept back into `hooks`, and removes the folder it was kept in.
///
/// What finds its place taken by another hook goes beside it, as `NAME.before-odyssey`.
///
/// # Errors
/// When a file cannot be moved; the rest is still kept then.
pub fn put_back(saved: &Path, hooks: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::new("list", saved, source);
    let entries = match std::fs::read_dir(saved) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let kept = entry.map_err(failed)?.path();
        let name = kept.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let back = hooks.join(&name);
        let there = atomic::read(&back)?;
        if there.is_none() {
            rename(&kept, &back)?;
        } else if there != atomic::read(&kept)? {
            rename(&kept, &unused(hooks, &format!("{name}.before-odyssey")))?;
        }
    }
    remove_folder(saved)
}

/// A path of this name, with a number behind it where it is taken.
fn unused(folder: &Path, name: &str) -> PathBuf {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let names = std::iter::once(name.to_owned()).chain(numbered);
    let mut paths = names.map(|name| folder.join(name));
    paths.find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| folder.join(name))
}
