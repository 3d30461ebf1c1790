//! Judging a push where it arrives: all of its refs at once, each refusal with its reason.
//!
//! # The rule
//!
//! A commit may write into a region if, at the end of the push, nobody else holds it. The leases are those of the
//! ledger as it will be after the push, because a landing moves the target and ends its lease at once; whatever the
//! push does to the ledger was judged before ([`crate::domain::transition`]). Whose a commit is:
//!
//! 1. On a task's branch: the task's, which must be live, or have been until this very push, and be the pusher's.
//! 2. On a target, between the two commits that a landing in this push names: that task's, under the lease as it was
//!    before the landing ended it. Work of another task that has not landed does not land with it.
//! 3. Reached by a live task's branch: that task's, whoever merges it; but an agent that is known to push brings
//!    nothing to its target that no landing in the push names, wherever the commits come from.
//! 4. All else: the pusher's. Known by name, that is whoever holds leases under the names that the pusher may act for;
//!    known by fences, the tasks that these are of; not known, a person who holds nothing.
//!
//! Unlike in a checkout, a lease that expired still stands: nobody here could park it first. Commits are judged that are
//! new to the server, and on a target those new to it: what reaches a target is written there, whatever branch it
//! was on before. A target that goes back undoes what it had, and that is judged as a write too.

mod names;

use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::base::clock::Timestamp;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::holder::Holder;
use crate::domain::holder::HolderKind;
use crate::domain::judge::Actor;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::lease::Phase;
use crate::domain::refused::Obstacle;
use crate::domain::refused::Refused;
use crate::domain::region::RegionSet;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::error::GitError;
use crate::git::repo::Repo;

use super::Bench;
use super::GuardError;
use super::commits::Published;

/// One ref that a push moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its full name.
    pub name: String,
    /// Its value on the server.
    pub old: Option<Oid>,
    /// Its value afterwards; nothing when it goes.
    pub new: Option<Oid>,
}

/// A landing that a push tells of.
#[derive(Debug, Clone)]
pub struct Landing {
    /// The lease that ends by it.
    pub lease: Lease,
    /// The target before.
    pub from: Oid,
    /// The target afterwards.
    pub commit: Oid,
}

/// Who pushes, as far as the server can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pusher {
    /// Nothing is known.
    Unknown,
    /// The push carries the fences of these tasks.
    Fences(Vec<(TaskName, Fence)>),
    /// The server knows the name.
    Named {
        /// The name.
        name: String,
        /// The holders that it may act for beside the one of its own name.
        holders: Vec<String>,
    },
}

/// The name that stands for every holder.
pub const EVERYBODY: &str = "*";

impl Pusher {
    /// Whether the pusher may act for a holder; nothing when that is not known.
    pub fn acts_for(&self, holder: &Holder) -> Option<bool> {
        match self {
            Pusher::Unknown | Pusher::Fences(_) => None,
            Pusher::Named { name, holders } => {
                let fits = |known: &String| known == holder.name() || known == EVERYBODY;
                Some(name == holder.name() || holders.iter().any(fits))
            }
        }
    }

    /// Whether the pusher may write as a lease's task; nothing when that is not known.
    fn owns(&self, lease: &Lease) -> Option<bool> {
        match self {
            Pusher::Fences(known) => Some(known.contains(&(lease.task.clone(), lease.fence))),
            Pusher::Unknown | Pusher::Named { .. } => self.acts_for(&lease.holder),
        }
    }
}

/// Why one ref may not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The ref.
    pub name: String,
    /// Why, in a sentence for each line.
    pub why: String,
}

/// Everything that is known of a push.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The repository that it arrives in, with what it brings.
    pub repo: &'a Repo,
    /// Its refs.
    pub refs: &'a [Moved],
    /// The leases before it.
    pub before: &'a LeaseBook,
    /// The leases after it.
    pub after: &'a LeaseBook,
    /// The landings among what it does to the ledger.
    pub landings: &'a [Landing],
    /// Who pushes.
    pub pusher: &'a Pusher,
    /// What all may change.
    pub commons: &'a RegionSet,
    /// The time.
    pub now: Timestamp,
}

