//! The doctor's examinations, one function each.

pub mod agents;
mod archives;
mod hooks;
mod pool;
mod remote;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::domain::book::LeaseBook;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::repo::Repo;
use crate::git::worktree::Worktree;
use crate::guard::Bench;
use crate::guard::commits::Published;
use crate::guard::lines::Versions;
use crate::guard::updates;
use crate::ledger::error::LedgerError;
use crate::ledger::intent;
use crate::ledger::local::LEDGER;
use crate::ledger::repair;

use super::Context;
use super::precedent;
use super::removal;
use super::session::Session;

/// One thing that is or was wrong.
#[derive(Debug, serde::Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it is mended now.
    pub mended: bool,
    /// What to do, while it is not.
    pub advice: Option<String>,
}

/// One examination of a repository.
pub struct Checkup<'a> {
    session: &'a Session,
    context: &'a Context<'a>,
    fix: bool,
    findings: Vec<Finding>,
}

/// What to do about a ledger that cannot be read where a remote decides: what is here is a copy, and is not mended.
const REMOTE_LEDGER: &str = "the ledger here is a copy of the remote's: see what is wrong there, git log refs/odyssey/ledger, \
     and push its last good commit";

/// How old a lock of git's must be to count as left behind by a killed process.
const STALE: Duration = Duration::from_secs(10 * 60);

impl<'a> Checkup<'a> {
    /// Begins.
    pub fn begin(session: &'a Session, context: &'a Context<'a>, fix: bool) -> Checkup<'a> {
        Checkup { session, context, fix, findings: Vec::new() }
    }

    /// Notes what is left for a person.
    pub fn open(&mut self, what: String, advice: &str) {
        let advice = (!advice.is_empty()).then(|| advice.to_owned());
        self.findings.push(Finding { what, mended: false, advice });
    }

    /// Notes what was mended.
    pub fn mended(&mut self, what: String) {
        self.findings.push(Finding { what, mended: true, advice: None });
    }

    /// All that was found.
    pub fn done(self) -> Vec<Finding> {
        self.findings
    }

    fn book(&self) -> Option<LeaseBook> {
        self.session.ledger().read().ok().map(|state| state.book)
    }

    /// Lock files that a killed git left, which stop every commit.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn stale_locks(&mut self) -> Result<(), Failure> {
        let common = self.session.repo.common_dir().to_owned();
        // Only we write this ref, and only under our own lock: with that in hand, a lock beside it is nobody's.
        let own = common.join(format!("{LEDGER}.lock"));
        if own.exists() {
            let _lock = self.session.ledger().lock()?;
            self.stale(&own)?;
        }
        let mut old = Vec::new();
        collect_locks(&common.join("refs"), &mut old)?;
        collect_locks_in(&common, &mut old)?;
        for worktree in self.session.repo.worktrees()? {
            collect_locks_in(&worktree.private_dir, &mut old)?;
        }
        old.sort();
        old.dedup();
        for path in old {
            if path != own && self.is_old(&path) {
                self.stale(&path)?;
            }
        }
        Ok(())
    }

    fn is_old(&self, path: &Path) -> bool {
        let age = path.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        age.is_some_and(|age| age > STALE)
    }

    fn stale(&mut self, path: &Path) -> Result<(), Failure> {
        if self.fix {
            crate::base::atomic::remove(path)?;
            self.mended(format!("removed {}, which a killed git left", path.display()));
        } else if path.exists() {
            self.open(format!("a killed git left {}", path.display()), "git odyssey doctor --fix");
        }
        Ok(())
    }

    /// The ledger itself: that it can be read, and that its leases do not contradict each other.
    ///
    /// # Errors
    /// When it cannot be mended.
    pub fn ledger(&mut self) -> Result<(), Failure> {
        let ledger = self.session.ledger();
        match ledger.read() {
            Ok(state) => self.contradictions(&state.book),
            Err(error @ LedgerError::NewerFormat(_)) => {
                self.open(error.to_string(), "install the newer git odyssey that wrote it");
            }
            Err(error) if self.session.authority.is_some() => {
                self.open(error.to_string(), REMOTE_LEDGER);
            }
            Err(error) if self.fix => {
                let mended = repair::restore(&ledger, &self.session.repo, self.session.now)?;
                self.mended(format!("{error}; {mended}"));
            }
            Err(error) => self.open(error.to_string(), "git odyssey doctor --fix"),
        }
        Ok(())
    }

