//! `keep`: runs an agent's command for as long as its starter lives; called by `run`.

use std::path::PathBuf;

use crate::base::failure::Failure;
use crate::base::lock::Lock;
use crate::base::page::Page;
use crate::workspace::lifeline;

use super::Context;
use super::Outcome;
use super::supervise;

/// Called by `run`: runs a command until it ends or standard input is closed.
#[derive(Debug, Clone, clap::Args)]
pub struct Keep {
    /// What the command reads on its standard input; without it, nothing
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// A file that is locked for as long as the command lives
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// The command
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub command: Vec<String>,
}

impl Keep {
    /// Runs the command in the current folder, and answers its exit code and nothing else.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(self, _: &Context<'_>) -> Result<Outcome, Failure> {
        // Whoever goes on with the task waits for it.
        let _lock = self.lock.as_deref().map(Lock::wait).transpose()?;
        let status = lifeline::keep(&self.command, self.input.as_deref(), std::io::stdin())?;
        let mut outcome = Outcome::new(Page::default(), &serde_json::Value::Null);
        outcome.code = supervise::code(status);
        outcome.given = true;
        Ok(outcome)
    }
}
