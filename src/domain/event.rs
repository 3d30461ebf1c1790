//! Events: what happened to a lease, one commit of the ledger each.

use std::fmt;
use std::str::FromStr;

use super::lease::Fence;
use super::task::TaskName;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The ledger was made.
    Init,
    /// A task was granted its regions.
    Claim,
    /// A claim that was cut off was taken back.
    Withdraw,
    /// A lease got a new end.
    Renew,
    /// A lease got more regions, because its task wrote to a free path.
    Extend,
    /// Work stopped without being lost.
    Park,
    /// A parked task goes on.
    Resume,
    /// A holder replaced another; or a claim took the regions of a parked task.
    TakeOver,
    /// A lease ended, its work landed or none.
    Release,
    /// A lease ended, its work saved and given up.
    Abandon,
    /// Work was merged into its target.
    Land,
    /// A person wrote into a held region, with a reason.
    Override,
    /// Nothing happened: what was sent before, and not answered, can arrive no more.
    Settle,
    /// The ledger's history was folded into an archive.
    Compact,
}

const NAMES: [(EventKind, &str); 14] = [
    (EventKind::Init, "init"),
    (EventKind::Claim, "claim"),
    (EventKind::Withdraw, "withdraw"),
    (EventKind::Renew, "renew"),
    (EventKind::Extend, "extend"),
    (EventKind::Park, "park"),
    (EventKind::Resume, "resume"),
    (EventKind::TakeOver, "take-over"),
    (EventKind::Release, "release"),
    (EventKind::Abandon, "abandon"),
    (EventKind::Land, "land"),
    (EventKind::Override, "override"),
    (EventKind::Settle, "settle"),
    (EventKind::Compact, "compact"),
];

impl EventKind {
    /// The names of all kinds.
    pub fn names() -> [&'static str; 14] {
        NAMES.map(|(_, name)| name)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for EventKind {
    type Err = ();

    fn from_str(text: &str) -> Result<EventKind, ()> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// To which task.
    pub task: Option<TaskName>,
    /// Under which fence.
    pub fence: Option<Fence>,
    /// The line that a reader of the history sees.
    pub subject: String,
    /// Further facts, as trailers: a name without the `Odyssey-` prefix, and a value on one line.
    pub facts: Vec<(&'static str, String)>,
}

impl Event {
    /// An event of one task.
    pub fn of(kind: EventKind, task: &TaskName, fence: Fence, subject: String) -> Event {
        Event { kind, task: Some(task.clone()), fence: Some(fence), subject, facts: Vec::new() }
    }

    /// The same event with one more fact.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<String>) -> Event {
        self.facts.push((name, value.into()));
        self
    }

    /// The same event with more facts.
    #[must_use]
    pub fn facts(mut self, more: &[(&'static str, String)]) -> Event {
        self.facts.extend_from_slice(more);
        self
    }

    /// The commit message: the subject, and trailers that programs read.
    pub fn message(&self) -> String {
        let mut message = format!("{}\n\nOdyssey-Event: {}\n", one_line(&self.subject), self.kind);
        let mut trailer = |name: &str, value: &str| {
            message.push_str(&format!("Odyssey-{name}: {}\n", one_line(value)));
        };
        if let Some(task) = &self.task {
            trailer("Task", task.as_str());
        }
        if let Some(fence) = self.fence {
            trailer("Fence", &fence.to_string());
        }
        for (name, value) in &self.facts {
            trailer(name, value);
        }
        message
    }
}

/// An event as it is read back from the history; unknown trailers of newer writers are kept as facts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recorded {
    /// The event's name; a newer writer may have kinds that are unknown here.
    pub event: String,
    /// The task, if it concerns one.
    pub task: Option<TaskName>,
    /// The fence, if it concerns one.
    pub fence: Option<Fence>,
    /// The subject line.
    pub subject: String,
    /// The other trailers, in their order.
    pub facts: Vec<(String, String)>,
}

impl Recorded {
    /// Reads a ledger commit's message; a commit without our trailers is no event.
    pub fn read(message: &str) -> Option<Recorded> {
        let (subject, rest) = message.split_once('\n').unwrap_or((message, ""));
        let mut recorded = Recorded {
            event: String::new(),
            task: None,
            fence: None,
            subject: subject.to_owned(),
            facts: Vec::new(),
        };
        for line in rest.lines() {
            let Some((name, value)) = line.strip_prefix("Odyssey-").and_then(|line| line.split_once(": "))
            else {
                continue;
            };
            match name {
                "Event" => recorded.event = value.to_owned(),
                "Task" => recorded.task = value.parse().ok(),
                "Fence" => recorded.fence = value.parse().ok().map(Fence),
                _ => recorded.facts.push((name.to_owned(), value.to_owned())),
            }
        }
        (!recorded.event.is_empty()).then_some(recorded)
    }
}

/// A value with a line feed in it could forge a trailer of its own.
fn one_line(text: &str) -> String {
    crate::base::text::visible(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_event_reads_back_as_it_was_written(reason in any::<String>(), fence in any::<u64>()) {
            let task: TaskName = "auth".parse().unwrap();
            let event = Event::of(EventKind::Override, &task, Fence(fence), "override".to_owned())
                .fact("Reason", reason.clone());
            let read = Recorded::read(&event.message()).unwrap();
            prop_assert_eq!(read.event, "override");
            prop_assert_eq!(read.task, Some(task));
            prop_assert_eq!(read.fence, Some(Fence(fence)));
            prop_assert_eq!(read.facts, vec![("Reason".to_owned(), one_line(&reason))]);
        }
    }

    #[test]
    fn a_reason_cannot_forge_a_trailer() {
        let task: TaskName = "auth".parse().unwrap();
        let event = Event::of(EventKind::Override, &task, Fence(1), "x".to_owned())
            .fact("Reason", "ok\nOdyssey-Fence: 99");
        assert_eq!(Recorded::read(&event.message()).unwrap().fence, Some(Fence(1)));
    }
}
