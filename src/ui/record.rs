//! The record of an installation: every file and folder that it made, so that it can be taken away again.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;

/// What was installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The folders that were not there before, outermost first.
    pub folders: Vec<PathBuf>,
}

/// A record that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be read, or what it names cannot be written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is damaged, or a path in it is not UTF-8.
    #[error("the record {} cannot be understood", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
}

impl Explain for RecordError {
    fn hints(&self) -> Vec<String> {
        match self {
            RecordError::File(error) => error.hints(),
            RecordError::Damaged(path, _) => {
                vec![format!("remove {} and install again; that makes a new one", path.display())]
            }
        }
    }
}

impl Record {
    /// Reads the record at `path`; nothing when nothing was installed.
    ///
    /// # Errors
    /// When it is there and cannot be understood.
    pub fn read(path: &Path) -> Result<Option<Record>, RecordError> {
        let Some(bytes) = atomic::read(path)? else { return Ok(None) };
        let record = serde_json::from_slice(&bytes);
        record.map(Some).map_err(|source| RecordError::Damaged(path.to_owned(), source))
    }

    /// Writes the record to `path`.
    ///
    /// # Errors
    /// When it cannot be written, or a path is not UTF-8.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let text = serde_json::to_vec_pretty(self);
        let text = text.map_err(|source| RecordError::Damaged(path.to_owned(), source))?;
        Ok(atomic::put(path, &text)?)
    }

    /// Adds a file that is about to be written, and the folders that will be made for it.
    pub fn add(&mut self, file: &Path) {
        let missing = file.ancestors().skip(1).take_while(|folder| !folder.exists());
        let missing: Vec<PathBuf> =
            missing.filter(|folder| !self.knows(folder)).map(Path::to_owned).collect();
        self.folders.extend(missing.into_iter().rev());
        if !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_owned());
        }
    }

    fn knows(&self, folder: &Path) -> bool {
        self.folders.iter().any(|known| known == folder)
    }

    /// Removes the files, and the folders as far as nobody else has put something in.
    ///
    /// # Errors
    /// When one cannot be removed; those before it are gone then, and a second call goes on.
    pub fn erase(&self) -> Result<(), FileError> {
        self.files.iter().try_for_each(|file| atomic::remove(file))?;
        for folder in self.folders.iter().rev() {
            match fs::remove_dir(folder).map_err(|source| FileError::new("remove", folder, source)) {
                Err(error)
                    if !matches!(
                        error.reason(),
                        io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                    ) =>
                {
                    return Err(error);
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasing_leaves_what_others_put_there() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("bin"))?;
        let mut record = Record::default();
        for file in ["bin/ours", "share/man/ours", "share/own/ours"] {
            record.add(&at(file));
            atomic::put(&at(file), b"ours")?;
        }
        assert_eq!(record.folders, [at("share"), at("share/man"), at("share/own")]);
        atomic::put(&at("share/man/theirs"), b"theirs")?;
        record.erase()?;
        record.erase()?;
        assert!(at("bin").exists() && at("share/man/theirs").exists());
        assert!(!at("bin/ours").exists() && !at("share/man/ours").exists() && !at("share/own").exists());
        Ok(())
    }

    #[test]
    fn a_damaged_record_is_not_an_absent_one() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let path = root.path().join("installed.json");
        assert!(Record::read(&path)?.is_none());
        let record = Record { files: vec!["a".into()], folders: vec!["b".into()] };
        record.write(&path)?;
        assert_eq!(Record::read(&path)?, Some(record));
        atomic::put(&path, b"{")?;
        assert!(Record::read(&path).is_err());
        Ok(())
    }
}
