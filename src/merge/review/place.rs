//! Places: what a whole path becomes, where a conflict is not about lines alone.

use crate::domain::review::Choice;
use crate::git::BStr;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::marked;
use crate::git::marked::Entry;
use crate::git::merge::Conflict;
use crate::git::merge::ConflictKind;
use crate::git::merge::is_file;
use crate::git::merge::is_folder;
use crate::git::objects::EntryKind;
use crate::merge::sides::Side;

use super::Reviewing;

/// What a choice makes of a place.
pub(super) struct Place {
    /// What changes in the merged tree, without the lines of the path itself.
    pub entries: Vec<Entry>,
    /// The mode of the file whose lines are still to be decided; nothing when they do not matter any more.
    pub lines: Option<u32>,
    /// Where that file is to be, if not at the conflict's path.
    pub at: Option<BString>,
}

impl Place {
    /// One without lines to decide.
    fn whole(entries: Vec<Entry>) -> Place {
        Place { entries, lines: None, at: None }
    }

    /// One of which the lines are to be decided, where it is.
    fn of_lines(mode: u32) -> Place {
        Place { entries: Vec::new(), lines: Some(mode), at: None }
    }
}

/// Whether there is something to decide about the place. `lines` says whether lines of the file are to be decided.
pub(super) fn is_open(conflict: &Conflict, lines: bool) -> bool {
    let [_, ours, theirs] = conflict.stages;
    match conflict.kind {
        ConflictKind::Content | ConflictKind::AddAdd => !lines || conflict.modes_conflict(),
        // The old name of what both sides renamed: it is gone on both.
        ConflictKind::RenameRename => {
            (ours.is_some() || theirs.is_some()) && !(lines && ours.is_some() && theirs.is_some())
        }
        _ => true,
    }
}

/// Whether the file may be kept under another name.
pub(super) fn may_move(conflict: &Conflict) -> bool {
    matches!(conflict.kind, ConflictKind::DirectoryFile | ConflictKind::DirectoryRename)
}

