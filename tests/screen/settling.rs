//! Settling by keys: steps and steps back, the editor, notes, searches, the check, and other people at the same time.

use std::path::Path;

use super::choices;
use super::lab;
use super::numbered;
use super::review;
use super::review_with;
use super::support;
use super::support::Lab;
use super::usual;
use super::usual_with;

#[test]
fn steps_are_taken_back_and_done_again() {
    let lab = usual();
    let mut tty = review(&lab, (80, 24));
    tty.press_until("o", "2 of 3 open");
    tty.press_until("t", "1 of 3 open");
    tty.press_until("B", "all is decided");
    assert_eq!(choices(&lab), ["ours", "theirs", "both-reversed"]);
    tty.press_until("u", "1 of 3 open");
    tty.press_until("u", "2 of 3 open");
    assert_eq!(choices(&lab), ["ours", "open", "open"]);
    tty.press_until("r", "1 of 3 open");
    assert_eq!(choices(&lab), ["ours", "theirs", "open"]);
    // A step of another kind ends what could be done again.
    tty.press_until("gb", "line 3: both");
    let told = tty.press_until("r", "there is none");
    assert!(!told.lines().last().unwrap().contains("redo"), "{told}");
    assert_eq!(choices(&lab), ["both", "theirs", "open"]);
    tty.press("uuuu");
    tty.until("3 of 3 open");
    assert_eq!(choices(&lab), ["open", "open", "open"]);
}

#[test]
fn all_of_a_file_is_taken_at_once() {
    let lab = usual();
    let mut tty = review(&lab, (80, 24));
    tty.press_until("T", "2 conflicts of theirs");
    assert_eq!(choices(&lab), ["theirs", "theirs", "open"]);
    tty.press_until("uu", "3 of 3 open");
}

/// A script that does as an editor.
fn editor(lab: &Lab, script: &str) -> String {
    let path = lab.root().join("editor");
    support::write(&path, format!("#!/bin/sh\n{script}\n"));
    lab.git(&["update-index", "--refresh"]);
    support::Run::of(&mut lab.command("chmod", lab.root(), &["+x", "editor"])).ok();
    // Its folder has a blank in its name.
    format!("'{}'", path.display())
}

#[test]
fn a_text_is_written_in_the_editor() {
    let lab = usual();
    let keep = lab.root().join("draft");
    let script =
        format!("cp \"$1\" '{0}'; echo \"$1\" >'{0}.name'; printf 'mine\\n' >\"$1\"", keep.display());
    let editor = editor(&lab, &script);
    let mut tty = review_with(&lab, (80, 24), &[("GIT_EDITOR", &editor)]);
    tty.press_until("e", "line 3: text");
    assert_eq!(choices(&lab), ["text", "open", "open"]);
    let draft = std::fs::read_to_string(&keep).unwrap();
    assert_eq!(
        draft,
        "<<<<<<< main\n    format!(\"hi {name}, how are you\")\n||||||| before\n    format!(\"hello {name}\")\n=======\n    format!(\"good morning, {name}!\")\n>>>>>>> greet\n"
    );
    let name = std::fs::read_to_string(keep.with_extension("name")).unwrap();
    assert!(name.trim_end().ends_with(".rs"), "{name}");
    assert!(!Path::new(name.trim_end()).exists(), "the draft stayed");
    let shown = tty.press_until("g", "written by hand");
    assert!(shown.contains("\n  mine\n"), "{shown}");
    let merged = tty.press_until("v", " 3 mine");
    assert!(merged.contains("15 <<<<<<< main"), "{merged}");
}

#[test]
fn a_draft_that_comes_back_unchanged_empty_or_with_marks_is_no_decision_yet() {
    let lab = usual();
    let plan = lab.root().join("plan");
    let editor = editor(&lab, &format!("sh '{}' \"$1\"", plan.display()));
    let mut tty = review_with(&lab, (80, 24), &[("GIT_EDITOR", &editor)]);
    support::write(&plan, "true");
    tty.press_until("e", "nothing was decided");
    support::write(&plan, ": >\"$1\"");
    tty.press_until("e", "you left nothing of it");
    tty.press_until("n", "nothing was decided; what you wrote is gone");
    support::write(&plan, "echo more >>\"$1\"");
    tty.press_until("e", "there are marks in it still");
    tty.press_until("\x1b", "nothing was decided; what you wrote is gone");
    support::write(&plan, "exit 3");
    tty.press_until("e", "the editor failed");
    assert_eq!(choices(&lab), ["open", "open", "open"]);
    support::write(&plan, ": >\"$1\"");
    tty.press_until("e", "you left nothing of it");
    tty.press_until("y", "line 3: text");
    assert_eq!(choices(&lab), ["text", "open", "open"]);
}

#[test]
fn conflicts_are_found_by_path_and_by_text() {
    let lab = usual();
    let mut tty = review(&lab, (80, 24));
    let here = |picture: &str| picture.lines().find(|line| line.starts_with('>')).unwrap().to_owned();
    let found = tty.press_until("/WORDS\x7f\x7f\x7f\x7f\x7fwords\r", "3 of 3 ─");
    assert!(here(&found).contains("src/words.md"), "{found}");
    let found = tty.press_until("/25 + grace\r", "2 of 3 ─");
    assert!(here(&found).contains("src/greet.rs"), "{found}");
    tty.press_until("/greet\r", "1 of 3 ─");
    tty.press_until(".", "2 of 3 ─");
    tty.press_until(",", "1 of 3 ─");
    tty.press_until("/NOWHERE\r", "is nowhere");
    tty.press_until("p", "3 of 3 ─");
    tty.press_until("n", "1 of 3 ─");
}

