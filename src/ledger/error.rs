//! What can go wrong with the ledger.

use super::remote_error::AuthorityError;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::domain::refused::Refused;
use crate::git::Oid;
use crate::git::error::GitError;

/// An error of the ledger room.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The repository has no ledger yet.
    #[error("this repository is not prepared for git odyssey")]
    NotPrepared,
    /// The ledger was written by a newer version.
    #[error("the ledger has format {0}, and this version reads format 1")]
    NewerFormat(String),
    /// The ledger's tree or one of its files is not what it should be.
    #[error("the ledger is damaged at {commit}: {what}")]
    Damaged {
        /// The ledger's commit.
        commit: Oid,
        /// The file and what is wrong with it.
        what: String,
    },
    /// The remote that decides said no, or cannot be asked.
    #[error(transparent)]
    Remote(#[from] AuthorityError),
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// git could not do something.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for LedgerError {
    fn kind(&self) -> Kind {
        match self {
            LedgerError::Refused(refused) => refused.kind(),
            LedgerError::Git(error) => error.kind(),
            LedgerError::Remote(error) => error.kind(),
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            LedgerError::NotPrepared => vec!["prepare it: git odyssey init".to_owned()],
            LedgerError::NewerFormat(_) => vec!["install the newer git odyssey that wrote it".to_owned()],
            LedgerError::Damaged { .. } => vec![
                "nothing is granted or changed until it is mended: git odyssey doctor".to_owned(),
                "see its last good state: git log refs/odyssey/ledger".to_owned(),
            ],
            LedgerError::Remote(error) => error.hints(),
            LedgerError::Refused(refused) => refused.hints(),
            LedgerError::Git(error) => error.hints(),
            LedgerError::File(error) => error.hints(),
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            LedgerError::Refused(refused) => refused.details(),
            LedgerError::Git(error) => error.details(),
            LedgerError::Remote(error) => error.details(),
            _ => None,
        }
    }
}
