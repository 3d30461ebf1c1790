//! Recovery: finishing or undoing what a kill cut off.

use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::base::lock::Lock;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::lease::Fence;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Head;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::git::worktree::Cleared;
use crate::git::worktree::Discard;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::ledger::history;
use crate::ledger::intent;
use crate::ledger::intent::CutOff;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Making;
use crate::workspace::copy;
use crate::workspace::salvage;

use super::Context;
use super::gone;
use super::handover;
use super::landing;
use super::removal;
use super::removal::Removed;
use super::sent;
use super::session::Session;
use super::syncing;

/// Finishes or undoes every operation that was cut off, and notes which. Commands that change something call it first.
///
/// Where a remote decides it is asked how the ledger stands, once for the whole command.
///
/// # Errors
/// When one of them can be neither finished nor undone; its intent stays. When the remote that decides is away.
pub fn cut_off(session: &Session, context: &Context<'_>) -> Result<Vec<String>, Failure> {
    let mut done = Vec::new();
    let mut cuts = intent::cut_off(&session.ledger().folder())?;
    for cut in &cuts {
        landing::give_back(session, &cut.intent)?;
        if let Some(making) = cut.intent.making() {
            session.repo.clear_broken(&making.building, &making.path, &worktrees_lock(session))?;
        }
    }
    if cuts.is_empty() {
        session.ledger().refresh()?;
    } else {
        // What they had on its way must not be sent for them after they were undone.
        session.ledger().settle()?;
    }
    // A removal is a step of a landing or of an end, which go on with what it leaves.
    cuts.sort_by_key(|cut| !matches!(cut.intent, Intent::Remove { .. }));
    for cut in cuts {
        match one(session, &cut)? {
            Recovery::Done(text) => {
                cut.done()?;
                context.monitor.note(&text);
                done.push(text);
            }
            // Its intent stays. What is left is only in the way of a removal, and must not be in the way of others.
            Recovery::Later(text) => context.monitor.note(&text),
        }
    }
    gone::tell(session, context)?;
    Ok(done)
}

/// How far a recovery came, in words.
pub enum Recovery {
    /// Finished or undone.
    Done(String),
    /// A workspace is still to be removed.
    Later(String),
}

impl Recovery {
    /// The recovery of an operation whose last step was to remove a workspace. `done` says what was finished.
    pub fn of(task: &TaskName, removed: Removed, done: String) -> Recovery {
        match removed {
            Removed::Nothing | Removed::Clean | Removed::Saved { .. } => Recovery::Done(done),
            Removed::Kept { path, why } => {
                Recovery::Done(format!("{task} had ended; kept {}: {why}", path.display()))
            }
            Removed::Delayed { path, why } => {
                Recovery::Later(format!("{task} has ended; {} is still to be removed: {why}", path.display()))
            }
        }
    }
}

fn one(session: &Session, cut: &CutOff) -> Result<Recovery, Failure> {
    let task = cut.intent.task();
    match &cut.intent {
        Intent::Claim { .. } => {
            undo_claim(session, &cut.intent, &cut.token())?;
            Ok(Recovery::Done(format!("undid the claim of {task}, which was cut off")))
        }
        Intent::Check { path, branch, merged, .. } => {
            return_to_branch(session, task, path, branch)?;
            end_check(task, path, branch, merged.as_deref())
        }
        Intent::Land { .. } => landing::recover(session, &cut.intent),
        Intent::Sync { .. } => syncing::recover(session, &cut.intent),
        Intent::End { fence, branch, saved, .. } => {
            finish_end(session, task, *fence, branch, saved.as_deref())
        }
        Intent::Resume { making, ready, bringing, .. } => {
            let brought =
                match bringing.as_ref().map(|bringing| handover::bring_again(session, task, bringing)) {
                    Some(Err(error @ GitError::Locked(_))) => {
                        let text = format!(
                            "the resumption of {task} was cut off, and is still to be taken back: {error}"
                        );
                        return Ok(Recovery::Later(text));
                    }
                    Some(brought) => brought?,
                    None => false,
                };
            let ready =
                ready.as_deref().or(bringing.as_ref().filter(|_| brought).map(|bringing| &*bringing.path));
            finish_resume(session, task, making.as_ref(), ready, &cut.token()).map(Recovery::Done)
        }
        Intent::Restore { making, .. } => finish_restore(session, task, making).map(Recovery::Done),
        Intent::Remove { path, branch, tip, .. } => {
            // Whatever fails here concerns nobody but a task that has ended.
            Ok(finish_removal(session, task, path, branch, tip).map_or_else(
                |failure| Recovery::Later(format!("{task} has ended; what is left of it stays: {failure}")),
                Recovery::Done,
            ))
        }
    }
}

