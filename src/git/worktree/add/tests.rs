//! Worktrees that are made, whole or not at all.

use std::ffi::OsStr;
use std::time::Duration;

use super::*;
use crate::git::testing;
use crate::git::testing::Sandbox;
use crate::git::worktree::Cleared;

/// Where a test builds the worktree `name`.
fn places(sandbox: &Sandbox, name: &str) -> (PathBuf, PathBuf) {
    let work = sandbox.root().join("work trees");
    (work.join(name), work.join(format!(".{name}.new")))
}

fn add(sandbox: &Sandbox, name: &str) -> Result<Repo, GitError> {
    let (path, building) = places(sandbox, name);
    let repo = sandbox.repo();
    let base = repo.commit_named("main")?;
    let branch = format!("refs/heads/odyssey/{name}");
    let lock = sandbox.root().join("locks/worktrees");
    repo.add_worktree(NewWorktree {
        path,
        branch,
        base,
        building,
        lock: &lock,
        note: "odyssey: busy",
        restore: None,
        pool: None,
        sparse: None,
    })
}

fn clear(sandbox: &Sandbox, name: &str) -> Cleared {
    let (path, building) = places(sandbox, name);
    let repo = sandbox.repo();
    let base = repo.commit_named("main").unwrap();
    let branch = format!("refs/heads/odyssey/{name}");
    repo.clear_half_made(&building, &path, &branch, base, &sandbox.root().join("locks/worktrees")).unwrap()
}

/// Complete means: registered, locked, clean for git, on its branch, and nothing beside it.
fn assert_complete(sandbox: &Sandbox, name: &str) {
    let (path, building) = places(sandbox, name);
    assert_eq!(testing::run(&path, &["status", "--porcelain"]), "");
    assert_eq!(testing::run(&path, &["symbolic-ref", "HEAD"]), format!("refs/heads/odyssey/{name}"));
    assert!(testing::run(&path, &["ls-files"]).contains("README.md"));
    assert!(!building.exists());
    let found = sandbox.repo().worktrees().unwrap();
    let found: Vec<_> = found.iter().filter(|one| one.path == path).collect();
    assert_eq!(found.len(), 1, "registered once");
    assert_eq!(found[0].name.as_ref().unwrap(), name);
    assert_eq!(found[0].locked.as_deref(), Some("odyssey: busy"));
}

#[test]
fn a_new_worktree_is_complete_survives_prune_and_is_registered_under_its_own_name() {
    let sandbox = Sandbox::new();
    let repo = add(&sandbox, "auth").unwrap();
    assert_eq!(repo.checkout().unwrap(), places(&sandbox, "auth").0);
    sandbox.git(&["worktree", "prune", "--expire", "now"]);
    assert_complete(&sandbox, "auth");
    let plain = sandbox.git(&["worktree", "list", "--porcelain"]);
    assert!(plain.contains("locked odyssey: busy"), "{plain}");
    assert!(!repo.private_dir().join("ORIG_HEAD").exists());
    assert_eq!(clear(&sandbox, "auth"), Cleared::Complete);
    assert_complete(&sandbox, "auth");
}

#[test]
fn what_is_in_the_way_is_refused_and_stays() {
    let sandbox = Sandbox::new();
    let (path, building) = places(&sandbox, "auth");
    testing::write(&path.join("mine"), "mine");
    assert!(matches!(add(&sandbox, "auth"), Err(GitError::Taken(_))));
    assert_eq!(clear(&sandbox, "auth"), Cleared::Nothing);
    assert!(path.join("mine").exists());
    sandbox.git(&["branch", "odyssey/pay"]);
    assert!(matches!(add(&sandbox, "pay"), Err(GitError::Moved { .. })));
    assert_eq!(sandbox.git(&["branch", "--list", "odyssey/*"]).trim(), "odyssey/pay");
    assert!(!building.exists());
}

