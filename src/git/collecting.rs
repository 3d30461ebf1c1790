//! Collecting: keeping what was written just now from a `git gc` that runs at this moment.
//!
//! A collection looks once at what refs reach, and then removes what it found unreached, however young that is when it was
//! asked to (`--prune=now`). What is written meanwhile, and gets its ref meanwhile, may be removed all the same. Only packs
//! that are marked to be kept are safe from that; so while a collection runs, whatever a ref of ours is to reach goes into
//! such a pack first. A ref never moves to what is gone already.

use std::path::PathBuf;
use std::time::Duration;

use gix::objs::Kind;
use gix::objs::Write;

use super::Oid;
use super::error::GitError;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;

/// How old git lets the mark of a running collection be before it takes it for that of a killed one.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// An object that was written just now.
#[derive(Debug)]
pub struct Young {
    oid: Oid,
    kind: Kind,
    bytes: Vec<u8>,
}

/// How often a pack is tried before its objects count as gone.
const TRIES: usize = 5;

impl Repo {
    /// Moves refs to commits, by `moves`, so that a collection which runs at this moment takes nothing of them.
    ///
    /// # Errors
    /// [`GitError::Collected`] when it has taken something already; else the error of `moves`.
    pub(super) fn kept_while<T>(
        &self,
        new: &[Oid],
        moves: impl FnOnce() -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        if !self.is_collected() {
            return moves();
        }
        let mut mark = self.keep_in_a_pack(new);
        for _ in 1..TRIES {
            // It takes packs too that are only being written, and the objects may be there still.
            if !matches!(mark, Err(GitError::Collected(_))) {
                break;
            }
            mark = self.keep_in_a_pack(new);
        }
        let mark = mark?;
        let moved = moves();
        // Once a ref reaches it, it needs no mark; a pack whose mark stays is only never packed anew.
        if let Some(mark) = mark {
            atomic::remove(&mark)?;
        }
        moved
    }

    /// Copies of objects that were written just now, for [`Repo::put_back`].
    ///
    /// # Errors
    /// [`GitError::Collected`] when one of them is gone already.
    pub fn copies(&self, written: &[Oid]) -> Result<Vec<Young>, GitError> {
        let copy = |oid: &Oid| {
            let found =
                self.gix.try_find_object(*oid).map_err(GitError::gix(format!("read object {oid}")))?;
            let mut object = found.ok_or(GitError::Collected(*oid))?;
            Ok(Young { oid: *oid, kind: object.kind, bytes: std::mem::take(&mut object.data) })
        };
        written.iter().map(copy).collect()
    }

    /// Puts objects back that a collection has taken although a ref reaches them by now: it began, and looked, between the
    /// last look at it here and the ref's move.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put_back(&self, young: &[Young]) -> Result<(), GitError> {
        let is_gone = |one: &&Young| !self.has(one.oid);
        for _ in 0..TRIES {
            for one in young.iter().filter(is_gone) {
                let written = self.gix.objects.write_buf(one.kind, &one.bytes);
                written.map_err(GitError::gix(format!("write object {}", one.oid)))?;
            }
            let whole = !young.iter().any(|one| is_gone(&one));
            if whole && (!self.is_collected() || self.pack(young).is_ok()) {
                return Ok(());
            }
        }
        young.iter().find(is_gone).map_or(Ok(()), |one| Err(GitError::Collected(one.oid)))
    }

    /// Packs objects that a ref reaches, where no collection looks that has begun already.
    fn pack(&self, young: &[Young]) -> Result<(), GitError> {
        let list: String = young.iter().map(|one| format!("{}\n", one.oid)).collect();
        let git = |words: &[&str]| Git::at(self.common_dir()).args(words);
        let pack = git(&["pack-objects", "--stdout", "--quiet"]).input(list).run()?;
        git(&["index-pack", "--stdin"]).input(pack).run().map(drop)
    }

    /// Whether a `git gc` runs at this moment, or was killed not long ago.
    fn is_collected(&self) -> bool {
        let mark = self.common_dir().join("gc.pid").metadata().and_then(|metadata| metadata.modified());
        mark.is_ok_and(|begun| begun.elapsed().map_or(true, |age| age < LONGEST))
    }

    /// Packs what these reach and no ref does. Answers the file that marks the pack to be kept; nothing where there is nothing
    /// to pack.
    fn keep_in_a_pack(&self, new: &[Oid]) -> Result<Option<PathBuf>, GitError> {
        let git = |words: &[&str]| Git::at(self.common_dir()).args(words);
        // A ref that is broken already is not what this is about.
        let list = git(&["rev-list", "--objects", "--ignore-missing"]).args(new.iter().map(Oid::to_string));
        let list = list.args(["--not", "--all"]).run().map_err(|error| collected(error, new))?;
        let mut mark = None;
        if !list.is_empty() {
            let pack = git(&["pack-objects", "--stdout", "--quiet"]).input(list);
            let pack = pack.run().map_err(|error| collected(error, new))?;
            // Marks it before it is there.
            let answer = git(&["index-pack", "--stdin", "--keep=git odyssey"]).input(pack).run();
            let answer = answer.map_err(|error| collected(error, new))?;
            let name = String::from_utf8_lossy(&answer).trim().rsplit('\t').next().map(str::to_owned);
            let name = name.unwrap_or_default();
            mark = Some(self.common_dir().join("objects/pack").join(format!("pack-{name}.keep")));
        }
        match new.iter().find(|oid| !self.has(**oid)) {
            Some(gone) => Err(GitError::Collected(*gone)),
            None => Ok(mark),
        }
    }
}

