//! Gemini CLI: `tmp/*/chats/**`, one object a session in older versions, a line of JSON a message since.
//!
//! A message is written again when it grows; its id says that it is the same. The input includes what a cache had, the output
//! does not include thoughts. The folder is told by its hash only, and where there is one by a file beside the chats.

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

/// What stands before the hash of a folder, in place of its path.
pub const HASH: &str = "sha256:";

#[derive(Deserialize)]
struct Session {
    #[serde(rename = "projectHash")]
    project: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    timestamp: Option<String>,
    model: Option<String>,
    tokens: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Usage {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    thoughts: Option<u64>,
    tool: Option<u64>,
}

/// Finds the calls in some lines.
pub fn read(block: &[u8], memory: &mut Memory, found: &mut Found) {
    for text in lines::with(block, &["\"tokens\"", "\"projectHash\""]) {
        if let Ok(Session { project: Some(project), .. }) = serde_json::from_slice(text) {
            place(project, memory);
        }
        match serde_json::from_slice::<Message>(text) {
            Ok(message) => take(message, text, memory, found),
            Err(_) => found.damaged += 1,
        }
    }
}

/// Finds the calls in a whole session.
pub fn read_session(text: &[u8], memory: &mut Memory, found: &mut Found) {
    let Ok(session) = serde_json::from_slice::<Session>(text) else {
        found.damaged += 1;
        return;
    };
    if let Some(project) = session.project {
        place(project, memory);
    }
    for message in session.messages {
        let unnamed =
            format!("{:?} {:?}", message.timestamp, message.tokens.as_ref().map(|tokens| tokens.get()));
        take(message, unnamed.as_bytes(), memory, found);
    }
}

fn place(project: String, memory: &mut Memory) {
    if memory.folder.is_empty() || memory.folder.starts_with(HASH) {
        memory.folder = format!("{HASH}{project}");
    }
}

fn take(message: Message, text: &[u8], memory: &Memory, found: &mut Found) {
    let Some(tokens) = message.tokens else { return };
    let usage = serde_json::from_str::<Option<Usage>>(tokens.get());
    let at = message.timestamp.as_deref().and_then(seconds);
    let (usage, at) = match (usage, at) {
        (Ok(None), _) => return,
        (Ok(Some(usage)), Some(at)) => (usage, at),
        _ => {
            found.damaged += 1;
            return;
        }
    };
    let key = match &message.id {
        Some(id) => Key::of(&[b"gemini", id.as_bytes()]),
        None => Key::of(&[b"gemini line", text]),
    };
    let (input, thoughts) = (usage.input.unwrap_or(0), usage.thoughts.unwrap_or(0));
    let cached = usage.cached.unwrap_or(0).min(input);
    let tokens = Tokens {
        input: (input - cached).saturating_add(usage.tool.unwrap_or(0)),
        cache_read: cached,
        output: usage.output.unwrap_or(0).saturating_add(thoughts),
        reasoning: thoughts,
        ..Tokens::default()
    };
    let folder = found.names.number(&memory.folder);
    let model = found.names.number(message.model.as_deref().unwrap_or_default());
    let program = Program::Gemini;
    found.calls.push(Call { key, known_as: None, copy_of: None, at, folder, model, program, tokens });
}
