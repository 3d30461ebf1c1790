//! The ledger's history: its events, newest first, those in archives too.

use super::error::LedgerError;
use super::fold;
use super::fold::Before;
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
    /// What it folded away, if it is a fold: the walk goes on there if that is here.
    #[serde(skip)]
    pub archived: Option<Oid>,
}

fn hex<S: serde::Serializer>(oid: &Oid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(oid)
}

/// The events from the newest back, read one at a time. They end before an archive that is not here.
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
            next = match fold::before(repo, &commit) {
                Ok(Before::At(before)) => Some(before),
                Ok(Before::Nothing | Before::Away(_) | Before::False(_)) => None,
                Err(error) => return Some(Err(error.into())),
            };
            // A commit that somebody else put here by hand is not an event, but it hides none either.
            if let Some(event) = Recorded::read(&commit.message.to_str_lossy()) {
                let by = commit.author.0.to_str_lossy().into_owned();
                let archived = fold::archived(&commit);
                return Some(Ok(Past { commit: oid, at: commit.time, by, event, archived }));
            }
        }
    }))
}
