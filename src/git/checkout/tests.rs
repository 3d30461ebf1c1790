//! Checkouts that follow a branch, and give nothing up on the way.

use std::time::Duration;

use super::*;
use crate::git::refs::Expect;
use crate::git::refs::Step;
use crate::git::testing;
use crate::git::testing::Sandbox;

const ID: &str = "landing-7";

/// A checkout on `main` at `old`, and a commit `new` that changes, adds, deletes and swaps.
fn move_to_make() -> (Sandbox, Oid, Oid) {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "*.log\ntarget/\n");
    sandbox.write(".gitattributes", "*.txt text eol=crlf\n");
    for name in ["changed", "deleted/deep/file", "untouched", "run.sh", "to-folder", "to-file/in", "a.txt"] {
        sandbox.write(name, format!("{name}\n"));
    }
    for number in 0..200 {
        sandbox.write(format!("many/{number}"), "old\n".repeat(number * 20));
    }
    let old = sandbox.commit("old");
    sandbox.write("changed", "changed!\n");
    sandbox.write("added/new file", "added\n");
    sandbox.write("a.txt", "text!\r\n");
    sandbox.write("quo\"te\nline", "odd\n");
    std::fs::remove_dir_all(sandbox.main().join("deleted")).unwrap();
    std::fs::remove_dir_all(sandbox.main().join("to-file")).unwrap();
    std::fs::remove_file(sandbox.main().join("to-folder")).unwrap();
    sandbox.write("to-folder/in", "in\n");
    sandbox.write("to-file", "file\n");
    testing::make_executable(&sandbox.main().join("run.sh"));
    for number in 0..200 {
        sandbox.write(format!("many/{number}"), "new!\n".repeat(number * 20));
    }
    let new = sandbox.commit("new");
    sandbox.git(&["reset", "-q", "--hard", &old.to_string()]);
    (sandbox, old, new)
}

/// Held while refs move, by git too: a killed parent's git goes on.
fn refs_lock(repo: &Repo) -> Lock {
    Lock::wait(&repo.common_dir().join("moving-refs")).unwrap()
}

fn move_ref(repo: &Repo, old: Oid, new: Oid) {
    let step = Step::Update("refs/heads/main".into(), Expect::At(old), new);
    repo.transact(&[step], "land", &refs_lock(repo)).unwrap();
}

/// The whole move, as a landing makes it; what is in the way ends it.
fn make_move(repo: &Repo, old: Oid, new: Oid) -> Result<Vec<BString>, GitError> {
    let mut lock = repo.lock_checkout(ID)?;
    let found = lock.in_the_way(old, new, None)?;
    if found.is_empty() {
        move_ref(repo, old, new);
        assert_eq!(lock.apply(old, new, None)?, Finished::default());
    }
    Ok(found)
}

fn status(sandbox: &Sandbox) -> String {
    sandbox.git(&["status", "--porcelain", "--untracked-files=all"])
}

/// Nothing of ours is left in the repository but the file that processes lock.
fn assert_tidy(sandbox: &Sandbox) {
    let names = std::fs::read_dir(sandbox.main().join(".git")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.contains("odyssey") || name.contains("lock")).collect();
    assert!(left.is_empty() || left == [PROCESS], "{left:?}");
}

#[test]
fn a_move_brings_files_and_index_and_leaves_unrelated_edits_alone() {
    let (sandbox, old, new) = move_to_make();
    sandbox.write("untouched", "edited\n");
    sandbox.write("mine", "untracked\n");
    sandbox.write("staged", "staged\n");
    sandbox.git(&["add", "staged"]);
    sandbox.write("a.log", "ignored\n");
    let before = status(&sandbox);
    assert!(make_move(&sandbox.repo(), old, new).unwrap().is_empty());
    assert_eq!(status(&sandbox), before);
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), new.to_string());
    assert_eq!(std::fs::read(sandbox.main().join("a.txt")).unwrap(), b"text!\r\n");
    assert!(!sandbox.main().join("deleted").exists());
    assert_eq!(sandbox.read("a.log"), "ignored");
    assert_tidy(&sandbox);
}

