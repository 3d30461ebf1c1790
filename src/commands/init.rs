//! `init`: prepares a repository: ledger, hooks, and what git is to ignore.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::git::repo::Repo;
use crate::ledger::founding;
use crate::ledger::founding::FALLBACK;
use crate::ledger::founding::Founded;
use crate::ledger::founding::Founding;
use crate::ledger::local::LEDGER;
use crate::ledger::remote::Authority;
use crate::workspace::copy;

use super::Context;
use super::Outcome;
use super::session::Session;

/// Prepare this repository; a second run repairs what is missing.
#[derive(Debug, Clone, clap::Args)]
pub struct Init {
    /// Let this remote decide, for several machines: claims and landings go through the ledger that it has
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
}

/// The remote that decides, as it is told.
#[derive(Debug, serde::Serialize)]
struct Decider {
    name: String,
    ledger: String,
    how: Founded,
}

/// The mark around the name of the remote in `.git/config`.
pub const REMOTE_MARK: &str = "git-odyssey-remote";

/// The mark around our lines in `.git/info/exclude`.
pub const MARK: &str = "git-odyssey";

#[derive(Debug, serde::Serialize)]
struct Prepared {
    ledger_made: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<Decider>,
    hooks: String,
    /// Hooks of others that nobody runs any more, because others came after them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    older_hooks: Vec<PathBuf>,
    target: Option<String>,
}

/// A remote that cannot decide.
#[derive(Debug, thiserror::Error)]
enum BadRemote {
    #[error("'{}' names no remote", text::visible(.0.as_bytes()))]
    NoName(String),
    #[error("{0} is this repository itself")]
    Itself(String),
}

impl Explain for BadRemote {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["see the remotes that there are: git remote -v".to_owned()]
    }
}

impl Init {
    /// Makes the ledger, installs the hooks, excludes the copies of leases.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let ledger = session.ledger();
        let was_prepared = ledger.is_prepared()?;
        let remote = self.found(&session, context)?;
        let made = match remote {
            Some(_) => !was_prepared,
            None => ledger.prepare(session.now)?,
        };
        session.repo.exclude_block(MARK, &[&format!("/{}/", copy::FOLDER)])?;
        let hooks = session.repo.install_hooks(&context.program, &ledger.folder())?.to_string();
        let mut page = Page::default();
        let verb = if made { "prepared" } else { "checked" };
        page.put(Label::Good, format!("{verb} ")).put(Label::Place, session.home.display().to_string()).end();
        page.line(Label::Plain, format!("  ledger  {LEDGER}"));
        if let Some(Decider { name, ledger, how }) = &remote {
            let verb = match how {
                Founded::Joined => "which had it",
                Founded::Sent => "which was given it",
            };
            page.line(Label::Plain, format!("  decided by {name}, {verb} as {ledger}"));
        }
        page.line(Label::Plain, format!("  hooks   {hooks}"));
        let older_hooks = session.repo.older_hooks(&ledger.folder())?;
        put_older(&mut page, &older_hooks);
        // A repository without a commit has no target yet, and that is fine until the first claim.
        let target = session.target().ok();
        if let Some(target) = &target {
            let short = target.trim_start_matches("refs/heads/");
            page.line(Label::Plain, format!("  tasks land on {short}"));
        }
        page.line(Label::Quiet, "  begin a task: git odyssey claim TASK --region 'src/auth/**'");
        Ok(Outcome::new(page, &Prepared { ledger_made: made, remote, hooks, older_hooks, target }))
    }

    /// Makes a remote decide, if one is named here or was before.
    fn found(&self, session: &Session, context: &Context<'_>) -> Result<Option<Decider>, Failure> {
        let configured = session.authority.as_ref();
        let Some(name) = self.remote.clone().or(configured.map(|one| one.remote().name.clone())) else {
            return Ok(None);
        };
        let is_ours = |folder: PathBuf| {
            Repo::open(&folder).is_ok_and(|there| there.common_dir() == session.repo.common_dir())
        };
        if name.trim().is_empty() || name != name.trim() || name.contains(char::is_control) {
            return Err(BadRemote::NoName(name).into());
        }
        if is_ours(context.folder.join(&name)) {
            return Err(BadRemote::Itself(name).into());
        }
        // A name that was chosen or found out before holds for the same remote only.
        let known = configured.filter(|one| one.remote().name == name).map(|one| one.name().to_owned());
        let again = known.is_some();
        let names = known.map_or_else(|| vec![LEDGER.to_owned(), FALLBACK.to_owned()], |known| vec![known]);
        let like = Authority::of(&session.repo, name, LEDGER.to_owned(), context.clock)?;
        let ledger = session.ledger().decided_by(None);
        let Founding { authority, how } = founding::found(&ledger, &names, &like, again, session.now)?;
        let (name, ledger) = (authority.remote().name.clone(), authority.name().to_owned());
        if configured.is_none_or(|one| one.remote().name != name || one.name() != ledger) {
            let mut settings = vec![("remote", name.as_str())];
            if ledger != LEDGER {
                settings.push(("remoteLedger", &ledger));
            }
            session.repo.put_settings(REMOTE_MARK, "odyssey", &settings)?;
        }
        Ok(Some(Decider { name, ledger, how }))
    }
}

/// Puts the hooks of others that are kept and that nobody runs any more.
pub fn put_older(page: &mut Page, hooks: &[PathBuf]) {
    for path in hooks {
        page.put(Label::Warn, "  kept    ").put(Label::Place, path.display().to_string());
        page.line(Label::Plain, ": an earlier hook, which nobody runs since another took its place");
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
