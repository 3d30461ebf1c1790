//! The whole state of a checkout as a commit, uncommitted work included, and back again.

use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::hidden;
use super::loose;
use super::obstacles::Obstacles;
use super::obstacles::changed;
use super::repo::Repo;
use super::run::Git;
use super::status;
use super::status::Line;
use crate::base::clock::Timestamp;
use crate::base::lock::Lock;

/// What to put into a snapshot beside the state itself.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The commit's message.
    pub message: &'a BStr,
    /// When it is taken.
    pub at: Timestamp,
    /// Ignored files, or folders of them, to include too. They must exist.
    pub more_paths: &'a [BString],
    /// Commits that shall not be lost either.
    pub more_parents: &'a [Oid],
}

/// A snapshot that was taken. No ref points to it yet: until one does, `git gc` may take it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshotted {
    /// The commit.
    pub commit: Oid,
    /// The files as they are in the checkout.
    pub tree: Oid,
    /// The commit that the checkout was at, the first parent; nothing on a branch without commits.
    pub head: Option<Oid>,
    /// The index as a commit, the second parent, if it was not the same as HEAD.
    pub index: Option<Oid>,
}

/// The message of the commit that holds the index: by it the restoring side knows that parent.
const INDEX_MESSAGE: &[u8] = b"git odyssey: the index of a snapshot\n";

/// How often files may change while they are read before we give up.
const TRIES: usize = 6;

impl Repo {
    /// Saves the whole state of this checkout as a commit and changes nothing in it, not one byte of its index.
    ///
    /// The tree holds tracked files as they are, untracked files, and `more_paths`. Parents: HEAD; the index, when it differs
    /// from HEAD and has no conflicts; what an unfinished merge, rebase or the like still needs; `more_parents`. git itself
    /// reads the files, with a copy of the index, so filters and line ends are as if they had been committed.
    ///
    /// # Errors
    /// When something could not be saved: [`GitError::Repositories`] for repositories inside and submodules with changes
    /// of their own, [`GitError::Restless`] for files that keep changing, git's own words for those it cannot read.
    pub fn snapshot(&self, request: Snapshot<'_>) -> Result<Snapshotted, GitError> {
        let folder = self.need_checkout()?;
        let head = self.head()?.commit();
        let (tree, index_tree) = self.trees(folder, request.more_paths)?;
        let head_tree = head.map(|commit| self.commit(commit)).transpose()?.map(|commit| commit.tree);
        let mut parents: Vec<Oid> = head.into_iter().collect();
        let mut index = None;
        if let Some(index_tree) =
            index_tree.filter(|index| Some(*index) != head_tree && !self.is_empty(*index, head))
        {
            let commit = self.write_commit(index_tree, &parents, INDEX_MESSAGE.as_bstr(), request.at)?;
            parents.push(commit);
            index = Some(commit);
        }
        for commit in loose::unfinished(self)?.into_iter().chain(request.more_parents.iter().copied()) {
            if !parents.contains(&commit) {
                parents.push(commit);
            }
        }
        let commit = self.write_commit(tree, &parents, request.message, request.at)?;
        Ok(Snapshotted { commit, tree, head, index })
    }

    /// An index with nothing in it on a branch without commits says nothing.
    fn is_empty(&self, tree: Oid, head: Option<Oid>) -> bool {
        head.is_none() && tree == Oid::empty_tree(tree.kind())
    }

    /// The trees of the checkout and of its index; the latter is nothing when it has conflicts.
    fn trees(&self, folder: &Path, more_paths: &[BString]) -> Result<(Oid, Option<Oid>), GitError> {
        self.refuse_repositories(folder)?;
        let mut restless = Vec::new();
        for _ in 0..TRIES {
            let copy = hidden::copy_of_index(self.private_dir())?;
            let conflicts = with_index(folder, &copy).args(["ls-files", "-u", "-z"]).run()?;
            let index_tree = if conflicts.is_empty() { Some(write_tree(folder, &copy)?) } else { None };
            let revealed = hidden::revealed(folder, self.private_dir())?;
            let copy = revealed.unwrap_or(copy);
            let submodules = gitlinks(folder, &copy)?;
            add(folder, &copy, more_paths)?;
            let tree = write_tree(folder, &copy)?;
            let inside: Vec<BString> =
                gitlinks(folder, &copy)?.into_iter().filter(|path| !submodules.contains(path)).collect();
            if !inside.is_empty() {
                return Err(GitError::Repositories { path: folder.to_owned(), inside });
            }
            // Read twice without a difference: then this was the state at the moment between.
            restless = self.differences(folder, &copy)?;
            if restless.is_empty() {
                return Ok((tree, index_tree));
            }
        }
        Err(GitError::Restless { path: folder.to_owned(), paths: restless })
    }

