//! Opening a review: what is merged, what of it somebody has to decide, and who that may be.

use std::collections::HashMap;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::holder::Holder;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::domain::policy::Strategy;
use crate::domain::review::Confirm;
use crate::domain::review::Purpose;
use crate::domain::review::Resolutions;
use crate::domain::review::steps::StepKind;
use crate::domain::task::TaskName;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;
use crate::guard::lines;
use crate::guard::lines::Versions;
use crate::ledger::error::LedgerError;
use crate::ledger::reviews::Review;
use crate::ledger::reviews::Step;
use crate::ledger::reviews::Stored;
use crate::merge::review::Opened;
use crate::merge::sides::Sides;
use crate::merge::strategy::Rules;
use crate::merge::strategy::settle::Settling;

use super::super::Context;
use super::super::deciding::Deciding;
use super::super::facts::Known;
use super::super::session::Session;
use super::desk::Moved;
use super::error::DeskError;

/// What is asked of a review when it is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// What it is for, if that was said.
    pub purpose: Option<Purpose>,
    /// Whether uncommitted edits in the target's checkout are to go along.
    pub edits: bool,
}

impl From<Option<Purpose>> for Asked {
    fn from(purpose: Option<Purpose>) -> Asked {
        Asked { purpose, edits: false }
    }
}

/// Which side git calls ours.
pub fn sides(purpose: Purpose) -> Sides {
    match purpose {
        Purpose::Land | Purpose::Squash => Sides::TargetFirst,
        Purpose::Sync => Sides::TaskFirst,
    }
}

/// Of the task's and the target's commit, those that git calls ours and theirs.
pub fn ends(sides: Sides, (task, target): (Oid, Oid)) -> (Oid, Oid) {
    match sides {
        Sides::TargetFirst => (target, task),
        Sides::TaskFirst => (task, target),
    }
}

/// The merge of the two, to be settled by the rules and what was decided.
pub fn settling<'a>(
    repo: &'a Repo,
    sides: Sides,
    commits: (Oid, Oid),
    rules: &'a Rules,
    facts: &'a Known<'a>,
    resolutions: &'a Resolutions,
) -> Settling<'a> {
    let (ours, theirs) = ends(sides, commits);
    Settling { repo, sides, base: None, ours, theirs, rules, facts, resolutions }
}

/// The conflicts that somebody has to decide, in pieces, and the merged tree with marks.
///
/// # Errors
/// When something cannot be read, or git cannot merge.
pub fn taken_to_pieces(
    session: &Session,
    repo: &Repo,
    lease: &Lease,
    (tip, target): (Oid, Oid),
    sides: Sides,
    resolutions: &Resolutions,
) -> Result<(Oid, Vec<Opened>), Failure> {
    let rules = Deciding::default().rules(session)?;
    let facts = Known::of(session, repo, lease, tip, target);
    let settling = settling(repo, sides, (tip, target), &rules, &facts, resolutions);
    let merge = repo.confirm(None, settling.ours, settling.theirs)?;
    let (reviewing, opened) = settling.open(&merge)?;
    Ok((reviewing.marked, opened))
}

/// The tree that the merge of the two would have.
///
/// # Errors
/// When something is open, or git cannot merge.
pub fn result(
    session: &Session,
    repo: &Repo,
    lease: &Lease,
    (tip, target): (Oid, Oid),
    sides: Sides,
    resolutions: &Resolutions,
) -> Result<Oid, Failure> {
    let rules = Deciding::default().rules(session)?;
    let facts = Known::of(session, repo, lease, tip, target);
    let settling = settling(repo, sides, (tip, target), &rules, &facts, resolutions);
    let settled = settling.settle(repo.confirm(None, settling.ours, settling.theirs)?)?;
    if settled.left.is_empty() {
        return Ok(settled.tree);
    }
    let paths = settled.left.iter().map(|left| text::visible(&left.conflict.path)).collect();
    Err(DeskError::Open { task: lease.task.clone(), open: settled.left.len(), paths }.into())
}

/// Whether a review that is open is about the lease's work: after an abandoned or landed task another one may have its
/// name.
///
/// # Errors
/// When history cannot be read.
pub fn goes_on(
    repo: &Repo,
    review: &Review,
    lease: &Lease,
    (tip, target): (Oid, Oid),
) -> Result<bool, GitError> {
    let reaches =
        |from: Oid| Ok::<_, GitError>(repo.has(review.theirs) && repo.reaches(from, review.theirs)?);
    Ok(review.fence == lease.fence || reaches(tip)? && !reaches(target)?)
}

