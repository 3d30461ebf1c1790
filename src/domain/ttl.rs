//! Times to live: how long a lease may last, wherever that is written.

use std::time::Duration;

use crate::base::text;
use crate::base::text::BadDuration;

/// The longest time to live: a lease that outlives it was forgotten.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A text that is no time to live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTtl {
    /// It is not a duration.
    #[error(transparent)]
    Duration(#[from] BadDuration),
    /// It is too long.
    #[error("a lease lasts 30d at most, not {0}")]
    TooLong(String),
}

/// Reads a time to live, such as `45m`, `2h` or `1d`.
///
/// # Errors
/// When it is not a duration, or longer than thirty days.
pub fn parse(text: &str) -> Result<Duration, BadTtl> {
    let ttl = text::parse_duration(text)?;
    if ttl <= LONGEST { Ok(ttl) } else { Err(BadTtl::TooLong(text.to_owned())) }
}
