//! Where an installed program and its documents are.

use std::path::Path;
use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::commands::Context;

use super::cli::PROGRAM;
use super::world;

/// The folders of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Where the program is.
    pub bin: PathBuf,
    /// Where the manual's `man1` and the record are. `man` looks beside each folder of programs.
    pub share: PathBuf,
    /// Where completions are: a shell looks among a person's own data, not beside the program.
    pub data: PathBuf,
}

/// There is no folder to install into.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell where to install: HOME is not set")]
pub struct Homeless;

impl Explain for Homeless {
    fn hints(&self) -> Vec<String> {
        vec!["name a folder: git-odyssey install --prefix FOLDER".to_owned()]
    }
}

impl Layout {
    /// All below one folder, in the usual order.
    pub fn below(prefix: &Path) -> Layout {
        let share = prefix.join("share");
        Layout { bin: prefix.join("bin"), data: share.clone(), share }
    }

    /// A person's own: where cargo installs programs or else `~/.local`; the one that a shell looks in, if only one is.
    ///
    /// # Errors
    /// When the person has no home.
    pub fn own(context: &Context<'_>) -> Result<Layout, Homeless> {
        let local = context.home.as_ref().map(|home| home.join(".local"));
        let usual = || context.home.as_ref().map(|home| home.join(".cargo"));
        let cargo = context.cargo_home.clone().or_else(usual);
        let searched = world::program_folders();
        let is_searched = |prefix: &&PathBuf| searched.contains(&prefix.join("bin"));
        let found = cargo.iter().chain(&local).find(is_searched);
        let prefix = found.or(cargo.iter().find(|cargo| cargo.join("bin").is_dir())).or(local.as_ref());
        let prefix = prefix.ok_or(Homeless)?.clone();
        let beside = Layout::below(&prefix);
        let data = world::data_folder().or_else(|| local.map(|local| local.join("share")));
        Ok(Layout { data: data.unwrap_or_else(|| beside.share.clone()), ..beside })
    }

    /// The program's file.
    pub fn program(&self) -> PathBuf {
        self.bin.join(PROGRAM).with_extension(std::env::consts::EXE_EXTENSION)
    }

    /// The folder of the manual's pages.
    pub fn manual(&self) -> PathBuf {
        self.share.join("man").join("man1")
    }

    /// The manual as one page for a browser.
    pub fn browser_manual(&self) -> PathBuf {
        self.share.join("doc").join(PROGRAM).join("manual.html")
    }

    /// The file that records what was installed.
    pub fn record(&self) -> PathBuf {
        self.share.join(PROGRAM).join("installed.json")
    }
}
