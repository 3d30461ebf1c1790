//! The README's tutorial, typed line by line in an empty home; what it prints is what the README shows.
//!
//! `TUTORIAL=write` writes what was printed into the README.

#![allow(clippy::unwrap_used, reason = "a tutorial that cannot be typed fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

use std::path::Path;
use std::process::Command;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const ODYSSEY: &str = env!("CARGO_BIN_EXE_git-odyssey");
/// The home in the README.
const HOME: &str = "/home/anna";

/// The text of the tutorial's screen, with where it begins and ends in the README.
fn chapter(readme: &str) -> (usize, usize) {
    let chapter = readme.find("\n## A tutorial\n").unwrap();
    let begin = chapter + readme[chapter..].find("```console\n").unwrap() + "```console\n".len();
    (begin, begin + readme[begin..].find("```\n").unwrap())
}

/// One line typed in a folder: what it prints, and the folder that it leaves the shell in.
fn typed(home: &Path, folder: &Path, line: &str) -> (String, std::path::PathBuf) {
    let script = format!("exec 2>&1\n{line}\npwd -P > \"$HOME/.folder\"\n");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder).env_clear();
    let ours = Path::new(ODYSSEY).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([ours].into_iter().chain(std::env::split_paths(&others))).unwrap();
    command.env("PATH", path).env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C.UTF-8");
    command.env("GIT_ODYSSEY_NOW", "2026-11-24T09:00:00Z");
    command.env("GIT_AUTHOR_DATE", "@1795510800 +0000").env("GIT_COMMITTER_DATE", "@1795510800 +0000");
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{line}");
    let folder = std::fs::read_to_string(home.join(".folder")).unwrap();
    (printed.replace(home.to_str().unwrap(), HOME), folder.trim_end().into())
}

#[test]
fn every_line_of_the_tutorial_prints_what_the_readme_shows() {
    let readme = std::fs::read_to_string(README).unwrap();
    let (begin, end) = chapter(&readme);
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let mut folder = home.clone();
    let mut screen = String::new();
    let lines: Vec<&str> = readme[begin..end].lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        let (printed, next) = typed(&home, &folder, line);
        folder = next;
        // By which way hooks are installed is for git's version to say.
        let printed = printed.replace("by git's configuration", "in the hooks folder");
        screen.push_str(&format!("{}$ {line}\n{printed}", if screen.is_empty() { "" } else { "\n" }));
    }
    if std::env::var_os("TUTORIAL").is_some_and(|wish| wish == "write") {
        std::fs::write(README, [&readme[..begin], &screen, &readme[end..]].concat()).unwrap();
        return;
    }
    snapbox::assert_data_eq!(screen, snapbox::Data::text(readme[begin..end].to_owned()).raw());
    assert!(readme[begin..end].contains("landed "), "it leads to a landing");
}

/// All texts of the program's source.
fn source(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_message_that_the_readme_explains_is_one_of_ours() {
    let readme = std::fs::read_to_string(README).unwrap();
    let chapter = readme.split("\n## When something is in the way\n").nth(1).unwrap();
    let rows = chapter.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let messages: Vec<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    assert!(messages.len() > 10, "{messages:?}");
    let mut text = String::new();
    source(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut text);
    for message in messages {
        for part in message.split('…').map(str::trim).filter(|part| !part.is_empty()) {
            assert!(text.contains(part), "nothing says: {part}");
        }
    }
}
