#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own, not the product")]
//! Benchmarks as whole processes, with the size of the work varied; prints tables for the README.
//!
//! `cargo bench` runs all; `cargo bench -- claim` (`here`, `rate`, `hooks`, `verdict`, `snapshot`, `matrix`, `check`,
//! `watch`) one. Figures of one machine mean little; the ratios to git's own time on the same machine, in turns, are what to quote.

mod parties;
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
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let all = [
        ("claim", claim_with_worktree as fn(&Lab) -> Result<(), Failed>),
        ("here", claim_here),
        ("rate", contended_rate),
        ("hooks", hooks),
        ("verdict", verdict::verdict),
        ("snapshot", parties::snapshot),
        ("matrix", parties::matrix),
        ("matrix-large", parties::matrix_large),
        ("check", parties::check),
        ("watch", watch::watch),
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
        use git_odyssey::domain::book::{OverParked, Request, Work};
        use git_odyssey::domain::{holder::Holder, lease::Mode, lease::Place, region::RegionSet};
        let repo = git_odyssey::git::repo::Repo::open(top)?;
        let ledger =
            git_odyssey::ledger::local::Ledger::of(&repo, git_odyssey::ledger::local::Durability::Cached);
        let now = git_odyssey::base::clock::Clock::System.now();
        let base = repo.commit_named("HEAD")?.to_string();
        for begin in (0..count).step_by(500) {
            ledger.change(now, |state| -> Result<_, git_odyssey::ledger::error::LedgerError> {
                let mut book = state.book.leases().to_vec();
                let mut fence = state.book.last_fence();
                let mut put = Vec::new();
                let mut event = None;
                for number in begin..(begin + 500).min(count) {
                    let region = format!("held/area{:03}/part{number:05}/**", number / 100);
                    let sets = std::collections::BTreeMap::new();
                    let region = git_odyssey::domain::region::Region::parse(&region, &sets, ledger.case());
                    let request = Request {
                        task: format!("held-{number:05}").parse().unwrap_or_else(|_| unreachable!()),
                        holder: Holder::new("bench", git_odyssey::domain::holder::HolderKind::Agent)
                            .unwrap_or_else(|_| unreachable!()),
                        place: Place::Here,
                        base: base.clone(),
                        target: "refs/heads/main".to_owned(),
                        regions: RegionSet::new(region.into_iter().collect()),
                        mode: Mode::Exclusive,
                        ttl: Duration::from_secs(24 * 3600),
                        over: OverParked::Refuse,
                    };
                    let book_now = git_odyssey::domain::book::LeaseBook::new(Vec::new(), fence);
                    let (lease, entries) = book_now.claim(&request, now, &|_| Work::Some)?;
                    fence = lease.fence;
                    event = entries.into_iter().next_back().map(|entry| entry.event);
                    book.push(lease.clone());
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
    say("| ledger.fsync | claims | claims a second |\n|---|---:|---:|");
    for fsync in [true, false] {
        let top = lab.prepared(&format!("rate-{fsync}"), 10)?;
        fs::write(top.join("odyssey.toml"), format!("[ledger]\nfsync = {fsync}\n"))?;
        let each = 20;
        let begun = Instant::now();
        let mut children = Vec::new();
        for process in 0..32 {
            let script = format!(
                "i=0; while [ $i -lt {each} ]; do git-odyssey claim p{process}-$i --here --region r{process}/$i || exit 1; i=$((i+1)); done"
            );
            children.push(lab.command("sh", &top).args(["-c", &script]).spawn()?);
        }
        for mut child in children {
            if !child.wait()?.success() {
                return Err("a claim failed".into());
            }
        }
        let claims = 32 * each;
        let rate = f64::from(claims) / begun.elapsed().as_secs_f64();
        say(&format!("| {fsync} | {claims} | {rate:.0} |"));
    }
    Ok(())
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
