//! The book's invariants, checked over random histories of what holders may ask.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::holder::HolderKind;
use crate::domain::judge::Actor;
use crate::domain::lease;
use crate::domain::region::Case;
use crate::domain::span::Edit;
use crate::domain::span::Span;

const REGIONS: [&str; 8] =
    ["src/**", "src/a.rs", "src/*.rs", "docs", "docs/**/x", "**/x", "[ds]*", "Cargo.toml"];

pub(in crate::domain) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn regions(texts: &[&str]) -> RegionSet {
    lease::regions_from(texts.iter().copied(), &BTreeMap::new(), Case::Sensitive).unwrap()
}

pub(in crate::domain) fn request(task: &str, texts: &[&str]) -> Request {
    Request {
        task: task.parse().unwrap(),
        holder: Holder::new("claude-1", HolderKind::Agent).unwrap(),
        place: Place::Here,
        base: "0".repeat(40),
        target: "refs/heads/main".to_owned(),
        regions: regions(texts),
        mode: Mode::Exclusive,
        ttl: Duration::from_secs(600),
        over: OverParked::Refuse,
    }
}

pub(in crate::domain) fn with_work(_: &Lease) -> Work {
    Work::Some
}

fn without_work(_: &Lease) -> Work {
    Work::None
}

fn written(book: LeaseBook, entries: &[Entry]) -> LeaseBook {
    entries.iter().fold(book, |book, entry| book.after(entry))
}

fn claimed(book: LeaseBook, task: &str, texts: &[&str], second: i64) -> LeaseBook {
    let (_, entries) = book.claim(&request(task, texts), at(second), &with_work, &Unseen).unwrap();
    written(book, &entries)
}

pub(in crate::domain) fn task(name: &str) -> TaskName {
    name.parse().unwrap()
}

#[test]
fn a_claim_inside_a_held_region_is_refused_with_who_holds_what_and_what_is_free() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let refused =
        book.claim(&request("other", &["src/a.rs", "docs"]), at(60), &with_work, &Unseen).unwrap_err();
    let Refused::Held { obstacles, free, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(obstacles.len(), 1);
    assert_eq!(obstacles[0].line(), "src/a.rs is held by auth (claude-1, agent) as src/**, 9m left");
    assert_eq!(free, ["docs"]);
}

#[test]
fn a_task_that_is_live_is_not_claimed_again_whatever_its_case() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    for name in ["auth", "AUTH"] {
        let refused = book.claim(&request(name, &["docs"]), at(1), &with_work, &Unseen).unwrap_err();
        assert!(matches!(refused, Refused::Taken { .. }), "{refused:?}");
    }
}

#[test]
fn an_expired_lease_with_work_is_parked_and_the_claimant_chooses() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let ask = |over| Request { over, ..request("other", &["src/a.rs"]) };
    let refused = book.claim(&ask(OverParked::Refuse), at(600), &with_work, &Unseen).unwrap_err();
    assert!(matches!(refused, Refused::Parked { .. }), "{refused:?}");

    let (_, entries) = book.claim(&ask(OverParked::Stack), at(600), &with_work, &Unseen).unwrap();
    let stacked = written(LeaseBook::new(book.leases().to_vec(), book.last_fence()), &entries);
    assert_eq!(stacked.get(&task("auth")).unwrap().phase, Phase::Parked);

    let (_, entries) = book.claim(&ask(OverParked::TakeOver), at(600), &with_work, &Unseen).unwrap();
    let taken = written(book, &entries);
    assert!(taken.get(&task("auth")).is_none());
    assert!(taken.get(&task("other")).is_some());
}

#[test]
fn after_the_highest_fence_nothing_is_granted() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let parked = book.park(&task("auth"), "asked").unwrap().unwrap();
    let book = LeaseBook::new(book.after(&parked).leases().to_vec(), Fence(u64::MAX));
    let claim = book.claim(&request("other", &["docs"]), at(1), &with_work, &Unseen);
    assert_eq!(claim.err(), Some(Refused::LastFence));
    let resume = book.resume(&task("auth"), None, None, at(1), &Unseen);
    assert_eq!(resume.err(), Some(Refused::LastFence));
    let last = LeaseBook::new([], Fence(u64::MAX - 1));
    let (lease, _) = last.claim(&request("other", &["docs"]), at(1), &with_work, &Unseen).unwrap();
    assert_eq!(lease.fence, Fence(u64::MAX));
}

#[test]
fn an_expired_lease_without_work_makes_way() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let (_, entries) = book.claim(&request("auth", &["src/a.rs"]), at(600), &without_work, &Unseen).unwrap();
    assert_eq!(written(book, &entries).leases().len(), 1);
}

#[test]
fn a_holder_with_an_old_fence_may_not_write() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let old = book.get(&task("auth")).unwrap().fence;
    let other = Holder::new("claude-2", HolderKind::Agent).unwrap();
    let (lease, entry) = book.resume(&task("auth"), Some(&other), None, at(600), &Unseen).unwrap();
    let book = book.after(&entry);
    assert!(lease.fence > old);
    assert!(matches!(book.need_active(&task("auth"), old), Err(Refused::OldFence { .. })));
    assert!(matches!(book.renew(&task("auth"), old, None, at(601)), Err(Refused::OldFence { .. })));
    assert!(book.need_active(&task("auth"), lease.fence).is_ok());
}

