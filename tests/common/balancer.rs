//! A small TCP balancer, as a site provides it in front of several masters: round robin over the backends that take
//! connections. When one no longer does, its sessions end, so that clients do not wait on a host that is gone.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// How often backends are tried.
const EVERY: Duration = Duration::from_millis(250);
/// How long a backend may take to accept.
const ACCEPT: Duration = Duration::from_millis(500);

/// A balancer that ends with this value.
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    backends: Vec<Backend>,
    next: AtomicUsize,
    over: AtomicBool,
}

struct Backend {
    address: SocketAddr,
    alive: AtomicBool,
    /// Both ends of each session.
    sessions: Mutex<Vec<[TcpStream; 2]>>,
}

impl Balancer {
    /// Listens on `address` and balances over `backends`.
    pub fn start(address: SocketAddr, backends: Vec<SocketAddr>) -> Balancer {
        let listener = TcpListener::bind(address).unwrap_or_else(|e| panic!("listen on {address}: {e}"));
        let backend = |address| Backend { address, alive: AtomicBool::new(false), sessions: Mutex::default() };
        let backends = backends.into_iter().map(backend).collect();
        let shared = Arc::new(Shared { backends, next: AtomicUsize::new(0), over: AtomicBool::new(false) });
        let (checked, served) = (shared.clone(), shared.clone());
        let threads = vec![spawn(move || checked.check()), spawn(move || served.serve(&listener))];
        Balancer { address, shared, threads }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.shared.backends.iter().for_each(Backend::end_sessions);
    }
}

impl Shared {
    fn check(&self) {
        while !self.over.load(Ordering::SeqCst) {
            for backend in &self.backends {
                let alive = TcpStream::connect_timeout(&backend.address, ACCEPT).is_ok();
                if backend.alive.swap(alive, Ordering::SeqCst) && !alive {
                    backend.end_sessions();
                }
            }
            sleep(EVERY);
        }
    }

    fn serve(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let shared = self.clone();
            // A client that nobody takes is refused by the end of its connection.
            spawn(move || client.and_then(|client| shared.relay(client)));
        }
    }

    /// To the next backend that takes the connection: those that are known to be alive first, then the others.
    fn relay(&self, client: TcpStream) -> io::Result<()> {
        let count = self.backends.len();
        let first = self.next.fetch_add(1, Ordering::SeqCst);
        let mut order: Vec<&Backend> = (0..count).map(|i| &self.backends[(first + i) % count]).collect();
        order.sort_by_key(|backend| !backend.alive.load(Ordering::SeqCst));
        for backend in order {
            if let Ok(server) = TcpStream::connect_timeout(&backend.address, ACCEPT) {
                return backend.join(client, server);
            }
        }
        Ok(())
    }
}

impl Backend {
    /// Copies both ways until either side ends.
    fn join(&self, client: TcpStream, server: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let id = server.local_addr()?;
        self.sessions.lock().unwrap().push([client.try_clone()?, server.try_clone()?]);
        let (from, to) = (server.try_clone()?, client.try_clone()?);
        let back = spawn(move || copy(&from, &to));
        copy(&client, &server);
        let _ = back.join();
        self.sessions.lock().unwrap().retain(|[_, server]| server.local_addr().is_ok_and(|address| address != id));
        Ok(())
    }

    fn end_sessions(&self) {
        for stream in self.sessions.lock().unwrap().iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Copies until one side ends, and ends both, so that the copy the other way ends, too.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
