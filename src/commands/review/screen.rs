//! A review as people read it without a screen: the list, one conflict, a file, and what a test said.

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::review::ItemId;
use crate::domain::review::Standing;
use crate::git::BStr;
use crate::git::ByteSlice;
use crate::merge::makers::Maker;

use super::super::Outcome;
use super::super::conflicts;
use super::desk::Desk;
use super::desk::Spot;
use super::error::DeskError;
use super::view;
use super::view::FileView;
use super::view::ItemView;
use super::view::View;

/// The list of all that is to be decided, with what was changed just now.
///
/// # Errors
/// When the review cannot be read.
pub fn listed(desk: &Desk<'_>, changed: &[ItemId]) -> Result<Outcome, Failure> {
    let view = View::of(desk)?;
    let mut page = Page::default();
    page.put(Label::Plain, "review of ").put(Label::Name, &view.task).put(Label::Plain, " with ");
    page.put(Label::Place, &view.target).put(Label::Plain, ": ");
    let label = if view.open == 0 { Label::Good } else { Label::Bad };
    page.put(label, format!("{} of {} open", view.open, view.count));
    if view.unconfirmed > 0 {
        page.put(Label::Warn, format!(", {} to be agreed to", view.unconfirmed));
    }
    page.end();
    if let Some(moved) = view.moved {
        let kept = text::count(moved.kept, "decision");
        page.put(Label::Warn, "  a side has moved").put(Label::Plain, format!(": {kept} hold still"));
        if moved.gone > 0 {
            page.put(Label::Plain, format!(", {} were about something else", moved.gone));
        }
        page.end();
    }
    if let Some(edits) = &view.edits {
        page.put(Label::Plain, "  with uncommitted edits in ").put(Label::Place, &edits.checkout);
        page.put(Label::Plain, format!(": {}", edits.paths.join(", "))).end();
    }
    if view.more {
        page.line(Label::Plain, "  uncommitted edits come when all of this is decided");
    }
    for names in &view.lost {
        page.put(Label::Bad, "  nothing would be left")
            .put(Label::Plain, " of a file that both renamed: keep it as ");
        page.put(Label::Place, names.join(" or ")).end();
    }
    let heading = ["CONFLICT", "LINE", "STATE", "BY", "PATH"];
    let mut table = vec![heading.map(|text| (Label::Heading, text.to_owned())).to_vec()];
    for file in &view.files {
        for item in &file.items {
            table.push(row(file, item, changed));
        }
    }
    page.table(&table);
    let task = &view.task;
    if view.open == 0 && view.unconfirmed == 0 {
        page.line(Label::Quiet, format!("all is decided: git odyssey review {task} --finish"));
    } else if changed.is_empty() {
        page.line(Label::Quiet, format!("see one: git odyssey review {task} --show CONFLICT"));
    }
    Ok(Outcome::new(page, &view))
}

fn row(file: &FileView, item: &ItemView, changed: &[ItemId]) -> Vec<(Label, String)> {
    let (label, state) = match (&item.standing, &item.resolution) {
        (Standing::Unconfirmed, Some(resolution)) => {
            (Label::Warn, format!("{}, to be agreed", resolution.choice))
        }
        (Standing::Open, Some(resolution)) => (Label::Bad, format!("{}?", resolution.choice)),
        (_, Some(resolution)) => (Label::Good, resolution.choice.to_owned()),
        (_, None) => (Label::Bad, "open".to_owned()),
    };
    let by = item.resolution.as_ref().map_or("-", |resolution| resolution.by.as_str());
    let is_new = changed.iter().any(|id| id.as_str() == item.id);
    vec![
        (if is_new { Label::Good } else { Label::Name }, item.id.clone()),
        (Label::Plain, item.line.map_or("-".to_owned(), |line| line.to_string())),
        (label, state),
        (Label::Person, by.to_owned()),
        (Label::Place, file.path.clone()),
    ]
}

