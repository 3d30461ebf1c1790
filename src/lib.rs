//! The library of git odyssey.

pub mod base;
pub mod domain;
pub mod git;
pub mod guard;
pub mod ledger;
pub mod merge;
pub mod workspace;
