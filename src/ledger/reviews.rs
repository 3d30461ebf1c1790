//! Reviews kept in the repository: `refs/odyssey/reviews/<task>`, one commit a step, its tree the state then.
//!
//! ```text
//! format                       1
//! review.toml                  what it is for, and the two sides as they were last looked at
//! resolutions/<id>/resolution.toml
//! resolutions/<id>/text        what somebody wrote, where that was the choice
//! ```
//! The sides are among the commits' parents, uncommitted edits too, so a push of the ref carries them and git keeps them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::lock::Lock;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::lease::Fence;
use crate::domain::review::ItemId;
use crate::domain::review::Purpose;
use crate::domain::review::Resolution;
use crate::domain::review::Resolutions;
use crate::domain::review::Stage;
use crate::domain::review::steps::StepKind;
use crate::domain::review::steps::Steps;
use crate::domain::task::TaskName;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::Commit;
use crate::git::objects::Entry;
use crate::git::objects::EntryKind;
use crate::git::refs::Expect;
use crate::git::repo::Repo;

use super::local;
use codec::ReviewFile;

pub mod codec;

/// Where reviews are.
pub const PREFIX: &str = "refs/odyssey/reviews/";

/// The format that this program reads and writes.
const FORMAT: &[u8] = b"1\n";

/// A review as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The task.
    pub task: TaskName,
    /// What it is for.
    pub purpose: Purpose,
    /// How far it is.
    pub stage: Stage,
    /// The fence of the lease whose work it is about.
    pub fence: Fence,
    /// The full name of the target.
    pub target: String,
    /// The target's commit as it was last looked at.
    pub ours: Oid,
    /// The task's commit as it was last looked at.
    pub theirs: Oid,
    /// Whether uncommitted edits in the target's checkout go along.
    pub with_edits: bool,
    /// Those of them that were in the way of the landing, on top of the target, as they were last looked at.
    pub edits: Option<Oid>,
    /// What was decided.
    pub resolutions: Resolutions,
}

/// A review at one of its commits.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The commit.
    pub tip: Oid,
    /// What it says.
    pub review: Review,
    /// Its `resolutions`, as they are in the tree.
    entries: Vec<Entry>,
}

/// One step that is to be written down.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// What kind of step.
    pub kind: StepKind,
    /// What it is about, where it is about one thing.
    pub item: Option<&'a ItemId>,
    /// Who takes it.
    pub by: &'a Holder,
    /// When.
    pub at: Timestamp,
    /// What a reader of the history sees after the kind.
    pub about: String,
}

/// Why a review cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// git says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file of ours cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not as one is written.
    #[error("the review at {commit} cannot be understood: {what}")]
    Damaged {
        /// The commit.
        commit: Oid,
        /// What is wrong.
        what: String,
    },
    /// A newer program wrote it.
    #[error("the review of {0} was written by a newer git odyssey")]
    Newer(TaskName),
    /// Somebody else took a step at the same time.
    #[error("somebody else works at the review of {0} at this moment")]
    Busy(TaskName),
    /// There is no step to take back, or to do again.
    #[error("there is nothing to {1} in the review of {0}")]
    Nothing(TaskName, StepKind),
}

impl Explain for ReviewError {
    fn kind(&self) -> Kind {
        match self {
            ReviewError::Git(error) => error.kind(),
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            ReviewError::Git(error) => error.hints(),
            ReviewError::File(error) => error.hints(),
            ReviewError::Damaged { .. } => vec![
                format!("nothing was changed; its steps before: git log -p {PREFIX}TASK"),
                "to begin anew, keep it under another name and remove it: git update-ref".to_owned(),
            ],
            ReviewError::Newer(_) => vec!["install the newer one here too".to_owned()],
            ReviewError::Busy(_) => vec!["run the same command again".to_owned()],
            ReviewError::Nothing(..) => Vec::new(),
        }
    }
}

/// The ref of a task's review.
pub fn reference(task: &TaskName) -> String {
    format!("{PREFIX}{task}")
}

