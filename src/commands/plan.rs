//! `plan`: what a workflow would do, in which order, by whom, and what stands in its way now.

mod expected;

use std::path::PathBuf;

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::domain::budget::Limit;
use crate::domain::lease::Mode;
use crate::domain::workflow::Task;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::order;

use super::Context;
use super::Outcome;
use super::session::Session;
use super::workflow;
use super::workflow::Given;
use expected::Expected;

/// Show what a workflow would do: its tasks in their order, by whom, at what price; nothing is started.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// The workflow's file
    pub file: PathBuf,
    /// A value for the workflow's texts; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub given: Vec<Given>,
    /// Draw who waits for whom, for Graphviz
    #[arg(long, conflicts_with = "mermaid")]
    pub dot: bool,
    /// Draw who waits for whom, for Mermaid
    #[arg(long)]
    pub mermaid: bool,
}

/// What a plan answers.
#[derive(Debug, serde::Serialize)]
struct Planned {
    workflow: Workflow,
    /// The names of the tasks that can begin at the same time, wave by wave.
    waves: Vec<Vec<String>>,
    /// Live leases of others that a task would wait for.
    in_the_way: Vec<InTheWay>,
    /// What it may cost, by what has landed before.
    expected: Expected,
}

#[derive(Debug, serde::Serialize)]
struct InTheWay {
    task: String,
    held_by: String,
    holder: String,
    region: String,
}

impl Plan {
    /// Reads the workflow and says what it comes to.
    ///
    /// # Errors
    /// When something is wrong with it.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let start = workflow::start(&session)?;
        let workflow = workflow::load(&session, context, &self.file, &self.given, start)?;
        let page = match (self.dot, self.mermaid) {
            (true, _) => dot(&workflow),
            (_, true) => mermaid(&workflow),
            _ => Page::default(),
        };
        let in_the_way = in_the_way(&session, &workflow)?;
        let waves = order::waves(&workflow.tasks);
        let is_drawn = self.dot || self.mermaid;
        // A drawing shows nothing of it, and need not wait for transcripts.
        let expected = match is_drawn && !context.json {
            true => Expected::default(),
            false => Expected::of(&session, context, &workflow)?,
        };
        let page = if is_drawn { page } else { table(&workflow, &waves, &in_the_way, &expected) };
        let waves =
            waves.iter().map(|wave| wave.iter().map(|task| task.name.to_string()).collect()).collect();
        Ok(Outcome::new(page, &Planned { waves, in_the_way, expected, workflow }))
    }
}

/// The leases that stand now and keep a task from its regions.
fn in_the_way(session: &Session, workflow: &Workflow) -> Result<Vec<InTheWay>, Failure> {
    if !session.ledger().is_prepared()? {
        return Ok(Vec::new());
    }
    let book = session.ledger().read()?.book;
    let mut found = Vec::new();
    for task in &workflow.tasks {
        let regions = session.regions(&task.regions)?;
        let others = book.leases().iter().filter(|lease| lease.task != task.name);
        found.extend(others.filter_map(|lease| {
            let (region, _) = lease.excludes(Mode::Exclusive, &regions)?;
            Some(InTheWay {
                task: task.name.to_string(),
                held_by: lease.task.to_string(),
                holder: lease.holder.to_string(),
                region: region.text().to_owned(),
            })
        }));
    }
    Ok(found)
}

