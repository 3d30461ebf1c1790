//! What decides conflicts in a request: the rules of the policy, then those of the command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::lock::Lock;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::policy::merging::MergeStrategy;
use crate::domain::policy::merging::TIMEOUT;
use crate::domain::policy::merging::UnknownStrategy;
use crate::domain::region::Region;
use crate::domain::region::RegionSet;
use crate::domain::review::Resolutions;
use crate::git::BString;
use crate::git::Oid;
use crate::git::checkout::Carry;
use crate::merge::strategy::Rule;
use crate::merge::strategy::Rules;
use crate::merge::strategy::decision::Decision;

use super::session::Session;

/// What decides conflicts, given on the command line.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Deciding {
    /// What decides the conflicts of these paths: three-way, union, ours (the target's side), theirs (the task's),
    /// lease-owner or human; the last one that covers a path counts, after those of odyssey.toml
    #[arg(long = "strategy-for", value_name = "GLOB=STRATEGY")]
    pub strategy_for: Vec<StrategyFor>,
}

/// One `GLOB=STRATEGY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyFor {
    /// The paths.
    pub glob: String,
    /// What decides.
    pub strategy: MergeStrategy,
}

/// Uncommitted edits that go along with a landing.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The checkout that they are in.
    pub checkout: PathBuf,
    /// The target's commit that they are on top of.
    pub old: Oid,
    /// The tree that was to land when it was decided what becomes of them.
    pub tree: Oid,
    /// What they are, and what becomes of them.
    pub carry: Carry,
    /// The paths.
    pub paths: Vec<BString>,
}

/// Uncommitted edits that went along with a landing.
#[derive(Debug, serde::Serialize)]
pub struct Along {
    /// The checkout.
    pub checkout: PathBuf,
    /// Their paths.
    pub paths: Vec<String>,
    /// A commit of them as they were.
    pub before: String,
}

impl Along {
    /// What went along.
    pub fn of(carried: &Carried) -> Along {
        let paths = carried.paths.iter().map(|path| text::visible(path)).collect();
        Along { checkout: carried.checkout.clone(), paths, before: carried.carry.before.to_string() }
    }

    /// Says so.
    pub fn put(&self, page: &mut Page) {
        let Along { checkout, paths, before } = self;
        page.put(Label::Plain, "  uncommitted still, in ").put(Label::Place, checkout.display().to_string());
        page.put(Label::Plain, format!(": {}", paths.join(", "))).end();
        page.line(Label::Quiet, format!("  as they were: git show {}:PATH", &before[..10]));
    }
}

/// What was decided of single conflicts in a review.
#[derive(Clone, Copy)]
pub struct Reviewed<'a> {
    /// What was decided.
    pub resolutions: &'a Resolutions,
    /// Uncommitted edits that go along.
    pub carried: Option<&'a Carried>,
    /// Whether that stands, asked just before anything moves; nothing may be decided while what it answers lives.
    pub stands: &'a dyn Fn() -> Result<Option<Lock>, Failure>,
}

static NOTHING: Resolutions = Resolutions::new();

impl Reviewed<'_> {
    /// Nothing was.
    pub fn nothing() -> Reviewed<'static> {
        Reviewed { resolutions: &NOTHING, carried: None, stands: &|| Ok(None) }
    }
}

/// Words that are no such rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// There is no `=`, or nothing before it.
    #[error("write it as GLOB=STRATEGY, for example 'docs/**=union'")]
    Form,
    /// The strategy does not exist.
    #[error("{unknown}: {}", .unknown.hint())]
    Unknown {
        /// The name.
        unknown: UnknownStrategy,
    },
    /// It needs what only the policy can say.
    #[error("regenerate needs a command: write it as a [[merge]] entry in odyssey.toml")]
    Regenerate,
}

impl Explain for BadRule {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

impl FromStr for StrategyFor {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<StrategyFor, BadRule> {
        let (glob, name) = text.rsplit_once('=').ok_or(BadRule::Form)?;
        if glob.is_empty() {
            return Err(BadRule::Form);
        }
        match name.parse().map_err(|unknown| BadRule::Unknown { unknown })? {
            MergeStrategy::Regenerate => Err(BadRule::Regenerate),
            strategy => Ok(StrategyFor { glob: glob.to_owned(), strategy }),
        }
    }
}

impl Deciding {
    /// All rules, those of the policy first.
    ///
    /// # Errors
    /// When a pattern is malformed or names a set that there is not.
    pub fn rules(&self, session: &Session) -> Result<Rules, Failure> {
        let mut rules = Vec::new();
        for (number, rule) in session.policy.merge.iter().enumerate() {
            let paths = session.merge_paths(number, &rule.paths)?;
            rules.push(Rule { paths, strategy: rule.strategy, run: rule.run.clone(), timeout: rule.timeout });
        }
        for given in &self.strategy_for {
            let region = Region::parse(&given.glob, &session.policy.regions, session.ledger().case())?;
            let paths = RegionSet::new(vec![region]);
            rules.push(Rule { paths, strategy: given.strategy, run: None, timeout: TIMEOUT });
        }
        Ok(Rules(rules))
    }
}

/// Puts what was decided, a line each.
pub fn put(page: &mut Page, decisions: &[Decision], task: &str, target: &str) {
    for decision in decisions {
        page.put(Label::Warn, "  settled ").put(Label::Plain, decision.line(task, target)).end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_from_its_last_equals_sign() {
        let rule = |text: &str| text.parse::<StrategyFor>().map(|rule| (rule.glob, rule.strategy));
        assert_eq!(rule("docs/**=union"), Ok(("docs/**".to_owned(), MergeStrategy::Union)));
        assert_eq!(rule("a=b=ours"), Ok(("a=b".to_owned(), MergeStrategy::Ours)));
        assert_eq!(rule("docs/**"), Err(BadRule::Form));
        assert_eq!(rule("=ours"), Err(BadRule::Form));
        assert_eq!(rule("a=regenerate"), Err(BadRule::Regenerate));
        let unknown = rule("a=thiers").map_err(|error| error.to_string());
        assert_eq!(unknown, Err("`thiers` is not a merge strategy: did you mean `theirs`?".to_owned()));
    }
}
