//! Refs: reading them, changing our own in-process, and moving branches through git so that hooks run.

use gix::bstr::ByteSlice;
use gix::refs::FullName;
use gix::refs::Target;
use gix::refs::transaction::Change;
use gix::refs::transaction::LogChange;
use gix::refs::transaction::PreviousValue;
use gix::refs::transaction::RefEdit;
use gix::refs::transaction::RefLog;

use super::Oid;
use super::error::GitError;
use super::repo::Repo;
use super::run::Git;
use crate::base::clock::Clock;
use crate::base::lock::Lock;

/// What a ref must be for its change to happen: every change is a compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must not exist.
    Absent,
    /// It must be at this commit.
    At(Oid),
}

impl Expect {
    /// The expectation that fits a value read before.
    pub fn value(found: Option<Oid>) -> Expect {
        found.map_or(Expect::Absent, Expect::At)
    }

    pub(super) fn oid(self) -> Option<Oid> {
        match self {
            Expect::Absent => None,
            Expect::At(oid) => Some(oid),
        }
    }
}

/// One line of a transaction that git carries out, all or none.
#[derive(Debug, Clone)]
pub enum Step {
    /// The ref must have this value, and stays.
    Verify(String, Expect),
    /// The ref moves.
    Update(String, Expect, Oid),
    /// The ref goes.
    Delete(String, Oid),
}

/// As many symbolic refs as git itself follows.
const MOST_STEPS: usize = 5;

impl Repo {
    /// The commit (or other object) that a ref is at, read anew from the disk; symbolic refs are followed.
    ///
    /// # Errors
    /// When the name is malformed or the ref cannot be read. An absent ref is `Ok(None)`.
    pub fn reference(&self, name: &str) -> Result<Option<Oid>, GitError> {
        let doing = || format!("read {name}");
        let found = self.gix.try_find_reference(name).map_err(GitError::gix(doing()))?;
        let Some(mut reference) = found else { return Ok(None) };
        match reference.follow_to_object() {
            Ok(id) => Ok(Some(id.detach())),
            // A symbolic ref to a branch without commits names nothing yet.
            Err(_) if matches!(reference.inner.target, Target::Symbolic(_)) => Ok(None),
            Err(error) => Err(GitError::gix(doing())(error)),
        }
    }

    /// The ref that is moved in the end where this one is: itself, or what it stands for, at most five steps away.
    ///
    /// # Errors
    /// When the name is malformed, a ref cannot be read, or five steps do not lead to an end.
    pub fn final_name(&self, name: &str) -> Result<String, GitError> {
        let doing = || format!("tell which ref {name} stands for");
        let mut last = name.to_owned();
        for _ in 0..=MOST_STEPS {
            let found = self.gix.try_find_reference(last.as_str()).map_err(GitError::gix(doing()))?;
            match found.map(|found| found.inner.target) {
                Some(Target::Symbolic(next)) => last = next.as_bstr().to_str_lossy().into_owned(),
                Some(Target::Object(_)) | None => return Ok(last),
            }
        }
        Err(GitError::Endless(name.to_owned()))
    }

