//! A storm: many machines and processes, kills, delays, cuts and lost answers; then the sky clears, and everything is looked
//! over.
//!
//! It is as large as the environment says: `GIT_ODYSSEY_MACHINES` with `GIT_ODYSSEY_PROCESSES` each, every process at least
//! `GIT_ODYSSEY_ROUNDS` tasks and all together at least `GIT_ODYSSEY_OPERATIONS` commands, for `GIT_ODYSSEY_SECONDS` at most.
//! Every other machine talks to `git http-backend`, the others to `git daemon`.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use git_odyssey::domain::span::Unseen;
use git_odyssey::git::repo::Repo;
use git_odyssey::ledger::local::Durability;
use git_odyssey::ledger::local::Ledger;
use git_odyssey::ledger::pushed;

use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support;
use crate::support::ODYSSEY;
use crate::support::Run;
use crate::support::dice::Dice;
use crate::support::history;
use crate::web::Web;
use crate::wire::Daemon;
use crate::wire::Fault;
use crate::wire::Proxy;

/// What became of one task, as its process was told.
#[derive(Debug, Default, Clone)]
struct Told {
    task: String,
    machine: String,
    file: String,
    /// The exit code of the claim; nothing when it was killed.
    claimed: Option<i32>,
    committed: bool,
    landed: bool,
}

/// How long everybody goes on.
struct Measure {
    rounds: u64,
    operations: u64,
    until: Instant,
    folders: u64,
    done: AtomicU64,
    killed: AtomicU64,
}

impl Measure {
    fn goes_on(&self, round: u64) -> bool {
        let wanted = round < self.rounds || self.done.load(Ordering::SeqCst) < self.operations;
        wanted && Instant::now() < self.until
    }
}

