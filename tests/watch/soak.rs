//! The soak: a watcher beside many workers and a person, held against the ledger and against git at the end.
//!
//! `GIT_ODYSSEY_SOAK` sets for how many seconds; what is told must be right however long it lasts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use super::Watcher;
use super::events;
use super::ledger;
use super::support;
use super::support::Lab;
use super::support::Run;

/// How many workers there are.
const WORKERS: usize = 16;

/// One worker: claims, edits what is its own and what is everybody's, commits, and lands, gives up or goes away.
fn work(lab: &Lab, worker: usize, until: Instant) {
    let mut round = worker;
    while Instant::now() < until {
        round += 1;
        let (task, region) = (format!("w{worker}-{round}"), format!("own/{worker}/**"));
        if lab.odyssey(&["claim", &task, "--region", &region, "--for", &format!("agent-{worker}")]).code != 0
        {
            continue;
        }
        let workspace = lab.workspace(&task);
        support::write(&workspace.join(format!("own/{worker}/file")), format!("{round}\n"));
        support::write(&workspace.join("shared"), format!("one\n{worker} {round}\nthree\n"));
        if !round.is_multiple_of(3) {
            // What the worker has of the shared file conflicts with others, and may not be committed any more.
            lab.try_git_in(&workspace, &["add", "--all"]);
            lab.try_git_in(&workspace, &["commit", "--quiet", "--message", "work"]);
        }
        match round % 3 {
            1 => drop(lab.odyssey(&["land", &task])),
            2 => drop(lab.odyssey(&["release", &task])),
            _ => {}
        }
        drop(lab.odyssey(&["abandon", &task, "--reason", "the round is over"]));
    }
}

/// A person in the main checkout: edits in regions of others, takes it back, commits elsewhere.
fn person(lab: &Lab, until: Instant) {
    let mut round = 0;
    while Instant::now() < until {
        round += 1;
        lab.write(&format!("own/{}/file", round % WORKERS), format!("person {round}\n"));
        lab.write("shared", format!("one\nperson {round}\nthree\n"));
        if round % 4 == 0 {
            lab.try_git_in(&lab.main(), &["checkout", "--quiet", "--", "."]);
            lab.write(&format!("free/{round}"), "free\n");
            lab.try_git_in(&lab.main(), &["add", "free"]);
            lab.try_git_in(&lab.main(), &["commit", "--quiet", "--message", "free"]);
        }
    }
}

/// The conflicts that are told to stand, by their two parties.
fn told(notices: &[Value]) -> BTreeSet<(String, String)> {
    let mut standing = BTreeSet::new();
    for notice in notices {
        let pair =
            || (notice["one"].as_str().unwrap().to_owned(), notice["other"].as_str().unwrap().to_owned());
        match notice["event"].as_str() {
            Some("conflict") => drop(standing.insert(pair())),
            Some("conflict-gone") => drop(standing.remove(&pair())),
            _ => {}
        }
    }
    standing
}

/// What git itself says of everything that each party holds, uncommitted edits included.
fn by_git(lab: &Lab) -> BTreeSet<(String, String)> {
    let mut parties: BTreeMap<String, String> = BTreeMap::new();
    parties.insert("main".to_owned(), lab.git(&["rev-parse", "main"]));
    let list = lab.git(&["worktree", "list", "--porcelain"]);
    for path in list.lines().filter_map(|line| line.strip_prefix("worktree ")) {
        let path = PathBuf::from(path);
        let name = match path == lab.main() {
            true => path.display().to_string(),
            false => path.file_name().unwrap().to_str().unwrap().to_owned(),
        };
        parties.insert(name, whole(lab, &path));
    }
    let mut conflicts = BTreeSet::new();
    for (one, ours) in &parties {
        for (other, theirs) in parties.iter().filter(|(other, _)| *other > one) {
            let merge = lab.try_git_in(&lab.main(), &["merge-tree", "--write-tree", ours, theirs]);
            assert!(merge.code < 2, "{merge:#?}");
            if merge.code == 1 {
                conflicts.insert((one.clone(), other.clone()));
            }
        }
    }
    conflicts
}

/// A commit of all that a checkout holds, made with an index of its own.
fn whole(lab: &Lab, checkout: &Path) -> String {
    let index = lab.root().join("oracle-index");
    let git = |arguments: &[&str]| {
        let run = Run::of(lab.command("git", checkout, arguments).env("GIT_INDEX_FILE", &index)).ok();
        run.stdout.trim().to_owned()
    };
    let head = git(&["rev-parse", "HEAD"]);
    git(&["read-tree", "HEAD"]);
    git(&["add", "--all"]);
    let tree = git(&["write-tree"]);
    git(&["commit-tree", &tree, "-p", &head, "-m", "all"])
}

fn unordered(pairs: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    pairs.into_iter().map(|(one, other)| if one < other { (one, other) } else { (other, one) }).collect()
}

/// Kilobytes of memory that a process has.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_watcher_beside_many_workers_loses_nothing_doubles_nothing_and_calls_nothing_clean_that_is_not() {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "commons = [\"shared\"]\n\n[ledger]\nfsync = false\n");
    lab.write("shared", "one\ntwo\nthree\n");
    for worker in 0..WORKERS {
        lab.write(&format!("own/{worker}/file"), "begin\n");
    }
    lab.commit("files");
    lab.odyssey(&["init"]).ok();
    let begun = ledger(&lab).len();
    let mut watcher = Watcher::ready(&lab, "first");
    let length = Duration::from_secs(support::number("GIT_ODYSSEY_SOAK", 6));
    let early = std::thread::scope(|scope| {
        let until = Instant::now() + length;
        let lab = &lab;
        for worker in 0..WORKERS {
            scope.spawn(move || work(lab, worker, until));
        }
        scope.spawn(move || person(lab, until));
        watcher.until(|_| Instant::now() > until - length / 2);
        memory(watcher.child.id())
    });
    // Some conflicts stand at the end: two tasks and a person, none of it committed.
    for task in ["left", "right"] {
        lab.odyssey(&["claim", task, "--region", &format!("{task}/**")]).ok();
        support::write(&lab.workspace(task).join("shared"), format!("one\n{task}\nthree\n"));
    }
    lab.write("shared", "one\nperson\nthree\n");
    lab.odyssey(&["claim", "last", "--region", "last", "--here"]).ok();
    watcher.until(|notice| notice["task"] == "last");
    let expected = unordered(by_git(&lab));
    assert!(expected.len() >= 3, "{expected:?}");
    while unordered(told(&watcher.told)) != expected {
        watcher.until(|notice| notice["event"].as_str().is_some_and(|event| event.starts_with("conflict")));
    }
    assert_eq!(events(&watcher.told), ledger(&lab)[begun..]);
    let late = memory(watcher.child.id());
    assert!(late < early + 32 * 1024, "memory grew from {early} to {late} kB");
    println!(
        "{} notices, {} of the ledger, memory {early} and {late} kB",
        watcher.told.len(),
        ledger(&lab).len()
    );
}