/// What a git that did not find all objects stands for.
fn collected(error: GitError, new: &[Oid]) -> GitError {
    match (error, new.first()) {
        (GitError::Command { .. }, Some(first)) => GitError::Collected(*first),
        (error, _) => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::git::Oid;
    use crate::git::error::GitError;
    use crate::git::refs::Expect;
    use crate::git::testing::Sandbox;
    use crate::git::testing::write;

    fn packs(sandbox: &Sandbox, extension: &str) -> usize {
        let entries = std::fs::read_dir(sandbox.main().join(".git/objects/pack")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(extension)).count()
    }

    fn commit(sandbox: &Sandbox) -> Oid {
        let repo = sandbox.repo();
        let head = repo.reference("HEAD").unwrap().unwrap();
        let tree = repo.commit(head).unwrap().tree;
        repo.write_commit(tree, &[head], "new".into(), "2026-11-24T12:00:00Z".parse().unwrap()).unwrap()
    }

    fn loose(sandbox: &Sandbox, oid: Oid) -> std::path::PathBuf {
        let hex = oid.to_string();
        sandbox.main().join(".git/objects").join(&hex[..2]).join(&hex[2..])
    }

    #[test]
    fn while_a_collection_runs_what_a_ref_moves_to_is_in_a_pack_and_the_rest_is_not() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let quiet = commit(&sandbox);
        repo.edit("refs/odyssey/x", Expect::Absent, quiet).unwrap();
        assert_eq!(packs(&sandbox, ".pack"), 0, "nothing collects");
        write(&sandbox.main().join(".git/gc.pid"), "1 here");
        sandbox.git(&["commit", "--quiet", "--allow-empty", "-m", "moves on"]);
        let new = commit(&sandbox);
        repo.edit("refs/odyssey/x", Expect::At(quiet), new).unwrap();
        assert_eq!((packs(&sandbox, ".pack"), packs(&sandbox, ".keep")), (1, 0));
        // As a collection does that has looked before the ref moved.
        std::fs::remove_file(loose(&sandbox, new)).unwrap();
        assert_eq!(sandbox.repo().commit(new).unwrap().message, "new");
        assert_eq!(sandbox.git(&["fsck", "--strict", "--no-dangling"]), "");
        repo.edit("refs/odyssey/y", Expect::Absent, new).unwrap();
        assert_eq!(packs(&sandbox, ".pack"), 1, "a ref has it already");
    }

    #[test]
    fn what_was_taken_after_its_ref_moved_is_put_back() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let new = commit(&sandbox);
        let young = repo.copies(&[new]).unwrap();
        repo.edit("refs/odyssey/x", Expect::Absent, new).unwrap();
        write(&sandbox.main().join(".git/gc.pid"), "1 here");
        std::fs::remove_file(loose(&sandbox, new)).unwrap();
        repo.put_back(&young).unwrap();
        std::fs::remove_file(loose(&sandbox, new)).unwrap();
        assert_eq!(sandbox.repo().commit(new).unwrap().message, "new", "it is in a pack too");
        assert_eq!(sandbox.git(&["fsck", "--strict", "--no-dangling"]), "");
    }

    #[test]
    fn no_ref_moves_to_what_a_collection_has_taken() {
        let sandbox = Sandbox::new();
        write(&sandbox.main().join(".git/gc.pid"), "1 here");
        let new = commit(&sandbox);
        std::fs::remove_file(loose(&sandbox, new)).unwrap();
        let error = sandbox.repo().edit("refs/odyssey/x", Expect::Absent, new).unwrap_err();
        assert!(matches!(error, GitError::Collected(oid) if oid == new), "{error}");
        assert_eq!(sandbox.repo().reference("refs/odyssey/x").unwrap(), None);
    }
}
