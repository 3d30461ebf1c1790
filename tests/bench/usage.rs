//! Transcripts read for the first time, again with nothing new, and with one line more.
//!
//! `ODYSSEY_BENCH_MB` says how much there is of them (100). With `ODYSSEY_CCUSAGE`, the path of that program, it reads the same
//! files in turns: give its native binary (`node_modules/@ccusage/*/bin/ccusage`), so that Node does not count.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Failed;
use super::Lab;
use super::median;
use super::runner::processor_time;
use super::say;

/// How many sessions there are for a hundred megabytes.
const SESSIONS: usize = 40;

pub fn usage(lab: &Lab) -> Result<(), Failed> {
    let megabytes: usize =
        std::env::var("ODYSSEY_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let top = lab.prepared("used", 100)?;
    let projects = lab.folder.path().join(".claude/projects/-used");
    fs::create_dir_all(&projects)?;
    let sessions = (SESSIONS * megabytes / 100).max(1);
    for session in 0..sessions {
        fs::write(
            projects.join(format!("{session}.jsonl")),
            transcript(&top, session, megabytes * 1_000_000 / sessions)?,
        )?;
    }
    let index = top.join(".git/odyssey/usage");
    // How long it takes, and the processor time of it.
    let timed = |line: &[&str]| -> Result<(Duration, Duration), Failed> {
        let before = processor_time().unwrap_or_default();
        let taken = lab.run(&top, line)?;
        Ok((taken, processor_time().unwrap_or_default().saturating_sub(before)))
    };
    let line = ["git-odyssey", "usage", "--everywhere", "--json"];
    let forget = || -> Result<(), Failed> {
        if index.exists() {
            fs::remove_file(&index)?;
        }
        Ok(())
    };
    let grow = || -> Result<(), Failed> {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().append(true).open(projects.join("0.jsonl"))?;
        Ok(file.write_all(b"{\"type\":\"summary\",\"summary\":\"more\"}\n")?)
    };
    let other = std::env::var("ODYSSEY_CCUSAGE").ok();
    let (mut first, mut again, mut more, mut theirs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        forget()?;
        first.push(timed(&line)?);
        again.push(timed(&line)?);
        grow()?;
        more.push(timed(&line)?);
        if let Some(other) = &other {
            theirs.push(timed(&[other, "claude", "daily", "--json", "--offline"])?);
        }
    }
    say(&format!("\n## {megabytes} MB of transcripts in {sessions} files, ms (processor time)\n"));
    say(
        "| first | again, nothing new | again, one line more | ccusage | to ours |\n|---:|---:|---:|---:|---:|",
    );
    let both = |runs: &[(Duration, Duration)]| -> (f64, f64) {
        (median(runs.iter().map(|run| run.0).collect()), median(runs.iter().map(|run| run.1).collect()))
    };
    let shown = |(taken, spent): (f64, f64)| format!("{taken:.1} ({spent:.0})");
    let first = both(&first);
    let (theirs, ratio) = match theirs.is_empty() {
        true => ("-".to_owned(), "-".to_owned()),
        false => {
            let theirs = both(&theirs);
            (shown(theirs), format!("{:.1} ({:.1})", theirs.0 / first.0, theirs.1 / first.1.max(1.0)))
        }
    };
    say(&format!(
        "| {} | {} | {} | {theirs} | {ratio} |",
        shown(first),
        shown(both(&again)),
        shown(both(&more))
    ));
    say(&format!("\nThe index has {} KiB.", fs::metadata(&index)?.len() / 1024));
    Ok(())
}

/// A session of so many bytes: a result of a tool, and an answer in three lines, again and again.
fn transcript(top: &Path, session: usize, bytes: usize) -> Result<String, Failed> {
    let folder = serde_json::to_string(top.to_str().ok_or("a path is no text")?)?;
    let mut text = String::with_capacity(bytes + 10_000);
    let mut turn = 0;
    while text.len() < bytes {
        let at = format!("2026-11-{:02}T{:02}:{:02}:00.000Z", 1 + session % 20, turn / 60 % 24, turn % 60);
        let shared = format!(
            "\"parentUuid\":\"0\",\"isSidechain\":false,\"cwd\":{folder},\"sessionId\":\"{session}\",\"version\":\"2.1.30\",\"timestamp\":\"{at}\""
        );
        let result = format!("fn f{turn}() {{}}\\n").repeat(150);
        writeln!(
            text,
            "{{{shared},\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"type\":\"tool_result\",\"content\":\"{result}\"}}]}}}}"
        )?;
        let said = "It is as it was, and now for something else. ".repeat(30);
        for output in [1, 1, 200 + turn % 500] {
            writeln!(
                text,
                "{{{shared},\"requestId\":\"req_{session}_{turn}\",\"type\":\"assistant\",\"message\":{{\"id\":\"msg_{session}_{turn}\",\"model\":\"claude-opus-4-5\",\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"{said}\"}}],\"usage\":{{\"input_tokens\":{},\"cache_creation_input_tokens\":{},\"cache_read_input_tokens\":{},\"output_tokens\":{output}}}}}}}",
                turn % 7,
                turn % 900,
                turn * 100 % 150_000,
            )?;
        }
        turn += 1;
    }
    Ok(text)
}
