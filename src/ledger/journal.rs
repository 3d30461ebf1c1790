//! The journal of notices: numbered lines in one file, written by one watcher at a time and read by all.
//!
//! A line that was cut off by a kill is not there: its notice is found and told again. The file is cut to its newer half
//! when it is long; whoever asks for a number that is gone is told so.

use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::lock::Lock;
use crate::domain::notice::Notice;
use crate::domain::notice::Seen;
use crate::domain::notice::What;

/// How many notices are kept at least, if so many were written.
const KEPT: usize = 10_000;

/// Why notices cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system says no.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not what a watcher writes.
    #[error("line {line} of {} is no notice", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The notice asked for is too old.
    #[error("notice {asked} is not kept any more; the oldest is {oldest}")]
    Gone {
        /// The number asked for.
        asked: u64,
        /// The oldest number that is there.
        oldest: u64,
    },
    /// The notice asked for is yet to come.
    #[error("there is no notice {asked} yet; the newest is {newest}")]
    NotYet {
        /// The number asked for.
        asked: u64,
        /// The newest number that is there.
        newest: u64,
    },
}

impl Explain for JournalError {
    fn kind(&self) -> Kind {
        Kind::Refused
    }

    fn hints(&self) -> Vec<String> {
        match self {
            JournalError::File(_) => Vec::new(),
            JournalError::Damaged { path, .. } => {
                vec![format!("delete {} to begin anew: it only holds what was told", path.display())]
            }
            JournalError::Gone { oldest, .. } => vec![
                "see what happened meanwhile: git odyssey log, git odyssey status".to_owned(),
                format!("then go on: git odyssey watch --since {}", oldest.saturating_sub(1)),
            ],
            JournalError::NotYet { newest, .. } => vec![format!("begin with: --since {newest}")],
        }
    }
}

/// The journal, for reading.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// The journal in a ledger's folder.
    pub fn of(ledger_folder: &Path) -> Journal {
        Journal { folder: ledger_folder.join("watch") }
    }

    /// The folder that it is in; made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self) -> Result<&Path, FileError> {
        let failed = |source| FileError::new("make", &self.folder, source);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        Ok(&self.folder)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// The lock of the one who writes.
    pub fn lock_file(&self) -> PathBuf {
        self.folder.join("writer")
    }

    /// The number of the newest notice; 0 when there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn newest(&self) -> Result<u64, JournalError> {
        Ok(self.notices()?.last().map_or(0, |notice| notice.seq))
    }

    /// Reads from after a number on.
    ///
    /// # Errors
    /// When the notice after it is gone already, or the number itself is yet to come.
    pub fn since(&self, seq: u64) -> Result<Reader, JournalError> {
        let notices = self.notices()?;
        let newest = notices.last().map_or(0, |notice| notice.seq);
        if seq > newest {
            return Err(JournalError::NotYet { asked: seq, newest });
        }
        if let Some(oldest) = notices.first().map(|notice| notice.seq)
            && seq + 1 < oldest
        {
            return Err(JournalError::Gone { asked: seq, oldest });
        }
        Ok(Reader { path: self.file(), last: seq, offset: 0 })
    }

    fn notices(&self) -> Result<Vec<Notice>, JournalError> {
        let path = self.file();
        let bytes = atomic::read(&path)?.unwrap_or_default();
        parse(&path, whole_lines(&bytes))
    }

    /// Begins to write, for whoever has the lock of [`Journal::lock_file`].
    ///
    /// # Errors
    /// When what was written before cannot be read.
    pub fn write(&self, lock: Lock) -> Result<Writer, JournalError> {
        self.folder()?;
        let path = self.file();
        let bytes = atomic::read(&path)?.unwrap_or_default();
        let whole = whole_lines(&bytes);
        let notices = parse(&path, whole)?;
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| FileError::new("open", &path, source))?;
        // A line that was cut off must not stand before the next one.
        file.set_len(whole.len() as u64).map_err(|source| FileError::new("cut", &path, source))?;
        let state = self.folder.join("seen.json");
        let mut seen: Option<Seen> =
            atomic::read(&state)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(seen) = &mut seen {
            notices.iter().for_each(|notice| seen.apply(notice));
        }
        let next = notices.last().map_or(0, |notice| notice.seq) + 1;
        Ok(Writer { path, state, file, lines: notices.len(), next, seen, _lock: lock })
    }
}