#[test]
fn a_note_is_kept_with_the_decision() {
    let lab = usual();
    let mut tty = review(&lab, (80, 24));
    tty.press_until("c", "not decided yet");
    tty.press_until("og", "decided: ours");
    // Pasted text is text, and no keys.
    tty.press_until("c", "never mind");
    tty.press("\x1b[200~Ben asked\nfor it q\x1b[201~");
    tty.until("Ben askedfor it q");
    tty.press_until("\r", "the note is kept");
    tty.until("why: Ben askedfor it q");
    let shown = lab.odyssey(&["review", "greet", "--show", "src/greet.rs"]).ok().stdout;
    assert!(shown.contains("Ben askedfor it q"), "{shown}");
    tty.press("\x1b[200~qoooo\x1b[201~");
    tty.press_until("j", "2 of 3 ─");
    assert_eq!(choices(&lab), ["ours", "open", "open"]);
}

#[test]
fn a_step_of_somebody_else_is_seen_and_nothing_is_lost() {
    let lab = usual();
    let mut tty = review(&lab, (80, 24));
    tty.press_until("j", "2 of 3 ─");
    let first = super::decided(&lab)[0].0.clone();
    lab.odyssey(&["review", "greet", "--take", &first, "theirs"]).ok();
    // Both decisions stand, and the screen shows the other's too.
    let told = tty.press_until("o", "1 of 3 open");
    assert!(told.contains("done   theirs"), "{told}");
    assert_eq!(choices(&lab), ["theirs", "ours", "open"]);
    lab.odyssey(&["review", "greet", "--undo"]).ok();
    tty.press_until("R", "2 of 3 open");
}

#[test]
fn uncommitted_edits_come_after_what_conflicts_between_the_commits() {
    let lab = usual();
    let words = lab.main().join("src/words.md");
    let edited =
        format!("{}mine\n", std::fs::read_to_string(&words).unwrap().replacen("three", "my three", 1));
    std::fs::write(&words, &edited).unwrap();
    let mut tty = super::tty::Tty::odyssey(&lab, &["review", "greet", "--edits"], (80, 24));
    tty.until("3 of 3 open");
    tty.press("ott");
    let told = tty.until("now the uncommitted edits");
    assert!(told.contains("ours: the checkout") && told.contains("ours is not committed"), "{told}");
    assert_eq!(std::fs::read_to_string(&words).unwrap(), edited);
    tty.press("o");
    tty.until("all is decided");
    tty.press_until("f", "land greet into main with what was decided?");
    tty.press("y");
    let (status, picture) = tty.end_clean();
    assert!(status.success() && picture.contains("uncommitted still, in"), "{picture}");
    assert!(!lab.git(&["show", "HEAD:src/words.md"]).contains("my"));
    let now = std::fs::read_to_string(&words).unwrap();
    assert!(now.contains("my three") && now.contains("mine\n"), "{now}");
}

#[test]
fn the_check_runs_beside_the_review_and_is_seen() {
    let lab = usual_with("[land]\ncheck = [\"sh\", \"-c\", \"cat src/words.md; echo begun; sleep 600\"]");
    let mut tty = review(&lab, (80, 24));
    tty.press_until("x", "not yet, 3 of 3 are open");
    tty.press("oot");
    tty.until("all is decided");
    tty.press_until("x", "begun");
    tty.until("the check runs since");
    tty.press_until("q", "the check runs since");
    tty.press_until("x", "begun");
    tty.press_until("s", "the check was ended after");
    tty.press("q");
    tty.until("0 of 3 open");
    let lab =
        usual_with("[land]\ncheck = [\"sh\", \"-c\", \"cat src/words.md; grep -q three src/words.md\"]");
    let mut tty = review(&lab, (80, 24));
    tty.press("oot");
    tty.until("all is decided");
    let failed = tty.press_until("x", "exit code 1");
    assert!(failed.contains("two"), "{failed}");
    tty.press_until("qo", "line 1: ours; all is decided");
    tty.press_until("k", "before the last step");
    tty.press_until("x", "the check passed");
}

#[test]
fn nothing_lands_without_a_yes_and_with_it_all_does() {
    let lab = usual();
    let mut tty = review(&lab, (80, 24));
    tty.press_until("f", "not yet, 3 of 3 are open");
    tty.press("otb");
    tty.until("all is decided");
    tty.press_until("f", "land greet into main with what was decided?");
    tty.press("x");
    tty.press_until("n", "0 of 3 open");
    assert_eq!(lab.git(&["log", "-1", "--format=%s"]), "main: ask how they are");
    tty.press_until("f", "land greet into main with what was decided?");
    tty.press("y");
    let (status, picture) = tty.end_clean();
    assert!(status.success() && picture.contains("landed"), "{picture}");
    let words = lab.git(&["show", "HEAD:src/words.md"]);
    assert_eq!(words, "漢字 e\u{301} three\n漢字 e\u{301} two\nzwei");
}

#[test]
fn nobody_is_asked_to_agree_where_no_word_is_wanted() {
    let lab = lab(
        "[review]\nconfirm = \"owner\"",
        &[("src/a.txt", Some(&numbered(5, &[])))],
        &[("src/a.txt", Some(&numbered(5, &[(3, "ours")])))],
        &[("src/a.txt", Some(&numbered(5, &[(3, "theirs")])))],
    );
    let mut tty = review(&lab, (80, 24));
    let told = tty.press_until("y", "nobody waits for your word here");
    assert!(!told.lines().last().unwrap().contains("agree"), "{told}");
}
