//! What the cluster is now, as it says itself: members, nodes, networks, the record of the last `up`, and hosts that the
//! inventory does not name any more. Asked, never remembered alone.

mod api;
mod ask;
mod flags;
mod members;
mod strays;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use semver::Version;
use serde_json::Value;

pub use crate::clients::etcd::Member;
pub use ask::{ask, questions};
pub use flags::of as flags;
pub use strays::{Stray, StrayState};

use crate::clients::http::Answers;
use crate::cluster::{Host, Role};
use crate::error::{Kind, Result};
use crate::health::AtRest;
use crate::record::Record;

/// What the cluster is now. Empty for hosts that no cluster runs on.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// etcd's own list, by each host whose member answered.
    pub members: BTreeMap<String, Members>,
    /// What the API said; none where no API server answers.
    pub api: Option<Api>,
    /// What the last `up` left, the newest that was found.
    pub record: Option<Record>,
    /// Records that lie elsewhere than in the cluster's folder and are believed, by their places: masters, and the cluster
    /// itself.
    pub records: BTreeMap<String, Record>,
    /// Where a record lies that is not the newest, or none at all: masters, and the cluster itself as ``.
    pub record_missing: BTreeSet<String>,
    /// What services are started with: flags by host.
    pub flags: BTreeMap<String, Flags>,
    /// Hosts that the record names and the inventory does not.
    pub strays: Vec<Stray>,
    /// What is not believed of that, in words.
    pub warnings: Vec<String>,
}

/// Flags that say what a cluster was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// etcd's `--initial-cluster`.
    pub initial_cluster: Option<String>,
    /// etcd's `--initial-cluster-state`.
    pub initial_state: Option<String>,
    /// The controller manager's `--cluster-name`.
    pub cluster: Option<String>,
    /// The controller manager's `--service-cluster-ip-range`.
    pub services: Option<IpNet>,
    /// The controller manager's `--cluster-cidr`.
    pub pods: Option<IpNet>,
    /// The controller manager's `--node-cidr-mask-size`.
    pub node_prefix: Option<u8>,
}

/// A cluster of etcd as one of its members knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Its ID, hexadecimal.
    pub cluster: String,
    /// All of them.
    pub list: Vec<Member>,
    /// The version of the one that answered.
    pub version: Option<Version>,
    /// The one that answered takes part, and takes writes.
    pub healthy: bool,
    /// How Secrets lie in etcd; one of the members is asked.
    pub secrets: Option<AtRest>,
}

/// What the API said.
#[derive(Debug, Clone, Default)]
pub struct Api {
    /// The master that was asked.
    pub master: String,
    /// Its version.
    pub version: Option<Version>,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Service networks that Service addresses are given out of.
    pub services: Vec<IpNet>,
    /// The address of the `kubernetes` Service.
    pub api_address: Option<IpAddr>,
    /// The address of the `kube-dns` Service.
    pub dns_address: Option<IpAddr>,
    /// The DNS domain that a running kubelet gives to pods.
    pub dns_domain: Option<String>,
    /// Ports of Services on every node, with the Service's name.
    pub node_ports: Vec<(u16, String)>,
    /// All nodes as the API has them.
    pub node_objects: Vec<Value>,
    /// Objects that were asked for, by their paths, none where there is no such object; nothing where one of them could
    /// not be asked for.
    pub held: Option<BTreeMap<String, Option<Value>>>,
    /// The answers themselves, and more that says how the cluster is.
    pub answers: Answers,
    /// Webhooks that refuse requests, and policies that nobody enforces, in words.
    pub warnings: Vec<String>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether new pods are kept off it.
    pub cordoned: bool,
    /// Whether `up` has marked it as one of the inventory's.
    pub ours: bool,
    /// Its InternalIP.
    pub address: Option<IpAddr>,
    /// Its pieces of the pod network.
    pub pods: Vec<IpNet>,
    /// Its kubelet's version.
    pub kubelet: Option<Version>,
    /// Its runtime's version.
    pub runtime: Option<Version>,
}

/// What was asked of a server; none where the server is away or does not answer as it should.
fn unless_away<T>(asked: Result<T>) -> Result<Option<T>> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind, Kind::Connect | Kind::Health | Kind::Remote) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the inventory gives the host this role, or the folder's own record did (`kept`). Any host may say that a service of a
/// master runs there, and a node has a certificate by which an API server could be taken for ours.
fn has_role(host: &Host, role: Role, kept: Option<&Record>) -> bool {
    host.is(role) || kept.and_then(|record| record.host(&host.name)).is_some_and(|was| was.roles.contains(&role))
}

impl Live {
    /// Whether a cluster answers, by etcd or by its API.
    pub fn answers(&self) -> bool {
        !self.members.is_empty() || self.api.is_some()
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.api.as_ref()?.nodes.iter().find(|node| node.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::record::{RecordedInventory, Signature};

    #[test]
    fn a_host_is_no_master_because_it_says_so() {
        let before = example::cluster("1.36.3");
        let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
        let inventory = RecordedInventory::new("c.yaml", "", BTreeMap::new());
        let kept = Record::new(&before, inventory, String::new(), signature);
        let mut moved = before.clone();
        moved.hosts[0].roles = [Role::Node].into();
        let role = |host: &Host, kept: Option<&Record>| has_role(host, Role::Master, kept);
        assert!(role(&before.hosts[0], None) && !role(&before.hosts[1], None) && !role(&before.hosts[1], Some(&kept)));
        assert!(role(&moved.hosts[0], Some(&kept)) && !role(&moved.hosts[0], None), "as the folder knows it");
    }
}
