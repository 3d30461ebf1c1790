#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own, not the product")]
//! Benchmarks as whole processes, with the size of the work varied; prints tables for the README.
//!
//! `cargo bench` runs all; `cargo bench -- claim` (`ready`, `here`, `rate`, `hooks`, `verdict`, `snapshot`, `matrix`, `check`,
//! `guard`, `watch`, `remote`, `server`, `growth`, `usage`, `runner`, `review`) one. Figures of one machine mean little; the ratios to git's own time on the same machine, in
//! turns, are what to quote.

mod growth;
mod guard;
mod parties;
mod ready;
mod remote;
#[cfg(feature = "screen")]
mod review;
mod runner;
mod server;
mod usage;
mod verdict;
mod watch;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    if let Ok(process) = std::env::var(CLAIMANT) {
        return claim_many(&process);
    }
    if std::env::var_os(guard::NOTHING).is_some() {
        return Ok(());
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let all = [
        ("claim", claim_with_worktree as fn(&Lab) -> Result<(), Failed>),
        ("ready", ready::ready),
        ("here", claim_here),
        ("rate", contended_rate),
        ("hooks", hooks),
        ("guard", guard::guard),
        ("verdict", verdict::verdict),
        ("snapshot", parties::snapshot),
        ("matrix", parties::matrix),
        ("matrix-large", parties::matrix_large),
        ("check", parties::check),
        ("watch", watch::watch),
        ("remote", remote::remote),
        ("server", server::server),
        ("growth", growth::growth),
        ("usage", usage::usage),
        ("runner", runner::runner),
        #[cfg(feature = "screen")]
        ("review", review::review),
    ];
    for (name, bench) in all {
        // Gigabytes are written only for who asks for it.
        let all = wanted.is_empty() && name != "matrix-large";
        if all || wanted.iter().any(|wanted| wanted == name) {
            bench(&Lab::new()?)?;
        }
    }
    Ok(())
}

