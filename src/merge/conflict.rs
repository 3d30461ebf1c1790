//! Conflicts as they are shown: which files, which hunks, and what each side made of them.

use crate::base::failure::Explain;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::lease::Lease;
use crate::git::error::GitError;
use crate::git::merge::Hunk;
use crate::git::repo::Repo;

use super::sides::Side;
use super::sides::Sides;
use super::strategy::settle::Left;

/// One conflicting file.
#[derive(Debug, serde::Serialize)]
pub struct File {
    /// Its path, made safe to show.
    pub path: String,
    /// What kind of conflict it is.
    pub kind: String,
    /// Why the strategy of its path did not decide it, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
    /// The places where both sides changed the same lines; empty for kinds that have none.
    pub hunks: Vec<Place>,
}

/// One place where both sides changed the same lines.
#[derive(Debug, serde::Serialize)]
pub struct Place {
    /// The first line in the target's file.
    pub line: usize,
    /// The lines before either side changed them.
    pub base: String,
    /// The target's lines.
    pub ours: String,
    /// The task's lines.
    pub theirs: String,
}

/// A task's work and its target's both changed the same.
#[derive(Debug, thiserror::Error)]
#[error("{}", shown(.task, .target, .files))]
pub struct Conflicted {
    task: String,
    target: String,
    files: Vec<File>,
    /// How it is settled one by one.
    review: String,
    /// How it is settled with git.
    by_git: String,
}

impl Conflicted {
    /// Reads the hunks of each conflict. `then` says what comes after a person has settled it: `commit, then land again`.
    ///
    /// # Errors
    /// When a side cannot be read.
    pub fn read(
        repo: &Repo,
        lease: &Lease,
        sides: Sides,
        left: Vec<Left>,
        then: &'static str,
        is_rebase: bool,
    ) -> Result<Conflicted, GitError> {
        let mut files = Vec::new();
        for Left { conflict, why } in left {
            let hunks = repo.conflict_hunks(&conflict)?;
            let place = |hunk: Hunk| Place {
                line: sides.part(Side::Target, &hunk).first_line,
                base: text::visible_lines(&hunk.base.text),
                ours: text::visible_lines(&sides.part(Side::Target, &hunk).text),
                theirs: text::visible_lines(&sides.part(Side::Task, &hunk).text),
            };
            files.push(File {
                path: text::visible(&conflict.path),
                kind: conflict.kind.to_string(),
                undecided: why,
                hunks: hunks.into_iter().map(place).collect(),
            });
        }
        let target = lease.target.strip_prefix("refs/heads/").unwrap_or(&lease.target).to_owned();
        let task = lease.task.to_string();
        let review = match (sides, is_rebase) {
            (Sides::TargetFirst, false) => format!("git odyssey review {task}"),
            (Sides::TaskFirst, _) => format!("git odyssey review {task} --sync"),
            // Each commit is merged by itself.
            (Sides::TargetFirst, true) => format!("git odyssey review {task} --merge"),
        };
        let (review, by_git) = match is_rebase {
            false => (
                format!("settle it one by one: {review}"),
                format!("in the workspace: git merge {target}, {then}"),
            ),
            true => (
                format!("settle it one by one, to land by a merge: {review}"),
                format!("in the workspace: git rebase {target}, then run this again"),
            ),
        };
        Ok(Conflicted { task, target, files, review, by_git })
    }
}

impl Explain for Conflicted {
    fn kind(&self) -> Kind {
        Kind::Conflict
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "nothing has moved; both sides are as they were".to_owned(),
            self.review.clone(),
            format!("or {}", self.by_git),
        ]
    }

    fn details(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.files).ok().map(|files| serde_json::json!({ "conflicts": files }))
    }
}

/// How many lines of one side of a hunk are shown.
const LINES: usize = 12;

/// How many hunks are shown in all.
const HUNKS: usize = 10;

fn shown(task: &str, target: &str, files: &[File]) -> String {
    let mut out = format!("{task} conflicts with {target} in {}", text::count(files.len(), "file"));
    let mut left = HUNKS;
    for file in files {
        out.push_str(&format!("\n{} ({})", file.path, file.kind));
        if let Some(why) = &file.undecided {
            out.push_str(&format!("\n  {why}"));
        }
        for place in file.hunks.iter().take(left) {
            out.push_str(&format!("\n  line {}", place.line));
            side(&mut out, &format!("{target} has"), &place.ours);
            side(&mut out, &format!("{task} has"), &place.theirs);
        }
        left = left.saturating_sub(file.hunks.len());
    }
    out
}

fn side(out: &mut String, who: &str, lines: &str) {
    out.push_str(&format!("\n    {who}"));
    if lines.is_empty() {
        out.push_str(" nothing");
        return;
    }
    let lines: Vec<&str> = lines.trim_end_matches('\n').split('\n').collect();
    for line in lines.iter().take(LINES) {
        out.push_str(&format!("\n      | {line}"));
    }
    if lines.len() > LINES {
        out.push_str(&format!("\n      | and {} more", text::count(lines.len() - LINES, "line")));
    }
}
