//! What a sparse workspace has: its regions and what the policy names, as git's patterns for sparse checkouts.

use std::collections::BTreeSet;

use crate::domain::region::Case;
use crate::domain::region::Region;
use crate::domain::region::RegionSet;

/// The patterns of a sparse workspace. Of patterns the last one that matches decides, so what takes out comes first.
pub fn patterns(regions: &RegionSet, extras: &[String]) -> Vec<String> {
    let (mut sets, mut plain) = (Vec::new(), BTreeSet::new());
    for region in regions.iter() {
        match (region.set_patterns(), region.lines()) {
            (Some(patterns), _) if patterns.iter().any(|pattern| pattern.starts_with('!')) => {
                sets.extend(patterns.iter().map(|pattern| rooted(pattern)));
            }
            (Some(patterns), _) => plain.extend(patterns.iter().map(|pattern| rooted(pattern))),
            (None, Some((path, _))) => {
                // A path without a region of its own could not have been claimed.
                let file = Region::literal(path, Case::Sensitive);
                plain.extend(file.map(|file| rooted(file.text())));
            }
            (None, None) => {
                plain.insert(rooted(region.text()));
            }
        }
    }
    sets.into_iter().chain(plain).chain(extras.iter().cloned()).collect()
}

/// A region's pattern as git reads it: ours always begin at the top.
fn rooted(pattern: &str) -> String {
    match pattern.strip_prefix('!') {
        Some(pattern) => format!("!/{}", pattern.trim_start_matches('/')),
        None => format!("/{}", pattern.trim_start_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_takes_out_comes_before_what_a_plain_region_names() {
        let sets = BTreeMap::from([
            ("api".to_owned(), vec!["src/api/**".to_owned(), "!src/api/made/**".to_owned()]),
            ("doc".to_owned(), vec!["docs/**".to_owned()]),
        ]);
        let region = |text| Region::of_lease(text, &sets, Case::Sensitive).unwrap();
        let texts = ["src/api/made/x.rs", "@doc", "@api", "a[b.txt#L1-L2", "/top"].map(|text| match text {
            "a[b.txt#L1-L2" => region("a\\[b.txt#L1-L2"),
            text => region(text),
        });
        let patterns = patterns(&RegionSet::new(texts.to_vec()), &["/Cargo.toml".to_owned()]);
        let wanted = [
            "/src/api/**",
            "!/src/api/made/**",
            "/a\\[b.txt",
            "/docs/**",
            "/src/api/made/x.rs",
            "/top",
            "/Cargo.toml",
        ];
        assert_eq!(patterns, wanted);
    }
}
