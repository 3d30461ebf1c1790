//! Making a worktree so that nobody ever sees a half-made one.

use std::path::Path;
use std::path::PathBuf;

use gix::bstr::ByteSlice;

use super::folder;
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
use crate::git::refs::Expect;
use crate::git::repo::Repo;
use crate::git::run::Git;

/// From how many files on a second checkout worker pays: measured, 0.46 of the time at 50,000 and nothing at 5,000.
const MANY_FILES: u32 = 10_000;

/// A worktree to be made.
#[derive(Debug, Clone)]
pub struct NewWorktree<'a> {
    /// Where it shall be. Nothing may be there.
    pub path: PathBuf,
    /// The full name of its branch, which must not exist.
    pub branch: String,
    /// The commit that the branch starts at.
    pub base: Oid,
    /// A folder beside `path` that nobody has been told of: everything happens in there first.
    pub building: PathBuf,
    /// The lock file under which worktrees are made and unmade, one at a time.
    pub lock: &'a Path,
    /// Why it is locked against pruning: `git worktree list` shows it.
    pub note: &'a str,
    /// A snapshot taken at `base`, whose uncommitted work it shall have from the start.
    pub restore: Option<Oid>,
    /// Where warm trees are, if one may be used.
    pub pool: Option<&'a Pool>,
    /// The patterns of what is checked out, as git reads them; nothing for all files.
    pub sparse: Option<&'a [String]>,
}

/// Where a worktree is built, and where it goes from there.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub path: &'a Path,
    pub building: &'a Path,
    /// The worktree inside `building`. It has the final name, because git registers it by that.
    pub inside: PathBuf,
}

impl<'a> Site<'a> {
    pub fn new(path: &'a Path, building: &'a Path) -> Result<Site<'a>, GitError> {
        let beside = || GitError::NotBeside { path: path.to_owned(), building: building.to_owned() };
        let name = path.file_name().ok_or_else(beside)?;
        let (Some(one), Some(other)) = (path.parent(), building.parent()) else { return Err(beside()) };
        if path == building || !path.is_absolute() || !building.is_absolute() || !same_place(one, other) {
            return Err(beside());
        }
        Ok(Site { path, building, inside: building.join(name) })
    }

    /// Whether a registration is of the worktree that is built here.
    pub fn concerns(&self, dot_git: &Path) -> bool {
        same_place(dot_git, &self.inside.join(".git"))
    }

    /// Held by whoever builds, and by the git that works for it, until both have ended.
    pub fn lock(&self) -> Result<Lock, GitError> {
        Ok(Lock::wait(&self.building.join(".building"))?)
    }
}

impl Repo {
    /// Makes a branch and a worktree on it, complete and locked against pruning, or nothing.
    ///
    /// It is registered under the lock, filled outside it, and moved to its place at the end. Files are checked out by
    /// git itself: filters, LFS and a sparse checkout that the repository has apply. Submodules stay uninitialised. The
    /// person's hooks run as for `git worktree add`: `reference-transaction` for the branch, `post-checkout` in the
    /// finished worktree, whose failure changes nothing.
    ///
    /// # Errors
    /// [`GitError::Taken`] when something is at the path, [`GitError::Moved`] when the branch exists, else what git
    /// says. What was made until then is taken back; after a kill, [`Repo::clear_half_made`] does that.
    pub fn add_worktree(&self, new: NewWorktree<'_>) -> Result<Repo, GitError> {
        let site = Site::new(&new.path, &new.building)?;
        self.refuse_taken(&new)?;
        let parent = site.path.parent().unwrap_or(site.path);
        std::fs::create_dir_all(parent).map_err(|source| FileError::new("make", parent, source))?;
        let pool = new.pool.filter(|_| new.sparse.is_none());
        match self.try_to_build(&new, &site, pool) {
            Err(error) if pool.is_some() && !there(site.building)? => {
                tracing::warn!(%error, "a warm tree could not be used");
                self.try_to_build(&new, &site, None)?;
            }
            other => other?,
        }
        self.after_checkout(&new);
        Repo::open(&new.path)
    }

