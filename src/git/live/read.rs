//! Files as git would take them in: read while nobody writes them, through the filters of `.gitattributes`.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;
use gix::filter::Pipeline;
use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
use gix::index::State;
use gix::index::entry::Flags;
use gix::objs::tree::EntryKind;
use gix::worktree::stack::state::attributes::Source;

use super::Side;
use super::Stamp;
use super::gone;
use super::stamp;
use super::walk::Look;
use crate::base::atomic::FileError;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::paths;
use crate::git::repo::Repo;

/// How often one file may change while it is read before we give up.
const TRIES: usize = 6;

/// A path that is not as the index has it.
#[derive(Debug)]
pub(super) struct Found {
    pub path: BString,
    pub side: Side,
    pub untracked: bool,
}

/// What git would take in from a path.
pub(super) enum Taken {
    /// What is there, or nothing.
    Side(Side),
    /// A program has to be asked, or git would refuse it.
    OnlyGitKnows,
}

/// What was at a path between two looks at it.
pub(super) enum Raw {
    /// Nothing at all.
    Nothing,
    /// A link, and where it leads.
    Link(Vec<u8>),
    /// A file and its content.
    File(Vec<u8>, Metadata),
    /// A folder, a pipe or the like.
    Other,
}

/// Reads files of one checkout as git would take them in.
pub(super) struct Reader<'a> {
    checkout: &'a Path,
    index: &'a State,
    memory: &'a Memory,
    pipeline: Pipeline<'a>,
    attributes: gix::AttributeStack<'a>,
    /// Filters that are programs.
    programs: Vec<BString>,
    executable_bit: bool,
}

impl Repo {
    /// Reads what has to be looked at; nothing when only git can tell. New content is written into memory.
    pub(super) fn read_candidates(
        &self,
        index: &State,
        looks: BTreeMap<BString, Look>,
        memory: &Memory,
    ) -> Result<Option<Vec<Found>>, GitError> {
        let mut found = Vec::new();
        if looks.is_empty() {
            return Ok(Some(found));
        }
        let mut reader = Reader::new(self, index, memory)?;
        for (path, look) in looks {
            let side = match look {
                Look::Gone => None,
                Look::Repository => Some((EntryKind::Commit, self.head_inside(path.as_bstr())?)),
                Look::Tracked | Look::Untracked => match reader.take(path.as_bstr())? {
                    Taken::Side(side) => side,
                    Taken::OnlyGitKnows => return Ok(None),
                },
            };
            // What was only touched is as it was, and what went away before it was read was never there.
            if side != reader.in_index(path.as_bstr()) || reader.is_announced(path.as_bstr()) {
                let untracked = matches!(look, Look::Untracked | Look::Repository);
                found.push(Found { path, side, untracked });
            }
        }
        Ok(Some(found))
    }

    /// The commit that a repository inside is at.
    fn head_inside(&self, path: &BStr) -> Result<Oid, GitError> {
        let folder = self.need_checkout()?.join(paths::from_git(path)?);
        let unborn =
            || GitError::Repositories { path: self.folder().to_owned(), inside: vec![path.to_owned()] };
        Repo::open(&folder)?.head()?.commit().ok_or_else(unborn)
    }
}

