//! Uncommitted edits in the matrix: each kind of conflict, staged, unstaged, untracked and partly staged, as git judges it.

#![allow(clippy::unwrap_used, reason = "a session that cannot begin fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use snapbox::IntoData;
use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;
use support::Run;
use support::dice::Dice;

/// How the human's edits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In the checkout only: changes of known files are unstaged, new files untracked.
    Loose,
    /// All of it in the index.
    Staged,
    /// In the index, and changed once more.
    Partly,
}

const WAYS: [Way; 3] = [Way::Loose, Way::Staged, Way::Partly];

/// What may not change by looking: index, status, objects, the files beside the index.
fn footprint(lab: &Lab, folder: &Path) -> (Vec<u8>, std::time::SystemTime, String, String) {
    let index =
        PathBuf::from(lab.git_in(folder, &["rev-parse", "--path-format=absolute", "--git-path", "index"]));
    let mut status = lab.command("git", folder, &["status", "--porcelain=v2", "--untracked-files=all"]);
    let status = Run::of(status.env("GIT_OPTIONAL_LOCKS", "0"));
    let objects = lab.git_in(folder, &["count-objects", "-v"]);
    (std::fs::read(&index).unwrap(), index.metadata().unwrap().modified().unwrap(), status.stdout, objects)
}

/// A commit of all that a checkout holds, made by git beside the checkout's own index.
fn as_commit(lab: &Lab, folder: &Path) -> String {
    let private = PathBuf::from(lab.git_in(folder, &["rev-parse", "--absolute-git-dir"]));
    let copy = private.join("copy");
    std::fs::copy(private.join("index"), &copy).unwrap();
    let written = private.join("index").metadata().unwrap().modified().unwrap();
    std::fs::File::options().write(true).open(&copy).unwrap().set_modified(written).unwrap();
    let git = |arguments: &[&str]| {
        let run = Run::of(lab.command("git", folder, arguments).env("GIT_INDEX_FILE", &copy)).ok();
        run.stdout.trim().to_owned()
    };
    git(&["add", "--all"]);
    let tree = git(&["write-tree"]);
    std::fs::remove_file(copy).unwrap();
    lab.git_in(folder, &["commit-tree", "-p", "HEAD", "-m", "live", &tree])
}

/// git's verdict on two commits: whether they conflict, and in which paths.
fn by_git(lab: &Lab, ours: &str, theirs: &str) -> (bool, BTreeSet<String>) {
    let run = lab.try_git_in(
        &lab.main(),
        &["merge-tree", "--write-tree", "--name-only", "--no-messages", ours, theirs],
    );
    assert!(run.code < 2, "{run:?}");
    let strip = |path: &str| path.split('~').next().unwrap().to_owned();
    (run.code == 1, run.stdout.lines().skip(1).map(strip).collect())
}

/// The verdict and conflicting paths and kinds of a pair in an answer.
fn told(answer: &serde_json::Value, one: &str, other: &str) -> (String, BTreeSet<(String, String)>) {
    let pairs = answer["result"]["pairs"].as_array().unwrap();
    let pair = pairs.iter().find(|pair| pair["one"] == one && pair["other"] == other);
    let Some(pair) = pair else { return ("clean".to_owned(), BTreeSet::new()) };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let conflicts = pair["conflicts"].as_array().unwrap();
    let conflicts = conflicts.iter().map(|conflict| (text(&conflict["path"]), text(&conflict["kind"])));
    (text(&pair["verdict"]), conflicts.collect())
}

/// One kind of conflict: what both start from, what an agent commits, what the human does, and what is to be told.
struct Case {
    kind: &'static str,
    agent: &'static dyn Fn(&Path),
    human: &'static dyn Fn(&Path),
    told: &'static [(&'static str, &'static str)],
}

const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n";

fn write(folder: &Path, path: &str, text: impl AsRef<[u8]>) {
    support::write(&folder.join(path), text);
}

