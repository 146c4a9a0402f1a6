//! Hosts that belong to a cluster whose etcd is on none of the inventory's members: a new, empty one would be made, and
//! the nodes taken from the old.

use super::{Known, refusal};
use crate::cluster::Role;
use crate::components::{etcd, kube_apiserver, kubelet};
use crate::error::Error;

pub(super) fn refusals(known: &Known<'_>) -> Option<Error> {
    let Known { cluster, facts, live, .. } = known;
    let data = etcd::member(&cluster.layout);
    let has_data = |name: &str| facts.get(name).is_some_and(|facts| facts.known && facts.dirs.contains_key(&data));
    // Members that run, or did: what they are is looked at as such.
    if live.answers() || cluster.with_role(Role::Etcd).any(|host| has_data(&host.name)) {
        return None;
    }
    let started = |host: &&crate::cluster::Host| {
        has_data(&host.name)
            || known.was_started(&host.name, kubelet::UNIT)
            || known.was_started(&host.name, kube_apiserver::UNIT)
    };
    let hosts: Vec<&str> = cluster.hosts.iter().filter(started).map(|host| host.name.as_str()).collect();
    if hosts.is_empty() {
        return None;
    }
    let members: Vec<&str> = cluster.with_role(Role::Etcd).map(|host| host.name.as_str()).collect();
    Some(refusal(
        format!("{} would become a new, empty etcd, and these hosts belong to a cluster already", members.join(", ")),
        format!("kbootstrap has started services of a cluster on {}", hosts.join(", ")),
        "name the hosts in the inventory where that cluster's etcd is; or, when nobody needs it, take them back first: \
         `kbootstrap reset`",
    ))
}
