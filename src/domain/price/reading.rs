//! Prices as people write them, in dollars for a million tokens, and what can be wrong with them at which place.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use super::Price;
use super::Rates;
use crate::base::clock::Timestamp;
use crate::base::text;
use crate::domain::usage::Money;
use crate::domain::written;

const RATES: [&str; 5] = ["input", "output", "cache_read", "cache_write", "cache_write_hour"];
const PRICE: &[&str] = &["since", "input", "output", "cache_read", "cache_write", "cache_write_hour", "long"];
const LONG: &[&str] = &["above", "input", "output", "cache_read", "cache_write", "cache_write_hour"];

/// What is wrong with a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is no table, nor a list of some.
    #[error("a price is a table with `input` and `output`, or a list of such tables")]
    NoTable,
    /// It has a key that there is not.
    #[error("unknown key `{}`", text::visible(.key.as_bytes()))]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// It lacks what every price has.
    #[error("the price lacks `{0}`")]
    Lacks(&'static str),
    /// A number that is none, or cannot be one of a price.
    #[error("that is no price")]
    NoPrice,
    /// A day that is none.
    #[error("that is not a day")]
    NoDay,
    /// A length of prompts that is none.
    #[error("that is not a number of tokens")]
    NoLength,
}

impl Wrong {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Wrong::UnknownKey { key, known } => written::name_hint(key, known, "keys here"),
            Wrong::NoTable | Wrong::Lacks(_) | Wrong::NoPrice => {
                "write for example, in dollars a million tokens: \"my-model\" = { input = 1.0, output = 4.0 }"
                    .to_owned()
            }
            Wrong::NoDay => "write for example: since = \"2026-11-24\"".to_owned(),
            Wrong::NoLength => "write for example: above = 200000".to_owned(),
        }
    }
}

/// Something wrong, and where.
pub type Misplaced = (Range<usize>, Wrong);

/// The prices of models: one table each, or several with the days since when.
///
/// # Errors
/// The first thing that is wrong.
pub fn models(table: &DeTable<'_>) -> Result<Vec<(String, Vec<Price>)>, Misplaced> {
    let mut models = Vec::with_capacity(table.len());
    for (name, written) in table {
        let wrong = |wrong| (written.span(), wrong);
        let prices = match written.get_ref() {
            DeValue::Table(one) => vec![price(one, &written.span())?],
            DeValue::Array(list) if !list.is_empty() => list
                .iter()
                .map(|one| match one.get_ref() {
                    DeValue::Table(table) => price(table, &one.span()),
                    _ => Err((one.span(), Wrong::NoTable)),
                })
                .collect::<Result<Vec<Price>, Misplaced>>()?,
            _ => return Err(wrong(Wrong::NoTable)),
        };
        models.push((name.get_ref().to_string(), prices));
    }
    Ok(models)
}

fn price(table: &DeTable<'_>, span: &Range<usize>) -> Result<Price, Misplaced> {
    check_keys(table, PRICE)?;
    let since = match table.get("since") {
        Some(day) => Some(since(day)?),
        None => None,
    };
    let long = match table.get("long") {
        None => None,
        Some(written) => {
            let DeValue::Table(long) = written.get_ref() else {
                return Err((written.span(), Wrong::NoTable));
            };
            check_keys(long, LONG)?;
            let above = long.get("above").ok_or((written.span(), Wrong::Lacks("above")))?;
            let tokens = match above.get_ref() {
                DeValue::Integer(tokens) => u64::from_str_radix(tokens.as_str(), tokens.radix()).ok(),
                _ => None,
            };
            let tokens = tokens.ok_or((above.span(), Wrong::NoLength))?;
            Some((tokens, rates(long, &written.span())?))
        }
    };
    Ok(Price { since, rates: rates(table, span)?, long })
}

