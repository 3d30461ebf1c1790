//! Spans: some lines of one file, followed through edits, and what touches them.
//!
//! A span is written down once, for the file as it was when its lease was granted, and is never written anew. Where its
//! lines are in another version of the file is found out from the edits between the two, whoever made them:
//!
//! - An edit that replaces or deletes a line of the span touches it, also where it begins or ends outside.
//! - Lines inserted between two lines of the span touch it.
//! - Lines inserted before its first line or after its last do not: they are nobody's, and the span stays as it is.
//! - A span all of whose lines are gone is a place between two lines. Lines inserted there touch it, and so does what
//!   replaces or deletes lines on both sides of it.
//! - Where equal lines make it a matter of words which of them are new, an edit touches only if it does so however it
//!   is told: after an edit that does not touch, the same lines stand together in the same order.
//! - After an edit that touches, the span is also all that the edit put there.

use std::fmt;
use std::ops::Range;

use super::region_error::Fault;

/// The highest number of a line; nobody edits a file of more lines by hand.
pub const LAST: usize = 100_000_000;

/// Some lines of one version of a file, or a place between two of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How many lines stand before it.
    start: usize,
    /// How many lines stand before what follows it.
    end: usize,
}

/// One edit: lines of one version of a file, and the lines of another that stand there instead.
///
/// Ranges count lines from 0. One of the two may be empty, not both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The lines before.
    pub before: Range<usize>,
    /// The lines after.
    pub after: Range<usize>,
    /// By how many lines it can be told higher up and still be the same edit: `a`, `a` + `a`.
    pub up: usize,
    /// By how many lines it can be told lower down.
    pub down: usize,
}

impl Edit {
    /// An edit that puts a line in the place of others.
    pub fn replacing(lines: Span) -> Edit {
        Edit { before: lines.range(), after: lines.start..lines.start + 1, up: 0, down: 0 }
    }
}

/// Tells where the lines of a file are in another commit.
pub trait Lines {
    /// What a span of `path` at the commit `from` is at the commit `to`, both in hexadecimal.
    ///
    /// # Errors
    /// Why that cannot be told. Then nobody may take it for apart from anything.
    fn carried(&self, path: &[u8], span: Span, from: &str, to: &str) -> Result<Span, String>;
}

/// Where no file can be looked into: of no two spans of a file can it be told that they are apart.
#[derive(Debug, Clone, Copy)]
pub struct Unseen;

impl Lines for Unseen {
    fn carried(&self, _: &[u8], _: Span, _: &str, _: &str) -> Result<Span, String> {
        Err("the file is not looked into here".to_owned())
    }
}

impl Span {
    /// The lines from `first` to `last`, both counted from 1 and both in it. Nothing when they are no lines.
    pub fn of_lines(first: usize, last: usize) -> Option<Span> {
        (1 <= first && first <= last && last <= LAST).then(|| Span { start: first - 1, end: last })
    }

