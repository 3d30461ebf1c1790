//! Verdicts on merges, against `git merge-tree`: one, and a thousand.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// How many pairs are answered by one process.
const PAIRS: usize = 1_000;

/// Of which files the pairs change some: enough for every pair to be another one.
const WINDOW: usize = 900;

/// Compares, with few and with many changed files.
pub fn verdict(lab: &Lab) -> Result<(), Failed> {
    say("\n## one verdict, and 1,000 pairs by --stdin, against git merge-tree (--stdin)\n");
    say(
        "| files | changed on each side | one: git, ms | ours, ms | ratio | 1,000: git, ms | ours, ms | ratio |",
    );
    say("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for files in [1_000, 50_000] {
        for changed in [5, 100] {
            let top = repository(lab, &format!("verdict{files}-{changed}"), files)?;
            let pairs = histories(lab, &top, files, changed)?;
            let (mut git, mut odyssey) = (Vec::new(), Vec::new());
            for pair in pairs.iter().take(41) {
                let [ours, theirs] = pair;
                git.push(lab.run(&top, &["git", "merge-tree", "--write-tree", ours, theirs])?);
                odyssey.push(lab.run(&top, &["git-odyssey", "conflicts", ours, theirs])?);
            }
            let (one_git, one_odyssey) = (median(git), median(odyssey));
            let (mut git, mut odyssey) = (Vec::new(), Vec::new());
            for _ in 0..5 {
                git.push(all(lab, &top, &["git", "merge-tree", "--write-tree", "--stdin"], &pairs)?);
                odyssey.push(all(lab, &top, &["git-odyssey", "conflicts", "--stdin"], &pairs)?);
            }
            let (all_git, all_odyssey) = (median(git), median(odyssey));
            say(&format!(
                "| {files} | {changed} | {one_git:.1} | {one_odyssey:.1} | {:.2} | {all_git:.0} | {all_odyssey:.0} | {:.2} |",
                one_odyssey / one_git,
                all_odyssey / all_git
            ));
        }
    }
    Ok(())
}

/// So many files in folders of a hundred, each of twenty different lines, all committed.
fn repository(lab: &Lab, name: &str, files: usize) -> Result<PathBuf, Failed> {
    let top = lab.folder.path().join(name);
    for number in 0..files {
        let folder = top.join(format!("src/part{:03}", number / 100));
        if number % 100 == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        std::fs::write(folder.join(format!("file{number:05}.rs")), text(number, usize::MAX))?;
    }
    lab.run(lab.folder.path(), &["git", "init", "-q", name])?;
    lab.run(&top, &["git", "add", "-A"])?;
    lab.run(&top, &["git", "commit", "-q", "-m", "all"])?;
    Ok(top)
}

/// The text of a file, one line of which may be another.
fn text(file: usize, changed: usize) -> String {
    let line = |line: usize| {
        let name = if line == changed { "changed" } else { "line" };
        format!("pub fn {name}{line}_of_{file}() {{}}\n")
    };
    (0..20).map(line).collect()
}

/// One process for all pairs; the time until it has ended.
fn all(lab: &Lab, top: &Path, line: &[&str], pairs: &[[String; 2]]) -> Result<Duration, Failed> {
    let input: String = pairs.iter().map(|pair| format!("{}\n", pair.join(" "))).collect();
    let begun = Instant::now();
    let mut child = lab.command(line[0], top).args(&line[1..]).stdin(Stdio::piped()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{line:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(begun.elapsed())
}

/// Pairs of commits on HEAD: each side changes so many files, and both change one in ten of them, in different lines.
fn histories(lab: &Lab, top: &Path, files: usize, changed: usize) -> Result<Vec<[String; 2]>, Failed> {
    let mut stream = String::new();
    let path = |number: usize| {
        // Spread over the repository.
        let number = number % WINDOW * (files / WINDOW);
        (number, format!("src/part{:03}/file{number:05}.rs", number / 100))
    };
    let mut mark = 0;
    for place in 0..WINDOW {
        let (number, _) = path(place);
        for text in [text(number, 1), text(number, 18)] {
            mark += 1;
            stream.push_str(&format!("blob\nmark :{mark}\ndata {}\n{text}\n", text.len()));
        }
    }
    let head = String::from_utf8(
        lab.command("git", top).args(["rev-parse", "HEAD"]).stdout(Stdio::piped()).output()?.stdout,
    )?;
    let shared = changed.div_ceil(10);
    for pair in 0..PAIRS {
        for side in 0..2 {
            mark += 1;
            stream.push_str(&format!(
                "commit refs/heads/made\nmark :{mark}\ncommitter B <b@localhost> {} +0000\ndata 0\nfrom {}\n",
                1_700_000_000 + pair,
                head.trim()
            ));
            for number in 0..changed {
                let place = (pair + number + side * (changed - shared)) % WINDOW;
                let blob = 2 * place + 1 + side;
                stream.push_str(&format!("M 100644 :{blob} {}\n", path(place).1));
            }
        }
    }
    let marks = top.join(".git/marks");
    let option = format!("--export-marks={}", marks.display());
    let mut command = lab.command("git", top);
    let mut child =
        command.args(["fast-import", "--quiet", "--force", &option]).stdin(Stdio::piped()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stream.as_bytes())?;
    }
    if !child.wait()?.success() {
        return Err("git fast-import failed".into());
    }
    let text = std::fs::read_to_string(marks)?;
    let mut commits: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        let (mark, oid) = line.split_once(' ').ok_or("a mark without an object")?;
        commits.push((mark[1..].parse()?, oid));
    }
    commits.sort_unstable();
    let commits = &commits[2 * WINDOW..];
    Ok(commits.chunks_exact(2).map(|pair| [pair[0].1.to_owned(), pair[1].1.to_owned()]).collect())
}