#[test]
fn every_edit_in_the_way_is_named_and_nothing_moves() {
    type Edit<'a> = (&'a str, &'a dyn Fn(&Sandbox));
    let edits: [Edit<'_>; 12] = [
        ("changed", &|s| s.write("changed", "mine\n")),
        ("changed", &|s| {
            s.write("changed", "mine\n");
            s.git(&["add", "changed"]);
        }),
        ("changed", &|s| {
            s.git(&["update-index", "--assume-unchanged", "changed"]);
            s.write("changed", "mine\n");
        }),
        ("deleted/deep/file", &|s| s.write("deleted/deep/file", "mine\n")),
        ("changed", &|s| std::fs::remove_file(s.main().join("changed")).unwrap()),
        ("added/new file", &|s| s.write("added/new file", "mine\n")),
        ("added", &|s| s.write("added", "a file where a folder will be\n")),
        ("added/new file/below", &|s| s.write("added/new file/below", "mine\n")),
        ("added/new file/x.log", &|s| s.write("added/new file/x.log", "ignored\n")),
        ("to-file/x.log", &|s| s.write("to-file/x.log", "ignored\n")),
        ("to-file/mine", &|s| s.write("to-file/mine", "untracked\n")),
        ("run.sh", &|s| s.write("run.sh", "mine\n")),
    ];
    for (path, edit) in edits {
        let (sandbox, old, new) = move_to_make();
        edit(&sandbox);
        let state = || {
            (testing::contents(&sandbox.main()), std::fs::read(sandbox.main().join(".git/index")).unwrap())
        };
        let before = state();
        assert_eq!(make_move(&sandbox.repo(), old, new).unwrap(), [path]);
        assert!(state() == before, "{path}");
        assert_tidy(&sandbox);
    }
}

#[test]
fn an_ignored_file_where_a_file_will_be_is_in_the_way() {
    let (sandbox, old, _) = move_to_make();
    sandbox.write("out.log", "committed\n");
    sandbox.git(&["add", "-f", "out.log"]);
    let new = sandbox.commit("tracks an ignored name");
    sandbox.git(&["reset", "-q", "--hard", &old.to_string()]);
    sandbox.write("out.log", "mine\n");
    assert_eq!(make_move(&sandbox.repo(), old, new).unwrap(), ["out.log"]);
    assert_eq!(sandbox.read("out.log"), "mine");
}

#[test]
fn another_git_holds_the_index_or_is_held_off() {
    let (sandbox, ..) = move_to_make();
    let repo = sandbox.repo();
    testing::write(&sandbox.main().join(".git/index.lock"), "another git");
    assert!(matches!(repo.lock_checkout(ID), Err(GitError::Locked(_))));
    repo.undo_checkout_lock(ID).unwrap();
    assert!(matches!(
        repo.finish_checkout(
            ID,
            repo.commit_named("HEAD").unwrap(),
            repo.commit_named("HEAD").unwrap(),
            None
        ),
        Err(GitError::Locked(_))
    ));
    assert_eq!(sandbox.read(".git/index.lock"), "another git");
    std::fs::remove_file(sandbox.main().join(".git/index.lock")).unwrap();
    let lock = repo.lock_checkout(ID).unwrap();
    assert!(matches!(repo.lock_checkout("other"), Err(GitError::Locked(_))));
    sandbox.write("mine", "mine\n");
    assert!(!Git::at(&sandbox.main()).args(["add", "mine"]).answer().unwrap().status.success());
    drop(lock);
    sandbox.git(&["add", "mine"]);
    assert_tidy(&sandbox);
}

#[test]
fn a_checkout_with_an_unfinished_merge_is_refused() {
    let (sandbox, _, new) = move_to_make();
    sandbox.git(&["merge", "-q", "--no-ff", "--no-commit", &new.to_string()]);
    assert!(matches!(sandbox.repo().lock_checkout(ID), Err(GitError::UnderWay { operation: "merge", .. })));
    assert_tidy(&sandbox);
}

