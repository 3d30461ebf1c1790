//! Many merges of commits that may be in memory only: what can be said at once, and git for the rest.

use gix::bstr::BStr;
use gix::bstr::BString;
use std::collections::HashMap;

use super::Ground;
use super::Merge;
use super::Said;
use super::confirm::told;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::git::run::Git;

/// The attributes that a merge can depend on.
const ATTRIBUTES: [&str; 9] = [
    "merge",
    "conflict-marker-size",
    "diff",
    "text",
    "eol",
    "crlf",
    "ident",
    "filter",
    "working-tree-encoding",
];

impl Memory {
    /// Merges each pair of commits: ours first. Nothing is written but memory, and git's blobs and trees are in it too.
    ///
    /// # Errors
    /// When no merge can be made at all; what is wrong with one pair is that pair's answer.
    pub fn merge_pairs(&mut self, pairs: &[(Oid, Oid)]) -> Result<Vec<Result<Merge, GitError>>, GitError> {
        let ground = Ground::of(self.repo())?;
        let mut verdicts = ground.verdicts();
        let mut said = Vec::new();
        for (ours, theirs) in pairs {
            let names = [ours, theirs].map(|side| side.to_string());
            said.push(verdicts.say(None, *ours, *theirs, names.each_ref().map(String::as_str)));
        }
        drop(verdicts);
        let mut answers = Vec::new();
        for (said, (ours, theirs)) in said.into_iter().zip(pairs) {
            answers.push(match said {
                Ok(Said::Known(merge)) => Ok(merge),
                Ok(Said::Ask(asked)) => {
                    tracing::debug!(%asked, "git is asked for the merge");
                    self.merge_by_git(*ours, *theirs)
                }
                Err(error) => Err(error),
            });
        }
        self.gather()?;
        Ok(answers)
    }

    fn merge_by_git(&mut self, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        let git = Git::at(self.repo().folder()).args(["merge-tree", "--write-tree", "-z"]);
        told(self.shown_with(git, &[ours, theirs])?, [ours, theirs])
    }
}

/// All that a merge depends on and that is not in its commits: configuration and attributes.
pub struct Settings<'r> {
    repo: &'r Repo,
    config: BString,
    stack: gix::AttributeStack<'r>,
    seen: HashMap<BString, String>,
}

impl<'r> Settings<'r> {
    /// Reads the configuration of a repository, and what attributes are read from.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of(repo: &'r Repo) -> Result<Settings<'r>, GitError> {
        use gix::worktree::stack::state::attributes::Source;
        let index = repo.read_index()?;
        let stack = repo.gix.attributes_only(&index, Source::WorktreeThenIdMapping);
        let config = repo.gix.config_snapshot().plumbing().to_bstring();
        Ok(Settings {
            repo,
            config,
            stack: stack.map_err(GitError::gix("read the attributes"))?,
            seen: HashMap::new(),
        })
    }

    /// A name for a merge, which no other merge has: of these bases and trees, where these paths were changed.
    ///
    /// # Errors
    /// When an attribute file cannot be read.
    pub fn name<'p>(
        &mut self,
        objects: &[Oid],
        paths: impl IntoIterator<Item = &'p BStr>,
    ) -> Result<Oid, GitError> {
        let mut text = Vec::new();
        for oid in objects {
            text.extend_from_slice(oid.as_bytes());
        }
        for path in paths {
            let attributes = self.attributes(path)?;
            if !attributes.is_empty() {
                text.extend_from_slice(path);
                text.push(0);
                text.extend_from_slice(attributes.as_bytes());
            }
        }
        text.push(0);
        text.extend_from_slice(&self.config);
        gix::objs::compute_hash(self.repo.gix.object_hash(), gix::objs::Kind::Blob, &text)
            .map_err(GitError::gix("name a merge"))
    }

    /// The attributes of a path that a merge can depend on, as text.
    fn attributes(&mut self, path: &BStr) -> Result<String, GitError> {
        if let Some(known) = self.seen.get(path) {
            return Ok(known.clone());
        }
        let mut outcome = self.stack.selected_attribute_matches(ATTRIBUTES);
        let platform = self
            .stack
            .at_entry(path, None)
            .map_err(GitError::gix(format!("read the attributes of '{path}'")))?;
        let mut text = String::new();
        if platform.matching_attributes(&mut outcome) {
            for found in outcome.iter_selected() {
                text.push_str(&format!("{:?}\n", found.assignment));
            }
        }
        self.seen.insert(path.to_owned(), text.clone());
        Ok(text)
    }
}
