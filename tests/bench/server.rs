//! What the server's hook costs a push, above an empty shell hook.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use super::Failed;
use super::Lab;
use super::executable;
use super::median;
use super::say;

/// Times `pre-receive` for pushes of 1 and of 1,000 commits to the target, of 10 files each, among 1,000 leases.
pub fn server(lab: &Lab) -> Result<(), Failed> {
    say("\n## the server's hook above an empty shell hook, 1,000 files, commits of 10 files\n");
    say("| commits | leases | empty, ms | ours, ms | above, ms |\n|---:|---:|---:|---:|---:|");
    for leases in [0, 1_000] {
        let top = lab.prepared(&format!("server{leases}"), 1_000)?;
        // Held everywhere else, so that the push passes.
        lab.leases(&top, leases)?;
        let name = format!("server{leases}.git");
        lab.run(lab.folder.path(), &["git", "clone", "-q", "--bare", &format!("server{leases}"), &name])?;
        let server = lab.folder.path().join(name);
        lab.run(&top, &["git", "push", "-q", server.to_str().ok_or("path")?, "refs/odyssey/ledger"])?;
        lab.run(&server, &["git-odyssey", "server", "install"])?;
        let empty = server.join("empty-hooks");
        fs::create_dir(&empty)?;
        fs::write(empty.join("pre-receive"), "#!/bin/sh\nexit 0\n")?;
        executable(&empty.join("pre-receive"))?;
        for commits in [1, 1_000] {
            let (old, new) = history(lab, &server, commits)?;
            let input = server.join("input");
            fs::write(&input, format!("{old} {new} refs/heads/main\n"))?;
            let (mut none, mut ours) = (Vec::new(), Vec::new());
            for _ in 0..11 {
                for (times, hooks) in [(&mut none, Some(&empty)), (&mut ours, None)] {
                    let mut command = lab.command("git", &server);
                    if let Some(hooks) = hooks {
                        command.arg("-c").arg(format!("core.hooksPath={}", hooks.display()));
                    }
                    command.args(["hook", "run"]).arg(format!("--to-stdin={}", input.display()));
                    let begun = Instant::now();
                    let output = command.arg("pre-receive").output()?;
                    times.push(begun.elapsed());
                    if !output.status.success() {
                        return Err(String::from_utf8_lossy(&output.stderr).into());
                    }
                }
            }
            let (none, ours) = (median(none), median(ours));
            say(&format!("| {commits} | {leases} | {none:.1} | {ours:.1} | {:.1} |", ours - none));
        }
    }
    Ok(())
}

/// Commits on top of `main` that no ref reaches, as in a push. Answers where they begin and end.
fn history(lab: &Lab, server: &Path, commits: usize) -> Result<(String, String), Failed> {
    let mut stream = String::from("reset refs/heads/pushed\nfrom refs/heads/main^0\n\n");
    for commit in 0..commits {
        stream.push_str(
            "commit refs/heads/pushed\ncommitter Bench <bench@localhost> 1800000000 +0000\ndata 1\nx\n",
        );
        for file in 0..10 {
            let text = format!("pub fn pushed{commit}() {{}}\n");
            writeln!(
                stream,
                "M 100644 inline free/part{}/file{file}.rs\ndata {}\n{text}",
                commit % 10,
                text.len()
            )?;
        }
    }
    let mut git = lab.command("git", server);
    let mut child = git.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(stream.as_bytes())?;
    if !child.wait()?.success() {
        return Err("git fast-import failed".into());
    }
    let named = |name: &str| -> Result<String, Failed> {
        let answer = lab.command("git", server).args(["rev-parse", name]).stdout(Stdio::piped()).output()?;
        Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
    };
    let ends = (named("main")?, named("pushed")?);
    lab.run(server, &["git", "update-ref", "-d", "refs/heads/pushed"])?;
    Ok(ends)
}
