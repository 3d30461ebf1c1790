//! The edits of lines between two versions of a file, and how else each could be told.

use std::ops::Range;

use gix::bstr::BStr;
use gix::diff::blob::Algorithm;
use gix::diff::blob::InternedInput;
use gix::diff::blob::Token;
use gix::diff::blob::diff_with_slider_heuristics;
use gix::diff::blob::sources::byte_lines;

use super::Oid;
use super::error::GitError;
use super::merge::is_binary;
use super::objects::EntryKind;
use super::repo::Repo;

/// The largest file whose lines are told apart, in bytes.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// One edit: lines of the old version, counted from 0, and those of the new one that stand there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The lines of the old version; none for an insertion.
    pub before: Range<usize>,
    /// The lines of the new version; none for a deletion.
    pub after: Range<usize>,
    /// By how many lines an insertion or deletion can be told higher up, because the lines there are the same.
    pub up: usize,
    /// The same, lower down.
    pub down: usize,
}

/// What the lines of two versions tell of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// These edits, in order, with at least one common line between any two.
    Lines(Vec<Edit>),
    /// One of the two is binary, or larger than [`LARGEST`].
    NoText,
}

/// How many lines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// There is nothing of that name, or a folder.
    Nothing,
    /// It is a link, a submodule, binary, or larger than [`LARGEST`].
    NoText,
    /// So many; one without a line feed at the end counts.
    Lines(usize),
}

impl Repo {
    /// The edits that make one blob of another.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn edits(&self, old: Oid, new: Oid) -> Result<Edited, GitError> {
        if old == new {
            return Ok(Edited::Lines(Vec::new()));
        }
        let (old, new) = (self.blob(old)?, self.blob(new)?);
        if [&old, &new].iter().any(|text| text.len() > LARGEST || is_binary(text)) {
            return Ok(Edited::NoText);
        }
        Ok(Edited::Lines(between(&old, &new)))
    }

    /// How many lines a file has at a commit.
    ///
    /// # Errors
    /// When the commit, its trees or the file cannot be read.
    pub fn lines_at(&self, commit: Oid, path: &BStr) -> Result<Counted, GitError> {
        let Some((kind, blob)) = self.entry_at(commit, path)? else { return Ok(Counted::Nothing) };
        if !matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable) {
            return Ok(Counted::NoText);
        }
        let text = self.blob(blob)?;
        if text.len() > LARGEST || is_binary(&text) {
            return Ok(Counted::NoText);
        }
        Ok(Counted::Lines(text.split_inclusive(|&byte| byte == b'\n').count()))
    }
}

/// The edits between two texts. The last line is another one without its line feed.
fn between(old: &[u8], new: &[u8]) -> Vec<Edit> {
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    let size = |lines: u32| usize::try_from(lines).unwrap_or(usize::MAX);
    let range = |lines: Range<u32>| size(lines.start)..size(lines.end);
    let mut edits: Vec<Edit> = diff
        .hunks()
        .map(|hunk| Edit { before: range(hunk.before), after: range(hunk.after), up: 0, down: 0 })
        .collect();
    for at in 0..edits.len() {
        let above = at.checked_sub(1).map_or(0, |above| edits[above].before.end);
        let below = edits.get(at + 1).map_or(input.before.len(), |below| below.before.start);
        let edit = &mut edits[at];
        // Common lines on both sides, up to the next edit.
        let room = (edit.before.start - above, below - edit.before.end);
        (edit.up, edit.down) = match (edit.before.is_empty(), edit.after.is_empty()) {
            (true, false) => slack(&input.after, &edit.after, room),
            (false, true) => slack(&input.before, &edit.before, room),
            _ => (0, 0),
        };
    }
    edits
}

/// By how many lines a group of lines can move up and down in its text and leave the same text without it.
fn slack(lines: &[Token], group: &Range<usize>, (above, below): (usize, usize)) -> (usize, usize) {
    let up = (1..=above).take_while(|by| lines[group.start - by] == lines[group.end - by]);
    let down = (0..below).take_while(|by| lines[group.start + by] == lines[group.end + by]);
    (up.count(), down.count())
}

#[cfg(test)]
mod tests {
    use super::Counted;
    use super::Edit;
    use super::Edited;
    use super::between;
    use crate::git::scratch::Checked;
    use crate::git::scratch::Scratch;
    use crate::git::testing::Dice;

