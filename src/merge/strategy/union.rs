//! `union`: the lines of both sides, one after the other.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;

/// Both, wherever there are lines.
///
/// # Errors
/// None.
pub fn decide(_: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(Verdict::Both)
}
