//! A run on the terminal: lines as they happen, and below them how all tasks stand, drawn anew in its place.
//!
//! The terminal stays as it is: no key is read, no mode is changed, and the cursor waits below. So there is nothing to give back,
//! however the program ends.

use std::cell::RefCell;
use std::io;
use std::io::IsTerminal;
use std::io::Write;

use ratatui_crossterm::crossterm::terminal;

use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::base::page::Page;
use crate::commands::Monitor;
use crate::commands::Outcome;
use crate::commands::run::Run;
use crate::commands::run::live::Live;

use super::terminal::Terminal;
use super::terminal::painted;
use super::world;
use super::world::World;

pub mod picture;

/// Terminals that know these show what is between them at once.
const BEGIN: &str = "\u{1b}[?2026h";
const END: &str = "\u{1b}[?2026l";

/// Whether a run is for the screen: a person looks on.
pub fn is_wanted(json: bool) -> bool {
    !json && io::stdout().is_terminal() && !world::is_dumb()
}

/// Runs a workflow, and shows how it stands.
///
/// # Errors
/// As for the run without a screen.
pub fn run(run: Run, terminal: Terminal) -> Result<Outcome, Failure> {
    let screen = LiveScreen { terminal, shown: RefCell::default() };
    let context = World::read()?.context(false, &screen);
    run.run(&context)
}

/// The terminal with a picture at its end.
struct LiveScreen {
    terminal: Terminal,
    shown: RefCell<Shown>,
}

#[derive(Default)]
struct Shown {
    /// How the run stood last.
    live: Option<Live>,
    /// How many lines of the screen are the picture.
    lines: usize,
}

impl LiveScreen {
    /// Takes the picture away, does something, and puts it back. A terminal that is gone is no reason to stop the run.
    fn around<T>(&self, does: impl FnOnce() -> T) -> T {
        let mut shown = self.shown.borrow_mut();
        put(&format!("{BEGIN}{}", away(shown.lines)));
        let done = does();
        let page = shown.live.as_ref().map(|live| picture::of(live, size())).unwrap_or_default();
        shown.lines = page.lines().len();
        put(&format!("{}{END}", self.text(&page)));
        done
    }

    fn text(&self, page: &Page) -> String {
        let text = painted(page);
        if self.terminal.has_color() { text } else { anstream::adapter::strip_str(&text).to_string() }
    }
}

impl Monitor for LiveScreen {
    fn note(&self, text: &str) {
        self.around(|| self.terminal.note(text));
    }

    fn line(&self, line: &str) -> Result<bool, FileError> {
        self.around(|| self.terminal.line(line))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn live(&self, live: &Live) {
        self.shown.borrow_mut().live = Some(live.clone());
        self.around(|| ());
    }
}

impl Drop for LiveScreen {
    /// What follows, the summary or what went wrong, stands where the picture was.
    fn drop(&mut self) {
        // A panic has already written below the picture.
        if !std::thread::panicking() {
            put(&away(self.shown.borrow().lines));
        }
    }
}

/// Columns and rows.
fn size() -> (usize, usize) {
    let (columns, rows) = terminal::size().unwrap_or((80, 24));
    (usize::from(columns), usize::from(rows))
}

/// Takes so many lines away, the last ones.
fn away(lines: usize) -> String {
    match lines {
        0 => String::new(),
        lines => format!("\r\u{1b}[{lines}A\u{1b}[J"),
    }
}

fn put(text: &str) {
    let mut stdout = io::stdout().lock();
    // A terminal that is gone shows nothing, and the run goes on.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_away_where_nothing_is() {
        assert_eq!(away(0), "");
        assert_eq!(away(3), "\r\u{1b}[3A\u{1b}[J");
    }
}
