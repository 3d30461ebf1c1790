//! Copies on write: folders that a workspace shares with the main checkout until one of the two changes a file.

use std::path::Path;

use super::setup;

/// What became of folders that were to be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shared {
    /// They are there.
    All,
    /// The file system shares nothing, so that one and those after it are not there.
    Not(String),
}

/// Gives a workspace files and folders of the main checkout by copy on write; none is ever copied in full, and none is
/// linked. What is not there is passed over, and what is there already stays.
///
/// One that cannot be shared whole is left out whole: a build that finds half of its cache is worse off than one with none.
pub fn share(home: &Path, workspace: &Path, names: &[String]) -> Shared {
    for name in names {
        let (from, to) = (home.join(name), workspace.join(name));
        if !setup::is_wanted(home, workspace, name) {
            continue;
        }
        if let Err(error) = share_one(&from, &to) {
            tracing::debug!(%error, name, "not shared");
            let _ = if from.is_dir() { std::fs::remove_dir_all(&to) } else { std::fs::remove_file(&to) };
            return Shared::Not(name.clone());
        }
    }
    Shared::All
}

fn share_one(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = from.symlink_metadata()?;
    if meta.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            share_one(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if meta.is_symlink() {
        setup::copy_link(from, to)?;
    } else if meta.is_file() {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        reflink_copy::reflink(from, to)?;
        let file = std::fs::File::options().write(true).open(to)?;
        // Build tools go by times.
        file.set_modified(meta.modified()?)?;
        std::fs::set_permissions(to, meta.permissions())?;
    }
    Ok(())
}
