//! What a watcher costs while nothing happens.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Stdio;
use std::time::Duration;

use super::Failed;
use super::Lab;
use super::say;

/// How long it is left alone.
const IDLE: Duration = Duration::from_secs(20);

/// The processor time of an idle watcher, and its memory. Linux only: read from `/proc`.
pub fn watch(lab: &Lab) -> Result<(), Failed> {
    say("\n## a watcher while nothing happens\n");
    say("| files | workspaces | processor time, ms in a minute | memory, MB |\n|---:|---:|---:|---:|");
    for (files, workspaces) in [(1_000, 2), (1_000, 8), (10_000, 2)] {
        let top = lab.prepared(&format!("watch{files}-{workspaces}"), files)?;
        for number in 0..workspaces {
            let (task, region) = (format!("t{number}"), format!("held/{number}/**"));
            lab.run(&top, &["git-odyssey", "claim", &task, "--region", &region])?;
        }
        let mut command = lab.command("git-odyssey", &top);
        let mut child = command.args(["watch", "--json"]).stdout(Stdio::piped()).spawn()?;
        let mut first = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut first)?;
        // The first look may still be resting.
        std::thread::sleep(Duration::from_secs(5));
        let before = ticks(child.id())?;
        std::thread::sleep(IDLE);
        let spent = ticks(child.id())? - before;
        let memory = kilobytes(child.id())? / 1024;
        child.kill()?;
        child.wait()?;
        // A tick is a hundredth of a second.
        say(&format!("| {files} | {workspaces} | {} | {memory} |", spent * 10 * 60 / IDLE.as_secs()));
    }
    Ok(())
}

fn ticks(process: u32) -> Result<u64, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("no name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}

fn kilobytes(process: u32) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
