//! Handing a task from one machine to another: commits, uncommitted edits, and nothing of either lost.

use crate::fleet::Fleet;
use crate::support;

#[test]
fn a_task_is_parked_on_one_machine_and_resumed_on_another_with_its_edits() {
    // A relative address means a place beside the main checkout, also when it is asked from a workspace.
    let fleet = Fleet::over(&["one", "two"], |_| "../origin.git".to_owned());
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    support::write(&first.join("src/a.rs"), "committed\n");
    fleet.lab.commit_in(&first, "half of it");
    support::write(&first.join("src/a.rs"), "edited\n");
    support::write(&first.join("src/b.rs"), "new\n");
    fleet.run("two", &["status"]).ok();

    // Without its work a task is not resumed elsewhere.
    fleet.run("one", &["park", "auth"]).ok();
    let refused = fleet.run("two", &["resume", "auth", "--for", "codex-1"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("neither on this machine nor on origin"), "{refused:#?}");
    assert!(refused.stderr.contains("git odyssey park auth --push"), "{refused:#?}");

    let parked = fleet.lab.odyssey_in(&first, &["park", "--push"]).ok();
    assert!(parked.stdout.contains("its commits and its edits are on origin"), "{parked:#?}");
    let resumed = fleet.run("two", &["resume", "auth", "--for", "codex-1"]).ok();
    assert!(resumed.stdout.contains("fence 2"), "{resumed:#?}");
    let second = fleet.workspace("two", "auth");
    assert_eq!(std::fs::read_to_string(second.join("src/a.rs")).unwrap(), "edited\n");
    assert_eq!(std::fs::read_to_string(second.join("src/b.rs")).unwrap(), "new\n");
    let status = fleet.lab.git_in(&second, &["status", "--porcelain", "--untracked-files=all"]);
    assert_eq!(status, " M src/a.rs\n?? src/b.rs");
    assert_eq!(fleet.lab.git_in(&second, &["log", "-1", "--format=%s"]), "half of it");

    // The former holder is fenced off, and keeps what it had.
    fleet.run("one", &["status"]).ok();
    assert_eq!(fleet.lab.odyssey_in(&first, &["renew"]).code, 5);
    assert_eq!(std::fs::read_to_string(first.join("src/b.rs")).unwrap(), "new\n");

    fleet.lab.commit_in(&second, "the other half");
    let landed = fleet.lab.odyssey_in(&second, &["land"]).ok();
    assert!(landed.stdout.contains("landed auth on main"), "{landed:#?}");
    assert_eq!(fleet.there("refs/heads/main"), fleet.here("two", "refs/heads/main"));
    fleet.check();
}

#[test]
fn work_that_another_machine_sent_under_the_same_name_is_not_overwritten() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    support::write(&first.join("src/a.rs"), "mine\n");
    fleet.lab.commit_in(&first, "mine");
    let theirs = fleet.lab.git_in(&fleet.machine("two"), &["commit-tree", "-m", "theirs", "HEAD^{tree}"]);
    let refspec = format!("{theirs}:refs/heads/odyssey/auth");
    fleet.lab.git_in(&fleet.machine("two"), &["push", "--quiet", "--no-verify", "origin", &refspec]);
    let refused = fleet.run("one", &["park", "auth", "--push"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(
        refused.stderr.contains("refs/heads/odyssey/auth on origin has commits that are not here"),
        "{refused:#?}"
    );
    assert_eq!(fleet.there("refs/heads/odyssey/auth"), theirs);
    let shown = fleet.run("one", &["status"]).ok();
    assert!(!shown.stdout.contains("parked"), "{shown:#?}");
    let alone = support::Lab::new();
    alone.odyssey(&["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let refused = alone.odyssey(&["park", "auth", "--push"]);
    assert!(refused.stderr.contains("no remote decides here"), "{refused:#?}");
}
