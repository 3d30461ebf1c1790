//! Asks the guard as a harness does, with what the harness would send.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::support::Lab;
use super::support::ODYSSEY;
use super::support::Run;

/// A repository with a task `auth` that holds `src/auth/**` and `README.md#L1-L2`, and a task `docs` that holds `docs/**`.
pub fn lab() -> Lab {
    let lab = Lab::unprepared();
    for path in ["src/auth/a.rs", "src/b.rs", "docs/a.md", "docs/b.md", "free.txt", "Cargo.lock"] {
        lab.write(path, "one\ntwo\nthree\nfour\n");
    }
    lab.write(".gitignore", "*.log\n");
    lab.write("odyssey.toml", "commons = [\"Cargo.lock\"]\n");
    lab.write("lines.txt", (1..=20).map(|line| format!("line {line}.\n")).collect::<String>());
    lab.commit("files");
    lab.odyssey(&["init"]).ok();
    let auth = ["claim", "auth", "--for", "claude-1", "-r", "src/auth/**", "-r", "lines.txt#L3-L5"];
    lab.odyssey(&auth).ok();
    lab.odyssey(&["claim", "docs", "--for", "codex-2", "-r", "docs/**"]).ok();
    lab
}

/// What a harness sends, from its fixture.
pub fn sent(harness: &str, fixture: &str, put: &[(&str, &str)]) -> String {
    let file = format!("{}/fixtures/harness/{harness}/{fixture}.json", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    for (name, value) in put {
        let value = serde_json::to_string(value).unwrap();
        text = text.replace(&format!("[{name}]"), &value[1..value.len() - 1]);
    }
    text
}

/// Runs the guard of a harness in a folder, with something on its standard input.
pub fn guard(lab: &Lab, folder: &Path, harness: &str, input: &str) -> Run {
    let mut command = lab.command(ODYSSEY, folder, &["guard", harness]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run::from(child.wait_with_output().unwrap())
}

/// Asks with a fixture, from the folder that the payload names as the agent's.
pub fn ask(lab: &Lab, folder: &Path, harness: &str, fixture: &str, put: &[(&str, &str)]) -> Run {
    let mut all = vec![("CWD", folder.to_str().unwrap())];
    all.extend(put);
    guard(lab, folder, harness, &sent(harness, fixture, &all))
}

/// The screen of an answer, its JSON laid out so that it can be read.
pub fn screen(lab: &Lab, run: &Run) -> String {
    let mut shown = run.clone();
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(&run.stdout) {
        shown.stdout = serde_json::to_string_pretty(&json).unwrap().replace("\\n", "\n");
    }
    lab.screen(&shown)
}

/// Asks about an edit of a whole file by `Write`, and says `pass` or the reason of the refusal.
pub fn write(lab: &Lab, folder: &Path, path: &Path) -> String {
    verdict(&ask(lab, folder, "claude", "write", &[("PATH", path.to_str().unwrap())]))
}

/// `pass`, or the reason of a refusal, of an answer for Claude Code.
pub fn verdict(run: &Run) -> String {
    assert_eq!(run.code, 0, "{run:#?}");
    if run.stdout.is_empty() {
        return "pass".to_owned();
    }
    let specific = &run.json()["hookSpecificOutput"];
    match specific["permissionDecision"].as_str() {
        Some("deny") => specific["permissionDecisionReason"].as_str().unwrap().to_owned(),
        None => format!("pass: {}", specific["additionalContext"].as_str().unwrap()),
        other => panic!("{other:?}"),
    }
}
