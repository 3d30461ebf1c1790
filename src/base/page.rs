//! A page of answer: texts with their meaning; colour is somebody else's business.

/// What a piece of text is, so that the terminal can show it and nobody else needs to care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Running text.
    Plain,
    /// The name of the thing that the line is about.
    Name,
    /// Somebody's name.
    Person,
    /// A path, pattern or place.
    Place,
    /// A time or a length of time.
    Time,
    /// What is as it should be.
    Good,
    /// What deserves a look.
    Warn,
    /// What is wrong.
    Bad,
    /// What can be skipped.
    Quiet,
    /// A heading.
    Heading,
}

/// One piece of text with its meaning.
pub type Span = (Label, String);

/// Lines of labelled text, in the order in which they were put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    lines: Vec<Vec<Span>>,
    open: bool,
}

impl Page {
    /// Adds text to the open line, opening one if there is none.
    pub fn put(&mut self, label: Label, text: impl Into<String>) -> &mut Self {
        if !self.open {
            self.lines.push(Vec::new());
            self.open = true;
        }
        if let Some(line) = self.lines.last_mut() {
            line.push((label, text.into()));
        }
        self
    }

    /// Ends the open line; without one, puts an empty line.
    pub fn end(&mut self) -> &mut Self {
        if !self.open {
            self.lines.push(Vec::new());
        }
        self.open = false;
        self
    }

    /// Puts one whole line of one meaning.
    pub fn line(&mut self, label: Label, text: impl Into<String>) -> &mut Self {
        self.put(label, text).end()
    }

    /// Puts rows in columns that are as wide as their widest cell; the last column is not padded.
    pub fn table(&mut self, rows: &[Vec<Span>]) -> &mut Self {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                rows.iter().filter_map(|row| row.get(column)).map(|cell| width(&cell.1)).max().unwrap_or(0)
            })
            .collect();
        for row in rows {
            for (column, (label, text)) in row.iter().enumerate() {
                let last = column + 1 == row.len();
                let gap = if last { 0 } else { widths[column] - width(text) + 2 };
                self.put(*label, text.clone()).put(Label::Plain, " ".repeat(gap));
            }
            self.end();
        }
        self
    }

    /// The lines put so far.
    pub fn lines(&self) -> &[Vec<Span>] {
        &self.lines
    }

    /// The page without its meanings, for files and tests.
    pub fn plain(&self) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let text: String = line.iter().map(|(_, text)| text.as_str()).collect();
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Columns that a text takes; good enough for tables, where wide characters are rare.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_blanks() {
        let mut page = Page::default();
        let cell = |text: &str| (Label::Plain, text.to_owned());
        page.table(&[vec![cell("a"), cell("b")], vec![cell("long"), cell("")], vec![cell("ä"), cell("c")]]);
        assert_eq!(page.plain(), "a     b\nlong\nä     c\n");
    }
}
