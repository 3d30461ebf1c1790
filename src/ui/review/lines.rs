//! Lines of a file made fit for a screen: nothing raw, and what has no shape of its own is shown.

use crate::base::text;

/// Stands for a carriage return at the end of a line.
pub const RETURN: char = '␍';

/// Stands where the last line of a file has no end.
pub const NO_END: &str = "\\ no end of line";

/// How many columns a tab goes to.
const TAB: usize = 4;

/// The lines of some bytes. Tabs stay; [`row`](super::sheet::Row) gives them columns.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let Some(last) = bytes.last() else { return Vec::new() };
    let is_ended = *last == b'\n';
    let body = if is_ended { &bytes[..bytes.len() - 1] } else { bytes };
    let mut found: Vec<String> = body.split(|&byte| byte == b'\n').map(line).collect();
    if !is_ended {
        found.push(NO_END.to_owned());
    }
    found
}

/// One line, without its line feed.
pub fn line(bytes: &[u8]) -> String {
    let (body, returns) = match bytes.strip_suffix(b"\r") {
        Some(body) => (body, true),
        None => (bytes, false),
    };
    let mut shown = body.split(|&byte| byte == b'\t').map(text::visible).collect::<Vec<_>>().join("\t");
    if returns {
        shown.push(RETURN);
    }
    shown
}

/// A part of a line that begins at a column, its tabs as blanks; with an arrow where somebody should see the tab.
pub fn with_columns(part: &str, column: &mut usize, is_seen: bool) -> String {
    let mut out = String::with_capacity(part.len());
    for (number, piece) in part.split('\t').enumerate() {
        if number > 0 {
            let gap = TAB - *column % TAB;
            out.push(if is_seen { '→' } else { ' ' });
            out.push_str(&" ".repeat(gap - 1));
            *column += gap;
        }
        out.push_str(piece);
        *column += unicode_width::UnicodeWidthStr::width(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_shape_is_shown() {
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"a\r\nb\n\n"), ["a␍", "b", ""]);
        assert_eq!(lines(b"a\nb"), ["a", "b", NO_END]);
        assert_eq!(lines(b"\x1b[31mred\x07\xff"), ["\\x1b[31mred\\x07\\xff", NO_END]);
    }

    #[test]
    fn tabs_reach_their_columns() {
        let shown = |text: &str, column: usize| with_columns(text, &mut column.clone(), false);
        assert_eq!(shown("\ta", 0), "    a");
        assert_eq!(shown("ab\tc", 0), "ab  c");
        assert_eq!(shown("\ta", 3), " a");
        assert_eq!(shown("漢\tc", 0), "漢  c");
        assert_eq!(with_columns("a\t\t", &mut 0, true), "a→  →   ");
    }
}
