//! The protocol of a shared ledger as a model, every order of its steps tried: claims, expiry, takeover, fencing, group
//! commit, landing and folds of the history, with crashes, delayed and doubled pushes, lost answers, and clocks that say
//! anything.
//!
//! The rules are those of `domain/` themselves: each step decides with a `LeaseBook`. What the model adds is the network
//! and the remote, which takes a push only where both refs are as the pusher expects them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a step that cannot be taken fails the test, and shows where; how far to look is said by the environment"
)]

use std::time::Duration;

use git_odyssey::base::clock::Timestamp;
use git_odyssey::domain::book::Entry;
use git_odyssey::domain::book::LeaseBook;
use git_odyssey::domain::book::OverParked;
use git_odyssey::domain::book::Request;
use git_odyssey::domain::book::Work;
use git_odyssey::domain::event::Event;
use git_odyssey::domain::event::EventKind;
use git_odyssey::domain::event::Recorded;
use git_odyssey::domain::holder::Holder;
use git_odyssey::domain::holder::HolderKind;
use git_odyssey::domain::lease::Fence;
use git_odyssey::domain::lease::Lease;
use git_odyssey::domain::lease::Mode;
use git_odyssey::domain::lease::Phase;
use git_odyssey::domain::lease::Place;
use git_odyssey::domain::region::Case;
use git_odyssey::domain::region::Region;
use git_odyssey::domain::region::RegionSet;
use git_odyssey::domain::span::Unseen;
use git_odyssey::domain::task::TaskName;
use git_odyssey::domain::transition::Step as Admitted;
use stateright::Checker;
use stateright::Model;
use stateright::Property;

/// The three holders, each with one task. The first two work on one machine and share its pushes.
const REGIONS: [&str; 3] = ["src/**", "src/a.rs", "src/*.rs"];
const MACHINE: [usize; 3] = [0, 0, 1];

fn task(holder: usize) -> TaskName {
    format!("task-{holder}").parse().unwrap()
}

fn before_expiry() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn after_expiry() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// A lease without its times: whether it has expired is whatever the clock of who looks says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    holder: usize,
    fence: u64,
    active: bool,
}

/// The ledger at one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Ledger {
    rows: Vec<Row>,
    last_fence: u64,
}

impl Ledger {
    fn book(&self) -> LeaseBook {
        let lease = |row: &Row| Lease {
            task: task(row.holder),
            fence: Fence(row.fence),
            phase: if row.active { Phase::Active } else { Phase::Parked },
            ..blank(row.holder)
        };
        LeaseBook::new(self.rows.iter().map(lease), Fence(self.last_fence))
    }

    fn after(&self, entries: &[Entry]) -> Ledger {
        let mut book = self.book();
        for entry in entries {
            book = book.after(entry);
        }
        let row = |lease: &Lease| Row {
            holder: (0..3).find(|&holder| task(holder) == lease.task).unwrap(),
            fence: lease.fence.0,
            active: lease.is_active(),
        };
        Ledger { rows: book.leases().iter().map(row).collect(), last_fence: book.last_fence().0 }
    }
}

fn blank(holder: usize) -> Lease {
    let request = request(holder);
    Lease {
        task: request.task,
        fence: Fence(0),
        holder: request.holder,
        place: request.place,
        base: request.base,
        target: request.target,
        regions: request.regions,
        mode: request.mode,
        phase: Phase::Active,
        ttl: request.ttl,
        granted_at: before_expiry(),
        expires_at: "2026-11-24T18:00:00Z".parse().unwrap(),
    }
}

fn request(holder: usize) -> Request {
    let region = Region::parse(REGIONS[holder], &Default::default(), Case::Sensitive).unwrap();
    Request {
        task: task(holder),
        holder: Holder::new(&format!("holder-{holder}"), HolderKind::Agent).unwrap(),
        place: Place::Here,
        base: "0".repeat(40),
        target: "refs/heads/main".to_owned(),
        regions: RegionSet::new(vec![region]),
        mode: Mode::Exclusive,
        ttl: Duration::from_secs(6 * 3600),
        over: OverParked::TakeOver,
    }
}

