//! Differences of lines, as git finds them when it merges: by their rarest common lines, each group as low as it can be.

use std::collections::HashMap;
use std::collections::HashSet;

/// Lines of some texts as numbers: equal lines have one number.
#[derive(Debug, Default)]
pub(super) struct Numbers<'a> {
    known: HashMap<&'a [u8], u32>,
}

impl<'a> Numbers<'a> {
    /// The numbers of lines.
    pub fn of(&mut self, lines: &[&'a [u8]]) -> Vec<u32> {
        let mut number = |line: &&'a [u8]| {
            let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
            *self.known.entry(line).or_insert(next)
        };
        lines.iter().map(&mut number).collect()
    }

    fn count(&self) -> usize {
        self.known.len()
    }
}

/// A range of lines before, and the lines after that replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The first line before.
    pub base: usize,
    /// How many lines before.
    pub base_count: usize,
    /// The first line after.
    pub side: usize,
    /// How many lines after.
    pub side_count: usize,
}

/// What changed.
#[derive(Debug)]
pub(super) struct Found {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Whether all versions of git find these. From 2.54 on, git compares a group of lines once more after it was moved.
    pub certain: bool,
}

/// The lines of a text, with their ends.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').collect()
}

/// What changed; nothing when every common line is so frequent that git goes another way to find out.
pub(super) fn changes(before: &[u32], after: &[u32], numbers: &Numbers<'_>) -> Option<Found> {
    let mut marks = [vec![false; before.len()], vec![false; after.len()]];
    let mut search = Search::new(before, after, numbers.count());
    if !search.mark(&mut marks) {
        return None;
    }
    let [removed, added] = &mut marks;
    let one = compact([before, after], removed, added);
    let other = compact([after, before], added, removed);
    let mut changes = Vec::new();
    let (mut base, mut side) = (0, 0);
    while base < removed.len() || side < added.len() {
        let start = (base, side);
        base += run(removed, base);
        side += run(added, side);
        if (base, side) == start {
            (base, side) = (base + 1, side + 1);
        } else {
            let (base_count, side_count) = (base - start.0, side - start.1);
            changes.push(Change { base: start.0, base_count, side: start.1, side_count });
        }
    }
    Some(Found { changes, certain: one && other })
}

/// How many lines are marked from one on.
fn run(marks: &[bool], from: usize) -> usize {
    marks.get(from..).unwrap_or_default().iter().take_while(|&&mark| mark).count()
}

/// A line that occurs more often than this says nothing of where texts match.
const FREQUENT: u32 = 64;

/// No place.
const NOWHERE: usize = usize::MAX;

/// The search for the stretches that both texts have.
struct Search<'a> {
    before: &'a [u32],
    after: &'a [u32],
    /// By the number of a line: its first place in the part of `before` that is looked at, and how often it is there.
    first: Vec<usize>,
    times: Vec<u32>,
    /// By a place in `before`: the next place of the same line.
    next: Vec<usize>,
}

/// A part of both texts: from and to, before and after.
#[derive(Debug, Clone, Copy)]
struct Part {
    before: (usize, usize),
    after: (usize, usize),
}

/// The best stretch so far.
struct Best {
    /// Begin before, begin after, length; nothing when there is none.
    stretch: Option<(usize, usize, usize)>,
    /// How often its rarest line occurs.
    times: u32,
    /// Whether any line is common at all.
    any_common: bool,
}

