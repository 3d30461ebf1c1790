//! Lines of a file as regions: two tasks hold two parts of one file, and each lands what it made of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, and shows where")]

mod support;

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;

use snapbox::IntoData;
use snapbox::assert_data_eq;
use snapbox::str;
use support::Lab;
use support::Run;
use support::dice::Dice;

const FILE: &str = "src/lib.rs";

/// Lines `line 1` and so on.
fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("line {number}")).collect()
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn lines(folder: &Path, path: &str) -> Vec<String> {
    std::fs::read_to_string(folder.join(path)).unwrap().lines().map(str::to_owned).collect()
}

/// Somebody edits a file of a checkout and tries to commit it; what is refused is undone.
fn try_to_commit(lab: &Lab, folder: &Path, path: &str, edit: impl FnOnce(&mut Vec<String>)) -> Run {
    let mut now = lines(folder, path);
    edit(&mut now);
    support::write(&folder.join(path), text(&now));
    let run = lab.try_git_in(folder, &["commit", "--quiet", "--message", "an edit", "--", path]);
    if run.code != 0 {
        lab.git_in(folder, &["checkout", "--quiet", "HEAD", "--", path]);
    }
    run
}

/// The kit's repository with a file of 80 lines, of which `upper` holds the first half and `lower` the second.
fn halves() -> Lab {
    let lab = Lab::new();
    lab.write(FILE, text(&numbered(80)));
    lab.commit("a file");
    lab.odyssey(&["claim", "upper", "--region", "src/lib.rs#L1-L40", "--for", "claude-1"]).ok();
    lab.odyssey(&["claim", "lower", "--region", "src/lib.rs#L41-L80", "--for", "claude-2"]).ok();
    lab
}

