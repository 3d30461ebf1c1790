//! Overlap: whether two patterns share a path, decided exactly, for paths that do not exist yet too.

use super::automaton::Automaton;
use super::automaton::ByteSet;
use super::automaton::StateId;
use super::automaton::StateSet;

/// Where two regions meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meeting {
    /// Nowhere: no path is covered by both.
    Apart,
    /// At this path, and at none shorter.
    At(Vec<u8>),
    /// Not found out within the effort allowed; to be taken as an overlap, because refusing a claim is safe.
    Unknown,
}

/// How much work a decision may still cost, in steps: the same everywhere, so that the answer is too.
///
/// Only what is taken out of named sets costs effort. Without negation a search visits each pair of states once.
#[derive(Debug, Clone)]
pub struct Effort(u32);

impl Effort {
    /// What one decision may cost: some tens of milliseconds. Ordinary sets need about a thousandth of it.
    pub const ALLOWED: Effort = Effort(2_000_000);

    /// What is left of it, in steps.
    pub fn left(&self) -> u32 {
        self.0
    }

    fn spend(&mut self, steps: u32) {
        self.0 = self.0.saturating_sub(steps);
    }
}

/// A shortest path that both accept and `denied` does not.
///
/// It walks both automata at once, breadth first, along valid paths only: components are not empty, not `.`, `..` or
/// `.git`, and nothing is NUL. What is denied is followed as a set of states, for it must fail on *every* way; of two
/// visits to the same place the one with fewer denied states can do all that the other can.
pub fn meet(one: &Automaton, two: &Automaton, denied: &Automaton, effort: &mut Effort) -> Meeting {
    let latest = vec![NEVER; one.size() * two.size() * Name::COUNT];
    let mut search = Search { one, two, denied, effort, steps: Vec::new(), latest, parts: Vec::new() };
    for &one in one.starts() {
        for &two in two.starts() {
            search.visit(Spot { one, two, name: Name::Fresh, denied: denied.start_set() }, None);
        }
    }
    let mut at = 0;
    while at < search.steps.len() {
        if search.accepts(at) {
            return Meeting::At(search.path_to(at));
        }
        search.expand(at);
        if search.is_limited() && search.effort.left() == 0 {
            return Meeting::Unknown;
        }
        at += 1;
    }
    Meeting::Apart
}

/// Where a search is.
struct Spot {
    one: StateId,
    two: StateId,
    name: Name,
    denied: StateSet,
}

/// A spot, and how it was first reached.
struct Step {
    spot: Spot,
    /// The step and byte that led here; nothing for a start.
    way: Option<(usize, u8)>,
    /// The visit before this one to the same states and name.
    earlier: Visit,
}

/// One more than a step's place, so that fresh memory says "never" and costs nothing until it is used.
type Visit = u32;

const NEVER: Visit = 0;

struct Search<'a> {
    one: &'a Automaton,
    two: &'a Automaton,
    denied: &'a Automaton,
    effort: &'a mut Effort,
    /// All that was reached, nearest first.
    steps: Vec<Step>,
    /// The latest visit to each pair of states and name.
    latest: Vec<Visit>,
    /// Room for [`Search::split`].
    parts: Vec<ByteSet>,
}

