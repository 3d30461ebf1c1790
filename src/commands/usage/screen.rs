//! An account as people see it, and as a spreadsheet reads it.

use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::domain::episode::Fate;
use crate::domain::usage::Spent;

use super::Account;
use super::By;
use super::Row;

const COUNTS: [&str; 7] = ["CALLS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "TOTAL", "COST"];

pub(super) fn page(account: &Account) -> Page {
    let mut page = Page::default();
    if account.rows.is_empty() {
        page.line(Label::Plain, "no transcript tells of work in this repository");
    } else {
        let mut headings = vec![(Label::Heading, account.by.heading().to_owned())];
        headings.extend(COUNTS.map(|text| (Label::Heading, text.to_owned())));
        if account.by == By::Task {
            headings.push((Label::Heading, "OUTCOME".to_owned()));
        }
        let mut table = vec![headings];
        table.extend(account.rows.iter().map(|row| cells(row, account.by)));
        if account.rows.len() > 1 {
            let total = Row { name: "total".to_owned(), spent: account.total, outcome: None };
            table.push(cells(&total, account.by));
        }
        page.table(&aligned(table));
    }
    if account.waste != Spent::default() {
        let part = percent(account.waste, account.total);
        let words = ": work that was given up, does not merge, or was begun anew";
        page.put(Label::Warn, format!("waste {}", amount(account.waste)));
        page.put(Label::Quiet, format!(" ({part} of the tokens){words}")).end();
    }
    if let Some(elsewhere) = account.elsewhere.filter(|spent| *spent != Spent::default()) {
        let text =
            format!("not counted: {} in other repositories (--everywhere counts it)", amount(elsewhere));
        page.line(Label::Quiet, text);
    }
    if !account.unpriced_models.is_empty() {
        let models: Vec<String> = account.unpriced_models.iter().map(|model| shown(model)).collect();
        page.put(Label::Warn, "no price is known of ").put(Label::Name, models.join(", "));
        page.put(Label::Plain, format!("; {} are not in the costs", number(account.total.unpriced))).end();
    }
    if account.total.money.0 > 0 {
        page.line(Label::Quiet, account.sources.clone());
    }
    for doubt in &account.doubts {
        page.put(Label::Bad, "incomplete ").put(Label::Plain, shown(doubt)).end();
    }
    page
}

fn cells(row: &Row, by: By) -> Vec<Span> {
    let tokens = row.spent.tokens;
    let counts =
        [row.spent.calls, tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, tokens.total()];
    let mut cells = vec![(Label::Name, shown(&row.name))];
    cells.extend(counts.map(|count| (Label::Plain, number(count))));
    cells.push(match row.spent.priced() {
        Some(money) if row.spent.unpriced == 0 => (Label::Plain, money.to_string()),
        Some(money) => (Label::Warn, format!("{money}+?")),
        None => (Label::Warn, "unpriced".to_owned()),
    });
    if by == By::Task {
        let label = match row.outcome {
            Some(fate) if fate.is_waste() => Label::Warn,
            Some(Fate::Landed) => Label::Good,
            _ => Label::Quiet,
        };
        cells.push((label, row.outcome.map_or(String::new(), |fate| fate.name().to_owned())));
    }
    cells
}

/// Numbers stand under each other by their last digit.
fn aligned(mut table: Vec<Vec<Span>>) -> Vec<Vec<Span>> {
    for column in 1..=COUNTS.len() {
        let width = |row: &Vec<Span>| row.get(column).map_or(0, |(_, text)| text.chars().count());
        let widest = table.iter().map(width).max().unwrap_or(0);
        for row in &mut table {
            if let Some((_, text)) = row.get_mut(column) {
                *text = format!("{text:>widest$}");
            }
        }
    }
    table
}

fn amount(spent: Spent) -> String {
    match spent.priced() {
        Some(money) => format!("{} tokens, {money}", number(spent.tokens.total())),
        None => format!("{} tokens", number(spent.tokens.total())),
    }
}

fn percent(part: Spent, whole: Spent) -> String {
    let (part, whole) = (u128::from(part.tokens.total()), u128::from(whole.tokens.total()).max(1));
    format!("{} %", (part * 100 + whole / 2) / whole)
}

/// A number with its thousands apart.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Others may have written it.
fn shown(name: &str) -> String {
    text::visible(name.as_bytes())
}

pub(super) fn csv(account: &Account) -> Page {
    let mut page = Page::default();
    let by = account.by.heading().to_ascii_lowercase();
    let counts = "calls,input,output,cache_read,cache_write,cache_write_hour,reasoning,total,unpriced,usd";
    let outcome = if account.by == By::Task { ",outcome" } else { "" };
    page.line(Label::Plain, format!("{by},{counts}{outcome}"));
    for row in &account.rows {
        let spent = row.spent;
        let mut cells = vec![quoted(&row.name), spent.calls.to_string()];
        cells.extend(spent.tokens.counts().map(|count| count.to_string()));
        cells.extend([spent.tokens.total(), spent.unpriced].map(|count| count.to_string()));
        cells.push(spent.priced().map_or(String::new(), |money| format!("{:.6}", money.as_dollars())));
        if account.by == By::Task {
            cells.push(row.outcome.map_or("", Fate::name).to_owned());
        }
        page.line(Label::Plain, cells.join(","));
    }
    page
}

/// A cell that no spreadsheet takes for two, nor for a formula.
fn quoted(name: &str) -> String {
    let name = shown(name);
    let formula = name.starts_with(['=', '+', '-', '@']);
    let name = if formula { format!("'{name}") } else { name };
    if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name }
}
