//! Merging two commits without touching a checkout: the verdict in memory, and git's own word for it.

use std::fmt;

use gix::bstr::BString;

use super::Oid;
use super::error::GitError;
use super::repo::Repo;

mod asked;
mod asker;
mod commit;
mod confirm;
mod drivers;
mod facts;
mod hunks;
mod lines;
mod rows;
mod spans;
mod text;
mod together;
mod verdict;
mod walk;

pub use asked::Asked;
pub use asker::Asker;
pub use asker::Side;
pub use hunks::Hunk;
pub use hunks::Part;
pub use together::Settings;
pub use verdict::Ground;
pub use verdict::Said;
pub use verdict::Verdicts;

/// What merging two commits gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The merged tree, with conflict markers in it where there are conflicts.
    ///
    /// From [`Repo::confirm`] it is in the object store. From [`Repo::merge`] it may be no more than a name.
    pub tree: Oid,
    /// What a person has to settle, by path.
    pub conflicts: Vec<Conflict>,
}

impl Merge {
    /// Whether nobody has to settle anything.
    pub fn is_clean(&self) -> bool {
        self.conflicts.is_empty()
    }

    /// How a verdict differs from git's own on the same merge: a bug of ours, to be reported.
    pub fn disagreement(&self, git: &Merge) -> Option<Disagreement> {
        let differs = self.is_clean() != git.is_clean() || self.is_clean() && self.tree != git.tree;
        differs.then(|| Disagreement { ours: self.clone(), git: git.clone() })
    }
}

/// Two verdicts on one merge that should have been one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Ours.
    pub ours: Merge,
    /// git's, which is right.
    pub git: Merge,
}

/// One path that a person has to settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path, as it is in the commits.
    pub path: BString,
    /// Why.
    pub kind: ConflictKind,
    /// Under which names git lists it: its own, or `name~side` where git moved it aside. None when git tells of a conflict
    /// that it lists no file for, such as a renamed folder whose new files could go two ways.
    pub listed: Vec<BString>,
    /// The other names of a renamed file that git tells of beside this one, the old one among them.
    pub beside: Vec<BString>,
    /// Mode (`0o100644`) and content at the base, ours and theirs, as an index holds them.
    pub stages: [Option<(u32, Oid)>; 3],
}

/// Whether a mode (`0o100644`) is that of a file: no link, no folder, no submodule.
pub fn is_file(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000
}

/// Whether a mode is that of a folder.
pub fn is_folder(mode: u32) -> bool {
    mode & 0o170_000 == 0o040_000
}

impl Conflict {
    /// Whether both sides have a file there, which is a thing of lines.
    pub fn are_files(&self) -> bool {
        let [_, ours, theirs] = self.stages;
        [ours, theirs].iter().all(|side| side.is_some_and(|(mode, _)| is_file(mode)))
    }

    /// Whether both sides made the file another kind of file, each another.
    pub fn modes_conflict(&self) -> bool {
        let [base, ours, theirs] = self.stages.map(|stage| stage.map(|(mode, _)| mode));
        ours.is_some() && theirs.is_some() && ours != theirs && ours != base && theirs != base
    }
}

/// Why a path cannot be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Both changed the same lines.
    Content,
    /// One changed what the other deleted.
    ModifyDelete,
    /// Both added different files.
    AddAdd,
    /// Both renamed it differently, or different files to one name.
    RenameRename,
    /// One renamed what the other deleted.
    RenameDelete,
    /// A file on one side is a folder on the other.
    DirectoryFile,
    /// One renamed a folder, and the other added to it.
    DirectoryRename,
    /// Both changed a file that has no lines.
    Binary,
    /// Both moved a submodule.
    Submodule,
    /// Both made different kinds of things of it.
    Mode,
    /// What git has no simpler word for.
    Other,
}

