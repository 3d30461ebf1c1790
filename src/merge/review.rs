//! Conflicts taken to pieces, each of which somebody decides, and what comes of the decisions.
//!
//! A piece is some lines of a file that both sides want differently, or the place of a file: which of the two it is, or
//! whether there is one. It has a name that follows from what the sides want, so a decision holds as long as they do.

use crate::base::text;
use crate::domain::review::Choice;
use crate::domain::review::ItemId;
use crate::domain::review::Resolution;
use crate::domain::review::Resolutions;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::marked;
use crate::git::marked::Entry;
use crate::git::marked::Marks;
use crate::git::marked::Open;
use crate::git::marked::Piece;
use crate::git::merge::Conflict;
use crate::git::merge::is_file;
use crate::git::repo::Repo;

use super::sides::Side;
use super::sides::Sides;
use super::strategy::decision::Decided;
use super::strategy::decision::Decision;
use super::strategy::decision::Kept;

mod place;

/// One merge whose conflicts are decided one by one.
pub struct Reviewing<'a> {
    /// The repository, seen from the checkout in which git merged.
    pub repo: &'a Repo,
    /// Which side git calls ours.
    pub sides: Sides,
    /// The commit that git calls ours.
    pub ours: Oid,
    /// The commit that git calls theirs.
    pub theirs: Oid,
    /// The merged tree, with marks that show the base.
    pub marked: Oid,
}

/// One thing to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub id: ItemId,
    /// The path.
    pub path: BString,
    /// What it is about.
    pub what: What,
    /// The names of the choices that fit.
    pub choices: Vec<&'static str>,
}

/// What a thing to decide is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Some lines.
    Lines {
        /// The first line in the merged file as it would be with the target's lines, from 1.
        line: usize,
        /// What was there.
        base: Vec<u8>,
        /// What the target has.
        ours: Vec<u8>,
        /// What the task has.
        theirs: Vec<u8>,
    },
    /// What is at the path: mode (`0o100644`) and object, if anything.
    Place {
        /// What was there.
        base: Option<(u32, Oid)>,
        /// What the target has.
        ours: Option<(u32, Oid)>,
        /// What the task has.
        theirs: Option<(u32, Oid)>,
    },
}

/// One conflicting path, taken to pieces.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The conflict.
    pub conflict: Conflict,
    /// What is to be decided: its place first, then its lines from the top.
    pub items: Vec<Item>,
    body: Option<Body>,
}

/// What a path becomes, and how that is told.
pub type Answer = (Vec<Entry>, Vec<Decision>);

/// A file as git merged it.
#[derive(Debug, Clone)]
struct Body {
    mode: u32,
    pieces: Vec<Piece>,
    /// The names of the open pieces, in their order.
    ids: Vec<ItemId>,
}

impl<'a> Reviewing<'a> {
    /// Has git mark all conflicts of a merge.
    ///
    /// # Errors
    /// When git cannot merge.
    pub fn of(repo: &'a Repo, sides: Sides, ours: Oid, theirs: Oid) -> Result<Reviewing<'a>, GitError> {
        let marked = repo.marked_tree(Marks::WithBase, None, ours, theirs)?;
        Ok(Reviewing { repo, sides, ours, theirs, marked })
    }

    /// Takes a conflict to pieces.
    ///
    /// # Errors
    /// When a version of the file cannot be read.
    pub fn open(&self, conflict: Conflict) -> Result<Opened, GitError> {
        let mut opened = Opened { items: Vec::new(), body: self.body(&conflict)?, conflict };
        let Opened { conflict, body, .. } = &opened;
        let mut items = Vec::new();
        if place::is_open(conflict, body.is_some()) {
            let [base, ours, theirs] = conflict.stages;
            let (ours, theirs) =
                (self.sides.pick(Side::Target, ours, theirs), self.sides.pick(Side::Task, ours, theirs));
            let what = What::Place { base, ours, theirs };
            let choices = self.fitting(conflict, body.as_ref())?;
            items.push(Item {
                id: self.name(conflict, &what, &[])?,
                path: conflict.path.clone(),
                what,
                choices,
            });
        }
        let mut line = 1;
        let mut ids = Vec::new();
        let pieces = body.as_ref().map_or(&[][..], |body| &body.pieces);
        for (number, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Settled(text) => line += text.lines().count(),
                Piece::Open(open) => {
                    let what = self.lines(line, open);
                    let around = around(pieces, number);
                    let around: Vec<&[u8]> = around.iter().map(Vec::as_slice).collect();
                    let id = self.name(conflict, &what, &around)?;
                    if let What::Lines { ours, .. } = &what {
                        line += ours.lines().count();
                    }
                    ids.push(id.clone());
                    let mut choices = vec!["ours", "theirs", "both", "both-reversed", "base", "text"];
                    choices.retain(|name| *name != "base" || open.base.is_some());
                    items.push(Item { id, path: conflict.path.clone(), what, choices });
                }
            }
        }
        if let Some(body) = &mut opened.body {
            body.ids = ids;
        }
        opened.items = items;
        Ok(opened)
    }

