//! Decisions as they are told: on the terminal, to programs, and in the commit that holds them.

use crate::base::text;

/// What was decided of one path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Decision {
    /// The path, made safe to show.
    pub path: String,
    /// The strategy's name, or `rerere`.
    pub strategy: String,
    /// What the path is now.
    pub kept: Kept,
    /// Why the strategy decided so, if its name does not say it.
    pub why: Option<String>,
    /// The hunks that were decided; none where the whole file was.
    pub hunks: Vec<Decided>,
    /// The commit that was replayed, in a rebase.
    pub commit: Option<String>,
}

/// Whose lines were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// The target's.
    Target,
    /// The task's.
    Task,
    /// Those of both.
    Both,
    /// What a command made.
    Anew,
    /// What somebody made of the same conflict before.
    Remembered,
    /// What was there before either changed it.
    Base,
    /// What somebody wrote.
    Written,
    /// The file, under another name.
    Moved,
}

/// One hunk that was decided.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Decided {
    /// The first line in the merged file, from 1; of the line that follows, if nothing was kept.
    pub line: usize,
    /// How many lines the target had.
    pub target: usize,
    /// How many lines the task had.
    pub task: usize,
}

/// The trailer of a commit that names what was decided in it.
pub const TRAILER: &str = "Odyssey-Settled";

impl Decision {
    /// One line: `src/a.rs by theirs: line 5 (auth's 1 line, not main's 2)`.
    pub fn line(&self, task: &str, target: &str) -> String {
        // A line feed in a command or a name would end the line, and begin another trailer.
        text::visible(self.text(task, target).as_bytes())
    }

    fn text(&self, task: &str, target: &str) -> String {
        let mut out = format!("{} by {}", self.path, self.strategy);
        if let Some(why) = &self.why {
            out.push_str(&format!(" ({why})"));
        }
        if let Some(commit) = &self.commit {
            out.push_str(&format!(", replaying {}", &commit[..10]));
        }
        out.push_str(": ");
        if self.hunks.is_empty() {
            out.push_str(&match self.kept {
                Kept::Target => format!("as {target} has it"),
                Kept::Task => format!("as {task} has it"),
                Kept::Both => "as both have it".to_owned(),
                Kept::Anew => "made anew".to_owned(),
                Kept::Remembered => "as it was settled before".to_owned(),
                Kept::Base => "as it was before both".to_owned(),
                Kept::Written => "as somebody wrote it".to_owned(),
                Kept::Moved => "under another name".to_owned(),
            });
            return out;
        }
        let hunks: Vec<String> = self.hunks.iter().map(|hunk| self.hunk(hunk, task, target)).collect();
        out.push_str(&hunks.join(", "));
        out
    }

    fn hunk(&self, hunk: &Decided, task: &str, target: &str) -> String {
        let of_task = text::count(hunk.task, "line");
        let of_target = text::count(hunk.target, "line");
        let whose = match self.kept {
            Kept::Target => format!("{target}'s {of_target}, not {task}'s {}", hunk.task),
            Kept::Task => format!("{task}'s {of_task}, not {target}'s {}", hunk.target),
            Kept::Both | Kept::Anew | Kept::Remembered | Kept::Moved => {
                format!("{target}'s {of_target} and {task}'s {}", hunk.task)
            }
            Kept::Base => format!("as before, neither {target}'s {of_target} nor {task}'s {}", hunk.task),
            Kept::Written => format!("written anew for {target}'s {of_target} and {task}'s {}", hunk.task),
        };
        format!("line {} ({whose})", hunk.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_one_line_that_says_what_was_kept_and_what_was_not() {
        let hunks = vec![Decided { line: 5, target: 2, task: 1 }, Decided { line: 9, target: 0, task: 1 }];
        let decision = |kept, why: Option<&str>, hunks: &[Decided]| Decision {
            path: "src/a.rs".to_owned(),
            strategy: "theirs".to_owned(),
            kept,
            why: why.map(str::to_owned),
            hunks: hunks.to_vec(),
            commit: None,
        };
        let line = |decision: Decision| decision.line("auth", "main");
        assert_eq!(
            line(decision(Kept::Task, None, &hunks)),
            "src/a.rs by theirs: line 5 (auth's 1 line, not main's 2), line 9 (auth's 1 line, not main's 0)"
        );
        assert_eq!(
            line(decision(Kept::Target, Some("it is so"), &hunks[..1])),
            "src/a.rs by theirs (it is so): line 5 (main's 2 lines, not auth's 1)"
        );
        assert_eq!(
            line(decision(Kept::Both, None, &hunks[..1])),
            "src/a.rs by theirs: line 5 (main's 2 lines and auth's 1)"
        );
        assert_eq!(line(decision(Kept::Anew, None, &[])), "src/a.rs by theirs: made anew");
        let replayed =
            Decision { commit: Some("0123456789abcdef".to_owned()), ..decision(Kept::Task, None, &[]) };
        assert_eq!(line(replayed), "src/a.rs by theirs, replaying 0123456789: as auth has it");
    }
}
