//! The canvas: text put on cells, cut where it does not fit, wide and combining letters included.

use ratatui_core::buffer::Buffer;
use ratatui_core::style::Color;
use ratatui_core::style::Modifier;
use ratatui_core::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::base::page::Label;

/// Whose text it is that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The target's.
    Ours,
    /// What was there before.
    Base,
    /// The task's.
    Theirs,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// By its meaning.
    As(Label),
    /// A side's name.
    Head(Party),
    /// A line that differs as a whole.
    Whole(Party),
    /// Words that differ.
    Words(Party),
    /// What the keys go to.
    Chosen,
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text in no more columns than that; with a sign at its end where it was cut.
pub fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for letter in text.graphemes(true) {
        used += width(letter);
        if used >= most {
            break;
        }
        out.push_str(letter);
    }
    if most > 0 {
        out.push('…');
    }
    out
}

/// Cells to put text on.
pub struct Canvas<'b> {
    buffer: &'b mut Buffer,
    has_color: bool,
}

impl<'b> Canvas<'b> {
    /// All of a buffer.
    pub fn on(buffer: &'b mut Buffer, has_color: bool) -> Canvas<'b> {
        Canvas { buffer, has_color }
    }

    /// How many columns and rows there are.
    pub fn size(&self) -> (usize, usize) {
        (usize::from(self.buffer.area.width), usize::from(self.buffer.area.height))
    }

    /// Puts a text, cut where it does not fit in `most` columns. Answers how many it takes.
    pub fn put(&mut self, (x, y): (usize, usize), most: usize, look: Look, text: &str) -> usize {
        let text = cut(text, most);
        self.put_pieces((x, y), most, 0, &[(look, text)])
    }

    /// Puts pieces of one line without their first `shift` columns. Signs show where it goes on. Answers how many columns the
    /// whole line has.
    pub fn put_pieces(
        &mut self,
        (x, y): (usize, usize),
        most: usize,
        shift: usize,
        pieces: &[(Look, String)],
    ) -> usize {
        let columns = |letter: &str| width(letter).max(1);
        let all: usize = pieces.iter().flat_map(|(_, text)| text.graphemes(true)).map(columns).sum();
        // The signs take the place of letters, of which a wide one has no half.
        let begin = shift + usize::from(shift > 0);
        let end = (shift + most).saturating_sub(usize::from(all > shift + most));
        let mut column = 0;
        for (look, text) in pieces {
            for letter in text.graphemes(true) {
                let wide = columns(letter);
                let is_in = column >= begin && column + wide <= end;
                if is_in {
                    // What has no width and stands alone would vanish.
                    let shown = if width(letter) == 0 { "·" } else { letter };
                    self.cell((x + column - shift, y), *look, shown);
                }
                column += wide;
            }
        }
        if shift > 0 && column > 0 && most > 0 {
            self.cell((x, y), Look::As(Label::Quiet), "‹");
        }
        if column > shift + most && most > 0 {
            self.cell((x + most - 1, y), Look::As(Label::Quiet), "›");
        }
        column
    }

    /// Makes a whole row of one look.
    pub fn paint(&mut self, y: usize, look: Look) {
        let (wide, high) = self.size();
        if y < high {
            let (x, y) = (self.buffer.area.x, self.buffer.area.y + short(y));
            let style = self.style(look);
            self.buffer.set_style(ratatui_core::layout::Rect::new(x, y, short(wide), 1), style);
        }
    }

    /// Draws a line of signs.
    pub fn rule(&mut self, (x, y): (usize, usize), length: usize, sign: &str) {
        for at in x..x + length {
            self.cell((at, y), Look::As(Label::Quiet), sign);
        }
    }

    fn cell(&mut self, (x, y): (usize, usize), look: Look, letter: &str) {
        let (wide, high) = self.size();
        if x < wide && y < high {
            let style = self.style(look);
            let (x, y) = (self.buffer.area.x + short(x), self.buffer.area.y + short(y));
            self.buffer.set_stringn(x, y, letter, wide, style);
        }
    }

    fn style(&self, look: Look) -> Style {
        let plain = Style::new();
        let color = |style: Style, color: Color| if self.has_color { style.fg(color) } else { style };
        let of = |party: Party| match party {
            Party::Ours => Color::Cyan,
            Party::Base => Color::Red,
            Party::Theirs => Color::Magenta,
        };
        match look {
            Look::As(label) => match label {
                Label::Plain => plain,
                Label::Name => plain.add_modifier(Modifier::BOLD),
                Label::Person => color(plain, Color::Cyan),
                Label::Place => color(plain, Color::Magenta),
                Label::Time => color(plain, Color::Blue),
                Label::Good => color(plain, Color::Green),
                Label::Warn => color(plain, Color::Yellow),
                Label::Bad => color(plain.add_modifier(Modifier::BOLD), Color::Red),
                Label::Quiet => plain.add_modifier(Modifier::DIM),
                Label::Heading => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            },
            Look::Head(party) => color(plain.add_modifier(Modifier::BOLD), of(party)),
            Look::Whole(party) => color(plain, of(party)),
            Look::Words(party) => color(plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED), of(party)),
            Look::Chosen => plain.add_modifier(Modifier::REVERSED),
        }
    }
}

fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use ratatui_core::layout::Rect;

    use super::*;

    fn row(most: usize, shift: usize, text: &str) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        let pieces = [(Look::As(Label::Plain), text.to_owned())];
        Canvas::on(&mut buffer, false).put_pieces((0, 0), most, shift, &pieces);
        let mut out = String::new();
        let mut skip = 0;
        for cell in buffer.content() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = width(cell.symbol()).saturating_sub(1);
            out.push_str(cell.symbol());
        }
        out.trim_end().to_owned()
    }

    #[test]
    fn a_line_is_cut_where_it_does_not_fit() {
        assert_eq!(row(12, 0, "short"), "short");
        assert_eq!(row(6, 0, "0123456789"), "01234›");
        assert_eq!(row(6, 2, "0123456789"), "‹3456›");
        assert_eq!(row(8, 5, "0123456789"), "‹6789");
    }

    #[test]
    fn wide_and_combining_letters_keep_their_columns() {
        assert_eq!(row(12, 0, "漢字e\u{301}x"), "漢字e\u{301}x");
        assert_eq!(row(4, 0, "漢字漢"), "漢 ›");
        assert_eq!(row(12, 0, "a\u{200b}b"), "a·b", "a blank without width is seen");
        assert_eq!(
            (cut("漢字漢字", 5), cut("abc", 3), cut("abcd", 0)),
            ("漢字…".into(), "abc".into(), "".into())
        );
    }
}
