//! The same decisions for every harness, each in its own form.

use snapbox::assert_data_eq;
use snapbox::str;

use super::asking::ask;
use super::asking::lab;
use super::asking::screen;

/// The harnesses besides Claude Code, with the fixtures of their edits.
const HARNESSES: [(&str, &[&str]); 5] = [
    ("codex", &["apply-patch"]),
    ("gemini", &["edit", "write"]),
    ("cursor", &["edit", "write"]),
    ("opencode", &["edit", "write", "apply-patch"]),
    ("copilot", &["edit", "write", "camel-edit", "camel-patch"]),
];

#[test]
fn an_edit_of_what_another_holds_is_refused_in_each_ones_own_form() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let mut all = String::new();
    for (harness, fixtures) in HARNESSES {
        let answers: Vec<String> = fixtures
            .iter()
            .map(|fixture| screen(&lab, &ask(&lab, &auth, harness, fixture, &[("PATH", "docs/a.md")])))
            .collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{harness}: {answers:#?}");
        all.push_str(&format!("{harness}: {}", answers[0]));
    }
    assert_data_eq!(
        all,
        str![[r#"
codex: {
  "hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "deny",
    "permissionDecisionReason": "docs/a.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs"
  }
}
--- exit 0
gemini: {
  "decision": "deny",
  "reason": "docs/a.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs"
}
--- exit 0
cursor: {
  "agent_message": "docs/a.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs",
  "permission": "deny",
  "user_message": "docs/a.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs"
}
--- exit 0
opencode: {
  "deny": "docs/a.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs"
}
--- exit 0
copilot: {
  "permissionDecision": "deny",
  "permissionDecisionReason": "docs/a.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs"
}
--- exit 0

"#]]
    );
}

#[test]
fn an_edit_in_the_own_regions_passes_without_a_decision() {
    let lab = lab();
    let auth = lab.workspace("auth");
    for (harness, fixtures) in HARNESSES {
        for fixture in fixtures.iter().chain(&["unknown"]) {
            let run = ask(&lab, &auth, harness, fixture, &[("PATH", "src/auth/a.rs")]);
            // Gemini CLI and Cursor want an object; an empty one decides nothing.
            let silence = if ["gemini", "cursor"].contains(&harness) { "{}\n" } else { "" };
            assert_eq!((run.code, run.stdout.as_str()), (0, silence), "{harness} {fixture}: {run:#?}");
        }
    }
}

#[test]
fn a_command_that_writes_what_another_holds_is_refused_by_each() {
    let lab = lab();
    let auth = lab.workspace("auth");
    for (harness, _) in HARNESSES {
        let shells: &[&str] = if harness == "cursor" { &["bash", "before-shell"] } else { &["bash"] };
        for shell in shells {
            let run = ask(&lab, &auth, harness, shell, &[("COMMAND", "echo x > docs/a.md")]);
            assert!(run.stdout.contains("docs/a.md is held by docs (codex-2, agent)"), "{harness}: {run:#?}");
            let run = ask(&lab, &auth, harness, shell, &[("COMMAND", "cargo test > /dev/null")]);
            assert!(!run.stdout.contains("den"), "{harness}: {run:#?}");
        }
    }
}

#[test]
fn what_cannot_be_understood_is_refused_by_the_exit_code_that_all_know() {
    let lab = lab();
    for (harness, _) in HARNESSES {
        let run = ask(&lab, &lab.workspace("auth"), harness, "malformed", &[]);
        assert_eq!(run.code, 2, "{harness}: {run:#?}");
        assert!(run.stderr.contains("what the harness sent lacks "), "{harness}: {run:#?}");
        assert_eq!(ask(&lab, &lab.main(), harness, "malformed", &[]).code, 0, "{harness}");
    }
}

#[test]
fn a_session_begins_with_what_it_should_know_in_each_ones_own_form() {
    let lab = lab();
    let mut all = String::new();
    for (harness, _) in HARNESSES {
        let run = ask(&lab, &lab.workspace("docs"), harness, "session-start", &[]);
        all.push_str(&format!("{harness}: {}", screen(&lab, &run)));
    }
    assert_data_eq!(
        all,
        str![[r#"
codex: {
  "hookSpecificOutput": {
    "additionalContext": "This is the workspace of the task docs, held by codex-2: [LAB]/main.odyssey/docs
Its lease has 1h left, and your work here renews it. You may change: docs/**
Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.
Stay inside of this folder, and commit what you do. When all is done: git odyssey land docs",
    "hookEventName": "SessionStart"
  }
}
--- exit 0
gemini: {
  "hookSpecificOutput": {
    "additionalContext": "This is the workspace of the task docs, held by codex-2: [LAB]/main.odyssey/docs
Its lease has 1h left, and your work here renews it. You may change: docs/**
Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.
Stay inside of this folder, and commit what you do. When all is done: git odyssey land docs",
    "hookEventName": "SessionStart"
  }
}
--- exit 0
cursor: {
  "additional_context": "This is the workspace of the task docs, held by codex-2: [LAB]/main.odyssey/docs
Its lease has 1h left, and your work here renews it. You may change: docs/**
Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.
Stay inside of this folder, and commit what you do. When all is done: git odyssey land docs"
}
--- exit 0
opencode: {
  "context": "This is the workspace of the task docs, held by codex-2: [LAB]/main.odyssey/docs
Its lease has 1h left, and your work here renews it. You may change: docs/**
Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.
Stay inside of this folder, and commit what you do. When all is done: git odyssey land docs"
}
--- exit 0
copilot: {
  "additionalContext": "This is the workspace of the task docs, held by codex-2: [LAB]/main.odyssey/docs
Its lease has 1h left, and your work here renews it. You may change: docs/**
Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.
Stay inside of this folder, and commit what you do. When all is done: git odyssey land docs"
}
--- exit 0

"#]]
    );
}

#[test]
fn a_turn_with_uncommitted_work_goes_on_once_in_each_ones_own_form() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let mut all = String::new();
    for (number, (harness, _)) in
        HARNESSES.into_iter().filter(|(harness, _)| *harness != "opencode").enumerate()
    {
        std::fs::write(auth.join(format!("src/auth/{number}.rs")), "mine\n").unwrap();
        all.push_str(&format!("{harness}: {}", screen(&lab, &ask(&lab, &auth, harness, "stop", &[]))));
        let again = ask(&lab, &auth, harness, "stop", &[]);
        assert!(!again.stdout.contains("uncommitted"), "{harness}: {again:#?}");
    }
    assert_eq!(ask(&lab, &auth, "cursor", "stop-again", &[]).stdout, "{}\n");
    std::fs::write(auth.join("src/auth/more.rs"), "mine\n").unwrap();
    assert_eq!(ask(&lab, &auth, "copilot", "subagent-stop", &[]).json()["decision"], "block");
    assert_data_eq!(
        all,
        str![[r#"
codex: {
  "decision": "block",
  "reason": "auth has uncommitted work in 1 file: src/auth/0.rs
Commit it, so that nothing is lost; or say why it should stay as it is, and end again. You are asked this once."
}
--- exit 0
gemini: {
  "decision": "deny",
  "reason": "auth has uncommitted work in 2 files: src/auth/0.rs, src/auth/1.rs
Commit it, so that nothing is lost; or say why it should stay as it is, and end again. You are asked this once."
}
--- exit 0
cursor: {
  "followup_message": "auth has uncommitted work in 3 files: src/auth/0.rs, src/auth/1.rs, src/auth/2.rs
Commit it, so that nothing is lost; or say why it should stay as it is, and end again. You are asked this once."
}
--- exit 0
copilot: {
  "decision": "block",
  "reason": "auth has uncommitted work in 4 files: src/auth/0.rs, src/auth/1.rs, src/auth/2.rs, src/auth/3.rs
Commit it, so that nothing is lost; or say why it should stay as it is, and end again. You are asked this once."
}
--- exit 0

"#]]
    );
}

#[test]
fn where_an_edit_can_carry_no_text_the_news_come_with_the_next_prompt() {
    let lab = lab();
    let auth = lab.workspace("auth");
    lab.write("src/auth/a.rs", "one\n2\nthree\nfour\n");
    let run = ask(&lab, &auth, "gemini", "edit", &[("PATH", "src/auth/a.rs")]);
    assert_eq!(run.stdout, "{}\n");
    let run = ask(&lab, &auth, "gemini", "prompt", &[]);
    assert!(run.stdout.contains("a person edits in"), "{run:#?}");
    assert_eq!(ask(&lab, &auth, "gemini", "prompt", &[]).stdout, "{}\n");
}
