//! Checkouts made up in every way, as we read them and as git does.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use gix::bstr::ByteSlice;

use super::Live;
use super::Uncommitted;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::git::snapshot::Snapshot;
use crate::git::testing;
use crate::git::testing::Dice;
use crate::git::testing::Sandbox;

/// Who reads the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Gix,
    Git,
}

/// Ends a thread that goes on and on, also when the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The tree that git makes of a checkout, by a copy of its index beside it.
fn by_git(folder: &Path, private: &Path) -> String {
    let copy = private.join("copy-of-index");
    if private.join("index").exists() {
        std::fs::copy(private.join("index"), &copy).unwrap();
        let copied = std::fs::File::options().write(true).open(&copy).unwrap();
        copied.set_modified(private.join("index").metadata().unwrap().modified().unwrap()).unwrap();
    }
    let objects = tempfile::tempdir().unwrap();
    let real = Repo::open(folder).unwrap().common_dir().join("objects");
    let git = |arguments: &[&str]| {
        let git = Git::at(folder).args(["-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false"]);
        let git = git.args(arguments).env("GIT_INDEX_FILE", &copy);
        let git =
            git.env("GIT_OBJECT_DIRECTORY", objects.path()).env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &real);
        git.run().unwrap()
    };
    git(&["add", "-A", "--sparse"]);
    let tree = git(&["write-tree"]);
    std::fs::remove_file(&copy).unwrap();
    tree.trim().to_str().unwrap().to_owned()
}

/// What must be the same before and after.
#[derive(PartialEq)]
struct Untouched {
    index: Option<(Vec<u8>, std::time::SystemTime)>,
    /// The files beside the index.
    names: Vec<String>,
    status: String,
    objects: String,
}

fn untouched(folder: &Path, private: &Path) -> Untouched {
    let index = private.join("index");
    let bytes = std::fs::read(&index).ok();
    let names = std::fs::read_dir(private).unwrap();
    let names = names.map(|one| one.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    Untouched {
        index: bytes.map(|bytes| (bytes, index.metadata().unwrap().modified().unwrap())),
        names,
        status: testing::run(folder, &["status", "--porcelain=v2", "--untracked-files=all"]),
        objects: testing::run(folder, &["count-objects", "-v"]),
    }
}

fn read(repo: &Repo) -> Result<Live, GitError> {
    repo.live_tree(&mut Memory::over(repo))
}

/// The state of a checkout, which must be git's.
fn agreed_in(repo: &Repo, by: By) -> Live {
    let (folder, private) = (repo.folder(), repo.private_dir());
    let before = untouched(folder, private);
    let mut memory = Memory::over(repo);
    let in_process = repo.read_in_process(&mut memory).unwrap();
    assert_eq!(if in_process.is_some() { By::Gix } else { By::Git }, by);
    let live = repo.live_tree(&mut memory).unwrap();
    assert!(untouched(folder, private) == before, "the checkout is as it was");
    assert_eq!(live.tree.to_string(), by_git(folder, private), "{}", before.status);
    assert_eq!(live.head, repo.head().unwrap().commit());
    assert!(memory.repo().changes_between(None, live.tree).is_ok(), "all of its trees can be read");
    let other = repo.read_by_git(&mut Memory::over(repo)).unwrap();
    assert_eq!(live, other, "both ways");
    assert!(untouched(folder, private) == before, "the checkout is as it was");
    live
}

fn agreed(sandbox: &Sandbox, by: By) -> Live {
    agreed_in(&sandbox.repo(), by)
}

/// Paths with a letter for each way in which they are uncommitted.
fn told(live: &Live) -> Vec<String> {
    let letters = |one: &Uncommitted| {
        let letters = [
            (one.staged, 's'),
            (one.unstaged, 'w'),
            (one.untracked, 'u'),
            (one.inside, 'i'),
            (one.unmerged, 'c'),
        ];
        letters.iter().filter(|(is, _)| *is).map(|(_, letter)| *letter).collect::<String>()
    };
    live.uncommitted.iter().map(|one| format!("{} {}", letters(one), one.path)).collect()
}

#[test]
fn a_clean_checkout_is_the_tree_of_its_commit() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "*.log\ntarget/\n");
    let head = sandbox.commit("ignore");
    sandbox.write("a.log", "");
    sandbox.write("target/x/y", "");
    let live = agreed(&sandbox, By::Gix);
    assert_eq!((live.head, told(&live)), (Some(head), vec![]));
    assert_eq!(live.tree, sandbox.repo().commit(head).unwrap().tree);
}

