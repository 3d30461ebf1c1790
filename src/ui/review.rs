//! The review on the terminal: a screen to settle conflicts one by one, by keys.

use std::cell::RefCell;
use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::commands::Context;
use crate::commands::Monitor;
use crate::commands::Outcome;
use crate::commands::review::Review;
use crate::commands::review::desk::Desk;
use crate::commands::review::ending;
use crate::commands::review::hands;
use crate::commands::session::Session;
use crate::domain::review::Choice;
use crate::workspace::process;

use check::Check;
use draft::Draft;
use draft::Edited;
use state::Answer;
use state::Mode;
use state::State;
use state::Wish;
use tty::Input;
use tty::Tty;

use super::terminal::Terminal;
use super::world;
use super::world::World;

pub mod can;
pub mod canvas;
pub mod check;
pub mod draft;
pub mod draw;
pub mod help;
pub mod lines;
pub mod pager;
pub mod prompt;
pub mod sheet;
pub mod state;
pub mod tty;
pub mod words;

/// How long nothing may happen before the screen looks around.
const REST: Duration = Duration::from_millis(250);

/// The same while a check runs, whose time is shown.
const BUSY: Duration = Duration::from_millis(100);

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the terminal does not answer")]
struct Gone(#[source] io::Error);

impl Explain for Gone {
    fn hints(&self) -> Vec<String> {
        vec!["every decision was kept; without a screen: git odyssey review --list".to_owned()]
    }
}

/// Keeps what is told while the screen is there: it would be written across it.
struct Quiet {
    terminal: Terminal,
    kept: RefCell<Option<Vec<String>>>,
}

impl Monitor for Quiet {
    fn note(&self, text: &str) {
        match &mut *self.kept.borrow_mut() {
            Some(kept) => kept.push(text.to_owned()),
            None => self.terminal.note(text),
        }
    }

    fn line(&self, line: &str) -> Result<bool, FileError> {
        self.terminal.line(line)
    }
}

impl Quiet {
    fn begin(&self) {
        *self.kept.borrow_mut() = Some(Vec::new());
    }

    fn end(&self) {
        let kept = self.kept.borrow_mut().take();
        kept.into_iter().flatten().for_each(|text| self.terminal.note(&text));
    }
}

/// Whether a request for a review is for the screen: nothing else was asked, and a person is there to press keys.
pub fn is_wanted(review: &Review, json: bool) -> bool {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    review.is_bare() && !json && is_terminal && !world::is_dumb()
}

/// How the screen was left.
enum Left {
    /// To go on another time.
    Kept,
    /// To land or sync.
    Finish,
    /// By a signal.
    Signal(i32),
}

/// Shows a review until somebody leaves it.
///
/// # Errors
/// As for the review without a screen, and when the terminal is gone. What was decided is kept in any case.
pub fn run(review: &Review, terminal: Terminal) -> Result<Outcome, Failure> {
    let quiet = Quiet { terminal, kept: RefCell::new(None) };
    let context = World::read()?.context(false, &quiet);
    let session = Session::open(&context)?;
    let task = session.task(review.task.as_ref())?;
    let mut desk = Desk::open(&session, &context, &task, review.asked()?)?;
    let mut state = State::of(&desk)?;
    quiet.begin();
    let left = shown(&mut desk, &mut state, &session, &context, terminal.has_color());
    quiet.end();
    let State { counts, check, .. } = state;
    // A check that still runs is ended before anything lands.
    drop(check);
    match left? {
        Left::Finish => ending::finish(desk, &context, None, false),
        Left::Kept => Ok(kept(&desk, counts)),
        Left::Signal(signal) => {
            tty::die(signal);
            Ok(kept(&desk, counts))
        }
    }
}

/// What is said on leaving.
fn kept(desk: &Desk<'_>, counts: state::Counts) -> Outcome {
    let task = desk.lease.task.as_str();
    let mut page = Page::default();
    let label = if counts.open == 0 { Label::Good } else { Label::Bad };
    page.put(Label::Plain, "review of ").put(Label::Name, task).put(Label::Plain, ": ");
    page.put(label, format!("{} of {} open", counts.open, counts.all));
    if counts.unconfirmed > 0 {
        page.put(Label::Warn, format!(", {} to be agreed to", counts.unconfirmed));
    }
    page.end();
    page.line(Label::Quiet, format!("  every decision is kept; go on: git odyssey review {task}"));
    let facts = serde_json::json!({ "task": task, "open": counts.open, "count": counts.all });
    Outcome::new(page, &facts)
}

/// The screen, from the first picture to the last key.
fn shown<'s>(
    desk: &mut Desk<'s>,
    state: &mut State<'s>,
    session: &'s Session,
    context: &Context<'_>,
    has_color: bool,
) -> Result<Left, Failure> {
    let mut tty = Tty::take(has_color).map_err(Gone)?;
    loop {
        tty.show(|buffer| draw::picture(buffer, state, desk, has_color)).map_err(Gone)?;
        // Who made the sides is looked for once the sides are seen, and nobody waits for something else.
        let mut input = tty.wait(Duration::ZERO).map_err(Gone)?;
        if input == Input::Nothing {
            if state.find_makers(desk) {
                continue;
            }
            let is_busy = state.check.as_ref().is_some_and(Check::runs);
            input = tty.wait(if is_busy { BUSY } else { REST }).map_err(Gone)?;
        }
        state.tick();
        let wish = match input {
            Input::Key(key) => state.press(desk, key),
            Input::Paste(text) => {
                state.paste(&text);
                Wish::Nothing
            }
            Input::Other | Input::Nothing => Wish::Nothing,
            Input::Ended(signal) => return Ok(Left::Signal(signal)),
        };
        match wish {
            Wish::Nothing if desk.is_behind() => reopen(desk, state, session, context)?,
            Wish::Nothing => {}
            Wish::Leave => return Ok(Left::Kept),
            Wish::Finish => return Ok(Left::Finish),
            Wish::Suspend => tty.suspend().map_err(Gone)?,
            Wish::Reopen => reopen(desk, state, session, context)?,
            Wish::Edit => {
                if edit(&mut tty, desk, state)? == Wish::Reopen {
                    reopen(desk, state, session, context)?;
                }
            }
            Wish::Check(words) => {
                state.mode = Mode::Desk;
                state.tell(Label::Quiet, "the result is written into a folder of its own, for the check…");
                tty.show(|buffer| draw::picture(buffer, state, desk, has_color)).map_err(Gone)?;
                state.told = None;
                match Check::start(desk, &words) {
                    Ok(check) => {
                        state.check = Some(check);
                        state.show_check();
                    }
                    Err(failure) => {
                        state.failed(&failure);
                    }
                }
            }
        }
    }
}

