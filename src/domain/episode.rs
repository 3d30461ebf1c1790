//! Episodes: one life of a task's name each, from the claim to what became of its work, as the ledger's events tell it.
//!
//! A name can be claimed again after its task has ended. What was used in its workspace belongs to the life that it was used
//! in, and the holder can change within one life.

use std::collections::BTreeMap;

use super::event::EventKind;
use super::event::Recorded;
use super::lease::Fence;
use super::task::TaskName;
use crate::base::clock::Timestamp;

/// What became of some work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is in its target.
    Landed,
    /// Somebody is at it.
    Live,
    /// It waits.
    Parked,
    /// Somebody is at it or it waits, and it does not merge with its target as it is.
    Conflicted,
    /// Its lease ended without work.
    Released,
    /// It was given up.
    Abandoned,
    /// It was given up or taken away, and somebody began anew.
    Redone,
}

impl Fate {
    /// The name as it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Landed => "landed",
            Fate::Live => "live",
            Fate::Parked => "parked",
            Fate::Conflicted => "conflicted",
            Fate::Released => "released",
            Fate::Abandoned => "abandoned",
            Fate::Redone => "redone",
        }
    }

    /// Whether what was used for it brought nothing, or has not yet: what a person may want to look at.
    pub fn is_waste(self) -> bool {
        match self {
            Fate::Conflicted | Fate::Released | Fate::Abandoned | Fate::Redone => true,
            Fate::Landed | Fate::Live | Fate::Parked => false,
        }
    }
}

/// One life of a task's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The task.
    pub task: TaskName,
    /// When it was claimed; nothing when that is before what is known of the history.
    pub begun: Option<Timestamp>,
    /// When its lease ended.
    pub ended: Option<Timestamp>,
    /// What became of it.
    pub fate: Fate,
    /// Its grants, the oldest first: when, under which fence, and the number of the event among all that were read.
    pub grants: Vec<Grant>,
    /// The tier of models that it was given to, if the ledger says so.
    pub tier: Option<String>,
    /// The class of work that it is, if the ledger says so.
    pub class: Option<String>,
    /// Whether an earlier life of the same name was given up.
    pub again: bool,
}

/// One grant of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// When.
    pub at: Timestamp,
    /// Under which fence.
    pub fence: Fence,
    /// Which of the events it is, by its number in the order in which they were given.
    pub event: usize,
}

impl Episode {
    /// The grant under which something was done at a time.
    pub fn grant_at(&self, at: Timestamp) -> Option<&Grant> {
        self.grants.iter().rev().find(|grant| grant.at <= at).or(self.grants.first())
    }

    /// How often it was begun or taken up again after the first time.
    pub fn retries(&self) -> usize {
        self.grants.len().saturating_sub(1) + usize::from(self.again)
    }
}

/// All episodes of the history, by task, each task's in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Episodes {
    by_task: BTreeMap<TaskName, Vec<Episode>>,
}

impl Episodes {
    /// Reads the events, the oldest first.
    pub fn read<'a>(events: impl IntoIterator<Item = (Timestamp, &'a Recorded)>) -> Episodes {
        let mut episodes = Episodes::default();
        for (number, (at, event)) in events.into_iter().enumerate() {
            if let (Some(task), Ok(kind)) = (&event.task, event.event.parse()) {
                episodes.take(number, at, task, kind, event);
            }
        }
        for lives in episodes.by_task.values_mut() {
            for number in 1..lives.len() {
                let (before, after) = lives.split_at_mut(number);
                let (Some(earlier), Some(later)) = (before.last_mut(), after.first_mut()) else { continue };
                if earlier.fate == Fate::Abandoned {
                    earlier.fate = Fate::Redone;
                }
                later.again = earlier.fate == Fate::Redone;
            }
        }
        episodes
    }

    fn take(&mut self, number: usize, at: Timestamp, task: &TaskName, kind: EventKind, event: &Recorded) {
        let lives = self.by_task.entry(task.clone()).or_default();
        let is_open = lives.last().is_some_and(|last| last.ended.is_none());
        let fence = event.fence.unwrap_or_default();
        let grant = Grant { at, fence, event: number };
        if kind == EventKind::Claim || !is_open {
            let begun = (kind == EventKind::Claim).then_some(at);
            if matches!(kind, EventKind::Override | EventKind::Withdraw) {
                return;
            }
            let fate = Fate::Live;
            let (tier, class, again) = (None, None, false);
            let task = task.clone();
            lives.push(Episode { task, begun, ended: None, fate, grants: vec![grant], tier, class, again });
        }
        let Some(life) = lives.last_mut() else { return };
        let fact = |wanted: &str| {
            event.facts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        life.tier = fact(TIER).or(life.tier.take());
        life.class = fact(CLASS).or(life.class.take());
        let is_known = life.grants.iter().any(|grant| grant.fence == fence);
        match kind {
            EventKind::Resume | EventKind::TakeOver if !is_known => {
                life.grants.push(grant);
                life.fate = Fate::Live;
            }
            EventKind::Resume => life.fate = Fate::Live,
            EventKind::Park => life.fate = Fate::Parked,
            EventKind::Land => life.end(at, Fate::Landed),
            EventKind::Release => life.end(at, Fate::Released),
            EventKind::Abandon => life.end(at, Fate::Abandoned),
            // Under the fence that it had: its regions went to another task, and its work to the salvage.
            EventKind::TakeOver => life.end(at, Fate::Redone),
            EventKind::Withdraw => drop(lives.pop()),
            EventKind::Claim
            | EventKind::Init
            | EventKind::Renew
            | EventKind::Extend
            | EventKind::Override
            | EventKind::Settle
            | EventKind::Compact => {}
        }
    }

    /// All lives of a task's name, the first one first.
    pub fn lives(&self, task: &TaskName) -> &[Episode] {
        self.by_task.get(task).map_or(&[], Vec::as_slice)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Episode> {
        self.by_task.values().flatten()
    }

    /// All of them, to be told more of.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Episode> {
        self.by_task.values_mut().flatten()
    }
}

