//! A checkout as it is at this moment, uncommitted edits included, as a tree in memory: nothing of it is touched.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::Path;
use std::time::Duration;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::index::State;
use gix::objs::tree::EntryKind;

use super::Oid;
use super::error::GitError;
use super::memory::Memory;
use super::repo::Repo;
use super::status;
use crate::base::atomic::FileError;

mod by_git;
mod one;
mod read;
mod walk;

/// What a checkout holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The commit it is at; nothing on a branch without commits.
    pub head: Option<Oid>,
    /// All files that are tracked, or neither tracked nor ignored, as `git add -A` would take them. It is in memory.
    pub tree: Oid,
    /// What is in no commit, by path.
    pub uncommitted: Vec<Uncommitted>,
}

/// One path with changes that are in no commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uncommitted {
    /// The path.
    pub path: BString,
    /// Index and HEAD differ.
    pub staged: bool,
    /// The checkout and the index differ.
    pub unstaged: bool,
    /// git does not know the path, and does not ignore it.
    pub untracked: bool,
    /// The index has a conflict there that nobody has settled; the file counts as it is, marks and all.
    pub unmerged: bool,
    /// It is a repository of its own with changes inside, which no tree of the outer one can hold.
    pub inside: bool,
}

/// How often a checkout may change while it is read before we give up.
const TRIES: u32 = 6;

/// How long the first wait for a checkout to come to rest is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// What is at a path: its kind and content, or nothing.
pub type Side = Option<(EntryKind, Oid)>;

/// What must not change while a checkout is read.
#[derive(Debug, PartialEq, Eq)]
struct Moment {
    head: Option<Oid>,
    index: Option<Stamp>,
    /// Somebody is writing the index, and perhaps files before that.
    lock: Option<Stamp>,
}

