//! A cache of verdicts: when nothing changed, nothing is merged again.
//!
//! A verdict is named by the hash of all that it depends on, so it can be old but never wrong; a broken cache is made anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::git::BString;
use crate::git::Oid;
use crate::git::merge::Conflict;
use crate::git::merge::ConflictKind;

/// How many verdicts are kept beside those of this time, the newest ones. All are read whenever something is judged.
const KEPT: usize = 1_024;

/// The form of the file, and of the rules: those of another version are forgotten.
const FORMAT: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));

/// Verdicts by their names.
#[derive(Debug)]
pub struct VerdictCache {
    path: PathBuf,
    old: BTreeMap<String, Kept>,
    used: BTreeMap<String, Kept>,
    is_new: bool,
}

/// One verdict: its conflicts, none when it is clean.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Kept {
    /// Rises with each run that writes.
    age: u64,
    conflicts: Vec<Row>,
}

/// Path, kind, names in git's list, and the three stages.
type Row = (Vec<u8>, String, Vec<Vec<u8>>, [Option<(u32, String)>; 3]);

#[derive(serde::Serialize, serde::Deserialize)]
struct File {
    format: String,
    verdicts: BTreeMap<String, Kept>,
}

/// The kinds by their names for programs.
const KINDS: [ConflictKind; 11] = [
    ConflictKind::Content,
    ConflictKind::ModifyDelete,
    ConflictKind::AddAdd,
    ConflictKind::RenameRename,
    ConflictKind::RenameDelete,
    ConflictKind::DirectoryFile,
    ConflictKind::DirectoryRename,
    ConflictKind::Binary,
    ConflictKind::Submodule,
    ConflictKind::Mode,
    ConflictKind::Other,
];

impl VerdictCache {
    /// Reads the cache in git odyssey's folder of a repository, if there is a good one.
    pub fn read(folder: &Path) -> VerdictCache {
        let path = folder.join("verdicts.json");
        let file = atomic::read(&path).ok().flatten();
        let file = file.and_then(|bytes| serde_json::from_slice::<File>(&bytes).ok());
        let old = file.filter(|file| file.format == FORMAT).map(|file| file.verdicts).unwrap_or_default();
        VerdictCache { path, old, used: BTreeMap::new(), is_new: false }
    }

    /// The conflicts of a merge that was judged before.
    pub fn get(&mut self, name: Oid) -> Option<Vec<Conflict>> {
        let name = name.to_string();
        let kept = self.used.get(&name).or_else(|| self.old.get(&name))?.clone();
        let conflicts = kept.conflicts.iter().map(conflict).collect::<Option<Vec<_>>>()?;
        self.used.insert(name, kept);
        Some(conflicts)
    }

    /// Keeps the conflicts of a merge.
    pub fn put(&mut self, name: Oid, conflicts: &[Conflict]) {
        self.is_new = true;
        let conflicts = conflicts.iter().map(row).collect();
        self.used.insert(name.to_string(), Kept { age: 0, conflicts });
    }

    /// Writes what was used and the newest of what was not. A cache that cannot be written is only slower.
    pub fn write(self) {
        if !self.is_new {
            return;
        }
        let age = self.old.values().map(|kept| kept.age).max().unwrap_or(0) + 1;
        let mut verdicts = self.used;
        verdicts.values_mut().for_each(|kept| kept.age = age);
        let mut others: Vec<(String, Kept)> =
            self.old.into_iter().filter(|(name, _)| !verdicts.contains_key(name)).collect();
        others.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.age));
        verdicts.extend(others.into_iter().take(KEPT));
        let written = serde_json::to_vec(&File { format: FORMAT.to_owned(), verdicts });
        if !matches!(written.map(|bytes| atomic::put(&self.path, &bytes)), Ok(Ok(()))) {
            tracing::debug!(path = %self.path.display(), "the cache of verdicts was not written");
        }
    }
}

fn row(conflict: &Conflict) -> Row {
    let listed = conflict.listed.iter().map(|path| path.to_vec()).collect();
    let stages = conflict.stages.map(|side| side.map(|(mode, oid)| (mode, oid.to_string())));
    (conflict.path.to_vec(), conflict.kind.name().to_owned(), listed, stages)
}

fn conflict((path, kind, listed, stages): &Row) -> Option<Conflict> {
    let mut read = [None; 3];
    for (place, side) in stages.iter().enumerate() {
        if let Some((mode, oid)) = side {
            read[place] = Some((*mode, Oid::from_hex(oid.as_bytes()).ok()?));
        }
    }
    Some(Conflict {
        path: path.clone().into(),
        kind: KINDS.into_iter().find(|known| known.name() == kind)?,
        listed: listed.iter().map(|path| BString::from(path.clone())).collect(),
        // Nobody settles a conflict by what is kept here.
        beside: Vec::new(),
        stages: read,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(number: usize) -> Oid {
        Oid::from_hex(format!("{number:040x}").as_bytes()).unwrap()
    }

    fn conflicts() -> Vec<Conflict> {
        let path = BString::from(b"a\xff\n".to_vec());
        KINDS
            .iter()
            .map(|kind| Conflict {
                path: path.clone(),
                kind: *kind,
                listed: vec![path.clone(), "a~b".into()],
                beside: Vec::new(),
                stages: [None, Some((0o100_644, oid(1))), Some((0o160_000, oid(2)))],
            })
            .collect()
    }

    #[test]
    fn what_is_kept_comes_back_and_a_broken_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = VerdictCache::read(folder.path());
        assert_eq!(cache.get(oid(7)), None);
        cache.put(oid(7), &conflicts());
        cache.put(oid(8), &[]);
        cache.write();
        let mut cache = VerdictCache::read(folder.path());
        assert_eq!(cache.get(oid(7)), Some(conflicts()));
        assert_eq!(cache.get(oid(8)), Some(Vec::new()));
        cache.write();
        atomic::put(&folder.path().join("verdicts.json"), b"{\"format\":").unwrap();
        assert_eq!(VerdictCache::read(folder.path()).get(oid(7)), None);
    }

    #[test]
    fn it_stays_small_and_keeps_what_is_used() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..4 {
            let mut cache = VerdictCache::read(folder.path());
            cache.put(oid(1), &[]);
            for number in 0..3_000 {
                cache.put(oid(10 + round * 3_000 + number), &[]);
            }
            cache.write();
        }
        let mut cache = VerdictCache::read(folder.path());
        assert!(cache.old.len() <= KEPT + 3_001, "{}", cache.old.len());
        assert!(cache.get(oid(1)).is_some() && cache.get(oid(9_010)).is_some());
        assert_eq!(cache.get(oid(10)), None, "the oldest are forgotten");
    }
}
