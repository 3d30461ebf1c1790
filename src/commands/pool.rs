//! `pool`: the trees that are kept for the next workspaces: how many there are, make them, delete them.

use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::git::worktree::Pool as Trees;

use super::Context;
use super::Outcome;
use super::recover;
use super::session::POLICY;
use super::session::Session;
use super::session::SessionError;

/// Show the trees that are kept for the next workspaces, make them ahead, or delete them.
///
/// A claim takes one instead of checking out all files, and moves it to its base by what differs. When a task ends its
/// tree is emptied of everything that git does not track, but for build caches, and kept if there is room.
#[derive(Debug, Clone, clap::Args)]
pub struct Pool {
    /// Make as many as odyssey.toml says
    #[arg(long, conflicts_with = "drain")]
    pub fill: bool,
    /// Delete them all, with their build caches
    #[arg(long)]
    pub drain: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("this repository keeps no trees")]
struct NoPool;

impl Explain for NoPool {
    fn hints(&self) -> Vec<String> {
        vec![format!("say how many in {POLICY}: [pool] size = 4")]
    }
}

/// What there is after the command.
#[derive(Debug, serde::Serialize)]
struct Answer {
    /// The folder of the trees.
    folder: PathBuf,
    /// How many there may be.
    size: usize,
    /// How many are ready.
    ready: usize,
    /// How many were made or deleted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<usize>,
    /// Trees into which somebody wrote after their task had ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    written: Vec<PathBuf>,
}

impl Pool {
    /// Fills or drains the pool, if that is asked, and says how it is.
    ///
    /// # Errors
    /// When the policy wants no pool and none is to be drained, or a tree cannot be made or deleted.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let trees = match session.pool()? {
            Some(trees) => trees,
            // Those of before can still be deleted.
            None if self.drain => Trees { folder: session.workspaces()?.pool(), size: 0, caches: Vec::new() },
            None => return Err(NoPool.into()),
        };
        let mut answer = Answer {
            folder: trees.folder.clone(),
            size: trees.size,
            ready: 0,
            made: None,
            deleted: None,
            written: Vec::new(),
        };
        if self.drain {
            answer.deleted = Some(trees.drain()?);
        }
        if self.fill {
            recover::cut_off(&session, context)?;
            let target = session.target()?;
            let tip = session.repo.reference(&target)?;
            let tip = tip.ok_or_else(|| SessionError::EmptyTarget(target.clone()))?;
            answer.made = Some(session.repo.fill_pool(&trees, tip)?);
        }
        answer.ready = trees.members()?.len();
        answer.written = trees.written()?;
        Ok(Outcome::new(page(&answer), &answer))
    }
}

fn page(answer: &Answer) -> Page {
    let mut page = Page::default();
    if let Some(deleted) = answer.deleted {
        page.line(Label::Good, format!("deleted {}", text::count(deleted, "tree")));
    }
    if let Some(made) = answer.made {
        page.line(Label::Good, format!("made {}", text::count(made, "tree")));
    }
    if answer.size > 0 {
        page.put(Label::Plain, format!("{} of {} ready in ", answer.ready, answer.size));
        page.put(Label::Place, answer.folder.display().to_string()).end();
    }
    for place in &answer.written {
        page.put(Label::Warn, "written into after its task had ended: ");
        page.put(Label::Place, place.display().to_string()).end();
    }
    if !answer.written.is_empty() {
        page.line(Label::Quiet, "  look whether that is somebody's work, then delete these folders yourself");
    }
    page
}
