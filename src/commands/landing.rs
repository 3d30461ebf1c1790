//! The landing itself: target, checkouts and ledger move together, or nothing does.

use std::path::Path;
use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::refused::Refused;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::Oid;
use crate::git::checkout::Carry;
use crate::git::checkout::CheckoutLock;
use crate::git::error::GitError;
use crate::git::refs::Expect;
use crate::git::refs::Step;
use crate::git::remote::Move;
use crate::git::repo::Repo;
use crate::ledger::error::LedgerError;
use crate::ledger::intent;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Written;
use crate::ledger::local::LEDGER;
use crate::ledger::remote::Authority;
use crate::ledger::remote_error::leaves_open;
use crate::ledger::state::State;

use super::deciding::Carried;
use super::recover::Recovery;
use super::removal;
use super::session::Session;

/// Why a landing does not happen although the work merges.
#[derive(Debug, thiserror::Error)]
pub enum LandingError {
    /// A person's uncommitted edits are in the way.
    #[error("uncommitted edits in {} are in the way: {}", .checkout.display(), removal::listed(.paths))]
    InTheWay {
        /// The checkout.
        checkout: PathBuf,
        /// The edited paths that the landing would change.
        paths: Vec<BString>,
        /// The task.
        task: TaskName,
    },
    /// The target moved while the work was merged and checked.
    #[error("{0} moved meanwhile")]
    TargetMoved(String),
}

impl Explain for LandingError {
    fn kind(&self) -> Kind {
        match self {
            LandingError::InTheWay { .. } => Kind::Conflict,
            LandingError::TargetMoved(_) => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            LandingError::InTheWay { task, .. } => {
                vec![
                    "nothing was touched; commit these edits (or move them away), then land again".to_owned(),
                    format!("or let them go along, uncommitted: git odyssey review {task} --edits"),
                ]
            }
            LandingError::TargetMoved(_) => vec!["run the same command again".to_owned()],
        }
    }
}

/// The work has landed on the remote, and the target here could not follow.
#[derive(Debug, thiserror::Error)]
#[error("{task} has landed on {remote}, and {target} here could not follow: {why}")]
pub struct Behind {
    remote: String,
    task: TaskName,
    target: String,
    why: String,
}

impl Explain for Behind {
    fn hints(&self) -> Vec<String> {
        vec![
            "it is done there; nothing is lost".to_owned(),
            "when what is in the way is gone, the next command lets it follow: git odyssey doctor --fix"
                .to_owned(),
        ]
    }
}

/// One move of a target that is ready to be made.
pub struct Landing<'a> {
    /// The lease whose work lands.
    pub lease: &'a Lease,
    /// The target's commit that the work was merged with.
    pub old: Oid,
    /// The target's commit afterwards.
    pub new: Oid,
    /// Whether workspace and branch stay.
    pub keep: bool,
    /// Uncommitted edits in one of the checkouts that go along.
    pub carried: Option<&'a Carried>,
    /// What the ledger is told of it beside.
    pub facts: Vec<(&'static str, String)>,
}

/// What a landing has moved.
#[derive(Debug)]
pub struct Moved {
    /// The checkouts that show the target.
    pub checkouts: Vec<PathBuf>,
    /// Files in them, each with its checkout, that somebody edited at that very moment and that were left as they are.
    pub kept: Vec<(PathBuf, BString)>,
    /// The intent, which is done when the workspace is gone too.
    pub written: Written,
}

