//! What is kept of settings that were written: what was there before, so that it can be there again.

use std::path::Path;
use std::path::PathBuf;

use crate::agents::Harness;
use crate::agents::places::Form;
use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::git::repo::Repo;

use super::super::session::Session;

/// The mark around the names of settings in `.git/info/exclude`.
const MARK: &str = "git-odyssey-agents";

/// All that was written.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    files: Vec<Entry>,
}

/// One file that was written.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// For which harness.
    pub harness: Harness,
    /// Its name, from the folder of the repository or the home folder.
    pub path: String,
    /// What it holds.
    pub form: Form,
    /// Its text before; nothing when there was no such file.
    pub before: Option<String>,
    /// Its text afterwards.
    pub after: String,
    /// The folders that were made for it, the outermost first.
    pub folders: Vec<String>,
    /// Whether git does not see it, so that each workspace is given a copy.
    pub hidden: bool,
}

/// A record that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be understood, so it is not known what was there before", .0.display())]
struct Damaged(PathBuf, #[source] serde_json::Error);

impl Explain for Damaged {
    fn hints(&self) -> Vec<String> {
        vec![format!(
            "move {} away; our lines can then still be taken out, with another layout perhaps",
            self.0.display()
        )]
    }
}

/// Where it is kept what was written for a repository.
pub fn of_project(session: &Session) -> PathBuf {
    session.ledger().folder().join("setup.json")
}

/// Where it is kept what was written for a person.
pub fn of_person(home: &Path) -> PathBuf {
    home.join(".local/share/git-odyssey/setup.json")
}

impl Kept {
    /// Reads what is kept.
    ///
    /// # Errors
    /// When it is there and cannot be understood.
    pub fn read(file: &Path) -> Result<Kept, Failure> {
        let Some(bytes) = atomic::read(file)? else { return Ok(Kept::default()) };
        serde_json::from_slice(&bytes).map_err(|source| Damaged(file.to_owned(), source).into())
    }

    /// Writes it; nothing is left when there is nothing to keep.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        if self.files.is_empty() {
            atomic::remove(file)?;
            // The folders above it are a person's, unless there is nothing in them.
            for folder in file.ancestors().skip(1).take(3) {
                if std::fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(self).map_err(|source| Damaged(file.to_owned(), source))?;
        Ok(atomic::replace(file, &text)?)
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What is kept of a file.
    pub fn of(&self, harness: Harness, path: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.harness == harness && entry.path == path)
    }

    /// Keeps a file, in the place of what was kept of it.
    pub fn put(&mut self, entry: Entry) {
        self.forget(entry.harness, &entry.path);
        self.files.push(entry);
    }

    /// Keeps nothing of a file any more.
    pub fn forget(&mut self, harness: Harness, path: &str) {
        self.files.retain(|entry| !(entry.harness == harness && entry.path == path));
    }

    /// The files that git does not see.
    pub fn hidden(&self) -> Vec<String> {
        self.files.iter().filter(|entry| entry.hidden).map(|entry| entry.path.clone()).collect()
    }

    /// Hides these files from git, and no others.
    ///
    /// # Errors
    /// When the list of what is ignored cannot be written.
    pub fn hide(&self, repo: &Repo) -> Result<(), Failure> {
        let hidden: Vec<String> = self.hidden().into_iter().map(|path| format!("/{path}")).collect();
        if hidden.is_empty() {
            return Ok(repo.remove_exclude_block(MARK)?);
        }
        let lines: Vec<&str> = hidden.iter().map(String::as_str).collect();
        Ok(repo.exclude_block(MARK, &lines)?)
    }
}
