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

    /// Whether this checkout and its index are as they were in a snapshot, so that bringing it back would change nothing.
    ///
    /// # Errors
    /// As for [`Repo::snapshot`].
    pub fn is_restored(&self, snapshot: Oid) -> Result<bool, GitError> {
        let folder = self.need_checkout()?;
        let saved = Saved::read(self, snapshot)?;
        if self.head()?.commit() != saved.head {
            return Ok(false);
        }
        let (tree, index) = self.trees(folder, &[])?;
        let staged = saved.index.or(saved.head).map(|commit| self.commit(commit)).transpose()?;
        Ok(tree == self.commit(snapshot)?.tree && index == staged.map(|commit| commit.tree))
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

mod part;
#[cfg(test)]
mod tests;
