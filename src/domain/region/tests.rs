//! Regions, covered and overlapping as every path of a small world says.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::Strategy;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::prop_assert_ne;
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::test_runner::Config;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestRunner;

use super::Case;
use super::Effort;
use super::Fault;
use super::Meeting;
use super::Region;
use super::RegionSet;
use crate::base::failure::Explain;
use crate::base::failure::Kind;

/// A region without named sets, where case matters.
pub(in crate::domain) fn plain(text: &str) -> Region {
    Region::parse(text, &BTreeMap::new(), Case::Sensitive).unwrap()
}

fn set(patterns: &[&str]) -> Region {
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    Region::frozen_set("set", patterns, Case::Sensitive).unwrap()
}

/// Every valid path of up to six bytes from `a`, `b`, `.` and `/`, shortest first.
pub(crate) static PATHS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let longer = |word: &Vec<u8>| b"ab./".map(|byte| [word.as_slice(), &[byte]].concat());
    let lengths = std::iter::successors(Some(vec![Vec::new()]), |words: &Vec<Vec<u8>>| {
        Some(words.iter().flat_map(longer).collect())
    });
    let mut words = lengths.take(7).collect::<Vec<_>>().concat();
    words.retain(|word| is_valid(word));
    words
});

fn is_valid(path: &[u8]) -> bool {
    !path.contains(&0)
        && path.split(|&byte| byte == b'/').all(|name| {
            !name.is_empty() && name != b"." && name != b".." && !name.eq_ignore_ascii_case(b".git")
        })
}

fn pattern_text() -> impl Strategy<Value = String> {
    const FRAGMENTS: &[&str] = &[
        "a", "b", "a", "b", "/", "/", "a/", "b/", "*", "**/", "/**", "/**/", "?", "[ab]", "[!a]", "[.a]", ".",
    ];
    proptest::collection::vec(select(FRAGMENTS), 1..6).prop_map(|parts| parts.concat())
}

/// A pattern or a set of up to four, with negation, over the names of [`PATHS`].
pub(crate) fn any_region() -> impl Strategy<Value = Region> {
    let plain = pattern_text()
        .prop_filter_map("refused", |text| Region::parse(&text, &BTreeMap::new(), Case::Sensitive).ok());
    let rule = (proptest::bool::weighted(0.4), pattern_text())
        .prop_map(|(is_negated, text)| if is_negated { format!("!{text}") } else { text });
    let set = proptest::collection::vec(rule, 1..5)
        .prop_filter_map("refused", |rules| Region::frozen_set("set", rules, Case::Sensitive).ok());
    prop_oneof![plain, set]
}

fn shown(region: &Region) -> String {
    region.set_patterns().map_or_else(|| region.text().to_owned(), |patterns| format!("{patterns:?}"))
}

#[test]
fn regions_overlap_exactly_when_a_path_is_covered_by_both() {
    let (together, apart, taken_out) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let check = |(one, two): (Region, Region)| -> Result<(), TestCaseError> {
        let about = || format!("{} and {}", shown(&one), shown(&two));
        let found = PATHS.iter().find(|path| one.covers(path) && two.covers(path));
        let meeting = one.meeting(&two);
        prop_assert_ne!(&meeting, &Meeting::Unknown, "{}", about());
        prop_assert_eq!(one.overlaps(&two), meeting != Meeting::Apart, "{}", about());
        prop_assert_eq!(two.overlaps(&one), one.overlaps(&two), "{}", about());
        prop_assert_eq!(one.witness(&two).is_some(), meeting != Meeting::Apart, "{}", about());
        let Meeting::At(path) = meeting else {
            prop_assert_eq!(found, None, "{}", about());
            apart.set(apart.get() + 1);
            return Ok(());
        };
        prop_assert!(is_valid(&path) && one.covers(&path) && two.covers(&path), "{} at {:?}", about(), path);
        match found {
            Some(found) => {
                prop_assert!(path.len() <= found.len(), "{}: {:?}, {:?}", about(), path, found)
            }
            None => prop_assert!(!PATHS.contains(&path), "{} at {:?}", about(), path),
        }
        together.set(together.get() + 1);
        let widened =
            one.grants().any(|mine| two.grants().any(|theirs| mine.taken_out(theirs).next().is_some()));
        taken_out.set(taken_out.get() + usize::from(widened));
        Ok(())
    };
    TestRunner::new(config).run(&(any_region(), any_region()), check).unwrap();
    let counts = (together.get(), apart.get(), taken_out.get());
    assert!(counts.0 > 400 && counts.1 > 400 && counts.2 > 100, "{counts:?}: too few to mean anything");
}

