//! Budgets of runs: who comes near a limit is told, who is at it is stopped, and nothing begins that may not.

use super::lab;
use super::landings;
use super::limits;
use super::on_target;
use super::plan;
use super::support;
use super::support::Lab;
use super::task;

/// What became of the task with this name, as the run tells it in JSON: its state and why.
fn became(answer: &serde_json::Value, name: &str) -> (String, String) {
    let tasks = answer["result"]["tasks"].as_array().unwrap();
    let task = tasks.iter().find(|task| task["task"] == name).unwrap();
    let text = |key: &str| task[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("why"))
}

/// Runs the plan and answers what it came to, in JSON.
fn ran(lab: &Lab) -> serde_json::Value {
    let run = lab.odyssey(&["run", "plan.toml", "--json"]);
    serde_json::from_str(run.stdout.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{run:#?}"))
}

#[test]
fn a_task_that_has_used_its_time_is_stopped_and_its_work_is_kept() {
    let lab = lab();
    let tasks = task("a", "budget = { minutes = 0.02 }", "write src/a.txt begun\nstall")
        + &task("b", "", "write src/b.txt b2");
    plan(&lab, "", &tasks);
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stdout.contains("a: parked: its budget of minutes is spent"), "{run:#?}");
    assert_eq!(landings(&lab), ["b"]);
    let saved = lab.git(&["show", "refs/odyssey/salvage/a:src/a.txt"]);
    assert_eq!(saved, "begun");
    let summary = std::fs::read_to_string(lab.main().join(".git/odyssey/runs/plan/a.summary.md")).unwrap();
    assert!(summary.contains("- src/a.txt"), "{summary}");
    let again = lab.odyssey(&["run", "plan.toml"]);
    assert!(
        again.stdout.contains("a: parked: its budget of minutes is spent"),
        "it is not begun again: {again:#?}"
    );
}

#[test]
fn a_task_that_has_used_its_tokens_is_stopped_and_what_it_used_is_told() {
    let lab = lab();
    let tasks = task("a", "budget = { tokens = 1000 }", "write src/a.txt begun\nuse 1200\nstall")
        + &task("b", "needs = []", "use 300\nwrite src/b.txt b2");
    plan(&lab, "", &tasks);
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stdout.contains("a: parked: its budget of tokens is spent"), "{run:#?}");
    let told = lab.odyssey(&["run", "plan.toml", "--json"]);
    let told: serde_json::Value = serde_json::from_str(told.stdout.lines().last().unwrap()).unwrap();
    let tiers = lab.odyssey(&["tiers", "--json"]).ok().json();
    assert!(tiers["result"].to_string().contains("\"tier\":\"small\""), "{tiers}");
    let tokens = |number: usize| told["result"]["tasks"][number]["spent"]["tokens"].as_u64().unwrap();
    assert_eq!((tokens(0), tokens(1)), (1_200, 300));
    assert_eq!(landings(&lab), ["b"]);
}

#[test]
fn an_agent_hears_that_little_is_left_and_runs_no_tool_at_the_limit() {
    let lab = lab();
    limits(&lab, "grace = '1h'");
    let prompt = "write src/a.txt half\nuse 850\nuntil Little\ncommit half of it\nwrite src/a.txt more\nuse 400\nuntil deny\nsay bye";
    plan(&lab, "", &task("a", "budget = { tokens = 1000 }", prompt));
    let run = lab.odyssey(&["run", "plan.toml"]);
    assert_eq!(run.code, 1, "{run:#?}");
    for line in
        ["a: little of its tokens is left", "a: parked: its budget of tokens is spent: 1250 of 1000 tokens"]
    {
        assert!(run.stdout.contains(line), "{line}: {run:#?}");
    }
    let told = |word: &str| std::fs::read_to_string(lab.root().join(format!("told-a-{word}"))).unwrap();
    assert!(told("Little").contains("Little is left of its budget of tokens: 850 of 1000 tokens are used."));
    assert_eq!(told("deny").matches("Little").count(), 0, "it was told once");
    assert!(told("deny").contains("Commit nothing more and stop"), "{}", told("deny"));
    let summary = std::fs::read_to_string(lab.main().join(".git/odyssey/runs/plan/a.summary.md")).unwrap();
    for part in [
        "write src/a.txt half",
        "because: its budget of tokens is spent: 1250 of 1000 tokens",
        " a: half of it\n",
        "src/a.txt | 2 +-",
        "not committed:\n- src/a.txt",
        "1250 tokens, $0.0013.",
    ] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    assert_eq!(lab.odyssey(&["show", "a", "--json"]).json()["result"]["task"]["phase"], "parked");
    assert_eq!(lab.git(&["show", "refs/odyssey/salvage/a:src/a.txt"]), "more");
    // Whoever goes on with it is not stopped.
    let notes = lab.git_in(&lab.workspace("a"), &["rev-parse", "--absolute-git-dir"]);
    assert!(!std::path::Path::new(&notes).join("odyssey-leases/budget.json").exists());
}

