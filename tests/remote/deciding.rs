//! Deciding on the remote: claims, their ends, and what each machine sees of them.

use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support::Run;
use crate::support::process::Barrier;

#[test]
fn what_one_machine_claims_another_cannot() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"]).ok();
    let refused = fleet.run("two", &["claim", "other", "--region", "src/auth/a.rs", "--for", "codex-1"]);
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(refused.stderr.contains("held by auth (claude-1, agent)"), "{refused:#?}");
    let free = fleet.run("two", &["claim", "docs", "--region", "docs/**", "--for", "codex-1"]).ok();
    assert!(free.stdout.contains("fence 2"), "{free:#?}");
    // What the second machine has seen, the first sees when it asks.
    assert!(fleet.workspace("two", "docs").join(".odyssey/lease.toml").exists());
    fleet.run("one", &["release", "auth"]).ok();
    fleet.run("two", &["claim", "other", "--region", "src/auth/a.rs", "--for", "codex-1"]).ok();
    assert_eq!(fleet.there(LEDGER), fleet.here("two", LEDGER));
    assert_eq!(fleet.check(), 5, "init, three claims and a release");
}

#[test]
fn of_many_machines_that_claim_one_region_at_once_exactly_one_wins() {
    let names = ["one", "two", "three", "four"];
    let fleet = Fleet::of(&names);
    for round in 0..crate::support::number("GIT_ODYSSEY_ROUNDS", 3) {
        let mut barrier = Barrier::closed();
        for name in names {
            for number in 0..2 {
                let task = format!("{name}-{number}");
                let words = ["claim", &task, "--region", "src/**", "--for", "someone", "--here"];
                barrier.add(&fleet.lab, &fleet.machine(name), &words);
            }
        }
        let answers = barrier.answers();
        let winners: Vec<usize> = (0..answers.len()).filter(|&place| answers[place].code == 0).collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:#?}");
        for (place, answer) in answers.iter().enumerate() {
            assert!(place == winners[0] || answer.code == 3, "round {round}: {answer:#?}");
        }
        let name = names[winners[0] / 2];
        fleet.run(name, &["release", &format!("{name}-{}", winners[0] % 2)]).ok();
    }
    fleet.check();
}

#[test]
fn one_claim_takes_one_fetch_and_one_push() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("two", &["claim", "docs", "--region", "docs/**", "--for", "codex-1", "--here"]).ok();
    let trace = fleet.lab.root().join("trace");
    let words = ["claim", "auth", "--region", "src/**", "--for", "claude-1", "--here"];
    let environment = [("GIT_TRACE2_EVENT", trace.to_str().unwrap())];
    fleet.lab.odyssey_in_with(&fleet.machine("one"), &words, &environment).ok();
    let trace = std::fs::read_to_string(trace).unwrap();
    let starts: Vec<serde_json::Value> = trace
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        // Without those that git itself started: a session of theirs has its parent in front.
        .filter(|event| event["event"] == "start" && !event["sid"].as_str().unwrap().contains('/'))
        .collect();
    let named = |name: &str| {
        let has = |event: &&serde_json::Value| {
            event["argv"].as_array().unwrap().iter().any(|word| word.as_str() == Some(name))
        };
        starts.iter().filter(has).count()
    };
    assert_eq!((named("fetch"), named("push"), named("ls-remote")), (1, 1, 0), "{starts:#?}");
}

#[test]
fn a_claim_waits_for_what_another_machine_holds() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "a", "--here"]).ok();
    let words = ["claim", "next", "--region", "src/a/**", "--for", "b", "--here", "--wait=60s"];
    let mut barrier = Barrier::closed();
    barrier.add(&fleet.lab, &fleet.machine("two"), &words);
    let waiting = barrier.open();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let shown = fleet.run("two", &["status"]).ok();
    assert!(!shown.stdout.contains("next"), "{shown:#?}");
    fleet.run("one", &["release", "auth"]).ok();
    // Nothing on its own machine tells it of that.
    for child in waiting {
        Run::from(child.wait_with_output().unwrap()).ok();
    }
    let fresh = fleet.run("one", &["status", "--fetch"]).ok();
    assert!(fresh.stdout.contains("next") && !fresh.stdout.contains("auth"), "{fresh:#?}");
}

