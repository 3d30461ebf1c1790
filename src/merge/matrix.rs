//! The matrix: whether the work of each party fits with that of each other one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use crate::git::BStr;
use crate::git::BString;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::merge::Conflict;
use crate::git::merge::Settings;
use crate::git::repo::Repo;

use super::footprint::Footprint;
use super::party::Party;
use super::party::Standing;
use super::party::reason;
use super::verdict_cache::VerdictCache;

/// All parties, and how each two fit together.
#[derive(Debug)]
pub struct Matrix {
    /// The parties, the target first.
    pub parties: Vec<Party>,
    /// The pairs that are not clean, in the order of their parties. All others are clean.
    pub pairs: Vec<Pair>,
}

/// How two parties fit together.
#[derive(Debug)]
pub struct Pair {
    /// The place of one among the parties: "ours" in its conflicts.
    pub one: usize,
    /// The place of the other: "theirs". It is the higher one.
    pub other: usize,
    /// How they fit.
    pub verdict: Verdict,
    /// Files that both changed, each in its own way.
    pub touched: Vec<BString>,
    /// What a person has to settle.
    pub conflicts: Vec<Conflict>,
    /// Where their histories part.
    pub bases: Vec<Oid>,
    /// Why nobody knows.
    pub reason: Option<String>,
}

/// How two parties fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// They change different files, and merge.
    Clean,
    /// Both changed a file, and merge.
    Touched,
    /// They do not merge.
    Conflict,
    /// It could not be found out, which is never clean.
    Unknown,
}

impl Verdict {
    /// The name for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Clean => "clean",
            Verdict::Touched => "touched",
            Verdict::Conflict => "conflict",
            Verdict::Unknown => "unknown",
        }
    }
}

/// How many changed paths may be behind a verdict that is kept: all their attributes are part of its name.
const NAMEABLE: usize = 5_000;

/// Two parties whose changes meet, so that only a merge can tell.
struct Open {
    one: usize,
    other: usize,
    commits: (Oid, Oid),
    bases: Vec<Oid>,
    touched: Vec<BString>,
    name: Option<Oid>,
}

impl Matrix {
    /// Judges each two of the parties. Verdicts are kept in `folder`, git odyssey's own inside the repository.
    ///
    /// # Errors
    /// When nothing can be judged at all. What is wrong with one party or pair is told there.
    pub fn of(parties: Vec<Party>, memory: &mut Memory, folder: &Path) -> Result<Matrix, GitError> {
        let mut pairs = Vec::new();
        let mut open = Vec::new();
        judge_by_paths(&parties, memory.repo(), &mut pairs, &mut open)?;
        settle(open, memory, folder, &mut pairs)?;
        pairs.retain(|pair| pair.verdict != Verdict::Clean);
        pairs.sort_by_key(|pair| (pair.one, pair.other));
        Ok(Matrix { parties, pairs })
    }

    /// The worst of all verdicts: a conflict above what nobody knows.
    pub fn worst(&self) -> Verdict {
        let mut verdicts: Vec<Verdict> = self.pairs.iter().map(|pair| pair.verdict).collect();
        verdicts.extend(self.parties.iter().filter(|party| party.state.is_err()).map(|_| Verdict::Unknown));
        match verdicts.contains(&Verdict::Conflict) {
            true => Verdict::Conflict,
            false => verdicts.into_iter().max().unwrap_or(Verdict::Clean),
        }
    }
}

/// Judges the pairs for which a look at the changed paths is enough.
fn judge_by_paths(
    parties: &[Party],
    repo: &Repo,
    pairs: &mut Vec<Pair>,
    open: &mut Vec<Open>,
) -> Result<(), GitError> {
    let mut known: Vec<(usize, &Standing)> = Vec::new();
    for (place, party) in parties.iter().enumerate() {
        match &party.state {
            Ok(standing) => known.push((place, standing)),
            Err(reason) => {
                let others = (0..parties.len()).filter(|other| *other != place);
                for other in others {
                    let is_told = parties[other].state.is_err() && other < place;
                    if !is_told {
                        pairs.push(Pair::unknown(place, other, format!("{}: {reason}", parties[place].name)));
                    }
                }
            }
        }
    }
    let two = || {
        known.iter().enumerate().flat_map(|(at, one)| known[at + 1..].iter().map(move |other| (*one, *other)))
    };
    let bases = repo.merge_bases(two().map(|((_, one), (_, other))| (one.commit, other.commit)))?;
    let mut settings = Settings::of(repo)?;
    let mut footprints = Footprints { repo, trees: HashMap::new(), known: HashMap::new() };
    for ((at, one), (place, other)) in two() {
        if one.tree == other.tree {
            continue;
        }
        let bases = bases.get(&(one.commit, other.commit)).cloned().unwrap_or_default();
        let commits = (one.commit, other.commit);
        let mut candidate = Open { one: at, other: place, commits, bases, touched: Vec::new(), name: None };
        match candidate.bases.as_slice() {
            [] => {
                let reason = "they have no common history".to_owned();
                pairs.push(Pair::unknown(at, place, reason));
                continue;
            }
            [base] => {
                let base = footprints.tree(*base)?;
                if base == one.tree || base == other.tree {
                    continue;
                }
                let (mine, theirs) = (footprints.of(base, one.tree)?, footprints.of(base, other.tree)?);
                if !mine.meets(&theirs) {
                    continue;
                }
                candidate.touched = mine.both(&theirs);
                let paths: BTreeSet<&BStr> = mine.paths().chain(theirs.paths()).collect();
                if paths.len() <= NAMEABLE {
                    candidate.name = Some(settings.name(&[base, one.tree, other.tree], paths)?);
                }
            }
            // What they changed since is not to be told before the bases are merged with each other.
            [_, _, ..] => {}
        }
        open.push(candidate);
    }
    Ok(())
}

