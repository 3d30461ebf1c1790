//! Files of nobody's tree that a checkout would overwrite: untracked ones, and ignored ones, which git does not protect.

use std::collections::HashSet;
use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::paths;
use super::run::Git;
use crate::base::atomic::FileError;

/// A file on one side of a change: its mode as in trees (`0o100644`), and its content.
pub(super) type Side = Option<(u32, Oid)>;

/// A path that two trees have differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    /// The path.
    pub path: BString,
    /// Before.
    pub old: Side,
    /// After.
    pub new: Side,
}

/// The mode of a submodule.
pub(super) const GITLINK: u32 = 0o160_000;

impl Changed {
    /// Whether a file appears where none was. A submodule that becomes a file was a folder of other files.
    pub fn appears(&self) -> bool {
        let is_file = |side: Side| side.is_some_and(|(mode, _)| mode != GITLINK);
        is_file(self.new) && !is_file(self.old)
    }
}

/// The paths that two trees (or commits) have differently. A rename is two paths.
pub(super) fn changed(folder: &Path, old: Oid, new: Oid) -> Result<Vec<Changed>, GitError> {
    let git = Git::at(folder).args(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"]);
    let answer = git.args(["--ignore-submodules=none", &old.to_string(), &new.to_string()]).run()?;
    let mut parts = answer.split(|&byte| byte == 0);
    let mut found = Vec::new();
    while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
        let odd = || GitError::Answer { command: "diff-tree", answer: head.as_bstr().to_string() };
        // `:<old mode> <new mode> <old object> <new object> <letter>`
        let text = head.strip_prefix(b":").and_then(|head| head.to_str().ok()).ok_or_else(odd)?;
        let fields: Vec<&str> = text.split(' ').collect();
        let side = |mode: usize, oid: usize| -> Result<Side, GitError> {
            let (mode, oid) = (fields.get(mode).ok_or_else(odd)?, fields.get(oid).ok_or_else(odd)?);
            let mode = u32::from_str_radix(mode, 8).map_err(|_| odd())?;
            let oid = Oid::from_hex(oid.as_bytes()).map_err(|_| odd())?;
            Ok((mode != 0).then_some((mode, oid)))
        };
        found.push(Changed { path: path.into(), old: side(0, 2)?, new: side(1, 3)? });
    }
    Ok(found)
}

/// What is in a checkout and in no index entry.
#[derive(Debug)]
pub(super) struct Obstacles<'a> {
    folder: &'a Path,
    tracked: HashSet<BString>,
    ignore_case: bool,
}

impl<'a> Obstacles<'a> {
    /// Reads which files are tracked, from the index that `git` uses.
    pub fn new(folder: &'a Path, git: Git, ignore_case: bool) -> Result<Obstacles<'a>, GitError> {
        let answer = git.args(["ls-files", "-z"]).run()?;
        let fold = |path: &[u8]| if ignore_case { path.to_lowercase().into() } else { BString::from(path) };
        let tracked = answer.split(|&byte| byte == 0).filter(|path| !path.is_empty()).map(fold).collect();
        Ok(Obstacles { folder, tracked, ignore_case })
    }

    /// The files in the way of writing `path` anew: at it, below it, or where a folder above it should be.
    pub fn before(&self, path: &BStr) -> Result<Vec<BString>, GitError> {
        let ends = path.find_iter("/").chain([path.len()]);
        for end in ends {
            let part = path[..end].as_bstr();
            let place = self.folder.join(paths::from_git(part)?);
            if !paths::there(&place)? {
                return Ok(Vec::new());
            }
            if !place.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                return Ok(if self.is_tracked(part) { Vec::new() } else { vec![part.to_owned()] });
            }
        }
        let mut found = Vec::new();
        self.collect(path, &mut found)?;
        Ok(found)
    }

    fn collect(&self, folder: &BStr, found: &mut Vec<BString>) -> Result<(), GitError> {
        let place = self.folder.join(paths::from_git(folder)?);
        let failed = |source| FileError::new("read", &place, source);
        for entry in std::fs::read_dir(&place).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let mut path = folder.to_owned();
            path.push(b'/');
            path.extend_from_slice(&paths::to_git(entry.file_name().as_ref())?);
            if entry.file_type().map_err(failed)?.is_dir() {
                self.collect(path.as_bstr(), found)?;
            } else if !self.is_tracked(path.as_bstr()) {
                found.push(path);
            }
        }
        Ok(())
    }

    fn is_tracked(&self, path: &BStr) -> bool {
        if self.ignore_case {
            self.tracked.contains(path.to_lowercase().as_bstr())
        } else {
            self.tracked.contains(path)
        }
    }
}
