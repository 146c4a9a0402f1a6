//! A step that tells its beginning, progress and end.

use std::time::Instant;

use super::event::{Event, Reporter};
use crate::error::Result;

/// A running step.
pub struct Step<'a> {
    reporter: &'a dyn Reporter,
    host: String,
    title: String,
}

/// Runs `work` as the step `title` of a host, or of the operator's machine where `host` is empty; it returns its value
/// and a note for the end.
pub fn run<T>(
    reporter: &dyn Reporter,
    host: &str,
    title: impl Into<String>,
    work: impl FnOnce(&Step<'_>) -> Result<(T, String)>,
) -> Result<T> {
    let step = Step { reporter, host: host.to_owned(), title: title.into() };
    let began = Instant::now();
    reporter.report(&Event::Started { host: step.host.clone(), step: step.title.clone() });
    let result = work(&step);
    let Step { host, title: step, .. } = step;
    match result {
        Ok((value, note)) => {
            let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            reporter.report(&Event::Done { host, step, millis, note });
            Ok(value)
        }
        Err(error) => {
            let message = error.of_host(&host).to_owned();
            reporter.report(&Event::Failed { host, step, message });
            Err(error)
        }
    }
}

impl Step<'_> {
    /// What it waits for; to be said when that changes.
    pub fn waits(&self, seen: &str) {
        let (host, step) = (self.host.clone(), self.title.clone());
        self.reporter.report(&Event::Waiting { host, step, seen: seen.to_owned() });
    }

    /// Bytes so far, and in all (0: unknown).
    pub fn progress(&self, done: u64, total: u64) {
        let (host, step) = (self.host.clone(), self.title.clone());
        self.reporter.report(&Event::Progress { host, step, done, total });
    }
}

/// `105.4 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
