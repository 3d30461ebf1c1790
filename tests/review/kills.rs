//! Kills at random moments: every decision that was answered is there, and the review goes on.
//!
//! `GIT_ODYSSEY_MOMENTS` sets the number of kills. A failed round prints its seed.

use std::time::Duration;
use std::time::Instant;

use super::lab_of;
use super::review;
use super::support;
use super::support::dice::Dice;

#[test]
fn a_review_killed_at_any_moment_goes_on_with_every_decision_that_was_answered() {
    let seed = Dice::seed();
    let mut dice = Dice::new(seed);
    let count = 40;
    let lab = lab_of(
        &format!("for n in $(seq {count}); do echo base > f$n; done"),
        &format!("for n in $(seq {count}); do echo main > f$n; done"),
        &format!("for n in $(seq {count}); do echo task > f$n; done"),
    );
    let begun = Instant::now();
    review(&lab, &["--list"]);
    let whole = begun.elapsed().max(Duration::from_millis(5));
    let moments = support::number("GIT_ODYSSEY_MOMENTS", 20);
    // What a decision was when it was last answered; what was killed may stand or not.
    let mut known: Vec<Option<&str>> = vec![None; count];
    for round in 0..moments {
        let file = usize::try_from(dice.below(count as u64)).unwrap();
        let choice = dice.one_of(&["ours", "theirs", "both"]);
        let path = format!("f{}", file + 1);
        let mut child = lab
            .command("git-odyssey", &lab.main(), &["review", "work", "--take", &path, choice])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let moment = whole.as_micros() as u64 * dice.below(1_300) / 1_000;
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if begun.elapsed() >= Duration::from_micros(moment) {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::yield_now();
        };
        let list = review(&lab, &["--list"]);
        let said = |path: &str| {
            let files = list["files"].as_array().unwrap();
            let found = files.iter().find(|file| file["path"] == path).unwrap();
            found["items"][0]["resolution"]["choice"].as_str().map(str::to_owned)
        };
        let now = said(&path);
        match status {
            Some(status) if status.success() => {
                assert_eq!(now.as_deref(), Some(choice), "seed {seed}, round {round}")
            }
            Some(status) => panic!("seed {seed}, round {round}: {status}"),
            None => assert!(
                now.as_deref() == Some(choice) || now.as_deref() == known[file],
                "seed {seed}, round {round}: {now:?}"
            ),
        }
        known[file] = ["ours", "theirs", "both"].into_iter().find(|name| now.as_deref() == Some(name));
        for (other, known) in known.iter().enumerate() {
            assert_eq!(said(&format!("f{}", other + 1)).as_deref(), *known, "seed {seed}, round {round}");
        }
    }
    review(&lab, &["--take", "all", "theirs"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    lab.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_landing_with_uncommitted_edits_killed_at_any_moment_loses_none_of_them() {
    let seed = Dice::seed();
    let mut dice = Dice::new(seed);
    let base = "for n in $(seq 12); do echo line $n; done > f; cp f g; cp f h";
    let lab =
        lab_of(base, "echo > other", "for f in f g h; do sed -i 's/line 3/task 3/' $f; done; echo > new");
    let files = ["f", "g", "h", "new"];
    let edit = "sed -i 's/line 3$/mine 3/' f; sed -i 's/line 9/mine 9/' g; git add g; rm h; echo mine > new";
    super::script(&lab, &lab.main(), edit);
    let all = || {
        let read = |path: &str| std::fs::read_to_string(lab.main().join(path)).ok();
        (lab.git(&["status", "--porcelain"]), files.map(read))
    };
    review(&lab, &["--edits", "--take", "f", "both", "--take", "h", "ours", "--take", "new", "both"]);
    let (before, old) = (all(), lab.git(&["rev-parse", "main"]));
    let both = |one: &str, other: &str| {
        let lines = (1..=12).map(|n| match n {
            3 => format!("{one}task 3\n"),
            9 => format!("{other} 9\n"),
            n => format!("line {n}\n"),
        });
        Some(lines.collect::<String>())
    };
    let after = [both("mine 3\n", "line"), both("", "mine"), None, Some("mine\n\n".to_owned())];
    let mut moment = 0;
    let mut landed = false;
    while !landed {
        let mut child = lab
            .command("git-odyssey", &lab.main(), &["review", "work", "--finish"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        moment += 20 + dice.below(60);
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_millis(moment) {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let doctor = lab.odyssey(&["doctor", "--fix"]);
        landed = lab.git(&["rev-parse", "main"]) != old;
        let now = all();
        if landed {
            assert_eq!(now.1, after, "seed {seed}, {moment} ms: {doctor:#?}");
            assert_eq!(now.0, " M f\nM  g\n D h\n M new", "seed {seed}, {moment} ms");
        } else {
            assert_eq!(now, before, "seed {seed}, {moment} ms: {doctor:#?}");
        }
        assert!(moment < 60_000, "it never lands");
    }
    assert_eq!(lab.git(&["diff", "--name-only", &old, "main"]), "f\ng\nh\nnew");
    assert!(!lab.git(&["show", "main:f"]).contains("mine"));
    lab.git(&["fsck", "--strict", "--no-dangling"]);
}
