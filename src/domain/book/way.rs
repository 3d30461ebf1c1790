//! The way of a claim: what becomes of the leases in it.

use std::collections::BTreeSet;

use super::Entry;
use super::OverParked;
use super::Request;
use super::Work;
use crate::base::clock::Timestamp;
use crate::domain::anchor::Met;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::lease::Lease;
use crate::domain::lease::Phase;
use crate::domain::refused::Obstacle;
use crate::domain::refused::Refused;
use crate::domain::region::Region;
use crate::domain::task::TaskName;

/// A lease in the way, the region that wants what it has, its own region, and how the two meet.
pub(super) type InTheWay<'a> = (&'a Lease, &'a Region, &'a Region, Met);

/// Ends or parks the expired leases in the way of a request, and deals with parked ones as it asks.
pub(super) fn clear_the_way(
    in_the_way: Vec<InTheWay<'_>>,
    request: &Request,
    now: Timestamp,
    work: &dyn Fn(&Lease) -> Work,
    settled: &mut BTreeSet<TaskName>,
    entries: &mut Vec<Entry>,
) -> Result<(), Refused> {
    let mut active = Vec::new();
    let mut parked = Vec::new();
    for in_the_way in in_the_way {
        let lease = in_the_way.0;
        let obstacle = || obstacle(&in_the_way, now);
        let first = settled.insert(lease.task.clone());
        if lease.is_active() && !lease.is_expired(now) {
            active.push(obstacle());
        } else if lease.is_active() && work(lease) == Work::None {
            if first {
                entries.push(end_idle(lease));
            }
        } else {
            if lease.is_active() && first {
                entries.push(park(lease, "expired"));
            }
            match request.over {
                // Expired work is parked as soon as a claim over it is granted, and is told as what it will be.
                OverParked::Refuse => parked.push(Obstacle { phase: Phase::Parked, ..obstacle() }),
                OverParked::Stack => {}
                OverParked::TakeOver if first => entries.push(taken(lease, &request.task)),
                OverParked::TakeOver => {}
            }
        }
    }
    let task = request.task.clone();
    let held: BTreeSet<&str> = active.iter().chain(&parked).map(|obstacle| obstacle.asked.as_str()).collect();
    let free = request.regions.iter().map(Region::text).filter(|text| !held.contains(text));
    let free: Vec<String> = free.map(str::to_owned).collect();
    if !active.is_empty() {
        active.extend(parked);
        return Err(Refused::Held { task, obstacles: active, free });
    }
    if !parked.is_empty() {
        return Err(Refused::Parked { task, obstacles: parked, free });
    }
    Ok(())
}

pub(super) fn obstacle((lease, mine, theirs, met): &InTheWay<'_>, now: Timestamp) -> Obstacle {
    Obstacle::new(mine.text().to_owned(), theirs.text().to_owned(), lease, now).met(met)
}

pub(super) fn park(lease: &Lease, why: &str) -> Entry {
    let parked = Lease { phase: Phase::Parked, ..lease.clone() };
    let subject = format!("park {} of {}: {why}", lease.task, lease.holder);
    Entry::put(Event::of(EventKind::Park, &lease.task, lease.fence, subject), parked)
}

pub(super) fn end_idle(lease: &Lease) -> Entry {
    let subject = format!("release {} of {}: expired without work", lease.task, lease.holder);
    Entry::remove(Event::of(EventKind::Release, &lease.task, lease.fence, subject), &lease.task)
}

pub(super) fn taken(lease: &Lease, by: &TaskName) -> Entry {
    let subject = format!("take-over {} of {}: its regions go to {by}", lease.task, lease.holder);
    Entry::remove(Event::of(EventKind::TakeOver, &lease.task, lease.fence, subject), &lease.task)
}
