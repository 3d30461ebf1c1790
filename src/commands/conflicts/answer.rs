//! The verdict on two revisions, as programs are told it.

use crate::base::failure::Failure;
use crate::base::text;
use crate::git::BString;
use crate::git::ByteSlice;
use crate::git::error::GitError;
use crate::git::merge::Asked;
use crate::git::merge::Conflict;
use crate::git::merge::Merge;
use crate::git::merge::Side;
use crate::git::repo::Repo;

/// Whether they merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Without anybody's help.
    Clean,
    /// Somebody has to settle something.
    Conflict,
    /// It cannot be told, for the reason that is given.
    Unknown,
}

/// The verdict on two revisions.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Answer {
    /// The revision to merge into, as it was typed.
    pub ours: String,
    /// The revision to merge, as it was typed.
    pub theirs: String,
    /// The two commits that they name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits: Option<[String; 2]>,
    /// Whether they merge.
    pub verdict: Verdict,
    /// The merged tree, as `git merge-tree --write-tree` names it.
    pub tree: Option<String>,
    /// The files that `git merge-tree --name-only` lists.
    pub conflicts: Vec<File>,
    /// Conflicts for which git lists no file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<File>,
    /// For which kind of case git itself was asked; nothing when it was not.
    pub asked_git: Option<&'static str>,
    /// Why the verdict is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Reason>,
}

/// A path in conflict.
#[derive(Debug, Clone, serde::Serialize)]
pub struct File {
    /// Its path. Where it is not UTF-8, what is not is written as `\xff`.
    pub path: String,
    /// Its bytes in hexadecimal digits, where the path is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// The kind of conflict.
    pub kind: &'static str,
    /// The path, safe to show.
    #[serde(skip)]
    pub shown: String,
    /// The kind in words.
    #[serde(skip)]
    pub why: String,
}

/// Why something cannot be told.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Reason {
    /// What happened.
    pub message: String,
    /// The causes, nearest first.
    pub causes: Vec<String>,
}

/// The commits of two revisions.
///
/// # Errors
/// When one names no commit.
pub fn sides(repo: &Repo, ours: &str, theirs: &str) -> Result<[Side; 2], GitError> {
    let side = |name: &str| -> Result<Side, GitError> {
        Ok(Side { name: name.to_owned(), commit: repo.commit_called(name)? })
    };
    Ok([side(ours)?, side(theirs)?])
}

impl Answer {
    /// The answer to a merge, or to what went wrong with it.
    pub fn of(sides: &[Side; 2], merge: Result<Merge, GitError>, asked: Option<Asked>) -> Answer {
        let names = sides.each_ref().map(|side| side.name.as_str());
        let mut answer = Answer {
            commits: Some(sides.each_ref().map(|side| side.commit.to_string())),
            asked_git: asked.map(Asked::name),
            ..Answer::nothing(names)
        };
        match merge {
            Ok(merge) => {
                answer.verdict = if merge.is_clean() { Verdict::Clean } else { Verdict::Conflict };
                answer.tree = Some(merge.tree.to_string());
                for conflict in &merge.conflicts {
                    answer.conflicts.extend(conflict.listed.iter().map(|path| File::of(path, conflict)));
                    if conflict.listed.is_empty() {
                        answer.reasons.push(File::of(&conflict.path, conflict));
                    }
                }
            }
            Err(error) => answer.error = Some(Reason::of(error.into())),
        }
        answer
    }

    /// The answer when something could not even be begun.
    pub fn failed(names: [&str; 2], failure: impl Into<Failure>) -> Answer {
        Answer { error: Some(Reason::of(failure.into())), ..Answer::nothing(names) }
    }

    fn nothing([ours, theirs]: [&str; 2]) -> Answer {
        Answer {
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
            commits: None,
            verdict: Verdict::Unknown,
            tree: None,
            conflicts: Vec::new(),
            reasons: Vec::new(),
            asked_git: None,
            error: None,
        }
    }
}

impl File {
    fn of(path: &BString, conflict: &Conflict) -> File {
        let shown = text::visible(path);
        let (path, path_bytes) = match path.to_str() {
            Ok(path) => (path.to_owned(), None),
            Err(_) => (shown.clone(), Some(path.iter().map(|byte| format!("{byte:02x}")).collect())),
        };
        File { path, path_bytes, kind: conflict.kind.name(), shown, why: conflict.kind.to_string() }
    }
}

impl Reason {
    fn of(failure: Failure) -> Reason {
        Reason { message: failure.to_string(), causes: failure.causes() }
    }
}
