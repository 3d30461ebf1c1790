//! `log`: the ledger's history.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::task::TaskName;
use crate::ledger::fold::ARCHIVES;
use crate::ledger::history;
use crate::ledger::history::Past;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Show what happened: every grant, renewal, landing and override, newest first.
#[derive(Debug, Clone, clap::Args)]
pub struct Log {
    /// Only this task's events
    #[arg(long, add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// At most so many
    #[arg(short = 'n', long = "max", value_name = "NUMBER")]
    pub most: Option<usize>,
}

#[derive(Debug, serde::Serialize)]
struct Told {
    events: Vec<Past>,
    /// The commit that was archived with all that was before, and is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<String>,
}

impl Log {
    /// Walks the history.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let mut found: Vec<Past> = Vec::new();
        let mut last = None;
        for past in history::events(&session.repo)? {
            if self.most.is_some_and(|most| found.len() >= most) {
                last = None;
                break;
            }
            let past = past?;
            last = past.archived;
            if self.task.is_none() || past.event.task == self.task {
                found.push(past);
            }
        }
        let mut page = Page::default();
        for past in &found {
            page.put(Label::Time, past.at.to_string()).put(Label::Plain, "  ");
            page.put(Label::Plain, shown(&past.event.subject)).end();
            for (name, value) in
                past.event.facts.iter().filter(|(name, _)| name == "Reason" || name == "Overridden")
            {
                page.line(Label::Quiet, format!("    {}: {}", name.to_lowercase(), shown(value)));
            }
        }
        // The walk ended at a fold only if what that archived is not here.
        if let Some(archived) = last {
            page.line(
                Label::Quiet,
                format!("what was before is not here; fetch its archive: {ARCHIVES}{archived}"),
            );
        }
        Ok(Outcome::new(page, &Told { events: found, away: last.map(|archived| archived.to_string()) }))
    }
}

/// How many letters of a line are shown: others may have written it.
const SHOWN: usize = 500;

fn shown(line: &str) -> String {
    let mut shown = text::visible(line.chars().take(SHOWN).collect::<String>().as_bytes());
    if line.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
