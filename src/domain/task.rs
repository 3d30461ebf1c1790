//! Task names: never a bad ref, path or option.

use std::fmt;
use std::str::FromStr;

/// The name of one piece of work, such as `auth-refactor`.
///
/// It is part of a ref (`refs/heads/odyssey/<task>`), of a file in the ledger (`leases/<task>.toml`) and of a folder,
/// on every system; so it is made of ASCII letters, digits, `-`, `_` and `.`, starts with a letter or digit, has no
/// `..`, does not end in `.` or `.lock`, is not one of Windows' device names or `ledger`, and has at most 64
/// letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskName(String);

/// A name that cannot be a task's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' cannot be a task's name: {reason}", crate::base::text::visible(.name.as_bytes()))]
pub struct BadTask {
    /// The name.
    pub name: String,
    /// Which rule it breaks.
    pub reason: &'static str,
}

impl crate::base::failure::Explain for BadTask {
    fn kind(&self) -> crate::base::failure::Kind {
        crate::base::failure::Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["use letters, digits, '-', '_' and '.', for example: auth-refactor".to_owned()]
    }
}

const LONGEST: usize = 64;

const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

impl TaskName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full name of the task's branch.
    pub fn branch(&self) -> String {
        format!("{}{}", TaskName::BRANCHES, self.0)
    }

    /// Where all tasks' branches live.
    pub const BRANCHES: &'static str = "refs/heads/odyssey/";

    /// The task whose branch this is, by name alone.
    pub fn of_branch(name: &str) -> Option<TaskName> {
        name.strip_prefix(TaskName::BRANCHES)?.parse().ok()
    }

    /// Whether two names are one on a file system that ignores case.
    pub fn clashes_with(&self, other: &TaskName) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    fn broken_rule(name: &str) -> Option<&'static str> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        let numbered = |device: &str| matches!(stem.strip_prefix(device), Some(rest) if rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit());
        if name.is_empty() {
            Some("it is empty")
        } else if name.len() > LONGEST {
            Some("it has more than 64 letters")
        } else if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
            Some("it must start with a letter or digit")
        } else if !name.chars().all(allowed) {
            Some("only letters, digits, '-', '_' and '.' are allowed")
        } else if name.contains("..") {
            Some("'..' is not allowed")
        } else if name.ends_with('.') {
            Some("it must not end in '.'")
        } else if name.to_ascii_lowercase().ends_with(".lock") {
            Some("'.lock' at the end belongs to git")
        } else if DEVICES[..4].contains(&stem.as_str()) || DEVICES[4..].iter().any(|device| numbered(device))
        {
            Some("it is a device on Windows")
        } else if name.eq_ignore_ascii_case("ledger") {
            Some("its branch's name is the ledger's on servers that take only branches")
        } else {
            None
        }
    }
}

impl FromStr for TaskName {
    type Err = BadTask;

    fn from_str(name: &str) -> Result<TaskName, BadTask> {
        match TaskName::broken_rule(name) {
            None => Ok(TaskName(name.to_owned())),
            Some(reason) => Err(BadTask { name: name.to_owned(), reason }),
        }
    }
}

impl TryFrom<String> for TaskName {
    type Error = BadTask;

    fn try_from(name: String) -> Result<TaskName, BadTask> {
        name.parse()
    }
}

impl From<TaskName> for String {
    fn from(task: TaskName) -> String {
        task.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_are_tasks() {
        for name in ["auth-refactor", "JIRA-123", "a", "v1.2_x", "7"] {
            assert!(name.parse::<TaskName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn a_bad_ref_path_or_option_is_no_task() {
        let long = "a".repeat(65);
        for name in [
            "", "-x", "--help", ".hidden", "a..b", "a/b", "a\\b", "a b", "a.lock", "a.LOCK", "a.", "ä",
            "a\n", "CON", "com1.txt", "Ledger", "a:b", "a~1", "a^", "a@{0}", "a*", &long,
        ] {
            assert!(name.parse::<TaskName>().is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_task_is_a_good_ref_and_a_single_path_component(name in "[ -~]{1,12}|[a-z.lock]{1,9}") {
            if let Ok(task) = name.parse::<TaskName>() {
                prop_assert!(gix::refs::FullName::try_from(task.branch()).is_ok());
                let path = std::path::Path::new(task.as_str());
                prop_assert_eq!(path.components().count(), 1);
                prop_assert_eq!(path.file_name().and_then(|part| part.to_str()), Some(task.as_str()));
            }
        }
    }
}
