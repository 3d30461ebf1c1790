//! Pools: the files and the index of worktrees that are gone, for the next ones, which then check out only what differs.
//!
//! A member is a folder `<number>` with `files` and `index`: no worktree, and nothing that git knows of. It is made under
//! another name and gets its number at the end, and whoever takes it moves it away whole; so a member is complete, and is
//! taken once. What a kill leaves has no number, and was looked at before: it holds nothing that is not saved.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::add::Site;
use super::folder;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::hidden;
use crate::git::paths::there;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::git::status;

/// What the folder of an unfinished member starts with; the file of its lock ends with `.lock` beside.
const UNFINISHED: &str = ".new-";

/// What the folder of a member starts with into which somebody wrote.
const ASIDE: &str = "written-";

/// A folder of warm trees.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The folder, on the file system of the worktrees.
    pub folder: PathBuf,
    /// How many members it may have.
    pub size: usize,
    /// The folders that stay in a tree although git ignores them: a name counts at every depth, a path from the top.
    pub caches: Vec<String>,
}

impl Pool {
    /// The members that are ready, the one that was added last at the end.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn members(&self) -> Result<Vec<PathBuf>, GitError> {
        let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u64>().ok();
        let mut found: Vec<PathBuf> =
            self.entries()?.into_iter().filter(|path| number(path).is_some()).collect();
        found.sort_by_key(number);
        Ok(found)
    }

    /// Trees into which somebody wrote after their task had ended. They are never used again, and nobody deletes them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn written(&self) -> Result<Vec<PathBuf>, GitError> {
        let named = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(ASIDE.as_bytes()))
        };
        Ok(self.entries()?.into_iter().filter(named).collect())
    }

    /// Deletes all members, and what killed processes left of some. Answers how many members there were.
    ///
    /// # Errors
    /// When one cannot be deleted.
    pub fn drain(&self) -> Result<usize, GitError> {
        self.sweep()?;
        let members = self.members()?;
        for member in &members {
            // Under a name that nobody takes: half of a member must never be one.
            let going = self.begin()?;
            let at = going.place.join("going");
            match std::fs::rename(member, &at) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => other.map_err(|source| FileError::new("take", member, source))?,
            }
            going.give_up()?;
        }
        // Only an empty folder goes: what somebody wrote stays.
        let _ = std::fs::remove_dir(&self.folder);
        Ok(members.len())
    }

    /// Deletes what killed processes left of members that they were making.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn sweep(&self) -> Result<(), GitError> {
        self.left()?.into_iter().try_for_each(Unfinished::give_up)
    }

    /// How many members there are that killed processes were making.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn unfinished(&self) -> Result<usize, GitError> {
        Ok(self.left()?.len())
    }

    /// The unfinished members at which nobody is at work.
    fn left(&self) -> Result<Vec<Unfinished>, GitError> {
        let mut places = BTreeSet::new();
        for path in self.entries()? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(UNFINISHED) {
                places.insert(self.folder.join(name.strip_suffix(".lock").unwrap_or(name)));
            }
        }
        let mut left = Vec::new();
        for place in places {
            let lock = Lock::attempt(&lock_of(&place))?;
            left.extend(lock.map(|lock| Unfinished { place, lock }));
        }
        Ok(left)
    }

    /// Whether a path from the top of a tree is in one of the folders that stay.
    fn is_cache(&self, path: &[u8]) -> bool {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        self.caches.iter().any(|cache| {
            let cache = cache.strip_suffix('/').unwrap_or(cache).as_bytes();
            match cache.contains(&b'/') {
                true => path.strip_prefix(cache).is_some_and(|rest| rest.is_empty() || rest[0] == b'/'),
                false => path.split_str("/").any(|part| part == cache),
            }
        })
    }

    fn entries(&self) -> Result<Vec<PathBuf>, GitError> {
        let failed = |source| FileError::new("read", &self.folder, source);
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
    }

    fn begin(&self) -> Result<Unfinished, GitError> {
        let failed = |source| FileError::new("make", &self.folder, source);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let place = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.folder).map_err(failed)?;
        let place = place.keep();
        let lock = Lock::wait(&lock_of(&place))?;
        // Swept away before it had a lock.
        std::fs::create_dir_all(&place).map_err(failed)?;
        Ok(Unfinished { place, lock })
    }

    /// Whether a worktree's tree may be kept when it goes: its index is of one piece, and hides nothing.
    pub(super) fn suits(&self, checkout: &Path, private: &Path) -> Result<bool, GitError> {
        if self.members()?.len() >= self.size {
            return Ok(false);
        }
        let repo = Repo::open(checkout)?;
        let is_on = |key| repo.config(key).is_some_and(|value| !value.eq_ignore_ascii_case(b"false"));
        if ["core.sparseCheckout", "core.splitIndex", "core.fsmonitor", "index.sparse"].into_iter().any(is_on)
        {
            return Ok(false);
        }
        if hidden::revealed(checkout, private)?.is_some() {
            return Ok(false);
        }
        Ok(status::by_git(checkout, private)?.is_empty())
    }

    /// Removes from a clean worktree all that git does not track, but what is in the folders that stay.
    pub(super) fn empty(&self, checkout: &Path) -> Result<(), GitError> {
        let git = Git::at(checkout).args(["clean", "-ffdxq"]);
        let keeps = self.caches.iter().map(|cache| {
            let cache = cache.strip_suffix('/').unwrap_or(cache);
            let top = if cache.contains('/') { "/" } else { "" };
            format!("--exclude={top}{cache}/")
        });
        git.args(keeps).run().map(drop)
    }

    /// Makes a member of the files of a worktree that is no longer registered, and of the index in its registration.
    pub(super) fn keep(&self, files: &Path, private: &Path) -> Result<(), GitError> {
        let member = self.begin()?;
        let moved = move_to(&private.join("index"), &member.place.join("index"))
            .and_then(|()| move_to(files, &member.place.join("files")))
            .and_then(|()| {
                let link = member.place.join("files").join(".git");
                Ok(std::fs::remove_file(&link).map_err(|source| FileError::new("remove", &link, source))?)
            });
        match moved {
            Ok(()) => self.number(member),
            Err(error) => {
                member.give_up()?;
                Err(error)
            }
        }
    }

    /// Gives a finished member its number: from then on it can be taken.
    fn number(&self, member: Unfinished) -> Result<(), GitError> {
        let last = self.members()?.last().and_then(|path| path.file_name()?.to_str()?.parse::<u64>().ok());
        let mut number = last.unwrap_or(0) + 1;
        loop {
            let place = self.folder.join(number.to_string());
            match std::fs::rename(&member.place, &place) {
                Err(_) if there(&place)? => number += 1,
                Err(source) => {
                    let error = FileError::new("move", &member.place, source);
                    member.give_up()?;
                    return Err(error.into());
                }
                Ok(()) => return member.give_up(),
            }
        }
    }

    /// Puts the files of a member into a worktree that has none yet, and its index into the registration. `false` when
    /// there is no member.
    pub(super) fn fill(&self, site: &Site<'_>, private: &Path) -> Result<bool, GitError> {
        let member = site.building.join(".warm");
        let taken = self.members()?.into_iter().rev().any(|path| std::fs::rename(path, &member).is_ok());
        if !taken {
            return Ok(false);
        }
        let files = member.join("files");
        move_to(&site.inside.join(".git"), &files.join(".git"))?;
        std::fs::remove_dir(&site.inside).map_err(|source| FileError::new("remove", &site.inside, source))?;
        move_to(&files, &site.inside)?;
        move_to(&member.join("index"), &private.join("index"))?;
        std::fs::remove_dir(&member).map_err(|source| FileError::new("remove", &member, source))?;
        Ok(true)
    }

    /// What a filled worktree holds that is neither of its commit nor in a folder that stays: somebody's work.
    pub(super) fn found_in(&self, checkout: &Path, private: &Path) -> Result<Vec<BString>, GitError> {
        let mut changes = status::by_git(checkout, private)?;
        if changes.untracked.iter().any(|path| self.is_cache(path)) {
            // The commit that it was kept from ignored them, and this one does not: here they would be edits.
            let caches = self.caches.iter().map(|cache| {
                let cache = cache.strip_suffix('/').unwrap_or(cache);
                format!(":(glob){}{cache}/**", if cache.contains('/') { "" } else { "**/" })
            });
            Git::at(checkout).args(["clean", "-ffdq", "--"]).args(caches).run()?;
            changes.untracked.retain(|path| !self.is_cache(path));
        }
        let mut found = changes.paths();
        let ignored = Repo::open(checkout)?.ignored()?;
        found.extend(ignored.into_iter().filter(|path| !self.is_cache(path)));
        Ok(found)
    }

    /// Puts the files of a worktree that is given up where a person finds them.
    pub(super) fn set_aside(&self, checkout: &Path) -> Result<PathBuf, GitError> {
        let failed = |source| FileError::new("make", &self.folder, source);
        let place = tempfile::Builder::new().prefix(ASIDE).tempdir_in(&self.folder).map_err(failed)?.keep();
        let files = place.join("files");
        move_to(checkout, &files)?;
        let link = files.join(".git");
        std::fs::remove_file(&link).map_err(|source| FileError::new("remove", &link, source))?;
        Ok(place)
    }
}

