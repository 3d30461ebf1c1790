//! The whole story: people and agents work on one repository of 1,700 files for a day, and nothing of anybody's is lost.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

#[path = "story/history.rs"]
mod history;
mod support;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;
use std::sync::Mutex;

use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;
use support::Run;

/// With this every line begins that somebody writes in the story.
const MARK: &str = "# story: ";

/// A world, and all that was written in it.
struct Story {
    lab: Lab,
    written: Mutex<BTreeSet<String>>,
}

impl Story {
    fn begin() -> Story {
        let lab = Lab::unprepared();
        let history = history::repository();
        lab.git(&["fetch", "--quiet", history.to_str().unwrap(), "main"]);
        lab.git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        let files = lab.git(&["ls-files"]).lines().count();
        assert!(files > 1_000, "only {files} files");
        lab.write("odyssey.toml", "commons = [\"CHANGELOG.md\"]\n");
        lab.commit("what all agree on");
        Story { lab, written: Mutex::new(BTreeSet::new()) }
    }

    /// Somebody writes a line of their own at the end of a file.
    fn append(&self, folder: &Path, path: &str, line: &str) {
        let line = self.note(line);
        let mut text = std::fs::read(folder.join(path)).unwrap_or_default();
        text.extend_from_slice(line.as_bytes());
        support::write(&folder.join(path), text);
    }

    /// Somebody writes a line of their own as the first of a file.
    fn prepend(&self, folder: &Path, path: &str, line: &str) {
        let mut text = self.note(line).into_bytes();
        text.extend(std::fs::read(folder.join(path)).unwrap_or_default());
        support::write(&folder.join(path), text);
    }

    fn note(&self, line: &str) -> String {
        let line = format!("{MARK}{line}");
        assert!(self.written.lock().unwrap().insert(line.clone()), "written twice: {line}");
        line + "\n"
    }

    #[track_caller]
    fn odyssey(&self, arguments: &[&str]) -> Run {
        self.lab.odyssey(arguments).ok()
    }

    /// A claim that goes on in the background.
    fn waiting_claim(&self, arguments: &[&str]) -> Child {
        let mut command = self.lab.command(support::ODYSSEY, &self.lab.main(), arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn main_tip(&self) -> String {
        self.lab.git(&["rev-parse", "main"])
    }

    /// What a refused landing must leave as it was: the branches, the ledger, the main checkout.
    fn state(&self) -> (String, String, String) {
        let refs = self.lab.git(&["for-each-ref", "refs/heads", "refs/odyssey/ledger"]);
        (
            refs,
            self.lab.git(&["status", "--porcelain", "--untracked-files=all"]),
            self.lab.git(&["diff", "HEAD"]),
        )
    }

    /// Every line of the story that is in `main`, in a checkout, or in salvage.
    fn found(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut commits = vec!["main".to_owned()];
        let saved = self.lab.git(&["for-each-ref", "--format=%(objectname)", "refs/odyssey/salvage"]);
        commits.extend(saved.lines().map(str::to_owned));
        for commit in commits {
            let run = self.lab.try_git_in(&self.lab.main(), &["grep", "-h", "-F", "-e", MARK, &commit]);
            found.extend(run.stdout.lines().map(str::to_owned));
        }
        for line in self.lab.git(&["worktree", "list", "--porcelain"]).lines() {
            let Some(path) = line.strip_prefix("worktree ") else { continue };
            collect(Path::new(path), &mut found);
        }
        found
    }
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(".git") {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            found.extend(text.lines().filter(|line| line.starts_with(MARK)).map(str::to_owned));
        }
    }
}

/// Everything below `.git` that git odyssey must leave as it found it, with contents and modes.
fn settings(lab: &Lab) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt;
    let git = lab.main().join(".git");
    let mut found = BTreeMap::new();
    let mut paths = vec![git.join("config"), git.join("info/exclude"), git.join("config.worktree")];
    paths.extend(std::fs::read_dir(git.join("hooks")).unwrap().map(|entry| entry.unwrap().path()));
    for path in paths.into_iter().filter(|path| path.exists()) {
        let mode = path.metadata().unwrap().permissions().mode();
        let bytes = std::fs::read(&path).unwrap();
        found.insert(path, (mode, bytes));
    }
    found
}

