//! Which paths of a checkout have to be read: those that are not known to be as the index has them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::dir::entry::Kind;
use gix::dir::entry::Status;
use gix::dir::walk::EmissionMode;
use gix::index::State;
use gix::status::index_worktree;
use gix::status::plumbing::index_as_worktree::Change;
use gix::status::plumbing::index_as_worktree::EntryStatus;
use gix::status::plumbing::index_as_worktree::traits::CompareBlobs;
use gix::status::plumbing::index_as_worktree::traits::ReadData;
use gix::status::plumbing::index_as_worktree::traits::SubmoduleStatus;
use gix::status::plumbing::index_as_worktree_with_renames::Entry;
use gix::status::plumbing::index_as_worktree_with_renames::VisitEntry;

use crate::git::error::GitError;
use crate::git::repo::Repo;

/// Why a path has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It is in the index and not in the checkout.
    Gone,
    /// By its times or its mode it may not be what the index has.
    Tracked,
    /// It is not in the index.
    Untracked,
    /// It is not in the index, and a repository of its own.
    Repository,
}

impl Repo {
    /// The paths to be looked at, found in one walk; nothing when only git can tell.
    pub(super) fn candidates(&self, index: &State) -> Result<Option<BTreeMap<BString, Look>>, GitError> {
        let doing = "walk through the checkout";
        let walk = self.gix.dirwalk_options().map_err(GitError::gix(doing))?;
        let mut found = Found { looks: BTreeMap::new(), only_git_knows: false };
        let options = index_worktree::Options {
            dirwalk_options: Some(walk.emit_untracked(EmissionMode::Matching)),
            thread_limit: self.threads,
            ..index_worktree::Options::default()
        };
        self.gix
            .index_worktree_status(
                index,
                None::<&BStr>,
                &mut found,
                ReadLater,
                NoSubmodules,
                &mut gix::progress::Discard,
                &AtomicBool::new(false),
                options,
            )
            .map_err(GitError::gix(doing))?;
        // Where a file system takes `A` and `a` for one, git looks for the name that the index has.
        let added = |look: &Look| matches!(look, Look::Untracked | Look::Repository);
        let folded = self.ignores_case() && found.looks.values().any(added);
        Ok((!found.only_git_knows && !folded).then_some(found.looks))
    }
}

/// What the walk came upon.
struct Found {
    looks: BTreeMap<BString, Look>,
    only_git_knows: bool,
}

impl<'index> VisitEntry<'index> for Found {
    type ContentChange = ();
    type SubmoduleStatus = ();

    fn visit_entry(&mut self, entry: Entry<'index, (), ()>) {
        match entry {
            Entry::Modification { rela_path, status, .. } => {
                let look = match status {
                    EntryStatus::Change(Change::Removed) => Look::Gone,
                    EntryStatus::Change(Change::Type { .. } | Change::Modification { .. })
                    | EntryStatus::IntentToAdd => Look::Tracked,
                    EntryStatus::NeedsUpdate(_) => return,
                    EntryStatus::Change(Change::SubmoduleModification(())) | EntryStatus::Conflict { .. } => {
                        self.only_git_knows = true;
                        return;
                    }
                };
                self.looks.insert(rela_path.to_owned(), look);
            }
            Entry::DirectoryContents { entry, .. } => {
                let look = match (entry.status, entry.disk_kind) {
                    (Status::Untracked, Some(Kind::Repository)) => Look::Repository,
                    // Named pipes and their like: git passes over them too.
                    (Status::Untracked, Some(Kind::Untrackable)) => return,
                    (Status::Untracked, _) => Look::Untracked,
                    (Status::Pruned | Status::Tracked | Status::Ignored(_), _) => return,
                };
                let mut path = entry.rela_path;
                if path.last() == Some(&b'/') {
                    path.pop();
                }
                self.looks.insert(path, look);
            }
            // Rewrites are off.
            Entry::Rewrite { .. } => self.only_git_knows = true,
        }
    }
}

/// Takes everything for changed that is not unchanged by its times: it is read once, by us, and with care.
#[derive(Clone)]
struct ReadLater;

impl CompareBlobs for ReadLater {
    type Output = ();

    fn compare_blobs<'a, 'b>(
        &mut self,
        _: &gix::index::Entry,
        _: u64,
        _: impl ReadData<'a>,
        _: &mut Vec<u8>,
    ) -> gix::Result<Option<()>> {
        Ok(Some(()))
    }
}

/// An index with submodules is git's to read.
#[derive(Clone)]
struct NoSubmodules;

impl SubmoduleStatus for NoSubmodules {
    type Output = ();

    fn status(&mut self, _: &gix::index::Entry, _: &BStr) -> gix::Result<Option<()>> {
        Ok(Some(()))
    }
}
