//! Runs of workflows: in order, with failures, tiers, checks, budgets, and stopped by hand.

use std::process::Command;

use snapbox::assert_data_eq;
use snapbox::str;

use super::lab;
use super::landings;
use super::on_target;
use super::plan;
use super::screen;
use super::support;
use super::support::ODYSSEY;
use super::support::Run;
use super::support::process;
use super::task;
use super::wait_for;

#[test]
fn every_task_lands_once_and_in_its_order() {
    let lab = lab();
    let tasks = task("a", "", "write src/a.txt one\ncommit first")
        + &task("b", "needs = ['a']", "write src/b.txt two")
        + &task("c", "needs = ['b']\nland = false", "write src/c.txt three\ncommit it")
        + &task("d", "needs = ['c']", "say nothing to do");
    plan(&lab, "parallel = 1", &tasks);
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
plan: begins
a: started by small
a: its agent ended after [TIME]
a: done, lands next
a: landed as [COMMIT]
b: started by small
b: its agent ended after [TIME]
b: done, lands next
b: landed as [COMMIT]
c: started by small
c: its agent ended after [TIME]
c: done, and parked for you to look at
d: started by small
d: its agent ended after [TIME]
d: there was nothing to change
TASK  STATE          TRIES  TIER   COST  WHY
a     landed         1      small  0s
b     landed         1      small  0s
c     parked, done   1      small  0s
d     nothing to do  1      small  0s
--- exit 0

"#]]
    );
    assert_eq!(on_target(&lab, "src/a.txt"), "one");
    assert_eq!(on_target(&lab, "src/b.txt"), "two", "what was not committed is committed by the runner");
    assert_eq!(landings(&lab), ["a", "b"]);
    let again = lab.odyssey(&["run", "plan.toml"]);
    assert_data_eq!(
        screen(&lab, &again),
        str![[r#"
plan: goes on
TASK  STATE          TRIES  TIER   COST  WHY
a     landed         1      small  0s
b     landed         1      small  0s
c     parked, done   1      small  0s
d     nothing to do  1      small  0s
--- exit 0

"#]]
    );
    assert_eq!(landings(&lab), ["a", "b"], "nothing is done twice");
}

#[test]
fn a_failed_attempt_goes_on_in_its_workspace_with_the_next_tier() {
    let lab = lab();
    plan(
        &lab,
        "parallel = 1",
        &task("a", "retry = 1", "write src/a.txt half\nonce a\nwrite src/a.txt whole"),
    );
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
plan: begins
a: started by small
a: its agent ended after [TIME]
a: failed and is tried again: its agent's command ended with exit code 4
a: started by large, attempt 2
a: its agent ended after [TIME]
a: done, lands next
a: landed as [COMMIT]
TASK  STATE   TRIES  TIER   COST  WHY
a     landed  2      large  0s
--- exit 0

"#]]
    );
    assert_eq!(on_target(&lab, "src/a.txt"), "whole");
    let told = lab.main().join(".git/odyssey/runs/plan/a-2.prompt.md");
    let told = std::fs::read_to_string(told).unwrap();
    assert!(told.contains("was begun before") && told.contains("- src/a.txt"), "{told}");
}

#[test]
fn what_fails_for_good_is_parked_and_goes_on_when_it_is_mended() {
    let lab = lab();
    let tasks =
        |prompt: &str| task("a", "retry = 1", prompt) + &task("b", "needs = ['a']", "write src/b.txt b2");
    plan(&lab, "parallel = 1", &tasks("write src/a.txt half\nfail"));
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
plan: begins
a: started by small
a: its agent ended after [TIME]
a: failed and is tried again: its agent's command ended with exit code 3:
cannot do it
a: started by large, attempt 2
a: its agent ended after [TIME]
a: failed: its agent's command ended with exit code 3:
cannot do it
TASK  STATE      TRIES  TIER   COST  WHY
a     failed     2      large  0s    its agent's command ended with exit code 3:
b     not begun  0      small  0s
--- exit 1

"#]]
    );
    assert_eq!(run.code, 1);
    assert_eq!(std::fs::read_to_string(lab.workspace("a").join("src/a.txt")).unwrap(), "half\n");
    let status = lab.odyssey(&["status", "--json"]).json();
    assert_eq!(status["result"]["tasks"][0]["phase"], "parked");
    plan(&lab, "parallel = 1", &tasks("write src/a.txt whole"));
    let run = lab.odyssey(&["run", "plan.toml"]).ok();
    assert!(run.stdout.contains("goes on"), "{run:#?}");
    assert_eq!(landings(&lab), ["a", "b"]);
}

