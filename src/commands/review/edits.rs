//! Uncommitted edits in the target's checkout that are in the way of a landing: they go along, and stay uncommitted.
//!
//! What conflicts between the two commits is decided first; what would land then is merged with the edits, and what
//! conflicts there is decided like all else, with the edits as ours. Neither index nor file is touched before the landing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::holder::HolderKind;
use crate::domain::lease::Lease;
use crate::domain::review::Choice;
use crate::domain::review::ItemId;
use crate::domain::review::steps::StepKind;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::checkout::Carry;
use crate::git::error::GitError;
use crate::git::live::Uncommitted;
use crate::git::repo::Repo;
use crate::ledger::reviews::Step;
use crate::merge::makers::Maker;
use crate::merge::review::Reviewing;
use crate::merge::sides::Sides;
use crate::merge::strategy::Rules;

use super::super::deciding::Carried;
use super::super::facts::Known;
use super::super::land;
use super::super::session::Session;
use super::desk::Desk;
use super::desk::File;
use super::desk::Spot;
use super::error::DeskError;
use super::lost;
use super::opening;

/// Uncommitted edits that go along.
pub struct Edits {
    /// Whose they are: the checkout.
    pub checkout: PathBuf,
    /// The paths that they are at.
    pub paths: Vec<Uncommitted>,
    /// A commit of them, on top of the target.
    pub before: Oid,
    repo: Repo,
    /// A commit of what would land.
    landed: Oid,
    marked: Oid,
}

impl Edits {
    /// Who made what is at a path.
    pub fn maker(&self, path: &BString) -> Option<Maker> {
        let edit = self.paths.iter().find(|one| one.path == *path)?;
        Some(Maker::Uncommitted { staged: edit.staged, untracked: edit.untracked })
    }
}

/// What was decided between the two commits, by which the edits are looked at.
pub(super) type Choices = BTreeMap<ItemId, Choice>;

