//! One file of a workflow as it is written, with the place of everything in it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::Value;
use toml::de::DeTable;
use toml::de::DeValue;

use super::VERSION;
use super::error::Problem;
use super::error::WorkflowError;
use crate::domain::policy::Position;

const TOP: &[&str] =
    &["odyssey", "name", "include", "parallel", "overlap", "tier", "vars", "budget", "tiers", "task"];
const BUDGET: &[&str] = &["tokens", "money", "minutes"];
const TIER: &[&str] = &["agent", "command", "model", "next", "holder"];
const TASK: &[&str] = &[
    "regions",
    "prompt",
    "prompt_file",
    "needs",
    "tier",
    "class",
    "budget",
    "check",
    "retry",
    "land",
    "on",
    "matrix",
];

/// One file, read as TOML and its keys checked.
#[derive(Debug)]
pub struct Sheet {
    /// The file, as it was named.
    pub file: String,
    /// Its text.
    text: String,
    /// What is in it.
    pub(super) written: File,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct File {
    odyssey: Option<Spanned<i64>>,
    pub(super) name: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) include: Vec<Spanned<String>>,
    pub(super) parallel: Option<Spanned<i64>>,
    pub(super) overlap: Option<Spanned<String>>,
    pub(super) tier: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) vars: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) budget: Option<BudgetFile>,
    #[serde(default)]
    pub(super) tiers: BTreeMap<Spanned<String>, TierFile>,
    #[serde(default)]
    pub(super) task: BTreeMap<Spanned<String>, TaskFile>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct BudgetFile {
    pub(super) tokens: Option<Spanned<i64>>,
    pub(super) money: Option<Spanned<Value>>,
    pub(super) minutes: Option<Spanned<Value>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct TierFile {
    pub(super) agent: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Value>>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) next: Option<Spanned<String>>,
    pub(super) holder: Option<Spanned<String>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct TaskFile {
    #[serde(default)]
    pub(super) regions: Vec<Spanned<String>>,
    pub(super) prompt: Option<Spanned<String>>,
    pub(super) prompt_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) needs: Vec<Spanned<String>>,
    pub(super) tier: Option<Spanned<String>>,
    pub(super) class: Option<Spanned<String>>,
    pub(super) budget: Option<BudgetFile>,
    pub(super) check: Option<Spanned<Value>>,
    pub(super) retry: Option<Spanned<i64>>,
    pub(super) land: Option<Spanned<Value>>,
    #[serde(default)]
    pub(super) on: BTreeMap<Spanned<String>, Spanned<Value>>,
    #[serde(default)]
    pub(super) matrix: BTreeMap<Spanned<String>, Spanned<Value>>,
}

impl Sheet {
    /// Reads one file of a workflow.
    ///
    /// # Errors
    /// When it is no TOML, has a key that there is not, or is in another version of the language.
    pub fn parse(file: &str, text: &str) -> Result<Sheet, WorkflowError> {
        let wrong = |span: Range<usize>, problem| error(file, text, &span, problem);
        let broken = |error: toml::de::Error| {
            wrong(error.span().unwrap_or_default(), Problem::Toml(error.message().to_owned()))
        };
        // The keys first: whoever mistyped one wants to hear of that, and not that another value is missing.
        if let Some((span, problem)) = unknown_key(DeTable::parse(text).map_err(broken)?.get_ref()) {
            return Err(wrong(span, problem));
        }
        let written: File = toml::from_str(text).map_err(broken)?;
        match &written.odyssey {
            None => return Err(wrong(0..0, Problem::NoVersion)),
            Some(version) if *version.get_ref() != VERSION => {
                return Err(wrong(version.span(), Problem::Version(*version.get_ref())));
            }
            Some(_) => {}
        }
        Ok(Sheet { file: file.to_owned(), text: text.to_owned(), written })
    }

    /// The files that it includes, as it names them, each with its place.
    pub fn includes(&self) -> impl Iterator<Item = (&str, Position)> {
        self.written
            .include
            .iter()
            .map(|name| (name.get_ref().as_str(), Position::of(&self.text, &name.span())))
    }

    /// Something that is wrong at a place of this file.
    pub(super) fn wrong(&self, span: &Range<usize>, problem: Problem) -> WorkflowError {
        error(&self.file, &self.text, span, problem)
    }
}

fn error(file: &str, text: &str, span: &Range<usize>, problem: Problem) -> WorkflowError {
    WorkflowError { file: file.to_owned(), at: Position::of(text, span), problem: Box::new(problem) }
}

/// The first key in the file that there is not.
fn unknown_key(top: &DeTable<'_>) -> Option<(Range<usize>, Problem)> {
    let table = |name: &str| top.get(name).and_then(|value| value.get_ref().as_table());
    let mut tables = vec![(top, TOP)];
    tables.extend(table("budget").map(|budget| (budget, BUDGET)));
    tables.extend(tables_in(table("tiers")).map(|tier| (tier, TIER)));
    for task in tables_in(table("task")) {
        tables.push((task, TASK));
        tables.extend(
            task.get("budget").and_then(|budget| budget.get_ref().as_table()).map(|budget| (budget, BUDGET)),
        );
    }
    let unknown = tables.iter().flat_map(|(table, known)| {
        table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).map(|key| (key, *known))
    });
    let (key, known) = unknown.min_by_key(|(key, _)| key.span().start)?;
    Some((key.span(), Problem::UnknownKey { key: key.get_ref().to_string(), known }))
}

fn tables_in<'t, 'i>(table: Option<&'t DeTable<'i>>) -> impl Iterator<Item = &'t DeTable<'i>> {
    table.into_iter().flat_map(|table| table.values()).filter_map(|value| match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    })
}
