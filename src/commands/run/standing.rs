//! Where a run stands when a runner comes to it: what the journal says, corrected by what the ledger knows.

use std::collections::BTreeMap;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::session::Session;
use crate::domain::task::TaskName;
use crate::domain::workflow::Workflow;
use crate::domain::workflow::progress::Progress;
use crate::domain::workflow::progress::State;
use crate::domain::workflow::progress::Step;
use crate::ledger::history;

/// A live task that is not the run's has the name of one of its tasks.
#[derive(Debug, thiserror::Error)]
#[error("{task} is the name of a live task that is not this run's: {holder} has it")]
struct Taken {
    task: TaskName,
    holder: String,
}

impl Explain for Taken {
    fn kind(&self) -> Kind {
        Kind::Held
    }

    fn hints(&self) -> Vec<String> {
        let task = &self.task;
        vec![
            format!("see what it is about: git odyssey show {task}"),
            format!("land or abandon it, or name the workflow's task otherwise"),
        ]
    }
}

/// The steps that a killed runner did not come to write down.
///
/// # Errors
/// When a task's name is taken by a lease that is not the run's, or the ledger cannot be read.
pub fn find(session: &Session, workflow: &Workflow, progress: &Progress) -> Result<Vec<Step>, Failure> {
    let ended = ended_since(session, progress)?;
    let book = session.ledger().read()?.book;
    let mut steps = Vec::new();
    for task in &workflow.tasks {
        let (name, track) = (task.name.clone(), progress.of(&task.name));
        if track.state.is_done() {
            continue;
        }
        let lease = book.get(&name);
        if let Some(lease) = lease.filter(|_| !track.claimed) {
            return Err(Taken { task: name, holder: lease.holder.to_string() }.into());
        }
        match (ended.get(&name), lease, track.state) {
            (Some(End::Landed(commit)), None, _) => {
                steps.push(Step::Landed { task: name, commit: commit.clone() })
            }
            // It was released because there was nothing to change; a person who released it wanted no more of it either.
            (Some(End::Released), None, State::Working | State::Ready) => {
                steps.push(Step::Empty { task: name })
            }
            (_, None, State::Ready) => {
                let why = "its lease was ended by hand, and its work did not land".to_owned();
                steps.push(Step::Parked { task: name, why });
            }
            // What was cut off begins once more, as the same attempt.
            (_, _, State::Working) => {
                let why = "the runner was cut off".to_owned();
                steps.push(Step::Parked { task: name, why });
            }
            _ => {}
        }
    }
    Ok(steps)
}

enum End {
    Landed(String),
    Released,
}

/// How leases have ended since the run began, by task: the last end of each.
fn ended_since(session: &Session, progress: &Progress) -> Result<BTreeMap<TaskName, End>, Failure> {
    let mut ended = BTreeMap::new();
    let Some(since) = &progress.since else { return Ok(ended) };
    // One that is gone by now ends nothing: then all of the history is looked at.
    let since = session.repo.commit_named(since).ok();
    for past in history::events(&session.repo)? {
        let past = past?;
        if Some(past.commit) == since {
            break;
        }
        let Some(task) = past.event.task.clone() else { continue };
        let fact = |name: &str| {
            past.event.facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.clone())
        };
        let end = match past.event.event.as_str() {
            "land" => End::Landed(fact("Commit").unwrap_or_else(|| past.commit.to_string())),
            "release" => End::Released,
            _ => continue,
        };
        // Newest first.
        ended.entry(task).or_insert(end);
    }
    Ok(ended)
}
