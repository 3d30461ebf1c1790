//! The `[[merge]]` part of the policy: what decides, path by path, what would otherwise be a conflict.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::Value;

use super::error::PolicyError;
use super::error::Problem;
use super::file::Reading;
use super::file::read_command;
use super::key;
use crate::base::text;

/// What decides the conflicts of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStrategy {
    /// git's own result: what git cannot merge stays a conflict.
    ThreeWay,
    /// The lines of both sides, one after the other.
    Union,
    /// The target's lines: those of the branch that the task lands on, in whichever direction it is merged.
    Ours,
    /// The task's lines.
    Theirs,
    /// The lines of the side that holds the path.
    LeaseOwner,
    /// The lines of the side that a person wrote.
    Human,
    /// What a command makes anew.
    Regenerate,
}

/// The strategies by name, in the order in which people are told of them.
const NAMES: [(MergeStrategy, &str); 7] = [
    (MergeStrategy::ThreeWay, "three-way"),
    (MergeStrategy::Union, "union"),
    (MergeStrategy::Ours, "ours"),
    (MergeStrategy::Theirs, "theirs"),
    (MergeStrategy::LeaseOwner, "lease-owner"),
    (MergeStrategy::Human, "human"),
    (MergeStrategy::Regenerate, "regenerate"),
];

impl MergeStrategy {
    /// The names of all strategies.
    pub fn names() -> [&'static str; 7] {
        NAMES.map(|(_, name)| name)
    }
}

impl fmt::Display for MergeStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES.iter().find(|(strategy, _)| strategy == self).map_or("", |(_, name)| name))
    }
}

/// A name that no strategy has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a merge strategy", text::visible(.0.as_bytes()))]
pub struct UnknownStrategy(pub String);

impl UnknownStrategy {
    /// What may have been meant.
    pub fn hint(&self) -> String {
        key::name_hint(&self.0, &MergeStrategy::names(), "strategies")
    }
}

impl FromStr for MergeStrategy {
    type Err = UnknownStrategy;

    fn from_str(written: &str) -> Result<MergeStrategy, UnknownStrategy> {
        let found = NAMES.iter().find(|(_, name)| *name == written).map(|(strategy, _)| *strategy);
        found.ok_or_else(|| UnknownStrategy(written.to_owned()))
    }
}

/// One `[[merge]]` entry. Of several that cover a path, the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRule {
    /// Patterns of the paths that it is about; none of them is empty.
    pub paths: Vec<String>,
    /// What decides.
    pub strategy: MergeStrategy,
    /// What makes the file anew, as words: there for `regenerate`, and only there.
    pub run: Option<Vec<String>>,
    /// How long that may take.
    pub timeout: Duration,
}

/// How long a command may take that makes a file anew, unless the policy says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(2 * 60);

/// One entry as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct MergeFile {
    paths: Spanned<Vec<Spanned<String>>>,
    strategy: Spanned<String>,
    run: Option<Spanned<Value>>,
    timeout: Option<Spanned<String>>,
}

