//! Time as an input: the rules never read a clock, they are told the time.

use std::time::Duration;

pub use jiff::Timestamp;

/// Where the time comes from.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The machine's own clock.
    System,
    /// Always the same instant: for tests and for repeating what happened.
    Pinned(Timestamp),
}

impl Clock {
    /// The time now, to the second, as it is written into leases.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(self) -> Timestamp {
        let now = match self {
            Clock::System => Timestamp::now(),
            Clock::Pinned(at) => at,
        };
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// `at` plus `by`, or the last instant that can be written.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    i64::try_from(by.as_secs())
        .ok()
        .and_then(|seconds| at.as_second().checked_add(seconds))
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long from `from` until `to`; nothing when `to` has passed.
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0))
}
