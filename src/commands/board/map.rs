//! The map: the target's folders, and who holds how much of each.
//!
//! Folders are followed as long as somebody holds a part of them; where one holds all or nobody holds anything, what is
//! below tells nothing more.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::lease::Lease;
use crate::domain::region::Region;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

/// All of it.
#[derive(Debug, serde::Serialize)]
pub struct Map {
    /// The top folder.
    root: Place,
    /// Regions in which the target has no file yet.
    empty: Vec<Empty>,
}

/// A folder or a file.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Place {
    /// Its name, made safe to show.
    name: String,
    /// Whether it is a folder.
    folder: bool,
    /// How many files are in it; 1 for a file.
    files: usize,
    /// Who holds how much, by name.
    held: Vec<Held>,
    /// What is in it, as far as that tells more: folders first.
    inside: Vec<Place>,
    /// How many held files are not listed, because there are so many.
    more: usize,
}

/// What a task holds of a place.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Held {
    /// The task.
    task: TaskName,
    /// How many of the files.
    files: usize,
    /// How many of those by some of their lines only.
    lines: usize,
}

/// A region where nothing is yet.
#[derive(Debug, serde::Serialize)]
struct Empty {
    task: TaskName,
    region: String,
}

/// So deep all folders are shown, held or not.
const SHOWN: usize = 1;

/// How many files of a folder are listed at most.
const LISTED: usize = 100;

impl Map {
    /// The map of a branch; an empty one when the branch is not there.
    ///
    /// # Errors
    /// When its tree cannot be read.
    pub fn of(repo: &Repo, branch: &str, book: &LeaseBook) -> Result<Map, GitError> {
        let mut walk = Walk { repo, book, met: BTreeMap::new() };
        let root = match repo.reference(branch)? {
            Some(tip) => walk.folder(String::new(), &BString::default(), repo.commit(tip)?.tree, 0)?,
            None => Tally::default().place(String::new(), true, Vec::new()),
        };
        let all =
            book.leases().iter().flat_map(|lease| lease.regions.iter().map(move |region| (lease, region)));
        let empty = all
            .filter(|(lease, region)| !walk.has_met(lease, region))
            .map(|(lease, region)| Empty { task: lease.task.clone(), region: region.text().to_owned() })
            .collect();
        Ok(Map { root, empty })
    }
}

/// Files counted, and by how many of them who holds a place: all, and by lines.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    held: BTreeMap<TaskName, (usize, usize)>,
}

impl Tally {
    fn add(&mut self, place: &Place) {
        self.files += place.files;
        for Held { task, files, lines } in &place.held {
            let sum = self.held.entry(task.clone()).or_default();
            sum.0 += files;
            sum.1 += lines;
        }
    }

    /// Whether somebody holds a part of it and not the rest.
    fn is_mixed(&self) -> bool {
        self.held.values().any(|(files, lines)| *files < self.files || *lines > 0)
    }

    fn place(self, name: String, folder: bool, inside: Vec<Place>) -> Place {
        let held = |(task, (files, lines))| Held { task, files, lines };
        let held = self.held.into_iter().map(held).collect();
        Place { name, folder, files: self.files, held, inside, more: 0 }
    }
}

struct Walk<'a> {
    repo: &'a Repo,
    book: &'a LeaseBook,
    /// The regions that have a file.
    met: BTreeMap<TaskName, BTreeSet<String>>,
}

impl Walk<'_> {
    fn has_met(&self, lease: &Lease, region: &Region) -> bool {
        self.met.get(&lease.task).is_some_and(|regions| regions.contains(region.text()))
    }

    fn folder(&mut self, name: String, path: &BString, tree: Oid, depth: usize) -> Result<Place, GitError> {
        let mut tally = Tally::default();
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in self.repo.tree(tree)? {
            let mut below = path.clone();
            if !below.is_empty() {
                below.push(b'/');
            }
            below.extend_from_slice(&entry.name);
            let shown = text::visible(&entry.name);
            let is_folder = entry.kind == EntryKind::Tree;
            let place = match is_folder {
                true => self.folder(shown, &below, entry.oid, depth + 1)?,
                false => self.file(shown, &below),
            };
            tally.add(&place);
            if is_folder { folders.push(place) } else { files.push(place) }
        }
        let mixed = tally.is_mixed();
        folders.retain(|place| depth < SHOWN || mixed && !place.held.is_empty());
        files.retain(|place| mixed && !place.held.is_empty());
        let more = files.len().saturating_sub(LISTED);
        files.truncate(LISTED);
        folders.extend(files);
        Ok(Place { more, ..tally.place(name, true, folders) })
    }

    fn file(&mut self, name: String, path: &BString) -> Place {
        let mut tally = Tally { files: 1, ..Tally::default() };
        let mut whole: BTreeMap<&TaskName, bool> = BTreeMap::new();
        for (lease, region) in self.book.covering(path) {
            if !self.has_met(lease, region) {
                self.met.entry(lease.task.clone()).or_default().insert(region.text().to_owned());
            }
            *whole.entry(&lease.task).or_default() |= region.lines().is_none();
        }
        let held = whole.into_iter().map(|(task, whole)| (task.clone(), (1, usize::from(!whole))));
        tally.held = held.collect();
        tally.place(name, false, Vec::new())
    }
}
