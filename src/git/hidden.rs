//! Files that git was told not to look at (`assume-unchanged`, `skip-worktree`): edits in them are work all the same.

use std::path::Path;

use super::error::GitError;
use super::paths;
use super::run::Git;
use crate::base::atomic::FileError;

/// A copy of the index that hides nothing, where the real one hides files that are in the checkout; removed when dropped.
pub(super) fn revealed(folder: &Path, private: &Path) -> Result<Option<tempfile::TempPath>, GitError> {
    let mut hidden = Vec::new();
    for entry in Git::at(folder).args(["ls-files", "-v", "-z", "--sparse"]).run()?.split(|&byte| byte == 0) {
        let Some((&[tag, b' '], path)) = entry.split_first_chunk::<2>() else { continue };
        // Lower case is assume-unchanged; a skipped file is hidden only if it is there.
        let skipped = tag.eq_ignore_ascii_case(&b'S') && !path.ends_with(b"/");
        if tag.is_ascii_lowercase() || skipped && paths::there(&folder.join(paths::from_git(path)?))? {
            hidden.extend_from_slice(path);
            hidden.push(0);
        }
    }
    if hidden.is_empty() {
        return Ok(None);
    }
    let copy = copy_of_index(private)?;
    for flag in ["--no-assume-unchanged", "--no-skip-worktree"] {
        let git = Git::at(folder).args(["update-index", flag, "-z", "--stdin"]);
        git.env("GIT_INDEX_FILE", copy.as_os_str()).input(hidden.clone()).run()?;
    }
    Ok(Some(copy))
}

/// A copy of the index beside it: git finds the parts of a split index by their folder.
///
/// It is as old as the index. A file that was edited in the second in which it was staged has the times and perhaps the size
/// that the index knows; git looks into such files only while the index is no younger than they are.
pub(super) fn copy_of_index(private: &Path) -> Result<tempfile::TempPath, GitError> {
    let index = private.join("index");
    let failed = |source| FileError::new("copy", &index, source);
    let mut copy = tempfile::Builder::new().prefix("odyssey-index-").tempfile_in(private).map_err(failed)?;
    match std::fs::File::open(&index) {
        Ok(mut file) => {
            std::io::copy(&mut file, &mut copy).map_err(failed)?;
            let written = file.metadata().and_then(|found| found.modified()).map_err(failed)?;
            copy.as_file().set_modified(written).map_err(failed)?;
            Ok(copy.into_temp_path())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // git takes a missing index for an empty one, and an empty file for a broken one.
            let path = copy.into_temp_path();
            std::fs::remove_file(&path).map_err(failed)?;
            Ok(path)
        }
        Err(error) => Err(failed(error).into()),
    }
}
