//! A malicious remote, or whoever may push to one that has no server hook.

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::repository::EVIL;
use crate::repository::evil_tree;
use crate::repository::outside;
use crate::repository::shown;
use crate::support;
use crate::support::Run;

/// The file of a parked lease, with one line in the place of another.
fn lease(fleet: &Fleet, line: &str) -> String {
    let base = fleet.there("refs/heads/main");
    let lines = [
        "task = \"evil\"".to_owned(),
        "fence = 100".to_owned(),
        "holder = { name = \"mallory\", kind = \"human\" }".to_owned(),
        "branch = \"refs/heads/odyssey/evil\"".to_owned(),
        format!("base = \"{base}\""),
        "target = \"refs/heads/main\"".to_owned(),
        "regions = [\"zzz/**\"]".to_owned(),
        "mode = \"exclusive\"".to_owned(),
        "phase = \"parked\"".to_owned(),
        "ttl_seconds = 3600".to_owned(),
        "granted_at = 2026-11-24T01:30:00Z".to_owned(),
        "expires_at = 2026-11-24T02:30:00Z".to_owned(),
    ];
    let key = line.split(' ').next().unwrap();
    let swapped = lines.map(|old| if old.split(' ').next() == Some(key) { line.to_owned() } else { old });
    swapped.join("\n") + "\n"
}

/// Writes an object into the remote.
fn object(fleet: &Fleet, kind: &str, bytes: impl AsRef<[u8]>) -> String {
    let file = fleet.lab.root().join("object");
    support::write(&file, bytes);
    fleet.lab.git_in(&fleet.bare(), &["hash-object", "-w", "--literally", "-t", kind, file.to_str().unwrap()])
}

/// Puts a commit with these entries of a tree on top of the remote's ledger.
fn push(fleet: &Fleet, root: &str, message: &str) {
    let file = fleet.lab.root().join("tree");
    support::write(&file, root);
    let script = format!("git mktree --missing <'{}'", file.display());
    let tree = Run::of(&mut fleet.lab.command("sh", &fleet.bare(), &["-c", &script])).ok();
    support::write(&file, message);
    let words = ["commit-tree", "-p", LEDGER, "-F", file.to_str().unwrap(), tree.stdout.trim()];
    let commit = fleet.lab.git_in(&fleet.bare(), &words);
    fleet.lab.git_in(&fleet.bare(), &["update-ref", LEDGER, &commit]);
}

const CLAIM: &str =
    "claim evil for mallory, fence 100\n\nOdyssey-Event: claim\nOdyssey-Task: evil\nOdyssey-Fence: 100\n";

/// The entries of a ledger's tree that has this lease file.
fn tree(fleet: &Fleet, file: &str) -> String {
    let lease = object(fleet, "blob", file);
    let path = fleet.lab.root().join("leases");
    support::write(&path, format!("100644 blob {lease}\tevil.toml\n"));
    let script = format!("git mktree <'{}'", path.display());
    let leases = Run::of(&mut fleet.lab.command("sh", &fleet.bare(), &["-c", &script])).ok();
    entries(&object(fleet, "blob", "100\n"), &object(fleet, "blob", "1\n"), leases.stdout.trim())
}

fn entries(fence: &str, format: &str, leases: &str) -> String {
    format!("100644 blob {fence}\tfence\n100644 blob {format}\tformat\n040000 tree {leases}\tleases\n")
}

/// A machine with a branch of a person's own in a worktree, and edits in it.
fn victim() -> (Fleet, PathBuf) {
    let fleet = Fleet::of(&["one"]);
    let own = fleet.lab.root().join("own");
    let words = ["worktree", "add", "--quiet", "-b", "feature", own.to_str().unwrap()];
    fleet.lab.git_in(&fleet.machine("one"), &words);
    support::write(&own.join("mine"), "mine\n");
    (fleet, own)
}

/// Nothing that a terminal would obey.
#[track_caller]
fn assert_tame(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{run:#?}");
    }
}

