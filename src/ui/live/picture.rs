//! The picture of a run: a line of how far it is, a line for each task as far as there is room, and the sum.

use std::time::Duration;

use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::page::Span;
use crate::base::text;
use crate::commands::plan::money;
use crate::commands::run::live::Doing;
use crate::commands::run::live::Live;
use crate::commands::run::live::Row;
use crate::domain::workflow::Spent;
use crate::ui::review::canvas::cut;
use crate::ui::review::canvas::width;

/// The widest that a task's name is shown.
const LONGEST_NAME: usize = 24;

/// What the last column has to have, or others give way to it.
const SAID: usize = 16;

/// The columns before the last: their headings, and whether numbers stand in them.
const COLUMNS: [(&str, bool); 7] = [
    ("TASK", false),
    ("STATE", false),
    ("TIER", false),
    ("TRY", true),
    ("TIME", true),
    ("TOKENS", true),
    ("COST", true),
];

/// Which columns give way where it is narrow, by their number, the first one first.
const GIVE_WAY: [usize; 5] = [2, 3, 6, 5, 4];

/// A run in no more than so many columns and rows.
pub fn of(live: &Live, (columns, rows): (usize, usize)) -> Page {
    let mut page = Page::default();
    // The last column is left free, so that no terminal begins a new line by itself; a row for the cursor, and one for what
    // happens above.
    let (wide, high) = (columns.saturating_sub(1), rows.saturating_sub(2));
    let room = high.saturating_sub(3);
    let shown = chosen(&live.rows, room);
    let left_out = live.rows.len() - shown.len();
    line(&mut page, wide, &heading(live, left_out));
    if !shown.is_empty() {
        let mut cells = vec![COLUMNS.map(|(name, _)| (Label::Heading, name.to_owned()))];
        cells.extend(shown.iter().map(|row| cells_of(row)));
        cells.push(sum(live.spent));
        let mut said = vec![(Label::Heading, "NOW".to_owned())];
        said.extend(shown.iter().map(|row| (Label::Quiet, text::visible(row.said.as_bytes()))));
        said.push((Label::Plain, String::new()));
        table(&mut page, wide, &cells, &said);
    }
    page
}

/// The rows that are shown: those on which something happens before those that wait, and those before what is over.
fn chosen(rows: &[Row], room: usize) -> Vec<&Row> {
    let order = |row: &Row| match row.doing {
        Doing::Begins | Doing::Works | Doing::Ends | Doing::Lands => 0,
        Doing::Failed | Doing::Parked | Doing::Held => 1,
        Doing::Next | Doing::Waits => 2,
        Doing::Kept | Doing::Landed | Doing::Empty => 3,
    };
    let mut numbers: Vec<usize> = (0..rows.len()).collect();
    numbers.sort_by_key(|number| order(&rows[*number]));
    numbers.truncate(room);
    numbers.sort_unstable();
    numbers.into_iter().map(|number| &rows[number]).collect()
}

/// How far it is.
fn heading(live: &Live, left_out: usize) -> Vec<Span> {
    let count = |wanted: &[Doing]| live.rows.iter().filter(|row| wanted.contains(&row.doing)).count();
    let done = count(&[Doing::Landed, Doing::Empty, Doing::Kept]);
    let mut spans = vec![
        (Label::Name, text::visible(live.name.as_bytes())),
        (Label::Plain, format!(": {done} of {} done", live.rows.len())),
    ];
    let mut more = |label: Label, doing: &[Doing], what: &str| match count(doing) {
        0 => {}
        count => spans.extend([(Label::Plain, ", ".to_owned()), (label, format!("{count} {what}"))]),
    };
    more(Label::Bad, &[Doing::Failed], "failed");
    more(Label::Warn, &[Doing::Parked], "parked");
    more(Label::Plain, &[Doing::Begins, Doing::Works, Doing::Ends], "at work");
    more(Label::Plain, &[Doing::Lands], "to land");
    more(Label::Plain, &[Doing::Next, Doing::Waits], "to begin");
    more(Label::Warn, &[Doing::Held], "held up");
    if left_out > 0 {
        spans.push((Label::Quiet, format!(", {left_out} not shown")));
    }
    if live.is_stopped {
        spans.push((Label::Warn, "; stopping".to_owned()));
    }
    spans
}

