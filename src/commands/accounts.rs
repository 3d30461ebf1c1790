//! Accounts: every call of a model that agents tell of, with what it cost, and whose work it was.
//!
//! No agent has to help: each task works in a folder of its own, transcripts tell the folder, and the ledger tells who had the
//! task at that time and what became of it.

mod places;
pub mod totals;

use std::path::PathBuf;

use crate::agents::prices::PriceTable;
use crate::agents::transcripts::Call;
use crate::agents::transcripts::Homes;
use crate::agents::transcripts::Name;
use crate::agents::transcripts::Program;
use crate::agents::transcripts::index::Index;
use crate::agents::transcripts::index::News;
use crate::base::clock::Timestamp;
use crate::base::failure::Explain;
use crate::base::failure::Failure;
use crate::base::text;
use crate::domain::episode;
use crate::domain::episode::Episode;
use crate::domain::episode::Episodes;
use crate::domain::episode::Fate;
use crate::domain::episode::Grant;
use crate::domain::holder::Holder;
use crate::domain::price;
use crate::domain::price::Price;
use crate::domain::task::TaskName;
use crate::domain::usage::Spent;
use crate::domain::usage::Tokens;
use crate::git::Oid;
use crate::git::merge::Asker;
use crate::git::merge::Side;
use crate::ledger::annals;
use crate::ledger::codec::LeaseFile;

use super::Context;
use super::session::Session;
use places::Place;
use places::Places;

/// From how much on a person is told that reading takes its time.
const MUCH: u64 = 128 << 20;

/// How much a landing reads at most.
const LITTLE: u64 = 16 << 20;

/// Everything that is known of what was used.
pub struct Accounts<'a> {
    session: &'a Session,
    index: Index,
    /// What the reading of transcripts met.
    pub news: News,
    /// The prices.
    pub table: PriceTable,
    /// What the ledger tells of all tasks.
    pub episodes: Episodes,
    /// The ledger's commits by the number of their event, the oldest first.
    commits: Vec<Oid>,
    places: Places,
}

/// One call of a model.
#[derive(Debug, Clone, Copy)]
pub struct Charge<'a> {
    /// When.
    pub at: Timestamp,
    /// The model, as the program calls it.
    pub model: &'a str,
    /// Whose work it was.
    pub owner: Owner<'a>,
    /// What it used.
    pub spent: Spent,
}

/// Whose work something was.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// Another repository's, or nobody's.
    Elsewhere,
    /// This repository's, outside all workspaces.
    NoTask,
    /// A task's.
    Task(&'a TaskName, Option<(&'a Episode, &'a Grant)>),
}

impl<'a> Accounts<'a> {
    /// Reads what is new in all transcripts, and the ledger's history.
    ///
    /// # Errors
    /// When the ledger, the index or the prices cannot be read. Transcripts that cannot be read are told in `news`.
    pub fn open(session: &'a Session, context: &Context<'_>) -> Result<Accounts<'a>, Failure> {
        let index = Index::open(&index_of(session))?;
        Accounts::with(session, context, index)
    }

    fn with(session: &'a Session, context: &Context<'_>, mut index: Index) -> Result<Accounts<'a>, Failure> {
        let table = PriceTable::read(context.prices.as_deref(), &session.policy.prices)?;
        let kept = session.ledger().folder().join("usage-events");
        let events = annals::read(&session.repo, &kept, &[episode::TIER, episode::CLASS])?;
        let episodes = Episodes::read(events.iter().map(|told| (told.at, &told.event)));
        let commits = events.iter().map(|told| told.commit).collect();
        let news = index.update(&homes(session, context), |bytes| {
            if bytes > MUCH {
                let much = bytes >> 20;
                context
                    .monitor
                    .note(&format!("reading {much} MiB of transcripts; what was read is not read again"));
            }
        });
        let mut places = Places::of(session, &mut index)?;
        places.know(episodes.all().map(|life| &life.task));
        // Without it the next one reads all of it again, and comes to the same.
        if let Err(failure) = index.save(&index_of(session)) {
            tracing::debug!(%failure, "the index of transcripts was not written");
        }
        Ok(Accounts { session, index, news, table, episodes, commits, places })
    }

    /// How many lines of transcripts could not be understood.
    pub fn damaged(&self) -> u64 {
        self.index.damaged()
    }

    /// Tells `take` of every call.
    pub fn each<'b>(&'b self, mut take: impl FnMut(Charge<'b>)) {
        let names = self.index.names();
        // By the numbers of the names: each is looked up once, and calls are many.
        let mut prices: Vec<Option<&[Price]>> = vec![None; names.all().len()];
        let mut places: Vec<Option<Place<'b>>> = vec![None; names.all().len()];
        for call in self.index.calls() {
            let model = names.text(call.model);
            let price = known(&mut prices, call.model, || self.table.prices.of_model(model));
            let place = known(&mut places, call.folder, || self.places.find(names.text(call.folder)));
            let at = Timestamp::from_second(call.at).unwrap_or_default();
            take(Charge { at, model, owner: self.owner(place, at), spent: spent(&call, price, at) });
        }
    }

    fn owner<'b>(&'b self, place: Place<'b>, at: Timestamp) -> Owner<'b> {
        match place {
            Place::Elsewhere => Owner::Elsewhere,
            Place::Here => Owner::NoTask,
            Place::Task(task) => {
                let life = episode::at_time(self.episodes.lives(task), at);
                Owner::Task(task, life.and_then(|life| Some((life, life.grant_at(at)?))))
            }
        }
    }

    /// Who had a task under a grant, if the ledger's commit can tell.
    pub fn holder(&self, task: &TaskName, grant: &Grant) -> Option<Holder> {
        let commit = self.commits.get(grant.event)?;
        let path = format!("leases/{task}.toml");
        let file = self.session.repo.file_at(*commit, path.as_str().into()).ok().flatten()?;
        let lease = LeaseFile::from_toml(&file).ok()?.lease(self.session.ledger().case()).ok()?;
        Some(lease.holder)
    }

    /// What the present life of a task has used, or its last one.
    pub fn of_life(&self, task: &TaskName) -> Spent {
        let Some(present) = self.episodes.lives(task).last() else { return Spent::default() };
        let mut sum = Spent::default();
        self.each(|charge| {
            if let Owner::Task(_, Some((life, _))) = charge.owner
                && std::ptr::eq(life, present)
            {
                sum += charge.spent;
            }
        });
        sum
    }

    /// Finds which of the live tasks do not merge with their target as they are. Answers which could not be tried.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn find_conflicts(&mut self) -> Result<Vec<String>, Failure> {
        let state = self.session.ledger().read()?;
        let repo = &self.session.repo;
        let mut unknown = Vec::new();
        let mut asker = Asker::of(repo);
        for life in self.episodes.all_mut().filter(|life| life.ended.is_none()) {
            let Some(lease) = state.book.leases().iter().find(|lease| lease.task == life.task) else {
                continue;
            };
            let Some(branch) = lease.branch() else { continue };
            let side = |name: &str| -> Result<Option<Side>, Failure> {
                Ok(repo.reference(name)?.map(|commit| Side { name: name.to_owned(), commit }))
            };
            let (Some(target), Some(own)) = (side(&lease.target)?, side(branch)?) else { continue };
            if own.commit == target.commit {
                continue;
            }
            match asker.ask([&target, &own]) {
                Ok(merge) if merge.is_clean() => {}
                Ok(_) => life.fate = Fate::Conflicted,
                Err(error) => unknown.push(format!("{}: {error}", life.task)),
            }
        }
        Ok(unknown)
    }

    /// What a person has to be told before trusting the sums: a line each.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts: Vec<String> = self.news.failures.iter().map(|failure| with_causes(failure)).collect();
        if self.damaged() > 0 {
            let lines = usize::try_from(self.damaged()).unwrap_or(usize::MAX);
            doubts.push(format!("{} of the transcripts could not be understood", text::count(lines, "line")));
        }
        doubts
    }
}

