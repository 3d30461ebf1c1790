//! A remote repository: fetching refs of it by name, and moving several at once if they are as expected.
//!
//! The `git` binary does the talking, with the person's own transports and credentials. Every step has a limit, after which
//! it is ended with all that it started. What git says in words is shown and never matched: whether a push that did not
//! plainly succeed has moved something is asked of the remote itself.

use std::path::PathBuf;
use std::time::Duration;

use super::BString;
use super::Oid;
use super::error::GitError;
use super::repo::Repo;
use super::run::Git;
use super::run::Output;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::lock::Lock;
use crate::base::text;

/// A remote of this repository, and how long one step with it may take.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its name in git's configuration, or its address.
    pub name: String,
    /// The limit of one fetch or push.
    pub limit: Duration,
}

/// One ref of the remote that is to move.
#[derive(Debug, Clone)]
pub struct Move {
    /// Its full name there.
    pub name: String,
    /// The value that it must have before; nothing when it must not exist.
    pub expected: Option<Oid>,
    /// Its value afterwards.
    pub new: Oid,
}

/// How a push ended.
#[derive(Debug)]
pub enum Pushed {
    /// The remote has confirmed every move.
    Applied,
    /// It did not plainly succeed: refused, cut off, or its answer was lost. The remote's refs tell which.
    Doubtful(Doubt),
}

/// A push that did not plainly succeed.
#[derive(Debug)]
pub struct Doubt {
    /// Whether git told of each ref that it was refused, as far as one can trust an answer.
    pub refused: bool,
    /// What git and the server said, in words for a person.
    pub said: String,
}

/// What stands in the way of talking to a remote.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It cannot be reached, or does not let us in.
    #[error("the remote {remote} cannot be reached{}", after(.said))]
    Unreachable {
        /// The remote's name.
        remote: String,
        /// What git said.
        said: String,
    },
    /// It did not answer in time.
    #[error("the remote {remote} did not answer within {}", text::duration(*.limit))]
    TooLong {
        /// The remote's name.
        remote: String,
        /// The limit.
        limit: Duration,
    },
    /// git could not be used.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Explain for RemoteError {
    fn kind(&self) -> Kind {
        match self {
            RemoteError::Unreachable { .. } | RemoteError::TooLong { .. } => Kind::Refused,
            RemoteError::Git(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            RemoteError::Unreachable { remote, .. } => {
                vec![format!("try it by hand: git ls-remote {remote}")]
            }
            RemoteError::TooLong { remote, .. } => vec![
                format!("try it by hand: git ls-remote {remote}"),
                "if it is only slow, give it longer: git config odyssey.remoteTimeout 2m".to_owned(),
            ],
            RemoteError::Git(error) => error.hints(),
        }
    }
}

fn after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(":\n{said}") }
}