    /// Repositories inside belong to nobody's tree: adding them would save no file of theirs.
    fn refuse_repositories(&self, folder: &Path) -> Result<(), GitError> {
        let mut inside = Vec::new();
        for line in status::lines(Git::at(folder))? {
            match line {
                Line::Untracked(path) if path.ends_with(b"/") => inside.push(path[..path.len() - 1].into()),
                Line::Changed { inner: true, path, .. } => inside.push(path),
                _ => {}
            }
        }
        if inside.is_empty() {
            Ok(())
        } else {
            Err(GitError::Repositories { path: folder.to_owned(), inside })
        }
    }

    /// Paths that are not in the checkout as they are in an index.
    fn differences(&self, folder: &Path, index: &Path) -> Result<Vec<BString>, GitError> {
        let mut found = Vec::new();
        for line in status::lines(with_index(folder, index))? {
            match line {
                Line::Untracked(path) | Line::Unmerged(path) => found.push(path),
                Line::Changed { unstaged: true, path, .. } => found.push(path),
                Line::Changed { .. } => {}
            }
        }
        Ok(found)
    }

    /// Brings the uncommitted work of a snapshot back into this checkout, which must be clean and at the snapshot's HEAD.
    ///
    /// The gits that write keep `held` until they have ended, even when this process is killed before.
    ///
    /// Files are written as they were in the snapshot, and the index is put back as it was: staged is staged again, untracked
    /// untracked. A kill in the middle leaves the snapshot as it is; only this checkout is then not clean.
    ///
    /// # Errors
    /// When the checkout is not clean or elsewhere, or a file is in the way, an ignored one too; nothing is changed then.
    pub fn restore_snapshot(&self, snapshot: Oid, held: Option<&Lock>) -> Result<(), GitError> {
        let folder = self.need_checkout()?;
        let Saved { head: expected, index } = Saved::read(self, snapshot)?;
        let found = self.head()?.commit();
        if found != expected {
            return Err(GitError::Elsewhere { path: folder.to_owned(), expected, found });
        }
        let changes = self.changes_by_git()?;
        if !changes.is_empty() {
            return Err(GitError::NotClean { path: folder.to_owned(), paths: changes.paths() });
        }
        self.refuse_overwriting(folder, found, snapshot)?;
        let copy = hidden::copy_of_index(self.private_dir())?;
        let from = found.unwrap_or_else(|| Oid::empty_tree(snapshot.kind())).to_string();
        let holding = |git: Git| match held {
            Some(lock) => git.holding(lock),
            None => Ok(git),
        };
        // What was there beside a sparse checkout's own files comes back too.
        let plain = ["read-tree", "-m", "--no-sparse-checkout", "--no-recurse-submodules"];
        let read = |git: Git| holding(git.args(plain));
        read(with_index(folder, &copy))?.args(["-u", &from, &snapshot.to_string()]).run()?;
        if let Some(index) = index {
            read(Git::at(folder))?.args(["-i", &from, &index.to_string()]).run()?;
        }
        // The exit code only says whether there are differences, and there are.
        holding(Git::at(folder))?.args(["update-index", "-q", "--refresh"]).answer()?;
        Ok(())
    }