/// Opens the review anew, because somebody else took a step in it or it was asked for.
fn reopen<'s>(
    desk: &mut Desk<'s>,
    state: &mut State<'s>,
    session: &'s Session,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let before = desk.review().resolutions.clone();
    let was_behind = desk.is_behind();
    let task = desk.lease.task.clone();
    let fresh = Desk::open(session, context, &task, Some(desk.review().purpose))?;
    state.reopened(desk, &fresh)?;
    *desk = fresh;
    if was_behind && desk.moved.is_none() {
        let count = desk.files().iter().filter(|file| file.is_edits).count();
        if count > 0 {
            state.go_open(desk, 1);
            let files = text::count(count, "file");
            state.tell(Label::Warn, format!("now the uncommitted edits, in conflict in {files}"));
        } else if let Some(edits) = &desk.edits {
            let files = text::count(edits.paths.len(), "file");
            state.tell(Label::Good, format!("all is decided; uncommitted edits in {files} go along"));
        }
        return Ok(());
    }
    let is_same = before == desk.review().resolutions && desk.moved.is_none();
    let said = match (is_same, desk.moved.is_some()) {
        (true, _) => "nothing has changed meanwhile",
        (_, true) => "a side has moved meanwhile: this is how it is now",
        _ => "somebody else took a step meanwhile: this is how it is now, your last key did nothing",
    };
    match state.told.take() {
        Some((Label::Bad, bad)) => state.tell(Label::Bad, format!("{said}; {bad}")),
        _ => state.tell(if is_same { Label::Quiet } else { Label::Warn }, said),
    }
    Ok(())
}

/// Lets somebody write what a conflict becomes.
fn edit<'s>(tty: &mut Tty, desk: &mut Desk<'s>, state: &mut State<'s>) -> Result<Wish, Failure> {
    let Some(spot) = state.spot() else { return Ok(Wish::Nothing) };
    let id = desk.item(spot).id.to_string();
    let draft = match Draft::of(desk, spot) {
        Ok(draft) => draft,
        Err(failure) => return Ok(state.failed(&failure)),
    };
    let written = match written(tty, desk, &draft) {
        Ok(written) => written,
        Err(failure) => return Ok(state.failed(&failure)),
    };
    let (text, place) = written;
    match draft.judge(&text) {
        Edited::Unchanged => state.tell(Label::Plain, "you left it as it was: nothing was decided"),
        Edited::Empty => {
            let question = "you left nothing of it: is that what it becomes?".to_owned();
            state.mode = Mode::Question(question, Answer::Keep(id, text));
        }
        Edited::Marked => {
            let question = "there are marks in it still: is that what it becomes?".to_owned();
            state.mode = Mode::Question(question, Answer::Keep(id, text));
        }
        Edited::Text => {
            let wish = state.decide(desk, &id, &Choice::Text(text));
            if desk.resolution(spot).is_none_or(|resolution| !matches!(resolution.choice, Choice::Text(_))) {
                keep(state, place);
            }
            return Ok(wish);
        }
    }
    Ok(Wish::Nothing)
}

/// Keeps a text that could not be taken, and says where.
fn keep(state: &mut State<'_>, place: tempfile::NamedTempFile) {
    if let Ok((_, path)) = place.keep() {
        let before = state.told.take().map(|(_, said)| format!("{said}; ")).unwrap_or_default();
        state.tell(Label::Bad, format!("{before}what you wrote is in {}", path.display()));
    }
}

/// What somebody wrote in their editor, and the file that it is in.
fn written(
    tty: &mut Tty,
    desk: &Desk<'_>,
    draft: &Draft,
) -> Result<(Vec<u8>, tempfile::NamedTempFile), Failure> {
    let editor = hands::editor(desk.session())?;
    let failed = |source| FileError::new("write", Path::new("a file for the editor"), source);
    let place = tempfile::Builder::new().prefix("git-odyssey-").suffix(&draft.ending).tempfile();
    let mut place = place.map_err(failed)?;
    io::Write::write_all(&mut place, &draft.text).map_err(failed)?;
    tty.lend(|| process::editor(&editor, place.path())).map_err(Gone)??;
    // By its name: many editors put another file there.
    let text = atomic::read(place.path())?.unwrap_or_default();
    Ok((text, place))
}
