//! A session at a terminal: commands typed one after the other, with their whole screens.

use std::path::Path;
use std::path::PathBuf;

use super::Lab;
use super::ODYSSEY;
use super::Run;

/// What was typed and what was answered, as on a terminal.
pub struct Session<'a> {
    lab: &'a Lab,
    folder: PathBuf,
    /// All of it so far; a test may put a line of its own in.
    pub text: String,
}

impl<'a> Session<'a> {
    /// A session in the main checkout.
    pub fn of(lab: &'a Lab) -> Session<'a> {
        Session { lab, folder: lab.main(), text: String::new() }
    }

    /// Goes on in another folder.
    pub fn cd(&mut self, folder: &Path) -> &mut Self {
        folder.clone_into(&mut self.folder);
        let shown = folder.strip_prefix(self.lab.root()).unwrap().display();
        self.text.push_str(&format!("$ cd {shown}\n\n"));
        self
    }

    /// Types a command, and keeps its screen.
    pub fn run(&mut self, arguments: &[&str]) -> &mut Self {
        let run = self.lab.odyssey_in(&self.folder, arguments);
        self.keep(arguments, &run)
    }

    /// As [`Session::run`], with more in the environment.
    pub fn run_with(&mut self, environment: &[(&str, &str)], arguments: &[&str]) -> &mut Self {
        let mut command = self.lab.command(ODYSSEY, &self.folder, arguments);
        let run = Run::of(command.envs(environment.iter().copied()));
        let variables = environment.iter().map(|(name, value)| format!("{name}={} ", quoted(value)));
        let variables: String = variables.collect();
        self.text.push_str(&format!("$ {variables}"));
        self.keep(arguments, &run)
    }

    fn keep(&mut self, arguments: &[&str], run: &Run) -> &mut Self {
        let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        let prompt = if self.text.ends_with('\n') || self.text.is_empty() { "$ " } else { "" };
        self.text.push_str(&format!("{prompt}git odyssey {}\n", words.join(" ")));
        let mut run = run.clone();
        if arguments.contains(&"--json") {
            run.stdout = without_tokens(&pretty(&run));
        }
        let screen = self.lab.screen(&run);
        // By which way hooks are installed is for git's version to say.
        let screen =
            screen.replace("in the hooks folder", "[HOOKS]").replace("by git's configuration", "[HOOKS]");
        self.text.push_str(&screen);
        self.text.push('\n');
        self
    }

    /// All of it so far.
    pub fn screen(&self) -> String {
        self.text.clone()
    }
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// An answer for programs, which is one line, made readable; and nothing else may be on standard output.
fn pretty(run: &Run) -> String {
    assert_eq!(run.stdout.lines().count(), 1, "{run:#?}");
    let answer = run.json();
    assert_eq!(answer["version"], 1);
    assert_eq!(answer["ok"], run.code == 0, "{run:#?}");
    assert!(answer["command"].is_string() || answer["command"].is_null());
    serde_json::to_string_pretty(&answer).unwrap() + "\n"
}

/// The word that tells one claim's events from another's is by chance.
fn without_tokens(text: &str) -> String {
    let token = |line: &str| line.trim_start().starts_with("\"claim-") && line.ends_with('"');
    let lines = text.lines().map(|line| {
        if token(line) {
            line.rsplit_once('-').unwrap().0.to_owned() + "-[TOKEN]\"\n"
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}
