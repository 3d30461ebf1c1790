//! git as the oracle: thousands of made up histories, and every verdict must be git's own.
//!
//! `GIT_ODYSSEY_MERGES=20000` makes so many, `GIT_ODYSSEY_SEED` repeats a run.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up fails, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

#[path = "oracle/histories.rs"]
mod histories;
#[path = "oracle/states.rs"]
mod states;
#[path = "oracle/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use histories::Pair;
use support::Lab;
use support::dice::Dice;

/// What one of the two said of a pair.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    clean: bool,
    tree: String,
    paths: Vec<String>,
}

/// How a run is set up.
#[derive(Clone, Copy, Default)]
struct Setting {
    config: &'static [(&'static str, &'static str)],
    /// The share of all histories.
    share: u64,
    init: &'static [&'static str],
    /// One history of many merges, instead of many histories.
    tangled: bool,
    /// Whether there is a commit-graph.
    graph: bool,
}

fn merges() -> u64 {
    support::number("GIT_ODYSSEY_MERGES", 700)
}

/// Makes a repository of made up histories in a lab of its own, and compares all verdicts.
#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn agree(name: &str, setting: Setting) {
    let lab = Lab::unprepared();
    let folder = lab.root().join(name);
    let init = [&["init", "--quiet"], setting.init, &[folder.to_str().unwrap()]].concat();
    lab.git_in(lab.root(), &init);
    for (key, value) in setting.config {
        lab.git_in(&folder, &["config", key, value]);
    }
    let attributes = "CHANGES merge=union\n*.whole -merge\n*.driven merge=first\n*.crlf text\n*.bin binary\n";
    if !setting.init.contains(&"--bare") {
        std::fs::write(folder.join(".gitattributes"), attributes).unwrap();
        lab.git_in(&folder, &["config", "merge.first.driver", "true"]);
    }
    let seed = Dice::seed();
    let count = merges() / setting.share.max(1);
    let sha256 = setting.init.contains(&"--object-format=sha256");
    let mut dice = Dice::new(seed);
    let made = if setting.tangled {
        histories::tangle(&mut dice, count / 4, count)
    } else {
        histories::make(&mut dice, count, if sha256 { 64 } else { 40 })
    };
    let commits = import(&lab, &folder, &made.stream);
    if setting.graph {
        lab.git_in(&folder, &["commit-graph", "write", "--reachable"]);
    }
    let named = |pair: &Pair| [commits[&pair.ours].as_str(), commits[&pair.theirs].as_str()];
    let pairs: Vec<[&str; 2]> = made.pairs.iter().map(named).collect();
    let theirs = by_git(&lab, &folder, &pairs);
    let ours = by_us(&lab, &folder, &pairs);
    assert_eq!((ours.len(), theirs.len()), (pairs.len(), pairs.len()));
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for (index, (said, expected)) in ours.iter().zip(&theirs).enumerate() {
        let reason = said["asked_git"].as_str().unwrap_or("nobody");
        *asked.entry(reason.to_owned()).or_default() += 1;
        if told(said) != *expected {
            let place = folder.display();
            let pair = pairs[index].join(" ");
            differences.push(format!("in {place}: {pair}: git {expected:?}\n  {said}"));
        }
    }
    let clean = theirs.iter().flatten().filter(|said| said.clean).count();
    let crashed = theirs.iter().filter(|said| said.is_none()).count();
    let without_git = asked.get("nobody").copied().unwrap_or_default();
    let share = without_git * 100 / pairs.len();
    eprintln!(
        "{name}: {} merges, {clean} clean, git crashed on {crashed}, {share} % answered without git; git was asked: {asked:?}",
        pairs.len()
    );
    if !differences.is_empty() {
        std::mem::forget(lab);
        let shown = differences.len().min(8);
        panic!(
            "seed {seed}: {} of {} differ\n{}",
            differences.len(),
            pairs.len(),
            differences[..shown].join("\n")
        );
    }
    assert!(clean > pairs.len() / 10 && clean < pairs.len() * 9 / 10, "both outcomes are frequent");
    let all_asked = setting.config.iter().any(|(key, _)| *key == "merge.renormalize");
    assert!(all_asked || setting.tangled || without_git > pairs.len() / 3, "many are answered without git");
}

/// What an answer of ours says, if it knows.
fn told(said: &serde_json::Value) -> Option<Said> {
    let clean = match said["verdict"].as_str()? {
        "clean" => true,
        "conflict" => false,
        _ => return None,
    };
    let path = |conflict: &serde_json::Value| conflict["path"].as_str().map(str::to_owned);
    let mut paths: Vec<String> = said["conflicts"].as_array()?.iter().map(path).collect::<Option<_>>()?;
    paths.sort();
    Some(Said { clean, tree: said["tree"].as_str()?.to_owned(), paths })
}

