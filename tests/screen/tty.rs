//! A terminal with a program in it: keys go in, and what a person would see comes out.

use std::io::Read;
use std::io::Write;
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use portable_pty::Child;
use portable_pty::CommandBuilder;
use portable_pty::MasterPty;
use portable_pty::PtySize;
use portable_pty::native_pty_system;

use super::support;
use super::support::Lab;

/// How long something may take to appear; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// A pseudo-terminal with a program.
pub struct Tty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    modes: String,
}

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    is_over: bool,
}

impl Tty {
    /// Starts a command at a terminal of so many columns and rows.
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Tty {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let modes = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(at_a_terminal(command)).unwrap();
        drop(pair.slave);
        let number = |number: u16| NonZeroU16::new(number).unwrap();
        let parser = vt100::Parser::new(number(rows), number(columns), 0);
        let seen = Seen { parser, raw: Vec::new(), is_over: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let filled = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            loop {
                // The end of the program is an error on some systems.
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = filled.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                seen.raw.extend_from_slice(&buffer[..count]);
                seen.parser.process(&buffer[..count]);
                seen.is_over = count == 0;
                filled.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Tty { child, master: pair.master, keys, seen, modes }
    }

    /// `git odyssey` in the main checkout of a lab.
    pub fn odyssey(lab: &Lab, arguments: &[&str], size: (u16, u16)) -> Tty {
        Tty::odyssey_in(lab, &lab.main(), arguments, size, &[])
    }

    /// `git odyssey` in a folder, with more in its environment.
    pub fn odyssey_in(
        lab: &Lab,
        folder: &Path,
        arguments: &[&str],
        size: (u16, u16),
        environment: &[(&str, &str)],
    ) -> Tty {
        let mut command = lab.command(support::ODYSSEY, folder, arguments);
        command.envs(environment.iter().copied());
        Tty::start(&command, size)
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Presses keys, and waits until the screen shows something.
    #[track_caller]
    pub fn press_until(&mut self, keys: &str, text: &str) -> String {
        self.press(keys);
        self.until(text)
    }

    /// Waits until a whole picture shows a text, and gives the picture.
    #[track_caller]
    pub fn until(&self, text: &str) -> String {
        self.when(text, |picture| picture.contains(text))
    }

    /// Waits until the screen shows a text, where lines are written and no pictures.
    #[track_caller]
    pub fn until_text(&self, text: &str) {
        let begun = Instant::now();
        let mut seen = self.seen.0.lock().unwrap();
        while !picture(&seen.parser).contains(text) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero() && !seen.is_over, "never seen: {text}\n{}", picture(&seen.parser));
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits for a whole picture of that kind.
    #[track_caller]
    pub fn when(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let picture = picture(&seen.parser);
            if is_whole(&seen.raw) && is_it(&picture) {
                return picture;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero() && !seen.is_over, "never seen: {what}\n{picture}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// The screen as it is at this moment.
    pub fn picture(&self) -> String {
        picture(&self.seen.0.lock().unwrap().parser)
    }

    /// Everything that was written to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().raw.clone()
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        let number = |number: u16| NonZeroU16::new(number).unwrap();
        self.seen.0.lock().unwrap().parser.screen_mut().set_size(number(rows), number(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends a signal to the program: `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
    }

    /// Waits for the program's end. Gives how it ended, and what is on the screen then.
    #[track_caller]
    pub fn end(mut self) -> (portable_pty::ExitStatus, String) {
        let begun = Instant::now();
        let mut seen = self.seen.0.lock().unwrap();
        while !seen.is_over {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "it does not end\n{}", picture(&seen.parser));
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
        let picture = picture(&seen.parser);
        drop(seen);
        (self.child.wait().unwrap(), picture)
    }

    /// Waits for the end. Gives everything that was written.
    pub fn end_raw(self) -> Vec<u8> {
        let seen = Arc::clone(&self.seen);
        self.end();
        let seen = seen.0.lock().unwrap();
        seen.raw.clone()
    }

    /// Waits for the end, and that it left the terminal as it was.
    #[track_caller]
    pub fn end_clean(self) -> (portable_pty::ExitStatus, String) {
        let (seen, before) = (Arc::clone(&self.seen), self.modes.clone());
        let begun = Instant::now();
        // The master knows the modes as long as it is there.
        while !seen.0.lock().unwrap().is_over {
            assert!(begun.elapsed() < PATIENCE, "it does not end\n{}", self.picture());
            let guard = seen.0.lock().unwrap();
            drop(seen.1.wait_timeout(guard, Duration::from_millis(100)).unwrap());
        }
        assert_eq!(format!("{:?}", self.master.get_termios()), before, "the terminal's modes");
        {
            let seen = seen.0.lock().unwrap();
            let screen = seen.parser.screen();
            assert!(!screen.alternate_screen(), "the other screen was left");
            assert!(!screen.hide_cursor(), "the cursor is seen");
            assert!(!screen.bracketed_paste(), "pasting is as it was");
        }
        self.end()
    }
}

/// A command as it is started at a terminal.
pub fn at_a_terminal(command: &Command) -> CommandBuilder {
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.cwd(command.get_current_dir().unwrap());
    builder.env_clear();
    builder.env("TERM", "xterm-256color");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        }
    }
    builder
}

/// A picture ends with where the cursor is, hidden or at its place, or says that it does.
fn is_whole(raw: &[u8]) -> bool {
    let place = raw.rsplit(|&byte| byte == 0x1b).next().unwrap_or_default();
    raw.ends_with(b"\x1b[?25l")
        || raw.ends_with(b"\x1b[?2026l")
        || (place.starts_with(b"[") && place.ends_with(b"H"))
}

fn picture(parser: &vt100::Parser) -> String {
    let contents = parser.screen().contents();
    let lines: Vec<&str> = contents.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
