//! The ledger's whole history, and what must be true of every state in it.

use std::path::Path;

use git_odyssey::domain::lease::Fence;
use git_odyssey::domain::lease::Lease;
use git_odyssey::domain::span::Unseen;
use git_odyssey::ledger::history;
use git_odyssey::ledger::history::Past;
use git_odyssey::ledger::local::Durability;
use git_odyssey::ledger::local::Ledger;
use git_odyssey::ledger::state::State;

use git_odyssey::git::repo::Repo;

use super::Lab;

/// Every commit that the ledger of a repository ever was at, oldest first: those that it folded away too, by git alone.
pub fn commits(lab: &Lab, folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut next = "refs/odyssey/ledger".to_owned();
    while !next.is_empty() {
        let merges = lab.git_in(folder, &["rev-list", "--count", "--min-parents=2", &next]);
        assert_eq!(merges, "0", "the ledger is one line of commits");
        all.extend(lab.git_in(folder, &["rev-list", &next]).lines().map(str::to_owned));
        let first = all.last().unwrap();
        let trailer = "--format=%(trailers:key=Odyssey-Archive,valueonly,separator=%x2C)";
        next = lab.git_in(folder, &["show", "--no-patch", trailer, first]);
        if !next.is_empty() {
            let kept = lab.git_in(folder, &["rev-parse", &format!("refs/odyssey/archive/{next}")]);
            assert_eq!(kept, next, "what was folded away is kept under its own name");
            let trees = [first, &next]
                .map(|commit| lab.git_in(folder, &["rev-parse", &format!("{commit}^{{tree}}")]));
            assert_eq!(trees[0], trees[1], "a fold changes nothing");
        }
    }
    all.reverse();
    all
}

/// Every state of the ledger, oldest first.
pub fn states(lab: &Lab) -> Vec<State> {
    let repo = Repo::open(&lab.main()).unwrap();
    let ledger = Ledger::of(&repo, Durability::Cached);
    let commits = commits(lab, &lab.main());
    commits.iter().map(|commit| ledger.read_at(commit.parse().unwrap()).unwrap()).collect()
}

/// Every event of the ledger, newest first.
pub fn events(lab: &Lab) -> Vec<Past> {
    let repo = Repo::open(&lab.main()).unwrap();
    history::events(&repo).unwrap().map(Result::unwrap).collect()
}

/// Checks the ledger's invariants at every moment of its life; answers how many moments there were.
#[track_caller]
pub fn check(lab: &Lab) -> usize {
    let states = states(lab);
    let mut last = Fence(0);
    let mut before: &[Lease] = &[];
    for state in &states {
        let leases = state.book.leases();
        no_overlap(state);
        for lease in leases {
            let known = before.iter().any(|old| old.task == lease.task && old.fence == lease.fence);
            assert!(
                known || lease.fence > last,
                "{}: {} got fence {}, and {last} was granted before",
                state.tip,
                lease.task,
                lease.fence
            );
        }
        assert!(state.book.last_fence() >= last, "{}: the fence fell", state.tip);
        last = state.book.last_fence();
        before = leases;
    }
    states.len()
}

/// No two active leases overlap, unless both are shared. Asked of the index, and pair by pair without it.
#[track_caller]
fn no_overlap(state: &State) {
    let active: Vec<&Lease> = state.book.leases().iter().filter(|lease| lease.is_active()).collect();
    for (place, lease) in active.iter().enumerate() {
        if let Some((other, region)) = state.book.excluded_by(lease, &Unseen).next() {
            panic!("{}: {} and {} overlap in {}", state.tip, lease.task, other.task, region.text());
        }
        for other in &active[place + 1..] {
            let both = lease.excludes(other.mode, &other.regions);
            assert!(both.is_none(), "{}: {} and {} overlap: {both:?}", state.tip, lease.task, other.task);
        }
    }
}
