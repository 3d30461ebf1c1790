//! Budgets: how much something may cost, and how what it has cost stands to that.
//!
//! At the soft limit an agent is told to finish, at the hard one it is stopped. Who tells and who stops is for others.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::civil::Time;
use jiff::tz::Offset;
use serde::Serialize;

use super::usage;
use super::usage::Money;
use crate::base::clock::Timestamp;
use crate::base::text;

/// What something may cost. What is not named has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Limit {
    /// Tokens of all kinds together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// Time of agents at work.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub time: Option<Duration>,
}

fn seconds<S: serde::Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(serializer)
}

/// What something has cost so far, as far as a limit can be held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    /// Tokens of all kinds together.
    #[serde(default)]
    pub tokens: u64,
    /// Money in millionths of a US dollar, as far as the models have a price.
    #[serde(default)]
    pub micros: u64,
    /// How many of the tokens have no known price.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unpriced: u64,
    /// Seconds of agents at work.
    #[serde(default)]
    pub seconds: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl From<usage::Spent> for Spent {
    fn from(row: usage::Spent) -> Spent {
        Spent {
            tokens: row.tokens.total(),
            micros: row.money.as_micros(),
            unpriced: row.unpriced,
            seconds: 0,
        }
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Spent) {
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.micros = self.micros.saturating_add(more.micros);
        self.unpriced = self.unpriced.saturating_add(more.unpriced);
        self.seconds = self.seconds.saturating_add(more.seconds);
    }
}

/// The limits of a repository; what has none is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// All work of a day, in UTC.
    pub day: Limit,
    /// All work of a month, in UTC.
    pub month: Limit,
    /// All work of one holder, in a day.
    pub agent: Limit,
    /// All work of one life of a task.
    pub task: Limit,
    /// At how many of a hundred of a limit an agent is told to finish.
    pub soft: u8,
    /// How long an agent that is at a limit may go on without tools before it is ended.
    pub grace: Duration,
}

/// Where the soft limit is, unless the policy says otherwise.
pub const SOFT: u8 = 80;

/// How long an agent at a limit is waited for, unless the policy says otherwise.
pub const GRACE: Duration = Duration::from_secs(20);

impl Default for Budget {
    fn default() -> Budget {
        let free = Limit::default();
        Budget { day: free, month: free, agent: free, task: free, soft: SOFT, grace: GRACE }
    }
}

impl Budget {
    /// Whether nothing has a limit.
    pub fn is_free(&self) -> bool {
        [self.day, self.month, self.agent, self.task].iter().all(|limit| *limit == Limit::default())
    }
}

/// How what was used stands to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// There is enough left.
    Ok,
    /// It is time to finish.
    Soft,
    /// All of it is used.
    Hard,
}

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// Tokens of all kinds together.
    Tokens,
    /// Money.
    Money,
    /// Time of agents at work.
    Minutes,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Thing::Tokens => "tokens",
            Thing::Money => "money",
            Thing::Minutes => "minutes",
        })
    }
}

impl Limit {
    /// How what was spent stands to it.
    pub fn standing(&self, spent: Spent, soft: u8) -> Standing {
        self.nearest(spent, soft).0
    }

    /// As [`Limit::standing`], and what is the nearest to its end. Tokens without a price cannot be held against money: where
    /// there are some, money is at its soft limit at least, because nobody can tell.
    pub fn nearest(&self, spent: Spent, soft: u8) -> (Standing, Thing) {
        let of = |limit: Option<u64>, used: u64| {
            let Some(limit) = limit else { return Standing::Ok };
            if used >= limit {
                Standing::Hard
            } else if u128::from(used) * 100 >= u128::from(limit) * u128::from(soft) {
                Standing::Soft
            } else {
                Standing::Ok
            }
        };
        let doubt = if self.micros.is_some() && spent.unpriced > 0 { Standing::Soft } else { Standing::Ok };
        let all = [
            (of(self.time.map(|time| time.as_secs()), spent.seconds), Thing::Minutes),
            (of(self.micros, spent.micros).max(doubt), Thing::Money),
            (of(self.tokens, spent.tokens), Thing::Tokens),
        ];
        all.into_iter().max_by_key(|(standing, _)| *standing).unwrap_or((Standing::Ok, Thing::Tokens))
    }

