//! Floor 2: whose work fits with whose, uncommitted edits included; merging a task's work with its target in memory;
//! and what decides a conflict.

pub mod conflict;
pub mod excerpt;
pub mod footprint;
pub mod look;
pub mod makers;
pub mod matrix;
pub mod news;
pub mod party;
pub mod result;
pub mod review;
pub mod sides;
pub mod strategy;
pub mod verdict_cache;
