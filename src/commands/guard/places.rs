//! Places: in which checkout a path really is, links followed.

use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::domain::task::TaskName;
use crate::git::repo::Repo;
use crate::workspace::copy;
use crate::workspace::place;

use super::super::Context;

/// How many links lead from one to the next at most.
const MOST_LINKS: usize = 40;

/// Where a path leads: its folder's real place, and its own when what is written goes through a link.
///
/// # Errors
/// When the current folder is gone.
pub fn real(path: &Path, follow: bool) -> Result<PathBuf, FileError> {
    let mut path = place::absolute(path)?;
    for _ in 0..MOST_LINKS {
        if follow && let Ok(real) = path.canonicalize() {
            return Ok(real);
        }
        let mut above = path.ancestors().skip(1);
        let known = above.find_map(|folder| Some((folder.to_owned(), folder.canonicalize().ok()?)));
        if let Some((folder, real)) = known {
            path = real.join(path.strip_prefix(&folder).unwrap_or(&path));
        }
        match path.read_link() {
            // A link to what is not there yet is written through as well.
            Ok(target) if follow => {
                let folder = path.parent().unwrap_or(&path).to_owned();
                path = place::absolute(&folder.join(target))?;
            }
            _ => return Ok(path),
        }
    }
    Ok(path)
}

/// The top folder of the checkout that a path is in, by the names on the way up; the path itself may be one.
pub fn top_of(path: &Path) -> Option<PathBuf> {
    let is_top = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
    path.ancestors().find(is_top).map(Path::to_owned)
}

/// The workspace that an agent works in, and may not leave.
#[derive(Debug)]
pub struct Bound {
    /// Its task.
    pub task: TaskName,
    /// Its top folder.
    pub top: PathBuf,
    /// The folder that its repository's checkouts share.
    common: PathBuf,
}

impl Bound {
    /// The workspace that a request was made in, or that of the task whose process makes it; else nothing.
    ///
    /// # Errors
    /// When whose it is cannot be read.
    pub fn of(context: &Context<'_>) -> Result<Option<Bound>, Failure> {
        let Some(mut top) = top_of(&real(&context.folder, true)?) else { return Ok(None) };
        let task = match (copy::workspace(&top)?, &context.told) {
            (Some((task, _)), _) => task,
            (None, None) => return Ok(None),
            (None, Some((told, _))) => {
                let worktrees = Repo::open(&top)?.worktrees()?;
                let mut own = None;
                for worktree in worktrees.into_iter().filter(|worktree| !worktree.missing) {
                    if copy::workspace(&worktree.path)?.is_some_and(|(task, _)| task == *told) {
                        own = Some(real(&worktree.path, true)?);
                    }
                }
                // It may be the task of another repository.
                let Some(own) = own else { return Ok(None) };
                top = own;
                told.clone()
            }
        };
        let common = Repo::open(&top)?.common_dir().to_owned();
        Ok(Some(Bound { task, common: real(&common, true)?, top }))
    }

    /// Whether a checkout is of the workspace's repository.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub fn knows(&self, repo: &Repo) -> Result<bool, FileError> {
        Ok(real(repo.common_dir(), true)? == self.common)
    }

    /// Whether a path is in the folder that all checkouts share.
    pub fn shares(&self, path: &Path) -> bool {
        path.starts_with(&self.common)
    }
}
