//! Verdicts line by line: while git is asked for one, the next are worked out.

use std::io::BufRead;
use std::panic;
use std::path::Path;
use std::sync::mpsc;
use std::sync::mpsc::SyncSender;
use std::thread;

use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Monitor;
use crate::commands::Outcome;
use crate::git::merge::Asked;
use crate::git::merge::Asker;
use crate::git::merge::Ground;
use crate::git::merge::Said;
use crate::git::merge::Side;
use crate::git::merge::Verdicts;
use crate::git::repo::Repo;

use super::answer;
use super::answer::Answer;

/// A line that is not two revisions.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not two revisions")]
struct BadLine(String);

impl Explain for BadLine {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

/// What was made of one line.
enum Step {
    /// The whole answer.
    Answered(Box<Answer>),
    /// A question for git.
    Ask([Side; 2], Asked),
    /// There are no more lines, because they cannot be read.
    Failed(Failure),
}

/// How many lines are worked out before the answer to the first has been given.
const AHEAD: usize = 1_000;

/// Answers each line of standard input.
///
/// # Errors
/// When standard input cannot be read, or the answer not be written.
pub fn run(repo: &Repo, monitor: &dyn Monitor) -> Result<Outcome, Failure> {
    let (send, steps) = mpsc::sync_channel(AHEAD);
    let other = repo.clone();
    // Not waited for when nobody reads the answers any more: then it may wait for its next line for ever.
    let worker = thread::spawn(move || {
        if let Err(failure) = read(&other, &send) {
            // Whoever does not listen any more does not need to know.
            let _ = send.send(Step::Failed(failure));
        }
    });
    let mut asker = Asker::of(repo);
    let mut outcome = Outcome::new(Page::default(), &serde_json::Value::Null);
    outcome.given = true;
    for step in steps {
        let answer = match step {
            Step::Answered(answer) => *answer,
            Step::Ask(sides, asked) => {
                let merge = asker.ask([&sides[0], &sides[1]]);
                Answer::of(&sides, merge, Some(asked))
            }
            Step::Failed(failure) => return Err(failure),
        };
        // A value of strings and lists can always be written.
        let line = serde_json::to_string(&answer).unwrap_or_default();
        if !monitor.line(&line)? {
            return Ok(outcome);
        }
    }
    match worker.join() {
        Ok(()) => Ok(outcome),
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Works out all lines, or as many as somebody wants to know.
fn read(repo: &Repo, steps: &SyncSender<Step>) -> Result<(), Failure> {
    let ground = Ground::of(repo)?;
    let mut verdicts = ground.verdicts();
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line.map_err(|source| FileError::new("read", Path::new("standard input"), source))?;
        if steps.send(step(repo, &mut verdicts, &line)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn step(repo: &Repo, verdicts: &mut Verdicts<'_>, line: &[u8]) -> Step {
    let words = std::str::from_utf8(line).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let Ok(&[ours, theirs]) = words.as_deref() else {
        let bad = BadLine(text::visible(line.trim_ascii()));
        return Step::Answered(Box::new(Answer::failed(["", ""], bad)));
    };
    let sides = match answer::sides(repo, ours, theirs) {
        Ok(sides) => sides,
        Err(error) => return Step::Answered(Box::new(Answer::failed([ours, theirs], error))),
    };
    let answer = match verdicts.say(None, sides[0].commit, sides[1].commit, [ours, theirs]) {
        Ok(Said::Known(merge)) => Answer::of(&sides, Ok(merge), None),
        Ok(Said::Ask(asked)) => return Step::Ask(sides, asked),
        Err(error) => Answer::of(&sides, Err(error), None),
    };
    Step::Answered(Box::new(answer))
}
