//! Proof that hooks fire: git is made to run them, and they say so instead of judging.

use std::path::Path;

use super::EVENTS;
use super::Way;
use super::shim;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::git::error::GitError;
use crate::git::paths;
use crate::git::repo::Repo;
use crate::git::run::Git;

/// Tells our program to write the event's name into the file that it names, and to do nothing else.
pub const PROBE: &str = "GIT_ODYSSEY_PROBE";

/// Whether one hook fires in one checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The hook.
    pub event: &'static str,
    /// Whether it fired.
    pub fired: bool,
}

impl Repo {
    /// Makes git run each of our hooks in this checkout. Nobody else's hook runs: one that is in our place is seen
    /// before, and counts as not fired.
    ///
    /// # Errors
    /// When git cannot be asked.
    pub fn prove_hooks(&self, folder: &Path) -> Result<Vec<Proof>, GitError> {
        let way = self.hook_way(folder)?;
        let prove = |event: &'static str| Ok(Proof { event, fired: self.fires(way.as_ref(), event)? });
        EVENTS.into_iter().map(prove).collect()
    }

    fn fires(&self, way: Option<&Way>, event: &'static str) -> Result<bool, GitError> {
        match way {
            None => Ok(false),
            Some(Way::Configuration) => {
                let listed = Git::at(self.folder()).args(["hook", "list", event]).answer()?;
                let name = format!("odyssey-{event}");
                Ok(listed.stdout.split(|&byte| byte == b'\n').any(|line| line == name.as_bytes()))
            }
            Some(Way::Folder | Way::Dispatcher { .. }) => {
                let asked = ["rev-parse", "--path-format=absolute", "--git-path"];
                let answer = Git::at(self.folder()).args(asked).arg(format!("hooks/{event}")).run()?;
                let path = paths::from_git(answer.strip_suffix(b"\n").unwrap_or(&answer))?;
                let found = atomic::read(&path)?.unwrap_or_default();
                // The pre-commit framework moves what it finds to this name, and runs it first.
                let moved = atomic::read(&path.with_extension("legacy"))?.unwrap_or_default();
                if !shim::is_ours(&found) {
                    return Ok(
                        shim::is_ours(&moved) && String::from_utf8_lossy(&found).contains("pre-commit")
                    );
                }
                self.answers(event)
            }
        }
    }

    /// Whether our program answers when git runs a hook.
    pub(super) fn answers(&self, event: &str) -> Result<bool, GitError> {
        let failed = |source| FileError::new("make", Path::new("a temporary file"), source);
        let file = tempfile::NamedTempFile::new().map_err(failed)?;
        let mut git = Git::at(self.folder()).args(["hook", "run", event]).env(PROBE, file.path());
        if event == "reference-transaction" {
            git = git.args(["--", "prepared"]);
        }
        git.answer()?;
        let said = atomic::read(file.path())?.unwrap_or_default();
        Ok(said.trim_ascii() == event.as_bytes())
    }
}