impl Reviewing<'_> {
    /// What a choice makes of the place of a conflict; nothing where it makes no sense.
    pub(super) fn place(
        &self,
        conflict: &Conflict,
        lines: bool,
        choice: &Choice,
    ) -> Result<Option<Place>, GitError> {
        let side = match choice {
            Choice::Ours => Side::Target,
            Choice::Theirs => Side::Task,
            // Where git moved it.
            Choice::Both if conflict.kind == ConflictKind::DirectoryRename => {
                let found = self.repo.entry(self.marked, conflict.path.as_bstr())?;
                return Ok(match found {
                    Some((mode, _)) if lines => Some(Place::of_lines(mode)),
                    found if self.is_plain(found)? => Some(Place::whole(Vec::new())),
                    _ => None,
                });
            }
            Choice::Base => return self.base(conflict),
            Choice::Text(text) => return self.written(conflict, text),
            Choice::At(path) => return self.moved(conflict, lines, path),
            Choice::Both | Choice::BothReversed => return Ok(None),
        };
        let [_, ours, theirs] = conflict.stages;
        let stage = self.sides.pick(side, ours, theirs);
        let path = &conflict.path;
        let found = self.repo.entry(self.marked, path.as_bstr())?;
        let whole = |mut entries: Vec<Entry>| {
            entries.push((path.clone(), stage));
            Ok(Some(Place::whole(entries)))
        };
        match conflict.kind {
            // Only which kind of file it is: its lines are decided by themselves.
            ConflictKind::Content | ConflictKind::AddAdd if lines => {
                Ok(stage.map(|(mode, _)| Place::of_lines(mode)))
            }
            ConflictKind::Content | ConflictKind::AddAdd | ConflictKind::Binary | ConflictKind::Submodule => {
                match stage.is_some() && found.is_some() && self.is_plain(stage)? {
                    true => whole(Vec::new()),
                    false => Ok(None),
                }
            }
            // git leaves the file where it was; elsewhere it would be a folder's name by now.
            ConflictKind::ModifyDelete | ConflictKind::RenameDelete
                if found == ours.or(theirs) && self.is_plain(stage)? =>
            {
                whole(Vec::new())
            }
            ConflictKind::RenameRename => match (stage, found) {
                (None, Some(_)) => whole(Vec::new()),
                // What git merged of both, under this side's name.
                (Some(_), Some(found)) if lines => Ok(Some(Place::of_lines(found.0))),
                (Some(_), Some(_)) if self.is_plain(found)? => Ok(Some(Place::whole(Vec::new()))),
                _ => Ok(None),
            },
            // Two kinds of file, with one content: it is where it was. Other kinds of things are moved aside.
            ConflictKind::Mode if conflict.are_files() && found.is_some() => whole(Vec::new()),
            ConflictKind::Mode => match self.asides(conflict)? {
                Some(asides) => whole(asides),
                None => Ok(None),
            },
            ConflictKind::DirectoryFile => self.file_or_folder(conflict, stage),
            ConflictKind::ModifyDelete
            | ConflictKind::RenameDelete
            | ConflictKind::DirectoryRename
            | ConflictKind::Other => Ok(None),
        }
    }

    /// Whether what is kept holds no marks of this merge.
    fn is_plain(&self, entry: Option<(u32, Oid)>) -> Result<bool, GitError> {
        let Some((_, oid)) = entry.filter(|(mode, _)| is_file(*mode)) else { return Ok(true) };
        Ok(!marked::has_marks(&self.repo.blob(oid)?, [self.ours, self.theirs]))
    }

    /// What was there before either side.
    fn base(&self, conflict: &Conflict) -> Result<Option<Place>, GitError> {
        let found = self.repo.entry(self.marked, conflict.path.as_bstr())?;
        let fits = match conflict.kind {
            ConflictKind::Content
            | ConflictKind::AddAdd
            | ConflictKind::Binary
            | ConflictKind::Submodule
            | ConflictKind::ModifyDelete => found.is_some(),
            _ => false,
        };
        let base = conflict.stages[0];
        if let Some((_, oid)) = base.filter(|(mode, _)| is_file(*mode))
            && marked::is_made_of_bases(&self.repo.blob(oid)?)
        {
            return Ok(None);
        }
        Ok(fits.then(|| Place::whole(vec![(conflict.path.clone(), base)])))
    }

    /// What somebody wrote, with the mode that the file has on one of the sides.
    fn written(&self, conflict: &Conflict, text: &[u8]) -> Result<Option<Place>, GitError> {
        let found = self.repo.entry(self.marked, conflict.path.as_bstr())?;
        let fits = match conflict.kind {
            ConflictKind::Content
            | ConflictKind::AddAdd
            | ConflictKind::Binary
            | ConflictKind::ModifyDelete
            | ConflictKind::RenameDelete
            | ConflictKind::RenameRename => found.is_some(),
            _ => false,
        };
        if !fits {
            return Ok(None);
        }
        let [base, ours, theirs] = conflict.stages;
        let of_file = |stage: Option<(u32, Oid)>| stage.map(|(mode, _)| mode).filter(|mode| is_file(*mode));
        let file = of_file(ours).or(of_file(theirs)).or(of_file(base));
        // A text in a link's place would be another kind of thing.
        let Some(mode) = file else { return Ok(None) };
        let blob = self.repo.write_blob(text)?;
        Ok(Some(Place::whole(vec![(conflict.path.clone(), Some((mode, blob)))])))
    }

    /// The names under which git put two kinds of things aside, to be removed; nothing when they are not where they are
    /// expected.
    fn asides(&self, conflict: &Conflict) -> Result<Option<Vec<Entry>>, GitError> {
        let mut found = Vec::new();
        let [_, ours, theirs] = conflict.stages;
        for (commit, stage) in [(self.ours, ours), (self.theirs, theirs)] {
            let name = aside(&conflict.path, commit);
            match self.repo.entry(self.marked, name.as_bstr())? {
                Some(entry) if Some(entry) == stage => found.push((name, None)),
                Some(_) => return Ok(None),
                None if self.repo.entry(self.marked, conflict.path.as_bstr())? == stage => {}
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// One side has a file where the other has a folder: git put the file aside.
    fn file_or_folder(
        &self,
        conflict: &Conflict,
        stage: Option<(u32, Oid)>,
    ) -> Result<Option<Place>, GitError> {
        let Some((name, aside)) = self.file_aside(conflict)? else { return Ok(None) };
        if !self.is_plain(Some(aside))? {
            return Ok(None);
        }
        let mut entries = vec![(name, None)];
        if stage.is_some() {
            // The file's side: all that is in the folder goes.
            entries.extend(self.below(conflict.path.as_bstr())?.into_iter().map(|path| (path, None)));
            entries.push((conflict.path.clone(), stage));
        }
        Ok(Some(Place::whole(entries)))
    }

    /// The file that git put aside for a folder: under which name, and what it is.
    fn file_aside(&self, conflict: &Conflict) -> Result<Option<Aside>, GitError> {
        let [_, ours, theirs] = conflict.stages;
        for (commit, stage) in [(self.ours, ours), (self.theirs, theirs)] {
            let name = aside(&conflict.path, commit);
            if let (Some(entry), Some(_)) = (self.repo.entry(self.marked, name.as_bstr())?, stage) {
                return Ok(Some((name, entry)));
            }
        }
        Ok(None)
    }

    /// The file under another name: one that git put aside, or one that it moved along with a renamed folder.
    fn moved(&self, conflict: &Conflict, lines: bool, to: &str) -> Result<Option<Place>, GitError> {
        if !may_move(conflict) || !is_path(to) {
            return Ok(None);
        }
        let to = BString::from(to);
        // Neither over something that is there, nor below a file.
        let mut ends: Vec<usize> = to.find_iter("/").collect();
        ends.push(to.len());
        for end in ends {
            let taken = self.repo.entry(self.marked, to[..end].as_bstr())?;
            if taken.is_some_and(|(mode, _)| end == to.len() || !is_folder(mode)) {
                return Ok(None);
            }
        }
        let (name, entry) = match conflict.kind {
            ConflictKind::DirectoryFile => match self.file_aside(conflict)? {
                Some(found) => found,
                None => return Ok(None),
            },
            _ => match self.repo.entry(self.marked, conflict.path.as_bstr())? {
                Some(entry) if !is_folder(entry.0) => (conflict.path.clone(), entry),
                _ => return Ok(None),
            },
        };
        if lines && conflict.kind == ConflictKind::DirectoryRename {
            return Ok(Some(Place { entries: vec![(name, None)], lines: Some(entry.0), at: Some(to) }));
        }
        if !self.is_plain(Some(entry))? {
            return Ok(None);
        }
        Ok(Some(Place::whole(vec![(name, None), (to, Some(entry))])))
    }

    /// The files in a folder of the merged tree, and in those below it.
    fn below(&self, folder: &BStr) -> Result<Vec<BString>, GitError> {
        let mut found = Vec::new();
        let mut next: Vec<(BString, Oid)> = Vec::new();
        if let Some((mode, oid)) = self.repo.entry(self.marked, folder)?
            && is_folder(mode)
        {
            next.push((folder.to_owned(), oid));
        }
        while let Some((above, tree)) = next.pop() {
            for entry in self.repo.tree(tree)? {
                let mut path = above.clone();
                path.push(b'/');
                path.extend_from_slice(&entry.name);
                match entry.kind {
                    EntryKind::Tree => next.push((path, entry.oid)),
                    _ => found.push(path),
                }
            }
        }
        Ok(found)
    }
}

/// A name, and what is there: mode and object.
type Aside = (BString, (u32, Oid));

/// The name that git gives to what is in the way.
fn aside(path: &BString, commit: Oid) -> BString {
    let mut name = path.clone();
    name.extend_from_slice(format!("~{commit}").as_bytes());
    name
}

/// Whether a text is a path that a tree can have on every system.
fn is_path(text: &str) -> bool {
    let gits = |part: &str| part.eq_ignore_ascii_case(".git") || part.eq_ignore_ascii_case("git~1");
    let bad = |part: &str| matches!(part, "" | "." | "..") || gits(part);
    let is_ours = text.split('/').next().is_some_and(|part| part.eq_ignore_ascii_case(".odyssey"));
    !text.split('/').any(bad) && !is_ours && !text.contains(['\\', ':', '\0'])
}
