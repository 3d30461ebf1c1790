//! Seeds of the fuzzer: each holds to its property, torn and joined with others too, so that what was found once stays mended.

#![allow(clippy::unwrap_used, reason = "a seed that cannot be read fails the test, and shows which")]

use std::collections::BTreeMap;
use std::path::Path;

#[path = "fuzz/properties/mod.rs"]
mod properties;

use properties::ALL;

/// The seeds of one property, by their names. Those that begin with `good-` are taken for something good.
fn seeds(property: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(property);
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())
    };
    std::fs::read_dir(&folder).unwrap().map(read).collect()
}

/// Runs a property, and says with which input it did not hold.
#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn holds(property: fn(&[u8]) -> bool, name: &str, input: &[u8]) -> bool {
    let taken = std::panic::catch_unwind(|| property(input));
    taken.unwrap_or_else(|panic| {
        eprintln!("it was {name}: {:?}", String::from_utf8_lossy(input));
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn every_seed_holds_to_its_property() {
    for (folder, property) in ALL {
        let seeds = seeds(folder);
        assert!(seeds.keys().any(|name| name.starts_with("good-")), "{folder} has nothing that is good");
        for (name, input) in &seeds {
            let taken = holds(property, &format!("{folder}/{name}"), input);
            assert_eq!(taken, name.starts_with("good-"), "{folder}/{name} was taken: {taken}");
        }
    }
}

#[test]
fn a_seed_that_was_torn_or_joined_with_another_holds_too() {
    for (folder, property) in ALL {
        let seeds: Vec<(String, Vec<u8>)> = seeds(folder).into_iter().collect();
        for (place, (name, input)) in seeds.iter().enumerate() {
            let cuts = input.iter().enumerate().filter(|(_, byte)| b"\n ,\"".contains(byte));
            for (cut, _) in cuts.step_by(7) {
                holds(property, &format!("{folder}/{name} up to {cut}"), &input[..cut]);
                holds(property, &format!("{folder}/{name} from {cut}"), &input[cut..]);
            }
            let next = &seeds[(place + 1) % seeds.len()].1;
            holds(property, &format!("{folder}/{name} and the next"), &[&input[..], b"\n", next].concat());
        }
    }
}
