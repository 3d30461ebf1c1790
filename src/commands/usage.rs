//! `usage`: what was used of the models, by task, agent, model, tier, day or outcome, and what it cost.

pub mod limits;
mod screen;

use std::collections::HashMap;

use crate::agents::receiver::Receiver;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::domain::episode::Fate;
use crate::domain::episode::Grant;
use crate::domain::task::TaskName;
use crate::domain::usage::Spent;

use super::Context;
use super::Outcome;
use super::accounts;
use super::accounts::Accounts;
use super::accounts::Charge;
use super::accounts::Owner;
use super::session::Session;

/// Show what agents have used of their models: tokens and money, whose work it was, and what became of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Usage {
    /// What each row is about
    #[arg(long, value_enum, default_value_t = By::Task)]
    pub by: By,
    /// Only this task
    #[arg(long, add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// Only from this day on, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<String>,
    /// Count work in other repositories too
    #[arg(long, conflicts_with = "task")]
    pub everywhere: bool,
    /// Answer with comma-separated values
    #[arg(long)]
    pub csv: bool,
    /// Say how what was used stands to the policy's limits, those of a task and its holder too
    #[arg(long, value_name = "TASK", num_args = 0..=1, conflicts_with_all = ["task", "since", "everywhere", "csv"])]
    pub budget: Option<Option<TaskName>>,
    /// Receive OpenTelemetry metrics at a port of this machine, until Ctrl-C [default port: 4318]
    #[arg(
        long,
        value_name = "PORT",
        num_args = 0..=1,
        default_missing_value = "4318",
        conflicts_with_all = ["task", "since", "everywhere", "csv", "budget"]
    )]
    pub listen: Option<u16>,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// A task
    Task,
    /// A holder
    Agent,
    /// A model
    Model,
    /// A tier of models, as the ledger tells it
    Tier,
    /// A day, in UTC
    Day,
    /// What became of the work
    Outcome,
}

impl By {
    fn heading(self) -> &'static str {
        match self {
            By::Task => "TASK",
            By::Agent => "AGENT",
            By::Model => "MODEL",
            By::Tier => "TIER",
            By::Day => "DAY",
            By::Outcome => "OUTCOME",
        }
    }
}

/// One row of the account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// What it is about.
    pub name: String,
    /// What was used.
    #[serde(flatten)]
    pub spent: Spent,
    /// What became of the task, if the row is about one: of its last life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Fate>,
}

/// The whole account.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
struct Account {
    by: By,
    rows: Vec<Row>,
    total: Spent,
    /// The part of the total whose work was given up, does not merge, or was begun anew.
    waste: Spent,
    /// What was used in other repositories, where that is not in the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<Spent>,
    /// The models in the total that have no price.
    unpriced_models: Vec<String>,
    /// The day of the table of prices.
    prices_dated: String,
    /// The person's own table of prices, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_prices: Option<String>,
    /// Where the prices are from, in words.
    #[serde(skip)]
    sources: String,
    /// What is missing, or may be.
    doubts: Vec<String>,
}

/// A day that is none.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a day", crate::base::text::visible(.0.as_bytes()))]
struct BadDay(String);

impl Explain for BadDay {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["write it as in: --since 2026-11-24".to_owned()]
    }
}

