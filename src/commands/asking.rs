//! Asking whether files may be written, before they are: the one judgement of `check` and of an agent's own hook.

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::anchor::Met;
use crate::domain::book::LeaseBook;
use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::domain::lease::Lease;
use crate::domain::refused::Refused;
use crate::domain::region::Region;
use crate::domain::region::RegionSet;
use crate::domain::region_error::Fault;
use crate::domain::span::Edit;
use crate::domain::span::Span;
use crate::git::BString;
use crate::git::Oid;
use crate::git::live::Side;
use crate::git::objects::EntryKind;
use crate::git::paths;
use crate::guard::lines::Versions;

/// What is asked about: a file, or some of its lines.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The file, from the top of the checkout.
    pub path: BString,
    /// Its lines as they are in the checkout now; none for any of them.
    pub lines: Vec<Span>,
}

/// A path that cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum BadPath {
    /// It is in another checkout, or in none.
    #[error("{0} is outside this checkout")]
    Outside(String),
    /// A folder is no file.
    #[error("{0} is a folder: name files")]
    Folder(String),
    /// The lines are none.
    #[error("{path} has no such lines: {fault}")]
    Lines {
        /// The file.
        path: String,
        /// What is wrong with them.
        fault: Fault,
    },
}

impl Explain for BadPath {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

/// A path as git writes it, from what was typed in a folder.
///
/// # Errors
/// When it is not in this checkout, or is a folder.
pub fn inside(checkout: &Path, folder: &Path, path: &Path) -> Result<BString, Failure> {
    let mut whole = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    // The folder may have been reached by a link that git knows nothing of.
    let below = whole.strip_prefix(checkout).map(Path::to_owned).or_else(|_| {
        let real = |path: &Path| path.canonicalize();
        let above = whole.parent().and_then(|above| real(above).ok()).zip(whole.file_name());
        let whole = above.map_or_else(|| whole.clone(), |(above, name)| above.join(name));
        whole.strip_prefix(real(checkout).unwrap_or_else(|_| checkout.to_owned())).map(Path::to_owned)
    });
    let outside = || BadPath::Outside(text::visible(path.to_string_lossy().as_bytes()));
    let below = below.map_err(|_| outside())?;
    if below.as_os_str().is_empty() || checkout.join(&below).is_dir() {
        return Err(BadPath::Folder(text::visible(path.to_string_lossy().as_bytes())).into());
    }
    Ok(paths::to_git(&below)?)
}

/// What is asked about, and what the caller's checkout has there.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// What is asked about.
    pub asked: &'a Asked,
    /// The checkout's commit, if it has one.
    pub head: Option<Oid>,
    /// What is at its path now.
    pub here: Side,
}

impl Seen<'_> {
    /// How an edit of what is asked about would stand to leased lines. Of the whole file it may be about any line.
    fn met(&self, lease: &Lease, region: &Region, versions: Versions<'_>) -> Met {
        let (Some((path, span)), Some((EntryKind::Blob | EntryKind::BlobExecutable, blob))) =
            (region.lines(), self.here)
        else {
            return Met::Path;
        };
        let here = match versions.carried_to(path, span, &lease.base, blob, self.head) {
            Ok(here) => here,
            Err(why) => return Met::File(why),
        };
        let edits: Vec<Edit> = self.asked.lines.iter().map(|lines| Edit::replacing(*lines)).collect();
        match edits.is_empty() || here.is_touched(&edits) {
            true => Met::Lines(here),
            false => Met::Apart,
        }
    }
}

/// Judges whether the leases let the caller write all that is asked about, each path asked about once.
///
/// # Errors
/// As for [`LeaseBook::judge_lines`].
pub fn judged(
    book: &LeaseBook,
    actor: &Actor,
    commons: &RegionSet,
    now: Timestamp,
    seen: &[Seen<'_>],
    versions: Versions<'_>,
) -> Result<Judgement, Refused> {
    let mut met = |lease: &Lease, region: &Region, path: &[u8]| -> Result<Met, Refused> {
        let of_path = seen.iter().find(|seen| seen.asked.path == path);
        Ok(of_path.map_or(Met::Path, |seen| seen.met(lease, region, versions)))
    };
    let paths = seen.iter().map(|seen| seen.asked.path.as_slice());
    book.judge_lines(actor, paths, commons, now, &mut met)
}
