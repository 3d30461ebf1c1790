//! What the page is told, and every step of a review taken through it: the same facts as on the command line.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use super::FILE;
use super::TRAP;
use super::http;
use super::lab;
use super::numbered;
use super::served::Served;
use super::support;
use super::support::ODYSSEY;

#[test]
fn the_address_is_the_answer_and_the_token_is_nowhere_else() {
    let lab = lab();
    let served = Served::start(&lab);
    assert_eq!(served.token.len(), 64);
    assert!(served.token.bytes().all(|letter| letter.is_ascii_hexdigit()));
    let page = served.send("GET", "/", &[], "");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    served.get("/api/board");
    served.get("/api/nothing");
    let token = served.token.clone();
    let ended = served.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:#?}");
    assert!(!ended.stderr.contains(&token), "{ended:#?}");
    assert!(ended.stderr.contains("Ctrl-C"), "{ended:#?}");
}

#[test]
fn a_program_is_told_the_address_and_a_port_that_is_taken_is_refused() {
    let lab = lab();
    let served = Served::start(&lab);
    let port = served.port.to_string();
    let taken = lab.odyssey(&["serve", "--port", &port, "--json"]);
    assert_eq!(taken.code, 3, "{taken:#?}");
    assert_eq!(taken.json()["error"]["kind"], "held");
    drop(served);
    let mut command = lab.command(ODYSSEY, &lab.main(), &["serve", "--port", &port, "--json"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(answer["command"], "serve");
    assert_eq!(answer["result"]["port"], port.parse::<u16>().unwrap());
    assert!(
        answer["result"]["url"].as_str().unwrap().starts_with(&format!("http://127.0.0.1:{port}/#token="))
    );
}

#[test]
fn a_repository_that_is_not_prepared_has_no_page() {
    let lab = support::Lab::unprepared();
    let refused = lab.odyssey(&["serve"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.stderr.contains("git odyssey init"), "{refused:#?}");
}

/// The place of a map with this name.
fn place<'a>(inside: &'a Value, name: &str) -> &'a Value {
    let places = inside.as_array().unwrap();
    places.iter().find(|place| place["name"] == name).unwrap_or_else(|| panic!("no {name} in {inside:#}"))
}

#[test]
fn the_board_tells_what_the_commands_tell_and_who_holds_what() {
    let lab = lab();
    lab.write("web/a.ts", "a\n");
    lab.write("web/b.ts", "b\n");
    lab.commit("web");
    lab.odyssey(&[
        "claim",
        "page",
        "--region",
        "web/a.ts",
        "--region",
        "docs/guide.md#L1-L1",
        "--region",
        "new/**",
    ])
    .ok();
    let served = Served::start(&lab);
    let board = served.get("/api/board").json()["result"].clone();
    assert_eq!(board["tasks"], lab.odyssey(&["status", "--json"]).json()["result"]["tasks"]);
    let log = lab.odyssey(&["log", "--json"]).json();
    assert_eq!(board["events"], log["result"]["events"]);
    assert_eq!(board["check"], "grep -q own src/login.txt");
    let map = &board["map"];
    let src = place(&map["root"]["inside"], "src");
    assert_eq!(src["held"], json!([{ "task": "work", "files": 2, "lines": 0 }]));
    assert_eq!(src["inside"], json!([]), "what is below tells nothing more");
    let web = place(&map["root"]["inside"], "web");
    assert_eq!(
        (&web["files"], &web["held"]),
        (&json!(2), &json!([{ "task": "page", "files": 1, "lines": 0 }]))
    );
    assert_eq!(place(&web["inside"], "a.ts")["folder"], false);
    assert_eq!(web["inside"].as_array().unwrap().len(), 1, "nobody holds the other");
    let docs = place(&map["root"]["inside"], "docs");
    assert_eq!(docs["held"], json!([{ "task": "page", "files": 1, "lines": 1 }]));
    assert_eq!(map["empty"], json!([{ "task": "page", "region": "new/**" }]));
    let conflicts = served.get("/api/conflicts").json();
    assert_eq!(conflicts["result"], lab.odyssey(&["conflicts", "--json"]).json()["result"]);
}

#[test]
fn a_review_is_settled_step_by_step_as_on_the_command_line() {
    let lab = lab();
    let served = Served::start(&lab);
    let view = served.step(&json!({ "do": "open" }));
    let listed = || lab.odyssey(&["review", "work", "--list", "--json"]).json()["result"].clone();
    let same = |mut view: Value| {
        view.as_object_mut().unwrap().remove("notes");
        assert_eq!(view, listed());
        view
    };
    let view = same(view);
    assert_eq!(view["open"], 4);
    let file = view["files"].as_array().unwrap().iter().find(|file| file["path"] == FILE).unwrap();
    let ids: Vec<&str> =
        file["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    let take = |conflict: &str, choice: &str| json!({ "do": "take", "conflict": conflict, "choice": choice });
    same(served.step(&take(ids[0], "theirs")));
    same(served.step(&take(ids[1], "both")));
    same(served.step(&json!({ "do": "note", "conflict": ids[1], "text": "both are needed" })));
    same(served.step(&json!({ "do": "undo" })));
    same(served.step(&json!({ "do": "redo" })));
    let draft = served.step(&json!({ "do": "draft", "conflict": ids[2] }));
    assert_eq!(draft["ours"], "main's last\n");
    assert_eq!(draft["ends"], "lf");
    let written = json!({ "do": "take", "conflict": ids[2], "choice": "text", "text": "my own last\n" });
    assert_eq!(same(served.step(&written))["open"], 1);
    let preview = served.step(&json!({ "do": "preview", "path": FILE }));
    let others = [
        (2, "work's second"),
        (5, "work's fifth"),
        (12, "main's twelfth\nwork's twelfth"),
        (20, "my own last"),
    ];
    assert_eq!(preview["text"].as_str().unwrap().trim_end(), numbered(&others).trim_end());
    // Neither a test nor an end while something is open.
    for action in [json!({ "do": "test", "command": null }), json!({ "do": "finish" })] {
        let refused = served.post("work", &action.to_string());
        assert_eq!((refused.status, refused.json()["error"]["kind"].clone()), (409, "conflict".into()));
    }
    let unfit = served.post("work", &json!({ "do": "confirm", "conflict": ids[0] }).to_string());
    assert_eq!(unfit.status, 422, "nobody's word is wanted: {unfit:#?}");
    assert_eq!(same(served.step(&take(TRAP, "base")))["open"], 0);
    assert_eq!(
        served.step(&json!({ "do": "test", "command": null }))["command"],
        "grep -q own src/login.txt"
    );
    let failed = served.post("work", &json!({ "do": "test", "command": "false" }).to_string());
    assert_eq!(failed.status, 422, "{failed:#?}");
    let before = lab.git(&["rev-parse", "main"]);
    let failed = served.post("work", &json!({ "do": "finish", "check": "false" }).to_string());
    assert_eq!(failed.status, 422, "{failed:#?}");
    assert_eq!(lab.git(&["rev-parse", "main"]), before, "nothing moves when the check fails");
    let landed = served.step(&json!({ "do": "finish" }));
    assert_eq!(landed["new"].as_str().unwrap(), lab.git(&["rev-parse", "main"]));
    assert_eq!(lab.git(&["show", &format!("main:{FILE}")]) + "\n", numbered(&others));
    assert_eq!(lab.git(&["show", &format!("main:{TRAP}")]), "before");
    assert_eq!(lab.git(&["status", "--porcelain"]), "");
    let over = served.post("work", &json!({ "do": "open" }).to_string());
    assert_eq!(over.status, 422, "the task has ended: {over:#?}");
}

#[test]
fn a_review_is_given_up_and_its_history_stays() {
    let lab = lab();
    let served = Served::start(&lab);
    served.step(&json!({ "do": "take", "conflict": "all", "choice": "ours" }));
    assert_eq!(
        served.get("/api/board").json()["result"]["reviews"],
        json!([{ "task": "work", "purpose": "land", "decided": 4 }])
    );
    let dropped = served.step(&json!({ "do": "drop" }));
    assert_eq!(dropped["decided"], 4);
    assert_eq!(lab.git(&["rev-parse", "refs/odyssey/reviews/work"]), dropped["history"].as_str().unwrap());
    assert_eq!(served.get("/api/board").json()["result"]["reviews"], json!([]));
}

#[test]
fn steps_that_come_at_once_are_taken_one_after_the_other() {
    let lab = lab();
    let served = Served::start(&lab);
    let view = served.step(&json!({ "do": "open" }));
    let files = view["files"].as_array().unwrap().iter();
    let ids: Vec<Value> =
        files.flat_map(|file| file["items"].as_array().unwrap()).map(|item| item["id"].clone()).collect();
    let served = &served;
    std::thread::scope(|scope| {
        for id in &ids {
            scope.spawn(move || served.step(&json!({ "do": "take", "conflict": id, "choice": "ours" })));
        }
    });
    let view = served.step(&json!({ "do": "open" }));
    assert_eq!((&view["open"], &view["undo"]), (&json!(0), &json!(4)), "{view:#}");
}

#[test]
fn events_come_as_they_happen_and_end_with_the_server() {
    let lab = lab();
    let served = Served::start(&lab);
    let mut stream = http::connect(served.port);
    let head = format!(
        "GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: {}\r\n\r\n",
        served.port,
        served.key()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream);
    let (status, headers) = http::head(&mut lines);
    assert_eq!(status, 200);
    assert!(headers.contains(&("content-type".to_owned(), "text/event-stream".to_owned())));
    let mut until = |wanted: &str| {
        let mut seen = String::new();
        while !seen.contains(wanted) {
            let read = lines.read_line(&mut seen).unwrap();
            assert!(read > 0, "it ended: {seen}");
        }
        seen
    };
    // From when the watch has begun on, everything is told.
    if until("data: ").contains("false") {
        until("\"event\":\"watching\"");
    }
    lab.odyssey(&["claim", "docs", "--region", "docs/**"]).ok();
    until("claim docs for Ada");
    lab.odyssey(&["review", "work", "--take", "all", "ours"]).ok();
    until("event: review");
    until("\"work\"");
    assert_eq!(served.end().code, 0);
    let mut rest = String::new();
    while lines.read_line(&mut rest).unwrap() > 0 {}
}
