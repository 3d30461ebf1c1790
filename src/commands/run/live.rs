//! A run as it stands at one moment, for whoever shows that in place.

use crate::domain::task::TaskName;
use crate::domain::workflow::Spent;
use crate::domain::workflow::Task;
use crate::domain::workflow::progress::State;
use crate::domain::workflow::progress::Track;

use super::agent;
use super::runner::Runner;

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// The workflow's name.
    pub name: String,
    /// Its tasks, in its order.
    pub rows: Vec<Row>,
    /// What all of them have cost.
    pub spent: Spent,
    /// Whether nothing more is begun.
    pub is_stopped: bool,
}

/// How a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The task.
    pub task: String,
    /// What happens with it.
    pub doing: Doing,
    /// The tier that tries it, or will.
    pub tier: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What it has cost, the attempt that is under way among it.
    pub spent: Spent,
    /// What it waits for, what its agent says, or why it failed: one line.
    pub said: String,
}

/// What happens with a task at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It is being claimed.
    Begins,
    /// Its agent is at work.
    Works,
    /// Its agent has ended, and what it left is committed or parked.
    Ends,
    /// Its work is to land.
    Lands,
    /// Somebody else has one of its regions.
    Held,
    /// It begins when there is a hand free.
    Next,
    /// It needs others to be done first.
    Waits,
    /// All its attempts failed.
    Failed,
    /// It was stopped.
    Parked,
    /// It is done, and parked for a person.
    Kept,
    /// Its work is on the target.
    Landed,
    /// There was nothing to change.
    Empty,
}

impl Runner<'_> {
    /// Tells how the run stands, if somebody shows it in place.
    pub(super) fn tell_live(&self) {
        if self.context.monitor.is_live() {
            let rows = self.workflow.tasks.iter().map(|task| self.row(task)).collect();
            let (name, spent) = (self.workflow.name.clone(), self.spent_by_all());
            self.context.monitor.live(&Live { name, rows, spent, is_stopped: self.is_stopped });
        }
    }

    fn row(&self, task: &Task) -> Row {
        let track = self.progress.of(&task.name);
        let doing = self.doing(task, &track);
        let said = match doing {
            Doing::Works => self.working.get(&task.name).map(|working| agent::last_words(&working.log)),
            Doing::Waits => Some(format!("for {}", self.open_needs(task).join(", "))),
            Doing::Held => Some("for a region that somebody else has".to_owned()),
            Doing::Next | Doing::Failed | Doing::Parked => track.why.clone(),
            Doing::Begins | Doing::Ends | Doing::Lands | Doing::Kept | Doing::Landed | Doing::Empty => None,
        };
        let said = said.unwrap_or_default();
        let mut lines = said.lines();
        // Of what is said the last counts, of reasons the first.
        let said = if doing == Doing::Works { lines.next_back() } else { lines.next() };
        Row {
            task: task.name.to_string(),
            doing,
            tier: track.tier.clone().unwrap_or_else(|| task.tier.clone()),
            attempts: track.attempts,
            spent: self.spent(&task.name),
            said: said.unwrap_or_default().to_owned(),
        }
    }

    fn doing(&self, task: &Task, track: &Track) -> Doing {
        match track.state {
            State::Landed => return Doing::Landed,
            State::Empty => return Doing::Empty,
            State::Kept => return Doing::Kept,
            State::Ready => return Doing::Lands,
            State::Failed => return Doing::Failed,
            State::Parked => return Doing::Parked,
            State::Waiting | State::Working => {}
        }
        match self.working.get(&task.name) {
            Some(working) if working.lifeline.is_some() => Doing::Works,
            Some(working) if working.granted.is_some() => Doing::Ends,
            Some(_) => Doing::Begins,
            None if self.blocked.contains(&task.name) => Doing::Held,
            None if self.open_needs(task).is_empty() => Doing::Next,
            None => Doing::Waits,
        }
    }

    /// The tasks that have to be done before this one begins.
    fn open_needs<'t>(&self, task: &'t Task) -> Vec<&'t str> {
        let open = |need: &&TaskName| !self.progress.of(need).state.is_done();
        task.needs.iter().filter(open).map(TaskName::as_str).collect()
    }
}
