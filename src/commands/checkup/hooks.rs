//! The doctor's proof that hooks fire.

use super::Checkup;
use crate::base::failure::Failure;
use crate::git::repo::Repo;

impl Checkup<'_> {
    /// That every hook fires in every checkout, which is proved by firing it.
    ///
    /// # Errors
    /// When the hooks cannot be installed again.
    pub fn hooks(&mut self) -> Result<(), Failure> {
        let folder = self.session.ledger().folder();
        let guard = self.session.repo.prove_server_hook(&folder)?;
        if let Some(guard) = guard.as_ref().filter(|guard| !guard.fired) {
            let what = format!("the hook {}, which judges what is pushed here, does not fire", guard.event);
            self.open(what, "install it again: git odyssey server install");
        }
        // Nobody works in a repository that is only pushed to.
        if guard.is_some() && self.session.repo.hook_way(&folder)?.is_none() {
            return Ok(());
        }
        let mut silent = self.silent_hooks()?;
        if !silent.is_empty() && self.fix {
            self.session.repo.install_hooks(&self.context.program, &folder)?;
            let left = self.silent_hooks()?;
            for what in silent.iter().filter(|what| !left.contains(what)) {
                self.mended(format!("{what}; installed it again"));
            }
            silent = left;
        }
        for what in silent {
            self.open(what, "install them again: git odyssey init");
        }
        Ok(())
    }

    fn silent_hooks(&self) -> Result<Vec<String>, Failure> {
        let mut silent = Vec::new();
        for worktree in self.session.repo.worktrees()?.iter().filter(|worktree| !worktree.missing) {
            let fire = || Ok(Repo::open(&worktree.path)?.prove_hooks(&self.session.ledger().folder())?);
            let proofs = self.look(worktree, fire)?.unwrap_or_default();
            for proof in proofs {
                // One that went meanwhile fires nothing.
                if !proof.fired && self.stands(worktree)? {
                    silent.push(format!(
                        "the hook {} does not fire in {}",
                        proof.event,
                        worktree.path.display()
                    ));
                }
            }
        }
        Ok(silent)
    }
}
