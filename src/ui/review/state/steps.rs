//! Steps: what a key changes in the review, and where that leaves who pressed it.

use crate::base::page::Label;
use crate::base::text;
use crate::commands::review::desk::Desk;
use crate::domain::policy;
use crate::domain::review::Choice;
use crate::domain::review::Standing;
use crate::domain::review::steps::StepKind;

use super::Answer;
use super::Counts;
use super::Mode;
use super::State;
use super::Wish;
use super::name;
use crate::ui::review::can;
use crate::ui::review::prompt::Subject;

impl<'s> State<'s> {
    /// What follows every step: an older check says less, and there is one more step to take back.
    pub(super) fn step(&mut self, desk: &Desk<'s>) {
        self.count(desk);
        if let Some(check) = &mut self.check {
            check.is_old = true;
        }
    }

    pub(super) fn took(&mut self, desk: &Desk<'s>, steps: usize) {
        self.depth = (self.depth.0 + steps, 0);
        self.step(desk);
    }

    pub(super) fn take(&mut self, desk: &mut Desk<'s>, choice: &Choice) -> Wish {
        let Some(spot) = self.spot() else { return Wish::Nothing };
        let id = desk.item(spot).id.to_string();
        self.decide(desk, &id, choice)
    }

    /// Decides the conflict of a name, and goes on to the next one that is open.
    pub fn decide(&mut self, desk: &mut Desk<'s>, id: &str, choice: &Choice) -> Wish {
        let Ok(spots) = desk.named(id) else {
            self.tell(Label::Bad, "this conflict is no longer there; nothing was decided");
            return Wish::Nothing;
        };
        let was_open = spots.iter().any(|spot| desk.standing(*spot) == Standing::Open);
        if let Err(failure) = desk.take(id, choice) {
            return self.failed(&failure);
        }
        self.took(desk, spots.len());
        let said = spots.first().map(|spot| format!("{}: {}", name(desk, *spot), choice.name()));
        let said = said.unwrap_or_default();
        if was_open {
            self.go_open(desk, 1);
        }
        self.tell_taken(&said);
        Wish::Nothing
    }

    pub(super) fn tell_taken(&mut self, said: &str) {
        let next = match self.counts {
            Counts { open: 0, unconfirmed: 0, .. } => "; all is decided",
            Counts { open: 0, .. } => "; nothing is open, somebody has to agree",
            _ => "",
        };
        self.tell(Label::Good, format!("{said}{next}"));
    }

    pub(super) fn take_file(&mut self, desk: &mut Desk<'s>, choice: &Choice) -> Wish {
        let Some(spot) = self.spot() else { return Wish::Nothing };
        let open = can::open_in_file(desk, spot.file, choice.name());
        let count = open.len();
        for spot in open {
            let id = desk.item(spot).id.to_string();
            if let Err(failure) = desk.take(&id, choice) {
                return self.failed(&failure);
            }
            self.took(desk, 1);
        }
        self.go_open(desk, 1);
        let path = text::visible(&desk.item(spot).path);
        self.tell_taken(&format!("{path}: {} of {}", text::count(count, "conflict"), choice.name()));
        Wish::Nothing
    }

    pub(super) fn undo(&mut self, desk: &mut Desk<'s>, kind: StepKind) -> Wish {
        let id = match desk.undo(kind) {
            Ok(id) => id,
            Err(failure) => return self.failed(&failure),
        };
        self.depth = match (kind, self.depth) {
            (StepKind::Redo, (done, undone)) => (done + 1, undone.saturating_sub(1)),
            (_, (done, undone)) => (done.saturating_sub(1), undone + 1),
        };
        self.step(desk);
        let what = if kind == StepKind::Redo { "done again" } else { "taken back" };
        match self.rows.iter().position(|spot| desk.item(*spot).id == id) {
            Some(row) => {
                self.go(row);
                let name = name(desk, self.rows[row]);
                self.tell(Label::Good, format!("{name}: the last step was {what}"));
            }
            None => {
                self.tell(Label::Good, format!("{what}: a step about a conflict that is no longer there"))
            }
        }
        Wish::Nothing
    }

    pub(super) fn agree(&mut self, desk: &mut Desk<'s>) -> Wish {
        let Some(spot) = self.spot() else { return Wish::Nothing };
        let id = desk.item(spot).id.to_string();
        match desk.confirm(&id) {
            Ok(_) => {
                self.took(desk, 1);
                self.tell_taken(&format!("{}: agreed", name(desk, spot)));
                Wish::Nothing
            }
            Err(failure) => self.failed(&failure),
        }
    }

    pub(super) fn accept(&mut self, desk: &mut Desk<'s>) -> Wish {
        let Mode::Line(prompt) = std::mem::replace(&mut self.mode, Mode::Desk) else { return Wish::Nothing };
        let text = prompt.text().trim();
        match prompt.subject {
            Subject::Search if text.is_empty() => self.wanted = None,
            Subject::Search => {
                self.wanted = Some(text.to_owned());
                self.find(desk, 1);
            }
            Subject::Note => {
                let Some(spot) = self.spot() else { return Wish::Nothing };
                let id = desk.item(spot).id.to_string();
                match desk.note(&id, text) {
                    Ok(_) => {
                        self.took(desk, 1);
                        self.tell(Label::Good, "the note is kept with the decision");
                    }
                    Err(failure) => return self.failed(&failure),
                }
            }
            Subject::Path => return self.take(desk, &Choice::At(text.to_owned())),
            Subject::Command => match policy::words(text) {
                Ok(words) => return Wish::Check(words),
                Err(reason) => self.tell(Label::Bad, text::visible(reason.to_string().as_bytes())),
            },
        }
        Wish::Nothing
    }

    pub(super) fn yes(&mut self, desk: &mut Desk<'s>) -> Wish {
        let Mode::Question(_, answer) = std::mem::replace(&mut self.mode, Mode::Desk) else {
            return Wish::Nothing;
        };
        match answer {
            Answer::Finish => Wish::Finish,
            Answer::Keep(id, text) => self.decide(desk, &id, &Choice::Text(text)),
        }
    }
}
