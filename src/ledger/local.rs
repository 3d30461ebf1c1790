//! The ledger of one machine: read, decide, write, with the ref's compare-and-swap as the truth.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::cache;
use super::cache::Near;
use super::codec::LeaseFile;
use super::error::LedgerError;
use super::remote;
use super::remote::Authority;
use super::seen::Seen;
use super::state::State;
use crate::base::atomic::FileError;
use crate::base::clock::Timestamp;
use crate::base::lock::Lock;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::region::Case;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::Entry as TreeEntry;
use crate::git::objects::EntryKind;
use crate::git::refs::Expect;
use crate::git::repo::Repo;

/// The ref in which everything is recorded.
pub const LEDGER: &str = "refs/odyssey/ledger";

/// The version of the ledger's tree.
pub(super) const FORMAT: &str = "1";

/// Whether a change waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A grant survives a power cut.
    Synced,
    /// A grant survives a kill, and may be forgotten in a power cut.
    Cached,
}

/// The ledger of one repository.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'repo> {
    repo: &'repo Repo,
    durability: Durability,
    /// Who decides; nobody but this repository's own ref when there is none.
    authority: Option<&'repo Authority>,
}

impl<'repo> Ledger<'repo> {
    /// The ledger of a repository, prepared or not.
    pub fn of(repo: &'repo Repo, durability: Durability) -> Ledger<'repo> {
        Ledger { repo, durability, authority: None }
    }

    /// The same ledger, decided by a remote: the ref here is what the remote has confirmed.
    #[must_use]
    pub fn decided_by(self, authority: Option<&'repo Authority>) -> Ledger<'repo> {
        Ledger { authority, ..self }
    }

    /// The remote that decides, if one does.
    pub fn authority(&self) -> Option<&'repo Authority> {
        self.authority
    }

    /// Asks the remote that decides, if one does, how the ledger stands: what is read from here on is that or newer.
    ///
    /// # Errors
    /// When the remote cannot be reached in time, or its ledger is not a continuation of what was seen before.
    pub fn refresh(&self) -> Result<(), LedgerError> {
        self.authority.map_or(Ok(()), |authority| authority.refresh(self))
    }

    /// As [`Ledger::refresh`]; what this machine had sent has arrived then, or never will. Whoever lives and waits for it
    /// decides again.
    ///
    /// # Errors
    /// As for [`Ledger::refresh`], and when the remote does not take the event that makes it so: then nothing may be undone.
    pub fn settle(&self) -> Result<(), LedgerError> {
        self.authority.map_or(Ok(()), |authority| authority.settle(self))
    }

    /// The repository.
    pub(super) fn repo(&self) -> &'repo Repo {
        self.repo
    }

    /// The folder inside the repository where git odyssey keeps what is not in the ledger.
    pub fn folder(&self) -> PathBuf {
        folder(self.repo)
    }

