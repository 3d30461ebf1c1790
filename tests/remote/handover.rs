//! Handing a task from one machine to another: commits, uncommitted edits, and nothing of either lost.

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support;
use crate::support::ODYSSEY;
use crate::support::dice::Dice;
use crate::support::process;

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

/// One machine has parked and sent `auth` with a commit, and the other has gone on with it and made another.
fn gone_on(ttl: &str) -> (Fleet, PathBuf, PathBuf) {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    commit(&fleet, &first, "src/a.rs", "first");
    fleet.run("one", &["park", "auth", "--push"]).ok();
    fleet.run("two", &["resume", "auth", "--for", "codex-1", "--ttl", ttl]).ok();
    let second = fleet.workspace("two", "auth");
    commit(&fleet, &second, "src/b.rs", "second");
    (fleet, first, second)
}

fn add_third(fleet: &Fleet) {
    let three = fleet.machine("three");
    fleet.lab.git_in(fleet.lab.root(), &["clone", "--quiet", "origin.git", three.to_str().unwrap()]);
    fleet.run("three", &["init", "--remote", "origin"]).ok();
}

fn commit(fleet: &Fleet, workspace: &Path, file: &str, text: &str) {
    support::write(&workspace.join(file), text);
    fleet.lab.commit_in(workspace, text);
}

