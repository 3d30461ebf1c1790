//! Hooks: ours are installed beside those that are there, and taken out again without a trace.
//!
//! Three ways, by what a repository has:
//! - git 2.54 and later: configuration hooks, which run beside all others;
//! - no `core.hooksPath`: shims in the hooks folder, and what was there is kept aside and run after us;
//! - a `core.hooksPath` (husky and the like, or a global one): a folder of our own, made effective for each worktree by
//!   its own configuration, from which the hooks of the configured folder are run in place.

mod proof;
mod saved;
mod server;
mod settings;
mod shim;

use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::git::run::GitVersion;
use crate::git::worktree::Worktree;

pub use proof::PROBE;
pub use proof::Proof;
pub use server::SERVER_EVENTS;

/// The events that we judge.
pub const EVENTS: [&str; 5] =
    ["pre-commit", "pre-merge-commit", "reference-transaction", "pre-push", "post-commit"];

/// The other events of a client, which a folder of our own has to pass on. Those for every index write are left out
/// where nobody listens, because they would cost a process each.
const PASSED_ON: [&str; 13] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "prepare-commit-msg",
    "commit-msg",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "push-to-checkout",
    "post-index-change",
];

/// How hooks were installed in a repository.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum Way {
    /// By git's configuration.
    Configuration,
    /// By shims in the hooks folder.
    Folder,
    /// By a folder of our own, in front of the configured one.
    Dispatcher {
        /// The configured folder, as it is written in the configuration.
        previous: String,
    },
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Way::Configuration => f.write_str("by git's configuration"),
            Way::Folder => f.write_str("in the hooks folder"),
            Way::Dispatcher { previous } => write!(f, "in front of {previous}"),
        }
    }
}

impl Repo {
    /// Installs our hooks; a second run repairs what is missing. `folder` is the repository's folder for our own files.
    ///
    /// # Errors
    /// When a file cannot be written, or git is too old.
    pub fn install_hooks(&self, program: &Path, folder: &Path) -> Result<Way, GitError> {
        let way = self.choose_way(folder)?;
        // Another way than before (a newer git, a new core.hooksPath): the former goes first, so that none runs twice.
        if self.hook_way(folder)?.is_some_and(|before| before != way) {
            self.uninstall_hooks(folder)?;
        }
        let record = toml::to_string(&way).map_err(GitError::gix("write how hooks are installed"))?;
        atomic::replace(&record_path(folder), record.as_bytes())?;
        match &way {
            Way::Configuration => self.install_configuration(program)?,
            Way::Folder => self.install_shims(program, folder)?,
            Way::Dispatcher { previous } => self.install_dispatcher(program, folder, previous)?,
        }
        Ok(way)
    }

    /// A `core.hooksPath` that was set since our hooks were installed in the hooks folder, and silences them.
    ///
    /// # Errors
    /// When our record cannot be read.
    pub fn silenced_by(&self, folder: &Path) -> Result<Option<String>, GitError> {
        match self.hook_way(folder)? {
            Some(Way::Folder) => Ok(self.all_values("core.hooksPath").pop()),
            Some(Way::Configuration | Way::Dispatcher { .. }) | None => Ok(None),
        }
    }

    /// Hooks that were in the place of ours before others were: kept, and run by nobody. The oldest of each first.
    ///
    /// # Errors
    /// When the folder of what is kept cannot be read.
    pub fn older_hooks(&self, folder: &Path) -> Result<Vec<PathBuf>, FileError> {
        let mut found = saved::older(&folder.join("saved"))?;
        found.extend(saved::older(&folder.join(server::SAVED))?);
        Ok(found)
    }

    /// Takes our hooks out; everything else is as it was before.
    ///
    /// # Errors
    /// When a file cannot be written. It can be asked again.
    pub fn uninstall_hooks(&self, folder: &Path) -> Result<(), GitError> {
        match self.hook_way(folder)? {
            None => {}
            Some(Way::Configuration) => settings::take(&self.common_dir().join("config"))?,
            Some(Way::Folder) => self.take_shims(folder)?,
            Some(Way::Dispatcher { .. }) => {
                for worktree in self.worktrees()? {
                    settings::take(&worktree.private_dir.join("config.worktree"))?;
                }
                settings::take(&self.common_dir().join("config"))?;
                remove_folder(&folder.join("hooks"))?;
            }
        }
        Ok(atomic::remove(&record_path(folder))?)
    }

