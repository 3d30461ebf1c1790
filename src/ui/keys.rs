//! The table of keys of a review, from which the keys' doings, the help line and the pages of all keys follow, on the
//! terminal and in the browser.

use std::fmt;

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A letter.
    Char(char),
    /// A letter with control.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Tab with shift.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Key::Char(' ') => "Space",
            Key::Char(letter) => return write!(f, "{letter}"),
            Key::Ctrl(letter) => return write!(f, "Ctrl-{}", letter.to_ascii_uppercase()),
            Key::Enter => "Enter",
            Key::Esc => "Esc",
            Key::Tab => "Tab",
            Key::BackTab => "Shift-Tab",
            Key::Up => "↑",
            Key::Down => "↓",
            Key::Left => "←",
            Key::Right => "→",
            Key::PageUp => "PgUp",
            Key::PageDown => "PgDn",
            Key::Home => "Home",
            Key::End => "End",
            Key::Backspace => "Backspace",
            Key::Delete => "Delete",
        };
        f.write_str(name)
    }
}

/// Where keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The list with the sides of a conflict.
    Desk,
    /// A text that is read: a preview, the help, what a check wrote.
    Text,
    /// A line that is written.
    Line,
    /// A question.
    Question,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the table says what each does")]
pub enum Action {
    TakeOurs,
    TakeTheirs,
    TakeBoth,
    TakeReversed,
    TakeBase,
    Edit,
    Rename,
    NextOpen,
    PreviousOpen,
    Undo,
    Redo,
    Agree,
    Note,
    Preview,
    Check,
    Finish,
    Search,
    NextFound,
    PreviousFound,
    FileOurs,
    FileTheirs,
    Next,
    Previous,
    First,
    Last,
    Down,
    Up,
    Right,
    Left,
    Reload,
    Stop,
    Close,
    Accept,
    Cancel,
    Yes,
    No,
    Help,
    Suspend,
    Leave,
}

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    /// Where it counts.
    pub places: &'static [Place],
    /// The keys, the one that is told first.
    pub keys: &'static [Key],
    /// What they do.
    pub action: Action,
    /// In a word, for the help line; empty for what is told on the page of all keys only.
    pub word: &'static str,
    /// In a sentence, for the page of all keys.
    pub what: &'static str,
}

const DESK: &[Place] = &[Place::Desk];
const TEXT: &[Place] = &[Place::Text];
const READ: &[Place] = &[Place::Desk, Place::Text];
const ALL: &[Place] = &[Place::Desk, Place::Text, Place::Line, Place::Question];

const fn row(
    places: &'static [Place],
    keys: &'static [Key],
    action: Action,
    word: &'static str,
    what: &'static str,
) -> Binding {
    Binding { places, keys, action, word, what }
}