#[test]
fn a_branch_that_another_machine_has_gone_on_from_is_not_the_tasks_work() {
    let (fleet, first, second) = gone_on("1h");
    let main = fleet.there("refs/heads/main");
    let sent = fleet.there("refs/heads/odyssey/auth");
    fleet.run("one", &["status"]).ok();

    let refused = fleet.run("one", &["land", "auth"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("another machine may have gone on with it"), "{refused:#?}");
    let refused = fleet.run("one", &["park", "auth", "--push"]);
    assert!(refused.stderr.contains("another machine may have gone on with it"), "{refused:#?}");
    assert_eq!((fleet.there("refs/heads/main"), fleet.there("refs/heads/odyssey/auth")), (main, sent));
    let refused = fleet.run("one", &["sync", "auth"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("another machine may have gone on with it"), "{refused:#?}");
    // A person may renew and stop it from here; what was left here does not pass for its work by that.
    fleet.run("one", &["renew", "auth"]).ok();
    let released = fleet.run("one", &["release", "auth"]).ok();
    assert!(released.stdout.contains("parked auth: no workspace here has its lease"), "{released:#?}");
    assert_eq!(fleet.run("one", &["land", "auth"]).code, 1);

    // What the other machine sends afterwards comes here, into the workspace that is here.
    fleet.run("two", &["park", "auth", "--push"]).ok();
    fleet.run("one", &["resume", "auth"]).ok();
    assert_eq!(fleet.lab.git_in(&first, &["log", "-2", "--format=%s"]), "second\nfirst");
    assert!(fleet.lab.git_in(&first, &["status", "--porcelain"]).is_empty());
    fleet.run("two", &["status"]).ok();
    assert_eq!(fleet.run("two", &["land", "auth"]).code, 1);
    fleet.run("one", &["land", "auth"]).ok();
    assert_eq!(fleet.lab.git_in(&fleet.machine("one"), &["show", "main:src/b.rs"]), "second");
    assert!(second.join("src/b.rs").exists());
    fleet.check();
}

#[test]
fn what_is_edited_or_committed_here_is_not_moved_to_what_another_machine_sent() {
    let (fleet, first, second) = gone_on("1h");
    fleet.run("two", &["park", "auth", "--push"]).ok();
    support::write(&first.join("src/a.rs"), "edited\n");
    let refused = fleet.run("one", &["resume", "auth"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("commit its edits on a branch of their own"), "{refused:#?}");
    assert!(fleet.run("one", &["status"]).ok().stdout.contains("parked"));
    assert_eq!(std::fs::read_to_string(first.join("src/a.rs")).unwrap(), "edited\n");
    fleet.lab.git_in(&first, &["-c", "core.hooksPath=/nonexistent", "commit", "--quiet", "-am", "own"]);
    let refused = fleet.run("one", &["resume", "auth"]);
    assert!(refused.stderr.contains("has commits here that are not in what"), "{refused:#?}");
    assert!(fleet.run("one", &["status"]).ok().stdout.contains("parked"));
    // As the hints say, both come together where the other is.
    assert!(refused.stderr.contains("git push origin odyssey/auth:refs/heads/auth-here"), "{refused:#?}");
    let push = ["push", "--quiet", "origin", "odyssey/auth:refs/heads/auth-here"];
    fleet.lab.git_in(&fleet.machine("one"), &push);
    fleet.run("two", &["resume", "auth"]).ok();
    fleet.lab.git_in(&second, &["pull", "--quiet", "--no-edit", "--no-rebase", "origin", "auth-here"]);
    fleet.run("two", &["park", "auth", "--push"]).ok();
    fleet.run("one", &["resume", "auth"]).ok();
    let here = fleet.lab.git_in(&first, &["rev-parse", "HEAD"]);
    assert_eq!(here, fleet.there("refs/heads/odyssey/auth"));
    assert_eq!(std::fs::read_to_string(first.join("src/a.rs")).unwrap(), "edited\n");
}

#[test]
fn work_on_another_machine_is_behind_a_lease_that_expired_and_given_up_without_a_claim_that_it_is_saved() {
    let (fleet, first, second) = gone_on("5m");
    // How long a lease lasts is counted from when it was seen here first.
    fleet.run("one", &["status", "--fetch"]).ok();
    fleet.lab.advance(10);
    let refused = fleet.run("one", &["claim", "next", "--region", "src/**", "--for", "claude-1"]);
    assert!(refused.stderr.contains("--take-over"), "{refused:#?}");
    let given_up = fleet.run("one", &["abandon", "auth"]).ok();
    assert!(given_up.stdout.contains("only what is on this machine is saved here"), "{given_up:#?}");
    assert!(!first.exists() && second.join("src/b.rs").exists());
    assert_eq!(fleet.lab.git_in(&second, &["log", "-1", "--format=%s"]), "second");
}

#[test]
fn a_former_holder_sends_nothing() {
    let (fleet, first, _) = gone_on("1h");
    support::write(&first.join("src/a.rs"), "edited\n");
    let sent = fleet.there("refs/heads/odyssey/auth");
    let refused = fleet.lab.odyssey_in(&first, &["park", "--push"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert_eq!(fleet.there("refs/heads/odyssey/auth"), sent);
    assert_eq!(fleet.there("refs/odyssey/salvage/auth"), "");
}

#[test]
fn what_an_earlier_task_of_the_same_name_left_on_the_remote_is_not_resumed() {
    let (fleet, _, second) = gone_on("1h");
    fleet.run("two", &["land", "auth", "--squash"]).ok();
    assert!(!second.exists());
    fleet.run("two", &["claim", "auth", "--region", "src/**", "--for", "codex-1"]).ok();
    commit(&fleet, &second, "src/c.rs", "third");
    fleet.run("two", &["park", "auth"]).ok();
    add_third(&fleet);
    let refused = fleet.run("three", &["resume", "auth"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("neither on this machine nor on origin"), "{refused:#?}");
    let refused = fleet.run("two", &["park", "auth", "--push"]);
    assert!(refused.stderr.contains("git push origin --delete odyssey/auth"), "{refused:#?}");
    fleet.lab.git_in(&second, &["push", "--quiet", "origin", "--delete", "odyssey/auth"]);
    fleet.run("two", &["park", "auth", "--push"]).ok();
    fleet.run("three", &["resume", "auth"]).ok();
    let third = fleet.workspace("three", "auth");
    assert_eq!(fleet.lab.git_in(&third, &["log", "-1", "--format=%s"]), "third");
}

#[test]
fn a_claim_stacks_on_parked_work_that_another_machine_sent_and_on_no_other() {
    let (fleet, _, second) = gone_on("1h");
    fleet.run("two", &["park", "auth"]).ok();
    fleet.lab.git_in(&fleet.machine("two"), &["push", "--quiet", "origin", "--delete", "odyssey/auth"]);
    let claim = ["claim", "next", "--region", "src/**", "--for", "claude-1", "--stack"];
    let refused = fleet.run("one", &claim);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("neither on this machine nor on origin"), "{refused:#?}");
    fleet.run("two", &["park", "auth", "--push"]).ok();
    fleet.run("one", &claim).ok();
    let next = fleet.workspace("one", "next");
    let tip = fleet.lab.git_in(&second, &["rev-parse", "HEAD"]);
    assert_eq!(fleet.lab.git_in(&next, &["rev-parse", "HEAD"]), tip);
}

#[test]
fn what_cannot_be_unpacked_is_not_left_active() {
    let (fleet, _, second) = gone_on("1h");
    fleet.run("two", &["park", "auth", "--push"]).ok();
    add_third(&fleet);
    let third = fleet.workspace("three", "auth");
    support::write(&third.join("mine"), "mine\n");
    let granted = fleet.there(LEDGER);
    let refused = fleet.run("three", &["resume", "auth"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("exists already, where the workspace of auth would be"), "{refused:#?}");
    assert_eq!(fleet.there(LEDGER), granted, "it was not granted");
    std::fs::remove_dir_all(&third).unwrap();

    // What fails only after the grant leaves it parked.
    let policy = fleet.machine("three").join("odyssey.toml");
    support::write(&policy, "[workspace]\nsetup = [\"false\"]\n");
    let failed = fleet.run("three", &["resume", "auth"]);
    assert_ne!(failed.code, 0, "{failed:#?}");
    assert!(failed.stderr.contains("it is parked again"), "{failed:#?}");
    assert!(fleet.run("three", &["status"]).ok().stdout.contains("parked"));
    std::fs::remove_file(&policy).unwrap();
    fleet.run("three", &["resume", "auth"]).ok();
    assert_eq!(fleet.lab.git_in(&third, &["log", "-1", "--format=%s"]), "second");
    assert!(second.exists());
    fleet.run("three", &["land", "auth"]).ok();
}

#[test]
fn edits_that_were_discarded_on_the_way_do_not_come_back() {
    let fleet = Fleet::of(&["one", "two", "three"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    support::write(&first.join("src/a.rs"), "edited\n");
    fleet.run("one", &["park", "auth", "--push"]).ok();
    let edited = fleet.there("refs/odyssey/salvage/auth");
    fleet.run("two", &["resume", "auth"]).ok();
    let second = fleet.workspace("two", "auth");
    std::fs::remove_file(second.join("src/a.rs")).unwrap();
    let parked = fleet.run("two", &["park", "auth", "--push"]).ok();
    assert!(parked.stdout.contains("  its commits are on origin"), "{parked:#?}");
    fleet.run("three", &["resume", "auth"]).ok();
    let third = fleet.workspace("three", "auth");
    assert!(!third.join("src/a.rs").exists());
    assert!(fleet.lab.git_in(&third, &["status", "--porcelain"]).is_empty());
    // They are saved all the same.
    fleet.lab.git_in(&fleet.bare(), &["merge-base", "--is-ancestor", &edited, "refs/odyssey/salvage/auth"]);
}

#[test]
fn edits_go_from_one_machine_to_another_and_back() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    support::write(&first.join("src/a.rs"), "one\n");
    fleet.run("one", &["park", "auth", "--push"]).ok();
    fleet.run("two", &["resume", "auth"]).ok();
    support::write(&fleet.workspace("two", "auth").join("src/a.rs"), "two\n");
    fleet.run("two", &["park", "auth", "--push"]).ok();
    let theirs = fleet.there("refs/odyssey/salvage/auth");

    // The edits that stayed here are older, and only a person may say so.
    let refused = fleet.run("one", &["resume", "auth"]);
    assert!(refused.stderr.contains("commit its edits on a branch of their own"), "{refused:#?}");
    assert_eq!(std::fs::read_to_string(first.join("src/a.rs")).unwrap(), "one\n");
    fleet.lab.git_in(&first, &["stash", "--include-untracked", "--quiet"]);
    // Saved here once more, beside what was sent.
    fleet.run("one", &["resume", "auth", "--for", "codex-1"]).ok();
    assert_eq!(std::fs::read_to_string(first.join("src/a.rs")).unwrap(), "two\n");
    support::write(&first.join("src/a.rs"), "three\n");
    let parked = fleet.run("one", &["park", "auth", "--push"]).ok();
    assert!(parked.stdout.contains("its commits and its edits are on origin"), "{parked:#?}");
    fleet.lab.git_in(&fleet.bare(), &["merge-base", "--is-ancestor", &theirs, "refs/odyssey/salvage/auth"]);
    let saved = fleet.run("one", &["salvage", "list"]).ok();
    let subjects = saved.stdout.lines().filter(|line| line.contains("sent to another machine")).count();
    assert_eq!(subjects, 3, "{saved:#?}");
}

/// One machine has parked and sent `auth`, with a commit and an edit.
fn sent() -> (Fleet, PathBuf) {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    commit(&fleet, &first, "src/a.rs", "first");
    support::write(&first.join("src/b.rs"), "edited");
    fleet.run("one", &["park", "auth", "--push"]).ok();
    (fleet, first)
}

#[test]
fn what_was_sent_is_brought_and_nothing_that_somebody_put_on_top() {
    let (fleet, first) = sent();
    let sent = fleet.lab.git_in(&first, &["rev-parse", "HEAD"]);
    let told = fleet.lab.git_in(&fleet.bare(), &["log", "-1", "--format=%B", LEDGER]);
    assert!(told.contains(&format!("Odyssey-Commit: {sent}")), "{told}");
    let saved = fleet.there("refs/odyssey/salvage/auth");
    assert!(told.contains(&format!("Odyssey-Salvage: {saved}")), "{told}");
    for name in ["refs/heads/odyssey/auth", "refs/odyssey/salvage/auth"] {
        let old = fleet.there(name);
        let more = ["commit-tree", "-p", &old, "-m", "not mine", &format!("{old}^{{tree}}")];
        let more = fleet.lab.git_in(&fleet.bare(), &more);
        fleet.lab.git_in(&fleet.bare(), &["update-ref", name, &more]);
    }
    let resumed = fleet.run("two", &["resume", "auth"]).ok();
    assert!(
        resumed.stderr.contains("origin has other commits on top of what was sent of auth"),
        "{resumed:#?}"
    );
    let second = fleet.workspace("two", "auth");
    assert_eq!(fleet.lab.git_in(&second, &["rev-parse", "HEAD"]), sent);
    assert_eq!(std::fs::read_to_string(second.join("src/b.rs")).unwrap(), "edited");
}

#[test]
fn what_the_remote_has_lost_of_what_was_sent_is_missed() {
    for name in ["refs/heads/odyssey/auth", "refs/odyssey/salvage/auth"] {
        for lost in ["-d", "refs/heads/main"] {
            let (fleet, _) = sent();
            let ledger = fleet.there(LEDGER);
            let words =
                if lost == "-d" { vec!["update-ref", lost, name] } else { vec!["update-ref", name, lost] };
            fleet.lab.git_in(&fleet.bare(), &words);
            let refused = fleet.run("two", &["resume", "auth"]);
            assert_eq!(refused.code, 1, "{refused:#?}");
            assert!(refused.stderr.contains("does not have any more what was sent of auth"), "{refused:#?}");
            assert_eq!(fleet.there(LEDGER), ledger, "it was not granted");
            assert!(!fleet.workspace("two", "auth").exists());
        }
    }
}

#[test]
fn what_is_parked_first_and_sent_later_is_told_too_and_what_is_sent_by_hand_is_said() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    commit(&fleet, &first, "src/a.rs", "first");
    fleet.run("one", &["park", "auth"]).ok();
    fleet.run("one", &["park", "auth", "--push"]).ok();
    let quiet = fleet.run("two", &["resume", "auth"]).ok();
    assert_eq!(quiet.stderr, "");
    let second = fleet.workspace("two", "auth");
    commit(&fleet, &second, "src/b.rs", "second");
    fleet.run("two", &["park", "auth"]).ok();
    fleet.lab.git_in(&second, &["push", "--quiet", "--no-verify", "origin", "odyssey/auth"]);
    let said = fleet.run("one", &["resume", "auth"]).ok();
    assert!(said.stderr.contains("the ledger does not tell that work of auth was sent"), "{said:#?}");
    assert_eq!(fleet.lab.git_in(&first, &["log", "-1", "--format=%s"]), "second");
}

#[test]
fn a_resumption_that_is_killed_stops_no_other() {
    let rounds = support::number("GIT_ODYSSEY_ROUNDS", 6);
    let mut dice = Dice::new(Dice::seed());
    let (fleet, _) = sent();
    let begun = Instant::now();
    fleet.run("two", &["resume", "auth"]).ok();
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    for round in 0..rounds {
        let (task, region) = (format!("task-{round}"), format!("lib/{round}/**"));
        fleet.run("one", &["claim", &task, "--region", &region, "--for", "claude-1"]).ok();
        let first = fleet.workspace("one", &task);
        commit(&fleet, &first, &format!("lib/{round}/a"), "first");
        support::write(&first.join(format!("lib/{round}/b")), "edited");
        fleet.run("one", &["park", &task, "--push"]).ok();
        let mut command = fleet.lab.command(ODYSSEY, &fleet.machine("two"), &["resume", &task]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mark = format!("resume-{}-{round}", std::process::id());
        process::mark(&mut command, &mark);
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_micros(whole / 3 + dice.below(whole)));
        if dice.below(2) == 0 {
            // Ours alone: a git that it had started goes on.
            let _ = child.kill();
        } else {
            process::kill_marked(&mark);
        }
        child.wait().unwrap();
        let mut again = fleet.run("two", &["resume", &task]);
        // A killed git's own locks are only taken away when they are old: here a person does.
        if again.code != 0 && again.stderr.contains(".lock") {
            let git = fleet.machine("two").join(".git");
            // Not those in our own folder; a branch of ours is in another of that name.
            let ours = git.join("odyssey/*");
            let words = [&git, &ours].map(|path| path.to_str().unwrap());
            let words = [words[0], "-name", "*.lock", "-not", "-path", words[1], "-delete"];
            support::Run::of(&mut fleet.lab.command("find", &git, &words)).ok();
            again = fleet.run("two", &["resume", &task]);
        }
        assert!(!again.stderr.contains("does not tell"), "{again:#?}");
        let second = fleet.workspace("two", &task);
        // It may have been complete, and killed when there was nothing left to do.
        assert!(again.code == 0 || again.stderr.contains("is active"), "{again:#?}");
        fleet.lab.odyssey_in(&second, &["renew"]).ok();
        assert_eq!(std::fs::read_to_string(second.join(format!("lib/{round}/b"))).unwrap(), "edited");
        let status = fleet.lab.git_in(&second, &["status", "--porcelain", "--untracked-files=all"]);
        assert_eq!(status, format!("?? lib/{round}/b"));
    }
    fleet.check();
}

#[test]
fn a_resumption_that_is_killed_while_it_writes_edits_into_a_workspace_is_done_again() {
    for all in [true, false] {
        let (fleet, first, second) = gone_on("1h");
        let (hold, writing) = (fleet.lab.root().join("hold"), fleet.lab.root().join("writing"));
        // git waits in the middle of writing: some files are there, one is not, and others are still to come.
        let smudge = format!(
            "touch '{}'; while [ -e '{}' ]; do sleep 0.01; done; cat",
            writing.display(),
            hold.display()
        );
        let one = fleet.machine("one");
        fleet.lab.git_in(&one, &["config", "filter.slow.smudge", &smudge]);
        fleet.lab.git_in(&one, &["config", "filter.slow.clean", "cat"]);
        commit(&fleet, &second, "src/.gitattributes", "m.txt filter=slow\n");
        commit(&fleet, &second, "src/a.txt", "committed\n");
        for file in ["a.txt", "b.txt", "m.txt", "z.txt"] {
            support::write(&second.join("src").join(file), "edited\n");
        }
        fleet.lab.git_in(&second, &["add", "src/b.txt"]);
        fleet.run("two", &["park", "auth", "--push"]).ok();
        support::write(&hold, "");
        let mut command = fleet.lab.command(ODYSSEY, &one, &["resume", "auth"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mark = format!("bring-{}-{all}", std::process::id());
        process::mark(&mut command, &mark);
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        while !writing.exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing was written");
            std::thread::sleep(Duration::from_millis(2));
        }
        if all {
            process::kill_marked(&mark);
        } else {
            // Ours alone: the git that writes goes on.
            child.kill().unwrap();
        }
        child.wait().unwrap();
        std::fs::remove_file(&hold).unwrap();
        fleet.run("one", &["resume", "auth"]).ok();
        process::wait_for_marked(&mark);
        let status = fleet.lab.git_in(&first, &["status", "--porcelain", "--untracked-files=all"]);
        assert_eq!(status, " M src/a.txt\nA  src/b.txt\n?? src/m.txt\n?? src/z.txt");
        assert_eq!(std::fs::read_to_string(first.join("src/m.txt")).unwrap(), "edited\n");
        fleet.lab.odyssey_in(&first, &["renew"]).ok();
        fleet.check();
    }
}

#[test]
fn work_on_another_machine_is_taken_over_in_the_open_and_its_owner_keeps_and_learns_it() {
    let take = ["claim", "next", "--region", "src/**", "--for", "codex-1", "--take-over"];
    // Never sent: it is said, and the owner's machine keeps all.
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    let first = fleet.workspace("one", "auth");
    commit(&fleet, &first, "src/a.rs", "first");
    support::write(&first.join("src/b.rs"), "edited");
    fleet.run("one", &["park", "auth"]).ok();
    let taken = fleet.run("two", &take).ok();
    assert!(taken.stdout.contains("the work of auth is not saved here: it was never sent"), "{taken:#?}");
    let event = fleet.lab.git_in(&fleet.bare(), &["log", "-2", "--format=%B", LEDGER]);
    assert!(event.contains("Odyssey-Elsewhere: not-sent"), "{event}");
    let work = ["claim", "docs", "--region", "docs/**", "--for", "claude-1"];
    let told = fleet.run("one", &work).ok();
    let stays = format!("what is in {} stays as it is", first.display());
    assert!(told.stderr.contains("the lease of auth (fence 1) has ended"), "{told:#?}");
    assert!(told.stderr.contains(&stays), "{told:#?}");
    let once = fleet.run("one", &["renew", "docs"]).ok();
    assert!(!once.stderr.contains("auth"), "{once:#?}");
    fleet.run("one", &["doctor", "--fix"]);
    assert_eq!(std::fs::read_to_string(first.join("src/b.rs")).unwrap(), "edited");
    assert_eq!(fleet.lab.git_in(&first, &["log", "-1", "--format=%s"]), "first");
    assert_eq!(fleet.run("one", &["claim", "auth", "--region", "lib/**", "--for", "claude-1"]).code, 1);

    // Sent: what was sent is saved where it is taken.
    let (fleet, first) = sent();
    let taken = fleet.run("two", &[&take[..], &["--json"]].concat()).ok();
    assert_eq!(taken.json()["result"]["taken"][0]["elsewhere"], "sent", "{taken:#?}");
    fleet.run("two", &["release", "next"]).ok();
    let saved = fleet.run("two", &["salvage", "list"]).ok();
    assert!(saved.stdout.contains("its regions go to next"), "{saved:#?}");
    let tip = fleet.lab.git_in(&first, &["rev-parse", "HEAD"]);
    for kept in [tip, fleet.there("refs/odyssey/salvage/auth")] {
        let words = ["merge-base", "--is-ancestor", &kept, "refs/odyssey/salvage/auth"];
        fleet.lab.git_in(&fleet.machine("two"), &words);
    }
}
