//! `conflicts` without revisions: whether the work of all parties fits together, uncommitted edits included.

use std::collections::BTreeMap;

use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::lease::Lease;
use crate::domain::lease::Phase;
use crate::domain::region::Region;
use crate::git::BString;
use crate::git::error::GitError;
use crate::git::memory::Memory;
use crate::git::merge::Conflict;
use crate::git::repo::Repo;
use crate::guard::lines;
use crate::guard::lines::Versions;
use crate::ledger::local;
use crate::merge::makers::Maker;
use crate::merge::makers::Makers;
use crate::merge::matrix::Matrix;
use crate::merge::matrix::Pair;
use crate::merge::matrix::Verdict;
use crate::merge::party;
use crate::merge::party::Party;
use crate::merge::party::PartyKind;
use crate::merge::party::Standing;

use super::super::Context;
use super::super::Outcome;
use super::super::session::Session;
use super::screen;

/// One party, for programs.
#[derive(Debug, serde::Serialize)]
pub struct PartyRow {
    /// How it is called.
    pub name: String,
    /// `task`, `checkout` or `target`.
    pub kind: &'static str,
    /// Who works there, as far as known.
    pub holder: Option<String>,
    /// Its folder.
    pub path: Option<std::path::PathBuf>,
    /// The branch that it is on, in full.
    pub branch: Option<String>,
    /// The commit that it is at.
    pub head: Option<String>,
    /// What is in no commit.
    pub uncommitted: Vec<Edit>,
    /// Why nothing is known of it.
    pub unknown: Option<String>,
}

/// One uncommitted path, for programs.
#[derive(Debug, serde::Serialize)]
pub struct Edit {
    /// The path, made safe to show.
    pub path: String,
    /// Index and HEAD differ.
    pub staged: bool,
    /// The checkout and the index differ.
    pub unstaged: bool,
    /// git does not know it.
    pub untracked: bool,
    /// A repository of its own, with changes inside that do not count here.
    pub inside: bool,
}

/// Two parties that are not simply clean, for programs.
#[derive(Debug, serde::Serialize)]
pub struct PairRow {
    /// One party's name: ours in the hunks.
    pub one: String,
    /// The other's: theirs.
    pub other: String,
    /// `touched`, `conflict` or `unknown`.
    pub verdict: &'static str,
    /// Files that both changed, each in its own way.
    pub touched: Vec<String>,
    /// What a person has to settle.
    pub conflicts: Vec<ConflictRow>,
    /// Why nobody knows.
    pub unknown: Option<String>,
}

/// One file that a person has to settle, for programs.
#[derive(Debug, serde::Serialize)]
pub struct ConflictRow {
    /// The path, made safe to show.
    pub path: String,
    /// The kind, as `conflicts A B` names it.
    pub kind: &'static str,
    /// The same for people.
    pub why: String,
    /// The places where both sides want different lines.
    pub hunks: Vec<HunkRow>,
    /// Who made one's side; nothing when that cannot be told.
    pub ours_by: Option<Maker>,
    /// Who made the other's side.
    pub theirs_by: Option<Maker>,
    /// The live leases that cover the path.
    pub leases: Vec<LeaseRow>,
}

/// One place in a file, for programs.
#[derive(Debug, serde::Serialize)]
pub struct HunkRow {
    /// The first line, in one's file.
    pub ours_line: usize,
    /// The first line, in the other's file.
    pub theirs_line: usize,
    /// The lines that were there.
    pub base: String,
    /// One's lines.
    pub ours: String,
    /// The other's lines.
    pub theirs: String,
}

/// A lease that covers a path, for programs.
#[derive(Debug, serde::Serialize)]
pub struct LeaseRow {
    /// The task.
    pub task: String,
    /// Its holder.
    pub holder: String,
    /// The region.
    pub region: String,
    /// Active or parked.
    pub phase: Phase,
}

/// The whole answer.
#[derive(Debug, serde::Serialize)]
pub struct Answer {
    /// The worst verdict of all.
    pub verdict: &'static str,
    /// All parties, the target first.
    pub parties: Vec<PartyRow>,
    /// The pairs that are not simply clean.
    pub pairs: Vec<PairRow>,
    /// How many pairs are.
    pub clean: usize,
}

/// Judges all parties and the target, or what `against` names in its place.
///
/// # Errors
/// When the ledger or the worktrees cannot be read, or `against` names no commit.
pub fn run(context: &Context<'_>, against: Option<&str>) -> Result<Outcome, Failure> {
    let session = Session::open(context)?;
    let book = session.ledger().read()?.book;
    // Attributes are read from a checkout: from the same one, wherever this was called.
    let main = if session.repo.is_linked() { Repo::open(&session.home)? } else { session.repo.clone() };
    let mut memory = Memory::over(&main);
    let matrix = judged(&session, &book, against, &mut memory)?;
    let answer = answer(&matrix, memory.repo(), &book)?;
    let code = match matrix.worst() {
        Verdict::Clean | Verdict::Touched => 0,
        Verdict::Conflict => 4,
        Verdict::Unknown => 1,
    };
    Ok(Outcome { code, ..Outcome::new(screen::page(&answer), &answer) })
}

/// The matrix at this moment. What is in no commit is in `memory`.
///
/// # Errors
/// When the worktrees cannot be read, or `against` names no commit.
pub fn judged(
    session: &Session,
    book: &LeaseBook,
    against: Option<&str>,
    memory: &mut Memory,
) -> Result<Matrix, Failure> {
    let mut parties = vec![target(session, against)?];
    parties.extend(party::gather(&session.repo, book.leases(), memory)?);
    Ok(Matrix::of(parties, memory, &local::folder(&session.repo))?)
}

