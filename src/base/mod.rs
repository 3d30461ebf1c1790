//! Floor 0: what every room stands on, and what knows nothing of leases or git.

pub mod atomic;
pub mod base64;
pub mod block;
pub mod clock;
pub mod failure;
pub mod lock;
pub mod packed;
pub mod page;
pub mod text;
