//! How far a run of a workflow has come: a fold over the steps that its journal holds.

use std::collections::BTreeMap;

use super::Spent;
use super::Task;
use super::Workflow;
use crate::domain::lease::Fence;
use crate::domain::task::TaskName;

/// One thing that happened in a run, as the journal keeps it and `--json` tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Step {
    /// The run began.
    Begun {
        /// The workflow's name.
        workflow: String,
        /// The target's commit at that moment, whose files a matrix names.
        start: String,
        /// The ledger's commit at that moment: what landed later landed in this run.
        since: String,
    },
    /// A runner went on with it. Whatever had failed is tried again.
    GoesOn,
    /// A task is about to be granted to an agent.
    Claiming {
        /// The task.
        task: TaskName,
        /// How often it has been tried by then, from 1.
        attempt: u32,
        /// The tier that tries it.
        tier: String,
    },
    /// It could not be granted: somebody else holds a region. It begins when that changes.
    Waits {
        /// The task.
        task: TaskName,
        /// Who is in the way.
        why: String,
    },
    /// An agent began.
    Started {
        /// The task.
        task: TaskName,
        /// Which attempt it is, from 1.
        attempt: u32,
        /// The tier that tries it.
        tier: String,
        /// The lease's fence.
        fence: Fence,
    },
    /// A task has used most of what it may cost, or of what all may: once for each limit and attempt.
    BudgetLow {
        /// The task.
        task: TaskName,
        /// Of what there is little left.
        what: String,
    },
    /// An agent's command ended, or was ended.
    Ended {
        /// The task.
        task: TaskName,
        /// What this attempt cost.
        spent: Spent,
    },
    /// What all attempts have used of models by now, as the accounts tell.
    Used {
        /// The task.
        task: TaskName,
        /// Tokens of all kinds together.
        tokens: u64,
        /// Money in millionths of a US dollar, as far as the models have a price.
        micros: u64,
        /// How many of the tokens have no price.
        #[serde(default)]
        unpriced: u64,
    },
    /// The work is done and committed, and lands next.
    Ready {
        /// The task.
        task: TaskName,
    },
    /// An attempt failed.
    Failed {
        /// The task.
        task: TaskName,
        /// Why.
        why: String,
        /// Whether it was the last one.
        last: bool,
    },
    /// The work is on the target.
    Landed {
        /// The task.
        task: TaskName,
        /// The target's commit.
        commit: String,
    },
    /// The agent was content and had changed nothing; its lease is released.
    Empty {
        /// The task.
        task: TaskName,
    },
    /// The work is done and parked, for a person to look at.
    Kept {
        /// The task.
        task: TaskName,
    },
    /// The task was stopped, and its work and regions are kept.
    Parked {
        /// The task.
        task: TaskName,
        /// Why.
        why: String,
    },
}

impl Step {
    /// The task that it is about, if it is about one.
    pub fn task(&self) -> Option<&TaskName> {
        match self {
            Step::Begun { .. } | Step::GoesOn => None,
            Step::Claiming { task, .. }
            | Step::Waits { task, .. }
            | Step::Started { task, .. }
            | Step::BudgetLow { task, .. }
            | Step::Ended { task, .. }
            | Step::Used { task, .. }
            | Step::Ready { task }
            | Step::Failed { task, .. }
            | Step::Landed { task, .. }
            | Step::Empty { task }
            | Step::Kept { task }
            | Step::Parked { task, .. } => Some(task),
        }
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody works on it.
    #[default]
    Waiting,
    /// An agent works on it, or is about to.
    Working,
    /// Its agent is done, and its work is to land.
    Ready,
    /// Its work is on the target.
    Landed,
    /// There was nothing to change.
    Empty,
    /// It is done, and parked for a person.
    Kept,
    /// All its attempts failed.
    Failed,
    /// It was stopped.
    Parked,
}

impl State {
    /// Whether those that wait for it may begin.
    pub fn is_done(self) -> bool {
        matches!(self, State::Landed | State::Empty | State::Kept)
    }

    /// Whether this run does nothing more about it.
    pub fn is_over(self) -> bool {
        self.is_done() || matches!(self, State::Failed | State::Parked)
    }
}

/// How far one task has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Track {
    /// Where it stands.
    pub state: State,
    /// How often agents have tried it since the run began or went on.
    pub attempts: u32,
    /// Whether it has been claimed in this run: then a lease of its name is ours.
    pub claimed: bool,
    /// The tier of the last attempt.
    pub tier: Option<String>,
    /// Why the last attempt failed or was stopped.
    pub why: Option<String>,
    /// What all its attempts have cost.
    pub spent: Spent,
    /// Whether the last attempt was told that there is little left.
    pub was_warned: bool,
    /// Whether the last attempt did not come to its end: then the next is the same one again.
    pub is_cut: bool,
}