/// One commit of the ledger that a holder made, with what it wants of the target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Change {
    id: u8,
    holder: usize,
    kind: Kind,
    ledger: Ledger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// The holder is granted this fence.
    Grant(u64),
    /// The holder's lease with this fence ends, and its work is on the target.
    Land(u64),
    Park,
    /// The history before is folded into an archive; nothing else changes.
    Fold,
}

/// A push on its way: what it expects of the two refs, and what it makes of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Push {
    machine: usize,
    /// How long the ledger's chain is where it was decided.
    ledger: usize,
    /// How long the target's history is where it was merged; nothing when the push leaves it alone.
    target: Option<usize>,
    /// The archive that it makes, of so much of the chain.
    archive: Option<usize>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Machine {
    /// How much of the remote's ledger, and of its target, it has seen.
    ledger: usize,
    target: usize,
    /// What its processes decided on top of it and nobody has pushed.
    pending: Vec<Change>,
    /// The push that is waited for.
    waiting: Option<Push>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// The remote's ledger: its chain of changes after the first commit.
    chain: Vec<Change>,
    /// The archives on the remote, each of so much of the chain.
    archives: Vec<usize>,
    /// The remote's target: who landed, with which change, or a person's push (nothing).
    target: Vec<Option<u8>>,
    machines: [Machine; 2],
    /// What each holder was told: its fence, until it lands.
    told: [Option<u64>; 3],
    /// The landings that holders were told of.
    landed: Vec<u8>,
    network: Vec<Push>,
    changes: u8,
    /// How many more faults there may be.
    faults: u8,
    crashed: bool,
    /// A landing of somebody who did not hold the lease when it arrived.
    stale: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Fetch(usize),
    /// A holder claims, or goes on with its parked or expired task; by a clock before or after all expiries.
    Claim(usize, bool),
    Park(usize),
    Land(usize),
    /// A machine folds the history on the remote.
    Fold(usize),
    /// Whoever keeps the server folds the history there: first the archive, then the ledger.
    Archive,
    FoldThere,
    /// A machine pushes what is pending.
    Send(usize),
    /// A push arrives; it may arrive again later, or its answer may be lost.
    Arrive {
        push: usize,
        again: bool,
        answer: bool,
    },
    /// A push never arrives.
    Lose(usize),
    /// Who waits for a push looks at the remote and sees whether it was applied.
    Settle(usize),
    /// A machine dies, and forgets all but what is on its disk: what it saw and what its holders were told.
    Crash(usize),
    /// A person pushes to the target.
    Person,
}

struct Protocol {
    /// Whether a landing expects the ledger to be as it was decided on.
    verifies: bool,
    /// Whether a fold and its archive arrive together.
    archives: bool,
    changes: u8,
    faults: u8,
}

/// A fold is an event that names what it archives; the rules admit it where it changes nothing.
fn may_fold(ledger: &Ledger) -> bool {
    let subject = "compact".to_owned();
    let event = Event { kind: EventKind::Compact, task: None, fence: None, subject, facts: Vec::new() };
    let event = Recorded::read(&event.fact("Archive", "0".repeat(40)).message()).unwrap();
    let counter = Fence(ledger.last_fence);
    let step = Admitted { event: &event, put: &[], remove: &[], counter };
    ledger.book().admit(&step, before_expiry(), &Unseen).is_ok()
}

impl World {
    fn ledger_at(&self, length: usize) -> Ledger {
        length.checked_sub(1).map(|last| self.chain[last].ledger.clone()).unwrap_or_default()
    }

    fn now(&self) -> Ledger {
        self.ledger_at(self.chain.len())
    }

    /// The ledger that a process of a machine decides on: what the machine saw, and what is pending on top of it.
    fn seen(&self, machine: usize) -> Ledger {
        let machine = &self.machines[machine];
        machine.pending.last().map_or_else(|| self.ledger_at(machine.ledger), |last| last.ledger.clone())
    }