#[test]
fn every_kind_of_change_is_in_the_tree_and_in_the_list() {
    let sandbox = Sandbox::new();
    for name in
        ["edited", "staged", "both", "deleted", "removed", "kind", "mode", "old name", "swap/in", "back"]
    {
        sandbox.write(name, format!("{name}\n"));
    }
    sandbox.commit("files");
    for name in ["edited", "staged", "both", "back"] {
        sandbox.write(name, "!\n");
    }
    sandbox.git(&["add", "staged", "both", "back"]);
    sandbox.write("both", "?\n");
    sandbox.write("back", "back\n");
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
    let live = agreed(&sandbox, By::Gix);
    let mut expected = vec![
        "sw back",
        "sw both",
        "w deleted",
        "w edited",
        "w intended",
        "w kind",
        "u kind/of",
        "w mode",
        "s new\nname",
        "u new/one",
        "u new/two",
        "s old name",
        "s removed",
        "s staged",
        "u swap",
        "w swap/in",
    ];
    expected.retain(|one| cfg!(unix) || !one.ends_with("mode"));
    assert_eq!(told(&live), expected);
}

#[test]
fn made_up_checkouts_are_as_git_says() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "*.log\nout/\n!keep.log\n");
    let mut dice = Dice(5);
    let mut seen = 0;
    for round in 0..150 {
        let folder = ["", "a/", "a/b/", "out/", "c d/"][dice.roll(5)];
        let path = format!("{folder}{}", ["one", "two", "x.log", "keep.log", "a"][dice.roll(5)]);
        let place = sandbox.main().join(&path);
        let parent = place.parent().unwrap();
        let blocked = parent.ancestors().any(|above| above.is_file() || above.is_symlink());
        match dice.roll(9) {
            0..=2 if !blocked && !place.is_dir() => {
                drop(std::fs::remove_file(&place));
                testing::write(&place, format!("{}\n", round % 4));
            }
            #[cfg(unix)]
            3 if !blocked && !place.exists() && !place.is_symlink() => {
                std::fs::create_dir_all(parent).unwrap();
                std::os::unix::fs::symlink("somewhere", &place).unwrap();
            }
            4 => drop(std::fs::remove_file(&place)),
            5 => drop(std::fs::remove_dir_all(&place)),
            // What is not there cannot be staged, and that is fine.
            6 => drop(Git::at(&sandbox.main()).args(["add", "-f", "-A", "--", &path]).answer().unwrap()),
            7 => drop(
                Git::at(&sandbox.main()).args(["rm", "-q", "-r", "--cached", "--", &path]).answer().unwrap(),
            ),
            _ if round % 5 == 0 => drop(sandbox.commit("made up")),
            _ => {}
        }
        seen += agreed(&sandbox, By::Gix).uncommitted.len();
    }
    assert!(seen > 150, "most rounds have changes: {seen}");
}

#[test]
fn a_branch_without_commits_and_a_missing_index_are_read() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "--orphan", "new"]);
    let live = agreed(&sandbox, By::Gix);
    assert_eq!((live.head, live.uncommitted.len()), (None, 0));
    sandbox.write("one", "1\n");
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["u one"]);
    sandbox.git(&["switch", "-q", "main"]);
    std::fs::remove_file(sandbox.main().join(".git/index")).unwrap();
    let live = agreed(&sandbox, By::Gix);
    assert_eq!(told(&live), ["su README.md", "u one"]);
}

