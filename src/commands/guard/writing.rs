//! Writing: judges the files that an agent is about to write, each in the checkout that it is in.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::agents::Answer;
use crate::agents::Edit;
use crate::agents::patch;
use crate::agents::shell;
use crate::base::atomic;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::domain::leases::Leases;
use crate::domain::refused::Refused;
use crate::domain::span::Span;
use crate::domain::task::TaskName;
use crate::git::ByteSlice;
use crate::git::live::Side;
use crate::git::memory::Memory;
use crate::git::paths;
use crate::guard::lines::Versions;
use crate::ledger::error::LedgerError;
use crate::ledger::shelf::Shelf;
use crate::merge::look::Look;
use crate::workspace::copy;

use super::super::Context;
use super::super::accepting;
use super::super::asking;
use super::super::asking::Asked;
use super::super::asking::Seen;
use super::super::overriding;
use super::super::renew;
use super::super::session::Session;
use super::places;
use super::places::Bound;
use super::turns;

/// A file that is about to be written.
struct Target {
    path: PathBuf,
    /// Whether its name is, and not its content.
    name: bool,
    /// The texts that are replaced in it.
    replaced: Vec<String>,
}

/// What an agent in a workspace does not do, whoever holds what.
#[derive(Debug, thiserror::Error)]
enum NoWay {
    #[error("{path} is outside of the workspace of {task}, which is {}", .top.display())]
    Outside { path: String, task: TaskName, top: PathBuf },
    #[error("{0} is in git's own folder")]
    GitFolder(String),
    #[error("{path} is the workspace of {task}, with work that may be nowhere else")]
    Workspace { path: String, task: TaskName },
    #[error("{0} would switch off the hooks that keep tasks out of each other's way")]
    Silences(String),
}

impl Explain for NoWay {
    fn kind(&self) -> Kind {
        Kind::Held
    }

    fn hints(&self) -> Vec<String> {
        match self {
            NoWay::Outside { .. } => vec![
                "write inside of the workspace; what it lacks of others' work comes with: git odyssey sync"
                    .to_owned(),
            ],
            NoWay::GitFolder(_) => {
                vec!["use git's own commands; hooks and leases are not for editing".to_owned()]
            }
            NoWay::Workspace { task, .. } => {
                vec![format!(
                    "end it so that nothing is lost: git odyssey land {task}, or git odyssey abandon {task}"
                )]
            }
            NoWay::Silences(_) => vec![
                "leave that out; if a hook refuses what is right, say so and let a person decide".to_owned(),
            ],
        }
    }
}

/// Judges the edits of a tool.
///
/// # Errors
/// When that cannot be judged.
pub fn edits(context: &Context<'_>, edits: &[Edit], hears: bool) -> Result<Answer, Failure> {
    let targets = edits.iter().map(|edit| Target {
        path: context.folder.join(&edit.path),
        name: false,
        replaced: edit.replaced.clone(),
    });
    judged(context, targets.collect(), hears)
}

/// Judges a command.
///
/// # Errors
/// When that cannot be judged.
pub fn command(context: &Context<'_>, command: &str, hears: bool) -> Result<Answer, Failure> {
    let writes = shell::writes(command, &context.folder, context.home.as_deref());
    if let Some(how) = &writes.silences
        && is_in_use(context)?
    {
        return Ok(Answer::Deny(super::reason(&NoWay::Silences(how.clone()).into())));
    }
    for path in &writes.worktrees {
        if let Some((task, _)) = copy::workspace(&places::real(path, true)?)? {
            let path = shown(path);
            return Ok(Answer::Deny(super::reason(&NoWay::Workspace { path, task }.into())));
        }
    }
    let mut targets: Vec<Target> = writes
        .files
        .into_iter()
        .map(|file| Target { path: file.path, name: file.name, replaced: Vec::new() })
        .collect();
    for one in writes.patches {
        // What cannot be read cannot be applied either.
        let Ok(Some(bytes)) = atomic::read(&one.file) else { continue };
        let named = patch::of_diff(&bytes.to_str_lossy(), one.strip);
        targets.extend(named.into_iter().map(|path| Target {
            path: one.folder.join(path),
            name: true,
            replaced: Vec::new(),
        }));
    }
    judged(context, targets, hears)
}