#[test]
fn a_refusal_by_the_persons_hook_leaves_nothing() {
    let sandbox = Sandbox::new();
    let hook = sandbox.main().join(".git/hooks/reference-transaction");
    testing::write(&hook, "#!/bin/sh\nexit 1\n");
    testing::make_executable(&hook);
    assert!(matches!(add(&sandbox, "auth"), Err(GitError::Command { .. })));
    std::fs::remove_file(&hook).unwrap();
    assert!(!places(&sandbox, "auth").1.exists());
    assert_eq!(sandbox.repo().worktrees().unwrap().len(), 1);
    add(&sandbox, "auth").unwrap();
}

#[test]
fn the_persons_post_checkout_hook_runs_in_the_finished_worktree() {
    let sandbox = Sandbox::new();
    let hook = sandbox.main().join(".git/hooks/post-checkout");
    testing::write(&hook, "#!/bin/sh\npwd >../told\necho $* >>../told\nexit 1\n");
    testing::make_executable(&hook);
    add(&sandbox, "auth").unwrap();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let (path, _) = places(&sandbox, "auth");
    let told = std::fs::read_to_string(path.with_file_name("told")).unwrap();
    assert_eq!(told, format!("{}\n{} {head} 1\n", path.display(), "0".repeat(40)));
    assert_complete(&sandbox, "auth");
}

#[test]
fn filters_line_ends_links_and_a_sparse_checkout_are_git_s_own() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "*.txt text eol=crlf\n*.up filter=up\n");
    sandbox.git(&["config", "filter.up.smudge", "tr a-z A-Z"]);
    sandbox.git(&["config", "filter.up.clean", "tr A-Z a-z"]);
    sandbox.write("a.txt", "one\ntwo\n");
    sandbox.write("b.up", "loud\n");
    sandbox.write("in/side", "in\n");
    sandbox.write("out/side", "out\n");
    sandbox.commit("more");
    add(&sandbox, "all").unwrap();
    let (path, _) = places(&sandbox, "all");
    assert_eq!(std::fs::read(path.join("a.txt")).unwrap(), b"one\r\ntwo\r\n");
    assert_eq!(std::fs::read(path.join("b.up")).unwrap(), b"LOUD\n");
    sandbox.git(&["sparse-checkout", "set", "in"]);
    add(&sandbox, "sparse").unwrap();
    let (path, _) = places(&sandbox, "sparse");
    assert!(path.join("in/side").exists() && !path.join("out").exists());
    assert_complete(&sandbox, "sparse");
}

#[test]
fn a_worktree_registered_with_relative_paths_is_moved_with_true_ones() {
    let sandbox = Sandbox::new();
    let (path, building) = places(&sandbox, "auth");
    let site = Site::new(&path, &building).unwrap();
    std::fs::create_dir_all(&building).unwrap();
    let inside = site.inside.to_str().unwrap();
    sandbox.git(&["worktree", "add", "-q", "--no-checkout", "--lock", "-b", "odyssey/auth", inside]);
    // As git 2.48 and later write them with worktree.useRelativePaths.
    let private = sandbox.main().join(".git/worktrees/auth");
    testing::write(&private.join("gitdir"), "../../../../work trees/.auth.new/auth/.git\n");
    testing::write(&site.inside.join(".git"), "gitdir: ../../../main/.git/worktrees/auth\n");
    testing::run(&site.inside, &["status"]);

    let repo = sandbox.repo();
    let shallower = make_absolute(&site, &private).unwrap().unwrap();
    testing::run(&site.inside, &["reset", "-q", "--hard"]);
    let lock = sandbox.root().join("lock");
    let new = NewWorktree {
        path: path.clone(),
        branch: "refs/heads/odyssey/auth".into(),
        base: repo.commit_named("main").unwrap(),
        building: building.clone(),
        lock: &lock,
        note: "",
        restore: None,
        pool: None,
        sparse: None,
    };
    repo.move_into_place(&new, &site, &private).unwrap();
    std::fs::rename(shallower, path.join(".git")).unwrap();
    assert_eq!(
        std::fs::read_to_string(path.join(".git")).unwrap(),
        "gitdir: ../../main/.git/worktrees/auth\n"
    );
    assert_eq!(testing::run(&path, &["status", "--porcelain"]), "");
    assert_eq!(repo.worktrees().unwrap()[1].path, path);
}