    /// Whether it limits what only the accounts can tell.
    pub fn is_counted(&self) -> bool {
        self.tokens.is_some() || self.micros.is_some()
    }

    /// What was spent of one thing, as people say it: `900 of 1000 tokens`.
    pub fn in_words(&self, thing: Thing, spent: Spent) -> String {
        match thing {
            Thing::Tokens => format!("{} of {} tokens", spent.tokens, self.tokens.unwrap_or_default()),
            Thing::Money => {
                let limit = Money::micros(self.micros.unwrap_or_default());
                let doubt = match spent.unpriced {
                    0 => String::new(),
                    tokens => format!(", and {tokens} tokens without a price"),
                };
                format!("{} of {limit}{doubt}", Money::micros(spent.micros))
            }
            Thing::Minutes => {
                let limit = text::duration(self.time.unwrap_or_default());
                format!("{} of {limit}", text::duration(Duration::from_secs(spent.seconds)))
            }
        }
    }
}

/// The day and the month that an instant is in, in UTC, and when the next ones begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// When the day began.
    pub day: Timestamp,
    /// When the next one begins.
    pub next_day: Timestamp,
    /// When the month began.
    pub month: Timestamp,
    /// When the next one begins.
    pub next_month: Timestamp,
}

impl Periods {
    /// Those of an instant.
    pub fn of(now: Timestamp) -> Periods {
        let begin = |date: Date| Offset::UTC.to_timestamp(date.to_datetime(Time::midnight())).unwrap_or(now);
        let today = Offset::UTC.to_datetime(now).date();
        // At the end of all time there is no next one.
        let after = |date: Date| date.tomorrow().map_or(Timestamp::MAX, begin);
        Periods {
            day: begin(today),
            next_day: after(today),
            month: begin(today.first_of_month()),
            next_month: after(today.last_of_month()),
        }
    }
}

/// Whose limit it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A task's, as its workflow says.
    Task,
    /// A whole workflow's.
    Workflow,
    /// That of every task, as the policy says.
    EachTask,
    /// A holder's, for a day.
    Agent(String),
    /// The day's.
    Day,
    /// The month's.
    Month,
}

impl Scope {
    /// A budget of its, as people say it.
    fn budget(&self, thing: Thing) -> String {
        match self {
            Scope::Task => format!("its budget of {thing}"),
            Scope::Workflow => format!("the workflow's budget of {thing}"),
            Scope::EachTask => format!("its budget of {thing} in odyssey.toml"),
            Scope::Agent(holder) => format!("today's budget of {thing} for {holder}"),
            Scope::Day => format!("today's budget of {thing}"),
            Scope::Month => format!("this month's budget of {thing}"),
        }
    }
}

/// A limit that has little left, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// How it stands.
    pub standing: Standing,
    /// Whose limit it is.
    pub scope: Scope,
    /// Of what.
    pub thing: Thing,
    /// How much was used of how much.
    pub used: String,
    /// When it begins anew, if it does.
    pub until: Option<Timestamp>,
}

impl Reached {
    /// How spending stands to a limit; nothing when there is enough left.
    pub fn of(
        scope: Scope,
        limit: &Limit,
        spent: Spent,
        soft: u8,
        until: Option<Timestamp>,
    ) -> Option<Reached> {
        let (standing, thing) = limit.nearest(spent, soft);
        let used = limit.in_words(thing, spent);
        (standing > Standing::Ok).then_some(Reached { standing, scope, thing, used, until })
    }

    /// What tells it from others.
    pub fn name(&self) -> String {
        match &self.scope {
            Scope::Task => self.thing.to_string(),
            Scope::Workflow => format!("{} (the workflow's)", self.thing),
            Scope::EachTask => format!("{} (by odyssey.toml)", self.thing),
            Scope::Agent(holder) => format!("{} (today's, for {holder})", self.thing),
            Scope::Day => format!("{} (today's)", self.thing),
            Scope::Month => format!("{} (this month's)", self.thing),
        }
    }

    /// Why somebody is stopped by it.
    pub fn why(&self) -> String {
        let until = self.until.map_or(String::new(), |until| format!(", and nothing begins until {until}"));
        format!("{} is spent: {}{until}", self.scope.budget(self.thing), self.used)
    }

