//! The ledger's history: its events, newest first.

use super::error::LedgerError;
use super::local::LEDGER;
use crate::base::clock::Timestamp;
use crate::domain::event::Recorded;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::repo::Repo;

/// One event with when it was written and by whom.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Past {
    /// The ledger's commit.
    #[serde(serialize_with = "hex")]
    pub commit: Oid,
    /// When.
    pub at: Timestamp,
    /// Whose git identity wrote it.
    pub by: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Recorded,
}

fn hex<S: serde::Serializer>(oid: &Oid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(oid)
}

/// The events from the newest back, read one at a time.
///
/// # Errors
/// When there is no ledger. A commit that cannot be read ends the walk with its error.
pub fn events(repo: &Repo) -> Result<impl Iterator<Item = Result<Past, LedgerError>> + '_, LedgerError> {
    let mut next = Some(repo.reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?);
    Ok(std::iter::from_fn(move || {
        loop {
            let oid = next.take()?;
            let commit = match repo.commit(oid) {
                Ok(commit) => commit,
                Err(error) => return Some(Err(error.into())),
            };
            next = commit.parents.first().copied();
            // A commit that somebody else put here by hand is not an event, but it hides none either.
            if let Some(event) = Recorded::read(&commit.message.to_str_lossy()) {
                let by = commit.author.0.to_str_lossy().into_owned();
                return Some(Ok(Past { commit: oid, at: commit.time, by, event }));
            }
        }
    }))
}
