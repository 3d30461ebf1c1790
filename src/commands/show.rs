//! `show`: one task in full.

use crate::base::clock;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::lease::Mode;
use crate::domain::lease::Phase;
use crate::domain::task::TaskName;
use crate::ledger::error::LedgerError;
use crate::ledger::history;
use crate::ledger::history::Past;

use super::Context;
use super::Outcome;
use super::session::Session;
use super::status::Row;
use super::status::View;

/// Show one task in full: its lease, its branch, its workspace, its latest events.
#[derive(Debug, Clone, clap::Args)]
pub struct Show {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
}

/// How many events are shown, and how far back they are looked for.
const EVENTS: usize = 5;
const LOOKED_AT: usize = 2_000;

impl Show {
    /// Looks at one lease.
    ///
    /// # Errors
    /// When no such task is live, or the ledger cannot be read.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let task = session.task(self.task.as_ref())?;
        let state = session.ledger().read()?;
        let lease = state.book.need(&task).map_err(LedgerError::from)?;
        let row = View::of(&session.repo)?.row(lease, session.now);
        let mut events = Vec::new();
        for past in history::events(&session.repo)?.take(LOOKED_AT) {
            let past = past?;
            if past.event.task.as_ref() == Some(&task) {
                events.push(past);
            }
            if events.len() == EVENTS {
                break;
            }
        }
        let page = page(&row, &events, session.now);
        Ok(Outcome::new(page, &serde_json::json!({ "task": row, "events": events })))
    }
}

fn page(row: &Row, events: &[Past], now: clock::Timestamp) -> Page {
    let mut page = Page::default();
    page.put(Label::Heading, row.task.to_string()).end();
    let mut fact = |name: &str, label: Label, value: String| {
        page.put(Label::Quiet, format!("  {name:<9}")).put(label, value).end();
    };
    fact("holder", Label::Person, format!("{} ({})", row.holder, row.holder.kind()));
    fact("fence", Label::Plain, row.fence.to_string());
    let left = text::duration(clock::until(now, row.expires_at));
    match (row.phase, row.expired) {
        (Phase::Parked, _) => fact("lease", Label::Warn, "parked".to_owned()),
        (Phase::Active, true) => fact("lease", Label::Warn, "expired; others may take it over".to_owned()),
        (Phase::Active, false) => {
            fact("lease", Label::Time, format!("{left} left, until {}", row.expires_at))
        }
    }
    for region in &row.regions {
        fact("region", Label::Place, region.clone());
    }
    if row.mode == Mode::Shared {
        fact("mode", Label::Plain, "shared: nobody may change the regions".to_owned());
    }
    if let Some(branch) = &row.branch {
        fact("branch", Label::Place, branch.trim_start_matches("refs/heads/").to_owned());
    }
    fact("target", Label::Place, row.target.trim_start_matches("refs/heads/").to_owned());
    if let (Some(ahead), Some(behind)) = (row.ahead, row.behind) {
        fact("commits", Label::Plain, format!("{ahead} to land, {behind} behind"));
    }
    if let Some(dirty) = row.dirty {
        let label = if dirty == 0 { Label::Plain } else { Label::Warn };
        fact("edits", label, format!("{} not committed", text::count(dirty, "file")));
    }
    if let Some(path) = &row.path {
        fact("where", Label::Place, path.display().to_string());
    }
    for reason in &row.unknown {
        fact("unknown", Label::Bad, reason.clone());
    }
    for past in events {
        page.put(Label::Quiet, format!("  {}  ", past.at))
            .put(Label::Plain, past.event.subject.clone())
            .end();
    }
    page
}
