//! Clearing away what a killed creation left.

use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::ByteSlice;

use super::Registration;
use super::add::Site;
use super::folder;
use super::place_of_dot_git;
use super::registration_of;
use crate::base::atomic;
use crate::base::lock::Lock;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::paths;
use crate::git::paths::same_place;
use crate::git::paths::there;
use crate::git::refs::Step;
use crate::git::repo::Repo;

/// What was found of a worktree that somebody began to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// Nothing was left, or only what is not ours to remove.
    Nothing,
    /// A half-made worktree or its branch, and it is gone now.
    Undone,
    /// The worktree is complete, and was left as it is.
    Complete,
}

impl Repo {
    /// Removes whatever a killed [`Repo::add_worktree`] left, unless it was complete: registered or half registered, its
    /// folder, and its branch if nobody has used it. Waits for a creation that is still going on. Safe to repeat.
    ///
    /// Never touches what is at `path`. The branch goes only if it is still at `base`, has no history of its own and no
    /// checkout uses it; a stale `refs/heads/….lock` is left to the caller.
    ///
    /// # Errors
    /// When something cannot be read or removed; what was removed until then stays removed.
    pub fn clear_half_made(
        &self,
        building: &Path,
        path: &Path,
        branch: &str,
        base: Oid,
        lock: &Path,
    ) -> Result<Cleared, GitError> {
        let site = Site::new(path, building)?;
        let _building = if there(building)? { Some(site.lock()?) } else { None };
        self.clear(&site, branch, base, lock)
    }

    /// Takes away no more of what a killed [`Repo::add_worktree`] left than what stops git itself: with a registration that
    /// does not say where the repository is, git fetches nothing. The rest is left to [`Repo::clear_half_made`].
    ///
    /// # Errors
    /// As for [`Repo::clear_half_made`].
    pub fn clear_broken(&self, building: &Path, path: &Path, lock: &Path) -> Result<(), GitError> {
        let site = Site::new(path, building)?;
        let _held = Lock::wait(lock)?;
        for registration in self.registrations()? {
            let common = atomic::read(&registration.private_dir.join("commondir"))?.unwrap_or_default();
            if common.trim_ascii().is_empty() && is_half_made(&registration, &site)? {
                self.unregister(&registration.private_dir)?;
            }
        }
        Ok(())
    }

    /// The same for whoever holds the site's lock.
    pub(super) fn clear(
        &self,
        site: &Site<'_>,
        branch: &str,
        base: Oid,
        lock: &Path,
    ) -> Result<Cleared, GitError> {
        let held = Lock::wait(lock)?;
        let registrations = self.registrations()?;
        let left = there(site.building)?;
        if !there(&site.inside)? && self.is_complete(site, &registrations)? {
            folder::remove(site.building)?;
            return Ok(Cleared::Complete);
        }
        let mut undone = left;
        for registration in registrations {
            if is_half_made(&registration, site)? {
                self.unregister(&registration.private_dir)?;
                undone = true;
            }
        }
        for trash in self.trash()? {
            // Without a place it was on its way out already.
            if place_of_dot_git(&trash)?.is_none_or(|dot_git| site.concerns(&dot_git)) {
                folder::remove(&trash)?;
            }
        }
        folder::remove(site.building)?;
        undone |= self.forget_unused(branch, base, &held)?;
        Ok(if undone { Cleared::Undone } else { Cleared::Nothing })
    }

    /// Whether the folder at the final path and its registration know each other.
    fn is_complete(&self, site: &Site<'_>, registrations: &[Registration]) -> Result<bool, GitError> {
        let Some(private) = registration_of(site.path)? else { return Ok(false) };
        let dot_git = site.path.join(".git");
        Ok(registrations.iter().any(|one| {
            let back = one.dot_git.as_ref().is_some_and(|back| same_place(back, &dot_git));
            back && same_place(&one.private_dir, &private)
        }))
    }

    fn forget_unused(&self, branch: &str, base: Oid, lock: &Lock) -> Result<bool, GitError> {
        if self.reference(branch)? != Some(base) || self.worktrees()?.iter().any(|one| one.uses(branch)) {
            return Ok(false);
        }
        let log = atomic::read(&self.common_dir().join("logs").join(branch))?.unwrap_or_default();
        if log.lines().any(|line| self.leads_elsewhere(line, base)) {
            // Somebody moved it and moved it back: those commits are their work.
            return Ok(false);
        }
        self.transact(&[Step::Delete(branch.to_owned(), base)], "worktree was never finished", lock)?;
        Ok(true)
    }
}

impl Repo {
    /// Whether a line of a reflog names a commit that `base` does not reach. More lines than one prove nothing: a git that
    /// is killed between log and ref leaves a line of a branch that never was, or the log of one that was deleted.
    fn leads_elsewhere(&self, line: &[u8], base: Oid) -> bool {
        let ids = line.splitn(3, |&byte| byte == b' ').take(2);
        let known = |id: Oid| id == base || id.is_null() || self.reaches(base, id).unwrap_or(false);
        !ids.map(Oid::from_hex).all(|id| id.is_ok_and(known))
    }
}

/// Whether a registration is what a killed creation left.
fn is_half_made(registration: &Registration, site: &Site<'_>) -> Result<bool, GitError> {
    let Some(dot_git) = &registration.dot_git else {
        return is_nameless(&registration.private_dir, site);
    };
    if same_place(dot_git, &site.inside.join(".git")) {
        return Ok(true);
    }
    // Registered at the final place, while the folder is still at the first.
    let private = registration_of(&site.inside)?;
    Ok(same_place(dot_git, &site.path.join(".git"))
        && private.is_some_and(|private| same_place(&private, &registration.private_dir)))
}

/// git died before it wrote whose registration this is; its name tells, and that it was locked from the start.
fn is_nameless(private_dir: &Path, site: &Site<'_>) -> Result<bool, GitError> {
    let (Some(wanted), Some(found)) = (site.path.file_name(), private_dir.file_name()) else {
        return Ok(false);
    };
    let reason = atomic::read(&private_dir.join("locked"))?.unwrap_or_default();
    // What git writes there while a plain `git worktree add` is at work.
    let by_others = reason.trim_ascii() == b"initializing";
    Ok(!by_others
        && could_name(paths::to_git(found.as_ref())?.as_bstr(), paths::to_git(wanted.as_ref())?.as_bstr()))
}

/// Whether git would register a folder `wanted` as `found`: odd characters become dashes, and a number may follow.
fn could_name(found: &BStr, wanted: &BStr) -> bool {
    found.len() >= wanted.len()
        && found[wanted.len()..].iter().all(u8::is_ascii_digit)
        && found.iter().zip(wanted.iter()).all(|(found, wanted)| found == wanted || *found == b'-')
}
