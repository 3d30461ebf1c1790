//! A look at everything: what differs from what was told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::base::clock;
use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::anchor::Met;
use crate::domain::book::LeaseBook;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::domain::notice::Seen;
use crate::domain::notice::What;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::diff::Change;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::paths;
use crate::git::repo::Repo;
use crate::guard::lines::Versions;
use crate::ledger::history;
use crate::merge::matrix::Matrix;
use crate::merge::matrix::Verdict;
use crate::merge::party::Party;
use crate::merge::party::PartyKind;
use crate::merge::party::Standing;
use crate::workspace::copy;

use super::super::conflicts::matrix;
use super::super::session::Session;

/// Looks, again and again; remembers what notices do not hold.
#[derive(Debug, Default)]
pub struct Look {
    /// By checkout and path, when and how large an edited file was.
    stamps: BTreeMap<PathBuf, BTreeMap<String, Stamp>>,
}

/// By what it is seen that a file was written again.
type Stamp = Option<(SystemTime, u64)>;

/// What a look found.
#[derive(Debug)]
pub struct Found {
    /// What differs from what was told.
    pub happened: Vec<What>,
    /// The checkouts to watch for edits from now on; nothing when they are the same.
    pub checkouts: Option<Vec<PathBuf>>,
    /// When something will happen by itself.
    pub next: Option<Timestamp>,
}

/// Before its end a lease is told to end soon: a sixth of its time to live.
fn warns_at(lease: &Lease) -> Timestamp {
    let early = lease.ttl / 6;
    let granted = clock::until(lease.granted_at, lease.expires_at);
    clock::later(lease.granted_at, granted.saturating_sub(early))
}

impl Look {
    /// The state now, of which nobody has to be told: the ledger's last event and where the branches are.
    ///
    /// # Errors
    /// When the ledger or the branches cannot be read.
    pub fn beginning(session: &Session) -> Result<Seen, Failure> {
        let state = session.ledger().read()?;
        Ok(Seen { ledger: Some(state.tip.to_string()), branches: branches(session)?, ..Seen::default() })
    }

    /// Looks at the ledger, the branches, the checkouts and the clock.
    ///
    /// # Errors
    /// When the ledger or the branches cannot be read. A checkout that cannot be read is a notice.
    pub fn again(&mut self, session: &Session, seen: &Seen, now: Timestamp) -> Result<Found, Failure> {
        let state = session.ledger().read()?;
        let mut happened = ledger(session, seen)?;
        happened.extend(moved(&seen.branches, &branches(session)?, &state.book));
        let mut next: Option<Timestamp> = None;
        for lease in state.book.leases().iter().filter(|lease| lease.is_active()) {
            let (soon, end) = (warns_at(lease), lease.expires_at);
            let told = |told: &BTreeMap<TaskName, Timestamp>| told.get(&lease.task) == Some(&end);
            let (task, fence) = (lease.task.clone(), lease.fence.0);
            if now >= end {
                if !told(&seen.expired) {
                    happened.push(What::Expired { task, fence, expires_at: end });
                }
            } else if now >= soon {
                if !told(&seen.expiring) {
                    happened.push(What::Expiring { task, fence, expires_at: end });
                }
                next = earlier(next, end);
            } else {
                next = earlier(next, soon);
            }
        }
        let mut unknown = BTreeMap::new();
        let mut memory = Memory::over(&session.repo);
        let matrix = match matrix::judged(session, &state.book, None, &mut memory) {
            Ok(matrix) => matrix,
            Err(failure) => {
                // What was told of edits and conflicts stands until it can be seen again.
                unknown.insert("the work of all parties".to_owned(), failure.to_string());
                happened.extend(unseen(&seen.unknown, &unknown));
                return Ok(Found { happened, checkouts: None, next });
            }
        };
        let mut edits = BTreeMap::new();
        for party in &matrix.parties {
            let found = match &party.state {
                Err(reason) => Err(reason.clone()),
                // Such as a checkout that was removed since.
                Ok(standing) => self
                    .edits(party, standing, &state.book, memory.repo())
                    .map_err(|failure| failure.to_string()),
            };
            match found {
                Ok((found, again)) => {
                    happened.extend(edited(&party.name, seen.edits.get(&party.name), &found, &again));
                    edits.insert(party.name.clone(), found);
                }
                Err(reason) => {
                    unknown.insert(party.name.clone(), reason);
                    // What was told of it stands until it can be read again.
                    edits
                        .insert(party.name.clone(), seen.edits.get(&party.name).cloned().unwrap_or_default());
                }
            }
        }
        let is_there = |checkout: &PathBuf| {
            matrix.parties.iter().any(|party| party.path.as_deref() == Some(checkout.as_path()))
        };
        self.stamps.retain(|checkout, _| is_there(checkout));
        // A checkout that is gone has no edits.
        for (name, tasks) in seen.edits.iter().filter(|(name, _)| !edits.contains_key(*name)) {
            happened.extend(edited(name, Some(tasks), &BTreeMap::new(), &BTreeSet::new()));
        }
        happened.extend(conflicting(&seen.conflicts, &matrix, &mut unknown));
        happened.extend(unseen(&seen.unknown, &unknown));
        let folders = matrix.parties.iter().filter_map(|party| party.path.clone());
        let checkouts = Some(folders.filter(|folder| folder.is_dir()).collect());
        Ok(Found { happened, checkouts, next })
    }

