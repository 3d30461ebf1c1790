//! The book of leases: the rules by which a lease is granted, renewed, parked, resumed and ended.
//!
//! Every rule takes the state and the time and answers the entries to write, or a refusal. It changes nothing itself,
//! so a caller whose write came too late asks again with the newer book.

mod way;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::time::Duration;

use super::anchor::Anchored;
use super::anchor::Met;
use super::event::Event;
use super::event::EventKind;
use super::holder::Holder;
use super::lease::Fence;
use super::lease::Lease;
use super::lease::Mode;
use super::lease::Phase;
use super::lease::Place;
use super::refused::Obstacle;
use super::refused::Refused;
use super::region::Region;
use super::region::RegionSet;
use super::region_index::RegionIndex;
use super::span::Lines;
use super::span::Unseen;
use super::task::TaskName;
use crate::base::clock;
use crate::base::clock::Timestamp;
use crate::base::text;
use way::InTheWay;
use way::clear_the_way;
use way::end_idle;
use way::obstacle;
use way::park;

/// The live leases, and the last fence that was granted.
#[derive(Debug, Clone, Default)]
pub struct LeaseBook {
    /// Sorted by task; the index names leases by their place here.
    leases: Vec<Lease>,
    last_fence: Fence,
    index: OnceCell<RegionIndex<usize>>,
}

/// What to do about parked work that overlaps a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverParked {
    /// Tell the claimant, who chooses.
    #[default]
    Refuse,
    /// Build on its commits; it stays parked.
    Stack,
    /// Have its regions; its work is saved and its lease ends.
    TakeOver,
}

/// What a claim asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The task.
    pub task: TaskName,
    /// Who will do it.
    pub holder: Holder,
    /// Where the work will happen.
    pub place: Place,
    /// The commit that it starts from, in hexadecimal.
    pub base: String,
    /// The full name of the branch that it lands on.
    pub target: String,
    /// What it may change.
    pub regions: RegionSet,
    /// Exclusive or shared.
    pub mode: Mode,
    /// How long the grant lasts.
    pub ttl: Duration,
    /// What to do about parked work that overlaps.
    pub over: OverParked,
}

impl Request {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { task: &self.task, regions: &self.regions, base: &self.base, mode: self.mode }
    }
}

/// What somebody wants to have, or has.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    task: &'a TaskName,
    regions: &'a RegionSet,
    base: &'a str,
    mode: Mode,
}

impl<'a> Wanted<'a> {
    fn of(lease: &'a Lease) -> Wanted<'a> {
        Wanted { task: &lease.task, regions: &lease.regions, base: &lease.base, mode: lease.mode }
    }
}

/// What is known of the work behind a lease; unknown counts as some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Nothing to lose: no commit that has not landed, no uncommitted edit.
    None,
    /// Something, or it could not be seen.
    Some,
}

/// One event with what it changes, to be written as one commit of the ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Leases that are new or changed.
    pub put: Vec<Lease>,
    /// Leases that ended.
    pub remove: Vec<TaskName>,
}

impl Entry {
    fn put(event: Event, lease: Lease) -> Entry {
        Entry { event, put: vec![lease], remove: Vec::new() }
    }

    fn remove(event: Event, task: &TaskName) -> Entry {
        Entry { event, put: Vec::new(), remove: vec![task.clone()] }
    }

    /// An event that changes no lease.
    pub fn note(event: Event) -> Entry {
        Entry { event, put: Vec::new(), remove: Vec::new() }
    }
}

impl LeaseBook {
    /// A book with these leases.
    pub fn new(leases: impl IntoIterator<Item = Lease>, last_fence: Fence) -> LeaseBook {
        let mut leases: Vec<Lease> = leases.into_iter().collect();
        leases.sort_by(|one, other| one.task.cmp(&other.task));
        // A ledger damaged by hand must not lead to a fence granted twice.
        let highest = leases.iter().map(|lease| lease.fence).max().unwrap_or_default();
        LeaseBook { leases, last_fence: last_fence.max(highest), index: OnceCell::new() }
    }

