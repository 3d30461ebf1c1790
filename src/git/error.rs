//! What can go wrong with git, with the repository or command it went wrong in.

use std::error::Error;
use std::path::Path;
use std::path::PathBuf;

use super::BString;
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
    /// A symbolic ref that stands for another one, and so on without an end.
    #[error("{} is a symbolic ref without an end", text::visible(.0.as_bytes()))]
    Endless(String),
    /// A revision that does not exist.
    #[error("'{0}' names no commit")]
    NoCommit(String),
    /// Two commits without a common history.
    #[error("{} and {} have no common history", .ours.to_hex_with_len(10), .theirs.to_hex_with_len(10))]
    Unrelated {
        /// One.
        ours: Oid,
        /// The other.
        theirs: Oid,
    },
    /// A merge commit, where one commit on top of another is needed.
    #[error("{} is a merge and cannot be replayed", .0.to_hex_with_len(10))]
    MergeCommit(Oid),
    /// An object that should be here and is not.
    #[error("object {0} is missing")]
    Missing(Oid),
    /// An object that was written just now, and that a collection has taken before its ref moved.
    #[error("a `git gc --prune=now` that runs at this moment has taken {0}, which was written just now")]
    Collected(Oid),
    /// A file of git's own that does not read as git writes it.
    #[error("{} is broken", .0.display())]
    Broken(PathBuf),
    /// A hooks folder of the user's, in a bare repository, under a git without configuration hooks.
    #[error("hooks cannot be put in front of core.hooksPath = {0} in a bare repository")]
    BareHooks(String),
    /// A hooks folder of somebody's, where a hook for pushes has to be in the repository's own.
    #[error("git looks for hooks in core.hooksPath = {0} here, and not in the repository")]
    HooksElsewhere(String),
    /// An operation that needs a checkout, in a bare repository.
    #[error("{} has no checkout", .0.display())]
    Bare(PathBuf),
    /// Something is where something new should be.
    #[error("{} is there already", .0.display())]
    Taken(PathBuf),
    /// A worktree is registered at a path, and its folder is gone.
    #[error("a worktree is registered at {}, and its folder is gone", .0.display())]
    Registered(PathBuf),
    /// A worktree cannot be built in a folder that is not beside its final one.
    #[error("{} is not a folder beside {}", .building.display(), .path.display())]
    NotBeside {
        /// The final folder.
        path: PathBuf,
        /// The folder to build in.
        building: PathBuf,
    },
    /// The main checkout cannot be removed.
    #[error("{} is the main checkout", .0.display())]
    MainCheckout(PathBuf),
    /// A folder does not belong to the worktree that is registered for it.
    #[error("{} is not the worktree that is registered there", .0.display())]
    Stranger(PathBuf),
    /// A checkout holds work that would be lost.
    #[error("{} has uncommitted work: {}", .path.display(), listed(.paths))]
    NotClean {
        /// The checkout.
        path: PathBuf,
        /// The paths in it.
        paths: Vec<BString>,
    },
    /// A merge, rebase or the like has not been finished.
    #[error("a {operation} is under way in {}", .path.display())]
    UnderWay {
        /// The checkout.
        path: PathBuf,
        /// What is under way.
        operation: &'static str,
    },
    /// Repositories inside a checkout, which git does not save with it.
    #[error("{} holds repositories of their own: {}", .path.display(), listed(.inside))]
    Repositories {
        /// The checkout.
        path: PathBuf,
        /// Their folders in it.
        inside: Vec<BString>,
    },
    /// Files that no commit holds are where others would be written.
    #[error("in {} these are in the way: {}", .path.display(), listed(.paths))]
    InTheWay {
        /// The checkout.
        path: PathBuf,
        /// The files.
        paths: Vec<BString>,
    },
    /// Files change faster than they can be read.
    #[error("files in {} keep changing while they are read: {}", .path.display(), listed(.paths))]
    Restless {
        /// The checkout.
        path: PathBuf,
        /// Those that changed.
        paths: Vec<BString>,
    },
    /// A checkout is at another commit than what is to be done needs.
    #[error("{} is at {}, not at {}", .path.display(), shown(.found), shown(.expected))]
    Elsewhere {
        /// The checkout.
        path: PathBuf,
        /// The commit that is needed.
        expected: Option<Oid>,
        /// The commit it is at.
        found: Option<Oid>,
    },
    /// git answered with a warning where only a certain answer helps.
    #[error("`{command}` is not sure of its answer{}", stderr_lines(.stderr))]
    Unsure {
        /// The command line, for a person to repeat.
        command: String,
        /// What it wrote to standard error.
        stderr: Vec<u8>,
    },
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
            GitError::Answer { .. } | GitError::NotBeside { .. } => Kind::Bug,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            GitError::NoRepository(..) => {
                vec!["run it inside a repository, or make one: git init".to_owned()]
            }
            GitError::RefFormat { .. } => vec!["convert it: git refs migrate --ref-format=files".to_owned()],
            GitError::BareHooks(_) => {
                vec!["use git 2.54 or later, or take core.hooksPath out of the configuration".to_owned()]
            }
            GitError::HooksElsewhere(_) => {
                vec!["take core.hooksPath out of the configuration that holds here".to_owned()]
            }
            GitError::TooOld { .. } => vec!["install a newer git and put it first on PATH".to_owned()],
            GitError::Missing(_) => vec!["see what else is missing: git fsck --connectivity-only".to_owned()],
            GitError::Moved { .. } | GitError::Collected(_) => vec!["run the same command again".to_owned()],
            GitError::Locked(path) => vec![format!(
                "if no git command is running, a killed one left {} behind: git odyssey doctor --fix",
                path.display()
            )],
            GitError::Taken(path) => vec![format!("move {} away, or choose another place", path.display())],
            GitError::Registered(_) => vec![
                "bring the folder back, or drop the registration: git worktree unlock, git worktree prune"
                    .to_owned(),
            ],
            GitError::NotClean { path, .. } => {
                vec![format!("commit it or take it back, see: git -C {} status", quoted(path))]
            }
            GitError::UnderWay { operation, path } => {
                vec![format!("finish or abort the {operation}, see: git -C {} status", quoted(path))]
            }
            GitError::Repositories { .. } => {
                vec!["save what is in them, then move or remove them".to_owned()]
            }
            GitError::InTheWay { .. } => vec!["move them away, and run the same command again".to_owned()],
            GitError::Restless { .. } => {
                vec!["stop what writes them, and run the same command again".to_owned()]
            }
            GitError::Unsure { .. } => vec!["make git answer without a warning".to_owned()],
            GitError::File(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

fn shown(oid: &Option<Oid>) -> String {
    oid.map_or_else(|| "nothing".to_owned(), |oid| oid.to_hex_with_len(10).to_string())
}

/// The first paths, and how many there are beside them.
fn listed(paths: &[BString]) -> String {
    let mut shown: Vec<String> = paths.iter().take(5).map(|path| text::visible(path)).collect();
    if paths.len() > shown.len() {
        shown.push(format!("and {} more", paths.len() - shown.len()));
    }
    shown.join(", ")
}

fn quoted(path: &Path) -> String {
    shell_words::quote(&path.display().to_string()).into_owned()
}

fn stderr_lines(stderr: &[u8]) -> String {
    let shown = text::visible_lines(stderr.trim_ascii());
    if shown.is_empty() { String::new() } else { format!(":\n{shown}") }
}
