//! The seat: what every request is told of the world, and what a command says beside its answer.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::agents::transcripts::Homes;
use crate::base::atomic::FileError;
use crate::base::clock::Clock;
use crate::commands::Context;
use crate::commands::Monitor;
use crate::commands::receive::Received;
use crate::domain::lease::Fence;
use crate::domain::task::TaskName;

/// What a request is told, kept from the start of the server on, that of the page or that of the tools. No request overrides anything: that takes a person's
/// word on a command line.
#[derive(Debug, Clone)]
pub struct Seat {
    folder: PathBuf,
    clock: Clock,
    told: Option<(TaskName, Fence)>,
    program: PathBuf,
    home: Option<PathBuf>,
    cargo_home: Option<PathBuf>,
}

impl Seat {
    /// The seat of the one who started the server.
    pub fn of(context: &Context<'_>) -> Seat {
        Seat {
            folder: context.folder.clone(),
            clock: context.clock,
            told: context.told.clone(),
            program: context.program.clone(),
            home: context.home.clone(),
            cargo_home: context.cargo_home.clone(),
        }
    }

    /// What a command is told that runs for a request.
    pub fn context<'m>(&self, monitor: &'m dyn Monitor) -> Context<'m> {
        Context {
            folder: self.folder.clone(),
            clock: self.clock,
            told: self.told.clone(),
            override_reason: None,
            merging: Vec::new(),
            program: self.program.clone(),
            home: self.home.clone(),
            cargo_home: self.cargo_home.clone(),
            agents: Homes::default(),
            prices: None,
            probe: None,
            received: Received::default(),
            json: true,
            monitor,
        }
    }
}

/// Keeps what a command says beside its answer.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    /// All that was said.
    pub fn said(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Monitor for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    fn line(&self, line: &str) -> Result<bool, FileError> {
        self.note(line);
        Ok(true)
    }
}
