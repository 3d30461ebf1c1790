//! The desk: a review with all that is to be decided, and every step that can be taken in it.

use crate::base::clock::Clock;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::lease::Lease;
use crate::domain::review::Choice;
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
use super::error::DeskError;
use super::opening;

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
}

/// One conflicting file on the desk.
pub struct File {
    /// The conflict, in pieces.
    pub opened: Opened,
    /// Whose word each of them wants, by the policy.
    pub owners: Vec<Option<Holder>>,
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

/// How often a decision is tried again because others take steps at the same time.
const TRIES: usize = 50;
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
        asked: Option<Purpose>,
    ) -> Result<Desk<'s>, Failure> {
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
        let purpose = match (going.map(|stored| stored.review.purpose), asked) {
            (Some(purpose), Some(asked)) if purpose != asked => {
                return Err(DeskError::Other { task: task.clone(), purpose: purpose.words() }.into());
            }
            (Some(purpose), _) => purpose,
            (None, Some(asked)) => asked,
            (None, None) => opening::by_policy(session.policy.land.strategy)?,
        };
        let repo = match purpose {
            Purpose::Sync => sync::workspace_on(session, &lease, &branch)?,
            Purpose::Land | Purpose::Squash => session.repo.clone(),
        };
        let decided = going.map(|stored| stored.review.resolutions.clone()).unwrap_or_default();
        let sides = opening::sides(purpose);
        let (marked, opened) =
            opening::taken_to_pieces(session, &repo, &lease, (tip, target), sides, &decided)?;
        if opened.iter().all(|opened| opened.items.is_empty()) && going.is_none() {
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
        for opened in opened {
            let owners = opening::owners(&repo, &book, &lease, &opened, confirm)?;
            files.push(File { opened, owners });
        }
        let clock = context.clock;
        Ok(Desk { session, clock, who, repo, lease, stored, sides, marked, files, moved })
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

    /// Decides what a name means. Answers what was decided.
    ///
    /// # Errors
    /// When the choice does not fit, or somebody else took a step meanwhile; what was decided before that is kept.
    pub fn take(&mut self, name: &str, choice: &Choice) -> Result<Vec<ItemId>, Failure> {
        let spots = self.named(name)?;
        for spot in &spots {
            let file = &self.files[spot.file];
            let item = self.item(*spot);
            if !self.reviewing().fits(&file.opened, item, choice)? {
                return Err(DeskError::Unfit {
                    path: text::visible(&item.path),
                    choice: choice.name(),
                    kind: file.opened.conflict.kind.to_string(),
                    fitting: item.choices.clone(),
                }
                .into());
            }
        }
        if let Choice::At(path) = choice {
            self.need_free(path, &spots)?;
        }
        let mut taken = Vec::new();
        for spot in spots {
            taken.push(self.take_one(spot, choice.clone())?);
        }
        Ok(taken)
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

    /// Decides one thing.
    ///
    /// # Errors
    /// As for [`Desk::take`].
    fn take_one(&mut self, spot: Spot, choice: Choice) -> Result<ItemId, Failure> {
        // Who decides otherwise, or for another, has reasons of his own.
        let same = |before: &&Resolution| before.choice == choice && before.by == self.who;
        let note = self.resolution(spot).filter(same).and_then(|before| before.note.clone());
        let at = self.clock.now();
        let resolution = Resolution { choice, by: self.who.clone(), at, note, confirmed: None };
        let about = format!("{} in {}", resolution.choice.name(), text::visible(&self.item(spot).path));
        self.put(StepKind::Take, spot, resolution, about)
    }

    /// Says why something was decided so. Answers what it is about.
    ///
    /// # Errors
    /// When it is not decided, else as for [`Desk::take`].
    pub fn note(&mut self, name: &str, note: &str) -> Result<Vec<ItemId>, Failure> {
        let note = text::visible(note.trim().as_bytes());
        let note = Some(note).filter(|note| !note.is_empty());
        self.amend(name, StepKind::Note, |_, resolution| {
            Ok(Resolution { note: note.clone(), ..resolution.clone() })
        })
    }

    /// Agrees to what somebody decided. Answers what it is about.
    ///
    /// # Errors
    /// When it is not decided, or another's word is wanted, else as for [`Desk::take`].
    pub fn confirm(&mut self, name: &str) -> Result<Vec<ItemId>, Failure> {
        let who = self.who.clone();
        self.amend(name, StepKind::Confirm, |owner, resolution| match owner {
            Some(owner) if *owner == who => {
                Ok(Resolution { confirmed: Some(who.clone()), ..resolution.clone() })
            }
            owner => Err(owner.map_or("nobody".to_owned(), Holder::to_string)),
        })
    }

    fn amend(
        &mut self,
        name: &str,
        kind: StepKind,
        amended: impl Fn(Option<&Holder>, &Resolution) -> Result<Resolution, String>,
    ) -> Result<Vec<ItemId>, Failure> {
        let mut done = Vec::new();
        for spot in self.named(name)? {
            let id = self.item(spot).id.clone();
            let before = self.resolution(spot).ok_or_else(|| DeskError::Undecided(id.clone()))?;
            let not = |owner| DeskError::NotOwner { id, owner, who: self.who.clone() };
            let resolution = amended(self.owner(spot), before).map_err(not)?;
            let about = text::visible(&self.item(spot).path);
            done.push(self.put(kind, spot, resolution, about)?);
        }
        Ok(done)
    }

    fn put(
        &mut self,
        kind: StepKind,
        spot: Spot,
        resolution: Resolution,
        about: String,
    ) -> Result<ItemId, Failure> {
        let id = self.item(spot).id.clone();
        let who = self.who.clone();
        let step = Step { kind, item: Some(&id), by: &who, at: self.clock.now(), about };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.stored.clone().take(&self.session.repo, &id, resolution.clone(), step.clone()) {
                // Somebody decided something else at the same time: both decisions stand.
                Err(ReviewError::Busy(_)) if tries < TRIES => self.reread()?,
                other => {
                    self.stored = other?;
                    return Ok(id);
                }
            }
        }
    }

    /// Takes note of what others decided meanwhile.
    fn reread(&mut self) -> Result<(), Failure> {
        let task = &self.lease.task;
        let found = Stored::read(&self.session.repo, task)?;
        let goes_on = |found: &Stored| {
            let (now, before) = (&found.review, &self.stored.review);
            now.stage == Stage::Open && (now.ours, now.theirs) == (before.ours, before.theirs)
        };
        self.stored = found.filter(goes_on).ok_or_else(|| ReviewError::Busy(task.clone()))?;
        Ok(())
    }

    /// Takes the last decision back, or does the last one again that was taken back. Answers what it is about.
    ///
    /// # Errors
    /// When there is none, else as for [`Desk::take`].
    pub fn undo(&mut self, kind: StepKind) -> Result<ItemId, Failure> {
        let at = self.clock.now();
        let (stored, id) = self.stored.clone().undo(&self.session.repo, kind, &self.who, at)?;
        self.stored = stored;
        Ok(id)
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
        let names = [self.target(), self.lease.task.as_str()];
        let opened = &self.files[file].opened;
        Ok(self.reviewing().preview(opened, &self.stored.review.resolutions, names)?)
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

    fn reviewing(&self) -> Reviewing<'_> {
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
