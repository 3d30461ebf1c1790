//! Intents: what a multi-step operation is about to do, written before its first step.
//!
//! While the operation lives it holds a lock beside its intent, and the system drops that lock at any kind of death.
//! So an intent whose lock is free was cut off, whatever process ids have been reused since.

use std::io::Error;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::atomic::made_in;
use crate::base::lock::Lock;
use crate::domain::lease::Fence;
use crate::domain::task::TaskName;

/// A workspace that is being made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Making {
    /// The full name of the branch.
    pub branch: String,
    /// The commit that the branch starts from.
    pub base: String,
    /// Where the workspace will be.
    pub path: PathBuf,
    /// Where it is built, and told to nobody.
    pub building: PathBuf,
}

/// A workspace that is brought to work from another machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bringing {
    /// The workspace.
    pub path: PathBuf,
    /// The full name of its branch.
    pub branch: String,
    /// The commit that the branch is at then.
    pub tip: String,
    /// The snapshot of what no commit holds.
    pub edits: String,
}

/// Uncommitted edits that go along with a landing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Carried {
    /// The checkout.
    pub checkout: PathBuf,
    /// The commit that holds them as they were.
    pub before: String,
    /// The commit that holds what becomes of them.
    pub after: String,
}

/// What an operation is about to do, with all that is needed to finish or undo it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Intent {
    /// Granting a lease, and making its workspace if it gets one.
    Claim {
        /// The task.
        task: TaskName,
        /// The checkout that it is for, when it gets no workspace.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        here: Option<PathBuf>,
        /// The workspace.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        making: Option<Making>,
    },
    /// Trying a merged result in the workspace before it lands.
    Check {
        /// The task.
        task: TaskName,
        /// The workspace.
        path: PathBuf,
        /// The branch that it has to be on afterwards.
        branch: String,
        /// The merged commit that it is taken to meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merged: Option<String>,
    },
    /// Moving a target, the checkouts that show it, and the ledger.
    Land {
        /// The task.
        task: TaskName,
        /// Its fence.
        fence: Fence,
        /// The full name of the target.
        target: String,
        /// The target's commit before.
        old: String,
        /// The target's commit after.
        new: String,
        /// The checkouts that have the target checked out.
        checkouts: Vec<PathBuf>,
        /// The mark in the checkouts' locks.
        mark: String,
        /// Whether workspace and branch stay.
        #[serde(default)]
        keep: bool,
        /// Uncommitted edits in one of the checkouts that go along.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carried: Option<Carried>,
    },
    /// Moving a task's branch and its workspace to a commit that has the target's new work too.
    Sync {
        /// The task.
        task: TaskName,
        /// The full name of the branch.
        branch: String,
        /// The branch's commit before.
        old: String,
        /// The branch's commit after.
        new: String,
        /// The workspace.
        path: PathBuf,
        /// The mark in the workspace's lock.
        mark: String,
    },
    /// Ending a lease whose work was saved or never begun, and taking its workspace away.
    End {
        /// The task.
        task: TaskName,
        /// Its fence: while the lease lives, nothing is taken away.
        fence: Fence,
        /// The full name of the branch.
        branch: String,
        /// The salvage commit with what is in the workspace.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        saved: Option<String>,
    },
    /// Bringing saved work back in a worktree of its own.
    Restore {
        /// The task whose work it was.
        task: TaskName,
        /// The worktree.
        making: Making,
    },
    /// Letting a task go on in a workspace here, with work that is here or is brought.
    Resume {
        /// The task.
        task: TaskName,
        /// The workspace that is made for it, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        making: Option<Making>,
        /// The workspace that has all its work already, if one has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ready: Option<PathBuf>,
        /// The workspace that gets edits from elsewhere, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bringing: Option<Bringing>,
    },
    /// Removing a workspace and its branch, after all in them was saved or landed.
    Remove {
        /// The task.
        task: TaskName,
        /// The workspace.
        path: PathBuf,
        /// The full name of the branch.
        branch: String,
        /// The branch's commit; it goes only while it is there.
        tip: String,
    },
}

impl Intent {
    /// The task that it is about.
    pub fn task(&self) -> &TaskName {
        match self {
            Intent::Claim { task, .. }
            | Intent::Check { task, .. }
            | Intent::Land { task, .. }
            | Intent::Sync { task, .. }
            | Intent::End { task, .. }
            | Intent::Restore { task, .. }
            | Intent::Resume { task, .. }
            | Intent::Remove { task, .. } => task,
        }
    }

    /// The operation in words.
    pub fn operation(&self) -> &'static str {
        match self {
            Intent::Claim { .. } => "claim",
            Intent::Check { .. } => "check",
            Intent::Land { .. } => "land",
            Intent::Sync { .. } => "sync",
            Intent::End { .. } => "end",
            Intent::Restore { .. } => "restore",
            Intent::Resume { .. } => "resume",
            Intent::Remove { .. } => "removal",
        }
    }

    /// The workspace that it makes, if it makes one.
    pub fn making(&self) -> Option<&Making> {
        match self {
            Intent::Claim { making, .. } | Intent::Resume { making, .. } => making.as_ref(),
            Intent::Restore { making, .. } => Some(making),
            Intent::Check { .. }
            | Intent::Land { .. }
            | Intent::Sync { .. }
            | Intent::End { .. }
            | Intent::Remove { .. } => None,
        }
    }

    /// Whether this operation makes just this ref update, so that hooks can tell ours from others'.
    pub fn announces(&self, name: &str, old: &str, new: &str) -> bool {
        match self {
            Intent::Claim { making: Some(making), .. }
            | Intent::Resume { making: Some(making), .. }
            | Intent::Restore { making, .. } => {
                // When it is undone, what was made goes again.
                name == making.branch && (new == making.base || new.is_empty() && old == making.base)
            }
            // What an end removes is announced by the removal in it.
            Intent::Claim { making: None, .. }
            | Intent::Resume { making: None, .. }
            | Intent::Check { .. }
            | Intent::End { .. } => false,
            Intent::Land { target, old: from, new: to, .. } => name == target && old == from && new == to,
            Intent::Sync { branch, old: from, new: to, .. } => name == branch && old == from && new == to,
            Intent::Remove { branch, tip, .. } => name == branch && old == tip,
        }
    }
}

