//! The server's hook: what a push may not do, for everyone; and what ordinary work may.
//!
//! Whoever pushes here has no hook of ours: a clone in which nothing was installed. The server stops it alone.

#![allow(clippy::unwrap_used, reason = "a scene that cannot be set fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests plant files as people do")]

#[path = "server/illegal.rs"]
mod illegal;
mod support;
#[path = "server/yard.rs"]
mod yard;

use std::path::Path;

use snapbox::assert_data_eq;
use snapbox::str;
use support::Run;
use yard::HELD;
use yard::TOKEN;
use yard::Yard;

/// One way to bring a write into a held region to the server: its name, and what to do in the clone. Answers the
/// arguments of the push.
type Way = (&'static str, fn(&Yard) -> Vec<&'static str>);

/// A commit that edits a held file.
fn edit(yard: &Yard) {
    yard.write(HELD, "fn login() { mine() }\n");
    yard.commit("mine");
}

const WAYS: &[Way] = &[
    ("a commit on the target", |yard| {
        edit(yard);
        vec!["HEAD:main"]
    }),
    ("a commit on a branch of its own", |yard| {
        edit(yard);
        vec!["HEAD:refs/heads/mine"]
    }),
    ("a commit under a tag", |yard| {
        edit(yard);
        yard.git(&["tag", "-a", "v1", "-m", "x"]);
        vec!["refs/tags/v1"]
    }),
    ("a commit under a ref of no kind", |yard| {
        edit(yard);
        vec!["HEAD:refs/notes/mine"]
    }),
    ("a new file", |yard| {
        yard.write("src/auth/deep/new.rs", "fn new() {}\n");
        yard.commit("new");
        vec!["HEAD:main"]
    }),
    ("a deletion", |yard| {
        yard.git(&["rm", "--quiet", TOKEN]);
        yard.commit("gone");
        vec!["HEAD:main"]
    }),
    ("a move out of the region", |yard| {
        yard.git(&["mv", TOKEN, "docs/token.rs"]);
        yard.commit("moved");
        vec!["HEAD:main"]
    }),
    ("a change of mode", |yard| {
        yard.git(&["update-index", "--chmod=+x", HELD]);
        yard.git(&["commit", "--quiet", "-m", "mode"]);
        vec!["HEAD:main"]
    }),
    ("a write that a later commit takes back", |yard| {
        edit(yard);
        yard.git(&["revert", "--no-edit", "HEAD"]);
        vec!["HEAD:main"]
    }),
    ("a merge of a branch that is older than the lease", |yard| {
        yard.git(&["merge", "--quiet", "--no-edit", "origin/old-side"]);
        vec!["HEAD:main"]
    }),
    ("a fast-forward to a branch that is older than the lease", |yard| {
        yard.git(&["merge", "--quiet", "--ff-only", "origin/old-ahead"]);
        vec!["HEAD:main"]
    }),
    ("a merge whose conflict was resolved by hand", |yard| {
        yard.git(&["checkout", "--quiet", "-B", "wild", "origin/main~1"]);
        yard.write("docs/guide.md", "side\n");
        yard.commit("side");
        yard.git(&["checkout", "--quiet", "-B", "other", "origin/main"]);
        yard.git(&["merge", "--quiet", "--no-commit", "--no-ff", "wild"]);
        yard.write(HELD, "fn login() { evil() }\n");
        yard.commit("merged");
        vec!["HEAD:main"]
    }),
    ("a merge that takes the other side's old file", |yard| {
        yard.git(&["merge", "--quiet", "-s", "ours", "--no-edit", "origin/old-ahead"]);
        yard.git(&["checkout", "origin/old-ahead", "--", HELD]);
        yard.git(&["commit", "--quiet", "--amend", "--no-edit"]);
        vec!["HEAD:main"]
    }),
    ("a cherry-pick", |yard| {
        yard.git(&["cherry-pick", "origin/old-ahead"]);
        vec!["HEAD:main"]
    }),
    ("a revert", |yard| {
        yard.git(&["revert", "--no-edit", "HEAD~1"]);
        vec!["HEAD:main"]
    }),
    ("a commit made of trees alone", |yard| {
        let tree = yard.git(&["rev-parse", "origin/old-ahead^{tree}"]);
        let commit = yard.git(&["commit-tree", "-p", "HEAD", "-m", "x", &tree]);
        yard.git(&["update-ref", "refs/heads/made", &commit]);
        vec!["made:main"]
    }),
    ("the held file among a thousand others", |yard| {
        for number in 0..1_000 {
            yard.write(&format!("many/{number}"), "x");
        }
        edit(yard);
        vec!["HEAD:main"]
    }),
    ("a target that goes back before what was landed there", |yard| {
        yard.git(&["reset", "--quiet", "--hard", "origin/main~2"]);
        vec!["--force", "HEAD:main"]
    }),
    ("one bad ref among good ones", |yard| {
        yard.write("docs/guide.md", "good\n");
        yard.commit("good");
        yard.git(&["branch", "good"]);
        edit(yard);
        vec!["good", "HEAD:main"]
    }),
    ("the branch of a task that holds another region", |yard| {
        edit(yard);
        vec!["HEAD:odyssey/ui"]
    }),
];

