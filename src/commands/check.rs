//! `check`: before an edit: may I write here, and does somebody else have changes there.

use std::path::Path;
use std::path::PathBuf;

use crate::base::failure::Failure;
use crate::base::page::Label;
use crate::base::page::Page;
use crate::base::text;
use crate::domain::judge::Actor;
use crate::domain::refused::Obstacle;
use crate::domain::refused::Refused;
use crate::domain::region::RegionSet;
use crate::domain::span::Span;
use crate::git::BStr;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::live::Side;
use crate::git::memory::Memory;
use crate::git::repo::Repo;
use crate::guard::lines::Versions;
use crate::ledger::state::State;
use crate::merge::excerpt::excerpt;
use crate::merge::look;
use crate::merge::look::Look;
use crate::merge::look::Theirs;
use crate::merge::look::Viewer;
use crate::merge::party;

use super::Context;
use super::Outcome;
use super::asking;
use super::asking::Asked;
use super::asking::BadPath;
use super::asking::Seen;
use super::asking::inside;
use super::session::Session;

/// Say before an edit whether you may write there, and who else has changes there.
#[derive(Debug, Clone, clap::Args)]
pub struct Check {
    /// Files, which need not exist yet; of one that exists also some lines, as path#L10-L20
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// What there is to say of one path.
#[derive(Debug, serde::Serialize)]
pub struct Row {
    /// The path, from the top of the checkout; made safe to show.
    pub path: String,
    /// The lines that were asked about; nothing for the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// `free`, `held`, `conflict` or `unknown`.
    pub verdict: &'static str,
    /// Whether the leases let the caller write.
    pub may_write: bool,
    /// The leases that do not, and parked work that covers the path. Of leased lines each says which they are here.
    pub leases: Vec<Obstacle>,
    /// Others who have changes there.
    pub others: Vec<Other>,
    /// Parties of which it could not be found out, and why.
    pub unknown: Vec<String>,
}

/// Somebody else's changes.
#[derive(Debug, serde::Serialize)]
pub struct Other {
    /// The party: a task, a checkout's folder, or the target.
    pub party: String,
    /// Who works there, as far as known.
    pub holder: Option<String>,
    /// `added`, `changed` or `deleted`.
    pub change: &'static str,
    /// Whether it is in no commit yet.
    pub uncommitted: bool,
    /// The kinds of conflict with what the caller has; nothing when the caller changed nothing there.
    pub conflicts: Option<Vec<&'static str>>,
    /// The changed lines, cut to a size; nothing for what has none.
    pub diff: Option<String>,
}

impl Check {
    /// Looks at each path in each checkout.
    ///
    /// # Errors
    /// When the ledger or the worktrees cannot be read, a path is outside, or the caller's fence is old.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let session = Session::open(context)?;
        let checkout = session.repo.need_checkout()?;
        let asked: Vec<Asked> =
            self.paths.iter().map(|path| asked(checkout, &context.folder, path)).collect::<Result<_, _>>()?;
        let state = session.ledger().read()?;
        let actor = session.actor(context)?;
        let commons = session.commons()?;
        let target = target(&session);
        let target = target.as_ref().map(|(name, commit)| (name.as_str(), *commit));
        let viewers = look::viewers(&session.repo, state.book.leases(), target)?;
        let mut memory = Memory::over(&session.repo);
        let mut rows = Vec::new();
        for asked in &asked {
            let path = asked.path.as_bstr();
            let mut row = Row {
                path: text::visible(path),
                lines: asked.lines.first().map(ToString::to_string),
                verdict: "free",
                may_write: true,
                leases: Vec::new(),
                others: Vec::new(),
                unknown: Vec::new(),
            };
            let mut here = None;
            let head = session.repo.head()?.commit();
            if let Some(head) = head {
                let look = Look { repo: &session.repo, folder: Some(checkout), head };
                match look.ours(path, &mut memory) {
                    Ok(ours) => {
                        others(&look, &viewers, path, ours, &mut memory, &mut row);
                        here = ours;
                    }
                    Err(error) => row.unknown.push(format!("this checkout: {}", party::reason(&error))),
                }
            }
            let (seen, versions) = (Seen { asked, head, here }, Versions(memory.repo()));
            (row.may_write, row.leases) = judged(&session, &state, &actor, &commons, &seen, versions)?;
            row.verdict = row.judged();
            rows.push(row);
        }
        let code = rows.iter().map(Row::code).max_by_key(|code| weight(*code)).unwrap_or(0);
        Ok(Outcome { code, ..Outcome::new(page(&rows), &serde_json::json!({ "paths": rows })) })
    }
}

/// Held counts more than a conflict, and both more than what nobody knows.
fn weight(code: u8) -> u8 {
    match code {
        3 => 3,
        4 => 2,
        0 => 0,
        _ => 1,
    }
}

impl Row {
    fn judged(&self) -> &'static str {
        let conflicts = |other: &Other| other.conflicts.as_ref().is_some_and(|kinds| !kinds.is_empty());
        match self {
            Row { may_write: false, .. } => "held",
            Row { others, .. } if others.iter().any(conflicts) => "conflict",
            Row { unknown, .. } if !unknown.is_empty() => "unknown",
            Row { .. } => "free",
        }
    }

    fn code(&self) -> u8 {
        match self.verdict {
            "held" => 3,
            "conflict" => 4,
            "unknown" => 1,
            _ => 0,
        }
    }
}

