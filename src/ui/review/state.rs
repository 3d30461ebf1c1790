//! The state of the screen: where somebody is, and what every key makes of it. It draws nothing and waits for nothing.

use std::collections::HashMap;
use std::rc::Rc;

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::text;
use crate::commands::review::desk;
use crate::commands::review::desk::Desk;
use crate::commands::review::desk::Spot;
use crate::commands::review::hands::Hands;
use crate::domain::review::Choice;
use crate::domain::review::Standing;
use crate::domain::review::steps::StepKind;
use crate::merge::makers::Maker;
use crate::merge::review::What;

use super::can;
use super::check::Check;
use super::pager::Pager;
use super::prompt::Prompt;
use super::prompt::Subject;
use super::sheet;
use super::sheet::Column;
use super::sheet::Row;
use super::sheet::Sheet;
use crate::ui::keys;
use crate::ui::keys::Action;
use crate::ui::keys::Key;
use crate::ui::keys::Place;

mod reading;
mod steps;

/// What the keys go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The list with the sides of a conflict.
    Desk,
    /// A text that is read.
    Text(Pager),
    /// The page of all keys.
    Help(Pager),
    /// What the check wrote.
    Output(Pager),
    /// A line that is written.
    Line(Prompt),
    /// A question, and what a yes means.
    Question(String, Answer),
}

/// What a yes means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To finish.
    Finish,
    /// To keep a text that somebody wrote, for the conflict of that name.
    Keep(String, Vec<u8>),
}

/// What has to be done outside of the state.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// To leave.
    Leave,
    /// To start the editor on the conflict here.
    Edit,
    /// To run this on the result.
    Check(Vec<String>),
    /// To land or sync.
    Finish,
    /// To open the review anew, because somebody else took a step.
    Reopen,
    /// To stop for a while.
    Suspend,
}

/// How much is to be decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In all.
    pub all: usize,
    /// Nobody has decided.
    pub open: usize,
    /// Wanting somebody's word.
    pub unconfirmed: usize,
}

/// How many sheets are kept.
const MOST_SHEETS: usize = 64;

/// The state of the screen.
pub struct State<'s> {
    /// All that is to be decided.
    pub rows: Vec<Spot>,
    /// The one that is looked at.
    pub at: usize,
    /// The first that the list shows.
    pub list_top: usize,
    /// The first line of the sides that is shown.
    pub scroll: usize,
    /// How many columns of the sides are hidden on the left.
    pub shift: usize,
    /// What the keys go to.
    pub mode: Mode,
    /// What was told last.
    pub told: Option<(Label, String)>,
    /// How much is to be decided.
    pub counts: Counts,
    /// How many steps can be taken back, and done again.
    pub depth: (usize, usize),
    /// What is searched for.
    pub wanted: Option<String>,
    /// The check.
    pub check: Option<Check>,
    /// What the last picture could not show: lines below, and columns on the right.
    pub beyond: (usize, usize),
    /// How many lines of a text the last picture showed.
    pub page: usize,
    hands: Hands<'s>,
    makers: HashMap<usize, [Option<Maker>; 2]>,
    sheets: HashMap<String, Rc<Sheet>>,
    written: Option<(String, Vec<u8>, Rc<Column>)>,
}

