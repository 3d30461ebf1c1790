//! Crashes: every operation is killed at random moments, and nothing may be lost, half done or in the way.
//!
//! `GIT_ODYSSEY_MOMENTS` sets the number of kills of each operation. A failed round prints its seed; with
//! `GIT_ODYSSEY_SEED=<seed> GIT_ODYSSEY_MOMENTS=1` the same files, kill and order are tried again.

#![allow(clippy::unwrap_used, reason = "a step that cannot be taken fails the test, and shows where")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use support::Lab;
use support::Run;
use support::dice::Dice;
use support::history;
use support::process;

/// A commit's subject by which a landing is known.
const LANDED: &str = "work: two";

#[test]
fn a_claim_killed_at_any_moment_leaves_nothing_or_a_whole_workspace() {
    try_all(&claiming(|_| {}));
}

#[test]
fn a_claim_of_a_kept_tree_killed_at_any_moment_leaves_nothing_or_a_whole_workspace() {
    try_all(&claiming(|world| {
        world.keep_trees();
        world.lab.odyssey(&["pool", "--fill"]).ok();
        // It has something to check out.
        world.lab.write("docs/guide.md", "the best guide\n");
        world.lab.commit("the best guide");
    }));
}

fn claiming(prepare: fn(&mut World)) -> Operation {
    Operation {
        words: &["claim", "fresh", "--region", "docs/**", "--for", "agent"],
        prepare,
        left: &[],
        completed: &[3],
        settled: |world| {
            let workspace = world.lab.workspace("fresh");
            let lab = &world.lab;
            assert_eq!(lab.git_in(&workspace, &["status", "--porcelain"]), "", "the workspace is clean");
            assert_eq!(lab.git_in(&workspace, &["symbolic-ref", "HEAD"]), "refs/heads/odyssey/fresh");
            assert_eq!(lab.git_in(&workspace, &["rev-parse", "HEAD"]), lab.git(&["rev-parse", "main"]));
            let copy = std::fs::read_to_string(workspace.join(".odyssey/lease.toml")).unwrap();
            let fence = copy.lines().find(|line| line.starts_with("fence = ")).unwrap().to_owned();
            let recorded = lab.git(&["show", "refs/odyssey/ledger:leases/fresh.toml"]);
            assert!(recorded.lines().any(|line| line == fence), "{fence} of the copy is that of {recorded}");
            world.assert_workspaces(&["fresh", "other", "work"]);
        },
    }
}

#[test]
fn a_claim_that_takes_over_parked_work_and_is_killed_at_any_moment_loses_none_of_it() {
    try_all(&Operation {
        words: &["claim", "fresh", "--region", "src/**", "--for", "agent", "--take-over"],
        prepare: |world| {
            world.commit_work();
            world.plant_in_workspace();
            world.lab.odyssey(&["park", "work"]).ok();
        },
        left: &["the workspace [LAB]/main.odyssey/work has no lease, and holds work"],
        completed: &[3],
        settled: |world| {
            assert_eq!(world.lab.git_in(&world.lab.workspace("fresh"), &["status", "--porcelain"]), "");
            assert_eq!(world.live(), ["fresh", "other"]);
        },
    });
}

#[test]
fn a_landing_killed_at_any_moment_is_undone_or_finished() {
    try_all(&landing(&["land", "work"]));
}

#[test]
fn a_landing_that_keeps_its_tree_killed_at_any_moment_is_undone_or_finished() {
    try_all(&Operation {
        prepare: |world| {
            world.keep_trees();
            world.commit_work();
            world.plant_ignored();
            support::write(&world.lab.workspace("work").join("built/page.html"), "built\n");
        },
        ..landing(&["land", "work"])
    });
}

#[test]
fn a_squashed_landing_killed_at_any_moment_is_undone_or_finished() {
    try_all(&landing(&["land", "work", "--squash"]));
}

#[test]
fn a_rebased_landing_killed_at_any_moment_is_undone_or_finished() {
    try_all(&landing(&["land", "work", "--rebase"]));
}

#[test]
fn a_landing_with_a_check_killed_at_any_moment_is_undone_or_finished() {
    const CHECK: &str = "git diff --exit-code --stat HEAD^ HEAD -- human";
    try_all(&landing(&["land", "work", "--check", CHECK]));
}

