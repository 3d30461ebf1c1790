//! The region index: which of many regions cover a path or overlap a region, without asking each.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::glob::Pattern;
use super::region::Region;
use super::region::RegionSet;

/// Many regions, each with a key, sorted by the literal components that they begin with.
///
/// Regions that share a path have prefixes of which one begins with the other. So the candidates for a path or a
/// region stand at its own prefixes and, for a region, in one unbroken run below it; each is then asked exactly.
#[derive(Debug, Clone)]
pub struct RegionIndex<T> {
    entries: Vec<(T, Region)>,
    /// Prefixes in lower case, with a slash after each component, to places in `entries`.
    by_prefix: BTreeMap<Vec<u8>, Vec<usize>>,
}

impl<T> Default for RegionIndex<T> {
    fn default() -> Self {
        RegionIndex { entries: Vec::new(), by_prefix: BTreeMap::new() }
    }
}

impl<T: Clone> RegionIndex<T> {
    /// Adds a region under a key; a key may have many.
    pub fn insert(&mut self, region: &Region, key: T) {
        let place = self.entries.len();
        for key in keys_of(region) {
            let places = self.by_prefix.entry(key).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        self.entries.push((key, region.clone()));
    }

    /// Adds all regions of a lease under one key.
    pub fn insert_set(&mut self, regions: &RegionSet, key: T) {
        for region in regions {
            self.insert(region, key.clone());
        }
    }

    /// The regions that cover a path, in the order of their insertion.
    pub fn covering<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = (T, &'a Region)> {
        let mut places = Vec::new();
        self.collect_above(&key_of_path(path), &mut places);
        self.entries_at(places).filter(move |(_, region)| region.covers(path))
    }

    /// The regions that overlap a region, in the order of their insertion.
    pub fn overlapping<'a>(&'a self, wanted: &'a Region) -> impl Iterator<Item = (T, &'a Region)> {
        let mut places = Vec::new();
        for pattern in wanted.adding() {
            let prefix = sorted_by(pattern);
            self.collect_above(&prefix, &mut places);
            let after =
                self.by_prefix.range::<[u8], _>((Bound::Excluded(prefix.as_slice()), Bound::Unbounded));
            let below = after.take_while(|(key, _)| key.starts_with(&prefix));
            places.extend(below.flat_map(|(_, places)| places));
        }
        self.entries_at(places).filter(move |(_, region)| region.overlaps(wanted))
    }

    /// Collects what stands at a prefix and at all that it begins with.
    fn collect_above(&self, prefix: &[u8], places: &mut Vec<usize>) {
        for key in keys_above(prefix) {
            places.extend(self.by_prefix.get(key).into_iter().flatten());
        }
    }

    fn entries_at(&self, mut places: Vec<usize>) -> impl Iterator<Item = (T, &Region)> {
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| {
            let (key, region) = &self.entries[place];
            (key.clone(), region)
        })
    }
}

/// The keys of a region: what covers a path has a key that [`keys_above`] the path's own key gives.
pub fn keys_of(region: &Region) -> impl Iterator<Item = Vec<u8>> {
    region.adding().map(sorted_by)
}

/// A path's own key.
pub fn key_of_path(path: &[u8]) -> Vec<u8> {
    let mut key = path.to_ascii_lowercase();
    key.push(b'/');
    key
}

/// A key, and those of everything that it is below.
pub fn keys_above(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
    std::iter::once(0).chain(slashes).map(|end| &key[..end])
}

/// What a pattern is sorted by: case is dropped for all, because the exact test follows.
fn sorted_by(pattern: &Pattern) -> Vec<u8> {
    let mut key = pattern.prefix().to_vec();
    key.make_ascii_lowercase();
    key
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::collection::vec;
    use proptest::prop_assert_eq;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestCaseError;
    use proptest::test_runner::TestRunner;

    use super::Region;
    use super::RegionIndex;
    use super::RegionSet;
    use crate::domain::region::Case;
    use crate::domain::region::tests::PATHS;
    use crate::domain::region::tests::any_region;
    use crate::domain::region::tests::plain;

    #[test]
    fn the_index_answers_as_if_each_region_were_asked() {
        let (covering, overlapping, apart) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let check = |(regions, wanted): (Vec<Region>, Region)| -> Result<(), TestCaseError> {
            let mut index = RegionIndex::default();
            for (key, region) in regions.iter().enumerate() {
                index.insert(region, key);
            }
            let keys = |holds: &dyn Fn(&Region) -> bool| -> Vec<usize> {
                (0..regions.len()).filter(|&key| holds(&regions[key])).collect()
            };
            let found: Vec<usize> = index.overlapping(&wanted).map(|(key, _)| key).collect();
            prop_assert_eq!(&found, &keys(&|region| region.overlaps(&wanted)));
            overlapping.set(overlapping.get() + found.len());
            apart.set(apart.get() + regions.len() - found.len());
            for path in PATHS.iter().step_by(37) {
                let found: Vec<usize> = index.covering(path).map(|(key, _)| key).collect();
                prop_assert_eq!(&found, &keys(&|region| region.covers(path)));
                covering.set(covering.get() + found.len());
            }
            Ok(())
        };
        let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&(vec(any_region(), 1..20), any_region()), check).unwrap();
        let counts = (covering.get(), overlapping.get(), apart.get());
        assert!(counts.0 > 500 && counts.1 > 100 && counts.2 > 100, "{counts:?}: too few to mean anything");
    }

    #[test]
    fn a_set_that_meets_in_two_places_is_named_once() {
        let patterns = ["src/a", "src/b", "docs"].map(str::to_owned).to_vec();
        let mut index = RegionIndex::default();
        let set = Region::frozen_set("parts", patterns, Case::Sensitive).unwrap();
        index.insert_set(&RegionSet::new(vec![plain("tests"), set]), "lease");
        let wanted = plain("src");
        let found: Vec<_> =
            index.overlapping(&wanted).map(|(key, region)| (key, region.text().to_owned())).collect();
        assert_eq!(found, [("lease", "@parts".to_owned())]);
    }

    #[test]
    fn spellings_of_one_prefix_meet_where_case_does_not_matter() {
        let read = |text| Region::parse(text, &Default::default(), Case::Insensitive).unwrap();
        let mut index = RegionIndex::default();
        index.insert(&read("Src/Auth"), 1);
        index.insert(&read("SRC/*.rs"), 2);
        let wanted = read("sRC/auth/x");
        assert_eq!(index.overlapping(&wanted).map(|(key, _)| key).collect::<Vec<_>>(), [1]);
        assert_eq!(index.covering(b"src/a.RS").map(|(key, _)| key).collect::<Vec<_>>(), [2]);
    }
}
