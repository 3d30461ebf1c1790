//! `land`: merges a task into its target and ends its lease, in one transaction.

pub mod error;

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::book::Entry;
use crate::domain::event::Event;
use crate::domain::event::EventKind;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::domain::lease::Phase;
use crate::domain::policy;
use crate::domain::policy::Strategy;
use crate::domain::refused::Refused;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::guard::Bench;
use crate::guard::commits::Published;
use crate::ledger::error::LedgerError;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Written;
use crate::merge::result;
use crate::merge::result::Merged;
use crate::merge::result::Parts;
use crate::merge::strategy::decision::Decision;
use crate::workspace::process;
use crate::workspace::setup;

use error::LandError;

use super::Context;
use super::Outcome;
use super::accounts;
use super::deciding;
use super::deciding::Along;
use super::deciding::Deciding;
use super::deciding::Reviewed;
use super::facts::Known;
use super::handover::error::HandoverError;
use super::init;
use super::landing::Landing;
use super::landing::LandingError;
use super::landing::Moved;
use super::overriding;
use super::recover;
use super::removal;
use super::removal::Removed;
use super::session::Session;

/// Merge a task into its target and end its lease, in one transaction.
#[derive(Debug, Clone, clap::Args)]
pub struct Land {
    /// The task [default: that of this workspace]
    #[arg(add = clap_complete::ArgValueCompleter::new(super::complete::live_tasks))]
    pub task: Option<TaskName>,
    /// One merge commit (this is the default, unless odyssey.toml says otherwise)
    #[arg(long, group = "how")]
    pub merge: bool,
    /// One commit with all changes
    #[arg(long, group = "how")]
    pub squash: bool,
    /// The task's commits on top of the target
    #[arg(long, group = "how")]
    pub rebase: bool,
    /// Only when the target has not moved since the task began
    #[arg(long, group = "how")]
    pub ff_only: bool,
    /// Run this in the workspace on the merged result; nothing moves if it fails
    #[arg(long, value_name = "COMMAND")]
    pub check: Option<String>,
    /// Leave the worktree and its branch where they are
    #[arg(long)]
    pub keep: bool,
    /// What decides conflicts.
    #[command(flatten)]
    pub deciding: Deciding,
    /// The tree that was merged and checked before, together with others: land only exactly this, and run no check.
    #[arg(skip)]
    pub checked: Option<Oid>,
}

/// What a landing answers.
#[derive(Debug, serde::Serialize)]
pub struct Landed {
    /// The task.
    pub task: TaskName,
    /// The target's full name.
    pub target: String,
    /// The target's commit before.
    pub old: String,
    /// The target's commit now.
    pub new: String,
    /// How many commits of the task landed.
    pub commits: usize,
    /// The checkouts that were brought to the new commit.
    pub checkouts: Vec<PathBuf>,
    /// Files in them that somebody edited at that very moment, and that were left as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<PathBuf>,
    /// What merge strategies decided.
    pub decisions: Vec<Decision>,
    /// Uncommitted edits that went along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried: Option<Along>,
    /// What became of the workspace.
    pub workspace: Removed,
}

/// How often a landing starts anew because the target moved meanwhile.
const TRIES: usize = 5;