    /// What an agent is told.
    pub fn told(&self) -> String {
        match self.standing {
            Standing::Hard => format!(
                "{}\nCommit nothing more and stop: your work is kept and the task is parked.",
                self.why()
            ),
            Standing::Ok | Standing::Soft => format!(
                "Little is left of {}: {} are used.\nFinish what you are at and commit it now. At the limit no tool runs any \
                 more, and the task is parked.",
                self.scope.budget(self.thing),
                self.used
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(tokens: u64, micros: u64) -> Spent {
        Spent { tokens, micros, unpriced: 0, seconds: 1 << 40 }
    }

    #[test]
    fn a_limit_is_reached_and_not_only_passed() {
        let limit = Limit { tokens: Some(100), ..Limit::default() };
        let standing = |tokens| limit.standing(used(tokens, 0), 80);
        assert_eq!([0, 79, 80, 99, 100, 101].map(standing), {
            use Standing::{Hard, Ok, Soft};
            [Ok, Ok, Soft, Soft, Hard, Hard]
        });
    }

    #[test]
    fn the_nearer_of_two_limits_counts() {
        let limit = Limit { tokens: Some(1000), micros: Some(1_000_000), time: None };
        assert_eq!(limit.nearest(used(10, 1_000_000), 80), (Standing::Hard, Thing::Money));
        assert_eq!(limit.nearest(used(900, 100_000), 80), (Standing::Soft, Thing::Tokens));
        assert_eq!(limit.standing(used(10, 100_000), 80), Standing::Ok);
        assert_eq!(Limit::default().standing(used(u64::MAX, u64::MAX), 80), Standing::Ok);
        let time = Limit { time: Some(Duration::from_secs(90)), ..Limit::default() };
        assert_eq!(time.nearest(used(0, 0), 80), (Standing::Hard, Thing::Minutes));
    }

    #[test]
    fn what_has_no_price_cannot_be_said_to_be_within_a_limit_of_money() {
        let limit = Limit { micros: Some(1_000_000), ..Limit::default() };
        let unpriced = Spent { unpriced: 10, ..used(10, 0) };
        assert_eq!(limit.nearest(unpriced, 80), (Standing::Soft, Thing::Money));
        assert_eq!(limit.in_words(Thing::Money, unpriced), "$0.0000 of $1.00, and 10 tokens without a price");
        assert_eq!(Limit::default().standing(unpriced, 80), Standing::Ok);
    }

    #[test]
    fn a_limit_of_nothing_is_reached_at_once() {
        let limit = Limit { tokens: Some(0), ..Limit::default() };
        assert_eq!(limit.standing(Spent::default(), 80), Standing::Hard);
    }

    #[test]
    fn a_month_ends_with_its_last_day_and_a_day_at_midnight() {
        let periods = |now: &str| {
            let periods = Periods::of(now.parse().unwrap());
            [periods.day, periods.next_day, periods.month, periods.next_month].map(|at| at.to_string())
        };
        assert_eq!(
            periods("2026-12-31T23:59:59Z"),
            ["2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]
        );
        assert_eq!(
            periods("2028-02-01T00:00:00Z"),
            ["2028-02-01T00:00:00Z", "2028-02-02T00:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"]
        );
    }

    #[test]
    fn a_limit_that_is_reached_says_whose_it_is_and_until_when() {
        let limit = Limit { tokens: Some(1000), ..Limit::default() };
        let until = Some(Periods::of("2026-11-24T10:00:00Z".parse().unwrap()).next_day);
        let of = |scope, tokens, until| Reached::of(scope, &limit, used(tokens, 0), 80, until);
        assert_eq!(of(Scope::Day, 10, until), None);
        let soft = of(Scope::Agent("claude-1".to_owned()), 800, until).unwrap();
        assert_eq!(
            soft.told().lines().next(),
            Some("Little is left of today's budget of tokens for claude-1: 800 of 1000 tokens are used.")
        );
        assert_eq!(
            of(Scope::Day, 1200, until).unwrap().why(),
            "today's budget of tokens is spent: 1200 of 1000 tokens, and nothing begins until 2026-11-25T00:00:00Z"
        );
        assert_eq!(
            of(Scope::Task, 1000, None).unwrap().why(),
            "its budget of tokens is spent: 1000 of 1000 tokens"
        );
    }
}
