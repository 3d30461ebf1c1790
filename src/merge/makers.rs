//! Who made one side of a conflict: the last commit on a path since the histories parted, or nobody yet.

use std::collections::HashMap;

use crate::base::clock::Timestamp;
use crate::base::text;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::diff::OwnChanges;
use crate::git::error::GitError;
use crate::git::repo::Repo;

use super::party::Standing;

/// Who made what a party has at a path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Maker {
    /// A commit.
    Commit {
        /// Its name in hexadecimal.
        commit: String,
        /// The author's name.
        author: String,
        /// The first line of its message.
        subject: String,
        /// When it was committed.
        at: Timestamp,
    },
    /// It is in no commit yet.
    Uncommitted {
        /// Whether a part of it is staged.
        staged: bool,
        /// Whether git does not know the file yet.
        untracked: bool,
    },
}

impl Maker {
    /// In words: `0123456789 by Ada: its subject`.
    pub fn words(&self) -> String {
        match self {
            Maker::Commit { commit, author, subject, .. } => {
                format!("{} by {author}: {subject}", &commit[..commit.len().min(10)])
            }
            Maker::Uncommitted { untracked: true, .. } => "uncommitted, a new file".to_owned(),
            Maker::Uncommitted { staged: true, .. } => "uncommitted, staged".to_owned(),
            Maker::Uncommitted { .. } => "uncommitted".to_owned(),
        }
    }
}

/// How many commits are looked through, the newest first.
const LOOKED_THROUGH: usize = 500;

/// Finds out who made what.
pub struct Makers<'r> {
    repo: &'r Repo,
    /// For a head and its bases.
    since: HashMap<(Oid, Vec<Oid>), Vec<Changed>>,
}

/// A commit, and the paths that it changed itself.
type Changed = (Oid, Vec<BString>);

impl<'r> Makers<'r> {
    /// Nothing is known yet.
    pub fn of(repo: &'r Repo) -> Makers<'r> {
        Makers { repo, since: HashMap::new() }
    }

    /// Who made what a party has at one of these paths; nothing when it has been so for longer than is looked back.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn find(
        &mut self,
        standing: &Standing,
        bases: &[Oid],
        paths: &[&BString],
    ) -> Result<Option<Maker>, GitError> {
        if let Some(edit) = paths.iter().find_map(|path| standing.uncommitted_at(path)) {
            return Ok(Some(Maker::Uncommitted { staged: edit.staged, untracked: edit.untracked }));
        }
        let key = (standing.head, bases.to_vec());
        if !self.since.contains_key(&key) {
            let changes = self.changes_since(standing.head, bases)?;
            self.since.insert(key.clone(), changes);
        }
        let since = self.since.get(&key).map(Vec::as_slice).unwrap_or_default();
        let found = since.iter().find(|(_, changed)| changed.iter().any(|path| paths.contains(&path)));
        let Some((commit, _)) = found else { return Ok(None) };
        let read = self.repo.commit(*commit)?;
        Ok(Some(Maker::Commit {
            commit: commit.to_string(),
            author: text::visible(&read.author.0),
            subject: text::visible(read.message.lines().next().unwrap_or_default()),
            at: read.time,
        }))
    }

    fn changes_since(&self, head: Oid, bases: &[Oid]) -> Result<Vec<Changed>, GitError> {
        let mut found = Vec::new();
        for commit in self.repo.new_commits(&[head], bases)?.into_iter().take(LOOKED_THROUGH) {
            let paths = match self.repo.own_changes(commit)? {
                OwnChanges::Ordinary(changes) => changes.into_iter().map(|change| change.path).collect(),
                OwnChanges::Merge { by_hand, .. } => by_hand,
            };
            found.push((commit, paths));
        }
        Ok(found)
    }
}
