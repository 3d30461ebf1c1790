//! Lines: looks into the versions of a file, to tell where somebody's lines are in them and whether a change touches them.

use std::ops::Range;

use crate::domain::anchor::Met;
use crate::domain::lease::Lease;
use crate::domain::region::Region;
use crate::domain::span::Edit;
use crate::domain::span::Lines;
use crate::domain::span::Span;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::edits::Edited;
use crate::git::error::GitError;
use crate::git::merge::Conflict;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

/// What a conflict of lines is about.
#[derive(Debug, Clone)]
pub struct Disputed {
    /// The version that both sides started from.
    pub base: Oid,
    /// The lines of it that each hunk is about, counted from 0.
    pub hunks: Vec<Range<usize>>,
}

/// The lines that a conflict is about. Nothing when it is no conflict of lines that both sides changed.
///
/// # Errors
/// When a version cannot be read.
pub fn disputed(repo: &Repo, conflict: &Conflict) -> Result<Option<Disputed>, GitError> {
    let [Some((_, base)), _, _] = conflict.stages else { return Ok(None) };
    let count = |text: &[u8]| text.split_inclusive(|&byte| byte == b'\n').count();
    let hunks: Vec<Range<usize>> = repo
        .conflict_hunks(conflict)?
        .iter()
        .map(|hunk| hunk.base.first_line - 1..hunk.base.first_line - 1 + count(&hunk.base.text))
        .collect();
    Ok((!hunks.is_empty()).then_some(Disputed { base, hunks }))
}

/// The versions of files that a repository has.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a>(pub &'a Repo);

/// Why nothing is told of lines: an answer, not an error.
type Untold = String;

