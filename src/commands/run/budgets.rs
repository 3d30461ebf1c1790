//! The budgets of a run: what is used is counted, who comes near a limit is told, and who is at one is stopped.

use std::time::Duration;
use std::time::Instant;

use crate::base::failure::Failure;
use crate::commands::accounts::totals::Totals;
use crate::domain::budget::Budget;
use crate::domain::budget::Periods;
use crate::domain::budget::Reached;
use crate::domain::budget::Scope;
use crate::domain::budget::Spent;
use crate::domain::budget::Standing;
use crate::domain::holder::Holder;
use crate::domain::holder::HolderKind;
use crate::domain::task::TaskName;
use crate::domain::workflow::Task;
use crate::domain::workflow::progress::Step;
use crate::workspace::word;
use crate::workspace::word::Word;

use super::agent;
use super::jobs;
use super::jobs::Used;
use super::runner::Happened;
use super::runner::Runner;
use super::runner::reason;

/// How often what agents use is counted where there is a limit, or somebody looks on.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// What is known of limits and of what was used.
pub struct Account {
    /// The limits of the policy.
    limits: Budget,
    /// When counting last began, and when it last ended.
    begun: Option<Instant>,
    known: Option<Instant>,
    is_counting: bool,
    /// Whether something waits for a count.
    is_wanted: bool,
    /// Why the last count failed.
    unknown: Option<String>,
    totals: Option<Totals>,
}

impl Account {
    /// Nothing is known yet.
    pub fn new(limits: Budget) -> Account {
        let (begun, known, unknown, totals) = (None, None, None, None);
        Account { limits, begun, known, is_counting: false, is_wanted: false, unknown, totals }
    }

    /// Whether a count is under way.
    pub fn is_counting(&self) -> bool {
        self.is_counting
    }
}

/// What a task may do by its limits.
pub enum May {
    /// Begin.
    Begin,
    /// Nothing yet: first it is counted what was used.
    Wait,
    /// Nothing, for this reason.
    Stop(String),
}

