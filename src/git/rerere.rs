//! What a person has made of the same conflict before, where git was told to remember it (`rerere`).
//!
//! git looks at a copy of what it remembers, in a repository of nobody's: asking must not change what is remembered, nor
//! what the person's own checkout is in the middle of.

use std::io::ErrorKind;
use std::path::Path;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::export;
use super::merge::Conflict;
use super::paths;
use super::repo::Repo;
use super::run::Git;
use crate::base::atomic;
use crate::base::atomic::FileError;

/// Where git keeps what it remembers.
const CACHE: &str = "rr-cache";

impl Repo {
    /// Whether git remembers how conflicts were resolved: if it is told to, or was once and nobody has told it not to.
    pub fn remembers(&self) -> bool {
        let told = self.gix.config_snapshot().boolean("rerere.enabled");
        told.unwrap_or_else(|| self.common_dir().join(CACHE).is_dir())
    }

    /// What these conflicts were resolved to before, by path: those of which git remembers every hunk. `tree` holds the
    /// files with git's marks, in the configured style.
    ///
    /// # Errors
    /// When something cannot be read, or git fails.
    pub fn remembered(
        &self,
        tree: Oid,
        conflicts: &[&Conflict],
    ) -> Result<Vec<(BString, Vec<u8>)>, GitError> {
        let cache = self.common_dir().join(CACHE);
        if conflicts.is_empty() || !cache.is_dir() {
            return Ok(Vec::new());
        }
        let folder = export::nobodys_folder()?;
        let place = folder.path();
        let format = format!("--object-format={}", self.gix.object_hash());
        let git = || Git::at(place).args(["-c", "core.autocrlf=false", "-c", "rerere.enabled=true"]);
        git().args(["init", "--quiet", "--template=", &format]).run()?;
        copy(&cache, &place.join(".git").join(CACHE))?;
        let mut entries = Vec::new();
        let mut marked = Vec::new();
        for conflict in conflicts {
            let path = conflict.path.as_bstr();
            let Some((_, blob)) = self.entry(tree, path)? else { continue };
            let text = self.blob(blob)?;
            atomic::put(&place.join(paths::from_git(path)?), &text)?;
            for (stage, found) in conflict.stages.iter().enumerate() {
                if let Some((mode, oid)) = found {
                    entries.extend_from_slice(format!("{mode:06o} {oid} {}\t", stage + 1).as_bytes());
                    entries.extend_from_slice(path);
                    entries.push(0);
                }
            }
            marked.push((path, text));
        }
        git().args(["update-index", "-z", "--index-info"]).input(entries).run()?;
        git().args(["-c", "rerere.autoUpdate=false", "rerere"]).run()?;
        let remaining = git().args(["rerere", "remaining"]).run()?;
        let remaining: Vec<&BStr> = remaining.lines().map(ByteSlice::as_bstr).collect();
        let mut found = Vec::new();
        for (path, text) in marked {
            let now = atomic::read(&place.join(paths::from_git(path)?))?.unwrap_or_default();
            // A name that breaks the list's lines cannot be looked up in it.
            if now != text && !remaining.contains(&path) && !path.contains(&b'\n') {
                found.push((path.to_owned(), now));
            }
        }
        Ok(found)
    }
}

/// Copies what has a resolution.
fn copy(from: &Path, to: &Path) -> Result<(), GitError> {
    let failed = |source| FileError::new("copy", from, source);
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let names = match std::fs::read_dir(entry.path()) {
            Ok(names) => names,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(failed(error).into()),
        };
        let names = names.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        if !names.iter().any(|name| name.file_name().as_encoded_bytes().starts_with(b"postimage")) {
            continue;
        }
        let place = to.join(entry.file_name());
        std::fs::create_dir_all(&place).map_err(failed)?;
        for name in names {
            std::fs::copy(name.path(), place.join(name.file_name())).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing;
    use crate::git::testing::Sandbox;

    /// Two branches that conflict in `a b/f`, and are merged by hand once, with git remembering it.
    fn resolved() -> (Sandbox, Oid, Oid) {
        let sandbox = Sandbox::new();
        sandbox.git(&["config", "rerere.enabled", "true"]);
        let lines = |fifth: &str| format!("1\n2\n3\n4\n{fifth}\n6\n7\n");
        sandbox.write("a b/f", lines("base"));
        sandbox.write("g", "base\n");
        sandbox.commit("base");
        sandbox.git(&["checkout", "-q", "-b", "other"]);
        sandbox.write("a b/f", lines("other"));
        let theirs = sandbox.commit("other");
        sandbox.git(&["checkout", "-q", "main"]);
        sandbox.write("a b/f", lines("main"));
        let ours = sandbox.commit("main");
        let merge = Git::at(&sandbox.main()).args(["merge", "-q", "other"]).answer().unwrap();
        assert_eq!(merge.status.code(), Some(1));
        sandbox.write("a b/f", lines("both of them"));
        sandbox.commit("merged by hand");
        sandbox.git(&["reset", "-q", "--hard", &ours.to_string()]);
        (sandbox, ours, theirs)
    }

    #[test]
    fn a_conflict_that_was_resolved_before_is_known_and_nothing_is_touched() {
        let (sandbox, ours, theirs) = resolved();
        let repo = sandbox.repo();
        assert!(repo.remembers());
        let before = testing::contents(&sandbox.main().join(".git/rr-cache"));
        for (ours, theirs) in [(ours, theirs), (theirs, ours)] {
            let merge = repo.confirm(None, ours, theirs).unwrap();
            let conflicts: Vec<&Conflict> = merge.conflicts.iter().collect();
            let known = repo.remembered(merge.tree, &conflicts).unwrap();
            let text = BString::from("1\n2\n3\n4\nboth of them\n6\n7\n");
            assert_eq!(known, [(BString::from("a b/f"), text.to_vec())]);
        }
        assert_eq!(testing::contents(&sandbox.main().join(".git/rr-cache")), before);
        assert!(!sandbox.main().join(".git/MERGE_RR").exists());
    }

    #[test]
    fn another_conflict_is_not_known_and_is_not_remembered_by_asking() {
        let (sandbox, _, theirs) = resolved();
        sandbox.write("a b/f", "1\n2\n3\n4\nsomething else\n6\n7\n");
        let ours = sandbox.commit("something else");
        let repo = sandbox.repo();
        let before = testing::contents(&sandbox.main().join(".git/rr-cache"));
        let merge = repo.confirm(None, ours, theirs).unwrap();
        let conflicts: Vec<&Conflict> = merge.conflicts.iter().collect();
        assert_eq!(repo.remembered(merge.tree, &conflicts).unwrap(), []);
        assert_eq!(testing::contents(&sandbox.main().join(".git/rr-cache")), before);
    }

    #[test]
    fn git_remembers_if_it_is_told_to_or_has_begun_to() {
        let (sandbox, ..) = resolved();
        sandbox.git(&["config", "--unset", "rerere.enabled"]);
        assert!(sandbox.repo().remembers(), "there is what it remembers");
        sandbox.git(&["config", "rerere.enabled", "false"]);
        assert!(!sandbox.repo().remembers());
        assert!(!Sandbox::new().repo().remembers());
    }
}
