//! What can go wrong with git, with the repository or command it went wrong in.

use std::error::Error;
use std::path::Path;
use std::path::PathBuf;

use super::Oid;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text;

/// An error of the git room.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository at or above a folder.
    #[error("{} is not in a git repository", .0.display())]
    NoRepository(PathBuf, #[source] Box<dyn Error + Send + Sync>),
    /// A repository format that this version cannot read without guessing.
    #[error("{} keeps its refs as '{format}', which this version does not read", .path.display())]
    RefFormat {
        /// The repository.
        path: PathBuf,
        /// The value of `extensions.refStorage`.
        format: String,
    },
    /// gix could not do something.
    #[error("cannot {doing}")]
    Gix {
        /// What was being done, as it follows "cannot".
        doing: String,
        /// gix's reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// `git` ended with a failure.
    #[error("`{command}` ended with {status}{}", stderr_lines(.stderr))]
    Command {
        /// The command line, for a person to repeat.
        command: String,
        /// `exit code 1`, or the signal.
        status: String,
        /// What it wrote to standard error.
        stderr: Vec<u8>,
    },
    /// `git` could not be started.
    #[error("cannot start `{0}`")]
    Start(String, #[source] std::io::Error),
    /// git is older than what is supported.
    #[error("git {found} is too old: 2.40 or later is needed")]
    TooOld {
        /// The version found.
        found: String,
    },
    /// git answered something that cannot be understood.
    #[error("`git {command}` answered what cannot be understood: {answer}")]
    Answer {
        /// The command, without its arguments.
        command: &'static str,
        /// The answer's first part.
        answer: String,
    },
    /// A ref was not at the value that was expected: somebody else moved it.
    #[error("{name} moved meanwhile: expected {}, found {}", shown(.expected), shown(.found))]
    Moved {
        /// The full name of the ref.
        name: String,
        /// The value that the change was based on.
        expected: Option<Oid>,
        /// The value found.
        found: Option<Oid>,
    },
    /// A ref stays locked by another process, or by one that died.
    #[error("{} is locked", .0.display())]
    Locked(PathBuf),
    /// A revision that does not exist.
    #[error("'{0}' names no commit")]
    NoCommit(String),
    /// An operation that needs a checkout, in a bare repository.
    #[error("{} has no checkout", .0.display())]
    Bare(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl GitError {
    /// Wraps gix's reason with what was being done: `GitError::gix("read the index")`.
    pub fn gix<E: Into<Box<dyn Error + Send + Sync>>>(
        doing: impl Into<String>,
    ) -> impl FnOnce(E) -> GitError {
        let doing = doing.into();
        move |source| GitError::Gix { doing, source: source.into() }
    }

    /// Refuses what cannot be done without a checkout.
    pub fn bare(path: &Path) -> GitError {
        GitError::Bare(path.to_owned())
    }
}

impl Explain for GitError {
    fn kind(&self) -> Kind {
        match self {
            GitError::NoCommit(_) => Kind::Usage,
            GitError::Answer { .. } => Kind::Bug,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            GitError::NoRepository(..) => {
                vec!["run it inside a repository, or make one: git init".to_owned()]
            }
            GitError::RefFormat { .. } => vec!["convert it: git refs migrate --ref-format=files".to_owned()],
            GitError::TooOld { .. } => vec!["install a newer git and put it first on PATH".to_owned()],
            GitError::Moved { .. } => vec!["run the same command again".to_owned()],
            GitError::Locked(path) => vec![format!(
                "if no git command is running, a killed one left {} behind: git odyssey doctor --fix",
                path.display()
            )],
            GitError::File(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

fn shown(oid: &Option<Oid>) -> String {
    oid.map_or_else(|| "nothing".to_owned(), |oid| oid.to_hex_with_len(10).to_string())
}

fn stderr_lines(stderr: &[u8]) -> String {
    let shown = text::visible_lines(stderr.trim_ascii());
    if shown.is_empty() { String::new() } else { format!(":\n{shown}") }
}