#[test]
fn line_ends_encodings_and_idents_are_as_git_stores_them() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "*.txt text\n*.crlf eol=crlf\n*.auto text=auto\n*.id ident\n*.16 working-tree-encoding=UTF-16LE\n*.bin -text\n");
    for name in ["a.txt", "a.crlf", "a.auto", "a.id", "a.bin", "was-crlf.auto", "plain"] {
        sandbox.write(name, "one\ntwo\n");
    }
    sandbox.commit("text");
    let dos = b"one\r\ntwo\r\nthree\r\n".as_slice();
    for setting in ["false", "true", "input"] {
        sandbox.git(&["config", "core.autocrlf", setting]);
        for name in ["a.txt", "a.crlf", "a.auto", "a.bin", "plain", "new.txt", "new.auto", "new", "new.crlf"]
        {
            sandbox.write(name, dos);
        }
        sandbox.write("a.id", "$Id: 0000 $\n");
        sandbox.write("mixed.auto", "one\r\ntwo\n");
        sandbox.write("binary.auto", b"one\r\n\0two\r\n");
        let wide: Vec<u8> = "höhe\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        sandbox.write("a.16", wide);
        agreed(&sandbox, By::Gix);
    }
    // A file that has CRLF in the index keeps it under `auto`.
    sandbox.git(&["config", "core.autocrlf", "false"]);
    sandbox.write("kept", dos);
    sandbox.git(&["add", "kept"]);
    sandbox.git(&["config", "core.autocrlf", "true"]);
    sandbox.write("kept", b"one\r\ntwo\r\n");
    agreed(&sandbox, By::Gix);
    sandbox.git(&["config", "core.safecrlf", "true"]);
    agreed(&sandbox, By::Gix);
}

#[test]
fn what_goes_through_a_program_is_read_by_git_and_pointers_stay_pointers() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "filter.up.clean", "tr a-z A-Z"]);
    sandbox.write("plain", "one\n");
    sandbox.commit("plain");
    sandbox.write("plain", "two\n");
    agreed(&sandbox, By::Gix);
    sandbox.write(".gitattributes", "*.up filter=up\n");
    sandbox.write("a.up", "loud\n");
    let live = agreed(&sandbox, By::Git);
    let mut memory = Memory::over(&sandbox.repo());
    assert_eq!(sandbox.repo().live_tree(&mut memory).unwrap(), live);
    let tree = memory.repo().tree(live.tree).unwrap();
    let entry = tree.iter().find(|entry| entry.name == "a.up").unwrap();
    assert_eq!(memory.repo().blob(entry.oid).unwrap(), b"LOUD\n");
    sandbox.git(&["config", "filter.up.clean", "false"]);
    sandbox.git(&["config", "filter.up.required", "true"]);
    assert!(read(&sandbox.repo()).is_err(), "what cannot be read is not clean");
}

#[cfg(unix)]
#[test]
fn executable_bits_count_only_where_they_mean_something() {
    let sandbox = Sandbox::new();
    sandbox.write("run", "1\n");
    sandbox.write("no", "1\n");
    testing::make_executable(&sandbox.main().join("run"));
    sandbox.commit("run");
    sandbox.git(&["config", "core.fileMode", "false"]);
    testing::make_executable(&sandbox.main().join("no"));
    sandbox.write("new", "1\n");
    testing::make_executable(&sandbox.main().join("new"));
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["u new"]);
    sandbox.write("no", "2\n");
    sandbox.write("run", "2\n");
    agreed(&sandbox, By::Gix);
    sandbox.git(&["config", "core.fileMode", "true"]);
    agreed(&sandbox, By::Gix);
}

