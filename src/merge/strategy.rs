//! Merge strategies: what decides, path by path, what git cannot merge, and how what was decided is told.
//!
//! A strategy decides conflicting hunks of conflicting files and nothing else: every other path is exactly git's. It never
//! decides in silence: each decision is told by the command and kept in the commit.

use std::time::Duration;

use crate::base::failure::Failure;
use crate::domain::policy::merging::MergeStrategy;
use crate::domain::region::RegionSet;
use crate::git::BStr;
use crate::git::BString;
use crate::git::Oid;
use crate::git::marked::Entry;
use crate::git::merge::Conflict;

use super::sides::Side;

pub mod decision;
pub mod human;
pub mod lease_owner;
pub mod ours;
pub mod regenerate;
pub mod settle;
pub mod theirs;
pub mod three_way;
pub mod union;

/// One strategy: its name, and what it decides.
struct Row {
    strategy: MergeStrategy,
    decide: fn(&Question<'_>) -> Result<Verdict, Failure>,
}

/// The table of all strategies.
const TABLE: [Row; 7] = [
    Row { strategy: MergeStrategy::ThreeWay, decide: three_way::decide },
    Row { strategy: MergeStrategy::Union, decide: union::decide },
    Row { strategy: MergeStrategy::Ours, decide: ours::decide },
    Row { strategy: MergeStrategy::Theirs, decide: theirs::decide },
    Row { strategy: MergeStrategy::LeaseOwner, decide: lease_owner::decide },
    Row { strategy: MergeStrategy::Human, decide: human::decide },
    Row { strategy: MergeStrategy::Regenerate, decide: regenerate::decide },
];

/// What decides some paths.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The paths.
    pub paths: RegionSet,
    /// What decides.
    pub strategy: MergeStrategy,
    /// What makes the files anew, as words.
    pub run: Option<Vec<String>>,
    /// How long that may take.
    pub timeout: Duration,
}

/// Rules in the order in which they were written: of those that cover a path, the last one counts.
#[derive(Debug, Clone, Default)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// The rule of a path, with its number.
    fn of(&self, path: &BStr) -> Option<(usize, &Rule)> {
        self.0.iter().enumerate().rev().find(|(_, rule)| rule.paths.covers(path).is_some())
    }
}

/// What is asked of a strategy: one conflicting path.
pub struct Question<'a> {
    /// The path.
    pub path: &'a BStr,
    /// The conflict.
    pub conflict: &'a Conflict,
    /// What is known of leases, people and commands.
    pub facts: &'a dyn Facts,
}

/// What a strategy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays a conflict; why, if that is worth a word.
    Stays(Option<String>),
    /// One side wins each conflicting hunk.
    Side {
        /// Whose.
        side: Side,
        /// Why that one, if the strategy's name does not say it.
        why: Option<String>,
    },
    /// Both sides' lines stay.
    Both,
    /// The file is made anew.
    Anew,
}

/// Whose a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// One side's, and why.
    Side(Side, String),
    /// Neither's alone, and why.
    Neither(String),
}

impl From<Told> for Verdict {
    fn from(told: Told) -> Verdict {
        match told {
            Told::Side(side, why) => Verdict::Side { side, why: Some(why) },
            Told::Neither(why) => Verdict::Stays(Some(why)),
        }
    }
}

/// What strategies are told of the world: this room knows neither ledger nor processes.
pub trait Facts {
    /// Whose region a conflict is in: where lines are leased, all its hunks.
    ///
    /// # Errors
    /// When the leases, or a version of the file, cannot be read.
    fn owner(&self, conflict: &Conflict) -> Result<Told, Failure>;

    /// Which side of a path a person wrote.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn human(&self, path: &BStr) -> Result<Told, Failure>;

    /// Makes files of a tree anew with a rule's command, and answers them with their modes, in the order of `paths`.
    ///
    /// # Errors
    /// When the command fails, takes too long, or does not make one of them.
    fn regenerate(&self, tree: Oid, paths: &[BString], rule: &Rule) -> Result<Vec<Entry>, Failure>;
}

/// What a strategy decides of one path.
fn verdict(strategy: MergeStrategy, question: &Question<'_>) -> Result<Verdict, Failure> {
    match TABLE.iter().find(|row| row.strategy == strategy) {
        Some(row) => (row.decide)(question),
        None => Ok(Verdict::Stays(None)),
    }
}
