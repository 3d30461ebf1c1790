//! Turns: what an agent is told when a session begins and while it goes on, and what it has to do before a turn ends.

use crate::agents::Answer;
use crate::agents::Ask;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::judge::Actor;
use crate::domain::lease::Lease;
use crate::git::BStr;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::ledger::error::LedgerError;
use crate::merge::look::Look;
use crate::merge::look::Viewer;
use crate::merge::party::PartyKind;
use crate::workspace::copy;

use super::super::Context;
use super::super::notes::Notes;
use super::super::session::Session;
use super::places;

/// How many leases or files are named at most.
const NAMED: usize = 10;

/// The session of the checkout that an agent is in, where git odyssey is in use.
fn session(context: &Context<'_>) -> Result<Option<Session>, Failure> {
    let Some(top) = places::top_of(&places::real(&context.folder, true)?) else { return Ok(None) };
    let session = Session::open(&context.at(&top))?;
    Ok(if session.ledger().is_prepared()? { Some(session) } else { None })
}

/// What an agent should know when it begins.
///
/// # Errors
/// When leases or work cannot be read.
pub fn begin(context: &Context<'_>) -> Result<Answer, Failure> {
    let Some(session) = session(context)? else { return Ok(Answer::Pass(None)) };
    let book = session.ledger().read()?.book;
    let Actor::Task(task, fence) = session.actor(context)? else {
        return Ok(Answer::Pass(aside(&session, book.leases())));
    };
    let lease = match book.need_active(&task, fence) {
        Ok(lease) => lease,
        // It may look around, but not write.
        Err(refused) => return Ok(Answer::Pass(Some(super::reason(&LedgerError::from(refused).into())))),
    };
    let top = session.repo.need_checkout()?.display();
    let mut lines = vec![
        format!("This is the workspace of the task {task}, held by {}: {top}", lease.holder),
        format!(
            "Its lease has {} left, and your work here renews it. You may change: {}",
            text::duration(lease.left(session.now)),
            regions(lease)
        ),
        "Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.".to_owned(),
        format!("Stay inside of this folder, and commit what you do. When all is done: git odyssey land {task}"),
    ];
    lines.extend(notes(context, lease)?);
    Ok(Answer::Pass(Some(lines.join("\n"))))
}

/// What an agent in a person's checkout should know of the tasks beside it.
fn aside(session: &Session, leases: &[Lease]) -> Option<String> {
    let active: Vec<&Lease> = leases.iter().filter(|lease| lease.is_active()).collect();
    if active.is_empty() {
        return None;
    }
    let are = if active.len() == 1 { "1 task is" } else { &format!("{} tasks are", active.len()) };
    let mut lines =
        vec![format!("{are} at work in this repository, each in a workspace of its own. Leave to them:")];
    for lease in active.iter().take(NAMED) {
        let left = text::duration(lease.left(session.now));
        lines.push(format!("  {} ({}), {left} left: {}", lease.task, lease.holder, regions(lease)));
    }
    if active.len() > NAMED {
        lines.push(format!("  and {} more: git odyssey status", active.len() - NAMED));
    }
    Some(lines.join("\n"))
}

fn regions(lease: &Lease) -> String {
    let mut named: Vec<&str> = lease.regions.iter().map(|region| region.text()).take(NAMED).collect();
    if lease.regions.len() > NAMED {
        named.push("…");
    }
    named.join(", ")
}

/// What has come since an agent was last told.
///
/// # Errors
/// When work cannot be read.
pub fn listen(context: &Context<'_>) -> Result<Answer, Failure> {
    let Some(session) = session(context)? else { return Ok(Answer::Pass(None)) };
    let Actor::Task(task, fence) = session.actor(context)? else { return Ok(Answer::Pass(None)) };
    let book = session.ledger().read()?.book;
    let Ok(lease) = book.need_active(&task, fence) else { return Ok(Answer::Pass(None)) };
    Ok(Answer::Pass(notes(context, lease)?))
}