impl ConflictKind {
    /// The name for programs.
    pub fn name(self) -> &'static str {
        match self {
            ConflictKind::Content => "content",
            ConflictKind::ModifyDelete => "modify/delete",
            ConflictKind::AddAdd => "add/add",
            ConflictKind::RenameRename => "rename/rename",
            ConflictKind::RenameDelete => "rename/delete",
            ConflictKind::DirectoryFile => "directory/file",
            ConflictKind::DirectoryRename => "directory rename",
            ConflictKind::Binary => "binary",
            ConflictKind::Submodule => "submodule",
            ConflictKind::Mode => "mode",
            ConflictKind::Other => "other",
        }
    }
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ConflictKind::Content => "both changed the same lines",
            ConflictKind::ModifyDelete => "one changed what the other deleted",
            ConflictKind::AddAdd => "both added it",
            ConflictKind::RenameRename => "both renamed it",
            ConflictKind::RenameDelete => "one renamed what the other deleted",
            ConflictKind::DirectoryFile => "a file on one side, a folder on the other",
            ConflictKind::DirectoryRename => "one renamed the folder that the other added to",
            ConflictKind::Binary => "both changed a binary file",
            ConflictKind::Submodule => "both moved the submodule",
            ConflictKind::Mode => "both changed its kind",
            ConflictKind::Other => "cannot be merged",
        })
    }
}

impl Repo {
    /// Whether two commits would merge, and into what, with `base` in place of their merge base if given.
    ///
    /// Answered in memory where that is git's own answer for sure; else git is asked, for one of the reasons in [`Asked`].
    /// No ref, index, or file changes.
    ///
    /// # Errors
    /// [`GitError::Unrelated`] when they have no common history, else when something cannot be read.
    pub fn merge(&self, base: Option<Oid>, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        let names = [ours, theirs].map(|side| side.to_string());
        let ground = Ground::of(self)?;
        match ground.verdicts().say(base, ours, theirs, names.each_ref().map(String::as_str))? {
            Said::Known(merge) => Ok(merge),
            Said::Ask(asked) => {
                tracing::debug!(%asked, "git is asked for the merge");
                self.confirm(base, ours, theirs)
            }
        }
    }

    /// The base to merge from: nothing when there is more than one.
    pub(super) fn single_base(&self, ours: Oid, theirs: Oid) -> Result<Option<Oid>, GitError> {
        let bases =
            self.gix.merge_bases_many(ours, &[theirs]).map_err(GitError::gix("find the merge base"))?;
        match bases.as_slice() {
            [] => Err(GitError::Unrelated { ours, theirs }),
            [base] => Ok(Some(base.detach())),
            _ => Ok(None),
        }
    }
}

