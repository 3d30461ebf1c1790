//! Every kind of repository that git makes: each is worked in the whole way, or refused in words that help.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a scene that cannot be set fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests plant files as people do")]

mod support;

use std::path::Path;
use std::path::PathBuf;

use support::Lab;
use support::ODYSSEY;
use support::Run;

/// A file that tasks change, and its folder.
const FILE: &str = "src/auth/login.rs";

/// A lab whose `main` has some files, and nothing of ours.
fn lab() -> Lab {
    let lab = Lab::unprepared();
    fill(&lab, &lab.main());
    lab
}

/// Files and a commit of them.
fn fill(lab: &Lab, checkout: &Path) {
    for (path, text) in [(FILE, "fn login() {}\n"), ("docs/guide.md", "guide\n"), ("odyssey.toml", "")] {
        support::write(&checkout.join(path), text);
    }
    lab.commit_in(checkout, "files");
}

/// What people do, in a checkout: prepare, claim, be refused, work, land, be told that all is well.
fn whole_way(lab: &Lab, checkout: &Path) {
    lab.odyssey_in(checkout, &["init"]).ok();
    let granted = lab.odyssey_in(checkout, &["claim", "auth", "--region", "src/auth/**", "--json"]);
    let workspace = place(&granted.ok().stdout);
    support::write(&checkout.join(FILE), "fn login() { mine() }\n");
    lab.git_in(checkout, &["add", FILE]);
    let refused = lab.try_git_in(checkout, &["commit", "--quiet", "-m", "in the way"]);
    assert_ne!(refused.code, 0, "the hook let it pass: {refused:#?}");
    assert!(refused.stderr.contains("is held by auth"), "{refused:#?}");
    lab.git_in(checkout, &["reset", "--quiet", "--hard"]);
    work(lab, &workspace, FILE, "fn login() { done() }\n");
    lab.odyssey_in(checkout, &["conflicts"]).ok();
    lab.odyssey_in(checkout, &["status"]).ok();
    lab.odyssey_in(checkout, &["land", "auth"]).ok();
    assert_eq!(std::fs::read_to_string(checkout.join(FILE)).unwrap(), "fn login() { done() }\n");
    assert_eq!(lab.git_in(checkout, &["status", "--porcelain"]), "");
    assert!(!workspace.exists(), "the workspace stayed");
    lab.odyssey_in(checkout, &["doctor"]).ok();
    // Work that is given up is saved, and comes back.
    let lost = lab.odyssey_in(checkout, &["claim", "lost", "--region", "docs/**", "--json"]);
    let workspace = place(&lost.ok().stdout);
    support::write(&workspace.join("docs/new.md"), "new\n");
    support::write(&workspace.join("docs/guide.md"), "another guide\n");
    lab.odyssey_in(checkout, &["abandon", "lost", "--reason", "x"]).ok();
    lab.odyssey_in(checkout, &["salvage", "restore", "lost"]).ok();
    assert_eq!(std::fs::read_to_string(workspace.join("docs/new.md")).unwrap(), "new\n");
    assert_eq!(std::fs::read_to_string(workspace.join("docs/guide.md")).unwrap(), "another guide\n");
    lab.git_in(checkout, &["worktree", "remove", "-f", "-f", workspace.to_str().unwrap()]);
    lab.odyssey_in(checkout, &["uninstall", "--force"]).ok();
}

/// The workspace that a claim answers with.
fn place(json: &str) -> PathBuf {
    let answer: serde_json::Value = serde_json::from_str(json).unwrap();
    answer["result"]["path"].as_str().unwrap_or_else(|| panic!("no path in {answer:#}")).into()
}

fn work(lab: &Lab, workspace: &Path, path: &str, text: &str) {
    support::write(&workspace.join(path), text);
    lab.commit_in(workspace, "work");
}

#[test]
fn a_repository_of_sha256() {
    let lab = Lab::unprepared();
    lab.git_in(lab.root(), &["init", "--quiet", "--object-format=sha256", "long"]);
    let long = lab.root().join("long");
    fill(&lab, &long);
    whole_way(&lab, &long);
    lab.git_in(&long, &["fsck", "--strict"]);
}