/// Whether git odyssey is in use where the agent is.
fn is_in_use(context: &Context<'_>) -> Result<bool, Failure> {
    match places::top_of(&places::real(&context.folder, true)?) {
        Some(top) => Ok(Session::open(&context.at(&top))?.ledger().is_prepared()?),
        None => Ok(false),
    }
}

fn judged(context: &Context<'_>, targets: Vec<Target>, hears: bool) -> Result<Answer, Failure> {
    let bound = Bound::of(context)?;
    match writing(context, bound.as_ref(), targets, hears) {
        Ok(told) if told.is_empty() => Ok(Answer::Pass(None)),
        Ok(told) => Ok(Answer::Pass(Some(told.join("\n")))),
        Err(failure) if matches!(failure.kind(), Kind::Held | Kind::Fenced) => {
            Ok(Answer::Deny(super::reason(&failure)))
        }
        Err(failure) => Err(failure),
    }
}

/// How many files of a folder that goes as a whole are looked at.
const MOST_BELOW: usize = 2_000;

/// Judges all targets, and answers what the agent should know.
fn writing(
    context: &Context<'_>,
    bound: Option<&Bound>,
    targets: Vec<Target>,
    hears: bool,
) -> Result<Vec<String>, Failure> {
    let mut groups: BTreeMap<PathBuf, Vec<Target>> = BTreeMap::new();
    for target in targets {
        let path = places::real(&target.path, !target.name)?;
        if let Some(bound) = bound.filter(|bound| bound.shares(&path)) {
            return Err(git_folder(&bound.top, &path).into());
        }
        let Some(top) = places::top_of(&path) else { continue };
        if path == top && target.name {
            // The whole checkout goes.
            if let Some((task, _)) = copy::workspace(&top)? {
                return Err(NoWay::Workspace { path: shown(&path), task }.into());
            }
        }
        groups.entry(top).or_default().push(Target { path, ..target });
    }
    let mut told = Vec::new();
    for (top, targets) in groups {
        told.extend(Writer { context: &context.at(&top), bound, top: &top, hears }.judge(targets)?);
    }
    Ok(told)
}

fn git_folder(top: &Path, path: &Path) -> NoWay {
    NoWay::GitFolder(shown(path.strip_prefix(top).unwrap_or(path)))
}

fn shown(path: &Path) -> String {
    text::visible(path.to_string_lossy().as_bytes())
}

/// Somebody who writes in one checkout.
struct Writer<'a> {
    context: &'a Context<'a>,
    bound: Option<&'a Bound>,
    top: &'a Path,
    hears: bool,
}

