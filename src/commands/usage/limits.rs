//! How what was used stands to the limits of the policy.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Outcome;
use crate::commands::accounts::Accounts;
use crate::commands::accounts::totals::Totals;
use crate::commands::session::Session;
use crate::domain::budget::Limit;
use crate::domain::budget::Standing;
use crate::domain::task::TaskName;
use crate::domain::usage::Money;
use crate::domain::usage::Spent;

/// One limit, and how what was used stands to it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Against {
    /// What it limits: `day`, `month`, `agent` or `task`.
    pub limit: &'static str,
    /// The holder or the task, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many tokens there are.
    pub tokens: Option<u64>,
    /// How much money there is.
    pub usd: Option<Money>,
    /// What was used of it.
    pub used: Spent,
    /// How that stands.
    pub standing: Standing,
}

/// All limits that there are, as they stand: of the day and the month, and of a task and its holder, if one is named.
pub fn standings(session: &Session, accounts: &Accounts<'_>, task: Option<&TaskName>) -> Vec<Against> {
    let budget = session.policy.budget;
    let totals = Totals::of(accounts, session.now);
    let present = task.and_then(|task| accounts.episodes.lives(task).last());
    let holder = present.and_then(|life| accounts.holder(&life.task, life.grants.last()?));
    let agent = holder.map(|holder| holder.to_string());
    let of_agent = agent.as_ref().and_then(|agent| totals.agents.get(agent)).copied().unwrap_or_default();
    let of_task = present.and_then(|life| totals.tasks.get(&life.task)).copied().unwrap_or_default();
    let against = |limit, name: Option<String>, set: Limit, used: Spent| {
        let standing = set.standing(used.into(), budget.soft);
        let usd = set.micros.map(Money::micros);
        set.is_counted().then_some(Against { limit, name, tokens: set.tokens, usd, used, standing })
    };
    let own = [
        agent.and_then(|agent| against("agent", Some(agent), budget.agent, of_agent)),
        present.and_then(|life| against("task", Some(life.task.to_string()), budget.task, of_task)),
    ];
    let all =
        [against("day", None, budget.day, totals.day), against("month", None, budget.month, totals.month)];
    all.into_iter().chain(own).flatten().collect()
}

pub(super) fn outcome(
    session: &Session,
    accounts: &Accounts<'_>,
    task: Option<&TaskName>,
) -> Result<Outcome, Failure> {
    let limits = standings(session, accounts, task);
    let standing = limits.iter().map(|limit| limit.standing).max().unwrap_or(Standing::Ok);
    let doubts = accounts.doubts();
    let mut page = Page::default();
    if limits.is_empty() {
        page.line(Label::Plain, "no limit is set");
        page.line(Label::Quiet, "set one in odyssey.toml: [budget] day = { usd = 20.0 }");
    }
    for limit in &limits {
        let (label, word) = match limit.standing {
            Standing::Ok => (Label::Good, "ok  "),
            Standing::Soft => (Label::Warn, "soft"),
            Standing::Hard => (Label::Bad, "hard"),
        };
        page.put(label, word).put(Label::Plain, format!("  {}", limit.limit));
        if let Some(name) = &limit.name {
            page.put(Label::Plain, " ").put(Label::Name, text::visible(name.as_bytes()));
        }
        page.put(Label::Plain, format!(": {}", in_words(limit))).end();
    }
    for doubt in &doubts {
        page.put(Label::Bad, "incomplete ").put(Label::Plain, text::visible(doubt.as_bytes())).end();
    }
    let facts = serde_json::json!({ "standing": standing, "limits": limits, "doubts": doubts });
    Ok(Outcome::new(page, &facts))
}

fn in_words(limit: &Against) -> String {
    let mut words = Vec::new();
    if let Some(tokens) = limit.tokens {
        words.push(format!("{} of {tokens} tokens", limit.used.tokens.total()));
    }
    if let Some(usd) = limit.usd {
        words.push(format!("{} of {usd}", limit.used.money));
        if limit.used.unpriced > 0 {
            words.push(format!("{} tokens without a price", limit.used.unpriced));
        }
    }
    words.join(", ")
}
