//! The one place that starts the `git` binary.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::error::GitError;
use crate::base::lock::Lock;
use crate::base::text;

/// Variables that tie git to one repository or index. A hook inherits them from the git that runs it, and a child
/// that works elsewhere must not see them. The list is that of `git rev-parse --local-env-vars`, without the
/// configuration given on the command line, which a user means for the children too.
const LOCAL_VARIABLES: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// One `git` command to run in one folder.
#[derive(Debug)]
pub struct Git {
    folder: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    held: Option<Held>,
    /// Whether it may ask the person at the terminal.
    asks: bool,
}

/// A lock that git holds for us, as one of its streams.
#[derive(Debug)]
enum Held {
    AsInput(File),
    AsOutput(File),
}

/// How a `git` command ended, and what it wrote.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Git {
    /// A command in the repository or checkout at `folder`.
    pub fn at(folder: &Path) -> Git {
        Git {
            folder: folder.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            input: Vec::new(),
            held: None,
            asks: false,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Git {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Git {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets one variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Git {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives it standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Git {
        self.input = bytes.into();
        self
    }

    /// Keeps a lock held until git itself has ended, even when this process is killed before: git goes on without us.
    ///
    /// The lock's file is git's standard input, so there can be no other.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub fn holding(mut self, lock: &Lock) -> Result<Git, GitError> {
        let shared = lock.share().map_err(|source| GitError::Start(self.to_string(), source))?;
        self.held = Some(Held::AsInput(shared));
        Ok(self)
    }

    /// The same for a command that needs its standard input, and whose answer nobody needs: it goes into the lock's file.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub fn holding_unanswered(mut self, lock: &Lock) -> Result<Git, GitError> {
        let failed = |source| GitError::Start(self.to_string(), source);
        let mut shared = lock.share().map_err(failed)?;
        // What the last one wrote there would only pile up.
        shared.set_len(0).and_then(|()| shared.rewind()).map_err(failed)?;
        self.held = Some(Held::AsOutput(shared));
        Ok(self)
    }

    /// Lets it ask the person at the terminal for a password, where there is a person and a terminal.
    #[must_use]
    pub fn asking(mut self) -> Git {
        self.asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        // A person who forbade questions keeps that.
        if self.asks { self } else { self.env("GIT_TERMINAL_PROMPT", "0") }
    }

    /// Runs it; a failing exit status is an error that shows what git said.
    ///
    /// # Errors
    /// When it cannot be started or ends with a failure.
    pub fn run(self) -> Result<Vec<u8>, GitError> {
        let command = self.to_string();
        let output = self.answer()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::Command { command, status: ended(output.status), stderr: output.stderr })
    }

    /// Runs it where the exit status is part of the answer.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn answer(mut self) -> Result<Output, GitError> {
        let line = self.to_string();
        let failed = |source| GitError::Start(line.clone(), source);
        tracing::debug!(command = %line, folder = %self.folder.display(), "git");
        let held = self.held.take();
        let mut command = self.command();
        match held {
            None => command.stdin(Stdio::piped()).stdout(Stdio::piped()),
            Some(Held::AsInput(file)) => command.stdin(file).stdout(Stdio::piped()),
            Some(Held::AsOutput(file)) => command.stdin(Stdio::piped()).stdout(file),
        };
        let mut child = command.spawn().map_err(failed)?;
        // Keeps no handle of its own: the lock is the child's from here on.
        drop(command);
        let stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            // Written beside the reading: a command that answers while it reads would fill both pipes.
            let writer = scope.spawn(|| stdin.map_or(Ok(()), |mut pipe| pipe.write_all(&self.input)));
            let output = child.wait_with_output();
            // A command may end before it has read everything; its exit status tells whether that was right.
            let _ = writer.join();
            output
        })
        .map_err(failed)?;
        Ok(Output { status: output.status, stdout: output.stdout, stderr: output.stderr })
    }

    /// As [`Git::answer`], for no longer than `limit`; then it and all that it started are ended, and nothing is answered.
    ///
    /// It gets no input but a lock that it holds.
    ///
    /// # Errors
    /// When it cannot be started or followed.
    pub fn answer_within(mut self, limit: Duration) -> Result<Option<Output>, GitError> {
        let line = self.to_string();
        let failed = |source| GitError::Start(line.clone(), source);
        tracing::debug!(command = %line, folder = %self.folder.display(), "git");
        // Files, not pipes: what git leaves behind (a connection that is kept for the next) may hold a pipe open for ever.
        let mut stdout = tempfile::tempfile().map_err(failed)?;
        let mut stderr = tempfile::tempfile().map_err(failed)?;
        let held = self.held.take();
        let mut command = self.command();
        match held {
            Some(Held::AsInput(file)) => command.stdin(file),
            Some(Held::AsOutput(_)) | None => command.stdin(Stdio::null()),
        };
        command.stdout(stdout.try_clone().map_err(failed)?).stderr(stderr.try_clone().map_err(failed)?);
        let begun = Instant::now();
        let mut child = command.spawn().map_err(failed)?;
        // Keeps no handle of its own: the lock is the child's from here on.
        drop(command);
        let mut pause = Duration::from_micros(200);
        let status = loop {
            match child.try_wait().map_err(failed)? {
                Some(status) => break status,
                None if begun.elapsed() < limit => std::thread::sleep(pause),
                None => {
                    end_group(&mut child).map_err(failed)?;
                    return Ok(None);
                }
            }
            pause = (pause * 2).min(LOOK);
        };
        let read = |file: &mut File| {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map(|_| bytes).map_err(failed)
        };
        Ok(Some(Output { status, stdout: read(&mut stdout)?, stderr: read(&mut stderr)? }))
    }

    /// Starts it to answer many questions, one after the other.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn begin(self) -> Result<Conversation, GitError> {
        let line = self.to_string();
        let failed = |source| GitError::Start(line.clone(), source);
        tracing::debug!(command = %line, folder = %self.folder.display(), "git");
        // In a file, which is never full: nobody reads it while git goes on.
        let stderr = tempfile::tempfile().map_err(failed)?;
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(stderr.try_clone().map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let (input, output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Ok(Conversation { line, child, input, output, stderr })
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts git")]
    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).args(&self.arguments);
        command.stderr(Stdio::piped());
        for name in LOCAL_VARIABLES {
            command.env_remove(name);
        }
        #[cfg(test)]
        super::testing::isolate(&mut command);
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // In a group of its own it could not read from the terminal.
        if !self.asks {
            own_group(&mut command);
        }
        command
    }
}

