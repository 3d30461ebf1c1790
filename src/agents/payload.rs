//! A payload: the JSON object that a harness sends, looked into by names that differ from harness to harness.

use std::path::PathBuf;

use serde_json::Map;
use serde_json::Value;

use super::Ask;
use super::Edit;
use super::Event;
use super::patch;
use crate::base::failure::Explain;
use crate::base::failure::Kind;

/// The object that a harness sent.
#[derive(Debug, Clone)]
pub struct Payload(Map<String, Value>);

/// A payload that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum BadPayload {
    /// It is no JSON.
    #[error("what the harness sent is not JSON")]
    NoJson(#[source] serde_json::Error),
    /// It is JSON, and no object.
    #[error("what the harness sent is not a JSON object")]
    NoObject,
    /// It lacks what is needed.
    #[error("what the harness sent lacks {0}")]
    Lacks(&'static str),
}

impl Explain for BadPayload {
    fn kind(&self) -> Kind {
        // Its exit code is the one that blocks in all harnesses.
        Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["the harness may be newer or older than what is known of it here; see what it sends, and report it".to_owned()]
    }
}

/// Names under which tools are told a file.
const PATHS: [&str; 7] =
    ["file_path", "notebook_path", "filePath", "path", "target_file", "absolute_path", "filename"];

/// Names under which tools are told the text that they replace.
const REPLACED: [&str; 4] = ["old_string", "oldString", "old_str", "oldText"];

impl Payload {
    /// Reads what was sent.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Payload, BadPayload> {
        // Some shells put a mark of the byte order in front.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match serde_json::from_slice(bytes).map_err(BadPayload::NoJson)? {
            Value::Object(map) => Ok(Payload(map)),
            _ => Err(BadPayload::NoObject),
        }
    }

    /// The first text that stands under one of these names.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)?.as_str()).filter(|text| !text.is_empty())
    }

    /// As [`Payload::text`], of what must be there.
    ///
    /// # Errors
    /// When it is not; `what` says what that is.
    pub fn need(&self, names: &[&str], what: &'static str) -> Result<&str, BadPayload> {
        self.text(names).ok_or(BadPayload::Lacks(what))
    }

    /// Whether one of these names stands for true.
    pub fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.get(*name).and_then(Value::as_bool) == Some(true))
    }

    /// The number under a name.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// Whether there is anything under a name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The first of the texts in a list.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_array()?.first()?.as_str()
    }

    /// What a tool is told; some harnesses write the object as a text. One that is a text only is under `text`.
    ///
    /// # Errors
    /// When there is none.
    pub fn input(&self, names: &[&str]) -> Result<Payload, BadPayload> {
        match names.iter().find_map(|name| self.0.get(*name)) {
            Some(Value::Object(map)) => Ok(Payload(map.clone())),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Object(map)) => Ok(Payload(map)),
                _ => Ok(Payload(Map::from_iter([("text".to_owned(), Value::String(text.clone()))]))),
            },
            _ => Err(BadPayload::Lacks("the input of a tool")),
        }
    }

    /// An ask with what nearly all harnesses send.
    pub fn ask(&self, event: Event) -> Ask {
        Ask {
            event,
            name: self.text(&["hook_event_name", "event"]).unwrap_or_default().to_owned(),
            folder: self.text(&["cwd", "directory"]).map(PathBuf::from),
            session: self
                .text(&["session_id", "sessionId", "conversation_id", "session"])
                .unwrap_or_default()
                .to_owned(),
            again: self.is(&["stop_hook_active"]),
        }
    }

    /// The file that a tool which writes one is told.
    ///
    /// # Errors
    /// When there is none.
    pub fn edit(&self) -> Result<Event, BadPayload> {
        let path = PathBuf::from(self.need(&PATHS, "the file of an edit")?);
        let mut replaced = Vec::new();
        let parts = match self.0.get("edits").and_then(Value::as_array) {
            Some(parts) => parts.iter().map(|part| part.as_object().cloned().map(Payload)).collect(),
            None => vec![Some(self.clone())],
        };
        for part in parts {
            let all = part.as_ref().is_some_and(|part| part.is(&["replace_all", "replaceAll"]));
            let text = part.as_ref().and_then(|part| part.text(&REPLACED)).filter(|_| !all);
            // Of one that does not say what it replaces nothing is known, nor of all together.
            let Some(text) = text else { return Ok(Event::Edit(vec![Edit { path, replaced: Vec::new() }])) };
            replaced.push(text.to_owned());
        }
        Ok(Event::Edit(vec![Edit { path, replaced }]))
    }

    /// The files of a patch in the form of `apply_patch`.
    ///
    /// # Errors
    /// When there is no patch, or it names no file.
    pub fn patch(&self) -> Result<Event, BadPayload> {
        let text = self.need(&["command", "input", "patch", "patchText", "text"], "a patch")?;
        let paths = patch::named(text);
        if paths.is_empty() {
            return Err(BadPayload::Lacks("the files of a patch"));
        }
        Ok(Event::Edit(paths.into_iter().map(|path| Edit { path, replaced: Vec::new() }).collect()))
    }

    /// The command that a shell is told.
    ///
    /// # Errors
    /// When there is none.
    pub fn shell(&self) -> Result<Event, BadPayload> {
        if let Some(Value::Array(words)) = self.0.get("command") {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            return Ok(Event::Shell(shell_words::join(words)));
        }
        Ok(Event::Shell(self.need(&["command", "text"], "a command")?.to_owned()))
    }
}
