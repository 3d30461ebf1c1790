//! Automata: what a pattern is to the machine, a graph over bytes without empty moves.

/// Whether upper and lower case are told apart, as `core.ignoreCase` says. Only ASCII letters fold, as in git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Case {
    /// `A` and `a` are two names.
    #[default]
    Sensitive,
    /// `A` and `a` are one name.
    Insensitive,
}

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// No byte.
    pub const NONE: ByteSet = ByteSet([0; 4]);
    /// Every byte.
    pub const ALL: ByteSet = ByteSet([u64::MAX; 4]);
    /// What parts the components of a path.
    pub const SLASH: ByteSet = ByteSet::of(b"/");
    /// What a wildcard may stand for within a component.
    pub const NAME: ByteSet = ByteSet::ALL.without(ByteSet::SLASH);

    /// The set of these bytes.
    pub const fn of(bytes: &[u8]) -> ByteSet {
        let mut set = ByteSet::NONE;
        let mut at = 0;
        while at < bytes.len() {
            set = set.with(bytes[at]);
            at += 1;
        }
        set
    }

    /// The set of all bytes from `first` to `last`, both included; empty when they are the wrong way round.
    pub const fn range(first: u8, last: u8) -> ByteSet {
        let mut set = ByteSet::NONE;
        let mut byte = first as u16;
        while byte <= last as u16 {
            set = set.with(byte as u8);
            byte += 1;
        }
        set
    }

    /// The set of all bytes for which `belongs` holds.
    pub fn where_true(belongs: impl Fn(u8) -> bool) -> ByteSet {
        (0..=u8::MAX).filter(|&byte| belongs(byte)).fold(ByteSet::NONE, ByteSet::with)
    }

    /// This set and one byte more.
    #[must_use]
    pub const fn with(mut self, byte: u8) -> ByteSet {
        self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
        self
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: ByteSet) -> ByteSet {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        ByteSet([a | e, b | f, c | g, d | h])
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: ByteSet) -> ByteSet {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        ByteSet([a & e, b & f, c & g, d & h])
    }

    /// What is here and not in the other.
    #[must_use]
    pub const fn without(self, other: ByteSet) -> ByteSet {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        ByteSet([a & !e, b & !f, c & !g, d & !h])
    }

    /// The set with the other case of each of its letters.
    #[must_use]
    pub const fn folded(mut self) -> ByteSet {
        // In the second word, bit 1 is `A` and bit 33 is `a`.
        const LETTERS: u64 = 0x07ff_fffe;
        let both = (self.0[1] | self.0[1] >> 32) & LETTERS;
        self.0[1] |= both | both << 32;
        self
    }

    /// Whether a byte is in it.
    pub const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] & (1 << (byte & 63)) != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] == 0
    }

    /// Its lowest byte.
    pub fn first(&self) -> Option<u8> {
        let word = self.0.iter().position(|&bits| bits != 0)?;
        u8::try_from(word * 64 + self.0[word].trailing_zeros() as usize).ok()
    }

    /// The byte of it that reads best in a path.
    pub fn readable(&self) -> Option<u8> {
        const TASTE: [ByteSet; 5] = [
            ByteSet::range(b'a', b'z'),
            ByteSet::range(b'A', b'Z'),
            ByteSet::range(b'0', b'9'),
            ByteSet::of(b"_-./"),
            ByteSet::range(b'!', b'~'),
        ];
        TASTE.iter().find_map(|liked| self.and(*liked).first()).or_else(|| self.first())
    }
}

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Exactly this byte, or the other case of this letter where case is not told apart.
    Byte(u8),
    /// One byte of a set.
    Class(ByteSet),
    /// `*`: any bytes within a component.
    Star,
    /// `**/`: any whole components, each with its slash.
    Dirs,
    /// Anything at all.
    Rest,
}

/// A state of an automaton, by its place.
pub type StateId = u32;