/// The tasks that have a review, and how far it is.
///
/// # Errors
/// When one cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<Review>, ReviewError> {
    let mut found = Vec::new();
    for (name, tip) in repo.references(PREFIX)? {
        if let Some(task) = name.strip_prefix(PREFIX).and_then(|name| name.parse::<TaskName>().ok()) {
            found.push(Stored::at(repo, &task, tip)?.review);
        }
    }
    Ok(found)
}

/// The tasks that have a review, and the commit that it is at.
///
/// # Errors
/// When the refs cannot be listed.
pub fn tips(repo: &Repo) -> Result<BTreeMap<TaskName, Oid>, GitError> {
    let task = |name: &str| name.strip_prefix(PREFIX).and_then(|name| name.parse().ok());
    let found = repo.references(PREFIX)?;
    Ok(found.into_iter().filter_map(|(name, tip)| Some((task(&name)?, tip))).collect())
}

impl Stored {
    /// The review of a task, if it has one; a finished or dropped one too.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn read(repo: &Repo, task: &TaskName) -> Result<Option<Stored>, ReviewError> {
        let Some(tip) = repo.reference(&reference(task))? else { return Ok(None) };
        Stored::at(repo, task, tip).map(Some)
    }

    fn at(repo: &Repo, task: &TaskName, tip: Oid) -> Result<Stored, ReviewError> {
        let damaged = |what: String| ReviewError::Damaged { commit: tip, what };
        let root = repo.tree(repo.commit(tip)?.tree)?;
        let find = |name: &str| root.iter().find(|entry| entry.name == name).map(|entry| entry.oid);
        let format = find("format").ok_or_else(|| damaged("format is missing".to_owned()))?;
        if repo.blob(format)? != FORMAT {
            return Err(ReviewError::Newer(task.clone()));
        }
        let file = find("review.toml").ok_or_else(|| damaged("review.toml is missing".to_owned()))?;
        let file = ReviewFile::from_toml(&repo.blob(file)?).map_err(damaged)?;
        if file.task != *task {
            return Err(damaged(format!("it is that of {}", file.task)));
        }
        let oid = |text: &str| Oid::from_hex(text.as_bytes()).map_err(|error| damaged(error.to_string()));
        let (ours, theirs) = (oid(&file.ours)?, oid(&file.theirs)?);
        let entries = find("resolutions").map(|oid| repo.tree(oid)).transpose()?.unwrap_or_default();
        let mut resolutions = Resolutions::new();
        for entry in &entries {
            let id = entry.name.to_str().ok().and_then(|name| name.parse::<ItemId>().ok());
            let id =
                id.filter(ItemId::is_whole).ok_or_else(|| damaged("a resolution has no name".to_owned()))?;
            resolutions.insert(id, resolution(repo, entry.oid, &damaged)?);
        }
        let edits = file.edits.as_deref().map(oid).transpose()?;
        let ReviewFile { task, purpose, stage, fence, target, with_edits, .. } = file;
        let review =
            Review { task, purpose, stage, fence, target, ours, theirs, with_edits, edits, resolutions };
        Ok(Stored { tip, review, entries })
    }

    /// Begins a review, or begins anew where one was finished or dropped: without what was decided then.
    ///
    /// # Errors
    /// [`ReviewError::Busy`] when there is one by now, else when it cannot be written.
    pub fn open(
        repo: &Repo,
        review: Review,
        before: Option<&Stored>,
        step: Step<'_>,
    ) -> Result<Stored, ReviewError> {
        let review = Review { resolutions: Resolutions::new(), ..review };
        let sides = [review.ours, review.theirs];
        write(repo, review, Vec::new(), before.map(|before| before.tip), &sides, step)
    }

    /// The review with its sides where they are now.
    ///
    /// # Errors
    /// As for [`Stored::take`].
    pub fn moved(self, repo: &Repo, ours: Oid, theirs: Oid, step: Step<'_>) -> Result<Stored, ReviewError> {
        let review = Review { ours, theirs, ..self.review };
        write(repo, review, self.entries, Some(self.tip), &[ours, theirs], step)
    }

    /// The review with uncommitted edits as they are now, and a commit of what becomes of them once that is decided.
    ///
    /// # Errors
    /// As for [`Stored::take`].
    pub fn edited(
        self,
        repo: &Repo,
        edits: Option<Oid>,
        after: Option<Oid>,
        step: Step<'_>,
    ) -> Result<Stored, ReviewError> {
        let review = Review { with_edits: true, edits, ..self.review };
        let kept: Vec<Oid> = edits.into_iter().chain(after).collect();
        write(repo, review, self.entries, Some(self.tip), &kept, step)
    }

    /// The review brought to an end.
    ///
    /// # Errors
    /// As for [`Stored::take`].
    pub fn ended(self, repo: &Repo, stage: Stage, step: Step<'_>) -> Result<Stored, ReviewError> {
        let review = Review { stage, ..self.review };
        write(repo, review, self.entries, Some(self.tip), &[], step)
    }

    /// The review with one thing decided, or decided otherwise.
    ///
    /// # Errors
    /// [`ReviewError::Busy`] when somebody else took a step meanwhile, else when it cannot be written.
    pub fn take(
        self,
        repo: &Repo,
        id: &ItemId,
        resolution: Resolution,
        step: Step<'_>,
    ) -> Result<Stored, ReviewError> {
        let (entry, objects) = codec::entry(repo, id, &resolution)?;
        let mut resolutions = self.review.resolutions;
        resolutions.insert(id.clone(), resolution);
        let entries = with(self.entries, id, Some(entry));
        let review = Review { resolutions, ..self.review };
        repo.sync_objects(&objects)?;
        write(repo, review, entries, Some(self.tip), &[], step)
    }

    /// The review with its last decision taken back, or the last one that was taken back done again. Answers what it is
    /// about.
    ///
    /// # Errors
    /// [`ReviewError::Nothing`] when there is none, else as for [`Stored::take`].
    pub fn undo(
        self,
        repo: &Repo,
        kind: StepKind,
        by: &Holder,
        at: Timestamp,
    ) -> Result<(Stored, ItemId), ReviewError> {
        let none = || ReviewError::Nothing(self.review.task.clone(), kind);
        let steps = self.steps(repo)?;
        let next = if kind == StepKind::Redo { steps.undone } else { steps.done };
        let (commit, id) = next.into_iter().next_back().ok_or_else(none)?;
        let state = match kind {
            StepKind::Redo => Some(commit),
            _ => repo.commit(commit)?.parents.first().copied(),
        };
        let before = state.map(|state| Stored::at(repo, &self.review.task, state)).transpose()?;
        let name = id.as_str();
        let entry = before
            .as_ref()
            .and_then(|before| before.entries.iter().find(|entry| entry.name == name))
            .cloned();
        let resolution = before.and_then(|before| before.review.resolutions.get(&id).cloned());
        let mut resolutions = self.review.resolutions;
        match resolution {
            Some(resolution) => resolutions.insert(id.clone(), resolution),
            None => resolutions.remove(&id),
        };
        let entries = with(self.entries, &id, entry);
        let review = Review { resolutions, ..self.review };
        let step = Step { kind, item: Some(&id), by, at, about: id.to_string() };
        let stored = write(repo, review, entries, Some(self.tip), &[], step)?;
        Ok((stored, id))
    }

    /// How many steps could be taken back, and done again.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn depth(&self, repo: &Repo) -> Result<(usize, usize), ReviewError> {
        let steps = self.steps(repo)?;
        Ok((steps.done.len(), steps.undone.len()))
    }

    /// The steps that changed a decision: each with its commit, and what it is about.
    fn steps(&self, repo: &Repo) -> Result<Steps<(Oid, ItemId)>, ReviewError> {
        let mut found = Vec::new();
        let mut next = Some(self.tip);
        while let Some(oid) = next {
            let commit = repo.commit(oid)?;
            let fact = |name: &str| trailer(&commit, name);
            let kind: StepKind = fact("Step").and_then(|kind| kind.parse().ok()).ok_or_else(|| {
                ReviewError::Damaged { commit: oid, what: "it does not say which step it is".to_owned() }
            })?;
            next = match kind {
                // What was before is another review.
                StepKind::Open => None,
                _ => commit.parents.first().copied(),
            };
            let item = fact("Item").and_then(|item| item.parse().ok());
            found.push((kind, item.map(|item| (oid, item))));
        }
        let steps = found.into_iter().rev().filter_map(|(kind, step)| Some((kind, step?)));
        Ok(Steps::follow(steps))
    }
}