#[test]
fn thirty_two_at_once_all_succeed() {
    if let Some(root) = testing::asked("ROOT") {
        let name = testing::asked("NAME").unwrap();
        add(&Sandbox::shared(root), name.to_str().unwrap()).unwrap();
        return;
    }
    let sandbox = Sandbox::new();
    let root = sandbox.root();
    let children: Vec<_> = (0..32)
        .map(|number| {
            let name = format!("task-{number}");
            let request = [("ROOT", root.as_os_str()), ("NAME", OsStr::new(&name))];
            testing::child("git::worktree::add::tests::thirty_two_at_once_all_succeed", &request)
        })
        .collect();
    for child in children {
        testing::time(child);
    }
    for number in 0..32 {
        assert_complete(&sandbox, &format!("task-{number}"));
    }
}

#[test]
fn killed_at_any_moment_it_is_cleared_and_made_anew() {
    const TEST: &str = "git::worktree::add::tests::killed_at_any_moment_it_is_cleared_and_made_anew";
    if let Some(root) = testing::asked("ROOT") {
        add(&Sandbox::shared(root), "auth").unwrap();
        return;
    }
    let sandbox = Sandbox::new();
    for number in 0..300 {
        sandbox.write(format!("many/{}/{number}", number % 7), format!("{number}\n"));
    }
    sandbox.commit("many");
    let root = sandbox.root();
    let request = [("ROOT", root.as_os_str())];
    let whole = testing::time(testing::child(TEST, &request));
    let mut seen = [0; 3];
    for round in 0..25 {
        undo(&sandbox);
        let moment = whole.mul_f64(f64::from(round) / 25.0).max(Duration::from_millis(1));
        testing::kill_after(testing::child(TEST, &request), moment);
        let cleared = clear(&sandbox, "auth");
        seen[cleared as usize] += 1;
        if cleared != Cleared::Complete {
            assert_eq!(clear(&sandbox, "auth"), Cleared::Nothing, "safe to repeat");
            assert_eq!(sandbox.git(&["branch", "--list", "odyssey/auth"]), "");
            assert_eq!(sandbox.repo().worktrees().unwrap().len(), 1);
            add(&sandbox, "auth").unwrap();
        }
        assert_complete(&sandbox, "auth");
    }
    assert!(seen[Cleared::Undone as usize] > 0, "some of the kills hit it half-made: {seen:?}");
}

/// Back to before: the test has the only interest in this worktree.
fn undo(sandbox: &Sandbox) {
    sandbox.git(&["worktree", "remove", "-f", "-f", places(sandbox, "auth").0.to_str().unwrap()]);
    sandbox.git(&["branch", "-q", "-D", "odyssey/auth"]);
}

#[test]
fn every_state_that_a_kill_of_git_itself_can_leave_is_cleared() {
    let sandbox = Sandbox::new();
    let (path, building) = places(&sandbox, "auth");
    let inside = building.join("auth");
    let private = sandbox.main().join(".git/worktrees/auth");
    let branch = || sandbox.git(&["branch", "-f", "odyssey/auth", "main"]);
    let states: [&dyn Fn(); 6] = [
        &|| {
            branch();
        },
        &|| {
            branch();
            std::fs::create_dir_all(&private).unwrap();
        },
        &|| testing::write(&private.join("locked"), "odyssey: busy"),
        &|| {
            testing::write(&private.join("locked"), "odyssey: busy");
            testing::write(&private.join("gitdir"), "");
            std::fs::create_dir_all(&inside).unwrap();
        },
        &|| {
            testing::write(&private.join("locked"), "odyssey: busy");
            testing::write(&private.join("gitdir"), format!("{}/.git\n", inside.display()));
            testing::write(&inside.join(".git"), format!("gitdir: {}\n", private.display()));
        },
        &|| {
            std::fs::create_dir_all(&building).unwrap();
            let inside = inside.to_str().unwrap();
            sandbox.git(&["worktree", "add", "-q", "--lock", "-b", "odyssey/auth", inside]);
            testing::write(&private.join("index.lock"), "");
            testing::write(&private.join("gitdir"), format!("{}/.git\n", path.display()));
        },
    ];
    for (number, state) in states.iter().enumerate() {
        state();
        assert_eq!(clear(&sandbox, "auth"), Cleared::Undone, "state {number}");
        assert_eq!(clear(&sandbox, "auth"), Cleared::Nothing, "state {number}");
        assert!(!building.exists() && !path.exists() && !private.exists(), "state {number}");
        add(&sandbox, "auth").unwrap();
        undo(&sandbox);
    }
}

