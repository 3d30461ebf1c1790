//! `hook`: what git's hooks call: judges what is about to happen, then runs the hook that was here before.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;

use crate::base::atomic::FileError;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::page::Page;
use crate::domain::judge::Actor;
use crate::domain::judge::Judgement;
use crate::domain::leases::Leases;
use crate::git::Oid;
use crate::git::hooks::SERVER_EVENTS;
use crate::guard::Bench;
use crate::guard::GuardError;
use crate::guard::input;
use crate::guard::input::Leaving;
use crate::guard::updates;
use crate::guard::updates::Update;
use crate::ledger::intent;
use crate::ledger::shelf::Shelf;
use crate::workspace::process;

use super::Context;
use super::Outcome;
use super::accepting::accept;
use super::overriding;
use super::precedent;
use super::receive;
use super::renew;
use super::session::Session;

/// Called by git: judges what is about to happen.
#[derive(Debug, Clone, clap::Args)]
pub struct Hook {
    /// The file that git called, when it is one of our shims
    #[arg(long, value_name = "FILE")]
    pub called_as: Option<PathBuf>,
    /// The hook's name
    pub event: String,
    /// What git gives it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

impl Hook {
    /// Judges the event, and then runs the hook that was here before.
    ///
    /// # Errors
    /// When the event may not happen, or cannot be judged.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::new(Page::default(), &serde_json::Value::Null);
        if let Some(probe) = &context.probe {
            answer_probe(probe, &self.event)?;
            return Ok(outcome);
        }
        let input = self.input()?;
        let folder = self.judge(context, &input)?;
        if let Some(previous) = folder {
            let status = process::hook(&previous, &self.arguments, &input)?;
            outcome.code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        }
        Ok(outcome)
    }

    /// Only these events are given anything on standard input; the others may inherit a terminal.
    fn input(&self) -> Result<Vec<u8>, Failure> {
        let mut input = Vec::new();
        let fed = ["reference-transaction", "pre-push", "post-rewrite", "pre-receive", "post-receive"];
        if fed.contains(&self.event.as_str()) {
            let failed = |source| FileError::new("read", "standard input".as_ref(), source);
            std::io::stdin().read_to_end(&mut input).map_err(failed)?;
        }
        Ok(input)
    }

    /// Judges, and answers the hook that was here before.
    fn judge(&self, context: &Context<'_>, input: &[u8]) -> Result<Option<PathBuf>, Failure> {
        let state = self.arguments.first().and_then(|argument| argument.to_str());
        let session;
        match (self.event.as_str(), state) {
            ("pre-commit" | "pre-merge-commit", _) => {
                session = Session::open(context)?;
                staged(&session, context)?;
            }
            ("reference-transaction", Some("prepared")) => {
                session = Session::open(context)?;
                transaction(&session, context, input)?;
            }
            ("pre-push", _) => {
                session = Session::open(context)?;
                push(&session, context, input)?;
            }
            ("post-commit", _) => {
                session = Session::open(context)?;
                renew::if_due(&session, &session.actor(context)?)?;
            }
            ("pre-receive", _) => {
                session = receive::session(context)?;
                receive::whole(&session, context, input)?;
            }
            ("update", _) => {
                session = receive::session(context)?;
                receive::one(&session, context, &self.arguments)?;
            }
            _ => session = Session::open(context)?,
        }
        // Whoever moved our shim to another name runs the others' hooks itself, and a second time would be wrong.
        let in_place = self
            .called_as
            .as_ref()
            .and_then(|file| file.file_name())
            .is_some_and(|name| *name == *self.event);
        if !in_place {
            return Ok(None);
        }
        if SERVER_EVENTS.contains(&self.event.as_str()) {
            return Ok(session.repo.previous_server_hook(&session.ledger().folder(), &self.event));
        }
        Ok(session.repo.previous_hook(&session.ledger().folder(), &self.event)?)
    }
}

fn answer_probe(probe: &std::path::Path, event: &str) -> Result<(), Failure> {
    use std::io::Write;
    let failed = |source| FileError::new("write", probe, source);
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(probe).map_err(failed)?;
    writeln!(file, "{event}").map_err(failed)?;
    Ok(())
}

/// The leases to judge by, unless the repository is not prepared or nothing is held in it.
fn held<'s>(session: &'s Session, actor: &Actor) -> Result<Option<Shelf<'s>>, Failure> {
    let Some(shelf) = Shelf::open(session.ledger())? else { return Ok(None) };
    let idle = shelf.is_empty() && matches!(actor, Actor::Person(_));
    Ok((!idle).then_some(shelf))
}