    /// The file as git merged it, in pieces; nothing where it holds none that are open, or where they cannot be told.
    fn body(&self, conflict: &Conflict) -> Result<Option<Body>, GitError> {
        let path = conflict.path.as_bstr();
        let Some((mode, oid)) = self.repo.entry(self.marked, path)? else { return Ok(None) };
        if !is_file(mode) {
            return Ok(None);
        }
        let text = self.repo.blob(oid)?;
        let [_, ours, theirs] = conflict.stages;
        let read = |stage: Option<(u32, Oid)>| match stage {
            Some((mode, oid)) if is_file(mode) => self.repo.blob(oid),
            _ => Ok(Vec::new()),
        };
        let (ours, theirs) = (read(ours)?, read(theirs)?);
        let pieces = marked::pieces(&text, Marks::WithBase, (self.ours, &ours), (self.theirs, &theirs));
        let Some(mut pieces) = pieces.filter(|pieces| !pieces.iter().any(|piece| self.has_marks(piece)))
        else {
            return Ok(None);
        };
        for piece in &mut pieces {
            // What git made of several bases was nobody's.
            if let Piece::Open(open) = piece {
                open.base = open.base.take().filter(|base| !marked::is_made_of_bases(base));
            }
        }
        Ok(Some(Body { mode, pieces, ids: Vec::new() }))
    }

    /// Whether git has merged twice, and what it calls settled or one side's is neither.
    fn has_marks(&self, piece: &Piece) -> bool {
        let has = |text: &[u8]| marked::has_marks(text, [self.ours, self.theirs]);
        match piece {
            Piece::Settled(text) => has(text),
            Piece::Open(Open { base, ours, theirs }) => {
                has(ours) || has(theirs) || base.as_deref().is_some_and(has)
            }
        }
    }

    fn lines(&self, line: usize, open: &Open) -> What {
        let Open { base, ours, theirs } = open;
        What::Lines {
            line,
            base: base.clone().unwrap_or_default(),
            ours: self.sides.pick(Side::Target, ours, theirs).clone(),
            theirs: self.sides.pick(Side::Task, ours, theirs).clone(),
        }
    }

    /// The name of a thing: the hash of all that it is about.
    fn name(&self, conflict: &Conflict, what: &What, around: &[&[u8]]) -> Result<ItemId, GitError> {
        let mut about = Vec::new();
        let mut put = |bytes: &[u8]| {
            // With its length before it no two lists of parts are the same bytes.
            about.extend_from_slice(format!("{} ", bytes.len()).as_bytes());
            about.extend_from_slice(bytes);
        };
        put(&conflict.path);
        match what {
            What::Lines { base, ours, theirs, .. } => {
                [b"lines", base.as_slice(), ours, theirs]
                    .into_iter()
                    .chain(around.iter().copied())
                    .for_each(put);
            }
            What::Place { base, ours, theirs } => {
                put(conflict.kind.name().as_bytes());
                for stage in [base, ours, theirs] {
                    put(stage.map_or(String::new(), |(mode, oid)| format!("{mode:o} {oid}")).as_bytes());
                }
            }
        }
        Ok(ItemId::of(&self.repo.hash(&about)?.to_string()))
    }

