//! Judging commits, each by its own changes.

use std::collections::BTreeMap;

use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::diff::OwnChanges;
use crate::git::error::GitError;

use super::Bench;
use super::GuardError;

/// What counts as published: judged by whoever published it, and not again.
#[derive(Debug, Clone, Default)]
pub struct Published(pub Vec<Oid>);

impl Published {
    pub(super) fn has_commit(&self, bench: &Bench<'_>, commit: Oid) -> Result<bool, GitError> {
        for tip in &self.0 {
            if bench.repo.has(*tip) && bench.repo.reaches(*tip, commit)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Bench<'_> {
    /// Judges each of these commits as the work of `actor`, unless it belongs to a task.
    ///
    /// # Errors
    /// The first commit that writes into a region of somebody else.
    pub fn judge_commits(
        &self,
        actor: &Actor,
        commits: &[Oid],
        published: &Published,
    ) -> Result<Judgement, GuardError> {
        let mut all = Judgement::default();
        // A task's fence is checked even when nothing is left to judge.
        self.leases.about(&[], &actor.tasks())?.judge(actor, [], self.commons, self.now)?;
        for commit in commits {
            let judgement = self.judge_commit(actor, *commit, published)?;
            all.free.extend(judgement.free);
            all.expired.extend(judgement.expired);
            all.parked.extend(judgement.parked);
        }
        Ok(all)
    }

    fn judge_commit(
        &self,
        actor: &Actor,
        commit: Oid,
        published: &Published,
    ) -> Result<Judgement, GuardError> {
        match self.repo.own_changes(commit)? {
            OwnChanges::Ordinary(changes) => {
                let parent = self.repo.commit(commit)?.parents.first().copied();
                self.judge(actor, &changes.iter().collect::<Vec<_>>(), parent, &[commit])
            }
            OwnChanges::Merge { parents, from_first, .. } => {
                let judgement = self.judge_merge(actor, &from_first, &parents, Some(commit), published)?;
                self.judge_dropped(actor, commit, &parents, published)?;
                Ok(judgement)
            }
        }
    }

    /// Judges what a merge does to the published work that it brings in: what git itself makes of the two sides passes,
    /// and all else, such as an old version that is kept in place of a newer one, is written by whoever merges.
    fn judge_dropped(
        &self,
        actor: &Actor,
        commit: Oid,
        parents: &[Oid],
        published: &Published,
    ) -> Result<(), GuardError> {
        let [ours, others @ ..] = parents else { return Ok(()) };
        let tree = self.repo.commit(commit)?.tree;
        for other in others {
            if !published.has_commit(self, *other)? || self.is_behind(*other, parents)? {
                continue;
            }
            let dropped = self.repo.changes_between(Some(self.repo.commit(*other)?.tree), tree)?;
            let dropped: Vec<&Change> = dropped.iter().collect();
            if self.judge(actor, &dropped, Some(*other), &[commit]).is_ok() {
                continue;
            }
            let written = match parents {
                [_, _] => match self.made_by_git(*ours, *other, &dropped) {
                    Ok((_, written)) => written,
                    Err(GitError::Unrelated { .. }) => dropped,
                    Err(error) => return Err(error.into()),
                },
                // What git would make of more than two is not known here.
                _ => dropped,
            };
            self.judge(actor, &written, Some(*other), &[commit])?;
        }
        Ok(())
    }

    /// Whether another parent of a merge reaches this one already: then it is no side of its own.
    fn is_behind(&self, parent: Oid, parents: &[Oid]) -> Result<bool, GitError> {
        for other in parents.iter().filter(|other| **other != parent) {
            if self.repo.reaches(*other, parent)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Judges what a merge does to its first parent, each change by the parents that have it just so: what published
    /// work brings is judged no more, a task's own work is the task's, and all else is written by whoever merges.
    pub(super) fn judge_merge(
        &self,
        actor: &Actor,
        changes: &[Change],
        parents: &[Oid],
        merge: Option<Oid>,
        published: &Published,
    ) -> Result<Judgement, GuardError> {
        let [ours, others @ ..] = parents else { return Ok(Judgement::default()) };
        let mut brought = Vec::new();
        for other in others {
            if self.is_behind(*other, parents)? {
                continue;
            }
            let tree = self.repo.commit(*other)?.tree;
            let is_published = published.has_commit(self, *other)?;
            brought.push((*other, is_published, self.repo.changes_between(None, tree)?));
        }
        let mut groups: BTreeMap<Vec<Oid>, Vec<&Change>> = BTreeMap::new();
        for change in changes {
            let having = brought.iter().filter(|(_, _, files)| has(files, change));
            if having.clone().any(|(_, is_published, _)| *is_published) {
                continue;
            }
            groups.entry(having.map(|(other, ..)| *other).collect()).or_default().push(change);
        }
        let mut all = Judgement::default();
        for (mut sources, changes) in groups {
            let by_hand = sources.is_empty();
            sources.extend(merge);
            let mut judged = self.judge(actor, &changes, Some(*ours), &sources);
            if let (true, Err(GuardError::Refused(_)), [theirs]) = (by_hand, &judged, others) {
                // No parent has it so because git made it of both, perhaps.
                judged = match self.made_by_git(*ours, *theirs, &changes) {
                    Ok((automatic, written)) => {
                        let mut judged = self.judge(actor, &written, Some(*ours), &sources);
                        if let (Err(GuardError::Refused(_)), [(_, true, files)]) = (&judged, &brought[..]) {
                            // Settled by hand: what counts is what it does to the published side.
                            let against: Vec<Change> =
                                written.iter().filter_map(|change| since(files, change)).collect();
                            judged = self.judge(
                                actor,
                                &against.iter().collect::<Vec<_>>(),
                                Some(*theirs),
                                &sources,
                            );
                        }
                        let written = judged;
                        if written.is_err() || published.has_commit(self, *theirs)? {
                            written
                        } else {
                            sources.push(*theirs);
                            self.judge(actor, &automatic, Some(*ours), &sources)
                        }
                    }
                    Err(GitError::Unrelated { .. }) => judged,
                    Err(error) => return Err(error.into()),
                };
            }
            let judgement = judged?;
            all.free.extend(judgement.free);
            all.expired.extend(judgement.expired);
            all.parked.extend(judgement.parked);
        }
        Ok(all)
    }
}

impl Bench<'_> {
    /// Parts changes into those that git itself makes of two commits, and those that somebody wrote.
    fn made_by_git<'a>(
        &self,
        ours: Oid,
        theirs: Oid,
        changes: &[&'a Change],
    ) -> Result<(Vec<&'a Change>, Vec<&'a Change>), GitError> {
        let made = self.repo.confirm(None, ours, theirs)?;
        let files = self.repo.changes_between(None, made.tree)?;
        let is_settled =
            |change: &Change| !made.conflicts.iter().any(|conflict| conflict.path == change.path);
        Ok(changes.iter().partition(|change| is_settled(change) && has(&files, change)))
    }
}

/// What a change makes of one of these files, which are sorted by path; nothing when it is just so there.
fn since(files: &[Change], change: &Change) -> Option<Change> {
    let place = files.binary_search_by(|file| file.path.cmp(&change.path)).ok();
    let old = place.and_then(|place| files[place].new);
    (old != change.new).then(|| Change { path: change.path.clone(), old, new: change.new })
}

/// Whether one of these files, which are sorted by path, is what a change leaves; for a deletion, whether there is none.
fn has(files: &[Change], change: &Change) -> bool {
    match files.binary_search_by(|file| file.path.cmp(&change.path)) {
        Ok(place) => files[place].new == change.new,
        Err(_) => change.new.is_none(),
    }
}
