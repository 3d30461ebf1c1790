//! Every kind of conflict settled by commands; the result is what a person with git would have committed.

use super::lab_of;
use super::names;
use super::review;
use super::script;
use super::support::Lab;

/// One conflict: what was there, what the target and the task did, what is chosen, and what a person does with git.
struct Case {
    name: &'static str,
    base: &'static str,
    ours: &'static str,
    theirs: &'static str,
    /// Paths, and what becomes of them.
    takes: &'static [(&'static str, &'static str)],
    /// After `git merge` has stopped.
    person: &'static str,
}

const LINES: &str = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done > f";
const FOLDER: &str =
    "mkdir -p old; for n in one two three; do for l in 1 2 3 4 5; do echo $n $l; done > old/$n; done";

const CASES: &[Case] = &[
    Case {
        name: "lines, as the target has them",
        base: LINES,
        ours: "sed -i 's/line 3/main/' f",
        theirs: "sed -i 's/line 3/task/' f",
        takes: &[("f", "ours")],
        person: "git checkout --ours f; git add f",
    },
    Case {
        name: "lines, as the task has them",
        base: LINES,
        ours: "sed -i 's/line 3/main/; s/line 8/main too/' f",
        theirs: "sed -i 's/line 3/task/; s/line 1$/task alone/' f",
        takes: &[("f", "theirs")],
        person: "sed -i '/^<<<<<<< /,/^=======/d; /^>>>>>>> /d' f; git add f",
    },
    Case {
        name: "lines of both",
        base: LINES,
        ours: "sed -i 's/line 3/main/' f",
        theirs: "sed -i 's/line 3/task/' f",
        takes: &[("f", "both")],
        person: "sed -i '/^<<<<<<< /d; /^=======/d; /^>>>>>>> /d' f; git add f",
    },
    Case {
        name: "lines of both, the task's first",
        base: LINES,
        ours: "sed -i 's/line 3/main/' f",
        theirs: "sed -i 's/line 3/task/' f",
        takes: &[("f", "both-reversed")],
        person: "git checkout --ours f; sed -i 's/^main/task\\nmain/' f; git add f",
    },
    Case {
        name: "lines as they were",
        base: LINES,
        ours: "sed -i 's/line 3/main/; s/line 8/main too/' f",
        theirs: "sed -i 's/line 3/task/' f",
        takes: &[("f", "base")],
        person: "git checkout --ours f; sed -i 's/^main$/line 3/' f; git add f",
    },
    Case {
        name: "lines that somebody wrote, without an end",
        base: LINES,
        ours: "sed -i 's/line 3/main/' f",
        theirs: "sed -i 's/line 3/task/' f",
        takes: &[("f", "written")],
        person: "git checkout --ours f; sed -i 's/^main$/both of us/' f; git add f",
    },
    Case {
        name: "the last line, without an end",
        base: "printf 'a\\nb' > f",
        ours: "printf 'a\\nmain' > f",
        theirs: "printf 'a\\ntask' > f",
        takes: &[("f", "theirs")],
        person: "git checkout --theirs f; git add f",
    },
    Case {
        name: "lines that end as on Windows",
        base: "printf 'a\\r\\nb\\r\\nc\\r\\n' > f",
        ours: "printf 'a\\r\\nmain\\r\\nc\\r\\n' > f",
        theirs: "printf 'a\\r\\ntask\\r\\nc\\r\\n' > f",
        takes: &[("f", "both")],
        person: "printf 'a\\r\\nmain\\r\\ntask\\r\\nc\\r\\n' > f; git add f",
    },
    Case {
        name: "a path with spaces and other letters",
        base: "mkdir 'ä b'; echo base > 'ä b/c d'",
        ours: "echo main > 'ä b/c d'",
        theirs: "echo task > 'ä b/c d'",
        takes: &[("ä b/c d", "theirs")],
        person: "git checkout --theirs .; git add --all",
    },
    Case {
        name: "two files of one name",
        base: "echo > other",
        ours: "echo main > f",
        theirs: "echo task > f",
        takes: &[("f", "both")],
        person: "printf 'main\\ntask\\n' > f; git add f",
    },
    Case {
        name: "changed here and deleted there, kept",
        base: LINES,
        ours: "echo more >> f",
        theirs: "git rm -q f",
        takes: &[("f", "ours")],
        person: "git add f",
    },
    Case {
        name: "changed here and deleted there, gone",
        base: LINES,
        ours: "echo more >> f",
        theirs: "git rm -q f; echo > g",
        takes: &[("f", "theirs")],
        person: "git rm -q f",
    },
    Case {
        name: "deleted here and changed there, written anew",
        base: LINES,
        ours: "git rm -q f",
        theirs: "echo more >> f",
        takes: &[("f", "written")],
        person: "printf 'both of us' > f; git add f",
    },
    Case {
        name: "a binary file",
        base: "printf '\\000base' > f",
        ours: "printf '\\000main' > f",
        theirs: "printf '\\000task' > f",
        takes: &[("f", "theirs")],
        person: "git checkout --theirs f; git add f",
    },
    Case {
        name: "two names for one file, the target's",
        base: LINES,
        ours: "git mv f one",
        theirs: "git mv f two",
        takes: &[("one", "ours"), ("two", "ours")],
        person: "git rm -q --cached f two; rm -f two; git add one",
    },
    Case {
        name: "two names for one file, the task's",
        base: LINES,
        ours: "git mv f one; sed -i 's/line 2/main/' one",
        theirs: "git mv f two; sed -i 's/line 8/task/' two",
        takes: &[("one", "theirs"), ("two", "theirs")],
        person: "git rm -q --cached f one; rm -f one; git add two",
    },
    Case {
        name: "renamed here and deleted there, kept",
        base: LINES,
        ours: "git mv f one",
        theirs: "git rm -q f; echo > g",
        takes: &[("one", "ours")],
        person: "git add one",
    },
    Case {
        name: "renamed here and deleted there, gone",
        base: LINES,
        ours: "git mv f one",
        theirs: "git rm -q f; echo > g",
        takes: &[("one", "theirs")],
        person: "git rm -q one",
    },
    Case {
        name: "a file here and a folder there, the folder",
        base: "echo > other",
        ours: "echo main > f",
        theirs: "mkdir f; echo task > f/a; mkdir f/b; echo task > f/b/c",
        takes: &[("f", "theirs")],
        person: "rm f~HEAD; git add --all",
    },
    Case {
        name: "a file here and a folder there, the file",
        base: "echo > other",
        ours: "echo main > f",
        theirs: "mkdir f; echo task > f/a; mkdir f/b; echo task > f/b/c",
        takes: &[("f", "ours")],
        person: "rm -r f; mv f~HEAD f; git add --all",
    },
    Case {
        name: "a file here and a folder there, both",
        base: "echo > other",
        ours: "echo main > f",
        theirs: "mkdir f; echo task > f/a",
        takes: &[("f", "at:g/file")],
        person: "mkdir g; mv f~HEAD g/file; git add --all",
    },
    Case {
        name: "a new file in a folder that was renamed, along with it",
        base: FOLDER,
        ours: "git mv old new",
        theirs: "echo added > old/added",
        takes: &[("new/added", "both")],
        person: "git add new/added",
    },
    Case {
        name: "a new file in a folder that was renamed, where it was put",
        base: FOLDER,
        ours: "git mv old new",
        theirs: "echo added > old/added",
        takes: &[("new/added", "at:old/added")],
        person: "mkdir -p old; git add new/added; git mv -f new/added old/added",
    },
    Case {
        name: "a link here and a file there, the link",
        base: LINES,
        ours: "rm f; ln -s away f",
        theirs: "echo more >> f",
        takes: &[("f", "ours")],
        person: "rm -f f f~*; ln -s away f; git add --all",
    },
    Case {
        name: "a link here and a file there, the file",
        base: LINES,
        ours: "rm f; ln -s away f",
        theirs: "echo more >> f",
        takes: &[("f", "theirs")],
        person: "rm -f f f~*; git show task:f > f; git add --all",
    },
    Case {
        name: "two ways that a file is run",
        base: "echo > other",
        ours: "echo same > f",
        theirs: "echo same > f; chmod +x f",
        takes: &[("f", "theirs")],
        person: "chmod +x f; git add f",
    },
    Case {
        name: "a submodule",
        base: "mkdir sub; git update-index --add --cacheinfo 160000,1111111111111111111111111111111111111111,sub",
        ours: "git update-index --cacheinfo 160000,2222222222222222222222222222222222222222,sub",
        theirs: "git update-index --cacheinfo 160000,3333333333333333333333333333333333333333,sub",
        takes: &[("sub", "theirs")],
        person: "git update-index --cacheinfo 160000,3333333333333333333333333333333333333333,sub",
    },
];

