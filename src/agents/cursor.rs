//! Cursor, as its hooks of version 2 are described by others in 2026; its own page (`cursor.com/docs/agent/hooks`) could not
//! be read for this.

use std::path::PathBuf;

use serde_json::json;

use super::Answer;
use super::Ask;
use super::Event;
use super::payload::BadPayload;
use super::payload::Payload;

/// Tools that write a file.
const EDITORS: [&str; 8] =
    ["Write", "Edit", "StrReplace", "MultiEdit", "NotebookEdit", "EditNotebook", "Delete", "TabWrite"];

/// What it sends.
///
/// # Errors
/// When an edit or a command is not told in full.
pub fn read(payload: &Payload) -> Result<Ask, BadPayload> {
    let mut folder = None;
    let event = match payload.need(&["hook_event_name"], "the name of the event")? {
        "preToolUse" => match payload.need(&["tool_name"], "the name of a tool")? {
            "ApplyPatch" => payload.input(&["tool_input"])?.patch()?,
            "Shell" => {
                let input = payload.input(&["tool_input"])?;
                folder = input.text(&["working_directory", "cwd"]).map(PathBuf::from);
                input.shell()?
            }
            tool if EDITORS.contains(&tool) => payload.input(&["tool_input"])?.edit()?,
            _ => Event::Tool,
        },
        "beforeShellExecution" => payload.shell()?,
        "sessionStart" => Event::Begin,
        "postToolUse" => Event::Listen,
        "stop" | "subagentStop" => Event::End,
        _ => Event::Other,
    };
    let mut ask = payload.ask(event);
    let root = || payload.first("workspace_roots").map(PathBuf::from);
    ask.folder = folder.or(ask.folder).or_else(root);
    ask.again = payload.number("loop_count").is_some_and(|count| count > 0);
    Ok(ask)
}

/// What it takes for an answer.
pub fn reply(ask: &Ask, answer: &Answer) -> Option<String> {
    let reply = match (&ask.event, answer) {
        (Event::Begin | Event::Listen, Answer::Pass(Some(text))) => json!({ "additional_context": text }),
        (Event::End, Answer::Deny(reason)) => json!({ "followup_message": reason }),
        (_, Answer::Deny(reason)) => {
            json!({ "permission": "deny", "user_message": reason, "agent_message": reason })
        }
        (_, Answer::Pass(_) | Answer::Made(_)) => json!({}),
    };
    Some(reply.to_string())
}
