//! The scene of the bypass tests: one repository in which others hold regions, and those who try to write there.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;

use super::support;
use super::support::Lab;
use super::support::Run;

/// The region that claude-1 holds for the task `auth`, and in which nobody else may write.
pub const HELD: &str = "src/auth/login.rs";

/// Another file of the same region.
pub const TOKEN: &str = "src/auth/token.rs";

/// A file that nobody holds.
pub const FREE: &str = "docs/guide.md";

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A person in the main checkout, on `main`.
    Human,
    /// A person in a linked worktree of their own, on the branch `desk`.
    Desk,
    /// The agent of the task `ui` in its workspace.
    Agent,
    /// The agent of the task `auth`, which holds the region, in its workspace.
    Holder,
}

/// Everybody but the holder.
pub const ALL: &[Who] = &[Who::Human, Who::Desk, Who::Agent];

/// What stops a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Before a commit is made.
    PreCommit,
    /// Before a merge commit is made.
    PreMergeCommit,
    /// Before a branch moves.
    Transaction,
    /// Before anything leaves.
    PrePush,
}

impl Layer {
    /// The hook's name.
    pub fn hook(self) -> &'static str {
        match self {
            Layer::PreCommit => "pre-commit",
            Layer::PreMergeCommit => "pre-merge-commit",
            Layer::Transaction => "reference-transaction",
            Layer::PrePush => "pre-push",
        }
    }
}

/// A repository with a history, leases, and commits at hand that write into a held region.
pub struct Scene {
    /// The world.
    pub lab: Lab,
    /// A commit on top of the common tip that writes into the held region; no ref reaches it.
    pub loose: String,
    /// A commit in everybody's history that wrote into the region before it was held.
    pub past: String,
}

/// What a try led to.
pub struct Tried {
    /// What was tried.
    pub arguments: Vec<String>,
    /// The answer.
    pub run: Run,
    /// The hooks that said no.
    pub refusing: BTreeSet<String>,
    /// What was there before.
    pub before: Option<Picture>,
}

/// All that a refused write must leave as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    branches: String,
    head: String,
    index: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Picture {
    /// What differs, in words; nothing when they are the same.
    pub fn difference(&self, other: &Picture) -> Option<String> {
        if self.branches != other.branches {
            return Some(format!("a branch moved:\n{}\n=>\n{}", self.branches, other.branches));
        }
        if self.head != other.head {
            return Some(format!("HEAD moved: {} => {}", self.head, other.head));
        }
        if self.files != other.files {
            let names = |one: &Picture, two: &Picture| -> Vec<PathBuf> {
                one.files
                    .iter()
                    .filter(|(name, bytes)| two.files.get(*name) != Some(bytes))
                    .map(|(name, _)| name.clone())
                    .collect()
            };
            return Some(format!("files changed: {:?} => {:?}", names(self, other), names(other, self)));
        }
        (self.index != other.index)
            .then(|| format!("the index changed:\n{}\n=>\n{}", self.index, other.index))
    }
}

