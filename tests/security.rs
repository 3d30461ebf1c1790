//! What a malicious remote, a malicious repository and a malicious agent cannot do: an attack each. The README's chapter
//! "Security" names these tests.

#![allow(clippy::unwrap_used, reason = "a step that cannot be taken fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs as people do")]

mod support;

#[path = "remote/fleet.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of the kit")]
mod fleet;

#[path = "security/remote.rs"]
mod remote;

#[path = "security/repository.rs"]
mod repository;

#[path = "security/agent.rs"]
mod agent;
