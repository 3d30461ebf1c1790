//! Transcripts: where agents write what they used of a model, and one call of a model as each of them tells it.
//!
//! Each reader ([`claude`], [`codex`], [`gemini`], [`opencode`], [`otel`]) makes [`Call`]s of the lines of one file. A call
//! has a key that says which call it is, wherever and however often it was written down; [`index`] counts each once.

pub mod claude;
pub mod codex;
pub mod files;
pub mod gemini;
pub mod index;
pub mod lines;
pub mod opencode;
pub mod otel;
pub mod skim;

use std::collections::HashMap;
use std::path::PathBuf;

use crate::base::clock::Timestamp;
use crate::domain::usage::Tokens;

/// Where agents keep their transcripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes {
    /// Claude Code's folders: those of `CLAUDE_CONFIG_DIR`, else the usual ones.
    pub claude: Vec<PathBuf>,
    /// Codex's folder: `CODEX_HOME`, else `~/.codex`.
    pub codex: Option<PathBuf>,
    /// Gemini CLI's folder: `.gemini` in `GEMINI_CLI_HOME` or at home.
    pub gemini: Option<PathBuf>,
    /// opencode's folder below `XDG_DATA_HOME`.
    pub opencode: Option<PathBuf>,
    /// Files of metrics that were received, a request a line.
    pub metrics: Vec<PathBuf>,
}

impl Homes {
    /// The folders, as the variables of these names and the person's home tell.
    pub fn of(home: Option<PathBuf>, variable: impl Fn(&'static str) -> Option<PathBuf>) -> Homes {
        let at_home = |name: &str| home.as_ref().map(|home| home.join(name));
        let claude = match variable("CLAUDE_CONFIG_DIR") {
            // Several, with commas between, are read by others too.
            Some(folders) => {
                let folders = folders.to_string_lossy().into_owned();
                folders.split(',').map(str::trim).filter(|name| !name.is_empty()).map(PathBuf::from).collect()
            }
            None => [".claude", ".config/claude"].into_iter().filter_map(at_home).collect(),
        };
        let data = variable("XDG_DATA_HOME").filter(|folder| folder.is_absolute());
        Homes {
            claude,
            codex: variable("CODEX_HOME").or_else(|| at_home(".codex")),
            gemini: variable("GEMINI_CLI_HOME").or_else(|| home.clone()).map(|folder| folder.join(".gemini")),
            opencode: data.or_else(|| at_home(".local/share")).map(|folder| folder.join("opencode")),
            metrics: Vec::new(),
        }
    }
}

/// Which program wrote a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// Any that sends OpenTelemetry metrics.
    Metrics,
}

impl Program {
    /// All of them, each at its own number.
    pub const ALL: [Program; 5] =
        [Program::Claude, Program::Codex, Program::Gemini, Program::Opencode, Program::Metrics];
}

/// The number of a name in [`Names`].
pub type Name = u32;

/// Names of folders and models, each kept once.
#[derive(Debug, Clone, Default)]
pub struct Names {
    texts: Vec<String>,
    numbers: HashMap<String, Name>,
}

