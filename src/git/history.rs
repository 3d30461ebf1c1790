//! History: what is new, what reaches what, where two lines of work parted.

use std::cmp::Reverse;

use gix::hashtable::HashSet;

use super::Oid;
use super::error::GitError;
use super::lineage::Lineage;
use super::lineage::Rank;
use super::lineage::Start;
use super::repo::Repo;
use super::walk::Missing;
use super::walk::Sides;
use super::walk::Walk;

/// How many commits older than all new ones are still visited, where only clocks tell what is older.
///
/// A known commit whose clock was so wrong that it lies deeper than this leaves what it reaches among the new: too
/// many are judged then, never too few. git itself looks 5 deep.
const PATIENCE: usize = 500;

impl Repo {
    /// The commits that `tips` reach and `known` do not, children before parents: `git rev-list tips --not known`.
    ///
    /// Tags stand for their commits. What is in `known` and not in the repository is passed over.
    ///
    /// # Errors
    /// When a tip is missing, or history is broken on the way.
    pub fn new_commits(&self, tips: &[Oid], known: &[Oid]) -> Result<Vec<Oid>, GitError> {
        let lineage = Lineage::of(self)?;
        let tips = starts(self, &lineage, tips)?;
        if tips.is_empty() {
            return Ok(Vec::new());
        }
        let mut excluded = Vec::with_capacity(known.len());
        for oid in known {
            if let Start::Commit(commit) = lineage.start(*oid)? {
                excluded.push(commit);
            }
        }
        let mut walk = Walk::over(lineage, Missing::SkipOnTheRight);
        for commit in excluded {
            walk.start(commit, Sides::RIGHT)?;
        }
        for commit in &tips {
            walk.start(*commit, Sides::LEFT)?;
        }
        let found = walk_to_what_is_new(&mut walk)?;
        Ok(children_first(&walk, &tips, &found))
    }

    /// Whether `tip` is `commit` or a descendant of it.
    ///
    /// # Errors
    /// When either is missing or not a commit, or history is broken on the way.
    pub fn reaches(&self, tip: Oid, commit: Oid) -> Result<bool, GitError> {
        let lineage = Lineage::of(self)?;
        let (tip, commit) = (one(self, &lineage, tip)?, one(self, &lineage, commit)?);
        let mut walk = Walk::over(lineage, Missing::Refuse);
        walk.start(commit, Sides::LEFT)?;
        walk.start(tip, Sides::RIGHT)?;
        let goal = walk.get(&commit).map(|seen| seen.rank);
        while walk.waiting(Sides::RIGHT) > 0 {
            // Only the goal's descendants have a higher generation than it.
            if let (Some(goal), Some(next)) = (goal, walk.next_rank())
                && goal.is_exact()
                && next.generation < goal.generation
            {
                break;
            }
            walk.step()?;
            if walk.get(&commit).is_some_and(|seen| seen.sides.right()) {
                return Ok(true);
            }
        }
        Ok(walk.get(&commit).is_some_and(|seen| seen.sides.right()))
    }

    /// A best common ancestor of two commits; of several the same one each time. Nothing when they share no history.
    ///
    /// # Errors
    /// When either is missing or not a commit, or history is broken on the way.
    pub fn merge_base(&self, one_tip: Oid, other_tip: Oid) -> Result<Option<Oid>, GitError> {
        let lineage = Lineage::of(self)?;
        let (left, right) = (one(self, &lineage, one_tip)?, one(self, &lineage, other_tip)?);
        let mut walk = Walk::over(lineage, Missing::Refuse);
        walk.start(left, Sides::LEFT)?;
        walk.start(right, Sides::RIGHT)?;
        // A best common ancestor is reached from each side through commits of that side only, so none is missed.
        while walk.waiting(Sides::LEFT) + walk.waiting(Sides::RIGHT) > 0 {
            walk.step()?;
        }
        let mut bases: Vec<(Rank, Oid)> = walk
            .all()
            .filter(|(_, seen)| seen.sides == Sides::BOTH && !seen.below_common)
            .map(|(oid, seen)| (seen.rank, *oid))
            .collect();
        bases.sort_by_key(|base| Reverse(*base));
        // Wrong clocks may have left ancestors of others among them.
        let mut best: Option<Oid> = None;
        for (_, base) in bases {
            let better = match best {
                Some(best) => self.reaches(base, best)?,
                None => true,
            };
            if better {
                best = Some(base);
            }
        }
        Ok(best)
    }

    /// How many commits `tip` has that `upstream` has not, and the other way round.
    ///
    /// # Errors
    /// When either is missing or not a commit, or history is broken on the way.
    pub fn ahead_behind(&self, tip: Oid, upstream: Oid) -> Result<(usize, usize), GitError> {
        let lineage = Lineage::of(self)?;
        let (tip, upstream) = (one(self, &lineage, tip)?, one(self, &lineage, upstream)?);
        let ahead = self.new_commits(&[tip], &[upstream])?.len();
        Ok((ahead, self.new_commits(&[upstream], &[tip])?.len()))
    }
}

