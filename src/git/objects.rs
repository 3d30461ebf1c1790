//! Objects: blobs, trees and commits, read and written in-process.

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::objs::Kind;
use gix::objs::Write;
use gix::objs::WriteTo;
pub use gix::objs::tree::EntryKind;

use super::Oid;
use super::error::GitError;
use super::plain;
use super::repo::Repo;
use crate::base::atomic::FileError;
use crate::base::clock::Timestamp;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without a slash.
    pub name: BString,
    /// What it is.
    pub kind: EntryKind,
    /// Its object.
    pub oid: Oid,
}

/// What a commit says of itself.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its tree.
    pub tree: Oid,
    /// Its parents, first parent first.
    pub parents: Vec<Oid>,
    /// The author's name and email.
    pub author: (BString, BString),
    /// When it was committed.
    pub time: Timestamp,
    /// The whole message.
    pub message: BString,
}

/// How many files are synced side by side.
const SYNCED_AT_ONCE: usize = 8;

impl Repo {
    /// The bytes of a blob.
    ///
    /// # Errors
    /// When it is missing, broken or not a blob.
    pub fn blob(&self, oid: Oid) -> Result<Vec<u8>, GitError> {
        let mut blob = self.gix.find_blob(oid).map_err(GitError::gix(format!("read blob {oid}")))?;
        Ok(std::mem::take(&mut blob.data))
    }

    /// The bytes of one file, unless there are more than `most`: then nothing.
    ///
    /// # Errors
    /// When it is missing or broken.
    pub fn blob_within(&self, oid: Oid, most: u64) -> Result<Option<Vec<u8>>, GitError> {
        if self.size(oid)? > most { Ok(None) } else { self.blob(oid).map(Some) }
    }

    /// How many bytes an object has, which is told without reading all of it.
    ///
    /// # Errors
    /// When it is missing or broken.
    pub fn size(&self, oid: Oid) -> Result<u64, GitError> {
        Ok(self.gix.find_header(oid).map_err(GitError::gix(format!("read object {oid}")))?.size())
    }