impl Scene {
    /// Prepares everything. The history and the branches are older than the leases.
    pub fn new() -> Scene {
        let lab = Lab::unprepared();
        let mut history = History::default();
        let policy = "commons = [\"Cargo.lock\"]\n\n[ledger]\nfsync = false\n";
        let seed: &[(&str, &str)] = &[
            ("odyssey.toml", policy),
            ("Cargo.lock", "version = 4\n"),
            (HELD, "fn login() {}\n"),
            (TOKEN, "fn token() {}\n"),
            ("src/ui/page.rs", "fn page() {}\n"),
            (FREE, "guide\n"),
        ];
        history.commit("main", "main", seed);
        history.commit("old-side", "main", &[(TOKEN, "fn token() { side() }\n")]);
        history.commit("old-clash", "main", &[(HELD, "fn login() { clash() }\n")]);
        let past = history.commit("main", "main", &[(HELD, "fn login() { past() }\n")]);
        history.commit("main", "main", &[("README.md", "read me twice\n")]);
        history.commit("old-ahead", "main", &[(HELD, "fn login() { ahead() }\n")]);
        history.branch("topic", "main");
        let loose = history.commit("loose", "main", &[(HELD, "fn login() { loose() }\n")]);
        let commits = history.import(&lab, &lab.main());
        lab.git(&["branch", "--quiet", "-D", "loose"]);
        lab.git(&["reset", "--quiet", "--hard"]);
        let (loose, past) = (commits[loose].clone(), commits[past].clone());
        lab.advance(1);
        lab.git(&["worktree", "add", "--quiet", "../desk", "-b", "desk"]);
        lab.odyssey(&["init"]).ok();
        lab.odyssey(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"]).ok();
        lab.odyssey(&["claim", "ui", "--region", "src/ui/**", "--for", "codex-2"]).ok();
        Scene { lab, loose, past }
    }

    /// Where somebody works.
    pub fn place(&self, who: Who) -> PathBuf {
        match who {
            Who::Human => self.lab.main(),
            Who::Desk => self.lab.root().join("desk"),
            Who::Agent => self.lab.workspace("ui"),
            Who::Holder => self.lab.workspace("auth"),
        }
    }

    /// Another repository with the same history, whose branch `x` writes into the held region.
    pub fn clone(&self) -> String {
        let place = self.lab.root().join("clone");
        if !place.exists() {
            self.lab.git_in(self.lab.root(), &["clone", "--quiet", "main", "clone"]);
            let mut history = History::default();
            history.commit("x", "main", &[(HELD, "fn login() { clone() }\n")]);
            history.import(&self.lab, &place);
        }
        place.to_str().unwrap().to_owned()
    }

    /// The branch that somebody works on.
    pub fn branch(&self, who: Who) -> &'static str {
        match who {
            Who::Human => "main",
            Who::Desk => "desk",
            Who::Agent => "odyssey/ui",
            Who::Holder => "odyssey/auth",
        }
    }

    /// Writes a file where somebody works.
    pub fn write(&self, who: Who, path: &str, text: &str) {
        support::write(&self.place(who).join(path), text);
    }

    /// Reads a file where somebody works.
    pub fn read(&self, who: Who, path: &str) -> String {
        std::fs::read_to_string(self.place(who).join(path)).unwrap()
    }

    /// Runs git where somebody works; it must succeed.
    #[track_caller]
    pub fn git(&self, who: Who, arguments: &[&str]) -> String {
        self.lab.git_in(&self.place(who), arguments)
    }

    /// Edits a file and stages it, as every editor's user does.
    pub fn stage(&self, who: Who, path: &str, text: &str) {
        self.write(who, path, text);
        self.git(who, &["add", path]);
    }

    /// Edits a file and commits it.
    #[track_caller]
    pub fn commit(&self, who: Who, path: &str, text: &str) -> String {
        self.stage(who, path, text);
        self.git(who, &["commit", "--quiet", "-m", &format!("edit {path}")]);
        self.git(who, &["rev-parse", "HEAD"])
    }

    /// A remote `origin` that has what `main` has, and on top of it what a colleague published: `files`.
    pub fn origin(&self, files: &[(&str, &str)]) {
        let root = self.lab.root();
        self.lab.git_in(root, &["clone", "--quiet", "--bare", "--single-branch", "main", "origin.git"]);
        let origin = root.join("origin.git");
        self.lab.git(&["remote", "add", "origin", origin.to_str().unwrap()]);
        self.lab.git(&["fetch", "--quiet", "origin"]);
        self.publish(files);
    }

    /// A colleague elsewhere, where nobody holds anything, publishes a commit.
    pub fn publish(&self, files: &[(&str, &str)]) {
        if files.is_empty() {
            return;
        }
        let mut history = History::default();
        history.commit("main", "main", files);
        history.import(&self.lab, &self.lab.root().join("origin.git"));
    }

    /// Lands what `auth` has done in its region, and lets another agent hold the region.
    pub fn land_and_hold_again(&self) {
        self.commit(Who::Holder, HELD, "fn login() { landed() }\n");
        self.lab.odyssey(&["land", "auth"]).ok();
        self.lab.odyssey(&["claim", "auth-2", "--region", "src/auth/**", "--for", "claude-7"]).ok();
    }

    /// Tries something with git.
    pub fn attempt(&self, who: Who, arguments: &[&str]) -> Tried {
        self.attempt_with(who, arguments, &[])
    }

    /// Tries something with git, with more in its environment.
    pub fn attempt_with(&self, who: Who, arguments: &[&str], environment: &[(&str, &str)]) -> Tried {
        self.attempt_in(&self.place(who), arguments, environment)
    }

