//! The repository's own list of ignored files, `info/exclude`: our lines in it, and no others, come and go.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::error::GitError;
use super::repo::Repo;
use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::block;

/// The first line of the block in a file that was not there before, so that it can go with the block.
const NEW_FILE: &str = "# This file was made for these lines.";

impl Repo {
    /// Puts a block of patterns into the list, or changes the one with the same marker; all checkouts share it.
    ///
    /// Two processes that do this at once for different markers have to take turns.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn exclude_block(&self, marker: &str, lines: &[&str]) -> Result<(), GitError> {
        let path = self.exclude_path()?;
        let before = atomic::read(&path)?;
        let is_new = match &before {
            None => true,
            Some(bytes) => block::block(bytes, marker).is_some_and(|lines| made_the_file(&lines)),
        };
        let mut all = lines.to_vec();
        if is_new {
            all.insert(0, NEW_FILE);
        }
        let after = block::with_block(before.as_deref().unwrap_or_default(), marker, &all);
        if before.as_ref() != Some(&after) {
            atomic::replace(&path, &after)?;
        }
        Ok(())
    }

    /// Takes the block with this marker out of the list; every other byte stays, and no file that was not there before.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn remove_exclude_block(&self, marker: &str) -> Result<(), GitError> {
        let path = self.exclude_path()?;
        let Some(before) = atomic::read(&path)? else { return Ok(()) };
        let Some(lines) = block::block(&before, marker) else { return Ok(()) };
        let after = block::without_block(&before, marker);
        if after.is_empty() && made_the_file(&lines) {
            atomic::remove(&path)?;
        } else {
            atomic::replace(&path, &after)?;
        }
        Ok(())
    }

    /// Where the list is. People link it to a list that they share; the link must stay.
    fn exclude_path(&self) -> Result<PathBuf, GitError> {
        let path = self.common_dir().join("info/exclude");
        match fs::canonicalize(&path) {
            Ok(path) => Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => Ok(path),
            Err(error) => Err(FileError::new("read", &path, error).into()),
        }
    }
}

fn made_the_file(lines: &[&[u8]]) -> bool {
    lines.first().is_some_and(|line| *line == NEW_FILE.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Checked;
    use super::super::scratch::Scratch;
    use super::*;

    const MARKER: &str = "git odyssey";

    fn round_trip(scratch: &Scratch, before: Option<&[u8]>) -> Checked {
        let path = scratch.path().join(".git/info/exclude");
        match before {
            Some(bytes) => scratch.write(".git/info/exclude", bytes)?,
            None => fs::remove_file(&path)?,
        }
        let repo = scratch.repo();
        repo.exclude_block(MARKER, &["/.odyssey/"])?;
        assert_eq!(scratch.line(&["check-ignore", ".odyssey/lease.toml"])?, ".odyssey/lease.toml");
        repo.exclude_block(MARKER, &["/.odyssey/", "*.tmp"])?;
        assert_eq!(scratch.line(&["check-ignore", "a.tmp"])?, "a.tmp");
        let once = atomic::read(&path)?;
        repo.exclude_block(MARKER, &["/.odyssey/", "*.tmp"])?;
        assert_eq!(atomic::read(&path)?, once);
        repo.remove_exclude_block(MARKER)?;
        assert_eq!(atomic::read(&path)?.as_deref(), before);
        repo.remove_exclude_block(MARKER)?;
        assert_eq!(atomic::read(&path)?.as_deref(), before);
        Ok(())
    }

    #[test]
    fn the_list_is_afterwards_as_it_was() -> Checked {
        let scratch = Scratch::new()?;
        for before in [&b"*.o\n"[..], b"*.o", b"*.o\r\n*.a\r\n", b"", b"\n", b"\xff\xfe"] {
            round_trip(&scratch, Some(before))?;
        }
        round_trip(&scratch, None)
    }

    #[test]
    fn a_list_that_was_made_for_us_stays_when_others_wrote_into_it() -> Checked {
        let scratch = Scratch::new()?;
        let path = scratch.path().join(".git/info/exclude");
        fs::remove_file(&path)?;
        scratch.repo().exclude_block(MARKER, &["/.odyssey/"])?;
        let mut bytes = atomic::read(&path)?.unwrap_or_default();
        bytes.extend_from_slice(b"theirs\n");
        scratch.write(".git/info/exclude", bytes)?;
        scratch.repo().remove_exclude_block(MARKER)?;
        assert_eq!(atomic::read(&path)?.as_deref(), Some(&b"theirs\n"[..]));
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn a_list_that_is_a_link_stays_one() -> Checked {
        let scratch = Scratch::new()?;
        let path = scratch.path().join(".git/info/exclude");
        fs::remove_file(&path)?;
        scratch.write("shared", "theirs\n")?;
        std::os::unix::fs::symlink("../../shared", &path)?;
        scratch.repo().exclude_block(MARKER, &["/.odyssey/"])?;
        assert!(path.is_symlink());
        assert_eq!(
            block::block(&fs::read(scratch.path().join("shared"))?, MARKER).map(|lines| lines.len()),
            Some(1)
        );
        scratch.repo().remove_exclude_block(MARKER)?;
        assert_eq!(fs::read(&path)?, b"theirs\n");
        fs::remove_file(scratch.path().join("shared"))?;
        assert!(scratch.repo().exclude_block(MARKER, &["x"]).is_err(), "a link to nothing would be lost");
        Ok(())
    }

    #[test]
    fn all_checkouts_share_the_list() -> Checked {
        let scratch = Scratch::new()?;
        scratch.commit_all("one")?;
        scratch.git(&["worktree", "add", "-q", "linked"])?;
        let linked = Repo::open(&scratch.path().join("linked"))?;
        linked.exclude_block(MARKER, &["/.odyssey/"])?;
        assert_eq!(scratch.line(&["check-ignore", ".odyssey/x"])?, ".odyssey/x");
        Ok(())
    }
}