/// By what a file is known to be the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<std::time::SystemTime>,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Repo {
    /// The state of this checkout as a tree in memory.
    ///
    /// It is what `git add -A` and `git write-tree` would make of it, through the same filters, except that files which git
    /// was told not to look at are looked at. No file, lock or byte of the index is touched. gix reads it where it knows
    /// what git knows; git itself is asked, with a copy of the index, for unmerged and sparse indexes, submodules, hidden
    /// entries, files that go through a program, and what gix fails at.
    ///
    /// # Errors
    /// [`GitError::Restless`] when it keeps changing while it is read, else what could not be read. It is never clean then.
    pub fn live_tree(&self, memory: &mut Memory) -> Result<Live, GitError> {
        self.need_checkout()?;
        let mut earlier = None;
        let mut wait = FIRST_WAIT;
        for round in 0..TRIES {
            if round > 0 {
                std::thread::sleep(wait);
                wait *= 2;
            }
            let before = self.moment()?;
            let live = match self.read_in_process(memory) {
                Ok(Some(live)) => live,
                Ok(None) => self.read_by_git(memory)?,
                // What was there when it was listed may be gone when it is read.
                Err(error) if round < 2 => {
                    tracing::debug!(%error, "the checkout is read again");
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%error, "git is asked for the checkout");
                    self.read_by_git(memory)?
                }
            };
            if self.moment()? != before {
                earlier = None;
                continue;
            }
            // While somebody holds the index, they may be half way through the files: then only what stays is believed.
            if before.lock.is_none() || earlier.as_ref() == Some(&live) {
                return Ok(live);
            }
            earlier = Some(live);
        }
        Err(GitError::Restless { path: self.folder().to_owned(), paths: vec!["the index".into()] })
    }

    fn moment(&self) -> Result<Moment, GitError> {
        let index = self.gix.index_path();
        let mut lock = index.clone().into_os_string();
        lock.push(".lock");
        let lock = stamp(Path::new(&lock))?;
        Ok(Moment { head: self.head()?.commit(), index: stamp(&index)?, lock })
    }

    /// Nothing when only git can tell.
    fn read_in_process(&self, memory: &mut Memory) -> Result<Option<Live>, GitError> {
        let head = self.head()?.commit();
        let head_tree = head.map(|commit| self.commit(commit)).transpose()?.map(|commit| commit.tree);
        let index = self.read_index()?;
        if self.only_git_knows(&index)? {
            return Ok(None);
        }
        let staged = self.staged_against(head_tree, &index)?;
        let Some(looks) = self.candidates(&index)? else { return Ok(None) };
        let Some(found) = self.read_candidates(&index, looks, memory)? else { return Ok(None) };
        let mut uncommitted: BTreeMap<BString, Uncommitted> = BTreeMap::new();
        let mut sides: BTreeMap<BString, Side> = BTreeMap::new();
        for change in staged {
            noted(&mut uncommitted, &change.path).staged = true;
            sides.insert(change.path, change.new);
        }
        for one in found {
            let noted = noted(&mut uncommitted, &one.path);
            (noted.unstaged, noted.untracked) = (!one.untracked, one.untracked);
            sides.insert(one.path, one.side);
        }
        let tree = memory.repo().tree_with(head_tree, &sides)?;
        Ok(Some(Live { head, tree, uncommitted: uncommitted.into_values().collect() }))
    }

    /// Whether an index or a setting is of a kind that gix does not read as git does.
    fn only_git_knows(&self, index: &State) -> Result<bool, GitError> {
        let checkout = self.need_checkout()?;
        let abilities = self.gix.filesystem_options().map_err(GitError::gix("read the settings"))?;
        let odd = |entry| status::needs_git(entry, index, checkout) || entry.stage_raw() != 0;
        Ok(index.is_sparse() || !abilities.symlink || index.entries().iter().any(odd))
    }

    /// A tree with something else at one path, all else as it was.
    ///
    /// # Errors
    /// When a tree cannot be read or written.
    pub fn tree_with_entry(&self, base: Oid, path: &BStr, side: Side) -> Result<Oid, GitError> {
        self.tree_with(Some(base), &BTreeMap::from([(path.to_owned(), side)]))
    }

    /// A tree with other sides at some paths, all others as they were.
    fn tree_with(&self, base: Option<Oid>, sides: &BTreeMap<BString, Side>) -> Result<Oid, GitError> {
        let doing = "write the tree of a checkout";
        if let (Some(base), true) = (base, sides.is_empty()) {
            return Ok(base);
        }
        let root = match base {
            Some(base) => {
                let tree = self.gix.find_tree(base).map_err(GitError::gix(format!("read tree {base}")))?;
                tree.decode().map_err(GitError::gix(format!("read tree {base}")))?.into()
            }
            None => gix::objs::Tree::empty(),
        };
        let mut editor = gix::objs::tree::Editor::new(root, &self.gix.objects, self.gix.object_hash());
        let parts = |path: &BString| path.split(|&byte| byte == b'/').map(BString::from).collect::<Vec<_>>();
        // What goes makes room for what comes: a file where a folder was.
        for (path, _) in sides.iter().filter(|(_, side)| side.is_none()) {
            editor.remove_if_leaf(parts(path)).map_err(GitError::gix(doing))?;
        }
        for (path, side) in sides {
            if let Some((kind, oid)) = side {
                editor.upsert(parts(path), *kind, *oid).map_err(GitError::gix(doing))?;
            }
        }
        editor.write(|tree| self.gix.write_object(tree).map(gix::Id::detach)).map_err(GitError::gix(doing))
    }
}

fn noted<'a>(uncommitted: &'a mut BTreeMap<BString, Uncommitted>, path: &BString) -> &'a mut Uncommitted {
    let new = || Uncommitted { path: path.clone(), ..Uncommitted::default() };
    uncommitted.entry(path.clone()).or_insert_with(new)
}

/// What a file is known by; nothing when there is none.
fn stamp(path: &Path) -> Result<Option<Stamp>, GitError> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(Stamp::of(&found))),
        Err(error) if gone(&error) => Ok(None),
        Err(error) => Err(FileError::new("look at", path, error).into()),
    }
}

/// Whether a file, or a folder above it, is not there any more.
fn gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

impl Stamp {
    #[cfg(unix)]
    fn of(found: &Metadata) -> Stamp {
        use std::os::unix::fs::MetadataExt;
        let inode = (found.dev(), found.ino(), found.ctime(), found.ctime_nsec());
        Stamp { length: found.len(), modified: found.modified().ok(), inode }
    }

    #[cfg(not(unix))]
    fn of(found: &Metadata) -> Stamp {
        Stamp { length: found.len(), modified: found.modified().ok() }
    }
}

#[cfg(test)]
mod tests;