#[test]
fn an_edit_after_the_question_is_kept_and_named() {
    let (sandbox, old, new) = move_to_make();
    let repo = sandbox.repo();
    let mut lock = repo.lock_checkout(ID).unwrap();
    assert!(lock.in_the_way(old, new, None).unwrap().is_empty());
    move_ref(&repo, old, new);
    sandbox.write("changed", "at the last moment\n");
    sandbox.write("added/new file", "mine\n");
    sandbox.write("to-file/x.log", "ignored\n");
    let finished = lock.apply(old, new, None).unwrap();
    drop(lock);
    assert_eq!(finished.kept, ["added/new file", "changed", "to-file"]);
    assert_eq!(sandbox.read("changed"), "at the last moment");
    assert_eq!(sandbox.read("added/new file"), "mine");
    assert_eq!(sandbox.read("to-file/x.log"), "ignored");
    assert_eq!(status(&sandbox), " M \"added/new file\"\n M changed\n D to-file");
    assert_tidy(&sandbox);
}

#[test]
fn sparse_checkouts_split_indexes_and_submodules_move_too() {
    let (sandbox, _, _) = move_to_make();
    testing::run(&sandbox.root(), &["clone", "-q", "main", "other"]);
    sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../other", "sub"]);
    let old = sandbox.commit("submodule");
    testing::commit(&sandbox.main().join("sub"), "inner");
    sandbox.write("changed", "again\n");
    sandbox.write("many/7", "again\n");
    let new = sandbox.commit("moved submodule");
    sandbox.git(&["reset", "-q", "--hard", &old.to_string()]);
    sandbox.git(&["submodule", "update", "-q"]);
    sandbox.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/many/"]);
    sandbox.git(&["config", "core.splitIndex", "true"]);
    sandbox.git(&["update-index", "--split-index"]);
    assert!(make_move(&sandbox.repo(), old, new).unwrap().is_empty());
    assert_eq!(status(&sandbox), " M sub", "the submodule's own checkout is its own business");
    assert!(!sandbox.main().join("many").exists());
    assert_eq!(sandbox.read("changed"), "again");
    sandbox.git(&["fsck", "--no-dangling"]);
    // The other way, path by path.
    move_ref(&sandbox.repo(), new, old);
    assert_eq!(sandbox.repo().finish_checkout(ID, new, old, None).unwrap(), Finished::default());
    assert_eq!(status(&sandbox), "");
    assert!(!sandbox.main().join("many").exists());
    assert_eq!(sandbox.read("changed"), "changed");
}

#[test]
fn a_torn_file_is_written_anew_and_an_edit_is_kept() {
    let (sandbox, old, new) = move_to_make();
    let repo = sandbox.repo();
    repo.take_index(ID).unwrap();
    move_ref(&repo, old, new);
    // As a killed git leaves them: new, torn, not there; and as a person does.
    sandbox.write("changed", "chan");
    sandbox.write("a.txt", "text!\r");
    sandbox.write("many/9", "new!\n".repeat(180));
    std::fs::remove_file(sandbox.main().join("many/10")).unwrap();
    std::fs::remove_file(sandbox.main().join("to-folder")).unwrap();
    sandbox.write("many/11", "mine\n");
    sandbox.write("deleted/deep/file", "mine too\n");
    let finished = repo.finish_checkout(ID, old, new, None).unwrap();
    assert_eq!(finished.kept, ["deleted/deep/file", "many/11"]);
    assert_eq!(status(&sandbox), " M many/11\n?? deleted/deep/file");
    assert_eq!(std::fs::read(sandbox.main().join("a.txt")).unwrap(), b"text!\r\n");
    assert_eq!(sandbox.read("many/11"), "mine");
    assert_eq!(repo.finish_checkout(ID, old, new, None).unwrap(), finished, "safe to repeat");
    assert_tidy(&sandbox);
}

