//! Where each harness keeps its settings, and the text that is to stand there.

use super::Harness;
use super::inline;
use super::section;
use super::settings;
use super::settings::BadSettings;

/// Whose settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those of one repository, below its top folder.
    Project,
    /// A person's, for all repositories, below the home folder.
    User,
}

/// What a file of a harness holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Hooks in JSON.
    Json,
    /// Hooks in TOML.
    Toml,
    /// A plugin of ours.
    Plugin,
    /// A section for agents to read.
    Section,
}

/// The files in which a harness looks for hooks, the one to use first; a later one where it has hooks already.
pub fn files(harness: Harness, scope: Scope) -> Vec<(&'static str, Form)> {
    match (harness, scope) {
        (Harness::Claude, Scope::Project) => vec![(".claude/settings.local.json", Form::Json)],
        (Harness::Claude, Scope::User) => vec![(".claude/settings.json", Form::Json)],
        (Harness::Codex, _) => vec![(".codex/hooks.json", Form::Json), (".codex/config.toml", Form::Toml)],
        (Harness::Gemini, _) => vec![(".gemini/settings.json", Form::Json)],
        (Harness::Cursor, _) => vec![(".cursor/hooks.json", Form::Json)],
        (Harness::Copilot, Scope::Project) => vec![(".github/hooks/git-odyssey.json", Form::Json)],
        (Harness::Copilot, Scope::User) => vec![(".copilot/hooks/git-odyssey.json", Form::Json)],
        (Harness::Opencode, Scope::Project) => vec![(".opencode/plugins/git-odyssey.js", Form::Plugin)],
        (Harness::Opencode, Scope::User) => vec![(".config/opencode/plugins/git-odyssey.js", Form::Plugin)],
    }
}

/// The file that a harness reads for instructions; nothing when there is none.
pub fn instructions(harness: Harness, scope: Scope) -> Option<&'static str> {
    match (harness, scope) {
        (Harness::Claude, Scope::Project) => Some("CLAUDE.md"),
        (Harness::Gemini, Scope::Project) => Some("GEMINI.md"),
        (_, Scope::Project) => Some("AGENTS.md"),
        (Harness::Claude, Scope::User) => Some(".claude/CLAUDE.md"),
        (Harness::Codex, Scope::User) => Some(".codex/AGENTS.md"),
        (Harness::Gemini, Scope::User) => Some(".gemini/GEMINI.md"),
        (Harness::Opencode, Scope::User) => Some(".config/opencode/AGENTS.md"),
        (Harness::Copilot, Scope::User) => Some(".copilot/copilot-instructions.md"),
        (Harness::Cursor, Scope::User) => None,
    }
}

/// The plugin for opencode, before the program's path is put in.
const PLUGIN: &str = include_str!("plugin.js");

/// The first line of a plugin that is ours.
const PLUGIN_MARK: &str = "// git-odyssey: ";

impl Form {
    /// A file's text with what is ours in it. `program` is the path of this program, or its name.
    ///
    /// # Errors
    /// When the text that is there cannot be merged with.
    pub fn put(
        self,
        text: &str,
        harness: Harness,
        scope: Scope,
        program: &str,
    ) -> Result<String, BadSettings> {
        let hooks = settings::hooks(harness, scope == Scope::Project);
        let command = format!("{} guard {harness}", shell_words::quote(program));
        match self {
            Form::Json => settings::with_json(text, harness, &hooks, &command),
            Form::Toml => inline::with_toml(text, &hooks, &command),
            Form::Plugin if text.is_empty() || text.starts_with(PLUGIN_MARK) => {
                let program = serde_json::Value::from(program).to_string();
                Ok(PLUGIN.replace("\"[PROGRAM]\"", &program))
            }
            Form::Plugin => Err(BadSettings::NotOurs),
            Form::Section => Ok(section::with_section(text)),
        }
    }

    /// A file's text without what is ours; empty when nothing else was there.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn take(self, text: &str, harness: Harness) -> Result<String, BadSettings> {
        let bare = match self {
            Form::Json if settings::ours_in_json(text, harness)?.is_empty() => text.to_owned(),
            Form::Json => {
                let bare = settings::without_json(text, harness)?;
                let only_frame =
                    ["{}", "{\"version\":1}"].contains(&bare.split_whitespace().collect::<String>().as_str());
                if only_frame && bare != text { String::new() } else { bare }
            }
            Form::Toml => inline::without_toml(text)?,
            Form::Plugin if text.starts_with(PLUGIN_MARK) => String::new(),
            Form::Plugin => text.to_owned(),
            Form::Section => section::without_section(text),
        };
        Ok(bare)
    }

    /// The words by which the harness starts our guard, if this file sets it up.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn command(self, text: &str, harness: Harness) -> Result<Option<Vec<String>>, BadSettings> {
        let shell = |command: String| vec!["sh".to_owned(), "-c".to_owned(), command];
        Ok(match self {
            Form::Json => settings::ours_in_json(text, harness)?.into_iter().next().map(shell),
            Form::Toml => inline::ours_in_toml(text)?.into_iter().next().map(shell),
            Form::Plugin if text.starts_with(PLUGIN_MARK) => {
                let line = text.lines().find_map(|line| line.strip_prefix("const PROGRAM = "));
                let program = line.and_then(|line| serde_json::from_str::<String>(line).ok());
                program.map(|program| vec![program, "guard".to_owned(), harness.name().to_owned()])
            }
            Form::Plugin | Form::Section => None,
        })
    }
}
