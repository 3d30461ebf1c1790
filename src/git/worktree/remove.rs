//! Removing a worktree so that a kill leaves it whole or gone, never half deleted.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Registration;
use super::Worktree;
use super::folder;
use super::place_of_dot_git;
use super::pool::Pool;
use super::registration_of;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::paths;
use crate::git::paths::same_place;
use crate::git::paths::there;
use crate::git::repo::Repo;
use crate::git::status;

/// What may be lost with a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// Nothing: only a clean worktree goes. Ignored files are no work.
    Nothing,
    /// Its uncommitted changes, because the caller has saved them all in a snapshot, and knows that nobody wrote since.
    Saved,
    /// Its uncommitted changes as far as they are in this snapshot, which is looked at again once the folder is aside.
    SavedIn(Oid),
}

/// What was found of a removal that somebody began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// No removal was under way.
    Nothing,
    /// The worktree had only been moved aside, and is back in its place.
    Undone,
    /// The worktree was no longer registered, and the rest of it is gone now.
    Finished,
}

/// The lock file in a registration that whoever removes the worktree holds.
const REMOVING: &str = "odyssey-removing";

/// The file in a registration that says what its worktree is called while it is aside.
const PLACE: &str = "odyssey-aside";

/// What the names of registrations that were taken away start with.
const TRASH: &str = "odyssey-removed-";

/// Why a worktree is locked while it is aside, unless it was locked before: nobody may prune it then.
const ASIDE: &[u8] = b"git odyssey is removing it\n";

impl Repo {
    /// Removes a worktree, its folder and its registration; the branch stays.
    ///
    /// The folder is moved aside first and looked at again there, where nobody writes by accident; taking the registration
    /// away is the one step from which there is no way back. With a pool that has room, the tree is emptied and kept there. After a kill, [`Repo::finish_removal`] goes on. This is
    /// not `git worktree remove`, which a kill leaves with half of the files deleted.
    ///
    /// # Errors
    /// When it is not clean, an operation is under way in it, it holds other repositories or initialised submodules, or
    /// something cannot be read. It is whole and in its place then. When only the last of its files cannot be deleted,
    /// the error says so and the worktree is gone.
    pub fn remove_worktree(
        &self,
        worktree: &Worktree,
        discard: Discard,
        lock: &Path,
        pool: Option<&Pool>,
    ) -> Result<(), GitError> {
        let (path, private) = (&worktree.path, &worktree.private_dir);
        if worktree.name.is_none() {
            return Err(GitError::MainCheckout(path.clone()));
        }
        self.finish_removal(path, lock)?;
        // Somebody else has removed it meanwhile: that is what was wanted.
        let Some(removing) = hold(private, lock)? else { return Ok(()) };
        let mut kept = None;
        if there(path)? {
            if !registration_of(path)?.is_some_and(|found| same_place(&found, private)) {
                return Err(GitError::Stranger(path.clone()));
            }
            refuse_work(path, worktree, discard)?;
            let aside = move_aside(path, private)?;
            if let Err(error) = refuse_work(&aside, worktree, discard) {
                put_back(path, &aside, private)?;
                return Err(error);
            }
            kept = pool.filter(|pool| is_emptied(pool, &aside, private)).map(|pool| (pool, aside));
        }
        let trash = {
            let _lock = Lock::wait(lock)?;
            self.unregister(private)?
        };
        if let Some((pool, aside)) = kept
            && let Err(error) = pool.keep(&aside, &trash)
        {
            tracing::warn!(%error, "a tree was not kept for the pool");
        }
        delete(&trash, path)?;
        drop(removing);
        Ok(())
    }

    /// Goes on with a removal of the worktree at `path` that was killed. Waits for one that is still going on.
    ///
    /// # Errors
    /// When something cannot be read, moved or removed; nothing is lost then, and it can be asked again.
    pub fn finish_removal(&self, path: &Path, lock: &Path) -> Result<Removal, GitError> {
        for Registration { private_dir, dot_git } in self.registrations()? {
            let Some(aside) = place_aside(&private_dir, path)? else { continue };
            if !concerns(dot_git.as_deref(), path, &aside) {
                continue;
            }
            let Some(_removing) = hold(&private_dir, lock)? else { break };
            if registration_of(&aside)?.is_some_and(|found| same_place(&found, &private_dir)) {
                put_back(path, &aside, &private_dir)?;
                return Ok(Removal::Undone);
            }
        }
        let mut removal = Removal::Nothing;
        for trash in self.trash()? {
            let place = place_of_dot_git(&trash)?;
            let aside = place_aside(&trash, path)?;
            if aside.is_some_and(|aside| concerns(place.as_deref(), path, &aside)) {
                // Two at once may delete the same: what is gone is gone.
                delete(&trash, path)?;
                removal = Removal::Finished;
            } else if place.is_none() {
                folder::remove(&trash)?;
            }
        }
        Ok(removal)
    }

    /// Takes a registration away in one step, and says where it is now. The lock must be held.
    pub(super) fn unregister(&self, private: &Path) -> Result<PathBuf, GitError> {
        let mut number = 0;
        let trash = loop {
            // Outside `worktrees/`, so that git does not see it.
            let trash = self.common_dir().join(format!("{TRASH}{number}"));
            if !there(&trash)? {
                break trash;
            }
            number += 1;
        };
        std::fs::rename(private, &trash).map_err(|source| FileError::new("unregister", private, source))?;
        Ok(trash)
    }

