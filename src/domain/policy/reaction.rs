//! The `[[on]]` part of the policy: commands that run when a watcher tells something.

use std::time::Duration;

use toml::Spanned;
use toml::Value;

use super::error::PolicyError;
use super::error::Problem;
use super::file::Reading;
use super::file::read_command;
use crate::base::text;
use crate::domain::event::EventKind;
use crate::domain::notice;

/// One `[[on]]` entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The notice that it waits for: one of the ledger's events, or one of the watcher's own; `*` is any.
    pub event: String,
    /// The command, as words. It gets the notice on its standard input.
    pub run: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Reaction {
    /// Whether it waits for a notice of this name.
    pub fn awaits(&self, name: &str) -> bool {
        self.event == "*" || self.event == name
    }
}

/// How long a command may take, unless the policy says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The names of everything that can be waited for.
pub(super) fn names() -> Vec<&'static str> {
    EventKind::names().into_iter().chain(notice::NAMES).chain(["*"]).collect()
}

/// One entry as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct OnFile {
    event: Spanned<String>,
    run: Spanned<Value>,
    timeout: Option<Spanned<String>>,
}

impl Reading<'_> {
    /// The entries, in the order of the file.
    pub(super) fn reactions(&mut self, entries: Vec<OnFile>) -> Result<Vec<Reaction>, PolicyError> {
        let reaction = |OnFile { event, run, timeout }: OnFile| {
            let known = |name: &String| match names().contains(&name.as_str()) {
                true => Ok(name.clone()),
                false => Err(Problem::Event(name.clone())),
            };
            let length = |length: &String| text::parse_duration(length).map_err(Problem::Duration);
            Ok(Reaction {
                event: self.checked(&event, known)?,
                run: self.checked(&run, read_command)?,
                timeout: timeout.map_or(Ok(TIMEOUT), |timeout| self.checked(&timeout, length))?,
            })
        };
        entries.into_iter().map(reaction).collect()
    }
}
