//! opencode, by its plugins page for version 1 as of 2026: `opencode.ai/docs/plugins`. What is read here is what our own plugin
//! sends, and what it is answered is for that plugin.

use std::path::PathBuf;

use serde_json::json;

use super::Answer;
use super::Ask;
use super::Event;
use super::payload::BadPayload;
use super::payload::Payload;

/// What our plugin sends.
///
/// # Errors
/// When an edit or a command is not told in full.
pub fn read(payload: &Payload) -> Result<Ask, BadPayload> {
    let mut folder = None;
    let event = match payload.need(&["event"], "the name of the event")? {
        "before" => match payload.need(&["tool"], "the name of a tool")? {
            "edit" | "write" | "multiedit" => payload.input(&["args"])?.edit()?,
            "patch" | "apply_patch" => payload.input(&["args"])?.patch()?,
            "bash" => {
                let input = payload.input(&["args"])?;
                folder = input.text(&["workdir"]).map(PathBuf::from);
                input.shell()?
            }
            _ => Event::Tool,
        },
        "begin" => Event::Begin,
        _ => Event::Other,
    };
    let mut ask = payload.ask(event);
    if let Some(below) = folder {
        ask.folder = Some(ask.folder.map_or(below.clone(), |folder| folder.join(below)));
    }
    Ok(ask)
}

/// What our plugin takes for an answer.
pub fn reply(_: &Ask, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Pass(Some(text)) => Some(json!({ "context": text }).to_string()),
        Answer::Pass(None) | Answer::Made(_) => None,
        Answer::Deny(reason) => Some(json!({ "deny": reason }).to_string()),
    }
}