    fn decide(&mut self, holder: usize, kind: Kind, ledger: Ledger) {
        let id = self.changes;
        self.changes += 1;
        self.machines[MACHINE[holder]].pending.push(Change { id, holder, kind, ledger });
    }

    /// A machine learns what the remote has, and tells its holders what came of their changes.
    fn learn(&mut self, machine: usize) {
        let seen = self.machines[machine].ledger;
        for change in &self.chain[seen..] {
            if MACHINE[change.holder] != machine {
                continue;
            }
            match change.kind {
                Kind::Grant(fence) => self.told[change.holder] = Some(fence),
                Kind::Land(_) => {
                    self.told[change.holder] = None;
                    self.landed.push(change.id);
                }
                Kind::Park => self.told[change.holder] = None,
                Kind::Fold => {}
            }
        }
        self.machines[machine].ledger = self.chain.len();
        self.machines[machine].target = self.target.len();
        // What was decided on what is no longer so is decided again.
        self.machines[machine].pending.clear();
    }

    /// The remote takes a push, or does not.
    fn arrive(&mut self, push: &Push, verifies: bool, archives: bool) {
        let landing = push.target.is_some();
        let ledger_is = push.ledger == self.chain.len() || (!verifies && landing);
        let target_is = push.target.is_none_or(|target| target == self.target.len());
        if !ledger_is || !target_is {
            return;
        }
        self.archives.extend(push.archive.filter(|archive| archives && !self.archives.contains(archive)));
        for change in &push.changes {
            if let Kind::Land(fence) = change.kind {
                let holds = |row: &Row| row.holder == change.holder && row.fence == fence;
                self.stale |= !self.now().rows.iter().any(holds);
                self.target.push(Some(change.id));
            }
            self.chain.push(change.clone());
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            chain: Vec::new(),
            archives: Vec::new(),
            target: Vec::new(),
            machines: Default::default(),
            told: [None; 3],
            landed: Vec::new(),
            network: Vec::new(),
            changes: 0,
            faults: self.faults,
            crashed: false,
            stale: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for machine in 0..2 {
            if world.machines[machine].waiting.is_some() {
                steps.push(Step::Settle(machine));
            } else {
                steps.push(Step::Fetch(machine));
                if !world.machines[machine].pending.is_empty() {
                    steps.push(Step::Send(machine));
                }
            }
            let idle =
                world.machines[machine].waiting.is_none() && world.machines[machine].pending.is_empty();
            if world.changes < self.changes && idle && world.machines[machine].ledger > 0 {
                steps.push(Step::Fold(machine));
            }
            if world.faults > 0 {
                steps.push(Step::Crash(machine));
            }
        }
        for (holder, machine) in MACHINE.into_iter().enumerate() {
            if world.changes < self.changes && world.machines[machine].waiting.is_none() {
                steps.extend([Step::Claim(holder, false), Step::Claim(holder, true)]);
                if world.told[holder].is_some() {
                    steps.extend([Step::Land(holder), Step::Park(holder)]);
                }
            }
        }
        for push in 0..world.network.len() {
            steps.push(Step::Arrive { push, again: false, answer: true });
            if world.faults > 0 {
                steps.push(Step::Arrive { push, again: true, answer: true });
                steps.push(Step::Arrive { push, again: false, answer: false });
                steps.push(Step::Lose(push));
            }
        }
        if world.changes < self.changes && !world.chain.is_empty() {
            let archived = world.archives.contains(&world.chain.len());
            steps.push(if archived { Step::FoldThere } else { Step::Archive });
        }
        if world.target.iter().all(Option::is_some) {
            steps.push(Step::Person);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Fetch(machine) => next.learn(machine),
            Step::Claim(holder, late) => {
                let ledger = world.seen(MACHINE[holder]);
                let book = ledger.book();
                let now = if late { after_expiry() } else { before_expiry() };
                let entries = match book.get(&task(holder)) {
                    Some(_) => vec![book.resume(&task(holder), None, None, now, &Unseen).ok()?.1],
                    None => book.claim(&request(holder), now, &|_| Work::Some, &Unseen).ok()?.1,
                };
                let after = ledger.after(&entries);
                let fence = after.rows.iter().find(|row| row.holder == holder)?.fence;
                next.decide(holder, Kind::Grant(fence), after);
            }
            Step::Park(holder) => {
                let ledger = world.seen(MACHINE[holder]);
                let book = ledger.book();
                book.need_active(&task(holder), Fence(world.told[holder]?)).ok()?;
                let entry = book.park(&task(holder), "asked").ok()??;
                next.decide(holder, Kind::Park, ledger.after(&[entry]));
            }
            Step::Land(holder) => {
                // A landing goes alone, and moves the target with the ledger.
                let machine = &mut next.machines[MACHINE[holder]];
                let fence = Fence(world.told[holder]?);
                if !machine.pending.is_empty() {
                    return None;
                }
                let ledger = world.ledger_at(machine.ledger);
                let event = Event::of(EventKind::Land, &task(holder), fence, "land".to_owned());
                let entry = ledger.book().end(&task(holder), fence, event).ok()?;
                let (ledger, kind) = (ledger.after(&[entry]), Kind::Land(fence.0));
                let push = Push {
                    machine: MACHINE[holder],
                    ledger: machine.ledger,
                    target: Some(machine.target),
                    archive: None,
                    changes: vec![Change { id: next.changes, holder, kind, ledger }],
                };
                machine.waiting = Some(push.clone());
                next.changes += 1;
                next.network.push(push);
            }
            Step::Fold(machine) => {
                let seen = world.machines[machine].ledger;
                let ledger = world.ledger_at(seen);
                if !may_fold(&ledger) || world.chain[seen - 1].kind == Kind::Fold {
                    return None;
                }
                // It is told to nobody, so whose machine it is does not matter.
                let holder = MACHINE.iter().position(|of| *of == machine)?;
                let change = Change { id: next.changes, holder, kind: Kind::Fold, ledger };
                let push =
                    Push { machine, ledger: seen, target: None, archive: Some(seen), changes: vec![change] };
                next.machines[machine].waiting = Some(push.clone());
                next.changes += 1;
                next.network.push(push);
            }
            Step::Archive => next.archives.push(world.chain.len()),
            Step::FoldThere => {
                let ledger = world.now();
                if !may_fold(&ledger) || world.chain.last()?.kind == Kind::Fold {
                    return None;
                }
                next.chain.push(Change { id: next.changes, holder: 0, kind: Kind::Fold, ledger });
                next.changes += 1;
            }
            Step::Send(machine) => {
                let from = &mut next.machines[machine];
                let changes = std::mem::take(&mut from.pending);
                let push = Push { machine, ledger: from.ledger, target: None, archive: None, changes };
                from.waiting = Some(push.clone());
                next.network.push(push);
            }
            Step::Arrive { push, again, answer } => {
                let arrived = world.network[push].clone();
                if again {
                    next.faults -= 1;
                } else {
                    next.network.remove(push);
                }
                next.arrive(&arrived, self.verifies, self.archives);
                if !answer {
                    next.faults -= 1;
                } else if next.machines[arrived.machine].waiting.as_ref() == Some(&arrived) {
                    next.machines[arrived.machine].waiting = None;
                    next.learn(arrived.machine);
                }
            }
            Step::Lose(push) => {
                next.network.remove(push);
                next.faults -= 1;
            }
            Step::Settle(machine) => {
                // Whoever gives up waiting looks at the remote. A push that is still on its way expects what is no
                // longer so once anything else was written; until then it may yet arrive, and that is no harm.
                next.machines[machine].waiting = None;
                next.learn(machine);
            }
            Step::Crash(machine) => {
                next.machines[machine].pending.clear();
                next.machines[machine].waiting = None;
                next.faults -= 1;
                next.crashed = true;
            }
            Step::Person => next.target.push(None),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::always("no two writers", |_, world: &World| {
                let book = world.now().book();
                let active = book.leases().iter().filter(|lease| lease.is_active());
                active.into_iter().all(|lease| book.excluded_by(lease, &Unseen).next().is_none())
            }),
            Property::always("fences rise", |_, world: &World| {
                let fences = world.chain.iter().filter_map(|change| match change.kind {
                    Kind::Grant(fence) => Some(fence),
                    Kind::Land(_) | Kind::Park | Kind::Fold => None,
                });
                fences.collect::<Vec<_>>().is_sorted_by(|one, next| one < next)
            }),
            Property::always("no stale landing", |_, world: &World| !world.stale),
            Property::always("no lost landing", |_, world: &World| {
                world.landed.iter().all(|id| world.target.contains(&Some(*id)))
            }),
            Property::always("nothing lands twice", |_, world: &World| {
                let mut landed: Vec<u8> = world.target.iter().filter_map(|landing| *landing).collect();
                landed.sort_unstable();
                landed.is_sorted_by(|one, next| one < next)
            }),
            Property::always("target and ledger land together", |_, world: &World| {
                let lands = |change: &&Change| matches!(change.kind, Kind::Land(_));
                let ended = world.chain.iter().filter(lands).map(|change| change.id);
                ended.eq(world.target.iter().filter_map(|landing| *landing))
            }),
            Property::always("whoever saw the ledger finds that again", |_, world: &World| {
                // From now back to what a machine saw last, each fold on the way has its archive.
                let folds = world.chain.iter().enumerate().filter(|(_, change)| change.kind == Kind::Fold);
                folds.map(|(place, _)| place).all(|place| {
                    let crosses = world.machines.iter().any(|machine| machine.ledger <= place);
                    !crosses || world.archives.contains(&place)
                })
            }),
            Property::always("a fold changes no lease", |_, world: &World| {
                let mut pairs = world.chain.windows(2);
                pairs.all(|pair| pair[1].kind != Kind::Fold || pair[0].ledger == pair[1].ledger)
            }),
            Property::always("somebody can go on", |_, world: &World| {
                let book = world.now().book();
                (0..3).any(|holder| match book.get(&task(holder)) {
                    Some(_) => true,
                    None => book.claim(&request(holder), after_expiry(), &|_| Work::Some, &Unseen).is_ok(),
                })
            }),
            Property::sometimes("a task lands after a crash", |_, world: &World| {
                world.crashed && !world.landed.is_empty()
            }),
            Property::sometimes("a task is taken over, and lands", |_, world: &World| {
                let grants = world.chain.iter().filter(|change| matches!(change.kind, Kind::Grant(_)));
                grants.count() == 2 && world.landed.len() == 1
            }),
            Property::sometimes("a task lands on a folded ledger", |_, world: &World| {
                let kind = |change: &Change| change.kind == Kind::Fold;
                world.chain.iter().any(kind)
                    && matches!(world.chain.last().map(|last| last.kind), Some(Kind::Land(_)))
            }),
            Property::sometimes("one push carries the changes of two", |_, world: &World| {
                world.network.iter().any(|push| push.changes.len() == 2)
            }),
        ]
    }
}

#[test]
fn no_order_of_steps_breaks_the_protocol() {
    // With 4 changes and 2 faults it is 11 million states and some minutes.
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let changes = number("GIT_ODYSSEY_MODEL_CHANGES").unwrap_or(3);
    let faults = number("GIT_ODYSSEY_MODEL_FAULTS").unwrap_or(2);
    let checker =
        Protocol { verifies: true, archives: true, changes, faults }.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() > 10_000, "too few to mean anything");
}

#[test]
fn a_landing_that_did_not_verify_the_ledger_would_be_stale() {
    let protocol = Protocol { verifies: false, archives: true, changes: 3, faults: 0 };
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    assert!(checker.discovery("no stale landing").is_some(), "the model does not see what the rule prevents");
}

#[test]
fn a_fold_that_came_without_its_archive_would_lose_what_somebody_saw() {
    let protocol = Protocol { verifies: true, archives: false, changes: 2, faults: 0 };
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    let found = checker.discovery("whoever saw the ledger finds that again");
    assert!(found.is_some(), "the model does not see what the rule prevents");
}
