//! An agent at work: its command, started in the workspace at the end of a lifeline, with its output kept.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Child;
use tokio::process::ChildStdin;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::base::lock::Lock;
use crate::domain::task::TaskName;
use crate::domain::workflow;
use crate::domain::workflow::Hand;
use crate::domain::workflow::Tier;
use crate::workspace::process;
use crate::workspace::process::CommandError;
use crate::workspace::setup;

use super::jobs::Granted;

/// What an agent's command is made of.
#[derive(Debug)]
pub struct Order {
    words: Vec<String>,
    input: Option<PathBuf>,
    /// Where its output goes.
    pub log: PathBuf,
    /// What is locked while it lives.
    alive: PathBuf,
}

/// What is locked while an agent of a task lives.
pub fn alive(folder: &Path, task: &TaskName) -> PathBuf {
    folder.join(format!("{task}.alive"))
}

/// Waits until no agent of an earlier attempt lives any more. Its keeper ends it when its runner has ended.
///
/// # Errors
/// When that cannot be told.
pub fn wait_for_former(folder: &Path, task: &TaskName) -> Result<(), FileError> {
    Lock::until_free(&alive(folder, task))
}

/// The longest prompt that is given as a word; systems refuse longer ones.
const LONGEST_WORD: usize = 120_000;

/// Puts the command together and writes its prompt down.
///
/// # Errors
/// When the prompt cannot be written.
pub fn order(
    folder: &Path,
    tier: &Tier,
    attempt: u32,
    granted: &Granted,
    prompt: &str,
) -> Result<Order, Failure> {
    let task = &granted.lease.task;
    let file = folder.join(format!("{task}-{attempt}.prompt.md"));
    // A last line without an end would be passed over by many that read lines.
    let ended = if prompt.ends_with('\n') { prompt.to_owned() } else { format!("{prompt}\n") };
    atomic::replace(&file, ended.as_bytes())?;
    let word = match prompt.len() > LONGEST_WORD {
        true => format!("Your task is described in the file {}: read it first.", file.display()),
        false => prompt.to_owned(),
    };
    let value = |name: &str| {
        Some(match name {
            "prompt" => word.clone(),
            "prompt_file" => file.display().to_string(),
            "model" => tier.model.clone().unwrap_or_default(),
            "task" => task.to_string(),
            "workspace" => granted.path.display().to_string(),
            _ => return None,
        })
    };
    // Other names were refused when the workflow was read.
    let filled = |word: &String| workflow::fill(word, value).unwrap_or_else(|_| word.clone());
    let words = tier.command.iter().map(filled).collect();
    let input = (tier.hand() == Hand::Input).then_some(file);
    Ok(Order { words, input, log: folder.join(format!("{task}-{attempt}.log")), alive: alive(folder, task) })
}

/// Starts it. It ends when the lifeline is dropped, or when this process ends in any way.
///
/// # Errors
/// When it cannot be started, or its output cannot be kept.
pub fn start(
    program: &Path,
    order: &Order,
    granted: &Granted,
) -> Result<(Child, Option<ChildStdin>), CommandError> {
    let mut words = vec![program.display().to_string(), "keep".to_owned()];
    words.extend(["--lock".to_owned(), order.alive.display().to_string()]);
    if let Some(input) = &order.input {
        words.extend(["--input".to_owned(), input.display().to_string()]);
    }
    words.push("--".to_owned());
    words.extend(order.words.iter().cloned());
    let line = shell_words::join(&order.words);
    let failed = |source| CommandError::Start(line.clone(), source);
    let log = File::create(&order.log).map_err(failed)?;
    let variables: Vec<(&str, OsString)> = setup::variables(&granted.lease, &granted.path);
    let mut command = process::command(&words, &granted.path, &variables);
    // A key press at the terminal is for the runner, which ends its agents in order.
    process::own_group(&mut command);
    command.stdin(Stdio::piped()).stdout(log.try_clone().map_err(failed)?).stderr(log);
    let mut child = tokio::process::Command::from(command).spawn().map_err(failed)?;
    // Taken out: whoever waits for a child closes what it still has.
    let lifeline = child.stdin.take();
    Ok((child, lifeline))
}

/// The last lines of an agent's output, for whoever tries again.
pub fn last_words(log: &Path) -> String {
    const LINES: usize = 15;
    // It may be huge, and only its end is wanted.
    let bytes = tail(log, 8_192).unwrap_or_default();
    let shown = crate::base::text::visible_lines(bytes.trim_ascii());
    let lines: Vec<&str> = shown.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn tail(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    use std::io::Seek;
    use std::io::SeekFrom;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
