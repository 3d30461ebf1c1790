//! A cache of lease files by their object: a hook must not read a thousand small objects at every commit.
//!
//! One line a lease: the object's name, its fence, its task, the keys of its regions, and the lease as JSON, with blanks
//! between. Whoever is about to claim reads the JSON only where the keys come near. Whoever writes a lease to the ledger,
//! or had to read its object, adds its line at the end. What a line holds is named by the hash of its content, so it can
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
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::region::RegionSet;
use crate::domain::region_index;
use crate::domain::task::TaskName;
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

    /// Finds the line of a lease.
    pub fn find(&mut self, oid: Oid) -> Option<Line<'_>> {
        let line = Line::parse(oid, &self.text[self.lines.get(&oid)?.clone()])?;
        self.used += 1;
        Some(line)
    }

    /// Adds a lease that was not found.
    pub fn add(&mut self, oid: Oid, lease: &Lease) {
        self.added.extend(line(oid, lease));
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

/// The length of a line's checksum.
const SUM: usize = 8;

/// The checksum of a line.
fn checksum(oid: Oid, text: &[u8]) -> String {
    let mut sum = adler2::Adler32::new();
    sum.write_slice(oid.as_bytes());
    sum.write_slice(text);
    format!("{:08x}", sum.checksum())
}

/// A lease as it stands in the cache.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its fence.
    pub fence: Fence,
    task: &'a [u8],
    /// The keys of its regions in the region index, escaped, each with a comma after it.
    keys: &'a [u8],
    json: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads a line as it was written: a disk may lose a part of a file that nobody waited for.
    fn parse(oid: Oid, text: &'a [u8]) -> Option<Line<'a>> {
        let (sum, text) = text.split_at_checked(SUM)?;
        let text = text.strip_prefix(b" ")?;
        if sum != checksum(oid, text).as_bytes() {
            return None;
        }
        let mut parts = text.splitn(4, |&byte| byte == b' ');
        let fence = Fence(parts.next()?.to_str().ok()?.parse().ok()?);
        Some(Line { fence, task: parts.next()?, keys: parts.next()?, json: parts.next()? })
    }

    /// Whether it is the lease of the task whose file has this name.
    pub fn is_named(&self, name: &[u8]) -> bool {
        name.strip_suffix(b".toml") == Some(self.task)
    }

    /// The lease's file; nothing when it cannot be understood.
    pub fn file(&self) -> Option<LeaseFile> {
        serde_json::from_slice(self.json).ok()
    }
}

/// What a claim can meet: leases whose names clash with its task's, and those whose regions begin as its own do.
#[derive(Debug)]
pub struct Near<'a> {
    task: &'a TaskName,
    /// As in [`Line`].
    keys: Vec<Vec<u8>>,
}

