//! What the book's rules write passes; what differs from it in anything is refused.

use std::time::Duration;

use proptest::prelude::*;

use super::super::book::Entry;
use super::super::book::tests::answered;
use super::super::book::tests::asked;
use super::super::book::tests::at;
use super::super::book::tests::request;
use super::super::book::tests::task;
use super::super::book::tests::with_work;
use super::super::event::Event;
use super::super::holder::HolderKind;
use super::super::lease::Mode;
use super::super::span::Unseen;
use super::*;

/// The step that an entry is written as: what it does not change is not seen.
fn written(book: &LeaseBook, entry: &Entry) -> (Recorded, Vec<Lease>, Vec<TaskName>, Fence) {
    let event = Recorded::read(&entry.event.message()).unwrap();
    let same =
        |lease: &Lease| book.get(&lease.task).is_some_and(|old| format!("{old:?}") == format!("{lease:?}"));
    let put: Vec<Lease> = entry.put.iter().filter(|lease| !same(lease)).cloned().collect();
    let counter = put.iter().map(|lease| lease.fence).chain([book.last_fence()]).max().unwrap();
    (event, put, entry.remove.clone(), counter)
}

fn judged(book: &LeaseBook, entry: &Entry, now: Timestamp) -> Result<(), Illegal> {
    let (event, put, remove, counter) = written(book, entry);
    book.admit(&Step { event: &event, put: &put, remove: &remove, counter }, now, &Unseen)
}

fn holder(name: &str) -> Holder {
    Holder::new(name, HolderKind::Agent).unwrap()
}

