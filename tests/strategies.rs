//! Bringing work together end to end: `sync`, and the strategies that decide what would otherwise be a conflict.

#![allow(clippy::unwrap_used, reason = "a session that cannot begin fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

#[path = "strategies/sync.rs"]
mod sync;

#[path = "strategies/deciding.rs"]
mod deciding;

#[path = "strategies/hunks.rs"]
mod hunks;

use support::Lab;

/// A lab with a task `work` that holds `src/**`, and a policy with these lines more.
fn lab_with(policy: &str) -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", format!("{policy}\n[ledger]\nfsync = false\n"));
    lab.write(".gitignore", "*.private\n");
    for name in ["a", "b", "c"] {
        lab.write(&format!("src/{name}.txt"), numbered(9, &[]));
    }
    lab.write("docs/guide.md", "a guide\n");
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "work", "--region", "src/**", "--for", "claude-1"]).ok();
    lab
}

/// So many lines with their numbers, some of them others.
fn numbered(count: usize, others: &[(usize, &str)]) -> String {
    let line = |number: usize| match others.iter().find(|(other, _)| *other == number) {
        Some((_, text)) => format!("{text}\n"),
        None => format!("line {number}\n"),
    };
    (1..=count).map(line).collect()
}

/// A commit in the task's workspace.
fn work(lab: &Lab, path: &str, text: impl AsRef<[u8]>) -> String {
    support::write(&lab.workspace("work").join(path), text);
    lab.commit_in(&lab.workspace("work"), &format!("work: edit {path}"))
}

/// A commit on the target, as whoever may do it: nobody's region is guarded in these tests but by the judge at landing.
fn on_target(lab: &Lab, path: &str, text: impl AsRef<[u8]>) -> String {
    lab.write(path, text);
    lab.git(&["add", "--all"]);
    let message = format!("main: edit {path}");
    let mut command = lab.command("git", &lab.main(), &["commit", "--quiet", "--message", &message]);
    let run = support::Run::of(command.env("GIT_ODYSSEY_OVERRIDE", "the test's person"));
    assert_eq!(run.code, 0, "{run:#?}");
    lab.git(&["rev-parse", "HEAD"])
}
