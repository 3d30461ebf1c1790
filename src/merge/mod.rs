//! Floor 2: merging a task's work with its target in memory, and showing what conflicts.

pub mod conflict;
pub mod result;
pub mod sides;
pub mod strategy;
