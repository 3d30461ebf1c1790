//! Regions: what a lease is about, a pattern, a named set of patterns, or lines of one file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::automaton::Automaton;
use super::glob::Pattern;
use super::overlap;
use super::overlap::Effort;
use super::overlap::Meeting;
use super::region_error::Fault;
use super::span::Span;

pub use super::automaton::Case;
pub use super::region_error::RegionError;

/// One region of a lease: a pattern, a named set with its patterns as they were when it was granted, or lines of a file.
///
/// Of a region of lines what is said here is said of its path: it covers the path, and overlaps all that covers it. What
/// becomes of the lines is for [`Lines`](super::span::Lines) to say, who can look into the file.
///
/// In a set the last pattern that matches a path decides, and `!pattern` takes out, also below a directory that an
/// earlier pattern covers. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    text: String,
    rules: Arc<[Rule]>,
    set: Option<Arc<[String]>>,
    span: Option<Span>,
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    adds: bool,
}

/// A pattern that adds paths, and the later rules of its set.
#[derive(Clone, Copy)]
struct Grant<'r> {
    pattern: &'r Pattern,
    later: &'r [Rule],
}

impl Region {
    /// Reads a region: a pattern, or `@name` for a set of `sets`, which are named without their `@`.
    ///
    /// # Errors
    /// When the text or a pattern of the set is malformed, or there is no such set.
    pub fn parse(
        text: &str,
        sets: &BTreeMap<String, Vec<String>>,
        case: Case,
    ) -> Result<Region, RegionError> {
        let Some(name) = text.strip_prefix('@') else {
            let rule = Rule { pattern: Pattern::parse(text, case)?, adds: true };
            return Ok(Region { text: text.to_owned(), rules: [rule].into(), set: None, span: None });
        };
        let Some(patterns) = sets.get(name) else {
            return Err(RegionError::new(text, Fault::UnknownSet { known: sets.keys().cloned().collect() }));
        };
        Region::frozen_set(name, patterns.clone(), case)
    }

    /// Reads a region of a lease, which may be lines of one file: `src/lib.rs#L10-L80`, `src/lib.rs#L7`.
    ///
    /// # Errors
    /// As [`Region::parse`]; and when the lines are not those of a single file, or none that a file can have.
    pub fn of_lease(
        text: &str,
        sets: &BTreeMap<String, Vec<String>>,
        case: Case,
    ) -> Result<Region, RegionError> {
        let error = match Region::parse(text, sets, case) {
            Err(error) if error.set.is_none() => error,
            other => return other,
        };
        let Fault::Lines { file, lines } = &error.fault else { return Err(error) };
        let pattern = match Pattern::parse(file, case) {
            Ok(pattern) if pattern.path().is_some() => pattern,
            _ => return Err(error),
        };
        let span = Span::parse(lines).map_err(|fault| RegionError::new(text, fault))?;
        let rule = Rule { pattern, adds: true };
        Ok(Region { text: text.to_owned(), rules: [rule].into(), set: None, span: Some(span) })
    }

    /// The file and its lines, for a region of lines: of the file as it is where the lease begins.
    pub fn lines(&self) -> Option<(&[u8], Span)> {
        let span = self.span?;
        Some((self.rules.first()?.pattern.path()?, span))
    }

    /// The region of one file, whatever letters its path is made of. Nothing when the path is not UTF-8 or could not be
    /// claimed by anybody either.
    pub fn literal(path: &[u8], case: Case) -> Option<Region> {
        let bytes = path;
        let path = std::str::from_utf8(path).ok()?;
        let mut text = String::with_capacity(path.len());
        for letter in path.chars() {
            if r"\*?[]#:!@".contains(letter) {
                text.push('\\');
            }
            text.push(letter);
        }
        // A hand-made tree may have a path such as `/a`, which as a region is about another file.
        Region::parse(&text, &BTreeMap::new(), case).ok().filter(|region| region.covers(bytes))
    }

    /// The set `@name` with these patterns, whatever the configuration says now.
    ///
    /// # Errors
    /// When a pattern is malformed, or the set is empty or covers nothing.
    pub fn frozen_set(name: &str, patterns: Vec<String>, case: Case) -> Result<Region, RegionError> {
        let text = format!("@{name}");
        if patterns.is_empty() {
            return Err(RegionError::new(&text, Fault::EmptySet));
        }
        let rule = |line: &String| {
            let (pattern, adds) = match line.strip_prefix('!') {
                Some(pattern) => (pattern, false),
                None => (line.as_str(), true),
            };
            Pattern::parse(pattern, case)
                .map(|pattern| Rule { pattern, adds })
                .map_err(|error| error.in_set(name))
        };
        let rules = patterns.iter().map(rule).collect::<Result<Arc<[Rule]>, _>>()?;
        let set = Region { text, rules, set: Some(patterns.into()), span: None };
        let covers_something = rules_end_adding(&set.rules) || set.meeting(&set) != Meeting::Apart;
        if covers_something { Ok(set) } else { Err(RegionError::new(&set.text, Fault::CoversNothing)) }
    }

    /// The region as written: `src/auth/**`, `@auth`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A named set's patterns, as they were granted, in order; nothing for a plain pattern.
    pub fn set_patterns(&self) -> Option<&[String]> {
        self.set.as_deref()
    }

