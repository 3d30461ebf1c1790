//! The manual: a page for the program and for each command, made from the table of commands.

pub mod html;

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::Roff;
use clap_mangen::roff::bold;
use clap_mangen::roff::roman;

use crate::base::failure::Kind;
use crate::commands::session;
use crate::ledger::local;
use crate::workspace::copy;

use super::cli::CommandLine;
use super::cli::PROGRAM;
use super::table;
use super::world;

/// One page of the manual.
#[derive(Debug)]
pub struct ManualPage {
    /// Its file's name, for example `git-odyssey-claim.1`.
    pub file: String,
    /// Its text, for `man`.
    pub text: Vec<u8>,
}

/// The exit codes and their meaning.
const EXITS: [(Option<Kind>, &str); 7] = [
    (None, "It is done."),
    (Some(Kind::Refused), "It cannot be done as asked; the message says why."),
    (Some(Kind::Usage), "The request is wrong: an unknown option, a bad name, a bad region."),
    (Some(Kind::Held), "Another holder has what was asked for."),
    (Some(Kind::Conflict), "A conflict that a person has to settle."),
    (Some(Kind::Fenced), "The caller's lease was taken over or has ended: it may not write."),
    (Some(Kind::Bug), "A bug of git-odyssey."),
];

/// The files and refs, and what they hold.
const FILES: [(&str, &str); 5] = [
    (session::POLICY, "The policy, at the top of the main checkout."),
    (copy::FOLDER, "In a workspace: a copy of its lease, for people and agents to read."),
    (local::LEDGER, "The ledger: all leases in its tree, all events as its commits."),
    ("refs/odyssey/archive/COMMIT", "The ledger's history up to that commit, which was folded away."),
    ("refs/odyssey/salvage/TASK", "Work that was saved before something could have destroyed it."),
];

/// All pages, the program's own first.
///
/// # Errors
/// None in practice: the pages are written to memory.
pub fn pages() -> io::Result<Vec<ManualPage>> {
    let mut pages = Vec::new();
    add(&mut pages, commands())?;
    Ok(pages)
}

/// All commands, with the names that they are typed by.
fn commands() -> clap::Command {
    let mut all = CommandLine::all().disable_help_subcommand(true);
    all.build();
    all
}

fn add(pages: &mut Vec<ManualPage>, command: clap::Command) -> io::Result<()> {
    let inner: Vec<_> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).cloned().collect();
    pages.push(page(command, &inner)?);
    inner.into_iter().try_for_each(|command| add(pages, command))
}

fn page(mut command: clap::Command, inner: &[clap::Command]) -> io::Result<ManualPage> {
    let source = concat!("git-odyssey ", env!("CARGO_PKG_VERSION"));
    let own = command.get_display_name().and_then(|name| name.strip_prefix("git-odyssey-"));
    let examples = own.map_or(&[][..], table::examples);
    let whole = command.get_name() == PROGRAM;
    // As in the help: the manual's own synopsis would leave out what stands between options and words.
    let usage = command.render_usage().to_string().replace("Usage: ", "");
    let man = Man::new(command.override_usage(usage)).source(source).manual("git odyssey");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if !inner.is_empty() {
        man.render_subcommands_section(&mut text)?;
    }
    if !examples.is_empty() {
        section("EXAMPLES", examples.iter().copied()).to_writer(&mut text)?;
    }
    let codes = EXITS.map(|(kind, meaning)| (kind.map_or(0, Kind::exit_code).to_string(), meaning));
    section("EXIT STATUS", codes.iter().map(|(code, meaning)| (code.as_str(), *meaning)))
        .to_writer(&mut text)?;
    if whole {
        section("ENVIRONMENT", world::VARIABLES.into_iter()).to_writer(&mut text)?;
        section("FILES", FILES.into_iter()).to_writer(&mut text)?;
    } else {
        section("SEE ALSO", [("git-odyssey(1)", "All commands, the environment, the files.")].into_iter())
            .to_writer(&mut text)?;
    }
    Ok(ManualPage { file: man.get_filename(), text })
}

/// A section of terms and their meaning.
fn section<'a>(title: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(term)]).text([roman(meaning.replace('`', ""))]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page's source without roff's protection of hyphens.
    fn source(file: &str) -> Result<String, Box<dyn std::error::Error>> {
        let page = pages()?.into_iter().find(|page| page.file == file).ok_or(file)?;
        Ok(String::from_utf8(page.text)?.replace("\\-", "-"))
    }

    #[test]
    fn the_programs_page_lists_commands_codes_variables_and_files() -> Result<(), Box<dyn std::error::Error>>
    {
        let page = source("git-odyssey.1")?;
        for part in
            ["git-odyssey-claim(1)", "SH \"EXIT STATUS\"", "GIT_ODYSSEY_OVERRIDE", "refs/odyssey/ledger"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("git-odyssey-hook"), "hooks are git's business");
        Ok(())
    }

    #[test]
    fn a_commands_page_shows_its_examples() -> Result<(), Box<dyn std::error::Error>> {
        let page = source("git-odyssey-claim.1")?;
        let examples = table::examples("claim");
        assert!(examples.iter().all(|(_, meaning)| page.contains(meaning)));
        assert!(page.contains("[OPTIONS] --region <REGION> <TASK> [-- <COMMAND>...]"), "{page}");
        Ok(())
    }

    #[test]
    fn every_kind_of_failure_has_its_line() {
        let codes = EXITS.map(|(kind, _)| kind.map_or(0, Kind::exit_code));
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 70]);
    }
}
