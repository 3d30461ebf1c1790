//! Waiting for regions to become free: woken by the ledger's ref, never by polling it.

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::base::clock::Clock;
use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::lock::Lock;
use crate::domain::region::RegionSet;
use crate::domain::task::TaskName;
use crate::guard::lines::Versions;
use crate::ledger::queue::Ticket;
use crate::ledger::watch::RefWatch;

use super::Context;
use super::session::Session;

/// How long a claim waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    None,
    /// At most this long.
    AtMost(Duration),
    /// Until it is granted.
    Endless,
}

/// A claim that may have to wait.
pub struct Waiting<'a> {
    context: &'a Context<'a>,
    patience: Patience,
    begun: Instant,
    /// Watches from before the first attempt, so that no change between attempt and wait is missed.
    watch: Option<RefWatch>,
    ticket: Option<Ticket>,
    /// Whose ticket is watched from a thread of its own.
    behind: Option<PathBuf>,
    told: bool,
    /// Whether it was said that the remote is away.
    told_away: bool,
    /// How often to look when nothing here tells of a change.
    look: Option<Duration>,
}

/// How long to wait for a lease's end when nobody says when that is.
const UNKNOWN_END: Duration = Duration::from_secs(60 * 60);

/// How often a remote that decides is asked: what happens there wakes nobody here.
const LOOK: Duration = Duration::from_secs(5);

impl<'a> Waiting<'a> {
    /// Gets ready to wait. `base` is the commit that the claim starts from, if it is not the target's.
    ///
    /// # Errors
    /// When the ref cannot be watched.
    pub fn begin(
        session: &Session,
        context: &'a Context<'a>,
        patience: Patience,
        task: &TaskName,
        regions: &RegionSet,
        base: Option<String>,
    ) -> Result<Waiting<'a>, Failure> {
        let (watch, ticket) = match patience {
            Patience::None => (None, None),
            Patience::AtMost(_) | Patience::Endless => {
                let watch = RefWatch::begin(session.repo.common_dir())?;
                let ledger = session.ledger();
                let ticket = Ticket::draw(&ledger.folder(), task, regions, base, ledger.case())?;
                (Some(watch), Some(ticket))
            }
        };
        let look = session.authority.as_ref().map(|_| LOOK);
        Ok(Waiting {
            context,
            patience,
            begun: Instant::now(),
            watch,
            ticket,
            behind: None,
            told: false,
            told_away: false,
            look,
        })
    }

    /// The time now, after whatever was waited.
    pub fn now(&self) -> Timestamp {
        match self.context.clock {
            Clock::System => self.context.clock.now(),
            // A pinned clock stands still; the time waited is added, so that a lease can expire meanwhile.
            Clock::Pinned(at) => crate::base::clock::later(at, self.begun.elapsed()),
        }
    }

    /// Waits until those who came before and want some of the same have been served or have gone. Answers whether it
    /// is our turn; not when patience ended.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn turn(&mut self, session: &Session) -> Result<bool, Failure> {
        loop {
            let Some(ticket) = &self.ticket else { return Ok(true) };
            // Looked up each time: it may have moved while we waited.
            let target = session.repo.reference(&session.target()?)?.map(|tip| tip.to_string());
            let before = ticket.before(target.as_deref().unwrap_or_default(), &Versions(&session.repo))?;
            let Some(before) = before else { return Ok(true) };
            let Some(watch) = &mut self.watch else { return Ok(true) };
            let left = match left(self.patience, self.begun) {
                Left::Nothing => return Ok(false),
                Left::Some(left) => left,
            };
            // Its lock is free when its owner has been served, has given up, or has died.
            if !self.told {
                let name = before.file_name().unwrap_or_default().to_string_lossy();
                let task = name.split_once('-').map_or(&*name, |(_, task)| task);
                self.context
                    .monitor
                    .note(&format!("waiting: {task} waits for some of the same, and came before"));
                self.told = true;
            }
            if self.behind.as_ref() != Some(&before) {
                let (wake, before) = (watch.waker(), before.clone());
                // Woken also when that cannot be told: then the queue is looked at again.
                std::thread::spawn(move || {
                    let _ = Lock::until_free(&before);
                    wake();
                });
            }
            self.behind = Some(before);
            watch.changed_within(left.min(UNKNOWN_END))?;
        }
    }

    /// Waits until the remote that decides may be back. Answers whether to try again.
    ///
    /// # Errors
    /// When the ref cannot be watched any more.
    pub fn until_back(&mut self, away: &Failure) -> Result<bool, Failure> {
        let Some(watch) = &mut self.watch else { return Ok(false) };
        let left = match left(self.patience, self.begun) {
            Left::Nothing => return Ok(false),
            Left::Some(left) => left,
        };
        if !self.told_away {
            self.context.monitor.note(&format!("waiting, and asking again: {away}"));
            self.told_away = true;
        }
        watch.changed_within(left.min(LOOK))?;
        Ok(true)
    }

    /// Waits until the ledger changes or the lease in the way may be taken over. Answers whether to try again.
    ///
    /// # Errors
    /// When the ref cannot be watched any more.
    pub fn until_a_change(&mut self, refused: &Failure) -> Result<bool, Failure> {
        let Some(watch) = &mut self.watch else { return Ok(false) };
        let left = match left(self.patience, self.begun) {
            Left::Nothing => return Ok(false),
            Left::Some(left) => left,
        };
        if !self.told {
            self.context.monitor.note(&format!("waiting: {refused}"));
            self.told = true;
        }
        let end = seconds_left(refused).unwrap_or(UNKNOWN_END);
        watch.changed_within(left.min(end).min(self.look.unwrap_or(end)))?;
        Ok(true)
    }
}

enum Left {
    Nothing,
    Some(Duration),
}

fn left(patience: Patience, begun: Instant) -> Left {
    match patience {
        Patience::None => Left::Nothing,
        Patience::Endless => Left::Some(Duration::MAX),
        Patience::AtMost(most) => match most.checked_sub(begun.elapsed()) {
            Some(left) if !left.is_zero() => Left::Some(left),
            _ => Left::Nothing,
        },
    }
}

/// When the first of the leases in the way may be taken over, as the refusal tells it.
fn seconds_left(refused: &Failure) -> Option<Duration> {
    let details = refused.details()?;
    let held = details.get("held")?.as_array()?;
    let seconds = held.iter().filter_map(|obstacle| obstacle.get("seconds_left")?.as_u64());
    // One second more: a lease expires at the end of its last second.
    seconds.filter(|seconds| *seconds > 0).min().map(|seconds| Duration::from_secs(seconds + 1))
}
