//! A throw-away repository for the tests of this room, blind to the settings of whoever runs them.

use std::collections::BTreeMap;
use std::path::Path;

use gix::objs::tree::EntryKind;

use super::Oid;
use super::repo::Repo;
use super::run::Git;

/// What tests return: any error fails them.
pub type Checked<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The files of a tree to be written: what is at each path, and its content (for a submodule: its commit).
pub type Files = BTreeMap<String, (EntryKind, Vec<u8>)>;

/// One repository in a temporary folder.
pub struct Scratch {
    _folder: tempfile::TempDir,
    repo: Repo,
}

impl Scratch {
    /// A new repository with a checkout, its HEAD on the unborn branch `main`.
    pub fn new() -> Checked<Scratch> {
        let folder = tempfile::tempdir()?;
        git_in(folder.path(), &["init", "-q", "-b", "main", "repo"])?;
        Scratch::in_folder(folder)
    }

    /// A clone of this one, with more arguments for `git clone`.
    pub fn cloned(&self, arguments: &[&str]) -> Checked<Scratch> {
        let folder = tempfile::tempdir()?;
        let url = format!("file://{}", self.path().display());
        git_in(folder.path(), &[&["clone", "-q"], arguments, &[&url, "repo"]].concat())?;
        Scratch::in_folder(folder)
    }

    fn in_folder(folder: tempfile::TempDir) -> Checked<Scratch> {
        let repo = Repo::open(&folder.path().join("repo"))?;
        Ok(Scratch { _folder: folder, repo })
    }

    /// The top folder of the checkout.
    pub fn path(&self) -> &Path {
        self.repo.folder()
    }

    /// The repository as it was opened at the start.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// What `git` answers here; its failure is the test's.
    pub fn git(&self, arguments: &[&str]) -> Checked<Vec<u8>> {
        git_in(self.path(), arguments)
    }

    /// One line that `git` answers here.
    pub fn line(&self, arguments: &[&str]) -> Checked<String> {
        Ok(String::from_utf8(self.git(arguments)?)?.trim().to_owned())
    }

    /// What `git` answers here to some input.
    pub fn ask(&self, arguments: &[&str], input: String) -> Checked<Vec<u8>> {
        Ok(quiet(Git::at(self.path()).args(arguments).input(input)).run()?)
    }

    /// Writes a file into the checkout.
    #[expect(clippy::disallowed_methods, reason = "nothing reads a test's file while it is written")]
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> Checked {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        Ok(std::fs::write(path, bytes)?)
    }

    /// Commits everything in the checkout.
    pub fn commit_all(&self, subject: &str) -> Checked<Oid> {
        self.git(&["add", "-A"])?;
        self.git(&["commit", "-q", "--allow-empty", "-m", subject])?;
        Ok(self.line(&["rev-parse", "HEAD"])?.parse()?)
    }

    /// Writes a tree object with these files.
    pub fn tree(&self, files: &Files) -> Checked<Oid> {
        let mut editor = gix::objs::tree::Editor::new(
            gix::objs::Tree::empty(),
            &self.repo.gix.objects,
            self.repo.gix.object_hash(),
        );
        for (path, (kind, content)) in files {
            let oid = match kind {
                EntryKind::Commit => Oid::try_from(&content[..])?,
                _ => self.repo.write_blob(content)?,
            };
            editor.upsert(path.split('/'), *kind, oid)?;
        }
        Ok(editor.write(|tree| self.repo.gix.write_object(tree).map(gix::Id::detach))?)
    }

    /// Writes a commit object made at `time`.
    pub fn commit(&self, tree: Oid, parents: &[Oid], time: i64, message: &str) -> Checked<Oid> {
        let time = gix::date::Time { seconds: time, offset: 0 };
        let person = gix::actor::Signature { name: "T".into(), email: "t@example.com".into(), time };
        let commit = gix::objs::Commit {
            tree,
            parents: parents.iter().copied().collect(),
            author: person.clone(),
            committer: person,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        Ok(self.repo.gix.write_object(&commit)?.detach())
    }
}

/// What `git` answers in any folder.
pub fn git_in(folder: &Path, arguments: &[&str]) -> Checked<Vec<u8>> {
    Ok(quiet(Git::at(folder).args(arguments)).run()?)
}

/// The same command without anybody's configuration or name.
pub fn quiet(git: Git) -> Git {
    git.env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "T")
        .env("GIT_AUTHOR_EMAIL", "t@example.com")
        .env("GIT_COMMITTER_NAME", "T")
        .env("GIT_COMMITTER_EMAIL", "t@example.com")
}
