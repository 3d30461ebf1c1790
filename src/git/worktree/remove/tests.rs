//! Worktrees that go, with nothing in them lost.

use std::time::Duration;

use super::*;
use crate::base::clock::Timestamp;
use crate::git::snapshot::Snapshot;
use crate::git::testing;
use crate::git::testing::Sandbox;

/// A path or name, and what somebody does in a checkout.
type Plan<'a> = (&'a str, &'a dyn Fn(&Path));

/// A worktree `../topic` with a few files of its own.
fn topic(sandbox: &Sandbox) -> Worktree {
    sandbox.git(&["worktree", "add", "-q", "--lock", "-b", "topic", "../topic"]);
    find(sandbox).unwrap()
}

fn find(sandbox: &Sandbox) -> Option<Worktree> {
    sandbox.repo().worktrees().unwrap().into_iter().find(|one| one.path == sandbox.root().join("topic"))
}

fn remove(sandbox: &Sandbox, worktree: &Worktree, discard: Discard) -> Result<(), GitError> {
    sandbox.repo().remove_worktree(worktree, discard, &sandbox.root().join("lock"), None)
}

fn finish(sandbox: &Sandbox) -> Removal {
    let path = sandbox.root().join("topic");
    sandbox.repo().finish_removal(&path, &sandbox.root().join("lock")).unwrap()
}

/// The folder that holds the test has nothing of the worktree left, nor has the repository.
fn assert_gone(sandbox: &Sandbox) {
    let names = |folder: PathBuf| -> Vec<_> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let mut left = names(sandbox.root());
    left.retain(|name| name != "lock");
    assert_eq!(left, ["main"]);
    let private = names(sandbox.main().join(".git"));
    assert!(!private.iter().any(|name| name.to_string_lossy().starts_with("odyssey")), "{private:?}");
    assert!(find(sandbox).is_none());
}

#[test]
fn a_clean_worktree_goes_with_its_ignored_files_and_leaves_its_branch() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "target/\n");
    sandbox.commit("ignore");
    let worktree = topic(&sandbox);
    testing::write(&worktree.path.join("target/deep/file"), "built");
    remove(&sandbox, &worktree, Discard::Nothing).unwrap();
    assert_gone(&sandbox);
    assert_eq!(sandbox.git(&["branch", "--list", "topic"]).trim(), "topic");
    remove(&sandbox, &worktree, Discard::Nothing).unwrap();
}

#[test]
fn work_is_refused_and_stays_byte_for_byte() {
    let sandbox = Sandbox::new();
    let plans: [Plan<'_>; 5] = [
        ("an edit", &|top| testing::write(&top.join("README.md"), "edited\n")),
        ("a new file", &|top| testing::write(&top.join("new/file"), "new\n")),
        ("an edit that git was told not to see", &|top| {
            testing::run(top, &["update-index", "--skip-worktree", "README.md"]);
            testing::write(&top.join("README.md"), "hidden\n");
        }),
        ("an edit that git assumes not to be there", &|top| {
            testing::run(top, &["update-index", "--assume-unchanged", "README.md"]);
            testing::write(&top.join("README.md"), "hidden\n");
        }),
        ("a bisect", &|top| drop(testing::run(top, &["bisect", "start"]))),
    ];
    for (name, plan) in plans {
        let worktree = topic(&sandbox);
        plan(&worktree.path);
        let before = testing::contents(&worktree.path);
        let refused = remove(&sandbox, &worktree, Discard::Nothing);
        assert!(
            matches!(refused, Err(GitError::NotClean { .. } | GitError::UnderWay { .. })),
            "{name}: {refused:?}"
        );
        assert_eq!(testing::contents(&worktree.path), before, "{name}");
        assert_eq!(find(&sandbox), Some(worktree.clone()), "{name}");
        remove(&sandbox, &worktree, Discard::Saved).unwrap();
        assert_gone(&sandbox);
        sandbox.git(&["branch", "-q", "-D", "topic"]);
    }
}

#[test]
fn what_is_in_a_snapshot_may_go_and_what_came_later_may_not() {
    let sandbox = Sandbox::new();
    let worktree = topic(&sandbox);
    testing::write(&worktree.path.join("README.md"), "edited\n");
    testing::write(&worktree.path.join("new"), "new\n");
    let request =
        Snapshot { message: "m".into(), at: Timestamp::UNIX_EPOCH, more_paths: &[], more_parents: &[] };
    let taken = Repo::open(&worktree.path).unwrap().snapshot(request).unwrap();
    let discard = Discard::SavedIn(taken.commit);
    let later: [Plan<'_>; 3] = [
        ("later", &|top| testing::write(&top.join("later"), "later\n")),
        ("README.md", &|top| testing::write(&top.join("README.md"), "edited again\n")),
        ("staged", &|top| {
            testing::write(&top.join("staged"), "only in the index\n");
            testing::run(top, &["add", "staged"]);
            std::fs::remove_file(top.join("staged")).unwrap();
        }),
    ];
    for (name, write) in later {
        write(&worktree.path);
        let refused = remove(&sandbox, &worktree, discard);
        assert!(matches!(&refused, Err(GitError::NotClean { paths, .. }) if *paths == [name]), "{refused:?}");
        testing::run(&worktree.path, &["reset", "-q", "--hard"]);
        testing::run(&worktree.path, &["clean", "-q", "-f", "-d"]);
        Repo::open(&worktree.path).unwrap().restore_snapshot(taken.commit, None).unwrap();
    }
    remove(&sandbox, &worktree, discard).unwrap();
    assert_gone(&sandbox);
}

