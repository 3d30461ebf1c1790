//! Objects that are in no store: a repository that can be written to while nothing of it changes on the disk.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use gix::bstr::ByteSlice;
use gix::objs::Write;
use gix::odb::loose;
use gix::odb::memory::Storage;

use super::Oid;
use super::error::GitError;
use super::paths;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic::FileError;

/// Objects in memory, over those of one repository.
///
/// All checkouts of the repository share one: a tree that was made of one checkout's files can be merged with another's.
/// What is written through [`Memory::repo`] stays here and is gone with it. git itself sees the objects in the commands
/// that went through [`Memory::shown_to`], and what these wrote is read by [`Memory::gather`].
#[derive(Debug)]
pub struct Memory {
    view: Repo,
    shown: Option<Shown>,
}

/// A temporary store on the disk, for git to read; removed when dropped.
#[derive(Debug)]
struct Shown {
    folder: tempfile::TempDir,
    /// The objects that are in both, here and there.
    known: HashSet<Oid>,
}

impl Memory {
    /// A memory over the objects of a repository, from whichever of its checkouts it was opened.
    ///
    /// It is empty, or begins with the objects of another memory, where it is laid over that one's [`Memory::repo`].
    pub fn over(repo: &Repo) -> Memory {
        let mut view = repo.clone();
        view.gix.objects.enable_object_memory();
        view.in_memory = true;
        Memory { view, shown: None }
    }

    /// The repository with these objects in it. What is written through it stays in memory.
    ///
    /// Its methods that run git do not show git these objects.
    pub fn repo(&self) -> &Repo {
        &self.view
    }

    /// How many objects there are.
    pub fn count(&self) -> usize {
        self.view.gix.objects.num_objects_in_memory()
    }

    /// Takes in all objects of another memory over the same repository.
    ///
    /// # Errors
    /// When one cannot be kept.
    pub fn absorb(&mut self, mut other: Memory) -> Result<(), GitError> {
        let objects = other.view.gix.objects.take_object_memory().unwrap_or_default();
        for (oid, (kind, bytes)) in objects.iter() {
            let kept = self.view.gix.objects.write_buf_with_known_id(*kind, bytes, *oid);
            kept.map_err(GitError::gix(format!("keep object {oid}")))?;
        }
        Ok(())
    }

    /// The same command with all objects here known to git, and with git writing its new ones where they do no harm.
    ///
    /// # Errors
    /// When the temporary store cannot be written.
    pub fn shown_to(&mut self, git: Git) -> Result<Git, GitError> {
        let all = self.take();
        let wanted: Vec<Oid> = all.keys().copied().collect();
        self.view.gix.objects.set_object_memory(all);
        self.show(git, wanted)
    }

    /// As [`Memory::shown_to`], with no more than what these commits and trees are made of: each object is a file.
    ///
    /// # Errors
    /// When an object cannot be read, or the temporary store not written.
    pub fn shown_with(&mut self, git: Git, roots: &[Oid]) -> Result<Git, GitError> {
        let all = self.take();
        let wanted = reached(&all, roots, self.view.gix.object_hash());
        self.view.gix.objects.set_object_memory(all);
        self.show(git, wanted?)
    }

