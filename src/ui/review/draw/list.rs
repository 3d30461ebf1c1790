//! The list of all that is to be decided, each with where it stands, told in words.

use crate::base::page::Label;
use crate::base::text;
use crate::commands::review::desk::Desk;
use crate::commands::review::desk::Spot;
use crate::domain::review::Choice;
use crate::domain::review::Standing;
use crate::merge::review::What;

use crate::ui::review::canvas;
use crate::ui::review::canvas::Canvas;
use crate::ui::review::canvas::Look;
use crate::ui::review::state::State;

/// The width from which it is told who decided.
const NAMED: usize = 60;

/// How many rows of a room the list has.
pub fn height(count: usize, room: usize) -> usize {
    count.clamp(1, (room / 4).max(2))
}

/// Draws the list into the rows from `y` on.
pub fn draw(canvas: &mut Canvas<'_>, state: &mut State<'_>, desk: &Desk<'_>, (y, rows): (usize, usize)) {
    let (wide, _) = canvas.size();
    if state.rows.is_empty() {
        canvas.put((0, y), wide, Look::As(Label::Good), "nothing is left to decide: the sides merge by now");
        return;
    }
    // The one that is looked at is seen, with one before and one after it where there are some.
    let around = usize::from(rows > 2);
    let last = state.at + around + 1;
    state.list_top = state
        .list_top
        .clamp(last.saturating_sub(rows), state.at.saturating_sub(around).max(last.saturating_sub(rows)));
    state.list_top = state.list_top.min(state.rows.len().saturating_sub(rows));
    for number in state.list_top..(state.list_top + rows).min(state.rows.len()) {
        row(canvas, state, desk, number, y + number - state.list_top);
    }
}

fn row(canvas: &mut Canvas<'_>, state: &State<'_>, desk: &Desk<'_>, number: usize, y: usize) {
    let (wide, _) = canvas.size();
    let spot = state.rows[number];
    let (label, standing) = match desk.standing(spot) {
        Standing::Open => (Label::Bad, "open"),
        Standing::Unconfirmed => (Label::Warn, "agree?"),
        Standing::Decided => (Label::Good, "done"),
    };
    let is_here = number == state.at;
    let mut x = canvas.put((0, y), 2, Look::As(Label::Name), if is_here { "> " } else { "  " });
    let mut column = |canvas: &mut Canvas<'_>, label: Label, text: &str, length: usize| {
        canvas.put((x, y), length.min(wide.saturating_sub(x)), Look::As(label), text);
        x += length + 1;
    };
    column(canvas, label, standing, 6);
    let resolution = desk.resolution(spot);
    column(canvas, label, resolution.map_or("", |resolution| said(&resolution.choice)), 8);
    if wide >= NAMED {
        column(canvas, Label::Person, resolution.map_or("", |resolution| resolution.by.name()), 10);
    }
    let item = desk.item(spot);
    let line = match &item.what {
        What::Lines { line, .. } => format!("{line:>5}"),
        What::Place { .. } => "  all".to_owned(),
    };
    column(canvas, Label::Quiet, &line, 5);
    let path = path(desk, spot, wide.saturating_sub(x));
    canvas.put((x, y), wide.saturating_sub(x), Look::As(Label::Place), &path);
    if is_here {
        canvas.paint(y, Look::Chosen);
    }
}

/// A choice in eight letters.
fn said(choice: &Choice) -> &'static str {
    match choice {
        Choice::BothReversed => "reversed",
        Choice::Text(_) => "edited",
        Choice::At(_) => "moved",
        plain => plain.name(),
    }
}

/// A path without its beginning where all of it has no room: the end tells more.
fn path(desk: &Desk<'_>, spot: Spot, most: usize) -> String {
    let path = text::visible(&desk.item(spot).path);
    if canvas::width(&path) <= most {
        return path;
    }
    let cuts = path.char_indices().map(|(at, _)| at).skip(1);
    let fits = |at: &usize| canvas::width(&path[*at..]) < most;
    cuts.into_iter().find(fits).map_or_else(String::new, |at| format!("…{}", &path[at..]))
}
