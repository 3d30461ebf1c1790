//! The queue of those who wait for regions: first come, first served, and whoever dies leaves it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::base::atomic;
use crate::base::atomic::FileError;
use crate::base::lock::Lock;
use crate::domain::anchor::AnchoredSet;
use crate::domain::lease;
use crate::domain::region::Case;
use crate::domain::region::RegionSet;
use crate::domain::span::Lines;
use crate::domain::task::TaskName;

use super::codec;

/// A place in the queue. The number is in the file's name; the lock on it says that its owner lives.
#[derive(Debug)]
pub struct Ticket {
    queue: PathBuf,
    path: PathBuf,
    number: u64,
    regions: RegionSet,
    base: Option<String>,
    case: Case,
    _lock: Lock,
}

/// What a ticket is for, as it is written into its file.
#[derive(serde::Serialize, serde::Deserialize)]
struct Wanted {
    regions: Vec<String>,
    sets: BTreeMap<String, Vec<String>>,
    /// The commit that lines are counted at; nothing for where the target is when it is granted.
    #[serde(default)]
    base: Option<String>,
}

impl Ticket {
    /// Draws the next number. `base` is the commit that the claim starts from, in hexadecimal, if it is not the target's.
    ///
    /// # Errors
    /// When the queue's folder cannot be written.
    pub fn draw(
        folder: &Path,
        task: &TaskName,
        regions: &RegionSet,
        base: Option<String>,
        case: Case,
    ) -> Result<Ticket, FileError> {
        let queue = folder.join("queue");
        let _turn = Lock::wait(&folder.join("lock").join("queue"))?;
        let number = numbers(&queue)?.into_iter().map(|(number, _)| number).max().unwrap_or(0) + 1;
        let path = queue.join(format!("{number:010}-{task}"));
        let lock = Lock::wait(&path)?;
        let (texts, sets) = codec::written(regions);
        let wanted =
            serde_json::to_vec(&Wanted { regions: texts, sets, base: base.clone() }).unwrap_or_default();
        // In place: the lock is on this very file. Nobody reads it before the number is given out.
        atomic::fill(&path, &wanted)?;
        Ok(Ticket { queue, path, number, regions: regions.clone(), base, case, _lock: lock })
    }

    /// The ticket of somebody who came before, lives, and waits for some of the same; nothing when it is our turn.
    ///
    /// `target` is the commit that claims start from if they name no other; `lines` tells of lines of one file whether
    /// they are the same.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn before(&self, target: &str, lines: &dyn Lines) -> Result<Option<PathBuf>, FileError> {
        for (_, path) in numbers(&self.queue)?.into_iter().filter(|(number, _)| *number < self.number) {
            if !self.meets(&path, target, lines)? {
                continue;
            }
            match Lock::attempt(&path)? {
                // Its owner has died.
                Some(_) => atomic::remove(&path)?,
                None => return Ok(Some(path)),
            }
        }
        Ok(None)
    }

    /// Whether a ticket is for some of the same; what cannot be understood is.
    fn meets(&self, path: &Path, target: &str, lines: &dyn Lines) -> Result<bool, FileError> {
        let Some(bytes) = atomic::read(path)? else { return Ok(false) };
        let Ok(wanted) = serde_json::from_slice::<Wanted>(&bytes) else { return Ok(true) };
        let texts = wanted.regions.iter().map(String::as_str);
        let Ok(regions) = lease::regions_from(texts, &wanted.sets, self.case) else { return Ok(true) };
        let theirs = AnchoredSet { regions: &regions, base: wanted.base.as_deref().unwrap_or(target) };
        let mine = AnchoredSet { regions: &self.regions, base: self.base.as_deref().unwrap_or(target) };
        Ok(mine.meets(theirs, lines))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // What stays here by a kill is removed by the next in the queue.
        let _ = fs::remove_file(&self.path);
    }
}

fn numbers(queue: &Path) -> Result<Vec<(u64, PathBuf)>, FileError> {
    let failed = |source| FileError::new("read", queue, source);
    let entries = match fs::read_dir(queue) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(number) = name.split('-').next().and_then(|number| number.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}
