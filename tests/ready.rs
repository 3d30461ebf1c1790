//! Workspaces that are ready at once: kept trees, sparse ones, and what each gets for its own.

#![allow(clippy::unwrap_used, reason = "a session that cannot begin fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

use std::path::Path;

use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;
use support::process::Barrier;
use support::session::Session;

/// What no other task may ever see.
const SECRET: &str = "SECRET-OF-THE-FIRST-TASK";

fn lab_with(policy: &str) -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", format!("{policy}\n[ledger]\nfsync = false\n"));
    lab.write(".gitignore", "*.env\n*.key\ntarget/\ncache/\n");
    for name in ["auth/login", "auth/token", "api/list", "api/made/types"] {
        lab.write(&format!("src/{name}.rs"), format!("// {name}\n"));
    }
    lab.write("docs/ä b.md", "a guide\n");
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab
}

/// The paths below a folder, sorted, without git's own and ours.
fn listed(top: &Path) -> Vec<String> {
    let mut found: Vec<String> = all_files(top)
        .iter()
        .map(|path| path.strip_prefix(top).unwrap().to_str().unwrap().replace('\\', "/"))
        .filter(|path| path != ".git" && !path.starts_with(".odyssey/"))
        .collect();
    found.sort();
    found
}

fn all_files(top: &Path) -> Vec<std::path::PathBuf> {
    let (mut folders, mut found) = (vec![top.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() { &mut folders } else { &mut found }.push(entry.path());
        }
    }
    found
}

