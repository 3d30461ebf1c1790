//! Estimates: what a task may cost, by what tasks of its class and tier that have landed did cost.

use super::usage::Money;
use super::usage::Spent;

/// A task that has landed, and what is known of its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// The class of work, if it had one.
    pub class: Option<&'a str>,
    /// The tier that ended with it.
    pub tier: Option<&'a str>,
    /// What it used, all attempts together.
    pub spent: Spent,
}

/// What a task may cost. Where nothing is known there is nothing, and no zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Estimate {
    /// How many earlier tasks the tokens rest on.
    pub runs: usize,
    /// The median of their tokens.
    pub tokens: Option<u64>,
    /// How many of them have a price for all that they used.
    pub priced: usize,
    /// The median of what these cost.
    pub usd: Option<Money>,
}

impl Estimate {
    /// By those of the same class and tier. One of which no transcript tells says nothing.
    pub fn of(past: &[Past<'_>], class: Option<&str>, tier: &str) -> Estimate {
        let like = |past: &&Past<'_>| past.class == class && past.tier == Some(tier) && past.spent.calls > 0;
        let like: Vec<&Past<'_>> = past.iter().filter(like).collect();
        let tokens: Vec<u128> = like.iter().map(|past| past.spent.tokens.total().into()).collect();
        let priced: Vec<u128> =
            like.iter().filter(|past| past.spent.unpriced == 0).map(|past| past.spent.money.0).collect();
        Estimate {
            runs: tokens.len(),
            priced: priced.len(),
            tokens: median(tokens).map(|tokens| u64::try_from(tokens).unwrap_or(u64::MAX)),
            usd: median(priced).map(Money),
        }
    }
}

/// The one in the middle, or what is between the two that are.
fn median(mut numbers: Vec<u128>) -> Option<u128> {
    numbers.sort_unstable();
    let high = *numbers.get(numbers.len() / 2)?;
    let low = *numbers.get((numbers.len() - 1) / 2)?;
    Some(low + (high - low) / 2)
}

/// What several tasks may cost together, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Sum {
    /// The tokens of those of which something is known; nothing when it is of none.
    pub tokens: Option<u64>,
    /// What those with a price cost.
    pub usd: Option<Money>,
    /// The tasks like which none has landed.
    pub unknown: Vec<String>,
    /// The tasks of which the tokens are known, and no price.
    pub unpriced: Vec<String>,
}

impl Sum {
    /// Of tasks, by their names.
    pub fn of<'a>(estimates: impl IntoIterator<Item = (&'a str, Estimate)>) -> Sum {
        let mut sum = Sum::default();
        for (name, estimate) in estimates {
            let Some(tokens) = estimate.tokens else {
                sum.unknown.push(name.to_owned());
                continue;
            };
            sum.tokens = Some(sum.tokens.unwrap_or(0).saturating_add(tokens));
            match estimate.usd {
                Some(usd) => *sum.usd.get_or_insert_default() += usd,
                None => sum.unpriced.push(name.to_owned()),
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Tokens;

    fn past(
        class: Option<&'static str>,
        tier: &'static str,
        tokens: u64,
        cents: Option<u64>,
    ) -> Past<'static> {
        let tokens = Tokens { output: tokens, ..Tokens::default() };
        let spent = Spent::call(tokens, cents.map(|cents| Money::micros(cents * 10_000)));
        Past { class, tier: Some(tier), spent }
    }

    #[test]
    fn the_middle_of_what_landed_is_what_is_expected() {
        let all = [
            past(Some("docs"), "small", 100, Some(1)),
            past(Some("docs"), "small", 9_000, Some(90)),
            past(Some("docs"), "small", 300, Some(3)),
            past(Some("docs"), "large", 7, Some(7)),
            past(None, "small", 5, None),
            past(None, "small", 8, Some(2)),
        ];
        let of = |class, tier| {
            let found = Estimate::of(&all, class, tier);
            (found.runs, found.tokens, found.priced, found.usd.map(|usd| usd.to_string()))
        };
        assert_eq!(of(Some("docs"), "small"), (3, Some(300), 3, Some("$0.0300".to_owned())));
        assert_eq!(of(None, "small"), (2, Some(6), 1, Some("$0.0200".to_owned())));
        assert_eq!(of(Some("tests"), "small"), (0, None, 0, None));
        let untold = Past { spent: Spent::default(), ..all[0] };
        assert_eq!(Estimate::of(&[untold], Some("docs"), "small"), Estimate::default());
    }

    #[test]
    fn a_sum_names_what_it_does_not_count() {
        let known = Estimate { runs: 1, tokens: Some(10), priced: 1, usd: Some(Money::micros(5)) };
        let unpriced = Estimate { usd: None, priced: 0, ..known };
        let sum = Sum::of([("a", known), ("b", Estimate::default()), ("c", unpriced), ("d", known)]);
        assert_eq!((sum.tokens, sum.usd), (Some(30), Some(Money::micros(10))));
        assert_eq!((sum.unknown, sum.unpriced), (vec!["b".to_owned()], vec!["c".to_owned()]));
        assert_eq!(Sum::of([("b", Estimate::default())]).tokens, None);
    }
}
