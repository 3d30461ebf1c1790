//! A cache of lease files by their object: a hook must not read a thousand small objects at every commit.
//!
//! What it holds is named by the hash of its content, so it can be old but never wrong; a broken cache is made anew.

use std::collections::HashMap;
use std::path::Path;

use super::codec::LeaseFile;
use crate::base::atomic;
use crate::git::Oid;

/// How many leases may be missing before the cache is written again: reading as many objects takes about as long.
const TOLERATED: usize = 64;

/// The lease files that were read before.
#[derive(Debug, Default)]
pub struct LeaseCache {
    files: HashMap<Oid, LeaseFile>,
    missed: usize,
}

impl LeaseCache {
    /// Reads the cache, if there is a good one.
    pub fn read(path: &Path) -> LeaseCache {
        let read = || -> Option<HashMap<Oid, LeaseFile>> {
            let bytes = atomic::read(path).ok()??;
            let rows: Vec<(String, LeaseFile)> = serde_json::from_slice(&bytes).ok()?;
            rows.into_iter().map(|(oid, file)| Some((Oid::from_hex(oid.as_bytes()).ok()?, file))).collect()
        };
        LeaseCache { files: read().unwrap_or_default(), missed: 0 }
    }

    /// Takes a lease file out of the cache.
    pub fn take(&mut self, oid: Oid) -> Option<LeaseFile> {
        let found = self.files.remove(&oid);
        self.missed += usize::from(found.is_none());
        found
    }

    /// Whether so much was missing that a new cache is worth writing.
    pub fn is_stale(&self) -> bool {
        self.missed > TOLERATED
    }

    /// Writes a cache of these files. A cache that cannot be written is only slower.
    pub fn write(path: &Path, files: &[(Oid, LeaseFile)]) {
        let rows: Vec<(String, &LeaseFile)> =
            files.iter().map(|(oid, file)| (oid.to_string(), file)).collect();
        let written = serde_json::to_vec(&rows).map(|bytes| atomic::replace(path, &bytes));
        if !matches!(written, Ok(Ok(()))) {
            tracing::debug!(path = %path.display(), "the cache of leases was not written");
        }
    }
}
