//! What an inventory means to the cluster that runs: what it cannot take is refused, with the reason and what can be
//! done; what it can is named with its class.

mod difference;
mod elsewhere;
mod first_starts;
mod fixed;
mod hosts;
mod joining;
#[cfg(test)]
mod joining_tests;
mod leftovers;
mod macs;
mod members;
mod proxy_mode;
mod releases;
mod revoked;
mod strays;
mod unanswered;
mod versions;

use std::collections::BTreeMap;

pub use difference::{Difference, differences};
pub use first_starts::first_starts;
pub use joining::{Joining, Joins, joining, new_masters};
pub use leftovers::{Leftover, What, leftovers, switched_off, to_remove};
pub use releases::{Concerns, Last, RELEASES, ReleaseChange};

use crate::cluster::{Cluster, Role};
use crate::components::{Catalogue, kube_apiserver, kubelet};
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::live::{Live, Node};

/// What is known when an inventory is judged.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// What can be brought up.
    pub catalogue: &'a Catalogue,
    /// What the inventory says.
    pub cluster: &'a Cluster,
    /// What hosts said.
    pub facts: &'a BTreeMap<String, HostFacts>,
    /// What the cluster said.
    pub live: &'a Live,
}

impl Known<'_> {
    /// Whether kbootstrap has started this unit on the host at some time.
    fn was_started(&self, host: &str, unit: &str) -> bool {
        self.unit(host, unit).is_some_and(|unit| !unit.restart_key.is_empty())
    }

    /// Whether there is a cluster already, running or stopped. Where the first `up` was broken off before anything used
    /// them, networks and names are still free.
    pub fn has_run(&self) -> bool {
        let hosts = self.cluster.hosts.iter().map(|host| host.name.as_str());
        let units = [kube_apiserver::UNIT, kubelet::UNIT];
        self.live.answers()
            || hosts.flat_map(|host| units.map(|unit| (host, unit))).any(|(h, u)| self.was_started(h, u))
    }

    /// Whether a unit that kbootstrap has started runs on the host.
    fn runs(&self, host: &str, unit: &str) -> bool {
        let active = ["active", "activating", "reloading"];
        self.was_started(host, unit) && self.unit(host, unit).is_some_and(|unit| active.contains(&&*unit.active))
    }

    /// Whether etcd has no other member, as far as anybody says.
    fn is_only_member(&self, name: &str) -> bool {
        let recorded = self.live.record.iter().flat_map(|record| record.all_hosts());
        let recorded = recorded.filter(|host| host.roles.contains(&Role::Etcd)).map(|host| host.name.as_str());
        let members = self.live.members.values().flat_map(|members| &members.list).map(|member| member.name.as_str());
        members.chain(recorded).all(|member| member == name)
    }

    /// Nodes, as the API has them. What is said of hosts that were revoked is said by whoever has their keys.
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        let nodes = self.live.api.iter().flat_map(|api| &api.nodes);
        nodes.filter(|node| !self.cluster.has_revoked(&node.name))
    }

    fn unit(&self, host: &str, unit: &str) -> Option<&crate::facts::UnitFact> {
        self.facts.get(host)?.units.get(unit)
    }
}

/// `m1, n1`
fn join(names: &[impl AsRef<str>]) -> String {
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// Refuses what a running cluster cannot take, all of it at once. Facts count more than the record, which says only
/// what nothing else does.
///
/// # Errors
/// Refused.
pub fn refuse(known: &Known<'_>) -> Result<()> {
    let mut refusals = fixed::refusals(known);
    refusals.extend(versions::refusals(known));
    refusals.extend(elsewhere::refusals(known));
    refusals.extend(members::refusals(known));
    refusals.extend(hosts::refusals(known));
    refusals.extend(strays::refusals(known));
    refusals.extend(unanswered::refusals(known));
    refusals.extend(revoked::refusals(known));
    Error::all(refusals)
}

/// What single nodes say of themselves that nothing else bears out, in words. It is not believed, and stops nobody.
pub fn doubts(known: &Known<'_>) -> Vec<String> {
    [versions::doubts(known), hosts::doubts(known), macs::doubts(known)].concat()
}

/// A refusal: what the inventory says, what the cluster has, and what can be done.
fn refusal(message: String, live: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::refused(message).detail(live).hint(remedy)
}

#[cfg(test)]
mod leftovers_tests;
#[cfg(test)]
mod tests;
