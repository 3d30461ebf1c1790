//! Taking a workspace away without losing anything that is in it.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::Work;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::lease::Mode;
use crate::domain::lease::Phase;
use crate::domain::lease::Place;
use crate::domain::region::RegionSet;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::refs::Step;
use crate::git::repo::Repo;
use crate::git::worktree::Discard;
use crate::git::worktree::Worktree;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Written;
use crate::workspace::preserve;
use crate::workspace::preserve::KeepError;
use crate::workspace::salvage;

use super::session::Session;

/// What became of a workspace.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removed {
    /// There was none.
    Nothing,
    /// It is gone; nothing in it was worth saving.
    Clean,
    /// It is gone; everything in it is in a salvage commit.
    Saved {
        /// The salvage commit, in hexadecimal.
        salvage: String,
    },
    /// It stays for now, because something was in the way; whoever comes next goes on with it.
    Delayed {
        /// The workspace.
        path: PathBuf,
        /// What was in the way.
        why: String,
    },
    /// It stays, because it holds something that is not saved.
    Kept {
        /// The workspace.
        path: PathBuf,
        /// What it holds.
        why: String,
    },
}

/// What is behind a lease: unknown counts as something.
pub fn work_behind(session: &Session, lease: &Lease) -> Work {
    match holds_work(session, lease) {
        Ok(false) => Work::None,
        Ok(true) | Err(_) => Work::Some,
    }
}

fn holds_work(session: &Session, lease: &Lease) -> Result<bool, Failure> {
    // Work under a lease without a workspace is in the person's own checkout, and ending the lease touches nothing.
    let Some(branch) = lease.branch() else { return Ok(false) };
    if session.is_elsewhere(lease)? {
        // On another machine there may be anything.
        return Ok(true);
    }
    if let Some(tip) = session.repo.reference(branch)? {
        let target = session.repo.reference(&lease.target)?;
        match target {
            Some(target) if session.repo.reaches(target, tip)? => {}
            _ => return Ok(true),
        }
    }
    let Some(worktree) = session.workspace(lease)? else { return Ok(false) };
    if worktree.missing {
        return Ok(false);
    }
    let workspace = Repo::open(&worktree.path)?;
    let uncommitted = !workspace.changes()?.is_empty();
    Ok(uncommitted || workspace.operation_under_way().is_some())
}

/// Saves all the work of a lease under its salvage ref. Answers nothing when there is none to save.
///
/// # Errors
/// When something cannot be read or saved: then the work must stay where it is.
pub fn save(session: &Session, lease: &Lease, why: &str, now: Timestamp) -> Result<Option<Oid>, Failure> {
    let Some(branch) = lease.branch() else { return Ok(None) };
    match session.workspace(lease)?.filter(|worktree| !worktree.missing) {
        Some(worktree) => {
            let workspace = Repo::open(&worktree.path)?;
            let precious = preserve::precious(&workspace, &session.home, &session.disposable()?)?;
            Ok(Some(salvage::save(&workspace, &lease.task, branch, &precious, why, now)?))
        }
        None => match session.repo.reference(branch)? {
            Some(tip) => Ok(Some(salvage::save_branch(&session.repo, &lease.task, tip, why, now)?)),
            None => Ok(None),
        },
    }
}

/// Writes down that a lease is about to end and its workspace to go: a kill between the two leaves the rest to recovery.
///
/// # Errors
/// When it cannot be written: then the lease must not end.
pub fn begin_end(session: &Session, lease: &Lease, saved: Option<Oid>) -> Result<Option<Written>, Failure> {
    let Some(branch) = lease.branch() else { return Ok(None) };
    let intent = Intent::End {
        task: lease.task.clone(),
        fence: lease.fence,
        branch: branch.to_owned(),
        saved: saved.map(|commit| commit.to_string()),
    };
    Ok(Some(Written::begin(&session.ledger().folder(), &intent)?))
}

/// The end is complete, or did not come.
///
/// # Errors
/// When the intent's file cannot be removed.
pub fn done(written: Option<Written>) -> Result<(), Failure> {
    Ok(written.map(Written::done).transpose().map(drop)?)
}

