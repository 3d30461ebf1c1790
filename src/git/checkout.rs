//! Moving a checkout to another commit while a ref moves, without losing an edit and without another git in between.

use std::io::Write;
use std::path::PathBuf;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::hidden;
use super::obstacles::Obstacles;
use super::obstacles::changed;
use super::paths::there;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;

mod settle;

/// The index of a checkout, held as git itself holds it: no other git command changes index or files meanwhile.
///
/// Dropped, it gives the index back; without [`CheckoutLock::apply`] everything is as it was.
#[derive(Debug)]
pub struct CheckoutLock {
    repo: Repo,
    folder: PathBuf,
    id: String,
    /// Held until the git that works for us has ended too.
    process: Lock,
}

/// How moving a checkout ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// Paths that somebody edited meanwhile and that were left as they are. They show as modified now.
    pub kept: Vec<BString>,
}

/// The index that is prepared while the real one is locked.
const PREPARED: &str = "odyssey-checkout-index";

/// The file that tells whether the process that locked the index lives, or a git that it started.
pub const PROCESS: &str = "odyssey-checkout";

impl Repo {
    /// Locks the index of this checkout as git does, by `index.lock`, which holds `id` so that its owner is known after a
    /// kill.
    ///
    /// # Errors
    /// [`GitError::Locked`] when another git command or another of us has it, [`GitError::UnderWay`] when a merge, rebase or
    /// the like has not been finished here.
    pub fn lock_checkout(&self, id: &str) -> Result<CheckoutLock, GitError> {
        let folder = self.need_checkout()?.to_owned();
        let index_lock = self.private_dir().join("index.lock");
        let process = Lock::attempt(&self.private_dir().join(PROCESS))?;
        let process = process.ok_or_else(|| GitError::Locked(index_lock.clone()))?;
        self.take_index(id)?;
        // From here on, an error gives the index back.
        let lock = CheckoutLock { repo: self.clone(), folder, id: id.to_owned(), process };
        if let Some(operation) = self.operation_under_way() {
            return Err(GitError::UnderWay { path: lock.folder.clone(), operation });
        }
        lock.prepare()?;
        Ok(lock)
    }

    /// Makes `index.lock` with its content at once: a kill never leaves one that is nobody's.
    fn take_index(&self, id: &str) -> Result<(), GitError> {
        let index_lock = self.private_dir().join("index.lock");
        let failed = |source| FileError::new("lock", &index_lock, source);
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{PROCESS}-"))
            .tempfile_in(self.private_dir())
            .map_err(failed)?;
        file.write_all(id.as_bytes()).map_err(failed)?;
        file.as_file().sync_data().map_err(failed)?;
        match std::fs::hard_link(file.path(), &index_lock) {
            Ok(()) => Ok(()),
            Err(_) if there(&index_lock)? => Err(GitError::Locked(index_lock)),
            // Some file systems know no hard links; there it is refused, not half done.
            Err(error) => Err(failed(error).into()),
        }
    }

    /// Whether `index.lock` is the one that `id` made.
    fn has_index(&self, id: &str) -> Result<bool, GitError> {
        Ok(atomic::read(&self.private_dir().join("index.lock"))?.is_some_and(|found| found == id.as_bytes()))
    }

    /// Gives back an index that a killed [`Repo::lock_checkout`] holds, when nothing moved: all is as it was.
    ///
    /// Whether the ref has moved can be told only once the git that moves it has ended: wait for the lock that was given to
    /// [`Repo::transact`] first.
    ///
    /// Waits for a git that the killed process had started. Safe to repeat; another's lock stays.
    ///
    /// # Errors
    /// When a file cannot be read or removed.
    pub fn undo_checkout_lock(&self, id: &str) -> Result<(), GitError> {
        let _process = Lock::wait(&self.private_dir().join(PROCESS))?;
        self.release_index(id)
    }