#[test]
fn a_set_covers_what_its_last_matching_pattern_adds() {
    let checked = Cell::new(0);
    let check = |region: Region| -> Result<(), TestCaseError> {
        let Some(lines) = region.set_patterns() else { return Ok(()) };
        for path in PATHS.iter() {
            let mut is_covered = false;
            for line in lines {
                let text = line.strip_prefix('!').unwrap_or(line);
                if plain(text).covers(path) {
                    is_covered = !line.starts_with('!');
                }
            }
            prop_assert_eq!(region.covers(path), is_covered, "{} on {:?}", shown(&region), path);
            checked.set(checked.get() + usize::from(is_covered && lines.len() > 1));
        }
        Ok(())
    };
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&any_region(), check).unwrap();
    assert!(checked.get() > 100, "{}", checked.get());
}

#[test]
fn a_claim_inside_a_held_region_overlaps_it() {
    for (held, asked, path) in [
        ("src/**", "src/auth/login.rs", "src/auth/login.rs"),
        ("src/auth", "src/auth/login.rs", "src/auth/login.rs"),
        ("src/auth/login.rs", "src/*/login.rs", "src/auth/login.rs"),
        (".", "Cargo.toml", "Cargo.toml"),
        ("**/*.rs", "src/auth", "src/auth/.rs"),
    ] {
        assert!(plain(held).overlaps(&plain(asked)), "{held} and {asked}");
        assert_eq!(plain(held).witness(&plain(asked)), Some(path.into()), "{held} and {asked}");
    }
}

#[test]
fn neighbours_do_not_overlap() {
    for (held, asked) in [
        ("src/auth", "src/author"),
        ("src/auth/**", "src/auth.rs"),
        ("src/*.rs", "src/*.toml"),
        ("docs", "src"),
        ("*.rs", "src/**/*.rs"),
    ] {
        assert!(!plain(held).overlaps(&plain(asked)), "{held} and {asked}");
    }
}

#[test]
fn what_a_set_takes_out_is_free_for_others() {
    let source = set(&["src", "!src/gen", "src/gen/keep/*.rs"]);
    assert!(source.covers(b"src/gen/keep/a.rs") && !source.covers(b"src/gen/a.rs"));
    assert!(!source.overlaps(&plain("src/gen/a.rs")));
    assert!(!source.overlaps(&plain("src/gen/lib/**/*.rs")));
    assert!(!source.overlaps(&set(&["**", "!src"])));
    assert_eq!(source.witness(&plain("src/gen")), Some(b"src/gen/keep/.rs".to_vec()));
    assert_eq!(source.witness(&plain("src/ge[mn]")), Some(b"src/gem".to_vec()));
}

#[test]
fn where_case_does_not_matter_two_spellings_are_one_region() {
    let read = |text, case| Region::parse(text, &BTreeMap::new(), case).unwrap();
    let (lower, upper) = (read("src/a*/x", Case::Insensitive), read("SRC/A[B]/", Case::Insensitive));
    assert_eq!(lower.witness(&upper), Some(b"src/ab/x".to_vec()));
    assert!(lower.overlaps(&upper) && lower.covers(b"Src/Ab/X"));
    assert!(read("SRC", Case::Insensitive).overlaps(&read("src/a", Case::Sensitive)));
    assert!(!read("SRC", Case::Sensitive).overlaps(&read("src/a", Case::Sensitive)));
}

#[test]
fn a_named_set_is_read_as_it_stands_now_and_frozen_for_later() {
    let mut sets = BTreeMap::from([("auth".to_owned(), vec!["src/auth".to_owned(), "!**/*.md".to_owned()])]);
    let region = Region::parse("@auth", &sets, Case::Sensitive).unwrap();
    assert_eq!((region.text(), region.set_patterns()), ("@auth", Some(sets["auth"].as_slice())));
    assert_eq!(plain("src").set_patterns(), None);
    let stored = region.set_patterns().unwrap().to_vec();
    sets.insert("auth".to_owned(), vec!["docs".to_owned()]);
    assert_eq!(Region::frozen_set("auth", stored, Case::Sensitive).unwrap(), region);
    assert_ne!(Region::parse("@auth", &sets, Case::Sensitive).unwrap(), region);
}