/// Of the lives of one name, the one in which something was done.
pub fn at_time(lives: &[Episode], at: Timestamp) -> Option<&Episode> {
    let begun = |life: &&Episode| life.begun.is_none_or(|begun| begun <= at);
    lives.iter().rev().find(begun).or(lives.first())
}

/// The trailer that names the tier of models, without its prefix.
pub const TIER: &str = "Tier";

/// The trailer that names the class of work, without its prefix.
pub const CLASS: &str = "Class";

impl Episode {
    fn end(&mut self, at: Timestamp, fate: Fate) {
        self.ended = Some(at);
        self.fate = fate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events a minute apart: kind, task, fence.
    fn history(events: &[(&str, &str, u64)]) -> Vec<(Timestamp, Recorded)> {
        let event = |(minute, (kind, task, fence)): (usize, &(&str, &str, u64))| {
            let message =
                format!("x\n\nOdyssey-Event: {kind}\nOdyssey-Task: {task}\nOdyssey-Fence: {fence}\n");
            (minute_of(minute), Recorded::read(&message).unwrap())
        };
        events.iter().enumerate().map(event).collect()
    }

    fn minute_of(minute: usize) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * i64::try_from(minute).unwrap()).unwrap()
    }

    fn fates(events: &[(&str, &str, u64)]) -> Vec<(String, Fate, usize)> {
        let history = history(events);
        let episodes = Episodes::read(history.iter().map(|(at, event)| (*at, event)));
        episodes.all().map(|life| (life.task.to_string(), life.fate, life.retries())).collect()
    }

    #[test]
    fn what_became_of_a_task_is_its_last_event() {
        let one = |events: &[(&str, &str, u64)]| {
            fates(events).into_iter().map(|(_, fate, _)| fate).collect::<Vec<_>>()
        };
        assert_eq!(one(&[("claim", "a", 1)]), [Fate::Live]);
        assert_eq!(one(&[("claim", "a", 1), ("renew", "a", 1), ("land", "a", 1)]), [Fate::Landed]);
        assert_eq!(one(&[("claim", "a", 1), ("park", "a", 1)]), [Fate::Parked]);
        assert_eq!(one(&[("claim", "a", 1), ("park", "a", 1), ("resume", "a", 2)]), [Fate::Live]);
        assert_eq!(one(&[("claim", "a", 1), ("release", "a", 1)]), [Fate::Released]);
        assert_eq!(one(&[("claim", "a", 1), ("withdraw", "a", 1)]), []);
        assert_eq!(one(&[("claim", "a", 1), ("abandon", "a", 1)]), [Fate::Abandoned]);
    }

    #[test]
    fn work_that_was_begun_anew_is_redone() {
        let events = [("claim", "a", 1), ("abandon", "a", 1), ("claim", "a", 2), ("land", "a", 2)];
        assert_eq!(fates(&events), [("a".to_owned(), Fate::Redone, 0), ("a".to_owned(), Fate::Landed, 1)]);
    }

    #[test]
    fn a_take_over_under_a_new_fence_goes_on_and_under_the_old_one_ends() {
        let goes_on = [("claim", "a", 1), ("take-over", "a", 2), ("land", "a", 2)];
        assert_eq!(fates(&goes_on), [("a".to_owned(), Fate::Landed, 1)]);
        let ends = [("claim", "a", 1), ("park", "a", 1), ("take-over", "a", 1), ("claim", "b", 2)];
        assert_eq!(fates(&ends), [("a".to_owned(), Fate::Redone, 0), ("b".to_owned(), Fate::Live, 0)]);
    }

    #[test]
    fn what_was_done_belongs_to_the_life_and_the_grant_of_its_time() {
        let history =
            history(&[("claim", "a", 1), ("take-over", "a", 2), ("land", "a", 2), ("claim", "a", 3)]);
        let episodes = Episodes::read(history.iter().map(|(at, event)| (*at, event)));
        let task: TaskName = "a".parse().unwrap();
        let fence = |minute: usize| {
            let at = minute_of(minute);
            at_time(episodes.lives(&task), at)
                .and_then(|life| life.grant_at(at))
                .map(|grant| (grant.fence.0, grant.event))
        };
        assert_eq!([0, 1, 2, 3, 9].map(fence), [(1, 0), (2, 1), (2, 1), (3, 3), (3, 3)].map(Some));
        let before = minute_of(0).checked_sub(jiff::SignedDuration::from_mins(5)).unwrap();
        assert_eq!(at_time(episodes.lives(&task), before).and_then(|life| life.begun), Some(minute_of(0)));
        assert_eq!(episodes.lives(&"b".parse().unwrap()), []);
    }

    #[test]
    fn a_history_that_begins_in_the_middle_is_read_from_there() {
        let events = [("renew", "a", 7), ("land", "a", 7), ("override", "b", 3)];
        assert_eq!(fates(&events), [("a".to_owned(), Fate::Landed, 0)]);
    }
}
