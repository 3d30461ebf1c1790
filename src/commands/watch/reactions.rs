//! Reactions: the commands that `[[on]]` rules run, bounded in number and time, with their output kept.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::base::text;
use crate::domain::notice::Notice;
use crate::domain::policy::reaction::Reaction;
use crate::ledger::journal;
use crate::workspace::process;

/// How many commands run at once; the others wait their turn.
const AT_ONCE: usize = 4;

/// How many may wait; a rule that is slower than what happens would collect them without end.
const WAITING: usize = 64;

/// How many files of output are kept.
const KEPT: usize = 100;

/// Runs what rules ask for.
pub struct Reactions {
    folder: PathBuf,
    home: PathBuf,
    running: JoinSet<Option<String>>,
    turns: Arc<Semaphore>,
}

impl Reactions {
    /// Commands run in `home`, and their output is kept in `folder`.
    pub fn new(folder: &Path, home: &Path) -> Reactions {
        Reactions {
            folder: folder.join("output"),
            home: home.to_owned(),
            running: JoinSet::new(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Starts what the rules say about a notice. Answers what could not be started, in words.
    pub fn to(&mut self, notice: &Notice, rules: &[Reaction]) -> Vec<String> {
        let mut troubles = Vec::new();
        for (number, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.awaits(notice.what.name())) {
            if self.running.len() >= WAITING {
                troubles.push(format!(
                    "`{}` is left out for notice {}: {WAITING} commands wait already",
                    text::visible(shell_words::join(&rule.run).as_bytes()),
                    notice.seq
                ));
                continue;
            }
            let output = self.folder.join(format!("{:09}-{number}.txt", notice.seq));
            let job =
                react(rule.clone(), journal::line(notice), self.home.clone(), output, self.turns.clone());
            self.running.spawn(job);
        }
        troubles
    }

    /// Waits for a command that goes wrong, and says how. Nothing when none is running any more.
    pub async fn next_trouble(&mut self) -> Option<String> {
        while let Some(ended) = self.running.join_next().await {
            match ended {
                Ok(None) => {}
                Ok(trouble) => return trouble,
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    }
}

async fn react(
    rule: Reaction,
    notice: String,
    home: PathBuf,
    output: PathBuf,
    turns: Arc<Semaphore>,
) -> Option<String> {
    let line = text::visible(shell_words::join(&rule.run).as_bytes());
    // The semaphore is never closed.
    let _turn = turns.acquire().await.ok()?;
    let file =
        match output.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create(&output)) {
            Ok(file) => file,
            Err(error) => return Some(format!("{} cannot be written: {error}", output.display())),
        };
    let mut command = tokio::process::Command::from(process::command(&rule.run, &home, &[]));
    let both = file.try_clone().map(|file| command.stdin(Stdio::piped()).stdout(file).kill_on_drop(true));
    let mut child = match both.and_then(|command| command.stderr(file).spawn()) {
        Ok(child) => child,
        Err(error) => return Some(format!("`{line}` cannot be started: {error}")),
    };
    let input = child.stdin.take();
    let told = async {
        if let Some(mut input) = input {
            // A command that does not read what happened does not want to know.
            let _ = input.write_all(notice.as_bytes()).await;
        }
    };
    let ended = tokio::time::timeout(rule.timeout, async { tokio::join!(told, child.wait()).1 }).await;
    keep_few(&output);
    match ended {
        Ok(Ok(status)) if status.success() => None,
        Ok(Ok(status)) => Some(format!("`{line}` ended with {status}; its output: {}", output.display())),
        Ok(Err(error)) => Some(format!("`{line}`: {error}")),
        Err(_) => Some(format!("`{line}` took longer than {} and was ended", text::duration(rule.timeout))),
    }
}

/// Keeps the newest files of output, and takes an empty one away.
fn keep_few(newest: &Path) {
    if newest.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        // Whoever looks at one of these at this moment keeps it a while longer.
        let _ = std::fs::remove_file(newest);
    }
    let folder = newest.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut files: Vec<PathBuf> =
        folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for old in files.iter().take(files.len().saturating_sub(KEPT)) {
        let _ = std::fs::remove_file(old);
    }
}
