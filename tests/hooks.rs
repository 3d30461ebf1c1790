//! Hooks beside those that are there: ours fire, the others' go on, and uninstalling leaves no trace.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test plants files and wants to know where it failed"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use support::Lab;

/// The bytes and modes of every file below the parts of a repository that an installation could touch.
fn traces(lab: &Lab) -> BTreeMap<String, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    for part in ["config", "config.worktree", "hooks", "info", "worktrees"] {
        collect(&lab.main().join(".git").join(part), &mut found);
    }
    found
}

fn collect(path: &Path, found: &mut BTreeMap<String, (Vec<u8>, u32)>) {
    use std::os::unix::fs::PermissionsExt;
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), found);
        }
    } else if path.exists() {
        let mode = path.metadata().unwrap().permissions().mode();
        found.insert(path.display().to_string(), (std::fs::read(path).unwrap(), mode));
    }
}

fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A hook that writes down that it ran, and what it was called.
const WITNESS: &str = "#!/bin/sh\necho \"${0##*/} $*\" >> \"$HOME/ran\"\n";

fn ran(lab: &Lab, event: &str) -> usize {
    let ran = std::fs::read_to_string(lab.root().join("home").join("ran")).unwrap_or_default();
    ran.lines().filter(|line| line.starts_with(event)).count()
}

/// Whatever was there before: ours refuse in every checkout, the other hook runs for what passes, nothing stays.
fn check(set_up: impl Fn(&Lab)) {
    let lab = Lab::unprepared();
    lab.write("src/a", "one\n");
    lab.write("README", "one\n");
    lab.commit("one");
    set_up(&lab);
    let before = traces(&lab);

    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "task", "--region", "src"]).ok();
    lab.odyssey(&["claim", "other", "--region", "docs"]).ok();
    for checkout in [lab.main(), lab.workspace("other")] {
        std::fs::write(checkout.join("src/a"), "mine\n").unwrap();
        let refused = lab.try_git_in(&checkout, &["commit", "-qam", "in the way"]);
        assert_ne!(refused.code, 0, "{refused:#?}");
        assert!(refused.stderr.contains("src/a is held by task"), "{refused:#?}");
        let refused = lab.try_git_in(&checkout, &["commit", "-qnam", "in the way"]);
        assert_ne!(refused.code, 0, "without pre-commit: {refused:#?}");
        lab.git_in(&checkout, &["checkout", "-q", "HEAD", "src/a"]);
    }
    let count = ran(&lab, "pre-commit");
    lab.write("README", "two\n");
    lab.git(&["commit", "-qam", "free"]);
    assert_eq!(ran(&lab, "pre-commit"), count + 1, "the other hook runs after ours");
    lab.odyssey(&["doctor"]).ok();

    lab.odyssey(&["release", "task"]).ok();
    lab.odyssey(&["release", "other"]).ok();
    lab.odyssey(&["uninstall"]).ok();
    assert_eq!(traces(&lab), before);
    assert!(!lab.main().join(".git/odyssey").exists());
    lab.write("README", "three\n");
    lab.git(&["commit", "-qam", "afterwards"]);
    assert_eq!(ran(&lab, "pre-commit"), count + 2, "the other hook runs as before");
}

#[test]
fn a_plain_hook_goes_on_and_is_back_in_its_place() {
    check(|lab| {
        script(&lab.main().join(".git/hooks/pre-commit"), WITNESS);
    });
}

#[test]
fn the_ignored_hooks_folder_of_husky_goes_on_in_linked_worktrees_too() {
    check(|lab| {
        script(&lab.main().join(".husky/_/pre-commit"), WITNESS);
        std::fs::write(lab.main().join(".husky/_/.gitignore"), "*\n").unwrap();
        lab.git(&["config", "core.hooksPath", ".husky/_"]);
    });
}

#[test]
fn an_absolute_hooks_path_goes_on() {
    check(|lab| {
        let hooks = lab.root().join("shared hooks");
        script(&hooks.join("pre-commit"), WITNESS);
        lab.git(&["config", "core.hooksPath", hooks.to_str().unwrap()]);
    });
}

#[test]
fn a_global_hooks_path_goes_on() {
    check(|lab| {
        script(&lab.root().join("home").join("hooks/pre-commit"), WITNESS);
        lab.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
    });
}

#[test]
fn a_configuration_without_a_last_line_feed_is_back_as_it_was() {
    check(|lab| {
        script(&lab.main().join(".git/hooks/pre-commit"), WITNESS);
        let config = lab.main().join(".git/config");
        let mut text = std::fs::read_to_string(&config).unwrap();
        text.push_str("[alias]\n\tst = status");
        std::fs::write(&config, text).unwrap();
        lab.git(&["config", "core.hooksPath", ".git/hooks"]);
    });
}

#[test]
fn a_hooks_path_that_is_set_later_is_heeded_by_the_next_claim() {
    let lab = Lab::new();
    lab.write("src/a", "one\n");
    lab.commit("one");
    script(&lab.main().join(".husky/_/pre-commit"), WITNESS);
    std::fs::write(lab.main().join(".husky/_/.gitignore"), "*\n").unwrap();
    lab.git(&["config", "core.hooksPath", ".husky/_"]);
    assert_eq!(lab.odyssey(&["doctor"]).code, 1, "the doctor sees that no hook fires");
    lab.odyssey(&["claim", "task", "--region", "src"]).ok();
    lab.odyssey(&["doctor"]).ok();
    lab.write("src/a", "mine\n");
    assert_ne!(lab.try_git_in(&lab.main(), &["commit", "-qam", "in the way"]).code, 0);
}

