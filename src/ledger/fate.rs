//! Fates: what has become of a change that was sent, and of the remote meanwhile.

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Confirmed,
    Pending,
    Dropped,
}

/// How the remote stands compared with what we knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// As before.
    None,
    /// It has taken what we had sent.
    Ours,
    /// Others were quicker, with so many commits.
    Others(usize),
}
