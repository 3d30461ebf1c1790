//! The facts that merge strategies are told: who holds a path, which side a person wrote, and what a command makes anew.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::event::EventKind;
use crate::domain::holder::HolderKind;
use crate::domain::lease::Lease;
use crate::domain::lease::Place;
use crate::domain::region::Region;
use crate::git::BStr;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::diff::OwnChanges;
use crate::git::marked::Entry;
use crate::git::merge::Conflict;
use crate::git::objects::Commit;
use crate::git::repo::Repo;
use crate::guard::lines;
use crate::guard::lines::Versions;
use crate::ledger::history;
use crate::merge::result::SYNCED;
use crate::merge::sides::Side;
use crate::merge::strategy::Facts;
use crate::merge::strategy::Rule;
use crate::merge::strategy::Told;
use crate::workspace::process;
use crate::workspace::process::CommandError;
use crate::workspace::setup;

use super::session::Session;

/// What is known of one task and its target.
pub struct Known<'a> {
    session: &'a Session,
    repo: &'a Repo,
    lease: &'a Lease,
    tip: Oid,
    target: Oid,
    writers: OnceCell<Vec<Written>>,
}

/// One commit that only the target has.
struct Written {
    commit: Oid,
    by: Writer,
}

/// Who wrote a commit of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Writer {
    /// A person: nobody's task brought it.
    Person(String),
    /// A task of an agent.
    Agent,
    /// A task of which nobody knows whose it was.
    Unknown,
}

/// A command that did not make what it was run for.
#[derive(Debug, thiserror::Error)]
enum AnewError {
    #[error("`{0}` ended well, and {1} is not there")]
    NotMade(String, String),
    #[error("{said}")]
    Failed { said: String, kept: PathBuf },
}

impl Explain for AnewError {
    fn hints(&self) -> Vec<String> {
        let mut hints = match self {
            AnewError::NotMade(..) => Vec::new(),
            AnewError::Failed { kept, .. } => vec![format!("all that it wrote: {}", kept.display())],
        };
        hints.push("nothing has moved; it ran on the merged files, in a folder of its own".to_owned());
        hints
    }
}

