//! No signals: a system without them waits for keys alone.

use std::io;
use std::time::Duration;

use ratatui_crossterm::crossterm::event;

/// Nothing.
pub struct Signals;

impl Signals {
    /// There is nothing to hear.
    ///
    /// # Errors
    /// None.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals)
    }

    /// No signal.
    pub fn ended(&self) -> Option<i32> {
        None
    }

    /// Looks whether the terminal is still there.
    ///
    /// # Errors
    /// None.
    pub fn need_terminal(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Waits for a key, or so long.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn wait(&mut self, most: Duration) -> io::Result<()> {
        event::poll(most).map(drop)
    }

    /// There is nothing to forget.
    pub fn forget_interrupt(&self) {}

    /// A program cannot be stopped here.
    ///
    /// # Errors
    /// None.
    pub fn stop() -> io::Result<()> {
        Ok(())
    }
}