#[cfg(unix)]
#[test]
fn links_are_read_as_links_and_folders_behind_them_not_at_all() {
    let sandbox = Sandbox::new();
    sandbox.write("folder/file", "1\n");
    sandbox.write("elsewhere/file", "2\n");
    std::os::unix::fs::symlink("old", sandbox.main().join("link")).unwrap();
    sandbox.commit("files");
    std::fs::remove_file(sandbox.main().join("link")).unwrap();
    std::os::unix::fs::symlink("new", sandbox.main().join("link")).unwrap();
    std::fs::remove_dir_all(sandbox.main().join("folder")).unwrap();
    std::os::unix::fs::symlink("elsewhere", sandbox.main().join("folder")).unwrap();
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["u folder", "w folder/file", "w link"]);
    sandbox.git(&["config", "core.symlinks", "false"]);
    agreed(&sandbox, By::Git);
}

#[cfg(unix)]
#[test]
fn one_path_is_as_in_the_whole_tree_and_links_above_it_are_not_followed() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "*.log\n");
    for name in ["folder/file", "elsewhere/file", "same", "edited", "gone"] {
        sandbox.write(name, format!("{name}\n"));
    }
    let head = sandbox.commit("files");
    std::fs::remove_dir_all(sandbox.main().join("folder")).unwrap();
    std::os::unix::fs::symlink("elsewhere", sandbox.main().join("folder")).unwrap();
    std::fs::remove_file(sandbox.main().join("gone")).unwrap();
    sandbox.write("edited", "!\n");
    sandbox.write("new", "new\n");
    sandbox.write("a.log", "ignored\n");
    let repo = sandbox.repo();
    let mut memory = Memory::over(&repo);
    let live = repo.live_tree(&mut memory).unwrap();
    let commit = memory.repo().write_commit(
        live.tree,
        &[head],
        "live".into(),
        crate::base::clock::Timestamp::UNIX_EPOCH,
    );
    let commit = commit.unwrap();
    for path in
        ["folder/file", "folder", "elsewhere/file", "same", "edited", "gone", "new", "a.log", "none/at/all"]
    {
        let committed = repo.entry_at(head, path.into()).unwrap();
        let found = repo.live_entry(&sandbox.main(), committed, path.into(), &mut memory).unwrap();
        assert_eq!(found, memory.repo().entry_at(commit, path.into()).unwrap(), "{path}");
    }
}

#[test]
fn an_unmerged_index_is_git_s_to_read() {
    let sandbox = Sandbox::new();
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    sandbox.write("README.md", "topic\n");
    sandbox.commit("topic");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("README.md", "main\n");
    sandbox.commit("main");
    Git::at(&sandbox.main()).args(["merge", "-q", "topic"]).answer().unwrap();
    assert_eq!(told(&agreed(&sandbox, By::Git)), ["wc README.md"]);
    std::fs::remove_file(sandbox.main().join("README.md")).unwrap();
    agreed(&sandbox, By::Git);
}

#[test]
fn announced_files_are_in_the_tree_as_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("announced", "later\n");
    sandbox.git(&["add", "-N", "announced"]);
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["w announced"]);
    sandbox.git(&["rm", "-q", "--cached", "README.md"]);
    sandbox.git(&["add", "-N", "README.md"]);
    agreed(&sandbox, By::Gix);
    std::fs::remove_file(sandbox.main().join("announced")).unwrap();
    std::fs::remove_file(sandbox.main().join("README.md")).unwrap();
    agreed(&sandbox, By::Gix);
}

#[test]
fn hidden_edits_are_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.write("config", "public\n");
    sandbox.commit("config");
    for flag in ["--skip-worktree", "--assume-unchanged"] {
        sandbox.write("config", "secret\n");
        sandbox.git(&["update-index", flag, "config"]);
        let repo = sandbox.repo();
        let before = untouched(&sandbox.main(), repo.private_dir());
        let live = read(&repo).unwrap();
        assert!(untouched(&sandbox.main(), repo.private_dir()) == before);
        assert_eq!(told(&live), ["w config"]);
        sandbox.git(&["update-index", flag.replace("--", "--no-").as_str(), "config"]);
        assert_eq!(live.tree, agreed(&sandbox, By::Gix).tree, "as if nothing were hidden");
        sandbox.write("config", "public\n");
    }
}

