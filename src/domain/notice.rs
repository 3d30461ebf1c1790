//! Notices: what a watcher tells, each with its number, and all that was told already.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::task::TaskName;
use crate::base::clock::Timestamp;

/// One thing that happened, as it is told to whoever watches.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Notice {
    /// Its number; the next notice has the next one.
    pub seq: u64,
    /// When it was seen.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The watch has begun; what happens from now on is told. Its number is that of the last notice before, and it is
    /// not kept.
    Watching,
    /// The ledger has one more event.
    Ledger {
        /// Its commit, in hexadecimal.
        id: String,
        /// `claim`, `renew`, `land` and so on.
        kind: String,
        /// The task it is about.
        task: Option<TaskName>,
        /// The fence it is about.
        fence: Option<u64>,
        /// Its one line.
        subject: String,
    },
    /// A branch was made, moved or removed.
    Branch {
        /// Its full name.
        branch: String,
        /// The commit it was at.
        old: Option<String>,
        /// The commit it is at.
        new: Option<String>,
        /// The task whose branch it is.
        task: Option<TaskName>,
    },
    /// Uncommitted edits in a checkout that is not the task's lie in its regions.
    Edit {
        /// The checkout's top folder.
        checkout: String,
        /// The task whose lease covers them.
        task: TaskName,
        /// The paths that are edited, or edited again, since they were last told.
        paths: Vec<String>,
        /// The paths whose edits are committed, undone, or no longer in the task's regions.
        gone: Vec<String>,
    },
    /// A lease ends soon.
    Expiring {
        /// The task.
        task: TaskName,
        /// The grant that ends.
        fence: u64,
        /// When.
        expires_at: Timestamp,
    },
    /// A lease has ended, and others may take its regions.
    Expired {
        /// The task.
        task: TaskName,
        /// The grant that ended.
        fence: u64,
        /// When.
        expires_at: Timestamp,
    },
    /// Two parties' work does not fit together, or does so in other paths than before.
    Conflict {
        /// One party.
        one: String,
        /// The other.
        other: String,
        /// The conflicting paths.
        paths: Vec<String>,
    },
    /// Two parties' work fits together again.
    ConflictGone {
        /// One party.
        one: String,
        /// The other.
        other: String,
    },
    /// Something could not be seen; that is no sign that all is well.
    Unknown {
        /// What it was.
        about: String,
        /// Why.
        reason: String,
    },
    /// What could not be seen before can be seen again.
    Known {
        /// What it was.
        about: String,
    },
}

impl What {
    /// The name by which rules choose notices: the ledger's own word for its events.
    pub fn name(&self) -> &str {
        match self {
            What::Watching => "watching",
            What::Ledger { kind, .. } => kind,
            What::Branch { .. } => "branch",
            What::Edit { .. } => "edit",
            What::Expiring { .. } => "expiring",
            What::Expired { .. } => "expired",
            What::Conflict { .. } => "conflict",
            What::ConflictGone { .. } => "conflict-gone",
            What::Unknown { .. } => "unknown",
            What::Known { .. } => "known",
        }
    }
}

/// The names of the notices that are not the ledger's events.
pub const NAMES: [&str; 8] =
    ["branch", "edit", "expiring", "expired", "conflict", "conflict-gone", "unknown", "known"];

/// All that was told: what happened since is what differs from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Seen {
    /// The last notice that is in it.
    pub seq: u64,
    /// The ledger's last commit.
    pub ledger: Option<String>,
    /// Branches and their commits.
    pub branches: BTreeMap<String, String>,
    /// By checkout and task, the edited paths.
    pub edits: BTreeMap<String, BTreeMap<TaskName, BTreeSet<String>>>,
    /// The ends of which it was told that they come soon. A renewal makes another end.
    pub expiring: BTreeMap<TaskName, Timestamp>,
    /// The ends of which it was told that they came.
    pub expired: BTreeMap<TaskName, Timestamp>,
    /// Pairs of parties and their conflicting paths.
    pub conflicts: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// What cannot be seen, and why.
    pub unknown: BTreeMap<String, String>,
}

/// Events after which the end of a task's lease does not come any more: what was told of it is forgotten.
const ENDS: [&str; 6] = ["withdraw", "park", "take-over", "release", "abandon", "land"];

impl Seen {
    /// Takes a notice in. Numbers only rise, so one that was taken in before changes nothing.
    pub fn apply(&mut self, notice: &Notice) {
        if notice.seq <= self.seq {
            return;
        }
        self.seq = notice.seq;
        match &notice.what {
            What::Watching => {}
            What::Ledger { id, kind, task, .. } => {
                self.ledger = Some(id.clone());
                if let Some(task) = task.as_ref().filter(|_| ENDS.contains(&kind.as_str())) {
                    self.expiring.remove(task);
                    self.expired.remove(task);
                }
            }
            What::Branch { branch, new: Some(new), .. } => {
                self.branches.insert(branch.clone(), new.clone());
            }
            What::Branch { branch, new: None, .. } => {
                self.branches.remove(branch);
            }
            What::Edit { checkout, task, paths, gone } => {
                let tasks = self.edits.entry(checkout.clone()).or_default();
                let edited = tasks.entry(task.clone()).or_default();
                edited.extend(paths.iter().cloned());
                edited.retain(|path| !gone.contains(path));
                tasks.retain(|_, edited| !edited.is_empty());
                self.edits.retain(|_, tasks| !tasks.is_empty());
            }
            What::Expiring { task, expires_at, .. } => {
                self.expiring.insert(task.clone(), *expires_at);
            }
            What::Expired { task, expires_at, .. } => {
                self.expired.insert(task.clone(), *expires_at);
            }
            What::Conflict { one, other, paths } => {
                self.conflicts.entry(one.clone()).or_default().insert(other.clone(), paths.clone());
            }
            What::ConflictGone { one, other } => {
                if let Some(others) = self.conflicts.get_mut(one) {
                    others.remove(other);
                }
                self.conflicts.retain(|_, others| !others.is_empty());
            }
            What::Unknown { about, reason } => {
                self.unknown.insert(about.clone(), reason.clone());
            }
            What::Known { about } => {
                self.unknown.remove(about);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_of_a_leases_end_is_forgotten_when_the_lease_is_gone() {
        let task: TaskName = "auth".parse().unwrap();
        let event = |kind: &str| What::Ledger {
            id: "1".to_owned(),
            kind: kind.to_owned(),
            task: Some(task.clone()),
            fence: Some(1),
            subject: String::new(),
        };
        let expires_at = Timestamp::UNIX_EPOCH;
        let told = [
            What::Expiring { task: task.clone(), fence: 1, expires_at },
            What::Expired { task: task.clone(), fence: 1, expires_at },
        ];
        for (kind, is_forgotten) in [("extend", false), ("renew", false), ("land", true), ("park", true)] {
            let mut seen = Seen::default();
            for (seq, what) in (1..).zip(told.iter().cloned().chain([event(kind)])) {
                seen.apply(&Notice { seq, at: Timestamp::UNIX_EPOCH, what });
            }
            let is_empty = (seen.expiring.is_empty(), seen.expired.is_empty());
            assert_eq!(is_empty, (is_forgotten, is_forgotten), "{kind}");
        }
    }
}
