//! Trying what was decided: commands on the result, in a folder of its own.

use crate::base::atomic;
use crate::base::failure::Failure;
use crate::git::Oid;
use crate::git::export::Exported;
use crate::ledger::reviews::Review;
use crate::workspace::process;
use crate::workspace::process::CommandError;
use crate::workspace::process::Running;
use crate::workspace::setup;

use super::TEST_LIMIT;
use super::desk::Desk;
use super::error::DeskError;
use super::opening;

/// A command that runs on the result. It is ended with this value, and the folder is gone.
#[derive(Debug)]
pub struct Trial {
    /// The command.
    pub running: Running,
    _folder: Exported,
}

impl Desk<'_> {
    /// Starts a command on the result, in a folder of its own.
    ///
    /// # Errors
    /// When something is open, or the command cannot be started.
    pub fn trial(&self, words: &[String]) -> Result<Trial, Failure> {
        self.need_decided()?;
        let exported = self.repo.export(self.result()?)?;
        let place = exported.folder();
        let variables = setup::variables(&self.lease, &place);
        let running = Running::start("the test", words, &place, &variables)?;
        Ok(Trial { running, _folder: exported })
    }

    /// Runs a command on the result, in a folder of its own. Answers what it wrote.
    ///
    /// # Errors
    /// When something is open, or the command fails.
    pub fn test(&self, words: &[String]) -> Result<Vec<u8>, Failure> {
        self.need_decided()?;
        let tree = self.result()?;
        let exported = self.repo.export(tree)?;
        let place = exported.folder();
        let variables = setup::variables(&self.lease, &place);
        process::output_within(TEST_LIMIT, "the test", words, &place, &variables)
            .map_err(|error| self.kept(error))
    }

    /// The failure of a command, with all that it wrote kept in a file.
    fn kept(&self, error: CommandError) -> Failure {
        if error.output().is_empty() {
            return error.into();
        }
        let folder = self.session.ledger().folder();
        let kept = folder.join("output").join(format!("review-{}.txt", self.lease.task));
        let said = error.to_string();
        match atomic::put(&kept, error.output()) {
            Ok(()) => DeskError::Failed { said, kept }.into(),
            Err(failed) => Failure::from(error).hint(format!("what it wrote was not kept: {failed}")),
        }
    }

    /// The tree that the merge would have.
    pub(super) fn result(&self) -> Result<Oid, Failure> {
        let Review { ours, theirs, resolutions, .. } = &self.stored.review;
        opening::result(self.session, &self.repo, &self.lease, (*theirs, *ours), self.sides, resolutions)
    }
}
