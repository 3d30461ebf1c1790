//! The shelf: the leases laid out so that a hook reads only those that can cover its paths.
//!
//! A hook runs at every commit, and a ledger may have thousands of leases. The first line of the file is a table (which
//! tree of the ledger it was made of, and where the leases of each key and of each task are); each further line is one
//! lease. Whoever finds it missing, old or broken reads the whole ledger and lays it out anew. It is a copy: a shelf that
//! is not of the ledger's tree now is not used.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;

use super::codec::LeaseFile;
use super::error::LedgerError;
use super::local::LEDGER;
use super::local::Ledger;
use crate::base::atomic;
use crate::base::failure::Explain;
use crate::domain::book::LeaseBook;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::leases::Leases;
use crate::domain::region::Case;
use crate::domain::region_index;
use crate::domain::task::TaskName;
use crate::git::Oid;

/// The leases of the ledger as it is now.
#[derive(Debug)]
pub struct Shelf<'repo> {
    ledger: Ledger<'repo>,
    tip: Oid,
    laid: Option<Laid>,
    /// All of them, once they were read.
    whole: OnceCell<LeaseBook>,
}

/// Leases as they lie in the file.
#[derive(Debug)]
struct Laid {
    table: Table,
    file: File,
    /// Where the first lease begins.
    begin: u64,
    case: Case,
    taken: RefCell<BTreeMap<usize, Lease>>,
}

/// The first line of the file.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    /// The root tree of the ledger's commit.
    tree: String,
    ignores_case: bool,
    /// The branches that tasks land on.
    targets: BTreeSet<String>,
    /// Keys of the region index, sorted, each with the number of a lease.
    keys: Vec<(String, usize)>,
    /// The tasks, sorted, each with where its lease is: how far from the first one, and how many bytes.
    places: Vec<(String, u64, usize)>,
}

const VERSION: u32 = 1;

impl<'repo> Shelf<'repo> {
    /// The leases of a ledger; nothing where none was prepared.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn open(ledger: Ledger<'repo>) -> Result<Option<Shelf<'repo>>, LedgerError> {
        let repo = ledger.repo();
        let Some(tip) = repo.reference(LEDGER)? else { return Ok(None) };
        let tree = repo.commit(tip)?.tree.to_string();
        let path = ledger.folder().join("leases.shelf");
        if ledger.authority().is_some() {
            // When a lease ends is not in the ledger then, but in what this machine has seen.
            let whole = OnceCell::from(ledger.read_now(tip)?.book);
            return Ok(Some(Shelf { ledger, tip, laid: None, whole }));
        }
        if let Some(laid) = Laid::read(&path, &tree, ledger.case()) {
            return Ok(Some(Shelf { ledger, tip, laid: Some(laid), whole: OnceCell::new() }));
        }
        let book = ledger.read_at(tip)?.book;
        // A shelf that cannot be written is only slower.
        let written = lay_out(&book, tree, ledger.case()).map_err(|error| error.to_string());
        if let Err(error) =
            written.and_then(|text| atomic::replace(&path, &text).map_err(|error| error.to_string()))
        {
            tracing::debug!(error, "the leases were not laid out");
        }
        Ok(Some(Shelf { ledger, tip, laid: None, whole: OnceCell::from(book) }))
    }

    /// Whether there is no lease.
    pub fn is_empty(&self) -> bool {
        match &self.laid {
            Some(laid) => laid.table.places.is_empty(),
            None => self.whole.get().is_none_or(|book| book.leases().is_empty()),
        }
    }
}

impl Leases for Shelf<'_> {
    fn about(&self, paths: &[&[u8]], tasks: &[&TaskName]) -> Result<Cow<'_, LeaseBook>, Box<dyn Explain>> {
        if let Some(book) = self.whole.get() {
            return Ok(Cow::Borrowed(book));
        }
        if let Some(book) = self.laid.as_ref().and_then(|laid| laid.book(paths, tasks)) {
            return Ok(Cow::Owned(book));
        }
        let state = self.ledger.read_at(self.tip).map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        Ok(Cow::Borrowed(self.whole.get_or_init(|| state.book)))
    }

    fn targets(&self) -> BTreeSet<&str> {
        match (&self.laid, self.whole.get()) {
            (Some(laid), _) => laid.table.targets.iter().map(String::as_str).collect(),
            (None, book) => book.map(Leases::targets).unwrap_or_default(),
        }
    }
}

