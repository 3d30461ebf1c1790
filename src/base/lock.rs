//! Advisory locks between processes: manners, so that contenders queue; never the truth.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::atomic::FileError;
use super::atomic::made_in;

/// A lock held until it is dropped, or until the process dies in any way.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Waits for its turn.
    ///
    /// # Errors
    /// When the lock's file cannot be made or the file system knows no locks.
    pub fn wait(path: &Path) -> Result<Lock, FileError> {
        Lock::of(open(path)?, path)
    }

    /// Waits for its turn at a file that is open; `path` is its name.
    ///
    /// # Errors
    /// When the file system knows no locks.
    pub fn of(file: File, path: &Path) -> Result<Lock, FileError> {
        file.lock().map_err(|source| FileError::new("lock", path, source))?;
        Ok(Lock { file })
    }

    /// Takes the lock if nobody has it.
    ///
    /// # Errors
    /// As for [`Lock::wait`]. A lock that someone has is `Ok(None)`.
    pub fn attempt(path: &Path) -> Result<Option<Lock>, FileError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(FileError::new("lock", path, source)),
        }
    }

    /// Waits until nobody has the lock, or its file is gone.
    ///
    /// # Errors
    /// As for [`Lock::wait`].
    pub fn until_free(path: &Path) -> Result<(), FileError> {
        match File::open(path) {
            Ok(file) => file.lock().map_err(|source| FileError::new("lock", path, source)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(FileError::new("open", path, source)),
        }
    }

    /// Whether somebody has the lock. Nobody has one whose file is gone.
    ///
    /// # Errors
    /// As for [`Lock::wait`].
    pub fn is_held(path: &Path) -> Result<bool, FileError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(FileError::new("open", path, source)),
        };
        // Shared, so that several may ask at the same time and none takes another for the holder.
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(FileError::new("lock", path, source)),
        }
    }

    /// One more handle of this lock, for a child process to hold: the lock lasts until both have ended.
    ///
    /// Where locks belong to processes and not to open files (Windows), the child's handle holds nothing.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub fn share(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    let failed = |source| FileError::new("open", path, source);
    let options = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
    made_in(path.parent().unwrap_or(Path::new(".")), options).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_someone_has_is_not_taken_twice() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("locks/ledger");
        let held = Lock::wait(&path)?;
        assert!(Lock::attempt(&path)?.is_none());
        assert!(Lock::is_held(&path)?);
        drop(held);
        assert!(!Lock::is_held(&path)? && !Lock::is_held(&folder.path().join("none"))?);
        assert!(Lock::attempt(&path)?.is_some());
        Ok(())
    }
}
