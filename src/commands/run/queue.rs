//! The merge queue: work that is done lands in its order, several tasks under one check, halved when that fails.

use std::time::Duration;
use std::time::Instant;

use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::Context;
use crate::commands::deciding::Deciding;
use crate::commands::deciding::Reviewed;
use crate::commands::land;
use crate::commands::land::Land;
use crate::commands::land::error::LandError;
use crate::commands::recover;
use crate::commands::session::Session;
use crate::domain::event::EventKind;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::policy::Strategy;
use crate::domain::task::TaskName;
use crate::domain::workflow::Landing;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::ledger::history;
use crate::ledger::history::Past;

use super::jobs::Ours;

/// The most tasks that are checked together.
pub const MOST: usize = 8;

/// A task whose work is to land.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The task.
    pub task: TaskName,
    /// How.
    pub how: Landing,
    /// What has to pass; without one the policy decides.
    pub check: Option<Vec<String>>,
}

/// What became of it.
#[derive(Debug)]
pub enum Fate {
    /// It is on the target, whose commit this is.
    Landed(String),
    /// It does not land as it is.
    Failed(Failure),
    /// Something moved meanwhile: it is to be tried once more.
    Again,
}

/// Lands tasks in their order. All of them have the same check.
///
/// They are merged one on top of the other, in memory, and the check runs once on the last. If it passes, each lands, as
/// long as it comes to exactly what was checked; if it fails, each half is tried by itself, so that what is at fault is
/// found and the others land.
pub fn land(context: &Context<'_>, batch: &[Wanted], ours: &Ours) -> Vec<(TaskName, Fate)> {
    if let [] | [_] = batch {
        return batch
            .iter()
            .map(|wanted| (wanted.task.clone(), alone(context, wanted, None, ours)))
            .collect();
    }
    let stacked = match stack(context, batch) {
        Ok(Stacked::Checked(stacked)) => stacked,
        Ok(Stacked::NoCheck) => {
            return batch
                .iter()
                .map(|wanted| (wanted.task.clone(), alone(context, wanted, None, ours)))
                .collect();
        }
        Ok(Stacked::Failed) | Err(_) => {
            // Whatever it was, the halves find it again, with fewer around.
            let (first, rest) = batch.split_at(batch.len() / 2);
            let mut fates = land(context, first, ours);
            fates.extend(land(context, rest, ours));
            return fates;
        }
    };
    let mut fates = Vec::new();
    for wanted in batch {
        let tree = stacked.iter().find(|(task, _)| *task == wanted.task).map(|(_, tree)| *tree);
        let fate = match tree {
            Some(tree) => alone(context, wanted, Some(tree), ours),
            None => Fate::Again,
        };
        fates.push((wanted.task.clone(), fate));
    }
    fates
}

fn alone(context: &Context<'_>, wanted: &Wanted, checked: Option<Oid>, ours: &Ours) -> Fate {
    let fence = match still_ours(context, &wanted.task, ours) {
        Ok(fence) => fence,
        Err(failure) => return Fate::Failed(failure),
    };
    let begun = Instant::now();
    loop {
        let land = Land { checked, ..of(wanted) };
        let failure = match land.land(context, Reviewed::nothing()) {
            Ok(landed) => return Fate::Landed(landed.new),
            Err(failure) => failure,
        };
        if failure.is::<LandError>(|error| matches!(error, LandError::Moved(_))) {
            return Fate::Again;
        }
        match landed_all_the_same(context, &wanted.task, fence) {
            Ok(Some(commit)) => return Fate::Landed(commit),
            Ok(None) | Err(_) if is_locked(&failure) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(REST)
            }
            Ok(None) | Err(_) => return Fate::Failed(failure),
        }
    }
}

/// How long a lock of somebody else may stand in the way of a landing. Git has most for a moment only: a worktree that is just
/// being made counts as one that shows the target, until it can be read what it shows.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before trying again.
const REST: Duration = Duration::from_millis(100);

