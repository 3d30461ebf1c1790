//! `watch`: tells what happens, one notice a line, woken by the file system.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::base::atomic::FileError;
use crate::base::clock;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::lock::Lock;
use crate::base::page::Page;
use crate::domain::notice::Notice;
use crate::domain::notice::What;
use crate::ledger::error::LedgerError;
use crate::ledger::journal;
use crate::ledger::journal::Journal;
use crate::ledger::journal::Reader;
use crate::ledger::journal::Writer;

use super::Context;
use super::Outcome;
use super::session::Session;

mod look;
mod reactions;
mod said;
pub mod wakes;

use look::Look;
use reactions::Reactions;
use wakes::Wakes;

/// Tell what happens as it happens: leases, branches, edits in held regions, leases that end.
///
/// With --json each notice is one object on a line of its own, with a number (`seq`). Whoever was away goes on where it
/// stopped with --since. Of several watchers of a repository one looks, and all tell the same.
#[derive(Debug, Clone, clap::Args)]
pub struct Watch {
    /// Tell first what happened after the notice with this number; 0 for all that is kept
    #[arg(long, value_name = "NUMBER")]
    pub since: Option<u64>,
}

/// The runtime that waits for changes could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot wait for changes")]
pub struct NoRuntime(#[source] pub std::io::Error);

impl Explain for NoRuntime {}

/// After a look nothing is looked at for so many times as long: a watcher takes a part of one processor, never all.
const RESTS: u32 = 4;

/// What a watcher goes by.
struct Watching<'a> {
    context: &'a Context<'a>,
    journal: Journal,
    reader: Reader,
    /// Whether it was told that the watch has begun.
    begun: bool,
}

impl Watch {
    /// Tells until nobody listens any more, or a signal ends it.
    ///
    /// # Errors
    /// When the repository is not prepared, `--since` names what is gone, or the journal cannot be written.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        if !session.ledger().is_prepared()? {
            return Err(LedgerError::NotPrepared.into());
        }
        let journal = Journal::of(&session.ledger().folder());
        journal.folder()?;
        let since = match self.since {
            Some(since) => since,
            None => journal.newest()?,
        };
        let reader = journal.since(since)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(NoRuntime)?;
        let mut watching = Watching { context, journal, reader, begun: false };
        runtime.block_on(async {
            tokio::select! {
                ended = watching.watch(&session) => ended,
                signal = tokio::signal::ctrl_c() => signal.map_err(|error| NoRuntime(error).into()),
            }
        })?;
        let mut outcome = Outcome::new(Page::default(), &serde_json::Value::Null);
        outcome.given = true;
        // A wait for the lock of the one who looks has a thread of its own, which ends with the process.
        runtime.shutdown_background();
        Ok(outcome)
    }
}

impl Watching<'_> {
    async fn watch(&mut self, session: &Session) -> Result<(), Failure> {
        let lock_file = self.journal.lock_file();
        let lock = match Lock::attempt(&lock_file)? {
            Some(lock) => Some(lock),
            None => self.follow(&lock_file).await?,
        };
        match lock {
            Some(lock) => self.lead(session, lock).await,
            None => Ok(()),
        }
    }

    /// Tells what another watcher writes, until that one ends: then the lock is ours. Nothing when nobody listens.
    async fn follow(&mut self, lock_file: &Path) -> Result<Option<Lock>, Failure> {
        let mut wakes = Wakes::of_folder(self.journal.folder()?)?;
        let path = lock_file.to_owned();
        let mut turn = tokio::task::spawn_blocking(move || Lock::wait(&path));
        if !self.begin()? {
            return Ok(None);
        }
        loop {
            if !self.tell()? {
                return Ok(None);
            }
            tokio::select! {
                lock = &mut turn => {
                    let lost = |error: tokio::task::JoinError| {
                        FileError::new("wait for", lock_file, std::io::Error::other(error))
                    };
                    return Ok(Some(lock.map_err(lost)??));
                }
                () = wakes.next(None, Duration::ZERO) => {}
            }
        }
    }

    /// Looks, writes down what happened, and tells it.
    async fn lead(&mut self, session: &Session, lock: Lock) -> Result<(), Failure> {
        // Watched from before the first look, so that nothing falls between.
        let mut wakes = Wakes::of_refs(session.repo.common_dir())?;
        let mut writer = self.journal.write(lock)?;
        if writer.seen().is_none() {
            writer.begin_with(Look::beginning(session)?);
        }
        let mut reactions = Reactions::new(self.journal.folder()?, &session.home);
        let mut look = Look::default();
        loop {
            let begun = Instant::now();
            let next = self.look(&mut look, &mut writer, &mut wakes, &mut reactions)?;
            if !(self.begun || self.begin()?) || !self.tell()? {
                return Ok(());
            }
            let mut wake = std::pin::pin!(wakes.next(next, begun.elapsed() * RESTS));
            loop {
                tokio::select! {
                    () = &mut wake => break,
                    Some(trouble) = reactions.next_trouble() => self.context.monitor.note(&trouble),
                }
            }
        }
    }

    /// One look; answers how long nothing will happen by itself.
    fn look(
        &self,
        look: &mut Look,
        writer: &mut Writer,
        wakes: &mut Wakes,
        reactions: &mut Reactions,
    ) -> Result<Option<Duration>, Failure> {
        let now = self.context.clock.now();
        let seen = writer.seen().cloned().unwrap_or_default();
        // Opened anew each time: the policy, the leases and the worktrees may all have changed.
        let found = Session::open(self.context)
            .and_then(|session| Ok((look.again(&session, &seen, now)?, session.policy.on)));
        let (found, rules) = match found {
            Ok(found) => found,
            Err(failure) if failure.is::<LedgerError>(|error| matches!(error, LedgerError::NotPrepared)) => {
                return Err(failure);
            }
            Err(failure) => {
                // A policy that is being written, say. Nothing is told until it can be read, and nothing is lost.
                self.context.monitor.note(&format!("cannot look: {failure}"));
                return Ok(None);
            }
        };
        if let Some(checkouts) = found.checkouts {
            wakes.follow(checkouts)?;
        }
        for notice in writer.append(found.happened, now)? {
            for trouble in reactions.to(&notice, &rules) {
                self.context.monitor.note(&trouble);
            }
        }
        Ok(found.next.map(|next| clock::until(now, next).max(Duration::from_secs(1))))
    }

    /// Tells that from now on everything is told. False when nobody listens.
    fn begin(&mut self) -> Result<bool, Failure> {
        self.begun = true;
        let notice = Notice { seq: self.reader.last(), at: self.context.clock.now(), what: What::Watching };
        Ok(self.context.monitor.line(&self.face(&notice))?)
    }

    /// Tells what was written since. False when nobody listens any more.
    fn tell(&mut self) -> Result<bool, Failure> {
        for notice in self.reader.more()? {
            if !self.context.monitor.line(&self.face(&notice))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn face(&self, notice: &Notice) -> String {
        if self.context.json { journal::line(notice).trim_end().to_owned() } else { said::text(notice) }
    }
}