impl Search<'_> {
    /// Whether effort counts: without anything denied no place is visited twice.
    fn is_limited(&self) -> bool {
        self.denied.size() > 0
    }

    fn visit(&mut self, spot: Spot, way: Option<(usize, u8)>) {
        if spot.denied.iter().any(|state| self.denied.absorbs(state)) {
            return;
        }
        let place =
            (spot.one as usize * self.two.size() + spot.two as usize) * Name::COUNT + spot.name as usize;
        let mut visit = self.latest[place];
        let mut seen = 0;
        while let Some(step) = visit.checked_sub(1) {
            let step = &self.steps[step as usize];
            if step.spot.denied.is_within(&spot.denied) {
                return;
            }
            visit = step.earlier;
            seen += 1;
        }
        if self.is_limited() {
            self.effort.spend(1 + seen);
        }
        let earlier = self.latest[place];
        self.steps.push(Step { spot, way, earlier });
        self.latest[place] = Visit::try_from(self.steps.len()).unwrap_or(NEVER);
    }

    fn accepts(&self, at: usize) -> bool {
        let spot = &self.steps[at].spot;
        self.one.accepts(spot.one)
            && self.two.accepts(spot.two)
            && spot.name.is_complete()
            && !spot.denied.iter().any(|state| self.denied.accepts(state))
    }

    fn expand(&mut self, at: usize) {
        let Spot { one, two, name, .. } = self.steps[at].spot;
        for mine in self.one.edges(one) {
            for theirs in self.two.edges(two) {
                let both = mine.on.and(theirs.on);
                if both.is_empty() {
                    continue;
                }
                for (on, name) in name.ways() {
                    self.split(at, both.and(on));
                    while let Some(byte) = self.parts.pop().and_then(|part| part.readable()) {
                        let mut denied = StateSet::with_room(self.denied.size());
                        self.denied.step(&self.steps[at].spot.denied, byte, &mut denied);
                        let spot = Spot { one: mine.to, two: theirs.to, name, denied };
                        self.visit(spot, Some((at, byte)));
                    }
                }
            }
        }
    }

    /// Splits bytes into parts whose bytes all lead the denied states to the same place.
    fn split(&mut self, at: usize, bytes: ByteSet) {
        self.parts.clear();
        if bytes.is_empty() {
            return;
        }
        self.parts.push(bytes);
        for state in self.steps[at].spot.denied.iter() {
            for edge in self.denied.edges(state) {
                for place in 0..self.parts.len() {
                    let (on, off) = (self.parts[place].and(edge.on), self.parts[place].without(edge.on));
                    if !on.is_empty() && !off.is_empty() {
                        self.parts[place] = on;
                        self.parts.push(off);
                    }
                }
            }
        }
    }

    fn path_to(&self, at: usize) -> Vec<u8> {
        let mut path = Vec::new();
        let mut way = self.steps[at].way;
        while let Some((from, byte)) = way {
            path.push(byte);
            way = self.steps[from].way;
        }
        path.reverse();
        path
    }
}

/// How much of the current component was read, as far as it decides whether the path is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Fresh,
    Dot,
    DotDot,
    DotG,
    DotGi,
    DotGit,
    Other,
}

impl Name {
    const COUNT: usize = Name::Other as usize + 1;

    /// Where the bytes lead; those that are missing make the path invalid.
    fn ways(self) -> [(ByteSet, Name); 3] {
        const BODY: ByteSet = ByteSet::NAME.without(ByteSet::of(b"\0"));
        const DOT: ByteSet = ByteSet::of(b".");
        const G: ByteSet = ByteSet::of(b"gG");
        const I: ByteSet = ByteSet::of(b"iI");
        const T: ByteSet = ByteSet::of(b"tT");
        const NO_WAY: (ByteSet, Name) = (ByteSet::NONE, Name::Other);
        const NEXT: (ByteSet, Name) = (ByteSet::SLASH, Name::Fresh);
        match self {
            Name::Fresh => [(BODY.without(DOT), Name::Other), (DOT, Name::Dot), NO_WAY],
            Name::Dot => [(BODY.without(DOT).without(G), Name::Other), (DOT, Name::DotDot), (G, Name::DotG)],
            Name::DotG => [(BODY.without(I), Name::Other), (I, Name::DotGi), NEXT],
            Name::DotGi => [(BODY.without(T), Name::Other), (T, Name::DotGit), NEXT],
            Name::DotDot | Name::DotGit => [(BODY, Name::Other), NO_WAY, NO_WAY],
            Name::Other => [(BODY, Name::Other), NEXT, NO_WAY],
        }
    }

