//! The queue of those who wait for regions: first come, first served, whoever dies leaves it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;
use crate::domain::task::TaskName;

/// A place in the queue. The number is in the file's name; the lock on it says that its owner lives.
#[derive(Debug)]
pub struct Ticket {
    path: PathBuf,
    number: u64,
    _lock: Lock,
}

/// How long a later waiter gives an earlier one before it tries too: the earlier one may wait for other regions.
const COURTESY: Duration = Duration::from_millis(50);

impl Ticket {
    /// Draws the next number.
    ///
    /// # Errors
    /// When the queue's folder cannot be written.
    pub fn draw(folder: &Path, task: &TaskName) -> Result<Ticket, FileError> {
        let queue = folder.join("queue");
        let _turn = Lock::wait(&folder.join("lock").join("queue"))?;
        let number = numbers(&queue)?.into_iter().map(|(number, _)| number).max().unwrap_or(0) + 1;
        let path = queue.join(format!("{number:010}-{task}"));
        let lock = Lock::wait(&path)?;
        Ok(Ticket { path, number, _lock: lock })
    }

    /// Lets those who came before try first, for a moment each or until they have left the queue.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn wait_for_turn(&self, most: Option<Duration>) -> Result<(), FileError> {
        let queue = self.path.parent().unwrap_or(Path::new("."));
        let before = numbers(queue)?.into_iter().filter(|(number, _)| *number < self.number);
        let mut patience = 0;
        for (_, path) in before {
            match Lock::attempt(&path)? {
                // Its owner has died, or has just been granted what it waited for.
                Some(_) => atomic::remove(&path)?,
                None => patience += 1,
            }
        }
        let pause = COURTESY * patience;
        std::thread::sleep(most.map_or(pause, |most| pause.min(most)));
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // What stays here by a kill is removed by the next in the queue.
        let _ = fs::remove_file(&self.path);
    }
}

fn numbers(queue: &Path) -> Result<Vec<(u64, PathBuf)>, FileError> {
    let failed = |source| FileError::new("read", queue, source);
    let entries = match fs::read_dir(queue) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(number) = name.split('-').next().and_then(|number| number.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}
