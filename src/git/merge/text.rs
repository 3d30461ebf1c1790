//! Three versions of a text made one, byte for byte as git does it.

use super::lines;
use super::lines::Change;
use super::lines::Numbers;

/// What three versions of a text give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merged {
    /// One text.
    Clean(Vec<u8>),
    /// A text with marks where the sides want different lines.
    Conflict(Vec<u8>),
    /// Only git can tell, because the texts repeat themselves too much, or its versions differ.
    Unknown,
}

/// A place where the versions part: start and count in base, ours and theirs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parting {
    /// The first line in each version.
    pub start: [usize; 3],
    /// How many lines in each version.
    pub count: [usize; 3],
    /// Who changed something.
    pub by: By,
}

/// Who changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Both, each something else.
    Both,
    /// Only we.
    Ours,
    /// Only they.
    Theirs,
    /// Both, and in the end the same.
    Settled,
}

/// Merges base, ours and theirs; conflicts are marked with the names of the two sides.
///
/// With `plain`, a conflict is all that touches, as in the styles that show the base too.
pub(super) fn merge(versions: [&[u8]; 3], labels: [&[u8]; 2], plain: bool) -> Merged {
    let lines = versions.map(lines::split);
    let mut numbers = Numbers::default();
    let as_numbers = [0, 1, 2].map(|side| numbers.of(&lines[side]));
    let [base, ours, theirs] = &as_numbers;
    let (Some(one), Some(other)) =
        (lines::changes(base, ours, &numbers), lines::changes(base, theirs, &numbers))
    else {
        return Merged::Unknown;
    };
    if !one.certain || !other.certain {
        return Merged::Unknown;
    }
    let (one, other) = (one.changes, other.changes);
    if one.is_empty() {
        return Merged::Clean(versions[2].to_vec());
    }
    if other.is_empty() {
        return Merged::Clean(versions[1].to_vec());
    }
    let mut partings = partings(&one, &other, &as_numbers);
    if !plain {
        let Some(refined) = refined(&partings, &as_numbers, &numbers) else { return Merged::Unknown };
        partings = simplified(refined);
    }
    let text = filled(&partings, &lines, labels);
    if partings.iter().any(|parting| parting.by == By::Both) {
        Merged::Conflict(text)
    } else {
        Merged::Clean(text)
    }
}

/// Walks two lists of changes at once; changes that touch are one parting, those that are equal are none.
pub(super) fn partings(ours: &[Change], theirs: &[Change], lines: &[Vec<u32>; 3]) -> Vec<Parting> {
    let mut found: Vec<Parting> = Vec::new();
    let (mut one, mut two) = (0, 0);
    // How much longer each side is than the base so far.
    let (mut grown_one, mut grown_two) = (0_isize, 0_isize);
    let growth = |change: &Change| signed(change.side_count) - signed(change.base_count);
    loop {
        match (ours.get(one), theirs.get(two)) {
            (None, None) => return found,
            (Some(change), other) if other.is_none_or(|other| ends(change) < other.base) => {
                let theirs = at(change.base, grown_two);
                let start = [signed(change.base), signed(change.side), theirs];
                let count = [change.base_count, change.side_count, change.base_count];
                append(&mut found, start, count, By::Ours);
                grown_one += growth(change);
                one += 1;
            }
            (other, Some(change)) if other.is_none_or(|other| ends(change) < other.base) => {
                let ours = at(change.base, grown_one);
                let start = [signed(change.base), ours, signed(change.side)];
                let count = [change.base_count, change.base_count, change.side_count];
                append(&mut found, start, count, By::Theirs);
                grown_two += growth(change);
                two += 1;
            }
            (Some(a), Some(b)) => {
                if !same(a, b, lines) {
                    let base = a.base.min(b.base);
                    let end = ends(a).max(ends(b));
                    let begin = |change: &Change| signed(change.side) - signed(change.base - base);
                    let reach = |change: &Change| {
                        let after = signed(change.side + change.side_count + end - ends(change));
                        unsigned(after - begin(change))
                    };
                    let start = [signed(base), begin(a), begin(b)];
                    let count = [end - base, reach(a), reach(b)];
                    append(&mut found, start, count, By::Both);
                }
                let (end_a, end_b) = (ends(a), ends(b));
                if end_a >= end_b {
                    grown_two += growth(b);
                    two += 1;
                }
                if end_b >= end_a {
                    grown_one += growth(a);
                    one += 1;
                }
            }
            (Some(_), None) | (None, Some(_)) => return found,
        }
    }
}

