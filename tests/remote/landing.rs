//! Landing where a remote decides: target and ledger together, there and then here, or nothing at all.

use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::deciding::plant;
use crate::fleet::Fleet;
use crate::fleet::LEDGER;
use crate::support;
use crate::support::ODYSSEY;
use crate::support::dice::Dice;
use crate::support::process;

const MAIN: &str = "refs/heads/main";

/// Claims a task on a machine and commits one file under it.
fn work(fleet: &Fleet, machine: &str, task: &str, path: &str) {
    fleet.run(machine, &["claim", task, "--region", path, "--for", "claude-1"]).ok();
    let workspace = fleet.workspace(machine, task);
    support::write(&workspace.join(path), format!("{task}\n"));
    fleet.lab.commit_in(&workspace, &format!("work of {task}"));
}

/// Everything that a landing could move.
fn refs(fleet: &Fleet, machine: &str) -> Vec<String> {
    let shown = ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/odyssey/ledger"];
    vec![
        fleet.lab.git_in(&fleet.bare(), &shown),
        fleet.lab.git_in(&fleet.machine(machine), &shown),
        fleet.lab.git_in(&fleet.machine(machine), &["status", "--porcelain"]),
    ]
}

/// How many events of this kind the remote's ledger has.
fn events(fleet: &Fleet, kind: &str) -> usize {
    let log = fleet.lab.git_in(&fleet.bare(), &["log", "--format=%(trailers:key=Odyssey-Event)", LEDGER]);
    log.lines().filter(|line| *line == format!("Odyssey-Event: {kind}")).count()
}

