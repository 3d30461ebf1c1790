//! Workflows end to end: plans, runs with scripted agents, what fails, what is stopped, what is killed.

#![allow(clippy::unwrap_used, reason = "a run that cannot begin fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

#[path = "workflow/budgets.rs"]
mod budgets;

#[path = "workflow/kills.rs"]
mod kills;

#[cfg(all(unix, feature = "screen"))]
#[path = "workflow/live.rs"]
mod live;

#[path = "workflow/plans.rs"]
mod plans;

#[path = "workflow/runs.rs"]
mod runs;

#[cfg(all(unix, feature = "screen"))]
#[allow(dead_code, reason = "a run on the terminal reads no keys")]
#[path = "screen/tty.rs"]
mod tty;

use std::path::Path;

use support::Lab;
use support::ODYSSEY;
use support::Run;

/// An agent that does what its prompt says, a line each: `write PATH TEXT`, `commit WORDS`, `fail`, `once NAME` (fails the first
/// time), `say TEXT`, `use TOKENS` (in a
/// transcript of Claude Code), `until WORD` (asks the guard about a tool that reads, until its answer has this word), `stall` (until
/// it is ended).
const AGENT: &str = r#"#!/bin/sh
here=$(dirname "$0")
n=0
while read -r word one rest; do
    case $word in
    ---) break ;;
    write) mkdir -p "$(dirname "$one")" && printf '%s\n' "$rest" > "$one" ;;
    commit) git add --all && git commit --quiet --message "$GIT_ODYSSEY_TASK: $one $rest" ;;
    fail) echo "cannot do it" >&2; exit 3 ;;
    once) if [ ! -e "$here/once-$one" ]; then touch "$here/once-$one"; exit 4; fi ;;
    say) echo "$one $rest" ;;
    until)
        told="$here/told-$GIT_ODYSSEY_TASK-$one"
        while ! grep -q "$one" "$told" 2>/dev/null; do
            printf '{"hook_event_name":"PreToolUse","tool_name":"Read","cwd":"%s","tool_input":{}}' "$(pwd)" | "$2" guard claude >> "$told"
        done ;;
    use) n=$((n + 1)); mkdir -p "$HOME/.claude/projects/x" && printf '{"type":"assistant","cwd":"%s","sessionId":"s","requestId":"r-%s-%s","timestamp":"%s","message":{"id":"m-%s-%s","role":"assistant","model":"claude-haiku-4-5","usage":{"input_tokens":%s,"output_tokens":0}}}\n' "$(pwd)" "$GIT_ODYSSEY_TASK" "$$-$n" "$GIT_ODYSSEY_NOW" "$GIT_ODYSSEY_TASK" "$$-$n" "$one" >> "$HOME/.claude/projects/x/s.jsonl" ;;
    stall) touch "$here/stalls-$GIT_ODYSSEY_TASK"; sleep 600 ;;
    esac
done
exit 0
"#;

/// A lab with an agent and some files, and a plan that begins with these lines and goes on with the tiers of that agent.
fn lab() -> Lab {
    let lab = Lab::unprepared();
    limits(&lab, "grace = '0s'");
    lab.write(".gitignore", "plan*.toml\n");
    for name in ["a", "b", "c", "d"] {
        lab.write(&format!("src/{name}.txt"), format!("{name}\n"));
    }
    lab.commit("seed");
    lab.odyssey(&["init"]).ok();
    support::write(&lab.root().join("agent.sh"), AGENT);
    lab
}

/// Writes the policy, with these lines about budgets. A change is for the main checkout, where the policy is read.
fn limits(lab: &Lab, budget: &str) {
    lab.write("odyssey.toml", format!("[ledger]\nfsync = false\n[budget]\n{budget}\n"));
}

/// Writes a plan for the scripted agent, which reads its prompt from standard input; `small` gives way to `large`.
fn plan(lab: &Lab, head: &str, tasks: &str) {
    let agent = lab.root().join("agent.sh");
    let tier = |name: &str, more: &str| {
        format!("[tiers.{name}]\ncommand = ['sh', '{}', '{name}', '{ODYSSEY}']\n{more}\n", agent.display())
    };
    let tiers = tier("small", "next = 'large'") + &tier("large", "");
    lab.write("plan.toml", format!("odyssey = 1\ntier = 'small'\n{head}\n{tiers}\n{tasks}"));
}

/// A task as it is written in a plan.
fn task(name: &str, more: &str, prompt: &str) -> String {
    format!("[task.{name}]\nregions = ['src/{name}.txt']\n{more}\nprompt = '''\n{prompt}\n'''\n")
}

/// The screen of a run, without what differs from one to the next.
fn screen(lab: &Lab, run: &Run) -> String {
    let shown = lab.screen(run);
    let lines = shown.lines().map(|line| {
        let line = match line.find("ended after ") {
            Some(at) => line[..at + "ended after ".len()].to_owned() + "[TIME]",
            None => line.to_owned(),
        };
        match line.find("landed as ") {
            Some(at) => line[..at + "landed as ".len()].to_owned() + "[COMMIT]\n",
            None => line + "\n",
        }
    });
    lines.collect()
}

/// What a file is on the target.
fn on_target(lab: &Lab, path: &str) -> String {
    lab.git(&["show", &format!("main:{path}")])
}

/// How often each task has landed, by the ledger.
fn landings(lab: &Lab) -> Vec<String> {
    let log = lab.git(&["log", "--format=%s", "refs/odyssey/ledger"]);
    let mut landed: Vec<String> = log
        .lines()
        .filter_map(|line| line.strip_prefix("land "))
        .map(|rest| rest.split([' ', ',']).next().unwrap().to_owned())
        .collect();
    landed.sort();
    landed
}

/// Waits until a file is there.
fn wait_for(path: &Path) {
    let begun = std::time::Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{} never came", path.display());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
