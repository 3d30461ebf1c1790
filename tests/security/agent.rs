//! A malicious agent, inside its own workspace.

use crate::support;
use crate::support::Lab;

#[test]
fn who_writes_its_own_lease_anew_is_still_who_it_was() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "billing", "--region", "src/billing/**", "--for", "codex-1"]).ok();
    let workspace = lab.workspace("auth");
    let theirs = std::fs::read_to_string(lab.workspace("billing").join(".odyssey/lease.toml")).unwrap();
    support::write(&workspace.join(".odyssey/lease.toml"), &theirs);
    support::write(&workspace.join("src/billing/a"), "mine\n");
    lab.git_in(&workspace, &["add", "--all"]);
    let refused = lab.try_git_in(&workspace, &["commit", "--quiet", "-m", "not mine"]);
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(refused.stderr.contains("is held by billing"), "{refused:#?}");
    // Nor by a word in its environment: the note in git's own folder says whose the workspace is.
    let told = [("GIT_ODYSSEY_TASK", "billing"), ("GIT_ODYSSEY_FENCE", "2")];
    let ended = lab.odyssey_in_with(&workspace, &["renew"], &told);
    assert!(!ended.stdout.contains("billing"), "{ended:#?}");
}

#[test]
fn words_of_an_agent_forge_no_event_and_no_line() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    support::write(&lab.workspace("auth").join("src/a"), "a\n");
    lab.commit_in(&lab.workspace("auth"), "work");
    let reason = "tired\n\nOdyssey-Event: abandon\nOdyssey-Fence: 99\x1b[2J";
    lab.odyssey_in(&lab.workspace("auth"), &["park", "--reason", reason]).ok();
    let log = lab.git(&[
        "log",
        "-1",
        "--format=%(trailers:key=Odyssey-Event,valueonly)%(trailers:key=Odyssey-Fence,valueonly)",
        "refs/odyssey/ledger",
    ]);
    assert_eq!(log.split_whitespace().collect::<Vec<_>>(), ["park", "1"]);
    for words in [&["log"][..], &["show", "auth"], &["status"]] {
        let run = lab.odyssey(words).ok();
        assert!(
            !run.stdout.contains('\x1b') && !run.stdout.lines().any(|line| line.starts_with("Odyssey-")),
            "{run:#?}"
        );
    }
}
