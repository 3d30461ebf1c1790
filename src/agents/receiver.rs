//! A receiver of OpenTelemetry metrics on this machine: what tells of tokens is written to a file, a request a line.
//!
//! It speaks as much of HTTP as an exporter needs: one request a connection, OTLP in JSON. Nobody from elsewhere can reach it, and
//! no page in a browser can: that could neither name this machine as the host nor send JSON without being asked first.

use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::transcripts::otel;
use crate::base::atomic::FileError;
use crate::base::failure::Explain;

/// How long a request may be.
const LONGEST: usize = 16 << 20;

/// How long its head may be.
const LONGEST_HEAD: usize = 32 << 10;

/// How long may pass until the next bytes of a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A receiver that is ready.
#[derive(Debug)]
pub struct Receiver {
    listener: TcpListener,
    address: SocketAddr,
    into: PathBuf,
}

/// Nobody can be listened to.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// The port cannot be had.
    #[error("cannot listen at port {0} of this machine")]
    Port(u16, #[source] io::Error),
    /// What was received cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for ReceiverError {
    fn hints(&self) -> Vec<String> {
        match self {
            ReceiverError::Port(..) => vec!["name another port, or 0 for any that is free".to_owned()],
            ReceiverError::File(error) => error.hints(),
        }
    }
}

impl Receiver {
    /// Begins to listen at a port of this machine; 0 is any that is free.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn open(port: u16, into: &Path) -> Result<Receiver, ReceiverError> {
        let failed = |source| ReceiverError::Port(port, source);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Receiver { listener, address, into: into.to_owned() })
    }

    /// Where to send to.
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1/metrics", self.address)
    }

    /// Takes requests, one after the other, until one cannot be written down.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn receive(&self) -> Result<(), ReceiverError> {
        for stream in self.listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            // Whoever is gone before the answer has sent nothing, or will send it again.
            let patient = stream
                .set_read_timeout(Some(PATIENCE))
                .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
            if patient.is_ok() {
                self.answer(&mut stream)?;
            }
        }
        Ok(())
    }

    fn answer(&self, stream: &mut (impl Read + Write)) -> Result<(), FileError> {
        let answer = match request(stream) {
            Ok(Some(line)) => {
                append(&self.into, &line).map_err(|source| FileError::new("write", &self.into, source))?;
                Answer::Taken
            }
            Ok(None) => Answer::Taken,
            Err(answer) => answer,
        };
        let (status, body) = answer.words();
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        // Nothing depends on its being read.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        Ok(())
    }
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Taken,
    Broken,
    NotHere,
    NotForUs,
    NotJson,
    TooLong,
}

impl Answer {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Answer::Taken => ("200 OK", "{}"),
            Answer::Broken => ("400 Bad Request", "{\"message\":\"this is no request\"}"),
            Answer::NotHere => ("404 Not Found", "{\"message\":\"send to /v1/metrics\"}"),
            Answer::NotForUs => ("403 Forbidden", "{\"message\":\"this machine only\"}"),
            Answer::NotJson => (
                "415 Unsupported Media Type",
                "{\"message\":\"set OTEL_EXPORTER_OTLP_PROTOCOL=http/json, without compression\"}",
            ),
            Answer::TooLong => ("413 Content Too Large", "{\"message\":\"send fewer metrics at once\"}"),
        }
    }
}

/// The line to write down; nothing when the request tells nothing of tokens.
fn request(stream: &mut (impl Read + Write)) -> Result<Option<Vec<u8>>, Answer> {
    let (head, mut body) = head(stream)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let host = header("host").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    if !["127.0.0.1", "localhost"].contains(&host) {
        return Err(Answer::NotForUs);
    }
    // Exporters of all signals may be set to one place; only metrics are wanted.
    if method != "POST" || !["/v1/metrics", "/v1/traces", "/v1/logs"].contains(&path) {
        return Err(Answer::NotHere);
    }
    let kind = header("content-type").unwrap_or_default();
    let is_plain =
        header("content-encoding").is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"));
    if kind.split(';').next().map(str::trim) != Some("application/json") || !is_plain {
        return Err(Answer::NotJson);
    }
    let length: usize =
        header("content-length").and_then(|length| length.parse().ok()).ok_or(Answer::Broken)?;
    if length > LONGEST {
        return Err(Answer::TooLong);
    }
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Answer::Broken)?;
    }
    let missing = length.checked_sub(body.len()).ok_or(Answer::Broken)?;
    stream.take(missing as u64).read_to_end(&mut body).map_err(|_| Answer::Broken)?;
    if body.len() < length {
        return Err(Answer::Broken);
    }
    let value: serde_json::Value = serde_json::from_slice(&body).map_err(|_| Answer::Broken)?;
    // On one line, however it came.
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    Ok((path == "/v1/metrics" && otel::is_about_tokens(&line)).then_some(line))
}

