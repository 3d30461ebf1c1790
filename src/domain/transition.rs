//! Transitions: which changes one commit of the ledger may make, and whose they are to make.
//!
//! A server is shown a chain of commits by somebody it need not trust. Each is one event, and an event says what it
//! changes; so each is judged against the book before it. What the rules of [`super::book`] write always passes.
//!
//! | event | the tree |
//! |---|---|
//! | `claim` | one lease more, active, under the next fence; it overlaps no active one that excludes it |
//! | `renew` | one active lease with another end and length |
//! | `extend` | one active lease with the named regions more, which overlap no active one that excludes them |
//! | `park` | one active lease is parked; or nothing, and it was parked before |
//! | `resume` | one parked or expired lease is active, under the next fence; it overlaps no active one |
//! | `take-over` | as `resume`, with another holder; or one parked lease less |
//! | `withdraw`, `release`, `abandon`, `land` | one lease less |
//! | `override`, `settle` | nothing |
//! | `compact` | nothing; it has no parent, and names the commit before it as the one that it archives |
//! | `init` | only the first commit: no lease, fence 0 |

use super::book::LeaseBook;
use super::event::EventKind;
use super::event::Recorded;
use super::holder::Holder;
use super::lease::Fence;
use super::lease::Lease;
use super::lease::Phase;
use super::lease::Place;
use super::refname;
use super::span::Lines;
use super::task::TaskName;
use super::ttl;
use crate::base::clock;
use crate::base::clock::Timestamp;
use crate::base::text;

/// What one commit of the ledger says, and what it does to the tree.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The event of its message.
    pub event: &'a Recorded,
    /// Leases that are new or changed.
    pub put: &'a [Lease],
    /// Leases that ended.
    pub remove: &'a [TaskName],
    /// The counter of fences afterwards.
    pub counter: Fence,
}

/// Why one commit of the ledger may not follow another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// A kind of event that this version does not know.
    #[error("its event '{}' is not known here", text::visible(.0.as_bytes()))]
    Unknown(String),
    /// The ledger is made once; a repair is made where the ledger is.
    #[error("it begins the ledger anew, which only whoever keeps the server may")]
    Again,
    /// The first commit of a ledger is none.
    #[error("it is the first commit, and does not begin an empty ledger")]
    NotABeginning,
    /// The event does not name a task and a fence, or names them where it should not.
    #[error("its event {0} {1}")]
    Trailers(EventKind, &'static str),
    /// The tree's change is not of the kind that the event tells of.
    #[error("it says {event} {task}, and {what}")]
    Otherwise {
        /// The event.
        event: EventKind,
        /// Its task.
        task: TaskName,
        /// What the tree does instead.
        what: String,
    },
    /// The counter of fences is not what the event makes it.
    #[error("the last fence goes from {was} to {is}, and should be {should}")]
    Counter {
        /// Before.
        was: Fence,
        /// Afterwards.
        is: Fence,
        /// What the event makes of it.
        should: Fence,
    },
    /// Two leases that may not be active together.
    #[error("{0}")]
    Overlap(Box<Overlap>),
    /// Somebody's lease is taken although it has not expired.
    #[error("{task} of {holder} has not expired by the clock of this server: {} left", text::duration(*.left))]
    NotExpired {
        /// The task.
        task: TaskName,
        /// Its holder.
        holder: Holder,
        /// How long it lasts.
        left: std::time::Duration,
    },
}

/// Two leases that may not be active together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{task} would hold {region}, and {other} ({holder}) holds {theirs}")]
pub struct Overlap {
    /// The task that would get the region.
    pub task: TaskName,
    /// The region.
    pub region: String,
    /// The task that holds it.
    pub other: TaskName,
    /// Its holder.
    pub holder: Holder,
    /// The region that it holds.
    pub theirs: String,
}

/// What of a lease differs between two records of it.
const FENCE: &str = "the fence";
const HOLDER: &str = "the holder";
const PLACE: &str = "the branch";
const BASE: &str = "the base";
const TARGET: &str = "the target";
const REGIONS: &str = "the regions";
const MODE: &str = "the mode";
const PHASE: &str = "the phase";
const TTL: &str = "the length";
const GRANTED: &str = "the time of the grant";
const EXPIRES: &str = "the end";

