//! Folds: a commit of the ledger without parents that goes on from another one, whose history is kept in an archive.
//!
//! A fold has the very tree of the commit that it archives, so nothing is granted, changed or ended by it, and its message
//! names that commit. The archive is a ref with that commit's name, so it can be found from the fold alone. Whoever walks
//! the history goes on there as with a parent, as long as it is here.

use super::local::LEDGER;
use crate::domain::event::EventKind;
use crate::domain::event::Recorded;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::Commit;
use crate::git::refs::Expect;
use crate::git::repo::Repo;

/// Where the archives are: each at the commit that it has the name of.
pub const ARCHIVES: &str = "refs/odyssey/archive/";

/// The trailer that names the archived commit, without its prefix.
pub(super) const ARCHIVE: &str = "Archive";

/// Where the archives of a ledger are that has this name: beside it.
pub fn archives_of(ledger: &str) -> String {
    if ledger == LEDGER { ARCHIVES.to_owned() } else { format!("{ledger}-archive/") }
}

/// What comes before a commit of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// This commit: the parent, or what was archived by a fold.
    At(Oid),
    /// Nothing: the ledger begins there.
    Nothing,
    /// This commit, which was archived and is not here.
    Away(Oid),
    /// It says that it archived this commit, and has another tree: it is no fold.
    False(Oid),
}

/// The commit that a commit of the ledger says it has archived; only one without parents can.
pub fn archived(commit: &Commit) -> Option<Oid> {
    if !commit.parents.is_empty() {
        return None;
    }
    let event = Recorded::read(commit.message.to_str().ok()?)?;
    if event.event != EventKind::Compact.to_string() {
        return None;
    }
    let mut named = event.facts.iter().filter(|(name, _)| name == ARCHIVE);
    let (Some((_, hex)), None) = (named.next(), named.next()) else { return None };
    Oid::from_hex(hex.as_bytes()).ok()
}

/// What comes before a commit of the ledger.
///
/// # Errors
/// When what it archived cannot be read, or is no commit.
pub fn before(repo: &Repo, commit: &Commit) -> Result<Before, GitError> {
    if let Some(parent) = commit.parents.first() {
        return Ok(Before::At(*parent));
    }
    Ok(match archived(commit) {
        None => Before::Nothing,
        Some(archived) if !repo.has(archived) => Before::Away(archived),
        Some(archived) if repo.commit(archived)?.tree == commit.tree => Before::At(archived),
        Some(archived) => Before::False(archived),
    })
}

/// A way back through the ledger's history.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Way {
    /// The commits on it, the newest first, without the one that it leads to.
    pub commits: Vec<Oid>,
    /// The commits at which it came into an archive.
    pub archived: Vec<Oid>,
}

/// Where the way back from a commit leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// To the commit that was asked for.
    There(Way),
    /// Into an archive, that of this commit, which is not here in whole.
    Away(Oid),
    /// Past it, to the ledger's beginning.
    Past(Way),
}

/// Walks from `tip` back to `old`; to the beginning when there is none.
///
/// # Errors
/// When a commit cannot be read that is in no archive.
pub fn back(repo: &Repo, tip: Oid, old: Option<Oid>) -> Result<Back, GitError> {
    let mut way = Way::default();
    let mut next = tip;
    while Some(next) != old {
        // Whoever has the archived commit without a ref to it may have lost what is before it.
        if let Some(last) = way.archived.last()
            && !repo.has(next)
        {
            return Ok(Back::Away(*last));
        }
        way.commits.push(next);
        let commit = repo.commit(next)?;
        next = match before(repo, &commit)? {
            Before::At(before) => before,
            Before::Away(archived) => return Ok(Back::Away(archived)),
            Before::Nothing | Before::False(_) => return Ok(Back::Past(way)),
        };
        if commit.parents.is_empty() {
            way.archived.push(next);
        }
    }
    Ok(Back::There(way))
}

/// The ref of one archive here.
pub fn archive_name(archived: Oid) -> String {
    format!("{ARCHIVES}{archived}")
}

/// How an archive stands that a fold names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Its ref is at its commit.
    Kept,
    /// Its history is here, and no ref keeps it.
    Unkept,
    /// Its history is not here.
    Away,
    /// Its ref is at another commit.
    Elsewhere(Oid),
    /// It has another tree than the fold, so it is none of it.
    False,
}

/// The archives that the folds of a ledger name, the newest first, as far as its history is here.
///
/// # Errors
/// When a commit cannot be read, or a ref.
pub fn archives(repo: &Repo, tip: Oid) -> Result<Vec<(Oid, Archive)>, GitError> {
    let mut found = Vec::new();
    let mut next = Some(tip);
    while let Some(oid) = next.take() {
        let commit = repo.commit(oid)?;
        if let Some(parent) = commit.parents.first() {
            // In an archive whose history is not here in whole the walk ends.
            let inside = !found.is_empty() && !repo.has(*parent);
            next = (!inside).then_some(*parent);
            continue;
        }
        let (archived, there) = match before(repo, &commit)? {
            Before::Nothing => break,
            Before::At(archived) => (archived, true),
            Before::Away(archived) => (archived, false),
            Before::False(archived) => {
                found.push((archived, Archive::False));
                break;
            }
        };
        let state = match repo.reference(&archive_name(archived))? {
            Some(kept) if kept == archived && there => Archive::Kept,
            Some(other) if other != archived => Archive::Elsewhere(other),
            _ if there => Archive::Unkept,
            _ => Archive::Away,
        };
        found.push((archived, state));
        next = there.then_some(archived);
    }
    Ok(found)
}

/// Keeps a commit and all that is before it as an archive, if it is not kept already.
///
/// # Errors
/// When the ref cannot be written.
pub fn keep(repo: &Repo, commit: Oid) -> Result<(), GitError> {
    let name = archive_name(commit);
    match repo.reference(&name)? {
        Some(kept) if kept == commit => Ok(()),
        // Something else in its place would not keep it.
        _ => repo.edit(&name, Expect::Absent, commit),
    }
}
