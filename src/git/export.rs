//! A tree as files in a folder of nobody's, and a file from there back into the object store.

use std::ffi::OsString;
use std::path::PathBuf;

use gix::bstr::BStr;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::paths;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;

/// The files of a tree in a folder that is no repository and no worktree. It is gone when this is dropped.
#[derive(Debug)]
pub struct Exported {
    owner: tempfile::TempDir,
    /// Where git keeps the repository for the checkout in which it was asked.
    private: PathBuf,
}

impl Repo {
    /// Writes the files of a tree into a folder of nobody's, through the filters of a checkout.
    ///
    /// # Errors
    /// When git cannot write them.
    pub fn export(&self, tree: Oid) -> Result<Exported, GitError> {
        let exported = Exported { owner: nobodys_folder()?, private: self.private_dir().to_owned() };
        let place = exported.folder();
        std::fs::create_dir(&place).map_err(|source| FileError::new("make", &place, source))?;
        exported.git().args(["read-tree", &tree.to_string()]).run()?;
        exported.git().args(["checkout-index", "--all", "--quiet"]).run()?;
        Ok(exported)
    }
}

impl Exported {
    /// The folder with the files.
    pub fn folder(&self) -> PathBuf {
        self.owner.path().join("tree")
    }

    /// The blob of a file, through the filters by which git would add it; nothing when it is not there.
    ///
    /// # Errors
    /// When it is no file, or cannot be read.
    pub fn import(&self, path: &BStr) -> Result<Option<Oid>, GitError> {
        let name = paths::from_git(path)?;
        let Some(bytes) = atomic::read(&self.folder().join(&name))? else { return Ok(None) };
        let mut option = OsString::from("--path=");
        option.push(name);
        let git = self.git().args(["hash-object", "-w", "--stdin"]).arg(option);
        let answer = git.input(bytes).run()?;
        let odd = |_| GitError::Answer { command: "hash-object", answer: answer.as_bstr().to_string() };
        Oid::from_hex(answer.trim_ascii()).map(Some).map_err(odd)
    }

    /// git, for which this folder is the checkout, with an index of its own: also where the repository is bare.
    fn git(&self) -> Git {
        let folder = self.folder();
        let git = Git::at(&folder).env("GIT_DIR", &self.private).env("GIT_WORK_TREE", &folder);
        git.env("GIT_INDEX_FILE", self.owner.path().join("index"))
    }
}

/// A folder of nobody's, gone when it is dropped.
///
/// # Errors
/// When the system gives none.
pub fn nobodys_folder() -> Result<tempfile::TempDir, GitError> {
    let made = tempfile::Builder::new().prefix("git-odyssey-").tempdir();
    made.map_err(|source| FileError::new("make", "a temporary folder".as_ref(), source).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing;
    use crate::git::testing::Sandbox;

    #[test]
    fn a_tree_goes_out_and_a_file_comes_back_as_a_checkout_would_have_it() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitattributes", "*.txt text eol=crlf\n");
        sandbox.write("ä b/c.txt", "one\r\n");
        sandbox.write("run.sh", "#!/bin/sh\n");
        testing::make_executable(&sandbox.main().join("run.sh"));
        let tree = sandbox.repo().commit(sandbox.commit("files")).unwrap().tree;
        let index = std::fs::read(sandbox.main().join(".git/index")).unwrap();
        let repo = sandbox.repo();
        let exported = repo.export(tree).unwrap();
        let expected = testing::contents(&sandbox.main());
        assert_eq!(testing::contents(&exported.folder()), expected);
        assert_eq!(
            std::fs::read(sandbox.main().join(".git/index")).unwrap(),
            index,
            "the index is untouched"
        );
        let stored = repo.entry(tree, "ä b/c.txt".into()).unwrap().unwrap().1;
        assert_eq!(repo.blob(stored).unwrap(), b"one\n");
        assert_eq!(exported.import("ä b/c.txt".into()).unwrap(), Some(stored));
        assert_eq!(exported.import("nothing".into()).unwrap(), None);
        let folder = exported.folder();
        drop(exported);
        assert!(!folder.parent().unwrap().exists());
        testing::run(&sandbox.root(), &["clone", "-q", "--bare", "main", "bare"]);
        let bare = Repo::open(&sandbox.root().join("bare")).unwrap().export(tree).unwrap();
        assert_eq!(testing::contents(&bare.folder()), expected);
        assert_eq!(bare.import("ä b/c.txt".into()).unwrap(), Some(stored));
    }
}