impl Land {
    /// Verifies, merges, checks, and moves everything at once.
    ///
    /// # Errors
    /// When anything speaks against it; then nothing has moved.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let landed = self.land(context, Reviewed::nothing())?;
        Ok(Outcome::new(page(&landed), &landed))
    }

    /// As [`Land::run`], with what was decided of single conflicts in a review.
    ///
    /// # Errors
    /// As for [`Land::run`].
    pub fn land(&self, context: &Context<'_>, reviewed: Reviewed<'_>) -> Result<Landed, Failure> {
        let session = Session::open(context)?;
        recover::cut_off(&session, context)?;
        init::heed_silence(&session, context)?;
        let task = session.task(self.task.as_ref())?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(&session, context, &task, reviewed) {
                Err(Attempt::Moved(_)) if tries < TRIES => {}
                Err(Attempt::Moved(failure) | Attempt::Failed(failure)) => return Err(failure),
                Ok(landed) => return Ok(landed),
            }
        }
    }

    fn attempt(
        &self,
        session: &Session,
        context: &Context<'_>,
        task: &TaskName,
        reviewed: Reviewed<'_>,
    ) -> Result<Landed, Attempt> {
        let lease = verified_lease(session, context, task)?;
        let branch = lease.branch().ok_or_else(|| LandError::Here(task.clone())).map_err(Failure::from)?;
        if session.repo.reference(branch).map_err(Failure::from)?.is_some() && session.is_elsewhere(&lease)? {
            return Err(Failure::from(HandoverError::Elsewhere(task.clone())).into());
        }
        let workspace = clean_workspace(session, &lease, branch)?;
        let (tip, old) = ends(session, &lease, branch)?;
        let commits = session.repo.new_commits(&[tip], &[old]).map_err(Failure::from)?;
        if commits.is_empty() {
            let target = short(&lease.target).to_owned();
            return Err(Failure::from(LandError::Nothing(task.clone(), target)).into());
        }
        let overridden = judge(session, context, &lease, &commits, old)?;
        let facts = accounts::facts(session, context, task);
        let told = session.policy.usage.trailer.then(|| facts.iter().map(accounts::trailer).collect());
        let trailers: Vec<String> = told.unwrap_or_default();
        let merged = self.merged(session, context, &lease, (tip, old), (&commits, &trailers), reviewed)?;
        if let Some(tree) = self.checked {
            if session.repo.commit(merged.commit).map_err(Failure::from)?.tree != tree {
                return Err(Failure::from(LandError::Moved(short(&lease.target).to_owned())).into());
            }
        } else if let Some(words) = self.check(session)? {
            check(session, &lease, branch, workspace.as_ref(), merged.commit, &words)?;
        }
        if let Some(refusal) = overridden {
            let moves = vec![(lease.target.clone(), merged.commit)];
            overriding::record(session, context, &refusal, moves)?;
        }
        let stands = (reviewed.stands)()?;
        let carried = reviewed.carried;
        if let Some(carried) = carried
            && (carried.old, carried.tree) != (old, session.repo.commit(merged.commit)?.tree)
        {
            return Err(Failure::from(LandError::Other(task.clone())).into());
        }
        let landing = Landing { lease: &lease, old, new: merged.commit, keep: self.keep, carried, facts };
        let Moved { checkouts, kept, written } = landing.carry_out(session).map_err(Attempt::of)?;
        drop(stands);
        let workspace = self.clear(session, &lease)?;
        removal::settle(Some(written), &workspace)?;
        Ok(Landed {
            task: task.clone(),
            target: lease.target.clone(),
            old: old.to_string(),
            new: merged.commit.to_string(),
            commits: commits.len(),
            checkouts,
            kept: kept.iter().map(|(checkout, file)| checkout.join(text::visible(file))).collect(),
            decisions: merged.decisions,
            carried: carried.map(Along::of),
            workspace,
        })
    }

    fn strategy(&self, session: &Session) -> Strategy {
        match (self.merge, self.squash, self.rebase, self.ff_only) {
            (true, ..) => Strategy::Merge,
            (_, true, ..) => Strategy::Squash,
            (_, _, true, _) => Strategy::Rebase,
            (.., true) => Strategy::FfOnly,
            _ => session.policy.land.strategy,
        }
    }

    /// The commit that would land on a commit of the target's.
    ///
    /// # Errors
    /// When it cannot be made, a conflict among the reasons.
    pub fn merged(
        &self,
        session: &Session,
        context: &Context<'_>,
        lease: &Lease,
        (tip, old): (Oid, Oid),
        (commits, trailers): (&[Oid], &[String]),
        reviewed: Reviewed<'_>,
    ) -> Result<Merged, Failure> {
        let strategy = self.strategy(session);
        if strategy == Strategy::FfOnly && !session.repo.reaches(tip, old)? {
            let target = short(&lease.target).to_owned();
            return Err(LandError::NotAhead { task: lease.task.clone(), target }.into());
        }
        let (repo, now) = (&session.repo, session.now);
        let rules = self.deciding.rules(session)?;
        let facts = Known::of(session, repo, lease, tip, old);
        let (rules, facts, resolutions) = (&rules, &facts, reviewed.resolutions);
        let parts =
            Parts { repo, lease, tip, target: old, commits, rules, facts, resolutions, trailers, now };
        let merged = result::make(parts, strategy)?;
        for difference in &merged.differences {
            context.monitor.note(&format!("please report this: {difference}"));
        }
        Ok(merged)
    }

    /// What has to pass before it lands, if anything.
    ///
    /// # Errors
    /// When the check that was asked for cannot be run.
    pub fn check(&self, session: &Session) -> Result<Option<Vec<String>>, Failure> {
        let Some(command) = &self.check else { return Ok(session.policy.land.check.clone()) };
        let bad = |reason: String| LandError::BadCheck { command: command.clone(), reason };
        Ok(Some(policy::words(command).map_err(|reason| bad(reason.to_string()))?))
    }

    fn clear(&self, session: &Session, lease: &Lease) -> Result<Removed, Failure> {
        if self.keep {
            let path = session.workspace(lease)?.map(|worktree| worktree.path).unwrap_or_default();
            return Ok(Removed::Kept { path, why: "as asked".to_owned() });
        }
        Ok(removal::remove_or_keep(session, lease, None, &format!("land {}", lease.task)))
    }
}

