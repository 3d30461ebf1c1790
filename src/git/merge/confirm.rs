//! git's own word on a merge, which is the last.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use gix::bstr::BStr;
use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Conflict;
use super::ConflictKind;
use super::Merge;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::obstacles::GITLINK;
use crate::git::obstacles::Side;
use crate::git::repo::Repo;
use crate::git::run::Git;
use crate::git::run::ended;

impl Repo {
    /// Merges by `git merge-tree`, with `base` in place of the merge base if given; the tree is in the object store.
    ///
    /// Merge drivers and attributes are those of this checkout, as they are for `git merge`.
    ///
    /// # Errors
    /// [`GitError::Unrelated`] when they have no common history, else what git says.
    pub fn confirm(&self, base: Option<Oid>, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        if base.is_none() {
            self.single_base(ours, theirs)?;
        }
        let mut git = self.with_received(Git::at(self.folder()));
        git = git.args(["merge-tree", "--write-tree", "-z"]);
        if let Some(base) = base {
            git = git.arg(format!("--merge-base={base}"));
        }
        told(git, [ours, theirs])
    }
}

/// What a `git merge-tree` of two commits tells, which are its last arguments.
pub(super) fn told(git: Git, sides: [Oid; 2]) -> Result<Merge, GitError> {
    let names = sides.map(|side| side.to_string());
    let names = names.each_ref().map(String::as_str);
    let git = git.args(names);
    let command = git.to_string();
    let output = git.answer()?;
    match output.status.code() {
        Some(0) => Ok(Merge { conflicts: Vec::new(), ..parse(&output.stdout, names)? }),
        Some(1) => {
            let merge = parse(&output.stdout, names)?;
            if merge.is_clean() {
                let answer = "exit code 1 and no conflict".to_owned();
                return Err(GitError::Answer { command: "merge-tree", answer });
            }
            Ok(merge)
        }
        _ => Err(GitError::Command { command, status: ended(output.status), stderr: output.stderr }),
    }
}

/// Reads `<tree> (<mode> <object> <stage>\t<path>)* "" (<count> <path>* <type> <message>)*`, each part ended by NUL.
pub(super) fn parse(answer: &[u8], names: [&str; 2]) -> Result<Merge, GitError> {
    // git writes a branch's slashes otherwise in the names of files.
    let sides = names.map(|name| format!("~{}", name.replace('/', "_")));
    let odd = || GitError::Answer { command: "merge-tree", answer: answer.as_bstr().to_string() };
    let mut parts = answer.split(|&byte| byte == 0);
    let tree = parts.next().and_then(|name| Oid::from_hex(name).ok()).ok_or_else(odd)?;
    let mut files: BTreeMap<BString, (BTreeSet<BString>, [Side; 3])> = BTreeMap::new();
    for part in parts.by_ref().take_while(|part| !part.is_empty()) {
        let (head, path) = part.split_once_str("\t").ok_or_else(odd)?;
        let fields: Vec<&str> = head.to_str().map_err(|_| odd())?.split(' ').collect();
        let &[mode, oid, stage] = fields.as_slice() else { return Err(odd()) };
        let mode = u32::from_str_radix(mode, 8).map_err(|_| odd())?;
        let oid = Oid::from_hex(oid.as_bytes()).map_err(|_| odd())?;
        let stage = stage.parse::<usize>().map_err(|_| odd())?.checked_sub(1).ok_or_else(odd)?;
        let (listed, stages) = files.entry(as_committed(path.as_bstr(), &sides).to_owned()).or_default();
        listed.insert(path.into());
        *stages.get_mut(stage).ok_or_else(odd)? = Some((mode, oid));
    }
    let mut kinds: BTreeMap<BString, ConflictKind> = BTreeMap::new();
    let mut beside: BTreeMap<BString, BTreeSet<BString>> = BTreeMap::new();
    while let Some(count) = parts.next().filter(|count| !count.is_empty()) {
        let count: usize = count.to_str().ok().and_then(|count| count.parse().ok()).ok_or_else(odd)?;
        let paths: Vec<&BStr> =
            parts.by_ref().take(count).map(|path| as_committed(path.as_bstr(), &sides)).collect();
        let (Some(kind), Some(_message)) = (parts.next(), parts.next()) else { return Err(odd()) };
        let Some(kind) = kind_of(kind) else { continue };
        let is_rename = matches!(kind, ConflictKind::RenameRename | ConflictKind::RenameDelete);
        for (position, path) in paths.iter().enumerate() {
            if is_rename {
                let others = paths.iter().filter(|other| *other != path);
                beside.entry((*path).to_owned()).or_default().extend(others.map(|other| (*other).to_owned()));
            }
            // The first path is the one it is about; others count if they are in conflict themselves.
            if position == 0 || files.contains_key(*path) {
                let known = kinds.entry((*path).to_owned()).or_insert(kind);
                *known = more_telling(*known, kind);
            }
        }
    }
    let mut conflicts: Vec<Conflict> = Vec::new();
    for (path, (listed, stages)) in &files {
        let kind = refined(kinds.get(path).copied(), stages);
        let listed = listed.iter().cloned().collect();
        let beside = beside.remove(path).unwrap_or_default().into_iter().collect();
        conflicts.push(Conflict { path: path.clone(), kind, listed, beside, stages: *stages });
    }
    for (path, kind) in kinds {
        if !files.contains_key(&path) && !conflicts.iter().any(|conflict| conflict.kind == kind) {
            let (listed, beside) = (Vec::new(), Vec::new());
            conflicts.push(Conflict { path, kind, listed, beside, stages: [None; 3] });
        }
    }
    conflicts.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Merge { tree, conflicts })
}