#[test]
fn a_refusal_names_the_region_and_says_what_to_write() {
    let sets = BTreeMap::from([
        ("api".to_owned(), vec![]),
        ("auth".to_owned(), vec!["a".to_owned(), "!a//b".to_owned()]),
        ("void".to_owned(), vec!["a/*".to_owned(), "!a".to_owned()]),
    ]);
    let mut screen = String::new();
    for text in [
        "@ath",
        "@api",
        "@auth",
        "@void",
        "!a",
        "src/*.rs#L10-L80",
        "src/lib.rs#L10-80",
        "src/lib.rs#L80-L10",
        "src/lib.rs#L0",
        "src/lib.rs#L999999999",
        "src/lib.rs::parse",
        "src\\a",
        "a\u{1b}b",
    ] {
        let error = Region::of_lease(text, &sets, Case::Sensitive).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        screen.push_str(&format!("{error}\n"));
        error.hints().iter().for_each(|hint| screen.push_str(&format!("  {hint}\n")));
    }
    let expected = r"'@ath' cannot be a region: there is no set of that name
  the sets are @api, @auth, @void
  for a file of that name, write \@ath
'@api' cannot be a region: the set is empty
  give the set a pattern in odyssey.toml
'a//b' in the set @auth cannot be a region: it has an empty component
  write a single / between two names
'@void' cannot be a region: no path can ever match it
  name at least one file or directory that could exist
'!a' cannot be a region: only a pattern in a named set can take something out
  put it into a named set in odyssey.toml, or write \! for a name that starts with !
'src/*.rs#L10-L80' cannot be a region: lines can only be of one file, and in a claim
  claim the whole file: src/*.rs
  if the file has that name, write \#
'src/lib.rs#L10-80' cannot be a region: its lines are written otherwise than #L10-L80
  write path#L10-L80, or path#L7 for one line; if the file has that name, write \#
'src/lib.rs#L80-L10' cannot be a region: its lines end before they begin
  write #L10-L80
'src/lib.rs#L0' cannot be a region: a file's first line is line 1
  write path#L10-L80, or path#L7 for one line; if the file has that name, write \#
'src/lib.rs#L999999999' cannot be a region: no file has so many lines
  claim the whole file: write its path alone
'src/lib.rs::parse' cannot be a region: symbols are not supported yet
  claim the whole file: src/lib.rs
  if the file has that name, write \:\:
'src\a' cannot be a region: a backslash stands before a letter or digit
  write / between directories; \\ is a backslash in a name; leave other backslashes out
'a\x1bb' cannot be a region: it has control characters
  to match such a name, write ? in place of the character
";
    assert_eq!(screen, expected);
}

#[test]
fn lines_of_a_file_are_a_region_of_a_lease_and_of_nothing_else() {
    let read = |text| Region::of_lease(text, &BTreeMap::new(), Case::Sensitive);
    let lines = |text| read(text).unwrap().lines().map(|(path, span)| (path.to_owned(), span.to_string()));
    let found = |path: &[u8], lines: &str| Some((path.to_owned(), lines.to_owned()));
    assert_eq!(lines("src/lib.rs#L10-L80"), found(b"src/lib.rs", "lines 10 to 80"));
    assert_eq!(lines("./src/lib.rs#L7"), found(b"src/lib.rs", "line 7"));
    assert_eq!(lines(r"a\#L1#L2"), found(b"a#L1", "line 2"));
    assert_eq!(lines(r"a\#L1"), None);
    assert!(read(r"a\#L1").unwrap().covers(b"a#L1"));
    let (upper, lower) = (read("src/lib.rs#L1-L40").unwrap(), read("src/lib.rs#L41-L80").unwrap());
    assert_eq!((upper.text(), upper.set_patterns()), ("src/lib.rs#L1-L40", None));
    assert!(upper.covers(b"src/lib.rs") && !upper.covers(b"src/main.rs"));
    assert!(upper.overlaps(&plain("src/**")) && upper.overlaps(&plain("src/lib.rs")));
    assert!(upper.overlaps(&lower), "which lines these are is not for the region to say");
    assert!(!upper.overlaps(&plain("src/main.rs")));
    assert!(Region::parse("src/lib.rs#L1", &BTreeMap::new(), Case::Sensitive).is_err());
    assert!(Region::frozen_set("a", vec!["b#L1".to_owned()], Case::Sensitive).is_err());
    for text in ["src/#L1", "#L1", "src/**#L1", "a?#L1", "a#L1/b"] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn a_set_that_is_too_entangled_overlaps_rather_than_not() {
    // What is left are words that repeat themselves after 22 letters: half of any such word must be remembered.
    let apart = format!("*a{}b*", "?".repeat(21));
    let entangled =
        set(&["*", &format!("!{apart}"), &format!("!*b{}a*", "?".repeat(21)), "!*[!ab]*", "!*/**"]);
    let long = plain(&"?".repeat(60));
    assert!(entangled.covers(&b"a".repeat(60)));
    let mismatch = plain(&format!("{}a{}b{}", "?".repeat(20), "?".repeat(21), "?".repeat(17)));
    assert_eq!(entangled.meeting(&mismatch), Meeting::Unknown);
    assert!(entangled.overlaps(&mismatch));
    assert_eq!(entangled.witness(&mismatch), None);
    assert!(entangled.overlaps(&long));
}

