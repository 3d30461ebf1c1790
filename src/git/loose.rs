//! Commits that only one checkout still knows: reflogs, private refs, unfinished operations.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::paths::there;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;

/// Files of a checkout that name what an operation still needs; an autostash is uncommitted work.
const UNFINISHED: [&str; 12] = [
    "MERGE_HEAD",
    "MERGE_AUTOSTASH",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "rebase-merge/orig-head",
    "rebase-merge/autostash",
    "rebase-merge/stopped-sha",
    "rebase-apply/orig-head",
    "rebase-apply/autostash",
    "sequencer/head",
    "sequencer/abort-safety",
];

/// Refs that each checkout has for itself.
const PRIVATE: [&str; 3] = ["refs/worktree", "refs/bisect", "refs/rewritten"];

/// Commits that the unfinished operations of a checkout need, in a fixed order, each once.
pub(super) fn unfinished(repo: &Repo) -> Result<Vec<Oid>, GitError> {
    let mut found = Vec::new();
    for file in UNFINISHED {
        for oid in named_in(&repo.private_dir().join(file))? {
            if !found.contains(&oid) && is_commit(repo, oid) {
                found.push(oid);
            }
        }
    }
    Ok(found)
}

/// The tips of what only a branch and one checkout know.
pub(super) fn ends(repo: &Repo, branch: &str) -> Result<Vec<Oid>, GitError> {
    let private = repo.private_dir();
    let mut candidates: BTreeSet<Oid> = unfinished(repo)?.into_iter().collect();
    candidates.extend(repo.reference(branch)?);
    candidates.extend(repo.head()?.commit());
    candidates.extend(named_in(&private.join("ORIG_HEAD"))?);
    candidates.extend(logged_in(&repo.common_dir().join("logs").join(branch))?);
    candidates.extend(logged_in(&private.join("logs/HEAD"))?);
    for folder in PRIVATE {
        for file in files_below(&private.join(folder))? {
            candidates.extend(named_in(&file)?);
        }
        for file in files_below(&private.join("logs").join(folder))? {
            candidates.extend(logged_in(&file)?);
        }
    }
    candidates.retain(|oid| is_commit(repo, *oid));
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let mut input = String::new();
    for oid in candidates {
        // Writing into a String cannot fail.
        let _ = writeln!(input, "{oid}");
    }
    for oid in kept(repo, branch)? {
        let _ = writeln!(input, "^{oid}");
    }
    let answer = Git::at(repo.folder()).args(["rev-list", "--parents", "--stdin"]).input(input).run()?;
    tips(&answer)
}

/// What other refs and other checkouts keep.
fn kept(repo: &Repo, branch: &str) -> Result<BTreeSet<Oid>, GitError> {
    let is_private = |name: &str| PRIVATE.iter().any(|folder| name.starts_with(folder));
    let refs = repo.references("refs/")?.into_iter();
    let mut kept: BTreeSet<Oid> =
        refs.filter(|(name, _)| name != branch && !is_private(name)).map(|(_, oid)| oid).collect();
    for worktree in repo.worktrees()? {
        if worktree.private_dir != repo.private_dir() {
            // One that has the same branch checked out will not keep it either once the branch is gone.
            let head = worktree.head.filter(|head| head.branch() != Some(branch));
            kept.extend(head.and_then(|head| head.commit()));
        }
    }
    Ok(kept)
}

/// The commits of a `rev-list --parents` that are nobody's parent in it.
fn tips(answer: &[u8]) -> Result<Vec<Oid>, GitError> {
    let mut commits = Vec::new();
    let mut parents = BTreeSet::new();
    for line in answer.lines() {
        let mut names = line.split_str(" ").map(|name| {
            Oid::from_hex(name)
                .map_err(|_| GitError::Answer { command: "rev-list", answer: line.as_bstr().to_string() })
        });
        commits.extend(names.next().transpose()?);
        for parent in names {
            parents.insert(parent?);
        }
    }
    commits.retain(|commit| !parents.contains(commit));
    Ok(commits)
}

/// The objects that the lines of a file start with; other lines name none. No file names none.
fn named_in(file: &Path) -> Result<Vec<Oid>, GitError> {
    if file.is_dir() {
        return Ok(Vec::new());
    }
    let content = atomic::read(file)?.unwrap_or_default();
    let name = |line: &[u8]| Oid::from_hex(line.split(u8::is_ascii_whitespace).next()?).ok();
    Ok(content.lines().filter_map(name).collect())
}

/// The objects that a reflog names, before and after each move.
fn logged_in(file: &Path) -> Result<Vec<Oid>, GitError> {
    let content = atomic::read(file)?.unwrap_or_default();
    let names = |line: &[u8]| -> Vec<Oid> {
        line.splitn(3, |&byte| byte == b' ').take(2).filter_map(|name| Oid::from_hex(name).ok()).collect()
    };
    Ok(content.lines().flat_map(names).filter(|oid| !oid.is_null()).collect())
}

fn files_below(folder: &Path) -> Result<Vec<std::path::PathBuf>, GitError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !there(&folder)? {
            continue;
        }
        let failed = |source| FileError::new("read", &folder, source);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

/// What is gone already, or no commit, cannot be a parent.
fn is_commit(repo: &Repo, oid: Oid) -> bool {
    !oid.is_null() && repo.gix.find_header(oid).is_ok_and(|header| header.kind() == gix::object::Kind::Commit)
}
