//! `install`: puts the program, its manual and its completions where git, man and shells find them.
//!
//! It is about the program itself and touches no repository; and the manual is made from the table of commands. So it
//! is a command that lives on this floor.

use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Context;
use crate::commands::Outcome;

use super::completions;
use super::layout::Layout;
use super::manual;
use super::record::Record;
use super::world;

/// Install this program with its manual and its completions, for you or for all.
#[derive(Debug, Clone, clap::Args)]
pub struct Install {
    /// Install into bin and share of this folder [default: where cargo installs, else ~/.local]
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub prefix: Option<PathBuf>,
    /// Remove exactly what was installed
    #[arg(long)]
    pub remove: bool,
}

#[derive(Debug, serde::Serialize)]
struct Installed {
    program: PathBuf,
    version: &'static str,
    files: Vec<PathBuf>,
    /// Whether git finds the program: its folder is on PATH.
    on_path: bool,
    /// Another program of this name that is found first.
    hidden_by: Option<PathBuf>,
}

#[derive(Debug, serde::Serialize)]
struct Removed {
    files: Vec<PathBuf>,
}

/// There is no record of an installation.
#[derive(Debug, thiserror::Error)]
#[error("nothing is installed there: there is no {}", .0.display())]
struct NotInstalled(PathBuf);

impl Explain for NotInstalled {
    fn hints(&self) -> Vec<String> {
        vec![
            "name the folder that it was installed into: git-odyssey install --remove --prefix FOLDER"
                .to_owned(),
        ]
    }
}

impl Install {
    /// Installs over what an earlier version installed, or removes it.
    ///
    /// # Errors
    /// When a file cannot be written; then the same command, or one with `--remove`, goes on from there.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let layout = match &self.prefix {
            Some(prefix) => Layout::below(&context.folder.join(prefix)),
            None => Layout::own(context)?,
        };
        if self.remove { remove(&layout) } else { install(&layout, &context.program) }
    }
}

fn install(layout: &Layout, running: &Path) -> Result<Outcome, Failure> {
    let program = layout.program();
    let documents = documents(layout)?;
    let old = Record::read(&layout.record())?.unwrap_or_default();
    let mut new = Record { files: Vec::new(), folders: old.folders.clone() };
    new.add(&program);
    documents.iter().for_each(|document| new.add(&document.place));
    // Last, so that a removal that was cut off can be repeated.
    new.add(&layout.record());
    // First, so that an installation that was cut off can be removed.
    let mut both = new.clone();
    old.files.iter().for_each(|file| both.add(file));
    both.write(&layout.record())?;
    copy_program(running, &program)?;
    for document in &documents {
        atomic::put(&document.place, &document.text)?;
    }
    for stale in old.files.iter().filter(|file| !new.files.contains(file)) {
        atomic::remove(stale)?;
    }
    new.write(&layout.record())?;
    let found = world::program_folders();
    let installed = Installed {
        on_path: found.iter().any(|folder| same(folder, &layout.bin)),
        hidden_by: hidden_by(&found, &program),
        program,
        version: env!("CARGO_PKG_VERSION"),
        files: new.files,
    };
    Ok(Outcome::new(installed_page(layout, &installed), &installed))
}

fn remove(layout: &Layout) -> Result<Outcome, Failure> {
    let record = Record::read(&layout.record())?.ok_or_else(|| NotInstalled(layout.record()))?;
    record.erase()?;
    let mut page = Page::default();
    page.put(Label::Good, "removed ").put(Label::Plain, text::count(record.files.len(), "file")).end();
    for file in &record.files {
        page.put(Label::Plain, "  ").put(Label::Place, file.display().to_string()).end();
    }
    Ok(Outcome::new(page, &Removed { files: record.files }))
}

/// A text to install.
struct Document {
    place: PathBuf,
    text: Vec<u8>,
}

fn documents(layout: &Layout) -> Result<Vec<Document>, FileError> {
    let pages = manual::pages().map_err(|source| FileError::new("write", &layout.manual(), source))?;
    let pages =
        pages.into_iter().map(|page| Document { place: layout.manual().join(page.file), text: page.text });
    let scripts = completions::SCRIPTS.iter();
    let scripts =
        scripts.map(|script| Document { place: layout.data.join(script.place), text: script.text.into() });
    let browser = Document { place: layout.browser_manual(), text: manual::html::page().into_bytes() };
    Ok(pages.chain([browser]).chain(scripts).collect())
}

