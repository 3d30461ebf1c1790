//! The doctor's look at the archives of the ledger's history.

use super::Checkup;
use super::short;
use crate::base::failure::Failure;
use crate::git::Oid;
use crate::ledger::fold;
use crate::ledger::fold::Archive;
use crate::ledger::local::LEDGER;

impl Checkup<'_> {
    /// That every fold of the ledger has the archive that it names. No lease depends on one: it is history that would be lost.
    ///
    /// # Errors
    /// When an archive cannot be kept again.
    pub fn archives(&mut self) -> Result<(), Failure> {
        let repo = &self.session.repo;
        // A ledger that cannot be read is told of elsewhere.
        let Ok(Some(tip)) = repo.reference(LEDGER) else { return Ok(()) };
        let archives = match fold::archives(repo, tip) {
            Ok(archives) => archives,
            Err(error) => {
                self.open(
                    format!("the ledger's history cannot be read: {error}"),
                    "look at the objects: git fsck",
                );
                return Ok(());
            }
        };
        for (oid, archive) in archives {
            let name = fold::archive_name(oid);
            match archive {
                Archive::Kept => {}
                Archive::Unkept if self.fix => {
                    fold::keep(&self.session.repo, oid)?;
                    self.mended(format!("{} was gone, and its history is here; made it again", short(&name)));
                }
                Archive::Unkept => {
                    self.open(
                        format!("{} is gone, and its history is here", short(&name)),
                        "git odyssey doctor --fix makes it again",
                    );
                }
                // A machine that came after the fold has never had it.
                Archive::Away if self.session.authority.is_some() => {}
                Archive::Away => self.open(
                    format!(
                        "{} is gone with the ledger's history before it; no lease depends on it",
                        short(&name)
                    ),
                    "bring it from a clone that has it, or from a backup",
                ),
                Archive::Elsewhere(found) => self.elsewhere(oid, found, &name),
                Archive::False => self.open(
                    format!(
                        "the ledger says that it goes on from {}, which had other leases",
                        oid.to_hex_with_len(10)
                    ),
                    "somebody wrote it by hand: look at it, git log -1 --format=%B refs/odyssey/ledger",
                ),
            }
        }
        Ok(())
    }

    /// Nothing is moved here: what the ref is at may be kept by nothing else.
    fn elsewhere(&mut self, oid: Oid, found: Oid, name: &str) {
        let advice = if self.session.repo.has(oid) {
            format!("look what that is, and put it back: git update-ref {name} {oid} {found}")
        } else {
            format!("look what that is; its history is to be had from a clone or a backup that has {oid}")
        };
        let (name, found) = (short(name), found.to_hex_with_len(10));
        self.open(format!("{name} is at {found}, and not at the commit that it has the name of"), &advice);
    }
}
