//! The kit of all end-to-end tests: a repository in a world of its own, with a clock that stands still.
//!
//! Nothing of the machine's own git configuration, home or time reaches a test. The folder's name has a blank and a
//! letter beyond ASCII, because people's folders have.

#![allow(dead_code, reason = "each test binary uses its own part of the kit")]
#![allow(clippy::unwrap_used, reason = "a kit that cannot set up fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

pub mod dice;
pub mod history;
pub mod process;
pub mod session;

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Once;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use git_odyssey::base::clock::Timestamp;

/// The program that is tested.
pub const ODYSSEY: &str = env!("CARGO_BIN_EXE_git-odyssey");

/// When every test begins, unless it says otherwise.
const BEGINNING: &str = "2026-11-24T01:30:00Z";

/// A folder with a repository `main`, its own home and its own time; removed at the end of the test.
pub struct Lab {
    root: PathBuf,
    /// Seconds since 1970.
    now: AtomicI64,
    _owner: tempfile::TempDir,
}

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; a signal counts as 128 and its number.
    pub code: i32,
}

impl Lab {
    /// A repository on the branch `main` with one commit, that of a `README.md`; git odyssey is not in it yet.
    pub fn unprepared() -> Lab {
        let owner = tempfile::Builder::new().prefix("odyssey läb ").tempdir().unwrap();
        // Its real path: git writes no other.
        let root = owner.path().canonicalize().unwrap();
        let lab = Lab { root, now: AtomicI64::new(0), _owner: owner };
        lab.at(BEGINNING);
        std::fs::create_dir(lab.root.join("home")).unwrap();
        let config = "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n";
        std::fs::write(lab.root.join("gitconfig"), config).unwrap();
        tell_git_version(&lab);
        lab.git_in(&lab.root, &["init", "--quiet", "main"]);
        lab.write("README.md", "read me\n");
        lab.commit("first");
        lab
    }

    /// As [`Lab::unprepared`], after `git odyssey init`.
    pub fn new() -> Lab {
        let lab = Lab::unprepared();
        lab.odyssey(&["init"]).ok();
        lab
    }

    /// The folder that holds everything of the test.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The main checkout.
    pub fn main(&self) -> PathBuf {
        self.root.join("main")
    }

    /// Where a task's workspace is made.
    pub fn workspace(&self, task: &str) -> PathBuf {
        self.root.join("main.odyssey").join(task)
    }

    /// Sets the clock.
    pub fn at(&self, time: &str) {
        let time: Timestamp = time.parse().unwrap();
        self.now.store(time.as_second(), Ordering::SeqCst);
    }

    /// Lets time pass.
    pub fn advance(&self, minutes: i64) {
        self.now.fetch_add(minutes * 60, Ordering::SeqCst);
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now.load(Ordering::SeqCst)).unwrap()
    }

    /// A program of this world, not started yet.
    pub fn command(&self, program: impl AsRef<OsStr>, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_clear();
        let mut places = vec![Path::new(ODYSSEY).parent().unwrap().to_owned()];
        places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        command.env("PATH", std::env::join_paths(places).unwrap());
        command.env("HOME", self.root.join("home"));
        command.env("GIT_CONFIG_GLOBAL", self.root.join("gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C.UTF-8");
        let date = format!("@{} +0000", self.now().as_second());
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        command.env("GIT_ODYSSEY_NOW", self.now().to_string());
        command
    }

    /// Runs `git odyssey` in the main checkout.
    pub fn odyssey(&self, arguments: &[&str]) -> Run {
        self.odyssey_in(&self.main(), arguments)
    }

    /// Runs `git odyssey` in a folder.
    pub fn odyssey_in(&self, folder: &Path, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(ODYSSEY, folder, arguments))
    }

    /// Runs `git odyssey` in a folder, with more in its environment.
    pub fn odyssey_in_with(&self, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        Run::of(self.command(ODYSSEY, folder, arguments).envs(environment.iter().copied()))
    }

    /// Runs git in the main checkout, where it must succeed, and gives what it wrote without the last line feed.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.main(), arguments)
    }

    /// As [`Lab::git`], in a folder.
    pub fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let run = self.try_git_in(folder, arguments);
        assert_eq!(run.code, 0, "git {arguments:?} in {}: {run:#?}", folder.display());
        run.stdout.trim_end_matches('\n').to_owned()
    }

    /// Runs git in a folder, where it may fail.
    pub fn try_git_in(&self, folder: &Path, arguments: &[&str]) -> Run {
        Run::of(&mut self.command("git", folder, arguments))
    }

    /// Writes a file of the main checkout.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        write(&self.main().join(path), bytes);
    }

    /// Commits everything in the main checkout, and gives the commit.
    pub fn commit(&self, message: &str) -> String {
        self.commit_in(&self.main(), message)
    }

    /// Commits everything in a checkout, and gives the commit.
    pub fn commit_in(&self, folder: &Path, message: &str) -> String {
        self.git_in(folder, &["add", "--all"]);
        self.git_in(folder, &["commit", "--quiet", "--message", message]);
        self.git_in(folder, &["rev-parse", "HEAD"])
    }

    /// The whole screen of an answer, for snapshots: places and hashes differ from run to run, and are replaced.
    pub fn screen(&self, run: &Run) -> String {
        let mut screen = self.redacted(&run.stdout);
        if !run.stderr.is_empty() {
            screen.push_str(&format!("--- stderr\n{}", self.redacted(&run.stderr)));
        }
        screen.push_str(&format!("--- exit {}\n", run.code));
        screen
    }

    fn redacted(&self, text: &str) -> String {
        let mut text = text.replace(self.root.to_str().unwrap(), "[LAB]");
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            out.push_str(if is_hash(word) { "[HASH]" } else { word });
            let next = after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&after[..next]);
            rest = &after[next..];
        }
        out
    }
}

/// Seven letters at least, as git shortens them, and not a plain number or word.
fn is_hash(word: &str) -> bool {
    let hex = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
    let mixed =
        word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| !byte.is_ascii_digit());
    word.len() >= 7 && word.bytes().all(hex) && (mixed || word.len() >= 40)
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Run {
        Run::from(command.output().unwrap())
    }

    /// The same answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Run {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// The answer of a command with `--json`.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl From<std::process::Output> for Run {
    fn from(output: std::process::Output) -> Run {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
        Run {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: code.unwrap(),
        }
    }
}

/// Writes a file with the folders above it.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A number from the environment, for tests that can run longer than they do by default.
pub fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn tell_git_version(lab: &Lab) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| eprintln!("tested with {}", lab.git_in(&lab.root, &["version"])));
}
