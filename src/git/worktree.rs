//! The worktrees of a repository: who has which branch checked out, and where.

use std::borrow::Cow;
use std::path::Path;
use std::path::PathBuf;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::paths;
use super::paths::there;
use super::repo::Head;
use super::repo::Repo;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::text;

mod add;
mod clear;
mod folder;
mod pool;
mod remove;

pub use add::NewWorktree;
pub use clear::Cleared;
pub use pool::Pool;
pub use remove::Discard;
pub use remove::Removal;

/// One checkout of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// Its top folder.
    pub path: PathBuf,
    /// The name by which git registers it; nothing for the main checkout.
    pub name: Option<BString>,
    /// Where its HEAD is; nothing when it cannot be read.
    pub head: Option<Head>,
    /// Why it is locked against pruning and removal, if it is; made safe to show.
    pub locked: Option<String>,
    /// Its own folder inside the repository.
    pub private_dir: PathBuf,
    /// Whether its top folder is gone.
    pub missing: bool,
}

impl Worktree {
    /// Whether a branch (its full name) is this checkout's own: checked out, or to be put back at the end of a rebase
    /// or bisect. What cannot be read counts as a yes.
    pub fn uses(&self, branch: &str) -> bool {
        let Some(head) = &self.head else { return true };
        if head.branch() == Some(branch) {
            return true;
        }
        ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"].iter().any(|file| {
            match atomic::read(&self.private_dir.join(file)) {
                Ok(None) => false,
                Ok(Some(name)) => {
                    let name = name.trim_ascii();
                    name == branch.as_bytes()
                        || branch.strip_prefix("refs/heads/").map(str::as_bytes) == Some(name)
                }
                Err(_) => true,
            }
        })
    }
}

/// One folder below `worktrees/`, as far as it has been written.
#[derive(Debug)]
struct Registration {
    private_dir: PathBuf,
    /// The `.git` file of its checkout; nothing when git died before it wrote where that is.
    dot_git: Option<PathBuf>,
}

impl Repo {
    /// All checkouts, the main one first; a bare repository has no main one.
    ///
    /// # Errors
    /// When the registrations cannot be read: a list with holes would look complete.
    pub fn worktrees(&self) -> Result<Vec<Worktree>, GitError> {
        let mut found = Vec::new();
        if let Some(path) = self.main_checkout()? {
            found.push(Worktree {
                missing: !there(&path)?,
                path,
                name: None,
                head: self.head_in(self.common_dir()),
                locked: None,
                private_dir: self.common_dir().to_owned(),
            });
        }
        for registration in self.registrations()? {
            let Some(dot_git) = registration.dot_git else { continue };
            let private_dir = registration.private_dir;
            let reason = atomic::read(&private_dir.join("locked"))?;
            found.push(Worktree {
                missing: !there(&dot_git)?,
                path: dot_git.parent().unwrap_or(&dot_git).to_owned(),
                name: private_dir.file_name().map(|name| paths::to_git(name.as_ref())).transpose()?,
                head: self.head_in(&private_dir),
                locked: reason.map(|reason| text::visible(reason.trim_ascii())),
                private_dir,
            });
        }
        Ok(found)
    }

    fn main_checkout(&self) -> Result<Option<PathBuf>, GitError> {
        if !self.is_linked() {
            return Ok(self.checkout().map(Path::to_owned));
        }
        let main = self.gix.main_repo().map_err(GitError::gix("open the main checkout"))?;
        Ok(main.workdir().filter(|_| !main.is_bare()).map(Path::to_owned))
    }

    /// Every registered worktree in the order of their names, half-made ones too.
    fn registrations(&self) -> Result<Vec<Registration>, GitError> {
        let folder = self.common_dir().join("worktrees");
        let failed = |source| FileError::new("read", &folder, source);
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let private_dir = entry.map_err(failed)?.path();
            if private_dir.is_dir() {
                let dot_git = place_of_dot_git(&private_dir)?;
                found.push(Registration { private_dir, dot_git });
            }
        }
        found.sort_by(|one, other| one.private_dir.cmp(&other.private_dir));
        Ok(found)
    }

    /// HEAD of a checkout by its private folder, without opening it: there may be hundreds.
    fn head_in(&self, private_dir: &Path) -> Option<Head> {
        let file = private_dir.join("HEAD");
        let name = match std::fs::read_link(&file) {
            // Very old repositories keep HEAD as a symbolic link.
            Ok(target) => paths::to_git(&target).ok()?,
            Err(_) => {
                let content = std::fs::read(&file).ok()?;
                match content.strip_prefix(b"ref:") {
                    Some(name) => BString::from(name.trim_ascii()),
                    None => return Some(Head::Detached(Oid::from_hex(content.trim_ascii()).ok()?)),
                }
            }
        };
        let name = name.to_str().ok()?;
        // Only branches are shared: any other name would be looked up in the wrong checkout.
        let commit = if name.starts_with("refs/heads/") { self.reference(name).ok()? } else { return None };
        Some(Head::Branch(name.to_owned(), commit))
    }
}

