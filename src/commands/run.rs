//! `run`: does what a workflow says: agents in workspaces of their own, within their budgets, and what they did lands.

mod agent;
mod budgets;
mod jobs;
mod journal;
pub mod live;
mod moments;
mod outcomes;
mod prompt;
mod queue;
mod runner;
mod screen;
mod setting;
mod signals;
mod standing;

use std::path::PathBuf;
use std::time::Duration;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::progress::Progress;
use crate::domain::workflow::progress::State;
use crate::domain::workflow::progress::Step;
use crate::git::Oid;
use crate::ledger::error::LedgerError;
use crate::ledger::local;
use crate::ledger::watch::RefWatch;

use super::Context;
use super::Outcome;
use super::init;
use super::recover;
use super::session::Session;
use super::workflow;
use super::workflow::Given;
use journal::Journal;
use runner::Happened;
use runner::Runner;

/// Do what a workflow says; run again after an interruption, it goes on where it was.
///
/// Every task gets a workspace, an agent and a budget, and its work lands when its check passes. Ctrl-C ends the agents and
/// parks their work; a second one ends at once. What has landed is not done again.
#[derive(Debug, Clone, clap::Args)]
pub struct Run {
    /// The workflow's file
    pub file: PathBuf,
    /// A value for the workflow's texts; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub given: Vec<Given>,
    /// Begin a new run, although an earlier one has been begun
    #[arg(long)]
    pub anew: bool,
}

/// What a run answers.
#[derive(Debug, serde::Serialize)]
struct Answer<'a> {
    workflow: &'a str,
    tasks: Vec<Done<'a>>,
}

#[derive(Debug, serde::Serialize)]
struct Done<'a> {
    task: &'a str,
    #[serde(flatten)]
    track: crate::domain::workflow::progress::Track,
}

/// The runtime could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot wait for agents")]
struct NoRuntime(#[source] std::io::Error);

impl Explain for NoRuntime {}

impl Run {
    /// Runs the workflow as far as it goes.
    ///
    /// # Errors
    /// When it is wrong, another runner has it, or a task's name is taken; nothing has begun then. What goes wrong with a
    /// task is no error, but the exit code is 1.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        if !session.ledger().is_prepared()? {
            return Err(LedgerError::NotPrepared.into());
        }
        recover::cut_off(&session, context)?;
        init::heed_silence(&session, context)?;
        let start = workflow::start(&session)?;
        let workflow = workflow::load(&session, context, &self.file, &self.given, start)?;
        let folder = local::folder(&session.repo).join("runs").join(&workflow.name);
        let (journal, lines) = Journal::open(&folder, self.anew)?;
        let mut progress = Progress::default();
        lines.iter().for_each(|line| progress.take(&line.step));
        // The files that a matrix names are those of the run's beginning, so that its tasks have the same names.
        let workflow =
            match progress.start.as_deref().map(|start| session.repo.commit_named(start)).transpose()? {
                Some(first) if first != start => {
                    workflow::load(&session, context, &self.file, &self.given, first)?
                }
                _ => workflow,
            };
        let found = standing::find(&session, &workflow, &progress)?;
        let (mut runner, tell) = Runner::new(context, workflow, journal, progress, session.policy.budget);
        found.into_iter().try_for_each(|step| runner.step(step))?;
        let first = if lines.is_empty() { begun(&session, &runner, start)? } else { Step::GoesOn };
        runner.step(first)?;
        watch(&session, &runner, tell)?;
        drop(session);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(NoRuntime)?;
        let ran = runtime.block_on(runner.go());
        // Agents that are still there end with their lifelines; nobody waits for them.
        runtime.shutdown_timeout(Duration::ZERO);
        ran?;
        let (workflow, progress) = runner.end();
        Ok(outcome(&workflow, &progress))
    }
}

fn begun(session: &Session, runner: &Runner<'_>, start: Oid) -> Result<Step, Failure> {
    let since = session.ledger().read()?.tip;
    let workflow = runner.workflow().name.clone();
    Ok(Step::Begun { workflow, start: start.to_string(), since: since.to_string() })
}

/// Tells the runner whenever the ledger changes, from a thread that ends with it.
fn watch(
    session: &Session,
    runner: &Runner<'_>,
    tell: tokio::sync::mpsc::UnboundedSender<Happened>,
) -> Result<(), Failure> {
    const AT_MOST: Duration = Duration::from_secs(60);
    let mut watch = RefWatch::begin(session.repo.common_dir())?;
    let setting = runner.setting().clone();
    std::thread::spawn(move || {
        while !setting.is_alone() {
            // Where it cannot be watched it is looked at once a minute.
            if watch.changed_within(AT_MOST).is_err() {
                std::thread::sleep(AT_MOST);
            }
            if tell.send(Happened::Moved).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn outcome(workflow: &Workflow, progress: &Progress) -> Outcome {
    let tasks =
        workflow.tasks.iter().map(|task| Done { task: task.name.as_str(), track: progress.of(&task.name) });
    let answer = Answer { workflow: &workflow.name, tasks: tasks.collect() };
    let mut outcome = Outcome::new(screen::page(workflow, progress), &answer);
    let done = |state: State| state.is_done();
    outcome.code = u8::from(!workflow.tasks.iter().all(|task| done(progress.of(&task.name).state)));
    outcome
}
