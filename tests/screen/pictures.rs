//! Whole screens: at several sizes, without colour, with odd letters, and what the keys tell.

use snapbox::assert_data_eq;
use snapbox::str;

use super::lab;
use super::numbered;
use super::review;
use super::review_with;
use super::support::Lab;
use super::tty::Tty;
use super::usual;

/// The picture without what differs from run to run.
fn told(lab: &Lab, picture: &str) -> String {
    let run = super::support::Run { stdout: picture.to_owned(), stderr: String::new(), code: 0 };
    lab.screen(&run).replace("--- exit 0\n", "")
}

#[test]
fn the_sides_are_one_below_the_other_at_80_columns() {
    let lab = usual();
    let tty = review(&lab, (80, 24));
    assert_data_eq!(
        told(&lab, &tty.picture()),
        str![[r#"
review of greet with main, to land by a merge commit                 3 of 3 open
> open                           3 src/greet.rs
  open                          15 src/greet.rs
  open                           1 src/words.md
─ src/greet.rs line 3: both changed the same lines ──────────────────── 1 of 3 ─
ours: main  [HASH] Ada, 2026-11-24 01:30: main: ask how they are
~     format!("hi {name}, how are you")
base: before either
-     format!("hello {name}")
theirs: greet, held by claude-1  [HASH] Ada, 2026-11-24 01:30: greet: be po…
~     format!("good morning, {name}!")












o ours  t theirs  b both  B reversed  a base  e edit  n next open  ? all keys

"#]]
    );
}

#[test]
fn the_sides_are_beside_each_other_at_120_columns() {
    let lab = usual();
    let tty = review(&lab, (120, 40));
    assert_data_eq!(
        told(&lab, &tty.picture()),
        str![[r#"
review of greet with main, to land by a merge commit                                                         3 of 3 open
> open                           3 src/greet.rs
  open                          15 src/greet.rs
  open                           1 src/words.md
─ src/greet.rs line 3: both changed the same lines ──────────────────────────────────────────────────────────── 1 of 3 ─
ours: main                            │ base: before either                   │ theirs: greet, held by claude-1
[HASH] Ada, 2026-11-24 01:30      │                                       │ [HASH] Ada, 2026-11-24 01:30
main: ask how they are                │                                       │ greet: be polite
~     format!("hi {name}, how are you›│ -     format!("hello {name}")         │ ~     format!("good morning, {name}!")
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │
                                      │                                       │

o ours  t theirs  b both  B reversed  a base  e edit  n next open  v view  / search  q leave  ? all keys

"#]]
    );
}

#[test]
fn a_small_terminal_shows_what_has_room() {
    let lab = usual();
    let mut tty = review(&lab, (40, 12));
    assert_data_eq!(
        told(&lab, &tty.picture()),
        str![[r#"
review of greet with main,…  3 of 3 open
> open                3 src/greet.rs
  open               15 src/greet.rs
─ src/greet.rs line 3: both c…  1 of 3 ─
ours: main  [HASH] Ada, 2026-11-24 …
~     format!("hi {name}, how are you")
base: before either
-     format!("hello {name}")
theirs: greet, held by claude-1  7ede81…
~     format!("good morning, {name}!")

o ours  t theirs  b both  ? all keys

"#]]
    );
    tty.resize((29, 12));
    tty.until("too small");
    assert_data_eq!(
        told(&lab, &tty.picture()),
        str![[r#"
too small:
30 columns and 8 rows at lea…

"#]]
    );
    tty.resize((120, 40));
    tty.until("base: before either");
    tty.press("q");
    assert!(tty.end_clean().0.success());
}

#[test]
fn all_keys_are_on_one_page() {
    let lab = usual();
    let mut tty = review(&lab, (80, 60));
    let page = tty.press_until("?", "A question");
    assert_data_eq!(
        told(&lab, &page),
        str![[r#"
review of greet with main, to land by a merge commit                 3 of 3 open
─ all keys ──────────────────────────────────────────────────────── 1-56 of 61 ─
The list and the sides of a conflict
  o                  take the target's side
  t                  take the task's side
  b                  take both, the target's first
  B                  take both, the task's first
  a                  leave it as it was before either
  e                  write it yourself
  m                  keep the file under another name
  y                  agree to what somebody decided in your region
  f                  land or sync with what was decided
  x                  run the check on the result, or see how it went
  n  Tab             to the next that is open
  u                  take the last decision back
  r  Ctrl-R          decide again what was taken back
  v  Enter           see the merged file as it is now
  c                  say why, in a line that is kept with the decision
  .                  to the next that was searched for
  /                  search paths and texts
  O                  take the target's side of all that is open in this file
  T                  take the task's side of all that is open in this file
  ,                  to the one before that was searched for
  p  Shift-Tab       to the one before that is open
  j  ↓               to the next conflict
  k  ↑               to the conflict before
  g  Home            to the first
  G  End             to the last
  PgDn  Space  J     read on
  PgUp  K            read back
  →  l               see the right end of long lines
  ←  h               see their beginning again
  R  Ctrl-L          look again what others did meanwhile
  Ctrl-Z             stop for a while, as any program
  Ctrl-C             leave, from anywhere; every decision is kept
  q                  leave; every decision is kept
  ?                  see this page

A text: the merged file, what a check wrote, this page
  q  Esc  Enter      back to the list
  s                  end the check that runs
  x                  run the check on the result, or see how it went
  g  Home            to the first
  G  End             to the last
  PgDn  Space  J     read on
  PgUp  K            read back
  →  l               see the right end of long lines
  ←  h               see their beginning again
  Ctrl-Z             stop for a while, as any program
  Ctrl-C             leave, from anywhere; every decision is kept

A line that you write
  Enter              do it
  Esc                leave it
  Ctrl-C             leave, from anywhere; every decision is kept

A question
  y                  yes

q back

"#]]
    );
    tty.press_until("\x1b", "3 of 3 open");
}

#[test]
fn the_help_line_tells_what_can_be_done_now() {
    let lab = usual();
    let mut tty = review(&lab, (200, 24));
    let help = |picture: &str| picture.lines().last().unwrap().to_owned() + "\n";
    assert_data_eq!(
        help(&tty.picture()),
        str![[r#"
o ours  t theirs  b both  B reversed  a base  e edit  n next open  v view  / search  q leave  ? all keys

"#]]
    );
    let settled = {
        tty.press_until("o", "1 of 3");
        tty.press("ot");
        tty.until("all is decided")
    };
    assert_data_eq!(
        help(&settled),
        str![[r#"
o ours  t theirs  b both  B reversed  a base  e edit  f finish  x check  u undo  v view  c note  / search  q leave  ? all keys

"#]]
    );
    assert_data_eq!(
        help(&tty.press_until("/", "search:")),
        str![[r#"
Enter do it  Esc never mind

"#]]
    );
    assert_data_eq!(
        {
            tty.press_until("\x1b", "q leave");
            help(&tty.press_until("f", "with what was decided?"))
        },
        str![[r#"
y yes  n no

"#]]
    );
    let refused = tty.press_until("nm", "makes no sense");
    assert_data_eq!(
        refused.lines().rev().nth(1).unwrap().to_owned() + "\n",
        str![[r#"
m move: that makes no sense of this conflict

"#]]
    );
}

#[test]
fn without_colour_no_colour_is_written_and_all_is_told_in_words() {
    let lab = usual();
    let mut tty = review_with(&lab, (100, 30), &[("NO_COLOR", "1")]);
    tty.press_until("o", "2 of 3 open");
    let picture = tty.picture();
    assert!(picture.contains("done   ours") && picture.contains("> open"), "{picture}");
    let raw = String::from_utf8(tty.raw()).unwrap();
    let codes = raw.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m').map(|(code, _)| code));
    let is_color = |code: &str| {
        code.split(';').any(|part| matches!(part.parse(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107)))
    };
    let colors: Vec<&str> =
        codes.filter(|code| code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';')).collect();
    assert!(!colors.iter().any(|code| is_color(code)), "{colors:?}");
    // With colour there is some, so the test would see it.
    let colored = review(&lab, (100, 30));
    let raw = String::from_utf8(colored.raw()).unwrap();
    assert!(raw.contains("38;5;"), "{raw:?}");
    let asked = Tty::odyssey(&lab, &["review", "greet", "--color", "never"], (100, 30));
    asked.until("2 of 3 open");
    assert!(!String::from_utf8(asked.raw()).unwrap().contains("38;5;"));
}

#[test]
fn tabs_returns_and_orders_to_the_terminal_are_shown_and_not_obeyed() {
    let lab = lab(
        "",
        &[("src/odd.txt", Some(b"\tone\r\nkeep\r\n"))],
        &[("src/odd.txt", Some(b"    one\r\nkeep\r\n"))],
        &[("src/odd.txt", Some(b"\tone\x1b]0;gotcha\x07\x1b[2J\xff\xe2\x80\xae\r\nkeep\r\n"))],
    );
    let tty = review(&lab, (80, 24));
    let picture = tty.picture();
    assert_data_eq!(
        told(&lab, &picture),
        str![[r#"
review of greet with main, to land by a merge commit                 1 of 1 open
> open                           1 src/odd.txt
─ src/odd.txt line 1: both changed the same lines ───────────────────── 1 of 1 ─
ours: main  [HASH] Ada, 2026-11-24 01:30: main: ask how they are
~     one␍
base: before either
- →   one␍
theirs: greet, held by claude-1  [HASH] Ada, 2026-11-24 01:30: greet: be po…
+ →   one/x1b]0;gotcha/x07/x1b[2J/xff/xe2/x80/xae␍














o ours  t theirs  b both  B reversed  a base  e edit  v view  ? all keys

"#]]
    );
    let raw = tty.raw();
    let holds = |needle: &[u8]| raw.windows(needle.len()).any(|part| part == needle);
    assert!(!holds(b"\x1b]0") && !holds(b"\xff") && !holds("\u{202e}".as_bytes()), "{picture}");
}

#[test]
fn long_texts_are_read_on_and_long_lines_sideways() {
    let long = |word: &str| {
        let lines: Vec<String> =
            (1..=60).map(|number| format!("{word} {number} {}|end", "-".repeat(90))).collect();
        lines.join("\n").into_bytes()
    };
    let lab = lab(
        "",
        &[("src/a.txt", Some(&numbered(3, &[])))],
        &[("src/a.txt", Some(&long("ours")))],
        &[("src/a.txt", Some(&long("theirs")))],
    );
    let mut tty = review(&lab, (80, 24));
    assert!(!tty.picture().contains("theirs 1"));
    tty.press("        ");
    tty.until("theirs 60");
    let picture = tty.press_until("\x1b[C\x1b[C", "|end");
    assert!(picture.contains('‹'), "{picture}");
    tty.press_until("\x1b[D\x1b[D", "theirs 60 -");
    tty.press("KKKKKKKKK");
    tty.until("ours 1 -");
}

#[test]
fn without_a_terminal_the_same_command_lists() {
    let lab = usual();
    let listed = lab.odyssey(&["review", "greet", "--list"]).ok();
    assert_eq!(lab.odyssey(&["review", "greet"]).ok(), listed);
    let dumb = Tty::odyssey_in(&lab, &lab.main(), &["review", "greet"], (80, 24), &[("TERM", "dumb")]);
    let (status, picture) = dumb.end();
    assert!(status.success() && picture.contains("CONFLICT"), "{picture}");
    let json = Tty::odyssey(&lab, &["review", "greet", "--json"], (80, 60));
    assert!(json.end().1.starts_with("{\"version\":1"));
}
