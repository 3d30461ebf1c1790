//! The state of a checkout as git itself reads it, with a copy of its index and objects that go nowhere.

use std::collections::BTreeMap;
use std::path::Path;

use gix::bstr::BString;

use super::Live;
use super::Uncommitted;
use super::noted;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::hidden;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::git::snapshot;
use crate::git::status;
use crate::git::status::Line;

/// How often files may change while git reads them before we give up.
const TRIES: usize = 6;

impl Repo {
    /// The state of this checkout, by `git add -A` and `git write-tree` beside the real index and the real objects.
    ///
    /// # Errors
    /// When git fails or warns, or files keep changing: [`GitError::Restless`].
    pub(super) fn read_by_git(&self, memory: &mut Memory) -> Result<Live, GitError> {
        let folder = self.need_checkout()?;
        let head = self.head()?.commit();
        let mut restless = Vec::new();
        for _ in 0..TRIES {
            let index = match hidden::revealed(folder, self.private_dir())? {
                Some(index) => index,
                None => hidden::copy_of_index(self.private_dir())?,
            };
            let uncommitted = uncommitted(folder, &index)?;
            let add = snapshot::with_index(folder, &index).args(["-c", "core.safecrlf=false", "add", "-A"]);
            memory.shown_with(add.args(["--no-ignore-errors", "--sparse"]), &[])?.run()?;
            let write = memory.shown_with(snapshot::with_index(folder, &index).arg("write-tree"), &[])?;
            let answer = write.run()?;
            let odd = |_| GitError::Answer {
                command: "write-tree",
                answer: String::from_utf8_lossy(&answer).into_owned(),
            };
            let tree = Oid::from_hex(answer.trim_ascii()).map_err(odd)?;
            // Read twice without a difference: then this was the state at the moment between.
            restless = differences(memory, folder, &index)?;
            if restless.is_empty() {
                memory.gather()?;
                return Ok(Live { head, tree, uncommitted });
            }
        }
        Err(GitError::Restless { path: folder.to_owned(), paths: restless })
    }
}

/// What is in no commit, as an index has it.
fn uncommitted(folder: &Path, index: &Path) -> Result<Vec<Uncommitted>, GitError> {
    let mut found = BTreeMap::new();
    for line in status::lines(snapshot::with_index(folder, index))? {
        match line {
            Line::Untracked(mut path) => {
                if path.last() == Some(&b'/') {
                    path.pop();
                }
                noted(&mut found, &path).untracked = true;
            }
            // Whoever settles a conflict edits the file; what they have settled so far is in no commit.
            Line::Unmerged(path) => {
                let noted = noted(&mut found, &path);
                (noted.unstaged, noted.unmerged) = (true, true);
            }
            Line::Changed { staged, unstaged, inner, path } => {
                let noted = noted(&mut found, &path);
                (noted.staged, noted.unstaged, noted.inside) = (staged, unstaged, inner);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Paths that are not in the checkout as they are in an index of objects in memory.
fn differences(memory: &mut Memory, folder: &Path, index: &Path) -> Result<Vec<BString>, GitError> {
    let git: Git = memory.shown_with(snapshot::with_index(folder, index), &[])?;
    let lines = status::lines(git)?.into_iter();
    Ok(lines
        .filter_map(|line| match line {
            Line::Untracked(path) | Line::Unmerged(path) => Some(path),
            // What is inside a submodule stays there.
            Line::Changed { unstaged: true, inner: false, path, .. } => Some(path),
            Line::Changed { .. } => None,
        })
        .collect())
}
