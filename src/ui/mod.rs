//! Floor 4: who is asking: the command line, terminal text and JSON; the only room that prints and reads the environment.

pub mod cli;
pub mod completions;
pub mod crash;
pub mod failure;
pub mod install;
pub mod json;
#[cfg(any(feature = "screen", feature = "web"))]
pub mod keys;
pub mod layout;
#[cfg(feature = "screen")]
pub mod live;
pub mod manual;
pub mod mcp;
pub mod record;
#[cfg(feature = "screen")]
pub mod review;
#[cfg(any(feature = "mcp", feature = "web"))]
pub mod seat;
pub mod serve;
pub mod shell;
pub mod start;
pub mod table;
pub mod terminal;
pub mod world;
