//! Objects that are being received: git keeps those of a push aside until its hooks have agreed.
//!
//! git tells its own children of them by the environment, which gix does not read. So a temporary store is put in front
//! that names all the others; it also takes what git writes while it merges, so that nothing stays of a judgement.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::GitError;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;

/// The temporary store in front of a repository's own. Removed with the last that uses it.
#[derive(Debug, Clone)]
pub(super) struct Received(Arc<tempfile::TempDir>);

impl Repo {
    /// The same repository with the objects in these stores (`GIT_OBJECT_DIRECTORY` and its like) in it.
    ///
    /// Objects that replace others (`refs/replace`) are not looked at: what is pushed is judged as it is.
    ///
    /// # Errors
    /// When the temporary store cannot be made.
    pub fn receiving(mut self, stores: &[PathBuf]) -> Result<Repo, GitError> {
        let own = self.common_dir().join("objects");
        let failed = |source| FileError::new("make", Path::new("a temporary folder"), source);
        let folder = tempfile::Builder::new().prefix("git-odyssey-").tempdir().map_err(failed)?;
        let mut all = Vec::new();
        for store in stores.iter().chain([&own]) {
            let store = std::path::absolute(store).unwrap_or_else(|_| store.clone());
            let line = super::paths::to_git(&store)?;
            // A line that begins with a quotation mark is read otherwise, and a line feed ends it.
            if line.contains(&b'\n') || line.first() == Some(&b'"') {
                return Err(GitError::Stranger(store));
            }
            all.extend_from_slice(&line);
            all.push(b'\n');
        }
        let info = folder.path().join("info");
        std::fs::create_dir(&info).map_err(|source| FileError::new("make", &info, source))?;
        atomic::put(&info.join("alternates"), &all)?;
        lend_graph(&own.join("info"), &info);
        let hash = self.gix.object_hash();
        let store = gix::odb::at(folder.path(), hash)
            .map_err(|source| FileError::new("open", folder.path(), source))?;
        self.gix.objects = gix::odb::memory::Proxy::new(store, hash).with_write_passthrough();
        self.gix.object_cache_size_if_unset(8 * 1024 * 1024);
        self.received = Some(Received(Arc::new(folder)));
        Ok(self)
    }

    /// The same command with the objects that are being received known to git.
    pub(super) fn with_received(&self, git: Git) -> Git {
        match &self.received {
            Some(Received(folder)) => git.env("GIT_OBJECT_DIRECTORY", folder.path()),
            None => git,
        }
    }
}

/// The commit-graph is found beside the objects. Without it everything is the same, and slower.
#[cfg(unix)]
fn lend_graph(own: &Path, info: &Path) {
    for name in ["commit-graph", "commit-graphs"] {
        let graph = own.join(name);
        if graph.exists() {
            let _ = std::os::unix::fs::symlink(&graph, info.join(name));
        }
    }
}

#[cfg(not(unix))]
fn lend_graph(_: &Path, _: &Path) {}
