//! Ports as the host sees them: forwarded, and relayed where nothing is forwarded.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use kbootstrap::error::Kind;
use kbootstrap::remote::{Connect, Target, Transport, Via};

use crate::common::sshd::{FREE, Sshd, connect, free_port, silent};

/// Sends a greeting and then everything back, until the peer closes; then the number of bytes it saw.
fn echo() -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"hello\n").unwrap();
        let mut copy: TcpStream = stream.try_clone().unwrap();
        io::copy(&mut stream, &mut copy).unwrap_or(0) as usize
    };
    (address, std::thread::spawn(serve))
}

/// Talks to an echo server through the transport, then closes, then sees that the transport still works.
fn converse(host: &mut dyn Transport) {
    let (address, server) = echo();
    let mut stream = host.dial(address).unwrap();
    let mut greeting = [0; 6];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"hello\n");
    let mut answer = vec![0; 100_000];
    for round in 0..10u8 {
        stream.write_all(&vec![round; 100_000]).unwrap();
        stream.flush().unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert!(answer.iter().all(|&byte| byte == round));
    }
    drop(stream);
    assert_eq!(server.join().unwrap(), 1_000_000, "the server must see that we closed");
    assert_eq!(host.run("echo after", &mut io::empty()).unwrap().stdout, b"after\n");
}

/// The server closes first: the reader sees the end.
fn end_is_seen(host: &mut dyn Transport) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"bye").unwrap());
    let mut text = String::new();
    host.dial(address).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "bye");
    server.join().unwrap();
}

fn nobody_listens(host: &mut dyn Transport) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let error = host.dial(address).err().unwrap();
    assert_eq!(error.kind, Kind::Connect);
    assert_eq!(error.message, format!("web1: cannot connect from the host to {address}"));
    assert_eq!(host.run("echo after", &mut io::empty()).unwrap().stdout, b"after\n");
}

#[test]
fn by_forwarding() {
    let sshd = Sshd::start();
    let mut host = sshd.transport();
    converse(&mut *host);
    end_is_seen(&mut *host);
    nobody_listens(&mut *host);
    assert!(
        sshd.log().contains("direct-tcpip") || !sshd.log().contains("Starting session: command on"),
        "{}",
        sshd.log()
    );
}

#[test]
fn by_relay_where_forwarding_is_off() {
    let sshd = Sshd::with("AllowTcpForwarding no");
    let mut host = connect(&silent(), sshd.ssh_target_of(FREE)).unwrap();
    converse(&mut *host);
    end_is_seen(&mut *host);
    nobody_listens(&mut *host);
    assert!(sshd.log().contains("refused local port forward"), "{}", sshd.log());
}

#[test]
fn locally() {
    let mut host = silent().connect(&Target { name: "web1".into(), via: Via::Local }).unwrap();
    converse(&mut *host);
    end_is_seen(&mut *host);
    nobody_listens(&mut *host);
}
