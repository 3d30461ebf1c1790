//! Gemini CLI, by its hooks reference as of 2026: `geminicli.com/docs/hooks/reference`.
//!
//! Before a tool runs the agent can be told nothing but a refusal; what it should know is told with the next prompt.

use std::path::PathBuf;

use serde_json::json;

use super::Answer;
use super::Ask;
use super::Event;
use super::payload::BadPayload;
use super::payload::Payload;

/// What it sends.
///
/// # Errors
/// When an edit or a command is not told in full.
pub fn read(payload: &Payload) -> Result<Ask, BadPayload> {
    let mut folder = None;
    let event = match payload.need(&["hook_event_name"], "the name of the event")? {
        "BeforeTool" => match payload.need(&["tool_name"], "the name of a tool")? {
            "write_file" | "replace" | "edit" => payload.input(&["tool_input"])?.edit()?,
            "run_shell_command" => {
                let input = payload.input(&["tool_input"])?;
                folder = input.text(&["dir_path", "directory"]).map(PathBuf::from);
                input.shell()?
            }
            _ => Event::Tool,
        },
        "SessionStart" => Event::Begin,
        "BeforeAgent" => Event::Listen,
        "AfterAgent" => Event::End,
        _ => Event::Other,
    };
    let mut ask = payload.ask(event);
    // It is told from the folder that the session is in.
    if let Some(below) = folder {
        ask.folder = Some(ask.folder.map_or(below.clone(), |folder| folder.join(below)));
    }
    Ok(ask)
}

/// What it takes for an answer.
pub fn reply(ask: &Ask, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Pass(Some(text)) if matches!(ask.event, Event::Begin | Event::Listen) => {
            let specific = json!({ "hookEventName": ask.name, "additionalContext": text });
            Some(json!({ "hookSpecificOutput": specific }).to_string())
        }
        Answer::Pass(_) | Answer::Made(_) => Some("{}".to_owned()),
        Answer::Deny(reason) => Some(json!({ "decision": "deny", "reason": reason }).to_string()),
    }
}
