//! stub
use super::{error::GitError, repo::Repo};
use std::path::{Path, PathBuf};
#[allow(missing_docs)]
pub struct Proof {
    pub event: String,
    pub fired: bool,
}
#[allow(missing_docs)]
impl Repo {
    pub fn install_hooks(&self, _: &Path, _: &Path) -> Result<String, GitError> {
        Ok("stub".into())
    }
    pub fn uninstall_hooks(&self, _: &Path) -> Result<(), GitError> {
        Ok(())
    }
    pub fn adopt_worktree(&self, _: &Repo, _: &Path) -> Result<(), GitError> {
        Ok(())
    }
    pub fn prove_hooks(&self) -> Result<Vec<Proof>, GitError> {
        Ok(vec![])
    }
    pub fn previous_hook(&self, _: &Path, _: &str) -> Option<PathBuf> {
        None
    }
}
