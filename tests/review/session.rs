//! The session: what it refuses, what it remembers, and whose word it wants.

use snapbox::assert_data_eq;
use snapbox::str;

use super::lab_of;
use super::lab_with;
use super::names;
use super::on_target;
use super::review;
use super::support::Lab;
use super::support::process::Barrier;
use super::work;

const LINES: &str = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $n; done > f; echo g > g";

/// A lab with two conflicts in `f` and one in `g`.
fn lab() -> Lab {
    lab_of(
        LINES,
        "sed -i 's/line 3$/main 3/; s/line 10/main 10/' f; echo main > g",
        "sed -i 's/line 3$/task 3/; s/line 10/task 10/' f; echo task > g",
    )
}

#[test]
fn conflicts_are_listed_shown_decided_and_landed() {
    let lab = lab();
    let ids = names(&review(&lab, &["--list"]), "f");
    let mut screens = String::new();
    for words in [
        &["land", "work"][..],
        &["review", "work"],
        &["review", "work", "--show", &ids[0]],
        &["review", "work", "--take", &ids[0], "theirs", "--take", "g", "both"],
        &["review", "work", "--note", &ids[0], "the task knows"],
        &["review", "work", "--finish"],
        &["review", "work", "--preview", "f"],
        &["review", "work", "--undo"],
        &["review", "work", "--redo"],
        &["review", "work", "--take", "all", "ours"],
        &["review", "work", "--test", "grep -q 'task 3' f"],
        &["review", "work", "--test", "sh -c 'echo looked; exit 3'"],
        &["review", "work", "--finish"],
        &["review", "work"],
    ] {
        screens.push_str(&format!(
            "$ git odyssey {}\n{}",
            words.join(" ").replace(ids[0].as_str(), "[HASH]"),
            lab.screen(&lab.odyssey(words))
        ));
    }
    assert_data_eq!(
        screens,
        str![[r#"
$ git odyssey land work
--- stderr
error: work conflicts with main in 2 files
f (both changed the same lines)
  line 3
    main has
      | main 3
    work has
      | task 3
  line 10
    main has
      | main 10
    work has
      | task 10
g (both changed the same lines)
  line 1
    main has
      | main
    work has
      | task
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4
$ git odyssey review work
review of work with main: 3 of 3 open
CONFLICT      LINE  STATE  BY  PATH
[HASH]  3     open   -   f
[HASH]  10    open   -   f
[HASH]  1     open   -   g
see one: git odyssey review work --show CONFLICT
--- exit 0
$ git odyssey review work --show [HASH]
conflict f (both changed the same lines)
  main: [HASH] by Ada: main: edits
  work: [HASH] by Ada: work: edits
  [HASH] at line 3, can become ours, theirs, both, both-reversed, base, text
    base:
      | line 3
    main:
      | main 3
    work:
      | task 3
--- exit 0
$ git odyssey review work --take [HASH] theirs --take g both
review of work with main: 1 of 3 open
CONFLICT      LINE  STATE   BY   PATH
[HASH]  3     theirs  Ada  f
[HASH]  10    open    -    f
[HASH]  1     both    Ada  g
--- exit 0
$ git odyssey review work --note [HASH] the task knows
review of work with main: 1 of 3 open
CONFLICT      LINE  STATE   BY   PATH
[HASH]  3     theirs  Ada  f
[HASH]  10    open    -    f
[HASH]  1     both    Ada  g
--- exit 0
$ git odyssey review work --finish
--- stderr
error: 1 conflict to be decided: f
hint: see them: git odyssey review work --list
--- exit 4
$ git odyssey review work --preview f
line 1
line 2
task 3
line 4
line 5
line 6
line 7
line 8
line 9
<<<<<<< main
main 10
||||||| before
line 10
=======
task 10
>>>>>>> work
line 11
line 12
--- exit 0
$ git odyssey review work --undo
review of work with main: 1 of 3 open
CONFLICT      LINE  STATE   BY   PATH
[HASH]  3     theirs  Ada  f
[HASH]  10    open    -    f
[HASH]  1     both    Ada  g
--- exit 0
$ git odyssey review work --redo
review of work with main: 1 of 3 open
CONFLICT      LINE  STATE   BY   PATH
[HASH]  3     theirs  Ada  f
[HASH]  10    open    -    f
[HASH]  1     both    Ada  g
--- exit 0
$ git odyssey review work --take all ours
review of work with main: 0 of 3 open
CONFLICT      LINE  STATE   BY   PATH
[HASH]  3     theirs  Ada  f
[HASH]  10    ours    Ada  f
[HASH]  1     both    Ada  g
all is decided: git odyssey review work --finish
--- exit 0
$ git odyssey review work --test grep -q 'task 3' f
passed `grep -q 'task 3' f` on what was decided
  go on: git odyssey review work --finish
--- exit 0
$ git odyssey review work --test sh -c 'echo looked; exit 3'
--- stderr
error: the test failed: `sh -c 'echo looked; exit 3'` ended with exit code 3:
looked
hint: all that it wrote: [LAB]/main/.git/odyssey/output/review-work.txt
hint: nothing has moved; it ran on the result, in a folder of its own
--- exit 1
$ git odyssey review work --finish
landed work on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  settled f by review (Ada: the task knows): line 3 (work's 1 line, not main's 1)
  settled f by review (Ada): line 10 (main's 1 line, not work's 1)
  settled g by review (Ada): line 1 (main's 1 line and work's 1)
  removed its workspace and branch
--- exit 0
$ git odyssey review work
--- stderr
error: there is no live task work
hint: see what is live: git odyssey status
--- exit 1

"#]]
    );
    assert_eq!(lab.git(&["show", "main:f"]).lines().nth(2), Some("task 3"));
    assert_data_eq!(
        lab.git(&["log", "-1", "--format=%B", "main"]),
        str![[r#"
Land work

* work: edits

Odyssey-Task: work
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Settled: f by review (Ada: the task knows): line 3 (work's 1 line, not main's 1)
Odyssey-Settled: f by review (Ada): line 10 (main's 1 line, not work's 1)
Odyssey-Settled: g by review (Ada): line 1 (main's 1 line and work's 1)
"#]]
    );
    assert_data_eq!(
        lab.git(&["log", "--first-parent", "--format=%s", "refs/odyssey/reviews/work"])
            .replace(&ids[0], "[HASH]"),
        str![[r#"
finish the review of work
take ours in f
redo [HASH]
undo [HASH]
note f
take both in g
take theirs in f
open the review of work
main: edits
seed
first
"#]]
    );
}

#[test]
fn decisions_hold_while_their_lines_are_the_same_and_the_others_are_asked_again() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs"]);
    on_target(&lab, "sed -i 's/main 10/main ten/; s/line 7/main 7/' f; echo new > h");
    work(&lab, "sed -i 's/line 12/task 12/' f");
    let list = review(&lab, &["--list"]);
    assert_eq!(list["moved"], serde_json::json!({ "kept": 2, "gone": 1 }));
    assert_eq!((&list["open"], &list["count"]), (&1.into(), &3.into()));
    assert_eq!(lab.odyssey(&["review", "work", "--finish"]).code, 4, "one is open");
    review(&lab, &["--take", "all", "ours"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(
        lab.git(&["show", "main:f"]),
        "line 1\nline 2\ntask 3\nline 4\nline 5\nline 6\nmain 7\nline 8\nline 9\nmain ten\nline 11\ntask 12"
    );
    assert_eq!(lab.git(&["show", "main:g"]), "task");
}

#[test]
fn a_target_that_moves_between_the_last_look_and_the_landing_is_not_decided_for() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs"]);
    let mine = names(&review(&lab, &["--list"]), "g");
    on_target(&lab, "echo other > g");
    // Finishing looks again, and what was decided is about other lines.
    let run = lab.odyssey(&["review", "work", "--finish"]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert_ne!(names(&review(&lab, &["--list"]), "g"), mine);
    assert_eq!(lab.git(&["show", "main:g"]), "other");
}

#[test]
fn a_review_that_was_dropped_or_finished_begins_anew_and_its_history_stays() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs"]);
    let decided = lab.git(&["rev-parse", "refs/odyssey/reviews/work"]);
    lab.odyssey(&["review", "work", "--drop"]).ok();
    assert_eq!(lab.odyssey(&["review", "work", "--drop"]).code, 1, "there is none any more");
    let list = review(&lab, &["--list"]);
    assert_eq!(list["open"], 3, "nothing is decided");
    lab.git(&["merge-base", "--is-ancestor", &decided, "refs/odyssey/reviews/work"]);
    assert_eq!(lab.odyssey(&["review", "work", "--undo"]).code, 1, "what was before is another review");
}

#[test]
fn where_there_is_no_conflict_there_is_no_review() {
    let lab = lab_of(LINES, "echo main > m", "echo task > t");
    let run = lab.odyssey(&["review", "work"]);
    assert_data_eq!(
        lab.screen(&run),
        str![[r#"
--- stderr
error: there is nothing to review: work and main merge without a conflict that somebody has to decide
hint: go on: git odyssey land work
--- exit 1

"#]]
    );
    assert_eq!(lab.git(&["for-each-ref", "refs/odyssey/reviews"]), "");
}

#[test]
fn what_a_rule_decides_is_not_asked() {
    let lab = lab_with("[[merge]]\npaths = [\"g\"]\nstrategy = \"theirs\"", LINES);
    work(&lab, "sed -i 's/line 3$/task 3/' f; echo task > g");
    on_target(&lab, "sed -i 's/line 3$/main 3/' f; echo main > g");
    let list = review(&lab, &["--list"]);
    assert_eq!((names(&list, "f").len(), names(&list, "g").len()), (1, 0));
    review(&lab, &["--take", "all", "both"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(lab.git(&["show", "main:g"]), "task");
}

#[test]
fn an_agent_settles_its_own_conflicts_and_no_others() {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n");
    super::script(&lab, &lab.main(), LINES);
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "work", "--region", "f", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "other", "--region", "g", "--for", "claude-2"]).ok();
    work(&lab, "sed -i 's/line 3$/task 3/' f");
    on_target(&lab, "sed -i 's/line 3$/main 3/' f");
    let run = lab.odyssey_in(&lab.workspace("other"), &["review", "work", "--take", "all", "theirs"]);
    assert_data_eq!(
        lab.screen(&run),
        str![[r#"
--- stderr
error: other may settle its own conflicts only, not those of work
hint: in its workspace, or as a person: git odyssey review work
--- exit 3

"#]]
    );
    let workspace = lab.workspace("work");
    let run = lab.odyssey_in(&workspace, &["--json", "review", "--take", "all", "theirs"]).ok().json();
    assert_eq!(run["result"]["files"][0]["items"][0]["resolution"]["by"], "claude-1");
    lab.odyssey_in(&workspace, &["review", "--finish"]).ok();
    assert!(lab.git(&["show", "main:f"]).contains("task 3"));
}

#[test]
fn the_policy_wants_the_word_of_the_person_whose_lines_they_are() {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n[review]\nconfirm = \"human\"\n");
    super::script(&lab, &lab.main(), LINES);
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    let person = lab.git(&["config", "user.name"]);
    lab.odyssey(&["claim", "work", "--region", "f#L1-L8", "--region", "g", "--for", "claude-1"]).ok();
    let holder = format!("human:{person}");
    lab.odyssey(&["claim", "mine", "--region", "f#L9-L12", "--for", &holder, "--here"]).ok();
    // Lines beside each other: git cannot merge them.
    work(&lab, "sed -i 's/line 8$/task 8/' f; echo task > g");
    on_target(&lab, "sed -i 's/line 9$/main 9/' f; echo main > g");
    let workspace = lab.workspace("work");
    lab.odyssey_in(&workspace, &["review", "--take", "all", "both"]).ok();
    let mine = names(&review(&lab, &["--list"]), "f");
    let run = lab.odyssey_in(&workspace, &["review", "--finish"]);
    assert_data_eq!(
        lab.screen(&run),
        str![[r#"
--- stderr
error: 1 decision wants the word of Ada
hint: they agree with: git odyssey review work --confirm CONFLICT
--- exit 4

"#]]
    );
    let run = lab.odyssey_in(&workspace, &["review", "--confirm", &mine[0]]);
    assert_eq!(run.code, 1, "the agent may not agree for the person: {run:#?}");
    review(&lab, &["--confirm", &mine[0]]);
    lab.odyssey_in(&workspace, &["review", "--undo"]).ok();
    assert_eq!(lab.odyssey_in(&workspace, &["review", "--finish"]).code, 4, "the agreement was taken back");
    review(&lab, &["--confirm", "f"]);
    let run = lab.odyssey(&["review", "work", "--finish"]).ok();
    assert!(run.stdout.contains(&format!("(claude-1, agreed by {person})")), "{}", run.stdout);
    assert!(lab.git(&["show", "main:f"]).contains("task 8\n"));
}

#[test]
fn a_sync_that_conflicts_is_settled_the_same_way() {
    let lab = lab();
    let run = lab.odyssey(&["sync", "work"]);
    assert_eq!(run.code, 4);
    assert!(run.stderr.contains("git odyssey review work --sync"), "{}", run.stderr);
    review(&lab, &["--sync", "--take", "f", "theirs", "--take", "g", "ours"]);
    assert_eq!(lab.odyssey(&["review", "work", "--squash", "--list"]).code, 1, "it is for something else");
    lab.odyssey(&["review", "work", "--finish"]).ok();
    let workspace = lab.workspace("work");
    assert_eq!(lab.git_in(&workspace, &["status", "--porcelain"]), "");
    assert_eq!(std::fs::read_to_string(workspace.join("g")).unwrap(), "main\n");
    assert!(std::fs::read_to_string(workspace.join("f")).unwrap().contains("task 3"));
    lab.odyssey(&["land", "work"]).ok();
}

#[test]
fn a_check_that_fails_on_the_result_moves_nothing_and_the_review_goes_on() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs"]);
    let before = lab.git(&["rev-parse", "main"]);
    let run = lab.odyssey(&["review", "work", "--finish", "--check", "grep -q 'main 3' f"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(lab.git(&["rev-parse", "main"]), before);
    assert_eq!(review(&lab, &["--list"])["open"], 0);
    lab.odyssey(&["review", "work", "--finish", "--check", "grep -q 'task 3' f"]).ok();
}

#[test]
fn decisions_that_are_taken_at_the_same_time_are_all_kept() {
    let lab = lab_of(
        "for n in $(seq 16); do echo base > f$n; done",
        "for n in $(seq 16); do echo main > f$n; done",
        "for n in $(seq 16); do echo task > f$n; done",
    );
    review(&lab, &["--list"]);
    let mut barrier = Barrier::closed();
    for number in 1..=16 {
        let path = format!("f{number}");
        barrier.add(&lab, &lab.main(), &["review", "work", "--take", &path, "theirs"]);
    }
    for run in barrier.answers() {
        assert_eq!(run.code, 0, "{run:#?}");
    }
    let list = review(&lab, &["--list"]);
    assert_eq!(list["open"], 0, "{list:#}");
}

#[test]
fn a_review_is_pushed_and_goes_on_elsewhere() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs", "--note", "g", "said"]);
    let there = lab.root().join("there");
    lab.git(&["init", "--quiet", "--bare", there.to_str().unwrap()]);
    lab.git(&["push", "--quiet", there.to_str().unwrap(), "refs/odyssey/reviews/work"]);
    let kept = lab.git_in(&there, &["ls-tree", "-r", "--name-only", "refs/odyssey/reviews/work"]);
    assert_eq!(kept.lines().filter(|line| line.ends_with("resolution.toml")).count(), 3, "{kept}");
    lab.git_in(&there, &["fsck", "--strict"]);
    let sides = lab.git(&["rev-parse", "main", "odyssey/work"]);
    for side in sides.lines() {
        lab.git_in(&there, &["cat-file", "-e", side]);
    }
}

#[test]
fn of_the_same_lines_twice_none_is_decided_for_the_other() {
    let base = "{ echo a; echo x=1; seq 1 10; echo b; echo x=1; seq 11 20; } > f";
    let lab = lab_of(base, "sed -i s/x=1/x=MAIN/ f", "sed -i s/x=1/x=TASK/ f");
    let ids = names(&review(&lab, &["--list"]), "f");
    review(&lab, &["--take", &ids[0], "ours", "--take", &ids[1], "theirs"]);
    on_target(&lab, "sed -i '2s/x=MAIN/x=1/' f");
    let list = review(&lab, &["--list"]);
    assert_eq!((&list["count"], &list["open"]), (&1.into(), &1.into()), "{list:#}");
}

#[test]
fn what_is_taken_back_while_the_check_runs_does_not_land() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs"]);
    let before = lab.git(&["rev-parse", "main"]);
    let check = format!("git -C '{}' odyssey review work --undo", lab.main().display());
    let run = lab.odyssey(&["review", "work", "--finish", "--check", &check]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.contains("somebody changed the review of work meanwhile"), "{run:#?}");
    assert_eq!(lab.git(&["rev-parse", "main"]), before);
}

#[test]
fn another_task_of_the_same_name_gets_a_review_of_its_own() {
    let lab = lab();
    review(&lab, &["--take", "all", "theirs", "--note", "g", "the task knows"]);
    lab.odyssey(&["abandon", "work", "--reason", "wrong way"]).ok();
    lab.odyssey(&["claim", "work", "--region", "**", "--for", "claude-2", "--base", "main~1"]).ok();
    work(&lab, "sed -i 's/line 3$/task 3/; s/line 10/task 10/' f; echo task > g; echo again > again");
    assert_eq!(review(&lab, &["--list"])["open"], 3);
}

#[test]
fn who_decides_otherwise_has_reasons_of_his_own() {
    let lab = lab();
    review(&lab, &["--take", "g", "ours", "--note", "g", "ours is newer"]);
    let list = review(&lab, &["--take", "g", "theirs"]);
    assert_eq!(list["files"][1]["items"][0]["resolution"]["note"], serde_json::Value::Null);
}

#[test]
fn an_agent_ends_nobody_elses_lease() {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n");
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    lab.odyssey(&["claim", "work", "--region", "f", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "mine", "--region", "g", "--for", "human:Ada", "--here"]).ok();
    for words in [
        &["release", "mine"][..],
        &["abandon", "mine", "--reason", "x"],
        &["park", "mine"],
        &["renew", "mine", "--ttl", "1m"],
    ] {
        let run = lab.odyssey_in(&lab.workspace("work"), words);
        assert_eq!(run.code, 3, "{words:?}: {run:#?}");
    }
    lab.odyssey(&["release", "mine"]).ok();
}

#[test]
fn what_is_not_shown_as_it_is_is_told_in_base64() {
    let lab = lab_of(
        "printf 'a\\r\\nb\\r\\nc\\r\\n' > f; echo g > g",
        "printf 'a\\r\\nmain\\r\\nc\\r\\n' > f; echo main > g",
        "printf 'a\\r\\ntask\\r\\nc\\r\\n' > f; echo task > g",
    );
    let view = review(&lab, &["--list"]);
    let exact = &view["files"][0]["items"][0]["exact"];
    assert_eq!(*exact, serde_json::json!({ "base": "Yg0K", "ours": "bWFpbg0K", "theirs": "dGFzaw0K" }));
    assert!(view["files"][1]["items"][0]["exact"].is_null(), "{view:#}");
    // What an agent writes with that goes into the file byte for byte.
    lab.write("../text", "both\r\n");
    let view = review(&lab, &["--take", "f", "../text", "--take", "g", "ours"]);
    assert_eq!(view["files"][0]["items"][0]["resolution"]["exact"], "Ym90aA0K");
    assert_eq!(review(&lab, &["--preview", "f"])["exact"], "YQ0KYm90aA0KYw0K");
    assert_eq!(review(&lab, &["--test", "echo looked"])["output"], "looked\n");
    lab.odyssey(&["review", "work", "--finish"]).ok();
    let landed = lab.command("git", &lab.main(), &["show", "main:f"]).output().unwrap().stdout;
    assert_eq!(landed, b"a\r\nboth\r\nc\r\n");
}

#[test]
fn a_rebase_is_not_reviewed_and_says_how_else() {
    let lab = lab_of(LINES, "sed -i 's/line 3$/main 3/' f", "sed -i 's/line 3$/task 3/' f");
    let mut screens = String::new();
    for words in [&["land", "work", "--rebase"][..], &["review", "work", "--rebase"]] {
        screens.push_str(&format!("$ git odyssey {}\n{}", words.join(" "), lab.screen(&lab.odyssey(words))));
    }
    assert_data_eq!(
        screens,
        str![[r#"
$ git odyssey land work --rebase
--- stderr
error: work conflicts with main in 1 file
f (both changed the same lines)
  line 3
    main has
      | main 3
    work has
      | task 3
hint: nothing has moved; both sides are as they were
hint: settle it one by one, to land by a merge: git odyssey review work --merge
hint: or in the workspace: git rebase main, then run this again
--- exit 4
$ git odyssey review work --rebase
--- stderr
error: a rebase merges every commit by itself, so there is no one result that could be settled and tested here
hint: say how it is to land: --merge or --squash, or --sync to bring the target's work in
--- exit 1

"#]]
    );
}

#[test]
fn whoever_holds_the_old_name_of_a_renamed_file_is_asked() {
    let lab = Lab::unprepared();
    lab.write("odyssey.toml", "[ledger]\nfsync = false\n[review]\nconfirm = \"human\"\n");
    super::script(&lab, &lab.main(), LINES);
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    let holder = format!("human:{}", lab.git(&["config", "user.name"]));
    lab.odyssey(&["claim", "work", "--region", "f#L1-L8", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "mine", "--region", "f#L9-L12", "--for", &holder, "--here"]).ok();
    work(&lab, "sed -i 's/line 8$/task 8/' f");
    on_target(&lab, "git mv f moved; sed -i 's/line 9$/main 9/' moved");
    let workspace = lab.workspace("work");
    lab.odyssey_in(&workspace, &["review", "--take", "all", "both"]).ok();
    let run = lab.odyssey_in(&workspace, &["review", "--finish"]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("1 decision wants the word of Ada"), "{}", run.stderr);
    review(&lab, &["--confirm", "moved"]);
    lab.odyssey_in(&workspace, &["review", "--finish"]).ok();
    assert!(lab.git(&["show", "main:moved"]).contains("task 8\n"));
}
