//! A lifeline: a command that lives no longer than the process that started it, however that one ends.
//!
//! The command is started by a process of ours in between, which holds the other end of a pipe. When the pipe closes, the
//! command and all that it started are asked to end, and made to a little later. What left the command's process group by
//! itself, as a daemon does, is not reached.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use std::time::Instant;

use super::process::CommandError;
use super::process::command;
use super::process::own_group;
use crate::git::run::ask_group_to_end;
use crate::git::run::end_group;
use crate::git::run::group_is_there;

/// How long a command has to end by itself when it is asked to.
pub const GRACE: Duration = Duration::from_secs(5);

/// How often a command is looked at. It is an agent's, and runs for minutes.
const LOOK: Duration = Duration::from_millis(10);

/// Runs a command in the current folder for as long as the lifeline is open. Its input is a file, or empty.
///
/// # Errors
/// When it cannot be started or waited for.
pub fn keep(
    words: &[String],
    input: Option<&Path>,
    lifeline: impl Read + Send + 'static,
) -> Result<ExitStatus, CommandError> {
    let line = shell_words::join(words);
    let start = |source| CommandError::Start(line.clone(), source);
    let mut command = command(words, Path::new("."), &[]);
    command.stdin(match input {
        Some(path) => Stdio::from(File::open(path).map_err(start)?),
        None => Stdio::null(),
    });
    own_group(&mut command);
    let mut child = command.spawn().map_err(start)?;
    let (cut, is_cut) = mpsc::channel();
    std::thread::spawn(move || {
        watch(lifeline);
        // Nobody is there any more when the command has ended before.
        let _ = cut.send(());
    });
    let follow = |source| CommandError::Follow(line.clone(), source);
    let ended = loop {
        match is_cut.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = child.try_wait().map_err(follow)? {
            break Some(status);
        }
    };
    // What it left behind in its group would write into the workspace after its time.
    let status = end(&mut child).map_err(follow)?;
    Ok(ended.unwrap_or(status))
}

/// Waits until the pipe is closed at its other end. What comes out of it means nothing.
fn watch(mut lifeline: impl Read) {
    let mut buffer = [0; 64];
    while !matches!(lifeline.read(&mut buffer), Ok(0)) {}
}

/// Ends a command and all that it started: a git among them takes its locks away when it is asked, and cannot when it is killed.
fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    let asked = Instant::now();
    if ask_group_to_end(child) {
        while asked.elapsed() < GRACE {
            let gone = child.try_wait()?.is_some();
            if gone && !group_is_there(child) {
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
    end_group(child)?;
    child.wait()
}
