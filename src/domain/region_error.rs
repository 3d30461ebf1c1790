//! Region errors: why a text is no region, and what to write instead.

use std::fmt;

use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text::visible;

/// A text that cannot be a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionError {
    /// The text.
    pub region: String,
    /// The named set that it stands in, without its `@`.
    pub set: Option<String>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a region's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing, or only a `/`.
    #[error("it is empty")]
    Empty,
    /// More than [`LONGEST`](super::glob::LONGEST) bytes.
    #[error("it is longer than {} bytes", super::glob::LONGEST)]
    TooLong,
    /// More than [`MOST_STARS`](super::glob::MOST_STARS) asterisks.
    #[error("it has more than {} asterisks", super::glob::MOST_STARS)]
    TooManyStars,
    /// NUL, line feeds and the like.
    #[error("it has control characters")]
    Control,
    /// `C:\…` or `C:/…`.
    #[error("it starts with a drive")]
    Drive,
    /// `a//b`.
    #[error("it has an empty component")]
    EmptyComponent,
    /// `.` or `..` as a component.
    #[error("it has the component '{0}'")]
    Dots(&'static str),
    /// `.git` as a component, in any case.
    #[error("git's own directory belongs to git")]
    GitDirectory,
    /// `[` without its `]`.
    #[error("a bracket is not closed")]
    OpenBracket,
    /// `[[:name:]]` with a name that POSIX does not know.
    #[error("there is no character class '{0}'")]
    UnknownClass(String),
    /// A backslash at the end of a component has nothing to escape.
    #[error("a backslash escapes nothing")]
    TrailingBackslash,
    /// A backslash before a letter or digit: it would vanish, and `src\auth` would claim `srcauth`.
    #[error("a backslash stands before a letter or digit")]
    NeedlessBackslash,
    /// No path has this form, such as `[.]`.
    #[error("no path can ever match it")]
    CoversNothing,
    /// `!pattern` outside of a set.
    #[error("only a pattern in a named set can take something out")]
    Negated,
    /// `@name` in a set.
    #[error("a set cannot name a set")]
    SetInSet,
    /// `@name` without such a set.
    #[error("there is no set of that name")]
    UnknownSet {
        /// The names that exist, without their `@`.
        known: Vec<String>,
    },
    /// A named set without patterns.
    #[error("the set is empty")]
    EmptySet,
    /// `#L10` where no lines can be meant: behind a glob or a folder, in a named set, in `commons`.
    #[error("lines can only be of one file, and in a claim")]
    Lines {
        /// The part before the `#`.
        file: String,
        /// The part after it.
        lines: String,
    },
    /// `path#L10-80` and the like.
    #[error("its lines are written otherwise than #L10-L80")]
    OddLines,
    /// `path#L0`.
    #[error("a file's first line is line 1")]
    LineZero,
    /// `path#L80-L10`.
    #[error("its lines end before they begin")]
    LinesReversed {
        /// The line that was named first.
        first: usize,
        /// The line that was named last.
        last: usize,
    },
    /// More than [`LAST`](super::span::LAST).
    #[error("no file has so many lines")]
    LineTooHigh,
    /// `path::symbol`.
    #[error("symbols are not supported yet")]
    Symbol {
        /// The part before the symbol.
        file: String,
    },
}

impl RegionError {
    /// What is wrong with a region.
    pub fn new(region: &str, fault: Fault) -> RegionError {
        RegionError { region: region.to_owned(), set: None, fault }
    }

    /// The same, about a pattern in a named set.
    #[must_use]
    pub fn in_set(mut self, name: &str) -> RegionError {
        self.set = Some(name.to_owned());
        self
    }
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", visible(self.region.as_bytes()))?;
        if let Some(set) = &self.set {
            write!(f, " in the set @{}", visible(set.as_bytes()))?;
        }
        write!(f, " cannot be a region: {}", self.fault)
    }
}

impl std::error::Error for RegionError {}

impl Explain for RegionError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        let whole = |file: &str, escape: &str| {
            let claim = format!("claim the whole file: {}", visible(file.as_bytes()));
            let name = format!("if the file has that name, write {escape}");
            if file.is_empty() { vec![name] } else { vec![claim, name] }
        };
        let hint = match &self.fault {
            Fault::Empty => "to claim everything, write .",
            Fault::TooLong | Fault::TooManyStars => "claim a directory above it",
            Fault::Control => "to match such a name, write ? in place of the character",
            Fault::Drive => "write the path from the repository's root, with /, for example: src/auth",
            Fault::EmptyComponent => "write a single / between two names",
            Fault::Dots(_) => "write the path from the repository's root, without . and ..",
            Fault::GitDirectory => "claim the files that git tracks; what is in .git cannot be claimed",
            Fault::OpenBracket => "close it with ], or write \\[ for a bracket in a name",
            Fault::UnknownClass(_) => {
                "the classes are alnum, alpha, blank, cntrl, digit, graph, lower, print, punct, space, upper, xdigit"
            }
            Fault::TrailingBackslash => "leave it out, or write \\\\ for a backslash in a name",
            Fault::NeedlessBackslash => {
                "write / between directories; \\\\ is a backslash in a name; leave other backslashes out"
            }
            Fault::CoversNothing => "name at least one file or directory that could exist",
            Fault::Negated => {
                "put it into a named set in odyssey.toml, or write \\! for a name that starts with !"
            }
            Fault::SetInSet => "write that set's patterns here, or \\@ for a name that starts with @",
            Fault::EmptySet => "give the set a pattern in odyssey.toml",
            Fault::Lines { file, .. } => return whole(file, "\\#"),
            Fault::OddLines | Fault::LineZero => {
                "write path#L10-L80, or path#L7 for one line; if the file has that name, write \\#"
            }
            Fault::LinesReversed { first, last } => return vec![format!("write #L{last}-L{first}")],
            Fault::LineTooHigh => "claim the whole file: write its path alone",
            Fault::Symbol { file } => return whole(file, "\\:\\:"),
            Fault::UnknownSet { known } => {
                let names: Vec<String> = known.iter().map(|name| format!("@{name}")).collect();
                let sets = if names.is_empty() {
                    "odyssey.toml defines no sets".to_owned()
                } else {
                    format!("the sets are {}", names.join(", "))
                };
                return vec![
                    sets,
                    format!("for a file of that name, write \\{}", visible(self.region.as_bytes())),
                ];
            }
        };
        vec![hint.to_owned()]
    }
}
