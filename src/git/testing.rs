//! Repositories for the tests of this room: made anew, with fixed names and no configuration but their own.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::BString;
use super::Oid;
use super::repo::Repo;
use super::run::Git;

/// Keeps the configuration of whoever runs the tests away from git.
pub(super) fn isolate(command: &mut Command) {
    let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
    command.env("GIT_CONFIG_GLOBAL", nothing).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("HOME", std::env::temp_dir().join("git-odyssey-nobody")).env_remove("XDG_CONFIG_HOME");
    command.env("GIT_TERMINAL_PROMPT", "0");
}

/// A repository in a folder of its own, removed at the end of the test.
pub(super) struct Sandbox {
    root: PathBuf,
    _owner: Option<tempfile::TempDir>,
}

impl Sandbox {
    /// A repository with one commit that holds `README.md`, on the branch `main`.
    pub fn new() -> Sandbox {
        let owner = tempfile::tempdir().unwrap();
        // Its real path: git writes no other.
        let sandbox = Sandbox { root: owner.path().canonicalize().unwrap(), _owner: Some(owner) };
        run(&sandbox.root, &["init", "-q", "-b", "main", "main"]);
        for (key, value) in
            [("user.name", "Ada"), ("user.email", "ada@example.com"), ("commit.gpgSign", "false")]
        {
            sandbox.git(&["config", key, value]);
        }
        sandbox.write("README.md", "read me\n");
        sandbox.commit("first");
        sandbox
    }

    /// The same repository in a child process, which does not remove it.
    pub fn shared(root: impl Into<PathBuf>) -> Sandbox {
        Sandbox { root: root.into(), _owner: None }
    }

    /// The folder that holds everything of the test.
    pub fn root(&self) -> PathBuf {
        self.root.clone()
    }

    /// The main checkout.
    pub fn main(&self) -> PathBuf {
        self.root().join("main")
    }

    /// The main checkout, opened anew.
    pub fn repo(&self) -> Repo {
        Repo::open(&self.main()).unwrap()
    }

    /// Runs git in the main checkout, which must succeed.
    pub fn git(&self, arguments: &[&str]) -> String {
        run(&self.main(), arguments)
    }

    /// Writes a file of the main checkout.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        write(&self.main().join(path), bytes);
    }

    /// A file of the main checkout as text, without the last line feed.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.main().join(path)).unwrap().trim_end_matches('\n').to_owned()
    }

    /// Commits everything in the main checkout.
    pub fn commit(&self, message: &str) -> Oid {
        commit(&self.main(), message)
    }
}

/// Runs git, which must succeed, and gives what it wrote without the last line feed.
pub(super) fn run(folder: &Path, arguments: &[&str]) -> String {
    let answer = dated(Git::at(folder).args(arguments)).run().unwrap();
    String::from_utf8(answer).unwrap().trim_end_matches('\n').to_owned()
}

/// Commits everything in a checkout.
pub(super) fn commit(folder: &Path, message: &str) -> Oid {
    run(folder, &["add", "-A"]);
    run(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    run(folder, &["rev-parse", "HEAD"]).parse().unwrap()
}

/// A fixed person and date, so that the same commits have the same names in every run.
fn dated(git: Git) -> Git {
    let git = git.env("GIT_AUTHOR_NAME", "Ada").env("GIT_AUTHOR_EMAIL", "ada@example.com");
    let git = git.env("GIT_COMMITTER_NAME", "Ada").env("GIT_COMMITTER_EMAIL", "ada@example.com");
    git.env("GIT_AUTHOR_DATE", "@1700000000 +0000").env("GIT_COMMITTER_DATE", "@1700000000 +0000")
}

/// Writes a file with the folders above it.
#[expect(clippy::disallowed_methods, reason = "tests plant files as people do, in place")]
pub(super) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Lets a hook run.
pub(super) fn make_executable(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let _ = path;
}

/// Every file below a folder with its bytes, without `.git`; links count as what they hold.
pub(super) fn contents(folder: &Path) -> Vec<(PathBuf, BString)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if entry.file_name() == ".git" {
                continue;
            } else if kind.is_dir() {
                folders.push(entry.path());
            } else {
                let bytes = if kind.is_symlink() {
                    let target = std::fs::read_link(entry.path()).unwrap();
                    super::paths::to_git(&target).unwrap()
                } else {
                    std::fs::read(entry.path()).unwrap().into()
                };
                found.push((entry.path().strip_prefix(folder).unwrap().to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

/// Starts this very test binary again, to play one test with a request in its environment.
#[expect(clippy::disallowed_methods, reason = "a child that can be killed")]
pub(super) fn child(test: &str, request: &[(&str, &OsStr)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]);
    command.envs(request.iter().map(|(name, value)| (format!("ODYSSEY_TEST_{name}"), value)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What the parent asked of this process; nothing in the parent itself, where the test has nothing to do.
#[expect(clippy::disallowed_methods, reason = "the request from the parent")]
pub(super) fn asked(name: &str) -> Option<OsString> {
    std::env::var_os(format!("ODYSSEY_TEST_{name}"))
}

/// Kills a child without warning at a moment after its start, unless it ended before; says whether it was killed.
pub(super) fn kill_after(mut child: Child, moment: Duration) -> bool {
    std::thread::sleep(moment);
    let ended = child.try_wait().unwrap().is_some();
    let _ = child.kill();
    child.wait().unwrap();
    !ended
}

/// How long a child takes when nobody kills it; it must succeed.
pub(super) fn time(mut child: Child) -> Duration {
    let start = Instant::now();
    assert!(child.wait().unwrap().success(), "the child fails even when nobody kills it");
    start.elapsed()
}

/// Numbers that look random and are the same in every run.
pub(super) struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    /// A text with some lines changed, removed or added.
    pub fn edit(&mut self, lines: &[String], edits: usize) -> Vec<String> {
        let mut lines = lines.to_vec();
        for _ in 0..edits {
            let at = self.roll(lines.len() + 1);
            // Few different lines, so that sides meet and matches are ambiguous.
            let line = format!("{}\n", ["a", "b", "}", "", "same", "x = 1"][self.roll(6)]);
            match self.roll(3) {
                0 if at < lines.len() => lines[at] = line,
                1 if at < lines.len() => drop(lines.remove(at)),
                _ => lines.insert(at, line),
            }
        }
        lines
    }
}
