//! opencode: an object a message, in `storage/message/*/*.json` in older versions, in `opencode.db` since.
//!
//! Neither what a cache had nor reasoning is part of the other counts. Both places hold the same objects; the same message in
//! both is one.

#[cfg(feature = "opencode")]
use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::Call;
use super::Found;
use super::Key;
use super::Memory;
use super::Program;
use crate::domain::usage::Tokens;

/// How long somebody who writes is waited for.
#[cfg(feature = "opencode")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    role: Option<String>,
    #[serde(rename = "modelID")]
    model: Option<String>,
    path: Option<Place>,
    time: Option<Time>,
    tokens: Option<Usage>,
}

#[derive(Deserialize)]
struct Place {
    cwd: Option<String>,
}

#[derive(Deserialize)]
struct Time {
    created: f64,
}

#[derive(Deserialize)]
struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    cache: Option<Cache>,
}

#[derive(Deserialize)]
struct Cache {
    read: Option<u64>,
    write: Option<u64>,
}

/// Finds the call in one message's file.
pub fn read_file(text: &[u8], _: &mut Memory, found: &mut Found) {
    read(None, text, "", found);
}

/// Finds the calls in a database: a message a row, whose folder may stand with its session alone.
///
/// # Errors
/// When it cannot be read, or is none of opencode's.
#[cfg(feature = "opencode")]
pub fn read_database(path: &Path, found: &mut Found) -> io::Result<()> {
    read_rows(path, found).map_err(io::Error::other)
}

/// Finds nothing, and says so.
///
/// # Errors
/// Always: this build has no reader of databases.
#[cfg(not(feature = "opencode"))]
pub fn read_database(_: &Path, _: &mut Found) -> io::Result<()> {
    let why = "it is a database, and this program was built without the feature opencode";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

/// Reads both tables as they are at one moment, beside whoever writes.
#[cfg(feature = "opencode")]
fn read_rows(path: &Path, found: &mut Found) -> rusqlite::Result<()> {
    let mut database =
        rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.busy_timeout(PATIENCE)?;
    let snapshot = database.transaction()?;
    let mut folders: HashMap<Vec<u8>, String> = HashMap::new();
    if snapshot.table_exists(None, "session")? {
        let mut sessions = snapshot.prepare("SELECT id, directory FROM session")?;
        let mut rows = sessions.query([])?;
        while let Some(row) = rows.next()? {
            let folder = String::from_utf8_lossy(bytes(row, 1)?).into_owned();
            folders.insert(bytes(row, 0)?.to_vec(), folder);
        }
    }
    let mut messages = snapshot.prepare("SELECT id, session_id, data FROM message")?;
    let mut rows = messages.query([])?;
    while let Some(row) = rows.next()? {
        let id = std::str::from_utf8(bytes(row, 0)?).ok().filter(|id| !id.is_empty());
        let folder = folders.get(bytes(row, 1)?).map_or("", String::as_str);
        read(id, bytes(row, 2)?, folder, found);
    }
    Ok(())
}

/// A text of a row; what is none is empty.
#[cfg(feature = "opencode")]
fn bytes<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> rusqlite::Result<&'r [u8]> {
    Ok(row.get_ref(column)?.as_bytes_or_null().ok().flatten().unwrap_or_default())
}

/// Finds the call in one message. Its id, and the folder of its session, may stand beside it.
pub fn read(id: Option<&str>, text: &[u8], folder: &str, found: &mut Found) {
    let Ok(message) = serde_json::from_slice::<Message>(text) else {
        found.damaged += 1;
        return;
    };
    let Some(usage) = message.tokens.filter(|_| message.role.as_deref() == Some("assistant")) else { return };
    let (Some(id), Some(time)) = (message.id.as_deref().or(id), message.time) else {
        found.damaged += 1;
        return;
    };
    let reasoning = usage.reasoning.unwrap_or(0);
    let cache = usage.cache.as_ref();
    let tokens = Tokens {
        input: usage.input.unwrap_or(0),
        output: usage.output.unwrap_or(0).saturating_add(reasoning),
        cache_read: cache.and_then(|cache| cache.read).unwrap_or(0),
        cache_write: cache.and_then(|cache| cache.write).unwrap_or(0),
        cache_write_hour: 0,
        reasoning,
    };
    if tokens == Tokens::default() {
        return;
    }
    let place = message.path.and_then(|path| path.cwd);
    let folder = found.names.number(place.as_deref().unwrap_or(folder));
    let model = found.names.number(message.model.as_deref().unwrap_or_default());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a time out of all bounds becomes the last one there is"
    )]
    let at = (time.created / 1000.0) as i64;
    let key = Key::of(&[b"opencode", id.as_bytes()]);
    let program = Program::Opencode;
    found.calls.push(Call { key, known_as: None, copy_of: None, at, folder, model, program, tokens });
}
