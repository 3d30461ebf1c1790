//! A matrix: one task as it is written becomes one for each combination of its values.

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::domain::task::TaskName;

/// The values of one placeholder, in their order.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The placeholder's name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether they are paths, whose letters mean nothing to a pattern.
    pub are_paths: bool,
}

/// One combination: what each placeholder stands for, and the name's ending.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// The values by name.
    pub values: BTreeMap<String, String>,
    /// What tells its task from the others: the values, made of letters that a task's name may have.
    pub ending: String,
}

/// All combinations, the last axis changing fastest. Without an axis there is one, of nothing.
pub fn cells(axes: &[Axis]) -> Vec<Cell> {
    let mut cells = vec![Cell::default()];
    for axis in axes {
        let grown = cells.iter().flat_map(|cell| {
            axis.values.iter().map(|value| {
                let mut cell = cell.clone();
                cell.values.insert(axis.name.clone(), value.clone());
                cell.ending.push('-');
                cell.ending.push_str(&slug(value));
                cell
            })
        });
        cells = grown.collect();
    }
    cells
}

fn slug(value: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    value.chars().map(letter).collect::<String>().trim_matches('-').to_owned()
}

/// The longest part of a name that is kept; a number behind it makes it one of its own.
const LONGEST: usize = 56;

/// The name of a combination's task, different from all that are `taken`, letters of another case too. Nothing when the task's own name cannot begin one.
pub fn name(task: &str, cell: &Cell, taken: &mut HashSet<String>) -> Option<TaskName> {
    let mut whole = format!("{task}{}", cell.ending);
    whole.truncate(if whole.len() > 64 { LONGEST } else { 64 });
    let whole = whole.trim_end_matches(['-', '.']).to_owned();
    let numbered = (2..).map(|number| format!("{whole}-{number}"));
    let free = std::iter::once(whole.clone())
        .chain(numbered)
        .find(|name| !taken.contains(&name.to_ascii_lowercase()))?;
    taken.insert(free.to_ascii_lowercase());
    free.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str, values: &[&str]) -> Axis {
        Axis {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            are_paths: false,
        }
    }

    #[test]
    fn every_combination_is_there_once_the_last_axis_first() {
        let cells = cells(&[axis("a", &["1", "2"]), axis("b", &["x", "y"])]);
        let endings: Vec<&str> = cells.iter().map(|cell| cell.ending.as_str()).collect();
        assert_eq!(endings, ["-1-x", "-1-y", "-2-x", "-2-y"]);
        assert_eq!(super::cells(&[]).len(), 1);
    }

    #[test]
    fn names_are_valid_and_never_the_same() {
        let mut taken = HashSet::new();
        let mut made = |value: &str| {
            let cell = cells(&[axis("a", &[value])]).remove(0);
            name("docs", &cell, &mut taken).map(|name| name.as_str().to_owned())
        };
        assert_eq!(made("src/a b.rs").as_deref(), Some("docs-src-a-b-rs"));
        assert_eq!(made("src/a-b.rs").as_deref(), Some("docs-src-a-b-rs-2"));
        assert_eq!(made("SRC/a-b.rs").as_deref(), Some("docs-SRC-a-b-rs-3"), "a folder may ignore case");
        assert_eq!(made("ä").as_deref(), Some("docs"));
        let long = "x/".repeat(60);
        let (one, two) = (made(&long), made(&long));
        assert!(one.is_some() && two.is_some() && one != two, "{one:?} {two:?}");
    }
}
