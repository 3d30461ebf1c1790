//! What an agent of a run hears of its budget: told once when little is left, and no tool at the limit, in each form.

use std::fs::File;

use snapbox::assert_data_eq;
use snapbox::str;

use super::asking::ask;
use super::asking::lab;
use super::asking::screen;
use super::asking::sent;
use super::asking::verdict;
use super::asking::write;
use super::support;
use super::support::Lab;
use super::support::ODYSSEY;
use super::support::Run;

/// Every harness, with a tool of it that only reads, and an edit.
const HARNESSES: [(&str, &str, &str); 6] = [
    ("claude", "read", "write"),
    ("codex", "unknown", "apply-patch"),
    ("gemini", "unknown", "write"),
    ("cursor", "unknown", "write"),
    ("opencode", "unknown", "write"),
    ("copilot", "unknown", "write"),
];

/// Leaves a word for the agent of `auth`, as a runner does. The agent lives as long as what is answered.
fn leave(lab: &Lab, fence: u64, attempt: u32, is_spent: bool) -> File {
    let notes = lab.git_in(&lab.workspace("auth"), &["rev-parse", "--absolute-git-dir"]);
    let alive = lab.root().join("alive");
    let text = if is_spent { "all is spent" } else { "little is left" };
    let word = serde_json::json!({
        "fence": fence, "attempt": attempt, "limit": "tokens", "is_spent": is_spent, "text": text, "alive": alive,
    });
    let path = std::path::Path::new(&notes).join("odyssey-leases/budget.json");
    support::write(&path, word.to_string());
    let file = File::create(&alive).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn that_little_is_left_is_told_once_for_each_attempt_in_each_ones_own_form() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let mut all = String::new();
    for (attempt, (harness, reads, edits)) in (1..).zip(HARNESSES) {
        let _agent = leave(&lab, 1, attempt, false);
        let edit = || ask(&lab, &auth, harness, edits, &[("PATH", "src/auth/a.rs")]);
        all.push_str(&format!("{harness}: {}", screen(&lab, &edit())));
        for again in [edit(), ask(&lab, &auth, harness, reads, &[("PATH", "docs/a.md")])] {
            assert!(!again.stdout.contains("little is left"), "{harness}: {again:#?}");
        }
        assert!(!edit().stdout.contains("den"), "{harness}");
    }
    assert_data_eq!(
        all,
        str![[r#"
claude: {
  "hookSpecificOutput": {
    "additionalContext": "little is left",
    "hookEventName": "PreToolUse"
  }
}
--- exit 0
codex: {
  "hookSpecificOutput": {
    "additionalContext": "little is left",
    "hookEventName": "PreToolUse"
  }
}
--- exit 0
gemini: {
  "decision": "deny",
  "reason": "little is left
This is told once, and held your tool back: do the same again, and it is judged as ever."
}
--- exit 0
cursor: {
  "agent_message": "little is left
This is told once, and held your tool back: do the same again, and it is judged as ever.",
  "permission": "deny",
  "user_message": "little is left
This is told once, and held your tool back: do the same again, and it is judged as ever."
}
--- exit 0
opencode: {
  "context": "little is left"
}
--- exit 0
copilot: {
  "permissionDecision": "deny",
  "permissionDecisionReason": "little is left
This is told once, and held your tool back: do the same again, and it is judged as ever."
}
--- exit 0

"#]]
    );
}

#[test]
fn a_refusal_for_another_reason_carries_the_word_too() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let _agent = leave(&lab, 1, 1, false);
    let told = write(&lab, &auth, &auth.join("docs/new.md"));
    assert!(told.starts_with("docs/new.md is held by docs") && told.ends_with("\nlittle is left"), "{told}");
    let told = write(&lab, &auth, &auth.join("docs/new.md"));
    assert!(!told.contains("little is left"), "{told}");
}

#[test]
fn at_the_limit_no_tool_runs_and_a_turn_may_end() {
    let lab = lab();
    let auth = lab.workspace("auth");
    std::fs::write(auth.join("src/auth/a.rs"), "not committed\n").unwrap();
    let _agent = leave(&lab, 1, 1, true);
    let mut all = String::new();
    for (harness, reads, edits) in HARNESSES {
        let read = ask(&lab, &auth, harness, reads, &[("PATH", "docs/a.md")]);
        all.push_str(&format!("{harness}: {}", screen(&lab, &read)));
        for (fixture, put) in [(edits, ("PATH", "src/auth/a.rs")), ("bash", ("COMMAND", "git commit -am x"))]
        {
            let run = ask(&lab, &auth, harness, fixture, &[put]);
            assert_eq!(run.stdout, read.stdout, "{harness} {fixture}");
        }
        let begin = ask(&lab, &auth, harness, "session-start", &[]);
        assert!(begin.stdout.contains("all is spent"), "{harness}: {begin:#?}");
        if harness != "opencode" {
            let end = ask(&lab, &auth, harness, "stop", &[]);
            assert!(!end.stdout.contains("uncommitted"), "{harness}: {end:#?}");
        }
    }
    assert_data_eq!(
        all,
        str![[r#"
claude: {
  "hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "deny",
    "permissionDecisionReason": "all is spent"
  }
}
--- exit 0
codex: {
  "hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "deny",
    "permissionDecisionReason": "all is spent"
  }
}
--- exit 0
gemini: {
  "decision": "deny",
  "reason": "all is spent"
}
--- exit 0
cursor: {
  "agent_message": "all is spent",
  "permission": "deny",
  "user_message": "all is spent"
}
--- exit 0
opencode: {
  "deny": "all is spent"
}
--- exit 0
copilot: {
  "permissionDecision": "deny",
  "permissionDecisionReason": "all is spent"
}
--- exit 0

"#]]
    );
    let main = lab.main();
    let input = sent("claude", "read", &[("CWD", main.to_str().unwrap()), ("PATH", "free.txt")]);
    let asked = |fence: &str| {
        let file = lab.root().join("input");
        std::fs::write(&file, &input).unwrap();
        let mut command = lab.command(ODYSSEY, &main, &["guard", "claude"]);
        command.env("GIT_ODYSSEY_TASK", "auth").env("GIT_ODYSSEY_FENCE", fence);
        verdict(&Run::of(command.stdin(File::open(&file).unwrap())))
    };
    assert_eq!(asked("1"), "all is spent", "it is the task's process, wherever it is");
    assert_eq!(asked("9"), "pass");
}

#[test]
fn who_is_not_of_the_run_is_not_stopped() {
    let lab = lab();
    let (auth, docs, main) = (lab.workspace("auth"), lab.workspace("docs"), lab.main());
    let agent = leave(&lab, 1, 1, true);
    assert_eq!(write(&lab, &auth, &auth.join("src/auth/a.rs")), "all is spent");
    assert_eq!(write(&lab, &docs, &docs.join("docs/a.md")), "pass", "another task");
    assert_eq!(write(&lab, &main, &main.join("free.txt")), "pass", "a person's checkout");
    drop(agent);
    assert_eq!(write(&lab, &auth, &auth.join("src/auth/a.rs")), "pass", "the run's agent is gone");
    lab.odyssey(&["park", "auth"]).ok();
    lab.odyssey(&["resume", "auth", "--for", "other"]).ok();
    let _agent = leave(&lab, 1, 1, true);
    assert_eq!(write(&lab, &auth, &auth.join("src/auth/a.rs")), "pass", "it is granted anew");
}

#[test]
fn a_word_that_cannot_be_read_stops_an_agent_in_its_workspace_alone() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let notes = lab.git_in(&auth, &["rev-parse", "--absolute-git-dir"]);
    support::write(&std::path::Path::new(&notes).join("odyssey-leases/budget.json"), "{");
    let told = write(&lab, &auth, &auth.join("src/auth/a.rs"));
    assert!(told.starts_with("cannot understand "), "{told}");
    assert!(ask(&lab, &auth, "claude", "stop", &[]).stdout.contains("cannot understand "));
    assert_eq!(ask(&lab, &auth, "claude", "stop-again", &[]).stdout, "", "it may end all the same");
    assert_eq!(write(&lab, &lab.main(), &lab.main().join("free.txt")), "pass");
}