impl Usage {
    /// Reads what is new, and sums up.
    ///
    /// # Errors
    /// When the ledger, the index or the prices cannot be read.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let since = self.since.as_deref().map(day).transpose()?;
        let session = Session::open(context)?;
        if let Some(port) = self.listen {
            return listen(&session, context, port);
        }
        let mut accounts = Accounts::open(&session, context)?;
        if let Some(task) = &self.budget {
            return limits::outcome(&session, &accounts, task.as_ref());
        }
        let mut doubts = accounts.doubts();
        doubts.extend(accounts.find_conflicts()?);
        let account = self.account(&accounts, since, doubts);
        let page = if self.csv { screen::csv(&account) } else { screen::page(&account) };
        Ok(Outcome::new(page, &account))
    }

    fn account(&self, accounts: &Accounts<'_>, since: Option<Timestamp>, doubts: Vec<String>) -> Account {
        let mut sums: HashMap<Group<'_>, Spent> = HashMap::new();
        // One call after the other is mostly of the same group.
        let mut last: Option<(Group<'_>, Spent)> = None;
        let (mut total, mut waste, mut elsewhere) = (Spent::default(), Spent::default(), Spent::default());
        let mut unpriced: HashMap<&str, ()> = HashMap::new();
        accounts.each(|charge| {
            if since.is_some_and(|since| charge.at < since) {
                return;
            }
            match charge.owner {
                Owner::Elsewhere if !self.everywhere => {
                    elsewhere += charge.spent;
                    return;
                }
                Owner::Task(task, _) if self.task.as_ref().is_none_or(|wanted| wanted == task) => {}
                _ if self.task.is_some() => return,
                _ => {}
            }
            if charge.spent.unpriced > 0 {
                unpriced.insert(charge.model, ());
            }
            if fate(&charge).is_some_and(Fate::is_waste) {
                waste += charge.spent;
            }
            total += charge.spent;
            let group = self.by.group(&charge);
            match &mut last {
                Some((same, sum)) if *same == group => *sum += charge.spent,
                _ => {
                    if let Some((group, sum)) = last.replace((group, charge.spent)) {
                        *sums.entry(group).or_default() += sum;
                    }
                }
            }
        });
        if let Some((group, sum)) = last {
            *sums.entry(group).or_default() += sum;
        }
        let mut rows: HashMap<String, Row> = HashMap::new();
        for (group, spent) in sums {
            let (name, outcome) = group.named(accounts);
            let row = rows.entry(name.clone()).or_insert(Row { name, spent: Spent::default(), outcome });
            row.spent += spent;
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        match self.by {
            By::Day => rows.sort_by(|one, other| one.name.cmp(&other.name)),
            _ => rows.sort_by(|one, other| {
                let order = |row: &Row| (row.spent.money, row.spent.tokens.total());
                order(other).cmp(&order(one)).then_with(|| one.name.cmp(&other.name))
            }),
        }
        let mut unpriced: Vec<String> = unpriced.into_keys().map(model_name).collect();
        unpriced.sort();
        Account {
            by: self.by,
            rows,
            total,
            waste,
            elsewhere: (!self.everywhere && self.task.is_none()).then_some(elsewhere),
            unpriced_models: unpriced,
            prices_dated: accounts.table.dated.clone(),
            own_prices: accounts.table.own.as_ref().map(|path| path.display().to_string()),
            sources: accounts.table.sources(),
            doubts,
        }
    }
}

/// Receives until the process is stopped. What was received by then is kept.
fn listen(session: &Session, context: &Context<'_>, port: u16) -> Result<Outcome, Failure> {
    let receiver = Receiver::open(port, &accounts::metrics_of(session))?;
    let endpoint = receiver.endpoint();
    let shown = match context.json {
        true => serde_json::json!({ "endpoint": endpoint }).to_string(),
        false => format!("listening at {endpoint}"),
    };
    let note = "an agent sends here with OTEL_EXPORTER_OTLP_PROTOCOL=http/json and this address as \
                OTEL_EXPORTER_OTLP_METRICS_ENDPOINT; OTEL_RESOURCE_ATTRIBUTES=odyssey.workspace=\"$PWD\" tells whose work it is; \
                Ctrl-C ends it";
    context.monitor.note(note);
    context.monitor.line(&shown)?;
    receiver.receive()?;
    let mut outcome = Outcome::new(Page::default(), &serde_json::Value::Null);
    outcome.given = true;
    Ok(outcome)
}

/// What charges are summed up by, before it has a name to show: many charges have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Group<'a> {
    Nobody,
    Elsewhere,
    Task(&'a TaskName),
    /// The grant of a task, by the number of its event.
    Grant(&'a TaskName, usize),
    /// A task of which the ledger tells nothing.
    Unknown,
    Text(&'a str),
    Day(i64),
    Fate(Fate),
}

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

impl By {
    fn group<'a>(self, charge: &Charge<'a>) -> Group<'a> {
        match (self, charge.owner) {
            (By::Model, _) => Group::Text(charge.model),
            (By::Day, _) => Group::Day(charge.at.as_second().div_euclid(SECONDS_OF_A_DAY)),
            (_, Owner::Elsewhere) => Group::Elsewhere,
            (_, Owner::NoTask) => Group::Nobody,
            (By::Task, Owner::Task(task, _)) => Group::Task(task),
            (_, Owner::Task(_, None)) => Group::Unknown,
            (By::Agent, Owner::Task(task, Some((_, grant)))) => Group::Grant(task, grant.event),
            (By::Tier, Owner::Task(_, Some((life, _)))) => Group::Text(life.tier.as_deref().unwrap_or(NONE)),
            (By::Outcome, Owner::Task(_, Some((life, _)))) => Group::Fate(life.fate),
        }
    }
}

/// What stands where the ledger names no tier.
const NONE: &str = "(none)";

impl Group<'_> {
    fn named(self, accounts: &Accounts<'_>) -> (String, Option<Fate>) {
        let name = match self {
            Group::Nobody => "(no task)".to_owned(),
            Group::Elsewhere => "(elsewhere)".to_owned(),
            Group::Unknown => "(unknown)".to_owned(),
            Group::Text(text) => model_name(text),
            Group::Fate(fate) => fate.name().to_owned(),
            Group::Task(task) => {
                return (task.to_string(), accounts.episodes.lives(task).last().map(|life| life.fate));
            }
            Group::Grant(task, event) => {
                let lives = accounts.episodes.lives(task).iter();
                let grant: Option<&Grant> =
                    lives.flat_map(|life| &life.grants).find(|grant| grant.event == event);
                let holder = grant.and_then(|grant| accounts.holder(task, grant));
                holder.map_or("(unknown)".to_owned(), |holder| holder.to_string())
            }
            Group::Day(day) => {
                let begun = Timestamp::from_second(day * SECONDS_OF_A_DAY).unwrap_or_default().to_string();
                begun.split_once('T').map_or(begun.clone(), |(day, _)| day.to_owned())
            }
        };
        (name, None)
    }
}

fn model_name(model: &str) -> String {
    if model.is_empty() { "(no name)".to_owned() } else { model.to_owned() }
}

fn fate(charge: &Charge<'_>) -> Option<Fate> {
    match charge.owner {
        Owner::Task(_, Some((life, _))) => Some(life.fate),
        Owner::Task(_, None) | Owner::NoTask | Owner::Elsewhere => None,
    }
}

fn day(text: &str) -> Result<Timestamp, BadDay> {
    format!("{text}T00:00:00Z").parse().map_err(|_| BadDay(text.to_owned()))
}
