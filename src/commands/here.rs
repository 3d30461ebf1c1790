//! `git odyssey` alone: where the caller is, and what to do next.

use std::path::PathBuf;

use crate::base::clock;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::lease::Phase;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::session::Session;
use super::status::Row;
use super::status::View;

/// So many others are shown; `status` shows all.
const OTHERS: usize = 5;

/// Where the caller is.
#[derive(Debug, serde::Serialize)]
#[serde(tag = "place", rename_all = "kebab-case")]
enum Here {
    /// In no repository.
    Outside { reason: String },
    /// In a repository that is not prepared.
    Unprepared { checkout: Option<PathBuf> },
    /// In a checkout of a person.
    Checkout { checkout: Option<PathBuf>, others: Vec<Row> },
    /// In a task's workspace.
    Workspace { checkout: PathBuf, task: Box<Row>, others: Vec<Row> },
    /// In a workspace whose task is not live any more.
    Ended { checkout: PathBuf, task: String },
}

/// Looks around.
///
/// # Errors
/// When the ledger or the checkout's note cannot be read.
pub fn look(context: &Context<'_>) -> Result<Outcome, Failure> {
    let here = found(context)?;
    let mut page = Page::default();
    here.put(&mut page, context.clock.now());
    let next = here.next();
    page.end();
    for (command, what) in &next {
        page.put(Label::Quiet, "next: ")
            .put(Label::Name, command)
            .put(Label::Quiet, format!("  {what}"))
            .end();
    }
    page.line(Label::Quiet, "all commands: git odyssey help");
    let next: Vec<&String> = next.iter().map(|(command, _)| command).collect();
    Ok(Outcome::new(page, &serde_json::json!({ "here": here, "next": next })))
}

fn found(context: &Context<'_>) -> Result<Here, Failure> {
    let repo = match Repo::discover(&context.folder) {
        Ok(repo) => repo,
        Err(error @ GitError::NoRepository(..)) if !Repo::is_near(&context.folder) => {
            return Ok(Here::Outside { reason: error.to_string() });
        }
        Err(error) => return Err(error.into()),
    };
    let checkout = repo.checkout().map(ToOwned::to_owned);
    let session = Session::open(context)?;
    if !session.ledger().is_prepared()? {
        return Ok(Here::Unprepared { checkout });
    }
    let own = checkout.as_deref().map(copy::workspace).transpose()?.flatten().map(|(task, _)| task);
    let book = session.ledger().read()?.book;
    let view = View::of(&session.repo)?;
    let mut own_row = None;
    let mut others = Vec::new();
    for lease in book.leases() {
        let row = view.row(lease, session.now);
        if own.as_ref() == Some(&lease.task) {
            own_row = Some(Box::new(row));
        } else {
            others.push(row);
        }
    }
    Ok(match (checkout, own, own_row) {
        (Some(checkout), Some(_), Some(task)) => Here::Workspace { checkout, task, others },
        (Some(checkout), Some(task), None) => Here::Ended { checkout, task: task.to_string() },
        (checkout, _, _) => Here::Checkout { checkout, others },
    })
}

impl Here {
    fn put(&self, page: &mut Page, now: clock::Timestamp) {
        let place = |page: &mut Page, what: &str, checkout: Option<&PathBuf>| {
            let shown =
                checkout.map_or_else(|| "a bare repository".to_owned(), |path| path.display().to_string());
            page.put(Label::Plain, what).put(Label::Place, shown).end();
        };
        match self {
            Here::Outside { reason } => {
                page.line(
                    Label::Plain,
                    "git odyssey lets people and AI agents work on one repository at the same time:",
                );
                page.line(
                    Label::Plain,
                    "each task has a worktree, a branch, and a lease over what it may change.",
                );
                page.line(Label::Warn, reason);
            }
            Here::Unprepared { checkout } => {
                place(page, "in ", checkout.as_ref());
                page.line(Label::Warn, "git odyssey is not in use in this repository");
            }
            Here::Checkout { checkout, others } => {
                place(page, "in a checkout: ", checkout.as_ref());
                near(page, others, now);
            }
            Here::Workspace { checkout, task, others } => {
                page.put(Label::Plain, "in the workspace of ").put(Label::Name, task.task.as_str());
                page.put(Label::Plain, ": ").put(Label::Place, checkout.display().to_string()).end();
                page.put(Label::Plain, "held by ").put(Label::Person, task.holder.name());
                page.put(Label::Plain, ", ");
                left(page, task, now);
                page.put(Label::Plain, ", may change ").put(Label::Place, task.regions.join(" ")).end();
                page.line(Label::Plain, standing(task));
                for reason in &task.unknown {
                    page.put(Label::Bad, "unknown: ").put(Label::Plain, reason).end();
                }
                near(page, others, now);
            }
            Here::Ended { checkout, task } => {
                page.put(Label::Plain, "in the workspace of ").put(Label::Name, task);
                page.put(Label::Plain, ": ").put(Label::Place, checkout.display().to_string()).end();
                page.line(Label::Warn, "this task is not live any more: nothing may be committed here");
            }
        }
    }

