//! Removing a worktree so that a kill leaves it whole or gone, never half deleted.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Registration;
use super::Worktree;
use super::folder;
use super::place_of_dot_git;
use super::registration_of;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::paths;
use crate::git::paths::same_place;
use crate::git::paths::there;
use crate::git::repo::Repo;
use crate::git::status;

/// What may be lost with a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// Nothing: only a clean worktree goes. Ignored files are no work.
    Nothing,
    /// Its uncommitted changes, because the caller has saved them all in a snapshot, and knows that nobody wrote since.
    Saved,
    /// Its uncommitted changes as far as they are in this snapshot, which is looked at again once the folder is aside.
    SavedIn(Oid),
}

/// What was found of a removal that somebody began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// No removal was under way.
    Nothing,
    /// The worktree had only been moved aside, and is back in its place.
    Undone,
    /// The worktree was no longer registered, and the rest of it is gone now.
    Finished,
}

/// The lock file in a registration that whoever removes the worktree holds.
const REMOVING: &str = "odyssey-removing";

/// The file in a registration that says what its worktree is called while it is aside.
const PLACE: &str = "odyssey-aside";

/// What the names of registrations that were taken away start with.
const TRASH: &str = "odyssey-removed-";

/// Why a worktree is locked while it is aside, unless it was locked before: nobody may prune it then.
const ASIDE: &[u8] = b"git odyssey is removing it\n";

impl Repo {
    /// Removes a worktree, its folder and its registration; the branch stays.
    ///
    /// The folder is moved aside first and looked at again there, where nobody writes by accident; taking the registration
    /// away is the one step from which there is no way back. After a kill, [`Repo::finish_removal`] goes on. This is
    /// not `git worktree remove`, which a kill leaves with half of the files deleted.
    ///
    /// # Errors
    /// When it is not clean, an operation is under way in it, it holds other repositories or initialised submodules, or
    /// something cannot be read. It is whole and in its place then. When only the last of its files cannot be deleted,
    /// the error says so and the worktree is gone.
    pub fn remove_worktree(
        &self,
        worktree: &Worktree,
        discard: Discard,
        lock: &Path,
    ) -> Result<(), GitError> {
        let (path, private) = (&worktree.path, &worktree.private_dir);
        if worktree.name.is_none() {
            return Err(GitError::MainCheckout(path.clone()));
        }
        self.finish_removal(path, lock)?;
        // Somebody else has removed it meanwhile: that is what was wanted.
        let Some(removing) = hold(private, lock)? else { return Ok(()) };
        if there(path)? {
            if !registration_of(path)?.is_some_and(|found| same_place(&found, private)) {
                return Err(GitError::Stranger(path.clone()));
            }
            refuse_work(path, worktree, discard)?;
            let aside = move_aside(path, private)?;
            if let Err(error) = refuse_work(&aside, worktree, discard) {
                put_back(path, &aside, private)?;
                return Err(error);
            }
        }
        let trash = {
            let _lock = Lock::wait(lock)?;
            self.unregister(private)?
        };
        delete(&trash, path)?;
        drop(removing);
        Ok(())
    }

    /// Goes on with a removal of the worktree at `path` that was killed. Waits for one that is still going on.
    ///
    /// # Errors
    /// When something cannot be read, moved or removed; nothing is lost then, and it can be asked again.
    pub fn finish_removal(&self, path: &Path, lock: &Path) -> Result<Removal, GitError> {
        for Registration { private_dir, dot_git } in self.registrations()? {
            let Some(aside) = place_aside(&private_dir, path)? else { continue };
            if !concerns(dot_git.as_deref(), path, &aside) {
                continue;
            }
            let Some(_removing) = hold(&private_dir, lock)? else { break };
            if registration_of(&aside)?.is_some_and(|found| same_place(&found, &private_dir)) {
                put_back(path, &aside, &private_dir)?;
                return Ok(Removal::Undone);
            }
        }
        let mut removal = Removal::Nothing;
        for trash in self.trash()? {
            let place = place_of_dot_git(&trash)?;
            let aside = place_aside(&trash, path)?;
            if aside.is_some_and(|aside| concerns(place.as_deref(), path, &aside)) {
                // Two at once may delete the same: what is gone is gone.
                delete(&trash, path)?;
                removal = Removal::Finished;
            } else if place.is_none() {
                folder::remove(&trash)?;
            }
        }
        Ok(removal)
    }

