//! The terminal: pages shown in colour where colour is wanted, the answer on one stream and all else on the other.

use std::io;
use std::io::Write;
use std::path::Path;

use anstream::AutoStream;
use anstyle::AnsiColor;
use anstyle::Style;

use crate::base::atomic::FileError;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Monitor;

/// Standard output and standard error, each with or without colour.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    color: anstream::ColorChoice,
}

impl Terminal {
    /// A terminal with colour always, never, or where the stream is a terminal and the environment does not object
    /// (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM=dumb`).
    pub fn new(color: clap::ColorChoice) -> Terminal {
        let color = match color {
            clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
            clap::ColorChoice::Always => anstream::ColorChoice::AlwaysAnsi,
            clap::ColorChoice::Never => anstream::ColorChoice::Never,
        };
        Terminal { color }
    }

    /// Whether standard output is to have colour.
    #[cfg(feature = "screen")]
    pub fn has_color(self) -> bool {
        match self.color {
            anstream::ColorChoice::Auto => AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
            choice => choice != anstream::ColorChoice::Never,
        }
    }

    /// Shows an answer on standard output. A reader that has left is no error: it has seen what it wanted.
    ///
    /// # Errors
    /// When it cannot be written, for example because the disk is full.
    pub fn answer(self, text: &str) -> io::Result<()> {
        let mut stream = AutoStream::new(io::stdout(), self.color).lock();
        match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Shows what is not the answer on standard error.
    pub fn tell(self, text: &str) {
        let mut stream = AutoStream::new(io::stderr(), self.color).lock();
        // Without standard error there is nobody left to tell.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }
}

impl Monitor for Terminal {
    fn note(&self, text: &str) {
        let mut page = Page::default();
        page.put(Label::Quiet, "note: ").put(Label::Plain, text);
        self.tell(&painted(&page));
    }

    fn line(&self, line: &str) -> Result<bool, FileError> {
        let mut stream = AutoStream::new(io::stdout(), self.color).lock();
        match writeln!(stream, "{}", text::without_secrets(line)).and_then(|()| stream.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(source) => Err(FileError::new("write", Path::new("standard output"), source)),
        }
    }
}

/// A page as text with the colours of its labels, and without anything else that a terminal would obey, nor the secrets of
/// addresses.
pub fn painted(page: &Page) -> String {
    let mut out = String::new();
    for line in page.lines() {
        let end = line.iter().rposition(|(_, text)| !text.trim_end().is_empty()).map_or(0, |last| last + 1);
        for (index, (label, text)) in line[..end].iter().enumerate() {
            let text = text::without_secrets(&text::visible_lines(text.as_bytes()));
            let text = if index + 1 == end { text.trim_end() } else { &text };
            let style = style(*label);
            out.push_str(&format!("{style}{text}{style:#}"));
        }
        out.push('\n');
    }
    out
}

fn style(label: Label) -> Style {
    let plain = Style::new();
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match label {
        Label::Plain => plain,
        Label::Name => plain.bold(),
        Label::Person => color(AnsiColor::Cyan),
        Label::Place => color(AnsiColor::Magenta),
        Label::Time => color(AnsiColor::Blue),
        Label::Good => color(AnsiColor::Green),
        Label::Warn => color(AnsiColor::Yellow),
        Label::Bad => color(AnsiColor::Red).bold(),
        Label::Quiet => plain.dimmed(),
        Label::Heading => plain.bold().underline(),
    }
}

#[cfg(test)]
mod tests {
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;

    fn page() -> Page {
        let mut page = Page::default();
        page.put(Label::Good, "granted ").put(Label::Name, "auth").put(Label::Plain, " to ");
        page.put(Label::Person, "claude-1").put(Label::Plain, "   ").end();
        page.put(Label::Plain, "  ").put(Label::Place, "src/auth/**").end().end();
        page.line(Label::Quiet, "begin: git odyssey claim");
        page
    }

    /// Escapes as `^[`, so that the snapshot can be read.
    fn shown(page: &Page) -> String {
        painted(page).replace('\u{1b}', "^[")
    }

    #[test]
    fn every_label_has_its_colour_and_lines_have_no_trailing_blanks() {
        assert_data_eq!(
            shown(&page()),
            str![[r#"
^[[32mgranted ^[[0m^[[1mauth^[[0m to ^[[36mclaude-1^[[0m
  ^[[35msrc/auth/**^[[0m

^[[2mbegin: git odyssey claim^[[0m

"#]]
        );
    }

    #[test]
    fn without_colour_the_page_is_its_plain_text() {
        assert_eq!(anstream::adapter::strip_str(&painted(&page())).to_string(), page().plain());
    }

    #[test]
    fn a_name_cannot_give_orders_to_the_terminal() {
        let mut page = Page::default();
        page.line(Label::Place, "/tmp/\u{1b}]0;gotcha\u{7}");
        assert_eq!(shown(&page), "^[[35m/tmp/\\x1b]0;gotcha\\x07^[[0m\n");
    }
}