    /// Whether it covers a path.
    pub fn covers(&self, path: &[u8]) -> bool {
        self.rules.iter().rev().find(|rule| rule.pattern.matches(path)).is_some_and(|rule| rule.adds)
    }

    /// Whether some path, existing or not, is covered by both.
    ///
    /// Exact, but for sets so entangled that [`Effort::ALLOWED`] does not suffice: then `true`, because refusing a
    /// claim is safe and granting it twice is not.
    pub fn overlaps(&self, other: &Region) -> bool {
        let mut effort = Effort::ALLOWED.clone();
        self.pairs(other).any(|(mine, theirs)| mine.meets(theirs, &mut effort))
    }

    /// A shortest path that both cover; nothing also where [`Region::overlaps`] says `true` without knowing one.
    pub fn witness(&self, other: &Region) -> Option<Vec<u8>> {
        match self.meeting(other) {
            Meeting::At(path) => Some(path),
            Meeting::Apart | Meeting::Unknown => None,
        }
    }

    /// Where the two meet: at a shortest path, unless the effort ran out before all was compared.
    pub fn meeting(&self, other: &Region) -> Meeting {
        self.meeting_within(other, &mut Effort::ALLOWED.clone())
    }

    fn meeting_within(&self, other: &Region, effort: &mut Effort) -> Meeting {
        self.pairs(other).map(|(mine, theirs)| mine.meeting(theirs, effort)).fold(Meeting::Apart, nearer)
    }

    /// The patterns that add paths to it.
    pub fn adding(&self) -> impl Iterator<Item = &Pattern> {
        self.rules.iter().filter(|rule| rule.adds).map(|rule| &rule.pattern)
    }

    fn grants(&self) -> impl Iterator<Item = Grant<'_>> {
        let adding = self.rules.iter().enumerate().filter(|(_, rule)| rule.adds);
        adding.map(|(at, rule)| Grant { pattern: &rule.pattern, later: &self.rules[at + 1..] })
    }

    /// A path is covered when a pattern that adds it has no later one that takes it out: so it is enough to look at
    /// each pair of adding patterns, with what is taken out after either.
    fn pairs<'r>(&'r self, other: &'r Region) -> impl Iterator<Item = (Grant<'r>, Grant<'r>)> {
        self.grants().flat_map(|mine| other.grants().map(move |theirs| (mine, theirs)))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<'r> Grant<'r> {
    fn meets(self, other: Grant<'r>, effort: &mut Effort) -> bool {
        let is_plain = self.taken_out(other).next().is_none();
        is_plain && self.pattern.surely_meets(other.pattern) || self.meeting(other, effort) != Meeting::Apart
    }

    fn meeting(self, other: Grant<'r>, effort: &mut Effort) -> Meeting {
        if self.pattern.is_apart_from(other.pattern) {
            return Meeting::Apart;
        }
        let (mine, theirs) = (self.pattern.automaton(), other.pattern.automaton());
        let plain = overlap::meet(mine, theirs, &Automaton::default(), effort);
        match &plain {
            Meeting::At(path) if self.taken_out(other).any(|pattern| pattern.matches(path)) => {
                let denied = Automaton::any_of(self.taken_out(other).map(Pattern::automaton));
                overlap::meet(mine, theirs, &denied, effort)
            }
            _ => plain,
        }
    }

    /// The patterns that take something out of what the two could share.
    fn taken_out(self, other: Grant<'r>) -> impl Iterator<Item = &'r Pattern> {
        let later = self.later.iter().chain(other.later).filter(|rule| !rule.adds).map(|rule| &rule.pattern);
        later.filter(move |taken| !taken.is_apart_from(self.pattern) && !taken.is_apart_from(other.pattern))
    }
}

/// What the last rule adds, nothing takes out.
fn rules_end_adding(rules: &[Rule]) -> bool {
    rules.last().is_some_and(|rule| rule.adds)
}

fn nearer(one: Meeting, two: Meeting) -> Meeting {
    match (one, two) {
        (Meeting::At(one), Meeting::At(two)) => Meeting::At(if two.len() < one.len() { two } else { one }),
        (Meeting::At(path), _) | (_, Meeting::At(path)) => Meeting::At(path),
        (Meeting::Unknown, _) | (_, Meeting::Unknown) => Meeting::Unknown,
        (Meeting::Apart, Meeting::Apart) => Meeting::Apart,
    }
}

/// The regions of one lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegionSet(Vec<Region>);

impl RegionSet {
    /// These regions, in this order.
    pub fn new(regions: Vec<Region>) -> RegionSet {
        RegionSet(regions)
    }

    /// The regions, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Region> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first region that covers a path.
    pub fn covers(&self, path: &[u8]) -> Option<&Region> {
        self.iter().find(|region| region.covers(path))
    }

    /// The first two regions that overlap: one of these, one of the others.
    pub fn overlaps<'r>(&'r self, other: &'r RegionSet) -> Option<(&'r Region, &'r Region)> {
        self.iter()
            .find_map(|mine| other.iter().find(|theirs| mine.overlaps(theirs)).map(|theirs| (mine, theirs)))
    }
}

impl<'r> IntoIterator for &'r RegionSet {
    type Item = &'r Region;
    type IntoIter = std::slice::Iter<'r, Region>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Region> for RegionSet {
    fn from_iter<I: IntoIterator<Item = Region>>(regions: I) -> RegionSet {
        RegionSet(regions.into_iter().collect())
    }
}

#[cfg(test)]
pub(crate) mod tests;