#[test]
fn a_lease_from_the_remote_cannot_name_a_branch_of_a_person() {
    for line in [
        "branch = \"refs/heads/feature\"",
        "branch = \"refs/heads/odyssey/other\"",
        "branch = \"refs/odyssey/ledger\"",
        "branch = \"--upload-pack=touch\"",
        "target = \"refs/odyssey/ledger\"",
        "target = \"refs/heads/odyssey/evil\"",
        "base = \"--output=x\"",
    ] {
        let (fleet, own) = victim();
        let tip = fleet.here("one", "refs/heads/feature");
        push(&fleet, &tree(&fleet, &lease(&fleet, line)), CLAIM);
        for words in [
            &["status", "--fetch"][..],
            &["abandon", "evil"],
            &["release", "evil"],
            &["resume", "evil"],
            &["land", "evil"],
        ] {
            let run = fleet.run("one", words);
            assert_eq!(run.code, 1, "{line}, {words:?}: {run:#?}");
            assert_tame(&run);
        }
        assert_eq!(std::fs::read_to_string(own.join("mine")).unwrap(), "mine\n");
        assert_eq!(fleet.here("one", "refs/heads/feature"), tip);
    }
}

#[test]
fn nothing_that_the_remote_writes_gives_orders_to_the_terminal() {
    let (fleet, _) = victim();
    push(&fleet, &tree(&fleet, &lease(&fleet, "mode = \"exclusive\"")), CLAIM);
    fleet.run("one", &["status", "--fetch"]).ok();
    let lies = "\x1b]0;gotcha\x07\x1b[2Jreleased auth\rerror";
    let message = format!(
        "{lies}\n\nOdyssey-Event: override\nOdyssey-Reason: {lies}\nOdyssey-Overridden: {lies}\nOdyssey-Task: {lies}\n"
    );
    push(&fleet, &tree(&fleet, &lease(&fleet, "mode = \"exclusive\"")), &message);
    fleet.run("one", &["status", "--fetch"]).ok();
    let log = fleet.run("one", &["log"]).ok();
    assert!(log.stdout.contains("\\x1b]0;gotcha\\x07"), "{log:#?}");
    assert_tame(&log);
    for line in [
        "holder = { name = \"a\\u001b[2Jb\", kind = \"human\" }",
        "holder = { name = \"a\\nerror: b\", kind = \"human\" }",
        "holder = { name = \"a\\u202eb\", kind = \"human\" }",
        "regions = [\"a\\u001b[2J/**\"]",
        "regions = [\"a\\nb\"]",
        "regions = [\"@x\\u001b[2J\"]",
        "task = \"evil\\u001b[2J\"",
    ] {
        let (fleet, _) = victim();
        push(&fleet, &tree(&fleet, &lease(&fleet, line)), CLAIM);
        for words in [
            &["status", "--fetch"][..],
            &["show", "evil"],
            &["status"],
            &["claim", "x", "-r", "**", "--for", "a"],
        ] {
            let run = fleet.run("one", words);
            assert_tame(&run);
            let lines = run.stdout.lines().chain(run.stderr.lines());
            let forged = lines.filter(|line| line.trim() == "b" || line.starts_with("error: b")).count();
            assert_eq!(forged, 0, "{line}, {words:?}: {run:#?}");
        }
    }
}