#[test]
fn sparse_checkouts_and_sparse_and_split_indexes_are_read() {
    let sandbox = Sandbox::new();
    for name in ["in/file", "out/file", "out/deep/file"] {
        sandbox.write(name, "1\n");
    }
    sandbox.commit("files");
    sandbox.git(&["update-index", "--split-index"]);
    sandbox.write("in/file", "2\n");
    sandbox.write("in/new", "2\n");
    sandbox.git(&["add", "in/file"]);
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["s in/file", "u in/new"]);
    sandbox.git(&["update-index", "--no-split-index"]);
    sandbox.git(&["sparse-checkout", "set", "--cone", "--no-sparse-index", "in"]);
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["s in/file", "u in/new"]);
    sandbox.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    assert_eq!(told(&agreed(&sandbox, By::Git)), ["s in/file", "u in/new"]);
    sandbox.write("out/there", "all the same\n");
    assert_eq!(told(&agreed(&sandbox, By::Git)), ["s in/file", "u in/new", "u out/there"]);
}

#[test]
fn submodules_count_by_their_commit_and_work_inside_is_told() {
    let sandbox = Sandbox::new();
    let inner = Sandbox::new();
    let url = format!("file://{}", inner.main().display());
    sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"]);
    sandbox.commit("submodule");
    assert_eq!(told(&agreed(&sandbox, By::Git)), [""; 0]);
    sandbox.write("sub/README.md", "inside\n");
    assert_eq!(told(&agreed(&sandbox, By::Git)), ["wi sub"]);
    testing::commit(&sandbox.main().join("sub"), "moved");
    assert_eq!(told(&agreed(&sandbox, By::Git)), ["w sub"]);
}

#[test]
fn repositories_inside_count_by_their_commit_and_without_one_nobody_knows() {
    let sandbox = Sandbox::new();
    testing::run(&sandbox.main(), &["clone", "-q", ".", "inner/clone"]);
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["u inner/clone"]);
    sandbox.git(&["init", "-q", "empty"]);
    assert!(read(&sandbox.repo()).is_err());
}

#[test]
fn names_of_any_case_are_git_s_where_case_means_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("Folder/file", "1\n");
    sandbox.commit("files");
    sandbox.git(&["config", "core.ignoreCase", "true"]);
    sandbox.write("Folder/file", "2\n");
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["w Folder/file"]);
    sandbox.write("folder/new", "1\n");
    assert!(sandbox.repo().read_in_process(&mut Memory::over(&sandbox.repo())).unwrap().is_none());
    // Where it does mean something, git looks for `Folder/new` and finds nothing.
    let there = sandbox.main().join("Folder/new").exists();
    assert_eq!(read(&sandbox.repo()).is_ok(), there);
}

#[test]
fn an_edit_within_the_second_of_the_index_is_found() {
    let sandbox = Sandbox::new();
    for round in 0..20 {
        sandbox.write("file", format!("{round:04}\n"));
        sandbox.write("other", format!("{round}\n"));
        sandbox.git(&["add", "file", "other"]);
        sandbox.write("file", format!("{:04}\n", round + 1000));
        // The index is written again, later than the edit.
        sandbox.write("other", format!("{round}!\n"));
        sandbox.git(&["add", "other"]);
        assert!(told(&agreed(&sandbox, By::Gix)).contains(&"sw file".to_owned()));
    }
}

#[test]
fn an_edit_within_the_second_of_the_index_is_found_a_second_later_too() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "one\n");
    sandbox.git(&["add", "file"]);
    sandbox.write("file", "two\n");
    // A copy of the index made now is younger than the edit.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(told(&agreed(&sandbox, By::Gix)), ["sw file"]);
    let at = crate::base::clock::Timestamp::UNIX_EPOCH;
    let request = Snapshot { message: b"salvage\n".as_bstr(), at, more_paths: &[], more_parents: &[] };
    let saved = sandbox.repo().snapshot(request).unwrap();
    assert_eq!(sandbox.repo().file_at(saved.commit, "file".into()).unwrap().unwrap(), b"two\n");
}

