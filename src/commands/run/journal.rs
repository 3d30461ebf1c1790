//! The journal of a run: what happened, a line each, in the order in which it happened.
//!
//! It is kept in git's folder and written by one runner at a time. What it says of landings the ledger knows better: a line that a kill
//! kept from being written is found out from there.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::lock::Lock;
use crate::domain::workflow::progress::Step;

/// The journal's file in a run's folder.
const FILE: &str = "journal.jsonl";

/// A step with its time.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
}

/// The version of the lines that programs are told.
const VERSION: u32 = 1;

impl Line {
    /// The line as programs are told it: an object with its version.
    pub fn told(&self) -> String {
        #[derive(serde::Serialize)]
        struct Told<'a> {
            version: u32,
            #[serde(flatten)]
            line: &'a Line,
        }
        // A value of strings and numbers can always be written.
        serde_json::to_string(&Told { version: VERSION, line: self }).unwrap_or_default()
    }
}

#[derive(Debug, thiserror::Error)]
enum JournalError {
    #[error("another runner is at work on this workflow")]
    Busy,
    #[error("line {line} of {} is no step of a run", .path.display())]
    Damaged {
        path: PathBuf,
        line: usize,
        #[source]
        source: serde_json::Error,
    },
}

impl Explain for JournalError {
    fn hints(&self) -> Vec<String> {
        match self {
            JournalError::Busy => vec!["wait for it, or stop it with Ctrl-C where it runs".to_owned()],
            JournalError::Damaged { path, .. } => vec![format!(
                "move {} away to begin a new run: what has landed has landed, and live tasks stay",
                path.display()
            )],
        }
    }
}

/// The journal, open for one runner.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: File,
    _lock: Lock,
}

impl Journal {
    /// Opens the journal of a workflow and reads what is in it. With `anew` what is in it is put aside.
    ///
    /// # Errors
    /// When another runner has it, or it cannot be read.
    pub fn open(folder: &Path, anew: bool) -> Result<(Journal, Vec<Line>), Failure> {
        std::fs::create_dir_all(folder).map_err(|source| FileError::new("make", folder, source))?;
        let lock = Lock::attempt(&folder.join("lock"))?.ok_or(JournalError::Busy)?;
        let path = folder.join(FILE);
        if anew {
            put_aside(folder, &path)?;
        }
        let bytes = atomic::read(&path)?.unwrap_or_default();
        // A line that a kill cut off says nothing.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = read(&path, &bytes[..whole])?;
        let failed = |source| FileError::new("open", &path, source);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        Ok((Journal { folder: folder.to_owned(), file, _lock: lock }, lines))
    }

    /// Writes down a step. Answers what was written.
    ///
    /// # Errors
    /// When it cannot be written: then what it says must not count.
    pub fn write(&mut self, at: Timestamp, step: &Step) -> Result<Line, FileError> {
        let failed = |source| FileError::new("write", &self.folder.join(FILE), source);
        let line = Line { at, step: step.clone() };
        let mut text = serde_json::to_string(&line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        // One write: two lines never mix, and a kill leaves at most the last one torn.
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(line)
    }

    /// Where what belongs to the run is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Line>, JournalError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|source| JournalError::Damaged {
                path: path.to_owned(),
                line: number + 1,
                source,
            })
        })
        .collect()
}

/// Gives an old journal another name; nothing that happened is forgotten.
fn put_aside(folder: &Path, path: &Path) -> Result<(), FileError> {
    if !path.exists() {
        return Ok(());
    }
    let names = (1..).map(|number| folder.join(format!("journal-{number}.jsonl")));
    let Some(free) = names.into_iter().find(|name| !name.exists()) else { return Ok(()) };
    std::fs::rename(path, &free).map_err(|source| FileError::new("rename", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_not_there_and_the_next_is_whole() -> Result<(), Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        let at = "2026-11-24T01:30:00Z".parse()?;
        let task: crate::domain::task::TaskName = "a".parse()?;
        let open = || Journal::open(place.path(), false).map_err(|failure| failure.to_string());
        {
            let (mut journal, lines) = open()?;
            assert!(lines.is_empty());
            journal.write(at, &Step::GoesOn)?;
            journal.file.write_all(b"{\"at\":\"2026")?;
            assert_eq!(open().map(|_| ()).unwrap_err(), "another runner is at work on this workflow");
        }
        let (mut journal, lines) = open()?;
        assert_eq!(lines.len(), 1);
        journal.write(at, &Step::Ready { task: task.clone() })?;
        drop(journal);
        let (_, lines) = open()?;
        let steps: Vec<Step> = lines.into_iter().map(|line| line.step).collect();
        assert_eq!(steps, [Step::GoesOn, Step::Ready { task }]);
        Ok(())
    }

    #[test]
    fn a_journal_that_is_put_aside_is_kept() -> Result<(), Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        let open = |anew| Journal::open(place.path(), anew).map_err(|failure| failure.to_string());
        open(false)?.0.write("2026-11-24T01:30:00Z".parse()?, &Step::GoesOn)?;
        assert!(open(true)?.1.is_empty());
        assert!(place.path().join("journal-1.jsonl").exists());
        Ok(())
    }
}
