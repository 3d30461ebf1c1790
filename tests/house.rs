//! The house: imports go down only, files stay small, and each power is used in the one place that is meant for it.
//!
//! Nothing here parses Rust. The rules are about lines, the code is formatted, and what is meant to be read by people
//! can be read by a test. `#[cfg(test)]` code comes last in a file, or in a file of its own; it may do what it likes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

type Failed = Box<dyn std::error::Error>;

/// The floors of `lib.rs`, from the ground up. Rooms on one floor do not know each other.
///
/// `workspace` and `guard` are on the second floor because they use `git` and `domain`; nobody beside them uses them.
/// `commands` is one room, so commands may use each other.
const FLOORS: [&[&str]; 5] = [
    &["base"],
    &["domain", "git"],
    &["ledger", "merge", "agents", "workspace", "guard"],
    &["commands"],
    &["ui"],
];

/// What may be written in some places only: the text, the places (a file or a room), and why.
const POWERS: [(&str, &[&str], &str); 6] = [
    ("Command::new(", &["git/run.rs", "workspace/process.rs"], "a program is started in one place"),
    ("Command::new(\"git\")", &["git/run.rs"], "git is started in one place"),
    ("env::var", &["ui/world.rs"], "the environment is read in one place"),
    ("env::current_dir", &["ui/world.rs"], "the environment is read in one place"),
    ("process::exit", &[], "only main ends the process, by returning"),
    ("gix::", &["git/"], "one room talks to git"),
];

/// What the rules of the domain never use: they are told everything.
const IMPURE: [&str; 6] = ["std::fs", "std::env", "std::process", "std::io", "gix::", "Timestamp::now"];

/// How long a file may be, its tests not counted: they should not be a reason to move code away from them.
const LONGEST: usize = 500;

/// One file of `src/`.
struct Source {
    /// Its path below `src/`, with slashes.
    path: String,
    /// All of it.
    text: String,
}

impl Source {
    /// The room that the file is in; nothing for `main.rs` and `lib.rs`.
    fn room(&self) -> Option<&str> {
        self.path.split_once('/').map(|(room, _)| room)
    }

    /// The path by which this module would leave its room without naming another.
    fn way_out(&self) -> String {
        "super::".repeat(self.path.trim_end_matches("/mod.rs").split('/').count())
    }

    /// The lines of the program, with their numbers: without comments, and without tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.product().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The lines before the tests, with their numbers.
    fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().peekable();
        let mut number = 0;
        std::iter::from_fn(move || {
            let line = lines.next()?;
            number += 1;
            let module = |next: &&str| next.contains("mod ") && next.ends_with('{');
            let tests = line == "#[cfg(test)]" && lines.peek().is_some_and(module);
            (!tests).then_some((number, line))
        })
    }

    /// The modules that this file declares for tests only.
    fn test_modules(&self) -> BTreeSet<String> {
        let folder = self
            .path
            .strip_suffix("mod.rs")
            .map_or_else(|| format!("{}/", self.path.trim_end_matches(".rs")), |folder| folder.to_owned());
        let lines: Vec<&str> = self.text.lines().collect();
        let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").filter_map(|pair| {
            let (_, name) = pair[1].strip_suffix(';')?.rsplit_once("mod ")?;
            Some(format!("{folder}{name}"))
        });
        declared.collect()
    }
}

/// What is wrong with one file, a line each.
fn faults(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault =
        |number: usize, what: String| faults.push(format!("src/{}:{number}: {what}", source.path));
    let first = opening(&source.text);
    if !first.ends_with(['.', ':', '?']) {
        fault(1, "opens without a sentence that says what the file is for".to_owned());
    }
    let length = source.product().count();
    if length > LONGEST {
        fault(length, format!("is longer than {LONGEST} lines"));
    }
    for (number, line) in source.code() {
        if line.trim_start().starts_with("use ") && line.contains("::*") || line.contains("::*;") {
            fault(number, "imports all names, so that nobody sees which".to_owned());
        }
        if line.contains("crate::{") || line.contains(&source.way_out()) {
            fault(number, "reaches other rooms in a way that hides which".to_owned());
        }
        for other in rooms_named(line) {
            if let Some(why) = source.room().and_then(|room| forbidden(room, other)) {
                fault(number, format!("uses {other}: {why}"));
            }
        }
        for (power, places, why) in POWERS {
            let inside = places.iter().any(|place| source.path.starts_with(place));
            if line.contains(power) && !inside {
                fault(number, format!("writes {power}: {why}"));
            }
        }
        for power in IMPURE.iter().filter(|power| source.room() == Some("domain") && line.contains(*power)) {
            fault(number, format!("writes {power}: the rules are told everything and do nothing"));
        }
    }
    faults
}

/// The first paragraph of a file's own documentation, as one line.
fn opening(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    lines.collect::<Vec<_>>().join(" ")
}

/// The rooms that a line names, as `crate::room`.
fn rooms_named(line: &str) -> Vec<&str> {
    let ends = |letter: char| !(letter.is_alphanumeric() || letter == '_');
    line.split("crate::")
        .skip(1)
        .filter_map(|rest| rest.split(ends).next())
        .filter(|room| floor(room).is_some())
        .collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Why a room may not use another; nothing if it may.
fn forbidden(room: &str, other: &str) -> Option<&'static str> {
    if room == other {
        return None;
    }
    match (floor(room), floor(other)) {
        (Some(own), Some(below)) if own > below => None,
        (Some(own), Some(beside)) if own == beside => Some("it is another room on the same floor"),
        (Some(_), Some(_)) => Some("it is on a floor above"),
        _ => Some("it is on no floor"),
    }
}

