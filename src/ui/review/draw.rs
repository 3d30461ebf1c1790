//! The picture of a state: list, sides and help, laid out for the room that there is.

use ratatui_core::buffer::Buffer;

use crate::base::page::Label;
use crate::commands::review::desk::Desk;

use super::canvas;
use super::canvas::Canvas;
use super::canvas::Look;
use super::help;
use super::pager::Pager;
use super::state::Mode;
use super::state::State;

mod list;
mod sides;

/// The least room in which it can be read: columns and rows.
const LEAST: (usize, usize) = (30, 8);

/// Draws a state, and answers where the cursor is to be seen, if anywhere.
pub fn picture(
    buffer: &mut Buffer,
    state: &mut State<'_>,
    desk: &Desk<'_>,
    has_color: bool,
) -> Option<(usize, usize)> {
    let mut canvas = Canvas::on(buffer, has_color);
    let (wide, high) = canvas.size();
    if wide < LEAST.0 || high < LEAST.1 {
        let said = format!("{} columns and {} rows at least", LEAST.0, LEAST.1);
        canvas.put((0, 0), wide, Look::As(Label::Bad), "too small:");
        canvas.put((0, 1), wide, Look::As(Label::Plain), &said);
        return None;
    }
    title(&mut canvas, state, desk, wide);
    let room = high - 3;
    match &state.mode {
        Mode::Text(pager) => {
            let pager = pager.clone();
            text(&mut canvas, state, &pager, room, None);
        }
        Mode::Help(pager) => {
            let pager = pager.clone();
            text(&mut canvas, state, &pager, room, None);
        }
        Mode::Output(pager) => {
            let pager = pager.clone();
            let words = state.check.as_ref().map(super::check::Check::words);
            text(&mut canvas, state, &pager, room, words.as_deref());
        }
        Mode::Desk | Mode::Line(_) | Mode::Question(..) => {
            let rows = list::height(state.rows.len(), room);
            list::draw(&mut canvas, state, desk, (1, rows));
            sides::draw(&mut canvas, state, desk, (1 + rows, room - rows));
        }
    }
    hints(&mut canvas, state, desk, (wide, high - 1));
    said(&mut canvas, state, (wide, high - 2))
}

fn title(canvas: &mut Canvas<'_>, state: &State<'_>, desk: &Desk<'_>, wide: usize) {
    let counts = state.counts;
    let mut how = format!("{} of {} open", counts.open, counts.all);
    if counts.unconfirmed > 0 {
        how.push_str(&format!(", {} to be agreed to", counts.unconfirmed));
    }
    let label = if counts.open + counts.unconfirmed > 0 { Label::Warn } else { Label::Good };
    let most = wide.saturating_sub(canvas::width(&how) + 2);
    let what =
        format!("review of {} with {}, to {}", desk.lease.task, desk.target(), desk.review().purpose.words());
    canvas.put((0, 0), most, Look::As(Label::Name), &what);
    let length = canvas::width(&how).min(wide);
    canvas.put((wide - length, 0), length, Look::As(label), &how);
}

/// A text in the place of list and sides.
fn text(canvas: &mut Canvas<'_>, state: &mut State<'_>, pager: &Pager, room: usize, words: Option<&str>) {
    let (wide, _) = canvas.size();
    let rows = room - 1;
    state.page = rows;
    let shown = pager.top..(pager.top + rows).min(pager.len());
    let place = match pager.len() {
        0 => "nothing".to_owned(),
        count => format!("{}-{} of {count}", shown.start + 1, shown.end),
    };
    let head = words.map_or_else(|| pager.title.clone(), |words| format!("{words}: {}", pager.title));
    bar(canvas, 1, wide, &head, &place);
    let digits = if pager.is_numbered { pager.len().to_string().len() + 1 } else { 0 };
    let mut widest = 0;
    let mut is_open = false;
    for number in shown {
        let y = 2 + number - pager.top;
        let line = pager.line(number);
        let is_mark = ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark));
        is_open = pager.is_numbered && (is_open || line.starts_with("<<<<<<< "));
        let look = if pager.is_numbered && (is_mark || is_open && line == "=======") {
            Label::Warn
        } else {
            Label::Plain
        };
        if digits > 0 {
            let number = format!("{:>1$}", number + 1, digits - 1);
            canvas.put((0, y), digits, Look::As(Label::Quiet), &number);
        }
        let most = wide - digits;
        let pieces = [(Look::As(look), line)];
        widest = widest.max(canvas.put_pieces((digits, y), most, pager.shift, &pieces));
    }
    state.beyond.1 = widest.saturating_sub(pager.shift + wide - digits);
}

/// A line across the screen, with words at its beginning and at its end.
fn bar(canvas: &mut Canvas<'_>, y: usize, wide: usize, head: &str, end: &str) {
    canvas.rule((0, y), wide, "─");
    let length = if end.is_empty() { 0 } else { canvas::width(end) + 2 };
    let most = wide.saturating_sub(length + 4);
    let head = canvas::cut(head, most);
    canvas.put((1, y), most + 2, Look::As(Label::Name), &format!(" {head} "));
    if length > 0 && length + 1 < wide {
        canvas.put((wide - length - 1, y), length, Look::As(Label::Quiet), &format!(" {end} "));
    }
}

/// What was said last, a question, or the line that is written.
fn said(canvas: &mut Canvas<'_>, state: &State<'_>, (wide, y): (usize, usize)) -> Option<(usize, usize)> {
    match &state.mode {
        Mode::Line(prompt) => {
            let label = prompt.subject.label();
            let begin = canvas.put((0, y), wide, Look::As(Label::Name), label);
            let most = wide.saturating_sub(begin + 1);
            let before = canvas::width(prompt.before());
            let shift = (before + 1).saturating_sub(most);
            let pieces = [(Look::As(Label::Plain), prompt.text().to_owned())];
            canvas.put_pieces((begin, y), most, shift, &pieces);
            Some((begin + before - shift, y))
        }
        Mode::Question(question, _) => {
            canvas.put((0, y), wide, Look::As(Label::Warn), question);
            None
        }
        Mode::Desk | Mode::Text(_) | Mode::Help(_) | Mode::Output(_) => {
            if let Some((label, said)) = &state.told {
                canvas.put((0, y), wide, Look::As(*label), said);
            } else if let Some(check) = state.check.as_ref().filter(|_| matches!(state.mode, Mode::Desk)) {
                canvas.put((0, y), wide, Look::As(Label::Quiet), &check.words());
            }
            None
        }
    }
}

/// As many of the hints as there is room for; the last one always.
fn hints(canvas: &mut Canvas<'_>, state: &State<'_>, desk: &Desk<'_>, (wide, y): (usize, usize)) {
    let hints = help::line(state, desk);
    let length = |(key, word): &help::Hint| canvas::width(key) + 1 + canvas::width(word);
    let Some((last, others)) = hints.split_last() else { return };
    let room = wide.saturating_sub(length(last));
    let mut x = 0;
    let put = |canvas: &mut Canvas<'_>, x: usize, (key, word): &help::Hint| {
        let used = canvas.put((x, y), wide - x.min(wide), Look::As(Label::Name), key);
        canvas.put((x + used + 1, y), wide.saturating_sub(x + used + 1), Look::As(Label::Quiet), word);
    };
    for hint in others {
        if x + length(hint) + 2 > room {
            break;
        }
        put(canvas, x, hint);
        x += length(hint) + 2;
    }
    put(canvas, x, last);
}
