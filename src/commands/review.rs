//! `review`: settles the conflicts of a task's work with its target one by one, and finishes with what was decided.

use std::path::Path;
use std::time::Duration;

use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::policy;
use crate::domain::review::Choice;
use crate::domain::review::Purpose;
use crate::domain::review::steps::StepKind;
use crate::domain::task::TaskName;

use super::Context;
use super::Outcome;
use super::session::Session;

pub mod action;
pub mod desk;
pub mod edits;
pub mod ending;
pub mod error;
pub mod hands;
pub mod lost;
pub mod opening;
pub mod places;
pub mod screen;
pub mod taking;
pub mod trying;
pub mod view;

use desk::Desk;
use error::DeskError;
use opening::Asked;

/// Settle the conflicts of a task's work with its target one by one; without an option, on a terminal, on a screen.
#[derive(Debug, Clone, clap::Args)]
pub struct Review {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// To land it by a merge commit (this is the default, unless odyssey.toml says otherwise)
    #[arg(long, group = "purpose")]
    pub merge: bool,
    /// To land it as one commit
    #[arg(long, group = "purpose")]
    pub squash: bool,
    /// To bring the target's work into its workspace
    #[arg(long, group = "purpose")]
    pub sync: bool,
    /// Refused: a rebase merges each commit by itself
    #[arg(long, group = "purpose", hide = true)]
    pub rebase: bool,
    /// Let uncommitted edits in the target's checkout go along: they stay uncommitted, and what conflicts is decided here
    #[arg(long, conflicts_with_all = ["sync", "drop"])]
    pub edits: bool,
    /// List what is to be decided
    #[arg(long, group = "action")]
    pub list: bool,
    /// Show one conflict, or those of a file: what was there, and what each side made of it
    #[arg(long, value_name = "CONFLICT", group = "action")]
    pub show: Option<String>,
    /// Decide one conflict, those of a file, or `all` that are open: by ours (the target's), theirs (the task's), both,
    /// both-reversed, base, the content of FILE (- is standard input), or at:PATH for another name
    #[arg(long, num_args = 2, value_names = ["CONFLICT", "CHOICE"], group = "action")]
    pub take: Vec<String>,
    /// Say why, in a line that is kept with the decision
    #[arg(long, num_args = 2, value_names = ["CONFLICT", "TEXT"], conflicts_with_all = [
        "list", "show", "confirm", "undo", "redo", "preview", "test", "finish", "drop"
    ])]
    pub note: Vec<String>,
    /// Agree to what somebody decided in your region
    #[arg(long, value_name = "CONFLICT", group = "action")]
    pub confirm: Option<String>,
    /// Take the last decision back
    #[arg(long, group = "action")]
    pub undo: bool,
    /// Decide again what was taken back last
    #[arg(long, group = "action")]
    pub redo: bool,
    /// Print a file as it is with what was decided
    #[arg(long, value_name = "PATH", group = "action")]
    pub preview: Option<String>,
    /// Run a command on the result, in a folder of its own
    #[arg(long, value_name = "COMMAND", group = "action")]
    pub test: Option<String>,
    /// Land or sync with what was decided
    #[arg(long, group = "action")]
    pub finish: bool,
    /// Give the review up; its history stays
    #[arg(long, group = "action")]
    pub drop: bool,
    /// With --finish: run this in the workspace on the merged result; nothing moves if it fails
    #[arg(long, value_name = "COMMAND", requires = "finish")]
    pub check: Option<String>,
    /// With --finish: leave the worktree and its branch where they are
    #[arg(long, requires = "finish")]
    pub keep: bool,
}

/// Words that cannot be done.
#[derive(Debug, thiserror::Error)]
enum BadRequest {
    #[error("{0} is neither a choice nor a file here")]
    Choice(String),
    #[error("--test '{command}': {reason}")]
    Command { command: String, reason: String },
}

impl Explain for BadRequest {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            BadRequest::Choice(_) => {
                vec![
                    "write ours, theirs, both, both-reversed, base, at:PATH, or the name of a file"
                        .to_owned(),
                ]
            }
            BadRequest::Command { .. } => vec!["for shell syntax write: --test \"sh -c '…'\"".to_owned()],
        }
    }
}

/// How long `--test` may take.
pub const TEST_LIMIT: Duration = Duration::from_secs(60 * 60);

impl Review {
    /// Whether nothing was asked but to see it.
    pub fn is_bare(&self) -> bool {
        let asks = [self.list, self.undo, self.redo, self.finish, self.drop];
        let names = [&self.show, &self.confirm, &self.preview, &self.test];
        !asks.contains(&true)
            && names.iter().all(|name| name.is_none())
            && self.take.is_empty()
            && self.note.is_empty()
    }

    /// What is asked of the review when it is opened.
    ///
    /// # Errors
    /// When it is to be for a landing that is not one merge.
    pub fn asked(&self) -> Result<Asked, DeskError> {
        if self.rebase {
            return Err(DeskError::Rebase);
        }
        Ok(Asked { purpose: self.purpose(), edits: self.edits })
    }

    /// What the review is for, if that was said.
    pub fn purpose(&self) -> Option<Purpose> {
        match (self.merge, self.squash, self.sync) {
            (true, ..) => Some(Purpose::Land),
            (_, true, _) => Some(Purpose::Squash),
            (.., true) => Some(Purpose::Sync),
            _ => None,
        }
    }

    /// Opens or resumes the review, and does what is asked.
    ///
    /// # Errors
    /// When there is nothing to review, what is asked does not fit, or somebody else's word is missing.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let task = session.task(self.task.as_ref())?;
        if self.drop {
            return ending::drop_review(&session, context, &task);
        }
        let mut desk = Desk::open(&session, context, &task, self.asked()?)?;
        if self.finish {
            return ending::finish(desk, context, self.check, self.keep);
        }
        if let Some(name) = &self.show {
            let shown = desk.named(name)?;
            return screen::shown(&desk, &shown);
        }
        if let Some(path) = &self.preview {
            return screen::preview(&desk, path);
        }
        if let Some(command) = &self.test {
            let bad = |reason: String| BadRequest::Command { command: command.clone(), reason };
            let words = policy::words(command).map_err(|reason| bad(reason.to_string()))?;
            let output = desk.test(&words)?;
            return screen::tested(&desk, &words, &output);
        }
        let mut about = Vec::new();
        for pair in self.take.chunks_exact(2) {
            let choice = choice(&context.folder, &pair[1])?;
            about.extend(desk.take(&pair[0], &choice)?);
        }
        for pair in self.note.chunks_exact(2) {
            about.extend(desk.note(&pair[0], &pair[1])?);
        }
        if let Some(name) = &self.confirm {
            about.extend(desk.confirm(name)?);
        }
        if self.undo {
            about.push(desk.undo(StepKind::Undo)?);
        }
        if self.redo {
            about.push(desk.undo(StepKind::Redo)?);
        }
        if desk.is_behind() {
            desk.look_at_edits()?;
        }
        screen::listed(&desk, &about)
    }
}

/// A choice as it is typed.
fn choice(folder: &Path, text: &str) -> Result<Choice, Failure> {
    if let Some(choice) = Choice::plain(text) {
        return Ok(choice);
    }
    if let Some(path) = text.strip_prefix("at:") {
        return Ok(Choice::At(path.to_owned()));
    }
    if text == "-" {
        return Ok(Choice::Text(atomic::standard_input()?));
    }
    let found = atomic::read(&folder.join(text))?;
    Ok(Choice::Text(found.ok_or_else(|| BadRequest::Choice(text.to_owned()))?))
}
