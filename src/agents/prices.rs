//! Prices as they are written: the table that comes with the program, and what people put in its place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use toml::de::DeTable;
use toml::de::DeValue;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::text;
use crate::domain::price::Price;
use crate::domain::price::Prices;
use crate::domain::price::reading;
use crate::domain::written;
use crate::domain::written::Position;

/// The table that comes with the program.
const TABLE: &str = include_str!("prices.toml");

/// The prices to count with, and where they are from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTable {
    /// The prices.
    pub prices: Prices,
    /// The day that the program's own table is of.
    pub dated: String,
    /// Whether the policy has prices, which go before the program's.
    pub has_policy: bool,
    /// A person's own table, if there is one: its prices go before all others.
    pub own: Option<PathBuf>,
}

/// A table of prices that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no text.
    #[error("the prices in {} are not UTF-8", .0.display())]
    Text(PathBuf),
    /// It is not what a table of prices is.
    #[error("the prices in {}:{at} cannot be understood: {what}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        at: Position,
        /// What is wrong.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Explain for PriceError {
    fn hints(&self) -> Vec<String> {
        match self {
            PriceError::File(error) => error.hints(),
            PriceError::Text(_) => Vec::new(),
            PriceError::Bad { hint, .. } => hint.iter().cloned().collect(),
        }
    }
}

const KEYS: &[&str] = &["dated", "models"];

impl PriceTable {
    /// The program's own table; before it what the repository's policy says, and before that the person's, if its file is there.
    ///
    /// # Errors
    /// When the person's table is there and cannot be read or understood: another price would be a false one.
    pub fn read(own: Option<&Path>, policy: &BTreeMap<String, Vec<Price>>) -> Result<PriceTable, PriceError> {
        let mut table = PriceTable::default();
        table.dated = table.add(Path::new("the program's table"), TABLE)?;
        for (model, prices) in policy {
            table.prices.set(model, prices.clone());
        }
        table.has_policy = !policy.is_empty();
        let Some(path) = own else { return Ok(table) };
        if let Some(bytes) = atomic::read(path)? {
            let text = String::from_utf8(bytes).map_err(|_| PriceError::Text(path.to_owned()))?;
            table.add(path, &text)?;
            table.own = Some(path.to_owned());
        }
        Ok(table)
    }

    /// Where the prices are from, in words.
    pub fn sources(&self) -> String {
        let mut words = format!("list prices as of {}", self.dated);
        let own = self.own.as_ref().map(|path| format!("your own in {}", path.display()));
        match (self.has_policy, own) {
            (false, None) => {}
            (true, None) => words.push_str(", and those of odyssey.toml"),
            (false, Some(own)) => words.push_str(&format!(", and {own}")),
            (true, Some(own)) => words.push_str(&format!(", those of odyssey.toml, and {own}")),
        }
        words
    }

    /// Adds a table's prices. Answers the day that it is of.
    fn add(&mut self, path: &Path, text: &str) -> Result<String, PriceError> {
        let bad = |span: &Range<usize>, what: String, hint: Option<String>| PriceError::Bad {
            path: path.to_owned(),
            at: Position::of(text, span),
            what,
            hint,
        };
        let file = DeTable::parse(text)
            .map_err(|error| bad(&error.span().unwrap_or_default(), error.message().to_owned(), None))?;
        let file = file.get_ref();
        if let Some(key) = file.keys().find(|key| !KEYS.contains(&key.get_ref().as_ref())) {
            let name = text::visible(key.get_ref().as_bytes());
            let hint = written::name_hint(&name, KEYS, "keys here");
            return Err(bad(&key.span(), format!("unknown key `{name}`"), Some(hint)));
        }
        let models =
            file.get("models").ok_or_else(|| bad(&(0..0), "`[models]` is missing".to_owned(), None))?;
        let DeValue::Table(models) = models.get_ref() else {
            return Err(bad(&models.span(), "`models` is no table".to_owned(), None));
        };
        let models = reading::models(models)
            .map_err(|(span, wrong)| bad(&span, wrong.to_string(), Some(wrong.hint())))?;
        for (model, prices) in models {
            self.prices.set(&model, prices);
        }
        Ok(file.get("dated").and_then(|day| day.get_ref().as_str()).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
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
        let table = PriceTable::read(None, &BTreeMap::new()).unwrap();
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
        assert_eq!(PriceTable::read(Some(&path), &BTreeMap::new()).unwrap().own, None);
        atomic::put(
            &path,
            b"[models]\n\"gpt-5\" = { input = 0, output = 1 }\nmine = { input = 2, output = 3 }\n",
        )
        .unwrap();
        let table = PriceTable::read(Some(&path), &BTreeMap::new()).unwrap();
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
    fn the_policys_prices_go_before_the_programs_and_behind_the_persons() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        let prices = |text: &str| reading::models(DeTable::parse(text).unwrap().get_ref()).unwrap();
        let policy =
            prices("'gpt-5' = { input = 0, output = 7 }\nmine = { input = 0, output = 8 }").into_iter();
        let policy: BTreeMap<String, Vec<Price>> = policy.collect();
        atomic::put(&path, b"[models]\nmine = { input = 0, output = 9 }\n").unwrap();
        let now = "2026-11-24T00:00:00Z";
        let table = PriceTable::read(None, &policy).unwrap();
        assert_eq!(dollars(&table, "gpt-5", now, MILLION), Some(7.0));
        assert_eq!(dollars(&table, "mine", now, MILLION), Some(8.0));
        assert_eq!(table.sources(), "list prices as of 2026-10-24, and those of odyssey.toml");
        let table = PriceTable::read(Some(&path), &policy).unwrap();
        assert_eq!(dollars(&table, "mine", now, MILLION), Some(9.0));
        assert_eq!(dollars(&table, "gpt-5", now, MILLION), Some(7.0));
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
            assert!(PriceTable::read(Some(&path), &BTreeMap::new()).is_err(), "{text}");
        }
    }
}