    /// The entries of one tree, in git's order.
    ///
    /// # Errors
    /// When it is missing, broken or not a tree.
    pub fn tree(&self, oid: Oid) -> Result<Vec<Entry>, GitError> {
        let tree = self.gix.find_tree(oid).map_err(GitError::gix(format!("read tree {oid}")))?;
        let decoded = tree.decode().map_err(GitError::gix(format!("read tree {oid}")))?;
        let entry = |entry: &gix::objs::tree::EntryRef<'_>| Entry {
            name: entry.filename.to_owned(),
            kind: entry.mode.kind(),
            oid: entry.oid.to_owned(),
        };
        Ok(decoded.entries.iter().map(entry).collect())
    }

    /// One commit.
    ///
    /// # Errors
    /// When it is missing, broken or not a commit.
    pub fn commit(&self, oid: Oid) -> Result<Commit, GitError> {
        let doing = || format!("read commit {oid}");
        let commit = self.gix.find_commit(oid).map_err(GitError::gix(doing()))?;
        let decoded = commit.decode().map_err(GitError::gix(doing()))?;
        let author = decoded.author().map_err(GitError::gix(doing()))?;
        let time =
            decoded.committer().map_err(GitError::gix(doing()))?.time().map_err(GitError::gix(doing()))?;
        Ok(Commit {
            tree: decoded.tree(),
            parents: decoded.parents().collect(),
            author: (author.name.to_owned(), author.email.to_owned()),
            time: Timestamp::from_second(time.seconds).unwrap_or(Timestamp::UNIX_EPOCH),
            message: decoded.message.to_owned(),
        })
    }

    /// The name that a blob of these bytes has; nothing is written.
    ///
    /// # Errors
    /// When the hash cannot be made.
    pub fn hash(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        let kind = self.gix.object_hash();
        gix::objs::compute_hash(kind, Kind::Blob, bytes).map_err(GitError::gix("name some bytes"))
    }

    /// Writes a blob.
    ///
    /// # Errors
    /// When the object store cannot be written.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        self.write(Kind::Blob, bytes)
    }

    /// Writes a tree from entries in git's order.
    ///
    /// # Errors
    /// When the object store cannot be written.
    pub fn write_tree(&self, entries: &[Entry]) -> Result<Oid, GitError> {
        let entry = |entry: &Entry| gix::objs::tree::Entry {
            mode: entry.kind.into(),
            filename: entry.name.clone(),
            oid: entry.oid,
        };
        let tree = gix::objs::Tree { entries: entries.iter().map(entry).collect() };
        let mut bytes = Vec::new();
        tree.write_to(&mut bytes).map_err(GitError::gix("write a tree"))?;
        self.write(Kind::Tree, &bytes)
    }

    /// Writes a commit of ours; it is in no ref until one is moved to it.
    ///
    /// Author and committer are the configured person, or git odyssey itself where nobody is configured.
    ///
    /// # Errors
    /// When the object store cannot be written.
    pub fn write_commit(
        &self,
        tree: Oid,
        parents: &[Oid],
        message: &BStr,
        at: Timestamp,
    ) -> Result<Oid, GitError> {
        let signature = self.signature(at);
        let commit = gix::objs::Commit {
            tree,
            parents: parents.iter().copied().collect(),
            author: signature.clone(),
            committer: signature,
            encoding: None,
            message: message.to_owned(),
            extra_headers: Vec::new(),
        };
        let mut bytes = Vec::new();
        commit.write_to(&mut bytes).map_err(GitError::gix("write a commit"))?;
        self.write(Kind::Commit, &bytes)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, GitError> {
        let doing = || format!("write a {kind}");
        let oid =
            gix::objs::compute_hash(self.gix.object_hash(), kind, bytes).map_err(GitError::gix(doing()))?;
        if self.gix.objects.exists_without_refresh(&oid) {
            return Ok(oid);
        }
        if !self.in_memory && plain::fits(kind, bytes) {
            plain::write(self.gix.objects.store_ref().path(), oid, kind, bytes)?;
            return Ok(oid);
        }
        self.gix.objects.write_buf_with_known_id(kind, bytes, oid).map_err(GitError::gix(doing()))
    }

    /// The configured person, or git odyssey itself where nobody is configured.
    pub(super) fn signature(&self, at: Timestamp) -> gix::actor::Signature {
        let (name, email) = self.person();
        gix::actor::Signature {
            name: name.unwrap_or_else(|| "git odyssey".into()),
            email: email.unwrap_or_else(|| "git-odyssey@localhost".into()),
            time: gix::date::Time { seconds: at.as_second(), offset: 0 },
        }
    }

    /// Makes sure that objects of ours are on the disk itself, not only in the system's memory.
    ///
    /// They are synced side by side: the disk then makes few flushes of many.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn sync_objects(&self, oids: &[Oid]) -> Result<(), GitError> {
        let folder = self.common_dir().join("objects");
        let sync = |oid: &Oid| {
            let hex = oid.to_string();
            let path = folder.join(&hex[..2]).join(&hex[2..]);
            // Already packed means already on the disk: git syncs its packs.
            let Ok(file) = std::fs::File::open(&path) else { return Ok(()) };
            file.sync_data().map_err(|source| FileError::new("sync", &path, source))
        };
        std::thread::scope(|scope| {
            let share = oids.len().div_ceil(SYNCED_AT_ONCE).max(1);
            let mut shares = oids.chunks(share);
            let own = shares.next().unwrap_or_default();
            let threads: Vec<_> = shares.map(|oids| scope.spawn(|| oids.iter().try_for_each(sync))).collect();
            own.iter().try_for_each(sync)?;
            for thread in threads {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            Ok(())
        })
    }

    /// The bytes of a file at a commit, if there is one.
    ///
    /// # Errors
    /// When the commit or its trees cannot be read.
    pub fn file_at(&self, commit: Oid, path: &BStr) -> Result<Option<Vec<u8>>, GitError> {
        let doing = || format!("read {path} at {commit}");
        let tree = self.commit(commit)?.tree;
        let tree = self.gix.find_tree(tree).map_err(GitError::gix(doing()))?;
        let parts = path.split(|&byte| byte == b'/');
        let Some(entry) = tree.lookup_entry(parts).map_err(GitError::gix(doing()))? else { return Ok(None) };
        if !entry.mode().is_blob() {
            return Ok(None);
        }
        self.blob(entry.object_id()).map(Some)
    }

    /// Whether an object exists here.
    pub fn has(&self, oid: Oid) -> bool {
        self.gix.has_object(oid)
    }
}