/// A member that is being made or deleted.
struct Unfinished {
    place: PathBuf,
    lock: Lock,
}

impl Unfinished {
    /// Deletes what there is of it under this name, and then its lock.
    fn give_up(self) -> Result<(), GitError> {
        folder::remove(&self.place)?;
        let file = lock_of(&self.place);
        drop(self.lock);
        crate::base::atomic::remove(&file)?;
        Ok(())
    }
}

fn lock_of(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn move_to(from: &Path, to: &Path) -> Result<(), GitError> {
    std::fs::rename(from, to).map_err(|source| FileError::new("move", from, source).into())
}

impl Repo {
    /// Makes members until the pool is full, each with the files of a commit. Answers how many were made.
    ///
    /// # Errors
    /// When git cannot check out, as for a full disk; what was complete before stays.
    pub fn fill_pool(&self, pool: &Pool, commit: Oid) -> Result<usize, GitError> {
        pool.sweep()?;
        let mut made = 0;
        while pool.members()?.len() < pool.size {
            let member = pool.begin()?;
            let files = member.place.join("files");
            std::fs::create_dir(&files).map_err(|source| FileError::new("make", &files, source))?;
            let fill = Git::at(&files)
                .args(self.more_workers())
                .args(["read-tree", "-m", "-u", "--no-recurse-submodules"])
                .arg(commit.to_string())
                .env("GIT_DIR", self.common_dir())
                .env("GIT_WORK_TREE", &files)
                .env("GIT_INDEX_FILE", member.place.join("index"));
            match fill.holding(&member.lock).and_then(Git::run) {
                Ok(_) => pool.number(member)?,
                Err(error) => {
                    member.give_up()?;
                    return Err(error);
                }
            }
            made += 1;
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests;