/// Some conflicts in full.
///
/// # Errors
/// When the review cannot be read.
pub fn shown(desk: &Desk<'_>, spots: &[Spot]) -> Result<Outcome, Failure> {
    let view = View::of(desk)?;
    let mut page = Page::default();
    let mut items = Vec::new();
    let mut before = None;
    for spot in spots {
        let file = &view.files[spot.file];
        if before != Some(spot.file) {
            head(&mut page, &view, file);
            before = Some(spot.file);
        }
        let item = view::item(desk, *spot);
        one(&mut page, [&file.ours_name, &view.task], &item);
        items.push(item);
    }
    let facts = serde_json::json!({ "task": view.task, "items": items });
    Ok(Outcome::new(page, &facts))
}

fn head(page: &mut Page, view: &View, file: &FileView) {
    page.put(Label::Bad, "conflict ").put(Label::Place, &file.path);
    page.put(Label::Quiet, format!(" ({})", file.why)).end();
    for (name, by) in [(&file.ours_name, &file.ours_by), (&view.task, &file.theirs_by)] {
        page.put(Label::Plain, "  ").put(Label::Name, name).put(Label::Plain, ": ");
        page.put(Label::Quiet, by.as_ref().map_or_else(|| "unknown".to_owned(), Maker::words)).end();
    }
}

fn one(page: &mut Page, [ours, theirs]: [&str; 2], item: &ItemView) {
    page.put(Label::Plain, "  ").put(Label::Name, &item.id);
    if let Some(line) = item.line {
        page.put(Label::Plain, format!(" at line {line}"));
    }
    page.put(Label::Quiet, format!(", can become {}", item.choices.join(", "))).end();
    for (who, lines) in [("base", &item.base), (ours, &item.ours), (theirs, &item.theirs)] {
        conflicts::screen::side(page, who, lines.as_deref().unwrap_or_default());
    }
    if let Some(owner) = &item.owner {
        page.put(Label::Warn, "    wants the word of ").put(Label::Person, owner).end();
    }
    if let Some(resolution) = &item.resolution {
        page.put(Label::Good, "    decided ").put(Label::Plain, resolution.choice);
        page.put(Label::Plain, " by ").put(Label::Person, &resolution.by);
        page.put(Label::Quiet, format!(" at {}", resolution.at)).end();
        if let Some(note) = &resolution.note {
            page.line(Label::Quiet, format!("      {note}"));
        }
    }
}

/// A file as it is with what was decided.
///
/// # Errors
/// When no conflict is in a file of this path, or there would be none.
pub fn preview(desk: &Desk<'_>, path: &str) -> Result<Outcome, Failure> {
    let is_named = |at: &BStr| *at == *path || text::visible(at) == path;
    let number = desk.files().iter().position(|file| is_named(file.opened.conflict.path.as_bstr()));
    let number = number.ok_or_else(|| DeskError::Unknown(path.to_owned()))?;
    let mut page = Page::default();
    let found = desk.preview(number)?;
    match &found {
        Some(bytes) => {
            for line in bytes.lines() {
                page.line(Label::Plain, text::visible_lines(line));
            }
        }
        None => {
            page.line(Label::Quiet, "there is no file of lines here, by what was decided so far");
        }
    }
    let exact = found.as_deref().and_then(view::exactly);
    let shown = found.map(|bytes| text::visible_lines(&bytes));
    let facts = serde_json::json!({ "task": desk.lease.task, "path": path, "text": shown, "exact": exact });
    Ok(Outcome::new(page, &facts))
}

/// How much of what a test wrote is told to programs, from its end, in bytes.
const MOST: usize = 256 * 1024;

/// A test that went well, and what it wrote.
///
/// # Errors
/// None.
pub fn tested(desk: &Desk<'_>, words: &[String], output: &[u8]) -> Result<Outcome, Failure> {
    let command = text::visible(shell_words::join(words).as_bytes());
    let mut page = Page::default();
    page.put(Label::Good, "passed ").put(Label::Plain, format!("`{command}` on what was decided")).end();
    page.line(Label::Quiet, format!("  go on: git odyssey review {} --finish", desk.lease.task));
    let output = text::visible_lines(&output[output.len().saturating_sub(MOST)..]);
    let facts = serde_json::json!({ "task": desk.lease.task, "command": command, "output": output });
    Ok(Outcome::new(page, &facts))
}
