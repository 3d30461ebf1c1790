//! Salvage: work saved under `refs/odyssey/salvage/<task>` before anything could destroy it.
//!
//! A second salvage of the same task has the first among its parents, so none is ever lost to a newer one.

use std::collections::HashSet;

use crate::base::clock::Timestamp;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::refs::Expect;
use crate::git::repo::Repo;
use crate::git::snapshot::Snapshot;

/// Where salvaged work is.
const PREFIX: &str = "refs/odyssey/salvage/";

/// What the subject of each salvage commit starts with; parents that have it are earlier salvages.
const SUBJECT: &str = "salvage ";

/// One saved state of a task's work.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Salvage {
    /// The task.
    pub task: TaskName,
    /// The commit that holds everything: its tree is the files, its first parent the branch's last commit.
    #[serde(serialize_with = "hex")]
    pub commit: Oid,
    /// The branch's last commit.
    #[serde(serialize_with = "hex")]
    pub tip: Oid,
    /// When it was saved.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

fn hex<S: serde::Serializer>(oid: &Oid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(oid)
}

/// The ref that keeps a task's salvaged work.
pub fn reference(task: &TaskName) -> String {
    format!("{PREFIX}{task}")
}

/// Saves everything that is in a workspace: files, index, commits of its branch, and what only reflogs reach.
///
/// # Errors
/// When anything of it cannot be read or saved; then nothing may be destroyed.
pub fn save(
    workspace: &Repo,
    task: &TaskName,
    branch: &str,
    ignored: &[BString],
    why: &str,
    now: Timestamp,
) -> Result<Oid, GitError> {
    let mut parents = workspace.loose_ends(branch)?;
    // HEAD is the snapshot's first parent; a branch that HEAD has left needs a mention of its own.
    parents.extend(workspace.reference(branch)?);
    let earlier = workspace.reference(&reference(task))?;
    parents.extend(earlier);
    let message = BString::from(format!("{SUBJECT}{task}: {why}\n"));
    let request =
        Snapshot { message: message.as_bstr(), at: now, more_paths: ignored, more_parents: &parents };
    let saved = workspace.snapshot(request)?;
    workspace.edit(&reference(task), Expect::value(earlier), saved.commit)?;
    Ok(saved.commit)
}

/// Saves a branch without a workspace.
///
/// # Errors
/// As for [`save`].
pub fn save_branch(
    repo: &Repo,
    task: &TaskName,
    tip: Oid,
    why: &str,
    now: Timestamp,
) -> Result<Oid, GitError> {
    let earlier = repo.reference(&reference(task))?;
    let mut parents = vec![tip];
    parents.extend(earlier);
    let tree = repo.commit(tip)?.tree;
    let message = format!("{SUBJECT}{task}: {why}\n");
    let commit = repo.write_commit(tree, &parents, message.as_str().into(), now)?;
    repo.edit(&reference(task), Expect::value(earlier), commit)?;
    Ok(commit)
}

/// Makes what was saved of a task elsewhere part of its salvage here: neither is lost to the other.
///
/// # Errors
/// As for [`save`].
pub fn take_in(repo: &Repo, task: &TaskName, there: Oid, now: Timestamp) -> Result<(), GitError> {
    let name = reference(task);
    let Some(own) = repo.reference(&name)? else { return repo.edit(&name, Expect::Absent, there) };
    if repo.reaches(own, there)? {
        return Ok(());
    }
    let new = if repo.reaches(there, own)? {
        there
    } else {
        let commit = repo.commit(there)?;
        let parents: Vec<Oid> = commit.parents.first().copied().into_iter().chain([there, own]).collect();
        let message = format!("{SUBJECT}{task}: beside what was saved here\n");
        repo.write_commit(commit.tree, &parents, message.as_str().into(), now)?
    };
    repo.edit(&name, Expect::At(own), new)
}

/// All salvaged work, by task, each task's newest first.
///
/// # Errors
/// When a salvage ref cannot be read.
pub fn list(repo: &Repo) -> Result<Vec<Salvage>, GitError> {
    let mut found = Vec::new();
    for (name, tip) in repo.references(PREFIX)? {
        let Some(task) = name.strip_prefix(PREFIX).and_then(|name| name.parse::<TaskName>().ok()) else {
            continue;
        };
        let mut seen = HashSet::new();
        let mut next = vec![tip];
        while let Some(oid) = next.pop() {
            if !seen.insert(oid) {
                continue;
            }
            let commit = repo.commit(oid)?;
            let Some(why) = why(&commit.message, &task) else { continue };
            let Some(&tip) = commit.parents.first() else { continue };
            // Several are there when two machines saved beside each other.
            for parent in &commit.parents[1..] {
                if self::why(&repo.commit(*parent)?.message, &task).is_some() {
                    next.push(*parent);
                }
            }
            found.push(Salvage { task: task.clone(), commit: oid, tip, at: commit.time, why });
        }
    }
    Ok(found)
}

fn why(message: &BString, task: &TaskName) -> Option<String> {
    let subject = message.lines().next()?.to_str().ok()?;
    Some(subject.strip_prefix(SUBJECT)?.strip_prefix(task.as_str())?.strip_prefix(": ")?.to_owned())
}
