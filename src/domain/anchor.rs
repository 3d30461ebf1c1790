//! Anchors: a region with the commit at which its lines were counted, and whether two of them meet.

use super::region::Region;
use super::region::RegionSet;
use super::span::Lines;
use super::span::Span;

/// A region, and the commit that its lease begins at, in hexadecimal.
#[derive(Debug, Clone, Copy)]
pub struct Anchored<'a> {
    /// The region.
    pub region: &'a Region,
    /// The commit.
    pub base: &'a str,
}

/// How something that somebody wants stands to a region whose path it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Met {
    /// It leaves the region's lines alone.
    Apart,
    /// It is about the whole path, or the region is.
    Path,
    /// It is about these lines, as they are in the version that it starts from.
    Lines(Span),
    /// The lines do not tell, for this reason: it is about the whole file.
    File(String),
}

impl<'a> Anchored<'a> {
    /// How it stands to another region that overlaps it by path: `theirs` is what is told where both are lines.
    ///
    /// Each is carried to where the other was counted, and they are apart if they are so on both sides.
    pub fn meets(self, theirs: Anchored<'a>, lines: &dyn Lines) -> Met {
        let (Some((path, mine)), Some((their_path, their))) = (self.region.lines(), theirs.region.lines())
        else {
            return Met::Path;
        };
        let here = match lines.carried(their_path, their, theirs.base, self.base) {
            Ok(here) => here,
            Err(why) => return Met::File(why),
        };
        match lines.carried(path, mine, self.base, theirs.base) {
            Ok(there) if !here.meets(mine) && !there.meets(their) => Met::Apart,
            Ok(_) => Met::Lines(here),
            Err(why) => Met::File(why),
        }
    }
}

/// The regions that somebody wants, and the commit that their lines are counted at, in hexadecimal.
#[derive(Debug, Clone, Copy)]
pub struct AnchoredSet<'a> {
    /// The regions.
    pub regions: &'a RegionSet,
    /// The commit.
    pub base: &'a str,
}

impl AnchoredSet<'_> {
    /// Whether one of these regions meets one of the others: then not both can be had.
    pub fn meets(self, theirs: AnchoredSet<'_>, lines: &dyn Lines) -> bool {
        let anchored = |region, base| Anchored { region, base };
        self.regions.iter().any(|mine| {
            theirs.regions.iter().any(|other| {
                let met = || anchored(mine, self.base).meets(anchored(other, theirs.base), lines);
                mine.overlaps(other) && met() != Met::Apart
            })
        })
    }
}
