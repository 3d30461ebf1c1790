//! Contention: many processes at once, and what must be true whoever wins.

#![allow(clippy::unwrap_used, reason = "a step that cannot be taken fails the test, and shows where")]

mod support;

use std::collections::BTreeSet;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use support::Lab;
use support::Run;
use support::dice::Dice;
use support::history;
use support::process::Barrier;

#[test]
fn of_64_claims_of_one_region_at_once_exactly_one_wins_and_the_others_are_told_by_whom() {
    let lab = Lab::new();
    let rounds = support::number("GIT_ODYSSEY_ROUNDS", 12);
    for round in 0..rounds {
        let mut barrier = Barrier::closed();
        for number in 0..64 {
            let (task, holder) = (format!("task-{number}"), format!("agent-{number}"));
            barrier.add(
                &lab,
                &lab.main(),
                &["claim", &task, "--region", "src/auth/**", "--for", &holder, "--here"],
            );
        }
        let answers = barrier.answers();
        let winners: Vec<usize> = (0..64).filter(|&number| answers[number].code == 0).collect();
        let [winner] = winners[..] else { panic!("round {round}: {winners:?} won: {answers:#?}") };
        let held = format!("src/auth/** is held by task-{winner} (agent-{winner}, agent)");
        for (number, answer) in answers.iter().enumerate().filter(|(number, _)| *number != winner) {
            assert_eq!(answer.code, 3, "round {round}, task-{number}: {answer:#?}");
            assert!(answer.stderr.contains(&held), "round {round}, task-{number}, not '{held}': {answer:#?}");
        }
        lab.odyssey(&["release", &format!("task-{winner}")]).ok();
    }
    assert_eq!(
        history::check(&lab) as u64,
        1 + 2 * rounds,
        "nothing but the grants and their ends is recorded"
    );
}

/// Patterns that overlap in many ways; `src/a*/x?.rs` and `src/?b/*1.rs` meet in `src/ab/x1.rs` only.
const POOL: [&str; 18] = [
    "src/**",
    "src/a/**",
    "src/a/one.rs",
    "src/a/*.rs",
    "src/a*/x?.rs",
    "src/?b/*1.rs",
    "src/[a-c]b/x1.rs",
    "src/b/**",
    "src/b/two.rs",
    "src/b/deep/er/**",
    "docs/**",
    "docs/*.md",
    "docs/guide.md",
    "**/guide.md",
    "**/*.rs",
    "Cargo.toml",
    "tests/unit/**",
    "tests/*/one.rs",
];

#[test]
fn leases_over_overlapping_patterns_never_live_at_the_same_time() {
    let lab = Lab::new();
    let mut dice = Dice::new(Dice::seed());
    let mut live: BTreeSet<String> = BTreeSet::new();
    let mut granted = 0;
    for wave in 0..support::number("GIT_ODYSSEY_WAVES", 6) {
        let mut barrier = Barrier::closed();
        let mut asked: Vec<(&str, String)> = Vec::new();
        // What is live is ended, parked or resumed while others claim.
        for task in &live {
            let verb = dice.one_of(&["release", "release", "park", "resume", "renew"]);
            barrier.add(&lab, &lab.main(), &[verb, task]);
            asked.push((verb, task.clone()));
        }
        for number in 0..64 - asked.len() {
            let task = format!("wave-{wave}-{number}");
            let mut words = vec!["claim", &task, "--for", "someone", "--here"];
            for _ in 0..=dice.below(3) {
                words.extend(["--region", dice.one_of(&POOL)]);
            }
            if dice.below(4) == 0 {
                words.push("--shared");
            }
            barrier.add(&lab, &lab.main(), &words);
            asked.push(("claim", task));
        }
        for ((verb, task), answer) in asked.into_iter().zip(barrier.answers()) {
            match (verb, answer.code) {
                ("claim", 0) => {
                    granted += 1;
                    live.insert(task);
                }
                ("release", 0) => drop(live.remove(&task)),
                ("park", 0) => {}
                // Held by others; or parked or active already, which a renewal or resumption does not change.
                ("claim" | "resume", 3) | ("resume" | "renew", 0) | ("renew", 5) => {}
                _ => panic!("wave {wave}: {verb} {task}: {answer:#?}"),
            }
        }
    }
    history::check(&lab);
    let claims = history::events(&lab).into_iter().filter(|past| past.event.event == "claim").count();
    assert_eq!(claims, granted, "every grant was answered with success, and only grants were");
    let recorded: BTreeSet<String> = {
        let states = history::states(&lab);
        states.last().unwrap().book.leases().iter().map(|lease| lease.task.to_string()).collect()
    };
    assert_eq!(recorded, live, "what is live is what was answered to be");
}

