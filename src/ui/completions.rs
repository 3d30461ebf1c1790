//! Completion in the shells: short scripts that ask the program itself what could be typed.

/// The variable by which a shell's script asks; clap's own name for it, `COMPLETE`, could be anybody's.
pub const VARIABLE: &str = "GIT_ODYSSEY_COMPLETE";

/// One shell's script.
#[derive(Debug)]
pub struct Script {
    /// Where it goes, below the folder of a person's or a system's data.
    pub place: &'static str,
    /// What it says.
    pub text: &'static str,
}

/// The scripts of all shells.
pub const SCRIPTS: [Script; 3] = [
    Script {
        place: "bash-completion/completions/git-odyssey",
        text: include_str!("completions/git-odyssey.bash"),
    },
    Script { place: "zsh/site-functions/_git-odyssey", text: include_str!("completions/_git-odyssey") },
    Script {
        place: "fish/vendor_completions.d/git-odyssey.fish",
        text: include_str!("completions/git-odyssey.fish"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_asks_by_our_variable() {
        for script in &SCRIPTS {
            assert!(script.text.contains(&format!("{VARIABLE}=")), "{}", script.place);
        }
    }
}
