//! Claude Code, by excerpts of its hooks reference (`code.claude.com/docs/en/hooks`) and descriptions of October 2026 (2.1.292).
//!
//! A pass is silence, or a text alone: a decision of `allow` would spare the person the question whether the tool may run.

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
/// When an edit, a command or a worktree is not told in full.
pub fn read(payload: &Payload) -> Result<Ask, BadPayload> {
    let event = match payload.need(&["hook_event_name"], "the name of the event")? {
        "PreToolUse" => tool(payload)?,
        "SessionStart" => Event::Begin,
        "UserPromptSubmit" => Event::Listen,
        "Stop" | "SubagentStop" => Event::End,
        "WorktreeCreate" => {
            Event::Make(payload.need(&["name", "worktree_name"], "the name of a worktree")?.to_owned())
        }
        "WorktreeRemove" => {
            Event::Remove(PathBuf::from(payload.need(&["worktree_path"], "the path of a worktree")?))
        }
        _ => Event::Other,
    };
    Ok(payload.ask(event))
}

fn tool(payload: &Payload) -> Result<Event, BadPayload> {
    match payload.need(&["tool_name"], "the name of a tool")? {
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" => payload.input(&["tool_input"])?.edit(),
        "Bash" => payload.input(&["tool_input"])?.shell(),
        _ => Ok(Event::Tool),
    }
}

/// What it takes for an answer.
pub fn reply(ask: &Ask, answer: &Answer) -> Option<String> {
    let specific = match (&ask.event, answer) {
        (_, Answer::Made(path)) => return Some(path.display().to_string()),
        (_, Answer::Pass(None)) => return None,
        (Event::End, Answer::Deny(reason)) => {
            return Some(json!({ "decision": "block", "reason": reason }).to_string());
        }
        (_, Answer::Pass(Some(text))) => json!({ "hookEventName": ask.name, "additionalContext": text }),
        (_, Answer::Deny(reason)) => json!({
            "hookEventName": ask.name,
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        }),
    };
    Some(json!({ "hookSpecificOutput": specific }).to_string())
}
