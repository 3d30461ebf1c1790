//! Uncommitted edits in the way of a landing: they go along, stay uncommitted, and no byte of them is lost.

use snapbox::assert_data_eq;
use snapbox::str;

use super::lab_with;
use super::names;
use super::on_target;
use super::review;
use super::script;
use super::support::Lab;
use super::work;

const BASE: &str =
    "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $n; done > f; cp f h; echo g > g; cp f elsewhere";

/// A task that changed `f` and `h` and added `new`; the person's checkout is as it was committed.
fn lab_of_task(policy: &str) -> Lab {
    let lab = lab_with(policy, BASE);
    work(&lab, "sed -i 's/line 3$/task 3/' f; sed -i 's/line 3$/task 3/' h; printf 'task\\nsame\\n' > new");
    lab
}

fn edit(lab: &Lab, text: &str) {
    script(lab, &lab.main(), text);
}

fn status(lab: &Lab) -> String {
    lab.git(&["status", "--porcelain", "--untracked-files=all"])
}

fn file(lab: &Lab, path: &str) -> String {
    std::fs::read_to_string(lab.main().join(path)).unwrap()
}

/// All that a checkout and its index hold.
fn state(lab: &Lab) -> [String; 4] {
    let files = ["f", "g", "h", "new", "elsewhere"].map(|path| {
        format!("{path}: {}", std::fs::read_to_string(lab.main().join(path)).unwrap_or_default())
    });
    [status(lab), lab.git(&["ls-files", "-s"]), lab.git(&["rev-parse", "main"]), files.concat()]
}