#[test]
fn a_sync_killed_at_any_moment_is_undone_or_finished_and_loses_no_edit() {
    try_all(&sync(&["sync", "work"]));
}

#[test]
fn a_sync_by_rebase_killed_at_any_moment_is_undone_or_finished_and_loses_no_edit() {
    try_all(&sync(&["sync", "work", "--rebase"]));
}

#[test]
fn giving_up_killed_at_any_moment_loses_nothing() {
    try_all(&Operation {
        words: &["abandon", "work", "--reason", "a new idea"],
        prepare: |world| {
            world.commit_work();
            world.plant_in_workspace();
        },
        left: &[],
        completed: &[1],
        settled: |world| {
            assert_eq!(world.live(), ["other"]);
            world.assert_workspaces(&["other"]);
            world.assert_no_branch();
        },
    });
}

#[test]
fn a_release_without_work_killed_at_any_moment_leaves_nothing_behind() {
    try_all(&Operation {
        words: &["release", "work"],
        prepare: |world| world.plant_ignored(),
        left: &[],
        completed: &[1],
        settled: |world| {
            assert_eq!(world.live(), ["other"]);
            world.assert_workspaces(&["other"]);
            world.assert_no_branch();
        },
    });
}

#[test]
fn a_release_with_work_killed_at_any_moment_leaves_it_parked() {
    try_all(&Operation {
        words: &["release", "work"],
        prepare: |world| {
            world.commit_work();
            world.plant_in_workspace();
        },
        left: &[],
        completed: &[],
        settled: |world| {
            world.assert_workspaces(&["other", "work"]);
            let lease = world.lab.git(&["show", "refs/odyssey/ledger:leases/work.toml"]);
            assert!(lease.contains("phase = \"parked\""), "{lease}");
            assert_eq!(Some(world.workspace_status()), world.planted_status);
        },
    });
}

#[test]
fn saved_work_whose_return_is_killed_at_any_moment_comes_back() {
    try_all(&Operation {
        words: &["salvage", "restore", "work"],
        prepare: |world| {
            world.commit_work();
            world.plant_in_workspace();
            world.lab.odyssey(&["abandon", "work"]).ok();
        },
        left: &["the workspace [LAB]/main.odyssey/work has no lease, and holds work"],
        completed: &[1],
        settled: |world| {
            world.assert_workspaces(&["other", "work"]);
            assert_eq!(Some(world.workspace_status()), world.planted_status);
            for planted in &world.planted {
                assert!(planted.is_in_place(world), "{} is as it was", planted.path.display());
            }
        },
    });
}

#[test]
fn a_fold_of_the_history_killed_at_any_moment_loses_none_of_it() {
    try_all(&Operation {
        words: &["compact"],
        prepare: |world| world.commit_work(),
        left: &[],
        completed: &[],
        settled: |world| {
            assert_eq!(world.lab.git(&["rev-list", "--count", "refs/odyssey/ledger"]), "1", "it is folded");
            let events = history::events(&world.lab);
            let kinds: Vec<&str> = events.iter().map(|past| past.event.event.as_str()).collect();
            assert_eq!(kinds, ["compact", "claim", "claim", "init"]);
            assert_eq!(world.live(), ["other", "work"]);
            world.assert_workspaces(&["other", "work"]);
        },
    });
}

fn landing(words: &'static [&'static str]) -> Operation {
    Operation {
        words,
        prepare: |world| {
            world.commit_work();
            world.plant_ignored();
        },
        left: &[],
        completed: &[1],
        settled: |world| world.assert_landed(),
    }
}

fn sync(words: &'static [&'static str]) -> Operation {
    Operation {
        words,
        prepare: |world| {
            world.move_target();
            world.commit_work();
            world.plant_in_workspace();
        },
        left: &[],
        completed: &[],
        settled: |world| world.assert_synced(),
    }
}

/// One operation that is killed.
struct Operation {
    /// Its command line.
    words: &'static [&'static str],
    /// What is there before it.
    prepare: fn(&mut World),
    /// What the doctor rightly leaves to a person afterwards.
    left: &'static [&'static str],
    /// How the same command answers, besides with success, when the killed one had completed.
    completed: &'static [i32],
    /// What must be true when it has been killed, repeated and examined.
    settled: fn(&World),
}

