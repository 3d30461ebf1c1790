//! Answers for programs: one versioned object on standard output, whatever happened.

use serde::Serialize;

use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::text;
use crate::commands::Outcome;

/// The version of the form. A reader may rely on all that is in it; what is added later does not change it.
pub const VERSION: u32 = 1;

/// What a program is answered.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    version: u32,
    /// The command; nothing when it could not be told from what was typed.
    command: Option<&'a str>,
    /// Whether the exit code is 0.
    ok: bool,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Body<'a> {
    Result(&'a serde_json::Value),
    Error(Problem),
}

/// A failure in all its parts.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Its kind.
    pub kind: Kind,
    /// The exit code.
    pub exit: u8,
    /// What happened.
    pub message: String,
    /// The causes, nearest first.
    pub causes: Vec<String>,
    /// What helps.
    pub hints: Vec<String>,
    /// Facts of this kind of failure.
    pub details: Option<serde_json::Value>,
}

impl Problem {
    /// A failure that has nothing but a message and what helps.
    pub fn plain(kind: Kind, message: String, hints: Vec<String>) -> Problem {
        Problem { kind, exit: kind.exit_code(), message, causes: Vec::new(), hints, details: None }
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Problem {
        Problem {
            kind: failure.kind(),
            exit: failure.kind().exit_code(),
            message: failure.to_string(),
            causes: failure.causes(),
            hints: failure.hints(),
            details: failure.details(),
        }
    }
}

impl Answer<'_> {
    /// The answer of a command that did what it was asked, or that tells in its result what it did not.
    pub fn of<'a>(command: &'a str, outcome: &'a Outcome) -> Answer<'a> {
        let body = Body::Result(&outcome.json);
        Answer { version: VERSION, command: Some(command), ok: outcome.code == 0, body }
    }

    /// The answer when it failed.
    pub fn failed(command: Option<&str>, problem: Problem) -> Answer<'_> {
        Answer { version: VERSION, command, ok: false, body: Body::Error(problem) }
    }

    /// One line of JSON, without the secrets of addresses.
    pub fn line(&self) -> String {
        // A value of strings, numbers and other values can always be written.
        let mut line = text::without_secrets(&serde_json::to_string(self).unwrap_or_default());
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;
    use crate::base::failure::Explain;
    use crate::base::page::Page;

    #[derive(Debug, thiserror::Error)]
    #[error("src/a.rs is held by auth")]
    struct Held;

    impl Explain for Held {
        fn kind(&self) -> Kind {
            Kind::Held
        }

        fn details(&self) -> Option<serde_json::Value> {
            Some(json!({ "held": [] }))
        }
    }

    #[test]
    fn an_answer_holds_the_result() {
        let mut outcome = Outcome::new(Page::default(), &json!({ "tasks": [] }));
        assert_data_eq!(
            Answer::of("status", &outcome).line(),
            str![[r#"
{"version":1,"command":"status","ok":true,"result":{"tasks":[]}}

"#]]
        );
        outcome.code = 1;
        assert_data_eq!(
            Answer::of("doctor", &outcome).line(),
            str![[r#"
{"version":1,"command":"doctor","ok":false,"result":{"tasks":[]}}

"#]]
        );
    }

    #[test]
    fn a_failure_holds_all_that_a_person_would_see_and_the_exit_code() {
        let failure = Failure::from(Held).hint("wait");
        assert_data_eq!(
            Answer::failed(Some("claim"), Problem::from(&failure)).line(),
            str![[r#"
{"version":1,"command":"claim","ok":false,"error":{"kind":"held","exit":3,"message":"src/a.rs is held by auth","causes":[],"hints":["wait"],"details":{"held":[]}}}

"#]]
        );
        let typo = Problem::plain(Kind::Usage, "unexpected argument '--x'".to_owned(), Vec::new());
        assert_data_eq!(
            Answer::failed(None, typo).line(),
            str![[r#"
{"version":1,"command":null,"ok":false,"error":{"kind":"usage","exit":2,"message":"unexpected argument '--x'","causes":[],"hints":[],"details":null}}

"#]]
        );
    }
}
