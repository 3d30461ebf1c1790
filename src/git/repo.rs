//! A repository as it was opened: its places, its configuration, where its HEAD is.

use std::path::Path;
use std::path::PathBuf;

use gix::bstr::BString;
use gix::bstr::ByteSlice;

use super::Oid;
use super::error::GitError;
use super::received::Received;

/// Where a checkout's HEAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a branch (its full name), which may have no commit yet.
    Branch(String, Option<Oid>),
    /// On a commit, not on a branch.
    Detached(Oid),
}

impl Head {
    /// The commit, if there is one.
    pub fn commit(&self) -> Option<Oid> {
        match self {
            Head::Branch(_, commit) => *commit,
            Head::Detached(commit) => Some(*commit),
        }
    }

    /// The branch's full name, if HEAD is on one.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Head::Branch(name, _) => Some(name),
            Head::Detached(_) => None,
        }
    }
}

/// One repository, seen from one of its checkouts (or from none, when it is bare).
#[derive(Debug, Clone)]
pub struct Repo {
    pub(super) gix: gix::Repository,
    common: PathBuf,
    private: PathBuf,
    checkout: Option<PathBuf>,
    pub(super) received: Option<Received>,
    /// Whether what is written stays in memory.
    pub(super) in_memory: bool,
    /// How many threads look at the files of this checkout; nothing for as many as there are processors.
    pub(super) threads: Option<usize>,
}

impl Repo {
    /// Opens the repository at or above `folder`, or the one that `GIT_DIR` and its like name, as git does.
    ///
    /// # Errors
    /// When there is none, it belongs to someone else, or keeps its refs in a way that gix cannot read: gix would
    /// answer "no such ref" there, and a ledger that looks empty would grant everything.
    pub fn discover(folder: &Path) -> Result<Repo, GitError> {
        let mut trusted = gix::sec::trust::Mapping::<gix::open::Options>::default();
        trusted.full = trusted.full.config_overrides(SETTINGS);
        trusted.reduced = trusted.reduced.config_overrides(SETTINGS);
        let found = gix::ThreadSafeRepository::discover_with_environment_overrides_opts(
            folder,
            gix::discover::upwards::Options::default(),
            trusted,
        );
        match found {
            Ok(opened) => Repo::checked(opened.to_thread_local()),
            // Hooks of a push that a repository receives run inside its own folder, with `GIT_DIR` being `.`.
            Err(source) => match gix::open_opts(folder, options().open_path_as_is(true)) {
                Ok(opened) => Repo::checked(opened),
                Err(_) => Err(GitError::NoRepository(folder.to_owned(), source.into())),
            },
        }
    }

    /// Whether something at or above a folder looks like a repository, one that cannot be opened too.
    pub fn is_near(folder: &Path) -> bool {
        let is_git = |above: &Path| {
            let bare = above.join("HEAD").is_file() && above.join("objects").is_dir();
            bare || above.join(".git").symlink_metadata().is_ok()
        };
        folder.ancestors().any(is_git)
    }

    /// Opens the checkout whose top folder is `folder`, whatever the environment says.
    ///
    /// # Errors
    /// As for [`Repo::discover`].
    pub fn open(folder: &Path) -> Result<Repo, GitError> {
        let opened = gix::open_opts(folder, options())
            .map_err(|source| GitError::NoRepository(folder.to_owned(), source.into()))?;
        Repo::checked(opened)
    }