    /// Makes our hooks fire in a new worktree too.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn adopt_worktree(&self, worktree: &Repo, folder: &Path) -> Result<(), GitError> {
        match self.hook_way(folder)? {
            Some(Way::Dispatcher { .. }) => set_folder(worktree.private_dir(), folder),
            Some(Way::Configuration | Way::Folder) | None => Ok(()),
        }
    }

    /// The hook that was in the place of ours, if there is one that git would run.
    ///
    /// # Errors
    /// When our record cannot be read: a hook of the user's must not be dropped in silence.
    pub fn previous_hook(&self, folder: &Path, event: &str) -> Result<Option<PathBuf>, GitError> {
        let path = match self.hook_way(folder)? {
            Some(Way::Folder) => folder.join("saved").join(event),
            Some(Way::Dispatcher { previous }) => self.configured(&previous)?.join(event),
            Some(Way::Configuration) | None => return Ok(None),
        };
        Ok(is_executable(&path).then_some(path))
    }

    /// How hooks are installed here.
    ///
    /// # Errors
    /// When our record cannot be read or understood.
    pub fn hook_way(&self, folder: &Path) -> Result<Option<Way>, GitError> {
        let path = record_path(folder);
        let Some(bytes) = atomic::read(&path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| GitError::Broken(path.clone()))?;
        toml::from_str(&text).map(Some).map_err(|_| GitError::Broken(path))
    }

    fn choose_way(&self, folder: &Path) -> Result<Way, GitError> {
        if GitVersion::ask(self.folder())? >= GitVersion::CONFIG_HOOKS {
            return Ok(Way::Configuration);
        }
        let own = folder.join("hooks");
        let configured = self.all_values("core.hooksPath");
        let foreign = configured.into_iter().rev().find(|value| Path::new(value) != own);
        Ok(foreign.map_or(Way::Folder, |previous| Way::Dispatcher { previous }))
    }

    fn install_configuration(&self, program: &Path) -> Result<(), GitError> {
        let mut lines = Vec::new();
        for event in EVENTS {
            let command = format!("{} hook {event}", shim::quoted(program));
            lines.push(format!("[hook \"odyssey-{event}\"]"));
            // An event without a command stops every git; the command stands first for whoever reads half.
            lines.push(format!("\tcommand = {}", settings::quoted(&command)));
            lines.push(format!("\tevent = {event}"));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        settings::put(&self.common_dir().join("config"), &lines)
    }

    fn install_shims(&self, program: &Path, folder: &Path) -> Result<(), GitError> {
        let hooks = self.common_dir().join("hooks");
        let saved = folder.join("saved");
        if !hooks.exists() {
            make_folder(&hooks)?;
            atomic::replace(&folder.join("hooks-folder-made"), b"")?;
        }
        for event in EVENTS {
            let path = hooks.join(event);
            let there = atomic::read(&path)?;
            if there.as_deref().is_some_and(|bytes| !shim::is_ours(bytes)) {
                // Kept under its own name, because some look at it.
                saved::keep(&path, &saved, event)?;
                let legacy = path.with_extension("legacy");
                if atomic::read(&legacy)?.is_some_and(|bytes| !shim::is_ours(&bytes)) {
                    saved::keep(&legacy, &saved, &format!("{event}.legacy"))?;
                    atomic::remove(&legacy)?;
                }
            }
            write_shim(&path, &shim::text(event, program, is_executable(&saved.join(event))))?;
        }
        Ok(())
    }

    fn take_shims(&self, folder: &Path) -> Result<(), GitError> {
        let hooks = self.common_dir().join("hooks");
        let saved = folder.join("saved");
        for event in EVENTS {
            let path = hooks.join(event);
            // Others move what they find aside under these names; ours is not to stay there either.
            for ours in [path.clone(), path.with_extension("legacy"), path.with_extension("old")] {
                if atomic::read(&ours)?.is_some_and(|bytes| shim::is_ours(&bytes)) {
                    atomic::remove(&ours)?;
                }
            }
        }
        saved::put_back(&saved, &hooks)?;
        let made = folder.join("hooks-folder-made");
        if made.exists() {
            atomic::remove(&made)?;
            // Not empty any more: then it is somebody's.
            let _ = std::fs::remove_dir(&hooks);
        }
        Ok(())
    }

    fn install_dispatcher(&self, program: &Path, folder: &Path, previous: &str) -> Result<(), GitError> {
        if self.config("core.bare").is_some_and(|value| value == "true") {
            return Err(GitError::BareHooks(previous.to_owned()));
        }
        let own = folder.join("hooks");
        let configured = self.configured(previous)?;
        make_folder(&own)?;
        for event in EVENTS {
            let text = shim::text(event, program, is_executable(&configured.join(event)));
            write_shim(&own.join(event), &text)?;
        }
        for event in PASSED_ON {
            let listens = event != "post-index-change" || is_executable(&configured.join(event));
            if listens {
                write_shim(&own.join(event), &shim::text(event, program, true))?;
            }
        }
        let on = self.config("extensions.worktreeConfig").is_some_and(|value| value == "true");
        let config = self.common_dir().join("config");
        if !on || settings::has(&config)? {
            settings::put(&config, &["[extensions]", "\tworktreeConfig = true"])?;
        }
        for worktree in self.worktrees()?.iter().filter(|worktree| !worktree.missing) {
            set_folder(&worktree.private_dir, folder)?;
        }
        Ok(())
    }

    /// The configured folder as git finds it from this checkout; from the main one where this has none, because a folder
    /// that git ignores is in no linked worktree.
    fn configured(&self, previous: &str) -> Result<PathBuf, GitError> {
        let path = match previous.strip_prefix("~/") {
            Some(rest) => gix::path::env::home_dir().unwrap_or_default().join(rest),
            None => PathBuf::from(previous),
        };
        if path.is_absolute() {
            return Ok(path);
        }
        let here = self.folder().join(&path);
        if here.exists() {
            return Ok(here);
        }
        let worktrees = self.worktrees()?;
        let main: Option<&Worktree> = worktrees.iter().find(|worktree| worktree.name.is_none());
        Ok(main.map_or(here, |main| main.path.join(path)))
    }
}

fn set_folder(private: &Path, folder: &Path) -> Result<(), GitError> {
    let value = folder.join("hooks");
    let value = settings::quoted(&value.to_string_lossy().replace('\\', "/"));
    settings::put(&private.join("config.worktree"), &["[core]", &format!("\thooksPath = {value}")])
}

fn record_path(folder: &Path) -> PathBuf {
    folder.join("hooks.toml")
}

fn write_shim(path: &Path, text: &[u8]) -> Result<(), GitError> {
    if atomic::read(path)?.as_deref() != Some(text) {
        atomic::replace(path, text)?;
    }
    make_executable(path).map_err(|source| FileError::new("make executable", path, source).into())
}

fn make_folder(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(|source| FileError::new("make", path, source))
}

fn remove_folder(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::new("remove", path, error))
        }
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).map_err(|source| FileError::new("move", from, source))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
