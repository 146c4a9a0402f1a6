//! A small HTTP server on loopback that serves a fake release tree, with the faults that a real network has.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What goes wrong with one request.
#[derive(Clone, Copy)]
pub enum Fault {
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The answer is this status.
    Status(u16),
}

/// One file of the tree.
#[derive(Clone)]
pub struct Page {
    pub body: Vec<u8>,
    /// What goes wrong, one fault per request; then all is well.
    pub faults: Vec<Fault>,
    /// Whether `Range` is understood.
    pub ranges: bool,
    /// The address that it has moved to.
    pub moved: Option<String>,
    /// The length that is told, where that is not the body's.
    pub claims: Option<u64>,
    /// The body comes again and again, for as long as somebody reads; no length is told.
    pub endless: bool,
}

impl Page {
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Page { body: body.into(), faults: Vec::new(), ranges: true, moved: None, claims: None, endless: false }
    }
}

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub path: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
}

/// What is shown only to those who have a token from `/token`.
struct Guard {
    prefix: String,
    service: String,
    scope: String,
    base: String,
    /// How many answers a token is good for; none: no token is given.
    answers: Option<usize>,
    /// Of the newest token: its number, and how many answers are left to it.
    token: (usize, usize),
}

#[derive(Default)]
struct State {
    pages: BTreeMap<String, Page>,
    seen: Vec<Seen>,
    guard: Option<Guard>,
    stop: bool,
}

/// The server; it ends when it is dropped.
pub struct Server {
    pub base: String,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let mut workers = Vec::new();
            for stream in listener.incoming() {
                if shared.lock().unwrap().stop {
                    break;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                // A client that hangs up is what some tests are about.
                workers.push(std::thread::spawn(move || drop(answer(stream, &shared))));
            }
            for worker in workers {
                worker.join().unwrap();
            }
        });
        Server { base: format!("http://{address}"), state, thread: Some(thread) }
    }

    /// Puts a file under its public URL.
    pub fn put(&self, url: &str, page: Page) {
        let path = format!("/{}", url.strip_prefix("https://").unwrap());
        self.state.lock().unwrap().pages.insert(path, page);
    }
    /// Demands a token for everything below a URL, good for so many answers; or gives none.
    pub fn guard(&self, url: &str, service: &str, scope: &str, answers: Option<usize>) {
        let prefix = format!("/{}/", url.strip_prefix("https://").unwrap());
        let (service, scope, base) = (service.to_owned(), scope.to_owned(), self.base.clone());
        self.state.lock().unwrap().guard = Some(Guard { prefix, service, scope, base, answers, token: (0, 0) });
    }
    /// Changes a file.
    pub fn change(&self, url: &str, how: impl FnOnce(&mut Page)) {
        let path = format!("/{}", url.strip_prefix("https://").unwrap());
        how(self.state.lock().unwrap().pages.get_mut(&path).unwrap());
    }
    /// Takes a file away.
    pub fn remove(&self, url: &str) {
        let path = format!("/{}", url.strip_prefix("https://").unwrap());
        self.state.lock().unwrap().pages.remove(&path).unwrap();
    }
    /// Requests so far, and forgets them.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.lock().unwrap().stop = true;
        let _ = TcpStream::connect(self.base.strip_prefix("http://").unwrap());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut range, mut authorization) = (None, None);
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        match line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value)) {
            Some((name, value)) if name == "range" => range = Some(value.to_owned()),
            Some((name, value)) if name == "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let endless = state.lock().unwrap().pages.get(&path).is_some_and(|page| page.endless);
    let (head, body) = respond(&mut state.lock().unwrap(), Seen { path, range, authorization });
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    if !endless {
        return Ok(());
    }
    loop {
        stream.write_all(&body)?;
    }
}

fn respond(state: &mut State, seen: Seen) -> (String, Vec<u8>) {
    state.seen.push(seen.clone());
    let Seen { path, range, authorization } = seen;
    let head = |status: &str, length: usize, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n")
    };
    if let Some(guard) = &mut state.guard {
        if let Some(query) = path.strip_prefix("/token?") {
            let encode = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
            let asked = format!("service={}&scope={}", encode(&guard.service), encode(&guard.scope));
            if encode(query) != asked {
                return (head("400 Bad Request", 0, ""), Vec::new());
            }
            let Some(answers) = guard.answers else { return (head("403 Forbidden", 0, ""), Vec::new()) };
            guard.token = (guard.token.0 + 1, answers);
            let body = format!(r#"{{"token":"secret-{}"}}"#, guard.token.0).into_bytes();
            return (head("200 OK", body.len(), ""), body);
        }
        if path.starts_with(&guard.prefix) {
            let (number, left) = &mut guard.token;
            if *left == 0 || authorization != Some(format!("Bearer secret-{number}")) {
                let Guard { base, service, scope, .. } = guard;
                let realm = format!(r#"Bearer realm="{base}/token",service="{service}",scope="{scope}""#);
                return (head("401 Unauthorized", 0, &format!("WWW-Authenticate: {realm}\r\n")), Vec::new());
            }
            *left -= 1;
        }
    }
    let Some(page) = state.pages.get_mut(&path) else { return (head("404 Not Found", 0, ""), Vec::new()) };
    if let Some(moved) = &page.moved {
        return (head("307 Temporary Redirect", 0, &format!("Location: {moved}\r\n")), Vec::new());
    }
    if page.endless {
        return ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".into(), page.body.clone());
    }
    if let Some(claimed) = page.claims {
        return (format!("HTTP/1.1 200 OK\r\nContent-Length: {claimed}\r\n\r\n"), page.body.clone());
    }
    let total = page.body.len();
    let fault = if page.faults.is_empty() { Fault::Cut(total) } else { page.faults.remove(0) };
    let length = match fault {
        Fault::Status(status) => return (head(&format!("{status} Told"), 0, ""), Vec::new()),
        Fault::Cut(length) => length,
    };
    let start = range.filter(|_| page.ranges).and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let cut = |from: usize| page.body[from..(from + length).min(total)].to_vec();
    match start {
        Some(start) if start >= total => {
            (head("416 Range Not Satisfiable", 0, &format!("Content-Range: bytes */{total}\r\n")), Vec::new())
        }
        Some(start) => {
            let range = format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
            (head("206 Partial Content", total - start, &range), cut(start))
        }
        None => (head("200 OK", total, ""), cut(0)),
    }
}
