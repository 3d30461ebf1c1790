//! `mcp`: tools and facts for an agent's program, over the Model Context Protocol on standard input and output.
//!
//! It is a face of the commands, so it lives on this floor: a tool's arguments are those of the command line, read by the
//! same parser, and its answer is that of `--json`. Standard output belongs to the protocol alone. What takes a person's
//! word (an override), waits long, or reads standard input is not among the tools.

use crate::base::failure::Failure;
use crate::commands::Context;
use crate::commands::Outcome;

#[cfg(feature = "mcp")]
mod house;
#[cfg(feature = "mcp")]
mod schema;
#[cfg(feature = "mcp")]
mod tools;

/// Give an agent's program tools over the Model Context Protocol, on standard input and output.
///
/// The tools are claim, check, status, notes, conflicts, review and release; the resources are the status and the lease
/// of the workspace that it was started in. It ends when its standard input does.
#[derive(Debug, Clone, clap::Args)]
pub struct Mcp {}

impl Mcp {
    /// Answers until standard input ends.
    ///
    /// # Errors
    /// When the other side does not speak the protocol.
    #[cfg(feature = "mcp")]
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        house::run(context)
    }

    /// Says that this program was built without it.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "mcp"))]
    pub fn run(self, _: &Context<'_>) -> Result<Outcome, Failure> {
        Err(NotBuilt.into())
    }
}

/// The program has no tools for agents.
#[cfg(not(feature = "mcp"))]
#[derive(Debug, thiserror::Error)]
#[error("this program was built without the Model Context Protocol")]
struct NotBuilt;

#[cfg(not(feature = "mcp"))]
impl crate::base::failure::Explain for NotBuilt {
    fn hints(&self) -> Vec<String> {
        vec![
            "build it with: cargo build --release --features mcp".to_owned(),
            "the same on the command line: git odyssey claim, check, status, notes … with --json".to_owned(),
        ]
    }
}
