//! Reviews without a screen: conflicts settled one by one by commands, and nothing of it lost.

#![allow(clippy::unwrap_used, reason = "a session that cannot begin fails the test, and shows where")]

mod support;

#[path = "review/edits.rs"]
mod edits;

#[path = "review/kills.rs"]
mod kills;

#[path = "review/kinds.rs"]
mod kinds;

#[path = "review/session.rs"]
mod session;

use serde_json::Value;
use support::Lab;

/// A lab with a task `work` that holds all of it, and these lines more in its policy.
fn lab_with(policy: &str, base: &str) -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", format!("{policy}\n[ledger]\nfsync = false\n"));
    script(&lab, &lab.main(), base);
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "work", "--region", "**", "--for", "claude-1"]).ok();
    lab
}

/// A lab in which the task did one thing and a person on the target another.
fn lab_of(base: &str, ours: &str, theirs: &str) -> Lab {
    let lab = lab_with("", base);
    work(&lab, theirs);
    on_target(&lab, ours);
    lab
}

/// Does something in a folder, by a shell.
#[track_caller]
fn script(lab: &Lab, folder: &std::path::Path, text: &str) {
    let mut command = lab.command("sh", folder, &["-ec", text]);
    let run = support::Run::of(command.env("GIT_ODYSSEY_OVERRIDE", "the test's person"));
    assert_eq!(run.code, 0, "{text}: {run:#?}");
}

/// A commit of the task.
#[track_caller]
fn work(lab: &Lab, text: &str) {
    script(
        lab,
        &lab.workspace("work"),
        &format!("{text}\ngit add --all\ngit commit --quiet -m 'work: edits'"),
    );
}

/// A commit of a person on the target.
#[track_caller]
fn on_target(lab: &Lab, text: &str) {
    script(lab, &lab.main(), &format!("{text}\ngit add --all\ngit commit --quiet -m 'main: edits'"));
}

/// A review command with its words, and what it answers to programs.
#[track_caller]
fn review(lab: &Lab, words: &[&str]) -> Value {
    let words: Vec<&str> = ["--json", "review", "work"].iter().chain(words).copied().collect();
    lab.odyssey(&words).ok().json()["result"].clone()
}

/// The names of what is to be decided in a file.
fn names(view: &Value, path: &str) -> Vec<String> {
    let files = view["files"].as_array().unwrap();
    let items =
        files.iter().filter(|file| file["path"] == path).flat_map(|file| file["items"].as_array().unwrap());
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}
