//! GitHub Copilot CLI, by its hooks reference as of 2026: `docs.github.com/copilot/reference/hooks-reference`.
//!
//! Its events have two forms. Ours are set up under the names with capitals, which say the event; the others are
//! understood by what they hold.

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
    let event = match named(payload) {
        "PreToolUse" => tool(payload)?,
        "PostToolUse" => Event::Listen,
        "SessionStart" => Event::Begin,
        "Stop" | "SubagentStop" => Event::End,
        "" => return Err(BadPayload::Lacks("the name of the event")),
        _ => Event::Other,
    };
    Ok(payload.ask(event))
}

fn named(payload: &Payload) -> &str {
    if let Some(name) = payload.text(&["hook_event_name"]) {
        return name;
    }
    match () {
        () if payload.has("toolResult") || payload.has("error") => "PostToolUse",
        () if payload.has("toolName") => "PreToolUse",
        () if payload.has("stopReason") => "Stop",
        () if payload.has("source") => "SessionStart",
        () => "",
    }
}

fn tool(payload: &Payload) -> Result<Event, BadPayload> {
    let input = |payload: &Payload| payload.input(&["tool_input", "toolArgs"]);
    match payload.need(&["tool_name", "toolName"], "the name of a tool")? {
        "Bash" | "bash" | "powershell" => input(payload)?.shell(),
        "Write" | "create" | "edit" | "Edit" | "str_replace_editor" | "apply_patch" => {
            let input = input(payload)?;
            // Viewing is a command of the same tool.
            if input.text(&["command"]) == Some("view") {
                return Ok(Event::Tool);
            }
            input.patch().or_else(|_| input.edit())
        }
        _ => Ok(Event::Tool),
    }
}

/// What it takes for an answer.
pub fn reply(ask: &Ask, answer: &Answer) -> Option<String> {
    match (&ask.event, answer) {
        (Event::Begin | Event::Listen, Answer::Pass(Some(text))) => {
            Some(json!({ "additionalContext": text }).to_string())
        }
        (Event::End, Answer::Deny(reason)) => {
            Some(json!({ "decision": "block", "reason": reason }).to_string())
        }
        (_, Answer::Deny(reason)) => {
            let denied = json!({ "permissionDecision": "deny", "permissionDecisionReason": reason });
            Some(denied.to_string())
        }
        (_, Answer::Pass(_) | Answer::Made(_)) => None,
    }
}
