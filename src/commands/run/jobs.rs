//! What a runner has done in threads beside it: tasks granted, work committed, parked, saved.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::Context;
use crate::commands::accounts::Accounts;
use crate::commands::accounts::totals::Totals;
use crate::commands::claim::Claim;
use crate::commands::park::Park;
use crate::commands::release::Release;
use crate::commands::removal;
use crate::commands::resume::Resume;
use crate::commands::session::Session;
use crate::commands::supervise;
use crate::domain::book::Work;
use crate::domain::budget::Spent;
use crate::domain::episode;
use crate::domain::holder::Holder;
use crate::domain::holder::HolderKind;
use crate::domain::lease::Fence;
use crate::domain::lease::Lease;
use crate::domain::task::TaskName;
use crate::domain::workflow::Task;
use crate::domain::workflow::Tier;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::progress::Track;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::workspace::setup;

use super::prompt;

/// A task that was granted, and where its work is done.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Its lease.
    pub lease: Lease,
    /// Its workspace.
    pub path: PathBuf,
    /// Whether there is work of an earlier attempt in it.
    pub goes_on: bool,
}

/// What an agent that was content has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Commits that the target has not.
    Commits,
    /// Nothing new.
    Nothing,
}

/// The names under which a workflow's agents hold leases. A lease of somebody else is not a runner's to end, also when the
/// task is one of the workflow's: a person may have gone on with it.
#[derive(Debug, Clone)]
pub struct Ours(Vec<String>);

impl Ours {
    /// Those of a workflow.
    pub fn of(workflow: &Workflow) -> Ours {
        Ours(workflow.tiers.values().map(|tier| tier.holder.clone()).collect())
    }

    /// Refuses an active lease of somebody else.
    ///
    /// # Errors
    /// When it is one.
    pub fn check(&self, lease: &Lease) -> Result<(), Failure> {
        let is_agent = lease.holder.kind() == HolderKind::Agent;
        if !lease.is_active() || is_agent && self.0.iter().any(|name| name == lease.holder.name()) {
            return Ok(());
        }
        Err(JobError::Elsewhere(lease.task.clone(), lease.holder.to_string()).into())
    }
}

#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("{0} is held by {1}, who goes on with it")]
    Elsewhere(TaskName, String),
    #[error("the workspace of {0} is gone")]
    NoWorkspace(TaskName),
    #[error("'{0}' cannot be a holder's name")]
    Holder(String),
}

impl Explain for JobError {
    fn kind(&self) -> Kind {
        match self {
            JobError::Elsewhere(..) => Kind::Held,
            JobError::NoWorkspace(_) | JobError::Holder(_) => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            JobError::NoWorkspace(task) => {
                vec![format!("bring it back, or give the task up: git odyssey abandon {task}")]
            }
            JobError::Elsewhere(task, _) => {
                vec![format!("the run goes on with it when it is parked: git odyssey park {task}")]
            }
            JobError::Holder(_) => vec!["name another in the tier: holder = \"…\"".to_owned()],
        }
    }
}

/// Claims a task; one that has a lease already, which is ours, goes on under a new fence: whoever worked on it before does not
/// write any more.
///
/// # Errors
/// When a region is held by somebody else, or there is no workspace.
pub fn begin(
    context: &Context<'_>,
    task: &Task,
    (tier, command): (&str, &Tier),
    ours: &Ours,
) -> Result<Granted, Failure> {
    let session = Session::open(context)?;
    let holder: Holder =
        format!("agent:{}", command.holder).parse().map_err(|_| JobError::Holder(command.holder.clone()))?;
    let book = session.ledger().read()?.book;
    let Some(lease) = book.get(&task.name) else {
        let claim = claim(task, holder, facts(task, tier));
        let (granted, lease) = claim.claimed(&session, context)?;
        return Ok(Granted { lease, path: granted.path, goes_on: false });
    };
    if lease.is_active() {
        ours.check(lease)?;
        park(context, &task.name, "its runner goes on with it")?;
    }
    let facts = facts(task, tier);
    let resume = Resume { task: Some(task.name.clone()), holder: Some(holder), ttl: None, facts };
    let (resumed, lease) = resume.resumed(context)?;
    let path = resumed.path.ok_or_else(|| JobError::NoWorkspace(task.name.clone()))?;
    if let Some(branch) = lease.branch() {
        clear_locks(context, &Repo::open(&path)?, branch)?;
    }
    Ok(Granted { lease, path, goes_on: true })
}

/// How long a lock has to have stood before it counts as left behind: a person's git beside us may have one for a moment.
const STALE: Duration = Duration::from_secs(2);

/// Removes the locks that a git of the ended agent left when it was killed: they would stop every commit.
fn clear_locks(context: &Context<'_>, workspace: &Repo, branch: &str) -> Result<(), Failure> {
    let folder = workspace.private_dir();
    let names = ["index.lock", "HEAD.lock", "ORIG_HEAD.lock", "AUTO_MERGE.lock"];
    let own = names.iter().map(|name| folder.join(name));
    for lock in own.chain([workspace.common_dir().join(format!("{branch}.lock"))]) {
        let age = || lock.metadata().ok()?.modified().ok()?.elapsed().ok();
        while let Some(left) = age().and_then(|age| STALE.checked_sub(age)).filter(|left| !left.is_zero()) {
            std::thread::sleep(left);
        }
        if lock.exists() {
            atomic::remove(&lock)?;
            context.monitor.note(&format!("removed {}, which an agent's git left", lock.display()));
        }
    }
    Ok(())
}

