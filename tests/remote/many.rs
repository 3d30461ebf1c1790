//! Many machines with many processes each: what must be true whoever is quicker.

use std::collections::BTreeMap;

use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support;
use crate::support::dice::Dice;
use crate::support::process::Barrier;

/// Patterns that overlap in many ways.
const POOL: [&str; 10] = [
    "src/**",
    "src/a/**",
    "src/a/*.rs",
    "src/?b/*1.rs",
    "src/b/**",
    "docs/**",
    "docs/*.md",
    "**/guide.md",
    "Cargo.toml",
    "tests/*/one.rs",
];

#[test]
fn four_machines_with_four_processes_each_never_hold_the_same() {
    let names = ["one", "two", "three", "four"];
    let fleet = Fleet::of(&names);
    let mut dice = Dice::new(Dice::seed());
    // What is live, and on which machine.
    let mut live: BTreeMap<String, &str> = BTreeMap::new();
    let mut granted = 0;
    for wave in 0..support::number("GIT_ODYSSEY_WAVES", 4) {
        let mut barrier = Barrier::closed();
        let mut asked = Vec::new();
        for name in names {
            let own: Vec<String> =
                live.iter().filter(|(_, machine)| **machine == name).map(|(task, _)| task.clone()).collect();
            for number in 0..4 {
                match own.get(number) {
                    Some(task) => {
                        let verb = dice.one_of(&["release", "release", "renew", "park"]);
                        barrier.add(&fleet.lab, &fleet.machine(name), &[verb, task]);
                        asked.push((verb, task.clone(), name));
                    }
                    None => {
                        let task = format!("{name}-{wave}-{number}");
                        let mut words = vec!["claim", &task, "--for", "someone", "--here"];
                        for _ in 0..=dice.below(2) {
                            words.extend(["--region", dice.one_of(&POOL)]);
                        }
                        barrier.add(&fleet.lab, &fleet.machine(name), &words);
                        asked.push(("claim", task, name));
                    }
                }
            }
        }
        for ((verb, task, name), answer) in asked.into_iter().zip(barrier.answers()) {
            match (verb, answer.code) {
                ("claim", 0) => {
                    granted += 1;
                    live.insert(task, name);
                }
                ("release", 0) => drop(live.remove(&task)),
                // Held by others, or parked already.
                ("claim", 3) | ("renew" | "park", 0) | ("renew", 5) => {}
                _ => panic!("wave {wave}: {verb} {task}: {answer:#?}"),
            }
        }
    }
    fleet.check();
    let log = fleet.lab.git_in(&fleet.bare(), &["log", "--format=%s", LEDGER]);
    let claims = log.lines().filter(|line| line.starts_with("claim ")).count();
    assert_eq!(claims, granted, "every grant was answered with success, and only grants were");
    assert_eq!(fleet.lab.git_in(&fleet.bare(), &["fsck", "--no-dangling"]), "");
}

#[test]
fn processes_of_one_machine_share_their_pushes() {
    let fleet = Fleet::of(&["one"]);
    let trace = fleet.lab.root().join("trace");
    std::fs::create_dir(&trace).unwrap();
    fleet.lab.git_in(
        &fleet.machine("one"),
        &["config", "--global", "trace2.eventTarget", trace.to_str().unwrap()],
    );
    let mut barrier = Barrier::closed();
    let before = fleet.check();
    for number in 0..12 {
        let (task, region) = (format!("task-{number}"), format!("src/{number}/**"));
        barrier.add(
            &fleet.lab,
            &fleet.machine("one"),
            &["claim", &task, "--region", &region, "--for", "a", "--here"],
        );
    }
    for answer in barrier.answers() {
        answer.ok();
    }
    assert_eq!(fleet.check() - before, 12);
    let mut pushes = 0;
    for entry in std::fs::read_dir(&trace).unwrap() {
        let path = entry.unwrap().path();
        // One file for each git; what that started has its parent in front.
        let text = std::fs::read_to_string(&path).unwrap();
        let first = text.lines().find(|line| line.contains("\"event\":\"start\"")).unwrap_or_default();
        pushes += usize::from(first.contains("\"push\""));
    }
    assert!((1..12).contains(&pushes), "{pushes} pushes for 12 claims");
}

#[test]
fn across_machines_a_lease_ends_by_ones_own_clock_however_wrong_the_others_is() {
    let fleet = Fleet::of(&["one", "two"]);
    let claim = |machine: &str, task: &str| {
        fleet.run(machine, &["claim", task, "--region", "src/**", "--for", task, "--ttl", "1h", "--here"])
    };
    // The holder's clock is a day behind, so by what is written its lease has ended long ago.
    fleet.lab.at("2026-11-23T01:30:00Z");
    claim("one", "slow").ok();
    fleet.lab.at("2026-11-24T01:30:00Z");
    let held = claim("two", "other");
    assert_eq!(held.code, 3, "{held:#?}");
    assert!(held.stderr.contains("1h left"), "{held:#?}");
    fleet.lab.advance(59);
    assert_eq!(claim("two", "other").code, 3);
    // Renewed by a clock that is a day behind still: the time begins anew.
    fleet.lab.at("2026-11-23T02:29:00Z");
    fleet.run("one", &["renew", "slow"]).ok();
    fleet.lab.at("2026-11-24T02:31:00Z");
    assert_eq!(claim("two", "other").code, 3);
    fleet.lab.advance(59);
    assert_eq!(claim("two", "other").code, 3);
    fleet.lab.advance(1);
    claim("two", "other").ok();
    assert_eq!(fleet.run("one", &["renew", "slow"]).code, 5, "and the holder is fenced off");
    fleet.run("two", &["release", "other"]).ok();

    // A holder's clock a day ahead does not hold for a day.
    fleet.lab.at("2026-11-25T12:00:00Z");
    claim("one", "fast").ok();
    fleet.lab.at("2026-11-24T12:00:00Z");
    assert_eq!(claim("two", "other").code, 3);
    let told = fleet.run("two", &["doctor"]);
    assert!(
        told.stdout.contains("the lease of fast was written by a clock that is at least 1d ahead"),
        "{told:#?}"
    );
    fleet.lab.advance(61);
    claim("two", "other").ok();
    fleet.check();
}

#[test]
fn a_lease_that_is_parked_elsewhere_keeps_the_end_that_was_written() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "a", "--ttl", "1h", "--here"]).ok();
    // Seen later, it ends later by the clock here; a server would take another end for more than a park.
    fleet.lab.advance(5);
    fleet.run("two", &["status", "--fetch"]).ok();
    fleet.run("two", &["park", "auth"]).ok();
    let lease = fleet.lab.git_in(&fleet.bare(), &["show", &format!("{LEDGER}:leases/auth.toml")]);
    assert!(lease.contains("phase = \"parked\""), "{lease}");
    assert!(lease.contains("expires_at = 2026-11-24T02:30:00Z"), "{lease}");
}