/// All files of `src/` that are in the product.
fn sources() -> Result<Vec<Source>, Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
                found.push(Source { path: below, text: fs::read_to_string(&path)? });
            }
        }
    }
    let tests: BTreeSet<String> = found.iter().flat_map(Source::test_modules).collect();
    let is_test = |path: &str| {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        tests.iter().any(|test| module == test || module.starts_with(&format!("{test}/")))
    };
    found.retain(|source| !is_test(&source.path));
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

#[test]
fn the_house_stands() -> Result<(), Failed> {
    let sources = sources()?;
    assert!(sources.iter().any(|source| source.path == "lib.rs"), "the source was not found");
    let mut faults: Vec<String> = sources.iter().flat_map(faults).collect();
    for room in sources.iter().filter_map(Source::room).collect::<BTreeSet<_>>() {
        if floor(room).is_none() {
            faults.push(format!("src/{room}: is on no floor"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    Ok(())
}

/// What is wrong with a planted file, without its place.
fn planted(path: &str, code: &str) -> Vec<String> {
    let source = Source { path: path.to_owned(), text: format!("//! A planted file.\n\n{code}\n") };
    let place = format!("src/{path}:");
    faults(&source).iter().map(|fault| fault.trim_start_matches(&place).to_owned()).collect()
}

#[test]
fn imports_up_and_sideways_are_found() {
    assert_eq!(
        planted("git/a.rs", "use crate::ledger::local::Ledger;"),
        ["3: uses ledger: it is on a floor above"]
    );
    assert_eq!(
        planted("ledger/a.rs", "fn a(b: crate::merge::Merge) {}"),
        ["3: uses merge: it is another room on the same floor"]
    );
    assert_eq!(planted("domain/a.rs", "pub(crate) use crate::git::Oid;").len(), 1);
    assert_eq!(planted("base/a.rs", "use crate::{base::page, ui};").len(), 1);
    assert_eq!(planted("git/a.rs", "use super::super::ledger::local::Ledger;").len(), 1);
    assert_eq!(planted("git/mod.rs", "use super::ledger::local::Ledger;").len(), 1);
    assert_eq!(planted("git/worktree/a.rs", "use super::super::merge::Merge;"), [""; 0], "still in the room");
    assert_eq!(planted("commands/a.rs", "use crate::commands::b;\nuse crate::base::page::Page;"), [""; 0]);
    assert_eq!(planted("guard/a.rs", "use crate::git::Oid;\nuse crate::domain::lease::Lease;"), [""; 0]);
}

#[test]
fn comments_and_tests_may_name_anything() {
    assert_eq!(
        planted("base/a.rs", "/// See [`crate::ui::start`].\n// crate::ui::start\nfn a() {}"),
        [""; 0]
    );
    let tests = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::ui::start;\n}";
    assert_eq!(planted("base/a.rs", tests), [""; 0]);
    assert_eq!(
        planted("base/a.rs", "#[cfg(test)]\nmod tests;\nuse super::*;").len(),
        1,
        "the product goes on"
    );
    assert_eq!(
        planted("base/a.rs", "#[cfg(test)]\nfn a() {}\nuse super::*;").len(),
        1,
        "the product goes on"
    );
    let parent =
        Source { path: "git/mod.rs".to_owned(), text: "#[cfg(test)]\npub(crate) mod testing;\n".to_owned() };
    assert_eq!(parent.test_modules(), ["git/testing".to_owned()].into());
    let parent = Source { path: "domain/book.rs".to_owned(), text: "#[cfg(test)]\nmod tests;\n".to_owned() };
    assert_eq!(parent.test_modules(), ["domain/book/tests".to_owned()].into());
}

#[test]
fn names_are_imported_one_by_one() {
    assert_eq!(planted("base/a.rs", "use super::*;").len(), 1);
    assert_eq!(planted("base/a.rs", "pub use super::text::*;").len(), 1);
    assert_eq!(planted("base/a.rs", "let area = width::of(a) * 2;"), [""; 0]);
}

#[test]
fn a_file_says_what_it_is_for_and_stays_small() {
    let file = |text: &str| faults(&Source { path: "base/a.rs".to_owned(), text: text.to_owned() }).len();
    assert_eq!(file("//! What it is\n//! for.\n"), 0);
    assert_eq!(file("//! The parts:\n//!\n//! - one\n"), 0);
    assert_eq!(file("//! What it is for\n"), 1);
    assert_eq!(file("use std::fs;\n"), 1);
    assert_eq!(file(&format!("//! Long.\n{}", "fn a() {}\n".repeat(LONGEST))), 1);
    assert_eq!(
        file(&format!("//! Long.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn a() {}\n".repeat(LONGEST))),
        0
    );
}

#[test]
fn each_power_has_its_place() {
    let start = "let mut command = Command::new(program);";
    assert_eq!(planted("workspace/process.rs", start), [""; 0]);
    assert_eq!(planted("git/repo.rs", start), ["3: writes Command::new(: a program is started in one place"]);
    assert_eq!(planted("workspace/process.rs", "Command::new(\"git\")").len(), 1);
    assert_eq!(planted("git/run.rs", "Command::new(\"git\")"), [""; 0]);
    assert_eq!(planted("commands/a.rs", "std::env::var_os(\"HOME\")").len(), 1);
    assert_eq!(planted("main.rs", "std::process::exit(1)").len(), 1);
    assert_eq!(planted("domain/a.rs", "use std::fs;").len(), 1);
    assert_eq!(planted("domain/a.rs", "let id: gix::ObjectId;").len(), 2);
}