#[test]
fn nothing_of_one_task_leaks_into_the_next() {
    let lab = lab_with(
        "[workspace]\ncopy = [\"copied.env\"]\ntemplates = [\"made.env.template\"]\n[pool]\nsize = 1",
    );
    lab.write("made.env.template", "PORT={port}\n");
    lab.commit("a template");
    lab.write("copied.env", "of all\n");
    lab.odyssey(&["claim", "first", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = lab.workspace("first");
    for name in
        ["copied.env", "made.env", "deep/er/own.env", "src/auth/x.key", "cache/x/y", "target-not/z.key"]
    {
        support::write(&first.join(name), format!("{SECRET}\n"));
    }
    support::write(&first.join("target/debug/out.o"), "a build\n");
    support::write(&first.join("src/auth/login.rs"), "// better\n");
    lab.git(&["config", "extensions.worktreeConfig", "true"]);
    lab.git_in(&first, &["config", "--worktree", "odyssey.test", SECRET]);
    lab.git_in(&first, &["update-ref", "refs/worktree/mine", "HEAD"]);
    lab.commit_in(&first, SECRET);
    lab.odyssey(&["land", "first", "--squash"]).ok();
    assert_eq!(lab.odyssey(&["pool", "--json"]).ok().json()["result"]["ready"], 1);

    lab.odyssey(&["claim", "second", "--region", "src/**", "--for", "claude-2"]).ok();
    let second = lab.workspace("second");
    assert_eq!(
        lab.odyssey(&["pool", "--json"]).ok().json()["result"]["ready"],
        0,
        "the second has that tree"
    );
    let private = lab.main().join(".git/worktrees/second");
    for file in all_files(&second).into_iter().chain(all_files(&private)) {
        let bytes = std::fs::read(&file).unwrap();
        let leaks = bytes.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes());
        assert!(!leaks, "{} has what the first task left", file.display());
    }
    assert_eq!(std::fs::read_to_string(second.join("target/debug/out.o")).unwrap(), "a build\n");
    assert_eq!(std::fs::read_to_string(second.join("copied.env")).unwrap(), "of all\n");
    assert_eq!(lab.git_in(&second, &["for-each-ref", "refs/worktree"]), "");
    assert_eq!(lab.git_in(&second, &["reflog", "HEAD"]).lines().count(), 1);
    assert_eq!(lab.git_in(&second, &["status", "--porcelain"]), "");
    assert_eq!(lab.git_in(&second, &["diff", "main", "--name-only"]), "");
    // And nothing of it is lost.
    assert!(lab.odyssey(&["salvage", "list"]).ok().stdout.contains("first"));
}

#[test]
fn a_pool_is_shown_filled_drained_and_gone_after_uninstall() {
    let lab = lab_with("");
    let mut session = Session::of(&lab);
    session.run(&["pool"]);
    lab.write("odyssey.toml", "[pool]\nsize = 2\n");
    lab.commit("two trees are kept");
    session.run(&["pool", "--fill"]).run(&["pool"]).run(&["pool", "--drain"]).run(&["pool", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey pool
--- stderr
error: this repository keeps no trees
hint: say how many in odyssey.toml: [pool] size = 4
--- exit 1

$ git odyssey pool --fill
made 2 trees
2 of 2 ready in [LAB]/main.odyssey/.pool
--- exit 0

$ git odyssey pool
2 of 2 ready in [LAB]/main.odyssey/.pool
--- exit 0

$ git odyssey pool --drain
deleted 2 trees
0 of 2 ready in [LAB]/main.odyssey/.pool
--- exit 0

$ git odyssey pool --json
{
  "command": "pool",
  "ok": true,
  "result": {
    "folder": "[LAB]/main.odyssey/.pool",
    "ready": 0,
    "size": 2
  },
  "version": 1
}
--- exit 0


"#]]
    );
    lab.odyssey(&["pool", "--fill"]).ok();
    assert_eq!(lab.git(&["worktree", "list"]).lines().count(), 1);
    lab.odyssey(&["uninstall"]).ok();
    assert!(!lab.root().join("main.odyssey/.pool").exists());
}

#[test]
fn a_tree_that_was_written_into_is_told_of_and_kept() {
    let lab = lab_with("[pool]\nsize = 1");
    lab.odyssey(&["claim", "first", "--region", "src/**", "--for", "claude-1"]).ok();
    lab.odyssey(&["release", "first"]).ok();
    let tree = lab.root().join("main.odyssey/.pool/1/files");
    support::write(&tree.join("src/auth/late.rs"), "// late\n");
    lab.odyssey(&["claim", "second", "--region", "src/**", "--for", "claude-2"]).ok();
    assert!(!lab.workspace("second").join("src/auth/late.rs").exists());
    let doctor = lab.odyssey(&["doctor", "--json"]).json();
    let what = doctor["result"]["findings"][0]["what"].as_str().unwrap();
    let place = what.rsplit_once(": ").unwrap().1;
    assert_eq!(
        std::fs::read_to_string(Path::new(place).join("files/src/auth/late.rs")).unwrap(),
        "// late\n"
    );
}

#[test]
fn eight_claims_at_once_share_three_trees_and_each_is_whole() {
    let lab = lab_with("[pool]\nsize = 3");
    lab.odyssey(&["pool", "--fill"]).ok();
    let mut barrier = Barrier::closed();
    let tasks: Vec<String> = (0..8).map(|number| format!("task-{number}")).collect();
    for task in &tasks {
        let region = format!("new/{task}/**");
        barrier.add(&lab, &lab.main(), &["claim", task, "--region", &region, "--for", "agent"]);
    }
    for answer in barrier.answers() {
        answer.ok();
    }
    for task in &tasks {
        let place = lab.workspace(task);
        assert_eq!(lab.git_in(&place, &["status", "--porcelain", "--ignored"]), "!! .odyssey/");
        assert_eq!(
            listed(&place),
            lab.git(&["-c", "core.quotePath=false", "ls-files"]).lines().collect::<Vec<_>>()
        );
    }
    assert_eq!(lab.odyssey(&["pool", "--json"]).ok().json()["result"]["ready"], 0);
}

#[test]
fn each_workspace_has_a_port_and_a_name_of_its_own() {
    let policy = "[workspace]\nports = \"23450-23459\"\ntemplates = [\"local.env.template\"]\n\
                  setup = [[\"sh\", \"-c\", \"echo {slug} {port} $GIT_ODYSSEY_SLUG $GIT_ODYSSEY_PORT > set.key\"]]";
    let lab = lab_with(policy);
    lab.write("local.env.template", "URL=http://localhost:{port}/\nDB=app_{slug}\nKEEP=${HOME}{x}\n");
    lab.commit("a template");
    let mut ports = Vec::new();
    for task in ["Fix_1", "fix-2", "fix-3"] {
        let region = format!("new/{task}/**");
        lab.odyssey(&["claim", task, "--region", &region, "--for", "agent"]).ok();
        let env = std::fs::read_to_string(lab.workspace(task).join("local.env")).unwrap();
        let port = env.strip_prefix("URL=http://localhost:").unwrap().split('/').next().unwrap().to_owned();
        let slug = task.to_lowercase().replace('_', "-");
        assert_eq!(env, format!("URL=http://localhost:{port}/\nDB=app_{slug}\nKEEP=${{HOME}}{{x}}\n"));
        let set = std::fs::read_to_string(lab.workspace(task).join("set.key")).unwrap();
        assert_eq!(set, format!("{slug} {port} {slug} {port}\n"));
        assert!((23_450..=23_459).contains(&port.parse::<u16>().unwrap()));
        ports.push(port);
    }
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 3, "{ports:?}");
    // A file as it was made is nobody's work; one that was changed is.
    std::fs::remove_file(lab.workspace("fix-2").join("set.key")).unwrap();
    lab.odyssey(&["release", "fix-2"]).ok();
    assert!(!lab.odyssey(&["salvage", "list"]).ok().stdout.contains("fix-2"));
    std::fs::remove_file(lab.workspace("fix-3").join("set.key")).unwrap();
    support::write(&lab.workspace("fix-3").join("local.env"), "changed\n");
    lab.odyssey(&["release", "fix-3"]).ok();
    assert!(lab.odyssey(&["salvage", "list"]).ok().stdout.contains("fix-3"));
}

#[test]
fn a_sparse_workspace_has_its_regions_and_what_is_named_and_lands_like_any_other() {
    let lab = lab_with(
        "[regions]\napi = [\"src/api/**\", \"!src/api/made/**\"]\n[workspace]\nsparse = [\"/README.md\"]\n[pool]\nsize = 1",
    );
    let regions = ["--region", "@api", "--region", "docs/ä b.md#L1"];
    lab.odyssey(&[&["claim", "narrow", "--sparse", "--for", "agent"][..], &regions].concat()).ok();
    let place = lab.workspace("narrow");
    assert_eq!(listed(&place), ["README.md", "docs/ä b.md", "src/api/list.rs"]);
    assert_eq!(lab.git_in(&place, &["status", "--porcelain"]), "");
    assert_eq!(lab.git(&["status", "--porcelain"]), "", "the main checkout stays as it is");
    assert_eq!(listed(&lab.main()).len(), lab.git(&["ls-files"]).lines().count() + ignored_git(&lab));
    support::write(&place.join("src/api/list.rs"), "// narrow\n");
    support::write(&place.join("src/api/more.rs"), "// more\n");
    lab.commit_in(&place, "narrow work");
    // The target moves where the workspace has nothing.
    lab.write("src/auth/login.rs", "// of a person\n");
    lab.commit("a person's");
    assert_eq!(lab.odyssey(&["conflicts", "--json"]).ok().code, 0);
    lab.odyssey_in(&place, &["sync"]).ok();
    assert_eq!(listed(&place), ["README.md", "docs/ä b.md", "src/api/list.rs", "src/api/more.rs"]);
    lab.odyssey(&["land", "narrow"]).ok();
    assert_eq!(std::fs::read_to_string(lab.main().join("src/api/more.rs")).unwrap(), "// more\n");
    assert_eq!(std::fs::read_to_string(lab.main().join("src/auth/login.rs")).unwrap(), "// of a person\n");
    assert_eq!(lab.git(&["status", "--porcelain"]), "");
    assert!(!place.exists());
    assert_eq!(
        lab.odyssey(&["pool", "--json"]).ok().json()["result"]["ready"],
        0,
        "a sparse tree is not kept"
    );
}

/// How many files of git's own the main checkout lists.
fn ignored_git(lab: &Lab) -> usize {
    listed(&lab.main()).iter().filter(|path| path.starts_with(".git/")).count()
}
