//! Trees that are kept, emptied, and used once.

use std::collections::BTreeMap;

use super::*;
use crate::git::testing;
use crate::git::testing::Sandbox;
use crate::git::worktree::Discard;
use crate::git::worktree::NewWorktree;

struct Field {
    sandbox: Sandbox,
    pool: Pool,
}

impl Field {
    /// A repository that ignores build folders and `*.env`, with a pool beside it.
    fn new() -> Field {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "target/\nnode_modules/\n*.env\nbuilt/\n");
        sandbox.write("src/one.txt", "one\n");
        sandbox.write("src/two.txt", "two\n");
        sandbox.commit("sources");
        let folder = sandbox.root().join("work/.pool");
        let caches = ["target", "web/node_modules"].map(str::to_owned).to_vec();
        Field { sandbox, pool: Pool { folder, size: 2, caches } }
    }

    fn add(&self, name: &str) -> Result<PathBuf, GitError> {
        let repo = self.sandbox.repo();
        let path = self.sandbox.root().join("work").join(name);
        repo.add_worktree(NewWorktree {
            path: path.clone(),
            branch: format!("refs/heads/odyssey/{name}"),
            base: repo.commit_named("main")?,
            building: path.with_file_name(format!(".building-{name}")),
            lock: &self.sandbox.root().join("lock"),
            note: "busy",
            restore: None,
            pool: Some(&self.pool),
            sparse: None,
        })?;
        Ok(path)
    }

    fn remove(&self, path: &Path) {
        let repo = self.sandbox.repo();
        let worktrees = repo.worktrees().unwrap();
        let worktree = worktrees.iter().find(|one| one.path == path).unwrap();
        let lock = self.sandbox.root().join("lock");
        repo.remove_worktree(worktree, Discard::Nothing, &lock, Some(&self.pool)).unwrap();
        assert!(!path.exists());
    }

    fn names(&self) -> Vec<String> {
        names(&self.pool.folder)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    found
}

