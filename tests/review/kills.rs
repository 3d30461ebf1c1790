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
