//! Failures: what happened, what kind it is, and the command that helps.

use std::error::Error;
use std::fmt;

/// What kind of failure it is. The kind decides the exit code, so scripts and agents can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The request is understood and cannot be done as asked.
    Refused,
    /// The request itself is wrong: an unknown option, a bad name, a bad region.
    Usage,
    /// Another holder has what was asked for.
    Held,
    /// A conflict that a person has to settle.
    Conflict,
    /// The caller's fence is old: its lease was taken over or ended.
    Fenced,
    /// A bug of ours.
    Bug,
}

impl Kind {
    /// The process's exit code, as published in the README.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Refused => 1,
            Kind::Usage => 2,
            Kind::Held => 3,
            Kind::Conflict => 4,
            Kind::Fenced => 5,
            Kind::Bug => 70,
        }
    }
}

/// An error of one room that can say its kind and what to do next.
pub trait Explain: Error + AsAny + Send + Sync + 'static {
    /// The kind, from which the exit code follows.
    fn kind(&self) -> Kind {
        Kind::Refused
    }

    /// What to do next: one sentence or command each, without a final newline.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Facts for programs, given under `details` in the JSON answer.
    fn details(&self) -> Option<serde_json::Value> {
        None
    }
}

/// Lets a caller ask for one room's error behind a [`Failure`].
pub trait AsAny {
    /// The error itself.
    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync);
}

impl<E: Error + Send + Sync + 'static> AsAny for E {
    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

/// Any room's error on its way to the person who asked.
pub struct Failure {
    cause: Box<dyn Explain>,
    hints: Vec<String>,
}

impl Failure {
    /// The same failure with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The kind, from which the exit code follows.
    pub fn kind(&self) -> Kind {
        self.cause.kind()
    }

    /// Whether the failure is a certain error of one room, for callers that can do something about it.
    pub fn is<E: Explain>(&self, test: impl FnOnce(&E) -> bool) -> bool {
        let error: &(dyn std::any::Any + Send + Sync) = (*self.cause).as_any();
        error.downcast_ref::<E>().is_some_and(test)
    }

    /// What to do next, the room's own hints first.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = self.cause.hints();
        hints.extend(self.hints.iter().cloned());
        hints
    }

    /// Facts for programs.
    pub fn details(&self) -> Option<serde_json::Value> {
        self.cause.details()
    }

    /// The causes, nearest first, without the failure's own message.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.cause.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Wrappers that only repeat what they wrap would print a line twice.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(cause: E) -> Self {
        Failure { cause: Box::new(cause), hints: Vec::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.cause)
    }
}
