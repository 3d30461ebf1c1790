//! The policy file as it is written, with the place of everything in it, and how it becomes the policy.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::Value;
use toml::de::DeTable;
use toml::de::DeValue;

use super::LandPolicy;
use super::LedgerPolicy;
use super::Policy;
use super::ReviewPolicy;
use super::Strategy;
use super::UsagePolicy;
use super::WorkspacePolicy;
use super::budget::BudgetFile;
use super::command::BadCommand;
use super::command::words;
use super::error::PolicyError;
use super::error::Position;
use super::error::Problem;
use super::key::KEYS;
use super::merging::MergeFile;
use super::pool::PoolFile;
use super::pool::read_ports;
use super::pool::read_template;
use super::reaction::OnFile;
use crate::domain::price::reading;
use crate::domain::review::Confirm;
use crate::domain::ttl;
use crate::domain::ttl::BadTtl;

/// The shortest time to live for all tasks: below it leases would end between two commands of their holders.
const SHORTEST: Duration = Duration::from_secs(60);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct File {
    target: Option<Spanned<String>>,
    ttl: Option<Spanned<String>>,
    #[serde(default)]
    commons: Vec<Spanned<String>>,
    #[serde(default)]
    regions: BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    workspace: WorkspaceFile,
    #[serde(default)]
    pool: PoolFile,
    #[serde(default)]
    land: LandFile,
    #[serde(default)]
    merge: Vec<Spanned<MergeFile>>,
    #[serde(default)]
    on: Vec<OnFile>,
    #[serde(default)]
    ledger: LedgerFile,
    #[serde(default)]
    review: ReviewFile,
    #[serde(default)]
    budget: BudgetFile,
    #[serde(default)]
    usage: UsageFile,
    /// Read where they stand, by the reader of all prices.
    #[serde(default, rename = "prices")]
    _prices: BTreeMap<String, IgnoredAny>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct ReviewFile {
    confirm: Option<Spanned<String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct WorkspaceFile {
    root: Option<Spanned<String>>,
    #[serde(default)]
    copy: Vec<Spanned<String>>,
    #[serde(default)]
    setup: Vec<Spanned<Value>>,
    disposable: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    templates: Vec<Spanned<String>>,
    #[serde(default)]
    reflink: Vec<Spanned<String>>,
    #[serde(default)]
    sparse: Vec<Spanned<String>>,
    ports: Option<Spanned<String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct LandFile {
    strategy: Option<Spanned<String>>,
    check: Option<Spanned<Value>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct UsageFile {
    trailer: Option<bool>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct LedgerFile {
    fsync: Option<bool>,
}

/// Reads the policy from the file's text.
pub(super) fn read(text: &str) -> Result<Policy, PolicyError> {
    let broken = |error: toml::de::Error| {
        PolicyError::at(text, &error.span().unwrap_or_default(), Problem::Toml(error.message().to_owned()))
    };
    // The keys first: whoever mistyped one wants to hear of that, and not that another value is missing.
    let table = DeTable::parse(text).map_err(broken)?;
    check_keys(text, table.get_ref())?;
    let file: File = toml::from_str(text).map_err(broken)?;
    let mut reading = Reading { text, positions: BTreeMap::new() };
    let prices = match table.get_ref().get("prices").and_then(|prices| prices.get_ref().as_table()) {
        Some(prices) => reading::models(prices)
            .map_err(|(span, wrong)| reading.wrong(&span, Problem::Price(wrong)))?
            .into_iter()
            .collect(),
        None => BTreeMap::new(),
    };
    Ok(Policy { prices, ..reading.policy(file)? })
}

fn check_keys(text: &str, top: &DeTable<'_>) -> Result<(), PolicyError> {
    for (table, known) in KEYS {
        let (above, name) = table.rsplit_once('.').unwrap_or(("", table));
        let above = match above {
            "" => Some(top),
            above => top.get(above).and_then(|above| above.get_ref().as_table()),
        };
        let found = above.and_then(|above| above.get(name));
        let tables: Vec<&DeTable<'_>> = match found.map(Spanned::get_ref) {
            _ if table.is_empty() => vec![top],
            Some(DeValue::Table(entries)) => vec![entries],
            Some(DeValue::Array(list)) => {
                list.iter().filter_map(|entry| entry.get_ref().as_table()).collect()
            }
            // What is no table is found to be none when it is read.
            _ => continue,
        };
        // The first in the file, not in the alphabet.
        let keys = tables.iter().flat_map(|entries| entries.keys());
        let unknown = keys.filter(|key| !known.contains(&key.get_ref().as_ref()));
        if let Some(key) = unknown.min_by_key(|key| key.span().start) {
            let problem = Problem::UnknownKey { table, key: key.get_ref().to_string() };
            return Err(PolicyError::at(text, &key.span(), problem));
        }
    }
    Ok(())
}

/// The text while it becomes a policy.
pub(super) struct Reading<'a> {
    text: &'a str,
    positions: BTreeMap<String, Vec<Position>>,
}

impl Reading<'_> {
    fn policy(&mut self, file: File) -> Result<Policy, PolicyError> {
        let default = Policy::default();
        let ttl = match file.ttl {
            Some(ttl) => self.checked(&ttl, |ttl| read_ttl(ttl))?,
            None => default.ttl,
        };
        let target = match file.target {
            Some(name) => Some(self.checked(&name, |name| read_branch(name))?),
            None => None,
        };
        Ok(Policy {
            target,
            ttl,
            commons: self.patterns("commons", file.commons)?,
            regions: self.sets(file.regions)?,
            workspace: self.workspace(file.workspace, default.workspace)?,
            pool: self.pool(file.pool)?,
            land: self.land(file.land)?,
            merge: self.merge_rules(file.merge)?,
            on: self.reactions(file.on)?,
            ledger: LedgerPolicy { fsync: file.ledger.fsync.unwrap_or(default.ledger.fsync) },
            review: ReviewPolicy { confirm: self.confirm(file.review)? },
            budget: self.budget(file.budget)?,
            usage: UsagePolicy { trailer: file.usage.trailer.unwrap_or(default.usage.trailer) },
            prices: BTreeMap::new(),
            positions: std::mem::take(&mut self.positions),
        })
    }

    fn sets(
        &mut self,
        file: BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>,
    ) -> Result<BTreeMap<String, Vec<String>>, PolicyError> {
        let mut sets = BTreeMap::new();
        for (name, patterns) in file {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            self.checked(&name, |name| match !name.is_empty() && name.chars().all(plain) {
                true => Ok(()),
                false => Err(Problem::SetName(name.clone())),
            })?;
            let name = name.into_inner();
            self.checked(&patterns, |patterns| match patterns.is_empty() {
                true => Err(Problem::EmptySet(name.clone())),
                false => Ok(()),
            })?;
            let patterns = self.patterns(&format!("regions.{name}"), patterns.into_inner())?;
            sets.insert(name, patterns);
        }
        Ok(sets)
    }

    fn workspace(
        &mut self,
        file: WorkspaceFile,
        default: WorkspacePolicy,
    ) -> Result<WorkspacePolicy, PolicyError> {
        let root = match file.root {
            Some(root) => self.checked(&root, |root| read_root(root))?,
            None => default.root,
        };
        let disposable = match file.disposable {
            Some(patterns) => self.patterns("workspace.disposable", patterns)?,
            None => default.disposable,
        };
        Ok(WorkspacePolicy {
            root,
            copy: self.each(&file.copy, |path| read_inside(path))?,
            setup: self.each(&file.setup, read_command)?,
            disposable,
            templates: self.each(&file.templates, |path| read_template(path))?,
            reflink: self.each(&file.reflink, |path| read_inside(path))?,
            sparse: self.patterns("workspace.sparse", file.sparse)?,
            ports: file.ports.map(|ports| self.checked(&ports, |ports| read_ports(ports))).transpose()?,
        })
    }

    fn confirm(&self, file: ReviewFile) -> Result<Confirm, PolicyError> {
        let read = |written: &String| {
            let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                written.as_str().into_deserializer();
            Confirm::deserialize(name).map_err(|_| Problem::Confirm(written.clone()))
        };
        file.confirm.map_or(Ok(Confirm::default()), |written| self.checked(&written, read))
    }

    fn land(&self, file: LandFile) -> Result<LandPolicy, PolicyError> {
        let default = LandPolicy::default();
        let strategy = match file.strategy {
            Some(name) => self.checked(&name, |name| read_strategy(name))?,
            None => default.strategy,
        };
        let check = match file.check {
            Some(command) => Some(self.checked(&command, read_command)?),
            None => default.check,
        };
        Ok(LandPolicy { strategy, check })
    }

    /// Patterns, whose places are remembered under their key.
    pub(super) fn patterns(
        &mut self,
        key: &str,
        patterns: Vec<Spanned<String>>,
    ) -> Result<Vec<String>, PolicyError> {
        let texts = self.each(&patterns, |pattern| match pattern.trim().is_empty() {
            true => Err(Problem::EmptyPattern),
            false => Ok(pattern.clone()),
        })?;
        if !patterns.is_empty() {
            let positions = patterns.iter().map(|pattern| Position::of(self.text, &pattern.span())).collect();
            self.positions.insert(key.to_owned(), positions);
        }
        Ok(texts)
    }

    pub(super) fn each<T, U>(
        &self,
        values: &[Spanned<T>],
        read: impl Fn(&T) -> Result<U, Problem>,
    ) -> Result<Vec<U>, PolicyError> {
        values.iter().map(|value| self.checked(value, &read)).collect()
    }

    pub(super) fn checked<T, U>(
        &self,
        value: &Spanned<T>,
        read: impl FnOnce(&T) -> Result<U, Problem>,
    ) -> Result<U, PolicyError> {
        read(value.get_ref()).map_err(|problem| self.wrong(&value.span(), problem))
    }

    pub(super) fn wrong(&self, span: &Range<usize>, problem: Problem) -> PolicyError {
        PolicyError::at(self.text, span, problem)
    }
}

fn read_ttl(written: &str) -> Result<Duration, Problem> {
    match ttl::parse(written) {
        Ok(ttl) if ttl >= SHORTEST => Ok(ttl),
        Ok(_) | Err(BadTtl::TooLong(_)) => Err(Problem::Ttl(written.to_owned())),
        Err(BadTtl::Duration(error)) => Err(Problem::Duration(error)),
    }
}

/// A branch's name by git's own rules, without `refs/heads/`.
fn read_branch(written: &str) -> Result<String, Problem> {
    let name = written.strip_prefix("refs/heads/").unwrap_or(written);
    let bad = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
    let wrong = name.contains(bad)
        || name.contains("..")
        || name.contains("@{")
        || name == "@"
        || name == "HEAD"
        || name.starts_with('-')
        || name.ends_with('.')
        || name.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
    if wrong { Err(Problem::Branch(written.to_owned())) } else { Ok(name.to_owned()) }
}

fn read_root(written: &str) -> Result<String, Problem> {
    // A brace that stands for nothing was meant to stand for something.
    let rest = written.replace("{repo}", "");
    if written.trim().is_empty() || rest.contains(['{', '}', '\0']) {
        return Err(Problem::Root(written.to_owned()));
    }
    Ok(written.to_owned())
}

/// A path from the top folder that stays below it on every system, and out of git's own folder.
pub(super) fn read_inside(written: &str) -> Result<String, Problem> {
    let path = written.strip_suffix('/').unwrap_or(written);
    let outside = |part: &str| matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
    if path.split('/').any(outside) || path.contains(['\\', ':', '\0']) {
        return Err(Problem::Outside(written.to_owned()));
    }
    if path.contains(['*', '?', '[']) {
        return Err(Problem::Pattern(written.to_owned()));
    }
    Ok(written.to_owned())
}

pub(super) fn read_command(written: &Value) -> Result<Vec<String>, Problem> {
    match written {
        Value::String(command) => {
            words(command).map_err(|reason| Problem::Command { command: command.clone(), reason })
        }
        Value::Array(list) => {
            let list: Option<Vec<String>> =
                list.iter().map(|word| word.as_str().map(str::to_owned)).collect();
            let list = list.ok_or(Problem::NotACommand)?;
            if list.first().is_none_or(String::is_empty) {
                return Err(Problem::Command { command: String::new(), reason: BadCommand::Empty });
            }
            Ok(list)
        }
        _ => Err(Problem::NotACommand),
    }
}

fn read_strategy(written: &str) -> Result<Strategy, Problem> {
    let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = written.into_deserializer();
    Strategy::deserialize(name).map_err(|_| Problem::Strategy(written.to_owned()))
}