/// What belongs to a name, which is found out once; each time for a number that no name has.
fn known<T: Copy>(kept: &mut [Option<T>], name: Name, find: impl FnOnce() -> T) -> T {
    match kept.get_mut(name as usize) {
        Some(kept) => *kept.get_or_insert_with(find),
        None => find(),
    }
}

/// Where what was read is kept.
fn index_of(session: &Session) -> PathBuf {
    session.ledger().folder().join("usage")
}

/// Where metrics are kept that were received.
pub fn metrics_of(session: &Session) -> PathBuf {
    session.ledger().folder().join("metrics.jsonl")
}

fn homes(session: &Session, context: &Context<'_>) -> Homes {
    let metrics = metrics_of(session);
    Homes { metrics: [metrics].into_iter().filter(|path| path.exists()).collect(), ..context.agents.clone() }
}

/// What a landing tells the ledger of what its task has used: nothing where nobody keeps accounts, or where there is much to read
/// first. Somebody who wants it in commits keeps accounts. A landing neither fails nor waits because of transcripts.
pub fn facts(session: &Session, context: &Context<'_>, task: &TaskName) -> Vec<(&'static str, String)> {
    known_facts(session, context, task).unwrap_or_else(|failure| {
        tracing::debug!(%failure, "the landing does not tell what was used");
        Vec::new()
    })
}

/// Such a fact as a trailer of the commit that lands.
pub fn trailer((name, value): &(&'static str, String)) -> String {
    format!("Odyssey-{name}: {value}")
}

fn known_facts(
    session: &Session,
    context: &Context<'_>,
    task: &TaskName,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let path = index_of(session);
    if !path.exists() && !session.policy.usage.trailer {
        return Ok(Vec::new());
    }
    let index = Index::open(&path)?;
    if index.pending(&homes(session, context)) > LITTLE {
        return Ok(Vec::new());
    }
    let accounts = Accounts::with(session, context, index)?;
    let spent = accounts.of_life(task);
    if spent.calls == 0 {
        return Ok(Vec::new());
    }
    let Tokens { input, output, cache_read, cache_write, reasoning, .. } = spent.tokens;
    let tokens = format!(
        "input={input} output={output} cache-read={cache_read} cache-write={cache_write} reasoning={reasoning}"
    );
    let mut facts = vec![("Tokens", tokens)];
    if let Some(money) = spent.priced() {
        let PriceTable { dated, has_policy, own, .. } = &accounts.table;
        let own = if *has_policy || own.is_some() { ", and own ones" } else { "" };
        facts.push(("Cost", format!("{:.6} USD, prices of {dated}{own}", money.as_dollars())));
    }
    if spent.unpriced > 0 {
        facts.push(("Unpriced-Tokens", spent.unpriced.to_string()));
    }
    Ok(facts)
}

fn with_causes(error: &dyn Explain) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn spent(call: &Call, prices: &[Price], at: Timestamp) -> Spent {
    let cost = |price: &Price| match call.program {
        // One point tells of many calls.
        Program::Metrics => price.cost_of_sum(call.tokens),
        Program::Claude | Program::Codex | Program::Gemini | Program::Opencode => price.cost(call.tokens),
    };
    Spent::call(call.tokens, price::at_time(prices, at).map(cost))
}
