//! Patience: how long to wait for the others, of this machine and of others, who want to change the ledger too.

use std::time::Duration;
use std::time::Instant;

use super::crowd::Crowd;
use super::crowd::chance;
use super::error::LedgerError;
use super::local::LEDGER;
use super::remote::PENDING;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use crate::git::Oid;
use crate::git::refs::Expect;
use crate::git::remote::Doubt;

/// How long to wait for another process of this machine that talks to the remote.
pub(super) struct Patience {
    most: Duration,
    begun: Instant,
    known: Option<Oid>,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Patience {
        // A fetch, a push and a fetch, and room for a slow start.
        Patience {
            most: limit.saturating_mul(3).saturating_add(Duration::from_secs(10)),
            begun: Instant::now(),
            known: None,
        }
    }

    /// Waits a little. As long as the ledger moves, whoever has the turn comes to its end.
    pub(super) fn wait(&mut self, talk: &Talk<'_>) -> Result<(), LedgerError> {
        let known = talk.repo().reference(LEDGER)?;
        if known != self.known {
            (self.known, self.begun) = (known, Instant::now());
        }
        if self.begun.elapsed() > self.most {
            return Err(AuthorityError::Busy { remote: talk.authority.remote().name.clone() }.into());
        }
        std::thread::sleep(chance(Duration::from_millis(8)));
        Ok(())
    }
}

/// What was lost to others so far, and how long to stand back for it.
pub(super) struct Losses {
    crowd: Crowd,
    /// How often others were quicker.
    lost: u32,
    /// How often the remote did not take what nobody was in the way of.
    not_taken: u32,
    /// Whether one of these times it did not say so: then it may take it yet.
    unanswered: bool,
    /// Whether other processes of this machine sent with us.
    pub(super) had_company: bool,
}

/// What was on its way last when a change was given up.
pub(super) const LEFT: &str = "refs/odyssey/remote/left";

/// How often a change that the remote did not take, and that nobody else's was in the way of, is sent.
const TRIES: u32 = 2;

impl Losses {
    /// Nothing yet. Stands back for those who were quicker than this machine the last times.
    pub(super) fn begin(talk: &Talk<'_>) -> Losses {
        let crowd = Crowd::of(&talk.ledger.folder());
        crowd.stand_back(0);
        Losses { crowd, lost: 0, not_taken: 0, unanswered: false, had_company: false }
    }

    /// Counts a push that was refused after so long, for others were quicker, and stands back.
    pub(super) fn refused(&mut self, push: Duration) {
        self.lost += 1;
        self.crowd.lost(push);
        self.crowd.stand_back(self.lost);
    }

    /// Counts a push that was taken.
    pub(super) fn taken(&self) {
        self.crowd.won();
    }

    /// Counts a change that the remote has not taken although nobody was in the way; too many are a refusal, if it was told
    /// so. Without a word it may only be slow, and take it yet: then it is unknown what becomes of `sent`.
    pub(super) fn not_taken(
        &mut self,
        talk: &Talk<'_>,
        doubt: &Doubt,
        sent: Option<Oid>,
    ) -> Result<(), LedgerError> {
        self.not_taken += 1;
        self.unanswered |= !doubt.refused;
        if self.not_taken < TRIES {
            return Ok(());
        }
        let (remote, said) = (talk.authority.remote().name.clone(), doubt.said.clone());
        if let (Some(commit), false) = (sent, !self.unanswered) {
            return Err(AuthorityError::Unknown { remote, commit, why: said }.into());
        }
        let _lock = talk.ledger.lock()?;
        // Others may have sent a part of it before, and not been answered.
        if let Some(pending) = talk.repo().reference(PENDING)? {
            talk.repo().edit(LEFT, Expect::value(talk.repo().reference(LEFT)?), pending)?;
        }
        talk.drop_pending()?;
        Err(AuthorityError::NotTaken { remote, said }.into())
    }
}
