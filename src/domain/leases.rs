//! Where a judge finds leases: in the book of all of them, or where only those are read that can matter.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::book::LeaseBook;
use super::task::TaskName;
use crate::base::failure::Explain;

/// Leases that can be asked for by path and by task.
pub trait Leases: fmt::Debug {
    /// A book with every lease that covers one of these paths and every lease of these tasks, and perhaps others.
    ///
    /// # Errors
    /// When they cannot be read.
    fn about(&self, paths: &[&[u8]], tasks: &[&TaskName]) -> Result<Cow<'_, LeaseBook>, Box<dyn Explain>>;

    /// The full names of the branches that the tasks of all leases land on.
    fn targets(&self) -> BTreeSet<&str>;
}

impl Leases for LeaseBook {
    fn about(&self, _: &[&[u8]], _: &[&TaskName]) -> Result<Cow<'_, LeaseBook>, Box<dyn Explain>> {
        Ok(Cow::Borrowed(self))
    }

    fn targets(&self) -> BTreeSet<&str> {
        self.leases().iter().map(|lease| lease.target.as_str()).collect()
    }
}