#[test]
fn the_server_stops_each_write_into_a_held_region() {
    let yard = Yard::new();
    for (name, prepare) in WAYS {
        yard.begin();
        let refs = prepare(&yard);
        let before = yard.server_refs();
        let run = yard.push(&refs);
        assert_ne!(run.code, 0, "{name}: it passed\n{run:#?}");
        assert!(run.stderr.contains("is held by auth (claude-1, agent)"), "{name}: {run:#?}");
        assert!(run.stderr.contains("as src/auth/**, 59m left"), "{name}: {run:#?}");
        assert_eq!(yard.server_refs(), before, "{name}: a ref moved");
    }
}

#[test]
fn a_refusal_names_each_ref_and_why() {
    let yard = Yard::new();
    yard.begin();
    edit(&yard);
    let run = yard.push(&["HEAD:main", "HEAD:refs/heads/mine", "HEAD:odyssey/gone", ":odyssey/auth"]);
    let told: Vec<&str> =
        run.stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim_end).collect();
    assert_data_eq!(
        yard.lab.screen(&Run { stdout: told.join("\n"), stderr: String::new(), code: 1 }),
        str![[r#"
error: git odyssey refuses this push
refs/heads/odyssey/auth: it is the branch of auth (claude-1), which is live
refs/heads/odyssey/gone: gone is not live: its lease has ended, or never began
refs/heads/main: commit [HASH] may not be:
  src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 59m left
refs/heads/mine: commit [HASH] may not be:
  src/auth/login.rs is held by auth (claude-1, agent) as src/auth/**, 59m left
hint: nothing was pushed; see who holds what: git odyssey status
hint: push what is yours alone, or wait until the task has landed
--- exit 1

"#]]
    );
}

#[test]
fn ordinary_work_passes() {
    let yard = Yard::new();
    yard.begin();
    yard.write("docs/guide.md", "better\n");
    yard.commit("docs");
    yard.pushed(&["HEAD:main"]);
    yard.write("Cargo.lock", "version = 5\n");
    yard.commit("commons");
    yard.pushed(&["HEAD:main", "HEAD:refs/heads/mine"]);
    yard.pushed(&["--force", "HEAD~1:refs/heads/mine"]);
    yard.pushed(&[":refs/heads/mine"]);
    // A merge that brings nothing but what others had published.
    yard.git(&["checkout", "--quiet", "-B", "mine", "origin/main~1"]);
    yard.write("docs/other.md", "other\n");
    yard.commit("other");
    yard.git(&["merge", "--quiet", "--no-edit", "origin/main"]);
    yard.pushed(&["HEAD:main"]);
}

#[test]
fn a_task_pushes_its_branch_and_lands_with_its_ledger() {
    let yard = Yard::new();
    yard.work("auth", HELD, "fn login() { done() }\n");
    yard.home_pushes(&["odyssey/auth"]).ok();
    // Nobody can land it without the ledger's word, but a merge of its branch is the task's work.
    yard.lab.odyssey(&["land", "auth"]).ok();
    let alone = yard.home_pushes(&["refs/odyssey/ledger"]);
    assert_ne!(alone.code, 0);
    assert!(alone.stderr.contains("auth landed as"), "{alone:#?}");
    yard.home_pushes(&["--atomic", "main", "refs/odyssey/ledger"]).ok();
    // The region is free now.
    yard.begin();
    edit(&yard);
    yard.pushed(&["HEAD:main"]);
}

#[test]
fn whoever_merges_a_tasks_branch_writes_nothing_but_the_tasks_work() {
    let yard = Yard::new();
    yard.work("auth", HELD, "fn login() { done() }\n");
    yard.home_pushes(&["odyssey/auth"]).ok();
    yard.begin();
    yard.git(&["merge", "--quiet", "--no-ff", "--no-commit", "origin/odyssey/auth"]);
    yard.write(TOKEN, "fn token() { smuggled() }\n");
    yard.commit("merge with more in it");
    let run = yard.push(&["HEAD:main"]);
    assert!(run.stderr.contains("src/auth/token.rs is held by auth"), "{run:#?}");
    assert!(!run.stderr.contains(HELD), "{run:#?}");
    yard.begin();
    yard.git(&["merge", "--quiet", "--no-ff", "--no-edit", "origin/odyssey/auth"]);
    yard.pushed(&["HEAD:main"]);
}

#[test]
fn a_landing_by_squash_is_its_tasks_although_no_branch_reaches_it() {
    let yard = Yard::new();
    yard.work("auth", HELD, "fn login() { done() }\n");
    yard.lab.odyssey(&["land", "auth", "--squash"]).ok();
    let without = yard.home_pushes(&["main"]);
    assert!(without.stderr.contains("is held by auth"), "{without:#?}");
    yard.home_pushes(&["--atomic", "main", "refs/odyssey/ledger"]).ok();
}

#[test]
fn a_landing_does_not_open_the_regions_of_others() {
    let yard = Yard::new();
    yard.work("ui", "src/ui/page.rs", "fn page() { done() }\n");
    // Past the local hooks, into what auth holds.
    let place = yard.lab.workspace("ui");
    support::write(&place.join(HELD), "fn login() { stolen() }\n");
    yard.lab.git_in(&place, &["add", "--all"]);
    yard.lab
        .git_in(&place, &["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--no-verify", "-m", "x"]);
    // A ledger that says it landed, made by the rules themselves.
    let tip = yard.lab.git(&["rev-parse", "odyssey/ui"]);
    let main = yard.lab.git(&["rev-parse", "main"]);
    let message = format!(
        "land ui, fence 2\n\nOdyssey-Event: land\nOdyssey-Task: ui\nOdyssey-Fence: 2\nOdyssey-Commit: {tip}\nOdyssey-From: {main}\n"
    );
    let ledger = yard.ledger_commit(&message, &[("leases/ui.toml", None)], None);
    let refs = [&format!("{tip}:refs/heads/main"), &format!("{ledger}:refs/odyssey/ledger")];
    let run = yard.home_pushes(&["--atomic", refs[0], refs[1]]);
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("src/auth/login.rs is held by auth"), "{run:#?}");
}

#[test]
fn a_parked_or_ended_task_does_not_write_and_a_live_one_loses_nothing() {
    let yard = Yard::new();
    let refused = |run: Run, why: &str| {
        assert_ne!(run.code, 0, "{why}: it passed");
        assert!(run.stderr.contains(why), "{run:#?}");
    };
    yard.work("auth", HELD, "fn login() { one() }\n");
    yard.lab.odyssey(&["park", "auth"]).ok();
    // Work that was done while the lease was active comes with the park.
    yard.home_pushes(&["--atomic", "odyssey/auth", "refs/odyssey/ledger"]).ok();
    yard.begin();
    yard.git(&["reset", "--quiet", "--hard", "origin/odyssey/auth"]);
    yard.write(HELD, "fn login() { zombie() }\n");
    yard.commit("zombie");
    refused(yard.push(&["HEAD:odyssey/auth"]), "auth is parked, and may not write");
    refused(yard.push(&[":odyssey/auth"]), "it is the branch of auth (claude-1), which is live");
    refused(yard.push(&[":refs/odyssey/ledger"]), "the ledger is not deleted by a push");
    yard.lab.odyssey(&["abandon", "auth", "--reason", "x"]).ok();
    let salvage = yard.lab.git(&["for-each-ref", "--format=%(refname)", "refs/odyssey/salvage"]);
    yard.home_pushes(&["refs/odyssey/ledger", &salvage]).ok();
    refused(yard.push(&["HEAD:odyssey/auth"]), "auth is not live: its lease has ended, or never began");
    refused(yard.push(&[&format!(":{salvage}")]), "saved work is not removed by a push");
    // Its branch is nobody's now.
    yard.pushed(&[":odyssey/auth"]);
}

#[test]
fn a_pusher_that_the_server_knows_acts_for_its_own_holders_only() {
    let yard = Yard::new();
    yard.work("auth", HELD, "fn login() { one() }\n");
    let push = |name: &str| yard.home_pushes_with(&["odyssey/auth"], &[("GITEA_PUSHER_NAME", name)]);
    let mallory = push("mallory");
    assert!(
        mallory.stderr.contains("auth is held by claude-1, for whom mallory may not act"),
        "{mallory:#?}"
    );
    assert!(mallory.stderr.contains("git config --add odyssey-pusher.mallory.holder HOLDER"), "{mallory:#?}");
    let several = [("GITEA_PUSHER_NAME", "anna"), ("GL_USERNAME", "mallory")];
    let several = yard.home_pushes_with(&["odyssey/auth"], &several);
    assert!(several.stderr.contains("it is not clear who pushes"), "{several:#?}");
    yard.lab.git_in(&yard.server, &["config", "--add", "odyssey-pusher.anna.holder", "claude-1"]);
    push("anna").ok();
    // The ledger too: ending another's lease is not anybody's.
    yard.lab.odyssey(&["park", "auth"]).ok();
    let parked = yard.home_pushes_with(&["refs/odyssey/ledger"], &[("GIT_ODYSSEY_PUSHER", "mallory")]);
    assert!(parked.stderr.contains("is for claude-1 to say, for whom mallory may not act"), "{parked:#?}");
    yard.home_pushes_with(&["refs/odyssey/ledger"], &[("GIT_ODYSSEY_PUSHER", "claude-1")]).ok();
}

#[test]
fn a_push_that_carries_a_fence_is_its_tasks_and_an_old_fence_is_refused() {
    let yard = Yard::new();
    yard.lab.git_in(&yard.server, &["config", "receive.advertisePushOptions", "true"]);
    yard.work("auth", HELD, "fn login() { one() }\n");
    let push = |fence: &str| yard.home_pushes(&["-o", fence, "odyssey/auth"]);
    let old = push("odyssey-fence=auth:7");
    assert!(old.stderr.contains("fence 7 of auth is old: it is at 1"), "{old:#?}");
    let other = push("odyssey-fence=ui:2");
    assert!(other.stderr.contains("the push does not carry the fence of auth"), "{other:#?}");
    let odd = push("odyssey-fence=auth");
    assert!(odd.stderr.contains("is no fence: write it as odyssey-fence=TASK:NUMBER"), "{odd:#?}");
    push("odyssey-fence=auth:1").ok();
}

#[test]
fn a_hook_that_was_there_runs_after_ours_and_still_refuses_and_comes_back_byte_for_byte() {
    let yard = Yard::new();
    let hooks = yard.server.join("hooks");
    yard.lab.odyssey_in(&yard.server, &["server", "install", "--remove"]).ok();
    let theirs = "#!/bin/sh\ncat >>seen\n[ ! -e closed ] || { echo 'closed today' >&2; exit 1; }\n";
    yard.plant_hook("pre-receive", theirs);
    let before = snapshot(&hooks);
    yard.lab.odyssey_in(&yard.server, &["server", "install"]).ok();
    yard.lab.odyssey_in(&yard.server, &["server", "install"]).ok();
    yard.begin();
    yard.write("docs/guide.md", "better\n");
    yard.commit("docs");
    support::write(&yard.server.join("closed"), "");
    let closed = yard.push(&["HEAD:main"]);
    assert_ne!(closed.code, 0);
    assert!(closed.stderr.contains("closed today"), "{closed:#?}");
    std::fs::remove_file(yard.server.join("closed")).unwrap();
    yard.pushed(&["HEAD:main"]);
    let seen = std::fs::read_to_string(yard.server.join("seen")).unwrap();
    assert_eq!(seen.matches("refs/heads/main").count(), 2, "{seen}");
    edit(&yard);
    assert_ne!(yard.push(&["HEAD:main"]).code, 0);
    let seen_then = std::fs::read_to_string(yard.server.join("seen")).unwrap();
    assert_eq!(seen, seen_then, "what we refuse, theirs need not judge");
    yard.lab.odyssey_in(&yard.server, &["server", "install", "--remove"]).ok();
    assert_eq!(snapshot(&hooks), before);
}

fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = path.metadata().unwrap().permissions().mode();
        found.push((path.display().to_string(), std::fs::read(&path).unwrap(), mode));
    }
    found.sort();
    found
}

#[test]
fn the_update_hook_judges_ref_by_ref() {
    let yard = Yard::new();
    yard.lab.odyssey_in(&yard.server, &["server", "install", "--hook", "update"]).ok();
    assert!(!yard.server.join("hooks/pre-receive").exists());
    yard.begin();
    yard.write("docs/guide.md", "good\n");
    yard.commit("good");
    yard.git(&["branch", "good"]);
    edit(&yard);
    let run = yard.push(&["good", "HEAD:main"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("is held by auth (claude-1, agent)"), "{run:#?}");
    assert!(yard.server_refs().contains("refs/heads/good"));
    // A landing whose branch the server has passes, whichever of its refs comes first.
    yard.work("auth", HELD, "fn login() { done() }\n");
    yard.home_pushes(&["odyssey/auth"]).ok();
    yard.lab.odyssey(&["land", "auth"]).ok();
    yard.home_pushes(&["--atomic", "main", "refs/odyssey/ledger"]).ok();
}

#[test]
fn the_ledger_may_be_a_branch() {
    let yard = Yard::new();
    yard.lab.git_in(&yard.server, &["config", "odyssey.ledgerRef", "refs/heads/odyssey/ledger"]);
    yard.lab.git_in(&yard.server, &["update-ref", "-d", "refs/odyssey/ledger"]);
    yard.home_pushes(&["refs/odyssey/ledger:refs/heads/odyssey/ledger"]).ok();
    yard.begin();
    edit(&yard);
    let run = yard.push(&["HEAD:main"]);
    assert!(run.stderr.contains("is held by auth (claude-1, agent)"), "{run:#?}");
    assert_ne!(yard.push(&[":odyssey/ledger"]).code, 0);
    assert_ne!(yard.push(&["--force", "HEAD:odyssey/ledger"]).code, 0);
}

#[test]
fn a_sha256_repository_is_guarded_too() {
    let yard = Yard::of("sha256");
    yard.begin();
    edit(&yard);
    let run = yard.push(&["HEAD:main"]);
    assert!(run.stderr.contains("is held by auth (claude-1, agent)"), "{run:#?}");
    yard.work("auth", HELD, "fn login() { done() }\n");
    yard.home_pushes(&["odyssey/auth"]).ok();
    yard.lab.odyssey(&["land", "auth"]).ok();
    yard.home_pushes(&["--atomic", "main", "refs/odyssey/ledger"]).ok();
}

#[test]
fn two_thousand_commits_are_judged_each() {
    let yard = Yard::new();
    yard.begin();
    yard.history(2_000, None);
    yard.pushed(&["long:refs/heads/long"]);
    yard.history(2_000, Some(1_234));
    let run = yard.push(&["long:refs/heads/longer"]);
    assert!(run.stderr.contains("is held by auth (claude-1, agent)"), "{run:#?}");
}

#[test]
fn a_policy_that_cannot_be_read_does_not_shut_the_server() {
    let yard = Yard::new();
    yard.begin();
    yard.write("odyssey.toml", "commons = [\n");
    yard.commit("broken");
    yard.pushed(&["HEAD:main"]);
    edit(&yard);
    assert_ne!(yard.push(&["HEAD:main"]).code, 0);
    yard.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    yard.write("odyssey.toml", "commons = []\n");
    yard.commit("mended");
    yard.pushed(&["HEAD:main"]);
}

#[test]
fn objects_are_not_replaced_and_a_second_target_opens_nothing() {
    let yard = Yard::new();
    yard.begin();
    let (old, new) = (yard.git(&["rev-parse", "HEAD"]), yard.git(&["rev-parse", "origin/old-side"]));
    yard.git(&["update-ref", &format!("refs/replace/{old}"), &new]);
    let run = yard.push(&[&format!("refs/replace/{old}")]);
    yard.git(&["update-ref", "-d", &format!("refs/replace/{old}")]);
    assert!(run.stderr.contains("objects are not replaced by a push"), "{run:#?}");
    // A branch with an old write becomes a target; it does not carry that write to another target.
    yard.lab.write(
        "odyssey.toml",
        "target = \"old-ahead\"\ncommons = [\"Cargo.lock\"]\n[ledger]\nfsync = false\n",
    );
    yard.lab.odyssey(&["claim", "more", "--region", "more/**"]).ok();
    yard.home_pushes(&["refs/odyssey/ledger"]).ok();
    yard.git(&["merge", "--quiet", "--ff-only", "origin/old-ahead"]);
    let run = yard.push(&["HEAD:main"]);
    assert!(run.stderr.contains("is held by auth (claude-1, agent)"), "{run:#?}");
}

#[test]
fn a_server_without_a_ledger_judges_nothing() {
    let yard = Yard::new();
    yard.lab.git_in(&yard.server, &["update-ref", "-d", "refs/odyssey/ledger"]);
    yard.begin();
    edit(&yard);
    yard.pushed(&["HEAD:main", "HEAD:refs/heads/odyssey/whatever"]);
}

#[test]
fn doctor_misses_the_hook_of_a_server() {
    let yard = Yard::new();
    yard.lab.odyssey_in(&yard.server, &["doctor"]).ok();
    std::fs::remove_file(yard.server.join("hooks/pre-receive")).unwrap();
    let missed = yard.lab.odyssey_in(&yard.server, &["doctor"]);
    assert_ne!(missed.code, 0);
    let told = format!("{}{}", missed.stdout, missed.stderr);
    assert!(told.contains("the hook pre-receive, which judges what is pushed here, does not fire"), "{told}");
    assert!(told.contains("git odyssey server install"), "{told}");
    yard.lab.odyssey_in(&yard.server, &["server", "install"]).ok();
    yard.lab.odyssey_in(&yard.server, &["doctor"]).ok();
}

#[test]
fn uninstall_takes_the_hook_of_a_server_out() {
    let yard = Yard::new();
    let theirs = "#!/bin/sh\nexit 0\n";
    yard.lab.odyssey_in(&yard.server, &["server", "install", "--remove"]).ok();
    yard.plant_hook("pre-receive", theirs);
    yard.lab.odyssey_in(&yard.server, &["server", "install"]).ok();
    yard.lab.odyssey_in(&yard.server, &["uninstall", "--force"]).ok();
    assert_eq!(std::fs::read_to_string(yard.server.join("hooks/pre-receive")).unwrap(), theirs);
    assert!(!yard.server.join("odyssey").exists());
}

#[test]
fn a_shared_hooks_folder_is_not_ours_to_fill() {
    let yard = Yard::new();
    yard.lab.git_in(&yard.server, &["config", "core.hooksPath", "/somewhere"]);
    let refused = yard.lab.odyssey_in(&yard.server, &["server", "install"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("git looks for hooks in core.hooksPath = /somewhere"), "{refused:#?}");
}

#[test]
fn nothing_of_a_refused_push_stays() {
    let yard = Yard::new();
    yard.begin();
    edit(&yard);
    let commit = yard.git(&["rev-parse", "HEAD"]);
    assert_ne!(yard.push(&["HEAD:main"]).code, 0);
    assert_ne!(yard.lab.try_git_in(&yard.server, &["cat-file", "-e", &commit]).code, 0);
    let left = |folder: &Path| {
        {
            let entries = std::fs::read_dir(folder).unwrap();
            entries.filter(|entry| {
                entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("tmp_objdir")
            })
        }
        .count()
    };
    assert_eq!(left(&yard.server.join("objects")), 0);
}

#[test]
fn a_second_ledger_is_not_made_beside_the_configured_one() {
    let yard = Yard::new();
    let (own, branch) = ("refs/odyssey/ledger", "refs/heads/odyssey/ledger");
    for (configured, other) in [(own, branch), (branch, own)] {
        yard.lab.git_in(&yard.server, &["config", "odyssey.ledgerRef", configured]);
        let forged = format!("refs/odyssey/ledger:{other}");
        // Also where there is none yet.
        for name in [own, branch] {
            yard.lab.try_git_in(&yard.server, &["update-ref", "-d", name]);
        }
        for _ in 0..2 {
            let refused = yard.home_pushes(&[&forged]);
            assert!(refused.stderr.contains(&format!("the ledger here is {configured}")), "{refused:#?}");
            yard.home_pushes(&[&format!("refs/odyssey/ledger:{configured}")]).ok();
        }
    }
}

#[test]
fn a_symbolic_ref_is_judged_as_what_it_stands_for() {
    let yard = Yard::new();
    let link = |name: &str, to: &str| yard.lab.git_in(&yard.server, &["symbolic-ref", name, to]);
    link("refs/heads/way", "refs/heads/odyssey/ui");
    link("refs/heads/start", "refs/heads/way");
    link("refs/heads/book", "refs/odyssey/ledger");
    link("refs/heads/saved", "refs/odyssey/salvage/auth");
    yard.begin();
    yard.write("docs/guide.md", "free\n");
    yard.commit("free");
    let as_mallory = [("GITEA_PUSHER_NAME", "mallory")];
    yard.lab.git(&["fetch", "--quiet", "../wild", "HEAD"]);
    yard.lab.git_in(&yard.server, &["update-ref", "refs/odyssey/salvage/auth", "main"]);
    for (pushed, why) in [
        ("FETCH_HEAD:refs/heads/start", "ui is held by codex-2, for whom mallory may not act"),
        ("FETCH_HEAD:refs/heads/book", "the ledger only moves forward"),
        (":refs/heads/saved", "saved work is not removed by a push"),
    ] {
        let before = yard.server_refs();
        let run = yard.home_pushes_with(&["--force", pushed], &as_mallory);
        assert!(run.stderr.contains(why), "{pushed}: {run:#?}");
        assert_eq!(yard.server_refs(), before);
    }
}

#[test]
fn saved_work_of_a_live_task_is_for_its_holder_to_write() {
    let yard = Yard::new();
    let push = |to: &str, who: &str| {
        yard.home_pushes_with(&[&format!("main:refs/odyssey/salvage/{to}")], &[("GITEA_PUSHER_NAME", who)])
    };
    let mallory = push("auth", "mallory");
    assert!(
        mallory.stderr.contains("auth is held by claude-1, for whom mallory may not act"),
        "{mallory:#?}"
    );
    let below = push("auth/x", "mallory");
    assert!(below.stderr.contains("it is the name of no task"), "{below:#?}");
    push("auth", "claude-1").ok();
    push("ended", "mallory").ok();
}

#[test]
fn doctor_on_a_server_leaves_the_leases_of_those_who_push() {
    let yard = Yard::new();
    yard.lab.odyssey(&["claim", "fresh", "--region", "fresh/**"]).ok();
    yard.home_pushes(&["refs/odyssey/ledger"]).ok();
    let before = yard.lab.git_in(&yard.server, &["rev-parse", "refs/odyssey/ledger"]);
    let run = yard.lab.odyssey_in(&yard.server, &["doctor", "--fix"]);
    assert!(!run.stdout.contains("ended the lease"), "{run:#?}");
    assert_eq!(yard.lab.git_in(&yard.server, &["rev-parse", "refs/odyssey/ledger"]), before);
}

#[test]
fn decisions_of_a_review_go_forward_only_and_are_for_the_holder_of_the_task() {
    let yard = Yard::new();
    let push = |what: &str, who: &str| {
        yard.home_pushes_with(&[&format!("{what}:refs/odyssey/reviews/auth")], &[("GITEA_PUSHER_NAME", who)])
    };
    assert!(push("main", "mallory").stderr.contains("auth is held by claude-1"));
    push("main", "claude-1").ok();
    let gone = push("", "claude-1");
    assert!(gone.stderr.contains("decisions of a review are not removed by a push"), "{gone:#?}");
}

#[test]
fn a_parked_lease_is_taken_over_for_a_claim_only_and_its_work_stays() {
    let yard = Yard::new();
    let as_mallory = [("GITEA_PUSHER_NAME", "mallory")];
    yard.work("auth", HELD, "fn login() { one() }\n");
    yard.lab.odyssey(&["park", "auth"]).ok();
    yard.home_pushes(&["--atomic", "odyssey/auth", "refs/odyssey/ledger"]).ok();
    let message = "x\n\nOdyssey-Event: take-over\nOdyssey-Task: auth\nOdyssey-Fence: 1\n";
    let bare = yard.ledger_commit(message, &[("leases/auth.toml", None)], None);
    let bare = format!("{bare}:refs/odyssey/ledger");
    let refused = yard.home_pushes_with(&[&bare], &as_mallory);
    assert!(refused.stderr.contains("is for claude-1 to say, for whom mallory may not act"), "{refused:#?}");
    // Nobody is known: the lease may end, and its work may not go with it.
    let refused = yard.home_pushes(&["--atomic", &bare, ":odyssey/auth"]);
    assert!(refused.stderr.contains("nothing else here has its work"), "{refused:#?}");
    // What a claim writes passes, and so does the deletion of what was saved.
    let claim = ["claim", "late", "--region", "src/auth/login.rs", "--take-over", "--for", "mallory"];
    yard.lab.odyssey(&claim).ok();
    yard.home_pushes_with(&["refs/odyssey/ledger"], &as_mallory).ok();
    let lost = yard.home_pushes_with(&[":odyssey/auth"], &as_mallory);
    assert!(lost.stderr.contains("push it to refs/odyssey/salvage/auth first"), "{lost:#?}");
    yard.home_pushes_with(&["--atomic", "refs/odyssey/salvage/auth", ":odyssey/auth"], &as_mallory).ok();
}

#[test]
fn an_agent_brings_nothing_to_its_target_but_by_a_landing() {
    let yard = Yard::new();
    let push = |refs: &[&str], who: &str| yard.home_pushes_with(refs, &[("GITEA_PUSHER_NAME", who)]);
    yard.work("auth", HELD, "fn login() { done() }\n");
    push(&["odyssey/auth"], "claude-1").ok();
    let place = yard.lab.workspace("auth");
    // Its own branch, and the same change as another commit.
    yard.lab.git_in(&place, &["checkout", "--quiet", "--detach"]);
    yard.lab.git_in(&place, &["commit", "--quiet", "--no-verify", "--amend", "-m", "not mine"]);
    let other = yard.lab.git_in(&place, &["rev-parse", "HEAD"]);
    yard.lab.git_in(&place, &["checkout", "--quiet", "odyssey/auth"]);
    for commit in ["odyssey/auth", &other] {
        let alone = push(&[&format!("{commit}:refs/heads/main")], "claude-1");
        assert!(alone.stderr.contains("auth may not move it itself"), "{alone:#?}");
    }
    yard.lab.odyssey(&["land", "auth"]).ok();
    push(&["--atomic", "main", "refs/odyssey/ledger"], "claude-1").ok();
}

#[test]
fn the_policy_is_changed_by_those_who_are_named_for_it() {
    let yard = Yard::new();
    yard.lab.git_in(&yard.server, &["config", "--add", "odyssey.policyPusher", "anna"]);
    yard.begin();
    yard.write("odyssey.toml", "commons = [\"**\"]\n");
    yard.commit("all is common");
    let refused = yard.push(&["HEAD:main"]);
    assert!(refused.stderr.contains("odyssey.toml is changed there by anna only"), "{refused:#?}");
    // Elsewhere it decides nothing.
    yard.pushed(&["HEAD:refs/heads/proposal"]);
    yard.lab.git(&["fetch", "--quiet", "origin", "proposal"]);
    let push = |who: &str| yard.home_pushes_with(&["FETCH_HEAD:main"], &[("GITEA_PUSHER_NAME", who)]);
    let mallory = push("mallory");
    assert!(mallory.stderr.contains("odyssey.toml is changed there by anna only"), "{mallory:#?}");
    push("anna").ok();
}
