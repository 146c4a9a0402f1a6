//! What the smoke test found, check by check.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::ui::{Event, Printer, Reporter};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// It was not asked: something before it failed, or the time was over. Nothing is known of it, so the run fails.
    NotTried,
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
    /// An error that names the failed checks with what was seen, and those that were not tried, when there are any.
    pub fn verdict(&self) -> Result<()> {
        let those = |outcome| self.checks.iter().filter(move |check| check.outcome == outcome);
        let list = |outcome| those(outcome).map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ");
        let (failed, untried) = (those(Outcome::Failed).count(), those(Outcome::NotTried).count());
        let of = self.checks.len();
        let message = match (failed, untried) {
            (0, 0) => return Ok(()),
            (_, 0) => format!("{failed} of {of} checks failed: {}", list(Outcome::Failed)),
            (0, _) => format!("{untried} of {of} checks were not tried: {}", list(Outcome::NotTried)),
            _ => format!(
                "{failed} of {of} checks failed: {}; {untried} were not tried: {}",
                list(Outcome::Failed),
                list(Outcome::NotTried)
            ),
        };
        let mut error = Error::health(message);
        for check in those(Outcome::Failed) {
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
                Outcome::Passed => ("32", "ok       "),
                Outcome::Failed => ("31", "FAILED   "),
                Outcome::NotTried => ("33", "not tried"),
            };
            let word = printer.paint(color, word);
            let line = format!("{word}  {:width$}  {:>6}  {}", check.name, seconds(check.millis), check.detail);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let count = |outcome| self.checks.iter().filter(|check| check.outcome == outcome).count();
        let untried = match count(Outcome::NotTried) {
            0 => String::new(),
            untried => format!(", {untried} were not tried"),
        };
        let (passed, of, took) = (count(Outcome::Passed), self.checks.len(), seconds(self.millis));
        text.push_str(&format!("{passed} of {of} checks passed{untried}, in {took}\n"));
        text
    }
}

fn seconds(millis: u64) -> String {
    format!("{}.{}s", millis / 1000, millis % 1000 / 100)
}

/// How a check ended.
#[derive(Debug)]
pub(super) enum Ending {
    Passed(String),
    Failed(Error),
    NotTried(String),
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
        self.begin(&format!("check {name}"));
        let start = Instant::now();
        let ending = run().map_or_else(Ending::Failed, Ending::Passed);
        self.conclude(name, millis(start.elapsed()), ending);
        self.passed(name)
    }

    /// Tells that something begins.
    pub fn begin(&self, step: &str) {
        self.reporter.report(&Event::Started { host: String::new(), step: step.to_owned() });
    }

    /// Notes how a check ended.
    pub fn conclude(&mut self, name: &str, millis: u64, ending: Ending) {
        let (host, step) = (String::new(), format!("check {name}"));
        let (outcome, detail, evidence) = match ending {
            Ending::Passed(note) => {
                self.reporter.report(&Event::Done { host, step, millis, note: note.clone() });
                (Outcome::Passed, note, Vec::new())
            }
            Ending::Failed(error) => {
                self.reporter.report(&Event::Failed { host, step, message: error.message.clone() });
                (Outcome::Failed, error.message, [error.details, error.hints].concat())
            }
            Ending::NotTried(why) => (Outcome::NotTried, why, Vec::new()),
        };
        let ok = outcome == Outcome::Passed;
        self.checks.push(Check { name: name.to_owned(), ok, outcome, millis, detail, evidence });
    }

    /// Notes a check that makes no sense now, or has no time left.
    pub fn not_tried(&mut self, name: &str, why: &str) {
        self.conclude(name, 0, Ending::NotTried(why.to_owned()));
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

pub(super) fn millis(duration: Duration) -> u64 {
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
        record.not_tried("logs", "no pod runs");
        for (check, millis) in record.checks.iter_mut().zip([1940, 8000, 0]) {
            check.millis = millis;
        }
        record.finish("kbootstrap-verify-x".into(), vec!["n1".into()], Duration::from_millis(9950))
    }

    #[test]
    fn the_table_has_a_line_for_every_check() {
        insta::assert_snapshot!(report().table(&Printer::new(true)), @"
        ok         pods    1.9s  3 of 3 nodes run one
        FAILED     dns     8.0s  n2: DNS: no such host
        not tried  logs    0.0s  no pod runs
        1 of 3 checks passed, 1 were not tried, in 9.9s
        ");
    }

    #[test]
    fn what_was_not_tried_is_counted_by_itself_and_evidence_is_kept() {
        let error = report().verdict().unwrap_err();
        assert_eq!(error.kind.exit_code(), 7);
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @"
        error: 1 of 3 checks failed: dns; 1 were not tried: logs
          dns: n2: DNS: no such host
            coredns-1: web: CrashLoopBackOff
        ");
        assert!(!report().ok);
        let mut record = Record::new(&Silent);
        record.not_tried("dns", "the time was over");
        let error = record.finish(String::new(), Vec::new(), Duration::ZERO).verdict().unwrap_err();
        assert_eq!((error.kind.exit_code(), error.message.as_str()), (7, "1 of 1 checks were not tried: dns"));
    }
}
