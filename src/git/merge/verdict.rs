//! Verdicts on many merges of one repository: what is read once is read once.

use std::collections::HashMap;

use gix::revision::plumbing::merge_base::Flags;
use gix::revwalk::Graph;
use gix::revwalk::graph::Commit;

use super::Asked;
use super::Merge;
use super::drivers::Drivers;
use super::walk::Stop;
use super::walk::Walk;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::repo::Repo;

/// What holds for all merges of one repository.
pub struct Ground<'r> {
    repo: &'r Repo,
    commits: Option<gix::commitgraph::Graph>,
    settings: Settings,
    /// Why git is asked for every merge.
    all: Option<Asked>,
}

/// What the configuration says about merges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// Whether `merge.renormalize` is set, or to what nobody understands, which is git's to complain about.
    pub renormalized: bool,
    /// Whether `merge.conflictStyle` is not the ordinary one.
    pub styled: bool,
}

impl Settings {
    /// Reads them.
    pub fn of(repo: &Repo) -> Settings {
        let set = repo.gix.config_snapshot().try_boolean("merge.renormalize");
        let renormalized = set.map_or(true, |set| set.unwrap_or(false));
        let styled = repo.config("merge.conflictStyle").is_some_and(|style| style != "merge");
        Settings { renormalized, styled }
    }
}

/// Gives verdicts, one after the other.
pub struct Verdicts<'g> {
    ground: &'g Ground<'g>,
    drivers: Drivers<'g>,
    graph: Option<Graph<'g, 'g, Commit<Flags>>>,
    /// The merged bases of those that have two.
    memory: Memory,
    /// By two bases: the tree of both, if it is known.
    bases: HashMap<[Oid; 2], Option<Oid>>,
}

/// What can be said of a merge without asking git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// What git would say.
    Known(Merge),
    /// Git has to be asked.
    Ask(Asked),
}

/// When so many commits have been seen, forgetting them all costs more than reading some again.
const MANY_COMMITS: usize = 50_000;

impl<'r> Ground<'r> {
    /// Reads what holds for all merges.
    ///
    /// # Errors
    /// When a file of the repository's history cannot be read.
    pub fn of(repo: &'r Repo) -> Result<Ground<'r>, GitError> {
        let settings = Settings::of(repo);
        let replaced = repo
            .gix
            .references()
            .and_then(|refs| Ok(refs.prefixed("refs/replace/")?.next().is_some()))
            .map_err(GitError::gix("look for replaced objects"))?;
        let shallow = repo.gix.is_shallow().map_err(GitError::gix("look for a shallow history"))?;
        let altered = replaced || shallow || repo.common_dir().join("info/grafts").exists();
        let all = match (settings.renormalized, altered) {
            (true, _) => Some(Asked::Renormalized),
            (false, true) => Some(Asked::History),
            (false, false) => None,
        };
        // Without one, or with one that cannot be read, commits are read one by one.
        let commits = repo.gix.commit_graph_if_enabled().unwrap_or_default();
        Ok(Ground { repo, commits, settings, all })
    }

    /// Begins to give verdicts.
    pub fn verdicts(&self) -> Verdicts<'_> {
        let (drivers, memory) = (Drivers::of(self.repo), Memory::over(self.repo));
        Verdicts { ground: self, drivers, graph: None, memory, bases: HashMap::new() }
    }
}

impl Verdicts<'_> {
    /// Whether two commits would merge, with `base` in place of their merge base if given.
    ///
    /// The names are those of the sides in the marks of a conflict. Nothing is written.
    ///
    /// # Errors
    /// [`GitError::Unrelated`] when they have no common history.
    pub fn say(
        &mut self,
        base: Option<Oid>,
        ours: Oid,
        theirs: Oid,
        names: [&str; 2],
    ) -> Result<Said, GitError> {
        if let Some(asked) = self.ground.all {
            return Ok(Said::Ask(asked));
        }
        let trees = match base {
            Some(base) => self.tree(base).map(Some),
            None => self.base(ours, theirs),
        };
        let trees = trees.and_then(|base| {
            let Some(base) = base else { return Ok(None) };
            Ok(Some([base, self.tree(ours)?, self.tree(theirs)?]))
        });
        match trees {
            Ok(Some(trees)) => Ok(match self.walk(trees, names, false) {
                Ok(merge) => Said::Known(merge),
                Err(Stop::Ask(asked)) => Said::Ask(asked),
                Err(Stop::Failed(error)) => unreadable(&error),
            }),
            Ok(None) => Ok(Said::Ask(Asked::Bases)),
            Err(error @ GitError::Unrelated { .. }) => Err(error),
            Err(error) => Ok(unreadable(&error)),
        }
    }

    fn walk(&mut self, trees: [Oid; 3], names: [&str; 2], keep: bool) -> Result<Merge, Stop> {
        let mut walk = Walk {
            repo: self.memory.repo(),
            drivers: &mut self.drivers,
            labels: names.map(str::as_bytes),
            styled: self.ground.settings.styled,
            keep,
        };
        walk.merge(trees)
    }

    /// The tree to merge from; nothing when only git can tell what several bases are together.
    fn base(&mut self, ours: Oid, theirs: Oid) -> Result<Option<Oid>, GitError> {
        match self.bases(ours, theirs)?.as_slice() {
            [] => Err(GitError::Unrelated { ours, theirs }),
            [base] => self.tree(*base).map(Some),
            [one, other] => self.both([*one, *other]),
            _ => Ok(None),
        }
    }

    /// Two bases as one, if they merge without conflict: then it is the same tree for git, which merges them too.
    fn both(&mut self, mut bases: [Oid; 2]) -> Result<Option<Oid>, GitError> {
        bases.sort();
        if let Some(known) = self.bases.get(&bases) {
            return Ok(*known);
        }
        let [one, other] = bases;
        let tree = match self.base(one, other) {
            Ok(Some(base)) => match self.walk([base, self.tree(one)?, self.tree(other)?], ["", ""], true) {
                Ok(merge) => merge.is_clean().then_some(merge.tree),
                Err(Stop::Ask(_)) => None,
                Err(Stop::Failed(error)) => return Err(error),
            },
            // Without a common history git takes an empty tree for their base.
            Ok(None) | Err(GitError::Unrelated { .. }) => None,
            Err(error) => return Err(error),
        };
        self.bases.insert(bases, tree);
        Ok(tree)
    }

    fn bases(&mut self, ours: Oid, theirs: Oid) -> Result<Vec<Oid>, GitError> {
        let gix = &self.ground.repo.gix;
        drop(self.graph.take_if(|graph| graph.len() > MANY_COMMITS));
        let graph = self.graph.get_or_insert_with(|| gix.revision_graph(self.ground.commits.as_ref()));
        let bases = gix
            .merge_bases_many_with_graph(ours, &[theirs], graph)
            .map_err(GitError::gix("find the merge base"))?;
        Ok(bases.into_iter().map(|base| base.detach()).collect())
    }

    fn tree(&self, commit: Oid) -> Result<Oid, GitError> {
        let doing = || GitError::gix(format!("read commit {commit}"));
        let found = self.ground.repo.gix.find_commit(commit).map_err(doing())?;
        Ok(found.tree_id().map_err(doing())?.detach())
    }
}

fn unreadable(error: &GitError) -> Said {
    tracing::debug!(%error, "git is asked for the merge");
    Said::Ask(Asked::Unreadable)
}