    fn contradictions(&mut self, book: &LeaseBook) {
        let active: Vec<&Lease> = book.leases().iter().filter(|lease| lease.is_active()).collect();
        for lease in &active {
            for (other, _) in book.excluded_by(lease, &Versions(&self.session.repo)) {
                if lease.fence < other.fence {
                    self.open(
                        format!(
                            "{} and {} are both active, and their regions overlap",
                            lease.task, other.task
                        ),
                        &format!("stop one of them: git odyssey park {}", other.task),
                    );
                }
            }
        }
    }

    /// Leases without the branch that their work is on.
    ///
    /// # Errors
    /// When refs cannot be read, or a lease cannot be ended.
    pub fn leases(&mut self) -> Result<(), Failure> {
        let Some(book) = self.book() else { return Ok(()) };
        for lease in book.leases() {
            let Some(branch) = lease.branch() else { continue };
            if self.is_being_made(&lease.task)? {
                continue;
            }
            if self.session.repo.reference(branch)?.is_some() {
                self.off_branch(lease, branch)?;
                continue;
            }
            if self.session.authority.is_some() || !self.session.repo.server_hooks()?.is_empty() {
                // Where a remote decides, and on a server, that is the lease of another machine, which knows more.
                continue;
            }
            let what = format!("{} has a lease, and its branch {} is gone", lease.task, short(branch));
            if self.fix && self.session.workspace(lease)?.is_none() {
                let event = format!("release {}: its branch is gone", lease.task);
                let event = Event::of(EventKind::Release, &lease.task, lease.fence, event);
                self.session.ledger().change(self.session.now, |state| -> Result<_, LedgerError> {
                    Ok((vec![state.book.end(&lease.task, lease.fence, event.clone())?], ()))
                })?;
                self.mended(format!("{what}; ended the lease"));
            } else {
                self.open(what, "git odyssey doctor --fix ends the lease");
            }
        }
        Ok(())
    }

    /// What is committed in a workspace that has left its branch does not land.
    fn off_branch(&mut self, lease: &Lease, branch: &str) -> Result<(), Failure> {
        let Some(worktree) = self.session.workspace(lease)? else { return Ok(()) };
        if worktree.missing || worktree.uses(branch) {
            return Ok(());
        }
        let busy =
            self.look(&worktree, || Ok(Repo::open(&worktree.path)?.operation_under_way().is_some()))?;
        if busy != Some(false) {
            return Ok(());
        }
        self.open(
            format!("the workspace of {} is not on its branch {}", lease.task, short(branch)),
            &format!("go back to it: git -C {} switch {}", worktree.path.display(), short(branch)),
        );
        Ok(())
    }