/// Judges the others by what was judged before, and by merging.
fn settle(
    open: Vec<Open>,
    memory: &mut Memory,
    folder: &Path,
    pairs: &mut Vec<Pair>,
) -> Result<(), GitError> {
    let mut cache = VerdictCache::read(folder);
    let mut wanted: Vec<(Oid, Oid)> = Vec::new();
    let mut places: BTreeMap<Oid, usize> = BTreeMap::new();
    let mut waiting: Vec<(Open, usize)> = Vec::new();
    for candidate in open {
        let kept = candidate.name.and_then(|name| cache.get(name));
        // What git made of both sides, such as the content of a file renamed twice, is not kept.
        let kept = kept.filter(|conflicts| are_here(memory.repo(), conflicts));
        if let Some(conflicts) = kept {
            pairs.push(candidate.judged(conflicts));
            continue;
        }
        let next = wanted.len();
        let place = match candidate.name {
            Some(name) => *places.entry(name).or_insert(next),
            None => next,
        };
        if place == next {
            wanted.push(candidate.commits);
        }
        waiting.push((candidate, place));
    }
    if waiting.is_empty() {
        return Ok(());
    }
    let answers = memory.merge_pairs(&wanted)?;
    for (candidate, place) in waiting {
        match &answers[place] {
            Ok(merge) => {
                if let Some(name) = candidate.name {
                    cache.put(name, &merge.conflicts);
                }
                pairs.push(candidate.judged(merge.conflicts.clone()));
            }
            Err(error) => pairs.push(Pair::unknown(candidate.one, candidate.other, reason(error))),
        }
    }
    cache.write();
    Ok(())
}

fn are_here(repo: &Repo, conflicts: &[Conflict]) -> bool {
    let is_link = |mode: u32| mode == 0o160_000;
    let mut sides = conflicts.iter().flat_map(|conflict| conflict.stages.iter().flatten());
    sides.all(|(mode, oid)| is_link(*mode) || repo.has(*oid))
}

impl Open {
    fn judged(self, conflicts: Vec<Conflict>) -> Pair {
        let verdict = match (conflicts.is_empty(), self.touched.is_empty()) {
            (false, _) => Verdict::Conflict,
            (true, false) => Verdict::Touched,
            (true, true) => Verdict::Clean,
        };
        let Open { one, other, touched, bases, .. } = self;
        Pair { one, other, verdict, touched, conflicts, bases, reason: None }
    }
}

impl Pair {
    fn unknown(one: usize, other: usize, reason: String) -> Pair {
        Pair {
            one: one.min(other),
            other: one.max(other),
            verdict: Verdict::Unknown,
            touched: Vec::new(),
            conflicts: Vec::new(),
            bases: Vec::new(),
            reason: Some(reason),
        }
    }
}

/// What was changed between bases and parties: most have the same base.
struct Footprints<'r> {
    repo: &'r Repo,
    trees: HashMap<Oid, Oid>,
    known: HashMap<(Oid, Oid), Rc<Footprint>>,
}

impl Footprints<'_> {
    fn tree(&mut self, commit: Oid) -> Result<Oid, GitError> {
        if let Some(tree) = self.trees.get(&commit) {
            return Ok(*tree);
        }
        let tree = self.repo.commit(commit)?.tree;
        self.trees.insert(commit, tree);
        Ok(tree)
    }

    fn of(&mut self, base: Oid, tree: Oid) -> Result<Rc<Footprint>, GitError> {
        if let Some(known) = self.known.get(&(base, tree)) {
            return Ok(known.clone());
        }
        let changes = self.repo.changes_between(Some(base), tree)?;
        let new = Rc::new(Footprint::of(&changes));
        self.known.insert((base, tree), new.clone());
        Ok(new)
    }
}