#[test]
fn shared_leases_stand_together_and_exclude_an_exclusive_one() {
    let shared = |task| Request { mode: Mode::Shared, ..request(task, &["src/**"]) };
    let book = LeaseBook::default();
    let (_, entries) = book.claim(&shared("one"), at(0), &with_work, &Unseen).unwrap();
    let book = written(book, &entries);
    let (_, entries) = book.claim(&shared("two"), at(0), &with_work, &Unseen).unwrap();
    let book = written(book, &entries);
    assert!(matches!(
        book.claim(&request("three", &["src/a.rs"]), at(0), &with_work, &Unseen),
        Err(Refused::Held { .. })
    ));
}

#[test]
fn a_parked_task_does_not_resume_into_what_somebody_else_came_to_hold() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let book = book.after(&book.park(&task("auth"), "by hand").unwrap().unwrap());
    let ask = Request { over: OverParked::Stack, ..request("other", &["src/a.rs"]) };
    let (_, entries) = book.claim(&ask, at(1), &with_work, &Unseen).unwrap();
    let book = written(book, &entries);
    assert!(matches!(book.resume(&task("auth"), None, None, at(2), &Unseen), Err(Refused::Held { .. })));
}

#[test]
fn a_lease_is_due_for_renewal_when_a_third_of_its_time_has_passed() {
    let book = claimed(LeaseBook::default(), "auth", &["src/**"], 0);
    let lease = book.get(&task("auth")).unwrap();
    assert!(!lease.is_renewal_due(at(199)));
    assert!(lease.is_renewal_due(at(200)));
}

#[derive(Debug, Clone)]
pub(in crate::domain) enum Asked {
    Claim(usize, Vec<usize>, bool, u8),
    Renew(usize),
    Park(usize),
    Resume(usize),
    Extend(usize, usize),
    Release(usize),
}

pub(in crate::domain) fn asked() -> impl Strategy<Value = (Asked, i64, bool)> {
    let task = 0..5_usize;
    let regions = prop::collection::vec(0..REGIONS.len(), 1..3);
    let asked = prop_oneof![
        4 => (task.clone(), regions, any::<bool>(), 0..3_u8).prop_map(|(task, regions, shared, over)| Asked::Claim(task, regions, shared, over)),
        1 => task.clone().prop_map(Asked::Renew),
        1 => task.clone().prop_map(Asked::Park),
        2 => task.clone().prop_map(Asked::Resume),
        1 => (task.clone(), 0..REGIONS.len()).prop_map(|(task, region)| Asked::Extend(task, region)),
        1 => task.prop_map(Asked::Release),
    ];
    (asked, 0..400_i64, any::<bool>())
}

pub(in crate::domain) fn answered(
    book: &LeaseBook,
    asked: &Asked,
    now: Timestamp,
    work: bool,
) -> Result<Vec<Entry>, Refused> {
    let name = |number: &usize| task(&format!("t{number}"));
    let fence = |task: &TaskName| book.get(task).map(|lease| lease.fence).unwrap_or_default();
    let behind = |_: &Lease| if work { Work::Some } else { Work::None };
    match asked {
        Asked::Claim(number, chosen, shared, over) => {
            let texts: Vec<&str> = chosen.iter().map(|place| REGIONS[*place]).collect();
            let request = Request {
                mode: if *shared { Mode::Shared } else { Mode::Exclusive },
                over: [OverParked::Refuse, OverParked::Stack, OverParked::TakeOver][usize::from(*over)],
                ..request(name(number).as_str(), &texts)
            };
            book.claim(&request, now, &behind, &Unseen).map(|(_, entries)| entries)
        }
        Asked::Renew(number) => {
            let task = name(number);
            book.renew(&task, fence(&task), None, now).map(|(_, entry)| vec![entry])
        }
        Asked::Park(number) => book.park(&name(number), "asked").map(|entry| entry.into_iter().collect()),
        Asked::Resume(number) => {
            book.resume(&name(number), None, None, now, &Unseen).map(|(_, entry)| vec![entry])
        }
        Asked::Extend(number, place) => {
            let task = name(number);
            book.extend(&task, fence(&task), &regions(&[REGIONS[*place]]), now).map(|(_, entry)| vec![entry])
        }
        Asked::Release(number) => {
            let task = name(number);
            let fence = fence(&task);
            let event = Event::of(EventKind::Release, &task, fence, "release".to_owned());
            book.end(&task, fence, event).map(|entry| vec![entry])
        }
    }
}

