//! `server`: the hook of a repository that others push to is installed or taken out.

use std::path::PathBuf;

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::git::hooks::SERVER_EVENTS;

use super::Context;
use super::Outcome;
use super::init;
use super::session::Session;

/// Guard a repository that others push to: its hook refuses what the ledger does not allow, for everyone.
#[derive(Debug, Clone, clap::Args)]
pub struct Server {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a server's hook.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// Install the hook, or repair it; a hook that is there is kept, and runs after ours
    Install(Install),
}

/// How the hook is installed.
#[derive(Debug, Clone, clap::Args)]
pub struct Install {
    /// Take it out again; what was there before comes back as it was
    #[arg(long)]
    pub remove: bool,
    /// Which hook: pre-receive judges a push whole; update, ref by ref, is for servers that run no other
    #[arg(long, value_name = "HOOK", default_value = SERVER_EVENTS[0], value_parser = SERVER_EVENTS)]
    pub hook: String,
}

#[derive(Debug, serde::Serialize)]
struct Installed {
    hook: String,
    runs_after: bool,
    /// As for `init`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    older_hooks: Vec<PathBuf>,
    ledger: Option<String>,
}

#[derive(Debug, serde::Serialize)]
struct Removed {
    removed: Vec<&'static str>,
}

impl Server {
    /// Installs the hook, or takes it out.
    ///
    /// # Errors
    /// When git looks for hooks elsewhere, or a file cannot be written.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let Action::Install(install) = self.action;
        let session = Session::open(context)?;
        let folder = session.ledger().folder();
        let mut page = Page::default();
        let place = session.repo.common_dir().display().to_string();
        if install.remove {
            let removed = session.repo.remove_server_hooks(&folder)?;
            let what = if removed.is_empty() { "no hook was in " } else { "removed the hook from " };
            page.put(Label::Good, what).put(Label::Place, place).end();
            return Ok(Outcome::new(page, &Removed { removed }));
        }
        // One of the two at a time: both would judge everything twice.
        for other in session.repo.server_hooks()?.into_iter().filter(|event| *event != install.hook) {
            session.repo.remove_server_hooks(&folder)?;
            context.monitor.note(&format!("{other} is taken out: {} judges now", install.hook));
        }
        let runs_after = session.repo.install_server_hook(&install.hook, &context.program, &folder)?;
        let name = super::receive::ledger_name(&session.repo)?;
        let ledger = session.repo.reference(&name)?.map(|tip| tip.to_string());
        page.put(Label::Good, "guards ").put(Label::Place, place).end();
        page.line(Label::Plain, format!("  hook    {}", install.hook));
        if runs_after {
            page.line(Label::Plain, "  then    the hook that was there, whose refusal still refuses");
        }
        let older_hooks = session.repo.older_hooks(&folder)?;
        init::put_older(&mut page, &older_hooks);
        let known = if ledger.is_some() { "" } else { ", not there yet: the first push of it begins it" };
        page.line(Label::Plain, format!("  ledger  {name}{known}"));
        page.line(
            Label::Quiet,
            "  who may push for whom: git config --add odyssey-pusher.NAME.holder HOLDER",
        );
        Ok(Outcome::new(page, &Installed { hook: install.hook, runs_after, older_hooks, ledger }))
    }
}