/// How often, at least, a git that has a limit is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Ends a child that leads a group of its own and, where there are groups, all that it started.
///
/// # Errors
/// When it cannot be ended or waited for.
#[expect(clippy::disallowed_methods, reason = "the system's own way to end a group")]
pub fn end_group(child: &mut Child) -> std::io::Result<()> {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        // Where there is no such program, or no such group, the child alone is ended.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
    child.kill()?;
    child.wait().map(drop)
}

/// Asks a child that leads a group of its own, and all that it started, to end. Answers whether somebody was there who
/// could be asked; never where there are no groups.
pub fn ask_group_to_end(child: &Child) -> bool {
    signal_group(child, "-TERM")
}

/// Whether a child that leads a group of its own, or something that it started, is still there; never where there are no groups.
pub fn group_is_there(child: &Child) -> bool {
    signal_group(child, "-0")
}

#[expect(clippy::disallowed_methods, reason = "the system's own way to signal a group")]
fn signal_group(child: &Child, signal: &str) -> bool {
    let group = format!("-{}", child.id());
    let sent = || Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    cfg!(unix) && sent().is_ok_and(|status| status.success())
}

/// A git that answers one question after the other. Ends with this value.
#[derive(Debug)]
pub struct Conversation {
    line: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
    stderr: File,
}

impl Conversation {
    /// Asks something.
    ///
    /// # Errors
    /// When git has ended.
    pub fn ask(&mut self, question: &[u8]) -> Result<(), GitError> {
        let Some(input) = &mut self.input else { return Err(self.broken()) };
        input.write_all(question).and_then(|()| input.flush()).map_err(|_| self.broken())
    }

    /// Reads the next part of the answer, as far as a NUL, which is left out.
    ///
    /// # Errors
    /// When git has ended before.
    pub fn part(&mut self) -> Result<Vec<u8>, GitError> {
        let mut part = Vec::new();
        let Some(output) = &mut self.output else { return Err(self.broken()) };
        match output.read_until(0, &mut part) {
            Ok(_) if part.pop() == Some(0) => Ok(part),
            _ => Err(self.broken()),
        }
    }

    /// What git said when it ended.
    fn broken(&mut self) -> GitError {
        (self.input, self.output) = (None, None);
        let status = match self.child.wait() {
            Ok(status) => ended(status),
            Err(error) => error.to_string(),
        };
        let mut stderr = Vec::new();
        // What it said is more than how it ended; without it, that has to do.
        let _ = self.stderr.rewind().and_then(|()| self.stderr.read_to_end(&mut stderr));
        GitError::Command { command: self.line.clone(), status, stderr }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.input = None;
        // Whatever it still does, nobody will read.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A key press in the terminal must not kill git between two steps: we decide when to stop.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

impl fmt::Display for Git {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git")?;
        for argument in &self.arguments {
            // It goes into errors and logs.
            let argument = text::without_secrets(&argument.to_string_lossy());
            write!(f, " {}", shell_words::quote(&argument))?;
        }
        Ok(())
    }
}

/// How a process ended, in words.
pub fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// A version of git: major, minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitVersion(pub u32, pub u32);

impl GitVersion {
    /// The oldest git that is supported.
    pub const OLDEST: GitVersion = GitVersion(2, 40);
    /// The first git with hooks from its configuration.
    pub const CONFIG_HOOKS: GitVersion = GitVersion(2, 54);

    /// Asks the git on PATH.
    ///
    /// # Errors
    /// When there is none, or it is older than [`GitVersion::OLDEST`].
    pub fn ask(folder: &Path) -> Result<GitVersion, GitError> {
        let answer = Git::at(folder).arg("version").run()?;
        let text = String::from_utf8_lossy(&answer).trim().to_owned();
        let bad = || GitError::Answer { command: "version", answer: text.clone() };
        let number = text.strip_prefix("git version ").ok_or_else(bad)?;
        let mut parts = number.split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(bad());
        };
        let version = GitVersion(major, minor);
        if version < GitVersion::OLDEST {
            return Err(GitError::TooOld { found: number.to_owned() });
        }
        Ok(version)
    }
}