impl Versions<'_> {
    /// How a change stands to a lease's region of lines. It is one of what the commit `at` has, if that is known.
    ///
    /// It leaves them alone only if it is an edit of the same file that is clear of them, as they are in the version that
    /// it starts from. What is new, gone, of another kind or mode, or no text is about the whole file.
    ///
    /// # Errors
    /// When a version that the change names cannot be read.
    pub fn met(
        &self,
        lease: &Lease,
        region: &Region,
        change: &Change,
        at: Option<Oid>,
    ) -> Result<Met, GitError> {
        let Some((path, span)) = region.lines() else { return Ok(Met::Path) };
        Ok(match self.seen(path, span, &lease.base, change, at)? {
            Ok((here, edits)) if here.is_touched(&edits) => Met::Lines(here),
            Ok(_) => Met::Apart,
            Err(why) => Met::File(why),
        })
    }

    /// Whether whoever has a lease's region of lines wants to know of a change: it is about them, or comes right beside
    /// them. What cannot be told may be.
    ///
    /// # Errors
    /// As for [`Versions::met`].
    pub fn is_reached(&self, lease: &Lease, region: &Region, change: &Change) -> Result<bool, GitError> {
        let Some((path, span)) = region.lines() else { return Ok(true) };
        let seen = self.seen(path, span, &lease.base, change, None)?;
        Ok(seen.map_or(true, |(here, edits)| here.is_reached(&edits)))
    }

    /// Whether a change of a file is about lines that another change of it is about, or comes right beside them. What
    /// cannot be told may be.
    ///
    /// # Errors
    /// When a version that one of them names cannot be read.
    pub fn is_crossed(&self, mine: &Change, theirs: &Change) -> Result<bool, GitError> {
        let (Ok((base, mine)), Ok((old, new))) = (two_texts(mine), two_texts(theirs)) else {
            return Ok(true);
        };
        let texts = [self.0.edits(base, mine)?, self.0.edits(base, old)?, self.0.edits(old, new)?];
        let [Edited::Lines(mine), Edited::Lines(since), Edited::Lines(theirs)] = texts else {
            return Ok(true);
        };
        let (since, theirs) = (edits(since), edits(theirs));
        let mut lines = mine.into_iter().map(|one| Span::replaced_by(&edit(one)));
        Ok(lines.any(|lines| lines.follow(&since).is_reached(&theirs)))
    }

    /// Where a span is in the version that a change of its file starts from, and the edits that the change is.
    fn seen(
        &self,
        path: &[u8],
        span: Span,
        from: &str,
        change: &Change,
        at: Option<Oid>,
    ) -> Result<Result<(Span, Vec<Edit>), Untold>, GitError> {
        if change.path != path {
            return Ok(Err("the path is not the file's own".to_owned()));
        }
        let (old, new) = match two_texts(change) {
            Ok(texts) => texts,
            Err(why) => return Ok(Err(why)),
        };
        let here = match self.carried_to(path, span, from, old, at) {
            Ok(here) => here,
            Err(why) => return Ok(Err(why)),
        };
        Ok(match self.0.edits(old, new)? {
            Edited::Lines(found) => Ok((here, edits(found))),
            Edited::NoText => Err("it is no text".to_owned()),
        })
    }

    /// Which of a conflict's hunks a lease's region is about: all of them, if it is no region of lines.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn among(&self, lease: &Lease, region: &Region, disputed: &Disputed) -> Result<Vec<bool>, Untold> {
        let hunks = &disputed.hunks;
        let Some((path, span)) = region.lines() else { return Ok(vec![true; hunks.len()]) };
        let here = self.carried_to(path, span, &lease.base, disputed.base, None)?;
        let replaced = |lines: &Range<usize>| Edit { before: lines.clone(), after: 0..1, up: 0, down: 0 };
        Ok(hunks.iter().map(|lines| here.is_touched(&[replaced(lines)])).collect())
    }

    /// What a span of a path at a commit is in another version of the file: that of the commit `at`, if it is known, or
    /// one that was made of it.
    ///
    /// Where its own lines and those beside were changed, what is there now does not tell whose is whose. But each step
    /// on the way does, because whoever wrote it kept to their own.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn carried_to(
        &self,
        path: &[u8],
        span: Span,
        from: &str,
        to: Oid,
        at: Option<Oid>,
    ) -> Result<Span, Untold> {
        let anchor = self.file(path, from)?;
        let direct = self.edits(anchor, to)?;
        if span.is_blurred(&direct)
            && let Some(at) = at
            // History that cannot be read tells nothing more.
            && let Ok(Some(now)) = self.carried_through(path, span, from, at, to)
        {
            return Ok(now);
        }
        Ok(span.follow(&direct))
    }

    /// What a span is after each step from one commit to another, and a last one; nothing when the steps do not tell.
    fn carried_through(
        &self,
        path: &[u8],
        span: Span,
        from: &str,
        at: Oid,
        to: Oid,
    ) -> Result<Option<Span>, GitError> {
        let Ok(from) = Oid::from_hex(from.as_bytes()) else { return Ok(None) };
        let Some(mut steps) = self.0.steps(path.as_bstr(), from, at)? else { return Ok(None) };
        steps.push(to);
        self.carried_along(span, &steps)
    }

    /// What a span of the first of these versions is in the last, going through all of them.
    fn carried_along(&self, span: Span, steps: &[Oid]) -> Result<Option<Span>, GitError> {
        let mut now = span;
        for pair in steps.windows(2) {
            let Edited::Lines(found) = self.0.edits(pair[0], pair[1])? else { return Ok(None) };
            now = now.follow(&edits(found));
        }
        Ok(Some(now))
    }

    /// The edits between two versions that are texts.
    fn edits(&self, old: Oid, new: Oid) -> Result<Vec<Edit>, Untold> {
        match self.0.edits(old, new) {
            Ok(Edited::Lines(found)) => Ok(edits(found)),
            Ok(Edited::NoText) => Err("it is no text".to_owned()),
            Err(error) => Err(untold(&error)),
        }
    }

    /// The content of a file at a commit.
    fn file(&self, path: &[u8], commit: &str) -> Result<Oid, Untold> {
        let short = commit.get(..7).unwrap_or(commit);
        let oid = Oid::from_hex(commit.as_bytes()).map_err(|_| format!("'{commit}' names no commit"))?;
        match self.0.entry_at(oid, path.as_bstr()) {
            Ok(Some((kind, oid))) if is_file(kind) => Ok(oid),
            Ok(Some(_)) => Err(format!("it is no file at {short}")),
            Ok(None) => Err(format!("there is no such file at {short}")),
            Err(error) => Err(untold(&error)),
        }
    }
}

impl Lines for Versions<'_> {
    fn carried(&self, path: &[u8], span: Span, from: &str, to: &str) -> Result<Span, String> {
        let (blob, at) = (self.file(path, to)?, Oid::from_hex(to.as_bytes()).ok());
        self.carried_to(path, span, from, blob, at)
    }
}

fn is_file(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable)
}

