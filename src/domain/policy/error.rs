//! What can be wrong with a policy file, and where.

use std::ops::Range;

use super::command::BadCommand;
use super::key;
use super::merging::UnknownStrategy;
use crate::base::failure::Explain;
use crate::base::text;
use crate::domain::price::reading;
pub use crate::domain::written::Position;

/// What is wrong with a policy file. It shows as `3:7: unknown key `comons``, to be put behind the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {problem}")]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The column in letters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not TOML, or a value of another type; in the TOML reader's words.
    #[error("{0}")]
    Toml(String),
    /// A key that does not exist.
    #[error("unknown key `{}`", key::dotted(.table, .key))]
    UnknownKey {
        /// The table that it is in; empty at the top.
        table: &'static str,
        /// The key.
        key: String,
    },
    /// A time to live that is not a duration.
    #[error("{0}")]
    Duration(text::BadDuration),
    /// A time to live that is too short or too long.
    #[error("a lease lasts from 1m to 30d, not {0}")]
    Ttl(String),
    /// An `[[on]]` entry that waits for nothing that happens.
    #[error("nothing tells of `{}`", text::visible(.0.as_bytes()))]
    Event(String),
    /// A target that no branch can be.
    #[error("'{}' cannot be a branch's name", text::visible(.0.as_bytes()))]
    Branch(String),
    /// A pattern without a letter.
    #[error("a pattern is empty")]
    EmptyPattern,
    /// A named set without a pattern.
    #[error("the set `{0}` is empty")]
    EmptySet(String),
    /// A set that cannot be named in a region.
    #[error("'{}' cannot name a set", text::visible(.0.as_bytes()))]
    SetName(String),
    /// A root for workspaces that is none.
    #[error("'{}' is no place for workspaces", text::visible(.0.as_bytes()))]
    Root(String),
    /// A path that leads out of the repository or into git's own folder.
    #[error("'{}' is not a path inside the repository", text::visible(.0.as_bytes()))]
    Outside(String),
    /// A pattern where a path is needed.
    #[error("'{}' is a pattern, and only paths can be named here", text::visible(.0.as_bytes()))]
    Pattern(String),
    /// A template whose name does not say what it is a template of.
    #[error("'{}' names no template", text::visible(.0.as_bytes()))]
    Template(String),
    /// Ports that are none, or too few.
    #[error("'{}' is no range of ports", text::visible(.0.as_bytes()))]
    Ports(String),
    /// A pool that is too large.
    #[error("a pool has up to {most} trees, not {0}", most = super::pool::MOST)]
    PoolSize(usize),
    /// A command that cannot be run without a shell.
    #[error("{reason}")]
    Command {
        /// The command.
        command: String,
        /// What is wrong with it.
        reason: BadCommand,
    },
    /// A command that is neither a string nor an array of strings.
    #[error("a command is a string or an array of its words")]
    NotACommand,
    /// A way to land that does not exist.
    #[error("`{}` is not a strategy", text::visible(.0.as_bytes()))]
    Strategy(String),
    /// Nobody whose word a review could want.
    #[error("`{}` is nobody whose word a review can want", text::visible(.0.as_bytes()))]
    Confirm(String),
    /// A part of a hundred that is none.
    #[error("the soft limit is from 1 to 100 of a hundred, not {0}")]
    Percent(u64),
    /// A time to stop that is too long.
    #[error("an agent may have up to 1h to stop, not {0}")]
    Grace(String),
    /// A price that is none.
    #[error("{0}")]
    Price(reading::Wrong),
    /// An amount of money that is none.
    #[error("that is no amount of money")]
    Money,
    /// A merge strategy that does not exist.
    #[error("{0}")]
    MergeStrategy(UnknownStrategy),
    /// A `[[merge]]` entry without a pattern.
    #[error("the entry names no path")]
    NoPaths,
    /// A `[[merge]]` entry that is to make files anew, and does not say how.
    #[error("regenerate needs a command")]
    NothingToRun,
    /// A key that only makes sense where files are made anew.
    #[error("`{0}` is for regenerate only")]
    OnlyToRegenerate(&'static str),
}

impl PolicyError {
    pub(super) fn at(text: &str, span: &Range<usize>, problem: Problem) -> PolicyError {
        let Position { line, column } = Position::of(text, span);
        PolicyError { line, column, problem }
    }

    /// Where it is wrong.
    pub fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }
}

impl Explain for PolicyError {
    fn hints(&self) -> Vec<String> {
        let hint = match &self.problem {
            Problem::UnknownKey { table, key } => key::hint(table, key),
            Problem::Duration(_) => "write for example \"45m\", \"2h\" or \"1d\"".to_owned(),
            Problem::EmptySet(_) => "list its patterns, or remove the set".to_owned(),
            Problem::SetName(_) => "use letters, digits, '-', '_' and '.'".to_owned(),
            Problem::Root(_) => "write for example \"../{repo}.odyssey\"".to_owned(),
            Problem::Outside(_) => "write it from the top folder, without '..'".to_owned(),
            Problem::Pattern(_) => "list the files or their folder".to_owned(),
            Problem::Command { command, reason: BadCommand::Syntax(_) } => {
                format!("write [\"sh\", \"-c\", {}]", toml::Value::from(command.as_str()))
            }
            Problem::Strategy(name) => key::strategy_hint(name),
            Problem::Confirm(name) => key::name_hint(name, &["nobody", "human", "owner"], "choices"),
            Problem::Event(name) => key::name_hint(name, &super::reaction::names(), "events"),
            Problem::MergeStrategy(unknown) => unknown.hint(),
            Problem::Price(wrong) => wrong.hint(),
            Problem::Money => "write dollars, for example: usd = 20.0".to_owned(),
            Problem::Template(_) => "name the file as FILE.template; the workspace gets FILE".to_owned(),
            Problem::Ports(_) => "write for example \"20000-29999\", from 1024 to 65535".to_owned(),
            Problem::NothingToRun => "write for example: run = \"cargo generate-lockfile\"".to_owned(),
            Problem::Toml(_)
            | Problem::Ttl(_)
            | Problem::Branch(_)
            | Problem::EmptyPattern
            | Problem::Command { .. }
            | Problem::NoPaths
            | Problem::OnlyToRegenerate(_)
            | Problem::Percent(_)
            | Problem::PoolSize(_)
            | Problem::Grace(_)
            | Problem::NotACommand => return Vec::new(),
        };
        vec![hint]
    }
}
