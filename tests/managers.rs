//! The hook managers that people have, each from its registry: ours fire beside them, whoever came first.
//!
//! The tools are installed by `tests/tools` into the build folder, once. hk takes minutes to build and is tried by hand.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test plants files and wants to know where it failed"
)]

mod support;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use support::Lab;
use support::Run;

/// One of the managers.
struct Manager {
    /// Its program, in the folder of tools.
    program: &'static str,
    /// The arguments that install its hooks.
    install: &'static [&'static str],
    /// The files that tell it what to run, tracked by people who use it.
    files: &'static [(&'static str, &'static str)],
}

const HUSKY: Manager = Manager {
    program: "npm/node_modules/.bin/husky",
    install: &[],
    files: &[("package.json", "{\"name\": \"x\"}\n"), (".husky/pre-commit", "echo ran >> \"$RAN\"\n")],
};

const LEFTHOOK: Manager = Manager {
    program: "npm/node_modules/.bin/lefthook",
    install: &["install"],
    files: &[("lefthook.yml", "pre-commit:\n  commands:\n    say:\n      run: echo ran >> \"$RAN\"\n")],
};

const PRE_COMMIT: Manager = Manager {
    program: "venv/bin/pre-commit",
    install: &["install"],
    files: &[(
        ".pre-commit-config.yaml",
        "repos:\n- repo: local\n  hooks:\n  - {id: say, name: say, language: system, always_run: true, \
         pass_filenames: false, entry: sh -c 'echo ran >> \"$RAN\"'}\n",
    )],
};

/// The folder of tools, filled by the first who asks.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("managers");
        let made = Command::new("sh").arg(top.join("tests/tools")).arg(&folder).status().unwrap();
        assert!(made.success(), "tests/tools could not install the hook managers");
        folder
    })
}

/// A repository that is used with a manager.
struct World {
    lab: Lab,
    manager: &'static Manager,
}

impl World {
    fn new(manager: &'static Manager) -> World {
        let lab = Lab::unprepared();
        lab.write("src/a", "one\n");
        lab.write("docs/guide.md", "guide\n");
        for (path, text) in manager.files {
            lab.write(path, text);
        }
        lab.commit("one");
        World { lab, manager }
    }

    fn run(&self, program: &Path, folder: &Path, arguments: &[&str]) -> Run {
        let mut command = self.lab.command(program, folder, arguments);
        command.env("RAN", self.lab.root().join("ran")).env("PRE_COMMIT_HOME", self.lab.root().join("cache"));
        Run::of(&mut command)
    }

    fn install(&self) {
        self.run(&tools().join(self.manager.program), &self.lab.main(), self.manager.install).ok();
    }

    /// How often the manager's own hook ran.
    fn ran(&self) -> usize {
        std::fs::read_to_string(self.lab.root().join("ran")).unwrap_or_default().lines().count()
    }

    fn commit(&self, folder: &Path, path: &str) -> Run {
        let before = std::fs::read_to_string(folder.join(path)).unwrap_or_default();
        std::fs::write(folder.join(path), format!("{before}more\n")).unwrap();
        self.run(Path::new("git"), folder, &["add", path]).ok();
        let run = self.run(Path::new("git"), folder, &["commit", "-qm", "more"]);
        if run.code != 0 {
            self.run(Path::new("git"), folder, &["checkout", "-q", "HEAD", "--", path]).ok();
        }
        run
    }

    /// Ours refuse in every checkout, and the manager's hook runs, once, for what passes.
    fn both_work(&self) {
        for (folder, free) in [(self.lab.main(), "README.md"), (self.lab.workspace("other"), "docs/guide.md")]
        {
            let refused = self.commit(&folder, "src/a");
            assert_ne!(refused.code, 0, "{refused:#?}");
            assert!(refused.stderr.contains("src/a is held by task"), "{refused:#?}");
            let before = self.ran();
            self.commit(&folder, free).ok();
            assert_eq!(self.ran(), before + 1, "in {}", folder.display());
        }
        self.lab.odyssey(&["doctor"]).ok();
    }

    fn claim(&self) {
        self.lab.odyssey(&["claim", "task", "--region", "src"]).ok();
        self.lab.odyssey(&["claim", "other", "--region", "docs"]).ok();
    }

    /// After uninstalling, the manager's hook runs, and ours do not.
    fn only_theirs_work_afterwards(&self) {
        self.lab.odyssey(&["uninstall", "--force"]).ok();
        let before = self.ran();
        self.commit(&self.lab.main(), "src/a").ok();
        assert_eq!(self.ran(), before + 1);
    }

    fn hooks(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for folder in [".git/hooks", ".husky/_"] {
            for entry in std::fs::read_dir(self.lab.main().join(folder)).into_iter().flatten() {
                let path = entry.unwrap().path();
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
        found.push(("config".to_owned(), std::fs::read(self.lab.main().join(".git/config")).unwrap()));
        found.sort();
        found
    }
}

fn came_first(manager: &'static Manager) {
    let world = World::new(manager);
    world.install();
    let before = world.hooks();
    world.lab.odyssey(&["init"]).ok();
    world.claim();
    world.both_work();
    // As every `npm install` does it; whoever wrote over ours is found and put behind them again.
    world.install();
    world.lab.odyssey(&["init"]).ok();
    world.both_work();
    world.only_theirs_work_afterwards();
    assert_eq!(world.hooks(), before);
}

fn came_later(manager: &'static Manager) {
    let world = World::new(manager);
    world.lab.odyssey(&["init"]).ok();
    world.claim();
    world.install();
    world.lab.odyssey(&["doctor", "--fix"]).ok();
    world.both_work();
    world.only_theirs_work_afterwards();
}

#[test]
fn husky_that_came_first_goes_on() {
    came_first(&HUSKY);
}

#[test]
fn husky_that_came_later_is_taken_along_by_the_doctor() {
    came_later(&HUSKY);
}

#[test]
fn lefthook_that_came_first_goes_on() {
    came_first(&LEFTHOOK);
}

#[test]
fn lefthook_that_came_later_is_taken_along_by_the_doctor() {
    came_later(&LEFTHOOK);
}

#[test]
fn pre_commit_that_came_first_goes_on() {
    came_first(&PRE_COMMIT);
}

#[test]
fn pre_commit_that_came_later_is_taken_along_by_the_doctor() {
    came_later(&PRE_COMMIT);
}

/// The framework can also run us as one of its hooks, as `.pre-commit-hooks.yaml` offers it.
#[test]
fn pre_commit_runs_us_as_a_hook_of_its_own() {
    let world = World::new(&PRE_COMMIT);
    let offered = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
    let offered = std::fs::read_to_string(offered).unwrap();
    let offered: String = offered.lines().map(|line| format!("  {line}\n")).collect();
    world.lab.write(".pre-commit-config.yaml", format!("repos:\n- repo: local\n  hooks:\n{offered}"));
    world.lab.commit("the framework runs us");
    world.lab.odyssey(&["init"]).ok();
    world.lab.odyssey(&["claim", "task", "--region", "src"]).ok();
    for entry in std::fs::read_dir(world.lab.main().join(".git/hooks")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    world.install();
    let refused = world.commit(&world.lab.main(), "src/a");
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(refused.stderr.contains("src/a is held by task"), "{refused:#?}");
    world.commit(&world.lab.main(), "README.md").ok();
}
