//! Refusals: why a rule says no, who is in the way, and what to do next.

use std::time::Duration;

use serde_json::json;

use super::anchor::Met;
use super::holder::Holder;
use super::lease::Fence;
use super::lease::Lease;
use super::lease::Mode;
use super::lease::Phase;
use super::task::TaskName;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text;

/// A lease that is in the way of a request or a write.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Obstacle {
    /// What was asked for: a region's text, or a path.
    pub asked: String,
    /// The region of the lease that covers it.
    pub region: String,
    /// The lease's task.
    pub task: TaskName,
    /// Its holder.
    pub holder: Holder,
    /// Exclusive or shared.
    pub mode: Mode,
    /// Active or parked.
    pub phase: Phase,
    /// When it may be taken over.
    pub expires_at: Timestamp,
    /// Seconds until then.
    #[serde(rename = "seconds_left", serialize_with = "seconds")]
    pub left: Duration,
    /// For a region of lines: which these are in the version that was asked about, or why they do not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
}

impl Obstacle {
    /// How `lease` is in the way of `asked` through its `region`.
    pub fn new(asked: String, region: String, lease: &Lease, now: Timestamp) -> Obstacle {
        Obstacle {
            asked,
            region,
            task: lease.task.clone(),
            holder: lease.holder.clone(),
            mode: lease.mode,
            phase: lease.phase,
            expires_at: lease.expires_at,
            left: lease.left(now),
            lines: None,
        }
    }

    /// The same, with what its lines are.
    #[must_use]
    pub fn met(mut self, met: &Met) -> Obstacle {
        self.lines = match met {
            Met::Apart | Met::Path => None,
            Met::Lines(span) => Some(format!("here {span}")),
            Met::File(why) => Some(why.clone()),
        };
        self
    }

    /// One line: `src/a.rs is held by auth (claude-1, agent), 42m left`.
    pub fn line(&self) -> String {
        let verb = match (self.phase, self.mode) {
            (Phase::Parked, _) => "is claimed by parked work of",
            (Phase::Active, Mode::Exclusive) => "is held by",
            (Phase::Active, Mode::Shared) => "is relied on, shared, by",
        };
        let mut within =
            if self.region == self.asked { String::new() } else { format!(" as {}", self.region) };
        if let Some(lines) = &self.lines {
            within.push_str(&format!(" ({lines})"));
        }
        let left = match self.phase {
            Phase::Active => format!(", {} left", text::duration(self.left)),
            Phase::Parked => String::new(),
        };
        format!("{} {verb} {} ({}, {}){within}{left}", self.asked, self.task, self.holder, self.holder.kind())
    }
}

fn seconds<S: serde::Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(length.as_secs())
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Active leases of others overlap the request.
    #[error("{}", lines("cannot claim", .task, .obstacles))]
    Held {
        /// The task that asked.
        task: TaskName,
        /// What is in the way.
        obstacles: Vec<Obstacle>,
        /// The regions of the request that nobody holds.
        free: Vec<String>,
    },
    /// Only parked work is in the way; the claimant chooses.
    #[error("{}", lines("cannot claim", .task, .obstacles))]
    Parked {
        /// The task that asked.
        task: TaskName,
        /// What is in the way.
        obstacles: Vec<Obstacle>,
        /// The regions of the request that nobody holds.
        free: Vec<String>,
    },
    /// Writes into regions that others hold.
    #[error("{}", trespasses(.0))]
    Trespass(Vec<Obstacle>),
    /// The task exists already.
    #[error("{task} is already claimed by {holder}")]
    Taken {
        /// The task's name as it is in the ledger.
        task: TaskName,
        /// Its holder.
        holder: Holder,
        /// Active or parked.
        phase: Phase,
        /// When it may be taken over.
        left: Duration,
    },
    /// No live lease has this task's name.
    #[error("there is no live task {0}")]
    NoTask(TaskName),
    /// The caller's fence is not the lease's: it was granted anew to someone.
    #[error("{task} was granted anew with fence {now}{}; fence {was} may not write", to(.holder))]
    OldFence {
        /// The task.
        task: TaskName,
        /// The caller's fence.
        was: Fence,
        /// The fence in the ledger.
        now: Fence,
        /// The holder in the ledger.
        holder: Option<Holder>,
    },
    /// The caller's lease ended.
    #[error("the lease of {task} (fence {was}) has ended")]
    Ended {
        /// The task.
        task: TaskName,
        /// The caller's fence.
        was: Fence,
    },
    /// The task is parked, and what was asked needs an active lease.
    #[error("{0} is parked: it keeps its work and its regions, and may not write")]
    NotActive(TaskName),
    /// The task is active, and what was asked needs a parked or expired one.
    #[error("{task} is active and held by {holder}, {} left", text::duration(*.left))]
    StillActive {
        /// The task.
        task: TaskName,
        /// Its holder.
        holder: Holder,
        /// How long until it may be taken over.
        left: Duration,
    },
    /// A request without any region.
    #[error("{0} asks for no region")]
    NoRegion(TaskName),
    /// The ledger's counter is at its end, and a fence that is not higher would let old holders write.
    #[error("the ledger's fence is the highest that there is, so nothing more can be granted")]
    LastFence,
}