    fn fitting(&self, conflict: &Conflict, body: Option<&Body>) -> Result<Vec<&'static str>, GitError> {
        let mut found = Vec::new();
        let text = Choice::Text(Vec::new());
        let plain = crate::domain::review::PLAIN.map(|(_, choice)| choice);
        for choice in plain.into_iter().chain([text]) {
            if self.place(conflict, body.is_some(), &choice)?.is_some() {
                found.push(choice.name());
            }
        }
        if place::may_move(conflict) {
            found.push("at");
        }
        Ok(found)
    }

    /// Whether a choice fits a thing: some make no sense of what they would be made of.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn fits(&self, opened: &Opened, item: &Item, choice: &Choice) -> Result<bool, GitError> {
        match (&item.what, choice) {
            (What::Lines { .. }, choice) => Ok(item.choices.contains(&choice.name())),
            (What::Place { .. }, choice) => {
                Ok(self.place(&opened.conflict, opened.body.is_some(), choice)?.is_some())
            }
        }
    }

    /// What a path becomes by what was decided, and how that is told. Nothing while something is open.
    ///
    /// # Errors
    /// When an object cannot be read or written.
    pub fn answer(&self, opened: &Opened, resolutions: &Resolutions) -> Result<Option<Answer>, GitError> {
        let Opened { conflict, items, body } = opened;
        let (mut entries, mut decisions) = (Vec::new(), Vec::new());
        let mut mode = body.as_ref().map(|body| body.mode);
        let mut at = conflict.path.clone();
        for item in items {
            let What::Place { .. } = item.what else { continue };
            let Some(resolution) = resolutions.get(&item.id) else { return Ok(None) };
            let place = self.place(conflict, body.is_some(), &resolution.choice)?;
            let Some(place) = place else { return Ok(None) };
            mode = place.lines;
            at = place.at.unwrap_or(at);
            entries.extend(place.entries);
            decisions.push(told(conflict, resolution, None));
        }
        let (Some(body), Some(mode)) = (body, mode) else { return Ok(Some((entries, decisions))) };
        let Some(resolved) = self.resolved(body, resolutions) else { return Ok(None) };
        for (hunk, resolution) in resolved.hunks {
            decisions.push(told(conflict, resolution, Some(hunk)));
        }
        let blob = self.repo.write_blob(&resolved.text)?;
        entries.push((at, Some((mode, blob))));
        Ok(Some((entries, decisions)))
    }

    /// The text with everything decided; nothing while something is open.
    fn resolved<'r>(&self, body: &Body, resolutions: &'r Resolutions) -> Option<Resolved<'r>> {
        let mut resolved = Resolved { text: Vec::new(), hunks: Vec::new() };
        let mut ids = body.ids.iter();
        for (number, piece) in body.pieces.iter().enumerate() {
            match piece {
                Piece::Settled(text) => resolved.text.extend_from_slice(text),
                Piece::Open(open) => {
                    let resolution = resolutions.get(ids.next()?)?;
                    let What::Lines { base, ours, theirs, .. } = self.lines(0, open) else { return None };
                    let lines = |text: &[u8]| text.lines().count();
                    let line = lines(&resolved.text) + 1;
                    let hunk = Decided { line, target: lines(&ours), task: lines(&theirs) };
                    resolved.hunks.push((hunk, resolution));
                    let lines = chosen(&resolution.choice, &base, &ours, &theirs)?;
                    // What somebody wrote may have no end, and lines follow.
                    let is_last = number + 1 == body.pieces.len();
                    resolved.text.extend(if is_last { lines } else { ended(&lines) });
                }
            }
        }
        Some(resolved)
    }

    /// A file as it is with what was decided so far, and with marks where something is open. Nothing when there is none.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn preview(
        &self,
        opened: &Opened,
        resolutions: &Resolutions,
        names: [&str; 2],
    ) -> Result<Option<Vec<u8>>, GitError> {
        let path = opened.conflict.path.as_bstr();
        let Some(body) = &opened.body else {
            let entry = match self.answer(opened, resolutions)? {
                Some((entries, _)) => {
                    entries.into_iter().find(|(at, _)| *at == *path).map(|(_, entry)| entry)
                }
                None => None,
            };
            return match entry {
                Some(Some((mode, oid))) if is_file(mode) => self.repo.blob(oid).map(Some),
                _ => Ok(None),
            };
        };
        let mut text = Vec::new();
        let mut ids = body.ids.iter();
        for piece in &body.pieces {
            let open = match piece {
                Piece::Settled(settled) => {
                    text.extend_from_slice(settled);
                    continue;
                }
                Piece::Open(open) => open,
            };
            let What::Lines { base, ours, theirs, .. } = self.lines(0, open) else { continue };
            let resolution = ids.next().and_then(|id| resolutions.get(id));
            match resolution.and_then(|resolution| chosen(&resolution.choice, &base, &ours, &theirs)) {
                Some(lines) => text.extend(ended(&lines)),
                None => {
                    let mut part = |mark: &str, name: &str, lines: &[u8]| {
                        text.extend_from_slice(format!("{mark}{name}\n").as_bytes());
                        text.extend(ended(lines));
                    };
                    part("<<<<<<< ", names[0], &ours);
                    part("||||||| ", "before", &base);
                    part("=======", "", &theirs);
                    text.extend_from_slice(format!(">>>>>>> {}\n", names[1]).as_bytes());
                }
            }
        }
        Ok(Some(text))
    }
}

