//! `sync`: brings what is new on the target into a task's workspace, by a merge or a rebase.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::lock::Lock;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::domain::refused::Refused;
use crate::domain::task::TaskName;
use crate::git::repo::Repo;
use crate::ledger::error::LedgerError;
use crate::merge::result;
use crate::merge::result::Merged;
use crate::merge::result::Parts;
use crate::merge::result::Update;
use crate::merge::strategy::decision::Decision;

use super::Context;
use super::Outcome;
use super::deciding;
use super::deciding::Deciding;
use super::deciding::Reviewed;
use super::facts::Known;
use super::handover::error::HandoverError;
use super::init;
use super::land;
use super::overriding;
use super::recover;
use super::renew;
use super::session::Session;
use super::syncing::Syncing;
use super::syncing::SyncingError;

/// Bring what is new on the target into a task's workspace; uncommitted edits stay as they are.
#[derive(Debug, Clone, clap::Args)]
pub struct Sync {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// By a merge commit on the task's branch (this is the default)
    #[arg(long, group = "how")]
    pub merge: bool,
    /// Put the task's commits on top of the target; as they were they are saved
    #[arg(long, group = "how")]
    pub rebase: bool,
    /// What decides conflicts.
    #[command(flatten)]
    pub deciding: Deciding,
}

/// What a sync answers.
#[derive(Debug, serde::Serialize)]
pub struct Synced {
    /// The task.
    pub task: TaskName,
    /// The target's full name.
    pub target: String,
    /// How: nothing when there was nothing new.
    pub how: Option<How>,
    /// The branch's commit before.
    pub old: String,
    /// The branch's commit now.
    pub new: String,
    /// How many commits of the target the branch got.
    pub commits: usize,
    /// How many commits of its own the task has on its branch.
    pub own: usize,
    /// How many commits a rebase left out, because the target has their changes already.
    pub dropped: usize,
    /// The workspace.
    pub workspace: PathBuf,
    /// What merge strategies decided.
    pub decisions: Vec<Decision>,
    /// Paths that somebody edited at that very moment, and that were left as they are.
    pub kept: Vec<String>,
    /// The salvage commit that keeps the task's commits as they were before a rebase.
    pub saved: Option<String>,
}

/// In which way a branch moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// To the target's own commit: the task had none of its own.
    FastForward,
    /// To a merge commit.
    Merge,
    /// To its own commits, made anew on top of the target.
    Rebase,
}

/// Why a workspace cannot be synced.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error("{0} has no workspace: its work is in the checkout that it was claimed for")]
    Here(TaskName),
    #[error("{0} may sync its own workspace only, not that of {1}")]
    Other(TaskName, TaskName),
    #[error("the workspace of {0} is gone")]
    NoWorkspace(TaskName),
    #[error("the branch {0} is gone")]
    NoBranch(String),
    #[error("{0} has no commit any more")]
    NoTarget(String),
    #[error("the workspace of {task} is in the middle of {operation}")]
    UnderWay { task: TaskName, path: PathBuf, operation: String },
    #[error("the workspace of {task} is not on its branch {branch}")]
    OffBranch { task: TaskName, path: PathBuf, branch: String },
}

impl Explain for SyncError {
    fn kind(&self) -> Kind {
        match self {
            SyncError::Other(..) => Kind::Held,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            SyncError::Here(_) => vec!["merge or rebase there with git itself".to_owned()],
            SyncError::Other(_, other) => {
                vec![format!("in its workspace, or as a person: git odyssey sync {other}")]
            }
            SyncError::NoWorkspace(_) | SyncError::NoBranch(_) => {
                vec!["see what happened: git odyssey doctor".to_owned()]
            }
            SyncError::NoTarget(_) => Vec::new(),
            SyncError::UnderWay { path, .. } => {
                vec![format!("finish or abort it there: git -C {} status", path.display())]
            }
            SyncError::OffBranch { path, branch, .. } => {
                vec![format!("go back to it: git -C {} switch {}", path.display(), land::short(branch))]
            }
        }
    }
}

/// How often a sync starts anew because the branch moved meanwhile.
const TRIES: usize = 5;