/// How one round goes.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seed: u64,
    /// When the process is killed.
    moment: Duration,
    /// Whether the git that it runs dies with it, or goes on alone.
    with_children: bool,
    /// When the repetition is killed too, if it is.
    again: Option<Duration>,
    /// Whether the doctor is called before the repetition, or only after it.
    doctor_first: bool,
}

impl Plan {
    fn draw(seed: u64, whole: Duration) -> Plan {
        let mut dice = Dice::new(seed);
        let mut moment = || whole.mul_f64(dice.below(1_050) as f64 / 1_000.0);
        let (moment, again) = (moment(), moment());
        Plan {
            seed,
            moment,
            with_children: dice.below(2) == 0,
            again: (dice.below(3) == 0).then_some(again),
            doctor_first: dice.below(3) == 0,
        }
    }
}

#[allow(clippy::print_stderr, reason = "the tests' own log")]
fn try_all(operation: &Operation) {
    let whole = measured(operation);
    let rounds = support::number("GIT_ODYSSEY_MOMENTS", 3);
    let first = Dice::seed();
    let (mut failed, mut ended, mut locked) = (Vec::new(), 0, BTreeMap::<String, u64>::new());
    for round in 0..rounds {
        let plan = Plan::draw(first + round, whole);
        let tried = std::panic::catch_unwind(AssertUnwindSafe(|| one_round(operation, plan)));
        match tried {
            Ok(Seen { completed, behind_locks }) => {
                ended += u64::from(completed);
                for lock in behind_locks {
                    *locked.entry(lock).or_default() += 1;
                }
            }
            Err(cause) => {
                let text = cause.downcast_ref::<String>().cloned().unwrap_or_else(|| "see above".to_owned());
                eprintln!("FAILED {:?} {plan:?}: {text}", operation.words);
                failed.push(plan.seed);
            }
        }
    }
    eprintln!(
        "{:?}: {rounds} kills in {whole:?}, {ended} came after the end, locks of git's that stopped the repetition: {locked:?}, {} failed",
        operation.words,
        failed.len()
    );
    assert!(failed.is_empty(), "{:?} failed with the seeds {failed:?}", operation.words);
}

/// How long the operation takes when nobody kills it. It must succeed, and be settled.
fn measured(operation: &Operation) -> Duration {
    let world = World::new(operation, 1);
    let begun = Instant::now();
    world.lab.odyssey(operation.words).ok();
    let whole = begun.elapsed();
    world.assert_sound(operation);
    whole
}

struct Seen {
    /// The kill came after the end.
    completed: bool,
    /// The locks left by a killed git, if the repetition was refused.
    behind_locks: Vec<String>,
}

fn one_round(operation: &Operation, plan: Plan) -> Seen {
    let world = World::new(operation, plan.seed);
    let completed = world.killed(operation.words, plan.moment, plan.with_children, "first");
    if plan.doctor_first {
        world.doctor();
    }
    let mut behind_locks = Vec::new();
    if let Some(moment) = plan.again {
        world.killed(operation.words, moment, plan.with_children, "second");
    }
    let mut answer = world.odyssey(operation.words);
    process::wait_for_marked(&world.mark("first"));
    process::wait_for_marked(&world.mark("second"));
    if answer.code != 0 && !world.locks().is_empty() {
        // What it met was perhaps the lock of a git that went on alone, and has ended now.
        answer = world.odyssey(operation.words);
    }
    world.assert_checkouts_unlocked();
    if !world.locks().is_empty() && answer.code != 0 {
        // The doctor removes them when they are old enough to be nobody's; until then git itself refuses.
        let git = world.lab.main().join(".git");
        let name = |lock: &PathBuf| lock.strip_prefix(&git).unwrap().display().to_string();
        behind_locks = world.locks().iter().map(name).collect();
        world.doctor();
        answer = world.odyssey(operation.words);
    }
    let fine = answer.code == 0 || operation.completed.contains(&answer.code);
    assert!(fine, "the same command again: {}", world.lab.screen(&answer));
    world.doctor();
    world.assert_sound(operation);
    Seen { completed, behind_locks }
}

/// A file that somebody has edited and nobody may lose: its content, and another one in the index if that differs.
struct Planted {
    path: PathBuf,
    bytes: Vec<u8>,
    staged: Option<String>,
}