/// A text of which everything is decided.
struct Resolved<'r> {
    text: Vec<u8>,
    hunks: Vec<(Decided, &'r Resolution)>,
}

/// How many lines around tell apart places that want the same.
const AROUND: usize = 3;

/// What tells an open piece from others of the same file that want the same: nothing where there is no other; else which
/// of how many it is, and the lines around it. So when one of them goes, what was decided of none passes for another's.
fn around(pieces: &[Piece], number: usize) -> Vec<Vec<u8>> {
    let same: Vec<usize> = (0..pieces.len()).filter(|other| pieces[*other] == pieces[number]).collect();
    if same.len() < 2 {
        return Vec::new();
    }
    let settled = |place: Option<usize>| match place.and_then(|place| pieces.get(place)) {
        Some(Piece::Settled(text)) => text.split_inclusive(|&byte| byte == b'\n').collect(),
        Some(Piece::Open(_)) | None => Vec::new(),
    };
    let (before, after) = (settled(number.checked_sub(1)), settled(Some(number + 1)));
    let which = same.iter().position(|other| *other == number).unwrap_or_default();
    vec![
        format!("{which} of {}", same.len()).into_bytes(),
        before[before.len().saturating_sub(AROUND)..].concat(),
        after[..after.len().min(AROUND)].concat(),
    ]
}

/// The lines that a choice makes of the three versions; nothing for a choice that is not about lines.
fn chosen(choice: &Choice, base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    Some(match choice {
        Choice::Ours => ours.to_vec(),
        Choice::Theirs => theirs.to_vec(),
        Choice::Both => both(ours, theirs),
        Choice::BothReversed => both(theirs, ours),
        Choice::Base => base.to_vec(),
        Choice::Text(text) => text.clone(),
        Choice::At(_) => return None,
    })
}

/// The lines of both, one after the other; what both begin and end with is there once.
fn both(first: &[u8], second: &[u8]) -> Vec<u8> {
    let split = |text: &'_ [u8]| -> Vec<Vec<u8>> {
        text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (one, other) = (split(first), split(second));
    let shorter = one.len().min(other.len());
    let begin = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    let end = end.min(shorter - begin);
    let (middle, rest) = (one[begin..one.len() - end].concat(), other[begin..other.len() - end].concat());
    let tail = one[one.len() - end..].concat();
    [one[..begin].concat(), marked::both(&middle, &rest), tail].concat()
}

/// Lines of which the last one has an end.
fn ended(lines: &[u8]) -> Vec<u8> {
    let mut lines = lines.to_vec();
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        lines.push(b'\n');
    }
    lines
}

/// A decision as it is told, and written into the commit.
fn told(conflict: &Conflict, resolution: &Resolution, hunk: Option<Decided>) -> Decision {
    let mut why = resolution.by.to_string();
    if let Choice::At(path) = &resolution.choice {
        why.push_str(&format!(", as {path}"));
    }
    if let Some(confirmed) = &resolution.confirmed {
        why.push_str(&format!(", agreed by {confirmed}"));
    }
    if let Some(note) = &resolution.note {
        why.push_str(&format!(": {note}"));
    }
    let kept = match resolution.choice {
        Choice::Ours => Kept::Target,
        Choice::Theirs => Kept::Task,
        Choice::Both | Choice::BothReversed => Kept::Both,
        Choice::Base => Kept::Base,
        Choice::Text(_) => Kept::Written,
        Choice::At(_) => Kept::Moved,
    };
    let path = text::visible(&conflict.path);
    let hunks = hunk.into_iter().collect();
    Decision { path, strategy: "review".to_owned(), kept, why: Some(why), hunks, commit: None }
}