/// One value of a step's commit.
fn trailer(commit: &Commit, name: &str) -> Option<String> {
    let head = format!("Odyssey-{name}: ");
    let line = commit.message.lines().rev().find(|line| line.starts_with(head.as_bytes()))?;
    line[head.len()..].to_str().ok().map(str::to_owned)
}

fn resolution(
    repo: &Repo,
    tree: Oid,
    damaged: &dyn Fn(String) -> ReviewError,
) -> Result<Resolution, ReviewError> {
    let files = repo.tree(tree)?;
    let read = |name: &str| -> Result<Option<Vec<u8>>, GitError> {
        files.iter().find(|file| file.name == name).map(|file| repo.blob(file.oid)).transpose()
    };
    let file = read("resolution.toml")?.ok_or_else(|| damaged("a resolution is missing".to_owned()))?;
    codec::resolution(&file, read("text")?).map_err(damaged)
}

/// The entries with another one, or none, under a name.
fn with(mut entries: Vec<Entry>, id: &ItemId, entry: Option<Entry>) -> Vec<Entry> {
    entries.retain(|known| known.name != id.as_str());
    entries.extend(entry);
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}

/// Waits for one's turn to take steps: while this lives nobody else does, in any review of the repository.
///
/// # Errors
/// When the file system has no locks.
pub fn turn(repo: &Repo) -> Result<Lock, FileError> {
    Lock::wait(&local::folder(repo).join("lock").join("reviews"))
}

