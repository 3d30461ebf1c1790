//! The ledger as it is pushed to a server: every commit of the chain is judged before the ref moves.
//!
//! What is pushed comes from others. So nothing is read before its size is known, a tree has the known files and no
//! others, and whatever cannot be understood in every part is refused.

use std::collections::BTreeMap;

use super::codec::LeaseFile;
use super::error::LedgerError;
use super::fold;
use super::fold::Before;
use super::local::FORMAT;
use super::local::Ledger;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::event::EventKind;
use crate::domain::event::Recorded;
use crate::domain::holder::Holder;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::span::Lines;
use crate::domain::task::TaskName;
use crate::domain::transition::Illegal;
use crate::domain::transition::Step;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::Entry as TreeEntry;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

/// How many commits one push may add to the ledger.
pub const MOST_COMMITS: usize = 10_000;

/// How many leases a ledger may have.
pub const MOST_LEASES: usize = 10_000;

/// How many bytes a commit of the ledger, with its message, and a lease may have.
pub const MOST_BYTES: u64 = 64 * 1024;

/// How many bytes the counter of fences and the format may have.
const MOST_OF_A_NUMBER: u64 = 32;

/// How many bytes the list of leases may have: of each the longest name, its mode and the longest hash.
const MOST_OF_A_LIST: u64 = 128 * MOST_LEASES as u64;

/// What a push makes of the ledger.
#[derive(Debug, Default)]
pub struct Pushed {
    /// The leases before.
    pub before: LeaseBook,
    /// The leases afterwards.
    pub after: LeaseBook,
    /// The landings that it tells of, in their order.
    pub landings: Vec<Landed>,
    /// The commits that it folds away, whose archives have to be there afterwards.
    pub folded: Vec<Oid>,
    /// Whom the pusher must act for, and the subject of the event that says so.
    pub owners: Vec<(Holder, String)>,
}

/// A landing that the ledger tells of.
#[derive(Debug, Clone)]
pub struct Landed {
    /// The lease that ended by it.
    pub lease: Lease,
    /// The target before.
    pub from: Oid,
    /// The target afterwards.
    pub commit: Oid,
}

