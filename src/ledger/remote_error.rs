//! What can go wrong where a remote decides, and what to do then.

use serde_json::json;

use super::error::LedgerError;
use super::local::LEDGER;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::remote::RemoteError;

/// Where the remote's ledger stands here as it was fetched last, confirmed or not.
pub const FETCHED: &str = "refs/odyssey/remote/ledger";

/// Why the remote's word could not be had, or what it was.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It cannot be asked. Nothing has changed.
    #[error(transparent)]
    Away(RemoteError),
    /// It has no ledger, and we have seen one there.
    #[error("{remote} has no {name} any more")]
    Gone {
        /// The remote.
        remote: String,
        /// The ref's name there.
        name: String,
    },
    /// It has no ledger yet.
    #[error("{remote} has no {name}")]
    NotPrepared {
        /// The remote.
        remote: String,
        /// The ref's name there.
        name: String,
    },
    /// Its ledger does not go on from where it was when we saw it last.
    #[error("the ledger on {remote} was rewound or rewritten: {} is not in the history of {}", .seen.to_hex_with_len(10), .found.to_hex_with_len(10))]
    Rewritten {
        /// The remote.
        remote: String,
        /// The ref's name there.
        name: String,
        /// What it had confirmed before.
        seen: Oid,
        /// What it has now.
        found: Oid,
    },
    /// The change was sent, and no answer tells what became of it.
    #[error(
        "unknown: it could not be learned whether {remote} has made the change (it was sent, and then: {why})"
    )]
    Unknown {
        /// The remote.
        remote: String,
        /// The commit that was sent.
        commit: Oid,
        /// Why nothing was learned.
        why: String,
    },
    /// It was asked, has not moved, and did not take the change.
    #[error("{remote} did not take the change:\n{said}")]
    NotTaken {
        /// The remote.
        remote: String,
        /// What it and git said.
        said: String,
    },
    /// Something that was sent before may arrive yet, and the remote did not take what would be in its way.
    #[error("what was sent to {remote} before may arrive yet:\n{said}")]
    NotSettled {
        /// The remote.
        remote: String,
        /// What it and git said.
        said: String,
    },
    /// Its target is elsewhere than ours.
    #[error("{name} is not where it is on {remote}: {} here, {} there", shown(.here), shown(.there))]
    NotLevel {
        /// The remote.
        remote: String,
        /// The full name of the target.
        name: String,
        /// Where it is here.
        here: Option<Oid>,
        /// Where it is there.
        there: Option<Oid>,
    },
    /// It has commits under a name that what is sent does not reach.
    #[error("{name} on {remote} has commits that are not here")]
    Diverged {
        /// The remote.
        remote: String,
        /// The ref's name there.
        name: String,
    },
    /// Another process of this machine talks to it, and comes to no end.
    #[error("another process on this machine has been talking to {remote} for too long")]
    Busy {
        /// The remote.
        remote: String,
    },
    /// It has a ledger, and leases live in another one here.
    #[error("{remote} has a ledger of its own, and {task} is live in the one here ({} here, {} there)", .here.to_hex_with_len(10), .there.to_hex_with_len(10))]
    Another {
        /// The remote.
        remote: String,
        /// A task that is live here.
        task: TaskName,
        /// The ledger here.
        here: Oid,
        /// The ledger there.
        there: Oid,
    },
    /// A setting that cannot be understood.
    #[error("odyssey.remoteTimeout is '{0}', which is no time")]
    BadLimit(String),
}

impl AuthorityError {
    /// Whether something was sent whose fate is not known: then nothing may be undone as if nothing had happened.
    pub fn is_unknown(&self) -> bool {
        matches!(self, AuthorityError::Unknown { .. })
    }
}

/// Whether a failure leaves open whether the remote has made the change: then nothing may be undone as if it had not.
pub fn leaves_open(failure: &Failure) -> bool {
    failure.is::<AuthorityError>(AuthorityError::is_unknown)
        || failure
            .is::<LedgerError>(|error| matches!(error, LedgerError::Remote(error) if error.is_unknown()))
}

