//! Pushed ledgers: what a server lets in keeps its promises, and everybody can read it.

use std::collections::BTreeMap;

use git_odyssey::base::clock::Timestamp;
use git_odyssey::domain::book::LeaseBook;
use git_odyssey::domain::lease::Lease;
use git_odyssey::domain::span::Unseen;
use git_odyssey::git::BString;
use git_odyssey::git::ByteSlice;
use git_odyssey::git::Oid;
use git_odyssey::git::objects::Entry;
use git_odyssey::git::objects::EntryKind;
use git_odyssey::git::repo::Repo;
use git_odyssey::ledger::local::Durability;
use git_odyssey::ledger::local::Ledger;
use git_odyssey::ledger::pushed;

use super::scratch;

/// The most commits of one try.
const MOST: usize = 12;

/// A ledger as it is written, line by line; what is not said again stays as it was.
#[derive(Default)]
struct Draft {
    /// The files at the top, and those of `leases`.
    files: BTreeMap<Vec<u8>, Vec<u8>>,
    leases: BTreeMap<Vec<u8>, Vec<u8>>,
    message: Vec<u8>,
    /// The lease that is being written.
    open: Option<Vec<u8>>,
    tip: Option<Oid>,
    /// What the server had before the push.
    known: Option<Oid>,
    commits: usize,
}

impl Draft {
    fn tree(&self, repo: &Repo) -> Oid {
        let blob = |name: &[u8], text: &[u8]| {
            let oid = repo.write_blob(text).unwrap();
            Entry { name: BString::from(name), kind: EntryKind::Blob, oid }
        };
        let mut root: Vec<Entry> = self.files.iter().map(|(name, text)| blob(name, text)).collect();
        if !self.leases.is_empty() {
            let leases: Vec<Entry> = self.leases.iter().map(|(name, text)| blob(name, text)).collect();
            let oid = repo.write_tree(&leases).unwrap();
            root.push(Entry { name: "leases".into(), kind: EntryKind::Tree, oid });
        }
        root.sort_by(|one, other| one.name.cmp(&other.name));
        repo.write_tree(&root).unwrap()
    }

    /// `word rest`: what a line does.
    fn follow(&mut self, repo: &Repo, line: &[u8]) {
        let (word, rest) = line.split_once_str(" ").unwrap_or((line, b""));
        let good = |name: &[u8]| !name.is_empty() && !name.contains(&0) && !name.contains(&b'/');
        match word {
            b"|" => {
                if let Some(text) = self.open.as_ref().and_then(|name| self.leases.get_mut(name)) {
                    text.extend([rest, b"\n"].concat());
                }
            }
            b"lease" if good(rest) => {
                let name = [rest, b".toml"].concat();
                self.leases.insert(name.clone(), Vec::new());
                self.open = Some(name);
            }
            b"drop" => drop(self.leases.remove(&[rest, b".toml"].concat())),
            b"file" => {
                let (name, text) = rest.split_once_str(" ").unwrap_or((rest, b""));
                if good(name) && name != b"leases" {
                    self.files.insert(name.to_owned(), text.to_owned());
                }
            }
            b"say" => self.message.extend([rest, b"\n"].concat()),
            b"commit" | b"fold" if self.commits < MOST => {
                if word == b"fold"
                    && let Some(tip) = self.tip
                {
                    self.message.extend(format!("Odyssey-Archive: {tip}\n").into_bytes());
                }
                let parents: Vec<Oid> = self.tip.filter(|_| word != b"fold").into_iter().collect();
                let message = std::mem::take(&mut self.message);
                let at = Timestamp::UNIX_EPOCH;
                self.tip = Some(repo.write_commit(self.tree(repo), &parents, message.as_bstr(), at).unwrap());
                self.commits += 1;
            }
            b"pushed" => self.known = self.tip,
            _ => {}
        }
    }
}

fn now() -> Timestamp {
    "2030-01-01T00:30:00Z".parse().unwrap()
}

/// The parts of a lease that matter.
fn facts(book: &LeaseBook) -> Vec<String> {
    book.leases().iter().map(|lease| format!("{lease:?}")).collect()
}

/// No two active leases exclude each other, and fences stand.
fn is_sound(book: &LeaseBook) {
    for lease in book.leases() {
        assert!(lease.fence <= book.last_fence(), "{} is ahead of the counter", lease.task);
        if lease.is_active() {
            let other = book.excluding(lease, &Unseen).next();
            assert!(other.is_none(), "{} and another hold the same: {other:?}", lease.task);
        }
    }
}

/// The input is a ledger, written by the words of [`Draft::follow`].
pub fn holds(input: &[u8]) -> bool {
    scratch::with(|repo| {
        let mut draft = Draft::default();
        for line in input.split(|&byte| byte == b'\n') {
            draft.follow(repo, line);
        }
        let ledger = Ledger::of(repo, Durability::Cached);
        let judge = |old, new| pushed::judge(&ledger, repo, &Unseen, old, new, now());
        // What is on the server came there by a push.
        if let Some(known) = draft.known {
            match judge(None, Some(known)) {
                Ok(_) => {}
                Err(error) => {
                    super::is_told_plainly(&error);
                    return false;
                }
            }
        }
        let Some(tip) = draft.tip else { return false };
        let pushed = match judge(draft.known, Some(tip)) {
            Ok(pushed) => pushed,
            Err(error) => {
                super::is_told_plainly(&error);
                return false;
            }
        };
        is_sound(&pushed.after);
        assert!(pushed.after.last_fence() >= pushed.before.last_fence(), "the fence fell");
        for lease in pushed.after.leases() {
            let old = pushed.before.get(&lease.task);
            let kept = old.is_some_and(|old| old.fence == lease.fence);
            assert!(kept || lease.fence > pushed.before.last_fence(), "{} got an old fence", lease.task);
        }
        for old in pushed.before.leases().iter().filter(|old| old.is_active() && !old.is_expired(now())) {
            let same = |new: &Lease| new.fence == old.fence && new.holder == old.holder;
            let stands = pushed.after.get(&old.task).is_some_and(|new| same(new) && new.is_active());
            let asked = pushed.owners.iter().any(|(holder, _)| *holder == old.holder);
            assert!(stands || asked, "{} was taken from {} without a word", old.task, old.holder);
        }
        // Twice: the second time most of it comes from the cache.
        for _ in 0..2 {
            let read = ledger.read_at(tip).unwrap_or_else(|error| panic!("nobody can read it: {error}"));
            assert_eq!(facts(&read.book), facts(&pushed.after));
            assert_eq!(read.book.last_fence(), pushed.after.last_fence());
        }
        true
    })
}
