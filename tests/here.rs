//! `git odyssey` alone: it says where one is, and what to do next.

#![allow(clippy::unwrap_used, reason = "a session that cannot begin fails the test, and shows where")]

mod support;

use std::path::Path;

use snapbox::IntoData;
use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;
use support::Run;

fn lab() -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n");
    lab.write("src/a", "one\n");
    lab.commit("files");
    lab
}

#[test]
fn outside_a_repository_it_says_what_it_is_and_how_to_begin() {
    let lab = lab();
    let run = lab.odyssey_in(lab.root(), &[]);
    assert_data_eq!(
        lab.screen(&run),
        str![[r#"
git odyssey lets people and AI agents work on one repository at the same time:
each task has a worktree, a branch, and a lease over what it may change.
[LAB] is not in a git repository

next: git odyssey init  in a repository: begin to use it
all commands: git odyssey help
--- exit 0

"#]]
        .raw()
    );
}

#[test]
fn a_repository_that_cannot_be_opened_is_not_taken_for_none() {
    let lab = lab();
    std::fs::rename(lab.main().join(".git/HEAD"), lab.main().join(".git/TAIL")).unwrap();
    let run = lab.odyssey_in(&lab.main().join("src"), &[]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", lab.screen(&run));
}

#[test]
fn in_a_repository_that_does_not_use_it_it_says_how_to_begin() {
    let lab = lab();
    assert_data_eq!(
        lab.screen(&lab.odyssey(&[])),
        str![[r#"
in [LAB]/main
git odyssey is not in use in this repository

next: git odyssey init  begin to use it here
all commands: git odyssey help
--- exit 0

"#]]
        .raw()
    );
}

#[test]
fn in_a_checkout_and_in_a_workspace_it_says_who_is_near_and_what_comes_next() {
    let lab = lab();
    lab.odyssey(&["init"]).ok();
    let mut screens = lab.screen(&lab.odyssey(&[]));
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "docs", "--region", "docs", "--for", "human:ada", "--ttl", "2h"]).ok();
    let auth = lab.workspace("auth");
    let mut look =
        |folder: &Path| screens.push_str(&format!("\n{}", lab.screen(&lab.odyssey_in(folder, &[]))));
    look(&lab.main());
    look(&auth);
    support::write(&auth.join("src/a"), "two\n");
    look(&auth);
    lab.commit_in(&auth, "two");
    look(&auth);
    lab.advance(90);
    look(&auth);
    lab.odyssey(&["park", "auth", "--reason", "later"]).ok();
    look(&auth);
    assert_data_eq!(
        screens,
        str![[r#"
in a checkout: [LAB]/main
nobody else holds anything

next: git odyssey claim TASK --region 'src/auth/**'  begin a task
all commands: git odyssey help
--- exit 0

in a checkout: [LAB]/main
claude-1 holds src/** for auth, 1h left
ada holds docs for docs, 2h left

next: git odyssey claim TASK --region 'src/auth/**'  begin a task
next: git odyssey conflicts  see whether all work fits together
all commands: git odyssey help
--- exit 0

in the workspace of auth: [LAB]/main.odyssey/auth
held by claude-1, 1h left, may change src/**
commits that main has not: 0, that only main has: 0; files with uncommitted edits: 0
ada holds docs for docs, 2h left

next: git odyssey check PATH  ask before an edit
all commands: git odyssey help
--- exit 0

in the workspace of auth: [LAB]/main.odyssey/auth
held by claude-1, 1h left, may change src/**
commits that main has not: 0, that only main has: 0; files with uncommitted edits: 1
ada holds docs for docs, 2h left

next: git commit  keep the edits
all commands: git odyssey help
--- exit 0

in the workspace of auth: [LAB]/main.odyssey/auth
held by claude-1, 1h left, may change src/**
commits that main has not: 1, that only main has: 0; files with uncommitted edits: 0
ada holds docs for docs, 2h left

next: git odyssey land  merge the work into its target
all commands: git odyssey help
--- exit 0

in the workspace of auth: [LAB]/main.odyssey/auth
held by claude-1, expired, may change src/**
commits that main has not: 1, that only main has: 0; files with uncommitted edits: 0
ada holds docs for docs, 30m left

next: git odyssey renew  its time is over: others may take it
all commands: git odyssey help
--- exit 0

in the workspace of auth: [LAB]/main.odyssey/auth
held by claude-1, parked, may change src/**
commits that main has not: 1, that only main has: 0; files with uncommitted edits: 0
ada holds docs for docs, 30m left

next: git odyssey resume auth  go on with it
all commands: git odyssey help
--- exit 0

"#]]
        .raw()
    );
}

#[test]
fn a_prompt_says_whose_workspace_it_is_and_scripts_have_a_form_that_stays() {
    let lab = lab();
    lab.odyssey(&["init"]).ok();
    let prompt = |folder: &Path| lab.odyssey_in(folder, &["prompt"]).ok().stdout;
    assert_eq!((prompt(lab.root()), prompt(&lab.main())), (String::new(), String::new()));
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "own", "--region", "docs/**", "--for", "human:Ada L.", "--here"]).ok();
    lab.odyssey(&["claim", "late", "--region", "lib/**", "--for", "claude-2", "--ttl", "20m"]).ok();
    lab.odyssey(&["park", "auth"]).ok();
    let workspace = |task: &str| lab.workspace(task);
    assert_eq!(prompt(&workspace("auth")), "auth parked\n");
    lab.advance(18);
    assert_eq!(prompt(&workspace("late")), "late 2m\n");
    lab.advance(3);
    assert_eq!(prompt(&workspace("late")), "late expired\n");
    let run = lab.odyssey(&["status", "--porcelain"]);
    assert_data_eq!(
        lab.screen(&run),
        str![[r#"
1 auth 1 parked 1795487400 0 0 0 agent "claude-1" "[LAB]/main.odyssey/auth"
1 late 3 active 1795485000 0 0 0 agent "claude-2" "[LAB]/main.odyssey/late"
1 own 2 active 1795487400 - - - human "Ada L." -
--- exit 0

"#]]
        .raw()
    );
}

#[test]
fn a_shell_with_the_function_goes_to_a_tasks_workspace() {
    let lab = lab();
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let function = lab.odyssey(&["shell", "bash"]).ok().stdout;
    let line = format!(
        "{function}\ngit odyssey cd auth && pwd; git odyssey cd nobody; git rev-parse --show-toplevel"
    );
    let went = Run::of(&mut lab.command("bash", &lab.main(), &["-c", &line]));
    let place = lab.workspace("auth").display().to_string();
    assert_eq!(went.stdout, format!("{place}\n{place}\n"), "{went:#?}");
    assert!(went.stderr.contains("nobody"), "{went:#?}");
    let told = lab.odyssey(&["cd", "auth"]).ok();
    assert_eq!(told.stdout, format!("{place}\n"));
    assert!(told.stderr.contains("git odyssey shell bash"), "{told:#?}");
    assert_eq!(lab.odyssey(&["cd", "auth", "--path"]).ok().stderr, "");
}

#[test]
fn a_command_runs_in_the_workspace_as_the_task_and_gives_its_own_code() {
    let lab = lab();
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "docs", "--region", "docs", "--for", "claude-2"]).ok();
    let run = lab.odyssey(&["exec", "auth", "--", "sh", "-c", "pwd; echo $GIT_ODYSSEY_TASK; exit 7"]);
    let place = lab.workspace("auth").display().to_string();
    assert_eq!((run.stdout, run.stderr, run.code), (format!("{place}\nauth\n"), String::new(), 7));
    let rows = lab.odyssey(&["status", "--json"]).ok().json();
    assert_eq!(rows["result"]["tasks"][0]["phase"], "active", "the lease stays");
    // Another task is nobody to act for it.
    let other = lab.odyssey_in(&lab.workspace("docs"), &["exec", "auth", "--", "true"]);
    assert_ne!(other.code, 0, "{other:#?}");
    assert_eq!(lab.odyssey(&["exec", "auth", "--", "no-such-program"]).code, 1);
    lab.odyssey(&["park", "auth", "--reason", "later"]).ok();
    let parked = lab.odyssey(&["exec", "auth", "--", "touch", "made"]);
    assert_ne!(parked.code, 0, "{parked:#?}");
    assert!(!lab.workspace("auth").join("made").exists());
}
