//! Floor 1: the only room that talks to git, through gix or through the `git` binary. It knows no leases.

pub mod bases;
pub mod checkout;
pub mod diff;
pub mod edits;
pub mod error;
pub mod exclude;
pub mod export;
pub mod history;
pub mod hooks;
pub mod index;
pub mod live;
pub mod marked;
pub mod memory;
pub mod merge;
pub mod objects;
pub mod paths;
pub mod received;
pub mod reflog;
pub mod refs;
pub mod remote;
pub mod repo;
pub mod rerere;
pub mod run;
pub mod snapshot;
pub mod status;
pub mod steps;
pub mod worktree;

mod collecting;
mod hidden;
mod lineage;
mod loose;
mod obstacles;
mod plain;
mod walk;

#[cfg(test)]
mod scratch;
#[cfg(test)]
mod testing;

pub use gix::ObjectId as Oid;
pub use gix::bstr::BStr;
pub use gix::bstr::BString;
pub use gix::bstr::ByteSlice;
