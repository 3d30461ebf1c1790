//! Ledgers that no rule would write, each refused with its reason.

use super::support::history;
use super::yard::Yard;

/// An illegal push of the ledger: its name, how it is made (from the yard to a commit), and what its refusal says.
type Illegal = (&'static str, fn(&Yard) -> String, &'static str);

const AUTH: &str = "leases/auth.toml";

/// The lease of `auth`, with some of its text replaced.
fn auth(yard: &Yard, from: &str, to: &str) -> String {
    let text = yard.lab.git(&["show", &format!("refs/odyssey/ledger:{AUTH}")]) + "\n";
    assert!(text.contains(from), "{text}");
    text.replace(from, to)
}

fn message(event: &str, task: &str, fence: u64) -> String {
    format!("{event} {task}\n\nOdyssey-Event: {event}\nOdyssey-Task: {task}\nOdyssey-Fence: {fence}\n")
}

/// A commit that says this event of `auth`, and leaves its lease with some of the text replaced.
fn changed(yard: &Yard, event: &str, fence: u64, from: &str, to: &str) -> String {
    let text = auth(yard, from, to);
    yard.ledger_commit(&message(event, "auth", fence), &[(AUTH, Some(&text))], None)
}

/// A commit that claims `new` with the lease of `auth`, with some of the text replaced, and this counter of fences.
fn claimed(yard: &Yard, fence: u64, counter: &str, from: &str, to: &str) -> String {
    let text = auth(yard, from, to);
    let text = text.replace("task = \"auth\"", "task = \"new\"").replace("odyssey/auth", "odyssey/new");
    let text = text.replace("fence = 1", &format!("fence = {fence}"));
    let files = [("leases/new.toml", Some(text.as_str())), ("fence", Some(counter))];
    yard.ledger_commit(&message("claim", "new", fence), &files, None)
}

const FOLD: &str = "compact 3 events\n\nOdyssey-Event: compact\n";

/// The message of a fold of this commit.
fn fold_of(yard: &Yard, commit: &str) -> String {
    format!("{FOLD}Odyssey-Archive: {}\n", yard.lab.git(&["rev-parse", commit]))
}

/// A fold of this commit with more trailers, on top of nothing or of the ledger.
fn folded(yard: &Yard, commit: &str, more: &str, parent: Option<&str>) -> String {
    yard.ledger_commit(&(fold_of(yard, commit) + more), &[], parent)
}