#[test]
fn one_bad_apple_among_those_that_are_checked_together_does_not_keep_the_others() {
    let lab = lab();
    let check = "check = ['sh', '-c', '! grep -q bad src/*.txt']";
    let tasks: String = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            let text = if *name == "c" { "bad" } else { "good" };
            task(name, check, &format!("write src/{name}.txt {text}"))
        })
        .collect();
    plan(&lab, "parallel = 4", &tasks);
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(landings(&lab), ["a", "b", "d"]);
    assert_eq!(on_target(&lab, "src/c.txt"), "c");
}

#[test]
fn a_landing_that_goes_wrong_after_the_target_moved_is_finished_and_not_done_twice() {
    let lab = lab();
    plan(&lab, "", &task("a", "retry = 2", "write src/a.txt one\ncommit it\nwrite src/a.txt two"));
    // A git that fails once where the person's checkout is brought to what landed, and once more where that is mended.
    let failed = lab.root().join("failed");
    let script = format!(
        "#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$(pwd -P) $*\" in\n\"{main} \"*' read-tree -m '*' -n '*) ;;\n\"{main} \"*' read-tree -m '*)\n    \
         [ -e '{flag}' ] || {{ touch '{flag}'; exit 9; }} ;;\n\"{main} \"*' ls-files '*)\n    \
         [ ! -e '{flag}' ] || [ -e '{flag}-2' ] || {{ touch '{flag}-2'; exit 9; }} ;;\nesac\nexec git \"$@\"\n",
        main = lab.main().display(),
        flag = failed.display()
    );
    let git = lab.root().join("bin/git");
    support::write(&git, script);
    assert!(Command::new("chmod").args(["+x", git.to_str().unwrap()]).status().unwrap().success());
    let mut command = lab.command(ODYSSEY, &lab.main(), &["run", "plan.toml"]);
    let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap();
    let mut places = vec![lab.root().join("bin")];
    places.extend(std::env::split_paths(path));
    let run = Run::of(command.env("PATH", std::env::join_paths(places).unwrap()));
    assert!(failed.with_file_name("failed-2").exists(), "{run:#?}");
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(!run.stdout.contains("failed"), "{run:#?}");
    assert_eq!(landings(&lab), ["a"]);
    assert_eq!(std::fs::read_to_string(lab.main().join("src/a.txt")).unwrap(), "two\n");
    assert_eq!(lab.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_run_that_is_stopped_parks_its_work_and_goes_on_later() {
    let lab = lab();
    plan(&lab, "", &task("a", "", "write src/a.txt begun\nstall"));
    let mut command = lab.command(ODYSSEY, &lab.main(), &["run", "plan.toml"]);
    let mark = format!("stopped-run-{}", std::process::id());
    process::mark(&mut command, &mark);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_for(&lab.root().join("stalls-a"));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let run = Run::from(child.wait_with_output().unwrap());
    process::wait_for_marked(&mark);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stdout.contains("a: parked: the run was stopped"), "{run:#?}");
    assert_eq!(lab.git(&["show", "refs/odyssey/salvage/a:src/a.txt"]), "begun");
    plan(&lab, "", &task("a", "", "write src/a.txt done"));
    lab.odyssey(&["run", "plan.toml"]).ok();
    assert_eq!(on_target(&lab, "src/a.txt"), "done");
}

#[test]
fn a_second_runner_and_a_foreign_task_are_refused() {
    let lab = lab();
    plan(&lab, "", &task("a", "", "stall"));
    let mut command = lab.command(ODYSSEY, &lab.main(), &["run", "plan.toml"]);
    let mark = format!("first-runner-{}", std::process::id());
    process::mark(&mut command, &mark);
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    wait_for(&lab.root().join("stalls-a"));
    let second = lab.odyssey(&["run", "plan.toml"]);
    assert_data_eq!(
        lab.screen(&second),
        str![[r#"
--- stderr
error: another runner is at work on this workflow
hint: wait for it, or stop it with Ctrl-C where it runs
--- exit 1

"#]]
    );
    child.kill().unwrap();
    child.wait().unwrap();
    process::wait_for_marked(&mark);
    lab.odyssey(&["claim", "b", "--region", "src/b.txt", "--for", "anna"]).ok();
    plan(&lab, "name = 'other'", &task("b", "", "write src/b.txt x"));
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["run", "plan.toml"])),
        str![[r#"
--- stderr
error: b is the name of a live task that is not this run's: anna has it
hint: see what it is about: git odyssey show b
hint: land or abandon it, or name the workflow's task otherwise
--- exit 3

"#]]
    );
}

#[test]
fn a_task_that_a_person_went_on_with_is_left_to_them() {
    let lab = lab();
    let tasks = |prompt: &str| task("a", "", prompt) + &task("b", "", "write src/b.txt b2");
    plan(&lab, "parallel = 1", &tasks("write src/a.txt half\nfail"));
    assert_eq!(lab.odyssey(&["run", "plan.toml"]).code, 1);
    lab.odyssey(&["resume", "a", "--for", "human:anna"]).ok();
    plan(&lab, "parallel = 1", &tasks("write src/a.txt whole"));
    let mut command = lab.command(ODYSSEY, &lab.main(), &["run", "plan.toml"]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let journal = lab.main().join(".git/odyssey/runs/plan/journal.jsonl");
    let waits =
        || std::fs::read_to_string(&journal).unwrap().contains("a is held by anna, who goes on with it");
    let begun = std::time::Instant::now();
    while !waits() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "it never waited");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let status = lab.odyssey(&["status", "--json"]).json();
    assert_eq!(status["result"]["tasks"][0]["holder"]["name"], "anna");
    assert_eq!(status["result"]["tasks"][0]["phase"], "active");
    // The run goes on by itself when she parks it.
    lab.odyssey(&["park", "a"]).ok();
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(on_target(&lab, "src/a.txt"), "whole");
}

#[test]
fn commands_run_when_something_happens_to_a_task() {
    let lab = lab();
    let on = "on = { landed = ['sh', '-c', 'echo \"$GIT_ODYSSEY_EVENT\" > ../told'] }";
    plan(&lab, "", &task("a", on, "write src/a.txt one"));
    lab.odyssey(&["run", "plan.toml"]).ok();
    wait_for(&lab.root().join("told"));
    let told = std::fs::read_to_string(lab.root().join("told")).unwrap();
    assert!(
        told.contains("\"version\":1,") && told.contains("\"event\":\"landed\",\"task\":\"a\""),
        "{told}"
    );
}

#[test]
fn a_program_is_told_each_step_in_a_line_and_the_answer_in_the_last() {
    let lab = lab();
    plan(&lab, "", &task("a", "", "write src/a.txt one"));
    let run = lab.odyssey(&["run", "plan.toml", "--json"]);
    let line = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let lines: Vec<serde_json::Value> = run.stdout.lines().map(line).collect();
    let (answer, steps) = lines.split_last().unwrap();
    assert!(
        steps.iter().all(|step| step["version"] == 1 && step["at"] == "2026-11-24T01:30:00Z"),
        "{steps:?}"
    );
    let events: Vec<&str> = steps.iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["begun", "claiming", "started", "ended", "ready", "landed"]);
    assert_eq!((answer["version"].as_u64(), answer["command"].as_str()), (Some(1), Some("run")));
    assert_eq!(answer["result"]["tasks"][0]["state"], "landed");
    // The journal, whose lines are told anew, is read in any case.
    assert_eq!(lab.odyssey(&["run", "plan.toml", "--json"]).ok().stdout.lines().count(), 2);
}

#[test]
fn a_landing_waits_for_a_worktree_that_is_just_being_made() {
    let lab = lab();
    plan(&lab, "", &task("a", "", "write src/a.txt one"));
    // As git leaves it for a moment: registered and locked, and HEAD cannot be read yet.
    let (private, folder) = (lab.main().join(".git/worktrees/new"), lab.root().join("new"));
    support::write(&private.join("gitdir"), format!("{}\n", folder.join(".git").display()));
    support::write(&private.join("commondir"), "../..\n");
    support::write(&private.join("HEAD"), "");
    support::write(&private.join("index.lock"), "");
    support::write(&folder.join(".git"), format!("gitdir: {}\n", private.display()));
    let mut command = lab.command(ODYSSEY, &lab.main(), &["run", "plan.toml"]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let journal = lab.main().join(".git/odyssey/runs/plan/journal.jsonl");
    let begun = std::time::Instant::now();
    while !std::fs::read_to_string(&journal).unwrap_or_default().contains("\"ready\"") {
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "it was never done");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // A landing that does not wait fails meanwhile; one that does has nothing to tell.
    for _ in 0..100 {
        assert!(!std::fs::read_to_string(&journal).unwrap().contains("\"failed\""));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    support::write(&private.join("HEAD.new"), "ref: refs/heads/other\n");
    std::fs::rename(private.join("HEAD.new"), private.join("HEAD")).unwrap();
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(on_target(&lab, "src/a.txt"), "one");
}
