//! Every decision, as Claude Code asks for it.

use snapbox::assert_data_eq;
use snapbox::str;

use super::asking::ask;
use super::asking::guard;
use super::asking::lab;
use super::asking::screen;
use super::asking::sent;
use super::asking::verdict;
use super::asking::write;
use super::support::Lab;

#[test]
fn an_edit_of_what_another_holds_is_refused_before_it_is_made() {
    let lab = lab();
    let workspace = lab.workspace("auth");
    let run = ask(&lab, &workspace, "claude", "write", &[("PATH", "docs/new.md")]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
{
  "hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "deny",
    "permissionDecisionReason": "docs/new.md is held by docs (codex-2, agent) as docs/**, 1h left
instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here
see what it is about: git odyssey show docs"
  }
}
--- exit 0

"#]]
    );
    for fixture in ["edit", "multi-edit", "notebook-edit"] {
        let path = workspace.join("docs/a.md");
        let run =
            ask(&lab, &workspace, "claude", fixture, &[("PATH", path.to_str().unwrap()), ("OLD", "two")]);
        assert!(verdict(&run).starts_with("docs/a.md is held by docs (codex-2, agent)"), "{run:#?}");
    }
}

#[test]
fn an_edit_in_the_own_regions_or_of_what_all_may_change_passes_in_silence() {
    let lab = lab();
    let workspace = lab.workspace("auth");
    for path in ["src/auth/a.rs", "src/auth/new.rs", "Cargo.lock"] {
        assert_eq!(write(&lab, &workspace, &workspace.join(path)), "pass", "{path}");
    }
    let run = ask(&lab, &workspace, "claude", "read", &[("PATH", "docs/a.md")]);
    assert_eq!(verdict(&run), "pass");
    assert_eq!(ask(&lab, &workspace, "claude", "unknown-event", &[]).stdout, "");
}

#[test]
fn a_free_path_joins_the_lease_and_one_that_git_ignores_does_not() {
    let lab = lab();
    let (auth, docs) = (lab.workspace("auth"), lab.workspace("docs"));
    assert_eq!(write(&lab, &auth, &auth.join("free.txt")), "pass");
    assert_eq!(write(&lab, &auth, &auth.join("x.log")), "pass");
    let regions = lab.odyssey(&["show", "auth", "--json"]).json()["result"]["task"]["regions"].clone();
    assert_eq!(regions, serde_json::json!(["src/auth/**", "lines.txt#L3-L5", "free.txt"]));
    assert!(write(&lab, &docs, &docs.join("free.txt")).starts_with("free.txt is held by auth"));
    // Ignored, it is in nobody's commits, whoever holds the folder.
    assert_eq!(write(&lab, &auth, &auth.join("docs/x.log")), "pass");
}

#[test]
fn an_edit_that_leaves_the_workspace_is_refused_and_one_outside_of_all_repositories_passes() {
    let lab = lab();
    let auth = lab.workspace("auth");
    for path in [lab.main().join("free.txt"), lab.workspace("docs").join("docs/a.md")] {
        let run = ask(&lab, &auth, "claude", "write", &[("PATH", path.to_str().unwrap())]);
        assert!(verdict(&run).contains("is outside of the workspace of auth"), "{run:#?}");
    }
    let run = ask(&lab, &auth, "claude", "write", &[("PATH", "../../main/free.txt")]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
{
  "hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "deny",
    "permissionDecisionReason": "[LAB]/main/free.txt is outside of the workspace of auth, which is [LAB]/main.odyssey/auth
write inside of the workspace; what it lacks of others' work comes with: git odyssey sync"
  }
}
--- exit 0

"#]]
    );
    let hooks = lab.main().join(".git/hooks/pre-commit");
    assert!(write(&lab, &auth, &hooks).contains("is in git's own folder"));
    assert!(write(&lab, &auth, &auth.join(".git")).contains("is in git's own folder"));
    assert_eq!(write(&lab, &auth, &lab.root().join("elsewhere.txt")), "pass");
    // A link is where it leads to.
    std::os::unix::fs::symlink(lab.main(), auth.join("src/auth/link")).unwrap();
    assert!(write(&lab, &auth, &auth.join("src/auth/link/free.txt")).contains("is outside of the workspace"));
    std::os::unix::fs::symlink(lab.main().join("new"), auth.join("src/auth/dangling")).unwrap();
    assert!(write(&lab, &auth, &auth.join("src/auth/dangling")).contains("is outside of the workspace"));
}