#[test]
fn a_missing_program_refuses_with_a_sentence_that_says_what_to_do() {
    let lab = Lab::new();
    let hook = lab.main().join(".git/hooks/pre-commit");
    let text = std::fs::read_to_string(&hook).unwrap();
    let gone = text
        .replace(env!("CARGO_BIN_EXE_git-odyssey"), "/nowhere/git-odyssey")
        .replace("command -v git-odyssey", "false");
    assert_ne!(gone, text);
    script(&hook, &gone);
    lab.write("new", "new\n");
    lab.git(&["add", "new"]);
    let refused = lab.try_git_in(&lab.main(), &["commit", "-qm", "new"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("install it again, or delete"), "{refused:#?}");
}

/// Hook A is kept; something writes B over ours; the next installation keeps both.
#[test]
fn a_kept_hook_is_not_written_over_by_the_next_one_and_both_come_back() {
    let (one, two) = ("#!/bin/sh\n# one\n", "#!/bin/sh\n# two\n");
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    for (event, install, remove) in [
        ("pre-commit", &["init"][..], &["uninstall", "--force"][..]),
        ("pre-receive", &["server", "install"], &["server", "install", "--remove"]),
    ] {
        let lab = Lab::unprepared();
        lab.write("a", "one\n");
        lab.commit("one");
        let hooks = lab.main().join(".git/hooks");
        for (theirs, told) in [(one, 0), (two, 1)] {
            script(&hooks.join(event), theirs);
            let installed = lab.odyssey(install).ok();
            assert_ne!(text(&hooks.join(event)), theirs);
            let said =
                installed.stdout.matches(&format!("{event}.older: an earlier hook, which nobody")).count();
            assert_eq!(said, told, "{installed:#?}");
        }
        lab.odyssey(remove).ok();
        assert_eq!(text(&hooks.join(event)), two);
        assert_eq!(text(&hooks.join(format!("{event}.older"))), one);
    }
}

#[test]
fn what_is_edited_while_a_landing_moves_is_left_and_named() {
    let lab = Lab::unprepared();
    // Between the look at the checkout and its update, a hook of the person's own runs.
    let file = lab.main().join("README.md");
    let edit = format!(
        "#!/bin/sh\n[ \"$1\" = prepared ] && grep -q refs/heads/main && echo mine >'{}'\nexit 0\n",
        file.display()
    );
    script(&lab.main().join(".git/hooks/reference-transaction"), &edit);
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "auth", "--region", "README.md", "--for", "claude-1"]).ok();
    std::fs::write(lab.workspace("auth").join("README.md"), "by the task\n").unwrap();
    lab.commit_in(&lab.workspace("auth"), "work");
    let landed = lab.odyssey(&["land", "auth"]).ok();
    let told = format!("left as it is {}: it was edited at this moment", file.display());
    assert!(landed.stdout.contains(&told), "{landed:#?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine\n");
    assert_eq!(lab.git(&["show", "main:README.md"]), "by the task");
}

#[test]
fn a_push_of_what_a_person_named_with_blanks_is_judged_too() {
    let lab = Lab::unprepared();
    lab.write("src/a", "one\n");
    lab.commit("one");
    lab.git_in(lab.root(), &["clone", "-q", "--bare", "main", "origin.git"]);
    lab.git(&["remote", "add", "origin", "../origin.git"]);
    lab.git(&["fetch", "-q", "origin"]);
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "task", "--region", "src"]).ok();
    lab.write("src/a", "mine\n");
    lab.git(&["-c", "core.hooksPath=/dev/null", "commit", "-qam", "a long word"]);
    for named in ["HEAD", "HEAD^{/a long word}"] {
        let refused =
            lab.try_git_in(&lab.main(), &["push", "-q", "origin", &format!("{named}:refs/heads/x")]);
        assert_ne!(refused.code, 0, "{named}: {refused:#?}");
        assert!(refused.stderr.contains("src/a is held by task"), "{named}: {refused:#?}");
    }
}

#[test]
fn a_workspace_that_goes_while_the_doctor_looks_is_nothing_to_mend() {
    let lab = Lab::unprepared();
    lab.write("src/a", "one\n");
    lab.commit("one");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "task", "--region", "src"]).ok();
    let git = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    let git = String::from_utf8(git.stdout).unwrap();
    // A landing elsewhere takes the workspace away, at the first hook that is fired in it.
    let bin = lab.root().join("bin");
    let text = format!(
        "#!/bin/sh\ncase \"$PWD\" in '{0}'*) cd / && mv '{0}' '{0}.gone' && rm -r '{1}/.git/worktrees/task'; exit 128;; esac\n\
         exec {2} \"$@\"\n",
        lab.workspace("task").display(),
        lab.main().display(),
        git.trim(),
    );
    script(&bin.join("git"), &text);
    let mut command = lab.command(support::ODYSSEY, &lab.main(), &["doctor", "--fix"]);
    let own = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&own))).unwrap();
    let run = support::Run::of(command.env("PATH", path));
    assert!(!lab.workspace("task").exists(), "it did not go: {run:#?}");
    assert!(run.code == 0 && run.stdout.contains("all is well"), "{run:#?}");
}