impl Names {
    /// The number of a name, which is new or known.
    pub fn number(&mut self, text: &str) -> Name {
        // A file has few, which are found before their hash is known.
        if let Some(place) = self.texts.iter().take(4).position(|known| known == text) {
            return Name::try_from(place).unwrap_or(Name::MAX);
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // Four thousand million folders and models are more than there can be lines.
        let number = Name::try_from(self.texts.len()).unwrap_or(Name::MAX);
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// The name with a number; empty for one that was never given.
    pub fn text(&self, number: Name) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    /// All names, in the order of their numbers.
    pub fn all(&self) -> &[String] {
        &self.texts
    }
}

/// Which call something is, or is part of: the hash of what names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(pub u64);

impl Key {
    /// The key of what these parts name together. It stays the same from version to version, since it is kept.
    pub fn of(parts: &[&[u8]]) -> Key {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for part in parts {
            for byte in part.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        // The last bytes have hardly reached the upper half yet.
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Key(hash ^ (hash >> 33))
    }
}

/// One call of a model, as one line tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Which call it is. Of several lines about one call the largest counts are taken.
    pub key: Key,
    /// Under which name copies of it refer to it.
    pub known_as: Option<Key>,
    /// It is a copy if there is a call that is known as this, and does not count then.
    pub copy_of: Option<Key>,
    /// When, in seconds since 1970.
    pub at: i64,
    /// The folder that the program worked in.
    pub folder: Name,
    /// The model.
    pub model: Name,
    /// Which program.
    pub program: Program,
    /// What was used.
    pub tokens: Tokens,
}

impl Call {
    /// What two lines tell of one call: the most of each count, and the rest from the one that is first in time.
    #[must_use]
    pub fn joined(self, other: Call, names: &Names) -> Call {
        let order = |call: &Call| {
            (call.at, names.text(call.folder), names.text(call.model), call.known_as, call.copy_of)
        };
        let first = if order(&other) < order(&self) { other } else { self };
        Call { tokens: self.tokens.most(other.tokens), ..first }
    }
}

/// What a reader remembers from line to line of one file, and from one reading to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The folder that was named last.
    pub folder: String,
    /// The model that was named last.
    pub model: String,
    /// Which session it is.
    pub session: Option<Key>,
    /// Which session it goes on from.
    pub parent: Option<Key>,
    /// The sum that was told last.
    pub sum: Option<Tokens>,
}

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Found {
    /// The calls.
    pub calls: Vec<Call>,
    /// The names in them.
    pub names: Names,
    /// How many lines should tell of a call, and cannot be understood.
    pub damaged: u64,
}

impl Found {
    /// Takes up a call; an answer is mostly told in several lines, one after the other.
    pub fn add(&mut self, call: Call) {
        match self.calls.last_mut().filter(|last| last.key == call.key) {
            Some(last) => *last = last.joined(call, &self.names),
            None => self.calls.push(call),
        }
    }
}

/// A time as transcripts write it.
fn seconds(text: &str) -> Option<i64> {
    usual_seconds(text.as_bytes()).or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_second))
}

/// A time as nearly all of them write it, such as `2026-11-24T01:30:00.000Z`.
fn usual_seconds(text: &[u8]) -> Option<i64> {
    let [
        year @ ..,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
        b'.',
        f1,
        f2,
        f3,
        b'Z',
    ] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        let digit = |digit: &u8| digit.is_ascii_digit().then(|| i64::from(digit - b'0'));
        digits.iter().try_fold(0, |number, one| Some(number * 10 + digit(one)?))
    };
    number(&[*f1, *f2, *f3])?;
    let (year, month, day) =
        (number(year).filter(|_| year.len() == 4)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*i1, *i2])?, number(&[*s1, *s2])?);
    // Days that not every month has, and leap seconds, are for who knows more of calendars.
    let is_usual = (1970..=9998).contains(&year)
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_usual {
        return None;
    }
    // The year begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_of_a_key_do_not_flow_into_each_other() {
        assert_ne!(Key::of(&[b"ab", b"c"]), Key::of(&[b"a", b"bc"]));
        assert_eq!(Key::of(&[b"a"]), Key(0x3aec_69d2_86fb_d39b), "it is kept in files");
    }

    proptest! {
        #[test]
        fn the_usual_time_is_that_of_the_calendar(at in 0i64..253_000_000_000, part in 0u16..1000) {
            let at = Timestamp::from_second(at).unwrap();
            let text = at.to_string().replace('Z', &format!(".{part:03}Z"));
            let quick = usual_seconds(text.as_bytes());
            prop_assert!(quick.is_none_or(|quick| quick == at.as_second()), "{text}");
            prop_assert_eq!(quick.is_some(), text[8..10] <= *"28", "{}", text);
            prop_assert_eq!(seconds(&text), Some(at.as_second()));
        }
    }

    #[test]
    fn the_folders_follow_the_variables() {
        let home = || Some(PathBuf::from("/home/ada"));
        let usual = Homes::of(home(), |_| None);
        assert_eq!(usual.claude, [PathBuf::from("/home/ada/.claude"), "/home/ada/.config/claude".into()]);
        assert_eq!(usual.opencode, Some("/home/ada/.local/share/opencode".into()));
        let set = Homes::of(home(), |name| match name {
            "CLAUDE_CONFIG_DIR" => Some("/a, /b".into()),
            "XDG_DATA_HOME" => Some("relative".into()),
            "CODEX_HOME" => Some("/codex".into()),
            _ => None,
        });
        assert_eq!(set.claude, [PathBuf::from("/a"), "/b".into()]);
        assert_eq!(set.codex, Some("/codex".into()));
        assert_eq!(set.opencode, Some("/home/ada/.local/share/opencode".into()));
    }
}