/// Runs a command that may be killed on the way; nothing when it was.
fn risky(
    fleet: &Fleet,
    measure: &Measure,
    machine: &str,
    arguments: &[&str],
    dice: &mut Dice,
) -> Option<Run> {
    measure.done.fetch_add(1, Ordering::SeqCst);
    let mut command = fleet.lab.command(ODYSSEY, &fleet.machine(machine), arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    if dice.below(8) == 0 {
        std::thread::sleep(Duration::from_millis(dice.below(400)));
        // The process alone: a git that it has started goes on, as after a real kill.
        let _ = child.kill();
    }
    let output = child.wait_with_output().unwrap();
    if output.status.code().is_none() {
        measure.killed.fetch_add(1, Ordering::SeqCst);
        return None;
    }
    let run = Run::from(output);
    if run.code == 1 {
        // As whoever hears that the remote is away does; else all rounds would be over within one gust.
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!([0, 1, 3, 4, 5].contains(&run.code), "{arguments:?} on {machine}: {run:#?}");
    Some(run)
}

/// One process after the other, as one agent would run them.
fn agent(fleet: &Fleet, measure: &Measure, machine: &str, number: u64, mut dice: Dice) -> Vec<Told> {
    let mut told = Vec::new();
    for round in (0..).take_while(|round| measure.goes_on(*round)) {
        let task = format!("{machine}-{number}-{round}");
        let folder = format!("src/{}", dice.below(measure.folders));
        let region = format!("{folder}/**");
        let mut one = Told { task: task.clone(), machine: machine.to_owned(), ..Told::default() };
        let works = dice.below(2) == 0;
        let mut words = vec!["claim", &task, "--region", &region, "--for", "agent"];
        if !works {
            words.push("--here");
        }
        one.claimed = risky(fleet, measure, machine, &words, &mut dice).map(|run| run.code);
        if one.claimed != Some(0) {
            told.push(one);
            continue;
        }
        if dice.below(4) == 0 {
            // The history is folded under everybody's feet.
            risky(fleet, measure, machine, &["compact"], &mut dice);
        }
        if works {
            one.file = format!("{folder}/{task}.txt");
            let workspace = fleet.workspace(machine, &task);
            support::write(&workspace.join(&one.file), &task);
            fleet.lab.git_in(&workspace, &["add", "--all"]);
            one.committed = fleet.lab.try_git_in(&workspace, &["commit", "-qm", "work"]).code == 0;
            for _ in 0..3 {
                // Others of this machine pull and land in the same checkout; that this may fail is the point.
                fleet.lab.try_git_in(&fleet.machine(machine), &["pull", "-q", "--ff-only", "origin", "main"]);
                if risky(fleet, measure, machine, &["land", &task], &mut dice)
                    .is_some_and(|run| run.code == 0)
                {
                    one.landed = true;
                    break;
                }
            }
        }
        if !one.landed {
            let verb = dice.one_of(&["release", "renew", "park", "abandon", "release"]);
            risky(fleet, measure, machine, &[verb, &task], &mut dice);
        }
        told.push(one);
    }
    told
}

#[test]
#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn after_a_storm_nothing_is_held_twice_and_nothing_is_lost() {
    let machines: Vec<String> =
        (0..support::number("GIT_ODYSSEY_MACHINES", 3)).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = machines.iter().map(String::as_str).collect();
    let processes = support::number("GIT_ODYSSEY_PROCESSES", 2);
    let mut dice = Dice::new(Dice::seed());
    let measure = Measure {
        rounds: support::number("GIT_ODYSSEY_ROUNDS", 5),
        operations: support::number("GIT_ODYSSEY_OPERATIONS", 0),
        until: Instant::now() + Duration::from_secs(support::number("GIT_ODYSSEY_SECONDS", 24 * 60 * 60)),
        folders: (2 * machines.len() as u64 * processes).max(30),
        done: AtomicU64::new(0),
        killed: AtomicU64::new(0),
    };
    let fleet = Fleet::unprepared(&names, |bare| bare.to_str().unwrap().to_owned());
    let daemon = Daemon::serve(fleet.lab.root(), &fleet.lab.root().join("home"));
    let (proxy, web) = (Arc::new(Proxy::before(&daemon)), Arc::new(Web::serve(fleet.lab.root())));
    // By anybody's name, as a daemon takes it.
    fleet.lab.git_in(&fleet.bare(), &["config", "http.receivepack", "true"]);
    for (number, name) in names.iter().enumerate() {
        let path = fleet.machine(name);
        let address = match number % 2 {
            0 => proxy.address("origin.git"),
            _ => web.address("origin.git"),
        };
        fleet.lab.git_in(&path, &["remote", "set-url", "origin", &address]);
        fleet.lab.git_in(&path, &["config", "odyssey.remoteTimeout", "20"]);
        fleet.run(name, &["init", "--remote", "origin"]).ok();
    }
    let over = AtomicBool::new(false);
    let told: Mutex<Vec<Told>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let mut weather = Dice::new(dice.below(u64::MAX));
        let (wire, web, ended) = (proxy.clone(), web.clone(), &over);
        let set = move |fault| {
            wire.set(fault);
            web.set(fault);
        };
        scope.spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                let cut = usize::try_from(weather.below(900)).unwrap();
                set(match weather.below(16) {
                    0 => Fault::Away,
                    3 => Fault::Delays(Duration::from_millis(weather.below(60))),
                    1 => Fault::LosesAnswers,
                    2 => Fault::CutsAfter(cut),
                    _ => Fault::None,
                });
                std::thread::sleep(Duration::from_millis(20 + weather.below(150)));
            }
            set(Fault::None);
        });
        let mut agents = Vec::new();
        for name in &names {
            for number in 0..processes {
                let (seed, fleet, measure, told) = (dice.below(u64::MAX), &fleet, &measure, &told);
                agents.push(scope.spawn(move || {
                    let new = agent(fleet, measure, name, number, Dice::new(seed));
                    told.lock().unwrap().extend(new);
                }));
            }
        }
        let ends: Vec<_> = agents.into_iter().map(|agent| agent.join()).collect();
        over.store(true, Ordering::SeqCst);
        for end in ends {
            end.unwrap();
        }
    });
    for name in &names {
        // Whoever was killed while refs moved left this lock, which may be another git's until it is ten minutes old.
        let lock = fleet.machine(name).join(".git/packed-refs.lock");
        if let Ok(lock) = std::fs::File::open(lock) {
            lock.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
        let mended = fleet.run(name, &["doctor", "--fix"]);
        assert!(!mended.stdout.contains("was cut off cannot be finished"), "{name}: {mended:#?}");
        assert!(!mended.stdout.contains("left for you"), "{name}: {mended:#?}");
    }
    let (done, killed) = (measure.done.into_inner(), measure.killed.into_inner());
    eprintln!("{done} commands, {killed} of them killed");
    look_over(&fleet, &told.into_inner().unwrap());
}