/// What the accounts are told of an attempt: its tier, and the class of the work.
fn facts(task: &Task, tier: &str) -> Vec<(&'static str, String)> {
    let class = task.class.clone().map(|class| (episode::CLASS, class));
    [(episode::TIER, tier.to_owned())].into_iter().chain(class).collect()
}

fn claim(task: &Task, holder: Holder, facts: Vec<(&'static str, String)>) -> Claim {
    Claim {
        task: task.name.clone(),
        regions: task.regions.clone(),
        holder: Some(holder),
        ttl: None,
        shared: false,
        wait: None,
        base: None,
        here: false,
        sparse: false,
        stack: false,
        take_over: false,
        command: Vec::new(),
        facts,
    }
}

/// Commits what an agent has left uncommitted, in its name.
///
/// # Errors
/// When it cannot be committed; it stays in the workspace.
pub fn settle(context: &Context<'_>, granted: &Granted) -> Result<Settled, Failure> {
    let session = Session::open(context)?;
    let (lease, path) = (&granted.lease, &granted.path);
    let workspace = Repo::open(path)?;
    if !workspace.changes_by_git()?.is_empty() {
        let variables = setup::variables(lease, path);
        let git = |arguments: &[&str]| {
            let git = Git::at(path).args(arguments);
            variables.iter().fold(git, |git, (name, value)| git.env(name, value))
        };
        git(&["add", "--all"]).run()?;
        let message = format!("{}: what its agent left uncommitted", lease.task);
        git(&["commit", "--quiet", "--message", &message]).run()?;
    }
    let tip = workspace.head()?.commit();
    let target = session.repo.reference(&lease.target)?;
    let new = session.repo.new_commits(tip.as_slice(), target.as_slice())?;
    Ok(if new.is_empty() { Settled::Nothing } else { Settled::Commits })
}

/// Gives back the regions of a task that has changed nothing.
///
/// # Errors
/// When there is something in its workspace after all.
pub fn release(context: &Context<'_>, task: &TaskName) -> Result<(), Failure> {
    Release { task: Some(task.clone()) }.run(context).map(drop)
}

/// Saves what is in the workspace and parks the task. One that has no lease any more, or whose lease is somebody else's by
/// now, is left alone.
///
/// # Errors
/// When it cannot be parked; its work is where it was.
pub fn stop(
    context: &Context<'_>,
    task: &TaskName,
    fence: Option<Fence>,
    why: &str,
    ours: &Ours,
) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let book = session.ledger().read()?.book;
    let Some(lease) = book.get(task) else { return Ok(()) };
    let is_ours = fence.map_or_else(|| ours.check(lease).is_ok(), |fence| fence == lease.fence);
    if !is_ours || !lease.is_active() {
        return Ok(());
    }
    save(context, task, why)?;
    park(context, task, why)
}

fn park(context: &Context<'_>, task: &TaskName, why: &str) -> Result<(), Failure> {
    Park { task: Some(task.clone()), reason: why.to_owned(), push: false }.run(context).map(drop)
}

/// Saves what is in the workspace under the task's salvage ref. Answers whether there is a lease.
///
/// # Errors
/// When something of it cannot be read or saved.
pub fn save(context: &Context<'_>, task: &TaskName, why: &str) -> Result<bool, Failure> {
    let session = Session::open(context)?;
    let book = session.ledger().read()?.book;
    let Some(lease) = book.get(task) else { return Ok(false) };
    if removal::work_behind(&session, lease) != Work::None {
        removal::save(&session, lease, why, session.now)?;
    }
    Ok(true)
}

/// Renews a lease that is still ours.
///
/// # Errors
/// When it was granted to somebody else, or ended.
pub fn renew(context: &Context<'_>, granted: &Granted) -> Result<(), Failure> {
    let session = Session::open(context)?;
    supervise::renew(&session, context, &granted.lease, &granted.path)
}

/// Writes down what is known of a task and what was asked of it, for whoever goes on with it. Answers where.
///
/// # Errors
/// When the workspace cannot be read, or the file cannot be written.
pub fn write_summary(
    context: &Context<'_>,
    folder: &Path,
    asked: &str,
    granted: &Granted,
    mut track: Track,
) -> Result<PathBuf, Failure> {
    let file = folder.join(format!("{}.summary.md", granted.lease.task));
    // Its agent has just ended, and the last that it used may not have been counted yet.
    if let Ok(used) = used(context, std::slice::from_ref(&granted.lease.task)) {
        let spent = used.tasks.into_iter().map(|(_, spent)| spent).next().unwrap_or_default();
        track.spent = Spent { seconds: track.spent.seconds, ..spent };
    }
    let summary = prompt::handover(context, asked, granted, &track)?;
    atomic::replace(&file, summary.as_bytes())?;
    Ok(file)
}

/// What tasks have used of models, and all the repository's work.
#[derive(Debug)]
pub struct Used {
    /// By each of the tasks that were asked about, all of its life.
    pub tasks: Vec<(TaskName, Spent)>,
    /// What the policy's limits are held against.
    pub totals: Totals,
}

/// What tasks have used, by the transcripts of their agents.
///
/// # Errors
/// When the ledger, the index of transcripts or the prices cannot be read.
pub fn used(context: &Context<'_>, tasks: &[TaskName]) -> Result<Used, Failure> {
    let session = Session::open(context)?;
    let accounts = Accounts::open(&session, context)?;
    let totals = Totals::of(&accounts, session.now);
    let used = |task: &TaskName| {
        let spent = totals.tasks.get(task).copied().unwrap_or_default();
        (task.clone(), spent.into())
    };
    Ok(Used { tasks: tasks.iter().map(used).collect(), totals })
}
