//! Clients of the API as people have them: by one address, 20 writes and 20 reads a second, each with a second in which it
//! must succeed, however often it is tried in it. A server that asks to try again later is done the favour, as every client
//! of Kubernetes does it, and what it asked for is no time of the request's own: that is counted apart. In the end every
//! write that was acknowledged is looked for.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use kbootstrap::clients::http::{Request, Response};
use kbootstrap::error::Result;
use serde_json::json;

use super::asker::{Api, Asker, Connections};

/// From the beginning of a write and a read to the beginning of the next two.
const EVERY: Duration = Duration::from_millis(50);
/// In this time a request must have succeeded.
const PATIENCE: Duration = Duration::from_secs(1);
/// Before a request is sent again that was not answered.
const PAUSE: Duration = Duration::from_millis(20);

/// Running clients.
pub struct Steady {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Figures>>,
}

/// What a client saw.
#[derive(Debug)]
pub struct Figures {
    pub connections: Connections,
    /// Writes and reads.
    pub requests: usize,
    /// Those that did not succeed within a second, and why.
    pub failed: Vec<String>,
    /// How many of them were answered, or refused: only of the others a machine that is busy could be the reason.
    pub refused: usize,
    /// From one acknowledged write to the next, at the most.
    pub longest_gap: Duration,
    /// Answers 403, at each of which somebody else would have given up.
    pub forbidden: usize,
    /// Answers that asked to come again later.
    pub later: usize,
    /// Requests that were sent again for another reason.
    pub again: usize,
    /// Acknowledged writes that are not there in the end.
    pub lost: Vec<usize>,
}

impl Steady {
    /// Starts a client with new connections and one with a held one.
    pub fn start(api: &Api, name: &str) -> Steady {
        Steady::by(&[Connections::New, Connections::Held], api, name)
    }

    /// Starts a client with each of these.
    pub fn by(connections: &[Connections], api: &Api, name: &str) -> Steady {
        let over = Arc::new(AtomicBool::new(false));
        let threads = connections.iter().map(|&connections| {
            let name = format!("{name}-{connections:?}").to_lowercase();
            let (asker, figures) = (Asker::new(api, connections), Figures::new(connections));
            let person = Person { asker, name, end: Instant::now(), figures };
            let over = over.clone();
            spawn(move || person.work(&over))
        });
        let threads = threads.collect();
        Steady { over, threads }
    }

    /// Ends them, and gives back what they saw.
    pub fn figures(mut self) -> Vec<Figures> {
        self.over.store(true, Ordering::SeqCst);
        self.threads.drain(..).map(|thread| thread.join().unwrap()).collect()
    }

    /// The same, and prints it.
    pub fn end(self, when: &str) -> Vec<Figures> {
        let figures = self.figures();
        for seen in &figures {
            figure(&format!("{when}: {seen}"));
        }
        figures
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

impl Figures {
    /// How many of the failed were only late, where this machine may be the reason: when it is busy all of them, and one of each
    /// thousand requests when two could run for each processor.
    pub fn excused(&self) -> usize {
        let late = self.failed.len() - self.refused;
        match load() {
            load if load > 4.0 => late,
            load if load > 2.0 => late.min(self.requests / 1000),
            _ => 0,
        }
    }

    fn new(connections: Connections) -> Self {
        let (failed, lost) = (Vec::new(), Vec::new());
        let longest_gap = Duration::ZERO;
        Figures { connections, requests: 0, failed, refused: 0, longest_gap, forbidden: 0, later: 0, again: 0, lost }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { connections, requests, failed, refused, longest_gap, forbidden, later, again, lost } = self;
        write!(
            f,
            "{connections:?} connections: {requests} requests, {} failed ({refused} refused), longest gap {longest_gap:.2?}, {forbidden} times \
             403, {later} told to come later, {again} sent again, {} acknowledged writes lost",
            failed.len(),
            lost.len()
        )
    }
}

/// Prints what was measured, where the tests' output is not shown, too.
pub fn figure(text: &str) {
    stderr().write_all(format!("figure: {text}\n").as_bytes()).unwrap();
}

/// Whether so much runs on this machine that it may be what answers late: four that could run for each processor.
pub fn machine_is_busy() -> bool {
    load() > 4.0
}

/// How many could run for each processor, of late.
fn load() -> f64 {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let load: f64 = load.split(' ').next().unwrap().parse().unwrap();
    load / std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64)
}

struct Person {
    asker: Asker,
    name: String,
    /// Of the request that it is at.
    end: Instant,
    figures: Figures,
}

impl Person {
    fn work(mut self, over: &AtomicBool) -> Figures {
        let mut written = Vec::new();
        let mut last = Instant::now();
        for turn in 0.. {
            if over.load(Ordering::SeqCst) {
                break;
            }
            let from = Instant::now();
            if self.succeeds(|person| person.write(turn)) {
                written.push(turn);
                self.figures.longest_gap = self.figures.longest_gap.max(last.elapsed());
                last = Instant::now();
            }
            if let Some(known) = written.last().copied() {
                self.succeeds(|person| person.read(known));
            }
            sleep(EVERY.saturating_sub(from.elapsed()));
        }
        self.missing(&written)
    }