/// The lease, if the caller may land it: anybody may land a task for its holder, but not with an old fence.
///
/// # Errors
/// When there is none, or the caller's fence is old.
pub fn verified_lease(session: &Session, context: &Context<'_>, task: &TaskName) -> Result<Lease, Failure> {
    let book = session.ledger().read()?.book;
    if let Actor::Task(own, fence) = session.actor(context)?
        && own == *task
    {
        match book.need_active(task, fence) {
            // Parked work has its regions still, so it may land.
            Ok(_) | Err(Refused::NotActive(_)) => {}
            Err(refused) => return Err(LedgerError::from(refused).into()),
        }
    }
    Ok(book.need(task).map_err(LedgerError::from)?.clone())
}

/// Why an attempt ended.
enum Attempt {
    /// The target or the ledger moved: try again with what is there now.
    Moved(Failure),
    /// It cannot be done.
    Failed(Failure),
}

impl Attempt {
    fn of(failure: Failure) -> Attempt {
        if failure.is::<LandingError>(|error| matches!(error, LandingError::TargetMoved(_))) {
            Attempt::Moved(failure)
        } else {
            Attempt::Failed(failure)
        }
    }
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Attempt {
        Attempt::Failed(failure)
    }
}

/// The workspace, if there is one; it has to be clean and on its branch, so that nothing is left behind.
///
/// # Errors
/// When it is not.
pub fn clean_workspace(session: &Session, lease: &Lease, branch: &str) -> Result<Option<Repo>, Failure> {
    let Some(worktree) = session.workspace(lease)?.filter(|worktree| !worktree.missing) else {
        return Ok(None);
    };
    let (task, path) = (lease.task.clone(), worktree.path.clone());
    let workspace = Repo::open(&worktree.path)?;
    if let Some(operation) = workspace.operation_under_way() {
        return Err(LandError::UnderWay { task, path, operation: operation.to_owned() }.into());
    }
    if !worktree.uses(branch) {
        return Err(LandError::OffBranch { task, path, branch: branch.to_owned() }.into());
    }
    let changes = workspace.changes_by_git()?;
    if !changes.is_empty() {
        return Err(LandError::Uncommitted { task, path, paths: changes.paths() }.into());
    }
    Ok(Some(workspace))
}

/// The task's last commit, and the target's.
///
/// # Errors
/// When one of them is gone, or the branch is on another machine.
pub fn ends(session: &Session, lease: &Lease, branch: &str) -> Result<(Oid, Oid), Failure> {
    let tip = match (session.repo.reference(branch)?, &session.authority) {
        (Some(tip), _) => tip,
        (None, Some(_)) => return Err(HandoverError::NoBranch(lease.task.clone()).into()),
        (None, None) => return Err(LandError::NoBranch(branch.to_owned()).into()),
    };
    let old =
        session.repo.reference(&lease.target)?.ok_or_else(|| LandError::NoTarget(lease.target.clone()))?;
    Ok((tip, old))
}