    /// Registrations that were taken away and not yet deleted.
    pub(super) fn trash(&self) -> Result<Vec<PathBuf>, GitError> {
        let failed = |source| FileError::new("read", self.common_dir(), source);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.common_dir()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().as_encoded_bytes().starts_with(TRASH.as_bytes()) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }
}

/// Whether a worktree that may go is worth keeping for a pool, and was emptied of all that no other task is to see.
fn is_emptied(pool: &Pool, aside: &Path, private: &Path) -> bool {
    let emptied = pool
        .suits(aside, private)
        .and_then(|suits| if suits { pool.empty(aside).map(|()| true) } else { Ok(false) });
    emptied.unwrap_or_else(|error| {
        tracing::warn!(%error, "a tree was not kept for the pool");
        false
    })
}

/// Waits until nobody else removes the worktree of a registration; nothing when it is gone by then.
fn hold(private: &Path, lock: &Path) -> Result<Option<Lock>, GitError> {
    loop {
        {
            // Registrations go away only under this lock: a lock file is never made in one that is gone.
            let _lock = Lock::wait(lock)?;
            if !there(private)? {
                return Ok(None);
            }
            if let Some(held) = Lock::attempt(&private.join(REMOVING))? {
                return Ok(Some(held));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Where the worktree of a registration is while it is aside; nothing when it never was.
fn place_aside(private: &Path, path: &Path) -> Result<Option<PathBuf>, GitError> {
    let Some(name) = atomic::read(&private.join(PLACE))? else { return Ok(None) };
    Ok(Some(path.with_file_name(paths::from_git(&name)?)))
}

/// Whether a registration is of the worktree at a path, or of the same one while it is aside: git notes new places itself.
fn concerns(dot_git: Option<&Path>, path: &Path, aside: &Path) -> bool {
    dot_git.is_some_and(|dot_git| {
        same_place(dot_git, &path.join(".git")) || same_place(dot_git, &aside.join(".git"))
    })
}

/// Moves a worktree to a new name beside its place, so that relative paths stay true.
fn move_aside(path: &Path, private: &Path) -> Result<PathBuf, GitError> {
    let failed = |source| FileError::new("move aside", path, source);
    // A name that was never used before: a late deletion by another process cannot hit it.
    let unique = tempfile::Builder::new().prefix("").tempfile_in(private).map_err(failed)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".removing-");
    name.push(unique.path().file_name().unwrap_or_default());
    let aside = path.with_file_name(&name);
    if there(&aside)? {
        return Err(GitError::Taken(aside));
    }
    atomic::replace(&private.join(PLACE), &paths::to_git(name.as_ref())?)?;
    if !there(&private.join("locked"))? {
        atomic::replace(&private.join("locked"), ASIDE)?;
    }
    std::fs::rename(path, &aside).map_err(failed)?;
    Ok(aside)
}

fn put_back(path: &Path, aside: &Path, private: &Path) -> Result<(), GitError> {
    if there(path)? {
        return Err(GitError::Taken(path.to_owned()));
    }
    std::fs::rename(aside, path).map_err(|source| FileError::new("move back", path, source))?;
    let file = private.join("gitdir");
    let content = atomic::read(&file)?.unwrap_or_default();
    let mut parts: Vec<&[u8]> = content.split_str("/").collect();
    let name = paths::to_git(path.file_name().unwrap_or_default().as_ref())?;
    let position = parts.len().saturating_sub(2);
    if parts.get(position).is_some_and(|part| *part != name.as_slice()) {
        parts[position] = &name;
        atomic::replace(&file, &parts.join(&b'/'))?;
    }
    let locked = private.join("locked");
    if atomic::read(&locked)?.as_deref() == Some(ASIDE) {
        atomic::remove(&locked)?;
    }
    Ok(())
}

/// Deletes what is left of a worktree that is no longer registered. The folder goes first: the rest says where it is.
fn delete(trash: &Path, path: &Path) -> Result<(), GitError> {
    if let Some(aside) = place_aside(trash, path)? {
        folder::remove(&aside)?;
    }
    folder::remove(trash)
}

/// Refuses a worktree whose removal would lose something. git has the last word on what is clean.
fn refuse_work(folder: &Path, worktree: &Worktree, discard: Discard) -> Result<(), GitError> {
    let mut inside = folder::repositories_inside(folder)?;
    inside.extend(modules(&worktree.private_dir)?);
    let path = worktree.path.clone();
    if !inside.is_empty() {
        return Err(GitError::Repositories { path, inside });
    }
    match discard {
        Discard::Saved => Ok(()),
        Discard::SavedIn(snapshot) => {
            let paths = Repo::open(folder)?.unsaved(snapshot)?;
            if paths.is_empty() { Ok(()) } else { Err(GitError::NotClean { path, paths }) }
        }
        Discard::Nothing => {
            if let Some(operation) = status::operation_in(&worktree.private_dir) {
                return Err(GitError::UnderWay { path, operation });
            }
            let changes = status::by_git(folder, &worktree.private_dir)?;
            if changes.is_empty() { Ok(()) } else { Err(GitError::NotClean { path, paths: changes.paths() }) }
        }
    }
}

/// The repositories of initialised submodules, whose commits may be nowhere else.
fn modules(private: &Path) -> Result<Vec<BString>, GitError> {
    let folder = private.join("modules");
    if !there(&folder)? {
        return Ok(Vec::new());
    }
    let failed = |source| FileError::new("read", &folder, source);
    let entries = std::fs::read_dir(&folder).map_err(failed)?;
    entries.map(|entry| paths::to_git(entry.map_err(failed)?.file_name().as_ref())).collect()
}

#[cfg(test)]
mod tests;