    /// Whether a component may end here.
    fn is_complete(self) -> bool {
        match self {
            Name::Fresh | Name::Dot | Name::DotDot | Name::DotGit => false,
            Name::DotG | Name::DotGi | Name::Other => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Automaton;
    use super::Effort;
    use super::Meeting;
    use super::Name;
    use super::meet;
    use crate::domain::automaton::Case;
    use crate::domain::glob::Pattern;

    fn meeting(one: &str, two: &str) -> Meeting {
        let read = |text| Pattern::parse(text, Case::Sensitive).unwrap();
        let (one, two) = (read(one), read(two));
        meet(one.automaton(), two.automaton(), &Automaton::default(), &mut Effort::ALLOWED.clone())
    }

    #[test]
    fn two_patterns_meet_at_a_shortest_path_that_reads_well() {
        for (one, two, path) in [
            ("src/**", "*/lib.rs", "src/lib.rs"),
            ("src/auth", "src/auth", "src/auth"),
            ("src/auth/", "src/auth", "src/auth/a"),
            ("src/*", "src/**/x/y", "src/x/y"),
            ("src/*/x", "src/y", "src/y/x"),
            ("a*", "*b", "ab"),
            ("a/**/b", "**/c/**", "a/c/b"),
            ("[!a-z]", "?", "A"),
            ("[!!-~]", "*", "\u{1}"),
            ("**/", "*", "a/a"),
            (".", "**", "a"),
        ] {
            assert_eq!(meeting(one, two), Meeting::At(path.as_bytes().to_vec()), "{one} and {two}");
        }
    }

    #[test]
    fn patterns_without_a_common_path_are_apart() {
        for (one, two) in [
            ("src/a", "src/b"),
            ("src/a", "src/ab"),
            ("src/*.rs", "src/?"),
            ("*.rs", "[a-z]??"),
            ("[ab]", "[c-z]"),
            ("?", "??"),
            ("a/", "b/**"),
            ("*/a", "?/[!a]/**"),
        ] {
            assert_eq!(meeting(one, two), Meeting::Apart, "{one} and {two}");
        }
    }

    #[test]
    fn patterns_do_not_meet_at_a_path_that_git_cannot_hold() {
        // The words that each two share are `..` or `.git`; a third letter gives them a path.
        for (one, two) in [
            (".[a.]", "[.][.b]"),
            (".gi[ta]", ".[fg]i[tb]"),
            (".GI[Ta]", ".GI[Tb]"),
            ("a/.[.x]/b", "a/.[.y]/b"),
        ] {
            assert_eq!(meeting(one, two), Meeting::Apart, "{one} and {two}");
            let (one, two) = (one.replace('[', "[c"), two.replace('[', "[c"));
            assert!(matches!(meeting(&one, &two), Meeting::At(_)), "{one} and {two}");
        }
    }

    #[test]
    fn the_walk_tells_valid_paths_from_others() {
        let mut words = vec![Vec::new()];
        let (mut valid, mut invalid) = (0, 0);
        for _ in 0..6 {
            let longer = |word: &Vec<u8>| {
                b".gGiTa/\0".iter().map(|&byte| [word, &[byte][..]].concat()).collect::<Vec<_>>()
            };
            words = words.iter().flat_map(longer).collect();
            for word in &words {
                let walked = word.iter().try_fold(Name::Fresh, |name, &byte| {
                    let way = name.ways().into_iter().find(|(on, _)| on.contains(byte));
                    way.map(|(_, name)| name)
                });
                let expected = !word.contains(&0)
                    && word.split(|&byte| byte == b'/').all(|name| {
                        !matches!(name, b"" | b"." | b"..") && !name.eq_ignore_ascii_case(b".git")
                    });
                assert_eq!(
                    walked.is_some_and(Name::is_complete),
                    expected,
                    "{:?}",
                    String::from_utf8_lossy(word)
                );
                if expected { valid += 1 } else { invalid += 1 }
            }
        }
        assert!(valid > 10_000 && invalid > 10_000, "{valid} valid, {invalid} not");
    }

    #[test]
    fn many_asterisks_are_no_trap() {
        // A search by trial and error would outlive the test's time.
        let stars = |end: &str| format!("{}{end}", "*a".repeat(31));
        assert_eq!(meeting(&stars("b"), &stars("c")), Meeting::Apart);
        assert!(matches!(meeting(&stars("*b"), &stars("?b")), Meeting::At(_)));
        let deep = |end: &str| format!("{}{end}", "**/*a*/".repeat(10));
        assert_eq!(meeting(&deep("*b/"), &deep("*c")), Meeting::At(expected_deep()));
        let long = |end: &str| format!("{}{end}", "[ab]".repeat(200));
        assert_eq!(meeting(&long("c"), &format!("*{}", "[bc]".repeat(202))), Meeting::Apart);
    }

    /// For the one, a directory in `b` follows the tenth with an `a`; for the other, `c` follows a tenth.
    fn expected_deep() -> Vec<u8> {
        [b"a/".repeat(10), b"ab/c".to_vec()].concat()
    }
}
