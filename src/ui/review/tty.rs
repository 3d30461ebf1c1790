//! The terminal taken over and given back: on leaving, on a panic, on a signal, and for an editor in between.

use std::io;
use std::io::BufWriter;
use std::io::Stdout;
use std::io::Write;
use std::panic;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::terminal::Terminal;
use ratatui_core::terminal::TerminalOptions;
use ratatui_core::terminal::Viewport;
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::cursor;
use ratatui_crossterm::crossterm::event;
use ratatui_crossterm::crossterm::event::DisableBracketedPaste;
use ratatui_crossterm::crossterm::event::EnableBracketedPaste;
use ratatui_crossterm::crossterm::event::Event;
use ratatui_crossterm::crossterm::event::KeyCode;
use ratatui_crossterm::crossterm::event::KeyEvent;
use ratatui_crossterm::crossterm::event::KeyEventKind;
use ratatui_crossterm::crossterm::event::KeyModifiers;
use ratatui_crossterm::crossterm::execute;
use ratatui_crossterm::crossterm::style;
use ratatui_crossterm::crossterm::terminal;
use ratatui_crossterm::crossterm::terminal::EnterAlternateScreen;
use ratatui_crossterm::crossterm::terminal::LeaveAlternateScreen;

use signals::Signals;

use crate::ui::keys::Key;

#[cfg(unix)]
mod signals;

#[cfg(not(unix))]
#[path = "tty/no_signals.rs"]
mod signals;

/// Whether the terminal is ours at this moment.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What came from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// Something that changes the picture at most.
    Other,
    /// Nothing, for as long as was waited.
    Nothing,
    /// A signal that ends the program: its number.
    Ended(i32),
}

/// The terminal, taken over. Dropped, it is as it was.
pub struct Tty {
    terminal: Screen,
    /// Columns and rows of the last picture.
    size: (u16, u16),
    signals: Signals,
}

type Screen = Terminal<CrosstermBackend<BufWriter<Out>>>;

/// Standard output, until it fails or was given back: ratatui writes once more when it goes, and would panic if it could
/// not say on standard error that this failed.
struct Out {
    stdout: Stdout,
    is_gone: bool,
}

impl Out {
    fn told<T>(&mut self, instead: T, write: impl FnOnce(&mut Stdout) -> io::Result<T>) -> io::Result<T> {
        if self.is_gone || !TAKEN.load(Ordering::SeqCst) {
            return Ok(instead);
        }
        let written = write(&mut self.stdout);
        self.is_gone = written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        written
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told(bytes.len(), |stdout| stdout.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.told((), Write::flush)
    }
}

/// An empty screen. It is of a fixed size, for ratatui asks the terminal for its cursor when it makes a screen fit, and not
/// every terminal answers.
fn fresh() -> io::Result<(Screen, (u16, u16))> {
    let size = terminal::size()?;
    execute!(io::stdout(), terminal::Clear(terminal::ClearType::All))?;
    let backend = CrosstermBackend::new(BufWriter::with_capacity(
        1 << 16,
        Out { stdout: io::stdout(), is_gone: false },
    ));
    let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
    Ok((Terminal::with_options(backend, TerminalOptions { viewport })?, size))
}

impl Tty {
    /// Takes the terminal over. From then on a panic of this thread gives it back before it says anything.
    ///
    /// # Errors
    /// When the terminal does not answer.
    pub fn take(has_color: bool) -> io::Result<Tty> {
        give_back_on_panic();
        style::force_color_output(has_color);
        let signals = Signals::listen()?;
        enter()?;
        let (terminal, size) = fresh().inspect_err(|_| leave())?;
        Ok(Tty { terminal, size, signals })
    }

    /// Shows a picture. The painter answers where the cursor is to be seen.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn show(&mut self, paint: impl FnOnce(&mut Buffer) -> Option<(usize, usize)>) -> io::Result<()> {
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        if terminal::size()? != self.size {
            (self.terminal, self.size) = fresh()?;
        }
        self.terminal.draw(|frame| {
            if let Some((x, y)) = paint(frame.buffer_mut()) {
                frame.set_cursor_position((short(x), short(y)));
            }
        })?;
        Ok(())
    }

    /// Waits for a key, but not longer than that.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn wait(&mut self, most: Duration) -> io::Result<Input> {
        if let Some(signal) = self.signals.ended() {
            return Ok(Input::Ended(signal));
        }
        self.signals.need_terminal()?;
        if !event::poll(Duration::ZERO)? {
            // Not crossterm waits: it would not come back from a terminal that is gone.
            self.signals.wait(most)?;
            if let Some(signal) = self.signals.ended() {
                return Ok(Input::Ended(signal));
            }
            if !event::poll(Duration::ZERO)? {
                return Ok(Input::Nothing);
            }
        }
        Ok(match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                pressed(key).map_or(Input::Other, Input::Key)
            }
            Event::Paste(text) => Input::Paste(text),
            _ => Input::Other,
        })
    }

    /// Gives the terminal back for as long as something else needs it.
    ///
    /// # Errors
    /// When it cannot be taken over again.
    pub fn lend<T>(&mut self, user: impl FnOnce() -> T) -> io::Result<T> {
        leave();
        let made = user();
        // Ctrl-C was for the program that had the terminal.
        self.signals.forget_interrupt();
        enter()?;
        (self.terminal, self.size) = fresh()?;
        Ok(made)
    }

    /// Stops until somebody lets the program go on.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.lend(Signals::stop)?
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide).inspect_err(|_| leave())
}

/// Gives the terminal back. It may be gone by now, and then there is nothing to give back.
fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

fn give_back_on_panic() {
    let screen = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Another thread's panic does not end the screen.
        if thread::current().id() == screen {
            leave();
        }
        before(info);
    }));
}

fn pressed(key: KeyEvent) -> Option<Key> {
    let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(letter) if has_control => Key::Ctrl(letter.to_ascii_lowercase()),
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        _ => return None,
    })
}

/// Ends the program by a signal, as if it had not been heard.
#[cfg(unix)]
pub fn die(signal: i32) {
    // It does not come back from this; if it does, the program ends in the ordinary way.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// There are no such signals here.
#[cfg(not(unix))]
pub fn die(_: i32) {}
