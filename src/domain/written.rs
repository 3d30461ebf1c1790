//! What people write into files: where something stands, and what someone who mistyped a name may have meant.

use std::fmt;
use std::ops::Range;

/// A place in the file: line and column from 1, the column in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in letters, from 1.
    pub column: usize,
}

impl Position {
    /// The place of a byte in the text.
    pub fn of(text: &str, span: &Range<usize>) -> Position {
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        Position {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            // A letter is a byte that does not continue another.
            column: line.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What to do about a name that is none of those that there are.
pub fn name_hint(name: &str, known: &[&str], all: &str) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the {all} are {}", listed(known)),
    }
}

/// Names one after the other, each in backquotes.
pub fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The name that is a slip of the finger away, if one is.
pub fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let distances = names.iter().map(|name| (distance(written, name), *name));
    let (steps, name) = distances.min_by_key(|(steps, _)| *steps)?;
    // Of short names two slips make any other.
    (steps <= name.len().div_ceil(3).min(2)).then_some(name)
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for column in 0..other.len() {
            let changed = diagonal + usize::from(letter != other[column]);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
