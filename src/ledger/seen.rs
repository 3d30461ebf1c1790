//! When this machine first saw each lease as it stands: across machines a lease ends when it stood unchanged for its whole
//! time on one's own clock, whatever the clock of its holder showed.
//!
//! One line a lease file: its object's name, a blank, the second since 1970. The file is only ever replaced whole. What is lost is
//! seen anew, and the lease ends later: that is the safe side.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::clock;
use crate::base::clock::Timestamp;
use crate::base::lock::Lock;
use crate::domain::book::LeaseBook;
use crate::domain::task::TaskName;
use crate::git::ByteSlice;
use crate::git::Oid;

/// How many lines of leases that ended may stand beside those of as many live ones before the file is written anew.
const TOLERATED: usize = 256;

/// The memory of one repository.
#[derive(Debug)]
pub struct Seen {
    path: PathBuf,
    lock: PathBuf,
}

impl Seen {
    /// The memory in the repository's folder for our own files.
    pub fn of(folder: &Path) -> Seen {
        Seen { path: folder.join("seen"), lock: folder.join("lock").join("seen") }
    }

    /// The book with the ends that hold by this machine's clock; what is seen for the first time is kept with `now`.
    ///
    /// `files` tells the object in which each task's lease is written.
    ///
    /// # Errors
    /// When a lease that is new here cannot be kept: it would never end.
    pub fn ends(
        &self,
        book: LeaseBook,
        files: &HashMap<TaskName, Oid>,
        now: Timestamp,
    ) -> Result<LeaseBook, FileError> {
        let mut known = self.read()?;
        let live = book.leases().iter().filter(|lease| lease.is_active());
        let live: Vec<Oid> = live.filter_map(|lease| files.get(&lease.task).copied()).collect();
        if live.iter().any(|oid| !known.contains_key(oid)) {
            // Whoever comes first fixes the time; the others find it.
            let _turn = Lock::wait(&self.lock)?;
            known = self.read()?;
            let new: Vec<Oid> = live.iter().filter(|oid| !known.contains_key(*oid)).copied().collect();
            known.extend(new.into_iter().map(|oid| (oid, now)));
            if known.len() > 2 * live.len() + TOLERATED {
                known.retain(|oid, _| live.contains(oid));
            }
            self.write(&known)?;
        }
        Ok(book.with_ends(|lease| {
            let first = files.get(&lease.task).and_then(|oid| known.get(oid));
            first.filter(|_| lease.is_active()).map(|first| clock::later(*first, lease.ttl))
        }))
    }

    fn read(&self) -> Result<HashMap<Oid, Timestamp>, FileError> {
        let text = atomic::read(&self.path)?.unwrap_or_default();
        let line = |line: &[u8]| {
            let (oid, second) = line.split_once_str(" ")?;
            let second = second.to_str().ok()?.parse().ok()?;
            Some((Oid::from_hex(oid).ok()?, Timestamp::from_second(second).ok()?))
        };
        Ok(text.lines().filter_map(line).collect())
    }

    fn write(&self, known: &HashMap<Oid, Timestamp>) -> Result<(), FileError> {
        let mut lines: Vec<String> =
            known.iter().map(|(oid, first)| format!("{oid} {}\n", first.as_second())).collect();
        lines.sort();
        atomic::replace(&self.path, lines.concat().as_bytes())
    }
}