#[test]
fn edits_that_go_along_are_brought_over_whatever_half_was_done() {
    let (sandbox, old, new) = move_to_make();
    let repo = sandbox.repo();
    let edits = |word: &str| {
        [
            ("added/new file", format!("{word} new\n")),
            ("changed", format!("{word}\n")),
            ("many/9", format!("{word} staged\n")),
        ]
    };
    for (path, text) in edits("mine") {
        sandbox.write(path, text);
    }
    sandbox.git(&["add", "many/9"]);
    sandbox.write("untouched", "edited\n");
    let paths = edits("").map(|(path, _)| BString::from(path));
    let before = repo.commit_of_edits(old, &paths).unwrap();
    let blob = |text: &str| Some((0o100_644, repo.write_blob(text.as_bytes()).unwrap()));
    let entries = edits("mine and the new").map(|(path, text)| (BString::from(path), blob(&text)));
    let tree = repo.with_entries(repo.commit(new).unwrap().tree, &entries).unwrap();
    let at = crate::base::clock::Timestamp::UNIX_EPOCH;
    let after = repo.write_commit(tree, &[new, before], b"after".as_bstr(), at).unwrap();
    let carry = Some(Carry { before, after });
    let lock = repo.lock_checkout(ID).unwrap();
    assert_eq!(lock.in_the_way(old, new, None).unwrap(), paths);
    assert_eq!(lock.in_the_way(old, new, carry).unwrap(), [""; 0]);
    sandbox.write("changed", "mine again\n");
    assert_eq!(lock.in_the_way(old, new, carry).unwrap(), ["changed"]);
    sandbox.write("changed", "mine\n");
    drop(lock);
    let whole = " M \"added/new file\"\n M changed\nM  many/9\n M untouched";
    repo.take_index(ID).unwrap();
    move_ref(&repo, old, new);
    // As a killed git leaves them: torn, there, and not yet.
    sandbox.write("changed", "mine and th");
    sandbox.write("many/9", "mine and the new staged\n");
    for _ in 0..2 {
        assert_eq!(repo.finish_checkout(ID, old, new, carry).unwrap(), Finished::default());
        assert_eq!(status(&sandbox), whole);
        for (path, text) in edits("mine and the new") {
            assert_eq!(sandbox.read(path), text.trim_end(), "{path}");
        }
        assert_eq!(std::fs::read(sandbox.main().join("a.txt")).unwrap(), b"text!\r\n");
        assert!(sandbox.main().join("to-file").is_file() && !sandbox.main().join("deleted").exists());
        assert_tidy(&sandbox);
    }
}

#[test]
fn killed_at_any_moment_the_move_is_finished_or_undone_and_edits_stay() {
    const TEST: &str =
        "git::checkout::tests::killed_at_any_moment_the_move_is_finished_or_undone_and_edits_stay";
    if let Some(root) = testing::asked("ROOT") {
        let repo = Sandbox::shared(root).repo();
        let (old, new) = (repo.commit_named("old").unwrap(), repo.commit_named("new").unwrap());
        assert!(make_move(&repo, old, new).unwrap().is_empty());
        return;
    }
    let (sandbox, old, new) = move_to_make();
    sandbox.git(&["branch", "old", &old.to_string()]);
    sandbox.git(&["branch", "new", &new.to_string()]);
    let plant = || {
        sandbox.write("untouched", "edited\n");
        sandbox.write("mine", "untracked\n");
        sandbox.write("staged", "staged\n");
        sandbox.git(&["add", "staged"]);
        sandbox.write("x.log", "ignored\n");
    };
    let repo = sandbox.repo();
    let root = sandbox.root();
    let request = [("ROOT", root.as_os_str())];
    plant();
    let (edits, at_old) = (status(&sandbox), testing::contents(&sandbox.main()));
    let whole = testing::time(testing::child(TEST, &request));
    let at_new = testing::contents(&sandbox.main());
    let mut seen = [0; 3];
    for round in 0..25 {
        sandbox.git(&["reset", "-q", "--hard", "old"]);
        plant();
        let moment = whole.mul_f64(f64::from(round) / 25.0).max(Duration::from_millis(1));
        testing::kill_after(testing::child(TEST, &request), moment);
        drop(refs_lock(&repo));
        let left = sandbox.main().join(".git/index.lock").exists();
        if repo.reference("refs/heads/main").unwrap() == Some(new) {
            assert_eq!(repo.finish_checkout(ID, old, new, None).unwrap(), Finished::default());
            assert!(testing::contents(&sandbox.main()) == at_new, "round {round}");
            seen[if left { 2 } else { 1 }] += 1;
        } else {
            repo.undo_checkout_lock(ID).unwrap();
            // A killed transaction may have left its lock; the caller clears it.
            let _ = std::fs::remove_file(sandbox.main().join(".git/refs/heads/main.lock"));
            assert!(testing::contents(&sandbox.main()) == at_old, "round {round}");
            seen[0] += usize::from(left);
        }
        assert_eq!(status(&sandbox), edits, "round {round}");
        assert_tidy(&sandbox);
    }
    assert!(seen[0] > 0 && seen[2] > 0, "kills hit both before and after the ref had moved: {seen:?}");
}
