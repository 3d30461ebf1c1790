//! Who is not let in, and what is not taken: each refusal leaves the repository as it was.

use std::io::BufReader;
use std::io::Write;

use super::http;
use super::lab;
use super::served::Served;

const OPEN: &str = r#"{"do":"open"}"#;

/// Sends a step to the review of `work` with headers of one's own. Answers the status.
fn step_with(served: &Served, headers: &[(&str, &str)]) -> u16 {
    served.send("POST", "/api/review/work", headers, OPEN).status
}

#[test]
fn without_the_token_nothing_is_told_and_nothing_happens() {
    let lab = lab();
    let served = Served::start(&lab);
    let before = lab.git(&["for-each-ref"]);
    let other = format!("Bearer {}", "0".repeat(served.token.len()));
    let shorter = format!("Bearer {}", &served.token[1..]);
    let longer = format!("Bearer {}0", served.token);
    for word in ["", "Bearer", "Bearer ", &served.token, &other, &shorter, &longer] {
        for path in ["/api/board", "/api/conflicts", "/api/events", "/api/nothing"] {
            let reply = served.send("GET", path, &[("authorization", word)], "");
            assert_eq!(reply.status, 401, "{word} {path}");
            assert_eq!(reply.json()["error"]["message"], "the token is missing or wrong");
        }
        assert_eq!(step_with(&served, &[("authorization", word), ("content-type", "application/json")]), 401);
    }
    assert_eq!(served.send("GET", "/api/board", &[], "").status, 401);
    assert_eq!(served.send("GET", &format!("/api/board?token={}", served.token), &[], "").status, 401);
    assert_eq!(lab.git(&["for-each-ref"]), before);
}

#[test]
fn other_hosts_and_other_origins_are_refused_even_with_the_token() {
    let lab = lab();
    let served = Served::start(&lab);
    let before = lab.git(&["for-each-ref"]);
    let key = served.key();
    for host in ["evil.example", &format!("evil.example:{}", served.port), "127.0.0.1", "127.0.0.1:1", ""] {
        for path in ["/", "/api/board"] {
            let text = format!(
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {key}\r\nconnection: close\r\n\r\n"
            );
            let status = http::exchange(served.port, text.as_bytes()).status;
            assert!([400, 421].contains(&status), "{host} {path}: {status}");
        }
    }
    let json = ("content-type", "application/json");
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(
            step_with(&served, &[("authorization", &key), json, (name, value)]),
            403,
            "{name} {value}"
        );
    }
    // What a browser asks before it sends a header for a page of another origin.
    let asked = [("origin", "http://evil.example"), ("access-control-request-headers", "authorization")];
    let reply = served.send("OPTIONS", "/api/review/work", &asked, "");
    assert_eq!(reply.status, 403);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let own = format!("http://127.0.0.1:{}", served.port);
    let asked = [("origin", &*own), ("authorization", &key)];
    let reply = served.send("OPTIONS", "/api/review/work", &asked, "");
    assert_eq!(reply.status, 405);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(lab.git(&["for-each-ref"]), before);
    assert_eq!(
        step_with(&served, &[("authorization", &key), json, ("origin", &own)]),
        200,
        "the page itself"
    );
}

#[test]
fn a_step_is_a_post_of_json_and_nothing_else() {
    let lab = lab();
    let served = Served::start(&lab);
    let before = lab.git(&["for-each-ref"]);
    let key = served.key();
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
        let headers = [("authorization", &*key), ("content-type", "application/json")];
        let reply = served.send(method, "/api/review/work", &headers, "");
        assert_eq!(reply.status, 405, "{method}");
    }
    for path in ["/", "/main.js", "/api/board", "/api/conflicts", "/api/events"] {
        let headers = [("authorization", &*key), ("content-type", "application/json")];
        assert_eq!(served.send("POST", path, &headers, OPEN).status, 405, "{path}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        assert_eq!(step_with(&served, &[("authorization", &key), ("content-type", kind)]), 415, "{kind}");
    }
    assert_eq!(step_with(&served, &[("authorization", &key)]), 415);
    assert_eq!(lab.git(&["for-each-ref"]), before);
}