    fn try_to_build(
        &self,
        new: &NewWorktree<'_>,
        site: &Site<'_>,
        pool: Option<&Pool>,
    ) -> Result<(), GitError> {
        std::fs::create_dir(site.building).map_err(|source| FileError::new("make", site.building, source))?;
        let building = site.lock()?;
        let built = self.build(new, site, &building, pool);
        if built.is_err()
            && let Err(second) = self.clear(site, &new.branch, new.base, new.lock)
        {
            tracing::warn!(%second, "what was made of a worktree stays for doctor");
        }
        built
    }

    fn refuse_taken(&self, new: &NewWorktree<'_>) -> Result<(), GitError> {
        for path in [&new.path, &new.building] {
            if there(path)? {
                return Err(GitError::Taken(path.clone()));
            }
        }
        for registration in self.registrations()? {
            if registration.dot_git.is_some_and(|dot_git| same_place(&dot_git, &new.path.join(".git"))) {
                return Err(GitError::Registered(new.path.clone()));
            }
        }
        let found = self.reference(&new.branch)?;
        if found.is_some() {
            let (name, expected) = (new.branch.clone(), Expect::Absent.oid());
            return Err(GitError::Moved { name, expected, found });
        }
        Ok(())
    }

    fn build(
        &self,
        new: &NewWorktree<'_>,
        site: &Site<'_>,
        building: &Lock,
        pool: Option<&Pool>,
    ) -> Result<(), GitError> {
        self.register(new, site)?;
        let private = registration_of(&site.inside)?.ok_or_else(|| GitError::Answer {
            command: "worktree add",
            answer: format!("no worktree in {}", site.inside.display()),
        })?;
        let shallower = make_absolute(site, &private)?;
        if let Some(patterns) = new.sparse {
            narrow(site, patterns, new.lock)?;
        }
        match pool {
            Some(pool) if pool.fill(site, &private)? => self.warm_up(pool, site, &private, building)?,
            _ => self.check_out(site, building)?,
        }
        if let Some(snapshot) = new.restore {
            Repo::open(&site.inside)?.restore_snapshot(snapshot, Some(building))?;
        }
        self.move_into_place(new, site, &private)?;
        // It is complete: what fails from here on is not worth losing it for.
        if let Some(shallower) = shallower
            && let Err(error) = std::fs::rename(shallower, site.path.join(".git"))
        {
            tracing::warn!(%error, "the worktree's link stays absolute");
        }
        if let Err(error) = folder::remove(site.building) {
            tracing::warn!(%error, "an empty building folder stays");
        }
        Ok(())
    }

    /// Beside `reset --hard`, which is no quicker, this moves no ref: no hook runs, no ORIG_HEAD is left.
    fn check_out(&self, site: &Site<'_>, building: &Lock) -> Result<(), GitError> {
        let fill = Git::at(&site.inside).args(self.more_workers());
        let fill = fill.args(["read-tree", "-m", "-u", "--no-recurse-submodules", "HEAD"]);
        fill.holding(building)?.run().map(drop)
    }

    /// Takes a warm tree to the commit. What is in it that is not of the commit was written after its task had ended, so
    /// it is set aside.
    fn warm_up(&self, pool: &Pool, site: &Site<'_>, private: &Path, building: &Lock) -> Result<(), GitError> {
        let fits = self.check_out(site, building).and_then(|()| {
            let paths = pool.found_in(&site.inside, private)?;
            let path = site.inside.clone();
            if paths.is_empty() { Ok(()) } else { Err(GitError::NotClean { path, paths }) }
        });
        if fits.is_err() {
            let place = pool.set_aside(&site.inside)?;
            tracing::warn!("what was written into a tree of the pool is in {}", place.display());
        }
        fits
    }

