//! Hosts with everything decided: SSH defaults and component settings merged.

use std::collections::BTreeSet;

use super::{balancing, components};
use crate::cluster::{Host, Role, Ssh, Taint, TransportKind};
use crate::inventory::check::taint;
use crate::inventory::{self, Inventory};

/// The hosts in the inventory's order; none when one has a mistake that was already reported.
pub fn resolve(inventory: &Inventory) -> Option<Vec<Host>> {
    inventory.hosts.iter().map(|host| one(inventory, host)).collect()
}

fn one(inventory: &Inventory, host: &inventory::Host) -> Option<Host> {
    let taints = host.taints.iter().map(|text| {
        let (key, value, effect) = taint(text).ok()?;
        Some(Taint { key: key.into(), value: value.into(), effect: effect.into() })
    });
    Some(Host {
        name: host.name.clone(),
        address: host.address.parse().ok()?,
        roles: roles(inventory, host),
        labels: host.labels.clone(),
        taints: taints.collect::<Option<Vec<_>>>()?,
        ssh: ssh(&inventory.ssh, host),
        components: components::merged(&inventory.components, &host.components),
        waive: inventory.waive.iter().chain(&host.waive).cloned().collect::<BTreeSet<_>>(),
    })
}

/// Masters that hold the virtual address have the role for it.
fn roles(inventory: &Inventory, host: &inventory::Host) -> BTreeSet<Role> {
    let mut roles: BTreeSet<Role> = host.roles.iter().copied().collect();
    if balancing::holders(inventory) == Some(Role::Master) {
        roles.remove(&Role::Lb);
        roles.extend(roles.contains(&Role::Master).then_some(Role::Lb));
    }
    roles
}

fn ssh(cluster: &inventory::Ssh, host: &inventory::Host) -> Ssh {
    let own = &host.ssh;
    Ssh {
        transport: own.transport.or(cluster.transport).unwrap_or(TransportKind::Ssh),
        address: host.ssh_address.clone().unwrap_or_else(|| host.address.clone()),
        port: own.port.or(cluster.port),
        user: own.user.clone().or_else(|| cluster.user.clone()),
        keys: if own.keys.is_empty() { cluster.keys.clone() } else { own.keys.clone() },
        known_hosts: own.known_hosts.clone().or_else(|| cluster.known_hosts.clone()),
        host_key: own.host_key.clone().or_else(|| cluster.host_key.clone()),
        connect_timeout: own.connect_timeout.or(cluster.connect_timeout),
    }
}
