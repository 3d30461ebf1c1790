//! A count of the fixtures that shares nothing with the product's: every file is read whole, as plain JSON values, and calls
//! are told apart by the words that name them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

/// Input, output, read from a cache, written to one, of that for an hour, reasoning; by model.
pub type Counts = BTreeMap<String, [u64; 6]>;

/// All that the files below a home tell, and a file of metrics.
pub fn count(home: &Path, metrics: &Path) -> Counts {
    let mut counts = Counts::new();
    claude(&home.join(".claude/projects"), &mut counts);
    codex(&home.join(".codex/sessions"), &mut counts);
    gemini(&home.join(".gemini/tmp"), &mut counts);
    opencode(&home.join(".local/share/opencode/storage/message"), &mut counts);
    otel(metrics, &mut counts);
    counts
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn values(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    match serde_json::from_str(&text) {
        Ok(whole) => vec![whole],
        Err(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    }
}

fn add(counts: &mut Counts, model: &str, more: [u64; 6]) {
    let sums = counts.entry(if model.is_empty() { "(no name)" } else { model }.to_owned()).or_default();
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn claude(folder: &Path, counts: &mut Counts) {
    // By id, then by request; what a sub-agent says is under one name of its own.
    let mut calls: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for line in files(folder).iter().flat_map(|path| values(path)) {
        let inner = line.pointer("/data/message").filter(|inner| inner.is_object());
        let (line, aside) = match inner {
            Some(inner) => (inner.clone(), true),
            None => (line.clone(), line["isSidechain"] == true),
        };
        let message = &line["message"];
        if !message["usage"]["input_tokens"].is_u64() || message["model"] == "<synthetic>" {
            continue;
        }
        let (id, request) = match message["id"].as_str() {
            Some(id) if aside => (id.to_owned(), "aside".to_owned()),
            Some(id) => (id.to_owned(), text(&line["requestId"])),
            None => (text(&line["uuid"]), String::new()),
        };
        calls.entry(id).or_default().entry(request).or_default().push(message.clone());
    }
    for mut requests in calls.into_values() {
        if requests.len() > 1 {
            requests.remove("aside");
        }
        for messages in requests.into_values() {
            let last =
                messages.iter().max_by_key(|message| message["usage"]["output_tokens"].as_u64()).unwrap();
            let usage = |name: &str| last["usage"][name].as_u64().unwrap_or(0);
            let hour =
                last.pointer("/usage/cache_creation/ephemeral_1h_input_tokens").and_then(Value::as_u64);
            let speed = if last["usage"]["speed"] == "fast" { "-fast" } else { "" };
            let more = [
                usage("input_tokens"),
                usage("output_tokens"),
                usage("cache_read_input_tokens"),
                usage("cache_creation_input_tokens"),
                hour.unwrap_or(0),
                0,
            ];
            add(counts, &format!("{}{speed}", text(&last["model"])), more);
        }
    }
}

fn codex(folder: &Path, counts: &mut Counts) {
    let sessions: Vec<Vec<Value>> = files(folder).iter().map(|path| values(path)).collect();
    let id = |lines: &[Value]| text(&lines[0]["payload"]["id"]);
    let sums = |lines: &[Value]| -> BTreeSet<String> {
        lines.iter().map(|line| line["payload"]["info"]["total_token_usage"].to_string()).collect()
    };
    for lines in &sessions {
        let parent = text(&lines[0]["payload"]["forked_from_id"]);
        let theirs =
            sessions.iter().find(|other| id(other) == parent).map(|other| sums(other)).unwrap_or_default();
        let mut model = String::new();
        let mut before: Option<Value> = None;
        for line in lines {
            if line["type"] == "turn_context" {
                model = text(&line["payload"]["model"]);
            }
            let info = &line["payload"]["info"];
            let sum = &info["total_token_usage"];
            if !sum.is_object() || before.as_ref() == Some(sum) {
                continue;
            }
            let earlier = before.replace(sum.clone());
            if theirs.contains(&sum.to_string()) {
                continue;
            }
            let part = |name: &str| match (&info["last_token_usage"], &earlier) {
                (Value::Object(last), _) => last[name].as_u64().unwrap(),
                (_, Some(earlier)) => sum[name].as_u64().unwrap() - earlier[name].as_u64().unwrap(),
                // A fork's first sum, without more, is not its own.
                (_, None) => 0,
            };
            let cached = part("cached_input_tokens");
            let more = [
                part("input_tokens") - cached,
                part("output_tokens"),
                cached,
                0,
                0,
                part("reasoning_output_tokens"),
            ];
            add(counts, &model, more);
        }
    }
}

fn gemini(folder: &Path, counts: &mut Counts) {
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for value in files(folder).iter().flat_map(|path| values(path)) {
        let messages = value["messages"].as_array().cloned().unwrap_or(vec![value]);
        for message in messages.into_iter().filter(|message| message["tokens"].is_object()) {
            last.insert(text(&message["id"]), message);
        }
    }
    for message in last.into_values() {
        let part = |name: &str| message["tokens"][name].as_u64().unwrap();
        let (cached, thoughts) = (part("cached"), part("thoughts"));
        let more = [part("input") - cached + part("tool"), part("output") + thoughts, cached, 0, 0, thoughts];
        assert_eq!(more[..4].iter().sum::<u64>(), part("total"), "the agent's own sum");
        add(counts, &text(&message["model"]), more);
    }
}

fn opencode(folder: &Path, counts: &mut Counts) {
    for message in files(folder).iter().flat_map(|path| values(path)) {
        let part =
            |path: &str| message.pointer(&format!("/tokens/{path}")).and_then(Value::as_u64).unwrap_or(0);
        let reasoning = part("reasoning");
        let more = [
            part("input"),
            part("output") + reasoning,
            part("cache/read"),
            part("cache/write"),
            0,
            reasoning,
        ];
        if more != [0; 6] {
            add(counts, &text(&message["modelID"]), more);
        }
    }
}

fn otel(path: &Path, counts: &mut Counts) {
    // Of a sum that goes on the last report counts, of differences each.
    let mut series: BTreeMap<String, (String, String, u64)> = BTreeMap::new();
    for request in values(path) {
        let metric = &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][1]["histogram"];
        for point in metric["dataPoints"].as_array().unwrap() {
            let name = |place: usize| text(&point["attributes"][place]["value"]["stringValue"]);
            let goes_on = metric["aggregationTemporality"] == 2;
            let at = if goes_on { Value::Null } else { point["timeUnixNano"].clone() };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
            let sum = point["sum"].as_f64().unwrap() as u64;
            series.insert(format!("{} {} {at}", name(0), name(1)), (name(0), name(1), sum));
        }
    }
    for (kind, model, sum) in series.into_values() {
        match kind.as_str() {
            "input" => add(counts, &model, [sum, 0, 0, 0, 0, 0]),
            "output" => add(counts, &model, [0, sum, 0, 0, 0, 0]),
            _ => {}
        }
    }
}