impl Track {
    /// The number of the next attempt, from 1.
    pub fn next_attempt(&self) -> u32 {
        if self.is_cut { self.attempts.max(1) } else { self.attempts + 1 }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The target's commit at the beginning.
    pub start: Option<String>,
    /// The ledger's commit at the beginning.
    pub since: Option<String>,
    tracks: BTreeMap<TaskName, Track>,
}

impl Progress {
    /// How far a task has come.
    pub fn of(&self, task: &TaskName) -> Track {
        self.tracks.get(task).cloned().unwrap_or_default()
    }

    /// What all tasks have cost.
    pub fn spent(&self) -> Spent {
        self.tracks.values().fold(Spent::default(), |mut all, track| {
            all += track.spent;
            all
        })
    }

    /// Takes note of a step.
    pub fn take(&mut self, step: &Step) {
        if let Step::Begun { start, since, .. } = step {
            *self =
                Progress { start: Some(start.clone()), since: Some(since.clone()), ..Progress::default() };
            return;
        }
        let Some(task) = step.task() else {
            for track in self.tracks.values_mut() {
                match track.state {
                    State::Failed => (track.state, track.attempts) = (State::Waiting, 0),
                    State::Parked => (track.state, track.is_cut) = (State::Waiting, true),
                    _ => continue,
                }
                track.was_warned = false;
            }
            return;
        };
        let track = self.tracks.entry(task.clone()).or_default();
        match step {
            Step::Begun { .. } | Step::GoesOn => {}
            Step::Claiming { tier, attempt, .. } => {
                track.state = State::Working;
                track.claimed = true;
                track.was_warned = false;
                track.is_cut = false;
                track.attempts = *attempt;
                track.tier = Some(tier.clone());
            }
            Step::Waits { .. } => {
                track.state = State::Waiting;
                track.claimed = false;
                track.is_cut = true;
            }
            Step::Started { .. } => track.state = State::Working,
            Step::BudgetLow { .. } => track.was_warned = true,
            Step::Ended { spent, .. } => track.spent += *spent,
            Step::Used { tokens, micros, unpriced, .. } => {
                let (tokens, micros, unpriced) = (*tokens, *micros, *unpriced);
                track.spent = Spent { tokens, micros, unpriced, ..track.spent };
            }
            Step::Ready { .. } => (track.state, track.why) = (State::Ready, None),
            Step::Failed { why, last, .. } => {
                track.state = if *last { State::Failed } else { State::Waiting };
                (track.why, track.is_cut) = (Some(why.clone()), false);
            }
            Step::Landed { .. } => (track.state, track.why) = (State::Landed, None),
            Step::Empty { .. } => (track.state, track.why) = (State::Empty, None),
            Step::Kept { .. } => (track.state, track.why) = (State::Kept, None),
            Step::Parked { why, .. } => (track.state, track.why) = (State::Parked, Some(why.clone())),
        }
    }

