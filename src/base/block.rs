//! A marked block of lines inside somebody else's file: put in, and taken out without a trace.
//!
//! The block begins and ends with a comment line that names its owner, so the file may be edited around it. All other
//! bytes stay as they are, whatever they are: ends of lines, encoding, and a last line without an end.

use std::ops::Range;

/// Where a block is in a file.
struct Found {
    /// From the first byte of its first line to behind its last line.
    whole: Range<usize>,
    /// Its lines without the two marks.
    lines: Range<usize>,
    /// Whether a line feed was put before it, because the file did not end with one.
    added_line_feed: bool,
}

/// `bytes` with the block of this marker holding `lines`, at the end or where it already is.
///
/// Neither the marker nor a line may hold a line feed; a line that is itself a mark would end the block.
pub fn with_block(bytes: &[u8], marker: &str, lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 256);
    let push_lines = |out: &mut Vec<u8>| {
        for line in lines {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    };
    if let Some(found) = find(bytes, marker) {
        out.extend_from_slice(&bytes[..found.lines.start]);
        push_lines(&mut out);
        out.extend_from_slice(&bytes[found.lines.end..]);
        return out;
    }
    out.extend_from_slice(bytes);
    let added_line_feed = bytes.last().is_some_and(|&last| last != b'\n');
    if added_line_feed {
        out.push(b'\n');
    }
    out.extend_from_slice(&first_mark(marker, added_line_feed));
    out.push(b'\n');
    push_lines(&mut out);
    out.extend_from_slice(&last_mark(marker));
    out.push(b'\n');
    out
}

/// `bytes` without the block of this marker: what they were before [`with_block`], with what others changed since.
pub fn without_block(bytes: &[u8], marker: &str) -> Vec<u8> {
    let Some(found) = find(bytes, marker) else { return bytes.to_vec() };
    let (mut before, after) = (&bytes[..found.whole.start], &bytes[found.whole.end..]);
    // Somebody who wrote behind the block wrote a line of their own, and it stays one.
    if found.added_line_feed && after.is_empty() {
        before = before.strip_suffix(b"\n").unwrap_or(before);
    }
    [before, after].concat()
}

/// The lines of the block of this marker, without their ends; nothing when there is no such block.
pub fn block<'a>(bytes: &'a [u8], marker: &str) -> Option<Vec<&'a [u8]>> {
    let found = find(bytes, marker)?;
    let lines = bytes[found.lines].split_inclusive(|&byte| byte == b'\n');
    Some(lines.map(without_end).collect())
}

fn first_mark(marker: &str, added_line_feed: bool) -> Vec<u8> {
    let note = if added_line_feed { " (the line above had no end)" } else { "" };
    format!("# >>> {marker} >>>{note}").into_bytes()
}

fn last_mark(marker: &str) -> Vec<u8> {
    format!("# <<< {marker} <<<").into_bytes()
}

/// The first pair of marks with nothing but lines between them. A mark alone is a line like any other.
fn find(bytes: &[u8], marker: &str) -> Option<Found> {
    let (plain, noted, last) = (first_mark(marker, false), first_mark(marker, true), last_mark(marker));
    let mut open: Option<(Range<usize>, bool)> = None;
    let mut start = 0;
    for whole in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = start + whole.len();
        let line = without_end(whole);
        if line == plain || line == noted {
            open = Some((start..end, line == noted));
        } else if line == last
            && let Some((first, added_line_feed)) = open
        {
            return Some(Found { whole: first.start..end, lines: first.end..start, added_line_feed });
        }
        start = end;
    }
    None
}

/// The line without its end. An editor may have changed all ends to CRLF, ours too.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Files with every kind of line end, and with marks or pieces of them in wrong places.
    fn files() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec!["", "*.o", "a b", "# >>> other >>>", "# <<< other <<<", "\r", "\0"])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::sample::select(vec!["# >>> m >>>", "# >>> m >>> (the line above had no end)", "# <<< m <<<"])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        let end = prop::sample::select(vec!["\n", "\n", "\r\n", ""]);
        prop::collection::vec((piece, end), 0..6)
            .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| [line, end.into()].concat()).collect())
    }

    #[test]
    fn a_block_reads_as_a_comment_around_its_lines() {
        let file = with_block(b"*.o\n", "git odyssey", &["/.odyssey/"]);
        let text = "*.o\n# >>> git odyssey >>>\n/.odyssey/\n# <<< git odyssey <<<\n";
        assert_eq!(String::from_utf8(file), Ok(text.to_owned()));
    }

    #[test]
    fn a_last_line_without_an_end_gets_one_only_while_the_block_is_there() {
        let file = with_block(b"*.o", "m", &["x"]);
        assert_eq!(file, b"*.o\n# >>> m >>> (the line above had no end)\nx\n# <<< m <<<\n");
        assert_eq!(without_block(&file, "m"), b"*.o");
        assert_eq!(
            without_block(&[&file[..], b"*.a"].concat(), "m"),
            b"*.o\n*.a",
            "lines of others stay apart"
        );
    }

    #[test]
    fn a_block_is_found_again_after_an_editor_changed_the_line_ends() {
        let file = with_block(b"*.o\n", "m", &["x"]);
        let edited = String::from_utf8(file).map(|text| text.replace('\n', "\r\n")).unwrap_or_default();
        assert_eq!(block(edited.as_bytes(), "m"), Some(vec![&b"x"[..]]));
        assert_eq!(without_block(edited.as_bytes(), "m"), b"*.o\r\n");
    }

    #[test]
    fn a_mark_without_its_partner_is_left_alone() {
        for file in ["# >>> m >>>\nx\n", "x\n# <<< m <<<\n", "# <<< m <<<\nx\n# >>> m >>>\n"] {
            assert_eq!(without_block(file.as_bytes(), "m"), file.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn taking_a_block_out_gives_back_every_byte(file in files(), lines in prop::collection::vec("[a-z/*]{0,3}", 0..3)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let with = with_block(&file, "m", &lines);
            // Where the file held a block before, that block is what was changed.
            let expected = if block(&file, "m").is_some() { without_block(&file, "m") } else { file };
            prop_assert_eq!(without_block(&with, "m"), expected);
        }

        #[test]
        fn putting_a_block_in_again_changes_nothing_and_new_lines_take_the_place_of_old(file in files()) {
            let with = with_block(&file, "m", &["one", "two"]);
            prop_assert_eq!(&with_block(&with, "m", &["one", "two"]), &with);
            let other = with_block(&with, "m", &["three"]);
            prop_assert_eq!(block(&other, "m"), Some(vec![&b"three"[..]]));
            prop_assert_eq!(without_block(&other, "m"), without_block(&with, "m"));
        }

        #[test]
        fn what_others_write_before_and_after_stays(file in files(), more in "[a-z]{1,3}\n") {
            prop_assume!(block(&file, "m").is_none() && file.last().is_none_or(|&last| last == b'\n'));
            let with = with_block(&file, "m", &["x"]);
            let edited = [more.as_bytes(), &with, more.as_bytes()].concat();
            prop_assert_eq!(without_block(&edited, "m"), [more.as_bytes(), &file, more.as_bytes()].concat());
        }

        #[test]
        fn blocks_of_two_owners_do_not_meddle(file in files()) {
            prop_assume!(block(&file, "m").is_none() && block(&file, "other").is_none());
            let first = with_block(&file, "m", &["x"]);
            let both = with_block(&first, "other", &["y"]);
            prop_assert_eq!(&without_block(&both, "other"), &first);
            prop_assert_eq!(block(&both, "m"), Some(vec![&b"x"[..]]));
        }
    }
}