fn check_keys(table: &DeTable<'_>, known: &'static [&'static str]) -> Result<(), Misplaced> {
    let unknown = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
    match unknown.min_by_key(|key| key.span().start) {
        Some(key) => Err((key.span(), Wrong::UnknownKey { key: key.get_ref().to_string(), known })),
        None => Ok(()),
    }
}

fn since(written: &Spanned<DeValue<'_>>) -> Result<Timestamp, Misplaced> {
    let day = written.get_ref().as_str().map(|day| format!("{day}T00:00:00Z"));
    day.and_then(|day| day.parse().ok()).ok_or((written.span(), Wrong::NoDay))
}

fn rates(table: &DeTable<'_>, span: &Range<usize>) -> Result<Rates, Misplaced> {
    let [input, output, cache_read, cache_write, cache_write_hour] = RATES.map(|name| table.get(name));
    let input = micros(input.ok_or((span.clone(), Wrong::Lacks("input")))?)?;
    let output = micros(output.ok_or((span.clone(), Wrong::Lacks("output")))?)?;
    // No discount is made up where none is named.
    let or = |written: Option<&Spanned<DeValue<'_>>>, other: u64| written.map_or(Ok(other), micros);
    let cache_write = or(cache_write, input)?;
    Ok(Rates {
        input,
        output,
        cache_read: or(cache_read, input)?,
        cache_write,
        cache_write_hour: or(cache_write_hour, cache_write)?,
    })
}

/// Dollars as millionths of them.
fn micros(written: &Spanned<DeValue<'_>>) -> Result<u64, Misplaced> {
    let dollars: Option<f64> = match written.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    };
    let money = dollars.and_then(Money::dollars);
    money.map(Money::as_micros).ok_or((written.span(), Wrong::NoPrice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Vec<Price>)>, String> {
        let table = DeTable::parse(text).unwrap();
        models(table.get_ref()).map_err(|(span, wrong)| format!("{}: {wrong}; {}", &text[span], wrong.hint()))
    }

    #[test]
    fn what_is_written_is_a_price() {
        let read = read("a = { input = 3, output = 1_5.5, long = { above = 200_000, input = 6, output = 30 } }\n[[b]]\ninput = 1\noutput = 2\ncache_write = 0.5\n[[b]]\nsince = '2026-10-07'\ninput = 1\noutput = 1\n").unwrap();
        let (name, a) = &read[0];
        assert_eq!((name.as_str(), a[0].rates.input, a[0].rates.output), ("a", 3_000_000, 15_500_000));
        assert_eq!(a[0].rates.cache_read, 3_000_000, "what has no price of its own costs as input");
        let (above, long) = a[0].long.unwrap();
        assert_eq!((above, long.output), (200_000, 30_000_000));
        let (_, b) = &read[1];
        assert_eq!(b[0].rates.cache_write_hour, 500_000);
        assert_eq!(b[1].since.unwrap().to_string(), "2026-10-07T00:00:00Z");
    }

    #[test]
    fn what_is_no_price_is_told_at_its_place() {
        let wrong = |text: &str| read(text).unwrap_err();
        assert_eq!(
            wrong("a = { inptu = 1, output = 1 }"),
            "inptu: unknown key `inptu`; did you mean `input`?"
        );
        let example =
            "write for example, in dollars a million tokens: \"my-model\" = { input = 1.0, output = 4.0 }";
        assert_eq!(
            wrong("a = { input = 1 }"),
            format!("{{ input = 1 }}: the price lacks `output`; {example}")
        );
        for value in ["-1", "'1'", "nan", "inf", "1e300", "true"] {
            let found = wrong(&format!("a = {{ input = {value}, output = 1 }}"));
            assert_eq!(found, format!("{value}: that is no price; {example}"));
        }
        assert!(wrong("a = 3").starts_with("3: a price is a table"));
        assert!(wrong("a = []").starts_with("[]: a price is a table"));
        assert!(wrong("a = [{ input = 1, output = 1 }, 4]").starts_with("4: a price is a table"));
        assert!(
            wrong("a = { since = 'x', input = 1, output = 1 }").starts_with("'x': that is not a day; write")
        );
        assert!(
            wrong("a = { input = 1, output = 1, long = { above = -1, input = 1, output = 1 } }")
                .starts_with("-1: that is not a number of tokens")
        );
    }
}
