//! Whether an address answers, tried from outside again and again: for how long nobody did. What is asked needs no etcd.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use kbootstrap::clients::http::{Client, Request};
use kbootstrap::error::{Error, Result};

use super::steady::{Api, Connections, figure};

/// From the end of a try to the beginning of the next.
const EVERY: Duration = Duration::from_millis(20);
/// What a new connection may take, and its answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// After so long clients of Kubernetes give up a connection on which nothing comes (HTTP/2 pings of 5 and 3 s).
const PINGS: Duration = Duration::from_secs(8);

/// Tries that go on until they are ended.
pub struct Answers {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Answers {
    /// Begins, when the address has answered for the first time.
    pub fn start(api: &Api, connections: Connections) -> Answers {
        let mut asker = Asker { api: api.clone(), connections, open: None };
        let limit = Instant::now() + Duration::from_secs(20);
        while let Err(error) = asker.ask() {
            assert!(Instant::now() < limit, "{} never answered: {}", api.address, error.message);
            sleep(EVERY);
        }
        let over = Arc::new(AtomicBool::new(false));
        let end = over.clone();
        let thread = spawn(move || {
            let (mut longest, mut last) = (Duration::ZERO, Instant::now());
            while !end.load(Ordering::SeqCst) {
                if asker.ask().is_ok() {
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
                sleep(EVERY);
            }
            longest.max(last.elapsed())
        });
        Answers { over, thread }
    }

    /// Ends them, and prints and says the longest time between two answers.
    pub fn end(self, when: &str) -> Duration {
        let longest = self.longest();
        figure(&format!("{when}: nobody answered for {longest:.2?} at the most"));
        longest
    }

    /// The same without a word.
    pub fn longest(self) -> Duration {
        self.over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

struct Asker {
    api: Api,
    connections: Connections,
    open: Option<Client<'static>>,
}

impl Asker {
    fn ask(&mut self) -> Result<()> {
        let timeout = match self.connections {
            Connections::New => PATIENCE,
            Connections::Held => PINGS,
        };
        let mut client = match self.open.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        let answer = client.send(&Request { timeout, ..Request::new("GET", "/version") })?;
        self.open = Some(client).filter(|client| client.is_open() && self.connections == Connections::Held);
        match answer.status {
            200 => Ok(()),
            status => Err(Error::health(format!("{status}"))),
        }
    }

    fn connect(&self) -> Result<Client<'static>> {
        let address = self.api.address;
        let failed = |e: std::io::Error| Error::connect(format!("{address}: {e}"));
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
        // The client asks again until the request's own deadline.
        stream.set_read_timeout(Some(Duration::from_millis(50))).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Client::over(Box::new(stream), address.to_string(), &address.ip().to_string(), &self.api.tls)
    }
}
