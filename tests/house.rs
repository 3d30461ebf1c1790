//! Holds the floors of the house: imports go down only, files open with their sentence, and stay small.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the test reads the sources, not the product's world"
)]

use std::fs;
use std::path::Path;

/// The rooms and their floors. Rooms of one floor do not import each other.
const ROOMS: [(&str, u8); 9] = [
    ("base", 0),
    ("domain", 1),
    ("git", 1),
    ("guard", 2),
    ("ledger", 2),
    ("merge", 2),
    ("workspace", 2),
    ("commands", 3),
    ("ui", 4),
];

/// A file with more lines holds two nouns; its tests beside it do not count.
const LONGEST: usize = 500;

fn floor(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// What is wrong with one file of a room, each fault a line.
fn faults(room: &str, path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fault = |what: String| found.push(format!("{path}: {what}"));
    let tests = ["#[cfg(test)]\nmod tests", "#[cfg(test)]\npub(super) mod tests"];
    let product =
        tests.iter().filter_map(|tests| text.find(tests)).min().map_or(text, |start| &text[..start]);
    if !text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.ends_with(['.', ':', '?'])) {
        fault("does not open with its sentence".to_owned());
    }
    if product.lines().count() > LONGEST {
        fault(format!("has {} lines before its tests", product.lines().count()));
    }
    for line in product.lines().filter(|line| !line.trim_start().starts_with("//")) {
        if line.trim_start().starts_with("use ") && line.contains("::*") {
            fault(format!("imports everything: {}", line.trim()));
        }
        for part in line.split("crate::").skip(1) {
            let other: String =
                part.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
            if other == room {
                continue;
            }
            match (floor(room), floor(&other)) {
                (Some(own), Some(other)) if other < own => {}
                (_, None) => {}
                _ => fault(format!("imports {other}, which is not below {room}")),
            }
        }
        let starts = line.contains("Command::new(");
        if starts && !["git/run.rs", "workspace/process.rs"].contains(&path) {
            fault(format!("starts a process: {}", line.trim()));
        }
        let pure = ["std::fs", "std::env", "std::process", "gix::", "File::"];
        if room == "domain" && pure.iter().any(|outside| line.contains(outside)) {
            fault(format!("is not pure: {}", line.trim()));
        }
    }
    found
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_house_stands_as_its_plan_says() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    assert!(all.len() > 50, "only {} files were found", all.len());
    let mut found = Vec::new();
    for file in all {
        let path = file.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
        let room = path.split('/').next().unwrap();
        let is_test =
            path.ends_with("/tests.rs") || path.ends_with("testing.rs") || path.ends_with("scratch.rs");
        if is_test || !path.contains('/') {
            continue;
        }
        assert!(floor(room).is_some(), "the room {room} is in no plan");
        found.extend(faults(room, &path, &fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_kind_of_fault_is_seen() {
    let good = "//! A noun.\nuse crate::base::clock::Clock;\n";
    assert_eq!(faults("domain", "domain/x.rs", good), Vec::<String>::new());
    let cases = [
        ("domain", "domain/x.rs", "//! A noun.\nuse crate::ledger::local::Ledger;\n", "imports ledger"),
        ("domain", "domain/x.rs", "//! A noun.\nlet x = crate::git::Oid;\n", "imports git"),
        ("merge", "merge/x.rs", "//! A noun.\nuse crate::guard::Bench;\n", "imports guard"),
        ("git", "git/x.rs", "//! A noun.\nuse super::*;\n", "imports everything"),
        ("git", "git/x.rs", "use crate::base::clock::Clock;\n", "does not open"),
        ("git", "git/x.rs", "//! A noun.\nCommand::new(\"git\");\n", "starts a process"),
        ("domain", "domain/x.rs", "//! A noun.\nuse std::fs;\n", "is not pure"),
    ];
    for (room, path, text, said) in cases {
        let found = faults(room, path, text);
        assert!(found.len() == 1 && found[0].contains(said), "{text}: {found:?}");
    }
    let long = format!("//! A noun.\n{}", "fn f() {}\n".repeat(LONGEST));
    assert_eq!(faults("git", "git/x.rs", &long).len(), 1);
}
