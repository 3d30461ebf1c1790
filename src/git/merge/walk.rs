//! Three trees merged, folder by folder and file by file; stops where only git knows what becomes of them.

use gix::bstr::BStr;
use gix::objs::Kind;
use gix::objs::Write;
use gix::objs::tree::EntryKind;
use gix::objs::tree::EntryMode;

use super::Asked;
use super::Conflict;
use super::ConflictKind;
use super::Merge;
use super::drivers::Driver;
use super::drivers::Drivers;
use super::facts::Facts;
use super::facts::Item;
use super::facts::is_file;
use super::is_binary;
use super::rows;
use super::rows::Row;
use super::text;
use super::text::Merged;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;

/// Why a walk ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Only git knows.
    Ask(Asked),
    /// Something could not be read.
    Failed(GitError),
}

impl From<GitError> for Stop {
    fn from(error: GitError) -> Stop {
        Stop::Failed(error)
    }
}

/// What base, ours and theirs have at one path.
type Three = [Option<Item>; 3];

/// The largest file that is merged here, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// How to merge.
pub(super) struct Walk<'w, 'r> {
    /// Where the trees are.
    pub repo: &'w Repo,
    /// How files are merged.
    pub drivers: &'w mut Drivers<'r>,
    /// How marks name the sides.
    pub labels: [&'w [u8]; 2],
    /// Whether `merge.conflictStyle` is not the ordinary one.
    pub styled: bool,
    /// Whether what is new is written through `repo`, and not only named.
    pub keep: bool,
}

/// What a walk has found so far.
#[derive(Default)]
struct Found {
    conflicts: Vec<Conflict>,
    facts: Facts,
    /// Whether the folder that one side lacks has a file that the other added.
    added_below: bool,
}

impl Walk<'_, '_> {
    /// Merges the trees of base, ours and theirs.
    ///
    /// # Errors
    /// [`Stop::Ask`] where git may come to another result.
    pub fn merge(&mut self, trees: [Oid; 3]) -> Result<Merge, Stop> {
        let mut found = Found::default();
        let tree = self.folder(BStr::new(""), trees.map(Some), None, &mut found)?;
        if let Some(asked) = found.facts.verdict(self.repo)? {
            return Err(Stop::Ask(asked));
        }
        let tree = match tree {
            Some(tree) => tree,
            None => self.kept(Kind::Tree, &[])?,
        };
        found.conflicts.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Merge { tree, conflicts: found.conflicts })
    }

