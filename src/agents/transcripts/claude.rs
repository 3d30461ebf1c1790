//! Claude Code: a line of JSON a message, in `projects/*/*.jsonl` and in folders of sub-agents below.
//!
//! While an answer comes in, its call is written again and again with the same `message.id` and `requestId`, the last time
//! with all of its output. A resumed session repeats the lines of the former one in a new file. A sidechain may repeat
//! messages of its parent under request ids of its own: there the message's id alone counts. `input_tokens` has no token
//! that a cache had.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Call;
use super::Found;
use super::Key;
use super::Memory;
use super::Program;
use super::lines;
use super::seconds;
use crate::domain::usage::Tokens;

#[derive(Deserialize)]
struct Line {
    cwd: Option<String>,
    timestamp: Option<String>,
    #[serde(rename = "requestId")]
    request: Option<String>,
    uuid: Option<String>,
    #[serde(rename = "isSidechain")]
    sidechain: Option<bool>,
    message: Option<Message>,
    /// What a sub-agent does, told in its parent's file.
    data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<Written>,
    speed: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

/// Progress of a sub-agent: its line is inside.
#[derive(Deserialize)]
struct Progress {
    message: Box<RawValue>,
}

/// What an answer names as its model that came from no model.
const NO_MODEL: &str = "<synthetic>";

/// Finds the calls in some lines.
pub fn read(block: &[u8], _: &mut Memory, found: &mut Found) {
    for text in lines::with(block, &["\"usage\""]) {
        match serde_json::from_slice::<Line>(text) {
            Ok(line) => take(line, text, None, found),
            Err(_) => found.damaged += 1,
        }
    }
}

/// Where a line inside another one is from.
struct Around {
    folder: Option<String>,
    at: Option<String>,
}

fn take(line: Line, text: &[u8], around: Option<Around>, found: &mut Found) {
    let told = |message: &Message| message.usage.is_some();
    let Some(message) = line.message.filter(told) else {
        let inner = line.data.and_then(|data| serde_json::from_str::<Progress>(data.get()).ok());
        let inner = inner.and_then(|progress| serde_json::from_str::<Line>(progress.message.get()).ok());
        if let (Some(inner), None) = (inner, &around) {
            let around = Around { folder: line.cwd, at: line.timestamp };
            take(Line { data: None, ..inner }, text, Some(around), found);
        }
        return;
    };
    let (Some(usage), Some(model)) = (message.usage, message.model) else { return };
    if model == NO_MODEL {
        return;
    }
    let is_inside = around.is_some();
    let around = around.unwrap_or(Around { folder: None, at: None });
    let (Some(folder), Some(at)) =
        (line.cwd.or(around.folder), line.timestamp.or(around.at).as_deref().and_then(seconds))
    else {
        found.damaged += 1;
        return;
    };
    let id = message.id.as_deref().map(str::as_bytes);
    let whole = id.map(|id| Key::of(&[b"claude", id]));
    let (key, known_as, copy_of) = match (id, is_inside || line.sidechain == Some(true)) {
        (Some(id), false) => {
            let request = line.request.as_deref().unwrap_or_default();
            (Key::of(&[b"claude call", id, request.as_bytes()]), whole, None)
        }
        (Some(id), true) => (Key::of(&[b"claude side", id]), None, whole),
        // Without an id, the line itself is what can be met again.
        (None, _) => {
            (Key::of(&[b"claude line", line.uuid.as_deref().map_or(text, str::as_bytes)]), None, None)
        }
    };
    let model = match usage.speed.as_deref() {
        Some("fast") => found.names.number(&format!("{model}-fast")),
        _ => found.names.number(&model),
    };
    let folder = found.names.number(&folder);
    let tokens = usage.tokens();
    found.calls.push(Call { key, known_as, copy_of, at, folder, model, program: Program::Claude, tokens });
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let hour =
            self.cache_creation.as_ref().and_then(|written| written.ephemeral_1h_input_tokens).unwrap_or(0);
        let minutes =
            self.cache_creation.as_ref().and_then(|written| written.ephemeral_5m_input_tokens).unwrap_or(0);
        Tokens {
            input: self.input_tokens.unwrap_or(0),
            output: self.output_tokens.unwrap_or(0),
            cache_read: self.cache_read_input_tokens.unwrap_or(0),
            cache_write: self.cache_creation_input_tokens.unwrap_or(0).max(hour.saturating_add(minutes)),
            cache_write_hour: hour,
            reasoning: 0,
        }
    }
}
