//! What a checkout holds that no commit holds: uncommitted changes, ignored files, unfinished operations.

use std::collections::BTreeSet;
use std::path::Path;

use gix::bstr::BString;
use gix::bstr::ByteSlice;
use gix::index::entry::Flags;
use gix::index::entry::Mode;
use gix::status::Item;
use gix::status::Submodule;
use gix::status::UntrackedFiles;
use gix::status::index_worktree;
use gix::status::plumbing::index_as_worktree::EntryStatus;
use gix::status::tree_index::TrackRenames;
use gix::worktree::IndexPersistedOrInMemory;

use super::error::GitError;
use super::hidden;
use super::paths;
use super::repo::Repo;
use super::run::Git;
use super::run::ended;

/// Uncommitted changes by where they are, each list sorted. A path can be in more than one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Index and HEAD differ.
    pub staged: Vec<BString>,
    /// The checkout and the index differ. A submodule counts as one path, whatever changed inside it.
    pub unstaged: Vec<BString>,
    /// Files that git does not know and does not ignore, each of them. A repository inside ends with `/`.
    pub untracked: Vec<BString>,
    /// Conflicts that nobody has settled.
    pub unmerged: Vec<BString>,
}

impl Changes {
    /// Whether everything is committed.
    pub fn is_empty(&self) -> bool {
        self.lists().iter().all(|list| list.is_empty())
    }

    /// How many distinct paths there are.
    pub fn count(&self) -> usize {
        self.distinct().len()
    }

    /// All paths, each once, in order.
    pub fn paths(&self) -> Vec<BString> {
        self.distinct().into_iter().cloned().collect()
    }

    fn distinct(&self) -> BTreeSet<&BString> {
        self.lists().into_iter().flatten().collect()
    }

    fn lists(&self) -> [&Vec<BString>; 4] {
        [&self.staged, &self.unstaged, &self.untracked, &self.unmerged]
    }

    fn sorted(mut self) -> Changes {
        for list in [&mut self.staged, &mut self.unstaged, &mut self.untracked, &mut self.unmerged] {
            list.sort();
            list.dedup();
        }
        // A conflict differs from HEAD by its nature; git lists it once.
        let Changes { staged, unstaged, unmerged, .. } = &mut self;
        staged.retain(|path| unmerged.binary_search(path).is_err());
        unstaged.retain(|path| unmerged.binary_search(path).is_err());
        self
    }
}

impl Repo {
    /// The uncommitted changes of this checkout, read in-process; index and locks stay untouched.
    ///
    /// Where gix does not know for certain, git is asked: sparse indexes, submodules, hidden entries, any error.
    ///
    /// # Errors
    /// When neither can tell. What cannot be read is never clean.
    pub fn changes(&self) -> Result<Changes, GitError> {
        match self.changes_by_gix() {
            Ok(Some(changes)) => Ok(changes),
            Ok(None) => self.changes_by_git(),
            Err(error) => {
                tracing::debug!(%error, "git is asked for the status");
                self.changes_by_git()
            }
        }
    }

    /// The uncommitted changes of this checkout as git sees them: asked before anything is destroyed.
    ///
    /// # Errors
    /// When git fails, or warns: what it could not read may be somebody's work.
    pub fn changes_by_git(&self) -> Result<Changes, GitError> {
        by_git(self.need_checkout()?, self.private_dir())
    }

    /// Files that git ignores here; a folder that is ignored as a whole is one path and ends with `/`.
    ///
    /// # Errors
    /// When git fails, or warns.
    pub fn ignored(&self) -> Result<Vec<BString>, GitError> {
        let answer = porcelain(Git::at(self.need_checkout()?), &["--ignored=matching"])?;
        let mut paths: Vec<BString> = answer
            .split(|&byte| byte == 0)
            .filter_map(|line| line.strip_prefix(b"! "))
            .map(BString::from)
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Which of these paths git ignores here; one that it tracks is not ignored.
    ///
    /// # Errors
    /// When git cannot tell.
    pub fn ignored_among(&self, paths: &[&[u8]]) -> Result<Vec<BString>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let git = Git::at(self.need_checkout()?).args(["check-ignore", "-z", "--stdin"]);
        let command = git.to_string();
        let output = git.input(paths.join(&0)).answer()?;
        match output.status.code() {
            Some(0 | 1) => {
                let parts = output.stdout.split(|&byte| byte == 0).filter(|part| !part.is_empty());
                Ok(parts.map(BString::from).collect())
            }
            _ => Err(GitError::Command { command, status: ended(output.status), stderr: output.stderr }),
        }
    }