impl Planted {
    /// Whether it is in the workspace as it was planted.
    fn is_in_place(&self, world: &World) -> bool {
        let place = world.lab.workspace("work");
        let staged = match &self.staged {
            None => true,
            Some(hash) => {
                let listed =
                    world.lab.try_git_in(&place, &["ls-files", "--stage", self.path.to_str().unwrap()]);
                listed.stdout.contains(hash)
            }
        };
        staged && std::fs::read(place.join(&self.path)).is_ok_and(|bytes| bytes == self.bytes)
    }
}

/// A repository with a person's edits in the main checkout and a task `work` beside a task `other`.
struct World {
    lab: Lab,
    dice: Dice,
    /// What the person edited in the main checkout.
    human: Vec<Planted>,
    human_status: String,
    /// What was edited in the workspace and not committed.
    planted: Vec<Planted>,
    planted_status: Option<String>,
    /// All commits that refs reached before.
    commits: BTreeSet<String>,
    /// All commits that only reflogs reached before.
    loose: BTreeSet<String>,
    /// What the programs answered since the kill, to be shown when something is wrong.
    said: RefCell<Vec<String>>,
}

impl World {
    fn new(operation: &Operation, seed: u64) -> World {
        let mut world = World::empty(seed);
        world.history();
        world.lab.advance(1);
        (operation.prepare)(&mut world);
        world.lab.advance(1);
        world.plant_at_home();
        world.commits = world.reached(&["--all"]);
        let all = world.reached(&["--all", "--reflog"]);
        world.loose = all.difference(&world.commits).cloned().collect();
        world
    }

    fn empty(seed: u64) -> World {
        World {
            lab: Lab::unprepared(),
            dice: Dice::new(seed),
            human: Vec::new(),
            human_status: String::new(),
            planted: Vec::new(),
            planted_status: None,
            commits: BTreeSet::new(),
            loose: BTreeSet::new(),
            said: RefCell::default(),
        }
    }

    fn history(&mut self) {
        let lab = &self.lab;
        lab.write(".gitignore", "*.private\nbuilt/\n");
        for number in 0..60 {
            lab.write(
                &format!("src/part-{}/file-{number}.txt", number % 6),
                format!("file {number}\n").repeat(9),
            );
        }
        for name in ["staged", "both", "edited", "deleted", "unstaged-deletion"] {
            lab.write(&format!("human/{name}.txt"), format!("{name}\n").repeat(5));
        }
        lab.commit("many files");
        lab.write("docs/guide.md", "a guide\n");
        lab.commit("a guide");
        lab.odyssey(&["init"]).ok();
        lab.odyssey(&["claim", "other", "--region", "tests/**", "--for", "agent"]).ok();
        lab.odyssey(&["claim", "work", "--region", "src/**", "--for", "agent"]).ok();
        // The target moves on, so that a landing has something to merge.
        lab.write("docs/guide.md", "a better guide\n");
        lab.commit("a better guide");
    }

    /// Two commits of the task, and one that it took back.
    fn commit_work(&mut self) {
        let (lab, place) = (&self.lab, self.lab.workspace("work"));
        support::write(&place.join("src/part-0/file-0.txt"), "work\n");
        lab.commit_in(&place, "work: taken back");
        lab.git_in(&place, &["reset", "--quiet", "--hard", "HEAD^"]);
        support::write(&place.join("src/part-0/file-0.txt"), "better work\n");
        support::write(&place.join("src/new/file.txt"), "new\n");
        lab.commit_in(&place, "work: one");
        lab.git_in(&place, &["mv", "src/part-1", "src/moved"]);
        lab.git_in(&place, &["rm", "--quiet", "-r", "src/part-2"]);
        lab.commit_in(&place, LANDED);
    }

    /// From now on trees of tasks that end are kept.
    fn keep_trees(&self) {
        self.lab.write("odyssey.toml", "[pool]\nsize = 2\nkeep = [\"built\"]\n");
        self.lab.commit("trees are kept");
    }

