//! Reflogs: where a ref has been in this repository.

use gix::refs::FullName;

use super::Oid;
use super::error::GitError;
use super::repo::Repo;

/// What git notes when a push moves a remote-tracking ref; it is not translated.
const PUSH: &[u8] = b"update by push";

impl Repo {
    /// The moves of a ref by its full name (`HEAD`, `refs/heads/main`), newest first, each with its old and new value.
    ///
    /// `HEAD` and the other refs that a checkout has for itself are those of this checkout. A ref without a log has
    /// no moves. The old value of a ref's first move, and the new one of its last when it went, is the null object.
    ///
    /// # Errors
    /// When the name is malformed, or the log cannot be read to its end: a list with holes would look complete.
    pub fn reflog(&self, name: &str) -> Result<Vec<(Oid, Oid)>, GitError> {
        self.moves(name, |_| true)
    }

    /// Those moves of a remote-tracking ref that pushes from here made, newest first.
    ///
    /// # Errors
    /// As for [`Repo::reflog`].
    pub fn pushes(&self, name: &str) -> Result<Vec<(Oid, Oid)>, GitError> {
        self.moves(name, |message| message == PUSH)
    }

    fn moves(&self, name: &str, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<(Oid, Oid)>, GitError> {
        let doing = || format!("read the reflog of {name}");
        let name = FullName::try_from(name).map_err(GitError::gix(doing()))?;
        let mut bytes = Vec::new();
        let lines = self.gix.refs.reflog_iter(name.as_ref(), &mut bytes).map_err(GitError::gix(doing()))?;
        let mut moves = Vec::new();
        for line in lines.into_iter().flatten() {
            let line = line.map_err(GitError::gix(doing()))?;
            if wanted(line.message) {
                moves.push((line.previous_oid(), line.new_oid()));
            }
        }
        moves.reverse();
        Ok(moves)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Checked;
    use super::super::scratch::Scratch;
    use super::super::scratch::git_in;
    use super::*;

    fn new_values(moves: &[(Oid, Oid)]) -> Vec<Oid> {
        moves.iter().map(|(_, new)| *new).collect()
    }

    fn told_by_git(scratch: &Scratch, name: &str) -> Checked<Vec<Oid>> {
        let answer = scratch.line(&["log", "-g", "--format=%H", name])?;
        answer.lines().map(|line| Ok(line.parse()?)).collect()
    }

    #[test]
    fn a_branch_is_followed_back_to_its_first_commit() -> Checked {
        let scratch = Scratch::new()?;
        let first = scratch.commit_all("one")?;
        let second = scratch.commit_all("two")?;
        scratch.git(&["reset", "-q", "--soft", "HEAD~1"])?;
        let moves = scratch.repo().reflog("refs/heads/main")?;
        let null = Oid::null(gix::hash::Kind::Sha1);
        assert_eq!(moves, [(second, first), (first, second), (null, first)]);
        assert_eq!(new_values(&moves), told_by_git(&scratch, "main")?);
        Ok(())
    }

    #[test]
    fn a_push_from_here_is_told_from_a_fetch() -> Checked {
        let scratch = Scratch::new()?;
        let first = scratch.commit_all("one")?;
        let clone = scratch.cloned(&[])?;
        clone.git(&["fetch", "-q"])?;
        assert!(clone.repo().pushes("refs/remotes/origin/main")?.is_empty());
        clone.git(&["push", "-q", "origin", "main:other"])?;
        let null = Oid::null(gix::hash::Kind::Sha1);
        assert_eq!(clone.repo().pushes("refs/remotes/origin/other")?, [(null, first)]);
        Ok(())
    }

    #[test]
    fn a_ref_without_a_log_has_no_moves() -> Checked {
        let scratch = Scratch::new()?;
        assert!(scratch.repo().reflog("HEAD")?.is_empty());
        scratch.commit_all("one")?;
        scratch.git(&["branch", "group/one"])?;
        assert!(scratch.repo().reflog("refs/heads/none")?.is_empty());
        assert!(scratch.repo().reflog("refs/heads/group")?.is_empty(), "a folder of logs is no log");
        assert!(scratch.repo().reflog("refs/heads/../x").is_err());
        Ok(())
    }

    #[test]
    fn each_checkout_has_its_own_head_and_all_share_the_branches() -> Checked {
        let scratch = Scratch::new()?;
        let first = scratch.commit_all("one")?;
        scratch.git(&["worktree", "add", "-q", "-b", "side", "linked"])?;
        let path = scratch.path().join("linked");
        git_in(&path, &["commit", "-q", "--allow-empty", "-m", "side"])?;
        let linked = Repo::open(&path)?;
        let side = linked.head()?.commit().ok_or("no commit")?;
        assert_eq!(linked.reflog("HEAD")?.first(), Some(&(first, side)));
        assert_eq!(new_values(&scratch.repo().reflog("HEAD")?), [first]);
        assert_eq!(linked.reflog("refs/heads/side")?, scratch.repo().reflog("refs/heads/side")?);
        assert_eq!(new_values(&linked.reflog("refs/heads/main")?), [first]);
        Ok(())
    }

    #[test]
    fn a_log_with_a_line_that_cannot_be_read_is_an_error() -> Checked {
        let scratch = Scratch::new()?;
        scratch.commit_all("one")?;
        let path = scratch.path().join(".git/logs/refs/heads/main");
        let mut bytes = std::fs::read(&path)?;
        bytes.extend_from_slice(b"torn");
        scratch.write(".git/logs/refs/heads/main", bytes)?;
        let error = scratch.repo().reflog("refs/heads/main").map_err(|error| error.to_string());
        assert_eq!(error, Err("cannot read the reflog of refs/heads/main".to_owned()));
        Ok(())
    }
}
