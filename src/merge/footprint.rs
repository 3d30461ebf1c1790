//! What a party changed, and whether that can meet what another one changed: only then a merge can tell anything.

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::git::BStr;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::objects::EntryKind;

/// The changes of one party against a base.
#[derive(Debug, Default)]
pub struct Footprint {
    /// What is there now, by path; nothing where it is gone.
    paths: BTreeMap<BString, Option<(EntryKind, Oid)>>,
    /// The folders above all of them.
    folders: HashSet<BString>,
    /// The folders above what is gone.
    emptied: HashSet<BString>,
    /// The folders above what is new.
    filled: HashSet<BString>,
}

impl Footprint {
    /// The footprint of these changes.
    pub fn of(changes: &[Change]) -> Footprint {
        let mut footprint = Footprint::default();
        for change in changes {
            let above: Vec<BString> = folders(change.path.as_bstr()).map(BStr::to_owned).collect();
            if change.new.is_none() {
                footprint.emptied.extend(above.iter().cloned());
            }
            if change.old.is_none() {
                footprint.filled.extend(above.iter().cloned());
            }
            footprint.folders.extend(above);
            footprint.paths.insert(change.path.clone(), change.new);
        }
        footprint
    }

    /// The changed paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &BStr> {
        self.paths.keys().map(|path| path.as_bstr())
    }

    /// Whether merging the two could be anything but taking the changes of both.
    ///
    /// It can where both changed a path, where one has a file in place of the other's folder, and where one has moved things
    /// out of a folder that the other added to, or into one: then git may move the additions too. A rename is a deletion
    /// and an addition here, so a change at either end of it meets it.
    pub fn meets(&self, other: &Footprint) -> bool {
        let (few, many) = if self.paths.len() <= other.paths.len() { (self, other) } else { (other, self) };
        few.paths.keys().any(|path| many.paths.contains_key(path))
            || self.paths.keys().any(|path| other.folders.contains(path))
            || other.paths.keys().any(|path| self.folders.contains(path))
            || self.may_move_additions_of(other)
            || other.may_move_additions_of(self)
    }

    /// Whether this one's renames of folders could take along what the other added.
    fn may_move_additions_of(&self, other: &Footprint) -> bool {
        self.emptied.iter().any(|folder| other.filled.contains(folder))
    }

    /// The paths that both changed, each in its own way.
    pub fn both(&self, other: &Footprint) -> Vec<BString> {
        let differs = |(path, new): &(&BString, &Option<(EntryKind, Oid)>)| {
            other.paths.get(*path).is_some_and(|theirs| theirs != *new)
        };
        self.paths.iter().filter(differs).map(|(path, _)| path.clone()).collect()
    }
}

/// The folders above a path, the topmost first.
fn folders(path: &BStr) -> impl Iterator<Item = &BStr> {
    path.find_iter("/").map(|end| path[..end].as_bstr())
}
