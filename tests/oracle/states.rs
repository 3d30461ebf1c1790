//! Repositories in special states, and lines that are typed by people: git's verdict, or none, and never a false one.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::support;
use super::support::Lab;
use super::support::Run;

const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n";

/// `main`, and two branches `one` and `two` off it; `clash` is off it too and changes what `one` changes.
fn branches() -> Lab {
    let lab = Lab::unprepared();
    lab.write("file", LINES);
    lab.write("other", LINES);
    lab.commit("base");
    for (branch, file, text) in [
        ("one", "file", LINES.replace('1', "one")),
        ("two", "file", LINES.replace('8', "eight")),
        ("clash", "file", LINES.replace('1', "uno")),
    ] {
        lab.git(&["switch", "--quiet", "--create", branch, "main"]);
        lab.write(file, text);
        lab.commit(branch);
    }
    lab.git(&["switch", "--quiet", "main"]);
    lab
}

fn answers(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `--stdin` answers to some lines.
fn asked(lab: &Lab, folder: &Path, input: &[u8]) -> Vec<Value> {
    let mut command = lab.command(support::ODYSSEY, folder, &["conflicts", "--stdin"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    answers(&Run::from(child.wait_with_output().unwrap()).ok())
}

/// git's tree, and whether it merges.
fn by_git(lab: &Lab, folder: &Path, ours: &str, theirs: &str) -> (bool, String) {
    let run = lab.try_git_in(folder, &["merge-tree", "--write-tree", ours, theirs]);
    (run.code == 0, run.stdout.lines().next().unwrap_or_default().to_owned())
}

#[track_caller]
fn same_as_git(lab: &Lab, folder: &Path, ours: &str, theirs: &str, asked_git: Option<&str>) {
    let said = &asked(lab, folder, format!("{ours} {theirs}\n").as_bytes())[0];
    let (clean, tree) = by_git(lab, folder, ours, theirs);
    assert_eq!(said["verdict"], if clean { "clean" } else { "conflict" }, "{said}");
    assert_eq!(said["tree"], tree, "{said}");
    assert_eq!(said["asked_git"].as_str(), asked_git, "{said}");
}

#[test]
fn two_revisions_have_a_verdict_and_an_exit_code() {
    let lab = branches();
    let run = lab.odyssey(&["conflicts", "one", "two"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "clean: two merges into one\n"));
    let run = lab.odyssey(&["conflicts", "one", "clash"]);
    assert_eq!(run.code, 4);
    assert_eq!(
        run.stdout,
        "conflict: clash does not merge into one, for 1 file\n  file  both changed the same lines\n"
    );
    let run = lab.odyssey(&["conflicts", "--json", "one", "clash"]);
    let said = run.json();
    assert_eq!((&said["ok"], &said["result"]["verdict"]), (&Value::from(false), &Value::from("conflict")));
    assert_eq!(said["result"]["conflicts"], serde_json::json!([{ "path": "file", "kind": "content" }]));
    lab.git(&["switch", "--quiet", "--orphan", "alone"]);
    lab.write("alone", "alone\n");
    lab.commit("alone");
    let run = lab.odyssey(&["conflicts", "one", "alone"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with("unknown: alone and one\n"), "{run:?}");
    assert_eq!(lab.odyssey(&["conflicts", "one", "nothing"]).code, 2);
    assert_eq!(lab.odyssey(&["conflicts", "one"]).code, 2);
}

#[test]
fn nothing_in_the_repository_changes() {
    let lab = branches();
    // git is asked for this one.
    lab.git(&["switch", "--quiet", "--create", "renamed", "main"]);
    lab.git(&["mv", "file", "new"]);
    lab.commit("renamed");
    let state = || {
        let objects = lab.git(&["count-objects", "-v"]);
        (objects, lab.git(&["for-each-ref"]), std::fs::read(lab.main().join(".git/index")).unwrap())
    };
    let before = state();
    let said = asked(&lab, &lab.main(), b"one two\none clash\nrenamed one\n");
    let told: Vec<_> = said.iter().map(|said| (&said["verdict"], &said["asked_git"])).collect();
    assert_eq!(told[2], (&Value::from("clean"), &Value::from("renames")));
    assert_eq!(told[1], (&Value::from("conflict"), &Value::Null));
    assert_eq!(state(), before);
}

#[test]
fn a_bad_line_has_an_answer_and_the_next_one_too() {
    let lab = branches();
    let input =
        b"  one \t two \r\n\none\none two clash\nnothing two\n\xff one\nmain~1 HEAD\n:/one @{-1}\none two";
    let said = asked(&lab, &lab.main(), input);
    let verdicts: Vec<&str> = said.iter().map(|said| said["verdict"].as_str().unwrap()).collect();
    assert_eq!(
        verdicts,
        ["clean", "unknown", "unknown", "unknown", "unknown", "unknown", "clean", "conflict", "clean"],
        "{said:#?}"
    );
    assert_eq!(said[4]["error"]["message"], "'nothing' names no commit");
    assert_eq!(said[2]["error"]["message"], "'one' is not two revisions");
    assert_eq!((&said[0]["ours"], &said[0]["theirs"]), (&Value::from("one"), &Value::from("two")));
}

#[test]
fn each_answer_comes_before_the_next_question() {
    let lab = branches();
    lab.git(&["switch", "--quiet", "--create", "renamed", "main"]);
    lab.git(&["mv", "file", "new"]);
    lab.commit("renamed");
    let mut command = lab.command(support::ODYSSEY, &lab.main(), &["conflicts", "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..2 {
        for (line, verdict) in
            [("one two\n", "clean"), ("renamed one\n", "clean"), ("one clash\n", "conflict")]
        {
            input.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            output.read_line(&mut answer).unwrap();
            let said: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(said["verdict"], verdict);
        }
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn altered_histories_are_gits_to_judge() {
    let lab = branches();
    let clone = |name: &str, options: &[&str]| {
        let from = format!("file://{}", lab.main().display());
        let words =
            [&["clone", "--quiet", "--no-checkout", "--no-single-branch"], options, &[&from, name]].concat();
        lab.git_in(lab.root(), &words);
        let folder = lab.root().join(name);
        for branch in ["one", "two", "clash"] {
            lab.git_in(&folder, &["branch", "--quiet", branch, &format!("origin/{branch}")]);
        }
        folder
    };
    let deep = clone("deep", &["--depth=2"]);
    same_as_git(&lab, &deep, "one", "two", Some("altered history"));
    same_as_git(&lab, &deep, "one", "clash", Some("altered history"));
    let cut = clone("cut", &["--depth=1"]);
    let said = &asked(&lab, &cut, b"one two\n")[0];
    assert_eq!(said["verdict"], "unknown", "their common history is cut off: {said}");

    // Grafted on each other, what was a conflict is a step forward.
    let graft = clone("graft", &[]);
    let [one, clash] = ["one", "clash"].map(|branch| lab.git_in(&graft, &["rev-parse", branch]));
    lab.git_in(&graft, &["replace", "--graft", &clash, &one]);
    same_as_git(&lab, &graft, "one", "clash", Some("altered history"));
    assert_eq!(asked(&lab, &graft, b"one clash\n")[0]["verdict"], "clean");
    lab.git_in(&graft, &["replace", "--delete", &clash]);
    same_as_git(&lab, &graft, "one", "clash", None);
    std::fs::write(graft.join(".git/info/grafts"), format!("{clash} {one}\n")).unwrap();
    same_as_git(&lab, &graft, "one", "clash", Some("altered history"));
}

#[test]
fn what_is_missing_is_fetched_by_git_or_makes_the_verdict_unknown() {
    let lab = branches();
    lab.git(&["config", "uploadpack.allowFilter", "true"]);
    let from = format!("file://{}", lab.main().display());
    let options = ["clone", "--quiet", "--no-checkout", "--filter=blob:none", &from, "partial"];
    lab.git_in(lab.root(), &options);
    let partial = lab.root().join("partial");
    let said = &asked(&lab, &partial, b"origin/one origin/two\norigin/one origin/clash\n");
    assert_eq!(
        (&said[0]["verdict"], &said[0]["asked_git"]),
        (&"clean".into(), &"unreadable".into()),
        "{said:?}"
    );
    assert_eq!(said[1]["verdict"], "conflict", "{said:?}");
    same_as_git(&lab, &partial, "origin/one", "origin/two", None);

    // Where nobody has it, nothing is known, and the next one is answered.
    let blob = lab.git(&["rev-parse", "one:file"]);
    let place = lab.main().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::rename(&place, lab.root().join("gone")).unwrap();
    let said = asked(&lab, &lab.main(), b"one two\ntwo clash\n");
    assert_eq!(said[0]["verdict"], "unknown", "{said:?}");
    assert!(!said[0]["error"]["message"].as_str().unwrap().is_empty());
    assert_eq!(said[1]["verdict"], "clean", "{said:?}");
}

#[test]
fn a_file_moved_aside_has_the_name_that_git_gives_it() {
    let lab = branches();
    lab.git(&["switch", "--quiet", "--create", "with/folder", "main"]);
    lab.write("place/inside", "inside\n");
    lab.commit("folder");
    lab.git(&["switch", "--quiet", "--create", "file-there", "main"]);
    lab.write("place", "file\n");
    lab.commit("file");
    for [ours, theirs] in [["with/folder", "file-there"], ["file-there", "with/folder"]] {
        let said = &asked(&lab, &lab.main(), format!("{ours} {theirs}\n").as_bytes())[0];
        let git = ["merge-tree", "--write-tree", "--name-only", "--no-messages", ours, theirs];
        let run = lab.try_git_in(&lab.main(), &git);
        let listed: Vec<&str> = run.stdout.lines().skip(1).collect();
        let told: Vec<&str> =
            said["conflicts"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(told, listed);
        assert_eq!(said["conflicts"][0]["kind"], "directory/file");
        assert_eq!(said["tree"], run.stdout.lines().next().unwrap());
    }
}

#[test]
fn attributes_are_those_of_the_checkout() {
    let lab = branches();
    same_as_git(&lab, &lab.main(), "one", "clash", None);
    lab.write(".gitattributes", "* text=auto\n*.png binary\n");
    same_as_git(&lab, &lab.main(), "one", "clash", None);
    lab.write(".gitattributes", "file merge=union\n");
    same_as_git(&lab, &lab.main(), "one", "clash", Some("attributes"));
    assert_eq!(asked(&lab, &lab.main(), b"one clash\n")[0]["verdict"], "clean");
    lab.write(".gitattributes", "file -merge\n");
    same_as_git(&lab, &lab.main(), "one", "two", None);
    assert_eq!(asked(&lab, &lab.main(), b"one two\n")[0]["conflicts"][0]["kind"], "binary");
    lab.write(".gitattributes", "[attr]mine merge=kept\nfile mine\n");
    lab.git(&["config", "merge.kept.driver", "true"]);
    same_as_git(&lab, &lab.main(), "one", "clash", Some("attributes"));
    std::fs::remove_file(lab.main().join(".gitattributes")).unwrap();
    std::fs::write(lab.main().join(".git/info/attributes"), "fi* conflict-marker-size=9\n").unwrap();
    same_as_git(&lab, &lab.main(), "one", "clash", Some("attributes"));
}

/// A tree of exactly these entries: mode, name and object.
fn raw_tree(lab: &Lab, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, oid) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend((0..oid.len()).step_by(2).map(|at| u8::from_str_radix(&oid[at..at + 2], 16).unwrap()));
    }
    let words = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"];
    let mut command = lab.command("git", &lab.main(), &words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    Run::from(child.wait_with_output().unwrap()).ok().stdout.trim().to_owned()
}

#[test]
fn trees_that_old_programs_wrote_are_merged_as_by_git() {
    let lab = branches();
    let blob = |branch: &str| lab.git(&["rev-parse", &format!("{branch}:file")]);
    let [base, one, two] = ["main", "one", "two"].map(blob);
    let commit = |tree: &str, parent: &[&str]| {
        let words = [&["commit-tree", "-m", "raw", tree], parent].concat();
        lab.git(&words)
    };
    // A mode of days gone by, in the folder that one side changed, and that both changed.
    let folder = |first: &str, second: &str| {
        let folder = raw_tree(&lab, &[("100664", "first", first), ("100664", "second", second)]);
        raw_tree(&lab, &[("40000", "folder", &folder), ("100644", "same", &base)])
    };
    let start = commit(&folder(&base, &base), &[]);
    let changed = |first: &str, second: &str| commit(&folder(first, second), &["-p", &start]);
    let (ours, theirs) = (changed(&one, &base), changed(&base, &two));
    same_as_git(&lab, &lab.main(), &ours, &theirs, Some("odd tree"));
    same_as_git(&lab, &lab.main(), &changed(&one, &base), &changed(&two, &base), Some("odd tree"));
    let other = raw_tree(&lab, &[("100644", "new", &two), ("100644", "same", &base)]);
    same_as_git(&lab, &lab.main(), &ours, &commit(&other, &["-p", &start]), Some("odd tree"));
    // Left alone by both, it stays as it is.
    let beside = |name: &str| {
        let folder = raw_tree(&lab, &[("100664", "first", &base), ("100664", "second", &base)]);
        let tree = raw_tree(
            &lab,
            &[("40000", "folder", &folder), (("100644"), name, &one), ("100644", "same", &base)],
        );
        commit(&tree, &["-p", &start])
    };
    same_as_git(&lab, &lab.main(), &beside("g"), &beside("h"), None);
    same_as_git(&lab, &lab.main(), &beside("g"), &ours, None);
    // Taken from one side it stays too, unless git looks through it: for renames, or where both sides changed it alike.
    let without = |folder_first: &str| {
        let folder = raw_tree(&lab, &[("100664", "first", folder_first), ("100664", "second", &base)]);
        let tree = raw_tree(&lab, &[("40000", "folder", &folder), ("100644", "new", &two)]);
        commit(&tree, &["-p", &start])
    };
    let edited = {
        let folder = raw_tree(&lab, &[("100664", "first", &base), ("100664", "second", &base)]);
        commit(&raw_tree(&lab, &[("40000", "folder", &folder), ("100644", "same", &one)]), &["-p", &start])
    };
    same_as_git(&lab, &lab.main(), &without(&one), &edited, Some("odd tree"));
    same_as_git(&lab, &lab.main(), &edited, &without(&one), Some("odd tree"));
    same_as_git(&lab, &lab.main(), &ours, &without(&one), Some("odd tree"));
}
