//! The manual: a page for the program and for each command, made from the table of commands.

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
const FILES: [(&str, &str); 4] = [
    (session::POLICY, "The policy, at the top of the main checkout."),
    (copy::FOLDER, "In a workspace: a copy of its lease, for people and agents to read."),
    (local::LEDGER, "The ledger: all leases in its tree, all events as its commits."),
    ("refs/odyssey/salvage/TASK", "Work that was saved before something could have destroyed it."),
];

/// All pages, the program's own first.
///
/// # Errors
/// None in practice: the pages are written to memory.
pub fn pages() -> io::Result<Vec<ManualPage>> {
    let mut all = CommandLine::all().disable_help_subcommand(true);
    all.build();
    let mut pages = Vec::new();
    add(&mut pages, all)?;
    Ok(pages)
}

fn add(pages: &mut Vec<ManualPage>, command: clap::Command) -> io::Result<()> {
    let inner: Vec<_> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).cloned().collect();
    pages.push(page(command, &inner)?);
    inner.into_iter().try_for_each(|command| add(pages, command))
}

fn page(command: clap::Command, inner: &[clap::Command]) -> io::Result<ManualPage> {
    let source = concat!("git-odyssey ", env!("CARGO_PKG_VERSION"));
    let examples = table::examples(command.get_name());
    let options = command.get_arguments().any(|argument| !argument.is_hide_set());
    let man = Man::new(command).source(source).manual("git odyssey");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if options {
        man.render_options_section(&mut text)?;
    }
    if !inner.is_empty() {
        man.render_subcommands_section(&mut text)?;
    }
    let codes = EXITS.map(|(kind, meaning)| (kind.map_or(0, Kind::exit_code).to_string(), meaning));
    section("EXIT STATUS", codes.iter().map(|(code, meaning)| (code.as_str(), *meaning)))
        .to_writer(&mut text)?;
    section("ENVIRONMENT", world::VARIABLES.into_iter()).to_writer(&mut text)?;
    section("FILES", FILES.into_iter()).to_writer(&mut text)?;
    if !examples.is_empty() {
        section("EXAMPLES", examples.iter().copied()).to_writer(&mut text)?;
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