impl<'a> Search<'a> {
    fn new(before: &'a [u32], after: &'a [u32], numbers: usize) -> Search<'a> {
        let first = vec![NOWHERE; numbers];
        Search { before, after, first, times: vec![0; numbers], next: vec![NOWHERE; before.len()] }
    }

    /// Marks what is not common; false when the texts repeat themselves too much.
    fn mark(&mut self, marks: &mut [Vec<bool>; 2]) -> bool {
        let mut open = vec![Part { before: (0, self.before.len()), after: (0, self.after.len()) }];
        while let Some(part) = open.pop() {
            let (before, after) = (part.before, part.after);
            let best = if before.0 == before.1 || after.0 == after.1 {
                Best { stretch: None, times: 0, any_common: false }
            } else {
                self.best(part)
            };
            if best.any_common && best.times > FREQUENT {
                return false;
            }
            let Some((begin, other, length)) = best.stretch else {
                marks[0][before.0..before.1].fill(true);
                marks[1][after.0..after.1].fill(true);
                continue;
            };
            open.push(Part { before: (begin + length, before.1), after: (other + length, after.1) });
            open.push(Part { before: (before.0, begin), after: (after.0, other) });
        }
        true
    }

    /// The longest common stretch among those with the rarest lines.
    fn best(&mut self, part: Part) -> Best {
        for place in (part.before.0..part.before.1).rev() {
            let number = self.before[place] as usize;
            self.next[place] = self.first[number];
            self.first[number] = place;
            self.times[number] += 1;
        }
        let mut best = Best { stretch: None, times: FREQUENT + 1, any_common: false };
        let mut place = part.after.0;
        while place < part.after.1 {
            place = self.try_at(place, part, &mut best);
        }
        for place in part.before.0..part.before.1 {
            let number = self.before[place] as usize;
            self.first[number] = NOWHERE;
            self.times[number] = 0;
        }
        best
    }

    /// Tries every match of one line after; answers the next line that is worth a try.
    fn try_at(&self, place: usize, part: Part, best: &mut Best) -> usize {
        let mut go_on = place + 1;
        let number = self.after[place] as usize;
        let times = self.times[number];
        if times == 0 {
            return go_on;
        }
        best.any_common = true;
        if times > best.times {
            return go_on;
        }
        let mut at = self.first[number];
        while at != NOWHERE {
            let mut next = self.next[at];
            let (mut begin, mut other, mut end, mut other_end) = (at, place, at + 1, place + 1);
            let mut rarest = times;
            let rarer = |rarest: u32, line: u32| rarest.min(self.times[line as usize]);
            while begin > part.before.0
                && other > part.after.0
                && self.before[begin - 1] == self.after[other - 1]
            {
                (begin, other) = (begin - 1, other - 1);
                rarest = rarer(rarest, self.before[begin]);
            }
            while end < part.before.1 && other_end < part.after.1 && self.before[end] == self.after[other_end]
            {
                rarest = rarer(rarest, self.before[end]);
                (end, other_end) = (end + 1, other_end + 1);
            }
            go_on = go_on.max(other_end);
            // Of the first line alone no stretch is made when it is as frequent as can be.
            let longest = best.stretch.map_or(1, |(_, _, length)| length);
            if end - begin > longest || rarest < best.times {
                best.stretch = Some((begin, other, end - begin));
                best.times = rarest;
            }
            while next != NOWHERE && next < end {
                next = self.next[next];
            }
            at = next;
        }
        go_on
    }
}

/// A group of marked lines, which may be none: those between two lines that stay.
#[derive(Debug, Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn first(marks: &[bool]) -> Group {
        Group { start: 0, end: run(marks, 0) }
    }

    /// The next one; false at the end.
    fn advance(&mut self, marks: &[bool]) -> bool {
        if self.end == marks.len() {
            return false;
        }
        self.start = self.end + 1;
        self.end = self.start + run(marks, self.start);
        true
    }

    /// The one before.
    fn go_back(&mut self, marks: &[bool]) {
        self.end = self.start.saturating_sub(1);
        self.start = begin_of(marks, self.end);
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Moves it one line up where that marks the same text, and makes it one with the group that it meets.
    fn slide_up(&mut self, lines: &[u32], marks: &mut [bool]) -> bool {
        if self.start == 0 || lines[self.start - 1] != lines[self.end - 1] {
            return false;
        }
        (self.start, self.end) = (self.start - 1, self.end - 1);
        marks[self.start] = true;
        marks[self.end] = false;
        self.start = begin_of(marks, self.start);
        true
    }

    /// The same one line down.
    fn slide_down(&mut self, lines: &[u32], marks: &mut [bool]) -> bool {
        if self.end == lines.len() || lines[self.start] != lines[self.end] {
            return false;
        }
        marks[self.start] = false;
        marks[self.end] = true;
        (self.start, self.end) = (self.start + 1, self.end + 1);
        self.end += run(marks, self.end);
        true
    }
}

/// Where the marked lines that end before `end` begin.
fn begin_of(marks: &[bool], end: usize) -> usize {
    end - marks[..end].iter().rev().take_while(|&&mark| mark).count()
}

/// Moves each group of one text as low as it can be, or to the lowest place where the other text changed too. Answers
/// whether no group that was moved has a line in common with the other text's there.
fn compact([lines, other_lines]: [&[u32]; 2], marks: &mut [bool], others: &[bool]) -> bool {
    let (mut group, mut other) = (Group::first(marks), Group::first(others));
    let mut certain = true;
    loop {
        if !group.is_empty() {
            let before = group;
            settle(lines, marks, others, &mut group, &mut other);
            if (before.start, before.end) != (group.start, group.end) {
                let there: HashSet<u32> = other_lines[other.start..other.end].iter().copied().collect();
                certain &= !lines[group.start..group.end].iter().any(|line| there.contains(line));
            }
        }
        if !group.advance(marks) {
            return certain;
        }
        other.advance(others);
    }
}

fn settle(lines: &[u32], marks: &mut [bool], others: &[bool], group: &mut Group, other: &mut Group) {
    let (mut highest, mut beside);
    loop {
        let size = group.end - group.start;
        while group.slide_up(lines, marks) {
            other.go_back(others);
        }
        highest = group.end;
        beside = !other.is_empty();
        while group.slide_down(lines, marks) {
            other.advance(others);
            beside |= !other.is_empty();
        }
        // It may have met others, with which it can go further.
        if group.end - group.start == size {
            break;
        }
    }
    if group.end == highest || !beside {
        return;
    }
    while other.is_empty() && group.slide_up(lines, marks) {
        other.go_back(others);
    }
}