/// The head of a request, and what has come of its body.
fn head(stream: &mut impl Read) -> Result<(String, Vec<u8>), Answer> {
    let mut text = Vec::new();
    let mut block = [0; 4096];
    loop {
        if let Some(end) = memchr::memmem::find(&text, b"\r\n\r\n") {
            let body = text.split_off(end + 4);
            return Ok((String::from_utf8(text).map_err(|_| Answer::Broken)?, body));
        }
        if text.len() > LONGEST_HEAD {
            return Err(Answer::TooLong);
        }
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return Err(Answer::Broken),
            Ok(count) => text.extend_from_slice(&block[..count]),
        }
    }
}

/// One write at the end of the file, so that a reader meets whole lines.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection on which a request comes, and the answer goes.
    struct Line(io::Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Line {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            // As the network gives it: in parts.
            let most = into.len().min(7);
            self.0.read(&mut into[..most])
        }
    }

    impl Write for Line {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            self.1.write(from)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn asked(text: &str) -> Result<Option<String>, Answer> {
        let mut line = Line(io::Cursor::new(text.as_bytes().to_vec()), Vec::new());
        request(&mut line).map(|line| line.map(|line| String::from_utf8(line).unwrap()))
    }

    fn post(path: &str, headers: &str, body: &str) -> String {
        format!("POST {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    const USUAL: &str = "Host: 127.0.0.1:4318\r\nContent-Type: application/json\r\n";

    #[test]
    fn what_tells_of_tokens_becomes_one_line() {
        let body = "{\n \"a\": \"gen_ai.client.token.usage\" }\n";
        assert_eq!(
            asked(&post("/v1/metrics", USUAL, body)),
            Ok(Some("{\"a\":\"gen_ai.client.token.usage\"}\n".to_owned()))
        );
        assert_eq!(asked(&post("/v1/metrics", USUAL, "{}")), Ok(None));
        assert_eq!(asked(&post("/v1/traces", USUAL, body)), Ok(None));
    }

    #[test]
    fn what_is_not_for_us_is_turned_away() {
        let other = USUAL.replace("127.0.0.1", "example.com");
        assert_eq!(asked(&post("/v1/metrics", &other, "{}")), Err(Answer::NotForUs));
        assert_eq!(
            asked(&post("/v1/metrics", "Content-Type: application/json\r\n", "{}")),
            Err(Answer::NotForUs)
        );
        assert_eq!(asked(&post("/", USUAL, "{}")), Err(Answer::NotHere));
        assert_eq!(asked("GET /v1/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), Err(Answer::NotHere));
        let binary = USUAL.replace("json", "x-protobuf");
        assert_eq!(asked(&post("/v1/metrics", &binary, "{}")), Err(Answer::NotJson));
        let packed = format!("{USUAL}Content-Encoding: gzip\r\n");
        assert_eq!(asked(&post("/v1/metrics", &packed, "{}")), Err(Answer::NotJson));
        assert_eq!(asked(&post("/v1/metrics", USUAL, "{")), Err(Answer::Broken));
        let cut = post("/v1/metrics", USUAL, "{}");
        assert_eq!(asked(&cut[..cut.len() - 1]), Err(Answer::Broken));
        assert_eq!(asked(&cut[..20]), Err(Answer::Broken));
        let long = format!("POST /v1/metrics HTTP/1.1\r\n{USUAL}Content-Length: 99999999\r\n\r\n");
        assert_eq!(asked(&long), Err(Answer::TooLong));
        assert_eq!(asked(&"x".repeat(LONGEST_HEAD + 9)), Err(Answer::TooLong));
    }
}
