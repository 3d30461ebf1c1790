//! Some of a checkout's uncommitted edits as a commit, and nothing else of it.

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::hidden;
use super::with_index;
use crate::base::clock::Timestamp;
use crate::git::Oid;
use crate::git::checkout::overlap;
use crate::git::error::GitError;
use crate::git::live::Uncommitted;
use crate::git::memory::Memory;
use crate::git::obstacles::changed;
use crate::git::paths;
use crate::git::repo::Repo;

/// What the commit is called.
const MESSAGE: &[u8] = b"uncommitted edits\n";

impl Repo {
    /// The uncommitted edits of this checkout at paths that two commits have differently, or in folders above or below.
    ///
    /// # Errors
    /// When the checkout cannot be read.
    pub fn edits_in_the_way(&self, old: Oid, new: Oid) -> Result<Vec<Uncommitted>, GitError> {
        let changes = changed(self.need_checkout()?, old, new)?;
        let live = self.live_tree(&mut Memory::over(self))?;
        let is_touched = |one: &Uncommitted| changes.iter().any(|change| overlap(&change.path, &one.path));
        // What is inside a repository of its own stays there.
        let is_file = |one: &Uncommitted| one.staged || one.unstaged || one.untracked || one.unmerged;
        Ok(live.uncommitted.into_iter().filter(|one| is_file(one) && is_touched(one)).collect())
    }

    /// A commit on top of another one with some paths as they are in this checkout: files, links, or nothing. Nothing of
    /// the checkout is changed; the same edits are the same commit each time. It is in no ref yet.
    ///
    /// # Errors
    /// When something could not be saved.
    pub fn commit_of_edits(&self, onto: Oid, wanted: &[BString]) -> Result<Oid, GitError> {
        let folder = self.need_checkout()?;
        let copy = match hidden::revealed(folder, self.private_dir())? {
            Some(revealed) => revealed,
            None => hidden::copy_of_index(self.private_dir())?,
        };
        // `add` stumbles over a path that is neither there nor known; its entry is nothing anyway.
        let known = with_index(folder, &copy).args(["ls-files", "-z"]).run()?;
        let mut list = Vec::new();
        for path in wanted {
            let is_known = known.split(|&byte| byte == 0).any(|known| known == path.as_slice());
            if is_known || paths::there(&folder.join(paths::from_git(path)?))? {
                list.extend_from_slice(path);
                list.push(0);
            }
        }
        if !list.is_empty() {
            let add = with_index(folder, &copy).args(["-c", "core.safecrlf=false", "--literal-pathspecs"]);
            let add = add.args(["add", "-A", "--no-ignore-errors", "--sparse"]);
            add.args(["--pathspec-from-file=-", "--pathspec-file-nul"]).input(list).run()?;
        }
        let answer = with_index(folder, &copy).args(["ls-files", "-s", "-z"]).run()?;
        let mut entries: Vec<_> = wanted.iter().map(|path| (path.clone(), None)).collect();
        for entry in answer.split(|&byte| byte == 0) {
            let Some((head, path)) = entry.split_once_str("\t") else { continue };
            let Some(wanted) = entries.iter_mut().find(|(wanted, _)| *wanted == path) else { continue };
            let odd = || GitError::Answer { command: "ls-files", answer: head.as_bstr().to_string() };
            let fields: Vec<&str> = head.to_str().map_err(|_| odd())?.split(' ').collect();
            let [mode, oid, "0"] = fields[..] else { return Err(odd()) };
            let mode = u32::from_str_radix(mode, 8).map_err(|_| odd())?;
            wanted.1 = Some((mode, Oid::from_hex(oid.as_bytes()).map_err(|_| odd())?));
        }
        // What goes makes room for what comes: a file where a folder was.
        entries.sort_by_key(|(_, entry)| entry.is_some());
        let tree = self.with_entries(self.commit(onto)?.tree, &entries)?;
        self.write_commit(tree, &[onto], MESSAGE.as_bstr(), Timestamp::UNIX_EPOCH)
    }
}