fn staged(session: &Session, context: &Context<'_>) -> Result<(), Failure> {
    let actor = session.actor(context)?;
    let Some(shelf) = held(session, &actor)? else { return Ok(()) };
    let commons = session.commons()?;
    let bench =
        Bench { repo: &session.repo, leases: &shelf, commons: &commons, now: session.now, lands: false };
    let mut merging = session.repo.merge_heads()?;
    let named = context.merging.iter().filter_map(|commit| Oid::from_hex(commit.as_bytes()).ok());
    merging.extend(named);
    let mut published = updates::published(&session.repo)?;
    if !merging.is_empty() {
        for target in shelf.targets() {
            published.0.extend(session.repo.reference(target)?);
        }
    }
    match bench.judge_staged(&actor, &merging, &published) {
        Ok(judgement) => accept(session, context, &actor, judgement),
        // The reference-transaction that follows records it, with the commit.
        Err(error) if error.kind() == Kind::Held && overriding::may(context, &actor)? => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn transaction(session: &Session, context: &Context<'_>, input: &[u8]) -> Result<(), Failure> {
    let updates = input::transaction(input)?;
    // Most transactions (fetches, stashes, our own refs) touch no branch, and need no ledger.
    let mut touches = updates.iter().any(Update::moves_branch);
    for update in &updates {
        touches = touches || update.drops_branch(&session.repo)?;
    }
    if !touches {
        return Ok(());
    }
    let actor = session.actor(context)?;
    let Some(shelf) = held(session, &actor)? else { return Ok(()) };
    let announced = intent::written(&session.ledger().folder())?;
    let mut foreign = Vec::new();
    for update in updates {
        let old = session.repo.reference(&update.name)?.map(|old| old.to_string()).unwrap_or_default();
        let new = update.new.map(|new| new.to_string()).unwrap_or_default();
        if !announced.iter().any(|intent| intent.announces(&update.name, &old, &new)) {
            foreign.push(update);
        }
    }
    let commons = session.commons()?;
    let bench =
        Bench { repo: &session.repo, leases: &shelf, commons: &commons, now: session.now, lands: false };
    match bench.judge_updates(&actor, &foreign) {
        Ok(judgement) => accept(session, context, &actor, judgement),
        Err(error) if error.kind() == Kind::Held && overriding::may(context, &actor)? => {
            let moved = foreign.iter().filter_map(|update| Some((update.name.clone(), update.new?)));
            overriding::record(session, context, &error.to_string(), moved.collect())
        }
        Err(error) => Err(error.into()),
    }
}

fn push(session: &Session, context: &Context<'_>, input: &[u8]) -> Result<(), Failure> {
    let actor = session.actor(context)?;
    let Some(shelf) = held(session, &actor)? else { return Ok(()) };
    let Leaving { sent, theirs } = input::leaving(input)?;
    let tips: Vec<Oid> = sent.iter().map(|(_, tip)| *tip).collect();
    if tips.is_empty() {
        return Ok(());
    }
    let commons = session.commons()?;
    let bench =
        Bench { repo: &session.repo, leases: &shelf, commons: &commons, now: session.now, lands: false };
    match leaving(session, &bench, &actor, &tips, &theirs) {
        Ok(judgement) => accept(session, context, &actor, judgement),
        Err(failure) if failure.kind() == Kind::Held && overriding::may(context, &actor)? => {
            overriding::record(session, context, &failure.to_string(), sent)
        }
        Err(failure) => Err(failure),
    }
}

/// Judges what is about to leave. What was made before a region was claimed, or let through by a person, leaves.
fn leaving(
    session: &Session,
    bench: &Bench<'_>,
    actor: &Actor,
    tips: &[Oid],
    theirs: &[Oid],
) -> Result<Judgement, Failure> {
    let (commits, published) = bench.leaving(tips, theirs)?;
    let branches: Vec<Oid> =
        session.repo.references("refs/heads/")?.into_iter().map(|(_, tip)| tip).collect();
    let mut all = bench.judge_commits(actor, &[], &published)?;
    for commit in commits {
        let judgement = match bench.judge_commits(actor, &[commit], &published) {
            Ok(judgement) => judgement,
            Err(GuardError::Refused(refused)) => {
                // What is on a branch was judged when it came there, so a wrong date alone forgives nothing.
                let forgiven = refused.kind() == Kind::Held
                    && session.repo.new_commits(&[commit], &branches)?.is_empty()
                    && (precedent::was_allowed(session, actor, commit, &published)?
                        || precedent::overridden(session)?.contains(&commit));
                if forgiven {
                    continue;
                }
                return Err(GuardError::Refused(refused).into());
            }
            Err(error) => return Err(error.into()),
        };
        all.free.extend(judgement.free);
        all.expired.extend(judgement.expired);
        all.parked.extend(judgement.parked);
    }
    Ok(all)
}
