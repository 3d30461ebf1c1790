//! The review on the terminal, in a pseudo-terminal: whole screens, every kind of conflict, and no way out that loses something.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a scene that cannot be set fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests plant files and start programs as people do")]

mod support;

#[allow(dead_code, reason = "other tests use what these do not")]
#[path = "screen/tty.rs"]
mod tty;

#[path = "screen/kinds.rs"]
mod kinds;

#[path = "screen/leaving.rs"]
mod leaving;

#[path = "screen/pictures.rs"]
mod pictures;

#[path = "screen/settling.rs"]
mod settling;

use std::path::Path;

use support::Lab;
use support::Run;
use tty::Tty;

/// Files, each with its content; nothing where there is none.
type Files<'a> = &'a [(&'a str, Option<&'a [u8]>)];

/// A lab in which the task `greet` of claude-1 and `main` want different things: the files as they were, as main has them
/// and as the task has them.
fn lab(policy: &str, base: Files<'_>, ours: Files<'_>, theirs: Files<'_>) -> Lab {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", format!("{policy}\n[ledger]\nfsync = false\n"));
    put(&lab.main(), base);
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "greet", "--region", "src/**", "--for", "claude-1"]).ok();
    put(&lab.workspace("greet"), theirs);
    lab.commit_in(&lab.workspace("greet"), "greet: be polite");
    put(&lab.main(), ours);
    person_commits(&lab, "main: ask how they are");
    lab
}

/// Commits everything on main, as a person who may.
fn person_commits(lab: &Lab, message: &str) {
    lab.git(&["add", "--all"]);
    let mut command = lab.command("git", &lab.main(), &["commit", "--quiet", "--message", message]);
    let run = Run::of(command.env("GIT_ODYSSEY_OVERRIDE", "the test's person"));
    assert_eq!(run.code, 0, "{run:#?}");
}

fn put(folder: &Path, files: Files<'_>) {
    for (path, content) in files {
        let path = folder.join(path);
        match content {
            Some(content) => support::write(&path, content),
            None if path.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
    }
}

/// A file of so many numbered lines, of which some are others.
fn numbered(count: usize, others: &[(usize, &str)]) -> Vec<u8> {
    let line = |number: usize| match others.iter().find(|(other, _)| *other == number) {
        Some((_, text)) => format!("{text}\n"),
        None => format!("line {number}\n"),
    };
    (1..=count).map(line).collect::<String>().into_bytes()
}

/// The usual lab: two conflicts in one file, and one in another.
fn usual() -> Lab {
    usual_with("")
}

fn usual_with(policy: &str) -> Lab {
    let code = |greeting: &str, limit: &str| {
        let greeting = format!("    format!(\"{greeting}\")");
        numbered(20, &[(3, &greeting), (15, &format!("let limit = {limit};"))])
    };
    lab(
        policy,
        &[
            ("src/greet.rs", Some(&code("hello {name}", "10"))),
            ("src/words.md", Some("漢字 e\u{301} one\nzwei\n".as_bytes())),
        ],
        &[
            ("src/greet.rs", Some(&code("hi {name}, how are you", "12"))),
            ("src/words.md", Some("漢字 e\u{301} three\nzwei\n".as_bytes())),
        ],
        &[
            ("src/greet.rs", Some(&code("good morning, {name}!", "25 + grace"))),
            ("src/words.md", Some("漢字 e\u{301} two\nzwei\n".as_bytes())),
        ],
    )
}

/// The review of the task, once who made the sides is told.
fn review(lab: &Lab, size: (u16, u16)) -> Tty {
    review_with(lab, size, &[])
}

fn review_with(lab: &Lab, size: (u16, u16), environment: &[(&str, &str)]) -> Tty {
    let tty = Tty::odyssey_in(lab, &lab.main(), &["review", "greet"], size, environment);
    let known = |picture: &str| picture.contains("Ada, 2026-11-24") || picture.contains("is not known");
    tty.when("who made the sides", known);
    tty
}

/// What was decided so far by the repository: name, choice and state of every conflict.
fn decided(lab: &Lab) -> Vec<(String, String)> {
    let answer = lab.odyssey(&["review", "greet", "--list", "--json"]).ok().json();
    let files = answer["result"]["files"].as_array().unwrap().clone();
    let items = files.iter().flat_map(|file| file["items"].as_array().unwrap().clone());
    let decided = items.map(|item| {
        let choice = item["resolution"]["choice"].as_str().unwrap_or("open");
        (item["id"].as_str().unwrap().to_owned(), choice.to_owned())
    });
    decided.collect()
}

/// The choices alone, in the order of the list.
fn choices(lab: &Lab) -> Vec<String> {
    decided(lab).into_iter().map(|(_, choice)| choice).collect()
}