    /// All refs below `prefix` (`refs/heads/`), by full name, in order.
    ///
    /// # Errors
    /// When a ref cannot be read: a list with holes would look complete.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
        let doing = || format!("list {prefix}");
        let platform = self.gix.references().map_err(GitError::gix(doing()))?;
        let mut found = Vec::new();
        for reference in platform.prefixed(prefix).map_err(GitError::gix(doing()))? {
            let mut reference = reference.map_err(GitError::gix(doing()))?;
            let name = reference.name().as_bstr().to_str_lossy().into_owned();
            if matches!(reference.inner.target, Target::Symbolic(_)) {
                continue;
            }
            let oid = reference.follow_to_object().map_err(GitError::gix(doing()))?.detach();
            found.push((name, oid));
        }
        Ok(found)
    }

    /// Moves one of our own refs (`refs/odyssey/*`) in-process, if it is as expected. No hook runs.
    ///
    /// # Errors
    /// [`GitError::Moved`] when it is not as expected, [`GitError::Locked`] when another holds its lock.
    pub fn edit(&self, name: &str, expect: Expect, new: Oid) -> Result<(), GitError> {
        let expected = match expect {
            Expect::Absent => PreviousValue::MustNotExist,
            Expect::At(oid) => PreviousValue::MustExistAndMatch(Target::Object(oid)),
        };
        // The chain of commits is the history; a reflog beside it would only grow.
        let log =
            LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: Default::default() };
        let change = Change::Update { log, expected, new: Target::Object(new) };
        self.kept_while(&[new], || self.change(name, expect, change))
    }

    /// Whether a ref stands both in a file of its own and, with the same value, among the packed ones: then the file can
    /// go and nothing is lost, which is what packing does.
    ///
    /// # Errors
    /// When the packed refs cannot be read.
    pub fn is_packed_too(&self, name: &str) -> Result<bool, GitError> {
        let doing = || format!("look for {name} among the packed refs");
        let Ok(loose) = std::fs::read(self.common_dir().join(name)) else { return Ok(false) };
        let full: FullName = name.try_into().map_err(GitError::gix(doing()))?;
        let packed = self.gix.refs.cached_packed_buffer().map_err(GitError::gix(doing()))?;
        let Some(packed) = packed else { return Ok(false) };
        let found = packed.try_find(full.as_ref()).map_err(GitError::gix(doing()))?;
        Ok(found.is_some_and(|found| loose.trim() == found.target))
    }

    /// Removes one of our own refs in-process, if it is as expected. No hook runs.
    ///
    /// # Errors
    /// As for [`Repo::edit`].
    pub fn forget(&self, name: &str, old: Oid) -> Result<(), GitError> {
        let expected = PreviousValue::MustExistAndMatch(Target::Object(old));
        self.change(name, Expect::At(old), Change::Delete { expected, log: RefLog::AndReference })
    }

    fn change(&self, name: &str, expect: Expect, change: Change) -> Result<(), GitError> {
        let full: FullName = name.try_into().map_err(GitError::gix(format!("use {name} as a ref")))?;
        let edit = RefEdit { change, name: full, deref: false };
        // Only for a reflog, which our refs have if the person asked for reflogs of everything.
        let signature = self.signature(Clock::System.now());
        let mut time = gix::date::parse::TimeBuf::default();
        match self.gix.edit_references_as([edit], Some(signature.to_ref(&mut time))) {
            Ok(_) => Ok(()),
            Err(error) => {
                let found = self.reference(name)?;
                if found != expect.oid() {
                    return Err(GitError::Moved { name: name.to_owned(), expected: expect.oid(), found });
                }
                for locked in [format!("{name}.lock"), "packed-refs.lock".to_owned()] {
                    let path = self.common_dir().join(locked);
                    if path.exists() {
                        return Err(GitError::Locked(path));
                    }
                }
                Err(GitError::gix(format!("move {name}"))(error))
            }
        }
    }

    /// Moves refs in one transaction of git's own, so that the user's hooks see and may refuse it.
    ///
    /// `reason` goes into the reflog. `lock` stays locked until git has ended, even when this process is killed before:
    /// whoever gets it next finds the refs at rest.
    ///
    /// # Errors
    /// When git refuses: a value is not as expected, a ref is locked, or a hook said no. Nothing moved then.
    pub fn transact(&self, steps: &[Step], reason: &str, lock: &Lock) -> Result<(), GitError> {
        let mut input = Vec::new();
        let zero = self.gix.object_hash().null();
        let value = |expect: &Expect| expect.oid().unwrap_or(zero);
        let mut push = |parts: &[&str]| {
            for (position, part) in parts.iter().enumerate() {
                // The -z form: a space after the command, NUL after everything else.
                input.extend_from_slice(part.as_bytes());
                input.push(if position == 0 && parts.len() > 1 { b' ' } else { 0 });
            }
        };
        push(&["start"]);
        for step in steps {
            match step {
                Step::Verify(name, expect) => push(&["verify", name, &value(expect).to_string()]),
                Step::Update(name, expect, new) => {
                    push(&["update", name, &new.to_string(), &value(expect).to_string()]);
                }
                Step::Delete(name, old) => push(&["delete", name, &old.to_string()]),
            }
        }
        push(&["prepare"]);
        push(&["commit"]);
        let git = Git::at(self.folder()).args(["update-ref", "-m", reason, "--stdin", "-z"]).input(input);
        let new = steps.iter().filter_map(|step| match step {
            Step::Update(_, _, new) => Some(*new),
            Step::Verify(..) | Step::Delete(..) => None,
        });
        self.kept_while(&new.collect::<Vec<_>>(), || git.holding_unanswered(lock)?.run().map(drop))
    }
}
