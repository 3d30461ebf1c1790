//! Bringing files from one commit to another one by one, where somebody's edits may be among them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Carry;
use super::CheckoutLock;
use super::Finished;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::merge::is_folder;
use crate::git::obstacles::Changed;
use crate::git::obstacles::GITLINK;
use crate::git::obstacles::Side;
use crate::git::obstacles::changed;
use crate::git::paths;
use crate::git::run::Git;

const LINK: u32 = 0o120_000;

/// What is at a path of the checkout.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// A file or link, as a tree would hold it.
    File(u32, Oid),
    /// A folder.
    Folder,
    /// What no tree can hold.
    Other,
}

impl CheckoutLock {
    /// Brings the prepared index and the files to `new`, whatever half of that has happened, and puts the index in place.
    /// What goes along is no part of `new`, and shows as modified then, or as staged where all of it was.
    pub(super) fn settle(&self, old: Oid, new: Oid, carry: Option<Carry>) -> Result<Finished, GitError> {
        let all = changed(&self.folder, old, new)?;
        let files = match carry {
            Some(Carry { before, after }) => changed(&self.folder, before, after)?,
            None => all.clone(),
        };
        let skipped = self.skipped()?;
        let mut kept = self.bring_index(&self.staged(old, all, &files, carry)?)?;
        self.skip(&skipped)?;
        let source = match carry {
            Some(Carry { after, .. }) => self.index_of(after)?,
            None => self.prepared(),
        };
        // What they say about line ends and filters decides how all other files are read and written.
        let (attributes, others): (Vec<_>, Vec<_>) = files
            .iter()
            .filter(|change| !kept.contains(&change.path) && !skipped.contains(&change.path))
            .partition(|change| change.path.ends_with(b".gitattributes"));
        for group in [attributes, others] {
            kept.extend(self.bring_files(&group, &source)?);
        }
        self.refresh()?;
        self.put_in_place()?;
        kept.sort();
        Ok(Finished { kept })
    }

    /// What becomes of each path in the index: of every one that moves, and of every one whose edit goes along.
    fn staged(
        &self,
        old: Oid,
        all: Vec<Changed>,
        files: &[Changed],
        carry: Option<Carry>,
    ) -> Result<Vec<Staged>, GitError> {
        let Some(Carry { before, after }) = carry else {
            return Ok(all.into_iter().map(|change| Staged { change, edit: None }).collect());
        };
        let mut found = Vec::new();
        let mut paths: HashSet<BString> = HashSet::new();
        let tree = |commit| self.repo.commit(commit).map(|commit| commit.tree);
        let (old, before, after) = (tree(old)?, tree(before)?, tree(after)?);
        for change in all {
            let path = change.path.as_bstr();
            let edit = (self.file_in(before, path)?, self.file_in(after, path)?);
            paths.insert(change.path.clone());
            found.push(Staged { change, edit: Some(edit) });
        }
        for file in files.iter().filter(|file| !paths.contains(&file.path)) {
            let side = self.file_in(old, file.path.as_bstr())?;
            let change = Changed { path: file.path.clone(), old: side, new: side };
            found.push(Staged { change, edit: Some((file.old, file.new)) });
        }
        Ok(found)
    }

    /// The paths among some that are not as they were when it was decided that their edits go along.
    pub(super) fn other_than(
        &self,
        old: Oid,
        carry: Carry,
        paths: Vec<BString>,
    ) -> Result<Vec<BString>, GitError> {
        let tree = |commit| self.repo.commit(commit).map(|commit| commit.tree);
        let (old, before) = (tree(old)?, tree(carry.before)?);
        let mut changes = Vec::new();
        for path in paths {
            let (old, new) = (self.file_in(old, path.as_bstr())?, self.file_in(before, path.as_bstr())?);
            changes.push(Changed { path, old, new });
        }
        let found = self.look(&changes.iter().collect::<Vec<_>>())?;
        let index = self.git().args(["ls-files", "-s", "-z"]).run()?;
        let entries = entries(&index);
        let is_other = |(change, found): &(Changed, Found)| {
            let head = entries.get(change.path.as_bstr()).map(|head| head.as_bytes());
            let is_staged = |side: Side| head == staged(side).as_deref().map(str::as_bytes);
            let is_there = match (change.new, found) {
                (None, Found::Nothing | Found::Folder) => true,
                (Some((mode, oid)), Found::File(file_mode, file)) => (mode, oid) == (*file_mode, *file),
                _ => false,
            };
            !is_there || !is_staged(change.old) && !is_staged(change.new)
        };
        let others = changes.into_iter().zip(found).filter(is_other);
        Ok(others.map(|(change, _)| change.path).collect())
    }

    /// What a tree has at a path; what is in a folder is the business of other paths.
    fn file_in(&self, tree: Oid, path: &BStr) -> Result<Side, GitError> {
        Ok(self.repo.entry(tree, path)?.filter(|(mode, _)| !is_folder(*mode)))
    }

