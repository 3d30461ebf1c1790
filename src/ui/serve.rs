//! `serve`: a page in the browser, with everything that is live and the same reviews as on the command line.
//!
//! It is a face of the commands, so it lives on this floor. It listens on the loopback address 127.0.0.1 alone. Whoever
//! has the token may do what the one who started it may do on the command line, checks of their own included; so the
//! token is made anew for each run, is compared in constant time, and is written nowhere but in the address that is
//! printed. It is in the part after `#`: browsers send that part to nobody, neither to the server nor as a referrer. The
//! page takes it out of the address at once and keeps it for its tab; once the server has ended it is worth nothing.
//! The page needs JavaScript; its files hold nothing of the repository, and are given without the token.

use crate::base::failure::Failure;
use crate::commands::Context;
use crate::commands::Outcome;

#[cfg(feature = "web")]
mod door;
#[cfg(feature = "web")]
mod events;
#[cfg(feature = "web")]
mod files;
#[cfg(feature = "web")]
mod guard;
#[cfg(feature = "web")]
mod house;
#[cfg(feature = "web")]
mod jobs;
#[cfg(feature = "web")]
mod routes;

/// Show everything that is live in the browser, and settle conflicts there; until Ctrl-C.
///
/// The address is printed, with a token that lets in whoever has it. Nobody but this machine is listened to.
#[derive(Debug, Clone, clap::Args)]
pub struct Serve {
    /// The port to listen at [default: one that is free]
    #[arg(long, value_name = "NUMBER")]
    pub port: Option<u16>,
}

impl Serve {
    /// Serves until a signal ends it.
    ///
    /// # Errors
    /// When the repository is not prepared, or the port is taken.
    #[cfg(feature = "web")]
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        house::run(context, self.port.unwrap_or(0))
    }

    /// Says that this program was built without it.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "web"))]
    pub fn run(self, _: &Context<'_>) -> Result<Outcome, Failure> {
        Err(NotBuilt.into())
    }
}

/// The program has no page.
#[cfg(not(feature = "web"))]
#[derive(Debug, thiserror::Error)]
#[error("this program was built without the page in the browser")]
struct NotBuilt;

#[cfg(not(feature = "web"))]
impl crate::base::failure::Explain for NotBuilt {
    fn hints(&self) -> Vec<String> {
        vec![
            "build it with: cargo build --release --features web".to_owned(),
            "the same on the command line: git odyssey status, conflicts, watch, review".to_owned(),
        ]
    }
}
