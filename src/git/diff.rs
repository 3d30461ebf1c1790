//! What changed between two trees, and what a commit changed itself.

use std::collections::BTreeSet;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::diff::tree::Recorder;
use gix::diff::tree::State;
use gix::diff::tree::recorder::Change as Record;
use gix::objs::FindExt;
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;
use gix::objs::tree::EntryMode;

use super::Oid;
use super::error::GitError;
use super::lineage::Lineage;
use super::repo::Repo;

/// One file, link or submodule that is not on both sides the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it is, from the top folder.
    pub path: BString,
    /// What was there; nothing when it is new.
    pub old: Option<(EntryKind, Oid)>,
    /// What is there now; nothing when it is gone.
    pub new: Option<(EntryKind, Oid)>,
}

/// What one commit changed itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnChanges {
    /// An ordinary commit against its parent, or a first commit against nothing.
    Ordinary(Vec<Change>),
    /// A merge, in which most changes are others' work brought together.
    Merge {
        /// The commits that it merged, in its order.
        parents: Vec<Oid>,
        /// What is different from the first parent: what the merge did to the branch that it is on.
        from_first: Vec<Change>,
        /// The paths that are different from every parent: what was written in the merge itself.
        by_hand: Vec<BString>,
    },
}

impl Repo {
    /// The files, links and submodules that differ between two trees, by path; without `old`, all of `new`.
    ///
    /// A rename is a deletion and an addition, a file that becomes a folder a deletion and additions.
    ///
    /// # Errors
    /// When a tree is missing or broken.
    pub fn changes_between(&self, old: Option<Oid>, new: Oid) -> Result<Vec<Change>, GitError> {
        self.changes_below(BStr::new(""), old, Some(new))
    }

    /// What a commit changed against its parents.
    ///
    /// At the end of a shallow clone's history a commit has no parents, as git shows it there too.
    ///
    /// # Errors
    /// When the commit, a parent or a tree is missing or broken.
    pub fn own_changes(&self, commit: Oid) -> Result<OwnChanges, GitError> {
        let tree = self.commit(commit)?.tree;
        let parents = Lineage::of(self)?.parents(commit)?;
        let against = |parent: Oid| self.changes_between(Some(self.commit(parent)?.tree), tree);
        match parents.as_slice() {
            [] => Ok(OwnChanges::Ordinary(self.changes_between(None, tree)?)),
            [parent] => Ok(OwnChanges::Ordinary(against(*parent)?)),
            [first, others @ ..] => {
                let from_first = against(*first)?;
                let mut by_hand: BTreeSet<&BString> = from_first.iter().map(|change| &change.path).collect();
                for parent in others {
                    if by_hand.is_empty() {
                        break;
                    }
                    let changed: BTreeSet<BString> =
                        against(*parent)?.into_iter().map(|change| change.path).collect();
                    by_hand.retain(|path| changed.contains(*path));
                }
                let by_hand = by_hand.into_iter().cloned().collect();
                Ok(OwnChanges::Merge { parents, from_first, by_hand })
            }
        }
    }

    /// As [`Repo::changes_between`], for trees that lie at `folder` (empty, or ending with a slash).
    pub(super) fn changes_below(
        &self,
        folder: &BStr,
        old: Option<Oid>,
        new: Option<Oid>,
    ) -> Result<Vec<Change>, GitError> {
        if old == new {
            return Ok(Vec::new());
        }
        let (mut old_bytes, mut new_bytes) = (Vec::new(), Vec::new());
        let old = self.tree_to_walk(old, &mut old_bytes)?;
        let new = self.tree_to_walk(new, &mut new_bytes)?;
        let mut recorder = Recorder::default();
        gix::diff::tree(old, new, State::default(), &self.gix.objects, &mut recorder)
            .map_err(GitError::gix("compare two trees"))?;
        let mut changes: Vec<Change> = recorder.records.into_iter().filter_map(file_change).collect();
        for change in &mut changes {
            change.path.splice(..0, folder.iter().copied());
        }
        // gix tells them folder by folder, level by level.
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }

    fn tree_to_walk<'a>(
        &self,
        tree: Option<Oid>,
        bytes: &'a mut Vec<u8>,
    ) -> Result<TreeRefIter<'a>, GitError> {
        match tree {
            Some(oid) if !oid.is_empty_tree() => self
                .gix
                .objects
                .find_tree_iter(&oid, bytes)
                .map_err(GitError::gix(format!("read tree {oid}"))),
            _ => Ok(TreeRefIter::from_bytes(&[], self.gix.object_hash())),
        }
    }
}

