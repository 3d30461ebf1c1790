//! Annals: the ledger's events about tasks, kept as they were read, so that the next reader walks only what came since.
//!
//! The ledger is only ever added to, so nothing before one of its commits changes. Where the walk back from its tip does not come
//! by the commit up to which was read, as when somebody has put an older ledger back, all of it is read again.

use std::path::Path;

use super::error::LedgerError;
use super::history;
use crate::base::atomic;
use crate::base::clock::Timestamp;
use crate::base::packed::Packer;
use crate::base::packed::Unpacker;
use crate::domain::event::Recorded;
use crate::domain::lease::Fence;
use crate::git::Oid;
use crate::git::repo::Repo;

/// What the file begins with; another version begins anew.
const HEAD: &[u8] = b"odyssey annals 1\n";

/// An event about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The ledger's commit.
    pub commit: Oid,
    /// When.
    pub at: Timestamp,
    /// What happened, without its subject, and with those facts only that were asked for.
    pub event: Recorded,
}

/// What was read up to a commit, the oldest first.
#[derive(Debug, PartialEq, Eq)]
struct Annals {
    tip: Oid,
    told: Vec<Told>,
}

/// All events about tasks, the oldest first, with the facts of these names: those that are kept in a file, and what came since,
/// which is put there too. A file is for the same names always.
///
/// # Errors
/// When there is no ledger, or what has to be walked cannot be read.
pub fn read(repo: &Repo, file: &Path, facts: &[&str]) -> Result<Vec<Told>, LedgerError> {
    // One that cannot be read costs time, and nothing else.
    let kept = atomic::read(file).ok().flatten().and_then(|bytes| unpacked(&bytes));
    let (mut tip, mut new, mut joins) = (None, Vec::new(), false);
    for past in history::events(repo)? {
        let past = past?;
        tip = tip.or(Some(past.commit));
        if kept.as_ref().is_some_and(|kept| kept.tip == past.commit) {
            joins = true;
            break;
        }
        if past.event.task.is_some() {
            let mut event = past.event;
            event.subject.clear();
            event.facts.retain(|(name, _)| facts.contains(&name.as_str()));
            new.push(Told { commit: past.commit, at: past.at, event });
        }
    }
    new.reverse();
    let is_new = !joins || !new.is_empty();
    let mut told = kept.filter(|_| joins).map_or_else(Vec::new, |kept| kept.told);
    told.append(&mut new);
    let Some(tip) = tip.filter(|_| is_new) else { return Ok(told) };
    let annals = Annals { tip, told };
    if let Err(error) = atomic::put(file, &annals.packed()) {
        tracing::debug!(%error, "the ledger's annals were not written");
    }
    Ok(annals.told)
}

impl Annals {
    fn packed(&self) -> Vec<u8> {
        let mut to = Packer::default();
        to.text(self.tip.as_bytes());
        to.number(self.told.len() as u64);
        for Told { commit, at, event } in &self.told {
            to.text(commit.as_bytes());
            to.signed(at.as_second());
            to.text(event.event.as_bytes());
            to.text(event.task.as_ref().map_or("", |task| task.as_str()).as_bytes());
            to.maybe(event.fence.map(|fence| fence.0));
            to.number(event.facts.len() as u64);
            for (name, value) in &event.facts {
                to.text(name.as_bytes());
                to.text(value.as_bytes());
            }
        }
        let mut bytes = HEAD.to_vec();
        bytes.extend(adler2::adler32_slice(&to.bytes).to_le_bytes());
        bytes.extend(to.bytes);
        bytes
    }
}

/// Nothing when it is not whole, or of another version.
fn unpacked(bytes: &[u8]) -> Option<Annals> {
    let (sum, bytes) = bytes.strip_prefix(HEAD)?.split_first_chunk::<4>()?;
    if adler2::adler32_slice(bytes).to_le_bytes() != *sum {
        return None;
    }
    let mut from = Unpacker(bytes);
    let tip = Oid::try_from(from.text()?).ok()?;
    let mut told = Vec::new();
    for _ in 0..from.count()? {
        let commit = Oid::try_from(from.text()?).ok()?;
        let at = Timestamp::from_second(from.signed()?).ok()?;
        let event = from.string()?;
        let task = Some(from.string()?.parse().ok()?);
        let fence = from.maybe()?.map(Fence);
        let mut facts = Vec::new();
        for _ in 0..from.count()? {
            facts.push((from.string()?, from.string()?));
        }
        told.push(Told { commit, at, event: Recorded { event, task, fence, subject: String::new(), facts } });
    }
    from.0.is_empty().then_some(Annals { tip, told })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_as_it_was_and_no_part_of_it_does() -> Result<(), Box<dyn std::error::Error>> {
        let oid = |byte: u8| Oid::from([byte; 20]);
        let recorded = |name: &str, fence: Option<Fence>| Recorded {
            event: name.to_owned(),
            task: "auth".parse().ok(),
            fence,
            subject: String::new(),
            facts: vec![("Tier".to_owned(), "small".to_owned())],
        };
        let at: Timestamp = "2026-11-24T01:30:00Z".parse()?;
        let told = vec![
            Told { commit: oid(1), at, event: recorded("claim", Some(Fence(7))) },
            Told { commit: oid(2), at, event: recorded("of-tomorrow", None) },
        ];
        let annals = Annals { tip: oid(3), told };
        let bytes = annals.packed();
        for end in 0..bytes.len() {
            assert_eq!(unpacked(&bytes[..end]), None);
        }
        assert_eq!(unpacked(&bytes), Some(annals));
        Ok(())
    }
}
