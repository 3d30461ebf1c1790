//! Token accounts: what was used of a model, how much that is together, and what it cost.

use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeStruct;

/// The tokens of one call of a model, or of many. No two of the first four counts share a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
pub struct Tokens {
    /// What the model read and no cache had.
    pub input: u64,
    /// What the model wrote, its reasoning included.
    pub output: u64,
    /// What was read from a cache.
    pub cache_read: u64,
    /// What was written into a cache.
    pub cache_write: u64,
    /// The part of `cache_write` that is kept for an hour.
    pub cache_write_hour: u64,
    /// The part of `output` that was reasoning, where the agent says so.
    pub reasoning: u64,
}

impl Tokens {
    /// All of them, each counted once.
    pub fn total(self) -> u64 {
        [self.output, self.prompt()].into_iter().fold(0, u64::saturating_add)
    }

    /// All that the model was given.
    pub fn prompt(self) -> u64 {
        [self.input, self.cache_read, self.cache_write].into_iter().fold(0, u64::saturating_add)
    }

    /// The larger of each count: of two reports of one call, the later one has more, and either may be read first.
    #[must_use]
    pub fn most(self, other: Tokens) -> Tokens {
        self.with(other, u64::max)
    }

    /// What came on top of `before`; nothing if one of the counts has fallen, as when counting began anew.
    pub fn since(self, before: Tokens) -> Option<Tokens> {
        let fell = self.with(before, |now, before| u64::from(now < before));
        (fell == Tokens::default()).then(|| self.with(before, |now, before| now - before))
    }

    /// The counts in the order in which they are declared.
    pub fn counts(self) -> [u64; 6] {
        [self.input, self.output, self.cache_read, self.cache_write, self.cache_write_hour, self.reasoning]
    }

    /// The tokens with these counts, in the order of [`Tokens::counts`].
    pub fn of(counts: [u64; 6]) -> Tokens {
        let [input, output, cache_read, cache_write, cache_write_hour, reasoning] = counts;
        Tokens { input, output, cache_read, cache_write, cache_write_hour, reasoning }
    }

    fn with(self, other: Tokens, join: impl Fn(u64, u64) -> u64) -> Tokens {
        let (mut counts, others) = (self.counts(), other.counts());
        counts.iter_mut().zip(others).for_each(|(count, other)| *count = join(*count, other));
        Tokens::of(counts)
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Tokens) {
        *self = self.with(other, u64::saturating_add);
    }
}

/// An amount of money, in millionths of a millionth of a dollar: prices are of a million tokens, so sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(pub u128);

impl Money {
    const DOLLAR: u128 = 1_000_000_000_000;

    /// So many dollars; nothing for what is no amount.
    pub fn dollars(amount: f64) -> Option<Money> {
        let fits = amount.is_finite() && (0.0..1e15).contains(&amount);
        // To the millionth, as prices are written.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at above")]
        fits.then(|| Money((amount * 1e6).round() as u128 * 1_000_000))
    }

    /// So many millionths of a dollar.
    pub fn micros(amount: u64) -> Money {
        Money(u128::from(amount) * 1_000_000)
    }

    /// The amount in millionths of a dollar, rounded up: what was spent is never told as nothing.
    pub fn as_micros(self) -> u64 {
        u64::try_from(self.0.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// The amount in dollars, for programs and for ratios.
    pub fn as_dollars(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody pays by the millionth of a cent")]
        let dollars = self.0 as f64;
        dollars / 1e12
    }

    /// A part of it, so that several tries can be told as one.
    #[must_use]
    pub fn divided(self, parts: u64) -> Money {
        Money(self.0 / u128::from(parts.max(1)))
    }
}

impl fmt::Display for Money {
    /// With cents; less than ten cents with hundredths of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (places, unit) = if self.0 < Money::DOLLAR / 10 { (4, 10_000) } else { (2, 100) };
        let step = Money::DOLLAR / unit;
        let rounded = (self.0 + step / 2) / step;
        f.pad(&format!("${}.{:0places$}", rounded / unit, rounded % unit))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_dollars())
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// What some work has used: a row of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// How many calls of a model.
    pub calls: u64,
    /// All tokens.
    pub tokens: Tokens,
    /// What those with a known price cost.
    pub money: Money,
    /// How many tokens have no known price; they are not in `money`.
    pub unpriced: u64,
}

impl Spent {
    /// One call, and its price if that is known.
    pub fn call(tokens: Tokens, money: Option<Money>) -> Spent {
        let unpriced = if money.is_none() { tokens.total() } else { 0 };
        Spent { calls: 1, tokens, money: money.unwrap_or_default(), unpriced }
    }

    /// What it cost; nothing when no price is known of any of it, which is not the same as free.
    pub fn priced(self) -> Option<Money> {
        (self.unpriced == 0 || self.money != Money::default()).then_some(self.money)
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Spent) {
        self.calls = self.calls.saturating_add(other.calls);
        self.tokens += other.tokens;
        self.money += other.money;
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
    }
}

impl Sum for Spent {
    fn sum<I: Iterator<Item = Spent>>(spent: I) -> Spent {
        spent.fold(Spent::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

impl Serialize for Spent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Spent", 5)?;
        row.serialize_field("calls", &self.calls)?;
        row.serialize_field("tokens", &self.tokens)?;
        row.serialize_field("total_tokens", &self.tokens.total())?;
        row.serialize_field("usd", &self.priced())?;
        row.serialize_field("unpriced_tokens", &self.unpriced)?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_tokens() -> impl Strategy<Value = Tokens> {
        any::<[u32; 6]>().prop_map(|counts| Tokens::of(counts.map(u64::from)))
    }

    proptest! {
        #[test]
        fn the_order_of_reports_of_one_call_does_not_matter(one in any_tokens(), two in any_tokens(), three in any_tokens()) {
            prop_assert_eq!(one.most(two).most(three), three.most(one.most(two)));
            prop_assert_eq!(one.most(one), one);
        }

        #[test]
        fn what_came_on_top_brings_back_the_sum(before in any_tokens(), more in any_tokens()) {
            let mut now = before;
            now += more;
            prop_assert_eq!(now.since(before), Some(more));
        }
    }

    #[test]
    fn counting_that_began_anew_is_not_a_difference() {
        let before = Tokens { input: 10, output: 5, ..Tokens::default() };
        assert_eq!(Tokens { input: 3, output: 9, ..Tokens::default() }.since(before), None);
    }

    #[test]
    fn reasoning_and_the_hour_are_parts_and_are_counted_once() {
        assert_eq!(Tokens::of([1, 2, 4, 8, 8, 2]).total(), 15);
    }

    #[test]
    fn money_is_shown_with_what_matters_of_it() {
        let shown = |dollars: f64| Money::dollars(dollars).unwrap().to_string();
        assert_eq!(shown(0.0), "$0.0000");
        assert_eq!(shown(0.00126), "$0.0013");
        assert_eq!(shown(0.0999), "$0.0999");
        assert_eq!(shown(12.345), "$12.35");
        assert_eq!(Money::dollars(-1.0), None);
        assert_eq!(Money::dollars(f64::NAN), None);
    }

    #[test]
    fn what_has_no_price_is_not_free() {
        let tokens = Tokens { input: 7, ..Tokens::default() };
        let mut spent = Spent::call(tokens, None);
        assert_eq!((spent.priced(), spent.unpriced), (None, 7));
        spent += Spent::call(tokens, Some(Money(3)));
        assert_eq!((spent.priced(), spent.unpriced), (Some(Money(3)), 7));
        assert_eq!(Spent::default().priced(), Some(Money(0)));
    }
}
