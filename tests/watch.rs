//! Watchers and notes: what happened is told once and in order, whoever is killed meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test plants files, starts programs and wants to know where it failed"
)]

mod support;

#[path = "watch/soak.rs"]
mod soak;

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;
use support::Lab;
use support::process::Barrier;

/// A watcher, and what it tells.
struct Watcher {
    child: Child,
    lines: Receiver<String>,
    told: Vec<Value>,
}

/// Nothing here takes so long; a notice that did not come in this time does not come.
const PATIENCE: Duration = Duration::from_secs(60);

impl Watcher {
    fn start(lab: &Lab, arguments: &[&str]) -> Watcher {
        let mut words = vec!["watch", "--json"];
        words.extend(arguments);
        let mut command = lab.command(support::ODYSSEY, &lab.main(), &words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                // The test has ended.
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Watcher { child, lines, told: Vec::new() }
    }

    /// A watcher that has begun, and has told of a claim that was made for it.
    fn ready(lab: &Lab, task: &str) -> Watcher {
        let mut watcher = Watcher::start(lab, &["--since", &newest(lab).to_string()]);
        watcher.until(|notice| notice["event"] == "watching");
        watcher.told.clear();
        lab.odyssey(&["claim", task, "--region", &format!("ready/{task}"), "--here"]).ok();
        watcher.until(|notice| notice["task"] == task);
        watcher
    }

    /// Reads until a notice is such, and gives it.
    #[track_caller]
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{error} after {:#?}", self.told));
            let notice: Value = serde_json::from_str(&line).unwrap();
            self.told.push(notice.clone());
            if wanted(&notice) {
                return notice;
            }
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number of the newest notice that is kept.
fn newest(lab: &Lab) -> u64 {
    let journal = std::fs::read_to_string(lab.main().join(".git/odyssey/watch/journal")).unwrap_or_default();
    let last = journal.lines().last().map(|line| serde_json::from_str::<Value>(line).unwrap());
    last.map_or(0, |notice| notice["seq"].as_u64().unwrap())
}

/// The ledger's commits, oldest first.
fn ledger(lab: &Lab) -> Vec<String> {
    let all = lab.git(&["rev-list", "--reverse", "refs/odyssey/ledger"]);
    all.lines().map(str::to_owned).collect()
}

fn events(told: &[Value]) -> Vec<String> {
    let of_ledger = told.iter().filter(|notice| notice["event"] == "ledger");
    of_ledger.map(|notice| notice["id"].as_str().unwrap().to_owned()).collect()
}

/// Several processes claim and release at once.
fn turmoil(lab: &Lab, round: usize) {
    for verb in ["claim", "release"] {
        let mut barrier = Barrier::closed();
        for number in 0..6 {
            let (task, region) = (format!("t{round}-{number}"), format!("{round}/{number}"));
            let mut words = vec![verb, &task];
            if verb == "claim" {
                words.extend(["--region", &region, "--here"]);
            }
            barrier.add(lab, &lab.main(), &words);
        }
        barrier.answers().into_iter().for_each(|answer| drop(answer.ok()));
    }
}

#[test]
fn every_event_of_the_ledger_is_told_once_and_in_order_whoever_is_killed() {
    let lab = Lab::new();
    let begun = ledger(&lab).len();
    let mut watchers: Vec<Watcher> = vec![Watcher::ready(&lab, "first")];
    for _ in 0..2 {
        watchers.push(Watcher::start(&lab, &["--since", "0"]));
    }
    turmoil(&lab, 0);
    // The one who looks is killed, at whatever it does; another goes on.
    watchers[0].kill();
    turmoil(&lab, 1);
    watchers[1].kill();
    turmoil(&lab, 2);
    lab.odyssey(&["claim", "last", "--region", "last", "--here"]).ok();
    let last = &mut watchers[2];
    last.until(|notice| notice["task"] == "last");
    assert_eq!(events(&last.told), ledger(&lab)[begun..]);
    let told = last.told.iter().filter(|notice| notice["event"] != "watching");
    let numbers: Vec<u64> = told.map(|notice| notice["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_happened_while_nobody_watched_is_told_to_the_next() {
    let lab = Lab::new();
    let mut watcher = Watcher::ready(&lab, "first");
    watcher.kill();
    let seen = newest(&lab);
    let before = ledger(&lab).len();
    turmoil(&lab, 0);
    let mut watcher = Watcher::start(&lab, &["--since", &seen.to_string()]);
    lab.odyssey(&["claim", "last", "--region", "last", "--here"]).ok();
    watcher.until(|notice| notice["task"] == "last");
    assert_eq!(events(&watcher.told), ledger(&lab)[before..]);
}

#[test]
fn a_number_that_is_yet_to_come_is_refused() {
    let lab = Lab::new();
    let run = lab.odyssey(&["watch", "--since", "7"]);
    assert_eq!(
        lab.screen(&run),
        "--- stderr\nerror: there is no notice 7 yet; the newest is 0\nhint: begin with: --since 0\n--- exit 1\n"
    );
}

#[test]
fn edits_in_a_held_region_are_told_and_so_is_their_end() {
    let lab = Lab::new();
    lab.write("src/auth/ä b.rs", "one\n");
    lab.write("free.rs", "one\n");
    lab.commit("files");
    lab.odyssey(&["claim", "auth", "--region", "src/auth/**"]).ok();
    let mut watcher = Watcher::ready(&lab, "first");
    lab.write("free.rs", "two\n");
    lab.write("src/auth/ä b.rs", "two\n");
    lab.write("src/auth/new.rs", "new\n");
    let mut paths = Vec::new();
    while paths.len() < 2 {
        let edit = watcher.until(|notice| notice["event"] == "edit");
        assert_eq!(edit["task"], "auth");
        assert_eq!(edit["checkout"], lab.main().to_str().unwrap());
        paths.extend(edit["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()));
    }
    paths.sort();
    assert_eq!(paths, ["src/auth/new.rs", "src/auth/ä b.rs"]);
    lab.git(&["checkout", "--quiet", "HEAD", "--", "src"]);
    let gone =
        watcher.until(|notice| notice["event"] == "edit" && notice["gone"] != Value::Array(Vec::new()));
    assert_eq!(gone["gone"], serde_json::json!(["src/auth/ä b.rs"]));
    lab.write("src/auth/new.rs", "newer\n");
    let again = watcher.until(|notice| notice["event"] == "edit");
    assert_eq!(again["paths"], serde_json::json!(["src/auth/new.rs"]));
}

#[test]
fn edits_beside_leased_lines_are_not_told_and_edits_of_them_are() {
    let lab = Lab::new();
    lab.write("lib.rs", "one\ntwo\nthree\nfour\n");
    lab.write("other.rs", "one\n");
    lab.commit("files");
    lab.odyssey(&["claim", "auth", "--region", "lib.rs#L2-L3", "--region", "other.rs"]).ok();
    let mut watcher = Watcher::ready(&lab, "first");
    lab.write("lib.rs", "one\nnew\ntwo\nthree\nfour changed\n");
    lab.write("other.rs", "two\n");
    let edit = watcher.until(|notice| notice["event"] == "edit");
    assert_eq!(edit["paths"], serde_json::json!(["other.rs"]));
    lab.write("lib.rs", "one\nnew\ntwo\nthree changed\nfour changed\n");
    let edit = watcher.until(|notice| notice["event"] == "edit");
    assert_eq!(edit["paths"], serde_json::json!(["lib.rs"]));
}

#[test]
fn a_conflict_is_told_when_it_appears_and_when_it_is_gone() {
    let lab = Lab::new();
    lab.write("src/a.rs", "one\ntwo\nthree\n");
    lab.commit("files");
    lab.odyssey(&["claim", "auth", "--region", "src/**"]).ok();
    let mut watcher = Watcher::ready(&lab, "first");
    // Neither is committed: an agent's edit in its workspace, and a person's in the main checkout.
    std::fs::write(lab.workspace("auth").join("src/a.rs"), "one\nagent\nthree\n").unwrap();
    lab.write("src/a.rs", "one\nperson\nthree\n");
    let conflict = watcher.until(|notice| notice["event"] == "conflict");
    let parties = [conflict["one"].as_str().unwrap(), conflict["other"].as_str().unwrap()];
    assert!(parties.contains(&"auth") && parties.contains(&lab.main().to_str().unwrap()), "{parties:?}");
    assert_eq!(conflict["paths"], serde_json::json!(["src/a.rs"]));
    lab.write("src/a.rs", "one\ntwo\nthree\n");
    let gone = watcher.until(|notice| notice["event"] == "conflict-gone");
    assert_eq!((&gone["one"], &gone["other"]), (&conflict["one"], &conflict["other"]));
}

#[test]
fn a_lease_that_ends_soon_is_told_of_once_and_so_is_its_end() {
    let lab = Lab::new();
    lab.odyssey(&["claim", "short", "--region", "short", "--here", "--ttl", "60m"]).ok();
    Watcher::ready(&lab, "first").kill();
    let seen = newest(&lab).to_string();
    lab.advance(55);
    for number in 0..2 {
        Watcher::ready(&lab, &format!("later-{number}")).kill();
    }
    lab.advance(10);
    let mut watcher = Watcher::start(&lab, &["--since", &seen]);
    watcher.until(|notice| notice["event"] == "expired" && notice["task"] == "short");
    let told = |event: &str| {
        let of_short = watcher.told.iter().filter(|notice| notice["task"] == "short");
        of_short.filter(|notice| notice["event"] == event).count()
    };
    assert_eq!((told("expiring"), told("expired")), (1, 1), "{:#?}", watcher.told);
}

#[test]
fn rules_of_the_policy_run_commands_with_the_notice_on_their_input() {
    let lab = Lab::new();
    let rules = "[[on]]\nevent = \"claim\"\nrun = [\"sh\", \"-c\", \"cat >> ../claims\"]\n\n\
                 [[on]]\nevent = \"release\"\nrun = [\"sh\", \"-c\", \"echo mine; exit 3\"]\n\n\
                 [[on]]\nevent = \"release\"\nrun = [\"sleep\", \"600\"]\ntimeout = \"1s\"\n";
    lab.write("odyssey.toml", rules);
    lab.commit("rules");
    let mut watcher = Watcher::ready(&lab, "first");
    lab.odyssey(&["release", "first"]).ok();
    let errors = BufReader::new(watcher.child.stderr.take().unwrap());
    let troubles: Vec<String> = errors.lines().take(2).map(Result::unwrap).collect();
    assert!(troubles.iter().any(|line| line.contains("ended with exit status: 3")), "{troubles:#?}");
    assert!(troubles.iter().any(|line| line.contains("took longer than 1s and was ended")), "{troubles:#?}");
    let claims = std::fs::read_to_string(lab.root().join("claims")).unwrap();
    let claim: Value = serde_json::from_str(claims.lines().next().unwrap()).unwrap();
    assert_eq!((claim["event"].as_str(), claim["task"].as_str()), (Some("ledger"), Some("first")));
}

#[test]
fn a_task_is_told_once_what_others_changed_in_its_regions_and_in_its_files() {
    let lab = Lab::new();
    lab.write("src/auth/login.rs", "one\ntwo\nthree\nfour\n");
    lab.write("src/ui.rs", "ui\n");
    lab.write("docs.md", "docs\n");
    lab.commit("files");
    lab.odyssey(&["claim", "auth", "--region", "src/auth/**", "--for", "claude-1"]).ok();
    let workspace = lab.workspace("auth");
    std::fs::write(workspace.join("src/auth/login.rs"), "one\nagent\nthree\nfour\n").unwrap();
    std::fs::write(workspace.join("src/ui.rs"), "ui\nagent\n").unwrap();
    let notes = |words: &[&str]| lab.screen(&lab.odyssey_in(&workspace, &[&["notes"], words].concat()));
    assert_eq!(notes(&[]), "nothing new for auth\n--- exit 0\n");

    // Another task lands in what the agent edits outside of its regions; nobody needs to know of docs.md.
    lab.odyssey(&["claim", "ui", "--region", "src/ui.rs", "--region", "docs.md"]).ok();
    std::fs::write(lab.workspace("ui").join("src/ui.rs"), "user interface\n").unwrap();
    std::fs::write(lab.workspace("ui").join("docs.md"), "more docs\n").unwrap();
    lab.commit_in(&lab.workspace("ui"), "ui: spell it out");
    lab.odyssey(&["land", "ui"]).ok();
    // A person edits in its region, and commits nothing.
    lab.write("src/auth/login.rs", "one\nperson\nthree\nfour\n");
    snapbox::assert_data_eq!(
        notes(&[]),
        snapbox::str![[r#"
main has what your branch has not; bring it in: git odyssey sync auth
  src/ui.rs changed by Ada, [HASH] ui: spell it out: conflicts with your work
    @ line 1
    -ui
    +user interface
a person edits in [LAB]/main and has not committed; leave these lines to them
  src/auth/login.rs changed: conflicts with your work
    @ line 1
     one
    -two
    +person
     three
--- exit 0

"#]]
    );
    assert_eq!(notes(&[]), "nothing new for auth\n--- exit 0\n");
    lab.write("src/auth/login.rs", "one\nperson again\nthree\nfour\n");
    snapbox::assert_data_eq!(
        notes(&[]),
        snapbox::str![[r#"
a person edits in [LAB]/main and has not committed; leave these lines to them
  src/auth/login.rs changed: conflicts with your work
    @ line 1
     one
    -two
    +person again
     three
--- exit 0

"#]]
    );
    assert!(notes(&["--again"]).contains("src/ui.rs changed by Ada"));
}
