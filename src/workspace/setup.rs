//! Making a new workspace ready: copies of named ignored files, files made from templates, then the configured commands.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::domain::lease::Lease;
use crate::domain::policy::pool::TEMPLATE;

use super::copy;
use super::own::Own;
use super::process;
use super::process::CommandError;

/// What a command that runs in a workspace is told of it.
pub fn variables(lease: &Lease, workspace: &Path) -> Vec<(&'static str, OsString)> {
    let own = Own::of(&lease.task, workspace);
    let mut variables = vec![
        ("GIT_ODYSSEY_TASK", lease.task.as_str().into()),
        ("GIT_ODYSSEY_FENCE", lease.fence.to_string().into()),
        ("GIT_ODYSSEY_WORKSPACE", workspace.into()),
        ("GIT_ODYSSEY_SLUG", own.slug.into()),
    ];
    variables.extend(own.port.map(|port| ("GIT_ODYSSEY_PORT", port.to_string().into())));
    variables
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
        if is_wanted(home, workspace, name) {
            copy_all(&from, &to).map_err(failed)?;
        }
    }
    Ok(())
}

/// Whether something of the main checkout is to come into the workspace: what is there already came with the commit, and
/// is not to be overwritten.
pub(super) fn is_wanted(home: &Path, workspace: &Path, name: &str) -> bool {
    let (from, to) = (home.join(name), workspace.join(name));
    from.symlink_metadata().is_ok()
        && to.symlink_metadata().is_err()
        && !is_behind_link(home, name)
        && !is_behind_link(workspace, name)
}

/// A template as it is read for a workspace.
pub struct Template<'a> {
    /// The file that it is for, from the top.
    pub name: &'a str,
    /// Where it was read.
    from: PathBuf,
    /// What it says.
    pub text: String,
}

/// Reads the templates for a workspace: its own, else those of the main checkout. One that is nowhere is passed over, and
/// one whose file came with the commit.
///
/// # Errors
/// When one is there and is no text.
pub fn templates<'a>(
    home: &Path,
    workspace: &Path,
    paths: &'a [String],
) -> Result<Vec<Template<'a>>, FileError> {
    let mut found = Vec::new();
    for path in paths {
        let name = path.strip_suffix(TEMPLATE).unwrap_or(path);
        let is_taken = workspace.join(name).symlink_metadata().is_ok() || is_behind_link(workspace, name);
        let is_there = |top: &&Path| {
            !is_behind_link(top, path) && top.join(path).symlink_metadata().is_ok_and(|meta| meta.is_file())
        };
        let Some(top) = [workspace, home].into_iter().find(is_there).filter(|_| !is_taken) else { continue };
        let from = top.join(path);
        let text = std::fs::read_to_string(&from).map_err(|source| FileError::new("read", &from, source))?;
        found.push(Template { name, from, text });
    }
    Ok(found)
}

/// Writes the files of templates, with what is this workspace's own, and remembers them: as long as one is as it was made,
/// nobody misses it.
///
/// # Errors
/// When one cannot be written.
pub fn write_templates(workspace: &Path, templates: &[Template<'_>], own: &Own) -> Result<(), FileError> {
    for Template { name, from, text } in templates {
        let (to, text) = (workspace.join(name), own.put_into(text));
        atomic::put(&to, text.as_bytes())?;
        let failed = |source| FileError::new("write", &to, source);
        let rights = from.metadata().map_err(failed)?.permissions();
        std::fs::set_permissions(&to, rights).map_err(failed)?;
        copy::remember(workspace, name, text.as_bytes())?;
    }
    Ok(())
}

/// Whether a folder on the way to a path is a link.
fn is_behind_link(top: &Path, name: &str) -> bool {
    let above = Path::new(name).ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    above.map(|path| top.join(path)).any(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()))
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = from.symlink_metadata()?;
    if meta.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
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
pub(super) fn copy_link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(std::fs::read_link(from)?, to)
}

/// Links need a right of their own here.
#[cfg(not(unix))]
pub(super) fn copy_link(_: &Path, _: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Runs the configured commands, one after the other.
///
/// # Errors
/// When one cannot be started or ends with a failure; the later ones do not run.
pub fn run_commands(lease: &Lease, workspace: &Path, commands: &[Vec<String>]) -> Result<(), CommandError> {
    let variables = variables(lease, workspace);
    let own = Own::of(&lease.task, workspace);
    commands.iter().try_for_each(|words| {
        let words: Vec<String> = words.iter().map(|word| own.put_into(word)).collect();
        process::run("setup", &words, workspace, &variables)
    })
}
