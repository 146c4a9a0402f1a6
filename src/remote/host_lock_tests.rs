use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

const SHORT: Bounds = Bounds { patience: 3, silence: 60, finish: 60 };

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("SSH_CONNECTION").env_remove("KBOOTSTRAP_LOCAL");
    command
}

/// A lock of the test's own.
struct Lock {
    _folder: tempfile::TempDir,
    path: String,
}

impl Lock {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock").display().to_string();
        Lock { _folder: folder, path }
    }
    /// A script that holds it until its standard input ends.
    fn held(&self, variable: &str, value: &str) -> Holding {
        let mut child = sh(&format!("set -eu\n{}echo held; cat >/dev/null", hold_at(&self.path)))
            .env(variable, value)
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        Holding(child)
    }
    fn waits(&self, bounds: Bounds) -> (Output, Duration) {
        let start = Instant::now();
        let output = sh(&format!("set -eu\n{}echo free", wait_at(&self.path, bounds))).output().unwrap();
        let status = output.status.code().unwrap();
        (Output { status, stdout: output.stdout, stderr: output.stderr }, start.elapsed())
    }
}

struct Holding(Child);

impl Holding {
    fn lets_go(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
    fn was_ended(mut self) {
        assert!(!self.0.wait().unwrap().success());
    }
}

/// A TCP connection as sshd describes it to what it starts.
fn connection() -> (TcpStream, TcpStream, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, from) = listener.accept().unwrap();
    let described = format!("127.0.0.1 {} 127.0.0.1 {}", from.port(), listener.local_addr().unwrap().port());
    (client, server, described)
}

#[test]
fn scripts_of_one_run_go_on_together_and_the_next_run_waits_for_them() {
    let lock = Lock::new();
    assert_eq!(lock.waits(SHORT).0.stdout, b"free\n", "nothing was ever changed there");
    let alive = std::process::id().to_string();
    let (first, second) = (lock.held("KBOOTSTRAP_LOCAL", &alive), lock.held("KBOOTSTRAP_LOCAL", &alive));
    let (busy, _) = lock.waits(SHORT);
    assert_eq!(busy.status, BUSY);
    let error = check("n2", &busy).unwrap_err();
    let start = format!("n2: another run is at work on this host, from this machine (process {alive}), since 20");
    assert!(error.message.starts_with(&start), "{error:?}");
    for holding in [&first, &second] {
        let named = error.hints[1].split([' ', '`']).any(|word| word == holding.0.id().to_string());
        assert!(named, "{error:?}");
    }
    first.lets_go();
    assert_eq!(lock.waits(SHORT).0.status, BUSY);
    second.lets_go();
    assert_eq!(lock.waits(SHORT).0.status, 0);
}

#[test]
fn a_holder_whose_connection_is_silent_is_ended() {
    let lock = Lock::new();
    let (_client, _server, described) = connection();
    let holding = lock.held("SSH_CONNECTION", &described);
    let (free, took) = lock.waits(Bounds { patience: 30, silence: 2, finish: 60 });
    assert_eq!((free.status, free.stdout.as_slice()), (0, &b"free\n"[..]), "{free:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    holding.was_ended();
}

#[test]
fn a_holder_whose_operator_gives_signs_of_life_is_waited_for() {
    let lock = Lock::new();
    let (mut client, mut server, described) = connection();
    let holding = lock.held("SSH_CONNECTION", &described);
    let busy = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lock.waits(Bounds { patience: 6, silence: 4, finish: 1 }).0);
        while !waiting.is_finished() {
            client.write_all(b"x").unwrap();
            server.read_exact(&mut [0]).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
        waiting.join().unwrap()
    });
    assert_eq!(busy.status, BUSY, "{busy:?}");
    let error = check("n2", &busy).unwrap_err();
    assert!(error.message.contains("from 127.0.0.1 over SSH, since 20"), "{error:?}");
    assert!(error.message.ends_with(", last heard of 0 s ago"), "{error:?}");
    holding.lets_go();
}

#[test]
fn a_holder_whose_connection_is_closed_may_finish_but_not_for_ever() {
    let lock = Lock::new();
    let (client, server, described) = connection();
    let holding = lock.held("SSH_CONNECTION", &described);
    drop((client, server));
    let (busy, _) = lock.waits(Bounds { patience: 2, silence: 1, finish: 60 });
    assert_eq!(busy.status, BUSY, "{busy:?}");
    assert!(check("n2", &busy).unwrap_err().message.ends_with(", whose connection is closed"));
    let (free, _) = lock.waits(Bounds { patience: 30, silence: 60, finish: 2 });
    assert_eq!(free.status, 0, "{free:?}");
    holding.was_ended();
}

#[test]
fn a_holder_that_ignores_a_request_to_end_is_ended_all_the_same() {
    let lock = Lock::new();
    let mut stubborn = sh(&format!("trap '' TERM; {}echo held; sleep 60", hold_at(&lock.path)))
        .env("KBOOTSTRAP_LOCAL", "999999999")
        .spawn()
        .unwrap();
    stubborn.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
    let (free, took) = lock.waits(Bounds { patience: 30, silence: 60, finish: 1 });
    assert_eq!(free.status, 0, "{free:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!(!stubborn.wait().unwrap().success());
}

#[test]
fn other_failures_are_not_about_the_lock() {
    for (status, stderr) in [(1, "__KB_HOLDER 1 sh 2026-01-01T00:00:00Z 1 0"), (0, "")] {
        assert_eq!(check("n1", &Output { status, stdout: vec![], stderr: stderr.into() }), Ok(()));
    }
    let vanished = Output { status: BUSY, stdout: vec![], stderr: vec![] };
    insta::assert_snapshot!(check("n1", &vanished).unwrap_err(), @"n1: another run is at work on this host");
}

/// Anybody on the host can open a connection between the same ports.
#[test]
fn another_connection_between_the_same_ports_is_not_the_operators() {
    for (server, client, decoys) in
        [("127.0.0.1", "127.0.0.1", "127.0.0.2"), ("::1", "::1", "127.0.0.1"), ("::", "127.0.0.1", "127.0.0.2")]
    {
        let listener = TcpListener::bind((server, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = TcpStream::connect((client, port)).unwrap();
        let accepted = listener.accept().unwrap().0;
        let from = way.local_addr().unwrap().port();
        let others = (server != "::").then(|| TcpListener::bind((decoys, port)).unwrap());
        let decoy = decoy(decoys, from, port);
        let heard = || {
            let functions = include_str!("host_lock.sh").split("if [ -e \"$kb_lock\"").next().unwrap();
            let output = sh(&format!("{functions}\nkb_heard ssh {client} {from} {client} {port}")).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(heard(), "0", "{server}");
        drop((way, accepted));
        assert_eq!(heard(), "closed", "{server}");
        drop((decoy, others));
    }
}

/// A connection from that address and port to the port there.
fn decoy(address: &str, from: u16, port: u16) -> rustix::fd::OwnedFd {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let address: std::net::IpAddr = address.parse().unwrap();
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &std::net::SocketAddr::new(address, from)).unwrap();
    connect(&socket, &std::net::SocketAddr::new(address, port)).unwrap();
    socket
}
