//! Supervising a task's command: it runs in the workspace, its lease is renewed while it lives, and parked when it ends.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::domain::lease::Lease;
use crate::git::repo::Repo;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::workspace::copy;
use crate::workspace::process;
use crate::workspace::process::CommandError;
use crate::workspace::setup;

use super::Context;
use super::session::Session;

/// The runtime that waits for child and timer could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot wait for the command")]
struct NoRuntime(#[source] std::io::Error);

impl Explain for NoRuntime {}

/// Runs a command to its end. Answers its exit code, or 128 and more when a signal ended it.
///
/// # Errors
/// When it cannot be started; then the lease is still active, and nobody works under it. A renewal that fails is told, and the command goes on: its commits will be refused.
pub fn run(
    session: &Session,
    context: &Context<'_>,
    lease: &Lease,
    workspace: &Path,
    words: &[String],
) -> Result<u8, Failure> {
    let ended = waited(session, context, lease, workspace, words);
    if let Err(failure) = &ended
        && failure.is::<CommandError>(|error| matches!(error, CommandError::Start(..)))
    {
        return ended.map(code);
    }
    let parked = session.ledger().change(context.clock.now(), |state| -> Result<_, LedgerError> {
        let ours = state.book.get(&lease.task).is_some_and(|now| now.fence == lease.fence);
        let entry = if ours { state.book.park(&lease.task, "its command ended")? } else { None };
        let parked = entry.as_ref().and_then(|entry| entry.put.first().cloned());
        Ok((entry.into_iter().collect(), parked))
    })?;
    if let Some(parked) = parked {
        session.refresh_copy(&parked)?;
    }
    let status = ended?;
    Ok(code(status))
}

/// As [`run`], and leaves the lease as it is when the command has ended.
///
/// # Errors
/// When it cannot be started.
pub fn attend(
    session: &Session,
    context: &Context<'_>,
    lease: &Lease,
    workspace: &Path,
    words: &[String],
) -> Result<u8, Failure> {
    waited(session, context, lease, workspace, words).map(code)
}

fn waited(
    session: &Session,
    context: &Context<'_>,
    lease: &Lease,
    workspace: &Path,
    words: &[String],
) -> Result<ExitStatus, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(NoRuntime)?;
    runtime.block_on(watched(session, context, lease, workspace, words))
}

async fn watched(
    session: &Session,
    context: &Context<'_>,
    lease: &Lease,
    workspace: &Path,
    words: &[String],
) -> Result<ExitStatus, Failure> {
    let variables = setup::variables(lease, workspace);
    let line = shell_words::join(words);
    let mut command = tokio::process::Command::from(process::command(words, workspace, &variables));
    if context.json {
        // Our own answer is the only one on standard output.
        command.stdout(std::io::stderr());
    }
    let mut child = command.spawn().map_err(|source| CommandError::Start(line.clone(), source))?;
    let third = (lease.ttl / 3).max(Duration::from_secs(1));
    let first = until_beat(third, context.clock.now(), &session.repo);
    let mut renewals = tokio::time::interval_at(tokio::time::Instant::now() + first, third);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_err(|source| CommandError::Follow(line, source).into()),
            // The command gets the key press itself; we stay to park its task when it has ended.
            _ = tokio::signal::ctrl_c() => {}
            _ = renewals.tick() => {
                if let Err(failure) = renew(session, context, lease, workspace) {
                    context.monitor.note(&format!("the lease was not renewed: {failure}"));
                }
            }
        }
    }
}

/// How long until the first renewal, somewhat more than a third at most. All tasks of one clone renew at the same moments, so that
/// one push carries all; another clone does at others.
fn until_beat(third: Duration, now: Timestamp, repo: &Repo) -> Duration {
    let folder = repo.common_dir();
    let made = folder.metadata().and_then(|found| found.created()).ok();
    let mut clone = DefaultHasher::new();
    (folder, made).hash(&mut clone);
    let seconds = third.as_secs().max(1);
    let now = now.as_second().unsigned_abs().wrapping_add(clone.finish() % seconds);
    let left = Duration::from_secs(seconds - now % seconds);
    // One that was just granted needs none at once.
    if left < third / 4 { left + third } else { left }
}

/// Renews a lease under the fence that it was granted with.
///
/// # Errors
/// When it was granted anew since, or ended.
pub fn renew(
    session: &Session,
    context: &Context<'_>,
    lease: &Lease,
    workspace: &Path,
) -> Result<(), Failure> {
    let now = context.clock.now();
    let renewed = session.ledger().change(now, |state| -> Result<_, LedgerError> {
        let (renewed, entry) = state.book.renew(&lease.task, lease.fence, None, now)?;
        Ok((vec![entry], renewed))
    })?;
    copy::write(workspace, &LeaseFile::of(&renewed).to_toml())?;
    Ok(())
}

/// The exit code for how a command ended: its own, or 128 and more when a signal ended it.
#[cfg(unix)]
pub fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// The exit code for how a command ended.
#[cfg(not(unix))]
pub fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_one_clone_renew_at_the_same_moments_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("objects")).unwrap();
        std::fs::create_dir_all(folder.path().join("refs")).unwrap();
        for (name, text) in [("HEAD", "ref: refs/heads/main\n"), ("config", "[core]\n\tbare = true\n")] {
            crate::base::atomic::put(&folder.path().join(name), text.as_bytes()).unwrap();
        }
        let repo = Repo::open(folder.path()).unwrap();
        let third = Duration::from_secs(1_200);
        let beat = |second: i64| {
            let left = until_beat(third, Timestamp::from_second(second).unwrap(), &repo);
            assert!(left >= third / 4 && left <= third * 5 / 4, "{left:?}");
            (second.unsigned_abs() + left.as_secs()) % 1_200
        };
        let first = beat(1_800_000_000);
        assert!((0..1_300).all(|later| beat(1_800_000_000 + later) == first));
    }
}
