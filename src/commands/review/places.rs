//! Places: the names under which decisions put files, one file each, and none where somebody else holds it.

use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::review::Choice;
use crate::domain::review::Resolution;

use super::desk::Desk;
use super::desk::Spot;
use super::error::DeskError;

impl Desk<'_> {
    /// Whether a file may be put under a name: one file under one name, and not where somebody else holds it.
    pub(super) fn need_free(&self, path: &str, spots: &[Spot]) -> Result<(), Failure> {
        let others = self.spots().filter(|spot| !spots.contains(spot));
        let meets = |other: &str| {
            let below =
                |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
            other == path || below(path, other) || below(other, path)
        };
        let is_met = |spot: Spot| match self.resolution(spot).map(|resolution| &resolution.choice) {
            Some(Choice::At(other)) => meets(other),
            _ => false,
        };
        if spots.len() > 1 || others.into_iter().any(is_met) {
            return Err(DeskError::SamePlace(text::visible(path.as_bytes())).into());
        }
        let book = self.session.ledger().read()?.book;
        let held = book.covering(path.as_bytes()).find(|(lease, _)| lease.task != self.lease.task);
        match held {
            Some((lease, region)) => Err(DeskError::HeldPlace {
                path: text::visible(path.as_bytes()),
                task: lease.task.clone(),
                holder: lease.holder.clone(),
                region: region.text().to_owned(),
            }
            .into()),
            None => Ok(()),
        }
    }

    /// Whether all names under which files are to be put are free still.
    ///
    /// # Errors
    /// When one is somebody else's by now.
    pub fn need_free_places(&self) -> Result<(), Failure> {
        for spot in self.spots() {
            if let Some(Resolution { choice: Choice::At(path), .. }) = self.resolution(spot) {
                self.need_free(path, &[spot])?;
            }
        }
        Ok(())
    }
}
