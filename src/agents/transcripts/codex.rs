//! Codex: a line of JSON an event, in `sessions/YYYY/MM/DD/rollout-*.jsonl` and in `archived_sessions`.
//!
//! The first `session_meta` says which session it is and where it works, `turn_context` which model. A `token_count` tells the
//! sum of the session and the last call; it is told again, with the same sum, when only the limits have changed. What a
//! cache had lies inside the input, reasoning inside the output. A fork may repeat the events of the session that it goes on
//! from, with new times: they have the sums of that session, by which they are known.

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
    timestamp: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    payload: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Session {
    id: Option<String>,
    session_id: Option<String>,
    cwd: Option<String>,
    forked_from_id: Option<String>,
    parent_thread_id: Option<String>,
    source: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Source {
    subagent: Subagent,
}

#[derive(Deserialize)]
struct Subagent {
    thread_spawn: Spawn,
}

#[derive(Deserialize)]
struct Spawn {
    parent_thread_id: String,
}

#[derive(Deserialize)]
struct Turn {
    cwd: Option<String>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    info: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    total_token_usage: Option<Usage>,
    last_token_usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    cached_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    reasoning_output_tokens: Option<u64>,
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let input = self.input_tokens.unwrap_or(0);
        let cached = self.cached_input_tokens.unwrap_or(0).min(input);
        Tokens {
            input: input - cached,
            cache_read: cached,
            output: self.output_tokens.unwrap_or(0),
            reasoning: self.reasoning_output_tokens.unwrap_or(0),
            ..Tokens::default()
        }
    }
}

/// Finds the calls in some lines.
pub fn read(block: &[u8], memory: &mut Memory, found: &mut Found) {
    for text in lines::with(block, &["\"token_count\"", "\"session_meta\"", "\"turn_context\""]) {
        if take(text, memory, found).is_none() {
            found.damaged += 1;
        }
    }
}

/// Nothing when the line cannot be understood.
fn take(text: &[u8], memory: &mut Memory, found: &mut Found) -> Option<()> {
    let line: Line = serde_json::from_slice(text).ok()?;
    let payload = line.payload.as_ref().map_or("null", |payload| payload.get());
    match line.kind.as_str() {
        // Those after the first are of the session that it goes on from.
        "session_meta" if memory.session.is_none() => {
            let session: Session = serde_json::from_str(payload).ok()?;
            let spawned = session.source.and_then(|source| serde_json::from_str::<Source>(source.get()).ok());
            let spawned = spawned.map(|source| source.subagent.thread_spawn.parent_thread_id);
            let parent = session.forked_from_id.or(session.parent_thread_id).or(spawned);
            let key = |id: String| Key::of(&[b"codex", id.as_bytes()]);
            memory.session = session.id.or(session.session_id).map(key);
            memory.parent = parent.map(key).filter(|parent| Some(*parent) != memory.session);
            memory.folder = session.cwd.unwrap_or_default();
        }
        "turn_context" => {
            let turn: Turn = serde_json::from_str(payload).ok()?;
            memory.folder = turn.cwd.unwrap_or(std::mem::take(&mut memory.folder));
            memory.model = turn.model.unwrap_or(std::mem::take(&mut memory.model));
        }
        "event_msg" => {
            let event: Event = serde_json::from_str(payload).ok()?;
            if let (true, Some(info)) = (event.kind == "token_count", event.info) {
                let at = seconds(line.timestamp.as_deref()?)?;
                count(&info, at, text, memory, found);
            }
        }
        _ => {}
    }
    Some(())
}

fn count(info: &Info, at: i64, text: &[u8], memory: &mut Memory, found: &mut Found) {
    let last = info.last_token_usage.as_ref().map(Usage::tokens);
    let sum = info.total_token_usage.as_ref().map(Usage::tokens);
    let before = match sum {
        Some(sum) => memory.sum.replace(sum),
        None => memory.sum,
    };
    // The same sum again: nothing was used since.
    if sum.is_some() && sum == before {
        return;
    }
    let tokens = match (last, sum, before) {
        (Some(last), _, _) => last,
        (None, Some(sum), Some(before)) => sum.since(before).unwrap_or(sum),
        // What a fork tells first is the sum of the session that it goes on from.
        (None, Some(_), None) if memory.parent.is_some() => return,
        (None, Some(sum), None) => sum,
        (None, None, _) => return,
    };
    if tokens == Tokens::default() {
        return;
    }
    let key = |session: Option<Key>| match (session, sum) {
        (Some(Key(session)), Some(sum)) => {
            let sum = sum.counts().map(u64::to_le_bytes).concat();
            Key::of(&[b"codex call", &session.to_le_bytes(), &sum])
        }
        _ => Key::of(&[b"codex line", text]),
    };
    let own = key(memory.session);
    let copy_of = memory.parent.filter(|_| sum.is_some()).map(|parent| key(Some(parent)));
    let folder = found.names.number(&memory.folder);
    let model = found.names.number(&memory.model);
    let program = Program::Codex;
    found.calls.push(Call { key: own, known_as: Some(own), copy_of, at, folder, model, program, tokens });
}
