//! `status`: everything live on one screen.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::lease::Mode;
use crate::domain::lease::Phase;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::git::worktree::Worktree;
use crate::workspace::place;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Show everything that is live: tasks, holders, regions, time left, commits, edits, places.
#[derive(Debug, Clone, clap::Args)]
pub struct Status {
    /// Ask the remote that decides first; else it is shown as it stood when it was asked last
    #[arg(long)]
    pub fetch: bool,
    /// For scripts: a line a task in a form that stays
    #[arg(long, conflicts_with = "json")]
    pub porcelain: bool,
}

/// One live task.
#[derive(Debug, serde::Serialize)]
pub struct Row {
    /// The task.
    pub task: TaskName,
    /// Who holds it.
    pub holder: Holder,
    /// The number of its grant.
    pub fence: Fence,
    /// What it may change.
    pub regions: Vec<String>,
    /// Exclusive or shared.
    pub mode: Mode,
    /// Active or parked.
    pub phase: Phase,
    /// Whether others may take it over.
    pub expired: bool,
    /// When others may take it over.
    pub expires_at: Timestamp,
    /// The branch's full name, if it has one.
    pub branch: Option<String>,
    /// The branch that it lands on.
    pub target: String,
    /// The commit that it started from.
    pub base: String,
    /// Commits that the target does not have; nothing when there is no branch.
    pub ahead: Option<usize>,
    /// Commits of the target that the branch does not have.
    pub behind: Option<usize>,
    /// Files with uncommitted edits; nothing when they could not be counted.
    pub dirty: Option<usize>,
    /// The workspace, if there is one.
    pub path: Option<PathBuf>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

impl Status {
    /// Looks at every lease and its workspace.
    ///
    /// # Errors
    /// When the ledger cannot be read, or a remote is to be asked and is away. What cannot be seen of one workspace is told in its row.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        if self.fetch {
            session.ledger().refresh()?;
        }
        let state = session.ledger().read()?;
        let view = View::of(&session.repo)?;
        let rows: Vec<Row> = state.book.leases().iter().map(|lease| view.row(lease, session.now)).collect();
        let page = if self.porcelain { porcelain(&rows) } else { page(&rows, session.now) };
        Ok(Outcome::new(page, &serde_json::json!({ "tasks": rows })))
    }
}

/// The form for scripts, which new versions only add lines to that begin otherwise:
/// `1 TASK FENCE PHASE EXPIRES AHEAD BEHIND EDITS KIND HOLDER PATH`, with the end in seconds since 1970, `?` for what could
/// not be found out, `-` for what there is none of, and holder and path as JSON strings.
fn porcelain(rows: &[Row]) -> Page {
    let mut page = Page::default();
    for row in rows {
        let none = if row.unknown.is_empty() { "-" } else { "?" };
        let count = |count: Option<usize>| count.map_or_else(|| none.to_owned(), |count| count.to_string());
        let phase = match row.phase {
            Phase::Active => "active",
            Phase::Parked => "parked",
        };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let path = row.path.as_ref().map(|path| quoted(&path.to_string_lossy()));
        let line = [
            "1",
            row.task.as_str(),
            &row.fence.to_string(),
            phase,
            &row.expires_at.as_second().to_string(),
            &count(row.ahead),
            &count(row.behind),
            &count(row.dirty),
            &row.holder.kind().to_string(),
            &quoted(row.holder.name()),
            path.as_deref().unwrap_or("-"),
        ];
        page.line(Label::Plain, line.join(" "));
    }
    page
}

/// What is asked of git once for all rows.
pub struct View<'a> {
    repo: &'a Repo,
    branches: BTreeMap<String, Oid>,
    worktrees: Vec<Worktree>,
}

