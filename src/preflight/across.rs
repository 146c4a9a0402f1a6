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

/// What a machine shares with its copies.
struct Mark {
    check: &'static str,
    what: &'static str,
    of: for<'a> fn(&Host, &'a HostFacts) -> &'a str,
    severity: Severity,
    remedy: &'static str,
}

/// [Kubernetes wants each of these to be one host's only][1]: machine-ids stand for DHCP leases and node identities, frames go to
/// one of two with the same hardware address, and storage and clouds know a machine by its UUID, which some makers leave the
/// same on all.
///
/// [1]: https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/#verify-mac-address
const MARKS: [Mark; 3] = [
    Mark {
        check: "machine-id",
        what: "machine-id",
        of: |_, facts| &facts.machine_id,
        severity: Severity::Fail,
        remedy: "`rm -f /etc/machine-id /var/lib/dbus/machine-id && systemd-machine-id-setup`, then reboot",
    },
    Mark {
        check: "hardware-address",
        what: "hardware address",
        of: hardware_address,
        severity: Severity::Fail,
        remedy: "give the copy an address of its own where its machine or its interface is defined",
    },
    Mark {
        check: "product-uuid",
        what: "product UUID",
        of: |_, facts| &facts.product_uuid,
        severity: Severity::Warn,
        remedy: "give the copy one of its own where its machine is defined; on hardware whose maker left it the same, live with it",
    },
];

/// That of the interface with the address by which the cluster knows the host.
fn hardware_address<'a>(host: &Host, facts: &'a HostFacts) -> &'a str {
    let interface = facts.interface_of(host.address);
    interface.and_then(|interface| facts.hardware_addresses.get(interface)).map_or("", String::as_str)
}

/// Cloned machines. A node with a master's mark is the copy, and the master is not doubted for what a node says.
fn clones(hosts: &[Probed]) -> Vec<Finding> {
    let leads = |host: &Host| host.is(Role::Master) || host.is(Role::Etcd);
    let of = |Mark { check, what, of, severity, remedy }: &Mark| {
        same(hosts, *of, |host, others, mark| {
            if leads(host) && !others.iter().any(|other| leads(other)) {
                return None;
            }
            let finding = format!("its {what} {mark} is also that of {}: one is a copy of the other", names(others));
            Some(Finding::new(host, check, *severity, finding, (*remedy).into()))
        })
    };
    MARKS.iter().flat_map(of).collect()
}

fn namesakes(hosts: &[Probed]) -> Vec<Finding> {
    same(
        hosts,
        |_, facts| &facts.hostname,
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
    value: for<'a> fn(&Host, &'a HostFacts) -> &'a str,
    finding: impl Fn(&Host, &[&Host], &str) -> Option<Finding>,
) -> Vec<Finding> {
    let mut by_value: BTreeMap<&str, Vec<&Host>> = BTreeMap::new();
    for (host, facts) in hosts.iter().filter(|(host, facts)| !value(host, facts).is_empty()) {
        by_value.entry(value(host, facts)).or_default().push(host);
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