#[test]
fn a_repository_of_reftable_is_refused_with_the_command_that_converts_it() {
    let lab = Lab::unprepared();
    let made = lab.try_git_in(lab.root(), &["init", "--quiet", "--ref-format=reftable", "tables"]);
    if made.code != 0 {
        // This git knows no reftable, so there is no such repository either.
        return;
    }
    let tables = lab.root().join("tables");
    // Older versions of git do not take reflogs along when they convert.
    lab.git_in(&tables, &["config", "core.logAllRefUpdates", "false"]);
    fill(&lab, &tables);
    for command in
        [&["init"][..], &["claim", "auth", "--region", "src/**"], &["status"], &["server", "install"]]
    {
        let refused = lab.odyssey_in(&tables, command);
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert!(refused.stderr.contains("keeps its refs as 'reftable'"), "{refused:#?}");
        assert!(refused.stderr.contains("git refs migrate --ref-format=files"), "{refused:#?}");
    }
    // The command that it names does what it says, and then all is as elsewhere.
    lab.git_in(&tables, &["refs", "migrate", "--ref-format=files"]);
    whole_way(&lab, &tables);
}

#[test]
fn a_bare_repository_with_worktrees() {
    let lab = lab();
    lab.git_in(lab.root(), &["clone", "--quiet", "--bare", "main", "store.git"]);
    lab.git_in(&lab.root().join("store.git"), &["worktree", "add", "--quiet", "../tree", "main"]);
    whole_way(&lab, &lab.root().join("tree"));
}

#[test]
fn a_repository_whose_git_folder_is_elsewhere() {
    let lab = Lab::unprepared();
    lab.git_in(lab.root(), &["init", "--quiet", "--separate-git-dir", "away", "apart"]);
    let apart = lab.root().join("apart");
    fill(&lab, &apart);
    whole_way(&lab, &apart);
    assert!(apart.join(".git").is_file());
}

#[test]
fn a_repository_with_configuration_for_each_worktree() {
    let lab = lab();
    lab.git(&["config", "extensions.worktreeConfig", "true"]);
    lab.git(&["worktree", "add", "--quiet", "../second", "-b", "second"]);
    let second = lab.root().join("second");
    lab.git_in(&second, &["config", "--worktree", "user.name", "Grace"]);
    let before = std::fs::read(lab.main().join(".git/worktrees/second/config.worktree")).unwrap();
    whole_way(&lab, &lab.main());
    let after = std::fs::read(lab.main().join(".git/worktrees/second/config.worktree")).unwrap();
    assert_eq!(before, after, "uninstall left something");
}

#[test]
fn a_repository_with_submodules_and_a_submodule_itself() {
    let lab = lab();
    lab.git_in(lab.root(), &["init", "--quiet", "library"]);
    fill(&lab, &lab.root().join("library"));
    let url = lab.root().join("library");
    let add =
        ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url.to_str().unwrap(), "lib"];
    lab.git(&add);
    lab.commit("a submodule");
    whole_way(&lab, &lab.main());
    let inside = lab.main().join("lib");
    lab.git_in(&inside, &["checkout", "--quiet", "-B", "main"]);
    whole_way(&lab, &inside);
}

#[test]
fn a_sparse_checkout() {
    for arguments in
        [&["sparse-checkout", "set", "--cone", "src"][..], &["sparse-checkout", "set", "--no-cone", "/src/"]]
    {
        let lab = lab();
        lab.git(arguments);
        assert!(!lab.main().join("docs").exists());
        whole_way(&lab, &lab.main());
        assert!(!lab.main().join("docs").exists(), "the sparse checkout grew: {arguments:?}");
    }
}

#[test]
fn a_sparse_index() {
    let lab = lab();
    lab.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "src"]);
    whole_way(&lab, &lab.main());
    assert!(!lab.main().join("docs").exists());
}

/// A server from which others clone, by a protocol that knows filters and depths.
fn served(lab: &Lab) -> String {
    lab.git(&["config", "uploadpack.allowFilter", "true"]);
    lab.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    for number in 0..3 {
        lab.write(FILE, format!("fn login() {{ {number} }}\n"));
        lab.commit("more");
    }
    format!("file://{}", lab.main().display())
}

#[test]
fn a_partial_clone() {
    for filter in ["blob:none", "tree:0"] {
        let lab = lab();
        let url = served(&lab);
        lab.git_in(lab.root(), &["clone", "--quiet", "--filter", filter, &url, "partial"]);
        whole_way(&lab, &lab.root().join("partial"));
    }
}

