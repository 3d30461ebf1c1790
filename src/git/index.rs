//! The index: what the next commit would change, judged without a child process.

use std::cmp::Ordering;
use std::ops::Range;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;
use gix::index::Entry;
use gix::index::State;
use gix::index::decode;
use gix::index::entry::Flags;
use gix::index::entry::Stage;
use gix::index::extension::Tree;
use gix::objs::tree::EntryKind;
use gix::objs::tree::EntryRef;

use super::Oid;
use super::diff::Change;
use super::error::GitError;
use super::repo::Repo;
use crate::base::atomic;

impl Repo {
    /// What the index has that HEAD has not, and the other way round, by path: what a commit now would change.
    ///
    /// It is the index that `GIT_INDEX_FILE` names, if the repository was opened with [`Repo::discover`]. A file that
    /// was only announced (`git add --intent-to-add`) does not count. An unmerged path always counts; `new` is then
    /// our side of it, or else theirs, or nothing.
    ///
    /// # Errors
    /// When HEAD, the index or a tree cannot be read. A missing index is an empty one, as for git.
    pub fn staged(&self) -> Result<Vec<Change>, GitError> {
        let head = match self.head()?.commit() {
            Some(commit) => Some(self.commit(commit)?.tree),
            None => None,
        };
        self.staged_against(head, &self.read_index()?)
    }

    /// As [`Repo::staged`], for an index that was read and the tree of a HEAD.
    pub(super) fn staged_against(&self, head: Option<Oid>, index: &State) -> Result<Vec<Change>, GitError> {
        let mut changes = Vec::new();
        let mut comparison = Comparison { repo: self, index, changes: &mut changes };
        comparison.folder(BStr::new(""), head, 0..index.entries().len(), index.tree())?;
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }

    /// The commits that are being merged into HEAD in this checkout; none when no merge is under way.
    ///
    /// # Errors
    /// When `MERGE_HEAD` cannot be read or holds something else.
    pub fn merge_heads(&self) -> Result<Vec<Oid>, GitError> {
        self.heads_in("MERGE_HEAD", |_| true)
    }

    /// The commits that the last fetch into this checkout brought from elsewhere; none when there was no fetch.
    ///
    /// A fetch of this very repository, or of another folder that is no remote, publishes nothing: by way of it any
    /// commit could be called somebody else's.
    ///
    /// # Errors
    /// When `FETCH_HEAD` cannot be read or holds something else.
    pub fn fetched(&self) -> Result<Vec<Oid>, GitError> {
        let remotes: Vec<String> =
            self.remote_addresses().iter().map(|address| shown(address).to_owned()).collect();
        let elsewhere = |line: &[u8]| {
            let note = line.splitn(3, |byte| *byte == b'\t').nth(2).unwrap_or_default();
            let address = source(note.trim_end().to_str_lossy().as_ref()).to_owned();
            remotes.contains(&address) || !is_folder(&address)
        };
        self.heads_in("FETCH_HEAD", elsewhere)
    }

    /// The objects that begin those lines of one of git's files in this checkout that are `wanted`.
    fn heads_in(&self, name: &str, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<Oid>, GitError> {
        let path = self.private_dir().join(name);
        let bytes = atomic::read(&path)?.unwrap_or_default();
        let mut heads = Vec::new();
        // A last line without an end is one that git is still writing: hooks run during a fetch.
        for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let hex = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            match Oid::from_hex(hex) {
                Ok(oid) if wanted(line) => heads.push(oid),
                Ok(_) => {}
                Err(_) => return Err(GitError::Broken(path)),
            }
        }
        Ok(heads)
    }

    /// The index as it is on the disk now.
    /// Whether a path is in the index of this checkout.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn tracks(&self, path: &BStr) -> Result<bool, GitError> {
        Ok(self.read_index()?.entry_by_path(path).is_some())
    }

    pub(super) fn read_index(&self) -> Result<State, GitError> {
        let path = self.gix.index_path();
        // The checksum over the whole file is not verified: git does not either, and it would take most of the time.
        let skip_hash = true;
        let options = decode::Options::default();
        match gix::index::File::at(&path, self.gix.object_hash(), skip_hash, options) {
            Ok(file) => Ok(file.into_parts().0),
            Err(_) if !path.try_exists().unwrap_or(true) => Ok(State::new(self.gix.object_hash())),
            Err(error) => Err(GitError::gix(format!("read {}", path.display()))(error)),
        }
    }
}

/// A tree and an index, compared folder by folder.
struct Comparison<'a> {
    repo: &'a Repo,
    index: &'a State,
    changes: &'a mut Vec<Change>,
}