    /// For whoever holds the lock of the process: nobody else is writing these files.
    fn release_index(&self, id: &str) -> Result<(), GitError> {
        let private = self.private_dir();
        let failed = |source| FileError::new("read", private, source);
        for entry in std::fs::read_dir(private).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            // The prepared index, git's own lock of that, and what was written to become the lock.
            if name != PROCESS && name.as_encoded_bytes().starts_with(PROCESS.as_bytes()) {
                atomic::remove(&entry.path())?;
            }
        }
        if self.has_index(id)? {
            atomic::remove(&private.join("index.lock"))?;
        }
        Ok(())
    }

    /// Ends a move from `old` to `new` that was killed after the ref had moved.
    ///
    /// Every path that differs between the two is brought to `new` if it is as in `old`, missing, or half written; what
    /// somebody edited is left as it is. Waits for a git that the killed process had started. Safe to repeat, also when
    /// the move was complete.
    ///
    /// # Errors
    /// [`GitError::Locked`] when another git command has the index, else when something cannot be read or written.
    pub fn finish_checkout(&self, id: &str, old: Oid, new: Oid) -> Result<Finished, GitError> {
        let folder = self.need_checkout()?.to_owned();
        let process = Lock::wait(&self.private_dir().join(PROCESS))?;
        if !self.has_index(id)? {
            self.take_index(id)?;
        }
        let lock = CheckoutLock { repo: self.clone(), folder, id: id.to_owned(), process };
        lock.prepare()?;
        lock.settle(old, new)
    }
}

impl CheckoutLock {
    /// The uncommitted edits that moving from `old` to `new` would touch: staged, unstaged, untracked, and ignored files that
    /// would be overwritten. Empty means that it may go; git was asked too.
    ///
    /// # Errors
    /// When something cannot be read, or git refuses the move for a reason of its own.
    pub fn in_the_way(&self, old: Oid, new: Oid) -> Result<Vec<BString>, GitError> {
        let changes = changed(&self.folder, old, new)?;
        let obstacles = Obstacles::new(&self.folder, self.git(), self.repo.ignores_case())?;
        let mut found = self.names(&["ls-files", "-u", "-z", "--format=%(path)"])?;
        let touched = |path: &BString| changes.iter().any(|change| overlap(&change.path, path));
        found.extend(self.edits(old)?.into_iter().filter(touched));
        for change in changes.iter().filter(|change| change.appears()) {
            found.extend(obstacles.before(change.path.as_bstr())?);
        }
        found.sort();
        found.dedup();
        if found.is_empty() {
            self.read_tree(&["-n"], old, new)?;
        }
        Ok(found)
    }

    /// Moves files and index from `old` to `new`; the ref has been moved by the caller. No post-checkout hook runs.
    ///
    /// What somebody edits at this very moment is left as it is and named.
    ///
    /// # Errors
    /// When something cannot be read or written; [`Repo::finish_checkout`] goes on then.
    pub fn apply(&mut self, old: Oid, new: Oid) -> Result<Finished, GitError> {
        // git protects no ignored files; they may be there since the question.
        let obstacles = Obstacles::new(&self.folder, self.git(), self.repo.ignores_case())?;
        for change in changed(&self.folder, old, new)?.iter().filter(|change| change.appears()) {
            if !obstacles.before(change.path.as_bstr())?.is_empty() {
                return self.settle(old, new);
            }
        }
        match self.read_tree(&[], old, new) {
            Ok(()) => {
                self.put_in_place()?;
                Ok(Finished::default())
            }
            // git looks at all files before it touches one; but it may also have failed in the middle.
            Err(error) => {
                tracing::debug!(%error, "the checkout is moved path by path");
                self.prepare()?;
                self.settle(old, new)
            }
        }
    }

    fn read_tree(&self, more: &[&str], old: Oid, new: Oid) -> Result<(), GitError> {
        let git = self.git().args(["read-tree", "-m", "-u", "--no-recurse-submodules"]).args(more);
        git.args([old.to_string(), new.to_string()]).holding(&self.process)?.run().map(drop)
    }