#[test]
fn what_others_are_making_or_have_used_is_not_cleared() {
    let sandbox = Sandbox::new();
    let private = sandbox.main().join(".git/worktrees");
    testing::write(&private.join("auth/locked"), "initializing\n");
    testing::write(&private.join("author/locked"), "odyssey: busy");
    sandbox.git(&["branch", "odyssey/auth"]);
    sandbox.git(&["worktree", "add", "-q", "../elsewhere", "odyssey/auth"]);
    assert_eq!(clear(&sandbox, "auth"), Cleared::Nothing);
    assert!(private.join("auth").exists() && private.join("author").exists());
    sandbox.git(&["worktree", "remove", "../elsewhere"]);
    testing::run(&sandbox.main(), &["switch", "-q", "odyssey/auth"]);
    testing::run(&sandbox.main(), &["commit", "-q", "--allow-empty", "-m", "work"]);
    testing::run(&sandbox.main(), &["reset", "-q", "--hard", "main"]);
    testing::run(&sandbox.main(), &["switch", "-q", "main"]);
    assert_eq!(
        clear(&sandbox, "auth"),
        Cleared::Nothing,
        "the reflog of the branch still has somebody's work"
    );
}

#[test]
fn the_log_that_a_killed_deletion_left_of_an_older_branch_keeps_none() {
    let sandbox = Sandbox::new();
    let older = sandbox.git(&["rev-parse", "main"]);
    sandbox.write("README.md", "more\n");
    sandbox.commit("main moves");
    sandbox.git(&["branch", "odyssey/auth"]);
    let log = sandbox.main().join(".git/logs/refs/heads/odyssey/auth");
    let newer = std::fs::read_to_string(&log).unwrap();
    let line =
        format!("{} {older} Ada <ada@example.com> 1700000000 +0000\tbranch: Created\n", "0".repeat(40));
    testing::write(&log, line + &newer);
    assert_eq!(clear(&sandbox, "auth"), Cleared::Undone);
    assert_eq!(sandbox.git(&["branch", "--list", "odyssey/auth"]), "");
}

#[test]
fn a_worktree_whose_folder_was_taken_away_is_not_made_twice() {
    let sandbox = Sandbox::new();
    add(&sandbox, "auth").unwrap();
    std::fs::remove_dir_all(places(&sandbox, "auth").0).unwrap();
    assert_eq!(clear(&sandbox, "auth"), Cleared::Nothing);
    assert!(matches!(add(&sandbox, "auth"), Err(GitError::Registered(_))));
}

#[test]
fn what_stops_git_itself_is_taken_away_and_nothing_else() {
    let sandbox = Sandbox::new();
    add(&sandbox, "whole").unwrap();
    let registration = |name: &str| sandbox.main().join(".git/worktrees").join(name);
    let broken = |name: &str, reason: &str| {
        testing::write(&registration(name).join("locked"), reason);
        testing::write(&registration(name).join("commondir"), "");
    };
    broken("auth", "odyssey: busy");
    let inside = places(&sandbox, "auth").1.join("auth/.git");
    testing::write(&registration("auth").join("gitdir"), inside.to_str().unwrap());
    broken("others", "initializing");
    // As a fetch looks at what is here.
    let works = || {
        let git = Git::at(&sandbox.main());
        git.args(["rev-list", "--max-count=1", "--all"]).run().is_ok()
    };
    assert!(!works(), "git reads all registrations");
    let repo = sandbox.repo();
    for name in ["auth", "others", "whole"] {
        let (path, building) = places(&sandbox, name);
        repo.clear_broken(&building, &path, &sandbox.root().join("locks/worktrees")).unwrap();
    }
    assert!(!registration("auth").exists());
    assert!(registration("others").exists(), "a git that is at work there goes on");
    assert_complete(&sandbox, "whole");
    assert!(works());
}
