//! Parties: whose edits count in a conflict check, each as it is at this moment, uncommitted edits included.

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::base::clock::Timestamp;
use crate::base::text;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::live::Uncommitted;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::git::worktree::Worktree;

/// Whose edits count.
#[derive(Debug)]
pub struct Party {
    /// How it is called: the task, the checkout's folder, or the target.
    pub name: String,
    /// What it is.
    pub kind: PartyKind,
    /// Who works there, as far as known.
    pub holder: Option<String>,
    /// Its checkout, if it has one.
    pub path: Option<PathBuf>,
    /// The full name of the branch that it is on.
    pub branch: Option<String>,
    /// What it holds, or why that is unknown.
    pub state: Result<Standing, String>,
}

/// What a party is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartyKind {
    /// A live task's workspace, or its branch where it has none.
    Task(TaskName),
    /// A person's checkout.
    Checkout,
    /// What tasks land on, or what was asked for instead.
    Target,
}

/// What a party holds at this moment.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The commit that it is at.
    pub head: Oid,
    /// A commit of all that it holds: `head` itself, or one on top of it that is in memory only.
    pub commit: Oid,
    /// The tree of that commit.
    pub tree: Oid,
    /// What is in no real commit.
    pub uncommitted: Vec<Uncommitted>,
}

impl Standing {
    /// What a commit alone holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn committed(repo: &Repo, head: Oid) -> Result<Standing, GitError> {
        Ok(Standing { head, commit: head, tree: repo.commit(head)?.tree, uncommitted: Vec::new() })
    }

    /// What a checkout holds, its uncommitted edits included.
    ///
    /// # Errors
    /// When it cannot be read, or has no commit to compare with.
    pub fn live(checkout: &Repo, memory: &mut Memory) -> Result<Standing, GitError> {
        let live = checkout.live_tree(memory)?;
        let unborn = || GitError::NoCommit("HEAD".to_owned());
        let committed = Standing::committed(memory.repo(), live.head.ok_or_else(unborn)?)?;
        let mut parents = vec![committed.head];
        // A merge that is settled counts as made; one that is not can still become anything.
        if !live.uncommitted.iter().any(|one| one.unmerged) {
            parents.extend(checkout.merge_heads()?);
        }
        if committed.tree == live.tree && parents.len() == 1 {
            return Ok(Standing { uncommitted: live.uncommitted, ..committed });
        }
        // On top of HEAD, so that its merge bases are those of HEAD. The same edits are the same commit each time.
        let message = b"uncommitted edits\n".as_bstr();
        let commit = memory.repo().write_commit(live.tree, &parents, message, Timestamp::UNIX_EPOCH)?;
        Ok(Standing { head: committed.head, commit, tree: live.tree, uncommitted: live.uncommitted })
    }

    /// How a path is uncommitted, if it is.
    pub fn uncommitted_at(&self, path: &BString) -> Option<&Uncommitted> {
        self.uncommitted.iter().find(|one| one.path == *path)
    }
}

/// All parties but the target: each task with its workspace, and each person's checkout. Each checkout is opened once.
///
/// # Errors
/// When the worktrees cannot be listed. What is wrong with one party is told in its state.
pub fn gather(repo: &Repo, leases: &[Lease], memory: &mut Memory) -> Result<Vec<Party>, GitError> {
    let worktrees = repo.worktrees()?;
    let states = standings(repo, &worktrees, memory)?;
    let mut parties = Vec::new();
    for (worktree, state) in worktrees.iter().zip(states) {
        let lease = lease_of(worktree, leases);
        let kind = lease.map_or(PartyKind::Checkout, |lease| PartyKind::Task(lease.task.clone()));
        let name = match lease {
            Some(lease) => lease.task.to_string(),
            None => shown(worktree),
        };
        parties.push(Party {
            name,
            kind,
            holder: lease.map(|lease| lease.holder.to_string()),
            branch: worktree.head.as_ref().and_then(|head| head.branch()).map(str::to_owned),
            path: Some(worktree.path.clone()),
            state: state.map_err(|error| reason(&error)),
        });
    }
    for lease in leases {
        let Some(branch) = lease.branch() else { continue };
        let has_workspace = parties.iter().any(|party| party.kind == PartyKind::Task(lease.task.clone()));
        if has_workspace {
            continue;
        }
        let tip =
            repo.reference(branch).and_then(|tip| tip.ok_or_else(|| GitError::NoCommit(branch.to_owned())));
        parties.push(Party {
            name: lease.task.to_string(),
            kind: PartyKind::Task(lease.task.clone()),
            holder: Some(lease.holder.to_string()),
            path: None,
            branch: Some(branch.to_owned()),
            state: tip.and_then(|tip| Standing::committed(repo, tip)).map_err(|error| reason(&error)),
        });
    }
    Ok(parties)
}

