//! The world around the process: the one place that reads its environment, once.

use std::ffi::OsString;
use std::num::ParseIntError;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::agents::transcripts::Homes;
use crate::base::clock::Clock;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::Context;
use crate::commands::Monitor;
use crate::commands::PROBE;
use crate::commands::receive::Received;
use crate::domain::lease::Fence;
use crate::domain::task::BadTask;
use crate::domain::task::TaskName;

const TASK: &str = "GIT_ODYSSEY_TASK";
const FENCE: &str = "GIT_ODYSSEY_FENCE";
const OVERRIDE: &str = "GIT_ODYSSEY_OVERRIDE";
const NOW: &str = "GIT_ODYSSEY_NOW";
const LOG: &str = "GIT_ODYSSEY_LOG";

/// Set by `git merge` for each commit that it merges, the commit being the rest of the name.
const MERGED: &str = "GITHEAD_";

/// The variables that a person may set or meet, and their meaning, for the manual page.
pub const VARIABLES: [(&str, &str); 9] = [
    (TASK, "The task whose process this is. Set, with the fence, for a command that `claim` starts."),
    (FENCE, "The fence under which the task's process may write."),
    ("GIT_ODYSSEY_WORKSPACE", "The workspace. Set for a command that `claim` starts; not read."),
    (OVERRIDE, "A person's reason to override a refusal. The ledger keeps it."),
    (
        NOW,
        "An instant such as 2026-11-24T01:30:00Z, taken for the time: for tests and for repeating what happened.",
    ),
    (
        "GIT_ODYSSEY_PUSHER",
        "On a server: who pushes, set where the person was recognised, for example for each key in `authorized_keys`.",
    ),
    (
        "CLAUDE_CONFIG_DIR",
        "Where Claude Code keeps its transcripts. For others CODEX_HOME, GEMINI_CLI_HOME and XDG_DATA_HOME, as they read them.",
    ),
    (LOG, "What to log on standard error, for example `debug` or `git_odyssey=trace`. Without it, nothing."),
    ("NO_COLOR", "If set and not empty, no colour, unless `--color always` asks for it."),
];

