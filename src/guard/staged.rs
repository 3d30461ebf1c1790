//! Judging what is about to be committed.

use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::git::Oid;

use super::Bench;
use super::GuardError;
use super::commits::Published;

impl Bench<'_> {
    /// Judges the staged changes. With a merge under way (`merging`: the commits being merged), what published work
    /// brings unchanged is not judged.
    ///
    /// # Errors
    /// The staged paths that somebody else holds; or when the index cannot be read.
    pub fn judge_staged(
        &self,
        actor: &Actor,
        merging: &[Oid],
        published: &Published,
    ) -> Result<Judgement, GuardError> {
        let mut staged = self.repo.staged()?;
        if !merging.is_empty() {
            let mut brought = Vec::new();
            for commit in merging {
                if self.repo.has(*commit) && published.has_commit(self, *commit)? {
                    let tree = self.repo.commit(*commit)?.tree;
                    brought.push(self.repo.changes_between(None, tree)?);
                }
            }
            staged.retain(|change| {
                let same = |theirs: &Vec<crate::git::diff::Change>| {
                    let found = theirs.binary_search_by(|other| other.path.cmp(&change.path));
                    match found {
                        Ok(place) => theirs[place].new == change.new,
                        Err(_) => change.new.is_none(),
                    }
                };
                !brought.iter().any(same)
            });
        }
        let paths: Vec<&[u8]> = staged.iter().map(|change| change.path.as_slice()).collect();
        self.judge(actor, &paths, merging)
    }
}
