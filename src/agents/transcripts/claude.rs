//! Claude Code: a line of JSON a message, in `projects/*/*.jsonl` and in folders of sub-agents below.
//!
//! While an answer comes in, its call is written again and again with the same `message.id` and `requestId`, the last time
//! with all of its output. A resumed session repeats the lines of the former one in a new file. A sidechain may repeat
//! messages of its parent under request ids of its own: there the message's id alone counts. `input_tokens` has no token
//! that a cache had.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Call;
use super::Found;
use super::Key;
use super::Memory;
use super::Program;
use super::lines;
use super::seconds;
use super::skim::Skim;
use crate::domain::usage::Tokens;

#[derive(Default, Deserialize)]
struct Line<'a> {
    cwd: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
    #[serde(rename = "requestId")]
    request: Option<Cow<'a, str>>,
    uuid: Option<Cow<'a, str>>,
    #[serde(rename = "isSidechain")]
    sidechain: Option<bool>,
    message: Option<Message<'a>>,
    /// What a sub-agent does, told in its parent's file.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    id: Option<Cow<'a, str>>,
    model: Option<Cow<'a, str>>,
    usage: Option<Usage<'a>>,
}

#[derive(Default, Deserialize)]
struct Usage<'a> {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<Written>,
    speed: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
struct Written {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

/// Progress of a sub-agent: its line is inside.
#[derive(Deserialize)]
struct Progress<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

/// What an answer names as its model that came from no model.
const NO_MODEL: &str = "<synthetic>";

/// Finds the calls in some lines.
pub fn read(block: &[u8], _: &mut Memory, found: &mut Found) {
    for text in lines::with(block, &["\"usage\""]) {
        match skimmed(text).map_or_else(|| serde_json::from_slice(text), Ok) {
            Ok(line) => take(line, text, None, found),
            Err(_) => found.damaged += 1,
        }
    }
}

/// The line of an answer, as nearly all are; nothing when it has to be read in whole.
fn skimmed(text: &[u8]) -> Option<Line<'_>> {
    let mut line = Line::default();
    let mut skim = Skim::of(text);
    skim.object(|name, value| {
        match name {
            b"cwd" => line.cwd = value.maybe_text()?,
            b"timestamp" => line.timestamp = value.maybe_text()?,
            b"requestId" => line.request = value.maybe_text()?,
            b"uuid" => line.uuid = value.maybe_text()?,
            b"isSidechain" => line.sidechain = value.maybe_truth()?,
            b"message" if value.is_object()? => line.message = Some(skimmed_message(value)?),
            b"message" => {}
            _ => value.pass()?,
        }
        Some(())
    })?;
    // Without it what is inside may tell more.
    let told = line.message.as_ref().is_some_and(|message| message.usage.is_some());
    (told && skim.is_over()).then_some(line)
}

fn skimmed_message<'a>(skim: &mut Skim<'a>) -> Option<Message<'a>> {
    let mut message = Message::default();
    skim.object(|name, value| {
        match name {
            b"id" => message.id = value.maybe_text()?,
            b"model" => message.model = value.maybe_text()?,
            b"usage" if value.is_object()? => message.usage = Some(skimmed_usage(value)?),
            b"usage" => {}
            _ => value.pass()?,
        }
        Some(())
    })?;
    Some(message)
}

fn skimmed_usage<'a>(skim: &mut Skim<'a>) -> Option<Usage<'a>> {
    let mut usage = Usage::default();
    skim.object(|name, value| {
        match name {
            b"input_tokens" => usage.input_tokens = value.maybe_number()?,
            b"output_tokens" => usage.output_tokens = value.maybe_number()?,
            b"cache_read_input_tokens" => usage.cache_read_input_tokens = value.maybe_number()?,
            b"cache_creation_input_tokens" => usage.cache_creation_input_tokens = value.maybe_number()?,
            b"cache_creation" if value.is_object()? => usage.cache_creation = Some(skimmed_written(value)?),
            b"cache_creation" => {}
            b"speed" => usage.speed = value.maybe_text()?,
            _ => value.pass()?,
        }
        Some(())
    })?;
    Some(usage)
}