    /// The target changes, adds and deletes many files that nobody holds, which the task's branch has as they were.
    fn move_target(&mut self) {
        let lab = &self.lab;
        let text = |number: u64, word: &str| {
            format!("{word} {number}\n").repeat(1 + usize::try_from(number).unwrap() * 7)
        };
        for number in 0..120 {
            lab.write(&format!("tools/{}/tool-{number}.sh", number % 7), text(number, "tool"));
        }
        lab.commit("many tools");
        lab.odyssey(&["sync", "work"]).ok();
        for number in 0..120 {
            match number % 3 {
                0 => {
                    lab.write(&format!("tools/{}/tool-{number}.sh", number % 7), text(number, "better tool"))
                }
                1 => lab.write(&format!("tools/more/tool-{number}.sh"), text(number, "another tool")),
                _ => std::fs::remove_file(lab.main().join(format!("tools/{}/tool-{number}.sh", number % 7)))
                    .unwrap(),
            }
        }
        lab.commit("better tools");
    }

    /// Every kind of edit in the main checkout.
    fn plant_at_home(&mut self) {
        let home = self.lab.main();
        self.human = plant(&self.lab, &mut self.dice, &home, "human");
        self.human_status = self.status(&home);
    }

    /// Every kind of edit in the workspace.
    fn plant_in_workspace(&mut self) {
        let place = self.lab.workspace("work");
        for name in ["staged", "both", "edited", "deleted", "unstaged-deletion"] {
            support::write(&place.join(format!("src/{name}.txt")), "before\n");
        }
        self.lab.commit_in(&place, "work: to be edited");
        self.planted = plant(&self.lab, &mut self.dice, &place, "src");
        self.planted_status = Some(self.workspace_status());
    }

    /// Only what may be in a workspace that counts as clean.
    fn plant_ignored(&mut self) {
        let place = self.lab.workspace("work");
        self.planted = vec![planted(&mut self.dice, &place, "src/keep.private")];
    }

    fn status(&self, folder: &Path) -> String {
        self.lab.git_in(folder, &["status", "--porcelain=v2", "--untracked-files=all", "--ignored"])
    }

    /// As [`World::status`], without our own folder.
    fn workspace_status(&self) -> String {
        let status = self.status(&self.lab.workspace("work"));
        status.lines().filter(|line| !line.contains(".odyssey/")).collect::<Vec<_>>().join("\n")
    }

    fn reached(&self, from: &[&str]) -> BTreeSet<String> {
        let words = [&["rev-list"], from].concat();
        self.lab.git(&words).lines().map(str::to_owned).collect()
    }

    fn mark(&self, name: &str) -> String {
        format!("{}-{name}-{}", std::process::id(), self.lab.root().display())
    }

    /// Starts a command and kills it. Answers whether it had ended before.
    fn killed(&self, words: &[&str], moment: Duration, with_children: bool, name: &str) -> bool {
        let mut command = self.lab.command(support::ODYSSEY, &self.lab.main(), words);
        process::mark(&mut command, &self.mark(name));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        let ended = child.try_wait().unwrap().is_some();
        let _ = child.kill();
        if with_children {
            process::kill_marked(&self.mark(name));
        }
        child.wait().unwrap();
        ended
    }

    /// Runs a command and remembers what it said.
    fn odyssey(&self, words: &[&str]) -> Run {
        let locks = self.locks();
        let run = self.lab.odyssey(words);
        self.said
            .borrow_mut()
            .push(format!("$ {words:?}, beside the locks {locks:?}\n{}", self.lab.screen(&run)));
        run
    }

