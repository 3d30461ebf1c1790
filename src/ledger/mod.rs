//! Floor 2: the rules' state kept in one ref, `refs/odyssey/ledger`; and the intents that survive a kill.
//!
//! The ref's tree is the state now; each commit is one event:
//!
//! ```text
//! format                 1
//! fence                  the last fence that was granted
//! leases/<task>.toml     one lease file for each live task
//! ```
//!
//! Its history may be folded ([`fold`]): then the chain begins with a commit that names the archive of what was before.

pub mod annals;
pub mod cache;
pub mod codec;
mod crowd;
pub mod error;
pub mod fate;
pub mod fold;
pub mod folding;
pub mod founding;
pub mod handover;
pub mod history;
pub mod intent;
pub mod journal;
pub mod landing;
pub mod local;
pub mod news;
pub mod patience;
pub mod pushed;
pub mod queue;
pub mod remote;
pub mod remote_error;
pub mod repair;
pub mod reviews;
pub mod rounds;
pub mod seen;
mod settling;
pub mod shelf;
pub mod state;
pub mod watch;
