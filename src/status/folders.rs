//! Who can change what leads to files of ours.

use std::collections::BTreeMap;

use super::{Check, State};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::facts::HostFacts;
use crate::preflight::{self, Severity};

/// A line for each finding.
pub(super) fn judge(catalogue: &Catalogue, cluster: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Vec<Check> {
    let probed = cluster.hosts.iter().filter_map(|host| Some((host, facts.get(&host.name)?)));
    let findings = probed.flat_map(|(host, facts)| preflight::check_folders(catalogue, cluster, host, facts));
    let check = |finding: preflight::Finding| {
        let (state, word) = match finding.severity {
            Severity::Fail if !finding.waived => (State::Bad, "not root's alone"),
            _ => (State::Warning, "not as it should be"),
        };
        let detail = format!("{}: {}", finding.host, finding.finding);
        Check { name: "folders".into(), state, word: word.into(), detail, remedy: vec![finding.remedy] }
    };
    findings.map(check).collect()
}
