//! A finding, and the check of one host that collects them.

use std::fmt;

use serde::Serialize;

use super::checks::checks;
use crate::cluster::{Cluster, Host};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::facts::HostFacts;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It would not work.
    Fail,
    /// It may work; a person should know.
    Warn,
}

/// Something that was seen on a host and stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The host's name.
    pub host: String,
    /// The check's name, one of [`checks`].
    pub check: String,
    /// How bad.
    pub severity: Severity,
    /// What was seen.
    pub finding: String,
    /// What to do, a command where there is one.
    pub remedy: String,
    /// The inventory waives this check on this host: it is shown and stops nothing.
    pub waived: bool,
}

impl Finding {
    /// A finding on `host`, waived when the host's inventory says so.
    pub(super) fn new(host: &Host, check: &str, severity: Severity, finding: String, remedy: String) -> Self {
        let waived = host.waive.contains(check);
        Finding { host: host.name.clone(), check: check.to_owned(), severity, finding, remedy, waived }
    }

    /// Nothing can go on with it.
    pub fn stops(&self) -> bool {
        self.severity == Severity::Fail && !self.waived
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.host, self.check, self.finding)
    }
}

/// Findings that differ only in their host, with the names of the hosts, in the order of the first of each.
pub fn together(findings: &[Finding]) -> Vec<(&Finding, Vec<&str>)> {
    let mut groups: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings {
        let alike = |f: &Finding| {
            (&f.check, f.severity, &f.finding, &f.remedy, f.waived)
                == (&finding.check, finding.severity, &finding.finding, &finding.remedy, finding.waived)
        };
        match groups.iter_mut().find(|(first, _)| alike(first)) {
            Some((_, names)) => names.push(&finding.host),
            None => groups.push((finding, vec![&finding.host])),
        }
    }
    groups
}

/// `Ok` when nothing in `findings` stops; else one error each, with its remedy as the hint.
///
/// # Errors
/// `Remote`.
pub fn refuse(findings: &[Finding]) -> Result<()> {
    Error::all(findings.iter().filter(|finding| finding.stops()).map(|finding| {
        Error::remote(finding.to_string())
            .hint(&finding.remedy)
            .hint(format!("to go on regardless: `waive: [{}]` at this host in the inventory", finding.check))
    }))
}

/// The check of one host: what it goes by, and what it has found.
pub(super) struct HostCheck<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) cluster: &'a Cluster,
    pub(super) host: &'a Host,
    pub(super) facts: &'a HostFacts,
    findings: Vec<Finding>,
}

impl<'a> HostCheck<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, cluster: &'a Cluster, host: &'a Host, facts: &'a HostFacts) -> Self {
        HostCheck { catalogue, cluster, host, facts, findings: Vec::new() }
    }

    pub(super) fn fail(&mut self, check: &str, finding: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Severity::Fail, finding.into(), remedy.into());
    }

    pub(super) fn warn(&mut self, check: &str, finding: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Severity::Warn, finding.into(), remedy.into());
    }

    pub(super) fn add(&mut self, check: &str, severity: Severity, finding: String, remedy: String) {
        self.findings.push(Finding::new(self.host, check, severity, finding, remedy));
    }

    /// The findings in the order of [`checks`].
    pub(super) fn findings(mut self) -> Vec<Finding> {
        let checks = checks(self.catalogue);
        self.findings.sort_by_key(|finding| checks.iter().position(|(name, _)| *name == finding.check));
        debug_assert!(self.findings.iter().all(|finding| checks.iter().any(|(name, _)| *name == finding.check)));
        self.findings
    }
}
