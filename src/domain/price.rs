//! Prices of models: what a million tokens cost, since when, and more for long prompts.

pub mod reading;

use std::collections::BTreeMap;

use super::usage::Money;
use super::usage::Tokens;
use crate::base::clock::Timestamp;

/// What a million tokens of each kind cost, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of what no cache had.
    pub input: u64,
    /// Of what the model wrote.
    pub output: u64,
    /// Of what came from a cache.
    pub cache_read: u64,
    /// Of what was written into a cache.
    pub cache_write: u64,
    /// Of what was written into a cache for an hour.
    pub cache_write_hour: u64,
}

impl Rates {
    fn of(self, tokens: Tokens) -> Money {
        let hour = tokens.cache_write_hour.min(tokens.cache_write);
        let parts = [
            (tokens.input, self.input),
            (tokens.output, self.output),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write - hour, self.cache_write),
            (hour, self.cache_write_hour),
        ];
        Money(parts.iter().map(|(count, rate)| u128::from(*count) * u128::from(*rate)).sum())
    }
}

/// A model's price from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Since when; nothing for always.
    pub since: Option<Timestamp>,
    /// For calls with prompts of the usual length.
    pub rates: Rates,
    /// For whole calls with a prompt of more than so many tokens.
    pub long: Option<(u64, Rates)>,
}

/// The prices of all models that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    models: BTreeMap<String, Vec<Price>>,
}

impl Prices {
    /// Sets all prices of a model, in place of what was known.
    pub fn set(&mut self, model: &str, mut prices: Vec<Price>) {
        prices.sort_by_key(|price| price.since);
        self.models.insert(model.to_ascii_lowercase(), prices);
    }

    /// All prices of a model, the oldest first; none when it is not known. Nobody's price is guessed from a similar name's.
    pub fn of_model(&self, model: &str) -> &[Price] {
        names(model).into_iter().find_map(|name| self.models.get(&name)).map_or(&[], Vec::as_slice)
    }

    /// The price of a model at a time, if it is known.
    pub fn of(&self, model: &str, at: Timestamp) -> Option<&Price> {
        at_time(self.of_model(model), at)
    }
}

/// Of a model's prices, the oldest first, the one at a time.
pub fn at_time(prices: &[Price], at: Timestamp) -> Option<&Price> {
    prices.iter().rev().find(|price| price.since.is_none_or(|since| since <= at))
}

impl Price {
    /// What many calls cost that are only told as a sum: as if none had a long prompt.
    pub fn cost_of_sum(&self, tokens: Tokens) -> Money {
        self.rates.of(tokens)
    }

    /// What one call cost.
    pub fn cost(&self, tokens: Tokens) -> Money {
        match self.long {
            Some((above, rates)) if tokens.prompt() > above => rates.of(tokens),
            _ => self.rates.of(tokens),
        }
    }
}

/// The names under which a model's price may stand: as it was written, then without what says only who serves it, or of
/// which day it is.
fn names(model: &str) -> Vec<String> {
    let whole = model.to_ascii_lowercase();
    let mut name = whole.as_str();
    name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    name = name.rsplit_once("anthropic.").map_or(name, |(_, name)| name);
    name = name.split_once('@').map_or(name, |(name, _)| name);
    name = name.strip_suffix("[1m]").unwrap_or(name);
    name = name.strip_suffix("-v1:0").unwrap_or(name);
    let plain = name.to_owned();
    let dated = plain.strip_suffix("-latest").unwrap_or(&plain);
    let undated = without_day(dated).to_owned();
    vec![whole, plain, undated]
}

/// A name without `-20251001` or `-2025-10-01` at its end.
fn without_day(name: &str) -> &str {
    let mut cut = name.len();
    let mut digits = 0;
    for (place, byte) in name.bytes().enumerate().rev() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'-' if digits == 8 => {
                cut = place;
                break;
            }
            b'-' if matches!(digits, 2 | 4) => {}
            _ => break,
        }
    }
    &name[..cut]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(input: u64) -> Rates {
        Rates {
            input,
            output: 5 * input,
            cache_read: input / 10,
            cache_write: input * 5 / 4,
            cache_write_hour: 2 * input,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_model_has_many_names_and_another_has_none_of_them() {
        let now = at("2026-11-24T00:00:00Z");
        let mut prices = Prices::default();
        prices.set("claude-x-4-5", vec![Price { since: None, rates: rates(1_000_000), long: None }]);
        for name in [
            "claude-x-4-5",
            "Claude-X-4-5",
            "claude-x-4-5-20251001",
            "claude-x-4-5-2025-10-01",
            "claude-x-4-5[1m]",
            "claude-x-4-5-latest",
            "anthropic/claude-x-4-5",
            "us.anthropic.claude-x-4-5-20251001-v1:0",
            "claude-x-4-5@20251001",
        ] {
            assert!(prices.of(name, now).is_some(), "{name}");
        }
        for name in
            ["claude-x-4", "claude-x-4-51", "claude-x-4-5-fast", "claude-x", "", "x-4-5", "claude-x-4-5-1"]
        {
            assert!(prices.of(name, now).is_none(), "{name}");
        }
    }

    #[test]
    fn a_price_counts_from_its_day_on() {
        let mut prices = Prices::default();
        let price =
            |since: Option<&str>, input| Price { since: since.map(at), rates: rates(input), long: None };
        prices.set("m", vec![price(Some("2026-10-07T00:00:00Z"), 1), price(None, 2)]);
        assert_eq!(prices.of("m", at("2026-10-06T23:59:59Z")).unwrap().rates.input, 2);
        assert_eq!(prices.of("m", at("2026-10-07T00:00:00Z")).unwrap().rates.input, 1);
        prices.set("late", vec![price(Some("2026-10-07T00:00:00Z"), 1)]);
        assert!(prices.of("late", at("2026-10-06T00:00:00Z")).is_none());
    }

    #[test]
    fn a_long_prompt_makes_the_whole_call_dearer() {
        let price = Price { since: None, rates: rates(1_000_000), long: Some((100, rates(2_000_000))) };
        let call = |cache_read| Tokens { input: 50, output: 10, cache_read, ..Tokens::default() };
        assert_eq!(price.cost(call(50)), Money(50_000_000 + 50_000_000 + 5_000_000));
        assert_eq!(price.cost(call(51)), Money(100_000_000 + 100_000_000 + 10_200_000));
    }

    #[test]
    fn an_hour_in_the_cache_has_its_own_price() {
        let price = Price { since: None, rates: rates(4), long: None };
        let tokens = Tokens { cache_write: 10, cache_write_hour: 4, ..Tokens::default() };
        assert_eq!(price.cost(tokens), Money(6 * 5 + 4 * 8));
    }
}
