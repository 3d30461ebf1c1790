//! The one place that starts a person's own commands: setup steps, checks, and an agent's program.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use crate::base::failure::Explain;
use crate::base::text;
use crate::git::run::ended;

/// A command that did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot start `{0}`")]
    Start(String, #[source] std::io::Error),
    /// It was started, and how it ended cannot be found out.
    #[error("cannot tell how `{0}` ended")]
    Lost(String, #[source] std::io::Error),
    /// It ended with a failure.
    #[error("{what} failed: `{command}` ended with {status}{}", tail(.output))]
    Failed {
        /// What it was run for: `setup`, `the check`.
        what: &'static str,
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote, both outputs in one.
        output: Vec<u8>,
    },
}

impl Explain for CommandError {}

/// How many of a failed command's last lines are shown.
const SHOWN: usize = 30;

fn tail(output: &[u8]) -> String {
    let shown = text::visible_lines(output.trim_ascii());
    let lines: Vec<&str> = shown.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    format!(":\n{}", lines[lines.len().saturating_sub(SHOWN)..].join("\n"))
}

/// The program and arguments of a command, without a shell, to run in a workspace.
///
/// Git's own variables are taken out: a hook that runs us would tie the command to the hook's repository.
#[expect(clippy::disallowed_methods, reason = "the one place that starts a person's own commands")]
pub fn command(words: &[String], folder: &Path, variables: &[(&str, OsString)]) -> Command {
    let (program, arguments) =
        words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs a command to its end and keeps what it writes.
///
/// # Errors
/// When it cannot be started or ends with a failure.
pub fn run(
    what: &'static str,
    words: &[String],
    folder: &Path,
    variables: &[(&str, OsString)],
) -> Result<(), CommandError> {
    let line = shell_words::join(words);
    let mut command = command(words, folder, variables);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().map_err(|source| CommandError::Start(line.clone(), source))?;
    if output.status.success() {
        return Ok(());
    }
    let mut both = output.stdout;
    both.extend_from_slice(&output.stderr);
    Err(CommandError::Failed { what, command: line, status: ended(output.status), output: both })
}

/// Runs the hook that was here before ours, with the same arguments and input, in the same environment.
///
/// # Errors
/// When it cannot be started.
#[expect(clippy::disallowed_methods, reason = "the one place that starts a person's own hooks")]
pub fn hook(path: &Path, arguments: &[OsString], input: &[u8]) -> Result<ExitStatus, CommandError> {
    let failed = |source| CommandError::Start(path.display().to_string(), source);
    let mut child = Command::new(path).args(arguments).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        // A hook may end without reading its input; its exit status tells whether that was right.
        let _ = std::io::Write::write_all(&mut pipe, input);
    }
    child.wait().map_err(failed)
}