fn is_locked(failure: &Failure) -> bool {
    failure.is::<GitError>(|error| matches!(error, GitError::Locked(_)))
}

/// The commit of a landing that went wrong after the target had moved, when it could be finished: it is not to be done twice.
fn landed_all_the_same(
    context: &Context<'_>,
    task: &TaskName,
    fence: Fence,
) -> Result<Option<String>, Failure> {
    let session = Session::open(context)?;
    recover::cut_off(&session, context)?;
    for past in history::events(&session.repo)? {
        let Past { commit, event, .. } = past?;
        if event.task.as_ref() == Some(task) {
            // Newest first: the last thing that happened to it.
            let is_landing = event.event == EventKind::Land.to_string() && event.fence == Some(fence);
            let moved = event.facts.into_iter().find(|(name, _)| name == "Commit").map(|(_, value)| value);
            return Ok(is_landing.then(|| moved.unwrap_or_else(|| commit.to_string())));
        }
    }
    Ok(None)
}

/// Somebody may have gone on with a task since its agent was done. Answers the fence of the lease that is ours.
fn still_ours(context: &Context<'_>, task: &TaskName, ours: &Ours) -> Result<Fence, Failure> {
    let session = Session::open(context)?;
    let lease = land::verified_lease(&session, context, task)?;
    ours.check(&lease)?;
    Ok(lease.fence)
}

fn of(wanted: &Wanted) -> Land {
    let by = |strategy| wanted.how == Landing::By(strategy);
    Land {
        task: Some(wanted.task.clone()),
        merge: by(Strategy::Merge),
        squash: by(Strategy::Squash),
        rebase: by(Strategy::Rebase),
        ff_only: by(Strategy::FfOnly),
        check: wanted.check.as_ref().map(shell_words::join),
        keep: false,
        deciding: Deciding::default(),
        checked: None,
    }
}

enum Stacked {
    /// The check passed on all of these together: each with the tree that the target has once it has landed. One that
    /// conflicts with those before it is not among them.
    Checked(Vec<(TaskName, Oid)>),
    /// The check failed.
    Failed,
    /// There is nothing to check.
    NoCheck,
}

fn stack(context: &Context<'_>, batch: &[Wanted]) -> Result<Stacked, Failure> {
    let session = Session::open(context)?;
    let mut stacked: Vec<(TaskName, Oid)> = Vec::new();
    let mut top: Option<(Lease, Oid, Vec<String>)> = None;
    for wanted in batch {
        let land = of(wanted);
        let Some(words) = land.check(&session)? else { return Ok(Stacked::NoCheck) };
        let lease = land::verified_lease(&session, context, &wanted.task)?;
        let Some(branch) = lease.branch() else { continue };
        let (tip, target) = land::ends(&session, &lease, branch)?;
        let on = top.as_ref().map_or(target, |(_, commit, _)| *commit);
        let commits = session.repo.new_commits(&[tip], &[on])?;
        if commits.is_empty() {
            continue;
        }
        let merged =
            match land.merged(&session, context, &lease, (tip, on), (&commits, &[]), Reviewed::nothing()) {
                Ok(merged) => merged,
                Err(failure) if matches!(failure.kind(), Kind::Conflict | Kind::Refused) => continue,
                Err(failure) => return Err(failure),
            };
        stacked.push((wanted.task.clone(), session.repo.commit(merged.commit)?.tree));
        top = Some((lease, merged.commit, words));
    }
    let Some((lease, commit, words)) = top else { return Ok(Stacked::Checked(stacked)) };
    let branch = lease.branch().unwrap_or_default().to_owned();
    let workspace = land::clean_workspace(&session, &lease, &branch)?;
    match land::check(&session, &lease, &branch, workspace.as_ref(), commit, &words) {
        Ok(()) => Ok(Stacked::Checked(stacked)),
        Err(_) => Ok(Stacked::Failed),
    }
}