impl Desk<'_> {
    /// What was decided between the two commits; nothing while something of that is open.
    fn choices(&self) -> Option<Choices> {
        let committed = self.spots().filter(|spot| !self.files[spot.file].is_edits);
        let choice = |spot: Spot| {
            Some((self.item(spot).id.clone(), self.resolution(spot).map(|one| one.choice.clone())?))
        };
        committed.map(choice).collect()
    }

    /// Whether uncommitted edits are to be looked at anew, because all else is decided, or decided otherwise.
    pub fn is_behind(&self) -> bool {
        self.stored.review.with_edits && self.choices().is_some_and(|now| self.looked.as_ref() != Some(&now))
    }

    /// Whether there is more to decide once what conflicts between the two commits is.
    pub fn has_more(&self) -> bool {
        self.stored.review.with_edits && self.looked.is_none()
    }

    /// Puts the uncommitted edits that are in the way on the desk, as they are now.
    ///
    /// # Errors
    /// When they cannot be read, or cannot go along.
    pub fn look_at_edits(&mut self) -> Result<(), Failure> {
        self.files.retain(|file| !file.is_edits);
        self.renamed = lost::renamed(&self.files);
        (self.edits, self.looked) = (None, None);
        let Some(choices) = self.choices().filter(|_| self.stored.review.with_edits) else { return Ok(()) };
        let target = self.stored.review.ours;
        let landed = would_land(&self.repo, target, self.result()?)?;
        let found = in_the_way(self.session, &self.lease, target, landed)?;
        let before = match &found {
            Some((repo, paths)) => Some(repo.commit_of_edits(target, &names(paths))?),
            None => None,
        };
        if self.stored.review.edits != before {
            let who = self.who.clone();
            let about = before.map_or("without edits".to_owned(), |edits| {
                format!("to the edits {}", edits.to_hex_with_len(10))
            });
            let step = Step { kind: StepKind::Move, item: None, by: &who, at: self.clock.now(), about };
            self.stored = self.stored.clone().edited(&self.session.repo, before, None, step)?;
        }
        if let (Some((repo, paths)), Some(before)) = (found, before) {
            self.open_edits(repo, paths, before, landed)?;
        }
        self.looked = Some(choices);
        Ok(())
    }

    fn open_edits(
        &mut self,
        repo: Repo,
        paths: Vec<Uncommitted>,
        before: Oid,
        landed: Oid,
    ) -> Result<(), Failure> {
        let checkout = repo.need_checkout()?.to_owned();
        let facts = Known::of(self.session, &repo, &self.lease, landed, before);
        // No rule decides about what a person has not even committed.
        let rules = Rules::default();
        let settling = opening::settling(
            &repo,
            Sides::TargetFirst,
            (landed, before),
            &rules,
            &facts,
            &self.stored.review.resolutions,
        );
        let merge = repo.confirm(None, before, landed)?;
        let (reviewing, opened) = settling.open(&merge)?;
        let marked = reviewing.marked;
        let person = self.session.person()?;
        let owner = Some(person).filter(|person| self.session.policy.review.confirm.asks(person));
        for opened in opened {
            let owners = vec![owner.clone(); opened.items.len()];
            self.files.push(File { opened, owners, is_edits: true });
        }
        self.renamed = lost::renamed(&self.files);
        drop(facts);
        self.edits = Some(Edits { checkout, paths, before, repo, landed, marked });
        Ok(())
    }

    /// The merge that a file's conflict is of, if it is with uncommitted edits.
    pub(super) fn reviewing_edits(&self, file: usize) -> Option<Reviewing<'_>> {
        let edits = self.edits.as_ref().filter(|_| self.files.get(file).is_some_and(|file| file.is_edits))?;
        let Edits { repo, before, landed, marked, .. } = edits;
        Some(Reviewing { repo, sides: Sides::TargetFirst, ours: *before, theirs: *landed, marked: *marked })
    }

    /// What goes along with the landing, written down in the review first, so that a kill loses none of it.
    ///
    /// # Errors
    /// When something is open, or it is not a person who asks.
    pub(super) fn carry(&mut self) -> Result<Option<Carried>, Failure> {
        let Some(edits) = &self.edits else { return Ok(None) };
        if self.who.kind() != HolderKind::Human {
            return Err(DeskError::NotAPerson(edits.checkout.clone()).into());
        }
        let Edits { checkout, paths, before, repo, landed, .. } = edits;
        let facts = Known::of(self.session, repo, &self.lease, *landed, *before);
        let (rules, resolutions) = (Rules::default(), &self.stored.review.resolutions);
        let settling =
            opening::settling(repo, Sides::TargetFirst, (*landed, *before), &rules, &facts, resolutions);
        let settled = settling.settle(repo.confirm(None, *before, *landed)?)?;
        if !settled.left.is_empty() {
            let paths: Vec<String> =
                settled.left.iter().map(|left| text::visible(&left.conflict.path)).collect();
            return Err(DeskError::Open { task: self.lease.task.clone(), open: paths.len(), paths }.into());
        }
        let message = b"uncommitted edits, on top of what lands\n".as_bstr();
        let parents = [*landed, *before];
        let after = repo.write_commit(settled.tree, &parents, message, Timestamp::UNIX_EPOCH)?;
        let carried = Carried {
            checkout: checkout.clone(),
            old: self.stored.review.ours,
            tree: repo.commit(*landed)?.tree,
            carry: Carry { before: *before, after },
            paths: names(paths),
        };
        let (who, before) = (self.who.clone(), *before);
        let about = format!("the edits to {}", after.to_hex_with_len(10));
        let step = Step { kind: StepKind::Move, item: None, by: &who, at: self.clock.now(), about };
        drop(facts);
        self.stored = self.stored.clone().edited(&self.session.repo, Some(before), Some(after), step)?;
        Ok(Some(carried))
    }

    /// What a file's conflict is about, in words.
    pub fn why(&self, file: usize) -> String {
        let file = &self.files[file];
        let kind = &file.opened.conflict.kind;
        if file.is_edits { format!("ours is not committed; {kind}") } else { kind.to_string() }
    }

    /// What ours is called in a file: the target, or the edits in its checkout.
    pub fn ours_name(&self, file: usize) -> &str {
        if self.files[file].is_edits { "the checkout" } else { self.target() }
    }
}

/// A commit of what would land, on top of the target.
pub(super) fn would_land(repo: &Repo, target: Oid, tree: Oid) -> Result<Oid, GitError> {
    repo.write_commit(tree, &[target], b"what would land\n".as_bstr(), Timestamp::UNIX_EPOCH)
}

/// The checkout that shows the target, with its edits that the landing would touch.
pub(super) fn in_the_way(
    session: &Session,
    lease: &Lease,
    target: Oid,
    landed: Oid,
) -> Result<Option<(Repo, Vec<Uncommitted>)>, Failure> {
    let mut found = None;
    for worktree in session.repo.worktrees()? {
        if worktree.missing || !worktree.uses(&lease.target) {
            continue;
        }
        let repo = Repo::open(&worktree.path)?;
        let paths = repo.edits_in_the_way(target, landed)?;
        if paths.is_empty() {
            continue;
        }
        let checkout = worktree.path.clone();
        if let Some(operation) = repo.operation_under_way() {
            return Err(DeskError::UnderWay { checkout, operation: operation.to_owned() }.into());
        }
        let apart = |one: &&Uncommitted| one.unmerged || one.staged && (one.unstaged || one.untracked);
        let apart: Vec<String> = paths.iter().filter(apart).map(|one| text::visible(&one.path)).collect();
        if !apart.is_empty() {
            return Err(DeskError::StagedApart { checkout, paths: apart }.into());
        }
        if found.is_some() {
            return Err(DeskError::SeveralCheckouts(land::short(&lease.target).to_owned()).into());
        }
        found = Some((repo, paths));
    }
    Ok(found)
}

fn names(paths: &[Uncommitted]) -> Vec<BString> {
    paths.iter().map(|one| one.path.clone()).collect()
}
