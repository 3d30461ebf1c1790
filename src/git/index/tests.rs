//! What is staged, as git says it.

use super::super::run::Git;
use super::super::scratch::Checked;
use super::super::scratch::Files;
use super::super::scratch::Scratch;
use super::super::scratch::quiet;
use super::*;
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

/// What is told of a path: its mode and object before and now, but of an unmerged path only that it is one.
type Told = (String, Option<String>);

fn told(changes: &[Change], unmerged: &[String]) -> Vec<Told> {
    let side = |side: &Option<(EntryKind, Oid)>| match side {
        Some((kind, oid)) => format!("{:06o} {oid}", gix::objs::tree::EntryMode::from(*kind).value()),
        None => format!("000000 {}", Oid::null(gix::hash::Kind::Sha1)),
    };
    let tell = |change: &Change| {
        let path = change.path.to_string();
        let sides = format!("{} -> {}", side(&change.old), side(&change.new));
        (path.clone(), (!unmerged.contains(&path)).then_some(sides))
    };
    changes.iter().map(tell).collect()
}

/// The same from git, and the paths that it calls unmerged.
fn told_by_git(scratch: &Scratch) -> Checked<(Vec<Told>, Vec<String>)> {
    let command = ["diff-index", "--cached", "-z", "--no-renames", "--ita-invisible-in-index", "HEAD"];
    let answer = String::from_utf8(scratch.git(&command)?)?;
    let (mut all, mut unmerged) = (Vec::new(), Vec::new());
    let mut fields = answer.split_terminator('\0');
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        let [old_mode, new_mode, old, new, status] = head.split(' ').collect::<Vec<_>>()[..] else {
            return Err(head.into());
        };
        if status == "U" {
            unmerged.push(path.to_owned());
            all.push((path.to_owned(), None));
        } else {
            let sides = format!("{} {old} -> {new_mode} {new}", &old_mode[1..]);
            all.push((path.to_owned(), Some(sides)));
        }
    }
    // A path both unmerged and changed is told twice.
    all.retain(|(path, sides)| sides.is_none() || !unmerged.contains(path));
    all.sort();
    all.dedup();
    Ok((all, unmerged))
}

fn assert_told_as_by_git(scratch: &Scratch) -> Checked<usize> {
    let (expected, unmerged) = told_by_git(scratch)?;
    let changes = Repo::open(scratch.path())?.staged()?;
    assert_eq!(told(&changes, &unmerged), expected);
    Ok(changes.len())
}

fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "a.b", "a-b", "b", "b0"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn trees() -> impl Strategy<Value = Files> {
    prop::collection::btree_map(paths(), "[xyz]".prop_map(String::into_bytes), 0..12).prop_map(|found| {
        let mut files = Files::new();
        for (path, content) in found {
            // In order, so a folder's own name comes before what is below it.
            if !files.keys().any(|other: &String| path.starts_with(&format!("{other}/"))) {
                files.insert(path, (EntryKind::Blob, content));
            }
        }
        files
    })
}

#[test]
fn what_is_staged_is_what_git_says_whatever_the_index_holds() -> Checked {
    let scratch = Scratch::new()?;
    let blob = scratch.repo().write_blob(b"x")?;
    // Of each path the mode and the stages to be written; no stage removes it.
    let mode = prop::sample::select(vec!["100644", "100755", "120000", "160000"]);
    let stages = prop::sample::select(vec![&[][..], &[0], &[0], &[1, 2, 3], &[2], &[1], &[1, 3], &[2, 3]]);
    let edits = prop::collection::vec((paths(), mode, stages), 0..6);
    let most = Cell::new(0);
    TestRunner::new(Config::with_cases(60)).run(&(trees(), trees(), edits), |(head, base, edits)| {
        let check = || -> Checked<usize> {
            let commit = scratch.commit(scratch.tree(&head)?, &[], 1_700_000_000, "head")?;
            scratch.git(&["update-ref", "HEAD", &commit.to_string()])?;
            // This leaves trees remembered in the index, and the edits make some of them invalid.
            scratch.git(&["read-tree", &scratch.tree(&base)?.to_string()])?;
            let mut input = String::new();
            for (path, mode, stages) in &edits {
                input += &format!("0 {}\t{path}\0", Oid::null(gix::hash::Kind::Sha1));
                for stage in *stages {
                    input += &format!("{mode} {blob} {stage}\t{path}\0");
                }
            }
            scratch.ask(&["update-index", "--replace", "-z", "--index-info"], input)?;
            assert_told_as_by_git(&scratch)
        };
        let count = check().map_err(|error| TestCaseError::fail(error.to_string()))?;
        most.set(most.get().max(count));
        Ok(())
    })?;
    assert!(most.get() > 5, "hardly anything was staged: {most:?}");
    Ok(())
}

