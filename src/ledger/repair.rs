//! Repair of a damaged ledger: its last good state, or what the copies in the workspaces tell.

use crate::base::atomic;
use crate::base::clock::Timestamp;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::git::Oid;
use crate::git::refs::Expect;
use crate::git::repo::Repo;

use super::codec::LeaseFile;
use super::error::LedgerError;
use super::fold;
use super::fold::Before;
use super::local::LEDGER;
use super::local::Ledger;

/// How far a lost counter is moved on: fences granted after the last good state must never be granted again.
const GAP: u64 = 1_000;

/// Makes the ledger readable again, and says in words how.
///
/// The damaged commits stay reachable under `refs/odyssey/damaged`. Leases are taken from the last good state, and where
/// there is none from the copies in the workspaces.
///
/// # Errors
/// When nothing can be written.
pub fn restore(ledger: &Ledger<'_>, repo: &Repo, now: Timestamp) -> Result<String, LedgerError> {
    let _lock = ledger.lock()?;
    let tip = repo.reference(LEDGER)?;
    let (leases, fence, from) = match tip.and_then(|tip| last_good(ledger, repo, tip)) {
        Some((leases, fence)) => (leases, fence, "its last good state"),
        None => {
            let leases = from_copies(ledger, repo)?;
            let fence = leases.iter().map(|lease| lease.fence).max().unwrap_or_default();
            (leases, fence, "the copies in the workspaces")
        }
    };
    let count = leases.len();
    let fence = Fence(fence.0 + GAP);
    let event = Event {
        kind: EventKind::Init,
        task: None,
        fence: Some(fence),
        subject: format!("repair the ledger from {from}"),
        facts: Vec::new(),
    };
    if let Some(tip) = tip {
        let kept = format!("refs/odyssey/damaged/{}", tip.to_hex_with_len(12));
        if repo.reference(&kept)?.is_none() && repo.has(tip) {
            repo.edit(&kept, Expect::Absent, tip)?;
        }
    }
    let entry = Entry { event, put: leases, remove: Vec::new() };
    ledger.begin_again(tip, &entry, fence, now)?;
    Ok(format!("restored {count} leases from {from}"))
}

/// The newest state on the ledger's first-parent chain that can be read in every part.
fn last_good(ledger: &Ledger<'_>, repo: &Repo, tip: Oid) -> Option<(Vec<Lease>, Fence)> {
    let mut next = Some(tip);
    while let Some(commit) = next {
        if let Ok(state) = ledger.read_at(commit) {
            return Some((state.book.leases().to_vec(), state.book.last_fence()));
        }
        let before = repo.commit(commit).ok().and_then(|commit| fold::before(repo, &commit).ok());
        next = match before {
            Some(Before::At(before)) => Some(before),
            Some(Before::Nothing | Before::Away(_) | Before::False(_)) | None => None,
        };
    }
    None
}

fn from_copies(ledger: &Ledger<'_>, repo: &Repo) -> Result<Vec<Lease>, LedgerError> {
    let mut leases = Vec::new();
    for worktree in repo.worktrees()?.iter().filter(|worktree| !worktree.missing) {
        let path = worktree.path.join(".odyssey").join("lease.toml");
        let Some(bytes) = atomic::read(&path)? else { continue };
        if let Ok(lease) = LeaseFile::from_toml(&bytes).and_then(|file| file.lease(ledger.case())) {
            leases.push(lease);
        }
    }
    Ok(leases)
}