impl Remote {
    /// Brings refs of the remote here, each under a name of our own, wherever it has moved to. Answers false, and has
    /// changed nothing, when the remote has no such ref.
    ///
    /// `near` are commits of ours that the remote probably has too. The `lock` stays locked until git has ended, even when
    /// this process is killed before.
    ///
    /// # Errors
    /// When the remote cannot be reached in time.
    pub fn fetch(
        &self,
        repo: &Repo,
        refs: &[(&str, &str)],
        near: &[Oid],
        lock: &Lock,
    ) -> Result<bool, RemoteError> {
        // Our own refs move without hooks, here as in-process. Nothing is taken that was not named, nothing is tidied up.
        let mut git = Git::at(&folder(repo)).args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "fetch.showForcedUpdates=true",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-prune",
            // The state must be here in whole, in a partial clone too.
            "--no-filter",
            "--refmap=",
        ]);
        git = git.args(near.iter().map(|near| format!("--negotiation-tip={near}")));
        git = git.arg("--").arg(&self.name);
        git = git.args(refs.iter().map(|(theirs, ours)| format!("+{theirs}:{ours}")));
        let output = self.talk(git, lock)?;
        if output.status.success() {
            return Ok(true);
        }
        for (theirs, _) in refs {
            if self.is_absent(repo, theirs, lock)? {
                return Ok(false);
            }
        }
        Err(self.unreachable(&output))
    }

    /// Whether the remote, which can be reached, has no ref of this name.
    ///
    /// # Errors
    /// When the remote cannot be reached in time.
    pub fn is_absent(&self, repo: &Repo, name: &str, lock: &Lock) -> Result<bool, RemoteError> {
        let git = Git::at(&folder(repo)).args(["ls-remote", "--quiet", "--exit-code", "--"]);
        let output = self.talk(git.arg(&self.name).arg(name), lock)?;
        match output.status.code() {
            Some(0) => Ok(false),
            // git's own code for "no such ref".
            Some(2) => Ok(true),
            _ => Err(self.unreachable(&output)),
        }
    }

    /// Moves refs of the remote, all or none, if each is as expected.
    ///
    /// The `lock` stays locked until git has ended, as for [`Remote::fetch`].
    ///
    /// # Errors
    /// When git cannot be used. A remote that does not answer is an answer: [`Pushed::Doubtful`].
    pub fn push(&self, repo: &Repo, moves: &[Move], lock: &Lock) -> Result<Pushed, GitError> {
        let mut git = Git::at(&folder(repo)).args([
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-recurse-submodules",
        ]);
        if moves.len() > 1 {
            git = git.arg("--atomic");
        }
        for Move { name, expected, .. } in moves {
            let expected = expected.map(|oid| oid.to_string()).unwrap_or_default();
            git = git.arg(format!("--force-with-lease={name}:{expected}"));
        }
        git = git.arg("--").arg(&self.name);
        git = git.args(moves.iter().map(|Move { name, new, .. }| format!("{new}:{name}")));
        match self.talk(git, lock) {
            Ok(output) if output.status.success() => Ok(Pushed::Applied),
            Ok(output) => Ok(Pushed::Doubtful(doubt(&output))),
            Err(RemoteError::Git(error)) => Err(error),
            Err(error) => Ok(Pushed::Doubtful(Doubt { refused: false, said: error.to_string() })),
        }
    }

    fn talk(&self, git: Git, lock: &Lock) -> Result<Output, RemoteError> {
        let git = git.holding(lock)?.asking();
        let output = git.answer_within(self.limit)?;
        output.ok_or_else(|| RemoteError::TooLong { remote: self.name.clone(), limit: self.limit })
    }

    fn unreachable(&self, output: &Output) -> RemoteError {
        let said = text::visible_lines(output.stderr.trim_ascii());
        RemoteError::Unreachable { remote: self.name.clone(), said }
    }
}

/// Where git runs: an address such as `../origin.git` means a place beside the main checkout, not beside a workspace.
fn folder(repo: &Repo) -> PathBuf {
    match (repo.is_linked(), repo.common_dir().parent()) {
        (true, Some(above)) if repo.common_dir().ends_with(".git") => above.to_owned(),
        _ => repo.folder().to_owned(),
    }
}

