//! Several machines, one remote: what is decided there, and what happens when it is away, cut off, or not what it was.

#![allow(clippy::unwrap_used, reason = "a step that cannot be taken fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs as people do")]

mod support;

#[path = "remote/fleet.rs"]
mod fleet;

#[path = "remote/deciding.rs"]
mod deciding;

#[path = "remote/folding.rs"]
mod folding;

#[path = "remote/landing.rs"]
mod landing;

#[path = "remote/wire.rs"]
mod wire;

#[path = "remote/trouble.rs"]
mod trouble;

#[path = "remote/many.rs"]
mod many;

#[path = "remote/handover.rs"]
mod handover;

#[path = "remote/web.rs"]
mod web;

#[path = "remote/storm.rs"]
mod storm;