const TABLE: &[Illegal] = &[
    (
        "not a fast-forward",
        |yard| yard.lab.git(&["rev-parse", "refs/odyssey/ledger~1"]),
        "only moves forward",
    ),
    (
        "another history",
        |yard| yard.ledger_commit("init\n\nOdyssey-Event: init\n", &[], Some("")),
        "only moves forward",
    ),
    (
        "two parents",
        |yard| {
            let merge = ["commit-tree", "refs/odyssey/ledger^{tree}", "-m", "x", "-p", "refs/odyssey/ledger"];
            yard.lab.git(&[&merge[..], &["-p", "refs/odyssey/ledger~1"]].concat())
        },
        "it has 2 parents",
    ),
    ("no event", |yard| yard.ledger_commit("hello", &[], None), "its message tells of no event"),
    (
        "an unknown event",
        |yard| yard.ledger_commit(&message("steal", "auth", 1), &[], None),
        "its event 'steal' is not known here",
    ),
    (
        "an event that is said twice",
        |yard| {
            let twice = message("renew", "auth", 1) + "Odyssey-Event: land\n";
            yard.ledger_commit(&twice, &[], None)
        },
        "says Odyssey-Event twice",
    ),
    (
        "an event of no task",
        |yard| yard.ledger_commit("x\n\nOdyssey-Event: park\n", &[], None),
        "does not name both a task and a fence",
    ),
    (
        "the ledger begun anew",
        |yard| yard.ledger_commit("x\n\nOdyssey-Event: init\n", &[(AUTH, None)], None),
        "it begins the ledger anew, which only whoever keeps the server may",
    ),
    (
        "another format",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[("format", Some("2\n"))], None),
        "its format is 2, and this server knows 1",
    ),
    (
        "no format",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[("format", None)], None),
        "format is missing",
    ),
    (
        "an unknown file",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[("secret", Some("x"))], None),
        "secret does not belong there",
    ),
    (
        "a lease that is no lease",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[(AUTH, Some("nonsense"))], None),
        "leases/auth.toml:",
    ),
    (
        "a lease with an unknown key",
        |yard| changed(yard, "renew", 1, "phase =", "secret = 1\nphase ="),
        "unknown field",
    ),
    (
        "a lease with a region that is none",
        |yard| changed(yard, "renew", 1, "src/auth/**", "../etc/**"),
        "leases/auth.toml:",
    ),
    (
        "the lease of another name",
        |yard| changed(yard, "renew", 1, "task = \"auth\"", "task = \"other\""),
        "it is the lease of other",
    ),
    (
        "a counter that is no number",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[("fence", Some("many\n"))], None),
        "fence is 'many', no number",
    ),
    (
        "a counter that falls",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[("fence", Some("1\n"))], None),
        "the last fence goes from 2 to 1, and should be 2",
    ),
    (
        "a counter that rises for nothing",
        |yard| yard.ledger_commit(&message("renew", "auth", 1), &[("fence", Some("9\n"))], None),
        "the last fence goes from 2 to 9, and should be 2",
    ),
    (
        "a claim over a held region",
        |yard| claimed(yard, 3, "3\n", "src/auth/**", "src/auth/login.rs"),
        "new would hold src/auth/login.rs, and auth (claude-1) holds src/auth/**",
    ),
    (
        "a claim under an old fence",
        |yard| claimed(yard, 2, "2\n", "src/auth/**", "elsewhere/**"),
        "its fence is not the next one",
    ),
    (
        "a claim that skips fences",
        |yard| claimed(yard, 900, "900\n", "src/auth/**", "elsewhere/**"),
        "its fence is not the next one",
    ),
    (
        "a claim that does not move the counter",
        |yard| claimed(yard, 3, "2\n", "src/auth/**", "elsewhere/**"),
        "the last fence goes from",
    ),
    (
        "a claim of a branch that is not its own",
        |yard| claimed(yard, 3, "3\n", "refs/heads/odyssey/auth", "refs/heads/main"),
        "its branch is not the task's",
    ),
    (
        "a claim whose target no git takes",
        |yard| claimed(yard, 3, "3\n", "refs/heads/main", "refs/heads/x y"),
        "'refs/heads/x y' is no name of a ref",
    ),
    (
        "a claim that never ends",
        |yard| claimed(yard, 3, "3\n", "2026-11-24T02:30:00Z", "9026-11-24T02:30:00Z"),
        "the end is not its length after the grant",
    ),
    (
        "a renewal that changes the holder",
        |yard| changed(yard, "renew", 1, "claude-1", "mallory"),
        "it says renew auth, and changes the holder",
    ),
    (
        "a renewal that changes the base",
        |yard| changed(yard, "renew", 1, "base = \"", "base = \"00"),
        "it says renew auth, and changes the base",
    ),
    (
        "a renewal that changes the regions",
        |yard| changed(yard, "renew", 1, "src/auth/**", "**"),
        "it says renew auth, and changes the regions",
    ),
    (
        "a renewal for ever",
        |yard| changed(yard, "renew", 1, "2026-11-24T02:30:00Z", "9026-11-24T02:30:00Z"),
        "it lasts too long, or no time at all",
    ),
    (
        "a renewal under an old fence",
        |yard| changed(yard, "renew", 7, "2026-11-24T02:30:00Z", "2026-11-24T03:30:00Z"),
        "its fence 7 is old: auth is at 1",
    ),
    (
        "an extension over a held region",
        |yard| {
            let text = auth(yard, "[\"src/auth/**\"]", "[\"src/auth/**\", \"src/ui/page.rs\"]");
            let message = message("extend", "auth", 1) + "Odyssey-Region: src/ui/page.rs\n";
            yard.ledger_commit(&message, &[(AUTH, Some(&text))], None)
        },
        "auth would hold src/ui/page.rs, and ui (codex-2) holds src/ui/**",
    ),
    (
        "an extension by what it does not name",
        |yard| changed(yard, "extend", 1, "[\"src/auth/**\"]", "[\"src/auth/**\", \"docs/**\"]"),
        "the regions that it names are not those that it adds",
    ),
    (
        "a park that changes another lease",
        |yard| {
            let text = auth(yard, "\"active\"", "\"parked\"");
            yard.ledger_commit(&message("park", "ui", 2), &[(AUTH, Some(&text))], None)
        },
        "it says park ui, and changes the lease of auth",
    ),
    (
        "a take-over of a lease that has not expired",
        |yard| {
            let text = auth(yard, "claude-1", "mallory").replace("fence = 1", "fence = 3");
            let files = [(AUTH, Some(text.as_str())), ("fence", Some("3\n"))];
            yard.ledger_commit(&message("take-over", "auth", 3), &files, None)
        },
        "auth of claude-1 has not expired by the clock of this server: 59m left",
    ),
    (
        "an end of two leases at once",
        |yard| {
            let files = [(AUTH, None), ("leases/ui.toml", None)];
            yard.ledger_commit(&message("release", "auth", 1), &files, None)
        },
        "it says release auth, and changes the lease of ui",
    ),
    (
        "an end under an old fence",
        |yard| yard.ledger_commit(&message("release", "auth", 9), &[(AUTH, None)], None),
        "its fence 9 is old: auth is at 1",
    ),
    (
        "a landing of nothing",
        |yard| yard.ledger_commit(&message("land", "auth", 1), &[(AUTH, None)], None),
        "a landing without Odyssey-From",
    ),
    (
        "an override that changes a lease",
        |yard| yard.ledger_commit("x\n\nOdyssey-Event: override\n", &[(AUTH, None)], None),
        "its event override changes a lease",
    ),
    (
        "a fold of an earlier state",
        |yard| {
            let message = fold_of(yard, "refs/odyssey/ledger~1");
            yard.lab.git(&["commit-tree", "-m", &message, "refs/odyssey/ledger~1^{tree}"])
        },
        "only moves forward",
    ),
    (
        "a fold of what is not here",
        |yard| {
            let message = format!("{FOLD}Odyssey-Archive: {}\n", "1".repeat(40));
            yard.ledger_commit(&message, &[], Some(""))
        },
        "only moves forward",
    ),
    (
        "a fold of two histories",
        |yard| {
            let other = yard.lab.git(&["rev-parse", "refs/odyssey/ledger~1"]);
            folded(yard, "refs/odyssey/ledger", &format!("Odyssey-Archive: {other}\n"), Some(""))
        },
        "only moves forward",
    ),
    (
        "a fold of a file",
        |yard| {
            // One that the server has.
            let blob = yard.lab.git(&["rev-parse", "refs/odyssey/ledger:fence"]);
            yard.ledger_commit(&format!("{FOLD}Odyssey-Archive: {blob}\n"), &[], Some(""))
        },
        "cannot read commit",
    ),
    (
        "a fold that has a parent",
        |yard| folded(yard, "refs/odyssey/ledger", "", None),
        "it says that it folds the history, and goes on from a parent",
    ),
    (
        "a fold of a task",
        |yard| folded(yard, "refs/odyssey/ledger", "Odyssey-Task: auth\nOdyssey-Fence: 1\n", Some("")),
        "its event compact names a task or a fence",
    ),
    (
        "a fold that ends a lease",
        |yard| yard.ledger_commit(&fold_of(yard, "refs/odyssey/ledger"), &[(AUTH, None)], Some("")),
        "which has another tree",
    ),
    (
        "a fold that changes a lease",
        |yard| {
            let text = auth(yard, "claude-1", "mallory");
            yard.ledger_commit(&fold_of(yard, "refs/odyssey/ledger"), &[(AUTH, Some(&text))], Some(""))
        },
        "which has another tree",
    ),
    (
        "a fold that writes the same number in another way",
        |yard| yard.ledger_commit(&fold_of(yard, "refs/odyssey/ledger"), &[("fence", Some("2"))], Some("")),
        "which has another tree",
    ),
    (
        "a fold without its archive",
        |yard| folded(yard, "refs/odyssey/ledger", "", Some("")),
        "comes neither with it nor before",
    ),
    (
        "a message as long as a book",
        |yard| yard.ledger_commit(&(message("renew", "auth", 1) + &"x".repeat(70_000)), &[], None),
        "a commit of the ledger is more than 65536",
    ),
    (
        "a lease as long as a book",
        |yard| changed(yard, "renew", 1, "src/auth/**", &format!("src/{}", "x".repeat(70_000))),
        "a lease of the ledger is more than 65536",
    ),
    (
        "a bad commit below a good one",
        |yard| {
            let bad = changed(yard, "renew", 1, "claude-1", "mallory");
            let text = auth(yard, "2026-11-24T02:30:00Z", "2026-11-24T02:31:00Z");
            yard.ledger_commit(&message("renew", "auth", 1), &[(AUTH, Some(&text))], Some(&bad))
        },
        "changes the holder",
    ),
];

