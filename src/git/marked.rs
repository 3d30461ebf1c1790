//! Conflicts as git itself marks them in the merged tree: the text in pieces, and a tree in which some are decided.

use std::collections::BTreeMap;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;
use gix::objs::tree::EntryMode;

use super::Oid;
use super::error::GitError;
use super::obstacles::changed;
use super::repo::Repo;
use super::run::Git;

/// A part of a text that git merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// What git has settled.
    Settled(Vec<u8>),
    /// Lines that the two sides want differently.
    Open(Open),
}

/// Lines that the two sides of a merge want differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What was there; nothing where the marks do not show it.
    pub base: Option<Vec<u8>>,
    /// Ours.
    pub ours: Vec<u8>,
    /// Theirs.
    pub theirs: Vec<u8>,
}

/// How git marks what is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// Both sides, in pieces as small as they can be.
    Plain,
    /// Both sides and between them what was there: fewer pieces, and in them also lines that both sides have.
    WithBase,
}

/// One entry that a tree is to have: mode (`0o100644`) and object, or nothing.
pub type Entry = (BString, Option<(u32, Oid)>);

/// The length of git's marks; an attribute may make them longer.
const MARK: usize = 7;

impl Repo {
    /// The tree of a merge with such marks in it, whatever is configured.
    ///
    /// # Errors
    /// When git cannot merge.
    pub fn marked_tree(
        &self,
        marks: Marks,
        base: Option<Oid>,
        ours: Oid,
        theirs: Oid,
    ) -> Result<Oid, GitError> {
        let style = match marks {
            Marks::Plain => "merge.conflictStyle=merge",
            Marks::WithBase => "merge.conflictStyle=diff3",
        };
        let mut git = Git::at(self.folder()).args(["-c", style]);
        git = git.args(["merge-tree", "--write-tree", "--no-messages", "--name-only", "-z"]);
        if let Some(base) = base {
            git = git.arg(format!("--merge-base={base}"));
        }
        let git = git.args([ours.to_string(), theirs.to_string()]);
        let command = git.to_string();
        let output = git.answer()?;
        if !matches!(output.status.code(), Some(0 | 1)) {
            let status = super::run::ended(output.status);
            return Err(GitError::Command { command, status, stderr: output.stderr });
        }
        let name = output.stdout.split(|&byte| byte == 0).next().unwrap_or_default();
        let odd = |_| GitError::Answer { command: "merge-tree", answer: output.stdout.as_bstr().to_string() };
        Oid::from_hex(name).map_err(odd)
    }

    /// The entry at a path of a tree: mode and object.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn entry(&self, tree: Oid, path: &BStr) -> Result<Option<(u32, Oid)>, GitError> {
        let doing = || format!("read {path} in {tree}");
        let tree = self.gix.find_tree(tree).map_err(GitError::gix(doing()))?;
        let found = tree.lookup_entry(path.split(|&byte| byte == b'/')).map_err(GitError::gix(doing()))?;
        Ok(found.map(|entry| (u32::from(entry.mode().value()), entry.object_id())))
    }

    /// A tree with other entries at some paths. It is in the object store, and differs nowhere else; git was asked.
    ///
    /// # Errors
    /// When a tree cannot be read or written, or the new one differs elsewhere, which would be a bug.
    pub fn with_entries(&self, tree: Oid, entries: &[Entry]) -> Result<Oid, GitError> {
        let doing = "change a tree";
        let mut editor = self.gix.edit_tree(tree).map_err(GitError::gix(doing))?;
        for (path, entry) in entries {
            match entry {
                Some((mode, oid)) => {
                    let mode =
                        u16::try_from(*mode).ok().and_then(|mode| EntryMode::try_from(u32::from(mode)).ok());
                    let kind = mode.ok_or(GitError::Missing(*oid))?.kind();
                    editor.upsert(path.as_bstr(), kind, *oid).map_err(GitError::gix(doing))?;
                }
                None => {
                    editor.remove(path.as_bstr()).map_err(GitError::gix(doing))?;
                }
            }
        }
        let new = editor.write().map_err(GitError::gix(doing))?.detach();
        let asked: BTreeMap<&BStr, Option<(u32, Oid)>> =
            entries.iter().map(|(path, entry)| (path.as_bstr(), *entry)).collect();
        for change in changed(self.folder(), tree, new)? {
            if asked.get(change.path.as_bstr()) != Some(&change.new) {
                let answer = format!("{} differs between {tree} and {new}, and should not", change.path);
                return Err(GitError::Answer { command: "diff-tree", answer });
            }
        }
        Ok(new)
    }
}

