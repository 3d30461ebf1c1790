//! HTTP as it goes over the wire: a request is the bytes that the test says, so that it may be a wrong one.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use serde_json::Value;

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    /// The status; 0 when the connection was closed without an answer.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found =
            self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        found.next().filter(|_| found.next().is_none())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A connection that gives up after the test's patience.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
    stream
}

/// Sends bytes, and reads one answer.
pub fn exchange(port: u16, bytes: &[u8]) -> Reply {
    let mut stream = connect(port);
    // A server may answer and close before it has read all.
    let _ = stream.write_all(bytes);
    read(BufReader::new(stream))
}

/// Reads one answer.
pub fn read(mut stream: impl BufRead) -> Reply {
    let (status, headers) = head(&mut stream);
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse().unwrap());
    let mut body = Vec::new();
    match length {
        Some(length) => drop(stream.take(length).read_to_end(&mut body)),
        None => drop(stream.read_to_end(&mut body)),
    }
    Reply { status, headers, body: String::from_utf8(body).unwrap() }
}

/// Reads the head of an answer.
pub fn head(stream: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    let mut next = || {
        line.clear();
        match stream.read_line(&mut line) {
            Ok(_) => line.trim_end().to_owned(),
            // It was closed with something unread.
            Err(_) => String::new(),
        }
    };
    let status = next().split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    let mut headers = Vec::new();
    loop {
        let line = next();
        let Some((name, value)) = line.split_once(':') else { return (status, headers) };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
}
