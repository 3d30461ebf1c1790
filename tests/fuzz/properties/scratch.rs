//! An empty repository whose objects are in memory, so that nothing stays of a try.

use std::cell::RefCell;

use git_odyssey::git::Oid;
use git_odyssey::git::memory::Memory;
use git_odyssey::git::objects::Entry;
use git_odyssey::git::repo::Repo;
use gix::objs::Write;
use gix::objs::tree::EntryMode;
use gix::odb::loose;

/// A repository in a temporary folder; kept for all tries of one thread.
pub struct Scratch {
    folder: tempfile::TempDir,
    repo: Repo,
    loose: loose::Store,
    /// What was written as no program of ours would.
    odd: RefCell<Vec<Oid>>,
}

impl Scratch {
    /// Makes one: what git needs to take a folder for a repository, and no program is started.
    pub fn new() -> Scratch {
        let folder = tempfile::Builder::new().prefix("odyssey-fuzz-").tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            git_odyssey::base::atomic::put(&path, text.as_bytes()).unwrap();
        };
        put("HEAD", "ref: refs/heads/main\n");
        put("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
        put("objects/info/none", "");
        put("refs/none", "");
        std::fs::remove_file(folder.path().join("refs/none")).unwrap();
        let repo = Repo::open(folder.path()).unwrap();
        let loose = loose::Store::at(folder.path().join("objects"), gix::hash::Kind::Sha1);
        Scratch { folder, repo, loose, odd: RefCell::default() }
    }

    /// The same repository, empty again.
    pub fn memory(&self) -> Memory {
        let kept = self.folder.path().join("odyssey");
        if kept.exists() {
            std::fs::remove_dir_all(kept).unwrap();
        }
        for oid in self.odd.take() {
            let hex = oid.to_string();
            let path = self.folder.path().join("objects").join(&hex[..2]).join(&hex[2..]);
            std::fs::remove_file(path).ok();
        }
        Memory::over(&self.repo)
    }
}

thread_local! {
    static SCRATCH: Scratch = Scratch::new();
}

/// Writes a tree just as these entries say, in whatever order, as a hand can do. It is gone with the next try.
pub fn tree(entries: &[Entry]) -> Oid {
    let mut bytes = Vec::new();
    for Entry { name, kind, oid } in entries {
        bytes.extend_from_slice(EntryMode::from(*kind).as_bytes(&mut Default::default()));
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(oid.as_bytes());
    }
    SCRATCH.with(|scratch| {
        let oid = scratch.loose.write_buf(gix::objs::Kind::Tree, &bytes).unwrap();
        scratch.odd.borrow_mut().push(oid);
        oid
    })
}

/// Does something in an empty repository.
pub fn with<T>(what: impl FnOnce(&Repo) -> T) -> T {
    SCRATCH.with(|scratch| what(scratch.memory().repo()))
}