#[test]
fn ordinary_sets_need_a_hundredth_of_the_effort_at_most() {
    const LINES: &[&str] = &[
        "src/**",
        "src/auth",
        "src/*/mod.rs",
        "**/*.rs",
        "**/*.md",
        "docs/",
        "docs/**/*.md",
        "tests/*_test.rs",
        "Cargo.*",
        "*.toml",
        "crates/*/src/**",
        "crates/[a-m]*/",
        "**/generated/**",
        "**/target/",
        "!src/auth/**",
        "!**/*.lock",
        "!**/generated/**",
        "!src/**/tests/*.rs",
        "!docs/*.md",
        "!crates/*/benches",
        "!**/.*",
        "!**/*_test.*",
        "!**/node_modules/",
        "!**/[A-Z]*",
    ];
    let lines = proptest::collection::vec(select(LINES), 1..12)
        .prop_map(|lines| lines.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let any_set =
        lines.prop_filter_map("refused", |lines| Region::frozen_set("set", lines, Case::Sensitive).ok());
    let (most, spent) = (Cell::new(0), Cell::new(0));
    let check = |(one, two): (Region, Region)| -> Result<(), TestCaseError> {
        let mut effort = Effort::ALLOWED.clone();
        let meeting = one.meeting_within(&two, &mut effort);
        prop_assert_ne!(meeting, Meeting::Unknown);
        let cost = Effort::ALLOWED.left() - effort.left();
        most.set(most.get().max(cost));
        spent.set(spent.get() + usize::from(cost > 0));
        Ok(())
    };
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&(&any_set, &any_set), check).unwrap();
    assert!(spent.get() > 30, "{} of 300 had something taken out", spent.get());
    assert!(most.get() < Effort::ALLOWED.left() / 100, "{}", most.get());
}

#[test]
fn a_leases_regions_name_the_first_that_is_met() {
    let lease: RegionSet = ["docs", "src/auth/**", "src/**"].into_iter().map(plain).collect();
    let other: RegionSet = ["tests", "src/*/login.rs"].into_iter().map(plain).collect();
    let texts = |(one, two): (&Region, &Region)| (one.text().to_owned(), two.text().to_owned());
    let expected = ("src/auth/**".to_owned(), "src/*/login.rs".to_owned());
    assert_eq!(lease.overlaps(&other).map(texts), Some(expected));
    assert_eq!(lease.covers(b"src/auth/a").map(Region::text), Some("src/auth/**"));
    assert_eq!(lease.covers(b"Cargo.toml"), None);
    assert_eq!(RegionSet::default().overlaps(&lease), None);
}

#[test]
fn a_set_in_a_set_is_refused() {
    let error = Region::frozen_set("a", vec!["@b".to_owned()], Case::Sensitive).unwrap_err();
    assert_eq!((error.fault, error.set.as_deref()), (Fault::SetInSet, Some("a")));
}