    /// The doctor, some time later: what a killed git left is old by then.
    fn doctor(&self) {
        let alive = ["first", "second"].iter().any(|name| !process::marked(&self.mark(name)).is_empty());
        // The lock of a git that goes on alone is young, and its own.
        for lock in if alive { Vec::new() } else { self.locks() } {
            std::fs::File::open(lock).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
        let run = self.odyssey(&["doctor", "--fix"]);
        assert!([0, 1].contains(&run.code), "{}", self.lab.screen(&run));
    }

    /// Files that stop git.
    fn locks(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        locks_below(&self.lab.main().join(".git"), &mut found);
        found
    }

    /// We lock checkouts, and whatever git may leave behind, nobody waits for the doctor because of that.
    fn assert_checkouts_unlocked(&self) {
        for lock in self.locks() {
            let ours = std::fs::read(&lock).unwrap().starts_with(b"git odyssey");
            assert!(!ours, "{} is ours, and was left", lock.display());
        }
    }

    /// Everything that must be true in the end, whatever was killed when.
    fn assert_sound(&self, operation: &Operation) {
        let lab = &self.lab;
        let doctor = lab.screen(&lab.odyssey(&["doctor"]));
        let found: Vec<&str> = doctor.lines().filter_map(|line| line.strip_prefix("found   ")).collect();
        assert_eq!(found, operation.left, "what the doctor leaves to a person: {doctor}");
        assert_eq!(self.locks(), [] as [PathBuf; 0], "no lock is left");
        let fsck = lab.try_git_in(&lab.main(), &["fsck", "--strict", "--no-dangling"]);
        assert!(fsck.code == 0 && fsck.stdout.is_empty(), "{fsck:#?}");
        history::check(lab);
        self.assert_human_untouched();
        self.assert_nothing_lost();
        (operation.settled)(self);
        self.assert_git_works();
    }

    fn assert_human_untouched(&self) {
        for planted in &self.human {
            let now = std::fs::read(self.lab.main().join(&planted.path)).unwrap();
            assert!(now == planted.bytes, "{} is as the person left it", planted.path.display());
        }
        assert_eq!(
            self.status(&self.lab.main()),
            self.human_status,
            "the main checkout shows the person's edits only"
        );
    }

    fn assert_nothing_lost(&self) {
        let refs = self.reached(&["--all"]);
        let gone: Vec<&String> = self.commits.difference(&refs).collect();
        assert!(gone.is_empty(), "commits that no ref reaches any more: {gone:?}");
        let reflogs = self.reached(&["--all", "--reflog"]);
        let gone: Vec<&String> = self.loose.difference(&reflogs).collect();
        assert!(gone.is_empty(), "commits that nothing reaches any more: {gone:?}");
        let saved = self.lab.git(&["rev-list", "--objects", "--glob=refs/odyssey/salvage"]);
        let saved: BTreeSet<&str> = saved.lines().filter_map(|line| line.split(' ').next()).collect();
        for planted in &self.planted {
            let hash = blob_name(&self.lab, &planted.bytes);
            let staged = planted.staged.as_ref().is_none_or(|staged| saved.contains(staged.as_str()));
            let is_saved = saved.contains(hash.as_str()) && staged;
            assert!(
                is_saved || planted.is_in_place(self),
                "{} is neither in the workspace nor saved",
                planted.path.display()
            );
        }
    }

    /// What the person staged can be committed, and is just that.
    fn assert_git_works(&self) {
        self.lab.git(&["commit", "--quiet", "--message", "what the person staged"]);
        let committed = self.lab.git(&["show", "--format=", "--name-only", "HEAD"]);
        let expected = ["human/added.txt", "human/both.txt", "human/deleted.txt", "human/staged.txt"];
        assert_eq!(committed.lines().collect::<Vec<_>>(), expected);
    }

    fn live(&self) -> Vec<String> {
        let states = history::states(&self.lab);
        let leases = states.last().unwrap().book.leases();
        leases.iter().map(|lease| lease.task.to_string()).collect()
    }

    fn assert_workspaces(&self, expected: &[&str]) {
        let entries = std::fs::read_dir(self.lab.root().join("main.odyssey")).unwrap();
        let mut found: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        found.retain(|name| name != ".pool");
        for tree in std::fs::read_dir(self.lab.root().join("main.odyssey/.pool")).into_iter().flatten() {
            let tree = tree.unwrap().path();
            let number = tree.file_name().unwrap().to_str().unwrap().parse::<u32>();
            assert!(number.is_ok() && tree.join("index").is_file(), "{} is a whole tree", tree.display());
            let kept = tree.join("files");
            assert!(!kept.join(".git").exists() && !kept.join("src/keep.private").exists());
        }
        assert_eq!(found, expected, "the workspaces and nothing else");
        let registered = self.lab.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count();
        assert_eq!(registered, 1 + expected.len(), "the worktrees and nothing else");
    }

    fn assert_no_branch(&self) {
        assert_eq!(self.lab.git(&["branch", "--list", "odyssey/work"]), "", "its branch is gone");
    }

    fn assert_synced(&self) {
        let (lab, place) = (&self.lab, self.lab.workspace("work"));
        assert_eq!(lab.git_in(&place, &["symbolic-ref", "HEAD"]), "refs/heads/odyssey/work");
        assert_eq!(
            lab.git(&["rev-list", "--count", "odyssey/work..main"]),
            "0",
            "the branch has all of the target"
        );
        let missing = lab.git(&["diff", "--name-only", "main", "odyssey/work", "--", "tools", "docs"]);
        assert_eq!(missing, "", "the target's files are as the target has them");
        assert_eq!(lab.git(&["show", "odyssey/work:src/part-0/file-0.txt"]), "better work");
        assert_eq!(
            Some(self.workspace_status()),
            self.planted_status,
            "only the edits show in the workspace"
        );
        for planted in &self.planted {
            assert!(planted.is_in_place(self), "{} is as it was", planted.path.display());
        }
        let merges = lab.git(&["rev-list", "--count", "--merges", "main..odyssey/work"]);
        assert!(merges.parse::<u32>().unwrap() <= 1, "it was merged once: {merges}");
        self.assert_workspaces(&["other", "work"]);
        assert_eq!(self.live(), ["other", "work"]);
    }

    fn assert_landed(&self) {
        assert_eq!(self.lab.git(&["show", "main:src/part-0/file-0.txt"]), "better work");
        assert_eq!(self.lab.git(&["show", "main:docs/guide.md"]), "a better guide");
        assert!(self.lab.main().join("src/moved/file-1.txt").exists(), "the checkout shows what landed");
        assert!(!self.lab.main().join("src/part-2").exists(), "the checkout shows what landed");
        let bases = self.lab.git(&["rev-list", "--count", "--first-parent", "main"]);
        assert!(bases.parse::<u32>().unwrap() <= 6, "it landed once: {bases}");
        assert_eq!(self.live(), ["other"]);
        self.assert_workspaces(&["other"]);
        self.assert_no_branch();
    }
}

impl Drop for World {
    #[allow(clippy::print_stderr, reason = "the tests' own log")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what was said after the kill:\n{}", self.said.borrow().join("\n"));
        }
    }
}

