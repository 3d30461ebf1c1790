//! `ours`: the target's side, in whichever direction it is merged.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;
use crate::merge::sides::Side;

/// The side of the branch that the task lands on: ours as in a landing, also when that branch is merged into the task's.
///
/// # Errors
/// None.
pub fn decide(_: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(Verdict::Side { side: Side::Target, why: None })
}
