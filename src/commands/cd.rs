//! `cd`: where a task's workspace is, for a shell to go there.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::ledger::error::LedgerError;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Go to a task's workspace: with the function that `git odyssey shell` prints; without it, the path is printed.
#[derive(Debug, Clone, clap::Args)]
pub struct Cd {
    /// The task
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: TaskName,
    /// Say nothing but the path
    #[arg(long)]
    pub path: bool,
}

/// There is no folder to go to.
#[derive(Debug, thiserror::Error)]
#[error("{task} has no workspace on this machine")]
struct NoWorkspace {
    task: TaskName,
}

impl Explain for NoWorkspace {
    fn hints(&self) -> Vec<String> {
        vec![format!("see where it is: git odyssey show {}", self.task)]
    }
}

impl Cd {
    /// Finds the workspace.
    ///
    /// # Errors
    /// When no such task is live, or it has no workspace here.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let book = session.ledger().read()?.book;
        let lease = book.need(&self.task).map_err(LedgerError::from)?;
        let path = workspace(&session, lease)?;
        if !self.path && !context.json {
            context
                .monitor
                .note("a program cannot move its shell; put this into its start file, then cd works:");
            context.monitor.note("eval \"$(git odyssey shell bash)\"; zsh, fish and powershell alike");
        }
        let mut page = Page::default();
        page.line(Label::Place, path.display().to_string());
        Ok(Outcome::new(page, &serde_json::json!({ "task": self.task, "path": path })))
    }
}

/// The folder of a lease's workspace.
///
/// # Errors
/// When there is none on this machine.
pub fn workspace(session: &Session, lease: &Lease) -> Result<PathBuf, Failure> {
    let found = session.workspace(lease)?.filter(|worktree| !worktree.missing);
    Ok(found.ok_or_else(|| NoWorkspace { task: lease.task.clone() })?.path)
}