/// The review with its sides where they are now, and what became of its decisions if one has moved.
///
/// # Errors
/// When the review cannot be written.
pub fn advanced(
    repo: &Repo,
    stored: Stored,
    (target, tip): (Oid, Oid),
    opened: &[Opened],
    who: &Holder,
    at: Timestamp,
) -> Result<(Stored, Option<Moved>), Failure> {
    let Review { ours, theirs, resolutions, .. } = &stored.review;
    if (*ours, *theirs) == (target, tip) {
        return Ok((stored, None));
    }
    let items = opened.iter().flat_map(|opened| &opened.items);
    let kept = items.filter(|item| resolutions.contains_key(&item.id)).count();
    let gone = resolutions.len() - kept;
    let about = format!("to {} and {}", target.to_hex_with_len(10), tip.to_hex_with_len(10));
    let step = Step { kind: StepKind::Move, item: None, by: who, at, about };
    Ok((stored.moved(repo, target, tip, step)?, Some(Moved { kept, gone })))
}

/// Who decides: the task's own holder in its workspace, else the person at the keyboard.
///
/// # Errors
/// When an agent works at another task.
pub fn who(session: &Session, context: &Context<'_>, task: &TaskName) -> Result<Holder, Failure> {
    match session.actor(context)? {
        Actor::Task(own, _) if own != *task => Err(DeskError::NotYours(own, task.clone()).into()),
        Actor::Task(own, _) => {
            let book = session.ledger().read()?.book;
            Ok(book.need(&own).map_err(LedgerError::from)?.holder.clone())
        }
        Actor::Person(_) => session.person(),
    }
}

/// What a review is for, where nobody said so.
///
/// # Errors
/// When the policy lands in a way that is not one merge.
pub fn by_policy(strategy: Strategy) -> Result<Purpose, DeskError> {
    match strategy {
        Strategy::Merge => Ok(Purpose::Land),
        Strategy::Squash => Ok(Purpose::Squash),
        Strategy::Rebase => Err(DeskError::NoMerge("a rebase")),
        Strategy::FfOnly => Err(DeskError::NoMerge("fast-forward only")),
    }
}

/// The names that conflicting files had before a side renamed them, for each of the files. Where several had that content,
/// all count.
///
/// # Errors
/// When a tree cannot be read.
pub fn old_names(
    repo: &Repo,
    opened: &[Opened],
    (one, other): (Oid, Oid),
) -> Result<Vec<Vec<BString>>, GitError> {
    let mut found: Vec<Vec<BString>> = opened.iter().map(|one| one.conflict.beside.clone()).collect();
    let Some(base) = repo.merge_base(one, other)? else { return Ok(found) };
    let base = repo.commit(base)?.tree;
    let mut wanted: HashMap<Oid, Vec<usize>> = HashMap::new();
    for (number, Opened { conflict, .. }) in opened.iter().enumerate() {
        let was = conflict.stages[0];
        if let (Some((_, oid)), true) = (was, repo.entry(base, conflict.path.as_bstr())? != was) {
            wanted.entry(oid).or_default().push(number);
        }
    }
    let mut next = if wanted.is_empty() { Vec::new() } else { vec![(BString::default(), base)] };
    while let Some((above, tree)) = next.pop() {
        for entry in repo.tree(tree)? {
            let mut path = above.clone();
            path.extend_from_slice(&entry.name);
            if entry.kind == EntryKind::Tree {
                path.push(b'/');
                next.push((path, entry.oid));
            } else {
                let numbers = wanted.get(&entry.oid).into_iter().flatten();
                numbers.for_each(|number| found[*number].push(path.clone()));
            }
        }
    }
    Ok(found)
}

/// Who else holds what each thing to decide is about, of those whose word the policy wants.
///
/// # Errors
/// When a version of the file cannot be read.
pub fn owners(
    repo: &Repo,
    book: &LeaseBook,
    lease: &Lease,
    opened: &Opened,
    old: &[BString],
    confirm: Confirm,
) -> Result<Vec<Option<Holder>>, GitError> {
    let mut owners = vec![None; opened.items.len()];
    let disputed = lines::disputed(repo, &opened.conflict)?;
    let names = [&opened.conflict.path].into_iter().chain(old);
    let covering: Vec<_> = names.flat_map(|name| book.covering(name)).collect();
    let others = covering.into_iter().filter(|(other, _)| other.task != lease.task);
    for (other, region) in others.filter(|(other, _)| confirm.asks(&other.holder)) {
        let among = disputed.as_ref().and_then(|disputed| Versions(repo).among(other, region, disputed).ok());
        // Where it cannot be told which lines are theirs, all are.
        let among = among.filter(|among| among.len() == owners.len()).unwrap_or(vec![true; owners.len()]);
        for (owner, is_theirs) in owners.iter_mut().zip(among) {
            if is_theirs && owner.is_none() {
                *owner = Some(other.holder.clone());
            }
        }
    }
    Ok(owners)
}