/// Every commit that would land is judged again: a hook may have been bypassed. Answers a refusal that was overridden.
///
/// # Errors
/// When one writes where the task may not, and no person overrides it.
pub fn judge(
    session: &Session,
    context: &Context<'_>,
    lease: &Lease,
    commits: &[Oid],
    target: Oid,
) -> Result<Option<String>, Failure> {
    let state = session.ledger().read()?;
    // Parked work is judged as if it were active: its claim on its regions stands.
    let active = Lease { phase: Phase::Active, ..lease.clone() };
    let event = Event::of(EventKind::Resume, &lease.task, lease.fence, String::new());
    let book = state.book.after(&Entry { event, put: vec![active], remove: Vec::new() });
    let commons = session.commons()?;
    let bench =
        Bench { repo: &session.repo, leases: &book, commons: &commons, now: session.now, lands: true };
    let actor = Actor::Task(lease.task.clone(), lease.fence);
    match bench.judge_commits(&actor, commits, &Published(vec![target])) {
        Ok(_) => Ok(None),
        Err(refused)
            if refused.kind() == Kind::Held && overriding::may(context, &session.actor(context)?)? =>
        {
            Ok(Some(refused.to_string()))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// Runs the check in the workspace on the merged result, and puts the workspace back on its branch.
///
/// # Errors
/// When it fails, cannot be run, or leaves changes behind.
pub fn check(
    session: &Session,
    lease: &Lease,
    branch: &str,
    workspace: Option<&Repo>,
    merged: Oid,
    words: &[String],
) -> Result<(), Failure> {
    let Some(workspace) = workspace else {
        return Err(LandError::NoBranch(format!("{branch}'s workspace, in which the check runs,")).into());
    };
    let path = workspace.need_checkout()?.to_owned();
    let merged = merged.to_string();
    let intent = Intent::Check {
        task: lease.task.clone(),
        path: path.clone(),
        branch: branch.to_owned(),
        merged: Some(merged.clone()),
    };
    let written = Written::begin(&session.ledger().folder(), &intent)?;
    let checkout = ["-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", &merged];
    {
        let lock = recover::check_lock(session, &lease.task)?;
        Git::at(&path).args(checkout).holding(&lock)?.run()?;
    }
    let checked = process::run("the check", words, &path, &setup::variables(lease, &path));
    // Also after a failure: what the check changed must not travel to another branch unseen.
    let back = recover::return_to_branch(session, &lease.task, &path, branch);
    written.done()?;
    // First: whoever goes on in the workspace must know where it is.
    back.map_err(|failure| {
        let short = short(branch);
        failure.hint(format!(
            "the workspace is at the merged result still: move away what the check changed in {}, then git switch {short} there",
            path.display()
        ))
    })?;
    checked?;
    let changes = Repo::open(&path)?.changes_by_git()?;
    if !changes.is_empty() {
        let (task, paths) = (lease.task.clone(), changes.paths());
        return Err(Failure::from(LandError::Uncommitted { task, path, paths })
            .hint("the check itself made these changes; nothing has landed"));
    }
    Ok(())
}

/// A branch as people write it.
pub fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}

/// The answer for people.
pub fn page(landed: &Landed) -> Page {
    let mut page = Page::default();
    page.put(Label::Good, "landed ").put(Label::Name, landed.task.as_str()).put(Label::Plain, " on ");
    page.put(Label::Place, short(&landed.target)).put(Label::Plain, ": ");
    page.put(Label::Plain, text::count(landed.commits, "commit"));
    page.put(Label::Quiet, format!(", {} is now {}", short(&landed.target), &landed.new[..10])).end();
    for checkout in &landed.checkouts {
        page.put(Label::Plain, "  updated ").put(Label::Place, checkout.display().to_string()).end();
    }
    for path in &landed.kept {
        page.put(Label::Warn, "  left as it is ").put(Label::Place, path.display().to_string());
        page.put(Label::Plain, ": it was edited at this moment").end();
    }
    if let Some(carried) = &landed.carried {
        carried.put(&mut page);
    }
    deciding::put(&mut page, &landed.decisions, landed.task.as_str(), short(&landed.target));
    removal::put(&mut page, &landed.task, &landed.workspace);
    page
}

impl From<GitError> for Attempt {
    fn from(error: GitError) -> Attempt {
        Attempt::Failed(error.into())
    }
}
