//! What a job of a run is given: the request's context, in a thread of its own.

use std::path::PathBuf;

use tokio::sync::mpsc::UnboundedSender;

use crate::agents::transcripts::Homes;
use crate::base::atomic::FileError;
use crate::base::clock::Clock;
use crate::commands::Context;
use crate::commands::Monitor;
use crate::commands::receive::Received;
use crate::domain::task::TaskName;

use super::runner::Happened;

/// The context of a request, to be used in other threads; what it would tell is sent to the runner.
#[derive(Clone)]
pub struct Setting {
    folder: PathBuf,
    clock: Clock,
    program: PathBuf,
    home: Option<PathBuf>,
    cargo_home: Option<PathBuf>,
    agents: Homes,
    prices: Option<PathBuf>,
    happened: UnboundedSender<Happened>,
}

impl Setting {
    /// The context that a run was asked for in.
    pub fn of(context: &Context<'_>, happened: UnboundedSender<Happened>) -> Setting {
        Setting {
            folder: context.folder.clone(),
            clock: context.clock,
            program: context.program.clone(),
            home: context.home.clone(),
            cargo_home: context.cargo_home.clone(),
            agents: context.agents.clone(),
            prices: context.prices.clone(),
            happened,
        }
    }

    /// Does something beside the runner, which hears of it when it is done.
    pub fn spawn(&self, work: impl FnOnce(&Context<'_>) -> Happened + Send + 'static) {
        let setting = self.clone();
        std::thread::spawn(move || {
            let context = Context {
                folder: setting.folder.clone(),
                clock: setting.clock,
                told: None,
                override_reason: None,
                merging: Vec::new(),
                program: setting.program.clone(),
                home: setting.home.clone(),
                cargo_home: setting.cargo_home.clone(),
                agents: setting.agents.clone(),
                prices: setting.prices.clone(),
                probe: None,
                received: Received::default(),
                json: true,
                monitor: &setting,
            };
            setting.tell(work(&context));
        });
    }

    /// Tells the runner. It is not there any more when it was ended at once.
    pub fn tell(&self, happened: Happened) {
        let _ = self.happened.send(happened);
    }

    /// Whether the runner is gone.
    pub fn is_alone(&self) -> bool {
        self.happened.is_closed()
    }
}

impl Monitor for Setting {
    fn note(&self, text: &str) {
        self.tell(Happened::Note(None::<TaskName>, text.to_owned()));
    }

    fn line(&self, line: &str) -> Result<bool, FileError> {
        self.note(line);
        Ok(true)
    }
}