impl Landing<'_> {
    /// Moves the target, updates the checkouts that show it, and ends the lease.
    ///
    /// # Errors
    /// When uncommitted edits are in the way, the lease was taken over, the target moved, or a hook refused; then
    /// nothing has moved.
    pub fn carry_out(&self, session: &Session) -> Result<Moved, Failure> {
        let mark = format!("git odyssey landing {} fence {}", self.lease.task, self.lease.fence);
        let checkouts = self.checkouts(session)?;
        let intent = Intent::Land {
            task: self.lease.task.clone(),
            fence: self.lease.fence,
            target: self.lease.target.clone(),
            old: self.old.to_string(),
            new: self.new.to_string(),
            checkouts: checkouts.clone(),
            mark: mark.clone(),
            keep: self.keep,
            carried: self.carried.map(|carried| intent::Carried {
                checkout: carried.checkout.clone(),
                before: carried.carry.before.to_string(),
                after: carried.carry.after.to_string(),
            }),
        };
        // Before the locks: a kill between the two would leave a person's checkout locked, and nobody to unlock it.
        let written = Written::begin(&session.ledger().folder(), &intent)?;
        let mut locks = match self.lock_checkouts(&checkouts, &mark) {
            Ok(locks) => locks,
            Err(failure) => {
                written.done()?;
                return Err(failure);
            }
        };
        let mut kept = Vec::new();
        let moved = self.move_target(session, || {
            for (path, lock) in checkouts.iter().zip(&mut locks) {
                let left = lock.apply(self.old, self.new, self.carry(path))?.kept;
                kept.extend(left.into_iter().map(|file| (path.clone(), file)));
            }
            Ok(())
        });
        if let Err(failure) = moved {
            // Before the target has moved nothing has; afterwards the intent stays for the recovery to finish. It stays too
            // when a remote has landed the work, or may have.
            if session.repo.reference(&self.lease.target)? != Some(self.new) {
                drop(locks);
                let there = leaves_open(&failure) || failure.is::<Behind>(|_| true);
                if !there {
                    written.done()?;
                }
            }
            return Err(failure);
        }
        Ok(Moved { checkouts, kept, written })
    }

    /// The edits of a checkout that go along.
    fn carry(&self, checkout: &Path) -> Option<Carry> {
        self.carried.filter(|carried| carried.checkout == checkout).map(|carried| carried.carry)
    }

    /// The checkouts that show the target.
    fn checkouts(&self, session: &Session) -> Result<Vec<PathBuf>, Failure> {
        let worktrees = session.repo.worktrees()?.into_iter();
        let shown = worktrees.filter(|worktree| !worktree.missing && worktree.uses(&self.lease.target));
        Ok(shown.map(|worktree| worktree.path).collect())
    }

    fn lock_checkouts(&self, checkouts: &[PathBuf], mark: &str) -> Result<Vec<CheckoutLock>, Failure> {
        let mut locks = Vec::new();
        for path in checkouts {
            let lock = Repo::open(path)?.lock_checkout(mark)?;
            let paths = lock.in_the_way(self.old, self.new, self.carry(path))?;
            if !paths.is_empty() {
                let (checkout, task) = (path.clone(), self.lease.task.clone());
                return Err(LandingError::InTheWay { checkout, paths, task }.into());
            }
            locks.push(lock);
        }
        Ok(locks)
    }

    fn move_target(
        &self,
        session: &Session,
        update_checkouts: impl FnOnce() -> Result<(), GitError>,
    ) -> Result<(), Failure> {
        if let Some(authority) = &session.authority {
            return self.move_there_and_here(session, authority, update_checkouts);
        }
        let ledger = session.ledger();
        let lock = ledger.lock()?;
        let state = ledger.read()?;
        self.check_fence(&state)?;
        if session.repo.reference(&self.lease.target)? != Some(self.old) {
            return Err(LandingError::TargetMoved(self.lease.target.clone()).into());
        }
        // Invariant 4: the ledger's value is verified in the transaction that moves the target.
        let steps = [
            Step::Verify(LEDGER.to_owned(), Expect::At(state.tip)),
            Step::Update(self.lease.target.clone(), Expect::At(self.old), self.new),
        ];
        session.repo.transact(&steps, &format!("land {}", self.lease.task), &lock)?;
        update_checkouts()?;
        ledger.change_locked(&lock, session.now, |state| -> Result<_, LedgerError> {
            let Lease { task, fence, .. } = self.lease;
            Ok((vec![ended(&state.book, task, *fence, (self.old, self.new), &self.facts)?], ()))
        })?;
        Ok(())
    }

    /// Whether the lease that was read before still stands.
    fn check_fence(&self, state: &State) -> Result<(), LedgerError> {
        let Lease { task, fence, .. } = self.lease;
        let current = state.book.get(task);
        let current = current.ok_or_else(|| Refused::Ended { task: task.clone(), was: *fence })?;
        if current.fence == *fence {
            return Ok(());
        }
        let holder = Some(current.holder.clone());
        Err(Refused::OldFence { task: task.clone(), was: *fence, now: current.fence, holder }.into())
    }

    /// The same where a remote decides: its target and ledger first, in one push, then ours.
    fn move_there_and_here(
        &self,
        session: &Session,
        authority: &Authority,
        update_checkouts: impl FnOnce() -> Result<(), GitError>,
    ) -> Result<(), Failure> {
        let ledger = session.ledger();
        if session.repo.reference(&self.lease.target)? != Some(self.old) {
            return Err(LandingError::TargetMoved(self.lease.target.clone()).into());
        }
        let target = Move { name: self.lease.target.clone(), expected: Some(self.old), new: self.new };
        let landed = authority.land(&ledger, &target, session.now, |state| -> Result<_, LedgerError> {
            self.check_fence(state)?;
            let Lease { task, fence, .. } = self.lease;
            Ok(vec![ended(&state.book, task, *fence, (self.old, self.new), &self.facts)?])
        })?;
        let follow = || -> Result<(), Failure> {
            let lock = ledger.lock()?;
            let mut steps = landed.steps(&ledger)?;
            steps.push(Step::Update(self.lease.target.clone(), Expect::At(self.old), self.new));
            session.repo.transact(&steps, &format!("land {}", self.lease.task), &lock)?;
            Ok(())
        };
        follow().map_err(|failure| Behind {
            remote: authority.remote().name.clone(),
            task: self.lease.task.clone(),
            target: self.lease.target.clone(),
            why: failure.to_string(),
        })?;
        Ok(update_checkouts()?)
    }
}

