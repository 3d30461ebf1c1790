//! What other machines ended or took: told once where its workspace is, which stays as it is.

use crate::base::failure::Failure;
use crate::domain::lease::Fence;
use crate::domain::task::TaskName;
use crate::ledger::history;
use crate::workspace::copy;

use super::Context;
use super::session::Session;

/// Tells of each workspace here whose lease has ended or was granted anew elsewhere, once for each grant.
///
/// # Errors
/// When a note or the ledger cannot be read.
pub fn tell(session: &Session, context: &Context<'_>) -> Result<(), Failure> {
    if session.authority.is_none() {
        return Ok(());
    }
    let book = session.ledger().read()?.book;
    for worktree in session.repo.worktrees()?.iter().filter(|worktree| !worktree.missing) {
        let Some((task, fence)) = copy::workspace(&worktree.path)? else { continue };
        let path = worktree.path.display();
        let text = match book.get(&task) {
            Some(lease) if lease.fence == fence => continue,
            Some(lease) => format!(
                "{task} has gone on elsewhere, for {} under fence {}; what is in {path} stays as it is",
                lease.holder, lease.fence
            ),
            None => format!(
                "the lease of {task} (fence {fence}) has ended{}; what is in {path} stays as it is",
                how(session, &task, fence)?
            ),
        };
        if copy::is_news(&worktree.path, &text)? {
            context.monitor.note(&text);
        }
    }
    Ok(())
}

/// How a lease ended, as the ledger tells it.
fn how(session: &Session, task: &TaskName, fence: Fence) -> Result<String, Failure> {
    for past in history::events(&session.repo)? {
        let event = past?.event;
        if event.task.as_ref() == Some(task) && event.fence == Some(fence) {
            return Ok(format!(" ({})", event.subject));
        }
    }
    Ok(String::new())
}