fn remove(folder: &Path, path: &str) {
    let place = folder.join(path);
    if place.is_dir() {
        std::fs::remove_dir_all(place).unwrap()
    } else {
        std::fs::remove_file(place).unwrap()
    }
}

fn rename(folder: &Path, from: &str, to: &str) {
    std::fs::create_dir_all(folder.join(to).parent().unwrap()).unwrap();
    std::fs::rename(folder.join(from), folder.join(to)).unwrap();
}

fn link(folder: &Path, path: &str) {
    remove(folder, path);
    std::os::unix::fs::symlink("away", folder.join(path)).unwrap();
}

fn base(folder: &Path) {
    write(folder, "file", LINES);
    write(folder, "binary", "\0\x01\x02");
    for name in ["one", "two", "three"] {
        write(folder, &format!("old/{name}"), format!("{name}\n{LINES}"));
    }
}

const CASES: [Case; 12] = [
    Case {
        kind: "content",
        agent: &|at| write(at, "file", "x\n2\n3\n4\n5\n6\n7\n8\n"),
        human: &|at| write(at, "file", "y\n2\n3\n4\n5\n6\n7\n8\n"),
        told: &[("file", "content")],
    },
    Case {
        kind: "modify/delete",
        agent: &|at| remove(at, "file"),
        human: &|at| write(at, "file", "y\n"),
        told: &[("file", "modify/delete")],
    },
    Case {
        kind: "delete/modify",
        agent: &|at| write(at, "file", "x\n"),
        human: &|at| remove(at, "file"),
        told: &[("file", "modify/delete")],
    },
    Case {
        kind: "add/add",
        agent: &|at| write(at, "new", "x\n"),
        human: &|at| write(at, "new", "y\n"),
        told: &[("new", "add/add")],
    },
    Case {
        kind: "rename/rename",
        agent: &|at| rename(at, "file", "one"),
        human: &|at| rename(at, "file", "two"),
        told: &[("file", "rename/rename"), ("one", "rename/rename"), ("two", "rename/rename")],
    },
    Case {
        kind: "rename/delete",
        agent: &|at| remove(at, "file"),
        human: &|at| rename(at, "file", "moved"),
        told: &[("moved", "rename/delete")],
    },
    Case {
        kind: "directory/file",
        agent: &|at| write(at, "place/in", "x\n"),
        human: &|at| write(at, "place", "y\n"),
        told: &[("place", "directory/file")],
    },
    Case {
        kind: "directory rename",
        agent: &|at| rename(at, "old", "new"),
        human: &|at| write(at, "old/added", "y\n"),
        told: &[("new/added", "directory rename")],
    },
    Case {
        kind: "rename and edit",
        agent: &|at| rename(at, "file", "moved"),
        human: &|at| write(at, "file", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
        told: &[],
    },
    Case {
        kind: "mode",
        agent: &|at| link(at, "file"),
        human: &|at| write(at, "file", "y\n2\n3\n4\n5\n6\n7\n8\n"),
        told: &[("file", "mode")],
    },
    Case {
        kind: "binary",
        agent: &|at| write(at, "binary", "\0x"),
        human: &|at| write(at, "binary", "\0y"),
        told: &[("binary", "binary")],
    },
    Case {
        kind: "touched",
        agent: &|at| write(at, "file", "x\n2\n3\n4\n5\n6\n7\n8\n"),
        human: &|at| write(at, "file", "1\n2\n3\n4\n5\n6\n7\ny\n"),
        told: &[],
    },
];

/// A repository with an agent's worktree beside the human's.
fn lab() -> (Lab, PathBuf) {
    let lab = Lab::new();
    base(&lab.main());
    lab.commit("base");
    lab.git(&["worktree", "add", "--quiet", "-b", "topic", "../topic"]);
    let topic = lab.root().join("topic");
    (lab, topic)
}

/// Puts the human's edits where they shall be. New lines at the end of each staged file make it partly staged.
fn keep(lab: &Lab, way: Way) {
    if way == Way::Loose {
        return;
    }
    lab.git(&["add", "--all"]);
    if way == Way::Partly {
        let names = lab.git(&["diff", "--cached", "--name-only", "--no-renames", "--diff-filter=AM"]);
        for name in names.lines().filter(|name| lab.main().join(name).is_file()) {
            let mut bytes = std::fs::read(lab.main().join(name)).unwrap();
            bytes.extend_from_slice(b"more\n");
            lab.write(name, bytes);
        }
    }
}

#[test]
fn every_kind_of_conflict_is_told_wherever_the_edits_are() {
    for case in &CASES {
        for way in WAYS {
            let (lab, topic) = lab();
            (case.agent)(&topic);
            lab.commit_in(&topic, "agent");
            (case.human)(&lab.main());
            keep(&lab, way);
            let before = footprint(&lab, &lab.main());
            let run = lab.odyssey(&["conflicts", "--json"]);
            let again = lab.odyssey(&["conflicts", "--json"]);
            let what = format!("{} {way:?}: {run:?}", case.kind);
            assert!(footprint(&lab, &lab.main()) == before, "{what}");
            assert_eq!(run, again, "the same from what was kept");
            let (main, topic) = (lab.main().display().to_string(), topic.display().to_string());
            let (verdict, conflicts) = told(&run.json(), &main, &topic);
            let expected = case.told.iter().map(|(path, kind)| ((*path).to_owned(), (*kind).to_owned()));
            assert_eq!(conflicts, expected.collect(), "{what}");
            let (conflicting, paths) = by_git(&lab, &as_commit(&lab, &lab.main()), "topic");
            assert_eq!(verdict == "conflict", conflicting, "{what}");
            assert_eq!(conflicts.into_iter().map(|(path, _)| path).collect::<BTreeSet<_>>(), paths, "{what}");
            assert_eq!(run.code, if conflicting { 4 } else { 0 }, "{what}");
            assert!(verdict != "clean", "{what}");
        }
    }
}

#[test]
fn a_moved_submodule_conflicts_wherever_it_is_recorded() {
    for way in [Way::Loose, Way::Staged] {
        let (lab, topic) = lab();
        let inner = lab.root().join("inner");
        lab.git_in(lab.root(), &["init", "--quiet", "inner"]);
        write(&inner, "in", "1\n");
        lab.commit_in(&inner, "one");
        let url = inner.display().to_string();
        lab.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"]);
        lab.commit("submodule");
        lab.git_in(&topic, &["merge", "--quiet", "main"]);
        let moved = |text: &str| {
            lab.git_in(&lab.main().join("sub"), &["checkout", "--quiet", "--detach", "origin/main"]);
            write(&lab.main().join("sub"), "in", text);
            lab.commit_in(&lab.main().join("sub"), text)
        };
        let theirs = moved("theirs");
        lab.git_in(&topic, &["update-index", "--cacheinfo", &format!("160000,{theirs},sub")]);
        lab.git_in(&topic, &["commit", "--quiet", "-m", "agent"]);
        moved("ours");
        keep(&lab, way);
        let before = footprint(&lab, &lab.main());
        let run = lab.odyssey(&["conflicts", "--json"]);
        assert!(footprint(&lab, &lab.main()) == before);
        let (main, topic) = (lab.main().display().to_string(), topic.display().to_string());
        let (verdict, conflicts) = told(&run.json(), &main, &topic);
        assert_eq!(verdict, "conflict", "{way:?}: {run:?}");
        assert_eq!(conflicts, [("sub".to_owned(), "submodule".to_owned())].into());
    }
}

#[test]
fn all_pairs_are_as_git_says_also_those_that_are_not_merged() {
    let mut dice = Dice::new(11);
    let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for round in 0..10 {
        let (lab, _) = lab();
        for number in 0..8 {
            lab.write(&format!("lib/sub/f{number}"), format!("{number}\n{LINES}"));
        }
        lab.commit("more");
        let mut folders = vec![lab.main()];
        for name in ["p1", "p2", "p3", "p4"] {
            lab.git(&["worktree", "add", "--quiet", "-b", name, &format!("../{name}")]);
            folders.push(lab.root().join(name));
        }
        for folder in &folders {
            for _ in 0..1 + dice.below(3) {
                edit(&mut dice, folder);
            }
            match dice.below(4) {
                0 if *folder != lab.main() => {
                    lab.git_in(folder, &["add", "--all"]);
                    lab.git_in(folder, &["commit", "--quiet", "--allow-empty", "-m", "edits"]);
                    edit(&mut dice, folder);
                }
                1 => drop(lab.git_in(folder, &["add", "--all"])),
                _ => {}
            }
        }
        let run = lab.odyssey(&["conflicts", "--json"]);
        let commits: Vec<String> = folders.iter().map(|folder| as_commit(&lab, folder)).collect();
        for (at, one) in folders.iter().enumerate() {
            for (place, other) in folders.iter().enumerate().skip(at + 1) {
                let names = [one, other].map(|folder| folder.display().to_string());
                let (verdict, conflicts) = told(&run.json(), &names[0], &names[1]);
                let (conflicting, paths) = by_git(&lab, &commits[at], &commits[place]);
                let what = format!("round {round}: {names:?} {verdict} {conflicts:?}, git {paths:?}");
                assert_eq!(verdict == "conflict", conflicting, "{what}");
                let told: BTreeSet<String> = conflicts.into_iter().map(|(path, _)| path).collect();
                assert!(paths.is_subset(&told), "{what}");
                *seen.entry(verdict).or_default() += 1;
            }
        }
    }
    assert!(
        ["clean", "touched", "conflict"]
            .iter()
            .all(|verdict| seen.get(*verdict).is_some_and(|count| *count > 3)),
        "{seen:?}"
    );
}

/// Some edit of the kind that makes trouble.
fn edit(dice: &mut Dice, folder: &Path) {
    let file = format!("lib/sub/f{}", dice.below(8));
    let there = |path: &str| folder.join(path).is_file();
    match dice.below(9) {
        0 | 1 if there(&file) => {
            let line = usize::try_from(dice.below(8)).unwrap();
            let text = std::fs::read_to_string(folder.join(&file)).unwrap();
            let lines = text.lines().enumerate().map(|(at, text)| {
                if at == line { format!("x{}\n", dice.below(3)) } else { format!("{text}\n") }
            });
            write(folder, &file, lines.collect::<String>());
        }
        2 if there(&file) => remove(folder, &file),
        3 if there(&file) => rename(folder, &file, &format!("moved/f{}", dice.below(3))),
        4 if folder.join("lib/sub").is_dir() && !folder.join("lib/other").exists() => {
            rename(folder, "lib/sub", "lib/other");
        }
        5 if folder.join("lib").is_dir() && !folder.join("elsewhere").exists() => {
            rename(folder, "lib", "elsewhere")
        }
        6 => write(folder, &format!("lib/sub/new{}", dice.below(2)), format!("{}\n", dice.below(3))),
        7 if !folder.join("place").exists() => write(folder, "place", "a file\n"),
        8 if !folder.join("place").is_file() => {
            write(folder, &format!("place/{}", dice.below(2)), "in a folder\n")
        }
        _ => write(folder, &format!("own{}", dice.below(40)), "own\n"),
    }
}

/// A screen whose columns do not depend on how long the folder's name is.
fn squeezed(screen: &str) -> String {
    let line = |line: &str| {
        let cells: Vec<&str> =
            line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim_start).collect();
        if line.starts_with(' ') { line.to_owned() } else { cells.join("  ") }
    };
    screen.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn the_screen_has_a_line_for_each_party_and_the_hunks_of_each_conflict() {
    let lab = Lab::new();
    lab.write("src/a.txt", LINES);
    lab.write("src/b.txt", LINES);
    lab.commit("files");
    lab.odyssey(&["claim", "one", "--region", "src/a.txt", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "two", "--region", "src/b.txt", "--for", "claude-2"]).ok();
    write(&lab.workspace("one"), "src/a.txt", "1\n2\n3\nfour\n5\n6\n7\n8\n");
    lab.commit_in(&lab.workspace("one"), "four in words");
    write(&lab.workspace("two"), "src/b.txt", "one\n2\n3\n4\n5\n6\n7\n8\n");
    lab.write("src/a.txt", "1\n2\n3\nIV\n5\n6\n7\n8\n");
    lab.write("src/b.txt", "1\n2\n3\n4\n5\n6\n7\neight\n");
    lab.git(&["add", "src/b.txt"]);
    let run = lab.odyssey(&["conflicts"]);
    assert_data_eq!(
        squeezed(&lab.screen(&run)),
        str![[r#"
PARTY  HOLDER  EDITS  TOUCHES  CONFLICTS WITH
main  -  0  -  -
[LAB]/main  -  2  two  one
one  claude-1  0  -  [LAB]/main
two  claude-2  1  [LAB]/main  -

conflict src/a.txt (both changed the same lines)
  [LAB]/main: uncommitted
  one: [HASH] by Ada: four in words
  leased to one (claude-1), src/a.txt
  line 4
    base:
      | 4
    [LAB]/main:
      | IV
    one:
      | four
--- exit 4

"#]]
        .raw()
    );
    let check = lab.odyssey_in(&lab.workspace("one"), &["check", "src/a.txt", "src/b.txt", "src/new.txt"]);
    assert_data_eq!(
        lab.screen(&check),
        str![[r#"
conflict src/a.txt
  [LAB]/main changed it, uncommitted: conflicts with your changes (content)
    @ line 3
     3
    -4
    +IV
     5
held src/b.txt
  src/b.txt is held by two (claude-2, agent), 1h left
  [LAB]/main changed it, uncommitted
    @ line 7
     7
    -8
    +eight
  two (claude-2) changed it, uncommitted
    @ line 1
    -1
    +one
     2
free src/new.txt
--- exit 3

"#]]
        .raw()
    );
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_clean() {
    let (lab, topic) = lab();
    write(&lab.root().join("main/.git/worktrees/topic"), "index", "no index");
    let run = lab.odyssey(&["conflicts", "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let answer = run.json();
    assert_eq!(answer["result"]["verdict"], "unknown");
    let (main, topic) = (lab.main().display().to_string(), topic.display().to_string());
    assert_eq!(told(&answer, &main, &topic).0, "unknown");
    assert_eq!(told(&answer, "main", &topic).0, "unknown");
    let screen = lab.odyssey(&["conflicts"]).stdout;
    assert!(screen.contains(&format!("unknown {topic}: ")), "{screen}");
    // A conflict elsewhere is told all the same.
    lab.git(&["worktree", "add", "--quiet", "-b", "third", "../third"]);
    write(&lab.root().join("third"), "file", "x\n");
    lab.write("file", "y\n");
    assert_eq!(lab.odyssey(&["conflicts"]).code, 4);
}

#[test]
fn a_kept_verdict_is_for_the_same_attributes_and_settings_only() {
    let (lab, topic) = lab();
    write(&topic, "file", "x\n2\n3\n4\n5\n6\n7\n8\n");
    lab.commit_in(&topic, "agent");
    lab.write("file", "y\n2\n3\n4\n5\n6\n7\n8\n");
    assert_eq!(lab.odyssey(&["conflicts"]).code, 4);
    assert!(lab.main().join(".git/odyssey/verdicts.json").exists());
    lab.write(".git/info/attributes", "file merge=union\n");
    assert_eq!(lab.odyssey(&["conflicts"]).code, 0);
    std::fs::remove_file(lab.main().join(".git/info/attributes")).unwrap();
    assert_eq!(lab.odyssey(&["conflicts"]).code, 4);
    // What an edit changes is another verdict.
    lab.write("file", LINES);
    assert_eq!(lab.odyssey(&["conflicts"]).code, 0);
}

#[test]
fn a_merge_that_is_settled_and_not_committed_counts_as_made() {
    let (lab, topic) = lab();
    write(&topic, "file", "x\n2\n3\n4\n5\n6\n7\n8\n");
    lab.commit_in(&topic, "agent");
    lab.write("file", "y\n2\n3\n4\n5\n6\n7\n8\n");
    lab.commit("human");
    assert_eq!(lab.try_git_in(&lab.main(), &["merge", "--quiet", "topic"]).code, 1);
    let (main, topic) = (lab.main().display().to_string(), topic.display().to_string());
    let verdict = |from: &str| {
        let run = lab.odyssey_in(Path::new(from), &["conflicts", "--json"]);
        told(&run.json(), &main, &topic).0
    };
    assert_eq!(verdict(&main), "conflict", "nobody has settled it yet");
    lab.write("file", "x and y\n2\n3\n4\n5\n6\n7\n8\n");
    lab.git(&["add", "file"]);
    assert_eq!((verdict(&main), verdict(&topic)), ("clean".to_owned(), "clean".to_owned()));
    let other = lab.root().join("third");
    lab.git(&["worktree", "add", "--quiet", "-b", "third", "../third", "topic"]);
    write(&other, "file", "z\n2\n3\n4\n5\n6\n7\n8\n");
    let run = lab.odyssey(&["conflicts", "--json"]);
    assert_eq!(told(&run.json(), &main, &other.display().to_string()).0, "conflict", "{run:?}");
}

#[test]
fn another_revision_can_stand_in_for_the_target() {
    let (lab, topic) = lab();
    write(&topic, "file", "x\n");
    lab.commit_in(&topic, "agent");
    lab.git(&["worktree", "remove", "../topic"]);
    lab.write("file", "y\n");
    assert_eq!(lab.odyssey(&["conflicts"]).code, 0);
    let run = lab.odyssey(&["conflicts", "--against", "topic", "--json"]);
    assert_eq!(run.code, 4);
    let main = lab.main().display().to_string();
    assert_eq!(told(&run.json(), "topic", &main).0, "conflict");
    assert_eq!(lab.odyssey(&["conflicts", "--against", "nothing"]).code, 2);
}

#[test]
fn a_check_finds_what_was_moved_and_refuses_folders_and_what_is_outside() {
    let (lab, topic) = lab();
    rename(&topic, "file", "moved");
    lab.commit_in(&topic, "moved");
    lab.write("file", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let run = lab.odyssey(&["check", "file", "--json"]);
    let row = run.json()["result"]["paths"][0].clone();
    assert_eq!(run.code, 0, "git follows the file: {run:?}");
    assert_eq!(
        (&row["others"][0]["change"], &row["others"][0]["conflicts"]),
        (&"deleted".into(), &serde_json::json!([]))
    );
    assert_eq!(lab.odyssey(&["check", "old"]).code, 2);
    assert_eq!(lab.odyssey(&["check", "../elsewhere"]).code, 2);
    let inside = lab.odyssey_in(&lab.main().join("old"), &["check", "../binary"]);
    assert_eq!((inside.code, inside.stdout.as_str()), (0, "free binary\n"));
}

#[test]
fn a_check_sees_only_what_git_would_take() {
    let (lab, topic) = lab();
    write(&topic, ".gitignore", "*.log\n");
    lab.commit_in(&topic, "ignore");
    write(&topic, "ignored.log", "x\n");
    write(&topic, "untracked", "x\n");
    let told = |path: &str| {
        let run = lab.odyssey(&["check", path, "--json"]);
        run.json()["result"]["paths"][0]["others"].as_array().unwrap().len()
    };
    assert_eq!((told("ignored.log"), told("untracked"), told("file")), (0, 1, 0));
    // Line ends are git's to judge.
    lab.git(&["config", "core.autocrlf", "true"]);
    write(&topic, "file", LINES.replace('\n', "\r\n"));
    assert_eq!(told("file"), 0);
    // A file that a sparse checkout leaves out was not deleted.
    lab.git_in(&topic, &["sparse-checkout", "set", "old"]);
    remove(&topic, "old/one");
    assert_eq!((told("old/one"), told("binary")), (1, 0));
}
