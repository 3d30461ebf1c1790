//! A pager: a text that is read a page at a time; of a long one only what is shown is looked at.

use super::lines;

/// A text, and the part of it that is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager {
    /// What the text is.
    pub title: String,
    bytes: Vec<u8>,
    /// Where its lines begin.
    starts: Vec<usize>,
    /// The first line that is seen.
    pub top: usize,
    /// How many columns of it are hidden on the left.
    pub shift: usize,
    /// Whether its lines are counted at their beginning.
    pub is_numbered: bool,
}

impl Pager {
    /// A text from its beginning.
    pub fn new(title: impl Into<String>, bytes: Vec<u8>) -> Pager {
        let mut pager = Pager {
            title: title.into(),
            bytes: Vec::new(),
            starts: Vec::new(),
            top: 0,
            shift: 0,
            is_numbered: false,
        };
        pager.replace(bytes);
        pager
    }

    /// The text with other bytes, read from the same line on.
    pub fn replace(&mut self, bytes: Vec<u8>) {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        self.starts = std::iter::once(0).chain(ends).filter(|start| *start < bytes.len()).collect();
        self.bytes = bytes;
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// One line, made fit to show.
    pub fn line(&self, number: usize) -> String {
        let begin = self.starts[number];
        let end = self.starts.get(number + 1).copied().unwrap_or(self.bytes.len());
        let line = &self.bytes[begin..end];
        lines::with_columns(&lines::line(line.strip_suffix(b"\n").unwrap_or(line)), &mut 0, false)
    }

    /// Goes so many lines down, or up, as far as there are some, with `page` of them seen at once.
    pub fn go(&mut self, by: isize, page: usize) {
        let most = self.len().saturating_sub(page);
        self.top = self.top.saturating_add_signed(by).min(most);
    }

    /// The first line from `from` on that begins so.
    pub fn begins(&self, from: usize, head: &[u8]) -> Option<usize> {
        (from..self.len()).find(|number| self.bytes[self.starts[*number]..].starts_with(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_by_its_lines() {
        let mut pager = Pager::new("a text", b"one\n\ttwo\r\n\n\x1b[2J".to_vec());
        let lines: Vec<String> = (0..pager.len()).map(|number| pager.line(number)).collect();
        assert_eq!(lines, ["one", "    two␍", "", "\\x1b[2J"]);
        pager.go(5, 3);
        assert_eq!(pager.top, 1);
        pager.go(-5, 3);
        assert_eq!(pager.top, 0);
        assert_eq!(pager.begins(1, b"\t"), Some(1));
        assert!(Pager::new("", Vec::new()).is_empty());
        assert_eq!(Pager::new("", b"\n".to_vec()).len(), 1);
    }
}
