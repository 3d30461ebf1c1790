//! The crowd: how long a machine stands back, so that not all of them push at the same time.
//!
//! Of pushes that overlap one wins, and the work of the others was for nothing. So a machine keeps a span, longer after each
//! push that others were quicker than, and shorter after each other one: it settles where about two of five are lost, however
//! many machines there are. Before it asks the remote a process stands back for a part of the span, by chance. It is a guess
//! that soon is forgotten: what is lost or wrong makes somebody wait too long or too short, and nothing else.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::atomic;

/// The longest span, and the longest that one stands back at once.
const LONGEST: Duration = Duration::from_secs(2);

/// A span below this is none.
const SHORTEST: Duration = Duration::from_millis(4);

/// After so long without a push nothing is known of the others.
const FORGOTTEN: Duration = Duration::from_secs(3);

/// The span of one repository.
#[derive(Debug)]
pub(super) struct Crowd {
    path: PathBuf,
}

impl Crowd {
    /// The span in the repository's folder for our own files.
    pub(super) fn of(folder: &Path) -> Crowd {
        Crowd { path: folder.join("crowd") }
    }

    /// Others were quicker than a push that took so long.
    pub(super) fn lost(&self, push: Duration) {
        self.keep((self.span() * 3 / 2).clamp(push.min(LONGEST), LONGEST));
    }

    /// Nobody was quicker.
    pub(super) fn won(&self) {
        let span = self.span();
        if span > Duration::ZERO {
            self.keep(shorter(span));
        }
    }

    /// Stands back, the less the more often this change has been lost, so that whoever has waited longest comes next.
    pub(super) fn stand_back(&self, lost: u32) {
        let most = self.span() * 2 / (lost + 1);
        if most > Duration::ZERO {
            std::thread::sleep(chance(most.min(LONGEST)));
        }
    }

    fn span(&self) -> Duration {
        let age = self.path.metadata().and_then(|found| found.modified()).ok();
        let young = age.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < FORGOTTEN);
        let text = if young { atomic::read(&self.path).ok().flatten() } else { None };
        let micros = text.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
        micros.map_or(Duration::ZERO, Duration::from_micros).min(LONGEST)
    }

    fn keep(&self, span: Duration) {
        // A guess that cannot be kept is not made.
        let _ = atomic::put(&self.path, span.as_micros().to_string().as_bytes());
    }
}

fn shorter(span: Duration) -> Duration {
    let less = span * 3 / 4;
    if less < SHORTEST { Duration::ZERO } else { less }
}

/// Some time below `most`, another one each time.
pub(super) fn chance(most: Duration) -> Duration {
    let throw = RandomState::new().hash_one(0_u8) >> 32;
    most.mul_f64(throw as f64 / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSH: Duration = Duration::from_millis(30);

    #[test]
    fn a_span_grows_with_what_is_lost_and_goes_with_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let crowd = Crowd::of(folder.path());
        crowd.won();
        assert_eq!(crowd.span(), Duration::ZERO, "alone there is nothing to stand back for");
        crowd.lost(PUSH);
        assert_eq!(crowd.span(), PUSH);
        crowd.lost(PUSH);
        assert_eq!(crowd.span(), PUSH * 3 / 2);
        (0..100).for_each(|_| crowd.lost(PUSH));
        assert_eq!(crowd.span(), LONGEST);
        (0..100).for_each(|_| crowd.won());
        assert_eq!(crowd.span(), Duration::ZERO);
    }

    #[test]
    fn what_is_broken_or_old_is_no_span() {
        let folder = tempfile::tempdir().unwrap();
        let crowd = Crowd::of(folder.path());
        for text in ["", "x", "-1", "99999999999999999999999"] {
            atomic::put(&crowd.path, text.as_bytes()).unwrap();
            assert_eq!(crowd.span(), Duration::ZERO, "{text:?}");
        }
        atomic::put(&crowd.path, u64::MAX.to_string().as_bytes()).unwrap();
        assert_eq!(crowd.span(), LONGEST);
        let file = std::fs::File::options().write(true).open(&crowd.path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(crowd.span(), Duration::ZERO);
    }
}
