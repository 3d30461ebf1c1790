//! Snapshots that bring back what they were made of.

use std::path::PathBuf;

use super::*;
use crate::git::testing;
use crate::git::testing::Sandbox;

fn take(repo: &Repo) -> Result<Snapshotted, GitError> {
    take_with(repo, &[], &[])
}

fn take_with(repo: &Repo, more_paths: &[BString], more_parents: &[Oid]) -> Result<Snapshotted, GitError> {
    let index = repo.private_dir().join("index");
    let state = || (std::fs::read(&index).unwrap(), testing::contents(repo.checkout().unwrap()));
    let before = state();
    let at = Timestamp::from_second(1_700_000_000).unwrap();
    let taken = repo.snapshot(Snapshot { message: b"salvage\n".as_bstr(), at, more_paths, more_parents });
    assert!(state() == before, "neither the index nor a file is touched");
    let left = std::fs::read_dir(repo.private_dir()).unwrap();
    let left = left.filter(|one| one.as_ref().unwrap().file_name().to_string_lossy().contains("odyssey"));
    assert_eq!(left.count(), 0, "no temporary index is left");
    taken
}

/// A second checkout of the snapshot's HEAD with the snapshot restored in it.
fn restored(sandbox: &Sandbox, taken: &Snapshotted) -> PathBuf {
    let path = sandbox.root().join("again");
    sandbox.git(&["worktree", "add", "-q", "--detach", "../again", &taken.head.unwrap().to_string()]);
    Repo::open(&path).unwrap().restore_snapshot(taken.commit, None).unwrap();
    path
}

fn status(folder: &Path) -> String {
    testing::run(folder, &["status", "--porcelain", "--untracked-files=all"])
}

/// A checkout with one change of each kind.
fn busy() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["edited", "staged", "both", "deleted", "removed", "old", "swap/in", "kind", "run.sh"] {
        sandbox.write(name, format!("{name}\n"));
    }
    sandbox.write(".gitignore", "*.log\n");
    sandbox.commit("files");
    sandbox.write("edited", "edited!\n");
    sandbox.write("staged", "staged!\n");
    sandbox.write("both", "once\n");
    sandbox.git(&["add", "staged", "both"]);
    sandbox.write("both", "twice\n");
    std::fs::remove_file(sandbox.main().join("deleted")).unwrap();
    sandbox.git(&["rm", "-q", "removed"]);
    sandbox.git(&["mv", "old", "ne w\nname"]);
    sandbox.write("untracked/one", "1\n");
    sandbox.write("größe", "2\n");
    sandbox.write("a.log", "log\n");
    std::fs::remove_dir_all(sandbox.main().join("swap")).unwrap();
    sandbox.write("swap", "a file now\n");
    std::fs::remove_file(sandbox.main().join("kind")).unwrap();
    sandbox.write("kind/of", "folder\n");
    testing::make_executable(&sandbox.main().join("run.sh"));
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", sandbox.main().join("link")).unwrap();
    sandbox
}

#[test]
fn a_snapshot_comes_back_byte_for_byte_with_what_was_staged() {
    let sandbox = busy();
    let taken = take(&sandbox.repo()).unwrap();
    let commit = sandbox.repo().commit(taken.commit).unwrap();
    assert_eq!(commit.parents, [taken.head.unwrap(), taken.index.unwrap()]);
    let again = restored(&sandbox, &taken);
    let mut before = testing::contents(&sandbox.main());
    before.retain(|(path, _)| path != Path::new("a.log"));
    assert_eq!(testing::contents(&again), before);
    assert_eq!(status(&again), status(&sandbox.main()));
    assert_eq!(
        testing::run(&again, &["ls-files", "-s"]),
        sandbox.git(&["ls-files", "-s"]),
        "the index is the same"
    );
}

#[test]
fn a_clean_checkout_has_the_tree_of_head_and_one_parent() {
    let sandbox = Sandbox::new();
    let taken = take(&sandbox.repo()).unwrap();
    assert_eq!(sandbox.repo().commit(taken.commit).unwrap().parents, [taken.head.unwrap()]);
    assert_eq!(taken.tree, sandbox.repo().commit(taken.head.unwrap()).unwrap().tree);
}

#[test]
fn ignored_files_come_along_when_asked_for_and_must_exist() {
    let sandbox = busy();
    sandbox.write("out.log/deep", "deep\n");
    let more = ["a.log".into(), "out.log/".into()];
    let kept = sandbox.git(&["commit-tree", "-m", "kept", "HEAD^{tree}"]).parse().unwrap();
    let taken = take_with(&sandbox.repo(), &more, &[kept]).unwrap();
    assert_eq!(sandbox.repo().commit(taken.commit).unwrap().parents[2], kept);
    let again = restored(&sandbox, &taken);
    assert_eq!(testing::contents(&again), testing::contents(&sandbox.main()));
    assert!(take_with(&sandbox.repo(), &["none.log".into()], &[]).is_err());
}

