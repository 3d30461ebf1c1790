//! Floor 1: the only room that talks to git, through gix or through the `git` binary. It knows no leases.

pub mod error;
pub mod objects;
pub mod refs;
pub mod repo;
pub mod run;

pub use gix::ObjectId as Oid;
pub use gix::bstr::BStr;
pub use gix::bstr::BString;
pub use gix::bstr::ByteSlice;
