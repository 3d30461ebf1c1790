//! Trouble: a remote that is away, slow, cut off, or not what it was.

use std::time::Duration;
use std::time::Instant;

use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support;
use crate::wire::Daemon;
use crate::wire::Fault;
use crate::wire::Proxy;

/// A fleet over `git://`, through a proxy.
struct Scene {
    fleet: Fleet,
    proxy: Proxy,
    _daemon: Daemon,
}

fn scene(names: &[&str]) -> Scene {
    let fleet = Fleet::unprepared(names, |bare| bare.to_str().unwrap().to_owned());
    let daemon = Daemon::serve(fleet.lab.root(), &fleet.lab.root().join("home"));
    let proxy = Proxy::before(&daemon);
    for name in names {
        let path = fleet.machine(name);
        fleet.lab.git_in(&path, &["remote", "set-url", "origin", &proxy.address("origin.git")]);
        fleet.run(name, &["init", "--remote", "origin"]).ok();
    }
    Scene { fleet, proxy, _daemon: daemon }
}

/// The claims that the remote's ledger has of a task.
fn claims(fleet: &Fleet, task: &str) -> usize {
    let log = fleet.lab.git_in(&fleet.bare(), &["log", "--format=%s", LEDGER]);
    log.lines().filter(|line| line.starts_with(&format!("claim {task} "))).count()
}

const CLAIM: [&str; 6] = ["claim", "auth", "--region", "src/**", "--for", "claude-1"];

#[test]
fn a_push_whose_answer_is_lost_is_recognised_as_made() {
    let Scene { fleet, proxy, _daemon } = scene(&["one", "two"]);
    proxy.set(Fault::LosesAnswers);
    let granted = fleet.run("one", &CLAIM).ok();
    assert!(granted.stdout.contains("granted auth to claude-1, fence 1"), "{granted:#?}");
    assert_eq!(claims(&fleet, "auth"), 1, "it was not sent again");
    let workspace = fleet.workspace("one", "auth");
    support::write(&workspace.join("src/a.rs"), "a\n");
    fleet.lab.commit_in(&workspace, "work");
    let landed = fleet.run("one", &["land", "auth"]).ok();
    assert!(landed.stdout.contains("landed auth on main"), "{landed:#?}");
    assert_eq!(fleet.there("refs/heads/main"), fleet.here("one", "refs/heads/main"));
    assert_eq!(fleet.check(), 3);
}

#[test]
fn a_fold_whose_answer_is_lost_is_recognised_as_made_and_one_that_is_cut_is_not() {
    let Scene { fleet, proxy, _daemon } = scene(&["one", "two"]);
    fleet.run("two", &CLAIM).ok();
    let before = fleet.there(LEDGER);
    for cut in [0, 60, 300] {
        proxy.set(Fault::CutsAfter(cut));
        let refused = fleet.run("one", &["compact"]);
        proxy.set(Fault::None);
        assert_eq!(refused.code, 1, "cut after {cut}: {refused:#?}");
        assert_eq!(fleet.there(LEDGER), before, "cut after {cut}");
        assert_eq!(fleet.there(&format!("refs/odyssey/archive/{before}")), "", "cut after {cut}");
    }
    proxy.set(Fault::LosesAnswers);
    let folded = fleet.run("one", &["compact"]).ok();
    assert!(folded.stdout.contains("folded 2 events"), "{folded:#?}");
    proxy.set(Fault::None);
    fleet.run("two", &["renew", "auth"]).ok();
    assert_eq!(fleet.check(), 4, "init, claim, fold and renewal");
}