/// Adds a parting, or makes the last one larger when they touch.
fn append(found: &mut Vec<Parting>, start: [isize; 3], count: [usize; 3], by: By) {
    let end = |start: usize, count: usize| signed(start + count);
    if let Some(last) = found.last_mut()
        && (1..3).any(|side| start[side] <= end(last.start[side], last.count[side]))
    {
        if last.by != by {
            last.by = By::Both;
        }
        for side in 0..3 {
            last.count[side] = unsigned(start[side] + signed(count[side]) - signed(last.start[side]));
        }
        return;
    }
    found.push(Parting { start: start.map(unsigned), count, by });
}

/// Whether both sides made the same change.
fn same(one: &Change, other: &Change, lines: &[Vec<u32>; 3]) -> bool {
    let text = |change: &Change, side: usize| lines[side].get(change.side..change.side + change.side_count);
    one.base == other.base && one.base_count == other.base_count && text(one, 1) == text(other, 2)
}

fn ends(change: &Change) -> usize {
    change.base + change.base_count
}

/// Where a line of the base is on a side; before its first line, when a change that reaches further back is part of it.
fn at(line: usize, grown: isize) -> isize {
    signed(line) + grown
}

fn unsigned(count: isize) -> usize {
    usize::try_from(count).unwrap_or_default()
}

fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}

/// Leaves of each conflict only the lines that are different on the two sides.
fn refined(partings: &[Parting], lines: &[Vec<u32>; 3], numbers: &Numbers<'_>) -> Option<Vec<Parting>> {
    let mut found = Vec::new();
    for parting in partings {
        if parting.by != By::Both || parting.count[1] == 0 || parting.count[2] == 0 {
            found.push(*parting);
            continue;
        }
        let of = |side: usize| &lines[side][parting.start[side]..parting.start[side] + parting.count[side]];
        let compared = lines::changes(of(1), of(2), numbers).filter(|compared| compared.certain)?;
        let differences = compared.changes;
        if differences.is_empty() {
            found.push(Parting { by: By::Settled, ..*parting });
        }
        for difference in differences {
            found.push(Parting {
                start: [
                    parting.start[0],
                    parting.start[1] + difference.base,
                    parting.start[2] + difference.side,
                ],
                count: [parting.count[0], difference.base_count, difference.side_count],
                by: By::Both,
            });
        }
    }
    Some(found)
}

/// How many common lines between two conflicts are not worth two conflicts.
const FEW: usize = 3;

/// Makes one of conflicts that are near each other.
fn simplified(partings: Vec<Parting>) -> Vec<Parting> {
    let mut found: Vec<Parting> = Vec::new();
    for parting in partings {
        if let Some(last) = found.last_mut()
            && last.by == By::Both
            && parting.by == By::Both
            && parting.start[1] - (last.start[1] + last.count[1]) <= FEW
        {
            for side in 1..3 {
                last.count[side] = parting.start[side] + parting.count[side] - last.start[side];
            }
            continue;
        }
        found.push(parting);
    }
    found
}

/// How many letters a mark has.
const MARK: usize = 7;