impl<'a> Known<'a> {
    /// What is known when the task at `tip` and its target at `target` are merged in `repo`.
    pub fn of(session: &'a Session, repo: &'a Repo, lease: &'a Lease, tip: Oid, target: Oid) -> Known<'a> {
        Known { session, repo, lease, tip, target, writers: OnceCell::new() }
    }

    fn target_name(&self) -> &str {
        super::land::short(&self.lease.target)
    }

    /// The commits that only the target has, each with who wrote it.
    fn writers(&self) -> Result<&[Written], Failure> {
        if self.writers.get().is_none() {
            let found = self.read_writers()?;
            return Ok(self.writers.get_or_init(|| found));
        }
        Ok(self.writers.get().map_or(&[], Vec::as_slice))
    }

    fn read_writers(&self) -> Result<Vec<Written>, Failure> {
        let repo = self.repo;
        let mut all = Vec::new();
        for commit in repo.new_commits(&[self.target], &[self.tip])? {
            all.push((commit, repo.commit(commit)?));
        }
        let new: BTreeSet<Oid> = all.iter().map(|(commit, _)| *commit).collect();
        let mut brought: Vec<(Oid, Writer)> = Vec::new();
        let mut landed = BTreeSet::new();
        for past in history::events(repo)? {
            let past = past?;
            if past.event.event != EventKind::Land.to_string() {
                continue;
            }
            let fact = |name: &str| {
                let found = past.event.facts.iter().find(|(known, _)| known == name);
                found.and_then(|(_, value)| Oid::from_hex(value.as_bytes()).ok())
            };
            let Some(last) = fact("Commit").filter(|commit| new.contains(commit)) else { continue };
            landed.insert(last);
            let writer = self.kind_at(past.commit, past.event.task.as_ref())?;
            let first_parent = |commit: &Commit| commit.parents.first().copied();
            let read = repo.commit(last)?;
            let before = match fact("From") {
                Some(from) => Some(from),
                // A landing by a merge, or as one commit, says so itself: all of it came with that commit.
                None if is_landing(&read) => first_parent(&read),
                None => None,
            };
            match before.filter(|before| repo.has(*before)) {
                Some(before) => {
                    let commits = repo.new_commits(&[last], &[before])?;
                    brought.extend(commits.into_iter().map(|commit| (commit, writer.clone())));
                }
                // From where on it was the task's was not written down then.
                None => {
                    let commits = repo.new_commits(&[last], &[self.tip])?;
                    brought.extend(commits.into_iter().map(|commit| (commit, Writer::Unknown)));
                }
            }
        }
        // Landed in another clone: the commit names a task, and this ledger does not know it.
        for (commit, read) in all.iter().filter(|(commit, read)| is_landing(read) && !landed.contains(commit))
        {
            let before: Vec<Oid> = read.parents.iter().take(1).copied().collect();
            let commits = repo.new_commits(&[*commit], &before)?;
            brought.extend(commits.into_iter().map(|commit| (commit, Writer::Unknown)));
        }
        let writer = |(commit, read): &(Oid, Commit)| {
            let by: Vec<&Writer> =
                brought.iter().filter(|(known, _)| known == commit).map(|(_, by)| by).collect();
            let by = match by.as_slice() {
                [] => Writer::Person(text::visible(&read.author.0)),
                [one, rest @ ..] if rest.iter().all(|other| other == one) => (*one).clone(),
                _ => Writer::Unknown,
            };
            Written { commit: *commit, by }
        };
        Ok(all.iter().map(writer).collect())
    }

    /// Who held a task's lease just before an event of the ledger ended it.
    fn kind_at(&self, event: Oid, task: Option<&crate::domain::task::TaskName>) -> Result<Writer, Failure> {
        let before = self.repo.commit(event)?.parents.first().copied();
        let (Some(before), Some(task)) = (before, task) else { return Ok(Writer::Unknown) };
        let state = self.session.ledger().read_at(before)?;
        Ok(match state.book.get(task).map(|lease| lease.holder.clone()) {
            Some(holder) if holder.kind() == HolderKind::Human => Writer::Person(holder.name().to_owned()),
            Some(_) => Writer::Agent,
            None => Writer::Unknown,
        })
    }

    /// Who wrote the target's side of a path.
    fn wrote(&self, path: &BStr) -> Result<Writer, Failure> {
        let mut found: Vec<&Writer> = Vec::new();
        for Written { commit, by } in self.writers()? {
            let touched = match self.repo.own_changes(*commit)? {
                OwnChanges::Ordinary(changes) => changes.iter().any(|change| change.path == *path),
                OwnChanges::Merge { by_hand, .. } => by_hand.iter().any(|known| *known == *path),
            };
            if touched && !found.contains(&by) {
                found.push(by);
            }
        }
        let people: Option<Vec<&str>> = found.iter().map(|writer| writer.person()).collect();
        Ok(match people {
            _ if found.is_empty() => Writer::Unknown,
            Some(people) => Writer::Person(people.join(" and ")),
            None if found == [&Writer::Agent] => Writer::Agent,
            None => Writer::Unknown,
        })
    }
}

impl Writer {
    fn person(&self) -> Option<&str> {
        match self {
            Writer::Person(name) => Some(name),
            Writer::Agent | Writer::Unknown => None,
        }
    }
}

/// Whether a commit says of itself that it brought a task's work. A merge of the target into a task's branch brought none.
fn is_landing(commit: &Commit) -> bool {
    let has = |name: &[u8]| commit.message.lines().any(|line| line.starts_with(name));
    has(b"Odyssey-Task: ") && !has(SYNCED.as_bytes())
}

impl Facts for Known<'_> {
    fn owner(&self, conflict: &Conflict) -> Result<Told, Failure> {
        let state = self.session.ledger().read()?;
        let covering: Vec<(&Lease, &Region)> = state.book.covering(&conflict.path).collect();
        if covering.iter().all(|(_, region)| region.lines().is_none()) {
            return Ok(self.holder_among(covering.into_iter()));
        }
        let Some(disputed) = lines::disputed(self.repo, conflict)? else {
            return Ok(Told::Neither("lines of it are leased, and it is not a conflict of lines".to_owned()));
        };
        let mut held: Vec<Vec<(&Lease, &Region)>> = vec![Vec::new(); disputed.hunks.len()];
        for (lease, region) in covering {
            match Versions(self.repo).among(lease, region, &disputed) {
                Ok(among) => {
                    let its = held.iter_mut().zip(among).filter(|(_, is_its)| *is_its);
                    its.for_each(|(hunk, _)| hunk.push((lease, region)));
                }
                Err(why) => return Ok(Told::Neither(format!("{} is leased: {why}", region.text()))),
            }
        }
        // One side for all of the file: git's hunks are parts of these.
        let mut told = held.into_iter().map(|hunk| self.holder_among(hunk.into_iter()));
        let Some(first) = told.next() else { return Ok(Told::Neither("nobody holds it".to_owned())) };
        let is_same = |other: Told| match (&first, &other) {
            (Told::Side(one, _), Told::Side(other, _)) => one == other,
            (Told::Neither(_), _) => true,
            (Told::Side(..), Told::Neither(_)) => false,
        };
        Ok(if told.all(is_same) {
            first
        } else {
            Told::Neither("its conflicting lines are of different holders".to_owned())
        })
    }

