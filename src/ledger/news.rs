//! News: taking over what the remote that decides has, if it goes on from what was seen before.

use super::error::LedgerError;
use super::fate::News;
use super::fold;
use super::fold::Back;
use super::fold::Way;
use super::local::LEDGER;
use super::remote::PENDING;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use super::remote_error::FETCHED;
use crate::base::lock::Lock;
use crate::git::Oid;
use crate::git::refs::Expect;

/// An archive of the remote as it was fetched last.
const FETCHED_ARCHIVE: &str = "refs/odyssey/remote/archive";

/// How many archives are fetched to find what was seen last; whoever was away for more folds than that is told that the
/// ledger was rewritten.
const MOST_ARCHIVES: usize = 1_000;

impl Talk<'_> {
    /// Brings the archives that lie between what was fetched and what was seen last: without them it cannot be told whether
    /// the one goes on from the other.
    pub(super) fn bring_archives(&self, turn: &Lock) -> Result<(), LedgerError> {
        let (repo, authority) = (self.repo(), self.authority);
        let (Some(found), Some(known)) = (repo.reference(FETCHED)?, repo.reference(LEDGER)?) else {
            return Ok(());
        };
        let mut last = None;
        for _ in 0..MOST_ARCHIVES {
            let archived = match fold::back(repo, found, Some(known))? {
                Back::Away(archived) if last != Some(archived) => archived,
                Back::Away(_) | Back::There(_) | Back::Past(_) => break,
            };
            let name = format!("{}{archived}", fold::archives_of(authority.name()));
            let refs = [(name.as_str(), FETCHED_ARCHIVE)];
            let there =
                authority.remote().fetch(repo, &refs, &[known], turn).map_err(AuthorityError::from)?;
            // Without it there is no going on, and that is told by whoever looks next.
            if !there || repo.reference(FETCHED_ARCHIVE)? != Some(archived) {
                break;
            }
            // The next one takes the place where it was fetched to.
            fold::keep(repo, archived)?;
            last = Some(archived);
        }
        Ok(())
    }

    pub(super) fn take_news(&self, lock: &Lock) -> Result<News, LedgerError> {
        let Some(found) = self.repo().reference(FETCHED)? else { return Ok(News::None) };
        let Some(known) = self.repo().reference(LEDGER)? else {
            // The first time: what is there is what holds.
            self.repo().edit(LEDGER, Expect::Absent, found)?;
            return Ok(News::Others(1));
        };
        let (_, tip) = self.ends(lock)?;
        if found == known {
            return Ok(News::None);
        }
        let Back::There(way) = fold::back(self.repo(), found, Some(known))? else {
            let (remote, name) = (self.authority.remote().name.clone(), self.authority.name().to_owned());
            return Err(AuthorityError::Rewritten { remote, name, seen: known, found }.into());
        };
        if self.since(tip, known)?.is_some_and(|ours| ours.contains(&found)) {
            self.confirm(known, found)?;
            return Ok(News::Ours);
        }
        self.go_on(known, found, &way)?;
        Ok(News::Others(way.commits.len()))
    }

    /// Moves the ledger's ref here from what was confirmed to what is confirmed now. What is folded away on the way is kept.
    pub(super) fn go_on(&self, known: Oid, found: Oid, way: &Way) -> Result<(), LedgerError> {
        for archived in &way.archived {
            fold::keep(self.repo(), *archived)?;
        }
        // In this order: a kill in between leaves nothing pending, never something on another ground.
        self.drop_pending()?;
        self.repo().edit(LEDGER, Expect::At(known), found)?;
        self.drop_pending()
    }

    pub(super) fn confirm(&self, known: Oid, found: Oid) -> Result<(), LedgerError> {
        self.repo().edit(LEDGER, Expect::At(known), found)?;
        Ok(())
    }

    /// Lets nothing be on its way. The ref stays, at what is confirmed: removing a ref locks the packed ones, and a kill in
    /// that moment would leave their lock in everybody's way.
    pub(super) fn drop_pending(&self) -> Result<(), LedgerError> {
        let (pending, confirmed) = (self.repo().reference(PENDING)?, self.repo().reference(LEDGER)?);
        if let (Some(pending), Some(confirmed)) = (pending, confirmed)
            && pending != confirmed
        {
            self.repo().edit(PENDING, Expect::At(pending), confirmed)?;
        }
        Ok(())
    }
}