/// Reads what `git push --porcelain` answered: a line for each ref, `<flag> TAB <from>:<to> TAB <summary>`.
fn doubt(output: &Output) -> Doubt {
    let lines: Vec<&[u8]> = output.stdout.split(|&byte| byte == b'\n').collect();
    let refused: Vec<&[u8]> = lines.into_iter().filter(|line| line.starts_with(b"!\t")).collect();
    let mut said: Vec<BString> = Vec::new();
    for line in &refused {
        // Without the flag and the commit: the ref and why.
        let mut parts = line.splitn(3, |&byte| byte == b'\t').skip(1);
        let (names, why) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let name = names.rsplit(|&byte| byte == b':').next().unwrap_or(names);
        said.push([name, b" ", why].concat().into());
    }
    said.push(output.stderr.trim_ascii().into());
    let said = said.join(&b'\n');
    Doubt { refused: !refused.is_empty(), said: text::visible_lines(said.trim_ascii()) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;
    use crate::git::testing::Sandbox;
    use crate::git::testing::make_executable;
    use crate::git::testing::run;
    use crate::git::testing::write;

    const THEIRS: &str = "refs/odyssey/ledger";
    const OURS: &str = "refs/odyssey/remote/ledger";

    /// A repository with a bare one beside it as its remote.
    fn scene() -> (Sandbox, Remote, Lock) {
        let sandbox = Sandbox::new();
        run(&sandbox.root(), &["init", "-q", "--bare", "bare.git"]);
        sandbox.git(&["remote", "add", "origin", "../bare.git"]);
        let lock = Lock::wait(&sandbox.root().join("lock")).unwrap();
        (sandbox, remote("origin", 30_000), lock)
    }

    fn remote(name: &str, milliseconds: u64) -> Remote {
        Remote { name: name.to_owned(), limit: Duration::from_millis(milliseconds) }
    }

    fn moving(expected: Option<Oid>, new: Oid) -> [Move; 1] {
        [Move { name: THEIRS.to_owned(), expected, new }]
    }

    fn doubt_of(pushed: Pushed) -> Doubt {
        let Pushed::Doubtful(doubt) = pushed else { panic!("it was applied") };
        doubt
    }

    #[test]
    fn a_ref_is_fetched_by_its_name_and_nothing_else_is() {
        let (sandbox, remote, lock) = scene();
        let repo = sandbox.repo();
        assert!(!remote.fetch(&repo, &[(THEIRS, OURS)], &[], &lock).unwrap(), "there is none yet");
        let first = repo.reference("HEAD").unwrap().unwrap();
        sandbox.git(&["tag", "noise"]);
        sandbox.git(&["push", "-q", "origin", "main", "noise", "HEAD:refs/odyssey/ledger"]);
        sandbox.git(&["tag", "-d", "noise"]);
        assert!(remote.fetch(&repo, &[(THEIRS, OURS)], &[first], &lock).unwrap());
        let refs = sandbox.git(&["for-each-ref", "--format=%(refname)"]);
        assert_eq!(refs, format!("refs/heads/main\n{OURS}\nrefs/remotes/origin/main"));
        assert!(!repo.common_dir().join("FETCH_HEAD").exists());
    }

    #[test]
    fn a_ref_moves_only_from_the_expected_value() {
        let (sandbox, remote, lock) = scene();
        let repo = sandbox.repo();
        let first = sandbox.commit("one");
        let second = sandbox.commit("two");
        assert!(matches!(remote.push(&repo, &moving(None, first), &lock).unwrap(), Pushed::Applied));
        for wrong in [None, Some(second)] {
            let doubt = doubt_of(remote.push(&repo, &moving(wrong, second), &lock).unwrap());
            assert!(doubt.refused && doubt.said.contains(THEIRS), "{doubt:?}");
        }
        assert!(matches!(remote.push(&repo, &moving(Some(first), second), &lock).unwrap(), Pushed::Applied));
        assert!(remote.fetch(&repo, &[(THEIRS, OURS)], &[], &lock).unwrap());
        assert_eq!(repo.reference(OURS).unwrap(), Some(second));
    }

    #[test]
    fn several_refs_move_together_or_not_at_all() {
        let (sandbox, remote, lock) = scene();
        let repo = sandbox.repo();
        let first = sandbox.commit("one");
        let second = sandbox.commit("two");
        sandbox.git(&["push", "-q", "origin", "HEAD~:refs/heads/main"]);
        let both = |expected| {
            let main = Move { name: "refs/heads/main".to_owned(), expected: Some(first), new: second };
            [main, Move { name: THEIRS.to_owned(), expected, new: second }]
        };
        assert!(doubt_of(remote.push(&repo, &both(Some(first)), &lock).unwrap()).refused);
        let there =
            || run(&sandbox.root().join("bare.git"), &["for-each-ref", "--format=%(objectname) %(refname)"]);
        assert_eq!(there(), format!("{first} refs/heads/main"));
        assert!(matches!(remote.push(&repo, &both(None), &lock).unwrap(), Pushed::Applied));
        assert_eq!(there(), format!("{second} refs/heads/main\n{second} {THEIRS}"));
    }

    #[test]
    fn what_the_servers_hook_says_is_passed_on_and_cannot_write_to_the_terminal() {
        let (sandbox, remote, lock) = scene();
        let hook = sandbox.root().join("bare.git/hooks/pre-receive");
        write(&hook, "#!/bin/sh\nprintf 'not \\033[31mtoday\\n' >&2\nexit 1\n");
        make_executable(&hook);
        let pushed = remote.push(&sandbox.repo(), &moving(None, sandbox.commit("one")), &lock).unwrap();
        let doubt = doubt_of(pushed);
        assert!(doubt.refused && doubt.said.contains("not \\x1b[31mtoday"), "{doubt:?}");
    }

    #[test]
    fn a_remote_that_is_away_or_never_answers_is_told_in_time() {
        let (sandbox, _, lock) = scene();
        let repo = sandbox.repo();
        let away = remote("../nowhere.git", 30_000);
        let error = away.fetch(&repo, &[(THEIRS, OURS)], &[], &lock).unwrap_err();
        assert!(matches!(error, RemoteError::Unreachable { .. }), "{error}");
        let doubt = doubt_of(away.push(&repo, &moving(None, sandbox.commit("one")), &lock).unwrap());
        assert!(!doubt.refused, "{doubt:?}");

        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("git://{}/bare.git", silent.local_addr().unwrap());
        let begun = Instant::now();
        let error = remote(&address, 300).fetch(&repo, &[(THEIRS, OURS)], &[], &lock).unwrap_err();
        assert!(matches!(error, RemoteError::TooLong { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        let doubt =
            doubt_of(remote(&address, 300).push(&repo, &moving(None, sandbox.commit("two")), &lock).unwrap());
        assert!(!doubt.refused && doubt.said.contains("did not answer"), "{doubt:?}");
    }
}
