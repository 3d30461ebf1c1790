//! The page in the browser: who is let in, what it answers, and conflicts settled in it with the keys alone.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a scene that cannot be set fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

#[path = "serve/http.rs"]
mod http;

#[path = "serve/served.rs"]
mod served;

#[path = "serve/refusals.rs"]
mod refusals;

#[path = "serve/facts.rs"]
mod facts;

#[path = "serve/driver.rs"]
mod driver;

#[path = "serve/browser.rs"]
mod browser;

use std::time::Duration;

use support::Lab;
use support::Run;

/// Nothing here takes so long; what has not come in this time does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file in which a task and the target want other lines in three places.
const FILE: &str = "src/login.txt";

/// Another, with a name and lines that would do something if they were taken for HTML.
const TRAP: &str = "src/<img src=x onerror=document.title='owned'>.txt";

/// So many lines with their numbers, some of them others.
fn numbered(others: &[(usize, &str)]) -> String {
    let line = |number: usize| match others.iter().find(|(other, _)| *other == number) {
        Some((_, text)) => format!("{text}\n"),
        None => format!("line {number}\n"),
    };
    (1..=20).map(line).collect()
}

/// A lab in which `work` and `main` conflict in four places of two files.
fn lab() -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[land]\ncheck = \"grep -q own src/login.txt\"\n[ledger]\nfsync = false\n");
    lab.write(FILE, numbered(&[]));
    lab.write(TRAP, "before\n");
    lab.write("docs/guide.md", "a guide\n");
    lab.commit("files");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "work", "--region", "src/**", "--for", "claude-1"]).ok();
    let workspace = lab.workspace("work");
    let theirs =
        numbered(&[(2, "work's second"), (5, "work's fifth"), (12, "work's twelfth"), (20, "work's last")]);
    support::write(&workspace.join(FILE), theirs);
    support::write(&workspace.join(TRAP), "<script>document.title = 'owned'</script>\n");
    lab.commit_in(&workspace, "what the task does");
    let ours = numbered(&[(5, "main's fifth"), (12, "main's twelfth"), (20, "main's last")]);
    lab.write(FILE, ours);
    lab.write(TRAP, "<b id=bold>main's</b>\n");
    lab.git(&["add", "--all"]);
    let mut commit = lab.command("git", &lab.main(), &["commit", "--quiet", "--message", "what main does"]);
    Run::of(commit.env("GIT_ODYSSEY_OVERRIDE", "the test's person")).ok();
    lab
}
