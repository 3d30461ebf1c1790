//! Making a new workspace ready: copies of named ignored files, then the configured commands.

use std::ffi::OsString;
use std::path::Path;

use crate::base::atomic::FileError;
use crate::domain::lease::Lease;

use super::process;
use super::process::CommandError;

/// What a command that runs in a workspace is told of it.
pub fn variables(lease: &Lease, workspace: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("GIT_ODYSSEY_TASK", lease.task.as_str().into()),
        ("GIT_ODYSSEY_FENCE", lease.fence.to_string().into()),
        ("GIT_ODYSSEY_WORKSPACE", workspace.into()),
    ]
}

/// Copies named files from the main checkout; one that is not there is passed over.
///
/// No link is followed, here or there: a link is copied as one, and what is behind a linked folder is passed over. So nothing
/// comes from outside the checkout, and nothing is written outside the workspace.
///
/// # Errors
/// When a file is there and cannot be copied.
pub fn copy_files(home: &Path, workspace: &Path, names: &[String]) -> Result<(), FileError> {
    for name in names {
        let (from, to) = (home.join(name), workspace.join(name));
        let failed = |source| FileError::new("copy", &from, source);
        // What is there already came with the commit, and is not to be overwritten.
        if from.symlink_metadata().is_err() || to.symlink_metadata().is_ok() {
            continue;
        }
        if is_behind_link(home, name) || is_behind_link(workspace, name) {
            continue;
        }
        copy(&from, &to).map_err(failed)?;
    }
    Ok(())
}

/// Whether a folder on the way to a path is a link.
fn is_behind_link(top: &Path, name: &str) -> bool {
    let above = Path::new(name).ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    above.map(|path| top.join(path)).any(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = from.symlink_metadata()?;
    if meta.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if meta.is_symlink() {
        return copy_link(from, to);
    }
    if meta.is_file() {
        return std::fs::copy(from, to).map(drop);
    }
    // A pipe or a socket would be waited for.
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(std::fs::read_link(from)?, to)
}

/// Links need a right of their own here.
#[cfg(not(unix))]
fn copy_link(_: &Path, _: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Runs the configured commands, one after the other.
///
/// # Errors
/// When one cannot be started or ends with a failure; the later ones do not run.
pub fn run_commands(lease: &Lease, workspace: &Path, commands: &[Vec<String>]) -> Result<(), CommandError> {
    let variables = variables(lease, workspace);
    commands.iter().try_for_each(|words| process::run("setup", words, workspace, &variables))
}
