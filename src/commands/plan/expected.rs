//! Expected costs: what the accounts say that the tasks of a workflow may cost.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Context;
use crate::commands::accounts::Accounts;
use crate::commands::accounts::totals;
use crate::commands::session::Session;
use crate::domain::episode::Fate;
use crate::domain::estimate::Estimate;
use crate::domain::estimate::Past;
use crate::domain::estimate::Sum;
use crate::domain::workflow::Workflow;

/// What a workflow may cost.
#[derive(Debug, Default, serde::Serialize)]
pub struct Expected {
    /// Each task, in the workflow's order.
    pub tasks: Vec<OfTask>,
    /// All together.
    pub total: Sum,
    /// What is missing in the accounts, or may be.
    pub doubts: Vec<String>,
}

/// What one task may cost.
#[derive(Debug, serde::Serialize)]
pub struct OfTask {
    /// The task.
    pub task: String,
    /// What it may cost.
    #[serde(flatten)]
    pub estimate: Estimate,
}

impl Expected {
    /// By the accounts of this repository.
    ///
    /// # Errors
    /// When the ledger, the index of transcripts or the prices cannot be read.
    pub fn of(session: &Session, context: &Context<'_>, workflow: &Workflow) -> Result<Expected, Failure> {
        if !session.ledger().is_prepared()? {
            return Ok(Expected::by(workflow, &[], Vec::new()));
        }
        let accounts = Accounts::open(session, context)?;
        let spent = totals::by_life(&accounts);
        let landed = accounts.episodes.all().filter(|life| life.fate == Fate::Landed);
        let past: Vec<Past<'_>> = landed
            .map(|life| Past {
                class: life.class.as_deref(),
                tier: life.tier.as_deref(),
                spent: spent.get(&std::ptr::from_ref(life)).copied().unwrap_or_default(),
            })
            .collect();
        Ok(Expected::by(workflow, &past, accounts.doubts()))
    }

    fn by(workflow: &Workflow, past: &[Past<'_>], doubts: Vec<String>) -> Expected {
        let estimate = |class: Option<&str>, tier: &str| Estimate::of(past, class, tier);
        let tasks: Vec<OfTask> = workflow
            .tasks
            .iter()
            .map(|task| OfTask {
                task: task.name.to_string(),
                estimate: estimate(task.class.as_deref(), &task.tier),
            })
            .collect();
        let total = Sum::of(tasks.iter().map(|one| (one.task.as_str(), one.estimate)));
        Expected { tasks, total, doubts }
    }

    /// What a task may cost, for people.
    pub fn cell(&self, task: &str) -> String {
        let found = self.tasks.iter().find(|one| one.task == task).map(|one| one.estimate);
        let Some(Estimate { runs, tokens: Some(tokens), usd, .. }) = found else {
            return "no earlier runs".to_owned();
        };
        let usd = usd.map_or("unpriced".to_owned(), |usd| usd.to_string());
        format!("{tokens} tokens, {usd} ({})", text::count(runs, "run"))
    }

    /// What all may cost together, and what is not in that.
    pub fn put(&self, page: &mut Page) {
        let Sum { tokens, usd, unknown, unpriced } = &self.total;
        let Some(tokens) = tokens else {
            page.line(Label::Quiet, "no earlier runs tell what it may cost");
            return;
        };
        let usd = usd.map_or(String::new(), |usd| format!(", {usd}"));
        page.put(
            Label::Plain,
            format!("may cost {tokens} tokens{usd} in all, by the median of earlier runs"),
        );
        for (names, why) in [(unknown, "no earlier runs"), (unpriced, "no price")] {
            if !names.is_empty() {
                page.put(Label::Warn, format!("; {why} of {}", names.join(", ")));
            }
        }
        page.end();
        for doubt in &self.doubts {
            page.put(Label::Bad, "incomplete ").put(Label::Plain, text::visible(doubt.as_bytes())).end();
        }
    }
}