fn cells_of(row: &Row) -> [Span; 7] {
    let (label, doing) = match row.doing {
        Doing::Begins => (Label::Plain, "begins"),
        Doing::Works => (Label::Plain, "at work"),
        Doing::Ends => (Label::Plain, "ends"),
        Doing::Lands => (Label::Plain, "to land"),
        Doing::Held => (Label::Warn, "held up"),
        Doing::Next => (Label::Quiet, "next"),
        Doing::Waits => (Label::Quiet, "waits"),
        Doing::Failed => (Label::Bad, "failed"),
        Doing::Parked => (Label::Warn, "parked"),
        Doing::Kept => (Label::Good, "parked, done"),
        Doing::Landed => (Label::Good, "landed"),
        Doing::Empty => (Label::Good, "no change"),
    };
    let attempts = if row.attempts == 0 { String::new() } else { row.attempts.to_string() };
    let [time, tokens, cost] = costs(row.spent, row.attempts > 0);
    let name = cut(&text::visible(row.task.as_bytes()), LONGEST_NAME);
    [
        (Label::Name, name),
        (label, doing.to_owned()),
        (Label::Person, cut(&text::visible(row.tier.as_bytes()), LONGEST_NAME)),
        (Label::Plain, attempts),
        time,
        tokens,
        cost,
    ]
}

fn sum(spent: Spent) -> [Span; 7] {
    let [time, tokens, cost] = costs(spent, true);
    let plain = |text: &str| (Label::Plain, text.to_owned());
    [plain("total"), plain(""), plain(""), plain(""), time, tokens, cost]
}

/// Time, tokens and money; nothing where nothing was begun, or nobody tells of it.
fn costs(spent: Spent, is_begun: bool) -> [Span; 3] {
    let shown = |is_shown: bool, text: String| if is_shown { text } else { String::new() };
    let time = text::duration(Duration::from_secs(spent.seconds));
    [
        (Label::Time, shown(is_begun, time)),
        (Label::Plain, shown(spent.tokens > 0, number(spent.tokens))),
        (Label::Plain, cost(spent)),
    ]
}

/// What is known of the money. Tokens without a price are never free.
fn cost(spent: Spent) -> String {
    match (spent.micros, spent.unpriced) {
        (0, 0) => String::new(),
        (0, _) => "?".to_owned(),
        (micros, 0) => money(micros),
        (micros, _) => format!("{}+?", money(micros)),
    }
}

/// A number that is read at a glance: `950`, `12.3k`, `4.5M`.
fn number(count: u64) -> String {
    let tenths = |unit: u64, name: &str| format!("{}.{}{name}", count / unit, count % unit / (unit / 10));
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => tenths(1_000, "k"),
        _ => tenths(1_000_000, "M"),
    }
}

/// Rows in columns; where it is too narrow some are left out, so that there is room for the last.
fn table(page: &mut Page, wide: usize, cells: &[[Span; 7]], said: &[Span]) {
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| cells.iter().map(|row| width(&row[column].1)).max().unwrap_or(0))
        .collect();
    let mut columns: Vec<usize> = (0..COLUMNS.len()).collect();
    let taken = |columns: &[usize]| columns.iter().map(|column| widths[*column] + 2).sum::<usize>();
    for column in GIVE_WAY {
        if taken(&columns) + SAID > wide {
            columns.retain(|kept| *kept != column);
        }
    }
    for (row, said) in cells.iter().zip(said) {
        let mut spans = Vec::new();
        for column in &columns {
            let (label, text) = &row[*column];
            let gap = " ".repeat(widths[*column] - width(text));
            if COLUMNS[*column].1 {
                spans.push((Label::Plain, gap));
                spans.push((*label, text.clone()));
            } else {
                spans.push((*label, text.clone()));
                spans.push((Label::Plain, gap));
            }
            spans.push((Label::Plain, "  ".to_owned()));
        }
        spans.push(said.clone());
        line(page, wide, &spans);
    }
}

