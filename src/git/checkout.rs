//! Moving a checkout to another commit while a ref moves, without losing an edit and without another git in between.

use std::io::Write;
use std::path::PathBuf;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::hidden;
use super::obstacles::Changed;
use super::obstacles::Obstacles;
use super::obstacles::changed;
use super::paths::there;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;

mod settle;

/// Uncommitted edits that go along when a checkout moves: all of its files that the move touches, in two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carry {
    /// With the edits as they are, on top of the commit that the checkout leaves.
    pub before: Oid,
    /// With the edits as they will be, on top of the one that it goes to.
    pub after: Oid,
}

/// The index of a checkout, held as git itself holds it: no other git command changes index or files meanwhile.
///
/// Dropped, it gives the index back; without [`CheckoutLock::apply`] everything is as it was.
#[derive(Debug)]
pub struct CheckoutLock {
    repo: Repo,
    folder: PathBuf,
    id: String,
    /// Held until the git that works for us has ended too.
    process: Lock,
}

/// How moving a checkout ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// Paths that somebody edited meanwhile and that were left as they are. They show as modified now.
    pub kept: Vec<BString>,
}

/// The index that is prepared while the real one is locked.
const PREPARED: &str = "odyssey-checkout-index";

/// The file that tells whether the process that locked the index lives, or a git that it started.
pub const PROCESS: &str = "odyssey-checkout";

impl Repo {
    /// Locks the index of this checkout as git does, by `index.lock`, which holds `id` so that its owner is known after a
    /// kill.
    ///
    /// # Errors
    /// [`GitError::Locked`] when another git command or another of us has it, [`GitError::UnderWay`] when a merge, rebase or
    /// the like has not been finished here.
    pub fn lock_checkout(&self, id: &str) -> Result<CheckoutLock, GitError> {
        let folder = self.need_checkout()?.to_owned();
        let index_lock = self.private_dir().join("index.lock");
        let process = Lock::attempt(&self.private_dir().join(PROCESS))?;
        let process = process.ok_or_else(|| GitError::Locked(index_lock.clone()))?;
        self.take_index(id)?;
        // From here on, an error gives the index back.
        let lock = CheckoutLock { repo: self.clone(), folder, id: id.to_owned(), process };
        if let Some(operation) = self.operation_under_way() {
            return Err(GitError::UnderWay { path: lock.folder.clone(), operation });
        }
        lock.prepare()?;
        Ok(lock)
    }

    /// Makes `index.lock` with its content at once: a kill never leaves one that is nobody's.
    fn take_index(&self, id: &str) -> Result<(), GitError> {
        let index_lock = self.private_dir().join("index.lock");
        let failed = |source| FileError::new("lock", &index_lock, source);
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{PROCESS}-"))
            .tempfile_in(self.private_dir())
            .map_err(failed)?;
        file.write_all(id.as_bytes()).map_err(failed)?;
        file.as_file().sync_data().map_err(failed)?;
        match std::fs::hard_link(file.path(), &index_lock) {
            Ok(()) => Ok(()),
            Err(_) if there(&index_lock)? => Err(GitError::Locked(index_lock)),
            // Some file systems know no hard links; there it is refused, not half done.
            Err(error) => Err(failed(error).into()),
        }
    }

    /// Whether `index.lock` is the one that `id` made.
    fn has_index(&self, id: &str) -> Result<bool, GitError> {
        Ok(atomic::read(&self.private_dir().join("index.lock"))?.is_some_and(|found| found == id.as_bytes()))
    }

    /// Gives back an index that a killed [`Repo::lock_checkout`] holds, when nothing moved: all is as it was.
    ///
    /// Whether the ref has moved can be told only once the git that moves it has ended: wait for the lock that was given to
    /// [`Repo::transact`] first.
    ///
    /// Waits for a git that the killed process had started. Safe to repeat; another's lock stays.
    ///
    /// # Errors
    /// When a file cannot be read or removed.
    pub fn undo_checkout_lock(&self, id: &str) -> Result<(), GitError> {
        let _process = Lock::wait(&self.private_dir().join(PROCESS))?;
        self.release_index(id)
    }

