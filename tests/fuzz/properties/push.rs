//! Pushed trees: no way of naming a path gets a change of it past whoever holds it.

use std::collections::BTreeMap;

use git_odyssey::base::clock::Timestamp;
use git_odyssey::domain::book::LeaseBook;
use git_odyssey::domain::lease::Fence;
use git_odyssey::domain::region::Case;
use git_odyssey::domain::region::RegionSet;
use git_odyssey::git::ByteSlice;
use git_odyssey::git::Oid;
use git_odyssey::git::objects::Entry;
use git_odyssey::git::objects::EntryKind;
use git_odyssey::git::repo::Repo;
use git_odyssey::guard::push::Moved;
use git_odyssey::guard::push::Push;
use git_odyssey::guard::push::Pusher;
use git_odyssey::ledger::codec::LeaseFile;

use super::scratch;

/// So many entries are in one tree, and so deep are trees.
const MOST: usize = 8;
const DEEPEST: usize = 4;

/// What is at each path, in the order in which the tree names it; a hand-made tree may do so several times.
type Files = BTreeMap<Vec<u8>, Vec<(EntryKind, Oid)>>;

/// The entries of a folder, as they are read from lines `+name`, `-` (back up) and `kind name`.
#[derive(Default)]
struct Folder {
    entries: Vec<(Vec<u8>, Node)>,
}

enum Node {
    Folder(Folder),
    File(EntryKind, u8),
}

impl Folder {
    fn read<'l>(lines: &mut impl Iterator<Item = &'l [u8]>, depth: usize) -> Folder {
        let mut folder = Folder::default();
        while let Some(line) = lines.next() {
            let (Some(first), name) = (line.first(), line.get(1..).unwrap_or_default()) else { continue };
            let node = match first {
                b'-' => break,
                b'=' if depth == 0 => break,
                b'+' if depth < DEEPEST => Node::Folder(Folder::read(lines, depth + 1)),
                b'x' => Node::File(EntryKind::BlobExecutable, 0),
                b'l' => Node::File(EntryKind::Link, 0),
                b's' => Node::File(EntryKind::Commit, 0),
                number @ b'0'..=b'9' => Node::File(EntryKind::Blob, *number),
                _ => continue,
            };
            // Neither a NUL nor nothing can be in a tree's entry.
            if !name.is_empty() && !name.contains(&0) && folder.entries.len() < MOST {
                folder.entries.push((name.to_owned(), node));
            }
        }
        folder
    }

    fn write(&self, repo: &Repo, above: &[u8], files: &mut Files) -> Oid {
        let mut entries = Vec::new();
        for (name, node) in &self.entries {
            let path = if above.is_empty() { name.clone() } else { [above, b"/", name].concat() };
            let (kind, oid) = match node {
                Node::Folder(folder) => (EntryKind::Tree, folder.write(repo, &path, files)),
                Node::File(EntryKind::Commit, _) => {
                    (EntryKind::Commit, Oid::from_hex("1".repeat(40).as_bytes()).unwrap())
                }
                Node::File(kind, content) => (*kind, repo.write_blob(&[*content]).unwrap()),
            };
            if kind != EntryKind::Tree {
                files.entry(path).or_default().push((kind, oid));
            }
            entries.push(Entry { name: name.as_slice().into(), kind, oid });
        }
        scratch::tree(&entries)
    }
}

fn held() -> LeaseBook {
    let text = "task = \"auth\"\nfence = 1\nholder = { name = \"ada\", kind = \"agent\" }\nbase = \"0\"\n\
        target = \"refs/heads/main\"\nregions = [\"src/**\"]\nmode = \"exclusive\"\nphase = \"active\"\n\
        ttl_seconds = 60\ngranted_at = 2030-01-01T00:00:00Z\nexpires_at = 2030-01-01T00:01:00Z\n";
    let lease = LeaseFile::from_toml(text.as_bytes()).unwrap().lease(Case::Sensitive).unwrap();
    LeaseBook::new([lease], Fence(1))
}

/// Two trees, one a line each entry, with a line of `=` between: the second is pushed on top of the first.
pub fn holds(input: &[u8]) -> bool {
    let mut lines = input.split(|&byte| byte == b'\n');
    let trees = [Folder::read(&mut lines, 0), Folder::read(&mut lines, 0)];
    scratch::with(|repo| {
        let [mut before, mut after] = [Files::new(), Files::new()];
        let old = trees[0].write(repo, b"", &mut before);
        let new = trees[1].write(repo, b"", &mut after);
        let parent = repo.write_commit(old, &[], b"one".as_bstr(), Timestamp::UNIX_EPOCH).unwrap();
        let child = repo.write_commit(new, &[parent], b"two".as_bstr(), Timestamp::UNIX_EPOCH).unwrap();
        // The target: what it has is known, and only the child is new.
        let name = "refs/heads/main".to_owned();
        let refs = [Moved { name, old: Some(parent), new: Some(child) }];
        let book = held();
        let push = Push {
            repo,
            refs: &refs,
            before: &book,
            after: &book,
            landings: &[],
            pusher: &Pusher::Unknown,
            commons: &RegionSet::default(),
            now: Timestamp::UNIX_EPOCH,
        };
        // What cannot be judged does not pass either.
        let Ok(refusals) = push.judge() else { return false };
        for refusal in &refusals {
            super::is_told_plainly(&refusal.why);
        }
        let mut paths = before.keys().chain(after.keys()).filter(|path| path.starts_with(b"src/"));
        let changed = paths.find(|path| before.get(*path) != after.get(*path));
        if let (Some(path), []) = (changed, &refusals[..]) {
            panic!("a change of {:?} was let in", path.as_bstr());
        }
        refusals.is_empty() && old != new
    })
}