#[test]
fn a_file_that_was_only_announced_is_not_staged() -> Checked {
    let scratch = Scratch::new()?;
    scratch.write("kept", "1")?;
    scratch.write("again", "1")?;
    scratch.commit_all("one")?;
    scratch.write("announced", "2")?;
    scratch.git(&["rm", "-q", "--cached", "again"])?;
    scratch.git(&["add", "--intent-to-add", "announced", "again"])?;
    let changes = Repo::open(scratch.path())?.staged()?;
    let paths: Vec<_> = changes.iter().map(|change| (change.path.to_string(), change.new)).collect();
    assert_eq!(paths, [("again".to_owned(), None)], "a commit now would remove it");
    assert_told_as_by_git(&scratch)?;
    Ok(())
}

#[test]
fn before_the_first_commit_all_of_the_index_is_new() -> Checked {
    let scratch = Scratch::new()?;
    assert_eq!(scratch.repo().staged()?, []);
    scratch.write("deep/er/file", "1")?;
    scratch.git(&["add", "."])?;
    let changes = Repo::open(scratch.path())?.staged()?;
    let blob: Oid = scratch.line(&["rev-parse", ":deep/er/file"])?.parse()?;
    let new = Some((EntryKind::Blob, blob));
    assert_eq!(changes, [Change { path: "deep/er/file".into(), old: None, new }]);
    Ok(())
}

#[test]
fn without_an_index_everything_is_gone_and_a_broken_index_is_an_error() -> Checked {
    let scratch = Scratch::new()?;
    scratch.write("a/b", "1")?;
    scratch.commit_all("one")?;
    let index = scratch.path().join(".git/index");
    std::fs::remove_file(&index)?;
    assert_eq!(assert_told_as_by_git(&scratch)?, 1);
    scratch.write(".git/index", "DIRC and then nothing of use")?;
    assert!(Repo::open(scratch.path())?.staged().is_err());
    Ok(())
}

#[test]
fn folders_that_a_sparse_index_folds_up_are_compared_too() -> Checked {
    let scratch = Scratch::new()?;
    for path in ["in/a", "in/b", "out/x", "out/deep/y", "out2/z", "top"] {
        scratch.write(path, "1")?;
    }
    scratch.commit_all("one")?;
    scratch.write("out/deep/y", "2")?;
    scratch.commit_all("two")?;
    scratch.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"])?;
    assert!(Repo::open(scratch.path())?.read_index()?.is_sparse(), "git folded nothing up");
    assert_eq!(assert_told_as_by_git(&scratch)?, 0);
    // HEAD moves and the index stays, folded up.
    scratch.git(&["reset", "-q", "--soft", "HEAD~1"])?;
    scratch.write("in/b", "3")?;
    scratch.git(&["add", "in"])?;
    assert!(Repo::open(scratch.path())?.read_index()?.is_sparse(), "git unfolded it");
    let folded = Repo::open(scratch.path())?.staged()?;
    let paths: Vec<_> = folded.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["in/b", "out/deep/y"]);
    // git tells of a folded folder and not of its files, so it has to unfold the index first.
    scratch.git(&["sparse-checkout", "reapply", "--no-sparse-index"])?;
    assert_told_as_by_git(&scratch)?;
    assert_eq!(Repo::open(scratch.path())?.staged()?, folded);
    Ok(())
}

#[test]
fn a_split_index_is_read_whole() -> Checked {
    let scratch = Scratch::new()?;
    scratch.write("a", "1")?;
    scratch.write("b", "1")?;
    scratch.commit_all("one")?;
    scratch.git(&["update-index", "--split-index"])?;
    scratch.write("a", "2")?;
    scratch.git(&["add", "a"])?;
    let has_shared = |name: std::io::Result<std::fs::DirEntry>| {
        name.is_ok_and(|name| name.file_name().to_string_lossy().starts_with("sharedindex."))
    };
    assert!(std::fs::read_dir(scratch.path().join(".git"))?.any(has_shared));
    assert_eq!(assert_told_as_by_git(&scratch)?, 1);
    Ok(())
}

