//! Judging commits, each by its own changes.

use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::git::Oid;
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
        self.book.judge(actor, [], self.commons, self.now)?;
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
        let (paths, sources) = match self.repo.own_changes(commit)? {
            OwnChanges::Ordinary(changes) => {
                (changes.into_iter().map(|change| change.path).collect(), vec![commit])
            }
            OwnChanges::Merge { parents, from_first, by_hand } => {
                let mut sources = vec![commit];
                sources.extend(&parents[1..]);
                let mut foreign = false;
                for parent in &parents[1..] {
                    foreign |= !published.has_commit(self, *parent)?;
                }
                // What is brought in from unpublished work is written here by whoever merges it.
                let paths = if foreign {
                    from_first.into_iter().map(|change| change.path).collect()
                } else {
                    by_hand
                };
                (paths, sources)
            }
        };
        let paths: Vec<&[u8]> = paths.iter().map(|path| path.as_slice()).collect();
        let judged = self.judge(actor, &paths, &sources);
        match judged {
            Err(GuardError::Refused(_))
                if sources.len() > 1 && self.is_automatic(commit, &sources, published)? =>
            {
                Ok(Judgement::default())
            }
            other => other,
        }
    }

    /// Whether a merge of published work is just what git makes of its parents, with nothing done by hand.
    fn is_automatic(&self, commit: Oid, sources: &[Oid], published: &Published) -> Result<bool, GitError> {
        for parent in &sources[1..] {
            if !published.has_commit(self, *parent)? {
                return Ok(false);
            }
        }
        let merge = self.repo.commit(commit)?;
        let [ours, theirs] = merge.parents[..] else { return Ok(false) };
        let made = self.repo.merge(None, ours, theirs)?;
        Ok(made.conflicts.is_empty() && made.tree == merge.tree)
    }
}