/// The content of a file before and after a change that is an edit of it.
fn two_texts(change: &Change) -> Result<(Oid, Oid), Untold> {
    let why = match (change.old, change.new) {
        (None, _) => "the file is new here",
        (_, None) => "the file would go",
        (Some((old_kind, _)), Some((kind, _))) if old_kind != kind => {
            "the file would be of another kind or mode"
        }
        (Some((kind, _)), _) if !is_file(kind) => "it is no file of lines",
        (Some((_, old)), Some((_, new))) => return Ok((old, new)),
    };
    Err(why.to_owned())
}

fn edits(edits: Vec<crate::git::edits::Edit>) -> Vec<Edit> {
    edits.into_iter().map(edit).collect()
}

fn edit(edit: crate::git::edits::Edit) -> Edit {
    Edit { before: edit.before, after: edit.after, up: edit.up, down: edit.down }
}

fn untold(error: &GitError) -> Untold {
    format!("where its lines are cannot be told: {error}")
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::prop_assert_eq;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestRunner;

    use super::Edited;
    use super::Span;
    use super::Versions;
    use super::edit;
    use crate::git::Oid;
    use crate::git::repo::Repo;

    fn text(lines: &[u8]) -> Vec<u8> {
        lines.iter().flat_map(|line| [b'a' + line, b'\n']).collect()
    }

    /// A repository that is only written to.
    fn store() -> (tempfile::TempDir, Repo) {
        let folder = tempfile::tempdir().unwrap();
        let init = crate::git::run::Git::at(folder.path()).args(["init", "--quiet"]);
        init.answer().unwrap();
        let repo = Repo::open(folder.path()).unwrap();
        (folder, repo)
    }

    #[test]
    fn whatever_two_texts_are_lines_that_were_not_touched_are_still_there_as_they_were() {
        let (_folder, repo) = store();
        let (clear, touched) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let lines = || vec(0..4_u8, 0..14);
        let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
        let given = (lines(), lines(), any::<(usize, usize)>());
        let check = |(old, new, (one, other)): (Vec<u8>, Vec<u8>, (usize, usize))| {
            if old.is_empty() {
                return Ok(());
            }
            let (one, other) = (one % old.len(), other % old.len());
            let span = Span::of_lines(one.min(other) + 1, one.max(other) + 1).unwrap();
            let blob = |lines: &[u8]| -> Oid { repo.write_blob(&text(lines)).unwrap() };
            let Edited::Lines(edits) = repo.edits(blob(&old), blob(&new)).unwrap() else { panic!("no text") };
            let edits: Vec<_> = edits.into_iter().map(edit).collect();
            let now = span.follow(&edits).range();
            prop_assert!(now.end <= new.len());
            if span.is_touched(&edits) {
                touched.set(touched.get() + 1);
            } else {
                prop_assert_eq!(&new[now], &old[span.range()]);
                clear.set(clear.get() + 1);
            }
            Ok(())
        };
        TestRunner::new(config).run(&given, check).unwrap();
        assert!(clear.get() > 100 && touched.get() > 500, "{clear:?} {touched:?}: too few to mean anything");
    }

    /// A text as people write it: every third line is one of few that repeat, the others are all different.
    fn line(number: u32) -> String {
        match number % 3 {
            0 => ["\n", "}\n", "    }\n"][(number / 3 % 3) as usize].to_owned(),
            _ => format!("    statement {number};\n"),
        }
    }

    #[test]
    fn whoever_edits_again_and_again_beside_lines_never_gets_into_them() {
        let (_folder, repo) = store();
        let (passed, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        // What is at a place, of so many lines, becomes these.
        let step = (any::<usize>(), 0..3_usize, vec(any::<u32>(), 0..3));
        let given = (vec(any::<u32>(), 12..30), any::<(usize, usize)>(), vec(step, 1..12));
        let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&given, |(first, (one, other), steps)| {
                let first: Vec<String> = first.into_iter().map(line).collect();
                let (one, other) = (one % first.len(), other % first.len());
                let span = Span::of_lines(one.min(other) + 1, one.max(other) + 1).unwrap();
                let held = &first[span.range()];
                let blob = |lines: &[String]| repo.write_blob(lines.concat().as_bytes()).unwrap();
                let edits = |old: &[String], new: &[String]| match repo.edits(blob(old), blob(new)).unwrap() {
                    Edited::Lines(edits) => edits.into_iter().map(edit).collect::<Vec<_>>(),
                    Edited::NoText => panic!("no text"),
                };
                let mut now = first.clone();
                for (at, gone, come) in steps {
                    let at = at % (now.len() + 1);
                    let mut next = now.clone();
                    next.splice(at..(at + gone).min(now.len()), come.into_iter().map(line));
                    let here = span.follow(&edits(&first, &now));
                    if here.is_touched(&edits(&now, &next)) {
                        refused.set(refused.get() + 1);
                        continue;
                    }
                    passed.set(passed.get() + 1);
                    now = next;
                    let stands = now.windows(held.len()).any(|lines| lines == held);
                    prop_assert!(stands, "{held:?} of {first:?} in {now:?}");
                }
                Ok(())
            })
            .unwrap();
        assert!(
            passed.get() > 300 && refused.get() > 300,
            "{passed:?} {refused:?}: too few to mean anything"
        );
    }

    #[test]
    fn whoever_keeps_to_own_lines_is_never_refused_whatever_a_neighbour_makes_of_theirs() {
        let (_folder, repo) = store();
        let (passed, direct) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        // Who writes, where in their own lines, over how many of them, and what.
        let step = (any::<bool>(), any::<usize>(), 0..4_usize, vec(any::<u32>(), 0..4));
        let part = || vec(any::<u32>(), 1..9);
        let given = (part(), vec(any::<u32>(), 0..2), part(), vec(step, 1..14));
        let config = Config { cases: 600, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&given, |(upper, between, lower, steps)| {
                // Lines repeat within a part; of equal ones on both sides of an edge nobody can tell whose they are.
                let made = |mark: &str, numbers: Vec<u32>| -> Vec<String> {
                    numbers.into_iter().map(|number| format!("{mark}{}", line(number))).collect()
                };
                let (upper, between, lower) = (made("", upper), made("-", between), made("\t", lower));
                let below = upper.len() + between.len();
                let spans = [
                    Span::of_lines(1, upper.len()).unwrap(),
                    Span::of_lines(below + 1, below + lower.len()).unwrap(),
                ];
                let mut parts = [upper, lower];
                let blob = |parts: &[Vec<String>; 2]| {
                    let all = [&parts[0], &between, &parts[1]].map(|part| part.concat()).concat();
                    repo.write_blob(all.as_bytes()).unwrap()
                };
                let mut versions = vec![blob(&parts)];
                for (is_lower, at, gone, come) in steps {
                    let part = &mut parts[usize::from(is_lower)];
                    let at = at % part.len();
                    let until = (at + gone).min(part.len());
                    // What is inserted above the first line is nobody's, and lines that are all gone are a place.
                    if at == 0 && until == 0 || at == 0 && until == part.len() && come.is_empty() {
                        continue;
                    }
                    part.splice(at..until, made(if is_lower { "\t" } else { "" }, come));
                    let (last, next) = (versions[versions.len() - 1], blob(&parts));
                    let edits = |old, new| match repo.edits(old, new).unwrap() {
                        Edited::Lines(edits) => edits.into_iter().map(edit).collect::<Vec<_>>(),
                        Edited::NoText => panic!("no text"),
                    };
                    let (other, at_once) = (spans[usize::from(!is_lower)], edits(versions[0], last));
                    let here = match other.is_blurred(&at_once) {
                        true => Versions(&repo).carried_along(other, &versions).unwrap().unwrap(),
                        false => other.follow(&at_once),
                    };
                    let change = edits(last, next);
                    let is_falsely_refused = other.follow(&at_once).is_touched(&change);
                    direct.set(direct.get() + usize::from(is_falsely_refused));
                    // A line put after the last one is nobody's too: where the last goes instead, a place is left,
                    // and rightly nothing may come there.
                    if here.is_place() && here.is_touched(&change) {
                        return Ok(());
                    }
                    prop_assert!(!here.is_touched(&change), "{here} {change:?}: {parts:?}");
                    passed.set(passed.get() + 1);
                    versions.push(next);
                }
                Ok(())
            })
            .unwrap();
        let counts = (passed.get(), direct.get());
        assert!(counts.0 > 2_000 && counts.1 > 50, "{counts:?}: too few to mean anything");
    }

    #[test]
    fn what_cannot_be_looked_into_is_about_the_whole_file() {
        use crate::domain::span::Lines;
        let (_folder, repo) = store();
        let span = Span::of_lines(1, 2).unwrap();
        let told = Versions(&repo).carried(b"a", span, &"1".repeat(40), &"2".repeat(40));
        let why = told.unwrap_err();
        assert!(why.starts_with("where its lines are cannot be told: "), "{why}");
    }
}
