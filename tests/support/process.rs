//! Processes that start at one instant, and processes that are killed.

use std::io::PipeWriter;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::Lab;
use super::Run;

/// Processes that wait behind a barrier: each is started and blocked, until all are let go at once.
pub struct Barrier {
    /// While this end of the pipe is open, the readers of the other wait.
    gate: PipeWriter,
    waiting: std::io::PipeReader,
    children: Vec<Child>,
}

impl Barrier {
    /// A closed barrier.
    pub fn closed() -> Barrier {
        let (waiting, gate) = std::io::pipe().unwrap();
        Barrier { gate, waiting, children: Vec::new() }
    }

    /// Puts one more run of `git odyssey` behind it.
    pub fn add(&mut self, lab: &Lab, folder: &Path, arguments: &[&str]) {
        let mut words = vec!["-c", "read _; exec \"$@\" </dev/null", "sh", super::ODYSSEY];
        words.extend(arguments);
        let mut command = lab.command("sh", folder, &words);
        command.stdin(self.waiting.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.children.push(command.spawn().unwrap());
    }

    /// Lets all go, and gives their processes in the order in which they were put.
    pub fn open(self) -> Vec<Child> {
        drop(self.gate);
        self.children
    }

    /// Lets all go, waits for their ends, and gives their answers in the order in which they were put.
    pub fn answers(self) -> Vec<Run> {
        let children = self.open();
        children.into_iter().map(|child| Run::from(child.wait_with_output().unwrap())).collect()
    }
}

/// The variable by which a child and all that it starts are found again, whoever their parent is by then.
const MARK: &str = "GIT_ODYSSEY_TEST_MARK";

/// Marks a command, so that [`marked`] finds its processes.
pub fn mark(command: &mut Command, mark: &str) {
    command.env(MARK, mark);
}

/// The living processes that carry a mark.
pub fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ended meanwhile has no environment.
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|&byte| byte == 0).any(|variable| variable == wanted) {
            found.push(id);
        }
    }
    found
}

/// Waits until no process carries a mark any more.
pub fn wait_for_marked(mark: &str) {
    let begun = Instant::now();
    while !marked(mark).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "still alive: {:?}", marked(mark));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills every process that carries a mark, until there is none.
pub fn kill_marked(mark: &str) {
    loop {
        let found = marked(mark);
        if found.is_empty() {
            return;
        }
        let ids = found.iter().map(u32::to_string);
        Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status().unwrap();
    }
}
