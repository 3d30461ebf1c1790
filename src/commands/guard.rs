//! `guard`: an agent's own hook: judges an edit or a command before it happens, and tells the agent what it should know.

mod budget;
mod places;
mod turns;
mod worktrees;
mod writing;

use std::panic;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use crate::agents::Answer;
use crate::agents::Ask;
use crate::agents::Event;
use crate::agents::Harness;
use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use budget::Heard;

/// Judge what an agent is about to do, as the hook of its harness.
///
/// Reads what the harness sends on standard input and answers in the harness's own form. An edit of what another holds is
/// refused before it is made. In a workspace, what cannot be judged is refused; anywhere else it passes. Nothing is said
/// where git odyssey is not in use. Set it up with `git odyssey setup`.
#[derive(Debug, Clone, clap::Args)]
pub struct Guard {
    /// The harness that asks
    #[arg(value_enum)]
    pub harness: Harness,
}

/// What a doctor sends to see whether the guard answers.
pub const PROBE: &str = "git_odyssey_probe";

/// A mistake of ours, which must not open the way.
#[derive(Debug, thiserror::Error)]
#[error("git odyssey failed at judging this, by a mistake of its own")]
struct Broken;

impl Explain for Broken {
    fn kind(&self) -> Kind {
        Kind::Bug
    }
}

impl Guard {
    /// Answers one question of a harness.
    ///
    /// # Errors
    /// In a workspace, when what was sent cannot be understood; and when a worktree that is wanted cannot be made.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let input = atomic::standard_input()?;
        if let Some(answer) = self.probed(&input) {
            return said(context, Some(&answer));
        }
        let ask = match self.harness.read(&input) {
            Ok(ask) => ask,
            Err(error) if is_watched(&context.folder) => return Err(error.into()),
            Err(error) => {
                context.monitor.note(&format!("{error}; nothing is judged outside of a workspace"));
                return said(context, None);
            }
        };
        let folder = ask.folder.as_ref().map_or(context.folder.clone(), |named| context.folder.join(named));
        let context = context.at(&folder);
        let decided = panic::catch_unwind(AssertUnwindSafe(|| self.decide(&ask, &context)));
        let answer = match decided.unwrap_or_else(|_| Err(Broken.into())) {
            Ok(answer) => answer,
            Err(failure) if matches!(ask.event, Event::Make(_) | Event::Remove(_)) => return Err(failure),
            Err(failure) if is_watched(&folder) => Answer::Deny(reason(&failure)),
            Err(failure) => {
                context.monitor.note(&format!("{failure}; nothing is judged outside of a workspace"));
                Answer::Pass(None)
            }
        };
        said(&context, self.harness.reply(&ask, &answer).as_deref())
    }

    fn decide(&self, ask: &Ask, context: &Context<'_>) -> Result<Answer, Failure> {
        let hears = self.harness.hears(ask);
        // A turn that was held up once ends, whatever cannot be read.
        let heard = if ask.again { None } else { Heard::by(context, &ask.event)? };
        if let Some(answer) = heard.as_ref().and_then(|heard| heard.instead(&ask.event)) {
            return Ok(answer);
        }
        let answer = self.judged(ask, context, hears)?;
        match heard {
            Some(heard) => heard.with(&ask.event, answer, hears),
            None => Ok(answer),
        }
    }

    fn judged(&self, ask: &Ask, context: &Context<'_>, hears: bool) -> Result<Answer, Failure> {
        match &ask.event {
            Event::Edit(edits) => writing::edits(context, edits, hears),
            Event::Shell(command) => writing::command(context, command, hears),
            Event::Begin => turns::begin(context),
            Event::Listen => turns::listen(context),
            Event::End => turns::end(context, ask),
            Event::Make(name) => worktrees::make(context, name, self.harness),
            Event::Remove(path) => worktrees::remove(context, path),
            Event::Tool | Event::Other => Ok(Answer::Pass(None)),
        }
    }

    /// What a probe is answered, if this is one.
    fn probed(&self, input: &[u8]) -> Option<String> {
        let sent: serde_json::Value = serde_json::from_slice(input).ok()?;
        let token = sent.get(PROBE)?.as_str()?;
        Some(serde_json::json!({ PROBE: token, "harness": self.harness }).to_string())
    }
}

/// Whether a folder is in a task's workspace. What cannot be told counts as a yes.
fn is_watched(folder: &Path) -> bool {
    match places::top_of(folder) {
        Some(top) => !matches!(copy::workspace(&top), Ok(None)),
        None => false,
    }
}

/// A failure in words for an agent.
fn reason(failure: &Failure) -> String {
    let mut text = failure.to_string();
    for cause in failure.causes() {
        text.push_str(&format!("\nbecause: {cause}"));
    }
    for hint in failure.hints() {
        text.push_str(&format!("\n{hint}"));
    }
    text
}

/// The outcome of a question whose answer, if there is one, is this line.
fn said(context: &Context<'_>, line: Option<&str>) -> Result<Outcome, Failure> {
    if let Some(line) = line {
        context.monitor.line(line)?;
    }
    Ok(Outcome { given: true, ..Outcome::new(Page::default(), &serde_json::Value::Null) })
}
