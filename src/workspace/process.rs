//! The one place that starts a person's own commands: setup steps, checks, and an agent's program.

use std::ffi::OsString;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::base::failure::Explain;
use crate::base::text;
use crate::git::run::end_group;
use crate::git::run::ended;

/// A command that did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot start `{0}`")]
    Start(String, #[source] std::io::Error),
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
    /// It took too long, and was ended.
    #[error("{what} took longer than {}: `{command}` was ended{}", text::duration(*.limit), tail(.output))]
    TooLong {
        /// What it was run for.
        what: &'static str,
        /// The command line.
        command: String,
        /// How long it was given.
        limit: Duration,
        /// What it wrote, both outputs in one.
        output: Vec<u8>,
    },
    /// It could not be waited for, or what it wrote could not be kept.
    #[error("cannot follow `{0}`")]
    Follow(String, #[source] std::io::Error),
}

impl CommandError {
    /// All that the command wrote, as far as it was run.
    pub fn output(&self) -> &[u8] {
        match self {
            CommandError::Failed { output, .. } | CommandError::TooLong { output, .. } => output,
            CommandError::Start(..) | CommandError::Follow(..) => b"",
        }
    }
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

/// How often a command that has a limit is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// As [`run`], for no longer than `limit`; then the command and all that it started are ended.
///
/// # Errors
/// As for [`run`], and when it takes too long.
pub fn run_within(
    limit: Duration,
    what: &'static str,
    words: &[String],
    folder: &Path,
    variables: &[(&str, OsString)],
) -> Result<(), CommandError> {
    output_within(limit, what, words, folder, variables).map(drop)
}

/// As [`run_within`]; answers what the command wrote, both outputs in one.
///
/// # Errors
/// As for [`run_within`].
pub fn output_within(
    limit: Duration,
    what: &'static str,
    words: &[String],
    folder: &Path,
    variables: &[(&str, OsString)],
) -> Result<Vec<u8>, CommandError> {
    let mut running = Running::start(what, words, folder, variables)?;
    loop {
        if running.look(limit)? {
            return running.output();
        }
        std::thread::sleep(LOOK);
    }
}

/// As [`run_within`], of a command that is given something to read. Answers what it writes, both outputs in one.
///
/// # Errors
/// As for [`run_within`].
pub fn answer_within(
    limit: Duration,
    what: &'static str,
    words: &[String],
    folder: &Path,
    input: &[u8],
) -> Result<Vec<u8>, CommandError> {
    let failed = |source| CommandError::Follow(shell_words::join(words), source);
    let mut file = tempfile::tempfile().map_err(failed)?;
    file.write_all(input).and_then(|()| file.rewind()).map_err(failed)?;
    let mut running = Running::reading(file.into(), what, words, folder, &[])?;
    while !running.look(limit)? {
        std::thread::sleep(LOOK);
    }
    running.output()
}

/// A command that runs beside us. What it has started by then is ended with this value.
#[derive(Debug)]
pub struct Running {
    what: &'static str,
    line: String,
    child: Child,
    kept: tempfile::NamedTempFile,
    begun: Instant,
    is_over: bool,
}

impl Running {
    /// Starts a command, and keeps what it writes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        what: &'static str,
        words: &[String],
        folder: &Path,
        variables: &[(&str, OsString)],
    ) -> Result<Running, CommandError> {
        Running::reading(Stdio::null(), what, words, folder, variables)
    }

    fn reading(
        input: Stdio,
        what: &'static str,
        words: &[String],
        folder: &Path,
        variables: &[(&str, OsString)],
    ) -> Result<Running, CommandError> {
        let line = shell_words::join(words);
        let failed = |source| CommandError::Follow(line.clone(), source);
        // A file, not a pipe: what the command leaves behind may hold a pipe open for ever. It is opened a second time,
        // so that who reads it does not move the place where the command writes.
        let kept = tempfile::NamedTempFile::new().map_err(failed)?;
        let written = kept.reopen().map_err(failed)?;
        let mut command = command(words, folder, variables);
        command.stdin(input);
        command.stdout(written.try_clone().map_err(failed)?).stderr(written);
        own_group(&mut command);
        let child = command.spawn().map_err(|source| CommandError::Start(line.clone(), source))?;
        Ok(Running { what, line, child, kept, begun: Instant::now(), is_over: false })
    }

    /// The command line.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// How long it has run.
    pub fn runs(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether it has ended, and well.
    ///
    /// # Errors
    /// When it ended with a failure, cannot be followed, or has run for `limit`; then it is ended.
    pub fn look(&mut self, limit: Duration) -> Result<bool, CommandError> {
        let failed = |line: &str, source| CommandError::Follow(line.to_owned(), source);
        let ended_with = self.child.try_wait().map_err(|source| failed(&self.line, source))?;
        let Some(status) = ended_with else {
            if self.begun.elapsed() < limit {
                return Ok(false);
            }
            self.end().map_err(|source| failed(&self.line, source))?;
            let output = self.output()?;
            return Err(CommandError::TooLong { what: self.what, command: self.line.clone(), limit, output });
        };
        self.is_over = true;
        if status.success() {
            return Ok(true);
        }
        let (command, status, output) = (self.line.clone(), ended(status), self.output()?);
        Err(CommandError::Failed { what: self.what, command, status, output })
    }

    /// All that it has written, both outputs in one.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn output(&self) -> Result<Vec<u8>, CommandError> {
        let mut output = Vec::new();
        let mut kept = self.kept.as_file();
        kept.rewind()
            .and_then(|()| kept.read_to_end(&mut output))
            .map_err(|source| CommandError::Follow(self.line.clone(), source))?;
        Ok(output)
    }

    /// Ends it, and all that it has started.
    ///
    /// # Errors
    /// When it cannot be ended or waited for.
    pub fn end(&mut self) -> std::io::Result<()> {
        if !self.is_over {
            end_group(&mut self.child)?;
            self.is_over = true;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = self.end();
    }
}

/// Lets a command lead a group of its own: it and all that it starts can be ended together.
#[cfg(unix)]
pub fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

/// There are no groups here.
#[cfg(not(unix))]
pub fn own_group(_: &mut Command) {}

/// Runs a person's editor on a file, with the terminal to itself; as git does it, by a shell.
///
/// # Errors
/// When it cannot be started or ends with a failure.
#[expect(clippy::disallowed_methods, reason = "the one place that starts a person's own commands")]
pub fn editor(editor: &str, file: &Path) -> Result<(), CommandError> {
    let line = format!("{editor} {}", file.display());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(editor).arg(file);
    let status = command.status().map_err(|source| CommandError::Start(line.clone(), source))?;
    if status.success() {
        return Ok(());
    }
    Err(CommandError::Failed { what: "the editor", command: line, status: ended(status), output: Vec::new() })
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
        let _ = pipe.write_all(input);
    }
    child.wait().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(limit: Duration, script: &str) -> Result<(), CommandError> {
        let words = ["sh", "-c", script].map(str::to_owned);
        run_within(limit, "the test", &words, &std::env::temp_dir(), &[])
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_all_that_it_started() {
        let begun = Instant::now();
        let place = tempfile::tempdir().unwrap();
        let sign = place.path().join("sign");
        let script = format!("echo begun; (sleep 2; touch '{}') & sleep 60", sign.display());
        let error = shell(Duration::from_millis(300), &script).unwrap_err();
        assert!(matches!(error, CommandError::TooLong { .. }), "{error}");
        assert_eq!(error.output(), b"begun\n");
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(2_500));
        assert!(!sign.exists(), "what it had started was ended too");
    }

    #[test]
    fn what_a_command_writes_is_kept_when_it_fails() {
        let error = shell(Duration::from_secs(60), "echo out; echo err >&2; exit 3").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the test failed: `sh -c 'echo out; echo err >&2; exit 3'` ended with exit code 3:\nout\nerr"
        );
        assert!(shell(Duration::from_secs(60), "true").is_ok());
        let missing =
            run_within(LOOK, "the test", &["no-such-program".to_owned()], &std::env::temp_dir(), &[]);
        assert!(matches!(missing, Err(CommandError::Start(..))));
    }
}
