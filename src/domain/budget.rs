//! Budgets: how much may be used, and how what was used stands to that.
//!
//! At the soft limit an agent is told to finish, at the hard one it is stopped. Who tells and who stops is for others.

use super::usage::Money;
use super::usage::Spent;

/// How much may be used of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// In tokens, each counted once.
    pub tokens: Option<u64>,
    /// In money.
    pub money: Option<Money>,
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
}

/// Where the soft limit is, unless the policy says otherwise.
pub const SOFT: u8 = 80;

impl Default for Budget {
    fn default() -> Budget {
        let free = Limit::default();
        Budget { day: free, month: free, agent: free, task: free, soft: SOFT }
    }
}

impl Budget {
    /// Whether anything has a limit.
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

impl Limit {
    /// How what was used stands to it. Tokens without a price cannot be held against money: where there are some, money is
    /// at its soft limit at least, because nobody can tell.
    pub fn standing(self, spent: Spent, soft: u8) -> Standing {
        let of = |used: u128, limit: u128| {
            if used >= limit {
                Standing::Hard
            } else if used.saturating_mul(100) >= limit.saturating_mul(u128::from(soft)) {
                Standing::Soft
            } else {
                Standing::Ok
            }
        };
        let tokens = self.tokens.map(|limit| of(spent.tokens.total().into(), limit.into()));
        let money = self.money.map(|limit| {
            let doubt = if spent.unpriced > 0 { Standing::Soft } else { Standing::Ok };
            of(spent.money.0, limit.0).max(doubt)
        });
        tokens.max(money).unwrap_or(Standing::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Tokens;

    fn spent(tokens: u64, dollars: Option<f64>) -> Spent {
        let tokens = Tokens { output: tokens, ..Tokens::default() };
        Spent::call(tokens, dollars.and_then(Money::dollars))
    }

    #[test]
    fn a_limit_is_reached_and_not_only_passed() {
        let limit = Limit { tokens: Some(100), money: None };
        let standing = |tokens| limit.standing(spent(tokens, None), 80);
        assert_eq!([0, 79, 80, 99, 100, 101].map(standing), {
            use Standing::{Hard, Ok, Soft};
            [Ok, Ok, Soft, Soft, Hard, Hard]
        });
    }

    #[test]
    fn the_nearer_of_two_limits_counts() {
        let limit = Limit { tokens: Some(1000), money: Money::dollars(1.0) };
        assert_eq!(limit.standing(spent(10, Some(1.0)), 80), Standing::Hard);
        assert_eq!(limit.standing(spent(900, Some(0.1)), 80), Standing::Soft);
        assert_eq!(limit.standing(spent(10, Some(0.1)), 80), Standing::Ok);
    }

    #[test]
    fn what_has_no_price_cannot_be_said_to_be_within_a_limit_of_money() {
        let limit = Limit { tokens: None, money: Money::dollars(1.0) };
        assert_eq!(limit.standing(spent(10, None), 80), Standing::Soft);
        assert_eq!(Limit::default().standing(spent(10, None), 80), Standing::Ok);
    }

    #[test]
    fn a_limit_of_nothing_is_reached_at_once() {
        assert_eq!(Limit { tokens: Some(0), money: None }.standing(Spent::default(), 80), Standing::Hard);
    }
}