#[test]
fn a_ledger_that_is_too_large_or_of_another_shape_is_refused_in_time() {
    let huge = "x".repeat(8 * 1024 * 1024);
    let (fleet, _) = victim();
    let plain = tree(&fleet, &lease(&fleet, "mode = \"exclusive\""));
    let (fence, format) = (object(&fleet, "blob", "100\n"), object(&fleet, "blob", "1\n"));
    let large = object(&fleet, "blob", &huge);
    let inner = fleet.lab.git_in(&fleet.bare(), &["rev-parse", "main^{tree}"]);
    let nested = {
        let path = fleet.lab.root().join("nested");
        support::write(&path, format!("040000 tree {inner}\tevil.toml\n"));
        let script = format!("git mktree <'{}'", path.display());
        Run::of(&mut fleet.lab.command("sh", &fleet.bare(), &["-c", &script])).ok().stdout.trim().to_owned()
    };
    let before = fleet.there(LEDGER);
    for (what, root) in [
        ("a large lease", tree(&fleet, &format!("{}# {huge}\n", lease(&fleet, "mode = \"exclusive\"")))),
        ("a large number", entries(&large, &format, &nested)),
        ("a folder in the place of a lease", entries(&fence, &format, &nested)),
        (
            "a lease in the place of the folder",
            entries(&fence, &format, &fence).replace("040000 tree", "100644 blob"),
        ),
        ("no number", entries(&format, &format, &nested).replace("fence", "fences")),
    ] {
        push(&fleet, &root, CLAIM);
        let begun = Instant::now();
        let refused = fleet.run("one", &["status", "--fetch"]);
        assert_eq!(refused.code, 1, "{what}: {refused:#?}");
        assert!(refused.stdout.len() + refused.stderr.len() < 10_000, "{what}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
        fleet.lab.git_in(&fleet.bare(), &["update-ref", LEDGER, &before]);
        fleet.lab.git_in(&fleet.machine("one"), &["update-ref", LEDGER, &before]);
        fleet.run("one", &["status", "--fetch"]).ok();
    }
    // A message has no say: it is shown in part.
    push(&fleet, &plain, &format!("{huge}\n\nOdyssey-Event: override\nOdyssey-Reason: {huge}\n"));
    fleet.run("one", &["status", "--fetch"]).ok();
    let log = fleet.run("one", &["log"]).ok();
    assert!(log.stdout.len() < 10_000, "{}", log.stdout.len());
}

#[test]
fn a_ledger_that_points_at_itself_or_at_no_commit_is_refused() {
    for value in ["ref: refs/odyssey/ledger\n", "ref: refs/odyssey/other\n"] {
        let (fleet, _) = victim();
        let seen = fleet.here("one", LEDGER);
        support::write(&fleet.bare().join(LEDGER), value);
        support::write(&fleet.bare().join("refs/odyssey/other"), "ref: refs/odyssey/ledger\n");
        let refused = fleet.run("one", &["status", "--fetch"]);
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert_eq!(fleet.here("one", LEDGER), seen);
    }
    let (fleet, _) = victim();
    let seen = fleet.here("one", LEDGER);
    let blob = object(&fleet, "blob", "x");
    fleet.lab.git_in(&fleet.bare(), &["update-ref", LEDGER, &blob]);
    let refused = fleet.run("one", &["status", "--fetch"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert_eq!(fleet.here("one", LEDGER), seen);
}

#[test]
fn work_from_the_remote_with_a_path_into_gits_own_folder_is_not_unpacked() {
    for path in EVIL {
        for (name, on_branch) in [("refs/heads/odyssey/evil", true), ("refs/odyssey/salvage/evil", false)] {
            let (fleet, _) = victim();
            let outside = outside(&fleet.lab);
            let one = fleet.machine("one");
            push(&fleet, &tree(&fleet, &lease(&fleet, "mode = \"exclusive\"")), CLAIM);
            fleet.lab.git_in(&fleet.bare(), &["update-ref", "refs/heads/odyssey/evil", "main"]);
            let tree = evil_tree(&fleet.lab, &fleet.bare(), path);
            let commit = fleet
                .lab
                .git_in(&fleet.bare(), &["commit-tree", "-p", "main", "-m", "salvage evil: x", &tree]);
            fleet.lab.git_in(&fleet.bare(), &["update-ref", name, &commit]);
            let before = (shown(&one.join(".git/hooks")), shown(&outside));
            let resumed = fleet.run("one", &["resume", "evil"]);
            assert_eq!(resumed.code, 1, "{path}, {on_branch}: {resumed:#?}");
            assert_eq!((shown(&one.join(".git/hooks")), shown(&outside)), before, "{path}, {on_branch}");
            assert!(!fleet.workspace("one", "evil").join(path).exists());
            fleet.run("one", &["claim", "next", "--region", "x", "--for", "a"]).ok();
        }
    }
}
