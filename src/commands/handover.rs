//! Handing a task over to another machine: its commits and its uncommitted edits go to the remote that decides, and come
//! from there.

pub mod error;

use std::path::Path;
use std::path::PathBuf;

use crate::base::failure::Failure;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::git::worktree::NewWorktree;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::ledger::intent::Bringing;
use crate::ledger::intent::Making;
use crate::ledger::intent::Written;
use crate::ledger::landing::fetched;
use crate::ledger::remote::Authority;
use crate::ledger::remote_error::AuthorityError;
use crate::workspace::copy;
use crate::workspace::salvage;

use self::error::HandoverError;
use super::init;
use super::land;
use super::ready;
use super::recover;
use super::removal;
use super::sent;
use super::sent::Record;
use super::session::Session;
use super::syncing::Syncing;

/// What was sent.
#[derive(Debug, serde::Serialize)]
pub struct Sent {
    /// The remote.
    pub remote: String,
    /// The branch's commit.
    pub commit: String,
    /// The salvage commit with what was not committed, if there was anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvage: Option<String>,
}

/// Sends a task's branch, and whatever of its workspace no commit holds, as a salvage.
///
/// # Errors
/// When no remote decides, the work is not here, or the remote has other work under the same names.
pub fn send(session: &Session, lease: &Lease) -> Result<Sent, Failure> {
    let authority = session.authority.as_ref().ok_or(HandoverError::NoRemote)?;
    let branch = lease.branch().ok_or_else(|| HandoverError::Here(lease.task.clone()))?;
    let tip = session.repo.reference(branch)?;
    let tip = tip.ok_or_else(|| HandoverError::NoBranch(lease.task.clone()))?;
    if session.is_elsewhere(lease)? {
        return Err(HandoverError::Elsewhere(lease.task.clone()).into());
    }
    let name = salvage::reference(&lease.task);
    let edited = match session.workspace(lease)?.filter(|worktree| !worktree.missing) {
        Some(worktree) => !Repo::open(&worktree.path)?.changes_by_git()?.is_empty(),
        None => false,
    };
    let there = authority.bring(&session.ledger(), &name)?;
    // Edits that were sent on top of this very commit, and are not in the workspace any more, would come back.
    let undone = match there {
        Some(there) if !edited => {
            let sent = session.repo.commit(there)?;
            sent.parents.first() == Some(&tip) && sent.tree != session.repo.commit(tip)?.tree
        }
        _ => false,
    };
    if let Some(there) = there.filter(|_| edited || undone) {
        // What was sent before stays in the history of what is sent now.
        salvage::take_in(&session.repo, &lease.task, there, session.now)?;
    }
    let why = "sent to another machine";
    let saved = match (edited, undone) {
        (true, _) => removal::save(session, lease, why, session.now)?,
        (false, true) => Some(salvage::save_branch(&session.repo, &lease.task, tip, why, session.now)?),
        (false, false) => None,
    };
    if let Some(saved) = saved {
        authority.send(&session.ledger(), &name, saved)?;
    }
    if let Err(error) = authority.send(&session.ledger(), branch, tip) {
        return Err(match session.repo.reference(&fetched(branch))? {
            Some(there) if is_diverged(&error) && !is_of(session, lease, there)? => {
                let (task, remote) = (lease.task.clone(), authority.remote().name.clone());
                HandoverError::Former { task, remote, name: branch.to_owned() }.into()
            }
            _ => error.into(),
        });
    }
    let remote = authority.remote().name.clone();
    Ok(Sent {
        remote,
        commit: tip.to_string(),
        salvage: saved.filter(|_| edited).map(|saved| saved.to_string()),
    })
}

fn is_diverged(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Remote(AuthorityError::Diverged { .. }))
}

/// Work that is on the remote and not here.
#[derive(Debug)]
pub struct Waiting {
    /// What is to be said of it: it is not, or not known to be, what was sent.
    pub note: Option<String>,
    branch: String,
    tip: Oid,
    /// What no commit of the branch holds.
    edits: Option<Oid>,
    /// Where the branch is here, if it is: `tip` reaches that.
    old: Option<Oid>,
    /// The workspace here, which is clean and on the branch, if there is one.
    workspace: Option<PathBuf>,
}

