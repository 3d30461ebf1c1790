//! Changes of a checkout, as git lists them.

use std::ffi::OsStr;

use super::*;
use crate::git::testing;
use crate::git::testing::Dice;
use crate::git::testing::Sandbox;

fn names(paths: &[BString]) -> Vec<&str> {
    paths.iter().map(|path| path.to_str().unwrap()).collect()
}

/// Changes as both tell them, which must be the same.
fn agreed(sandbox: &Sandbox) -> Changes {
    let repo = sandbox.repo();
    let index = sandbox.main().join(".git/index");
    let before = std::fs::read(&index).unwrap();
    let by_gix = repo.changes_by_gix().unwrap().expect("gix can tell");
    assert_eq!(by_gix, repo.changes_by_git().unwrap());
    assert_eq!(repo.changes().unwrap(), by_gix);
    assert_eq!(std::fs::read(&index).unwrap(), before, "the index is not touched");
    assert!(!sandbox.main().join(".git/index.lock").exists());
    by_gix
}

#[test]
fn a_clean_checkout_has_no_changes_and_ignored_files_are_none() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "*.log\ntarget/\n");
    sandbox.commit("ignore");
    sandbox.write("a.log", "");
    sandbox.write("target/x/y", "");
    assert!(agreed(&sandbox).is_empty());
    assert_eq!(names(&sandbox.repo().ignored().unwrap()), ["a.log", "target/"]);
}

#[test]
fn every_kind_of_change_is_found_in_its_list() {
    let sandbox = Sandbox::new();
    for name in ["edited", "staged", "both", "deleted", "removed", "kind", "mode", "old name", "swap/in"] {
        sandbox.write(name, format!("{name}\n"));
    }
    sandbox.commit("files");
    sandbox.write("edited", "!\n");
    sandbox.write("staged", "!\n");
    sandbox.write("both", "!\n");
    sandbox.git(&["add", "staged", "both"]);
    sandbox.write("both", "?\n");
    std::fs::remove_file(sandbox.main().join("deleted")).unwrap();
    sandbox.git(&["rm", "-q", "removed"]);
    sandbox.git(&["mv", "old name", "new\nname"]);
    sandbox.write("intended", "later\n");
    sandbox.git(&["add", "-N", "intended"]);
    sandbox.write("new/one", "");
    sandbox.write("new/two", "");
    std::fs::remove_dir_all(sandbox.main().join("swap")).unwrap();
    sandbox.write("swap", "a file now\n");
    testing::make_executable(&sandbox.main().join("mode"));
    std::fs::remove_file(sandbox.main().join("kind")).unwrap();
    sandbox.write("kind/of", "folder\n");
    let changes = agreed(&sandbox);
    assert_eq!(names(&changes.staged), ["both", "new\nname", "old name", "removed", "staged"]);
    let mut unstaged = vec!["both", "deleted", "edited", "intended", "kind", "mode", "swap/in"];
    unstaged.retain(|name| cfg!(unix) || *name != "mode");
    assert_eq!(names(&changes.unstaged), unstaged);
    assert_eq!(names(&changes.untracked), ["kind/of", "new/one", "new/two", "swap"]);
    assert_eq!(changes.count(), changes.paths().len());
    assert!(changes.paths().contains(&"both".into()));
}

#[test]
fn made_up_checkouts_are_as_git_says() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "*.log\nout/\n!keep.log\n");
    let mut dice = Dice(3);
    let mut name = || {
        let folder = ["", "a/", "a/b/", "out/", "c d/"][dice.roll(5)];
        let name = ["one", "two", "x.log", "keep.log", "a"][dice.roll(5)];
        (format!("{folder}{name}"), dice.roll(8))
    };
    let mut seen = 0;
    for round in 0..150 {
        let (path, what) = name();
        let place = sandbox.main().join(&path);
        let folder = place.parent().unwrap();
        match what {
            0..=2 => {
                let blocked = folder.ancestors().any(|above| above.is_file());
                if !blocked && !place.is_dir() {
                    testing::write(&place, format!("{round}\n"));
                }
            }
            3 => drop(std::fs::remove_file(&place)),
            4 => drop(std::fs::remove_dir_all(&place)),
            // What is not there cannot be staged, and that is fine.
            5 => drop(Git::at(&sandbox.main()).args(["add", "-f", "-A", "--", &path]).answer().unwrap()),
            6 => drop(
                Git::at(&sandbox.main()).args(["rm", "-q", "-r", "--cached", "--", &path]).answer().unwrap(),
            ),
            _ if round % 5 == 0 => drop(sandbox.commit("made up")),
            _ => {}
        }
        seen += agreed(&sandbox).count();
    }
    assert!(seen > 150, "most rounds have changes: {seen}");
}