#[test]
fn hidden_intended_and_conflicting_files_are_saved_as_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("config", "public\n");
    sandbox.commit("config");
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    sandbox.write("README.md", "topic\n");
    let theirs = sandbox.commit("topic");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("README.md", "main\n");
    sandbox.commit("main");
    Git::at(&sandbox.main()).args(["merge", "-q", "topic"]).answer().unwrap();
    sandbox.git(&["update-index", "--assume-unchanged", "config"]);
    sandbox.write("config", "secret\n");
    sandbox.write("later", "later\n");
    sandbox.git(&["add", "-N", "later"]);
    let taken = take(&sandbox.repo()).unwrap();
    assert_eq!(taken.index, None);
    assert_eq!(sandbox.repo().commit(taken.commit).unwrap().parents, [taken.head.unwrap(), theirs]);
    let again = restored(&sandbox, &taken);
    assert_eq!(testing::contents(&again), testing::contents(&sandbox.main()));
}

#[test]
fn an_autostash_of_a_stopped_rebase_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("other", "one\n");
    sandbox.commit("other");
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    sandbox.write("README.md", "topic\n");
    sandbox.commit("topic");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("README.md", "main\n");
    sandbox.commit("main");
    sandbox.git(&["switch", "-q", "topic"]);
    sandbox.write("other", "uncommitted\n");
    Git::at(&sandbox.main()).args(["rebase", "-q", "--autostash", "main"]).answer().unwrap();
    let stash: Oid = sandbox
        .git(&["rev-parse", "--verify", &sandbox.read(".git/rebase-merge/autostash")])
        .parse()
        .unwrap();
    let taken = take(&sandbox.repo()).unwrap();
    assert!(sandbox.repo().commit(taken.commit).unwrap().parents.contains(&stash));
    assert!(sandbox.repo().loose_ends("refs/heads/topic").unwrap().contains(&stash));
}

#[test]
fn filters_line_ends_and_a_sparse_checkout_come_back() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "*.txt text eol=crlf\n*.up filter=up\n");
    sandbox.git(&["config", "filter.up.smudge", "tr a-z A-Z"]);
    sandbox.git(&["config", "filter.up.clean", "tr A-Z a-z"]);
    sandbox.git(&["config", "core.safecrlf", "true"]);
    sandbox.write("in/a.txt", "one\r\n");
    sandbox.write("out/b.txt", "out\r\n");
    sandbox.commit("files");
    sandbox.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    sandbox.write("in/a.txt", "two\r\n");
    sandbox.write("in/b.up", "LOUD\n");
    sandbox.write("out/new.txt", "outside\r\n");
    let taken = take(&sandbox.repo()).unwrap();
    let names = sandbox.git(&["diff", "--name-status", "--no-renames", "HEAD", &taken.commit.to_string()]);
    assert_eq!(names, "M\tin/a.txt\nA\tin/b.up\nA\tout/new.txt");
    assert_eq!(sandbox.git(&["show", &format!("{}:in/b.up", taken.commit)]), "loud");
    std::fs::remove_dir_all(sandbox.main().join("out")).unwrap();
    sandbox.git(&["sparse-checkout", "disable"]);
    let again = restored(&sandbox, &taken);
    assert_eq!(std::fs::read(again.join("in/b.up")).unwrap(), b"LOUD\n");
    assert_eq!(std::fs::read(again.join("out/new.txt")).unwrap(), b"outside\r\n");
}

#[test]
fn repositories_inside_and_submodules_with_changes_are_refused_by_name() {
    let sandbox = Sandbox::new();
    testing::run(&sandbox.root(), &["clone", "-q", "main", "other"]);
    sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../other", "sub"]);
    sandbox.commit("submodule");
    take(&sandbox.repo()).unwrap();
    sandbox.write("sub/new", "");
    testing::run(&sandbox.main(), &["clone", "-q", "../other", "nested/one"]);
    let refused = take(&sandbox.repo());
    assert!(
        matches!(&refused, Err(GitError::Repositories { inside, .. }) if *inside == ["sub", "nested/one"]),
        "{refused:?}"
    );
    std::fs::remove_dir_all(sandbox.main().join("nested")).unwrap();
    std::fs::remove_file(sandbox.main().join("sub/new")).unwrap();
    sandbox.write(".git/info/exclude", "vendor/\n");
    testing::run(&sandbox.main(), &["clone", "-q", "../other", "vendor/one"]);
    let refused = take_with(&sandbox.repo(), &["vendor/".into()], &[]);
    assert!(matches!(refused, Err(GitError::Repositories { inside, .. }) if inside == ["vendor/one"]));
}