    /// The live leases, by task.
    pub fn leases(&self) -> &[Lease] {
        &self.leases
    }

    /// The live leases themselves, by task.
    pub fn into_leases(self) -> Vec<Lease> {
        self.leases
    }

    /// The lease of a task, if it is live.
    pub fn get(&self, task: &TaskName) -> Option<&Lease> {
        let place = self.leases.binary_search_by(|lease| lease.task.cmp(task)).ok()?;
        self.leases.get(place)
    }

    /// The last fence that was granted.
    pub fn last_fence(&self) -> Fence {
        self.last_fence
    }

    /// The book after an entry.
    #[must_use]
    pub fn after(&self, entry: &Entry) -> LeaseBook {
        self.with(&entry.put, &entry.remove)
    }

    /// The book with other leases: these put, and those of these tasks removed.
    #[must_use]
    pub fn with(&self, put: &[Lease], remove: &[TaskName]) -> LeaseBook {
        let stays =
            |lease: &&Lease| !remove.contains(&lease.task) && !put.iter().any(|put| put.task == lease.task);
        let kept = self.leases.iter().filter(stays).cloned();
        LeaseBook::new(kept.chain(put.iter().cloned()), self.last_fence)
    }

    /// The book with other ends of its leases, for a reader who goes by a clock of its own; those without an answer stay.
    #[must_use]
    pub fn with_ends(mut self, end: impl Fn(&Lease) -> Option<Timestamp>) -> LeaseBook {
        for lease in &mut self.leases {
            lease.expires_at = end(lease).unwrap_or(lease.expires_at);
        }
        self
    }

    /// The live lease of a task.
    ///
    /// # Errors
    /// [`Refused::NoTask`].
    pub fn need(&self, task: &TaskName) -> Result<&Lease, Refused> {
        self.get(task).ok_or_else(|| Refused::NoTask(task.clone()))
    }

    /// The live lease of a task whose caller says which fence it has.
    ///
    /// # Errors
    /// When the lease ended, was granted anew, or is parked: such a caller may not write.
    pub fn need_active(&self, task: &TaskName, fence: Fence) -> Result<&Lease, Refused> {
        let lease = self.get(task).ok_or_else(|| Refused::Ended { task: task.clone(), was: fence })?;
        if lease.fence != fence {
            return Err(Refused::OldFence {
                task: task.clone(),
                was: fence,
                now: lease.fence,
                holder: Some(lease.holder.clone()),
            });
        }
        if !lease.is_active() {
            return Err(Refused::NotActive(task.clone()));
        }
        Ok(lease)
    }

    /// The leases that cover a path, each with the region that does.
    pub fn covering<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = (&'a Lease, &'a Region)> {
        self.index().covering(path).map(|(place, region)| (&self.leases[place], region))
    }

    /// Decides a claim: all regions or none.
    ///
    /// `work` tells what is behind an expired lease that is in the way: with work it is parked, without it ends. `lines`
    /// tells of two regions of lines of one file where each is in the other's version of it.
    ///
    /// # Errors
    /// When the task's name is live, or active leases, or parked work without a choice, are in the way.
    pub fn claim(
        &self,
        request: &Request,
        now: Timestamp,
        work: &dyn Fn(&Lease) -> Work,
        lines: &dyn Lines,
    ) -> Result<(Lease, Vec<Entry>), Refused> {
        if request.regions.is_empty() {
            return Err(Refused::NoRegion(request.task.clone()));
        }
        let mut entries = Vec::new();
        let mut settled = BTreeSet::new();
        if let Some(lease) = self.leases.iter().find(|lease| lease.task.clashes_with(&request.task)) {
            let idle = lease.is_active() && lease.is_expired(now) && work(lease) == Work::None;
            if !idle {
                return Err(Refused::Taken {
                    task: lease.task.clone(),
                    holder: lease.holder.clone(),
                    phase: lease.phase,
                    left: lease.left(now),
                });
            }
            settled.insert(lease.task.clone());
            entries.push(end_idle(lease));
        }
        let in_the_way: Vec<InTheWay<'_>> = self.in_the_way(request.wanted(), lines).collect();
        clear_the_way(in_the_way, request, now, work, &mut settled, &mut entries)?;
        let lease = Lease {
            task: request.task.clone(),
            fence: self.last_fence.next().ok_or(Refused::LastFence)?,
            holder: request.holder.clone(),
            place: request.place.clone(),
            base: request.base.clone(),
            target: request.target.clone(),
            regions: request.regions.clone(),
            mode: request.mode,
            phase: Phase::Active,
            ttl: request.ttl,
            granted_at: now,
            expires_at: clock::later(now, request.ttl),
        };
        let subject = format!("claim {} for {}, fence {}", lease.task, lease.holder, lease.fence);
        entries
            .push(Entry::put(Event::of(EventKind::Claim, &lease.task, lease.fence, subject), lease.clone()));
        Ok((lease, entries))
    }