#[test]
fn a_process_of_a_task_stays_in_its_workspace_wherever_it_goes() {
    let lab = lab();
    let input = sent("claude", "write", &[("CWD", lab.main().to_str().unwrap()), ("PATH", "free.txt")]);
    let mut command = lab.command(super::support::ODYSSEY, &lab.main(), &["guard", "claude"]);
    command.env("GIT_ODYSSEY_TASK", "auth").env("GIT_ODYSSEY_FENCE", "1");
    let file = lab.root().join("input");
    std::fs::write(&file, input).unwrap();
    let run = super::support::Run::of(command.stdin(std::fs::File::open(&file).unwrap()));
    assert!(verdict(&run).contains("is outside of the workspace of auth"), "{run:#?}");
}

#[test]
fn an_agent_in_a_persons_checkout_is_held_off_what_tasks_hold_and_free_otherwise() {
    let lab = lab();
    let main = lab.main();
    assert!(write(&lab, &main, &main.join("src/auth/a.rs")).starts_with("src/auth/a.rs is held by auth"));
    assert_eq!(write(&lab, &main, &main.join("free.txt")), "pass");
    let regions = lab.odyssey(&["show", "auth", "--json"]).json()["result"]["task"]["regions"].clone();
    assert_eq!(regions.as_array().unwrap().len(), 2, "nobody's lease grew");
    // It may work in a workspace that it made, by the rules of that workspace.
    let auth = lab.workspace("auth");
    assert_eq!(write(&lab, &main, &auth.join("src/auth/a.rs")), "pass");
    assert!(write(&lab, &main, &auth.join("docs/a.md")).starts_with("docs/a.md is held by docs"));
}

#[test]
fn lines_of_a_file_are_told_apart_by_the_text_that_an_edit_replaces() {
    let lab = lab();
    let docs = lab.workspace("docs");
    let edit = |old: &str| {
        let path = docs.join("lines.txt");
        verdict(&ask(&lab, &docs, "claude", "edit", &[("PATH", path.to_str().unwrap()), ("OLD", old)]))
    };
    assert_eq!(edit("line 12."), "pass");
    assert!(edit("line 4.").starts_with("lines.txt is held by auth"));
    assert!(edit("line 2.\nline 3.").starts_with("lines.txt is held by auth"));
    assert!(edit("line").starts_with("lines.txt is held by auth"), "which one is not known");
    assert!(edit("nothing").starts_with("lines.txt is held by auth"), "it is not there");
    assert!(write(&lab, &docs, &docs.join("lines.txt")).starts_with("lines.txt is held by auth"));
}

#[test]
fn a_lease_that_ended_or_was_granted_anew_writes_no_more() {
    let lab = lab();
    let auth = lab.workspace("auth");
    std::fs::write(auth.join("src/auth/a.rs"), "mine\n").unwrap();
    lab.odyssey(&["park", "auth"]).ok();
    let run = ask(&lab, &auth, "claude", "write", &[("PATH", "src/auth/a.rs")]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
{
  "hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "deny",
    "permissionDecisionReason": "auth is parked: it keeps its work and its regions, and may not write
go on with it: git odyssey resume auth"
  }
}
--- exit 0

"#]]
    );
    let run = ask(&lab, &auth, "claude", "session-start", &[]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
{
  "hookSpecificOutput": {
    "additionalContext": "auth is parked: it keeps its work and its regions, and may not write
go on with it: git odyssey resume auth",
    "hookEventName": "SessionStart"
  }
}
--- exit 0

"#]]
    );
    // Nothing is left to be asked of it either.
    assert_eq!(ask(&lab, &auth, "claude", "stop", &[]).stdout, "");
}

#[test]
fn work_renews_the_lease_at_most_once_in_a_third_of_its_time() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let ends = || lab.odyssey(&["show", "auth", "--json"]).json()["result"]["task"]["expires_at"].clone();
    let before = ends();
    assert!(before.is_string());
    lab.advance(10);
    assert_eq!(write(&lab, &auth, &auth.join("src/auth/a.rs")), "pass");
    assert_eq!(ends(), before);
    lab.advance(20);
    assert_eq!(write(&lab, &auth, &auth.join("src/auth/a.rs")), "pass");
    assert_eq!(ends(), "2026-11-24T03:00:00Z");
}

