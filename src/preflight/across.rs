//! What only shows when hosts are compared.

use std::collections::BTreeMap;

use super::finding::{Finding, Severity};
use super::host::{SYNCHRONIZE, seconds};
use crate::cluster::{Host, Role};
use crate::facts::HostFacts;

type Probed<'a> = (&'a Host, &'a HostFacts);

pub(super) fn check(hosts: &[Probed]) -> Vec<Finding> {
    let mut findings = clocks(hosts);
    findings.extend(clones(hosts));
    findings.extend(namesakes(hosts));
    findings
}

/// etcd's leases and token lifetimes are counted in seconds; etcd itself warns at one second.
const CLOCK_FAIL_MS: u64 = 2_000;
const CLOCK_WARN_MS: u64 = 500;

/// Every host against the one in the middle, so that a single wrong clock is the one that is named.
fn clocks(hosts: &[Probed]) -> Vec<Finding> {
    let mut sorted: Vec<_> = hosts.to_vec();
    sorted.sort_by_key(|(_, facts)| facts.clock_skew_ms);
    let Some((middle, reference)) = sorted.get(sorted.len().saturating_sub(1) / 2) else { return Vec::new() };
    let against = |(host, facts): &Probed| {
        let ahead = facts.clock_skew_ms.saturating_sub(reference.clock_skew_ms);
        let blur = facts.clock_bound_ms.saturating_add(reference.clock_bound_ms);
        let certain = ahead.unsigned_abs().saturating_sub(blur);
        if certain <= CLOCK_WARN_MS {
            return None;
        }
        let severity = if certain > CLOCK_FAIL_MS { Severity::Fail } else { Severity::Warn };
        let side = if ahead < 0 { "behind" } else { "ahead of" };
        let finding = format!("the clock is {} {side} that of {}", seconds(certain), middle.name);
        Some(Finding::new(host, "clock-skew", severity, finding, SYNCHRONIZE.into()))
    };
    hosts.iter().filter_map(against).collect()
}

/// Cloned machines share a machine-id, and with it DHCP leases and node identities. A node with a master's is the copy, and
/// the master is not doubted for what a node says.
fn clones(hosts: &[Probed]) -> Vec<Finding> {
    let leads = |host: &Host| host.is(Role::Master) || host.is(Role::Etcd);
    same(
        hosts,
        |facts| &facts.machine_id,
        |host, others, id| {
            if leads(host) && !others.iter().any(|other| leads(other)) {
                return None;
            }
            let remedy = "`rm -f /etc/machine-id /var/lib/dbus/machine-id && systemd-machine-id-setup`, then reboot";
            let finding = format!("its machine-id {id} is also that of {}: one is a copy of the other", names(others));
            Some(Finding::new(host, "machine-id", Severity::Fail, finding, remedy.into()))
        },
    )
}

fn namesakes(hosts: &[Probed]) -> Vec<Finding> {
    same(
        hosts,
        |facts| &facts.hostname,
        |host, others, name| {
            let remedy = format!("`hostnamectl set-hostname {}`", host.name);
            let finding = format!("{} calls itself {name}, too", names(others));
            Some(Finding::new(host, "hostname", Severity::Warn, finding, remedy))
        },
    )
}

fn names(hosts: &[&Host]) -> String {
    hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// What is found of each host whose value others have, too.
fn same(
    hosts: &[Probed],
    value: impl Fn(&HostFacts) -> &String,
    finding: impl Fn(&Host, &[&Host], &str) -> Option<Finding>,
) -> Vec<Finding> {
    let mut by_value: BTreeMap<&str, Vec<&Host>> = BTreeMap::new();
    for (host, facts) in hosts.iter().filter(|(_, facts)| !value(facts).is_empty()) {
        by_value.entry(value(facts)).or_default().push(host);
    }
    let mut findings = Vec::new();
    for (value, hosts) in by_value.iter().filter(|(_, hosts)| hosts.len() > 1) {
        for host in hosts {
            let others: Vec<&Host> = hosts.iter().copied().filter(|other| other.name != host.name).collect();
            findings.extend(finding(host, &others, value));
        }
    }
    findings
}
