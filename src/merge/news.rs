//! News: what others changed in a task's regions, or in what it changed itself, since it was last told.

use std::collections::BTreeMap;

use crate::base::text;
use crate::domain::lease::Lease;
use crate::domain::region::Region;
use crate::git::BString;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::error::GitError;
use crate::git::repo::Repo;

use super::excerpt::excerpt;
use super::makers::Maker;
use super::makers::Makers;
use super::matrix::Matrix;
use super::matrix::Verdict;
use super::party::Party;
use super::party::PartyKind;
use super::party::Standing;

/// What a task was told of.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    /// The target's commit, in hexadecimal.
    pub target: Option<String>,
    /// By checkout and path, the uncommitted content: its kind and name, or nothing for a deletion.
    pub edits: BTreeMap<String, BTreeMap<String, String>>,
}

/// One changed path.
#[derive(Debug, serde::Serialize)]
pub struct News {
    /// The path, made safe to show.
    pub path: String,
    /// Where it is so: the target's name, or a person's checkout.
    pub place: String,
    /// `added`, `changed` or `deleted`.
    pub change: &'static str,
    /// Who made it so, as far as known.
    pub by: Option<Maker>,
    /// Whether it conflicts with what the task has.
    pub conflicts: bool,
    /// The changed lines, cut to a size; nothing for what has none.
    pub diff: Option<String>,
}

/// What there is to tell a task.
#[derive(Debug)]
pub struct Found {
    /// What is new.
    pub news: Vec<News>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
    /// What it will have been told of then.
    pub told: Told,
}

/// Looks into a file of which a task holds lines only.
pub trait Near {
    /// Whether a change comes to the lines of a lease's region, or right beside them.
    ///
    /// # Errors
    /// When a version of the file cannot be read.
    fn comes_to_leased(&self, lease: &Lease, region: &Region, change: &Change) -> Result<bool, GitError>;

    /// The same of the lines that the task changed itself.
    ///
    /// # Errors
    /// When a version of the file cannot be read.
    fn comes_to_changed(&self, own: &Change, change: &Change) -> Result<bool, GitError>;
}

/// What matters to a task.
struct Interest<'a> {
    lease: &'a Lease,
    /// What it changed itself, by path.
    own: BTreeMap<BString, Change>,
    near: &'a dyn Near,
}

impl Interest<'_> {
    fn has(&self, change: &Change) -> Result<bool, GitError> {
        let own = self.own.get(&change.path);
        let covering: Vec<&Region> =
            self.lease.regions.iter().filter(|region| region.covers(&change.path)).collect();
        if covering.is_empty() || covering.iter().any(|region| region.lines().is_none()) {
            return Ok(own.is_some() || !covering.is_empty());
        }
        for region in covering {
            if self.near.comes_to_leased(self.lease, region, change)? {
                return Ok(true);
            }
        }
        own.map_or(Ok(false), |own| self.near.comes_to_changed(own, change))
    }
}

/// Finds what is new to a task.
///
/// `repo` must hold the uncommitted trees of the matrix.
///
/// # Errors
/// When the task's own work, the target or a content cannot be read.
pub fn find(
    repo: &Repo,
    lease: &Lease,
    matrix: &Matrix,
    before: &Told,
    near: &dyn Near,
) -> Result<Found, GitError> {
    let mut finding =
        Finding { repo, matrix, makers: Makers::of(repo), news: Vec::new(), unknown: Vec::new() };
    let own = matrix.parties.iter().position(|party| party.kind == PartyKind::Task(lease.task.clone()));
    let (Some(own), Some(target)) =
        (own, matrix.parties.iter().position(|party| party.kind == PartyKind::Target))
    else {
        return Ok(Found { news: Vec::new(), unknown: Vec::new(), told: before.clone() });
    };
    let mut told = Told::default();
    let own_changes = match &matrix.parties[own].state {
        Ok(standing) => finding.changed(lease, standing)?,
        Err(reason) => {
            finding.unknown.push(format!("{}: {reason}", lease.task));
            BTreeMap::new()
        }
    };
    let interest = Interest { lease, own: own_changes, near };
    told.target = finding.target(own, target, before.target.as_deref(), &interest)?;
    for (place, party) in matrix.parties.iter().enumerate() {
        if party.kind == PartyKind::Checkout {
            let edits = before.edits.get(&party.name).cloned().unwrap_or_default();
            let edits = finding.edits(own, place, party, edits, &interest)?;
            if !edits.is_empty() {
                told.edits.insert(party.name.clone(), edits);
            }
        }
    }
    Ok(Found { news: finding.news, unknown: finding.unknown, told })
}

