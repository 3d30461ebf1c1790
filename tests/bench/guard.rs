//! An agent's own hook as a whole process, beside a process that does nothing.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// Set for a process that is to do nothing.
pub const NOTHING: &str = "ODYSSEY_BENCH_NOTHING";

/// How often each is run.
const ROUNDS: usize = 41;

/// Prints a row for each number of leases.
pub fn guard(lab: &Lab) -> Result<(), Failed> {
    say("\n## guard, whole process, 1,000 files\n");
    say(
        "| leases | nothing, ms | pass in the workspace | refused there | a command there | pass in the main checkout |",
    );
    say("|---:|---:|---:|---:|---:|---:|");
    for leases in [10, 1_000, 10_000] {
        let top = lab.prepared(&format!("guard{leases}"), 1_000)?;
        lab.leases(&top, leases)?;
        lab.run(&top, &["git-odyssey", "claim", "own", "--region", "src/part000/**"])?;
        let workspace = lab.folder.path().join(format!("guard{leases}.odyssey/own"));
        let write = |path: &str| asked("Write", &format!("{{\"file_path\":\"{path}\"}}"));
        let command =
            "{\"command\":\"cd src/part000 && sed -i s/a/b/ file00001.rs && cargo test > /dev/null\"}";
        let cases = [
            (&workspace, write("src/part000/file00001.rs"), ""),
            (&workspace, write("held/area000/part00005/x"), "is held by"),
            (&workspace, asked("Bash", command), ""),
            (&top, write("src/part009/file00950.rs"), ""),
        ];
        let mut times = vec![Vec::new(); cases.len() + 1];
        for _ in 0..ROUNDS {
            times[0].push(nothing(lab, &top)?);
            for (place, (folder, input, answer)) in cases.iter().enumerate() {
                times[place + 1].push(once(lab, folder, input, answer)?);
            }
        }
        let medians: Vec<String> = times.into_iter().map(|times| format!("{:.1}", median(times))).collect();
        say(&format!("| {leases} | {} |", medians.join(" | ")));
    }
    Ok(())
}

fn asked(tool: &str, input: &str) -> String {
    format!(
        "{{\"hook_event_name\":\"PreToolUse\",\"session_id\":\"s\",\"tool_name\":\"{tool}\",\"tool_input\":{input}}}"
    )
}

fn nothing(lab: &Lab, folder: &Path) -> Result<Duration, Failed> {
    let program = std::env::current_exe()?;
    let mut command = lab.command(&program.to_string_lossy(), folder);
    command.env(NOTHING, "1").stdin(Stdio::null());
    let begun = Instant::now();
    command.output()?;
    Ok(begun.elapsed())
}

fn once(lab: &Lab, folder: &Path, input: &str, answer: &str) -> Result<Duration, Failed> {
    let file = lab.folder.path().join("input");
    fs::File::create(&file)?.write_all(input.as_bytes())?;
    let mut command = lab.command("git-odyssey", folder);
    command.args(["guard", "claude"]).stdin(fs::File::open(&file)?).stdout(Stdio::piped());
    let begun = Instant::now();
    let output = command.output()?;
    let taken = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || said.is_empty() != answer.is_empty() || !said.contains(answer) {
        return Err(format!("{input}: {output:?}").into());
    }
    Ok(taken)
}
