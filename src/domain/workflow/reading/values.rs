//! Single values of a workflow's file: commands, numbers, budgets.

use std::time::Duration;

use toml::Spanned;
use toml::Value;

use super::super::error::Problem;
use super::super::error::WorkflowError;
use super::super::file::BudgetFile;
use super::super::file::Sheet;
use crate::domain::budget::Limit;
use crate::domain::policy;
use crate::domain::policy::BadCommand;

/// A command as words.
///
/// # Errors
/// When it is none, or only a shell could run it.
pub fn words(sheet: &Sheet, written: &Spanned<Value>) -> Result<Vec<String>, WorkflowError> {
    let wrong = |problem| sheet.wrong(&written.span(), problem);
    match written.get_ref() {
        Value::String(command) => {
            policy::words(command).map_err(|reason| wrong(Problem::Command(command.clone(), reason)))
        }
        Value::Array(list) if list.iter().all(Value::is_str) => {
            let words: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            match words.first() {
                Some(first) if !first.is_empty() => Ok(words),
                _ => Err(wrong(Problem::Command(String::new(), BadCommand::Empty))),
            }
        }
        _ => Err(wrong(Problem::Type("a command is a string or an array of its words"))),
    }
}

/// What something may cost.
///
/// # Errors
/// When an amount is none.
pub fn budget(sheet: &Sheet, written: Option<&BudgetFile>) -> Result<Limit, WorkflowError> {
    let Some(written) = written else { return Ok(Limit::default()) };
    let most = u64::from(u32::MAX) * 1_000;
    let tokens =
        written.tokens.as_ref().map(|tokens| within(sheet, tokens, "tokens", 0, most)).transpose()?;
    let minutes =
        amount(sheet, written.minutes.as_ref(), 525_600.0, "minutes are a number from 0 to 525600")?;
    let money = amount(
        sheet,
        written.money.as_ref(),
        1_000_000.0,
        "money is a number of US dollars from 0 to 1000000",
    )?;
    // Rounded to a millionth; a million dollars has 12 digits, which a float holds.
    let micros = money.map(|money| (money * 1_000_000.0).round() as u64);
    Ok(Limit { tokens, micros, time: minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0)) })
}

/// A number that may have a fraction.
fn amount(
    sheet: &Sheet,
    written: Option<&Spanned<Value>>,
    most: f64,
    wanted: &'static str,
) -> Result<Option<f64>, WorkflowError> {
    let Some(written) = written else { return Ok(None) };
    let amount = match written.get_ref() {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(amount) => Some(*amount),
        _ => None,
    };
    match amount.filter(|amount| (0.0..=most).contains(amount)) {
        Some(amount) => Ok(Some(amount)),
        None => Err(sheet.wrong(&written.span(), Problem::Type(wanted))),
    }
}

/// A whole number between two others.
///
/// # Errors
/// When it is not.
pub fn within(
    sheet: &Sheet,
    number: &Spanned<i64>,
    what: &'static str,
    least: u64,
    most: u64,
) -> Result<u64, WorkflowError> {
    match u64::try_from(*number.get_ref()) {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => {
            let found = number.get_ref().to_string();
            Err(sheet.wrong(&number.span(), Problem::Range { what, least, most, found }))
        }
    }
}
