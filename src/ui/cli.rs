//! The command line: what may be typed, and how it is read.

use std::ffi::OsString;

use clap::Args;
use clap::CommandFactory;
use clap::FromArgMatches;
use clap::Parser;

use super::table::Request;

/// The program's name, as a file and in its manual pages.
pub const PROGRAM: &str = "git-odyssey";

/// People and AI agents work on one repository at the same time, each in a workspace of their own.
///
/// Every task gets a worktree, a branch and a lease over the regions that it may change. Git's hooks refuse a write
/// into a region that somebody else holds, and landing merges a task into its target and ends its lease at once.
/// Nothing is destroyed that was not saved first.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, bin_name = "git odyssey", version, max_term_width = 100, subcommand_required = false)]
pub struct CommandLine {
    #[command(flatten)]
    #[expect(missing_docs, reason = "the documentation is that of its fields")]
    pub manner: Globals,
    /// What is asked; nothing asks where one is
    #[command(subcommand)]
    pub request: Option<Request>,
}

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "it would become the documentation of the program")]
pub struct Globals {
    /// Answer with one JSON object on standard output
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto", display_order = 901)]
    pub color: clap::ColorChoice,
}

impl CommandLine {
    /// Reads what was typed, the program's own name first.
    ///
    /// # Errors
    /// Clap's own, which are also requests for help and for the version.
    pub fn read(words: &[OsString]) -> Result<CommandLine, clap::Error> {
        if let Some(line) = CommandLine::of_one_command(words) {
            return Ok(line);
        }
        let line = CommandLine::try_parse_from(words)?;
        if line.manner.json && line.request.is_none() {
            let missing = "no command was given: `git odyssey help` lists them";
            return Err(CommandLine::command().error(clap::error::ErrorKind::MissingSubcommand, missing));
        }
        Ok(line)
    }

    /// Reads a line that begins with a command's name, by that command's arguments alone: hooks start us several times a
    /// commit, and to learn of all commands takes longer than to read one. Nothing for all other lines, and for mistakes.
    fn of_one_command(words: &[OsString]) -> Option<CommandLine> {
        let command = Request::alone(words.get(1)?.to_str()?)?;
        let line = Globals::augment_args(clap::Command::default().name(PROGRAM)).subcommand(command);
        CommandLine::from_arg_matches(&line.try_get_matches_from(words).ok()?).ok()
    }

    /// All that can be typed, for manual pages and completions.
    pub fn all() -> clap::Command {
        CommandLine::command()
    }
}

/// How to answer words that cannot be read as a command line: as much of them as matters then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Whether to answer with JSON.
    pub json: bool,
    /// When to use colour.
    pub color: clap::ColorChoice,
}

impl Manner {
    /// The manner of a command line that was read.
    pub fn of(line: &CommandLine) -> Manner {
        Manner { json: line.manner.json, color: line.manner.color }
    }

    /// Looks for the global options among words that clap could not read, as far as a `--`.
    pub fn guess(words: &[OsString]) -> Manner {
        let mut manner = Manner { json: false, color: clap::ColorChoice::Auto };
        let mut words = words.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--");
        while let Some(word) = words.next() {
            let color = match word.as_ref() {
                "--json" => {
                    manner.json = true;
                    None
                }
                "--color" => words.next().map(|when| when.into_owned()),
                word => word.strip_prefix("--color=").map(str::to_owned),
            };
            manner.color = color.and_then(|when| when.parse().ok()).unwrap_or(manner.color);
        }
        manner
    }
}

/// The command that words which clap could not read were meant for, if that can be told.
pub fn meant(words: &[OsString]) -> Option<String> {
    let all = CommandLine::all();
    let named = |word: &OsString| all.find_subcommand(word).map(|command| command.get_name().to_owned());
    words.iter().skip(1).find_map(named)
}

#[cfg(test)]
mod tests {
    use super::super::table::examples;
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn clap_finds_no_fault_with_the_table() {
        CommandLine::all().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_how() {
        for command in CommandLine::all().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no sentence");
            let shown = !examples(name).is_empty();
            assert!(shown || command.is_hide_set(), "{name} has no example");
        }
    }

    #[test]
    fn every_example_can_be_read() -> Result<(), Box<dyn std::error::Error>> {
        for command in CommandLine::all().get_subcommands() {
            for (example, _) in examples(command.get_name()) {
                let ways = ["git odyssey ", "git-odyssey ", "cargo run --release --locked -- "];
                let typed = ways.iter().find_map(|way| example.strip_prefix(way)).ok_or(*example)?;
                let mut words = vec![OsString::from(PROGRAM)];
                words.extend(shell_words::split(typed)?.into_iter().map(OsString::from));
                let line = CommandLine::read(&words)?;
                let by_all = CommandLine::try_parse_from(&words)?;
                assert_eq!(format!("{line:?}"), format!("{by_all:?}"), "{example}");
                let request = line.request.ok_or(*example)?;
                assert_eq!(request.name(), command.get_name(), "{example}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_manner_of_a_mistyped_line_is_found() {
        let guess = |line: &str| Manner::guess(&words(line));
        let plain = Manner { json: false, color: clap::ColorChoice::Auto };
        assert_eq!(guess("git-odyssey klaim"), plain);
        assert_eq!(guess("git-odyssey klaim --json"), Manner { json: true, ..plain });
        assert_eq!(guess("git-odyssey claim a -- x --json"), plain);
        assert_eq!(guess("git-odyssey --color=never x").color, clap::ColorChoice::Never);
        assert_eq!(guess("git-odyssey --color always x").color, clap::ColorChoice::Always);
        assert_eq!(meant(&words("git-odyssey --json show --bad")), Some("show".to_owned()));
        assert_eq!(meant(&words("git-odyssey klaim")), None);
    }
}
