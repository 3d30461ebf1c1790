//! Completion of task names in the shell.

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;

use crate::git::repo::Repo;
use crate::ledger::local::Durability;
use crate::ledger::local::Ledger;
use crate::workspace::salvage;

/// The live tasks whose names begin as typed. Where there is no ledger to ask, there is nothing to offer.
pub fn live_tasks(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(repo) = Repo::discover(".".as_ref()) else { return Vec::new() };
    let Ok(state) = Ledger::of(&repo, Durability::Cached).read() else { return Vec::new() };
    let tasks = state.book.leases().iter().filter(|lease| lease.task.as_str().starts_with(current));
    tasks
        .map(|lease| {
            CompletionCandidate::new(lease.task.as_str()).help(Some(lease.holder.to_string().into()))
        })
        .collect()
}

/// The tasks of which something is saved, and whose names begin as typed.
pub fn saved_tasks(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(repo) = Repo::discover(".".as_ref()) else { return Vec::new() };
    let Ok(mut saved) = salvage::list(&repo) else { return Vec::new() };
    saved.retain(|saved| saved.task.as_str().starts_with(current));
    // The newest of a task stands first.
    let mut names: Vec<&str> = Vec::new();
    for saved in &saved {
        if !names.contains(&saved.task.as_str()) {
            names.push(saved.task.as_str());
        }
    }
    names.into_iter().map(CompletionCandidate::new).collect()
}
