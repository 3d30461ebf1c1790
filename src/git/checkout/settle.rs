//! Bringing files from one commit to another one by one, where somebody's edits may be among them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::CheckoutLock;
use super::Finished;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::git::Oid;
use crate::git::error::GitError;
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
    pub(super) fn settle(&self, old: Oid, new: Oid) -> Result<Finished, GitError> {
        let all = changed(&self.folder, old, new)?;
        let skipped = self.skipped()?;
        let mut kept = self.bring_index(&all)?;
        self.skip(&skipped)?;
        // What they say about line ends and filters decides how all other files are read and written.
        let (attributes, others): (Vec<_>, Vec<_>) = all
            .iter()
            .filter(|change| !kept.contains(&change.path) && !skipped.contains(&change.path))
            .partition(|change| change.path.ends_with(b".gitattributes"));
        for group in [attributes, others] {
            kept.extend(self.bring_files(&group)?);
        }
        self.refresh()?;
        self.put_in_place()?;
        kept.sort();
        Ok(Finished { kept })
    }

    /// Sets every changed path in the index to `new`; what somebody staged meanwhile is kept, and named.
    fn bring_index(&self, all: &[Changed]) -> Result<Vec<BString>, GitError> {
        let answer = self.git().args(["ls-files", "-s", "-z"]).run()?;
        let mut entries = HashMap::new();
        for entry in answer.split(|&byte| byte == 0) {
            // `<mode> <object> <stage>\t<path>`
            let Some((head, path)) = entry.split_once_str("\t") else { continue };
            entries.insert(path.as_bstr(), head.as_bstr());
        }
        let staged = |side: Side| side.map(|(mode, oid)| format!("{mode:06o} {oid} 0"));
        let (mut removals, mut additions, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for change in all {
            let found = entries.get(change.path.as_bstr()).map(|head| head.as_bytes());
            let is = |side: Side| found == staged(side).as_deref().map(str::as_bytes);
            if !is(change.old) && !is(change.new) {
                kept.push(change.path.clone());
                continue;
            }
            let lines = if change.new.is_some() { &mut additions } else { &mut removals };
            let zero = || {
                format!("0 {} 0", change.old.map_or(String::new(), |(_, oid)| oid.kind().null().to_string()))
            };
            lines.extend_from_slice(staged(change.new).unwrap_or_else(zero).as_bytes());
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

    /// Brings files to `new`, and names those that were not theirs to change.
    fn bring_files(&self, group: &[&Changed]) -> Result<Vec<BString>, GitError> {
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
            self.git().args(["checkout-index", "-u", "-q", "-z", "--stdin"]).input(list).run()?;
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
