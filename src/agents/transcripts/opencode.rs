//! opencode: an object a message, in `storage/message/*/*.json` in older versions, in `opencode.db` since.
//!
//! Neither what a cache had nor reasoning is part of the other counts. Both places hold the same objects; the same message in
//! both is one.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::Call;
use super::Found;
use super::Key;
use super::Memory;
use super::Program;
use super::sqlite::Database;
use crate::domain::usage::Tokens;

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
pub fn read_database(path: &Path, found: &mut Found) -> io::Result<()> {
    let mut database = Database::open(path)?;
    let mut folders: HashMap<Vec<u8>, String> = HashMap::new();
    database.rows("session", ["id", "directory"], |[id, folder]| {
        let folder = String::from_utf8_lossy(folder.unwrap_or_default()).into_owned();
        folders.insert(id.unwrap_or_default().to_vec(), folder);
    })?;
    let has_messages = database.rows("message", ["id", "session_id", "data"], |[id, session, data]| {
        let id = id.and_then(|id| std::str::from_utf8(id).ok());
        let folder = folders.get(session.unwrap_or_default()).map_or("", String::as_str);
        read(id, data.unwrap_or_default(), folder, found);
    })?;
    match has_messages {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "it has no table of messages")),
    }
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