/// A line that is cut where it does not fit.
fn line(page: &mut Page, wide: usize, spans: &[Span]) {
    let mut left = wide;
    for (label, text) in spans {
        let shown = cut(text, left);
        left -= width(&shown).min(left);
        let is_cut = shown.len() != text.len();
        page.put(*label, shown);
        if is_cut {
            break;
        }
    }
    page.end();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;

    fn row(task: &str, doing: Doing, attempts: u32, spent: Spent, said: &str) -> Row {
        Row { task: task.to_owned(), doing, tier: "small".to_owned(), attempts, spent, said: said.to_owned() }
    }

    #[test]
    fn tokens_without_a_price_are_not_shown_as_free() {
        let costs = [(0, 0), (0, 5), (4_210_000, 0), (4_210_000, 5)];
        let costs = costs.map(|(micros, unpriced)| cost(Spent { micros, unpriced, ..Spent::default() }));
        assert_eq!(costs, ["", "?", "$4.21", "$4.21+?"]);
    }

    fn live() -> Live {
        let spent = |tokens, micros, seconds| Spent { tokens, micros, unpriced: 0, seconds };
        let rows = vec![
            row("api", Doing::Landed, 1, spent(1_234_567, 4_210_000, 754), ""),
            row(
                "docs-de",
                Doing::Works,
                2,
                spent(45_000, 90_000, 75),
                "Editing docs/漢字/intro.md, 12 of 30",
            ),
            row("docs-fr", Doing::Lands, 1, spent(950, 10_000, 59), ""),
            row("tests", Doing::Failed, 3, spent(0, 0, 4_000), "its agent's command ended with exit code 3:"),
            row("release", Doing::Waits, 0, Spent::default(), "for docs-de, docs-fr, tests"),
        ];
        Live { name: "plan".to_owned(), rows, spent: spent(1_280_517, 4_310_000, 4_888), is_stopped: false }
    }

    #[test]
    fn a_run_at_80_columns() {
        assert_data_eq!(
            of(&live(), (80, 24)).plain(),
            str![[r#"
plan: 1 of 5 done, 1 failed, 1 at work, 1 to land, 1 to begin
TASK     STATE    TIER   TRY    TIME  TOKENS   COST  NOW
api      landed   small    1     12m    1.2M  $4.21
docs-de  at work  small    2      1m   45.0k  $0.09  Editing docs/漢字/intro.m…
docs-fr  to land  small    1     59s     950  $0.01
tests    failed   small    3   1h 6m                 its agent's command ended…
release  waits    small                              for docs-de, docs-fr, tes…
total                         1h 21m    1.2M  $4.31

"#]]
        );
    }

    #[test]
    fn a_run_in_a_wide_and_in_a_narrow_terminal() {
        assert_data_eq!(
            of(&live(), (120, 24)).plain(),
            str![[r#"
plan: 1 of 5 done, 1 failed, 1 at work, 1 to land, 1 to begin
TASK     STATE    TIER   TRY    TIME  TOKENS   COST  NOW
api      landed   small    1     12m    1.2M  $4.21
docs-de  at work  small    2      1m   45.0k  $0.09  Editing docs/漢字/intro.md, 12 of 30
docs-fr  to land  small    1     59s     950  $0.01
tests    failed   small    3   1h 6m                 its agent's command ended with exit code 3:
release  waits    small                              for docs-de, docs-fr, tests
total                         1h 21m    1.2M  $4.31

"#]]
        );
        assert_data_eq!(
            of(&live(), (50, 24)).plain(),
            str![[r#"
plan: 1 of 5 done, 1 failed, 1 at work, 1 to land
TASK     STATE      TIME  NOW
api      landed      12m
docs-de  at work      1m  Editing docs/漢字/intr…
docs-fr  to land     59s
tests    failed    1h 6m  its agent's command en…
release  waits            for docs-de, docs-fr, …
total             1h 21m

"#]]
        );
        assert_data_eq!(
            of(&live(), (20, 24)).plain(),
            str![[r#"
plan: 1 of 5 done,
TASK     STATE    …
api      landed
docs-de  at work  …
docs-fr  to land
tests    failed   …
release  waits    …
total

"#]]
        );
    }

    #[test]
    fn where_there_is_little_room_what_goes_on_is_shown_first() {
        assert_data_eq!(
            of(&live(), (100, 8)).plain(),
            str![[r#"
plan: 1 of 5 done, 1 failed, 1 at work, 1 to land, 1 to begin, 2 not shown
TASK     STATE    TIER   TRY    TIME  TOKENS   COST  NOW
docs-de  at work  small    2      1m   45.0k  $0.09  Editing docs/漢字/intro.md, 12 of 30
docs-fr  to land  small    1     59s     950  $0.01
tests    failed   small    3   1h 6m                 its agent's command ended with exit code 3:
total                         1h 21m    1.2M  $4.31

"#]]
        );
        assert_data_eq!(
            of(&live(), (100, 3)).plain(),
            str![[r#"
plan: 1 of 5 done, 1 failed, 1 at work, 1 to land, 1 to begin, 5 not shown

"#]]
        );
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(
            [0, 999, 1_000, 12_345, 999_999, 1_000_000, 123_456_789].map(number),
            ["0", "999", "1.0k", "12.3k", "999.9k", "1.0M", "123.4M"]
        );
    }

    proptest! {
        #[test]
        fn it_is_never_larger_than_the_terminal(columns in 0usize..130, rows in 0usize..30, said: String, name: String) {
            let mut live = live();
            live.rows[1].said = said;
            live.rows[2].task = name;
            let page = of(&live, (columns, rows));
            prop_assert!(page.lines().len() <= rows.max(3) - 2);
            for line in page.lines() {
                let wide: usize = line.iter().map(|(_, text)| width(text)).sum();
                prop_assert!(wide < columns.max(1), "{wide}: {line:?}");
            }
        }
    }
}