/// A hook that the repository's people had before: it notes each commit.
fn plant_hook(lab: &Lab) {
    use std::os::unix::fs::PermissionsExt;
    let path = lab.main().join(".git/hooks/pre-commit");
    support::write(&path, "#!/bin/sh\necho \"$PWD\" >> \"$(git rev-parse --git-common-dir)/commits-seen\"\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn nothing_of_anybodys_is_lost_in_a_day_of_work_by_people_and_agents() {
    let story = Story::begin();
    plant_hook(&story.lab);
    let before = settings(&story.lab);
    let init = story.odyssey(&["init"]);
    // By which way hooks are installed is for git's version to say.
    let screen = story.lab.screen(&init).replace("in the hooks folder", "[HOOKS]");
    assert_data_eq!(
        screen.replace("by git's configuration", "[HOOKS]"),
        str![[r#"
prepared [LAB]/main
  ledger  refs/odyssey/ledger
  hooks   [HOOKS]
  tasks land on main
  begin a task: git odyssey claim TASK --region 'src/auth/**'
--- exit 0

"#]]
    );

    two_agents_and_a_person_work_at_the_same_time(&story);
    an_agent_is_cut_off_and_another_goes_on(&story);
    work_lands_checked_squashed_and_rebased(&story);
    a_persons_edit_is_in_the_way(&story);
    a_conflict_is_for_a_person(&story);
    work_is_given_up_and_brought_back(&story);

    let uninstall = story.odyssey(&["uninstall"]);
    assert_data_eq!(
        story.lab.screen(&uninstall),
        str![[r#"
git odyssey is out of this repository
  kept 4 saved states under refs/odyssey/salvage
--- exit 0

"#]]
    );
    assert_eq!(settings(&story.lab), before);
    assert_eq!(story.lab.git(&["for-each-ref", "refs/odyssey/ledger"]), "");

    let written = story.written.lock().unwrap().clone();
    let found = story.found();
    let lost: Vec<&String> = written.difference(&found).collect();
    assert!(lost.is_empty(), "lost: {lost:#?}");
    assert!(written.len() > 30, "only {} lines were written", written.len());
    let seen = std::fs::read_to_string(story.lab.main().join(".git/commits-seen")).unwrap();
    assert!(seen.lines().count() >= 14, "the hook that was here before ran only for:\n{seen}");
    story.lab.git(&["fsck", "--no-dangling", "--no-progress"]);
}

fn two_agents_and_a_person_work_at_the_same_time(story: &Story) {
    let lab = &story.lab;
    story.odyssey(&["claim", "resolver", "--region", "src/cargo/core/resolver/**", "--for", "claude-1"]);
    let registry =
        ["claim", "registry", "--region", "src/cargo/sources/**", "--for", "codex-2", "--ttl", "9h"];
    story.odyssey(&registry);
    let index = ["claim", "index", "--region", "src/cargo/sources/registry/**", "--for", "gemini-3"];
    let refused = lab.odyssey(&index);
    assert_data_eq!(
        lab.screen(&refused),
        str![[r#"
--- stderr
error: cannot claim index
  src/cargo/sources/registry/** is held by registry (codex-2, agent) as src/cargo/sources/**, 9h left
hint: to wait until all is free, run the same command with --wait
--- exit 3

"#]]
    );

    std::thread::scope(|threads| {
        threads.spawn(|| {
            let workspace = lab.workspace("resolver");
            for round in 0..4 {
                story.append(
                    &workspace,
                    "src/cargo/core/resolver/mod.rs",
                    &format!("claude-1 in round {round}"),
                );
                lab.commit_in(&workspace, "resolver");
            }
        });
        threads.spawn(|| {
            let workspace = lab.workspace("registry");
            for round in 0..4 {
                story.append(&workspace, "src/cargo/sources/path.rs", &format!("codex-2 in round {round}"));
                story.append(
                    &workspace,
                    "src/cargo/sources/new.rs",
                    &format!("codex-2, new, in round {round}"),
                );
                lab.commit_in(&workspace, "registry");
            }
        });
        threads.spawn(|| {
            for round in 0..6 {
                story.append(&lab.main(), "src/doc/README.md", &format!("Ada in round {round}"));
                lab.git(&["add", "src/doc/README.md"]);
                story.append(&lab.main(), "README.md", &format!("Ada, not staged, in round {round}"));
                lab.git(&["commit", "--quiet", "-m", "documentation"]);
            }
            lab.git(&["commit", "--quiet", "-a", "-m", "the readme"]);
        });
    });
    let status = story.odyssey(&["status"]);
    assert_data_eq!(
        lab.screen(&status),
        str![[r#"
TASK      HOLDER    LEFT  COMMITS  EDITS  REGIONS                     WHERE
registry  codex-2   9h    +4 -7    0      src/cargo/sources/**        [LAB]/main.odyssey/registry
resolver  claude-1  1h    +4 -7    0      src/cargo/core/resolver/**  [LAB]/main.odyssey/resolver
--- exit 0

"#]]
    );
}

fn an_agent_is_cut_off_and_another_goes_on(story: &Story) {
    let lab = &story.lab;
    let workspace = lab.workspace("resolver");
    story.append(&workspace, "src/cargo/core/resolver/encode.rs", "claude-1, not committed");
    story.append(&workspace, "src/cargo/core/resolver/untracked.rs", "claude-1, not even known to git");
    lab.advance(61);

    let core = ["claim", "core", "--region", "src/cargo/core/**", "--for", "gemini-3"];
    let told = lab.odyssey(&core);
    assert_data_eq!(
        lab.screen(&told),
        str![[r#"
--- stderr
error: cannot claim core
  src/cargo/core/** is claimed by parked work of resolver (claude-1, agent) as src/cargo/core/resolver/**
hint: choose: --wait until it has landed; --stack to build on its commits;
hint:   --take-over to have its regions, its work saved; or go on with it: git odyssey resume resolver
--- exit 3

"#]]
    );
    // The former holder has not noticed yet.
    let status = story.odyssey(&["show", "resolver"]);
    assert!(status.stdout.contains("expired") || status.stdout.contains("parked"), "{status:#?}");

    let resumed = story.odyssey(&["resume", "resolver", "--for", "claude-4"]);
    assert_data_eq!(
        lab.screen(&resumed),
        str![[r#"
resumed resolver for claude-4, fence 3, for 1h
[LAB]/main.odyssey/resolver
--- exit 0

"#]]
    );
    let fenced = |program: &str, arguments: &[&str]| {
        let mut command = lab.command(program, &workspace, arguments);
        Run::of(command.env("GIT_ODYSSEY_TASK", "resolver").env("GIT_ODYSSEY_FENCE", "1"))
    };
    let commit = fenced("git", &["commit", "-a", "-m", "late"]);
    assert_data_eq!(
        lab.screen(&commit),
        str![[r#"
--- stderr
error: resolver was granted anew with fence 3 to claude-4; fence 1 may not write
hint: stop writing here; your files stay as they are
hint: see who has it now: git odyssey show resolver
--- exit 1

"#]]
    );
    assert_eq!(fenced("git", &["commit", "-a", "--no-verify", "-m", "late"]).code, 128);
    assert_eq!(fenced(support::ODYSSEY, &["renew"]).code, 5);
    assert_eq!(fenced(support::ODYSSEY, &["land"]).code, 5);
    assert_eq!(fenced(support::ODYSSEY, &["park"]).code, 5);
    assert_eq!(fenced(support::ODYSSEY, &["abandon"]).code, 5);

    lab.commit_in(&workspace, "what claude-1 had left");
    story.append(&workspace, "src/cargo/core/resolver/mod.rs", "claude-4");
    lab.commit_in(&workspace, "resolver, the end");
}

fn work_lands_checked_squashed_and_rebased(story: &Story) {
    let lab = &story.lab;
    let before = story.state();
    let refused = lab.odyssey(&["land", "resolver", "--check", "sh -c 'echo it does not build; false'"]);
    assert_data_eq!(
        lab.screen(&refused),
        str![[r#"
--- stderr
error: the check failed: `sh -c 'echo it does not build; false'` ended with exit code 1:
it does not build
--- exit 1

"#]]
    );
    assert_eq!(story.state(), before);

    let check = "grep -q claude-4 src/cargo/core/resolver/mod.rs";
    let landed = story.odyssey(&["land", "resolver", "--check", check]);
    assert_data_eq!(
        lab.screen(&landed),
        str![[r#"
landed resolver on main: 6 commits, main is now [HASH]
  updated [LAB]/main
  removed its workspace and branch
--- exit 0

"#]]
    );
    assert!(!lab.workspace("resolver").exists());

    let index =
        ["claim", "index", "--region", "src/cargo/sources/registry/**", "--for", "gemini-3", "--wait=10m"];
    let waiting = story.waiting_claim(&index);
    let tip = story.main_tip();
    story.odyssey(&["land", "registry", "--squash"]);
    assert_eq!(lab.git(&["rev-list", "--count", &format!("{tip}..main")]), "1");
    let granted = Run::from(waiting.wait_with_output().unwrap()).ok();
    assert!(granted.stdout.contains("granted index to gemini-3"), "{granted:#?}");

    let workspace = lab.workspace("index");
    for round in 0..2 {
        story.append(
            &workspace,
            "src/cargo/sources/registry/index/mod.rs",
            &format!("gemini-3 in round {round}"),
        );
        lab.commit_in(&workspace, "index");
    }
    story.append(&lab.main(), "src/doc/README.md", "Ada, meanwhile");
    lab.commit("meanwhile");
    let tip = story.main_tip();
    story.odyssey(&["land", "index", "--rebase"]);
    assert_eq!(lab.git(&["rev-list", "--count", &format!("{tip}..main")]), "2");
    assert_eq!(lab.git(&["rev-list", "--count", "--merges", &format!("{tip}..main")]), "0");
}

fn a_persons_edit_is_in_the_way(story: &Story) {
    let lab = &story.lab;
    story.odyssey(&["claim", "changes", "--region", "CHANGELOG.md", "--for", "claude-1"]);
    let workspace = lab.workspace("changes");
    story.append(&workspace, "CHANGELOG.md", "claude-1 at the end");
    lab.commit_in(&workspace, "changes");
    story.prepend(&lab.main(), "CHANGELOG.md", "Ada at the beginning");
    let before = story.state();
    let refused = lab.odyssey(&["land", "changes"]);
    assert_data_eq!(
        lab.screen(&refused),
        str![[r#"
--- stderr
error: uncommitted edits in [LAB]/main are in the way: CHANGELOG.md
hint: nothing was touched; commit these edits (or move them away), then land again
hint: or let them go along, uncommitted: git odyssey review changes --edits
--- exit 4

"#]]
    );
    assert_eq!(story.state(), before);

    lab.git(&["commit", "--quiet", "-m", "changes by hand", "CHANGELOG.md"]);
    let landed = story.odyssey(&["land", "changes"]);
    assert_data_eq!(
        lab.screen(&landed),
        str![[r#"
landed changes on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  removed its workspace and branch
--- exit 0

"#]]
    );
    let text = std::fs::read_to_string(lab.main().join("CHANGELOG.md")).unwrap();
    assert!(text.starts_with("# story: Ada") && text.ends_with("claude-1 at the end\n"));
}

fn a_conflict_is_for_a_person(story: &Story) {
    let lab = &story.lab;
    story.odyssey(&["claim", "notes", "--region", "src/doc/**", "--for", "claude-1"]);
    let workspace = lab.workspace("notes");
    story.append(&workspace, "CHANGELOG.md", "claude-1, in conflict");
    lab.commit_in(&workspace, "notes");
    story.append(&lab.main(), "CHANGELOG.md", "Ada, in conflict");
    lab.commit("changes by hand again");
    let before = story.state();
    let conflict = lab.odyssey(&["land", "notes"]);
    assert_data_eq!(
        lab.screen(&conflict),
        str![[r#"
--- stderr
error: notes conflicts with main in 1 file
CHANGELOG.md (both changed the same lines)
  line 6
    main has
      | # story: Ada, in conflict
    notes has
      | # story: claude-1, in conflict
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review notes
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

"#]]
    );
    assert_eq!(story.state(), before);

    let merge = lab.try_git_in(&workspace, &["merge", "--quiet", "main"]);
    assert_eq!(merge.code, 1, "{merge:#?}");
    let text = std::fs::read_to_string(workspace.join("CHANGELOG.md")).unwrap();
    let markers = ["<<<<<<<", "=======", ">>>>>>>"];
    let both = text.lines().filter(|line| !markers.iter().any(|marker| line.starts_with(marker)));
    let both: String = both.map(|line| format!("{line}\n")).collect();
    support::write(&workspace.join("CHANGELOG.md"), both);
    lab.git_in(&workspace, &["commit", "--quiet", "-a", "--no-edit"]);
    story.odyssey(&["land", "notes"]);
}

fn work_is_given_up_and_brought_back(story: &Story) {
    let lab = &story.lab;
    story.odyssey(&["claim", "util", "--region", "src/cargo/util/**", "--for", "codex-2"]);
    let workspace = lab.workspace("util");
    story.append(&workspace, "src/cargo/util/mod.rs", "codex-2, committed");
    lab.commit_in(&workspace, "util");
    story.append(&workspace, "src/cargo/util/mod.rs", "codex-2, staged");
    lab.git_in(&workspace, &["add", "--all"]);
    story.append(&workspace, "src/cargo/util/mod.rs", "codex-2, not staged");
    story.append(&workspace, "src/cargo/util/untracked.rs", "codex-2, untracked");
    // `.gitignore` names it, and it is worth something.
    story.append(&workspace, "config.mk", "codex-2, ignored");
    let mut had = BTreeMap::new();
    for path in ["src/cargo/util/mod.rs", "src/cargo/util/untracked.rs", "config.mk"] {
        had.insert(path, std::fs::read(workspace.join(path)).unwrap());
    }
    // Not the copy of the lease: the lease ends.
    let status = || lab.git_in(&workspace, &["status", "--porcelain", "--ignored", "--", ":!.odyssey"]);
    let before = status();

    let abandoned = story.odyssey(&["abandon", "util", "--reason", "it leads nowhere"]);
    assert_data_eq!(
        lab.screen(&abandoned),
        str![[r#"
abandoned util
  removed its workspace; what was in it is saved as [HASH]
  bring it back: git odyssey salvage restore util
--- exit 0

"#]]
    );
    assert!(!workspace.exists());
    lab.git(&["gc", "--quiet", "--prune=now"]);
    let list = story.odyssey(&["salvage", "list"]);
    assert_data_eq!(
        lab.screen(&list),
        str![[r#"
index     [HASH]  2026-11-24T02:31:00Z  land index
registry  [HASH]  2026-11-24T02:31:00Z  land registry
resolver  [HASH]  2026-11-24T02:31:00Z  taken over
util      [HASH]  2026-11-24T02:31:00Z  it leads nowhere
--- exit 0

"#]]
    );
    let restored = story.odyssey(&["salvage", "restore", "util"]);
    assert_data_eq!(
        lab.screen(&restored),
        str![[r#"
restored util
[LAB]/main.odyssey/util
  it has no lease; the salvage commit stays where it is
--- exit 0

"#]]
    );
    for (path, bytes) in had {
        assert!(std::fs::read(workspace.join(path)).unwrap() == bytes, "{path} is not as it was");
    }
    assert_eq!(status(), before);
}