#[test]
fn a_landing_moves_target_and_ledger_there_and_here() {
    let fleet = Fleet::of(&["one", "two"]);
    work(&fleet, "one", "auth", "src/a.rs");
    let landed = fleet.run("one", &["land", "auth"]).ok();
    assert!(landed.stdout.contains("landed auth on main"), "{landed:#?}");
    assert_eq!(fleet.there(MAIN), fleet.here("one", MAIN));
    assert_eq!(fleet.there(LEDGER), fleet.here("one", LEDGER));
    assert_eq!(fleet.here("one", "refs/remotes/origin/main"), fleet.here("one", MAIN));
    assert_eq!(std::fs::read_to_string(fleet.machine("one").join("src/a.rs")).unwrap(), "auth\n");
    assert!(!fleet.workspace("one", "auth").exists());
    assert_eq!(fleet.here("one", "refs/odyssey/remote/landing"), "");
    assert_eq!(events(&fleet, "land"), 1);
    // The other machine, which is behind now, has to fetch before it lands; its own hooks let it.
    work(&fleet, "two", "docs", "docs/b.md");
    let before = refs(&fleet, "two");
    let refused = fleet.run("two", &["land", "docs"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("refs/heads/main is not where it is on origin"), "{refused:#?}");
    assert!(refused.stderr.contains("git pull origin main"), "{refused:#?}");
    assert_eq!(refs(&fleet, "two"), before);
    fleet.lab.git_in(&fleet.machine("two"), &["pull", "--quiet", "--ff-only", "origin", "main"]);
    fleet.run("two", &["land", "docs"]).ok();
    assert_eq!(fleet.there(MAIN), fleet.here("two", MAIN));
    fleet.check();
}

#[test]
fn a_landing_whose_lease_went_to_another_machine_moves_nothing() {
    let fleet = Fleet::of(&["one", "two"]);
    work(&fleet, "one", "auth", "src/a.rs");
    fleet.run("one", &["park", "auth", "--push"]).ok();
    // The check runs while the lease goes to somebody else.
    let two = fleet.machine("two");
    let check = format!("sh -c 'cd \"{}\" && \"{ODYSSEY}\" resume auth --for codex-1'", two.display());
    let before = refs(&fleet, "one");
    let refused = fleet.run("one", &["land", "auth", "--check", &check]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(refused.stderr.contains("auth was granted anew with fence 2 to codex-1"), "{refused:#?}");
    let after = refs(&fleet, "one");
    let main = |refs: &[String]| refs[0].lines().find(|line| line.contains(MAIN)).map(str::to_owned);
    assert_eq!(main(&after), main(&before));
    assert_eq!(after[2], before[2]);
    assert_eq!(fleet.here("one", MAIN), fleet.there(MAIN));
    assert_eq!(events(&fleet, "land"), 0);
    assert!(fleet.workspace("one", "auth").join("src/a.rs").exists());
}

#[test]
fn what_the_server_refuses_of_a_landing_is_refused_in_whole() {
    for guarded in [MAIN, LEDGER] {
        let fleet = Fleet::of(&["one"]);
        work(&fleet, "one", "auth", "src/a.rs");
        let before = refs(&fleet, "one");
        let hook = format!("#!/bin/sh\ncase \"$1\" in {guarded}) echo closed today >&2; exit 1;; esac\n");
        plant(&fleet.bare().join("hooks/update"), &hook);
        let refused = fleet.run("one", &["land", "auth"]);
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert!(refused.stderr.contains("origin did not take the change"), "{refused:#?}");
        assert!(refused.stderr.contains("closed today"), "{refused:#?}");
        assert_eq!(refs(&fleet, "one"), before, "{guarded}");
        std::fs::remove_file(fleet.bare().join("hooks/update")).unwrap();
        fleet.run("one", &["land", "auth"]).ok();
        assert_eq!(fleet.there(MAIN), fleet.here("one", MAIN));
    }
}

#[test]
fn a_target_that_cannot_follow_here_has_landed_there_and_follows_later() {
    let fleet = Fleet::of(&["one"]);
    work(&fleet, "one", "auth", "src/a.rs");
    let hook = fleet.machine("one").join(".git/hooks/reference-transaction");
    let ours = std::fs::read_to_string(&hook).unwrap();
    let refusing = "#!/bin/sh\n[ \"$1\" = prepared ] || exit 0\ngrep -q refs/heads/main && exit 1\nexit 0\n";
    plant(&hook, refusing);
    let behind = fleet.run("one", &["land", "auth"]);
    assert_eq!(behind.code, 1, "{behind:#?}");
    assert!(behind.stderr.contains("auth has landed on origin"), "{behind:#?}");
    assert_ne!(fleet.there(MAIN), fleet.here("one", MAIN));
    assert_eq!(fleet.lab.git_in(&fleet.machine("one"), &["status", "--porcelain"]), "");
    plant(&hook, &ours);
    let mended = fleet.run("one", &["doctor", "--fix"]);
    assert!(mended.stdout.contains("finished the landing of auth"), "{mended:#?}");
    assert_eq!(fleet.there(MAIN), fleet.here("one", MAIN));
    assert_eq!(events(&fleet, "land"), 1);
    assert!(fleet.machine("one").join("src/a.rs").exists());
}

#[test]
fn a_landing_that_is_killed_has_landed_in_whole_or_not_at_all() {
    let rounds = support::number("GIT_ODYSSEY_ROUNDS", 6);
    let mut dice = Dice::new(Dice::seed());
    let fleet = Fleet::of(&["one"]);
    // How long one takes when nobody kills it.
    work(&fleet, "one", "first", "src/first.rs");
    let begun = Instant::now();
    fleet.run("one", &["land", "first"]).ok();
    let whole = begun.elapsed();
    for round in 0..rounds {
        let (task, path) = (format!("task-{round}"), format!("src/{round}.rs"));
        work(&fleet, "one", &task, &path);
        let main = fleet.there(MAIN);
        let mut command = fleet.lab.command(ODYSSEY, &fleet.machine("one"), &["land", &task]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mark = format!("landing-{}-{round}", std::process::id());
        process::mark(&mut command, &mark);
        let mut child = command.spawn().unwrap();
        let micros = u64::try_from(whole.as_micros()).unwrap();
        std::thread::sleep(Duration::from_micros(dice.below(micros)));
        if dice.below(2) == 0 {
            // Ours alone: a git that it had started goes on.
            let _ = child.kill();
        } else {
            process::kill_marked(&mark);
        }
        let _ = child.wait();
        process::wait_for_marked(&mark);
        let landed = fleet.there(MAIN) != main;
        let recorded = events(&fleet, "land");
        let expected = usize::try_from(round).unwrap() + 1 + usize::from(landed);
        assert_eq!(recorded, expected, "round {round}: target and ledger there belong together");
        remove_locks(&fleet);
        // The next command finishes it or takes it back; then it lands, unless it has.
        let again = fleet.run("one", &["land", &task]);
        assert_eq!(again.code == 0, !landed, "round {round}, landed there: {landed}: {again:#?}");
        assert_eq!(fleet.there(MAIN), fleet.here("one", MAIN), "round {round}: {again:#?}");
        assert_eq!(fleet.there(LEDGER), fleet.here("one", LEDGER), "round {round}: {again:#?}");
        assert_eq!(events(&fleet, "land"), usize::try_from(round).unwrap() + 2);
        let main = fleet.machine("one");
        assert!(main.join(&path).exists(), "round {round}: {again:#?}");
        assert_eq!(fleet.lab.git_in(&main, &["status", "--porcelain"]), "", "round {round}: {again:#?}");
        assert!(!fleet.workspace("one", &task).exists(), "round {round}: {again:#?}");
    }
    fleet.check();
}

/// What a killed git of the server or of the person left: `doctor` removes it here after ten minutes, nobody does there.
fn remove_locks(fleet: &Fleet) {
    for root in [fleet.bare(), fleet.machine("one").join(".git")] {
        let mut open = vec![root.join("refs")];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => open.push(path),
                    path if path.extension().is_some_and(|found| found == "lock") => {
                        std::fs::remove_file(path).unwrap();
                    }
                    _ => {}
                }
            }
        }
        let _ = std::fs::remove_file(root.join("packed-refs.lock"));
        let _ = std::fs::remove_file(root.join("HEAD.lock"));
    }
}