    /// An index of a commit, beside the prepared one.
    fn index_of(&self, commit: Oid) -> Result<PathBuf, GitError> {
        let place = self.repo.private_dir().join(CARRIED);
        let git = Git::at(&self.folder).env("GIT_INDEX_FILE", &place);
        git.args(["-c", "core.splitIndex=false", "read-tree"]).arg(commit.to_string()).run()?;
        Ok(place)
    }

    /// Sets every path in the index to what becomes of it; what somebody staged meanwhile is kept, and named.
    fn bring_index(&self, all: &[Staged]) -> Result<Vec<BString>, GitError> {
        let answer = self.git().args(["ls-files", "-s", "-z"]).run()?;
        let entries = entries(&answer);
        let (mut removals, mut additions, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for Staged { change, edit } in all {
            let found = entries.get(change.path.as_bstr()).map(|head| head.as_bytes());
            let is = |side: Side| found == staged(side).as_deref().map(str::as_bytes);
            let new = match edit {
                _ if is(change.old) || is(change.new) => change.new,
                // All of an edit was staged: so it is again.
                Some((before, after)) if is(*before) || is(*after) => *after,
                _ => {
                    kept.push(change.path.clone());
                    continue;
                }
            };
            if is(new) {
                continue;
            }
            let any = change.old.or(change.new).or(edit.and_then(|(before, after)| before.or(after)));
            let lines = if new.is_some() { &mut additions } else { &mut removals };
            let zero =
                || format!("0 {} 0", any.map_or(String::new(), |(_, oid)| oid.kind().null().to_string()));
            lines.extend_from_slice(staged(new).unwrap_or_else(zero).as_bytes());
            lines.push(b'\t');
            lines.extend_from_slice(&change.path);
            lines.push(0);
        }
        // A folder that becomes a file has to be out of the way first.
        removals.extend(additions);
        if !removals.is_empty() {
            self.git().args(["update-index", "-z", "--index-info"]).input(removals).run()?;
        }
        Ok(kept)
    }

    /// Brings files to `new`, as an index has them, and names those that were not theirs to change.
    fn bring_files(&self, group: &[&Changed], source: &Path) -> Result<Vec<BString>, GitError> {
        let found = self.look(group)?;
        let (mut kept, mut writes) = (Vec::new(), Vec::new());
        for (change, found) in group.iter().zip(found) {
            let is = |side: Side| match (side, &found) {
                // What is in a folder is the business of other paths.
                (None, Found::Nothing | Found::Folder) => true,
                // A submodule's folder is its own business.
                (Some((GITLINK, _)), _) => true,
                (Some((mode, oid)), Found::File(file_mode, file)) => (mode, oid) == (*file_mode, *file),
                _ => false,
            };
            if is(change.new) {
                continue;
            }
            let ours = is(change.old) || found == Found::Nothing || self.is_torn(change)?;
            match (ours, change.new) {
                (false, _) => kept.push(change.path.clone()),
                (true, None) => self.remove(change.path.as_bstr())?,
                (true, Some(_)) => writes.push(change.path.as_bstr()),
            }
        }
        // What is to be written goes only after everything that had to go.
        let mut list = Vec::new();
        for path in writes {
            if self.make_room(path)? {
                list.extend_from_slice(path);
                list.push(0);
            } else {
                kept.push(path.to_owned());
            }
        }
        if !list.is_empty() {
            // Without -f: what appears meanwhile is not overwritten, and shows as modified.
            let git = self.git().env("GIT_INDEX_FILE", source);
            git.args(["checkout-index", "-u", "-q", "-z", "--stdin"]).input(list).run()?;
        }
        Ok(kept)
    }

    /// Paths that a sparse checkout leaves out, as long as they are not there.
    fn skipped(&self) -> Result<HashSet<BString>, GitError> {
        let answer = self.git().args(["ls-files", "-t", "-z"]).run()?;
        let mut skipped = HashSet::new();
        for entry in answer.split(|&byte| byte == 0) {
            if let Some(path) = entry.strip_prefix(b"S ")
                && !paths::there(&self.place(path.as_bstr())?)?
            {
                skipped.insert(path.into());
            }
        }
        Ok(skipped)
    }

    /// Leaves them out again, as far as they are still in the index: setting an entry forgets it.
    fn skip(&self, skipped: &HashSet<BString>) -> Result<(), GitError> {
        let answer = self.git().args(["ls-files", "-z"]).run()?;
        let mut list = Vec::new();
        for path in answer.split(|&byte| byte == 0).filter(|path| skipped.contains(path.as_bstr())) {
            list.extend_from_slice(path);
            list.push(0);
        }
        if !list.is_empty() {
            self.git().args(["update-index", "--skip-worktree", "-z", "--stdin"]).input(list).run()?;
        }
        Ok(())
    }

    /// What is at each path, as git would add it.
    fn look(&self, group: &[&Changed]) -> Result<Vec<Found>, GitError> {
        let config = self.repo.gix.config_snapshot();
        let trusts_mode = config.boolean("core.fileMode").unwrap_or(true);
        let has_links = config.boolean("core.symlinks").unwrap_or(true);
        let mut found = Vec::new();
        let (mut files, mut list) = (Vec::new(), Vec::new());
        for change in group {
            let place = self.place(change.path.as_bstr())?;
            if !paths::there(&place)? {
                found.push(Found::Nothing);
                continue;
            }
            let failed = |source| FileError::new("read", &place, source);
            let metadata = place.symlink_metadata().map_err(failed)?;
            if metadata.is_symlink() {
                let target = paths::to_git(&std::fs::read_link(&place).map_err(failed)?)?;
                found.push(Found::File(LINK, self.name_of(&target)?));
            } else if metadata.is_file() {
                // Where modes or links cannot be, git takes those that it knows.
                let known = change.new.or(change.old).map_or(0o100_644, |(mode, _)| mode);
                let is_known = !trusts_mode || !has_links && known == LINK;
                let mode = if is_known { known } else { mode_of(&metadata) };
                files.push((found.len(), mode));
                found.push(Found::Other);
                list.extend_from_slice(&quoted(change.path.as_bstr()));
                list.push(b'\n');
            } else {
                found.push(if metadata.is_dir() { Found::Folder } else { Found::Other });
            }
        }
        if files.is_empty() {
            return Ok(found);
        }
        let answer = Git::at(&self.folder)
            .env("GIT_INDEX_FILE", self.prepared())
            .args(["-c", "core.safecrlf=false", "hash-object", "--stdin-paths"])
            .input(list)
            .run()?;
        for ((position, mode), name) in files.into_iter().zip(answer.lines()) {
            let odd = |_| GitError::Answer { command: "hash-object", answer: name.as_bstr().to_string() };
            found[position] = Found::File(mode, Oid::from_hex(name).map_err(odd)?);
        }
        Ok(found)
    }

    fn name_of(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        let kind = self.repo.gix.object_hash();
        gix::objs::compute_hash(kind, gix::object::Kind::Blob, bytes).map_err(GitError::gix("name a link"))
    }

    /// Whether a file is only the beginning of what git was writing when it was killed.
    fn is_torn(&self, change: &Changed) -> Result<bool, GitError> {
        let Some((mode, oid)) = change.new else { return Ok(false) };
        let place = self.place(change.path.as_bstr())?;
        if mode == LINK || !place.symlink_metadata().is_ok_and(|found| found.is_file()) {
            return Ok(false);
        }
        let start = atomic::read(&place)?.unwrap_or_default();
        let mut path = OsString::from("--path=");
        path.push(paths::from_git(&change.path)?);
        let whole = self.git().args(["cat-file", "--filters"]).arg(path).arg(oid.to_string()).run()?;
        Ok(whole.len() > start.len() && whole.starts_with(&start))
    }

    /// Removes a file, and the folders above that are empty then, as git does.
    fn remove(&self, path: &BStr) -> Result<(), GitError> {
        let place = self.place(path)?;
        atomic::remove(&place)?;
        for folder in place.ancestors().skip(1).take_while(|folder| *folder != self.folder) {
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Makes room for a file that is old or torn; false when something else is in its place.
    fn make_room(&self, path: &BStr) -> Result<bool, GitError> {
        let place = self.place(path)?;
        let folders: Vec<&Path> =
            place.ancestors().skip(1).take_while(|folder| *folder != self.folder).collect();
        for folder in folders {
            if paths::there(folder)? && !folder.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                return Ok(false);
            }
        }
        if !paths::there(&place)? {
            return Ok(true);
        }
        if place.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            // Only an empty one goes.
            return Ok(std::fs::remove_dir(&place).is_ok());
        }
        atomic::remove(&place)?;
        Ok(true)
    }

    fn place(&self, path: &BStr) -> Result<PathBuf, GitError> {
        Ok(self.folder.join(paths::from_git(path)?))
    }
}

/// A path in the index that moves.
struct Staged {
    change: Changed,
    /// The edit that goes along, as it was and as it becomes.
    edit: Option<(Side, Side)>,
}

/// The index that holds what goes along.
const CARRIED: &str = "odyssey-checkout-carried";

/// What an index has at a path, as `ls-files -s` tells it.
fn staged(side: Side) -> Option<String> {
    side.map(|(mode, oid)| format!("{mode:06o} {oid} 0"))
}

/// The entries of an index: `<mode> <object> <stage>`, by path.
fn entries(answer: &[u8]) -> HashMap<&BStr, &BStr> {
    let parts = answer.split(|&byte| byte == 0).filter_map(|entry| entry.split_once_str("\t"));
    parts.map(|(head, path)| (path.as_bstr(), head.as_bstr())).collect()
}

#[cfg(unix)]
fn mode_of(found: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    if found.permissions().mode() & 0o100 == 0 { 0o100_644 } else { 0o100_755 }
}

#[cfg(not(unix))]
fn mode_of(_: &std::fs::Metadata) -> u32 {
    0o100_644
}

/// A path on a line of its own, as git unquotes it.
fn quoted(path: &BStr) -> Vec<u8> {
    if !path.starts_with(b"\"") && !path.contains(&b'\n') {
        return path.to_vec();
    }
    let mut out = vec![b'"'];
    for &byte in path.iter() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'\\' || byte == b' ' {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("\\{byte:03o}").as_bytes());
        }
    }
    out.push(b'"');
    out
}
