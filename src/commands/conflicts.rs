//! `conflicts`: whether revisions would merge, as git would merge them, without merging anything.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::git::error::GitError;
use crate::git::merge::Asker;
use crate::git::merge::Ground;
use crate::git::merge::Said;
use crate::git::repo::Repo;

use super::Context;
use super::Outcome;

mod answer;
pub mod matrix;
pub mod screen;
mod stream;

use answer::Answer;
use answer::Verdict;

/// Say whether all parties' work fits together, uncommitted edits included, or two revisions.
#[derive(Debug, Clone, clap::Args)]
pub struct Conflicts {
    /// Two revisions: into which to merge, and what
    #[arg(value_name = "REV", num_args = 2, conflicts_with_all = ["stdin", "against"])]
    pub revisions: Vec<String>,
    /// Read two revisions a line, and answer each line with one JSON object
    #[arg(long, conflicts_with = "against")]
    pub stdin: bool,
    /// Compare all parties with this revision, not with the target
    #[arg(long, value_name = "REV")]
    pub against: Option<String>,
}

impl Conflicts {
    /// Tells the verdict.
    ///
    /// # Errors
    /// When a revision names no commit, or standard input cannot be read.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        match self.revisions.as_slice() {
            [ours, theirs] => Ok(outcome(&two(&Repo::discover(&context.folder)?, ours, theirs)?)),
            _ if self.stdin => stream::run(&Repo::discover(&context.folder)?, context.monitor),
            _ => matrix::run(context, self.against.as_deref()),
        }
    }
}

/// The verdict on two revisions.
fn two(repo: &Repo, ours: &str, theirs: &str) -> Result<Answer, GitError> {
    let sides = answer::sides(repo, ours, theirs)?;
    let ground = Ground::of(repo)?;
    let said = ground.verdicts().say(None, sides[0].commit, sides[1].commit, [ours, theirs]);
    Ok(match said {
        Ok(Said::Known(merge)) => Answer::of(&sides, Ok(merge), None),
        Ok(Said::Ask(asked)) => {
            let merge = Asker::of(repo).ask([&sides[0], &sides[1]]);
            Answer::of(&sides, merge, Some(asked))
        }
        Err(error) => Answer::of(&sides, Err(error), None),
    })
}

fn outcome(answer: &Answer) -> Outcome {
    let mut page = Page::default();
    let (ours, theirs) = (&answer.ours, &answer.theirs);
    let code = match answer.verdict {
        Verdict::Clean => {
            page.put(Label::Good, "clean: ").put(Label::Name, theirs).put(Label::Plain, " merges into ");
            page.put(Label::Name, ours).end();
            0
        }
        Verdict::Conflict => {
            page.put(Label::Bad, "conflict: ").put(Label::Name, theirs);
            page.put(Label::Plain, " does not merge into ").put(Label::Name, ours);
            let files = answer.conflicts.len();
            page.put(Label::Plain, format!(", for {}", text::count(files, "file"))).end();
            4
        }
        Verdict::Unknown => {
            page.put(Label::Warn, "unknown: ").put(Label::Name, theirs).put(Label::Plain, " and ");
            page.put(Label::Name, ours).end();
            1
        }
    };
    for conflict in answer.conflicts.iter().chain(&answer.reasons) {
        page.put(Label::Place, format!("  {}", conflict.shown));
        page.put(Label::Quiet, format!("  {}", conflict.why)).end();
    }
    if let Some(error) = &answer.error {
        page.put(Label::Plain, format!("  {}", error.message)).end();
        for cause in &error.causes {
            page.put(Label::Quiet, format!("  {cause}")).end();
        }
    }
    Outcome { code, ..Outcome::new(page, answer) }
}
