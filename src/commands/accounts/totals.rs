//! Totals: what was used in the day and the month, by whom, and in each task's life: what limits are held against.

use std::collections::HashMap;

use crate::base::clock::Timestamp;
use crate::domain::budget::Periods;
use crate::domain::episode::Episode;
use crate::domain::task::TaskName;
use crate::domain::usage::Spent;

use super::Accounts;
use super::Owner;

/// What was used by a time.
#[derive(Debug, Clone)]
pub struct Totals {
    /// The day and the month.
    pub periods: Periods,
    /// By all in the day.
    pub day: Spent,
    /// By all in the month.
    pub month: Spent,
    /// In the day, by each holder.
    pub agents: HashMap<String, Spent>,
    /// In the present life of each task, or its last one.
    pub tasks: HashMap<TaskName, Spent>,
}

impl Totals {
    /// Sums up all of a repository's work, in one go.
    pub fn of(accounts: &Accounts<'_>, now: Timestamp) -> Totals {
        let periods = Periods::of(now);
        let (day, month) = (Spent::default(), Spent::default());
        let mut totals = Totals { periods, day, month, agents: HashMap::new(), tasks: HashMap::new() };
        // Whose grant it is, by the number of its event: asked once each.
        let mut holders: HashMap<usize, Option<String>> = HashMap::new();
        accounts.each(|charge| {
            let (task, life) = match charge.owner {
                Owner::Elsewhere => return,
                Owner::NoTask => (None, None),
                Owner::Task(task, life) => (Some(task), life),
            };
            if charge.at >= periods.month {
                totals.month += charge.spent;
            }
            if charge.at >= periods.day {
                totals.day += charge.spent;
            }
            let (Some(task), Some((life, grant))) = (task, life) else { return };
            let present = accounts.episodes.lives(task).last();
            if present.is_some_and(|present| std::ptr::eq(present, life)) {
                *totals.tasks.entry(task.clone()).or_default() += charge.spent;
            }
            if charge.at >= periods.day {
                let holder = holders
                    .entry(grant.event)
                    .or_insert_with(|| accounts.holder(task, grant).map(|holder| holder.to_string()));
                if let Some(holder) = holder {
                    *totals.agents.entry(holder.clone()).or_default() += charge.spent;
                }
            }
        });
        totals
    }
}

/// What each life of a task has used; one of which nothing is known is not there.
pub fn by_life(accounts: &Accounts<'_>) -> HashMap<*const Episode, Spent> {
    let mut spent: HashMap<*const Episode, Spent> = HashMap::new();
    accounts.each(|charge| {
        if let Owner::Task(_, Some((life, _))) = charge.owner {
            *spent.entry(std::ptr::from_ref(life)).or_default() += charge.spent;
        }
    });
    spent
}
