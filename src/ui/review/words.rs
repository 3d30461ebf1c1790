//! Words that differ between two versions of some lines.

use std::ops::Range;

use similar::Algorithm;
use similar::DiffOp;
use similar::capture_diff_slices;
use unicode_segmentation::UnicodeSegmentation;

/// What differs in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Nothing like it is on the other side.
    pub is_whole: bool,
    /// The bytes that differ, in order, with something between one and the next.
    pub parts: Vec<Range<usize>>,
}

/// What differs in each line of one version.
pub type Changes = Vec<Change>;

/// How many lines are compared at most: more would not be read, and should not be waited for.
const MOST_LINES: usize = 20_000;

/// How many words of a changed place are compared.
const MOST_WORDS: usize = 2_000;

impl Change {
    /// Whether the line is the same on both sides.
    pub fn is_none(&self) -> bool {
        !self.is_whole && self.parts.is_empty()
    }

    /// What differs from one or another version.
    pub fn joined(mut self, other: &Change) -> Change {
        self.is_whole |= other.is_whole;
        self.parts.extend(other.parts.iter().cloned());
        self.parts.sort_by_key(|part| part.start);
        let mut parts: Vec<Range<usize>> = Vec::new();
        for part in self.parts {
            match parts.last_mut() {
                Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
                _ => parts.push(part),
            }
        }
        Change { is_whole: self.is_whole, parts }
    }
}

/// Compares two versions, line by line, and where lines were replaced, word by word.
pub fn compare(old: &[String], new: &[String]) -> (Changes, Changes) {
    let mut was = vec![Change::default(); old.len()];
    let mut is = vec![Change::default(); new.len()];
    if old.len() + new.len() > MOST_LINES {
        return (was, is);
    }
    for change in capture_diff_slices(Algorithm::Myers, old, new) {
        match change {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete { old_index, old_len, .. } => whole(&mut was[old_index..old_index + old_len]),
            DiffOp::Insert { new_index, new_len, .. } => whole(&mut is[new_index..new_index + new_len]),
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let (old_end, new_end) = (old_index + old_len, new_index + new_len);
                replaced(
                    (&old[old_index..old_end], &mut was[old_index..old_end]),
                    (&new[new_index..new_end], &mut is[new_index..new_end]),
                );
            }
        }
    }
    (was, is)
}

fn whole(changes: &mut [Change]) {
    changes.iter_mut().for_each(|change| change.is_whole = true);
}

/// A word of a line.
struct Word<'a> {
    text: &'a str,
    line: usize,
    at: usize,
}

impl Word<'_> {
    fn means_something(&self) -> bool {
        self.text.chars().next().is_some_and(is_letter)
    }
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The words of some lines: letters, blanks, or one sign; a line's end is a word too.
fn words(lines: &[String]) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    for (line, text) in lines.iter().enumerate() {
        let kind =
            |piece: &str| piece.chars().next().map(|letter| (is_letter(letter), letter.is_whitespace()));
        let mut before = None;
        for (at, piece) in text.grapheme_indices(true) {
            let now = kind(piece);
            let grows = now == before && now != Some((false, false));
            before = now;
            match found.last_mut().filter(|_| grows) {
                Some(word) => word.text = &text[word.at..at + piece.len()],
                None => found.push(Word { text: piece, line, at }),
            }
        }
        found.push(Word { text: "\n", line, at: text.len() });
    }
    found
}