/// Takes a claim back: its workspace, its branch, and its lease if it was granted.
///
/// # Errors
/// When something of it cannot be read or removed.
pub fn undo_claim(session: &Session, intent: &Intent, token: &str) -> Result<(), Failure> {
    let Intent::Claim { task, here, making } = intent else { return Ok(()) };
    let granted = granted_by(session, task, token)?;
    // Without a grant nothing was made, and what stands at the path is somebody else's.
    if let Some(fence) = granted {
        if let Some(making) = making {
            unmake(session, task, making)?;
        }
        if let Some(checkout) = here {
            copy::remove(checkout, task)?;
        }
        session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
            let entry = match state.book.get(task) {
                Some(lease) if lease.fence == fence => {
                    let subject = format!("withdraw {task}: its claim was cut off");
                    let event = Event::of(EventKind::Withdraw, task, fence, subject);
                    Some(state.book.end(task, fence, event)?)
                }
                _ => None,
            };
            Ok((entry.into_iter().collect(), ()))
        })?;
    }
    Ok(())
}

/// The fence that the claim or resumption with this token was granted, if it was.
fn granted_by(session: &Session, task: &TaskName, token: &str) -> Result<Option<Fence>, Failure> {
    let Some(lease) = session.ledger().read()?.book.get(task).map(|lease| lease.fence) else {
        return Ok(None);
    };
    for past in history::events(&session.repo)? {
        let event = past?.event;
        let grants = [EventKind::Claim, EventKind::Resume, EventKind::TakeOver];
        let grants = grants.iter().any(|kind| event.event == kind.to_string());
        if event.task.as_ref() == Some(task) && grants {
            let ours = event.facts.iter().any(|(name, value)| name == "Token" && value == token);
            return Ok(event.fence.filter(|fence| ours && *fence == lease));
        }
    }
    Ok(None)
}

/// The lock under which worktrees are made and unmade.
fn worktrees_lock(session: &Session) -> PathBuf {
    session.ledger().folder().join("lock").join("worktrees")
}

/// Removes a workspace whose claim never answered.
fn unmake(session: &Session, task: &TaskName, making: &Making) -> Result<(), Failure> {
    let lock = worktrees_lock(session);
    let base = Oid::from_hex(making.base.as_bytes()).map_err(GitError::gix("read the intent"))?;
    let cleared =
        session.repo.clear_half_made(&making.building, &making.path, &making.branch, base, &lock)?;
    match cleared {
        Cleared::Nothing | Cleared::Undone => Ok(()),
        // It was whole, so somebody may have found it and begun to work: whatever is in it is saved first.
        Cleared::Complete => {
            let Some(worktree) =
                session.repo.worktrees()?.into_iter().find(|found| found.path == making.path)
            else {
                return Ok(());
            };
            let workspace = Repo::open(&making.path)?;
            let changed = !workspace.changes_by_git()?.is_empty();
            let tip = session.repo.reference(&making.branch)?;
            let mut discard = Discard::Nothing;
            if changed || tip != Some(base) {
                let precious =
                    crate::workspace::preserve::precious(&workspace, &session.home, &session.disposable()?)?;
                salvage::save(
                    &workspace,
                    task,
                    &making.branch,
                    &precious,
                    "its claim was cut off",
                    session.now,
                )?;
                discard = Discard::Saved;
            }
            removal::remove_now(session, &worktree, &making.branch, tip, discard, "undo a claim")
        }
    }
}

/// Held by the git that takes a workspace to the merged result or back. It goes on when we are killed, and whoever looks
/// before it has ended sees the workspace where it was.
///
/// # Errors
/// When the file system has no locks.
pub fn check_lock(session: &Session, task: &TaskName) -> Result<Lock, FileError> {
    Lock::wait(&session.ledger().folder().join("lock").join(format!("check-{task}")))
}

/// Puts a workspace back on its branch after a check.
///
/// # Errors
/// When git refuses, because that would overwrite something.
pub fn return_to_branch(
    session: &Session,
    task: &TaskName,
    path: &Path,
    branch: &str,
) -> Result<(), Failure> {
    let lock = check_lock(session, task)?;
    if !path.exists() {
        return Ok(());
    }
    let workspace = Repo::open(path)?;
    if matches!(workspace.head()?, Head::Branch(name, _) if name == branch) {
        return Ok(());
    }
    let short = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    Git::at(path)
        .args(["-c", "advice.detachedHead=false", "checkout", "--quiet", short, "--"])
        .holding(&lock)?
        .run()?;
    Ok(())
}