/// Takes a text with git's marks to pieces. `ours` and `theirs` are the commits that the marks name, each with its version
/// of the file.
///
/// Nothing when no mark is found, or where a hunk ends cannot be told because its text holds lines like marks.
pub fn pieces(marked: &[u8], marks: Marks, ours: (Oid, &[u8]), theirs: (Oid, &[u8])) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let mut settled = Vec::new();
    let mut lines = marked.split_inclusive(|&byte| byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some(size) = mark(line, b'<', Some(ours.0)) else {
            settled.extend_from_slice(line);
            continue;
        };
        if !settled.is_empty() {
            found.push(Piece::Settled(std::mem::take(&mut settled)));
        }
        // Ours, the base if it is shown, theirs: in the order in which git marks them.
        let mut parts = vec![Vec::new()];
        let all = if marks == Marks::WithBase { 3 } else { 2 };
        loop {
            let line = lines.next()?;
            let is = |letter, name| mark(line, letter, name) == Some(size);
            let ends_base = is(b'=', None);
            if is(b'<', Some(ours.0)) {
                return None;
            } else if marks == Marks::WithBase && is_base_mark(line, size) || ends_base {
                parts.push(Vec::new());
                // One too many could be the real one.
                if parts.len() > all || ends_base != (parts.len() == all) {
                    return None;
                }
            } else if is(b'>', Some(theirs.0)) {
                if parts.len() != all {
                    return None;
                }
                break;
            } else {
                parts.last_mut()?.extend_from_slice(line);
            }
        }
        let (mut their_lines, base) = (parts.pop()?, if all == 3 { parts.pop() } else { None });
        let mut our_lines = parts.pop()?;
        // Before a mark git ends a line that had no end.
        if lines.peek().is_none() {
            for (lines, version) in [(&mut our_lines, ours.1), (&mut their_lines, theirs.1)] {
                let ends: [&[u8]; 3] = [b"", b"\n", b"\r\n"];
                let original =
                    |end: &&[u8]| lines.strip_suffix(*end).filter(|lines| version.ends_with(lines));
                *lines = ends.iter().find_map(original)?.to_vec();
            }
        }
        found.push(Piece::Open(Open { base, ours: our_lines, theirs: their_lines }));
    }
    if !settled.is_empty() {
        found.push(Piece::Settled(settled));
    }
    found.iter().any(|piece| matches!(piece, Piece::Open(_))).then_some(found)
}

/// The lines of both, one after the other; of the first, the last one gets an end if it has none, as by git.
pub fn both(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut out = first.to_vec();
    if !out.is_empty() && !out.ends_with(b"\n") {
        let returns = first.contains_str("\r\n") || second.contains_str("\r\n");
        out.extend_from_slice(if returns { b"\r\n" } else { b"\n" });
    }
    out.extend_from_slice(second);
    out
}

/// Whether a text holds a mark that names one of these commits: an attribute may make marks short, and where git merged
/// twice there are marks in what it calls one side.
pub fn has_marks(text: &[u8], commits: [Oid; 2]) -> bool {
    let names = commits.map(|commit| format!(" {commit}"));
    let is_mark = |line: &[u8]| {
        let letter = line.first().copied().filter(|letter| b"<>".contains(letter));
        let rest = letter.map(|letter| &line[line.iter().take_while(|&&byte| byte == letter).count()..]);
        rest.is_some_and(|rest| names.iter().any(|name| rest.starts_with(name.as_bytes())))
    };
    text.split(|&byte| byte == b'\n').any(is_mark)
}