/// What the environment says that cannot be.
#[derive(Debug, thiserror::Error)]
enum WorldError {
    #[error("cannot tell the current folder")]
    Folder(#[source] std::io::Error),
    #[error("cannot tell where this program is")]
    Program(#[source] std::io::Error),
    #[error("the variable {0} is not UTF-8")]
    NotText(&'static str),
    #[error("the variable {NOW} is not an instant")]
    Now(#[source] jiff::Error),
    #[error("the variable {TASK} is not a task's name")]
    Task(#[source] BadTask),
    #[error("the variable {FENCE} is not a number")]
    Fence(#[source] ParseIntError),
    #[error("the variable {0} is set and {1} is not")]
    Half(&'static str, &'static str),
    #[error("the variable {LOG} is not a filter")]
    Log(#[source] ParseError),
}

impl Explain for WorldError {
    fn kind(&self) -> Kind {
        match self {
            WorldError::Folder(_) | WorldError::Program(_) => Kind::Refused,
            WorldError::NotText(_)
            | WorldError::Now(_)
            | WorldError::Task(_)
            | WorldError::Fence(_)
            | WorldError::Half(..)
            | WorldError::Log(_) => Kind::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            WorldError::Folder(_) => vec!["it may have been removed: go to one that exists".to_owned()],
            WorldError::Program(_) | WorldError::NotText(_) => Vec::new(),
            WorldError::Now(_) => vec![format!("for example: {NOW}=2026-11-24T01:30:00Z")],
            WorldError::Task(_) | WorldError::Fence(_) | WorldError::Half(..) => {
                vec![format!(
                    "set both {TASK} and {FENCE}, or neither; `git odyssey claim TASK … -- COMMAND` does"
                )]
            }
            WorldError::Log(_) => vec![format!("for example: {LOG}=debug, {LOG}=git_odyssey=trace")],
        }
    }
}

/// The environment, as it was when the process started.
#[derive(Debug)]
pub struct World {
    folder: PathBuf,
    program: PathBuf,
    clock: Clock,
    told: Option<(TaskName, Fence)>,
    override_reason: Option<String>,
    merging: Vec<String>,
    home: Option<PathBuf>,
    cargo_home: Option<PathBuf>,
    agents: Homes,
    prices: Option<PathBuf>,
    probe: Option<PathBuf>,
    received: Received,
}

impl World {
    /// Reads the environment, and begins to log if it says so.
    ///
    /// # Errors
    /// When a variable of ours says what cannot be: a lease is not guessed.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Result<World, Failure> {
        begin_log(std::env::var_os(LOG))?;
        let mut world = World::of(|name| std::env::var_os(name))?;
        world.folder = std::env::current_dir().map_err(WorldError::Folder)?;
        world.program = std::env::current_exe().map_err(WorldError::Program)?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        world.merging = names.filter_map(|name| name.strip_prefix(MERGED).map(str::to_owned)).collect();
        Ok(world)
    }

    /// The part of it that is in variables with fixed names.
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<World, Failure> {
        // An empty variable is how a shell's line unsets one.
        let variable = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| {
            variable(name).map(OsString::into_string).transpose().map_err(|_| WorldError::NotText(name))
        };
        let clock = match text(NOW)? {
            Some(instant) => Clock::Pinned(instant.parse::<Timestamp>().map_err(WorldError::Now)?),
            None => Clock::System,
        };
        let told = match (text(TASK)?, text(FENCE)?) {
            (Some(task), Some(fence)) => {
                let fence = fence.parse().map_err(WorldError::Fence)?;
                Some((task.parse().map_err(WorldError::Task)?, Fence(fence)))
            }
            (Some(_), None) => return Err(WorldError::Half(TASK, FENCE).into()),
            (None, Some(_)) => return Err(WorldError::Half(FENCE, TASK).into()),
            (None, None) => None,
        };
        let folder = |name: &'static str| variable(name).map(PathBuf::from);
        let home = folder(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        let config = folder("XDG_CONFIG_HOME").filter(|config| config.is_absolute());
        let config = config.or_else(|| home.as_ref().map(|home| home.join(".config")));
        Ok(World {
            folder: PathBuf::new(),
            program: PathBuf::new(),
            clock,
            told,
            override_reason: text(OVERRIDE)?,
            merging: Vec::new(),
            agents: Homes::of(home.clone(), folder),
            home,
            cargo_home: folder("CARGO_HOME"),
            prices: config.map(|config| config.join("git-odyssey/prices.toml")),
            probe: folder(PROBE),
            received: received(&variable),
        })
    }

    /// What a command is told.
    pub fn context(self, json: bool, monitor: &dyn Monitor) -> Context<'_> {
        Context {
            folder: self.folder,
            clock: self.clock,
            told: self.told,
            override_reason: self.override_reason,
            merging: self.merging,
            program: self.program,
            home: self.home,
            cargo_home: self.cargo_home,
            agents: self.agents,
            prices: self.prices,
            probe: self.probe,
            received: self.received,
            json,
            monitor,
        }
    }
}

/// Variables by which a server says who pushes. Of those in one group, the first that is set counts.
const PUSHERS: [&[&str]; 4] =
    [&["GITEA_PUSHER_NAME"], &["GL_USERNAME", "GL_ID"], &["REMOTE_USER"], &["GIT_ODYSSEY_PUSHER"]];

/// How many push options are read at most.
const MOST_OPTIONS: u32 = 100;

/// What git and a server around it say of a push that is being received.
fn received(variable: &impl Fn(&'static str) -> Option<OsString>) -> Received {
    let text = |name| variable(name).and_then(|value| value.into_string().ok());
    let names = PUSHERS.iter().filter_map(|group| group.iter().find_map(|name| Some((*name, text(name)?))));
    let own = variable("GIT_OBJECT_DIRECTORY").map(PathBuf::from);
    let others = variable("GIT_ALTERNATE_OBJECT_DIRECTORIES");
    let others = others.iter().flat_map(std::env::split_paths);
    let options = text("GIT_PUSH_OPTION_COUNT").and_then(|count| count.parse::<u32>().ok()).unwrap_or(0);
    let options = (0..options.min(MOST_OPTIONS)).filter_map(push_option).collect();
    Received { stores: own.into_iter().chain(others).collect(), names: names.collect(), options }
}

/// One of the options of a push.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn push_option(number: u32) -> Option<String> {
    std::env::var_os(format!("GIT_PUSH_OPTION_{number}"))?.into_string().ok()
}

/// Whether the terminal says that it can do nothing but lines.
#[cfg(feature = "screen")]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn is_dumb() -> bool {
    match std::env::var_os("TERM") {
        Some(name) => name.is_empty() || name == "dumb",
        None => !cfg!(windows),
    }
}

/// The folders in which a shell looks for programs.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn program_folders() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|folders| std::env::split_paths(&folders).collect()).unwrap_or_default()
}

/// The folder of a person's own data, if it is not the usual one.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn data_folder() -> Option<PathBuf> {
    std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute())
}

fn begin_log(filter: Option<OsString>) -> Result<(), Failure> {
    let Some(filter) = filter.filter(|filter| !filter.is_empty()) else { return Ok(()) };
    let filter = filter.into_string().map_err(|_| WorldError::NotText(LOG))?;
    let filter = EnvFilter::try_new(filter).map_err(WorldError::Log)?;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // Only a second call could fail, and the log that began then goes on.
    let _ = lines.try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::super::failure;
    use super::*;

    fn world(variables: &[(&str, &str)]) -> Result<World, String> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        World::of(find).map_err(|found| failure::page(&found).plain())
    }

    #[test]
    fn a_task_comes_with_its_fence() {
        let told = world(&[(TASK, "auth"), (FENCE, "42")]).unwrap().told;
        assert_eq!(told, Some(("auth".parse().unwrap(), Fence(42))));
        assert_eq!(world(&[(TASK, ""), (OVERRIDE, "")]).unwrap().told, None);
    }

    #[test]
    fn a_lease_is_never_guessed() {
        assert_data_eq!(
            world(&[(TASK, "auth")]).unwrap_err(),
            str![[r#"
error: the variable GIT_ODYSSEY_TASK is set and GIT_ODYSSEY_FENCE is not
hint: set both GIT_ODYSSEY_TASK and GIT_ODYSSEY_FENCE, or neither; `git odyssey claim TASK … -- COMMAND` does

"#]]
        );
        assert_data_eq!(
            world(&[(TASK, "auth"), (FENCE, "x")]).unwrap_err(),
            str![[r#"
error: the variable GIT_ODYSSEY_FENCE is not a number
because: invalid digit found in string
hint: set both GIT_ODYSSEY_TASK and GIT_ODYSSEY_FENCE, or neither; `git odyssey claim TASK … -- COMMAND` does

"#]]
        );
        assert_data_eq!(
            world(&[(TASK, "a b"), (FENCE, "1")]).unwrap_err(),
            str![[r#"
error: the variable GIT_ODYSSEY_TASK is not a task's name
because: 'a b' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed
hint: set both GIT_ODYSSEY_TASK and GIT_ODYSSEY_FENCE, or neither; `git odyssey claim TASK … -- COMMAND` does

"#]]
        );
    }

    #[test]
    fn the_clock_can_be_pinned() {
        let clock = world(&[(NOW, "2026-11-24T01:30:00Z")]).unwrap().clock;
        assert_eq!(clock.now().to_string(), "2026-11-24T01:30:00Z");
        assert!(world(&[(NOW, "yesterday")]).is_err());
    }
}