    /// The paths of this checkout and its index whose content is not in a snapshot of it. What is gone since is none.
    ///
    /// # Errors
    /// As for [`Repo::snapshot`]; [`GitError::Elsewhere`] when commits were made since.
    pub fn unsaved(&self, snapshot: Oid) -> Result<Vec<BString>, GitError> {
        let folder = self.need_checkout()?;
        let saved = Saved::read(self, snapshot)?;
        let found = self.head()?.commit();
        if found != saved.head {
            return Err(GitError::Elsewhere { path: folder.to_owned(), expected: saved.head, found });
        }
        let (tree, index) = self.trees(folder, &[])?;
        let differing = |then: Oid, now: Oid| -> Result<Vec<BString>, GitError> {
            let changes = changed(folder, then, now)?.into_iter();
            Ok(changes.filter(|change| change.new.is_some()).map(|change| change.path).collect())
        };
        let mut paths = differing(snapshot, tree)?;
        if let Some(index) = index {
            let staged_since = differing(saved.index.or(saved.head).unwrap_or(snapshot), index)?;
            // What is staged as the checkout had it then is saved with the checkout.
            let nowhere = differing(snapshot, index)?;
            paths.extend(staged_since.into_iter().filter(|path| nowhere.contains(path)));
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// git itself protects only files that it does not ignore.
    fn refuse_overwriting(&self, folder: &Path, head: Option<Oid>, snapshot: Oid) -> Result<(), GitError> {
        let from = head.unwrap_or_else(|| Oid::empty_tree(snapshot.kind()));
        let obstacles = Obstacles::new(folder, Git::at(folder), self.ignores_case())?;
        let mut in_the_way = Vec::new();
        for change in changed(folder, from, snapshot)? {
            if change.appears() {
                in_the_way.extend(obstacles.before(change.path.as_bstr())?);
            }
        }
        if in_the_way.is_empty() {
            return Ok(());
        }
        Err(GitError::InTheWay { path: folder.to_owned(), paths: in_the_way })
    }

    /// Commits that would be garbage once this worktree and its branch (full name) are gone: the branch itself, its reflog,
    /// this HEAD's reflog, private refs and unfinished operations reach them, and no other ref or HEAD does.
    ///
    /// Only the tips: keeping them keeps the rest.
    ///
    /// # Errors
    /// When something that could name such a commit cannot be read.
    pub fn loose_ends(&self, branch: &str) -> Result<Vec<Oid>, GitError> {
        loose::ends(self, branch)
    }
}

/// What the parents of a snapshot are.
struct Saved {
    head: Option<Oid>,
    index: Option<Oid>,
}

impl Saved {
    fn read(repo: &Repo, snapshot: Oid) -> Result<Saved, GitError> {
        let parents = repo.commit(snapshot)?.parents;
        for parent in parents.iter().take(2) {
            let found = repo.commit(*parent)?;
            if found.message == INDEX_MESSAGE {
                return Ok(Saved { head: found.parents.first().copied(), index: Some(*parent) });
            }
        }
        Ok(Saved { head: parents.first().copied(), index: None })
    }
}

/// git with another index, and with nothing in it that could hide a change or be shared with the real one.
pub(super) fn with_index(folder: &Path, index: &Path) -> Git {
    Git::at(folder)
        .args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.splitIndex=false",
            "-c",
            "core.untrackedCache=false",
        ])
        .env("GIT_INDEX_FILE", index)
}

fn add(folder: &Path, index: &Path, more_paths: &[BString]) -> Result<(), GitError> {
    // What a warning about line ends would say is no reason not to save a file.
    let add = || {
        let git = with_index(folder, index).args(["-c", "core.safecrlf=false", "--literal-pathspecs", "add"]);
        git.args(["--no-ignore-errors", "--sparse"])
    };
    add().arg("-A").run()?;
    if !more_paths.is_empty() {
        let list = more_paths.iter().flat_map(|path| path.iter().copied().chain([0])).collect::<Vec<u8>>();
        add().args(["-f", "--pathspec-from-file=-", "--pathspec-file-nul"]).input(list).run()?;
    }
    Ok(())
}

fn write_tree(folder: &Path, index: &Path) -> Result<Oid, GitError> {
    let answer = with_index(folder, index).arg("write-tree").run()?;
    Oid::from_hex(answer.trim_ascii())
        .map_err(|_| GitError::Answer { command: "write-tree", answer: answer.as_bstr().to_string() })
}

/// Submodules in an index.
fn gitlinks(folder: &Path, index: &Path) -> Result<Vec<BString>, GitError> {
    let answer = with_index(folder, index).args(["ls-files", "-s", "-z", "--sparse"]).run()?;
    let entries = answer.split(|&byte| byte == 0).filter(|entry| entry.starts_with(b"160000 "));
    Ok(entries.filter_map(|entry| entry.split_once_str("\t")).map(|(_, path)| path.into()).collect())
}

#[cfg(test)]
mod tests {
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
        let names =
            sandbox.git(&["diff", "--name-status", "--no-renames", "HEAD", &taken.commit.to_string()]);
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
}