impl<'a> Near<'a> {
    /// What a task's claim of these regions can meet.
    pub fn new(task: &'a TaskName, regions: &RegionSet) -> Near<'a> {
        Near { task, keys: regions.iter().flat_map(region_index::keys_of).map(|key| escaped(&key)).collect() }
    }

    /// Whether a lease may be met. What is not near never is.
    ///
    /// Regions that share a path have keys of which one begins with the other, and so have their escaped forms.
    pub fn has(&self, line: &Line<'_>) -> bool {
        let clashes = line.task.eq_ignore_ascii_case(self.task.as_str().as_bytes());
        let mut theirs = line.keys.split_inclusive(|&byte| byte == b',').map(|key| &key[..key.len() - 1]);
        clashes || theirs.any(|key| self.keys.iter().any(|own| key.starts_with(own) || own.starts_with(key)))
    }
}

/// A key without blanks, commas and line ends.
fn escaped(key: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(key.len());
    for byte in key {
        match byte {
            b' ' | b',' | b'\n' | b'%' => text.extend(format!("%{byte:02x}").into_bytes()),
            _ => text.push(*byte),
        }
    }
    text
}

/// Adds a lease that was just written to the ledger, for those who will read it.
pub fn add(path: &Path, oid: Oid, lease: &Lease) {
    tell(path, append(path, &line(oid, lease)).map_err(|error| error.to_string()));
}

fn line(oid: Oid, lease: &Lease) -> Vec<u8> {
    let json = match serde_json::to_vec(&LeaseFile::of(lease)) {
        Ok(json) => json,
        Err(error) => {
            tracing::debug!(%error, "a lease is not kept in the cache");
            return Vec::new();
        }
    };
    let mut text = format!("{} {} ", lease.fence, lease.task).into_bytes();
    for key in lease.regions.iter().flat_map(region_index::keys_of) {
        text.extend(escaped(&key));
        text.push(b',');
    }
    text.push(b' ');
    text.extend(json);
    let mut line = format!("{oid} {} ", checksum(oid, &text)).into_bytes();
    line.extend(text);
    line.push(b'\n');
    line
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
    use std::cell::Cell;
    use std::mem::replace;
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prop_assert_eq;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestCaseError;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::base::clock;
    use crate::base::clock::Timestamp;
    use crate::domain::book::LeaseBook;
    use crate::domain::book::OverParked;
    use crate::domain::book::Request;
    use crate::domain::book::Work;
    use crate::domain::holder::Holder;
    use crate::domain::holder::HolderKind;
    use crate::domain::lease::Mode;
    use crate::domain::lease::Phase;
    use crate::domain::lease::Place;
    use crate::domain::region::Case;
    use crate::domain::region::Region;
    use crate::domain::region::tests::any_region;
    use crate::domain::span::Unseen;
    use crate::git::objects::EntryKind;

    fn file(task: &str) -> LeaseFile {
        LeaseFile::of(&lease(task))
    }

    fn lease(task: &str) -> Lease {
        let text = format!(
            "task = \"{task}\"\nfence = 1\nholder = {{ name = \"a\", kind = \"agent\" }}\nbase = \"0\"\n\
             target = \"refs/heads/main\"\nregions = [\"a b\"]\nmode = \"exclusive\"\nphase = \"active\"\n\
             ttl_seconds = 60\ngranted_at = 2026-11-24T01:30:00Z\nexpires_at = 2026-11-24T02:30:00Z\n"
        );
        LeaseFile::from_toml(text.as_bytes()).unwrap().lease(Case::Sensitive).unwrap()
    }

    fn found(cache: &mut LeaseCache, number: usize) -> Option<LeaseFile> {
        cache.find(oid(number)).and_then(|line| line.file())
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
                assert_eq!(found(&mut cache, before), Some(file(&format!("task-{before}"))));
            }
            assert_eq!(found(&mut cache, number), None);
            cache.add(oid(number), &lease(&format!("task-{number}")));
            cache.close(&entries(0..=number));
        }
    }

    #[test]
    fn a_line_that_was_cut_off_at_any_byte_harms_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut cache = LeaseCache::open(path.clone());
        cache.add(oid(1), &lease("one"));
        let first = cache.added.len();
        cache.add(oid(2), &lease("two"));
        cache.close(&entries([1, 2]));
        let whole = std::fs::read(&path).unwrap();
        for end in first..whole.len() {
            atomic::replace(&path, &whole[..end]).unwrap();
            let mut cache = LeaseCache::open(path.clone());
            assert_eq!(found(&mut cache, 1), Some(file("one")), "cut at {end}");
            assert_eq!(found(&mut cache, 2), None, "cut at {end}");
            cache.add(oid(3), &lease("three"));
            cache.close(&entries([1, 3]));
            let mut cache = LeaseCache::open(path.clone());
            assert_eq!(found(&mut cache, 1), Some(file("one")), "cut at {end}");
            assert_eq!(found(&mut cache, 3), Some(file("three")), "cut at {end}");
        }
    }

    #[test]
    fn leases_that_ended_leave_the_cache_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut cache = LeaseCache::open(path.clone());
        for number in 0..TOLERATED + 3 {
            cache.add(oid(number), &lease("one"));
        }
        cache.close(&entries([0]));
        let mut cache = LeaseCache::open(path.clone());
        assert_eq!(found(&mut cache, 0), Some(file("one")));
        cache.close(&entries([0]));
        let cache = LeaseCache::open(path);
        assert_eq!(cache.lines.len(), 1);
        assert!(cache.lines.contains_key(&oid(0)));
    }

    /// Regions in a folder with a blank, a comma and a percent sign in its name.
    fn elsewhere(number: usize) -> Vec<Region> {
        let text = format!("else where,{}%20/part{number}/**", number % 2);
        vec![Region::parse(&text, &Default::default(), Case::Sensitive).unwrap()]
    }

    #[test]
    fn a_claim_is_decided_alike_by_what_is_near_and_by_all() {
        let (refused, granted, far) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let check =
            |(sets, wanted, name): (Vec<Vec<Region>>, Vec<Region>, usize)| -> Result<(), TestCaseError> {
                let regions = |mut regions: Vec<Region>| {
                    // All sets that are made up have one name, and a lease has each name once.
                    let mut named = false;
                    regions.retain(|region| !(region.set_patterns().is_some() && replace(&mut named, true)));
                    RegionSet::new(regions)
                };
                let leases = sets.into_iter().enumerate().map(|(number, set)| Lease {
                    fence: Fence(number as u64 + 1),
                    // The made-up ones nearly all begin alike; every third lease is elsewhere.
                    regions: if number % 3 == 2 { regions(elsewhere(number)) } else { regions(set) },
                    mode: if number % 4 == 1 { Mode::Shared } else { Mode::Exclusive },
                    phase: if number % 5 == 4 { Phase::Parked } else { Phase::Active },
                    ..lease(&format!("task-{number}"))
                });
                let leases: Vec<Lease> = leases.collect();
                let task: TaskName = format!("TASK-{name}").parse().unwrap();
                let own = regions(if name % 4 == 3 { elsewhere(name % 12) } else { wanted });
                let near = Near::new(&task, &own);
                let lines: Vec<Vec<u8>> = leases.iter().map(|lease| line(oid(1), lease)).collect();
                let is_near = |line: &[u8]| {
                    near.has(
                        &Line::parse(Oid::from_hex(&line[..40]).unwrap(), line[41..].trim_end()).unwrap(),
                    )
                };
                let some: Vec<Lease> = leases
                    .iter()
                    .zip(&lines)
                    .filter(|(_, line)| is_near(line))
                    .map(|(lease, _)| lease.clone())
                    .collect();
                far.set(far.get() + leases.len() - some.len());
                for (over, at) in
                    [(OverParked::Refuse, 0), (OverParked::TakeOver, 0), (OverParked::Refuse, 900)]
                {
                    let request = Request {
                        task: task.clone(),
                        holder: Holder::new("ada", HolderKind::Agent).unwrap(),
                        place: Place::Here,
                        base: "0".to_owned(),
                        target: "refs/heads/main".to_owned(),
                        regions: own.clone(),
                        mode: Mode::Exclusive,
                        ttl: Duration::from_secs(60),
                        over,
                    };
                    let now = clock::later(
                        leases.first().map_or(Timestamp::UNIX_EPOCH, |lease| lease.granted_at),
                        Duration::from_secs(at),
                    );
                    let decided = |leases: &[Lease]| {
                        let book = LeaseBook::new(leases.to_vec(), Fence(99));
                        format!(
                            "{:?}",
                            book.claim(
                                &request,
                                now,
                                &|lease| if lease.fence.0 % 2 == 0 { Work::Some } else { Work::None },
                                &Unseen
                            )
                        )
                    };
                    prop_assert_eq!(decided(&some), decided(&leases));
                    let count = if decided(&some).starts_with("Ok") { &granted } else { &refused };
                    count.set(count.get() + 1);
                }
                Ok(())
            };
        let input = (vec(vec(any_region(), 1..4), 0..12), vec(any_region(), 1..4), 0_usize..40);
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&input, check).unwrap();
        let counts = [granted.get(), refused.get(), far.get()];
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}: too few to mean anything");
    }
}