    /// What there is to see in a worktree; nothing where it has gone meanwhile, or to another place, as they do while others
    /// work.
    fn look<T>(
        &self,
        worktree: &Worktree,
        see: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        match see() {
            Ok(seen) => Ok(Some(seen)),
            Err(failure) => {
                if self.stands(worktree)? {
                    Err(failure)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// Whether a worktree is still where it was, and whole.
    fn stands(&self, worktree: &Worktree) -> Result<bool, Failure> {
        let now = self.session.repo.worktrees()?;
        Ok(now.iter().any(|now| now.path == worktree.path && !now.missing) && worktree.path.exists())
    }

    fn is_being_made(&self, task: &TaskName) -> Result<bool, FileError> {
        Ok(intent::written(&self.session.ledger().folder())?.iter().any(|intent| intent.task() == task))
    }

    /// Workspaces whose lease has ended.
    ///
    /// # Errors
    /// When they cannot be listed, or one cannot be saved or removed.
    pub fn worktrees(&mut self) -> Result<(), Failure> {
        let Some(book) = self.book() else { return Ok(()) };
        for worktree in self.session.repo.worktrees()? {
            let branch = worktree.head.as_ref().and_then(|head| head.branch()).map(str::to_owned);
            let Some((branch, task)) =
                branch.and_then(|branch| TaskName::of_branch(&branch).map(|task| (branch, task)))
            else {
                continue;
            };
            if book.get(&task).is_some() || self.is_being_made(&task)? {
                continue;
            }
            if worktree.missing {
                self.open(
                    format!(
                        "the worktree of {task} is registered, and its folder {} is gone",
                        worktree.path.display()
                    ),
                    "if it was removed by hand: git worktree remove --force --force PATH",
                );
                continue;
            }
            self.orphan(&worktree, &branch, &task)?;
        }
        Ok(())
    }

    /// A workspace without a lease: what has landed goes, anything else is a person's to decide.
    fn orphan(&mut self, worktree: &Worktree, branch: &str, task: &TaskName) -> Result<(), Failure> {
        let target = self.session.target()?;
        let (tip, target) = (self.session.repo.reference(branch)?, self.session.repo.reference(&target)?);
        let landed = match (tip, target) {
            (Some(tip), Some(target)) => self.session.repo.reaches(target, tip)?,
            _ => false,
        };
        let clean = self.look(worktree, || Ok(Repo::open(&worktree.path)?.changes_by_git()?.is_empty()))?;
        let Some(clean) = clean else { return Ok(()) };
        let what = format!("the workspace {} has no lease", worktree.path.display());
        // Saved work too: somebody may have brought it back just now, to go on with it.
        if !landed || !clean {
            let branch = short(branch);
            self.open(
                format!("{what}, and holds work"),
                &format!(
                    "look into it; then keep it, or remove it: git worktree remove, git branch -D {branch}"
                ),
            );
            return Ok(());
        }
        if !self.fix {
            self.open(what, "git odyssey doctor --fix removes it: all its work has landed");
            return Ok(());
        }
        let lease = removal::stand_in(self.session, task, branch)?;
        match removal::remove(self.session, &lease, None, &format!("remove {task}, which has ended"))? {
            removal::Removed::Kept { why, .. } => self.open(format!("{what}, and was kept: {why}"), ""),
            _ => self.mended(format!("{what}; all its work had landed, and it is removed")),
        }
        Ok(())
    }

    /// Task branches without lease and worktree.
    ///
    /// # Errors
    /// When refs cannot be read or removed.
    pub fn branches(&mut self) -> Result<(), Failure> {
        let Some(book) = self.book() else { return Ok(()) };
        let worktrees = self.session.repo.worktrees()?;
        let Ok(target) = self.session.target() else { return Ok(()) };
        let target = self.session.repo.reference(&target)?;
        for (branch, tip) in self.session.repo.references(TaskName::BRANCHES)? {
            let Some(task) = TaskName::of_branch(&branch) else { continue };
            let used = worktrees.iter().any(|worktree| worktree.uses(&branch));
            if book.get(&task).is_some() || used || self.is_being_made(&task)? {
                continue;
            }
            let landed = match target {
                Some(target) => self.session.repo.reaches(target, tip)?,
                None => false,
            };
            let what = format!("the branch {} has no lease and no workspace", short(&branch));
            if !landed {
                self.open(
                    format!("{what}, and holds commits that have not landed"),
                    &format!("look at it: git log {}; it stays until you delete it", short(&branch)),
                );
            } else if self.fix {
                removal::delete_branch(
                    self.session,
                    &branch,
                    tip,
                    &format!("remove {task}, which has ended"),
                )?;
                self.mended(format!("{what}; it had landed, and is removed"));
            } else {
                self.open(what, "git odyssey doctor --fix removes it: it has landed");
            }
        }
        Ok(())
    }

    /// Commits on local branches, and commits that left for a remote, that wrote into a region that somebody else held
    /// then: a hook was bypassed.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn bypassed(&mut self) -> Result<(), Failure> {
        let Some(book) = self.book() else { return Ok(()) };
        let Some(oldest) = book.leases().iter().map(|lease| lease.granted_at).min() else { return Ok(()) };
        let repo = &self.session.repo;
        let mut published = updates::published(repo)?;
        let mut suspects = Vec::new();
        for (branch, tip) in repo.references("refs/heads/")? {
            suspects.push((branch, repo.new_commits(&[tip], &published.0)?, published.clone()));
            // Seen on one branch, a commit is not reported again for the next.
            published.0.push(tip);
        }
        // What this repository pushed is published now, and was judged by nobody if its hook was bypassed.
        for (remote, _) in repo.references("refs/remotes/")? {
            for (old, new) in repo.pushes(&remote)? {
                if repo.has(new) {
                    suspects.push((remote.clone(), repo.new_commits(&[new], &[old])?, published.clone()));
                }
            }
        }
        let overridden = precedent::overridden(self.session)?;
        let mut seen = BTreeSet::new();
        for (name, commits, published) in suspects {
            for commit in commits.iter().rev() {
                // What was there before the first of the leases was granted broke none of them.
                let old = repo.commit(*commit)?.time < oldest;
                if old || overridden.contains(commit) || !seen.insert(*commit) {
                    continue;
                }
                let Some(line) = self.trespass(&book, &name, *commit, &published)? else { continue };
                self.findings.push(Finding {
                    what: format!(
                        "{} on {} got past the hooks: {line}",
                        commit.to_hex_with_len(10),
                        short(&name),
                    ),
                    mended: false,
                    advice: Some("settle it with the holder, or take it back: git revert".to_owned()),
                });
            }
        }
        Ok(())
    }

    /// What a commit trespasses on, if it does and did when it was made.
    fn trespass(
        &self,
        book: &LeaseBook,
        branch: &str,
        commit: Oid,
        published: &Published,
    ) -> Result<Option<String>, Failure> {
        let session = self.session;
        let commons = session.commons()?;
        let bench =
            Bench { repo: &session.repo, leases: book, commons: &commons, now: session.now, lands: false };
        let actor = self.owner(book, branch, commit)?;
        let Err(error) = bench.judge_commits(&actor, &[commit], published) else { return Ok(None) };
        if precedent::was_allowed(session, &actor, commit, published)?
            || precedent::has_landed(session, commit)?
        {
            return Ok(None);
        }
        Ok(Some(error.to_string().lines().next().unwrap_or_default().to_owned()))
    }

    /// Whose a commit on a branch is: the task's, or a person's with the leases that they claimed for a checkout of
    /// their own.
    fn owner(&self, book: &LeaseBook, branch: &str, commit: Oid) -> Result<Actor, Failure> {
        // The branch of a remote too: `refs/remotes/origin/odyssey/auth`.
        let is_named = |own: &str| own == branch || branch.ends_with(&format!("/{}", short(own)));
        let of_branch = |lease: &&Lease| lease.branch().is_some_and(is_named) && lease.is_active();
        if let Some(lease) = book.leases().iter().find(of_branch) {
            return Ok(Actor::Task(lease.task.clone(), lease.fence));
        }
        let (author, _) = self.session.repo.commit(commit)?.author;
        let own = book.leases().iter().filter(|lease| {
            lease.branch().is_none()
                && lease.is_active()
                && lease.holder.name().as_bytes() == author.as_slice()
        });
        Ok(Actor::Person(own.map(|lease| (lease.task.clone(), lease.fence)).collect()))
    }
}

/// What is in a folder; nothing when it has gone, as those of refs and of worktrees do while others work.
fn inside(folder: &Path) -> Result<Vec<std::fs::DirEntry>, FileError> {
    match std::fs::read_dir(folder).and_then(Iterator::collect) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found.map_err(|source| FileError::new("read", folder, source)),
    }
}

fn collect_locks(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for entry in inside(folder)? {
        let path = entry.path();
        let failed = |source| FileError::new("read", &path, source);
        if entry.file_type().map_err(failed)?.is_dir() {
            collect_locks(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            found.push(path);
        }
    }
    Ok(())
}

/// Locks directly in a folder (`index.lock`, `AUTO_MERGE.lock`, …), and the copies of an index that a killed snapshot left.
fn collect_locks_in(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for entry in inside(folder)? {
        let path = entry.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if path.is_file() && (name.ends_with(b".lock") || name.starts_with(b"odyssey-index-")) {
            found.push(path);
        }
    }
    Ok(())
}

fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}
