//! `theirs`: the task's side, in whichever direction it is merged.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;
use crate::merge::sides::Side;

/// The side of the task: theirs as in a landing, also when the target is merged into the task's branch.
///
/// # Errors
/// None.
pub fn decide(_: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(Verdict::Side { side: Side::Task, why: None })
}