#[test]
fn what_is_new_on_the_target_and_what_a_person_edits_is_told_once() {
    let lab = lab();
    let auth = lab.workspace("auth");
    let path = auth.join("src/auth/a.rs");
    let edit = || verdict(&ask(&lab, &auth, "claude", "write", &[("PATH", path.to_str().unwrap())]));
    assert_eq!(edit(), "pass");
    lab.write("src/auth/a.rs", "one\n2\nthree\nfour\n");
    let told = edit();
    assert!(told.starts_with("pass: a person has uncommitted edits of src/auth/a.rs in "), "{told}");
    assert_eq!(edit(), "pass");
    let run = lab.command("git", &lab.main(), &["commit", "-qam", "two", "--no-verify"]);
    let mut run = run;
    run.env("GIT_ODYSSEY_OVERRIDE", "it is a test");
    assert_eq!(super::support::Run::of(&mut run).code, 0);
    let told = edit();
    assert!(told.contains("main has what your branch has not"), "{told}");
    assert!(told.contains("src/auth/a.rs changed by Ada"), "{told}");
    assert_eq!(edit(), "pass");
}

#[test]
fn a_session_begins_with_what_it_should_know() {
    let lab = lab();
    let run = ask(&lab, &lab.workspace("auth"), "claude", "session-start", &[]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
{
  "hookSpecificOutput": {
    "additionalContext": "This is the workspace of the task auth, held by claude-1: [LAB]/main.odyssey/auth
Its lease has 1h left, and your work here renews it. You may change: src/auth/**, lines.txt#L3-L5
Another path joins the lease when you write it, if nobody holds it; one that another holds is refused.
Stay inside of this folder, and commit what you do. When all is done: git odyssey land auth",
    "hookEventName": "SessionStart"
  }
}
--- exit 0

"#]]
    );
    let run = ask(&lab, &lab.main(), "claude", "session-start", &[]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
{
  "hookSpecificOutput": {
    "additionalContext": "2 tasks are at work in this repository, each in a workspace of its own. Leave to them:
  auth (claude-1), 1h left: src/auth/**, lines.txt#L3-L5
  docs (codex-2), 1h left: docs/**",
    "hookEventName": "SessionStart"
  }
}
--- exit 0

"#]]
    );
    assert_eq!(ask(&lab, &lab.workspace("auth"), "claude", "user-prompt", &[]).stdout, "");
}

#[test]
fn a_turn_with_uncommitted_work_does_not_end_the_first_time() {
    let lab = lab();
    let auth = lab.workspace("auth");
    assert_eq!(ask(&lab, &auth, "claude", "stop", &[]).stdout, "", "there is no work");
    std::fs::write(auth.join("src/auth/a.rs"), "mine\n").unwrap();
    std::fs::write(auth.join("src/auth/new.rs"), "mine\n").unwrap();
    assert_eq!(ask(&lab, &auth, "claude", "stop-again", &[]).stdout, "");
    assert_data_eq!(
        screen(&lab, &ask(&lab, &auth, "claude", "stop", &[])),
        str![[r#"
{
  "decision": "block",
  "reason": "auth has uncommitted work in 2 files: src/auth/a.rs, src/auth/new.rs
Commit it, so that nothing is lost; or say why it should stay as it is, and end again. You are asked this once."
}
--- exit 0

"#]]
    );
    assert_eq!(ask(&lab, &auth, "claude", "stop", &[]).stdout, "", "it was asked once");
    std::fs::write(auth.join("src/auth/other.rs"), "mine\n").unwrap();
    let run = ask(&lab, &auth, "claude", "subagent-stop", &[]);
    assert_eq!(run.json()["decision"], "block", "there is more now");
    lab.write("free.txt", "a person's\n");
    assert_eq!(ask(&lab, &lab.main(), "claude", "stop", &[]).stdout, "", "a person's work is a person's");
}

#[test]
fn a_worktree_of_the_harness_is_a_workspace_with_a_lease() {
    let lab = lab();
    let run = ask(&lab, &lab.main(), "claude", "worktree-create", &[]);
    assert_data_eq!(
        screen(&lab, &run),
        str![[r#"
[LAB]/main.odyssey/feature-auth
--- exit 0

"#]]
    );
    let workspace = lab.workspace("feature-auth");
    assert_eq!(ask(&lab, &lab.main(), "claude", "worktree-create", &[]).stdout, run.stdout, "it is there");
    assert_eq!(write(&lab, &workspace, &workspace.join("src/b.rs")), "pass");
    assert!(write(&lab, &workspace, &workspace.join("docs/a.md")).starts_with("docs/a.md is held by docs"));
    let regions =
        lab.odyssey(&["show", "feature-auth", "--json"]).json()["result"]["task"]["regions"].clone();
    assert_eq!(regions, serde_json::json!([".odyssey/feature-auth", "src/b.rs"]));

    std::fs::write(workspace.join("src/b.rs"), "mine\n").unwrap();
    let put = [("PATH", workspace.to_str().unwrap())];
    assert_eq!(ask(&lab, &lab.main(), "claude", "worktree-remove", &put).code, 0);
    assert!(workspace.join("src/b.rs").exists(), "work stays");
    assert_eq!(lab.odyssey(&["show", "feature-auth", "--json"]).json()["result"]["task"]["phase"], "parked");
    lab.git_in(&workspace, &["checkout", "-q", "--", "src/b.rs"]);
    lab.odyssey(&["resume", "feature-auth"]).ok();
    assert_eq!(ask(&lab, &lab.main(), "claude", "worktree-remove", &put).code, 0);
    assert!(!workspace.exists());
}

#[test]
fn a_worktree_in_a_repository_that_is_not_prepared_is_refused_and_says_why() {
    let lab = Lab::unprepared();
    assert_data_eq!(
        screen(&lab, &ask(&lab, &lab.main(), "claude", "worktree-create", &[])),
        str![[r#"
--- stderr
error: this repository is not prepared for git odyssey
hint: prepare it: git odyssey init
--- exit 1

"#]]
    );
}

#[test]
fn what_cannot_be_understood_is_refused_in_a_workspace_and_passes_elsewhere() {
    let lab = lab();
    let auth = lab.workspace("auth");
    assert_data_eq!(
        screen(&lab, &guard(&lab, &auth, "claude", "no JSON")),
        str![[r#"
--- stderr
error: what the harness sent is not JSON
because: expected ident at line 1 column 2
hint: the harness may be newer or older than what is known of it here; see what it sends, and report it
--- exit 2

"#]]
    );
    for input in ["", "[1]", "{}", "{\"hook_event_name\":\"PreToolUse\"}", "\u{0}"] {
        assert_eq!(guard(&lab, &auth, "claude", input).code, 2, "{input}");
        assert_eq!(guard(&lab, &auth.join("src"), "claude", input).code, 2, "{input}");
        let run = guard(&lab, &lab.main(), "claude", input);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{input}");
        assert_eq!(guard(&lab, lab.root(), "claude", input).code, 0, "{input}");
    }
    assert_eq!(ask(&lab, &auth, "claude", "edit-without-path", &[]).code, 2);
    // A note that cannot be read is no proof of a person.
    let private = lab.git_in(&auth, &["rev-parse", "--absolute-git-dir"]);
    std::fs::write(format!("{private}/odyssey-leases/lease.toml"), "task = ").unwrap();
    let run = ask(&lab, &auth, "claude", "write", &[("PATH", "src/auth/a.rs")]);
    assert!(verdict(&run).contains("cannot understand"), "{run:#?}");
}

#[test]
fn a_ledger_that_cannot_be_read_refuses_in_a_workspace_and_passes_elsewhere() {
    let lab = lab();
    lab.write("odyssey.toml", "commons = 1\n");
    let auth = lab.workspace("auth");
    assert!(write(&lab, &auth, &auth.join("src/auth/a.rs")).contains("odyssey.toml:1"));
    let run = ask(&lab, &lab.main(), "claude", "write", &[("PATH", "free.txt")]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert!(run.stderr.contains("nothing is judged outside of a workspace"), "{run:#?}");
    std::fs::remove_file(lab.main().join("odyssey.toml")).unwrap();
    lab.git(&["update-ref", "-d", "refs/odyssey/ledger"]);
    assert!(write(&lab, &auth, &auth.join("src/auth/a.rs")).contains("git odyssey init"));
    assert_eq!(write(&lab, &lab.main(), &lab.main().join("free.txt")), "pass");
}

#[test]
fn outside_of_what_git_odyssey_knows_nothing_is_said() {
    let lab = Lab::unprepared();
    for folder in [lab.main(), lab.root().to_owned()] {
        for fixture in ["write", "session-start", "stop", "user-prompt"] {
            let run = ask(&lab, &folder, "claude", fixture, &[("PATH", "README.md")]);
            assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{fixture}");
        }
    }
}
