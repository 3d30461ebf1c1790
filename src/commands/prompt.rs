//! `prompt`: a few words for a shell's prompt, from what the workspace itself says: no ledger is read and no process started.

use std::path::Path;

use crate::base::clock::Timestamp;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::lease::Lease;
use crate::domain::lease::Phase;
use crate::domain::region::Case;
use crate::git::repo::Repo;
use crate::ledger::codec::LeaseFile;
use crate::workspace::copy;

use super::Context;
use super::Outcome;

/// Print the task of this workspace and the time that its lease has left, for a prompt; elsewhere print nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct Prompt {}

/// What is told.
#[derive(Debug, serde::Serialize)]
struct Told {
    task: Option<String>,
    expires_at: Option<Timestamp>,
}

impl Prompt {
    /// Reads the workspace's note of its lease. One that cannot be read is a question mark: a prompt is no place for more.
    ///
    /// # Errors
    /// None: a prompt must not fail.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let mut page = Page::default();
        let mut told = Told { task: None, expires_at: None };
        let repo = Repo::discover(&context.folder).ok();
        if let Some(checkout) = repo.as_ref().and_then(|repo| repo.checkout()) {
            match noted(checkout) {
                Ok(None) => {}
                Err(_) => {
                    page.line(Label::Warn, "odyssey?");
                }
                Ok(Some(lease)) => {
                    let now = context.clock.now();
                    let left = match lease.phase {
                        Phase::Parked => "parked".to_owned(),
                        Phase::Active if lease.is_expired(now) => "expired".to_owned(),
                        Phase::Active => text::duration(lease.left(now)),
                    };
                    page.put(Label::Name, lease.task.as_str()).put(Label::Time, format!(" {left}")).end();
                    told = Told { task: Some(lease.task.to_string()), expires_at: Some(lease.expires_at) };
                }
            }
        }
        Ok(Outcome::new(page, &told))
    }
}

/// The lease of a workspace, as it was written there last.
fn noted(checkout: &Path) -> Result<Option<Lease>, String> {
    let Some(text) = copy::text(checkout).map_err(|error| error.to_string())? else { return Ok(None) };
    LeaseFile::from_toml(&text)?.lease(Case::Sensitive).map(Some)
}