const OURS: &str = "refs/odyssey/";

/// How many commits a refusal lists.
const SHOWN: usize = 5;

impl Push<'_> {
    /// Judges all refs but the ledger's own.
    ///
    /// # Errors
    /// When something cannot be read: what cannot be judged does not pass.
    pub fn judge(&self) -> Result<Vec<Refusal>, GitError> {
        let mut refusals = Vec::new();
        let mut moved = Vec::new();
        for one in self.refs {
            match self.refused_by_name(one)? {
                Some(why) => refusals.push(Refusal { name: one.name.clone(), why }),
                None if one.new.is_some() && !one.name.starts_with(OURS) => moved.push(one),
                None => {}
            }
        }
        let idle = self.before.leases().is_empty() && self.after.leases().is_empty();
        if !idle && !moved.is_empty() {
            self.judge_commits(&moved, &mut refusals)?;
        }
        Ok(refusals)
    }

    /// The landings whose commit the target will not have after the push.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn without_target(&self) -> Result<Vec<&Landing>, GitError> {
        let mut missing = Vec::new();
        for landing in self.landings {
            let target = &landing.lease.target;
            let moved = self.refs.iter().find(|one| one.name == *target).map(|one| one.new);
            let tip = match moved {
                Some(new) => new,
                None => self.repo.reference(target)?,
            };
            let landed = match tip.filter(|_| self.repo.has(landing.commit)) {
                Some(tip) => self.repo.reaches(tip, landing.commit)?,
                None => false,
            };
            if !landed {
                missing.push(landing);
            }
        }
        Ok(missing)
    }

    fn judge_commits(&self, moved: &[&Moved], refusals: &mut Vec<Refusal>) -> Result<(), GitError> {
        let targets: BTreeSet<&str> = self
            .before
            .leases()
            .iter()
            .chain(self.after.leases())
            .map(|lease| lease.target.as_str())
            .collect();
        let mut known = Vec::new();
        let mut landed_on = Vec::new();
        for (name, tip) in self.repo.references("refs/")? {
            if targets.contains(name.as_str()) {
                landed_on.push(tip);
            }
            if !name.starts_with(OURS) {
                known.push(tip);
            }
        }
        let tasks: Vec<Option<Lease>> = moved.iter().map(|one| self.task_of(&one.name)).collect();
        let is_target: Vec<bool> = moved.iter().map(|one| targets.contains(one.name.as_str())).collect();
        // Targets are walked on their own; with nothing beside them, that is all.
        let alone = is_target.iter().all(|target| *target);
        let tips: Vec<Oid> = moved.iter().filter(|_| !alone).filter_map(|one| one.new).collect();
        let new = New::of(self.repo, &tips, &known)?;
        let mut found: Vec<Vec<String>> = vec![Vec::new(); moved.len()];
        let mut books = Books { lands: false, of: HashMap::new() };
        for commit in &new.commits {
            let on = new.on(commit);
            // What is new to a target is judged there, and is a part of what is new to it.
            if !on.is_empty() && on.iter().all(|place| is_target[*place]) {
                continue;
            }
            let owners: Vec<&Lease> = on.iter().filter_map(|place| tasks[*place].as_ref()).collect();
            if let Some(why) = self.refused(*commit, &owners, &new, &mut books)? {
                for (place, found) in found.iter_mut().enumerate() {
                    // What cannot be told apart is everybody's.
                    if on.is_empty() || on.contains(&place) && !is_target[place] {
                        found.push(why.clone());
                    }
                }
            }
        }
        for (place, one) in moved.iter().enumerate().filter(|(place, _)| is_target[*place]) {
            // What reaches a target is written there, though another target has it.
            let known = one.old.map_or_else(|| landed_on.clone(), |old| vec![old]);
            found[place].extend(self.judge_target(one, &known, &new, &tasks)?);
        }
        for (one, mut why) in moved.iter().zip(found).filter(|(_, why)| !why.is_empty()) {
            let more = why.len().saturating_sub(SHOWN);
            why.truncate(SHOWN);
            if more > 0 {
                why.push(format!("and {} more", text::count(more, "commit")));
            }
            refusals.push(Refusal { name: one.name.clone(), why: why.join("\n") });
        }
        Ok(())
    }

    /// The lease whose branch this is, as it may write in this push.
    fn task_of(&self, name: &str) -> Option<Lease> {
        let of = |book: &LeaseBook| book.leases().iter().find(|lease| lease.branch() == Some(name)).cloned();
        of(self.after).or_else(|| of(self.before))
    }

    fn judge_target(
        &self,
        one: &Moved,
        known: &[Oid],
        pushed: &New,
        tasks: &[Option<Lease>],
    ) -> Result<Vec<String>, GitError> {
        let mut found = Vec::new();
        let Some(tip) = one.new else { return Ok(found) };
        if let Some(old) = one.old
            && !self.repo.reaches(tip, old)?
        {
            let (was, is) = (self.repo.commit(old)?.tree, self.repo.commit(tip)?.tree);
            let undone = self.repo.changes_between(Some(was), is)?;
            let undone: Vec<&Change> = undone.iter().collect();
            let bench = self.bench(self.after, false);
            if let Err(error) = bench.judge(&self.person(), &undone, Some(old), &[]) {
                found.push(format!("it goes back, and undoes what is there:\n{}", self.reason(error)?));
            }
        }
        let new = New::of(self.repo, &[tip], known)?;
        let mut books = [false, true].map(|lands| Books { lands, of: HashMap::new() });
        let mut landed: HashMap<Oid, &Lease> = HashMap::new();
        for landing in self.landings.iter().filter(|landing| landing.lease.target == one.name) {
            if self.repo.has(landing.commit) {
                let known: Vec<Oid> = known.iter().copied().chain([landing.from]).collect();
                for commit in self.repo.new_commits(&[landing.commit], &known)? {
                    landed.entry(commit).or_insert(&landing.lease);
                }
            }
        }
        if new.commits.iter().any(|commit| !landed.contains_key(commit)) {
            let live = self.before.leases().iter().chain(self.after.leases());
            let own: BTreeSet<&TaskName> =
                live.filter(|lease| self.is_own_agent(lease, &one.name)).map(|lease| &lease.task).collect();
            found.extend(own.into_iter().map(|task| {
                format!("{task} may not move it itself: its work lands together with the ledger")
            }));
        }
        for commit in &new.commits {
            let why = match landed.get(commit) {
                Some(lease) => self.refused(*commit, &[lease], &new, &mut books[1])?,
                None => {
                    let on = pushed.on(commit).iter();
                    let owners: Vec<&Lease> = on.filter_map(|place| tasks[*place].as_ref()).collect();
                    self.refused(*commit, &owners, &new, &mut books[0])?
                }
            };
            found.extend(why);
        }
        Ok(found)
    }

    /// Whether a lease is that of the agent that pushes, and is to land on this branch.
    fn is_own_agent(&self, lease: &Lease, target: &str) -> bool {
        let pushes = match self.pusher {
            Pusher::Unknown => false,
            Pusher::Fences(_) => self.pusher.owns(lease) == Some(true),
            Pusher::Named { name, .. } => name == lease.holder.name(),
        };
        pushes && lease.holder.kind() == HolderKind::Agent && lease.target == target
    }

    /// Why a commit may not be, as the work of any of these tasks; without one, of the pusher.
    fn refused(
        &self,
        commit: Oid,
        owners: &[&Lease],
        new: &New,
        books: &mut Books,
    ) -> Result<Option<String>, GitError> {
        let parents = self.repo.commit(commit)?.parents;
        let published = parents.into_iter().filter(|parent| !new.is_new(parent)).collect();
        let published = Published(published);
        let mut refused = None;
        for owner in owners {
            let actor = Actor::Task(owner.task.clone(), owner.fence);
            let lands = books.lands;
            let bench = self.bench(books.with(owner, self.after), lands);
            match bench.judge_commits(&actor, &[commit], &published) {
                Ok(_) => return Ok(None),
                Err(error) => refused = Some(error),
            }
        }
        if owners.is_empty() {
            let bench = self.bench(self.after, false);
            refused = bench.judge_commits(&self.person(), &[commit], &published).err();
        }
        let Some(error) = refused else { return Ok(None) };
        let why = self.reason(error)?;
        Ok(Some(format!("commit {} may not be:\n{why}", commit.to_hex_with_len(10))))
    }

    /// The bench at which no lease has expired.
    fn bench<'b>(&'b self, book: &'b LeaseBook, lands: bool) -> Bench<'b> {
        Bench { repo: self.repo, leases: book, commons: self.commons, now: Timestamp::MIN, lands }
    }

    /// Whoever pushes, where no task's branch or landing says more.
    fn person(&self) -> Actor {
        let own = |lease: &&Lease| self.pusher.owns(lease) == Some(true);
        let own = self.after.leases().iter().filter(own);
        Actor::Person(own.map(|lease| (lease.task.clone(), lease.fence)).collect())
    }

    fn reason(&self, error: GuardError) -> Result<String, GitError> {
        let obstacles = match error {
            GuardError::Refused(Refused::Trespass(obstacles)) => obstacles,
            GuardError::Leases(error) => return Ok(format!("  {error}")),
            GuardError::Refused(refused) => return Ok(format!("  {refused}")),
            GuardError::Git(error) => return Err(error),
        };
        let line = |obstacle: &Obstacle| {
            // The bench has no clock, so the time that is left is told by the real one.
            let lease = self.after.get(&obstacle.task);
            let told = lease.map(|lease| {
                Obstacle::new(obstacle.asked.clone(), obstacle.region.clone(), lease, self.now).line()
            });
            format!("  {}", told.unwrap_or_else(|| obstacle.line()))
        };
        let mut lines: Vec<String> = obstacles.iter().take(SHOWN).map(line).collect();
        if obstacles.len() > SHOWN {
            lines.push(format!("  and {} more", text::count(obstacles.len() - SHOWN, "path")));
        }
        Ok(lines.join("\n"))
    }
}