fn skimmed_written(skim: &mut Skim<'_>) -> Option<Written> {
    let mut written = Written::default();
    skim.object(|name, value| {
        match name {
            b"ephemeral_5m_input_tokens" => written.ephemeral_5m_input_tokens = value.maybe_number()?,
            b"ephemeral_1h_input_tokens" => written.ephemeral_1h_input_tokens = value.maybe_number()?,
            _ => value.pass()?,
        }
        Some(())
    })?;
    Some(written)
}

/// Where a line inside another one is from.
struct Around<'a> {
    folder: Option<Cow<'a, str>>,
    at: Option<Cow<'a, str>>,
}

fn take<'a>(line: Line<'a>, text: &[u8], around: Option<Around<'a>>, found: &mut Found) {
    let told = |message: &Message<'_>| message.usage.is_some();
    let Some(message) = line.message.filter(told) else {
        let inner = line.data.and_then(|data| serde_json::from_str::<Progress<'_>>(data.get()).ok());
        let inner = inner.and_then(|progress| serde_json::from_str::<Line<'_>>(progress.message.get()).ok());
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
    found.add(Call { key, known_as, copy_of, at, folder, model, program: Program::Claude, tokens });
}

impl Usage<'_> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    /// A value for a member: mostly one that belongs there.
    fn odd(usual: Value) -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            6 => Just(Some(usual)),
            1 => Just(None),
            1 => Just(Some(Value::Null)),
            1 => Just(Some(json!("a \\ \"text\""))),
            1 => Just(Some(json!(7))),
            1 => Just(Some(json!({ "usage": [1, "}", { "usage": {} }] }))),
        ]
    }

    fn object(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    prop_compose! {
        fn any_line()(
            [cwd, time, request, uuid, side, data, id, model, content] in [
                odd(json!("/a")), odd(json!("2026-11-24T01:30:00.000Z")), odd(json!("r")), odd(json!("u")),
                odd(json!(true)),
                odd(json!({ "message": { "timestamp": "2026-11-24T01:30:00Z", "message": { "id": "i", "model": "m", "usage": { "input_tokens": 3 } } } })),
                odd(json!("m")), odd(json!("claude")), odd(json!([{ "type": "text", "text": "\"usage\": {" }])),
            ],
            [input, output, read, write, hour, speed] in [
                odd(json!(5)), odd(json!(6)), odd(json!(0)), odd(json!(9)), odd(json!(4)), odd(json!("fast")),
            ],
            has_usage in prop::bool::weighted(0.9),
        ) -> Value {
            let usage = object([
                ("input_tokens", input), ("output_tokens", output), ("cache_read_input_tokens", read),
                ("cache_creation_input_tokens", write), ("speed", speed),
                ("cache_creation", Some(object([("ephemeral_1h_input_tokens", hour)]))),
            ]);
            let message = object([("id", id), ("model", model), ("content", content), ("usage", has_usage.then_some(usage))]);
            object([
                ("cwd", cwd), ("timestamp", time), ("requestId", request), ("uuid", uuid), ("isSidechain", side),
                ("message", Some(message)), ("data", data),
            ])
        }
    }

    proptest! {
        #[test]
        fn a_line_that_is_skimmed_tells_what_it_tells_when_it_is_read(line in any_line()) {
            let text = line.to_string();
            if let Some(skimmed) = skimmed(text.as_bytes()) {
                let mut quick = Found::default();
                take(skimmed, text.as_bytes(), None, &mut quick);
                let mut whole = Found::default();
                take(serde_json::from_str(&text).unwrap(), text.as_bytes(), None, &mut whole);
                prop_assert_eq!((quick.calls, quick.damaged), (whole.calls, whole.damaged));
                prop_assert_eq!(quick.names.all(), whole.names.all());
            }
        }
    }

    #[test]
    fn the_usual_line_is_skimmed_and_a_torn_one_is_not() {
        let line = br#"{"cwd":"/a","isSidechain":false,"message":{"id":"m","content":[{"text":"a \"}"}],"usage":{"input_tokens":3}},"uuid":"u"}"#;
        assert_eq!(skimmed(line).unwrap().message.unwrap().usage.unwrap().input_tokens, Some(3));
        for end in 0..line.len() {
            assert!(skimmed(&line[..end]).is_none());
        }
    }
}
