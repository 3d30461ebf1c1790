//! Ending a review: by the landing or the sync with what was decided in it, or by giving it up.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::review::Purpose;
use crate::domain::review::Stage;
use crate::domain::review::steps::StepKind;
use crate::domain::task::TaskName;
use crate::git::repo::Repo;
use crate::ledger::reviews;
use crate::ledger::reviews::Step;
use crate::ledger::reviews::Stored;

use super::super::Context;
use super::super::Outcome;
use super::super::deciding::Deciding;
use super::super::deciding::Reviewed;
use super::super::land;
use super::super::land::Land;
use super::super::session::Session;
use super::super::sync;
use super::super::sync::Sync;
use super::desk::Desk;
use super::error::DeskError;
use super::opening;

/// Lands or syncs. The merge is made anew from the two sides as they are at that moment: a decision counts where the
/// conflict is the one that it was made for.
///
/// # Errors
/// When something is open, somebody's word is missing, or for what a landing or a sync fails; then nothing has moved, and
/// the review goes on.
pub fn finish(
    mut desk: Desk<'_>,
    context: &Context<'_>,
    check: Option<String>,
    keep: bool,
) -> Result<Outcome, Failure> {
    if desk.is_behind() {
        desk.look_at_edits()?;
    }
    desk.need_decided()?;
    desk.need_free_places()?;
    let task = Some(desk.lease.task.clone());
    let purpose = desk.review().purpose;
    let resolutions = desk.review().resolutions.clone();
    let carried = desk.carry()?;
    let deciding = Deciding::default();
    // The workspace, if this was called there, goes with the landing.
    let home = Repo::open(&desk.session().home)?;
    let stands = || {
        let turn = reviews::turn(&home)?;
        desk.need_unchanged(&home)?;
        Ok(Some(turn))
    };
    let reviewed = Reviewed { resolutions: &resolutions, carried: carried.as_ref(), stands: &stands };
    let outcome = match purpose {
        Purpose::Land | Purpose::Squash => {
            let (merge, squash) = (purpose == Purpose::Land, purpose == Purpose::Squash);
            let (rebase, ff_only, checked) = (false, false, None);
            let land = Land { task, merge, squash, rebase, ff_only, check, keep, deciding, checked };
            let landed = land.land(context, reviewed)?;
            Outcome::new(land::page(&landed), &landed)
        }
        Purpose::Sync => {
            let sync = Sync { task, merge: true, rebase: false, deciding };
            let synced = sync.sync(context, reviewed)?;
            Outcome::new(sync::page(&synced), &synced)
        }
    };
    // It is done, whatever becomes of this: a review of what the target has is begun anew by the next one of its name.
    if let Err(failure) = desk.end(&home, Stage::Finished) {
        context.monitor.note(&format!("the review could not be closed: {failure}"));
    }
    Ok(outcome)
}

/// Gives a task's review up. Its history stays in its ref.
///
/// # Errors
/// When there is none.
pub fn drop_review(session: &Session, context: &Context<'_>, task: &TaskName) -> Result<Outcome, Failure> {
    let who = opening::who(session, context, task)?;
    let stored = Stored::read(&session.repo, task)?.filter(|stored| stored.review.stage == Stage::Open);
    let stored = stored.ok_or_else(|| DeskError::NoReview(task.clone()))?;
    let decided = stored.review.resolutions.len();
    let about = format!("the review of {task}");
    let step = Step { kind: StepKind::Drop, item: None, by: &who, at: context.clock.now(), about };
    let dropped = stored.ended(&session.repo, Stage::Dropped, step)?;
    let mut page = Page::default();
    page.put(Label::Good, "gave up ").put(Label::Plain, "the review of ").put(Label::Name, task.as_str());
    page.put(Label::Quiet, format!(": {} stay in its history", text::count(decided, "decision"))).end();
    let facts = serde_json::json!({ "task": task, "decided": decided, "history": dropped.tip.to_string() });
    Ok(Outcome::new(page, &facts))
}
