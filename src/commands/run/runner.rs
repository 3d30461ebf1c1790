//! The runner: begins tasks that are ready, ends agents that have had their share, and lets what is done land.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use std::time::Instant;

use tokio::process::ChildStdin;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use crate::base::failure::Failure;
use crate::base::text;
use crate::commands::Context;
use crate::domain::budget::Budget;
use crate::domain::budget::Spent;
use crate::domain::task::TaskName;
use crate::domain::workflow::Task;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::progress::Progress;
use crate::domain::workflow::progress::State;
use crate::domain::workflow::progress::Step;
use crate::workspace::word;

use super::agent;
use super::agent::Order;
use super::budgets::Account;
use super::budgets::May;
use super::jobs;
use super::jobs::Granted;
use super::jobs::Ours;
use super::jobs::Settled;
use super::jobs::Used;
use super::journal::Journal;
use super::prompt;
use super::queue;
use super::queue::Fate;
use super::queue::Wanted;
use super::screen;
use super::setting::Setting;
use super::signals::Signals;

/// Something that a job beside the runner has come to.
pub enum Happened {
    /// A task was granted and its agent's command is put together, or not.
    Begun(TaskName, Result<Box<(Granted, Order)>, Failure>),
    /// What an agent left is committed, or could not be.
    Settled(TaskName, Result<Settled, Failure>),
    /// A task without changes has given its regions back.
    Released(TaskName, Result<(), Failure>),
    /// A task is parked.
    Stopped(TaskName, Ending, Result<(), Failure>),
    /// What was to land has landed, or not.
    Landed(Vec<(TaskName, Fate)>),
    /// What tasks have used by now, or why that cannot be told.
    Used(Result<Box<Used>, Failure>),
    /// The ledger changed: somebody may have given a region back.
    Moved,
    /// A command that a task wanted run has ended; what went wrong with it.
    Reacted(TaskName, String),
    /// Something worth knowing, about a task if it is about one.
    Note(Option<TaskName>, String),
}

/// Why a task is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It is stopped, for this reason.
    Stopped(String),
    /// All attempts failed; that is written down already.
    Failed,
    /// It is done, and for a person to look at.
    Kept,
    /// Its work is done and lands when the run goes on.
    Ready,
}

/// A task on which somebody works.
pub struct Working {
    /// What it was granted, once it was.
    pub(super) granted: Option<Granted>,
    /// What ends its agent when it is dropped.
    pub(super) lifeline: Option<ChildStdin>,
    /// Why its agent is being ended, and when it is if it has not ended by itself.
    pub(super) stopping: Option<String>,
    pub(super) ends: Option<Instant>,
    /// The limits that it was told of.
    pub(super) warned: BTreeSet<String>,
    pub(super) log: PathBuf,
    pub(super) began: Instant,
    pub(super) renewed: Instant,
    pub(super) saved: Instant,
}

/// How often budgets and leases are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often the work of an agent is saved while it goes on.
const SAVED_EVERY: Duration = Duration::from_secs(5 * 60);

/// One run of a workflow.
pub struct Runner<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) workflow: Workflow,
    pub(super) journal: Journal,
    pub(super) progress: Progress,
    pub(super) setting: Setting,
    happened: UnboundedReceiver<Happened>,
    pub(super) working: BTreeMap<TaskName, Working>,
    pub(super) agents: JoinSet<(TaskName, std::io::Result<ExitStatus>)>,
    /// Tasks whose work is to land, in the order in which they were done.
    pub(super) queue: VecDeque<TaskName>,
    pub(super) is_landing: bool,
    /// Tasks that somebody else's lease is in the way of.
    pub(super) blocked: BTreeSet<TaskName>,
    /// Tasks that are being parked without being worked on.
    pub(super) parking: usize,
    /// What is known of limits and of what was used.
    pub(super) account: Account,
    /// The tasks whose agents have ended since.
    pub(super) uncounted: BTreeSet<TaskName>,
    /// Commands that tasks want run, and that have not ended.
    pub(super) reacting: usize,
    pub(super) is_stopped: bool,
}

impl<'a> Runner<'a> {
    /// A runner that goes on from where the journal ends. Answers also where others may tell it something.
    pub fn new(
        context: &'a Context<'a>,
        workflow: Workflow,
        journal: Journal,
        progress: Progress,
        limits: Budget,
    ) -> (Runner<'a>, UnboundedSender<Happened>) {
        let (tell, happened) = unbounded_channel();
        let runner = Runner {
            context,
            workflow,
            journal,
            progress,
            setting: Setting::of(context, tell.clone()),
            happened,
            working: BTreeMap::new(),
            agents: JoinSet::new(),
            queue: VecDeque::new(),
            is_landing: false,
            blocked: BTreeSet::new(),
            parking: 0,
            account: Account::new(limits),
            uncounted: BTreeSet::new(),
            reacting: 0,
            is_stopped: false,
        };
        (runner, tell)
    }

