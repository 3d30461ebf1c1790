//! Settings: a harness's own file, with our hooks merged in or taken out; comments, order and layout of all else stay.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::CstArray;
use jsonc_parser::cst::CstInputValue;
use jsonc_parser::cst::CstNode;
use jsonc_parser::cst::CstObject;
use jsonc_parser::cst::CstRootNode;
use serde_json::Value;
use serde_json::json;

use super::Harness;
use crate::base::failure::Explain;

/// Settings that cannot be merged with.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// They cannot be read as what they should be.
    #[error("they cannot be read: {0}")]
    Unreadable(String),
    /// Something else stands where hooks should.
    #[error("{0} is not what it should be there")]
    Otherwise(String),
    /// A file of that name that is not ours.
    #[error("it is not ours")]
    NotOurs,
}

impl Explain for BadSettings {
    fn hints(&self) -> Vec<String> {
        vec!["nothing was changed; mend the file, or move it away, and run the same command again".to_owned()]
    }
}

/// One event that a harness is to ask us about.
#[derive(Debug, Clone, Copy)]
pub struct Hook {
    /// Its name.
    pub event: &'static str,
    /// Which tools it is about, as the harness writes it.
    pub matcher: Option<&'static str>,
}

const fn hook(event: &'static str) -> Hook {
    Hook { event, matcher: None }
}

const fn of_tools(event: &'static str, tools: &'static str) -> Hook {
    Hook { event, matcher: Some(tools) }
}

/// The events that a harness asks us about; `project` are the settings of one repository.
pub fn hooks(harness: Harness, project: bool) -> Vec<Hook> {
    let mut hooks = match harness {
        Harness::Claude => vec![
            of_tools("PreToolUse", "Edit|Write|MultiEdit|NotebookEdit|Bash"),
            hook("SessionStart"),
            hook("Stop"),
            hook("SubagentStop"),
        ],
        Harness::Codex => vec![
            of_tools("PreToolUse", "Bash|apply_patch"),
            hook("SessionStart"),
            hook("Stop"),
            hook("SubagentStop"),
        ],
        Harness::Gemini => vec![
            of_tools("BeforeTool", "write_file|replace|edit|run_shell_command"),
            hook("SessionStart"),
            hook("BeforeAgent"),
            hook("AfterAgent"),
        ],
        Harness::Cursor => vec![
            of_tools(
                "preToolUse",
                "Shell|Write|Edit|StrReplace|MultiEdit|NotebookEdit|EditNotebook|Delete|ApplyPatch|TabWrite",
            ),
            hook("sessionStart"),
            hook("stop"),
            hook("subagentStop"),
        ],
        Harness::Copilot => vec![
            of_tools("PreToolUse", "Bash|Write|Edit"),
            hook("SessionStart"),
            hook("Stop"),
            hook("SubagentStop"),
        ],
        Harness::Opencode => Vec::new(),
    };
    // Where worktrees are a harness's own, it would ask us in repositories that we know nothing of.
    if (harness, project) == (Harness::Claude, true) {
        hooks.extend([hook("WorktreeCreate"), hook("WorktreeRemove")]);
    }
    hooks
}

/// Whether a command in somebody's settings is ours.
pub fn is_ours(command: &str, harness: Harness) -> bool {
    let name =
        command.trim().strip_suffix(harness.name()).and_then(|rest| rest.trim_end().strip_suffix(" guard"));
    name.is_some_and(|program| program.contains("git-odyssey") || program.trim() == "git odyssey")
}

/// How an event's hooks are written down.
fn is_flat(harness: Harness) -> bool {
    matches!(harness, Harness::Cursor | Harness::Copilot)
}

/// The entry of one event.
fn entry(harness: Harness, hook: Hook, command: &str) -> Value {
    let mut entry = match harness {
        Harness::Copilot => json!({ "type": "command", "command": command }),
        Harness::Cursor => json!({ "command": command }),
        Harness::Claude | Harness::Codex | Harness::Opencode => {
            json!({ "hooks": [{ "type": "command", "command": command }] })
        }
        Harness::Gemini => {
            json!({ "hooks": [{ "type": "command", "command": command, "name": "git-odyssey" }] })
        }
    };
    if let (Some(matcher), Some(object)) = (hook.matcher, entry.as_object_mut()) {
        object.insert("matcher".to_owned(), Value::from(matcher));
    }
    entry
}

