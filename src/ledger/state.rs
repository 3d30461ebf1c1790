//! The ledger's state at one commit, and how it is read.

use std::collections::HashMap;

use super::cache::LeaseCache;
use super::cache::Near;
use super::codec::LeaseFile;
use super::error::LedgerError;
use super::local::FORMAT;
use super::local::Ledger;
use super::local::file_name;
use super::pushed::MOST_BYTES;
use crate::domain::book::LeaseBook;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::git::Oid;
use crate::git::objects::Entry as TreeEntry;

/// The most leases that are read.
const MOST_LEASES: usize = 100_000;

/// The ledger's state at one commit.
#[derive(Debug)]
pub struct State {
    /// The commit.
    pub tip: Oid,
    /// The leases.
    pub book: LeaseBook,
    /// The `leases` tree: where each file is, in git's order.
    pub(super) files: Vec<TreeEntry>,
    /// The object that tells the format, as old as the ledger.
    pub(super) format: Option<Oid>,
}

impl Ledger<'_> {
    /// Reads the state at one of the ledger's commits; what is in `known` too is taken from there. With `near` the book
    /// may lack leases that are not.
    pub(super) fn read_from(
        &self,
        tip: Oid,
        near: Option<&Near<'_>>,
        known: Option<State>,
    ) -> Result<State, LedgerError> {
        let damaged = |what: String| LedgerError::Damaged { commit: tip, what };
        let root = self.repo().tree(self.repo().commit(tip)?.tree)?;
        let find = |name: &str| root.iter().find(|entry| entry.name == name).map(|entry| entry.oid);
        let text = |name: &str| -> Result<String, LedgerError> {
            let oid = find(name).ok_or_else(|| damaged(format!("{name} is missing")))?;
            let bytes = self.repo().blob_within(oid, MOST_BYTES)?;
            let bytes = bytes.ok_or_else(|| damaged(format!("{name} is too large")))?;
            let text = String::from_utf8(bytes).map_err(|_| damaged(format!("{name} is no text")))?;
            Ok(text.trim().to_owned())
        };
        let format = text("format")?;
        if format != FORMAT {
            return Err(LedgerError::NewerFormat(format));
        }
        let fence = text("fence")?;
        let fence: u64 = fence.parse().map_err(|_| damaged(format!("fence is '{fence}', no number")))?;
        // Git keeps no empty trees, so a ledger without leases has no such entry.
        let files = find("leases").map(|oid| self.repo().tree(oid)).transpose()?.unwrap_or_default();
        if files.len() > MOST_LEASES {
            return Err(damaged(format!("it has {} leases", files.len())));
        }
        let (leases, highest) = match known {
            Some(known) => self.read_other_leases(&files, known, &damaged)?,
            None => self.read_leases(&files, near, &damaged)?,
        };
        Ok(State {
            tip,
            book: LeaseBook::new(leases, highest.max(Fence(fence))),
            files,
            format: find("format"),
        })
    }

    /// Reads the leases, but for those that are known not to be near. Answers also the highest fence of all.
    fn read_leases(
        &self,
        files: &[TreeEntry],
        near: Option<&Near<'_>>,
        damaged: &dyn Fn(String) -> LedgerError,
    ) -> Result<(Vec<Lease>, Fence), LedgerError> {
        let mut cache = LeaseCache::open(self.cache());
        let mut read = Vec::new();
        let mut highest = Fence::default();
        for entry in files {
            let line = cache.find(entry.oid).filter(|line| line.is_named(&entry.name));
            if let Some(line) = &line {
                highest = highest.max(line.fence);
                if near.is_some_and(|near| !near.has(line)) {
                    continue;
                }
            }
            let kept = line.and_then(|line| line.file());
            let is_kept = kept.is_some();
            let lease = self.read_lease(entry, kept, damaged)?;
            if !is_kept {
                cache.add(entry.oid, &lease);
            }
            read.push(lease);
        }
        cache.close(files);
        Ok((read, highest))
    }

    /// Reads one lease, from its object unless its file was kept.
    fn read_lease(
        &self,
        entry: &TreeEntry,
        kept: Option<LeaseFile>,
        damaged: &dyn Fn(String) -> LedgerError,
    ) -> Result<Lease, LedgerError> {
        let wrong = |what: String| damaged(format!("leases/{}: {what}", entry.name));
        let file = match kept {
            Some(file) => file,
            None => {
                let bytes = self.repo().blob_within(entry.oid, MOST_BYTES)?;
                let bytes = bytes.ok_or_else(|| wrong("it is too large".to_owned()))?;
                LeaseFile::from_toml(&bytes).map_err(wrong)?
            }
        };
        if entry.name != file_name(file.task()) {
            return Err(wrong(format!("it is the lease of {}", file.task())));
        }
        file.lease(self.case()).map_err(wrong)
    }

    /// Reads the leases that are not known already: few, so that opening the cache would cost more. What was known not
    /// to be near is left out again. Answers also the highest fence that was known.
    fn read_other_leases(
        &self,
        files: &[TreeEntry],
        known: State,
        damaged: &dyn Fn(String) -> LedgerError,
    ) -> Result<(Vec<Lease>, Fence), LedgerError> {
        let highest = known.book.last_fence();
        let mut leases: HashMap<_, _> =
            known.book.into_leases().into_iter().map(|lease| (file_name(&lease.task), lease)).collect();
        let mut read = Vec::new();
        for entry in files {
            // Both lists are sorted by name.
            let place = known.files.binary_search_by(|file| file.name.cmp(&entry.name));
            if place.is_ok_and(|place| known.files[place].oid == entry.oid) {
                read.extend(leases.remove(&entry.name));
            } else {
                read.push(self.read_lease(entry, None, damaged)?);
            }
        }
        Ok((read, highest))
    }
}