/// From a state to the next, on any byte of a set.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The bytes that lead there.
    pub on: ByteSet,
    /// Where they lead.
    pub to: StateId,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    first_edge: u32,
    last_edge: u32,
    accepts: bool,
    absorbs: bool,
}

/// A nondeterministic automaton: it accepts a path when some way from a start to an accepting state spells it.
#[derive(Debug, Clone, Default)]
pub struct Automaton {
    states: Vec<State>,
    edges: Vec<Edge>,
    starts: Vec<StateId>,
}

impl Automaton {
    /// The automaton of a pattern: what its pieces spell, and all that lies below a directory that they spell.
    pub fn new(pieces: &[Piece], case: Case) -> Automaton {
        let end = pieces.len();
        let below = end + 1;
        let states = vec![State::default(); below + 1];
        let mut automaton =
            Automaton { states, edges: Vec::with_capacity(pieces.len() + 4), starts: vec![0] };
        automaton.define(below, &[edge(ByteSet::ALL, below)], None);
        automaton.states[below].accepts = true;
        automaton.states[below].absorbs = true;
        automaton.define(end, &[edge(ByteSet::SLASH, below)], None);
        automaton.states[end].accepts = true;
        // Backwards, because a piece that may stand for nothing takes over the edges of the next.
        for (at, piece) in pieces.iter().enumerate().rev() {
            let next = at + 1;
            match *piece {
                Piece::Byte(byte) => {
                    let set = ByteSet::NONE.with(byte);
                    let set = if case == Case::Insensitive { set.folded() } else { set };
                    automaton.define(at, &[edge(set, next)], None);
                }
                Piece::Class(set) => automaton.define(at, &[edge(set, next)], None),
                Piece::Star => automaton.define(at, &[edge(ByteSet::NAME, at)], Some(next)),
                Piece::Rest => automaton.define(at, &[edge(ByteSet::ALL, at)], Some(next)),
                Piece::Dirs => {
                    // Once within a component only its slash leads on.
                    let within = automaton.states.len();
                    automaton.states.push(State::default());
                    automaton.define(within, &[edge(ByteSet::ALL, within), edge(ByteSet::SLASH, next)], None);
                    automaton.define(at, &[edge(ByteSet::ALL, within)], Some(next));
                }
            }
        }
        automaton
    }

    /// The automaton that accepts what any of these accepts.
    pub fn any_of<'a>(automata: impl IntoIterator<Item = &'a Automaton>) -> Automaton {
        let mut all = Automaton::default();
        for one in automata {
            let (states, edges) = (id(all.states.len()), id(all.edges.len()));
            all.starts.extend(one.starts.iter().map(|start| start + states));
            all.edges.extend(one.edges.iter().map(|edge| Edge { on: edge.on, to: edge.to + states }));
            all.states.extend(one.states.iter().map(|state| State {
                first_edge: state.first_edge + edges,
                last_edge: state.last_edge + edges,
                ..*state
            }));
        }
        all
    }

    fn define(&mut self, at: usize, own: &[Edge], or_as: Option<usize>) {
        let first_edge = self.edges.len();
        self.edges.extend_from_slice(own);
        let mut state = State::default();
        if let Some(next) = or_as {
            let next = self.states[next];
            self.edges.extend_from_within(next.first_edge as usize..next.last_edge as usize);
            state.accepts = next.accepts;
            state.absorbs =
                next.accepts && own.iter().any(|edge| edge.to == id(at) && edge.on == ByteSet::ALL);
        }
        self.states[at] = State { first_edge: id(first_edge), last_edge: id(self.edges.len()), ..state };
    }

    /// How many states it has.
    pub fn size(&self) -> usize {
        self.states.len()
    }

    /// Where it starts.
    pub fn starts(&self) -> &[StateId] {
        &self.starts
    }

    /// Where a state leads.
    pub fn edges(&self, from: StateId) -> &[Edge] {
        let state = self.states[from as usize];
        &self.edges[state.first_edge as usize..state.last_edge as usize]
    }

    /// Whether a path may end in this state.
    pub fn accepts(&self, state: StateId) -> bool {
        self.states[state as usize].accepts
    }

    /// Whether a path that reaches this state is accepted, whatever follows.
    pub fn absorbs(&self, state: StateId) -> bool {
        self.states[state as usize].absorbs
    }

    /// The set of its starts.
    pub fn start_set(&self) -> StateSet {
        let mut set = StateSet::with_room(self.size());
        self.starts.iter().for_each(|&start| set.insert(start));
        set
    }

    /// Where one byte leads from a set of states; the answer replaces `next`.
    pub fn step(&self, from: &StateSet, byte: u8, next: &mut StateSet) {
        next.clear();
        for state in from.iter() {
            for edge in self.edges(state).iter().filter(|edge| edge.on.contains(byte)) {
                next.insert(edge.to);
            }
        }
    }

    /// Whether it accepts a path.
    pub fn matches(&self, path: &[u8]) -> bool {
        let mut here = self.start_set();
        let mut next = here.clone();
        for &byte in path {
            self.step(&here, byte, &mut next);
            std::mem::swap(&mut here, &mut next);
            if here.is_empty() {
                return false;
            }
        }
        here.iter().any(|state| self.accepts(state))
    }
}

