//! The sides of a conflict: beside each other where there is room, else one below the other.

use std::rc::Rc;

use crate::base::page::Label;
use crate::base::text;
use crate::commands::review::desk::Desk;
use crate::commands::review::desk::Spot;
use crate::domain::review::Choice;
use crate::domain::review::Resolution;
use crate::merge::makers::Maker;

use crate::ui::review::canvas::Canvas;
use crate::ui::review::canvas::Look;
use crate::ui::review::canvas::Party;
use crate::ui::review::sheet::Column;
use crate::ui::review::sheet::Mark;
use crate::ui::review::sheet::Row;
use crate::ui::review::state;
use crate::ui::review::state::State;

/// The width from which the sides are beside each other.
const BESIDE: usize = 100;

/// Draws the conflict that is looked at into the rows from `y` on.
pub fn draw(canvas: &mut Canvas<'_>, state: &mut State<'_>, desk: &Desk<'_>, (y, rows): (usize, usize)) {
    let (wide, _) = canvas.size();
    let Some(spot) = state.spot() else { return };
    let kind = desk.why(spot.file);
    let head = format!("{}: {kind}", state::name(desk, spot));
    let place = format!("{} of {}", state.at + 1, state.rows.len());
    super::bar(canvas, y, wide, &head, &place);
    let mut y = y + 1;
    let end = y + rows - 1;
    for (label, line) in decided(desk, spot) {
        if end - y > 3 {
            canvas.put((0, y), wide, Look::As(label), &line);
            y += 1;
        }
    }
    if wide >= BESIDE && end - y > 5 {
        beside(canvas, state, desk, spot, (y, end));
    } else {
        stacked(canvas, state, desk, spot, (y, end));
    }
}

/// What was decided, by whom, when and why; and whose word is wanted.
fn decided(desk: &Desk<'_>, spot: Spot) -> Vec<(Label, String)> {
    let mut lines = Vec::new();
    if let Some(resolution) = desk.resolution(spot) {
        let Resolution { choice, by, at, note, confirmed } = resolution;
        let what = match choice {
            Choice::At(path) => format!("kept as {}", text::visible(path.as_bytes())),
            Choice::Text(_) => "written by hand".to_owned(),
            plain => plain.name().to_owned(),
        };
        let mut line = format!("decided: {what}, by {by}, {}", moment(&at.to_string()));
        if let Some(confirmed) = confirmed {
            line.push_str(&format!(", agreed by {confirmed}"));
        }
        lines.push((Label::Good, line));
        if let Some(note) = note {
            lines.push((Label::Plain, format!("why: {note}")));
        }
    }
    let owner = desk.owner(spot);
    if let Some(owner) = owner.filter(|_| desk.standing(spot) != crate::domain::review::Standing::Decided) {
        lines.push((Label::Warn, format!("wants the word of {owner}, in whose region it is")));
    }
    lines
}

/// `2026-11-24 01:30` of an instant as it is written down.
fn moment(instant: &str) -> String {
    instant.get(..16).map_or_else(|| instant.to_owned(), |begin| begin.replace('T', " "))
}

/// One side: whose, its name, who made it, and its lines.
struct Side {
    party: Party,
    name: String,
    /// Who and when, and what they said; nothing where that is not known yet.
    made: Option<[String; 2]>,
    column: Source,
}

enum Source {
    Ours,
    Base,
    Theirs,
    Written(Rc<Column>),
}

fn sides(state: &mut State<'_>, desk: &Desk<'_>, spot: Spot) -> Vec<Side> {
    let made = |number: usize| {
        let [ours, theirs] = state.makers(spot.file)?;
        Some(made([ours, theirs][number].as_ref()))
    };
    let task = format!("theirs: {}, held by {}", desk.lease.task, desk.lease.holder);
    let mut sides = vec![
        Side {
            party: Party::Ours,
            name: format!("ours: {}", desk.ours_name(spot.file)),
            made: made(0),
            column: Source::Ours,
        },
        Side { party: Party::Base, name: "base: before either".to_owned(), made: None, column: Source::Base },
        Side { party: Party::Theirs, name: task, made: made(1), column: Source::Theirs },
    ];
    if let Some(written) = state.written(desk, spot) {
        let name = "written by hand".to_owned();
        sides.push(Side { party: Party::Base, name, made: None, column: Source::Written(written) });
    }
    sides
}

fn made(maker: Option<&Maker>) -> [String; 2] {
    match maker {
        Some(Maker::Commit { commit, author, subject, at }) => {
            let who = format!("{} {author}, {}", &commit[..commit.len().min(10)], moment(&at.to_string()));
            [who, subject.clone()]
        }
        Some(other) => [other.words(), String::new()],
        None => ["who made it is not known".to_owned(), String::new()],
    }
}

/// The pieces of a line, with the sign before it.
fn pieces(row: &Row, party: Party, is_plain: bool) -> (Look, Vec<(Look, String)>) {
    let is_whole = row.pieces.iter().all(|(differs, _)| *differs);
    let changed = if is_whole { Look::Whole(party) } else { Look::Words(party) };
    let kept = if row.mark == Mark::Remark { Look::As(Label::Quiet) } else { Look::As(Label::Plain) };
    let look = |differs: bool| if differs && !is_plain { changed } else { kept };
    (Look::Whole(party), row.pieces.iter().map(|(differs, text)| (look(*differs), text.clone())).collect())
}

