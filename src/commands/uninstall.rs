//! `uninstall`: leaves the repository as it was before `init`, and keeps work that has not landed.

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::Work;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::git::checkout::PROCESS;
use crate::git::repo::Repo;
use crate::git::worktree::Pool;
use crate::ledger::fold::ARCHIVES;
use crate::ledger::local::LEDGER;
use crate::ledger::reviews;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::init::MARK;
use super::init::REMOTE_MARK;
use super::recover;
use super::removal;
use super::session::Session;
use super::setup;

/// Take git odyssey out of this repository; branches, worktrees and saved work stay.
#[derive(Debug, Clone, clap::Args)]
pub struct Uninstall {
    /// Also while tasks are live; their branches and worktrees stay
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, serde::Serialize)]
struct Uninstalled {
    kept_branches: Vec<String>,
    kept_worktrees: Vec<std::path::PathBuf>,
    kept_salvage: usize,
    kept_reviews: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("{} live: {}", if .0.len() == 1 { "1 task is".to_owned() } else { format!("{} tasks are", .0.len()) }, .0.join(", "))]
struct StillLive(Vec<String>);

impl Explain for StillLive {
    fn hints(&self) -> Vec<String> {
        vec![
            "land, release or abandon them first".to_owned(),
            "or leave their branches and worktrees as they are: git odyssey uninstall --force".to_owned(),
        ]
    }
}

impl Uninstall {
    /// Removes hooks, exclusions and the ledger.
    ///
    /// # Errors
    /// When tasks are live and it was not forced, or something cannot be removed.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let ledger = session.ledger();
        let mut kept = Uninstalled {
            kept_branches: Vec::new(),
            kept_worktrees: Vec::new(),
            kept_salvage: 0,
            kept_reviews: 0,
        };
        if ledger.is_prepared()? {
            match recover::cut_off(&session, context) {
                // Who leaves for good must not depend on a remote that has gone for good.
                Err(failure) if self.force && session.authority.is_some() => {
                    context.monitor.note(&format!("{failure}"));
                }
                other => drop(other?),
            }
            let state = ledger.read()?;
            let with_work: Vec<_> = state
                .book
                .leases()
                .iter()
                .filter(|lease| removal::work_behind(&session, lease) == Work::Some)
                .collect();
            let mut live = Vec::new();
            for lease in state.book.leases() {
                if is_here(&session, lease)? {
                    live.push(lease.task.to_string());
                }
            }
            if !self.force && !live.is_empty() {
                return Err(StillLive(live).into());
            }
            kept.kept_branches.extend(with_work.iter().filter_map(|lease| lease.branch()).map(str::to_owned));
            for lease in state.book.leases() {
                kept.kept_worktrees.extend(session.workspace(lease)?.map(|worktree| worktree.path));
            }
        }
        kept.kept_reviews = session.repo.references(reviews::PREFIX)?.len();
        kept.kept_salvage = crate::workspace::salvage::list(&session.repo)?.len();
        if ledger.is_prepared()? {
            setup::forget(&session, &context.at(&session.home))?;
        }
        // Hooks first: without a ledger they would pass everything, but they would still be there.
        session.repo.uninstall_hooks(&ledger.folder())?;
        session.repo.take_settings(REMOTE_MARK)?;
        session.repo.remove_server_hooks(&ledger.folder())?;
        session.repo.remove_exclude_block(MARK)?;
        for worktree in session.repo.worktrees()?.iter().filter(|worktree| !worktree.missing) {
            copy::forget(&worktree.path)?;
            atomic::remove(&worktree.private_dir.join(PROCESS))?;
        }
        let mut refs = session.repo.references("refs/odyssey/remote/")?;
        refs.extend(session.repo.references(ARCHIVES)?);
        refs.extend(session.repo.reference(LEDGER)?.map(|tip| (LEDGER.to_owned(), tip)));
        for (name, tip) in refs {
            session.repo.forget(&name, tip)?;
        }
        // Where no workspace can be there is no tree either.
        if let Ok(workspaces) = session.workspaces() {
            Pool { folder: workspaces.pool(), size: 0, caches: Vec::new() }.drain()?;
        }
        remove_folder(&ledger.folder())?;
        Ok(Outcome::new(page(&kept), &kept))
    }
}

/// Whether a lease is of this machine. Where a remote decides, most are of others.
fn is_here(session: &Session, lease: &Lease) -> Result<bool, Failure> {
    if session.authority.is_none() {
        return Ok(true);
    }
    if let Some(branch) = lease.branch() {
        return Ok(session.repo.reference(branch)?.is_some());
    }
    for worktree in session.repo.worktrees()?.iter().filter(|worktree| !worktree.missing) {
        if let Actor::Person(own) = copy::actor(&Repo::open(&worktree.path)?, None)?
            && own.iter().any(|(task, _)| *task == lease.task)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn remove_folder(folder: &std::path::Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::new("remove", folder, error))
        }
        _ => Ok(()),
    }
}

fn page(kept: &Uninstalled) -> Page {
    let mut page = Page::default();
    page.line(Label::Good, "git odyssey is out of this repository");
    for branch in &kept.kept_branches {
        let short = branch.trim_start_matches("refs/heads/");
        page.put(Label::Plain, "  kept branch ").put(Label::Place, short.to_owned()).end();
    }
    for path in &kept.kept_worktrees {
        page.put(Label::Plain, "  kept worktree ").put(Label::Place, path.display().to_string()).end();
    }
    if kept.kept_reviews > 0 {
        let reviews = text::count(kept.kept_reviews, "review");
        page.line(Label::Plain, format!("  kept {reviews} under refs/odyssey/reviews"));
    }
    if kept.kept_salvage > 0 {
        let saved = text::count(kept.kept_salvage, "saved state");
        page.line(Label::Plain, format!("  kept {saved} under refs/odyssey/salvage"));
    }
    page
}
