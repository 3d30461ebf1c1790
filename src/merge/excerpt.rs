//! Excerpts: the changed lines of a file, with one line around them, cut to a size.

use similar::ChangeTag;
use similar::TextDiff;

use crate::base::text;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::objects::EntryKind;
use crate::git::repo::Repo;

/// How many lines are shown.
const LINES: usize = 20;

/// The largest content of which lines are shown, in bytes.
const LARGEST: usize = 1024 * 1024;

/// The changed lines between what was at a path and what is there, made safe to show; a line that begins with `@` says
/// where. Nothing for what has no lines: binary or very large files, submodules.
///
/// # Errors
/// When a content cannot be read.
pub fn excerpt(
    repo: &Repo,
    old: Option<(EntryKind, Oid)>,
    new: Option<(EntryKind, Oid)>,
) -> Result<Option<String>, GitError> {
    let content = |side: Option<(EntryKind, Oid)>| match side {
        None => Ok(Some(Vec::new())),
        Some((EntryKind::Commit, _)) => Ok(None),
        Some((_, oid)) => repo.blob(oid).map(Some),
    };
    let (Some(old), Some(new)) = (content(old)?, content(new)?) else { return Ok(None) };
    if [&old, &new].iter().any(|bytes| bytes.len() > LARGEST || bytes.contains(&0)) {
        return Ok(None);
    }
    let diff = TextDiff::from_lines(old.as_slice(), new.as_slice());
    let mut lines = Vec::new();
    for group in diff.grouped_ops(1) {
        let first = group.first().map_or(0, |change| change.new_range().start);
        lines.push(format!("@ line {}", first + 1));
        for change in group.iter().flat_map(|change| diff.iter_changes(change)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let line = change.value().trim_end_with(|end| end == '\n' || end == '\r');
            lines.push(format!("{sign}{}", text::visible(line)));
        }
    }
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if more > 0 {
        lines.push(format!("and {} more", text::count(more, "line")));
    }
    Ok(Some(lines.join("\n")))
}