#[test]
fn each_ledger_that_no_rule_would_write_is_refused_with_its_reason() {
    let yard = Yard::new();
    for (name, make, why) in TABLE.iter() {
        let commit = make(&yard);
        let before = yard.server_refs();
        let run = yard.home_pushes(&["--force", &format!("{commit}:refs/odyssey/ledger")]);
        assert_ne!(run.code, 0, "{name}: it passed\n{run:#?}");
        assert!(run.stderr.contains(why), "{name}: {run:#?}");
        assert_eq!(yard.server_refs(), before, "{name}: a ref moved");
    }
}

#[test]
fn what_the_rules_write_passes() {
    let yard = Yard::new();
    let renewed = changed(&yard, "renew", 1, "2026-11-24T02:30:00Z", "2026-11-24T02:31:00Z");
    yard.home_pushes(&[&format!("{renewed}:refs/odyssey/ledger")]).ok();
    yard.lab.git(&["update-ref", "refs/odyssey/ledger", &renewed]);
    yard.lab.odyssey(&["renew", "ui", "--ttl", "2h"]).ok();
    yard.lab.odyssey(&["claim", "docs", "--region", "docs/**"]).ok();
    yard.lab.odyssey(&["park", "docs", "--reason", "x"]).ok();
    yard.lab.odyssey(&["resume", "docs", "--for", "human:anna"]).ok();
    yard.work("ui", "src/ui-free.rs", "free\n");
    yard.lab.odyssey(&["abandon", "docs", "--reason", "x"]).ok();
    yard.lab.advance(120);
    yard.lab.odyssey(&["claim", "late", "--region", "src/auth/**", "--take-over"]).ok();
    yard.home_pushes(&["refs/odyssey/ledger"]).ok();
}

