//! `human`: the side that a person wrote.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;

/// The person's side; where none of the two sides is a person's, or both are, it stays a conflict.
///
/// # Errors
/// When the facts cannot be read.
pub fn decide(question: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(question.facts.human(question.path)?.into())
}
