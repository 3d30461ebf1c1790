//! Worktrees that a harness wants for itself: each becomes a task with a workspace.

use std::path::Path;

use crate::agents::Answer;
use crate::agents::Harness;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::domain::holder::Holder;
use crate::domain::holder::HolderKind;
use crate::domain::task::TaskName;
use crate::ledger::error::LedgerError;
use crate::workspace::copy;

use super::super::Context;
use super::super::claim::Claim;
use super::super::release::Release;
use super::super::session::Session;
use super::places;

/// A workspace that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{0} is a task already, and its workspace is not here")]
struct Elsewhere(TaskName);

impl Explain for Elsewhere {
    fn hints(&self) -> Vec<String> {
        vec![format!("give the worktree another name, or see where it is: git odyssey show {}", self.0)]
    }
}

/// Makes a workspace for a worktree of this name. Its regions are the named set of that name, if `odyssey.toml` has one; else it
/// begins with none but a place of its own, and grows by what it writes.
///
/// # Errors
/// When it cannot be had.
pub fn make(context: &Context<'_>, name: &str, harness: Harness) -> Result<Answer, Failure> {
    let session = Session::open(context)?;
    if !session.ledger().is_prepared()? {
        return Err(LedgerError::NotPrepared.into());
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let task: TaskName = name.replace(|letter| !fits(letter), "-").parse()?;
    if let Some(lease) = session.ledger().read()?.book.get(&task) {
        let workspace = session.workspace(lease)?.filter(|worktree| !worktree.missing && lease.is_active());
        return match workspace {
            Some(worktree) => Ok(Answer::Made(worktree.path)),
            None => Err(Elsewhere(task).into()),
        };
    }
    let region = match session.policy.regions.contains_key(name) {
        true => format!("@{name}"),
        false => format!("{}/{task}", copy::FOLDER),
    };
    let claim = Claim {
        task: task.clone(),
        regions: vec![region],
        holder: Some(Holder::new(harness.name(), HolderKind::Agent)?),
        ttl: None,
        shared: false,
        wait: None,
        base: None,
        here: false,
        sparse: false,
        stack: false,
        take_over: false,
        command: Vec::new(),
        facts: Vec::new(),
    };
    claim.run(context)?;
    Ok(Answer::Made(session.workspaces()?.path(&task)))
}

/// Lets a workspace go that a harness does not want any more: without work it is removed, with work it is parked and stays.
///
/// # Errors
/// When its lease cannot be ended.
pub fn remove(context: &Context<'_>, path: &Path) -> Result<Answer, Failure> {
    let Some(top) = places::top_of(&places::real(path, true)?) else { return Ok(Answer::Pass(None)) };
    let Some((task, _)) = copy::workspace(&top)? else { return Ok(Answer::Pass(None)) };
    let home = Session::open(&context.at(&top))?.home;
    Release { task: Some(task) }.run(&context.at(&home))?;
    Ok(Answer::Pass(None))
}
