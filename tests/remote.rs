//! Several machines, one remote: what is decided there, and what happens when it is away, cut off, or not what it was.

#![allow(clippy::unwrap_used, reason = "a step that cannot be taken fails the test, and shows where")]

mod support;

#[path = "remote/fleet.rs"]
mod fleet;

#[path = "remote/deciding.rs"]
mod deciding;

#[path = "remote/landing.rs"]
mod landing;
