//! What an agent is told: the workflow's words, and for one that goes on, what was done before and why it stopped.

use crate::base::failure::Failure;
use crate::base::text;
use crate::commands::Context;
use crate::commands::notes::Notes;
use crate::commands::session::Session;
use crate::domain::budget::Spent;
use crate::domain::usage::Money;
use crate::domain::workflow::Task;
use crate::domain::workflow::progress::Track;
use crate::git::ByteSlice;
use crate::git::repo::Repo;
use crate::git::run::Git;

use super::jobs::Granted;

/// How git tells what differs, the same for everybody.
const DIFF: [&str; 6] =
    ["diff", "--stat=100", "--stat-count=40", "--no-color", "--no-ext-diff", "--no-textconv"];

/// How many commits and paths are listed at most.
const LISTED: usize = 40;

/// The prompt of the next attempt.
///
/// # Errors
/// When the workspace cannot be read.
pub fn prompt(
    context: &Context<'_>,
    task: &Task,
    track: &Track,
    granted: &Granted,
) -> Result<String, Failure> {
    if !granted.goes_on {
        return Ok(task.prompt.clone());
    }
    let mut told = format!("{}\n\n---\n{}", task.prompt, summary(context, granted, track)?);
    let notes = Notes { task: Some(task.name.clone()), again: false }.run(context)?;
    if notes.json["news"].as_array().is_some_and(|news| !news.is_empty()) {
        told.push('\n');
        told.push_str(&notes.page.plain());
    }
    Ok(told)
}

/// What is left for whoever goes on with a task, be it another holder: what was asked, and what has been done.
///
/// # Errors
/// When the workspace cannot be read.
pub fn handover(
    context: &Context<'_>,
    asked: &str,
    granted: &Granted,
    track: &Track,
) -> Result<String, Failure> {
    let done = summary(context, granted, track)?;
    let (task, place) = (&granted.lease.task, granted.path.display());
    Ok(format!(
        "This was asked of {task}, whose workspace is {place}:\n\n{}\n\n---\n{done}",
        asked.trim_end()
    ))
}

/// What has been done for a task so far: why it stopped, its commits, what differs by them and its open edits, and what it cost.
///
/// # Errors
/// When the workspace cannot be read.
pub fn summary(context: &Context<'_>, granted: &Granted, track: &Track) -> Result<String, Failure> {
    let session = Session::open(context)?;
    let (lease, path) = (&granted.lease, &granted.path);
    let mut told =
        format!("The task {} was begun before, and its work so far is in this workspace.\n", lease.task);
    if let Some(why) = &track.why {
        told.push_str(&format!("It stopped, because: {}\n", why.trim()));
    }
    let workspace = Repo::open(path)?;
    let tip = workspace.head()?.commit();
    let target = session.repo.reference(&lease.target)?;
    let commits = session.repo.new_commits(tip.as_slice(), target.as_slice())?;
    told.push_str(&format!("It has {}", text::count(commits.len(), "commit")));
    told.push_str(if commits.is_empty() { ".\n" } else { ":\n" });
    for commit in commits.iter().take(LISTED) {
        let message = session.repo.commit(*commit)?.message;
        let subject = message.lines().next().unwrap_or_default();
        told.push_str(&format!("- {} {}\n", &commit.to_string()[..10], text::visible(subject)));
    }
    let base =
        tip.zip(target).map(|(tip, target)| session.repo.merge_base(tip, target)).transpose()?.flatten();
    if let Some(base) = base {
        let base = base.to_string();
        let stat = Git::at(path).args(DIFF).args([base.as_str(), "--"]).run()?;
        if !stat.is_empty() {
            told.push_str(&format!("It differs from where it began by (git diff {}):\n", &base[..10]));
            told.push_str(&text::visible_lines(&stat));
            told.push('\n');
        }
    }
    let changes = workspace.changes()?;
    if !changes.is_empty() {
        told.push_str("These files have edits that are not committed:\n");
        for path in changes.paths().iter().take(LISTED) {
            told.push_str(&format!("- {}\n", text::visible(path)));
        }
    }
    told.push_str(&match track.spent {
        Spent { tokens: 0, .. } => "No transcript tells how many tokens it has cost so far.\n".to_owned(),
        Spent { tokens, micros, unpriced: 0, .. } => {
            format!("So far it has cost {tokens} tokens, {}.\n", Money::micros(micros))
        }
        Spent { tokens, .. } => {
            format!("So far it has cost {tokens} tokens, not all of them with a price.\n")
        }
    });
    told.push_str("Look at what is there, finish the task, and commit.\n");
    Ok(told)
}