/// Takes back what a killed git had done to the files of a workspace before it moved HEAD, which shows the branch still.
fn end_check(task: &TaskName, path: &Path, branch: &str, merged: Option<&str>) -> Result<Recovery, Failure> {
    let ended = format!("ended the check of {task}, which was cut off; nothing had moved");
    let Some(merged) = merged.filter(|_| path.exists()) else { return Ok(Recovery::Done(ended)) };
    let workspace = Repo::open(path)?;
    let Head::Branch(name, Some(tip)) = workspace.head()? else { return Ok(Recovery::Done(ended)) };
    if name != branch {
        return Ok(Recovery::Done(ended));
    }
    let merged = Oid::from_hex(merged.as_bytes()).map_err(GitError::gix("read the intent of a check"))?;
    let mark = format!("git odyssey check {task}");
    // First on to where git was going: only so can a file be known that it had written half.
    let there = workspace.finish_checkout(&mark, tip, merged, None);
    match there.and_then(|_| workspace.finish_checkout(&mark, merged, tip, None)) {
        Ok(_) => Ok(Recovery::Done(ended)),
        // Left by the killed git; others are not to wait for it.
        Err(error @ GitError::Locked(_)) => Ok(Recovery::Later(format!(
            "the check of {task} was cut off, and is still to be taken back: {error}"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Goes on with the end of a lease, if the lease has ended.
fn finish_end(
    session: &Session,
    task: &TaskName,
    fence: Fence,
    branch: &str,
    saved: Option<&str>,
) -> Result<Recovery, Failure> {
    let read = GitError::gix("read the intent of an end");
    let saved = saved.map(|saved| Oid::from_hex(saved.as_bytes())).transpose().map_err(read)?;
    match session.ledger().read()?.book.get(task) {
        Some(lease) if lease.fence == fence => {
            let stay = "its lease and its workspace stay";
            Ok(Recovery::Done(format!("the end of {task} was cut off before it began; {stay}")))
        }
        // Granted anew: what is there is not what the intent was about.
        Some(_) => Ok(Recovery::Done(format!("the end of {task} was cut off, and the task has begun anew"))),
        None => {
            let lease = removal::stand_in(session, task, branch)?;
            let why = format!("end {task}");
            let removed = removal::remove_or_keep(session, &lease, saved, &why);
            Ok(Recovery::of(task, removed, format!("finished the end of {task}, which was cut off")))
        }
    }
}

/// Parks a task again whose resumption never answered: the next one goes on from there. A workspace that has all its work is
/// noted as its own.
fn finish_resume(
    session: &Session,
    task: &TaskName,
    making: Option<&Making>,
    ready: Option<&Path>,
    token: &str,
) -> Result<String, Failure> {
    let mut workspace = ready.filter(|path| path.exists());
    if let Some(making) = making {
        let lock = worktrees_lock(session);
        let base = Oid::from_hex(making.base.as_bytes()).map_err(GitError::gix("read the intent"))?;
        let cleared =
            session.repo.clear_half_made(&making.building, &making.path, &making.branch, base, &lock)?;
        if matches!(cleared, Cleared::Complete) {
            super::init::adopt(session, &Repo::open(&making.path)?)?;
            workspace = Some(&making.path);
        }
    }
    let Some(fence) = granted_by(session, task, token)? else {
        return Ok(format!("the resumption of {task} was cut off before it began"));
    };
    let parked = session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
        let lease = state.book.get(task).filter(|lease| lease.fence == fence);
        let entry = match lease {
            Some(_) => state.book.park(task, "its resumption was cut off")?,
            None => None,
        };
        let entry = entry.map(|entry| match workspace {
            Some(_) => entry,
            None => Entry { event: sent::undone(entry.event.clone()), ..entry },
        });
        let lease = entry.as_ref().and_then(|entry| entry.put.first().cloned()).or_else(|| lease.cloned());
        Ok((entry.into_iter().collect(), lease))
    })?;
    if let (Some(lease), Some(path)) = (parked, workspace) {
        copy::write(path, &LeaseFile::of(&lease).to_toml())?;
    }
    Ok(format!("parked {task} again: its resumption was cut off"))
}

/// A worktree with saved work in it is whole from the moment on at which it is in its place.
fn finish_restore(session: &Session, task: &TaskName, making: &Making) -> Result<String, Failure> {
    let lock = worktrees_lock(session);
    let base = Oid::from_hex(making.base.as_bytes()).map_err(GitError::gix("read the intent"))?;
    match session.repo.clear_half_made(&making.building, &making.path, &making.branch, base, &lock)? {
        Cleared::Complete => {
            super::init::adopt(session, &Repo::open(&making.path)?)?;
            Ok(format!("finished the return of {task}'s work, which was cut off"))
        }
        Cleared::Nothing | Cleared::Undone => {
            Ok(format!("undid the return of {task}'s work, which was cut off; it is still saved"))
        }
    }
}

/// Goes on with a removal: everything in the workspace had been saved or had landed before it began.
fn finish_removal(
    session: &Session,
    task: &TaskName,
    path: &Path,
    branch: &str,
    tip: &str,
) -> Result<String, Failure> {
    let lock = worktrees_lock(session);
    session.repo.finish_removal(path, &lock)?;
    let worktrees = session.repo.worktrees()?;
    if let Some(worktree) = worktrees.iter().find(|worktree| worktree.path == path && !worktree.missing) {
        // Cut off before the point of no return, so it is whole. What has been edited since stays.
        if !Repo::open(path)?.changes_by_git()?.is_empty() {
            return Ok(format!("left {task}'s workspace where it is: {} has edits", path.display()));
        }
        session.repo.remove_worktree(worktree, Discard::Nothing, &lock, None)?;
    }
    if let Ok(tip) = Oid::from_hex(tip.as_bytes())
        && session.repo.reference(branch)? == Some(tip)
    {
        removal::delete_branch(session, branch, tip, &format!("remove {task}"))?;
    }
    Ok(format!("finished the removal of {task}'s workspace, which was cut off"))
}
