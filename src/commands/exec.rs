//! `exec`: a command in a task's workspace, as the task.

use crate::base::failure::Failure;
use crate::base::page::Page;
use crate::domain::task::TaskName;
use crate::ledger::error::LedgerError;

use super::Context;
use super::Outcome;
use super::cd;
use super::renew;
use super::session::Session;
use super::supervise;

/// Run a command in a task's workspace, and renew its lease while it runs.
#[derive(Debug, Clone, clap::Args)]
pub struct Exec {
    /// The task
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: TaskName,
    /// The command with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl Exec {
    /// Runs it to its end, and ends with its exit code. The lease stays as it is then.
    ///
    /// # Errors
    /// When the task is not active, the caller is another task, or the command cannot be started.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let fence = renew::own_fence(&session, context, &self.task)?;
        let book = session.ledger().read()?.book;
        let lease = book.need_active(&self.task, fence).map_err(LedgerError::from)?;
        let path = cd::workspace(&session, lease)?;
        let code = supervise::attend(&session, context, lease, &path, &self.command)?;
        let facts = serde_json::json!({ "task": self.task, "path": path, "code": code });
        Ok(Outcome { code, ..Outcome::new(Page::default(), &facts) })
    }
}
