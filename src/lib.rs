//! floor plan

pub mod base;
pub mod commands;
pub mod domain;
pub mod git;
pub mod guard;
pub mod ledger;
pub mod merge;
pub mod workspace;