/// Why the ledger may not move so.
#[derive(Debug, thiserror::Error)]
pub enum PushedError {
    /// It would be deleted.
    #[error("the ledger is not deleted by a push")]
    Deleted,
    /// What is pushed does not build on what is here.
    #[error("the ledger only moves forward, from {} on", .0.to_hex_with_len(10))]
    NotForward(Oid),
    /// What is here cannot be read, so nothing can be judged by it.
    #[error("the ledger on this server cannot be read")]
    Unreadable(#[source] LedgerError),
    /// More than anybody needs.
    #[error("{what} of the ledger {} more than {most}", if *.many { "are" } else { "is" })]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// Whether that are many.
        many: bool,
        /// The most that is taken.
        most: u64,
    },
    /// A commit, its tree or one of its files is not what it should be.
    #[error("the ledger's commit {} is malformed: {what}", .commit.to_hex_with_len(10))]
    Malformed {
        /// The commit.
        commit: Oid,
        /// What is wrong with it.
        what: String,
    },
    /// A commit does what it may not.
    #[error("the ledger's commit {} ({subject}) is not legal: {illegal}", .commit.to_hex_with_len(10))]
    Illegal {
        /// The commit.
        commit: Oid,
        /// Its subject.
        subject: String,
        /// Why.
        illegal: Box<Illegal>,
    },
    /// git could not answer.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Explain for PushedError {
    fn kind(&self) -> Kind {
        match self {
            PushedError::NotForward(_) => Kind::Fenced,
            PushedError::Git(error) => error.kind(),
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            PushedError::NotForward(_) => vec!["fetch the ledger, and decide again".to_owned()],
            PushedError::Unreadable(_) => vec!["on the server: git odyssey doctor --fix".to_owned()],
            PushedError::Illegal { illegal, .. } if **illegal == Illegal::Again => {
                vec!["repair it on the server: git odyssey doctor --fix".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Judges a push of the ledger from `old` to `new`; `lines` tells where the lines of files are; nothing is written, but what the cache of leases keeps.
///
/// # Errors
/// The first commit that may not be, and why.
pub fn judge(
    ledger: &Ledger<'_>,
    repo: &Repo,
    lines: &dyn Lines,
    old: Option<Oid>,
    new: Option<Oid>,
    now: Timestamp,
) -> Result<Pushed, PushedError> {
    let new = new.ok_or(PushedError::Deleted)?;
    let mut pushed = Pushed::default();
    let mut files = BTreeMap::new();
    let mut begun = false;
    let mut book = LeaseBook::default();
    if let Some(old) = old {
        pushed.before = ledger.read_at(old).map_err(PushedError::Unreadable)?.book;
        book = pushed.before.with(&[], &[]);
        files = Snapshot::read(repo, old)?.leases;
    }
    // Leases that were taken away, with the subjects that say so, until a grant says for what.
    let mut taken: Vec<(Lease, String)> = Vec::new();
    for commit in chain(repo, old, new)? {
        let next = Snapshot::read(repo, commit)?;
        let (put, remove) = next.changes_from(&files, ledger, repo)?;
        let event = &next.event;
        let step = Step { event, put: &put, remove: &remove, counter: next.fence };
        // Only the first of all has nothing before it.
        let begins = old.is_none() && !begun;
        begun = true;
        if !begins {
            pushed.folded.extend(next.folded()?);
        }
        let legal = if begins { LeaseBook::admit_first(&step) } else { book.admit(&step, now, lines) };
        let subject = || text::visible(event.subject.chars().take(100).collect::<String>().as_bytes());
        legal.map_err(|illegal| {
            let illegal = Box::new(illegal);
            PushedError::Illegal { commit, subject: subject(), illegal }
        })?;
        if let Some(owner) = book.owner(&step, now)
            && !pushed.owners.iter().any(|(known, _)| known == owner)
        {
            pushed.owners.push((owner.clone(), subject()));
        }
        match (step.kind(), put.first()) {
            (Ok(EventKind::TakeOver), None) => {
                let gone = remove.first().and_then(|task| book.get(task)).cloned();
                taken.extend(gone.map(|lease| (lease, subject())));
            }
            (Ok(EventKind::Claim | EventKind::Extend), Some(new)) => {
                taken.retain(|(lease, _)| lease.regions.overlaps(&new.regions).is_none());
            }
            _ => {}
        }
        if step.kind() == Ok(EventKind::Land) {
            pushed.landings.extend(next.landed(&book)?);
        }
        if !put.is_empty() || !remove.is_empty() {
            book = book.with(&put, &remove);
        }
        files = next.leases;
    }
    for (lease, subject) in taken {
        if !pushed.owners.iter().any(|(known, _)| *known == lease.holder) {
            pushed.owners.push((lease.holder, subject));
        }
    }
    pushed.after = book;
    Ok(pushed)
}

/// The commits from `old` (or the first one) to `new`, the oldest first, without `old`.
fn chain(repo: &Repo, old: Option<Oid>, new: Oid) -> Result<Vec<Oid>, PushedError> {
    let mut commits = Vec::new();
    let mut next = Some(new);
    while next != old {
        let (Some(commit), forward) = (next, old) else {
            return Err(old.map_or(PushedError::Deleted, PushedError::NotForward));
        };
        if commits.len() == MOST_COMMITS {
            // A ledger that was rewound is longer than this too, and its tip is where we began.
            let most = MOST_COMMITS as u64;
            return Err(PushedError::TooMuch { what: "the new commits", many: true, most });
        }
        small(repo, commit, "a commit", MOST_BYTES)?;
        let read = repo.commit(commit)?;
        if read.parents.len() > 1 {
            return Err(malformed(commit, format!("it has {} parents", read.parents.len())));
        }
        if let Some(archived) = fold::archived(&read).filter(|archived| repo.has(*archived)) {
            small(repo, archived, "a commit", MOST_BYTES)?;
        }
        next = match (fold::before(repo, &read)?, forward) {
            (Before::At(before), _) => Some(before),
            (Before::False(archived), _) => {
                let archived = archived.to_hex_with_len(10);
                return Err(malformed(commit, format!("it folds {archived}, which has another tree")));
            }
            (Before::Nothing | Before::Away(_), Some(old)) => return Err(PushedError::NotForward(old)),
            (Before::Nothing | Before::Away(_), None) => None,
        };
        commits.push(commit);
    }
    commits.reverse();
    Ok(commits)
}

/// One commit of the ledger, read with suspicion.
struct Snapshot {
    commit: Oid,
    event: Recorded,
    /// Whether it has no parent.
    alone: bool,
    archived: Option<Oid>,
    fence: Fence,
    leases: BTreeMap<TaskName, Oid>,
}

impl Snapshot {
    fn read(repo: &Repo, oid: Oid) -> Result<Snapshot, PushedError> {
        let wrong = |what: String| malformed(oid, what);
        small(repo, oid, "a commit", MOST_BYTES)?;
        let commit = repo.commit(oid)?;
        let message = commit.message.to_str().map_err(|_| wrong("its message is no text".to_owned()))?;
        for name in ["Event", "Task", "Fence"] {
            let trailer = format!("Odyssey-{name}: ");
            if message.lines().filter(|line| line.starts_with(&trailer)).count() > 1 {
                return Err(wrong(format!("its message says Odyssey-{name} twice")));
            }
        }
        let event =
            Recorded::read(message).ok_or_else(|| wrong("its message tells of no event".to_owned()))?;
        small(repo, commit.tree, "a tree", MOST_BYTES)?;
        let (mut format, mut fence, mut leases) = (None, None, BTreeMap::new());
        for entry in repo.tree(commit.tree)? {
            match (entry.name.as_slice(), entry.kind) {
                (b"format", EntryKind::Blob) => format = Some(number(repo, oid, &entry)?),
                (b"fence", EntryKind::Blob) => fence = Some(number(repo, oid, &entry)?),
                (b"leases", EntryKind::Tree) => leases = listed(repo, oid, entry.oid)?,
                (name, _) => return Err(wrong(format!("{} does not belong there", text::visible(name)))),
            }
        }
        let format = format.ok_or_else(|| wrong("format is missing".to_owned()))?;
        if format != FORMAT {
            return Err(wrong(format!("its format is {format}, and this server knows {FORMAT}")));
        }
        let fence = fence.ok_or_else(|| wrong("fence is missing".to_owned()))?;
        let fence = fence.parse().map_err(|_| wrong(format!("fence is '{fence}', no number")))?;
        let (alone, archived) = (commit.parents.is_empty(), fold::archived(&commit));
        Ok(Snapshot { commit: oid, event, alone, archived, fence: Fence(fence), leases })
    }

    /// What this commit folds away, if it is a fold: then it stands alone, and nothing else does.
    fn folded(&self) -> Result<Option<Oid>, PushedError> {
        let folds = self.event.event == EventKind::Compact.to_string();
        if folds && !self.alone {
            return Err(malformed(
                self.commit,
                "it says that it folds the history, and goes on from a parent".to_owned(),
            ));
        }
        Ok(self.archived)
    }

    /// The leases that are new or changed since these files, and the tasks whose leases are gone.
    fn changes_from(
        &self,
        before: &BTreeMap<TaskName, Oid>,
        ledger: &Ledger<'_>,
        repo: &Repo,
    ) -> Result<(Vec<Lease>, Vec<TaskName>), PushedError> {
        let changed = self.leases.iter().filter(|(task, oid)| before.get(*task) != Some(*oid));
        let mut put = Vec::new();
        for (task, oid) in changed {
            let wrong = |what: String| malformed(self.commit, format!("leases/{task}.toml: {what}"));
            small(repo, *oid, "a lease", MOST_BYTES)?;
            let file = LeaseFile::from_toml(&repo.blob(*oid)?).map_err(wrong)?;
            if file.task() != task {
                return Err(wrong(format!("it is the lease of {}", file.task())));
            }
            put.push(file.lease(ledger.case()).map_err(wrong)?);
        }
        let remove = before.keys().filter(|task| !self.leases.contains_key(*task)).cloned().collect();
        Ok((put, remove))
    }

    /// The landing that this commit tells of.
    fn landed(&self, before: &LeaseBook) -> Result<Option<Landed>, PushedError> {
        let fact = |wanted: &str| {
            let found = self.event.facts.iter().find(|(name, _)| name == wanted);
            let oid = found.and_then(|(_, text)| Oid::from_hex(text.as_bytes()).ok());
            oid.ok_or_else(|| malformed(self.commit, format!("a landing without Odyssey-{wanted}")))
        };
        let (from, commit) = (fact("From")?, fact("Commit")?);
        let lease = self.event.task.as_ref().and_then(|task| before.get(task)).cloned();
        Ok(lease.map(|lease| Landed { lease, from, commit }))
    }
}

fn malformed(commit: Oid, what: String) -> PushedError {
    PushedError::Malformed { commit, what: text::visible_lines(what.as_bytes()) }
}

fn small(repo: &Repo, oid: Oid, what: &'static str, most: u64) -> Result<(), PushedError> {
    if repo.size(oid)? <= most { Ok(()) } else { Err(PushedError::TooMuch { what, many: false, most }) }
}

fn number(repo: &Repo, commit: Oid, entry: &TreeEntry) -> Result<String, PushedError> {
    small(repo, entry.oid, "a number", MOST_OF_A_NUMBER)?;
    let bytes = repo.blob(entry.oid)?;
    let text =
        String::from_utf8(bytes).map_err(|_| malformed(commit, format!("{} is no text", entry.name)))?;
    Ok(text.trim().to_owned())
}

/// The lease files of one tree.
fn listed(repo: &Repo, commit: Oid, tree: Oid) -> Result<BTreeMap<TaskName, Oid>, PushedError> {
    small(repo, tree, "the list of leases", MOST_OF_A_LIST)?;
    let entries = repo.tree(tree)?;
    if entries.len() > MOST_LEASES {
        return Err(PushedError::TooMuch { what: "the leases", many: true, most: MOST_LEASES as u64 });
    }
    let mut leases = BTreeMap::new();
    for entry in entries {
        let name = entry.name.strip_suffix(b".toml").and_then(|name| std::str::from_utf8(name).ok());
        match name.and_then(|name| name.parse::<TaskName>().ok()) {
            Some(task) if entry.kind == EntryKind::Blob => leases.insert(task, entry.oid),
            _ => {
                let name = text::visible(&entry.name);
                return Err(malformed(commit, format!("leases/{name} does not belong there")));
            }
        };
    }
    Ok(leases)
}
