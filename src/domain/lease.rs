//! Leases: a task's right to its regions until a time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::holder::Holder;
use super::region::Case;
use super::region::Region;
use super::region::RegionSet;
use super::task::TaskName;
use crate::base::clock;
use crate::base::clock::Timestamp;

/// A number that rises with every grant in the repository; a holder with an old one may not write.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Fence(pub u64);

impl Fence {
    /// The fence of the next grant; nothing after the highest of all, which only somebody's own hand can have written.
    pub fn next(self) -> Option<Fence> {
        self.0.checked_add(1).map(Fence)
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Whether others may hold the same regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The holder alone may change the regions.
    Exclusive,
    /// Nobody may change the regions; several may rely on them.
    Shared,
}

/// Whether a lease's holder may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The holder may write.
    Active,
    /// Work has stopped without being lost; the work and its claim on the regions stay.
    Parked,
}

/// Where a lease's work happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a workspace, on a branch of its own (its full name).
    Branch(String),
    /// In somebody's own checkout, on whatever branch that has.
    Here,
}

/// One lease, as it stands in the ledger.
///
/// Object ids are text here, because the rules never look into them.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The task.
    pub task: TaskName,
    /// The number of its grant.
    pub fence: Fence,
    /// Who does it.
    pub holder: Holder,
    /// Where the work happens.
    pub place: Place,
    /// The target's commit that the work started from, in hexadecimal.
    pub base: String,
    /// The full name of the branch that it lands on.
    pub target: String,
    /// What may be changed.
    pub regions: RegionSet,
    /// Exclusive or shared.
    pub mode: Mode,
    /// Active or parked.
    pub phase: Phase,
    /// How long one grant or renewal lasts.
    pub ttl: Duration,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// When others may take it over, unless it is renewed.
    pub expires_at: Timestamp,
}

impl Lease {
    /// Whether its holder may write, by phase alone: safety does not depend on a clock.
    pub fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }

    /// Whether others may take it over at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// How long until others may take it over.
    pub fn left(&self, now: Timestamp) -> Duration {
        clock::until(now, self.expires_at)
    }

    /// Whether a third of its time has passed since it was last renewed, so that a renewal is due.
    pub fn is_renewal_due(&self, now: Timestamp) -> bool {
        self.left(now) <= self.ttl * 2 / 3
    }

    /// The branch, if the work has one of its own.
    pub fn branch(&self) -> Option<&str> {
        match &self.place {
            Place::Branch(name) => Some(name),
            Place::Here => None,
        }
    }

    /// Whether this lease and a request for `regions` cannot both be active, as far as their paths tell.
    pub fn excludes(&self, mode: Mode, regions: &RegionSet) -> Option<(Region, Region)> {
        if self.mode == Mode::Shared && mode == Mode::Shared {
            return None;
        }
        self.regions.overlaps(regions).map(|(mine, theirs)| (mine.clone(), theirs.clone()))
    }
}

/// Reads regions as they were granted: named sets mean what they meant then.
///
/// # Errors
/// When a region is malformed, or a set is named that `sets` does not have.
pub fn regions_from<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    sets: &BTreeMap<String, Vec<String>>,
    case: Case,
) -> Result<RegionSet, super::region::RegionError> {
    let regions =
        texts.into_iter().map(|text| Region::of_lease(text, sets, case)).collect::<Result<Vec<_>, _>>()?;
    Ok(RegionSet::new(regions))
}
