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
        let staged = self.repo.staged()?;
        match self.repo.head()?.commit() {
            Some(head) if !merging.is_empty() => {
                let mut parents = vec![head];
                parents.extend(merging.iter().copied().filter(|commit| self.repo.has(*commit)));
                self.judge_merge(actor, &staged, &parents, None, published)
            }
            head => self.judge(actor, &staged.iter().collect::<Vec<_>>(), head, &[]),
        }
    }
}