    /// The uncommitted paths of a person's checkout that lie in regions of others, by task, and those written again since.
    fn edits(
        &mut self,
        party: &Party,
        standing: &Standing,
        book: &LeaseBook,
        contents: &Repo,
    ) -> Result<(Edits, BTreeSet<String>), Failure> {
        let (PartyKind::Checkout, Some(checkout)) = (&party.kind, &party.path) else {
            return Ok((Edits::new(), BTreeSet::new()));
        };
        if standing.uncommitted.is_empty() {
            self.stamps.remove(checkout);
            return Ok((Edits::new(), BTreeSet::new()));
        }
        let own: Vec<TaskName> = match copy::actor(&Repo::open(checkout)?, None)? {
            Actor::Task(task, _) => vec![task],
            Actor::Person(own) => own.into_iter().map(|(task, _)| task).collect(),
        };
        let mut found = Edits::new();
        let mut stamps = BTreeMap::new();
        let mut changes = None;
        for edit in &standing.uncommitted {
            let shown = text::visible(&edit.path);
            for (lease, region) in book.covering(&edit.path) {
                if lease.is_active() && !own.contains(&lease.task) {
                    if region.lines().is_some() {
                        let changes: &Vec<Change> = match &changes {
                            Some(changes) => changes,
                            None => changes.insert(changed(contents, standing)?),
                        };
                        let change = changes.iter().find(|change| change.path == edit.path);
                        let met = change
                            .map(|change| Versions(contents).met(lease, region, change, Some(standing.head)));
                        if met.transpose()? == Some(Met::Apart) {
                            continue;
                        }
                    }
                    found.entry(lease.task.clone()).or_default().insert(shown.clone());
                    stamps.entry(shown.clone()).or_insert_with(|| stamp(checkout, &edit.path));
                }
            }
        }
        let before = self.stamps.insert(checkout.clone(), stamps.clone()).unwrap_or_default();
        let is_other = |(path, stamp): &(String, Stamp)| before.get(path).is_some_and(|old| old != stamp);
        let again = stamps.into_iter().filter(is_other).map(|(path, _)| path).collect();
        Ok((found, again))
    }
}

/// What is not committed in a checkout, by content.
fn changed(contents: &Repo, standing: &Standing) -> Result<Vec<Change>, GitError> {
    let head = contents.commit(standing.head)?.tree;
    contents.changes_between(Some(head), standing.tree)
}

type Edits = BTreeMap<TaskName, BTreeSet<String>>;