/// Plants every kind of edit below a folder of a checkout, random bytes each; the tracked files are there already.
fn plant(lab: &Lab, dice: &mut Dice, top: &Path, folder: &str) -> Vec<Planted> {
    let path = |name: &str| format!("{folder}/{name}");
    let staged = planted(dice, top, &path("staged.txt"));
    let added = planted(dice, top, &path("added.txt"));
    let mut both = planted(dice, top, &path("both.txt"));
    both.staged = Some(blob_name(lab, &both.bytes));
    lab.git_in(top, &["add", &path("staged.txt"), &path("added.txt"), &path("both.txt")]);
    lab.git_in(top, &["rm", "--quiet", &path("deleted.txt")]);
    std::fs::remove_file(top.join(path("unstaged-deletion.txt"))).unwrap();
    let again = planted(dice, top, &path("both.txt"));
    both.bytes = again.bytes;
    let edited = planted(dice, top, &path("edited.txt"));
    let untracked = planted(dice, top, &path("un tracked/ünknown.bin"));
    let ignored = planted(dice, top, &path("built/keep.private"));
    vec![staged, added, both, edited, untracked, ignored]
}

fn planted(dice: &mut Dice, top: &Path, path: &str) -> Planted {
    let count = 1 + dice.below(3_000);
    let bytes = dice.bytes(usize::try_from(count).unwrap());
    support::write(&top.join(path), &bytes);
    Planted { path: path.into(), bytes, staged: None }
}

/// The name that git gives these bytes.
fn blob_name(lab: &Lab, bytes: &[u8]) -> String {
    let place = lab.root().join("to-be-hashed");
    support::write(&place, bytes);
    lab.git(&["hash-object", "--no-filters", place.to_str().unwrap()])
}

fn locks_below(folder: &Path, found: &mut Vec<PathBuf>) {
    // What a git that goes on alone removes meanwhile is not there.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            // Our own locks are held by processes, not by being there.
            if path.file_name().is_some_and(|name| name != "odyssey")
                || path.parent().is_none_or(|up| !up.ends_with(".git"))
            {
                locks_below(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            found.push(path);
        }
    }
}