    /// Takes a registration away in one step, and says where it is now. The lock must be held.
    pub(super) fn unregister(&self, private: &Path) -> Result<PathBuf, GitError> {
        let mut number = 0;
        let trash = loop {
            // Outside `worktrees/`, so that git does not see it.
            let trash = self.common_dir().join(format!("{TRASH}{number}"));
            if !there(&trash)? {
                break trash;
            }
            number += 1;
        };
        std::fs::rename(private, &trash).map_err(|source| FileError::new("unregister", private, source))?;
        Ok(trash)
    }

    /// Registrations that were taken away and not yet deleted.
    pub(super) fn trash(&self) -> Result<Vec<PathBuf>, GitError> {
        let failed = |source| FileError::new("read", self.common_dir(), source);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.common_dir()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().as_encoded_bytes().starts_with(TRASH.as_bytes()) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }
}

/// Waits until nobody else removes the worktree of a registration; nothing when it is gone by then.
fn hold(private: &Path, lock: &Path) -> Result<Option<Lock>, GitError> {
    loop {
        {
            // Registrations go away only under this lock: a lock file is never made in one that is gone.
            let _lock = Lock::wait(lock)?;
            if !there(private)? {
                return Ok(None);
            }
            if let Some(held) = Lock::attempt(&private.join(REMOVING))? {
                return Ok(Some(held));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Where the worktree of a registration is while it is aside; nothing when it never was.
fn place_aside(private: &Path, path: &Path) -> Result<Option<PathBuf>, GitError> {
    let Some(name) = atomic::read(&private.join(PLACE))? else { return Ok(None) };
    Ok(Some(path.with_file_name(paths::from_git(&name)?)))
}

/// Whether a registration is of the worktree at a path, or of the same one while it is aside: git notes new places itself.
fn concerns(dot_git: Option<&Path>, path: &Path, aside: &Path) -> bool {
    dot_git.is_some_and(|dot_git| {
        same_place(dot_git, &path.join(".git")) || same_place(dot_git, &aside.join(".git"))
    })
}

/// Moves a worktree to a new name beside its place, so that relative paths stay true.
fn move_aside(path: &Path, private: &Path) -> Result<PathBuf, GitError> {
    let failed = |source| FileError::new("move aside", path, source);
    // A name that was never used before: a late deletion by another process cannot hit it.
    let unique = tempfile::Builder::new().prefix("").tempfile_in(private).map_err(failed)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".removing-");
    name.push(unique.path().file_name().unwrap_or_default());
    let aside = path.with_file_name(&name);
    if there(&aside)? {
        return Err(GitError::Taken(aside));
    }
    atomic::replace(&private.join(PLACE), &paths::to_git(name.as_ref())?)?;
    if !there(&private.join("locked"))? {
        atomic::replace(&private.join("locked"), ASIDE)?;
    }
    std::fs::rename(path, &aside).map_err(failed)?;
    Ok(aside)
}

fn put_back(path: &Path, aside: &Path, private: &Path) -> Result<(), GitError> {
    if there(path)? {
        return Err(GitError::Taken(path.to_owned()));
    }
    std::fs::rename(aside, path).map_err(|source| FileError::new("move back", path, source))?;
    let file = private.join("gitdir");
    let content = atomic::read(&file)?.unwrap_or_default();
    let mut parts: Vec<&[u8]> = content.split_str("/").collect();
    let name = paths::to_git(path.file_name().unwrap_or_default().as_ref())?;
    let position = parts.len().saturating_sub(2);
    if parts.get(position).is_some_and(|part| *part != name.as_slice()) {
        parts[position] = &name;
        atomic::replace(&file, &parts.join(&b'/'))?;
    }
    let locked = private.join("locked");
    if atomic::read(&locked)?.as_deref() == Some(ASIDE) {
        atomic::remove(&locked)?;
    }
    Ok(())
}

/// Deletes what is left of a worktree that is no longer registered. The folder goes first: the rest says where it is.
fn delete(trash: &Path, path: &Path) -> Result<(), GitError> {
    if let Some(aside) = place_aside(trash, path)? {
        folder::remove(&aside)?;
    }
    folder::remove(trash)
}

/// Refuses a worktree whose removal would lose something. git has the last word on what is clean.
fn refuse_work(folder: &Path, worktree: &Worktree, discard: Discard) -> Result<(), GitError> {
    let mut inside = folder::repositories_inside(folder)?;
    inside.extend(modules(&worktree.private_dir)?);
    let path = worktree.path.clone();
    if !inside.is_empty() {
        return Err(GitError::Repositories { path, inside });
    }
    match discard {
        Discard::Saved => Ok(()),
        Discard::SavedIn(snapshot) => {
            let paths = Repo::open(folder)?.unsaved(snapshot)?;
            if paths.is_empty() { Ok(()) } else { Err(GitError::NotClean { path, paths }) }
        }
        Discard::Nothing => {
            if let Some(operation) = status::operation_in(&worktree.private_dir) {
                return Err(GitError::UnderWay { path, operation });
            }
            let changes = status::by_git(folder, &worktree.private_dir)?;
            if changes.is_empty() { Ok(()) } else { Err(GitError::NotClean { path, paths: changes.paths() }) }
        }
    }
}

/// The repositories of initialised submodules, whose commits may be nowhere else.
fn modules(private: &Path) -> Result<Vec<BString>, GitError> {
    let folder = private.join("modules");
    if !there(&folder)? {
        return Ok(Vec::new());
    }
    let failed = |source| FileError::new("read", &folder, source);
    let entries = std::fs::read_dir(&folder).map_err(failed)?;
    entries.map(|entry| paths::to_git(entry.map_err(failed)?.file_name().as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::Timestamp;
    use crate::git::snapshot::Snapshot;
    use crate::git::testing;
    use crate::git::testing::Sandbox;

    /// A path or name, and what somebody does in a checkout.
    type Plan<'a> = (&'a str, &'a dyn Fn(&Path));

    /// A worktree `../topic` with a few files of its own.
    fn topic(sandbox: &Sandbox) -> Worktree {
        sandbox.git(&["worktree", "add", "-q", "--lock", "-b", "topic", "../topic"]);
        find(sandbox).unwrap()
    }

    fn find(sandbox: &Sandbox) -> Option<Worktree> {
        sandbox.repo().worktrees().unwrap().into_iter().find(|one| one.path == sandbox.root().join("topic"))
    }

    fn remove(sandbox: &Sandbox, worktree: &Worktree, discard: Discard) -> Result<(), GitError> {
        sandbox.repo().remove_worktree(worktree, discard, &sandbox.root().join("lock"))
    }

    fn finish(sandbox: &Sandbox) -> Removal {
        let path = sandbox.root().join("topic");
        sandbox.repo().finish_removal(&path, &sandbox.root().join("lock")).unwrap()
    }

    /// The folder that holds the test has nothing of the worktree left, nor has the repository.
    fn assert_gone(sandbox: &Sandbox) {
        let names = |folder: PathBuf| -> Vec<_> {
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        let mut left = names(sandbox.root());
        left.retain(|name| name != "lock");
        assert_eq!(left, ["main"]);
        let private = names(sandbox.main().join(".git"));
        assert!(!private.iter().any(|name| name.to_string_lossy().starts_with("odyssey")), "{private:?}");
        assert!(find(sandbox).is_none());
    }

    #[test]
    fn a_clean_worktree_goes_with_its_ignored_files_and_leaves_its_branch() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "target/\n");
        sandbox.commit("ignore");
        let worktree = topic(&sandbox);
        testing::write(&worktree.path.join("target/deep/file"), "built");
        remove(&sandbox, &worktree, Discard::Nothing).unwrap();
        assert_gone(&sandbox);
        assert_eq!(sandbox.git(&["branch", "--list", "topic"]).trim(), "topic");
        remove(&sandbox, &worktree, Discard::Nothing).unwrap();
    }

    #[test]
    fn work_is_refused_and_stays_byte_for_byte() {
        let sandbox = Sandbox::new();
        let plans: [Plan<'_>; 5] = [
            ("an edit", &|top| testing::write(&top.join("README.md"), "edited\n")),
            ("a new file", &|top| testing::write(&top.join("new/file"), "new\n")),
            ("an edit that git was told not to see", &|top| {
                testing::run(top, &["update-index", "--skip-worktree", "README.md"]);
                testing::write(&top.join("README.md"), "hidden\n");
            }),
            ("an edit that git assumes not to be there", &|top| {
                testing::run(top, &["update-index", "--assume-unchanged", "README.md"]);
                testing::write(&top.join("README.md"), "hidden\n");
            }),
            ("a bisect", &|top| drop(testing::run(top, &["bisect", "start"]))),
        ];
        for (name, plan) in plans {
            let worktree = topic(&sandbox);
            plan(&worktree.path);
            let before = testing::contents(&worktree.path);
            let refused = remove(&sandbox, &worktree, Discard::Nothing);
            assert!(
                matches!(refused, Err(GitError::NotClean { .. } | GitError::UnderWay { .. })),
                "{name}: {refused:?}"
            );
            assert_eq!(testing::contents(&worktree.path), before, "{name}");
            assert_eq!(find(&sandbox), Some(worktree.clone()), "{name}");
            remove(&sandbox, &worktree, Discard::Saved).unwrap();
            assert_gone(&sandbox);
            sandbox.git(&["branch", "-q", "-D", "topic"]);
        }
    }

    #[test]
    fn what_is_in_a_snapshot_may_go_and_what_came_later_may_not() {
        let sandbox = Sandbox::new();
        let worktree = topic(&sandbox);
        testing::write(&worktree.path.join("README.md"), "edited\n");
        testing::write(&worktree.path.join("new"), "new\n");
        let request =
            Snapshot { message: "m".into(), at: Timestamp::UNIX_EPOCH, more_paths: &[], more_parents: &[] };
        let taken = Repo::open(&worktree.path).unwrap().snapshot(request).unwrap();
        let discard = Discard::SavedIn(taken.commit);
        let later: [Plan<'_>; 3] = [
            ("later", &|top| testing::write(&top.join("later"), "later\n")),
            ("README.md", &|top| testing::write(&top.join("README.md"), "edited again\n")),
            ("staged", &|top| {
                testing::write(&top.join("staged"), "only in the index\n");
                testing::run(top, &["add", "staged"]);
                std::fs::remove_file(top.join("staged")).unwrap();
            }),
        ];
        for (name, write) in later {
            write(&worktree.path);
            let refused = remove(&sandbox, &worktree, discard);
            assert!(
                matches!(&refused, Err(GitError::NotClean { paths, .. }) if *paths == [name]),
                "{refused:?}"
            );
            testing::run(&worktree.path, &["reset", "-q", "--hard"]);
            testing::run(&worktree.path, &["clean", "-q", "-f", "-d"]);
            Repo::open(&worktree.path).unwrap().restore_snapshot(taken.commit, None).unwrap();
        }
        remove(&sandbox, &worktree, discard).unwrap();
        assert_gone(&sandbox);
    }

    #[test]
    fn repositories_inside_are_refused_even_where_git_shows_none() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "target/\n");
        sandbox.commit("ignore");
        let worktree = topic(&sandbox);
        testing::run(&worktree.path, &["init", "-q", "target/inner"]);
        for discard in [Discard::Nothing, Discard::Saved] {
            let refused = remove(&sandbox, &worktree, discard).unwrap_err();
            assert!(
                matches!(&refused, GitError::Repositories { inside, .. } if *inside == ["target/inner"]),
                "{refused}"
            );
        }
        std::fs::remove_dir_all(worktree.path.join("target")).unwrap();
        testing::write(&worktree.private_dir.join("modules/lib/HEAD"), "ref: refs/heads/main\n");
        assert!(matches!(
            remove(&sandbox, &worktree, Discard::Nothing),
            Err(GitError::Repositories { inside, .. }) if inside == ["lib"]
        ));
    }

    #[test]
    fn the_main_checkout_and_a_strangers_folder_are_refused() {
        let sandbox = Sandbox::new();
        let main = sandbox.repo().worktrees().unwrap().remove(0);
        assert!(matches!(remove(&sandbox, &main, Discard::Saved), Err(GitError::MainCheckout(_))));
        let worktree = topic(&sandbox);
        std::fs::remove_dir_all(&worktree.path).unwrap();
        testing::write(&worktree.path.join("mine"), "mine");
        assert!(matches!(remove(&sandbox, &worktree, Discard::Saved), Err(GitError::Stranger(_))));
        assert!(worktree.path.join("mine").exists());
    }

    #[test]
    fn a_worktree_whose_folder_is_gone_is_unregistered() {
        let sandbox = Sandbox::new();
        let worktree = topic(&sandbox);
        std::fs::remove_dir_all(&worktree.path).unwrap();
        remove(&sandbox, &worktree, Discard::Nothing).unwrap();
        assert_gone(&sandbox);
    }

    #[test]
    #[cfg(unix)]
    fn read_only_folders_go_too() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "cache/\n");
        sandbox.commit("ignore");
        let worktree = topic(&sandbox);
        testing::write(&worktree.path.join("cache/mod/file"), "cached");
        let mut permissions = std::fs::metadata(worktree.path.join("cache/mod")).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(worktree.path.join("cache/mod"), permissions).unwrap();
        remove(&sandbox, &worktree, Discard::Nothing).unwrap();
        assert_gone(&sandbox);
    }

    #[test]
    fn killed_at_any_moment_the_worktree_is_whole_or_gone() {
        const TEST: &str = "git::worktree::remove::tests::killed_at_any_moment_the_worktree_is_whole_or_gone";
        if let Some(root) = testing::asked("ROOT") {
            let sandbox = Sandbox::shared(root);
            let worktree = find(&sandbox).unwrap();
            remove(&sandbox, &worktree, Discard::Nothing).unwrap();
            return;
        }
        let sandbox = Sandbox::new();
        for number in 0..600 {
            sandbox.write(format!("many/{}/{number}", number % 7), format!("{number}\n"));
        }
        sandbox.commit("many");
        let root = sandbox.root();
        let request = [("ROOT", root.as_os_str())];
        let before = topic(&sandbox);
        let whole = testing::time(testing::child(TEST, &request));
        assert_gone(&sandbox);
        sandbox.git(&["branch", "-q", "-D", "topic"]);
        let mut seen = [0; 3];
        for round in 0..25 {
            let worktree = find(&sandbox).unwrap_or_else(|| topic(&sandbox));
            assert_eq!(worktree, before);
            let moment = whole.mul_f64(f64::from(round) / 25.0).max(Duration::from_millis(1));
            testing::kill_after(testing::child(TEST, &request), moment);
            seen[finish(&sandbox) as usize] += 1;
            assert_eq!(finish(&sandbox), Removal::Nothing, "safe to repeat");
            match find(&sandbox) {
                Some(whole) => {
                    assert_eq!(whole, before);
                    assert_eq!(testing::run(&whole.path, &["status", "--porcelain"]), "");
                    assert_eq!(std::fs::read_dir(sandbox.root()).unwrap().count(), 3);
                }
                None => {
                    assert_gone(&sandbox);
                    sandbox.git(&["branch", "-q", "-D", "topic"]);
                }
            }
        }
        assert!(seen[1] + seen[2] > 0, "some of the kills hit it in the middle: {seen:?}");
    }
}