impl Sync {
    /// Merges in memory, and moves branch and workspace at once.
    ///
    /// # Errors
    /// When anything speaks against it; then nothing has moved.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let synced = self.sync(context, Reviewed::nothing())?;
        Ok(Outcome::new(page(&synced), &synced))
    }

    /// As [`Sync::run`], with what was decided of single conflicts in a review.
    ///
    /// # Errors
    /// As for [`Sync::run`].
    pub fn sync(&self, context: &Context<'_>, reviewed: Reviewed<'_>) -> Result<Synced, Failure> {
        let session = Session::open(context)?;
        let task = session.task(self.task.as_ref())?;
        recover::cut_off(&session, context)?;
        init::heed_silence(&session, context)?;
        let actor = session.actor(context)?;
        writable(&session, &actor, &task)?;
        // Whoever syncs the same task meanwhile waits, and has nothing left to do then.
        let _turn = Lock::wait(&session.ledger().folder().join("lock").join(format!("sync-{task}")))?;
        let mut tries = 0;
        let synced = loop {
            tries += 1;
            match self.attempt(&session, context, &actor, &task, reviewed) {
                Err(failure) if tries < TRIES && failure.is(is_moved) => {}
                other => break other?,
            }
        };
        // Who syncs works: like a commit, that renews the lease. What somebody else does for a task says nothing of it.
        if matches!(&actor, Actor::Task(own, _) if *own == task) {
            renew::if_due(&session, &actor)?;
        }
        Ok(synced)
    }

    fn attempt(
        &self,
        session: &Session,
        context: &Context<'_>,
        actor: &Actor,
        task: &TaskName,
        reviewed: Reviewed<'_>,
    ) -> Result<Synced, Failure> {
        let lease = writable(session, actor, task)?;
        let branch = lease.branch().ok_or_else(|| SyncError::Here(task.clone()))?;
        let workspace = workspace_on(session, &lease, branch)?;
        if session.is_elsewhere(&lease)? {
            return Err(HandoverError::Elsewhere(task.clone()).into());
        }
        let none = || SyncError::NoBranch(branch.to_owned());
        let old = session.repo.reference(branch)?.ok_or_else(none)?;
        let none = || SyncError::NoTarget(lease.target.clone());
        let target = session.repo.reference(&lease.target)?.ok_or_else(none)?;
        let own = session.repo.new_commits(&[old], &[target])?;
        let mut synced = Synced {
            task: task.clone(),
            target: lease.target.clone(),
            how: None,
            old: old.to_string(),
            new: old.to_string(),
            commits: session.repo.new_commits(&[target], &[old])?.len(),
            own: own.len(),
            dropped: 0,
            workspace: workspace.need_checkout()?.to_owned(),
            decisions: Vec::new(),
            kept: Vec::new(),
            saved: None,
        };
        if synced.commits == 0 {
            return Ok(synced);
        }
        let rules = self.deciding.rules(session)?;
        let facts = Known::of(session, &workspace, &lease, old, target);
        let parts = Parts {
            repo: &workspace,
            lease: &lease,
            tip: old,
            target,
            commits: &own,
            rules: &rules,
            facts: &facts,
            resolutions: reviewed.resolutions,
            trailers: &[],
            now: session.now,
        };
        let merged = self.merged(context, parts)?;
        let new = merged.commit;
        // No hook judges a move that we announce, and what is refused here could not land later.
        let made = session.repo.new_commits(&[new], &[old, target])?;
        if let Some(refusal) = land::judge(session, context, &lease, &made, target)? {
            overriding::record(session, context, &refusal, vec![(branch.to_owned(), new)])?;
        }
        let stands = (reviewed.stands)()?;
        let syncing = Syncing { lease: &lease, branch, workspace: &workspace, old, new };
        let moved = syncing.carry_out(session)?;
        drop(stands);
        synced.how = Some(if own.is_empty() { How::FastForward } else { self.how().into() });
        synced.decisions = merged.decisions;
        synced.dropped = merged.dropped;
        synced.new = new.to_string();
        synced.own = session.repo.new_commits(&[new], &[target])?.len();
        synced.kept = moved.kept.iter().map(|path| text::visible(path)).collect();
        synced.saved = moved.saved.map(|commit| commit.to_string());
        Ok(synced)
    }

    fn how(&self) -> Update {
        if self.rebase { Update::Rebase } else { Update::Merge }
    }

    fn merged(&self, context: &Context<'_>, parts: Parts<'_>) -> Result<Merged, Failure> {
        let merged = result::update(parts, self.how())?;
        for difference in &merged.differences {
            context.monitor.note(&format!("please report this: {difference}"));
        }
        Ok(merged)
    }
}

