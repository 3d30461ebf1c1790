//! Files that both sides renamed: one may be kept under a name or two, and is not to be lost because each name was taken
//! from the side that has not got it.

use crate::base::text;
use crate::domain::review::Choice;
use crate::git::merge::ConflictKind;
use crate::merge::review::What;

use super::desk::Desk;
use super::desk::File;
use super::desk::Spot;

/// The names of one file: where they are decided, and how they are shown.
pub struct Renamed {
    spots: Vec<Spot>,
    /// The names that it could be kept under.
    pub names: Vec<String>,
}

/// The files on a desk that each side has under another name.
pub(super) fn renamed(files: &[File]) -> Vec<Renamed> {
    let mut found: Vec<Renamed> = Vec::new();
    for (file, File { opened, is_edits, .. }) in files.iter().enumerate() {
        let conflict = &opened.conflict;
        let place = opened.items.iter().position(|item| match item.what {
            What::Place { ours, theirs, .. } => ours.is_some() != theirs.is_some(),
            What::Lines { .. } => false,
        });
        let Some(item) = place.filter(|_| conflict.kind == ConflictKind::RenameRename) else { continue };
        let is_one = |one: &&mut Renamed| {
            one.spots.iter().any(|spot| {
                let other = &files[spot.file];
                other.is_edits == *is_edits && other.opened.conflict.beside.contains(&conflict.path)
            })
        };
        let (spot, name) = (Spot { file, item }, text::visible(&conflict.path));
        match found.iter_mut().find(is_one) {
            Some(one) => {
                one.spots.push(spot);
                one.names.push(name);
            }
            None => found.push(Renamed { spots: vec![spot], names: vec![name] }),
        }
    }
    found
}

impl Desk<'_> {
    /// The files of which nothing would be left by what was decided, although neither side has deleted them.
    pub fn lost(&self) -> impl Iterator<Item = &Renamed> {
        self.renamed.iter().filter(|one| one.spots.iter().all(|spot| self.is_dropped(*spot)))
    }

    /// Whether a thing is one of a file of which nothing would be left.
    pub(super) fn is_lost(&self, spot: Spot) -> bool {
        !self.renamed.is_empty() && self.lost().any(|one| one.spots.contains(&spot))
    }

    fn is_dropped(&self, spot: Spot) -> bool {
        let choice = self.resolution(spot).map(|resolution| &resolution.choice);
        match (&self.item(spot).what, choice) {
            (What::Place { ours, .. }, Some(Choice::Ours)) => ours.is_none(),
            (What::Place { theirs, .. }, Some(Choice::Theirs)) => theirs.is_none(),
            _ => false,
        }
    }
}
