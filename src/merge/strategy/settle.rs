//! Settling a merge: each conflicting path by its strategy, and the tree that comes of it.

use std::collections::BTreeMap;

use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::policy::merging::MergeStrategy;
use crate::domain::review::Resolutions;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::marked;
use crate::git::marked::Entry;
use crate::git::marked::Marks;
use crate::git::marked::Open;
use crate::git::marked::Piece;
use crate::git::merge::Conflict;
use crate::git::merge::ConflictKind;
use crate::git::merge::Merge;
use crate::git::repo::Repo;
use crate::merge::review::Opened;
use crate::merge::review::Reviewing;
use crate::merge::sides::Side;
use crate::merge::sides::Sides;

use super::Facts;
use super::Question;
use super::Rules;
use super::Verdict;
use super::decision::Decided;
use super::decision::Decision;
use super::decision::Kept;
use super::verdict;

/// One merge that is to be settled.
pub struct Settling<'a> {
    /// The repository, seen from the checkout in which git merged.
    pub repo: &'a Repo,
    /// Which side git calls ours.
    pub sides: Sides,
    /// What was given as the base, if anything was.
    pub base: Option<Oid>,
    /// The commit that git calls ours.
    pub ours: Oid,
    /// The commit that git calls theirs.
    pub theirs: Oid,
    /// What decides which path.
    pub rules: &'a Rules,
    /// What strategies are told.
    pub facts: &'a dyn Facts,
    /// What somebody decided of single conflicts: that goes before all rules.
    pub resolutions: &'a Resolutions,
}

/// What became of a merge.
#[derive(Debug)]
pub struct Settled {
    /// The tree: git's own, but for the paths that were decided.
    pub tree: Oid,
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// What stays for a person.
    pub left: Vec<Left>,
}

/// A conflict that stays.
#[derive(Debug)]
pub struct Left {
    /// The conflict.
    pub conflict: Conflict,
    /// Why the strategy of its path did not decide it.
    pub why: Option<String>,
}

/// What one path becomes.
struct Answer {
    entries: Vec<Entry>,
    kept: Kept,
    hunks: Vec<Decided>,
}

/// How far a strategy came with one path.
enum Outcome {
    /// It stays a conflict; why, if that is worth a word.
    Left(Option<String>),
    /// It waits for its command.
    Anew,
    /// It is decided; why so, if the strategy's name does not say it.
    Decided(Answer, Option<String>),
}

