//! Merge strategies: each decides what it is for, tells what it decided, and leaves everything else to git.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use snapbox::IntoData;
use snapbox::assert_data_eq;
use snapbox::str;

use super::lab_with;
use super::numbered;
use super::on_target;
use super::support;
use super::support::Lab;
use super::support::session::Session;
use super::work;

/// Both sides change line 5 of these files, and each another line that nobody else changes.
fn conflict_in(lab: &Lab, paths: &[&str]) {
    for path in paths {
        work(lab, path, numbered(9, &[(1, "work's first"), (5, "work's")]));
        on_target(lab, path, numbered(9, &[(5, "main's"), (9, "main's last")]));
    }
}

/// The file with line 5 as given, and what git merges by itself.
fn merged(fifth: &str) -> String {
    numbered(9, &[(1, "work's first"), (5, fifth), (9, "main's last")])
}

fn at(lab: &Lab, place: &str) -> String {
    lab.git(&["show", place]) + "\n"
}

fn message(lab: &Lab, revision: &str) -> String {
    lab.git(&["log", "-1", "--format=%B", revision])
}

const SIDES: &str = r#"
[[merge]]
paths = ["src/**"]
strategy = "three-way"

[[merge]]
paths = ["src/a.txt"]
strategy = "ours"

[[merge]]
paths = ["src/b.txt"]
strategy = "theirs"

[[merge]]
paths = ["src/c.txt"]
strategy = "union"
"#;

