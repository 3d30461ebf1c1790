//! The yard of the server's tests: a server with its hook, a home where git odyssey is used, and a wild clone.

use std::path::Path;
use std::path::PathBuf;

use super::support;
use super::support::Lab;
use super::support::Run;

/// The region that claude-1 holds for the task `auth`.
pub const HELD: &str = "src/auth/login.rs";

/// Another file of the same region.
pub const TOKEN: &str = "src/auth/token.rs";

/// A server, the home in which tasks are claimed (the lab's `main`), and a clone in which nothing of ours is installed.
pub struct Yard {
    pub lab: Lab,
    pub server: PathBuf,
    wild: PathBuf,
}

impl Yard {
    /// A server with two leases: `auth` with fence 1, and `ui` with fence 2. A minute has passed since.
    pub fn new() -> Yard {
        Yard::of("sha1")
    }

    /// The same with another kind of hash.
    pub fn of(hash: &str) -> Yard {
        let lab = Lab::unprepared();
        // All of the history is older than the leases.
        lab.at("2026-11-24T01:00:00Z");
        if hash != "sha1" {
            std::fs::remove_dir_all(lab.main()).unwrap();
            let format = format!("--object-format={hash}");
            lab.git_in(lab.root(), &["init", "--quiet", &format, "main"]);
        }
        let files = [
            ("odyssey.toml", "commons = [\"Cargo.lock\"]\n\n[ledger]\nfsync = false\n"),
            ("Cargo.lock", "version = 4\n"),
            (HELD, "fn login() {}\n"),
            (TOKEN, "fn token() {}\n"),
            ("src/ui/page.rs", "fn page() {}\n"),
            ("docs/guide.md", "guide\n"),
        ];
        for (path, text) in files {
            lab.write(path, text);
        }
        lab.commit("first");
        let branch = |name: &str, path: &str, text: &str| {
            lab.git(&["checkout", "--quiet", "-b", name, "main"]);
            lab.write(path, text);
            lab.commit(name);
            lab.git(&["checkout", "--quiet", "main"]);
        };
        branch("old-side", TOKEN, "fn token() { side() }\n");
        lab.write(HELD, "fn login() { past() }\n");
        lab.commit("past");
        lab.write("README.md", "read me twice\n");
        lab.commit("readme");
        branch("old-ahead", HELD, "fn login() { ahead() }\n");
        lab.at("2026-11-24T01:30:00Z");
        lab.odyssey(&["init"]).ok();
        lab.odyssey(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"]).ok();
        lab.odyssey(&["claim", "ui", "--region", "src/ui/**", "--for", "codex-2"]).ok();
        lab.advance(1);
        let root = lab.root().to_owned();
        let (server, wild) = (root.join("server.git"), root.join("wild"));
        lab.git_in(&root, &["clone", "--quiet", "--bare", "main", "server.git"]);
        lab.odyssey_in(&server, &["server", "install"]).ok();
        lab.git(&["remote", "add", "origin", server.to_str().unwrap()]);
        lab.git(&["push", "--quiet", "origin", "refs/odyssey/ledger"]);
        lab.git_in(&root, &["clone", "--quiet", "server.git", "wild"]);
        Yard { lab, server, wild }
    }

    /// A new beginning in the wild clone: a branch on what the server's `main` is.
    pub fn begin(&self) {
        self.lab.try_git_in(&self.wild, &["merge", "--abort"]);
        self.git(&["fetch", "--quiet", "--prune", "origin"]);
        self.git(&["reset", "--quiet", "--hard"]);
        self.git(&["clean", "--quiet", "-fd"]);
        self.git(&["checkout", "--quiet", "-B", "work", "origin/main"]);
        for name in ["wild", "other", "good", "made", "mine"] {
            self.lab.try_git_in(&self.wild, &["branch", "-D", name]);
        }
        self.lab.try_git_in(&self.wild, &["tag", "-d", "v1"]);
    }

    /// Runs git in the wild clone.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        self.lab.git_in(&self.wild, arguments)
    }

    /// Writes a file of the wild clone.
    pub fn write(&self, path: &str, text: &str) {
        support::write(&self.wild.join(path), text);
    }

    /// Commits everything in the wild clone.
    pub fn commit(&self, message: &str) {
        self.lab.commit_in(&self.wild, message);
    }