/// Follows the journal.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    last: u64,
    offset: u64,
}

impl Reader {
    /// The number of the last notice that was read.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The notices that came since the last call.
    ///
    /// # Errors
    /// When the file cannot be read, or notices in between were cut away.
    pub fn more(&mut self) -> Result<Vec<Notice>, JournalError> {
        let failed = |source| FileError::new("read", &self.path, source);
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error).into()),
        };
        let length = file.metadata().map_err(failed)?.len();
        if length < self.offset {
            self.offset = 0;
        }
        let mut notices = self.read_from(&mut file, self.offset)?;
        if notices.first().is_some_and(|first| first.seq != self.last + 1) {
            // The file was cut, and grew beyond where we were.
            notices = self.read_from(&mut file, 0)?;
        }
        notices.retain(|notice| notice.seq > self.last);
        if let Some(first) = notices.first().filter(|first| first.seq != self.last + 1) {
            return Err(JournalError::Gone { asked: self.last, oldest: first.seq });
        }
        self.last = notices.last().map_or(self.last, |notice| notice.seq);
        Ok(notices)
    }

    fn read_from(&mut self, file: &mut File, offset: u64) -> Result<Vec<Notice>, JournalError> {
        let failed = |source| FileError::new("read", &self.path, source);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = whole_lines(&bytes);
        self.offset = offset + whole.len() as u64;
        match parse(&self.path, whole) {
            // In the middle of a line of the file that took the old one's place.
            Err(_) if offset > 0 => self.read_from(file, 0),
            other => other,
        }
    }
}

/// The one who writes.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    state: PathBuf,
    file: File,
    lines: usize,
    next: u64,
    seen: Option<Seen>,
    _lock: Lock,
}

impl Writer {
    /// What was told already; nothing when nobody ever watched.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// Begins with what is there now, of which nobody needs to be told.
    pub fn begin_with(&mut self, mut seen: Seen) {
        seen.seq = self.next - 1;
        self.seen = Some(seen);
    }

    /// Numbers and writes what happened, in one write.
    ///
    /// # Errors
    /// When it cannot be written; then it happens again, to the next who looks.
    pub fn append(&mut self, happened: Vec<What>, at: Timestamp) -> Result<Vec<Notice>, JournalError> {
        let number = |(place, what)| Notice { seq: self.next + place as u64, at, what };
        let notices: Vec<Notice> = happened.into_iter().enumerate().map(number).collect();
        if !notices.is_empty() {
            let lines: Vec<u8> = notices.iter().flat_map(|notice| line(notice).into_bytes()).collect();
            self.file.write_all(&lines).map_err(|source| FileError::new("write", &self.path, source))?;
            self.next += notices.len() as u64;
            self.lines += notices.len();
        }
        let mut seen = self.seen.take().unwrap_or_default();
        notices.iter().for_each(|notice| seen.apply(notice));
        let json = serde_json::to_vec(&seen).unwrap_or_default();
        self.seen = Some(seen);
        atomic::replace(&self.state, &json)?;
        if self.lines > 2 * KEPT {
            self.cut()?;
        }
        Ok(notices)
    }

    fn cut(&mut self) -> Result<(), JournalError> {
        let bytes = atomic::read(&self.path)?.unwrap_or_default();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        atomic::replace(&self.path, &lines[lines.len().saturating_sub(KEPT)..].concat())?;
        self.file = std::fs::OpenOptions::new()
            .append(true)
            .open(&self.path)
            .map_err(|source| FileError::new("open", &self.path, source))?;
        self.lines = lines.len().min(KEPT);
        Ok(())
    }
}

/// A notice as its line, as watchers print it too.
pub fn line(notice: &Notice) -> String {
    // Names, numbers and lists of them can always be written.
    let mut line = serde_json::to_string(notice).unwrap_or_default();
    line.push('\n');
    line
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)]
}

fn parse(path: &Path, lines: &[u8]) -> Result<Vec<Notice>, JournalError> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate();
    lines
        .map(|(number, line)| {
            let damaged = |source| JournalError::Damaged { path: path.to_owned(), line: number + 1, source };
            serde_json::from_slice(line).map_err(damaged)
        })
        .collect()
}
