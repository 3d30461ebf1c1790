//! The judge: may this actor change these paths?

use super::anchor::Met;
use super::book::LeaseBook;
use super::lease::Fence;
use super::lease::Lease;
use super::lease::Mode;
use super::refused::Obstacle;
use super::refused::Refused;
use super::region::Region;
use super::region::RegionSet;
use super::task::TaskName;
use crate::base::clock::Timestamp;
use crate::base::text;

/// Who wants to change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A task, in its workspace or on its branch, with the fence that it was given.
    Task(TaskName, Fence),
    /// A person in a checkout of their own, with the leases that were claimed for this checkout.
    Person(Vec<(TaskName, Fence)>),
}

impl Actor {
    /// The tasks that it acts for.
    pub fn tasks(&self) -> Vec<&TaskName> {
        match self {
            Actor::Task(task, _) => vec![task],
            Actor::Person(own) => own.iter().map(|(task, _)| task).collect(),
        }
    }

    fn owns(&self, lease: &Lease) -> bool {
        let is = |(task, fence): (&TaskName, &Fence)| *task == lease.task && *fence == lease.fence;
        match self {
            Actor::Task(task, fence) => is((task, fence)),
            Actor::Person(own) => own.iter().any(|(task, fence)| is((task, fence))),
        }
    }
}

/// What the judge found, when nothing is refused.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Paths that no lease and no commons covers: a task's lease is extended by them. A file of which others hold lines
    /// is not among them: what is written beside these lines is nobody's.
    pub free: Vec<Vec<u8>>,
    /// Expired leases of others that covered a path: they have to be parked before the write.
    pub expired: Vec<TaskName>,
    /// Parked work of others that covers a path: the writer is told.
    pub parked: Vec<Obstacle>,
}

/// Who looks into a path for leased lines: of a lease's region of lines and a path, how what is judged stands to them.
pub type Looked<'f, E> = dyn FnMut(&Lease, &Region, &[u8]) -> Result<Met, E> + 'f;

impl LeaseBook {
    /// Judges changes to `paths` by `actor`, of which it is not known what lines they change.
    ///
    /// # Errors
    /// [`Refused::Trespass`] with every path of which somebody else holds anything; for a task also when its fence may
    /// not write.
    pub fn judge<'a>(
        &self,
        actor: &Actor,
        paths: impl IntoIterator<Item = &'a [u8]>,
        commons: &RegionSet,
        now: Timestamp,
    ) -> Result<Judgement, Refused> {
        self.judge_lines(actor, paths, commons, now, &mut |_, _, _| Ok(Met::Path))
    }

    /// Judges changes to `paths` by `actor`; `met` tells of a lease's region of lines how the change of the path stands
    /// to it, and is asked about no other region.
    ///
    /// # Errors
    /// [`Refused::Trespass`] with every path that somebody else holds, or lines of it that the change touches; for a task
    /// also when its fence may not write; and what `met` fails with.
    pub fn judge_lines<'a, E: From<Refused>>(
        &self,
        actor: &Actor,
        paths: impl IntoIterator<Item = &'a [u8]>,
        commons: &RegionSet,
        now: Timestamp,
        met: &mut Looked<'_, E>,
    ) -> Result<Judgement, E> {
        if let Actor::Task(task, fence) = actor {
            self.need_active(task, *fence)?;
        }
        let mut judgement = Judgement::default();
        let mut obstacles = Vec::new();
        for path in paths {
            if commons.covers(path).is_some() {
                continue;
            }
            let (mut covered, mut beside) = (false, false);
            for (lease, region) in self.covering(path) {
                if actor.owns(lease) && lease.is_active() && lease.mode == Mode::Exclusive {
                    covered = true;
                    continue;
                }
                let met = match region.lines() {
                    Some(_) => met(lease, region, path)?,
                    None => Met::Path,
                };
                if met == Met::Apart {
                    beside = true;
                    continue;
                }
                let obstacle =
                    || Obstacle::new(text::visible(path), region.text().to_owned(), lease, now).met(&met);
                if !lease.is_active() {
                    judgement.parked.push(obstacle());
                } else if lease.is_expired(now) && !actor.owns(lease) {
                    if !judgement.expired.contains(&lease.task) {
                        judgement.expired.push(lease.task.clone());
                    }
                } else {
                    obstacles.push(obstacle());
                }
            }
            if !covered && !beside {
                judgement.free.push(path.to_owned());
            }
        }
        if obstacles.is_empty() { Ok(judgement) } else { Err(Refused::Trespass(obstacles).into()) }
    }
}
