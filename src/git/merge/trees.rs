//! Trees merged that may be in no commit and in no store.

use gix::bstr::ByteSlice;

use super::Asked;
use super::Merge;
use super::confirm::told;
use super::drivers::Drivers;
use super::verdict::Ground;
use super::walk::Stop;
use super::walk::Walk;
use crate::base::clock::Timestamp;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::git::run::Git;

impl Repo {
    /// What merging two trees gives, with `base` as what both were made of. The trees, and all that is new in the merged
    /// one, are in the memory; nothing is written elsewhere.
    ///
    /// Merge drivers and attributes are those of this checkout. Where git has to be asked, it is shown the memory.
    ///
    /// # Errors
    /// When something cannot be read, or what git says.
    pub fn merge_trees(
        &self,
        memory: &mut Memory,
        base: Oid,
        ours: Oid,
        theirs: Oid,
    ) -> Result<Merge, GitError> {
        match self.merge_in_memory(memory, [base, ours, theirs])? {
            Ok(merge) => Ok(merge),
            Err(asked) => {
                tracing::debug!(%asked, "git is asked for the merge");
                self.merge_by_git(memory, [base, ours, theirs])
            }
        }
    }

    /// The merge, or why git has to be asked.
    fn merge_in_memory(&self, memory: &Memory, trees: [Oid; 3]) -> Result<Result<Merge, Asked>, GitError> {
        let ground = Ground::of(self)?;
        if ground.renormalizes() {
            return Ok(Err(Asked::Renormalized));
        }
        let mut drivers = Drivers::of(self);
        let mut walk = Walk {
            repo: memory.repo(),
            drivers: &mut drivers,
            labels: [b"ours", b"theirs"],
            styled: ground.is_styled(),
            keep: true,
        };
        Ok(match walk.merge(trees) {
            Ok(merge) => Ok(merge),
            Err(Stop::Ask(asked)) => Err(asked),
            Err(Stop::Failed(error)) => {
                tracing::debug!(%error, "cannot be merged here");
                Err(Asked::Unreadable)
            }
        })
    }

    /// git merges only commits: they are made up, and are in the memory too.
    fn merge_by_git(&self, memory: &mut Memory, [base, ours, theirs]: [Oid; 3]) -> Result<Merge, GitError> {
        let made_up = |tree: Oid, parents: &[Oid]| {
            memory.repo().write_commit(tree, parents, b"made up\n".as_bstr(), Timestamp::UNIX_EPOCH)
        };
        let base = made_up(base, &[])?;
        let sides = [made_up(ours, &[base])?, made_up(theirs, &[base])?];
        let git = Git::at(self.folder()).args(["merge-tree", "--write-tree", "-z", "--messages"]);
        let merge = told(memory.shown_to(git)?, sides)?;
        memory.gather()?;
        Ok(merge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::merge::ConflictKind;
    use crate::git::objects::Entry;
    use crate::git::objects::EntryKind;
    use crate::git::testing::Sandbox;

    fn tree(memory: &Memory, files: &[(&str, &str)]) -> Oid {
        let entry = |(name, text): &(&str, &str)| {
            let oid = memory.repo().write_blob(text.as_bytes()).unwrap();
            Entry { name: (*name).into(), kind: EntryKind::Blob, oid }
        };
        memory.repo().write_tree(&files.iter().map(entry).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn trees_in_memory_are_merged_there_and_the_store_stays_as_it_was() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let before = sandbox.git(&["count-objects", "-v"]);
        let mut memory = Memory::over(&repo);
        let lines = "1\n2\n3\n4\n5\n6\n7\n";
        let base = tree(&memory, &[("file", lines)]);
        let ours = tree(&memory, &[("file", &lines.replace('1', "one"))]);
        let theirs = tree(&memory, &[("file", &lines.replace('7', "seven")), ("new", "new\n")]);
        let merge = repo.merge_trees(&mut memory, base, ours, theirs).unwrap();
        assert!(merge.is_clean());
        let merged = lines.replace('1', "one").replace('7', "seven");
        assert_eq!(merge.tree, tree(&memory, &[("file", &merged), ("new", "new\n")]));
        assert_eq!(memory.repo().tree(merge.tree).unwrap().len(), 2, "it can be read");
        let other = tree(&memory, &[("file", &lines.replace('1', "uno"))]);
        let merge = repo.merge_trees(&mut memory, base, ours, other).unwrap();
        assert_eq!(merge.conflicts[0].kind, ConflictKind::Content);
        assert_eq!(sandbox.git(&["count-objects", "-v"]), before);
    }

    #[test]
    fn git_is_asked_with_made_up_commits_and_its_tree_can_be_read() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let before = sandbox.git(&["count-objects", "-v"]);
        let mut memory = Memory::over(&repo);
        let lines = "1\n2\n3\n4\n5\n6\n7\n";
        let base = tree(&memory, &[("old", lines)]);
        let ours = tree(&memory, &[("new", lines)]);
        let theirs = tree(&memory, &[("old", &lines.replace('7', "seven"))]);
        let known = repo.merge_in_memory(&memory, [base, ours, theirs]).unwrap();
        assert_eq!(known, Err(Asked::Renames));
        let merge = repo.merge_trees(&mut memory, base, ours, theirs).unwrap();
        assert!(merge.is_clean());
        let read = memory.repo().tree(merge.tree).unwrap();
        assert_eq!(read[0].name, "new");
        assert_eq!(memory.repo().blob(read[0].oid).unwrap(), lines.replace('7', "seven").into_bytes());
        assert_eq!(sandbox.git(&["count-objects", "-v"]), before);
    }
}
