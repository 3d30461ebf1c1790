//! Floor 2: a task's worktree: where it is, who works in it, how it is made ready and how it goes without loss.

pub mod copy;
pub mod lifeline;
pub mod own;
pub mod place;
pub mod preserve;
pub mod process;
pub mod reflink;
pub mod salvage;
pub mod setup;
pub mod word;
