//! Whether an address answers, tried from outside again and again: for how long nobody did. What is asked needs no etcd.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use kbootstrap::clients::http::Request;
use kbootstrap::error::{Error, Result};

use super::asker::{Api, Asker, Connections};
use super::steady::figure;

/// From the end of a try to the beginning of the next.
const EVERY: Duration = Duration::from_millis(40);
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
        let mut asker = Asker::new(api, connections);
        let limit = Instant::now() + Duration::from_secs(20);
        while let Err(error) = ask(&mut asker) {
            assert!(Instant::now() < limit, "{} never answered: {}", api.address, error.message);
            sleep(EVERY);
        }
        let over = Arc::new(AtomicBool::new(false));
        let end = over.clone();
        let thread = spawn(move || {
            let (mut longest, mut last) = (Duration::ZERO, Instant::now());
            while !end.load(Ordering::SeqCst) {
                if ask(&mut asker).is_ok() {
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

/// Whether somebody has answered.
fn ask(asker: &mut Asker) -> Result<()> {
    let timeout = match asker.connections {
        Connections::New => PATIENCE,
        Connections::Held => PINGS,
    };
    let answer = asker.ask(&Request::new("GET", "/version"), PATIENCE, Instant::now() + timeout)?;
    match answer.status {
        200 => Ok(()),
        status => Err(Error::health(format!("{status}"))),
    }
}