/// The change as we tell it; nothing when it is about folders, or about a mode that git holds for the same.
fn file_change(record: Record) -> Option<Change> {
    let file = |mode: EntryMode, oid: Oid| (!mode.is_tree()).then(|| (mode.kind(), oid));
    let (path, old, new) = match record {
        Record::Addition { entry_mode, oid, path, .. } => (path, None, file(entry_mode, oid)),
        Record::Deletion { entry_mode, oid, path, .. } => (path, file(entry_mode, oid), None),
        Record::Modification { previous_entry_mode, previous_oid, entry_mode, oid, path } => {
            (path, file(previous_entry_mode, previous_oid), file(entry_mode, oid))
        }
    };
    (old != new).then_some(Change { path, old, new })
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Checked;
    use super::super::scratch::Files;
    use super::super::scratch::Scratch;
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestRunner;
    use std::cell::Cell;

    /// One change as `git diff-tree -z` writes it in its raw form.
    fn raw(answer: &[u8]) -> Checked<Vec<Change>> {
        let mut changes = Vec::new();
        let mut fields = answer.split(|byte| *byte == 0);
        while let Some(head) = fields.next().filter(|field| !field.is_empty()) {
            let path = fields.next().ok_or("no path")?;
            let head = std::str::from_utf8(head)?.strip_prefix(':').ok_or("no colon")?;
            let [old_mode, new_mode, old, new, _] = head.split(' ').collect::<Vec<_>>()[..] else {
                return Err(head.into());
            };
            let side = |mode: &str, oid: &str| -> Checked<Option<(EntryKind, Oid)>> {
                let kind = match mode {
                    "000000" => return Ok(None),
                    "100644" => EntryKind::Blob,
                    "100755" => EntryKind::BlobExecutable,
                    "120000" => EntryKind::Link,
                    "160000" => EntryKind::Commit,
                    other => return Err(other.into()),
                };
                Ok(Some((kind, oid.parse()?)))
            };
            changes.push(Change { path: path.into(), old: side(old_mode, old)?, new: side(new_mode, new)? });
        }
        Ok(changes)
    }

    fn names(answer: &[u8]) -> Vec<BString> {
        answer.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(BString::from).collect()
    }

    fn kinds() -> impl Strategy<Value = (EntryKind, Vec<u8>)> {
        let file = prop_oneof![
            4 => Just(EntryKind::Blob),
            1 => Just(EntryKind::BlobExecutable),
            1 => Just(EntryKind::Link)
        ];
        let submodule = (1u8..3).prop_map(|byte| (EntryKind::Commit, vec![byte; 20]));
        prop_oneof![6 => (file, "[xyz]".prop_map(String::into_bytes)), 1 => submodule]
    }

    /// Names that sort differently as files and as folders, and that are both in different trees.
    fn files() -> impl Strategy<Value = Files> {
        let path = prop::collection::vec(prop::sample::select(vec!["a", "a.b", "a-b", "b", "b0"]), 1..4)
            .prop_map(|parts| parts.join("/"));
        prop::collection::vec((path, kinds()), 0..12).prop_map(|found| {
            let mut files = Files::new();
            for (path, entry) in found {
                let below = format!("{path}/");
                let is_inside = |other: &String| path.starts_with(&format!("{other}/"));
                if !files.keys().any(|other| other.starts_with(&below) || is_inside(other)) {
                    files.insert(path, entry);
                }
            }
            files
        })
    }

    #[test]
    fn two_trees_differ_as_git_says_they_differ() -> Checked {
        let scratch = Scratch::new()?;
        let seen = Cell::new(0);
        TestRunner::new(Config::with_cases(60)).run(&(files(), files()), |(old, new)| {
            let check = || -> Checked<usize> {
                let (old, new) = (scratch.tree(&old)?, scratch.tree(&new)?);
                let told = scratch.repo().changes_between(Some(old), new)?;
                let arguments = ["diff-tree", "-r", "-z", "--no-renames", &old.to_string(), &new.to_string()];
                assert_eq!(told, raw(&scratch.git(&arguments)?)?);
                Ok(told.len())
            };
            let told = check().map_err(|error| TestCaseError::fail(error.to_string()))?;
            seen.set(seen.get().max(told));
            Ok(())
        })?;
        assert!(seen.get() > 5, "the trees hardly differed: {seen:?}");
        Ok(())
    }

    #[test]
    fn a_commit_changed_what_git_says_it_changed() -> Checked {
        let scratch = Scratch::new()?;
        let history = prop::collection::vec((files(), prop::collection::vec(0usize..9, 0..3)), 2..8);
        let by_hand_seen = Cell::new(0);
        TestRunner::new(Config::with_cases(12)).run(&history, |history| {
            let check = || -> Checked<usize> {
                let mut commits: Vec<Oid> = Vec::new();
                let mut by_hand_seen = 0;
                for (time, (files, parents)) in history.iter().enumerate() {
                    let mut chosen: Vec<Oid> = Vec::new();
                    for parent in parents {
                        if let Some(oid) = commits.get(parent % commits.len().max(1))
                            && !chosen.contains(oid)
                        {
                            chosen.push(*oid);
                        }
                    }
                    let commit = scratch.commit(scratch.tree(files)?, &chosen, i64::try_from(time)?, "c")?;
                    commits.push(commit);
                    let name = commit.to_string();
                    let ask = |more: &[&str]| {
                        let first = ["diff-tree", "-r", "-z", "--no-renames", "--no-commit-id"];
                        scratch.git(&[&first, more].concat())
                    };
                    match scratch.repo().own_changes(commit)? {
                        OwnChanges::Ordinary(changes) => {
                            assert!(chosen.len() < 2);
                            assert_eq!(changes, raw(&ask(&["--root", &name])?)?);
                        }
                        OwnChanges::Merge { parents, from_first, by_hand } => {
                            assert_eq!(parents, chosen);
                            assert_eq!(from_first, raw(&ask(&[&chosen[0].to_string(), &name])?)?);
                            assert_eq!(by_hand, names(&ask(&["-c", "--name-only", &name])?));
                            by_hand_seen += by_hand.len();
                        }
                    }
                }
                Ok(by_hand_seen)
            };
            let told = check().map_err(|error| TestCaseError::fail(error.to_string()))?;
            by_hand_seen.set(by_hand_seen.get() + told);
            Ok(())
        })?;
        assert!(by_hand_seen.get() > 0, "no merge had a change of its own");
        Ok(())
    }

    #[test]
    fn all_of_a_first_tree_is_new_and_names_need_not_be_text() -> Checked {
        let scratch = Scratch::new()?;
        let blob = scratch.repo().write_blob(b"x")?;
        let entry = |name: &[u8]| super::super::objects::Entry {
            name: name.into(),
            kind: EntryKind::Blob,
            oid: blob,
        };
        let tree = scratch.repo().write_tree(&[entry(b"\x01\n"), entry(b"\xff")])?;
        let told = scratch.repo().changes_between(None, tree)?;
        let new = |path: &[u8]| Change { path: path.into(), old: None, new: Some((EntryKind::Blob, blob)) };
        assert_eq!(told, [new(b"\x01\n"), new(b"\xff")]);
        Ok(())
    }

    #[test]
    fn a_missing_tree_is_an_error_and_not_an_empty_one() -> Checked {
        let scratch = Scratch::new()?;
        let tree = scratch.tree(&Files::new())?;
        let missing = Oid::from_hex(b"1234567890123456789012345678901234567890")?;
        let error = scratch.repo().changes_between(Some(tree), missing).map_err(|error| error.to_string());
        assert_eq!(error, Err("cannot read tree 1234567890123456789012345678901234567890".to_owned()));
        assert!(scratch.repo().changes_between(Some(missing), tree).is_err());
        assert!(scratch.repo().own_changes(missing).is_err());
        Ok(())
    }

    #[test]
    fn a_shallow_boundary_commit_is_a_first_commit_as_for_git() -> Checked {
        let scratch = Scratch::new()?;
        scratch.write("a", "1")?;
        scratch.commit_all("one")?;
        scratch.write("b", "2")?;
        let second = scratch.commit_all("two")?;
        let clone = scratch.cloned(&["--depth", "1"])?;
        let OwnChanges::Ordinary(changes) = clone.repo().own_changes(second)? else {
            return Err("not a merge".into());
        };
        let answer =
            clone.git(&["diff-tree", "-r", "-z", "--root", "--no-commit-id", &second.to_string()])?;
        assert_eq!(changes, raw(&answer)?);
        assert_eq!(changes.len(), 2);
        Ok(())
    }
}
