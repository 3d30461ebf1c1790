//! What the hooks of a server call: judges a push where it arrives.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::failure::Kind;
use crate::base::text;
use crate::domain::lease::Fence;
use crate::domain::policy::Policy;
use crate::domain::task::TaskName;
use crate::git::ByteSlice;
use crate::git::Oid;
use crate::git::error::GitError;
use crate::git::repo::Repo;
use crate::guard::input;
use crate::guard::lines::Versions;
use crate::guard::push::Landing;
use crate::guard::push::Moved;
use crate::guard::push::Push;
use crate::guard::push::Pusher;
use crate::guard::push::Refusal;
use crate::ledger::fold;
use crate::ledger::founding::FALLBACK;
use crate::ledger::local::LEDGER;
use crate::ledger::pushed;
use crate::ledger::pushed::Pushed;
use crate::ledger::pushed::PushedError;
use crate::workspace::place;

use super::Context;
use super::session::POLICY;
use super::session::Session;
use super::session::SessionError;

/// What a server's environment says of a push.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Where the objects of the push are, and the stores beside them.
    pub stores: Vec<PathBuf>,
    /// Who pushes: the variable that says so, and the name.
    pub names: Vec<(&'static str, String)>,
    /// The push's options (`git push -o`).
    pub options: Vec<String>,
}

/// Names the ref that is the ledger on a server that takes branches only.
const LEDGER_NAME: &str = "odyssey.ledgerRef";

/// Says how pushers are known: `pusher` by name, which is the default, or `none`.
const IDENTITY: &str = "odyssey.identity";

/// Names a pusher that may change the policy file on HEAD's branch; where none is named, all may.
const POLICY_PUSHER: &str = "odyssey.policyPusher";

/// The push option that carries a fence, as `odyssey-fence=TASK:N`.
const FENCE_OPTION: &str = "odyssey-fence=";

/// Why a push does not pass.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    /// Some of its refs may not move; then none does.
    #[error("git odyssey refuses this push\n{}", listed(.0))]
    Refused(Vec<Refusal>),
    /// The ledger that is to be judged by cannot be read.
    #[error("git odyssey refuses this push: the ledger on this server cannot be read")]
    Ledger(#[source] crate::ledger::error::LedgerError),
    /// The environment names several people.
    #[error("git odyssey refuses this push: it is not clear who pushes ({0})")]
    WhoIsIt(String),
    /// The configured name of the ledger is no ref.
    #[error("{LEDGER_NAME} = {0} is no ref")]
    LedgerName(String),
    /// What git said cannot be understood.
    #[error("git said of the push what cannot be understood: {0}")]
    Line(String),
    /// A push option of ours that cannot be read.
    #[error("'{0}' is no fence: write it as {FENCE_OPTION}TASK:NUMBER")]
    Option(String),
    /// A fence that is not that of the task.
    #[error("git odyssey refuses this push: fence {was} of {task} is old{}", at(.now))]
    OldFence {
        /// The task.
        task: TaskName,
        /// What the push carries.
        was: Fence,
        /// What the ledger says.
        now: Option<Fence>,
    },
}

