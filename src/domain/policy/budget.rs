//! The `[budget]` part of the policy: how much may be used.

use std::time::Duration;

use toml::Spanned;

use super::error::PolicyError;
use super::error::Problem;
use super::file::Reading;
use crate::base::text;
use crate::domain::budget::Budget;
use crate::domain::budget::GRACE;
use crate::domain::budget::Limit;
use crate::domain::budget::SOFT;
use crate::domain::usage::Money;

/// The longest time that an agent may have to stop by itself: it goes on costing.
const LONGEST_GRACE: Duration = Duration::from_secs(60 * 60);

/// The table as it is written.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct BudgetFile {
    soft: Option<Spanned<u64>>,
    grace: Option<Spanned<String>>,
    day: Option<LimitFile>,
    month: Option<LimitFile>,
    agent: Option<LimitFile>,
    task: Option<LimitFile>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `tokens` or `usd`")]
struct LimitFile {
    tokens: Option<u64>,
    usd: Option<Spanned<f64>>,
}

impl Reading<'_> {
    /// The limits.
    pub(super) fn budget(&mut self, file: BudgetFile) -> Result<Budget, PolicyError> {
        let percent = |soft: &u64| match u8::try_from(*soft) {
            Ok(soft) if (1..=100).contains(&soft) => Ok(soft),
            _ => Err(Problem::Percent(*soft)),
        };
        let limit = |file: Option<LimitFile>| -> Result<Limit, PolicyError> {
            let Some(file) = file else { return Ok(Limit::default()) };
            let money = |usd: &f64| Money::dollars(*usd).ok_or(Problem::Money);
            let money = file.usd.map(|usd| self.checked(&usd, money)).transpose()?;
            Ok(Limit { tokens: file.tokens, micros: money.map(Money::as_micros), time: None })
        };
        let grace = |written: &String| match text::parse_duration(written) {
            _ if written.trim() == "0s" => Ok(Duration::ZERO),
            Ok(grace) if grace <= LONGEST_GRACE => Ok(grace),
            Ok(_) => Err(Problem::Grace(written.clone())),
            Err(error) => Err(Problem::Duration(error)),
        };
        Ok(Budget {
            grace: file.grace.map_or(Ok(GRACE), |written| self.checked(&written, grace))?,
            soft: file.soft.map_or(Ok(SOFT), |soft| self.checked(&soft, percent))?,
            day: limit(file.day)?,
            month: limit(file.month)?,
            agent: limit(file.agent)?,
            task: limit(file.task)?,
        })
    }
}
