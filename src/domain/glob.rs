//! Patterns: one line of a `.gitignore`, rooted, read once and matched against paths.

use std::fmt;
use std::sync::OnceLock;

use super::automaton::Automaton;
use super::automaton::ByteSet;
use super::automaton::Case;
use super::automaton::Piece;
use super::region_error::Fault;
use super::region_error::RegionError;

/// The most bytes that a pattern's text has, so that comparing two stays quick.
pub const LONGEST: usize = 1024;

/// The most asterisks (runs count once) that a pattern has, for the same reason.
pub const MOST_STARS: usize = 32;

/// A pattern over paths, as in a `.gitignore` at the repository's root and written with a leading slash.
///
/// Paths are bytes, relative to the root and as git names them: no `.`, `..` or empty component, no trailing slash.
/// A pattern that spells a directory covers all below it. It differs from git only where git's reading would be a
/// silent surprise: where case does not matter it does not matter in brackets and after a backslash either (git's
/// `[A]` then matches nothing); a backslash before a letter, and what git never matches (an unclosed bracket, an unknown
/// class, `[.]`), are refused; and the `**` of `b**/x` is one asterisk, as documented, which git 2.47 gets wrong.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    case: Case,
    /// The leading literal components, each with a slash after it.
    prefix: Vec<u8>,
    shape: Shape,
    automaton: OnceLock<Automaton>,
}

/// What follows a pattern's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// Nothing: the prefix without its last slash is a file or a directory.
    Exact,
    /// Anything: the prefix is a directory, or empty for the whole repository.
    Below,
    /// These pieces.
    Glob(Vec<Piece>),
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?}, {:?})", self.text, self.case)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        (&self.text, self.case) == (&other.text, other.case)
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the text is malformed, could mean something else than it says, or could never match a path.
    pub fn parse(text: &str, case: Case) -> Result<Pattern, RegionError> {
        Pattern::read(text, case).map_err(|fault| RegionError::new(text, fault))
    }

    fn read(text: &str, case: Case) -> Result<Pattern, Fault> {
        let pieces =
            if matches!(text, "." | "./") { vec![Piece::Rest] } else { Reader::pieces(rooted(text)?, case)? };
        if pieces.iter().filter(|piece| matches!(piece, Piece::Star | Piece::Dirs)).count() > MOST_STARS {
            return Err(Fault::TooManyStars);
        }
        let (prefix, shape) = split(pieces);
        Ok(Pattern { text: text.to_owned(), case, prefix, shape, automaton: OnceLock::new() })
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The leading components that are literal, without a slash at the end: `src/auth` for `src/auth/*.rs`.
    pub fn literal_prefix(&self) -> &[u8] {
        self.prefix.strip_suffix(b"/").unwrap_or(&self.prefix)
    }

    /// The same, with a slash after each component.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The path that it spells, if it is one without a glob. It covers what lies below too, should that be a folder.
    pub fn path(&self) -> Option<&[u8]> {
        (self.shape == Shape::Exact).then(|| self.literal_prefix())
    }

    /// Whether it covers a path.
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.shape {
            Shape::Exact if path.len() + 1 == self.prefix.len() => self.same(path, self.literal_prefix()),
            Shape::Exact => self.starts(path),
            Shape::Below => self.starts(path) && path.len() > self.prefix.len(),
            Shape::Glob(_) => self.starts(path) && self.automaton().matches(path),
        }
    }

    /// Whether the two prefixes alone show that no path is covered by both.
    pub fn is_apart_from(&self, other: &Pattern) -> bool {
        let shared = self.prefix.len().min(other.prefix.len());
        let (mine, theirs) = (&self.prefix[..shared], &other.prefix[..shared]);
        !self.same(mine, theirs) && !other.same(mine, theirs)
    }

    /// Whether the two prefixes alone show that some path is covered by both: one takes all below its prefix, and
    /// the other's prefix lies there. (Every pattern covers some path.)
    pub fn surely_meets(&self, other: &Pattern) -> bool {
        let takes_in = |outer: &Pattern, inner: &Pattern| {
            !matches!(outer.shape, Shape::Glob(_)) && outer.prefix.len() <= inner.prefix.len()
        };
        !self.is_apart_from(other) && (takes_in(self, other) || takes_in(other, self))
    }

    /// Its automaton, built when first needed: most patterns are told apart by their prefixes.
    pub fn automaton(&self) -> &Automaton {
        self.automaton.get_or_init(|| {
            let literal = |bytes: &[u8]| bytes.iter().map(|&byte| Piece::Byte(byte)).collect::<Vec<_>>();
            let pieces = match &self.shape {
                Shape::Exact => literal(self.literal_prefix()),
                Shape::Below => [literal(&self.prefix), vec![Piece::Rest]].concat(),
                Shape::Glob(rest) => [literal(&self.prefix), rest.clone()].concat(),
            };
            Automaton::new(&pieces, self.case)
        })
    }

    fn starts(&self, path: &[u8]) -> bool {
        path.get(..self.prefix.len()).is_some_and(|start| self.same(start, &self.prefix))
    }

    fn same(&self, one: &[u8], two: &[u8]) -> bool {
        match self.case {
            Case::Sensitive => one == two,
            Case::Insensitive => one.eq_ignore_ascii_case(two),
        }
    }
}

