//! A look at one path through the eyes of all parties, before somebody edits it.

use std::path::Path;

use crate::base::clock::Timestamp;
use crate::domain::lease::Lease;
use crate::git::BStr;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::live::Side;
use crate::git::memory::Memory;
use crate::git::merge::Conflict;
use crate::git::repo::Repo;
use crate::git::worktree::Worktree;

use super::party;
use super::party::PartyKind;

/// Somebody whose version of a path can differ.
#[derive(Debug)]
pub struct Viewer {
    /// How the party is called.
    pub name: String,
    /// Who works there, as far as known.
    pub holder: Option<String>,
    /// What it is.
    pub kind: PartyKind,
    /// The commit that it is at; nothing when that cannot be read.
    pub head: Option<Oid>,
    /// Its checkout, unless it has none, or one that is gone.
    pub folder: Option<std::path::PathBuf>,
}

/// What another party has at a path that we have otherwise, and not because we changed it.
#[derive(Debug)]
pub struct Theirs {
    /// The place of the party among the viewers.
    pub viewer: usize,
    /// What both started from.
    pub base: Side,
    /// What it has.
    pub now: Side,
    /// Whether it is in no commit.
    pub uncommitted: bool,
    /// What would conflict if both were merged now; nothing when we changed nothing.
    pub conflicts: Option<Vec<Conflict>>,
}

/// The other parties: of all checkouts but our own, of tasks without one, and of the target.
///
/// # Errors
/// When worktrees or refs cannot be listed.
pub fn viewers(repo: &Repo, leases: &[Lease], target: Option<(&str, Oid)>) -> Result<Vec<Viewer>, GitError> {
    let worktrees = repo.worktrees()?;
    let mut viewers = Vec::new();
    if let Some((name, commit)) = target {
        let (kind, head) = (PartyKind::Target, Some(commit));
        viewers.push(Viewer { name: name.to_owned(), holder: None, kind, head, folder: None });
    }
    let mut seen = Vec::new();
    for worktree in &worktrees {
        let lease = party::lease_of(worktree, leases);
        seen.extend(lease.map(|lease| lease.task.clone()));
        if worktree.private_dir != repo.private_dir() {
            viewers.push(viewer(worktree, lease));
        }
    }
    for lease in leases.iter().filter(|lease| !seen.contains(&lease.task)) {
        let Some(branch) = lease.branch() else { continue };
        viewers.push(Viewer {
            name: lease.task.to_string(),
            holder: Some(lease.holder.to_string()),
            kind: PartyKind::Task(lease.task.clone()),
            head: repo.reference(branch)?,
            folder: None,
        });
    }
    Ok(viewers)
}

fn viewer(worktree: &Worktree, lease: Option<&Lease>) -> Viewer {
    Viewer {
        name: lease.map_or_else(|| party::shown(worktree), |lease| lease.task.to_string()),
        holder: lease.map(|lease| lease.holder.to_string()),
        kind: lease.map_or(PartyKind::Checkout, |lease| PartyKind::Task(lease.task.clone())),
        head: worktree.head.as_ref().and_then(|head| head.commit()),
        folder: Some(worktree.path.clone()).filter(|_| !worktree.missing),
    }
}

/// Looks at one path in our checkout and in that of everybody else.
pub struct Look<'a> {
    /// Our checkout's repository.
    pub repo: &'a Repo,
    /// Our folder, if we have one.
    pub folder: Option<&'a Path>,
    /// Our HEAD.
    pub head: Oid,
}

impl Look<'_> {
    /// What we have at a path now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn ours(&self, path: &BStr, memory: &mut Memory) -> Result<Side, GitError> {
        let head = self.repo.entry_at(self.head, path)?;
        match self.folder {
            Some(folder) => self.repo.live_entry(folder, head, path, memory),
            None => Ok(head),
        }
    }

    /// What another party has at a path, if it changed something there that we do not have.
    ///
    /// # Errors
    /// When it cannot be read: then nobody knows.
    pub fn theirs(
        &self,
        place: usize,
        viewer: &Viewer,
        path: &BStr,
        ours: Side,
        memory: &mut Memory,
    ) -> Result<Option<Theirs>, GitError> {
        let head = viewer.head.ok_or_else(|| GitError::NoCommit("HEAD".to_owned()))?;
        let committed = self.repo.entry_at(head, path)?;
        let now = match &viewer.folder {
            Some(folder) => self.repo.live_entry(folder, committed, path, memory)?,
            None => committed,
        };
        if now == ours {
            return Ok(None);
        }
        let bases = self.repo.merge_bases([(self.head, head)])?.remove(&(self.head, head));
        let bases = bases.unwrap_or_default();
        let Some(first) = bases.first() else {
            return Err(GitError::Unrelated { ours: self.head, theirs: head });
        };
        let mut sides = Vec::new();
        for base in &bases {
            sides.push(self.repo.entry_at(*base, path)?);
        }
        // Of several bases, one that they have not changed since settles nothing.
        if sides.iter().all(|base| *base == now) {
            return Ok(None);
        }
        let base = self.repo.entry_at(*first, path)?;
        let uncommitted = now != committed;
        let mut theirs = Theirs { viewer: place, base, now, uncommitted, conflicts: None };
        if sides.iter().any(|base| *base != ours) {
            theirs.conflicts = Some(conflicts(memory, path, [self.head, head], [ours, now])?);
        }
        Ok(Some(theirs))
    }
}

/// What merging two commits would leave for a person at a path, if both sides had committed what they have there.
///
/// All else counts as it is committed, so that a file which one side moved is found again.
fn conflicts(
    memory: &mut Memory,
    path: &BStr,
    heads: [Oid; 2],
    sides: [Side; 2],
) -> Result<Vec<Conflict>, GitError> {
    let repo = memory.repo();
    let message = b"one file\n".as_bstr();
    let mut commits = Vec::new();
    for (head, side) in heads.into_iter().zip(sides) {
        let tree = repo.tree_with_entry(repo.commit(head)?.tree, path, side)?;
        commits.push(repo.write_commit(tree, &[head], message, Timestamp::UNIX_EPOCH)?);
    }
    let Some(merge) = memory.merge_pairs(&[(commits[0], commits[1])])?.pop() else { return Ok(Vec::new()) };
    let mut conflicts = merge?.conflicts;
    let ours = sides[0].map(|(_, oid)| oid);
    conflicts.retain(|conflict| {
        let holds = |side: &Option<(u32, Oid)>| side.is_some_and(|(_, oid)| Some(oid) == ours);
        conflict.path == path
            || conflict.listed.iter().any(|listed| listed == path)
            || holds(&conflict.stages[1])
    });
    Ok(conflicts)
}
