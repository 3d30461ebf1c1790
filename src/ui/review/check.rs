//! The check on the result, beside the review: it runs, is looked at, and can be left or ended.

use std::time::Duration;

use crate::base::failure::Failure;
use crate::base::text;
use crate::commands::review::TEST_LIMIT;
use crate::commands::review::desk::Desk;
use crate::commands::review::trying::Trial;
use crate::workspace::process::CommandError;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It passed.
    Well,
    /// It did not: why, in a line.
    Badly(String),
    /// Somebody ended it.
    Stopped,
}

/// A check.
#[derive(Debug)]
pub struct Check {
    trial: Option<Trial>,
    /// The command.
    pub line: String,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    /// Whether something was decided since it began.
    pub is_old: bool,
    output: Vec<u8>,
    took: Duration,
}

impl Check {
    /// Starts a command on the result.
    ///
    /// # Errors
    /// When something is open, or the command cannot be started.
    pub fn start(desk: &Desk<'_>, words: &[String]) -> Result<Check, Failure> {
        let trial = desk.trial(words)?;
        let line = text::visible(trial.running.line().as_bytes());
        let took = Duration::ZERO;
        Ok(Check { trial: Some(trial), line, ended: None, is_old: false, output: Vec::new(), took })
    }

    /// Whether it goes on.
    pub fn runs(&self) -> bool {
        self.trial.is_some()
    }

    /// Looks how it goes. Says whether it has ended just now.
    pub fn look(&mut self) -> bool {
        let Some(trial) = &mut self.trial else { return false };
        self.took = trial.running.runs();
        let looked = trial.running.look(TEST_LIMIT);
        if let Ok(output) = trial.running.output() {
            self.output = output;
        }
        self.ended = match looked {
            Ok(false) => return false,
            Ok(true) => Some(Ended::Well),
            Err(CommandError::Failed { status, .. }) => Some(Ended::Badly(status)),
            Err(error) => Some(Ended::Badly(error.to_string().lines().next().unwrap_or_default().to_owned())),
        };
        self.trial = None;
        true
    }

    /// Ends it.
    pub fn stop(&mut self) {
        if self.trial.take().is_some() {
            self.ended = Some(Ended::Stopped);
        }
    }

    /// All that it wrote so far.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// How it is, in a line.
    pub fn words(&self) -> String {
        let took = text::duration(self.took);
        let what = match &self.ended {
            None => format!("the check runs since {took}"),
            Some(Ended::Well) => format!("the check passed in {took}"),
            Some(Ended::Badly(why)) => {
                format!(
                    "the check failed after {took}: {}",
                    text::visible(why.trim_end_matches(':').as_bytes())
                )
            }
            Some(Ended::Stopped) => format!("the check was ended after {took}"),
        };
        if self.is_old { format!("{what}, before the last step") } else { what }
    }
}
