//! What would go wrong, by name, with its remedy, before anything is touched.
//!
//! A check looks at one host's facts and changes nothing. Each has a name by which the inventory can waive it
//! (`waive`); `docs/preflight.md` lists them all.

mod across;
mod arch;
mod blame;
mod boot;
mod checks;
mod data_plane;
mod distribution;
mod endpoint;
mod filesystems;
mod finding;
mod firewall;
mod folders;
mod hardware;
mod host;
mod kernel;
mod leftovers;
mod network;
mod openings;
mod packages;
mod paths;
mod ports;
mod programs;
mod proxy;
mod questions;
mod rules;
mod units;
mod virtual_address;

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Host};
use crate::components::Catalogue;
use crate::facts::HostFacts;

pub use arch::unexpected as unexpected_architectures;
pub use checks::checks;
pub use endpoint::endpoint;
pub use finding::{Finding, Severity, refuse, together};
pub use paths::{few as few_paths, in_use as paths_in_use, judge as judge_paths, needed as needed_paths};
pub use questions::questions;
pub use virtual_address::strangers;

use finding::HostCheck;

/// Everything that `facts` say would go wrong on `host`, in the order of [`checks`].
pub fn check(catalogue: &Catalogue, cluster: &Cluster, host: &Host, facts: &HostFacts) -> Vec<Finding> {
    let mut host_check = HostCheck::new(catalogue, cluster, host, facts);
    for check in [
        hardware::check,
        filesystems::check,
        host::check,
        kernel::check,
        boot::check,
        programs::check,
        distribution::check,
        proxy::check,
        network::check,
        virtual_address::check,
        ports::check,
        units::check,
        folders::check,
        leftovers::check,
        data_plane::check,
    ] {
        check(&mut host_check);
    }
    host_check.findings()
}

/// What of [`check`] says who can change what leads to files of ours.
pub fn check_folders(catalogue: &Catalogue, cluster: &Cluster, host: &Host, facts: &HostFacts) -> Vec<Finding> {
    let mut host_check = HostCheck::new(catalogue, cluster, host, facts);
    folders::check(&mut host_check);
    host_check.findings()
}

/// [`check`] of every host that has facts, in the inventory's order, and what only shows when hosts are compared:
/// clones and clocks that disagree.
pub fn check_all(catalogue: &Catalogue, cluster: &Cluster, facts: &BTreeMap<String, HostFacts>) -> Vec<Finding> {
    let probed = || cluster.hosts.iter().filter_map(|host| Some((host, facts.get(&host.name)?)));
    let mut findings: Vec<_> = probed().flat_map(|(host, facts)| check(catalogue, cluster, host, facts)).collect();
    findings.extend(across::check(&probed().collect::<Vec<_>>()));
    findings
}

#[cfg(test)]
mod tests;
