//! Rounds: a count of the talks with the remote that this machine has begun and ended, so that whoever waits for its turn can use the
//! answer that somebody else got meanwhile.
//!
//! A fetch that began after one came tells as much as one's own would, and so does a push that the remote confirmed. What
//! cannot be read counts as no answer.

use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;

/// The counts of one repository.
#[derive(Debug)]
pub struct Rounds {
    begun: PathBuf,
    ended: PathBuf,
}

impl Rounds {
    /// The counts in the repository's folder for our own files.
    pub fn of(folder: &Path) -> Rounds {
        Rounds { begun: folder.join("fetch-begun"), ended: folder.join("fetch-ended") }
    }

    /// The last talk that has begun by now: only a later one is an answer to who asks now.
    pub fn now(&self) -> u64 {
        match (read(&self.begun), read(&self.ended)) {
            (Some(begun), Some(ended)) => begun.max(ended),
            _ => u64::MAX,
        }
    }

    /// Whether a talk has ended well that began after `before`.
    pub fn has_ended_since(&self, before: u64) -> bool {
        read(&self.ended).is_some_and(|ended| ended > before)
    }

    /// Counts a talk that begins. The caller has the turn.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&self) -> Result<u64, FileError> {
        // A count that was lost goes on above every other, those that somebody waits with included.
        let last = read(&self.begun).max(read(&self.ended)).unwrap_or(0);
        atomic::put(&self.begun, (last + 1).to_string().as_bytes())?;
        Ok(last + 1)
    }

    /// Counts a talk as ended well, after what it found was taken over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&self, round: u64) -> Result<(), FileError> {
        atomic::put(&self.ended, round.to_string().as_bytes())
    }
}

fn read(path: &Path) -> Option<u64> {
    match atomic::read(path) {
        Ok(None) => Some(0),
        Ok(Some(bytes)) => std::str::from_utf8(&bytes).ok()?.parse().ok(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_began_after_one_came_is_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        let rounds = Rounds::of(folder.path());
        let first = rounds.begin().unwrap();
        // Somebody comes while the first is under way: it may have been told before.
        let came = rounds.now();
        rounds.end(first).unwrap();
        assert!(!rounds.has_ended_since(came));
        let second = rounds.begin().unwrap();
        assert!(!rounds.has_ended_since(came));
        rounds.end(second).unwrap();
        assert!(rounds.has_ended_since(came) && !rounds.has_ended_since(rounds.now()));
    }

    #[test]
    fn a_count_that_is_lost_or_broken_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let rounds = Rounds::of(folder.path());
        for _ in 0..3 {
            rounds.end(rounds.begin().unwrap()).unwrap();
        }
        for (name, text) in [("fetch-begun", ""), ("fetch-ended", "x")] {
            atomic::put(&folder.path().join(name), text.as_bytes()).unwrap();
            let came = rounds.now();
            assert!(!rounds.has_ended_since(came), "{name}");
            rounds.end(rounds.begin().unwrap()).unwrap();
        }
        atomic::remove(&folder.path().join("fetch-begun")).unwrap();
        assert!(!rounds.has_ended_since(rounds.now()));
    }
}
