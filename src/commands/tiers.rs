//! `tiers`: how the tiers of models have done, by class of work, and which one to give what to.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::domain::tiers;
use crate::domain::tiers::Advice;
use crate::domain::tiers::Record;
use crate::domain::tiers::Trial;

use super::Context;
use super::Outcome;
use super::accounts::Accounts;
use super::accounts::totals;
use super::session::Session;

/// Show how each tier of models has done with each class of work, at what cost, and which to choose.
#[derive(Debug, Clone, clap::Args)]
pub struct Tiers {}

/// What stands where the ledger names no class or tier.
const NONE: &str = "(none)";

impl Tiers {
    /// Reads what is new, and sums up.
    ///
    /// # Errors
    /// When the ledger, the index or the prices cannot be read.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let accounts = Accounts::open(&session, context)?;
        let spent = totals::by_life(&accounts);
        let trials = accounts.episodes.all().map(|life| Trial {
            class: life.class.as_deref().unwrap_or(NONE),
            tier: life.tier.as_deref().unwrap_or(NONE),
            fate: life.fate,
            retries: life.retries(),
            spent: spent.get(&std::ptr::from_ref(life)).copied().unwrap_or_default(),
        });
        let records = tiers::records(trials);
        let advice = tiers::advice(&records);
        let doubts = accounts.doubts();
        let dated = &accounts.table.dated;
        let page = page(&records, &advice, &doubts, accounts.table.sources());
        let facts = serde_json::json!({
            "records": records,
            "advice": advice,
            "prices_dated": dated,
            "doubts": doubts,
        });
        Ok(Outcome::new(page, &facts))
    }
}

fn page(records: &[Record], advice: &[Advice], doubts: &[String], sources: String) -> Page {
    let mut page = Page::default();
    if records.is_empty() {
        page.line(Label::Plain, "no task has been claimed yet");
    } else {
        let headings =
            ["CLASS", "TIER", "ENDED", "LANDED", "OPEN", "RETRIES", "TOKENS", "COST", "A LANDED TASK"];
        let mut table = vec![headings.map(|text| (Label::Heading, text.to_owned())).to_vec()];
        table.extend(records.iter().map(cells));
        page.table(&table);
    }
    for advice in advice {
        page.put(Label::Plain, "for ").put(Label::Name, shown(&advice.class)).put(Label::Plain, ": ");
        match &advice.tier {
            Some(tier) => page.put(Label::Good, shown(tier)),
            None => page.put(Label::Quiet, "too little is known"),
        };
        page.put(Label::Quiet, format!(" ({} ended)", text::count(advice.sample, "task"))).end();
        for reason in &advice.reasons {
            page.line(Label::Quiet, format!("  {}", shown(reason)));
        }
    }
    if records.iter().any(|record| record.spent.money.0 > 0) {
        page.line(Label::Quiet, sources);
    }
    for doubt in doubts {
        page.put(Label::Bad, "incomplete ").put(Label::Plain, shown(doubt)).end();
    }
    page
}

fn cells(record: &Record) -> Vec<Span> {
    let success = record.success.map_or(String::new(), |success| format!(" ({success} %)"));
    let cost = match record.spent.priced() {
        // No transcript tells of them.
        Some(_) if record.spent.calls == 0 => "-".to_owned(),
        Some(money) if record.spent.unpriced == 0 => money.to_string(),
        Some(money) => format!("{money}+?"),
        None => "unpriced".to_owned(),
    };
    vec![
        (Label::Name, shown(&record.class)),
        (Label::Name, shown(&record.tier)),
        (Label::Plain, record.ended.to_string()),
        (Label::Plain, format!("{}{success}", record.landed)),
        (Label::Plain, record.open.to_string()),
        (Label::Plain, record.retries.to_string()),
        (Label::Plain, record.spent.tokens.total().to_string()),
        (Label::Plain, cost),
        (Label::Plain, record.usd_per_landed.map_or("-".to_owned(), |money| money.to_string())),
    ]
}

/// Others may have written it.
fn shown(name: &str) -> String {
    text::visible(name.as_bytes())
}
