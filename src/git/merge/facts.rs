//! What a walk over three trees finds out about files that may have been renamed, and whether any can have been.

use std::collections::HashMap;
use std::collections::HashSet;

use gix::objs::tree::EntryKind;

use super::Asked;
use super::rows;
use super::spans;
use super::spans::Spans;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;

/// What a path has on one side: its kind and its object.
pub(super) type Item = (EntryKind, Oid);

/// A path with the same thing on both sides, or on one side with what the other left alone.
pub(super) type Pair = (Option<Item>, Option<Item>);

/// What matters for renames. The sides are 0 for ours and 1 for theirs.
///
/// git looks for renames of one side only when that side lacks a file of the base that the other side changed, or that
/// both lack; or when one of its folders is gone to which the other side added a file. Any other file that was renamed
/// merges as its deletion and addition do.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Files of the base that a side lacks and whose fate matters.
    pub sources: [Vec<Item>; 2],
    /// Folders of the base that a side lacks and the other added to.
    pub moved: [Vec<Oid>; 2],
    /// Files that a side has and the base lacks.
    pub added: [Vec<Item>; 2],
    /// Paths of which a side's was taken because the other left it alone: the base's and the side's.
    pub taken: [Vec<Pair>; 2],
    /// Paths that both sides changed into the same.
    pub agreed: Vec<Pair>,
    /// Whether both sides added different files at one path.
    pub collides: bool,
}

/// More comparisons of contents than this are not worth while, and more of sizes than that.
const MOST_PAIRS: usize = 4_000;
const MOST_SIZES: usize = 1_000_000;

impl Facts {
    /// Why git has to be asked about renames, if it has to.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn verdict(mut self, repo: &Repo) -> Result<Option<Asked>, GitError> {
        for pair in std::mem::take(&mut self.agreed) {
            if rows::is_odd(repo, pair.0, pair.1)? {
                return Ok(Some(Asked::OddTree));
            }
            let (gone, new) = flat(repo, pair)?;
            for side in 0..2 {
                self.sources[side].extend(&gone);
                self.added[side].extend(&new);
            }
        }
        for side in 0..2 {
            if self.sources[side].is_empty() && self.moved[side].is_empty() {
                continue;
            }
            for pair in std::mem::take(&mut self.taken[side]) {
                // While it looks for renames, git writes what it looks through anew.
                if rows::is_odd(repo, pair.0, pair.1)? {
                    return Ok(Some(Asked::OddTree));
                }
                self.added[side].extend(flat(repo, pair)?.1);
            }
            let added: HashSet<Item> = real(repo, self.added[side].drain(..));
            if added.is_empty() {
                continue;
            }
            // The added file that was renamed would be one half of that conflict, with its changes brought along.
            if self.collides {
                return Ok(Some(Asked::Renames));
            }
            let mut spans = Cache { repo, known: HashMap::new() };
            let sources = real(repo, self.sources[side].drain(..));
            if spans.any_alike(&sources, &added)? {
                return Ok(Some(Asked::Renames));
            }
            let mut inside = HashSet::new();
            for folder in self.moved[side].drain(..) {
                inside.extend(real(repo, flat(repo, (Some((EntryKind::Tree, folder)), None))?.0.into_iter()));
            }
            if spans.any_alike(&inside, &added)? {
                return Ok(Some(Asked::FolderRenames));
            }
        }
        Ok(None)
    }
}

/// Without empty files: git takes none for a renamed one.
fn real(repo: &Repo, items: impl Iterator<Item = Item>) -> HashSet<Item> {
    let empty = Oid::empty_blob(repo.gix.object_hash());
    items.filter(|(_, oid)| *oid != empty).collect()
}

/// The files that are gone and those that are new between two things at one path.
fn flat(repo: &Repo, (old, new): Pair) -> Result<(Vec<Item>, Vec<Item>), GitError> {
    let folder = |item: Option<Item>| item.filter(|(kind, _)| *kind == EntryKind::Tree).map(|(_, oid)| oid);
    let file = |item: Option<Item>| item.filter(|(kind, _)| *kind != EntryKind::Tree);
    let (mut gone, mut added) = (Vec::new(), Vec::new());
    match (file(old), file(new)) {
        (Some(old), None) => gone.push(old),
        (None, Some(new)) => added.push(new),
        _ => {}
    }
    for change in repo.changes_below("".into(), folder(old), folder(new))? {
        match (change.old, change.new) {
            (Some(old), None) => gone.push(old),
            (None, Some(new)) => added.push(new),
            _ => {}
        }
    }
    Ok((gone, added))
}

/// The spans of files, each read once.
struct Cache<'r> {
    repo: &'r Repo,
    known: HashMap<Oid, Spans>,
}

impl Cache<'_> {
    /// Whether git could take any of the added files for any of those that are gone.
    fn any_alike(&mut self, gone: &HashSet<Item>, added: &HashSet<Item>) -> Result<bool, GitError> {
        let objects: HashSet<Oid> = gone.iter().map(|(_, oid)| *oid).collect();
        if added.iter().any(|(_, oid)| objects.contains(oid)) {
            return Ok(true);
        }
        if gone.len().saturating_mul(added.len()) > MOST_SIZES {
            return Ok(true);
        }
        let sizes = |items: &HashSet<Item>| {
            let files = items.iter().filter(|(kind, _)| is_file(*kind)).map(|(_, oid)| *oid);
            let size = |oid: Oid| {
                let header =
                    self.repo.gix.find_header(oid).map_err(GitError::gix(format!("read blob {oid}")))?;
                Ok((oid, header.size()))
            };
            files.map(size).collect::<Result<Vec<(Oid, u64)>, GitError>>()
        };
        let (gone, added) = (sizes(gone)?, sizes(added)?);
        let mut left = MOST_PAIRS;
        for (old, old_size) in &gone {
            for (new, new_size) in &added {
                if !spans::sizes_are_near(*old_size, *new_size) {
                    continue;
                }
                left -= 1;
                if left == 0 || self.alike(*old, *new)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn alike(&mut self, old: Oid, new: Oid) -> Result<bool, GitError> {
        for oid in [old, new] {
            if !self.known.contains_key(&oid) {
                self.known.insert(oid, Spans::of(&self.repo.blob(oid)?));
            }
        }
        let (Some(old), Some(new)) = (self.known.get(&old), self.known.get(&new)) else { return Ok(true) };
        Ok(old.may_be_alike(new))
    }
}

/// Whether it is a file of lines or bytes: no link, folder or submodule.
pub(super) fn is_file(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable)
}
