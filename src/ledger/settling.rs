//! Settling: after it nothing that this machine has sent can still arrive at the remote, so that it may be taken back here.
//!
//! A push whose answer was lost may be on its way for a long time. It expects the ledger to be where it was, so it comes to
//! nothing as soon as the ledger is elsewhere. When nobody else has moved it, an event of our own that changes no lease does.

use super::error::LedgerError;
use super::fate::News;
use super::landing::LANDING;
use super::local::Ledger;
use super::patience::LEFT;
use super::remote::Authority;
use super::remote::PENDING;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use crate::base::lock::Lock;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::git::refs::Expect;
use crate::git::remote::Pushed;

impl Authority {
    /// Learns how the remote stands, and sees to it that what was on its way has arrived or never will.
    ///
    /// # Errors
    /// As for [`Ledger::refresh`]; when the remote does not take the event, or it cannot be learned whether it has. Then
    /// nothing may be taken back, and the next call tries again.
    pub(super) fn settle(&self, ledger: &Ledger<'_>) -> Result<(), LedgerError> {
        let talk = Talk { ledger, authority: self };
        let turn = talk.turn()?;
        talk.fetch(&turn, &[])?;
        if talk.write_settle()? {
            talk.send_settle(&turn)?;
        }
        self.learned();
        Ok(())
    }
}

impl Talk<'_> {
    /// Puts an event of our own in the place of what is on its way; nothing if nothing is.
    ///
    /// In one step: were it dropped first, a kill in between would leave no trace of what was sent. Whoever lives and
    /// waits for what was dropped decides again.
    fn write_settle(&self) -> Result<bool, LedgerError> {
        let lock = self.ledger.lock()?;
        let (confirmed, _) = self.ends(&lock)?;
        let mut sent = false;
        for name in [PENDING, LANDING, LEFT] {
            match self.repo().reference(name)?.filter(|tip| *tip != confirmed) {
                None => {}
                Some(tip) if self.is_near(tip, confirmed)? => sent = true,
                // On another ground, so it can arrive no more. Need not be looked at again.
                Some(tip) => self.repo().edit(name, Expect::At(tip), confirmed)?,
            }
        }
        if sent {
            let event = Event {
                kind: EventKind::Settle,
                task: None,
                fence: None,
                subject: "settle: what was sent before and not answered comes too late".to_owned(),
                facts: Vec::new(),
            };
            let state = self.ledger.read_now(confirmed)?;
            self.ledger.append_to(PENDING, state, &[Entry::note(event)], self.authority.clock().now())?;
        }
        Ok(sent)
    }

    fn send_settle(&self, turn: &Lock) -> Result<(), LedgerError> {
        match self.push(turn)? {
            None | Some((_, Pushed::Applied)) => Ok(()),
            Some((_, Pushed::Doubtful(doubt))) => match self.fetch(turn, &[])? {
                News::Ours | News::Others(_) => Ok(()),
                News::None => {
                    let (remote, said) = (self.authority.remote().name.clone(), doubt.said);
                    Err(AuthorityError::NotSettled { remote, said }.into())
                }
            },
        }
    }
}