#[test]
fn repositories_inside_are_refused_even_where_git_shows_none() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "target/\n");
    sandbox.commit("ignore");
    let worktree = topic(&sandbox);
    testing::run(&worktree.path, &["init", "-q", "target/inner"]);
    for discard in [Discard::Nothing, Discard::Saved] {
        let refused = remove(&sandbox, &worktree, discard).unwrap_err();
        assert!(
            matches!(&refused, GitError::Repositories { inside, .. } if *inside == ["target/inner"]),
            "{refused}"
        );
    }
    std::fs::remove_dir_all(worktree.path.join("target")).unwrap();
    testing::write(&worktree.private_dir.join("modules/lib/HEAD"), "ref: refs/heads/main\n");
    assert!(matches!(
        remove(&sandbox, &worktree, Discard::Nothing),
        Err(GitError::Repositories { inside, .. }) if inside == ["lib"]
    ));
}

#[test]
fn the_main_checkout_and_a_strangers_folder_are_refused() {
    let sandbox = Sandbox::new();
    let main = sandbox.repo().worktrees().unwrap().remove(0);
    assert!(matches!(remove(&sandbox, &main, Discard::Saved), Err(GitError::MainCheckout(_))));
    let worktree = topic(&sandbox);
    std::fs::remove_dir_all(&worktree.path).unwrap();
    testing::write(&worktree.path.join("mine"), "mine");
    assert!(matches!(remove(&sandbox, &worktree, Discard::Saved), Err(GitError::Stranger(_))));
    assert!(worktree.path.join("mine").exists());
}

#[test]
fn a_worktree_whose_folder_is_gone_is_unregistered() {
    let sandbox = Sandbox::new();
    let worktree = topic(&sandbox);
    std::fs::remove_dir_all(&worktree.path).unwrap();
    remove(&sandbox, &worktree, Discard::Nothing).unwrap();
    assert_gone(&sandbox);
}

#[test]
#[cfg(unix)]
fn read_only_folders_go_too() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "cache/\n");
    sandbox.commit("ignore");
    let worktree = topic(&sandbox);
    testing::write(&worktree.path.join("cache/mod/file"), "cached");
    let mut permissions = std::fs::metadata(worktree.path.join("cache/mod")).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(worktree.path.join("cache/mod"), permissions).unwrap();
    remove(&sandbox, &worktree, Discard::Nothing).unwrap();
    assert_gone(&sandbox);
}

#[test]
fn killed_at_any_moment_the_worktree_is_whole_or_gone() {
    const TEST: &str = "git::worktree::remove::tests::killed_at_any_moment_the_worktree_is_whole_or_gone";
    if let Some(root) = testing::asked("ROOT") {
        let sandbox = Sandbox::shared(root);
        let worktree = find(&sandbox).unwrap();
        remove(&sandbox, &worktree, Discard::Nothing).unwrap();
        return;
    }
    let sandbox = Sandbox::new();
    for number in 0..600 {
        sandbox.write(format!("many/{}/{number}", number % 7), format!("{number}\n"));
    }
    sandbox.commit("many");
    let root = sandbox.root();
    let request = [("ROOT", root.as_os_str())];
    let before = topic(&sandbox);
    let whole = testing::time(testing::child(TEST, &request));
    assert_gone(&sandbox);
    sandbox.git(&["branch", "-q", "-D", "topic"]);
    let mut seen = [0; 3];
    for round in 0..25 {
        let worktree = find(&sandbox).unwrap_or_else(|| topic(&sandbox));
        assert_eq!(worktree, before);
        let moment = whole.mul_f64(f64::from(round) / 25.0).max(Duration::from_millis(1));
        testing::kill_after(testing::child(TEST, &request), moment);
        seen[finish(&sandbox) as usize] += 1;
        assert_eq!(finish(&sandbox), Removal::Nothing, "safe to repeat");
        match find(&sandbox) {
            Some(whole) => {
                assert_eq!(whole, before);
                assert_eq!(testing::run(&whole.path, &["status", "--porcelain"]), "");
                assert_eq!(std::fs::read_dir(sandbox.root()).unwrap().count(), 3);
            }
            None => {
                assert_gone(&sandbox);
                sandbox.git(&["branch", "-q", "-D", "topic"]);
            }
        }
    }
    assert!(seen[1] + seen[2] > 0, "some of the kills hit it in the middle: {seen:?}");
}