    /// For whoever holds the lock of the process: nobody else is writing these files.
    fn release_index(&self, id: &str) -> Result<(), GitError> {
        let private = self.private_dir();
        let failed = |source| FileError::new("read", private, source);
        for entry in std::fs::read_dir(private).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            // The prepared index, git's own lock of that, and what was written to become the lock.
            if name != PROCESS && name.as_encoded_bytes().starts_with(PROCESS.as_bytes()) {
                atomic::remove(&entry.path())?;
            }
        }
        if self.has_index(id)? {
            atomic::remove(&private.join("index.lock"))?;
        }
        Ok(())
    }

    /// Ends a move from `old` to `new` that was killed after the ref had moved.
    ///
    /// Every path that differs between the two is brought to `new` if it is as in `old`, missing, or half written; what
    /// somebody edited is left as it is, unless it goes along as the edits of `carry` do. Waits for a git that the killed
    /// process had started. Safe to repeat, also when the move was complete.
    ///
    /// # Errors
    /// [`GitError::Locked`] when another git command has the index, else when something cannot be read or written.
    pub fn finish_checkout(
        &self,
        id: &str,
        old: Oid,
        new: Oid,
        carry: Option<Carry>,
    ) -> Result<Finished, GitError> {
        let folder = self.need_checkout()?.to_owned();
        let process = Lock::wait(&self.private_dir().join(PROCESS))?;
        if !self.has_index(id)? {
            self.take_index(id)?;
        }
        let lock = CheckoutLock { repo: self.clone(), folder, id: id.to_owned(), process };
        lock.prepare()?;
        lock.settle(old, new, carry)
    }
}

impl CheckoutLock {
    /// The uncommitted edits that moving from `old` to `new` would touch: staged, unstaged, untracked, and ignored files that
    /// would be overwritten. Empty means that it may go; git was asked too. Edits that go along, and are as they were when
    /// that was decided, are in nobody's way.
    ///
    /// # Errors
    /// When something cannot be read, or git refuses the move for a reason of its own.
    pub fn in_the_way(&self, old: Oid, new: Oid, carry: Option<Carry>) -> Result<Vec<BString>, GitError> {
        let changes = changed(&self.folder, old, new)?;
        let carried = match carry {
            Some(Carry { before, after }) => changed(&self.folder, before, after)?,
            None => Vec::new(),
        };
        let obstacles = Obstacles::new(&self.folder, self.git(), self.repo.ignores_case())?;
        let mut found = self.names(&["ls-files", "-u", "-z", "--format=%(path)"])?;
        let touches =
            |changes: &[Changed], path: &BString| changes.iter().any(|change| overlap(&change.path, path));
        let touched = |path: &BString| touches(&changes, path) || touches(&carried, path);
        found.extend(self.edits(old)?.into_iter().filter(touched));
        for change in changes.iter().chain(&carried).filter(|change| change.appears()) {
            found.extend(obstacles.before(change.path.as_bstr())?);
        }
        found.sort();
        found.dedup();
        match carry {
            Some(carry) => self.other_than(old, carry, found),
            None if found.is_empty() => self.read_tree(&["-n"], old, new).map(|()| found),
            None => Ok(found),
        }
    }

    /// Moves files and index from `old` to `new`, and uncommitted edits along; the ref has been moved by the caller. No
    /// post-checkout hook runs.
    ///
    /// What somebody edits at this very moment is left as it is and named.
    ///
    /// # Errors
    /// When something cannot be read or written; [`Repo::finish_checkout`] goes on then.
    pub fn apply(&mut self, old: Oid, new: Oid, carry: Option<Carry>) -> Result<Finished, GitError> {
        if carry.is_some() {
            // git moves no file with an edit in it.
            return self.settle(old, new, carry);
        }
        // git protects no ignored files; they may be there since the question.
        let obstacles = Obstacles::new(&self.folder, self.git(), self.repo.ignores_case())?;
        for change in changed(&self.folder, old, new)?.iter().filter(|change| change.appears()) {
            if !obstacles.before(change.path.as_bstr())?.is_empty() {
                return self.settle(old, new, None);
            }
        }
        match self.read_tree(&[], old, new) {
            Ok(()) => {
                self.put_in_place()?;
                Ok(Finished::default())
            }
            // git looks at all files before it touches one; but it may also have failed in the middle.
            Err(error) => {
                tracing::debug!(%error, "the checkout is moved path by path");
                self.prepare()?;
                self.settle(old, new, None)
            }
        }
    }

