//! `sync`: the target's new work comes into a workspace, and nobody's edits are touched.

use std::path::Path;

use snapbox::IntoData;
use snapbox::assert_data_eq;
use snapbox::str;

use super::lab_with;
use super::numbered;
use super::on_target;
use super::support;
use super::support::Lab;
use super::support::process::Barrier;
use super::support::session::Session;
use super::work;

/// Everything that a refused sync must leave as it was: refs, status, index and files of the workspace.
fn state(lab: &Lab) -> (String, String, Vec<u8>, Vec<u8>) {
    let place = lab.workspace("work");
    let refs = lab.git(&["for-each-ref", "refs/heads"]);
    let status = lab.git_in(&place, &["status", "--porcelain=v2", "--ignored", "--untracked-files=all"]);
    let index = lab.git_in(&place, &["rev-parse", "--path-format=absolute", "--git-path", "index"]);
    let files = std::process::Command::new("sh")
        .args(["-c", "find . -type f -not -path './.odyssey/*' | sort | xargs cat"])
        .current_dir(&place)
        .output()
        .unwrap();
    (refs, status, std::fs::read(Path::new(&index)).unwrap(), files.stdout)
}

/// Something that somebody does in a workspace.
type Edit = fn(&Lab, &Path);

fn parents(lab: &Lab, revision: &str) -> Vec<String> {
    let line = lab.git(&["rev-list", "--parents", "-n1", revision]);
    line.split(' ').skip(1).map(str::to_owned).collect()
}