fn ended(
    book: &crate::domain::book::LeaseBook,
    task: &TaskName,
    fence: Fence,
    (from, commit): (Oid, Oid),
    facts: &[(&'static str, String)],
) -> Result<Entry, Refused> {
    let subject = format!("land {task}, fence {fence}");
    let event = Event::of(EventKind::Land, task, fence, subject).fact("Commit", commit.to_string());
    // What came between the two is the task's work.
    let event = event.fact("From", from.to_string());
    let event = facts.iter().fold(event, |event, (name, value)| event.fact(name, value));
    book.end(task, fence, event)
}

/// Gives back the checkouts of a landing that was cut off before its target moved here: people need not wait for a remote
/// that is away to work in them. Where no remote decides, [`recover`] does it.
///
/// # Errors
/// When a checkout's files cannot be read or removed.
pub fn give_back(session: &Session, intent: &Intent) -> Result<(), Failure> {
    let Intent::Land { target, old, checkouts, mark, .. } = intent else { return Ok(()) };
    if session.authority.is_none() {
        return Ok(());
    }
    // The git that moves the refs holds this lock, and goes on when we are killed: wait until it has ended.
    drop(session.ledger().lock()?);
    let old = Oid::from_hex(old.as_bytes()).map_err(GitError::gix("read the intent of a landing"))?;
    if session.repo.reference(target)?.is_none_or(|tip| tip == old) {
        for path in checkouts.iter().filter(|path| path.exists()) {
            Repo::open(path)?.undo_checkout_lock(mark)?;
        }
    }
    Ok(())
}

/// Lets the target here follow the remote's, if the remote has landed the work and the target here is where it was. Answers
/// whether the remote has, and why ours could not follow.
fn follow(
    session: &Session,
    authority: &Authority,
    intent: &Intent,
    old: Oid,
    new: Oid,
) -> Result<(bool, Option<String>), Failure> {
    let Intent::Land { target, .. } = intent else { return Ok((false, None)) };
    let ledger = session.ledger();
    let there = match authority.target(&ledger, target)? {
        Some(there) => session.repo.has(new) && session.repo.reaches(there, new)?,
        None => false,
    };
    if there && session.repo.reference(target)? == Some(old) {
        let steps = [Step::Update(target.clone(), Expect::At(old), new)];
        let lock = ledger.lock()?;
        if let Err(error) = session.repo.transact(&steps, "finish a landing", &lock) {
            return Ok((true, Some(error.to_string())));
        }
    }
    Ok((there, None))
}

/// Finishes or undoes a landing that was cut off. Answers which.
///
/// # Errors
/// When it can be neither; the intent stays.
pub fn recover(session: &Session, intent: &Intent) -> Result<Recovery, Failure> {
    let Intent::Land { task, fence, target, old, new, checkouts, mark, keep, carried } = intent else {
        return Ok(Recovery::Done(String::new()));
    };
    let oid =
        |text: &str| Oid::from_hex(text.as_bytes()).map_err(GitError::gix("read the intent of a landing"));
    let (old, new) = (oid(old)?, oid(new)?);
    // The git that moves the refs holds this lock, and goes on when we are killed: wait until it has ended.
    drop(session.ledger().lock()?);
    let there = match &session.authority {
        Some(authority) => {
            let (there, stuck) = follow(session, authority, intent, old, new)?;
            if let Some(why) = stuck {
                // It is done there. What is in the way here must not be in the way of other commands.
                let remote = &authority.remote().name;
                let text =
                    format!("{task} has landed on {remote}, and {target} here could not follow: {why}");
                return Ok(Recovery::Later(text));
            }
            there
        }
        None => false,
    };
    let tip = session.repo.reference(target)?;
    let landed = match tip {
        // Where a remote decides, it has to have it too.
        Some(_) if session.authority.is_some() && !there => false,
        Some(tip) => session.repo.has(new) && session.repo.reaches(tip, new)?,
        None => false,
    };
    for path in checkouts.iter().filter(|path| path.exists()) {
        let checkout = Repo::open(path)?;
        if landed {
            let carry = match carried.as_ref().filter(|carried| carried.checkout == **path) {
                Some(carried) => Some(Carry { before: oid(&carried.before)?, after: oid(&carried.after)? }),
                None => None,
            };
            checkout.finish_checkout(mark, old, new, carry)?;
        } else {
            checkout.undo_checkout_lock(mark)?;
        }
    }
    if there && !landed {
        return Ok(Recovery::Done(format!(
            "{task} has landed on the remote, and {target} here has moved elsewhere meanwhile: bring them together with git pull"
        )));
    }
    if !landed {
        let undone = format!("undid the landing of {task}, which was cut off before {target} moved");
        return Ok(Recovery::Done(undone));
    }
    session.ledger().change(session.now, |state| -> Result<_, LedgerError> {
        let live = state.book.get(task).is_some_and(|lease| lease.fence == *fence);
        let entry = if live { Some(ended(&state.book, task, *fence, (old, new), &[])?) } else { None };
        Ok((entry.into_iter().collect(), ()))
    })?;
    let finished = format!("finished the landing of {task}, which was cut off after {target} had moved");
    // A task that has begun anew meanwhile keeps its workspace; so does one that was to be kept.
    if !keep && session.ledger().read()?.book.get(task).is_none() {
        let lease = removal::stand_in(session, task, &task.branch())?;
        let removed = removal::remove_or_keep(session, &lease, None, &format!("land {task}"));
        return Ok(Recovery::of(task, removed, finished));
    }
    Ok(Recovery::Done(finished))
}