impl Laid {
    /// The leases in a file, if it was made of this tree of the ledger.
    fn read(path: &Path, tree: &str, case: Case) -> Option<Laid> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).ok()?);
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok()?;
        let table: Table = serde_json::from_slice(&line).ok()?;
        let is_now = table.version == VERSION && table.tree == tree && table.ignores_case == ignores(case);
        let begin = u64::try_from(line.len()).ok().filter(|_| is_now)?;
        Some(Laid { table, file: reader.into_inner(), begin, case, taken: RefCell::default() })
    }

    /// A book of the leases that may cover one of these paths, and of those of these tasks; nothing when one is broken.
    fn book(&self, paths: &[&[u8]], tasks: &[&TaskName]) -> Option<LeaseBook> {
        let mut numbers = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for path in paths {
            for key in region_index::keys_above(&region_index::key_of_path(path)) {
                if !seen.insert(key.to_vec()) {
                    continue;
                }
                let begin = self.table.keys.partition_point(|(other, _)| other.as_bytes() < key);
                let same = self.table.keys[begin..].iter().take_while(|(other, _)| other.as_bytes() == key);
                numbers.extend(same.map(|(_, number)| *number));
            }
        }
        for task in tasks {
            let found = self.table.places.binary_search_by(|(other, ..)| other.as_str().cmp(task.as_str()));
            numbers.extend(found.ok());
        }
        let leases: Option<Vec<Lease>> = numbers.into_iter().map(|number| self.take(number)).collect();
        Some(LeaseBook::new(leases?, Fence::default()))
    }

    fn take(&self, number: usize) -> Option<Lease> {
        if let Some(lease) = self.taken.borrow().get(&number) {
            return Some(lease.clone());
        }
        let (task, offset, length) = self.table.places.get(number)?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.begin + offset)).ok()?;
        let mut line = vec![0; *length];
        file.read_exact(&mut line).ok()?;
        let lease = serde_json::from_slice::<LeaseFile>(&line).ok()?.lease(self.case).ok()?;
        if lease.task.as_str() != task {
            return None;
        }
        self.taken.borrow_mut().insert(number, lease.clone());
        Some(lease)
    }
}

fn ignores(case: Case) -> bool {
    case == Case::Insensitive
}

