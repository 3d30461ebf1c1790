//! Marked blocks in git's configuration files, written under git's own lock, and taken out without a trace.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::block;
use crate::git::error::GitError;
use crate::git::repo::Repo;

/// The mark around our lines.
const MARK: &str = "git-odyssey";

/// Whether a configuration file has our block.
///
/// # Errors
/// When it cannot be read.
pub fn has(path: &Path) -> Result<bool, GitError> {
    Ok(atomic::read(path)?.is_some_and(|bytes| block::block(&bytes, MARK).is_some()))
}

/// Puts our block into a configuration file, which is made if it is not there.
///
/// # Errors
/// When another git keeps it locked, or it cannot be written.
pub fn put(path: &Path, lines: &[&str]) -> Result<(), GitError> {
    edit(path, |old| block::with_block(old, MARK, lines))
}

/// Takes our block out; a file that holds nothing else goes, because it was made for us.
///
/// # Errors
/// As for [`put`].
pub fn take(path: &Path) -> Result<(), GitError> {
    edit(path, |old| block::without_block(old, MARK))
}

impl Repo {
    /// Puts settings of ours, all of one section, into the repository's own configuration, in a block of this mark.
    ///
    /// # Errors
    /// When another git keeps the file locked, or it cannot be written.
    pub fn put_settings(&self, mark: &str, section: &str, settings: &[(&str, &str)]) -> Result<(), GitError> {
        let mut lines = vec![format!("[{section}]")];
        lines.extend(settings.iter().map(|(key, value)| format!("\t{key} = {}", quoted(value))));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        edit(&self.common_dir().join("config"), |old| block::with_block(old, mark, &lines))
    }

    /// Takes the block of this mark out again; everything else is as it was before.
    ///
    /// # Errors
    /// As for [`Repo::put_settings`].
    pub fn take_settings(&self, mark: &str) -> Result<(), GitError> {
        edit(&self.common_dir().join("config"), |old| block::without_block(old, mark))
    }
}

/// A value as git's configuration files write it.
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"))
}

fn edit(path: &Path, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<(), GitError> {
    let lock_path = lock_path(path);
    let mut lock = None;
    for _ in 0..TRIES {
        match OpenOptions::new().write(true).create_new(true).open(&lock_path) {
            Ok(file) => {
                lock = Some(file);
                break;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => std::thread::sleep(PAUSE),
            Err(error) => return Err(FileError::new("lock", path, error).into()),
        }
    }
    let mut lock = lock.ok_or_else(|| GitError::Locked(lock_path.clone()))?;
    let changed = atomic::read(path).map_err(GitError::from).and_then(|old| {
        let new = change(old.as_deref().unwrap_or_default());
        if old.as_deref() == Some(&new) || (old.is_none() && new.is_empty()) {
            return Ok(false);
        }
        if new.is_empty() {
            return Ok(atomic::remove(path).map(|()| false)?);
        }
        let failed = |source| FileError::new("write", path, source);
        if let Ok(meta) = path.metadata() {
            lock.set_permissions(meta.permissions()).map_err(failed)?;
        }
        lock.write_all(&new).map_err(failed)?;
        lock.sync_data().map_err(failed)?;
        Ok(true)
    });
    match changed {
        Ok(true) => {
            Ok(std::fs::rename(&lock_path, path).map_err(|source| FileError::new("write", path, source))?)
        }
        Ok(false) => Ok(atomic::remove(&lock_path)?),
        Err(error) => {
            atomic::remove(&lock_path)?;
            Err(error)
        }
    }
}

/// How long another git is given to let go of a configuration file.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