#[test]
fn new_work_on_the_target_comes_by_a_merge_and_edits_stay() {
    let lab = lab_with("");
    let tip = work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    on_target(&lab, "docs/guide.md", "a better guide\n");
    let target = on_target(&lab, "docs/new.md", "new\n");
    let place = lab.workspace("work");
    support::write(&place.join("src/b.txt"), "edited\n");
    support::write(&place.join("src/c.txt"), "staged\n");
    lab.git_in(&place, &["add", "src/c.txt"]);
    support::write(&place.join("src/c.txt"), "staged and edited\n");
    support::write(&place.join("src/unknown.txt"), "untracked\n");
    support::write(&place.join("src/my.private"), "ignored\n");
    let status = lab.git_in(&place, &["status", "--porcelain", "--ignored"]);
    let mut session = Session::of(&lab);
    session.cd(&place).run(&["sync"]).run(&["sync"]).run(&["sync", "--json"]);
    assert_eq!(parents(&lab, "odyssey/work"), [tip, target]);
    assert_eq!(lab.git_in(&place, &["status", "--porcelain", "--ignored"]), status);
    assert_eq!(std::fs::read_to_string(place.join("docs/guide.md")).unwrap(), "a better guide\n");
    assert_eq!(std::fs::read_to_string(place.join("docs/new.md")).unwrap(), "new\n");
    assert_eq!(std::fs::read_to_string(place.join("src/c.txt")).unwrap(), "staged and edited\n");
    assert_eq!(lab.git_in(&place, &["show", ":src/c.txt"]), "staged");
    assert_data_eq!(
        lab.git(&["log", "-1", "--format=%B", "odyssey/work"]),
        str![[r#"
Sync work with main

Odyssey-Task: work
Odyssey-Holder: claude-1
Odyssey-Fence: 1
Odyssey-Synced: refs/heads/main
"#]]
    );
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd main.odyssey/work

$ git odyssey sync
synced work with main: 2 new commits by a merge, it is now at [HASH]
  updated [LAB]/main.odyssey/work
--- exit 0

$ git odyssey sync
work has all of main already
--- exit 0

$ git odyssey sync --json
{
  "command": "sync",
  "ok": true,
  "result": {
    "commits": 0,
    "decisions": [],
    "dropped": 0,
    "how": null,
    "kept": [],
    "new": "[HASH]",
    "old": "[HASH]",
    "own": 2,
    "saved": null,
    "target": "refs/heads/main",
    "task": "work",
    "workspace": "[LAB]/main.odyssey/work"
  },
  "version": 1
}
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_synced_task_lands_and_its_merge_is_no_trespass() {
    let lab = lab_with("");
    lab.odyssey(&["claim", "other", "--region", "docs/**", "--for", "claude-2"]).ok();
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    support::write(&lab.workspace("other").join("docs/guide.md"), "other's guide\n");
    lab.commit_in(&lab.workspace("other"), "other: a guide");
    lab.odyssey(&["land", "other"]).ok();
    // Somebody holds now what the merge brings.
    lab.odyssey(&["claim", "third", "--region", "docs/**", "--for", "claude-3"]).ok();
    let mut session = Session::of(&lab);
    session.cd(&lab.workspace("work")).run(&["sync"]);
    // The hooks judge what comes on top of it.
    work(&lab, "src/b.txt", "more\n");
    session.run(&["sync"]).cd(&lab.main()).run(&["land", "work"]).run(&["doctor"]);
    assert_eq!(lab.git(&["show", "main:docs/guide.md"]), "other's guide");
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ cd main.odyssey/work

$ git odyssey sync
synced work with main: 2 new commits by a merge, it is now at [HASH]
  updated [LAB]/main.odyssey/work
--- exit 0

$ git odyssey sync
work has all of main already
--- exit 0

$ cd main

$ git odyssey land work
landed work on main: 3 commits, main is now [HASH]
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
fn a_rebase_keeps_authors_and_saves_what_it_replaces() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    support::write(&place.join("src/a.txt"), numbered(9, &[(1, "work's")]));
    lab.git_in(&place, &["add", "--all"]);
    lab.git_in(&place, &["commit", "--quiet", "--author", "Grace <grace@example.com>", "-m", "by Grace"]);
    let tip = work(&lab, "src/b.txt", "mine\n");
    let target = on_target(&lab, "docs/guide.md", "a better guide\n");
    let mut session = Session::of(&lab);
    session.run(&["sync", "work", "--rebase"]).run(&["sync", "work", "--rebase"]).run(&["salvage", "list"]);
    let log = lab.git(&["log", "--format=%an %s", "odyssey/work"]);
    assert_eq!(
        log,
        "Ada work: edit src/b.txt\nGrace by Grace\nAda main: edit docs/guide.md\nAda seed\nAda first"
    );
    assert_eq!(lab.git(&["rev-parse", "odyssey/work~2"]), target);
    assert_eq!(lab.git(&["rev-parse", "refs/odyssey/salvage/work^"]), tip);
    assert_eq!(lab.git_in(&place, &["status", "--porcelain"]), "");
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work --rebase
synced work with main: 1 new commit by a rebase, it is now at [HASH]
  updated [LAB]/main.odyssey/work
  the commits as they were are saved as [HASH]
--- exit 0

$ git odyssey sync work --rebase
work has all of main already
--- exit 0

$ git odyssey salvage list
work  [HASH]  2026-11-24T01:30:00Z  the commits before a rebase
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_rebase_leaves_out_what_the_target_has_already() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    let place = lab.workspace("work");
    lab.git_in(&place, &["commit", "--quiet", "--allow-empty", "--message", "work: empty on purpose"]);
    work(&lab, "src/b.txt", "mine\n");
    on_target(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    let mut session = Session::of(&lab);
    session.run(&["sync", "work", "--rebase"]);
    let log = lab.git(&["log", "--format=%s", "main..odyssey/work"]);
    assert_eq!(log, "work: edit src/b.txt\nwork: empty on purpose");
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work --rebase
synced work with main: 1 new commit by a rebase, it is now at [HASH]
  updated [LAB]/main.odyssey/work
  left out 1 commit: main has all that was changed there
  the commits as they were are saved as [HASH]
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn a_task_without_commits_moves_to_the_target_itself() {
    let lab = lab_with("");
    let target = on_target(&lab, "src/a.txt", numbered(9, &[(1, "main's")]));
    support::write(&lab.workspace("work").join("src/b.txt"), "edited\n");
    let mut session = Session::of(&lab);
    session.run(&["sync", "work"]).run(&["status"]);
    assert_eq!(lab.git(&["rev-parse", "odyssey/work"]), target);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work
synced work with main: 1 new commit by a fast-forward, it is now at [HASH]
  updated [LAB]/main.odyssey/work
--- exit 0

$ git odyssey status
TASK  HOLDER    LEFT  COMMITS  EDITS  REGIONS  WHERE
work  claude-1  1h    +0       1      src/**   [LAB]/main.odyssey/work
--- exit 0


"#]]
        .raw()
    );
}

#[test]
fn edits_in_the_way_are_named_and_nothing_is_touched() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    on_target(&lab, "src/b.txt", numbered(9, &[(1, "main's")]));
    on_target(&lab, "src/c.txt", numbered(9, &[(1, "main's")]));
    on_target(&lab, "src/new.txt", "main's\n");
    lab.write("src/kept.private", "main's\n");
    lab.git(&["add", "--force", "src/kept.private"]);
    on_target(&lab, "docs/guide.md", "a better guide\n");
    let place = lab.workspace("work");
    let edits: [(&str, Edit); 4] = [
        ("unstaged", |_, place| support::write(&place.join("src/b.txt"), "edited\n")),
        ("staged", |lab, place| {
            support::write(&place.join("src/c.txt"), "staged\n");
            lab.git_in(place, &["add", "src/c.txt"]);
        }),
        ("untracked", |_, place| support::write(&place.join("src/new.txt"), "mine\n")),
        ("ignored", |_, place| support::write(&place.join("src/kept.private"), "mine\n")),
    ];
    let mut session = Session::of(&lab);
    for (kind, edit) in edits {
        edit(&lab, &place);
        for how in ["--merge", "--rebase"] {
            let before = state(&lab);
            session.run(&["sync", "work", how]);
            assert_eq!(state(&lab), before, "{kind}, {how}");
        }
        lab.git_in(&place, &["reset", "--quiet", "--hard"]);
        lab.git_in(&place, &["clean", "--quiet", "--force", "-x", "--exclude", ".odyssey"]);
    }
    support::write(&place.join("src/b.txt"), "edited\n");
    session.run(&["sync", "work", "--json"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work --merge
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/b.txt
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --rebase
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/b.txt
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --merge
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/c.txt
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --rebase
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/c.txt
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --merge
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/new.txt
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --rebase
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/new.txt
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --merge
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/kept.private
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --rebase
--- stderr
error: uncommitted edits in the workspace of work are in the way: src/kept.private
hint: nothing was touched; commit these edits (or move them away), then sync again
--- exit 4

$ git odyssey sync work --json
{
  "command": "sync",
  "error": {
    "causes": [],
    "details": {
      "in_the_way": [
        "src/b.txt"
      ]
    },
    "exit": 4,
    "hints": [
      "nothing was touched; commit these edits (or move them away), then sync again"
    ],
    "kind": "conflict",
    "message": "uncommitted edits in the workspace of work are in the way: src/b.txt"
  },
  "ok": false,
  "version": 1
}
--- exit 4


"#]]
        .raw()
    );
}

#[test]
fn a_conflict_shows_its_hunks_and_moves_nothing() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(5, "work's")]));
    on_target(&lab, "src/a.txt", numbered(9, &[(5, "main's")]));
    support::write(&lab.workspace("work").join("src/b.txt"), "edited\n");
    let before = state(&lab);
    let mut session = Session::of(&lab);
    session.run(&["sync", "work"]).run(&["sync", "work", "--rebase"]).run(&["sync", "work", "--json"]);
    assert_eq!(state(&lab), before);
    assert_data_eq!(session.screen(), str![[r#"
$ git odyssey sync work
--- stderr
error: work conflicts with main in 1 file
src/a.txt (both changed the same lines)
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one: git odyssey review work --sync
hint: or in the workspace: git merge main, then commit
--- exit 4

$ git odyssey sync work --rebase
--- stderr
error: work conflicts with main in 1 file
src/a.txt (both changed the same lines)
  line 5
    main has
      | main's
    work has
      | work's
hint: nothing has moved; both sides are as they were
hint: settle it one by one, to land by a merge: git odyssey review work --merge
hint: or in the workspace: git rebase main, then run this again
--- exit 4

$ git odyssey sync work --json
{
  "command": "sync",
  "error": {
    "causes": [],
    "details": {
      "conflicts": [
        {
          "hunks": [
            {
              "base": "line 5\n",
              "line": 5,
              "ours": "main's\n",
              "theirs": "work's\n"
            }
          ],
          "kind": "both changed the same lines",
          "path": "src/a.txt"
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
    "message": "work conflicts with main in 1 file\nsrc/a.txt (both changed the same lines)\n  line 5\n    main has\n      | main's\n    work has\n      | work's"
  },
  "ok": false,
  "version": 1
}
--- exit 4


"#]].raw());
}

#[test]
fn whoever_may_not_write_may_not_sync() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    on_target(&lab, "docs/guide.md", "a better guide\n");
    lab.odyssey(&["claim", "other", "--region", "tests/**", "--for", "claude-2"]).ok();
    lab.odyssey(&["claim", "here", "--region", "tools/**", "--here"]).ok();
    let place = lab.workspace("work");
    let before = state(&lab);
    let mut session = Session::of(&lab);
    session.run(&["sync", "nobody"]).run(&["sync"]).run(&["sync", "here"]);
    session.cd(&lab.workspace("other")).run(&["sync", "work"]).cd(&lab.main());
    lab.odyssey(&["park", "work"]).ok();
    session.run(&["sync", "work"]);
    lab.odyssey(&["resume", "work"]).ok();
    session.cd(&place).run_with(&[("GIT_ODYSSEY_TASK", "work"), ("GIT_ODYSSEY_FENCE", "1")], &["sync"]);
    assert_eq!(state(&lab), before);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync nobody
--- stderr
error: there is no live task nobody
hint: see what is live: git odyssey status
--- exit 1

$ git odyssey sync
--- stderr
error: which task? This is not a task's workspace
hint: name it; the live tasks: git odyssey status
--- exit 2

$ git odyssey sync here
--- stderr
error: here has no workspace: its work is in the checkout that it was claimed for
hint: merge or rebase there with git itself
--- exit 1

$ cd main.odyssey/other

$ git odyssey sync work
--- stderr
error: other may sync its own workspace only, not that of work
hint: in its workspace, or as a person: git odyssey sync work
--- exit 3

$ cd main

$ git odyssey sync work
--- stderr
error: work is parked: it keeps its work and its regions, and may not write
hint: go on with it: git odyssey resume work
--- exit 5

$ cd main.odyssey/work

$ GIT_ODYSSEY_TASK=work GIT_ODYSSEY_FENCE=1 git odyssey sync
--- stderr
error: work was granted anew with fence 4 to claude-1; fence 1 may not write
hint: stop writing here; your files stay as they are
hint: see who has it now: git odyssey show work
--- exit 5


"#]]
        .raw()
    );
}

#[test]
fn a_workspace_in_the_middle_of_something_is_left_alone() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    work(&lab, "src/a.txt", numbered(9, &[(5, "work's")]));
    on_target(&lab, "src/a.txt", numbered(9, &[(5, "main's")]));
    let mut session = Session::of(&lab);
    lab.git_in(&place, &["checkout", "--quiet", "--detach"]);
    let before = state(&lab);
    session.run(&["sync", "work"]);
    assert_eq!(state(&lab), before);
    lab.git_in(&place, &["switch", "--quiet", "odyssey/work"]);
    assert_eq!(lab.try_git_in(&place, &["merge", "--quiet", "main"]).code, 1);
    let before = state(&lab);
    session.run(&["sync", "work"]);
    assert_eq!(state(&lab), before);
    lab.git_in(&place, &["merge", "--abort"]);
    lab.git_in(&place, &["-c", "merge.conflictStyle=merge", "merge", "--quiet", "-X", "ours", "main"]);
    session.run(&["sync", "work"]).run(&["sync", "work", "--rebase"]);
    on_target(&lab, "docs/guide.md", "a better guide\n");
    let before = state(&lab);
    session.run(&["sync", "work", "--rebase"]);
    assert_eq!(state(&lab), before);
    std::fs::remove_dir_all(&place).unwrap();
    session.run(&["sync", "work"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey sync work
--- stderr
error: the workspace of work is not on its branch refs/heads/odyssey/work
hint: go back to it: git -C [LAB]/main.odyssey/work switch odyssey/work
--- exit 1

$ git odyssey sync work
--- stderr
error: the workspace of work is in the middle of merge
hint: finish or abort it there: git -C [LAB]/main.odyssey/work status
--- exit 1

$ git odyssey sync work
work has all of main already
--- exit 0

$ git odyssey sync work --rebase
work has all of main already
--- exit 0

$ git odyssey sync work --rebase
--- stderr
error: work holds a merge commit, which a rebase would drop
hint: without a rebase: git odyssey sync work --merge
--- exit 1

$ git odyssey sync work
--- stderr
error: the workspace of work is gone
hint: see what happened: git odyssey doctor
--- exit 1


"#]]
        .raw()
    );
}

#[test]
fn a_sync_by_the_task_renews_its_lease_and_an_expired_one_that_nobody_took_goes_on() {
    let lab = lab_with("");
    let place = lab.workspace("work");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    let left = || {
        let recorded = lab.git(&["show", "refs/odyssey/ledger:leases/work.toml"]);
        recorded.lines().find_map(|line| line.strip_prefix("expires_at = ")).unwrap().to_owned()
    };
    let granted = left();
    lab.advance(30);
    on_target(&lab, "docs/guide.md", "a better guide\n");
    lab.odyssey(&["sync", "work"]).ok();
    assert_eq!(left(), granted, "a person's sync says nothing of the holder");
    on_target(&lab, "docs/guide.md", "the best guide\n");
    lab.odyssey_in(&place, &["sync"]).ok();
    assert_eq!(left(), "2026-11-24T03:00:00Z");
    lab.advance(300);
    on_target(&lab, "docs/guide.md", "a guide again\n");
    lab.odyssey_in(&place, &["sync"]).ok();
    assert_eq!(left(), "2026-11-24T08:00:00Z");
}

#[test]
fn without_init_nothing_is_left_behind() {
    let lab = Lab::unprepared();
    let run = lab.odyssey(&["sync", "work"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(!lab.main().join(".git/odyssey").exists(), "a refusal left something behind");
}

#[test]
fn several_syncs_at_once_are_one() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    on_target(&lab, "docs/guide.md", "a better guide\n");
    support::write(&lab.workspace("work").join("src/b.txt"), "edited\n");
    let mut barrier = Barrier::closed();
    for folder in [lab.main(), lab.workspace("work"), lab.main(), lab.workspace("work")] {
        barrier.add(&lab, &folder, &["sync", "work"]);
    }
    let answers = barrier.answers();
    assert!(answers.iter().all(|run| run.code == 0), "{answers:#?}");
    let synced = answers.iter().filter(|run| run.stdout.starts_with("synced")).count();
    assert_eq!(synced, 1, "{answers:#?}");
    assert_eq!(lab.git(&["rev-list", "--count", "--merges", "odyssey/work"]), "1");
    assert_eq!(lab.git_in(&lab.workspace("work"), &["status", "--porcelain"]), " M src/b.txt");
}

#[test]
fn a_hook_of_the_user_that_refuses_keeps_everything_as_it_was() {
    let lab = lab_with("");
    work(&lab, "src/a.txt", numbered(9, &[(1, "work's")]));
    on_target(&lab, "docs/guide.md", "a better guide\n");
    let hook = lab.main().join(".git/hooks/reference-transaction");
    let ours = std::fs::read_to_string(&hook);
    // Beside our own, by whichever way that is there.
    let text = ours.unwrap_or_else(|_| "#!/bin/sh\n".to_owned());
    let (first, rest) = text.split_once('\n').unwrap();
    support::write(
        &hook,
        format!("{first}\n[ \"$1\" = prepared ] && grep -q refs/heads/odyssey/ && exit 1\n{rest}"),
    );
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let before = state(&lab);
    let run = lab.odyssey(&["sync", "work"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(state(&lab), before);
    assert!(!lab.main().join(".git/worktrees/work/index.lock").exists());
}
