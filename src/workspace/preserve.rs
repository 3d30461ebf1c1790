//! What a workspace holds that would be lost with it.

use std::path::Path;

use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::text;
use crate::domain::region::RegionSet;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::error::GitError;
use crate::git::paths;
use crate::git::repo::Repo;

/// How many bytes of ignored files are saved with a workspace; more is kept where it is.
const MOST: u64 = 64 * 1024 * 1024;

/// Why a workspace cannot be taken away.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Ignored files that are neither disposable nor small enough to be saved.
    #[error("{} holds ignored files that are too large to be saved ({} MiB): {}", .workspace, .mebibytes, .paths.join(", "))]
    LargeIgnored {
        /// The workspace.
        workspace: String,
        /// The files' size.
        mebibytes: u64,
        /// The first of them.
        paths: Vec<String>,
    },
    /// git could not tell.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for KeepError {
    fn kind(&self) -> crate::base::failure::Kind {
        match self {
            KeepError::Git(error) => error.kind(),
            _ => crate::base::failure::Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            KeepError::LargeIgnored { .. } => vec![
                "move them elsewhere, or name them as disposable in odyssey.toml: [workspace] disposable"
                    .to_owned(),
            ],
            KeepError::Git(error) => error.hints(),
            KeepError::File(error) => error.hints(),
        }
    }
}

/// The ignored files of a workspace that are worth keeping: not disposable, not ours, and not an unchanged copy of
/// the main checkout's file.
///
/// # Errors
/// When they cannot be listed or read, or are too large to be saved.
pub fn precious(workspace: &Repo, home: &Path, disposable: &RegionSet) -> Result<Vec<BString>, KeepError> {
    let top = workspace.need_checkout()?;
    let mut found = Vec::new();
    let mut size = 0;
    for path in workspace.ignored()? {
        let trimmed = path.strip_suffix(b"/").unwrap_or(&path);
        let ours = trimmed == super::copy::FOLDER.as_bytes();
        if ours || is_disposable(trimmed, disposable) {
            continue;
        }
        let inside = paths::from_git(trimmed)?;
        let place = top.join(&inside);
        let made = super::copy::remembered(top, &inside)?;
        let is_as_made = made.map_or(Ok(false), |made| same_file(&place, &made))?;
        if is_cache(&place) || is_as_made || same_file(&place, &home.join(&inside))? {
            continue;
        }
        size += bytes_below(&place)?;
        found.push(BString::from(trimmed));
    }
    if size > MOST {
        return Err(KeepError::LargeIgnored {
            workspace: top.display().to_string(),
            mebibytes: size / (1024 * 1024),
            paths: found.iter().take(5).map(|path| text::visible(path)).collect(),
        });
    }
    Ok(found)
}

/// A disposable name counts at every depth: build folders are found in every package of a repository.
fn is_disposable(path: &[u8], disposable: &RegionSet) -> bool {
    let starts = std::iter::once(0).chain(path.find_iter(b"/").map(|slash| slash + 1));
    // A folder pattern covers what is below the folder, so ask for something below it.
    starts.map(|start| [&path[start..], b"/x"].concat()).any(|path| disposable.covers(&path).is_some())
}

/// The tag by which build tools mark what can be made again (bford.info/cachedir).
fn is_cache(folder: &Path) -> bool {
    std::fs::read(folder.join("CACHEDIR.TAG"))
        .is_ok_and(|tag| tag.starts_with(b"Signature: 8a477f597d28d172789f06886806bc55"))
}

fn same_file(one: &Path, other: &Path) -> Result<bool, FileError> {
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    if !is_file(one) || !is_file(other) {
        return Ok(false);
    }
    let read = |path: &Path| std::fs::read(path).map_err(|source| FileError::new("read", path, source));
    Ok(read(one)? == read(other)?)
}

fn bytes_below(path: &Path) -> Result<u64, FileError> {
    let failed = |source| FileError::new("read", path, source);
    let meta = path.symlink_metadata().map_err(failed)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    let mut total = 0;
    for entry in std::fs::read_dir(path).map_err(failed)? {
        total += bytes_below(&entry.map_err(failed)?.path())?;
        // Enough to know; a build folder may hold a million files.
        if total > MOST {
            break;
        }
    }
    Ok(total)
}