    /// git's options for a second worker, where it pays.
    pub(super) fn more_workers(&self) -> Vec<&'static str> {
        let pays = self.config("checkout.workers").is_none() && self.is_large() && processors() > 1;
        if pays { vec!["-c", "checkout.workers=2"] } else { Vec::new() }
    }

    /// What is quick and must not happen twice at once: git's own registration races with itself.
    fn register(&self, new: &NewWorktree<'_>, site: &Site<'_>) -> Result<(), GitError> {
        let lock = Lock::wait(new.lock)?;
        let mut git =
            Git::at(self.folder()).args(["worktree", "add", "--no-track", "--no-checkout", "--lock"]);
        if !new.note.is_empty() {
            git = git.args(["--reason", new.note]);
        }
        let branch = new.branch.strip_prefix("refs/heads/").unwrap_or(&new.branch);
        git.args(["-b", branch]).arg(&site.inside).arg(new.base.to_string()).holding(&lock)?.run().map(drop)
    }

    /// The registration first: from then on only the folder's name is missing.
    fn move_into_place(
        &self,
        new: &NewWorktree<'_>,
        site: &Site<'_>,
        private: &Path,
    ) -> Result<(), GitError> {
        let _lock = Lock::wait(new.lock)?;
        if there(site.path)? {
            return Err(GitError::Taken(site.path.to_owned()));
        }
        let file = private.join("gitdir");
        let content = atomic::read(&file)?.unwrap_or_default();
        // `…/building/name/.git` becomes `…/name/.git`, absolute or relative.
        let mut parts: Vec<&[u8]> = content.split_str("/").collect();
        if parts.len() < 3 {
            let answer = format!("{} holds no path", file.display());
            return Err(GitError::Answer { command: "worktree add", answer });
        }
        parts.remove(parts.len() - 3);
        atomic::replace(&file, &parts.join(&b'/'))?;
        std::fs::rename(&site.inside, site.path)
            .map_err(|source| FileError::new("move into place", site.path, source).into())
    }

    /// Whether a second worker would pay, by the header of the main index: an answer that costs nothing.
    fn is_large(&self) -> bool {
        use std::io::Read;
        let mut header = [0; 12];
        let read = std::fs::File::open(self.common_dir().join("index"))
            .and_then(|mut file| file.read_exact(&mut header));
        read.is_ok() && u32::from_be_bytes([header[8], header[9], header[10], header[11]]) >= MANY_FILES
    }

    /// git runs this hook only where it checks out itself.
    fn after_checkout(&self, new: &NewWorktree<'_>) {
        let none = new.base.kind().null().to_string();
        let hook =
            ["hook", "run", "--ignore-missing", "post-checkout", "--", &none, &new.base.to_string(), "1"];
        match Git::at(&new.path).args(hook).run() {
            Ok(_) => {}
            // As in git: the checkout is done, and the hook cannot undo it.
            Err(error) => tracing::warn!(%error, "post-checkout failed"),
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Lets git check out only what patterns cover. The first time git changes the configuration that all worktrees share.
fn narrow(site: &Site<'_>, patterns: &[String], lock: &Path) -> Result<(), GitError> {
    let lock = Lock::wait(lock)?;
    let git = Git::at(&site.inside).args(["sparse-checkout", "set", "--no-cone", "--stdin"]);
    git.input(patterns.join("\n")).holding_unanswered(&lock)?.run().map(drop)
}

/// Makes a relative `.git` file absolute, which is true from every place while the folder moves, and prepares the relative
/// one for the final place, one folder less deep.
fn make_absolute(site: &Site<'_>, private: &Path) -> Result<Option<PathBuf>, GitError> {
    let file = site.inside.join(".git");
    let content = atomic::read(&file)?.unwrap_or_default();
    let Some(rest) = content.strip_prefix(b"gitdir: ../") else { return Ok(None) };
    let prepared = site.building.join(".shallower");
    atomic::replace(&prepared, &[b"gitdir: ", rest].concat())?;
    atomic::replace(&file, &[b"gitdir: ", paths::to_git(private)?.as_slice(), b"\n"].concat())?;
    Ok(Some(prepared))
}

#[cfg(test)]
mod tests;
