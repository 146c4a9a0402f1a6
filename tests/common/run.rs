//! One run of the program: its events while it runs, its end, and everything about it when a test fails.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cluster::{Cluster, tail};

/// A run that has ended.
pub struct Run<'a> {
    cluster: &'a Cluster,
    command: String,
    /// Exit code; -9 when it was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// What a person reads on standard error: everything that is no event.
    pub stderr: String,
    /// Events, in their order.
    pub events: Vec<Value>,
    /// From start to end.
    pub took: Duration,
}

impl Run<'_> {
    /// It must have ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }
    /// It must have ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        self.check(self.code == code, &format!("it should have ended with {code}"));
        self
    }
    /// It must have told the person this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        self.check(self.stderr.contains(text), &format!("it should have said: {text}"));
        self
    }
    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let value = serde_json::from_str(&self.stdout);
        self.check(value.is_ok(), "its output should be JSON");
        value.unwrap()
    }
    /// Fails the test with everything that is known, unless it holds.
    #[track_caller]
    pub fn check(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n{self}{}", self.cluster.evidence());
    }
}

impl std::fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run { command, code, took, .. } = self;
        writeln!(f, "--- kbootstrap {command}: exit code {code} after {took:?}")?;
        writeln!(f, "--- stdout\n{}\n--- stderr\n{}", tail(&self.stdout, 80), tail(&self.stderr, 80))
    }
}

/// Which event to wait for.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// `started`, `progress`, `done` or `failed`.
    pub event: &'a str,
    /// Empty for what happens on the operator's machine.
    pub host: &'a str,
    /// The step, or its beginning.
    pub step: &'a str,
}

impl At<'_> {
    fn is(&self, event: &Value) -> bool {
        event["event"] == self.event
            && event["host"] == self.host
            && event["step"].as_str().is_some_and(|step| step.starts_with(self.step))
    }
}

/// A run that goes on.
pub struct Background<'a> {
    cluster: &'a Cluster,
    command: String,
    child: Mine,
    began: Instant,
    limit: Duration,
    lines: Receiver<String>,
    stdout: JoinHandle<String>,
    events: Vec<Value>,
    stderr: String,
}

impl<'a> Background<'a> {
    pub(super) fn spawn(cluster: &'a Cluster, mut command: Command, args: &[&str], limit: Duration) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The test may have ended.
                let _ = sender.send(line);
            }
        });
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        });
        let (events, stderr, began) = (Vec::new(), String::new(), Instant::now());
        let child = Mine(child);
        Background { cluster, command: args.join(" "), child, began, limit, lines, stdout, events, stderr }
    }

    /// Waits until the event happens. A run that ends without it fails the test.
    #[track_caller]
    pub fn until(mut self, at: At<'_>) -> Self {
        loop {
            if !self.next() {
                self.wait().check(false, &format!("this never happened: {at:?}"));
                unreachable!("the check has failed");
            }
            if self.events.last().is_some_and(|event| at.is(event)) {
                return self;
            }
        }
    }
    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_some()
    }
    /// Sends a signal, and waits for the end.
    pub fn signal(self, signal: Signal) -> Run<'a> {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
        self.wait()
    }
    /// Waits for the end; one that takes longer than anything should is killed.
    pub fn wait(mut self) -> Run<'a> {
        while self.next() {}
        let status = finish(&mut self.child.0, (self.began + self.limit).saturating_duration_since(Instant::now()));
        Run {
            cluster: self.cluster,
            command: self.command,
            code: status.code().unwrap_or_else(|| -status.signal().unwrap_or_default()),
            stdout: self.stdout.join().unwrap_or_default(),
            stderr: self.stderr,
            events: self.events,
            took: self.began.elapsed(),
        }
    }

    /// Takes one line of standard error; false when there are no more, or none came in time.
    fn next(&mut self) -> bool {
        let end = self.began + self.limit;
        let line = match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        };
        match serde_json::from_str::<Value>(&line) {
            Ok(event) if event.is_object() => self.events.push(event),
            _ => self.stderr.push_str(&(line + "\n")),
        }
        true
    }
}

/// A process that does not outlive the test.
struct Mine(Child);

impl Drop for Mine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a process, at most so long; then it is killed.
pub fn finish(child: &mut Child, limit: Duration) -> ExitStatus {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            return child.wait().unwrap();
        }
        sleep(Duration::from_millis(10));
    }
}
