//! `lease-owner`: within a region, the side of whoever holds it.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;

/// The holder's side; where none of the two sides is the holder's, or both are, it stays a conflict.
///
/// # Errors
/// When the facts cannot be read.
pub fn decide(question: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(question.facts.owner(question.conflict)?.into())
}