impl<'a> Comparison<'a> {
    /// Compares one folder (empty, or ending with a slash): its tree in HEAD, the range of its index entries, and what
    /// the index remembers as the tree of these.
    fn folder(
        &mut self,
        folder: &BStr,
        tree: Option<Oid>,
        range: Range<usize>,
        remembered: Option<&Tree>,
    ) -> Result<(), GitError> {
        if let (Some(tree), Some(remembered)) = (tree, remembered)
            && remembered.id == tree
            && remembered.num_entries.is_some_and(|count| usize::try_from(count) == Ok(range.len()))
        {
            return Ok(());
        }
        let tree = match tree {
            Some(oid) => {
                Some(self.repo.gix.find_tree(oid).map_err(GitError::gix(format!("read tree {oid}")))?)
            }
            None => None,
        };
        let decoded = match &tree {
            Some(tree) => Some(tree.decode().map_err(GitError::gix(format!("read tree {}", tree.id)))?),
            None => None,
        };
        let mut before = decoded.iter().flat_map(|tree| tree.entries.iter()).peekable();
        let mut now = range;
        loop {
            let group = self.group(folder, &now);
            let order = match (before.peek(), &group) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(entry), Some((name, _))) => name_of(entry).cmp(name.iter().copied()),
            };
            let entry = if order.is_le() { before.next() } else { None };
            let group = if order.is_ge() { group } else { None };
            if let Some((_, entries)) = &group {
                now.start = entries.end;
            }
            self.item(folder, entry, group, remembered)?;
        }
    }

    /// Compares what has one name in one folder.
    fn item(
        &mut self,
        folder: &BStr,
        entry: Option<&EntryRef<'_>>,
        group: Option<(&BStr, Range<usize>)>,
        remembered: Option<&Tree>,
    ) -> Result<(), GitError> {
        match (entry, group) {
            (Some(entry), None) if entry.mode.is_tree() => {
                let gone = self.repo.changes_below(
                    joined(folder, entry.filename, "/").as_bstr(),
                    Some(entry.oid.to_owned()),
                    None,
                )?;
                self.changes.extend(gone);
            }
            (Some(entry), None) => {
                let old = Some((entry.mode.kind(), entry.oid.to_owned()));
                self.changes.push(Change { path: joined(folder, entry.filename, ""), old, new: None });
            }
            (entry, Some((name, range))) => match name.strip_suffix(b"/") {
                Some(name) => {
                    let tree = entry.map(|entry| entry.oid.to_owned());
                    let below = joined(folder, name, "/");
                    if let Some(sparse) = self.sparse(&below, &range) {
                        let changes = self.repo.changes_below(below.as_bstr(), tree, Some(sparse))?;
                        self.changes.extend(changes);
                        return Ok(());
                    }
                    let children = remembered.map_or(&[][..], |remembered| &remembered.children);
                    let remembered = children.iter().find(|child| child.name[..] == *name);
                    self.folder(below.as_bstr(), tree, range, remembered)?;
                }
                None => {
                    let old = entry.map(|entry| (entry.mode.kind(), entry.oid.to_owned()));
                    self.file(joined(folder, name, ""), old, range)?;
                }
            },
            (None, None) => {}
        }
        Ok(())
    }

    /// Compares one file with the one or more index entries of its path.
    fn file(
        &mut self,
        path: BString,
        old: Option<(EntryKind, Oid)>,
        range: Range<usize>,
    ) -> Result<(), GitError> {
        let entries = &self.index.entries()[range];
        let real = || entries.iter().filter(|entry| !entry.flags.contains(Flags::INTENT_TO_ADD));
        let at = |stage: Stage| real().find(|entry| entry.stage() == stage);
        let chosen = at(Stage::Unconflicted).or_else(|| at(Stage::Ours)).or_else(|| at(Stage::Theirs));
        let new = match chosen {
            Some(entry) => Some((self.kind(entry, &path)?, entry.id)),
            None => None,
        };
        let unmerged = real().any(|entry| entry.stage() != Stage::Unconflicted);
        if unmerged || old != new {
            self.changes.push(Change { path, old, new });
        }
        Ok(())
    }

    /// The name of the next thing in a folder (with a slash when it is a folder), and its index entries.
    fn group(&self, folder: &BStr, range: &Range<usize>) -> Option<(&'a BStr, Range<usize>)> {
        let entries = &self.index.entries()[range.clone()];
        let path = entries.first()?.path(self.index);
        let rest = &path[folder.len()..];
        let name = match rest.find_byte(b'/') {
            Some(slash) => &rest[..=slash],
            None => rest,
        };
        let upto = &path[..folder.len() + name.len()];
        let count = match name.ends_with(b"/") {
            // Sorted by path: what lies below one folder lies together.
            true => entries.partition_point(|entry| entry.path(self.index).starts_with(upto)),
            false => entries.iter().take_while(|entry| entry.path(self.index) == upto).count(),
        };
        Some((name.as_bstr(), range.start..range.start + count))
    }

    /// The tree of a folder that a sparse index holds as one entry.
    fn sparse(&self, folder: &BString, range: &Range<usize>) -> Option<Oid> {
        match &self.index.entries()[range.clone()] {
            [entry] if entry.mode.is_sparse() && entry.path(self.index) == folder => Some(entry.id),
            _ => None,
        }
    }

    fn kind(&self, entry: &Entry, path: &BString) -> Result<EntryKind, GitError> {
        let mode = entry.mode.to_tree_entry_mode().filter(|mode| !mode.is_tree());
        let broken = || GitError::gix(format!("read the mode of '{path}' in the index"))("unknown mode");
        Ok(mode.ok_or_else(broken)?.kind())
    }
}

/// The name by which an entry is sorted: a folder's ends with a slash.
fn name_of(entry: &EntryRef<'_>) -> impl Iterator<Item = u8> {
    entry.filename.iter().copied().chain(entry.mode.is_tree().then_some(b'/'))
}

fn joined(folder: &BStr, name: &[u8], end: &str) -> BString {
    let mut path = folder.to_owned();
    path.extend_from_slice(name);
    path.extend_from_slice(end.as_bytes());
    path
}

/// An address as `FETCH_HEAD` shows it: without slashes and `.git` at its end.
fn shown(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address)
}

/// The address in the note of a line of `FETCH_HEAD`: `branch 'x' of ADDRESS`, or all of it for HEAD.
fn source(note: &str) -> &str {
    note.split_once("' of ").map_or(note, |(_, address)| address)
}

/// Whether an address is that of a folder on this machine, as git decides it.
fn is_folder(address: &str) -> bool {
    let drive = cfg!(windows) && address.as_bytes().get(1) == Some(&b':');
    let scheme = address.find(':').is_some_and(|colon| address.find('/').is_none_or(|slash| colon < slash));
    address.starts_with("file://") || drive || !scheme
}

#[cfg(test)]
mod tests;