#[test]
fn a_landing_tells_what_strategies_decided() {
    let lab = lab_with(SIDES);
    conflict_in(&lab, &["src/a.txt", "src/b.txt", "src/c.txt"]);
    let mut session = Session::of(&lab);
    session.run(&["land", "work", "--keep"]).run(&["doctor"]);
    assert_eq!(at(&lab, "main:src/a.txt"), merged("main's"));
    assert_eq!(at(&lab, "main:src/b.txt"), merged("work's"));
    assert_eq!(at(&lab, "main:src/c.txt"), merged("main's\nwork's"));
    assert_data_eq!(
        message(&lab, "main"),
        str![[r#"
Land work

* work: edit src/a.txt
* work: edit src/b.txt
* work: edit src/c.txt

Odyssey-Task: work
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Settled: src/a.txt by ours: line 5 (main's 1 line, not work's 1)
Odyssey-Settled: src/b.txt by theirs: line 5 (work's 1 line, not main's 1)
Odyssey-Settled: src/c.txt by union: line 5 (main's 1 line and work's 1)
"#]]
        .raw()
    );
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --keep
landed work on main: 3 commits, main is now [HASH]
  updated [LAB]/main
  settled src/a.txt by ours: line 5 (main's 1 line, not work's 1)
  settled src/b.txt by theirs: line 5 (work's 1 line, not main's 1)
  settled src/c.txt by union: line 5 (main's 1 line and work's 1)
  kept [LAB]/main.odyssey/work: as asked
--- exit 0

$ git odyssey doctor
found   the workspace [LAB]/main.odyssey/work has no lease
          git odyssey doctor --fix removes it: all its work has landed
1 finding open
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn sides_have_the_same_names_in_a_sync_as_in_a_landing() {
    let lab = lab_with(SIDES);
    conflict_in(&lab, &["src/a.txt", "src/b.txt", "src/c.txt"]);
    let mut session = Session::of(&lab);
    session.run(&["sync", "work", "--json"]);
    assert_eq!(at(&lab, "odyssey/work:src/a.txt"), merged("main's"));
    assert_eq!(at(&lab, "odyssey/work:src/b.txt"), merged("work's"));
    assert_eq!(at(&lab, "odyssey/work:src/c.txt"), merged("work's\nmain's"));
    assert_eq!(lab.git_in(&lab.workspace("work"), &["status", "--porcelain"]), "");
    assert_data_eq!(
        message(&lab, "odyssey/work"),
        str![[r#"
Sync work with main

Odyssey-Task: work
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Settled: src/a.txt by ours: line 5 (main's 1 line, not work's 1)
Odyssey-Settled: src/b.txt by theirs: line 5 (work's 1 line, not main's 1)
Odyssey-Settled: src/c.txt by union: line 5 (main's 1 line and work's 1)
Odyssey-Synced: refs/heads/main
"#]]
        .raw()
    );
    // What was settled once is not settled again, and is no trespass.
    session.run(&["land", "work"]).run(&["doctor"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work --json
{
  "command": "sync",
  "ok": true,
  "result": {
    "commits": 3,
    "decisions": [
      {
        "commit": null,
        "hunks": [
          {
            "line": 5,
            "target": 1,
            "task": 1
          }
        ],
        "kept": "target",
        "path": "src/a.txt",
        "strategy": "ours",
        "why": null
      },
      {
        "commit": null,
        "hunks": [
          {
            "line": 5,
            "target": 1,
            "task": 1
          }
        ],
        "kept": "task",
        "path": "src/b.txt",
        "strategy": "theirs",
        "why": null
      },
      {
        "commit": null,
        "hunks": [
          {
            "line": 5,
            "target": 1,
            "task": 1
          }
        ],
        "kept": "both",
        "path": "src/c.txt",
        "strategy": "union",
        "why": null
      }
    ],
    "dropped": 0,
    "how": "merge",
    "kept": [],
    "new": "[HASH]",
    "old": "[HASH]",
    "own": 4,
    "saved": null,
    "target": "refs/heads/main",
    "task": "work",
    "workspace": "[LAB]/main.odyssey/work"
  },
  "version": 1
}
--- exit 0

$ git odyssey land work
landed work on main: 4 commits, main is now [HASH]
  updated [LAB]/main
  removed its workspace and branch
--- exit 0

$ git odyssey doctor
all is well
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_rebase_tells_in_which_commit_it_decided() {
    let lab = lab_with(SIDES);
    conflict_in(&lab, &["src/a.txt", "src/b.txt"]);
    let mut session = Session::of(&lab);
    session.run(&["sync", "work", "--rebase"]);
    assert_eq!(at(&lab, "odyssey/work:src/a.txt"), merged("main's"));
    assert_eq!(at(&lab, "odyssey/work:src/b.txt"), merged("work's"));
    assert_data_eq!(
        message(&lab, "odyssey/work^"),
        str![[r#"
work: edit src/a.txt

Odyssey-Settled: src/a.txt by ours: line 5 (main's 1 line, not work's 1)
"#]]
        .raw()
    );
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work --rebase
synced work with main: 2 new commits by a rebase, it is now at [HASH]
  updated [LAB]/main.odyssey/work
  settled src/a.txt by ours, replaying [HASH]: line 5 (main's 1 line, not work's 1)
  settled src/b.txt by theirs, replaying [HASH]: line 5 (work's 1 line, not main's 1)
  the commits as they were are saved as [HASH]
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn the_last_rule_counts_and_the_command_line_comes_after_the_policy() {
    let lab = lab_with(SIDES);
    conflict_in(&lab, &["src/a.txt", "docs/guide.md"]);
    let mut session = Session::of(&lab);
    session.run(&["land", "work"]);
    session.run(&[
        "land",
        "work",
        "--strategy-for",
        "**=union",
        "--strategy-for",
        "src/*=theirs",
        "--squash",
    ]);
    assert_eq!(at(&lab, "main:src/a.txt"), merged("work's"));
    assert_data_eq!(
        message(&lab, "main"),
        str![[r#"
Land work

* work: edit src/a.txt
* work: edit docs/guide.md

Odyssey-Task: work
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Settled: docs/guide.md by union: line 1 (main's 9 lines and work's 9)
Odyssey-Settled: src/a.txt by theirs: line 5 (work's 1 line, not main's 1)
"#]]
        .raw()
    );
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work
--- stderr
error: work conflicts with main in 1 file
docs/guide.md (both changed the same lines)
  line 1
    main has
      | line 1
      | line 2
      | line 3
      | line 4
      | main's
      | line 6
      | line 7
      | line 8
      | main's last
    work has
      | work's first
      | line 2
      | line 3
      | line 4
      | work's
      | line 6
      | line 7
      | line 8
      | line 9
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work --strategy-for '**=union' --strategy-for 'src/*=theirs' --squash
landed work on main: 2 commits, main is now [HASH]
  updated [LAB]/main
  settled docs/guide.md by union: line 1 (main's 9 lines and work's 9)
  settled src/a.txt by theirs: line 5 (work's 1 line, not main's 1)
  removed its workspace; what was in it is saved as [HASH]
  bring it back: git odyssey salvage restore work
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn what_is_no_rule_is_refused_before_anything_is_done() {
    let lab = lab_with("");
    let mut session = Session::of(&lab);
    for rule in ["src/**", "=ours", "src/**=our", "src/**=regenerate"] {
        session.run(&["land", "work", "--strategy-for", rule]);
    }
    work(&lab, "src/a.txt", "mine\n");
    on_target(&lab, "src/a.txt", "main's\n");
    session.run(&["land", "work", "--strategy-for", "@nothing=ours"]);
    lab.write("odyssey.toml", "[[merge]]\npaths = [\"Cargo.lock\", \"@api\"]\nstrategy = \"ours\"\n");
    session.run(&["land", "work"]);
    lab.write("odyssey.toml", "[[merge]]\npaths = [\"Cargo.lock\"]\nstrategy = \"regenerat\"\n");
    session.run(&["land", "work"]);
    assert_data_eq!(session.screen(), str![[r#"
$ git odyssey land work --strategy-for 'src/**'
--- stderr
error: invalid value 'src/**' for '--strategy-for <GLOB=STRATEGY>': write it as GLOB=STRATEGY, for example 'docs/**=union'

For more information, try '--help'.
--- exit 2

$ git odyssey land work --strategy-for =ours
--- stderr
error: invalid value '=ours' for '--strategy-for <GLOB=STRATEGY>': write it as GLOB=STRATEGY, for example 'docs/**=union'

For more information, try '--help'.
--- exit 2

$ git odyssey land work --strategy-for 'src/**=our'
--- stderr
error: invalid value 'src/**=our' for '--strategy-for <GLOB=STRATEGY>': `our` is not a merge strategy: did you mean `ours`?

For more information, try '--help'.
--- exit 2

$ git odyssey land work --strategy-for 'src/**=regenerate'
--- stderr
error: invalid value 'src/**=regenerate' for '--strategy-for <GLOB=STRATEGY>': regenerate needs a command: write it as a [[merge]] entry in odyssey.toml

For more information, try '--help'.
--- exit 2

$ git odyssey land work --strategy-for @nothing=ours
--- stderr
error: '@nothing' cannot be a region: there is no set of that name
hint: odyssey.toml defines no sets
hint: for a file of that name, write \@nothing
--- exit 2

$ git odyssey land work
--- stderr
error: odyssey.toml:2:24: '@api' cannot be a region: there is no set of that name
hint: odyssey.toml defines no sets
hint: for a file of that name, write \@api
hint: mend odyssey.toml; nothing is done until it can be read
--- exit 1

$ git odyssey land work
--- stderr
error: odyssey.toml:3:12: `regenerat` is not a merge strategy
hint: did you mean `regenerate`?
hint: nothing is done until odyssey.toml can be read
--- exit 1


"#]].raw());
}

#[test]
fn the_style_of_marks_changes_nothing() {
    let lab = lab_with("");
    lab.git(&["config", "merge.conflictStyle", "diff3"]);
    work(&lab, "src/c.txt", numbered(9, &[(4, "same"), (5, "work's"), (6, "the same")]));
    on_target(&lab, "src/c.txt", numbered(9, &[(4, "same"), (5, "main's"), (6, "the same")]));
    lab.odyssey(&["land", "work", "--strategy-for", "src/c.txt=union"]).ok();
    let expected = numbered(9, &[(4, "same"), (5, "main's\nwork's"), (6, "the same")]);
    assert_eq!(at(&lab, "main:src/c.txt"), expected);
}

const OWNER: [&str; 2] = ["--strategy-for", "**=lease-owner"];

#[test]
fn the_holder_of_a_region_wins() {
    let lab = lab_with("");
    conflict_in(&lab, &["src/a.txt"]);
    let mut session = Session::of(&lab);
    session.run(&[&["land", "work"][..], &OWNER].concat());
    assert_eq!(at(&lab, "main:src/a.txt"), merged("work's"));
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for '**=lease-owner'
landed work on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  settled src/a.txt by lease-owner (work (claude-1) holds src/**): line 5 (work's 1 line, not main's 1)
  removed its workspace and branch
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_holder_who_works_on_the_target_itself_wins_there() {
    let lab = lab_with("commons = [\"docs/**\"]\n");
    lab.odyssey(&["claim", "manual", "--region", "docs/**", "--here", "--for", "human:Ada"]).ok();
    work(&lab, "docs/guide.md", "work's guide\n");
    on_target(&lab, "docs/guide.md", "Ada's guide\n");
    let mut session = Session::of(&lab);
    session.run(&[&["land", "work"][..], &OWNER].concat());
    assert_eq!(at(&lab, "main:docs/guide.md"), "Ada's guide\n");
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for '**=lease-owner'
landed work on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  settled docs/guide.md by lease-owner (manual (Ada) holds docs/**): line 1 (main's 1 line, not work's 1)
  removed its workspace and branch
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn where_no_side_is_the_holder_it_stays_a_conflict() {
    let lab = lab_with("commons = [\"docs/**\", \"CHANGES\"]\n");
    lab.odyssey(&["claim", "third", "--region", "docs/**", "--for", "claude-3"]).ok();
    for path in ["docs/guide.md", "CHANGES"] {
        work(&lab, path, "work's\n");
        on_target(&lab, path, "main's\n");
    }
    let main = lab.git(&["rev-parse", "main"]);
    let mut session = Session::of(&lab);
    session.run(&[&["land", "work"][..], &OWNER].concat());
    session.run(&[&["sync", "work", "--json"][..], &OWNER].concat());
    assert_eq!(lab.git(&["rev-parse", "main"]), main);
    assert_data_eq!(session.screen(), str![[r#"
$ git odyssey land work --strategy-for '**=lease-owner'
--- stderr
error: work conflicts with main in 2 files
CHANGES (both added it)
  lease-owner does not decide: nobody holds it
  line 1
    main has
      | main's
    work has
      | work's
docs/guide.md (both changed the same lines)
  lease-owner does not decide: third (claude-3) holds docs/**, and is neither side
  line 1
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey sync work --json --strategy-for '**=lease-owner'
{
  "command": "sync",
  "error": {
    "causes": [],
    "details": {
      "conflicts": [
        {
          "hunks": [
            {
              "base": "",
              "line": 1,
              "ours": "main's\n",
              "theirs": "work's\n"
            }
          ],
          "kind": "both added it",
          "path": "CHANGES",
          "undecided": "lease-owner does not decide: nobody holds it"
        },
        {
          "hunks": [
            {
              "base": "a guide\n",
              "line": 1,
              "ours": "main's\n",
              "theirs": "work's\n"
            }
          ],
          "kind": "both changed the same lines",
          "path": "docs/guide.md",
          "undecided": "lease-owner does not decide: third (claude-3) holds docs/**, and is neither side"
        }
      ]
    },
    "exit": 4,
    "hints": [
      "nothing has moved; both sides are as they were",
      "settle it one by one: git odyssey review work --sync",
      "or in the workspace: git merge main, then commit"
    ],
    "kind": "conflict",
    "message": "work conflicts with main in 2 files\nCHANGES (both added it)\n  lease-owner does not decide: nobody holds it\n  line 1\n    main has\n      | main's\n    work has\n      | work's\ndocs/guide.md (both changed the same lines)\n  lease-owner does not decide: third (claude-3) holds docs/**, and is neither side\n  line 1\n    main has\n      | main's\n    work has\n      | work's"
  },
  "ok": false,
  "version": 1
}
--- exit 4


"#]].raw());
}

const HUMAN: [&str; 2] = ["--strategy-for", "**=human"];

/// A task of somebody that changes line 5 of `shared.txt`, which is there, and lands.
fn landed_by(lab: &Lab, holder: &str, how: &str) {
    lab.odyssey(&["claim", "earlier", "--region", "none/**", "--for", holder]).ok();
    support::write(
        &lab.workspace("earlier").join("shared.txt"),
        numbered(9, &[(5, "main's"), (9, "main's last")]),
    );
    lab.commit_in(&lab.workspace("earlier"), "earlier: shared");
    lab.odyssey(&["land", "earlier", how]).ok();
}

/// A lab where all may change `shared.txt`, and the task of `holder` has changed it.
fn shared(holder: &str) -> Lab {
    let lab = lab_with("commons = [\"shared.txt\"]\n");
    on_target(&lab, "shared.txt", numbered(9, &[]));
    lab.odyssey(&["release", "work"]).ok();
    lab.odyssey(&["claim", "work", "--region", "src/**", "--for", holder]).ok();
    work(&lab, "shared.txt", numbered(9, &[(1, "work's first"), (5, "work's")]));
    // Something on the target that is not about the file.
    on_target(&lab, "docs/guide.md", "a better guide\n");
    lab
}

#[test]
fn a_person_on_the_target_wins_over_an_agents_task() {
    let lab = shared("claude-1");
    on_target(&lab, "shared.txt", numbered(9, &[(5, "main's"), (9, "main's last")]));
    let mut session = Session::of(&lab);
    session.run(&[&["land", "work"][..], &HUMAN].concat());
    assert_eq!(at(&lab, "main:shared.txt"), merged("main's"));
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for '**=human'
landed work on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  settled shared.txt by human (by Ada): line 5 (main's 1 line, not work's 1)
  removed its workspace and branch
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_persons_task_wins_over_what_an_agent_landed() {
    for how in ["--merge", "--squash", "--rebase"] {
        let lab = shared("human:Grace");
        landed_by(&lab, "claude-1", how);
        let run = lab.odyssey(&[&["land", "work"][..], &HUMAN].concat());
        assert_eq!(run.code, 0, "{how}: {run:#?}");
        assert!(run.stdout.contains("settled shared.txt by human (by Grace): line 5"), "{how}: {run:#?}");
        assert_eq!(at(&lab, "main:shared.txt"), merged("work's"), "{how}");
    }
}

#[test]
fn what_a_person_landed_is_a_persons() {
    for how in ["--merge", "--squash", "--rebase"] {
        let lab = shared("claude-1");
        landed_by(&lab, "human:Grace", how);
        let run = lab.odyssey(&[&["sync", "work"][..], &HUMAN].concat());
        assert_eq!(run.code, 0, "{how}: {run:#?}");
        assert!(run.stdout.contains("settled shared.txt by human (by Grace): line 5"), "{how}: {run:#?}");
        assert_eq!(at(&lab, "odyssey/work:shared.txt"), merged("main's"), "{how}");
    }
}

#[test]
fn what_a_person_wrote_stays_a_persons_when_an_agent_has_synced_with_it() {
    let lab = shared("claude-1");
    on_target(&lab, "shared.txt", numbered(9, &[(5, "main's"), (9, "main's last")]));
    lab.odyssey(&["claim", "between", "--region", "between/**", "--for", "claude-2"]).ok();
    support::write(&lab.workspace("between").join("between/file"), "between\n");
    lab.commit_in(&lab.workspace("between"), "between: a file");
    on_target(&lab, "docs/guide.md", "the best guide\n");
    lab.odyssey(&["sync", "between"]).ok();
    lab.odyssey(&["land", "between"]).ok();
    let run = lab.odyssey(&[&["land", "work"][..], &HUMAN].concat());
    assert!(run.stdout.contains("settled shared.txt by human (by Ada): line 5"), "{run:#?}");
    assert_eq!(at(&lab, "main:shared.txt"), merged("main's"));
}

#[test]
fn between_two_agents_and_between_two_people_it_stays_a_conflict() {
    let mut screens = String::new();
    for (task, earlier) in [("claude-1", "claude-2"), ("human:Grace", "human:Ada")] {
        let lab = shared(task);
        landed_by(&lab, earlier, "--rebase");
        let mut session = Session::of(&lab);
        session.run(&[&["land", "work"][..], &HUMAN].concat());
        // A person and an agent both had a hand in it.
        on_target(&lab, "shared.txt", numbered(9, &[(5, "main's again"), (9, "main's last")]));
        session.run(&[&["land", "work"][..], &HUMAN].concat());
        screens.push_str(&session.screen());
    }
    assert_data_eq!(
        screens,
        str![[r#"
$ git odyssey land work --strategy-for '**=human'
--- stderr
error: work conflicts with main in 1 file
shared.txt (both changed the same lines)
  human does not decide: no person wrote either side
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work --strategy-for '**=human'
--- stderr
error: work conflicts with main in 1 file
shared.txt (both changed the same lines)
  human does not decide: it cannot be told who wrote it on main
  line 5
    main has
      | main's again
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work --strategy-for '**=human'
--- stderr
error: work conflicts with main in 1 file
shared.txt (both changed the same lines)
  human does not decide: people wrote both sides
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work --strategy-for '**=human'
--- stderr
error: work conflicts with main in 1 file
shared.txt (both changed the same lines)
  human does not decide: people wrote both sides
  line 5
    main has
      | main's again
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4


"#]]
        .raw()
    );
}

#[test]
fn work_that_landed_in_another_clone_is_nobodys_for_sure() {
    let lab = shared("human:Grace");
    lab.write("shared.txt", numbered(9, &[(5, "main's"), (9, "main's last")]));
    lab.commit("Land elsewhere\n\nOdyssey-Task: elsewhere\nOdyssey-Holder: claude-9\nOdyssey-Fence: 3");
    let mut session = Session::of(&lab);
    session.run(&[&["land", "work"][..], &HUMAN].concat());
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for '**=human'
--- stderr
error: work conflicts with main in 1 file
shared.txt (both changed the same lines)
  human does not decide: it cannot be told who wrote it on main
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4


"#]]
        .raw()
    );
}

/// A lock file that is made of all sources, by a script that also shows what it found.
fn lab_with_lock(command: &str) -> Lab {
    let policy = format!(
        "commons = [\"sum.lock\"]\n\n[[merge]]\npaths = [\"**/*.lock\", \"*.lock\"]\nstrategy = \"regenerate\"\nrun = {command}\n"
    );
    let lab = lab_with(&policy);
    on_target(&lab, "sum.lock", "start\n");
    lab.odyssey(&["sync", "work"]).ok();
    work(&lab, "src/a.txt", "work's\n");
    work(&lab, "sum.lock", "work's lock\n");
    on_target(&lab, "docs/guide.md", "main's\n");
    on_target(&lab, "sum.lock", "main's lock\n");
    lab
}

/// The folders of ours that are left where nobody looks.
fn left_behind(lab: &Lab) -> Vec<String> {
    let temporary = lab.root().join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let entries = std::fs::read_dir(temporary).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_lock_file_is_made_anew_of_the_merged_files() {
    let lab =
        lab_with_lock(r#"["sh", "-c", "cat sum.lock src/a.txt docs/guide.md > new && mv new sum.lock"]"#);
    left_behind(&lab);
    let temporary = lab.root().join("tmp");
    let mut session = Session::of(&lab);
    session.run_with(&[("TMPDIR", temporary.to_str().unwrap())], &["land", "work", "--keep"]);
    assert_eq!(at(&lab, "main:sum.lock"), "main's lock\nwork's\nmain's\n");
    assert_eq!(
        lab.git(&["ls-tree", "--name-only", "main"]),
        ".gitignore\nREADME.md\ndocs\nodyssey.toml\nsrc\nsum.lock"
    );
    assert_eq!(left_behind(&lab), [""; 0]);
    assert_data_eq!(message(&lab, "main"), str![[r#"
Land work

* work: edit src/a.txt
* work: edit sum.lock

Odyssey-Task: work
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Settled: sum.lock by regenerate (`sh -c 'cat sum.lock src/a.txt docs/guide.md > new && mv new sum.lock'`): made anew
"#]].raw());
    assert_data_eq!(session.screen().replace(temporary.to_str().unwrap(), "[TMP]"), str![[r#"
$ TMPDIR='[TMP]' git odyssey land work --keep
landed work on main: 2 commits, main is now [HASH]
  updated [LAB]/main
  settled sum.lock by regenerate (`sh -c 'cat sum.lock src/a.txt docs/guide.md > new && mv new sum.lock'`): made anew
  kept [LAB]/main.odyssey/work: as asked
--- exit 0


"#]].raw());
}

#[test]
fn a_command_that_fails_moves_nothing_and_what_it_wrote_is_kept() {
    let lab = lab_with_lock(r#"["sh", "-c", "for n in $(seq 40); do echo said $n; done; exit 3"]"#);
    let main = lab.git(&["rev-parse", "main"]);
    let mut session = Session::of(&lab);
    session.run(&["land", "work"]);
    let kept = lab.main().join(".git/odyssey/output/regenerate-work.txt");
    assert_eq!(std::fs::read_to_string(kept).unwrap().lines().count(), 40);
    for command in [r#""true && false""#, r#"["rm", "sum.lock"]"#, r#""no-such-program-anywhere""#] {
        lab.write(
            "odyssey.toml",
            format!("[[merge]]\npaths = [\"sum.lock\"]\nstrategy = \"regenerate\"\nrun = {command}\n"),
        );
        session.run(&["land", "work"]);
    }
    let slow = "[[merge]]\npaths = [\"sum.lock\"]\nstrategy = \"regenerate\"\nrun = [\"sh\", \"-c\", \"echo begun; sleep 60\"]\ntimeout = \"1s\"\n";
    lab.write("odyssey.toml", slow);
    session.run(&["land", "work"]);
    assert_eq!(lab.git(&["rev-parse", "main"]), main);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work
--- stderr
error: regenerate failed: `sh -c 'for n in $(seq 40); do echo said $n; done; exit 3'` ended with exit code 3:
said 11
said 12
said 13
said 14
said 15
said 16
said 17
said 18
said 19
said 20
said 21
said 22
said 23
said 24
said 25
said 26
said 27
said 28
said 29
said 30
said 31
said 32
said 33
said 34
said 35
said 36
said 37
said 38
said 39
said 40
hint: all that it wrote: [LAB]/main/.git/odyssey/output/regenerate-work.txt
hint: nothing has moved; it ran on the merged files, in a folder of its own
--- exit 1

$ git odyssey land work
--- stderr
error: odyssey.toml:4:7: '&&' is shell syntax, and no shell runs this
hint: write ["sh", "-c", "true && false"]
hint: nothing is done until odyssey.toml can be read
--- exit 1

$ git odyssey land work
--- stderr
error: `rm sum.lock` ended well, and sum.lock is not there
hint: nothing has moved; it ran on the merged files, in a folder of its own
--- exit 1

$ git odyssey land work
--- stderr
error: cannot start `no-such-program-anywhere`
because: No such file or directory (os error 2)
--- exit 1

$ git odyssey land work
--- stderr
error: regenerate took longer than 1s: `sh -c 'echo begun; sleep 60'` was ended:
begun
hint: all that it wrote: [LAB]/main/.git/odyssey/output/regenerate-work.txt
hint: nothing has moved; it ran on the merged files, in a folder of its own
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn a_command_waits_until_everything_else_is_settled() {
    let lab = lab_with_lock(r#"["sh", "-c", "echo it ran >&2; exit 1"]"#);
    on_target(&lab, "src/a.txt", "main's\n");
    let mut session = Session::of(&lab);
    session.run(&["land", "work"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work
--- stderr
error: work conflicts with main in 2 files
src/a.txt (both changed the same lines)
  line 1
    main has
      | main's
    work has
      | work's
sum.lock (both changed the same lines)
  regenerate waits for the other conflicts
  line 1
    main has
      | main's lock
    work has
      | work's lock
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4


"#]]
        .raw()
    );
}

#[test]
fn what_has_no_lines_is_decided_by_side_only() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    on_target(&lab, "src/binary", b"\0base");
    lab.odyssey(&["sync", "work"]).ok();
    work(&lab, "src/binary", b"\0work's");
    std::fs::remove_file(place.join("src/a.txt")).unwrap();
    lab.commit_in(&place, "work: delete a");
    work(&lab, "src/b.txt", "work's\n");
    std::os::unix::fs::symlink("a.txt", place.join("src/kind")).unwrap();
    lab.commit_in(&place, "work: a link");
    on_target(&lab, "src/binary", b"\0main's");
    on_target(&lab, "src/a.txt", "main's\n");
    std::fs::remove_file(lab.main().join("src/b.txt")).unwrap();
    on_target(&lab, "src/kind", "a file\n");
    let mut session = Session::of(&lab);
    session.run(&["land", "work", "--strategy-for", "src/**=union"]);
    let tree = |side: &str| {
        let lab_side = format!("src/**={side}");
        lab.odyssey(&["sync", "work", "--strategy-for", &lab_side]).ok();
        let listed = lab.git(&["ls-tree", "-r", "odyssey/work", "src/"]);
        let expected =
            lab.git(&["ls-tree", "-r", if side == "ours" { "main" } else { "odyssey/work^" }, "src/"]);
        assert_eq!(listed, expected, "{side}");
        lab.git_in(&place, &["reset", "--quiet", "--hard", "HEAD^"]);
    };
    tree("ours");
    tree("theirs");
    session.run(&["sync", "work", "--strategy-for", "src/**=theirs"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for 'src/**=union'
--- stderr
error: work conflicts with main in 4 files
src/a.txt (one changed what the other deleted)
  union cannot decide such a conflict
src/b.txt (one changed what the other deleted)
  union cannot decide such a conflict
src/binary (both changed a binary file)
  union cannot decide such a conflict
src/kind (both changed its kind)
  union cannot decide such a conflict
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey sync work --strategy-for 'src/**=theirs'
synced work with main: 3 new commits by a merge, it is now at [HASH]
  updated [LAB]/main.odyssey/work
  settled src/a.txt by theirs: as work has it
  settled src/b.txt by theirs: as work has it
  settled src/binary by theirs: as work has it
  settled src/kind by theirs: as work has it
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_file_that_both_made_executable_or_not_keeps_the_mode_of_its_side() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    for (side, mode) in [("ours", "100644"), ("theirs", "100755")] {
        let name = format!("src/{side}.sh");
        support::write(&place.join(&name), "#!/bin/sh\n");
        std::fs::set_permissions(place.join(&name), std::fs::Permissions::from_mode(0o755)).unwrap();
        lab.commit_in(&place, "work: a script");
        on_target(&lab, &name, "#!/bin/sh\n");
        lab.odyssey(&["sync", "work", "--strategy-for", &format!("{name}={side}")]).ok();
        let listed = lab.git(&["ls-tree", "--format=%(objectmode)", "odyssey/work", &name]);
        assert_eq!(listed, mode, "{side}");
    }
}

#[test]
fn a_rename_that_conflicts_stays_for_a_person() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    lab.git_in(&place, &["mv", "src/a.txt", "src/work.txt"]);
    lab.commit_in(&place, "work: rename");
    lab.git(&["mv", "src/a.txt", "src/main.txt"]);
    on_target(&lab, "docs/guide.md", "better\n");
    let mut session = Session::of(&lab);
    session.run(&["land", "work", "--strategy-for", "**=theirs"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for '**=theirs'
--- stderr
error: work conflicts with main in 3 files
src/a.txt (both renamed it)
  theirs cannot decide such a conflict
src/main.txt (both renamed it)
  theirs cannot decide such a conflict
src/work.txt (both renamed it)
  theirs cannot decide such a conflict
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4


"#]]
        .raw()
    );
}

#[test]
fn a_file_that_one_side_renamed_is_decided_under_its_new_name() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's first"), (5, "work's")]));
    lab.write("src/a.txt", numbered(9, &[(5, "main's"), (9, "main's last")]));
    lab.git(&["mv", "src/a.txt", "src/new.txt"]);
    on_target(&lab, "docs/guide.md", "better\n");
    lab.odyssey(&["land", "work", "--strategy-for", "src/new.txt=ours"]).ok();
    assert_eq!(at(&lab, "main:src/new.txt"), merged("main's"));
    assert_eq!(lab.git(&["ls-tree", "--name-only", "main", "src/"]), "src/b.txt\nsrc/c.txt\nsrc/new.txt");
}

/// A merge driver of the user's own, in a script.
fn driver(lab: &Lab, script: &str) {
    let place = lab.root().join("driver.sh");
    support::write(&place, format!("#!/bin/sh\n{script}"));
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    lab.git(&["config", "merge.mine.driver", &format!("'{}' %O %A %B %P", place.display())]);
    lab.git(&["config", "merge.mine.name", "a driver of the user's own"]);
}

#[test]
fn a_merge_driver_of_the_user_is_honoured() {
    let lab = lab_with("");
    on_target(&lab, ".gitattributes", "*.txt merge=mine\n");
    lab.odyssey(&["sync", "work"]).ok();
    conflict_in(&lab, &["src/a.txt", "src/b.txt"]);
    driver(&lab, "echo \"merged by the driver: $4\" > \"$2\"\n");
    lab.odyssey(&["sync", "work"]).ok();
    assert_eq!(at(&lab, "odyssey/work:src/a.txt"), "merged by the driver: src/a.txt\n");
    lab.odyssey(&["land", "work"]).ok();
    assert_eq!(at(&lab, "main:src/b.txt"), "merged by the driver: src/b.txt\n");
}

#[test]
fn a_merge_driver_that_gives_up_leaves_a_conflict_that_a_side_decides_only_by_its_marks() {
    let lab = lab_with("");
    on_target(&lab, ".gitattributes", "*.txt merge=mine\n");
    lab.odyssey(&["sync", "work"]).ok();
    conflict_in(&lab, &["src/a.txt"]);
    driver(&lab, "echo 'cannot' > \"$2\"\nexit 1\n");
    let mut session = Session::of(&lab);
    session.run(&["land", "work"]).run(&["land", "work", "--strategy-for", "src/**=theirs"]);
    // One that leaves git's own marks leaves hunks.
    driver(&lab, "git merge-file -q -L \"$5\" -L base -L \"$6\" \"$2\" \"$1\" \"$3\"\n");
    let place = lab.root().join("driver.sh");
    lab.git(&["config", "merge.mine.driver", &format!("'{}' %O %A %B %P %X %Y", place.display())]);
    session.run(&["land", "work", "--strategy-for", "src/**=theirs"]);
    assert_eq!(at(&lab, "main:src/a.txt"), merged("work's"));
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work
--- stderr
error: work conflicts with main in 1 file
src/a.txt (both changed the same lines)
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work --strategy-for 'src/**=theirs'
--- stderr
error: work conflicts with main in 1 file
src/a.txt (both changed the same lines)
  theirs cannot decide such a conflict
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work --strategy-for 'src/**=theirs'
landed work on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  settled src/a.txt by theirs: line 5 (work's 1 line, not main's 1)
  removed its workspace and branch
--- exit 0


"#]]
        .raw()
    );
}

/// Nothing of ours is left in a checkout by a merge that only looked.
#[test]
fn a_merge_leaves_no_file_behind() {
    let lab = lab_with("");
    on_target(&lab, ".gitattributes", "*.txt merge=mine\n");
    lab.odyssey(&["sync", "work"]).ok();
    conflict_in(&lab, &["src/a.txt"]);
    driver(&lab, "exit 1\n");
    let files =
        |folder: &Path| lab.git_in(folder, &["status", "--porcelain", "--ignored", "--untracked-files=all"]);
    let before = (files(&lab.main()), files(&lab.workspace("work")));
    assert_eq!(lab.odyssey(&["sync", "work", "--strategy-for", "**=ours"]).code, 4);
    assert_eq!(lab.odyssey(&["land", "work", "--strategy-for", "**=ours"]).code, 4);
    assert_eq!((files(&lab.main()), files(&lab.workspace("work"))), before);
}

#[test]
fn what_git_remembers_of_the_same_conflict_is_used_if_the_user_wants_it() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    conflict_in(&lab, &["src/a.txt"]);
    // Somebody has resolved it once, and thrown the merge away.
    lab.git(&["config", "rerere.enabled", "true"]);
    assert_eq!(lab.try_git_in(&place, &["merge", "--quiet", "main"]).code, 1);
    support::write(&place.join("src/a.txt"), merged("both of them"));
    lab.git_in(&place, &["rerere"]);
    lab.git_in(&place, &["merge", "--abort"]);
    let mut session = Session::of(&lab);
    session.run(&["land", "work", "--strategy-for", "**=three-way"]);
    lab.git(&["config", "rerere.enabled", "false"]);
    session.run(&["land", "work"]);
    lab.git(&["config", "rerere.enabled", "true"]);
    session.run(&["sync", "work"]).run(&["land", "work", "--json"]);
    assert_eq!(at(&lab, "main:src/a.txt"), merged("both of them"));
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey land work --strategy-for '**=three-way'
--- stderr
error: work conflicts with main in 1 file
src/a.txt (both changed the same lines)
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey land work
--- stderr
error: work conflicts with main in 1 file
src/a.txt (both changed the same lines)
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work
hint: or in the workspace: git merge main, commit, then land again
--- exit 4

$ git odyssey sync work
synced work with main: 1 new commit by a merge, it is now at [HASH]
  updated [LAB]/main.odyssey/work
  settled src/a.txt by rerere: as it was settled before
--- exit 0

$ git odyssey land work --json
{
  "command": "land",
  "ok": true,
  "result": {
    "checkouts": [
      "[LAB]/main"
    ],
    "commits": 2,
    "decisions": [],
    "new": "[HASH]",
    "old": "[HASH]",
    "target": "refs/heads/main",
    "task": "work",
    "workspace": "clean"
  },
  "version": 1
}
--- exit 0


"#]]
        .raw()
    );
}
