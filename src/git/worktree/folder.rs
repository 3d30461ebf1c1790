//! Folders that go away whole: what is in them, and removing them.

use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use gix::bstr::BString;

use crate::base::atomic::FileError;
use crate::git::error::GitError;
use crate::git::paths;

/// Removes a folder and all that is in it; already gone is fine.
///
/// # Errors
/// When something in it cannot be removed, after some patience with whoever still writes into it.
pub(super) fn remove(path: &Path) -> Result<(), GitError> {
    let mut patience = 100;
    loop {
        let error = match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => error,
            // A file that vanished below may have ended it early.
            Err(_) if path.symlink_metadata().is_ok() => continue,
            _ => return Ok(()),
        };
        patience -= 1;
        if patience == 0 {
            return Err(FileError::new("remove", path, error).into());
        }
        match error.kind() {
            ErrorKind::DirectoryNotEmpty => std::thread::sleep(Duration::from_millis(20)),
            ErrorKind::PermissionDenied => {
                // Package caches like to be read-only; once is enough to try.
                patience = patience.min(5);
                make_writable(path);
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => return Err(FileError::new("remove", path, error).into()),
        }
    }
}

/// Gives the owner back the right to remove what is in these folders.
#[cfg(unix)]
fn make_writable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = path.symlink_metadata() else { return };
    if !found.is_dir() {
        return;
    }
    let mut permissions = found.permissions();
    permissions.set_mode(permissions.mode() | 0o700);
    // What cannot be changed shows again when the removal is tried again.
    let _ = std::fs::set_permissions(path, permissions);
    let Ok(entries) = std::fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        make_writable(&entry.path());
    }
}

#[cfg(not(unix))]
fn make_writable(_: &Path) {}

/// Repositories inside a checkout, submodules too: every folder but the top one that holds a `.git`.
///
/// git's own status does not show all of them: not those in ignored folders, nor those among tracked files.
///
/// # Errors
/// When a folder cannot be read: there could be one inside.
pub(super) fn repositories_inside(top: &Path) -> Result<Vec<BString>, GitError> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |source| FileError::new("read", &folder, source);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let named_dot_git = entry.file_name().eq_ignore_ascii_case(".git");
            if named_dot_git && folder != top {
                found.push(folder.clone());
            } else if !named_dot_git && entry.file_type().map_err(failed)?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found.iter().map(|folder| paths::to_git(folder.strip_prefix(top).unwrap_or(folder))).collect()
}
