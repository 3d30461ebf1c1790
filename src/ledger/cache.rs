//! A cache of lease files by their object: a hook must not read a thousand small objects at every commit.
//!
//! One line a lease: the object's name, a blank, the lease as JSON. Whoever writes a lease to the ledger, or had to
//! read its object, adds its line at the end. What a line holds is named by the hash of its content, so it can
//! be old but never wrong; a line that was cut off is read as none.

use std::collections::HashMap;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use super::codec::LeaseFile;
use crate::base::atomic;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::objects::Entry;

/// How many lines of leases that ended may stand beside those of as many live ones before the file is written anew.
const TOLERATED: usize = 256;

/// The lease files that were read before.
#[derive(Debug)]
pub struct LeaseCache {
    path: PathBuf,
    text: Vec<u8>,
    lines: HashMap<Oid, Range<usize>>,
    /// How many lines are of leases that live.
    used: usize,
    /// Lines to add.
    added: Vec<u8>,
}

impl LeaseCache {
    /// Opens the cache; one that cannot be read is empty.
    pub fn open(path: PathBuf) -> LeaseCache {
        let text = atomic::read(&path).ok().flatten().unwrap_or_default();
        let mut lines = HashMap::new();
        let mut begin = 0;
        for line in text.lines_with_terminator() {
            let end = begin + line.len();
            if let Some((oid, _)) = line.strip_suffix(b"\n").and_then(|line| line.split_once_str(" "))
                && let Ok(name) = Oid::from_hex(oid)
            {
                lines.insert(name, begin + oid.len() + 1..end - 1);
            }
            begin = end;
        }
        LeaseCache { path, text, lines, used: 0, added: Vec::new() }
    }

    /// Finds a lease file.
    pub fn find(&mut self, oid: Oid) -> Option<LeaseFile> {
        let found = serde_json::from_slice(&self.text[self.lines.get(&oid)?.clone()]).ok()?;
        self.used += 1;
        Some(found)
    }

    /// Adds a lease file that was not found.
    pub fn add(&mut self, oid: Oid, file: &LeaseFile) {
        self.added.extend(line(oid, file));
    }

    /// Keeps what was added, and drops the lines of leases that ended when they are many; `live` are the
    /// files of those that did not.
    ///
    /// A cache that cannot be written is only slower.
    pub fn close(self, live: &[Entry]) {
        let written = if self.lines.len() > 2 * self.used + TOLERATED {
            let mut text = Vec::new();
            for Entry { oid, .. } in live {
                if let Some(range) = self.lines.get(oid) {
                    text.extend_from_slice(format!("{oid} ").as_bytes());
                    text.extend_from_slice(&self.text[range.clone()]);
                    text.push(b'\n');
                }
            }
            text.extend_from_slice(&self.added);
            atomic::replace(&self.path, &text).map_err(|error| error.to_string())
        } else if self.added.is_empty() {
            Ok(())
        } else {
            append(&self.path, &self.added).map_err(|error| error.to_string())
        };
        tell(&self.path, written);
    }
}

/// Adds a lease file that was just written to the ledger, for those who will read it.
pub fn add(path: &Path, oid: Oid, file: &LeaseFile) {
    tell(path, append(path, &line(oid, file)).map_err(|error| error.to_string()));
}

fn line(oid: Oid, file: &LeaseFile) -> Vec<u8> {
    match serde_json::to_string(file) {
        Ok(json) => format!("{oid} {json}\n").into_bytes(),
        Err(error) => {
            tracing::debug!(%error, "a lease is not kept in the cache");
            Vec::new()
        }
    }
}

fn tell(path: &Path, written: Result<(), String>) {
    if let Err(error) = written {
        tracing::debug!(path = %path.display(), error, "the cache of leases was not written");
    }
}

/// One write at the end of the file, so that lines of several processes stand whole beside each other.
fn append(path: &Path, added: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // A line that was cut off, by a full disk say, must not swallow the next one.
    let mut last = *b"\n";
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    let lines = if last == *b"\n" { added.to_vec() } else { [b"\n", added].concat() };
    file.write_all(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::objects::EntryKind;

    fn file(task: &str) -> LeaseFile {
        let text = format!(
            "task = \"{task}\"\nfence = 1\nholder = {{ name = \"a\", kind = \"agent\" }}\nbase = \"0\"\n\
             target = \"refs/heads/main\"\nregions = [\"a b\"]\nmode = \"exclusive\"\nphase = \"active\"\n\
             ttl_seconds = 60\ngranted_at = 2026-11-24T01:30:00Z\nexpires_at = 2026-11-24T02:30:00Z\n"
        );
        LeaseFile::from_toml(text.as_bytes()).unwrap()
    }

    fn oid(number: usize) -> Oid {
        Oid::from_hex(format!("{number:040x}").as_bytes()).unwrap()
    }

    fn entries(numbers: impl IntoIterator<Item = usize>) -> Vec<Entry> {
        let entry = |number| Entry { name: "x.toml".into(), kind: EntryKind::Blob, oid: oid(number) };
        numbers.into_iter().map(entry).collect()
    }

    #[test]
    fn a_lease_that_was_added_is_found_by_the_next_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        for number in 0..3 {
            let mut cache = LeaseCache::open(path.clone());
            for before in 0..number {
                assert_eq!(cache.find(oid(before)), Some(file(&format!("task-{before}"))));
            }
            assert_eq!(cache.find(oid(number)), None);
            cache.add(oid(number), &file(&format!("task-{number}")));
            cache.close(&entries(0..=number));
        }
    }

    #[test]
    fn a_line_that_was_cut_off_at_any_byte_harms_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut cache = LeaseCache::open(path.clone());
        cache.add(oid(1), &file("one"));
        let first = cache.added.len();
        cache.add(oid(2), &file("two"));
        cache.close(&entries([1, 2]));
        let whole = std::fs::read(&path).unwrap();
        for end in first..whole.len() {
            atomic::replace(&path, &whole[..end]).unwrap();
            let mut cache = LeaseCache::open(path.clone());
            assert_eq!(cache.find(oid(1)), Some(file("one")), "cut at {end}");
            assert_eq!(cache.find(oid(2)), None, "cut at {end}");
            cache.add(oid(3), &file("three"));
            cache.close(&entries([1, 3]));
            let mut cache = LeaseCache::open(path.clone());
            assert_eq!(cache.find(oid(1)), Some(file("one")), "cut at {end}");
            assert_eq!(cache.find(oid(3)), Some(file("three")), "cut at {end}");
        }
    }

    #[test]
    fn leases_that_ended_leave_the_cache_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut cache = LeaseCache::open(path.clone());
        for number in 0..TOLERATED + 3 {
            cache.add(oid(number), &file("one"));
        }
        cache.close(&entries([0]));
        let mut cache = LeaseCache::open(path.clone());
        assert_eq!(cache.find(oid(0)), Some(file("one")));
        cache.close(&entries([0]));
        let cache = LeaseCache::open(path);
        assert_eq!(cache.lines.len(), 1);
        assert!(cache.lines.contains_key(&oid(0)));
    }
}