struct Finding<'a> {
    repo: &'a Repo,
    matrix: &'a Matrix,
    makers: Makers<'a>,
    news: Vec<News>,
    unknown: Vec<String>,
}

impl Finding<'_> {
    /// What the task changed itself, by path.
    fn changed(&self, lease: &Lease, standing: &Standing) -> Result<BTreeMap<BString, Change>, GitError> {
        let Some(target) = self.repo.reference(&lease.target)? else { return Ok(BTreeMap::new()) };
        let Some(base) = self.repo.merge_base(standing.head, target)? else { return Ok(BTreeMap::new()) };
        let base = self.repo.commit(base)?.tree;
        let changes = self.repo.changes_between(Some(base), standing.tree)?;
        Ok(changes.into_iter().map(|change| (change.path.clone(), change)).collect())
    }

    /// What the target got that the task has not.
    fn target(
        &mut self,
        own: usize,
        target: usize,
        before: Option<&str>,
        interest: &Interest<'_>,
    ) -> Result<Option<String>, GitError> {
        let party = &self.matrix.parties[target];
        let (standing, mine) = match (&party.state, &self.matrix.parties[own].state) {
            (Ok(standing), Ok(mine)) => (standing, mine),
            (Err(reason), _) => {
                self.unknown.push(format!("{}: {reason}", party.name));
                return Ok(before.map(str::to_owned));
            }
            (_, Err(_)) => return Ok(before.map(str::to_owned)),
        };
        let now = Some(standing.head.to_string());
        if self.repo.reaches(mine.head, standing.head)? {
            return Ok(now);
        }
        // What was told and is still an ancestor of the target; else where the histories part.
        let told =
            before.and_then(|hex| Oid::from_hex(hex.as_bytes()).ok()).filter(|oid| self.repo.has(*oid));
        let told = told.filter(|told| self.repo.reaches(standing.head, *told).unwrap_or(false));
        let since = match told {
            Some(told) => Some(told),
            None => self.repo.merge_base(mine.head, standing.head)?,
        };
        let old = since.map(|commit| self.repo.commit(commit)).transpose()?.map(|commit| commit.tree);
        let bases: Vec<Oid> = since.into_iter().collect();
        for change in self.repo.changes_between(old, standing.tree)? {
            let conflicts = self.conflict(own, target, &change.path);
            if conflicts || interest.has(&change)? {
                let by = self.makers.find(standing, &bases, &[&change.path])?;
                self.tell(&change, &party.name, by, conflicts)?;
            }
        }
        Ok(now)
    }

    /// What a person edits and has not committed.
    fn edits(
        &mut self,
        own: usize,
        place: usize,
        party: &Party,
        before: BTreeMap<String, String>,
        interest: &Interest<'_>,
    ) -> Result<BTreeMap<String, String>, GitError> {
        let standing = match &party.state {
            Ok(standing) => standing,
            Err(reason) => {
                self.unknown.push(format!("{}: {reason}", party.name));
                return Ok(before);
            }
        };
        let mut told = BTreeMap::new();
        if standing.uncommitted.is_empty() {
            return Ok(told);
        }
        let head = self.repo.commit(standing.head)?.tree;
        for change in self.repo.changes_between(Some(head), standing.tree)? {
            let conflicts = self.conflict(own, place, &change.path);
            if !conflicts && !interest.has(&change)? {
                continue;
            }
            let path = text::visible(&change.path);
            let content = change.new.map(|(_, oid)| oid.to_string()).unwrap_or_default();
            if before.get(&path) != Some(&content) {
                let by = self.makers.find(standing, &[], &[&change.path])?;
                self.tell(&change, &party.name, by, conflicts)?;
            }
            told.insert(path, content);
        }
        Ok(told)
    }

    fn conflict(&self, one: usize, other: usize, path: &BString) -> bool {
        let (one, other) = (one.min(other), one.max(other));
        let pair = self.matrix.pairs.iter().find(|pair| (pair.one, pair.other) == (one, other));
        pair.is_some_and(|pair| {
            let on_path = pair
                .conflicts
                .iter()
                .any(|conflict| conflict.path == *path || conflict.listed.contains(path));
            pair.verdict == Verdict::Conflict && on_path
        })
    }

    fn tell(
        &mut self,
        change: &Change,
        place: &str,
        by: Option<Maker>,
        conflicts: bool,
    ) -> Result<(), GitError> {
        self.news.push(News {
            path: text::visible(&change.path),
            place: place.to_owned(),
            change: match (change.old, change.new) {
                (None, _) => "added",
                (_, None) => "deleted",
                _ => "changed",
            },
            by,
            conflicts,
            diff: excerpt(self.repo, change.old, change.new)?,
        });
        Ok(())
    }
}
