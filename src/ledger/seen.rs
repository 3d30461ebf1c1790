//! When this machine first saw each lease as it stands: across machines a lease ends when it stood unchanged for its whole
//! time on one's own clock, whatever the clock of its holder showed. That it stood to the end is known only once the remote was
//! asked after the end: until then it may have been renewed.
//!
//! One line a lease file: its object's name, a blank, the second since 1970. The file is only ever replaced whole. What is lost is
//! seen anew, and the lease ends later: that is the safe side.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

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

/// How much longer at least a lease lasts of which it is not known that it stood to its end.
const MOMENT: Duration = Duration::from_secs(1);

/// The memory of one repository.
#[derive(Debug)]
pub struct Seen {
    path: PathBuf,
    lock: PathBuf,
    asked: PathBuf,
}

impl Seen {
    /// The memory in the repository's folder for our own files.
    pub fn of(folder: &Path) -> Seen {
        Seen {
            path: folder.join("seen"),
            lock: folder.join("lock").join("seen"),
            asked: folder.join("asked"),
        }
    }

    /// Keeps that the remote has answered; `at` is when it was asked.
    ///
    /// # Errors
    /// When it cannot be kept: leases would end later here.
    pub fn ask(&self, at: Timestamp) -> Result<(), FileError> {
        atomic::put(&self.asked, at.as_second().to_string().as_bytes())
    }

    /// When the remote was asked last, as far as is known.
    fn asked(&self) -> Result<Option<Timestamp>, FileError> {
        let text = atomic::read(&self.asked)?.unwrap_or_default();
        Ok(text.to_str().ok().and_then(|text| Timestamp::from_second(text.parse().ok()?).ok()))
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
        let asked = self.asked()?;
        Ok(book.with_ends(|lease| {
            let first = files.get(&lease.task).and_then(|oid| known.get(oid));
            let end = first.filter(|_| lease.is_active()).map(|first| clock::later(*first, lease.ttl))?;
            let stood = asked.is_some_and(|asked| end <= asked);
            Some(if stood { end } else { end.max(clock::later(now, MOMENT)) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lease::Fence;
    use crate::domain::region::Case;
    use crate::ledger::codec::LeaseFile;

    fn book(phase: &str) -> LeaseBook {
        let text = format!(
            "task = \"auth\"\nfence = 1\nholder = {{ name = \"a\", kind = \"agent\" }}\nbase = \"0\"\n\
             target = \"refs/heads/main\"\nregions = [\"src\"]\nmode = \"exclusive\"\nphase = \"{phase}\"\n\
             ttl_seconds = 60\ngranted_at = 2030-01-01T00:00:00Z\nexpires_at = 2030-01-01T00:01:00Z\n"
        );
        let lease = LeaseFile::from_toml(text.as_bytes()).unwrap().lease(Case::Sensitive).unwrap();
        LeaseBook::new([lease], Fence(1))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The end of the one lease, written in the object of this number, for a reader at this second.
    fn end(seen: &Seen, object: u8, second: i64) -> i64 {
        let files = HashMap::from([("auth".parse().unwrap(), Oid::from_bytes_or_panic(&[object; 20]))]);
        seen.ask(at(second)).unwrap();
        seen.ends(book("active"), &files, at(second)).unwrap().leases()[0].expires_at.as_second()
    }

    #[test]
    fn a_lease_ends_its_time_after_it_was_first_seen_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::of(folder.path());
        assert_eq!(end(&seen, 1, 1_000), 1_060, "whatever the holder's clock showed");
        assert_eq!(end(&seen, 1, 1_059), 1_060, "it stood unchanged");
        assert_eq!(end(&seen, 2, 1_059), 1_119, "renewed, it is another one");
        assert_eq!(end(&Seen::of(folder.path()), 2, 5_000), 1_119, "the next process knows it too");
        std::fs::remove_file(folder.path().join("seen")).unwrap();
        assert_eq!(end(&seen, 2, 5_000), 5_060, "what is forgotten is seen anew");
    }

    #[test]
    fn a_lease_has_not_ended_as_long_as_nobody_asked_whether_it_was_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::of(folder.path());
        assert_eq!(end(&seen, 1, 1_000), 1_060);
        let files = HashMap::from([("auth".parse().unwrap(), Oid::from_bytes_or_panic(&[1; 20]))]);
        let late = seen.ends(book("active"), &files, at(9_000)).unwrap();
        assert!(!late.leases()[0].is_expired(at(9_000)), "the last answer is older than its end");
        assert_eq!(end(&seen, 1, 9_001), 1_060, "asked again, it stood as it was");
    }

    #[test]
    fn a_lease_that_is_parked_keeps_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = HashMap::from([("auth".parse().unwrap(), Oid::from_bytes_or_panic(&[1; 20]))]);
        let book = Seen::of(folder.path()).ends(book("parked"), &files, at(1_000)).unwrap();
        assert_eq!(book.leases()[0].expires_at, "2030-01-01T00:01:00Z".parse().unwrap());
    }

    #[test]
    fn what_has_ended_leaves_the_memory_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::of(folder.path());
        let many = |number: usize| Oid::from_hex(format!("{number:040x}").as_bytes()).unwrap();
        let lines = (0..TOLERATED + 3).map(|number| format!("{} 1\n", many(number)));
        atomic::replace(&folder.path().join("seen"), lines.collect::<String>().as_bytes()).unwrap();
        end(&seen, 9, 1_000);
        assert_eq!(seen.read().unwrap().len(), 1);
    }
}