/// An intent that is written down, by an operation that lives.
#[derive(Debug)]
pub struct Written {
    path: PathBuf,
    lock: Option<Lock>,
}

/// An intent whose operation was cut off, now ours to finish or undo.
#[derive(Debug)]
pub struct CutOff {
    /// What it was about to do.
    pub intent: Intent,
    written: Written,
}

impl CutOff {
    /// As [`Written::token`].
    pub fn token(&self) -> String {
        self.written.token()
    }

    /// Finished or undone: the intent goes.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn done(self) -> Result<(), FileError> {
        self.written.done()
    }
}

impl Written {
    /// Writes an intent below `folder` (the repository's `odyssey` folder).
    ///
    /// # Errors
    /// When it cannot be written: then the operation must not begin.
    pub fn begin(folder: &Path, intent: &Intent) -> Result<Written, FileError> {
        let intents = folder.join("intents");
        let failed = |source| FileError::new("write", &intents, source);
        // Whoever sweeps strays takes the same lock: they must not remove a lock's file before it is locked.
        let _turn = turn(folder)?;
        // Unique without a clock or an id of ours: the system picks the name.
        let prefix = format!("{}-{}-", intent.operation(), intent.task());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".lock");
        let file = made_in(&intents, || builder.tempfile_in(&intents)).map_err(failed)?;
        let (file, lock_path) = file.keep().map_err(|error| failed(error.error))?;
        let lock = Lock::of(file, &lock_path)?;
        let path = lock_path.with_extension("toml");
        let text = toml::to_string(intent)
            .map_err(|error| FileError::new("write", &path, Error::new(ErrorKind::InvalidData, error)))?;
        atomic::put(&path, text.as_bytes())?;
        Ok(Written { path, lock: Some(lock) })
    }

    /// A word that no other operation has: events that carry it are this operation's.
    pub fn token(&self) -> String {
        self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The operation is complete: the intent goes.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn done(mut self) -> Result<(), FileError> {
        atomic::remove(&self.path)?;
        let lock_path = self.path.with_extension("lock");
        // Some systems cannot remove a file that is open.
        self.lock.take();
        atomic::remove(&lock_path)
    }
}

/// The intents that are written down now, of operations alive or cut off.
///
/// # Errors
/// When an intent cannot be read: it might announce what is happening right now.
pub fn written(folder: &Path) -> Result<Vec<Intent>, FileError> {
    let mut found = Vec::new();
    for path in listing(&folder.join("intents"))?.0 {
        // One that is gone now has ended meanwhile.
        found.extend(read(&path)?);
    }
    Ok(found)
}

/// The intents whose operations were cut off. Each is the caller's until it is dropped.
///
/// # Errors
/// As for [`written`].
pub fn cut_off(folder: &Path) -> Result<Vec<CutOff>, FileError> {
    let intents = folder.join("intents");
    let mut found = Vec::new();
    let (written, mut strays) = listing(&intents)?;
    for path in written {
        let lock_path = path.with_extension("lock");
        let Some(lock) = Lock::attempt(&lock_path)? else { continue };
        let written = Written { path, lock: Some(lock) };
        // Read after the lock was taken: an operation that ended meanwhile has taken its intent along.
        match read(&written.path)? {
            Some(intent) => found.push(CutOff { intent, written }),
            None => written.done()?,
        }
    }
    // Cut off before the intent was written, so before the first step.
    strays.retain(|path| !path.with_extension("toml").exists());
    if !strays.is_empty() {
        let _turn = turn(folder)?;
        for path in strays.iter().filter(|path| !path.with_extension("toml").exists()) {
            if Lock::attempt(path)?.is_some() {
                atomic::remove(path)?;
            }
        }
    }
    Ok(found)
}

fn turn(folder: &Path) -> Result<Lock, FileError> {
    Lock::wait(&folder.join("lock").join("intents"))
}

/// The files of intents, in order, and the locks beside which there was none.
fn listing(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), FileError> {
    let failed = |source| FileError::new("read", folder, source);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(failed(error)),
    };
    let (mut intents, mut locks) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => intents.push(path),
            Some("lock") => locks.push(path),
            _ => {}
        }
    }
    intents.sort();
    locks.retain(|path| intents.binary_search(&path.with_extension("toml")).is_err());
    Ok((intents, locks))
}

fn read(path: &Path) -> Result<Option<Intent>, FileError> {
    let Some(bytes) = atomic::read(path)? else { return Ok(None) };
    let broken =
        |reason: String| FileError::new("understand", path, Error::new(ErrorKind::InvalidData, reason));
    let text = String::from_utf8(bytes).map_err(|error| broken(error.to_string()))?;
    toml::from_str(&text).map(Some).map_err(|error| broken(error.to_string()))
}