    /// Makes the ledger, unless there is one. Answers whether it was made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prepare(&self, now: Timestamp) -> Result<bool, LedgerError> {
        let _lock = self.lock()?;
        if self.repo.reference(LEDGER)?.is_some() {
            return Ok(false);
        }
        let event = Event {
            kind: EventKind::Init,
            task: None,
            fence: None,
            subject: "init the ledger".to_owned(),
            facts: Vec::new(),
        };
        let mut written = Vec::new();
        let tree = self.write_state(Fence(0), &[], &mut written)?;
        let commit = self.write_event(tree, None, &event, now, &mut written)?;
        self.move_to(Expect::Absent, commit, &written)?;
        Ok(true)
    }

    /// Whether the repository has a ledger.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn is_prepared(&self) -> Result<bool, LedgerError> {
        Ok(self.repo.reference(LEDGER)?.is_some())
    }

    /// Reads the state now.
    ///
    /// # Errors
    /// When there is no ledger, or it cannot be understood in every part.
    pub fn read(&self) -> Result<State, LedgerError> {
        let tip = self.repo.reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?;
        self.read_now(tip)
    }

    /// Reads a state that holds now. Where a remote decides, leases end by this machine's own clock.
    pub(super) fn read_now(&self, tip: Oid) -> Result<State, LedgerError> {
        let mut state = self.read_at(tip)?;
        if let Some(authority) = self.authority {
            let task = |file: &TreeEntry| file.name.strip_suffix(b".toml")?.to_str().ok()?.parse().ok();
            let files = state.files.iter().filter_map(|file| Some((task(file)?, file.oid))).collect();
            state.book = Seen::of(&self.folder()).ends(state.book, &files, authority.clock().now())?;
        }
        Ok(state)
    }

    /// Reads the state at one of the ledger's commits.
    ///
    /// # Errors
    /// As for [`Ledger::read`].
    pub fn read_at(&self, tip: Oid) -> Result<State, LedgerError> {
        self.read_from(tip, None, None)
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.folder().join("leases.cache")
    }

    /// How paths are compared here.
    pub fn case(&self) -> Case {
        if self.repo.ignores_case() { Case::Insensitive } else { Case::Sensitive }
    }

    /// Changes the ledger: `decide` is shown the state and answers the entries to write. When somebody else was
    /// quicker it is asked again with the newer state.
    ///
    /// # Errors
    /// What `decide` refuses, or when the ledger cannot be read or written. Nothing has changed then.
    pub fn change<T, E: From<LedgerError>>(
        &self,
        now: Timestamp,
        decide: impl FnMut(&State) -> Result<(Vec<Entry>, T), E>,
    ) -> Result<T, E> {
        if let Some(authority) = self.authority {
            return remote::change(self, authority, now, decide);
        }
        // What was read before the lock need not be read under it, where others wait.
        let before = self.read()?;
        let lock = self.lock()?;
        self.change_from(&lock, Some(before), now, decide)
    }

    /// As [`Ledger::change`], for a claim: the book that `decide` is shown has every lease that the claim can meet, and
    /// may lack others.
    ///
    /// # Errors
    /// As for [`Ledger::change`].
    pub fn change_near<T, E: From<LedgerError>>(
        &self,
        near: &Near<'_>,
        now: Timestamp,
        decide: impl FnMut(&State) -> Result<(Vec<Entry>, T), E>,
    ) -> Result<T, E> {
        if let Some(authority) = self.authority {
            return remote::change(self, authority, now, decide);
        }
        let tip = self.repo.reference(LEDGER).map_err(LedgerError::from)?.ok_or(LedgerError::NotPrepared)?;
        let before = self.read_from(tip, Some(near), None)?;
        let lock = self.lock()?;
        self.change_from(&lock, Some(before), now, decide)
    }

    /// As [`Ledger::change`], for a caller that has the lock already, where no remote decides.
    ///
    /// # Errors
    /// As for [`Ledger::change`].
    pub fn change_locked<T, E: From<LedgerError>>(
        &self,
        lock: &Lock,
        now: Timestamp,
        decide: impl FnMut(&State) -> Result<(Vec<Entry>, T), E>,
    ) -> Result<T, E> {
        self.change_from(lock, None, now, decide)
    }

    fn change_from<T, E: From<LedgerError>>(
        &self,
        _lock: &Lock,
        mut before: Option<State>,
        now: Timestamp,
        mut decide: impl FnMut(&State) -> Result<(Vec<Entry>, T), E>,
    ) -> Result<T, E> {
        loop {
            let tip = self.repo.reference(LEDGER).map_err(LedgerError::from)?;
            let tip = tip.ok_or(LedgerError::NotPrepared)?;
            let state = match before.take() {
                Some(state) if state.tip == tip => state,
                known => self.read_from(tip, None, known)?,
            };
            let (entries, answer) = decide(&state)?;
            if entries.is_empty() {
                return Ok(answer);
            }
            match self.append(state, &entries, now) {
                Ok(()) => return Ok(answer),
                // Somebody wrote without the lock, and what they wrote counts; or what was written is gone. Decide again.
                Err(LedgerError::Git(GitError::Moved { .. } | GitError::Collected(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Queues behind the others who want to change the ledger. The lock is manners, not safety.
    ///
    /// # Errors
    /// When the file system has no locks.
    pub fn lock(&self) -> Result<Lock, LedgerError> {
        Ok(Lock::wait(&self.folder().join("lock").join("ledger"))?)
    }

    /// Begins the ledger's tree anew, on top of whatever the ref is at: only for repairs.
    pub(super) fn begin_again(
        &self,
        tip: Option<Oid>,
        entry: &Entry,
        fence: Fence,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let (mut files, mut written) = (Vec::new(), Vec::new());
        for lease in &entry.put {
            self.put(&mut files, lease, &mut written)?;
        }
        let tree = self.write_state(fence, &files, &mut written)?;
        let parent = tip.filter(|tip| self.repo.has(*tip));
        let commit = self.write_event(tree, parent, &entry.event, now, &mut written)?;
        self.move_to(Expect::value(tip), commit, &written)
    }

    fn put(
        &self,
        files: &mut Vec<TreeEntry>,
        lease: &Lease,
        written: &mut Vec<Oid>,
    ) -> Result<(), LedgerError> {
        let file = LeaseFile::of(lease);
        let oid = self.repo.write_blob(file.to_toml().as_bytes())?;
        written.push(oid);
        cache::add(&self.cache(), oid, lease);
        let name = file_name(&lease.task);
        // Among plain files git's order is that of the bytes.
        match files.binary_search_by(|file| file.name.cmp(&name)) {
            Ok(place) => files[place].oid = oid,
            Err(place) => files.insert(place, TreeEntry { name, kind: EntryKind::Blob, oid }),
        }
        Ok(())
    }

    fn append(&self, state: State, entries: &[Entry], now: Timestamp) -> Result<(), LedgerError> {
        let before = state.tip;
        let (tip, written) = self.write(state, entries, now)?;
        self.move_to(Expect::At(before), tip, &written)
    }

    /// Writes entries on top of a state, in no ref yet. Answers the commit and the objects that are new.
    fn write(&self, state: State, entries: &[Entry], now: Timestamp) -> Result<(Oid, Vec<Oid>), LedgerError> {
        let mut files = state.files;
        let mut fence = state.book.last_fence();
        let mut tip = state.tip;
        let mut written = Vec::new();
        for entry in entries {
            for task in &entry.remove {
                let name = file_name(task);
                files.retain(|file| file.name != name);
            }
            for lease in &entry.put {
                fence = fence.max(lease.fence);
                self.put(&mut files, lease, &mut written)?;
            }
            let tree = self.write_state(fence, &files, &mut written)?;
            tip = self.write_event(tree, Some(tip), &entry.event, now, &mut written)?;
        }
        // Part of the state before, so on the disk as well as that is.
        written.retain(|oid| Some(*oid) != state.format);
        Ok((tip, written))
    }

    /// As `append`, into another ref than the ledger's: changes that the remote has not confirmed yet.
    pub(super) fn append_to(
        &self,
        name: &str,
        state: State,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Oid, LedgerError> {
        let (tip, written) = self.write(state, entries, now)?;
        if self.durability == Durability::Synced {
            self.repo.sync_objects(&written)?;
        }
        let young = self.repo.copies(&written)?;
        self.repo.edit(name, Expect::value(self.repo.reference(name)?), tip)?;
        self.repo.put_back(&young)?;
        Ok(tip)
    }

    fn write_state(
        &self,
        fence: Fence,
        files: &[TreeEntry],
        written: &mut Vec<Oid>,
    ) -> Result<Oid, LedgerError> {
        let mut root = Vec::new();
        for (name, text) in [("fence", format!("{fence}\n")), ("format", format!("{FORMAT}\n"))] {
            let oid = self.repo.write_blob(text.as_bytes())?;
            root.push(TreeEntry { name: name.into(), kind: EntryKind::Blob, oid });
        }
        if !files.is_empty() {
            let oid = self.repo.write_tree(files)?;
            root.push(TreeEntry { name: "leases".into(), kind: EntryKind::Tree, oid });
        }
        written.extend(root.iter().map(|entry| entry.oid));
        let oid = self.repo.write_tree(&root)?;
        written.push(oid);
        Ok(oid)
    }

    pub(super) fn write_event(
        &self,
        tree: Oid,
        parent: Option<Oid>,
        event: &Event,
        now: Timestamp,
        written: &mut Vec<Oid>,
    ) -> Result<Oid, LedgerError> {
        let parents: Vec<Oid> = parent.into_iter().collect();
        let commit = self.repo.write_commit(tree, &parents, event.message().as_str().into(), now)?;
        written.push(commit);
        Ok(commit)
    }

    /// Moves the ref, after what it leads to is on the disk.
    pub(super) fn move_to(&self, expect: Expect, commit: Oid, written: &[Oid]) -> Result<(), LedgerError> {
        if self.durability == Durability::Synced {
            self.repo.sync_objects(written)?;
        }
        let young = self.repo.copies(written)?;
        self.repo.edit(LEDGER, expect, commit)?;
        self.repo.put_back(&young)?;
        self.sync_ref(LEDGER)
    }

    /// Makes sure that a ref is on the disk, if anything waits for that.
    pub(super) fn sync_ref(&self, name: &str) -> Result<(), LedgerError> {
        if self.durability == Durability::Cached {
            return Ok(());
        }
        let path = self.repo.common_dir().join(name);
        // Packed meanwhile is on the disk already.
        if let Ok(file) = std::fs::File::open(&path) {
            file.sync_data().map_err(|source| FileError::new("sync", &path, source))?;
        }
        Ok(())
    }
}

/// A lease's file in the ledger.
pub(super) fn file_name(task: &TaskName) -> BString {
    format!("{task}.toml").into()
}

/// The folder inside a repository where git odyssey keeps what is not in the ledger.
pub fn folder(repo: &Repo) -> PathBuf {
    repo.common_dir().join("odyssey")
}

/// How long a claim may wait in the queue before it says so.
pub const QUEUE_NOTICE: Duration = Duration::from_millis(500);

/// Where the ledger's ref file changes: what a waiting claim watches.
pub fn watched_folder(common: &Path) -> PathBuf {
    common.join("refs").join("odyssey")
}