/// The commits to start from; tips without a history drop out.
fn starts(repo: &Repo, lineage: &Lineage<'_>, tips: &[Oid]) -> Result<Vec<Oid>, GitError> {
    let mut commits = Vec::with_capacity(tips.len());
    for tip in tips {
        // The commit-graph may still list what is gone from the repository.
        let found = if repo.has(*tip) { lineage.start(*tip)? } else { Start::Missing };
        match found {
            Start::Commit(commit) => commits.push(commit),
            Start::NoHistory => {}
            Start::Missing => return Err(GitError::Missing(*tip)),
        }
    }
    Ok(commits)
}

/// The commit that one object stands for.
fn one(repo: &Repo, lineage: &Lineage<'_>, oid: Oid) -> Result<Oid, GitError> {
    starts(repo, lineage, &[oid])?.pop().ok_or_else(|| GitError::NoCommit(oid.to_string()))
}

/// Walks until the left side's own commits are known, and gives them.
fn walk_to_what_is_new(walk: &mut Walk<'_>) -> Result<HashSet<Oid>, GitError> {
    let mut found: HashSet<Oid> = HashSet::default();
    let mut lowest: Option<Rank> = None;
    let mut patience = PATIENCE;
    loop {
        if walk.waiting(Sides::LEFT) == 0 {
            let (Some(lowest), Some(next)) = (lowest, walk.next_rank()) else { break };
            if found.is_empty() || next.generation <= lowest.generation && next.is_exact() {
                // What waits is known, and reaches only what has a lower generation: nothing that was found.
                break;
            }
            if !next.is_exact() && next.time < lowest.time {
                patience -= 1;
                if patience == 0 {
                    break;
                }
            }
        }
        let Some(oid) = walk.step()? else { break };
        let Some(seen) = walk.get(&oid) else { continue };
        if !seen.sides.right() {
            found.insert(oid);
            lowest = Some(lowest.map_or(seen.rank, |lowest| Rank {
                generation: lowest.generation.min(seen.rank.generation),
                time: lowest.time.min(seen.rank.time),
            }));
        } else if found.remove(&oid) {
            // A clock was wrong here: look as deep again.
            patience = PATIENCE;
        }
    }
    // What became known and was not visited again is not new either.
    found.retain(|oid| walk.get(oid).is_some_and(|seen| !seen.sides.right()));
    Ok(found)
}

/// The commits found, each before its parents.
fn children_first(walk: &Walk<'_>, tips: &[Oid], found: &HashSet<Oid>) -> Vec<Oid> {
    let mut parents_first = Vec::with_capacity(found.len());
    let mut entered: HashSet<Oid> = HashSet::default();
    let parents = |oid: &Oid| walk.get(oid).map_or(&[][..], |seen| seen.parents.as_slice());
    for tip in tips {
        if !found.contains(tip) || !entered.insert(*tip) {
            continue;
        }
        // Depth first without recursion: histories are deeper than stacks.
        let mut path = vec![(*tip, parents(tip).iter())];
        while let Some((oid, rest)) = path.last_mut() {
            match rest.next() {
                Some(parent) if found.contains(parent) && entered.insert(*parent) => {
                    path.push((*parent, parents(parent).iter()));
                }
                Some(_) => {}
                None => {
                    parents_first.push(*oid);
                    path.pop();
                }
            }
        }
    }
    parents_first.reverse();
    parents_first
}

#[cfg(test)]
mod tests {
    use super::super::run::Git;
    use super::super::scratch::Checked;
    use super::super::scratch::Files;
    use super::super::scratch::Scratch;
    use super::super::scratch::quiet;
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeSet;

    /// A history to be made: of each commit its parents (numbers of earlier ones) and its date.
    #[derive(Debug, Clone)]
    struct Plan {
        commits: Vec<(Vec<prop::sample::Index>, i64)>,
        clocks_are_right: bool,
        in_graph: usize,
        tips: Vec<prop::sample::Index>,
        known: Vec<prop::sample::Index>,
    }

    fn plans() -> impl Strategy<Value = Plan> {
        let some = |from, to| prop::collection::vec(any::<prop::sample::Index>(), from..to);
        let commits = prop::collection::vec((some(0, 4), 0i64..50), 1..40);
        (commits, any::<bool>(), 0usize..40, some(1, 4), some(0, 5)).prop_map(
            |(commits, clocks_are_right, in_graph, tips, known)| Plan {
                commits,
                clocks_are_right,
                in_graph,
                tips,
                known,
            },
        )
    }

