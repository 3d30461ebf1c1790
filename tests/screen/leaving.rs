//! Every way out: by a key, by a signal, by a panic, by a kill. The terminal is left as it was, and every decision is kept.

use std::io::Read;
use std::io::Write;
use std::num::NonZeroU16;

use git_odyssey::ui::review::tty::Tty as Taken;
use portable_pty::PtySize;
use portable_pty::native_pty_system;

use super::choices;
use super::lab;
use super::numbered;
use super::review;
use super::support::Lab;
use super::support::dice::Dice;
use super::tty::Tty;
use super::tty::at_a_terminal;
use super::usual;

#[test]
fn keys_and_signals_leave_the_terminal_as_it_was() {
    let lab = usual();
    for (way, keys) in
        [("q", "q"), ("Ctrl-C", "\x03"), ("Ctrl-C in a line", "/x\x03"), ("Ctrl-C in a page", "?\x03")]
    {
        let mut tty = review(&lab, (80, 24));
        tty.press(keys);
        let (status, picture) = tty.end_clean();
        assert!(status.success(), "{way}: {status:?}");
        assert!(
            picture.contains("every decision is kept; go on: git odyssey review greet"),
            "{way}: {picture}"
        );
    }
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let tty = review(&lab, (80, 24));
        tty.signal(signal);
        let (status, picture) = tty.end_clean();
        assert!(!status.success() && status.signal().is_some(), "{signal}: {status:?}\n{picture}");
    }
}

/// The program of the next test: it takes the terminal over as the screen does, and panics.
#[test]
#[ignore = "run by the next test, in a terminal"]
fn panics_in_a_terminal() {
    let painted = |buffer: &mut ratatui_core::buffer::Buffer| {
        buffer.set_string(0, 0, "taken over", ratatui_core::style::Style::new());
        None
    };
    let mut taken = Taken::take(false).unwrap();
    taken.show(painted).unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    panic!("the sky fell");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let lab = Lab::unprepared();
    let this = std::env::current_exe().unwrap();
    let words = ["--exact", "leaving::panics_in_a_terminal", "--ignored", "--nocapture", "--test-threads=1"];
    let mut tty = Tty::start(&lab.command(this, lab.root(), &words), (100, 24));
    tty.until("taken over");
    // Lines are not sent by Enter alone while the terminal is taken over.
    tty.press("\n");
    let (status, picture) = tty.end_clean();
    assert!(!status.success(), "{picture}");
    assert!(picture.contains("the sky fell") && !picture.contains("taken over"), "{picture}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_vanishes_with_all_that_could_be_told_is_no_bug_of_ours() {
    let lab = usual();
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    // In a session of its own no signal tells it.
    let script = "trap '' HUP; setsid -w git-odyssey review greet; echo $? > ../new; mv ../new ../code";
    let command = lab.command("sh", &lab.main(), &["-c", script]);
    let mut child = pair.slave.spawn_command(at_a_terminal(&command)).unwrap();
    drop(pair.slave);
    let (mut reader, mut keys) =
        (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
    let number = |number: u16| NonZeroU16::new(number).unwrap();
    let mut parser = vt100::Parser::new(number(24), number(80), 0);
    let mut until = |text: &str| {
        let mut buffer = [0; 4096];
        while !parser.screen().contents().contains(text) {
            let count = reader.read(&mut buffer).unwrap();
            assert!(count > 0, "{text}: {}", parser.screen().contents());
            parser.process(&buffer[..count]);
        }
    };
    until("3 of 3 open");
    keys.write_all(b"o").unwrap();
    until("2 of 3 open");
    drop((reader, keys, pair.master));
    child.wait().unwrap();
    assert_eq!(std::fs::read_to_string(lab.root().join("code")).unwrap(), "1\n");
    assert_eq!(choices(&lab), ["ours", "open", "open"]);
}

#[test]
fn after_a_stop_the_screen_comes_back() {
    let lab = usual();
    let mut shell = Tty::start(&lab.command("sh", &lab.main(), &["-m", "-i"]), (80, 24));
    shell.press("PS1='ready> '\n");
    shell.until_text("ready> ");
    shell.press("git-odyssey review greet\n");
    shell.until("Ada, 2026-11-24");
    shell.press("\x1a");
    shell.until_text("ready> ");
    assert!(!shell.picture().contains("3 of 3 open"), "{}", shell.picture());
    shell.press("fg\n");
    shell.until("3 of 3 open");
    shell.press_until("o", "2 of 3 open");
    shell.press("q");
    shell.until_text("every decision is kept");
}

#[test]
fn a_kill_at_any_moment_loses_no_decision_that_was_shown() {
    const COUNT: usize = 24;
    let side = |word: &str| {
        let others: Vec<(usize, String)> =
            (0..COUNT).map(|number| (number * 6 + 3, format!("{word} {number}"))).collect();
        let others: Vec<(usize, &str)> = others.iter().map(|(line, text)| (*line, text.as_str())).collect();
        numbered(COUNT * 6 + 3, &others)
    };
    let lab = lab(
        "",
        &[("src/a.txt", Some(&side("base")))],
        &[("src/a.txt", Some(&side("ours")))],
        &[("src/a.txt", Some(&side("theirs")))],
    );
    let mut dice = Dice::new(Dice::seed());
    let mut known: Vec<String> = vec!["open".to_owned(); COUNT];
    let mut round = 0;
    while known.iter().any(|choice| choice == "open") {
        round += 1;
        assert!(round < 200, "it does not get on: {known:?}");
        let mut tty = Tty::odyssey(&lab, &["review", "greet"], (80, 24));
        let open = known.iter().filter(|choice| *choice == "open").count();
        tty.until(&format!("{open} of {COUNT} open"));
        let keys: String = (0..1 + dice.below(5)).map(|_| dice.one_of(&["o", "t", "b"])).collect();
        tty.press(&keys);
        // At any moment from the first key on: before it was read, in the middle of a step, and after some were shown.
        match dice.below(3) {
            0 => drop(tty.when("a step", |picture| !picture.contains(&format!("{open} of {COUNT} open")))),
            _ => std::thread::sleep(std::time::Duration::from_millis(dice.below(250))),
        }
        tty.signal("KILL");
        let (_, picture) = tty.end();
        let told = (0..=COUNT).find(|left| picture.contains(&format!(" {left} of {COUNT} open")));
        let now = choices(&lab);
        let left = now.iter().filter(|choice| *choice == "open").count();
        assert!(told.is_none_or(|told| left <= told), "shown {told:?} open, and {left} are\n{picture}");
        for (before, after) in known.iter().zip(&now) {
            assert!(before == "open" || before == after, "{before} became {after}");
        }
        known = now;
    }
    let tty = Tty::odyssey(&lab, &["review", "greet"], (80, 24));
    tty.until(&format!("0 of {COUNT} open"));
}
