//! One path of a checkout as it is now, without a walk through the rest.

use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;
use gix::index::State;
use gix::index::entry::Flags;
use gix::objs::tree::EntryKind;
use gix::worktree::stack::state::ignore::Source;

use super::Side;
use super::read::Raw;
use super::read::Reader;
use super::read::Taken;
use super::read::is_executable;
use super::read::raw;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::paths;
use crate::git::repo::Repo;
use crate::git::run::Git;

impl Repo {
    /// What a commit has at a path: a file, link or submodule, or nothing. A folder is nothing.
    ///
    /// # Errors
    /// When the commit or a tree cannot be read.
    pub fn entry_at(&self, commit: Oid, path: &BStr) -> Result<Side, GitError> {
        let doing = || format!("read {path} at {commit}");
        let tree = self.commit(commit)?.tree;
        let tree = self.gix.find_tree(tree).map_err(GitError::gix(doing()))?;
        let entry = tree.lookup_entry(path.split(|&byte| byte == b'/')).map_err(GitError::gix(doing()))?;
        Ok(entry
            .filter(|entry| !entry.mode().is_tree())
            .map(|entry| (entry.mode().kind(), entry.object_id())))
    }

    /// What the checkout in `folder`, one of this repository's, has at a path now, as [`Repo::live_tree`] would take it.
    ///
    /// `head` is what its HEAD has there. As long as the file is the same byte for byte, nothing else is opened. New content
    /// is written into memory.
    ///
    /// # Errors
    /// When it cannot be read, or keeps changing.
    pub fn live_entry(
        &self,
        folder: &Path,
        head: Side,
        path: &BStr,
        memory: &mut Memory,
    ) -> Result<Side, GitError> {
        let place = folder.join(paths::from_git(path)?);
        let found = if is_behind_a_link(folder, path)? { Raw::Nothing } else { raw(&place, path)? };
        match (&found, head) {
            (Raw::Nothing, None) => return Ok(None),
            (Raw::File(bytes, metadata), Some((EntryKind::Blob | EntryKind::BlobExecutable, oid))) => {
                let kind = gix::objs::Kind::Blob;
                let now = gix::objs::compute_hash(self.gix.object_hash(), kind, bytes)
                    .map_err(GitError::gix(format!("name the content of '{path}'")))?;
                let executable = head.is_some_and(|(kind, _)| kind == EntryKind::BlobExecutable);
                if now == oid && (is_executable(metadata) == executable || cfg!(not(unix))) {
                    return Ok(head);
                }
            }
            _ => {}
        }
        let checkout = Repo::open(folder)?;
        let index = checkout.read_index()?;
        let entry = index.entry_by_path(path);
        match found {
            Raw::Nothing if is_left_out(&index, path) => Ok(head),
            Raw::Nothing => Ok(None),
            // A submodule's folder, or a folder in place of a file.
            Raw::Other => checkout.folder_at(folder, path, head),
            Raw::File(..) | Raw::Link(_) if entry.is_none() && checkout.is_ignored(&index, path)? => Ok(None),
            Raw::File(bytes, _) => match checkout.taken(&index, path, memory)? {
                Taken::Side(side) => Ok(side),
                Taken::OnlyGitKnows => checkout.taken_by_git(path, bytes, head, memory).map(Some),
            },
            Raw::Link(target) => Ok(Some((EntryKind::Link, memory.repo().write_blob(&target)?))),
        }
    }

    fn taken(&self, index: &State, path: &BStr, memory: &Memory) -> Result<Taken, GitError> {
        Reader::new(self, index, memory)?.take(path)
    }

    /// What git makes of a file that goes through a program.
    fn taken_by_git(
        &self,
        path: &BStr,
        bytes: Vec<u8>,
        head: Side,
        memory: &mut Memory,
    ) -> Result<(EntryKind, Oid), GitError> {
        let git = Git::at(self.folder()).args([
            "-c",
            "core.safecrlf=false",
            "hash-object",
            "-w",
            "--stdin",
            "--path",
        ]);
        let answer = memory.shown_with(git.arg(paths::from_git(path)?).input(bytes), &[])?.run()?;
        memory.gather()?;
        let oid = Oid::from_hex(answer.trim_ascii())
            .map_err(|_| GitError::Answer { command: "hash-object", answer: answer.as_bstr().to_string() })?;
        Ok((head.map_or(EntryKind::Blob, |(kind, _)| kind), oid))
    }

    fn folder_at(&self, folder: &Path, path: &BStr, head: Side) -> Result<Side, GitError> {
        match head {
            Some((EntryKind::Commit, _)) => {
                let inside = folder.join(paths::from_git(path)?);
                // A submodule that was not fetched has no repository, and is as HEAD has it.
                let Ok(inside) = Repo::open(&inside).and_then(|inside| inside.head()) else {
                    return Ok(head);
                };
                Ok(inside.commit().map(|commit| (EntryKind::Commit, commit)))
            }
            _ => Ok(None),
        }
    }

    fn is_ignored(&self, index: &State, path: &BStr) -> Result<bool, GitError> {
        let doing = || format!("tell whether '{path}' is ignored");
        let stack = self.gix.excludes(index, None, Source::WorktreeThenIdMappingIfNotSkipped);
        let mut stack = stack.map_err(GitError::gix(doing()))?;
        Ok(stack.at_entry(path, None).map_err(GitError::gix(doing()))?.is_excluded())
    }
}

/// Whether a folder above a path is a link: what is behind it is not in this checkout.
fn is_behind_a_link(folder: &Path, path: &BStr) -> Result<bool, GitError> {
    for end in path.find_iter("/") {
        let above = folder.join(paths::from_git(&path[..end])?);
        if above.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file is missing because a sparse checkout leaves it out.
fn is_left_out(index: &State, path: &BStr) -> bool {
    if let Some(entry) = index.entry_by_path(path) {
        return entry.flags.contains(Flags::SKIP_WORKTREE);
    }
    let above = |end: usize| BString::from(&path[..=end]);
    index.is_sparse() && path.find_iter("/").any(|end| index.entry_by_path(above(end).as_bstr()).is_some())
}