    /// The commits of a plan, and all that each reaches.
    struct History {
        commits: Vec<Oid>,
        reached: Vec<BTreeSet<usize>>,
    }

    impl History {
        fn make(scratch: &Scratch, plan: &Plan, case: usize) -> Checked<History> {
            let tree = scratch.tree(&Files::new())?;
            let mut history = History { commits: Vec::new(), reached: Vec::new() };
            for (number, (parents, date)) in plan.commits.iter().enumerate() {
                let parents: BTreeSet<usize> = match number {
                    0 => BTreeSet::new(),
                    // Near parents make long histories, and any make wide ones.
                    _ => parents.iter().map(|parent| number - 1 - parent.index(number.min(6))).collect(),
                };
                let date = if plan.clocks_are_right { i64::try_from(number)? } else { *date };
                let oids: Vec<Oid> = parents.iter().map(|parent| history.commits[*parent]).collect();
                let message = format!("{case}.{number}");
                history.commits.push(scratch.commit(tree, &oids, 1_700_000_000 + date, &message)?);
                let mut reached: BTreeSet<usize> =
                    parents.iter().flat_map(|parent| history.reached[*parent].iter().copied()).collect();
                reached.insert(number);
                history.reached.push(reached);
            }
            let listed = &history.commits[..plan.in_graph.min(history.commits.len())];
            let listed: String = listed.iter().map(|oid| format!("{oid}\n")).collect();
            scratch.ask(&["commit-graph", "write", "--stdin-commits", "--no-progress"], listed)?;
            Ok(history)
        }

        fn choose(&self, chosen: &[prop::sample::Index]) -> Vec<usize> {
            chosen.iter().map(|index| index.index(self.commits.len())).collect()
        }

        fn oids(&self, numbers: &[usize]) -> Vec<Oid> {
            numbers.iter().map(|number| self.commits[*number]).collect()
        }

        fn reach(&self, numbers: &[usize]) -> BTreeSet<usize> {
            numbers.iter().flat_map(|number| self.reached[*number].iter().copied()).collect()
        }
    }

    fn for_each_plan(cases: u32, check: impl Fn(&Scratch, &Plan, &History) -> Checked) -> Checked {
        let scratch = Scratch::new()?;
        let case = std::cell::Cell::new(0);
        Ok(TestRunner::new(Config::with_cases(cases)).run(&plans(), |plan| {
            case.set(case.get() + 1);
            History::make(&scratch, &plan, case.get())
                .and_then(|history| check(&scratch, &plan, &history))
                .map_err(|error| TestCaseError::fail(error.to_string()))
        })?)
    }

