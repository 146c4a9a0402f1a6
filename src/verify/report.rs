//! What the smoke test found, check by check.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::ui::{Event, Printer, Reporter};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// It could not be asked, as something before it failed. This counts as failed.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Name, for example `service-name`.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub millis: u64,
    /// What was found, or what went wrong.
    pub detail: String,
    /// Pod states, events, logs: whatever explains a failure.
    pub evidence: Vec<String>,
}

/// All checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all passed.
    pub ok: bool,
    /// The namespace that was used.
    pub namespace: String,
    /// The nodes that were to run pods.
    pub nodes: Vec<String>,
    /// How long it took in all.
    pub millis: u64,
    /// In the order in which they ran.
    pub checks: Vec<Check>,
}

impl Report {
    /// An error that names the failed checks with what was seen, when there are any.
    pub fn verdict(&self) -> Result<()> {
        let failed: Vec<&Check> = self.checks.iter().filter(|check| !check.ok).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = failed.iter().map(|check| check.name.as_str()).collect();
        let mut error =
            Error::health(format!("{} of {} checks failed: {}", failed.len(), self.checks.len(), names.join(", ")));
        for check in failed.iter().filter(|check| check.outcome == Outcome::Failed) {
            let lines = std::iter::once(&check.detail).chain(&check.evidence);
            let text: Vec<String> = lines.map(|line| line.replace('\n', "\n  ")).collect();
            error = error.detail(format!("{}: {}", check.name, text.join("\n  ")));
        }
        Err(error)
    }

    /// A table for people.
    pub fn table(&self, printer: &Printer) -> String {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for check in &self.checks {
            let (color, word) = match check.outcome {
                Outcome::Passed => ("32", "ok     "),
                Outcome::Failed => ("31", "FAILED "),
                Outcome::Skipped => ("33", "skipped"),
            };
            let word = printer.paint(color, word);
            let line = format!("{word}  {:width$}  {:>6}  {}", check.name, seconds(check.millis), check.detail);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let passed = self.checks.iter().filter(|check| check.ok).count();
        text.push_str(&format!("{passed} of {} checks passed in {}\n", self.checks.len(), seconds(self.millis)));
        text
    }
}

fn seconds(millis: u64) -> String {
    format!("{}.{}s", millis / 1000, millis % 1000 / 100)
}

/// Collects checks while they run, and tells the reporter.
pub(super) struct Record<'r> {
    checks: Vec<Check>,
    reporter: &'r dyn Reporter,
}

impl<'r> Record<'r> {
    pub fn new(reporter: &'r dyn Reporter) -> Self {
        Record { checks: Vec::new(), reporter }
    }

    /// Runs one check; the value is what it says when it passes. Whether it passed.
    pub fn check(&mut self, name: &str, run: impl FnOnce() -> Result<String>) -> bool {
        let (host, step) = (String::new(), format!("check {name}"));
        self.reporter.report(&Event::Started { host: host.clone(), step: step.clone() });
        let start = Instant::now();
        let result = run();
        let millis = millis(start.elapsed());
        self.reporter.report(&match &result {
            Ok(note) => Event::Done { host, step, millis, note: note.clone() },
            Err(error) => Event::Failed { host, step, message: error.message.clone() },
        });
        self.checks.push(conclude(name, millis, result));
        self.passed(name)
    }

    /// Notes a check that makes no sense now.
    pub fn skip(&mut self, name: &str, why: &str) {
        let check = conclude(name, 0, Err(Error::health(why)));
        self.checks.push(Check { outcome: Outcome::Skipped, ..check });
    }

    pub fn passed(&self, name: &str) -> bool {
        self.checks.iter().any(|check| check.name == name && check.ok)
    }

    pub fn all_passed(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    pub fn finish(self, namespace: String, nodes: Vec<String>, elapsed: Duration) -> Report {
        let ok = self.all_passed();
        Report { ok, namespace, nodes, millis: millis(elapsed), checks: self.checks }
    }
}

fn conclude(name: &str, millis: u64, result: Result<String>) -> Check {
    let (outcome, detail, evidence) = match result {
        Ok(detail) => (Outcome::Passed, detail, Vec::new()),
        Err(error) => (Outcome::Failed, error.message, [error.details, error.hints].concat()),
    };
    Check { name: name.to_owned(), ok: outcome == Outcome::Passed, outcome, millis, detail, evidence }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Silent;

    fn report() -> Report {
        let mut record = Record::new(&Silent);
        assert!(record.check("pods", || Ok("3 of 3 nodes run one".into())));
        assert!(
            !record.check("dns", || Err(
                Error::health("n2: DNS: no such host").detail("coredns-1: web: CrashLoopBackOff")
            ))
        );
        record.skip("logs", "no pod runs");
        for (check, millis) in record.checks.iter_mut().zip([1940, 8000, 0]) {
            check.millis = millis;
        }
        record.finish("kbootstrap-verify-x".into(), vec!["n1".into()], Duration::from_millis(9950))
    }

    #[test]
    fn the_table_has_a_line_for_every_check() {
        insta::assert_snapshot!(report().table(&Printer::new(true)), @"
        ok       pods    1.9s  3 of 3 nodes run one
        FAILED   dns     8.0s  n2: DNS: no such host
        skipped  logs    0.0s  no pod runs
        1 of 3 checks passed in 9.9s
        ");
    }

    #[test]
    fn what_was_skipped_counts_as_failed_and_evidence_is_kept() {
        let error = report().verdict().unwrap_err();
        assert_eq!(error.kind.exit_code(), 7);
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @"
        error: 2 of 3 checks failed: dns, logs
          dns: n2: DNS: no such host
            coredns-1: web: CrashLoopBackOff
        ");
        assert!(!report().ok);
    }
}