impl<'s> State<'s> {
    /// The first state: at the first thing that is open.
    ///
    /// # Errors
    /// When the review's history cannot be read.
    pub fn of(desk: &Desk<'s>) -> Result<State<'s>, Failure> {
        let mut state = State {
            rows: Vec::new(),
            at: 0,
            list_top: 0,
            scroll: 0,
            shift: 0,
            mode: Mode::Desk,
            told: None,
            counts: Counts::default(),
            depth: (0, 0),
            wanted: None,
            check: None,
            beyond: (0, 0),
            page: 1,
            hands: Hands::of(desk),
            makers: HashMap::new(),
            sheets: HashMap::new(),
            written: None,
        };
        state.look(desk)?;
        let is_open = |spot: &Spot| desk.standing(*spot) == Standing::Open;
        state.at = state.rows.iter().position(is_open).unwrap_or(0);
        if let Some(moved) = desk.moved {
            let kept = text::count(moved.kept, "decision");
            state.tell(
                Label::Warn,
                format!("a side has moved: {kept} hold still, {} do not apply", moved.gone),
            );
        }
        Ok(state)
    }

    /// Takes another desk of the same review, and stays where it is as far as that is there.
    ///
    /// # Errors
    /// When the review's history cannot be read.
    pub fn reopened(&mut self, before: &Desk<'s>, desk: &Desk<'s>) -> Result<(), Failure> {
        let here = self.spot().map(|spot| before.item(spot).id.clone());
        self.hands = Hands::of(desk);
        self.makers.clear();
        self.step(desk);
        self.look(desk)?;
        let same = self.rows.iter().position(|spot| Some(&desk.item(*spot).id) == here.as_ref());
        self.go(same.unwrap_or(self.at.min(self.rows.len().saturating_sub(1))));
        Ok(())
    }

    fn look(&mut self, desk: &Desk<'s>) -> Result<(), Failure> {
        self.rows = desk.spots().collect();
        self.depth = desk.depth()?;
        self.count(desk);
        Ok(())
    }

    fn count(&mut self, desk: &Desk<'s>) {
        let mut counts = Counts { all: self.rows.len(), ..Counts::default() };
        for spot in &self.rows {
            match desk.standing(*spot) {
                Standing::Open => counts.open += 1,
                Standing::Unconfirmed => counts.unconfirmed += 1,
                Standing::Decided => {}
            }
        }
        self.counts = counts;
    }

    /// The conflict that is looked at.
    pub fn spot(&self) -> Option<Spot> {
        self.rows.get(self.at).copied()
    }

    /// Where keys go.
    pub fn place(&self) -> Place {
        match self.mode {
            Mode::Desk => Place::Desk,
            Mode::Text(_) | Mode::Help(_) | Mode::Output(_) => Place::Text,
            Mode::Line(_) => Place::Line,
            Mode::Question(..) => Place::Question,
        }
    }

    /// Says something until the next key.
    pub fn tell(&mut self, label: Label, said: impl Into<String>) {
        self.told = Some((label, said.into()));
    }

    /// Says that something went wrong; and whether the review has to be opened anew for it.
    pub fn failed(&mut self, failure: &Failure) -> Wish {
        if desk::is_stale(failure) {
            return Wish::Reopen;
        }
        let said = failure.to_string();
        let mut said = said.lines().next().unwrap_or_default().to_owned();
        if let Some(hint) = failure.hints().first() {
            said.push_str(&format!(" ({hint})"));
        }
        self.tell(Label::Bad, text::visible(said.as_bytes()));
        Wish::Nothing
    }

    /// Who made the sides of a file, if that was found out.
    pub fn makers(&self, file: usize) -> Option<&[Option<Maker>; 2]> {
        self.makers.get(&file)
    }

    /// Finds out who made the sides of what is looked at. False when that is known.
    pub fn find_makers(&mut self, desk: &Desk<'s>) -> bool {
        let Some(file) = self.spot().map(|spot| spot.file) else { return false };
        if self.makers.contains_key(&file) {
            return false;
        }
        let found = self.hands.find(desk, file).unwrap_or_else(|failure| {
            self.failed(&failure);
            [None, None]
        });
        self.makers.insert(file, found);
        true
    }

    /// The sides of what is looked at.
    pub fn sheet(&mut self, desk: &Desk<'_>, spot: Spot) -> Rc<Sheet> {
        let id = desk.item(spot).id.as_str();
        if let Some(sheet) = self.sheets.get(id) {
            return Rc::clone(sheet);
        }
        let sheet = Sheet::of(desk, spot).unwrap_or_else(|failure| {
            let row = vec![Row::remark(text::visible(failure.to_string().as_bytes()))];
            Sheet { ours: row.clone(), base: Column::new(), theirs: row }
        });
        if self.sheets.len() >= MOST_SHEETS {
            self.sheets.clear();
        }
        let sheet = Rc::new(sheet);
        self.sheets.insert(id.to_owned(), Rc::clone(&sheet));
        sheet
    }

    /// What somebody wrote for it, where that was the choice.
    pub fn written(&mut self, desk: &Desk<'_>, spot: Spot) -> Option<Rc<Column>> {
        let Choice::Text(text) = &desk.resolution(spot)?.choice else { return None };
        let id = desk.item(spot).id.as_str();
        match &self.written {
            Some((known, of, column)) if known == id && of == text => return Some(Rc::clone(column)),
            _ => {}
        }
        let column = Rc::new(sheet::plain(text));
        self.written = Some((id.to_owned(), text.clone(), Rc::clone(&column)));
        Some(column)
    }

    /// Takes pasted text in where a line is written; elsewhere it would be keys that nobody pressed.
    pub fn paste(&mut self, pasted: &str) {
        if let Mode::Line(prompt) = &mut self.mode {
            prompt.write(pasted);
        }
    }

    /// Looks how the check goes.
    pub fn tick(&mut self) {
        let Some(check) = &mut self.check else { return };
        if !check.runs() {
            return;
        }
        let has_ended = check.look();
        let (words, ended_well) = (check.words(), matches!(check.ended, Some(super::check::Ended::Well)));
        if let Mode::Output(pager) = &mut self.mode {
            let was_at_end = pager.top + self.page >= pager.len();
            pager.replace(check.output().to_vec());
            if was_at_end {
                pager.go(isize::MAX, self.page);
            }
        }
        if has_ended {
            self.tell(if ended_well { Label::Good } else { Label::Bad }, words);
        }
    }

    /// Does what a key asks for.
    pub fn press(&mut self, desk: &mut Desk<'s>, key: Key) -> Wish {
        self.told = None;
        match keys::found(self.place(), key) {
            Some(row) if can::be_done(self, desk, row.action) => self.act(desk, row.action),
            Some(row) => {
                let what = if row.word.is_empty() { row.what } else { row.word };
                self.tell(Label::Warn, format!("{key} {what}: {}", can::not(self, row.action)));
                Wish::Nothing
            }
            None => {
                match &mut self.mode {
                    Mode::Line(prompt) => prompt.press(key),
                    Mode::Desk | Mode::Text(_) => self.tell(Label::Quiet, format!("{key} does nothing here")),
                    Mode::Help(_) | Mode::Output(_) | Mode::Question(..) => {}
                }
                Wish::Nothing
            }
        }
    }

    fn act(&mut self, desk: &mut Desk<'s>, action: Action) -> Wish {
        match action {
            Action::TakeOurs => return self.take(desk, &Choice::Ours),
            Action::TakeTheirs => return self.take(desk, &Choice::Theirs),
            Action::TakeBoth => return self.take(desk, &Choice::Both),
            Action::TakeReversed => return self.take(desk, &Choice::BothReversed),
            Action::TakeBase => return self.take(desk, &Choice::Base),
            Action::FileOurs => return self.take_file(desk, &Choice::Ours),
            Action::FileTheirs => return self.take_file(desk, &Choice::Theirs),
            Action::Undo => return self.undo(desk, StepKind::Undo),
            Action::Redo => return self.undo(desk, StepKind::Redo),
            Action::Agree => return self.agree(desk),
            Action::Accept => return self.accept(desk),
            Action::Yes => return self.yes(desk),
            Action::Check => return self.check(desk),
            Action::Edit => return Wish::Edit,
            Action::Reload => return Wish::Reopen,
            Action::Suspend => return Wish::Suspend,
            Action::Leave => return Wish::Leave,
            Action::Preview => return self.preview(desk),
            Action::Help => {
                self.mode = Mode::Help(Pager::new("all keys", super::help::page().into_bytes()));
            }
            Action::Finish => {
                let (task, target) = (&desk.lease.task, desk.target());
                let what = match desk.review().purpose {
                    crate::domain::review::Purpose::Sync => format!("bring {target} into {task}"),
                    _ => format!("land {task} into {target}"),
                };
                self.mode = Mode::Question(format!("{what} with what was decided?"), Answer::Finish);
            }
            Action::Rename => self.ask(Subject::Path, &text::visible(&desk.item(self.rows[self.at]).path)),
            Action::Note => {
                let note = self.spot().and_then(|spot| desk.resolution(spot)?.note.clone());
                self.ask(Subject::Note, &note.unwrap_or_default());
            }
            Action::Search => self.ask(Subject::Search, ""),
            Action::NextFound => self.find(desk, 1),
            Action::PreviousFound => self.find(desk, -1),
            Action::NextOpen => self.go_open(desk, 1),
            Action::PreviousOpen => self.go_open(desk, -1),
            Action::Next => self.go(self.at + 1),
            Action::Previous => self.go(self.at.saturating_sub(1)),
            Action::First | Action::Last | Action::Down | Action::Up | Action::Left | Action::Right => {
                self.read(action);
            }
            Action::Stop => {
                if let Some(check) = &mut self.check {
                    check.stop();
                }
            }
            Action::Close | Action::Cancel => self.mode = Mode::Desk,
            Action::No => {
                if let Mode::Question(_, Answer::Keep(..)) = self.mode {
                    self.tell(Label::Plain, "nothing was decided; what you wrote is gone");
                }
                self.mode = Mode::Desk;
            }
        }
        Wish::Nothing
    }

    fn ask(&mut self, subject: Subject, text: &str) {
        self.mode = Mode::Line(Prompt::new(subject, text));
    }

    /// Goes to another conflict.
    pub fn go(&mut self, to: usize) {
        let to = to.min(self.rows.len().saturating_sub(1));
        if to != self.at {
            (self.scroll, self.shift) = (0, 0);
        }
        self.at = to;
    }

    fn read(&mut self, action: Action) {
        let page = self.page.saturating_sub(1).max(1).cast_signed();
        let shown = self.page;
        match &mut self.mode {
            Mode::Text(pager) | Mode::Help(pager) | Mode::Output(pager) => match action {
                Action::First => pager.top = 0,
                Action::Last => pager.go(isize::MAX, shown),
                Action::Down => pager.go(page, shown),
                Action::Up => pager.go(-page, shown),
                Action::Right => pager.shift += SIDEWAYS.min(self.beyond.1),
                _ => pager.shift = pager.shift.saturating_sub(SIDEWAYS),
            },
            Mode::Desk | Mode::Line(_) | Mode::Question(..) => match action {
                Action::First => self.go(0),
                Action::Last => self.go(usize::MAX),
                Action::Down => self.scroll += self.beyond.0.min(page.unsigned_abs()),
                Action::Up => self.scroll = self.scroll.saturating_sub(page.unsigned_abs()),
                Action::Right => self.shift += SIDEWAYS.min(self.beyond.1),
                _ => self.shift = self.shift.saturating_sub(SIDEWAYS),
            },
        }
    }

    /// The rows in the order in which they come after this one, or before it; this one last.
    fn around(&self, way: isize) -> impl Iterator<Item = usize> + use<> {
        let (at, count) = (self.at, self.rows.len());
        let step = move |by: usize| if way > 0 { (at + by) % count } else { (at + count - by) % count };
        (1..=count).map(step)
    }

    /// Goes to the next open conflict, or the previous one.
    pub fn go_open(&mut self, desk: &Desk<'s>, way: isize) {
        let is_open = |row: &usize| desk.standing(self.rows[*row]) == Standing::Open;
        if let Some(row) = self.around(way).find(is_open) {
            self.go(row);
        }
    }

    fn find(&mut self, desk: &Desk<'s>, way: isize) {
        let Some(wanted) = self.wanted.clone() else { return };
        let found = self.around(way).find(|row| holds(desk, self.rows[*row], &wanted));
        match found {
            Some(row) => self.go(row),
            None => {
                self.wanted = None;
                self.tell(Label::Warn, format!("'{wanted}' is nowhere: neither in a path nor in a side"));
            }
        }
    }
}

/// How far a step goes sideways, in columns.
const SIDEWAYS: usize = 16;

/// A conflict by its place: `src/a.rs line 12`.
pub fn name(desk: &Desk<'_>, spot: Spot) -> String {
    let item = desk.item(spot);
    let path = text::visible(&item.path);
    match &item.what {
        What::Lines { line, .. } => format!("{path} line {line}"),
        What::Place { .. } => path,
    }
}

/// Whether a path or a text of a conflict holds what is searched for. Capital letters matter where some are wanted.
fn holds(desk: &Desk<'_>, spot: Spot, wanted: &str) -> bool {
    let matters = wanted.chars().any(char::is_uppercase);
    let is_in = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if matters { text.contains(wanted) } else { text.to_lowercase().contains(wanted) }
    };
    let item = desk.item(spot);
    let written = desk.resolution(spot).is_some_and(|resolution| match &resolution.choice {
        Choice::Text(text) => is_in(text),
        Choice::At(path) => is_in(path.as_bytes()),
        _ => false,
    });
    let sides = match &item.what {
        What::Lines { base, ours, theirs, .. } => [base, ours, theirs].into_iter().any(|text| is_in(text)),
        What::Place { .. } => false,
    };
    is_in(&item.path) || sides || written
}