/// How far a client's clock may be ahead of the server's before a lease's end is taken for a mistake.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl LeaseBook {
    /// Judges the first commit of a ledger.
    ///
    /// # Errors
    /// [`Illegal::NotABeginning`].
    pub fn admit_first(step: &Step<'_>) -> Result<(), Illegal> {
        let Step { event, put, remove, counter } = step;
        let bare = event.task.is_none() && event.fence.is_none();
        let empty = put.is_empty() && remove.is_empty() && *counter == Fence(0);
        let begins = event.event.parse() == Ok(EventKind::Init);
        if begins && bare && empty { Ok(()) } else { Err(Illegal::NotABeginning) }
    }

    /// Judges a commit of the ledger whose parent has this book; `lines` tells where the lines of files are.
    ///
    /// # Errors
    /// What it may not do.
    pub fn admit(&self, step: &Step<'_>, now: Timestamp, lines: &dyn Lines) -> Result<(), Illegal> {
        let kind = step.kind()?;
        let (task, fence) = match (kind, &step.event.task, step.event.fence) {
            (EventKind::Init, ..) => return Err(Illegal::Again),
            (EventKind::Override | EventKind::Settle | EventKind::Compact, None, None) => {
                return self.admit_note(step, kind);
            }
            (EventKind::Override | EventKind::Settle | EventKind::Compact, ..) => {
                return Err(Illegal::Trailers(kind, "names a task or a fence"));
            }
            (_, Some(task), Some(fence)) => (task, fence),
            _ => return Err(Illegal::Trailers(kind, "does not name both a task and a fence")),
        };
        let about = About { book: self, kind, task, fence, now, lines };
        let lease = about.only_this(step)?;
        match (kind, lease, self.get(task)) {
            (EventKind::Init | EventKind::Override | EventKind::Settle | EventKind::Compact, ..) => {
                Err(Illegal::Again)
            }
            (EventKind::Claim, Some(new), None) => about.claim(new),
            (EventKind::Renew, Some(new), Some(old)) => {
                about.active(old)?;
                about.differ(old, new, &[TTL, EXPIRES])?;
                about.ends_in_time(new)
            }
            // A renewal in the very second of the last one changes nothing.
            (EventKind::Renew, None, Some(old)) if step.remove.is_empty() => about.active(old),
            (EventKind::Extend, Some(new), Some(old)) => about.extend(old, new, step.event),
            (EventKind::Park, Some(new), Some(old)) => {
                about.active(old)?;
                about.need(!new.is_active(), "does not park it")?;
                about.differ(old, new, &[PHASE])
            }
            // What is parked already is sent to where another machine finds it.
            (EventKind::Park, None, Some(old)) if step.remove.is_empty() => {
                about.same_fence(old)?;
                about.need(!old.is_active(), "changes nothing")
            }
            (EventKind::Resume | EventKind::TakeOver, Some(new), Some(old)) => about.resume(old, new),
            (EventKind::TakeOver, None, Some(old)) if !step.remove.is_empty() => {
                about.same_fence(old)?;
                about.need(!old.is_active(), "removes an active lease")
            }
            (
                EventKind::Withdraw | EventKind::Release | EventKind::Abandon | EventKind::Land,
                None,
                Some(old),
            ) if !step.remove.is_empty() => about.same_fence(old),
            (_, Some(_), None) => Err(about.otherwise("adds a lease")),
            (_, Some(_), Some(_)) => Err(about.otherwise("changes a lease")),
            (_, None, None) => Err(about.otherwise("there is no such lease")),
            (_, None, Some(_)) if step.remove.is_empty() => Err(about.otherwise("changes nothing")),
            (_, None, Some(_)) => Err(about.otherwise("removes a lease")),
        }?;
        self.counted(step.counter, if grants(kind, lease) { fence } else { self.last_fence() })
    }

    /// Whom somebody must act for to make a legal step; nothing where anybody may.
    ///
    /// An expired or parked lease may be cleared away by anybody, and a person may leave an override behind.
    pub fn owner<'a>(&'a self, step: &Step<'a>, now: Timestamp) -> Option<&'a Holder> {
        let old = step.event.task.as_ref().and_then(|task| self.get(task));
        let new = step.put.first();
        match step.kind().ok()? {
            EventKind::Init | EventKind::Override | EventKind::Settle | EventKind::Compact => None,
            EventKind::Claim | EventKind::Resume | EventKind::TakeOver => new.map(|lease| &lease.holder),
            EventKind::Renew | EventKind::Extend | EventKind::Land | EventKind::Withdraw => {
                old.map(|lease| &lease.holder)
            }
            // Where a task's work is, only its holder can say.
            EventKind::Park if new.is_none() => old.map(|lease| &lease.holder),
            EventKind::Park | EventKind::Release | EventKind::Abandon => {
                old.filter(|lease| !lease.is_expired(now)).map(|lease| &lease.holder)
            }
        }
    }

    fn admit_note(&self, step: &Step<'_>, kind: EventKind) -> Result<(), Illegal> {
        if step.put.is_empty() && step.remove.is_empty() {
            return self.counted(step.counter, self.last_fence());
        }
        Err(Illegal::Trailers(kind, "changes a lease"))
    }

    fn counted(&self, is: Fence, should: Fence) -> Result<(), Illegal> {
        if is == should { Ok(()) } else { Err(Illegal::Counter { was: self.last_fence(), is, should }) }
    }
}