/// What is left of a pattern's text without the slash or dot that says "from the root".
fn rooted(text: &str) -> Result<&str, Fault> {
    if text.is_empty() || text == "/" {
        return Err(Fault::Empty);
    }
    if text.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    if text.contains(char::is_control) {
        return Err(Fault::Control);
    }
    match text.as_bytes() {
        [b'!', ..] => return Err(Fault::Negated),
        [b'@', ..] => return Err(Fault::SetInSet),
        [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic() => return Err(Fault::Drive),
        _ => {}
    }
    Ok(text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text))
}

/// Splits a pattern's pieces after its last leading literal component.
fn split(mut pieces: Vec<Piece>) -> (Vec<u8>, Shape) {
    let literal = |piece: &Piece| if let Piece::Byte(byte) = piece { Some(*byte) } else { None };
    let mut prefix: Vec<u8> = pieces.iter().map_while(literal).collect();
    if prefix.len() == pieces.len() {
        prefix.push(b'/');
        return (prefix, Shape::Exact);
    }
    prefix.truncate(prefix.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1));
    pieces.drain(..prefix.len());
    if pieces == [Piece::Rest] { (prefix, Shape::Below) } else { (prefix, Shape::Glob(pieces)) }
}

/// Reads a pattern's text from left to right.
struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    case: Case,
    pieces: Vec<Piece>,
}

impl<'t> Reader<'t> {
    fn pieces(text: &'t str, case: Case) -> Result<Vec<Piece>, Fault> {
        let (text, only_below) = match text.strip_suffix('/') {
            Some(directory) => (directory, true),
            None => (text, false),
        };
        let mut reader =
            Reader { text, bytes: text.as_bytes(), at: 0, case, pieces: Vec::with_capacity(text.len()) };
        loop {
            let is_deep = reader.component()?;
            let is_last = reader.at == reader.bytes.len();
            reader.at += 1;
            match (is_deep, is_last) {
                (true, false) if reader.pieces.last() == Some(&Piece::Dirs) => {}
                (true, false) => reader.pieces.push(Piece::Dirs),
                (false, false) => reader.pieces.push(Piece::Byte(b'/')),
                (true, true) if !only_below => reader.pieces.push(Piece::Rest),
                // `**/` is every directory, at any depth: the same as `**/*/`.
                (true, true) => reader.pieces.extend([Piece::Dirs, Piece::Star]),
                (false, true) => {}
            }
            if is_last {
                break;
            }
        }
        if only_below {
            reader.pieces.extend([Piece::Byte(b'/'), Piece::Rest]);
        }
        Ok(reader.pieces)
    }

    /// Reads up to the next slash or the end; true, and no piece, for `**`.
    fn component(&mut self) -> Result<bool, Fault> {
        if self.is_double_star() {
            return Ok(true);
        }
        let first = self.pieces.len();
        while let Some(byte) = self.bytes.get(self.at).copied().filter(|&byte| byte != b'/') {
            self.at += 1;
            let piece = match byte {
                b'\\' => Piece::Byte(self.escaped()?),
                b'?' => Piece::Class(ByteSet::NAME),
                b'[' => Piece::Class(self.bracket()?),
                b'*' => Piece::Star,
                b'#' => self.unless_lines()?,
                b':' => self.unless_symbol()?,
                _ => Piece::Byte(byte),
            };
            // Asterisks in a row say no more than one.
            if piece != Piece::Star || self.pieces[first..].last() != Some(&Piece::Star) {
                self.pieces.push(piece);
            }
        }
        check_name(&self.pieces[first..])?;
        Ok(false)
    }

