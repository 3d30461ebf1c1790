//! One long-lived `git merge-tree` that is asked for many merges.

use gix::bstr::ByteSlice;

use super::Merge;
use super::confirm::parse;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::git::run::Conversation;
use crate::git::run::Git;

/// A commit, and the revision by which it was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// As it was typed, which is how git calls it in the marks of conflicts.
    pub name: String,
    /// The commit.
    pub commit: Oid,
}

/// Asks git for merges, of which nothing is kept in the repository.
#[derive(Debug)]
pub struct Asker {
    repo: Repo,
    memory: Option<Memory>,
    talk: Option<Conversation>,
    /// Whether the end of the last answer is still to come.
    owed: bool,
}

impl Asker {
    /// Starts nothing yet.
    pub fn of(repo: &Repo) -> Asker {
        // What git fetches from where a partial clone came from should stay in the repository.
        let memory = (!is_partial(repo)).then(|| Memory::over(repo));
        Asker { repo: repo.clone(), memory, talk: None, owed: false }
    }

    /// What git makes of two commits.
    ///
    /// # Errors
    /// What git says.
    pub fn ask(&mut self, sides: [&Side; 2]) -> Result<Merge, GitError> {
        let names = sides.map(|side| side.name.as_str());
        let merge = self.asked(names, sides[0].commit)?;
        let stands = |side: &Side| {
            Oid::from_hex(side.name.as_bytes()).is_ok_and(|named| named == side.commit)
                || self.repo.commit_called(&side.name).is_ok_and(|commit| commit == side.commit)
        };
        if sides.into_iter().all(stands) {
            return Ok(merge);
        }
        // A name was moved to another commit meanwhile.
        let names = sides.map(|side| side.commit.to_string());
        self.asked(names.each_ref().map(String::as_str), sides[0].commit)
    }

    fn asked(&mut self, names: [&str; 2], some: Oid) -> Result<Merge, GitError> {
        let answer = self.answer(names, some);
        if answer.is_err() {
            // It ended, or said something odd: the next question is for another one.
            self.talk = None;
        }
        let (clean, answer) = answer?;
        let merge = parse(&answer, names)?;
        match (clean, merge.is_clean()) {
            (true, _) => Ok(Merge { conflicts: Vec::new(), ..merge }),
            (false, false) => Ok(merge),
            (false, true) => Err(odd(b"a conflict and no message")),
        }
    }

    /// Whether the merge is clean, and the answer as a `git merge-tree -z` of that one merge would write it.
    fn answer(&mut self, [ours, theirs]: [&str; 2], some: Oid) -> Result<(bool, Vec<u8>), GitError> {
        let talk = match &mut self.talk {
            Some(talk) => talk,
            none => {
                // With messages, git sends each answer at once.
                let git = Git::at(self.repo.folder()).args(["merge-tree", "--write-tree", "--stdin"]);
                let mut git = git.arg("--messages");
                if let Some(memory) = &mut self.memory {
                    git = memory.shown_to(git)?;
                }
                self.owed = false;
                none.insert(git.begin()?)
            }
        };
        // The very end of an answer comes with the next one: a merge with itself is soon done.
        talk.ask(format!("{ours} {theirs}\n{some} {some}\n").as_bytes())?;
        let mut parts = || talk.part();
        if std::mem::replace(&mut self.owed, true) {
            expected(&parts()?, b"")?;
        }
        // Whether it is clean; the tree; the files in conflict; the messages.
        let clean = parts()?;
        let mut answer = parts()?;
        answer.push(0);
        loop {
            let part = parts()?;
            answer.extend_from_slice(&part);
            answer.push(0);
            if part.is_empty() {
                break;
            }
        }
        loop {
            let count = parts()?;
            if count.is_empty() {
                break;
            }
            let paths: usize =
                count.to_str().ok().and_then(|count| count.parse().ok()).ok_or_else(|| odd(&count))?;
            answer.extend_from_slice(&count);
            answer.push(0);
            for _ in 0..paths + 2 {
                answer.extend(parts()?);
                answer.push(0);
            }
        }
        expected(&parts()?, b"1")?;
        parts()?;
        expected(&parts()?, b"")?;
        Ok((clean == b"1", answer))
    }
}

fn expected(part: &[u8], form: &[u8]) -> Result<(), GitError> {
    if part == form { Ok(()) } else { Err(odd(part)) }
}

fn odd(part: &[u8]) -> GitError {
    GitError::Answer { command: "merge-tree", answer: part.as_bstr().to_string() }
}

fn is_partial(repo: &Repo) -> bool {
    let config = repo.gix.config_snapshot();
    let mut remotes = config.plumbing().sections_by_name("remote").into_iter().flatten();
    repo.config("extensions.partialClone").is_some()
        || remotes.any(|remote| remote.value("promisor").is_some())
}

impl Repo {
    /// The commit that a revision names, also where only git can read it: `@{upstream}`, `@{yesterday}`, `:/text`.
    ///
    /// # Errors
    /// When it names nothing, or not a commit.
    pub fn commit_called(&self, revision: &str) -> Result<Oid, GitError> {
        // A whole name is never anything else; a revision would be looked for in all stores, as an abbreviated one.
        if let Ok(oid) = Oid::from_hex(revision.as_bytes())
            && self.gix.find_commit(oid).is_ok()
        {
            return Ok(oid);
        }
        let error = match self.commit_named(revision) {
            Ok(commit) => return Ok(commit),
            Err(error) => error,
        };
        let git = Git::at(self.folder()).args(["rev-parse", "--verify", "--quiet", "--end-of-options"]);
        let answer = git.arg(format!("{revision}^{{commit}}")).answer()?;
        Oid::from_hex(answer.stdout.trim_ascii()).map_err(|_| error)
    }
}
