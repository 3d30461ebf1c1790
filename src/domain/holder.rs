//! Holders: who does a task, an agent or a human; both are first-class.

use std::fmt;
use std::str::FromStr;

/// Whether a holder is a program or a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HolderKind {
    /// A program.
    Agent,
    /// A person.
    Human,
}

impl fmt::Display for HolderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            HolderKind::Agent => "agent",
            HolderKind::Human => "human",
        })
    }
}

/// Who does a task.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    name: String,
    kind: HolderKind,
}

/// A name that cannot be a holder's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' cannot be a holder: {reason}", crate::base::text::visible(.name.as_bytes()))]
pub struct BadHolder {
    name: String,
    reason: &'static str,
}

impl crate::base::failure::Explain for BadHolder {
    fn kind(&self) -> crate::base::failure::Kind {
        crate::base::failure::Kind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["write a name, for example: --for claude-1, or --for human:anna".to_owned()]
    }
}

const LONGEST: usize = 100;

impl Holder {
    /// A holder with a name of 1 to 100 letters on one line.
    ///
    /// # Errors
    /// Names that are empty, too long, or would break the line they are shown on.
    pub fn new(name: &str, kind: HolderKind) -> Result<Holder, BadHolder> {
        let name = name.trim();
        let bad = |reason| Err(BadHolder { name: name.to_owned(), reason });
        if name.is_empty() {
            return bad("it is empty");
        }
        if name.chars().count() > LONGEST {
            return bad("it has more than 100 letters");
        }
        if crate::base::text::visible(name.as_bytes()) != name {
            return bad("it holds control characters");
        }
        Ok(Holder { name: name.to_owned(), kind })
    }

    /// The holder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Agent or human.
    pub fn kind(&self) -> HolderKind {
        self.kind
    }
}

impl FromStr for Holder {
    type Err = BadHolder;

    /// Reads `claude-1` and `agent:claude-1` as agents, `human:anna` as a person.
    fn from_str(text: &str) -> Result<Holder, BadHolder> {
        match text.split_once(':') {
            Some(("human", name)) => Holder::new(name, HolderKind::Human),
            Some(("agent", name)) => Holder::new(name, HolderKind::Agent),
            _ => Holder::new(text, HolderKind::Agent),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_tells_people_from_agents() {
        let kind =
            |text: &str| text.parse::<Holder>().map(|holder| (holder.name().to_owned(), holder.kind()));
        assert_eq!(kind("claude-1"), Ok(("claude-1".to_owned(), HolderKind::Agent)));
        assert_eq!(kind("human:Anna Lüdke"), Ok(("Anna Lüdke".to_owned(), HolderKind::Human)));
        assert_eq!(kind("agent:x"), Ok(("x".to_owned(), HolderKind::Agent)));
    }

    #[test]
    fn a_name_that_would_break_its_line_is_refused() {
        for name in ["", "  ", "human:", "a\nb", "a\u{1b}[31m"] {
            assert!(name.parse::<Holder>().is_err(), "{name:?}");
        }
    }
}