fn edge(on: ByteSet, to: usize) -> Edge {
    Edge { on, to: id(to) }
}

/// Places are counted in 32 bits: a pattern's length is limited far below that.
fn id(place: usize) -> StateId {
    StateId::try_from(place).unwrap_or(StateId::MAX)
}

/// A set of an automaton's states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSet(Box<[u64]>);

impl StateSet {
    /// An empty set for an automaton of this size.
    pub fn with_room(size: usize) -> StateSet {
        StateSet(vec![0; size.div_ceil(64)].into_boxed_slice())
    }

    /// Adds a state.
    pub fn insert(&mut self, state: StateId) {
        self.0[state as usize / 64] |= 1 << (state % 64);
    }

    /// Takes all states out.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// Whether every state of it is in the other, which is of the same automaton.
    pub fn is_within(&self, other: &StateSet) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, theirs)| mine & !theirs == 0)
    }

    /// Its states, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = StateId> {
        self.0.iter().zip((0..).step_by(64)).flat_map(|(&word, base)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.checked_sub(1)?;
                Some(base + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_adds_the_other_case_of_letters_and_of_nothing_else() {
        for byte in 0..=u8::MAX {
            let expected =
                ByteSet::NONE.with(byte.to_ascii_lowercase()).with(byte.to_ascii_uppercase()).with(byte);
            assert_eq!(ByteSet::NONE.with(byte).folded(), expected, "{byte}");
        }
    }

    #[test]
    fn a_range_has_its_two_ends_and_what_lies_between() {
        for (first, last) in [(0, 255), (63, 64), (b'a', b'c'), (127, 128), (9, 9), (9, 8)] {
            let expected = ByteSet::where_true(|byte| (first..=last).contains(&byte));
            assert_eq!(ByteSet::range(first, last), expected, "{first}..={last}");
        }
    }

    #[test]
    fn a_letter_is_more_readable_than_a_sign() {
        assert_eq!(ByteSet::ALL.readable(), Some(b'a'));
        assert_eq!(ByteSet::of(b"\x01.Z~").readable(), Some(b'Z'));
        assert_eq!(ByteSet::of(b"\xff\x01").readable(), Some(1));
        assert_eq!(ByteSet::NONE.readable(), None);
    }

    #[test]
    fn a_state_set_gives_back_what_was_put_in() {
        let mut set = StateSet::with_room(200);
        assert!(set.is_empty());
        for state in [199, 0, 63, 64, 128] {
            set.insert(state);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 128, 199]);
        let mut less = StateSet::with_room(200);
        less.insert(128);
        assert!(less.is_within(&set) && !set.is_within(&less));
    }
}