/// A folder of its own, with its own HOME and git configuration.
struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Result<Lab, Failed> {
        let folder = tempfile::tempdir()?;
        let config = "[user]\n\tname = Bench\n\temail = bench@localhost\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n";
        fs::write(folder.path().join("gitconfig"), config)?;
        Ok(Lab { folder })
    }

    fn command(&self, program: &str, at: &Path) -> Command {
        let mut command = Command::new(program);
        let ours = Path::new(env!("CARGO_BIN_EXE_git-odyssey")).parent().unwrap_or(Path::new("."));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(ours.to_owned()).chain(std::env::split_paths(&path));
        command.current_dir(at).env_clear().env("PATH", std::env::join_paths(paths).unwrap_or_default());
        command.env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_GLOBAL", self.folder.path().join("gitconfig"));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn run(&self, at: &Path, line: &[&str]) -> Result<Duration, Failed> {
        let begun = Instant::now();
        let output = self.command(line[0], at).args(&line[1..]).output()?;
        let taken = begun.elapsed();
        if !output.status.success() {
            return Err(format!("{line:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(taken)
    }

    /// How long a command takes, whatever it answers.
    fn time(&self, at: &Path, line: &[&str]) -> Duration {
        let begun = Instant::now();
        drop(self.command(line[0], at).args(&line[1..]).output());
        begun.elapsed()
    }

    /// A repository with so many small files in folders of a hundred, all committed.
    fn repository(&self, name: &str, files: usize) -> Result<PathBuf, Failed> {
        let top = self.folder.path().join(name);
        for number in 0..files {
            let folder = top.join(format!("src/part{:03}", number / 100));
            if number % 100 == 0 {
                fs::create_dir_all(&folder)?;
            }
            fs::write(
                folder.join(format!("file{number:05}.rs")),
                format!("pub fn f{number}() {{}}\n").repeat(20),
            )?;
        }
        self.run(self.folder.path(), &["git", "init", "-q", name])?;
        self.run(&top, &["git", "add", "-A"])?;
        self.run(&top, &["git", "commit", "-q", "-m", "all"])?;
        Ok(top)
    }

    fn prepared(&self, name: &str, files: usize) -> Result<PathBuf, Failed> {
        let top = self.repository(name, files)?;
        self.run(&top, &["git-odyssey", "init"])?;
        Ok(top)
    }

    /// Puts so many leases into the ledger at once, as so many claims would have left them.
    fn leases(&self, top: &Path, count: usize) -> Result<(), Failed> {
        use git_odyssey::domain::book::{LeaseBook, Work};
        use git_odyssey::domain::span::Unseen;
        use git_odyssey::ledger::local::{Durability, Ledger};
        let repo = git_odyssey::git::repo::Repo::open(top)?;
        let ledger = Ledger::of(&repo, Durability::Cached);
        let now = git_odyssey::base::clock::Clock::System.now();
        let base = repo.commit_named("HEAD")?.to_string();
        for begin in (0..count).step_by(500) {
            let mut requests = Vec::new();
            for number in begin..(begin + 500).min(count) {
                let region = format!("held/area{:03}/part{number:05}/**", number / 100);
                requests.push(request(&format!("held-{number:05}"), &region, &base)?);
            }
            ledger.change(now, |state| -> Result<_, git_odyssey::ledger::error::LedgerError> {
                let mut fence = state.book.last_fence();
                let mut put = Vec::new();
                let mut event = None;
                for request in &requests {
                    let (lease, entries) =
                        LeaseBook::new(Vec::new(), fence).claim(request, now, &|_| Work::Some, &Unseen)?;
                    fence = lease.fence;
                    event = entries.into_iter().next_back().map(|entry| entry.event);
                    put.push(lease);
                }
                let entries =
                    event.map(|event| git_odyssey::domain::book::Entry { event, put, remove: Vec::new() });
                Ok((entries.into_iter().collect(), ()))
            })?;
        }
        Ok(())
    }
}

/// The middle of several runs, in milliseconds.
fn median(mut runs: Vec<Duration>) -> f64 {
    runs.sort();
    runs[runs.len() / 2].as_secs_f64() * 1000.0
}

#[expect(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
fn say(line: &str) {
    println!("{line}");
}

fn claim_with_worktree(lab: &Lab) -> Result<(), Failed> {
    say("\n## claim with a workspace, against `git worktree add -b` in a repository without us\n");
    say("| files | git worktree add -b, ms | git odyssey claim, ms | ratio |\n|---:|---:|---:|---:|");
    for files in [1_000, 10_000, 50_000] {
        let plain = lab.repository(&format!("plain{files}"), files)?;
        let ours = lab.prepared(&format!("ours{files}"), files)?;
        let (mut git, mut odyssey) = (Vec::new(), Vec::new());
        for round in 0..if files > 20_000 { 5 } else { 9 } {
            let (task, branch) = (format!("t{round}"), format!("b{round}"));
            let place = format!("../{branch}-{files}");
            git.push(lab.run(&plain, &["git", "worktree", "add", "-q", "-b", &branch, &place])?);
            let region = format!("src/part000/file{round:05}.rs");
            odyssey.push(lab.run(&ours, &["git-odyssey", "claim", &task, "--region", &region])?);
            lab.run(&plain, &["git", "worktree", "remove", "--force", &place])?;
            lab.run(&ours, &["git-odyssey", "release", &task])?;
        }
        let (git, odyssey) = (median(git), median(odyssey));
        say(&format!("| {files} | {git:.1} | {odyssey:.1} | {:.2} |", odyssey / git));
    }
    Ok(())
}

fn claim_here(lab: &Lab) -> Result<(), Failed> {
    say("\n## claim --here, with so many leases in the ledger\n");
    say("| leases | claim --here, ms | status, ms |\n|---:|---:|---:|");
    for leases in [10, 1_000, 10_000] {
        let top = lab.prepared(&format!("here{leases}"), 100)?;
        lab.leases(&top, leases)?;
        lab.run(&top, &["git-odyssey", "status"])?;
        let (mut claims, mut screens) = (Vec::new(), Vec::new());
        for round in 0..11 {
            let task = format!("t{round}");
            claims.push(lab.run(&top, &["git-odyssey", "claim", &task, "--here", "--region", &task])?);
            screens.push(lab.run(&top, &["git-odyssey", "status"])?);
        }
        say(&format!("| {leases} | {:.1} | {:.1} |", median(claims), median(screens)));
    }
    Ok(())
}

fn contended_rate(lab: &Lab) -> Result<(), Failed> {
    say("\n## claims a second with 32 processes contending for the ledger\n");
    say("| ledger.fsync | each claim a process | claims | claims a second |\n|---|---|---:|---:|");
    for fsync in [true, false] {
        for anew in [true, false] {
            let top = lab.prepared(&format!("rate-{fsync}-{anew}"), 10)?;
            fs::write(top.join("odyssey.toml"), format!("[ledger]\nfsync = {fsync}\n"))?;
            let begun = Instant::now();
            let mut children = Vec::new();
            for process in 0..32 {
                let mut child = if anew {
                    let script = format!(
                        "i=0; while [ $i -lt {EACH} ]; do git-odyssey claim p{process}-$i --here --region r{process}/$i || exit 1; i=$((i+1)); done"
                    );
                    let mut shell = lab.command("sh", &top);
                    shell.args(["-c", &script]);
                    shell
                } else {
                    let mut claimant = lab.command(&std::env::current_exe()?.display().to_string(), &top);
                    claimant.env(CLAIMANT, format!("p{process} {fsync}"));
                    claimant
                };
                children.push(child.spawn()?);
            }
            for mut child in children {
                if !child.wait()?.success() {
                    return Err("a claim failed".into());
                }
            }
            let claims = 32 * EACH;
            let rate = f64::from(claims) / begun.elapsed().as_secs_f64();
            let anew = if anew { "yes" } else { "no" };
            say(&format!("| {fsync} | {anew} | {claims} | {rate:.0} |"));
        }
    }
    Ok(())
}

/// How many claims each of the contending processes makes.
const EACH: u32 = 20;

/// Set for a process of this benchmark that makes its claims through the library: its name, and whether it syncs.
const CLAIMANT: &str = "GIT_ODYSSEY_BENCH_CLAIMANT";

/// What each claim by the library costs: the grant in the ledger alone, without a process and a copy of the lease.
fn claim_many(process: &str) -> Result<(), Failed> {
    use git_odyssey::domain::book::Work;
    use git_odyssey::domain::span::Unseen;
    use git_odyssey::ledger::cache::Near;
    use git_odyssey::ledger::local::{Durability, Ledger};
    let (name, fsync) = process.split_once(' ').ok_or("no name")?;
    let repo = git_odyssey::git::repo::Repo::open(Path::new("."))?;
    let durability = if fsync == "true" { Durability::Synced } else { Durability::Cached };
    let ledger = Ledger::of(&repo, durability);
    let base = repo.commit_named("HEAD")?.to_string();
    for number in 0..EACH {
        let now = git_odyssey::base::clock::Clock::System.now();
        let request = request(&format!("{name}-{number}"), &format!("r{name}/{number}"), &base)?;
        let near = Near::new(&request.task, &request.regions);
        ledger.change_near(&near, now, |state| -> Result<_, git_odyssey::ledger::error::LedgerError> {
            let (_, entries) = state.book.claim(&request, now, &|_| Work::Some, &Unseen)?;
            Ok((entries, ()))
        })?;
    }
    Ok(())
}

/// A claim of one region without a workspace, for a day.
fn request(task: &str, region: &str, base: &str) -> Result<git_odyssey::domain::book::Request, Failed> {
    use git_odyssey::domain::holder::{Holder, HolderKind};
    use git_odyssey::domain::region::{Case, Region, RegionSet};
    Ok(git_odyssey::domain::book::Request {
        task: task.parse()?,
        holder: Holder::new("bench", HolderKind::Agent)?,
        place: git_odyssey::domain::lease::Place::Here,
        base: base.to_owned(),
        target: "refs/heads/main".to_owned(),
        regions: RegionSet::new(vec![Region::parse(region, &Default::default(), Case::Sensitive)?]),
        mode: git_odyssey::domain::lease::Mode::Exclusive,
        ttl: Duration::from_secs(24 * 3600),
        over: git_odyssey::domain::book::OverParked::Refuse,
    })
}

/// Hooks as git runs them (`git hook run`), ours against an empty shell hook in the same place.
fn hooks(lab: &Lab) -> Result<(), Failed> {
    say("\n## a hook above an empty shell hook, 100 staged files among 1,000\n");
    say("| hook | leases | empty, ms | ours, ms | above, ms |\n|---|---:|---:|---:|---:|");
    for leases in [10, 1_000, 10_000] {
        let top = lab.prepared(&format!("hooks{leases}"), 1_000)?;
        lab.leases(&top, leases)?;
        for number in 0..100 {
            fs::write(top.join(format!("src/part000/file{number:05}.rs")), "changed\n")?;
        }
        lab.run(&top, &["git", "add", "-A"])?;
        lab.run(&top, &["git-odyssey", "status"])?;
        let empty = top.join("empty-hooks");
        fs::create_dir(&empty)?;
        let zero = "0".repeat(40);
        let tree = String::from_utf8(
            lab.command("git", &top).args(["write-tree"]).stdout(Stdio::piped()).output()?.stdout,
        )?;
        let made = ["commit-tree", tree.trim(), "-p", "HEAD", "-m", "next"];
        let commit =
            String::from_utf8(lab.command("git", &top).args(made).stdout(Stdio::piped()).output()?.stdout)?;
        let input = top.join("input");
        fs::write(&input, format!("{zero} {} refs/heads/main\n", commit.trim()))?;
        for (event, arguments) in [("pre-commit", None), ("reference-transaction", Some("prepared"))] {
            fs::write(empty.join(event), "#!/bin/sh\nexit 0\n")?;
            executable(&empty.join(event))?;
            let (mut none, mut ours) = (Vec::new(), Vec::new());
            for _ in 0..21 {
                for (times, hooks) in [(&mut none, Some(&empty)), (&mut ours, None)] {
                    let mut command = lab.command("git", &top);
                    if let Some(hooks) = hooks {
                        command.arg("-c").arg(format!("core.hooksPath={}", hooks.display()));
                    }
                    command.args(["hook", "run"]);
                    if event == "reference-transaction" {
                        command.arg(format!("--to-stdin={}", input.display()));
                    }
                    command.arg(event);
                    if let Some(argument) = arguments {
                        command.args(["--", argument]);
                    }
                    let begun = Instant::now();
                    let output = command.output()?;
                    times.push(begun.elapsed());
                    if !output.status.success() {
                        return Err(String::from_utf8_lossy(&output.stderr).into());
                    }
                }
            }
            let (none, ours) = (median(none), median(ours));
            say(&format!("| {event} | {leases} | {none:.1} | {ours:.1} | {:.1} |", ours - none));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn executable(path: &Path) -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<(), Failed> {
    Ok(())
}