/// How long another git may take over a ref of ours.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes away the lock of a ref that one of us left when it was killed. We change these refs one after the other, so
/// it is nobody's, unless a git that fetches has it for a moment.
fn free(lock: &Path) -> Result<(), FileError> {
    let begun = Instant::now();
    while lock.exists() {
        if begun.elapsed() > PATIENCE {
            return atomic::remove(lock);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn write(
    repo: &Repo,
    review: Review,
    entries: Vec<Entry>,
    before: Option<Oid>,
    sides: &[Oid],
    step: Step<'_>,
) -> Result<Stored, ReviewError> {
    let name = |name: &str, kind, oid| Entry { name: name.into(), kind, oid };
    let format = repo.write_blob(FORMAT)?;
    let file = repo.write_blob(ReviewFile::of(&review).to_toml().as_bytes())?;
    let mut objects = vec![format, file];
    let mut root = vec![name("format", EntryKind::Blob, format)];
    if !entries.is_empty() {
        let tree = repo.write_tree(&entries)?;
        objects.push(tree);
        root.push(name("resolutions", EntryKind::Tree, tree));
    }
    root.push(name("review.toml", EntryKind::Blob, file));
    root.sort_by(|one, other| one.name.cmp(&other.name));
    let tree = repo.write_tree(&root)?;
    let parents: Vec<Oid> = before.into_iter().chain(sides.iter().copied()).collect();
    let Step { kind, item, by, at, about } = step;
    let subject = text::visible(format!("{kind} {about}").trim_end().as_bytes());
    let mut message = format!("{subject}\n\nOdyssey-Step: {kind}\nOdyssey-Task: {}\n", review.task);
    if let Some(item) = item {
        message.push_str(&format!("Odyssey-Item: {item}\n"));
    }
    message.push_str(&format!("Odyssey-Holder: {by}\n"));
    let tip = repo.write_commit(tree, &parents, message.as_bytes().as_bstr(), at)?;
    objects.extend([tree, tip]);
    // A decision that was told to be kept has to be on the disk.
    repo.sync_objects(&objects)?;
    let name = reference(&review.task);
    let _turn = turn(repo)?;
    free(&repo.common_dir().join(format!("{name}.lock")))?;
    match repo.edit(&name, Expect::value(before), tip) {
        Err(GitError::Moved { .. } | GitError::Locked { .. }) => Err(ReviewError::Busy(review.task)),
        other => {
            other?;
            Ok(Stored { tip, review, entries })
        }
    }
}