/// As [`done`], unless the workspace is left for later: then the intent stays for whoever comes next.
///
/// # Errors
/// As for [`done`].
pub fn settle(written: Option<Written>, removed: &Removed) -> Result<(), Failure> {
    match removed {
        Removed::Delayed { .. } => Ok(()),
        Removed::Nothing | Removed::Clean | Removed::Saved { .. } | Removed::Kept { .. } => done(written),
    }
}

/// Removes the workspace and branch of a lease whose work has landed or was saved.
///
/// What is in the workspace beside that (uncommitted edits, ignored files that count, commits that only a reflog
/// reaches) is saved first.
///
/// # Errors
/// When something cannot be read, saved or removed.
pub fn remove(session: &Session, lease: &Lease, saved: Option<Oid>, why: &str) -> Result<Removed, Failure> {
    let Some(branch) = lease.branch() else { return Ok(Removed::Nothing) };
    let tip = session.repo.reference(branch)?;
    let worktree = session.workspace(lease)?;
    let mut saved = saved;
    if let Some(tip) = tip
        && saved.is_none()
        && worktree.as_ref().is_none_or(|worktree| worktree.missing)
        && !is_on_target(session, lease, tip)?
    {
        // What was squashed or rebased has landed, and its commits are nowhere but on the branch.
        saved = Some(salvage::save_branch(&session.repo, &lease.task, tip, why, session.now)?);
    }
    let Some(worktree) = worktree else {
        let Some(tip) = tip else { return Ok(Removed::Nothing) };
        delete_branch(session, branch, tip, why)?;
        return Ok(removed(saved));
    };
    if saved.is_none() && !worktree.missing {
        match left_in(session, &worktree, branch)? {
            Left::Nothing => {}
            Left::Edits(paths) => {
                return Ok(Removed::Kept { path: worktree.path, why: listed(&paths) });
            }
            Left::Aside => saved = save(session, lease, why, session.now)?,
        }
    }
    let tip_text = tip.map(|tip| tip.to_string()).unwrap_or_default();
    let intent = Intent::Remove {
        task: lease.task.clone(),
        path: worktree.path.clone(),
        branch: branch.to_owned(),
        tip: tip_text,
    };
    let written = Written::begin(&session.ledger().folder(), &intent)?;
    let discard = saved.map_or(Discard::Nothing, Discard::SavedIn);
    remove_now(session, &worktree, branch, tip, discard, why)?;
    written.done()?;
    Ok(removed(saved))
}

fn removed(saved: Option<Oid>) -> Removed {
    saved.map_or(Removed::Clean, |commit| Removed::Saved { salvage: commit.to_string() })
}

fn is_on_target(session: &Session, lease: &Lease, tip: Oid) -> Result<bool, Failure> {
    match session.repo.reference(&lease.target)? {
        Some(target) => Ok(session.repo.reaches(target, tip)?),
        None => Ok(false),
    }
}

/// As [`remove`], after the lease has ended: what cannot be removed stays, and the answer says why.
pub fn remove_or_keep(session: &Session, lease: &Lease, saved: Option<Oid>, why: &str) -> Removed {
    remove(session, lease, saved, why).unwrap_or_else(|failure| {
        let path = session.workspace(lease).ok().flatten().map(|worktree| worktree.path).unwrap_or_default();
        let why = failure.to_string();
        if needs_a_person(&failure) { Removed::Kept { path, why } } else { Removed::Delayed { path, why } }
    })
}

/// Whether trying again would change nothing: the workspace holds what we may not take away. A lock, a full disk and the
/// like go by themselves.
fn needs_a_person(failure: &Failure) -> bool {
    let holds = |error: &GitError| {
        matches!(
            error,
            GitError::NotClean { .. }
                | GitError::UnderWay { .. }
                | GitError::Repositories { .. }
                | GitError::Elsewhere { .. }
                | GitError::Stranger(_)
                | GitError::MainCheckout(_)
        )
    };
    failure.is::<GitError>(holds)
        || failure.is::<KeepError>(|error| match error {
            KeepError::LargeIgnored { .. } => true,
            KeepError::Git(error) => holds(error),
            KeepError::File(_) => false,
        })
}