/// Settings in JSON with our hooks in them.
///
/// # Errors
/// When they are no object, or something else stands where hooks should.
pub fn with_json(text: &str, harness: Harness, hooks: &[Hook], command: &str) -> Result<String, BadSettings> {
    let found = ours_in_json(text, harness)?;
    if found.len() == hooks.len() && found.iter().all(|known| known == command) {
        return Ok(text.to_owned());
    }
    let bare = if found.is_empty() { text.to_owned() } else { without_json(text, harness)? };
    let bare = if bare.trim().is_empty() { "{}\n".to_owned() } else { bare };
    let root = parsed(&bare)?;
    let top = root.object_value_or_create().ok_or_else(|| BadSettings::Otherwise("the whole".to_owned()))?;
    if is_flat(harness) && top.get("version").is_none() {
        top.append("version", CstInputValue::Number("1".to_owned()));
    }
    let named = |name: &str| BadSettings::Otherwise(format!("'{name}'"));
    let all = top.object_value_or_create("hooks").ok_or_else(|| named("hooks"))?;
    for hook in hooks {
        let list = all.array_value_or_create(hook.event).ok_or_else(|| named(hook.event))?;
        list.ensure_multiline();
        list.append(input(&entry(harness, *hook, command)));
    }
    Ok(root.to_string())
}

/// Settings in JSON without our hooks, nor what was there for them alone.
///
/// # Errors
/// When they cannot be read.
pub fn without_json(text: &str, harness: Harness) -> Result<String, BadSettings> {
    let root = parsed(text)?;
    let Some(top) = root.object_value() else { return Ok(text.to_owned()) };
    let Some(all) = top.object_value("hooks") else { return Ok(text.to_owned()) };
    for event in all.properties() {
        let Some(list) = event.value().and_then(|value| value.as_array()) else { continue };
        let mut was_ours = false;
        for entry in list.elements() {
            was_ours |= take_out(entry, harness);
        }
        if was_ours && list.elements().is_empty() {
            event.remove();
        }
    }
    if all.properties().is_empty()
        && let Some(hooks) = top.get("hooks")
    {
        hooks.remove();
    }
    Ok(root.to_string())
}

/// Takes our commands out of an entry, and the entry if there is no other in it.
fn take_out(entry: CstNode, harness: Harness) -> bool {
    let Some(object) = entry.as_object() else { return false };
    if is_flat(harness) {
        let is_ours = command_of(&object).is_some_and(|command| is_ours(&command, harness));
        if is_ours {
            entry.remove();
        }
        return is_ours;
    }
    let Some(list) = object.array_value("hooks") else { return false };
    let ours: Vec<CstNode> = list
        .elements()
        .into_iter()
        .filter(|one| {
            one.as_object().and_then(|one| command_of(&one)).is_some_and(|it| is_ours(&it, harness))
        })
        .collect();
    let was_ours = !ours.is_empty();
    ours.into_iter().for_each(CstNode::remove);
    if was_ours && list.elements().is_empty() {
        entry.remove();
    }
    was_ours
}

fn command_of(object: &CstObject) -> Option<String> {
    object.get("command")?.value()?.as_string_lit()?.decoded_value().ok()
}

/// Our commands in settings in JSON.
///
/// # Errors
/// When they cannot be read.
pub fn ours_in_json(text: &str, harness: Harness) -> Result<Vec<String>, BadSettings> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let root = parsed(text)?;
    let mut found = Vec::new();
    let events = root.object_value().and_then(|top| top.object_value("hooks"));
    for event in events.iter().flat_map(CstObject::properties) {
        let list = event.value().and_then(|value| value.as_array());
        for entry in list.iter().flat_map(CstArray::elements).filter_map(|entry| entry.as_object()) {
            let inner = entry.array_value("hooks");
            let nested = inner.iter().flat_map(CstArray::elements).filter_map(|one| one.as_object());
            let commands = std::iter::once(entry.clone()).chain(nested).filter_map(|one| command_of(&one));
            found.extend(commands.filter(|command| is_ours(command, harness)));
        }
    }
    Ok(found)
}