    /// Every lease of another task that excludes what is wanted, with the regions that meet.
    fn in_the_way<'a>(
        &'a self,
        wanted: Wanted<'a>,
        lines: &'a dyn Lines,
    ) -> impl Iterator<Item = InTheWay<'a>> {
        wanted.regions.iter().flat_map(move |mine| {
            self.index().overlapping(mine).filter_map(move |(place, theirs)| {
                let lease = &self.leases[place];
                let both_shared = lease.mode == Mode::Shared && wanted.mode == Mode::Shared;
                if lease.task == *wanted.task || both_shared {
                    return None;
                }
                let anchored = Anchored { region: mine, base: wanted.base };
                let met = anchored.meets(Anchored { region: theirs, base: &lease.base }, lines);
                (met != Met::Apart).then_some((lease, mine, theirs, met))
            })
        })
    }

    /// The active leases that one of the same book excludes: in a sound book there are none.
    pub fn excluded_by<'a>(
        &'a self,
        lease: &'a Lease,
        lines: &'a dyn Lines,
    ) -> impl Iterator<Item = (&'a Lease, &'a Region)> {
        self.excluding(lease, lines).map(|(other, _, region)| (other, region))
    }

    /// The active leases that exclude one, which need not be in the book, with the regions that meet: its own first.
    pub fn excluding<'a>(
        &'a self,
        lease: &'a Lease,
        lines: &'a dyn Lines,
    ) -> impl Iterator<Item = (&'a Lease, &'a Region, &'a Region)> {
        let met = self.in_the_way(Wanted::of(lease), lines);
        met.filter(|(other, ..)| other.is_active()).map(|(other, mine, theirs, _)| (other, mine, theirs))
    }

    /// The leases that a request would build on: parked, or expired with work and so about to be parked.
    pub fn parked_under(
        &self,
        request: &Request,
        now: Timestamp,
        work: &dyn Fn(&Lease) -> Work,
        lines: &dyn Lines,
    ) -> Vec<Lease> {
        let mut found: Vec<Lease> = Vec::new();
        for (lease, ..) in self.in_the_way(request.wanted(), lines) {
            let seen = found.iter().any(|seen| seen.task == lease.task);
            let expired = lease.is_active() && lease.is_expired(now);
            if !seen && (!lease.is_active() || (expired && work(lease) == Work::Some)) {
                found.push(lease.clone());
            }
        }
        found
    }

    /// Gives a lease a new end; with `ttl`, of another length.
    ///
    /// # Errors
    /// When the caller's fence may not write.
    pub fn renew(
        &self,
        task: &TaskName,
        fence: Fence,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Result<(Lease, Entry), Refused> {
        let mut lease = self.need_active(task, fence)?.clone();
        lease.ttl = ttl.unwrap_or(lease.ttl);
        lease.expires_at = clock::later(now, lease.ttl);
        let subject = format!("renew {task} for {}", text::duration(lease.ttl));
        Ok((lease.clone(), Entry::put(Event::of(EventKind::Renew, task, lease.fence, subject), lease)))
    }

    /// Adds paths that nobody holds to a task's lease.
    ///
    /// # Errors
    /// When the caller's fence may not write, or somebody holds one of them.
    pub fn extend(
        &self,
        task: &TaskName,
        fence: Fence,
        more: &RegionSet,
        now: Timestamp,
    ) -> Result<(Lease, Entry), Refused> {
        let mut lease = self.need_active(task, fence)?.clone();
        let obstacles: Vec<Obstacle> = self
            .in_the_way(Wanted { regions: more, ..Wanted::of(&lease) }, &Unseen)
            .filter(|(other, ..)| other.is_active())
            .map(|in_the_way| obstacle(&in_the_way, now))
            .collect();
        if !obstacles.is_empty() {
            return Err(Refused::Trespass(obstacles));
        }
        let added: Vec<&str> = more.iter().map(Region::text).collect();
        let subject = format!("extend {task} by {}", text::count(added.len(), "path"));
        let mut event = Event::of(EventKind::Extend, task, lease.fence, subject);
        for path in added {
            event = event.fact("Region", path);
        }
        lease.regions = RegionSet::new(lease.regions.iter().chain(more.iter()).cloned().collect());
        Ok((lease.clone(), Entry::put(event, lease)))
    }

    /// Ends a lease's active life; its work and its claim on the regions stay. A parked lease stays as it is.
    ///
    /// # Errors
    /// When there is no such lease.
    pub fn park(&self, task: &TaskName, why: &str) -> Result<Option<Entry>, Refused> {
        let lease = self.need(task)?;
        Ok(lease.is_active().then(|| park(lease, why)))
    }

    /// Lets a parked or expired task go on under a new fence, for the same holder or another.
    ///
    /// # Errors
    /// When it is active and not expired, or somebody else has come to hold its regions.
    pub fn resume(
        &self,
        task: &TaskName,
        holder: Option<&Holder>,
        ttl: Option<Duration>,
        now: Timestamp,
        lines: &dyn Lines,
    ) -> Result<(Lease, Entry), Refused> {
        let mut lease = self.need(task)?.clone();
        if lease.is_active() && !lease.is_expired(now) {
            let (holder, left) = (lease.holder.clone(), lease.left(now));
            return Err(Refused::StillActive { task: task.clone(), holder, left });
        }
        let obstacles: Vec<Obstacle> = self
            .in_the_way(Wanted::of(&lease), lines)
            .filter(|(other, ..)| other.is_active())
            .map(|in_the_way| obstacle(&in_the_way, now))
            .collect();
        if !obstacles.is_empty() {
            return Err(Refused::Held { task: task.clone(), obstacles, free: Vec::new() });
        }
        let new_holder = holder.filter(|holder| **holder != lease.holder);
        let kind = if new_holder.is_some() { EventKind::TakeOver } else { EventKind::Resume };
        if let Some(holder) = new_holder {
            lease.holder = holder.clone();
        }
        lease.phase = Phase::Active;
        lease.fence = self.last_fence.next().ok_or(Refused::LastFence)?;
        lease.ttl = ttl.unwrap_or(lease.ttl);
        lease.granted_at = now;
        lease.expires_at = clock::later(now, lease.ttl);
        let subject = format!("{kind} {task} for {}, fence {}", lease.holder, lease.fence);
        Ok((lease.clone(), Entry::put(Event::of(kind, task, lease.fence, subject), lease)))
    }

    /// Ends a lease. The caller has made sure that no work is lost by it.
    ///
    /// # Errors
    /// When there is no such lease, or it is not the one with this fence.
    pub fn end(&self, task: &TaskName, fence: Fence, event: Event) -> Result<Entry, Refused> {
        let lease = self.need(task)?;
        if lease.fence != fence {
            return Err(Refused::OldFence {
                task: task.clone(),
                was: fence,
                now: lease.fence,
                holder: Some(lease.holder.clone()),
            });
        }
        Ok(Entry::remove(event, task))
    }

    fn index(&self) -> &RegionIndex<usize> {
        self.index.get_or_init(|| {
            let mut index = RegionIndex::default();
            for (place, lease) in self.leases.iter().enumerate() {
                index.insert_set(&lease.regions, place);
            }
            index
        })
    }
}

#[cfg(test)]
pub(in crate::domain) mod tests;
