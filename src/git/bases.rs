//! Where histories part: the merge bases of many pairs of commits.

use std::collections::HashMap;

use super::Oid;
use super::error::GitError;
use super::repo::Repo;

impl Repo {
    /// The merge bases of each pair, in one walk for all: none where they share no history, several for a criss-cross.
    ///
    /// # Errors
    /// When history is broken on the way.
    pub fn merge_bases(
        &self,
        pairs: impl IntoIterator<Item = (Oid, Oid)>,
    ) -> Result<HashMap<(Oid, Oid), Vec<Oid>>, GitError> {
        let doing = "find the merge bases";
        // Without one, or with one that cannot be read, commits are read one by one.
        let commits = self.gix.commit_graph_if_enabled().unwrap_or_default();
        let mut graph = self.gix.revision_graph(commits.as_ref());
        let mut found = HashMap::new();
        for (one, other) in pairs {
            if found.contains_key(&(one, other)) {
                continue;
            }
            let bases = match one == other {
                true => vec![one],
                false => {
                    let bases = self.gix.merge_bases_many_with_graph(one, &[other], &mut graph);
                    bases.map_err(GitError::gix(doing))?.into_iter().map(gix::Id::detach).collect()
                }
            };
            found.insert((one, other), bases);
        }
        Ok(found)
    }
}