    fn human(&self, path: &BStr) -> Result<Told, Failure> {
        let target = self.target_name();
        let task = self.lease.holder.kind() == HolderKind::Human;
        Ok(match (task, self.wrote(path)?) {
            (_, Writer::Unknown) => Told::Neither(format!("it cannot be told who wrote it on {target}")),
            (true, Writer::Person(_)) => Told::Neither("people wrote both sides".to_owned()),
            (false, Writer::Agent) => Told::Neither("no person wrote either side".to_owned()),
            (true, Writer::Agent) => Told::Side(Side::Task, format!("by {}", self.lease.holder)),
            (false, Writer::Person(name)) => Told::Side(Side::Target, format!("by {name}")),
        })
    }

    fn regenerate(&self, tree: Oid, paths: &[BString], rule: &Rule) -> Result<Vec<Entry>, Failure> {
        let words = rule.run.as_deref().unwrap_or_default();
        let exported = self.repo.export(tree)?;
        let place = exported.folder();
        let variables = setup::variables(self.lease, &place);
        process::run_within(rule.timeout, "regenerate", words, &place, &variables)
            .map_err(|error| self.kept(error))?;
        let mut made = Vec::new();
        for path in paths {
            let mode = self.repo.entry(tree, path.as_bstr())?.map_or(0o100_644, |(mode, _)| mode);
            let Some(blob) = exported.import(path.as_bstr())? else {
                let command = shell_words::join(words);
                return Err(AnewError::NotMade(command, text::visible(path)).into());
            };
            made.push((path.clone(), Some((mode, blob))));
        }
        Ok(made)
    }
}

impl Known<'_> {
    /// Which side's the leases are that cover something.
    fn holder_among<'l>(&self, covering: impl Iterator<Item = (&'l Lease, &'l Region)>) -> Told {
        let holds = |lease: &Lease, region: &str| format!("{} ({}) holds {region}", lease.task, lease.holder);
        let (mut own, mut here, mut others) = (None, None, None);
        for (lease, region) in covering {
            let found = Some(holds(lease, region.text()));
            if lease.task == self.lease.task {
                own = own.or(found);
            } else if lease.is_active() && lease.place == Place::Here && lease.target == self.lease.target {
                // Whoever works in a checkout of the target itself: what is on the target is theirs.
                here = here.or(found);
            } else {
                others = others.or(found);
            }
        }
        match (own, here, others) {
            (Some(why), None, None) => Told::Side(Side::Task, why),
            (None, Some(why), None) => Told::Side(Side::Target, why),
            (None, None, None) => Told::Neither("nobody holds it".to_owned()),
            (None, None, Some(why)) => Told::Neither(format!("{why}, and is neither side")),
            _ => Told::Neither("more than one hold it".to_owned()),
        }
    }

    /// The failure of a command, with all that it wrote kept in a file.
    fn kept(&self, error: CommandError) -> Failure {
        if error.output().is_empty() {
            return error.into();
        }
        let kept =
            self.session.ledger().folder().join("output").join(format!("regenerate-{}.txt", self.lease.task));
        let said = error.to_string();
        match atomic::put(&kept, error.output()) {
            Ok(()) => AnewError::Failed { said, kept }.into(),
            Err(failed) => Failure::from(error).hint(format!("what it wrote was not kept: {failed}")),
        }
    }
}
