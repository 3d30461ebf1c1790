//! The ledger decided by a remote: a change is decided on what the remote has, pushed from there, and made when it says so.
//!
//! Three refs tell the whole state:
//!
//! ```text
//! refs/odyssey/ledger            what the remote has confirmed: all that is ever read
//! refs/odyssey/remote/pending    changes on top of it that are being sent, of all processes of this machine; else on none
//! refs/odyssey/remote/ledger     what the last fetch found
//! ```
//!
//! One process at a time talks to the remote: it has the turn, a lock that its git holds too. Whoever comes meanwhile decides
//! on top of what is pending, adds its commit, and is sent with the next push: one push for all. A commit is made when the
//! confirmed history has it, and lost when neither that nor what is pending has it; then it is decided again. Its name
//! is the operation's name: after an answer that was lost, the remote's history tells which it was.

use std::cell::Cell;
use std::time::Duration;
use std::time::Instant;

use super::error::LedgerError;
use super::fate::Fate;
use super::fate::News;
use super::fold;
use super::fold::Back;
use super::local::LEDGER;
use super::local::Ledger;
use super::patience::Losses;
use super::patience::Patience;
use super::remote_error::AuthorityError;
use super::remote_error::FETCHED;
use super::rounds::Rounds;
use super::seen::Seen;
use super::state::State;
use crate::base::clock::Clock;
use crate::base::clock::Timestamp;
use crate::base::lock::Lock;
use crate::base::text;
use crate::domain::book::Entry;
use crate::domain::event::EventKind;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::remote::Move;
use crate::git::remote::Pushed;
use crate::git::remote::Remote;
use crate::git::repo::Repo;

/// The changes of this machine's processes that the remote has not confirmed.
pub const PENDING: &str = "refs/odyssey/remote/pending";

/// The most changes of one machine that can be on their way at once; what is further from what is confirmed is not on its way.
const MOST_PENDING: usize = 1_000;

/// How long one fetch or push may take, unless `odyssey.remoteTimeout` says otherwise.
const LIMIT: Duration = Duration::from_secs(30);

/// How long whoever talks to the remote waits for those who were turned down with it to decide again.
const GATHERING: Duration = Duration::from_millis(15);

/// The remote that decides.
#[derive(Debug)]
pub struct Authority {
    remote: Remote,
    /// The ledger's name there.
    name: String,
    clock: Clock,
    /// Whether this process has just learned how the remote stands.
    fresh: Cell<bool>,
}

impl Authority {
    /// The remote that the repository's configuration names, if it names one.
    ///
    /// # Errors
    /// When the time limit is none.
    pub fn configured(repo: &Repo, clock: Clock) -> Result<Option<Authority>, AuthorityError> {
        let Some(name) = setting(repo, "odyssey.remote") else { return Ok(None) };
        let ledger = setting(repo, "odyssey.remoteLedger").unwrap_or_else(|| LEDGER.to_owned());
        Authority::of(repo, name, ledger, clock).map(Some)
    }

    /// The remote of this name or address, with the time limit that the repository's configuration sets.
    ///
    /// # Errors
    /// As for [`Authority::configured`].
    pub fn of(repo: &Repo, name: String, ledger: String, clock: Clock) -> Result<Authority, AuthorityError> {
        let limit = match setting(repo, "odyssey.remoteTimeout") {
            None => LIMIT,
            Some(written) => limit(&written).ok_or(AuthorityError::BadLimit(written))?,
        };
        Ok(Authority::new(Remote { name, limit }, ledger, clock))
    }

    /// A remote whose ledger has this name there.
    pub fn new(remote: Remote, name: String, clock: Clock) -> Authority {
        Authority { remote, name, clock, fresh: Cell::new(false) }
    }

    /// The remote.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The ledger's full name there.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This machine's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Learns how the remote stands.
    ///
    /// # Errors
    /// As for [`Ledger::refresh`].
    pub(super) fn refresh(&self, ledger: &Ledger<'_>) -> Result<(), LedgerError> {
        let talk = Talk { ledger, authority: self };
        let (rounds, mut patience) = (talk.rounds(), Patience::new(self.remote.limit));
        let came = rounds.now();
        while !rounds.has_ended_since(came) {
            match talk.try_turn()? {
                Some(turn) => {
                    talk.fetch(&turn, &[])?;
                    break;
                }
                None => patience.wait(&talk)?,
            }
        }
        self.fresh.set(true);
        Ok(())
    }