impl Settling<'_> {
    /// Settles what the rules decide; with nothing left, the tree holds no conflict.
    ///
    /// # Errors
    /// When something cannot be read or written, or a command that makes a file anew fails.
    pub fn settle(&self, merge: Merge) -> Result<Settled, Failure> {
        let marked = self.marked(&merge)?;
        let mut settled = Settled { tree: merge.tree, decisions: Vec::new(), left: Vec::new() };
        let (mut entries, mut free) = (Vec::new(), Vec::new());
        let mut anew = BTreeMap::<usize, Vec<Conflict>>::new();
        let reviewing = if self.resolutions.is_empty() { None } else { Some(self.reviewing()?) };
        for conflict in merge.conflicts {
            if let Some(reviewing) = &reviewing {
                let opened = reviewing.open(conflict.clone())?;
                if let Some((more, decisions)) = reviewing.answer(&opened, self.resolutions)? {
                    if more.iter().any(|entry| is_taken(&entries, entry)) {
                        let why = Some("another decision writes to the same place".to_owned());
                        settled.left.push(Left { conflict, why });
                        continue;
                    }
                    entries.extend(more);
                    settled.decisions.extend(decisions);
                    continue;
                }
            }
            let Some((number, rule)) = self.rules.of(conflict.path.as_bstr()) else {
                free.push(conflict);
                continue;
            };
            match self.decide(&conflict, rule.strategy, marked)? {
                Outcome::Left(why) => settled.left.push(Left { conflict, why }),
                Outcome::Anew => anew.entry(number).or_default().push(conflict),
                Outcome::Decided(answer, why) => {
                    let Answer { entries: more, kept, hunks } = answer;
                    entries.extend(more);
                    let (path, strategy) = (text::visible(&conflict.path), rule.strategy.to_string());
                    settled.decisions.push(Decision { path, strategy, kept, why, hunks, commit: None });
                }
            }
        }
        self.remember(merge.tree, free, &mut entries, &mut settled)?;
        self.make_anew(merge.tree, anew, &mut entries, &mut settled)?;
        if !entries.is_empty() {
            settled.tree = self.repo.with_entries(merge.tree, &entries)?;
        }
        settled.decisions.sort_by(|one, other| one.path.cmp(&other.path));
        settled.left.sort_by(|one, other| one.conflict.path.cmp(&other.conflict.path));
        Ok(settled)
    }

    /// The conflicts of a merge that somebody has to decide, or has decided, each taken to pieces: not those that a rule
    /// decides, or that git remembers.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn open(&self, merge: &Merge) -> Result<(Reviewing<'_>, Vec<Opened>), Failure> {
        let reviewing = self.reviewing()?;
        let marked = self.marked(merge)?;
        let known = self.remembered(merge.tree, &merge.conflicts.iter().collect::<Vec<_>>())?;
        let mut found = Vec::new();
        for conflict in &merge.conflicts {
            let opened = reviewing.open(conflict.clone())?;
            let is_decided = match self.rules.of(conflict.path.as_bstr()) {
                Some((_, rule)) => !matches!(self.decide(conflict, rule.strategy, marked)?, Outcome::Left(_)),
                None => known.iter().any(|(path, _)| *path == conflict.path),
            };
            if !is_decided || reviewing.answer(&opened, self.resolutions)?.is_some() {
                found.push(opened);
            }
        }
        Ok((reviewing, found))
    }

    fn reviewing(&self) -> Result<Reviewing<'_>, GitError> {
        Reviewing::of(self.repo, self.sides, self.ours, self.theirs)
    }

    /// What git remembers of what people made of these conflicts before.
    fn remembered(&self, tree: Oid, conflicts: &[&Conflict]) -> Result<Vec<(BString, Vec<u8>)>, GitError> {
        let is_text = |conflict: &&&Conflict| has_hunks(conflict) && !conflict.modes_conflict();
        if !self.repo.remembers() {
            return Ok(Vec::new());
        }
        let text: Vec<&Conflict> = conflicts.iter().filter(is_text).copied().collect();
        self.repo.remembered(tree, &text)
    }

    /// What the strategy of a path makes of its conflict.
    fn decide(&self, conflict: &Conflict, strategy: MergeStrategy, marked: Oid) -> Result<Outcome, Failure> {
        let question = Question { path: conflict.path.as_bstr(), conflict, facts: self.facts };
        let (answer, why) = match verdict(strategy, &question)? {
            Verdict::Stays(why) => {
                let why = why.map(|why| format!("{strategy} does not decide: {why}"));
                return Ok(Outcome::Left(why));
            }
            Verdict::Anew if is_file(conflict) => return Ok(Outcome::Anew),
            Verdict::Anew => (None, None),
            Verdict::Side { side, why } => (self.by_side(conflict, side, marked)?, why),
            Verdict::Both => (self.by_both(conflict, marked)?, None),
        };
        Ok(match answer {
            Some(answer) => Outcome::Decided(answer, why),
            None => Outcome::Left(Some(format!("{strategy} cannot decide such a conflict"))),
        })
    }

    /// A tree with plain marks in the conflicting files.
    fn marked(&self, merge: &Merge) -> Result<Oid, GitError> {
        let is_ruled = |conflict: &Conflict| self.rules.of(conflict.path.as_bstr()).is_some();
        let style = self.repo.config("merge.conflictStyle");
        if style.is_none_or(|style| *style == *b"merge") || !merge.conflicts.iter().any(is_ruled) {
            return Ok(merge.tree);
        }
        self.repo.marked_tree(Marks::Plain, self.base, self.ours, self.theirs)
    }

    /// Where nothing was said of a path, and git remembers what a person made of the same conflict, it becomes that.
    fn remember(
        &self,
        tree: Oid,
        free: Vec<Conflict>,
        entries: &mut Vec<Entry>,
        settled: &mut Settled,
    ) -> Result<(), Failure> {
        let known = self.remembered(tree, &free.iter().collect::<Vec<_>>())?;
        for conflict in free {
            let found = known.iter().find(|(path, _)| *path == conflict.path);
            let entry = self.repo.entry(tree, conflict.path.as_bstr())?;
            let (Some((_, text)), Some((mode, _))) = (found, entry) else {
                settled.left.push(Left { conflict, why: None });
                continue;
            };
            settled.decisions.push(Decision {
                path: text::visible(&conflict.path),
                strategy: "rerere".to_owned(),
                kept: Kept::Remembered,
                why: None,
                hunks: Vec::new(),
                commit: None,
            });
            entries.push((conflict.path, Some((mode, self.repo.write_blob(text)?))));
        }
        Ok(())
    }

    /// Runs the commands of files that are made anew, once everything else is decided: they see the merged tree.
    fn make_anew(
        &self,
        tree: Oid,
        anew: BTreeMap<usize, Vec<Conflict>>,
        entries: &mut Vec<Entry>,
        settled: &mut Settled,
    ) -> Result<(), Failure> {
        if !settled.left.is_empty() {
            let waits = |conflict| Left {
                conflict,
                why: Some("regenerate waits for the other conflicts".to_owned()),
            };
            settled.left.extend(anew.into_values().flatten().map(waits));
            return Ok(());
        }
        // Until a file is made anew it is the target's: what a command finds there is no text with marks in it.
        for conflict in anew.values().flatten() {
            let [target, task] = [Side::Target, Side::Task].map(|side| self.sides.stage(side, conflict));
            entries.push((conflict.path.clone(), target.or(task)));
        }
        for (number, conflicts) in anew {
            let Some(rule) = self.rules.0.get(number) else { continue };
            let paths: Vec<BString> = conflicts.into_iter().map(|conflict| conflict.path).collect();
            let seen = self.repo.with_entries(tree, entries)?;
            for (path, entry) in self.facts.regenerate(seen, &paths, rule)? {
                entries.retain(|(known, _)| *known != path);
                settled.decisions.push(Decision {
                    path: text::visible(&path),
                    strategy: rule.strategy.to_string(),
                    kept: Kept::Anew,
                    why: rule.run.as_ref().map(|words| format!("`{}`", shell_words::join(words))),
                    hunks: Vec::new(),
                    commit: None,
                });
                entries.push((path, entry));
            }
        }
        Ok(())
    }

    /// One side's lines in each conflicting hunk; of what has no hunks, that side's file.
    fn by_side(&self, conflict: &Conflict, side: Side, marked: Oid) -> Result<Option<Answer>, GitError> {
        let kept = match side {
            Side::Target => Kept::Target,
            Side::Task => Kept::Task,
        };
        let path = &conflict.path;
        let found = self.repo.entry(marked, path.as_bstr())?;
        let stage = self.sides.stage(side, conflict);
        let whole = |mut more: Vec<Entry>| {
            more.push((path.clone(), stage));
            Some(Answer { entries: more, kept, hunks: Vec::new() })
        };
        Ok(match conflict.kind {
            ConflictKind::Content | ConflictKind::AddAdd if conflict.are_files() && !only_modes(conflict) => {
                let Some((mode, _)) = found else { return Ok(None) };
                let mode =
                    if conflict.modes_conflict() { stage.map_or(mode, |(mode, _)| mode) } else { mode };
                self.by_hunks(conflict, marked, mode, kept, |ours, theirs| {
                    self.sides.pick(side, ours, theirs).to_vec()
                })?
            }
            // A link has one line, and no hunk; where only the modes differ there is none either.
            ConflictKind::AddAdd | ConflictKind::Content | ConflictKind::Binary if is_file(conflict) => {
                found.and_then(|_| whole(Vec::new()))
            }
            // git leaves the changed file where it was; elsewhere it would be a folder's name by now.
            ConflictKind::ModifyDelete => {
                let [_, ours, theirs] = conflict.stages;
                if found == ours.or(theirs) { whole(Vec::new()) } else { None }
            }
            // Two kinds of file, with one content: it is where it was. Other kinds of things are moved aside.
            ConflictKind::Mode if conflict.are_files() => found.and_then(|_| whole(Vec::new())),
            ConflictKind::Mode => self.aside(conflict, marked)?.and_then(whole),
            _ => None,
        })
    }

    /// Both sides' lines in each conflicting hunk.
    fn by_both(&self, conflict: &Conflict, marked: Oid) -> Result<Option<Answer>, GitError> {
        let found = self.repo.entry(marked, conflict.path.as_bstr())?;
        let Some((mode, _)) = found.filter(|_| has_hunks(conflict) && !conflict.modes_conflict()) else {
            return Ok(None);
        };
        self.by_hunks(conflict, marked, mode, Kept::Both, marked::both)
    }

    /// The file as git merged it, with the open hunks decided. Nothing when they cannot be told.
    fn by_hunks(
        &self,
        conflict: &Conflict,
        marked: Oid,
        mode: u32,
        kept: Kept,
        pick: impl Fn(&[u8], &[u8]) -> Vec<u8>,
    ) -> Result<Option<Answer>, GitError> {
        let (Some((_, text)), [_, Some((_, ours)), Some((_, theirs))]) =
            (self.repo.entry(marked, conflict.path.as_bstr())?, conflict.stages)
        else {
            return Ok(None);
        };
        let (text, ours, theirs) = (self.repo.blob(text)?, self.repo.blob(ours)?, self.repo.blob(theirs)?);
        let Some(pieces) = marked::pieces(&text, Marks::Plain, (self.ours, &ours), (self.theirs, &theirs))
        else {
            return Ok(None);
        };
        let (mut out, mut hunks) = (Vec::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Settled(text) => out.extend(text),
                Piece::Open(Open { ours, theirs, .. }) => {
                    let lines = |text: &[u8]| text.lines().count();
                    let count = |side| lines(self.sides.pick(side, &ours, &theirs));
                    let (target, task) = (count(Side::Target), count(Side::Task));
                    hunks.push(Decided { line: lines(&out) + 1, target, task });
                    out.extend(pick(&ours, &theirs));
                }
            }
        }
        let blob = self.repo.write_blob(&out)?;
        Ok(Some(Answer { entries: vec![(conflict.path.clone(), Some((mode, blob)))], kept, hunks }))
    }

    /// The names under which git put the two kinds of things aside, to be removed; nothing when they are not where they
    /// are expected.
    fn aside(&self, conflict: &Conflict, tree: Oid) -> Result<Option<Vec<Entry>>, GitError> {
        let mut found = Vec::new();
        let [_, ours, theirs] = conflict.stages;
        for (commit, stage) in [(self.ours, ours), (self.theirs, theirs)] {
            let mut name = conflict.path.clone();
            name.extend_from_slice(format!("~{commit}").as_bytes());
            match self.repo.entry(tree, name.as_bstr())? {
                Some(entry) if Some(entry) == stage => found.push((name, None)),
                Some(_) => return Ok(None),
                None if self.repo.entry(tree, conflict.path.as_bstr())? == stage => {}
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// The part of a mode that tells what it is, and what it is for a file.
const TYPE: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// Whether something is written already where an entry is to be, below it, or where a folder above it should be.
fn is_taken(entries: &[Entry], (path, new): &Entry) -> bool {
    let below = |path: &BString, folder: &BString| {
        path.len() > folder.len() && path.starts_with(folder) && path[folder.len()] == b'/'
    };
    let meets = |(other, entry): &Entry| {
        let both = new.is_some() && entry.is_some();
        other == path && (new.is_some() || entry.is_some())
            || both && (below(other, path) || below(path, other))
    };
    entries.iter().any(meets)
}

/// Whether it is one of lines.
fn has_hunks(conflict: &Conflict) -> bool {
    matches!(conflict.kind, ConflictKind::Content | ConflictKind::AddAdd) && conflict.are_files()
}

/// Whether it is about a file or link of one name, and nothing was renamed or moved aside.
fn is_file(conflict: &Conflict) -> bool {
    let kinds =
        [ConflictKind::Content, ConflictKind::AddAdd, ConflictKind::Binary, ConflictKind::ModifyDelete];
    let of_file = |(mode, _): &(u32, Oid)| [FILE, LINK].contains(&(mode & TYPE));
    kinds.contains(&conflict.kind) && conflict.stages.iter().flatten().all(of_file)
}

/// Whether the sides have the same content, and conflict by their modes.
fn only_modes(conflict: &Conflict) -> bool {
    let content = |stage: Option<(u32, Oid)>| stage.map(|(_, oid)| oid);
    content(conflict.stages[1]) == content(conflict.stages[2])
}