#[test]
fn a_conflict_is_unmerged_and_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    sandbox.write("README.md", "topic\n");
    sandbox.write("added", "topic\n");
    sandbox.commit("topic");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("README.md", "main\n");
    sandbox.commit("main");
    Git::at(&sandbox.main()).args(["merge", "-q", "topic"]).answer().unwrap();
    let changes = agreed(&sandbox);
    assert_eq!((names(&changes.unmerged), names(&changes.staged)), (vec!["README.md"], vec!["added"]));
    assert!(changes.unstaged.is_empty() && changes.untracked.is_empty());
    assert_eq!(sandbox.repo().operation_under_way(), Some("merge"));
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_text_are_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    for name in [&b"gr\xfc\xdfe"[..], b"line\nfeed", b" lead", b"trail ", "größe".as_bytes(), b"\"q\\"] {
        sandbox.write(Path::new(OsStr::from_bytes(name)), "");
    }
    let changes = agreed(&sandbox);
    let expected: [&[u8]; 6] =
        [b" lead", b"\"q\\", "größe".as_bytes(), b"gr\xfc\xdfe", b"line\nfeed", b"trail "];
    assert_eq!(changes.untracked, expected.map(BString::from));
}

#[test]
fn repositories_inside_are_seen_and_submodules_with_changes_are_unstaged() {
    let sandbox = Sandbox::new();
    testing::run(&sandbox.root(), &["clone", "-q", "main", "other"]);
    testing::run(&sandbox.main(), &["init", "-q", "nested"]);
    sandbox.write("nested/file", "");
    assert_eq!(names(&agreed(&sandbox).untracked), ["nested/"]);
    std::fs::remove_dir_all(sandbox.main().join("nested")).unwrap();
    sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../other", "sub"]);
    sandbox.commit("submodule");
    assert!(sandbox.repo().changes().unwrap().is_empty());
    sandbox.write("sub/new", "");
    assert_eq!(names(&sandbox.repo().changes().unwrap().unstaged), ["sub"]);
}

#[test]
fn files_that_git_was_told_not_to_look_at_are_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.write("config", "public\n");
    sandbox.commit("config");
    sandbox.git(&["update-index", "--skip-worktree", "config"]);
    assert!(sandbox.repo().changes().unwrap().is_empty());
    sandbox.write("config", "secret\n");
    assert_eq!(names(&sandbox.repo().changes().unwrap().unstaged), ["config"]);
    sandbox.git(&["update-index", "--no-skip-worktree", "config"]);
    sandbox.git(&["update-index", "--assume-unchanged", "config"]);
    assert_eq!(names(&sandbox.repo().changes().unwrap().unstaged), ["config"]);
    assert!(sandbox.git(&["ls-files", "-v", "config"]).starts_with('h'), "the mark stays");
}

#[test]
fn a_sparse_index_and_a_split_index_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write("in/file", "in\n");
    sandbox.write("out/file", "out\n");
    sandbox.commit("files");
    sandbox.git(&["update-index", "--split-index"]);
    sandbox.write("in/file", "!\n");
    sandbox.git(&["add", "in/file"]);
    assert_eq!(names(&sandbox.repo().changes().unwrap().staged), ["in/file"]);
    sandbox.git(&["update-index", "--no-split-index"]);
    sandbox.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    let changes = sandbox.repo().changes().unwrap();
    assert_eq!(changes.paths(), ["in/file"].map(BString::from));
    assert_eq!(changes, sandbox.repo().changes_by_git().unwrap());
}

#[test]
fn a_checkout_without_an_index_is_not_clean() {
    let sandbox = Sandbox::new();
    std::fs::remove_file(sandbox.main().join(".git/index")).unwrap();
    let changes = sandbox.repo().changes().unwrap();
    assert_eq!((names(&changes.staged), names(&changes.untracked)), (vec!["README.md"], vec!["README.md"]));
}

#[test]
fn a_broken_index_is_an_error_and_not_clean() {
    let sandbox = Sandbox::new();
    testing::write(&sandbox.main().join(".git/index"), "not an index");
    assert!(sandbox.repo().changes().is_err());
}

#[test]
fn a_warning_of_git_s_is_an_error_and_not_clean() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "*.up filter=up\n");
    sandbox.write("a.up", "one\n");
    sandbox.commit("filter");
    sandbox.git(&["config", "filter.up.clean", "echo half done >&2; cat"]);
    sandbox.write("a.up", "two\n");
    assert!(matches!(sandbox.repo().changes_by_git(), Err(GitError::Unsure { .. })));
}

#[test]
fn unfinished_operations_are_named() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.repo().operation_under_way(), None);
    sandbox.git(&["bisect", "start"]);
    assert_eq!(sandbox.repo().operation_under_way(), Some("bisect"));
    sandbox.git(&["bisect", "reset"]);
    sandbox.write("README.md", "two\n");
    let second = sandbox.commit("second").to_string();
    sandbox.write("README.md", "three\n");
    sandbox.commit("third");
    for (command, name) in [("revert", "revert"), ("cherry-pick", "cherry-pick"), ("rebase", "rebase")] {
        let mut git = Git::at(&sandbox.main()).arg(command);
        git = if command == "rebase" { git.args(["--onto", "main~2", &second]) } else { git.arg(&second) };
        git.env("GIT_EDITOR", "true").answer().unwrap();
        assert_eq!(sandbox.repo().operation_under_way(), Some(name));
        sandbox.git(&[command, "--abort"]);
    }
}