/// The work of a task with which another machine has gone on, if it is not here. Nothing is changed by looking.
///
/// # Errors
/// When the work is neither here nor on the remote, or what is here is in its way.
pub fn look(session: &Session, lease: &Lease) -> Result<Option<Waiting>, Failure> {
    let (Some(authority), Some(branch)) = (&session.authority, lease.branch()) else { return Ok(None) };
    if !session.is_elsewhere(lease)? {
        return Ok(None);
    }
    let old = session.repo.reference(branch)?;
    let not_sent = || not_sent(authority, lease, old.map(|_| land::short(branch).to_owned()));
    let there = authority.bring(&session.ledger(), branch)?;
    let found = match told(session, authority, lease, there)? {
        Some(found) => found,
        None => return Err(not_sent().into()),
    };
    let (tip, note) = (found.tip, found.note);
    let name = salvage::reference(&lease.task);
    let edits = authority.bring(&session.ledger(), &name)?;
    let edits = match (found.record, edits) {
        (Some(Record { salvage: None, .. }), _) | (None, None) => None,
        (Some(Record { salvage: Some(sent), .. }), there) => {
            check_there(session, authority, lease, sent, there)?;
            Some(sent)
        }
        // Only what was saved on top of this very commit goes with it; what is older stays on the remote.
        (None, Some(edits)) => Some(edits)
            .filter(|_| session.repo.commit(edits).is_ok_and(|saved| saved.parents.first() == Some(&tip))),
    };
    let mut waiting = Waiting { note, branch: branch.to_owned(), tip, edits, old, workspace: None };
    let task = || lease.task.clone();
    let worktree = session.workspace(lease)?;
    if let Some(worktree) = worktree.as_ref().filter(|worktree| worktree.missing) {
        return Err(HandoverError::Missing { task: task(), path: worktree.path.clone() }.into());
    }
    let ahead = match old {
        Some(old) if old != tip && session.repo.reaches(old, tip)? => true,
        Some(old) if !session.repo.reaches(tip, old)? => {
            let (branch, remote) = (land::short(branch).to_owned(), authority.remote().name.clone());
            return Err(HandoverError::Apart { task: task(), branch, remote }.into());
        }
        _ => false,
    };
    let Some(worktree) = worktree else {
        if ahead {
            let (branch, path) = (land::short(branch).to_owned(), session.workspaces()?.path(&lease.task));
            return Err(HandoverError::NoWorkspace { task: task(), branch, path }.into());
        }
        let workspaces = session.workspaces()?;
        for path in [workspaces.path(&lease.task), workspaces.building(&lease.task)] {
            // A dangling link would be taken for absent by a plain "exists".
            if path.symlink_metadata().is_ok() {
                return Err(HandoverError::PathTaken { task: task(), path }.into());
            }
        }
        return Ok(Some(waiting));
    };
    // What was saved here and sent is no news.
    let known = match (edits, session.repo.reference(&name)?) {
        (Some(edits), Some(own)) => session.repo.reaches(own, edits)?,
        (edits, _) => edits.is_none(),
    };
    if ahead || (old == Some(tip) && known) {
        return Ok(None);
    }
    let workspace = Repo::open(&worktree.path)?;
    let on_branch = workspace.head()?.branch() == Some(branch);
    if !on_branch || workspace.operation_under_way().is_some() || !workspace.changes_by_git()?.is_empty() {
        return Err(HandoverError::NotClean { task: task(), path: worktree.path }.into());
    }
    waiting.workspace = Some(worktree.path);
    Ok(Some(waiting))
}

/// What the remote has of a task.
struct Found {
    tip: Oid,
    record: Option<Record>,
    note: Option<String>,
}

/// The commit that was sent, which the remote's branch at `there` has to have; what is there when the ledger tells of none.
/// Nothing when that is not the task's.
fn told(
    session: &Session,
    authority: &Authority,
    lease: &Lease,
    there: Option<Oid>,
) -> Result<Option<Found>, Failure> {
    let (task, remote) = (&lease.task, &authority.remote().name);
    let record = sent::of(session, lease)?;
    match (record, there) {
        (Some(Record { commit: tip, .. }), _) => {
            check_there(session, authority, lease, tip, there)?;
            let note = there.filter(|there| *there != tip).map(|there| {
                format!(
                    "{remote} has other commits on top of what was sent of {task}: they are not brought, {}",
                    there.to_hex_with_len(10)
                )
            });
            Ok(Some(Found { tip, record, note }))
        }
        (None, Some(tip)) if is_of(session, lease, tip)? => {
            let note = format!(
                "the ledger does not tell that work of {task} was sent since it was granted last: \
                 brought what {remote} has, {}",
                tip.to_hex_with_len(10)
            );
            Ok(Some(Found { tip, record, note: Some(note) }))
        }
        (None, _) => Ok(None),
    }
}