    /// The operation that has not been finished in this checkout, such as `rebase`.
    pub fn operation_under_way(&self) -> Option<&'static str> {
        operation_in(self.private_dir())
    }

    /// Nothing when only git can tell.
    fn changes_by_gix(&self) -> Result<Option<Changes>, GitError> {
        let checkout = self.need_checkout()?;
        let doing = "read the status";
        let index = match self.gix.open_index() {
            Ok(index) => index,
            // git takes a missing index for an empty one.
            Err(_) if !self.private_dir().join("index").exists() => return Ok(None),
            Err(error) => return Err(GitError::gix(doing)(error)),
        };
        if index.is_sparse() || index.entries().iter().any(|entry| needs_git(entry, &index, checkout)) {
            return Ok(None);
        }
        let submodules = Submodule::Given { ignore: gix::submodule::config::Ignore::None, check_dirty: true };
        let items = self
            .gix
            .status(gix::progress::Discard)
            .map_err(GitError::gix(doing))?
            .index(IndexPersistedOrInMemory::InMemory(index))
            .untracked_files(UntrackedFiles::Files)
            .index_worktree_rewrites(None)
            .index_worktree_submodules(submodules)
            .tree_index_track_renames(TrackRenames::Disabled)
            .into_iter(Vec::new())
            .map_err(GitError::gix(doing))?;
        let mut changes = Changes::default();
        for item in items {
            changes.take(item.map_err(GitError::gix(doing))?);
        }
        Ok(Some(changes.sorted()))
    }
}

impl Changes {
    fn take(&mut self, item: Item) {
        match item {
            Item::TreeIndex(change) => self.staged.push(change.location().to_owned()),
            Item::IndexWorktree(index_worktree::Item::Modification { rela_path, status, .. }) => match status
            {
                EntryStatus::Conflict { .. } => self.unmerged.push(rela_path),
                EntryStatus::Change(_) | EntryStatus::IntentToAdd => self.unstaged.push(rela_path),
                EntryStatus::NeedsUpdate(_) => {}
            },
            Item::IndexWorktree(index_worktree::Item::DirectoryContents { entry, .. }) => {
                let mut path = entry.rela_path;
                match (entry.status, entry.disk_kind) {
                    (_, Some(gix::dir::entry::Kind::Untrackable)) => return,
                    (gix::dir::entry::Status::Untracked, Some(gix::dir::entry::Kind::Repository)) => {
                        if !path.ends_with(b"/") {
                            path.push(b'/');
                        }
                    }
                    (gix::dir::entry::Status::Untracked, _) => {}
                    _ => return,
                }
                self.untracked.push(path);
            }
            // Rewrites are off; both ends of one would be changes.
            Item::IndexWorktree(index_worktree::Item::Rewrite { source, dirwalk_entry, .. }) => {
                self.unstaged.push(source.rela_path().to_owned());
                self.untracked.push(dirwalk_entry.rela_path);
            }
        }
    }
}

/// Entries of which gix cannot say whether they changed: submodules, and files that git was told not to look at.
pub(super) fn needs_git(entry: &gix::index::Entry, index: &gix::index::State, checkout: &Path) -> bool {
    if entry.mode == Mode::COMMIT || entry.flags.contains(Flags::ASSUME_VALID) {
        return true;
    }
    entry.flags.contains(Flags::SKIP_WORKTREE) && is_present(checkout, entry.path(index))
}

/// Whether a file is in the checkout. Not knowing counts as a yes.
fn is_present(checkout: &Path, path: &gix::bstr::BStr) -> bool {
    paths::from_git(path).and_then(|path| paths::there(&checkout.join(path))).unwrap_or(true)
}