impl Runner<'_> {
    /// Whether a task may begin by its limits and those of all. Where they are of tokens or money, what was used has to be known
    /// as of now, that of every agent that has ended among it.
    pub(super) fn may_begin(&mut self, task: &Task) -> May {
        let account = &mut self.account;
        if is_counted(&account.limits, task, &self.workflow.budget) {
            let now = Periods::of(self.context.clock.now());
            let is_fresh = account.known.is_some_and(|at| at.elapsed() < COUNTED_EVERY)
                && account.totals.as_ref().is_none_or(|totals| totals.periods == now);
            if !is_fresh || account.is_counting || !self.uncounted.is_empty() {
                account.is_wanted = true;
                return May::Wait;
            }
            if let Some(why) = &account.unknown {
                return May::Stop(format!("what was used cannot be told, and there is a limit: {why}"));
            }
        }
        let tier = self.progress.next_tier(&self.workflow, task);
        let reached = self.reached(task, &tier).into_iter();
        match reached.into_iter().find(|reached| reached.standing == Standing::Hard) {
            Some(reached) => May::Stop(reached.why()),
            None => May::Begin,
        }
    }

    /// Asks what agents have used, when some have ended or a task waits for it, and from time to time where there is a limit.
    pub(super) fn ask_accounts(&mut self) {
        let account = &self.account;
        let is_idle = self.is_stopped && self.uncounted.is_empty();
        if account.is_counting || is_idle {
            return;
        }
        let (limits, all) = (&account.limits, &self.workflow.budget);
        let at_work = |task: &&Task| {
            self.working.get(&task.name).is_some_and(|working| working.lifeline.is_some())
                && (is_counted(limits, task, all) || self.context.monitor.is_live())
        };
        let mut tasks = std::mem::take(&mut self.uncounted);
        if account.begun.is_none_or(|at| at.elapsed() >= COUNTED_EVERY) {
            tasks.extend(self.workflow.tasks.iter().filter(at_work).map(|task| task.name.clone()));
        }
        if tasks.is_empty() && !account.is_wanted {
            return;
        }
        (self.account.is_counting, self.account.is_wanted) = (true, false);
        self.account.begun = Some(Instant::now());
        let tasks: Vec<TaskName> = tasks.into_iter().collect();
        self.setting.spawn(move |context| Happened::Used(jobs::used(context, &tasks).map(Box::new)));
    }

    /// Takes note of what was used.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(super) fn count(&mut self, used: Result<Box<Used>, Failure>) -> Result<(), Failure> {
        (self.account.is_counting, self.account.is_wanted) = (false, false);
        self.account.known = Some(Instant::now());
        let used = match used {
            Ok(used) => used,
            Err(failure) => {
                let why = reason(&failure);
                if self.account.unknown.as_ref() != Some(&why) {
                    self.context.monitor.note(&format!("what was used cannot be told: {why}"));
                }
                self.account.unknown = Some(why);
                return Ok(());
            }
        };
        let Used { tasks, totals } = *used;
        (self.account.unknown, self.account.totals) = (None, Some(totals));
        for (task, spent) in tasks {
            let Spent { tokens, micros, unpriced, .. } = spent;
            let known = self.progress.of(&task).spent;
            if (known.tokens, known.micros, known.unpriced) != (tokens, micros, unpriced) {
                self.step(Step::Used { task, tokens, micros, unpriced })?;
            }
        }
        Ok(())
    }

    /// The limits that a task is near or at, its own first, when this tier works on it.
    fn reached(&self, task: &Task, tier: &str) -> Vec<Reached> {
        let now = Periods::of(self.context.clock.now());
        let (limits, soft) = (&self.account.limits, self.account.limits.soft);
        let own = self.spent(&task.name);
        let mut all = vec![
            Reached::of(Scope::Task, &task.budget, own, soft, None),
            Reached::of(Scope::EachTask, &limits.task, own, soft, None),
            Reached::of(Scope::Workflow, &self.workflow.budget, self.spent_by_all(), soft, None),
        ];
        // What was used yesterday says nothing of today.
        let totals = self.account.totals.as_ref().filter(|totals| totals.periods == now);
        let of = |spent: Option<&crate::domain::usage::Spent>| spent.copied().unwrap_or_default().into();
        let holder = self.workflow.tiers.get(tier).map(|tier| &tier.holder);
        let holder =
            holder.and_then(|name| Holder::new(name, HolderKind::Agent).ok()).map(|one| one.to_string());
        if let Some(holder) = holder {
            let spent = of(totals.and_then(|totals| totals.agents.get(&holder)));
            all.push(Reached::of(Scope::Agent(holder), &limits.agent, spent, soft, Some(now.next_day)));
        }
        let day = of(totals.map(|totals| &totals.day));
        all.push(Reached::of(Scope::Day, &limits.day, day, soft, Some(now.next_day)));
        let month = of(totals.map(|totals| &totals.month));
        all.push(Reached::of(Scope::Month, &limits.month, month, soft, Some(now.next_month)));
        all.into_iter().flatten().collect()
    }

    /// Tells the agent of a task, and whoever follows the run, what it is near to or at. One that is at a limit is refused every
    /// tool by its guard, and ended when it has not ended by itself in a while.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(super) fn hold_to_limits(&mut self, task: &Task) -> Result<(), Failure> {
        let Some(working) = self.working.get_mut(&task.name) else { return Ok(()) };
        if let Some(until) = working.ends {
            if Instant::now() >= until {
                working.lifeline = None;
            }
            return Ok(());
        }
        let reached = self.reached(task, &self.progress.of(&task.name).tier.unwrap_or_default());
        if let Some(hard) = reached.iter().find(|reached| reached.standing == Standing::Hard) {
            let grace = self.account.limits.grace;
            self.leave_word(&task.name, &hard.name(), true, hard.told());
            let why = hard.why();
            if !grace.is_zero() {
                let left = crate::base::text::duration(grace);
                self.context.monitor.note(&format!("{}: {why}; its agent has {left} to stop", task.name));
            }
            let Some(working) = self.working.get_mut(&task.name) else { return Ok(()) };
            (working.stopping, working.ends) = (Some(why), Some(Instant::now() + grace));
            if grace.is_zero() {
                working.lifeline = None;
            }
            return Ok(());
        }
        let warned = &self.working[&task.name].warned;
        let news: Vec<Reached> = reached.into_iter().filter(|one| !warned.contains(&one.name())).collect();
        if news.is_empty() {
            return Ok(());
        }
        for one in &news {
            self.step(Step::BudgetLow { task: task.name.clone(), what: one.name() })?;
        }
        let names: Vec<String> = news.iter().map(Reached::name).collect();
        let told: Vec<String> = news.iter().map(Reached::told).collect();
        self.leave_word(&task.name, &names.join(", "), false, told.join("\n"));
        if let Some(working) = self.working.get_mut(&task.name) {
            working.warned.extend(names);
        }
        Ok(())
    }

    fn leave_word(&self, task: &TaskName, limit: &str, is_spent: bool, text: String) {
        let granted = self.working.get(task).and_then(|working| working.granted.as_ref());
        let Some(granted) = granted else { return };
        let word = Word {
            fence: granted.lease.fence,
            attempt: self.progress.of(task).attempts,
            limit: limit.to_owned(),
            is_spent,
            text,
            alive: agent::alive(self.journal.folder(), task),
        };
        // It is ended all the same when it is at its limit.
        if let Err(error) = word.leave(&granted.path) {
            self.context.monitor.note(&format!("{task}: its agent cannot be told of its budget: {error}"));
        }
    }

    /// Takes back what the agent of a task was to hear, when it has ended.
    pub(super) fn take_word_back(&self, task: &TaskName) {
        let granted = self.working.get(task).and_then(|working| working.granted.as_ref());
        if let Some(Err(error)) = granted.map(|granted| word::take_back(&granted.path)) {
            self.context.monitor.note(&format!("{task}: {error}"));
        }
    }

    /// What a task has cost, the attempt that is under way among it.
    pub(super) fn spent(&self, task: &TaskName) -> Spent {
        let mut spent = self.progress.of(task).spent;
        if let Some(working) = self.working.get(task).filter(|working| working.lifeline.is_some()) {
            spent += working.spent();
        }
        spent
    }

    pub(super) fn spent_by_all(&self) -> Spent {
        let mut spent = self.progress.spent();
        for working in self.working.values().filter(|working| working.lifeline.is_some()) {
            spent += working.spent();
        }
        spent
    }
}

/// Whether anything that only the accounts tell is limited.
fn is_counted(limits: &Budget, task: &Task, all: &crate::domain::budget::Limit) -> bool {
    !limits.is_free() || all.is_counted() || task.budget.is_counted()
}
