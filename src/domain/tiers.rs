//! Tiers: how often each tier of models has done each class of work, what that cost, and which one to give it to next.

use std::collections::BTreeMap;

use super::episode::Fate;
use super::usage::Money;
use super::usage::Spent;

/// How many tasks must have ended before they tell anything.
pub const ENOUGH: usize = 5;

/// How many of a hundred tasks must land for a tier to be good for a class.
pub const GOOD: usize = 80;

/// One life of a task, as far as it says something about a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial<'a> {
    /// The class of work.
    pub class: &'a str,
    /// The tier that it was given to.
    pub tier: &'a str,
    /// What became of it.
    pub fate: Fate,
    /// How often it was begun again.
    pub retries: usize,
    /// What it used.
    pub spent: Spent,
}

/// What one tier has done of one class.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Record {
    /// The class of work.
    pub class: String,
    /// The tier.
    pub tier: String,
    /// How many tasks have ended: the sample.
    pub ended: usize,
    /// How many of them have landed.
    pub landed: usize,
    /// How many have not ended yet.
    pub open: usize,
    /// How often tasks were begun again.
    pub retries: usize,
    /// What all of them used, those that failed and are open too.
    #[serde(flatten)]
    pub spent: Spent,
    /// What those that ended used, for each that has landed; nothing when none has, or a price is missing.
    pub usd_per_landed: Option<Money>,
    /// Of a hundred tasks that ended, how many have landed.
    pub success: Option<usize>,
}

/// Which tier to give a class to next.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Advice {
    /// The class of work.
    pub class: String,
    /// The tier; nothing when too little is known.
    pub tier: Option<String>,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
    /// On how many tasks that ended it rests.
    pub sample: usize,
}

/// Sums up all trials, by class and tier.
pub fn records<'a>(trials: impl IntoIterator<Item = Trial<'a>>) -> Vec<Record> {
    let mut records: BTreeMap<(&str, &str), (Record, Spent)> = BTreeMap::new();
    for trial in trials {
        let (record, of_ended) = records.entry((trial.class, trial.tier)).or_insert_with(|| {
            let (class, tier) = (trial.class.to_owned(), trial.tier.to_owned());
            let (spent, usd_per_landed, success) = (Spent::default(), None, None);
            let record = Record {
                class,
                tier,
                ended: 0,
                landed: 0,
                open: 0,
                retries: 0,
                spent,
                usd_per_landed,
                success,
            };
            (record, Spent::default())
        });
        record.retries += trial.retries;
        record.spent += trial.spent;
        match trial.fate {
            Fate::Landed => {
                record.ended += 1;
                record.landed += 1;
                *of_ended += trial.spent;
            }
            Fate::Abandoned | Fate::Redone => {
                record.ended += 1;
                *of_ended += trial.spent;
            }
            Fate::Live | Fate::Parked | Fate::Conflicted => record.open += 1,
            // Nothing was tried, or nobody can tell how it went.
            Fate::Released => {}
        }
    }
    let finished = |(mut record, of_ended): (Record, Spent)| {
        record.success = (record.ended > 0).then(|| record.landed * 100 / record.ended.max(1));
        // Work of which no transcript tells was not free.
        if record.landed > 0 && of_ended.unpriced == 0 && of_ended.calls > 0 {
            record.usd_per_landed = Some(of_ended.money.divided(record.landed as u64));
        }
        record
    };
    records.into_values().map(finished).collect()
}

/// What the records of all classes advise, by class.
pub fn advice(records: &[Record]) -> Vec<Advice> {
    let mut classes: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        classes.entry(&record.class).or_default().push(record);
    }
    classes.into_iter().map(|(class, records)| of_class(class, &records)).collect()
}