/// The merged text: ours, with what they changed in its place.
fn filled(partings: &[Parting], lines: &[Vec<&[u8]>; 3], labels: [&[u8]; 2]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut done = 0;
    for parting in partings {
        let [_, ours, theirs] = parting.start;
        let [_, our_count, their_count] = parting.count;
        let side = |side: usize, from: usize, count: usize| lines[side][from..from + count].concat();
        if parting.by == By::Settled {
            continue;
        }
        out.extend(lines[1][done..ours].concat());
        match parting.by {
            By::Ours => out.extend(side(1, ours, our_count)),
            By::Theirs => out.extend(side(2, theirs, their_count)),
            By::Both | By::Settled => {
                let end: &[u8] = if has_returns(parting, lines) { b"\r\n" } else { b"\n" };
                mark(&mut out, b'<', labels[0], end);
                ended(&mut out, side(1, ours, our_count), end);
                mark(&mut out, b'=', b"", end);
                ended(&mut out, side(2, theirs, their_count), end);
                mark(&mut out, b'>', labels[1], end);
            }
        }
        done = ours + our_count;
    }
    out.extend(lines[1][done..].concat());
    out
}

fn mark(out: &mut Vec<u8>, letter: u8, label: &[u8], end: &[u8]) {
    out.extend([letter; MARK]);
    if !label.is_empty() {
        out.push(b' ');
        out.extend_from_slice(label);
    }
    out.extend_from_slice(end);
}

/// Lines that are followed by a mark: the last one has an end.
fn ended(out: &mut Vec<u8>, text: Vec<u8>, end: &[u8]) {
    let open = !text.is_empty() && !text.ends_with(b"\n");
    out.extend(text);
    if open {
        out.extend_from_slice(end);
    }
}

/// Whether marks end with a carriage return: as the line before them on both sides does.
fn has_returns(parting: &Parting, lines: &[Vec<&[u8]>; 3]) -> bool {
    let before = |side: usize| returns(&lines[side], parting.start[side].saturating_sub(1));
    match before(1) {
        Some(false) => false,
        Some(true) | None => match before(2) {
            Some(false) => false,
            Some(true) | None => returns(&lines[0], 0).unwrap_or(false),
        },
    }
}