impl Explain for ReceiveError {
    fn kind(&self) -> Kind {
        match self {
            ReceiveError::Refused(_) => Kind::Held,
            ReceiveError::OldFence { .. } => Kind::Fenced,
            ReceiveError::Option(_) => Kind::Usage,
            _ => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            ReceiveError::Refused(_) => vec![
                "nothing was pushed; see who holds what: git odyssey status".to_owned(),
                "push what is yours alone, or wait until the task has landed".to_owned(),
            ],
            ReceiveError::Ledger(_) => vec!["on the server: git odyssey doctor --fix".to_owned()],
            ReceiveError::OldFence { .. } => vec!["the lease went to somebody else, or ended".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn listed(refusals: &[Refusal]) -> String {
    let one = |refusal: &Refusal| format!("{}: {}", text::visible(refusal.name.as_bytes()), refusal.why);
    refusals.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn at(now: &Option<Fence>) -> String {
    now.map_or_else(|| ": its lease has ended".to_owned(), |now| format!(": it is at {now}"))
}

/// The full name of the ref that is the ledger on this server.
///
/// # Errors
/// When the configured name is no ref of ours or a branch.
pub fn ledger_name(repo: &Repo) -> Result<String, Failure> {
    let Some(name) = repo.config(LEDGER_NAME) else { return Ok(LEDGER.to_owned()) };
    let name = name.to_str_lossy().into_owned();
    if name.starts_with("refs/heads/") || name.starts_with("refs/odyssey/") {
        return Ok(name);
    }
    Err(ReceiveError::LedgerName(name).into())
}

/// The repository of a push, with what it brings.
///
/// A policy that cannot be read stops nothing here, or the push that mends it could never arrive; nothing is common then.
///
/// # Errors
/// When there is no repository.
pub fn session(context: &Context<'_>) -> Result<Session, Failure> {
    let mut session = match Session::open(context) {
        Err(failure) if failure.is::<SessionError>(|error| matches!(error, SessionError::Policy { .. })) => {
            let repo = Repo::discover(&context.folder)?;
            let home = place::home(&repo)?;
            context.monitor.note(&format!("{failure}: nothing counts as common"));
            Session { repo, home, policy: Policy::default(), now: context.clock.now(), authority: None }
        }
        other => other?,
    };
    if !context.received.stores.is_empty() {
        session.repo = session.repo.receiving(&context.received.stores)?;
    }
    Ok(session)
}

/// Judges a whole push: each line of `input` is `old new name`.
///
/// # Errors
/// Every ref that may not move, or what cannot be judged.
pub fn whole(session: &Session, context: &Context<'_>, input: &[u8]) -> Result<(), Failure> {
    let refs = input::received(input)?;
    judge(session, context, &refs, true)
}

/// Judges one ref of a push, by the arguments of git's `update` hook: its name, old and new.
///
/// # Errors
/// When it may not move, or cannot be judged.
pub fn one(session: &Session, context: &Context<'_>, arguments: &[OsString]) -> Result<(), Failure> {
    let bytes: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_encoded_bytes()).collect();
    let [name, old, new] = bytes[..] else {
        return Err(ReceiveError::Line(format!("{arguments:?}")).into());
    };
    judge(session, context, &[input::moved(name, old, new)?], false)
}

/// The refs of a push, and with each symbolic one the ref that moves in its stead.
fn with_final_names(repo: &Repo, refs: &[Moved]) -> Result<Vec<Moved>, GitError> {
    let mut all = Vec::new();
    for one in refs {
        let name = repo.final_name(&one.name)?;
        for one in [one.clone(), Moved { name, ..one.clone() }] {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    Ok(all)
}

fn judge(session: &Session, context: &Context<'_>, refs: &[Moved], whole: bool) -> Result<(), Failure> {
    let name = ledger_name(&session.repo)?;
    let refs = with_final_names(&session.repo, refs)?;
    let is_ledger = session.repo.final_name(&name)?;
    let (on_ledger, others): (Vec<Moved>, Vec<Moved>) =
        refs.into_iter().partition(|one| one.name == is_ledger || one.name == name);
    let archives = fold::archives_of(&name);
    // A ref in the place of their folder would stand in their way.
    let is_archive =
        |one: &Moved| one.name.starts_with(&archives) || archives.trim_end_matches('/') == one.name;
    let (of_archives, others): (Vec<Moved>, Vec<Moved>) = others.into_iter().partition(is_archive);
    // Clients would take it for the ledger, and some before the true one.
    let second = others.iter().filter(|one| one.new.is_some() && [LEDGER, FALLBACK].contains(&&*one.name));
    let second: Vec<Refusal> = second
        .map(|one| Refusal { name: one.name.clone(), why: format!("the ledger here is {name}") })
        .collect();
    if !second.is_empty() {
        let hint = format!("git push origin {LEDGER}:{name}");
        return Err(refused(second, &[hint]));
    }
    let pusher = pusher(session, context)?;
    let policy = policy_changes(session, &pusher, &others)?;
    if !policy.is_empty() {
        return Err(refused(policy, &[format!("on the server: git config --add {POLICY_PUSHER} NAME")]));
    }
    let pushed = match on_ledger.first() {
        Some(one) => match pushed::judge(
            &session.ledger(),
            &session.repo,
            &Versions(&session.repo),
            one.old,
            one.new,
            session.now,
        ) {
            Ok(pushed) => pushed,
            Err(PushedError::Git(error)) => return Err(error.into()),
            Err(error) => return Err(refused(vec![Refusal { name, why: chained(&error) }], &error.hints())),
        },
        None => match standing(session, &name)? {
            Some(pushed) => pushed,
            None => return Ok(()),
        },
    };
    known_fences(&pusher, &pushed)?;
    let mut refusals = archived(session, &name, &of_archives, &pushed.folded)?;
    for (holder, subject) in &pushed.owners {
        if let (Pusher::Named { name: who, .. }, Some(false)) = (&pusher, pusher.acts_for(holder)) {
            let why = format!("'{subject}' is for {holder} to say, for whom {who} may not act");
            refusals.push(Refusal { name: name.clone(), why });
        }
    }
    let landed = pushed.landings.iter();
    let landed = landed.map(|one| Landing { lease: one.lease.clone(), from: one.from, commit: one.commit });
    let landings: Vec<Landing> = landed.collect();
    let commons = session.commons().unwrap_or_default();
    let push = Push {
        repo: &session.repo,
        refs: &others,
        before: &pushed.before,
        after: &pushed.after,
        landings: &landings,
        pusher: &pusher,
        commons: &commons,
        now: session.now,
    };
    if whole {
        for landing in push.without_target()? {
            let (task, commit) = (&landing.lease.task, landing.commit.to_hex_with_len(10));
            let why = format!("{task} landed as {commit}, it says, which {} has not", landing.lease.target);
            refusals.push(Refusal { name: name.clone(), why });
        }
    }
    refusals.extend(push.judge()?);
    if refusals.is_empty() {
        return Ok(());
    }
    let hints = who_hint(&pusher, &refusals);
    Err(refused(refusals, &hints))
}

/// The refs by which somebody would change what counts as common, and is not named for it on this server.
fn policy_changes(session: &Session, pusher: &Pusher, refs: &[Moved]) -> Result<Vec<Refusal>, GitError> {
    let repo = &session.repo;
    let known = repo.all_values(POLICY_PUSHER);
    if known.is_empty() || matches!(pusher, Pusher::Named { name, .. } if known.contains(name)) {
        return Ok(Vec::new());
    }
    let Some(branch) = repo.head()?.branch().map(|name| repo.final_name(name)).transpose()? else {
        return Ok(Vec::new());
    };
    let file = |commit: Option<Oid>| commit.map(|commit| repo.file_at(commit, POLICY.into())).transpose();
    let mut refusals = Vec::new();
    for one in refs.iter().filter(|one| one.name == branch) {
        if file(one.old)?.flatten() != file(one.new)?.flatten() {
            let why = format!("{POLICY} is changed there by {} only", known.join(", "));
            refusals.push(Refusal { name: one.name.clone(), why });
        }
    }
    Ok(refusals)
}

fn refused(refusals: Vec<Refusal>, hints: &[String]) -> Failure {
    let failure = Failure::from(ReceiveError::Refused(refusals));
    hints.iter().fold(failure, |failure, hint| failure.hint(hint.clone()))
}

/// An error with its causes, on one line.
fn chained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// What is wrong with the archives of the ledger's history: each is made once, for a fold, and stays.
fn archived(
    session: &Session,
    ledger: &str,
    moved: &[Moved],
    folded: &[Oid],
) -> Result<Vec<Refusal>, GitError> {
    let prefix = fold::archives_of(ledger);
    let tip = session.repo.reference(ledger)?;
    let mut refusals = Vec::new();
    for one in moved {
        let why = match (one.old, one.new) {
            (Some(_), _) => "an archive of the ledger stays as it is".to_owned(),
            (None, Some(new)) if one.name != format!("{prefix}{new}") => {
                "an archive of the ledger has the name of its commit".to_owned()
            }
            (None, Some(new)) if !folded.contains(&new) && tip != Some(new) => {
                "no fold of the ledger in this push names it".to_owned()
            }
            (None, _) => continue,
        };
        refusals.push(Refusal { name: one.name.clone(), why });
    }
    for oid in folded {
        let name = format!("{prefix}{oid}");
        let made = moved.iter().any(|one| one.name == name && one.new == Some(*oid));
        if !made && session.repo.reference(&name)? != Some(*oid) {
            let why = format!("its history is folded, and {name} comes neither with it nor before");
            refusals.push(Refusal { name: ledger.to_owned(), why });
        }
    }
    Ok(refusals)
}

/// The leases where a push leaves the ledger alone; a server without a ledger has nothing to judge by.
fn standing(session: &Session, name: &str) -> Result<Option<Pushed>, Failure> {
    let Some(tip) = session.repo.reference(name)? else { return Ok(None) };
    let book = session.ledger().read_at(tip).map_err(ReceiveError::Ledger)?.book;
    Ok(Some(Pushed { before: book.with(&[], &[]), after: book, ..Pushed::default() }))
}

/// Who pushes, as far as this server can tell.
fn pusher(session: &Session, context: &Context<'_>) -> Result<Pusher, Failure> {
    let received = &context.received;
    let none = session.repo.config(IDENTITY).is_some_and(|how| how == "none");
    let mut names: Vec<&(&str, String)> = received.names.iter().filter(|_| !none).collect();
    names.dedup_by(|one, other| one.1 == other.1);
    if let [first, _, ..] = names[..] {
        let all =
            names.iter().map(|(variable, name)| format!("{variable}={}", text::visible(name.as_bytes())));
        let _ = first;
        return Err(ReceiveError::WhoIsIt(all.collect::<Vec<_>>().join(", ")).into());
    }
    if let Some((_, name)) = names.first() {
        let holders = session.repo.all_values(&format!("odyssey-pusher.{name}.holder"));
        return Ok(Pusher::Named { name: name.clone(), holders });
    }
    let mut fences = Vec::new();
    for option in &received.options {
        let Some(text) = option.strip_prefix(FENCE_OPTION) else { continue };
        let bad = || ReceiveError::Option(text::visible(option.as_bytes()));
        let (task, fence) = text.rsplit_once(':').ok_or_else(bad)?;
        let fence = fence.parse().map_err(|_| bad())?;
        fences.push((task.parse().map_err(|_| bad())?, Fence(fence)));
    }
    Ok(if fences.is_empty() { Pusher::Unknown } else { Pusher::Fences(fences) })
}

/// A fence that a push carries is that of the task before it or after it.
fn known_fences(pusher: &Pusher, pushed: &Pushed) -> Result<(), ReceiveError> {
    let Pusher::Fences(fences) = pusher else { return Ok(()) };
    for (task, fence) in fences {
        let of = |book: &crate::domain::book::LeaseBook| book.get(task).map(|lease| lease.fence);
        let (before, after) = (of(&pushed.before), of(&pushed.after));
        if before != Some(*fence) && after != Some(*fence) {
            return Err(ReceiveError::OldFence { task: task.clone(), was: *fence, now: after });
        }
    }
    Ok(())
}

/// How whoever keeps the server lets a name act for a holder, where that was the reason.
fn who_hint(pusher: &Pusher, refusals: &[Refusal]) -> Vec<String> {
    let Pusher::Named { name, .. } = pusher else { return Vec::new() };
    if !refusals.iter().any(|refusal| refusal.why.ends_with(&format!("for whom {name} may not act"))) {
        return Vec::new();
    }
    vec![format!("on the server: git config --add odyssey-pusher.{name}.holder HOLDER")]
}
