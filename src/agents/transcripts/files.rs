//! The files of transcripts: which there are, and how one is read from where reading ended before.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use super::Found;
use super::Homes;
use super::Key;
use super::Memory;
use super::claude;
use super::codex;
use super::gemini;
use super::lines;
use super::opencode;
use super::otel;
use crate::base::atomic::FileError;

/// How deep folders of transcripts are nested at most.
const DEEPEST: usize = 8;

/// How many bytes before the end of what was read must still be there to go on behind them.
const TAIL: u64 = 256;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Claude,
    Codex,
    Gemini,
    GeminiSession,
    Opencode,
    OpencodeDatabase,
    Metrics,
}

/// One file of transcripts, as the system tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Where it is.
    pub path: PathBuf,
    form: Form,
    stand: Stand,
}

/// How a file stood when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stand {
    /// Which file it is, whatever its name.
    pub identity: [u64; 2],
    /// Its size.
    pub size: u64,
    /// When it was written to, in nanoseconds since 1970.
    pub modified: u64,
}

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// How it stood then.
    pub stand: Stand,
    /// The end of the last whole line that was read.
    pub offset: u64,
    /// What stood right before that.
    pub tail: Key,
    /// What the reader remembers.
    pub memory: Memory,
    /// How many lines could not be understood.
    pub damaged: u64,
}

impl Stand {
    fn of(metadata: &Metadata) -> Stand {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.and_then(|time| u64::try_from(time.as_nanos()).ok()).unwrap_or(0);
        Stand { identity: identity(metadata), size: metadata.len(), modified }
    }

    /// Two files that are one.
    fn with(self, other: Option<Stand>) -> Stand {
        let Some(other) = other else { return self };
        Stand {
            size: self.size.saturating_add(other.size),
            modified: self.modified.max(other.modified),
            ..self
        }
    }
}

/// The log of a database, where what is new stands first.
fn log_of(database: &Path) -> Option<Stand> {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    fs::metadata(name).ok().map(|metadata| Stand::of(&metadata))
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> [u64; 2] {
    use std::os::unix::fs::MetadataExt;
    [metadata.dev(), metadata.ino()]
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> [u64; 2] {
    [0, 0]
}

/// All files there are, and what could not be looked into.
pub fn all(homes: &Homes) -> (Vec<Transcript>, Vec<FileError>) {
    let mut list = List::default();
    let ends = |path: &Path, end: &str| path.extension().is_some_and(|extension| extension == end);
    for home in &homes.claude {
        list.walk(&home.join("projects"), DEEPEST, &|path| ends(path, "jsonl").then_some(Form::Claude));
    }
    if let Some(home) = &homes.codex {
        let rollout = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (name.starts_with("rollout-") && ends(path, "jsonl")).then_some(Form::Codex)
        };
        list.walk(&home.join("sessions"), DEEPEST, &rollout);
        list.walk(&home.join("archived_sessions"), DEEPEST, &rollout);
    }
    if let Some(home) = &homes.gemini {
        let chat = |path: &Path| match path.extension() {
            Some(extension) if extension == "jsonl" => Some(Form::Gemini),
            Some(extension) if extension == "json" => Some(Form::GeminiSession),
            _ => None,
        };
        for project in list.folders(&home.join("tmp")) {
            list.walk(&project.join("chats"), DEEPEST, &chat);
        }
    }
    if let Some(home) = &homes.opencode {
        let message = |path: &Path| ends(path, "json").then_some(Form::Opencode);
        list.walk(&home.join("storage/message"), DEEPEST, &message);
        for project in list.folders(&home.join("project")) {
            list.walk(&project.join("storage/session/message"), DEEPEST, &message);
        }
        let database = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (name.starts_with("opencode") && ends(path, "db")).then_some(Form::OpencodeDatabase)
        };
        list.walk(home, 0, &database);
    }
    for path in &homes.metrics {
        match fs::metadata(path) {
            Ok(metadata) => list.add(path.clone(), Form::Metrics, &metadata),
            Err(error) => list.failed(path, error),
        }
    }
    (list.found, list.failures)
}

#[derive(Default)]
struct List {
    found: Vec<Transcript>,
    failures: Vec<FileError>,
}

impl List {
    fn add(&mut self, path: PathBuf, form: Form, metadata: &Metadata) {
        let mut stand = Stand::of(metadata);
        if form == Form::OpencodeDatabase {
            stand = stand.with(log_of(&path));
        }
        self.found.push(Transcript { path, form, stand });
    }

