//! The grammar of regions: what two regions cover both, they overlap in; whatever is asked, the answers agree.

use std::collections::BTreeMap;

use git_odyssey::base::failure::Explain;
use git_odyssey::domain::region::Case;
use git_odyssey::domain::region::Region;
use git_odyssey::domain::region::RegionSet;
use git_odyssey::domain::region_index::RegionIndex;

/// So many regions are looked at together.
const MOST: usize = 5;

/// The first line is a path, lines with a plus are patterns of the set `@s`, and all others are regions.
pub fn holds(input: &[u8]) -> bool {
    let mut lines = input.split(|&byte| byte == b'\n');
    let path = lines.next().unwrap_or_default();
    let (mut sets, mut texts) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
    for line in lines.filter_map(|line| std::str::from_utf8(line).ok()) {
        match line.strip_prefix('+') {
            Some(pattern) => sets.entry("s".to_owned()).or_default().push(pattern.to_owned()),
            None => texts.push(line),
        }
    }
    if sets.values().any(|patterns| patterns.len() > MOST) {
        return false;
    }
    let mut regions = Vec::new();
    for text in texts.into_iter().take(MOST) {
        match Region::of_lease(text, &sets, Case::Sensitive) {
            Ok(region) => {
                assert_eq!(region.text(), text);
                let loose = Region::of_lease(text, &sets, Case::Insensitive).unwrap();
                // What a set takes out it takes out in any case, so this is for plain ones.
                assert!(region.set_patterns().is_some() || !region.covers(path) || loose.covers(path));
                regions.push(region);
            }
            Err(error) => {
                super::is_told_plainly(&error);
                error.hints().iter().for_each(|hint| super::is_told_plainly(hint));
            }
        }
    }
    let mut index = RegionIndex::default();
    for (place, region) in regions.iter().enumerate() {
        index.insert(region, place);
    }
    let found: Vec<usize> = index.covering(path).map(|(place, _)| place).collect();
    let covering = regions.iter().enumerate().filter(|(_, region)| region.covers(path));
    assert_eq!(found, covering.map(|(place, _)| place).collect::<Vec<_>>(), "the index covers otherwise");
    for (place, one) in regions.iter().enumerate() {
        let found: Vec<usize> = index.overlapping(one).map(|(place, _)| place).collect();
        let asked = regions.iter().enumerate().filter(|(_, other)| other.overlaps(one));
        assert_eq!(found, asked.map(|(place, _)| place).collect::<Vec<_>>(), "the index overlaps otherwise");
        for other in &regions[place..] {
            let meets = one.overlaps(other) && other.overlaps(one);
            assert!(
                !(one.covers(path) && other.covers(path)) || meets,
                "{one} and {other} both cover the path"
            );
            if let Some(witness) = one.witness(other) {
                assert!(one.covers(&witness) && other.covers(&witness), "{one} and {other}: {witness:?}");
                assert!(meets, "{one} and {other} meet at {witness:?}");
            }
        }
    }
    if let Some(own) = Region::literal(path, Case::Sensitive) {
        assert!(own.covers(path), "{own} does not cover its path");
        let longer = [path, b"x"].concat();
        assert!(!own.covers(&longer), "{own} covers another path");
        for region in regions.iter().filter(|region| region.covers(path)) {
            assert!(region.overlaps(&own) && own.overlaps(region), "{region} covers {own}");
        }
    }
    let set = RegionSet::new(regions);
    set.covers(path).is_some()
}
