//! What the runner does about what its jobs and agents have come to.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::Instant;

use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::supervise;
use crate::domain::task::TaskName;
use crate::domain::workflow::Landing;
use crate::domain::workflow::progress::Step;

use super::agent;
use super::agent::Order;
use super::jobs;
use super::jobs::Granted;
use super::jobs::Ours;
use super::jobs::Settled;
use super::queue::Fate;
use super::runner::Ending;
use super::runner::Happened;
use super::runner::Runner;
use super::runner::reason;

impl Runner<'_> {
    pub(super) fn begun(
        &mut self,
        task: &TaskName,
        begun: Result<Box<(Granted, Order)>, Failure>,
    ) -> Result<(), Failure> {
        let (granted, order) = match begun {
            Ok(begun) => *begun,
            Err(failure) if failure.kind() == Kind::Held => {
                self.working.remove(task);
                self.blocked.insert(task.clone());
                return self.step(Step::Waits { task: task.clone(), why: reason(&failure) });
            }
            Err(failure) => return self.failed(task, reason(&failure)),
        };
        let Some(working) = self.working.get_mut(task) else { return Ok(()) };
        working.granted = Some(granted.clone());
        if self.is_stopped {
            self.park(task.clone(), Ending::Stopped("the run was stopped".to_owned()));
            return Ok(());
        }
        let (mut child, lifeline) = match agent::start(&self.context.program, &order, &granted) {
            Ok(started) => started,
            Err(error) => return self.failed(task, reason(&error.into())),
        };
        let now = Instant::now();
        (working.lifeline, working.log) = (lifeline, order.log);
        (working.began, working.renewed, working.saved) = (now, now, now);
        let name = task.clone();
        self.agents.spawn(async move { (name, child.wait().await) });
        let track = self.progress.of(task);
        let (attempt, tier) = (track.attempts, track.tier.unwrap_or_default());
        self.step(Step::Started { task: task.clone(), attempt, tier, fence: granted.lease.fence })
    }

    pub(super) fn ended(
        &mut self,
        task: &TaskName,
        status: std::io::Result<ExitStatus>,
    ) -> Result<(), Failure> {
        let Some(working) = self.working.get_mut(task) else { return Ok(()) };
        let spent = working.spent();
        (working.lifeline, working.ends) = (None, None);
        let (stopping, log, granted) =
            (working.stopping.take(), working.log.clone(), working.granted.clone());
        self.take_word_back(task);
        self.step(Step::Ended { task: task.clone(), spent })?;
        self.uncounted.insert(task.clone());
        if let Some(why) = stopping {
            self.park(task.clone(), Ending::Stopped(why));
            return Ok(());
        }
        let code = match status {
            Ok(status) => supervise::code(status),
            Err(error) => return self.failed(task, format!("its agent could not be followed: {error}")),
        };
        if code != 0 {
            let last = agent::last_words(&log);
            let last = if last.is_empty() { last } else { format!(":\n{last}") };
            return self.failed(task, format!("its agent's command ended with exit code {code}{last}"));
        }
        let Some(granted) = granted else { return Ok(()) };
        let task = task.clone();
        self.setting.spawn(move |context| Happened::Settled(task, jobs::settle(context, &granted)));
        Ok(())
    }

    pub(super) fn settled(
        &mut self,
        task: &TaskName,
        settled: Result<Settled, Failure>,
    ) -> Result<(), Failure> {
        let lands = self.workflow.task(task).map(|task| task.land);
        match settled {
            Err(failure) => {
                self.failed(task, format!("what it did could not be committed: {}", reason(&failure)))
            }
            Ok(Settled::Nothing) => {
                let task = task.clone();
                self.setting.spawn(move |context| {
                    let released = jobs::release(context, &task);
                    Happened::Released(task, released)
                });
                Ok(())
            }
            Ok(Settled::Commits) if lands == Some(Landing::Never) => {
                self.park(task.clone(), Ending::Kept);
                Ok(())
            }
            Ok(Settled::Commits) => {
                self.working.remove(task);
                self.step(Step::Ready { task: task.clone() })?;
                if self.is_stopped {
                    self.park(task.clone(), Ending::Ready);
                } else {
                    self.queue.push_back(task.clone());
                }
                Ok(())
            }
        }
    }

    pub(super) fn landed(&mut self, fates: Vec<(TaskName, Fate)>) -> Result<(), Failure> {
        self.is_landing = false;
        let mut again = VecDeque::new();
        for (task, fate) in fates {
            match fate {
                Fate::Landed(commit) => self.step(Step::Landed { task, commit })?,
                Fate::Again => again.push_back(task),
                Fate::Failed(failure) => {
                    let mut why = format!("it did not land: {}", reason(&failure));
                    if failure.kind() == Kind::Conflict {
                        why.push_str("\nmerge the target into this branch, and settle the conflicts there");
                    }
                    self.failed(&task, why)?;
                }
            }
        }
        // Those that were pushed aside by a moving target keep their place.
        again.append(&mut self.queue);
        self.queue = again;
        if self.is_stopped {
            for task in std::mem::take(&mut self.queue) {
                self.park(task, Ending::Ready);
            }
        }
        Ok(())
    }

    /// An attempt failed. If it was the last, the task is parked.
    pub(super) fn failed(&mut self, task: &TaskName, why: String) -> Result<(), Failure> {
        self.working.remove(task);
        let tries = self.workflow.task(task).map_or(0, |task| task.retry);
        let last = self.progress.of(task).attempts > tries;
        self.step(Step::Failed { task: task.clone(), why, last })?;
        if last {
            self.park(task.clone(), Ending::Failed);
        }
        Ok(())
    }

    /// Parks a task beside the runner, with what is known of it in a file for whoever goes on with it.
    pub(super) fn park(&mut self, task: TaskName, ending: Ending) {
        self.parking += 1;
        let mut track = self.progress.of(&task);
        if let Ending::Stopped(why) = &ending {
            track.why = Some(why.clone());
        }
        let asked = self.workflow.task(&task).map(|task| task.prompt.clone()).unwrap_or_default();
        let granted = self.working.get(&task).and_then(|working| working.granted.clone());
        let fence = granted.as_ref().map(|granted| granted.lease.fence);
        let (folder, ours) = (self.journal.folder().to_owned(), Ours::of(&self.workflow));
        self.setting.spawn(move |context| {
            let why = match &ending {
                Ending::Stopped(why) => why.clone(),
                Ending::Failed => "its attempts in a workflow failed".to_owned(),
                Ending::Kept => "done by a workflow, for a person to look at".to_owned(),
                Ending::Ready => "done by a workflow that was stopped before it landed".to_owned(),
            };
            let stopped = jobs::stop(context, &task, fence, &why, &ours);
            if let Some(granted) = &granted {
                let written = jobs::write_summary(context, &folder, &asked, granted, track);
                if let Err(failure) = written {
                    context.monitor.note(&format!("no summary of {task} could be written: {failure}"));
                }
            }
            Happened::Stopped(task, ending, stopped)
        });
    }

    pub(super) fn stopped(
        &mut self,
        task: TaskName,
        ending: Ending,
        stopped: Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.parking -= 1;
        self.working.remove(&task);
        if let Err(failure) = stopped {
            // Its lease stands until it expires, and its work is in its workspace: the next run finds both.
            self.context.monitor.note(&format!("{task} could not be parked: {}", reason(&failure)));
        }
        match ending {
            Ending::Stopped(why) => self.step(Step::Parked { task, why }),
            Ending::Kept => self.step(Step::Kept { task }),
            Ending::Failed | Ending::Ready => Ok(()),
        }
    }
}
