//! From the words that were typed to the exit code.

use std::any::Any;
use std::ffi::OsString;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::CompleteEnv;

use crate::base::atomic::FileError;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::commands::Outcome;
use crate::commands::here;

use super::cli;
use super::cli::CommandLine;
use super::cli::Manner;
use super::cli::PROGRAM;
use super::completions;
use super::crash;
use super::failure;
use super::json::Answer;
use super::json::Problem;
#[cfg(feature = "screen")]
use super::live;
#[cfg(feature = "screen")]
use super::review;
use super::table::Request;
use super::terminal;
use super::terminal::Terminal;
use super::world::World;

/// Does what the words ask for, the program's own name first. Answers the exit code of the table in the README.
pub fn start(words: Vec<OsString>) -> ExitCode {
    let manner = Manner::guess(&words);
    crash::catch_words(Terminal::new(manner.color));
    let code = panic::catch_unwind(AssertUnwindSafe(|| answered(&words)));
    ExitCode::from(code.unwrap_or_else(|payload| crashed(manner, &words, &*payload)))
}

fn answered(words: &[OsString]) -> u8 {
    match completed(words) {
        Ok(true) => return 0,
        Ok(false) => {}
        Err(error) => return misread(words, &error),
    }
    let line = match CommandLine::read(words) {
        Ok(line) => line,
        Err(error) => return misread(words, &error),
    };
    let screen = Screen::new(Manner::of(&line));
    match line.request {
        Some(request) => screen.show(&request.name(), screen.run(request)),
        None => screen.show(PROGRAM, screen.around()),
    }
}

/// Answers a shell that asks what could be typed next.
fn completed(words: &[OsString]) -> Result<bool, clap::Error> {
    let shell = CompleteEnv::with_factory(CommandLine::all).var(completions::VARIABLE).bin(PROGRAM);
    shell.completer(PROGRAM).try_complete(words, Some(Path::new(".")))
}

/// Answers words that are no request of ours: help, the version, or a mistake.
fn misread(words: &[OsString], error: &clap::Error) -> u8 {
    let manner = Manner::guess(words);
    let screen = Screen::new(manner);
    let text = error.render();
    if !error.use_stderr() {
        return screen.print(&text.ansi().to_string(), 0);
    }
    let code = Kind::Usage.exit_code();
    if manner.json {
        let command = cli::meant(words);
        return screen.print(&Answer::failed(command.as_deref(), mistake(&text.to_string())).line(), code);
    }
    screen.terminal.tell(&text.ansi().to_string());
    code
}

/// Clap's paragraphs in our parts: the first is the message, the others help.
fn mistake(text: &str) -> Problem {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let mut paragraphs = text.split("\n\n").map(|paragraph| paragraph.trim().to_owned());
    let message = paragraphs.next().unwrap_or_default();
    Problem::plain(Kind::Usage, message, paragraphs.collect())
}

fn crashed(manner: Manner, words: &[OsString], payload: &(dyn Any + Send)) -> u8 {
    let code = Kind::Bug.exit_code();
    if manner.json {
        let problem = Problem::plain(Kind::Bug, crash::message(payload), crash::hints());
        let command = cli::meant(words);
        return Screen::new(manner).print(&Answer::failed(command.as_deref(), problem).line(), code);
    }
    code
}

/// Where answers go, and in which form.
struct Screen {
    terminal: Terminal,
    json: bool,
}

impl Screen {
    fn new(manner: Manner) -> Screen {
        Screen { terminal: Terminal::new(manner.color), json: manner.json }
    }

    fn run(&self, request: Request) -> Result<Outcome, Failure> {
        #[cfg(feature = "screen")]
        if let Request::Review(asked) = &request
            && review::is_wanted(asked, self.json)
        {
            return review::run(asked, self.terminal);
        }
        #[cfg(feature = "screen")]
        if let Request::Run(asked) = &request
            && live::is_wanted(self.json)
        {
            return live::run((**asked).clone(), self.terminal);
        }
        request.run(&World::read()?.context(self.json, &self.terminal))
    }

    /// Where the caller is, and what to do next.
    fn around(&self) -> Result<Outcome, Failure> {
        here::look(&World::read()?.context(self.json, &self.terminal))
    }

    fn show(&self, command: &str, answer: Result<Outcome, Failure>) -> u8 {
        match (answer, self.json) {
            (Ok(outcome), _) if outcome.given => outcome.code,
            (Ok(outcome), true) => self.print(&Answer::of(command, &outcome).line(), outcome.code),
            (Ok(outcome), false) => self.print(&terminal::painted(&outcome.page), outcome.code),
            (Err(failure), true) => {
                let problem = Problem::from(&failure);
                self.print(&Answer::failed(Some(command), problem).line(), failure.kind().exit_code())
            }
            (Err(failure), false) => self.complain(&failure),
        }
    }

    fn print(&self, text: &str, code: u8) -> u8 {
        match self.terminal.answer(text) {
            Ok(()) => code,
            Err(source) => {
                self.complain(&FileError::new("write", Path::new("standard output"), source).into())
            }
        }
    }

    fn complain(&self, failure: &Failure) -> u8 {
        self.terminal.tell(&terminal::painted(&failure::page(failure)));
        failure.kind().exit_code()
    }
}

#[cfg(test)]
mod tests {
    use snapbox::assert_data_eq;
    use snapbox::str;

    use super::*;

    fn told(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let error = CommandLine::read(&words).unwrap_err();
        let command = cli::meant(&words);
        Answer::failed(command.as_deref(), mistake(&error.render().to_string())).line()
    }

    #[test]
    fn a_program_is_told_what_was_mistyped() {
        assert_data_eq!(
            told(&[PROGRAM, "--json", "show", "--al"]),
            str![[r#"
{"version":1,"command":"show","ok":false,"error":{"kind":"usage","exit":2,"message":"unexpected argument '--al' found","causes":[],"hints":["tip: to pass '--al' as a value, use '-- --al'","Usage: git odyssey show [OPTIONS] [TASK]","For more information, try '--help'."],"details":null}}

"#]]
        );
        assert_data_eq!(
            told(&[PROGRAM, "--json", "claim", "a b", "-r", "x"]),
            str![[r#"
{"version":1,"command":"claim","ok":false,"error":{"kind":"usage","exit":2,"message":"invalid value 'a b' for '<TASK>': 'a b' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed","causes":[],"hints":["For more information, try '--help'."],"details":null}}

"#]]
        );
        assert_data_eq!(
            told(&[PROGRAM, "--json"]),
            str![[r#"
{"version":1,"command":null,"ok":false,"error":{"kind":"usage","exit":2,"message":"no command was given: `git odyssey help` lists them","causes":[],"hints":["Usage: git odyssey [OPTIONS] [COMMAND]","For more information, try '--help'."],"details":null}}

"#]]
        );
    }
}
