//! The hooks of a repository that is pushed to: ours in the hooks folder, and what was there kept and run after it.

use std::path::Path;
use std::path::PathBuf;

use super::Proof;
use super::is_executable;
use super::make_folder;
use super::saved;
use super::shim;
use super::write_shim;
use crate::base::atomic;
use crate::git::error::GitError;
use crate::git::repo::Repo;

/// The events that can refuse a push: all of it, or one ref.
pub const SERVER_EVENTS: [&str; 2] = ["pre-receive", "update"];

/// Where what was in the place of ours is kept.
pub(super) const SAVED: &str = "server-saved";

/// Says which hook was installed, so that one that is gone is missed.
const INSTALLED: &str = "server-hook";

/// Says that the hooks folder was made for us.
const FOLDER_MADE: &str = "server-hooks-folder-made";

impl Repo {
    /// Installs our hook for one of [`SERVER_EVENTS`]; a second run repairs it. Answers whether another is run after it.
    ///
    /// # Errors
    /// When git looks for hooks elsewhere (`core.hooksPath`), or a file cannot be written.
    pub fn install_server_hook(&self, event: &str, program: &Path, folder: &Path) -> Result<bool, GitError> {
        if let Some(elsewhere) = self.all_values("core.hooksPath").pop() {
            return Err(GitError::HooksElsewhere(elsewhere));
        }
        let hooks = self.common_dir().join("hooks");
        let saved = folder.join(SAVED);
        atomic::replace(&folder.join(INSTALLED), event.as_bytes())?;
        if !hooks.exists() {
            make_folder(&hooks)?;
            atomic::replace(&folder.join(FOLDER_MADE), b"")?;
        }
        let path = hooks.join(event);
        if atomic::read(&path)?.is_some_and(|bytes| !shim::is_ours(&bytes)) {
            saved::keep(&path, &saved, event)?;
        }
        let chained = is_executable(&saved.join(event));
        write_shim(&path, &shim::text(event, program, chained))?;
        Ok(chained)
    }

    /// Takes our hooks for pushes out; what was there before is back, byte for byte. Answers which there were.
    ///
    /// # Errors
    /// When a file cannot be written. It can be asked again.
    pub fn remove_server_hooks(&self, folder: &Path) -> Result<Vec<&'static str>, GitError> {
        let hooks = self.common_dir().join("hooks");
        let saved = folder.join(SAVED);
        let mut removed = Vec::new();
        for event in SERVER_EVENTS {
            let path = hooks.join(event);
            if atomic::read(&path)?.is_some_and(|bytes| shim::is_ours(&bytes)) {
                atomic::remove(&path)?;
                removed.push(event);
            }
        }
        saved::put_back(&saved, &hooks)?;
        atomic::remove(&folder.join(INSTALLED))?;
        let made = folder.join(FOLDER_MADE);
        if made.exists() {
            atomic::remove(&made)?;
            // Not empty any more: then it is somebody's.
            let _ = std::fs::remove_dir(&hooks);
        }
        Ok(removed)
    }

    /// Which of our hooks for pushes are in place, by what git would run.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn server_hooks(&self) -> Result<Vec<&'static str>, GitError> {
        let mut found = Vec::new();
        for event in SERVER_EVENTS {
            let path = self.common_dir().join("hooks").join(event);
            if is_executable(&path) && atomic::read(&path)?.is_some_and(|bytes| shim::is_ours(&bytes)) {
                found.push(event);
            }
        }
        Ok(if self.all_values("core.hooksPath").is_empty() { found } else { Vec::new() })
    }

    /// The hook for pushes that was installed here, and whether git runs it; nothing when none was.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn prove_server_hook(&self, folder: &Path) -> Result<Option<Proof>, GitError> {
        let Some(name) = atomic::read(&folder.join(INSTALLED))? else { return Ok(None) };
        let Some(event) = SERVER_EVENTS.into_iter().find(|event| event.as_bytes() == name) else {
            return Err(GitError::Broken(folder.join(INSTALLED)));
        };
        let fired = self.server_hooks()?.contains(&event) && self.answers(event)?;
        Ok(Some(Proof { event, fired }))
    }

    /// The hook for pushes that was in the place of ours, if there is one that git would run.
    pub fn previous_server_hook(&self, folder: &Path, event: &str) -> Option<PathBuf> {
        let path = folder.join(SAVED).join(event);
        is_executable(&path).then_some(path)
    }
}