/// Whether one line ends with a carriage return and a line feed; nothing when the text is too short to tell.
fn returns(lines: &[&[u8]], line: usize) -> Option<bool> {
    let found = lines.get(line)?;
    if found.ends_with(b"\n") {
        return Some(found.ends_with(b"\r\n"));
    }
    let before = lines.get(line.checked_sub(1)?)?;
    Some(before.ends_with(b"\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::git::ByteSlice;
    use crate::git::Oid;
    use crate::git::objects::Entry;
    use crate::git::objects::EntryKind;
    use crate::git::repo::Repo;
    use crate::git::run::Git;
    use crate::git::testing::Dice;
    use crate::git::testing::Sandbox;

    /// What `git merge-tree` makes of base, ours and theirs, many at once: the names of the sides, whether it is
    /// without conflict, and the text.
    fn by_git(repo: &Repo, all: &[[Vec<u8>; 3]]) -> Vec<([String; 2], bool, Vec<u8>)> {
        let commit = |text: &[u8], parents: &[Oid]| {
            let oid = repo.write_blob(text).unwrap();
            let tree = repo.write_tree(&[Entry { name: "f".into(), kind: EntryKind::Blob, oid }]).unwrap();
            repo.write_commit(tree, parents, b"made up\n".as_bstr(), Timestamp::UNIX_EPOCH).unwrap()
        };
        let sides = all.iter().map(|[base, ours, theirs]| {
            let base = commit(base, &[]);
            [commit(ours, &[base]).to_string(), commit(theirs, &[base]).to_string()]
        });
        let sides: Vec<[String; 2]> = sides.collect();
        let input: Vec<String> = sides.iter().map(|pair| format!("{}\n", pair.join(" "))).collect();
        let git = Git::at(repo.folder()).args(["merge-tree", "--write-tree", "--stdin", "--no-messages"]);
        let answer = git.input(input.concat()).run().unwrap();
        let mut parts =
            answer.split(|&byte| byte == 0).filter(|part| !part.is_empty() && !part.contains(&b'\t'));
        let mut read = |sides: [String; 2]| {
            let clean = parts.next().unwrap() == b"1";
            let tree = Oid::from_hex(parts.next().unwrap()).unwrap();
            let text = repo.blob(repo.tree(tree).unwrap()[0].oid).unwrap();
            (sides, clean, text)
        };
        sides.into_iter().map(&mut read).collect()
    }

    /// How many are merged without conflict, and with one; the others are unknown.
    fn agree(all: &[[Vec<u8>; 3]]) -> (usize, usize) {
        let sandbox = Sandbox::new();
        let (mut clean, mut conflicts) = (0, 0);
        for (versions, (sides, is_clean, text)) in all.iter().zip(by_git(&sandbox.repo(), all)) {
            let [base, ours, theirs] = versions;
            let said = match merge([base, ours, theirs], sides.each_ref().map(|side| side.as_bytes()), false)
            {
                Merged::Unknown => continue,
                said => said,
            };
            let told = if is_clean { Merged::Clean(text) } else { Merged::Conflict(text) };
            assert!(said == told, "{:?}", versions.each_ref().map(|version| version.as_bstr()));
            if is_clean { clean += 1 } else { conflicts += 1 }
        }
        (clean, conflicts)
    }

    /// Three versions of a text of at most so many lines.
    fn made_up(seed: usize, longest: usize, most_edits: usize) -> [Vec<u8>; 3] {
        let mut dice = Dice(seed as u64);
        let (length, different) = (5 + dice.roll(longest), 2 + dice.roll(30 + longest / 4));
        let edits = 1 + dice.roll(most_edits);
        let line = |number: usize| match number % 5 {
            0 => "}\n".to_owned(),
            indent => format!("{}line {number}\n", " ".repeat(indent % 3 * 4)),
        };
        let base: Vec<String> = (0..length).map(|_| line(dice.roll(different))).collect();
        let mut sides = [base.clone(), dice.edit(&base, edits), dice.edit(&base, edits)];
        if dice.roll(8) == 0 {
            sides.iter_mut().flatten().for_each(|line| line.insert(line.len() - 1, '\r'));
        }
        sides.map(|side| {
            let mut text = side.concat().into_bytes();
            if dice.roll(6) == 0 {
                text.pop();
            }
            text
        })
    }

    #[test]
    fn texts_are_merged_as_by_git() {
        let rounds = 1_000;
        let all: Vec<[Vec<u8>; 3]> = (0..rounds).map(|seed| made_up(seed, 40, 6)).collect();
        let (clean, conflicts) = agree(&all);
        assert!(clean + conflicts > rounds * 9 / 10, "{clean} and {conflicts}: few are unknown");
        assert!(clean > rounds / 10 && conflicts > rounds / 10, "{clean} and {conflicts} of {rounds}");
    }

    #[test]
    fn long_texts_in_which_lines_are_frequent_are_merged_as_by_git() {
        let rounds = 200;
        let all: Vec<[Vec<u8>; 3]> = (0..rounds).map(|seed| made_up(seed, 1_500, 60)).collect();
        let (clean, conflicts) = agree(&all);
        assert!(
            clean + conflicts > rounds / 2,
            "{clean} and {conflicts} of {rounds}: the others are unknown"
        );
    }

    #[test]
    fn texts_that_repeat_themselves_too_much_are_unknown() {
        let bytes = |texts: [String; 3]| texts.map(String::into_bytes);
        let same = "same\n".repeat(64);
        let told = bytes([format!("{same}a\nb\n"), format!("{same}a\n"), format!("c\n{same}")]);
        assert_eq!(agree(&[told]), (0, 1));
        let same = "same\n".repeat(66);
        let unknown = bytes([same.clone(), format!("{same}x\n"), format!("y\n{same}")]);
        assert_eq!(agree(&[unknown]), (0, 0));
    }
}
