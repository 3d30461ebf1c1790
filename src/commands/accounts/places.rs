//! Places: which task's workspace a folder is in, also one that is gone, or was reached by another way.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use crate::agents::transcripts::gemini::HASH;
use crate::agents::transcripts::index::Index;
use crate::base::failure::Failure;
use crate::domain::task::TaskName;
use crate::workspace::copy;

use super::super::session::Session;

/// Where a folder is.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In a task's workspace.
    Task(&'a TaskName),
    /// In this repository, but in no workspace.
    Here,
    /// Somewhere else, or nobody knows.
    Elsewhere,
}

/// All places that matter.
#[derive(Debug, Default)]
pub struct Places {
    /// Checkouts and folders of workspaces that were, with the task whose they are, if they are a task's.
    folders: HashMap<PathBuf, Option<TaskName>>,
    /// What contains a workspace for each task, by its name.
    roots: Vec<PathBuf>,
    /// The tasks that were ever in the ledger.
    tasks: HashMap<String, TaskName>,
    /// Known folders by their hash, which is all that some tell.
    hashes: HashMap<String, PathBuf>,
}

impl Places {
    /// The places of a repository as it is now, and as the index remembers that it was.
    ///
    /// # Errors
    /// When the worktrees cannot be listed, or a note of whose a workspace is cannot be understood.
    pub fn of(session: &Session, index: &mut Index) -> Result<Places, Failure> {
        let mut places = Places::default();
        let root = session.workspaces()?.root().to_owned();
        places.roots.extend(ways(&root));
        for (folder, task) in index.places() {
            places.folders.insert(PathBuf::from(folder), task.parse().ok());
        }
        for worktree in session.repo.worktrees()? {
            let branch = worktree.head.as_ref().and_then(|head| head.branch());
            let task = match branch.and_then(TaskName::of_branch) {
                Some(task) => Some(task),
                // In the middle of a rebase HEAD is on no branch; the copy of the lease tells.
                None if worktree.missing || worktree.name.is_none() => None,
                None => copy::workspace(&worktree.path)?.map(|(task, _)| task),
            };
            for way in ways(&worktree.path) {
                if let (Some(task), Some(text)) = (&task, way.to_str())
                    && way.parent().is_none_or(|parent| !places.roots.iter().any(|root| root == parent))
                {
                    index.remember(text, task.as_str());
                }
                places.folders.insert(way, task.clone());
            }
        }
        places.folders.entry(session.home.clone()).or_default();
        let known = places.folders.keys();
        places.hashes = known.map(|folder| (hash(folder), folder.clone())).collect();
        Ok(places)
    }

    /// Tells the places of the tasks that the ledger knows.
    pub fn know<'a>(&mut self, tasks: impl Iterator<Item = &'a TaskName>) {
        for task in tasks {
            for root in &self.roots {
                let folder = root.join(task.as_str());
                self.hashes.insert(hash(&folder), folder);
            }
            self.tasks.insert(task.to_string(), task.clone());
        }
    }

    /// Where a folder is, as a transcript names it.
    pub fn find(&self, folder: &str) -> Place<'_> {
        let path = match folder.strip_prefix(HASH) {
            Some(hash) => match self.hashes.get(hash) {
                Some(folder) => folder.clone(),
                None => return Place::Elsewhere,
            },
            None => PathBuf::from(folder),
        };
        let as_written = self.find_path(&path);
        match (as_written, path.canonicalize()) {
            (Place::Elsewhere, Ok(real)) if real != path => self.find_path(&real),
            _ => as_written,
        }
    }

    fn find_path(&self, path: &Path) -> Place<'_> {
        for folder in path.ancestors() {
            match self.folders.get(folder) {
                Some(Some(task)) => return Place::Task(task),
                Some(None) => return Place::Here,
                None => {}
            }
            if folder.parent().is_some_and(|parent| self.roots.iter().any(|root| root == parent)) {
                let name = folder.file_name().and_then(|name| name.to_str());
                return match name.and_then(|name| self.tasks.get(name)) {
                    Some(task) => Place::Task(task),
                    None => Place::Here,
                };
            }
        }
        Place::Elsewhere
    }
}

/// A path as it is known, and as it is without links.
fn ways(path: &Path) -> Vec<PathBuf> {
    let real = path.canonicalize().ok().filter(|real| real != path);
    std::iter::once(path.to_owned()).chain(real).collect()
}

fn hash(folder: &Path) -> String {
    let sum = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}