/// The lease whose work happens in a worktree.
pub fn lease_of<'l>(worktree: &Worktree, leases: &'l [Lease]) -> Option<&'l Lease> {
    // The main checkout is a person's, even while it has a task's branch checked out.
    worktree.name.as_ref()?;
    let head = worktree.head.as_ref()?;
    let on = |lease: &&Lease| lease.branch().is_some() && lease.branch() == head.branch();
    // In the middle of a rebase HEAD is on no branch.
    let between = |lease: &&Lease| lease.branch().is_some_and(|branch| worktree.uses(branch));
    leases.iter().find(on).or_else(|| leases.iter().find(between))
}

/// What each checkout holds, several read at a time.
fn standings(
    repo: &Repo,
    worktrees: &[Worktree],
    memory: &mut Memory,
) -> Result<Vec<Result<Standing, GitError>>, GitError> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(worktrees.len());
    let next = AtomicUsize::new(0);
    // Each has objects of its own; what several make is the same.
    let work = |repo: Repo| {
        let mut memory = Memory::over(&repo);
        let mut found = Vec::new();
        while let Some((at, worktree)) = claimed(&next, worktrees) {
            // The last ones are read by fewer workers than there are processors.
            let beside_others = worktrees.len() - at >= workers;
            found.push((at, standing(&repo, worktree, beside_others, &mut memory)));
        }
        (found, memory)
    };
    let handles: Vec<Repo> = (0..workers).map(|_| repo.clone()).collect();
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = handles.into_iter().map(|repo| scope.spawn(|| work(repo))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut found = Vec::new();
    for answer in answers {
        match answer {
            Ok((some, others)) => {
                found.extend(some);
                memory.absorb(others)?;
            }
            // A bug of ours goes the way of all bugs of ours.
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    found.sort_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, state)| state).collect())
}

/// The next worktree that nobody reads yet.
fn claimed<'w>(next: &AtomicUsize, worktrees: &'w [Worktree]) -> Option<(usize, &'w Worktree)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    worktrees.get(at).map(|worktree| (at, worktree))
}

fn standing(
    repo: &Repo,
    worktree: &Worktree,
    beside_others: bool,
    memory: &mut Memory,
) -> Result<Standing, GitError> {
    if worktree.missing {
        // No folder, no edits: what counts is what was committed.
        let head = worktree.head.as_ref().and_then(|head| head.commit());
        let unborn = || GitError::Broken(worktree.private_dir.join("HEAD"));
        return Standing::committed(repo, head.ok_or_else(unborn)?);
    }
    let checkout = Repo::open(&worktree.path)?;
    Standing::live(&if beside_others { checkout.beside_others() } else { checkout }, memory)
}

pub(super) fn shown(worktree: &Worktree) -> String {
    text::visible(worktree.path.to_string_lossy().as_bytes())
}

/// An error and its causes on one line.
pub fn reason(error: &dyn std::error::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        reason.push_str(&format!(": {next}"));
        cause = next.source();
    }
    reason
}