impl Writer<'_> {
    fn judge(&self, targets: Vec<Target>) -> Result<Vec<String>, Failure> {
        let session = Session::open(self.context)?;
        let own = self.bound.map_or(Ok(false), |bound| bound.knows(&session.repo))?;
        let shelf = match Shelf::open(session.ledger())? {
            Some(shelf) => shelf,
            // A workspace without a ledger is no place to write in.
            None if own => return Err(LedgerError::NotPrepared.into()),
            None => return Ok(Vec::new()),
        };
        if let (true, Some(bound)) =
            (own && self.bound.is_some_and(|bound| bound.top != self.top), self.bound)
        {
            let path = targets.first().map(|target| shown(&target.path)).unwrap_or_default();
            return Err(NoWay::Outside { path, task: bound.task.clone(), top: bound.top.clone() }.into());
        }
        let mut asked: Vec<Asked> = Vec::new();
        for target in targets {
            let below = target.path.strip_prefix(self.top).unwrap_or(&target.path).to_owned();
            if below.components().next().is_some_and(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
                if own {
                    return Err(git_folder(self.top, &target.path).into());
                }
                continue;
            }
            if target.name && target.path.is_dir() && !target.path.is_symlink() {
                self.below(&target.path, &mut asked)?;
                continue;
            }
            let lines = lines(&target);
            add(&mut asked, Asked { path: paths::to_git(&below)?, lines });
        }
        let actor = session.actor(self.context)?;
        if asked.is_empty() || shelf.is_empty() && matches!(actor, Actor::Person(_)) {
            return Ok(Vec::new());
        }
        self.decide(&session, &shelf, &actor, &asked)
    }

    /// The files of a folder that goes as a whole; those of other checkouts in it are not among them.
    fn below(&self, folder: &Path, asked: &mut Vec<Asked>) -> Result<(), Failure> {
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            // What cannot be read cannot be gone through by the command either.
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if path.join(".git").symlink_metadata().is_ok() {
                        if let Some((task, _)) = copy::workspace(&path)? {
                            return Err(NoWay::Workspace { path: shown(&path), task }.into());
                        }
                    } else if entry.file_name() != ".git" {
                        open.push(path);
                    }
                    continue;
                }
                if asked.len() >= MOST_BELOW {
                    return Ok(());
                }
                let below = path.strip_prefix(self.top).unwrap_or(&path);
                add(asked, Asked { path: paths::to_git(below)?, lines: Vec::new() });
            }
        }
        Ok(())
    }

    fn decide(
        &self,
        session: &Session,
        shelf: &Shelf<'_>,
        actor: &Actor,
        asked: &[Asked],
    ) -> Result<Vec<String>, Failure> {
        let mut memory = Memory::over(&session.repo);
        let mut seen = Vec::new();
        {
            let paths: Vec<&[u8]> = asked.iter().map(|asked| asked.path.as_slice()).collect();
            let book = shelf.about(&paths, &actor.tasks()).map_err(Explained)?;
            for asked in asked {
                let has_lines = book.covering(&asked.path).any(|(_, region)| region.lines().is_some());
                let (head, here) = match has_lines {
                    true => (session.repo.head()?.commit(), self.here(session, asked, &mut memory)?),
                    false => (None, None),
                };
                seen.push(Seen { asked, head, here });
            }
        }
        let judgement = match self.judged(session, shelf, actor, &seen, &memory) {
            Err(failure) if failure.kind() == Kind::Held => {
                // What git ignores is in nobody's commits, and so in nobody's way.
                let paths: Vec<&[u8]> = asked.iter().map(|asked| asked.path.as_slice()).collect();
                let ignored = session.repo.ignored_among(&paths)?;
                seen.retain(|seen| !ignored.contains(&seen.asked.path));
                let again = self.judged(session, shelf, actor, &seen, &memory);
                match again {
                    Err(failure) if failure.kind() == Kind::Held && overriding::may(self.context, actor)? => {
                        return Ok(Vec::new());
                    }
                    again => again?,
                }
            }
            other => other?,
        };
        let mut told: Vec<String> = judgement.parked.iter().map(|parked| parked.line()).collect();
        if let Actor::Task(task, fence) = actor {
            self.follow(session, actor, judgement)?;
            let book = shelf.about(&[], &[task]).map_err(Explained)?;
            if let Ok(lease) = book.need_active(task, *fence) {
                if session.authority.is_none() && lease.is_renewal_due(session.now) {
                    renew::renew(session, task, *fence, None)?;
                }
                if self.hears {
                    let paths = seen.iter().map(|seen| seen.asked.path.as_bstr());
                    told.extend(turns::news(self.context, session, lease, paths)?);
                }
            }
        }
        Ok(told)
    }

    /// What is at a path now, in this checkout.
    fn here(&self, session: &Session, asked: &Asked, memory: &mut Memory) -> Result<Side, Failure> {
        let Some(head) = session.repo.head()?.commit() else { return Ok(None) };
        let look = Look { repo: &session.repo, folder: Some(self.top), head };
        Ok(look.ours(asked.path.as_bstr(), memory)?)
    }

    fn judged(
        &self,
        session: &Session,
        shelf: &Shelf<'_>,
        actor: &Actor,
        seen: &[Seen<'_>],
        memory: &Memory,
    ) -> Result<Judgement, Failure> {
        let paths: Vec<&[u8]> = seen.iter().map(|seen| seen.asked.path.as_slice()).collect();
        let book = shelf.about(&paths, &actor.tasks()).map_err(Explained)?;
        let commons = session.commons()?;
        let judged = asking::judged(&book, actor, &commons, session.now, seen, Versions(memory.repo()));
        judged.map_err(|refused| Refusal { refused, bound: self.bound.is_some() }.into())
    }

    /// Does what follows, as git's hooks would: the lease grows by what is free.
    fn follow(&self, session: &Session, actor: &Actor, mut judgement: Judgement) -> Result<(), Failure> {
        if judgement.free.is_empty() && judgement.expired.is_empty() {
            return Ok(());
        }
        let free: Vec<&[u8]> = judgement.free.iter().map(Vec::as_slice).collect();
        let ignored = session.repo.ignored_among(&free)?;
        judgement.free.retain(|path| !ignored.iter().any(|ignored| ignored == path));
        judgement.parked.clear();
        if judgement.free.is_empty() && judgement.expired.is_empty() {
            return Ok(());
        }
        accepting::accept(session, self.context, actor, judgement)
    }
}