#[test]
fn files_that_never_stand_still_are_refused() {
    let sandbox = Sandbox::new();
    // Every reading through this filter changes another file.
    sandbox.write(".gitattributes", "*.up filter=up\n");
    sandbox.commit("attributes");
    let count = "cat; n=$(cat restless); echo $((n+1)) >restless.new; mv restless.new restless";
    sandbox.write("a.up", "");
    // Newer than any index: git never trusts what it noted of it, and reads it each time.
    let future = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_102_444_800);
    let file = std::fs::File::options().write(true).open(sandbox.main().join("a.up")).unwrap();
    file.set_modified(future).unwrap();
    sandbox.write("restless", "1\n");
    sandbox.git(&["config", "filter.up.clean", count]);
    let at = Timestamp::from_second(1_700_000_000).unwrap();
    let request = Snapshot { message: b"m".as_bstr(), at, more_paths: &[], more_parents: &[] };
    let refused = sandbox.repo().snapshot(request);
    assert!(
        matches!(&refused, Err(GitError::Restless { paths, .. }) if *paths == ["restless"]),
        "{refused:?}"
    );
}

#[test]
fn a_branch_without_commits_can_be_saved_and_restored() {
    let sandbox = Sandbox::new();
    testing::run(&sandbox.root(), &["init", "-q", "-b", "main", "young"]);
    let young = sandbox.root().join("young");
    testing::write(&young.join("staged"), "one\n");
    testing::run(&young, &["add", "staged"]);
    testing::write(&young.join("other"), "two\n");
    let before = (testing::contents(&young), status(&young));
    let taken = take(&Repo::open(&young).unwrap()).unwrap();
    assert_eq!(taken.head, None);
    std::fs::remove_file(young.join("staged")).unwrap();
    std::fs::remove_file(young.join("other")).unwrap();
    testing::run(&young, &["read-tree", "--empty"]);
    Repo::open(&young).unwrap().restore_snapshot(taken.commit, None).unwrap();
    assert_eq!((testing::contents(&young), status(&young)), before);
}

#[test]
fn restoring_refuses_a_checkout_with_work_or_elsewhere_or_with_a_file_in_the_way() {
    let sandbox = busy();
    sandbox.write("b.log", "built\n");
    let taken = take_with(&sandbox.repo(), &["b.log".into()], &[]).unwrap();
    sandbox.git(&["worktree", "add", "-q", "--detach", "../again"]);
    let again = sandbox.root().join("again");
    let repo = Repo::open(&again).unwrap();
    for (name, content) in [("edited", "mine\n"), ("größe", "mine\n"), ("b.log", "mine\n")] {
        testing::write(&again.join(name), content);
        let before = testing::contents(&again);
        assert!(repo.restore_snapshot(taken.commit, None).is_err(), "{name}");
        assert_eq!(testing::contents(&again), before, "{name}");
        std::fs::remove_file(again.join(name)).unwrap();
        testing::run(&again, &["reset", "-q", "--hard"]);
    }
    testing::run(&again, &["switch", "-q", "--detach", "HEAD~1"]);
    assert!(matches!(repo.restore_snapshot(taken.commit, None), Err(GitError::Elsewhere { .. })));
}

#[test]
fn loose_ends_are_what_only_this_checkout_and_its_branch_know() {
    let sandbox = Sandbox::new();
    let first = sandbox.repo().head().unwrap().commit().unwrap();
    sandbox.git(&["worktree", "add", "-q", "-b", "topic", "../topic"]);
    let topic = sandbox.root().join("topic");
    let repo = Repo::open(&topic).unwrap();
    assert!(repo.loose_ends("refs/heads/topic").unwrap().is_empty(), "all of it is on main");
    let commit = |message: &str| testing::commit(&topic, message);
    let amended = commit("amended away");
    testing::run(&topic, &["reset", "-q", "--hard", &first.to_string()]);
    let kept = commit("kept elsewhere");
    sandbox.git(&["branch", "elsewhere", &kept.to_string()]);
    testing::run(&topic, &["reset", "-q", "--hard", &first.to_string()]);
    let marked = commit("marked");
    testing::run(&topic, &["update-ref", "refs/worktree/mark", &marked.to_string()]);
    testing::run(&topic, &["reset", "-q", "--hard", &first.to_string()]);
    commit("below");
    let tip = commit("tip");
    let mut expected = vec![amended, marked, tip];
    let mut found = repo.loose_ends("refs/heads/topic").unwrap();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    sandbox.git(&["branch", "keeps", "topic"]);
    assert!(!repo.loose_ends("refs/heads/topic").unwrap().contains(&tip));
}
