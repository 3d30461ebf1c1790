//! What deciding on a remote costs: one claim, and many machines that contend, against pushing and trying again.

use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use super::Failed;
use super::Lab;
use super::say;

/// How long each contention lasts.
const LASTS: Duration = Duration::from_secs(15);

/// One claim in time, and claims a second of 8 machines with 1 and 4 processes each. All on this one machine, over the
/// file path.
pub fn remote(lab: &Lab) -> Result<(), Failed> {
    let main = lab.repository("source", 100)?;
    let top = lab.folder.path().to_owned();
    lab.run(&top, &["git", "clone", "-q", "--bare", "source", "origin.git"])?;
    let mut machines = Vec::new();
    for number in 0..8 {
        let path = top.join(format!("machine{number}"));
        let name = path.to_string_lossy().into_owned();
        lab.run(&top, &["git", "clone", "-q", "origin.git", &name])?;
        lab.run(&path, &["git-odyssey", "init", "--remote", "origin"])?;
        machines.push(path);
    }
    drop(main);
    say("\n## a remote that decides\n");
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..20 {
        times.push(claim(lab, &machines[0], &format!("single{number}"))?);
    }
    times.sort();
    let fetch =
        lab.run(&machines[0], &["git", "fetch", "-q", "origin", "+refs/odyssey/ledger:refs/bench/ledger"])?;
    say(&format!(
        "one claim: {} ms; one git fetch with nothing new: {} ms\n",
        times[10].as_millis(),
        fetch.as_millis()
    ));
    say(
        "| machines | processes each | claims a second | pushing and trying again, a second | ratio |\n|---:|---:|---:|---:|---:|",
    );
    for processes in [1, 4] {
        let ours = contend(&machines, processes, |path, name| claim(lab, path, name).map(drop))?;
        let naive = contend(&machines, processes, |path, name| push_again(lab, path, name))?;
        say(&format!("| 8 | {processes} | {ours:.1} | {naive:.1} | {:.1} |", ours / naive));
    }
    Ok(())
}

fn claim(lab: &Lab, path: &Path, name: &str) -> Result<Duration, Failed> {
    let region = format!("held/{name}/**");
    lab.run(path, &["git-odyssey", "claim", name, "--region", &region, "--here"])
}

/// What everybody writes first: take what is there, put a commit on top, push it, and begin anew if that was refused.
fn push_again(lab: &Lab, path: &Path, name: &str) -> Result<(), Failed> {
    let own = format!("refs/naive/{name}");
    let fetch = format!("+refs/heads/main:{own}");
    loop {
        // By its address: the remote-tracking refs of one clone would be fought for.
        let by_name = ["git", "fetch", "-q", "--no-tags", "--no-write-fetch-head", "../origin.git", &fetch];
        lab.run(path, &by_name)?;
        let made = lab
            .command("git", path)
            .args(["commit-tree", "-p", &own, "-m", name, &format!("{own}^{{tree}}")])
            .stdout(std::process::Stdio::piped())
            .output()?;
        let commit = String::from_utf8(made.stdout)?;
        let push = format!("{}:refs/heads/main", commit.trim());
        if lab.run(path, &["git", "push", "-q", "--no-verify", "../origin.git", &push]).is_ok() {
            return lab.run(path, &["git", "update-ref", "-d", &own]).map(drop);
        }
    }
}

/// Lets so many processes on each machine do something again and again, and answers how often a second it was done.
fn contend(
    machines: &[PathBuf],
    processes: usize,
    change: impl Fn(&Path, &str) -> Result<(), Failed> + Sync,
) -> Result<f64, Failed> {
    let done = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| -> Result<(), Failed> {
        let mut threads = Vec::new();
        for (machine, path) in machines.iter().enumerate() {
            for process in 0..processes {
                let (change, done) = (&change, &done);
                threads.push(scope.spawn(move || -> Result<(), String> {
                    let mut count = 0;
                    while begun.elapsed() < LASTS {
                        let name = format!("p{processes}m{machine}n{process}c{count}");
                        change(path, &name).map_err(|error| error.to_string())?;
                        if begun.elapsed() < LASTS {
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                        count += 1;
                    }
                    Ok(())
                }));
            }
        }
        for thread in threads {
            thread.join().map_err(|_| "a thread failed")??;
        }
        Ok(())
    })?;
    Ok(done.load(Ordering::SeqCst) as f64 / LASTS.as_secs_f64())
}
