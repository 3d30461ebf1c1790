//! Folding where a remote decides: one machine folds the history, and all others go on from there, or refuse what is no fold.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::deciding::plant;
use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support::history;
use crate::support::process::Barrier;

fn claim(fleet: &Fleet, machine: &str, task: &str) {
    let region = format!("{task}/**");
    fleet.run(machine, &["claim", task, "--region", &region, "--for", "someone", "--here"]).ok();
}

/// The subjects of all events that a machine can tell of, newest first.
fn log(fleet: &Fleet, machine: &str) -> Vec<String> {
    let json = fleet.run(machine, &["log", "--json"]).ok().json();
    let events = json["result"]["events"].as_array().unwrap();
    events.iter().map(|event| event["subject"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_machine_folds_the_history_and_the_others_go_on() {
    let fleet = Fleet::of(&["one", "two", "away"]);
    claim(&fleet, "two", "two-a");
    let before = fleet.there(LEDGER);
    let folded = fleet.run("one", &["compact"]).ok();
    assert!(folded.stdout.contains(&format!("under refs/odyssey/archive/{before}")), "{folded:#?}");
    assert_eq!(fleet.there(&format!("refs/odyssey/archive/{before}")), before);
    assert_eq!(fleet.here("one", LEDGER), fleet.there(LEDGER));
    assert!(fleet.run("one", &["compact"]).ok().stdout.contains("nothing to fold"));
    // The other machine's lease is what it was, and so is what it excludes.
    fleet.run("two", &["renew", "two-a", "--ttl", "2h"]).ok();
    assert_eq!(fleet.run("one", &["claim", "x", "--region", "two-a/x", "--for", "b", "--here"]).code, 3);
    claim(&fleet, "one", "one-a");
    fleet.run("two", &["compact"]).ok();
    claim(&fleet, "one", "one-b");
    fleet.run("one", &["compact"]).ok();
    // On the server itself it is the same.
    claim(&fleet, "two", "two-b");
    fleet.lab.odyssey_in(&fleet.bare(), &["compact"]).ok();
    // Whoever has missed all of it finds the way from what it saw last.
    claim(&fleet, "away", "away-a");
    fleet.run("two", &["release", "two-a"]).ok();
    fleet.run("one", &["status", "--fetch"]).ok();
    fleet.run("away", &["status", "--fetch"]).ok();
    let subjects = log(&fleet, "one");
    assert_eq!(subjects.last().unwrap(), "init the ledger");
    assert_eq!(subjects.iter().filter(|subject| subject.starts_with("compact ")).count(), 4);
    assert_eq!(log(&fleet, "two"), subjects);
    assert_eq!(log(&fleet, "away"), subjects);
    assert_eq!(fleet.check(), subjects.len());
    for name in ["one", "two", "away"] {
        // What is folded away is kept on each machine, so nothing that cleans up takes it.
        fleet.lab.git_in(&fleet.machine(name), &["gc", "--quiet", "--prune=now"]);
        assert_eq!(log(&fleet, name), subjects, "{name}");
        fleet.run(name, &["doctor"]).ok();
    }
}

#[test]
fn machines_fold_and_claim_at_once_and_no_grant_is_lost() {
    let names = ["one", "two", "three"];
    let fleet = Fleet::of(&names);
    let mut changes = BTreeMap::from([("init", 1)]);
    let mut folds = BTreeSet::new();
    let mut live: Vec<(String, &str)> = Vec::new();
    for wave in 0..crate::support::number("GIT_ODYSSEY_WAVES", 3) {
        let (mut barrier, mut asked) = (Barrier::closed(), Vec::new());
        for (task, name) in std::mem::take(&mut live) {
            barrier.add(&fleet.lab, &fleet.machine(name), &["release", &task]);
            asked.push(("release", task, name));
        }
        for name in names {
            for number in 0..3 {
                let task = format!("{name}-{wave}-{number}");
                let region = format!("{task}/**");
                let words = ["claim", &task, "--region", &region, "--for", "someone", "--here"];
                barrier.add(&fleet.lab, &fleet.machine(name), &words);
                asked.push(("claim", task, name));
            }
            barrier.add(&fleet.lab, &fleet.machine(name), &["compact", "--json"]);
            asked.push(("compact", String::new(), name));
        }
        for ((verb, task, name), answer) in asked.into_iter().zip(barrier.answers()) {
            assert_eq!(answer.code, 0, "wave {wave}: {verb} {task} on {name}: {answer:#?}");
            match verb {
                // Two machines that fold the same in the same second make the same commit.
                "compact" => folds.extend(answer.json()["result"]["commit"].as_str().map(str::to_owned)),
                _ => *changes.entry(verb).or_insert(0) += 1,
            }
            if verb == "claim" {
                live.push((task, name));
            }
        }
    }
    changes.insert("compact", folds.len());
    assert_eq!(fleet.check(), changes.values().sum::<usize>(), "{changes:?}");
    fleet.run("one", &["status", "--fetch"]).ok();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    let subjects = log(&fleet, "one");
    for subject in &subjects {
        *found.entry(subject.split(' ').next().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(found, changes, "{subjects:#?}");
    assert!(changes["compact"] > 0, "{changes:?}");
    assert_eq!(fleet.lab.git_in(&fleet.bare(), &["fsck", "--no-dangling"]), "");
}

#[test]
fn what_is_no_fold_of_what_was_seen_is_refused() {
    let fleet = Fleet::of(&["one", "two"]);
    claim(&fleet, "one", "one-a");
    claim(&fleet, "one", "one-b");
    fleet.run("two", &["status", "--fetch"]).ok();
    let (bare, seen) = (fleet.bare(), fleet.there(LEDGER));
    let git = |words: &[&str]| fleet.lab.git_in(&bare, words);
    let fold = |tree: &str, archived: &str| {
        let message = format!("compact 3 events\n\nOdyssey-Event: compact\nOdyssey-Archive: {archived}\n");
        git(&["commit-tree", "-m", &message, tree])
    };
    let tree = |commit: &str| git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let earlier = git(&["rev-parse", &format!("{LEDGER}~1")]);
    // A step that nobody here has seen, and an archive of it that is not there, or is something else.
    let step = git(&["commit-tree", "-p", &seen, "-m", "x\n\nOdyssey-Event: override", &tree(&seen)]);
    let cases = [
        ("another tree", fold(&tree(&earlier), &seen), ""),
        ("of an earlier state", fold(&tree(&earlier), &earlier), ""),
        ("of nothing", fold(&tree(&seen), &"1".repeat(40)), ""),
        ("without its archive", fold(&tree(&step), &step), ""),
        ("with something else as its archive", fold(&tree(&step), &step), earlier.as_str()),
    ];
    for (what, value, archive) in &cases {
        git(&["update-ref", LEDGER, value]);
        let name = format!("refs/odyssey/archive/{step}");
        if !archive.is_empty() {
            git(&["update-ref", &name, archive]);
        }
        for words in [&["claim", "x", "--region", "x", "--for", "b", "--here"][..], &["compact"], &["init"]] {
            let refused = fleet.run("two", words);
            assert_eq!(refused.code, 1, "{what}: {words:?}: {refused:#?}");
            assert!(refused.stderr.contains("was rewound or rewritten"), "{what}: {words:?}: {refused:#?}");
        }
        assert_eq!(fleet.here("two", LEDGER), seen, "{what}");
        assert_eq!(fleet.here("two", &name), "", "{what}");
        git(&["update-ref", LEDGER, &seen]);
    }
    // The same fold with its archive is one.
    git(&["update-ref", LEDGER, &cases[4].1]);
    git(&["update-ref", &format!("refs/odyssey/archive/{step}"), &step]);
    claim(&fleet, "two", "two-a");
    fleet.check();
}

#[test]
fn a_remote_that_refuses_what_is_no_fast_forward_keeps_its_history_and_says_so() {
    let fleet = Fleet::unprepared(&["one", "two"], |bare| bare.to_str().unwrap().to_owned());
    let hook =
        "#!/bin/sh\ncase \"$1\" in refs/heads/*|refs/tags/*) ;; *) echo only branches >&2; exit 1;; esac\n";
    plant(&fleet.bare().join("hooks/update"), hook);
    for name in ["one", "two"] {
        fleet.run(name, &["init", "--remote", "origin"]).ok();
    }
    claim(&fleet, "one", "one-a");
    let refs = |folder: &std::path::Path| {
        fleet
            .lab
            .git_in(folder, &["for-each-ref", "refs/heads", "refs/odyssey/ledger", "refs/odyssey/archive"])
    };
    let (there, here) = (refs(&fleet.bare()), refs(&fleet.machine("one")));
    fleet.lab.git_in(&fleet.bare(), &["config", "receive.denyNonFastForwards", "true"]);
    let refused = fleet.run("one", &["compact"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("origin did not take the change"), "{refused:#?}");
    assert!(refused.stderr.contains("receive.denyNonFastForwards"), "{refused:#?}");
    assert!(refused.stderr.contains("nothing was changed"), "{refused:#?}");
    assert_eq!(refs(&fleet.bare()), there);
    assert_eq!(refs(&fleet.machine("one")), here);
    claim(&fleet, "two", "two-a");
    // Where it is allowed, the archive is a branch as the ledger is.
    fleet.lab.git_in(&fleet.bare(), &["config", "receive.denyNonFastForwards", "false"]);
    fleet.run("one", &["compact"]).ok();
    let archives = fleet.lab.git_in(&fleet.bare(), &["for-each-ref", "refs/heads/odyssey/ledger-archive/"]);
    assert_eq!(archives.lines().count(), 1, "{archives}");
    claim(&fleet, "two", "two-b");
    assert_eq!(log(&fleet, "two").last().unwrap(), "init the ledger");
}

#[test]
fn a_folded_ledger_of_one_machine_becomes_that_of_all_with_its_archives() {
    let fleet = Fleet::unprepared(&["one", "two"], |bare| bare.to_str().unwrap().to_owned());
    fleet.lab.odyssey_in(&fleet.bare(), &["server", "install"]).ok();
    fleet.run("one", &["init"]).ok();
    claim(&fleet, "one", "one-a");
    fleet.run("one", &["compact"]).ok();
    claim(&fleet, "one", "one-b");
    fleet.run("one", &["compact"]).ok();
    let sent = fleet.run("one", &["init", "--remote", "origin"]).ok();
    assert!(sent.stdout.contains("decided by origin, which was given it"), "{sent:#?}");
    let archives =
        |folder: &std::path::Path| fleet.lab.git_in(folder, &["for-each-ref", "refs/odyssey/archive/"]);
    assert_eq!(archives(&fleet.bare()), archives(&fleet.machine("one")));
    assert_eq!(archives(&fleet.bare()).lines().count(), 2);
    assert_eq!(history::commits(&fleet.lab, &fleet.bare()).len(), 5);
    // Who joins has no need of what was before, and is told where it is.
    fleet.run("two", &["init", "--remote", "origin"]).ok();
    let told = fleet.run("two", &["log"]).ok();
    assert_eq!(told.stdout.lines().count(), 2, "{told:#?}");
    assert!(
        told.stdout.contains("what was before is not here; fetch its archive: refs/odyssey/archive/"),
        "{told:#?}"
    );
    claim(&fleet, "two", "two-a");
    fleet.run("two", &["compact"]).ok();
    fleet.run("one", &["release", "one-a"]).ok();
    fleet.check();
}
