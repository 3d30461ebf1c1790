//! A server of the program under test, and requests to it.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::PATIENCE;
use super::http;
use super::http::Reply;
use super::support::Lab;
use super::support::ODYSSEY;
use super::support::Run;

/// A server that has said where it is.
pub struct Served {
    child: Child,
    /// Its port.
    pub port: u16,
    /// The token of its address.
    pub token: String,
    /// What it printed.
    pub line: String,
}

impl Served {
    /// Starts one at any port.
    pub fn start(lab: &Lab) -> Served {
        let mut command = lab.command(ODYSSEY, &lab.main(), &["serve"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        // The pipe is given back, so that the server can go on writing.
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        child.stdout = Some(output.into_inner());
        let address = line.trim_end().strip_prefix("http://127.0.0.1:").unwrap_or_else(|| panic!("'{line}'"));
        let (port, token) = address.split_once("/#token=").unwrap();
        let (port, token) = (port.parse().unwrap(), token.to_owned());
        Served { child, port, token, line }
    }

    /// The address that it printed.
    pub fn url(&self) -> &str {
        self.line.trim_end()
    }

    /// A request of any head and body, to the right host on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut text =
            format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n", self.port);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        http::exchange(self.port, format!("{text}\r\n{body}").as_bytes())
    }

    /// What lets in.
    pub fn key(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Facts.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("authorization", &self.key())], "")
    }

    /// A step in a review, in any words.
    pub fn post(&self, task: &str, body: &str) -> Reply {
        let headers = [("authorization", &*self.key()), ("content-type", "application/json")];
        self.send("POST", &format!("/api/review/{task}"), &headers, body)
    }

    /// A step in the review of `work` that is taken.
    #[track_caller]
    pub fn step(&self, action: &Value) -> Value {
        let reply = self.post("work", &action.to_string());
        assert_eq!(reply.status, 200, "{reply:#?}");
        reply.json()["result"].clone()
    }

    /// Tells it to end, and waits until it has. Answers what it wrote since the address.
    pub fn end(mut self) -> Run {
        Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status().unwrap();
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::yield_now();
        }
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = self.child.try_wait().unwrap().unwrap().code().unwrap();
        Run { stdout, stderr, code }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
