//! Trees as rows of names, read and written as git does it.

use std::cmp::Ordering;

use gix::bstr::BStr;
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;
use gix::objs::tree::EntryMode;

use super::facts::Item;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;

/// One entry of a tree.
pub(super) type Row<'a> = (&'a BStr, Item);

/// The entries of a tree by their names, a folder's compared like a file's; nothing when git would write it otherwise.
pub(super) fn of(tree: &[u8], hash: gix::hash::Kind) -> Result<Option<Vec<Row<'_>>>, GitError> {
    let mut rows = Vec::new();
    for entry in TreeRefIter::from_bytes(tree, hash) {
        let entry = entry.map_err(GitError::gix("read a tree"))?;
        let kind = entry.mode.kind();
        if EntryMode::from(kind) != entry.mode {
            return Ok(None);
        }
        rows.push((entry.filename, (kind, entry.oid.to_owned())));
    }
    let in_order = rows.windows(2).all(|pair| order(&pair[0], &pair[1]).is_lt());
    rows.sort_unstable_by_key(|row| row.0);
    let twice = rows.windows(2).any(|pair| pair[0].0 == pair[1].0);
    Ok((in_order && !twice).then_some(rows))
}

/// Whether git would write a folder otherwise that it looks through because the base has it differently.
pub(super) fn is_odd(repo: &Repo, base: Option<Item>, now: Option<Item>) -> Result<bool, GitError> {
    let tree = |item: Option<Item>| item.filter(|(kind, _)| *kind == EntryKind::Tree).map(|(_, oid)| oid);
    let Some(now) = tree(now).filter(|now| tree(base) != Some(*now)) else { return Ok(false) };
    let read = |oid: Oid| -> Result<Vec<u8>, GitError> {
        let mut found = repo.gix.find_tree(oid).map_err(GitError::gix(format!("read tree {oid}")))?;
        Ok(std::mem::take(&mut found.data))
    };
    let hash = repo.gix.object_hash();
    let bytes = read(now)?;
    let old_bytes = tree(base).map(read).transpose()?.unwrap_or_default();
    let (Some(rows), Some(old)) = (of(&bytes, hash)?, of(&old_bytes, hash)?) else { return Ok(true) };
    for (name, item) in rows {
        let old = old.binary_search_by_key(&name, |row| row.0).ok().map(|at| old[at].1);
        if is_odd(repo, old, Some(item))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The order of a tree's entries: by their names, where a folder's ends with a slash.
fn order((one, (one_kind, _)): &Row<'_>, (other, (other_kind, _)): &Row<'_>) -> Ordering {
    let end = |kind: EntryKind| (kind == EntryKind::Tree).then_some(b'/');
    let shared = one.len().min(other.len());
    let rest = |name: &BStr, kind: EntryKind| name.get(shared).copied().or(end(kind));
    one[..shared].cmp(&other[..shared]).then_with(|| rest(one, *one_kind).cmp(&rest(other, *other_kind)))
}

/// A tree as git writes it.
pub(super) fn written(mut rows: Vec<Row<'_>>) -> Vec<u8> {
    rows.sort_unstable_by(order);
    let mut bytes = Vec::new();
    for (name, (kind, oid)) in rows {
        bytes.extend_from_slice(kind.as_octal_str());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(oid.as_slice());
    }
    bytes
}
