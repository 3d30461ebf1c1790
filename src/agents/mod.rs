//! Floor 2: the harnesses that agents run in: what each of them sends before something happens, told in the same words for
//! all, and what each of them takes for an answer.
//!
//! Nothing is decided here. A harness may send more than is known of it; what it does not send, and should, is an error.

pub mod claude;
pub mod codex;
pub mod copilot;
pub mod cursor;
pub mod gemini;
pub mod inline;
pub mod opencode;
pub mod patch;
pub mod payload;
pub mod places;
pub mod prices;
pub mod receiver;
pub mod section;
pub mod settings;
pub mod shell;
pub mod transcripts;
pub mod words;

use std::path::PathBuf;

use payload::BadPayload;
use payload::Payload;

/// A program in which an agent runs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Harness {
    /// Claude Code.
    Claude,
    /// Codex CLI.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// Cursor.
    Cursor,
    /// opencode.
    Opencode,
    /// GitHub Copilot CLI.
    Copilot,
}

/// What a harness asks or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What is about to happen.
    pub event: Event,
    /// The harness's own name for it.
    pub name: String,
    /// The folder that the agent is in, as far as the harness says.
    pub folder: Option<PathBuf>,
    /// The agent's session; empty when the harness does not say.
    pub session: String,
    /// Whether the agent goes on already because an answer of ours did not let it end.
    pub again: bool,
}

/// Something that happens in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A tool is about to write these files.
    Edit(Vec<Edit>),
    /// A command is about to run in a shell.
    Shell(String),
    /// Another tool is about to run, which writes nothing that is known of.
    Tool,
    /// A session begins, or is taken up again.
    Begin,
    /// Nothing is to be decided, and the agent can be told something.
    Listen,
    /// An agent wants to end its turn.
    End,
    /// A worktree of this name is wanted.
    Make(String),
    /// A worktree is not wanted any more.
    Remove(PathBuf),
    /// Nothing that matters here.
    Other,
}

/// A file that a tool is about to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file, as the tool names it.
    pub path: PathBuf,
    /// The texts that the tool replaces, each once; nothing when it may change all of the file.
    pub replaced: Vec<String>,
}

/// What a harness is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go on; the agent is told the text, if there is one.
    Pass(Option<String>),
    /// No: an edit or a command is not done, and a turn does not end. The agent is told why.
    Deny(String),
    /// The worktree that was wanted.
    Made(PathBuf),
}

impl Harness {
    /// All of them.
    pub const ALL: [Harness; 6] = [
        Harness::Claude,
        Harness::Codex,
        Harness::Gemini,
        Harness::Cursor,
        Harness::Opencode,
        Harness::Copilot,
    ];

    /// Its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Harness::Claude => "claude",
            Harness::Codex => "codex",
            Harness::Gemini => "gemini",
            Harness::Cursor => "cursor",
            Harness::Opencode => "opencode",
            Harness::Copilot => "copilot",
        }
    }

    /// What it sent.
    ///
    /// # Errors
    /// When that is not JSON, or lacks what an edit or a command cannot be judged without.
    pub fn read(self, bytes: &[u8]) -> Result<Ask, BadPayload> {
        let payload = Payload::parse(bytes)?;
        match self {
            Harness::Claude => claude::read(&payload),
            Harness::Codex => codex::read(&payload),
            Harness::Gemini => gemini::read(&payload),
            Harness::Cursor => cursor::read(&payload),
            Harness::Opencode => opencode::read(&payload),
            Harness::Copilot => copilot::read(&payload),
        }
    }

    /// Whether an answer that passes can carry a text to the agent.
    pub fn hears(self, ask: &Ask) -> bool {
        let before = matches!(ask.event, Event::Edit(_) | Event::Shell(_) | Event::Tool);
        match self {
            Harness::Claude | Harness::Codex | Harness::Opencode => {
                before || matches!(ask.event, Event::Begin | Event::Listen)
            }
            Harness::Gemini | Harness::Cursor | Harness::Copilot => {
                matches!(ask.event, Event::Begin | Event::Listen)
            }
        }
    }

    /// The line that it takes for an answer; nothing where silence says the same.
    pub fn reply(self, ask: &Ask, answer: &Answer) -> Option<String> {
        match self {
            Harness::Claude => claude::reply(ask, answer),
            Harness::Codex => codex::reply(ask, answer),
            Harness::Gemini => gemini::reply(ask, answer),
            Harness::Cursor => cursor::reply(ask, answer),
            Harness::Opencode => opencode::reply(ask, answer),
            Harness::Copilot => copilot::reply(ask, answer),
        }
    }
}

impl std::fmt::Display for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
