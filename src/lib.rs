//! floor plan

pub mod base;
pub mod git;
