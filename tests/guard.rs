//! An agent's own hook: what each harness sends is judged before it happens, and answered in the harness's form.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test plants files and wants to know where it failed"
)]

mod support;

#[path = "guard/asking.rs"]
mod asking;
#[path = "guard/budget.rs"]
mod budget;
#[path = "guard/claude.rs"]
mod claude;
#[path = "guard/harnesses.rs"]
mod harnesses;
#[path = "guard/setup.rs"]
mod setup;
#[path = "guard/shell.rs"]
mod shell;