fn stamp(checkout: &Path, path: &BString) -> Stamp {
    let metadata = checkout.join(paths::from_git(path).ok()?).symlink_metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn earlier(one: Option<Timestamp>, other: Timestamp) -> Option<Timestamp> {
    Some(one.map_or(other, |one| one.min(other)))
}

/// The ledger's events since the last one that was told, oldest first.
fn ledger(session: &Session, seen: &Seen) -> Result<Vec<What>, Failure> {
    let mut events = Vec::new();
    for past in history::events(&session.repo)? {
        let past = past?;
        let id = past.commit.to_string();
        if seen.ledger.as_ref() == Some(&id) {
            break;
        }
        events.push(What::Ledger {
            id,
            kind: past.event.event,
            task: past.event.task,
            fence: past.event.fence.map(|fence| fence.0),
            subject: past.event.subject,
        });
    }
    events.reverse();
    Ok(events)
}

fn branches(session: &Session) -> Result<BTreeMap<String, String>, Failure> {
    let found = session.repo.references("refs/heads/")?;
    Ok(found.into_iter().map(|(name, tip)| (name, tip.to_string())).collect())
}

fn moved(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>, book: &LeaseBook) -> Vec<What> {
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differs = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    differs
        .map(|name| What::Branch {
            branch: name.clone(),
            old: before.get(name).cloned(),
            new: now.get(name).cloned(),
            task: TaskName::of_branch(name).filter(|task| book.get(task).is_some()),
        })
        .collect()
}

fn edited(checkout: &str, told: Option<&Edits>, found: &Edits, again: &BTreeSet<String>) -> Vec<What> {
    let (nobody, nothing) = (Edits::new(), BTreeSet::new());
    let told = told.unwrap_or(&nobody);
    let tasks: BTreeSet<&TaskName> = told.keys().chain(found.keys()).collect();
    let mut happened = Vec::new();
    for task in tasks {
        let (before, now) = (told.get(task).unwrap_or(&nothing), found.get(task).unwrap_or(&nothing));
        let is_news = |path: &&String| !before.contains(*path) || again.contains(*path);
        let paths: Vec<String> = now.iter().filter(is_news).cloned().collect();
        let gone: Vec<String> = before.difference(now).cloned().collect();
        if !paths.is_empty() || !gone.is_empty() {
            happened.push(What::Edit { checkout: checkout.to_owned(), task: task.clone(), paths, gone });
        }
    }
    happened
}

/// The pairs of parties whose conflicts are new, other, or gone. What nobody knows of a pair goes to `unknown`.
fn conflicting(
    told: &BTreeMap<String, BTreeMap<String, Vec<String>>>,
    matrix: &Matrix,
    unknown: &mut BTreeMap<String, String>,
) -> Vec<What> {
    let name = |place: usize| matrix.parties[place].name.clone();
    let is_unread = |place: usize| matrix.parties[place].state.is_err();
    let mut now: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut open = BTreeSet::new();
    for pair in &matrix.pairs {
        let (one, other) = (name(pair.one), name(pair.other));
        match pair.verdict {
            Verdict::Conflict => {
                let paths = pair.conflicts.iter().map(|conflict| text::visible(&conflict.path)).collect();
                now.insert((one, other), paths);
            }
            // A party that cannot be read has a notice of its own.
            Verdict::Unknown if is_unread(pair.one) || is_unread(pair.other) => {
                open.insert((one, other));
            }
            Verdict::Unknown => {
                let reason = pair.reason.clone().unwrap_or_default();
                unknown.insert(format!("whether {one} and {other} fit together"), reason);
                // A conflict that was told stands until it is known to be gone.
                open.insert((one, other));
            }
            Verdict::Clean | Verdict::Touched => {}
        }
    }
    let before = |one: &String, other: &String| told.get(one).and_then(|others| others.get(other));
    let mut happened = Vec::new();
    for ((one, other), paths) in &now {
        if before(one, other) != Some(paths) {
            happened.push(What::Conflict { one: one.clone(), other: other.clone(), paths: paths.clone() });
        }
    }
    for (one, others) in told {
        for other in others.keys() {
            let pair = (one.clone(), other.clone());
            if !now.contains_key(&pair) && !open.contains(&pair) {
                happened.push(What::ConflictGone { one: one.clone(), other: other.clone() });
            }
        }
    }
    happened
}

fn unseen(told: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<What> {
    let new = now.iter().filter(|(about, reason)| told.get(*about) != Some(*reason));
    let mut happened: Vec<What> =
        new.map(|(about, reason)| What::Unknown { about: about.clone(), reason: reason.clone() }).collect();
    let known = told.keys().filter(|about| !now.contains_key(*about));
    happened.extend(known.map(|about| What::Known { about: about.clone() }));
    happened
}