#[test]
fn a_day_that_is_used_up_begins_nothing_until_the_next() {
    let lab = lab();
    limits(&lab, "grace = '0s'\nday = { tokens = 1000 }");
    let tasks = |prompt: &str| {
        task("a", "", prompt) + &task("b", "", "write src/b.txt b2") + &task("c", "needs = ['b']", "say c")
    };
    plan(&lab, "parallel = 1", &tasks("write src/a.txt half\nuse 1200\nstall"));
    let why = "today's budget of tokens is spent: 1200 of 1000 tokens, and nothing begins until 2026-11-25T00:00:00Z";
    let answer = ran(&lab);
    assert_eq!(became(&answer, "a"), ("parked".to_owned(), why.to_owned()));
    assert_eq!(became(&answer, "b"), ("parked".to_owned(), why.to_owned()));
    assert_eq!(became(&answer, "c").0, "waiting");
    assert_eq!(lab.git(&["show", "refs/odyssey/salvage/a:src/a.txt"]), "half");
    plan(&lab, "parallel = 1", &tasks("write src/a.txt whole"));
    assert_eq!(became(&ran(&lab), "a"), ("parked".to_owned(), why.to_owned()), "it is the same day");
    lab.at("2026-11-25T00:00:00Z");
    lab.odyssey(&["run", "plan.toml"]).ok();
    assert_eq!(landings(&lab), ["a", "b"]);
    assert_eq!(on_target(&lab, "src/a.txt"), "whole");
}

#[test]
fn what_was_used_before_the_run_counts_for_the_month() {
    let lab = lab();
    limits(&lab, "month = { usd = 0.002 }");
    let usage = serde_json::json!({ "input_tokens": 2_000, "output_tokens": 0 });
    let message = serde_json::json!({ "id": "m", "model": "claude-haiku-4-5", "usage": usage });
    let line = serde_json::json!({ "cwd": lab.main(), "requestId": "r", "timestamp": "2026-11-01T00:00:00Z", "message": message });
    support::write(&lab.root().join("home/.claude/projects/x/s.jsonl"), format!("{line}\n"));
    plan(&lab, "", &task("a", "", "write src/a.txt one"));
    let (state, why) = became(&ran(&lab), "a");
    assert_eq!(
        (state.as_str(), why.as_str()),
        (
            "parked",
            "this month's budget of money is spent: $0.0020 of $0.0020, and nothing begins until 2026-12-01T00:00:00Z"
        )
    );
    assert!(!lab.workspace("a").exists(), "it was not begun");
    lab.at("2026-12-01T00:00:00Z");
    lab.odyssey(&["run", "plan.toml"]).ok();
}

#[test]
fn a_holder_that_has_used_its_day_up_leaves_the_work_to_others() {
    let lab = lab();
    limits(&lab, "grace = '0s'\nagent = { tokens = 1000 }\ntask = { tokens = 5000 }");
    let tasks = task("a", "", "use 1200\nwrite src/a.txt a2")
        + &task("b", "needs = ['a']", "write src/b.txt b2")
        + &task("c", "needs = ['a']\ntier = 'large'", "write src/c.txt c2")
        + &task("d", "needs = ['c']\ntier = 'large'", "use 6000\nstall");
    plan(&lab, "parallel = 1", &tasks);
    let answer = ran(&lab);
    assert_eq!(
        became(&answer, "b").1,
        "today's budget of tokens for small is spent: 1200 of 1000 tokens, and nothing begins until 2026-11-25T00:00:00Z"
    );
    assert_eq!(became(&answer, "d").1, "its budget of tokens in odyssey.toml is spent: 6000 of 5000 tokens");
    assert_eq!(landings(&lab), ["a", "c"]);
}

#[test]
fn nothing_begins_under_a_limit_while_what_was_used_cannot_be_told() {
    let lab = lab();
    limits(&lab, "day = { tokens = 1000 }");
    support::write(&lab.root().join("home/.config/git-odyssey/prices.toml"), "[models\n");
    plan(&lab, "", &task("a", "", "write src/a.txt one"));
    let (state, why) = became(&ran(&lab), "a");
    assert_eq!(state, "parked");
    assert!(why.starts_with("what was used cannot be told, and there is a limit: the prices in "), "{why}");
    std::fs::remove_file(lab.root().join("home/.config/git-odyssey/prices.toml")).unwrap();
    lab.odyssey(&["run", "plan.toml"]).ok();
    assert_eq!(landings(&lab), ["a"]);
}
