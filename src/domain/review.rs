//! Reviews: what was decided of each conflict of a task's work with its target, by whom, and when that counts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::holder::Holder;
use super::holder::HolderKind;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Kind;

pub mod steps;

/// The name of one thing to decide: it follows from what the sides want there, so it stands as long as they do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct ItemId(String);

/// How many letters of a name are kept: chance gives no two of a million things one name.
const LETTERS: usize = 12;

/// The fewest letters by which a thing can be named.
const FEWEST: usize = 4;

/// Words that name nothing to decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' cannot be the name of a conflict: it has 4 to 12 of the letters 0-9 and a-f", crate::base::text::visible(.0.as_bytes()))]
pub struct BadItem(String);

impl Explain for BadItem {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

impl ItemId {
    /// The name that begins a hash in hexadecimal.
    pub fn of(hash: &str) -> ItemId {
        ItemId(hash.chars().take(LETTERS).collect())
    }

    /// The name, or its beginning.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the whole name, and not its beginning.
    pub fn is_whole(&self) -> bool {
        self.0.len() == LETTERS
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ItemId {
    type Err = BadItem;

    fn from_str(text: &str) -> Result<ItemId, BadItem> {
        let is_letter = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
        match (FEWEST..=LETTERS).contains(&text.len()) && text.chars().all(is_letter) {
            true => Ok(ItemId(text.to_owned())),
            false => Err(BadItem(text.to_owned())),
        }
    }
}

/// What becomes of one conflict. Ours is the target's side, theirs the task's, whichever of the two a merge begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The target's.
    Ours,
    /// The task's.
    Theirs,
    /// The target's, then the task's.
    Both,
    /// The task's, then the target's.
    BothReversed,
    /// What was there before either.
    Base,
    /// What somebody wrote.
    Text(Vec<u8>),
    /// The file, under this path.
    At(String),
}

/// The names of choices that are nothing but a name.
pub const PLAIN: [(&str, Choice); 5] = [
    ("ours", Choice::Ours),
    ("theirs", Choice::Theirs),
    ("both", Choice::Both),
    ("both-reversed", Choice::BothReversed),
    ("base", Choice::Base),
];

impl Choice {
    /// The choice of a plain name.
    pub fn plain(name: &str) -> Option<Choice> {
        PLAIN.iter().find(|(known, _)| *known == name).map(|(_, choice)| choice.clone())
    }

    /// Its name: `ours`, `theirs`, `both`, `both-reversed`, `base`, `text` or `at`.
    pub fn name(&self) -> &'static str {
        match self {
            Choice::Text(_) => "text",
            Choice::At(_) => "at",
            plain => PLAIN.iter().find(|(_, choice)| choice == plain).map_or("", |(name, _)| name),
        }
    }
}

/// A choice, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// What it becomes.
    pub choice: Choice,
    /// Who decided.
    pub by: Holder,
    /// When.
    pub at: Timestamp,
    /// Why, in a line.
    pub note: Option<String>,
    /// Who else agreed.
    pub confirmed: Option<Holder>,
}

/// All choices, by what they are about.
pub type Resolutions = BTreeMap<ItemId, Resolution>;

/// What a review is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Landing by a merge commit.
    Land,
    /// Landing as one commit.
    Squash,
    /// Bringing the target's work into the workspace, by a merge.
    Sync,
}

impl Purpose {
    /// In words, after "it is to".
    pub fn words(self) -> &'static str {
        match self {
            Purpose::Land => "land by a merge commit",
            Purpose::Squash => "land as one commit",
            Purpose::Sync => "bring the target's work in",
        }
    }
}

/// How far a review is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It goes on.
    Open,
    /// Its decisions are in the merge that it was for.
    Finished,
    /// Somebody gave it up; what was decided stays in its history.
    Dropped,
}

/// Where one thing to decide stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nobody has decided.
    Open,
    /// It is decided, and its owner has not agreed yet.
    Unconfirmed,
    /// It is decided.
    Decided,
}

/// Whose word the policy wants before a decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Nobody's: whoever settles a conflict may settle all of it.
    #[default]
    Nobody,
    /// The person's in whose lease it is, if it is a person's.
    Human,
    /// The holder's in whose lease it is.
    Owner,
}

impl Confirm {
    /// Whether this owner is asked.
    pub fn asks(self, owner: &Holder) -> bool {
        match self {
            Confirm::Nobody => false,
            Confirm::Human => owner.kind() == HolderKind::Human,
            Confirm::Owner => true,
        }
    }
}

impl Standing {
    /// Where a thing stands, with what was decided of it, and the owner whose word it wants.
    pub fn of(resolution: Option<&Resolution>, owner: Option<&Holder>) -> Standing {
        match (resolution, owner) {
            (None, _) => Standing::Open,
            (Some(resolution), Some(owner))
                if resolution.by != *owner && resolution.confirmed.as_ref() != Some(owner) =>
            {
                Standing::Unconfirmed
            }
            (Some(_), _) => Standing::Decided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(text: &str) -> Holder {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn resolution(by: &str, confirmed: Option<&str>) -> Resolution {
        Resolution {
            choice: Choice::Ours,
            by: holder(by),
            at: Timestamp::UNIX_EPOCH,
            note: None,
            confirmed: confirmed.map(holder),
        }
    }

    #[test]
    fn a_decision_counts_once_its_owner_made_it_or_agreed() {
        let anna = holder("human:anna");
        let stands = |by: &str, confirmed: Option<&str>, owner: Option<&Holder>| {
            Standing::of(Some(&resolution(by, confirmed)), owner)
        };
        assert_eq!(Standing::of(None, Some(&anna)), Standing::Open);
        assert_eq!(stands("claude-1", None, None), Standing::Decided);
        assert_eq!(stands("claude-1", None, Some(&anna)), Standing::Unconfirmed);
        assert_eq!(stands("anna", None, Some(&anna)), Standing::Unconfirmed, "an agent called anna");
        assert_eq!(stands("claude-1", Some("human:ben"), Some(&anna)), Standing::Unconfirmed);
        assert_eq!(stands("claude-1", Some("human:anna"), Some(&anna)), Standing::Decided);
        assert_eq!(stands("human:anna", None, Some(&anna)), Standing::Decided);
    }

    #[test]
    fn the_policy_says_whose_word_is_wanted() {
        let (anna, agent) = (holder("human:anna"), holder("claude-1"));
        let asked = |confirm: Confirm| [confirm.asks(&anna), confirm.asks(&agent)];
        assert_eq!(asked(Confirm::Nobody), [false, false]);
        assert_eq!(asked(Confirm::Human), [true, false]);
        assert_eq!(asked(Confirm::Owner), [true, true]);
    }

    #[test]
    fn a_name_is_read_from_its_first_letters() {
        let whole = ItemId::of("0123456789abcdef0123");
        assert_eq!(whole.as_str(), "0123456789ab");
        assert!(whole.is_whole());
        assert_eq!("0123456789ab".parse(), Ok(whole));
        assert!("0123".parse::<ItemId>().is_ok_and(|id| !id.is_whole()));
        for bad in ["", "012", "0123456789abc", "012g", "01 2", "ABCD"] {
            assert!(bad.parse::<ItemId>().is_err(), "{bad}");
        }
    }
}