/// The leases by which the work of one task after the other is judged.
struct Books {
    lands: bool,
    of: HashMap<TaskName, LeaseBook>,
}

impl Books {
    /// The leases after the push, with that of one task as it was while it could write.
    fn with<'b>(&'b mut self, owner: &Lease, after: &'b LeaseBook) -> &'b LeaseBook {
        let standing = after.get(&owner.task);
        if standing.is_some_and(|lease| lease.is_active() && lease.fence == owner.fence) {
            return after;
        }
        let active = || Lease { phase: Phase::Active, ..owner.clone() };
        self.of.entry(owner.task.clone()).or_insert_with(|| after.with(&[active()], &[]))
    }
}

/// The commits that are new, and which of the tips reach each.
struct New {
    /// Children first.
    commits: Vec<Oid>,
    on: HashMap<Oid, BTreeSet<usize>>,
}

impl New {
    fn of(repo: &Repo, tips: &[Oid], known: &[Oid]) -> Result<New, GitError> {
        let commits = repo.new_commits(tips, known)?;
        let mut on: HashMap<Oid, BTreeSet<usize>> =
            commits.iter().map(|commit| (*commit, BTreeSet::new())).collect();
        for (place, tip) in tips.iter().enumerate() {
            // A tag's commit is reached by the tag.
            let tip = repo.commit_named(&tip.to_string()).unwrap_or(*tip);
            if let Some(places) = on.get_mut(&tip) {
                places.insert(place);
            }
        }
        for commit in &commits {
            let places = on.get(commit).cloned().unwrap_or_default();
            for parent in repo.commit(*commit)?.parents {
                if let Some(theirs) = on.get_mut(&parent) {
                    theirs.extend(&places);
                }
            }
        }
        Ok(New { commits, on })
    }

    fn is_new(&self, commit: &Oid) -> bool {
        self.on.contains_key(commit)
    }

    fn on(&self, commit: &Oid) -> &BTreeSet<usize> {
        static NONE: BTreeSet<usize> = BTreeSet::new();
        self.on.get(commit).unwrap_or(&NONE)
    }
}