/// Started by the test below with `GIT_INDEX_FILE` in its environment, as git starts a hook.
#[test]
#[ignore = "does nothing by itself"]
#[expect(clippy::disallowed_methods, reason = "plays the process that git starts")]
fn tell_what_is_staged_as_a_hook() -> Checked {
    let folder = std::env::var_os("ODYSSEY_TEST_FOLDER").ok_or("not started by the test")?;
    let answer = std::env::var_os("ODYSSEY_TEST_ANSWER").ok_or("not started by the test")?;
    let changes = Repo::discover(std::path::Path::new(&folder))?.staged()?;
    let paths: Vec<String> = changes.iter().map(|change| change.path.to_string()).collect();
    Ok(std::fs::write(answer, paths.join(" "))?)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "starts itself as git starts a hook")]
fn a_hook_judges_the_index_that_git_is_about_to_commit() -> Checked {
    let scratch = Scratch::new()?;
    scratch.write("one", "1")?;
    scratch.commit_all("one")?;
    for path in ["one", "two"] {
        scratch.write(path, "2")?;
    }
    scratch.git(&["add", "two"])?;
    // What `git commit one` does: an index beside the real one, with only that file.
    let other = scratch.path().join(".git/next-index-1.lock");
    let add = ["read-tree HEAD", "add one"];
    for command in add {
        quiet(Git::at(scratch.path()).args(command.split(' ')).env("GIT_INDEX_FILE", &other)).run()?;
    }
    let answer = scratch.path().join(".git/answer");
    for (value, expected) in [
        (other.as_os_str(), "one"),
        (".git/next-index-1.lock".as_ref(), "one"),
        (".git/index".as_ref(), "two"),
    ] {
        let mut child = std::process::Command::new(std::env::current_exe()?);
        child.args(["--ignored", "--exact", "git::index::tests::tell_what_is_staged_as_a_hook"]);
        child.current_dir(scratch.path()).env("GIT_INDEX_FILE", value).env("GIT_DIR", ".git");
        child.env("ODYSSEY_TEST_FOLDER", scratch.path()).env("ODYSSEY_TEST_ANSWER", &answer);
        assert!(child.output()?.status.success());
        assert_eq!(std::fs::read_to_string(&answer)?, expected, "{}", value.display());
    }
    Ok(())
}

#[test]
fn the_heads_of_a_merge_are_those_of_this_checkout() -> Checked {
    let scratch = Scratch::new()?;
    let first = scratch.commit_all("one")?;
    scratch.git(&["branch", "side"])?;
    scratch.write("a", "1")?;
    let second = scratch.commit_all("two")?;
    scratch.git(&["worktree", "add", "-q", "linked", "side"])?;
    let linked = scratch.path().join("linked");
    let merge = ["merge", "-q", "--no-ff", "--no-commit", "main"];
    super::super::scratch::git_in(&linked, &merge)?;
    assert_eq!(Repo::open(&linked)?.merge_heads()?, [second]);
    assert!(scratch.repo().merge_heads()?.is_empty());
    scratch.write(".git/MERGE_HEAD", format!("{first}\n{second}\n"))?;
    assert_eq!(scratch.repo().merge_heads()?, [first, second]);
    scratch.write(".git/MERGE_HEAD", format!("{first}\nnothing\n"))?;
    assert!(matches!(scratch.repo().merge_heads(), Err(GitError::Broken(_))));
    Ok(())
}

#[test]
fn what_a_fetch_brought_is_known_even_while_git_writes_it_down() -> Checked {
    let scratch = Scratch::new()?;
    let first = scratch.commit_all("one")?;
    let clone = scratch.cloned(&[])?;
    assert!(clone.repo().fetched()?.is_empty());
    let second = scratch.commit_all("two")?;
    scratch.git(&["branch", "side", &first.to_string()])?;
    clone.git(&["fetch", "-q"])?;
    assert_eq!(clone.repo().fetched()?, [second, first]);
    let mut bytes = std::fs::read(clone.path().join(".git/FETCH_HEAD"))?;
    bytes.truncate(bytes.len() - 1);
    clone.write(".git/FETCH_HEAD", bytes)?;
    assert_eq!(clone.repo().fetched()?, [second]);
    clone.write(".git/FETCH_HEAD", "<<<\n")?;
    assert!(matches!(clone.repo().fetched(), Err(GitError::Broken(_))));
    Ok(())
}