#[test]
fn a_fold_passes_with_its_archive_which_then_stays() {
    let yard = Yard::new();
    let before = yard.lab.git(&["rev-parse", "refs/odyssey/ledger"]);
    let fold = folded(&yard, "refs/odyssey/ledger", "", Some(""));
    let archive = format!("refs/odyssey/archive/{before}");
    let ledger = format!("{fold}:refs/odyssey/ledger");
    let refused = |arguments: &[&str], why: &str| {
        let refs = yard.server_refs();
        let run = yard.home_pushes(arguments);
        assert_ne!(run.code, 0, "{arguments:?}: it passed");
        assert!(run.stderr.contains(why), "{arguments:?}: {run:#?}");
        assert_eq!(yard.server_refs(), refs, "{arguments:?}");
    };
    // Of another commit, under another name, in the place of all, or of what nobody folds.
    let first = yard.lab.git(&["rev-parse", "refs/odyssey/ledger~1"]);
    refused(&["--force", &ledger, &format!("{first}:{archive}")], "has the name of its commit");
    refused(
        &["--force", &ledger, "refs/odyssey/ledger:refs/odyssey/archive/x"],
        "has the name of its commit",
    );
    refused(&["refs/odyssey/ledger:refs/odyssey/archive"], "has the name of its commit");
    let early = format!("refs/odyssey/ledger~1:refs/odyssey/archive/{first}");
    refused(&[&early], "no fold of the ledger in this push names it");
    // What is below a fold is judged as all else is.
    let bad = changed(&yard, "renew", 1, "claude-1", "mallory");
    let message = format!("{FOLD}Odyssey-Archive: {bad}\n");
    let above = yard.lab.git(&["commit-tree", "-m", &message, &format!("{bad}^{{tree}}")]);
    let both = [format!("{above}:refs/odyssey/ledger"), format!("{bad}:refs/odyssey/archive/{bad}")];
    refused(&["--force", "--atomic", &both[0], &both[1]], "changes the holder");
    yard.home_pushes(&["--force", "--atomic", &ledger, &format!("refs/odyssey/ledger:{archive}")]).ok();
    yard.lab.git(&["update-ref", &archive, &before]);
    yard.lab.git(&["update-ref", "refs/odyssey/ledger", &fold]);
    // It does not go back behind the fold, and what was folded away stays.
    refused(&["--force", &format!("{before}:refs/odyssey/ledger")], "only moves forward");
    refused(&[&format!(":{archive}")], "an archive of the ledger stays as it is");
    refused(&["--force", &format!("{first}:{archive}")], "an archive of the ledger stays as it is");
    // The work goes on, and what was written on what the fold archived does not fit any more.
    yard.lab.odyssey(&["renew", "ui", "--ttl", "2h"]).ok();
    yard.home_pushes(&["refs/odyssey/ledger"]).ok();
    yard.lab.odyssey(&["claim", "docs", "--region", "docs/**"]).ok();
    yard.lab.odyssey(&["compact"]).ok();
    yard.lab.odyssey(&["release", "docs"]).ok();
    yard.lab.odyssey(&["compact"]).ok();
    // Two folds and what was between them, in one push.
    yard.home_pushes(&["--force", "refs/odyssey/ledger", "refs/odyssey/archive/*"]).ok();
    assert_eq!(history::commits(&yard.lab, &yard.server), history::commits(&yard.lab, &yard.lab.main()));
}