#[test]
fn while_the_history_is_folded_again_and_again_every_grant_stays_and_no_event_is_lost() {
    let lab = Lab::new();
    let mut dice = Dice::new(Dice::seed());
    let mut live: BTreeSet<String> = BTreeSet::new();
    let (mut granted, mut ended, mut folds) = (0, 0, 0);
    for wave in 0..support::number("GIT_ODYSSEY_WAVES", 6) {
        let mut barrier = Barrier::closed();
        let mut asked: Vec<(&str, String)> = Vec::new();
        for task in &live {
            barrier.add(&lab, &lab.main(), &["release", task]);
            asked.push(("release", task.clone()));
        }
        for number in 0..32 {
            if number % 8 == 3 {
                barrier.add(&lab, &lab.main(), &["compact", "--json"]);
                asked.push(("compact", String::new()));
            }
            let task = format!("wave-{wave}-{number}");
            let region = dice.one_of(&POOL);
            barrier.add(
                &lab,
                &lab.main(),
                &["claim", &task, "--region", region, "--for", "someone", "--here"],
            );
            asked.push(("claim", task));
        }
        for ((verb, task), answer) in asked.into_iter().zip(barrier.answers()) {
            match (verb, answer.code) {
                ("claim", 0) => {
                    granted += 1;
                    live.insert(task);
                }
                ("release", 0) => {
                    ended += 1;
                    live.remove(&task);
                }
                ("compact", 0) => folds += usize::from(answer.json()["result"]["commit"].is_string()),
                ("claim", 3) => {}
                _ => panic!("wave {wave}: {verb} {task}: {answer:#?}"),
            }
        }
    }
    let moments = history::check(&lab);
    assert_eq!(moments, 1 + granted + ended + folds, "every event is in the ledger or in an archive");
    assert!(folds > 3, "{folds} folds");
    let events = history::events(&lab);
    let count = |kind: &str| events.iter().filter(|past| past.event.event == kind).count();
    assert_eq!((count("claim"), count("release"), count("compact")), (granted, ended, folds));
    let states = history::states(&lab);
    let recorded: BTreeSet<String> =
        states.last().unwrap().book.leases().iter().map(|lease| lease.task.to_string()).collect();
    assert_eq!(recorded, live, "what is live is what was answered to be");
    lab.git(&["fsck", "--strict"]);
}

/// The harshest collection that git has: it spares nothing that no ref reaches, however young.
const GC: [&str; 3] = ["gc", "--quiet", "--prune=now"];