/// Lays the leases of a book out: the text of the file.
fn lay_out(book: &LeaseBook, tree: String, case: Case) -> serde_json::Result<Vec<u8>> {
    let mut table = Table { version: VERSION, tree, ignores_case: ignores(case), ..Table::default() };
    let mut lines = Vec::new();
    for (number, lease) in book.leases().iter().enumerate() {
        let line = serde_json::to_vec(&LeaseFile::of(lease))?;
        table.places.push((lease.task.to_string(), lines.len() as u64, line.len()));
        lines.extend(line);
        lines.push(b'\n');
        table.targets.insert(lease.target.clone());
        for key in lease.regions.iter().flat_map(region_index::keys_of) {
            // A key that were no text would stand at the top, where it is found for every path.
            table.keys.push((String::from_utf8(key).unwrap_or_default(), number));
        }
    }
    table.keys.sort();
    table.keys.dedup();
    let mut text = serde_json::to_vec(&table)?;
    text.push(b'\n');
    text.extend(lines);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prop_assert_eq;
    use proptest::sample::select;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestCaseError;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::base::clock;
    use crate::base::clock::Timestamp;
    use crate::domain::holder::Holder;
    use crate::domain::holder::HolderKind;
    use crate::domain::judge::Actor;
    use crate::domain::lease::Mode;
    use crate::domain::lease::Phase;
    use crate::domain::lease::Place;
    use crate::domain::region::Region;
    use crate::domain::region::RegionSet;
    use crate::domain::region::tests::PATHS;
    use crate::domain::region::tests::any_region;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    /// A lease whose number decides the rest: every fifth is parked, every third has expired.
    fn lease(number: usize, mut regions: Vec<Region>) -> Lease {
        // All sets that are made up here have one name, and a lease has each name once.
        let mut named = false;
        regions.retain(|region| !(region.set_patterns().is_some() && std::mem::replace(&mut named, true)));
        let ttl = Duration::from_secs(3600);
        let granted_at = "2026-11-24T10:30:00Z".parse().unwrap();
        Lease {
            task: format!("task-{number}").parse().unwrap(),
            fence: Fence(number as u64 + 1),
            holder: Holder::new("ada", HolderKind::Agent).unwrap(),
            place: Place::Here,
            base: "0".repeat(40),
            target: format!("refs/heads/main-{}", number % 2),
            regions: RegionSet::new(regions),
            mode: if number % 4 == 1 { Mode::Shared } else { Mode::Exclusive },
            phase: if number % 5 == 4 { Phase::Parked } else { Phase::Active },
            ttl,
            granted_at,
            expires_at: clock::later(granted_at, ttl * if number % 3 == 2 { 1 } else { 4 }),
        }
    }

    fn judged(book: &LeaseBook, actor: &Actor, paths: &[&[u8]]) -> String {
        format!("{:?}", book.judge(actor, paths.iter().copied(), &RegionSet::default(), now()))
    }

    #[test]
    fn the_shelf_judges_as_the_whole_book_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shelf");
        let (refused, passed) = (Cell::new(0), Cell::new(0));
        let check = |(sets, paths, own): (Vec<Vec<Region>>, Vec<usize>, usize)| -> Result<(), TestCaseError> {
            let leases = sets.into_iter().enumerate().map(|(number, regions)| lease(number, regions));
            let book = LeaseBook::new(leases, Fence(99));
            let text = lay_out(&book, "tree".to_owned(), Case::Sensitive).unwrap();
            atomic::replace(&path, &text).unwrap();
            let laid = Laid::read(&path, "tree", Case::Sensitive).unwrap();
            let paths: Vec<&[u8]> = paths.iter().map(|&number| PATHS[number].as_slice()).collect();
            let task: TaskName = format!("task-{own}").parse().unwrap();
            for actor in [Actor::Person(Vec::new()), Actor::Task(task.clone(), Fence(own as u64 + 1))] {
                let some = laid.book(&paths, &actor.tasks()).unwrap();
                prop_assert_eq!(judged(&some, &actor, &paths), judged(&book, &actor, &paths));
                let count = if judged(&some, &actor, &paths).starts_with("Ok") { &passed } else { &refused };
                count.set(count.get() + 1);
            }
            Ok(())
        };
        let regions = vec(vec(any_region(), 1..4), 0..12);
        let paths = vec(select((0..PATHS.len()).collect::<Vec<_>>()), 0..6);
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&(regions, paths, 0_usize..12), check).unwrap();
        assert!(refused.get() > 50 && passed.get() > 50, "{refused:?} {passed:?}: too few to mean anything");
    }

    #[test]
    fn a_shelf_that_was_cut_off_or_is_of_another_tree_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shelf");
        let region = |text: &str| vec![Region::parse(text, &Default::default(), Case::Sensitive).unwrap()];
        let book = LeaseBook::new([lease(0, region("a/**")), lease(1, region("b"))], Fence(2));
        let text = lay_out(&book, "tree".to_owned(), Case::Sensitive).unwrap();
        let paths: [&[u8]; 2] = [b"a/x", b"b"];
        for end in 0..text.len() {
            atomic::replace(&path, &text[..end]).unwrap();
            let found = Laid::read(&path, "tree", Case::Sensitive).and_then(|laid| laid.book(&paths, &[]));
            // The last byte is the last line's end, which no lease needs.
            assert_eq!(found.is_some(), end == text.len() - 1, "cut at {end}");
        }
        atomic::replace(&path, &text).unwrap();
        assert!(Laid::read(&path, "other", Case::Sensitive).is_none());
        assert!(Laid::read(&path, "tree", Case::Insensitive).is_none());
        let laid = Laid::read(&path, "tree", Case::Sensitive).unwrap();
        let tasks =
            |book: LeaseBook| book.leases().iter().map(|lease| lease.task.to_string()).collect::<Vec<_>>();
        assert_eq!(tasks(laid.book(&[b"a/deep/x"], &[]).unwrap()), ["task-0"]);
        assert_eq!(tasks(laid.book(&[b"c"], &[&"task-1".parse().unwrap()]).unwrap()), ["task-1"]);
    }
}
