//! Places: where a task's workspace is, and where it is built.

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic::FileError;
use crate::domain::task::TaskName;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::git::worktree::Worktree;

/// Where all workspaces of a repository are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspaces {
    root: PathBuf,
}

impl Workspaces {
    /// The folder that `template` names: relative to the main checkout, `{repo}` standing for that folder's name.
    ///
    /// # Errors
    /// When the main checkout cannot be found out.
    pub fn of(repo: &Repo, template: &str) -> Result<Workspaces, GitError> {
        let home = home(repo)?;
        let name = home.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.strip_suffix(".git").filter(|stem| !stem.is_empty()).unwrap_or(&name).to_owned();
        Ok(Workspaces { root: plain(&home.join(template.replace("{repo}", &name))) })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether they are in a folder, links followed as far as there is something.
    pub fn are_below(&self, folder: &Path) -> bool {
        let Ok(folder) = folder.canonicalize() else { return true };
        let mut there = self.root.as_path();
        loop {
            match (there.canonicalize(), there.parent()) {
                (Ok(real), _) => return real.starts_with(&folder),
                (Err(_), Some(above)) => there = above,
                (Err(_), None) => return false,
            }
        }
    }

    /// Where a task's workspace is.
    pub fn path(&self, task: &TaskName) -> PathBuf {
        self.root.join(task.as_str())
    }

    /// Where a task's workspace is built: a sibling that nobody has been told of.
    ///
    /// No task has such a name, because names start with a letter or digit.
    pub fn building(&self, task: &TaskName) -> PathBuf {
        self.root.join(format!(".building-{task}"))
    }

    /// Where trees are kept for the next workspaces. No task has such a name.
    pub fn pool(&self) -> PathBuf {
        self.root.join(".pool")
    }
}

/// A path as a person wrote it, from the root and without `..`.
///
/// # Errors
/// When the current folder is gone.
pub fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    Ok(plain(&std::path::absolute(path).map_err(|source| FileError::new("find", path, source))?))
}

/// The main checkout, or the bare repository itself.
///
/// # Errors
/// When the list of worktrees cannot be read.
pub fn home(repo: &Repo) -> Result<PathBuf, GitError> {
    if !repo.is_linked() {
        return Ok(repo.folder().to_owned());
    }
    let main = repo.worktrees()?.into_iter().find(|worktree| worktree.name.is_none());
    Ok(main.map_or_else(|| repo.common_dir().to_owned(), |worktree| worktree.path))
}

/// The worktree that has a task's branch checked out, if any.
pub fn workspace_of<'a>(worktrees: &'a [Worktree], branch: &str) -> Option<&'a Worktree> {
    worktrees.iter().find(|worktree| worktree.head.as_ref().and_then(|head| head.branch()) == Some(branch))
}

/// A path without `.` and `..`, by its text alone: the folder need not exist yet.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_plain_by_its_text_alone() {
        assert_eq!(plain(Path::new("/a/b/../b.odyssey/./x")), Path::new("/a/b.odyssey/x"));
    }
}
