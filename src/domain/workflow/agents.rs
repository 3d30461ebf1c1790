//! The agents whose command lines are shipped, for a tier that says `agent = "claude"` and no command of its own.
//!
//! Each is started without a terminal, may edit files, and is given its prompt on standard input or as a word, as its own
//! documentation of November 2026 says. Whoever wants other options writes the command into the tier.

/// A shipped command.
#[derive(Debug, Clone, Copy)]
pub struct Agent {
    /// The name in `agent = "…"`.
    pub name: &'static str,
    /// The command as words.
    pub command: &'static [&'static str],
    /// What comes between when the tier names a model.
    pub model: &'static [&'static str],
}

/// All shipped commands.
pub const AGENTS: [Agent; 4] = [
    Agent {
        name: "claude",
        command: &["claude", "--print", "--permission-mode", "acceptEdits"],
        model: &["--model", "{model}"],
    },
    Agent { name: "codex", command: &["codex", "exec", "--full-auto", "-"], model: &["--model", "{model}"] },
    Agent {
        name: "gemini",
        command: &["gemini", "--approval-mode", "auto_edit", "--prompt", "{prompt}"],
        model: &["--model", "{model}"],
    },
    Agent { name: "opencode", command: &["opencode", "run", "{prompt}"], model: &["--model", "{model}"] },
];

impl Agent {
    /// The shipped command of this name.
    pub fn named(name: &str) -> Option<&'static Agent> {
        AGENTS.iter().find(|agent| agent.name == name)
    }

    /// The words of its command, for a tier with or without a model.
    pub fn words(&self, with_model: bool) -> Vec<String> {
        let model = if with_model { self.model } else { &[] };
        // Options come before what is given to them: the prompt may be the last word.
        let at = self.command.len() - usize::from(matches!(self.command.last(), Some(&"-" | &"{prompt}")));
        let at = if self.command.get(at.wrapping_sub(1)) == Some(&"--prompt") { at - 1 } else { at };
        let (before, behind) = self.command.split_at(at);
        [before, model, behind].concat().into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_stands_among_the_options_and_not_behind_the_prompt() {
        let line = |name: &str| Agent::named(name).unwrap().words(true).join(" ");
        assert_eq!(line("claude"), "claude --print --permission-mode acceptEdits --model {model}");
        assert_eq!(line("codex"), "codex exec --full-auto --model {model} -");
        assert_eq!(line("gemini"), "gemini --approval-mode auto_edit --model {model} --prompt {prompt}");
        assert_eq!(line("opencode"), "opencode run --model {model} {prompt}");
        assert_eq!(Agent::named("claude").unwrap().words(false).len(), 4);
    }
}