    /// Tries something with git in some folder.
    pub fn attempt_in(&self, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Tried {
        let before = Some(self.picture(folder));
        Tried { before, ..self.elsewhere(folder, arguments, environment) }
    }

    /// Tries something with git in a folder that need not be a checkout.
    pub fn elsewhere(&self, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Tried {
        let trace = self.lab.root().join("trace");
        std::fs::remove_file(&trace).ok();
        let mut command = self.lab.command("git", folder, arguments);
        command.env("GIT_TRACE2_EVENT", &trace).envs(environment.iter().copied());
        let run = Run::of(&mut command);
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let refusing = refusing(&std::fs::read_to_string(&trace).unwrap_or_default());
        Tried { arguments, run, refusing, before: None }
    }

    /// What is to be seen where somebody works.
    pub fn picture(&self, folder: &Path) -> Picture {
        let git = |arguments: &[&str]| self.lab.git_in(folder, arguments);
        let mut files = BTreeMap::new();
        collect(folder, folder, &mut files);
        Picture {
            branches: git(&["for-each-ref", "--format=%(objectname:short) %(refname)", "refs/heads"]),
            head: self.lab.try_git_in(folder, &["symbolic-ref", "HEAD"]).stdout
                + &git(&["rev-parse", "HEAD"]),
            index: git(&["ls-files", "--stage"]),
            files,
        }
    }
}

/// Commits to be made all at once, as a stream for `git fast-import`.
#[derive(Default)]
struct History {
    stream: String,
    commits: usize,
    begun: BTreeSet<String>,
}

impl History {
    /// A commit on a branch, which starts at another one if it is new. Answers the commit's number.
    fn commit(&mut self, branch: &str, start: &str, files: &[(&str, &str)]) -> usize {
        self.commits += 1;
        let from = if self.begun.insert(branch.to_owned()) { self.start(start) } else { String::new() };
        self.stream.push_str(&format!("commit refs/heads/{branch}\nmark :{}\n", self.commits));
        self.stream.push_str("committer Ada <ada@example.com> 1795483800 +0000\n");
        let message = format!("work on {branch}\n");
        self.stream.push_str(&format!("data {}\n{message}{from}", message.len()));
        for (path, text) in files {
            self.stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
        }
        self.commits - 1
    }

    fn branch(&mut self, branch: &str, start: &str) {
        let from = self.start(start);
        self.stream.push_str(&format!("reset refs/heads/{branch}\n{from}\n"));
    }

    fn start(&self, branch: &str) -> String {
        // What the stream has not made is in the repository.
        let suffix = if self.begun.contains(branch) && self.commits > 1 { "" } else { "^0" };
        format!("from refs/heads/{branch}{suffix}\n")
    }

    /// Makes them, and gives their names by number.
    fn import(self, lab: &Lab, folder: &Path) -> Vec<String> {
        let marks = lab.root().join("marks");
        let export = format!("--export-marks={}", marks.to_str().unwrap());
        let mut command = lab.command("git", folder, &["fast-import", "--quiet", &export]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.stream.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        let marks = std::fs::read_to_string(marks).unwrap();
        let mut found = vec![String::new(); self.commits];
        for line in marks.lines() {
            let (number, commit) = line[1..].split_once(' ').unwrap();
            found[number.parse::<usize>().unwrap() - 1] = commit.to_owned();
        }
        found
    }
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(".git") || path.ends_with(".odyssey") {
            continue;
        }
        if path.is_dir() {
            collect(top, &path, files);
        } else {
            files.insert(path.strip_prefix(top).unwrap().to_owned(), std::fs::read(&path).unwrap());
        }
    }
}

/// The hooks that ended with another code than 0, as git's own trace tells it.
fn refusing(trace: &str) -> BTreeSet<String> {
    let mut hooks = BTreeMap::new();
    let mut refusing = BTreeSet::new();
    for line in trace.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let child = (event["sid"].to_string(), event["child_id"].to_string());
        match event["event"].as_str() {
            Some("child_start") => {
                if let Some(name) = event["hook_name"].as_str() {
                    hooks.insert(child, name.to_owned());
                }
            }
            Some("child_exit") if event["code"] != 0 => refusing.extend(hooks.remove(&child)),
            _ => {}
        }
    }
    refusing
}