/// Puts the program in place at once: a process that runs the old one keeps it, and nobody finds a half.
fn copy_program(from: &Path, to: &Path) -> Result<(), FileError> {
    let unread = |source| FileError::new("read", from, source);
    let unwritten = |source| FileError::new("write", to, source);
    let folder = to.parent().unwrap_or(Path::new("."));
    let mut source = File::open(from).map_err(unread)?;
    let permissions = source.metadata().map_err(unread)?.permissions();
    std::fs::create_dir_all(folder).map_err(unwritten)?;
    let mut copy = tempfile::Builder::new().prefix(".git-odyssey-").tempfile_in(folder).map_err(unwritten)?;
    io::copy(&mut source, &mut copy).map_err(unwritten)?;
    copy.as_file().set_permissions(permissions).map_err(unwritten)?;
    copy.as_file().sync_data().map_err(unwritten)?;
    copy.persist(to).map_err(|error| unwritten(error.error))?;
    Ok(())
}

/// Whether two paths lead to one place.
fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn hidden_by(folders: &[PathBuf], program: &Path) -> Option<PathBuf> {
    let name = program.file_name()?;
    let first = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())?;
    (!same(&first, program)).then_some(first)
}

fn installed_page(layout: &Layout, installed: &Installed) -> Page {
    let mut page = Page::default();
    page.put(Label::Good, "installed ").put(Label::Name, format!("git-odyssey {}", installed.version)).end();
    let mut fact = |name: &str, place: &Path| {
        let place = place.display().to_string();
        page.put(Label::Quiet, format!("  {name:<13}")).put(Label::Place, place).end();
    };
    fact("program", &installed.program);
    fact("manual", &layout.manual());
    fact("for browsers", &layout.browser_manual());
    for script in &completions::SCRIPTS {
        fact("completions", &layout.data.join(script.place));
    }
    if !installed.on_path {
        let bin = layout.bin.display();
        page.put(Label::Warn, "warning: ")
            .put(Label::Plain, format!("{bin} is not on PATH: git will not find it"))
            .end();
        page.line(Label::Plain, format!("  say in your shell's start file: export PATH=\"{bin}:$PATH\""));
    } else if let Some(first) = &installed.hidden_by {
        page.put(Label::Warn, "warning: ");
        page.line(Label::Plain, format!("{} comes first on PATH", first.display()));
    } else {
        page.line(Label::Quiet, "  begin in a repository: git odyssey init; to read: git help odyssey");
    }
    page
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// All files below a folder.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn what_is_installed_is_removed_without_a_trace() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let running = root.path().join("running");
        atomic::put(&running, b"program")?;
        let prefix = root.path().join("prefix");
        fs::create_dir(&prefix)?;
        let layout = Layout::below(&prefix);
        let installed = install(&layout, &running).map_err(|failure| failure.to_string())?;
        assert_eq!(fs::read(layout.program())?, b"program");
        assert!(layout.manual().join("git-odyssey.1").is_file());
        assert!(layout.manual().join("git-odyssey-salvage-restore.1").is_file());
        assert!(!layout.manual().join("git-odyssey-hook.1").exists(), "hooks are git's business");
        assert_eq!(installed.json["files"].as_array().map(Vec::len), Some(files(&prefix).len()));
        remove(&layout).map_err(|failure| failure.to_string())?;
        assert_eq!(fs::read_dir(&prefix)?.count(), 0);
        assert!(remove(&layout).is_err());
        Ok(())
    }

    #[test]
    fn a_new_version_replaces_the_old_and_takes_its_stale_pages_away()
    -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let layout = Layout::below(root.path());
        let stale = layout.manual().join("git-odyssey-grant.1");
        atomic::put(&stale, b"of an older version")?;
        atomic::put(&layout.manual().join("ls.1"), b"of another program")?;
        Record { files: vec![stale.clone()], folders: Vec::new() }.write(&layout.record())?;
        let running = layout.program();
        atomic::put(&running, b"program")?;
        // Also when the program that runs is the one to replace.
        install(&layout, &running).map_err(|failure| failure.to_string())?;
        assert!(!stale.exists());
        assert!(layout.manual().join("ls.1").exists());
        assert_eq!(fs::read(&running)?, b"program");
        Ok(())
    }

    #[test]
    fn a_program_that_is_found_first_hides_ours() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let (first, second) = (root.path().join("first"), root.path().join("second"));
        let program = second.join("git-odyssey");
        atomic::put(&program, b"")?;
        let folders = [first.clone(), second];
        assert_eq!(hidden_by(&folders, &program), None);
        atomic::put(&first.join("git-odyssey"), b"")?;
        assert_eq!(hidden_by(&folders, &program), Some(first.join("git-odyssey")));
        Ok(())
    }
}
