//! Folding: the ledger's history goes into an archive, and the ledger goes on from one commit. No lease changes by it.
//!
//! The archive is there before the ledger has moved, so a kill in between leaves the ledger as it was. Whoever has decided on
//! what the ledger was before loses the compare-and-swap, and decides again on the same leases.

use std::time::Instant;

use super::error::LedgerError;
use super::fate::Fate;
use super::fate::News;
use super::fold;
use super::fold::Back;
use super::fold::Way;
use super::local::LEDGER;
use super::local::Ledger;
use super::patience::Losses;
use super::remote::Authority;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use crate::base::clock::Timestamp;
use crate::base::text;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::refs::Expect;
use crate::git::remote::Move;
use crate::git::remote::Pushed;

/// Keeps the fold that is being sent to a remote until it is confirmed.
const FOLD: &str = "refs/odyssey/remote/fold";

/// A fold that was made.
#[derive(Debug, Clone, Copy)]
pub struct Folded {
    /// The ledger's commit now.
    pub commit: Oid,
    /// What it was before, which is kept as the archive of this name.
    pub archived: Oid,
    /// How many events went into the archive.
    pub events: usize,
}

impl Ledger<'_> {
    /// Folds the ledger's history into an archive. Answers nothing, and has changed nothing, where the ledger is one commit.
    ///
    /// # Errors
    /// When the ledger cannot be read in every part, or written; where a remote decides, when that does not take it.
    pub fn fold(&self, now: Timestamp) -> Result<Option<Folded>, LedgerError> {
        if let Some(authority) = self.authority() {
            return authority.fold(self, now);
        }
        let _lock = self.lock()?;
        loop {
            let tip = self.repo().reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?;
            let Some(folded) = self.write_fold(tip, now)? else { return Ok(None) };
            fold::keep(self.repo(), tip)?;
            self.sync_ref(&format!("{}{tip}", fold::ARCHIVES))?;
            match self.move_to(Expect::At(tip), folded.commit, &[folded.commit]) {
                Ok(()) => return Ok(Some(folded)),
                // Somebody wrote without the lock, or what was written is gone. That archive is a part of the next one.
                Err(LedgerError::Git(GitError::Moved { .. } | GitError::Collected(_))) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the fold of a commit, in no ref yet; nothing where there is nothing to fold.
    fn write_fold(&self, tip: Oid, now: Timestamp) -> Result<Option<Folded>, LedgerError> {
        // What cannot be read has its last good state in its history.
        self.read_at(tip)?;
        let repo = self.repo();
        let (mut events, mut next) = (0, Some(tip));
        while let Some(commit) = next {
            events += 1;
            next = repo.commit(commit)?.parents.first().copied();
        }
        if events == 1 {
            return Ok(None);
        }
        let subject = format!("compact {}", text::count(events, "event"));
        let event = Event { kind: EventKind::Compact, task: None, fence: None, subject, facts: Vec::new() };
        let event = event.fact(fold::ARCHIVE, tip.to_string());
        let commit = self.write_event(repo.commit(tip)?.tree, None, &event, now, &mut Vec::new())?;
        Ok(Some(Folded { commit, archived: tip, events }))
    }
}

impl Authority {
    /// Folds the history where it is decided: the ledger moves there and its archive is made there, both or neither.
    fn fold(&self, ledger: &Ledger<'_>, now: Timestamp) -> Result<Option<Folded>, LedgerError> {
        let talk = Talk { ledger, authority: self };
        let turn = talk.turn()?;
        let repo = ledger.repo();
        let mut losses = Losses::begin(&talk);
        let mut sent: Option<Folded> = None;
        let mut doubt = None;
        loop {
            let news = match (talk.fetch(&turn, &[]), sent) {
                (Ok(news), _) => news,
                (Err(error), None) => return Err(error),
                (Err(error), Some(sent)) => return Err(talk.unknown(sent.commit, &error)),
            };
            if let Some(sent) = sent
                && talk.fate(sent.commit, sent.archived)? == Fate::Confirmed
            {
                return Ok(Some(sent));
            }
            match (news, doubt.take()) {
                (News::None, Some(doubt)) => {
                    losses.not_taken(&talk, &doubt, sent.map(|sent| sent.commit))?;
                }
                (News::None | News::Ours | News::Others(_), _) => {}
            }
            let known = repo.reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?;
            let Some(folded) = ledger.write_fold(known, now)? else { return Ok(None) };
            repo.edit(FOLD, Expect::value(repo.reference(FOLD)?), folded.commit)?;
            let mut moves =
                vec![Move { name: self.name().to_owned(), expected: Some(known), new: folded.commit }];
            let archive = format!("{}{known}", fold::archives_of(self.name()));
            if self.remote().is_absent(repo, &archive, &turn).map_err(AuthorityError::from)? {
                moves.push(Move { name: archive, expected: None, new: known });
            }
            sent = Some(folded);
            let begun = Instant::now();
            match self.remote().push(repo, &moves, &turn)? {
                Pushed::Applied => {
                    losses.taken();
                    let _lock = ledger.lock()?;
                    talk.go_on(known, folded.commit, &Way { commits: Vec::new(), archived: vec![known] })?;
                    return Ok(Some(folded));
                }
                Pushed::Doubtful(what) => {
                    if what.refused {
                        losses.refused(begun.elapsed());
                    }
                    doubt = Some(what);
                }
            }
        }
    }
}

/// The moves that give a remote the archives of a ledger that it is given.
pub(super) fn archives(ledger: &Ledger<'_>, tip: Oid, name: &str) -> Result<Vec<Move>, LedgerError> {
    let archived = match fold::back(ledger.repo(), tip, None)? {
        Back::There(way) | Back::Past(way) => way.archived,
        // A part of the history is not here: whether it is taken so is for the remote to say.
        Back::Away(_) => Vec::new(),
    };
    let prefix = fold::archives_of(name);
    let one = |oid: &Oid| Move { name: format!("{prefix}{oid}"), expected: None, new: *oid };
    Ok(archived.iter().map(one).collect())
}
