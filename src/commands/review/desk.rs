//! The desk: a review with all that is to be decided, and every step that can be taken in it.

use crate::base::clock::Clock;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::lease::Lease;
use crate::domain::review::Confirm;
use crate::domain::review::ItemId;
use crate::domain::review::Purpose;
use crate::domain::review::Resolution;
use crate::domain::review::Resolutions;
use crate::domain::review::Stage;
use crate::domain::review::Standing;
use crate::domain::review::steps::StepKind;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::repo::Repo;
use crate::ledger::reviews::Review;
use crate::ledger::reviews::ReviewError;
use crate::ledger::reviews::Step;
use crate::ledger::reviews::Stored;
use crate::merge::review::Item;
use crate::merge::review::Opened;
use crate::merge::review::Reviewing;
use crate::merge::sides::Sides;

use super::super::Context;
use super::super::handover::error::HandoverError;
use super::super::land;
use super::super::session::Session;
use super::super::sync;
use super::edits;
use super::edits::Choices;
use super::edits::Edits;
use super::error::DeskError;
use super::lost::Renamed;
use super::opening;
use super::opening::Asked;

/// A review on the desk.
pub struct Desk<'s> {
    pub(super) session: &'s Session,
    pub(super) clock: Clock,
    pub(super) who: Holder,
    pub(super) repo: Repo,
    /// The lease whose work is merged.
    pub lease: Lease,
    pub(super) stored: Stored,
    pub(super) sides: Sides,
    pub(super) marked: Oid,
    pub(super) files: Vec<File>,
    /// What became of the decisions when a side moved since they were made.
    pub moved: Option<Moved>,
    /// Uncommitted edits that go along; nothing while there are none, or it cannot be told yet what they are beside.
    pub edits: Option<Edits>,
    pub(super) looked: Option<Choices>,
    pub(super) renamed: Vec<Renamed>,
}

/// One conflicting file on the desk.
pub struct File {
    /// The conflict, in pieces.
    pub opened: Opened,
    /// Whose word each of them wants, by the policy.
    pub owners: Vec<Option<Holder>>,
    /// Whether its ours is uncommitted.
    pub is_edits: bool,
}

/// A side moved since the review was last looked at.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Moved {
    /// How many decisions hold still.
    pub kept: usize,
    /// How many were about what is no conflict, or another one, by now.
    pub gone: usize,
}

/// Where a thing to decide is: which file, and which of its things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The file's number.
    pub file: usize,
    /// The thing's number in it.
    pub item: usize,
}

/// Whether somebody else took a step in the review meanwhile: open it anew.
pub fn is_stale(failure: &Failure) -> bool {
    failure.is::<ReviewError>(|error| matches!(error, ReviewError::Busy(_)))
}

/// The mode of a submodule.
const SUBMODULE: u32 = 0o160_000;

