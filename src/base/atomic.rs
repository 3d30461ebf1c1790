//! Files that are either wholly there or not at all, whenever the process dies.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::failure::Explain;

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", .path.display())]
pub struct FileError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// What could not be done (`read`, `write`, …) to which file, and the system's reason.
    pub fn new(verb: &'static str, path: &Path, source: io::Error) -> Self {
        FileError { verb, path: path.to_owned(), source }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The system's reason.
    pub fn reason(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl Explain for FileError {
    fn hints(&self) -> Vec<String> {
        match self.source.kind() {
            io::ErrorKind::PermissionDenied => {
                vec![format!("check who owns {} and its permissions", self.path.display())]
            }
            io::ErrorKind::StorageFull => {
                vec!["free some disk space and run the same command again".to_owned()]
            }
            io::ErrorKind::ReadOnlyFilesystem => vec!["the file system is mounted read-only".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Replaces `path` with `bytes`: readers see the old content or the new, never a part.
///
/// # Errors
/// When the folder cannot be written; the old content is then untouched.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, bytes, Wait::Disk)
}

/// As [`replace`], for what need not survive a power cut: it does not wait for the disk.
///
/// # Errors
/// As for [`replace`].
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, bytes, Wait::System)
}

/// Fills a file that is there, in place: only for a file that is locked, whose readers wait or cope with a part.
///
/// # Errors
/// When it cannot be written.
pub fn fill(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::new("write", path, source);
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}

enum Wait {
    Disk,
    System,
}

fn write(path: &Path, bytes: &[u8], wait: Wait) -> Result<(), FileError> {
    let failed = |source| FileError::new("write", path, source);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = made_in(folder, || tempfile::Builder::new().prefix(".odyssey-").tempfile_in(folder))
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    if let Ok(old) = fs::metadata(path) {
        file.as_file().set_permissions(old.permissions()).map_err(failed)?;
    } else {
        open_to_readers(file.path()).map_err(failed)?;
    }
    match wait {
        Wait::Disk => file.as_file().sync_data().map_err(failed)?,
        Wait::System => {}
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Makes something in a folder, and the folder first where there is none: mostly there is one.
///
/// # Errors
/// When either cannot be made.
pub fn made_in<T>(folder: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match make() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            make()
        }
        other => other,
    }
}

/// Temporary files are private; what replaces a shared file must be as readable as one written plainly.
#[cfg(unix)]
fn open_to_readers(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_readers(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The content of `path`, or nothing when there is no such file.
///
/// # Errors
/// Every other reason: a file that cannot be read is not an absent file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path, error)),
    }
}

/// All of the standard input.
///
/// # Errors
/// When it cannot be read.
pub fn standard_input() -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let read = io::stdin().read_to_end(&mut bytes);
    read.map_err(|source| FileError::new("read", Path::new("the standard input"), source))?;
    Ok(bytes)
}

/// Removes `path`; already gone is fine, because that is what was wanted.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_permissions_and_leaves_nothing_beside_it()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep/er/file");
        replace(&path, b"one")?;
        replace(&path, b"two")?;
        assert_eq!(read(&path)?.as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::read_dir(folder.path().join("deep/er"))?.count(), 1);
        Ok(())
    }

    #[test]
    fn an_unreadable_file_is_not_an_absent_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(read(&folder.path().join("none"))?.is_none());
        assert!(read(folder.path()).is_err(), "a folder cannot be read as a file");
        Ok(())
    }
}
