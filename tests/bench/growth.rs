//! What the ledger's history costs as it grows, and what is left of that when it is folded.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// How many events the ledger has, each time beside ten live leases.
const EVENTS: [usize; 4] = [0, 1_000, 10_000, 100_000];

/// A ledger with so many events, as it grew or folded, and the times of what was done with it.
struct Grown {
    events: usize,
    folded: Option<Duration>,
    top: PathBuf,
    claims: Vec<Duration>,
    screens: Vec<Duration>,
    logs: Vec<Duration>,
    fetches: Vec<Duration>,
}

/// Sizes and times with so many events, as they grew and folded. The events are claims and releases in turn, and packed as
/// `git gc` packs them.
pub fn growth(lab: &Lab) -> Result<(), Failed> {
    let mut all = Vec::new();
    for events in EVENTS {
        for folded in [false, true] {
            all.push(grown(lab, events, folded)?);
        }
    }
    // In turns, so that what else the machine does is shared by all.
    for round in 0..21 {
        for one in &mut all {
            let task = format!("t{round}");
            one.claims
                .push(lab.run(&one.top, &["git-odyssey", "claim", &task, "--here", "--region", &task])?);
            one.screens.push(lab.run(&one.top, &["git-odyssey", "status"])?);
            one.logs.push(lab.run(&one.top, &["git-odyssey", "log", "-n", "20"])?);
            lab.run(&one.top, &["git-odyssey", "release", &task])?;
            if round < 5 {
                one.fetches.push(fetch(lab, &one.top)?);
            }
        }
    }
    say("\n## the ledger's history: 100 files, ten live leases, all packed\n");
    say(
        "| events | folded | ledger, KiB | archive, KiB | claim --here, ms | status, ms | log -n 20, ms | fetch by a new machine, ms | compact, ms |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    );
    for one in all {
        let ledger = usage(lab, &one.top, &["refs/odyssey/ledger"])?;
        let archive = usage(lab, &one.top, &["--glob=refs/odyssey/archive", "--not", "refs/odyssey/ledger"])?;
        lab.run(&one.top, &["git", "fsck", "--no-dangling", "--connectivity-only"])?;
        let (folded, took) = match one.folded {
            Some(took) => ("yes", format!("{:.0}", took.as_secs_f64() * 1_000.0)),
            None => ("no", "–".to_owned()),
        };
        say(&format!(
            "| {} | {folded} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {took} |",
            one.events,
            ledger / 1_024.0,
            archive / 1_024.0,
            median(one.claims),
            median(one.screens),
            median(one.logs),
            median(one.fetches)
        ));
    }
    loose(lab)
}

fn grown(lab: &Lab, events: usize, folded: bool) -> Result<Grown, Failed> {
    let top = lab.prepared(&format!("growth{events}-{folded}"), 100)?;
    lab.leases(&top, 10)?;
    history(lab, &top, events)?;
    lab.run(&top, &["git", "gc", "-q", "--prune=now"])?;
    let mut took = None;
    if folded {
        took = Some(lab.run(&top, &["git-odyssey", "compact"])?);
        lab.run(&top, &["git", "gc", "-q", "--prune=now"])?;
    }
    lab.run(&top, &["git-odyssey", "status"])?;
    let (claims, screens, logs, fetches) = Default::default();
    Ok(Grown { events, folded: took, top, claims, screens, logs, fetches })
}

/// What a machine waits for that has seen nothing of the ledger.
fn fetch(lab: &Lab, top: &Path) -> Result<Duration, Failed> {
    let new = lab.folder.path().join("new");
    lab.run(lab.folder.path(), &["git", "init", "-q", "--bare", "new"])?;
    let address = format!("file://{}", top.display());
    let taken =
        lab.run(&new, &["git", "fetch", "-q", &address, "refs/odyssey/ledger:refs/odyssey/ledger"])?;
    fs::remove_dir_all(&new)?;
    Ok(taken)
}

/// What events cost on the disk before anybody packs them.
fn loose(lab: &Lab) -> Result<(), Failed> {
    let top = lab.prepared("loose", 100)?;
    lab.leases(&top, 10)?;
    lab.run(&top, &["git", "gc", "-q", "--prune=now"])?;
    let events = 200;
    for number in 0..events / 2 {
        let task = format!("loose{number}");
        lab.run(&top, &["git-odyssey", "claim", &task, "--here", "--region", &task])?;
        lab.run(&top, &["git-odyssey", "release", &task])?;
    }
    let counted = said(lab, &top, &["count-objects", "-v"])?;
    let number = |name: &str| {
        let line = counted.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|number| number.trim().parse::<f64>().ok()).unwrap_or_default()
    };
    let each = f64::from(events);
    say(&format!(
        "\nbefore `git gc`, for each event: {:.1} loose objects, {:.1} KiB of the disk",
        number("count:") / each,
        number("size:") / each
    ));
    Ok(())
}

/// So many events on top of the ledger, a claim and a release in turn; nothing is live that was not before.
fn history(lab: &Lab, top: &Path, events: usize) -> Result<(), Failed> {
    let lease = said(lab, top, &["show", "refs/odyssey/ledger:leases/held-00000.toml"])?;
    let granted = lease.lines().find(|line| line.starts_with("fence = ")).ok_or("a lease without a fence")?;
    let mut fence: usize = said(lab, top, &["show", "refs/odyssey/ledger:fence"])?.trim().parse()?;
    let mut stream = String::from("reset refs/odyssey/ledger\nfrom refs/odyssey/ledger^0\n\n");
    for number in 0..events {
        let (task, begins) = (format!("past-{}", number / 2), number % 2 == 0);
        fence += usize::from(begins);
        let kind = if begins { "claim" } else { "release" };
        let message =
            format!("{kind} {task}\n\nOdyssey-Event: {kind}\nOdyssey-Task: {task}\nOdyssey-Fence: {fence}\n");
        let second = 1_790_000_000 + number;
        writeln!(stream, "commit refs/odyssey/ledger\ncommitter Bench <bench@localhost> {second} +0000")?;
        writeln!(stream, "data {}\n{message}", message.len())?;
        if begins {
            let text = lease.replace("held-00000", &task).replace(granted, &format!("fence = {fence}"));
            let counter = format!("{fence}\n");
            writeln!(stream, "M 100644 inline leases/{task}.toml\ndata {}\n{text}", text.len())?;
            writeln!(stream, "M 100644 inline fence\ndata {}\n{counter}", counter.len())?;
        } else {
            writeln!(stream, "D leases/{task}.toml")?;
        }
        stream.push('\n');
    }
    let mut git = lab.command("git", top);
    let mut child = git.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(stream.as_bytes())?;
    if !child.wait()?.success() {
        return Err("git fast-import failed".into());
    }
    Ok(())
}

/// The bytes that objects take on the disk.
fn usage(lab: &Lab, top: &Path, of: &[&str]) -> Result<f64, Failed> {
    let words = [&["rev-list", "--objects", "--disk-usage"], of].concat();
    Ok(said(lab, top, &words)?.trim().parse()?)
}

fn said(lab: &Lab, top: &Path, words: &[&str]) -> Result<String, Failed> {
    let answer = lab.command("git", top).args(words).stdout(Stdio::piped()).output()?;
    if !answer.status.success() {
        return Err(format!("{words:?}: {}", String::from_utf8_lossy(&answer.stderr)).into());
    }
    Ok(String::from_utf8(answer.stdout)?)
}
