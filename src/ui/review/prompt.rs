//! A line that somebody writes: a search, a note, a path, a command.

use unicode_segmentation::UnicodeSegmentation;

use crate::ui::keys::Key;

/// What the line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A text to search for.
    Search,
    /// Why something was decided so.
    Note,
    /// Another name of a file.
    Path,
    /// A command to run on the result.
    Command,
}

impl Subject {
    /// What stands before the line.
    pub fn label(self) -> &'static str {
        match self {
            Subject::Search => "search: ",
            Subject::Note => "why: ",
            Subject::Path => "keep it as: ",
            Subject::Command => "run on the result: ",
        }
    }
}

/// A line, and where the next letter goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is for.
    pub subject: Subject,
    text: String,
    at: usize,
}

impl Prompt {
    /// A line that begins with a text.
    pub fn new(subject: Subject, text: &str) -> Prompt {
        Prompt { subject, text: text.to_owned(), at: text.len() }
    }

    /// What was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is before the next letter.
    pub fn before(&self) -> &str {
        &self.text[..self.at]
    }

    /// Takes letters in, but none that would be orders.
    pub fn write(&mut self, text: &str) {
        let plain: String = text.chars().filter(|letter| !letter.is_control()).collect();
        self.text.insert_str(self.at, &plain);
        self.at += plain.len();
    }

    /// Does what a key asks for; keys that ask for nothing here do nothing.
    pub fn press(&mut self, key: Key) {
        let before = || self.before().graphemes(true).next_back().map_or(0, str::len);
        let after = || self.text[self.at..].graphemes(true).next().map_or(0, str::len);
        match key {
            Key::Char(letter) => self.write(letter.encode_utf8(&mut [0; 4])),
            Key::Left => self.at -= before(),
            Key::Right => self.at += after(),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End | Key::Ctrl('e') => self.at = self.text.len(),
            Key::Backspace | Key::Ctrl('h') => {
                let begin = self.at - before();
                self.text.replace_range(begin..self.at, "");
                self.at = begin;
            }
            Key::Delete => {
                let end = self.at + after();
                self.text.replace_range(self.at..end, "");
            }
            Key::Ctrl('u') => {
                self.text.replace_range(..self.at, "");
                self.at = 0;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_and_mended() {
        let mut line = Prompt::new(Subject::Note, "wan");
        "t\u{1b}ed".chars().for_each(|letter| line.press(Key::Char(letter)));
        assert_eq!(line.text(), "wanted");
        line.press(Key::Home);
        line.press(Key::Delete);
        line.write("W\r\n");
        assert_eq!((line.text(), line.before()), ("Wanted", "W"));
        line.press(Key::End);
        line.write(" e\u{301}");
        line.press(Key::Backspace);
        assert_eq!(line.text(), "Wanted ", "a letter of two signs goes as one");
        line.press(Key::Left);
        line.press(Key::Ctrl('u'));
        assert_eq!((line.text(), line.before()), (" ", ""));
        line.press(Key::Backspace);
        line.press(Key::Left);
        line.press(Key::Up);
        assert_eq!(line.text(), " ");
    }
}
