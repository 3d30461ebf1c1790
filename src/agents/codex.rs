//! Codex CLI, by its hooks page as of 2026 (hooks on by default since 0.124): `developers.openai.com/codex/hooks`.
//!
//! The answers are Claude Code's, and a decision of `allow` is refused; so a pass is silence or a text alone.

use super::Answer;
use super::Ask;
use super::Event;
use super::claude;
use super::payload::BadPayload;
use super::payload::Payload;

/// What it sends.
///
/// # Errors
/// When an edit or a command is not told in full.
pub fn read(payload: &Payload) -> Result<Ask, BadPayload> {
    let event = match payload.need(&["hook_event_name"], "the name of the event")? {
        "PreToolUse" => match payload.need(&["tool_name"], "the name of a tool")? {
            "apply_patch" => payload.input(&["tool_input"])?.patch()?,
            "Bash" | "shell" | "unified_exec" => payload.input(&["tool_input"])?.shell()?,
            _ => Event::Tool,
        },
        "SessionStart" => Event::Begin,
        "UserPromptSubmit" => Event::Listen,
        "Stop" | "SubagentStop" => Event::End,
        _ => Event::Other,
    };
    Ok(payload.ask(event))
}

/// What it takes for an answer.
pub fn reply(ask: &Ask, answer: &Answer) -> Option<String> {
    claude::reply(ask, answer)
}