    fn show(&mut self, git: Git, wanted: Vec<Oid>) -> Result<Git, GitError> {
        let folder = self.lay_out(&wanted)?;
        let store = self.view.gix.objects.store_ref();
        // A store of objects that are only being received knows the others by its environment, which git does not get.
        let others = store.alternate_db_paths().map_err(GitError::gix("list the object stores"))?;
        let real: Vec<PathBuf> = std::iter::once(store.path().to_owned()).chain(others).collect();
        Ok(git
            .env("GIT_OBJECT_DIRECTORY", folder)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates(&real)?))
    }

    /// The objects themselves, which can only be looked through from outside. They have to be put back.
    fn take(&mut self) -> Storage {
        self.view.gix.objects.take_object_memory().unwrap_or_default()
    }

    /// Reads into memory what git wrote into the temporary store.
    ///
    /// # Errors
    /// When one of these objects cannot be read.
    pub fn gather(&mut self) -> Result<(), GitError> {
        let Some(shown) = &mut self.shown else { return Ok(()) };
        let store = store(shown.folder.path(), &self.view);
        let mut bytes = Vec::new();
        for oid in store.iter() {
            let oid = oid.map_err(GitError::gix("list the objects that git wrote"))?;
            if !shown.known.insert(oid) {
                continue;
            }
            let object =
                store.try_find(&oid, &mut bytes).map_err(GitError::gix(format!("read object {oid}")))?;
            let kind = object.ok_or(GitError::Missing(oid))?.kind;
            self.view
                .gix
                .objects
                .write_buf_with_known_id(kind, &bytes, oid)
                .map_err(GitError::gix(format!("keep object {oid}")))?;
        }
        Ok(())
    }

    /// Writes those of these objects that git has not been shown yet into the temporary store, and says where that is.
    fn lay_out(&mut self, wanted: &[Oid]) -> Result<PathBuf, GitError> {
        let objects = self.take();
        let written = self.write_out(&objects, wanted);
        self.view.gix.objects.set_object_memory(objects);
        written
    }

    fn write_out(&mut self, objects: &Storage, wanted: &[Oid]) -> Result<PathBuf, GitError> {
        let shown = match &mut self.shown {
            Some(shown) => shown,
            none => none.insert(Shown::new()?),
        };
        let store = store(shown.folder.path(), &self.view);
        for oid in wanted {
            let Some((kind, bytes)) = objects.get(oid).filter(|_| !shown.known.contains(oid)) else {
                continue;
            };
            store
                .write_buf_with_known_id(*kind, bytes, *oid)
                .map_err(GitError::gix("write a temporary object"))?;
            shown.known.insert(*oid);
        }
        Ok(shown.folder.path().to_owned())
    }
}

/// The objects in memory that these are made of. What is not in memory is made of nothing that is.
fn reached(objects: &Storage, roots: &[Oid], hash: gix::hash::Kind) -> Result<Vec<Oid>, GitError> {
    let mut open = roots.to_vec();
    let mut found = HashSet::new();
    while let Some(oid) = open.pop() {
        let Some((kind, bytes)) = objects.get(&oid) else { continue };
        if !found.insert(oid) {
            continue;
        }
        let doing = || GitError::gix(format!("read {oid} in memory"));
        match kind {
            gix::objs::Kind::Commit => {
                let commit = gix::objs::CommitRef::from_bytes(bytes, hash).map_err(doing())?;
                open.push(commit.tree());
                open.extend(commit.parents());
            }
            gix::objs::Kind::Tree => {
                let tree = gix::objs::TreeRef::from_bytes(bytes, hash).map_err(doing())?;
                open.extend(tree.entries.iter().map(|entry| entry.oid.to_owned()));
            }
            gix::objs::Kind::Blob | gix::objs::Kind::Tag => {}
        }
    }
    Ok(found.into_iter().collect())
}

impl Shown {
    fn new() -> Result<Shown, GitError> {
        let folder = tempfile::Builder::new().prefix("odyssey-objects-").tempdir();
        let failed = |source| FileError::new("make a folder in", &std::env::temp_dir(), source);
        Ok(Shown { folder: folder.map_err(failed)?, known: HashSet::new() })
    }
}

/// The temporary store as gix writes and reads it.
fn store(folder: &Path, repo: &Repo) -> loose::Store {
    loose::Store::at(folder, repo.gix.object_hash())
}

