//! A run on the terminal: how all tasks stand, drawn in its place, and a clean screen with the summary afterwards.

use snapbox::assert_data_eq;
use snapbox::str;

use super::lab;
use super::plan;
use super::support::Lab;
use super::task;
use super::tty::Tty;

/// One task that lands, one that fails, one at which an agent sits, and one that waits for that.
fn scene(lab: &Lab) {
    let tasks = task("c", "", "use 1300\nwrite src/c.txt new")
        + &task("d", "needs = ['c']", "fail")
        + &task("a", "needs = ['c']", "say reads 漢字 and thinks\nstall")
        + &task("b", "needs = ['a']", "write src/b.txt new");
    plan(lab, "parallel = 1", &tasks);
}

/// The run, once all of that has happened.
fn begun(lab: &Lab, size: (u16, u16), counted: &str, environment: &[(&str, &str)]) -> Tty {
    scene(lab);
    let tty = Tty::odyssey_in(lab, &lab.main(), &["run", "plan.toml"], size, environment);
    let is_there = |picture: &str| ["1 failed", "漢字", counted].iter().all(|text| picture.contains(text));
    tty.when("an agent that sits", is_there);
    tty
}

/// The picture without what differs from run to run: commits, and how long agents took, in as many columns.
fn told(lab: &Lab, picture: &str) -> String {
    let run = super::support::Run { stdout: picture.to_owned(), stderr: String::new(), code: 0 };
    let shown = super::screen(lab, &run).replace("--- exit 0\n", "");
    let mut out = String::new();
    for piece in shown.split_inclusive([' ', '\n']) {
        let word = piece.trim_end();
        match word.strip_suffix('s') {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Numbers are aligned to the right.
                let more = digits.len() - 1;
                (0..more).for_each(|_| out.push(' '));
                out.push_str("0s");
                out.push_str(&piece[word.len()..]);
            }
            _ => out.push_str(piece),
        }
    }
    out
}

#[test]
fn a_run_shows_how_all_tasks_stand_and_leaves_the_summary() {
    let lab = lab();
    let mut tty = begun(&lab, (80, 24), "1.3k", &[("NO_COLOR", "1")]);
    assert_data_eq!(
        told(&lab, &tty.picture()),
        str![[r#"
plan: begins
c: started by small
c: its agent ended after [TIME]
c: done, lands next
c: landed as [COMMIT]
d: started by small
d: its agent ended after [TIME]
d: failed: its agent's command ended with exit code 3:
cannot do it
a: started by small
plan: 1 of 4 done, 1 failed, 1 at work, 1 to begin
TASK   STATE    TIER   TRY  TIME  TOKENS   COST  NOW
c      landed   small    1    0s    1.3k  $0.01
d      failed   small    1    0s                 its agent's command ended wit…
a      at work  small    1    0s                 reads 漢字 and thinks
b      waits    small                            for a
total                         0s    1.3k  $0.01

"#]]
    );
    tty.press("\u{3}");
    let raw = tty.raw();
    assert!(!String::from_utf8_lossy(&raw).contains("\u{1b}[1m"), "there is no colour");
    let (status, picture) = tty.end_clean();
    assert_eq!(status.exit_code(), 1);
    assert_data_eq!(
        told(&lab, &picture),
        str![[r#"
plan: begins
c: started by small
c: its agent ended after [TIME]
c: done, lands next
c: landed as [COMMIT]
d: started by small
d: its agent ended after [TIME]
d: failed: its agent's command ended with exit code 3:
cannot do it
a: started by small
note: stopping: agents are ended and their work is parked; once more ends at once
a: its agent ended after [TIME]
a: parked: the run was stopped
TASK  STATE      TRIES  TIER   COST                    WHY
c     landed     1      small  0s, 1300 tokens, $0.01
d     failed     1      small  0s                      its agent's command ended with exit code 3:
a     parked     1      small  0s                      the run was stopped
b     not begun  0      small  0s

"#]]
    );
}

#[test]
fn a_narrow_and_low_terminal_shows_what_matters_most() {
    let lab = lab();
    let tty = begun(&lab, (40, 10), "", &[]);
    assert_data_eq!(
        told(&lab, &tty.picture()),
        str![[r#"
cannot do it
a: started by small
plan: 1 of 4 done, 1 failed, 1 at work…
TASK   STATE    TIME  NOW
c      landed     0s
d      failed     0s  its agent's comm…
a      at work    0s  reads 漢字 and t…
b      waits          for a
total             0s

"#]]
    );
    assert!(String::from_utf8_lossy(&tty.raw()).contains("\u{1b}[1m"), "there is colour");
    tty.resize((30, 7));
    let is_smaller = |picture: &str| picture.contains("total") && !picture.contains("b      waits");
    let smaller = tty.when("the smaller picture", is_smaller);
    assert!(smaller.lines().all(|line| line.chars().count() <= 30), "{smaller}");
    tty.signal("TERM");
    let (status, picture) = tty.end_clean();
    assert_eq!(status.exit_code(), 1);
    assert!(picture.contains("not begun") && !picture.contains("at work"), "the picture is gone: {picture}");
}

#[test]
fn a_terminal_that_can_do_nothing_gets_lines() {
    let lab = lab();
    plan(&lab, "", &task("a", "", "write src/a.txt new"));
    let tty = Tty::odyssey_in(&lab, &lab.main(), &["run", "plan.toml"], (80, 24), &[("TERM", "dumb")]);
    let raw = String::from_utf8(tty.end_raw()).unwrap();
    assert!(!raw.contains('\u{1b}'), "{raw}");
    assert!(raw.starts_with("plan: begins\r\na: started by small\r\n"), "{raw}");
}
