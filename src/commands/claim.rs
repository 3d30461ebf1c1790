//! `claim`: takes regions for a task, all or none, and gives it a workspace.

pub mod granted;
mod sparse;

use std::path::PathBuf;
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::book::LeaseBook;
use crate::domain::book::OverParked;
use crate::domain::book::Request;
use crate::domain::event::EventKind;
use crate::domain::holder::Holder;
use crate::domain::lease::Lease;
use crate::domain::lease::Mode;
use crate::domain::lease::Place;
use crate::domain::task::TaskName;
use crate::domain::ttl;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::edits::Counted;
use crate::git::worktree::NewWorktree;
use crate::guard::lines::Versions;
use crate::ledger::cache::Near;
use crate::ledger::codec::LeaseFile;
use crate::ledger::error::LedgerError;
use crate::ledger::intent::Intent;
use crate::ledger::intent::Making;
use crate::ledger::intent::Written;
use crate::ledger::remote_error::is_away;
use crate::ledger::remote_error::leaves_open;
use crate::ledger::state::State;
use crate::workspace::copy;
use crate::workspace::process::CommandError;

use granted::Granted;
use granted::page;

use super::Context;
use super::Outcome;
use super::handover;
use super::init;
use super::land::short;
use super::ready;
use super::recover;
use super::release::Release;
use super::removal;
use super::session::Session;
use super::session::SessionError;
use super::supervise;
use super::taking;
use super::taking::Taken;
use super::waiting::Patience;
use super::waiting::Waiting;

/// Take regions for a task, all or none, and give it a worktree and a branch of its own.
#[derive(Debug, Clone, clap::Args)]
pub struct Claim {
    /// The task's name, for example auth-refactor
    pub task: TaskName,
    /// What it may change: a path, a glob from the top of the repository, lines of a file as path#L10-L80, or @name from
    /// odyssey.toml; repeatable
    #[arg(short, long = "region", value_name = "REGION", required = true)]
    pub regions: Vec<String>,
    /// Who does it: an agent's name, or human:NAME [default: you]
    #[arg(long = "for", value_name = "HOLDER")]
    pub holder: Option<Holder>,
    /// How long the lease lasts without renewal, for example 45m or 2h [default: 1h, or odyssey.toml's]
    #[arg(long, value_parser = ttl::parse)]
    pub ttl: Option<Duration>,
    /// Nobody may change the regions; others may rely on them too
    #[arg(long)]
    pub shared: bool,
    /// Wait until the regions are free, at most so long if a time is given
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = text::parse_duration)]
    pub wait: Option<Option<Duration>>,
    /// The revision to start from [default: the target branch]
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Lease for this checkout, without a workspace: for a person in a checkout of their own
    #[arg(long)]
    pub here: bool,
    /// Check out only the regions, and what odyssey.toml names for sparse workspaces
    #[arg(long, conflicts_with = "here")]
    pub sparse: bool,
    /// Build on the commits of parked work that overlaps
    #[arg(long, conflicts_with_all = ["take_over", "base", "here"])]
    pub stack: bool,
    /// Take the regions of parked work that overlaps; that work is saved first
    #[arg(long)]
    pub take_over: bool,
    /// Run this in the workspace, renew while it lives, and park when it ends
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "here")]
    pub command: Vec<String>,
    /// What the ledger is told of it beside.
    #[arg(skip)]
    pub facts: Vec<(&'static str, String)>,
}

/// Why a claim is not granted, besides what the rules refuse.
#[derive(Debug, thiserror::Error)]
enum ClaimError {
    #[error("the branch {0} exists already")]
    BranchExists(String),
    #[error("{} exists already", .0.display())]
    PathExists(PathBuf),
    #[error("'{0}' is no program: a region must come before --, a command after it")]
    EmptyCommand(String),
    #[error("{0} parked tasks overlap, and a claim can stack on one only")]
    StackOnSeveral(usize),
    #[error("the parked work to stack on changed meanwhile")]
    StackMoved,
    #[error("{region} cannot be claimed: {why}")]
    NoLines { region: String, why: String },
}