fn table(workflow: &Workflow, waves: &[Vec<&Task>], in_the_way: &[InTheWay], expected: &Expected) -> Page {
    let mut page = Page::default();
    page.put(Label::Name, workflow.name.clone());
    page.put(Label::Plain, format!(": {}, ", text::count(workflow.tasks.len(), "task")));
    page.put(Label::Plain, format!("at most {} at once", workflow.parallel));
    if workflow.budget != Limit::default() {
        page.put(Label::Plain, format!(", for {} in all", price(&workflow.budget)));
    }
    page.end();
    let heading = ["WAVE", "TASK", "TIER", "AFTER", "REGIONS", "BUDGET", "MAY COST", "TRIES", "LANDS"];
    let mut rows: Vec<Vec<Span>> = vec![heading.map(|text| (Label::Heading, text.to_owned())).to_vec()];
    for (number, wave) in waves.iter().enumerate() {
        rows.extend(wave.iter().map(|task| row(number + 1, task, expected)));
    }
    page.table(&rows);
    expected.put(&mut page);
    for met in in_the_way {
        page.put(Label::Warn, "held now ").put(Label::Place, met.region.clone());
        page.put(Label::Plain, format!(" by {} ({}): ", met.held_by, met.holder));
        page.put(Label::Name, met.task.clone()).put(Label::Plain, " would wait").end();
    }
    page
}

fn row(wave: usize, task: &Task, expected: &Expected) -> Vec<Span> {
    let after: Vec<&str> = task.needs.iter().map(|need| need.as_str()).collect();
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let lands = serde_json::to_value(task.land).ok();
    let lands = match task.land {
        crate::domain::workflow::Landing::ByPolicy => "yes".to_owned(),
        crate::domain::workflow::Landing::Never => "no".to_owned(),
        crate::domain::workflow::Landing::By(_) => {
            lands.as_ref().and_then(|how| how.get("by")?.as_str()).unwrap_or("yes").to_owned()
        }
    };
    vec![
        (Label::Quiet, wave.to_string()),
        (Label::Name, task.name.to_string()),
        (Label::Person, task.tier.clone()),
        (Label::Plain, or_dash(after.join(" "))),
        (Label::Place, task.regions.join(" ")),
        (Label::Plain, or_dash(price(&task.budget))),
        (Label::Quiet, expected.cell(task.name.as_str())),
        (Label::Plain, (task.retry + 1).to_string()),
        (Label::Plain, lands),
    ]
}

/// A budget as people say it.
fn price(budget: &Limit) -> String {
    let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
    let money = budget.micros.map(money);
    let time = budget.time.map(text::duration);
    [tokens, money, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Millionths of a dollar as dollars and cents, rounded up: what is spent is never told as nothing.
pub fn money(micros: u64) -> String {
    let cents = micros.div_ceil(10_000);
    format!("${}.{:02}", cents / 100, cents % 100)
}

fn dot(workflow: &Workflow) -> Page {
    let mut page = Page::default();
    page.line(Label::Plain, format!("digraph {} {{", quoted(&workflow.name)));
    page.line(Label::Plain, "  rankdir=LR;");
    for task in &workflow.tasks {
        let label = quoted(&format!("{}\n{}", task.name, task.tier));
        page.line(Label::Plain, format!("  {} [label={label}];", quoted(task.name.as_str())));
        for need in &task.needs {
            page.line(
                Label::Plain,
                format!("  {} -> {};", quoted(need.as_str()), quoted(task.name.as_str())),
            );
        }
    }
    page.line(Label::Plain, "}");
    page
}

/// A text in Graphviz' quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn mermaid(workflow: &Workflow) -> Page {
    let mut page = Page::default();
    page.line(Label::Plain, "flowchart LR");
    let number = |name: &str| workflow.tasks.iter().position(|task| task.name.as_str() == name).unwrap_or(0);
    for (own, task) in workflow.tasks.iter().enumerate() {
        // A tier's name is free text, and Mermaid's texts know entities.
        let tier = task.tier.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        page.line(Label::Plain, format!("  t{own}[\"{}<br/>{tier}\"]", task.name));
        for need in &task.needs {
            page.line(Label::Plain, format!("  t{} --> t{own}", number(need.as_str())));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_told_in_cents_and_never_as_less_than_it_was() {
        for (micros, told) in
            [(0, "$0.00"), (1, "$0.01"), (10_000, "$0.01"), (1_500_000, "$1.50"), (12_345_678, "$12.35")]
        {
            assert_eq!(money(micros), told);
        }
    }
}