    /// What it runs.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// What its jobs are given.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The workflow and how far it has come.
    pub fn end(self) -> (Workflow, Progress) {
        (self.workflow, self.progress)
    }

    /// Writes down a step, takes note of it, and tells it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn step(&mut self, step: Step) -> Result<(), Failure> {
        let line = self.journal.write(self.context.clock.now(), &step)?;
        let line = line.told();
        self.progress.take(&step);
        if self.context.json {
            self.context.monitor.line(&line)?;
        } else if let Some(said) = screen::line(&step, &self.workflow) {
            self.context.monitor.line(&said)?;
        }
        if super::moments::told(self.context, &self.workflow, &step, &line, &self.setting) {
            self.reacting += 1;
        }
        Ok(())
    }

    /// Runs until nothing more can happen, or it is told to stop.
    ///
    /// # Errors
    /// When the journal cannot be written. Agents are ended then, as the kill of a runner ends them.
    pub async fn go(&mut self) -> Result<(), Failure> {
        // What an earlier runner left to land; known only when what it had not written down is.
        let ready = |task: &&Task| self.progress.of(&task.name).state == State::Ready;
        self.queue = self.workflow.tasks.iter().filter(ready).map(|task| task.name.clone()).collect();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut signals = Signals::new();
        loop {
            if !self.is_stopped {
                self.begin_ready()?;
                self.land_next();
            }
            self.ask_accounts();
            self.tell_live();
            if self.is_over() {
                return Ok(());
            }
            tokio::select! {
                Some(happened) = self.happened.recv() => self.heed(happened)?,
                Some(ended) = self.agents.join_next() => {
                    if let Ok((task, status)) = ended {
                        self.ended(&task, status)?;
                    }
                }
                _ = look.tick() => self.look()?,
                () = signals.next() => {
                    if self.is_stopped {
                        return Ok(());
                    }
                    self.stop("the run was stopped")?;
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        let still = self.working.is_empty()
            && self.agents.is_empty()
            && !self.is_landing
            && self.parking + self.reacting == 0
            && !self.account.is_counting()
            && self.uncounted.is_empty();
        let through =
            self.queue.is_empty() && self.blocked.is_empty() && self.progress.is_over(&self.workflow);
        still && (self.is_stopped || through)
    }

    /// Begins what can begin, as many as may work at once.
    fn begin_ready(&mut self) -> Result<(), Failure> {
        let ready: Vec<Task> = self.progress.ready(&self.workflow).into_iter().cloned().collect();
        for task in ready {
            if self.working.len() >= self.workflow.parallel {
                break;
            }
            if self.blocked.contains(&task.name) || self.working.contains_key(&task.name) {
                continue;
            }
            match self.may_begin(&task) {
                May::Begin => self.begin(&task)?,
                May::Wait => {}
                May::Stop(why) => self.step(Step::Parked { task: task.name, why })?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, task: &Task) -> Result<(), Failure> {
        let track = self.progress.of(&task.name);
        let name = self.progress.next_tier(&self.workflow, task);
        let Some(tier) = self.workflow.tiers.get(&name).cloned() else { return Ok(()) };
        let attempt = track.next_attempt();
        self.step(Step::Claiming { task: task.name.clone(), attempt, tier: name.clone() })?;
        let now = Instant::now();
        let working = Working {
            granted: None,
            lifeline: None,
            stopping: None,
            ends: None,
            warned: BTreeSet::new(),
            log: PathBuf::new(),
            began: now,
            renewed: now,
            saved: now,
        };
        self.working.insert(task.name.clone(), working);
        let (task, folder, ours) = (task.clone(), self.journal.folder().to_owned(), Ours::of(&self.workflow));
        self.setting.spawn(move |context| {
            let former = agent::wait_for_former(&folder, &task.name).map_err(Failure::from);
            let begun = former.and_then(|()| jobs::begin(context, &task, (&name, &tier), &ours)).and_then(
                |granted| {
                    word::take_back(&granted.path)?;
                    let prompt = prompt::prompt(context, &task, &track, &granted)?;
                    let order = agent::order(&folder, &tier, attempt, &granted, &prompt)?;
                    Ok(Box::new((granted, order)))
                },
            );
            Happened::Begun(task.name, begun)
        });
        Ok(())
    }

    /// Lets the next tasks land that have the same check, if none are landing.
    fn land_next(&mut self) {
        if self.is_landing || self.queue.is_empty() {
            return;
        }
        let mut batch: Vec<Wanted> = Vec::new();
        while let Some(next) = self.queue.front().and_then(|next| self.workflow.task(next)) {
            let same = batch.first().is_none_or(|first| first.check == next.check);
            if !same || batch.len() == queue::MOST {
                break;
            }
            batch.push(Wanted { task: next.name.clone(), how: next.land, check: next.check.clone() });
            self.queue.pop_front();
        }
        self.is_landing = true;
        let ours = Ours::of(&self.workflow);
        self.setting.spawn(move |context| Happened::Landed(queue::land(context, &batch, &ours)));
    }

    fn heed(&mut self, happened: Happened) -> Result<(), Failure> {
        match happened {
            Happened::Begun(task, begun) => self.begun(&task, begun),
            Happened::Settled(task, settled) => self.settled(&task, settled),
            Happened::Released(task, released) => match released {
                Ok(()) => {
                    self.working.remove(&task);
                    self.step(Step::Empty { task })
                }
                Err(failure) => self.failed(&task, reason(&failure)),
            },
            Happened::Stopped(task, ending, stopped) => self.stopped(task, ending, stopped),
            Happened::Landed(fates) => self.landed(fates),
            Happened::Used(used) => self.count(used),
            Happened::Moved => {
                self.blocked.clear();
                Ok(())
            }
            Happened::Reacted(task, trouble) => {
                self.reacting -= 1;
                self.heed(Happened::Note(Some(task), trouble))
            }
            Happened::Note(_, note) if note.is_empty() => Ok(()),
            Happened::Note(task, note) => {
                let about = task.map(|task| format!("{task}: ")).unwrap_or_default();
                self.context.monitor.note(&format!("{about}{note}"));
                Ok(())
            }
        }
    }

    /// Ends all agents and begins nothing more; what lands at this moment still does.
    fn stop(&mut self, why: &str) -> Result<(), Failure> {
        self.is_stopped = true;
        self.context
            .monitor
            .note("stopping: agents are ended and their work is parked; once more ends at once");
        for working in self.working.values_mut().filter(|working| working.lifeline.is_some()) {
            working.stopping.get_or_insert_with(|| why.to_owned());
            working.lifeline = None;
        }
        if !self.is_landing {
            for task in std::mem::take(&mut self.queue) {
                self.park(task, Ending::Ready);
            }
        }
        Ok(())
    }

    /// Looks at budgets, leases and the time since work was saved.
    fn look(&mut self) -> Result<(), Failure> {
        let running = self.working.iter().filter(|(_, working)| working.lifeline.is_some());
        let names: Vec<TaskName> = running.map(|(name, _)| name.clone()).collect();
        for name in names {
            let Some(task) = self.workflow.task(&name).cloned() else { continue };
            self.hold_to_limits(&task)?;
            let Some(working) = self.working.get_mut(&name) else { continue };
            let Some(granted) = working.granted.clone() else { continue };
            if working.renewed.elapsed() >= (granted.lease.ttl / 3).max(LOOK) {
                working.renewed = Instant::now();
                let (name, granted) = (name.clone(), granted);
                self.setting.spawn(move |context| {
                    let note = jobs::renew(context, &granted).err().map(|failure| reason(&failure));
                    let said =
                        note.map_or_else(String::new, |why| format!("its lease was not renewed: {why}"));
                    Happened::Note(Some(name), said)
                });
            }
            if working.saved.elapsed() >= SAVED_EVERY {
                working.saved = Instant::now();
                self.setting.spawn(move |context| {
                    let saved = jobs::save(context, &name, "saved while its agent works");
                    let said =
                        saved.err().map_or_else(String::new, |why| format!("its work was not saved: {why}"));
                    Happened::Note(Some(name), said)
                });
            }
        }
        Ok(())
    }
}

impl Working {
    /// What the attempt that is under way has cost.
    pub(super) fn spent(&self) -> Spent {
        Spent { seconds: self.began.elapsed().as_secs(), ..Spent::default() }
    }
}

/// A failure in words, with its causes.
pub fn reason(failure: &Failure) -> String {
    let mut said = failure.to_string();
    for cause in failure.causes() {
        said.push_str(": ");
        said.push_str(&cause);
    }
    text::visible_lines(said.as_bytes())
}
