//! What a workspace has for its own: a port, and a name that databases and containers can be called by.

use std::path::Path;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::lock::Lock;
use crate::domain::policy::pool::Ports;
use crate::domain::task::TaskName;
use crate::git::error::GitError;
use crate::git::repo::Repo;

use super::copy;

/// The file in a workspace's notes that says which port is its own.
const PORT: &str = "port";

/// A workspace's own port and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The task.
    task: String,
    /// The task's name in small letters, digits and `-`.
    pub slug: String,
    /// Its port, if it was given one.
    pub port: Option<u16>,
}

/// Why a workspace gets no port.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// All are taken.
    #[error("no port from {} to {} is free", .0.first, .0.last)]
    NoPort(Ports),
    /// The other workspaces cannot be listed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// It cannot be noted.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for OwnError {
    fn hints(&self) -> Vec<String> {
        match self {
            OwnError::NoPort(_) => {
                vec!["end tasks that are done, or name more in odyssey.toml: [workspace] ports".to_owned()]
            }
            OwnError::Git(error) => error.hints(),
            OwnError::File(error) => error.hints(),
        }
    }
}

impl Own {
    /// What a workspace has now. A port that cannot be read is none.
    pub fn of(task: &TaskName, workspace: &Path) -> Own {
        let file = copy::notes(workspace).ok().flatten().map(|notes| notes.join(PORT));
        let port = file.and_then(|file| read(&file).ok().flatten());
        Own { task: task.to_string(), slug: slug(task.as_str()), port }
    }

    /// The same, with a port that no other workspace of the repository has and that nobody listens at now.
    ///
    /// # Errors
    /// When none is free, or it cannot be noted.
    pub fn with_port(
        self,
        repo: &Repo,
        workspace: &Path,
        ports: Ports,
        lock: &Path,
    ) -> Result<Own, OwnError> {
        if self.port.is_some() {
            return Ok(self);
        }
        let Some(notes) = copy::notes(workspace)? else { return Ok(self) };
        let _lock = Lock::wait(lock)?;
        let mut taken = Vec::new();
        for worktree in repo.worktrees()? {
            taken.extend(read(&copy::notes_in(&worktree.private_dir).join(PORT))?);
        }
        let many = usize::from(ports.last - ports.first) + 1;
        // The same task finds its port again, if it can.
        let first =
            self.slug.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte)) % many;
        let all: Vec<u16> = ports.range().collect();
        let free = |port: &u16| !taken.contains(port) && is_quiet(*port);
        let port = all[first..].iter().chain(&all[..first]).copied().find(free);
        let port = port.ok_or(OwnError::NoPort(ports))?;
        atomic::put(&notes.join(PORT), port.to_string().as_bytes())?;
        Ok(Own { port: Some(port), ..self })
    }

    /// A text with `{port}`, `{slug}` and `{task}` in it, as it is for this workspace. All else stays as it is.
    pub fn put_into(&self, text: &str) -> String {
        let text = text.replace("{slug}", &self.slug).replace("{task}", &self.task);
        match self.port {
            Some(port) => text.replace("{port}", &port.to_string()),
            None => text,
        }
    }
}

/// Whether a text asks for a port.
pub fn asks_for_port(text: &str) -> bool {
    text.contains("{port}")
}

fn read(file: &Path) -> Result<Option<u16>, FileError> {
    let text = atomic::read(file)?;
    Ok(text.and_then(|text| std::str::from_utf8(&text).ok()?.trim().parse().ok()))
}

/// Whether nobody listens at a port of this machine now.
fn is_quiet(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn slug(task: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }
    };
    task.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_workspaces_own_is_put_into_a_text() {
        let own = Own { task: "Fix_db.2".into(), slug: slug("Fix_db.2"), port: Some(4_001) };
        let text = "URL=http://localhost:{port}/{slug}?t={task}&x={other}${HOME}{ port }";
        let made = "URL=http://localhost:4001/fix-db-2?t=Fix_db.2&x={other}${HOME}{ port }";
        assert_eq!(own.put_into(text), made);
        let without = Own { port: None, ..own };
        assert_eq!(without.put_into("{port} {slug}"), "{port} fix-db-2");
        assert!(asks_for_port("a {port}") && !asks_for_port("a {slug} port"));
    }
}
