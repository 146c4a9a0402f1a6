//! Clients that never stop asking: one for each server, which notes when that server does not answer, and one that goes
//! on to another server when the one that it asked fails it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use kbootstrap::clients::http::{Client, Request, Tls};
use kbootstrap::error::{Error, Result};

/// From the beginning of one request to the beginning of the next, when the server is quick.
const EVERY: Duration = Duration::from_millis(20);
/// After this a request has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Several servers, each of which should give an answer.
#[derive(Clone)]
pub struct Service {
    /// For messages.
    pub name: &'static str,
    /// Name and address of each server.
    pub servers: Vec<(String, SocketAddr)>,
    /// Who asks.
    pub tls: Tls,
    /// What each server is asked for, again and again: something that it can answer by itself.
    pub own: Ask,
    /// What the client with several servers asks for: an answer that all of them stand for.
    pub read: Ask,
    /// What it writes now and then.
    pub write: Ask,
}

/// A request that must be answered with 200 or 201.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub method: &'static str,
    pub path: &'static str,
    pub media_type: &'static str,
    /// By the number of the request.
    pub body: fn(usize) -> String,
}

/// Running clients.
pub struct Load {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Times that a server gave no answer.
    pub outages: Vec<Outage>,
    /// Requests that no server answered.
    pub lost: Vec<String>,
    /// Requests that were answered to those who ask one server.
    pub answered: usize,
    /// Requests that were answered to those who go on to another server.
    pub switching: usize,
}

/// From the beginning of the first request that failed to the end of the last one.
#[derive(Debug, Clone)]
pub struct Outage {
    pub service: &'static str,
    pub server: String,
    pub from: Instant,
    pub to: Instant,
    pub why: String,
}

impl Load {
    /// Starts the clients.
    pub fn start(services: &[Service]) -> Load {
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let mut threads = Vec::new();
        for service in services {
            for server in 0..service.servers.len() {
                let (service, over, seen) = (service.clone(), over.clone(), seen.clone());
                threads.push(spawn(move || ask_one(&service, server, &over, &seen)));
            }
            let (service, over, seen) = (service.clone(), over.clone(), seen.clone());
            threads.push(spawn(move || ask_any(&service, &over, &seen)));
        }
        Load { over, seen, threads }
    }

    /// Ends the clients; what they saw.
    pub fn end(mut self) -> Seen {
        self.stop();
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn stop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

impl Seen {
    /// Moments at which two servers of one service gave no answer.
    pub fn collisions(&self) -> Vec<String> {
        let pairs = self.outages.iter().enumerate().flat_map(|(i, a)| self.outages[..i].iter().map(move |b| (b, a)));
        pairs.filter(|(a, b)| a.collides(b)).map(|(a, b)| format!("{a}, and {b}")).collect()
    }
    /// Servers of a service that were away at some time.
    pub fn away(&self, service: &str) -> BTreeSet<&str> {
        self.outages.iter().filter(|o| o.service == service).map(|o| o.server.as_str()).collect()
    }
}

impl Outage {
    fn collides(&self, other: &Outage) -> bool {
        self.service == other.service && self.server != other.server && self.from < other.to && other.from < self.to
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} for {:?} ({})", self.service, self.server, self.to - self.from, self.why)
    }
}

/// Asks one server, and notes when it does not answer.
fn ask_one(service: &Service, server: usize, over: &AtomicBool, seen: &Mutex<Seen>) {
    let mut connection = None;
    let mut outage: Option<Outage> = None;
    for turn in 0.. {
        let from = Instant::now();
        match service.ask(server, &mut connection, &service.own, turn) {
            Ok(()) => {
                let mut seen = seen.lock().unwrap();
                seen.answered += 1;
                seen.outages.extend(outage.take());
            }
            Err(error) => {
                let (name, server, why) = (service.name, service.servers[server].0.clone(), error.message);
                let outage = outage.get_or_insert(Outage { service: name, server, from, to: from, why });
                outage.to = Instant::now();
            }
        }
        if over.load(Ordering::SeqCst) {
            break;
        }
        sleep(EVERY.saturating_sub(from.elapsed()));
    }
    seen.lock().unwrap().outages.extend(outage);
}

/// Asks a server as long as it answers, then the next, at most twice around: in the moment in which the lead goes from
/// one etcd member to another, all of them ask their client to try again, which etcd's own client does, too.
/// Notes requests that none of them answered.
fn ask_any(service: &Service, over: &AtomicBool, seen: &Mutex<Seen>) {
    let (mut server, mut connection) = (0, None);
    for turn in 0.. {
        let from = Instant::now();
        let ask = if turn % 4 == 3 { &service.write } else { &service.read };
        let mut refusals = Vec::new();
        let limit = 2 * service.servers.len();
        while refusals.len() < limit {
            match service.ask(server, &mut connection, ask, turn) {
                Ok(()) => break,
                Err(error) => refusals.push(error.message),
            }
            server = (server + 1) % service.servers.len();
            connection = None;
        }
        let mut seen = seen.lock().unwrap();
        if refusals.len() < limit {
            seen.switching += 1;
        } else {
            seen.lost.push(format!("{}: {} {}: {}", service.name, ask.method, ask.path, refusals.join("; ")));
        }
        drop(seen);
        if over.load(Ordering::SeqCst) {
            break;
        }
        sleep(EVERY.saturating_sub(from.elapsed()));
    }
}

impl Service {
    /// Asks the first server once.
    pub fn try_once(&self) -> Result<()> {
        self.ask(0, &mut None, &self.read, 0)
    }

    fn ask(&self, server: usize, open: &mut Option<Client<'static>>, ask: &Ask, turn: usize) -> Result<()> {
        let mut client = match open.take() {
            Some(client) => client,
            None => self.connect(server)?,
        };
        let body = (ask.body)(turn);
        let body = (!body.is_empty()).then_some((ask.media_type, body.as_bytes()));
        let response = client.send(&Request { body, timeout: PATIENCE, ..Request::new(ask.method, ask.path) })?;
        if client.is_open() {
            *open = Some(client);
        }
        match response.status {
            200 | 201 => Ok(()),
            status => Err(Error::health(format!("{status} {}", response.text().chars().take(200).collect::<String>()))),
        }
    }

    fn connect(&self, server: usize) -> Result<Client<'static>> {
        let address = self.servers[server].1;
        let failed = |e: std::io::Error| Error::connect(format!("{address}: {e}"));
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
        // The client asks again until the request's own deadline.
        stream.set_read_timeout(Some(Duration::from_millis(100))).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Client::over(Box::new(stream), address.to_string(), &address.ip().to_string(), &self.tls)
    }
}
