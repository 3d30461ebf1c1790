//! `init`: prepares a repository: ledger, hooks, and what git is to ignore.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::git::repo::Repo;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Prepare this repository; a second run repairs what is missing.
#[derive(Debug, Clone, clap::Args)]
pub struct Init {}

/// The mark around our lines in `.git/info/exclude`.
pub const MARK: &str = "git-odyssey";

#[derive(Debug, serde::Serialize)]
struct Prepared {
    ledger_made: bool,
    hooks: String,
    target: Option<String>,
}

impl Init {
    /// Makes the ledger, installs the hooks, excludes the copies of leases.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let ledger = session.ledger();
        let made = ledger.prepare(session.now)?;
        session.repo.exclude_block(MARK, &[&format!("/{}/", copy::FOLDER)])?;
        let hooks = session.repo.install_hooks(&context.program, &ledger.folder())?.to_string();
        let mut page = Page::default();
        let verb = if made { "prepared" } else { "checked" };
        page.put(Label::Good, format!("{verb} ")).put(Label::Place, session.home.display().to_string()).end();
        page.line(Label::Plain, format!("  ledger  {}", crate::ledger::local::LEDGER));
        page.line(Label::Plain, format!("  hooks   {hooks}"));
        // A repository without a commit has no target yet, and that is fine until the first claim.
        let target = session.target().ok();
        if let Some(target) = &target {
            let short = target.trim_start_matches("refs/heads/");
            page.line(Label::Plain, format!("  tasks land on {short}"));
        }
        page.line(Label::Quiet, "  begin a task: git odyssey claim TASK --region 'src/auth/**'");
        Ok(Outcome::new(page, &Prepared { ledger_made: made, hooks, target }))
    }
}

/// Makes the hooks fire in a new worktree too.
///
/// # Errors
/// When its configuration cannot be written.
pub fn adopt(session: &Session, worktree: &Repo) -> Result<(), Failure> {
    Ok(session.repo.adopt_worktree(worktree, &session.ledger().folder())?)
}

/// Installs the hooks again when somebody (husky, for one) has set a `core.hooksPath` since, which silences ours.
///
/// # Errors
/// When they cannot be installed.
pub fn heed_silence(session: &Session, context: &Context<'_>) -> Result<(), Failure> {
    let folder = session.ledger().folder();
    if let Some(path) = session.repo.silenced_by(&folder)? {
        session.repo.install_hooks(&context.program, &folder)?;
        context
            .monitor
            .note(&format!("core.hooksPath = {path} had silenced the hooks; they are in front of it now"));
    }
    Ok(())
}
