//! Reviews and resolutions as they are written: TOML, read strictly.

use crate::base::clock::Timestamp;
use crate::domain::holder::Holder;
use crate::domain::lease::Fence;
use crate::domain::review::Choice;
use crate::domain::review::ItemId;
use crate::domain::review::Purpose;
use crate::domain::review::Resolution;
use crate::domain::review::Stage;
use crate::domain::task::TaskName;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::Entry;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

use super::Review;

/// A review without its resolutions.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewFile {
    pub(super) task: TaskName,
    pub(super) purpose: Purpose,
    pub(super) stage: Stage,
    pub(super) fence: Fence,
    pub(super) target: String,
    pub(super) ours: String,
    pub(super) theirs: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) with_edits: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) edits: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ResolutionFile {
    choice: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    by: String,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<String>,
}

impl ReviewFile {
    /// The file of a review.
    pub fn of(review: &Review) -> ReviewFile {
        let Review { task, purpose, stage, fence, target, ours, theirs, with_edits, edits, .. } = review;
        ReviewFile {
            task: task.clone(),
            purpose: *purpose,
            stage: *stage,
            fence: *fence,
            target: target.clone(),
            ours: ours.to_string(),
            theirs: theirs.to_string(),
            with_edits: *with_edits,
            edits: edits.map(|edits| edits.to_string()),
        }
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        // Text and plain names only: nothing of it can be refused.
        toml::to_string(self).unwrap_or_default()
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_toml(bytes: &[u8]) -> Result<ReviewFile, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

/// A holder as it is typed: `agent:claude-1`, `human:anna`.
fn typed(holder: &Holder) -> String {
    format!("{}:{}", holder.kind(), holder.name())
}

/// Writes a resolution. Answers its entry among the others, and the objects that were written.
///
/// # Errors
/// When the object store cannot be written.
pub fn entry(repo: &Repo, id: &ItemId, resolution: &Resolution) -> Result<(Entry, Vec<Oid>), GitError> {
    let Resolution { choice, by, at, note, confirmed } = resolution;
    let file = ResolutionFile {
        choice: choice.name().to_owned(),
        path: if let Choice::At(path) = choice { Some(path.clone()) } else { None },
        by: typed(by),
        at: *at,
        note: note.clone(),
        confirmed: confirmed.as_ref().map(typed),
    };
    let file = repo.write_blob(toml::to_string(&file).unwrap_or_default().as_bytes())?;
    let blob = |name: &str, oid| Entry { name: name.into(), kind: EntryKind::Blob, oid };
    let mut objects = vec![file];
    let mut files = vec![blob("resolution.toml", file)];
    if let Choice::Text(text) = choice {
        let text = repo.write_blob(text)?;
        objects.push(text);
        files.push(blob("text", text));
    }
    let tree = repo.write_tree(&files)?;
    objects.push(tree);
    Ok((Entry { name: id.as_str().into(), kind: EntryKind::Tree, oid: tree }, objects))
}

/// Reads a resolution, with the text that is beside it.
///
/// # Errors
/// What is wrong with it, in words.
pub fn resolution(file: &[u8], text: Option<Vec<u8>>) -> Result<Resolution, String> {
    let file = std::str::from_utf8(file).map_err(|error| error.to_string())?;
    let file: ResolutionFile = toml::from_str(file).map_err(|error| error.to_string())?;
    let holder = |text: &str| text.parse::<Holder>().map_err(|error| error.to_string());
    let choice = match (file.choice.as_str(), text, file.path) {
        ("text", Some(text), None) => Choice::Text(text),
        ("at", None, Some(path)) => Choice::At(path),
        (name, None, None) => Choice::plain(name).ok_or_else(|| format!("'{name}' is no choice"))?,
        (name, ..) => return Err(format!("'{name}' has what it cannot have")),
    };
    Ok(Resolution {
        choice,
        by: holder(&file.by)?,
        at: file.at,
        note: file.note,
        confirmed: file.confirmed.as_deref().map(holder).transpose()?,
    })
}
