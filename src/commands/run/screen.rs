//! A run as people read it: a line for each step, and what became of every task.

use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::commands::plan::money;
use crate::domain::workflow::Spent;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::progress::Progress;
use crate::domain::workflow::progress::State;
use crate::domain::workflow::progress::Step;

/// A step in one line; nothing for those that only a program needs.
pub fn line(step: &Step, workflow: &Workflow) -> Option<String> {
    let said = match step {
        Step::Begun { workflow, .. } => format!("{workflow}: begins"),
        Step::GoesOn => format!("{}: goes on", workflow.name),
        Step::Claiming { .. } | Step::Used { .. } => return None,
        Step::Waits { task, why } => format!("{task}: waits, {why}"),
        Step::Started { task, attempt: 1, tier, .. } => format!("{task}: started by {tier}"),
        Step::Started { task, attempt, tier, .. } => format!("{task}: started by {tier}, attempt {attempt}"),
        Step::BudgetLow { task, what } => format!("{task}: little of its {what} is left"),
        Step::Ended { task, spent } => format!("{task}: its agent ended after {}", cost(*spent)),
        Step::Ready { task } => format!("{task}: done, lands next"),
        Step::Failed { task, why, last: false } => format!("{task}: failed and is tried again: {why}"),
        Step::Failed { task, why, last: true } => format!("{task}: failed: {why}"),
        Step::Landed { task, commit } => format!("{task}: landed as {}", &commit[..commit.len().min(10)]),
        Step::Empty { task } => format!("{task}: there was nothing to change"),
        Step::Kept { task } => format!("{task}: done, and parked for you to look at"),
        Step::Parked { task, why } => format!("{task}: parked: {why}"),
    };
    Some(said)
}

/// What something has cost, as people say it.
fn cost(spent: Spent) -> String {
    let mut parts = vec![text::duration(std::time::Duration::from_secs(spent.seconds))];
    if spent.tokens > 0 {
        parts.push(format!("{} tokens", spent.tokens));
    }
    if spent.micros > 0 {
        parts.push(money(spent.micros));
    }
    parts.join(", ")
}

/// What became of every task.
pub fn page(workflow: &Workflow, progress: &Progress) -> Page {
    let mut page = Page::default();
    let heading = ["TASK", "STATE", "TRIES", "TIER", "COST", "WHY"];
    let mut rows: Vec<Vec<Span>> = vec![heading.map(|text| (Label::Heading, text.to_owned())).to_vec()];
    for task in &workflow.tasks {
        let track = progress.of(&task.name);
        let (label, state) = match track.state {
            State::Waiting => (Label::Quiet, "not begun"),
            State::Working => (Label::Warn, "cut off"),
            State::Ready => (Label::Warn, "to land"),
            State::Landed => (Label::Good, "landed"),
            State::Empty => (Label::Good, "nothing to do"),
            State::Kept => (Label::Good, "parked, done"),
            State::Failed => (Label::Bad, "failed"),
            State::Parked => (Label::Warn, "parked"),
        };
        // The first line tells which kind of failure it was; the rest is in the journal and in the log.
        let why = track.why.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
        rows.push(vec![
            (Label::Name, task.name.to_string()),
            (label, state.to_owned()),
            (Label::Plain, track.attempts.to_string()),
            (Label::Person, track.tier.unwrap_or_else(|| task.tier.clone())),
            (Label::Plain, cost(track.spent)),
            (Label::Quiet, why.to_owned()),
        ]);
    }
    page.table(&rows);
    page
}
