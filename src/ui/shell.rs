//! `shell`: the function by which `git odyssey cd` moves a shell.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::commands::Context;
use crate::commands::Outcome;

/// Print a shell's function with which `git odyssey cd TASK` goes there.
#[derive(Debug, Clone, clap::Args)]
pub struct Shell {
    /// The shell
    #[arg(value_enum)]
    pub shell: Kind,
}

/// The shells that there is a function for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// PowerShell
    Powershell,
}

impl Shell {
    /// Gives the function. It passes on all that is not `odyssey cd`.
    ///
    /// # Errors
    /// None.
    pub fn run(self, _: &Context<'_>) -> Result<Outcome, Failure> {
        let text = match self.shell {
            Kind::Bash | Kind::Zsh => include_str!("shell/git-odyssey.sh"),
            Kind::Fish => include_str!("shell/git-odyssey.fish"),
            Kind::Powershell => include_str!("shell/git-odyssey.ps1"),
        };
        let mut page = Page::default();
        for line in text.lines() {
            page.line(Label::Plain, line);
        }
        Ok(Outcome::new(page, &serde_json::json!({ "function": text })))
    }
}