/// What a person with git makes of the two, in a clone: the tree.
fn by_a_person(lab: &Lab, case: &Case) -> String {
    let person = lab.root().join("person");
    lab.git(&["clone", "--quiet", ".", person.to_str().unwrap()]);
    lab.git_in(&person, &["branch", "--quiet", "task", "origin/odyssey/work"]);
    let merge = lab.try_git_in(&person, &["merge", "--quiet", "task"]);
    assert_eq!(merge.code, 1, "{}: git finds a conflict: {merge:#?}", case.name);
    script(lab, &person, case.person);
    script(lab, &person, "test -z \"$(git ls-files --unmerged)\"; git commit --quiet -m merged");
    lab.git_in(&person, &["ls-tree", "-r", "HEAD"])
}

#[test]
fn every_kind_of_conflict_becomes_what_a_person_with_git_would_commit() {
    for case in CASES {
        let lab = lab_of(case.base, case.ours, case.theirs);
        lab.write("../text", "both of us");
        let expected = by_a_person(&lab, case);
        let before = lab.git(&["status", "--porcelain"]);
        let list = review(&lab, &["--list"]);
        assert!(list["open"].as_u64().unwrap() > 0, "{}: {list:#}", case.name);
        for (path, choice) in case.takes {
            assert!(!names(&list, path).is_empty(), "{}: {path} is among {list:#}", case.name);
            let choice = if *choice == "written" { "../text" } else { choice };
            let run = lab.odyssey(&["review", "work", "--take", path, choice]);
            assert_eq!(run.code, 0, "{}: {run:#?}", case.name);
        }
        assert_eq!(lab.git(&["status", "--porcelain"]), before, "{}: the checkout is untouched", case.name);
        let run = lab.odyssey(&["review", "work", "--finish"]);
        assert_eq!(run.code, 0, "{}: {run:#?}", case.name);
        assert_eq!(lab.git(&["ls-tree", "-r", "main"]), expected, "{}", case.name);
    }
}