#[test]
fn a_lease_of_another_machine_for_a_checkout_there_keeps_nobody_here() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "a", "--here"]).ok();
    fleet.run("two", &["uninstall"]).ok();
    let refused = fleet.run("one", &["uninstall"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("live: auth"), "{refused:#?}");
}

#[test]
fn a_remote_is_joined_or_given_the_ledger_and_let_go_without_a_trace() {
    let fleet = Fleet::unprepared(&["one", "two", "three"], |bare| bare.to_str().unwrap().to_owned());
    let before = std::fs::read(fleet.machine("one").join(".git/config")).unwrap();
    // A ledger of one machine becomes that of all.
    fleet.run("one", &["init"]).ok();
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1", "--here"]).ok();
    let sent = fleet.run("one", &["init", "--remote", "origin"]).ok();
    assert!(
        sent.stdout.contains("decided by origin, which was given it as refs/odyssey/ledger"),
        "{sent:#?}"
    );
    let joined = fleet.run("two", &["init", "--remote", "origin"]).ok();
    assert!(joined.stdout.contains("decided by origin, which had it as refs/odyssey/ledger"), "{joined:#?}");
    assert_eq!(fleet.run("two", &["claim", "x", "--region", "src/a", "--for", "b", "--here"]).code, 3);
    // A ledger in which something lives does not give way to another one.
    fleet.run("three", &["init"]).ok();
    fleet.run("three", &["claim", "mine", "--region", "docs/**", "--for", "b", "--here"]).ok();
    let refused = fleet.run("three", &["init", "--remote", "origin"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("mine is live in the one here"), "{refused:#?}");
    fleet.run("three", &["release", "mine"]).ok();
    fleet.run("three", &["init", "--remote", "origin"]).ok();
    assert_eq!(fleet.here("three", LEDGER), fleet.there(LEDGER));

    fleet.run("one", &["release", "auth"]).ok();
    let ledger = fleet.there(LEDGER);
    fleet.run("one", &["uninstall"]).ok();
    assert_eq!(std::fs::read(fleet.machine("one").join(".git/config")).unwrap(), before);
    assert_eq!(fleet.lab.git_in(&fleet.machine("one"), &["for-each-ref", "refs/odyssey"]), "");
    assert_eq!(fleet.there(LEDGER), ledger, "the remote keeps what is everybody's");
}

#[test]
fn what_is_no_remote_does_not_decide() {
    let fleet = Fleet::of(&["one"]);
    let config = || std::fs::read(fleet.machine("one").join(".git/config")).unwrap();
    let before = config();
    for name in ["", " ", ".", "origin\n[core]"] {
        let refused = fleet.run("one", &["init", "--remote", name]);
        assert_eq!(refused.code, 2, "{name:?}: {refused:#?}");
        assert_eq!(config(), before, "{name:?}");
    }
}

#[test]
fn a_remote_that_takes_only_branches_is_given_the_ledger_as_one() {
    let fleet = Fleet::unprepared(&["one", "two"], |bare| bare.to_str().unwrap().to_owned());
    let hook =
        "#!/bin/sh\ncase \"$1\" in refs/heads/*|refs/tags/*) ;; *) echo only branches >&2; exit 1;; esac\n";
    plant(&fleet.bare().join("hooks/update"), hook);
    let sent = fleet.run("one", &["init", "--remote", "origin"]).ok();
    assert!(sent.stdout.contains("which was given it as refs/heads/odyssey/ledger"), "{sent:#?}");
    fleet.run("two", &["init", "--remote", "origin"]).ok();
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    assert_eq!(fleet.run("two", &["claim", "x", "--region", "src/a", "--for", "b", "--here"]).code, 3);
    assert_eq!(fleet.there("refs/heads/odyssey/ledger"), fleet.here("two", LEDGER));
}

/// Plants a program.
pub fn plant(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    crate::support::write(path, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
