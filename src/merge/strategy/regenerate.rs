//! `regenerate`: a file that a command makes anew, such as a lock file.

use super::Question;
use super::Verdict;
use crate::base::failure::Failure;

/// Neither side's lines are looked at.
///
/// # Errors
/// None.
pub fn decide(_: &Question<'_>) -> Result<Verdict, Failure> {
    Ok(Verdict::Anew)
}