/// The changes of the checkout at a folder, as git sees them, those included that git was told not to look at.
pub(super) fn by_git(folder: &Path, private: &Path) -> Result<Changes, GitError> {
    let git = Git::at(folder);
    let revealed = hidden::revealed(folder, private)?;
    let git = match &revealed {
        Some(index) => git.env("GIT_INDEX_FILE", index.as_os_str()),
        None => git,
    };
    let mut changes = Changes::default();
    for line in lines(git)? {
        match line {
            Line::Untracked(path) => changes.untracked.push(path),
            Line::Unmerged(path) => changes.unmerged.push(path),
            Line::Changed { staged, unstaged, path, .. } => {
                if unstaged {
                    changes.unstaged.push(path.clone());
                }
                if staged {
                    changes.staged.push(path);
                }
            }
        }
    }
    Ok(changes.sorted())
}

/// One line of git's status.
pub(super) enum Line {
    /// A file that git does not know, or a repository inside, with `/` at its end.
    Untracked(BString),
    /// A conflict.
    Unmerged(BString),
    /// A file that git knows.
    Changed {
        /// Index and HEAD differ.
        staged: bool,
        /// The checkout and the index differ.
        unstaged: bool,
        /// It is a submodule with changes or new files inside, which the outer repository cannot hold.
        inner: bool,
        /// The file.
        path: BString,
    },
}

/// git's status, without ignored files, line by line.
pub(super) fn lines(git: Git) -> Result<Vec<Line>, GitError> {
    let answer = porcelain(git, &["--ignored=no"])?;
    let mut found = Vec::new();
    for line in answer.split(|&byte| byte == 0) {
        let odd = || GitError::Answer { command: "status", answer: line.as_bstr().to_string() };
        let Some((&kind, rest)) = line.split_first() else { continue };
        // `XY` and the fields before the path, which may hold blanks itself.
        let path = |fields: usize| {
            rest.splitn(fields + 2, |&byte| byte == b' ').nth(fields + 1).map(BString::from).ok_or_else(odd)
        };
        found.push(match kind {
            b'#' => continue,
            b'?' => Line::Untracked(path(0)?),
            b'u' => Line::Unmerged(path(9)?),
            // ` XY SCMU …`; there are no renames, which would be a line of their own kind.
            b'1' if rest.len() > 8 => Line::Changed {
                staged: rest[1] != b'.',
                unstaged: rest[2] != b'.',
                inner: rest[4] == b'S' && (rest[6] != b'.' || rest[7] != b'.'),
                path: path(7)?,
            },
            _ => return Err(odd()),
        });
    }
    Ok(found)
}

fn porcelain(git: Git, more: &[&str]) -> Result<Vec<u8>, GitError> {
    let git = git
        // Advice is no warning; before git 2.46 it can only be silenced by its name.
        .env("GIT_ADVICE", "0")
        .args(["-c", "advice.sparseIndexExpanded=false", "-c", "core.fsmonitor=false"])
        .args(["status", "--porcelain=v2", "-z", "--untracked-files=all"])
        .args(["--no-renames", "--ignore-submodules=none"])
        .args(more);
    let command = git.to_string();
    let output = git.answer()?;
    if !output.status.success() {
        let status = ended(output.status);
        return Err(GitError::Command { command, status, stderr: output.stderr });
    }
    if !output.stderr.trim_ascii().is_empty() {
        // A folder that git cannot open is a warning and exit code 0.
        return Err(GitError::Unsure { command, stderr: output.stderr });
    }
    Ok(output.stdout)
}

/// The operation that has not been finished, by the files that git keeps meanwhile.
pub(super) fn operation_in(private: &Path) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 8] = [
        ("rebase-apply/applying", "am"),
        ("rebase-apply", "rebase"),
        ("rebase-merge", "rebase"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("MERGE_HEAD", "merge"),
        ("sequencer", "cherry-pick"),
        ("BISECT_LOG", "bisect"),
    ];
    SIGNS.iter().find(|(sign, _)| private.join(sign).symlink_metadata().is_ok()).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests;