/// What others changed, each thing once.
fn notes(context: &Context<'_>, lease: &Lease) -> Result<Option<String>, Failure> {
    let outcome = Notes { task: Some(lease.task.clone()), again: false }.run(context)?;
    let has_news = ["news", "unknown"].iter().any(|key| {
        outcome.json.get(*key).and_then(|list| list.as_array()).is_some_and(|list| !list.is_empty())
    });
    Ok(has_news.then(|| outcome.page.plain().trim_end().to_owned()))
}

/// What there is to say before an edit without looking at everybody's work: all of it when the target has moved, else whether
/// a person has uncommitted edits in the very files. Each thing once.
///
/// # Errors
/// When work cannot be read.
pub fn news<'p>(
    context: &Context<'_>,
    session: &Session,
    lease: &Lease,
    paths: impl Iterator<Item = &'p BStr>,
) -> Result<Vec<String>, Failure> {
    let top = session.repo.need_checkout()?;
    let tip = session.repo.reference(&lease.target)?.map(|tip| tip.to_string()).unwrap_or_default();
    if tip != lease.base && copy::is_news_about(top, "target", &tip)? {
        return Ok(notes(context, lease)?.into_iter().collect());
    }
    let (home, Some(head)) = (Repo::open(&session.home)?, session.repo.head()?.commit()) else {
        return Ok(Vec::new());
    };
    let Some(folder) = home.checkout() else { return Ok(Vec::new()) };
    let viewer = Viewer {
        name: folder.display().to_string(),
        holder: None,
        kind: PartyKind::Checkout,
        head: home.head()?.commit(),
        folder: Some(folder.to_owned()),
    };
    let look = Look { repo: &session.repo, folder: Some(top), head };
    let mut memory = Memory::over(&session.repo);
    let mut told = Vec::new();
    for path in paths.take(NAMED) {
        let ours = look.ours(path, &mut memory)?;
        let Some(theirs) = look.theirs(0, &viewer, path, ours, &mut memory)? else { continue };
        let state = theirs.now.map(|(_, oid)| oid.to_string()).unwrap_or_default();
        let about = format!("file {path}");
        if theirs.uncommitted && copy::is_news_about(top, &about, &state)? {
            let path = text::visible(path);
            told.push(format!(
                "a person has uncommitted edits of {path} in {}; see them: git odyssey check {path}",
                viewer.name
            ));
        }
    }
    Ok(told)
}

/// Whether an agent may end its turn: not with uncommitted work, the first time that it wants to.
///
/// # Errors
/// When its work cannot be read.
pub fn end(context: &Context<'_>, ask: &Ask) -> Result<Answer, Failure> {
    if ask.again {
        return Ok(Answer::Pass(None));
    }
    let Some(session) = session(context)? else { return Ok(Answer::Pass(None)) };
    let Actor::Task(task, fence) = session.actor(context)? else { return Ok(Answer::Pass(None)) };
    let book = session.ledger().read()?.book;
    if book.need_active(&task, fence).is_err() {
        return Ok(Answer::Pass(None));
    }
    let changed = session.repo.changes()?.paths();
    let mut named: Vec<String> = changed.iter().map(|path| text::visible(path)).collect();
    let state = format!("{} {}", ask.session, named.join(" "));
    if changed.is_empty() || !copy::is_news_about(session.repo.need_checkout()?, "end", &state)? {
        return Ok(Answer::Pass(None));
    }
    if named.len() > NAMED {
        named.truncate(NAMED);
        named.push("…".to_owned());
    }
    let files = text::count(changed.len(), "file");
    Ok(Answer::Deny(format!(
        "{task} has uncommitted work in {files}: {}\nCommit it, so that nothing is lost; or say why it should stay as it is, \
         and end again. You are asked this once.",
        named.join(", ")
    )))
}
