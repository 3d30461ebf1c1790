//! The pool: what killed processes left of its trees, and what somebody wrote into one.

use crate::base::failure::Failure;
use crate::base::text;
use crate::git::worktree::Pool;

use super::Checkup;

impl Checkup<'_> {
    /// Looks through the folder of the trees that are kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pool(&mut self) -> Result<(), Failure> {
        // Where no workspace can be there is no tree either.
        let Ok(workspaces) = self.session.workspaces() else { return Ok(()) };
        let trees = Pool { folder: workspaces.pool(), size: 0, caches: Vec::new() };
        let unfinished = trees.unfinished()?;
        if unfinished > 0 {
            let what = format!(
                "{} of the pool, begun by a process that was killed",
                text::count(unfinished, "tree")
            );
            if self.fix {
                trees.sweep()?;
                self.mended(what);
            } else {
                self.open(what, "git odyssey doctor --fix");
            }
        }
        for place in trees.written()? {
            self.open(
                format!("a tree of the pool was written into after its task had ended: {}", place.display()),
                "look whether that is somebody's work, then delete the folder yourself",
            );
        }
        Ok(())
    }
}