#[test]
fn a_push_that_is_cut_anywhere_is_made_once_or_not_at_all() {
    let Scene { fleet, proxy, _daemon } = scene(&["one"]);
    for (round, cut) in [0, 1, 60, 200, 400, 100_000].into_iter().enumerate() {
        let task = format!("task-{round}");
        let region = format!("src/{round}/**");
        proxy.set(Fault::CutsAfter(cut));
        let run = fleet.run("one", &["claim", &task, "--region", &region, "--for", "a", "--here"]);
        proxy.set(Fault::None);
        assert_eq!(claims(&fleet, &task), usize::from(run.code == 0), "cut after {cut}: {run:#?}");
        // The small ones cut the request, the last is longer than any.
        assert_eq!(run.code == 0, cut == 100_000, "cut after {cut}: {run:#?}");
        // It is not there; but a server that is only slow might take it yet.
        assert!(run.code == 0 || run.stderr.contains("unknown: it could not be learned"), "{run:#?}");
        assert_eq!(
            fleet.run("one", &["claim", &task, "--region", &region, "--for", "a", "--here"]).code == 0,
            run.code != 0
        );
        assert_eq!(claims(&fleet, &task), 1);
    }
    fleet.check();
}

#[test]
fn what_cannot_be_learned_is_unknown_and_settled_by_the_next_command() {
    let Scene { fleet, proxy, _daemon } = scene(&["one", "two"]);
    proxy.set(Fault::LosesAnswersThenAway);
    let unknown = fleet.run("one", &CLAIM);
    assert_eq!(unknown.code, 1, "{unknown:#?}");
    assert!(
        unknown.stderr.contains("unknown: it could not be learned whether origin has made"),
        "{unknown:#?}"
    );
    assert_eq!(claims(&fleet, "auth"), 1, "it had arrived");
    assert!(!fleet.workspace("one", "auth").exists());
    // While it is away nothing is granted, and nothing is forgotten.
    let away = fleet.run("one", &CLAIM);
    assert_eq!(away.code, 1, "{away:#?}");
    assert!(away.stderr.contains("the remote origin cannot be reached"), "{away:#?}");
    proxy.set(Fault::None);
    let held = fleet.run("two", &["claim", "other", "--region", "src/**", "--for", "codex-1"]);
    assert_eq!(held.code, 3, "nobody has heard that it was granted, but it was: {held:#?}");
    // The claim that never answered is taken back, and then made.
    let granted = fleet.run("one", &CLAIM).ok();
    assert!(granted.stderr.contains("undid the claim of auth"), "{granted:#?}");
    assert!(granted.stdout.contains("fence 2"), "{granted:#?}");
    fleet.check();

    let workspace = fleet.workspace("one", "auth");
    support::write(&workspace.join("src/a.rs"), "a\n");
    fleet.lab.commit_in(&workspace, "work");
    let before = fleet.here("one", "refs/heads/main");
    proxy.set(Fault::LosesAnswersThenAway);
    let unknown = fleet.run("one", &["land", "auth"]);
    assert!(unknown.stderr.contains("unknown: it could not be learned"), "{unknown:#?}");
    assert_eq!(fleet.here("one", "refs/heads/main"), before);
    // A person goes on in the main checkout meanwhile.
    support::write(&fleet.machine("one").join("note.txt"), "by hand\n");
    fleet.lab.git_in(&fleet.machine("one"), &["add", "note.txt"]);
    proxy.set(Fault::None);
    let mended = fleet.run("one", &["doctor", "--fix"]);
    assert!(mended.stdout.contains("finished the landing of auth"), "{mended:#?}");
    assert_eq!(fleet.there("refs/heads/main"), fleet.here("one", "refs/heads/main"));
    let status = fleet.lab.git_in(&fleet.machine("one"), &["status", "--porcelain"]);
    assert_eq!(status, "A  note.txt", "the person's edit is there, and nothing else is");
    fleet.check();
}

/// What the server says to a push that came whole, and too late.
fn assert_too_late(answers: &[String]) {
    assert!(!answers.is_empty());
    for answer in answers {
        assert!(answer.contains("unpack ok"), "it came whole: {answer}");
        assert!(answer.contains("ng refs/odyssey/ledger"), "{answer}");
    }
}

