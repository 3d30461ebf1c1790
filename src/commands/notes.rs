//! `notes`: what a task should know before it goes on, each thing once.

use std::path::Path;

use crate::base::atomic;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::lease::Lease;
use crate::domain::region::Region;
use crate::domain::task::TaskName;
use crate::git::diff::Change;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::guard::lines::Versions;
use crate::ledger::error::LedgerError;
use crate::merge::makers::Maker;
use crate::merge::news;
use crate::merge::news::Found;
use crate::merge::news::Near;
use crate::merge::news::News;
use crate::merge::news::Told;

use super::Context;
use super::Outcome;
use super::conflicts::matrix;
use super::session::Session;

/// Say what others changed in a task's regions, or in its files, since it was last told.
///
/// For an agent's context: who changed what, the lines, and what to do. What was told once is not told again.
#[derive(Debug, Clone, clap::Args)]
pub struct Notes {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// Tell everything again that still differs
    #[arg(long)]
    pub again: bool,
}

/// How many changes are told; an agent's context is not endless.
const MOST: usize = 20;

#[derive(Debug, serde::Serialize)]
struct Answer<'a> {
    task: &'a TaskName,
    news: &'a [News],
    unknown: &'a [String],
}

impl Notes {
    /// Looks at the target and at everybody's uncommitted edits, and remembers what was told.
    ///
    /// # Errors
    /// When there is no such task, or its work or the target cannot be read.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let task = session.task(self.task.as_ref())?;
        let book = session.ledger().read()?.book;
        let lease = book.need(&task).map_err(LedgerError::from)?;
        let folder = session.ledger().folder().join("told");
        let file = folder.join(name(lease));
        let told = match self.again {
            true => None,
            // One that cannot be understood tells everything again.
            false => atomic::read(&file)?.and_then(|bytes| serde_json::from_slice::<Told>(&bytes).ok()),
        };
        let target = lease.target.strip_prefix("refs/heads/").unwrap_or(&lease.target);
        let mut memory = Memory::over(&session.repo);
        let matrix = matrix::judged(&session, &book, Some(&lease.target), &mut memory)?;
        let found = {
            let near = Lines(Versions(memory.repo()));
            news::find(memory.repo(), lease, &matrix, &told.unwrap_or_default(), &near)?
        };
        let page = page(&task, target, &lease.target, &found);
        let answer = Answer { task: &task, news: &found.news, unknown: &found.unknown };
        let outcome = Outcome::new(page, &answer);
        atomic::replace(&file, &serde_json::to_vec(&found.told).unwrap_or_default())?;
        forget_ended(&folder, &book);
        Ok(outcome)
    }
}

/// Files as the guard looks into them.
struct Lines<'a>(Versions<'a>);

impl Near for Lines<'_> {
    fn comes_to_leased(&self, lease: &Lease, region: &Region, change: &Change) -> Result<bool, GitError> {
        self.0.is_reached(lease, region, change)
    }

    fn comes_to_changed(&self, own: &Change, change: &Change) -> Result<bool, GitError> {
        self.0.is_crossed(own, change)
    }
}

/// Whoever takes a task over is told everything: a grant has a file of its own.
fn name(lease: &Lease) -> String {
    format!("{}-{}.json", lease.task, lease.fence)
}

/// Removes what is kept of grants that ended.
fn forget_ended(folder: &Path, book: &LeaseBook) {
    let live: Vec<String> = book.leases().iter().map(name).collect();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.ends_with(".json") && !live.iter().any(|live| live == name))
        {
            // Another may have removed it; and a file that stays is only a few bytes.
            let _ = atomic::remove(&entry.path());
        }
    }
}

fn page(task: &TaskName, target: &str, asked: &str, found: &Found) -> Page {
    let mut page = Page::default();
    if found.news.is_empty() && found.unknown.is_empty() {
        page.line(Label::Quiet, format!("nothing new for {task}"));
        return page;
    }
    let mut place = None;
    for news in found.news.iter().take(MOST) {
        let landed = news.place == asked;
        if place != Some(&news.place) {
            place = Some(&news.place);
            if landed {
                page.put(Label::Place, target)
                    .put(Label::Plain, " has what your branch has not; bring it in: ");
                page.put(Label::Plain, format!("git odyssey sync {task}")).end();
            } else {
                page.put(Label::Plain, "a person edits in ").put(Label::Place, &news.place);
                page.put(Label::Plain, " and has not committed; leave these lines to them").end();
            }
        }
        put(&mut page, news);
    }
    let more = found.news.len().saturating_sub(MOST);
    if more > 0 {
        page.line(Label::Warn, format!("and {} more: git odyssey conflicts", text::count(more, "change")));
    }
    for reason in &found.unknown {
        page.put(Label::Bad, "unknown ").put(Label::Plain, reason).end();
    }
    page
}

fn put(page: &mut Page, news: &News) {
    page.put(Label::Plain, "  ").put(Label::Place, &news.path);
    page.put(Label::Plain, format!(" {}", news.change));
    if let Some(Maker::Commit { commit, author, subject, .. }) = &news.by {
        page.put(Label::Plain, " by ").put(Label::Person, author);
        page.put(Label::Quiet, format!(", {} {subject}", commit.get(..10).unwrap_or(commit)));
    }
    if news.conflicts {
        page.put(Label::Bad, ": conflicts with your work");
    }
    page.end();
    for line in news.diff.iter().flat_map(|diff| diff.lines()) {
        page.line(Label::Quiet, format!("    {line}"));
    }
}
