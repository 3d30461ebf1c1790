//! A landing that a remote decides: its target and its ledger move in one push, each from its expected value, or neither does.

use std::time::Instant;

use super::error::LedgerError;
use super::fate::Fate;
use super::fate::News;
use super::local::LEDGER;
use super::local::Ledger;
use super::patience::Losses;
use super::remote::Authority;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use super::state::State;
use crate::base::clock::Timestamp;
use crate::base::lock::Lock;
use crate::domain::book::Entry;
use crate::git::Oid;
use crate::git::refs::Expect;
use crate::git::refs::Step;
use crate::git::remote::Doubt;
use crate::git::remote::Move;
use crate::git::remote::Pushed;

/// The remote has moved its target and its ledger; ours are still to follow.
#[derive(Debug)]
pub struct Landed {
    /// What the ledger's ref here was at, and where it goes.
    ledger: (Oid, Oid),
    /// Nobody else on this machine talks to the remote until ours have followed.
    _turn: Lock,
}

impl Landed {
    /// The steps that let the ledger's ref here follow, for the transaction that moves the target here.
    ///
    /// # Errors
    /// When a ref cannot be read.
    pub fn steps(&self, ledger: &Ledger<'_>) -> Result<Vec<Step>, LedgerError> {
        let (from, to) = self.ledger;
        let repo = ledger.repo();
        let now = repo.reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?;
        let mut steps = vec![if now == from {
            Step::Update(LEDGER.to_owned(), Expect::At(from), to)
        } else {
            // Learned by a fetch, which has moved it.
            Step::Verify(LEDGER.to_owned(), Expect::At(now))
        }];
        steps.extend(repo.reference(LANDING)?.map(|commit| Step::Delete(LANDING.to_owned(), commit)));
        Ok(steps)
    }
}

/// Keeps the ledger's commit of a landing until it is confirmed. It is in no other push: without the target's it would be
/// a lie.
pub(super) const LANDING: &str = "refs/odyssey/remote/landing";

/// Where a ref of the remote stands here as it was fetched last.
///
/// `refs/heads/x` and `refs/heads/x/y` are never there at the same time, and ours of both may be: a folder's name has another
/// ending than a ref's.
pub fn fetched(name: &str) -> String {
    let path = name.strip_prefix("refs/").unwrap_or(name).replace('/', ".in/");
    format!("refs/odyssey/remote/{path}.at")
}

impl Authority {
    /// Lets the remote move `target` and its ledger, with the entries that `decide` answers on what the ledger is there.
    ///
    /// # Errors
    /// What `decide` refuses; when the remote's target is not at the expected value; when the remote refuses or is away.
    /// Nothing has moved then, here or there, except for [`AuthorityError::Unknown`].
    pub fn land<E: From<LedgerError>>(
        &self,
        ledger: &Ledger<'_>,
        target: &Move,
        now: Timestamp,
        mut decide: impl FnMut(&State) -> Result<Vec<Entry>, E>,
    ) -> Result<Landed, E> {
        let talk = Talk { ledger, authority: self };
        let turn = talk.turn()?;
        let mut losses = Losses::begin(&talk);
        let mut sent: Option<(Oid, Oid)> = None;
        let mut doubt: Option<Doubt> = None;
        loop {
            let news = match (talk.fetch(&turn, &[(&target.name, &fetched(&target.name))]), sent) {
                (Ok(news), _) => news,
                (Err(error), None) => return Err(error.into()),
                (Err(error), Some((_, commit))) => return Err(talk.unknown(commit, &error).into()),
            };
            if let Some((since, commit)) = sent
                && talk.fate(commit, since)? == Fate::Confirmed
            {
                return Ok(Landed { ledger: (since, commit), _turn: turn });
            }
            self.check_level(ledger, target)?;
            match (news, doubt.take()) {
                (News::None, Some(doubt)) => {
                    losses.not_taken(&talk, &doubt, sent.map(|(_, commit)| commit))?
                }
                (News::None | News::Ours | News::Others(_), _) => {}
            }
            let (since, commit) = {
                let lock = ledger.lock().map_err(E::from)?;
                let (since, _) = talk.ends(&lock)?;
                let state = ledger.read_now(since)?;
                let entries = talk.as_written(since, decide(&state)?)?;
                (since, ledger.append_to(LANDING, state, &entries, now)?)
            };
            sent = Some((since, commit));
            let moves =
                [Move { name: self.name().to_owned(), expected: Some(since), new: commit }, target.clone()];
            let begun = Instant::now();
            let pushed = self.remote().push(ledger.repo(), &moves, &turn).map_err(LedgerError::from)?;
            match pushed {
                Pushed::Applied => {
                    losses.taken();
                    return Ok(Landed { ledger: (since, commit), _turn: turn });
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

    /// Learns how the remote's target and ledger stand. Answers the target's commit there.
    ///
    /// # Errors
    /// When the remote is away, or has no such branch.
    pub fn target(&self, ledger: &Ledger<'_>, target: &str) -> Result<Option<Oid>, LedgerError> {
        let talk = Talk { ledger, authority: self };
        let turn = talk.turn()?;
        let name = fetched(target);
        talk.fetch(&turn, &[(target, &name)])?;
        Ok(ledger.repo().reference(&name)?)
    }

    fn check_level(&self, ledger: &Ledger<'_>, target: &Move) -> Result<(), LedgerError> {
        let there = ledger.repo().reference(&fetched(&target.name))?;
        if there == target.expected {
            return Ok(());
        }
        let (remote, name) = (self.remote().name.clone(), target.name.clone());
        Err(AuthorityError::NotLevel { remote, name, here: target.expected, there }.into())
    }
}