#[test]
fn a_shallow_clone() {
    let lab = lab();
    let url = served(&lab);
    lab.git_in(lab.root(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    whole_way(&lab, &lab.root().join("shallow"));
}

/// Somebody else, as far as this machine lets us be: only whoever may do everything may also be others.
const NOBODY: &str = "65534";

fn is_root(lab: &Lab) -> bool {
    Run::of(&mut lab.command("id", lab.root(), &["-u"])).stdout.trim() == "0"
}

/// Gives everything of the lab to somebody else.
fn give_away(lab: &Lab) {
    let all = format!("{NOBODY}:{NOBODY}");
    Run::of(&mut lab.command("chown", lab.root(), &["-R", &all, "."])).ok();
}

#[test]
fn a_repository_of_somebody_else_is_refused_until_git_trusts_it() {
    let lab = lab();
    if !is_root(&lab) {
        // Nobody but root can make a repository of somebody else's.
        return;
    }
    lab.odyssey(&["init"]).ok();
    give_away(&lab);
    assert_ne!(lab.try_git_in(&lab.main(), &["status"]).code, 0, "git trusts it");
    let refused = lab.odyssey(&["claim", "auth", "--region", "src/auth/**"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("safe.directory"), "{refused:#?}");
    lab.git_in(lab.root(), &["config", "--global", "--add", "safe.directory", lab.main().to_str().unwrap()]);
    lab.odyssey(&["status"]).ok();
    let granted = lab.odyssey(&["claim", "auth", "--region", "src/auth/**"]);
    assert_eq!(granted.code, 0, "{granted:#?}");
}

#[test]
fn a_repository_that_cannot_be_written() {
    let lab = lab();
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "ui", "--region", "src/ui/**"]).ok();
    let root = is_root(&lab);
    if root {
        give_away(&lab);
    }
    let as_owner = |arguments: &[&str]| {
        if !root {
            return lab.odyssey(arguments);
        }
        let who = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", ODYSSEY];
        Run::of(&mut lab.command("setpriv", &lab.main(), &[&who[..], arguments].concat()))
    };
    let mode = |mode: &str| {
        Run::of(&mut lab.command("chmod", lab.root(), &["-R", mode, "main/.git"])).ok();
    };
    mode("a-w");
    let status = as_owner(&["status"]);
    let claimed = as_owner(&["claim", "auth", "--region", "src/auth/**"]);
    let parked = as_owner(&["park", "ui"]);
    mode("u+w");
    assert_eq!(status.code, 0, "reading needs no writing: {status:#?}");
    for refused in [&claimed, &parked] {
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert!(refused.stderr.contains("Permission denied"), "{refused:#?}");
    }
    let after = as_owner(&["status"]);
    assert_eq!(after.stdout, status.stdout, "something was half done");
    as_owner(&["claim", "auth", "--region", "src/auth/**"]).ok();
    as_owner(&["doctor"]).ok();
}

/// Runs something while no file can grow beyond so many blocks of 512 bytes, which is what a full disk looks like.
fn on_a_full_disk(lab: &Lab, folder: &Path, blocks: usize, arguments: &[&str]) -> Run {
    // The signal would end the process before it sees the error.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let all = [&["-c", &script, "sh", ODYSSEY], arguments].concat();
    Run::of(&mut lab.command("sh", folder, &all))
}

#[test]
fn a_full_disk() {
    let lab = lab();
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "ui", "--region", "src/ui/**"]).ok();
    work(&lab, &lab.workspace("ui"), "src/ui/page.rs", &"fn page() {}\n".repeat(500));
    for (number, blocks) in [0, 1, 2].into_iter().enumerate() {
        let task = format!("auth{number}");
        let before = lab.odyssey(&["status"]).stdout;
        let claimed = on_a_full_disk(&lab, &lab.main(), blocks, &["claim", &task, "--region", "src/auth/**"]);
        if claimed.code == 0 {
            // It fitted.
            lab.odyssey(&["release", &task]).ok();
        } else {
            assert_eq!(claimed.code, 1, "{blocks}: {claimed:#?}");
            lab.odyssey(&["doctor", "--fix"]).ok();
            assert_eq!(lab.odyssey(&["status"]).stdout, before, "{blocks}: {claimed:#?}");
            assert!(!lab.workspace(&task).exists(), "{blocks}: half a workspace stayed");
        }
        for arguments in [&["land", "ui"][..], &["abandon", "ui", "--reason", "x"], &["park", "ui"]] {
            let refused = on_a_full_disk(&lab, &lab.main(), 0, arguments);
            assert_eq!(refused.code, 1, "{arguments:?}: {refused:#?}");
            lab.odyssey(&["doctor", "--fix"]).ok();
            let text = std::fs::read_to_string(lab.workspace("ui").join("src/ui/page.rs")).unwrap();
            assert_eq!(text.lines().count(), 500, "{arguments:?}: work was lost");
        }
    }
    lab.odyssey(&["land", "ui"]).ok();
    assert_eq!(std::fs::read_to_string(lab.main().join("src/ui/page.rs")).unwrap().lines().count(), 500);
    lab.odyssey(&["doctor"]).ok();
    lab.git(&["fsck", "--strict"]);
}