fn replaced((old, was): (&[String], &mut [Change]), (new, is): (&[String], &mut [Change])) {
    let (old, new) = (words(old), words(new));
    if old.len() + new.len() > MOST_WORDS {
        whole(was);
        whole(is);
        return;
    }
    let texts = |words: &[Word<'_>]| words.iter().map(|word| word.text.to_owned()).collect::<Vec<_>>();
    let changes = capture_diff_slices(Algorithm::Myers, &texts(&old), &texts(&new));
    // Texts that have nothing in common but signs are not the same text, changed.
    let letters = |words: &[Word<'_>]| -> usize {
        words.iter().filter(|word| word.means_something()).map(|word| word.text.len()).sum()
    };
    let kept = changes.iter().map(|change| match change {
        DiffOp::Equal { old_index, len, .. } => letters(&old[*old_index..old_index + len]),
        _ => 0,
    });
    if kept.sum::<usize>() * 3 < letters(&old).max(letters(&new)).max(1) {
        whole(was);
        whole(is);
        return;
    }
    for change in changes {
        let (_, old_range, new_range) = change.as_tag_tuple();
        if !matches!(change, DiffOp::Equal { .. }) {
            mark(&old[old_range], was);
            mark(&new[new_range], is);
        }
    }
}

fn mark(words: &[Word<'_>], changes: &mut [Change]) {
    for word in words {
        let parts = &mut changes[word.line].parts;
        // A line's end alone has no place to be shown at: its line counts as changed.
        let end = if word.text == "\n" { word.at } else { word.at + word.text.len() };
        match parts.last_mut() {
            Some(last) if last.end == word.at => last.end = end,
            _ => parts.push(word.at..end),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn marked(lines: &[String], changes: &Changes) -> Vec<String> {
        let shown = lines.iter().zip(changes).map(|(line, change)| {
            let mut out = line.clone();
            for part in change.parts.iter().rev() {
                out.insert(part.end, ']');
                out.insert(part.start, '[');
            }
            if change.is_whole { format!("+{out}") } else { out }
        });
        shown.collect()
    }

    fn compared(old: &[&str], new: &[&str]) -> (Vec<String>, Vec<String>) {
        let (old, new) = (text(old), text(new));
        let (was, is) = compare(&old, &new);
        (marked(&old, &was), marked(&new, &is))
    }

    #[test]
    fn words_that_differ_are_found_in_lines_that_are_alike() {
        let (was, is) = compared(&["let limit = 10;", "same"], &["let limit = 25 + grace;", "same"]);
        assert_eq!(was, ["let limit = [10];", "same"]);
        assert_eq!(is, ["let limit = [25 + grace];", "same"]);
    }

    #[test]
    fn lines_that_have_nothing_in_common_differ_as_a_whole() {
        let (was, is) = compared(&["fn a() {}"], &["struct Order { id: u64 }"]);
        assert_eq!((was, is), (text(&["+fn a() {}"]), text(&["+struct Order { id: u64 }"])));
        assert_eq!(compared(&["a"], &["a", "b"]).1, ["a", "+b"]);
    }

    #[test]
    fn letters_of_more_than_one_sign_stay_together() {
        let (was, is) = compared(&["name = e\u{301}a one two"], &["name = e\u{300}a one two"]);
        assert_eq!(was, ["name = [e\u{301}a] one two"]);
        assert_eq!(is, ["name = [e\u{300}a] one two"]);
    }

    #[test]
    fn a_blank_that_differs_is_found() {
        assert_eq!(compared(&["\tlet a = one;"], &["    let a = one;"]).1, ["[    ]let a = one;"]);
        assert_eq!(compared(&["let a = one;"], &["let a = one;␍"]).1, ["let a = one;[␍]"]);
    }

    proptest! {
        #[test]
        fn what_is_not_marked_is_the_same(
            old in prop::collection::vec("[ab ]{0,6}", 0..6),
            new in prop::collection::vec("[ab ]{0,6}", 0..6),
        ) {
            let (was, is) = compare(&old, &new);
            let rest = |lines: &[String], changes: &Changes| -> String {
                let left = lines.iter().zip(changes).filter(|(_, change)| !change.is_whole).map(|(line, change)| {
                    let mut line = line.clone();
                    for part in change.parts.iter().rev() {
                        line.replace_range(part.clone(), "");
                    }
                    line
                });
                left.collect()
            };
            prop_assert_eq!(rest(&old, &was), rest(&new, &is));
        }

        #[test]
        fn the_same_lines_do_not_differ(lines in prop::collection::vec("\\PC{0,8}", 0..6)) {
            let (was, is) = compare(&lines, &lines);
            prop_assert!(was.iter().chain(&is).all(Change::is_none));
        }
    }
}