    /// This process has just learned how the remote stands.
    pub(super) fn learned(&self) {
        self.fresh.set(true);
    }
}

fn setting(repo: &Repo, key: &str) -> Option<String> {
    let value = repo.config(key).map(|value| value.to_str_lossy().trim().to_owned());
    value.filter(|value| !value.is_empty())
}

fn limit(written: &str) -> Option<Duration> {
    match written.parse() {
        Ok(0) => None,
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => text::parse_duration(written).ok(),
    }
}

/// A change that was written and is to be confirmed.
struct Made<T> {
    commit: Oid,
    /// What the remote had confirmed when it was decided.
    since: Oid,
    answer: T,
}

/// One process's talk with the remote.
pub(super) struct Talk<'a> {
    pub(super) ledger: &'a Ledger<'a>,
    pub(super) authority: &'a Authority,
}

/// Changes the ledger where a remote decides: see [`Ledger::change`].
///
/// # Errors
/// What `decide` refuses on what the remote has now, and whatever keeps the remote from answering.
pub(super) fn change<T, E: From<LedgerError>>(
    ledger: &Ledger<'_>,
    authority: &Authority,
    now: Timestamp,
    mut decide: impl FnMut(&State) -> Result<(Vec<Entry>, T), E>,
) -> Result<T, E> {
    let talk = Talk { ledger, authority };
    let mut made: Vec<Made<T>> = Vec::new();
    let mut patience = Patience::new(authority.remote.limit);
    let mut losses: Option<Losses> = None;
    let (rounds, came) = (talk.rounds(), talk.rounds().now());
    // What is refused on top of changes that may yet be lost is refused for good only without them.
    let mut joins = true;
    loop {
        let turn = talk.try_turn()?;
        let mut waits = false;
        for place in (0..made.len()).rev() {
            match talk.fate(made[place].commit, made[place].since)? {
                Fate::Confirmed => {
                    authority.fresh.set(false);
                    return Ok(made.swap_remove(place).answer);
                }
                Fate::Pending => waits = true,
                Fate::Dropped => {}
            }
        }
        let Some(turn) = turn else {
            if waits {
                patience.wait(&talk).map_err(|error| unknown(&talk, &made, error))?;
            } else if !joins {
                patience.wait(&talk)?;
            } else {
                match talk.decide(now, &mut decide) {
                    Ok(Decided::Made(new)) => made.push(new),
                    Ok(Decided::Nothing { .. }) | Err(_) => joins = false,
                }
            }
            continue;
        };
        let losses = losses.get_or_insert_with(|| Losses::begin(&talk));
        if !waits {
            if !authority.fresh.take() && !rounds.has_ended_since(came) {
                talk.fetch(&turn, &[])?;
                if let Some(place) = talk.confirmed(&made)? {
                    return Ok(made.swap_remove(place).answer);
                }
            }
            match talk.decide(now, &mut decide) {
                Ok(Decided::Made(new)) => made.push(new),
                Ok(Decided::Nothing { sure: true, answer }) => return Ok(answer),
                Err(refused) if talk.is_settled()? => return Err(refused),
                // First what others of this machine wait for, then again.
                Ok(Decided::Nothing { .. }) | Err(_) => joins = false,
            }
        }
        if losses.had_company {
            // Those who were turned down with us are deciding again.
            std::thread::sleep(GATHERING);
        }
        let begun = Instant::now();
        let Some((company, pushed)) = talk.push(&turn)? else { continue };
        losses.had_company = company;
        match pushed {
            Pushed::Applied => {
                losses.taken();
                authority.fresh.set(true);
            }
            Pushed::Doubtful(doubt) => {
                if doubt.refused {
                    losses.refused(begun.elapsed());
                }
                match talk.fetch(&turn, &[]) {
                    Ok(News::Ours | News::Others(_)) => authority.fresh.set(true),
                    Ok(News::None) => losses.not_taken(&talk, &doubt, made.last().map(|last| last.commit))?,
                    Err(error) => return Err(unknown(&talk, &made, error).into()),
                }
            }
        }
    }
}