#[test]
fn a_push_that_arrives_after_its_claim_was_taken_back_leaves_no_lease() {
    let Scene { fleet, proxy, _daemon } = scene(&["one"]);
    proxy.set(Fault::HoldsThenAway);
    let unknown = fleet.run("one", &CLAIM);
    assert!(unknown.stderr.contains("unknown: it could not be learned"), "{unknown:#?}");
    // While the remote is away the claim is not taken back either.
    let away = fleet.run("one", &["doctor", "--fix"]);
    assert_ne!(away.code, 0, "{away:#?}");
    assert!(!away.stdout.contains("undid"), "{away:#?}");
    proxy.set(Fault::None);
    let mended = fleet.run("one", &["doctor", "--fix"]).ok();
    assert!(mended.stdout.contains("undid the claim of auth"), "{mended:#?}");
    assert_too_late(&proxy.deliver());
    assert_eq!(claims(&fleet, "auth"), 0);
    fleet.run("one", &["claim", "other", "--region", "src/**", "--for", "codex-1"]).ok();
    fleet.check();
}

#[test]
fn a_landing_that_arrives_after_it_was_taken_back_moves_nothing() {
    let Scene { fleet, proxy, _daemon } = scene(&["one"]);
    fleet.run("one", &CLAIM).ok();
    let workspace = fleet.workspace("one", "auth");
    support::write(&workspace.join("src/a.rs"), "a\n");
    fleet.lab.commit_in(&workspace, "work");
    let before = fleet.there("refs/heads/main");
    proxy.set(Fault::HoldsThenAway);
    let unknown = fleet.run("one", &["land", "auth"]);
    assert!(unknown.stderr.contains("unknown: it could not be learned"), "{unknown:#?}");
    proxy.set(Fault::None);
    let mended = fleet.run("one", &["doctor", "--fix"]).ok();
    assert!(mended.stdout.contains("undid the landing of auth"), "{mended:#?}");
    assert_too_late(&proxy.deliver());
    assert_eq!(fleet.there("refs/heads/main"), before);
    fleet.run("one", &["land", "auth"]).ok();
    assert_eq!(fleet.there("refs/heads/main"), fleet.here("one", "refs/heads/main"));
    fleet.check();
}

#[test]
fn while_the_remote_is_away_work_goes_on_and_all_else_says_so_at_once() {
    let Scene { fleet, proxy, _daemon } = scene(&["one"]);
    fleet.run("one", &CLAIM).ok();
    fleet.lab.git_in(&fleet.machine("one"), &["config", "odyssey.remoteTimeout", "1"]);
    for fault in [Fault::Away, Fault::Silent] {
        proxy.set(fault);
        let workspace = fleet.workspace("one", "auth");
        support::write(&workspace.join("src/a.rs"), format!("{fault:?}\n"));
        fleet.lab.commit_in(&workspace, "work goes on");
        let trespass = fleet.machine("one").join("src/a.rs");
        support::write(&trespass, "by a person\n");
        fleet.lab.git_in(&fleet.machine("one"), &["add", "src/a.rs"]);
        let refused = fleet.lab.try_git_in(&fleet.machine("one"), &["commit", "-m", "not mine"]);
        assert_ne!(refused.code, 0, "a region stays held: {refused:#?}");
        fleet.lab.git_in(&fleet.machine("one"), &["reset", "--quiet", "--hard"]);
        fleet.run("one", &["status"]).ok();
        fleet.run("one", &["show", "auth"]).ok();
        fleet.run("one", &["log"]).ok();
        for words in [
            &["claim", "docs", "--region", "docs/**", "--for", "b"][..],
            &["renew", "auth"],
            &["park", "auth"],
            &["release", "auth"],
            &["land", "auth"],
        ] {
            let begun = Instant::now();
            let run = fleet.run("one", words);
            assert_eq!(run.code, 1, "{words:?}: {run:#?}");
            let said = ["the remote origin cannot be reached", "the remote origin did not answer within 1s"];
            assert!(said.iter().any(|said| run.stderr.contains(said)), "{words:?}: {run:#?}");
            assert!(run.stderr.contains("nothing was changed"), "{words:?}: {run:#?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{words:?} took {:?}", begun.elapsed());
        }
    }
    proxy.set(Fault::None);
    fleet.run("one", &["land", "auth"]).ok();
    assert_eq!(fleet.check(), 3, "init, claim and landing");
}