    /// Pushes from the wild clone.
    pub fn push(&self, arguments: &[&str]) -> Run {
        self.lab.try_git_in(
            &self.wild,
            &[&["push"], &options(arguments)[..], &["origin"], &refs(arguments)].concat(),
        )
    }

    /// Pushes from the wild clone, which must succeed.
    #[track_caller]
    pub fn pushed(&self, arguments: &[&str]) {
        let run = self.push(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:#?}");
    }

    /// Pushes from home, past the hook that runs before a push.
    pub fn home_pushes(&self, arguments: &[&str]) -> Run {
        self.home_pushes_with(arguments, &[])
    }

    /// The same with more in the environment, as a server sets it.
    pub fn home_pushes_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let all = [&["push", "--no-verify"], &options(arguments)[..], &["origin"], &refs(arguments)].concat();
        Run::of(self.lab.command("git", &self.lab.main(), &all).envs(environment.iter().copied()))
    }

    /// All refs of the server.
    pub fn server_refs(&self) -> String {
        self.lab.git_in(&self.server, &["for-each-ref", "--format=%(refname) %(objectname)"])
    }

    /// An edit and a commit in a task's workspace.
    pub fn work(&self, task: &str, path: &str, text: &str) {
        let place = self.lab.workspace(task);
        support::write(&place.join(path), text);
        self.lab.commit_in(&place, &format!("work on {task}"));
    }

    /// A hook of somebody else's on the server.
    pub fn plant_hook(&self, event: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.server.join("hooks").join(event);
        support::write(&path, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A commit of the ledger on top of the one at home: some files with another content, or gone; and a parent.
    pub fn ledger_commit(
        &self,
        message: &str,
        files: &[(&str, Option<&str>)],
        parent: Option<&str>,
    ) -> String {
        let index = self.lab.root().join("ledger-index");
        std::fs::remove_file(&index).ok();
        let git = |arguments: &[&str]| {
            let mut command = self.lab.command("git", &self.lab.main(), arguments);
            Run::of(command.env("GIT_INDEX_FILE", &index)).ok().stdout.trim().to_owned()
        };
        git(&["read-tree", "refs/odyssey/ledger"]);
        for (path, text) in files {
            match text {
                Some(text) => {
                    let blob = self.blob(text);
                    git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
                }
                None => drop(git(&["rm", "--quiet", "--cached", "--", path])),
            }
        }
        let tree = git(&["write-tree"]);
        let mut arguments = vec!["commit-tree", &tree, "-m", message];
        let parent = parent.unwrap_or("refs/odyssey/ledger");
        if !parent.is_empty() {
            arguments.extend(["-p", parent]);
        }
        git(&arguments)
    }

    /// A blob at home with this text.
    pub fn blob(&self, text: &str) -> String {
        let file = self.lab.root().join("blob");
        support::write(&file, text);
        self.lab.git(&["hash-object", "-w", "--no-filters", file.to_str().unwrap()])
    }

    /// The branch `long` of the wild clone: many commits that write where they may, but one.
    pub fn history(&self, commits: usize, held_in: Option<usize>) {
        let mut stream = String::from("reset refs/heads/long\nfrom refs/remotes/origin/main^0\n\n");
        for number in 0..commits {
            let path = if held_in == Some(number) { HELD } else { "docs/long.md" };
            let text = format!("{number}\n");
            stream.push_str("commit refs/heads/long\ncommitter Ada <ada@example.com> 1795483800 +0000\n");
            stream.push_str(&format!("data 1\nx\nM 100644 inline {path}\ndata {}\n{text}\n", text.len()));
        }
        fed(&self.lab, &self.wild, &["fast-import", "--quiet", "--force"], &stream);
    }
}

/// Runs git with an input, which must succeed.
fn fed(lab: &Lab, folder: &Path, arguments: &[&str], input: &str) {
    use std::io::Write;
    let mut command = lab.command("git", folder, arguments);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The options among the arguments of a push, which stand before the remote; `-o` takes the next argument.
fn options<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let split = split(arguments);
    arguments[..split].to_vec()
}

fn refs<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let split = split(arguments);
    arguments[split..].to_vec()
}

fn split(arguments: &[&str]) -> usize {
    let mut split = 0;
    while let Some(argument) = arguments.get(split).filter(|argument| argument.starts_with('-')) {
        split += if *argument == "-o" { 2 } else { 1 };
    }
    split
}