    fn checked(mut gix: gix::Repository) -> Result<Repo, GitError> {
        // A linked worktree knows the common folder as `…/.git/worktrees/<name>/../..`.
        let absolute = |path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            gix::path::normalize(path.as_path().into(), &path)
                .map_or(path.clone(), |short| short.into_owned())
        };
        let common = absolute(gix.common_dir());
        let storage = gix.config_snapshot().string("extensions.refStorage");
        if let Some(format) = storage.filter(|format| !format.eq_ignore_ascii_case(b"files")) {
            return Err(GitError::RefFormat { path: common, format: format.to_string() });
        }
        // Trees and commits are read again and again: the ledger's, and the histories that hooks judge.
        gix.object_cache_size_if_unset(8 * 1024 * 1024);
        let private = absolute(gix.git_dir());
        let checkout = gix.workdir().map(absolute);
        Ok(Repo { gix, common, private, checkout, received: None, in_memory: false, threads: None })
    }

    /// The same, for a caller who reads several checkouts side by side: the files of this one are looked at by one thread.
    #[must_use]
    pub fn beside_others(self) -> Repo {
        Repo { threads: Some(1), ..self }
    }

    /// The folder that all checkouts share: `.git`, or the bare repository itself. Absolute.
    pub fn common_dir(&self) -> &Path {
        &self.common
    }

    /// This checkout's own folder inside the repository: `.git` or `.git/worktrees/<name>`. Absolute.
    pub fn private_dir(&self) -> &Path {
        &self.private
    }

    /// The top folder of this checkout; nothing when bare. Absolute.
    pub fn checkout(&self) -> Option<&Path> {
        self.checkout.as_deref()
    }

    /// The top folder of this checkout.
    ///
    /// # Errors
    /// When the repository is bare.
    pub fn need_checkout(&self) -> Result<&Path, GitError> {
        self.checkout().ok_or_else(|| GitError::bare(&self.common))
    }

    /// A folder in which `git` finds this very checkout.
    pub fn folder(&self) -> &Path {
        self.checkout().unwrap_or(&self.common)
    }

    /// Whether this is a linked worktree.
    pub fn is_linked(&self) -> bool {
        self.private != self.common
    }

    /// `core.ignoreCase`: whether the file system takes `A` and `a` for one.
    pub fn ignores_case(&self) -> bool {
        self.gix.config_snapshot().boolean("core.ignoreCase").unwrap_or(false)
    }

    /// One configuration value as git sees it here, from all scopes.
    pub fn config(&self, key: &str) -> Option<BString> {
        self.gix.config_snapshot().string(key)
    }

    /// All values of a configuration key that hold here, in the order of their scopes, the last one deciding.
    pub fn all_values(&self, key: &str) -> Vec<String> {
        let values = self.gix.config_snapshot().plumbing().strings(key).unwrap_or_default();
        values.iter().map(|value| value.to_string()).collect()
    }

    /// The addresses of all remotes, as they are written in the configuration.
    pub fn remote_addresses(&self) -> Vec<String> {
        let config = self.gix.config_snapshot();
        let remotes = config.plumbing().sections_by_name("remote").into_iter().flatten();
        remotes.flat_map(|remote| remote.values("url")).map(|address| address.to_string()).collect()
    }

    /// Name and email of the person, as far as configured: the environment's, the committer's own, the user's.
    ///
    /// Asking gix for the committer would also tell the time zone, for which it reads a hundred files.
    pub fn person(&self) -> (Option<BString>, Option<BString>) {
        let first = |keys: [&str; 3]| {
            keys.into_iter().filter_map(|key| self.config(key)).find(|value| !value.trim().is_empty())
        };
        // gix lays the environment's values over these keys: GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL, EMAIL.
        let name = first(["committer.name", "user.name", "gitoxide.committer.nameFallback"]);
        let email = first(["committer.email", "user.email", "gitoxide.user.emailFallback"]);
        (name, email)
    }

    /// Where HEAD is.
    ///
    /// # Errors
    /// When HEAD cannot be read.
    pub fn head(&self) -> Result<Head, GitError> {
        let head = self.gix.head().map_err(GitError::gix("read HEAD"))?;
        Ok(match head.kind {
            gix::head::Kind::Unborn(name) => Head::Branch(name.as_bstr().to_string(), None),
            gix::head::Kind::Symbolic(reference) => {
                let name = reference.name.as_bstr().to_string();
                let commit = self.reference(&name)?;
                Head::Branch(name, commit)
            }
            gix::head::Kind::Detached { target, .. } => Head::Detached(target),
        })
    }

    /// The commit that a revision as people write it (`main`, `HEAD~2`, a hash) names.
    ///
    /// # Errors
    /// When it names nothing, or not a commit.
    pub fn commit_named(&self, revision: &str) -> Result<Oid, GitError> {
        let unknown = || GitError::NoCommit(revision.to_owned());
        // A whole hash names its object whatever refs there are; the search for a short one would list a folder.
        let whole =
            Oid::from_hex(revision.as_bytes()).ok().filter(|oid| oid.kind() == self.gix.object_hash());
        let object = match whole {
            Some(oid) => {
                let found = self.gix.try_find_object(oid).map_err(GitError::gix(format!("read {oid}")))?;
                found.ok_or_else(unknown)?
            }
            None => {
                let found = self.gix.rev_parse_single(revision).map_err(|_| unknown())?;
                found.object().map_err(GitError::gix(format!("read {found}")))?
            }
        };
        let commit = object.peel_to_commit().map_err(|_| unknown())?;
        Ok(commit.id)
    }
}

/// gix's settings for reading checkouts, over those of the person.
const SETTINGS: [&str; 2] = [
    // Two edits within a second differ in less than a second; gix compares seconds if not told.
    "gitoxide.core.useNsec=true",
    // What a warning about line ends would say is no reason not to read a file.
    "core.safecrlf=false",
];

/// How repositories are opened: with the person's own configuration.
#[cfg(not(test))]
fn options() -> gix::open::Options {
    gix::open::Options::default().config_overrides(SETTINGS)
}

/// How repositories are opened in tests: without the configuration of whoever runs them.
#[cfg(test)]
fn options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides(SETTINGS)
}
