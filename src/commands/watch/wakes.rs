//! Wakes: the file system says that something changed, and a run of changes is one wake.

use std::collections::BTreeSet;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use notify::RecommendedWatcher;
use notify::RecursiveMode;
use notify::Watcher;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use crate::base::atomic::FileError;

/// A run of changes has ended when nothing changed for so long.
const QUIET: Duration = Duration::from_millis(150);

/// A run that does not end is looked at after so long all the same.
const LONGEST: Duration = Duration::from_secs(2);

/// Watches folders.
pub struct Wakes {
    watcher: RecommendedWatcher,
    changes: UnboundedReceiver<()>,
    checkouts: BTreeSet<PathBuf>,
}

impl Wakes {
    /// Watches the refs of a repository with this shared folder.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub fn of_refs(common: &Path) -> Result<Wakes, FileError> {
        let shared = common.to_owned();
        let mut wakes = Wakes::begin(move |path| is_ref(&shared, path) || is_edit(path))?;
        wakes.add(&common.join("refs"), RecursiveMode::Recursive)?;
        // `packed-refs` is put in its place by renaming, which only its folder sees.
        wakes.add(common, RecursiveMode::NonRecursive)?;
        Ok(wakes)
    }

    /// Watches one folder, without those below.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub fn of_folder(folder: &Path) -> Result<Wakes, FileError> {
        let mut wakes = Wakes::begin(|_| true)?;
        wakes.add(folder, RecursiveMode::NonRecursive)?;
        Ok(wakes)
    }

    fn begin(matters: impl Fn(&Path) -> bool + Send + 'static) -> Result<Wakes, FileError> {
        let (sender, changes) = unbounded_channel();
        let tell = move |event: notify::Result<notify::Event>| {
            let wakes = match event {
                // Looking opens files; a look must not be the reason for the next.
                Ok(event) => !event.kind.is_access() && event.paths.iter().any(|path| matters(path)),
                // Events were lost, perhaps: look.
                Err(_) => true,
            };
            if wakes {
                // Nobody listens any more at the end.
                let _ = sender.send(());
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(|error| failed(Path::new("."), error))?;
        Ok(Wakes { watcher, changes, checkouts: BTreeSet::new() })
    }

    fn add(&mut self, folder: &Path, mode: RecursiveMode) -> Result<(), FileError> {
        self.watcher.watch(folder, mode).map_err(|error| failed(folder, error))
    }

    /// Watches just these checkouts from now on.
    ///
    /// # Errors
    /// When the system gives no more watches.
    pub fn follow(&mut self, checkouts: Vec<PathBuf>) -> Result<(), FileError> {
        let wanted: BTreeSet<PathBuf> = checkouts.into_iter().collect();
        for gone in self.checkouts.difference(&wanted) {
            // A folder that was removed took its watch along.
            let _ = self.watcher.unwatch(gone);
        }
        self.checkouts.retain(|folder| wanted.contains(folder));
        for folder in wanted {
            if self.checkouts.contains(&folder) {
                continue;
            }
            match self.add(&folder, RecursiveMode::Recursive) {
                Ok(()) => drop(self.checkouts.insert(folder)),
                // It was removed since it was looked at, and the next look does not find it any more.
                Err(_) if !folder.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for a change, at most so long, and then until the run of changes has ended, and so long at least.
    pub async fn next(&mut self, most: Option<Duration>, least: Duration) {
        let first = self.changes.recv();
        match most {
            Some(most) => {
                if tokio::time::timeout(most, first).await.is_err() {
                    return;
                }
            }
            None => {
                first.await;
            }
        }
        tokio::time::sleep(least).await;
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            match tokio::time::timeout(QUIET, self.changes.recv()).await {
                Ok(Some(())) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }
}

fn failed(folder: &Path, error: notify::Error) -> FileError {
    FileError::new("watch", folder, std::io::Error::other(error))
}

fn is_ref(common: &Path, path: &Path) -> bool {
    path.strip_prefix(common).is_ok_and(|inside| {
        let is_lock = inside.extension().is_some_and(|extension| extension == "lock");
        !is_lock && (inside.starts_with("refs") || inside == Path::new("packed-refs"))
    })
}

/// Whether a path can be somebody's edit: not one of git's files or of ours.
fn is_edit(path: &Path) -> bool {
    !path
        .components()
        .any(|part| matches!(part, Component::Normal(name) if name == ".git" || name == ".odyssey"))
}