#[test]
fn a_ledger_that_was_rewound_rewritten_or_removed_is_refused() {
    let fleet = Fleet::of(&["one", "two"]);
    fleet.run("one", &CLAIM).ok();
    let seen = fleet.there(LEDGER);
    let first = fleet.lab.git_in(&fleet.bare(), &["rev-list", "--max-parents=0", LEDGER]);
    let tree = format!("{first}^{{tree}}");
    let other = fleet.lab.git_in(&fleet.bare(), &["commit-tree", "-p", &first, "-m", "claim x", &tree]);
    for (value, said) in [
        (first.as_str(), "the ledger on origin was rewound or rewritten"),
        (other.as_str(), "the ledger on origin was rewound or rewritten"),
        ("", "origin has no refs/odyssey/ledger any more"),
    ] {
        match value {
            "" => fleet.lab.git_in(&fleet.bare(), &["update-ref", "-d", LEDGER]),
            value => fleet.lab.git_in(&fleet.bare(), &["update-ref", LEDGER, value]),
        };
        for words in
            [&["claim", "x", "--region", "src/**", "--for", "b"][..], &["renew", "auth"], &["land", "auth"]]
        {
            let refused = fleet.run("one", words);
            assert_eq!(refused.code, 1, "{words:?}: {refused:#?}");
            assert!(refused.stderr.contains(said), "{words:?}: {refused:#?}");
        }
        if !value.is_empty() {
            // With nothing live, a ledger of one machine would give way; what a remote confirmed does not.
            let refused = fleet.run("one", &["init"]);
            assert!(refused.code == 1 && refused.stderr.contains(said), "{refused:#?}");
        }
        assert_eq!(fleet.here("one", LEDGER), seen, "what was confirmed stays known");
        fleet.lab.git_in(
            &fleet.machine("one"),
            &["push", "--quiet", "--force", "origin", &format!("{LEDGER}:{LEDGER}")],
        );
        fleet.run("one", &["renew", "auth"]).ok();
        fleet.lab.git_in(&fleet.bare(), &["update-ref", LEDGER, &seen]);
        fleet.lab.git_in(&fleet.machine("one"), &["update-ref", LEDGER, &seen]);
    }
}

#[test]
fn a_claim_that_waits_goes_on_while_the_remote_is_away_and_says_so_once() {
    let Scene { fleet, proxy, _daemon } = scene(&["one"]);
    proxy.set(Fault::Away);
    let short = ["claim", "auth", "--region", "src/**", "--for", "a", "--here", "--wait=2s"];
    let begun = Instant::now();
    let refused = fleet.run("one", &short);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(begun.elapsed() >= Duration::from_secs(2), "{refused:#?}");
    let words = ["claim", "auth", "--region", "src/**", "--for", "a", "--here", "--wait=60s"];
    let granted = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| fleet.run("one", &words).ok());
        // So long that it has asked twice.
        std::thread::sleep(Duration::from_millis(6_500));
        proxy.set(Fault::None);
        waiting.join().unwrap()
    });
    assert!(granted.stdout.contains("granted auth"), "{granted:#?}");
    let said =
        granted.stderr.matches("waiting, and asking again: the remote origin cannot be reached").count();
    assert_eq!(said, 1, "{granted:#?}");
}

#[test]
fn a_token_in_an_address_is_never_shown() {
    let fleet = Fleet::of(&["one"]);
    let address = "http://ada:s3cret@127.0.0.1:1/x.git";
    fleet.lab.git_in(&fleet.machine("one"), &["remote", "set-url", "origin", address]);
    for words in [
        &["claim", "auth", "--region", "src/**", "--for", "a"][..],
        &["status", "--fetch"],
        &["init", "--remote", address],
        &["doctor"],
        &["init", "--remote", "http://ada:s3cret@127.0.0.1:1/x y"],
    ] {
        for json in [false, true] {
            let words: Vec<&str> = words.iter().copied().chain(json.then_some("--json")).collect();
            let run =
                fleet.lab.odyssey_in_with(&fleet.machine("one"), &words, &[("GIT_ODYSSEY_LOG", "debug")]);
            assert_ne!(run.code, 0, "{run:#?}");
            assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"), "{words:?}: {run:#?}");
        }
    }
}