fn target(session: &Session, against: Option<&str>) -> Result<Party, Failure> {
    let repo = &session.repo;
    let (name, branch, commit) = match against {
        Some(revision) => (revision.to_owned(), None, repo.commit_called(revision)?),
        None => {
            let branch = session.target()?;
            let name = branch.strip_prefix("refs/heads/").unwrap_or(&branch).to_owned();
            let commit = repo.reference(&branch)?.ok_or_else(|| GitError::NoCommit(name.clone()))?;
            (name, Some(branch), commit)
        }
    };
    let state = Standing::committed(repo, commit).map_err(|error| party::reason(&error));
    let name = text::visible(name.as_bytes());
    Ok(Party { name, kind: PartyKind::Target, holder: None, path: None, branch, state })
}

fn answer(matrix: &Matrix, repo: &Repo, book: &LeaseBook) -> Result<Answer, GitError> {
    let mut makers = Makers::of(repo);
    let mut pairs = Vec::new();
    for pair in &matrix.pairs {
        pairs.push(pair_row(pair, matrix, repo, book, &mut makers)?);
    }
    let count = matrix.parties.len();
    Ok(Answer {
        verdict: matrix.worst().name(),
        parties: matrix.parties.iter().map(party_row).collect(),
        clean: count * count.saturating_sub(1) / 2 - pairs.len(),
        pairs,
    })
}

fn party_row(party: &Party) -> PartyRow {
    let standing = party.state.as_ref().ok();
    let edits = standing.map(|standing| standing.uncommitted.as_slice()).unwrap_or_default();
    PartyRow {
        name: party.name.clone(),
        kind: match party.kind {
            PartyKind::Task(_) => "task",
            PartyKind::Checkout => "checkout",
            PartyKind::Target => "target",
        },
        holder: party.holder.clone(),
        path: party.path.clone(),
        branch: party.branch.clone(),
        head: standing.map(|standing| standing.head.to_string()),
        uncommitted: edits
            .iter()
            .map(|edit| Edit {
                path: text::visible(&edit.path),
                staged: edit.staged,
                unstaged: edit.unstaged,
                untracked: edit.untracked,
                inside: edit.inside,
            })
            .collect(),
        unknown: party.state.as_ref().err().cloned(),
    }
}

fn pair_row(
    pair: &Pair,
    matrix: &Matrix,
    repo: &Repo,
    book: &LeaseBook,
    makers: &mut Makers<'_>,
) -> Result<PairRow, GitError> {
    let (one, other) = (&matrix.parties[pair.one], &matrix.parties[pair.other]);
    let mut conflicts = Vec::new();
    for conflict in &pair.conflicts {
        let paths: Vec<&BString> = std::iter::once(&conflict.path).chain(&conflict.listed).collect();
        let mut by = |party: &Party| match &party.state {
            Ok(standing) => makers.find(standing, &pair.bases, &paths),
            Err(_) => Ok(None),
        };
        let (ours_by, theirs_by) = (by(one)?, by(other)?);
        conflicts.push(ConflictRow {
            path: text::visible(&conflict.path),
            kind: conflict.kind.name(),
            why: conflict.kind.to_string(),
            hunks: hunks(repo, conflict)?,
            ours_by,
            theirs_by,
            leases: leases(repo, book, conflict)?,
        });
    }
    Ok(PairRow {
        one: one.name.clone(),
        other: other.name.clone(),
        verdict: pair.verdict.name(),
        touched: pair.touched.iter().map(|path| text::visible(path)).collect(),
        conflicts,
        unknown: pair.reason.clone(),
    })
}

fn hunks(repo: &Repo, conflict: &Conflict) -> Result<Vec<HunkRow>, GitError> {
    let rows = repo.conflict_hunks(conflict)?.into_iter().map(|hunk| HunkRow {
        ours_line: hunk.ours.first_line,
        theirs_line: hunk.theirs.first_line,
        base: text::visible_lines(&hunk.base.text),
        ours: text::visible_lines(&hunk.ours.text),
        theirs: text::visible_lines(&hunk.theirs.text),
    });
    Ok(rows.collect())
}

/// The live leases that cover a conflict, each once: of leased lines, those that one of its hunks is about.
fn leases(repo: &Repo, book: &LeaseBook, conflict: &Conflict) -> Result<Vec<LeaseRow>, GitError> {
    let covering: Vec<(&Lease, &Region)> = book.covering(&conflict.path).collect();
    let disputed = match covering.iter().any(|(_, region)| region.lines().is_some()) {
        true => lines::disputed(repo, conflict)?,
        false => None,
    };
    let mut found = BTreeMap::new();
    for (lease, region) in covering {
        let is_about = disputed.as_ref().is_none_or(|disputed| {
            // What cannot be told counts: it may be about these lines.
            let among = Versions(repo).among(lease, region, disputed);
            among.map_or(true, |among| among.contains(&true))
        });
        if is_about {
            found.entry(lease.task.clone()).or_insert_with(|| LeaseRow {
                task: lease.task.to_string(),
                holder: lease.holder.to_string(),
                region: region.text().to_owned(),
                phase: lease.phase,
            });
        }
    }
    Ok(found.into_values().collect())
}