/// Every step of the remote's ledger is one that a server with our hook would let in: each grant under the next fence and
/// over nobody's regions, each landing by the fence that the lease had then.
fn every_step_is_legal(fleet: &Fleet) {
    let bare = fleet.bare();
    let repo = Repo::open(&bare).unwrap();
    let ledger = Ledger::of(&repo, Durability::Cached);
    let mut before = None;
    for commit in history::commits(&fleet.lab, &bare) {
        let commit = commit.parse().unwrap();
        let judged = pushed::judge(&ledger, &repo, &Unseen, before, Some(commit), fleet.lab.now());
        judged.unwrap_or_else(|error| panic!("{error}"));
        before = Some(commit);
    }
}

/// What must be true of every task, whatever it was told.
#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn look_over(fleet: &Fleet, told: &[Told]) {
    let states = fleet.check();
    every_step_is_legal(fleet);
    let bare = fleet.bare();
    let log = fleet.lab.git_in(&bare, &["log", "--format=%s", LEDGER, "--glob=refs/odyssey/archive"]);
    let count = |start: String| log.lines().filter(|line| line.starts_with(&start)).count();
    let landed = fleet.lab.git_in(&bare, &["ls-tree", "-r", "--name-only", "refs/heads/main"]);
    let (mut grants, mut landings) = (0, 0);
    for one in told {
        let (task, claims) = (&one.task, count(format!("claim {} ", one.task)));
        match one.claimed {
            Some(0) => assert_eq!(claims, 1, "{one:?}"),
            Some(3) => assert_eq!(claims, 0, "{one:?}"),
            // Killed, or not known then: granted and taken back, or not granted.
            _ => assert!(claims == 0 || count(format!("withdraw {task}:")) == 1, "{one:?}"),
        }
        let there = !one.file.is_empty() && landed.lines().any(|line| line == one.file);
        let recorded = count(format!("land {task},"));
        assert_eq!(recorded, usize::from(there), "target and ledger belong together: {one:?}");
        assert!(!one.landed || there, "told that it has landed: {one:?}");
        if one.committed && !there {
            let branch = format!("refs/heads/odyssey/{task}:{}", one.file);
            let salvage = format!("refs/odyssey/salvage/{task}:{}", one.file);
            let kept = !fleet.here(&one.machine, &branch).is_empty()
                || !fleet.here(&one.machine, &salvage).is_empty();
            assert!(kept, "the work is nowhere: {one:?}");
        }
        grants += usize::from(one.claimed == Some(0));
        landings += usize::from(there);
    }
    assert_eq!(fleet.lab.git_in(&bare, &["fsck", "--no-dangling", "--no-progress"]), "");
    assert!(grants > told.len() / 10, "{grants} of {} were granted: the test tries nothing", told.len());
    let folds = count("compact ".to_owned());
    eprintln!("{} tasks, {grants} granted, {landings} landed, {folds} folds, {states} states", told.len());
}
