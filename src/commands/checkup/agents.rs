//! The agents' harnesses: whether the guard answers where they are set up.

use std::path::PathBuf;
use std::time::Duration;

use crate::agents::Harness;
use crate::agents::places;
use crate::agents::places::Scope;
use crate::base::atomic;
use crate::base::failure::Failure;
use crate::workspace::copy;
use crate::workspace::process;

use super::super::guard;
use super::super::setup;
use super::super::setup::kept;
use super::super::setup::kept::Kept;
use super::Checkup;

/// A harness that is set up.
#[derive(Debug, serde::Serialize)]
pub struct Guarding {
    /// The harness.
    pub harness: Harness,
    /// Whose settings.
    pub scope: Scope,
    /// The file that sets it up.
    pub file: PathBuf,
    /// Whether the guard answers.
    pub answers: bool,
}

/// How long a guard may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Checkup<'_> {
    /// Runs the guard of each harness that is set up, as the harness would.
    ///
    /// # Errors
    /// When a workspace cannot be looked at or furnished.
    pub fn agents(&mut self) -> Result<Vec<Guarding>, Failure> {
        let mut found = Vec::new();
        let project = Some(self.session.home.clone());
        for (scope, base) in [(Scope::Project, project), (Scope::User, self.context.home.clone())] {
            let Some(base) = base else { continue };
            for harness in Harness::ALL {
                for (path, form) in places::files(harness, scope) {
                    let file = base.join(path);
                    // Settings of theirs that cannot be read are not ours, as far as can be told.
                    let text =
                        atomic::read(&file).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
                    let words = text.and_then(|text| form.command(&text, harness).ok().flatten());
                    let Some(words) = words else { continue };
                    let answers = self.answers(harness, &words);
                    if !answers {
                        let flag = if scope == Scope::User { "user" } else { "project" };
                        self.open(
                            format!(
                                "{harness} gets no answer from its guard, `{}`",
                                words.last().map_or("", String::as_str)
                            ),
                            &format!("set it up again: git odyssey setup {harness} --{flag}"),
                        );
                    }
                    found.push(Guarding { harness, scope, file, answers });
                }
            }
        }
        self.furnished()?;
        Ok(found)
    }

    fn answers(&self, harness: Harness, words: &[String]) -> bool {
        let token = "does it answer";
        let probe = serde_json::json!({ guard::PROBE: token }).to_string();
        let answer =
            process::answer_within(PATIENCE, "the guard", words, &self.session.home, probe.as_bytes());
        let Ok(answer) = answer else { return false };
        let lines = String::from_utf8_lossy(&answer).into_owned();
        lines
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .any(|line| line[guard::PROBE] == token && line["harness"] == harness.name())
    }

    /// Workspaces without the settings that git does not bring to them: a harness would not ask there.
    fn furnished(&mut self) -> Result<(), Failure> {
        let hidden = Kept::read(&kept::of_project(self.session))?.hidden();
        for worktree in self.session.repo.worktrees()?.into_iter().filter(|worktree| !worktree.missing) {
            let Some((task, _)) = copy::workspace(&worktree.path)? else { continue };
            let lacks: Vec<&String> = hidden
                .iter()
                .filter(|path| !worktree.path.join(path).exists() && self.session.home.join(path).exists())
                .collect();
            if lacks.is_empty() {
                continue;
            }
            let what = format!("the workspace of {task} lacks {}", lacks[0]);
            if self.fix {
                setup::furnish(self.session, &worktree.path)?;
                self.mended(format!("{what}; copied it there"));
            } else {
                self.open(what, "git odyssey doctor --fix copies it there");
            }
        }
        Ok(())
    }
}
