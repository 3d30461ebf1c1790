//! Whose hands made the sides of a conflict, found when somebody looks; and the editor that a person is used to.

use crate::base::failure::Failure;
use crate::git::ByteSlice;
use crate::git::run::Git;
use crate::merge::makers::Maker;
use crate::merge::makers::Makers;
use crate::merge::party::Standing;

use super::super::session::Session;
use super::desk::Desk;
use super::desk::File;

/// Who made the sides of a review's conflicts.
pub struct Hands<'s> {
    session: &'s Session,
    makers: Makers<'s>,
}

impl<'s> Hands<'s> {
    /// Nothing is known yet.
    pub fn of(desk: &Desk<'s>) -> Hands<'s> {
        let session = desk.session();
        Hands { session, makers: Makers::of(&session.repo) }
    }

    /// Who made what the target has of a file, and what the task has, as far as that can be told. The first question costs a
    /// look through the history.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn find(&mut self, desk: &Desk<'s>, file: usize) -> Result<[Option<Maker>; 2], Failure> {
        let repo = &self.session.repo;
        let (ours, theirs) = (desk.review().ours, desk.review().theirs);
        let bases: Vec<_> = repo.merge_base(ours, theirs)?.into_iter().collect();
        let File { opened, is_edits, .. } = &desk.files()[file];
        let path = &opened.conflict.path;
        let mut find = |commit| -> Result<Option<Maker>, Failure> {
            Ok(self.makers.find(&Standing::committed(repo, commit)?, &bases, &[path])?)
        };
        let edits = desk.edits.as_ref().filter(|_| *is_edits);
        Ok([edits.map_or_else(|| find(ours), |edits| Ok(edits.maker(path)))?, find(theirs)?])
    }
}

/// The editor that git itself would start: `GIT_EDITOR`, `core.editor`, `VISUAL`, `EDITOR`, or what git was built with.
///
/// # Errors
/// When git knows none.
pub fn editor(session: &Session) -> Result<String, Failure> {
    let said = Git::at(session.repo.folder()).args(["var", "GIT_EDITOR"]).run()?;
    Ok(said.trim_ascii().to_str_lossy().into_owned())
}
