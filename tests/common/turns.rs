//! A relay in front of a host's SSH server that makes the way long, and counts how often the operator had to wait for it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use super::cluster::Cluster;

/// Relays to the SSH servers of a cluster's hosts.
pub struct Turns {
    relays: Vec<(String, Relay)>,
}

/// What one host's relay saw.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Connections.
    pub connections: usize,
    /// How often the operator spoke after the host had: ways there and back.
    pub turns: usize,
}

impl Turns {
    /// One for each host, with so much time for each way.
    pub fn to(cluster: &Cluster, each_way: Duration) -> Turns {
        let relay = |host: String| {
            let to = format!("{}:22", cluster.address(&host)).parse().unwrap();
            (host, Relay::start(to, each_way))
        };
        Turns { relays: cluster.hosts().into_iter().map(relay).collect() }
    }

    /// An SSH configuration by which the hosts are reached through the relays.
    pub fn ssh_config(&self, cluster: &Cluster) -> String {
        let host = |(host, relay): &(String, Relay)| {
            let (address, port) = (cluster.address(host), relay.port);
            format!("Host {address}\n HostName 127.0.0.1\n Port {port}\n HostKeyAlias {address}\n")
        };
        self.relays.iter().map(host).collect()
    }

    /// What was seen on the way to the host so far.
    pub fn of(&self, host: &str) -> Seen {
        let relay = self.relays.iter().find(|(name, _)| name == host).map(|(_, relay)| relay).unwrap();
        *relay.seen.lock().unwrap()
    }
}

struct Relay {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

/// Who spoke last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Operator,
    Host,
}

impl Relay {
    fn start(to: SocketAddr, each_way: Duration) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, seen) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Seen>>::default());
        let shared = seen.clone();
        // It ends with the process.
        spawn(move || {
            for operator in listener.incoming().map_while(Result::ok) {
                let Ok(host) = TcpStream::connect(to) else { continue };
                shared.lock().unwrap().connections += 1;
                let last = Arc::new(Mutex::new(Side::Host));
                for (from, to, side) in [(&operator, &host, Side::Operator), (&host, &operator, Side::Host)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (last, seen) = (last.clone(), shared.clone());
                    let (pieces, later) = channel();
                    spawn(move || read(from, side, &last, &seen, &pieces));
                    spawn(move || write(to, each_way, &later));
                }
            }
        });
        Relay { port, seen }
    }
}

type Piece = (Instant, Vec<u8>);

fn read(mut from: TcpStream, side: Side, last: &Mutex<Side>, seen: &Mutex<Seen>, pieces: &Sender<Piece>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if std::mem::replace(&mut *last.lock().unwrap(), side) != side && side == Side::Operator {
            seen.lock().unwrap().turns += 1;
        }
        if pieces.send((Instant::now(), buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, each_way: Duration, pieces: &Receiver<Piece>) {
    let _ = to.set_nodelay(true);
    while let Ok((came, bytes)) = pieces.recv() {
        sleep((came + each_way).saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