impl<'a> Reader<'a> {
    /// A reader of the checkout of `repo`.
    pub(super) fn new(repo: &'a Repo, index: &'a State, memory: &'a Memory) -> Result<Reader<'a>, GitError> {
        let doing = "read the filters";
        let gix = &repo.gix;
        let attributes = || gix.attributes_only(index, Source::WorktreeThenIdMapping);
        let stack = attributes().map_err(GitError::gix(doing))?.detach();
        let programs = Pipeline::options(gix).map_err(GitError::gix(doing))?.drivers.into_iter();
        Ok(Reader {
            checkout: repo.need_checkout()?,
            index,
            memory,
            pipeline: Pipeline::new(gix, stack).map_err(GitError::gix(doing))?,
            attributes: attributes().map_err(GitError::gix(doing))?,
            programs: programs
                .filter(|driver| driver.clean.is_some() || driver.process.is_some())
                .map(|driver| driver.name)
                .collect(),
            executable_bit: gix.filesystem_options().map_err(GitError::gix(doing))?.executable_bit,
        })
    }

    /// What the index has at a path. What was only announced (`git add --intent-to-add`) is not in it.
    pub(super) fn in_index(&self, path: &BStr) -> Side {
        let entry = self.index.entry_by_path(path)?;
        let announced = entry.flags.contains(Flags::INTENT_TO_ADD);
        let mode = entry.mode.to_tree_entry_mode().filter(|_| !announced)?;
        Some((mode.kind(), entry.id))
    }

    fn is_announced(&self, path: &BStr) -> bool {
        self.index.entry_by_path(path).is_some_and(|entry| entry.flags.contains(Flags::INTENT_TO_ADD))
    }

    /// What git would take in from a path now. The content is written into memory.
    pub(super) fn take(&mut self, path: &BStr) -> Result<Taken, GitError> {
        let place = self.checkout.join(paths::from_git(path)?);
        match raw(&place, path)? {
            Raw::Nothing => Ok(Taken::Side(None)),
            Raw::Other => Ok(Taken::OnlyGitKnows),
            Raw::Link(target) => {
                Ok(Taken::Side(Some((EntryKind::Link, self.memory.repo().write_blob(&target)?))))
            }
            Raw::File(bytes, metadata) => {
                if !self.programs.is_empty() && self.has_program(path)? {
                    return Ok(Taken::OnlyGitKnows);
                }
                let oid = self.filtered(path, &bytes)?;
                Ok(Taken::Side(Some((self.kind(path, &metadata), oid))))
            }
        }
    }

    /// Whether a file goes through a program.
    fn has_program(&mut self, path: &BStr) -> Result<bool, GitError> {
        let doing = || format!("read the attributes of '{path}'");
        let mut outcome = self.attributes.selected_attribute_matches(["filter"]);
        let platform = self.attributes.at_entry(path, None).map_err(GitError::gix(doing()))?;
        platform.matching_attributes(&mut outcome);
        let filter = outcome.iter_selected().next();
        let state = filter.as_ref().map(|found| found.assignment.state);
        Ok(match state {
            Some(gix::attrs::StateRef::Value(name)) => {
                self.programs.iter().any(|program| program == name.as_bstr())
            }
            _ => false,
        })
    }

    fn filtered(&mut self, path: &BStr, bytes: &[u8]) -> Result<Oid, GitError> {
        let doing = || format!("read '{path}' through its filters");
        let relative = paths::from_git(path)?;
        let outcome =
            self.pipeline.convert_to_git(bytes, &relative, self.index).map_err(GitError::gix(doing()))?;
        match outcome {
            ToGitOutcome::Unchanged(bytes) | ToGitOutcome::Buffer(bytes) => {
                self.memory.repo().write_blob(bytes)
            }
            ToGitOutcome::Process(mut program) => {
                let mut bytes = Vec::new();
                program.read_to_end(&mut bytes).map_err(GitError::gix(doing()))?;
                self.memory.repo().write_blob(&bytes)
            }
        }
    }

    /// The kind of a file, by its own bit or, where these mean nothing, by what the index has.
    fn kind(&self, path: &BStr, metadata: &Metadata) -> EntryKind {
        match self.in_index(path) {
            _ if self.executable_bit && is_executable(metadata) => EntryKind::BlobExecutable,
            Some((EntryKind::BlobExecutable, _)) if !self.executable_bit => EntryKind::BlobExecutable,
            _ => EntryKind::Blob,
        }
    }
}

/// What is at a path, while nobody changes it.
///
/// It is looked at before and after, and read twice: the clock of file systems stands still for milliseconds, so a file that
/// is written over at this moment can look the same.
pub(super) fn raw(place: &Path, path: &BStr) -> Result<Raw, GitError> {
    let failed = |source| FileError::new("read", place, source);
    for _ in 0..TRIES {
        let before = match place.symlink_metadata() {
            Ok(found) => found,
            Err(error) if gone(&error) => return Ok(Raw::Nothing),
            Err(error) => return Err(failed(error).into()),
        };
        if !before.is_symlink() && !before.is_file() {
            return Ok(Raw::Other);
        }
        let read = || -> Result<Option<Vec<u8>>, GitError> {
            let read = match before.is_symlink() {
                true => std::fs::read_link(place).map(|target| paths::to_git(&target).map(Vec::from)),
                false => std::fs::read(place).map(Ok),
            };
            match read {
                Ok(bytes) => bytes.map(Some),
                // Gone or replaced by something else meanwhile.
                Err(_) if stamp(place)? != Some(Stamp::of(&before)) => Ok(None),
                Err(error) => Err(failed(error).into()),
            }
        };
        let Some(bytes) = read()? else { continue };
        if read()?.as_ref() == Some(&bytes) && stamp(place)? == Some(Stamp::of(&before)) {
            return Ok(if before.is_symlink() { Raw::Link(bytes) } else { Raw::File(bytes, before) });
        }
    }
    Err(GitError::Restless { path: place.to_owned(), paths: vec![path.to_owned()] })
}

#[cfg(unix)]
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o100 != 0
}

#[cfg(not(unix))]
pub(super) fn is_executable(_: &Metadata) -> bool {
    false
}