impl<'s> Desk<'s> {
    /// Opens a task's review, or resumes it. Nothing is written where there is no conflict.
    ///
    /// # Errors
    /// When there is nothing to review, or what there is was begun for another purpose than the one that was asked for.
    pub fn open(
        session: &'s Session,
        context: &Context<'_>,
        task: &TaskName,
        asked: impl Into<Asked>,
    ) -> Result<Desk<'s>, Failure> {
        let asked: Asked = asked.into();
        let who = opening::who(session, context, task)?;
        let lease = land::verified_lease(session, context, task)?;
        let branch = lease.branch().ok_or_else(|| DeskError::Here(task.clone()))?.to_owned();
        if session.repo.reference(&branch)?.is_some() && session.is_elsewhere(&lease)? {
            return Err(HandoverError::Elsewhere(task.clone()).into());
        }
        let (tip, target) = land::ends(session, &lease, &branch)?;
        let stored = Stored::read(&session.repo, task)?;
        let mut going = stored.as_ref().filter(|stored| stored.review.stage == Stage::Open);
        if let Some(stored) = going
            && !opening::goes_on(&session.repo, &stored.review, &lease, (tip, target))?
        {
            going = None;
        }
        let purpose = match (going.map(|stored| stored.review.purpose), asked.purpose) {
            (Some(purpose), Some(asked)) if purpose != asked => {
                return Err(DeskError::Other { task: task.clone(), purpose: purpose.words() }.into());
            }
            (Some(purpose), _) => purpose,
            (None, Some(asked)) => asked,
            (None, None) => opening::by_policy(session.policy.land.strategy)?,
        };
        if asked.edits && purpose == Purpose::Sync {
            return Err(DeskError::NoEdits { purpose: purpose.words() }.into());
        }
        let repo = match purpose {
            Purpose::Sync => sync::workspace_on(session, &lease, &branch)?,
            Purpose::Land | Purpose::Squash => session.repo.clone(),
        };
        let decided = going.map(|stored| stored.review.resolutions.clone()).unwrap_or_default();
        let sides = opening::sides(purpose);
        let (marked, opened) =
            opening::taken_to_pieces(session, &repo, &lease, (tip, target), sides, &decided)?;
        if opened.iter().all(|opened| opened.items.is_empty())
            && going.is_none()
            && !(asked.edits && Desk::has_edits(session, &repo, &lease, (tip, target), sides)?)
        {
            let short = land::short(&lease.target).to_owned();
            let next = match purpose {
                Purpose::Sync => format!("git odyssey sync {task}"),
                Purpose::Land | Purpose::Squash => format!("git odyssey land {task}"),
            };
            return Err(DeskError::Nothing { task: task.clone(), target: short, next }.into());
        }
        let at = context.clock.now();
        let going = going.is_some();
        let (stored, moved) = match stored {
            Some(stored) if going => {
                opening::advanced(&session.repo, stored, (target, tip), &opened, &who, at)?
            }
            before => {
                let review = Review {
                    task: task.clone(),
                    purpose,
                    stage: Stage::Open,
                    fence: lease.fence,
                    target: lease.target.clone(),
                    ours: target,
                    theirs: tip,
                    with_edits: asked.edits,
                    edits: None,
                    resolutions: Resolutions::new(),
                };
                let about = format!("the review of {task}");
                let step = Step { kind: StepKind::Open, item: None, by: &who, at, about };
                match Stored::open(&session.repo, review, before.as_ref(), step) {
                    // Somebody has begun it just now.
                    Err(ReviewError::Busy(_)) => return Desk::open(session, context, task, asked),
                    other => (other?, None),
                }
            }
        };
        let book = session.ledger().read()?.book;
        let confirm = session.policy.review.confirm;
        let mut files = Vec::new();
        let old = match confirm {
            Confirm::Nobody => vec![Vec::new(); opened.len()],
            Confirm::Human | Confirm::Owner => opening::old_names(&repo, &opened, (target, tip))?,
        };
        for (opened, old) in opened.into_iter().zip(old) {
            let owners = opening::owners(&repo, &book, &lease, &opened, &old, confirm)?;
            files.push(File { opened, owners, is_edits: false });
        }
        let clock = context.clock;
        let stored = match stored.review.with_edits || !asked.edits {
            true => stored,
            false => {
                let about = "to the edits too".to_owned();
                let step = Step { kind: StepKind::Move, item: None, by: &who, at, about };
                stored.edited(&session.repo, None, None, step)?
            }
        };
        let (edits, looked, renamed) = (None, None, Vec::new());
        let mut desk = Desk {
            session,
            clock,
            who,
            repo,
            lease,
            stored,
            sides,
            marked,
            files,
            moved,
            edits,
            looked,
            renamed,
        };
        desk.look_at_edits()?;
        desk.count_edits();
        Ok(desk)
    }

    /// Whether uncommitted edits are in the way where nothing else is to be decided.
    fn has_edits(
        session: &Session,
        repo: &Repo,
        lease: &Lease,
        (tip, target): (Oid, Oid),
        sides: Sides,
    ) -> Result<bool, Failure> {
        let tree = opening::result(session, repo, lease, (tip, target), sides, &Resolutions::new())?;
        let landed = edits::would_land(repo, target, tree)?;
        Ok(edits::in_the_way(session, lease, target, landed)?.is_some())
    }

    /// Decisions about uncommitted edits hold too when a side has moved.
    fn count_edits(&mut self) {
        let decided = |spot: &Spot| self.files[spot.file].is_edits && self.resolution(*spot).is_some();
        let kept = self.spots().filter(decided).count();
        if let Some(moved) = &mut self.moved {
            (moved.kept, moved.gone) = (moved.kept + kept, moved.gone.saturating_sub(kept));
        }
    }

    /// The review as it stands.
    pub fn review(&self) -> &Review {
        &self.stored.review
    }

    /// All conflicting files.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The session.
    pub fn session(&self) -> &'s Session {
        self.session
    }

    /// Who decides here.
    pub fn who(&self) -> &Holder {
        &self.who
    }

    /// The target, as people write it.
    pub fn target(&self) -> &str {
        land::short(&self.lease.target)
    }

    /// One thing to decide.
    pub fn item(&self, spot: Spot) -> &Item {
        &self.files[spot.file].opened.items[spot.item]
    }

    /// What was decided of it.
    pub fn resolution(&self, spot: Spot) -> Option<&Resolution> {
        self.stored.review.resolutions.get(&self.item(spot).id)
    }

    /// Where it stands.
    pub fn standing(&self, spot: Spot) -> Standing {
        if self.is_lost(spot) {
            return Standing::Open;
        }
        Standing::of(self.resolution(spot), self.owner(spot))
    }

    /// Whose word it wants, by the policy.
    pub fn owner(&self, spot: Spot) -> Option<&Holder> {
        self.files[spot.file].owners[spot.item].as_ref()
    }

    /// Everything to decide, file by file.
    pub fn spots(&self) -> impl Iterator<Item = Spot> + '_ {
        let items =
            |(file, of): (usize, &File)| (0..of.opened.items.len()).map(move |item| Spot { file, item });
        self.files.iter().enumerate().flat_map(items)
    }

    /// What a name means: a conflict's name or its beginning, a path, or `all` that are open.
    ///
    /// # Errors
    /// When nothing has it, or several begin with it.
    pub fn named(&self, name: &str) -> Result<Vec<Spot>, DeskError> {
        if name == "all" {
            return Ok(self.spots().filter(|spot| self.standing(*spot) == Standing::Open).collect());
        }
        if name.parse::<ItemId>().is_ok() {
            let found: Vec<Spot> =
                self.spots().filter(|spot| self.item(*spot).id.as_str().starts_with(name)).collect();
            match found.len() {
                0 => {}
                1 => return Ok(found),
                _ => return Err(DeskError::Ambiguous(name.to_owned())),
            }
        }
        let is_named = |spot: &Spot| {
            let path = &self.item(*spot).path;
            *path == name || text::visible(path) == name
        };
        let found: Vec<Spot> = self.spots().filter(is_named).collect();
        if found.is_empty() { Err(DeskError::Unknown(name.to_owned())) } else { Ok(found) }
    }

    /// Whether nobody has taken a step since the review was put on this desk.
    ///
    /// # Errors
    /// When somebody has.
    pub fn need_unchanged(&self, repo: &Repo) -> Result<(), Failure> {
        let task = &self.lease.task;
        let now = Stored::read(repo, task)?.map(|stored| stored.tip);
        if now == Some(self.stored.tip) { Ok(()) } else { Err(DeskError::Changed(task.clone()).into()) }
    }

    /// How many steps could be taken back, and done again.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn depth(&self) -> Result<(usize, usize), Failure> {
        Ok(self.stored.depth(&self.session.repo)?)
    }

    /// A file as it is with what was decided; nothing where there is none by that.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn preview(&self, file: usize) -> Result<Option<Vec<u8>>, Failure> {
        let names = [self.ours_name(file), self.lease.task.as_str()];
        let opened = &self.files[file].opened;
        Ok(self.reviewing(file).preview(opened, &self.stored.review.resolutions, names)?)
    }

    /// What is at a path: the lines of a file, or where a symbolic link leads. Nothing for a submodule.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn content(&self, (mode, oid): (u32, Oid)) -> Result<Option<Vec<u8>>, Failure> {
        match mode {
            SUBMODULE => Ok(None),
            _ => Ok(Some(self.repo.blob(oid)?)),
        }
    }

    /// Whether everything is decided, and by whom it has to be.
    ///
    /// # Errors
    /// When something is open, or somebody has to agree.
    pub fn need_decided(&self) -> Result<(), DeskError> {
        let task = self.lease.task.clone();
        let with = |standing: Standing| self.spots().filter(move |spot| self.standing(*spot) == standing);
        if let Some(lost) = self.lost().next() {
            return Err(DeskError::Lost { task, names: lost.names.clone() });
        }
        let open: Vec<Spot> = with(Standing::Open).collect();
        if !open.is_empty() {
            let mut paths: Vec<String> =
                open.iter().map(|spot| text::visible(&self.item(*spot).path)).collect();
            paths.dedup();
            if paths.len() > 5 {
                let more = paths.len() - 4;
                paths.truncate(4);
                paths.push(format!("and {more} more"));
            }
            return Err(DeskError::Open { task, open: open.len(), paths });
        }
        let unconfirmed: Vec<Spot> = with(Standing::Unconfirmed).collect();
        if !unconfirmed.is_empty() {
            let owner = |spot: &Spot| self.owner(*spot).map(Holder::to_string);
            let mut owners: Vec<String> = unconfirmed.iter().filter_map(owner).collect();
            owners.sort();
            owners.dedup();
            return Err(DeskError::Unconfirmed { task, count: unconfirmed.len(), owners });
        }
        Ok(())
    }

    /// The merge that a file's conflict is of.
    pub(super) fn reviewing(&self, file: usize) -> Reviewing<'_> {
        if let Some(edits) = self.reviewing_edits(file) {
            return edits;
        }
        let Review { ours, theirs, .. } = self.stored.review;
        let (ours, theirs) = opening::ends(self.sides, (theirs, ours));
        Reviewing { repo: &self.repo, sides: self.sides, ours, theirs, marked: self.marked }
    }

    /// Writes down, in a repository that is there still, that the review has come to its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(self, repo: &Repo, stage: Stage) -> Result<(), Failure> {
        let kind = if stage == Stage::Finished { StepKind::Finish } else { StepKind::Drop };
        let about = format!("the review of {}", self.lease.task);
        let step = Step { kind, item: None, by: &self.who, at: self.clock.now(), about };
        self.stored.ended(repo, stage, step)?;
        Ok(())
    }
}
