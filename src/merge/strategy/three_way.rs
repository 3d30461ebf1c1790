//! `three-way`: git's own result, and nothing else.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;

/// What git cannot merge stays a conflict.
///
/// # Errors
/// None.
pub fn decide(_: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(Verdict::Stays(None))
}