    /// Passes over a component of two asterisks or more.
    fn is_double_star(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let stars = rest.iter().take_while(|&&byte| byte == b'*').count();
        let found = stars >= 2 && matches!(rest.get(stars), None | Some(b'/'));
        if found {
            self.at += stars;
        }
        found
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn escaped(&mut self) -> Result<u8, Fault> {
        match self.text[self.at..].chars().next() {
            None | Some('/') => Err(Fault::TrailingBackslash),
            Some(letter) if letter.is_alphanumeric() => Err(Fault::NeedlessBackslash),
            Some(_) => self.take().ok_or(Fault::TrailingBackslash),
        }
    }

    fn unless_lines(&self) -> Result<Piece, Fault> {
        match self.bytes[self.at..] {
            [b'L', digit, ..] if digit.is_ascii_digit() => {
                Err(Fault::Lines { file: self.before(), lines: self.text[self.at..].to_owned() })
            }
            _ => Ok(Piece::Byte(b'#')),
        }
    }

    fn unless_symbol(&self) -> Result<Piece, Fault> {
        match self.peek() {
            Some(b':') => Err(Fault::Symbol { file: self.before() }),
            _ => Ok(Piece::Byte(b':')),
        }
    }

    /// The text before the character that was just taken.
    fn before(&self) -> String {
        self.text[..self.at - 1].to_owned()
    }

    /// Reads a bracket after its `[`, byte by byte as git does.
    fn bracket(&mut self) -> Result<ByteSet, Fault> {
        let is_negated = matches!(self.peek(), Some(b'!' | b'^'));
        self.at += usize::from(is_negated);
        let first = self.at;
        let mut set = ByteSet::NONE;
        let mut previous = None;
        loop {
            let is_first = self.at == first;
            let byte = self.take().ok_or(Fault::OpenBracket)?;
            let (more, last) = match (byte, previous) {
                (b']', _) if !is_first => break,
                (b'-', Some(from)) if self.peek() != Some(b']') => {
                    (ByteSet::range(from, self.unescaped()?), None)
                }
                (b'[', _) if self.peek() == Some(b':') => match self.class()? {
                    Some(class) => (class, None),
                    None => (ByteSet::of(b"["), Some(b'[')),
                },
                (b'\\', _) => {
                    let byte = self.take().ok_or(Fault::OpenBracket)?;
                    (ByteSet::NONE.with(byte), Some(byte))
                }
                (byte, _) => (ByteSet::NONE.with(byte), Some(byte)),
            };
            set = set.or(more);
            previous = last;
        }
        if self.case == Case::Insensitive {
            set = set.folded();
        }
        // Whatever a bracket says, it never stands for a slash.
        Ok(if is_negated { ByteSet::NAME.without(set) } else { ByteSet::NAME.and(set) })
    }

    fn unescaped(&mut self) -> Result<u8, Fault> {
        match self.take() {
            Some(b'\\') => self.take(),
            byte => byte,
        }
        .ok_or(Fault::OpenBracket)
    }

    /// Reads `:name:]` after a bracket's inner `[`; nothing when that `[` is an ordinary member.
    fn class(&mut self) -> Result<Option<ByteSet>, Fault> {
        let rest = &self.bytes[self.at + 1..];
        let end = rest.iter().position(|&byte| byte == b']').ok_or(Fault::OpenBracket)?;
        let Some(name) = rest[..end].strip_suffix(b":") else {
            return Ok(None);
        };
        self.at += end + 2;
        let is_member = match name {
            b"alnum" => |byte: u8| byte.is_ascii_alphanumeric(),
            b"alpha" => |byte: u8| byte.is_ascii_alphabetic(),
            b"blank" => |byte: u8| matches!(byte, b' ' | b'\t'),
            b"cntrl" => |byte: u8| byte.is_ascii_control(),
            b"digit" => |byte: u8| byte.is_ascii_digit(),
            b"graph" => |byte: u8| byte.is_ascii_graphic(),
            b"lower" => |byte: u8| byte.is_ascii_lowercase(),
            b"print" => |byte: u8| byte.is_ascii_graphic() || byte == b' ',
            b"punct" => |byte: u8| byte.is_ascii_punctuation(),
            // Git's own table has neither vertical tab nor form feed.
            b"space" => |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
            b"upper" => |byte: u8| byte.is_ascii_uppercase(),
            b"xdigit" => |byte: u8| byte.is_ascii_hexdigit(),
            other => return Err(Fault::UnknownClass(String::from_utf8_lossy(other).into_owned())),
        };
        Ok(Some(ByteSet::where_true(is_member)))
    }
}

/// Refuses a component that no path has: one that spells nothing but what git cannot hold.
fn check_name(pieces: &[Piece]) -> Result<(), Fault> {
    const DOT: ByteSet = ByteSet::of(b".");
    const GIT: [ByteSet; 4] = [DOT, ByteSet::of(b"gG"), ByteSet::of(b"iI"), ByteSet::of(b"tT")];
    let is_literal = pieces.iter().all(|piece| matches!(piece, Piece::Byte(_)));
    let spells_only = |words: &[ByteSet]| {
        pieces.len() == words.len()
            && pieces.iter().zip(words).all(|(piece, bytes)| match piece {
                Piece::Byte(byte) => bytes.contains(*byte),
                Piece::Class(set) => set.without(*bytes).is_empty(),
                Piece::Star | Piece::Dirs | Piece::Rest => false,
            })
    };
    let fault = if pieces.is_empty() {
        Fault::EmptyComponent
    } else if pieces.contains(&Piece::Class(ByteSet::NONE)) {
        Fault::CoversNothing
    } else if spells_only(&[DOT]) {
        Fault::Dots(".")
    } else if spells_only(&[DOT, DOT]) {
        Fault::Dots("..")
    } else if spells_only(&GIT) {
        Fault::GitDirectory
    } else {
        return Ok(());
    };
    Err(if is_literal { fault } else { Fault::CoversNothing })
}

#[cfg(test)]
mod tests;