    /// The tasks that could begin now, in the workflow's order.
    pub fn ready<'w>(&self, workflow: &'w Workflow) -> Vec<&'w Task> {
        let done = |task: &TaskName| self.of(task).state.is_done();
        let ready = |task: &&Task| self.of(&task.name).state == State::Waiting && task.needs.iter().all(done);
        workflow.tasks.iter().filter(ready).collect()
    }

    /// Whether nothing more can happen: all tasks are over, or wait for one that failed or was stopped.
    pub fn is_over(&self, workflow: &Workflow) -> bool {
        let moving = |task: &Task| matches!(self.of(&task.name).state, State::Working | State::Ready);
        !workflow.tasks.iter().any(moving) && self.ready(workflow).is_empty()
    }

    /// The tier that tries a task next: that of the last attempt's successor after a failure, its own at first.
    pub fn next_tier(&self, workflow: &Workflow, task: &Task) -> String {
        let track = self.of(&task.name);
        match (&track.tier, track.attempts) {
            (Some(last), 1..) if !track.is_cut => {
                let next = workflow.tiers.get(last).and_then(|tier| tier.next.clone());
                next.unwrap_or_else(|| last.clone())
            }
            (Some(last), 1..) => last.clone(),
            _ => task.tier.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Landing;
    use super::super::Tier;
    use super::*;
    use crate::domain::budget::Limit;
    use proptest::prelude::*;

    fn workflow() -> Workflow {
        let tier = |next: Option<&str>| Tier {
            command: vec!["agent".to_owned()],
            model: None,
            next: next.map(str::to_owned),
            holder: "agent".to_owned(),
        };
        let task = |name: &str, needs: &[&str]| Task {
            name: name.parse().unwrap(),
            regions: vec![name.to_owned()],
            prompt: String::new(),
            needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
            tier: "small".to_owned(),
            class: None,
            budget: Limit::default(),
            check: None,
            retry: 1,
            land: Landing::ByPolicy,
            on: BTreeMap::new(),
        };
        Workflow {
            name: "w".to_owned(),
            parallel: 2,
            budget: Limit::default(),
            tiers: BTreeMap::from([
                ("small".to_owned(), tier(Some("large"))),
                ("large".to_owned(), tier(None)),
            ]),
            tasks: vec![task("a", &[]), task("b", &["a"]), task("c", &[])],
        }
    }

    fn name(name: &str) -> TaskName {
        name.parse().unwrap()
    }

    fn claiming(task: &str, attempt: u32, tier: &str) -> Step {
        Step::Claiming { task: name(task), attempt, tier: tier.to_owned() }
    }

    #[test]
    fn a_task_begins_when_all_before_it_are_done() {
        let workflow = workflow();
        let mut progress = Progress::default();
        let ready = |progress: &Progress| {
            progress.ready(&workflow).iter().map(|task| task.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ready(&progress), ["a", "c"]);
        progress.take(&claiming("a", 1, "small"));
        assert_eq!(ready(&progress), ["c"]);
        progress.take(&Step::Ready { task: name("a") });
        assert_eq!(ready(&progress), ["c"], "what is done is not on the target yet");
        progress.take(&Step::Landed { task: name("a"), commit: "1".to_owned() });
        assert_eq!(ready(&progress), ["b", "c"]);
    }

    #[test]
    fn a_failure_goes_to_the_next_tier_and_a_cut_does_not() {
        let workflow = workflow();
        let mut progress = Progress::default();
        let next = |progress: &Progress| {
            (progress.of(&name("a")).next_attempt(), progress.next_tier(&workflow, &workflow.tasks[0]))
        };
        let parked = Step::Parked { task: name("a"), why: "the runner was cut off".to_owned() };
        assert_eq!(next(&progress), (1, "small".to_owned()));
        progress.take(&claiming("a", 1, "small"));
        progress.take(&parked);
        progress.take(&Step::GoesOn);
        assert_eq!(next(&progress), (1, "small".to_owned()), "a cut is no failure");
        progress.take(&Step::Failed { task: name("a"), why: "x".to_owned(), last: false });
        assert_eq!(next(&progress), (2, "large".to_owned()));
        progress.take(&claiming("a", 2, "large"));
        progress.take(&parked);
        progress.take(&Step::GoesOn);
        assert_eq!(next(&progress), (2, "large".to_owned()));
        progress.take(&claiming("a", 2, "large"));
        progress.take(&Step::Failed { task: name("a"), why: "x".to_owned(), last: true });
        assert_eq!(progress.of(&name("a")).state, State::Failed);
        progress.take(&Step::GoesOn);
        assert_eq!(progress.of(&name("a")).state, State::Waiting);
        assert_eq!(next(&progress), (1, "small".to_owned()), "a new round begins anew");
    }

    #[test]
    fn a_run_is_over_when_only_those_are_left_that_wait_for_a_failure() {
        let workflow = workflow();
        let mut progress = Progress::default();
        progress.take(&Step::Empty { task: name("c") });
        assert!(!progress.is_over(&workflow));
        progress.take(&Step::Failed { task: name("a"), why: "x".to_owned(), last: true });
        assert!(progress.is_over(&workflow), "b waits for a");
    }

    proptest! {
        #[test]
        fn a_step_reads_back_as_it_was_written(why: String, tokens: u64, last: bool) {
            let spent = Spent { tokens, ..Spent::default() };
            for step in [
                Step::GoesOn,
                Step::Failed { task: name("a"), why: why.clone(), last },
                Step::Ended { task: name("a"), spent },
            ] {
                let line = serde_json::to_string(&step).unwrap();
                prop_assert!(!line.contains('\n'));
                prop_assert_eq!(serde_json::from_str::<Step>(&line).unwrap(), step);
            }
        }
    }
}
