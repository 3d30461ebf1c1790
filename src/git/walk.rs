//! One walk over history, from two sides at once, until it is known which side reaches what.

use std::collections::BinaryHeap;

use gix::hashtable::HashMap;

use super::Oid;
use super::error::GitError;
use super::lineage::Lineage;
use super::lineage::Rank;

/// Which sides reach a commit: a set of [`Sides::LEFT`] and [`Sides::RIGHT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sides(u8);

impl Sides {
    pub(super) const LEFT: Sides = Sides(1);
    pub(super) const RIGHT: Sides = Sides(2);
    pub(super) const BOTH: Sides = Sides(3);

    fn with(self, other: Sides) -> Sides {
        Sides(self.0 | other.0)
    }

    /// Whether the right side reaches it.
    pub(super) fn right(self) -> bool {
        self.0 & Sides::RIGHT.0 != 0
    }
}

/// What a walk knows of one commit.
pub(super) struct Seen {
    pub(super) rank: Rank,
    pub(super) parents: Vec<Oid>,
    pub(super) sides: Sides,
    /// The sides that its parents have been told of.
    told: Sides,
    /// Whether a commit that both sides reach is known to reach it.
    pub(super) below_common: bool,
    waiting: bool,
}

/// What to do about a commit that is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is an error.
    Refuse,
    /// It is an error, unless the right side reaches it: what it would tell us of the left side stays unknown.
    SkipOnTheRight,
}

/// A walk in the order of ranks.
///
/// Every commit is visited again when another side turns out to reach it, so that a clock that went wrong costs
/// time and not truth. When to stop is for the one who walks.
pub(super) struct Walk<'repo> {
    lineage: Lineage<'repo>,
    missing: Missing,
    seen: HashMap<Oid, Seen>,
    queue: BinaryHeap<(Rank, Oid)>,
    /// How many commits wait, by their sides.
    waiting: [usize; 4],
}

impl<'repo> Walk<'repo> {
    pub(super) fn over(lineage: Lineage<'repo>, missing: Missing) -> Self {
        Walk { lineage, missing, seen: HashMap::default(), queue: BinaryHeap::new(), waiting: [0; 4] }
    }

    /// Starts from a commit on one side.
    pub(super) fn start(&mut self, oid: Oid, side: Sides) -> Result<(), GitError> {
        self.reach(oid, side, false)
    }

    /// Visits the next commit; nothing when all are visited.
    pub(super) fn step(&mut self) -> Result<Option<Oid>, GitError> {
        let Some((_, oid)) = self.queue.pop() else { return Ok(None) };
        let Some(seen) = self.seen.get_mut(&oid) else { return Ok(Some(oid)) };
        seen.waiting = false;
        seen.told = seen.sides;
        self.waiting[usize::from(seen.sides.0)] -= 1;
        let sides = seen.sides;
        for parent in seen.parents.clone() {
            self.reach(parent, sides, sides == Sides::BOTH)?;
        }
        Ok(Some(oid))
    }

    /// How many commits wait that exactly these sides are known to reach.
    pub(super) fn waiting(&self, sides: Sides) -> usize {
        self.waiting[usize::from(sides.0)]
    }

    /// The rank of the commit that is next; none that waits has a higher one.
    pub(super) fn next_rank(&self) -> Option<Rank> {
        self.queue.peek().map(|(rank, _)| *rank)
    }

    /// What is known of a commit.
    pub(super) fn get(&self, oid: &Oid) -> Option<&Seen> {
        self.seen.get(oid)
    }

    /// All commits seen, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Oid, &Seen)> {
        self.seen.iter()
    }

    fn reach(&mut self, oid: Oid, side: Sides, below_common: bool) -> Result<(), GitError> {
        if !self.seen.contains_key(&oid) {
            match self.lineage.find(oid)? {
                Some((rank, parents)) => {
                    let (sides, told) = (Sides::default(), Sides::default());
                    let new = Seen { rank, parents, sides, told, below_common: false, waiting: false };
                    self.seen.insert(oid, new);
                }
                None if self.missing == Missing::SkipOnTheRight && side.right() => return Ok(()),
                None => return Err(GitError::Missing(oid)),
            }
        }
        let Some(seen) = self.seen.get_mut(&oid) else { return Ok(()) };
        seen.below_common |= below_common;
        let before = seen.sides;
        seen.sides = before.with(side);
        if seen.waiting {
            self.waiting[usize::from(before.0)] -= 1;
            self.waiting[usize::from(seen.sides.0)] += 1;
        } else if seen.told != seen.sides {
            seen.waiting = true;
            self.waiting[usize::from(seen.sides.0)] += 1;
            self.queue.push((seen.rank, oid));
        }
        Ok(())
    }
}
