//! Floor 1: the rules of leases, regions and fences. No I/O, no clock, no git: all of it can be tested by properties.

pub mod anchor;
pub mod automaton;
pub mod book;
pub mod episode;
pub mod event;
pub mod glob;
pub mod holder;
pub mod judge;
pub mod lease;
pub mod leases;
pub mod notice;
pub mod overlap;
pub mod policy;
pub mod price;
pub mod refname;
pub mod refused;
pub mod region;
pub mod region_error;
pub mod region_index;
pub mod review;
pub mod span;
pub mod task;
pub mod transition;
pub mod ttl;
pub mod usage;