/// git's rule: a NUL among the first 8,000 bytes.
pub(super) fn is_binary(content: &[u8]) -> bool {
    content.iter().take(8_000).any(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gix::bstr::ByteSlice;

    use super::*;
    use crate::base::clock::Timestamp;
    use crate::git::run::Git;
    use crate::git::testing;
    use crate::git::testing::Dice;
    use crate::git::testing::Sandbox;

    /// A base commit with what `base` writes, and one commit on each side of it.
    fn sides(
        base: &dyn Fn(&Sandbox),
        ours: &dyn Fn(&Sandbox),
        theirs: &dyn Fn(&Sandbox),
    ) -> (Sandbox, Oid, Oid) {
        let sandbox = Sandbox::new();
        base(&sandbox);
        let start = sandbox.commit("base").to_string();
        ours(&sandbox);
        let ours = sandbox.commit("ours");
        sandbox.git(&["switch", "-q", "--detach", &start]);
        theirs(&sandbox);
        let theirs = sandbox.commit("theirs");
        sandbox.git(&["switch", "-q", "--detach", &start]);
        (sandbox, ours, theirs)
    }

    /// What is known without git.
    fn said(repo: &Repo, ours: Oid, theirs: Oid) -> Said {
        let names = [ours, theirs].map(|side| side.to_string());
        let ground = Ground::of(repo).unwrap();
        ground.verdicts().say(None, ours, theirs, names.each_ref().map(String::as_str)).unwrap()
    }

    /// Both verdicts, which must be one.
    fn agreed(sandbox: &Sandbox, ours: Oid, theirs: Oid) -> Merge {
        let repo = sandbox.repo();
        let objects = || sandbox.git(&["count-objects"]);
        let before = objects();
        let said = said(&repo, ours, theirs);
        assert_eq!(objects(), before, "nothing is written");
        let git = repo.confirm(None, ours, theirs).unwrap();
        if let Said::Known(said) = said {
            assert_eq!(said, git);
        }
        let asked = repo.merge(None, ours, theirs).unwrap();
        assert_eq!(asked.disagreement(&git), None);
        assert!(repo.has(git.tree));
        git
    }

    fn told(merge: &Merge) -> Vec<(&str, ConflictKind)> {
        merge.conflicts.iter().map(|conflict| (conflict.path.to_str().unwrap(), conflict.kind)).collect()
    }

    #[test]
    fn every_kind_of_conflict_is_told() {
        type Does<'a> = &'a dyn Fn(&Sandbox);
        type Case<'a> = (Does<'a>, Does<'a>, &'a [(&'a str, ConflictKind)]);
        let edit = |name: &'static str, text: &'static str| move |s: &Sandbox| s.write(name, text);
        let remove =
            |name: &'static str| move |s: &Sandbox| std::fs::remove_file(s.main().join(name)).unwrap();
        let rename = |from: &'static str, to: &'static str| move |s: &Sandbox| drop(s.git(&["mv", from, to]));
        let lines = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let base = move |s: &Sandbox| {
            s.write("file", lines);
            s.write("binary", "\0\x01\x02");
            s.write("folder/one", lines);
        };
        let become_link = |s: &Sandbox| {
            std::fs::remove_file(s.main().join("file")).unwrap();
            #[cfg(unix)]
            std::os::unix::fs::symlink("away", s.main().join("file")).unwrap();
        };
        let cases: [Case<'_>; 10] = [
            (&edit("file", "x\n"), &edit("file", "y\n"), &[("file", ConflictKind::Content)]),
            (&edit("new", "x\n"), &edit("new", "y\n"), &[("new", ConflictKind::AddAdd)]),
            (&edit("file", "x\n"), &remove("file"), &[("file", ConflictKind::ModifyDelete)]),
            (&remove("file"), &edit("file", "x\n"), &[("file", ConflictKind::ModifyDelete)]),
            (&edit("binary", "\0x"), &edit("binary", "\0y"), &[("binary", ConflictKind::Binary)]),
            (
                &rename("file", "one"),
                &rename("file", "two"),
                &[
                    ("file", ConflictKind::RenameRename),
                    ("one", ConflictKind::RenameRename),
                    ("two", ConflictKind::RenameRename),
                ],
            ),
            (&rename("file", "one"), &remove("file"), &[("one", ConflictKind::RenameDelete)]),
            (&edit("a", "file\n"), &edit("a/b", "in folder\n"), &[("a", ConflictKind::DirectoryFile)]),
            (&become_link, &edit("file", "x\n"), &[("file", ConflictKind::Mode)]),
            (&edit("other", "x\n"), &edit("file", "y\n"), &[]),
        ];
        for (ours, theirs, expected) in cases {
            let (sandbox, ours, theirs) = sides(&base, ours, theirs);
            let merge = agreed(&sandbox, ours, theirs);
            assert_eq!(told(&merge), expected);
            let swapped = agreed(&sandbox, theirs, ours);
            assert_eq!(swapped.conflicts.len(), merge.conflicts.len());
        }
    }

    #[test]
    fn a_moved_folder_is_git_s_to_judge() {
        let base = |s: &Sandbox| {
            for name in ["one", "two", "three"] {
                s.write(format!("old/{name}"), format!("{name}\n1\n2\n3\n"));
            }
        };
        let (sandbox, ours, theirs) =
            sides(&base, &|s| drop(s.git(&["mv", "old", "new"])), &|s| s.write("old/added", "added\n"));
        assert_eq!(said(&sandbox.repo(), ours, theirs), Said::Ask(Asked::FolderRenames));
        let merge = agreed(&sandbox, ours, theirs);
        assert_eq!(told(&merge), [("new/added", ConflictKind::DirectoryRename)]);
    }

    #[test]
    fn submodules_that_both_moved_are_told() {
        let sandbox = Sandbox::new();
        testing::run(&sandbox.root(), &["clone", "-q", "main", "other"]);
        sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", "../other", "sub"]);
        let start = sandbox.commit("base").to_string();
        let mut moved = Vec::new();
        for side in ["ours", "theirs"] {
            sandbox.git(&["switch", "-q", "--detach", &start]);
            testing::run(&sandbox.main().join("sub"), &["checkout", "-q", "origin/main"]);
            testing::write(&sandbox.main().join("sub").join(side), side);
            testing::commit(&sandbox.main().join("sub"), side);
            moved.push(sandbox.commit(side));
        }
        assert_eq!(told(&agreed(&sandbox, moved[0], moved[1])), [("sub", ConflictKind::Submodule)]);
    }

    #[test]
    fn many_bases_unrelated_histories_and_an_explicit_base_are_as_in_git() {
        let (sandbox, ours, theirs) =
            sides(&|s| s.write("file", "1\n2\n3\n"), &|s| s.write("a", "a\n"), &|s| s.write("b", "b\n"));
        let repo = sandbox.repo();
        let criss = |one: Oid, other: Oid| {
            let tree = repo.confirm(None, one, other).unwrap().tree;
            let at = Timestamp::UNIX_EPOCH;
            repo.write_commit(tree, &[one, other], b"merge\n".as_bstr(), at).unwrap()
        };
        let (one, other) = (criss(ours, theirs), criss(theirs, ours));
        assert!(matches!(said(&repo, one, other), Said::Known(_)), "two bases that merge are one");
        assert!(agreed(&sandbox, one, other).is_clean());
        let clash = |text: &str| {
            sandbox.git(&["switch", "-q", "--detach", &ours.to_string()]);
            sandbox.write("file", text);
            sandbox.commit("clash")
        };
        let (one, other) = (clash("one\n"), clash("other\n"));
        let (one, other) = (criss(one, other), criss(other, one));
        assert_eq!(
            said(&repo, one, other),
            Said::Ask(Asked::Bases),
            "two bases that conflict are git's to merge"
        );
        agreed(&sandbox, one, other);
        let alone = sandbox.git(&["commit-tree", "-m", "alone", "HEAD^{tree}"]).parse().unwrap();
        for verdict in [repo.merge(None, ours, alone), repo.confirm(None, ours, alone)] {
            assert!(matches!(verdict, Err(GitError::Unrelated { .. })));
        }
        let merge = repo.merge(Some(theirs), ours, theirs).unwrap();
        assert_eq!(merge, repo.confirm(Some(theirs), ours, theirs).unwrap());
        assert_eq!(merge.tree, repo.commit(ours).unwrap().tree);
    }

    #[test]
    fn a_merge_driver_that_gives_up_makes_no_error() {
        let base = |s: &Sandbox| {
            s.write(".gitattributes", "file merge=never\n");
            s.write("file", "1\n");
            s.git(&["config", "merge.never.driver", "exit 1"]);
        };
        let (sandbox, ours, theirs) = sides(&base, &|s| s.write("file", "2\n"), &|s| s.write("file", "3\n"));
        assert_eq!(
            told(&sandbox.repo().merge(None, ours, theirs).unwrap()),
            [("file", ConflictKind::Content)]
        );
    }

    #[test]
    fn hundreds_of_made_up_merges_are_as_in_git() {
        let sandbox = Sandbox::new();
        let repo = sandbox.repo();
        let mut dice = Dice(42);
        let write = |files: &BTreeMap<String, Vec<String>>, parents: &[Oid]| {
            let mut entries = Vec::new();
            for (name, lines) in files {
                let oid = repo.write_blob(lines.concat().as_bytes()).unwrap();
                let kind = gix::objs::tree::EntryKind::Blob;
                entries.push(crate::git::objects::Entry { name: name.as_str().into(), kind, oid });
            }
            let tree = repo.write_tree(&entries).unwrap();
            repo.write_commit(tree, parents, b"made up\n".as_bstr(), Timestamp::UNIX_EPOCH).unwrap()
        };
        let (mut clean, mut in_memory) = (0, 0);
        let rounds = 250;
        for round in 0..rounds {
            let text: Vec<String> = (0..20).map(|line| format!("line {}\n", line % 13)).collect();
            let base: BTreeMap<_, _> =
                ["a", "b", "c", "d"].iter().map(|name| ((*name).to_owned(), dice.edit(&text, 3))).collect();
            let mut change = || {
                let mut files = base.clone();
                for _ in 0..=dice.roll(2) {
                    let name = ["a", "b", "c", "d", "e"][dice.roll(5)].to_owned();
                    if dice.roll(6) == 0 {
                        files.remove(&name);
                    } else {
                        let lines = files.get(&name).cloned().unwrap_or_default();
                        files.insert(name, dice.edit(&lines, 3));
                    }
                }
                files
            };
            let (ours, theirs) = (change(), change());
            let start = write(&base, &[]);
            let (ours, theirs) = (write(&ours, &[start]), write(&theirs, &[start]));
            let git = repo.confirm(None, ours, theirs).unwrap();
            if let Said::Known(said) = said(&repo, ours, theirs) {
                in_memory += 1;
                assert_eq!(said, git, "round {round}");
            }
            clean += usize::from(git.is_clean());
        }
        assert!(clean > rounds / 5 && clean < rounds * 4 / 5, "{clean} of {rounds} are clean");
        assert!(in_memory > rounds / 2, "{in_memory} of {rounds} need no git");
    }

    #[test]
    fn a_replayed_commit_is_a_step_of_a_rebase_and_keeps_its_author() {
        let (sandbox, ours, theirs) =
            sides(&|s| s.write("file", "1\n2\n3\n"), &|s| s.write("a", "a\n"), &|s| s.write("b", "b\n"));
        let repo = sandbox.repo();
        let made = Git::at(&sandbox.main())
            .args([
                "-c",
                "i18n.commitEncoding=ISO-8859-1",
                "commit-tree",
                "-p",
                &theirs.to_string(),
                "-F",
                "-",
            ])
            .arg(format!("{theirs}^{{tree}}"))
            .env("GIT_AUTHOR_NAME", "Grete")
            .env("GIT_AUTHOR_EMAIL", "grete@example.com")
            .env("GIT_AUTHOR_DATE", "@1600000000 -0330")
            .input(b"gr\xfcn\n".to_vec())
            .run()
            .unwrap();
        let made = Oid::from_hex(made.trim_ascii()).unwrap();
        let merge = repo.replay(theirs, ours).unwrap();
        assert!(merge.is_clean());
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let message = repo.commit(made).unwrap().message;
        let new = repo.commit_tree(merge.tree, &[ours], message.as_bstr(), Some(made), at).unwrap();
        let raw = Git::at(&sandbox.main()).args(["cat-file", "commit", &new.to_string()]).run().unwrap();
        let expected = format!(
            "tree {}\nparent {ours}\nauthor Grete <grete@example.com> 1600000000 -0330\n\
             committer Ada <ada@example.com> 1700000000 +0000\nencoding ISO-8859-1\n\ngr",
            merge.tree
        );
        assert_eq!(raw, [expected.as_bytes(), b"\xfcn\n"].concat());
        let first = sandbox.git(&["rev-list", "--max-parents=0", "HEAD"]).parse().unwrap();
        assert!(repo.replay(first, ours).unwrap().is_clean(), "a first commit can be replayed");
        let merged = repo.write_commit(merge.tree, &[ours, theirs], b"m\n".as_bstr(), at).unwrap();
        assert!(matches!(repo.replay(merged, ours), Err(GitError::MergeCommit(_))));
    }

    #[test]
    #[cfg(unix)]
    fn commits_are_signed_by_git_where_that_is_configured() {
        let sandbox = Sandbox::new();
        let signer = sandbox.root().join("signer");
        testing::write(
            &signer,
            "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho signed by a test\n",
        );
        testing::make_executable(&signer);
        sandbox.git(&["config", "commit.gpgSign", "true"]);
        sandbox.git(&["config", "gpg.program", signer.to_str().unwrap()]);
        let repo = sandbox.repo();
        let head = repo.head().unwrap().commit().unwrap();
        let (tree, at) = (repo.commit(head).unwrap().tree, Timestamp::from_second(1_700_000_000).unwrap());
        let new = repo.commit_tree(tree, &[head], b"signed\n".as_bstr(), Some(head), at).unwrap();
        let raw = sandbox.git(&["cat-file", "commit", &new.to_string()]);
        assert!(raw.contains("gpgsig signed by a test"), "{raw}");
        assert!(raw.contains("author Ada <ada@example.com> 1700000000 +0000"), "{raw}");
    }
}
