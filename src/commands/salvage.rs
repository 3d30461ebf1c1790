//! `salvage`: lists saved work, and brings it back.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::worktree::NewWorktree;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Making;
use crate::ledger::intent::Written;
use crate::workspace::place;
use crate::workspace::salvage;
use crate::workspace::salvage::Salvage as Saved;

use super::Context;
use super::Outcome;
use super::recover;
use super::session::Session;

/// List saved work, or bring it back.
#[derive(Debug, Clone, clap::Args)]
pub struct Salvage {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with saved work.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// List what was saved, newest first
    List,
    /// Bring saved work back: a worktree on the branch, with all files as they were
    Restore {
        /// The task whose work it was
        #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::saved_tasks))]
        task: TaskName,
        /// Which salvage commit [default: the newest]
        #[arg(long, value_name = "COMMIT")]
        commit: Option<String>,
        /// Where the worktree goes [default: where the workspace was]
        #[arg(long, value_name = "FOLDER")]
        path: Option<PathBuf>,
    },
}

#[derive(Debug, serde::Serialize)]
struct Restored {
    task: TaskName,
    branch: String,
    path: PathBuf,
    salvage: String,
}

#[derive(Debug, thiserror::Error)]
enum SalvageError {
    #[error("nothing is saved of {0}")]
    Nothing(TaskName),
    #[error("{1} is no salvage of {0}")]
    NoSuch(TaskName, String),
    #[error("the branch {0} exists already")]
    BranchExists(String),
    #[error("{} exists already", .0.display())]
    PathExists(PathBuf),
}

impl Explain for SalvageError {
    fn hints(&self) -> Vec<String> {
        match self {
            SalvageError::Nothing(_) => vec!["see what is: git odyssey salvage list".to_owned()],
            SalvageError::NoSuch(..) => vec!["see which there are: git odyssey salvage list".to_owned()],
            SalvageError::BranchExists(branch) => {
                let short = branch.trim_start_matches("refs/heads/");
                vec![format!("it may hold work; rename it: git branch -m {short} NEW-NAME")]
            }
            SalvageError::PathExists(_) => vec!["name another place: --path FOLDER".to_owned()],
        }
    }
}

impl Salvage {
    /// Lists or restores.
    ///
    /// # Errors
    /// When there is nothing to restore, or something is where it would go.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        match self.action {
            Action::List => list(&session),
            Action::Restore { task, commit, path } => {
                recover::cut_off(&session, context)?;
                restore(&session, &task, commit.as_deref(), path)
            }
        }
    }
}

fn list(session: &Session) -> Result<Outcome, Failure> {
    let saved = salvage::list(&session.repo)?;
    let mut page = Page::default();
    if saved.is_empty() {
        page.line(Label::Plain, "nothing is saved");
    }
    let row = |saved: &Saved| {
        vec![
            (Label::Name, saved.task.to_string()),
            (Label::Place, saved.commit.to_hex_with_len(10).to_string()),
            (Label::Time, saved.at.to_string()),
            (Label::Plain, saved.why.clone()),
        ]
    };
    page.table(&saved.iter().map(row).collect::<Vec<_>>());
    Ok(Outcome::new(page, &serde_json::json!({ "salvage": saved })))
}

fn restore(
    session: &Session,
    task: &TaskName,
    commit: Option<&str>,
    path: Option<PathBuf>,
) -> Result<Outcome, Failure> {
    let mut of_task =
        salvage::list(&session.repo)?.into_iter().filter(|saved| saved.task == *task).peekable();
    if of_task.peek().is_none() {
        return Err(SalvageError::Nothing(task.clone()).into());
    }
    let wanted: Option<Oid> = commit.map(|commit| session.repo.commit_named(commit)).transpose()?;
    let saved = of_task
        .find(|saved| wanted.is_none_or(|wanted| wanted == saved.commit))
        .ok_or_else(|| SalvageError::NoSuch(task.clone(), commit.unwrap_or_default().to_owned()))?;
    let branch = task.branch();
    if session.repo.reference(&branch)?.is_some() {
        return Err(SalvageError::BranchExists(branch).into());
    }
    let workspaces = session.workspaces()?;
    let path = path.map_or_else(|| Ok(workspaces.path(task)), |path| place::absolute(&path))?;
    if path.symlink_metadata().is_ok() {
        return Err(SalvageError::PathExists(path).into());
    }
    let building = path.with_file_name(format!(".building-{task}"));
    let lock = session.ledger().folder().join("lock").join("worktrees");
    let making = Making { branch: branch.clone(), base: saved.tip.to_string(), path: path.clone(), building };
    let intent = Intent::Restore { task: task.clone(), making: making.clone() };
    let written = Written::begin(&session.ledger().folder(), &intent)?;
    let made = session.repo.add_worktree(NewWorktree {
        path: path.clone(),
        branch: branch.clone(),
        base: saved.tip,
        building: making.building,
        lock: &lock,
        note: "restored from salvage",
        restore: Some(saved.commit),
        pool: None,
        sparse: None,
    });
    match made {
        Ok(workspace) => super::init::adopt(session, &workspace)?,
        Err(error) => {
            written.done()?;
            return Err(error.into());
        }
    }
    written.done()?;
    let mut page = Page::default();
    page.put(Label::Good, "restored ").put(Label::Name, task.as_str()).end();
    page.line(Label::Place, path.display().to_string());
    page.line(Label::Quiet, "  it has no lease; the salvage commit stays where it is");
    let restored = Restored { task: task.clone(), branch, path, salvage: saved.commit.to_string() };
    Ok(Outcome::new(page, &restored))
}
