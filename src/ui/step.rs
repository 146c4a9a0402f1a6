//! A step on the operator's machine that tells its beginning, progress and end.

use std::time::Instant;

use crate::error::Result;
use crate::ui::{Event, Reporter};

/// A running step.
pub struct Step<'a> {
    reporter: &'a dyn Reporter,
    step: String,
    started: Instant,
}

/// Runs `work` as the step `title`; it returns its value and a note for the end.
pub fn run<T>(
    reporter: &dyn Reporter,
    title: impl Into<String>,
    work: impl FnOnce(&Step<'_>) -> Result<(T, String)>,
) -> Result<T> {
    let step = Step { reporter, step: title.into(), started: Instant::now() };
    reporter.report(&Event::Started { host: String::new(), step: step.step.clone() });
    match work(&step) {
        Ok((value, note)) => {
            let millis = step.started.elapsed().as_millis() as u64;
            reporter.report(&Event::Done { host: String::new(), step: step.step, millis, note });
            Ok(value)
        }
        Err(error) => {
            let message = error.message.clone();
            reporter.report(&Event::Failed { host: String::new(), step: step.step, message });
            Err(error)
        }
    }
}

impl Step<'_> {
    /// Bytes so far, and in all (0: unknown).
    pub fn progress(&self, done: u64, total: u64) {
        self.reporter.report(&Event::Progress { host: String::new(), step: self.step.clone(), done, total });
    }
}

/// `105.4 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