impl Reading<'_> {
    /// The entries, with the places of their patterns remembered as `merge.0`, `merge.1` and so on.
    pub(super) fn merge_rules(
        &mut self,
        entries: Vec<Spanned<MergeFile>>,
    ) -> Result<Vec<MergeRule>, PolicyError> {
        let mut rules = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let span = entry.span();
            let MergeFile { paths, strategy, run, timeout } = entry.into_inner();
            self.checked(&paths, |paths| if paths.is_empty() { Err(Problem::NoPaths) } else { Ok(()) })?;
            let paths = self.patterns(&format!("merge.{index}"), paths.into_inner())?;
            let named = self.checked(&strategy, |name| name.parse().map_err(Problem::MergeStrategy))?;
            let is_command = named == MergeStrategy::Regenerate;
            let run = match run {
                Some(command) if is_command => Some(self.checked(&command, read_command)?),
                Some(command) => return Err(self.wrong(&command.span(), Problem::OnlyToRegenerate("run"))),
                None if is_command => return Err(self.wrong(&span, Problem::NothingToRun)),
                None => None,
            };
            let timeout = match timeout {
                Some(length) if is_command => {
                    self.checked(&length, |length| text::parse_duration(length).map_err(Problem::Duration))?
                }
                Some(length) => {
                    return Err(self.wrong(&length.span(), Problem::OnlyToRegenerate("timeout")));
                }
                None => TIMEOUT,
            };
            rules.push(MergeRule { paths, strategy: named, run, timeout });
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;
    use crate::base::failure::Explain;

    #[test]
    fn entries_are_read_as_they_are_written() -> Result<(), PolicyError> {
        let text = "[[merge]]\npaths = [\"Cargo.lock\", \"**/*.lock\"]\nstrategy = \"regenerate\"\n\
                    run = \"cargo generate-lockfile\"\n\n[[merge]]\npaths = [\"docs/**\"]\nstrategy = \"human\"\n";
        let policy = Policy::parse(text)?;
        let rule = |paths: &[&str], strategy, run: Option<&[&str]>| MergeRule {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            strategy,
            run: run.map(|words| words.iter().map(|word| (*word).to_owned()).collect()),
            timeout: TIMEOUT,
        };
        let command: &[&str] = &["cargo", "generate-lockfile"];
        let lock = rule(&["Cargo.lock", "**/*.lock"], MergeStrategy::Regenerate, Some(command));
        assert_eq!(policy.merge, [lock, rule(&["docs/**"], MergeStrategy::Human, None)]);
        let place = policy.position_of("merge.1", 0).map(|place| (place.line, place.column));
        assert_eq!(place, Some((7, 10)));
        let long = text.replace("lockfile\"\n", "lockfile\"\ntimeout = \"10m\"\n");
        assert_eq!(Policy::parse(&long)?.merge[0].timeout, Duration::from_secs(600));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_to_do() {
        let cases = [
            ("paths = [\"a\"]", "1:1: missing field `strategy`", ""),
            ("strategy = \"ours\"", "1:1: missing field `paths`", ""),
            ("paths = []\nstrategy = \"ours\"", "2:9: the entry names no path", ""),
            ("paths = [\"\"]\nstrategy = \"ours\"", "2:10: a pattern is empty", ""),
            (
                "paths = [\"a\"]\nstrategy = \"our\"",
                "3:12: `our` is not a merge strategy",
                "did you mean `ours`?",
            ),
            (
                "paths = [\"a\"]\nstrategy = \"squash\"",
                "3:12: `squash` is not a merge strategy",
                "the strategies are `three-way`, `union`, `ours`, `theirs`, `lease-owner`, `human`, `regenerate`",
            ),
            (
                "paths = [\"a\"]\nstrategy = \"regenerate\"",
                "1:1: regenerate needs a command",
                "write for example: run = \"cargo generate-lockfile\"",
            ),
            ("paths = [\"a\"]\nstrategy = \"ours\"\nrun = \"make\"", "4:7: `run` is for regenerate only", ""),
            (
                "paths = [\"a\"]\nstrategy = \"union\"\ntimeout = \"1m\"",
                "4:11: `timeout` is for regenerate only",
                "",
            ),
            (
                "paths = [\"a\"]\nstrategy = \"regenerate\"\nrun = \"a && b\"",
                "4:7: '&&' is shell syntax, and no shell runs this",
                "write [\"sh\", \"-c\", \"a && b\"]",
            ),
            (
                "paths = [\"a\"]\nstrategy = \"regenerate\"\nrun = \"make\"\ntimeout = \"90\"",
                "5:11: '90' is not a duration",
                "write for example \"45m\", \"2h\" or \"1d\"",
            ),
            ("path = [\"a\"]\nstrategy = \"ours\"", "2:1: unknown key `merge.path`", "did you mean `paths`?"),
        ];
        for (entry, message, hint) in cases {
            let text = format!("[[merge]]\n{entry}");
            let error = Policy::parse(&text).map(|_| ()).map_err(|error| (error.to_string(), error.hints()));
            let hints = if hint.is_empty() { Vec::new() } else { vec![hint.to_owned()] };
            assert_eq!(error, Err((message.to_owned(), hints)), "{text}");
        }
        let later =
            "[[merge]]\npaths = [\"a\"]\nstrategy = \"ours\"\n[[merge]]\npaths = [\"a\"]\nstratgy = \"x\"";
        let error = Policy::parse(later).map_err(|error| error.to_string());
        assert_eq!(error, Err("6:1: unknown key `merge.stratgy`".to_owned()));
        assert!(Policy::parse("merge = 1").is_err());
        assert!(Policy::parse("[merge]\nstrategy = \"ours\"").is_err());
    }

    #[test]
    fn every_name_is_read_back() {
        for (strategy, name) in NAMES {
            assert_eq!(name.parse(), Ok(strategy));
            assert_eq!(strategy.to_string(), name);
        }
    }
}
