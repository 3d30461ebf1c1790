//! A fleet: one bare repository, and clones of it that stand for machines.

use std::path::Path;
use std::path::PathBuf;

use git_odyssey::domain::lease::Fence;
use git_odyssey::git::repo::Repo;
use git_odyssey::ledger::local::Durability;
use git_odyssey::ledger::local::Ledger;

use crate::support::Lab;
use crate::support::Run;
use crate::support::history;

/// The ledger's name, here and there.
pub const LEDGER: &str = "refs/odyssey/ledger";

/// A lab whose main repository is only the source of the first commit.
pub struct Fleet {
    pub lab: Lab,
}

impl Fleet {
    /// Clones with these names, over the address that `address` makes of the bare repository's path; each is prepared.
    pub fn over(names: &[&str], address: impl Fn(&Path) -> String) -> Fleet {
        let fleet = Fleet::unprepared(names, address);
        for name in names {
            fleet.run(name, &["init", "--remote", "origin"]).ok();
        }
        fleet
    }

    /// As [`Fleet::over`], without git odyssey.
    pub fn unprepared(names: &[&str], address: impl Fn(&Path) -> String) -> Fleet {
        let lab = Lab::unprepared();
        lab.git_in(lab.root(), &["clone", "--quiet", "--bare", "main", "origin.git"]);
        let fleet = Fleet { lab };
        let url = address(&fleet.bare());
        for name in names {
            let path = fleet.machine(name);
            // Cloned over the path, so that what serves the address may start later.
            fleet.lab.git_in(fleet.lab.root(), &["clone", "--quiet", "origin.git", path.to_str().unwrap()]);
            fleet.lab.git_in(&path, &["remote", "set-url", "origin", &url]);
        }
        fleet
    }

    /// Clones over the file path.
    pub fn of(names: &[&str]) -> Fleet {
        Fleet::over(names, |bare| bare.to_str().unwrap().to_owned())
    }

    /// The bare repository.
    pub fn bare(&self) -> PathBuf {
        self.lab.root().join("origin.git")
    }

    /// One machine's clone.
    pub fn machine(&self, name: &str) -> PathBuf {
        self.lab.root().join(name)
    }

    /// A task's workspace on a machine.
    pub fn workspace(&self, name: &str, task: &str) -> PathBuf {
        self.lab.root().join(format!("{name}.odyssey")).join(task)
    }

    /// Runs `git odyssey` on a machine.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Run {
        self.lab.odyssey_in(&self.machine(name), arguments)
    }

    /// Where a ref of the bare repository is, or nothing.
    pub fn there(&self, name: &str) -> String {
        self.lab
            .try_git_in(&self.bare(), &["rev-parse", "--verify", "--quiet", name])
            .stdout
            .trim()
            .to_owned()
    }

    /// Where a ref of a machine is, or nothing.
    pub fn here(&self, machine: &str, name: &str) -> String {
        let run = self.lab.try_git_in(&self.machine(machine), &["rev-parse", "--verify", "--quiet", name]);
        run.stdout.trim().to_owned()
    }

    /// Checks every state that the remote's ledger was ever in: no overlap, fences rise. Answers how many there were.
    #[track_caller]
    pub fn check(&self) -> usize {
        let bare = self.bare();
        let repo = Repo::open(&bare).unwrap();
        let ledger = Ledger::of(&repo, Durability::Cached);
        let mut last = Fence(0);
        let mut known: Vec<(String, Fence)> = Vec::new();
        let mut count = 0;
        for commit in history::commits(&self.lab, &bare) {
            let book = ledger.read_at(commit.parse().unwrap()).unwrap().book;
            let leases: Vec<_> = book.leases().iter().collect();
            for (place, lease) in leases.iter().enumerate() {
                let old = known.contains(&(lease.task.to_string(), lease.fence));
                assert!(old || lease.fence > last, "{commit}: {} got {}", lease.task, lease.fence);
                for other in &leases[place + 1..] {
                    let both = lease.is_active() && other.is_active();
                    let met = lease.excludes(other.mode, &other.regions);
                    assert!(!both || met.is_none(), "{commit}: {} and {}: {met:?}", lease.task, other.task);
                }
            }
            assert!(book.last_fence() >= last, "{commit}: the fence fell");
            last = book.last_fence();
            known = leases.iter().map(|lease| (lease.task.to_string(), lease.fence)).collect();
            count += 1;
        }
        count
    }
}