/// Whether a command failed only because the remote could not be reached in time, before anything was sent.
pub fn is_away(failure: &Failure) -> bool {
    let away = |error: &AuthorityError| {
        let AuthorityError::Away(error) = error else { return false };
        matches!(error, RemoteError::Unreachable { .. } | RemoteError::TooLong { .. })
    };
    failure.is::<AuthorityError>(away)
        || failure.is::<LedgerError>(|error| matches!(error, LedgerError::Remote(error) if away(error)))
}

impl Explain for AuthorityError {
    fn kind(&self) -> Kind {
        match self {
            AuthorityError::Away(error) => error.kind(),
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            AuthorityError::Away(error) => {
                let mut hints = error.hints();
                hints.push("nothing was changed; reading, working and committing under a lease of one's own go on without it".to_owned());
                hints
            }
            AuthorityError::Gone { remote, name } => vec![
                "nothing is granted or changed until it is back".to_owned(),
                format!("put back what it had confirmed: git push {remote} {LEDGER}:{name}"),
            ],
            AuthorityError::NotPrepared { remote, .. } => {
                vec![format!("prepare it: git odyssey init --remote {remote}")]
            }
            AuthorityError::Rewritten { remote, name, .. } => vec![
                "nothing is granted or changed until this is settled: leases may have been lost there"
                    .to_owned(),
                format!("see what it lost and got: git log --graph {LEDGER} {FETCHED}"),
                format!("to put back what it had confirmed: git push --force {remote} {LEDGER}:{name}"),
                format!("to accept what it has now: git update-ref {LEDGER} {FETCHED}"),
            ],
            AuthorityError::Unknown { .. } => vec![
                "the next command that reaches it finds out, and finishes or takes back what was begun"
                    .to_owned(),
                "when it answers again: git odyssey doctor --fix".to_owned(),
            ],
            AuthorityError::NotSettled { .. } => vec![
                "nothing of it was taken back; the next command that reaches the remote does so".to_owned(),
                "when it answers again: git odyssey doctor --fix".to_owned(),
            ],
            AuthorityError::NotTaken { .. } => vec!["nothing was changed".to_owned()],
            AuthorityError::NotLevel { remote, name, .. } => {
                let short = name.trim_start_matches("refs/heads/");
                vec![
                    format!("get its new work: git pull {remote} {short}"),
                    format!("or, if yours is ahead, send it: git push {remote} {short}"),
                    "then run the same command again".to_owned(),
                ]
            }
            AuthorityError::Diverged { remote, name } => vec![
                "nothing of it was overwritten".to_owned(),
                match name.strip_prefix("refs/heads/") {
                    Some(short) => format!("bring them here first: git pull {remote} {short}"),
                    // No branch of anybody's: it is brought by the command itself.
                    None => "run the same command again".to_owned(),
                },
            ],
            AuthorityError::Busy { .. } => {
                vec!["see what it is: pgrep -a git; when it has ended, run the same command again".to_owned()]
            }
            AuthorityError::Another { .. } => vec![
                "land, release or abandon what is live here: git odyssey status".to_owned(),
                "then run the same command again; the ledger here stays under refs/odyssey/former".to_owned(),
            ],
            AuthorityError::BadLimit(_) => {
                vec!["write it like this: git config odyssey.remoteTimeout 30s".to_owned()]
            }
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            AuthorityError::Unknown { commit, .. } => Some(json!({ "unknown": commit.to_string() })),
            _ => None,
        }
    }
}

impl From<RemoteError> for AuthorityError {
    fn from(error: RemoteError) -> AuthorityError {
        AuthorityError::Away(error)
    }
}

impl From<GitError> for AuthorityError {
    fn from(error: GitError) -> AuthorityError {
        AuthorityError::Away(RemoteError::Git(error))
    }
}

fn shown(oid: &Option<Oid>) -> String {
    oid.map_or_else(|| "nothing".to_owned(), |oid| oid.to_hex_with_len(10).to_string())
}
