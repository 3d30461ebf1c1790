//! A tree as files in a folder of nobody's, and a file from there back into the object store.

use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::paths;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;

impl Repo {
    /// Writes the files of a tree into `folder`, through the filters of a checkout. The folder is no repository and no
    /// worktree; `index` is a file that git may use for the while.
    ///
    /// # Errors
    /// When git cannot write them.
    pub fn export(&self, tree: Oid, folder: &Path, index: &Path) -> Result<(), GitError> {
        let git = || Git::at(self.folder()).env("GIT_INDEX_FILE", index);
        git().args(["read-tree", "--empty"]).run()?;
        git().args(["read-tree", &tree.to_string()]).run()?;
        let mut prefix = std::ffi::OsString::from("--prefix=");
        prefix.push(folder);
        prefix.push("/");
        git().args(["checkout-index", "--all", "--quiet"]).arg(prefix).run().map(drop)
    }

    /// The blob of a file of `folder`, through the filters by which git would add it as `path`; nothing when it is not
    /// there.
    ///
    /// # Errors
    /// When it is no file, or cannot be read.
    pub fn import(&self, folder: &Path, path: &BStr) -> Result<Option<Oid>, GitError> {
        let name = paths::from_git(path)?;
        let Some(bytes) = atomic::read(&folder.join(&name))? else { return Ok(None) };
        let mut option = std::ffi::OsString::from("--path=");
        option.push(name);
        let git = Git::at(self.folder()).args(["hash-object", "-w", "--stdin"]).arg(option);
        let answer = git.input(bytes).run()?;
        let odd = |_| GitError::Answer { command: "hash-object", answer: answer.as_bstr().to_string() };
        Oid::from_hex(answer.trim_ascii()).map(Some).map_err(odd)
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
        let (folder, repo) = (nobodys_folder().unwrap(), sandbox.repo());
        let place = folder.path().join("tree");
        repo.export(tree, &place, &folder.path().join("index")).unwrap();
        let mut expected = testing::contents(&sandbox.main());
        expected.sort();
        assert_eq!(testing::contents(&place), expected);
        assert_eq!(
            std::fs::read(sandbox.main().join(".git/index")).unwrap(),
            index,
            "the index is untouched"
        );
        let stored = repo.entry(tree, "ä b/c.txt".into()).unwrap().unwrap().1;
        assert_eq!(repo.blob(stored).unwrap(), b"one\n");
        assert_eq!(repo.import(&place, "ä b/c.txt".into()).unwrap(), Some(stored));
        assert_eq!(repo.import(&place, "nothing".into()).unwrap(), None);
    }
}