impl Step<'_> {
    /// The kind of its event.
    ///
    /// # Errors
    /// [`Illegal::Unknown`].
    pub fn kind(&self) -> Result<EventKind, Illegal> {
        self.event.event.parse().map_err(|()| Illegal::Unknown(self.event.event.clone()))
    }
}

/// Whether an event of this kind gives a lease a new fence.
fn grants(kind: EventKind, put: Option<&Lease>) -> bool {
    matches!(kind, EventKind::Claim | EventKind::Resume | EventKind::TakeOver) && put.is_some()
}

/// What an event is about, and the book before it.
struct About<'a> {
    book: &'a LeaseBook,
    kind: EventKind,
    task: &'a TaskName,
    fence: Fence,
    now: Timestamp,
    lines: &'a dyn Lines,
}

impl About<'_> {
    fn otherwise(&self, what: impl Into<String>) -> Illegal {
        Illegal::Otherwise { event: self.kind, task: self.task.clone(), what: what.into() }
    }

    fn need(&self, holds: bool, what: &str) -> Result<(), Illegal> {
        if holds { Ok(()) } else { Err(self.otherwise(what)) }
    }

    /// The lease that the step leaves for the event's task; it may touch no other.
    fn only_this<'s>(&self, step: &Step<'s>) -> Result<Option<&'s Lease>, Illegal> {
        let put = step.put.iter().map(|lease| &lease.task);
        if let Some(other) = put.chain(step.remove).find(|task| *task != self.task) {
            return Err(self.otherwise(format!("changes the lease of {other}")));
        }
        self.need(step.put.len() + step.remove.len() <= 1, "changes one lease twice")?;
        Ok(step.put.first())
    }

    fn same_fence(&self, old: &Lease) -> Result<(), Illegal> {
        if old.fence == self.fence {
            return Ok(());
        }
        Err(self.otherwise(format!("its fence {} is old: {} is at {}", self.fence, old.task, old.fence)))
    }

    fn active(&self, old: &Lease) -> Result<(), Illegal> {
        self.same_fence(old)?;
        self.need(old.is_active(), "its lease is parked")
    }

    /// Two records of a lease differ in nothing but what is allowed.
    fn differ(&self, old: &Lease, new: &Lease, allowed: &[&str]) -> Result<(), Illegal> {
        let differences = [
            (FENCE, old.fence != new.fence),
            (HOLDER, old.holder != new.holder),
            (PLACE, old.place != new.place),
            (BASE, old.base != new.base),
            (TARGET, old.target != new.target),
            (REGIONS, old.regions != new.regions),
            (MODE, old.mode != new.mode),
            (PHASE, old.phase != new.phase),
            (TTL, old.ttl != new.ttl),
            (GRANTED, old.granted_at != new.granted_at),
            (EXPIRES, old.expires_at != new.expires_at),
        ];
        match differences.into_iter().find(|(name, differs)| *differs && !allowed.contains(name)) {
            Some((name, _)) => Err(self.otherwise(format!("changes {name}"))),
            None => Ok(()),
        }
    }

    fn claim(&self, new: &Lease) -> Result<(), Illegal> {
        if let Some(other) = self.book.leases().iter().find(|lease| lease.task.clashes_with(self.task)) {
            return Err(self.otherwise(format!("{} is live, which is one file on some systems", other.task)));
        }
        self.need(!new.regions.is_empty(), "grants no region")?;
        let own = match &new.place {
            Place::Branch(name) => *name == self.task.branch(),
            Place::Here => true,
        };
        self.need(own, "its branch is not the task's")?;
        let hex = !new.base.is_empty() && new.base.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.need(hex, "its base is no commit")?;
        let on_a_branch = new.target.starts_with("refs/heads/") && TaskName::of_branch(&new.target).is_none();
        let good = refname::broken_rule(&new.target).is_none();
        self.need(on_a_branch && good, "its target is no branch to land on")?;
        self.granted(new)
    }

    fn resume(&self, old: &Lease, new: &Lease) -> Result<(), Illegal> {
        let allowed = [PHASE, FENCE, TTL, GRANTED, EXPIRES, HOLDER];
        let others = self.kind == EventKind::TakeOver;
        self.differ(old, new, &allowed[..if others { 6 } else { 5 }])?;
        self.need(!others || old.holder != new.holder, "the holder is the same")?;
        if old.is_active() && !old.is_expired(self.now) {
            let (task, holder) = (old.task.clone(), old.holder.clone());
            return Err(Illegal::NotExpired { task, holder, left: old.left(self.now) });
        }
        self.granted(new)
    }

    /// What holds for every grant: the next fence, active, an end in time, and nobody else's regions.
    fn granted(&self, new: &Lease) -> Result<(), Illegal> {
        let next = self.book.last_fence().next();
        self.need(next.is_some_and(|next| new.fence == next), "its fence is not the next one")?;
        self.need(new.fence == self.fence, "its fence is not the lease's")?;
        self.need(new.phase == Phase::Active, "the lease is parked")?;
        let ends = new.expires_at == clock::later(new.granted_at, new.ttl);
        self.need(ends, "the end is not its length after the grant")?;
        self.ends_in_time(new)?;
        self.free(new)
    }

    /// A lease that never ends could never be taken over.
    fn ends_in_time(&self, new: &Lease) -> Result<(), Illegal> {
        let last = clock::later(clock::later(self.now, ttl::LONGEST), AHEAD);
        let ends = !new.ttl.is_zero() && new.ttl <= ttl::LONGEST && new.expires_at <= last;
        self.need(ends, "it lasts too long, or no time at all")
    }

    fn free(&self, new: &Lease) -> Result<(), Illegal> {
        match self.book.excluding(new, self.lines).next() {
            None => Ok(()),
            Some((other, mine, theirs)) => Err(Illegal::Overlap(Box::new(Overlap {
                task: new.task.clone(),
                region: mine.text().to_owned(),
                other: other.task.clone(),
                holder: other.holder.clone(),
                theirs: theirs.text().to_owned(),
            }))),
        }
    }

    fn extend(&self, old: &Lease, new: &Lease, event: &Recorded) -> Result<(), Illegal> {
        self.active(old)?;
        self.differ(old, new, &[REGIONS])?;
        let mut regions = new.regions.iter();
        let kept = old.regions.iter().all(|region| regions.next() == Some(region));
        self.need(kept, "drops or reorders regions")?;
        let added: Vec<String> = regions.map(|region| text::visible(region.text().as_bytes())).collect();
        let named = event.facts.iter().filter(|(name, _)| name == "Region").map(|(_, text)| text);
        self.need(named.eq(&added), "the regions that it names are not those that it adds")?;
        self.free(new)
    }
}

#[cfg(test)]
mod tests;
