//! Watching the ledger's ref: woken by the file system when it changes.

use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::time::Duration;

use notify::RecommendedWatcher;
use notify::RecursiveMode;
use notify::Watcher;

use crate::base::atomic::FileError;

use super::local::watched_folder;

/// A watch over the ledger's ref.
pub struct RefWatch {
    folder: PathBuf,
    watcher: RecommendedWatcher,
    wakes: Sender<()>,
    changes: Receiver<()>,
}

impl RefWatch {
    /// Begins to watch the ledger of the repository whose shared folder is `common`.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub fn begin(common: &Path) -> Result<RefWatch, FileError> {
        let folder = watched_folder(common);
        let (wakes, changes) = channel();
        let sender = wakes.clone();
        let failed = |error: notify::Error| FileError::new("watch", &folder, std::io::Error::other(error));
        let tell = move |event: notify::Result<notify::Event>| {
            // Reading the ref opens its file: a waiter that looks again would wake itself and all others, for ever.
            if !event.as_ref().is_ok_and(|event| event.kind.is_access()) {
                // Nobody listens any more once the wait has ended.
                let _ = sender.send(());
            }
        };
        let mut watcher = notify::recommended_watcher(tell).map_err(failed)?;
        std::fs::create_dir_all(&folder).map_err(|source| FileError::new("watch", &folder, source))?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(failed)?;
        Ok(RefWatch { folder, watcher, wakes, changes })
    }

    /// Ends a wait from elsewhere, as a change would.
    pub fn waker(&self) -> impl FnOnce() + Send + 'static {
        let sender = self.wakes.clone();
        move || {
            // Nobody listens any more once the wait has ended.
            let _ = sender.send(());
        }
    }

    /// Waits for a change, at most so long. Answers whether there was one.
    ///
    /// # Errors
    /// When the watch is lost and cannot be renewed.
    pub fn changed_within(&mut self, most: Duration) -> Result<bool, FileError> {
        let changed = match self.changes.recv_timeout(most) {
            Ok(_) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(FileError::new(
                    "watch",
                    &self.folder,
                    std::io::Error::other("the watcher has ended"),
                ));
            }
        };
        // One change of a ref makes several events; all of them are this one wake.
        while self.changes.try_recv().is_ok() {}
        if !self.folder.exists() {
            // Packing refs may remove the emptied folder, and the watch with it.
            let failed =
                |error: notify::Error| FileError::new("watch", &self.folder, std::io::Error::other(error));
            std::fs::create_dir_all(&self.folder)
                .map_err(|source| FileError::new("watch", &self.folder, source))?;
            self.watcher.watch(&self.folder, RecursiveMode::NonRecursive).map_err(failed)?;
        }
        Ok(changed)
    }
}
