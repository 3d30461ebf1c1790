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
        let status = super::run::ended(output.status);
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
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::git::testing;
    use crate::git::testing::Dice;
    use crate::git::testing::Sandbox;

    fn names(paths: &[BString]) -> Vec<&str> {
        paths.iter().map(|path| path.to_str().unwrap()).collect()
    }

    /// Changes as both tell them, which must be the same.
    fn agreed(sandbox: &Sandbox) -> Changes {
        let repo = sandbox.repo();
        let index = sandbox.main().join(".git/index");
        let before = std::fs::read(&index).unwrap();
        let by_gix = repo.changes_by_gix().unwrap().expect("gix can tell");
        assert_eq!(by_gix, repo.changes_by_git().unwrap());
        assert_eq!(repo.changes().unwrap(), by_gix);
        assert_eq!(std::fs::read(&index).unwrap(), before, "the index is not touched");
        assert!(!sandbox.main().join(".git/index.lock").exists());
        by_gix
    }

    #[test]
    fn a_clean_checkout_has_no_changes_and_ignored_files_are_none() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "*.log\ntarget/\n");
        sandbox.commit("ignore");
        sandbox.write("a.log", "");
        sandbox.write("target/x/y", "");
        assert!(agreed(&sandbox).is_empty());
        assert_eq!(names(&sandbox.repo().ignored().unwrap()), ["a.log", "target/"]);
    }

    #[test]
    fn every_kind_of_change_is_found_in_its_list() {
        let sandbox = Sandbox::new();
        for name in ["edited", "staged", "both", "deleted", "removed", "kind", "mode", "old name", "swap/in"]
        {
            sandbox.write(name, format!("{name}\n"));
        }
        sandbox.commit("files");
        sandbox.write("edited", "!\n");
        sandbox.write("staged", "!\n");
        sandbox.write("both", "!\n");
        sandbox.git(&["add", "staged", "both"]);
        sandbox.write("both", "?\n");
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
        let changes = agreed(&sandbox);
        assert_eq!(names(&changes.staged), ["both", "new\nname", "old name", "removed", "staged"]);
        let mut unstaged = vec!["both", "deleted", "edited", "intended", "kind", "mode", "swap/in"];
        unstaged.retain(|name| cfg!(unix) || *name != "mode");
        assert_eq!(names(&changes.unstaged), unstaged);
        assert_eq!(names(&changes.untracked), ["kind/of", "new/one", "new/two", "swap"]);
        assert_eq!(changes.count(), changes.paths().len());
        assert!(changes.paths().contains(&"both".into()));
    }

    #[test]
    fn made_up_checkouts_are_as_git_says() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "*.log\nout/\n!keep.log\n");
        let mut dice = Dice(3);
        let mut name = || {
            let folder = ["", "a/", "a/b/", "out/", "c d/"][dice.roll(5)];
            let name = ["one", "two", "x.log", "keep.log", "a"][dice.roll(5)];
            (format!("{folder}{name}"), dice.roll(8))
        };
        let mut seen = 0;
        for round in 0..150 {
            let (path, what) = name();
            let place = sandbox.main().join(&path);
            let folder = place.parent().unwrap();
            match what {
                0..=2 => {
                    let blocked = folder.ancestors().any(|above| above.is_file());
                    if !blocked && !place.is_dir() {
                        testing::write(&place, format!("{round}\n"));
                    }
                }
                3 => drop(std::fs::remove_file(&place)),
                4 => drop(std::fs::remove_dir_all(&place)),
                // What is not there cannot be staged, and that is fine.
                5 => drop(Git::at(&sandbox.main()).args(["add", "-f", "-A", "--", &path]).answer().unwrap()),
                6 => drop(
                    Git::at(&sandbox.main())
                        .args(["rm", "-q", "-r", "--cached", "--", &path])
                        .answer()
                        .unwrap(),
                ),
                _ if round % 5 == 0 => drop(sandbox.commit("made up")),
                _ => {}
            }
            seen += agreed(&sandbox).count();
        }
        assert!(seen > 150, "most rounds have changes: {seen}");
    }

    #[test]
    fn a_conflict_is_unmerged_and_nothing_else() {
        let sandbox = Sandbox::new();
        sandbox.git(&["switch", "-q", "-c", "topic"]);
        sandbox.write("README.md", "topic\n");
        sandbox.write("added", "topic\n");
        sandbox.commit("topic");
        sandbox.git(&["switch", "-q", "main"]);
        sandbox.write("README.md", "main\n");
        sandbox.commit("main");
        Git::at(&sandbox.main()).args(["merge", "-q", "topic"]).answer().unwrap();
        let changes = agreed(&sandbox);
        assert_eq!((names(&changes.unmerged), names(&changes.staged)), (vec!["README.md"], vec!["added"]));
        assert!(changes.unstaged.is_empty() && changes.untracked.is_empty());
        assert_eq!(sandbox.repo().operation_under_way(), Some("merge"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn names_that_are_no_text_are_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let sandbox = Sandbox::new();
        for name in [&b"gr\xfc\xdfe"[..], b"line\nfeed", b" lead", b"trail ", "größe".as_bytes(), b"\"q\\"]
        {
            sandbox.write(Path::new(OsStr::from_bytes(name)), "");
        }
        let changes = agreed(&sandbox);
        let expected: [&[u8]; 6] =
            [b" lead", b"\"q\\", "größe".as_bytes(), b"gr\xfc\xdfe", b"line\nfeed", b"trail "];
        assert_eq!(changes.untracked, expected.map(BString::from));
    }

    #[test]
    fn repositories_inside_are_seen_and_submodules_with_changes_are_unstaged() {
        let sandbox = Sandbox::new();
        testing::run(&sandbox.root(), &["clone", "-q", "main", "other"]);
        testing::run(&sandbox.main(), &["init", "-q", "nested"]);
        sandbox.write("nested/file", "");
        assert_eq!(names(&agreed(&sandbox).untracked), ["nested/"]);
        std::fs::remove_dir_all(sandbox.main().join("nested")).unwrap();
        sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../other", "sub"]);
        sandbox.commit("submodule");
        assert!(sandbox.repo().changes().unwrap().is_empty());
        sandbox.write("sub/new", "");
        assert_eq!(names(&sandbox.repo().changes().unwrap().unstaged), ["sub"]);
    }

    #[test]
    fn files_that_git_was_told_not_to_look_at_are_looked_at() {
        let sandbox = Sandbox::new();
        sandbox.write("config", "public\n");
        sandbox.commit("config");
        sandbox.git(&["update-index", "--skip-worktree", "config"]);
        assert!(sandbox.repo().changes().unwrap().is_empty());
        sandbox.write("config", "secret\n");
        assert_eq!(names(&sandbox.repo().changes().unwrap().unstaged), ["config"]);
        sandbox.git(&["update-index", "--no-skip-worktree", "config"]);
        sandbox.git(&["update-index", "--assume-unchanged", "config"]);
        assert_eq!(names(&sandbox.repo().changes().unwrap().unstaged), ["config"]);
        assert!(sandbox.git(&["ls-files", "-v", "config"]).starts_with('h'), "the mark stays");
    }

    #[test]
    fn a_sparse_index_and_a_split_index_are_read() {
        let sandbox = Sandbox::new();
        sandbox.write("in/file", "in\n");
        sandbox.write("out/file", "out\n");
        sandbox.commit("files");
        sandbox.git(&["update-index", "--split-index"]);
        sandbox.write("in/file", "!\n");
        sandbox.git(&["add", "in/file"]);
        assert_eq!(names(&sandbox.repo().changes().unwrap().staged), ["in/file"]);
        sandbox.git(&["update-index", "--no-split-index"]);
        sandbox.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
        let changes = sandbox.repo().changes().unwrap();
        assert_eq!(changes.paths(), ["in/file"].map(BString::from));
        assert_eq!(changes, sandbox.repo().changes_by_git().unwrap());
    }

    #[test]
    fn a_checkout_without_an_index_is_not_clean() {
        let sandbox = Sandbox::new();
        std::fs::remove_file(sandbox.main().join(".git/index")).unwrap();
        let changes = sandbox.repo().changes().unwrap();
        assert_eq!(
            (names(&changes.staged), names(&changes.untracked)),
            (vec!["README.md"], vec!["README.md"])
        );
    }

    #[test]
    fn a_broken_index_is_an_error_and_not_clean() {
        let sandbox = Sandbox::new();
        testing::write(&sandbox.main().join(".git/index"), "not an index");
        assert!(sandbox.repo().changes().is_err());
    }

    #[test]
    fn a_warning_of_git_s_is_an_error_and_not_clean() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitattributes", "*.up filter=up\n");
        sandbox.write("a.up", "one\n");
        sandbox.commit("filter");
        sandbox.git(&["config", "filter.up.clean", "echo half done >&2; cat"]);
        sandbox.write("a.up", "two\n");
        assert!(matches!(sandbox.repo().changes_by_git(), Err(GitError::Unsure { .. })));
    }

    #[test]
    fn unfinished_operations_are_named() {
        let sandbox = Sandbox::new();
        assert_eq!(sandbox.repo().operation_under_way(), None);
        sandbox.git(&["bisect", "start"]);
        assert_eq!(sandbox.repo().operation_under_way(), Some("bisect"));
        sandbox.git(&["bisect", "reset"]);
        sandbox.write("README.md", "two\n");
        let second = sandbox.commit("second").to_string();
        sandbox.write("README.md", "three\n");
        sandbox.commit("third");
        for (command, name) in [("revert", "revert"), ("cherry-pick", "cherry-pick"), ("rebase", "rebase")] {
            let mut git = Git::at(&sandbox.main()).arg(command);
            git =
                if command == "rebase" { git.args(["--onto", "main~2", &second]) } else { git.arg(&second) };
            git.env("GIT_EDITOR", "true").answer().unwrap();
            assert_eq!(sandbox.repo().operation_under_way(), Some(name));
            sandbox.git(&[command, "--abort"]);
        }
    }
}