/// Removes a worktree and its branch, of which the caller knows that nothing in them is lost by it.
///
/// # Errors
/// When git refuses.
pub fn remove_now(
    session: &Session,
    worktree: &Worktree,
    branch: &str,
    tip: Option<Oid>,
    discard: Discard,
    why: &str,
) -> Result<(), Failure> {
    // Opened before, and not where the request was made: that may be the workspace, which will be gone.
    let home = Repo::open(&session.home)?;
    let lock = session.ledger().folder().join("lock").join("worktrees");
    home.remove_worktree(worktree, discard, &lock, session.pool()?.as_ref())?;
    if let Some(tip) = tip {
        let lock = session.ledger().lock()?;
        home.transact(&[Step::Delete(branch.to_owned(), tip)], why, &lock)?;
    }
    Ok(())
}

/// Deletes a branch, if it is still where it was.
///
/// # Errors
/// When it has moved, or a hook of the user refuses.
pub fn delete_branch(session: &Session, branch: &str, tip: Oid, why: &str) -> Result<(), Failure> {
    let lock = session.ledger().lock()?;
    Ok(session.repo.transact(&[Step::Delete(branch.to_owned(), tip)], why, &lock)?)
}

enum Left {
    Nothing,
    /// Uncommitted edits: the workspace stays.
    Edits(Vec<BString>),
    /// Nothing that shows, but ignored files that count, or commits that only a reflog reaches.
    Aside,
}

fn left_in(session: &Session, worktree: &Worktree, branch: &str) -> Result<Left, Failure> {
    let workspace = Repo::open(&worktree.path)?;
    // Something is destroyed on this answer, so git itself has the last word.
    let changes = workspace.changes_by_git()?;
    if !changes.is_empty() {
        return Ok(Left::Edits(changes.paths()));
    }
    if workspace.operation_under_way().is_some() {
        return Ok(Left::Aside);
    }
    let precious = preserve::precious(&workspace, &session.home, &session.disposable()?)?;
    let loose = workspace.loose_ends(branch)?;
    Ok(if precious.is_empty() && loose.is_empty() { Left::Nothing } else { Left::Aside })
}

/// A lease that stands for one that has ended, so that its workspace can be removed by the same rules.
///
/// # Errors
/// When the target cannot be told.
pub fn stand_in(session: &Session, task: &TaskName, branch: &str) -> Result<Lease, Failure> {
    Ok(Lease {
        task: task.clone(),
        fence: Fence(0),
        holder: session.person()?,
        place: Place::Branch(branch.to_owned()),
        base: String::new(),
        target: session.target()?,
        regions: RegionSet::default(),
        mode: Mode::Exclusive,
        phase: Phase::Parked,
        ttl: Duration::ZERO,
        granted_at: session.now,
        expires_at: session.now,
    })
}

/// The first of some paths, to be shown on one line.
pub fn listed(paths: &[BString]) -> String {
    let shown: Vec<String> = paths.iter().take(5).map(|path| text::visible(path)).collect();
    let more = paths.len().saturating_sub(shown.len());
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{rest}", shown.join(", "))
}

/// Puts what became of a workspace.
pub fn put(page: &mut Page, task: &TaskName, removed: &Removed) {
    match removed {
        Removed::Nothing => {}
        Removed::Clean => {
            page.line(Label::Quiet, "  removed its workspace and branch");
        }
        Removed::Saved { salvage } => {
            page.put(Label::Plain, "  removed its workspace; what was in it is saved as ");
            page.put(Label::Place, &salvage[..10]).end();
            page.line(Label::Quiet, format!("  bring it back: git odyssey salvage restore {task}"));
        }
        Removed::Delayed { path, why } => {
            let what =
                if path.as_os_str().is_empty() { "its branch".into() } else { path.display().to_string() };
            page.put(Label::Warn, "  left for later ").put(Label::Place, what);
            page.put(Label::Plain, format!(": {why}")).end();
            page.line(Label::Quiet, "  the next command goes on with it, or: git odyssey doctor --fix");
        }
        Removed::Kept { path, why } => {
            page.put(Label::Warn, "  kept ").put(Label::Place, path.display().to_string());
            page.put(Label::Plain, format!(": {why}")).end();
        }
    }
}
