//! What can be wrong with a workflow, in which file and where in it.

use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text::visible;
use crate::domain::policy::BadCommand;
use crate::domain::policy::Position;
use crate::domain::region::RegionError;
use crate::domain::task::BadTask;
use crate::domain::written::listed;
use crate::domain::written::name_hint;

/// What is wrong with a workflow. It shows as `plan.toml:3:7: unknown key `promt``.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{at}: {problem}", visible(.file.as_bytes()))]
pub struct WorkflowError {
    /// The file, as it was named.
    pub file: String,
    /// Where in it.
    pub at: Position,
    /// What is wrong there.
    pub problem: Box<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not TOML, or a value of another type; in the TOML reader's words.
    #[error("{0}")]
    Toml(String),
    /// It does not say which version of the language it is in.
    #[error("the file does not say `odyssey = 1`")]
    NoVersion,
    /// It is in another version of the language.
    #[error("version {0} of the language is not known here")]
    Version(i64),
    /// A key that does not exist.
    #[error("unknown key `{}`", visible(.key.as_bytes()))]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A name that nothing has.
    #[error("there is no {what} `{}`", visible(.name.as_bytes()))]
    Unknown {
        /// What it would name, and the plural of that.
        what: &'static str,
        /// The plural.
        all: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A placeholder without a value.
    #[error("`{{{0}}}` stands for nothing", visible(.name.as_bytes()))]
    Placeholder {
        /// Its name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A name that cannot be that of a value.
    #[error("`{}` cannot name a value", visible(.0.as_bytes()))]
    ValueName(String),
    /// A name that the program gives a value itself.
    #[error("`{0}` is given its value by git odyssey")]
    Reserved(String),
    /// A task's name that is none.
    #[error("{0}")]
    Name(BadTask),
    /// A task without a needed key.
    #[error("the task `{task}` has no {key}")]
    Missing {
        /// The task.
        task: String,
        /// The key.
        key: &'static str,
    },
    /// Two ways to say one thing.
    #[error("`{0}` and `{1}` say the same thing twice")]
    Both(&'static str, &'static str),
    /// A name that two tasks have.
    #[error("the task `{0}` is there already, in {1}")]
    Twice(String, String),
    /// A number that is too small or too large.
    #[error("{what} is from {least} to {most}, not {found}")]
    Range {
        /// What it counts.
        what: &'static str,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
        /// What is written.
        found: String,
    },
    /// A command that cannot be run.
    #[error("{1}")]
    Command(String, BadCommand),
    /// A value that is neither of two types.
    #[error("{0}")]
    Type(&'static str),
    /// A region that is none.
    #[error("{0}")]
    Region(RegionError),
    /// A matrix without a value.
    #[error("{0}")]
    EmptyMatrix(String),
    /// A file that cannot be read.
    #[error("cannot read {}: {why}", visible(.path.as_bytes()))]
    File {
        /// The path as it is written.
        path: String,
        /// Why not.
        why: String,
    },
    /// Tasks that wait for each other.
    #[error("these wait for each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// Tasks that may run at the same time and want the same.
    #[error("`{task}` and `{other}` may run at the same time, and {region} meets {theirs}")]
    Meet {
        /// The later task.
        task: String,
        /// The earlier one.
        other: String,
        /// A region of the later one.
        region: String,
        /// A region of the earlier one that it meets.
        theirs: String,
    },
    /// More tasks than a workflow may have.
    #[error("these are {0} tasks, and a workflow has at most {most}", most = super::MOST_TASKS)]
    TooMany(usize),
    /// There is nothing to do.
    #[error("there is no task")]
    Nothing,
}

impl Explain for WorkflowError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        let hint = match &*self.problem {
            Problem::NoVersion => "write it at the top: odyssey = 1".to_owned(),
            Problem::Version(_) => "a newer git odyssey may know it; this one reads odyssey = 1".to_owned(),
            Problem::UnknownKey { key, known } => name_hint(key, known, "keys here"),
            Problem::Unknown { name, known, all, .. } if !known.is_empty() => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                name_hint(name, &known, all)
            }
            Problem::Unknown { all, .. } => format!("the file has no {all}"),
            Problem::Placeholder { name, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let near = crate::domain::written::nearest(name, &known);
                let values = || format!("the values here are {}", listed(&known));
                let first = near.map_or_else(values, |near| format!("did you mean `{{{near}}}`?"));
                return vec![first, format!("for the text itself write {{{{{name}}}}}")];
            }
            Problem::ValueName(_) => "use letters, digits and '_', a letter first".to_owned(),
            Problem::Name(error) => return error.hints(),
            Problem::Missing { key: "regions", .. } => {
                "say what it may change, for example: regions = [\"docs/**\"]".to_owned()
            }
            Problem::Missing { key: "prompt", .. } => {
                "write prompt = \"…\" or prompt_file = \"…\"".to_owned()
            }
            Problem::Missing { .. } => {
                "name one in the task, or a `tier` at the top for all tasks".to_owned()
            }
            Problem::Command(command, BadCommand::Syntax(_)) => {
                format!("write [\"sh\", \"-c\", {}]", toml::Value::from(command.as_str()))
            }
            Problem::Region(error) => return error.hints(),
            Problem::Meet { task, other, .. } => {
                return vec![
                    format!("let one wait for the other: needs = [\"{other}\"] in `{task}`"),
                    "or put all such tasks in the order of the file: overlap = \"order\" at the top"
                        .to_owned(),
                ];
            }
            Problem::Twice(..) => "give one of them another name".to_owned(),
            Problem::Nothing => {
                "write for example: [task.docs] with regions = [\"docs/**\"] and a prompt".to_owned()
            }
            Problem::Reserved(_) => "give it another name".to_owned(),
            Problem::Toml(_)
            | Problem::Both(..)
            | Problem::Range { .. }
            | Problem::Command(..)
            | Problem::Type(_)
            | Problem::EmptyMatrix(_)
            | Problem::File { .. }
            | Problem::Cycle(_)
            | Problem::TooMany(_) => return Vec::new(),
        };
        vec![hint]
    }
}
