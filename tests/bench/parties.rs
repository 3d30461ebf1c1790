//! Snapshots, the matrix and `check`, against git's own time for a status or a merge.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// How often each is measured, in turns with git.
const ROUNDS: usize = 7;

/// A checkout with 20 edits, read into a tree in memory, against `git status`.
pub fn snapshot(lab: &Lab) -> Result<(), Failed> {
    use git_odyssey::git::{memory::Memory, repo::Repo};
    say("\n## the live tree of a checkout with 20 edits, against `git status`\n");
    say("| files | git status, ms | live tree, ms | ratio |\n|---:|---:|---:|---:|");
    for files in [1_000, 50_000] {
        let top = lab.repository(&format!("snapshot{files}"), files)?;
        settle(lab, &top)?;
        for number in 0..20 {
            let file = top.join(format!(
                "src/part{:03}/file{:05}.rs",
                number * 37 % 1_000 / 100,
                number * 37 % 1_000
            ));
            fs::write(file, format!("edit {number}\n"))?;
        }
        let (mut git, mut live) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            git.push(lab.run(&top, &STATUS)?);
            let begun = Instant::now();
            let repo = Repo::open(&top)?;
            let read = repo.live_tree(&mut Memory::over(&repo))?;
            live.push(begun.elapsed());
            assert_eq!(read.uncommitted.len(), 20);
        }
        let (git, live) = (median(git), median(live));
        say(&format!("| {files} | {git:.1} | {live:.1} | {:.2} |", live / git));
    }
    Ok(())
}

const STATUS: [&str; 5] = ["git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=all"];

/// Makes all times in the index older than the index: as in a checkout that nobody has just made.
fn settle(lab: &Lab, top: &Path) -> Result<(), Failed> {
    std::thread::sleep(Duration::from_millis(1_100));
    lab.run(top, &["git", "status"])?;
    Ok(())
}

/// Linked worktrees, each with a commit and an edit of its own; the first two meet in one file.
fn worktrees(lab: &Lab, top: &Path, begin: usize, end: usize) -> Result<Vec<PathBuf>, Failed> {
    let mut made = Vec::new();
    for number in begin..end {
        let (branch, place) = (format!("b{number}"), format!("{}-w{number}", top.display()));
        lab.run(top, &["git", "worktree", "add", "-q", "-b", &branch, &place])?;
        let folder = PathBuf::from(place);
        let file = |number: usize| folder.join(format!("src/part{:03}/file{number:05}.rs", number / 100));
        fs::write(file(number + 100), "committed\n")?;
        if number < 2 {
            fs::write(folder.join("shared.rs"), lines().replace("f 7 ", &format!("by {number} ")))?;
        }
        lab.run(&folder, &["git", "commit", "-q", "-a", "--no-verify", "-m", "work"])?;
        fs::write(file(number + 200), "uncommitted\n")?;
        fs::write(folder.join("new"), format!("untracked {number}\n"))?;
        if number > 0 {
            fs::remove_file(folder.join("new"))?;
        }
        settle(lab, &folder)?;
        made.push(folder);
    }
    Ok(made)
}

/// A file of which no line is like another.
fn lines() -> String {
    (0..200).map(|number| format!("pub fn f {number} () {{}}\n")).collect()
}

/// A repository with so many files, and one that all know.
fn prepared(lab: &Lab, name: &str, files: usize) -> Result<PathBuf, Failed> {
    let top = lab.prepared(name, files)?;
    fs::write(top.join("shared.rs"), lines())?;
    lab.run(&top, &["git", "add", "shared.rs"])?;
    lab.run(&top, &["git", "commit", "-q", "--no-verify", "-m", "shared"])?;
    Ok(top)
}

/// All pairs of so many workspaces, with nothing kept and with nothing changed.
pub fn matrix(lab: &Lab) -> Result<(), Failed> {
    matrices(lab, &[(1_000, &[2, 8, 32, 64]), (50_000, &[2, 8])])
}

/// The same where it takes gigabytes.
pub fn matrix_large(lab: &Lab) -> Result<(), Failed> {
    matrices(lab, &[(50_000, &[32, 64])])
}

fn matrices(lab: &Lab, sizes: &[(usize, &[usize])]) -> Result<(), Failed> {
    say("\n## the matrix of all parties, against one `git merge-tree` of two of them and one `git status`\n");
    say(
        "| files | workspaces | merge-tree, ms | status, ms | all files looked at, ms | cold, ms | nothing changed, ms | to merge-tree | to status |",
    );
    say("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (files, counts) in sizes {
        let top = prepared(lab, &format!("matrix{files}"), *files)?;
        let mut checkouts = vec![top.clone()];
        for count in *counts {
            checkouts.extend(worktrees(lab, &top, checkouts.len() - 1, *count)?);
            let (mut merge, mut status, mut floor, mut cold, mut warm) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let tracked = tracked(lab, &checkouts)?;
            for _ in 0..ROUNDS {
                floor.push(looked_at(&tracked));
                merge.push(lab.time(&top, &["git", "merge-tree", "--write-tree", "b0", "b1"]));
                status.push(lab.run(&top, &STATUS)?);
                drop(fs::remove_file(top.join(".git/odyssey/verdicts.json")));
                cold.push(lab.time(&top, &["git-odyssey", "conflicts"]));
                warm.push(lab.time(&top, &["git-odyssey", "conflicts"]));
            }
            let [merge, status, floor, cold, warm] = [merge, status, floor, cold, warm].map(median);
            let ratios = format!("{:.1} | {:.1}", cold / merge, warm / status);
            say(&format!(
                "| {files} | {count} | {merge:.1} | {status:.1} | {floor:.1} | {cold:.1} | {warm:.1} | {ratios} |"
            ));
        }
    }
    Ok(())
}

/// The tracked files of each checkout.
fn tracked(lab: &Lab, checkouts: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, Failed> {
    let mut all = Vec::new();
    for checkout in checkouts {
        let listed = lab.command("git", checkout).args(["ls-files", "-z"]).stdout(Stdio::piped()).output()?;
        let names = String::from_utf8(listed.stdout)?;
        all.push(names.split_terminator('\0').map(|name| checkout.join(name)).collect());
    }
    Ok(all)
}

/// What nobody can be faster than who asks the file system about every file: just that, with two threads.
fn looked_at(tracked: &[Vec<PathBuf>]) -> Duration {
    let begun = Instant::now();
    let (one, other) = tracked.split_at(tracked.len() / 2);
    std::thread::scope(|scope| {
        for half in [one, other] {
            scope.spawn(|| half.iter().flatten().filter(|file| file.symlink_metadata().is_ok()).count());
        }
    });
    begun.elapsed()
}

/// One path, asked about before an edit.
pub fn check(lab: &Lab) -> Result<(), Failed> {
    say("\n## check of one path\n");
    say("| files | parties | check, ms |\n|---:|---:|---:|");
    for (files, count) in [(1_000, 32), (50_000, 8)] {
        let top = prepared(lab, &format!("check{files}"), files)?;
        worktrees(lab, &top, 0, count)?;
        for path in ["shared.rs", "src/part009/file00999.rs"] {
            let times = (0..3 * ROUNDS).map(|_| lab.time(&top, &["git-odyssey", "check", path])).collect();
            say(&format!("| {files} | {count} | {:.1} ({path}) |", median(times)));
        }
    }
    Ok(())
}
