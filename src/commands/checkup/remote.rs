//! The doctor's look at the remote that decides.

use std::time::Duration;

use super::Checkup;
use crate::base::failure::Explain;
use crate::base::text;
use crate::ledger::local::LEDGER;

/// How far clocks may be apart before somebody is told.
const SKEW: Duration = Duration::from_secs(60);

impl Checkup<'_> {
    /// The remote that decides: that it can be asked, and that its ledger goes on from what was seen before.
    pub fn remote(&mut self) {
        let ledger = self.session.ledger();
        if ledger.authority().is_none() {
            return;
        }
        if let Err(error) = ledger.refresh() {
            let hints = error.hints();
            self.open(error.to_string(), &hints.join("; "));
        }
        self.clocks();
    }

    /// Leases that were written in what is the future here: one of the two clocks is wrong.
    fn clocks(&mut self) {
        let (ledger, now) = (self.session.ledger(), self.session.now);
        // As it is written: what is read as the state now has the ends by our own clock.
        let Ok(Some(tip)) = self.session.repo.reference(LEDGER) else { return };
        let Ok(state) = ledger.read_at(tip) else { return };
        for lease in state.book.leases() {
            let ahead = lease.left(now).saturating_sub(lease.ttl);
            if ahead > SKEW {
                let (task, ahead) = (&lease.task, text::duration(ahead));
                self.open(
                    format!("the lease of {task} was written by a clock that is at least {ahead} ahead of the one here"),
                    "set the clocks right; leases end here by the clock here, so no two hold the same meanwhile",
                );
            }
        }
    }
}
