//! The tools for agents, asked by a client that others wrote: the `mcp` package of PyPI, installed once by `tests/mcp/tools`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a scene that cannot be set fails the test, and shows where")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and plant files as people do")]

mod support;

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::Value;
use serde_json::json;
use support::Lab;
use support::ODYSSEY;
use support::Run;

/// Python with the client, installed by the first who asks.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/tools");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp");
        let made = Command::new("sh").arg(script).arg(&folder).status().unwrap();
        assert!(made.success(), "tests/mcp/tools could not install the client");
        folder.join("venv/bin/python")
    })
}

/// Runs a program to its end with this on its standard input.
fn fed(mut command: Command, input: &str) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run::from(child.wait_with_output().unwrap())
}

/// What a server started in a folder answers to these steps of the client; the first answer is that to the greeting.
fn asked(lab: &Lab, folder: &Path, steps: &Value) -> Vec<Value> {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/client.py");
    let arguments = [client.to_str().unwrap(), ODYSSEY, folder.to_str().unwrap()];
    let run = fed(lab.command(python(), folder, &arguments), &steps.to_string()).ok();
    assert_eq!(run.stderr, "", "what is on standard output and is not the protocol's is told there");
    run.json().as_array().cloned().unwrap()
}

/// The result of a tool that did what it was asked. Its text is the same as its structure.
#[track_caller]
fn result(answer: &Value) -> &Value {
    assert_eq!(answer["isError"], json!(false), "{answer:#}");
    let told: Value = serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(told, answer["structuredContent"]);
    assert_eq!(answer["structuredContent"]["version"], 1);
    &answer["structuredContent"]["result"]
}

/// The error of a tool that refused.
#[track_caller]
fn refusal(answer: &Value) -> &Value {
    assert_eq!(answer["isError"], json!(true), "{answer:#}");
    &answer["structuredContent"]["error"]
}

fn lab() -> Lab {
    let lab = Lab::unprepared();
    let policy = "[ledger]\nfsync = false\n[workspace]\nsetup = [\"echo this is not of the protocol\"]\n";
    lab.write("odyssey.toml", policy);
    lab.write("src/a", "one\n");
    lab.commit("files");
    lab.odyssey(&["init"]).ok();
    lab
}

#[test]
fn a_client_sees_the_tools_with_their_schemas_and_the_resources() {
    let lab = lab();
    let answers = asked(&lab, &lab.main(), &json!([["tools"], ["resources"]]));
    assert_eq!(answers[0]["serverInfo"]["name"], "git-odyssey");
    let tools = answers[1]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ["claim", "check", "status", "notes", "conflicts", "review", "release"]);
    let claim = &tools[0]["inputSchema"];
    assert_eq!(claim["required"], json!(["task", "regions"]));
    assert_eq!(claim["properties"]["shared"]["type"], "boolean");
    assert_eq!(claim["properties"]["regions"]["items"]["type"], "string");
    assert!(claim["properties"]["command"].is_null() && claim["properties"]["wait"].is_null());
    assert_eq!(tools[1]["annotations"]["readOnlyHint"], true);
    for tool in tools {
        assert!(tool["description"].as_str().is_some_and(|about| about.len() > 10), "{tool:#}");
        for (name, property) in tool["inputSchema"]["properties"].as_object().unwrap() {
            assert!(
                property["description"].as_str().is_some_and(|about| !about.is_empty()),
                "{name} of {tool:#}"
            );
        }
    }
    let addresses: Vec<&Value> =
        answers[2]["resources"].as_array().unwrap().iter().map(|resource| &resource["uri"]).collect();
    assert_eq!(addresses, ["odyssey://status", "odyssey://lease"]);
}