#[test]
fn edits_of_all_kinds_go_along_and_stay_as_uncommitted_as_they_were() {
    let lab = lab_of_task("");
    // Not staged and in conflict; staged and not; untracked and in conflict; and four that are nobody's business.
    edit(
        &lab,
        "sed -i 's/line 3$/mine 3/; s/line 10/mine 10/' f
        sed -i 's/line 11/mine 11/' h; git add h
        printf 'mine\\nsame\\n' > new
        echo staged > g; git add g; echo not >> g
        echo mine >> elsewhere; git add elsewhere; echo loose > loose",
    );
    let mut screens = String::new();
    for words in [
        &["land", "work"][..],
        &["review", "work", "--edits"],
        &["review", "work", "--show", "f"],
        &["review", "work", "--finish"],
        &["review", "work", "--take", "f", "both", "--take", "new", "theirs"],
        &["review", "work", "--preview", "f"],
        &["review", "work", "--finish"],
    ] {
        let before = state(&lab);
        screens.push_str(&format!("$ git odyssey {}\n{}", words.join(" "), lab.screen(&lab.odyssey(words))));
        if !words.contains(&"--finish") {
            assert_eq!(state(&lab), before, "{words:?}");
        }
    }
    assert_data_eq!(
        screens,
        str![[r#"
$ git odyssey land work
--- stderr
error: uncommitted edits in [LAB]/main are in the way: f, h, new
hint: nothing was touched; commit these edits (or move them away), then land again
hint: or let them go along, uncommitted: git odyssey review work --edits
--- exit 4
$ git odyssey review work --edits
review of work with main: 2 of 2 open
  with uncommitted edits in [LAB]/main: f, h, new
CONFLICT      LINE  STATE  BY  PATH
[HASH]  3     open   -   f
[HASH]  1     open   -   new
see one: git odyssey review work --show CONFLICT
--- exit 0
$ git odyssey review work --show f
conflict f (ours is not committed; both changed the same lines)
  the checkout: uncommitted
  work: [HASH] by Ada: work: edits
  [HASH] at line 3, can become ours, theirs, both, both-reversed, base, text
    base:
      | line 3
    the checkout:
      | mine 3
    work:
      | task 3
--- exit 0
$ git odyssey review work --finish
--- stderr
error: 2 conflicts to be decided: f, new
hint: see them: git odyssey review work --list
--- exit 4
$ git odyssey review work --take f both --take new theirs
review of work with main: 0 of 2 open
  with uncommitted edits in [LAB]/main: f, h, new
CONFLICT      LINE  STATE   BY   PATH
[HASH]  3     both    Ada  f
[HASH]  1     theirs  Ada  new
all is decided: git odyssey review work --finish
--- exit 0
$ git odyssey review work --preview f
line 1
line 2
mine 3
task 3
line 4
line 5
line 6
line 7
line 8
line 9
mine 10
line 11
line 12
--- exit 0
$ git odyssey review work --finish
landed work on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  uncommitted still, in [LAB]/main: f, h, new
  as they were: git show [HASH]:PATH
  removed its workspace and branch
--- exit 0

"#]]
    );
    // What landed is the task's work and nothing else.
    assert_eq!(lab.git(&["diff", "--name-only", "main~", "main"]), "f\nh\nnew");
    assert!(!lab.git(&["show", "main:f"]).contains("mine") && !lab.git(&["show", "main:h"]).contains("mine"));
    assert_eq!(status(&lab), "M  elsewhere\n M f\nMM g\nM  h\n?? loose");
    assert_eq!(
        lab.git(&["diff", "-U0", "--no-color", "f"])
            .lines()
            .filter(|line| line.starts_with(['+', '-']))
            .skip(2)
            .collect::<Vec<_>>(),
        ["+mine 3", "-line 10", "+mine 10"].map(str::to_owned)
    );
    assert_eq!(file(&lab, "f").lines().nth(3), Some("task 3"));
    assert!(file(&lab, "h").contains("task 3\n") && file(&lab, "h").contains("mine 11\n"));
    assert_eq!(file(&lab, "new"), "task\nsame\n");
    assert_eq!(file(&lab, "g"), "staged\nnot\n");
    // As they were they are kept in the review's ref.
    let history = lab.git(&["log", "--format=%H", "--grep=^uncommitted edits$", "refs/odyssey/reviews/work"]);
    let kept = history.lines().next().unwrap();
    assert_eq!(lab.git(&["show", &format!("{kept}:new")]), "mine\nsame");
    assert!(lab.git(&["show", &format!("{kept}:f")]).contains("mine 3\nline 4"));
    assert_eq!(lab.git(&["diff", "--name-only", &format!("{kept}~"), kept]), "f\nh\nnew");
}

#[test]
fn what_conflicts_between_the_commits_is_decided_before_the_edits() {
    let lab = lab_of_task("");
    on_target(&lab, "sed -i 's/line 3$/main 3/' f");
    edit(&lab, "sed -i 's/main 3$/mine 3/' f; rm h");
    let view = review(&lab, &["--edits"]);
    assert_eq!((&view["count"], &view["more"]), (&1.into(), &true.into()));
    assert!(view["edits"].is_null());
    let view = review(&lab, &["--take", "f", "theirs"]);
    assert_eq!((&view["count"], &view["open"], &view["more"]), (&3.into(), &2.into(), &false.into()));
    let kinds: Vec<_> = view["files"].as_array().unwrap().iter().map(|file| &file["kind"]).collect();
    assert_eq!(kinds, ["content", "content", "modify/delete"]);
    let ids = names(&view, "f");
    let shown = review(&lab, &["--show", &ids[1]]);
    assert_eq!(shown["items"][0]["ours"], "mine 3\n");
    assert_eq!(shown["items"][0]["theirs"], "task 3\n");
    // Decided otherwise, the edits are beside something else, and are asked about again or not at all.
    let view = review(&lab, &["--take", &ids[0], "ours"]);
    assert_eq!(names(&view, "f").len(), 1, "the task changes nothing of it now");
    let view = review(&lab, &["--take", &ids[0], "theirs"]);
    assert_eq!(names(&view, "f"), ids);
    review(&lab, &["--take", &ids[1], "ours", "--take", "h", "ours"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert!(lab.git(&["show", "main:f"]).contains("task 3"));
    assert!(file(&lab, "f").contains("mine 3"));
    assert_eq!(status(&lab), " M f\n D h");
    assert!(!lab.git(&["log", "-1", "--format=%B", "main"]).contains("mine"));
}

#[test]
fn edits_that_are_made_after_the_last_look_are_in_the_way_still() {
    let lab = lab_of_task("");
    edit(&lab, "sed -i 's/line 3$/mine 3/' f");
    review(&lab, &["--edits", "--take", "all", "ours"]);
    // The check is what runs between the last look and the landing.
    let check = format!("sh -c 'echo more >> \"{}/f\"'", lab.main().display());
    let run = lab.odyssey(&["review", "work", "--finish", "--check", &check]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("are in the way: f"), "{}", run.stderr);
    assert!(file(&lab, "f").ends_with("line 12\nmore\n") && file(&lab, "f").contains("mine 3"));
    assert_eq!(status(&lab), " M f");
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert!(file(&lab, "f").ends_with("line 12\nmore\n") && file(&lab, "f").contains("mine 3"));
    assert_eq!(status(&lab), " M f");
}

#[test]
fn what_cannot_go_along_is_refused_and_nothing_is_touched() {
    let lab = lab_of_task("");
    edit(&lab, "sed -i 's/line 3$/mine 3/' f; git add f; echo more >> f");
    let before = state(&lab);
    let mut screens = lab.screen(&lab.odyssey(&["review", "work", "--edits"]));
    assert_eq!(lab.git(&["for-each-ref", "refs/odyssey/reviews"]), "", "nothing was begun");
    assert_eq!(state(&lab), before);
    edit(&lab, "git add f");
    let workspace = lab.workspace("work");
    lab.odyssey_in(&workspace, &["review", "--edits", "--take", "all", "theirs"]).ok();
    let before = state(&lab);
    screens.push_str(&lab.screen(&lab.odyssey_in(&workspace, &["review", "--finish"])));
    assert_eq!(state(&lab), before);
    review(&lab, &["--drop"]);
    screens.push_str(&lab.screen(&lab.odyssey(&["review", "work", "--finish"])));
    assert_eq!(state(&lab), before);
    assert_data_eq!(
        screens,
        str![[r#"
--- stderr
error: in [LAB]/main these are staged otherwise than they are there, or have a conflict: f
hint: stage all of each, or nothing: only what is in a file goes along
--- exit 1
--- stderr
error: what becomes of uncommitted edits in [LAB]/main is a person's to say
hint: all that was decided is kept; a person finishes the review
--- exit 3
--- stderr
error: there is nothing to review: work and main merge without a conflict that somebody has to decide
hint: go on: git odyssey land work
--- exit 1

"#]]
    );
}

#[test]
fn the_policy_wants_the_word_of_the_person_whose_edits_they_are() {
    let lab = lab_of_task("[review]\nconfirm = \"human\"\n");
    edit(&lab, "sed -i 's/line 3$/mine 3/' f");
    let workspace = lab.workspace("work");
    lab.odyssey_in(&workspace, &["review", "--edits", "--take", "all", "both"]).ok();
    let view = review(&lab, &["--list"]);
    assert_eq!((&view["open"], &view["unconfirmed"]), (&0.into(), &1.into()));
    assert_eq!(lab.odyssey(&["review", "work", "--finish"]).code, 4);
    review(&lab, &["--confirm", "f"]);
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(status(&lab), " M f");
    assert!(file(&lab, "f").contains("mine 3\ntask 3\n"));
}

#[test]
fn edits_that_conflict_with_nothing_are_merged_and_moved_files_take_theirs_along() {
    let lab = lab_with("", BASE);
    work(&lab, "mkdir d; git mv h d/h; sed -i 's/line 3$/task 3/' d/h; rm g; echo x > x");
    edit(&lab, "sed -i 's/line 11/mine 11/' h; echo x > x");
    let view = review(&lab, &["--edits"]);
    assert_eq!(view["count"], 0, "{view:#}");
    lab.odyssey(&["review", "work", "--finish"]).ok();
    assert_eq!(status(&lab), " M d/h");
    assert!(file(&lab, "d/h").contains("task 3\n") && file(&lab, "d/h").contains("mine 11\n"));
    assert!(!lab.main().join("h").exists());
}
