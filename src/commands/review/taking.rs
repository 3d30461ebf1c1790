//! Taking steps: deciding, saying why, agreeing, and taking back, each kept before it is answered.

use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::holder::Holder;
use crate::domain::review::Choice;
use crate::domain::review::ItemId;
use crate::domain::review::Resolution;
use crate::domain::review::Stage;
use crate::domain::review::steps::StepKind;
use crate::ledger::reviews::ReviewError;
use crate::ledger::reviews::Step;
use crate::ledger::reviews::Stored;

use super::desk::Desk;
use super::desk::Spot;
use super::error::DeskError;

/// How often a decision is tried again because others take steps at the same time.
const TRIES: usize = 50;

impl Desk<'_> {
    /// Decides what a name means. Answers what was decided.
    ///
    /// # Errors
    /// When the choice does not fit, or somebody else took a step meanwhile; what was decided before that is kept.
    pub fn take(&mut self, name: &str, choice: &Choice) -> Result<Vec<ItemId>, Failure> {
        let spots = self.named(name)?;
        for spot in &spots {
            let file = &self.files[spot.file];
            let item = self.item(*spot);
            if !self.reviewing(spot.file).fits(&file.opened, item, choice)? {
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
}