/// The remote has what was sent, under the name it was sent as.
fn check_there(
    session: &Session,
    authority: &Authority,
    lease: &Lease,
    sent: Oid,
    there: Option<Oid>,
) -> Result<(), Failure> {
    let has = match there {
        Some(there) => session.repo.has(sent) && session.repo.reaches(there, sent)?,
        None => false,
    };
    let (task, remote) = (lease.task.clone(), authority.remote().name.clone());
    if has { Ok(()) } else { Err(HandoverError::Gone { task, remote, sent, there }.into()) }
}

/// Whether a commit goes on from where a task began. What does not is left of an earlier task of the same name.
fn is_of(session: &Session, lease: &Lease, tip: Oid) -> Result<bool, Failure> {
    let base = Oid::from_hex(lease.base.as_bytes()).map_err(GitError::gix("read where a task began"))?;
    Ok(session.repo.has(base) && session.repo.reaches(tip, base)?)
}

/// The commit to build on a task's work from: that of its branch, or of what another machine has sent. Nothing when it has no
/// branch here and no remote decides. The remote is only asked when `ask`; else the answer is as it was asked last.
///
/// # Errors
/// When its work may be on another machine, which has not sent it.
pub fn tip(session: &Session, lease: &Lease, ask: bool) -> Result<Option<Oid>, Failure> {
    let Some(branch) = lease.branch() else { return Ok(None) };
    let here = session.repo.reference(branch)?;
    let authority = match &session.authority {
        Some(authority) if session.is_elsewhere(lease)? => authority,
        _ => return Ok(here),
    };
    let sent = if ask {
        authority.bring(&session.ledger(), branch)?
    } else {
        session.repo.reference(&fetched(branch))?
    };
    match told(session, authority, lease, sent)? {
        Some(found) => Ok(Some(found.tip)),
        None => Err(not_sent(authority, lease, here.map(|_| land::short(branch).to_owned())).into()),
    }
}

/// Brings the branch and the salvage of a task that is on another machine, for [`sent_work`].
///
/// # Errors
/// When the remote cannot be reached.
pub fn bring(session: &Session, lease: &Lease) -> Result<(), Failure> {
    let (Some(authority), Some(branch)) = (&session.authority, lease.branch()) else { return Ok(()) };
    if session.is_elsewhere(lease)? {
        authority.bring(&session.ledger(), branch)?;
        authority.bring(&session.ledger(), &salvage::reference(&lease.task))?;
    }
    Ok(())
}

/// What another machine has sent of a task, as it was brought last: its commit, and what no commit holds.
///
/// # Errors
/// When the remote has lost what was sent.
pub fn sent_work(session: &Session, lease: &Lease) -> Result<Option<(Oid, Option<Oid>)>, Failure> {
    let (Some(authority), Some(branch)) = (&session.authority, lease.branch()) else { return Ok(None) };
    let there = session.repo.reference(&fetched(branch))?;
    let Some(found) = told(session, authority, lease, there)? else { return Ok(None) };
    let edits = session.repo.reference(&fetched(&salvage::reference(&lease.task)))?;
    if let Some(Record { salvage: Some(sent), .. }) = found.record {
        check_there(session, authority, lease, sent, edits)?;
    }
    Ok(Some((found.tip, edits)))
}

/// Goes on from where edits were being brought into a workspace when that was cut off: they are there in whole, or, so that
/// they can be brought again, not at all. Answers whether they are there. What somebody else wrote there stays.
///
/// # Errors
/// When the workspace cannot be read or written; [`GitError::Locked`] while a killed git's lock is in the way.
pub fn bring_again(session: &Session, task: &TaskName, bringing: &Bringing) -> Result<bool, GitError> {
    let Bringing { path, branch, tip, edits } = bringing;
    let _writing = recover::check_lock(session, task)?;
    let read =
        |hex: &str| Oid::from_hex(hex.as_bytes()).map_err(GitError::gix("read the intent of a resumption"));
    let (tip, edits) = (read(tip)?, read(edits)?);
    if !path.exists() {
        return Ok(false);
    }
    let workspace = Repo::open(path)?;
    let before = workspace.head()?;
    if before.branch() != Some(branch) || before.commit() != Some(tip) || !session.repo.has(edits) {
        return Ok(false);
    }
    if workspace.changes_by_git()?.is_empty() {
        return Ok(false);
    }
    if workspace.is_restored(edits)? {
        return Ok(true);
    }
    let mark = format!("git odyssey resume {task}");
    // First on to where git was going: only so can a file be known that it had written half.
    workspace.finish_checkout(&mark, tip, edits, None)?;
    workspace.finish_checkout(&mark, edits, tip, None)?;
    Ok(false)
}

