//! One line per event on standard error, for pipes and CI; a step that takes long is heard of now and then.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::event::{Event, Reporter};
use super::reporters::{duration, line, place};
use super::stderr;

/// A step that is still at work is reported this often.
const SILENCE: Duration = Duration::from_secs(20);

/// Lines with the seconds since the beginning.
pub struct Plain {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    began: Instant,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    steps: Steps,
    ended: bool,
}

/// Steps at work, by host and title.
#[derive(Default)]
struct Steps(BTreeMap<(String, String), Step>);

/// Times since the beginning of the run.
struct Step {
    began: Duration,
    reported: Duration,
    /// Bytes so far, and in all.
    bytes: (u64, u64),
    /// What it waits for; empty where nothing was said.
    seen: String,
}

impl Plain {
    /// Times are counted from now.
    pub fn new() -> Self {
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { began: Instant::now(), state, ended: Condvar::new() });
        let ticker = {
            let shared = shared.clone();
            thread::spawn(move || shared.tick())
        };
        Plain { shared, ticker: Some(ticker) }
    }
}

impl Default for Plain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.ended.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // It cannot panic, and nothing could be done about it here.
            let _ = ticker.join();
        }
    }
}

impl Reporter for Plain {
    fn report(&self, event: &Event) {
        let mut state = self.shared.lock();
        state.steps.hear(event, self.shared.began.elapsed());
        if let Some(line) = line(event) {
            self.shared.print(&line);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The state's lock is held meanwhile, so that lines keep their order.
    fn print(&self, line: &str) {
        let seconds = self.began.elapsed().as_secs_f64();
        stderr::line(&format!("[{seconds:6.2}s] {line}"));
    }

    fn tick(&self) {
        let mut state = self.lock();
        while !state.ended {
            for line in state.steps.overdue(self.began.elapsed()) {
                self.print(&line);
            }
            let waited = self.ended.wait_timeout(state, Duration::from_secs(1));
            state = waited.unwrap_or_else(|e| e.into_inner()).0;
        }
    }
}

impl Steps {
    fn hear(&mut self, event: &Event, now: Duration) {
        let key = |host: &String, step: &String| (host.clone(), step.clone());
        match event {
            Event::Started { host, step } => {
                self.0.insert(key(host, step), Step { began: now, reported: now, bytes: (0, 0), seen: String::new() });
            }
            Event::Progress { host, step, done, total } => {
                if let Some(step) = self.0.get_mut(&key(host, step)) {
                    step.bytes = (*done, *total);
                }
            }
            Event::Waiting { host, step, seen } => {
                if let Some(step) = self.0.get_mut(&key(host, step)) {
                    step.seen.clone_from(seen);
                }
            }
            Event::Done { host, step, .. } | Event::Failed { host, step, .. } => drop(self.0.remove(&key(host, step))),
            Event::Stage { .. } | Event::Message { .. } => {}
        }
    }

    /// A line for each step that nothing was said of for [`SILENCE`].
    fn overdue(&mut self, now: Duration) -> Vec<String> {
        let mut lines = Vec::new();
        for ((host, title), step) in &mut self.0 {
            if now.saturating_sub(step.reported) < SILENCE {
                continue;
            }
            step.reported = now;
            let took = duration(u64::try_from((now - step.began).as_millis()).unwrap_or(u64::MAX));
            let megabytes = |bytes: u64| bytes as f64 / 1e6;
            let bytes = match step.bytes {
                (0, _) => String::new(),
                (done, 0) => format!(", {:.1} MB", megabytes(done)),
                (done, total) => format!(", {:.1} of {:.1} MB", megabytes(done), megabytes(total)),
            };
            lines.push(match step.seen.as_str() {
                "" => format!("{} {title}: at work for {took}{bytes}", place(host)),
                seen => format!("{} {title}: waiting for {took}: {seen}", place(host)),
            });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_long_step_is_heard_of_every_twenty_seconds_until_it_ends() {
        let (host, step) = (String::new(), "build kubernetes".to_owned());
        let mut steps = Steps::default();
        steps.hear(&Event::Started { host: host.clone(), step: step.clone() }, at(5));
        assert_eq!(steps.overdue(at(24)), Vec::<String>::new());
        assert_eq!(steps.overdue(at(25)), ["here: build kubernetes: at work for 20.0 s"]);
        assert_eq!(steps.overdue(at(44)), Vec::<String>::new());
        let (done, total) = (1_500_000, 3_000_000);
        steps.hear(&Event::Progress { host: host.clone(), step: step.clone(), done, total }, at(44));
        assert_eq!(steps.overdue(at(69)), ["here: build kubernetes: at work for 1 min 4 s, 1.5 of 3.0 MB"]);
        steps.hear(&Event::Done { host, step, millis: 1, note: String::new() }, at(70));
        let (host, step) = ("n1".to_owned(), "kube-apiserver is ready".to_owned());
        steps.hear(&Event::Started { host: host.clone(), step: step.clone() }, at(70));
        steps.hear(&Event::Waiting { host: host.clone(), step: step.clone(), seen: "failing: etcd".into() }, at(71));
        assert_eq!(steps.overdue(at(90)), ["n1: kube-apiserver is ready: waiting for 20.0 s: failing: etcd"]);
        steps.hear(&Event::Done { host, step, millis: 1, note: String::new() }, at(91));
        assert_eq!(steps.overdue(at(200)), Vec::<String>::new());
    }
}