/// What is changed about a lease, and how.
type Lie = (&'static str, fn(&mut Lease));

/// A step with all that it needs, and what is wrong with it.
type Told = (String, Recorded, Vec<Lease>, Vec<TaskName>, Fence);

/// Everything that can be changed about one lease, beside what its event allows.
const LIES: [Lie; 11] = [
    (FENCE, |lease| lease.fence = Fence(lease.fence.0 + 7)),
    (HOLDER, |lease| lease.holder = holder("mallory")),
    (PLACE, |lease| lease.place = Place::Branch("refs/heads/main".to_owned())),
    (BASE, |lease| lease.base = "not hex".to_owned()),
    (TARGET, |lease| lease.target = "refs/tags/x".to_owned()),
    (REGIONS, |lease| lease.regions = request("x", &["elsewhere/**", "src/**", "docs"]).regions),
    (MODE, |lease| lease.mode = if lease.mode == Mode::Shared { Mode::Exclusive } else { Mode::Shared }),
    (PHASE, |lease| lease.phase = if lease.is_active() { Phase::Parked } else { Phase::Active }),
    (TTL, |lease| lease.ttl = Duration::from_secs(365 * 24 * 60 * 60)),
    (GRANTED, |lease| lease.granted_at = clock::later(lease.granted_at, Duration::from_secs(7))),
    (EXPIRES, |lease| {
        lease.expires_at = clock::later(lease.expires_at, Duration::from_secs(400 * 24 * 60 * 60))
    }),
];

/// What a claimant chooses freely.
const FREE: [&str; 3] = [HOLDER, MODE, REGIONS];

/// A step that differs from a legal one, with what was done to it.
fn lies(book: &LeaseBook, entry: &Entry) -> Vec<Told> {
    let (event, put, remove, counter) = written(book, entry);
    let mut lies = Vec::new();
    let mut lie = |what: &str, event: &Recorded, put: &[Lease], remove: &[TaskName], counter| {
        lies.push((what.to_owned(), event.clone(), put.to_vec(), remove.to_vec(), counter));
    };
    for counter in [Fence(counter.0 + 1), Fence(counter.0.wrapping_sub(1))] {
        lie("another counter", &event, &put, &remove, counter);
    }
    for (what, task) in [("no task", None), ("another task", Some(task("somebody-else")))] {
        lie(what, &Recorded { task, ..event.clone() }, &put, &remove, counter);
    }
    for fence in [None, event.fence.map(|fence| Fence(fence.0 + 1))] {
        lie("another fence", &Recorded { fence, ..event.clone() }, &put, &remove, counter);
    }
    for kind in ["init", "override", "grant"] {
        lie("another event", &Recorded { event: kind.to_owned(), ..event.clone() }, &put, &remove, counter);
    }
    for other in book.leases().iter().filter(|other| Some(&other.task) != event.task.as_ref()) {
        let more = [remove.as_slice(), std::slice::from_ref(&other.task)].concat();
        lie("another lease removed", &event, &put, &more, counter);
        let mut changed = other.clone();
        changed.holder = holder("mallory");
        lie("another lease changed", &event, &[put.as_slice(), &[changed]].concat(), &remove, counter);
    }
    let claims = event.event == "claim";
    for (what, change) in LIES.iter().filter(|(what, _)| !(claims && FREE.contains(what))) {
        for place in 0..put.len() {
            let mut put = put.clone();
            change(&mut put[place]);
            // Whoever takes over may be anybody.
            if event.event == "take-over" && *what == HOLDER {
                continue;
            }
            lie(what, &event, &put, &remove, counter);
        }
    }
    lies
}

proptest! {
    #[test]
    fn what_the_rules_write_passes_and_what_differs_from_it_does_not(
        history in prop::collection::vec(asked(), 1..30)
    ) {
        let mut book = LeaseBook::default();
        let mut second = 0;
        for (asked, passed, work) in history {
            second += passed;
            let now = at(second);
            let Ok(entries) = answered(&book, &asked, now, work) else { continue };
            for entry in entries {
                prop_assert_eq!(judged(&book, &entry, now), Ok(()), "{:?}", entry.event);
                for (what, event, put, remove, counter) in lies(&book, &entry) {
                    let step = Step { event: &event, put: &put, remove: &remove, counter };
                    prop_assert!(book.admit(&step, now, &Unseen).is_err(), "{}: {:?} {:?}", what, event, put);
                }
                book = book.after(&entry);
            }
        }
    }
}

fn book_with(leases: &[(&str, &str)]) -> LeaseBook {
    leases.iter().fold(LeaseBook::default(), |book, (name, region)| {
        let (_, entries) = book.claim(&request(name, &[region]), at(0), &with_work, &Unseen).unwrap();
        entries.iter().fold(book, |book, entry| book.after(entry))
    })
}

#[test]
fn a_grant_that_overlaps_says_who_holds_what() {
    let book = book_with(&[("auth", "src/**")]);
    let alone = LeaseBook::new([], book.last_fence());
    let (_, entries) = alone.claim(&request("other", &["src/a.rs"]), at(1), &with_work, &Unseen).unwrap();
    let illegal = judged(&book, &entries[0], at(1)).unwrap_err();
    assert_eq!(illegal.to_string(), "other would hold src/a.rs, and auth (claude-1) holds src/**");
}

#[test]
fn a_lease_is_taken_over_when_the_server_has_seen_it_expire() {
    let book = book_with(&[("auth", "src/**")]);
    let (_, entry) = book.resume(&task("auth"), Some(&holder("mallory")), None, at(600), &Unseen).unwrap();
    let illegal = judged(&book, &entry, at(540)).unwrap_err();
    assert_eq!(illegal.to_string(), "auth of claude-1 has not expired by the clock of this server: 1m left");
    assert_eq!(judged(&book, &entry, at(600)), Ok(()));
}

#[test]
fn an_active_lease_is_not_removed_as_if_it_were_parked() {
    let book = book_with(&[("auth", "src/**")]);
    let event = Event::of(EventKind::TakeOver, &task("auth"), Fence(1), "x".to_owned());
    let entry = book.end(&task("auth"), Fence(1), event).unwrap();
    let illegal = judged(&book, &entry, at(1)).unwrap_err();
    assert_eq!(illegal.to_string(), "it says take-over auth, and removes an active lease");
}

#[test]
fn a_ledger_begins_empty() {
    let begin = |event: &str, counter| {
        let event = Recorded::read(&format!("x\n\nOdyssey-Event: {event}\n")).unwrap();
        LeaseBook::admit_first(&Step { event: &event, put: &[], remove: &[], counter })
    };
    assert_eq!(begin("init", Fence(0)), Ok(()));
    assert_eq!(begin("init", Fence(5)), Err(Illegal::NotABeginning));
    assert_eq!(begin("override", Fence(0)), Err(Illegal::NotABeginning));
}

#[test]
fn a_fold_changes_nothing_and_is_anybodys() {
    let book = book_with(&[("auth", "src/**")]);
    let auth = book.get(&task("auth")).unwrap().clone();
    let event = |trailers: &str| {
        Recorded::read(&format!("compact 2 events\n\nOdyssey-Event: compact\n{trailers}")).unwrap()
    };
    let judged = |trailers: &str, put: &[Lease], remove: &[TaskName], counter| {
        let step = Step { event: &event(trailers), put, remove, counter };
        assert_eq!(book.owner(&step, at(1)), None);
        book.admit(&step, at(1), &Unseen)
    };
    let archive = "Odyssey-Archive: 00\n";
    assert_eq!(judged(archive, &[], &[], Fence(1)), Ok(()));
    for counter in [0, 2] {
        let illegal = judged(archive, &[], &[], Fence(counter)).unwrap_err();
        assert!(matches!(illegal, Illegal::Counter { .. }), "{illegal}");
    }
    for (what, change) in LIES {
        let mut changed = auth.clone();
        change(&mut changed);
        assert!(judged(archive, &[changed], &[], Fence(1)).is_err(), "{what}");
    }
    assert!(judged(archive, &[], &[task("auth")], Fence(1)).is_err());
    for named in ["Odyssey-Task: auth\n", "Odyssey-Fence: 1\n", "Odyssey-Task: auth\nOdyssey-Fence: 1\n"] {
        let illegal = judged(named, &[], &[], Fence(1)).unwrap_err();
        assert!(matches!(illegal, Illegal::Trailers(..)), "{illegal}");
    }
    let first = event(archive);
    let step = Step { event: &first, put: &[], remove: &[], counter: Fence(0) };
    assert_eq!(LeaseBook::admit_first(&step), Err(Illegal::NotABeginning), "what it folds has to be there");
}

#[test]
fn clearing_away_what_expired_is_anybodys_and_the_rest_its_holders() {
    let book = book_with(&[("auth", "src/**")]);
    let owner = |entry: &Entry, second| {
        let (event, put, remove, counter) = written(&book, entry);
        let step = Step { event: &event, put: &put, remove: &remove, counter };
        book.owner(&step, at(second)).map(|holder| holder.name().to_owned())
    };
    let park = book.park(&task("auth"), "x").unwrap().unwrap();
    assert_eq!(owner(&park, 1), Some("claude-1".to_owned()));
    assert_eq!(owner(&park, 600), None);
    let (_, renew) = book.renew(&task("auth"), Fence(1), None, at(700)).unwrap();
    assert_eq!(owner(&renew, 700), Some("claude-1".to_owned()));
    let (_, taken) = book.resume(&task("auth"), Some(&holder("codex-2")), None, at(700), &Unseen).unwrap();
    assert_eq!(owner(&taken, 700), Some("codex-2".to_owned()));
}

#[test]
fn what_is_parked_is_sent_later_by_its_holder_and_what_is_active_is_not() {
    let active = book_with(&[("auth", "src/**")]);
    let again = Entry::note(Event::of(EventKind::Park, &task("auth"), Fence(1), "send auth".to_owned()));
    let illegal = judged(&active, &again, at(1)).unwrap_err();
    assert_eq!(illegal.to_string(), "it says park auth, and changes nothing");
    let lease = active.park(&task("auth"), "x").unwrap().unwrap().put.remove(0);
    let book = LeaseBook::new([lease], Fence(1));
    assert_eq!(judged(&book, &again, at(1)), Ok(()));
    let (event, put, remove, counter) = written(&book, &again);
    let step = Step { event: &event, put: &put, remove: &remove, counter };
    assert_eq!(book.owner(&step, at(9_000)).map(Holder::name), Some("claude-1"));
    let old = Entry::note(Event::of(EventKind::Park, &task("auth"), Fence(7), "send auth".to_owned()));
    assert!(judged(&book, &old, at(1)).is_err());
}

#[test]
fn whoever_settles_changes_nothing() {
    let book = book_with(&[("auth", "src/**")]);
    let settle = Event {
        task: None,
        fence: None,
        ..Event::of(EventKind::Settle, &task("auth"), Fence(1), "x".to_owned())
    };
    assert_eq!(judged(&book, &Entry::note(settle.clone()), at(1)), Ok(()));
    let lease = book.get(&task("auth")).unwrap().clone();
    let other = Entry { remove: vec![lease.task], ..Entry::note(settle) };
    assert!(judged(&book, &other, at(1)).is_err());
}