impl Explain for ClaimError {
    fn kind(&self) -> Kind {
        match self {
            ClaimError::EmptyCommand(_) => Kind::Usage,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            ClaimError::BranchExists(branch) => {
                let short = branch.trim_start_matches("refs/heads/");
                vec![
                    format!("it may hold work: git log {short}"),
                    format!("claim under another name, or rename it: git branch -m {short} NEW-NAME"),
                ]
            }
            ClaimError::PathExists(path) => {
                vec![format!(
                    "it may hold work: look into {}, move it away, then claim again",
                    path.display()
                )]
            }
            ClaimError::EmptyCommand(_) => Vec::new(),
            ClaimError::NoLines { .. } => {
                vec!["name lines that are there, or claim the whole file: write its path alone".to_owned()]
            }
            ClaimError::StackMoved => vec!["run the same command again".to_owned()],
            ClaimError::StackOnSeveral(_) => {
                vec!["land or abandon all but one of them, or use --take-over".to_owned()]
            }
        }
    }
}

impl Claim {
    /// Decides the claim, makes the workspace, and runs the command if there is one.
    ///
    /// # Errors
    /// When somebody holds a region, or the workspace cannot be made; then nothing is left of the claim.
    pub fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        if self.command.first().is_some_and(String::is_empty) {
            return Err(ClaimError::EmptyCommand(String::new()).into());
        }
        let session = Session::open(context)?;
        let (answer, lease) = self.claimed(&session, context)?;
        let path = answer.path.clone();
        if self.command.is_empty() {
            return Ok(Outcome::new(page(&lease, &answer, session.now), &answer));
        }
        context.monitor.note(&format!("{} works in {}", lease.task, path.display()));
        let code = match supervise::run(&session, context, &lease, &path, &self.command) {
            Ok(code) => code,
            Err(failure) if failure.is::<CommandError>(|error| matches!(error, CommandError::Start(..))) => {
                Release { task: Some(lease.task.clone()) }.run(context)?;
                return Err(failure.hint(format!("nothing was done, and {} is released again", lease.task)));
            }
            Err(failure) => return Err(failure),
        };
        let mut outcome = Outcome::new(page(&lease, &answer, session.now), &answer);
        outcome.code = code;
        Ok(outcome)
    }

    /// Decides the claim and makes the workspace, and runs nothing in it but what the policy says.
    ///
    /// # Errors
    /// As for [`Claim::run`].
    pub fn claimed(&self, session: &Session, context: &Context<'_>) -> Result<(Granted, Lease), Failure> {
        // Looked at before anything is written: what the hooks would stumble over, and a repository that has none.
        if !session.ledger().is_prepared()? {
            return Err(LedgerError::NotPrepared.into());
        }
        session.commons()?;
        session.disposable()?;
        init::heed_silence(session, context)?;
        self.granted(session, context)
    }

    fn granted(&self, session: &Session, context: &Context<'_>) -> Result<(Granted, Lease), Failure> {
        let patience = match self.wait {
            None => Patience::None,
            Some(None) => Patience::Endless,
            Some(Some(most)) => Patience::AtMost(most),
        };
        let regions = session.regions(&self.regions)?;
        let base = match self.base.is_some() || self.here {
            true => Some(self.request(session)?.base),
            false => None,
        };
        let mut waiting = Waiting::begin(session, context, patience, &self.task, &regions, base)?;
        while let Err(failure) = recover::cut_off(session, context) {
            if !is_away(&failure) || !waiting.until_back(&failure)? {
                return Err(failure);
            }
        }
        loop {
            waiting.turn(session)?;
            let now = waiting.now();
            let again = match self.attempt(session, now) {
                Err(refused) if refused.kind() == Kind::Held => (waiting.until_a_change(&refused)?, refused),
                Err(away) if is_away(&away) => (waiting.until_back(&away)?, away),
                other => return other,
            };
            if let (false, failure) = again {
                return Err(failure);
            }
        }
    }

    fn attempt(&self, session: &Session, now: Timestamp) -> Result<(Granted, Lease), Failure> {
        let mut request = self.request(session)?;
        if request.over == OverParked::Stack {
            // Known before anything is announced: the branch is made on the commit that the intent names.
            let book = session.ledger().read()?.book;
            request.base = self.stacked_base(session, &book, &request, now, true)?.to_string();
        }
        if request.over == OverParked::TakeOver {
            // Brought before: whoever decides does not talk.
            let book = session.ledger().read()?.book;
            let work = |lease: &Lease| removal::work_behind(session, lease);
            taking::bring(session, &book.parked_under(&request, now, &work, &Versions(&session.repo)))?;
        }
        self.check_lines(session, &request)?;
        let making = match &request.place {
            Place::Here => None,
            Place::Branch(branch) => Some(self.making(session, branch, &request.base)?),
        };
        let here = match &request.place {
            Place::Here => Some(session.repo.need_checkout()?.to_owned()),
            Place::Branch(_) => None,
        };
        let intent = Intent::Claim { task: self.task.clone(), here: here.clone(), making: making.clone() };
        let written = Written::begin(&session.ledger().folder(), &intent)?;
        let granted = self.grant(session, request, &written.token(), now);
        let Grant { lease, base, taken } = match granted {
            Ok(granted) => granted,
            // What may have been granted all the same is settled by the next command, from the intent.
            Err(failure) if leaves_open(&failure) => return Err(failure),
            Err(failure) => {
                written.done()?;
                return Err(failure);
            }
        };
        let text = LeaseFile::of(&lease).to_toml();
        let made = match (&making, here) {
            (Some(making), _) => self.make(session, &lease, making, base, &text),
            (None, Some(checkout)) => {
                copy::write_here(&checkout, &lease, &text).map(|()| checkout).map_err(Failure::from)
            }
            (None, None) => Ok(session.home.clone()),
        };
        match made {
            Ok(path) => {
                written.done()?;
                Ok((Granted::of(&lease, path, taken), lease))
            }
            Err(failure) => {
                // Nothing of a claim that failed may stay: the next one would find its branch and its lease.
                recover::undo_claim(session, &intent, &written.token())?;
                written.done()?;
                Err(failure)
            }
        }
    }

    fn request(&self, session: &Session) -> Result<Request, Failure> {
        let holder = match &self.holder {
            Some(holder) => holder.clone(),
            None => session.person()?,
        };
        let target = session.target()?;
        let base = match (&self.base, self.here) {
            (Some(revision), _) => session.repo.commit_named(revision)?,
            (None, true) => {
                let head = session.repo.head()?.commit();
                head.ok_or_else(|| SessionError::EmptyTarget("this checkout".to_owned()))?
            }
            (None, false) => {
                let tip = session.repo.reference(&target)?;
                tip.ok_or_else(|| SessionError::EmptyTarget(target.clone()))?
            }
        };
        Ok(Request {
            task: self.task.clone(),
            holder,
            place: if self.here { Place::Here } else { Place::Branch(self.task.branch()) },
            base: base.to_string(),
            target,
            regions: session.regions(&self.regions)?,
            mode: if self.shared { Mode::Shared } else { Mode::Exclusive },
            ttl: self.ttl.unwrap_or(session.policy.ttl),
            over: match (self.stack, self.take_over) {
                (true, _) => OverParked::Stack,
                (_, true) => OverParked::TakeOver,
                _ => OverParked::Refuse,
            },
        })
    }

    /// Lines are counted in the file as it is where the work begins, so they must be there.
    fn check_lines(&self, session: &Session, request: &Request) -> Result<(), Failure> {
        let base = session.repo.commit_named(&request.base)?;
        for region in &request.regions {
            let Some((path, span)) = region.lines() else { continue };
            let named = match (&self.base, request.over) {
                (_, OverParked::Stack) => "the parked work".to_owned(),
                (Some(revision), _) => text::visible(revision.as_bytes()),
                (None, _) if self.here => "HEAD".to_owned(),
                (None, _) => short(&request.target).to_owned(),
            };
            let file = text::visible(path);
            let why = match session.repo.lines_at(base, path.as_bstr())? {
                Counted::Nothing => format!("there is no {file} at {named}"),
                Counted::NoText => format!("{file} is no text file at {named}"),
                Counted::Lines(count) if count < span.last() => {
                    format!("{file} has {} at {named}", text::count(count, "line"))
                }
                Counted::Lines(_) => continue,
            };
            return Err(ClaimError::NoLines { region: region.text().to_owned(), why }.into());
        }
        Ok(())
    }

    fn making(&self, session: &Session, branch: &str, base: &str) -> Result<Making, Failure> {
        let workspaces = session.workspaces()?;
        Ok(Making {
            branch: branch.to_owned(),
            base: base.to_owned(),
            path: workspaces.path(&self.task),
            building: workspaces.building(&self.task),
        })
    }

    /// Decides the claim in the ledger.
    fn grant(
        &self,
        session: &Session,
        request: Request,
        token: &str,
        now: Timestamp,
    ) -> Result<Grant, Failure> {
        let work = |lease: &Lease| removal::work_behind(session, lease);
        let base = session.repo.commit_named(&request.base)?;
        let regions = request.regions.clone();
        let near = Near::new(&self.task, &regions);
        let mut taken = Vec::new();
        let granted = session.ledger().change_near(&near, now, |state: &State| -> Result<_, Failure> {
            if request.over == OverParked::Stack
                && self.stacked_base(session, &state.book, &request, now, false)? != base
            {
                return Err(ClaimError::StackMoved.into());
            }
            let lines = Versions(&session.repo);
            let (lease, mut entries) =
                state.book.claim(&request, now, &work, &lines).map_err(LedgerError::from)?;
            // Asked after the rules: whoever is held off by a lease wants to know of the lease, not of its branch.
            if let Place::Branch(branch) = &request.place {
                self.check_free(session, branch)?;
            }
            taken = taking::save(session, state, &mut entries, &self.task)?;
            if let Some(claim) = entries.last_mut().filter(|entry| entry.event.kind == EventKind::Claim) {
                let event = claim.event.clone().fact("Token", token);
                claim.event = event.facts(&self.facts);
            }
            Ok((entries, (lease, base)))
        });
        granted.map(|(lease, base)| Grant { lease, base, taken })
    }

    /// The commit that a claim starts from which stacks: that of the parked work under it, if there is any. Work on another
    /// machine is brought when `ask`.
    fn stacked_base(
        &self,
        session: &Session,
        book: &LeaseBook,
        request: &Request,
        now: Timestamp,
        ask: bool,
    ) -> Result<Oid, Failure> {
        let work = |lease: &Lease| removal::work_behind(session, lease);
        let under = book.parked_under(request, now, &work, &Versions(&session.repo));
        if under.len() > 1 {
            return Err(ClaimError::StackOnSeveral(under.len()).into());
        }
        let tip = under.first().map(|lease| handover::tip(session, lease, ask));
        match tip.transpose()?.flatten() {
            Some(tip) => Ok(tip),
            None => Ok(session.repo.commit_named(&request.base)?),
        }
    }

    fn check_free(&self, session: &Session, branch: &str) -> Result<(), Failure> {
        if session.repo.reference(branch)?.is_some() {
            return Err(ClaimError::BranchExists(branch.to_owned()).into());
        }
        let path = session.workspaces()?.path(&self.task);
        // A dangling link would be taken for absent by a plain "exists".
        if path.symlink_metadata().is_ok() {
            return Err(ClaimError::PathExists(path).into());
        }
        Ok(())
    }

    fn make(
        &self,
        session: &Session,
        lease: &Lease,
        making: &Making,
        base: Oid,
        text: &str,
    ) -> Result<PathBuf, Failure> {
        let lock = session.ledger().folder().join("lock").join("worktrees");
        let note = format!("workspace of {}, fence {}", lease.task, lease.fence);
        let sparse = self.sparse.then(|| sparse::patterns(&lease.regions, &session.policy.workspace.sparse));
        let workspace = session.repo.add_worktree(NewWorktree {
            path: making.path.clone(),
            branch: making.branch.clone(),
            base,
            building: making.building.clone(),
            lock: &lock,
            note: &note,
            restore: None,
            pool: session.pool()?.as_ref(),
            sparse: sparse.as_deref(),
        })?;
        let path = workspace.need_checkout()?.to_owned();
        copy::write(&path, text)?;
        init::adopt(session, &workspace)?;
        ready::make(session, lease, &path)?;
        Ok(path)
    }
}

/// What the ledger has decided.
struct Grant {
    lease: Lease,
    /// The commit that its branch starts from.
    base: Oid,
    taken: Vec<Taken>,
}
