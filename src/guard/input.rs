//! What git tells its hooks on standard input, a line for each ref. What cannot be understood cannot be judged: it is an error.

use super::push::Moved;
use super::updates::Update;
use crate::base::failure::Explain;
use crate::base::text;
use crate::git::Oid;

/// A line that is not as git writes one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("git told the hook what cannot be understood: {0}")]
pub struct BadLine(String);

impl Explain for BadLine {
    fn hints(&self) -> Vec<String> {
        vec!["is this git newer than git odyssey? see whether there is a newer one".to_owned()]
    }
}

impl BadLine {
    /// This line, made safe to show.
    pub fn of(line: &[u8]) -> BadLine {
        BadLine(text::visible(line))
    }
}

/// What leaves with a push, as `pre-push` is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaving {
    /// What was named for it, and its commit. What is deleted there is not among them.
    pub sent: Vec<(String, Oid)>,
    /// What the remote has under the names that move.
    pub theirs: Vec<Oid>,
}

/// Before the new value of a symbolic ref stands this.
const SYMBOLIC: &[u8] = b"ref:";

fn lines(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

/// An object's name; nothing for the one that is all zeros.
fn value(hex: &[u8], line: &[u8]) -> Result<Option<Oid>, BadLine> {
    let oid = Oid::from_hex(hex).map_err(|_| BadLine::of(line))?;
    Ok(Some(oid).filter(|oid| !oid.is_null()))
}

/// Reads what `reference-transaction` is told: `old new name`. A symbolic ref has no commit of its own.
///
/// # Errors
/// The first line that is none.
pub fn transaction(input: &[u8]) -> Result<Vec<Update>, BadLine> {
    let one = |line| {
        let mut parts = <[u8]>::splitn(line, 3, |&byte| byte == b' ');
        let (Some(_), Some(new), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadLine::of(line));
        };
        let new = if new.starts_with(SYMBOLIC) { None } else { value(new, line)? };
        Ok(Update { name: String::from_utf8_lossy(name).into_owned(), new })
    };
    lines(input).map(one).collect()
}

/// Reads what `pre-push` is told: `here commit there theirs`, where `here` is whatever the person wrote, blanks included.
///
/// # Errors
/// The first line that is none.
pub fn leaving(input: &[u8]) -> Result<Leaving, BadLine> {
    let mut leaving = Leaving::default();
    for line in lines(input) {
        let parts: Vec<&[u8]> = line.rsplitn(4, |&byte| byte == b' ').collect();
        let [theirs, there, commit, here] = parts[..] else { return Err(BadLine::of(line)) };
        let (theirs, commit) = (value(theirs, line)?, value(commit, line)?);
        // The ledger itself and salvage are not anybody's regions.
        if there.starts_with(b"refs/odyssey/") {
            continue;
        }
        leaving.theirs.extend(theirs);
        leaving.sent.extend(commit.map(|commit| (String::from_utf8_lossy(here).into_owned(), commit)));
    }
    Ok(leaving)
}

/// Reads what `pre-receive` is told: `old new name`.
///
/// # Errors
/// The first line that is none.
pub fn received(input: &[u8]) -> Result<Vec<Moved>, BadLine> {
    let one = |line| {
        let parts: Vec<&[u8]> = <[u8]>::splitn(line, 3, |&byte| byte == b' ').collect();
        let [old, new, name] = parts[..] else { return Err(BadLine::of(line)) };
        moved(name, old, new)
    };
    lines(input).map(one).collect()
}

/// One ref of a push, as `update` is told in its arguments.
///
/// # Errors
/// When a value is no object's name.
pub fn moved(name: &[u8], old: &[u8], new: &[u8]) -> Result<Moved, BadLine> {
    let (old, new) = (value(old, old)?, value(new, new)?);
    Ok(Moved { name: String::from_utf8_lossy(name).into_owned(), old, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn one() -> Oid {
        Oid::from_hex(ONE.as_bytes()).unwrap()
    }

    #[test]
    fn what_a_person_named_may_have_blanks() {
        let input = format!("HEAD^{{/fix it all}} {ONE} refs/heads/x {ZERO}\n");
        let leaving = leaving(input.as_bytes()).unwrap();
        assert_eq!(leaving.sent, [("HEAD^{/fix it all}".to_owned(), one())]);
        assert!(leaving.theirs.is_empty());
    }

    #[test]
    fn a_line_of_another_shape_is_an_error() {
        for line in ["x", "x y", &format!("{ONE} {ONE}"), &format!("{ONE} nothex refs/heads/x")] {
            assert!(transaction(line.as_bytes()).is_err(), "{line}");
            assert!(received(line.as_bytes()).is_err(), "{line}");
            assert!(leaving(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_symbolic_ref_has_no_commit_of_its_own() {
        let input = format!("{ZERO} ref:refs/heads/main HEAD\n{ZERO} {ONE} refs/heads/x\n");
        let names = transaction(input.as_bytes()).unwrap();
        assert_eq!(names.iter().map(|update| update.new).collect::<Vec<_>>(), [None, Some(one())]);
    }
}