    /// The commands that help now, and what for.
    fn next(&self) -> Vec<(String, &'static str)> {
        let typed = |text: &str| text.to_owned();
        match self {
            Here::Outside { .. } => vec![(typed("git odyssey init"), "in a repository: begin to use it")],
            Here::Unprepared { .. } => vec![(typed("git odyssey init"), "begin to use it here")],
            Here::Checkout { others, .. } => {
                let mut next = vec![(typed("git odyssey claim TASK --region 'src/auth/**'"), "begin a task")];
                if !others.is_empty() {
                    next.push((typed("git odyssey conflicts"), "see whether all work fits together"));
                }
                next
            }
            Here::Workspace { task, .. } if task.phase == Phase::Parked => {
                vec![(format!("git odyssey resume {}", task.task), "go on with it")]
            }
            Here::Workspace { task, .. } if task.expired => {
                vec![(typed("git odyssey renew"), "its time is over: others may take it")]
            }
            Here::Workspace { task, .. } => match (task.dirty, task.behind, task.ahead) {
                (None, ..) => vec![(typed("git odyssey doctor"), "its edits cannot be seen")],
                (Some(0), Some(1..), _) => vec![
                    (typed("git odyssey notes"), "see what others changed"),
                    (typed("git odyssey sync"), "take it up"),
                ],
                (Some(0), _, Some(1..)) => {
                    vec![(typed("git odyssey land"), "merge the work into its target")]
                }
                (Some(1..), ..) => vec![(typed("git commit"), "keep the edits")],
                (Some(0), ..) => vec![(typed("git odyssey check PATH"), "ask before an edit")],
            },
            Here::Ended { .. } => vec![(typed("git odyssey log"), "see what became of it")],
        }
    }
}

/// Time left, or why there is none.
fn left(page: &mut Page, row: &Row, now: clock::Timestamp) {
    match (row.phase, row.expired) {
        (Phase::Parked, _) => page.put(Label::Warn, "parked"),
        (Phase::Active, true) => page.put(Label::Warn, "expired"),
        (Phase::Active, false) => {
            page.put(Label::Time, format!("{} left", text::duration(clock::until(now, row.expires_at))))
        }
    };
}

fn standing(row: &Row) -> String {
    let count = |number: Option<usize>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let target = row.target.strip_prefix("refs/heads/").unwrap_or(&row.target);
    let [ahead, behind, dirty] = [row.ahead, row.behind, row.dirty].map(count);
    format!(
        "commits that {target} has not: {ahead}, that only {target} has: {behind}; files with uncommitted edits: {dirty}"
    )
}

fn near(page: &mut Page, others: &[Row], now: clock::Timestamp) {
    if others.is_empty() {
        page.line(Label::Quiet, "nobody else holds anything");
        return;
    }
    for row in others.iter().take(OTHERS) {
        page.put(Label::Person, row.holder.name()).put(Label::Plain, " holds ");
        page.put(Label::Place, row.regions.join(" ")).put(Label::Plain, " for ");
        page.put(Label::Name, row.task.as_str()).put(Label::Plain, ", ");
        left(page, row, now);
        page.end();
    }
    if let Some(more @ 1..) = others.len().checked_sub(OTHERS) {
        page.line(Label::Quiet, format!("and {more} more: git odyssey status"));
    }
}