fn of_class(class: &str, records: &[&Record]) -> Advice {
    let sample = records.iter().map(|record| record.ended).sum();
    let (known, unknown): (Vec<&Record>, Vec<&Record>) =
        records.iter().partition(|record| record.ended >= ENOUGH);
    let mut reasons: Vec<String> = known.iter().map(|record| record.in_words()).collect();
    for record in unknown {
        reasons.push(format!(
            "{} has ended {} of the {ENOUGH} tasks that would tell something",
            record.tier, record.ended
        ));
    }
    let success = |record: &&Record| record.success.unwrap_or(0);
    let good: Vec<&Record> = known.iter().copied().filter(|record| success(record) >= GOOD).collect();
    let chosen = if known.is_empty() {
        None
    } else if good.is_empty() {
        reasons.push(format!("none lands {GOOD} of 100, so the one that lands most"));
        known.iter().copied().max_by_key(|record| (success(record), std::cmp::Reverse(record.tier.clone())))
    } else if let Some(unpriced) = good.iter().find(|record| record.usd_per_landed.is_none()) {
        if good.len() > 1 {
            reasons
                .push(format!("what {} costs is not known, so the costs cannot be compared", unpriced.tier));
        }
        if good.len() == 1 { good.first().copied() } else { None }
    } else {
        if good.len() > 1 {
            reasons.push(format!(
                "of those that land {GOOD} of 100, the one that costs least for each landed task"
            ));
        }
        good.iter().copied().min_by_key(|record| (record.usd_per_landed, record.tier.clone()))
    };
    if known.len() == 1 && chosen.is_some() {
        reasons.push("no other tier has been tried often enough to compare with".to_owned());
    }
    Advice { class: class.to_owned(), tier: chosen.map(|record| record.tier.clone()), reasons, sample }
}

impl Record {
    fn in_words(&self) -> String {
        let cost = match self.usd_per_landed {
            Some(money) => format!(", {money} for each"),
            None => String::new(),
        };
        format!("{} has landed {} of {}{cost}", self.tier, self.landed, self.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Tokens;

    /// So many tasks with this fate, each for so many cents; no price for none.
    fn trials(tier: &'static str, fate: Fate, count: usize, cents: Option<u32>) -> Vec<Trial<'static>> {
        let tokens = Tokens { output: 10, ..Tokens::default() };
        let money = cents.map(|cents| Money::dollars(f64::from(cents) / 100.0).unwrap());
        let trial = Trial { class: "docs", tier, fate, retries: 0, spent: Spent::call(tokens, money) };
        vec![trial; count]
    }

    fn advised(trials: Vec<Vec<Trial<'static>>>) -> (Option<String>, Vec<String>, usize) {
        let mut advice = advice(&records(trials.concat()));
        assert_eq!(advice.len(), 1);
        let advice = advice.remove(0);
        (advice.tier, advice.reasons, advice.sample)
    }

    #[test]
    fn the_cheapest_that_is_good_is_advised_with_its_failures_paid() {
        let (tier, reasons, sample) = advised(vec![
            trials("cheap", Fate::Landed, 8, Some(10)),
            trials("cheap", Fate::Abandoned, 2, Some(30)),
            trials("strong", Fate::Landed, 6, Some(50)),
            trials("strong", Fate::Live, 1, Some(999)),
        ]);
        assert_eq!(tier.as_deref(), Some("cheap"));
        assert_eq!(sample, 16);
        assert_eq!(
            reasons,
            [
                "cheap has landed 8 of 10, $0.18 for each",
                "strong has landed 6 of 6, $0.50 for each",
                "of those that land 80 of 100, the one that costs least for each landed task",
            ]
        );
    }

    #[test]
    fn what_fails_too_often_is_not_advised_however_cheap() {
        let (tier, ..) = advised(vec![
            trials("cheap", Fate::Landed, 7, Some(1)),
            trials("cheap", Fate::Redone, 3, Some(1)),
            trials("strong", Fate::Landed, 5, Some(500)),
        ]);
        assert_eq!(tier.as_deref(), Some("strong"));
    }

    #[test]
    fn too_few_tasks_advise_nothing() {
        let (tier, reasons, _) = advised(vec![
            trials("cheap", Fate::Landed, 4, Some(1)),
            trials("cheap", Fate::Released, 9, Some(1)),
        ]);
        assert_eq!(tier, None);
        assert_eq!(reasons, ["cheap has ended 4 of the 5 tasks that would tell something"]);
    }

    #[test]
    fn costs_that_are_not_known_are_not_compared() {
        let (tier, reasons, _) = advised(vec![
            trials("cheap", Fate::Landed, 5, None),
            trials("strong", Fate::Landed, 5, Some(500)),
        ]);
        assert_eq!(tier, None);
        assert_eq!(reasons[2], "what cheap costs is not known, so the costs cannot be compared");
    }

    #[test]
    fn where_none_is_good_the_best_is_advised() {
        let (tier, ..) = advised(vec![
            trials("a", Fate::Landed, 2, Some(1)),
            trials("a", Fate::Abandoned, 4, Some(1)),
            trials("b", Fate::Landed, 3, Some(9)),
            trials("b", Fate::Abandoned, 3, Some(9)),
        ]);
        assert_eq!(tier.as_deref(), Some("b"));
    }
}
