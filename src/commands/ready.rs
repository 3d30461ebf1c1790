//! Making a new workspace ready: all that the policy says, in its order.

use std::path::Path;

use crate::base::failure::Failure;
use crate::domain::lease::Lease;
use crate::workspace::own;
use crate::workspace::own::Own;
use crate::workspace::reflink;
use crate::workspace::setup;

use super::session::Session;
use super::setup::furnish;

/// Gives a workspace its harness settings, copies, shared folders, port, files from templates, and runs the setup commands.
///
/// # Errors
/// When a file cannot be copied or made, no port is free, or a command fails; the later steps are not taken.
pub fn make(session: &Session, lease: &Lease, path: &Path) -> Result<(), Failure> {
    let policy = &session.policy.workspace;
    furnish(session, path)?;
    setup::copy_files(&session.home, path, &policy.copy)?;
    reflink::share(&session.home, path, &policy.reflink);
    let templates = setup::templates(&session.home, path, &policy.templates)?;
    let mut own = Own::of(&lease.task, path);
    let asks = templates.iter().map(|template| template.text.as_str());
    let asks = asks.chain(policy.setup.iter().flatten().map(String::as_str)).any(own::asks_for_port);
    if asks || policy.ports.is_some() {
        let lock = session.ledger().folder().join("lock").join("worktrees");
        own = own.with_port(&session.repo, path, policy.ports.unwrap_or_default(), &lock)?;
    }
    setup::write_templates(path, &templates, &own)?;
    setup::run_commands(lease, path, &policy.setup)?;
    Ok(())
}