#[test]
fn an_agent_claims_settles_lands_and_releases_by_tools_alone() {
    let lab = lab();
    let workspace = lab.workspace("work");
    let answers = asked(
        &lab,
        &lab.main(),
        &json!([
            ["call", "claim", { "task": "work", "regions": ["src/**"], "holder": "claude-1" }],
            ["call", "claim", { "task": "idle", "regions": ["docs"], "holder": "claude-2", "ttl": "2h" }],
            ["call", "claim", { "task": "other", "regions": ["src/a"], "holder": "claude-2" }],
            ["call", "check", { "paths": ["src/a"] }],
            ["call", "check", { "paths": ["src/a"], "folder": workspace }],
            ["call", "status", {}],
            ["call", "notes", { "folder": workspace }],
            ["call", "conflicts", {}],
            ["read", "odyssey://lease"],
        ]),
    );
    assert_eq!(result(&answers[1])["task"], "work");
    result(&answers[2]);
    let held = refusal(&answers[3]);
    assert_eq!((&held["kind"], &held["exit"]), (&json!("held"), &json!(3)));
    assert!(held["hints"].as_array().is_some_and(|hints| !hints.is_empty()));
    assert_eq!(result(&answers[4])["paths"][0]["verdict"], "held");
    assert_eq!(answers[4]["structuredContent"]["exit"], 3, "an answer, and not a failure");
    assert_eq!(result(&answers[5])["paths"][0]["verdict"], "free");
    assert_eq!(result(&answers[6])["tasks"].as_array().unwrap().len(), 2);
    assert_eq!(result(&answers[7])["task"], "work");
    result(&answers[8]);
    assert!(answers[9]["refused"].is_string(), "there is no lease outside a workspace: {:#}", answers[9]);

    support::write(&workspace.join("src/a"), "the task's\n");
    lab.commit_in(&workspace, "what the task does");
    lab.write("src/a", "main's\n");
    let words = ["commit", "--quiet", "--all", "--message", "what main does"];
    Run::of(lab.command("git", &lab.main(), &words).env("GIT_ODYSSEY_OVERRIDE", "the test's person")).ok();
    let answers = asked(
        &lab,
        &workspace,
        &json!([
            ["read", "odyssey://lease"],
            ["read", "odyssey://status"],
            ["call", "review", { "do": "open" }],
            ["call", "review", { "do": "take", "conflict": "all", "choice": "theirs" }],
            ["call", "review", { "do": "finish", "task": "work", "keep": true, "folder": lab.main() }],
            ["call", "release", { "task": "idle", "folder": lab.workspace("idle") }],
            ["call", "status", {}],
        ]),
    );
    let read = |answer: &Value| -> Value {
        serde_json::from_str(answer["contents"][0]["text"].as_str().unwrap()).unwrap()
    };
    assert_eq!(read(&answers[1])["result"]["task"]["task"], "work");
    assert_eq!(read(&answers[2])["result"]["tasks"].as_array().unwrap().len(), 2);
    result(&answers[3]);
    result(&answers[4]);
    result(&answers[5]);
    assert_eq!(lab.git(&["show", "main:src/a"]), "the task's");
    result(&answers[6]);
    assert_eq!(result(&answers[7])["tasks"], json!([]));
}

#[test]
fn wrong_calls_are_told_what_is_wrong_and_change_nothing() {
    let lab = lab();
    let before = lab.git(&["rev-parse", "refs/odyssey/ledger"]);
    let answers = asked(
        &lab,
        &lab.main(),
        &json!([
            ["call", "claim", { "task": "a b", "regions": ["src"] }],
            ["call", "claim", { "task": "--here", "regions": ["src"] }],
            ["call", "claim", { "task": "a", "regions": ["src"], "command": ["sh"] }],
            ["call", "check", { "paths": "src" }],
            ["call", "status", { "folder": "src" }],
            ["call", "review", { "do": "steal" }],
            ["call", "abandon", { "task": "a" }],
            ["read", "odyssey://secrets"],
        ]),
    );
    for answer in &answers[1..=6] {
        let error = refusal(answer);
        assert_eq!((&error["kind"], &error["exit"]), (&json!("usage"), &json!(2)), "{error:#}");
    }
    assert!(answers[7]["refused"].is_string() && answers[8]["refused"].is_string(), "{answers:#?}");
    assert_eq!(lab.git(&["rev-parse", "refs/odyssey/ledger"]), before);
}

#[test]
fn it_ends_well_when_its_input_does_and_what_was_begun_is_done() {
    let lab = lab();
    let run = lab.odyssey(&["mcp"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let greeting = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "claim", "arguments": { "task": "late", "regions": ["src"] } } });
    let run =
        fed(lab.command(ODYSSEY, &lab.main(), &["mcp"]), &format!("{greeting}\n{ready}\n{call}\n")).ok();
    for line in run.stdout.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        assert_eq!(said["jsonrpc"], "2.0", "{line}");
    }
    // Whether the call was still taken up is for the input's end to decide; a half-made workspace is not.
    let status = lab.odyssey(&["status", "--json"]).ok().json();
    let is_claimed = !status["result"]["tasks"].as_array().unwrap().is_empty();
    assert_eq!(lab.workspace("late").join("src/a").exists(), is_claimed);
    lab.odyssey(&["doctor"]).ok();

    let run = fed(lab.command(ODYSSEY, &lab.main(), &["mcp"]), "hello\n");
    assert_eq!(run.stdout.lines().filter(|line| !line.starts_with('{')).count(), 0, "{run:#?}");
}
