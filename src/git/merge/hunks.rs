//! The lines that two sides of a conflict want differently.

use gix::diff::blob::Algorithm;
use gix::diff::blob::InternedInput;
use gix::diff::blob::diff_with_slider_heuristics;
use gix::diff::blob::sources::byte_lines;

use super::Conflict;
use super::ConflictKind;
use super::is_binary;
use super::lines;
use super::lines::Change;
use super::lines::Numbers;
use super::text;
use super::text::By;
use super::text::Parting;
use crate::git::error::GitError;
use crate::git::obstacles::Side;
use crate::git::repo::Repo;

/// The largest file of which hunks are shown, in bytes: nobody reads more.
const LARGEST: usize = 2 * 1024 * 1024;

/// One place where both sides changed the same lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// What was there.
    pub base: Part,
    /// What our side made of it.
    pub ours: Part,
    /// What their side made of it.
    pub theirs: Part,
}

/// Some lines of one version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The number of the first line, from 1; of the line that would follow, if there are none.
    pub first_line: usize,
    /// The lines as they are, with their ends.
    pub text: Vec<u8>,
}

impl Repo {
    /// Where the two sides of a conflict of contents disagree, as `git merge-file --diff3` marks it.
    ///
    /// Nothing for conflicts of other kinds, for submodules, and for files of more than 2 MiB.
    ///
    /// # Errors
    /// When a version cannot be read.
    pub fn conflict_hunks(&self, conflict: &Conflict) -> Result<Vec<Hunk>, GitError> {
        let [_, Some(_), Some(_)] = conflict.stages else { return Ok(Vec::new()) };
        if !matches!(conflict.kind, ConflictKind::Content | ConflictKind::AddAdd | ConflictKind::RenameRename)
        {
            return Ok(Vec::new());
        }
        let read = |side: Side| side.map_or_else(|| Ok(Vec::new()), |(_, oid)| self.blob(oid));
        let [base, ours, theirs] = conflict.stages;
        let versions = [read(base)?, read(ours)?, read(theirs)?];
        if versions.iter().any(|version| version.len() > LARGEST || is_binary(version)) {
            return Ok(Vec::new());
        }
        Ok(hunks(&versions))
    }
}

/// The hunks of base, ours and theirs.
fn hunks(versions: &[Vec<u8>; 3]) -> Vec<Hunk> {
    let lines = [0, 1, 2].map(|side| lines::split(&versions[side]));
    let mut numbers = Numbers::default();
    let as_numbers = [0, 1, 2].map(|side| numbers.of(&lines[side]));
    let changed = |side: usize| {
        let exact = lines::changes(&as_numbers[0], &as_numbers[side], &numbers);
        exact.map_or_else(|| near_enough(&versions[0], &versions[side]), |exact| exact.changes)
    };
    let partings = text::partings(&changed(1), &changed(2), &as_numbers);
    let part = |side: usize, parting: &Parting| Part {
        first_line: parting.start[side] + 1,
        text: lines[side][parting.start[side]..parting.start[side] + parting.count[side]].concat(),
    };
    let conflicts = partings.iter().filter(|parting| parting.by == By::Both);
    conflicts.map(|one| Hunk { base: part(0, one), ours: part(1, one), theirs: part(2, one) }).collect()
}

/// The changes of texts that repeat themselves so much that git's own would take another way to find them.
fn near_enough(base: &[u8], side: &[u8]) -> Vec<Change> {
    let input = InternedInput::new(byte_lines(base), byte_lines(side));
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    let size = |lines: u32| usize::try_from(lines).unwrap_or(usize::MAX);
    diff.hunks()
        .map(|hunk| Change {
            base: size(hunk.before.start),
            base_count: hunk.before.len(),
            side: size(hunk.after.start),
            side_count: hunk.after.len(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing;
    use crate::git::testing::Dice;
    use crate::git::testing::Sandbox;

    /// The three texts between git's markers, for each hunk.
    fn by_git(sandbox: &Sandbox, versions: &[Vec<u8>; 3]) -> Vec<[Vec<u8>; 3]> {
        for (name, version) in ["base", "ours", "theirs"].iter().zip(versions) {
            testing::write(&sandbox.root().join(name), version);
        }
        let git = crate::git::run::Git::at(&sandbox.root());
        let git =
            git.args(["merge-file", "-p", "--diff3", "--diff-algorithm=histogram", "ours", "base", "theirs"]);
        let answer = git.answer().unwrap().stdout;
        let (mut found, mut part) = (Vec::<[Vec<u8>; 3]>::new(), None);
        for line in byte_lines(&answer) {
            match line.first_chunk::<7>() {
                Some(b"<<<<<<<") => {
                    found.push(Default::default());
                    part = Some(1);
                }
                Some(b"|||||||") => part = Some(0),
                Some(b"=======") => part = Some(2),
                Some(b">>>>>>>") => part = None,
                _ => {
                    if let (Some(part), Some(hunk)) = (part, found.last_mut()) {
                        hunk[part].extend_from_slice(line);
                    }
                }
            }
        }
        found
    }

    fn text(lines: &[String]) -> Vec<u8> {
        lines.concat().into_bytes()
    }

    #[test]
    fn hunks_are_those_that_git_marks_and_their_lines_are_where_they_say() {
        let sandbox = Sandbox::new();
        let mut dice = Dice(7);
        let mut seen = 0;
        for round in 0..150 {
            let base: Vec<String> = (0..25).map(|number| format!("line {}\n", number % 17)).collect();
            let (ours, theirs) = (dice.edit(&base, 4), dice.edit(&base, 4));
            let versions = [text(&base), text(&ours), text(&theirs)];
            let found = hunks(&versions);
            let texts: Vec<_> = found
                .iter()
                .map(|hunk| [&hunk.base, &hunk.ours, &hunk.theirs].map(|part| part.text.clone()))
                .collect();
            assert_eq!(texts, by_git(&sandbox, &versions), "round {round}: {versions:?}");
            for hunk in &found {
                for (part, lines) in [(&hunk.base, &base), (&hunk.ours, &ours), (&hunk.theirs, &theirs)] {
                    assert!(text(&lines[part.first_line - 1..]).starts_with(&part.text), "round {round}");
                }
            }
            seen += found.len();
        }
        assert!(seen > 100, "most rounds have hunks: {seen}");
    }

    #[test]
    fn a_file_without_a_last_line_feed_and_one_of_other_bytes_have_hunks() {
        let versions = [b"a\nb".to_vec(), b"a\n\xff".to_vec(), b"a\nc".to_vec()];
        let part = |text: &[u8]| Part { first_line: 2, text: text.to_vec() };
        assert_eq!(hunks(&versions), [Hunk { base: part(b"b"), ours: part(b"\xff"), theirs: part(b"c") }]);
    }
}