/// The target and its commit, where there is one.
fn target(session: &Session) -> Option<(String, Oid)> {
    let branch = session.target().ok()?;
    let commit = session.repo.reference(&branch).ok().flatten()?;
    Some((branch.strip_prefix("refs/heads/").unwrap_or(&branch).to_owned(), commit))
}

/// What was typed: a path, with lines if they are written after it and no file has that name.
fn asked(checkout: &Path, folder: &Path, typed: &Path) -> Result<Asked, Failure> {
    let whole = || Ok(Asked { path: inside(checkout, folder, typed)?, lines: Vec::new() });
    let Some((path, lines)) = typed.to_str().and_then(|text| text.rsplit_once('#')) else { return whole() };
    let is_meant =
        lines.strip_prefix('L').is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    if !is_meant || folder.join(typed).symlink_metadata().is_ok() {
        return whole();
    }
    let lines =
        Span::parse(lines).map_err(|fault| BadPath::Lines { path: text::visible(path.as_bytes()), fault })?;
    Ok(Asked { path: inside(checkout, folder, Path::new(path))?, lines: vec![lines] })
}

/// Whether the leases let the caller write, and those that matter.
fn judged(
    session: &Session,
    state: &State,
    actor: &Actor,
    commons: &RegionSet,
    seen: &Seen<'_>,
    versions: Versions<'_>,
) -> Result<(bool, Vec<Obstacle>), Refused> {
    match asking::judged(&state.book, actor, commons, session.now, std::slice::from_ref(seen), versions) {
        Ok(judgement) => Ok((true, judgement.parked)),
        Err(Refused::Trespass(obstacles)) => Ok((false, obstacles)),
        Err(refused) => Err(refused),
    }
}

fn others(look: &Look<'_>, viewers: &[Viewer], path: &BStr, ours: Side, memory: &mut Memory, row: &mut Row) {
    for (place, viewer) in viewers.iter().enumerate() {
        let told = look
            .theirs(place, viewer, path, ours, memory)
            .and_then(|theirs| theirs.map(|theirs| told(viewer, &theirs, memory.repo())).transpose());
        match told {
            Ok(other) => row.others.extend(other),
            Err(error) => row.unknown.push(format!("{}: {}", viewer.name, party::reason(&error))),
        }
    }
}

fn told(viewer: &Viewer, theirs: &Theirs, repo: &Repo) -> Result<Other, GitError> {
    let kinds = theirs.conflicts.as_ref();
    Ok(Other {
        party: viewer.name.clone(),
        holder: viewer.holder.clone(),
        change: match (theirs.base, theirs.now) {
            (None, _) => "added",
            (_, None) => "deleted",
            _ => "changed",
        },
        uncommitted: theirs.uncommitted,
        conflicts: kinds.map(|found| found.iter().map(|conflict| conflict.kind.name()).collect()),
        diff: excerpt(repo, theirs.base, theirs.now)?,
    })
}

fn page(rows: &[Row]) -> Page {
    let mut page = Page::default();
    for row in rows {
        let (label, word) = match row.verdict {
            "free" => (Label::Good, "free"),
            "held" => (Label::Bad, "held"),
            "conflict" => (Label::Bad, "conflict"),
            _ => (Label::Warn, "unknown"),
        };
        page.put(label, word).put(Label::Plain, " ").put(Label::Place, &row.path);
        if let Some(lines) = &row.lines {
            page.put(Label::Plain, format!(", {lines}"));
        }
        page.end();
        for lease in &row.leases {
            page.line(Label::Plain, format!("  {}", lease.line()));
        }
        if row.lines.is_none() && !row.may_write && row.leases.iter().all(|lease| lease.lines.is_some()) {
            let ask = format!("  of other lines ask: git odyssey check '{}#L1-L2'", row.path);
            page.line(Label::Quiet, ask);
        }
        for other in &row.others {
            other.put(&mut page);
        }
        for reason in &row.unknown {
            page.put(Label::Bad, "  unknown ").put(Label::Plain, reason).end();
        }
    }
    page
}

impl Other {
    fn put(&self, page: &mut Page) {
        page.put(Label::Plain, "  ").put(Label::Name, &self.party);
        if let Some(holder) = &self.holder {
            page.put(Label::Plain, " (").put(Label::Person, holder).put(Label::Plain, ")");
        }
        page.put(Label::Plain, format!(" {} it", self.change));
        page.put(Label::Quiet, if self.uncommitted { ", uncommitted" } else { "" });
        match &self.conflicts {
            Some(kinds) if !kinds.is_empty() => {
                page.put(Label::Bad, format!(": conflicts with your changes ({})", kinds.join(", ")));
            }
            Some(_) => drop(page.put(Label::Plain, ": merges with your changes")),
            None => {}
        }
        page.end();
        for line in self.diff.iter().flat_map(|diff| diff.lines()) {
            page.line(Label::Quiet, format!("    {line}"));
        }
    }
}
