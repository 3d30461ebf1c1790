//! Plain objects: small loose ones, written without squeezing them.
//!
//! A compressor needs a third of a megabyte of cleared memory before its first byte, which costs more than all else about
//! an object of a few hundred bytes, and what fits into one block of a disk takes no less of it squeezed. Git reads them
//! as any other, and squeezes them when it packs them.

use std::io::Write;
use std::path::Path;

use gix::objs::Kind;
use gix::objs::encode::loose_header;
use tempfile::NamedTempFile;

use super::Oid;
use crate::base::atomic::FileError;
use crate::base::atomic::made_in;

/// What fits into one block of most disks.
const ONE_BLOCK: usize = 4096;

/// As much as one stored part of a zlib stream can have, its object's header included.
const ONE_PART: usize = 0xffff;

/// The longest header of a loose object.
const HEADER: usize = 64;

/// Whether an object is better written plainly. Most of a tree is hashes, which cannot be squeezed.
pub(super) fn fits(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::Tree => bytes.len() <= ONE_PART - HEADER,
        Kind::Blob | Kind::Commit | Kind::Tag => bytes.len() <= ONE_BLOCK - HEADER,
    }
}

/// Writes an object that [`fits`] into a folder of objects: it is there whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write(objects: &Path, oid: Oid, kind: Kind, bytes: &[u8]) -> Result<(), FileError> {
    let hex = oid.to_string();
    let folder = objects.join(&hex[..2]);
    let path = folder.join(&hex[2..]);
    let failed = |source| FileError::new("write", &path, source);
    let mut file = begin(&folder).map_err(failed)?;
    file.write_all(&stored(&[&loose_header(kind, bytes.len() as u64), bytes].concat())).map_err(failed)?;
    match file.persist(&path) {
        Ok(_) => Ok(()),
        // Where a file cannot be replaced while somebody reads it: the same object is there already.
        Err(error) if cfg!(windows) && path.exists() => {
            drop(error);
            Ok(())
        }
        Err(error) => Err(failed(error.error)),
    }
}

/// A new file beside the objects of one folder, with the name by which git knows what a killed process left.
fn begin(folder: &Path) -> std::io::Result<NamedTempFile> {
    made_in(folder, || {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o444));
        builder.prefix("tmp_obj_").tempfile_in(folder)
    })
}

/// A zlib stream (RFC 1950) of one part that is stored as it is (RFC 1951, 3.2.4).
fn stored(content: &[u8]) -> Vec<u8> {
    // The caller has seen that it fits.
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let mut stream = Vec::with_capacity(content.len() + 11);
    stream.extend([0x78, 0x01, 0x01]);
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend_from_slice(content);
    stream.extend(adler2::adler32_slice(content).to_be_bytes());
    stream
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::git::objects::Entry;
    use crate::git::objects::EntryKind;
    use crate::git::repo::Repo;
    use crate::git::run::Git;
    use crate::git::testing::Sandbox;

    #[test]
    fn git_and_gix_read_what_was_written_plainly() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let mut oids = Vec::new();
        for length in [0, 1, 31, 32, 63, 64, 500, ONE_BLOCK - HEADER, ONE_BLOCK, 70_000] {
            let bytes: Vec<u8> = (0..length).map(|place| (place * 7 + place / 251) as u8).collect();
            let oid = repo.write_blob(&bytes).unwrap();
            let again = Repo::open(repo.folder()).unwrap();
            assert!(again.blob(oid).unwrap() == bytes, "{length} bytes, read by gix");
            assert_eq!(again.size(oid).unwrap(), length as u64);
            let hex = oid.to_string();
            let by_git = Git::at(repo.folder()).args(["cat-file", "blob", &hex]).run().unwrap();
            assert!(by_git == bytes, "{length} bytes, read by git");
            let path = repo.common_dir().join("objects").join(&hex[..2]).join(&hex[2..]);
            let is_plain = fs::metadata(&path).unwrap().len() > length as u64;
            assert_eq!(is_plain, fits(Kind::Blob, &bytes) || length < 300, "{length} bytes");
            oids.push(oid);
        }
        for count in [1, 700, 2_000] {
            let name = |place: usize| format!("task-{place:05}.toml").into();
            let entry =
                |place| Entry { name: name(place), kind: EntryKind::Blob, oid: oids[place % oids.len()] };
            let entries: Vec<Entry> = (0..count).map(entry).collect();
            let oid = repo.write_tree(&entries).unwrap();
            assert_eq!(Repo::open(repo.folder()).unwrap().tree(oid).unwrap(), entries);
        }
        Git::at(repo.folder()).args(["fsck", "--strict", "--no-dangling"]).run().unwrap();
        Git::at(repo.folder()).args(["repack", "-q", "-a", "-d", "--keep-unreachable"]).run().unwrap();
        Git::at(repo.folder()).args(["prune-packed"]).run().unwrap();
        let again = Repo::open(repo.folder()).unwrap();
        assert!(oids.iter().all(|oid| again.has(*oid)));
    }

    #[test]
    fn what_a_killed_process_left_is_pruned_by_git() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let objects = repo.common_dir().join("objects");
        for folder in ["00", "ff"] {
            begin(&objects.join(folder)).unwrap().keep().unwrap();
        }
        let left = || {
            let files = ["00", "ff"].into_iter().filter_map(|folder| fs::read_dir(objects.join(folder)).ok());
            files
                .flatten()
                .filter(|file| file.as_ref().unwrap().path().to_string_lossy().contains("tmp_obj_"))
                .count()
        };
        assert_eq!(left(), 2);
        Git::at(repo.folder()).args(["prune", "--expire=now"]).run().unwrap();
        assert_eq!(left(), 0);
    }
}