    /// One folder; nothing when nothing is left in it. `gone` is the side that lacks a folder at or above it.
    fn folder(
        &mut self,
        path: &BStr,
        trees: [Option<Oid>; 3],
        gone: Option<usize>,
        found: &mut Found,
    ) -> Result<Option<Oid>, Stop> {
        let mut read = [const { Vec::new() }; 3];
        for (bytes, tree) in read.iter_mut().zip(trees) {
            let Some(tree) = tree else { continue };
            let mut found =
                self.repo.gix.find_tree(tree).map_err(GitError::gix(format!("read tree {tree}")))?;
            *bytes = std::mem::take(&mut found.data);
        }
        let hash = self.repo.gix.object_hash();
        let rows = |version: usize| rows::of(&read[version], hash)?.ok_or(Stop::Ask(Asked::OddTree));
        let rows = [rows(0)?, rows(1)?, rows(2)?];
        let mut rows = rows.each_ref().map(|rows| rows.iter().peekable());
        let mut merged: Vec<Row<'_>> = Vec::new();
        while let Some(name) = rows.iter_mut().filter_map(|rows| rows.peek().map(|row| row.0)).min() {
            let three = rows.each_mut().map(|rows| rows.next_if(|row| row.0 == name).map(|row| row.1));
            let [base, ours, theirs] = three;
            let item = if base == ours && ours == theirs {
                ours
            } else {
                let mut below = path.to_owned();
                if !below.is_empty() {
                    below.push(b'/');
                }
                below.extend_from_slice(name);
                self.path(below.as_ref(), three, gone, found)?
            };
            merged.extend(item.map(|item| (name, item)));
        }
        if merged.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.kept(Kind::Tree, &rows::written(merged))?))
    }

    /// What becomes of one path.
    fn path(
        &mut self,
        path: &BStr,
        three: Three,
        gone: Option<usize>,
        found: &mut Found,
    ) -> Result<Option<Item>, Stop> {
        let [base, ours, theirs] = three;
        if ours == theirs {
            if base != ours {
                found.facts.agreed.push((base, ours));
            }
            return Ok(ours);
        }
        for (side, (here, there)) in [(ours, theirs), (theirs, ours)].into_iter().enumerate() {
            if there == base {
                found.facts.taken[side].push((base, here));
                found.added_below |= base.is_none() && gone == Some(1 - side);
                return Ok(here);
            }
        }
        let is_folder = |item: &Item| item.0 == EntryKind::Tree;
        if three.iter().flatten().all(is_folder) {
            return self.folders(path, three, gone, found);
        }
        if three.iter().flatten().any(is_folder) {
            return Err(Stop::Ask(Asked::FileAndFolder));
        }
        self.files(path, three, found)
    }

    /// A folder that both sides changed, or that one changed and the other removed.
    fn folders(
        &mut self,
        path: &BStr,
        three: Three,
        gone: Option<usize>,
        found: &mut Found,
    ) -> Result<Option<Item>, Stop> {
        let trees = three.map(|item| item.map(|(_, oid)| oid));
        let side = (0..2).find(|side| trees[side + 1].is_none());
        let (Some(side), Some(base), None) = (side, trees[0], gone) else {
            let merged = self.folder(path, trees, gone, found)?;
            return Ok(merged.map(|oid| (EntryKind::Tree, oid)));
        };
        let outside = std::mem::take(&mut found.added_below);
        let merged = self.folder(path, trees, Some(side), found)?;
        if found.added_below {
            found.facts.moved[side].push(base);
        }
        found.added_below = outside;
        Ok(merged.map(|oid| (EntryKind::Tree, oid)))
    }

    /// A file, link or submodule that both sides have differently from the base and from each other.
    fn files(&mut self, path: &BStr, three: Three, found: &mut Found) -> Result<Option<Item>, Stop> {
        let (ours, theirs) = match three {
            [_, Some(ours), Some(theirs)] => (ours, theirs),
            [base, ours, theirs] => {
                // One deleted what the other changed, which stays.
                let side = usize::from(ours.is_some());
                found.facts.sources[side].extend(base);
                found.conflicts.push(conflict(path, ConflictKind::ModifyDelete, three));
                return Ok(ours.or(theirs));
            }
        };
        if three[0].is_none() {
            found.facts.added[0].push(ours);
            found.facts.added[1].push(theirs);
            found.facts.collides = true;
        }
        let kind = |item: Item| if is_file(item.0) { EntryKind::Blob } else { item.0 };
        if kind(ours) != kind(theirs) {
            return Err(Stop::Ask(Asked::Kinds));
        }
        if ours.0 == EntryKind::Commit {
            return Err(Stop::Ask(Asked::Submodule));
        }
        if ours.0 == EntryKind::Link {
            found.conflicts.push(conflict(path, changed_or_added(three), three));
            return Ok(Some(ours));
        }
        let base = three[0];
        let base_kind = base.map(|(kind, _)| kind);
        let (mode, modes_agree) = if ours.0 == theirs.0 || base_kind == Some(ours.0) {
            (theirs.0, true)
        } else {
            (ours.0, base_kind == Some(theirs.0))
        };
        let base_oid = base.map(|(_, oid)| oid);
        let (oid, problem) = if ours.1 == theirs.1 || base_oid == Some(ours.1) {
            (theirs.1, None)
        } else if base_oid == Some(theirs.1) {
            (ours.1, None)
        } else {
            let base = base.filter(|(kind, _)| is_file(*kind)).map(|(_, oid)| oid);
            self.contents(path, base, ours.1, theirs.1)?
        };
        let problem = match problem {
            Some(Problem::Binary) => Some(ConflictKind::Binary),
            Some(Problem::Lines) => Some(changed_or_added(three)),
            None => (!modes_agree).then_some(ConflictKind::Mode),
        };
        found.conflicts.extend(problem.map(|kind| conflict(path, kind, three)));
        Ok(Some((mode, oid)))
    }

    /// Two contents that are both different from the base's.
    fn contents(
        &mut self,
        path: &BStr,
        base: Option<Oid>,
        ours: Oid,
        theirs: Oid,
    ) -> Result<(Oid, Option<Problem>), Stop> {
        let driver = self.drivers.of_path(path)?;
        if driver == Driver::Other {
            return Err(Stop::Ask(Asked::Attributes));
        }
        let mut texts = [Vec::new(), Vec::new(), Vec::new()];
        for (text, oid) in texts.iter_mut().zip([base, Some(ours), Some(theirs)]) {
            let Some(oid) = oid else { continue };
            *text = self.repo.blob(oid)?;
            if text.len() as u64 > LARGEST {
                return Err(Stop::Ask(Asked::Large));
            }
        }
        if driver == Driver::Whole || texts.iter().any(|text| is_binary(text)) {
            return Ok((ours, Some(Problem::Binary)));
        }
        let [base, ours, theirs] = &texts;
        match text::merge([base, ours, theirs], self.labels, self.styled) {
            Merged::Unknown => Err(Stop::Ask(Asked::Repetitive)),
            Merged::Conflict(_) if self.styled => Err(Stop::Ask(Asked::Style)),
            Merged::Clean(text) => Ok((self.kept(Kind::Blob, &text)?, None)),
            Merged::Conflict(text) => Ok((self.kept(Kind::Blob, &text)?, Some(Problem::Lines))),
        }
    }

    /// The name of an object, which is written if that is wanted.
    fn kept(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, GitError> {
        let named = if self.keep {
            self.repo.gix.objects.write_buf(kind, bytes)
        } else {
            gix::objs::compute_hash(self.repo.gix.object_hash(), kind, bytes)
        };
        named.map_err(GitError::gix("name a merged object"))
    }
}

/// What is wrong with two contents.
enum Problem {
    /// Both changed the same lines.
    Lines,
    /// They have no lines.
    Binary,
}

fn changed_or_added(three: Three) -> ConflictKind {
    if three[0].is_some() { ConflictKind::Content } else { ConflictKind::AddAdd }
}

fn conflict(path: &BStr, kind: ConflictKind, three: Three) -> Conflict {
    let stage = |(kind, oid): Item| (u32::from(EntryMode::from(kind).value()), oid);
    Conflict {
        path: path.to_owned(),
        kind,
        listed: vec![path.to_owned()],
        beside: Vec::new(),
        stages: three.map(|item| item.map(stage)),
    }
}