impl<'a> View<'a> {
    /// Lists branches and worktrees.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn of(repo: &'a Repo) -> Result<View<'a>, GitError> {
        let branches = repo.references("refs/heads/")?.into_iter().collect();
        Ok(View { repo, branches, worktrees: repo.worktrees()? })
    }

    /// One lease's row.
    pub fn row(&self, lease: &Lease, now: Timestamp) -> Row {
        let mut unknown = Vec::new();
        let counts = self.counts(lease).unwrap_or_else(|error| {
            unknown.push(error.to_string());
            None
        });
        let worktree = lease.branch().and_then(|branch| place::workspace_of(&self.worktrees, branch));
        let dirty = worktree.filter(|worktree| !worktree.missing).and_then(|worktree| {
            let changes = Repo::open(&worktree.path).and_then(|workspace| workspace.changes());
            match changes {
                Ok(changes) => Some(changes.count()),
                Err(error) => {
                    unknown.push(error.to_string());
                    None
                }
            }
        });
        Row {
            task: lease.task.clone(),
            holder: lease.holder.clone(),
            fence: lease.fence,
            regions: lease.regions.iter().map(|region| region.text().to_owned()).collect(),
            mode: lease.mode,
            phase: lease.phase,
            expired: lease.is_expired(now),
            expires_at: lease.expires_at,
            branch: lease.branch().map(str::to_owned),
            target: lease.target.clone(),
            base: lease.base.clone(),
            ahead: counts.map(|(ahead, _)| ahead),
            behind: counts.map(|(_, behind)| behind),
            dirty,
            path: worktree.map(|worktree| worktree.path.clone()),
            unknown,
        }
    }

    fn counts(&self, lease: &Lease) -> Result<Option<(usize, usize)>, GitError> {
        let tip = lease.branch().and_then(|branch| self.branches.get(branch));
        match (tip, self.branches.get(&lease.target)) {
            (Some(tip), Some(target)) => self.repo.ahead_behind(*tip, *target).map(Some),
            _ => Ok(None),
        }
    }
}

fn page(rows: &[Row], now: Timestamp) -> Page {
    let mut page = Page::default();
    if rows.is_empty() {
        page.line(Label::Plain, "no task is live");
        page.line(Label::Quiet, "begin one: git odyssey claim TASK --region 'src/auth/**'");
        return page;
    }
    let heading = ["TASK", "HOLDER", "LEFT", "COMMITS", "EDITS", "REGIONS", "WHERE"];
    let mut table = vec![heading.map(|text| (Label::Heading, text.to_owned())).to_vec()];
    table.extend(rows.iter().map(|row| cells(row, now)));
    page.table(&table);
    for row in rows {
        for reason in &row.unknown {
            page.put(Label::Bad, "unknown ").put(Label::Name, row.task.as_str());
            page.put(Label::Plain, format!(": {reason}")).end();
        }
    }
    page
}

fn cells(row: &Row, now: Timestamp) -> Vec<Span> {
    let left = match (row.phase, row.expired) {
        (Phase::Parked, _) => (Label::Warn, "parked".to_owned()),
        (Phase::Active, true) => (Label::Warn, "expired".to_owned()),
        (Phase::Active, false) => {
            (Label::Time, text::duration(crate::base::clock::until(now, row.expires_at)))
        }
    };
    let commits = match (row.ahead, row.behind) {
        (Some(ahead), Some(0)) => format!("+{ahead}"),
        (Some(ahead), Some(behind)) => format!("+{ahead} -{behind}"),
        _ => "-".to_owned(),
    };
    let edits = match (row.dirty, row.unknown.is_empty()) {
        (Some(0), _) => (Label::Quiet, "0".to_owned()),
        (Some(count), _) => (Label::Warn, count.to_string()),
        (None, true) => (Label::Quiet, "-".to_owned()),
        (None, false) => (Label::Bad, "?".to_owned()),
    };
    let shared = if row.mode == Mode::Shared { " (shared)" } else { "" };
    vec![
        (Label::Name, row.task.to_string()),
        (Label::Person, row.holder.name().to_owned()),
        left,
        (Label::Plain, commits),
        edits,
        (Label::Place, format!("{}{shared}", short_list(&row.regions))),
        (Label::Place, row.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string())),
    ]
}

fn short_list(regions: &[String]) -> String {
    match regions {
        [] | [_] | [_, _] => regions.join(" "),
        [first, second, rest @ ..] => format!("{first} {second} +{}", rest.len()),
    }
}
