//! What must hold of everything that comes from others, whatever it is. Each property is tried by the fuzzer
//! (`tests/fuzz/targets`) and, with the seeds that are kept, by the ordinary tests (`tests/seeds.rs`).
//!
//! A property panics where it does not hold. It answers whether the input was taken for something good, so that a seed
//! that is meant to be can be seen to be.

#![allow(dead_code, reason = "each fuzz target uses one of them")]
#![allow(clippy::unwrap_used, reason = "a property that does not hold panics, and shows where")]

pub mod event;
pub mod hook;
pub mod lease;
pub mod ledger;
pub mod names;
pub mod policy;
pub mod push;
pub mod region;
pub mod review;
pub mod scratch;

/// A property, by the name of its folder in `fixtures/fuzz`.
pub type Property = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const ALL: [Property; 9] = [
    ("event", event::holds),
    ("hook", hook::holds),
    ("lease", lease::holds),
    ("ledger", ledger::holds),
    ("names", names::holds),
    ("policy", policy::holds),
    ("push", push::holds),
    ("region", region::holds),
    ("review", review::holds),
];

/// Nothing that is told of what others wrote gives orders to the terminal.
#[track_caller]
pub fn is_told_plainly(error: &dyn std::fmt::Display) {
    let told = error.to_string();
    let order = told.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert!(order.is_none(), "{order:?} in {told:?}");
}