impl Explain for Refused {
    fn kind(&self) -> Kind {
        match self {
            Refused::Held { .. }
            | Refused::Parked { .. }
            | Refused::Trespass(_)
            | Refused::Taken { .. }
            | Refused::StillActive { .. } => Kind::Held,
            Refused::NoTask(_) | Refused::LastFence => Kind::Refused,
            Refused::OldFence { .. } | Refused::Ended { .. } | Refused::NotActive(_) => Kind::Fenced,
            Refused::NoRegion(_) => Kind::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Refused::Held { free, .. } => {
                let mut hints = free_hint(free);
                hints.push("to wait until all is free, run the same command with --wait".to_owned());
                hints
            }
            Refused::Parked { obstacles, free, .. } => {
                let mut hints = free_hint(free);
                let parked = obstacles.first().map_or("TASK", |obstacle| obstacle.task.as_str());
                hints.push("choose: --wait until it has landed; --stack to build on its commits;".to_owned());
                hints.push(format!("  --take-over to have its regions, its work saved; or go on with it: git odyssey resume {parked}"));
                hints
            }
            Refused::Trespass(obstacles) => {
                let task = obstacles.first().map_or("TASK", |obstacle| obstacle.task.as_str());
                vec![
                    format!("see what it is about: git odyssey show {task}"),
                    "take the paths out of your change, or wait until the task has landed".to_owned(),
                    "a person may override, and the ledger keeps the reason: set GIT_ODYSSEY_OVERRIDE=\"why\" for the command".to_owned(),
                ]
            }
            Refused::Taken { task, phase, .. } => match phase {
                Phase::Active => vec![
                    format!("see where it is: git odyssey show {task}"),
                    "claim under another name, or wait for it with --wait".to_owned(),
                ],
                Phase::Parked => vec![format!("go on with it: git odyssey resume {task}")],
            },
            Refused::NoTask(_) => vec!["see what is live: git odyssey status".to_owned()],
            Refused::OldFence { task, .. } => vec![
                "stop writing here; your files stay as they are".to_owned(),
                format!("see who has it now: git odyssey show {task}"),
            ],
            Refused::Ended { task, .. } => vec![
                "your files stay as they are; to go on, claim the regions under a new task".to_owned(),
                format!("see what happened: git odyssey log --task {task}"),
            ],
            Refused::NotActive(task) => vec![format!("go on with it: git odyssey resume {task}")],
            Refused::StillActive { task, .. } => {
                vec![format!("wait until it expires, or ask the holder: git odyssey park {task}")]
            }
            Refused::LastFence => {
                vec!["somebody wrote it by hand; see when: git log refs/odyssey/ledger".to_owned()]
            }
            Refused::NoRegion(_) => vec!["say what it may change: --region 'src/auth/**'".to_owned()],
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            Refused::Held { obstacles, free, .. } | Refused::Parked { obstacles, free, .. } => {
                Some(json!({ "held": obstacles, "free": free }))
            }
            Refused::Trespass(obstacles) => Some(json!({ "held": obstacles })),
            Refused::OldFence { task, was, now, .. } => {
                Some(json!({ "task": task, "fence": was, "current": now }))
            }
            Refused::Ended { task, was } => Some(json!({ "task": task, "fence": was })),
            _ => None,
        }
    }
}

fn free_hint(free: &[String]) -> Vec<String> {
    if free.is_empty() { Vec::new() } else { vec![format!("free now: {}", free.join(", "))] }
}

fn to(holder: &Option<Holder>) -> String {
    holder.as_ref().map_or_else(String::new, |holder| format!(" to {holder}"))
}

fn lines(what: &str, task: &TaskName, obstacles: &[Obstacle]) -> String {
    let mut text = format!("{what} {task}");
    for obstacle in obstacles {
        text.push_str("\n  ");
        text.push_str(&obstacle.line());
    }
    text
}

/// How many paths a refusal lists; more would hide the reason.
const SHOWN: usize = 20;

fn trespasses(obstacles: &[Obstacle]) -> String {
    let mut lines: Vec<String> = obstacles.iter().take(SHOWN).map(Obstacle::line).collect();
    if obstacles.len() > SHOWN {
        lines.push(format!("and {} more", text::count(obstacles.len() - SHOWN, "path")));
    }
    lines.join("\n")
}