    #[test]
    fn new_commits_are_those_that_git_lists_whatever_the_clocks_said() -> Checked {
        for_each_plan(60, |scratch, plan, history| {
            let (tips, known) = (history.choose(&plan.tips), history.choose(&plan.known));
            let repo = Repo::open(scratch.path())?;
            let told = repo.new_commits(&history.oids(&tips), &history.oids(&known))?;
            let number = |oid: &Oid| history.commits.iter().position(|commit| commit == oid);
            let numbers: Vec<usize> = told.iter().filter_map(number).collect();
            let expected: BTreeSet<usize> =
                history.reach(&tips).difference(&history.reach(&known)).copied().collect();
            assert_eq!(numbers.len(), told.len(), "a commit of nobody");
            assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), expected);
            for (position, parent) in numbers.iter().enumerate() {
                let after = &numbers[position + 1..];
                assert!(!after.iter().any(|child| history.reached[*child].contains(parent)), "{numbers:?}");
            }
            let names = |oids: Vec<Oid>| oids.iter().map(|oid| format!("{oid}\n")).collect::<String>();
            let input = format!("{}--not\n{}", names(history.oids(&tips)), names(history.oids(&known)));
            let answer = String::from_utf8(scratch.ask(&["rev-list", "--stdin"], input)?)?;
            let listed: BTreeSet<&str> = answer.lines().collect();
            let ours: Vec<String> = told.iter().map(Oid::to_string).collect();
            // With wrong clocks git may list known commits as new: it looks only a little further than they say.
            assert!(ours.iter().all(|oid| listed.contains(oid.as_str())));
            assert!(ours.len() == listed.len() || !plan.clocks_are_right);
            Ok(())
        })
    }

    #[test]
    fn ancestors_bases_and_distances_are_exact_whatever_the_clocks_said() -> Checked {
        for_each_plan(40, |scratch, plan, history| {
            let [one, other] = [plan.tips[0], *plan.known.first().unwrap_or(&plan.tips[0])]
                .map(|index| index.index(history.commits.len()));
            let (left, right) = (history.commits[one], history.commits[other]);
            let repo = Repo::open(scratch.path())?;
            assert_eq!(repo.reaches(left, right)?, history.reached[one].contains(&other));
            assert_eq!(repo.reaches(right, left)?, history.reached[other].contains(&one));
            let only = |a: usize, b: usize| history.reached[a].difference(&history.reached[b]).count();
            assert_eq!(repo.ahead_behind(left, right)?, (only(one, other), only(other, one)));
            let names = [left.to_string(), right.to_string()];
            let command = Git::at(scratch.path()).args(["merge-base", "--all", &names[0], &names[1]]);
            let bases = String::from_utf8(quiet(command).answer()?.stdout)?;
            match repo.merge_base(left, right)? {
                Some(base) => assert!(bases.lines().any(|line| base == *line), "{base}: {bases}"),
                None => assert_eq!(bases, ""),
            }
            Ok(())
        })
    }

    #[test]
    fn a_tag_stands_for_its_commit_and_a_tagged_file_for_no_history() -> Checked {
        let scratch = Scratch::new()?;
        let first = scratch.commit_all("one")?;
        let second = scratch.commit_all("two")?;
        scratch.git(&["tag", "-a", "-m", "t", "inner", "HEAD"])?;
        scratch.git(&["tag", "-a", "-m", "t", "outer", "inner"])?;
        let outer: Oid = scratch.line(&["rev-parse", "outer"])?.parse()?;
        let blob = scratch.repo().write_blob(b"file")?;
        let repo = scratch.repo();
        assert_eq!(repo.new_commits(&[outer], &[])?, [second, first]);
        assert!(repo.new_commits(&[second], &[outer])?.is_empty());
        assert_eq!(repo.new_commits(&[blob, second], &[first, blob])?, [second]);
        assert!(repo.reaches(outer, first)?);
        assert_eq!(repo.merge_base(outer, first)?, Some(first));
        assert_eq!(
            repo.reaches(blob, first).map_err(|error| error.to_string()),
            Err(format!("'{blob}' names no commit"))
        );
        Ok(())
    }

    #[test]
    fn a_missing_tip_is_an_error_and_a_missing_known_commit_is_passed_over() -> Checked {
        let scratch = Scratch::new()?;
        let commit = scratch.commit_all("one")?;
        let missing = Oid::from_hex(b"1234567890123456789012345678901234567890")?;
        let repo = scratch.repo();
        assert_eq!(repo.new_commits(&[commit], &[missing])?, [commit]);
        let error = repo.new_commits(&[commit, missing], &[commit]).map_err(|error| error.to_string());
        assert_eq!(error, Err("object 1234567890123456789012345678901234567890 is missing".to_owned()));
        assert!(repo.reaches(missing, commit).is_err());
        assert!(repo.merge_base(commit, missing).is_err());
        Ok(())
    }

    #[test]
    fn history_with_a_hole_is_an_error_where_new_commits_would_hide_in_it() -> Checked {
        let scratch = Scratch::new()?;
        let tree = scratch.tree(&Files::new())?;
        let missing = Oid::from_hex(b"1234567890123456789012345678901234567890")?;
        let above = scratch.commit(tree, &[missing], 1_700_000_000, "above the hole")?;
        let tip = scratch.commit(tree, &[above], 1_700_000_001, "tip")?;
        let repo = scratch.repo();
        let error = repo.new_commits(&[tip], &[]).map_err(|error| error.to_string());
        assert_eq!(error, Err("object 1234567890123456789012345678901234567890 is missing".to_owned()));
        assert!(repo.merge_base(tip, tip).is_ok_and(|base| base == Some(tip)));
        assert_eq!(repo.new_commits(&[tip], &[above])?, [tip]);
        Ok(())
    }

    #[test]
    fn a_shallow_clone_ends_where_it_was_cut() -> Checked {
        let scratch = Scratch::new()?;
        let mut commits = Vec::new();
        for number in 0..5 {
            scratch.write("file", number.to_string())?;
            commits.push(scratch.commit_all("more")?);
        }
        let clone = scratch.cloned(&["--depth", "2"])?;
        let repo = clone.repo();
        let (newest, second) = (commits[4], commits[3]);
        assert_eq!(repo.new_commits(&[newest], &[])?, [newest, second]);
        assert_eq!(repo.new_commits(&[newest], &[commits[0], second])?, [newest]);
        assert!(repo.reaches(newest, second)?);
        // The whole history, cut afterwards: the objects and even the commit-graph are still there.
        let whole = scratch.cloned(&[])?;
        whole.git(&["commit-graph", "write", "--reachable", "--no-progress"])?;
        whole.git(&["fetch", "-q", "--depth", "2"])?;
        let repo = Repo::open(whole.path())?;
        assert!(repo.has(commits[0]), "the cut removed the objects, so this tests nothing");
        assert_eq!(repo.new_commits(&[newest], &[])?, [newest, second]);
        assert!(!repo.reaches(newest, commits[0])?);
        Ok(())
    }
}
