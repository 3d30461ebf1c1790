//! How what was used stands to the limits of the policy.

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Outcome;
use crate::commands::accounts::Accounts;
use crate::commands::accounts::Owner;
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
    let begun = |length: usize, rest: &str| -> Timestamp {
        let now = session.now.to_string();
        format!("{}{rest}", now.get(..length).unwrap_or_default()).parse().unwrap_or(session.now)
    };
    let (today, month) = (begun(10, "T00:00:00Z"), begun(7, "-01T00:00:00Z"));
    let present = task.and_then(|task| accounts.episodes.lives(task).last());
    let holder_of = |task, grant| accounts.holder(task, grant);
    let holder = present.and_then(|life| holder_of(&life.task, life.grants.last()?));
    let [mut of_day, mut of_month, mut of_agent, mut of_task] = [Spent::default(); 4];
    // Whose grant it is, by the number of its event: asked once each.
    let mut theirs: std::collections::HashMap<usize, bool> = std::collections::HashMap::new();
    accounts.each(|charge| {
        let life = match charge.owner {
            Owner::Elsewhere => return,
            Owner::NoTask => None,
            Owner::Task(_, life) => life,
        };
        if charge.at >= month {
            of_month += charge.spent;
        }
        if charge.at >= today {
            of_day += charge.spent;
        }
        let Some((life, grant)) = life else { return };
        if present.is_some_and(|present| std::ptr::eq(present, life)) {
            of_task += charge.spent;
        }
        if charge.at >= today && holder.is_some() {
            let is_theirs =
                theirs.entry(grant.event).or_insert_with(|| holder_of(&life.task, grant) == holder);
            if *is_theirs {
                of_agent += charge.spent;
            }
        }
    });
    let against = |limit, name: Option<String>, set: Limit, used: Spent| {
        let standing = set.standing(used, budget.soft);
        let is_set = set != Limit::default();
        is_set.then_some(Against { limit, name, tokens: set.tokens, usd: set.money, used, standing })
    };
    let agent = holder.map(|holder| holder.to_string());
    let own = [
        agent.and_then(|agent| against("agent", Some(agent), budget.agent, of_agent)),
        present.and_then(|life| against("task", Some(life.task.to_string()), budget.task, of_task)),
    ];
    let all = [against("day", None, budget.day, of_day), against("month", None, budget.month, of_month)];
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
