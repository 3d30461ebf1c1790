//! Founding: making a remote decide. Its ledger is joined where it has one; else ours is sent, or a new one made.

use super::error::LedgerError;
use super::fold;
use super::fold::Back;
use super::fold::Way;
use super::folding;
use super::local::LEDGER;
use super::local::Ledger;
use super::remote::Authority;
use super::remote::Talk;
use super::remote_error::AuthorityError;
use super::remote_error::FETCHED;
use crate::base::clock::Timestamp;
use crate::git::Oid;
use crate::git::refs::Expect;
use crate::git::remote::Move;
use crate::git::remote::Pushed;
use crate::git::repo::Repo;

/// The ledger's name on a remote that takes nothing but branches and tags.
pub const FALLBACK: &str = "refs/heads/odyssey/ledger";

/// Where a ledger of one machine stays that gave way to a remote's.
const FORMER: &str = "refs/odyssey/former";

/// How the remote came to its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Founded {
    /// It had one.
    Joined,
    /// It was given ours.
    Sent,
}

/// A remote that decides from now on.
#[derive(Debug)]
pub struct Founding {
    /// It, with the name that its ledger has there.
    pub authority: Authority,
    /// How it came to it.
    pub how: Founded,
}

/// Makes a remote decide. `names` are those that its ledger may have there, the best first. With `again` it decides already,
/// and its ledger has to go on from what was seen of it.
///
/// # Errors
/// When it cannot be reached in time, takes none of the names, or has a ledger while leases live in another one here.
pub fn found(
    ledger: &Ledger<'_>,
    names: &[String],
    like: &Authority,
    again: bool,
    now: Timestamp,
) -> Result<Founding, LedgerError> {
    let authority = |name: &String| Authority::new(like.remote().clone(), name.clone(), like.clock());
    let mut said = String::new();
    // Twice: somebody else may found it at the same time, and be quicker.
    for _ in 0..2 {
        for name in names {
            let authority = authority(name);
            if joined(ledger, &authority, again)? {
                return Ok(Founding { authority, how: Founded::Joined });
            }
        }
        let tip = match ledger.repo().reference(LEDGER)? {
            Some(tip) => tip,
            None => {
                ledger.prepare(now)?;
                ledger.repo().reference(LEDGER)?.ok_or(LedgerError::NotPrepared)?
            }
        };
        for name in names {
            let authority = authority(name);
            let turn = Talk { ledger, authority: &authority }.turn()?;
            let mut moves = vec![Move { name: name.clone(), expected: None, new: tip }];
            moves.extend(folding::archives(ledger, tip, name)?);
            match authority.remote().push(ledger.repo(), &moves, &turn)? {
                Pushed::Applied => return Ok(Founding { authority, how: Founded::Sent }),
                Pushed::Doubtful(doubt) => said = doubt.said,
            }
        }
    }
    Err(AuthorityError::NotTaken { remote: like.remote().name.clone(), said }.into())
}

/// Takes over the remote's ledger, if it has one of this name.
fn joined(ledger: &Ledger<'_>, authority: &Authority, again: bool) -> Result<bool, LedgerError> {
    let talk = Talk { ledger, authority };
    let turn = talk.turn()?;
    let repo = ledger.repo();
    let known = repo.reference(LEDGER)?;
    let (remote, name) = (authority.remote(), authority.name());
    if !remote.fetch(repo, &[(name, FETCHED)], known.as_slice(), &turn).map_err(AuthorityError::from)? {
        return Ok(false);
    }
    talk.bring_archives(&turn)?;
    let _lock = ledger.lock()?;
    let found = repo.reference(FETCHED)?.ok_or(LedgerError::NotPrepared)?;
    // What cannot be read decides nothing.
    ledger.read_at(found)?;
    let Some(known) = known.filter(|known| *known != found) else {
        if known.is_none() {
            repo.edit(LEDGER, Expect::Absent, found)?;
        }
        return Ok(true);
    };
    let way = match fold::back(repo, found, Some(known))? {
        Back::There(way) => way,
        Back::Away(_) | Back::Past(_) if again => {
            let (remote, name) = (remote.name.clone(), name.to_owned());
            return Err(AuthorityError::Rewritten { remote, name, seen: known, found }.into());
        }
        Back::Away(_) | Back::Past(_) => {
            give_way(ledger, repo, known, found, &remote.name)?;
            Way::default()
        }
    };
    talk.go_on(known, found, &way)?;
    Ok(true)
}

/// Lets a ledger of this machine go for the remote's, unless leases live in it. It stays reachable.
fn give_way(
    ledger: &Ledger<'_>,
    repo: &Repo,
    known: Oid,
    found: Oid,
    remote: &str,
) -> Result<(), LedgerError> {
    let live = ledger.read_at(known)?.book;
    if let Some(lease) = live.leases().first() {
        let (remote, task) = (remote.to_owned(), lease.task.clone());
        return Err(AuthorityError::Another { remote, task, here: known, there: found }.into());
    }
    let kept = format!("{FORMER}/{}", known.to_hex_with_len(12));
    if repo.reference(&kept)?.is_none() {
        repo.edit(&kept, Expect::Absent, known)?;
    }
    Ok(())
}
