//! The table of tools, and a tool's call as the words of a command line.

use std::ffi::OsString;
use std::path::Path;

use serde_json::Value;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::text;
use crate::commands::Context;
use crate::commands::Outcome;
use crate::commands::review::action::Action;
use crate::commands::session::Session;
use crate::domain::task::BadTask;
use crate::domain::task::TaskName;

use super::super::cli::CommandLine;
use super::super::cli::PROGRAM;
use super::schema;
use super::schema::Object;
use super::schema::Shape;

/// One tool.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// Its name, that of the command.
    pub name: &'static str,
    /// Whether it changes nothing.
    pub reads: bool,
    /// Whether it takes the steps of [`Action`] in place of the command's arguments.
    pub steps: bool,
    /// The command's arguments that it has not.
    pub without: &'static [&'static str],
}

/// All tools. What is left out runs commands beside the protocol, waits long, or is for a person.
pub const TOOLS: [Tool; 7] = [
    Tool { name: "claim", reads: false, steps: false, without: &["command", "wait", "here"] },
    Tool { name: "check", reads: true, steps: false, without: &[] },
    Tool { name: "status", reads: true, steps: false, without: &[] },
    Tool { name: "notes", reads: false, steps: false, without: &[] },
    Tool { name: "conflicts", reads: true, steps: false, without: &["stdin"] },
    Tool { name: "review", reads: false, steps: true, without: &[] },
    Tool { name: "release", reads: false, steps: false, without: &[] },
];