/// The table. The help line tells the first rows first, as far as it reaches.
pub static TABLE: &[Binding] = &[
    row(&[Place::Line], &[Key::Enter], Action::Accept, "do it", "do it"),
    row(&[Place::Line], &[Key::Esc], Action::Cancel, "never mind", "leave it"),
    row(&[Place::Question], &[Key::Char('y')], Action::Yes, "yes", "yes"),
    row(&[Place::Question], &[Key::Char('n'), Key::Esc], Action::No, "no", "no"),
    row(TEXT, &[Key::Char('q'), Key::Esc, Key::Enter], Action::Close, "back", "back to the list"),
    row(TEXT, &[Key::Char('s')], Action::Stop, "stop it", "end the check that runs"),
    row(DESK, &[Key::Char('o')], Action::TakeOurs, "ours", "take the target's side"),
    row(DESK, &[Key::Char('t')], Action::TakeTheirs, "theirs", "take the task's side"),
    row(DESK, &[Key::Char('b')], Action::TakeBoth, "both", "take both, the target's first"),
    row(DESK, &[Key::Char('B')], Action::TakeReversed, "reversed", "take both, the task's first"),
    row(DESK, &[Key::Char('a')], Action::TakeBase, "base", "leave it as it was before either"),
    row(DESK, &[Key::Char('e')], Action::Edit, "edit", "write it yourself"),
    row(DESK, &[Key::Char('m')], Action::Rename, "move", "keep the file under another name"),
    row(DESK, &[Key::Char('y')], Action::Agree, "agree", "agree to what somebody decided in your region"),
    row(DESK, &[Key::Char('f')], Action::Finish, "finish", "land or sync with what was decided"),
    row(READ, &[Key::Char('x')], Action::Check, "check", "run the check on the result, or see how it went"),
    row(DESK, &[Key::Char('n'), Key::Tab], Action::NextOpen, "next open", "to the next that is open"),
    row(DESK, &[Key::Char('u')], Action::Undo, "undo", "take the last decision back"),
    row(DESK, &[Key::Char('r'), Key::Ctrl('r')], Action::Redo, "redo", "decide again what was taken back"),
    row(DESK, &[Key::Char('v'), Key::Enter], Action::Preview, "view", "see the merged file as it is now"),
    row(DESK, &[Key::Char('c')], Action::Note, "note", "say why, in a line that is kept with the decision"),
    row(DESK, &[Key::Char('.')], Action::NextFound, "next match", "to the next that was searched for"),
    row(DESK, &[Key::Char('/')], Action::Search, "search", "search paths and texts"),
    row(
        DESK,
        &[Key::Char('O')],
        Action::FileOurs,
        "",
        "take the target's side of all that is open in this file",
    ),
    row(
        DESK,
        &[Key::Char('T')],
        Action::FileTheirs,
        "",
        "take the task's side of all that is open in this file",
    ),
    row(DESK, &[Key::Char(',')], Action::PreviousFound, "", "to the one before that was searched for"),
    row(DESK, &[Key::Char('p'), Key::BackTab], Action::PreviousOpen, "", "to the one before that is open"),
    row(DESK, &[Key::Char('j'), Key::Down], Action::Next, "", "to the next conflict"),
    row(DESK, &[Key::Char('k'), Key::Up], Action::Previous, "", "to the conflict before"),
    row(READ, &[Key::Char('g'), Key::Home], Action::First, "", "to the first"),
    row(READ, &[Key::Char('G'), Key::End], Action::Last, "", "to the last"),
    row(READ, &[Key::PageDown, Key::Char(' '), Key::Char('J')], Action::Down, "", "read on"),
    row(READ, &[Key::PageUp, Key::Char('K')], Action::Up, "", "read back"),
    row(READ, &[Key::Right, Key::Char('l')], Action::Right, "", "see the right end of long lines"),
    row(READ, &[Key::Left, Key::Char('h')], Action::Left, "", "see their beginning again"),
    row(DESK, &[Key::Char('R'), Key::Ctrl('l')], Action::Reload, "", "look again what others did meanwhile"),
    row(READ, &[Key::Ctrl('z')], Action::Suspend, "", "stop for a while, as any program"),
    row(ALL, &[Key::Ctrl('c')], Action::Leave, "", "leave, from anywhere; every decision is kept"),
    row(DESK, &[Key::Char('q')], Action::Leave, "leave", "leave; every decision is kept"),
    row(DESK, &[Key::Char('?')], Action::Help, "all keys", "see this page"),
];

/// What a key does at a place.
pub fn found(place: Place, key: Key) -> Option<&'static Binding> {
    TABLE.iter().find(|row| row.places.contains(&place) && row.keys.contains(&key))
}

/// The rows of a review as the page in the browser reads them, with the keys that are letters: all others are the browser's
/// own.
#[cfg(feature = "web")]
pub fn script() -> String {
    let letters = |row: &Binding| -> Vec<char> {
        let letter = |key: &Key| if let Key::Char(letter) = key { Some(*letter) } else { None };
        row.keys.iter().filter_map(letter).filter(|letter| *letter != ' ').collect()
    };
    let rows: Vec<_> = TABLE
        .iter()
        .filter(|row| row.places.contains(&Place::Desk))
        .map(|row| serde_json::json!({ "action": row.action, "keys": letters(row), "what": row.what }))
        .filter(|row| row["keys"].as_array().is_some_and(|keys| !keys.is_empty()))
        .collect();
    format!(
        "// The keys of a review, from the table that the screen on the terminal has too.\n\nexport const TABLE = {};\n",
        serde_json::Value::from(rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things_at_one_place() {
        for place in *ALL.first_chunk::<4>().unwrap() {
            let mut seen: Vec<Key> = Vec::new();
            for key in TABLE.iter().filter(|row| row.places.contains(&place)).flat_map(|row| row.keys) {
                assert!(!seen.contains(key), "{key} does two things in {place:?}");
                seen.push(*key);
            }
        }
    }

    #[test]
    fn a_line_that_is_written_takes_every_letter() {
        for row in TABLE.iter().filter(|row| row.places.contains(&Place::Line)) {
            assert!(!row.keys.iter().any(|key| matches!(key, Key::Char(_))), "{row:?}");
        }
    }

    #[test]
    fn every_key_says_what_it_does() {
        for row in TABLE {
            assert!(!row.what.is_empty() && !row.keys.is_empty(), "{row:?}");
        }
    }
}