#[test]
#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn gc_again_and_again_beside_claims_landings_and_folds_harms_nothing() {
    let lab = Lab::new();
    let (over, pause) = (AtomicBool::new(false), Mutex::new(()));
    let (mut tasks, mut caught) = (0, 0);
    let collected = std::thread::scope(|scope| {
        let gc = scope.spawn(|| {
            let mut times = 0;
            while !over.load(Ordering::SeqCst) {
                // What is caught has to find a gap in the end.
                std::thread::sleep(Duration::from_millis(150));
                let _pause = pause.lock().unwrap();
                let run = lab.try_git_in(&lab.main(), &GC);
                // A ref that moves while git packs it stops git, as it does beside git's own commands.
                let harmed = ["bad object", "invalid", "not point to a valid object"];
                assert!(!harmed.iter().any(|word| run.stderr.contains(word)), "{run:#?}");
                times += u64::from(run.code == 0);
            }
            times
        });
        let _over = Over(&over);
        for wave in 0..support::number("GIT_ODYSSEY_WAVES", 3) {
            let task = |number: usize| format!("wave-{wave}-{number}");
            let claim = |number: usize| {
                let words =
                    ["claim", &task(number), "--region", &format!("src/{number}/**"), "--for", "agent"];
                words.map(str::to_owned)
            };
            let mut barrier = Barrier::closed();
            for number in 0..6 {
                let words = claim(number);
                barrier.add(&lab, &lab.main(), &words.each_ref().map(String::as_str));
                barrier.add(&lab, &lab.main(), &["compact"]);
            }
            for (place, answer) in barrier.answers().into_iter().enumerate() {
                if answer.code != 0 {
                    caught += 1;
                    let words =
                        if place % 2 == 0 { claim(place / 2).to_vec() } else { vec!["compact".to_owned()] };
                    caught += again(&lab, &words.iter().map(String::as_str).collect::<Vec<_>>());
                }
            }
            for number in 0..6 {
                // git itself does not commit safely beside such a collection.
                let _pause = pause.lock().unwrap();
                let place = lab.workspace(&task(number));
                support::write(&place.join(format!("src/{number}/{wave}.txt")), task(number));
                lab.commit_in(&place, "work");
            }
            for number in 0..6 {
                let mut barrier = Barrier::closed();
                barrier.add(&lab, &lab.main(), &["compact"]);
                let folded = barrier.open();
                caught += again(&lab, &["land", &task(number)]);
                tasks += 1;
                for child in folded {
                    caught += u64::from(child.wait_with_output().unwrap().status.code() != Some(0));
                }
            }
        }
        over.store(true, Ordering::SeqCst);
        gc.join().unwrap()
    });
    eprintln!("{collected} collections, {tasks} tasks, {caught} commands caught");
    assert!(collected > 3, "{collected} collections");
    lab.git(&["fsck", "--strict", "--no-dangling"]);
    assert_eq!(lab.odyssey(&["doctor"]).ok().stdout, "all is well\n");
    history::check(&lab);
    let events = history::events(&lab);
    let count = |kind: &str| events.iter().filter(|past| past.event.event == kind).count();
    assert_eq!((count("claim") - count("withdraw"), count("land")), (tasks, tasks));
    let there = lab.git(&["ls-tree", "-r", "--name-only", "main", "--", "src"]);
    assert_eq!(there.lines().count(), tasks, "all work is on the target: {there}");
}

/// Runs a command until a collection does not catch it any more. Answers how often one did.
fn again(lab: &Lab, words: &[&str]) -> u64 {
    for times in 0..40 {
        let run = lab.odyssey(words);
        // What was caught after it had landed is finished by the next command, which has nothing to land then.
        let finished = times > 0 && words[0] == "land" && run.stderr.contains("there is no live task");
        if run.code == 0 || finished {
            return times;
        }
        let sound = lab.try_git_in(&lab.main(), &["rev-parse", "--verify", "refs/odyssey/ledger^{tree}"]);
        assert!(run.code == 1 && sound.code == 0, "{words:?}: {run:#?} {sound:#?}");
    }
    panic!("{words:?} was caught 40 times");
}

/// Ends what runs beside a test, when the test fails too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn of_32_claims_of_disjoint_regions_at_once_all_get_a_whole_workspace() {
    for files in [200, 1_500] {
        let lab = Lab::new();
        for number in 0..files {
            lab.write(
                &format!("dir-{}/file-{number}.txt", number % 32),
                format!("file {number}\n").repeat(20),
            );
        }
        lab.commit("many files");
        for round in 0..support::number("GIT_ODYSSEY_FLOCKS", 2) {
            let task = |number: usize| format!("round-{round}-task-{number}");
            let mut barrier = Barrier::closed();
            for number in 0..32 {
                let region = format!("dir-{number}/**");
                barrier.add(
                    &lab,
                    &lab.main(),
                    &["claim", &task(number), "--region", &region, "--for", "agent"],
                );
            }
            for (number, answer) in barrier.answers().into_iter().enumerate() {
                assert_eq!(answer.code, 0, "{files} files, {}: {answer:#?}", task(number));
            }
            for number in 0..32 {
                assert_whole_workspace(&lab, &task(number));
            }
            let found: BTreeSet<String> = names(&lab.root().join("main.odyssey"));
            assert_eq!(found, (0..32).map(task).collect(), "nothing else is where the workspaces are");
            for number in 0..32 {
                lab.odyssey(&["release", &task(number)]).ok();
                assert!(!lab.workspace(&task(number)).exists());
            }
        }
        history::check(&lab);
        assert_eq!(lab.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
        lab.git(&["fsck", "--strict"]);
    }
}

