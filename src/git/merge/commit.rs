//! Commits made of other commits: replayed on top of something else, with their author kept.

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Merge;
use crate::base::clock::Timestamp;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::paths;
use crate::git::repo::Repo;
use crate::git::run::Git;

/// Who wrote a commit, and in which encoding.
struct Author {
    name: BString,
    email: BString,
    time: gix::date::Time,
    encoding: Option<BString>,
}

impl Repo {
    /// What `commit` changes, on top of `onto`: one step of a rebase. git's own word; the tree is in the object store.
    ///
    /// # Errors
    /// [`GitError::MergeCommit`] for a commit of several parents, else what git says.
    pub fn replay(&self, commit: Oid, onto: Oid) -> Result<Merge, GitError> {
        let base = match self.commit(commit)?.parents.as_slice() {
            [parent] => *parent,
            // A first commit changes everything: its base is a commit of nothing, the same one each time.
            [] => {
                let nothing = self.write_tree(&[])?;
                self.write_commit(nothing, &[], b"nothing\n".as_bstr(), Timestamp::UNIX_EPOCH)?
            }
            _ => return Err(GitError::MergeCommit(commit)),
        };
        self.confirm(Some(base), onto, commit)
    }

    /// Writes a commit with the author, date and encoding of an existing one, or the configured person's.
    ///
    /// The committer is the configured person at `at`. It is signed by git if `commit.gpgSign` says so.
    ///
    /// # Errors
    /// When the object store cannot be written, the existing commit's author cannot be read, or signing fails.
    pub fn commit_tree(
        &self,
        tree: Oid,
        parents: &[Oid],
        message: &BStr,
        author_from: Option<Oid>,
        at: Timestamp,
    ) -> Result<Oid, GitError> {
        let author = author_from.map(|commit| self.author(commit)).transpose()?;
        if self.gix.config_snapshot().boolean("commit.gpgSign").unwrap_or(false) {
            return self.signed(tree, parents, message, author, at);
        }
        let committer = self.signature(at);
        let encoding = author.as_ref().and_then(|author| author.encoding.clone());
        let author = author.map_or_else(
            || committer.clone(),
            |author| gix::actor::Signature { name: author.name, email: author.email, time: author.time },
        );
        let commit = gix::objs::Commit {
            tree,
            parents: parents.iter().copied().collect(),
            author,
            committer,
            encoding,
            message: message.to_owned(),
            extra_headers: Vec::new(),
        };
        Ok(self.gix.write_object(&commit).map_err(GitError::gix("write a commit"))?.detach())
    }

    fn author(&self, commit: Oid) -> Result<Author, GitError> {
        let doing = || format!("read the author of {commit}");
        let found = self.gix.find_commit(commit).map_err(GitError::gix(doing()))?;
        let decoded = found.decode().map_err(GitError::gix(doing()))?;
        let author = decoded.author().map_err(GitError::gix(doing()))?;
        Ok(Author {
            name: author.name.to_owned(),
            email: author.email.to_owned(),
            time: author.time().map_err(GitError::gix(doing()))?,
            encoding: decoded.encoding.map(BString::from),
        })
    }

    /// Only git knows how the person signs.
    fn signed(
        &self,
        tree: Oid,
        parents: &[Oid],
        message: &BStr,
        author: Option<Author>,
        at: Timestamp,
    ) -> Result<Oid, GitError> {
        let committer = self.signature(at);
        let encoding = author.as_ref().and_then(|author| author.encoding.as_ref());
        let mut git = Git::at(self.folder());
        if let Some(encoding) = encoding {
            git = git.args(["-c", &format!("i18n.commitEncoding={encoding}")]);
        }
        git = git.args(["commit-tree", "-S", "-F", "-"]);
        for parent in parents {
            git = git.args(["-p", &parent.to_string()]);
        }
        let (name, email, time) = match author {
            Some(author) => (author.name, author.email, author.time),
            None => (committer.name.clone(), committer.email.clone(), committer.time),
        };
        for (variable, value) in [
            ("GIT_AUTHOR_NAME", &name),
            ("GIT_AUTHOR_EMAIL", &email),
            ("GIT_COMMITTER_NAME", &committer.name),
            ("GIT_COMMITTER_EMAIL", &committer.email),
        ] {
            git = git.env(variable, paths::from_git(value)?);
        }
        let date = |time: gix::date::Time| {
            let minutes = time.offset.abs() / 60;
            let sign = if time.offset < 0 { '-' } else { '+' };
            format!("@{} {sign}{:02}{:02}", time.seconds, minutes / 60, minutes % 60)
        };
        let git = git.env("GIT_AUTHOR_DATE", date(time)).env("GIT_COMMITTER_DATE", date(committer.time));
        let answer = git.arg(tree.to_string()).input(message.to_vec()).run()?;
        Oid::from_hex(answer.trim_ascii())
            .map_err(|_| GitError::Answer { command: "commit-tree", answer: answer.as_bstr().to_string() })
    }
}