fn unknown<T>(talk: &Talk<'_>, made: &[Made<T>], why: LedgerError) -> LedgerError {
    match made.last() {
        Some(last) => talk.unknown(last.commit, &why),
        None => why,
    }
}

/// What a decision came to.
enum Decided<T> {
    /// A commit on top of what is pending.
    Made(Made<T>),
    /// There is nothing to change.
    Nothing {
        /// Whether that was decided on confirmed ground only.
        sure: bool,
        answer: T,
    },
}

impl Talk<'_> {
    pub(super) fn repo(&self) -> &Repo {
        self.ledger.repo()
    }

    fn rounds(&self) -> Rounds {
        Rounds::of(&self.ledger.folder())
    }

    /// The right to talk to the remote, if nobody else on this machine has it.
    fn try_turn(&self) -> Result<Option<Lock>, LedgerError> {
        Ok(Lock::attempt(&self.ledger.folder().join("lock").join("remote"))?)
    }

    /// Waits for the right to talk to the remote.
    pub(super) fn turn(&self) -> Result<Lock, LedgerError> {
        let mut patience = Patience::new(self.authority.remote.limit);
        loop {
            match self.try_turn()? {
                Some(turn) => return Ok(turn),
                None => patience.wait(self)?,
            }
        }
    }

    /// What the remote has confirmed, and the last change that is on its way, which is the same when there is none.
    ///
    /// Asked under the ledger's lock, so that both belong together.
    pub(super) fn ends(&self, _lock: &Lock) -> Result<(Oid, Oid), LedgerError> {
        let confirmed = self.repo().reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?;
        let pending = self.repo().reference(PENDING)?;
        match pending {
            Some(pending) if self.is_near(pending, confirmed)? => Ok((confirmed, pending)),
            _ => Ok((confirmed, confirmed)),
        }
    }

    /// Whether a commit is on top of another, with no more between them than one machine ever has on its way.
    pub(super) fn is_near(&self, tip: Oid, old: Oid) -> Result<bool, LedgerError> {
        let mut next = tip;
        for _ in 0..=MOST_PENDING {
            if next == old {
                return Ok(true);
            }
            let Some(parent) = self.repo().commit(next)?.parents.first().copied() else { break };
            next = parent;
        }
        Ok(false)
    }

    /// The commits from `tip` back to `old`, which is not among them; nothing when `old` is not in the history of `tip`.
    pub(super) fn since(&self, tip: Oid, old: Oid) -> Result<Option<Vec<Oid>>, LedgerError> {
        Ok(match fold::back(self.repo(), tip, Some(old))? {
            Back::There(way) => Some(way.commits),
            Back::Away(_) | Back::Past(_) => None,
        })
    }

    pub(super) fn fate(&self, commit: Oid, since: Oid) -> Result<Fate, LedgerError> {
        let lock = self.ledger.lock()?;
        let (confirmed, tip) = self.ends(&lock)?;
        let has = |tip, old| -> Result<bool, LedgerError> {
            Ok(self.since(tip, old)?.is_some_and(|commits| commits.contains(&commit)))
        };
        Ok(match () {
            () if has(confirmed, since)? => Fate::Confirmed,
            () if has(tip, confirmed)? => Fate::Pending,
            () => Fate::Dropped,
        })
    }

    fn confirmed<T>(&self, made: &[Made<T>]) -> Result<Option<usize>, LedgerError> {
        for (place, one) in made.iter().enumerate() {
            if self.fate(one.commit, one.since)? == Fate::Confirmed {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Whether nothing is on its way.
    fn is_settled(&self) -> Result<bool, LedgerError> {
        let lock = self.ledger.lock()?;
        let (confirmed, tip) = self.ends(&lock)?;
        Ok(confirmed == tip)
    }

    /// Decides on top of what is pending.
    fn decide<T, E: From<LedgerError>>(
        &self,
        now: Timestamp,
        decide: &mut impl FnMut(&State) -> Result<(Vec<Entry>, T), E>,
    ) -> Result<Decided<T>, E> {
        let lock = self.ledger.lock()?;
        let (since, tip) = self.ends(&lock)?;
        let state = self.ledger.read_now(tip)?;
        let (entries, answer) = decide(&state)?;
        if entries.is_empty() {
            return Ok(Decided::Nothing { sure: since == tip, answer });
        }
        let entries = self.as_written(tip, entries)?;
        let commit = self.ledger.append_to(PENDING, state, &entries, now)?;
        Ok(Decided::Made(Made { commit, since, answer }))
    }

    /// Entries as they are to be written: an end that an event leaves alone is the written one, not the one by the clock here.
    pub(super) fn as_written(&self, tip: Oid, mut entries: Vec<Entry>) -> Result<Vec<Entry>, LedgerError> {
        let keeps = |entry: &Entry| {
            matches!(entry.event.kind, EventKind::Park | EventKind::Extend) && !entry.put.is_empty()
        };
        if !entries.iter().any(keeps) {
            return Ok(entries);
        }
        let written = self.ledger.read_at(tip)?.book;
        for lease in entries.iter_mut().filter(|entry| keeps(entry)).flat_map(|entry| &mut entry.put) {
            if let Some(old) = written.get(&lease.task).filter(|old| old.fence == lease.fence) {
                lease.expires_at = old.expires_at;
            }
        }
        Ok(entries)
    }

    /// Learns how the remote stands. What was on its way and was not taken is dropped when others were quicker. More refs of
    /// the remote come along: each from its name there to a name here.
    pub(super) fn fetch(&self, turn: &Lock, more: &[(&str, &str)]) -> Result<News, LedgerError> {
        let Authority { remote, name, .. } = self.authority;
        let known = self.repo().reference(LEDGER)?;
        let mut refs = vec![(name.as_str(), FETCHED)];
        refs.extend(more);
        let (round, asked) = (self.rounds().begin()?, self.authority.clock.now());
        let mut near: Vec<Oid> = known.into_iter().collect();
        for (theirs, _) in more {
            near.extend(self.repo().reference(theirs)?);
        }
        let there = remote.fetch(self.repo(), &refs, &near, turn).map_err(AuthorityError::from)?;
        if !there {
            let (address, ledger) = (remote.name.clone(), name.clone());
            let absent = remote.is_absent(self.repo(), name, turn).map_err(AuthorityError::from)?;
            if let (false, Some((target, _))) = (absent, more.first()) {
                let here = self.repo().reference(target)?;
                let name = (*target).to_owned();
                return Err(AuthorityError::NotLevel { remote: address, name, here, there: None }.into());
            }
            let (remote, name) = (address, ledger);
            return Err(match known {
                Some(_) => AuthorityError::Gone { remote, name },
                None => AuthorityError::NotPrepared { remote, name },
            }
            .into());
        }
        self.bring_archives(turn)?;
        let lock = self.ledger.lock()?;
        let news = self.take_news(&lock)?;
        Seen::of(&self.ledger.folder()).ask(asked)?;
        self.rounds().end(round)?;
        Ok(news)
    }

    /// Sends what is pending. Answers whether it was of several, and how it went; nothing when
    /// nothing is pending.
    pub(super) fn push(&self, turn: &Lock) -> Result<Option<(bool, Pushed)>, LedgerError> {
        let (known, tip, count) = {
            let lock = self.ledger.lock()?;
            let (known, tip) = self.ends(&lock)?;
            (known, tip, self.since(tip, known)?.map_or(0, |commits| commits.len()))
        };
        if known == tip {
            return Ok(None);
        }
        let moves = [Move { name: self.authority.name.clone(), expected: Some(known), new: tip }];
        let round = self.rounds().begin()?;
        let pushed = self.authority.remote.push(self.repo(), &moves, turn)?;
        if let Pushed::Applied = &pushed {
            let _lock = self.ledger.lock()?;
            self.confirm(known, tip)?;
            self.rounds().end(round)?;
        }
        Ok(Some((count > 1, pushed)))
    }

    /// The failure of whoever does not learn what became of a commit.
    pub(super) fn unknown(&self, commit: Oid, why: &LedgerError) -> LedgerError {
        let remote = self.authority.remote.name.clone();
        AuthorityError::Unknown { remote, commit, why: why.to_string() }.into()
    }
}