/// A list of stores as git reads it from its environment.
fn alternates(stores: &[PathBuf]) -> Result<OsString, GitError> {
    let mut list = Vec::new();
    for (position, path) in stores.iter().enumerate() {
        if position > 0 {
            list.push(if cfg!(windows) { b';' } else { b':' });
        }
        let path = std::path::absolute(path).map_err(|source| FileError::new("find", path, source))?;
        let path = paths::to_git(&path)?;
        // Quoted as in C: a folder's name may hold what parts the list.
        list.push(b'"');
        for &byte in path.iter() {
            if matches!(byte, b'"' | b'\\') {
                list.push(b'\\');
            }
            match byte {
                b'\n' => list.extend_from_slice(b"\\n"),
                _ => list.push(byte),
            }
        }
        list.push(b'"');
    }
    Ok(paths::from_git(list.as_bstr())?.into_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::git::objects::Entry;
    use crate::git::objects::EntryKind;
    use crate::git::testing;
    use crate::git::testing::Sandbox;

    /// A commit of one file in memory.
    fn made_up(memory: &Memory, content: &str) -> (Oid, Oid) {
        let repo = memory.repo();
        let oid = repo.write_blob(content.as_bytes()).unwrap();
        let entry = Entry { name: "new".into(), kind: EntryKind::Blob, oid };
        let tree = repo.write_tree(&[entry]).unwrap();
        let parents: Vec<Oid> = repo.head().unwrap().commit().into_iter().collect();
        (tree, repo.write_commit(tree, &parents, b"made up\n".as_bstr(), Timestamp::UNIX_EPOCH).unwrap())
    }

    #[test]
    fn what_is_written_in_memory_is_in_no_store_and_read_all_the_same() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let before = sandbox.git(&["count-objects", "-v"]);
        let memory = Memory::over(&repo);
        let (tree, commit) = made_up(&memory, "content\n");
        assert_eq!(memory.repo().commit(commit).unwrap().tree, tree);
        assert_eq!(memory.repo().file_at(commit, "new".into()).unwrap().unwrap(), b"content\n");
        assert_eq!(memory.count(), 3);
        assert!(Memory::over(memory.repo()).repo().has(commit), "a memory over another one has its objects");
        assert!(!repo.has(commit), "the repository itself does not know it");
        assert_eq!(sandbox.git(&["count-objects", "-v"]), before);
    }

    #[test]
    fn git_is_shown_the_objects_and_what_it_writes_comes_back_and_nothing_stays() {
        let sandbox = Sandbox::new();
        let mut memory = Memory::over(&sandbox.repo());
        let (_, first) = made_up(&memory, "one\n");
        let before = sandbox.git(&["count-objects", "-v"]);
        let ask = |memory: &mut Memory, arguments: &[&str]| {
            let git = memory.shown_to(Git::at(&sandbox.main()).args(arguments)).unwrap();
            String::from_utf8(git.run().unwrap()).unwrap().trim().to_owned()
        };
        assert_eq!(ask(&mut memory, &["show", &format!("{first}:new")]), "one");
        // A second one is shown too, in the same place.
        let (_, second) = made_up(&memory, "two\n");
        assert_eq!(ask(&mut memory, &["show", &format!("{second}:new")]), "two");
        let written = ask(&mut memory, &["merge-tree", "--write-tree", &first.to_string(), "HEAD"]);
        let written: Oid = written.parse().unwrap();
        memory.gather().unwrap();
        let names: Vec<_> =
            memory.repo().tree(written).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["new"], "README.md was deleted in the made up commit");
        assert_eq!(sandbox.git(&["count-objects", "-v"]), before);
        let folder = memory.shown.as_ref().unwrap().folder.path().to_owned();
        drop(memory);
        assert!(!folder.exists());
    }

    #[test]
    fn git_is_shown_no_more_than_what_it_is_asked_about() {
        let sandbox = Sandbox::new();
        let mut memory = Memory::over(&sandbox.repo());
        let (_, one) = made_up(&memory, "one\n");
        let (tree, two) = made_up(&memory, "two\n");
        let knows = |memory: &mut Memory, roots: &[Oid], oid: Oid| {
            let git = Git::at(&sandbox.main()).args(["cat-file", "-p", &format!("{oid}^{{tree}}:new")]);
            memory.shown_with(git, roots).unwrap().answer().unwrap().status.success()
        };
        assert!(!knows(&mut memory, &[], one));
        assert!(knows(&mut memory, &[one], one));
        assert!(!knows(&mut memory, &[one], two));
        assert!(knows(&mut memory, &[tree, two], two));
    }

    #[test]
    fn all_checkouts_share_one_memory_and_a_folder_may_have_any_name() {
        let sandbox = Sandbox::new();
        testing::run(&sandbox.root(), &["clone", "-q", "main", "odd: \"name\" ö\\x"]);
        let odd = sandbox.root().join("odd: \"name\" ö\\x");
        testing::run(&odd, &["worktree", "add", "-q", "--detach", "../linked"]);
        let linked = Repo::open(&sandbox.root().join("linked")).unwrap();
        let mut memory = Memory::over(&linked);
        let (_, commit) = made_up(&memory, "odd\n");
        let git = Git::at(&odd).args(["log", "--format=%s", &commit.to_string()]);
        let answer = memory.shown_to(git).unwrap().run().unwrap();
        assert_eq!(answer.to_str().unwrap(), "made up\nfirst\n", "its parent is in the real store");
    }
}