#[test]
fn a_choice_that_makes_no_sense_is_refused_with_those_that_do() {
    let lab = lab_of("printf '\\000base' > f", "printf '\\000main' > f", "printf '\\000task' > f");
    let run = lab.odyssey(&["review", "work", "--take", "f", "both"]);
    snapbox::assert_data_eq!(
        lab.screen(&run),
        snapbox::str![[r#"
--- stderr
error: f cannot become 'both': both changed a binary file
hint: it can become ours, theirs, base, a FILE
--- exit 2

"#]]
    );
    let folders = lab_of("echo > other", "echo main > f", "mkdir f; echo task > f/a");
    for (choice, why) in [
        ("at:other", "it is there"),
        ("at:../f", "it leads out"),
        ("at:.git/x", "it is git's"),
        ("at:other/x", "a file is above"),
    ] {
        assert_eq!(folders.odyssey(&["review", "work", "--take", "f", choice]).code, 2, "{choice}: {why}");
    }
}

/// The lines of the target that look like marks.
fn marks(lab: &Lab) -> String {
    lab.try_git_in(&lab.main(), &["grep", "-nE", "^(<<<<<|>>>>>)", "main"]).stdout
}

#[test]
fn a_file_in_a_renamed_folder_with_lines_to_decide_gets_both_decisions() {
    for (place, path) in [("both", "b/x"), ("at:a/x", "a/x")] {
        let lab = lab_of(
            "mkdir a; seq 1 20 > a/k; seq 1 20 | sed s/^/l/ > x; for i in 1 2 3; do seq $i 30 > a/f$i; done",
            "git mv a b; sed -i 's/^l5$/MAIN/' x",
            "git mv x a/x; sed -i 's/^l5$/TASK/' a/x",
        );
        let ids = names(&review(&lab, &["--list"]), "b/x");
        assert_eq!(ids.len(), 2, "the place and the lines");
        review(&lab, &["--take", &ids[0], place, "--take", &ids[1], "theirs"]);
        lab.odyssey(&["review", "work", "--finish"]).ok();
        assert_eq!(marks(&lab), "");
        assert_eq!(lab.git(&["show", &format!("main:{path}")]).lines().nth(4), Some("TASK"));
        let other = if path == "b/x" { "a/x" } else { "b/x" };
        assert_eq!(lab.git(&["ls-tree", "main", other]), "");
    }
}

#[test]
fn what_git_merged_twice_is_no_side_that_can_be_taken() {
    let lab = lab_of(
        "{ seq 1 20; seq 101 115 | sed s/^/p/; seq 21 40; } > p",
        "sed -i 's/^p105$/MAINP/' p; { seq 1 20; seq 201 215 | sed s/^/q/; seq 21 40; } > n",
        "git mv p n; sed -i 's/^p105$/TASKP/' n",
    );
    let run = lab.odyssey(&["review", "work", "--take", "all", "theirs"]);
    assert_eq!(run.code, 2, "{run:#?}");
    lab.write("../text", "both of us\n");
    review(&lab, &["--take", "n", "../text"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(marks(&lab), "");
}

#[test]
fn short_marks_are_marks_too() {
    let lab = lab_of(
        "seq 20 > o; echo '* conflict-marker-size=5' > .gitattributes",
        "git mv o m; sed -i 's/^5$/M/' m",
        "git mv o t; sed -i 's/^5$/T/' t",
    );
    let run = lab.odyssey(&["review", "work", "--take", "m", "ours"]);
    assert_eq!(run.code, 2, "{run:#?}");
}

#[test]
fn two_files_are_not_put_at_one_place_and_none_where_somebody_else_holds_it() {
    let lab = lab_of("echo b > base", "echo x > x; echo y > y", "mkdir x y; echo x > x/f; echo y > y/f");
    assert_eq!(lab.odyssey(&["review", "work", "--take", "all", "at:saved"]).code, 1);
    review(&lab, &["--take", "x", "at:saved"]);
    for place in ["at:saved", "at:saved/y"] {
        assert_eq!(lab.odyssey(&["review", "work", "--take", "y", place]).code, 1, "{place}");
    }
    for place in ["at:.odyssey/lease.toml", "at:GIT~1/x"] {
        assert_eq!(lab.odyssey(&["review", "work", "--take", "y", place]).code, 2, "{place}");
    }
    review(&lab, &["--take", "y", "at:other"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(lab.git(&["show", "main:saved"]), "x");
    assert_eq!(lab.git(&["show", "main:other"]), "y");
}

#[test]
fn lines_that_both_sides_have_are_there_once_and_what_was_before_is_all_of_it() {
    for (choice, lines) in [("both", "C\nM\nT"), ("base", "5"), ("ours", "C\nM"), ("theirs", "C\nT")] {
        let lab = lab_of(
            "printf '1\\n5\\n9\\n' > f",
            "printf '1\\nC\\nM\\n9\\n' > f",
            "printf '1\\nC\\nT\\n9\\n' > f",
        );
        review(&lab, &["--take", "f", choice]);
        lab.odyssey(&["review", "work", "--finish"]).ok();
        assert_eq!(lab.git(&["show", "main:f"]), format!("1\n{lines}\n9"), "{choice}");
    }
}

#[test]
fn of_a_file_that_both_renamed_one_name_is_kept() {
    let lab = lab_of(
        &format!("{LINES}; seq 20 > g"),
        "git mv f one; git mv g three",
        "git mv f two; git mv g four",
    );
    // As a hand slips that wants "theirs" and says "the other one" of each.
    let mut screens = String::new();
    for words in [
        &["--take", "one", "theirs", "--take", "two", "ours", "--take", "three", "ours"][..],
        &["--take", "four", "ours"],
        &["--finish"],
        &["--test", "true"],
        &["--take", "two", "theirs"],
    ] {
        let words = [&["review", "work"], words].concat();
        screens.push_str(&format!("$ git odyssey {}\n{}", words.join(" "), lab.screen(&lab.odyssey(&words))));
    }
    snapbox::assert_data_eq!(
        screens,
        snapbox::str![[r#"
$ git odyssey review work --take one theirs --take two ours --take three ours
review of work with main: 3 of 4 open
  nothing would be left of a file that both renamed: keep it as one or two
CONFLICT      LINE  STATE    BY   PATH
[HASH]  -     open     -    four
[HASH]  -     theirs?  Ada  one
[HASH]  -     ours     Ada  three
[HASH]  -     ours?    Ada  two
--- exit 0
$ git odyssey review work --take four ours
review of work with main: 2 of 4 open
  nothing would be left of a file that both renamed: keep it as one or two
CONFLICT      LINE  STATE    BY   PATH
[HASH]  -     ours     Ada  four
[HASH]  -     theirs?  Ada  one
[HASH]  -     ours     Ada  three
[HASH]  -     ours?    Ada  two
--- exit 0
$ git odyssey review work --finish
--- stderr
error: nothing would be left of a file that both sides renamed: by what was decided it is neither one nor two
hint: see which side has it: git odyssey review work --show 'one'
hint: a file that shall go is deleted by a commit of its own
--- exit 4
$ git odyssey review work --test true
--- stderr
error: nothing would be left of a file that both sides renamed: by what was decided it is neither one nor two
hint: see which side has it: git odyssey review work --show 'one'
hint: a file that shall go is deleted by a commit of its own
--- exit 4
$ git odyssey review work --take two theirs
review of work with main: 0 of 4 open
CONFLICT      LINE  STATE   BY   PATH
[HASH]  -     ours    Ada  four
[HASH]  -     theirs  Ada  one
[HASH]  -     ours    Ada  three
[HASH]  -     theirs  Ada  two
all is decided: git odyssey review work --finish
--- exit 0

"#]]
    );
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(lab.git(&["ls-tree", "--name-only", "main"]), "README.md\nodyssey.toml\nthree\ntwo");
}