fn not_sent(authority: &Authority, lease: &Lease, branch: Option<String>) -> HandoverError {
    HandoverError::NotSent { task: lease.task.clone(), remote: authority.remote().name.clone(), branch }
}

impl Waiting {
    /// Makes the workspace with this work in it, or brings the one that is here to it. `lease` is the new grant.
    ///
    /// # Errors
    /// When something is where it would go, or it cannot be made. The lease stays.
    pub fn unpack(self, session: &Session, lease: &Lease, intent: Written) -> Result<PathBuf, Failure> {
        match (&self.workspace, self.old) {
            (Some(path), Some(old)) => {
                let path = path.clone();
                self.bring_forward(session, lease, &path, old)?;
                intent.done()?;
                Ok(path)
            }
            (_, Some(old)) => {
                // All its commits are in what was brought, which a ref of ours keeps.
                removal::delete_branch(session, &self.branch, old, "its work is on another machine")?;
                self.make(session, lease, intent)
            }
            (_, None) => self.make(session, lease, intent),
        }
    }

    fn bring_forward(self, session: &Session, lease: &Lease, path: &Path, old: Oid) -> Result<(), Failure> {
        let workspace = Repo::open(path)?;
        if old != self.tip {
            let (branch, new) = (self.branch.as_str(), self.tip);
            Syncing { lease, branch, workspace: &workspace, old, new }.carry_out(session)?;
        }
        if let Some(edits) = self.edits {
            // Whoever recovers from a kill of ours waits for the git that writes.
            let lock = recover::check_lock(session, &lease.task)?;
            Repo::open(path)?.restore_snapshot(edits, Some(&lock))?;
        }
        // Last: with the new fence in it, the workspace has the task's work.
        Ok(copy::write(path, &LeaseFile::of(lease).to_toml())?)
    }

    /// The workspace that will be made, if none is here that is brought to the work.
    ///
    /// # Errors
    /// When its place cannot be told.
    pub fn making(&self, session: &Session, task: &TaskName) -> Result<Option<Making>, Failure> {
        if self.workspace.is_some() {
            return Ok(None);
        }
        let workspaces = session.workspaces()?;
        Ok(Some(Making {
            branch: self.branch.clone(),
            base: self.tip.to_string(),
            path: workspaces.path(task),
            building: workspaces.building(task),
        }))
    }

    /// The workspace that gets edits from elsewhere, if one here does.
    pub fn bringing(&self) -> Option<Bringing> {
        let (path, edits) = (self.workspace.clone()?, self.edits?);
        Some(Bringing {
            path,
            branch: self.branch.clone(),
            tip: self.tip.to_string(),
            edits: edits.to_string(),
        })
    }

    fn make(self, session: &Session, lease: &Lease, intent: Written) -> Result<PathBuf, Failure> {
        let folder = session.ledger().folder();
        let making = self.making(session, &lease.task)?;
        let Some(making) = making else { return Err(HandoverError::NoBranch(lease.task.clone()).into()) };
        let made = session.repo.add_worktree(NewWorktree {
            path: making.path,
            branch: self.branch,
            base: self.tip,
            building: making.building,
            lock: &folder.join("lock").join("worktrees"),
            note: "brought from another machine",
            restore: self.edits,
            pool: session.pool()?.as_ref(),
            sparse: None,
        });
        let workspace = match made {
            Ok(workspace) => workspace,
            Err(error) => {
                intent.done()?;
                return Err(error.into());
            }
        };
        let path = workspace.need_checkout()?.to_owned();
        copy::write(&path, &LeaseFile::of(lease).to_toml())?;
        init::adopt(session, &workspace)?;
        intent.done()?;
        ready::make(session, lease, &path)?;
        Ok(path)
    }
}