/// Writes all objects with one `git fast-import`; answers the commits by their marks.
fn import(lab: &Lab, folder: &Path, stream: &[u8]) -> BTreeMap<u64, String> {
    let marks = lab.root().join("marks");
    let option = format!("--export-marks={}", marks.display());
    let arguments = ["fast-import", "--quiet", "--force", &option];
    let mut child = begin(&mut lab.command("git", folder, &arguments));
    feed(&mut child, stream.to_vec());
    assert!(child.wait().unwrap().success());
    let text = std::fs::read_to_string(marks).unwrap();
    let line = |line: &str| {
        let (mark, commit) = line.split_once(' ').unwrap();
        (mark[1..].parse().unwrap(), commit.to_owned())
    };
    text.lines().map(line).collect()
}

fn lines(pairs: &[[&str; 2]]) -> Vec<u8> {
    pairs.iter().map(|pair| format!("{}\n", pair.join(" "))).collect::<String>().into_bytes()
}

/// One `git merge-tree` for all pairs, and another one after each pair that git crashes on, of which nothing is known.
fn by_git(lab: &Lab, folder: &Path, pairs: &[[&str; 2]]) -> Vec<Option<Said>> {
    // With messages, git sends each answer at once; what it writes is in a store of its own.
    let arguments = ["merge-tree", "--write-tree", "--stdin", "--name-only", "--messages"];
    let store = lab.root().join("store");
    std::fs::create_dir(&store).unwrap();
    let real = lab.git_in(folder, &["rev-parse", "--path-format=absolute", "--git-path", "objects"]);
    let mut found = Vec::new();
    while found.len() < pairs.len() {
        let mut command = lab.command("git", folder, &arguments);
        command.env("GIT_OBJECT_DIRECTORY", &store);
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", format!("\"{real}\""));
        let (output, ended) = answered(&mut command, lines(&pairs[found.len()..]));
        let mut parts = output.split(|&byte| byte == 0).map(|part| String::from_utf8(part.to_vec()).unwrap());
        while let Some(said) = parts.next().filter(|clean| !clean.is_empty()).and_then(|clean| {
            let tree = parts.next()?;
            let mut paths: Vec<String> = parts.by_ref().take_while(|path| !path.is_empty()).collect();
            paths.sort();
            while let Some(count) = parts.next().filter(|count| !count.is_empty()) {
                let rest: usize = count.parse().unwrap();
                parts.by_ref().take(rest + 2).for_each(drop);
            }
            Some(Said { clean: clean == "1", tree, paths })
        }) {
            found.push(Some(said));
        }
        if !ended {
            found.push(None);
        }
    }
    found
}

/// One `git odyssey conflicts --stdin` for all pairs.
fn by_us(lab: &Lab, folder: &Path, pairs: &[[&str; 2]]) -> Vec<serde_json::Value> {
    let mut command = lab.command(support::ODYSSEY, folder, &["conflicts", "--stdin"]);
    let (output, ended) = answered(&mut command, lines(pairs));
    assert!(ended);
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn begin(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Gives a child all of its input, from a thread of its own.
fn feed(child: &mut Child, input: Vec<u8>) {
    let mut pipe = child.stdin.take().unwrap();
    // A child that crashes reads no more.
    std::thread::spawn(move || drop(pipe.write_all(&input)));
}

/// What a child answers, and whether it came to its end.
fn answered(command: &mut Command, input: Vec<u8>) -> (Vec<u8>, bool) {
    let mut child = begin(command);
    feed(&mut child, input);
    let output = child.wait_with_output().unwrap();
    (output.stdout, output.status.success())
}

#[test]
fn every_verdict_is_gits_own() {
    agree("plain", Setting { share: 1, ..Setting::default() });
}

#[test]
fn settings_of_merges_are_those_of_git() {
    let settings: [&[(&str, &str)]; 7] = [
        &[("merge.conflictStyle", "diff3")],
        &[("merge.conflictStyle", "zdiff3"), ("core.ignoreCase", "true")],
        &[("merge.renames", "false")],
        &[("diff.renames", "copies"), ("merge.renameLimit", "2")],
        &[("merge.directoryRenames", "true"), ("diff.algorithm", "patience")],
        &[("merge.directoryRenames", "false"), ("core.autocrlf", "true")],
        &[("merge.renormalize", "true"), ("merge.default", "union")],
    ];
    for (number, config) in settings.into_iter().enumerate() {
        agree(&format!("setting{number}"), Setting { config, share: 10, ..Setting::default() });
    }
}

#[test]
fn bases_are_found_in_tangled_histories_with_clocks_that_go_wrong() {
    agree("tangle", Setting { tangled: true, share: 2, ..Setting::default() });
    agree("graph", Setting { tangled: true, graph: true, share: 2, ..Setting::default() });
}

#[test]
fn bare_repositories_and_those_of_sha256_are_no_exception() {
    agree("bare", Setting { init: &["--bare"], share: 5, ..Setting::default() });
    agree("sha256", Setting { init: &["--object-format=sha256"], share: 5, ..Setting::default() });
}
