//! Handing over: refs that hold a task's work, sent to the remote that decides and brought from there.

use super::error::LedgerError;
use super::landing::fetched;
use super::local::Ledger;
use super::remote::Authority;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use crate::git::Oid;
use crate::git::remote::Move;
use crate::git::remote::Pushed;

impl Authority {
    /// Brings a ref of the remote here, under a name of our own that keeps it. Answers nothing when the remote has none.
    ///
    /// # Errors
    /// When the remote cannot be reached in time.
    pub fn bring(&self, ledger: &Ledger<'_>, name: &str) -> Result<Option<Oid>, LedgerError> {
        let talk = Talk { ledger, authority: self };
        let turn = talk.turn()?;
        let kept = fetched(name);
        let there = self.remote().fetch(ledger.repo(), &[(name, &kept)], &[], &turn);
        Ok(if there.map_err(AuthorityError::from)? { ledger.repo().reference(&kept)? } else { None })
    }

    /// Sends a commit to a ref of the remote, which only ever goes forward by it.
    ///
    /// # Errors
    /// When the remote has commits there that this one does not reach, refuses it, or cannot be reached in time.
    pub fn send(&self, ledger: &Ledger<'_>, name: &str, commit: Oid) -> Result<(), LedgerError> {
        let expected = self.bring(ledger, name)?;
        let remote = self.remote().name.clone();
        match expected {
            Some(there) if there == commit => return Ok(()),
            Some(there) if !ledger.repo().reaches(commit, there)? => {
                return Err(AuthorityError::Diverged { remote, name: name.to_owned() }.into());
            }
            _ => {}
        }
        let turn = Talk { ledger, authority: self }.turn()?;
        let moves = [Move { name: name.to_owned(), expected, new: commit }];
        match self.remote().push(ledger.repo(), &moves, &turn)? {
            Pushed::Applied => Ok(()),
            // Whether it has arrived is asked: it is the same work either way.
            Pushed::Doubtful(doubt) => {
                drop(turn);
                match self.bring(ledger, name)? {
                    Some(there) if there == commit => Ok(()),
                    _ => Err(AuthorityError::NotTaken { remote, said: doubt.said }.into()),
                }
            }
        }
    }
}