impl From<Update> for How {
    fn from(update: Update) -> How {
        match update {
            Update::Merge => How::Merge,
            Update::Rebase => How::Rebase,
        }
    }
}

fn is_moved(error: &SyncingError) -> bool {
    matches!(error, SyncingError::BranchMoved(_))
}

/// The lease, if the caller may write under it: the task itself with its fence, or a person for it.
///
/// # Errors
/// When there is none that is active, or the caller may not.
pub fn writable(session: &Session, actor: &Actor, task: &TaskName) -> Result<Lease, Failure> {
    let book = session.ledger().read()?.book;
    let fence = match actor {
        Actor::Task(own, fence) if own == task => *fence,
        Actor::Task(own, _) => return Err(SyncError::Other(own.clone(), task.clone()).into()),
        Actor::Person(_) => book.need(task).map_err(LedgerError::from)?.fence,
    };
    let lease = book.need_active(task, fence).cloned();
    Ok(lease.map_err(|refused: Refused| LedgerError::from(refused))?)
}

/// The workspace; it has to be on its branch, with nothing unfinished.
///
/// # Errors
/// When it is not there, or not as it has to be.
pub fn workspace_on(session: &Session, lease: &Lease, branch: &str) -> Result<Repo, Failure> {
    let task = lease.task.clone();
    let found = session.workspace(lease)?.filter(|worktree| !worktree.missing);
    let worktree = found.ok_or_else(|| SyncError::NoWorkspace(task.clone()))?;
    let workspace = Repo::open(&worktree.path)?;
    let path = worktree.path;
    if let Some(operation) = workspace.operation_under_way() {
        return Err(SyncError::UnderWay { task, path, operation: operation.to_owned() }.into());
    }
    if workspace.head()?.branch() != Some(branch) {
        return Err(SyncError::OffBranch { task, path, branch: branch.to_owned() }.into());
    }
    Ok(workspace)
}

/// The answer for people.
pub fn page(synced: &Synced) -> Page {
    let mut page = Page::default();
    let target = land::short(&synced.target);
    let Some(how) = synced.how else {
        page.put(Label::Name, synced.task.as_str()).put(Label::Plain, " has all of ");
        page.put(Label::Place, target).put(Label::Plain, " already").end();
        return page;
    };
    page.put(Label::Good, "synced ").put(Label::Name, synced.task.as_str()).put(Label::Plain, " with ");
    page.put(Label::Place, target).put(Label::Plain, ": ");
    page.put(Label::Plain, format!("{} by a {}", text::count(synced.commits, "new commit"), how.words()));
    page.put(Label::Quiet, format!(", it is now at {}", &synced.new[..10])).end();
    page.put(Label::Plain, "  updated ").put(Label::Place, synced.workspace.display().to_string()).end();
    deciding::put(&mut page, &synced.decisions, synced.task.as_str(), target);
    for path in &synced.kept {
        page.put(Label::Warn, "  left as it is ").put(Label::Place, path);
        page.put(Label::Plain, ": it was edited at this moment").end();
    }
    if synced.dropped > 0 {
        let dropped = text::count(synced.dropped, "commit");
        page.line(Label::Plain, format!("  left out {dropped}: {target} has all that was changed there"));
    }
    if let Some(saved) = &synced.saved {
        page.put(Label::Quiet, "  the commits as they were are saved as ")
            .put(Label::Place, &saved[..10])
            .end();
    }
    page
}

impl How {
    fn words(self) -> &'static str {
        match self {
            How::FastForward => "fast-forward",
            How::Merge => "merge",
            How::Rebase => "rebase",
        }
    }
}