    /// Tries until it succeeds or its time is over.
    fn succeeds(&mut self, ask: impl Fn(&mut Self) -> Result<Response>) -> bool {
        self.figures.requests += 1;
        self.end = Instant::now() + PATIENCE;
        let mut refusals: Vec<String> = Vec::new();
        let mut was_refused = false;
        loop {
            let pause = match ask(self) {
                Ok(response) if matches!(response.status, 200 | 201) => return true,
                Ok(response) => {
                    was_refused = true;
                    let later = response.header("retry-after").and_then(|value| value.parse().ok());
                    self.figures.forbidden += usize::from(response.status == 403);
                    self.figures.later += usize::from(later.is_some());
                    self.figures.again += usize::from(later.is_none());
                    refusals.push(format!(
                        "{} {}",
                        response.status,
                        response.text().chars().take(120).collect::<String>()
                    ));
                    let asked = later.map(Duration::from_secs);
                    self.end += asked.unwrap_or_default();
                    asked.unwrap_or(PAUSE)
                }
                Err(error) => {
                    was_refused |= !self.left().is_zero();
                    self.figures.again += 1;
                    refusals.push(error.message);
                    PAUSE
                }
            };
            sleep(pause.min(self.left()));
            if self.left().is_zero() {
                self.figures.failed.push(refusals.join("; "));
                self.figures.refused += usize::from(was_refused);
                return false;
            }
        }
    }

    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    fn path(&self, turn: usize) -> String {
        format!("/api/v1/namespaces/default/configmaps/{}-{turn}", self.name)
    }

    fn write(&mut self, turn: usize) -> Result<Response> {
        let labels = json!({ "steady": self.name });
        let metadata = json!({ "name": format!("{}-{turn}", self.name), "labels": labels });
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }).to_string();
        let path = self.path(turn) + "?fieldManager=steady&force=true";
        self.ask(&Request {
            body: Some(("application/apply-patch+yaml", object.as_bytes())),
            ..Request::new("PATCH", &path)
        })
    }

    fn read(&mut self, turn: usize) -> Result<Response> {
        let path = self.path(turn);
        self.ask(&Request::new("GET", &path))
    }

    fn ask(&mut self, request: &Request<'_>) -> Result<Response> {
        self.asker.ask(request, self.left().max(PAUSE), self.end)
    }

    /// All that it saw, with the writes that are not there.
    fn missing(self, written: &[usize]) -> Figures {
        let path = format!("/api/v1/namespaces/default/configmaps?labelSelector=steady%3D{}", self.name);
        let end = Instant::now() + Duration::from_secs(30);
        let list = loop {
            match self.asker.connect(PATIENCE).and_then(|mut client| client.send(&Request::new("GET", &path))) {
                Ok(response) if response.status == 200 => break response.json().unwrap(),
                other => assert!(Instant::now() < end, "what was written cannot be listed: {other:?}"),
            }
            sleep(PAUSE);
        };
        let names = list["items"].as_array().unwrap().iter().filter_map(|item| item["metadata"]["name"].as_str());
        let there: BTreeSet<&str> = names.collect();
        let is_missing = |turn: &&usize| !there.contains(format!("{}-{turn}", self.name).as_str());
        let lost = written.iter().filter(is_missing).copied().collect();
        Figures { lost, ..self.figures }
    }
}
