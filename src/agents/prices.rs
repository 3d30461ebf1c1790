//! Prices as they are written: the table that comes with the program, and what people put in its place.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::domain::price::Price;
use crate::domain::price::Prices;
use crate::domain::price::Rates;
use crate::domain::usage::Money;

/// The table that comes with the program.
const TABLE: &str = include_str!("prices.toml");

/// The prices to count with, and where they are from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTable {
    /// The prices.
    pub prices: Prices,
    /// The day that the program's own table is of.
    pub dated: String,
    /// A person's own table, if there is one: its prices go before the program's.
    pub own: Option<PathBuf>,
}

/// A table of prices that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what a table of prices is.
    #[error("the prices in {} cannot be understood: {what}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
}

impl Explain for PriceError {
    fn hints(&self) -> Vec<String> {
        match self {
            PriceError::File(error) => error.hints(),
            PriceError::Bad { .. } => {
                vec!["write for example, in dollars a million tokens: [models] \"my-model\" = { input = 1.0, output = 4.0 }".to_owned()]
            }
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    #[serde(default)]
    dated: String,
    /// One price each, or several with the days since when.
    models: BTreeMap<String, toml::Value>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    since: Option<String>,
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    cache_write_hour: Option<f64>,
    long: Option<LongFile>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFile {
    above: u64,
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    cache_write_hour: Option<f64>,
}

impl PriceTable {
    /// The program's own table, and before it that of the person, if its file is there.
    ///
    /// # Errors
    /// When the person's table is there and cannot be read or understood: another price would be a false one.
    pub fn read(own: Option<&Path>) -> Result<PriceTable, PriceError> {
        let bad = |path: &Path, what: String| PriceError::Bad { path: path.to_owned(), what };
        let mut table = PriceTable::default();
        table.dated = table.add(TABLE).map_err(|what| bad(Path::new("the program's table"), what))?;
        let Some(path) = own else { return Ok(table) };
        if let Some(bytes) = atomic::read(path)? {
            let text = String::from_utf8(bytes).map_err(|_| bad(path, "it is not UTF-8".to_owned()))?;
            table.add(&text).map_err(|what| bad(path, what))?;
            table.own = Some(path.to_owned());
        }
        Ok(table)
    }

    fn add(&mut self, text: &str) -> Result<String, String> {
        let file: TableFile = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("line {}: {}", before.matches('\n').count() + 1, error.message())
        })?;
        for (model, prices) in file.models {
            let list = match prices {
                toml::Value::Array(list) => list,
                one => vec![one],
            };
            let mut prices = Vec::new();
            for price in list {
                let price: PriceFile = price
                    .try_into()
                    .map_err(|error: toml::de::Error| format!("`{model}`: {}", error.message()))?;
                prices.push(price.price().ok_or_else(|| format!("`{model}`: that is no price"))?);
            }
            if prices.is_empty() {
                return Err(format!("`{model}`: no price is given"));
            }
            self.prices.set(&model, prices);
        }
        Ok(file.dated)
    }
}

impl PriceFile {
    fn price(&self) -> Option<Price> {
        let since = match &self.since {
            Some(day) => Some(format!("{day}T00:00:00Z").parse::<Timestamp>().ok()?),
            None => None,
        };
        let rates = rates([
            Some(self.input),
            Some(self.output),
            self.cache_read,
            self.cache_write,
            self.cache_write_hour,
        ])?;
        let long = match &self.long {
            Some(long) => {
                let own = [
                    Some(long.input),
                    Some(long.output),
                    long.cache_read,
                    long.cache_write,
                    long.cache_write_hour,
                ];
                Some((long.above, self::rates(own)?))
            }
            None => None,
        };
        Some(Price { since, rates, long })
    }
}

/// Nothing when one of them is no price.
fn rates(dollars: [Option<f64>; 5]) -> Option<Rates> {
    let micros =
        |dollars: f64| Money::dollars(dollars).and_then(|money| u64::try_from(money.0 / 1_000_000).ok());
    let [input, output, cache_read, cache_write, cache_write_hour] = dollars;
    let (input, output) = (micros(input?)?, micros(output?)?);
    // No discount is made up where none is named.
    let or = |dollars: Option<f64>, other: u64| dollars.map_or(Some(other), micros);
    let cache_write = or(cache_write, input)?;
    Some(Rates {
        input,
        output,
        cache_read: or(cache_read, input)?,
        cache_write,
        cache_write_hour: or(cache_write_hour, cache_write)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Tokens;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn dollars(table: &PriceTable, model: &str, time: &str, tokens: Tokens) -> Option<f64> {
        Some(table.prices.of(model, at(time))?.cost(tokens).as_dollars())
    }

    const MILLION: Tokens = Tokens {
        input: 50_000,
        output: 1_000_000,
        cache_read: 0,
        cache_write: 0,
        cache_write_hour: 0,
        reasoning: 0,
    };

    #[test]
    fn the_table_of_the_program_can_be_read() {
        let table = PriceTable::read(None).unwrap();
        assert_eq!(table.dated, "2026-10-24");
        let now = "2026-11-24T00:00:00Z";
        assert_eq!(dollars(&table, "claude-opus-4-5-20251101", now, MILLION), Some(25.25));
        assert_eq!(dollars(&table, "gpt-5-codex", now, MILLION), Some(10.0625));
        let read = Tokens { cache_read: 1_000_000, ..Tokens::default() };
        assert_eq!(dollars(&table, "claude-sonnet-5-5", "2026-10-06T23:00:00Z", read), Some(0.2));
        assert_eq!(dollars(&table, "claude-sonnet-5-5", "2026-10-07T00:00:00Z", read), Some(0.1));
        assert_eq!(dollars(&table, "a-model-of-tomorrow", now, MILLION), None);
    }

    #[test]
    fn a_persons_own_prices_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        assert_eq!(PriceTable::read(Some(&path)).unwrap().own, None);
        atomic::put(
            &path,
            b"[models]\n\"gpt-5\" = { input = 0, output = 1 }\nmine = { input = 2, output = 3 }\n",
        )
        .unwrap();
        let table = PriceTable::read(Some(&path)).unwrap();
        assert_eq!(table.own.as_deref(), Some(&*path));
        let now = "2026-11-24T00:00:00Z";
        assert_eq!(dollars(&table, "gpt-5", now, MILLION), Some(1.0));
        let read = Tokens { cache_read: 500_000, ..Tokens::default() };
        assert_eq!(
            dollars(&table, "mine", now, read),
            Some(1.0),
            "what has no price of its own costs as input"
        );
        assert!(dollars(&table, "gpt-5-mini", now, MILLION).is_some());
    }

    #[test]
    fn a_table_that_is_none_is_no_empty_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        for text in [
            "[models",
            "[models]\nx = 3",
            "[models]\nx = { input = -1, output = 1 }",
            "[models]\nx = []",
            "[modles]\n",
        ] {
            atomic::put(&path, text.as_bytes()).unwrap();
            assert!(PriceTable::read(Some(&path)).is_err(), "{text}");
        }
    }
}
