//! The word that a runner has for the agent in a workspace: that little of its budget is left, or nothing.
//!
//! It is kept beside the note of whose the workspace is, in git's own folder for it, and the guard passes it on. Nothing about
//! leases is decided by it. It counts for the grant that it names, and as long as the runner's agent lives: whoever works there
//! later, or beside a run, is never stopped by it.

use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;
use crate::domain::lease::Fence;

use super::copy;

/// Its name in the folder of notes.
const FILE: &str = "budget.json";

/// What an agent is to hear.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Word {
    /// The fence of the grant that it is about.
    pub fence: Fence,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// Which limit.
    pub limit: String,
    /// Whether all of it is spent: then no tool is to run.
    pub is_spent: bool,
    /// The words themselves.
    pub text: String,
    /// A file that is locked as long as the agent lives.
    pub alive: PathBuf,
}

impl Word {
    /// Leaves it in a workspace, in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(&self, workspace: &Path) -> Result<(), FileError> {
        let Some(notes) = copy::notes(workspace)? else { return Ok(()) };
        atomic::put(&notes.join(FILE), &serde_json::to_vec(self).unwrap_or_default())
    }

    /// The one that counts in a workspace, for whoever works there under this fence.
    ///
    /// # Errors
    /// When there is one and it cannot be understood: nobody knows then whether all is spent.
    pub fn heard(workspace: &Path, fence: Fence) -> Result<Option<Word>, FileError> {
        let Some(notes) = copy::notes(workspace)? else { return Ok(None) };
        let file = notes.join(FILE);
        let Some(bytes) = atomic::read(&file)? else { return Ok(None) };
        let word: Word = serde_json::from_slice(&bytes)
            .map_err(|error| FileError::new("understand", &file, std::io::Error::other(error)))?;
        let counts = word.fence == fence && Lock::is_held(&word.alive)?;
        Ok(counts.then_some(word))
    }
}

/// Takes the word back, if there is one.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn take_back(workspace: &Path) -> Result<(), FileError> {
    match copy::notes(workspace)? {
        Some(notes) => atomic::remove(&notes.join(FILE)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_for_its_fence_while_the_agent_lives() -> Result<(), Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        std::fs::create_dir(place.path().join(".git"))?;
        let alive = place.path().join("alive");
        let word = Word {
            fence: Fence(7),
            attempt: 1,
            limit: "tokens".to_owned(),
            is_spent: true,
            text: "stop".to_owned(),
            alive: alive.clone(),
        };
        word.leave(place.path())?;
        assert_eq!(Word::heard(place.path(), Fence(7))?, None, "nobody ever lived");
        let lock = Lock::wait(&alive)?;
        assert_eq!(Word::heard(place.path(), Fence(7))?, Some(word));
        assert_eq!(Word::heard(place.path(), Fence(8))?, None);
        drop(lock);
        assert_eq!(Word::heard(place.path(), Fence(7))?, None);
        atomic::put(&place.path().join(".git/odyssey-leases").join(FILE), b"{")?;
        assert!(Word::heard(place.path(), Fence(7)).is_err());
        take_back(place.path())?;
        assert_eq!(Word::heard(place.path(), Fence(7))?, None);
        Ok(())
    }
}