proptest! {
    #[test]
    fn no_history_makes_two_active_leases_exclude_each_other_and_fences_rise(
        history in prop::collection::vec(asked(), 1..40)
    ) {
        let mut book = LeaseBook::default();
        let mut second = 0;
        for (asked, passed, work) in history {
            second += passed;
            let Ok(entries) = answered(&book, &asked, at(second), work) else { continue };
            for entry in entries {
                let before = book.last_fence();
                book = book.after(&entry);
                let grants = matches!(entry.event.kind, EventKind::Claim | EventKind::Resume);
                prop_assert_eq!(book.last_fence() > before, grants, "{:?}", entry.event);
                if grants {
                    prop_assert_eq!(entry.put[0].fence, book.last_fence());
                }
            }
            let active: Vec<&Lease> = book.leases().iter().filter(|lease| lease.is_active()).collect();
            for (place, one) in active.iter().enumerate() {
                for other in &active[place + 1..] {
                    prop_assert!(one.excludes(other.mode, &other.regions).is_none(), "{one:?} and {other:?}");
                }
                prop_assert!(book.excluded_by(one, &Unseen).next().is_none());
            }
        }
    }
}

/// A file of which ten lines more stand at the top in every commit but the first.
struct TenAbove;

impl Lines for TenAbove {
    fn carried(&self, _: &[u8], span: Span, from: &str, to: &str) -> Result<Span, String> {
        let first = |commit: &str| commit.starts_with('0');
        let insertion = Edit { before: 0..0, after: 0..10, up: 0, down: 0 };
        let deletion = Edit { before: 0..10, after: 0..0, up: 0, down: 0 };
        match (first(from), first(to)) {
            (true, false) => Ok(span.follow(&[insertion])),
            (false, true) => Ok(span.follow(&[deletion])),
            _ => Ok(span),
        }
    }
}

#[test]
fn lines_of_one_file_are_compared_where_both_were_counted() {
    let (_, entries) =
        LeaseBook::default().claim(&request("auth", &["a.rs#L1-L40"]), at(0), &with_work, &TenAbove).unwrap();
    let book = written(LeaseBook::default(), &entries);
    let later = |region: &str| Request { base: "1".repeat(40), ..request("other", &[region]) };
    let ask = |region: &str| book.claim(&later(region), at(60), &with_work, &TenAbove);
    let Refused::Held { obstacles, .. } = ask("a.rs#L50-L60").unwrap_err() else { panic!("not held") };
    assert_eq!(
        obstacles[0].line(),
        "a.rs#L50-L60 is held by auth (claude-1, agent) as a.rs#L1-L40 (here lines 11 to 50), 9m left"
    );
    assert!(ask("a.rs#L51-L60").is_ok());
    assert!(ask("a.rs#L1-L10").is_ok());
    assert!(ask("a.rs").is_err() && ask("*.rs").is_err());
    assert!(
        book.claim(&later("a.rs#L51-L60"), at(60), &with_work, &Unseen).is_err(),
        "who cannot look refuses"
    );

    // The other half beside a parked one, and the parked one resumed beside it.
    let parked = book.after(&book.park(&task("auth"), "by hand").unwrap().unwrap());
    assert!(parked.parked_under(&later("a.rs#L51-L60"), at(60), &with_work, &TenAbove).is_empty());
    let (_, entries) = parked.claim(&later("a.rs#L51-L60"), at(60), &with_work, &TenAbove).unwrap();
    let both = written(parked, &entries);
    assert!(both.resume(&task("auth"), None, None, at(61), &Unseen).is_err());
    let (_, entry) = both.resume(&task("auth"), None, None, at(61), &TenAbove).unwrap();
    let both = both.after(&entry);
    for lease in both.leases() {
        assert!(both.excluded_by(lease, &TenAbove).next().is_none());
        assert!(both.excluded_by(lease, &Unseen).next().is_some());
    }
}

#[test]
fn beside_the_lines_of_others_nothing_is_free_and_nothing_is_refused() {
    let book = claimed(LeaseBook::default(), "auth", &["a.rs#L1-L40"], 0);
    let judge = |met: Met| {
        let mut asked = |_: &Lease, _: &Region, _: &[u8]| Ok::<_, Refused>(met.clone());
        let person = Actor::Person(Vec::new());
        book.judge_lines(&person, [&b"a.rs"[..], b"b.rs"], &RegionSet::default(), at(1), &mut asked)
    };
    assert_eq!(judge(Met::Apart).unwrap().free, [b"b.rs".to_vec()]);
    let said = |met: Met| judge(met).unwrap_err().to_string();
    assert_eq!(
        said(Met::Lines(Span::of_lines(3, 42).unwrap())),
        "a.rs is held by auth (claude-1, agent) as a.rs#L1-L40 (here lines 3 to 42), 9m left"
    );
    assert_eq!(
        said(Met::File("the file would go".to_owned())),
        "a.rs is held by auth (claude-1, agent) as a.rs#L1-L40 (the file would go), 9m left"
    );
    let lease = book.get(&task("auth")).unwrap();
    let own = Actor::Task(lease.task.clone(), lease.fence);
    let judged = book.judge(&own, [&b"a.rs"[..]], &RegionSet::default(), at(1)).unwrap();
    assert!(judged.free.is_empty());
}
