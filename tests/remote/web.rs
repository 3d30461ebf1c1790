//! The web: a small server of the tests' own in front of `git http-backend`, for one repository folder. It can fail as the
//! proxy of the wire does.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::fleet::Fleet;
use crate::support;
use crate::wire::Fault;

/// A server on loopback that runs until it is dropped.
pub struct Web {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    over: Arc<AtomicBool>,
}

impl Web {
    /// Serves a folder.
    pub fn serve(folder: &Path) -> Web {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let fault = Arc::new(Mutex::new(Fault::None));
        let (ended, folder, shared) = (over.clone(), folder.to_owned(), fault.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (client, folder, fault) = (client.unwrap(), folder.clone(), *shared.lock().unwrap());
                // A client that goes away in the middle is its own affair.
                std::thread::spawn(move || answer(client, folder, fault).ok());
            }
        });
        Web { port, fault, over }
    }

    /// Sets what happens from now on: of what the proxy of the wire can do all but holding and silence.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// The address of a repository.
    pub fn address(&self, repository: &str) -> String {
        format!("http://127.0.0.1:{}/{repository}", self.port)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn answer(mut client: TcpStream, folder: PathBuf, fault: Fault) -> std::io::Result<()> {
    if fault == Fault::Away {
        return client.shutdown(Shutdown::Both);
    }
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = Vec::new();
    match headers.get("content-length").map(|length| length.parse().unwrap()) {
        Some(length) => drop(reader.take(length).read_to_end(&mut body)?),
        None if headers.contains_key("transfer-encoding") => loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).unwrap();
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        },
        None => {}
    }
    let pushes = method == "POST" && target.ends_with("/git-receive-pack");
    let cut = matches!(fault, Fault::CutsAfter(most) if pushes && body.len() > most);
    if let (true, Fault::CutsAfter(most)) = (cut, fault) {
        body.truncate(most);
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env("GIT_PROJECT_ROOT", folder).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", method);
    // Whoever has a name may push.
    command.env("REMOTE_USER", "ada").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("CONTENT_LENGTH", body.len().to_string());
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        command.envs(headers.get(header).map(|value| (variable, value)));
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&body).ok());
    let output = child.wait_with_output()?.stdout;
    writer.join().unwrap();
    if let Fault::Delays(time) = fault {
        std::thread::sleep(time);
    }
    if cut || pushes && fault == Fault::LosesAnswers {
        return client.shutdown(Shutdown::Both);
    }
    // What a program answers begins with headers of its own, the status among them.
    let status = String::from_utf8_lossy(&output[..output.len().min(200)]).into_owned();
    let status = status.strip_prefix("Status: ").and_then(|rest| rest.lines().next()).unwrap_or("200 OK");
    client.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n").as_bytes())?;
    client.write_all(&output)
}

#[test]
fn all_of_it_works_over_http() {
    let fleet = Fleet::unprepared(&["one", "two"], |bare| bare.to_str().unwrap().to_owned());
    let web = Web::serve(fleet.lab.root());
    let url = web.address("origin.git");
    for name in ["one", "two"] {
        fleet.lab.git_in(&fleet.machine(name), &["remote", "set-url", "origin", &url]);
        fleet.run(name, &["init", "--remote", "origin"]).ok();
    }
    fleet.run("one", &["claim", "auth", "--region", "src/**", "--for", "claude-1"]).ok();
    assert_eq!(fleet.run("two", &["claim", "x", "--region", "src/a", "--for", "b", "--here"]).code, 3);
    let workspace = fleet.workspace("one", "auth");
    support::write(&workspace.join("src/a.rs"), "a\n");
    fleet.lab.commit_in(&workspace, "work");
    fleet.run("one", &["land", "auth"]).ok();
    assert_eq!(fleet.there("refs/heads/main"), fleet.here("one", "refs/heads/main"));
    fleet.run("two", &["claim", "x", "--region", "src/a", "--for", "b", "--here"]).ok();
    fleet.check();
}