/// All files below a folder with what they hold, git's own left out.
fn files(top: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != ".git" {
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn assert_complete(field: &Field, path: &Path, branch: &str) {
    assert_eq!(testing::run(path, &["status", "--porcelain"]), "");
    assert_eq!(testing::run(path, &["symbolic-ref", "HEAD"]), format!("refs/heads/odyssey/{branch}"));
    let tracked = testing::run(path, &["ls-files"]);
    let head = testing::run(path, &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert_eq!(tracked, head);
    assert_eq!(testing::run(path, &["fsck", "--no-dangling"]), "");
    assert!(!path.with_file_name(format!(".building-{branch}")).exists());
    let locked = field.sandbox.repo().worktrees().unwrap();
    assert_eq!(locked.iter().find(|one| one.path == path).unwrap().locked.as_deref(), Some("busy"));
}

#[test]
fn the_next_worktree_gets_the_tree_of_the_last_one_with_its_caches_and_nothing_else() {
    let field = Field::new();
    let first = field.add("first").unwrap();
    testing::write(&first.join("target/debug/deps/lib.o"), "built");
    testing::write(&first.join("sub/target/out"), "built");
    testing::write(&first.join("web/node_modules/a.js"), "fetched");
    testing::write(&first.join("node_modules/a.js"), "not named at the top");
    testing::write(&first.join("built/page.html"), "SECRET");
    testing::write(&first.join("local.env"), "SECRET");
    testing::write(&first.join("src/deep/other.env"), "SECRET");
    std::fs::create_dir_all(first.join("empty/folder")).unwrap();
    testing::write(&first.join("src/one.txt"), "ONE\n");
    testing::commit(&first, "work that is on its branch");
    // A link into a folder that a name covers is no folder.
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", first.join("src/target")).unwrap();
    field.sandbox.write("src/three.txt", "three\n");
    field.sandbox.git(&["rm", "-q", "src/two.txt"]);
    field.sandbox.commit("main moves");
    #[cfg(unix)]
    let inode = inode_of(&first.join("README.md"));
    #[cfg(unix)]
    std::fs::remove_file(first.join("src/target")).unwrap();
    field.remove(&first);
    assert_eq!(field.names(), ["1"]);

    let second = field.add("second").unwrap();
    assert_complete(&field, &second, "second");
    assert_eq!(field.names(), Vec::<String>::new());
    let found = files(&second);
    let held = |path: &str| found.get(path).map(String::as_str);
    assert_eq!(held("src/one.txt"), Some("one\n"));
    assert_eq!(held("src/three.txt"), Some("three\n"));
    assert_eq!(held("target/debug/deps/lib.o"), Some("built"));
    assert_eq!(held("sub/target/out"), Some("built"));
    assert_eq!(held("web/node_modules/a.js"), Some("fetched"));
    assert!(!found.values().any(|text| text.contains("SECRET")), "{found:?}");
    assert_eq!(found.len(), 7, "{found:?}");
    assert!(!second.join("empty").exists());
    #[cfg(unix)]
    assert_eq!(inode_of(&second.join("README.md")), inode, "the same file, not a new one");
}

#[cfg(unix)]
fn inode_of(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    path.metadata().unwrap().ino()
}

#[test]
fn what_somebody_wrote_into_a_kept_tree_is_set_aside_and_never_handed_on() {
    for (name, text) in [("src/one.txt", "edited\n"), ("notes.txt", "new\n"), ("key.env", "SECRET\n")] {
        let field = Field::new();
        let first = field.add("first").unwrap();
        field.remove(&first);
        testing::write(&field.pool.folder.join("1/files").join(name), text);
        // What is to be changed and what is to stay are found by different looks.
        field.sandbox.write("src/one.txt", "one more\n");
        field.sandbox.commit("main moves");
        let second = field.add("second").unwrap();
        assert_complete(&field, &second, "second");
        assert_eq!(files(&second).get("src/one.txt").map(String::as_str), Some("one more\n"));
        assert!(name == "src/one.txt" || !second.join(name).exists(), "{name}");
        let written = field.pool.written().unwrap();
        assert_eq!(written.len(), 1, "{name}");
        assert_eq!(std::fs::read_to_string(written[0].join("files").join(name)).unwrap(), text);
        assert!(!written[0].join("files/.git").exists());
        assert_eq!(field.pool.drain().unwrap(), 0);
        assert!(written[0].exists(), "nobody deletes it");
    }
}

#[test]
fn a_cache_that_this_commit_does_not_ignore_is_not_there() {
    let field = Field::new();
    let first = field.add("first").unwrap();
    testing::write(&first.join("target/lib.o"), "built");
    field.remove(&first);
    field.sandbox.write(".gitignore", "*.env\n");
    field.sandbox.commit("nothing is built any more");
    let second = field.add("second").unwrap();
    assert_complete(&field, &second, "second");
    assert!(!second.join("target/lib.o").exists());
}

#[test]
fn a_tree_whose_index_hides_something_is_not_kept() {
    let field = Field::new();
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        let first = field.add("first").unwrap();
        testing::run(&first, &["update-index", flag, "src/one.txt"]);
        field.remove(&first);
        assert_eq!(field.names(), Vec::<String>::new(), "{flag}");
        field.sandbox.git(&["branch", "-q", "-D", "odyssey/first"]);
    }
}

#[test]
fn a_pool_is_filled_ahead_used_up_and_drained() {
    let field = Field::new();
    let repo = field.sandbox.repo();
    let tip = repo.commit_named("main").unwrap();
    assert_eq!(repo.fill_pool(&field.pool, tip).unwrap(), 2);
    assert_eq!(repo.fill_pool(&field.pool, tip).unwrap(), 0);
    assert_eq!(field.names(), ["1", "2"]);
    assert_eq!(field.sandbox.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(field.sandbox.git(&["status", "--porcelain"]), "");
    for name in ["a", "b", "c"] {
        let path = field.add(name).unwrap();
        assert_complete(&field, &path, name);
    }
    for name in ["a", "b", "c"] {
        field.remove(&field.sandbox.root().join("work").join(name));
    }
    assert_eq!(field.names(), ["1", "2"], "no more than it may have");
    assert_eq!(field.pool.drain().unwrap(), 2);
    assert!(!field.pool.folder.exists());
}

#[test]
fn many_that_come_at_once_each_get_a_whole_worktree() {
    let field = Field::new();
    let repo = field.sandbox.repo();
    repo.fill_pool(&field.pool, repo.commit_named("main").unwrap()).unwrap();
    let name = |number: usize| format!("task{number}");
    std::thread::scope(|scope| {
        let begun: Vec<_> = (0..6)
            .map(|number| {
                scope.spawn({
                    let field = &field;
                    move || field.add(&name(number))
                })
            })
            .collect();
        begun.into_iter().for_each(|one| drop(one.join().unwrap().unwrap()));
    });
    for number in 0..6 {
        assert_complete(&field, &field.sandbox.root().join("work").join(name(number)), &name(number));
    }
    assert_eq!(field.names(), Vec::<String>::new());
}

#[test]
fn what_a_kill_left_of_a_member_is_swept_away_and_one_that_is_being_made_is_not() {
    let field = Field::new();
    let left = field.pool.begin().unwrap();
    testing::write(&left.place.join("files/half"), "half");
    let place = left.place.clone();
    field.pool.sweep().unwrap();
    assert!(place.join("files/half").exists(), "somebody is at it");
    drop(left);
    field.pool.sweep().unwrap();
    assert_eq!(field.names(), Vec::<String>::new());
}
