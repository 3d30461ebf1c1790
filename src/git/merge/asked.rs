//! The kinds of cases in which git is asked for a merge, and why.

use std::fmt;

/// Why a merge is left to git: all cases in which what we do could differ from what git does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// The two have several merge bases, which git merges with each other first: more than two, or two that conflict or
    /// that need git themselves.
    Bases,
    /// A file that one side deleted, and the other changed or deleted too, may be one that the first side added: then git
    /// carries the changes over to the new place.
    Renames,
    /// One side's folder is gone, the other added files to it, and the first side may have moved its files elsewhere: then
    /// git moves the added ones too.
    FolderRenames,
    /// A file on one side is a folder on another, and both sides changed it: git moves one of them aside.
    FileAndFolder,
    /// Both sides changed it into different kinds of things, a link and a file: git moves one or both aside.
    Kinds,
    /// Both sides moved a submodule: git looks into the submodule's own history.
    Submodule,
    /// A merge driver or another attribute says how the file is merged.
    Attributes,
    /// Both sides changed lines that touch, and `merge.conflictStyle` decides how much of that is a conflict.
    Style,
    /// `merge.renormalize` makes git convert all files before it merges.
    Renormalized,
    /// The text repeats the same lines so often that git looks for its changes in another way, or so that they can be
    /// found in two places, of which not all versions of git take the same.
    Repetitive,
    /// The file is too large to be merged in memory.
    Large,
    /// A tree is written in a way in which git writes none today, and git would write it anew.
    OddTree,
    /// The history is cut, grafted, or has replaced commits.
    History,
    /// Something could not be read here that git may be able to read, or to fetch.
    Unreadable,
}

impl Asked {
    /// The name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Asked::Bases => "several merge bases",
            Asked::Renames => "renames",
            Asked::FolderRenames => "directory renames",
            Asked::FileAndFolder => "directory/file",
            Asked::Kinds => "distinct types",
            Asked::Submodule => "submodule",
            Asked::Attributes => "attributes",
            Asked::Style => "conflict style",
            Asked::Renormalized => "renormalize",
            Asked::Repetitive => "repetitive text",
            Asked::Large => "large file",
            Asked::OddTree => "odd tree",
            Asked::History => "altered history",
            Asked::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
