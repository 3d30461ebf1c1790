//! Which files are merged line by line: attributes may say otherwise.

use gix::attrs::StateRef;
use gix::bstr::BStr;
use gix::worktree::stack::state::attributes::Source;

use crate::git::error::GitError;
use crate::git::repo::Repo;

/// How a file is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    /// Line by line, or as a whole if it is binary.
    Ordinary,
    /// As a whole, whatever is in it.
    Whole,
    /// In another way, that only git knows.
    Other,
}

/// The attributes that hold in one checkout, as `git merge` reads them there.
pub(super) struct Drivers<'r> {
    repo: &'r Repo,
    stack: Option<gix::AttributeStack<'r>>,
    /// `merge.default` or `attr.tree` are set.
    configured: bool,
}

/// What decides how a file is merged, and how conflicts in it are marked.
const NAMES: [&str; 2] = ["merge", "conflict-marker-size"];

impl<'r> Drivers<'r> {
    /// Nothing is read yet.
    pub fn of(repo: &'r Repo) -> Drivers<'r> {
        let configured = ["merge.default", "attr.tree"].iter().any(|key| repo.config(key).is_some());
        Drivers { repo, stack: None, configured }
    }

    /// How the file at a path is merged.
    ///
    /// # Errors
    /// When attributes cannot be read.
    pub fn of_path(&mut self, path: &BStr) -> Result<Driver, GitError> {
        if self.configured || self.repo.checkout().is_none() && self.in_tree(path)? {
            return Ok(Driver::Other);
        }
        let doing = || GitError::gix(format!("read the attributes of {path}"));
        let stack = match &mut self.stack {
            Some(stack) => stack,
            none => {
                let source = match self.repo.checkout() {
                    Some(_) => Source::WorktreeThenIdMapping,
                    None => Source::IdMapping,
                };
                // No index: when git merges, it looks only at the files.
                let index = gix::index::State::new(self.repo.gix.object_hash());
                none.insert(self.repo.gix.attributes_only(&index, source).map_err(doing())?)
            }
        };
        // Once to read the files on the way, which may name new attributes, and once to match.
        let _ = stack.at_entry(path, None).map_err(doing())?;
        let mut found = stack.selected_attribute_matches(NAMES);
        stack.at_entry(path, None).map_err(doing())?.matching_attributes(&mut found);
        let states: Vec<StateRef<'_>> = found.iter_selected().map(|found| found.assignment.state).collect();
        Ok(match states.as_slice() {
            [StateRef::Unspecified | StateRef::Set, StateRef::Unspecified] => Driver::Ordinary,
            [StateRef::Unset, StateRef::Unspecified] => Driver::Whole,
            _ => Driver::Other,
        })
    }

    /// Without a checkout, some versions of git read the attributes of HEAD's tree.
    fn in_tree(&self, path: &BStr) -> Result<bool, GitError> {
        let Some(head) = self.repo.head()?.commit() else { return Ok(false) };
        for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let mut file = path[..=end].to_owned();
            file.extend_from_slice(b".gitattributes");
            if self.repo.file_at(head, BStr::new(&file))?.is_some() {
                return Ok(true);
            }
        }
        Ok(self.repo.file_at(head, BStr::new(".gitattributes"))?.is_some())
    }
}
