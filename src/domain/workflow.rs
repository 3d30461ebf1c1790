//! Workflows: which tasks agents are to do, in which order, at what price; as a file says it, all of it read and checked.

pub mod agents;
mod error;
mod file;
mod matrix;
pub mod order;
pub mod progress;
mod reading;
mod template;

use std::collections::BTreeMap;

use super::budget::Limit;
pub use super::budget::Spent;
use super::policy::Strategy;
use super::task::TaskName;
pub use error::Problem;
pub use error::WorkflowError;
pub use file::Sheet;
pub use reading::Sources;
pub use reading::assemble;
pub use template::UnknownName;
pub use template::fill;

/// The version of the language that is read here.
pub const VERSION: i64 = 1;

/// The most tasks that one workflow may come to.
pub const MOST_TASKS: usize = 1_000;

/// A whole workflow. Its tasks are in the order of the file, and of a matrix' values.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Workflow {
    /// Its name, under which its runs are kept.
    pub name: String,
    /// The most agents that work at the same time.
    pub parallel: usize,
    /// What it may cost, all tasks together.
    pub budget: Limit,
    /// What may be called to do a task, by name.
    pub tiers: BTreeMap<String, Tier>,
    /// What is to be done.
    pub tasks: Vec<Task>,
}

impl Workflow {
    /// The task of this name.
    pub fn task(&self, name: &TaskName) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == *name)
    }
}

/// One task of a workflow.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Task {
    /// Its name, unique in the workflow.
    pub name: TaskName,
    /// What it may change, as people write regions.
    pub regions: Vec<String>,
    /// What its agent is told.
    pub prompt: String,
    /// The tasks that have to be done before; those that were put in order because their regions meet are among them.
    pub needs: Vec<TaskName>,
    /// The tier that begins with it.
    pub tier: String,
    /// What kind of work it is, for the accounts.
    pub class: Option<String>,
    /// What it may cost, all its attempts together.
    pub budget: Limit,
    /// What has to pass on the merged result; without one the policy decides.
    pub check: Option<Vec<String>>,
    /// How often it is tried again after a failure.
    pub retry: u32,
    /// How it lands.
    pub land: Landing,
    /// Commands that run when something happens to it.
    pub on: BTreeMap<Moment, Vec<String>>,
}

/// How a task of a workflow lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Landing {
    /// As the policy says.
    #[default]
    ByPolicy,
    /// In this way.
    By(Strategy),
    /// Not by itself: it is parked when its agent has done, for a person to look at.
    Never,
}

/// Something that happens to a task, for which a command may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// An agent began with it.
    Started,
    /// It is done, and its work is on the target.
    Landed,
    /// Its last attempt failed.
    Failed,
    /// It was stopped, and its work and regions are kept.
    Parked,
    /// It has used most of what it may cost.
    BudgetLow,
}

impl Moment {
    /// All of them, as they are written.
    pub const NAMES: [(&'static str, Moment); 5] = [
        ("started", Moment::Started),
        ("landed", Moment::Landed),
        ("failed", Moment::Failed),
        ("parked", Moment::Parked),
        ("budget-low", Moment::BudgetLow),
    ];
}

/// An agent's command and what it costs more or less than the others.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tier {
    /// The command as words, with `{prompt}`, `{prompt_file}` and the like in it.
    pub command: Vec<String>,
    /// The model, for `{model}` and the accounts.
    pub model: Option<String>,
    /// The tier that tries it again when this one has failed.
    pub next: Option<String>,
    /// The holder's name in the ledger.
    pub holder: String,
}

/// How a command is given its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// As one of its words.
    Argument,
    /// As the name of a file.
    File,
    /// On its standard input.
    Input,
}

impl Tier {
    /// How its command is given the prompt: by the place that its words have for it.
    pub fn hand(&self) -> Hand {
        let names =
            |name: &str| self.command.iter().any(|word| template::names(word).any(|found| found == name));
        match (names("prompt"), names("prompt_file")) {
            (true, _) => Hand::Argument,
            (_, true) => Hand::File,
            _ => Hand::Input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_command_say_how_it_takes_its_prompt() {
        let tier = |words: &[&str]| Tier {
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            model: None,
            next: None,
            holder: "a".to_owned(),
        };
        assert_eq!(tier(&["a", "-p", "{prompt}"]).hand(), Hand::Argument);
        assert_eq!(tier(&["a", "--file={prompt_file}"]).hand(), Hand::File);
        assert_eq!(tier(&["a", "{{prompt}}"]).hand(), Hand::Input);
    }
}
