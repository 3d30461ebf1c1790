//! A sheet: one conflict as it is read, side beside side, with what differs.

use crate::base::failure::Failure;
use crate::commands::review::desk::Desk;
use crate::commands::review::desk::Spot;
use crate::commands::review::view;
use crate::merge::review::What;

use super::lines;
use super::words;
use super::words::Change;

/// How a line differs from the base, told without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Not at all.
    Same,
    /// Some of its words do.
    Partly,
    /// It is new.
    New,
    /// It is in the base, and a side has changed it or has it no more.
    Gone,
    /// It is not a line of the file, but says something about it.
    Remark,
}

impl Mark {
    /// The sign before the line.
    pub fn sign(self) -> &'static str {
        match self {
            Mark::Same | Mark::Remark => " ",
            Mark::Partly => "~",
            Mark::New => "+",
            Mark::Gone => "-",
        }
    }
}

/// A piece of a line, and whether it differs.
pub type Piece = (bool, String);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// How it differs.
    pub mark: Mark,
    /// Its text.
    pub pieces: Vec<Piece>,
}

impl Row {
    /// Words about a file.
    pub fn remark(text: impl Into<String>) -> Row {
        Row { mark: Mark::Remark, pieces: vec![(false, text.into())] }
    }

    fn of(line: &str, change: &Change, whole: Mark, partly: Mark) -> Row {
        let mark = match change {
            change if change.is_whole => whole,
            change if change.is_none() => Mark::Same,
            _ => partly,
        };
        let mut pieces = Vec::new();
        let (mut at, mut column) = (0, 0);
        for part in change.parts.iter().filter(|_| !change.is_whole) {
            pieces.push((false, lines::with_columns(&line[at..part.start], &mut column, false)));
            pieces.push((true, lines::with_columns(&line[part.clone()], &mut column, true)));
            at = part.end;
        }
        let is_whole = change.is_whole;
        pieces.push((is_whole, lines::with_columns(&line[at..], &mut column, is_whole)));
        pieces.retain(|(_, text)| !text.is_empty());
        Row { mark, pieces }
    }
}

/// All lines of a side.
pub type Column = Vec<Row>;

/// One conflict, its sides side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// What the target has.
    pub ours: Column,
    /// What was there before either.
    pub base: Column,
    /// What the task has.
    pub theirs: Column,
}

/// How large a file may be that is shown where a whole path is in conflict, in bytes.
const LARGEST: usize = 1 << 20;

impl Sheet {
    /// The sheet of a conflict.
    ///
    /// # Errors
    /// When a version of the file cannot be read.
    pub fn of(desk: &Desk<'_>, spot: Spot) -> Result<Sheet, Failure> {
        let (heads, texts) = match &desk.item(spot).what {
            What::Lines { base, ours, theirs, .. } => {
                let said = |text: &[u8]| text.is_empty().then(|| "nothing".to_owned());
                ([said(ours), said(base), said(theirs)], [ours, base, theirs].map(|text| lines::lines(text)))
            }
            What::Place { base, ours, theirs } => {
                let mut heads = [const { None }; 3];
                let mut texts = [const { Vec::new() }; 3];
                for (number, stage) in [ours, base, theirs].into_iter().enumerate() {
                    let Some(stage) = *stage else {
                        let was = base.is_some() && number != 1;
                        heads[number] =
                            Some(if was { "no longer here" } else { "nothing is here" }.to_owned());
                        continue;
                    };
                    let (said, text) = described(view::in_words(stage), desk.content(stage)?);
                    heads[number] = Some(said);
                    texts[number] = text;
                }
                (heads, texts)
            }
        };
        let [ours, base, theirs] = &texts;
        let columns = if base.is_empty() {
            // Nothing was there: what differs is told from the other side.
            let (was, is) = words::compare(ours, theirs);
            [rows(ours, &was, Mark::New), Column::new(), rows(theirs, &is, Mark::New)]
        } else {
            let (before, by_ours) = words::compare(base, ours);
            let (other, by_theirs) = words::compare(base, theirs);
            // A side that has nothing says so in words; that every line is gone there would say nothing more.
            let both =
                before.into_iter().zip(&other).map(|(change, other)| match (ours.len(), theirs.len()) {
                    (0, _) => other.clone(),
                    (_, 0) => change,
                    _ => change.joined(other),
                });
            let both: Vec<Change> = both.collect();
            [
                rows(ours, &by_ours, Mark::New),
                rows(base, &both, Mark::Gone),
                rows(theirs, &by_theirs, Mark::New),
            ]
        };
        let mut columns = columns.into_iter().zip(heads).map(|(rows, head)| {
            let mut column: Column = head.map(Row::remark).into_iter().collect();
            column.extend(rows);
            column
        });
        let mut next = || columns.next().unwrap_or_default();
        Ok(Sheet { ours: next(), base: next(), theirs: next() })
    }
}

/// Lines without anything to compare them with.
pub fn plain(bytes: &[u8]) -> Column {
    let lines = lines::lines(bytes);
    rows(&lines, &vec![Change::default(); lines.len()], Mark::New)
}

fn rows(lines: &[String], changes: &[Change], whole: Mark) -> Column {
    let partly = if whole == Mark::Gone { Mark::Gone } else { Mark::Partly };
    let row = |(line, change): (&String, &Change)| match line.as_str() {
        lines::NO_END => Row { mark: Mark::Remark, pieces: vec![(!change.is_none(), line.clone())] },
        line => Row::of(line, change, whole, partly),
    };
    lines.iter().zip(changes).map(row).collect()
}

/// What is at a path: in words, and its lines where it has some.
fn described(said: String, bytes: Option<Vec<u8>>) -> (String, Vec<String>) {
    let Some(bytes) = bytes else { return (said, Vec::new()) };
    if bytes[..bytes.len().min(8_000)].contains(&0) {
        return (format!("{said}, {} bytes, not of lines", bytes.len()), Vec::new());
    }
    if bytes.len() > LARGEST {
        return (format!("{said}, {} bytes, too long to show", bytes.len()), Vec::new());
    }
    (said, lines::lines(&bytes))
}
