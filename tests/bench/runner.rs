//! What a workflow's runner costs for each task, above the agents' commands themselves.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;
use std::time::Instant;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// How many agents work at once.
const PARALLEL: usize = 4;

/// Workflows of 1, 16 and 64 tasks, each of which writes one file; against the same commands, as many at once.
pub fn runner(lab: &Lab) -> Result<(), Failed> {
    say("\n## a workflow, of tasks that write one file each, four at once, in a repository of 1,000 files\n");
    say(
        "| tasks | run, ms | processor time, ms | the commands alone, ms | above them, a task, ms |\n|---:|---:|---:|---:|---:|",
    );
    for tasks in [1, 16, 64] {
        let (mut runs, mut bare, mut spent) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..3 {
            let name = format!("run{tasks}-{round}");
            let top = lab.prepared(&name, 1_000)?;
            bare.push(commands_alone(lab, &top, tasks)?);
            lab.run(&top, &["git", "checkout", "-q", "."])?;
            fs::write(lab.folder.path().join("plan.toml"), plan(tasks)?)?;
            let before = processor_time();
            runs.push(lab.run(&top, &["git-odyssey", "run", "../plan.toml"])?);
            spent.extend(processor_time().zip(before).map(|(after, before)| after.saturating_sub(before)));
            let landed = fs::read_to_string(top.join(".git/odyssey/runs/plan/journal.jsonl"))?;
            if landed.matches("\"event\":\"landed\"").count() != tasks {
                return Err("not every task has landed".into());
            }
        }
        let (run, bare) = (median(runs), median(bare));
        let spent = if spent.is_empty() { "-".to_owned() } else { format!("{:.0}", median(spent)) };
        #[expect(clippy::cast_precision_loss, reason = "there are few tasks")]
        let each = (run - bare) / tasks as f64;
        say(&format!("| {tasks} | {run:.0} | {spent} | {bare:.0} | {each:.0} |"));
    }
    Ok(())
}

/// What an agent does.
fn script(task: usize) -> String {
    format!("echo new >> src/part000/file{task:05}.rs")
}

fn plan(tasks: usize) -> Result<String, Failed> {
    let mut text = format!("odyssey = 1\nparallel = {PARALLEL}\ntier = 'sh'\n[tiers.sh]\ncommand = ['sh']\n");
    for task in 0..tasks {
        let region = format!("src/part000/file{task:05}.rs");
        write!(text, "[task.t{task}]\nregions = ['{region}']\nprompt = '{}'\n", script(task))?;
    }
    Ok(text)
}

fn commands_alone(lab: &Lab, top: &Path, tasks: usize) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let mut children: Vec<Child> = Vec::new();
    for task in 0..tasks {
        if children.len() == PARALLEL {
            children.remove(0).wait()?;
        }
        children.push(lab.command("sh", top).args(["-c", &script(task)]).spawn()?);
    }
    for mut child in children {
        child.wait()?;
    }
    Ok(begun.elapsed())
}

/// The processor time of all children that have ended, and of theirs; Linux only. A tick is a hundredth of a second.
pub fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields.get(13)?.parse::<u64>().ok()? + fields.get(14)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}
