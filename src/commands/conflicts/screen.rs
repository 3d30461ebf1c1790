//! The matrix as people read it: a line for each party, then each conflict with its hunks.

use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::domain::lease::Phase;
use crate::merge::makers::Maker;

use super::matrix::Answer;
use super::matrix::ConflictRow;
use super::matrix::HunkRow;
use super::matrix::PartyRow;

/// How many lines of one side of a hunk are shown.
const LINES: usize = 12;

/// How many hunks of all are shown.
const HUNKS: usize = 20;

/// The whole screen.
pub fn page(answer: &Answer) -> Page {
    let mut page = Page::default();
    let heading = ["PARTY", "HOLDER", "EDITS", "TOUCHES", "CONFLICTS WITH"];
    let mut table = vec![heading.map(|text| (Label::Heading, text.to_owned())).to_vec()];
    table.extend(answer.parties.iter().map(|party| cells(party, answer)));
    page.table(&table);
    unknown(&mut page, answer);
    let mut left = HUNKS;
    for pair in &answer.pairs {
        for conflict in &pair.conflicts {
            page.end();
            shown(&mut page, [&pair.one, &pair.other], conflict, &mut left);
        }
    }
    page
}

fn cells(party: &PartyRow, answer: &Answer) -> Vec<Span> {
    let with = |verdict: &str| {
        let mut names: Vec<&str> = Vec::new();
        for pair in answer.pairs.iter().filter(|pair| pair.verdict == verdict) {
            if pair.one == party.name {
                names.push(&pair.other);
            } else if pair.other == party.name {
                names.push(&pair.one);
            }
        }
        names
    };
    let listed = |names: Vec<&str>, label| match names.as_slice() {
        [] => (Label::Quiet, "-".to_owned()),
        [one, two, _, _, ..] => (label, format!("{one} {two} +{}", names.len() - 2)),
        few => (label, few.join(" ")),
    };
    let edits = match (&party.unknown, party.uncommitted.len()) {
        (Some(_), _) => (Label::Bad, "?".to_owned()),
        (None, 0) => (Label::Quiet, "0".to_owned()),
        (None, count) => (Label::Warn, count.to_string()),
    };
    let conflicts = match &party.unknown {
        Some(_) => (Label::Bad, "unknown".to_owned()),
        None => listed(with("conflict"), Label::Bad),
    };
    vec![
        (Label::Name, party.name.clone()),
        (Label::Person, party.holder.clone().unwrap_or_else(|| "-".to_owned())),
        edits,
        listed(with("touched"), Label::Warn),
        conflicts,
    ]
}

/// What nobody knows, and why: first each party of which nothing is known, then pairs of others.
fn unknown(page: &mut Page, answer: &Answer) {
    for party in &answer.parties {
        if let Some(reason) = &party.unknown {
            page.put(Label::Bad, "unknown ").put(Label::Name, &party.name);
            page.put(Label::Plain, format!(": {reason}")).end();
        }
    }
    let is_unknown =
        |name: &str| answer.parties.iter().any(|party| party.name == name && party.unknown.is_some());
    for pair in &answer.pairs {
        if let Some(reason) =
            pair.unknown.as_ref().filter(|_| !is_unknown(&pair.one) && !is_unknown(&pair.other))
        {
            page.put(Label::Bad, "unknown ").put(Label::Name, &pair.one).put(Label::Plain, " and ");
            page.put(Label::Name, &pair.other).put(Label::Plain, format!(": {reason}")).end();
        }
    }
}

fn shown(page: &mut Page, names: [&String; 2], conflict: &ConflictRow, left: &mut usize) {
    page.put(Label::Bad, "conflict ").put(Label::Place, &conflict.path);
    page.put(Label::Quiet, format!(" ({})", conflict.why)).end();
    for (name, by) in [(names[0], &conflict.ours_by), (names[1], &conflict.theirs_by)] {
        page.put(Label::Plain, "  ").put(Label::Name, name).put(Label::Plain, ": ");
        page.put(Label::Quiet, by.as_ref().map_or_else(|| "unknown".to_owned(), Maker::words)).end();
    }
    for lease in &conflict.leases {
        page.put(Label::Plain, "  leased to ").put(Label::Name, &lease.task).put(Label::Plain, " (");
        page.put(Label::Person, &lease.holder).put(Label::Plain, "), ").put(Label::Place, &lease.region);
        page.put(Label::Plain, if lease.phase == Phase::Parked { ", parked" } else { "" }).end();
    }
    for hunk in conflict.hunks.iter().take(*left) {
        page.line(Label::Plain, format!("  line {}", hunk.ours_line));
        let HunkRow { base, ours, theirs, .. } = hunk;
        for (who, lines) in [("base", base), (names[0].as_str(), ours), (names[1].as_str(), theirs)] {
            side(page, who, lines);
        }
    }
    let more = conflict.hunks.len().saturating_sub(*left);
    if more > 0 {
        page.line(Label::Quiet, format!("  and {} more", text::count(more, "place")));
    }
    *left = left.saturating_sub(conflict.hunks.len());
}

/// One side of a hunk, cut to a size.
pub fn side(page: &mut Page, who: &str, lines: &str) {
    page.put(Label::Plain, "    ")
        .put(Label::Name, who)
        .put(Label::Plain, if lines.is_empty() { ": nothing" } else { ":" });
    page.end();
    if lines.is_empty() {
        return;
    }
    let lines: Vec<&str> = lines.trim_end_matches('\n').split('\n').collect();
    for line in lines.iter().take(LINES) {
        page.line(Label::Plain, format!("      | {line}"));
    }
    if lines.len() > LINES {
        page.line(Label::Quiet, format!("      | and {} more", text::count(lines.len() - LINES, "line")));
    }
}