#[test]
fn a_hook_that_sees_one_ref_at_a_time_takes_the_archive_first() {
    let yard = Yard::new();
    yard.lab.odyssey_in(&yard.server, &["server", "install", "--hook", "update"]).ok();
    yard.lab.odyssey(&["compact"]).ok();
    let ledger = "refs/odyssey/ledger";
    let both = yard.home_pushes(&["--force", "--atomic", ledger, "refs/odyssey/archive/*"]);
    assert!(both.stderr.contains("comes neither with it nor before"), "{both:#?}");
    yard.home_pushes(&["refs/odyssey/archive/*"]).ok();
    yard.home_pushes(&["--force", ledger]).ok();
}

#[test]
fn a_ledger_is_begun_by_its_first_push_and_not_by_another() {
    let yard = Yard::new();
    yard.lab.git_in(&yard.server, &["update-ref", "-d", "refs/odyssey/ledger"]);
    let orphan = yard.ledger_commit(&message("claim", "auth", 1), &[], Some(""));
    let run = yard.home_pushes(&[&format!("{orphan}:refs/odyssey/ledger")]);
    assert!(run.stderr.contains("it is the first commit, and does not begin an empty ledger"), "{run:#?}");
    yard.home_pushes(&["refs/odyssey/ledger"]).ok();
}