    fn told(old: &str, new: &str) -> Vec<Edit> {
        between(old.as_bytes(), new.as_bytes())
    }

    fn edit(before: (usize, usize), after: (usize, usize), up: usize, down: usize) -> Edit {
        Edit { before: before.0..before.1, after: after.0..after.1, up, down }
    }

    /// The new text, made of the old one with an edit moved.
    fn moved(old: &[&str], new: &[&str], edits: &[Edit], at: usize, by: isize) -> Vec<String> {
        let mut made = Vec::new();
        let mut from = 0;
        for (place, edit) in edits.iter().enumerate() {
            let by = if place == at { by } else { 0 };
            let shift = |line: usize| line.checked_add_signed(by).unwrap_or(usize::MAX);
            made.extend_from_slice(&old[from..shift(edit.before.start)]);
            made.extend_from_slice(&new[shift(edit.after.start)..shift(edit.after.end)]);
            from = shift(edit.before.end);
        }
        made.extend_from_slice(&old[from..]);
        made.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn an_edit_that_is_told_elsewhere_makes_the_same_text() {
        let mut dice = Dice(11);
        let mut loose = 0;
        for round in 0..1_000 {
            let base: Vec<String> = (0..20).map(|number| format!("line {}\n", number % 4)).collect();
            let side = dice.edit(&base, 4);
            let (old, new): (Vec<&str>, Vec<&str>) =
                (base.iter().map(String::as_str).collect(), side.iter().map(String::as_str).collect());
            let edits = told(&base.concat(), &side.concat());
            for (at, edit) in edits.iter().enumerate() {
                let (up, down) = (isize::try_from(edit.up).unwrap(), isize::try_from(edit.down).unwrap());
                for by in -up..=down {
                    assert_eq!(moved(&old, &new, &edits, at, by), side, "round {round}: {edits:?} {at} {by}");
                }
                loose += edit.up + edit.down;
            }
        }
        assert!(loose > 200, "{loose}: too few to mean anything");
    }

    #[test]
    fn edits_are_told_with_their_lines_and_their_room() {
        assert_eq!(told("a\nb\nc\n", "a\nx\nc\n"), [edit((1, 2), (1, 2), 0, 0)]);
        assert_eq!(told("a\nb\n", "a\nb\nc\n"), [edit((2, 2), (2, 3), 0, 0)]);
        let doubled = told("a\n}\nb\n", "a\n}\n}\nb\n");
        assert_eq!(doubled.len(), 1);
        assert_eq!((doubled[0].up + doubled[0].down, doubled[0].before.len()), (1, 0));
        assert_eq!(told("a\nb", "a\nb\n"), [edit((1, 2), (1, 2), 0, 0)], "a line feed makes another line");
        assert_eq!(told("", "a\n"), [edit((0, 0), (0, 1), 0, 0)]);
        assert_eq!(told("a\n", "a\n"), []);
    }

    #[test]
    fn lines_are_counted_where_there_are_any() -> Checked {
        let scratch = Scratch::new()?;
        scratch.write("text", "a\nb")?;
        scratch.write("empty", "")?;
        scratch.write("bytes", "a\0b\n")?;
        scratch.write("folder/file", "a\n")?;
        let (repo, commit) = (scratch.repo(), scratch.commit_all("one")?);
        let counted = |path: &str| repo.lines_at(commit, path.into());
        assert_eq!(counted("text")?, Counted::Lines(2));
        assert_eq!(counted("empty")?, Counted::Lines(0));
        assert_eq!(counted("bytes")?, Counted::NoText);
        assert_eq!(counted("folder")?, Counted::Nothing);
        assert_eq!(counted("folder/file")?, Counted::Lines(1));
        assert_eq!(counted("text/file")?, Counted::Nothing);
        assert_eq!(counted("nothing")?, Counted::Nothing);
        Ok(())
    }

    #[test]
    fn a_binary_file_has_no_lines() -> Checked {
        let scratch = Scratch::new()?;
        let repo = scratch.repo();
        let (text, bytes) = (repo.write_blob(b"a\nb")?, repo.write_blob(b"a\0b")?);
        assert_eq!(repo.edits(text, bytes)?, Edited::NoText);
        assert_eq!(repo.edits(bytes, bytes)?, Edited::Lines(Vec::new()));
        assert!(repo.edits(text, crate::git::Oid::from_hex(&[b'1'; 40])?).is_err());
        Ok(())
    }
}
