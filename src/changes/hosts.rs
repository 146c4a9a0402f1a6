//! Hosts of the inventory that are something else in the cluster: renamed, moved, without a role that they have, or
//! with one that takes others that answer.

use std::net::IpAddr;

use super::{Known, refusal};
use crate::cluster::{Host, Role};
use crate::components::{etcd, kube_apiserver, kubelet};
use crate::error::Error;

/// Services whose running makes a host be what it is.
pub(super) const OF_ROLES: [(Role, &str); 3] =
    [(Role::Etcd, etcd::UNIT), (Role::Master, kube_apiserver::UNIT), (Role::Node, kubelet::UNIT)];

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let mut refusals = Vec::new();
    for host in &known.cluster.hosts {
        refusals.extend(renamed(known, host));
        refusals.extend(moved(known, host));
        refusals.extend(roles(known, host));
    }
    refusals
}

/// A node under this address that has another name; the name would be a second node on the same machine.
fn renamed(known: &Known<'_>, host: &Host) -> Option<Error> {
    let nodes = known.nodes();
    // A node says itself where it is; one that says that it is where the record has this host is another's word.
    let recorded_here = recorded_address(known, &host.name) == Some(host.address);
    let nodes = nodes.filter(|node| !recorded_here && node.address == Some(host.address)).map(|node| &node.name);
    // A Node may have been deleted, or nobody can be asked: what runs there is still what it was.
    let recorded = known.live.record.iter().flat_map(|record| &record.hosts);
    let recorded = recorded.filter(|recorded| recorded.address == host.address).map(|recorded| &recorded.name);
    // Two hosts that have swapped names or addresses are found as moved.
    let other = |name: &&String| **name != host.name && known.cluster.host(name).is_none();
    let old = nodes.chain(recorded).find(other)?;
    if !known.was_started(&host.name, kubelet::UNIT) && !known.was_started(&host.name, kube_apiserver::UNIT) {
        return None;
    }
    let name = &host.name;
    let remedy = if holds_data(host) {
        format!("put {old} back: masters and members of etcd have their name in certificates and in the data")
    } else {
        format!(
            "put {old} back; to rename it by hand: `kubectl drain {old}`, `kubectl delete node {old}`, with the old inventory \
             `kbootstrap reset --host {old}`, then `up` with the new one"
        )
    };
    Some(refusal(
        format!("{name}: the node at {} has another name in the cluster", host.address),
        format!("it is {old}"),
        remedy,
    ))
}

/// Nodes that say that they are where the inventory and the record have another host.
pub(super) fn doubts(known: &Known<'_>) -> Vec<String> {
    let said = known.nodes().filter_map(|node| {
        let address = node.address?;
        let host = known.cluster.hosts.iter().find(|host| host.address == address && host.name != node.name)?;
        (recorded_address(known, &host.name) == Some(address)).then(|| {
            format!(
                "the kubelet of {} says that its address is {address}, which is that of {}: not believed",
                node.name, host.name
            )
        })
    });
    said.collect()
}

fn recorded_address(known: &Known<'_>, name: &str) -> Option<IpAddr> {
    known.live.record.as_ref().and_then(|record| record.host(name)).map(|host| host.address)
}

/// What must not be reset to be moved or renamed.
fn holds_data(host: &Host) -> bool {
    host.is(Role::Etcd) || host.is(Role::Master)
}

/// A node or master that the cluster has under another address.
fn moved(known: &Known<'_>, host: &Host) -> Option<Error> {
    let node = known.live.node(&host.name).and_then(|node| node.address);
    let recorded = recorded_address(known, &host.name);
    // A host that was taken back is a new one, wherever it is.
    let stayed = known.has_run() && (holds_data(host) || known.was_started(&host.name, kubelet::UNIT));
    // A kubelet that was told another address by the inventory's own settings has not moved.
    let before = node.filter(|_| recorded != Some(host.address)).or(recorded.filter(|_| stayed))?;
    (before != host.address).then(|| {
        refusal(
            format!("{}: its address is {}, and the cluster has it under another one", host.name, host.address),
            format!("it is {before}"),
            moved_by_hand(host, before),
        )
    })
}

fn moved_by_hand(host: &Host, before: IpAddr) -> String {
    let name = &host.name;
    if holds_data(host) {
        return format!(
            "put {before} back: masters and members of etcd have their address in certificates and in the data"
        );
    }
    format!(
        "put {before} back; by hand: `kubectl drain {name}`, `kubectl delete node {name}`, `kbootstrap reset --host {name}`, \
         then `up` with the new address"
    )
}

/// Roles that the host has no longer but runs, and those that make it a master of a cluster whose others do not answer.
fn roles(known: &Known<'_>, host: &Host) -> Vec<Error> {
    let name = &host.name;
    let mut refusals = Vec::new();
    for (role, unit) in OF_ROLES {
        if !host.is(role) && known.runs(name, unit) {
            refusals.push(refusal(
                format!("{name} has the role {} no longer, and runs it", role.name()),
                format!("{unit} is active there"),
                gone_by_hand(name, role, known.is_only_member(name)),
            ));
        }
    }
    let joins = host.is(Role::Master) && new_master(known, host) && !masters(known).is_empty();
    if joins && known.live.api.is_none() {
        refusals.push(refusal(
            format!("{name} would become a master of a running cluster, and no API server answers that it could join"),
            format!("the cluster's masters are {}", masters(known).join(", ")),
            "start one first; or put its old roles back until one is ready",
        ));
    }
    refusals
}

/// Where there is a cluster, a master that never ran is new, unless the last `up` was about to make it one.
fn new_master(known: &Known<'_>, host: &Host) -> bool {
    let recorded = known.live.record.as_ref().and_then(|record| record.host(&host.name));
    known.has_run()
        && !known.was_started(&host.name, kube_apiserver::UNIT)
        && recorded.is_none_or(|host| !host.roles.contains(&Role::Master))
}

fn masters<'k>(known: &Known<'k>) -> Vec<&'k str> {
    let hosts = known.cluster.hosts.iter().map(|host| host.name.as_str());
    hosts.filter(|name| known.was_started(name, kube_apiserver::UNIT)).collect()
}

fn gone_by_hand(name: &str, role: Role, is_only_member: bool) -> String {
    match role {
        Role::Etcd if is_only_member => "put the role back: it holds all of the cluster's data".to_owned(),
        Role::Etcd => {
            format!("put the role back; a member is removed first, then its service: `etcdctl member remove`, {name}")
        }
        Role::Master => format!(
            "put the role back; by hand, where other masters are ready: on {name} `systemctl disable --now kube-scheduler \
             kube-controller-manager kube-apiserver`, then `up`"
        ),
        Role::Node => format!(
            "put the role back; by hand: `kubectl drain {name}`, on {name} `systemctl disable --now kubelet`, \
             `kubectl delete node {name}`, then `up`"
        ),
        // Whoever holds the virtual address has nothing that is only there: what is left is named, and goes with `--remove`.
        Role::Lb => format!("put the role back, or take it away with `up --remove {name}`"),
    }
}