/// Arguments that cannot be.
#[derive(Debug, thiserror::Error)]
enum BadCall {
    #[error("{tool} has no argument {}", text::visible(.name.as_bytes()))]
    Unknown { tool: &'static str, name: String, known: Vec<String> },
    #[error("the argument {name} is {wanted}")]
    Type { name: String, wanted: &'static str },
    #[error("the argument {0} cannot begin with '-'")]
    Dash(String),
    #[error("'{}' is not the absolute path of a folder", text::visible(.0.as_bytes()))]
    Folder(String),
    #[error("the argument task is not a task's name")]
    Task(#[source] BadTask),
    #[error("this is no step of a review")]
    Step(#[source] serde_json::Error),
    #[error("{}", .0.trim())]
    Words(String),
}

impl Explain for BadCall {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            BadCall::Unknown { known, .. } => vec![format!("there are: {}", known.join(", "))],
            BadCall::Dash(_) => vec!["a path such as -x can be written as ./-x".to_owned()],
            BadCall::Step(_) => vec!["the tool's schema says what each step needs".to_owned()],
            BadCall::Type { .. } | BadCall::Folder(_) | BadCall::Task(_) | BadCall::Words(_) => Vec::new(),
        }
    }
}

impl Tool {
    /// The tool of this name.
    pub fn named(name: &str) -> Option<Tool> {
        TOOLS.into_iter().find(|tool| tool.name == name)
    }

    /// The tool's command, with all that clap adds.
    pub fn command(self) -> clap::Command {
        let mut all = CommandLine::all();
        all.build();
        // A name of the table; a test asks for each.
        all.find_subcommand(self.name).cloned().unwrap_or_default()
    }

    /// The schema of its arguments.
    pub fn schema(self) -> Object {
        if self.steps { schema::of_review() } else { schema::of_command(&self.command(), self.without) }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// When the arguments cannot be, and the command's own.
    pub fn run(self, mut given: Object, context: &Context<'_>) -> Result<Outcome, Failure> {
        let folder = match given.remove(schema::FOLDER) {
            None | Some(Value::Null) => context.folder.clone(),
            Some(value) => {
                let folder = one(schema::FOLDER, &value)?;
                let path = Path::new(&folder);
                if !path.is_absolute() || !path.is_dir() {
                    return Err(BadCall::Folder(folder).into());
                }
                path.to_owned()
            }
        };
        let context = context.at(&folder);
        if self.steps {
            return step(given, &context);
        }
        run(&self.words(&given)?, &context)
    }

    /// What would be typed for these arguments.
    fn words(self, given: &Object) -> Result<Vec<OsString>, BadCall> {
        let command = self.command();
        let known: Vec<&clap::Arg> = schema::arguments(&command, self.without).collect();
        if let Some(name) = given.keys().find(|name| !known.iter().any(|arg| arg.get_id() == name.as_str())) {
            let known = known.iter().map(|arg| arg.get_id().to_string()).collect();
            return Err(BadCall::Unknown { tool: self.name, name: name.clone(), known });
        }
        let mut words = vec![self.name.to_owned()];
        for arg in known {
            let name = arg.get_id().as_str();
            let Some(value) = given.get(name).filter(|value| !value.is_null()) else { continue };
            let values = match Shape::of(arg) {
                Shape::Flag => {
                    let wanted = "true or false";
                    let is_set = value.as_bool().ok_or(BadCall::Type { name: name.to_owned(), wanted })?;
                    words.extend(arg.get_long().filter(|_| is_set).map(|long| format!("--{long}")));
                    continue;
                }
                Shape::One => vec![one(name, value)?],
                Shape::Many => {
                    let wanted = "a list of texts";
                    let list = value.as_array().ok_or(BadCall::Type { name: name.to_owned(), wanted })?;
                    list.iter().map(|value| one(name, value)).collect::<Result<_, _>>()?
                }
            };
            for value in values {
                match arg.get_long() {
                    Some(long) => words.push(format!("--{long}={value}")),
                    // It would be read as an option, also as one that a tool has not.
                    None if value.starts_with('-') => return Err(BadCall::Dash(name.to_owned())),
                    None => words.push(value),
                }
            }
        }
        Ok(words.into_iter().map(OsString::from).collect())
    }
}

fn one(name: &str, value: &Value) -> Result<String, BadCall> {
    let wanted = "a text";
    value.as_str().map(str::to_owned).ok_or_else(|| BadCall::Type { name: name.to_owned(), wanted })
}

/// Runs a command by its words, the command's name first.
///
/// # Errors
/// When they cannot be read, and the command's own.
pub fn run(words: &[OsString], context: &Context<'_>) -> Result<Outcome, Failure> {
    let words: Vec<OsString> = [OsString::from(PROGRAM)].into_iter().chain(words.iter().cloned()).collect();
    let bad = |error: clap::Error| {
        let text = error.render().to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        BadCall::Words(first.strip_prefix("error: ").unwrap_or(first).to_owned())
    };
    let line = CommandLine::read(&words).map_err(bad)?;
    let request = line.request.ok_or_else(|| BadCall::Words("no command was given".to_owned()))?;
    request.run(context)
}

/// One step of a review.
fn step(mut given: Object, context: &Context<'_>) -> Result<Outcome, Failure> {
    let named = match given.remove(schema::TASK) {
        None | Some(Value::Null) => None,
        Some(value) => Some(one(schema::TASK, &value)?.parse::<TaskName>().map_err(BadCall::Task)?),
    };
    let action: Action = serde_json::from_value(given.into()).map_err(BadCall::Step)?;
    let task = Session::open(context)?.task(named.as_ref())?;
    action.run(context, &task)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(tool: &str, given: Value) -> Result<String, String> {
        let given = given.as_object().cloned().unwrap();
        let words = Tool::named(tool).unwrap().words(&given).map_err(|bad| bad.to_string())?;
        Ok(words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_tool_is_a_command_and_says_what_it_leaves_out_rightly() {
        for tool in TOOLS {
            let command = tool.command();
            assert_eq!(command.get_name(), tool.name);
            assert!(command.get_about().is_some());
            for left in tool.without {
                assert!(
                    command.get_arguments().any(|arg| arg.get_id() == left),
                    "{} has no {left}",
                    tool.name
                );
            }
            assert_eq!(tool.schema()["type"], "object");
        }
    }

    #[test]
    fn arguments_become_words() {
        let given =
            json!({ "task": "a", "regions": ["src/**", "-x"], "ttl": "2h", "shared": true, "stack": false });
        assert_eq!(words("claim", given).unwrap(), "claim a --region=src/** --region=-x --ttl=2h --shared");
        assert_eq!(words("check", json!({ "paths": ["a b", "c"] })).unwrap(), "check a b c");
        assert_eq!(words("status", json!({ "fetch": null })).unwrap(), "status");
    }

    #[test]
    fn what_a_tool_has_not_cannot_be_smuggled_in() {
        assert!(words("claim", json!({ "task": "--here", "regions": ["a"] })).is_err());
        assert!(words("claim", json!({ "task": "a", "regions": ["a"], "command": ["sh"] })).is_err());
        assert!(words("conflicts", json!({ "stdin": true })).is_err());
        assert!(words("conflicts", json!({ "revisions": ["--stdin"] })).is_err());
        assert!(words("check", json!({ "paths": "a" })).is_err());
        assert!(words("status", json!({ "fetch": "yes" })).is_err());
    }
}