    /// Copies the index, and looks at the files anew where their times changed.
    fn prepare(&self) -> Result<(), GitError> {
        let (index, prepared) = (self.repo.private_dir().join("index"), self.prepared());
        atomic::remove(&prepared.with_extension("lock"))?;
        match std::fs::copy(&index, &prepared) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => atomic::remove(&prepared)?,
            Err(error) => return Err(FileError::new("copy", &index, error).into()),
        }
        self.refresh()
    }

    fn refresh(&self) -> Result<(), GitError> {
        let git = self.git().args(["update-index", "-q", "--refresh"]).holding(&self.process)?;
        let command = git.to_string();
        let output = git.answer()?;
        // 1 says that some files differ.
        if matches!(output.status.code(), Some(0 | 1)) {
            return Ok(());
        }
        Err(GitError::Command { command, status: super::run::ended(output.status), stderr: output.stderr })
    }

    /// The prepared index becomes the index while `index.lock` still stands; its time stays that of git's writing, by
    /// which git knows the files that it must not trust.
    fn put_in_place(&self) -> Result<(), GitError> {
        let index = self.repo.private_dir().join("index");
        std::fs::rename(self.prepared(), &index)
            .map_err(|source| FileError::new("replace", &index, source).into())
    }

    fn prepared(&self) -> PathBuf {
        self.repo.private_dir().join(PREPARED)
    }

    /// git with the prepared index. A split index becomes whole in it; the monitor's marks are not trusted.
    fn git(&self) -> Git {
        Git::at(&self.folder)
            .args(["-c", "core.fsmonitor=false", "-c", "core.splitIndex=false"])
            .env("GIT_INDEX_FILE", self.prepared())
    }

    /// Paths with an edit, staged or not, hidden from git or not. A submodule's inner changes are none: they stay.
    fn edits(&self, old: Oid) -> Result<Vec<BString>, GitError> {
        let staged = ["diff-index", "--cached", "-z", "--name-only", "--no-renames"];
        let mut found =
            self.names(&[&staged[..], &["--ignore-submodules=none", &old.to_string(), "--"]].concat())?;
        let revealed = hidden::revealed(&self.folder, self.repo.private_dir())?;
        let git = match &revealed {
            Some(index) => self.git().env("GIT_INDEX_FILE", index.as_os_str()),
            None => self.git(),
        };
        let unstaged = ["diff-files", "-z", "--name-only", "--ignore-submodules=all"];
        found.extend(names(&git.args(unstaged).run()?));
        Ok(found)
    }

    fn names(&self, arguments: &[&str]) -> Result<Vec<BString>, GitError> {
        Ok(names(&self.git().args(arguments).run()?))
    }
}

impl Drop for CheckoutLock {
    fn drop(&mut self) {
        if let Err(error) = self.repo.release_index(&self.id) {
            tracing::warn!(%error, "the index stays locked until doctor gives it back");
        }
    }
}

fn names(answer: &[u8]) -> Vec<BString> {
    answer.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(BString::from).collect()
}

/// Whether two paths are one, or one is a folder above the other.
fn overlap(one: &[u8], other: &[u8]) -> bool {
    let above =
        |folder: &[u8], path: &[u8]| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"));
    one == other || above(one, other) || above(other, one)
}

#[cfg(test)]
mod tests {
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
        for name in
            ["changed", "deleted/deep/file", "untouched", "run.sh", "to-folder", "to-file/in", "a.txt"]
        {
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
        let found = lock.in_the_way(old, new)?;
        if found.is_empty() {
            move_ref(repo, old, new);
            assert_eq!(lock.apply(old, new)?, Finished::default());
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
                (
                    testing::contents(&sandbox.main()),
                    std::fs::read(sandbox.main().join(".git/index")).unwrap(),
                )
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
            repo.finish_checkout(ID, repo.commit_named("HEAD").unwrap(), repo.commit_named("HEAD").unwrap()),
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
        assert!(matches!(
            sandbox.repo().lock_checkout(ID),
            Err(GitError::UnderWay { operation: "merge", .. })
        ));
        assert_tidy(&sandbox);
    }

    #[test]
    fn an_edit_after_the_question_is_kept_and_named() {
        let (sandbox, old, new) = move_to_make();
        let repo = sandbox.repo();
        let mut lock = repo.lock_checkout(ID).unwrap();
        assert!(lock.in_the_way(old, new).unwrap().is_empty());
        move_ref(&repo, old, new);
        sandbox.write("changed", "at the last moment\n");
        sandbox.write("added/new file", "mine\n");
        sandbox.write("to-file/x.log", "ignored\n");
        let finished = lock.apply(old, new).unwrap();
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
        assert_eq!(sandbox.repo().finish_checkout(ID, new, old).unwrap(), Finished::default());
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
        let finished = repo.finish_checkout(ID, old, new).unwrap();
        assert_eq!(finished.kept, ["deleted/deep/file", "many/11"]);
        assert_eq!(status(&sandbox), " M many/11\n?? deleted/deep/file");
        assert_eq!(std::fs::read(sandbox.main().join("a.txt")).unwrap(), b"text!\r\n");
        assert_eq!(sandbox.read("many/11"), "mine");
        assert_eq!(repo.finish_checkout(ID, old, new).unwrap(), finished, "safe to repeat");
        assert_tidy(&sandbox);
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
                assert_eq!(repo.finish_checkout(ID, old, new).unwrap(), Finished::default());
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
}