/// Whether a text is what git made of several merge bases, with marks where these conflict.
pub fn is_made_of_bases(text: &[u8]) -> bool {
    let name = b" Temporary merge branch ";
    let is_mark = |line: &[u8]| {
        let rest = &line[line.iter().take_while(|&&byte| byte == b'<').count()..];
        rest.len() < line.len() && rest.starts_with(name)
    };
    text.split(|&byte| byte == b'\n').any(is_mark)
}

/// Whether a line is the mark before the base: git names it in words of its own.
fn is_base_mark(line: &[u8], size: usize) -> bool {
    let marked = line.iter().take_while(|&&byte| byte == b'|').count();
    marked == size && line.get(size).is_none_or(|&byte| b" \r\n".contains(&byte))
}

/// The length of the mark that a line is, if it is one with this name, or with none.
fn mark(line: &[u8], letter: u8, name: Option<Oid>) -> Option<usize> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let size = line.iter().take_while(|&&byte| byte == letter).count();
    let rest = &line[size..];
    let fits = match name {
        None => rest.is_empty(),
        Some(name) => {
            let rest =
                rest.strip_prefix(b" ").and_then(|rest| rest.strip_prefix(name.to_string().as_bytes()));
            // After a rename git adds the path.
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b":"))
        }
    };
    (size >= MARK && fits).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing;
    use crate::git::testing::Dice;
    use crate::git::testing::Sandbox;

    /// Base, ours and theirs of one file, committed: both commits, and the merged file with git's marks.
    fn merged(sandbox: &Sandbox, marks: Marks, versions: &[Vec<u8>; 3]) -> (Oid, Oid, Vec<u8>) {
        let [base, ours, theirs] = versions;
        sandbox.git(&["checkout", "-q", "--detach", "main"]);
        sandbox.write("f", base);
        let start = sandbox.commit("base");
        sandbox.write("f", ours);
        let ours = sandbox.commit("ours");
        sandbox.git(&["checkout", "-q", "--detach", &start.to_string()]);
        sandbox.write("f", theirs);
        let theirs = sandbox.commit("theirs");
        let repo = sandbox.repo();
        let tree = repo.marked_tree(marks, None, ours, theirs).unwrap();
        let (_, blob) = repo.entry(tree, "f".into()).unwrap().unwrap();
        (ours, theirs, repo.blob(blob).unwrap())
    }

    fn chosen(pieces: &[Piece], pick: impl Fn(&[u8], &[u8]) -> Vec<u8>) -> Vec<u8> {
        let text = |piece: &Piece| match piece {
            Piece::Settled(text) => text.clone(),
            Piece::Open(open) => pick(&open.ours, &open.theirs),
        };
        pieces.iter().flat_map(text).collect()
    }

    /// What `git merge-file` makes with an option.
    fn by_git(sandbox: &Sandbox, versions: &[Vec<u8>; 3], option: &str) -> Vec<u8> {
        for (name, version) in ["base", "ours", "theirs"].iter().zip(versions) {
            testing::write(&sandbox.root().join(name), version);
        }
        let words = ["merge-file", "-p", "--diff-algorithm=histogram", option, "ours", "base", "theirs"];
        Git::at(&sandbox.root()).args(words).run().unwrap()
    }

    #[test]
    fn one_side_for_every_hunk_is_what_git_makes_of_it() {
        let sandbox = Sandbox::new();
        let mut dice = Dice(11);
        let mut open = 0;
        for round in 0..60 {
            let base: Vec<String> = (0..20).map(|number| format!("line {}\n", number % 13)).collect();
            let mut versions = [base.clone(), dice.edit(&base, 4), dice.edit(&base, 4)].map(|lines| {
                let mut text = lines.concat().into_bytes();
                if dice.roll(5) == 0 {
                    text.pop();
                }
                text
            });
            if dice.roll(6) == 0 {
                versions = versions.map(|text| text.replace("\n", "\r\n"));
            }
            let marks = if round % 2 == 0 { Marks::Plain } else { Marks::WithBase };
            let (ours, theirs, marked) = merged(&sandbox, marks, &versions);
            let Some(pieces) = pieces(&marked, marks, (ours, &versions[1]), (theirs, &versions[2])) else {
                continue;
            };
            open += 1;
            let one = chosen(&pieces, |ours, _| ours.to_vec());
            assert_eq!(
                one.as_bstr(),
                by_git(&sandbox, &versions, "--ours").as_bstr(),
                "round {round}: {versions:?}"
            );
            let other = chosen(&pieces, |_, theirs| theirs.to_vec());
            assert_eq!(
                other.as_bstr(),
                by_git(&sandbox, &versions, "--theirs").as_bstr(),
                "round {round}: {versions:?}"
            );
        }
        assert!(open > 30, "most rounds have hunks: {open}");
    }

    #[test]
    fn text_that_looks_like_marks_is_not_taken_for_them() {
        let name = |letter: &str| letter.repeat(40).parse::<Oid>().unwrap();
        let (ours, theirs) = (name("a"), name("b"));
        let marked = |middle: &str| format!("x\n<<<<<<< {ours}\n{middle}>>>>>>> {theirs}\ny\n");
        let told = |text: String| {
            pieces(text.as_bytes(), Marks::Plain, (ours, b"x\n1\ny\n"), (theirs, b"x\n2\ny\n"))
        };
        let open = |ours: &str, theirs: &str| {
            Piece::Open(Open { base: None, ours: ours.into(), theirs: theirs.into() })
        };
        let around = |piece| vec![Piece::Settled(b"x\n".to_vec()), piece, Piece::Settled(b"y\n".to_vec())];
        assert_eq!(told(marked("1\n=======\n2\n")), Some(around(open("1\n", "2\n"))));
        let longer = open("1\n========\n", "2\n");
        assert_eq!(told(marked("1\n========\n=======\n2\n")), Some(around(longer)));
        assert_eq!(told(marked("1\n=======\n=======\n2\n")), None, "which one is it?");
        assert_eq!(told(marked("1\n2\n")), None);
        assert_eq!(
            told("<<<<<<< HEAD\n=======\n>>>>>>> other\n".to_owned()),
            None,
            "somebody committed these"
        );
        assert_eq!(told(format!("<<<<<<< {ours}\n1\n=======\n")), None);
    }

    #[test]
    fn what_was_there_is_between_the_sides_where_it_is_marked() {
        let name = |letter: &str| letter.repeat(40).parse::<Oid>().unwrap();
        let (ours, theirs) = (name("a"), name("b"));
        let marked = |middle: &str| format!("<<<<<<< {ours}\n{middle}>>>>>>> {theirs}\n");
        let told = |text: String| pieces(text.as_bytes(), Marks::WithBase, (ours, b"1\n"), (theirs, b"2\n"));
        let open = Open { base: Some(b"0\n".into()), ours: b"1\n".into(), theirs: b"2\n".into() };
        assert_eq!(told(marked("1\n||||||| 0123456\n0\n=======\n2\n")), Some(vec![Piece::Open(open)]));
        assert_eq!(told(marked("1\n=======\n2\n")), None, "git marks the base always");
        assert_eq!(told(marked("1\n||||||| x\n||||||| x\n0\n=======\n2\n")), None, "which one is it?");
        assert_eq!(told(marked("1\n||||||| x\n0\n=======\n2\n=======\n")), None);
    }

    #[test]
    fn a_tree_differs_only_where_it_is_asked_to() {
        let sandbox = Sandbox::new();
        sandbox.write("a/b/c", "1\n");
        sandbox.write("a/d", "2\n");
        let tree = sandbox.repo().commit(sandbox.commit("files")).unwrap().tree;
        let repo = sandbox.repo();
        let blob = repo.write_blob(b"new\n").unwrap();
        let new = [
            ("a/b/c".into(), None),
            ("a/d".into(), Some((0o100_755, blob))),
            ("e".into(), Some((0o120_000, blob))),
        ];
        let new = repo.with_entries(tree, &new).unwrap();
        let listed = sandbox.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", &new.to_string()]);
        assert_eq!(listed, "100644 README.md\n100755 a/d\n120000 e");
        assert_eq!(repo.with_entries(tree, &[]).unwrap(), tree);
        assert_eq!(repo.entry(new, "a/d".into()).unwrap(), Some((0o100_755, blob)));
        assert_eq!(repo.entry(new, "a/b/c".into()).unwrap(), None);
    }
}
