//! Paths between git's bytes and the system's, and what is there.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use gix::bstr::BString;

use super::error::GitError;
use crate::base::atomic::FileError;

/// A path as git writes it: bytes, with `/` between the parts.
pub fn to_git(path: &Path) -> Result<BString, GitError> {
    let text = gix::path::into_bstr(path).map_err(GitError::gix(format!("use {}", path.display())))?;
    Ok(gix::path::to_unix_separators_on_windows(text).into_owned())
}

/// A path as the system takes it, from git's bytes.
pub fn from_git(path: &[u8]) -> Result<PathBuf, GitError> {
    let doing = "use a path that this system cannot name";
    Ok(gix::path::from_byte_slice(path).map_err(GitError::gix(doing))?.to_owned())
}

/// Whether something is at a path, be it a broken link. Not knowing is an error.
pub(super) fn there(path: &Path) -> Result<bool, GitError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(FileError::new("look at", path, error).into()),
    }
}

/// Whether two paths name the same place, which need not exist: links in the part that exists are followed.
pub(super) fn same_place(one: &Path, other: &Path) -> bool {
    one == other || settled(one) == settled(other)
}

fn settled(path: &Path) -> PathBuf {
    let mut rest: Vec<&OsStr> = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return rest.iter().rev().fold(real, |path, name| path.join(name));
        }
        rest.extend(ancestor.file_name());
    }
    path.to_owned()
}
