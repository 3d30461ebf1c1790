//! Lines: looks into the versions of a file, to tell where somebody's lines are in them and whether a change touches them.

use crate::domain::anchor::Met;
use crate::domain::lease::Lease;
use crate::domain::region::Region;
use crate::domain::span::Edit;
use crate::domain::span::Lines;
use crate::domain::span::Span;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::diff::Change;
use crate::git::edits::Edited;
use crate::git::error::GitError;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

/// The versions of files that a repository has.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a>(pub &'a Repo);

/// Why nothing is told of lines: an answer, not an error.
type Untold = String;

impl Versions<'_> {
    /// How a change stands to a lease's region of lines.
    ///
    /// It leaves them alone only if it is an edit of the same file that is clear of them, as they are in the version that
    /// it starts from. What is new, gone, of another kind or mode, or no text is about the whole file.
    ///
    /// # Errors
    /// When a version that the change names cannot be read.
    pub fn met(&self, lease: &Lease, region: &Region, change: &Change) -> Result<Met, GitError> {
        let Some((path, span)) = region.lines() else { return Ok(Met::Path) };
        let whole = |why: &str| Ok(Met::File(why.to_owned()));
        if change.path != path {
            return whole("the path is not the file's own");
        }
        let (old, new) = match (change.old, change.new) {
            (None, _) => return whole("the file is new here"),
            (_, None) => return whole("the file would go"),
            (Some((old_kind, _)), Some((kind, _))) if old_kind != kind => {
                return whole("the file would be of another kind or mode");
            }
            (Some((kind, _)), _) if !is_file(kind) => return whole("it is no file of lines"),
            (Some((_, old)), Some((_, new))) => (old, new),
        };
        let here = match self.carried_to(path, span, &lease.base, old) {
            Ok(here) => here,
            Err(why) => return Ok(Met::File(why)),
        };
        let Edited::Lines(edits) = self.0.edits(old, new)? else { return whole("it is no text") };
        let is_touched = here.is_touched(&edits.into_iter().map(edit).collect::<Vec<_>>());
        Ok(if is_touched { Met::Lines(here) } else { Met::Apart })
    }

    /// What a span of a path at a commit is in another version of the file.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn carried_to(&self, path: &[u8], span: Span, from: &str, to: Oid) -> Result<Span, Untold> {
        let anchor = self.file(path, from)?;
        match self.0.edits(anchor, to) {
            Ok(Edited::Lines(edits)) => Ok(span.follow(&edits.into_iter().map(edit).collect::<Vec<_>>())),
            Ok(Edited::NoText) => Err("it is no text".to_owned()),
            Err(error) => Err(untold(&error)),
        }
    }

    /// The content of a file at a commit.
    fn file(&self, path: &[u8], commit: &str) -> Result<Oid, Untold> {
        let short = commit.get(..7).unwrap_or(commit);
        let oid = Oid::from_hex(commit.as_bytes()).map_err(|_| format!("'{commit}' names no commit"))?;
        match self.0.entry_at(oid, path.as_bstr()) {
            Ok(Some((kind, oid))) if is_file(kind) => Ok(oid),
            Ok(Some(_)) => Err(format!("it is no file at {short}")),
            Ok(None) => Err(format!("there is no such file at {short}")),
            Err(error) => Err(untold(&error)),
        }
    }
}

impl Lines for Versions<'_> {
    fn carried(&self, path: &[u8], span: Span, from: &str, to: &str) -> Result<Span, String> {
        let to = self.file(path, to)?;
        self.carried_to(path, span, from, to)
    }
}

fn is_file(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable)
}

fn edit(edit: crate::git::edits::Edit) -> Edit {
    Edit { before: edit.before, after: edit.after, up: edit.up, down: edit.down }
}

fn untold(error: &GitError) -> Untold {
    format!("where its lines are cannot be told: {error}")
}
