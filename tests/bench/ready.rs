//! Workspaces that are ready at once: a claim of a kept tree and a sparse one, and the disk that kept trees use.

use std::fs;
use std::path::Path;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// Claims of kept trees and sparse claims against `git worktree add -b`, in turns.
pub fn ready(lab: &Lab) -> Result<(), Failed> {
    say("\n## claim of a kept tree, and with --sparse for 1 % of the files, against `git worktree add -b`\n");
    say("| files | git worktree add -b, ms | of a kept tree, ms | ratio | --sparse, ms | ratio |");
    say("|---:|---:|---:|---:|---:|---:|");
    for files in [1_000, 10_000, 50_000] {
        let plain = lab.repository(&format!("plain{files}"), files)?;
        let ours = lab.repository(&format!("ours{files}"), files)?;
        policy(lab, &ours, 1)?;
        lab.run(&ours, &["git-odyssey", "init"])?;
        lab.run(&ours, &["git-odyssey", "pool", "--fill"])?;
        let part = format!("src/part0{}*/**", if files > 20_000 { "0[0-4]" } else { "00" });
        let (mut git, mut warm, mut sparse) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..if files > 20_000 { 5 } else { 9 } {
            let (task, branch) = (format!("t{round}"), format!("b{round}"));
            let place = format!("../{branch}-{files}");
            git.push(lab.run(&plain, &["git", "worktree", "add", "-q", "-b", &branch, &place])?);
            // The target has moved by one file since the tree was kept.
            fs::write(ours.join("src/part000/file00000.rs"), format!("// {round}\n"))?;
            lab.run(&ours, &["git", "commit", "-q", "-a", "-m", "one more"])?;
            warm.push(
                lab.run(&ours, &["git-odyssey", "claim", &task, "--region", "src/part000/file00001.rs"])?,
            );
            lab.run(&ours, &["git-odyssey", "release", &task])?;
            let narrow = ["git-odyssey", "claim", &format!("s{round}"), "--sparse", "--region", &part];
            sparse.push(lab.run(&ours, &narrow)?);
            lab.run(&ours, &["git-odyssey", "release", &format!("s{round}")])?;
            lab.run(&plain, &["git", "worktree", "remove", "--force", &place])?;
        }
        let (git, warm, sparse) = (median(git), median(warm), median(sparse));
        say(&format!(
            "| {files} | {git:.1} | {warm:.1} | {:.2} | {sparse:.1} | {:.2} |",
            warm / git,
            sparse / git
        ));
    }
    disk(lab)
}

fn policy(lab: &Lab, top: &Path, size: usize) -> Result<(), Failed> {
    fs::write(top.join("odyssey.toml"), format!("[pool]\nsize = {size}\n"))?;
    fs::write(top.join(".gitignore"), "target/\n")?;
    lab.run(top, &["git", "add", "-A"])?;
    lab.run(top, &["git", "commit", "-q", "-m", "a pool"])?;
    Ok(())
}

/// What eight workspaces use on the disk, made from kept trees and made anew.
fn disk(lab: &Lab) -> Result<(), Failed> {
    say("\n## disk used by 8 workspaces of 10,000 files, MiB\n");
    say("| made from kept trees | made by `git worktree add -b` |\n|---:|---:|");
    let ours = lab.repository("disk-ours", 10_000)?;
    policy(lab, &ours, 8)?;
    lab.run(&ours, &["git-odyssey", "init"])?;
    lab.run(&ours, &["git-odyssey", "pool", "--fill"])?;
    let plain = lab.repository("disk-plain", 10_000)?;
    let before = [used(&ours.join(".git"))?, used(&plain.join(".git"))?];
    for number in 0..8 {
        let (task, region) = (format!("t{number}"), format!("new/{number}/**"));
        lab.run(&ours, &["git-odyssey", "claim", &task, "--region", &region])?;
        let place = format!("../disk-plain.work/b{number}");
        lab.run(&plain, &["git", "worktree", "add", "-q", "-b", &format!("b{number}"), &place])?;
    }
    let workspaces = [ours.with_file_name("disk-ours.odyssey"), plain.with_file_name("disk-plain.work")];
    let more = [used(&ours.join(".git"))? - before[0], used(&plain.join(".git"))? - before[1]];
    let mebibytes = |index: usize| -> Result<f64, Failed> {
        Ok((used(&workspaces[index])? + more[index]) as f64 / (1024.0 * 1024.0))
    };
    say(&format!("| {:.1} | {:.1} |", mebibytes(0)?, mebibytes(1)?));
    Ok(())
}

/// How many bytes the file system has given to what is below a folder.
fn used(path: &Path) -> Result<u64, Failed> {
    let meta = path.symlink_metadata()?;
    let mut total = given(&meta);
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            total += used(&entry?.path())?;
        }
    }
    Ok(total)
}

#[cfg(unix)]
fn given(meta: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    meta.blocks() * 512
}

#[cfg(not(unix))]
fn given(meta: &fs::Metadata) -> u64 {
    meta.len()
}
