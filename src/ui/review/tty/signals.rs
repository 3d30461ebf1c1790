//! Signals that end the program, heard while the terminal is ours; and the terminal's own end.

use std::io;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use mio::Events;
use mio::Interest;
use mio::Poll;
use mio::Token;
use mio::unix::SourceFd;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Handle;

/// Standard input, which is the terminal.
const INPUT: i32 = 0;

/// How long the screen has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Signals that were heard. Without this value they do what they always do.
pub struct Signals {
    heard: Vec<(i32, Arc<AtomicBool>)>,
    /// Whether signals do what they always do.
    is_usual: Arc<AtomicBool>,
    /// The thread that ends the program if the screen does not.
    guard: Handle,
    input: Poll,
    events: Events,
    is_gone: bool,
}

impl Signals {
    /// Hears signals from now on.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub fn listen() -> io::Result<Signals> {
        let is_usual = Arc::new(AtomicBool::new(false));
        let mut heard = Vec::new();
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            let flag = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&is_usual))?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
            heard.push((signal, flag));
        }
        let mut urgent = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP])?;
        let guard = urgent.handle();
        thread::spawn(move || {
            for signal in &mut urgent {
                thread::sleep(GRACE);
                if super::TAKEN.load(Ordering::SeqCst) {
                    super::leave();
                    super::die(signal);
                }
            }
        });
        let input = Poll::new()?;
        input.registry().register(&mut SourceFd(&INPUT), Token(0), Interest::READABLE)?;
        Ok(Signals { heard, is_usual, guard, input, events: Events::with_capacity(4), is_gone: false })
    }

    /// The signal that ends the program, if there was one.
    pub fn ended(&self) -> Option<i32> {
        self.heard.iter().find(|(_, flag)| flag.load(Ordering::SeqCst)).map(|(signal, _)| *signal)
    }

    /// Looks whether the terminal is still there.
    ///
    /// # Errors
    /// When it is not.
    pub fn need_terminal(&mut self) -> io::Result<()> {
        self.wait(Duration::ZERO)
    }

    /// Waits for a key, a signal, or so long.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn wait(&mut self, most: Duration) -> io::Result<()> {
        match self.input.poll(&mut self.events, Some(most)) {
            // A signal, or another size of the terminal.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        self.is_gone |= self.events.iter().any(|event| event.is_read_closed() || event.is_error());
        if self.is_gone { Err(io::Error::from(ErrorKind::BrokenPipe)) } else { Ok(()) }
    }

    /// Forgets Ctrl-C: it was for somebody else.
    pub fn forget_interrupt(&self) {
        for (signal, flag) in &self.heard {
            if [SIGINT, SIGQUIT].contains(signal) {
                flag.store(false, Ordering::SeqCst);
            }
        }
    }

    /// Stops the program until somebody lets it go on.
    ///
    /// # Errors
    /// When the system does not do that.
    pub fn stop() -> io::Result<()> {
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.guard.close();
        self.is_usual.store(true, Ordering::SeqCst);
    }
}