    /// Reads what follows the `#` of a region: `L10-L80`, or `L7` for one line.
    ///
    /// # Errors
    /// When it is written otherwise, or there are no such lines.
    pub fn parse(text: &str) -> Result<Span, Fault> {
        let number = |text: &str| {
            let digits = text.strip_prefix('L')?;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than fit are a line that no file has.
            is_number.then(|| digits.parse().unwrap_or(usize::MAX))
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (Some(first), Some(last)) = (number(first), number(last)) else { return Err(Fault::OddLines) };
        if first > last {
            return Err(Fault::LinesReversed { first, last });
        }
        Span::of_lines(first, last).ok_or(if first == 0 { Fault::LineZero } else { Fault::LineTooHigh })
    }

    /// What an edit replaces: the lines that go, or the place where others come.
    pub fn replaced_by(edit: &Edit) -> Span {
        Span { start: edit.before.start, end: edit.before.end }
    }

    /// The number of its last line, from 1; for a place, of the line before it.
    pub fn last(self) -> usize {
        self.end
    }

    /// The lines, counted from 0.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether no line of it is left.
    pub fn is_place(self) -> bool {
        self.start == self.end
    }

    /// Whether two spans of one version of a file have a line in common, or one is a place within the other.
    ///
    /// Two places are never apart when they are the same, because the same insertion touches both.
    pub fn meets(self, other: Span) -> bool {
        if self.is_place() && other.is_place() {
            return self == other;
        }
        self.start < other.end && other.start < self.end
    }

    /// Whether one of these edits of the file touches it. They are in order and do not overlap.
    pub fn is_touched(self, edits: &[Edit]) -> bool {
        let mut floor = 0;
        edits.iter().any(|edit| {
            let shift = self.clear_of(edit, floor);
            floor = moved(&edit.before, shift.unwrap_or(0)).end;
            shift.is_none()
        })
    }

    /// Whether one of these edits touches it, or inserts lines right above or below it. They are in order and do not overlap.
    pub fn is_reached(self, edits: &[Edit]) -> bool {
        let is_beside = |edit: &Edit| {
            let places = edit.before.start.saturating_sub(edit.up)..=edit.before.start + edit.down;
            edit.before.is_empty() && [self.start, self.end].iter().any(|edge| places.contains(edge))
        };
        self.is_touched(edits) || edits.iter().any(is_beside)
    }

    /// Whether one of these edits touches it and goes as far as one of its ends, or beyond: what was put there may be
    /// partly of the lines beside.
    pub fn is_blurred(self, edits: &[Edit]) -> bool {
        let to_an_end = |edit: &&Edit| edit.before.start <= self.start || edit.before.end >= self.end;
        edits.iter().filter(to_an_end).any(|edit| self.is_touched(std::slice::from_ref(edit)))
    }

    /// What it is after these edits, which are in order and do not overlap.
    #[must_use]
    pub fn follow(self, edits: &[Edit]) -> Span {
        // Lines that came and went above it, and within it.
        let (mut above, mut within) = ((0, 0), (0, 0));
        let (mut start, mut end, mut floor) = (None, None, 0);
        for edit in edits {
            let shift = self.clear_of(edit, floor);
            let lines = moved(&edit.before, shift.unwrap_or(0));
            floor = lines.end;
            let grown = match shift {
                Some(_) if lines.end <= self.start => &mut above,
                Some(_) => break,
                None => &mut within,
            };
            grown.0 += edit.after.len();
            grown.1 += edit.before.len();
            if shift.is_none() && lines.start <= self.start {
                start = Some(edit.after.start);
            }
            if shift.is_none() && lines.end >= self.end {
                end = Some(edit.after.end);
            }
        }
        Span {
            start: start.unwrap_or_else(|| self.start + above.0 - above.1),
            end: end.unwrap_or_else(|| self.end + above.0 + within.0 - above.1 - within.1),
        }
    }

    /// By how far an edit is moved, at least, to be told without touching this; nothing when it touches in any case.
    /// No edit is told as one of lines before `floor`, where another one ends.
    fn clear_of(self, edit: &Edit, floor: usize) -> Option<isize> {
        let up = edit.up.min(edit.before.start.saturating_sub(floor));
        let shifts = (0..=up.max(edit.down)).flat_map(|shift| {
            let signed = isize::try_from(shift).unwrap_or(isize::MAX);
            [(shift <= up, -signed), (shift <= edit.down, signed)]
        });
        let mut possible = shifts.filter(|(possible, _)| *possible).map(|(_, shift)| shift);
        possible.find(|shift| self.is_clear_of(&moved(&edit.before, *shift)))
    }

    fn is_clear_of(self, lines: &Range<usize>) -> bool {
        if self.is_place() {
            let inserted_there = lines.is_empty() && lines.start == self.start;
            return !inserted_there && (lines.end <= self.start || self.start <= lines.start);
        }
        lines.end <= self.start || self.end <= lines.start
    }
}

fn moved(range: &Range<usize>, by: isize) -> Range<usize> {
    range.start.saturating_add_signed(by)..range.end.saturating_add_signed(by)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start + 1, self.end) {
            (first, last) if first == last => write!(f, "line {first}"),
            (first, last) if first > last => write!(f, "the place before line {first}"),
            (first, last) => write!(f, "lines {first} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::ops::Range;

    use proptest::collection::vec;
    use proptest::prelude::Just;
    use proptest::prelude::Strategy;
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::prop_assert_eq;
    use proptest::prop_oneof;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestCaseError;
    use proptest::test_runner::TestRunner;

    use super::Edit;
    use super::Fault;
    use super::LAST;
    use super::Span;

    /// What happens to one line of a text, and what is written before it.
    #[derive(Debug, Clone)]
    struct Step {
        line: u32,
        inserted: Vec<u32>,
        stays: bool,
    }

    /// Two versions of a text, and the edits between them.
    #[derive(Debug)]
    struct Versions {
        old: Vec<u32>,
        new: Vec<u32>,
        edits: Vec<Edit>,
    }

    /// Steps over a text of few different lines: what is edited can be told in several ways.
    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let inserted = prop_oneof![4 => Just(Vec::new()), 1 => vec(0..3_u32, 1..3)];
        let step = (0..3_u32, inserted, prop_oneof![4 => Just(true), 1 => Just(false)]);
        vec(step.prop_map(|(line, inserted, stays)| Step { line, inserted, stays }), 1..14)
    }

    impl Versions {
        fn of(steps: &[Step]) -> Versions {
            let mut versions = Versions { old: Vec::new(), new: Vec::new(), edits: Vec::new() };
            let (mut before, mut after) = (0, 0);
            for step in steps {
                versions.new.extend(&step.inserted);
                if step.stays {
                    versions.close(before, after);
                    versions.new.push(step.line);
                    before = versions.old.len() + 1;
                    after = versions.new.len();
                }
                versions.old.push(step.line);
            }
            versions.close(before, after);
            versions.loosen();
            versions
        }

        /// Ends the edit that began there, if there is one.
        fn close(&mut self, before: usize, after: usize) {
            let edit = Edit { before: before..self.old.len(), after: after..self.new.len(), up: 0, down: 0 };
            if !edit.before.is_empty() || !edit.after.is_empty() {
                self.edits.push(edit);
            }
        }

        /// Finds by trial how far each edit can be told elsewhere.
        fn loosen(&mut self) {
            for at in 0..self.edits.len() {
                let edit = self.edits[at].clone();
                let above = at.checked_sub(1).map_or(0, |above| self.edits[above].before.end);
                let below = self.edits.get(at + 1).map_or(self.old.len(), |below| below.before.start);
                if !edit.before.is_empty() && !edit.after.is_empty() {
                    continue;
                }
                let tries = |by: isize| {
                    let moved = |range: &Range<usize>| {
                        range.start.wrapping_add_signed(by)..range.end.wrapping_add_signed(by)
                    };
                    let (before, after) = (moved(&edit.before), moved(&edit.after));
                    let mut edits = self.edits.clone();
                    edits[at] = Edit { before, after, up: 0, down: 0 };
                    applied(&self.old, &self.new, &edits) == self.new
                };
                let up = (1..=edit.before.start - above)
                    .take_while(|by| tries(-isize::try_from(*by).unwrap()))
                    .count();
                let down = (1..=below - edit.before.end)
                    .take_while(|by| tries(isize::try_from(*by).unwrap()))
                    .count();
                self.edits[at] = Edit { up, down, ..edit };
            }
        }
    }

    /// The old text with the lines of the new one where the edits say so.
    fn applied(old: &[u32], new: &[u32], edits: &[Edit]) -> Vec<u32> {
        let mut made = Vec::new();
        let mut at = 0;
        for edit in edits {
            made.extend(&old[at..edit.before.start]);
            made.extend(&new[edit.after.clone()]);
            at = edit.before.end;
        }
        made.extend(&old[at..]);
        made
    }

    fn span_in(old: usize, one: usize, other: usize) -> Span {
        let (one, other) = (one % (old + 1), other % (old + 1));
        Span { start: one.min(other), end: one.max(other) }
    }

    fn for_each(cases: u32, check: impl Fn(Versions, Span) -> Result<(), TestCaseError>) {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let given = (steps(), any::<usize>(), any::<usize>());
        TestRunner::new(config)
            .run(&given, |(steps, one, other)| {
                let versions = Versions::of(&steps);
                prop_assert_eq!(&applied(&versions.old, &versions.new, &versions.edits), &versions.new);
                let span = span_in(versions.old.len(), one, other);
                check(versions, span)
            })
            .unwrap();
    }

    #[test]
    fn after_edits_that_do_not_touch_it_a_span_has_the_same_lines() {
        let (clear, touched, told_elsewhere) = (Cell::new(0), Cell::new(0), Cell::new(0));
        for_each(4_000, |versions, span| {
            let Versions { old, new, edits } = &versions;
            let now = span.follow(edits);
            prop_assert!(now.start <= now.end && now.end <= new.len(), "{now:?}");
            if span.is_touched(edits) {
                touched.set(touched.get() + 1);
                return Ok(());
            }
            prop_assert_eq!(&new[now.range()], &old[span.range()]);
            let fixed: Vec<Edit> = edits.iter().map(|edit| Edit { up: 0, down: 0, ..edit.clone() }).collect();
            told_elsewhere.set(told_elsewhere.get() + usize::from(span.is_touched(&fixed)));
            clear.set(clear.get() + usize::from(!edits.is_empty()));
            Ok(())
        });
        let counts = (clear.get(), touched.get(), told_elsewhere.get());
        assert!(counts.0 > 500 && counts.1 > 500 && counts.2 > 50, "{counts:?}: too few to mean anything");
    }

    #[test]
    fn a_touched_span_has_all_of_its_lines_that_stay_and_all_that_an_edit_put_into_it() {
        for_each(2_000, |versions, span| {
            let now = span.follow(&versions.edits).range();
            let mut at = (0, 0);
            let mut kept = Vec::new();
            for edit in versions.edits.iter().map(Some).chain([None]) {
                let until = edit.map_or(versions.old.len(), |edit| edit.before.start);
                kept.extend((at.0..until).map(|line| (line, line - at.0 + at.1)));
                at = edit.map_or(at, |edit| (edit.before.end, edit.after.end));
            }
            // An edit that can be told in one way only: of the others only the text is sure.
            if versions.edits.iter().any(|edit| edit.up + edit.down > 0) {
                return Ok(());
            }
            for (old, new) in kept {
                let (was, is) = (span.range().contains(&old), now.contains(&new));
                prop_assert!(is || !was, "line {old} was in it, and {new} is not: {versions:?} {span:?}");
                prop_assert!(was || !is, "line {new} came into it: {versions:?} {span:?}");
            }
            for edit in &versions.edits {
                let within = now.start <= edit.after.start && edit.after.end <= now.end;
                prop_assert!(
                    within || !span.is_touched(std::slice::from_ref(edit)),
                    "{edit:?} {span:?} {now:?}"
                );
            }
            Ok(())
        });
    }

    #[test]
    fn spans_that_are_apart_stay_apart_through_edits_that_touch_at_most_one() {
        let seen = Cell::new(0);
        let more = Cell::new(1_usize);
        for_each(2_000, |versions, span| {
            // Another span, somewhere: what it is does not matter.
            more.set(more.get().wrapping_mul(31).wrapping_add(7));
            let other = span_in(versions.old.len(), more.get(), more.get() / 7);
            let touched = |span: Span| span.is_touched(&versions.edits);
            if span.meets(other) || touched(span) && touched(other) || span.is_place() || other.is_place() {
                return Ok(());
            }
            // Each is told in the way that suits it, so only edits that can be told in one way say where both are.
            if versions.edits.iter().any(|edit| edit.up + edit.down > 0) {
                return Ok(());
            }
            let (one, two) = (span.follow(&versions.edits), other.follow(&versions.edits));
            prop_assert!(!one.meets(two), "{versions:?} {span:?} {other:?}: {one:?} {two:?}");
            seen.set(seen.get() + usize::from(!versions.edits.is_empty()));
            Ok(())
        });
        assert!(seen.get() > 50, "{}", seen.get());
    }

    fn edit(before: Range<usize>, after: Range<usize>) -> Edit {
        Edit { before, after, up: 0, down: 0 }
    }

    fn lines(first: usize, last: usize) -> Span {
        Span::of_lines(first, last).unwrap()
    }

    #[test]
    fn what_touches_a_span_and_what_it_is_afterwards() {
        let (span, place) = (lines(10, 20), Span { start: 9, end: 9 });
        for (span, edit, touches, now) in [
            // Inserted well above, at the upper edge, within, at the lower edge, below.
            (span, edit(3..3, 3..5), false, "lines 12 to 22"),
            (span, edit(9..9, 9..11), false, "lines 12 to 22"),
            (span, edit(10..10, 10..12), true, "lines 10 to 22"),
            (span, edit(19..19, 19..20), true, "lines 10 to 21"),
            (span, edit(20..20, 20..22), false, "lines 10 to 20"),
            (span, edit(30..30, 30..32), false, "lines 10 to 20"),
            // Deleted above, across the upper edge, within, all of it, across the lower edge, below.
            (span, edit(7..9, 7..7), false, "lines 8 to 18"),
            (span, edit(7..10, 7..7), true, "lines 8 to 17"),
            (span, edit(9..10, 9..9), true, "lines 10 to 19"),
            (span, edit(9..20, 9..9), true, "the place before line 10"),
            (span, edit(19..25, 19..19), true, "lines 10 to 19"),
            (span, edit(20..25, 20..20), false, "lines 10 to 20"),
            // Replaced up to the edge, across it, and from the other edge on.
            (span, edit(8..9, 8..12), false, "lines 13 to 23"),
            (span, edit(8..10, 8..12), true, "lines 9 to 22"),
            (span, edit(20..21, 20..24), false, "lines 10 to 20"),
            (span, edit(0..90, 0..3), true, "lines 1 to 3"),
            // A place: there, beside it, and across it.
            (place, edit(9..9, 9..11), true, "lines 10 to 11"),
            (place, edit(8..9, 8..8), false, "the place before line 9"),
            (place, edit(9..10, 9..9), false, "the place before line 10"),
            (place, edit(8..10, 8..9), true, "line 9"),
            (place, edit(8..8, 8..9), false, "the place before line 11"),
        ] {
            let edits = [edit];
            assert_eq!(
                (span.is_touched(&edits), span.follow(&edits).to_string().as_str()),
                (touches, now),
                "{span} {edits:?}"
            );
        }
    }

    #[test]
    fn two_halves_of_a_file_are_apart_and_a_line_inserted_between_them_is_nobodys() {
        let (upper, lower) = (lines(1, 40), lines(41, 80));
        assert!(!upper.meets(lower) && !lower.meets(upper) && upper.meets(lines(40, 41)));
        let between = [edit(40..40, 40..41)];
        assert!(!upper.is_touched(&between) && !lower.is_touched(&between));
        assert_eq!((upper.follow(&between), lower.follow(&between)), (lines(1, 40), lines(42, 81)));
    }

    #[test]
    fn a_line_like_its_neighbour_that_is_inserted_at_an_edge_does_not_touch() {
        // Of `}` and `}` it cannot be told which one is new; git tells the lower one.
        let edits = [Edit { before: 40..40, after: 40..41, up: 1, down: 0 }];
        assert!(!lines(40, 60).is_touched(&edits), "told above its first line");
        assert_eq!(lines(40, 60).follow(&edits), lines(41, 61));
        assert!(lines(39, 60).is_touched(&edits));
        assert!(!lines(1, 40).is_touched(&edits));
    }

    #[test]
    fn only_lines_that_can_exist_are_read() {
        assert_eq!(Span::parse("L10-L80"), Ok(lines(10, 80)));
        assert_eq!(Span::parse("L7"), Ok(lines(7, 7)));
        assert_eq!(Span::parse("L007-L8"), Ok(lines(7, 8)));
        for (text, fault) in [
            ("L0", Fault::LineZero),
            ("L0-L4", Fault::LineZero),
            ("L9-L3", Fault::LinesReversed { first: 9, last: 3 }),
            ("L1-L100000001", Fault::LineTooHigh),
            ("L99999999999999999999999", Fault::LineTooHigh),
            ("L1-", Fault::OddLines),
            ("L1-8", Fault::OddLines),
            ("L1-L", Fault::OddLines),
            ("L1-L2-L3", Fault::OddLines),
            ("L1,L2", Fault::OddLines),
            ("L+1", Fault::OddLines),
            ("l1", Fault::OddLines),
            ("L1 ", Fault::OddLines),
        ] {
            assert_eq!(Span::parse(text), Err(fault), "{text}");
        }
        assert_eq!(Span::parse(&format!("L{LAST}")).map(Span::last), Ok(LAST));
    }
}