fn put_row(
    canvas: &mut Canvas<'_>,
    (x, y): (usize, usize),
    most: usize,
    shift: usize,
    (row, party): (&Row, Party),
) -> usize {
    let (sign, pieces) = pieces(row, party, false);
    canvas.put((x, y), most.min(1), sign, row.mark.sign());
    canvas.put_pieces((x + 2, y), most.saturating_sub(2), shift, &pieces)
}

/// The three beside each other, under heads that stay; what was written by hand below them.
fn beside(
    canvas: &mut Canvas<'_>,
    state: &mut State<'_>,
    desk: &Desk<'_>,
    spot: Spot,
    (y, end): (usize, usize),
) {
    let (wide, _) = canvas.size();
    let sheet = state.sheet(desk, spot);
    let sides = sides(state, desk, spot);
    let most = (wide - 4) / 3;
    let begins = [0, most + 2, 2 * (most + 2)];
    for (side, x) in sides.iter().zip(begins) {
        canvas.put((x, y), most, Look::Head(side.party), &side.name);
        for (line, made) in side.made.iter().flatten().enumerate() {
            canvas.put((x, y + 1 + line), most, Look::As(Label::Quiet), made);
        }
    }
    for x in [begins[1] - 2, begins[2] - 2] {
        for y in y..end {
            canvas.rule((x, y), 1, "│");
        }
    }
    let top = y + 3;
    let rows = end - top;
    let columns = [(&sheet.ours, Party::Ours), (&sheet.base, Party::Base), (&sheet.theirs, Party::Theirs)];
    let written = sides.iter().find_map(|side| match &side.column {
        Source::Written(column) => Some(column),
        _ => None,
    });
    let longest = columns.iter().map(|(column, _)| column.len()).max().unwrap_or(0);
    let count = longest + written.map_or(0, |column| column.len() + 1);
    state.scroll = state.scroll.min(count.saturating_sub(rows));
    let mut widest = 0;
    for number in state.scroll..count.min(state.scroll + rows) {
        let y = top + number - state.scroll;
        if number >= longest {
            let Some(written) = written else { break };
            canvas.rule((0, y), wide, " ");
            match number - longest {
                0 => super::bar(canvas, y, wide, "written by hand", ""),
                line => {
                    let row = (&written[line - 1], Party::Base);
                    let length = put_row(canvas, (0, y), wide, state.shift, row);
                    widest = widest.max((length + 2).saturating_sub(wide));
                }
            }
            continue;
        }
        for ((column, party), x) in columns.iter().zip(begins) {
            if let Some(row) = column.get(number) {
                let length = put_row(canvas, (x, y), most, state.shift, (row, *party));
                widest = widest.max((length + 2).saturating_sub(most));
            }
        }
    }
    state.page = rows;
    state.beyond = (count.saturating_sub(state.scroll + rows), widest.saturating_sub(state.shift));
}

/// One side below the other, all in one text that is read on.
fn stacked(
    canvas: &mut Canvas<'_>,
    state: &mut State<'_>,
    desk: &Desk<'_>,
    spot: Spot,
    (y, end): (usize, usize),
) {
    let (wide, _) = canvas.size();
    let sheet = state.sheet(desk, spot);
    let sides = sides(state, desk, spot);
    let rows = end - y;
    let column = |side: &Side| match &side.column {
        Source::Ours => sheet.ours.len(),
        Source::Base => sheet.base.len(),
        Source::Theirs => sheet.theirs.len(),
        Source::Written(column) => column.len(),
    };
    let count: usize = sides.iter().map(|side| column(side) + 1).sum();
    state.scroll = state.scroll.min(count.saturating_sub(rows));
    let (mut widest, mut number) = (0, 0);
    for side in &sides {
        let lines = match &side.column {
            Source::Ours => &sheet.ours,
            Source::Base => &sheet.base,
            Source::Theirs => &sheet.theirs,
            Source::Written(column) => column,
        };
        for line in 0..=lines.len() {
            let shown = number >= state.scroll && number < state.scroll + rows;
            let at = y + number.saturating_sub(state.scroll);
            number += 1;
            if !shown {
                continue;
            }
            if line == 0 {
                let used = canvas.put((0, at), wide, Look::Head(side.party), &side.name);
                let made = side.made.as_ref().map(|[who, subject]| match subject.as_str() {
                    "" => who.clone(),
                    subject => format!("{who}: {subject}"),
                });
                let room = wide.saturating_sub(used + 2);
                canvas.put((used + 2, at), room, Look::As(Label::Quiet), &made.unwrap_or_default());
                continue;
            }
            let length = put_row(canvas, (0, at), wide, state.shift, (&lines[line - 1], side.party));
            widest = widest.max((length + 2).saturating_sub(wide));
        }
    }
    state.page = rows;
    state.beyond = (count.saturating_sub(state.scroll + rows), widest.saturating_sub(state.shift));
}