fn parsed(text: &str) -> Result<CstRootNode, BadSettings> {
    // Comments and commas at the end are in people's files; of what else is no JSON, nothing is guessed.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        ..ParseOptions::default()
    };
    CstRootNode::parse(text, &options).map_err(|error| BadSettings::Unreadable(error.to_string()))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(truth) => CstInputValue::Bool(*truth),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;

    const COMMAND: &str = "'/opt/git-odyssey' guard claude";

    const THEIRS: &str = "{\n    // mine\n    \"model\": \"x\", /* here */\n    \"hooks\": {\n        \"PreToolUse\": [\n            \
                          { \"matcher\": \"Bash\", \"hooks\": [{ \"type\": \"command\", \"command\": \"lint\" }] },\n        ],\n    },\n}\n";

    #[test]
    fn hooks_join_what_is_there_and_leave_it_as_it_was() {
        let hooks = &hooks(Harness::Claude, false)[..2];
        let merged = with_json(THEIRS, Harness::Claude, hooks, COMMAND).unwrap();
        assert_data_eq!(
            &merged,
            str![[r#"
{
    // mine
    "model": "x", /* here */
    "hooks": {
        "PreToolUse": [
            { "matcher": "Bash", "hooks": [{ "type": "command", "command": "lint" }] },
            {
                "hooks": [
                    {
                        "command": "'/opt/git-odyssey' guard claude",
                        "type": "command",
                    },
                ],
                "matcher": "Edit|Write|MultiEdit|NotebookEdit|Bash",
            },
        ],
        "SessionStart": [
            {
                "hooks": [
                    {
                        "command": "'/opt/git-odyssey' guard claude",
                        "type": "command"
                    }
                ]
            }
        ],
    },
}

"#]]
        );
        assert_eq!(with_json(&merged, Harness::Claude, hooks, COMMAND).unwrap(), merged, "once is enough");
        assert_eq!(ours_in_json(&merged, Harness::Claude).unwrap(), [COMMAND, COMMAND]);
        let without = without_json(&merged, Harness::Claude).unwrap();
        assert!(without.contains("// mine") && without.contains("\"lint\"") && !without.contains("odyssey"));
        let moved = with_json(&merged, Harness::Claude, hooks, "git-odyssey guard claude").unwrap();
        assert_eq!(ours_in_json(&moved, Harness::Claude).unwrap(), ["git-odyssey guard claude"; 2]);
    }

    #[test]
    fn each_harness_has_a_form_of_its_own() {
        let mut all = String::new();
        for harness in [Harness::Claude, Harness::Gemini, Harness::Cursor, Harness::Copilot] {
            let hooks = &hooks(harness, false)[..1];
            all.push_str(&with_json("", harness, hooks, &format!("git-odyssey guard {harness}")).unwrap());
        }
        assert_data_eq!(
            all,
            str![[r#"
{
  "hooks": {
    "PreToolUse": [
      {
        "hooks": [
          {
            "command": "git-odyssey guard claude",
            "type": "command"
          }
        ],
        "matcher": "Edit|Write|MultiEdit|NotebookEdit|Bash"
      }
    ]
  }
}
{
  "hooks": {
    "BeforeTool": [
      {
        "hooks": [
          {
            "command": "git-odyssey guard gemini",
            "name": "git-odyssey",
            "type": "command"
          }
        ],
        "matcher": "write_file|replace|edit|run_shell_command"
      }
    ]
  }
}
{
  "version": 1,
  "hooks": {
    "preToolUse": [
      {
        "command": "git-odyssey guard cursor",
        "matcher": "Shell|Write|Edit|StrReplace|MultiEdit|NotebookEdit|EditNotebook|Delete|ApplyPatch|TabWrite"
      }
    ]
  }
}
{
  "version": 1,
  "hooks": {
    "PreToolUse": [
      {
        "command": "git-odyssey guard copilot",
        "matcher": "Bash|Write|Edit",
        "type": "command"
      }
    ]
  }
}

"#]]
        );
    }

    #[test]
    fn what_was_there_for_our_hooks_alone_goes_with_them() {
        for harness in [Harness::Claude, Harness::Codex, Harness::Gemini, Harness::Cursor, Harness::Copilot] {
            for text in ["{}\n", "{\"a\": 1}", "{\n  \"a\": [1] // x\n}\n"] {
                let command = format!("git-odyssey guard {harness}");
                let merged = with_json(text, harness, &hooks(harness, true), &command).unwrap();
                let without = without_json(&merged, harness).unwrap();
                let value: Value = jsonc_parser::parse_to_value(&without, &ParseOptions::default())
                    .map(|value| {
                        Value::from(value.is_some_and(|value| format!("{value:?}").contains("hooks")))
                    })
                    .unwrap();
                assert_eq!(value, Value::from(false), "{without}");
            }
        }
    }

    #[test]
    fn settings_of_another_form_are_refused() {
        for text in ["[]", "{", "{\"hooks\": []}", "{\"hooks\": {\"PreToolUse\": {}}}", "{a: 1}"] {
            assert!(
                with_json(text, Harness::Claude, &hooks(Harness::Claude, false), COMMAND).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn only_our_own_commands_are_ours() {
        for ours in
            ["git-odyssey guard claude", "git odyssey guard claude", "'/a b/git-odyssey'  guard claude "]
        {
            assert!(is_ours(ours, Harness::Claude), "{ours}");
        }
        for other in
            ["git-odyssey guard codex", "guard claude", "other guard claude", "git-odyssey-guard claude"]
        {
            assert!(!is_ours(other, Harness::Claude), "{other}");
        }
    }
}