/// Where a registration says that its checkout's `.git` file is.
fn place_of_dot_git(private_dir: &Path) -> Result<Option<PathBuf>, GitError> {
    let content = atomic::read(&private_dir.join("gitdir"))?.unwrap_or_default();
    pointed_at(&content, private_dir)
}

/// The registration that the `.git` file in a folder names, if there is such a file.
fn registration_of(folder: &Path) -> Result<Option<PathBuf>, GitError> {
    let file = folder.join(".git");
    if !file.is_file() {
        return Ok(None);
    }
    let content = atomic::read(&file)?.unwrap_or_default();
    match content.strip_prefix(b"gitdir:") {
        Some(target) => pointed_at(target.trim_ascii_start(), folder),
        None => Ok(None),
    }
}

/// The path in a file of git's, which may be relative to the folder that the file is in.
fn pointed_at(content: &[u8], folder: &Path) -> Result<Option<PathBuf>, GitError> {
    let written = content.trim_end_with(|letter| letter == '\n' || letter == '\r');
    if written.is_empty() {
        return Ok(None);
    }
    let joined = folder.join(paths::from_git(written)?);
    let shortened = gix::path::normalize(joined.as_path().into(), folder).map(Cow::into_owned);
    Ok(Some(shortened.unwrap_or(joined)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing;
    use crate::git::testing::Sandbox;

    #[test]
    fn worktrees_are_listed_with_the_main_checkout_first_and_also_when_their_folder_is_gone() {
        let sandbox = Sandbox::new();
        let first = sandbox.repo().head().unwrap().commit().unwrap();
        sandbox.git(&["worktree", "add", "-q", "-b", "topic", "../with space\nand line"]);
        sandbox.git(&[
            "worktree",
            "add",
            "-q",
            "--detach",
            "--lock",
            "--reason",
            "away \u{1b}[1m",
            "../gone",
        ]);
        std::fs::remove_dir_all(sandbox.root().join("gone")).unwrap();

        let found = Repo::open(&sandbox.root().join("with space\nand line")).unwrap().worktrees().unwrap();
        let paths: Vec<_> = found.iter().map(|one| one.path.clone()).collect();
        assert_eq!(paths, ["main", "gone", "with space\nand line"].map(|name| sandbox.root().join(name)));
        assert_eq!(found[0].head, Some(Head::Branch("refs/heads/main".into(), Some(first))));
        assert_eq!(found[1].head, Some(Head::Detached(first)));
        assert_eq!(found[2].head, Some(Head::Branch("refs/heads/topic".into(), Some(first))));
        assert_eq!(found.iter().map(|one| one.missing).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(found[1].locked.as_deref(), Some("away \\x1b[1m"));
        assert_eq!(found.iter().map(|one| one.name.is_none()).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(found[2].private_dir, sandbox.main().join(".git/worktrees/with-space-and-line"));
        assert_eq!(sandbox.repo().worktrees().unwrap(), found, "the same from every checkout");
    }

    #[test]
    fn a_bare_repository_has_no_main_checkout_and_an_unreadable_head_is_unknown() {
        let sandbox = Sandbox::new();
        testing::run(&sandbox.root(), &["clone", "-q", "--bare", "main", "bare.git"]);
        let bare = Repo::open(&sandbox.root().join("bare.git")).unwrap();
        testing::run(bare.common_dir(), &["worktree", "add", "-q", "../topic"]);
        assert_eq!(bare.worktrees().unwrap().len(), 1);
        let private = bare.worktrees().unwrap()[0].private_dir.clone();
        testing::write(&private.join("HEAD"), "what is this\n");
        let found = bare.worktrees().unwrap();
        assert_eq!(found[0].head, None);
        assert!(found[0].uses("refs/heads/any"), "what cannot be read may be in use");
    }

    #[test]
    fn a_branch_in_a_rebase_is_in_use_although_head_is_detached() {
        let sandbox = Sandbox::new();
        sandbox.git(&["switch", "-q", "-c", "topic"]);
        sandbox.write("README.md", "topic\n");
        sandbox.commit("topic");
        sandbox.git(&["switch", "-q", "main"]);
        assert!(!sandbox.repo().worktrees().unwrap()[0].uses("refs/heads/topic"));
        sandbox.write("README.md", "main\n");
        sandbox.commit("main");
        sandbox.git(&["switch", "-q", "topic"]);
        let rebase =
            crate::git::run::Git::at(&sandbox.main()).args(["rebase", "-q", "main"]).answer().unwrap();
        assert!(!rebase.status.success(), "the rebase stops at its conflict");
        let main = &sandbox.repo().worktrees().unwrap()[0];
        assert_eq!(main.head.as_ref().unwrap().branch(), None);
        assert!(main.uses("refs/heads/topic"));
    }
}
