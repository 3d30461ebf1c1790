//! Floor 3: one file a request: its arguments, what it does, what it answers. Nothing here prints or exits.

pub mod abandon;
pub mod accepting;
pub mod accounts;
pub mod asking;
pub mod board;
pub mod cd;
pub mod check;
pub mod checkup;
pub mod claim;
pub mod compact;
pub mod complete;
pub mod conflicts;
pub mod deciding;
pub mod doctor;
pub mod exec;
pub mod facts;
pub mod gone;
pub mod guard;
pub mod handover;
pub mod here;
pub mod hook;
pub mod init;
pub mod keep;
pub mod land;
pub mod landing;
pub mod log;
pub mod notes;
pub mod overriding;
pub mod park;
pub mod plan;
pub mod pool;
pub mod precedent;
pub mod prompt;
pub mod ready;
pub mod receive;
pub mod recover;
pub mod release;
pub mod removal;
pub mod renew;
pub mod resume;
pub mod review;
pub mod run;
pub mod salvage;
pub mod sent;
pub mod server;
pub mod session;
pub mod setup;
pub mod show;
pub mod status;
pub mod supervise;
pub mod sync;
pub mod syncing;
pub mod taking;
pub mod tiers;
pub mod uninstall;
pub mod usage;
pub mod waiting;
pub mod watch;
pub mod workflow;

use std::path::Path;
use std::path::PathBuf;

use crate::agents::transcripts::Homes;
use crate::base::atomic::FileError;
use crate::base::clock::Clock;
use crate::base::page::Page;
use crate::domain::lease::Fence;
use crate::domain::task::TaskName;

/// Tells a hook of ours to say that it fired, and to do nothing else.
pub use crate::git::hooks::PROBE;

/// What a command is told of the world: everything that is not an argument.
pub struct Context<'a> {
    /// The folder that it was called in. Absolute.
    pub folder: PathBuf,
    /// The time.
    pub clock: Clock,
    /// The task and fence that the environment names: those of the task's own process.
    pub told: Option<(TaskName, Fence)>,
    /// The reason with which a person overrides a refusal.
    pub override_reason: Option<String>,
    /// The whole environment's variables that name merged commits (`GITHEAD_<commit>`), set by `git merge`.
    pub merging: Vec<String>,
    /// This program's own path, for hooks to call.
    pub program: PathBuf,
    /// The folders of the person: `HOME` and its like.
    pub home: Option<PathBuf>,
    /// `CARGO_HOME`, where cargo installs programs.
    pub cargo_home: Option<PathBuf>,
    /// Where agents keep what they used.
    pub agents: Homes,
    /// A person's own table of prices, if there is one.
    pub prices: Option<PathBuf>,
    /// Where a hook says that it fired, instead of judging: set by `git odyssey doctor`.
    pub probe: Option<PathBuf>,
    /// What a server's environment says of a push that it receives.
    pub received: receive::Received,
    /// Whether a program reads the answer.
    pub json: bool,
    /// Told of progress.
    pub monitor: &'a dyn Monitor,
}

/// Is told what happens while a command runs.
pub trait Monitor {
    /// Something worth knowing that is not the answer.
    fn note(&self, text: &str);

    /// One line of an answer that goes on, shown at once. False when nobody reads it any more.
    ///
    /// # Errors
    /// When it cannot be written.
    fn line(&self, line: &str) -> Result<bool, FileError>;

    /// Whether it shows in place how what lasts stands: then [`Monitor::live`] is told that again and again.
    fn is_live(&self) -> bool {
        false
    }

    /// How a run stands at this moment.
    fn live(&self, _: &run::live::Live) {}
}

/// What a command answers: the same facts for people and for programs.
#[derive(Debug)]
pub struct Outcome {
    /// For people.
    pub page: Page,
    /// For programs.
    pub json: serde_json::Value,
    /// The exit code: 0, or that of a command that was run.
    pub code: u8,
    /// Whether the answer has been given already, line by line, and neither face is to be shown.
    pub given: bool,
}

impl Context<'_> {
    /// The same world, seen from another folder.
    #[must_use]
    pub fn at(&self, folder: &Path) -> Context<'_> {
        Context {
            folder: folder.to_owned(),
            clock: self.clock,
            told: self.told.clone(),
            override_reason: self.override_reason.clone(),
            merging: self.merging.clone(),
            program: self.program.clone(),
            home: self.home.clone(),
            cargo_home: self.cargo_home.clone(),
            agents: self.agents.clone(),
            prices: self.prices.clone(),
            probe: self.probe.clone(),
            received: self.received.clone(),
            json: self.json,
            monitor: self.monitor,
        }
    }
}

impl Outcome {
    /// An answer with its two faces.
    pub fn new(page: Page, facts: &impl serde::Serialize) -> Outcome {
        let json = serde_json::to_value(facts).unwrap_or(serde_json::Value::Null);
        Outcome { page, json, code: 0, given: false }
    }
}