#[track_caller]
fn assert_whole_workspace(lab: &Lab, task: &str) {
    let workspace = lab.workspace(task);
    assert_eq!(lab.git_in(&workspace, &["status", "--porcelain", "--ignored"]), "!! .odyssey/", "{task}");
    assert_eq!(lab.git_in(&workspace, &["symbolic-ref", "HEAD"]), format!("refs/heads/odyssey/{task}"));
    assert_eq!(lab.git_in(&workspace, &["rev-parse", "HEAD"]), lab.git(&["rev-parse", "main"]));
    let copy = std::fs::read_to_string(workspace.join(".odyssey/lease.toml")).unwrap();
    assert!(copy.contains(&format!("task = \"{task}\"")), "{copy}");
    assert!(!workspace.join(".git").is_dir());
    assert!(!lab.main().join(".git/worktrees").join(task).join("index.lock").exists());
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn those_who_wait_get_the_region_one_after_the_other_and_use_no_processor_meanwhile() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "first", "--region", "src/**", "--here"]).ok();
    let waiters: Vec<Waiter> =
        (0..6).map(|number| Waiter::begin(&lab, &format!("waiter-{number}"))).collect();
    let before: Vec<u64> = waiters.iter().map(Waiter::ticks).collect();
    // Not to let something happen, but to measure that nothing does.
    std::thread::sleep(Duration::from_secs(1));
    let used: Vec<u64> = waiters.iter().zip(before).map(|(waiter, before)| waiter.ticks() - before).collect();
    assert!(used.iter().sum::<u64>() <= 5, "in one second, hundredths of a second each: {used:?}");
    let (sender, ended) = mpsc::channel();
    for waiter in waiters {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send(waiter.end()));
    }
    lab.odyssey(&["release", "first"]).ok();
    let mut order = Vec::new();
    for _ in 0..6 {
        let (task, answer) = ended.recv_timeout(Duration::from_secs(60)).unwrap();
        answer.ok();
        let status = lab.odyssey(&["--json", "status"]).ok().json();
        assert!(status.to_string().contains(&task), "{task} was granted, and it lives: {status}");
        lab.odyssey(&["release", &task]).ok();
        order.push(task);
    }
    assert!(order.is_sorted(), "first come, first served: {order:?}");
    history::check(&lab);
}

#[test]
fn a_killed_waiter_keeps_nobody_waiting() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "first", "--region", "src/**", "--here"]).ok();
    let mut killed = Waiter::begin(&lab, "killed");
    let patient = Waiter::begin(&lab, "patient");
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    lab.odyssey(&["release", "first"]).ok();
    patient.end().1.ok();
    assert_eq!(names(&lab.main().join(".git/odyssey/queue")), BTreeSet::new(), "the queue is empty again");
}

#[test]
fn a_waiter_gets_the_region_of_an_idle_lease_that_expires() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "first", "--region", "src/**", "--ttl", "2s", "--here"]).ok();
    Waiter::begin(&lab, "patient").end().1.ok();
    history::check(&lab);
}

#[test]
fn a_waiter_with_a_limit_gives_up_when_it_is_reached() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "first", "--region", "src/**", "--here"]).ok();
    let begun = Instant::now();
    let run = lab.odyssey(&["claim", "second", "--region", "src/a.rs", "--here", "--wait=1s"]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "it waited {:?}", begun.elapsed());
}

/// A claim that has said that it waits.
struct Waiter {
    task: String,
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Waiter {
    fn begin(lab: &Lab, task: &str) -> Waiter {
        let words = ["claim", task, "--region", "src/**", "--here", "--wait"];
        let mut command = lab.command(support::ODYSSEY, &lab.main(), &words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("waiting: ") {
            let read = stderr.read_line(&mut said).unwrap();
            assert!(read > 0, "{task} ended without waiting: {said}");
        }
        Waiter { task: task.to_owned(), child, stderr, said }
    }

    /// The processor time that it has used, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn end(mut self) -> (String, Run) {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut run = Run::from(self.child.wait_with_output().unwrap());
        run.stderr = self.said;
        (self.task, run)
    }
}
