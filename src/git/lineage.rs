//! Commits as walks see them: their parents and their place in an order, which the commit-graph gives quickly.

use gix::objs::CommitRefIter;
use gix::objs::Kind;
use gix::objs::TagRefIter;
use gix::objs::commit::ref_iter::Token;

use super::Oid;
use super::error::GitError;
use super::repo::Repo;

/// A place in the order in which history is walked: children first, as far as that can be told.
///
/// The generation is above those of all parents, and `u32::MAX` outside the commit-graph. Everything that a commit
/// inside it reaches is inside too. The time is what the committer's clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) generation: u32,
    pub(super) time: i64,
}

impl Rank {
    /// The generation of what is not in the commit-graph.
    const OUTSIDE: u32 = u32::MAX;

    /// Whether the generation is known.
    pub(super) fn is_exact(self) -> bool {
        self.generation != Rank::OUTSIDE
    }
}

/// What an object is to a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A commit, or a tag of one.
    Commit(Oid),
    /// A blob or a tree, or a tag of one: no history.
    NoHistory,
    /// Not here, or a tag of what is not here.
    Missing,
}

/// The commits of one repository. Shallow boundaries have no parents; replaced commits are as replaced.
pub(super) struct Lineage<'repo> {
    repo: &'repo Repo,
    graph: Option<gix::commitgraph::Graph>,
    shallow: Option<gix::shallow::Commits>,
}

impl<'repo> Lineage<'repo> {
    /// Opens the commit-graph, if there is one that may be used.
    ///
    /// # Errors
    /// When the commit-graph or the list of shallow commits is broken.
    pub(super) fn of(repo: &'repo Repo) -> Result<Lineage<'repo>, GitError> {
        let shallow =
            repo.gix.shallow_commits().map_err(GitError::gix("read where the shallow history ends"))?;
        // A graph written before the history was cut still knows the parents that are gone.
        let graph = match shallow {
            Some(_) => None,
            None => repo.gix.commit_graph_if_enabled().map_err(GitError::gix("read the commit-graph"))?,
        };
        Ok(Lineage { repo, graph, shallow })
    }

    /// What to start from at an object that somebody named.
    ///
    /// # Errors
    /// When an object is broken.
    pub(super) fn start(&self, oid: Oid) -> Result<Start, GitError> {
        let mut oid = oid;
        loop {
            if self.graph.as_ref().is_some_and(|graph| graph.lookup(oid).is_some()) {
                return Ok(Start::Commit(oid));
            }
            let Some(object) = self.object(oid)? else { return Ok(Start::Missing) };
            match object.kind {
                Kind::Commit => return Ok(Start::Commit(oid)),
                Kind::Tree | Kind::Blob => return Ok(Start::NoHistory),
                Kind::Tag => {
                    let tag = TagRefIter::from_bytes(&object.data, oid.kind());
                    oid = tag.target_id().map_err(GitError::gix(format!("read tag {oid}")))?;
                }
            }
        }
    }

    /// The parents of a commit.
    ///
    /// # Errors
    /// When it is missing, broken or not a commit.
    pub(super) fn parents(&self, oid: Oid) -> Result<Vec<Oid>, GitError> {
        Ok(self.find(oid)?.ok_or(GitError::Missing(oid))?.1)
    }

    /// The place and the parents of a commit; nothing when it is not here.
    ///
    /// # Errors
    /// When it is broken or not a commit.
    pub(super) fn find(&self, oid: Oid) -> Result<Option<(Rank, Vec<Oid>)>, GitError> {
        if let Some(found) = self.in_graph(oid)? {
            return Ok(Some(found));
        }
        let Some(object) = self.object(oid)? else { return Ok(None) };
        let doing = || format!("read commit {oid}");
        let commit = object.try_into_commit().map_err(GitError::gix(doing()))?;
        let mut rank = Rank { generation: Rank::OUTSIDE, time: 0 };
        let mut parents = Vec::new();
        for token in CommitRefIter::from_bytes(&commit.data, oid.kind()) {
            match token.map_err(GitError::gix(doing()))? {
                Token::Parent { id } => parents.push(id),
                Token::Committer { signature } => {
                    // The time only orders the walk; git takes what it cannot read for the oldest too.
                    rank.time = signature.time().map_or(0, |time| time.seconds);
                    break;
                }
                _ => {}
            }
        }
        if self.is_cut(&oid) {
            parents.clear();
        }
        Ok(Some((rank, parents)))
    }

    fn in_graph(&self, oid: Oid) -> Result<Option<(Rank, Vec<Oid>)>, GitError> {
        let Some(graph) = &self.graph else { return Ok(None) };
        let Some(commit) = graph.commit_by_id(oid) else { return Ok(None) };
        let time = i64::try_from(commit.committer_timestamp()).unwrap_or(i64::MAX);
        // Graphs of very old git have no generations: 0 for all.
        let generation = match commit.generation() {
            0 => Rank::OUTSIDE,
            known => known,
        };
        let mut parents = Vec::new();
        for position in commit.iter_parents() {
            let position = position.map_err(GitError::gix(format!("read {oid} in the commit-graph")))?;
            parents.push(graph.id_at(position).to_owned());
        }
        Ok(Some((Rank { generation, time }, parents)))
    }

    fn object(&self, oid: Oid) -> Result<Option<gix::Object<'repo>>, GitError> {
        self.repo.gix.try_find_object(oid).map_err(GitError::gix(format!("read object {oid}")))
    }

    fn is_cut(&self, oid: &Oid) -> bool {
        self.shallow.as_ref().is_some_and(|sorted| sorted.binary_search(oid).is_ok())
    }
}