    fn read_tree(&self, more: &[&str], old: Oid, new: Oid) -> Result<(), GitError> {
        let git = self.git().args(["read-tree", "-m", "-u", "--no-recurse-submodules"]).args(more);
        git.args([old.to_string(), new.to_string()]).holding(&self.process)?.run().map(drop)
    }

    /// Copies the index, and looks at the files anew where their times changed.
    fn prepare(&self) -> Result<(), GitError> {
        let (index, prepared) = (self.repo.private_dir().join("index"), self.prepared());
        atomic::remove(&prepared.with_extension("lock"))?;
        match std::fs::copy(&index, &prepared) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => atomic::remove(&prepared)?,
            Err(error) => return Err(FileError::new("copy", &index, error).into()),
        }
        self.refresh()
    }

    fn refresh(&self) -> Result<(), GitError> {
        let git = self.git().args(["update-index", "-q", "--refresh"]).holding(&self.process)?;
        let command = git.to_string();
        let output = git.answer()?;
        // 1 says that some files differ.
        if matches!(output.status.code(), Some(0 | 1)) {
            return Ok(());
        }
        Err(GitError::Command { command, status: super::run::ended(output.status), stderr: output.stderr })
    }

    /// The prepared index becomes the index while `index.lock` still stands; its time stays that of git's writing, by
    /// which git knows the files that it must not trust.
    fn put_in_place(&self) -> Result<(), GitError> {
        let index = self.repo.private_dir().join("index");
        std::fs::rename(self.prepared(), &index)
            .map_err(|source| FileError::new("replace", &index, source).into())
    }

    fn prepared(&self) -> PathBuf {
        self.repo.private_dir().join(PREPARED)
    }

    /// git with the prepared index. A split index becomes whole in it; the monitor's marks are not trusted.
    fn git(&self) -> Git {
        Git::at(&self.folder)
            .args(["-c", "core.fsmonitor=false", "-c", "core.splitIndex=false"])
            .env("GIT_INDEX_FILE", self.prepared())
    }

    /// Paths with an edit, staged or not, hidden from git or not. A submodule's inner changes are none: they stay.
    fn edits(&self, old: Oid) -> Result<Vec<BString>, GitError> {
        let staged = ["diff-index", "--cached", "-z", "--name-only", "--no-renames"];
        let mut found =
            self.names(&[&staged[..], &["--ignore-submodules=none", &old.to_string(), "--"]].concat())?;
        let revealed = hidden::revealed(&self.folder, self.repo.private_dir())?;
        let git = match &revealed {
            Some(index) => self.git().env("GIT_INDEX_FILE", index.as_os_str()),
            None => self.git(),
        };
        let unstaged = ["diff-files", "-z", "--name-only", "--ignore-submodules=all"];
        found.extend(names(&git.args(unstaged).run()?));
        Ok(found)
    }

    fn names(&self, arguments: &[&str]) -> Result<Vec<BString>, GitError> {
        Ok(names(&self.git().args(arguments).run()?))
    }
}

impl Drop for CheckoutLock {
    fn drop(&mut self) {
        if let Err(error) = self.repo.release_index(&self.id) {
            tracing::warn!(%error, "the index stays locked until doctor gives it back");
        }
    }
}

fn names(answer: &[u8]) -> Vec<BString> {
    answer.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(BString::from).collect()
}

/// Whether two paths are one, or one is a folder above the other.
pub(super) fn overlap(one: &[u8], other: &[u8]) -> bool {
    let above =
        |folder: &[u8], path: &[u8]| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"));
    one == other || above(one, other) || above(other, one)
}

#[cfg(test)]
mod tests;