/// The name that a file has in the commits: git moves one aside as `name~side`, where `name` is taken.
fn as_committed<'a>(path: &'a BStr, sides: &[String; 2]) -> &'a BStr {
    let aside = |side: &String| path.rfind(side).map(|start| path[..start].as_bstr());
    sides.iter().find_map(aside).unwrap_or(path)
}

/// git's stable names for what happened to a path; nothing for what it settled itself.
fn kind_of(name: &[u8]) -> Option<ConflictKind> {
    // Some of them have no blank before the bracket.
    let name = name.strip_prefix(b"CONFLICT")?.trim_ascii_start().strip_prefix(b"(")?.strip_suffix(b")")?;
    Some(match name {
        b"contents" => ConflictKind::Content,
        b"binary" => ConflictKind::Binary,
        b"file/directory" => ConflictKind::DirectoryFile,
        b"distinct modes" | b"distinct types" => ConflictKind::Mode,
        b"modify/delete" => ConflictKind::ModifyDelete,
        b"rename/rename" | b"rename involved in collision" => ConflictKind::RenameRename,
        b"rename/delete" => ConflictKind::RenameDelete,
        _ if name.starts_with(b"submodule") => ConflictKind::Submodule,
        _ if name.contains_str("directory rename") => ConflictKind::DirectoryRename,
        _ => ConflictKind::Other,
    })
}

/// A path can be told about twice: renamed on both sides, and changed on both too.
fn more_telling(one: ConflictKind, other: ConflictKind) -> ConflictKind {
    let plain = [ConflictKind::Content, ConflictKind::Other, ConflictKind::ModifyDelete];
    if plain.contains(&one) { other } else { one }
}

/// What the stages say more exactly than the message, or instead of none.
fn refined(kind: Option<ConflictKind>, stages: &[Side; 3]) -> ConflictKind {
    let is_submodule = stages.iter().flatten().any(|(mode, _)| *mode == GITLINK);
    match (kind, stages) {
        (None | Some(ConflictKind::Content | ConflictKind::Other), _) if is_submodule => {
            ConflictKind::Submodule
        }
        (None | Some(ConflictKind::Content), [_, Some((ours, one)), Some((theirs, other))])
            if one == other && ours != theirs =>
        {
            ConflictKind::Mode
        }
        (None | Some(ConflictKind::Content), [None, Some(_), Some(_)]) => ConflictKind::AddAdd,
        (None, [Some(_), Some(_), None] | [Some(_), None, Some(_)]) => ConflictKind::ModifyDelete,
        (None, [Some(_), Some(_), Some(_)]) => ConflictKind::Content,
        (None, _) => ConflictKind::Other,
        (Some(kind), _) => kind,
    }
}