    /// What is not there has not failed.
    fn failed(&mut self, path: &Path, error: io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.failures.push(FileError::new("read", path, error));
        }
    }

    fn entries(&mut self, folder: &Path) -> Vec<(PathBuf, fs::FileType)> {
        let read = || -> io::Result<Vec<(PathBuf, fs::FileType)>> {
            fs::read_dir(folder)?
                .map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))))
                .collect()
        };
        read().unwrap_or_else(|error| {
            self.failed(folder, error);
            Vec::new()
        })
    }

    fn folders(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries = self.entries(folder).into_iter();
        entries.filter(|(_, kind)| kind.is_dir()).map(|(path, _)| path).collect()
    }

    fn walk(&mut self, folder: &Path, deep: usize, form: &dyn Fn(&Path) -> Option<Form>) {
        for (path, kind) in self.entries(folder) {
            if kind.is_dir() && deep > 0 {
                self.walk(&path, deep - 1, form);
            } else if let Some(form) = form(&path) {
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => self.add(path, form, &metadata),
                    Ok(_) => {}
                    Err(error) => self.failed(&path, error),
                }
            }
        }
    }
}

impl Transcript {
    /// Whether it stands as it did when it was read.
    pub fn is_as(&self, mark: &Mark) -> bool {
        self.stand == mark.stand
    }

    /// How much there may be to read.
    pub fn new_bytes(&self, mark: Option<&Mark>) -> u64 {
        if self.form == Form::OpencodeDatabase {
            // Nearly all of it are texts that are not read.
            return 0;
        }
        let offset = mark.filter(|mark| mark.offset <= self.stand.size).map_or(0, |mark| mark.offset);
        self.stand.size - offset
    }

    /// Reads what is new since the mark, all of it where there is none or where another file has come into its place. What is
    /// in `block` does not matter: it saves making one for each file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, mark: Option<&Mark>, block: &mut Vec<u8>) -> Result<(Found, Mark), FileError> {
        self.read_from(mark, block).map_err(|source| FileError::new("read", &self.path, source))
    }

    fn read_from(&self, mark: Option<&Mark>, block: &mut Vec<u8>) -> io::Result<(Found, Mark)> {
        if self.form == Form::OpencodeDatabase {
            return self.read_database();
        }
        let mut file = File::open(&self.path)?;
        let mut found = Found::default();
        let whole = match self.form {
            Form::GeminiSession => Some(gemini::read_session as fn(&[u8], &mut Memory, &mut Found)),
            Form::Opencode => Some(opencode::read_file as _),
            Form::Claude | Form::Codex | Form::Gemini | Form::Metrics | Form::OpencodeDatabase => None,
        };
        if let Some(read) = whole {
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            read(&text, &mut self.memory(), &mut found);
            let damaged = found.damaged;
            return Ok((found, Mark { stand: self.stand, damaged, ..Mark::default() }));
        }
        let mut mark = match mark {
            Some(mark) if self.goes_on(&mut file, mark)? => mark.clone(),
            _ => Mark { memory: self.memory(), ..Mark::default() },
        };
        let read = match self.form {
            Form::Claude => claude::read as fn(&[u8], &mut Memory, &mut Found),
            Form::Codex => codex::read,
            Form::Metrics => otel::read,
            Form::Gemini | Form::GeminiSession | Form::Opencode | Form::OpencodeDatabase => gemini::read,
        };
        file.seek(SeekFrom::Start(mark.offset))?;
        let mut rest = Vec::new();
        mark.offset += lines::whole(
            &mut file,
            block,
            |block| read(block, &mut mark.memory, &mut found),
            |text| rest = text.to_vec(),
        )?;
        mark.damaged += found.damaged;
        // A line without its end may be half written. What can be understood of it counts, and is read once more next time.
        read(&rest, &mut mark.memory.clone(), &mut found);
        mark.stand = self.stand;
        mark.tail = tail(&mut file, mark.offset)?;
        Ok((found, mark))
    }

    fn read_database(&self) -> io::Result<(Found, Mark)> {
        let mut found = Found::default();
        opencode::read_database(&self.path, &mut found)?;
        let damaged = found.damaged;
        Ok((found, Mark { stand: self.stand, damaged, ..Mark::default() }))
    }

    fn goes_on(&self, file: &mut File, mark: &Mark) -> io::Result<bool> {
        let is_same = self.stand.identity == mark.stand.identity && self.stand.size >= mark.offset;
        Ok(is_same && tail(file, mark.offset)? == mark.tail)
    }

    /// What is known before the first line: a folder of chats may name the one that they were made in.
    fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        if matches!(self.form, Form::Gemini | Form::GeminiSession) {
            let chats =
                self.path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "chats"));
            let root = chats.and_then(Path::parent).map(|project| project.join(".project_root"));
            let folder = root.and_then(|root| fs::read_to_string(root).ok());
            memory.folder = folder.map(|folder| folder.trim().to_owned()).unwrap_or_default();
        }
        memory
    }
}

/// The key of what stands right before a place in a file.
fn tail(file: &mut File, offset: u64) -> io::Result<Key> {
    let from = offset.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.take(offset - from).read_to_end(&mut text)?;
    Ok(Key::of(&[&text]))
}
