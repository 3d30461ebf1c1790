//! The wire: a `git daemon` on loopback, and a proxy in front of it that cuts, delays and swallows.

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

/// What the proxy does to the connections that are made from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Closes them at once.
    Away,
    /// Takes them and never answers.
    Silent,
    /// Waits so long before each part of what the server says.
    Delays(Duration),
    /// Lets a push reach the server in whole, and loses its answer.
    LosesAnswers,
    /// Cuts a push after so many bytes of what the client sends.
    CutsAfter(usize),
    /// As `LosesAnswers`, and is away from then on.
    LosesAnswersThenAway,
    /// Keeps what a push sends, breaks off with the client, and is away from then on. [`Proxy::deliver`] sends it on.
    HoldsThenAway,
}

/// How long a client that waits for an answer has been silent: then it has sent all.
const SENT_ALL: Duration = Duration::from_millis(500);

/// A daemon that serves all repositories in one folder.
pub struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    /// Serves a folder.
    pub fn serve(folder: &Path, home: &Path) -> Daemon {
        let port = free_port();
        let mut command = Command::new("git");
        command.args([
            "daemon",
            "--reuseaddr",
            "--export-all",
            "--enable=receive-pack",
            "--listen=127.0.0.1",
        ]);
        command.arg(format!("--port={port}")).arg(format!("--base-path={}", folder.display())).arg(folder);
        command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_GLOBAL", home.join("../gitconfig"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let daemon = Daemon { child, port };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "git daemon does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gently: it has a child of its own (`git` starts `git-daemon`), and tells it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// A proxy in front of a daemon.
pub struct Proxy {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    over: Arc<AtomicBool>,
    held: Held,
}

/// What was sent to a server that has not got it yet.
type Held = Arc<Mutex<Vec<(TcpStream, Vec<u8>)>>>;

impl Proxy {
    /// Begins to listen.
    pub fn before(daemon: &Daemon) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, over) = (Arc::new(Mutex::new(Fault::None)), Arc::new(AtomicBool::new(false)));
        let held = Held::default();
        let proxy = Proxy { port, fault: fault.clone(), over: over.clone(), held: held.clone() };
        let behind = daemon.port;
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (client, fault, held) = (client.unwrap(), fault.clone(), held.clone());
                std::thread::spawn(move || {
                    // A connection that breaks is what this is for.
                    let _ = carry(client, behind, &fault, &held);
                });
            }
        });
        proxy
    }

    /// Sets what happens from now on.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Sends on what was kept, now that nobody waits for it. Answers what the server says to each.
    pub fn deliver(&self) -> Vec<String> {
        let mut answers = Vec::new();
        for (mut server, bytes) in self.held.lock().unwrap().drain(..) {
            server.write_all(&bytes).unwrap();
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).unwrap();
            answers.push(String::from_utf8_lossy(&answer).into_owned());
        }
        answers
    }

    /// The address of a repository behind it.
    pub fn address(&self, repository: &str) -> String {
        format!("git://127.0.0.1:{}/{repository}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn carry(
    mut client: TcpStream,
    behind: u16,
    shared: &Mutex<Fault>,
    held: &Mutex<Vec<(TcpStream, Vec<u8>)>>,
) -> std::io::Result<()> {
    let fault = *shared.lock().unwrap();
    if fault == Fault::Away {
        return client.shutdown(Shutdown::Both);
    }
    if fault == Fault::Silent {
        // Until the client gives up.
        let mut sink = [0; 1024];
        while client.read(&mut sink)? > 0 {}
        return Ok(());
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, behind))?;
    // The first packet names the service. Git writes its length and the rest one after the other.
    let mut first = vec![0; 4];
    client.read_exact(&mut first)?;
    let length = usize::from_str_radix(std::str::from_utf8(&first).unwrap_or_default(), 16).unwrap_or(4);
    first.resize(length.max(4), 0);
    client.read_exact(&mut first[4..])?;
    server.write_all(&first)?;
    let pushes = first.windows(12).any(|window| window == b"receive-pack");
    if pushes && fault == Fault::HoldsThenAway {
        let kept = keep(client, &mut server, shared)?;
        held.lock().unwrap().push((server, kept));
        return Ok(());
    }
    let loses = pushes && matches!(fault, Fault::LosesAnswers | Fault::LosesAnswersThenAway);
    // The list of refs has been read in whole when the client begins to send.
    let sending = Arc::new(AtomicBool::new(false));
    let answers = {
        let (mut client, mut server, sending) = (client.try_clone()?, server.try_clone()?, sending.clone());
        std::thread::spawn(move || -> std::io::Result<()> {
            let mut bytes = [0; 16 * 1024];
            loop {
                let count = server.read(&mut bytes)?;
                if count == 0 {
                    return client.shutdown(Shutdown::Both);
                }
                if let Fault::Delays(time) = fault {
                    std::thread::sleep(time);
                }
                if !(loses && sending.load(Ordering::SeqCst)) {
                    client.write_all(&bytes[..count])?;
                }
            }
        })
    };
    let mut sent = 0;
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = client.read(&mut bytes)?;
        if count == 0 {
            server.shutdown(Shutdown::Write)?;
            break;
        }
        sending.store(true, Ordering::SeqCst);
        let mut count = count;
        if let (true, Fault::CutsAfter(most)) = (pushes, fault) {
            count = count.min(most.saturating_sub(sent));
        }
        if loses && fault == Fault::LosesAnswersThenAway {
            // Before the server can answer: the client's next connection is to find it so.
            *shared.lock().unwrap() = Fault::Away;
        }
        server.write_all(&bytes[..count])?;
        sent += count;
        if matches!(fault, Fault::CutsAfter(most) if pushes && sent >= most) {
            let _ = server.shutdown(Shutdown::Both);
            let _ = client.shutdown(Shutdown::Both);
            break;
        }
    }
    answers.join().unwrap()
}

/// Shows the client the refs of the server, takes all that it sends, and breaks off. Answers what it has sent.
fn keep(mut client: TcpStream, server: &mut TcpStream, shared: &Mutex<Fault>) -> std::io::Result<Vec<u8>> {
    // Packets with their length in front; an empty one ends the list.
    loop {
        let mut length = [0; 4];
        server.read_exact(&mut length)?;
        client.write_all(&length)?;
        let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap_or_default(), 16).unwrap_or(0);
        if length == 0 {
            break;
        }
        let mut packet = vec![0; length.saturating_sub(4)];
        server.read_exact(&mut packet)?;
        client.write_all(&packet)?;
    }
    let (mut kept, mut bytes) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match client.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(count) => kept.extend_from_slice(&bytes[..count]),
        }
        client.set_read_timeout(Some(SENT_ALL))?;
    }
    // Before the client knows: its next connection is to find it so.
    *shared.lock().unwrap() = Fault::Away;
    client.shutdown(Shutdown::Both)?;
    Ok(kept)
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