/// Asked about twice, it is asked about as a whole.
fn add(asked: &mut Vec<Asked>, one: Asked) {
    match asked.iter_mut().find(|known| known.path == one.path) {
        Some(known) => known.lines.clear(),
        None => asked.push(one),
    }
}

/// The lines that an edit is about, if each text that it replaces stands in the file once.
fn lines(target: &Target) -> Vec<Span> {
    if target.replaced.is_empty() {
        return Vec::new();
    }
    let Ok(Some(bytes)) = atomic::read(&target.path) else { return Vec::new() };
    let mut lines = Vec::new();
    for text in &target.replaced {
        let mut found = bytes.find_iter(text.as_bytes());
        let (Some(begin), None) = (found.next(), found.next()) else { return Vec::new() };
        let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count();
        let first = count(&bytes[..begin]) + 1;
        let body = text.strip_suffix('\n').unwrap_or(text);
        let Some(span) = Span::of_lines(first, first + count(body.as_bytes())) else { return Vec::new() };
        lines.push(span);
    }
    lines
}

/// A room's error that was handed on in a box.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Explained(Box<dyn Explain>);

impl Explain for Explained {
    fn kind(&self) -> Kind {
        self.0.kind()
    }

    fn hints(&self) -> Vec<String> {
        self.0.hints()
    }
}

/// A refusal, with what an agent can do instead.
#[derive(Debug, thiserror::Error)]
#[error("{refused}")]
struct Refusal {
    refused: Refused,
    /// Whether the agent is in a workspace.
    bound: bool,
}

impl Explain for Refusal {
    fn kind(&self) -> Kind {
        self.refused.kind()
    }

    fn hints(&self) -> Vec<String> {
        let Refused::Trespass(obstacles) = &self.refused else { return self.refused.hints() };
        let task = obstacles.first().map_or("TASK", |obstacle| obstacle.task.as_str());
        let instead = match self.bound {
            true => {
                "instead: leave this file alone, go on with the rest of the task, and say at the end what is missing here"
            }
            false => "instead: leave this file alone, or work on other files",
        };
        vec![instead.to_owned(), format!("see what it is about: git odyssey show {task}")]
    }
}
