//! Runners that are killed: a run that goes on afterwards ends in the same tree as one that was never killed.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::lab;
use super::landings;
use super::plan;
use super::support::Lab;
use super::support::ODYSSEY;
use super::support::dice::Dice;
use super::support::number;
use super::support::process;
use super::task;

/// Twelve tasks: some in order, one that fails once, one that leaves its work to the runner, one without changes.
fn twelve(lab: &Lab) {
    for number in 0..12 {
        lab.write(&format!("src/t{number}.txt"), format!("{number}\n"));
    }
    lab.git(&["add", "--all"]);
    lab.git(&["commit", "--quiet", "--message", "twelve files"]);
    let tasks: String = (0..12)
        .map(|number| {
            let name = format!("t{number}");
            let needs = if number % 3 == 2 { format!("needs = ['t{}']", number - 1) } else { String::new() };
            let prompt = match number {
                4 => format!(
                    "write src/{name}.txt half\nonce {name}\nwrite src/{name}.txt new {number}\ncommit it"
                ),
                6 => "say nothing".to_owned(),
                7 => format!("write src/{name}.txt new {number}"),
                _ => format!(
                    "write src/{name}.txt half\ncommit half\nwrite src/{name}.txt new {number}\ncommit whole"
                ),
            };
            task(&name, &format!("retry = 3\n{needs}\ncheck = ['sh', '-c', 'test -e src']"), &prompt)
        })
        .collect();
    plan(lab, "parallel = 3", &tasks);
}

/// Gives git's locks below a folder a time long ago, and counts them.
fn make_locks_old(folder: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Our own locks are held by processes, not by being there.
        if path.is_dir() && !path.ends_with(".git/odyssey") {
            count += make_locks_old(&path);
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            std::fs::File::open(path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            count += 1;
        }
    }
    count
}

#[test]
fn a_run_that_is_killed_at_any_moment_ends_in_the_same_tree() {
    let calm = lab();
    twelve(&calm);
    let begun = Instant::now();
    calm.odyssey(&["run", "plan.toml"]).ok();
    let whole = begun.elapsed();
    let wanted = calm.git(&["rev-parse", "main^{tree}"]);
    let once = landings(&calm);
    assert_eq!(once.len(), 11);

    let mut dice = Dice::new(Dice::seed());
    for round in 0..number("GIT_ODYSSEY_MOMENTS", 4) {
        let lab = lab();
        twelve(&lab);
        // Two kills a run, so that the second falls into a run that goes on.
        for kill in 0..2 {
            let mark = format!("killed-{round}-{kill}-{}", std::process::id());
            let mut command = lab.command(ODYSSEY, &lab.main(), &["run", "plan.toml"]);
            process::mark(&mut command, &mark);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let after = Duration::from_micros(dice.below(u64::try_from(whole.as_micros()).unwrap()));
            let begun = Instant::now();
            while begun.elapsed() < after && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            if round % 2 == 0 {
                child.kill().unwrap();
            } else {
                // All of it at once: agents, git, and what keeps them.
                process::kill_marked(&mark);
            }
            child.wait().unwrap();
            // What it had started ends with it.
            process::wait_for_marked(&mark);
        }
        let mut last = lab.odyssey(&["run", "plan.toml"]);
        if last.code != 0 && make_locks_old(&lab.main().join(".git")) > 0 {
            // A killed git leaves locks in the repository itself; the doctor removes them when they are old.
            lab.odyssey(&["doctor", "--fix"]);
            last = lab.odyssey(&["run", "plan.toml"]);
        }
        assert_eq!(last.code, 0, "round {round}: {last:#?}");
        assert_eq!(lab.git(&["rev-parse", "main^{tree}"]), wanted, "round {round}: {last:#?}");
        let journal =
            std::fs::read_to_string(lab.main().join(".git/odyssey/runs/plan/journal.jsonl")).unwrap();
        let ledger = lab.git(&["log", "--format=%h %ct %s", "refs/odyssey/ledger"]);
        assert_eq!(landings(&lab), once, "round {round}: each lands once\n{journal}\n{ledger}");
        lab.git(&["fsck", "--strict", "--no-dangling"]);
        // A removal that met the lock of a killed git is left for the next command, or for the doctor.
        make_locks_old(&lab.main().join(".git"));
        lab.odyssey(&["doctor", "--fix"]).ok();
        let doctor = lab.odyssey(&["doctor"]);
        assert_eq!(doctor.code, 0, "round {round}: {doctor:#?}");
    }
}