#[test]
fn malformed_and_oversized_requests_are_refused() {
    let lab = lab();
    let served = Served::start(&lab);
    let before = lab.git(&["for-each-ref"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"open\"",
        r#"{"do":"destroy"}"#,
        r#"{"do":"open","more":1}"#,
        r#"{"do":"open","purpose":"theft"}"#,
        r#"{"do":"take","conflict":"all"}"#,
        r#"{"do":"take","conflict":"all","choice":"mine"}"#,
        r#"{"do":"take","conflict":"all","choice":"text"}"#,
        r#"{"do":"take","conflict":7,"choice":"ours"}"#,
        r#"{"do":"test","command":"'"}"#,
        "{\"do\":\"open\"}\u{0}",
        &deep,
    ] {
        let reply = served.post("work", body);
        assert_eq!(reply.status, 400, "{} {reply:#?}", &body[..body.len().min(50)]);
        assert_eq!(reply.json()["error"]["kind"], "usage");
    }
    let long =
        format!(r#"{{"do":"take","conflict":"all","choice":"text","text":"{}"}}"#, "x".repeat(5 << 20));
    assert_eq!(served.post("work", &long).status, 413);
    // As long, without saying so first.
    let mut text = format!(
        "POST /api/review/work HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n",
        served.port,
        served.key()
    )
    .into_bytes();
    text.extend(format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len()).into_bytes());
    // The connection may be cut before the answer is read, for what was not read.
    assert!([0, 413].contains(&http::exchange(served.port, &text).status));
    let lines: String = (0..5_000).map(|number| format!("x-{number}: {number}\r\n")).collect();
    let head = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{lines}\r\n", served.port);
    assert!([0, 431].contains(&http::exchange(served.port, head.as_bytes()).status));
    assert!([0, 400].contains(&http::exchange(served.port, b"\x16\x03\x01 this is no HTTP\r\n\r\n").status));
    assert_eq!(lab.git(&["for-each-ref"]), before.as_str(), "a review began");
    assert_eq!(served.get("/api/board").status, 200, "it goes on");
}

#[test]
fn paths_lead_nowhere_but_to_what_there_is() {
    let lab = lab();
    let served = Served::start(&lab);
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "/page/main.js",
        "/main.js/",
        "/./main.js",
        "/.git/config",
        "/index.html",
        "/api/../main.js",
        "/api/board/",
        "/api//board",
        "/api/review/",
        "/api/review/work/more",
    ] {
        let reply = served.get(path);
        assert_eq!(reply.status, 404, "{path} {}", reply.body);
    }
    for task in
        ["..", "%2e%2e", "..%2fwork", "%2fwork", "work%2f..%2fwork", "work%00", "%ff", ".git", "a%20b"]
    {
        let reply = served.post(task, OPEN);
        assert!([400, 404].contains(&reply.status), "{task} {reply:#?}");
    }
    let unknown = served.post("nobody", OPEN);
    assert_eq!(
        (unknown.status, unknown.json()["error"]["kind"].clone()),
        (422, "refused".into()),
        "{unknown:#?}"
    );
    // A step names a conflict, never a file of the machine.
    served.step(&serde_json::json!({ "do": "open" }));
    for path in ["/etc/passwd", "../../etc/passwd", ".git/config", "docs/guide.md", "odyssey.toml"] {
        let body = serde_json::json!({ "do": "preview", "path": path }).to_string();
        assert_eq!(served.post("work", &body).status, 400, "{path}");
        let body =
            serde_json::json!({ "do": "take", "conflict": "src/login.txt", "choice": "at", "text": path });
        assert_eq!(served.post("work", &body.to_string()).status, 400, "{path}");
        let body = serde_json::json!({ "do": "take", "conflict": "all", "choice": path }).to_string();
        assert_eq!(served.post("work", &body).status, 400, "{path}");
    }
    assert_eq!(served.step(&serde_json::json!({ "do": "open" }))["open"], 4, "something was decided");
}

#[test]
fn every_answer_carries_the_strict_headers() {
    let lab = lab();
    let served = Served::start(&lab);
    let replies = [
        served.send("GET", "/", &[], ""),
        served.send("GET", "/main.js", &[], ""),
        served.send("GET", "/nothing", &[], ""),
        served.send("POST", "/", &[], ""),
        served.send("GET", "/api/board", &[], ""),
        served.get("/api/board"),
        served.post("work", "{"),
        served.send("GET", "/", &[("origin", "http://evil.example")], ""),
    ];
    for reply in replies {
        let policy = reply.header("content-security-policy").unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self';",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert!(!reply.body.contains(&served.token));
    }
}

#[test]
fn clients_that_dawdle_do_not_keep_others_waiting() {
    let lab = lab();
    let served = Served::start(&lab);
    let head = format!(
        "POST /api/review/work HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: {}\r\ncontent-type: application/json\r\n",
        served.port,
        served.key()
    );
    let mut slow = Vec::new();
    for number in 0..60 {
        let mut stream = http::connect(served.port);
        // Nothing at all, half a head, or a head and half a body.
        let begun = match number % 3 {
            0 => String::new(),
            1 => head.clone(),
            _ => format!("{head}content-length: 100\r\n\r\n{{"),
        };
        stream.write_all(begun.as_bytes()).unwrap();
        slow.push(stream);
    }
    assert_eq!(served.get("/api/board").status, 200);
    assert_eq!(served.step(&serde_json::json!({ "do": "open" }))["open"], 4);
    // They are told that it took too long, or sent away, and not kept for ever.
    for (number, stream) in slow.into_iter().enumerate() {
        let status = http::read(BufReader::new(stream)).status;
        assert!([0, 408].contains(&status), "{number}: {status}");
    }
}