#[test]
fn a_target_may_become_a_folder_of_targets() {
    let fleet = Fleet::of(&["one"]);
    let (one, bare) = (fleet.machine("one"), fleet.bare());
    for (target, task) in [("next", "first"), ("next/a", "second"), ("next", "third")] {
        for place in [&one, &bare] {
            for old in ["next", "next/a"] {
                fleet.lab.try_git_in(place, &["update-ref", "-d", &format!("refs/heads/{old}")]);
            }
            fleet.lab.git_in(place, &["branch", target, "main"]);
        }
        support::write(&one.join("odyssey.toml"), format!("target = \"{target}\"\n"));
        let path = format!("src/{task}");
        work(&fleet, "one", task, &path);
        fleet.run("one", &["land", task]).ok();
        let name = format!("refs/heads/{target}");
        assert_eq!(fleet.there(&name), fleet.here("one", &name));
        assert_eq!(fleet.lab.git_in(&bare, &["show", &format!("{target}:{path}")]), task);
    }
}

#[test]
fn a_landing_that_could_not_follow_stops_nobody_and_follows_later() {
    let fleet = Fleet::unprepared(&["one", "two"], |bare| bare.to_str().unwrap().to_owned());
    let one = fleet.machine("one");
    // Something here refuses to move main, as a hook of the person's own may.
    let stop = fleet.lab.root().join("stop");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = prepared ] && grep -q refs/heads/main && [ -e '{}' ] && exit 1\nexit 0\n",
        stop.display()
    );
    plant(&one.join(".git/hooks/reference-transaction"), &script);
    for name in ["one", "two"] {
        fleet.run(name, &["init", "--remote", "origin"]).ok();
    }
    work(&fleet, "one", "auth", "src/a.rs");
    let before = fleet.here("one", MAIN);
    std::fs::write(&stop, "").unwrap();
    let failed = fleet.run("one", &["land", "auth"]);
    assert_eq!(failed.code, 1, "{failed:#?}");
    assert!(
        failed.stderr.contains("auth has landed on origin, and refs/heads/main here could not follow"),
        "{failed:#?}"
    );
    assert_ne!(fleet.there(MAIN), before);
    assert_eq!(fleet.here("one", MAIN), before);

    // Others go on, there and here, and are told.
    work(&fleet, "two", "docs", "docs/b.md");
    let granted = fleet.run("one", &["claim", "next", "--region", "src/**", "--for", "codex-1"]).ok();
    assert!(granted.stderr.contains("could not follow"), "{granted:#?}");
    let ledger = fleet.there(LEDGER);
    let looked = fleet.run("one", &["doctor", "--fix"]);
    assert_ne!(looked.code, 0, "{looked:#?}");
    assert_eq!(fleet.there(LEDGER), ledger, "waiting changes nothing");
    assert!(fleet.workspace("one", "auth").exists());
    assert!(fleet.lab.git_in(&one, &["status", "--porcelain"]).is_empty());
    assert!(!one.join(".git/index.lock").exists());

    std::fs::remove_file(&stop).unwrap();
    let mended = fleet.run("one", &["doctor", "--fix"]).ok();
    assert!(mended.stdout.contains("finished the landing of auth"), "{mended:#?}");
    assert_eq!(fleet.there(MAIN), fleet.here("one", MAIN));
    assert_eq!(std::fs::read_to_string(one.join("src/a.rs")).unwrap(), "auth\n");
    assert!(fleet.lab.git_in(&one, &["status", "--porcelain"]).is_empty());
    assert!(!fleet.workspace("one", "auth").exists());
    assert_eq!(events(&fleet, "land"), 1);
}
