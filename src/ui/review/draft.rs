//! A draft: what somebody finds in the editor, and whether what comes back is a decision.

use crate::base::failure::Failure;
use crate::commands::review::desk::Desk;
use crate::commands::review::desk::Spot;
use crate::domain::review::Choice;
use crate::merge::review::What;

/// The longest ending of a name that is kept, so that the editor knows the language.
const LONGEST: usize = 12;

/// A text to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text.
    pub text: Vec<u8>,
    /// The ending of the file's name, with its point; nothing where it has none.
    pub ending: String,
    /// The mark lines in it.
    marks: Vec<Vec<u8>>,
}

/// What came back from the editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The draft as it was.
    Unchanged,
    /// Nothing is left of it.
    Empty,
    /// There are still marks in it.
    Marked,
    /// Another text.
    Text,
}

impl Draft {
    /// The draft of a conflict: what was decided, or both sides with marks around them; of a whole path, what is there.
    ///
    /// # Errors
    /// When a version of the file cannot be read.
    pub fn of(desk: &Desk<'_>, spot: Spot) -> Result<Draft, Failure> {
        let item = desk.item(spot);
        let ending = ending(&item.path);
        let choice = desk.resolution(spot).map(|resolution| &resolution.choice);
        let plain = |text: &[u8]| Draft { text: text.to_vec(), ending: ending.clone(), marks: Vec::new() };
        if let Some(Choice::Text(text)) = choice {
            return Ok(plain(text));
        }
        match &item.what {
            What::Lines { base, ours, theirs, .. } => Ok(match choice {
                Some(Choice::Ours) => plain(ours),
                Some(Choice::Theirs) => plain(theirs),
                Some(Choice::Base) => plain(base),
                _ => {
                    let target = desk.ours_name(spot.file);
                    marked([(target, ours), ("before", base), (desk.lease.task.as_str(), theirs)], ending)
                }
            }),
            What::Place { base, ours, theirs } => {
                let stages = match choice {
                    Some(Choice::Theirs) => [theirs, ours, base],
                    Some(Choice::Base) => [base, ours, theirs],
                    _ => [ours, theirs, base],
                };
                let stage = stages.into_iter().flatten().next();
                let text = stage.map(|stage| desk.content(*stage)).transpose()?.flatten();
                Ok(plain(&text.unwrap_or_default()))
            }
        }
    }

    /// What a text is that came back.
    pub fn judge(&self, text: &[u8]) -> Edited {
        if text == self.text {
            return Edited::Unchanged;
        }
        if text.trim_ascii().is_empty() {
            return Edited::Empty;
        }
        let is_mark = |line: &[u8]| self.marks.iter().any(|mark| mark == line.trim_ascii_end());
        if text.split(|&byte| byte == b'\n').any(is_mark) { Edited::Marked } else { Edited::Text }
    }
}

fn marked([ours, base, theirs]: [(&str, &Vec<u8>); 3], ending: String) -> Draft {
    let returns = [ours.1, theirs.1].iter().any(|text| text.windows(2).any(|pair| pair == b"\r\n"));
    let end: &[u8] = if returns { b"\r\n" } else { b"\n" };
    let (mut text, mut marks) = (Vec::new(), Vec::new());
    let mut put = |mark: String, lines: &[u8]| {
        text.extend_from_slice(mark.as_bytes());
        text.extend_from_slice(end);
        text.extend_from_slice(lines);
        if !lines.is_empty() && !lines.ends_with(b"\n") {
            text.extend_from_slice(end);
        }
        marks.push(mark.into_bytes());
    };
    put(format!("<<<<<<< {}", ours.0), ours.1);
    put(format!("||||||| {}", base.0), base.1);
    put("=======".to_owned(), theirs.1);
    put(format!(">>>>>>> {}", theirs.0), b"");
    // A line of seven signs alone may well be one of the text.
    marks.retain(|mark| mark != b"=======");
    Draft { text, ending, marks }
}

fn ending(path: &[u8]) -> String {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let last = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let is_plain =
        last.len() < name.len() && last.len() <= LONGEST && last.iter().all(u8::is_ascii_alphanumeric);
    if is_plain && !last.is_empty() { format!(".{}", String::from_utf8_lossy(last)) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_shows_both_sides_and_is_judged_when_it_comes_back() {
        let (ours, base, theirs) = (b"a\n".to_vec(), b"b\n".to_vec(), b"c".to_vec());
        let draft = marked([("main", &ours), ("before", &base), ("auth", &theirs)], String::new());
        assert_eq!(draft.text, b"<<<<<<< main\na\n||||||| before\nb\n=======\nc\n>>>>>>> auth\n");
        assert_eq!(draft.judge(&draft.text), Edited::Unchanged);
        assert_eq!(draft.judge(b" \n"), Edited::Empty);
        assert_eq!(draft.judge(b"a\n>>>>>>> auth\r\n"), Edited::Marked);
        assert_eq!(draft.judge(b"a\n=======\nc\n"), Edited::Text, "a heading may be underlined so");
    }

    #[test]
    fn marks_end_as_the_lines_do() {
        let lines = b"a\r\n".to_vec();
        let draft = marked([("main", &lines), ("before", &lines), ("auth", &lines)], String::new());
        assert!(draft.text.split(|&byte| byte == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r")));
    }

    #[test]
    fn the_ending_of_a_name_is_kept_where_it_is_plain() {
        let all =
            [&b"src/a.rs"[..], b"Makefile", b".gitignore", b"a.b/c", b"a.$(x)", b"x.", b"a.abcdefghijklmn"];
        assert_eq!(all.map(ending), [".rs", "", ".gitignore", "", "", "", ""]);
    }
}