#[test]
fn two_tasks_hold_two_halves_of_a_file_and_both_land() {
    let lab = halves();
    let (upper, lower) = (lab.workspace("upper"), lab.workspace("lower"));
    try_to_commit(&lab, &upper, FILE, |lines| {
        lines[9] = "upper changed 10".to_owned();
        lines.splice(20..20, ["upper added 1".to_owned(), "upper added 2".to_owned()]);
        lines.remove(0);
    })
    .ok();
    try_to_commit(&lab, &lower, FILE, |lines| {
        lines[59] = "lower changed 60".to_owned();
        lines.push("lower added".to_owned());
    })
    .ok();
    let refused = try_to_commit(&lab, &upper, FILE, |lines| lines[50] = "not mine".to_owned());
    assert_data_eq!(
        lab.screen(&refused),
        str![[r#"
--- stderr
error: src/lib.rs is held by lower (claude-2, agent) as src/lib.rs#L41-L80 (here lines 42 to 81), 1h left
hint: see what it is about: git odyssey show lower
hint: take the paths out of your change, or wait until the task has landed
hint: a person may override, and the ledger keeps the reason: set GIT_ODYSSEY_OVERRIDE="why" for the command
--- exit 1

"#]]
    );
    lab.odyssey(&["land", "upper"]).ok();
    // Its lines are further down on main now, and are its own as before.
    let refused = try_to_commit(&lab, &lab.main(), FILE, |lines| lines[45] = "not mine".to_owned());
    assert!(refused.stderr.contains("src/lib.rs#L41-L80 (here lines 42 to 81)"), "{refused:#?}");
    try_to_commit(&lab, &lab.main(), FILE, |lines| lines[5] = "a person's".to_owned()).ok();
    try_to_commit(&lab, &lower, FILE, |lines| {
        lines.remove(44);
    })
    .ok();
    lab.odyssey(&["land", "lower"]).ok();
    let mut expected = numbered(80);
    expected[59] = "lower changed 60".to_owned();
    expected.push("lower added".to_owned());
    expected.remove(44);
    expected[9] = "upper changed 10".to_owned();
    expected.splice(20..20, ["upper added 1".to_owned(), "upper added 2".to_owned()]);
    expected.remove(0);
    expected[5] = "a person's".to_owned();
    assert_eq!(lines(&lab.main(), FILE), expected);
}

#[test]
fn a_claim_of_lines_is_refused_where_they_meet_or_do_not_exist() {
    let lab = halves();
    let claim = |region: &str| lab.odyssey(&["claim", "more", "--region", region]);
    assert_data_eq!(
        lab.screen(&claim("src/lib.rs#L30-L50")),
        str![[r#"
--- stderr
error: cannot claim more
  src/lib.rs#L30-L50 is held by lower (claude-2, agent) as src/lib.rs#L41-L80 (here lines 41 to 80), 1h left
  src/lib.rs#L30-L50 is held by upper (claude-1, agent) as src/lib.rs#L1-L40 (here lines 1 to 40), 1h left
hint: to wait until all is free, run the same command with --wait
--- exit 3

"#]]
    );
    assert_data_eq!(
        lab.screen(&claim("src/lib.rs#L70-L99")),
        str![[r#"
--- stderr
error: src/lib.rs#L70-L99 cannot be claimed: src/lib.rs has 80 lines at main
hint: name lines that are there, or claim the whole file: write its path alone
--- exit 1

"#]]
    );
    assert_data_eq!(
        lab.screen(&claim("src/nothing.rs#L1")),
        str![[r#"
--- stderr
error: src/nothing.rs#L1 cannot be claimed: there is no src/nothing.rs at main
hint: name lines that are there, or claim the whole file: write its path alone
--- exit 1

"#]]
    );
    for whole in ["src/lib.rs", "src/**", "."] {
        let refused = claim(whole);
        assert_eq!(refused.code, 3, "{whole}: {refused:#?}");
    }
    assert_eq!(claim("src/*.rs#L1-L4").code, 2);
}

#[test]
fn lines_are_compared_as_they_are_now() {
    let lab = Lab::new();
    lab.write(FILE, text(&numbered(40)));
    lab.commit("a file");
    lab.odyssey(&["claim", "one", "--region", "src/lib.rs#L11-L20"]).ok();
    // Ten lines come above: the claimed ones are 21 to 30 for whoever claims now.
    try_to_commit(&lab, &lab.main(), FILE, |lines| {
        lines.splice(3..3, (0..10).map(|number| format!("new {number}")));
    })
    .ok();
    let claim = |task: &str, region: &str| lab.odyssey(&["claim", task, "--region", region]);
    let refused = claim("two", "src/lib.rs#L30-L31");
    assert!(refused.stderr.contains("src/lib.rs#L11-L20 (here lines 21 to 30)"), "{refused:#?}");
    claim("above", "src/lib.rs#L11-L20").ok();
    claim("below", "src/lib.rs#L31-L50").ok();
    // What is parked is resumed beside the others.
    lab.odyssey(&["park", "one"]).ok();
    lab.odyssey(&["resume", "one"]).ok();
    lab.odyssey(&["doctor"]).ok();
    let refused = lab.odyssey(&["claim", "file", "--region", FILE]);
    assert_eq!(refused.code, 3, "{refused:#?}");
}

#[test]
fn whatever_happens_to_the_whole_file_touches_the_lines_in_it() {
    let lab = halves();
    let upper = lab.workspace("upper");
    let try_to = |what: &dyn Fn()| {
        what();
        let run = lab.try_git_in(&upper, &["commit", "--quiet", "--message", "whole"]);
        lab.git_in(&upper, &["reset", "--quiet", "--hard"]);
        assert_eq!(run.code, 1, "{run:#?}");
        run.stderr.lines().next().unwrap_or_default().to_owned()
    };
    let path = upper.join(FILE);
    let add = || drop(lab.git_in(&upper, &["add", "--all"]));
    let deleted = try_to(&|| drop(lab.git_in(&upper, &["rm", "--quiet", FILE])));
    let moved = try_to(&|| drop(lab.git_in(&upper, &["mv", FILE, "src/other.rs"])));
    let mode = try_to(&|| drop(lab.git_in(&upper, &["update-index", "--chmod=+x", FILE])));
    let binary = try_to(&|| {
        support::write(&path, b"a\0b\n");
        add();
    });
    let folder = try_to(&|| {
        std::fs::remove_file(&path).unwrap();
        support::write(&path.join("mod.rs"), "a\n");
        add();
    });
    for (said, why) in [
        (deleted, "the file would go"),
        (moved, "the file would go"),
        (mode, "the file would be of another kind or mode"),
        (binary, "it is no text"),
        (folder, "the file would go"),
    ] {
        assert!(
            said.contains(&format!("held by lower (claude-2, agent) as src/lib.rs#L41-L80 ({why})")),
            "{said}"
        );
    }
}

/// What somebody does to a part of a file: its lines afterwards, none of which anybody else writes.
fn edited(dice: &mut Dice, part: &[String], by: &str) -> Vec<String> {
    let mut now = part.to_vec();
    for number in 0..=dice.below(4) {
        let at = usize::try_from(dice.below(now.len() as u64 + 1)).unwrap();
        let line = format!("{by} wrote {number} of {}", dice.below(1_000_000));
        match dice.below(3) {
            0 if at < now.len() && now.len() > 1 => drop(now.remove(at)),
            1 if at < now.len() => now[at] = line,
            _ => now.insert(at, line),
        }
    }
    now
}

#[test]
fn whatever_two_tasks_make_of_their_own_lines_passes_and_lands_and_what_touches_the_others_does_not() {
    let mut dice = Dice::new(Dice::seed());
    let lab = Lab::new();
    let rounds = support::number("GIT_ODYSSEY_ROUNDS", 12);
    for round in 0..rounds {
        let path = format!("file{round}.txt");
        let count = |dice: &mut Dice, most: u64| usize::try_from(dice.below(most)).unwrap();
        // A head, one task's lines, lines of nobody, the other's lines, a tail.
        let sizes = [
            1 + count(&mut dice, 6),
            1 + count(&mut dice, 9),
            2 + count(&mut dice, 6),
            1 + count(&mut dice, 9),
            1 + count(&mut dice, 6),
        ];
        let all = numbered(sizes.iter().sum());
        let mut rest = all.as_slice();
        let mut parts = sizes.map(|size| {
            let (part, after) = rest.split_at(size);
            rest = after;
            part.to_vec()
        });
        lab.write(&path, text(&all));
        lab.commit("a file");
        let region = |from: usize| {
            let before: usize = sizes[..from].iter().sum();
            format!("{path}#L{}-L{}", before + 1, before + sizes[from])
        };
        let tasks = [(format!("one{round}"), 1), (format!("two{round}"), 3)];
        for (task, part) in &tasks {
            lab.odyssey(&["claim", task, "--region", &region(*part)]).ok();
        }
        let about = |what: &str, run: &Run| format!("round {round}, {what}: {sizes:?}: {run:#?}");
        // A person changes what nobody holds.
        let free = [0, 2, 4][count(&mut dice, 3)];
        let mut now = parts.clone();
        // The lines beside another's part stay, so that git merges without conflict.
        if now[free].len() > 3 {
            let inner = edited(&mut dice, &now[free][1..now[free].len() - 1], "a person");
            let len = now[free].len();
            now[free].splice(1..len - 1, inner);
            let run = try_to_commit(&lab, &lab.main(), &path, |lines| *lines = now.concat());
            // What was inserted may have been taken out again.
            let is_same = now[free] == parts[free];
            assert!(run.code == 0 || is_same, "{}", about("a person beside both", &run));
            parts[free] = now[free].clone();
        }
        let (mut made, mut committed) = (parts.clone(), Vec::new());
        for (task, part) in &tasks {
            let folder = lab.workspace(task);
            let other = 4 - part;
            for turn in 0..2 {
                let mine = edited(&mut dice, &made[*part], &format!("{task} {turn}"));
                let found = lines(&folder, &path);
                let old = made[*part].clone();
                let start = found.windows(old.len().max(1)).position(|window| window == old).unwrap();
                let run = try_to_commit(&lab, &folder, &path, |lines| {
                    drop(lines.splice(start..start + old.len(), mine.clone()))
                });
                let is_same = mine == old;
                assert!(run.code == 0 || is_same, "{}", about(task, &run));
                if run.code == 0 {
                    made[*part] = mine;
                    committed.push(task);
                }
                // And in the other's lines, of which this task has those of the beginning.
                let first = all
                    .iter()
                    .position(|line| *line == numbered(all.len())[sizes[..other].iter().sum::<usize>()])
                    .unwrap();
                let inside = count(&mut dice, sizes[other] as u64);
                let line = &all[first + inside];
                let run = try_to_commit(&lab, &folder, &path, |lines| {
                    let at = lines.iter().position(|found| found == line).unwrap();
                    match (inside, turn) {
                        (0, _) => lines[at] = "not mine".to_owned(),
                        (_, 0) => lines.insert(at, "not mine".to_owned()),
                        _ => drop(lines.remove(at)),
                    }
                });
                assert_eq!(run.code, 1, "{}", about("a trespass", &run));
                assert!(run.stderr.contains("is held by"), "{}", about("a trespass", &run));
            }
        }
        let first = count(&mut dice, 2);
        for (task, _) in [&tasks[first], &tasks[1 - first]] {
            let run = lab.odyssey(&["land", task]);
            // Both of its edits may have been none.
            assert_eq!(run.code == 0, committed.contains(&task), "{}", about("landing", &run));
        }
        assert_eq!(lines(&lab.main(), &path), made.concat(), "round {round}");
    }
}

#[test]
fn check_tells_which_lines_are_held_and_of_some_lines_whether_they_are() {
    let lab = halves();
    let upper = lab.workspace("upper");
    let mut now = lines(&upper, FILE);
    now.insert(0, "upper added".to_owned());
    support::write(&upper.join(FILE), text(&now));
    let check = |paths: &[&str]| lab.odyssey_in(&upper, &[&["check"][..], paths].concat());
    assert_data_eq!(
        lab.screen(&check(&[FILE, "src/lib.rs#L41", "src/lib.rs#L41-L42", "src/lib.rs#L82-L90"])),
        str![[r#"
held src/lib.rs
  src/lib.rs is held by lower (claude-2, agent) as src/lib.rs#L41-L80 (here lines 42 to 81), 1h left
  of other lines ask: git odyssey check 'src/lib.rs#L1-L2'
free src/lib.rs, line 41
held src/lib.rs, lines 41 to 42
  src/lib.rs is held by lower (claude-2, agent) as src/lib.rs#L41-L80 (here lines 42 to 81), 1h left
free src/lib.rs, lines 82 to 90
--- exit 3

"#]]
    );
    assert_eq!(check(&["src/lib.rs#L1-L41"]).code, 0);
    assert_eq!(check(&["src/lib.rs#L9-L1"]).code, 2);
    let found = check(&["src/lib.rs#L41-L42", "--json"]).json();
    let row = &found["result"]["paths"][0];
    assert_eq!(
        (&row["path"], &row["lines"], &row["may_write"]),
        (&FILE.into(), &"lines 41 to 42".into(), &false.into())
    );
    assert_eq!(row["leases"][0]["lines"], "here lines 42 to 81");
    // A file of such a name is that file.
    support::write(&upper.join("a#L1"), "a\n");
    assert_eq!(check(&["a#L1", "--json"]).json()["result"]["paths"][0]["path"], "a#L1");
}

#[test]
fn a_conflict_is_of_whoever_holds_its_lines() {
    let lab = Lab::new();
    lab.write(FILE, text(&numbered(80)));
    lab.write("src/other.rs", text(&numbered(80)));
    lab.commit("files");
    let regions = ["--region", "src/lib.rs#L1-L40", "--region", "src/other.rs#L1-L40"];
    lab.odyssey(&[&["claim", "upper", "--for", "claude-1"][..], &regions].concat()).ok();
    lab.odyssey(&["claim", "lower", "--for", "claude-2", "--region", "src/lib.rs#L41-L80"]).ok();
    let upper = lab.workspace("upper");
    try_to_commit(&lab, &upper, FILE, |lines| lines[9] = "upper's".to_owned()).ok();
    // Past every hook, and a line further down.
    let on_main = |path: &str, at: usize| {
        let mut now = lines(&lab.main(), path);
        now.insert(0, "main's first".to_owned());
        now[at] = "main's".to_owned();
        lab.write(path, text(&now));
        lab.git(&["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--all", "--message", "main's"]);
    };
    on_main(FILE, 10);
    let found = lab.odyssey(&["conflicts", "--json"]).json();
    let of_pair = |name: &str| {
        let pairs = found["result"]["pairs"].as_array().unwrap();
        let pair = pairs.iter().find(|pair| [&pair["one"], &pair["other"]].contains(&&name.into())).unwrap();
        pair["conflicts"].clone()
    };
    let leases: Vec<_> =
        of_pair("upper")[0]["leases"].as_array().unwrap().iter().map(|row| row["region"].clone()).collect();
    assert_eq!(leases, ["src/lib.rs#L1-L40"]);
    let landed = lab.odyssey(&["land", "upper", "--strategy-for", "**=lease-owner"]);
    assert_data_eq!(
        lab.screen(&landed),
        str![[r#"
landed upper on main: 1 commit, main is now [HASH]
  updated [LAB]/main
  settled src/lib.rs by lease-owner (upper (claude-1) holds src/lib.rs#L1-L40): line 11 (upper's 1 line, not main's 1)
  removed its workspace and branch
--- exit 0

"#]]
        .raw()
    );
    let mut expected = numbered(80);
    expected[9] = "upper's".to_owned();
    expected.insert(0, "main's first".to_owned());
    assert_eq!(lines(&lab.main(), FILE), expected);
    // Lines beside: nobody's, so nobody wins.
    lab.odyssey(&["claim", "again", "--for", "claude-1", "--region", "src/other.rs#L1-L40"]).ok();
    try_to_commit(&lab, &lab.workspace("again"), "src/other.rs", |lines| lines[59] = "again's".to_owned())
        .ok();
    on_main("src/other.rs", 60);
    let refused = lab.odyssey(&["land", "again", "--strategy-for", "**=lease-owner"]);
    assert_eq!(refused.code, 4, "{refused:#?}");
    assert!(refused.stderr.contains("lease-owner does not decide: nobody holds it"), "{refused:#?}");
}

#[test]
fn a_conflict_settled_beside_lines_of_others_is_the_holders_own() {
    let lab = Lab::new();
    lab.write(FILE, text(&numbered(80)));
    lab.commit("a file");
    let base = lab.git(&["rev-parse", "HEAD"]);
    let mut theirs = numbered(80);
    theirs[11] = "line 12 of main".to_owned();
    theirs[49] = "line 50 of main".to_owned();
    lab.write(FILE, text(&theirs));
    lab.commit("two lines");
    lab.odyssey(&["claim", "lower", "--region", "src/lib.rs#L45-L60", "--for", "claude-1", "--base", &base])
        .ok();
    lab.odyssey(&["claim", "upper", "--region", "src/lib.rs#L10-L20", "--for", "claude-2"]).ok();
    let lower = lab.workspace("lower");
    try_to_commit(&lab, &lower, FILE, |lines| lines[49] = "line 50 of lower".to_owned()).ok();
    assert_eq!(lab.odyssey(&["land", "lower"]).code, 4);
    let settle = |line_12: &str| {
        assert_ne!(lab.try_git_in(&lower, &["merge", "--quiet", "main"]).code, 0);
        let mut settled = theirs.clone();
        settled[11] = line_12.to_owned();
        settled[49] = "line 50 of both".to_owned();
        support::write(&lower.join(FILE), text(&settled));
        lab.git_in(&lower, &["add", FILE]);
        lab.try_git_in(&lower, &["commit", "--quiet", "--no-edit"])
    };
    let refused = settle("line 12 of lower");
    assert!(refused.stderr.contains("held by upper"), "{refused:#?}");
    lab.git_in(&lower, &["merge", "--abort"]);
    settle("line 12 of main").ok();
    lab.odyssey(&["land", "lower"]).ok();
    let landed = lines(&lab.main(), FILE);
    assert_eq!((&*landed[11], &*landed[49]), ("line 12 of main", "line 50 of both"));
}

#[test]
fn a_waiting_claim_of_lines_waits_only_behind_those_who_want_some_of_them() {
    let lab = Lab::new();
    lab.write(FILE, text(&numbered(80)));
    lab.commit("a file");
    lab.odyssey(&["claim", "first", "--region", "src/lib.rs#L1-L40", "--here"]).ok();
    let begin = |task: &str, region: &str| {
        let words = ["claim", task, "--region", region, "--here", "--wait=60s"];
        let mut command = lab.command(support::ODYSSEY, &lab.main(), &words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut said).unwrap();
        (child, said)
    };
    let (mut waiting, said) = begin("waiting", "src/lib.rs#L10-L20");
    assert!(said.contains("cannot claim waiting"), "{said}");
    // Ten lines come above, where nobody waits: what the other waits for is further down now.
    try_to_commit(&lab, &lab.main(), FILE, |lines| {
        lines.splice(0..0, (0..10).map(|number| format!("new {number}")));
    })
    .ok();
    let below = ["claim", "below", "--region", "src/lib.rs#L51-L80", "--here", "--wait=1s"];
    let run = lab.odyssey(&below).ok();
    assert!(!run.stderr.contains("waiting"), "{run:#?}");
    let (mut behind, said) = begin("behind", "src/lib.rs#L30");
    assert!(said.contains("waiting waits for some of the same, and came before"), "{said}");
    lab.odyssey(&["release", "first"]).ok();
    assert!(waiting.wait().unwrap().success());
    lab.odyssey(&["release", "waiting"]).ok();
    assert!(behind.wait().unwrap().success());
}

#[test]
fn a_holder_of_lines_is_told_of_what_comes_to_them_and_not_of_the_rest_of_the_file() {
    let lab = halves();
    let upper = lab.workspace("upper");
    let notes = || lab.screen(&lab.odyssey_in(&upper, &["notes"]));
    try_to_commit(&lab, &upper, FILE, |lines| lines[9] = "upper changed 10".to_owned()).ok();
    // A person edits lines of the other half.
    let edit = |at: usize, line: &str| {
        let mut now = lines(&lab.main(), FILE);
        now[at] = line.to_owned();
        lab.write(FILE, text(&now));
    };
    edit(60, "a person's 61");
    assert_eq!(notes(), "nothing new for upper\n--- exit 0\n");
    lab.git(&["checkout", "--quiet", "--", FILE]);
    try_to_commit(&lab, &lab.workspace("lower"), FILE, |lines| lines[59] = "lower changed 60".to_owned())
        .ok();
    lab.odyssey(&["land", "lower"]).ok();
    assert_eq!(notes(), "nothing new for upper\n--- exit 0\n");
    // Right below its last line, where no line of it is changed.
    let mut now = lines(&lab.main(), FILE);
    now.insert(40, "a person's, at the edge".to_owned());
    lab.write(FILE, text(&now));
    assert_data_eq!(
        notes(),
        str![[r#"
a person edits in [LAB]/main and has not committed; leave these lines to them
  src/lib.rs changed
    @ line 40
     line 40
    +a person's, at the edge
     line 41
--- exit 0

"#]]
        .raw()
    );
    edit(4, "a person's 5");
    assert!(notes().contains("+a person's 5"));
    // And of what is beside its lines where it has changed something itself.
    lab.git(&["checkout", "--quiet", "--", FILE]);
    try_to_commit(&lab, &upper, FILE, |lines| lines[69] = "upper changed 70, too".to_owned()).ok();
    edit(69, "a person's 70");
    assert!(notes().contains("src/lib.rs changed: conflicts with your work"), "its own change is met");
}

#[test]
fn whoever_settled_what_a_neighbour_rewrote_beside_own_lines_still_has_these() {
    let lab = Lab::new();
    lab.write(FILE, text(&numbered(80)));
    lab.commit("a file");
    lab.odyssey(&["claim", "upper", "--region", "src/lib.rs#L1-L40", "--here"]).ok();
    lab.odyssey(&["claim", "lower", "--region", "src/lib.rs#L41-L80", "--for", "claude-2"]).ok();
    let lower = lab.workspace("lower");
    try_to_commit(&lab, &lab.main(), FILE, |lines| {
        lines.splice(35..40, (0..7).map(|number| format!("upper wrote {number}")));
    })
    .ok();
    try_to_commit(&lab, &lower, FILE, |lines| {
        lines.splice(40..45, (0..3).map(|number| format!("lower wrote {number}")));
    })
    .ok();
    assert_ne!(
        lab.try_git_in(&lower, &["merge", "--quiet", "main"]).code,
        0,
        "both changed lines that touch"
    );
    let mut settled = numbered(80);
    settled.splice(40..45, (0..3).map(|number| format!("lower wrote {number}")));
    settled.splice(35..40, (0..7).map(|number| format!("upper wrote {number}")));
    support::write(&lower.join(FILE), text(&settled));
    lab.git_in(&lower, &["add", FILE]);
    Run::of(&mut lab.command("git", &lower, &["commit", "--quiet", "--no-edit"])).ok();
    // The first of its lines, and one above, which is not.
    let check = |line: &str| lab.odyssey_in(&lower, &["check", &format!("src/lib.rs#L{line}")]).code;
    assert_eq!((check("43"), check("42")), (0, 3));
    try_to_commit(&lab, &lower, FILE, |lines| lines[42] = "lower wrote 0 again".to_owned()).ok();
    let refused = try_to_commit(&lab, &lower, FILE, |lines| lines[41] = "not mine".to_owned());
    assert!(refused.stderr.contains("held by upper"), "{refused:#?}");
    assert!(refused.stderr.contains("(here lines 1 to 42)"), "{refused:#?}");
    lab.odyssey(&["land", "lower"]).ok();
    assert_eq!(lines(&lab.main(), FILE)[41..43], ["upper wrote 6", "lower wrote 0 again"]);
}