#[test]
fn touched_files_are_as_they_were() {
    let sandbox = Sandbox::new();
    sandbox.write("README.md", "read me\n");
    let written = sandbox.main().join("README.md").metadata().unwrap().modified().unwrap();
    let file = std::fs::File::options().write(true).open(sandbox.main().join("README.md")).unwrap();
    file.set_modified(written + std::time::Duration::from_secs(100)).unwrap();
    assert_eq!(told(&agreed(&sandbox, By::Gix)), [""; 0]);
}

#[test]
fn linked_worktrees_share_a_memory() {
    let sandbox = Sandbox::new();
    sandbox.git(&["worktree", "add", "-q", "-b", "topic", "../topic"]);
    let topic = Repo::open(&sandbox.root().join("topic")).unwrap();
    testing::write(&topic.folder().join("new"), "topic\n");
    sandbox.write("new", "main\n");
    let mut memory = Memory::over(&sandbox.repo());
    let one = sandbox.repo().live_tree(&mut memory).unwrap();
    let two = topic.live_tree(&mut memory).unwrap();
    assert_eq!(two, agreed_in(&topic, By::Gix));
    let changes = memory.repo().changes_between(Some(one.tree), two.tree).unwrap();
    assert_eq!(changes.len(), 1);
}

#[test]
fn a_checkout_that_keeps_changing_is_unknown_and_a_stale_lock_is_not_in_the_way() {
    let sandbox = Sandbox::new();
    sandbox.write("new", "1\n");
    sandbox.write(".git/index.lock", "");
    let live = read(&sandbox.repo()).unwrap();
    assert_eq!(told(&live), ["u new"]);
    std::fs::remove_file(sandbox.main().join(".git/index.lock")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stops = Stops(&stop);
        scope.spawn(|| {
            let lock = sandbox.main().join(".git/index.lock");
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                testing::write(&lock, format!("{round}"));
                round += 1;
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        // On a busy machine the other thread may rest for a while, and then the answer is right.
        let mut answers = (0..40).map(|_| read(&sandbox.repo()));
        assert!(answers.any(|answer| matches!(answer, Err(GitError::Restless { .. }))));
    });
}

#[test]
fn a_file_that_is_written_all_the_time_is_never_torn() {
    let sandbox = Sandbox::new();
    let stop = AtomicBool::new(false);
    let place = sandbox.main().join("busy");
    testing::write(&place, vec![b'a'; 300_000]);
    std::thread::scope(|scope| {
        let _stops = Stops(&stop);
        scope.spawn(|| {
            let mut round = 0_u8;
            while !stop.load(Ordering::Relaxed) {
                round = (round + 1) % 26;
                // In place, as editors and shells do it.
                testing::write(&place, vec![b'a' + round; 300_000]);
                std::thread::sleep(std::time::Duration::from_micros(u64::from(round) * 300));
            }
        });
        let (mut read_well, mut unknown) = (0, 0);
        for _ in 0..60 {
            let mut memory = Memory::over(&sandbox.repo());
            match sandbox.repo().live_tree(&mut memory) {
                Ok(live) => {
                    let tree = memory.repo().tree(live.tree).unwrap();
                    let entry = tree.iter().find(|entry| entry.name == "busy").unwrap();
                    let bytes = memory.repo().blob(entry.oid).unwrap();
                    let whole = bytes.iter().all(|byte| Some(byte) == bytes.first());
                    assert!(whole, "a file of two halves");
                    read_well += 1;
                }
                Err(_) => unknown += 1,
            }
        }
        assert!(read_well > unknown, "{read_well} read, {unknown} unknown");
    });
}

#[test]
fn a_broken_index_is_an_error_and_not_clean() {
    let sandbox = Sandbox::new();
    testing::write(&sandbox.main().join(".git/index"), "not an index");
    assert!(read(&sandbox.repo()).is_err());
}
